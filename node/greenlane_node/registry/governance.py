"""What the registry says about centers and proposals, read for those who decide: who is in, what is open, what is still needed.

A proposal is open while votes on it are taken: not carried out, its time not over, and the center's standing unchanged since it
was made. All proposals of a network are open for the same time, so the newest expires last and looking ends at the first expired.

A proposal's id is a hash over all that it would do. Whoever votes signs the id alone, so what a node tells of a proposal is
believed only where it hashes to that id: a node can hide a proposal, and never show one as another.

To propose costs nothing, so there may be thousands: lists are bounded and tell what they leave out, many proposals are read in
few round trips, and a whole id is looked up without reading any other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from greenlane.adapters.evm.bindings import (
    CenterRecord,
    CenterStatus,
    PilotRegistry,
    ProposalId,
    ProposalKind,
    ProposalRecord,
    UnixSeconds,
)
from greenlane.core.anchoring import center_key
from greenlane.core.crypto import keccak256
from greenlane.core.errors import InvalidInput, NotFound
from greenlane.core.units import Address, BlockNumber, CenterId
from greenlane.core.wire import encode_hex
from greenlane.ports.ledger import LedgerMismatch
from web3 import Web3
from web3.types import BlockIdentifier

from greenlane_node.nodes.chain_access import ChainAccess

_PAGE: Final = 100
_LEAST_PREFIX: Final = 4
_WHOLE_ID_DIGITS: Final = 64
_WORD_BYTES: Final = 32
_NO_PROPOSAL: Final = "See the open ones: greenlane-node vote."
# Each costs a hash, all of them about a second; older ones are looked for by their time.
_INDICES_TRIED: Final = 1 << 16
# Pages of proposals of one second; a block holds some hundreds.
_PAGES_OF_A_SECOND: Final = 10
PROPOSALS_PAGE: Final = 200
"""Proposals that are read at once."""
MOST_SHOWN: Final = 200
"""Open proposals in a list, newest first."""
MOST_LOOKED_AT: Final = 10_000
"""Proposals that are searched for a name or prefix, newest first."""


class Motion(StrEnum):
    """What a proposal would do, in the words of the contract's functions."""

    NOMINATION = "nomination"
    SUSPENSION = "suspension"
    REINSTATEMENT = "reinstatement"
    RENEWAL = "renewal"
    OPERATOR = "operator"


_MOTIONS = {
    ProposalKind.ADMISSION: Motion.NOMINATION,
    ProposalKind.SUSPENSION: Motion.SUSPENSION,
    ProposalKind.REINSTATEMENT: Motion.REINSTATEMENT,
    ProposalKind.RENEWAL: Motion.RENEWAL,
    ProposalKind.OPERATOR_REPLACEMENT: Motion.OPERATOR,
}


class ProposalState(StrEnum):
    """Whether votes on a proposal are taken, and if not, why."""

    OPEN = "open"
    CARRIED = "carried"
    EXPIRED = "expired"
    STALE = "stale"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalView:
    """A proposal as it stands at the newest block.

    Attributes:
        votes, needed: as counted now; votes of centers that are no longer active do not count.
        voters: active centers that voted for it.
        operator: the new operator where the motion is OPERATOR; else None.
        content_hash: of the candidate where it is NOMINATION; else None.
    """

    id: ProposalId
    motion: Motion
    center: CenterId
    state: ProposalState
    votes: int
    needed: int
    voters: tuple[CenterId, ...]
    expires_at: UnixSeconds
    operator: Address | None
    content_hash: bytes | None


def all_centers(registry: PilotRegistry, block: BlockIdentifier = "latest") -> tuple[CenterRecord, ...]:
    """Every center ever admitted, oldest first.

    Args:
        block: at which each of them is read; a number, or what is read may be of several blocks.
    """
    ids: list[CenterId] = []
    while page := registry.center_ids(len(ids), _PAGE, block):
        ids.extend(page)
    return tuple(record for id_ in ids if (record := registry.center(id_, block)) is not None)


def active_centers(web3: Web3, pilot_registry: Address) -> tuple[CenterRecord, ...]:
    """Every active center, in the order in which they were admitted, all read at one block.

    Args:
        web3: a node.
        pilot_registry: the registry's address.
    """
    centers = all_centers(PilotRegistry(web3, pilot_registry), web3.eth.block_number)
    return tuple(one for one in centers if one.status is CenterStatus.ACTIVE)


def active_ids(registry: PilotRegistry, block: BlockIdentifier = "latest") -> tuple[CenterId, ...]:
    """Ids of the active centers, in the order of their validators in the registry's set."""
    holders = (registry.center_of_validator(one, block) for one in registry.validators(block))
    return tuple(holder for holder in holders if holder is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenProposals:
    """Some of the proposals on which votes are taken.

    Attributes:
        views: newest first, at most MOST_SHOWN.
        older: how many older proposals, whose time is not over either, were not looked at: some may be carried out.
        next_skip: leaving out so many of the newest shows those.
    """

    views: tuple[ProposalView, ...]
    older: int
    next_skip: int


def open_proposals(chain: ChainAccess, skip: int = 0) -> OpenProposals:
    """The proposals on which votes are taken, newest first.

    Args:
        skip: leave out so many of the newest proposals, open or not.

    Raises:
        LedgerMismatch: the node tells of a proposal what its id does not stand for.
    """
    reading = _Reading(chain)
    found: list[ProposalRecord] = []
    older, end = 0, max(0, reading.count - skip)
    for looked_at, (index, record) in enumerate(reading.newest_first(end)):
        if record.expires_at <= reading.now:
            break
        is_open = reading.state(record) is ProposalState.OPEN
        if (is_open and len(found) == MOST_SHOWN) or looked_at == MOST_LOOKED_AT:
            older, end = index + 1 - reading.first_in_time(index), index + 1
            break
        if is_open:
            found.append(record)
    return OpenProposals(views=reading.views(found), older=older, next_skip=reading.count - end)


def find_same(
    chain: ChainAccess, motion: Motion, center: CenterId, *, content_hash: bytes | None, operator: Address | None
) -> ProposalView | None:
    """The newest open proposal that would do exactly this, among the newest MOST_LOOKED_AT; None where there is none.

    Raises:
        LedgerMismatch: the node tells of a proposal what its id does not stand for.
    """
    reading = _Reading(chain)
    for looked_at, (_, record) in enumerate(reading.newest_first(reading.count)):
        if record.expires_at <= reading.now or looked_at == MOST_LOOKED_AT:
            break
        is_same = is_about(record, motion, center, content_hash=content_hash, operator=operator)
        if is_same and reading.state(record) is ProposalState.OPEN:
            return reading.views([record])[0]
    return None


def is_about(
    record: ProposalRecord, motion: Motion, center: CenterId, *, content_hash: bytes | None, operator: Address | None
) -> bool:
    """Whether a proposal would do exactly this."""
    told = (_MOTIONS[record.kind], record.center, record.content_hash, record.operator)
    return told == (motion, center, content_hash, operator)


def find_proposal(chain: ChainAccess, text: str, motion: Motion | None = None) -> ProposalView:
    """The proposal that an id names, or that is open about the center of that name.

    Args:
        text: a center's id, or 0x and at least four of the first hex digits of a proposal's id. A center's id begins with a
            letter, so nobody can name a center like a proposal.
        motion: look among these only.

    Raises:
        NotFound: there is none; for less than a whole id, among the newest MOST_LOOKED_AT.
        InvalidInput: it names several, or so many are open that it cannot be told.
        LedgerMismatch: the node tells of a proposal what its id does not stand for.
    """
    reading = _Reading(chain)
    none = NotFound(f"No proposal is named {text[:80]!r}.", remedy=_NO_PROPOSAL)
    digits = _id_digits(text)
    if digits is not None and len(digits) == _WHOLE_ID_DIGITS:
        whole = reading.by_id(ProposalId(bytes.fromhex(digits)))
        if whole is None or motion not in (None, _MOTIONS[whole.kind]):
            raise none
        return reading.views([whole])[0]
    named: list[ProposalRecord] = []
    for looked_at, (_, record) in enumerate(reading.newest_first(reading.count)):
        if looked_at == MOST_LOOKED_AT:
            if record.expires_at > reading.now:
                raise InvalidInput(
                    f"More than {MOST_LOOKED_AT} proposals wait for votes: {text[:80]!r} may name one that was not looked at.",
                    remedy=f"Give the whole id: 0x and {_WHOLE_ID_DIGITS} digits, as `greenlane-node vote --json` tells it.",
                )
            break
        is_named = record.center == text if digits is None else record.id.hex().startswith(digits)
        if is_named and motion in (None, _MOTIONS[record.kind]):
            named.append(record)
    if digits is None:
        # Of a center that nothing is open about, the newest says what became of it.
        named = [one for one in named if reading.state(one) is ProposalState.OPEN] or named[:1]
    if not named:
        raise none
    if len(named) > 1:
        several = ", ".join(f"0x{one.id.hex()[:16]} ({_MOTIONS[one.kind]} of {one.center})" for one in named[:8])
        more = f" and {len(named) - 8} more" if len(named) > 8 else ""
        raise InvalidInput(f"{text[:80]!r} names several proposals: {several}{more}.", remedy="Give more digits of its id.")
    return reading.views(named)[0]


def view_proposal(chain: ChainAccess, proposal: ProposalId) -> ProposalView:
    """One proposal.

    Raises:
        NotFound: there is none of that id.
        LedgerMismatch: the node tells of it what its id does not stand for.
    """
    reading = _Reading(chain)
    record = reading.by_id(proposal)
    if record is None:
        raise NotFound(f"There is no proposal {encode_hex(proposal)}.", remedy=_NO_PROPOSAL)
    return reading.views([record])[0]


def proposal_id(chain: ChainAccess, record: ProposalRecord, index: int) -> ProposalId:
    """The id that the contract gave, or would have given, to such a proposal: PilotRegistry._open.

    Args:
        index: how many proposals were made before it.
    """
    return _id_at(_words(chain, record), index)


class _Reading:
    """Proposals as they stand at one block; none is handed out that its id does not prove."""

    def __init__(self, chain: ChainAccess) -> None:
        newest = chain.web3.eth.get_block("latest")
        self._chain = chain
        self._registry = chain.registry
        self._block = BlockNumber(newest["number"])
        self._revisions: dict[CenterId, int | None] = {}
        self.now = UnixSeconds(newest["timestamp"])
        self.count = self._registry.proposal_count(self._block)

    def newest_first(self, end: int) -> Iterator[tuple[int, ProposalRecord]]:
        """Proposals with how many were made before each, from the one before `end`."""
        while end:
            start = max(0, end - PROPOSALS_PAGE)
            ids = self._registry.proposal_ids(start, end - start, self._block)
            records = self._registry.proposals(ids, self._block)
            if len(records) != end - start:
                raise self._lie("The node lists fewer proposals than it counts.")
            for index, record in reversed(list(enumerate(records, start))):
                if record is None:
                    raise self._lie(f"The node lists the proposal {encode_hex(ids[index - start])} and does not have it.")
                if proposal_id(self._chain, record, index) != record.id:
                    raise self._lie(_NOT_ITS_ID.format(encode_hex(record.id)))
                yield index, record
            end = start

    def by_id(self, proposal: ProposalId) -> ProposalRecord | None:
        """One proposal, looked up by its whole id."""
        record = self._registry.proposal(proposal, self._block)
        if record is None:
            return None
        words = _words(self._chain, record)
        # Which number it has nobody tells; any that fits proves the rest.
        if not any(_id_at(words, index) == proposal for index in self._numbers(record)):
            raise self._lie(_NOT_ITS_ID.format(encode_hex(proposal)))
        return record

    def first_in_time(self, end: int) -> int:
        """The oldest proposal whose time is not over, or `end` where none before that one is."""
        return self._first_expiring(UnixSeconds(self.now + 1), end)

    def _numbers(self, record: ProposalRecord) -> Iterator[int]:
        """How many proposals may have been made before this one: the newest first, then that of its place by its time."""
        tried = max(0, self.count - _INDICES_TRIED)
        yield from range(self.count - 1, tried - 1, -1)
        start = self._first_expiring(record.expires_at, tried)
        for first in range(start, min(tried, start + _PAGES_OF_A_SECOND * PROPOSALS_PAGE), PROPOSALS_PAGE):
            ids = self._registry.proposal_ids(first, PROPOSALS_PAGE, self._block)
            if record.id in ids:
                yield first + ids.index(record.id)
                return

    def _first_expiring(self, moment: UnixSeconds, end: int) -> int:
        """The oldest proposal before `end` that expires at a time or later; `end` where none does."""
        low, high = 0, end
        while low < high:
            middle = (low + high) // 2
            (record,) = self._registry.proposals(self._registry.proposal_ids(middle, 1, self._block), self._block)
            if record is not None and record.expires_at >= moment:
                high = middle
            else:
                low = middle + 1
        return low

    def state(self, record: ProposalRecord) -> ProposalState:
        """Whether votes on a proposal are taken."""
        if record.is_executed:
            return ProposalState.CARRIED
        if record.expires_at <= self.now:
            return ProposalState.EXPIRED
        if record.center not in self._revisions:
            center = self._registry.center(record.center, self._block)
            self._revisions[record.center] = None if center is None else center.revision
        return ProposalState.OPEN if self._revisions[record.center] == record.revision else ProposalState.STALE

    def views(self, records: Sequence[ProposalRecord]) -> tuple[ProposalView, ...]:
        """Proposals with their votes."""
        if not records:
            return ()
        ids = [one.id for one in records]
        tallies = self._registry.tallies(ids, self._block)
        voters = self._registry.have_voted(ids, active_ids(self._registry, self._block), self._block)
        return tuple(
            ProposalView(
                id=record.id,
                motion=_MOTIONS[record.kind],
                center=record.center,
                state=self.state(record),
                votes=tally.votes,
                needed=tally.needed,
                voters=voted,
                expires_at=record.expires_at,
                operator=record.operator,
                content_hash=record.content_hash,
            )
            for record, tally, voted in zip(records, tallies, voters, strict=True)
        )

    def _lie(self, said: str) -> LedgerMismatch:
        return LedgerMismatch(
            said, where=self._chain.rpc.url, remedy="Do not vote by what this node tells; ask one of your own: --rpc."
        )


_NOT_ITS_ID: Final = "What the node tells of the proposal {} is not what this id stands for."


def _words(chain: ChainAccess, record: ProposalRecord) -> tuple[bytes, bytes]:
    """What the contract hashes, before and after the proposal's number: each value as a word of the ABI."""
    before = (_word(chain.network.chain_id), chain.network.pilot_registry.rjust(_WORD_BYTES, b"\0"))
    after = (
        _word(record.kind),
        center_key(record.center),
        _word(record.revision),
        record.content_hash or bytes(_WORD_BYTES),
        (record.operator or b"").rjust(_WORD_BYTES, b"\0"),
    )
    return b"".join(before), b"".join(after)


def _id_at(words: tuple[bytes, bytes], index: int) -> ProposalId:
    return ProposalId(keccak256(words[0] + _word(index) + words[1]))


def _word(number: int) -> bytes:
    return number.to_bytes(_WORD_BYTES)


def _id_digits(text: str) -> str | None:
    """The hex digits of an id's beginning; None where the text is none."""
    digits = text.lower().removeprefix("0x")
    is_one = text[:2].lower() == "0x" and _LEAST_PREFIX <= len(digits) <= _WHOLE_ID_DIGITS
    return digits if is_one and all(digit in "0123456789abcdef" for digit in digits) else None
