"""Reads what a center shows of its log: checkpoint, tiles, entry bundles as others' tools expect them, and how far it has come.

Only what stands under the newest checkpoint is shown: a tile is served in every width it was ever published in, and in no wider
one, so a name never changes its content.
Source: C2SP tlog-tiles.
"""

from dataclasses import dataclass
from datetime import datetime

from greenlane.core.errors import NotFound
from greenlane.core.tiles import TILE_WIDTH, TileId, encode_bundle, tile_width
from greenlane.core.units import CenterId, LeafIndex, TreeSize
from greenlane.ports.log import LogHead, StoredAnchor, StoredCheckpoint
from greenlane.ports.signing import CheckpointSigner
from greenlane.ports.store import Store


class NotPublished(NotFound):
    """The log has no such checkpoint, tile or bundle yet, or never will."""

    code = "not-published"
    default_remedy = "Read the checkpoint first: it tells how many entries are published."


@dataclass(frozen=True, slots=True, kw_only=True)
class LogStanding:
    """How far a center's log has come.

    Attributes:
        head: captured and published entries.
        checkpoint: the newest; None where nothing was published.
        anchor: the newest that the chain holds; None where there is none.
    """

    head: LogHead
    checkpoint: StoredCheckpoint | None
    anchor: StoredAnchor | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What of a log the chain does not hold yet. captured ≥ published ≥ anchored, unless the chain is ahead of the database.

    Attributes:
        sealed: tree size of the largest anchor whose seals are kept; 0 where none are.
        waiting_since: when the oldest entry without an anchor was captured; None where there is none.
    """

    center: CenterId
    captured: TreeSize
    published: TreeSize
    anchored: TreeSize
    sealed: TreeSize
    waiting_since: datetime | None


class ReadLog:
    """The use case: read only."""

    def __init__(self, store: Store, signer: CheckpointSigner) -> None:
        self._store = store
        self._signer = signer

    def checkpoint(self, center: CenterId) -> str:
        """The newest checkpoint as a C2SP signed note.

        Raises:
            NotFound: the center is not served here.
            NotPublished: its log is still empty.
        """
        self._signer.center(center)
        with self._store.read() as tx:
            newest = tx.log.newest_checkpoint(center)
        if newest is None:
            raise NotPublished(f"The log of {center!r} has no checkpoint yet.")
        return newest.note

    def tile(self, center: CenterId, tile: TileId, width: int) -> bytes:
        """The first `width` hashes of a tile, 32 bytes each.

        Raises:
            NotFound: the center is not served here.
            NotPublished: the tile has fewer hashes than that under the newest checkpoint.
        """
        self._signer.center(center)
        with self._store.read() as tx:
            if not 1 <= width <= tile_width(tile, tx.log.head(center).published):
                raise NotPublished(f"Tile {tile.number} of level {tile.level} has not {width} hashes yet.")
            return tx.log.read_tile(center, tile, width)

    def bundle(self, center: CenterId, number: int, width: int) -> bytes:
        """The first `width` entries of a bundle, each after its length in two bytes.

        Raises:
            NotFound: the center is not served here.
            NotPublished: the bundle has fewer entries than that under the newest checkpoint.
        """
        self._signer.center(center)
        with self._store.read() as tx:
            if not 1 <= width <= tile_width(TileId(level=0, number=number), tx.log.head(center).published):
                raise NotPublished(f"Entry bundle {number} has not {width} entries yet.")
            return encode_bundle(tx.log.entries(center, LeafIndex(number * TILE_WIDTH), width))

    def standing(self, center: CenterId) -> LogStanding:
        """How far the log has come.

        Raises:
            NotFound: the center is not served here.
        """
        self._signer.center(center)
        with self._store.read() as tx:
            return LogStanding(
                head=tx.log.head(center),
                checkpoint=tx.log.newest_checkpoint(center),
                anchor=tx.log.newest_anchor(center),
            )

    def backlog(self, center: CenterId) -> Backlog:
        """What waits for its anchor, as the store alone tells it.

        Raises:
            NotFound: the center is not served here.
        """
        self._signer.center(center)
        with self._store.read() as tx:
            head, anchor = tx.log.head(center), tx.log.newest_anchor(center)
            anchored = TreeSize(0) if anchor is None else anchor.tree_size
            sealed = tx.seals.newest_sealed(center)
            times: list[datetime] = []
            if anchored < head.captured:
                event, document = tx.events.at(center, LeafIndex(anchored)), tx.documents.at(center, LeafIndex(anchored))
                times += [] if event is None else [event.captured_at]
                times += [] if document is None else [document.stored_at]
            # An entry of neither kind has no time of its own; the checkpoint above it has.
            times += [checkpoint.created_at for checkpoint in tx.log.checkpoints(center, above=anchored, limit=1)]
        return Backlog(
            center=center,
            captured=head.captured,
            published=head.published,
            anchored=anchored,
            sealed=sealed,
            waiting_since=min(times, default=None),
        )
