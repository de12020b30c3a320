"""Each center's log in the database: entries, tiles, checkpoints and known anchors."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Row, Select, Table, delete, func, insert, select, update

from greenlane.adapters.sql.tables import anchor as anchors
from greenlane.adapters.sql.tables import checkpoint as checkpoints
from greenlane.adapters.sql.tables import entry_run, log_head, log_published
from greenlane.adapters.sql.work import Work
from greenlane.core.errors import CannotCheck, Conflict, InvalidInput
from greenlane.core.tiles import TILE_WIDTH, TileId
from greenlane.core.units import BlockNumber, CenterId, LeafIndex, RootHash, TreeSize, TxHash
from greenlane.ports.errors import TileMissing
from greenlane.ports.log import LogHead, StoredAnchor, StoredCheckpoint

ENTRY_BYTES = 65
_HASH_BYTES = 32
_RUN_ENTRIES = 256
_HEADS = "SELECT captured, published FROM log_head JOIN log_published USING (center) WHERE center = ?"
_COUNT_ENTRIES = "UPDATE log_head SET captured = captured + ? WHERE center = ? RETURNING captured"
_READ_TILE = "SELECT substr(hashes, 1, ?) FROM tile WHERE center = ? AND level = ? AND number = ?"
# Writes nothing where what stands is no prefix of what comes.
_WRITE_TILE = (
    "INSERT INTO tile (center, level, number, hashes) VALUES (?, ?, ?, ?) ON CONFLICT (center, level, number) "
    "DO UPDATE SET hashes = excluded.hashes WHERE substr(excluded.hashes, 1, length(tile.hashes)) = tile.hashes"
)
_T = TypeVar("_T")


class EntryMissing(CannotCheck):
    """An entry that the log's head counts is not in the store."""

    code = "entry-missing"
    default_remedy = "Run `greenlane fsck`, and restore from a backup what it names."


class TileRewritten(Conflict):
    """What should replace a tile does not begin with what stands there: a log only ever grows."""

    code = "tile-rewritten"
    default_remedy = "Run `greenlane fsck`; do not publish before it is clean."


class CheckpointRefused(Conflict):
    """A checkpoint contradicts the log: another root for a size, a smaller tree, or more leaves than there are entries."""

    code = "checkpoint-refused"
    default_remedy = "Run `greenlane fsck`; do not publish before it is clean."


class AnchorContradicted(Conflict):
    """Another root is recorded as anchored at that tree size."""

    code = "anchor-contradicted"
    default_remedy = "Ask another node; if the recorded anchor is one that the chain has lost, forget it first."


class SqlLog:
    """The port's Log; see there.

    PostgreSQL holds rows (`FOR UPDATE`). In SQLite a write transaction already has the database to itself, so there
    publishers and appenders do hold each other, for as long as one transaction takes.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._held: dict[CenterId, int] = {}

    def lock(self, center: CenterId) -> LogHead:
        number = self._work.number_or_new(center)
        # `published` may be a little behind where this waited for a publisher; it can never be ahead of `captured`.
        ((captured, published),) = self._work.direct(
            _HEADS + " FOR UPDATE OF log_head" if self._work.is_postgres else _HEADS, number
        ).fetchall()
        self._held[center] = number
        return LogHead(captured=TreeSize(captured), published=TreeSize(published))

    def lock_publishing(self, center: CenterId) -> LogHead:
        number = self._work.number_or_new(center)
        self._work.connection.execute(
            select(log_published.c.published).where(log_published.c.center == number).with_for_update()
        ).one()
        # Asked again: read while waiting, `captured` might be older than what the other publisher published.
        row = self._work.connection.execute(_heads(number)).one()
        return LogHead(captured=TreeSize(row.captured), published=TreeSize(row.published))

    def head(self, center: CenterId) -> LogHead:
        number = self._work.number(center)
        row = None if number is None else self._work.connection.execute(_heads(number)).one_or_none()
        if row is None:
            return LogHead(captured=TreeSize(0), published=TreeSize(0))
        return LogHead(captured=TreeSize(row.captured), published=TreeSize(row.published))

    def append(self, center: CenterId, entries: Sequence[bytes]) -> LeafIndex:
        if center not in self._held:
            self.lock(center)
        number = self._held[center]
        if any(len(entry) != ENTRY_BYTES for entry in entries):
            raise InvalidInput(f"Every entry has {ENTRY_BYTES} bytes.")
        # All rows are fetched: SQLite commits nothing while a statement could still answer.
        ((captured,),) = self._work.direct(_COUNT_ENTRIES, len(entries), number).fetchall()
        first = captured - len(entries)
        if entries:
            self._work.direct_many(
                "INSERT INTO entry_run (center, start, entries) VALUES (?, ?, ?)",
                [(number, first + at, b"".join(entries[at : at + _RUN_ENTRIES])) for at in range(0, len(entries), _RUN_ENTRIES)],
            )
        return LeafIndex(first)

    def entries(self, center: CenterId, start: LeafIndex, count: int) -> tuple[bytes, ...]:
        number = self._work.number(center)
        if number is None or count <= 0:
            return ()
        head = self._work.connection.execute(_heads(number)).one()
        end = min(start + count, head.captured)
        if start >= end:
            return ()
        holds_start = (
            select(func.max(entry_run.c.start)).where(entry_run.c.center == number, entry_run.c.start <= start).scalar_subquery()
        )
        rows = self._work.connection.execute(
            select(entry_run.c.start, entry_run.c.entries)
            .where(entry_run.c.center == number, entry_run.c.start >= holds_start, entry_run.c.start < end)
            .order_by(entry_run.c.start)
        )
        found: list[bytes] = []
        at: int = start
        for run_start, run in rows:
            offset = (at - run_start) * ENTRY_BYTES
            if offset < 0:
                break
            stop = min(len(run), (end - run_start) * ENTRY_BYTES)
            found.extend(run[place : place + ENTRY_BYTES] for place in range(offset, stop, ENTRY_BYTES))
            at = start + len(found)
        if at < end:
            raise EntryMissing(f"Entry {at} of the log of {center} is missing; {head.captured} are counted.")
        return tuple(found)

    def read_tile(self, center: CenterId, tile: TileId, width: int) -> bytes:
        row = self._work.direct(_READ_TILE, width * _HASH_BYTES, self._work.number(center), tile.level, tile.number).fetchone()
        hashes: bytes = b"" if row is None else row[0]
        if len(hashes) < width * _HASH_BYTES:
            has = len(hashes) // _HASH_BYTES
            raise TileMissing(f"Tile {tile.level}/{tile.number} of the log of {center} has {has} hashes, {width} are needed.")
        return hashes

    def write_tiles(self, center: CenterId, tiles: Mapping[TileId, bytes]) -> None:
        number = self._work.number_or_new(center)
        rows = []
        for tile_id, hashes in sorted(tiles.items()):
            if not hashes or len(hashes) % _HASH_BYTES or len(hashes) > TILE_WIDTH * _HASH_BYTES:
                raise InvalidInput(f"Tile {tile_id.level}/{tile_id.number} has {len(hashes)} bytes: no tile has.")
            rows.append((number, tile_id.level, tile_id.number, hashes))
        if rows:
            # Given to the driver itself, which tells how many rows of a batch were written.
            cursor = self._work.driver().cursor()
            cursor.executemany(_WRITE_TILE.replace("?", "%b") if self._work.is_postgres else _WRITE_TILE, rows)
            written = cursor.rowcount
            cursor.close()
            if written != len(rows):
                raise TileRewritten(f"{len(rows) - written} tiles of the log of {center} do not continue what stands there.")

    def add_checkpoint(self, checkpoint: StoredCheckpoint) -> None:
        number = self._work.number_or_new(checkpoint.center)
        known = self.checkpoint(checkpoint.center, checkpoint.tree_size)
        if known is not None:
            if known.root != checkpoint.root:
                raise CheckpointRefused(f"A checkpoint of tree size {checkpoint.tree_size} stands with another root.")
            return
        moved = self._work.changed(
            update(log_published)
            .where(
                log_published.c.center == number,
                log_published.c.published <= checkpoint.tree_size,
                select(log_head.c.captured).where(log_head.c.center == number).scalar_subquery() >= checkpoint.tree_size,
            )
            .values(published=checkpoint.tree_size)
        )
        if moved != 1:
            head = self.head(checkpoint.center)
            raise CheckpointRefused(
                f"A checkpoint of tree size {checkpoint.tree_size} does not fit a log with {head.published} published "
                f"of {head.captured} entries."
            )
        self._work.connection.execute(
            insert(checkpoints).values(
                center=number,
                tree_size=checkpoint.tree_size,
                root=checkpoint.root,
                note=checkpoint.note,
                created_at=checkpoint.created_at,
            )
        )

    def newest_checkpoint(self, center: CenterId) -> StoredCheckpoint | None:
        return _first(self._checkpoints(center, _of(checkpoints, self._work.number(center), is_newest_first=True).limit(1)))

    def checkpoint(self, center: CenterId, tree_size: TreeSize) -> StoredCheckpoint | None:
        wanted = _of(checkpoints, self._work.number(center)).where(checkpoints.c.tree_size == tree_size)
        return _first(self._checkpoints(center, wanted))

    def checkpoints(self, center: CenterId, *, above: TreeSize, limit: int) -> tuple[StoredCheckpoint, ...]:
        wanted = _of(checkpoints, self._work.number(center)).where(checkpoints.c.tree_size > above).limit(limit)
        return self._checkpoints(center, wanted)

    def add_anchor(self, anchor: StoredAnchor) -> None:
        number = self._work.number_or_new(anchor.center)
        row = {
            "center": number,
            "tree_size": anchor.tree_size,
            "root": anchor.root,
            "anchored_at": anchor.anchored_at,
            "block_number": anchor.block_number,
            "tx_hash": anchor.transaction,
        }
        if not self._work.was_inserted(anchors, row):
            known = self._anchors(anchor.center, _of(anchors, number).where(anchors.c.tree_size == anchor.tree_size))
            if known and known[0].root != anchor.root:
                raise AnchorContradicted(
                    f"Another root of {anchor.center} is recorded as anchored at tree size {anchor.tree_size}."
                )

    def newest_anchor(self, center: CenterId) -> StoredAnchor | None:
        return _first(self._anchors(center, _of(anchors, self._work.number(center), is_newest_first=True).limit(1)))

    def anchor_covering(self, center: CenterId, index: LeafIndex) -> StoredAnchor | None:
        return _first(self.anchors(center, above=TreeSize(index), limit=1))

    def anchors(self, center: CenterId, *, above: TreeSize, limit: int) -> tuple[StoredAnchor, ...]:
        wanted = _of(anchors, self._work.number(center)).where(anchors.c.tree_size > above).limit(limit)
        return self._anchors(center, wanted)

    def anchors_below(self, center: CenterId, *, below: TreeSize, limit: int) -> tuple[StoredAnchor, ...]:
        newest_first = _of(anchors, self._work.number(center), is_newest_first=True)
        return self._anchors(center, newest_first.where(anchors.c.tree_size < below).limit(limit))

    def forget_anchors_above(self, center: CenterId, tree_size: TreeSize) -> int:
        return self._work.changed(
            delete(anchors).where(anchors.c.center == self._work.number(center), anchors.c.tree_size > tree_size)
        )

    def _checkpoints(self, center: CenterId, wanted: Select[Any]) -> tuple[StoredCheckpoint, ...]:
        return tuple(_checkpoint(center, row) for row in self._work.connection.execute(wanted))

    def _anchors(self, center: CenterId, wanted: Select[Any]) -> tuple[StoredAnchor, ...]:
        return tuple(stored_anchor(center, row) for row in self._work.connection.execute(wanted))


def _heads(number: int) -> Select[tuple[int, int]]:
    return (
        select(log_head.c.captured, log_published.c.published)
        .join(log_published, log_published.c.center == log_head.c.center)
        .where(log_head.c.center == number)
    )


def _of(table: Table, number: int | None, *, is_newest_first: bool = False) -> Select[Any]:
    # Without the sealed block of an anchor, which few who walk through anchors want, and which is larger than all the rest.
    wanted = select(*(column for column in table.c if column.name != "sealed_state")).where(table.c.center == number)
    return wanted.order_by(table.c.tree_size.desc() if is_newest_first else table.c.tree_size)


def _first(found: tuple[_T, ...]) -> _T | None:
    return found[0] if found else None


def _checkpoint(center: CenterId, row: Row[Any]) -> StoredCheckpoint:
    return StoredCheckpoint(
        center=center,
        tree_size=TreeSize(row.tree_size),
        root=RootHash(row.root),
        note=row.note,
        created_at=row.created_at,
    )


def stored_anchor(center: CenterId, row: Row[Any]) -> StoredAnchor:
    """An anchor's row as the port has it."""
    return StoredAnchor(
        center=center,
        tree_size=TreeSize(row.tree_size),
        root=RootHash(row.root),
        anchored_at=row.anchored_at,
        block_number=None if row.block_number is None else BlockNumber(row.block_number),
        transaction=None if row.tx_hash is None else TxHash(row.tx_hash),
    )
