"""Integrates captured entries into the log's tiles and signs a checkpoint of the grown tree.

Cost: O(new entries + log of the tree). The new tree is proven to extend the last published one before it is signed.
"""

from greenlane.core.checkpoint import Checkpoint
from greenlane.core.merkle import leaf_hash, verify_consistency
from greenlane.core.tiles import ReadTile, append_leaves, consistency_proof_from_tiles, root_from_tiles, with_changes
from greenlane.core.units import CenterId, LeafIndex, TreeSize
from greenlane.ports.clock import Clock
from greenlane.ports.log import StoredCheckpoint
from greenlane.ports.signing import CheckpointSigner, HostedCenter, LogKeyRetired, LogKeyTerms
from greenlane.ports.store import Store, Transaction


class Publish:
    """The use case; safe to run from several workers at once: they take turns."""

    def __init__(
        self,
        *,
        store: Store,
        signer: CheckpointSigner,
        terms: LogKeyTerms,
        clock: Clock,
        max_batch: int = 65_536,
    ) -> None:
        """Args:
        terms: what the registry says of log keys, as far as it is known.
        max_batch: entries integrated in one transaction; bounds its memory (97 bytes each) and time.
        """
        self._store = store
        self._signer = signer
        self._terms = terms
        self._clock = clock
        self._max_batch = max_batch

    def __call__(self, center: CenterId) -> StoredCheckpoint | None:
        """Publishes what waits, at most one batch.

        Returns:
            The new checkpoint, or None where nothing waited.

        Raises:
            NotFound: this deployment does not hold the center's log key.
            LogKeyRetired: the registry gives the center another log key; nothing was signed.
            TileMissing: the stored log is damaged.
            StoreUnavailable: the database is away; nothing was published.
        """
        hosted = self._signer.center(center)
        with self._store.write() as tx:
            old_size = tx.log.lock_publishing(center).published
            entries = tx.log.entries(center, LeafIndex(old_size), self._max_batch)
            if not entries:
                return None
            self._require_current_key(hosted)
            new_size = TreeSize(old_size + len(entries))
            stored = _reader(tx, center)
            tiles = append_leaves(old_size=old_size, leaves=[leaf_hash(entry) for entry in entries], read=stored)
            grown = with_changes(stored, tiles)
            root = root_from_tiles(new_size, grown)
            previous = tx.log.checkpoint(center, old_size) if old_size else None
            if previous is not None:
                # A checkpoint that does not extend the last one would be signed proof of a fork: never let it out.
                verify_consistency(
                    old_size=old_size,
                    old_root=previous.root,
                    new_size=new_size,
                    new_root=root,
                    proof=consistency_proof_from_tiles(old_size, new_size, grown),
                )
            checkpoint = StoredCheckpoint(
                center=center,
                tree_size=new_size,
                root=root,
                note=self._signer.sign(center, Checkpoint(origin=hosted.origin, tree_size=new_size, root=root)),
                created_at=self._clock(),
            )
            tx.log.write_tiles(center, tiles)
            tx.log.add_checkpoint(checkpoint)
        return checkpoint

    def _require_current_key(self, hosted: HostedCenter) -> None:
        terms = self._terms(hosted.id)
        # Where the registry is not known there is nothing to compare with: captures are published without a chain too.
        if terms is not None and not any(term.key == hosted.key and term.valid_until is None for term in terms):
            raise LogKeyRetired(
                f"The registry gives {hosted.id!r} another log key than {hosted.key.encode()}: nobody would take its signature."
            )


def _reader(tx: Transaction, center: CenterId) -> ReadTile:
    return lambda tile, width: tx.log.read_tile(center, tile, width)
