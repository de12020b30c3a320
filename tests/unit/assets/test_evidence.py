"""A statement of evidence is read strictly, in one spelling, and a fault in it points at its place."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from greenlane.core.assets.custody import CustodyModel, read_custody_model
from greenlane.core.assets.evidence import (
    EvidenceInvalid,
    EvidenceStatement,
    day_number,
    day_of,
    evidence_value,
    read_evidence,
    read_uri,
    require_admissible,
)
from greenlane.core.assets.quantity import QuantityInvalid
from greenlane.core.assets.texts import read_words
from greenlane.core.errors import InvalidInput
from greenlane.core.wire import FieldInvalid
from hypothesis import given
from hypothesis import strategies as st
from worlds.green_assets import LOT, origin, statement

VALUE = evidence_value(statement(origin=origin(1, 9)))


@pytest.mark.parametrize(
    "stated",
    [statement(), statement(lot=None, origin=origin(1, 2**53 - 1)), statement(origin=origin(3, 3))],
    ids=["lot", "serials", "both"],
)
def test_a_statement_is_read_as_it_was_written(stated: EvidenceStatement) -> None:
    value = evidence_value(stated)
    assert read_evidence(value) == stated
    assert evidence_value(read_evidence(value)) == value


def test_the_value_says_everything_in_words_that_people_read() -> None:
    assert evidence_value(statement()) == {
        "type": "GreenlaneEvidence",
        "version": 1,
        "id": "urn:uuid:6f9619ff-8b86-4d11-b42d-00c04fc964ff",
        "center": "lima",
        "certifier": "0x" + statement().certifier.hex(),
        "holder": "0x" + statement().holder.hex(),
        "class": "cocoa-df",
        "attribute": "deforestation-free",
        "unit": "KGM",
        "decimals": 3,
        "quantity": "12.5",
        "lot": LOT,
        "facility": "https://id.gs1.org/414/9521321000018",
        "vintageFrom": "2026-04-01",
        "vintageTo": "2026-06-30",
        "custodyModel": "identity-preserved",
        "origin": None,
        "certificateDigest": "0x" + statement().certificate_digest.hex(),
        "economy": "PE",
    }


FAULTS: list[tuple[str, Any, str]] = [
    ("type", "GreenlaneDocument", "Only 'GreenlaneEvidence'"),
    ("version", 2, "Only 1"),
    ("version", True, "Only 1"),
    ("id", "no uri", "is no URI"),
    ("id", "urn:uuid:ñ", "is no URI"),
    ("center", "Lima", "no center id"),
    ("certifier", "0x" + "00" * 20, "Zero is nobody's account."),
    ("certifier", "0x" + "AB" * 20, "no hexadecimal"),
    ("holder", "0x00", "20 bytes are expected"),
    ("class", "Cocoa", "no short name"),
    ("class", "c" * 32, "no short name"),
    ("attribute", "-x", "no short name"),
    ("unit", "kg", "no unit code"),
    ("decimals", 19, "No unit has 19 decimals. Count 0 to 18"),
    ("decimals", 3.5, "whole number"),
    ("quantity", "0.0001", "finer than what is counted"),
    ("quantity", "-5", "no quantity"),
    ("quantity", "1" + "0" * 40, "cannot be"),
    ("quantity", "12.50", "not in its one spelling. Write 12.5."),
    ("lot", "urn:epc:class:lgtin:9521321.000001.LOT-7", f"Write {LOT}."),
    ("lot", "https://example.org/01/09521321000018/10/LOT-7", f"Write {LOT}."),
    ("lot", "https://id.gs1.org/01/09521321000019/10/LOT-7", "check digit"),
    ("facility", "mill", "is no URI"),
    ("vintageFrom", "2026-13-01", "is no day"),
    ("vintageFrom", "1969-12-31", "no day of this age"),
    ("vintageTo", "20260630", "no day of this age"),
    ("vintageTo", "9999-01-01", "no day of this age"),
    ("custodyModel", "blended", "no custody model. Write one of identity-preserved, segregated"),
    ("origin", [], "An object is expected"),
    ("certificateDigest", "0x00", "32 bytes"),
    ("economy", "Peru", "is no economy"),
    ("economy", "pe", "is no economy"),
]


@pytest.mark.parametrize(("key", "value", "words"), FAULTS, ids=[f"{key}={value}"[:40] for key, value, _ in FAULTS])
def test_a_fault_is_told_with_its_place(key: str, value: Any, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_evidence(VALUE | {key: value}, "/statement")
    assert words in str(refused.value)
    assert (refused.value.where or "").startswith(f"/statement/{key}")


@pytest.mark.parametrize(
    ("changes", "where", "words"),
    [
        ({"vintageFrom": "2026-07-01"}, "/vintageTo", "ends before it begins"),
        ({"origin": {"registry": "i-rec", "serialFrom": 9, "serialTo": 8}}, "/origin/serialTo", "serials end before"),
        ({"origin": {"registry": "i-rec", "serialFrom": 0, "serialTo": 8}}, "/origin/serialFrom", "from 1"),
        ({"origin": {"registry": "i-rec", "serialFrom": 1, "serialTo": 2**53}}, "/origin/serialTo", "2^53"),
        ({"origin": {"registry": "I-REC", "serialFrom": 1, "serialTo": 2}}, "/origin/registry", "no short name"),
        ({"lot": None, "origin": None}, "/lot", "names a lot, or serials"),
        ({"holder": VALUE["certifier"]}, "/certifier", "Nobody certifies for itself."),
    ],
)
def test_what_cannot_stand_together_is_told_with_its_place(changes: dict[str, Any], where: str, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_evidence(VALUE | changes, "/statement")
    assert words in refused.value.detail
    assert refused.value.where == "/statement" + where


def test_no_key_is_missing_and_no_other_is_known() -> None:
    for key in VALUE:
        with pytest.raises(FieldInvalid, match="is missing"):
            read_evidence({name: of for name, of in VALUE.items() if name != key})
    with pytest.raises(FieldInvalid, match="No field 'price' is known"):
        read_evidence(VALUE | {"price": "1"})
    with pytest.raises(FieldInvalid, match="An object is expected"):
        read_evidence(None)


@pytest.mark.parametrize(
    "changes", [{"vintage_from": date(1969, 12, 31)}, {"vintage_to": date(2107, 1, 1)}], ids=lambda changes: next(iter(changes))
)
def test_days_of_another_age_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(EvidenceInvalid, match="no day of this age"):
        replace(statement(), **changes)


@pytest.mark.parametrize("quantity", [0, -1, 2**128])
def test_no_statement_of_nothing_or_too_much(quantity: int) -> None:
    with pytest.raises(QuantityInvalid):
        statement(quantity=quantity)


@given(st.dates(date(1970, 1, 1), date(2106, 1, 1)))
def test_a_day_is_the_number_of_its_day(day: date) -> None:
    assert day_of(day_number(day)) == day


def test_a_lot_may_only_go_down() -> None:
    for model in CustodyModel:
        assert [model.may_become(other) for other in CustodyModel] == [other >= model for other in CustodyModel]
        assert read_custody_model(model.slug, "") is model
    assert CustodyModel.MASS_BALANCE.slug == "mass-balance"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Lima\u0301", "one spelling"),
        (" Lima", "No space"),
        ("Lima ", "No space"),
        ("", "1 to 10 characters"),
        ("L\nM", "One line"),
        ("L\x1b[2JM", "printable"),
        ("x" * 11, "1 to 10 characters"),
    ],
)
def test_words_have_one_spelling(text: str, words: str) -> None:
    with pytest.raises(FieldInvalid, match=words):
        read_words(text, "/name", longest=10)


def test_plain_words_and_other_uris_are_taken_as_they_are() -> None:
    assert read_words("Lima á", "/name", longest=10) == "Lima á"
    for uri in ("urn:uuid:0", "https://example.org/lots/7?x=%C3%B1", "did:web:example.org#key"):
        assert read_uri(uri, "") == uri
    with pytest.raises(FieldInvalid, match="1 to 512"):
        read_uri("urn:" + "x" * 512, "")


@pytest.mark.parametrize(
    ("changes", "where", "words"),
    [
        ({"vintage_from": date(2023, 1, 1), "vintage_to": date(2026, 1, 5)}, "/vintageTo", "1101 days is too long"),
        ({"lot": None, "origin": origin(1, 2**32 + 1)}, "/origin/serialTo", "too many serials"),
        ({"lot": None, "origin": origin(1, 9, "i--rec")}, "/origin/registry", "no registry's name"),
        ({"lot": None, "origin": origin(1, 9, "irec-")}, "/origin/registry", "no registry's name"),
    ],
)
def test_what_no_chain_admits_is_refused_before_it_is_signed(changes: dict[str, Any], where: str, words: str) -> None:
    with pytest.raises(EvidenceInvalid, match=words) as refused:
        require_admissible(statement(**changes))
    assert refused.value.where == where


def test_what_a_chain_admits_at_most_is_taken() -> None:
    require_admissible(statement(vintage_from=date(2023, 1, 1), vintage_to=date(2026, 1, 4)))
    require_admissible(statement(lot=None, origin=origin(1, 2**32, "i-rec")))
