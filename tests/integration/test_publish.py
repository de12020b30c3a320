"""What publish promises: the roots are those of the tree by definition, whatever the batches, and a crash leaves no half tree."""

from pathlib import Path

import pytest
from greenlane.core.checkpoint import open_checkpoint
from greenlane.core.errors import GreenlaneError, NotFound
from greenlane.core.merkle import leaf_hash, root_of
from greenlane.core.units import CenterId, LeafIndex, TreeSize
from greenlane.ports.log import LogHead, StoredCheckpoint
from greenlane.services.publish import Publish
from worlds.deployment import LIMA, TIANJIN, World, close_world, make_world
from worlds.storms import BreakingStore, Crash


def entry(number: int) -> bytes:
    return b"\x01" + number.to_bytes(64, "big")


def append(world: World, count: int, *, center: CenterId = LIMA) -> None:
    """Entries straight into the log: a publisher does not care what they stand for."""
    with world.store.write() as tx:
        first = tx.log.lock(center).captured
        tx.log.append(center, [entry(first + number) for number in range(count)])


def expected_root(size: int) -> bytes:
    return root_of([leaf_hash(entry(number)) for number in range(size)])


def head(world: World) -> LogHead:
    with world.store.read() as tx:
        return tx.log.head(LIMA)


def checkpoints(world: World) -> tuple[StoredCheckpoint, ...]:
    with world.store.read() as tx:
        return tx.log.checkpoints(LIMA, above=TreeSize(0), limit=10_000)


def test_an_empty_log_publishes_nothing(world: World) -> None:
    assert world.publish(LIMA) is None
    assert checkpoints(world) == ()


@pytest.mark.parametrize("count", [1, 2, 255, 256, 257, 511, 513])
def test_the_root_is_that_of_the_tree_by_definition(world: World, count: int) -> None:
    append(world, count)
    checkpoint = world.publish(LIMA)
    assert checkpoint is not None
    assert (checkpoint.tree_size, checkpoint.root) == (count, expected_root(count))
    assert world.publish(LIMA) is None
    assert head(world) == LogHead(captured=TreeSize(count), published=TreeSize(count))


@pytest.mark.parametrize(
    "batches",
    [
        [1] * 40,
        [255, 1, 1, 256, 255, 2],
        [256, 256, 256],
        [7, 250, 300, 1, 699],
        [257, 255, 511, 1],
    ],
    ids=str,
)
def test_whatever_the_batches_each_root_is_that_of_the_tree_by_definition(world: World, batches: list[int]) -> None:
    size = 0
    for count in batches:
        append(world, count)
        size += count
        checkpoint = world.publish(LIMA)
        assert checkpoint is not None
        assert (checkpoint.tree_size, checkpoint.root) == (size, expected_root(size))


def test_past_a_full_tile_of_the_second_level_the_root_is_still_right(world: World) -> None:
    append(world, 65_530)
    world.publish(LIMA)
    for count in (6, 1, 300):
        append(world, count)
        checkpoint = world.publish(LIMA)
        assert checkpoint is not None
        assert checkpoint.root == expected_root(checkpoint.tree_size)
    assert head(world).published == 65_837


def test_a_batch_is_bounded_and_the_next_call_goes_on(world: World) -> None:
    publish = Publish(store=world.store, signer=world.signer, terms=world.watch_keys.terms, clock=world.clock, max_batch=100)
    append(world, 250)
    sizes = []
    while (checkpoint := publish(LIMA)) is not None:
        sizes.append(checkpoint.tree_size)
        assert checkpoint.root == expected_root(checkpoint.tree_size)
    assert sizes == [100, 200, 250]


def test_each_checkpoint_is_signed_by_its_centers_key_and_no_others(world: World) -> None:
    append(world, 3)
    checkpoint = world.publish(LIMA)
    assert checkpoint is not None
    opened = open_checkpoint(checkpoint.note, world.signer.center(LIMA).key)
    assert (opened.tree_size, opened.root) == (3, checkpoint.root)
    with pytest.raises(GreenlaneError):
        open_checkpoint(checkpoint.note, world.signer.center(TIANJIN).key)


def test_one_centers_log_leaves_anothers_alone(world: World) -> None:
    append(world, 5)
    append(world, 2, center=TIANJIN)
    world.publish(LIMA)
    with world.store.read() as tx:
        assert tx.log.head(TIANJIN) == LogHead(captured=TreeSize(2), published=TreeSize(0))


def test_a_center_that_is_not_served_here_is_refused(world: World) -> None:
    with pytest.raises(NotFound):
        world.publish(CenterId("nowhere"))


def test_a_log_whose_tiles_were_changed_is_not_signed_on(world: World) -> None:
    append(world, 300)
    world.publish(LIMA)
    world.damage("UPDATE tile SET hashes = zeroblob(32) || substr(hashes, 33) WHERE level = 0 AND number = 1")
    append(world, 1)
    with pytest.raises(GreenlaneError):
        world.publish(LIMA)
    assert head(world).published == 300


def test_a_crash_at_any_call_of_the_store_leaves_the_old_tree_or_the_new_one(tmp_path: Path) -> None:
    at = 0
    while True:
        folder = tmp_path / str(at)
        folder.mkdir()
        world = make_world(folder)
        append(world, 250)
        world.publish(LIMA)
        append(world, 10)
        breaking = BreakingStore(world.store, at)
        try:
            world.over(breaking).publish(LIMA)
        except Crash:
            assert [each.tree_size for each in checkpoints(world)] == [250]
            assert head(world) == LogHead(captured=TreeSize(260), published=TreeSize(250))
        world.publish(LIMA)
        assert [(each.tree_size, each.root) for each in checkpoints(world)] == [
            (250, expected_root(250)),
            (260, expected_root(260)),
        ]
        with world.store.read() as tx:
            assert tx.log.entries(LIMA, LeafIndex(259), 5) == (entry(259),)
        close_world(world)
        if not breaking.has_broken:
            break
        at += 1
    assert at > 5
