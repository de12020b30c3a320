"""What the log's room promises: places without gaps or doubles, tiles that only grow, checkpoints and anchors by tree size."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from greenlane.adapters.sql.log import AnchorContradicted, CheckpointRefused, EntryMissing, TileRewritten
from greenlane.adapters.sql.store import SqlStore, open_store
from greenlane.core.errors import InvalidInput
from greenlane.core.tiles import TileId
from greenlane.core.units import BlockNumber, CenterId, LeafIndex, RootHash, TreeSize, TxHash
from greenlane.ports.errors import TileMissing
from greenlane.ports.log import LogHead, StoredAnchor, StoredCheckpoint
from greenlane.ports.store import Store
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

LIMA = CenterId("lima")
TIANJIN = CenterId("tianjin")
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def entry(number: int) -> bytes:
    return number.to_bytes(65, "big")


def checkpoint(size: int, root: int = 0) -> StoredCheckpoint:
    return StoredCheckpoint(
        center=LIMA, tree_size=TreeSize(size), root=RootHash(bytes([root]) * 32), note=f"note of {size}\n", created_at=NOON
    )


def anchor(size: int, root: int = 0, block: int | None = 7) -> StoredAnchor:
    return StoredAnchor(
        center=LIMA,
        tree_size=TreeSize(size),
        root=RootHash(bytes([root]) * 32),
        anchored_at=NOON,
        block_number=None if block is None else BlockNumber(block),
        transaction=None if block is None else TxHash(bytes([block]) * 32),
    )


def test_a_log_is_empty_before_its_first_use(store: Store) -> None:
    with store.read() as reader:
        assert reader.log.head(LIMA) == LogHead(captured=TreeSize(0), published=TreeSize(0))
        assert reader.log.entries(LIMA, LeafIndex(0), 10) == ()
        assert reader.log.newest_checkpoint(LIMA) is None
        assert reader.log.newest_anchor(LIMA) is None
        assert reader.log.checkpoints(LIMA, above=TreeSize(0), limit=9) == ()
        with pytest.raises(TileMissing):
            reader.log.read_tile(LIMA, TileId(level=0, number=0), 1)


def test_entries_come_back_as_they_were_appended_from_any_place_in_any_number(store: Store) -> None:
    batches = [1, 1, 300, 0, 255, 1, 256, 257, 1]
    wanted: list[bytes] = []
    for size in batches:
        with store.write() as transaction:
            batch = [entry(len(wanted) + n) for n in range(size)]
            transaction.log.lock(LIMA)
            assert transaction.log.append(LIMA, batch) == len(wanted)
            wanted += batch
    with store.write() as transaction:
        transaction.log.append(TIANJIN, [entry(9)])
    with store.read() as reader:
        assert reader.log.head(LIMA).captured == len(wanted) == sum(batches)
        for start in (0, 1, 2, 3, 100, 257, 258, 301, 302, 556, 557, 558, 814, 1071, 1072, 5000):
            for count in (0, 1, 2, 255, 256, 257, 2000):
                assert reader.log.entries(LIMA, LeafIndex(start), count) == tuple(wanted[start : start + count]), (start, count)
        assert reader.log.entries(TIANJIN, LeafIndex(0), 9) == (entry(9),)


def test_an_entry_of_another_length_is_refused(store: Store) -> None:
    for wrong in (b"", bytes(64), bytes(66)):
        with pytest.raises(InvalidInput), store.write() as transaction:
            transaction.log.append(LIMA, [bytes(65), wrong])
    with store.read() as reader:
        assert reader.log.head(LIMA).captured == 0


def test_a_lost_entry_is_named_and_never_skipped(tmp_path: Path) -> None:
    file = tmp_path / "greenlane.db"
    store = open_store(f"sqlite:///{file}")
    store.migrate()
    for number in range(4):
        with store.write() as transaction:
            transaction.log.append(LIMA, [entry(number)])
    with sqlite3.connect(file) as thief:
        thief.execute("DROP TRIGGER entry_run_refuses_delete")
        thief.execute("DELETE FROM entry_run WHERE start = 2")
    thief.close()
    with store.read() as reader:
        assert reader.log.entries(LIMA, LeafIndex(0), 2) == (entry(0), entry(1))
        for start, count in ((0, 4), (2, 1), (0, 3)):
            with pytest.raises(EntryMissing, match="Entry 2 of the log of lima"):
                reader.log.entries(LIMA, LeafIndex(start), count)
        assert reader.log.entries(LIMA, LeafIndex(3), 1) == (entry(3),)
    store.close()


def test_threads_that_append_never_share_an_index(store: Store) -> None:
    places: list[range] = []
    keep = threading.Lock()

    def append(size: int) -> None:
        for _ in range(8):
            with store.write() as transaction:
                head = transaction.log.lock(LIMA)
                first = transaction.log.append(LIMA, [entry(size)] * size)
                assert int(first) == int(head.captured)
            with keep:
                places.append(range(first, first + size))

    threads = [threading.Thread(target=append, args=(size,)) for size in (1, 2, 3, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = sorted(index for place in places for index in place)
    assert taken == list(range(8 * 11))


def _publish_twice(store: SqlStore) -> list[str]:
    """Two publishers at once, the first slow; what happened in order."""
    told: list[str] = []
    first_holds = threading.Event()

    def slow() -> None:
        with store.write() as transaction:
            head = transaction.log.lock_publishing(LIMA)
            first_holds.set()
            time.sleep(0.3)
            transaction.log.add_checkpoint(checkpoint(head.captured))
            told.append(f"slow published {head.published} to {head.captured}")

    def fast() -> None:
        first_holds.wait()
        with store.write() as transaction:
            head = transaction.log.lock_publishing(LIMA)
            told.append(f"fast found {head.published} of {head.captured}")

    threads = [threading.Thread(target=slow), threading.Thread(target=fast)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


def test_a_second_publisher_waits_and_sees_what_the_first_did(store: SqlStore) -> None:
    with store.write() as transaction:
        transaction.log.append(LIMA, [entry(0)] * 5)
    assert _publish_twice(store) == ["slow published 0 to 5", "fast found 5 of 5"]


@pytest.mark.postgres
def test_in_postgres_a_publisher_does_not_hold_appenders(postgres_url: str) -> None:
    store = open_store(postgres_url)
    store.migrate()
    with store.write() as transaction:
        transaction.log.append(LIMA, [entry(0)] * 5)
    with store.write() as publisher:
        assert publisher.log.lock_publishing(LIMA).captured == 5
        with store.write() as appender:
            assert appender.log.append(LIMA, [entry(1)]) == 5
        publisher.log.add_checkpoint(checkpoint(5))
    with store.read() as reader:
        assert reader.log.head(LIMA) == LogHead(captured=TreeSize(6), published=TreeSize(5))
    store.close()


def test_a_tile_grows_and_is_read_at_any_width_it_has(store: Store) -> None:
    whole = b"".join(n.to_bytes(32, "big") for n in range(256))
    tile = TileId(level=1, number=70000)
    for width in (1, 2, 2, 100, 256):
        with store.write() as transaction:
            transaction.log.write_tiles(LIMA, {tile: whole[: width * 32], TileId(level=0, number=width): whole})
        with store.read() as reader:
            for narrower in (1, width):
                assert reader.log.read_tile(LIMA, tile, narrower) == whole[: narrower * 32]
            if width < 256:
                with pytest.raises(TileMissing, match=f"has {width} hashes, {width + 1} are needed"):
                    reader.log.read_tile(LIMA, tile, width + 1)
            with pytest.raises(TileMissing):
                reader.log.read_tile(TIANJIN, tile, 1)


@pytest.mark.parametrize("change", ["shorter", "other first hash", "other last hash"])
def test_a_tile_that_does_not_continue_what_stands_is_refused_with_all_beside_it(store: Store, change: str) -> None:
    stands = bytes(range(96))
    comes = {
        "shorter": stands[:64],
        "other first hash": b"\xff" + stands[1:] + bytes(32),
        "other last hash": stands[:-1] + b"\xff" + bytes(32),
    }
    tile, beside = TileId(level=0, number=0), TileId(level=0, number=1)
    with store.write() as transaction:
        transaction.log.write_tiles(LIMA, {tile: stands})
    with pytest.raises(TileRewritten), store.write() as transaction:
        transaction.log.write_tiles(LIMA, {beside: bytes(32), tile: comes[change]})
    with store.read() as reader:
        assert reader.log.read_tile(LIMA, tile, 3) == stands
        with pytest.raises(TileMissing):
            reader.log.read_tile(LIMA, beside, 1)


@pytest.mark.parametrize("size", [0, 1, 31, 33, 8193, 8224])
def test_bytes_that_are_no_tile_are_refused(store: Store, size: int) -> None:
    with pytest.raises(InvalidInput), store.write() as transaction:
        transaction.log.write_tiles(LIMA, {TileId(level=0, number=0): bytes(size)})


def test_a_checkpoint_moves_the_published_head_forward_only(store: Store) -> None:
    with store.write() as transaction:
        transaction.log.append(LIMA, [entry(0)] * 10)
        for size in (3, 7):
            transaction.log.add_checkpoint(checkpoint(size))
            assert transaction.log.head(LIMA).published == size
        transaction.log.add_checkpoint(checkpoint(7))
    for wrong in (checkpoint(11), checkpoint(5), checkpoint(7, root=1), checkpoint(3, root=1)):
        with pytest.raises(CheckpointRefused), store.write() as transaction:
            transaction.log.add_checkpoint(wrong)
    with store.read() as reader:
        assert reader.log.head(LIMA) == LogHead(captured=TreeSize(10), published=TreeSize(7))
        assert reader.log.newest_checkpoint(LIMA) == checkpoint(7)
        assert reader.log.checkpoint(LIMA, TreeSize(3)) == checkpoint(3)
        assert reader.log.checkpoint(LIMA, TreeSize(4)) is None
        assert reader.log.checkpoints(LIMA, above=TreeSize(0), limit=9) == (checkpoint(3), checkpoint(7))
        assert reader.log.checkpoints(LIMA, above=TreeSize(0), limit=1) == (checkpoint(3),)
        assert reader.log.checkpoints(LIMA, above=TreeSize(3), limit=9) == (checkpoint(7),)
        assert reader.log.newest_checkpoint(TIANJIN) is None


def test_anchors_are_found_by_what_they_cover_and_recorded_once(store: Store) -> None:
    with store.write() as transaction:
        for one in (anchor(4), anchor(9, block=None), anchor(4), anchor(20)):
            transaction.log.add_anchor(one)
        transaction.log.add_anchor(anchor(9, block=8))
    with store.read() as reader:
        covering = {index: reader.log.anchor_covering(LIMA, LeafIndex(index)) for index in (0, 3, 4, 8, 9, 19, 20)}
        assert covering == {
            0: anchor(4),
            3: anchor(4),
            4: anchor(9, block=None),
            8: anchor(9, block=None),
            9: anchor(20),
            19: anchor(20),
            20: None,
        }
        assert reader.log.newest_anchor(LIMA) == anchor(20)
        assert reader.log.anchors(LIMA, above=TreeSize(4), limit=1) == (anchor(9, block=None),)
        assert reader.log.anchors_below(LIMA, below=TreeSize(20), limit=2) == (anchor(9, block=None), anchor(4))
        assert reader.log.anchors_below(LIMA, below=TreeSize(21), limit=1) == (anchor(20),)
        assert reader.log.anchors_below(LIMA, below=TreeSize(4), limit=1) == ()
        assert reader.log.anchors_below(TIANJIN, below=TreeSize(99), limit=1) == ()
    with pytest.raises(AnchorContradicted), store.write() as transaction:
        transaction.log.add_anchor(anchor(9, root=1))


def test_anchors_that_the_chain_lost_are_forgotten_and_may_come_again_otherwise(store: Store) -> None:
    with store.write() as transaction:
        for size in (4, 9, 20):
            transaction.log.add_anchor(anchor(size))
        assert transaction.log.forget_anchors_above(LIMA, TreeSize(4)) == 2
        assert transaction.log.forget_anchors_above(LIMA, TreeSize(4)) == 0
        assert transaction.log.forget_anchors_above(TIANJIN, TreeSize(0)) == 0
        transaction.log.add_anchor(anchor(9, root=1))
    with store.read() as reader:
        assert reader.log.anchors(LIMA, above=TreeSize(0), limit=9) == (anchor(4), anchor(9, root=1))


class LogAgainstALine(RuleBasedStateMachine):
    """The log's room beside a plain list, through committed, failed and repeated steps."""

    store: SqlStore
    centers: Iterator[int]

    def __init__(self) -> None:
        super().__init__()
        self.center = CenterId(f"c{next(self.centers)}")
        self.entries: list[bytes] = []
        self.published = 0
        self.checkpoints: dict[int, bytes] = {}

    @rule(sizes=st.lists(st.integers(0, 300), min_size=1, max_size=3), is_kept=st.booleans())
    def append(self, sizes: list[int], is_kept: bool) -> None:
        batches = [[entry(len(self.entries) + 1000 * n + k) for k in range(size)] for n, size in enumerate(sizes)]
        try:
            with self.store.write() as transaction:
                expected = len(self.entries)
                for batch in batches:
                    assert transaction.log.append(self.center, batch) == expected
                    expected += len(batch)
                if not is_kept:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            return
        self.entries += [one for batch in batches for one in batch]

    @rule(size=st.integers(0, 700), root=st.integers(0, 2))
    def publish(self, size: int, root: int) -> None:
        is_good = (
            self.checkpoints.get(size) == bytes([root]) * 32
            if size in self.checkpoints
            else self.published <= size <= len(self.entries)
        )
        new = StoredCheckpoint(
            center=self.center, tree_size=TreeSize(size), root=RootHash(bytes([root]) * 32), note="note", created_at=NOON
        )
        try:
            with self.store.write() as transaction:
                transaction.log.add_checkpoint(new)
        except CheckpointRefused:
            assert not is_good
        else:
            assert is_good
            self.published = max(self.published, size)
            self.checkpoints[size] = bytes([root]) * 32

    @rule(start=st.integers(0, 700), count=st.integers(0, 700))
    def read(self, start: int, count: int) -> None:
        with self.store.read() as reader:
            assert reader.log.entries(self.center, LeafIndex(start), count) == tuple(self.entries[start : start + count])

    @invariant()
    def head_is_the_models(self) -> None:
        with self.store.read() as reader:
            head = reader.log.head(self.center)
            newest = reader.log.newest_checkpoint(self.center)
        assert head == LogHead(captured=TreeSize(len(self.entries)), published=TreeSize(self.published))
        assert (newest.tree_size if newest else None) == max(self.checkpoints, default=None)


def test_the_log_does_what_a_plain_list_does(store: SqlStore) -> None:
    class Machine(LogAgainstALine):
        centers = iter(range(10_000))

    Machine.store = store
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=15, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck), database=None
        ),
    )
