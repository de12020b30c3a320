"""The nodes of one chain: whichever answers is asked, and all of them must tell one chain.

Before anything a node says is believed, it must show that it belongs to this chain: chain id, hash of block 0, and the contracts.
That is asked once of each node, and again after it was away: what comes back at its address may be another chain. A node of
another chain is never passed over in silence, since whoever set it up believes it to be of this one.

Where there are several nodes, they are also held against one another, every few seconds. A block of QBFT is final, so at the
smallest height that two of them have, both must name one hash. Two hashes mean that a node lies, or that the validators have
split, and then nothing is read and nothing is sent until somebody has looked. Nodes within two blocks of the highest are equals;
one that lags further, or whose newest block is much older, is asked only where no other answers. And what a node has shown in
the last half minute another must have reached before it is believed, so that a change of nodes never takes us back in time.

How high the highest is, no node decides alone: one that lies would lead, and lock out the honest ones. Where blocks are sealed, a
newest block counts when more validators sealed it than may lie. Else it counts when another node is not far below, and its time
is not in the future; where no two are together, the lowest leads. A node whose newest block does not count is asked last.

Everything is read at `latest`: Besu answers `finalized` and `safe` with an error under QBFT.
Only failures to reach a node lead to the next one; an answer is an answer, whatever it says.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, TypeVar

from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential
from web3 import Web3
from web3.exceptions import BadResponseFormat, BlockNotFound, RequestTimedOut, Web3Exception
from web3.middleware import ExtraDataToPOAMiddleware

from greenlane.adapters.evm.standing import check_contracts
from greenlane.adapters.evm.tokens import RpcTokens
from greenlane.adapters.evm.wire import MAX_ANSWER_BYTES, NodeFault, Unreached, Unwelcome, Wire, ask_raw
from greenlane.core.assets.places import AssetContracts
from greenlane.core.canonical import JsonValue
from greenlane.core.errors import InvalidInput, ProofRefused
from greenlane.core.header import MAX_TIMESTAMP, Header, header_from_rpc
from greenlane.core.pace import MAX_BLOCKS_APART
from greenlane.core.sealing import signers
from greenlane.core.seals import Sealing
from greenlane.core.units import Address, BlockNumber, ChainId
from greenlane.core.wire import encode_hex
from greenlane.ports.ledger import LedgerMismatch, LedgerUnavailable

T = TypeVar("T")

log = logging.getLogger(__name__)

_SURVEY_EVERY_S: Final = 10.0
_SURVEY_AGAIN_S: Final = 1.0
_MAX_AGE_APART_S: Final = 60
# Far more than clocks differ, and far less than would mislead anybody for long.
_MAX_AHEAD_S: Final = 900
# Long enough for a node that lags to come up; a chain that was restored from a backup is believed after it.
_REMEMBERED_S: Final = 30.0
_ROUNDS: Final = 3
_AWAY: Final = (Unreached, RequestTimedOut, BadResponseFormat, ConnectionError)
_WHAT_TO_DO: Final = (
    "Name the nodes of the right chain in network.json. Where an embedded chain has lost its contracts, "
    "`greenlane-node embedded reset --chain` puts them back at the same addresses; what was anchored is then anchored again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The newest block of one node.

    Attributes:
        node: its name.
        block: as eth_getBlockByNumber answers, in its own JSON.
        timestamp: seconds since 1970.
    """

    node: str
    number: BlockNumber
    hash: str
    timestamp: int
    block: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What the nodes that could be reached told of one moment.

    Attributes:
        heads: at least one; those that count first, and the highest of them first.
        asked: how many nodes there are.
    """

    heads: tuple[Head, ...]
    asked: int


class Nodes:
    """Safe for threads."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        chain_id: ChainId,
        genesis_hash: bytes,
        pilot_registry: Address,
        anchor_log: Address,
        timeout_s: float,
        assets: AssetContracts | None = None,
        tokens: RpcTokens | None = None,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        sealing: Callable[[], Sealing | None] = lambda: None,
    ) -> None:
        """Takes the addresses of the nodes, the one to ask first first; nothing is asked yet.

        Args:
            timeout_s: for each answer.
            assets: the contracts of green assets; None where the network has none.
            tokens: for nodes that want one.
            max_answer_bytes: for each answer.
            monotonic: seconds that never go back.
            now: seconds since 1970.
            sealing: the sets of validators that are known now; None where nobody seals.
        """
        self.chain_id = chain_id
        self._genesis_hash = genesis_hash
        self._pilot_registry = pilot_registry
        self._anchor_log = anchor_log
        self._assets = assets
        self._wires = [Wire(url, timeout_s=timeout_s, tokens=tokens, max_answer_bytes=max_answer_bytes) for url in urls]
        self._web3s = [_web3(wire) for wire in self._wires]
        self._monotonic = monotonic
        self._now = now
        self._sealing = sealing
        self._lock = threading.Lock()
        self._proven: set[int] = set()
        self._away: set[int] = set()
        self._order = tuple(range(len(urls)))
        self._equals: frozenset[int] = frozenset()
        self._surveying = threading.Lock()
        self._looked_at: float | None = None
        self._mismatch: LedgerMismatch | None = None
        self._shown_by, self._shown_height, self._shown_at = 0, 0, 0.0
        self._sure_height = 0

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._wires)

    @property
    def sure_height(self) -> int:
        """A height that the chain has reached, whoever lies; 0 where one node alone is asked."""
        return self._sure_height

    def ask(self, question: Callable[[Web3], T], *, turn: int = 0) -> T:
        """Puts a question to the first node that can be reached, fresh ones first.

        Args:
            question: may be put several times, to different nodes.
            turn: begins with the next of them, or with the one after it, and so on in a circle.

        Raises:
            LedgerUnavailable: none can be reached, three times over.
            LedgerMismatch: one that was reached is of another chain, or two tell different chains.
        """
        self._survey_if_due()
        return self._persist(lambda: self._ask_around(question, turn))

    def ask_each(self, question: Callable[[Web3], T]) -> tuple[T, ...]:
        """Puts a question to every node that leads or is its equal, for what one alone is not to be believed in.

        Returns:
            At least one answer; a node that cannot be reached, or answers with an error where another does not, gives none.

        Raises:
            LedgerUnavailable, LedgerMismatch: as for `ask`.
        """
        self._survey_if_due()
        numbers = self._leading()
        if len(numbers) < 2:
            return (self.ask(question),)

        def answer(number: int) -> tuple[T, ...]:
            try:
                self._prove(number)
                return (question(self._web3s[number]),)
            except _AWAY as error:
                self._note_away(number, error)
            except (Web3Exception, NodeFault):
                log.warning("node.no_answer", extra={"node": self._wires[number].name})
            return ()

        with ThreadPoolExecutor(max_workers=len(numbers)) as threads:
            answers = tuple(one for told in threads.map(answer, numbers) for one in told)
        return answers or (self.ask(question),)

    def survey(self) -> Survey:
        """Asks every node for its newest block, and holds them against one another.

        Raises:
            LedgerUnavailable: none can be reached.
            LedgerMismatch: one is of another chain, or two tell different blocks of one height; both are named.
        """
        with self._surveying:
            return self._persist(self._look_around)

    def _persist(self, attempt: Callable[[], T]) -> T:
        rounds = Retrying(
            stop=stop_after_attempt(_ROUNDS),
            wait=wait_random_exponential(multiplier=0.05, max=0.5),
            retry=retry_if_exception_type(_AWAY),
        )
        try:
            return rounds(attempt)
        except RetryError as error:
            cause = error.last_attempt.exception()
            names = ", ".join(wire.name for wire in self._wires)
            if isinstance(cause, Unwelcome):
                raise LedgerUnavailable(f"No node of the chain lets us in: {cause}", where=names, remedy=cause.remedy) from cause
            raise LedgerUnavailable(
                f"No node of the chain answers: {names}. The last one: {cause}", remedy="Start the chain, or wait."
            ) from cause

    def _ask_around(self, question: Callable[[Web3], T], turn: int) -> T:
        failures: list[BaseException] = []
        for number in self._turned(turn):
            try:
                self._prove(number)
                self._require_caught_up(number)
                answer = question(self._web3s[number])
            except _AWAY as error:
                self._note_away(number, error)
                failures.append(error)
            else:
                self._note_answer(number)
                return answer
        raise _gravest(failures)

    def _turned(self, turn: int) -> tuple[int, ...]:
        """Whom to ask, one after the other."""
        order = self._order
        leading = self._leading()
        first = turn % len(leading) if leading else 0
        return (*leading[first:], *leading[:first], *(number for number in order if number not in leading))

    def _leading(self) -> tuple[int, ...]:
        """The nodes that are equals by the last look, and have answered since."""
        return tuple(number for number in self._order if number in self._equals and number not in self._away)

    def _survey_if_due(self) -> None:
        if len(self._wires) < 2:
            return
        # Who comes while another looks around goes by the last look, where there was one and all was well.
        if self._is_survey_due() and self._surveying.acquire(blocking=self._looked_at is None or self._mismatch is not None):
            try:
                if self._is_survey_due():
                    # Where none answers, the question itself will say so.
                    with suppress(LedgerMismatch, *_AWAY):
                        self._look_around()
            finally:
                self._surveying.release()
        if self._mismatch is not None:
            raise self._mismatch.with_traceback(None)

    def _is_survey_due(self) -> bool:
        pause_s = _SURVEY_EVERY_S if self._mismatch is None else _SURVEY_AGAIN_S
        return self._looked_at is None or self._monotonic() - self._looked_at >= pause_s

    def _look_around(self) -> Survey:
        self._mismatch = None
        try:
            return self._compared(self._heads())
        except LedgerMismatch as mismatch:
            self._mismatch = mismatch
            raise
        finally:
            self._looked_at = self._monotonic()

    def _heads(self) -> dict[int, Head]:
        numbers = range(len(self._wires))
        failures: list[BaseException] = []
        heads: dict[int, Head] = {}
        with ThreadPoolExecutor(max_workers=len(self._wires)) as threads:
            for number, told in zip(numbers, threads.map(self._head_or_failure, numbers), strict=True):
                if isinstance(told, Head):
                    heads[number] = told
                else:
                    self._note_away(number, told)
                    failures.append(told)
        if not heads:
            raise _gravest(failures)
        return heads

    def _compared(self, heads: dict[int, Head]) -> Survey:
        self._require_agreement(heads)
        counting, newest_at = self._counting(heads)
        height = max(heads[number].number for number in counting)
        numbers = range(len(self._wires))
        fresh = [
            number
            for number in numbers
            if number in counting
            and heads[number].number >= height - MAX_BLOCKS_APART
            and heads[number].timestamp >= newest_at - _MAX_AGE_APART_S
        ]
        lagging = [number for number in numbers if number in counting and number not in fresh]
        doubtful = [number for number in numbers if number in heads and number not in counting]
        with self._lock:
            self._order = (*fresh, *lagging, *doubtful, *(number for number in numbers if number not in heads))
            self._equals = frozenset(fresh)
            self._sure_height = height if len(heads) > 1 else 0
        ordered = sorted(heads, key=lambda number: (number not in counting, -heads[number].number))
        return Survey(heads=tuple(heads[number] for number in ordered), asked=len(self._wires))

    def _counting(self, heads: dict[int, Head]) -> tuple[frozenset[int], int]:
        """Whose newest block counts, and the time of the newest."""
        if len(heads) == 1:
            return frozenset(heads), next(iter(heads.values())).timestamp
        sealing = self._sealing()
        if sealing is not None:
            shown = [number for number, head in heads.items() if _header_shown(head.block, sealing) is not None]
            if shown:
                return frozenset(shown), max((heads[number] for number in shown), key=lambda head: head.number).timestamp
        latest = self._now() + _MAX_AHEAD_S
        # Where all of them are in the future, it is our own clock that is wrong.
        timely = {number: head for number, head in heads.items() if head.timestamp <= latest} or heads
        heights = sorted(head.number for head in timely.values())
        together = [low for low, high in pairwise(heights) if high - low <= MAX_BLOCKS_APART]
        height = together[-1] + MAX_BLOCKS_APART if together else heights[0]
        counting = [number for number, head in timely.items() if head.number <= height]
        times = sorted(heads[number].timestamp for number in counting if heads[number].number >= height - 2 * MAX_BLOCKS_APART)
        return frozenset(counting), times[-2] if len(times) > 1 else times[-1]

    def _head_or_failure(self, number: int) -> Head | BaseException:
        try:
            self._prove(number)
            head = self._block(number, "latest")
        except _AWAY as error:
            return error
        self._note_back(number)
        return head

    def _require_agreement(self, heads: dict[int, Head]) -> None:
        low = min(head.number for head in heads.values())
        at_low: dict[int, Head] = {}
        for number, head in heads.items():
            try:
                at_low[number] = head if head.number == low else self._block(number, hex(low))
            except _AWAY as error:
                # It was there a moment ago; the next look will tell.
                self._note_away(number, error)
        told = list(at_low.values())
        for other in told[1:]:
            if other.hash != told[0].hash:
                raise LedgerMismatch(
                    f"Two nodes tell different chains: {told[0].node} has the block {told[0].hash} at height {low}, "
                    f"{other.node} has {other.hash}.",
                    where=other.node,
                    remedy="Find out which of them follows the validators (greenlane-node doctor), and take the other one out of "
                    "network.json or GREENLANE_RPC_URLS. Where the validators have split, stop: nothing is final.",
                )

    def _block(self, number: int, block: str) -> Head:
        name = self._wires[number].name
        try:
            told = ask_raw(self._web3s[number], "eth_getBlockByNumber", block, False)
        except NodeFault as fault:
            raise Unreached(f"{name} does not tell its block {block}: {fault}.") from fault
        if not isinstance(told, dict):
            raise Unreached(f"{name} has no block {block}.")
        try:
            height, timestamp = int(str(told["number"]), 16), int(str(told["timestamp"]), 16)
            hash_ = str(told["hash"]).lower()
        except (KeyError, ValueError) as error:
            raise Unreached(f"{name} does not tell its block {block}.") from error
        if not 0 <= timestamp <= MAX_TIMESTAMP or height < 0:
            raise Unreached(f"{name} tells a block {block} beyond all years.")
        return Head(node=name, number=BlockNumber(height), hash=hash_, timestamp=timestamp, block=told)

    def _require_caught_up(self, number: int) -> None:
        """Holds a node against what another has shown a moment ago."""
        if number == self._shown_by or self._monotonic() - self._shown_at > _REMEMBERED_S or not self._shown_height:
            return
        height = self._web3s[number].eth.block_number
        if height < self._shown_height:
            raise Unreached(f"{self._wires[number].name} is at block {height}, and block {self._shown_height} was seen already.")

    def _note_answer(self, number: int) -> None:
        self._note_back(number)
        if len(self._wires) < 2:
            return
        # After the answer: what it showed is of this height at most.
        with suppress(*_AWAY):
            height = self._reached(number)
            with self._lock:
                self._shown_by, self._shown_height, self._shown_at = number, height, self._monotonic()
                self._sure_height = max(self._sure_height, height)

    def _reached(self, number: int) -> int:
        """How high a node is, no higher than is sure."""
        height = self._web3s[number].eth.block_number
        if height <= self._sure_height:
            return height
        sealing = self._sealing()
        header = None if sealing is None else _header_shown(self._block(number, "latest").block, sealing)
        return self._sure_height if header is None else max(header.number, self._sure_height)

    def _note_away(self, number: int, error: BaseException) -> None:
        with self._lock:
            self._proven.discard(number)
            is_news = number not in self._away
            self._away.add(number)
            # The next question begins with another node, instead of waiting for this one again.
            self._order = (*(one for one in self._order if one != number), number)
        if is_news:
            log.warning("node.away", extra={"node": self._wires[number].name, "detail": str(error)[:200]})

    def _note_back(self, number: int) -> None:
        with self._lock:
            is_news = number in self._away
            self._away.discard(number)
        if is_news:
            log.info("node.back", extra={"node": self._wires[number].name})

    def _prove(self, number: int) -> None:
        if number in self._proven:
            return
        web3, name = self._web3s[number], self._wires[number].name
        chain_id = web3.eth.chain_id
        if chain_id != self.chain_id:
            raise LedgerMismatch(f"The node is of the chain {chain_id}, not {self.chain_id}.", where=name, remedy=_WHAT_TO_DO)
        try:
            genesis_hash = bytes(web3.eth.get_block(0)["hash"])
        except BlockNotFound as error:
            # A node that is still fetching its chain.
            raise Unreached(f"{name} has no block 0 yet.") from error
        if genesis_hash != self._genesis_hash:
            raise LedgerMismatch(
                f"The chain begins with the block {encode_hex(genesis_hash)}, not {encode_hex(self._genesis_hash)}.",
                where=name,
                remedy=_WHAT_TO_DO,
            )
        try:
            check_contracts(web3, self._pilot_registry, self._anchor_log, self._assets)
        except LedgerMismatch as error:
            raise LedgerMismatch(error.detail, where=name, remedy=_WHAT_TO_DO) from error
        with self._lock:
            self._proven.add(number)


def is_shown(header: Header, sealing: Sealing) -> bool:
    """Whether so many known validators sealed a block that an honest one is among them: then the chain has come so far.

    Less than `core.sealing.verify_header` asks for, and right also where the set has changed since, by fewer than that.

    Args:
        sealing: what is known.
    """
    known = next((one.validators for one in reversed(sealing.sets) if one.seals_from <= header.number), ())
    try:
        sealed_by = {signer for signer in signers(header) if signer in known}
    except ProofRefused:
        return False
    return len(known) > 0 and len(sealed_by) > (len(known) - 1) // 3


def _header_shown(block: dict[str, JsonValue], sealing: Sealing) -> Header | None:
    """The header of a block as a node tells it, if it shows itself."""
    try:
        header = header_from_rpc(block)
    except InvalidInput:
        return None
    return header if is_shown(header, sealing) and block.get("hash") == encode_hex(header.block_hash()) else None


def _gravest(failures: Sequence[BaseException]) -> BaseException:
    """The failure that somebody can mend, if there is one; else the last."""
    if not failures:
        return ConnectionError("There is no node to ask.")
    return next((one for one in failures if isinstance(one, Unwelcome)), failures[-1])


def _web3(wire: Wire) -> Web3:
    web3 = Web3(wire)
    # It would ask for the chain id before every call; `_prove` has asked.
    web3.middleware_onion.remove("validation")
    # Blocks of a network of validators carry their seals in extraData, longer than web3 takes for granted.
    web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
    return web3
