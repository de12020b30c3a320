"""A receipt is read as it was written, and every fault points at its field."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from greenlane.core.canonical import CanonicalTooLong, JsonValue, canonical_bytes, parse_json
from greenlane.core.checkpoint import Checkpoint, CheckpointInvalid, sign_checkpoint
from greenlane.core.crypto import sha256
from greenlane.core.entry import Entry, EntryKind
from greenlane.core.epcis.event import MAX_EVENT_BYTES, MAX_EVENT_DEPTH, EventFault, encode_event, parse_capture
from greenlane.core.epcis.eventhash import CbvVersion
from greenlane.core.errors import InvalidInput
from greenlane.core.note import MAX_NOTE_BYTES, NoteInvalid
from greenlane.core.receipt import (
    MAX_RECEIPT_BYTES,
    Anchor,
    Disclosure,
    DocumentDisclosure,
    Inclusion,
    Receipt,
    ReceiptInvalid,
    TlogProof,
    TlogProofInvalid,
    encode_receipt,
    encode_tlog_proof,
    parse_receipt,
    parse_tlog_proof,
    to_tlog_proof,
)
from greenlane.core.seals import (
    MAX_HEADER_BYTES,
    MAX_SET_CHANGES,
    MAX_WITNESS_NODE_BYTES,
    MAX_WITNESS_NODES,
    SealedState,
    Seals,
)
from greenlane.core.units import (
    Address,
    BlockNumber,
    CenterId,
    ChainId,
    LeafIndex,
    NodeHash,
    RootHash,
    Salt,
    TreeSize,
    TxHash,
)
from greenlane.core.wire import FieldInvalid, encode_base64
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds.descriptions import confidential_description, descriptions
from worlds.events import CONTEXT, event_document

DIGESTS = st.binary(min_size=32, max_size=32)
COUNTS = st.integers(1, 2**53 - 1)
NOTE = sign_checkpoint(
    Checkpoint(origin="greenlane.example/lima", tree_size=TreeSize(9), root=RootHash(sha256(b"root"))), bytes(32)
)
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
HASHES = st.lists(DIGESTS.map(NodeHash), max_size=64).map(tuple)
STATES = st.builds(
    SealedState,
    header=st.binary(min_size=1, max_size=700),
    witness=st.lists(st.binary(min_size=1, max_size=80), max_size=5, unique=True).map(tuple),
)
SEALS = st.builds(Seals, changes=st.lists(STATES, max_size=3).map(tuple), anchored=STATES)


@st.composite
def receipts(draw: st.DrawFn) -> Receipt:
    kind = draw(st.sampled_from(EntryKind))
    is_blinded = draw(st.booleans())
    salt = draw(st.none() | DIGESTS.map(Salt)) if is_blinded else None
    disclosure: Disclosure | DocumentDisclosure | None = None
    if kind is EntryKind.EVENT:
        event = draw(st.none() | st.dictionaries(st.text(max_size=8), JSON_VALUES, max_size=4))
        disclosure = Disclosure(event=event, cbv_version=draw(st.sampled_from(CbvVersion)), salt=salt)
    elif kind is EntryKind.DOCUMENT:
        disclosure = DocumentDisclosure(description=draw(st.none() | descriptions()), salt=salt)
    return Receipt(
        entry=Entry(kind=kind, is_blinded=is_blinded, subject=draw(DIGESTS), content=draw(DIGESTS)),
        disclosure=disclosure,
        inclusion=Inclusion(leaf_index=LeafIndex(draw(COUNTS)), tree_size=TreeSize(draw(COUNTS)), hashes=draw(HASHES)),
        checkpoint=NOTE,
        anchor=Anchor(
            chain_id=ChainId(draw(COUNTS)),
            contract=Address(draw(st.binary(min_size=20, max_size=20))),
            center=CenterId(draw(st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True))),
            tree_size=TreeSize(draw(COUNTS)),
            root=RootHash(draw(DIGESTS)),
            block_number=draw(st.none() | COUNTS.map(BlockNumber)),
            block_time=draw(st.none() | st.datetimes(timezones=st.just(UTC)).map(lambda time: time.replace(microsecond=0))),
            transaction=draw(st.none() | DIGESTS.map(TxHash)),
        ),
        seals=draw(st.none() | SEALS),
    )


RECEIPT = Receipt(
    entry=Entry(kind=EntryKind.EVENT, is_blinded=True, subject=bytes(32), content=bytes(32)),
    disclosure=Disclosure(event={"type": "ObjectEvent"}, cbv_version=CbvVersion.V2_0, salt=Salt(bytes(32))),
    inclusion=Inclusion(leaf_index=LeafIndex(3), tree_size=TreeSize(9), hashes=(NodeHash(bytes(32)),)),
    checkpoint=NOTE,
    anchor=Anchor(
        chain_id=ChainId(1),
        contract=Address(bytes(20)),
        center=CenterId("lima"),
        tree_size=TreeSize(9),
        root=RootHash(sha256(b"root")),
        block_number=BlockNumber(7),
        block_time=datetime(2026, 7, 1, 8, 30, tzinfo=UTC),
        transaction=TxHash(bytes(32)),
    ),
    seals=Seals(
        changes=(SealedState(header=b"change", witness=(b"account", b"slot")),),
        anchored=SealedState(header=b"anchored", witness=(b"account", b"root")),
    ),
)

OF_A_DOCUMENT = replace(
    RECEIPT,
    entry=replace(RECEIPT.entry, kind=EntryKind.DOCUMENT),
    disclosure=DocumentDisclosure(description=confidential_description(), salt=Salt(bytes(32))),
)


@given(receipts())
def test_a_receipt_is_read_as_it_was_written(receipt: Receipt) -> None:
    data = encode_receipt(receipt)
    assert parse_receipt(data) == receipt
    assert encode_receipt(parse_receipt(data)) == data


@given(receipts())
def test_any_other_spelling_of_a_receipt_is_refused_but_for_a_last_newline(receipt: Receipt) -> None:
    data = encode_receipt(receipt)
    value = json.loads(data)
    assert parse_receipt(data + b"\n") == receipt
    shuffled = json.dumps(dict(reversed(value.items())), separators=(",", ":"), ensure_ascii=False).encode()
    for other in (data + b"\n\n", b" " + data, json.dumps(value, indent=2).encode(), shuffled):
        with pytest.raises(ReceiptInvalid, match="spelling"):
            parse_receipt(other)


@pytest.mark.parametrize(
    ("detail", "spelled", "otherwise"),
    [
        (1e-7, b"1e-7", b"1E-7"),
        (100, b"100", b"1e2"),
        ("\v", b"\\u000b", b"\\u000B"),
        ("/", b'"/"', b'"\\/"'),
        ("é", "é".encode(), b"\\u00e9"),
    ],
)
def test_another_spelling_inside_the_disclosed_event_is_refused(detail: Any, spelled: bytes, otherwise: bytes) -> None:
    assert isinstance(RECEIPT.disclosure, Disclosure)
    data = encode_receipt(replace(RECEIPT, disclosure=replace(RECEIPT.disclosure, event={"ex:detail": detail})))
    changed = data.replace(b'"ex:detail":' + spelled, b'"ex:detail":' + otherwise).replace(
        b'"ex:detail":"' + spelled, b'"ex:detail":"' + otherwise
    )
    assert changed != data
    with pytest.raises(ReceiptInvalid, match="spelling"):
        parse_receipt(changed)


CHANGE: dict[str, Any] = json.loads(encode_receipt(RECEIPT))["seals"]["changes"][0]


def filled(length: int) -> str:
    return encode_base64(bytes(length))


def broken(path: list[str | int], value: Any, *, of: Receipt = RECEIPT) -> bytes:
    document: Any = json.loads(encode_receipt(of))
    at = document
    for step in path[:-1]:
        at = at[step]
    if value is KeyError:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        (["type"], "GreenlaneTrust", "/type"),
        (["version"], 2, "/version"),
        (["version"], True, "/version"),
        (["seals"], {}, "/seals"),
        (["seals"], [], "/seals"),
        (["seals"], KeyError, ""),
        (["seals", "more"], 1, "/seals/more"),
        (["seals", "changes"], None, "/seals/changes"),
        (["seals", "changes"], [CHANGE] * (MAX_SET_CHANGES + 1), "/seals/changes"),
        (["seals", "changes", 0], None, "/seals/changes/0"),
        (["seals", "changes", 0, "header"], "", "/seals/changes/0/header"),
        (["seals", "changes", 0, "witness"], {}, "/seals/changes/0/witness"),
        (["seals", "changes", 0, "witness", 1], 1, "/seals/changes/0/witness/1"),
        (["seals", "changes", 0, "witness", 1], "", "/seals/changes/0/witness/1"),
        (["seals", "changes", 0, "witness"], ["AA==", "AQ==", "AA=="], "/seals/changes/0/witness/2"),
        (["seals", "anchored"], None, "/seals/anchored"),
        (["seals", "anchored", "header"], None, "/seals/anchored/header"),
        (["seals", "anchored", "header"], "AB==", "/seals/anchored/header"),
        (["seals", "anchored", "header"], filled(MAX_HEADER_BYTES + 1), "/seals/anchored/header"),
        (["seals", "anchored", "header"], filled(MAX_HEADER_BYTES + 99), "/seals/anchored/header"),
        (["seals", "anchored", "witness"], KeyError, "/seals/anchored"),
        (["seals", "anchored", "witness", 0], filled(MAX_WITNESS_NODE_BYTES + 1), "/seals/anchored/witness/0"),
        (["seals", "anchored", "witness"], ["AA=="] * (MAX_WITNESS_NODES + 1), "/seals/anchored/witness"),
        (["more"], 1, "/more"),
        (["entry"], "AAAA", "/entry"),
        (["entry"], "A" * 87 + "=", "/entry"),
        (["entry"], "AQ" + "A" * 86, "/entry"),
        (["disclosure"], None, "/disclosure"),
        (["disclosure"], [], "/disclosure"),
        (["disclosure", "event"], [], "/disclosure/event"),
        (["disclosure", "event"], KeyError, "/disclosure"),
        (["disclosure", "cbvVersion"], "CBV3.0", "/disclosure/cbvVersion"),
        (["disclosure", "cbvVersion"], 2.0, "/disclosure/cbvVersion"),
        (["disclosure", "salt"], "AAAA", "/disclosure/salt"),
        (["inclusion"], None, "/inclusion"),
        (["inclusion", "leafIndex"], -1, "/inclusion/leafIndex"),
        (["inclusion", "treeSize"], 0, "/inclusion/treeSize"),
        (["inclusion", "hashes"], ["A" * 43 + "="] * 65, "/inclusion/hashes"),
        (["inclusion", "hashes", 0], "AAAA", "/inclusion/hashes/0"),
        (["checkpoint"], "text", "/checkpoint"),
        (["checkpoint"], NOTE.replace("\n9\n", "\n09\n"), "/checkpoint"),
        (["checkpoint"], "x" * 16_385, "/checkpoint"),
        (["anchor", "chainId"], "1", "/anchor/chainId"),
        (["anchor", "contract"], "0x00", "/anchor/contract"),
        (["anchor", "center"], "Lima", "/anchor/center"),
        (["anchor", "treeSize"], 1.5, "/anchor/treeSize"),
        (["anchor", "root"], "0x" + "AB" * 32, "/anchor/root"),
        (["anchor", "blockNumber"], -1, "/anchor/blockNumber"),
        (["anchor", "blockTime"], "yesterday", "/anchor/blockTime"),
        (["anchor", "transaction"], "", "/anchor/transaction"),
        (["anchor", "transaction"], KeyError, "/anchor"),
    ],
)
def test_a_fault_points_at_its_field(path: list[str | int], value: Any, where: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_receipt(broken(path, value))
    assert caught.value.where == where


def test_the_fullest_seals_are_read_and_what_the_receipt_cannot_hold_of_them_is_not_written() -> None:
    def nodes(count: int, size: int) -> tuple[bytes, ...]:
        return tuple(number.to_bytes(4, "big") + bytes(size - 4) for number in range(count))

    for state in (
        SealedState(header=bytes(MAX_HEADER_BYTES), witness=nodes(8, MAX_WITNESS_NODE_BYTES)),
        SealedState(header=b"\0", witness=nodes(MAX_WITNESS_NODES, 256)),
    ):
        whole = replace(RECEIPT, seals=Seals(changes=(), anchored=state))
        assert parse_receipt(encode_receipt(whole)) == whole
    # 64 changes of 10 kB each, twice what 21 validators take, fit beside an event of usual size.
    change = SealedState(header=bytes(900), witness=nodes(18, 532))
    many = replace(RECEIPT, seals=Seals(changes=(change,) * MAX_SET_CHANGES, anchored=change))
    assert len(encode_receipt(many)) < MAX_RECEIPT_BYTES
    wide = replace(RECEIPT, seals=Seals(changes=(replace(change, witness=nodes(36, 532)),) * MAX_SET_CHANGES, anchored=change))
    with pytest.raises(ReceiptInvalid, match="at most"):
        encode_receipt(wide)


def test_a_receipt_with_seals_is_read_without_what_judges_them() -> None:
    script = (
        "import sys\n"
        "from greenlane.core.receipt import parse_receipt\n"
        "from greenlane.verify.command import run\n"
        "assert parse_receipt(sys.stdin.buffer.read()).seals is not None\n"
        "heavy = {'rlp', 'trie', 'coincurve', 'greenlane.core.sealing'} & set(sys.modules)\n"
        "sys.exit(f'{heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], input=encode_receipt(RECEIPT), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_receipt_of_an_event_has_the_bytes_that_it_had_before_documents_were_disclosed() -> None:
    assert sha256(encode_receipt(RECEIPT)).hex() == "6c0792dd2e641749ac5176e0b8bc4c9c4b4169af3ce749753bd274320d21129e"


def test_the_receipt_of_a_document_is_read_as_it_was_written_and_no_byte_of_it_can_be_changed_unseen() -> None:
    data = encode_receipt(OF_A_DOCUMENT)
    assert parse_receipt(data) == OF_A_DOCUMENT
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1 << place % 7
        try:
            other = parse_receipt(bytes(changed))
        except InvalidInput as refusal:
            assert refusal.detail
        else:
            assert other != OF_A_DOCUMENT


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        (["disclosure"], {"event": None, "cbvVersion": "CBV2.0", "salt": None}, "/disclosure/event"),
        (["disclosure", "salt"], "AAAA", "/disclosure/salt"),
        (["disclosure", "salt"], KeyError, "/disclosure"),
        (["disclosure", "more"], 1, "/disclosure/more"),
        (["disclosure", "document"], [], "/disclosure/document"),
        (["disclosure", "document", "cid"], "b" * 59, "/disclosure/document/cid"),
        (["disclosure", "document", "issuedOn"], "2026-7-1", "/disclosure/document/issuedOn"),
        (["disclosure", "document", "about"], [], "/disclosure/document/about"),
        (["disclosure", "document", "confidential", "readers", 1, "recipient"], "age1", None),
        (["disclosure"], None, "/disclosure"),
    ],
)
def test_a_fault_of_a_documents_receipt_points_at_its_field(path: list[str | int], value: Any, where: str | None) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_receipt(broken(path, value, of=OF_A_DOCUMENT))
    assert caught.value.where == (where or "/disclosure/document/confidential/readers/1/recipient")


@pytest.mark.parametrize("kind", [EntryKind.CREDENTIAL, EntryKind.RETIREMENT])
def test_an_entry_of_another_kind_discloses_nothing(kind: EntryKind) -> None:
    entry = encode_base64(replace(RECEIPT.entry, kind=kind).encode())
    with pytest.raises(FieldInvalid) as caught:
        parse_receipt(broken(["entry"], entry))
    assert caught.value.where == "/disclosure"


def test_a_plain_entry_has_no_salt_and_other_kinds_no_disclosure() -> None:
    with pytest.raises(ReceiptInvalid) as caught:
        replace(RECEIPT, entry=replace(RECEIPT.entry, is_blinded=False))
    assert caught.value.where == "/disclosure/salt"
    with pytest.raises(ReceiptInvalid) as caught:
        replace(RECEIPT, entry=replace(RECEIPT.entry, kind=EntryKind.DOCUMENT))
    assert caught.value.where == "/disclosure"


def test_what_is_too_large_is_neither_read_nor_written() -> None:
    with pytest.raises(ReceiptInvalid, match="at most"):
        parse_receipt(bytes(MAX_RECEIPT_BYTES + 1))
    assert isinstance(RECEIPT.disclosure, Disclosure)
    large = replace(RECEIPT, disclosure=replace(RECEIPT.disclosure, event={"x": "y" * MAX_RECEIPT_BYTES}))
    with pytest.raises(ReceiptInvalid, match="at most"):
        encode_receipt(large)


LONGEST_NOTE = f"{NOTE}{(MAX_NOTE_BYTES - len(NOTE.encode())) // 100 * ('— k ' + 'A' * 92 + chr(10))}"
FULLEST = replace(
    RECEIPT,
    inclusion=Inclusion(leaf_index=LeafIndex(2**53 - 2), tree_size=TreeSize(2**53 - 1), hashes=(NodeHash(bytes(32)),) * 64),
    anchor=replace(RECEIPT.anchor, chain_id=ChainId(2**53 - 1), center=CenterId("a" * 31), block_number=BlockNumber(2**53 - 1)),
)


@given(
    levels=st.integers(1, 62),
    filling=st.sampled_from(["x", "é", "\U0001f33f", '"', "\\", "\x01"]),
    missing=st.integers(-40, 40) | st.just(MAX_EVENT_BYTES),
)
@settings(max_examples=40)
def test_every_event_that_is_taken_fits_into_a_receipt_that_can_be_read(levels: int, filling: str, missing: int) -> None:
    nested: JsonValue = 0
    for _ in range(levels):
        nested = [nested]
    document = event_document(1, **{"@context": [CONTEXT, {"ex": "https://ns.example.org/"}], "ex:deep": nested})
    fixed = len(canonical_bytes({**document, "ex:long": ""}))
    each = len(canonical_bytes(filling)) - 2
    document["ex:long"] = filling * ((MAX_EVENT_BYTES - fixed - missing) // each)
    value = parse_json(json.dumps(document).encode())
    (event,) = parse_capture(value)
    try:
        encoded = encode_event(event, event_index=0)
    except EventFault as refusal:
        assert (refusal.event_index, refusal.where) == (0, "")
        assert refusal.remedy
        assert levels + 1 > MAX_EVENT_DEPTH or len(canonical_bytes(event.document)) > MAX_EVENT_BYTES
        return
    assert levels + 1 <= MAX_EVENT_DEPTH
    stored = parse_json(encoded)
    assert isinstance(stored, dict)
    disclosure = Disclosure(event=stored, cbv_version=CbvVersion.V2_0, salt=Salt(bytes(32)))
    receipt = replace(FULLEST, disclosure=disclosure, checkpoint=LONGEST_NOTE)
    assert parse_receipt(encode_receipt(receipt)) == receipt


def test_the_event_that_does_not_fit_is_named_by_its_place_in_the_document() -> None:
    event = event_document(1, **{"@context": None})
    document: dict[str, JsonValue] = {
        "@context": [CONTEXT, {"ex": "https://ns.example.org/"}],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-06-01T00:00:00Z",
        "epcisBody": {"eventList": [event, {**event, "ex:long": "x" * MAX_EVENT_BYTES}]},
    }
    first, second = parse_capture(document)
    assert encode_event(first, event_index=0) == canonical_bytes(first.document)
    with pytest.raises(EventFault, match="too large") as refusal:
        encode_event(second, event_index=1)
    assert (refusal.value.event_index, refusal.value.where) == (1, "/epcisBody/eventList/1")


def test_what_is_far_too_large_is_not_written_the_slow_way() -> None:
    # orjson writes -0.0, RFC 8785 writes 0.
    with pytest.raises(CanonicalTooLong, match="far more"):
        canonical_bytes([-0.0] * 100, longest=10)
    assert canonical_bytes([-0.0] * 100, longest=201) == b"[" + b"0," * 99 + b"0]"
    with pytest.raises(CanonicalTooLong, match="201 bytes"):
        canonical_bytes([-0.0] * 100, longest=200)


def test_what_would_read_otherwise_is_not_written() -> None:
    # A tuple is written as a list is, and read back as one.
    event: Any = {"epcList": ("a", "b")}
    assert isinstance(RECEIPT.disclosure, Disclosure)
    with pytest.raises(InvalidInput):
        encode_receipt(replace(RECEIPT, disclosure=replace(RECEIPT.disclosure, event=event)))


@given(st.none() | st.binary(min_size=1, max_size=80), st.integers(0, 2**62), HASHES)
def test_a_tlog_proof_is_read_as_it_was_written(extra: bytes | None, index: int, hashes: tuple[NodeHash, ...]) -> None:
    proof = TlogProof(extra=extra, index=LeafIndex(index), hashes=hashes, checkpoint=NOTE)
    assert parse_tlog_proof(encode_tlog_proof(proof)) == proof


def test_a_receipt_is_exported_in_the_form_of_the_specification() -> None:
    text = to_tlog_proof(RECEIPT)
    assert text.splitlines()[:4] == [
        "c2sp.org/tlog-proof@v1",
        "extra gQ" + "A" * 85 + "=",
        "index 3",
        "A" * 43 + "=",
    ]
    assert text.endswith("=\n\n" + NOTE)
    proof = parse_tlog_proof(text)
    assert proof.extra == RECEIPT.entry.encode()
    assert (proof.index, proof.hashes, proof.checkpoint) == (LeafIndex(3), RECEIPT.inclusion.hashes, NOTE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v1\n\n" + NOTE,
        "c2sp.org/tlog-proof@v2\nindex 3\n\n" + NOTE,
        "c2sp.org/tlog-proof@v1\nindex 3\n" + NOTE.replace("\n\n", "\n"),
        "c2sp.org/tlog-proof@v1\nindex 03\n\n" + NOTE,
        "c2sp.org/tlog-proof@v1\nindex -3\n\n" + NOTE,
        "c2sp.org/tlog-proof@v1\nindex 3\nAAAA\n\n" + NOTE,
        "c2sp.org/tlog-proof@v1\nindex 3\nA\n\n" + NOTE,
        "c2sp.org/tlog-proof@v1\nindex 3\n" + ("A" * 43 + "=\n") * 65 + "\n" + NOTE,
        "c2sp.org/tlog-proof@v1\nextra A\nindex 3\n\n" + NOTE,
        "c2sp.org/tlog-proof@v1\nextra AAAA\n\n" + NOTE,
        "c2sp.org/tlog-proof@v1\nindex 3\nextra AAAA\n\n" + NOTE,
        "c2sp.org/tlog-proof@v1\nindex 3\n\n" + "x" * 70_000,
    ],
)
def test_what_is_no_tlog_proof_is_refused(text: str) -> None:
    with pytest.raises(TlogProofInvalid):
        parse_tlog_proof(text)


def test_a_tlog_proof_carries_a_checkpoint_that_reads_well() -> None:
    with pytest.raises(NoteInvalid):
        parse_tlog_proof("c2sp.org/tlog-proof@v1\nindex 3\n\nno note")
    with pytest.raises(CheckpointInvalid):
        parse_tlog_proof("c2sp.org/tlog-proof@v1\nindex 3\n\n" + NOTE.replace("\n9\n", "\n09\n"))
