"""What fsck promises of documents: clean ones are called clean, and every damage to a statement or to bytes is named."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from greenlane.core.crypto import sha256
from greenlane.core.documents.cid import Cid
from greenlane.core.documents.description import Description, MemberName, document_entry
from greenlane.core.documents.unixfs import CHUNK_BYTES, identify
from greenlane.core.units import LeafIndex, Salt
from greenlane.ports.documents import DocumentsUnavailable
from greenlane.services.check import BytesReport
from worlds.deployment import COOPERATIVE, LIMA, TIANJIN, World
from worlds.descriptions import LOT, confidential_description, description, state

PLAIN, STORED, LARGE = b"a certificate", b"its age file", bytes(2 * CHUNK_BYTES + 7)
OWNER = MemberName(center=LIMA, member=COOPERATIVE)
SALT = Salt(sha256(b"salt"))
LARGE_CID, LARGE_SIZE, LARGE_DIGEST = identify([LARGE])

LISTED = "leaf 300: it is listed for a thing, or shown to a reader, that it does not name"

PUBLIC = replace(description(PLAIN), stated_by=OWNER)
SECRET = replace(confidential_description(PLAIN, STORED), stated_by=OWNER)
PHOTO = replace(PUBLIC, cid=LARGE_CID, size=LARGE_SIZE, digest=LARGE_DIGEST, name="finca.jpg", media_type="image/jpeg")


def fill(world: World) -> None:
    """Documents at the leaves 300, 301 and 303, events before and between."""
    world.take(300)
    state(world, PUBLIC, stored=PLAIN)
    state(world, SECRET, salt=SALT, stored=STORED)
    world.take(1, first=300)
    state(world, PHOTO, stored=LARGE)
    world.settle()


def hashed(world: World) -> BytesReport:
    return world.check.documents(progress=lambda _what, _done, _total: None)


def test_documents_among_events_are_clean(world: World) -> None:
    fill(world)
    report = world.fsck()
    assert (report.faults, report.events, report.documents, report.entries) == ([], 301, 3, 304)
    found = hashed(world)
    assert (found.faults, found.documents, found.size) == ([], 3, len(PLAIN) + len(STORED) + len(LARGE))


def flip(world: World, table: str, column: str, where: str) -> None:
    with closing(sqlite3.connect(world.file)) as connection:
        (value,) = connection.execute(f"SELECT CAST({column} AS BLOB) FROM {table} WHERE {where}").fetchone()
    assert world.damage(f"UPDATE {table} SET {column} = ? WHERE {where}", bytes([value[0] ^ 1]) + value[1:]) == 1


@pytest.mark.parametrize(
    ("table", "column", "leaf"),
    [
        ("document", "content_digest", 300),
        ("document", "content_digest", 301),
        ("document", "cid", 301),
        ("salt", "salt", 301),
    ],
)
def test_a_flipped_bit_is_named_by_its_leaf(world: World, table: str, column: str, leaf: int) -> None:
    fill(world)
    flip(world, table, column, f"leaf_index = {leaf}")
    faults = world.fsck().faults
    assert any(str(leaf) in fault for fault in faults), faults


def test_a_damaged_statement_of_another_center_about_the_same_bytes_is_that_centers_fault_alone(world: World) -> None:
    fill(world)
    state(world, replace(PUBLIC, stated_by=MemberName(center=TIANJIN, member=COOPERATIVE)))
    assert world.damage("UPDATE document SET description = x'00' WHERE leaf_index = 0") == 1
    report = world.fsck()
    assert (report.documents, report.faults) == (3, [])
    assert world.fsck(TIANJIN).faults


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("DELETE FROM document WHERE leaf_index = 300", "Entry 300 is of a document, and no statement is stored for it."),
        ("DELETE FROM salt WHERE leaf_index = 301", "Document at leaf 301: its salt is gone"),
        ("UPDATE document SET is_blinded = 0 WHERE leaf_index = 301", "leaf 301"),
        ("UPDATE document SET is_blinded = 1 WHERE leaf_index = 300", "leaf 300"),
        ("UPDATE document SET leaf_index = 302 WHERE leaf_index = 300", "leaf 302: the log's entry is not that"),
        ("UPDATE document SET leaf_index = 999 WHERE leaf_index = 303", "leaf 999: the log has no entry"),
        ("UPDATE document SET member = 'roaster' WHERE leaf_index = 300", "300"),
        ("UPDATE document SET description = x'00' WHERE leaf_index = 303", "from leaf"),
        ("UPDATE entry_run SET entries = x'00'", "were not compared with their entries"),
        (
            f"INSERT INTO document_about SELECT x'{'ab' * 9}', stored_at, center, 300 FROM document WHERE leaf_index = 300",
            LISTED,
        ),
        (
            "INSERT INTO document_about SELECT x'00', stored_at, center, 999 FROM document WHERE leaf_index = 300",
            "leaf 999: it is",
        ),
        ("INSERT INTO document_reader SELECT 'tianjin/spy', center, 300 FROM document WHERE leaf_index = 300", LISTED),
        ("DELETE FROM document_about WHERE leaf_index = 301", f"leaf 301: it is not found by {LOT}"),
        ("UPDATE document_about SET stored_at = stored_at + 1 WHERE leaf_index = 303", f"leaf 303: it is not found by {LOT}"),
        ("DELETE FROM document_reader WHERE leaf_index = 301", "leaf 301: it is not found by the reader"),
    ],
)
def test_what_is_gone_or_changed_is_named(world: World, statement: str, named: str) -> None:
    fill(world)
    assert world.damage(statement) >= 1
    faults = world.fsck().faults
    assert any(named in fault for fault in faults), faults


def test_a_salt_forgotten_on_request_is_counted_and_no_fault(world: World) -> None:
    fill(world)
    world.forget(center=LIMA, leaf_index=LeafIndex(301), actor="console")
    report = world.fsck()
    assert (report.faults, report.forgotten) == ([], 1)


def test_an_entry_that_is_not_blinded_as_its_document_must_be_is_named(world: World) -> None:
    state(world, SECRET)
    state(world, PUBLIC, salt=SALT)
    faults = world.fsck().faults
    assert [fault.partition(": ")[0] for fault in faults] == ["Document at leaf 0", "Document at leaf 1"]
    assert "not blinded, though it is confidential" in faults[0]
    assert "blinded, though it is public" in faults[1]


def test_a_document_that_came_while_the_log_was_looked_at_is_no_fault(world: World) -> None:
    fill(world)
    again = replace(PUBLIC, name="again.pdf")

    def late(what: str, _done: int, _total: int) -> None:
        if what == "entries" and world.documents.added and again not in said:
            said.append(again)
            state(world, again)

    said: list[Description] = []
    assert world.check(LIMA, ledger=None, progress=late).faults == []
    assert said == [again]


def test_sparse_documents_are_compared_with_few_entries(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("greenlane.services.check.entries.PAGE", 2)
    fill(world)
    assert world.fsck().documents == 3


# --- bytes --------------------------------------------------------------------------------------------------------------


def lose_root(world: World, cid: Cid) -> None:
    del world.documents.blocks[cid]


def lose_leaf(world: World, cid: Cid) -> None:
    leaf = next(each for each, data in world.documents.blocks.items() if len(data) == 7)
    del world.documents.blocks[leaf]


def rot(world: World, cid: Cid) -> None:
    leaf = next(each for each, data in world.documents.blocks.items() if len(data) == 7)
    world.documents.blocks[leaf] = bytes(6) + b"!"


@pytest.mark.parametrize("damage", [lose_root, lose_leaf, rot])
def test_missing_and_damaged_bytes_are_named_with_what_mends_them(world: World, damage: Callable[[World, Cid], Any]) -> None:
    fill(world)
    damage(world, LARGE_CID)
    report = hashed(world)
    (fault,) = report.faults
    assert LARGE_CID.text in fault
    assert "import a CAR" in fault
    assert (report.documents, report.size) == (3, len(PLAIN) + len(STORED))
    assert world.fsck().faults == [], "statements do not rest on bytes"


def test_whole_bytes_that_nothing_pins_are_named(world: World) -> None:
    fill(world)
    world.documents.unpin(LARGE_CID)
    (fault,) = hashed(world).faults
    assert "not pinned" in fault


def test_a_statement_of_another_size_than_its_bytes_have_is_named(world: World) -> None:
    state(world, replace(PUBLIC, size=14), stored=PLAIN)
    (fault,) = hashed(world).faults
    assert "has 13 bytes, and 14 are wanted" in fault


def test_what_is_withdrawn_is_not_looked_for(world: World) -> None:
    fill(world)
    with world.store.write() as tx:
        tx.documents.withdraw(LIMA, COOPERATIVE, LARGE_CID, world.clock())
    lose_root(world, LARGE_CID)
    report = hashed(world)
    assert (report.faults, report.documents) == ([], 2)


@pytest.mark.parametrize("loss", ["unpinned", "collected"])
def test_what_is_withdrawn_and_let_go_while_it_is_read_is_no_fault(
    world: World, monkeypatch: pytest.MonkeyPatch, loss: str
) -> None:
    fill(world)
    read = world.documents.read

    def withdraw_while_reading(cid: Cid, *args: Any, **named: Any) -> Iterator[bytes]:
        if cid == LARGE_CID:
            with world.store.write() as tx:
                tx.documents.withdraw(LIMA, COOPERATIVE, cid, world.clock())
            world.documents.unpin(cid)
            if loss == "collected":
                lose_root(world, cid)
        return read(cid, *args, **named)

    monkeypatch.setattr(world.documents, "read", withdraw_while_reading)
    report = hashed(world)
    assert (report.faults, report.documents, report.size) == ([], 2, len(PLAIN) + len(STORED))


def test_a_store_that_is_away_is_no_verdict(world: World) -> None:
    fill(world)
    world.documents.is_away = True
    with pytest.raises(DocumentsUnavailable):
        hashed(world)


def test_of_more_faults_than_anybody_reads_the_rest_is_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("greenlane.services.check.report.MAX_FAULTS", 1)
    fill(world)
    world.documents.blocks.clear()
    report = hashed(world)
    assert (len(report.faults), report.unlisted) == (1, 2)


def test_an_entry_of_a_document_that_only_the_log_has_is_named(world: World) -> None:
    fill(world)
    with world.store.write() as tx:
        tx.log.lock(LIMA)
        tx.log.append(LIMA, [document_entry(replace(PUBLIC, name="nowhere.pdf")).encode()])
    assert world.fsck().faults == ["Entry 304 is of a document, and no statement is stored for it."]
