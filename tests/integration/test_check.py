"""What fsck promises: a clean log is called clean, and every kind of damage is named with its place."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from greenlane.core.crypto import ed25519_public_key, sha256
from greenlane.core.units import LeafIndex, RootHash, TreeSize
from greenlane.ports.ledger import AnchoredHead, LedgerUnavailable
from worlds.deployment import LIMA, ROASTER, TIANJIN, World, close_world, make_world, sealed_chain
from worlds.events import event_document, item, parsed

DECLARATION = {"declarationTime": "2026-05-31T08:00:00.000Z", "reason": "incorrect_data"}


def fill(world: World, count: int = 300) -> None:
    """A log with two tiles, two checkpoints and two anchors, public and private events, and a declaration of error."""
    world.take(count)
    world.settle()
    world.take(3, member=ROASTER)
    world.take_these(*parsed(event_document(0, errorDeclaration=DECLARATION)))
    world.settle()


def flip_first_byte(world: World, table: str, column: str, where: str) -> None:
    with closing(sqlite3.connect(world.file)) as connection:
        (value,) = connection.execute(f"SELECT CAST({column} AS BLOB) FROM {table} WHERE {where}").fetchone()
    changed = bytes([value[0] ^ 1]) + value[1:]
    kind = "TEXT" if column == "note" else "BLOB"
    assert world.damage(f"UPDATE {table} SET {column} = CAST(? AS {kind}) WHERE {where}", changed) == 1


def test_an_empty_log_and_a_full_one_are_clean(world: World) -> None:
    empty = world.fsck()
    assert (empty.entries, empty.events, empty.faults) == (0, 0, [])
    fill(world)
    report = world.fsck()
    assert report.faults == []
    assert (report.events, report.entries, report.tiles, report.checkpoints, report.anchors) == (304, 304, 3, 2, 2)
    assert report.is_chain_checked
    assert not world.fsck(is_asking_chain=False).is_chain_checked


def test_what_is_captured_and_not_published_yet_is_no_fault(world: World) -> None:
    fill(world)
    world.take(300, first=1_000)
    report = world.fsck()
    assert (report.entries, report.faults) == (604, [])
    world.publish(LIMA)
    assert world.fsck().faults == []


def test_another_centers_damage_is_not_blamed_on_this_one(world: World) -> None:
    fill(world)
    world.take(2, center=TIANJIN)
    world.settle(TIANJIN)
    flip_first_byte(world, "event", "content_digest", "center = 2 AND leaf_index = 1")
    faults = [bool(world.fsck(center).faults) for center in (LIMA, TIANJIN)]
    assert sorted(faults) == [False, True]


@pytest.mark.parametrize(
    ("table", "column", "where", "named"),
    [
        ("event", "document", "leaf_index = 7", "leaf 7"),
        ("event", "content_digest", "leaf_index = 7", "leaf 7"),
        ("event", "event_digest", "leaf_index = 7", "leaf 7"),
        ("event", "variant_digest", "leaf_index = 7", "leaf 7"),
        ("salt", "salt", "leaf_index = 301", "leaf 301"),
        ("entry_run", "entries", "start = 256", "Entry 256"),
        ("tile", "hashes", "level = 0 AND number = 0", "Tile 0 of level 0"),
        ("tile", "hashes", "level = 0 AND number = 1", "Tile 1 of level 0"),
        ("tile", "hashes", "level = 1 AND number = 0", "Tile 0 of level 1"),
        ("checkpoint", "note", "tree_size = 300", "tree size 300"),
        ("checkpoint", "root", "tree_size = 300", "tree size 300"),
        ("anchor", "root", "tree_size = 300", "tree size 300"),
        ("anchor", "tx_hash", "tree_size = 300", "transaction of the anchor at tree size 300"),
    ],
)
def test_one_flipped_bit_is_named_with_its_place(world: World, table: str, column: str, where: str, named: str) -> None:
    fill(world)
    flip_first_byte(world, table, column, where)
    faults = world.fsck().faults
    assert any(named in fault for fault in faults), faults


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("DELETE FROM event WHERE leaf_index = 7", "Entry 7 "),
        ("DELETE FROM event WHERE leaf_index = 303", "Entry 303 "),
        ("DELETE FROM event", "Entry 0 "),
        ("DELETE FROM entry_run WHERE start = 256", "256"),
        ("DELETE FROM entry_run", "Entries from 0"),
        ("UPDATE entry_run SET entries = substr(entries, 1, 65) WHERE start = 256", "257"),
        ("UPDATE entry_run SET entries = CAST(x'09' || substr(entries, 2) AS BLOB) WHERE start = 256", "Entry 256 is malformed"),
        ("DELETE FROM tile WHERE level = 1", "Tile 0 of level 1"),
        ("DELETE FROM tile WHERE number = 1", "Tile 1 of level 0"),
        ("DELETE FROM checkpoint WHERE tree_size = 304", "newest checkpoint"),
        ("DELETE FROM checkpoint", "newest checkpoint"),
        ("DELETE FROM salt WHERE leaf_index = 300", "leaf 300: its salt is gone"),
        ("UPDATE event SET is_private = 0 WHERE leaf_index = 300", "leaf 300"),
        ("UPDATE event SET is_blinded = 0 WHERE leaf_index = 300", "leaf 300"),
        ("UPDATE event SET event_time = event_time + 1 WHERE leaf_index = 7", "event time"),
        ("UPDATE event SET biz_step = 'receiving' WHERE leaf_index = 7", "business step"),
        ("UPDATE event SET event_type = 'AggregationEvent' WHERE leaf_index = 7", "type"),
        ("UPDATE event SET is_error_declaration = 1 WHERE leaf_index = 7", "declaration of error"),
        ("UPDATE event SET items = CAST('[]' AS BLOB) WHERE leaf_index = 7", "list of items"),
        ("UPDATE anchor SET block_number = 77 WHERE tree_size = 304", "block number"),
        ("UPDATE anchor SET anchored_at = anchored_at + 1000000 WHERE tree_size = 304", "time"),
        ("DELETE FROM anchor WHERE tree_size = 300", ""),
        ("UPDATE log_published SET published = 303", "newest checkpoint"),
        ("UPDATE log_head SET captured = 310", "310"),
        ("UPDATE event SET leaf_index = 999 WHERE leaf_index = 303", "leaf 999: the log has no entry"),
    ],
)
def test_what_is_gone_or_changed_is_named(world: World, statement: str, named: str) -> None:
    fill(world)
    assert world.damage(statement)
    report = world.fsck()
    if named:
        assert any(named in fault for fault in report.faults), report.faults
    else:
        # A record of an anchor is a copy of what the chain holds: without it a later anchor proves the same leaves.
        assert report.faults == []


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE event SET member = CAST(x'ff' AS TEXT) WHERE leaf_index = 7", "Events from leaf 0"),
        ("UPDATE event SET job_id = CAST(x'c328' AS TEXT) WHERE leaf_index = 303", "Events from leaf 0"),
        ("UPDATE checkpoint SET note = CAST(x'e28094ff' AS TEXT) WHERE tree_size = 300", "Checkpoints above tree size 0"),
    ],
)
def test_a_text_that_is_none_any_more_is_named_and_no_crash(world: World, statement: str, named: str) -> None:
    fill(world)
    world.damage(statement)
    report = world.fsck()
    assert any(named in fault for fault in report.faults), report.faults
    assert not any("no event is stored" in fault for fault in report.faults)


def test_of_more_faults_than_anybody_reads_the_rest_is_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("greenlane.services.check.report.MAX_FAULTS", 10)
    fill(world)
    world.damage("UPDATE event SET content_digest = zeroblob(32)")
    report = world.fsck()
    assert len(report.faults) == 10
    assert report.unlisted > 290


def test_a_salt_forgotten_on_request_is_counted_and_no_fault(world: World) -> None:
    fill(world)
    world.forget(center=LIMA, leaf_index=LeafIndex(301), actor="key:0123")
    report = world.fsck()
    assert (report.forgotten, report.faults) == (1, [])


def test_a_chain_with_another_root_or_no_root_is_named(world: World) -> None:
    fill(world)
    world.ledger.lose_to(1)
    assert any("304 the chain holds nothing" in fault for fault in world.fsck().faults)
    world.ledger.lies[LIMA] = AnchoredHead(
        tree_size=TreeSize(303), root=RootHash(sha256(b"x")), anchored_at=datetime(2026, 6, 1, tzinfo=UTC)
    )
    assert any("at tree size 303, is no checkpoint" in fault for fault in world.fsck().faults)
    assert world.fsck(is_asking_chain=False).faults == []


def test_a_log_that_was_signed_by_two_keys_of_the_registry_is_clean(world: World) -> None:
    world.take(3)
    world.settle()
    seed = sha256(b"the new log key")
    renewed = world.with_log_key(LIMA, seed)
    assert world.fsck().faults == []
    assert any("bears no signature" in fault for fault in renewed.fsck(is_asking_chain=False).faults), "nobody names the old key"
    world.ledger.rotate_log_key(LIMA, ed25519_public_key(seed), datetime(2026, 7, 1, tzinfo=UTC))
    renewed.take(1, first=3)
    renewed.settle()
    assert renewed.fsck().faults == []


def test_a_chain_that_is_away_is_no_verdict(world: World) -> None:
    fill(world, 3)
    world.ledger.is_away = True
    with pytest.raises(LedgerUnavailable):
        world.fsck()


def test_a_document_that_says_the_same_in_other_bytes_is_damage(world: World) -> None:
    world.take(1)
    with closing(sqlite3.connect(world.file)) as connection:
        (document,) = connection.execute("SELECT document FROM event").fetchone()
    world.damage("UPDATE event SET document = ?", document.replace(b'":', b'": '))
    assert any("canonical" in fault for fault in world.fsck().faults)
    world.damage("UPDATE event SET document = ?", document.replace(item(0).encode(), item(1).encode()))
    assert any("event hash" in fault for fault in world.fsck().faults)


@pytest.fixture
def sealed_world(tmp_path: Path) -> Iterator[World]:
    """A full log whose two anchors are sealed, by other validators than the first ones."""
    made = make_world(tmp_path, sealed=sealed_chain())
    made.ledger.change_validators(5)
    fill(made)
    made.ledger.change_validators(4)
    made.gather_seals()
    yield made
    close_world(made)


def test_kept_seals_are_judged_from_the_first_validators_on(sealed_world: World) -> None:
    report = sealed_world.fsck(is_asking_chain=False)
    assert (report.faults, report.anchors, report.sealed) == ([], 2, 2)


def test_anchors_that_wait_for_seals_are_no_fault(sealed_world: World) -> None:
    sealed_world.take(1, first=5_000)
    sealed_world.settle()
    report = sealed_world.fsck()
    assert (report.faults, report.sealed) == ([], 2)


@pytest.mark.parametrize(
    ("table", "column", "where", "named"),
    [
        ("anchor", "sealed_state", "tree_size = 300", "tree size 300"),
        ("set_change", "state", "seals_from < 4", "from block 2 on"),
        ("set_change", "validators", "seals_from < 4", "from block 2 on"),
    ],
)
def test_damaged_seals_are_named(sealed_world: World, table: str, column: str, where: str, named: str) -> None:
    flip_first_byte(sealed_world, table, column, where)
    faults = sealed_world.fsck(is_asking_chain=False).faults
    assert any(named in fault or "changes of the validators cannot be read" in fault for fault in faults), faults


def test_a_kept_change_that_is_gone_is_missed(sealed_world: World) -> None:
    assert sealed_world.damage("DELETE FROM set_change WHERE seals_from < 4") == 1
    assert sealed_world.fsck(is_asking_chain=False).faults
