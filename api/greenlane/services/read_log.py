"""Reads what a center shows of its log: checkpoint, tiles and entry bundles as others' tools expect them, and who captured what.

Only what stands under the newest checkpoint is shown: a tile is served in every width it was ever published in, and in no wider
one, so a name never changes its content.
Source: C2SP tlog-tiles.
"""

from dataclasses import dataclass

from greenlane.core.errors import NotFound
from greenlane.core.tiles import TILE_WIDTH, TileId, encode_bundle, tile_width
from greenlane.core.units import CenterId, LeafIndex, MemberId
from greenlane.ports.accounts import Member
from greenlane.ports.jobs import CaptureJob
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

    def member(self, center: CenterId, member: MemberId) -> Member | None:
        """A member by its short name, or None."""
        with self._store.read() as tx:
            return tx.accounts.member(center, member)

    def job(self, job_id: str, *, reader: CenterId) -> CaptureJob:
        """What became of a capture request.

        Raises:
            NotFound: there is no such job, or it is another center's.
        """
        with self._store.read() as tx:
            job = tx.jobs.get(job_id)
        if job is None or job.center != reader:
            raise NotFound("There is no such capture job.", remedy="Take its address from the Location header of the capture.")
        return job
