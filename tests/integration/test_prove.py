"""What prove promises: a receipt that it hands out is one that a stranger accepts, whatever was done to the database."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from greenlane.core.crypto import ed25519_public_key, sha256
from greenlane.core.epcis.eventhash import event_hash_digest
from greenlane.core.errors import InvalidInput, NotFound, Unavailable
from greenlane.core.receipt import Receipt, encode_receipt
from greenlane.core.seals import ValidatorMode
from greenlane.core.trust import TrustFile
from greenlane.core.units import Address, CenterId, LeafIndex, TreeSize, TxHash
from greenlane.ports.events import Reader
from greenlane.ports.outbox import SignedTransaction, anchor_purpose
from greenlane.ports.signing import LogKeyRetired
from greenlane.services.prove import ChainNotSealed, LogDamaged, ReceiptNotReady, ReceiptNotSealed, SaltForgotten
from greenlane.services.seal import ValidatorsDamaged
from greenlane.verify.ladder import Judgement, Rung, Verdict, judge
from worlds.deployment import COOPERATIVE, LIMA, ROASTER, TIANJIN, World, close_world, make_world, sealed_chain
from worlds.events import event_document, parsed, some_events

DECLARATION = {"declarationTime": "2026-05-31T08:00:00.000Z", "reason": "incorrect_data"}


def judged(world: World, receipt_bytes: bytes) -> Judgement:
    return judge(receipt_bytes, world.ledger.trust_file, event=None, ask=[world.ledger.node("a"), world.ledger.node("b")])


def test_every_event_of_a_grown_log_has_a_receipt_that_a_stranger_accepts(world: World) -> None:
    hashes = []
    for number, count in enumerate((1, 2, 5, 250, 3)):
        hashes += [event.event_hash for event in world.take(count, first=1_000 * number).events]
        world.settle()
    for event_hash in hashes[:12] + hashes[-12:]:
        judgement = judged(world, encode_receipt(world.receipt(event_hash)))
        assert judgement.verdict is Verdict.PASSED, judgement.steps
        assert judgement.event_hash == event_hash


def test_the_receipt_names_the_smallest_anchored_tree_that_holds_the_entry(world: World) -> None:
    first = world.take(2)
    world.settle()
    world.take(5, first=2)
    world.settle()
    assert world.receipt(first.events[0].event_hash).anchor.tree_size == 2


def test_a_receipt_waits_for_publishing_and_then_for_the_chain(world: World) -> None:
    (event,) = world.take(1).events
    with pytest.raises(ReceiptNotReady, match="is captured, and not anchored yet"):
        world.receipt(event.event_hash)
    world.publish(LIMA)
    with pytest.raises(ReceiptNotReady, match="is published, and not anchored yet") as waiting:
        world.receipt(event.event_hash)
    assert waiting.value.retry_after_s > 0
    signer = Address(bytes(20))
    with world.store.write() as tx:
        chain_id = world.ledger.trust_file.chain_id
        tx.outbox.add(
            chain_id=chain_id,
            signer=signer,
            nonce=tx.outbox.lock_signer(chain_id, signer),
            purpose=anchor_purpose(LIMA, TreeSize(1)),
            sign=lambda _nonce: SignedTransaction(tx_hash=TxHash(bytes(32)), raw=b"signed"),
            at=world.clock(),
        )
    with pytest.raises(ReceiptNotReady, match="is submitted, and not anchored yet"):
        world.receipt(event.event_hash)
    world.settle()
    world.receipt(event.event_hash)


def test_a_receipt_needs_no_chain_to_be_built(world: World) -> None:
    (event,) = world.take(1).events
    world.settle()
    world.ledger.is_away = True
    world.receipt(event.event_hash)


def test_what_the_chain_lost_is_not_proven_until_it_is_there_again(world: World) -> None:
    (event,) = world.take(1).events
    world.settle()
    world.ledger.lose_to(0)
    world.anchor(LIMA)
    with pytest.raises(ReceiptNotReady):
        world.receipt(event.event_hash)
    world.settle()
    assert judged(world, encode_receipt(world.receipt(event.event_hash))).verdict is Verdict.PASSED


def test_an_unknown_hash_and_a_private_event_of_another_center_are_one_answer(world: World) -> None:
    (private,) = world.take(1, member=ROASTER).events
    world.settle()
    answers = []
    for event_hash, reader in (
        ("ni:///sha-256;" + "00" * 32 + "?ver=CBV2.0", None),
        (private.event_hash, None),
        (private.event_hash, Reader(center=TIANJIN)),
        (private.event_hash, Reader(center=LIMA, member=COOPERATIVE)),
    ):
        with pytest.raises(NotFound) as unknown:
            world.receipt(event_hash, reader=reader)
        answers.append((type(unknown.value), unknown.value.remedy))
    assert len(set(answers)) == 1


def test_a_private_receipt_opens_with_its_salt_and_not_without(world: World) -> None:
    (event,) = world.take(1, member=ROASTER).events
    world.settle()
    data = encode_receipt(world.receipt(event.event_hash, reader=Reader(center=LIMA)))
    assert judged(world, data).verdict is Verdict.PASSED
    salt_at = data.index(b'"salt":"') + len('"salt":"')
    other = data[:salt_at] + (b"B" if data[salt_at : salt_at + 1] == b"A" else b"A") + data[salt_at + 1 :]
    judgement = judged(world, other)
    assert judgement.step(Rung.OPENED).verdict is Verdict.FAILED
    assert judgement.verdict is Verdict.FAILED


def test_a_forgotten_salt_ends_receipts_and_leaves_those_handed_out(world: World) -> None:
    (event,) = world.take(1, member=ROASTER).events
    world.settle()
    before = encode_receipt(world.receipt(event.event_hash, reader=Reader(center=LIMA)))
    world.forget(center=LIMA, leaf_index=LeafIndex(0), actor="console")
    with pytest.raises(SaltForgotten):
        world.receipt(event.event_hash, reader=Reader(center=LIMA))
    with pytest.raises(NotFound):
        world.receipt(event.event_hash, reader=Reader(center=TIANJIN))
    assert judged(world, before).verdict is Verdict.PASSED


def test_an_error_declaration_has_a_receipt_of_its_own(world: World) -> None:
    plain, declared = parsed(event_document(1), event_document(1, errorDeclaration=DECLARATION))
    job = world.take_these(plain, declared)
    world.settle()
    digest = event_hash_digest(job.events[0].event_hash)
    with world.store.read() as tx:
        stored = tx.events.by_hash(digest, reader=None)
    receipts = [world.prove(digest, reader=None, content_digest=each.content_digest) for each in stored]
    assert [receipt.inclusion.leaf_index for receipt in receipts] == [0, 1]
    assert world.prove(digest, reader=None) == receipts[0]
    assert all(judged(world, encode_receipt(receipt)).verdict is Verdict.PASSED for receipt in receipts)
    with pytest.raises(NotFound):
        world.prove(digest, reader=None, content_digest=bytes(32))


def test_centers_that_captured_one_event_have_a_receipt_each(world: World) -> None:
    world.take(3, center=LIMA)
    digest = event_hash_digest(world.take(1, first=7, center=TIANJIN).events[0].event_hash)
    world.take(1, first=7, center=LIMA)
    world.settle(LIMA)
    first = world.prove(digest, reader=None, center=LIMA, leaf_index=LeafIndex(3))
    assert (first.anchor.center, first.inclusion.leaf_index) == (LIMA, 3)
    with pytest.raises(ReceiptNotReady):
        world.prove(digest, reader=None, center=TIANJIN, leaf_index=LeafIndex(0))
    world.settle(TIANJIN)
    receipts = [
        world.prove(digest, reader=None, center=TIANJIN, leaf_index=LeafIndex(0)),
        world.prove(digest, reader=None, center=LIMA, leaf_index=LeafIndex(3)),
    ]
    assert [receipt.anchor.center for receipt in receipts] == [TIANJIN, LIMA]
    assert all(judged(world, encode_receipt(receipt)).verdict is Verdict.PASSED for receipt in receipts)
    assert world.prove(digest, reader=None) == receipts[0], "without an address the one captured first"
    assert world.prove(digest, reader=None, center=LIMA) == receipts[1]
    for center, leaf in ((LIMA, 0), (LIMA, 4), (TIANJIN, 3), (CenterId("nowhere"), 0)):
        with pytest.raises(NotFound):
            world.prove(digest, reader=None, center=center, leaf_index=LeafIndex(leaf))


def test_a_public_entry_goes_before_a_private_one_and_no_salt_is_handed_out_unasked(world: World) -> None:
    digest = event_hash_digest(world.take(1, member=ROASTER).events[0].event_hash)
    world.settle()
    center, roaster = Reader(center=LIMA), Reader(center=LIMA, member=ROASTER)
    assert world.prove(digest, reader=roaster) == world.prove(digest, reader=center)
    world.take(1, member=COOPERATIVE)
    world.settle()
    for reader in (None, center, roaster, Reader(center=LIMA, member=COOPERATIVE)):
        receipt = world.prove(digest, reader=reader)
        assert receipt.disclosure is not None
        assert (receipt.inclusion.leaf_index, receipt.disclosure.salt) == (1, None)
    own = world.prove(digest, reader=roaster, center=LIMA, leaf_index=LeafIndex(0))
    assert own.disclosure is not None and own.disclosure.salt is not None
    for reader in (None, Reader(center=LIMA, member=COOPERATIVE), Reader(center=TIANJIN)):
        with pytest.raises(NotFound):
            world.prove(digest, reader=reader, center=LIMA, leaf_index=LeafIndex(0))


def test_what_was_anchored_after_its_log_key_was_replaced_is_proven_under_the_new_key_or_not_at_all(world: World) -> None:
    before = world.take(2).events[0].event_hash
    world.settle()
    seed = sha256(b"the new log key")
    world.ledger.rotate_log_key(LIMA, ed25519_public_key(seed), world.ledger.anchored[-1].block_time + timedelta(seconds=1))
    # Not looked at yet: the retired key signs, and is anchored after its end.
    after = world.take(1, first=2).events[0].event_hash
    world.settle()
    assert judged(world, encode_receipt(world.receipt(after))).verdict is Verdict.FAILED
    world.watch_keys()
    with pytest.raises(LogKeyRetired):
        world.receipt(after)
    assert judged(world, encode_receipt(world.receipt(before))).verdict is Verdict.PASSED
    renewed = world.with_log_key(LIMA, seed)
    renewed.watch_keys()
    with pytest.raises(LogKeyRetired):
        renewed.receipt(after)
    newest = renewed.take(1, first=3).events[0].event_hash
    renewed.settle()
    receipts = [renewed.receipt(event_hash) for event_hash in (before, after, newest)]
    assert [receipt.inclusion.tree_size for receipt in receipts] == [2, 4, 4]
    assert all(judged(renewed, encode_receipt(receipt)).verdict is Verdict.PASSED for receipt in receipts)


# --- seals --------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=list(ValidatorMode))
def sealed_world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A world whose chain validators seal, in both modes."""
    made = make_world(tmp_path, sealed=sealed_chain(request.param))
    made.ledger.mine()
    yield made
    close_world(made)


def sealed_judgement(world: World, receipt: Receipt, trust: TrustFile | None = None) -> Judgement:
    """As a stranger judges who asks nobody."""
    return judge(encode_receipt(receipt), trust or world.ledger.trust_file, event=None, ask=[])


def test_a_receipt_goes_out_without_seals_until_they_are_kept_and_with_them_from_then_on(sealed_world: World) -> None:
    world = sealed_world
    digest = event_hash_digest(world.take(1).events[0].event_hash)
    with pytest.raises(ReceiptNotReady) as unanchored:
        world.prove(digest, reader=None, must_be_sealed=True)
    assert unanchored.value.code == "receipt-not-ready"
    world.settle()
    weaker = world.prove(digest, reader=None)
    assert weaker.seals is None
    assert judged(world, encode_receipt(weaker)).verdict is Verdict.PASSED
    with pytest.raises(ReceiptNotSealed) as waiting:
        world.prove(digest, reader=None, must_be_sealed=True)
    assert waiting.value.retry_after_s > 0
    world.gather_seals()
    receipt = world.prove(digest, reader=None, must_be_sealed=True)
    assert receipt == world.prove(digest, reader=None)
    judgement = sealed_judgement(world, receipt)
    assert (judgement.verdict, judgement.step(Rung.SEALED).verdict) == (Verdict.PASSED, Verdict.PASSED)


def test_where_nobody_seals_nobody_waits_for_seals(world: World) -> None:
    digest = event_hash_digest(world.take(1).events[0].event_hash)
    world.settle()
    with pytest.raises(ChainNotSealed):
        world.prove(digest, reader=None, must_be_sealed=True)
    assert world.prove(digest, reader=None).seals is None


def test_a_receipt_carries_every_change_on_the_way_so_that_an_old_trust_file_judges_it(sealed_world: World) -> None:
    world = sealed_world
    first_day = world.ledger.trust_file
    receipts = []
    for number, count in enumerate((5, 6, 5, 4)):
        (event,) = world.take(1, first=number).events
        world.settle()
        world.gather_seals()
        receipts.append(world.receipt(event.event_hash))
        world.ledger.change_validators(count)
        world.ledger.mine()
    assert [len(receipt.seals.changes) for receipt in receipts if receipt.seals is not None] == [0, 1, 2, 3]
    for trust in (first_day, world.watch_keys()):
        for receipt in receipts:
            judgement = sealed_judgement(world, receipt, trust)
            assert judgement.verdict is Verdict.PASSED, judgement.steps


def test_a_block_that_is_itself_a_change_is_no_change_on_the_way_to_itself(sealed_world: World) -> None:
    world = sealed_world
    (event,) = world.take(1).events
    world.settle()
    world.ledger.change_validators(5)
    chain = world.ledger.sealed
    assert chain is not None
    for number in chain.change_blocks[:1]:
        state = chain.sealed_anchor(LIMA, 1, number)
        world.ledger.bent_states[LIMA, TreeSize(1)] = state
    world.gather_seals()
    receipt = world.receipt(event.event_hash)
    assert receipt.seals is not None and receipt.seals.changes == ()
    assert sealed_judgement(world, receipt).verdict is Verdict.PASSED


def test_only_the_newest_changes_for_which_there_is_room_are_carried(
    sealed_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = sealed_world
    for turn in range(6):
        world.ledger.change_validators(5 + turn % 2)
    (event,) = world.take(1).events
    world.settle()
    world.gather_seals()
    whole = world.receipt(event.event_hash)
    assert whole.seals is not None and len(whole.seals.changes) == 6
    for name, bound, carried in (
        ("MAX_SET_CHANGES", 4, range(4, 5)),
        ("_SEALS_BYTES", 8_000, range(6)),
        ("_SEALS_BYTES", 0, [0]),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(f"greenlane.ports.seals.{name}", bound)
            receipt = world.receipt(event.event_hash)
        assert receipt.seals is not None and len(receipt.seals.changes) in carried
        assert receipt.seals.changes == whole.seals.changes[6 - len(receipt.seals.changes) :]
        assert sealed_judgement(world, receipt, world.watch_keys()).verdict is Verdict.PASSED


def test_a_larger_tree_that_is_sealed_goes_before_a_smaller_one_that_is_not(sealed_world: World) -> None:
    world = sealed_world
    (event,) = world.take(1).events
    world.settle()
    world.take(1, first=1)
    world.settle()
    assert world.receipt(event.event_hash).anchor.tree_size == 1
    with world.store.write() as tx:
        tx.seals.keep_sealed(LIMA, TreeSize(2), world.ledger.sealed_anchor(LIMA, TreeSize(2)))
    receipt = world.receipt(event.event_hash)
    assert (receipt.anchor.tree_size, sealed_judgement(world, receipt).verdict) == (2, Verdict.PASSED)
    world.gather_seals()
    assert world.receipt(event.event_hash).anchor.tree_size == 1


@pytest.mark.slow
@pytest.mark.parametrize(("table", "column"), [("anchor", "sealed_state"), ("set_change", "state"), ("set_change", "validators")])
def test_no_bit_of_kept_seals_may_be_another(tmp_path: Path, table: str, column: str) -> None:
    for round_ in range(4):
        folder = tmp_path / str(round_)
        folder.mkdir()
        world = make_world(folder, sealed=sealed_chain())
        world.ledger.change_validators(5)
        (event,) = world.take(1).events
        world.settle()
        world.gather_seals()
        assert world.fsck().faults == []
        flip(world, table, column, random.Random(f"{table}.{column}.{round_}"))
        try:
            receipt = world.receipt(event.event_hash)
        except LogDamaged:
            pass
        else:
            assert column == "validators", "what is carried is judged by itself"
            assert sealed_judgement(world, receipt).verdict is Verdict.PASSED
        assert world.fsck().faults, f"fsck does not see round {round_}"
        restarted = world.over(world.store)
        if table == "set_change":
            with pytest.raises(ValidatorsDamaged):
                restarted.watch_keys()
        close_world(world)


# --- a damaged database -------------------------------------------------------------------------------------------------

_PLACES = (
    ("event", "document"),
    ("event", "content_digest"),
    ("event", "variant_digest"),
    ("entry_run", "entries"),
    ("tile", "hashes"),
    ("checkpoint", "note"),
    ("checkpoint", "root"),
    ("anchor", "root"),
    ("salt", "salt"),
)


def flip(world: World, table: str, column: str, chance: random.Random) -> None:
    """Flips one bit of one row's column."""
    with closing(sqlite3.connect(world.file)) as connection:
        connection.text_factory = bytes
        rows = connection.execute(f"SELECT rowid, {column} FROM {table}").fetchall()
    rowid, value = chance.choice(rows)
    changed = bytearray(value)
    changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(7)
    as_text = column == "note"
    world.damage(f"UPDATE {table} SET {column} = {'CAST(? AS TEXT)' if as_text else '?'} WHERE rowid = ?", bytes(changed), rowid)


@pytest.mark.slow
@pytest.mark.parametrize(("table", "column"), _PLACES, ids=lambda part: str(part))
def test_one_flipped_bit_anywhere_never_gives_a_receipt_that_a_stranger_refuses(tmp_path: Path, table: str, column: str) -> None:
    for round_ in range(8):
        folder = tmp_path / str(round_)
        folder.mkdir()
        world = make_world(folder)
        hashes = [event.event_hash for event in world.take_these(*some_events(3)).events]
        world.settle()
        hashes += [event.event_hash for event in world.take(2, first=3, member=ROASTER).events]
        world.settle()
        flip(world, table, column, random.Random(f"{table}.{column}.{round_}"))
        for event_hash in hashes:
            try:
                receipt = world.receipt(event_hash, reader=Reader(center=LIMA))
            except (LogDamaged, NotFound):
                continue
            assert judged(world, encode_receipt(receipt)).verdict is Verdict.PASSED
        assert world.fsck().faults, f"fsck does not see round {round_}"
        close_world(world)


def test_what_is_damaged_is_never_the_askers_fault(world: World) -> None:
    (event,) = world.take(1).events
    world.settle()
    for document in (b"no json", b"[]", b"\xff", b"{}", b'{"type":"ObjectEvent"}', b""):
        world.damage("UPDATE event SET document = ?", document)
        with pytest.raises(LogDamaged) as damaged:
            world.receipt(event.event_hash)
        assert not isinstance(damaged.value, InvalidInput | Unavailable)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM tile",
        "DELETE FROM checkpoint",
        "DELETE FROM entry_run",
        "UPDATE entry_run SET entries = x''",
        "UPDATE entry_run SET entries = substr(entries, 1, 64)",
        "UPDATE checkpoint SET note = ''",
        "UPDATE checkpoint SET note = (SELECT note FROM checkpoint ORDER BY tree_size DESC LIMIT 1)",
        "UPDATE anchor SET tree_size = 299 WHERE tree_size = 300",
        "UPDATE event SET leaf_index = 299 - leaf_index",
    ],
)
def test_rows_that_are_gone_or_swapped_give_no_receipt(world: World, statement: str) -> None:
    hashes = [event.event_hash for event in world.take(300).events]
    world.settle()
    world.take(1, first=300)
    world.settle()
    if statement.startswith("UPDATE event"):
        world.damage("UPDATE event SET leaf_index = -1 - leaf_index")
        world.damage("UPDATE event SET leaf_index = 300 + leaf_index WHERE leaf_index < 0")
    else:
        world.damage(statement)
    with pytest.raises(LogDamaged):
        world.receipt(hashes[0])
    assert world.fsck().faults
    assert world.fsck(is_asking_chain=False).faults


def test_a_receipt_still_holds_when_the_chain_has_the_root_again_in_another_block(world: World) -> None:
    (event,) = world.take(1).events
    world.settle()
    held = encode_receipt(world.receipt(event.event_hash))
    before = judged(world, held)
    world.ledger.lose_to(0)
    world.clock()
    world.settle()
    after = judged(world, held)
    assert (before.verdict, after.verdict) == (Verdict.PASSED, Verdict.PASSED)
    assert before.anchored_at != after.anchored_at
