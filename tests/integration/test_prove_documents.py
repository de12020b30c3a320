"""What prove promises of documents: who may know of one has a receipt of it that a stranger accepts, and nobody else has."""

import random
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from greenlane.adapters.sql.faults import RowDamaged
from greenlane.core.crypto import sha256
from greenlane.core.documents.cid import Cid, Codec
from greenlane.core.documents.description import Description, DocumentReader, MemberName, document_entry
from greenlane.core.errors import NotFound
from greenlane.core.receipt import DocumentDisclosure, Receipt, encode_receipt, parse_receipt
from greenlane.core.units import CenterId, LeafIndex, Salt
from greenlane.ports.events import Reader
from greenlane.services.prove import ChainNotSealed, LogDamaged, ReceiptNotReady, ReceiptNotSealed, SaltForgotten
from greenlane.verify.ladder import GivenForm, Judgement, Rung, Verdict, given_file, judge
from worlds.deployment import COOPERATIVE, HO_CHI_MINH, LIMA, ROASTER, TIANJIN, World, close_world, make_world, sealed_chain
from worlds.descriptions import OTHER_RECIPIENT, RECIPIENT, confidential_description, description, state

PLAIN, STORED = b"a certificate", b"its age file"
SALT = Salt(sha256(b"salt"))
OWNER = MemberName(center=LIMA, member=COOPERATIVE)
NAMED = MemberName(center=TIANJIN, member=ROASTER)
LINK = OTHER_RECIPIENT


def public(data: bytes = PLAIN, *, by: MemberName = OWNER) -> Description:
    return replace(description(data), stated_by=by)


def secret(stored: bytes = STORED) -> Description:
    described = replace(confidential_description(PLAIN, stored), stated_by=OWNER)
    assert described.confidential is not None
    readers = (DocumentReader(recipient=RECIPIENT, name=NAMED), DocumentReader(recipient=LINK, name=None))
    return replace(described, confidential=replace(described.confidential, readers=readers))


def judged(world: World, receipt: Receipt, file: bytes | None = None) -> Judgement:
    document = None if file is None else given_file([file])
    nodes = [world.ledger.node("a"), world.ledger.node("b")]
    return judge(encode_receipt(receipt), world.ledger.trust_file, event=None, ask=nodes, document=document)


def described(receipt: Receipt) -> Description | None:
    assert isinstance(receipt.disclosure, DocumentDisclosure)
    return receipt.disclosure.description


def test_a_document_among_events_has_a_receipt_that_a_stranger_accepts(world: World) -> None:
    world.take(3)
    state(world, public())
    world.take(300, first=3)
    state(world, secret(), salt=SALT)
    world.settle()
    receipt = world.prove.document(public().cid, reader=None)
    assert receipt.inclusion.leaf_index == 3
    judgement = judged(world, receipt, PLAIN)
    assert judgement.verdict is Verdict.PASSED, judgement.steps
    assert judgement.description == public()
    assert parse_receipt(encode_receipt(receipt)) == receipt
    hidden = world.prove.document(secret().cid, reader=Reader(center=LIMA))
    for file, form in ((PLAIN, GivenForm.DOCUMENT), (STORED, GivenForm.STORED)):
        judgement = judged(world, hidden, file)
        assert (judgement.verdict, judgement.given) == (Verdict.PASSED, form), judgement.steps
    assert judged(world, hidden, b"another").step(Rung.DOCUMENT).verdict is Verdict.FAILED


def test_a_receipt_waits_for_publishing_and_then_for_the_chain(world: World) -> None:
    state(world, public())
    with pytest.raises(ReceiptNotReady, match=f"document {public().cid.text} is captured") as waiting:
        world.prove.document(public().cid, reader=None)
    assert waiting.value.retry_after_s > 0
    world.publish(LIMA)
    with pytest.raises(ReceiptNotReady, match="is published"):
        world.prove.document(public().cid, reader=None)
    world.settle()
    with pytest.raises(ChainNotSealed):
        world.prove.document(public().cid, reader=None, must_be_sealed=True)
    world.prove.document(public().cid, reader=None)


def test_a_confidential_document_is_proven_to_its_center_its_owner_and_its_named_readers_alone(world: World) -> None:
    state(world, secret(), salt=SALT)
    world.settle()
    cid = secret().cid
    for may in (Reader(center=LIMA), Reader(center=LIMA, member=COOPERATIVE), Reader(center=TIANJIN, member=ROASTER)):
        assert described(world.prove.document(cid, reader=may)) == secret()
    answers = set()
    for reader, asked in (
        (None, cid),
        (Reader(center=TIANJIN), cid),
        (Reader(center=LIMA, member=ROASTER), cid),
        (Reader(center=TIANJIN, member=COOPERATIVE), cid),
        (Reader(center=LIMA), Cid.of(Codec.RAW, b"never stored")),
    ):
        with pytest.raises(NotFound) as unknown:
            world.prove.document(asked, reader=reader)
        answers.add((type(unknown.value), unknown.value.remedy, unknown.value.detail.replace(asked.text, "")))
    assert len(answers) == 1


def test_for_its_readers_a_receipt_is_made_whoever_asks(world: World) -> None:
    state(world, secret(), salt=SALT)
    world.settle()
    receipt = world.prove.document(secret().cid, reader=None, for_readers=True)
    assert receipt == world.prove.document(secret().cid, reader=Reader(center=LIMA))
    with pytest.raises(NotFound):
        world.prove.document(Cid.of(Codec.RAW, b"never stored"), reader=None, for_readers=True)


def test_a_forgotten_salt_ends_receipts_and_leaves_those_handed_out(world: World) -> None:
    state(world, secret(), salt=SALT)
    world.settle()
    before = world.prove.document(secret().cid, reader=Reader(center=LIMA))
    with world.store.write() as tx:
        assert tx.documents.forget_salt(LIMA, LeafIndex(0), world.clock())
    for for_readers in (False, True):
        with pytest.raises(SaltForgotten, match="of document"):
            world.prove.document(secret().cid, reader=Reader(center=LIMA), for_readers=for_readers)
    with pytest.raises(NotFound):
        world.prove.document(secret().cid, reader=None)
    assert judged(world, before, PLAIN).verdict is Verdict.PASSED


def test_of_several_statements_the_named_one_is_proven_and_else_the_oldest_that_stands(world: World) -> None:
    state(world, public(by=MemberName(center=TIANJIN, member=COOPERATIVE)))
    state(world, public())
    state(world, replace(public(), name="again.pdf"))
    for center in (LIMA, TIANJIN):
        world.settle(center)
    cid = public().cid
    assert world.prove.document(cid, reader=None).anchor.center == TIANJIN
    for leaf, name in ((0, "organic-2026.pdf"), (1, "again.pdf")):
        receipt = world.prove.document(cid, reader=None, center=LIMA, leaf_index=LeafIndex(leaf))
        found = described(receipt)
        assert found is not None
        assert (receipt.anchor.center, found.name) == (LIMA, name)
        assert judged(world, receipt, PLAIN).verdict is Verdict.PASSED
    assert world.prove.document(cid, reader=None, center=LIMA).inclusion.leaf_index == 0
    for center, leaf in ((LIMA, 2), (TIANJIN, 1), (HO_CHI_MINH, 0), (CenterId("nowhere"), 0)):
        with pytest.raises(NotFound):
            world.prove.document(cid, reader=None, center=center, leaf_index=LeafIndex(leaf))
    with world.store.write() as tx:
        tx.documents.withdraw(LIMA, COOPERATIVE, cid, world.clock())
    assert world.prove.document(cid, reader=None).anchor.center == TIANJIN
    withdrawn = world.prove.document(cid, reader=None, center=LIMA)
    assert judged(world, withdrawn, PLAIN).verdict is Verdict.PASSED, "what was logged stays logged"


def test_a_public_statement_goes_before_a_confidential_one_of_the_same_bytes_but_for_its_readers(world: World) -> None:
    state(world, secret(), salt=SALT)
    state(world, public(STORED, by=MemberName(center=LIMA, member=ROASTER)))
    world.settle()
    for reader in (None, Reader(center=LIMA)):
        receipt = world.prove.document(secret().cid, reader=reader)
        assert receipt.disclosure is not None
        assert (receipt.inclusion.leaf_index, receipt.disclosure.salt) == (1, None)
        assert described(world.prove.document(secret().cid, reader=reader, for_readers=True)) == secret()


def test_a_sealed_receipt_needs_no_node(tmp_path: Path) -> None:
    world = make_world(tmp_path, sealed=sealed_chain())
    world.ledger.mine()
    state(world, public())
    world.settle()
    with pytest.raises(ReceiptNotSealed) as waiting:
        world.prove.document(public().cid, reader=None, must_be_sealed=True)
    assert waiting.value.retry_after_s > 0
    world.gather_seals()
    receipt = world.prove.document(public().cid, reader=None, must_be_sealed=True)
    document = given_file([PLAIN])
    judgement = judge(encode_receipt(receipt), world.ledger.trust_file, event=None, ask=[], document=document)
    assert (judgement.verdict, judgement.step(Rung.SEALED).verdict) == (Verdict.PASSED, Verdict.PASSED)
    close_world(world)


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("document", "description"),
        ("document", "cid"),
        ("document", "content_digest"),
        ("salt", "salt"),
        ("entry_run", "entries"),
        ("tile", "hashes"),
    ],
    ids=str,
)
def test_one_flipped_bit_anywhere_never_gives_a_receipt_that_a_stranger_refuses(tmp_path: Path, table: str, column: str) -> None:
    for round_ in range(8):
        folder = tmp_path / str(round_)
        folder.mkdir()
        world = make_world(folder)
        state(world, public())
        state(world, secret(), salt=SALT)
        world.settle()
        chance = random.Random(f"{table}.{column}.{round_}")
        with closing(sqlite3.connect(world.file)) as connection:
            rowid, value = chance.choice(connection.execute(f"SELECT rowid, {column} FROM {table}").fetchall())
        changed = bytearray(value)
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        assert world.damage(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", bytes(changed), rowid) == 1
        for cid, file in ((public().cid, PLAIN), (secret().cid, STORED)):
            try:
                receipt = world.prove.document(cid, reader=Reader(center=LIMA))
            except (LogDamaged, NotFound, RowDamaged):
                continue
            judgement = judged(world, receipt, file)
            assert judgement.verdict is Verdict.PASSED, judgement.steps
        close_world(world)


def test_a_statement_in_another_centers_place_is_never_handed_out(world: World) -> None:
    theirs = public(by=MemberName(center=TIANJIN, member=COOPERATIVE))
    state(world, theirs)
    with world.store.write() as tx:
        tx.log.lock(LIMA)
        tx.log.append(LIMA, [document_entry(theirs).encode()])
    world.settle()
    assert world.damage("UPDATE document SET center = (SELECT number FROM center WHERE slug = 'lima')") == 1
    with pytest.raises((LogDamaged, RowDamaged)):
        world.prove.document(theirs.cid, reader=None)
