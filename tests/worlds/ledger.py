"""A chain in memory that a test can shape: it keeps the anchor contract's rules, and may be away, forget or lie.

The rules are those of `contracts/AnchorLog.sol`: a center's tree only grows, and every new tree is proven to extend the last one.
Whatever is submitted waits until a block is mined, so a test can look between the two; with `is_automine` each one gets a block
at once. Read by `node`, it is also a node that a stranger asks. With `sealed` its blocks are those of a chain of validators; see
`worlds.sealed_chain`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from greenlane.core.anchoring import MAX_ANCHOR_GROWTH, anchored_root_slot
from greenlane.core.assets.chain_places import retirement_slot
from greenlane.core.crypto import sha256
from greenlane.core.errors import NotFound, ProofRefused
from greenlane.core.merkle import verify_consistency
from greenlane.core.note import VerifierKey
from greenlane.core.seals import SealedState, Sealing
from greenlane.core.trust import LogKeyTerm, TrustedCenter, TrustFile
from greenlane.core.units import Address, BlockNumber, CenterId, ChainId, NodeHash, RootHash, TreeSize, TxHash
from greenlane.ports.ledger import (
    AnchoredHead,
    AnchorRefused,
    AnchorTrace,
    LedgerHealth,
    LedgerMismatch,
    LedgerUnavailable,
    SetChanges,
)
from greenlane.verify.ladder import Anchoring, NodeAway
from worlds.sealed_chain import SealedChain

GENESIS_AT = datetime(2026, 6, 1, tzinfo=UTC)
BLOCK_TIME = timedelta(seconds=2)
ZERO_ROOT = RootHash(bytes(32))


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchored:
    """One anchor as a block brought it."""

    center: CenterId
    tree_size: TreeSize
    root: RootHash
    previous_size: TreeSize
    block_number: BlockNumber
    block_time: datetime
    transaction: TxHash


@dataclass(frozen=True, slots=True, kw_only=True)
class _Submitted:
    center: CenterId
    tree_size: TreeSize
    root: RootHash
    proof: tuple[NodeHash, ...]
    transaction: TxHash


@dataclass
class LedgerWorld:
    """A `ports.ledger.Ledger` whose chain lives here.

    Attributes:
        trust_file: what it answers as trust; its contract's address is the chain's.
        is_automine: whether each submission gets a block at once.
        is_away: every question then raises LedgerUnavailable.
        is_other_chain: every question then raises LedgerMismatch.
        has_lost_receipts: the storage then tells what is anchored, and nothing tells by which transaction.
        max_growth: leaves by which one anchor may extend a log.
        lies: what a center's head is said to be, instead of what it is.
        asked: names of the methods that were called, in order.
        history: every anchor that ever stood, in order, those that were lost later included.
        sealed: the chain of validators whose blocks these are; it loses none. None: nobody seals.
        is_agreed: what several nodes that are asked say of one another.
        reach: how many blocks one look for changes of the validators reaches.
        hides_changes: whether a node says that there were none.
        block_time: between two blocks; those of `sealed` tell their own.
        bent_states: answered in place of sealed blocks: by center and tree size, of changes by number, of retirements by id.
        retired: ids of retirements that stand in blocks of `sealed`.
    """

    trust_file: TrustFile
    is_automine: bool = True
    is_away: bool = False
    is_other_chain: bool = False
    has_lost_receipts: bool = False
    max_growth: int = MAX_ANCHOR_GROWTH
    lies: dict[CenterId, AnchoredHead] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    block_number: int = 0
    anchored: list[Anchored] = field(default_factory=list)
    history: list[Anchored] = field(default_factory=list)
    waiting: list[_Submitted] = field(default_factory=list)
    submissions: int = 0
    sealed: SealedChain | None = None
    is_agreed: bool | None = None
    reach: int = 1_000
    hides_changes: bool = False
    bent_states: dict[tuple[CenterId, TreeSize] | int | bytes, SealedState] = field(default_factory=dict)
    retired: set[bytes] = field(default_factory=set)
    block_time: timedelta = BLOCK_TIME

    def health(self) -> LedgerHealth:
        self._ask("health")
        return LedgerHealth(
            chain_id=self.trust_file.chain_id,
            head_number=BlockNumber(self.block_number),
            head_at=self._time(self.block_number),
            round=None if self.sealed is None else self.sealed.head.extra.round,
            is_agreed=self.is_agreed,
        )

    def trust(self) -> TrustFile:
        self._ask("trust")
        return self.trust_file

    def anchored_head(self, center: CenterId) -> AnchoredHead:
        self._ask("anchored_head")
        return self.lies.get(center) or self._head(center)

    def anchored_root(self, center: CenterId, tree_size: TreeSize) -> RootHash | None:
        self._ask("anchored_root")
        found = self._find(center, tree_size)
        return None if found is None else found.root

    def is_in_flight(self, center: CenterId) -> bool:
        self._ask("is_in_flight")
        return any(one.center == center for one in self.waiting)

    def submit_anchor(self, center: CenterId, tree_size: TreeSize, root: RootHash, proof: Sequence[NodeHash]) -> TxHash:
        self._ask("submit_anchor")
        self.submissions += 1
        transaction = TxHash(sha256(b"transaction" + self.submissions.to_bytes(8, "big")))
        wanted = _Submitted(center=center, tree_size=tree_size, root=root, proof=tuple(proof), transaction=transaction)
        reason = self._refusal(wanted)
        if reason is not None:
            raise AnchorRefused(reason)
        self.waiting.append(wanted)
        if self.is_automine:
            self.mine()
        return transaction

    def anchor_trace(self, center: CenterId, tree_size: TreeSize) -> AnchorTrace:
        self._ask("anchor_trace")
        found = None if self.has_lost_receipts else self._find(center, tree_size)
        if found is None:
            return AnchorTrace(block_number=None, transaction=None)
        return AnchorTrace(block_number=found.block_number, transaction=found.transaction)

    def sealed_anchor(self, center: CenterId, tree_size: TreeSize, *, turn: int = 0) -> SealedState:
        self._ask("sealed_anchor")
        assert self.sealed is not None, "nobody asks for seals where nobody seals"
        if self._find(center, tree_size) is None:
            raise NotFound("Nothing is anchored there.")
        return self.bent_states.get((center, tree_size)) or self.sealed.sealed_anchor(center, tree_size)

    def retire(self, retirement_id: bytes, digest: bytes) -> None:
        """Writes a retirement where the contract keeps it, in one more block; does nothing where nobody seals."""
        if self.sealed is None or self.trust_file.assets is None:
            return
        self.retired.add(retirement_id)
        contract = self.trust_file.assets.green_asset
        self.sealed.write(contract, retirement_slot(retirement_id), int.from_bytes(digest, "big"))
        self.mine()

    def sealed_retirement(self, retirement_id: bytes, *, turn: int = 0) -> SealedState:
        self._ask("sealed_retirement")
        assert self.sealed is not None and self.trust_file.assets is not None, "nobody asks for seals where nobody seals"
        if retirement_id not in self.retired:
            raise NotFound("Nothing is retired there.")
        contract, slot = self.trust_file.assets.green_asset, retirement_slot(retirement_id)
        bent = self.bent_states.get(retirement_id)
        return bent or self.sealed.sealed_state(self.sealed.head.number, contract, [slot])

    def set_changes(self, after: BlockNumber, *, turn: int = 0) -> SetChanges:
        self._ask("set_changes")
        assert self.sealed is not None, "nobody asks for seals where nobody seals"
        looked_to = BlockNumber(min(after + self.reach, self.sealed.head.number))
        numbers = [] if self.hides_changes else [each for each in self.sealed.change_blocks if after < each <= looked_to]
        shown = sorted({*(number - 1 for number in numbers), looked_to} - {0, *numbers, *range(looked_to, after + 1)})
        return SetChanges(
            changes=tuple(self._change(number) for number in numbers),
            between=tuple(self._change(number) for number in shown),
            looked_to=looked_to,
        )

    def _change(self, number: int) -> SealedState:
        assert self.sealed is not None
        return self.bent_states.get(number) or self.sealed.change(number)

    def sealing(self) -> Sealing:
        """Who sealed the first blocks: what a deployment is set up with."""
        assert self.sealed is not None
        return self.sealed.sealing()

    def change_validators(self, count: int) -> None:
        """The first so many members are the validators from now on."""
        assert self.sealed is not None
        self.sealed.change_validators(self.sealed.members(count))
        self.block_number = self.sealed.head.number

    def mine(self, *, round: int = 0) -> None:  # noqa: A002  (the word of QBFT)
        """One block with all that waits; what the contract refuses by now is in it and changes nothing."""
        self.block_number += 1
        if self.sealed is not None:
            for one in self.waiting:
                if self._refusal(one) is None:
                    slot = anchored_root_slot(one.center, one.tree_size)
                    self.sealed.write(self.sealed.anchor_log, slot, int.from_bytes(one.root, "big"))
            self.sealed.block(round=round)
        for one in self.waiting:
            if self._refusal(one) is None:
                anchored = Anchored(
                    center=one.center,
                    tree_size=one.tree_size,
                    root=one.root,
                    previous_size=self._head(one.center).tree_size,
                    block_number=BlockNumber(self.block_number),
                    block_time=self._time(self.block_number),
                    transaction=one.transaction,
                )
                self.anchored.append(anchored)
                self.history.append(anchored)
        self.waiting.clear()

    def lose_to(self, block_number: int) -> None:
        """The chain comes back as it was after that block; later blocks get other times, as on another day."""
        self.anchored = [one for one in self.anchored if one.block_number <= block_number]
        self.waiting.clear()

    def lose_waiting(self) -> None:
        """The node forgets what it had not mined."""
        self.waiting.clear()

    def rotate_log_key(self, center: CenterId, public_key: bytes, at: datetime) -> None:
        """The registry ends the term of a center's log key, and begins another's."""

        def rotated(one: TrustedCenter) -> TrustedCenter:
            if one.id != center:
                return one
            *earlier, last = one.log_keys
            key = VerifierKey(name=one.origin, public_key=public_key)
            fresh = LogKeyTerm(key=key, valid_from=at, valid_until=None)
            return replace(one, log_keys=(*earlier, replace(last, valid_until=at), fresh))

        self.trust_file = replace(self.trust_file, centers=tuple(rotated(one) for one in self.trust_file.centers))

    def node(self, name: str = "node") -> "NodeOfWorld":
        """A node of this chain, as a stranger asks one."""
        return NodeOfWorld(self, name)

    def _ask(self, name: str) -> None:
        self.asked.append(name)
        if self.is_away:
            raise LedgerUnavailable("No node answers.")
        if self.is_other_chain:
            raise LedgerMismatch("The node serves another chain.")

    def _time(self, block_number: int) -> datetime:
        return GENESIS_AT + block_number * self.block_time

    def _find(self, center: CenterId, tree_size: TreeSize) -> Anchored | None:
        return next((one for one in self.anchored if (one.center, one.tree_size) == (center, tree_size)), None)

    def _head(self, center: CenterId) -> AnchoredHead:
        mine = [one for one in self.anchored if one.center == center]
        if not mine:
            return AnchoredHead(tree_size=TreeSize(0), root=ZERO_ROOT, anchored_at=datetime.fromtimestamp(0, UTC))
        return AnchoredHead(tree_size=mine[-1].tree_size, root=mine[-1].root, anchored_at=mine[-1].block_time)

    def _refusal(self, one: _Submitted) -> str | None:
        """Why the contract reverts, by the name of its error; None where it does not."""
        head = self._head(one.center)
        if self.trust_file.center(one.center) is None:
            return "NotInGoodStanding"
        if one.tree_size == 0:
            return "EmptyTree"
        if one.root == ZERO_ROOT:
            return "ZeroRoot"
        if one.tree_size <= head.tree_size:
            standing = self._find(one.center, one.tree_size)
            if standing is None:
                return "TreeShrinks"
            return "AlreadyAnchored" if standing.root == one.root else "RootDiffers"
        if one.tree_size - head.tree_size > self.max_growth:
            return "GrowthTooLarge"
        if head.tree_size == 0:
            return "InconsistentTree" if one.proof else None
        try:
            verify_consistency(
                old_size=head.tree_size, old_root=head.root, new_size=one.tree_size, new_root=one.root, proof=one.proof
            )
        except ProofRefused:
            return "InconsistentTree"
        return None


class NodeOfWorld:
    """A `verify.ladder.Node` that reads a `LedgerWorld`."""

    def __init__(self, ledger: LedgerWorld, name: str) -> None:
        self._ledger = ledger
        self.name = name

    def chain_id(self) -> ChainId:
        self._require_there()
        return ChainId(self._ledger.trust_file.chain_id + self._ledger.is_other_chain)

    def genesis_hash(self) -> bytes:
        self._require_there()
        return self._ledger.trust_file.genesis_hash

    def storage_at(self, contract: Address, slot: bytes) -> bytes:
        self._require_there()
        if contract == self._ledger.trust_file.anchor_log:
            for one in self._ledger.anchored:
                if anchored_root_slot(one.center, one.tree_size) == slot:
                    return one.root
        return bytes(32)

    def anchoring(self, contract: Address, center: CenterId, tree_size: TreeSize, hint: BlockNumber | None) -> Anchoring | None:
        self._require_there()
        for one in self._ledger.anchored:
            if (one.center, one.tree_size) == (center, tree_size) and not self._ledger.has_lost_receipts:
                return Anchoring(
                    root=one.root, block_number=one.block_number, block_time=one.block_time, transaction=one.transaction
                )
        return None

    def _require_there(self) -> None:
        if self._ledger.is_away:
            raise NodeAway("It could not be reached.")
