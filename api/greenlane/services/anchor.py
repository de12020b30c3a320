"""Brings a center's newest checkpoint onto the chain, and records what the chain holds.

Every call asks first what is already so. The chain's storage is the truth about what is anchored: what it lost (a chain may be
restored from an older state) is anchored again, what it has is never sent twice.
"""

from dataclasses import dataclass
from enum import StrEnum

from greenlane.core.anchoring import MAX_ANCHOR_GROWTH
from greenlane.core.errors import CannotCheck
from greenlane.core.merkle import verify_consistency
from greenlane.core.tiles import consistency_proof_from_tiles
from greenlane.core.units import CenterId, NodeHash, TreeSize
from greenlane.ports.ledger import AnchoredHead, AnchorRefused, Ledger
from greenlane.ports.log import StoredAnchor, StoredCheckpoint
from greenlane.ports.store import Store


class LogBehindChain(CannotCheck):
    """The chain holds a checkpoint that this database never published: the database is older than the chain, or another's."""

    code = "log-behind-chain"
    default_remedy = "Restore the newest backup of the database; never publish from an older one."


class LogForked(CannotCheck):
    """The chain holds another root for a tree size than this database published."""

    code = "log-forked"
    default_remedy = "Stop the worker and compare with `greenlane fsck`: one of the two histories is not the center's."


class AnchorStep(StrEnum):
    """What one call found or did. current: the chain has the newest checkpoint. waiting: an anchor is on its way.

    submitted: one was sent now.
    """

    CURRENT = "current"
    WAITING = "waiting"
    SUBMITTED = "submitted"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorOutcome:
    """The state of a center's anchoring after one call.

    Attributes:
        anchored: tree size that the chain holds.
        target: tree size of the newest checkpoint (0: nothing published).
        lost: how many recorded anchors the chain no longer had.
    """

    step: AnchorStep
    anchored: TreeSize
    target: TreeSize
    lost: int


class Anchor:
    """The use case; repeat it as often as you like."""

    def __init__(self, *, store: Store, ledger: Ledger, max_growth: int = MAX_ANCHOR_GROWTH) -> None:
        """Args:
        max_growth: leaves by which the contract lets one anchor extend a log.
        """
        self._store = store
        self._ledger = ledger
        self._max_growth = max_growth

    def __call__(self, center: CenterId) -> AnchorOutcome:
        """One look at the chain, and one anchor sent where it lacks the newest checkpoint and none is on its way.

        Raises:
            LedgerUnavailable: no node answers; call again later.
            LedgerMismatch: this is another chain.
            LogBehindChain, LogForked: the database and the chain contradict each other; nothing was sent.
            AnchorRefused: the contract would refuse the checkpoint.
        """
        # Ask what is on its way before looking at the head: the other way round, an anchor that lands in between would look as if
        # nothing were on its way and the head still old, and be sent again.
        is_in_flight = self._ledger.is_in_flight(center)
        head = self._ledger.anchored_head(center)
        lost = self._record(center, head)
        with self._store.read() as tx:
            newest = tx.log.newest_checkpoint(center)
        if newest is None or newest.tree_size <= head.tree_size:
            return AnchorOutcome(step=AnchorStep.CURRENT, anchored=head.tree_size, target=head.tree_size, lost=lost)
        step = AnchorStep.WAITING if is_in_flight else self._submit(center, head, self._within_reach(center, head, newest))
        return AnchorOutcome(step=step, anchored=head.tree_size, target=newest.tree_size, lost=lost)

    def _within_reach(self, center: CenterId, head: AnchoredHead, newest: StoredCheckpoint) -> StoredCheckpoint:
        """The newest checkpoint, or one on the way to it where it is further than one anchor may go."""
        reach = head.tree_size + self._max_growth
        # Publishing integrates far fewer entries at a time than an anchor may: the first look nearly always finds one.
        back = max(1, self._max_growth // 256)
        while newest.tree_size > reach:
            above = TreeSize(max(head.tree_size, reach - back))
            with self._store.read() as tx:
                (nearest,) = tx.log.checkpoints(center, above=above, limit=1)
            if nearest.tree_size <= reach:
                return nearest
            if above == head.tree_size:
                # One batch larger than an anchor may be: the contract's refusal will say so.
                break
            back *= 2
        return newest

    def _submit(self, center: CenterId, head: AnchoredHead, checkpoint: StoredCheckpoint) -> AnchorStep:
        proof = self._extension(center, head, checkpoint)
        try:
            self._ledger.submit_anchor(center, checkpoint.tree_size, checkpoint.root, proof)
        except AnchorRefused:
            # Another worker may have anchored meanwhile; then there is nothing to complain about.
            if self._ledger.anchored_head(center) == head:
                raise
            return AnchorStep.WAITING
        return AnchorStep.SUBMITTED

    def _record(self, center: CenterId, head: AnchoredHead) -> int:
        """Makes the store say what the chain's head says; how many anchors the chain has lost."""
        with self._store.read() as tx:
            recorded = tx.log.newest_anchor(center)
            published = tx.log.checkpoint(center, head.tree_size) if head.tree_size else None
        is_recorded = recorded is not None and (recorded.tree_size, recorded.root) == (head.tree_size, head.root)
        if recorded is not None and is_recorded and recorded.anchored_at == head.anchored_at:
            return 0
        if head.tree_size and published is None:
            raise LogBehindChain(f"The chain holds a checkpoint of {center!r} at tree size {head.tree_size}, the database none.")
        if published is not None and published.root != head.root:
            raise LogForked(
                f"At tree size {head.tree_size} of {center!r} the chain holds root {head.root.hex()}, "
                f"the database {published.root.hex()}."
            )
        trace = self._ledger.anchor_trace(center, head.tree_size) if head.tree_size else None
        standing = self._standing(center, head)
        with self._store.write() as tx:
            # The anchor at the head covers what those that are forgotten covered.
            lost = tx.log.forget_anchors_above(center, standing)
            if trace is not None:
                tx.log.add_anchor(
                    StoredAnchor(
                        center=center,
                        tree_size=head.tree_size,
                        root=head.root,
                        anchored_at=head.anchored_at,
                        block_number=trace.block_number,
                        transaction=trace.transaction,
                    )
                )
        return lost

    def _standing(self, center: CenterId, head: AnchoredHead) -> TreeSize:
        """The largest tree whose anchor is recorded as the chain has it now; 0 where there is none.

        Above it lies what the chain lost, and what it lost and then took again, in another block: receipts must not name the old
        one. Several may have come back before anybody looked, for what an account had sent is sent again at once.
        """
        below = TreeSize(head.tree_size + 1)
        while True:
            with self._store.read() as tx:
                found = tx.log.anchors_below(center, below=below, limit=1)
            if not found:
                return TreeSize(0)
            (anchor,) = found
            if anchor.tree_size == head.tree_size:
                has_moved = anchor.root == head.root and anchor.anchored_at != head.anchored_at
            else:
                now = self._ledger.anchor_trace(center, anchor.tree_size).block_number
                has_moved = None not in (now, anchor.block_number) and now != anchor.block_number
            if not has_moved:
                return anchor.tree_size
            below = anchor.tree_size

    def _extension(self, center: CenterId, head: AnchoredHead, checkpoint: StoredCheckpoint) -> tuple[NodeHash, ...]:
        """The proof that a checkpoint extends the anchored one, verified here before the chain is asked to."""
        if head.tree_size == 0:
            return ()
        with self._store.read() as tx:
            proof = consistency_proof_from_tiles(
                head.tree_size, checkpoint.tree_size, lambda tile, width: tx.log.read_tile(center, tile, width)
            )
        verify_consistency(
            old_size=head.tree_size,
            old_root=head.root,
            new_size=checkpoint.tree_size,
            new_root=checkpoint.root,
            proof=proof,
        )
        return proof
