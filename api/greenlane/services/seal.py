"""Keeps what proves anchors and retirements without asking anybody: blocks that the validators sealed, and every change of who
they are.

A node only brings blocks; what it brings is judged by `core.sealing` before it is kept, by the sets of validators that this
deployment was set up to believe and those that followed from them. A node that brings what does not verify halts sealing, and
nothing else: anchoring goes on, receipts go out without seals, and what is kept stays. The next call begins with another node.

What a node may also do is leave something out. A set that came after a hidden change would be put after the wrong one, and every
receipt past it be refused by those who know better. So a change is kept only where the block before it shows, by its own seals,
that the set known is the one that the change found; and no block counts as looked at that does not show the same. What speaks
against it begins the look again, from the last set known.

Every call asks first what is kept already, so it may be repeated, interrupted, and made by several workers at once.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from greenlane.core.anchoring import anchored_root_slot
from greenlane.core.assets.chain_places import retirement_slot
from greenlane.core.assets.retirement import retirement_digest
from greenlane.core.errors import CannotCheck, InvalidInput, NotFound, ProofRefused
from greenlane.core.header import Header
from greenlane.core.sealing import follow, next_set, verify_sealed_slot
from greenlane.core.seals import SealedState, Sealing, Seals, ValidatorSet
from greenlane.core.units import Address, BlockNumber, CenterId
from greenlane.ports.ledger import Ledger, LedgerMismatch, SetChanges
from greenlane.ports.log import StoredAnchor
from greenlane.ports.purchases import KeptRetirement
from greenlane.ports.seals import SealedChain, StoredChange, extended
from greenlane.ports.store import Store, Transaction

_TRUST_FILE_CHARACTERS = 400_000
"""For validators; a trust file has at most `core.trust.MAX_TRUST_FILE_BYTES`, and the rest is for centers."""
_LOOKS_A_CALL = 32
"""For changes; one look reaches as far as a node lets it, and the next call goes on from there."""


class ValidatorsDamaged(CannotCheck):
    """The validators that the database names do not follow from those that this deployment was set up to believe."""

    code = "validators-damaged"
    default_remedy = "Run `greenlane fsck`, and restore from a backup what it names."


class ChangeHidden(ProofRefused):
    """A node shows another validator set than the one known, and not the change between them."""

    code = "set-change-hidden"
    default_remedy = "Nothing was kept of it. The next look begins at the last known set, with another node where there is one."


@dataclass(frozen=True, slots=True, kw_only=True)
class SealOutcome:
    """What one call did for one center.

    Attributes:
        kept: how many anchors and retirements got their sealed block now.
        is_current: nothing more can be sealed at once.
    """

    kept: int
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """How far the validator set is known.

    Attributes:
        sealing: the sets.
        block: no change up to it is missing.
    """

    sealing: Sealing
    block: BlockNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unsealed:
    """A value in a contract's storage that no kept block proves yet.

    Attributes:
        contract, slot, value: where the chain holds it.
        bring: asks a node for a block that shows it.
        keep: writes down the block, once it is verified.
    """

    contract: Address
    slot: bytes
    value: bytes
    bring: Callable[[], SealedState]
    keep: Callable[[Transaction, SealedState], None]


class Seal:
    """The use case, for a chain whose validators seal; its answers are shared by everything in this process."""

    def __init__(self, *, store: Store, ledger: Ledger, chain: SealedChain, max_batch: int = 8) -> None:
        """Args:
        max_batch: anchors, and as many retirements, sealed in one call; each is a question to a node.
        """
        self._store = store
        self._ledger = ledger
        self._chain = chain
        self._max_batch = max_batch
        self._again_from: BlockNumber | None = None
        self._proven = chain.sealing
        self._turn = 0

    def __call__(self, center: CenterId) -> SealOutcome:
        """Keeps a sealed block for anchors and for retirements that have none, the newest first; at most a batch of each.

        Raises:
            LedgerUnavailable, LedgerMismatch: no node of this chain answers; call again later.
            ProofRefused, InvalidInput, CannotCheck: what a node brought does not verify; what else it brought is kept.
            StoreUnavailable: the database is away; nothing was kept.
        """
        anchors, retirements = self._waiting(center)
        if not anchors and not retirements:
            return SealOutcome(kept=0, is_current=True)
        found = [[(each, state) for each in some if (state := self._bring(each)) is not None] for some in (anchors, retirements)]
        brought = [each for some in found for each in some]
        # After the blocks were brought, so that no set can have changed on the way to them unseen.
        self.follow()
        sealing = self.followed().sealing
        kept, refusal = 0, None
        for each, state in brought:
            try:
                self._verify(each, state, sealing)
            except (ProofRefused, InvalidInput, CannotCheck) as fault:
                refusal = refusal or fault
                continue
            with self._store.write() as tx:
                each.keep(tx, state)
            kept += 1
        if refusal is not None:
            self._doubt(sealing)
            raise refusal
        return SealOutcome(kept=kept, is_current=all(len(some) < self._max_batch for some in found))

    def follow(self) -> int:
        """Looks for changes of the validator set, and keeps those that verify; how many were new.

        Raises:
            LedgerUnavailable, LedgerMismatch: no node of this chain answers; what was found before is kept.
            ProofRefused, InvalidInput, CannotCheck: a change does not verify; those before it are kept, nothing else.
            Conflict: another set is kept that seals from the same block.
            StoreUnavailable: the database is away.
        """
        known = self.followed()
        at, sealing, found = known.block, known.sealing, 0
        if self._again_from is not None:
            at = min(at, self._again_from)
        for _ in range(_LOOKS_A_CALL):
            with self._doubting_contradictions():
                look = self._ledger.set_changes(at, turn=self._turn)
            changes: list[StoredChange] = []
            shown: Header | None = None
            try:
                for header, state in _in_order(look):
                    becomes = self._becomes(header, state, sealing, shown)
                    if becomes is not None:
                        changes.append(StoredChange(state=state, becomes=becomes))
                        sealing = replace(sealing, sets=(*sealing.sets, becomes))
                    shown = header
                if look.looked_to > at and (shown is None or shown.number != look.looked_to):
                    raise ChangeHidden(f"A node says that it looked as far as block {look.looked_to}, and does not show it.")
            except (ProofRefused, InvalidInput, CannotCheck):
                # What is behind the refused block was not looked at.
                self._keep(changes, at)
                self._doubt(sealing)
                raise
            self._keep(changes, look.looked_to)
            found += len(changes)
            if look.looked_to <= at:
                self._again_from = None
                return found
            at = look.looked_to
        if self._again_from is not None:
            self._again_from = at if at < known.block else None
        return found

    def followed(self) -> Followed:
        """The sets that the database knows, and how far they were followed.

        Raises:
            ValidatorsDamaged: what the database holds does not follow from what this deployment was set up with.
            StoreUnavailable: the database is away.
        """
        chain_id, given = self._chain.chain_id, self._chain.sealing
        with self._store.read() as tx:
            followed_to = tx.seals.followed_to(chain_id)
            sealing = extended(given, tx.seals.sets(chain_id))
            changes = () if sealing == self._proven else tx.seals.changes(chain_id)
        if changes:
            self._prove(sealing, changes)
        # Up to its last set what this deployment was set up with is whole.
        return Followed(sealing=sealing, block=max(followed_to, BlockNumber(given.sets[-1].seals_from - 1)))

    def sealing(self) -> Sealing:
        """Whose seals count, for the trust file: the sets that this deployment was set up with, and those that followed.

        The newest ones, as far as a trust file has room for them.

        Raises:
            ValidatorsDamaged, StoreUnavailable: as for `followed`.
        """
        sealing = self.followed().sealing
        room = _TRUST_FILE_CHARACTERS
        fitting = 0
        for one in reversed(sealing.sets):
            room -= 64 + 48 * len(one.validators)
            if room < 0 and fitting:
                break
            fitting += 1
        return replace(sealing, sets=sealing.sets[-fitting:])

    def _prove(self, sealing: Sealing, changes: tuple[StoredChange, ...]) -> None:
        """Judges the kept changes once more, once in the life of a process: whoever gets a trust file starts from its sets."""
        given = self._chain.sealing
        # What is older than the newest set that was given was judged when it was kept, by sets that were given then.
        older = [change.becomes for change in changes if change.becomes.seals_from <= given.sets[-1].seals_from]
        later = [change.state for change in changes if change.becomes.seals_from > given.sets[-1].seals_from]
        try:
            is_so = extended(follow(later, given, self._chain.pilot_registry), older) == sealing
        except (ProofRefused, InvalidInput, CannotCheck) as fault:
            raise ValidatorsDamaged(f"The kept changes of the validators do not hold: {fault.detail}") from fault
        if not is_so:
            raise ValidatorsDamaged("The kept sets of validators are not those that the kept changes lead to.")
        self._proven = sealing

    def _becomes(self, header: Header, state: SealedState, sealing: Sealing, before: Header | None) -> ValidatorSet | None:
        """The set that a block brings, or None.

        Args:
            before: the verified block that was brought before it.
        """
        if header.number < sealing.sets[0].seals_from:
            # It cannot be judged, and needs not be: what it brought is known.
            return None
        becomes = next_set(state, sealing, self._chain.pilot_registry)
        if becomes is None or header.number == sealing.sets[-1].seals_from:
            # Who seals the first block of a set is known by how the set became known.
            return becomes
        if before is None or before.block_hash() != header.parent_hash:
            raise ChangeHidden(f"Block {header.number} shows other validators than those known, and not since when.")
        return becomes

    def _doubt(self, sealing: Sealing) -> None:
        """A node may have hidden a change: the next look begins where the last known one stands, and with another node."""
        self._again_from = BlockNumber(sealing.sets[-1].seals_from - 1)
        self._turn += 1

    @contextmanager
    def _doubting_contradictions(self) -> Iterator[None]:
        try:
            yield
        except LedgerMismatch:
            self._turn += 1
            raise

    def _waiting(self, center: CenterId) -> tuple[list[_Unsealed], list[_Unsealed]]:
        """Anchors and retirements of a center that no kept block proves, newest first; at most a batch of each."""
        green_asset = self._chain.green_asset
        with self._store.read() as tx:
            anchors = tx.seals.unsealed(center, limit=self._max_batch)
            retirements = () if green_asset is None else tx.purchases.unsealed_retirements(center, limit=self._max_batch)
        return (
            [self._unsealed_anchor(each) for each in anchors],
            [] if green_asset is None else [self._unsealed_retirement(each, green_asset) for each in retirements],
        )

    def _unsealed_anchor(self, anchor: StoredAnchor) -> _Unsealed:
        center, tree_size = anchor.center, anchor.tree_size
        return _Unsealed(
            contract=self._chain.anchor_log,
            slot=anchored_root_slot(center, tree_size),
            value=anchor.root,
            bring=lambda: self._ledger.sealed_anchor(center, tree_size, turn=self._turn),
            keep=lambda tx, state: tx.seals.keep_sealed(center, tree_size, state),
        )

    def _unsealed_retirement(self, retirement: KeptRetirement, green_asset: Address) -> _Unsealed:
        named = retirement.id
        return _Unsealed(
            contract=green_asset,
            slot=retirement_slot(named),
            value=retirement_digest(retirement.statement.facts),
            bring=lambda: self._ledger.sealed_retirement(named, turn=self._turn),
            keep=lambda tx, state: tx.purchases.keep_retirement_seal(named, state),
        )

    def _bring(self, unsealed: _Unsealed) -> SealedState | None:
        try:
            with self._doubting_contradictions():
                return unsealed.bring()
        except NotFound:
            # The chain has lost it, or the node that was asked has not come so far: anchoring looks after that.
            return None

    def _verify(self, unsealed: _Unsealed, state: SealedState, sealing: Sealing) -> None:
        verify_sealed_slot(
            Seals(changes=(), anchored=state),
            sealing=sealing,
            registry=self._chain.pilot_registry,
            contract=unsealed.contract,
            slot=unsealed.slot,
            value=unsealed.value,
        )

    def _keep(self, changes: list[StoredChange], followed_to: BlockNumber) -> None:
        with self._store.write() as tx:
            tx.seals.keep_changes(self._chain.chain_id, changes, followed_to=followed_to)


def _in_order(look: SetChanges) -> list[tuple[Header, SealedState]]:
    """All blocks that were brought, each once, with their headers; lowest first."""
    by_number: dict[int, tuple[Header, SealedState]] = {}
    for state in (*look.between, *look.changes):
        header = Header.decode(state.header)
        by_number[header.number] = (header, state)
    return [by_number[number] for number in sorted(by_number)]
