"""The center's log as it lies in the store: entries, tiles, checkpoints, and the anchors known to be on the chain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from greenlane.core.errors import Unavailable
from greenlane.core.tiles import TileId
from greenlane.core.units import BlockNumber, CenterId, LeafIndex, RootHash, TreeSize, TxHash


class QueueFull(Unavailable):
    """More entries wait to be published than this deployment allows; the worker is behind or stopped."""

    code = "queue-full"
    default_remedy = "Send the same request again after the time in Retry-After; nothing of it was taken."


@dataclass(frozen=True, slots=True, kw_only=True)
class LogHead:
    """How far a log has come. captured ≥ published, always.

    Attributes:
        captured: how many entries are durable.
        published: how many of them are integrated in tiles and under the newest checkpoint.
    """

    captured: TreeSize
    published: TreeSize


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCheckpoint:
    """A checkpoint that the center signed; `note` is the C2SP signed note as others read it."""

    center: CenterId
    tree_size: TreeSize
    root: RootHash
    note: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnchor:
    """A checkpoint that was seen in the anchor contract's storage.

    Attributes:
        anchored_at: the block's time as the contract recorded it, aware UTC.
        block_number, transaction: hints for people; None where the receipt was lost and only the storage tells.
    """

    center: CenterId
    tree_size: TreeSize
    root: RootHash
    anchored_at: datetime
    block_number: BlockNumber | None
    transaction: TxHash | None


class Log(Protocol):
    """One log for each center, created empty at first use."""

    def lock(self, center: CenterId) -> LogHead:
        """Holds the log against other appenders until the transaction ends, and tells its head."""

    def lock_publishing(self, center: CenterId) -> LogHead:
        """Holds the log against other publishers (not against appenders) until the transaction ends."""

    def head(self, center: CenterId) -> LogHead:
        """The head, without holding anything."""

    def append(self, center: CenterId, entries: Sequence[bytes]) -> LeafIndex:
        """Appends encoded entries (65 bytes each) after `lock`; the index of the first."""

    def entries(self, center: CenterId, start: LeafIndex, count: int) -> tuple[bytes, ...]:
        """Up to `count` entries from `start` on; fewer where the log ends."""

    def read_tile(self, center: CenterId, tile: TileId, width: int) -> bytes:
        """The first `width` hashes of a tile, 32 bytes each.

        Raises:
            TileMissing: the store has fewer: the log is damaged, or was never published so far.
        """

    def write_tiles(self, center: CenterId, tiles: Mapping[TileId, bytes]) -> None:
        """Writes whole tiles; what stood there before was a prefix of what is written."""

    def add_checkpoint(self, checkpoint: StoredCheckpoint) -> None:
        """Keeps a checkpoint and moves the published head to its tree size."""

    def newest_checkpoint(self, center: CenterId) -> StoredCheckpoint | None:
        """The checkpoint of the largest tree, or None where nothing was published."""

    def checkpoint(self, center: CenterId, tree_size: TreeSize) -> StoredCheckpoint | None:
        """The checkpoint of that tree size, or None."""

    def checkpoints(self, center: CenterId, *, above: TreeSize, limit: int) -> tuple[StoredCheckpoint, ...]:
        """Checkpoints of larger trees than `above`, smallest first."""

    def add_anchor(self, anchor: StoredAnchor) -> None:
        """Records what the chain holds; recording the same again changes nothing."""

    def newest_anchor(self, center: CenterId) -> StoredAnchor | None:
        """The anchor of the largest tree, or None."""

    def anchor_covering(self, center: CenterId, index: LeafIndex) -> StoredAnchor | None:
        """The smallest anchored tree that holds the leaf, or None where it is not anchored yet."""

    def anchors(self, center: CenterId, *, above: TreeSize, limit: int) -> tuple[StoredAnchor, ...]:
        """Anchors of larger trees than `above`, smallest first."""

    def anchors_below(self, center: CenterId, *, below: TreeSize, limit: int) -> tuple[StoredAnchor, ...]:
        """Anchors of smaller trees than `below`, largest first."""

    def forget_anchors_above(self, center: CenterId, tree_size: TreeSize) -> int:
        """Drops records of anchors that the chain has lost; how many."""
