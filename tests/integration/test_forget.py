"""What forget promises: the salt is gone for ever, once, with a line in the record; what was handed out stays."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from greenlane.core.units import CenterId, LeafIndex
from greenlane.ports.answers import Once
from greenlane.services.forget import NothingToForget
from worlds.deployment import LIMA, ROASTER, TIANJIN, World, close_world, make_world
from worlds.storms import BreakingStore, Crash

ONCE = Once(scope="key post /forget", key="k", request_digest=bytes(32), at=datetime(2026, 6, 1, tzinfo=UTC))


def salts(world: World) -> list[bytes | None]:
    with world.store.read() as tx:
        return [event.salt for event in tx.events.walk(LIMA, start=LeafIndex(0), limit=99)]


def forgettings(world: World) -> list[tuple[str, str, str | None]]:
    with world.store.read() as tx:
        return [
            (line.actor, line.subject, line.member)
            for _, line in tx.audit.lines(LIMA, limit=1_000)
            if line.action == "salt.forget"
        ]


def test_one_salt_is_forgotten_and_the_others_are_kept(world: World) -> None:
    world.take(3, member=ROASTER)
    first, _, third = salts(world)
    world.forget(center=LIMA, leaf_index=LeafIndex(1), actor="key:0123")
    assert salts(world) == [first, None, third]
    assert forgettings(world) == [("key:0123", "1", ROASTER)]


def test_a_forgotten_salt_is_nowhere_in_the_files_any_more(world: World) -> None:
    world.take(1, member=ROASTER)
    (salt,) = salts(world)
    assert salt is not None
    files = [file for file in Path(world.file).parent.iterdir() if file.is_file()]
    assert any(salt in file.read_bytes() for file in files)
    world.forget(center=LIMA, leaf_index=LeafIndex(0), actor="console")
    assert not any(salt in file.read_bytes() for file in Path(world.file).parent.iterdir() if file.is_file())


@pytest.mark.parametrize(("center", "leaf"), [(LIMA, 0), (LIMA, 1), (LIMA, 99), (TIANJIN, 1), (CenterId("nowhere"), 0)])
def test_there_is_nothing_to_forget_of_a_public_unknown_foreign_or_forgotten_event(
    world: World, center: CenterId, leaf: int
) -> None:
    world.take(1)
    world.take(1, member=ROASTER)
    world.forget(center=LIMA, leaf_index=LeafIndex(1), actor="console")
    with pytest.raises(NothingToForget):
        world.forget(center=center, leaf_index=LeafIndex(leaf), actor="console")
    assert len(forgettings(world)) == 1


def test_a_repeat_under_its_key_is_answered_and_does_nothing(world: World) -> None:
    world.take(1, member=ROASTER)
    for _ in range(3):
        world.forget(center=LIMA, leaf_index=LeafIndex(0), actor="key:1", once=ONCE)
    assert len(forgettings(world)) == 1


def test_a_crash_at_any_call_of_the_store_forgets_and_records_both_or_neither(tmp_path: Path) -> None:
    at = 0
    while True:
        folder = tmp_path / str(at)
        folder.mkdir()
        world = make_world(folder)
        world.take(1, member=ROASTER)
        breaking = BreakingStore(world.store, at)
        try:
            world.over(breaking).forget(center=LIMA, leaf_index=LeafIndex(0), actor="key:1", once=ONCE)
        except Crash:
            assert (salts(world) != [None], forgettings(world)) == (True, [])
        world.forget(center=LIMA, leaf_index=LeafIndex(0), actor="key:1", once=ONCE)
        assert (salts(world), len(forgettings(world))) == ([None], 1)
        close_world(world)
        if not breaking.has_broken:
            break
        at += 1
    assert at >= 5


def test_what_was_captured_before_is_known_again_after_its_salt_is_forgotten(world: World) -> None:
    first = world.take(1, member=ROASTER)
    world.forget(center=LIMA, leaf_index=LeafIndex(0), actor="console")
    again = world.take(1, member=ROASTER)
    assert again.events[0].event_hash == first.events[0].event_hash
    assert not again.events[0].is_new
    with closing(sqlite3.connect(world.file)) as connection:
        assert connection.execute("SELECT count(*) FROM salt").fetchone() == (0,)
