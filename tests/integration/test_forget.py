"""What forget promises: the salt is gone for ever, once, with a line in the record; what was handed out stays."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from greenlane.core.crypto import sha256
from greenlane.core.documents.description import Description, MemberName, document_entry, encode_description
from greenlane.core.units import CenterId, LeafIndex, Salt
from greenlane.ports.answers import Once
from greenlane.ports.document_index import StoredDocument
from greenlane.services.forget import NothingToForget
from worlds.deployment import COOPERATIVE, LIMA, ROASTER, TIANJIN, World, close_world, make_world
from worlds.descriptions import confidential_description, description
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


def state(world: World, stated: Description, salt: Salt | None) -> StoredDocument:
    """Stores a statement of the roaster as a service does."""
    stated = replace(stated, stated_by=MemberName(center=LIMA, member=ROASTER))
    entry = document_entry(stated)
    with world.store.write() as tx:
        tx.log.lock(LIMA)
        document = StoredDocument(
            center=LIMA,
            member=ROASTER,
            description=stated,
            content_digest=sha256(encode_description(stated)),
            leaf_index=tx.log.append(LIMA, [(entry if salt is None else entry.blinded(salt)).encode()]),
            salt=salt,
            is_blinded=salt is not None,
            stored_at=world.clock(),
        )
        tx.documents.add(document)
    return document


def test_the_salt_of_a_confidential_document_is_forgotten_like_an_events(world: World) -> None:
    world.take(1)
    secret = state(world, confidential_description(), Salt(b"a salt of thirty-two bytes, yes!"))
    public = state(world, description(), None)
    assert (secret.leaf_index, public.leaf_index) == (1, 2)
    with pytest.raises(NothingToForget):
        world.forget(center=LIMA, leaf_index=public.leaf_index, actor="console")
    world.forget(center=LIMA, leaf_index=secret.leaf_index, actor="key:0123")
    with pytest.raises(NothingToForget):
        world.forget(center=LIMA, leaf_index=secret.leaf_index, actor="console")
    with world.store.read() as tx:
        assert tx.documents.at(LIMA, secret.leaf_index) == replace(secret, salt=None)
    assert forgettings(world) == [("key:0123", "1", ROASTER)]
    files = [file.read_bytes() for file in Path(world.file).parent.iterdir() if file.is_file()]
    assert not any(b"a salt of thirty-two bytes, yes!" in data for data in files)


def test_a_salt_is_not_forgotten_under_the_name_of_another_entry(world: World) -> None:
    """An event without a salt hides no document's, and the other way round: each leaf is one entry."""
    world.take(1, member=COOPERATIVE)
    secret = state(world, confidential_description(), Salt(bytes(32)))
    with pytest.raises(NothingToForget):
        world.forget(center=LIMA, leaf_index=LeafIndex(0), actor="console")
    with world.store.read() as tx:
        assert tx.documents.at(LIMA, secret.leaf_index) == secret
        assert tx.documents.at(LIMA, LeafIndex(0)) is None
        assert tx.events.at(LIMA, secret.leaf_index) is None
