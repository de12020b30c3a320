"""What the registry says about centers and proposals, read for those who decide: who is in, what is open, what is still needed.

A proposal is open while votes on it are taken: not carried out, its time not over, and the center's standing unchanged since it
was made. All proposals of a network are open for the same time, so the newest expires last and looking ends at the first expired.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from greenlane.adapters.evm.bindings import (
    CenterRecord,
    CenterStatus,
    PilotRegistry,
    ProposalId,
    ProposalKind,
    ProposalRecord,
    UnixSeconds,
)
from greenlane.core.errors import InvalidInput, NotFound
from greenlane.core.units import Address, CenterId
from web3 import Web3
from web3.types import BlockIdentifier

_PAGE = 100
_LEAST_PREFIX = 4
MOST_LOOKED_AT = 1_000
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


def active_centers(web3: Web3 | PilotRegistry, pilot_registry: Address | None = None) -> tuple[CenterRecord, ...]:
    """Every active center, in the order in which they were admitted, all read at one block.

    Args:
        web3: a node; a registry alone is read at `latest`, center by center.
        pilot_registry: the registry's address.
    """
    if isinstance(web3, PilotRegistry):
        return _active_of(all_centers(web3))
    if pilot_registry is None:
        raise ValueError(pilot_registry)
    return _active_of(all_centers(PilotRegistry(web3, pilot_registry), web3.eth.block_number))


def _active_of(centers: tuple[CenterRecord, ...]) -> tuple[CenterRecord, ...]:
    return tuple(one for one in centers if one.status is CenterStatus.ACTIVE)


def active_ids(registry: PilotRegistry) -> tuple[CenterId, ...]:
    """Ids of the active centers, in the order of their validators in the registry's set."""
    holders = map(registry.center_of_validator, registry.validators())
    return tuple(holder for holder in holders if holder is not None)


def open_proposals(registry: PilotRegistry, now: UnixSeconds) -> tuple[ProposalView, ...]:
    """The proposals on which votes are taken, newest first.

    Args:
        now: of the newest block.
    """
    found = []
    active = active_ids(registry)
    for record in _newest_first(registry):
        if record.expires_at <= now:
            break
        view = _view(registry, record, now, active)
        if view.state is ProposalState.OPEN:
            found.append(view)
    return tuple(found)


def find_proposal(registry: PilotRegistry, text: str, now: UnixSeconds, motion: Motion | None = None) -> ProposalView:
    """The proposal that a prefix of its id names, or that is open about the center of that name.

    Args:
        text: a center's id, or at least four of the first hex digits of a proposal's id, with or without 0x.
        motion: look among these only.

    Raises:
        NotFound: there is none among the newest MOST_LOOKED_AT.
        InvalidInput: it names several.
    """
    active = active_ids(registry)
    records: list[ProposalRecord] = []
    for record in _newest_first(registry):
        if len(records) == MOST_LOOKED_AT:
            break
        if motion is None or _MOTIONS[record.kind] is motion:
            records.append(record)
    about = [_view(registry, one, now, active) for one in records if one.center == text]
    by_id = _is_prefix(text) and [one for one in records if one.id.hex().startswith(text.lower().removeprefix("0x"))]
    is_open = [one for one in about if one.state is ProposalState.OPEN]
    # Of a center that nothing is open about, the newest says what became of it.
    found = is_open or about[:1] or [_view(registry, one, now, active) for one in by_id or ()]
    if not found:
        raise NotFound(f"No proposal is named {text[:80]!r}.", remedy="See the open ones: greenlane-node vote.")
    if len(found) > 1:
        several = ", ".join(f"0x{one.id.hex()[:16]} ({one.motion} of {one.center})" for one in found[:8])
        raise InvalidInput(f"{text[:80]!r} names several proposals: {several}.", remedy="Give more digits of its id.")
    return found[0]


def view_proposal(registry: PilotRegistry, proposal: ProposalId, now: UnixSeconds) -> ProposalView:
    """One proposal.

    Raises:
        NotFound: there is none of that id.
    """
    record = registry.proposal(proposal)
    if record is None:
        raise NotFound(f"There is no proposal 0x{proposal.hex()}.", remedy="See the open ones: greenlane-node vote.")
    return _view(registry, record, now, active_ids(registry))


def _newest_first(registry: PilotRegistry) -> Iterator[ProposalRecord]:
    end = registry.proposal_count()
    while end:
        start = max(0, end - _PAGE)
        for proposal in reversed(registry.proposal_ids(start, end - start)):
            record = registry.proposal(proposal)
            if record is not None:
                yield record
        end = start


def _view(registry: PilotRegistry, record: ProposalRecord, now: UnixSeconds, active: Sequence[CenterId]) -> ProposalView:
    center = registry.center(record.center)
    if record.is_executed:
        state = ProposalState.CARRIED
    elif record.expires_at <= now:
        state = ProposalState.EXPIRED
    elif center is None or center.revision != record.revision:
        state = ProposalState.STALE
    else:
        state = ProposalState.OPEN
    tally = registry.tally(record.id)
    return ProposalView(
        id=record.id,
        motion=_MOTIONS[record.kind],
        center=record.center,
        state=state,
        votes=tally.votes,
        needed=tally.needed,
        voters=tuple(one for one in active if registry.has_voted(record.id, one)),
        expires_at=record.expires_at,
        operator=record.operator,
        content_hash=record.content_hash,
    )


def _is_prefix(text: str) -> bool:
    digits = text.lower().removeprefix("0x")
    return len(digits) >= _LEAST_PREFIX and all(digit in "0123456789abcdef" for digit in digits)
