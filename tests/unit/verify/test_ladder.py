"""The ladder passes an honest receipt, and names the step at which any other fails or stays open."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from greenlane.core.canonical import JsonValue, content_digest
from greenlane.core.checkpoint import Checkpoint, sign_checkpoint
from greenlane.core.crypto import sha256
from greenlane.core.entry import Entry, EntryKind
from greenlane.core.epcis.eventhash import CbvVersion, event_hash, event_hash_digest
from greenlane.core.errors import InvalidInput
from greenlane.core.note import Note, NoteSignature, encode_note, parse_note, sign_note
from greenlane.core.receipt import Disclosure, Receipt, encode_receipt
from greenlane.core.units import BlockNumber, CenterId, ChainId, NodeHash, RootHash, Salt, TreeSize, TxHash
from greenlane.verify.ladder import Judgement, NodeAway, Rung, Verdict, judge

if TYPE_CHECKING:
    # The conftest is no module that could be imported; the checker knows it by its path.
    World = Any

SEED = sha256(b"log key of lima")
ORIGIN = "greenlane.example/lima"
PASSED, FAILED, NOT_CHECKED = Verdict.PASSED, Verdict.FAILED, Verdict.NOT_CHECKED


def verdicts(judgement: Judgement) -> list[Verdict]:
    return [step.verdict for step in judgement.steps]


def judged(world: "World", receipt: Receipt, *nodes: Any, event: JsonValue = None, trust: Any = None) -> Judgement:
    return judge(encode_receipt(receipt), trust or world.trust, event=event, ask=nodes or [world.node()])


def first_failed(judgement: Judgement) -> tuple[Rung, str | None]:
    step = next(step for step in judgement.steps if step.verdict is FAILED)
    return step.rung, step.code


def test_an_honest_receipt_passes_every_step_but_the_seals_that_it_does_not_carry(world: "World") -> None:
    judgement = judged(world, world.receipt)
    assert verdicts(judgement) == [PASSED] * 7 + [NOT_CHECKED]
    assert judgement.verdict is PASSED
    assert judgement.step(Rung.SEALED).words == "Not checked: this receipt carries no validator seals."
    assert judgement.event_hash == event_hash(world.event, CbvVersion.V2_0)
    assert judgement.anchored_at == datetime(2026, 7, 1, 8, 30, tzinfo=UTC)
    assert judgement.center is not None
    assert [step.rung.number for step in judgement.steps] == list(range(1, 9))
    with pytest.raises(KeyError):
        judgement.step(Rung.DOCUMENT)


def test_an_honest_private_receipt_passes(world: "World") -> None:
    judgement = judged(world, world.private_receipt)
    assert judgement.verdict is PASSED
    assert "salt opens it" in judgement.step(Rung.OPENED).words


def test_without_a_node_the_chain_stays_open_and_nothing_fails(world: "World") -> None:
    judgement = judge(encode_receipt(world.receipt), world.trust, event=None, ask=[])
    assert verdicts(judgement) == [PASSED] * 6 + [NOT_CHECKED] * 2
    assert judgement.verdict is NOT_CHECKED


def test_every_changed_byte_is_refused_with_the_step_named(world: "World") -> None:
    for receipt in (world.receipt, world.private_receipt):
        data = encode_receipt(receipt)
        for place in range(len(data)):
            changed = bytearray(data)
            changed[place] ^= 1 << place % 7
            judgement = judge(bytes(changed), world.trust, event=None, ask=[world.node()])
            rung, code = first_failed(judgement)
            assert code
            assert judgement.step(rung).words


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"null", b"\xff", b"[" * 100_000, b"{" * 10, bytes(2_000_000)],
    ids=["nothing", "no fields", "a list", "null", "no UTF-8", "deep", "cut", "too large"],
)
def test_bytes_that_are_no_receipt_fail_the_first_step_and_leave_the_others_open(world: "World", data: bytes) -> None:
    judgement = judge(data, world.trust, event=None, ask=[])
    assert verdicts(judgement) == [FAILED] + [NOT_CHECKED] * 7
    assert judgement.receipt is None
    assert judgement.verdict is FAILED


def test_a_malformed_field_is_named_by_its_place(world: "World") -> None:
    data = encode_receipt(world.receipt).replace(b'"leafIndex":2', b'"leafIndex":"2"')
    assert "(at /inclusion/leafIndex)" in judge(data, world.trust, event=None, ask=[]).steps[0].words


def disclosing(receipt: Receipt, **changed: Any) -> Receipt:
    assert isinstance(receipt.disclosure, Disclosure)
    return replace(receipt, disclosure=replace(receipt.disclosure, **changed))


def test_another_event_fails_by_its_hash(world: "World") -> None:
    other = disclosing(world.receipt, event={**world.event, "bizStep": "receiving"})
    judgement = judged(world, other)
    assert verdicts(judgement)[:4] == [PASSED, FAILED, FAILED, PASSED]
    assert first_failed(judgement) == (Rung.EVENT_HASH, "event-refused")
    assert judgement.event_hash is None


def test_a_detail_that_the_event_hash_leaves_out_fails_by_its_content(world: "World") -> None:
    for receipt in (world.receipt, world.private_receipt):
        changed = {**world.event, "certificationInfo": "https://certifier.example/certificates/18"}
        judgement = judged(world, disclosing(receipt, event=changed))
        assert verdicts(judgement)[:4] == [PASSED, PASSED, FAILED, PASSED]
        assert first_failed(judgement) == (Rung.CONTENT, "content-refused")


def test_another_version_of_the_rules_fails_by_the_hash(world: "World") -> None:
    judgement = judged(world, disclosing(world.receipt, cbv_version=CbvVersion.V2_1))
    assert first_failed(judgement) == (Rung.EVENT_HASH, "event-refused")


def test_an_event_that_hashes_alike_is_named_by_the_oldest_version_alone(world: "World") -> None:
    event = {name: value for name, value in world.event.items() if name != "sensorElementList"}
    oldest = event_hash(event, CbvVersion.V2_0)
    assert event_hash_digest(oldest) == event_hash_digest(event_hash(event, CbvVersion.V2_1))
    entry = Entry(kind=EntryKind.EVENT, is_blinded=False, subject=event_hash_digest(oldest), content=content_digest(event))
    for version, verdict in ((CbvVersion.V2_0, PASSED), (CbvVersion.V2_1, FAILED)):
        logged = replace(world.receipt, entry=entry, disclosure=Disclosure(event=event, cbv_version=version, salt=None))
        assert judged(world, logged).step(Rung.EVENT_HASH).verdict is verdict


def test_an_event_that_cannot_be_hashed_fails_and_says_why(world: "World") -> None:
    judgement = judged(world, disclosing(world.receipt, event={"type": "ObjectEvent"}))
    assert first_failed(judgement) == (Rung.EVENT_HASH, "event-refused")


def test_a_wrong_salt_opens_nothing(world: "World") -> None:
    judgement = judged(world, disclosing(world.private_receipt, salt=Salt(bytes(32))))
    assert verdicts(judgement)[1:4] == [NOT_CHECKED, NOT_CHECKED, FAILED]
    assert first_failed(judgement) == (Rung.OPENED, "salt-refused")


def test_a_withheld_salt_leaves_the_event_open(world: "World") -> None:
    judgement = judged(world, disclosing(world.private_receipt, salt=None))
    assert verdicts(judgement)[1:4] == [NOT_CHECKED] * 3
    assert judgement.verdict is NOT_CHECKED


def test_a_withheld_event_leaves_it_open_and_the_event_beside_the_receipt_closes_it(world: "World") -> None:
    for receipt in (world.receipt, world.private_receipt):
        silent = disclosing(receipt, event=None)
        assert judged(world, silent).verdict is NOT_CHECKED
        assert verdicts(judged(world, silent))[1:4] == [NOT_CHECKED] * 3
        assert judged(world, silent, event=world.event).verdict is PASSED


def test_the_event_in_the_receipt_and_the_one_beside_it_must_both_be_the_logged_one(world: "World") -> None:
    forged = {**world.event, "bizStep": "receiving"}
    assert judged(world, world.receipt, event=world.event).verdict is PASSED
    assert judged(world, world.receipt, event=forged).verdict is FAILED
    assert judged(world, disclosing(world.receipt, event=forged), event=world.event).verdict is FAILED
    assert judged(world, world.private_receipt, event=forged).verdict is FAILED


def test_what_is_no_event_at_all_fails(world: "World") -> None:
    silent = disclosing(world.receipt, event=None)
    assert first_failed(judged(world, silent, event=["no", "event"]))[0] is Rung.EVENT_HASH
    assert first_failed(judged(world, silent, event={"quantity": float("nan")}))[0] is Rung.EVENT_HASH


def test_an_entry_of_another_kind_is_not_opened_and_its_way_is_still_checked(world: "World") -> None:
    entry = replace(world.receipt.entry, kind=EntryKind.STATUS_LIST)
    judgement = judged(world, replace(world.receipt, entry=entry, disclosure=None))
    assert verdicts(judgement)[1:4] == [NOT_CHECKED] * 3
    assert "status list" in judgement.step(Rung.CONTENT).words
    assert first_failed(judgement) == (Rung.INCLUSION, "inclusion-refused")


def test_an_entry_that_is_not_in_the_log_fails_by_inclusion_alone(world: "World") -> None:
    inclusion = replace(world.receipt.inclusion, hashes=(NodeHash(bytes(32)), *world.receipt.inclusion.hashes[1:]))
    judgement = judged(world, replace(world.receipt, inclusion=inclusion))
    assert verdicts(judgement) == [PASSED] * 4 + [FAILED, PASSED, PASSED, NOT_CHECKED]


def checkpoint_fault(world: "World", receipt: Receipt, trust: Any = None) -> str | None:
    node = world.node()
    judgement = judged(world, receipt, node, trust=trust)
    step = judgement.step(Rung.CHECKPOINT)
    assert step.verdict is FAILED
    assert judgement.step(Rung.ANCHORED).verdict is NOT_CHECKED
    assert node.asked == []
    return step.code


def test_a_checkpoint_by_another_key_is_named(world: "World") -> None:
    claimed = world.receipt.claimed_checkpoint()
    forged = replace(world.receipt, checkpoint=sign_checkpoint(claimed, sha256(b"thief")))
    assert checkpoint_fault(world, forged) == "signature-refused"


def test_a_checkpoint_with_a_broken_signature_is_named(world: "World") -> None:
    note = parse_note(world.receipt.checkpoint)
    line = note.signatures[0]
    broken = NoteSignature(name=line.name, key_id=line.key_id, signature=bytes(64))
    receipt = replace(world.receipt, checkpoint=encode_note(Note(text=note.text, signatures=(broken,))))
    assert checkpoint_fault(world, receipt) == "signature-refused"


def test_a_checkpoint_of_another_origin_is_named(world: "World") -> None:
    claimed = world.receipt.claimed_checkpoint()
    other = Checkpoint(origin="greenlane.example/tianjin", tree_size=claimed.tree_size, root=claimed.root)
    for note in (
        sign_checkpoint(other, sha256(b"log key of tianjin")),
        sign_note(other.body(), ORIGIN, SEED),
    ):
        assert checkpoint_fault(world, replace(world.receipt, checkpoint=note)) == "origin-refused"


def test_a_center_that_the_trust_file_does_not_name_is_named(world: "World") -> None:
    anchor = replace(world.receipt.anchor, center=CenterId("atlantis"))
    assert checkpoint_fault(world, replace(world.receipt, anchor=anchor)) == "center-unknown"


def test_a_checkpoint_of_another_tree_than_proof_or_anchor_is_named(world: "World") -> None:
    anchor = world.receipt.anchor
    smaller = replace(world.receipt, anchor=replace(anchor, tree_size=TreeSize(3)))
    assert checkpoint_fault(world, smaller) == "checkpoint-mismatch"
    other_root = replace(world.receipt, anchor=replace(anchor, root=RootHash(bytes(32))))
    assert checkpoint_fault(world, other_root) == "checkpoint-mismatch"
    inclusion = replace(world.receipt.inclusion, tree_size=TreeSize(5))
    assert checkpoint_fault(world, replace(world.receipt, inclusion=inclusion)) == "checkpoint-mismatch"


def anchor_step(world: "World", *nodes: Any, receipt: Any = None, trust: Any = None) -> tuple[Verdict, str | None, str]:
    step = judged(world, receipt or world.receipt, *nodes, trust=trust).step(Rung.ANCHORED)
    return step.verdict, step.code, step.words


@pytest.mark.parametrize(
    ("changed", "words"),
    [({"chain": 1}, "serves the chain 1"), ({"genesis": bytes(32)}, "not the beginning of the trusted one")],
)
def test_a_node_of_another_chain_is_named_and_is_no_witness(world: "World", changed: dict[str, Any], words: str) -> None:
    verdict, _, said = anchor_step(world, world.node(name="node-x", **changed))
    assert verdict is NOT_CHECKED
    assert "node-x: " in said
    assert words in said
    # Beside a node of the right chain it changes nothing, whatever that one says.
    assert anchor_step(world, world.node(), world.node(name="node-x", **changed))[0] is PASSED
    assert anchor_step(world, world.node(storage={}), world.node(name="node-x", **changed))[0] is FAILED


def test_a_node_without_the_anchor_is_named(world: "World") -> None:
    verdict, code, said = anchor_step(world, world.node(name="node-x", storage={}))
    assert (verdict, code) == (FAILED, "anchor-refused")
    assert said.startswith("node-x: ")
    assert "knows no anchor" in said


def test_a_node_that_holds_another_root_is_named(world: "World") -> None:
    storage = dict.fromkeys(world.node().storage, sha256(b"another"))
    verdict, code, said = anchor_step(world, world.node(storage=storage))
    assert (verdict, code) == (FAILED, "anchor-refused")
    assert sha256(b"another").hex() in said


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"root": RootHash(bytes(32))}, "root"),
        ({"block_number": BlockNumber(8)}, "block number"),
        ({"block_time": datetime(2026, 7, 2, tzinfo=UTC)}, "block time"),
        ({"transaction": TxHash(bytes(32))}, "transaction"),
    ],
)
def test_hints_that_the_chain_contradicts_are_refused(world: "World", changed: dict[str, Any], name: str) -> None:
    verdict, code, said = anchor_step(world, world.node(event=replace(world.node().event, **changed)))
    assert (verdict, code) == (FAILED, "anchor-refused")
    assert f"another {name} of" in said


def test_a_receipt_without_hints_passes(world: "World") -> None:
    anchor = replace(world.receipt.anchor, block_number=None, block_time=None, transaction=None)
    assert anchor_step(world, world.node(), receipt=replace(world.receipt, anchor=anchor))[0] is PASSED


UNTOLD = [None, NodeAway("It refused eth_getLogs.")]
NO_HINTS: dict[str, Any] = {"block_number": None, "block_time": None, "transaction": None}


@pytest.mark.parametrize("event", UNTOLD)
def test_a_node_that_cannot_tell_since_when_still_confirms(world: "World", event: Any) -> None:
    receipt = replace(world.receipt, anchor=replace(world.receipt.anchor, **NO_HINTS))
    judgement = judged(world, receipt, world.node(event=event))
    assert judgement.verdict is PASSED
    assert judgement.anchored_at is None


@pytest.mark.parametrize("event", UNTOLD)
@pytest.mark.parametrize("hint", ["block_number", "block_time", "transaction"])
def test_a_hint_that_no_node_confirms_leaves_the_step_open(world: "World", event: Any, hint: str) -> None:
    told = getattr(world.receipt.anchor, hint)
    receipt = replace(world.receipt, anchor=replace(world.receipt.anchor, **{**NO_HINTS, hint: told}))
    verdict, _, said = anchor_step(world, world.node(event=event), receipt=receipt)
    assert verdict is NOT_CHECKED
    assert "when the receipt says it was anchored" in said
    assert anchor_step(world, world.node(event=event), world.node(name="node-b"), receipt=receipt)[0] is PASSED


def test_a_node_that_is_away_leaves_the_step_open_and_is_named(world: "World") -> None:
    away = world.node(name="node-away", chain=NodeAway("It could not be reached."))
    verdict, _, said = anchor_step(world, away)
    assert verdict is NOT_CHECKED
    assert "node-away: It could not be reached." in said
    verdict, _, said = anchor_step(world, away, world.node(name="node-there"))
    assert verdict is PASSED
    assert "node-away" in said
    assert "node-there" in said


def test_nodes_that_disagree_fail_and_are_all_named(world: "World") -> None:
    liar = world.node(name="node-liar", storage={})
    later = replace(world.node().event, block_time=datetime(2026, 7, 2, tzinfo=UTC))
    hintless = replace(world.receipt, anchor=replace(world.receipt.anchor, block_number=None, block_time=None, transaction=None))
    for nodes in (
        [world.node(name="node-true"), liar],
        [liar, world.node(name="node-true")],
        [world.node(name="node-true"), world.node(name="node-liar", event=later)],
    ):
        verdict, code, said = anchor_step(world, *nodes, receipt=hintless)
        assert (verdict, code) == (FAILED, "nodes-disagree")
        assert "node-true" in said
        assert "node-liar" in said


def test_a_receipt_of_another_chain_or_contract_fails_without_asking(world: "World") -> None:
    for changed in ({"chain_id": ChainId(1)}, {"contract": bytes(20)}):
        node = world.node()
        receipt = replace(world.receipt, anchor=replace(world.receipt.anchor, **changed))
        assert anchor_step(world, node, receipt=receipt)[:2] == (FAILED, "anchor-refused")
        assert node.asked == []


def test_a_retired_key_counts_only_where_the_chain_dates_the_anchor_within_its_term(world: "World") -> None:
    anchored_at = datetime(2026, 7, 1, 8, 30, tzinfo=UTC)
    second, day = timedelta(seconds=1), timedelta(days=1)
    covering = world.with_term(anchored_at - day, anchored_at + second)
    assert anchor_step(world, trust=covering)[0] is PASSED
    assert "has an end" in judged(world, world.receipt, trust=covering).step(Rung.CHECKPOINT).words
    hintless = replace(world.receipt, anchor=replace(world.receipt.anchor, **NO_HINTS))
    verdict, _, said = anchor_step(world, world.node(event=None), receipt=hintless, trust=covering)
    assert verdict is NOT_CHECKED
    assert "the signing key has an end" in said
    for trust in (
        world.with_term(anchored_at - day, anchored_at),
        world.with_term(anchored_at + second, anchored_at + day),
    ):
        assert anchor_step(world, trust=trust)[:2] == (FAILED, "key-term-refused")


def test_a_receipt_that_its_reader_would_refuse_is_never_written(world: "World") -> None:
    with pytest.raises(InvalidInput):
        encode_receipt(replace(world.receipt, inclusion=replace(world.receipt.inclusion, tree_size=TreeSize(0))))
