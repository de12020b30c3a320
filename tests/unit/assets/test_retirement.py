"""A retirement's certificate is read strictly, and says where its words and its facts disagree."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from greenlane.core.assets.evidence import text_digest
from greenlane.core.assets.quantity import QuantityInvalid
from greenlane.core.assets.retirement import (
    MAX_CERTIFICATE_BYTES,
    CertificateInvalid,
    RetirementCertificate,
    RetirementInvalid,
    RetirementStatement,
    disagreements,
    encode_certificate,
    encode_retirement,
    parse_certificate,
    read_beneficiary,
    read_retirement,
    retirement_entry,
    retirement_value,
)
from greenlane.core.canonical import canonical_bytes, parse_json
from greenlane.core.crypto import sha256
from greenlane.core.entry import Entry, EntryKind
from greenlane.core.errors import InvalidInput
from greenlane.core.receipt import Receipt
from greenlane.core.wire import FieldInvalid, encode_base64
from worlds.green_assets import (
    COOPERATIVE,
    OTHER_LOT,
    line,
    open_line,
    origin,
    retirement,
    retirement_facts,
    retirement_receipt,
    statement,
)

STATED = retirement()
CERTIFICATE = RetirementCertificate(statement=STATED, receipt=retirement_receipt(STATED))
BYTES = encode_certificate(CERTIFICATE)
BARE = retirement(
    holder=None,
    claimant=None,
    line=None,
    statement=statement(lot=None, origin=origin(1, 9)),
    facts=retirement_facts(lot=bytes(32), line_digest=bytes(32)),
)


def value_of(stated: RetirementStatement) -> dict[str, Any]:
    """The JSON form, to be changed."""
    value: Any = parse_json(encode_retirement(stated))
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize("stated", [STATED, BARE, retirement(line=None)], ids=["whole", "bare", "line not shown"])
def test_a_retirement_is_read_as_it_was_written(stated: RetirementStatement) -> None:
    assert read_retirement(retirement_value(stated)) == stated
    assert read_retirement(value_of(stated)) == stated


def test_nothing_is_null_and_never_zeros() -> None:
    assert retirement_value(BARE)["facts"] == retirement_value(BARE)["facts"] | {"lot": None, "lineDigest": None}  # type: ignore[operator]
    for key in ("lot", "lineDigest"):
        value = value_of(STATED)
        value["facts"][key] = "0x" + "00" * 32
        with pytest.raises(FieldInvalid, match="Write null") as refused:
            read_retirement(value)
        assert refused.value.where == f"/facts/{key}"


def test_the_entry_is_the_id_and_every_word() -> None:
    entry = retirement_entry(STATED)
    assert entry == Entry(
        kind=EntryKind.RETIREMENT,
        is_blinded=False,
        subject=sha256(STATED.facts.id),
        content=sha256(canonical_bytes(retirement_value(STATED))),
    )
    assert retirement_entry(replace(STATED, beneficiary="Somebody")).content != entry.content


def test_a_certificate_is_read_as_it_was_written() -> None:
    assert parse_certificate(BYTES) == CERTIFICATE
    assert parse_certificate(BYTES + b"\n") == CERTIFICATE
    assert encode_certificate(parse_certificate(BYTES)) == BYTES


def test_what_agrees_has_no_disagreement() -> None:
    assert disagreements(STATED) == ()
    assert disagreements(retirement(line=None)) == ()
    assert disagreements(replace(BARE, facts=replace(BARE.facts, token=STATED.facts.token)))[0].where == "/evidence"


@pytest.mark.parametrize(
    ("changes", "wheres"),
    [
        ({"facts": replace(STATED.facts, id=bytes(32))}, ["/facts/id"]),
        ({"facts": replace(STATED.facts, token=bytes(32))}, ["/evidence"]),
        ({"chain_id": 1}, ["/evidence"]),
        ({"facts": replace(STATED.facts, quantity=12_501)}, ["/facts/quantity"]),
        ({"facts": replace(STATED.facts, claim_from=date(2026, 3, 31))}, ["/facts/claimFrom"]),
        ({"facts": replace(STATED.facts, lot=text_digest(OTHER_LOT))}, ["/facts/lot"]),
        ({"beneficiary": "Municipalidad de Callao"}, ["/beneficiary"]),
        ({"line": open_line(line(number=2)).without_price()}, ["/line"]),
        ({"line": open_line(line(class_id="other")).without_price()}, ["/line", "/line/line/class"]),
        ({"line": open_line(line(lot=OTHER_LOT)).without_price()}, ["/line", "/line/line/lot"]),
        ({"statement": statement(economy="CO")}, ["/evidence"]),
    ],
)
def test_words_that_are_not_behind_the_facts_are_named_and_never_certified(changes: dict[str, Any], wheres: list[str]) -> None:
    stated = retirement(**changes)
    assert [found.where for found in disagreements(stated)] == wheres
    assert all(found.detail.endswith(".") for found in disagreements(stated))
    assert read_retirement(value_of(stated)) == stated
    with pytest.raises(CertificateInvalid) as refused:
        encode_certificate(RetirementCertificate(statement=stated, receipt=retirement_receipt(stated)))
    assert refused.value.where == "/retirement" + wheres[0]


def test_a_line_for_any_lot_fits_a_lot() -> None:
    of = open_line(line(lot=None))
    stated = retirement(line=of.without_price(), facts=retirement_facts(line_digest=STATED.facts.line_digest))
    assert [found.where for found in disagreements(stated)] == ["/line"]


def test_no_certificate_with_another_s_receipt_is_written() -> None:
    other = retirement_receipt(retirement(holder=None))
    with pytest.raises(CertificateInvalid, match="another statement"):
        encode_certificate(RetirementCertificate(statement=STATED, receipt=other))


def test_no_certificate_that_would_read_otherwise_is_written() -> None:
    odd = retirement(holder=COOPERATIVE, beneficiary="A\u0301", facts=retirement_facts(beneficiary=text_digest("A\u0301")))
    with pytest.raises(InvalidInput, match="one spelling"):
        encode_certificate(RetirementCertificate(statement=odd, receipt=retirement_receipt(odd)))
    no_hashes: Any = []
    lists = replace(CERTIFICATE.receipt, inclusion=replace(CERTIFICATE.receipt.inclusion, hashes=no_hashes))
    with pytest.raises(InvalidInput, match="otherwise than it was written"):
        encode_certificate(replace(CERTIFICATE, receipt=lists))


@pytest.mark.parametrize("changes", [{"kind": EntryKind.EVIDENCE}, {"is_blinded": True}], ids=["kind", "blinded"])
def test_a_receipt_of_something_else_is_refused(changes: dict[str, Any]) -> None:
    entry = replace(retirement_entry(STATED), **changes)
    receipt: Receipt = replace(CERTIFICATE.receipt, entry=entry)
    with pytest.raises(CertificateInvalid) as refused:
        RetirementCertificate(statement=STATED, receipt=receipt)
    assert refused.value.where == "/receipt/entry"


def test_no_price_is_ever_told() -> None:
    with pytest.raises(RetirementInvalid, match="never tells a price"):
        retirement(line=open_line())
    assert b"1299" not in BYTES


def change(data: bytes, *steps: str, to: Any) -> bytes:
    """The certificate with one value changed, in its one spelling."""
    document: Any = parse_json(data)
    inner = document
    for step in steps[:-1]:
        inner = inner[step]
    inner[steps[-1]] = to
    return canonical_bytes(document)


@pytest.mark.parametrize(
    ("steps", "to", "where", "words"),
    [
        (("type",), "GreenlaneReceipt", "/type", "Only"),
        (("version",), 2, "/version", "Only"),
        (("more",), 1, "/more", "No field"),
        (("retirement",), None, "/retirement", "An object"),
        (("retirement", "type"), "GreenlaneEvidence", "/retirement/type", "Only"),
        (("retirement", "version"), 0, "/retirement/version", "Only"),
        (("retirement", "chainId"), 0, "/retirement/chainId", "from 1"),
        (("retirement", "greenAsset"), "0x00", "/retirement/greenAsset", "20 bytes"),
        (("retirement", "evidenceRegister"), 5, "/retirement/evidenceRegister", "A text"),
        (("retirement", "holder"), "lima", "/retirement/holder", "names no member"),
        (("retirement", "claimant"), "/", "/retirement/claimant", "names no member"),
        (("retirement", "beneficiary"), "", "/retirement/beneficiary", "1 to 200"),
        (("retirement", "beneficiary"), " x", "/retirement/beneficiary", "No space"),
        (("retirement", "facts", "quantity"), "-1", "/retirement/facts/quantity", "no quantity"),
        (("retirement", "facts", "quantity"), "0.0001", "/retirement/facts/quantity", "finer"),
        (("retirement", "facts", "quantity"), "1.50", "/retirement/facts/quantity", "one spelling"),
        (("retirement", "facts", "claimTo"), "2026-03-01", "/retirement/facts/claimTo", "ends before it begins"),
        (("retirement", "facts", "retiredAt"), "2026-07-01", "/retirement/facts/retiredAt", "no time"),
        (("retirement", "facts", "ref"), "0x", "/retirement/facts/ref", "32 bytes"),
        (("retirement", "facts", "holder"), "0x" + "00" * 20, "/retirement/facts/holder", "Zero"),
        (("retirement", "evidence", "economy"), "x", "/retirement/evidence/economy", "no economy"),
        (("retirement", "evidence", "vintageTo"), "2026-01-01", "/retirement/evidence/vintageTo", "ends before"),
        (("retirement", "line", "line", "number"), 201, "/retirement/line/line/number", "lines 1 to 200"),
        (
            ("retirement", "line", "price"),
            {"amount": "1", "currency": "PEN"},
            "/retirement/line/priceSalt",
            "told together",
        ),
        (("receipt",), None, "/receipt", "An object"),
        (("receipt", "version"), 2, "/receipt/version", "Only"),
        (("receipt", "entry"), "AA==", "/receipt/entry", "65 bytes"),
        (("receipt", "checkpoint"), "x", "/receipt/checkpoint", ""),
        (("seals",), [], "/seals", "An object"),
        (("seals",), {"changes": [], "anchored": None}, "/seals/anchored", "An object"),
        (("seals",), {"changes": [{"header": "AA==", "witness": [1]}], "anchored": None}, "/seals/changes/0/witness/0", "A text"),
    ],
    ids=lambda of: "/".join(of)[:40] if isinstance(of, tuple) else "",
)
def test_a_fault_is_told_with_its_place(steps: tuple[str, ...], to: Any, where: str, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_certificate(change(BYTES, *steps, to=to))
    assert refused.value.where == where
    assert words in str(refused.value)


def test_a_line_with_its_price_is_no_part_of_a_certificate() -> None:
    value = value_of(STATED)
    of = open_line()
    assert of.price is not None
    value["line"]["price"] = {"amount": of.price.amount, "currency": of.price.currency}
    value["line"]["priceSalt"] = encode_base64(sha256(b"price salt"))
    with pytest.raises(RetirementInvalid, match="never tells a price") as refused:
        read_retirement(value, "/retirement")
    assert refused.value.where == "/retirement/line/price"


def test_other_bytes_are_no_certificate() -> None:
    with pytest.raises(CertificateInvalid, match="one spelling"):
        parse_certificate(BYTES.replace(b'{"', b'{ "', 1))
    with pytest.raises(CertificateInvalid, match="at most"):
        parse_certificate(BYTES + b" " * MAX_CERTIFICATE_BYTES)
    for data in (b"", b"%PDF-1.7", b"[]", b"\xff", BYTES[:-1]):
        with pytest.raises(InvalidInput):
            parse_certificate(data)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"id": b"short"}, "/id"),
        ({"lot": b"short"}, "/lot"),
        ({"claim_to": date(2026, 3, 31)}, "/claimTo"),
        ({"retired_at": datetime(2026, 7, 1)}, "/retiredAt"),  # noqa: DTZ001
        ({"retired_at": datetime(2026, 7, 1, microsecond=1, tzinfo=UTC)}, "/retiredAt"),
    ],
)
def test_facts_that_cannot_be_are_refused(changes: dict[str, Any], where: str) -> None:
    with pytest.raises(RetirementInvalid) as refused:
        retirement_facts(**changes)
    assert refused.value.where == where


@pytest.mark.parametrize("quantity", [0, 2**128])
def test_no_retirement_of_nothing_or_too_much(quantity: int) -> None:
    with pytest.raises(QuantityInvalid):
        retirement_facts(quantity=quantity)


def test_a_beneficiary_has_one_spelling() -> None:
    assert read_beneficiary("Municipalidad de Lima", "") == "Municipalidad de Lima"
