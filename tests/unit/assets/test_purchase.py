"""A purchase line tells what is bought, and what it costs only to whoever holds its salt."""

from dataclasses import replace
from typing import Any

import pytest
from greenlane.core.assets.purchase import (
    MAX_LINES,
    OpenLine,
    Price,
    PriceInvalid,
    PurchaseLineInvalid,
    encode_line,
    line_digest,
    line_value,
    open_line_value,
    price_digest,
    price_value,
    priced_line,
    read_line_value,
    read_open_line,
    read_price,
)
from greenlane.core.assets.quantity import QuantityInvalid
from greenlane.core.canonical import canonical_bytes, content_digest, parse_json
from greenlane.core.crypto import hmac_sha256, sha256
from greenlane.core.entry import SaltInvalid
from greenlane.core.errors import InvalidInput
from greenlane.core.units import Salt
from greenlane.core.wire import FieldInvalid
from worlds.green_assets import CITY, COOPERATIVE, line, member_account, open_line

OPEN = open_line()
VALUE = line_value(OPEN)
LABELLED = open_line(line(label="pefc", model="https://id.gs1.org/01/09521321000018", product=None, lot=None))


@pytest.mark.parametrize("of", [OPEN, LABELLED, OPEN.without_price()], ids=["whole", "labelled", "without price"])
def test_an_opened_line_is_read_as_it_was_written(of: OpenLine) -> None:
    value = open_line_value(of)
    assert read_open_line(value) == of
    assert read_open_line(parse_json(canonical_bytes(value))) == of
    assert read_line_value(parse_json(encode_line(of))) == (of.line, of.price_digest)


def test_the_value_says_everything_but_the_price() -> None:
    assert line_value(OPEN) == {
        "type": "GreenlanePurchaseLine",
        "version": 1,
        "purchase": "ab" * 16,
        "number": 1,
        "buyer": str(CITY),
        "supplier": str(COOPERATIVE),
        "buyerAccount": "0x" + member_account(CITY).hex(),
        "supplierAccount": "0x" + member_account(COOPERATIVE).hex(),
        "category": "catering",
        "description": "Cocoa for school meals",
        "product": "https://id.gs1.org/01/09521321000018",
        "lot": "https://id.gs1.org/01/09521321000018/10/LOT-7",
        "class": "cocoa-df",
        "unit": "KGM",
        "decimals": 3,
        "quantity": "1.5",
        "label": None,
        "model": None,
        "economy": "PE",
        "orderedOn": "2026-07-01",
        "priceDigest": "0x" + OPEN.price_digest.hex(),
    }


def test_digests_are_blinded_as_the_design_says() -> None:
    assert OPEN.price is not None
    price = hmac_sha256(sha256(b"price salt"), sha256(b'{"amount":"1299.90","currency":"PEN"}'))
    assert price_digest(OPEN.price, Salt(sha256(b"price salt"))) == price == OPEN.price_digest
    assert line_digest(OPEN) == hmac_sha256(OPEN.salt, sha256(encode_line(OPEN))) == hmac_sha256(OPEN.salt, content_digest(VALUE))


def test_without_its_price_a_line_has_the_same_digest_and_tells_nothing_of_it() -> None:
    told = OPEN.without_price()
    assert line_digest(told) == line_digest(OPEN)
    assert open_line_value(told)["price"] is None
    assert open_line_value(told)["priceSalt"] is None
    assert b"1299" not in canonical_bytes(open_line_value(told))
    assert b"1299" not in encode_line(OPEN)


def test_salt_price_and_every_word_change_the_digest() -> None:
    others = [
        replace(OPEN, salt=Salt(bytes(32))),
        open_line(amount="1299.9"),
        open_line(line(quantity=1_501)),
        open_line(line(description="Cocoa")),
        open_line(line(lot=None)),
        open_line(line(number=2)),
    ]
    assert len({line_digest(of) for of in (OPEN, *others)}) == 1 + len(others)


@pytest.mark.parametrize("amount", ["0", "0.00", "1", "1299.90", "0.0001", "999999999999999999.9999"])
def test_amounts_of_money_are_taken_as_they_are_written(amount: str) -> None:
    price = Price(amount=amount, currency="PEN")
    assert read_price(price_value(price)) == price


@pytest.mark.parametrize(
    ("value", "where", "words"),
    [
        ({"amount": "-1", "currency": "PEN"}, "/price/amount", "no amount of money. Write it as text"),
        ({"amount": "1e3", "currency": "PEN"}, "/price/amount", "no amount"),
        ({"amount": "1,50", "currency": "PEN"}, "/price/amount", "no amount"),
        ({"amount": "01", "currency": "PEN"}, "/price/amount", "no amount"),
        ({"amount": "1.", "currency": "PEN"}, "/price/amount", "no amount"),
        ({"amount": "1.00001", "currency": "PEN"}, "/price/amount", "no amount"),
        ({"amount": "1" * 19, "currency": "PEN"}, "/price/amount", "no amount"),
        ({"amount": "1" * 25, "currency": "PEN"}, "/price/amount", "1 to 24 characters"),
        ({"amount": 5, "currency": "PEN"}, "/price/amount", "A text is expected"),
        ({"amount": "1", "currency": "sol"}, "/price/currency", "no currency. Write three"),
        ({"amount": "1", "currency": "PENS"}, "/price/currency", "no currency"),
        ({"amount": "1"}, "/price", "'currency' is missing"),
        ({"amount": "1", "currency": "PEN", "tax": "0"}, "/price/tax", "No field 'tax'"),
        ("1 PEN", "/price", "An object is expected"),
    ],
)
def test_what_is_no_price_is_refused_in_words(value: Any, where: str, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_price(value, "/price")
    assert words in str(refused.value)
    assert refused.value.where == where


FAULTS: list[tuple[str, Any, str]] = [
    ("type", "GreenlaneEvidence", "Only"),
    ("version", 2, "Only"),
    ("purchase", "AB" * 16, "no purchase's id"),
    ("purchase", "ab" * 17, "no purchase's id"),
    ("number", 0, "from 1"),
    ("number", MAX_LINES + 1, "A purchase has lines 1 to 200."),
    ("buyer", "lima", "names no member"),
    ("supplier", str(CITY), "Nobody buys from itself."),
    ("buyerAccount", "0x" + "00" * 20, "Zero"),
    ("category", " catering", "No space"),
    ("description", "x" * 201, "1 to 200"),
    ("product", "urn:epc:idpat:sgtin:9521321.000001.*", ""),
    ("lot", "urn:epc:class:lgtin:9521321.000001.LOT-7", "one spelling"),
    ("class", "Cocoa", "no short name"),
    ("unit", "kg", "no unit code"),
    ("decimals", 19, "No unit"),
    ("quantity", "1.50", "one spelling"),
    ("quantity", "-1", "no quantity"),
    ("label", "pefc", "A label is asked of a model."),
    ("label", "FSC 100%", "no short name"),
    ("model", "", "1 to 512"),
    ("model", "Desk 7", "no model. Write a GS1 Digital Link"),
    ("model", "desk-*", "no model"),
    ("model", "urn:epc:idpat:sgtin:9521321.000001.*", "no model"),
    ("model", "https://example.org/01/09521321000018", "Write https://id.gs1.org/01/09521321000018."),
    ("economy", "peru", "no economy"),
    ("orderedOn", "today", "no day"),
    ("priceDigest", "0x00", "32 bytes"),
]


@pytest.mark.parametrize(("key", "value", "words"), FAULTS, ids=[f"{key}={value}"[:40] for key, value, _ in FAULTS])
def test_a_fault_is_told_with_its_place(key: str, value: Any, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_line_value(VALUE | {key: value}, "/lines/0")
    assert words in str(refused.value)
    assert refused.value.where == f"/lines/0/{key}"


def test_no_key_of_a_line_is_missing_and_no_other_is_known() -> None:
    for key in VALUE:
        with pytest.raises(FieldInvalid, match="is missing"):
            read_line_value({name: of for name, of in VALUE.items() if name != key})
    with pytest.raises(FieldInvalid, match="No field 'price' is known"):
        read_line_value(VALUE | {"price": "1"})


def test_one_account_cannot_buy_from_itself_under_two_names() -> None:
    with pytest.raises(PurchaseLineInvalid, match="Nobody buys from itself"):
        line(supplier_account=member_account(CITY))


def test_a_line_of_nothing_is_refused() -> None:
    with pytest.raises(QuantityInvalid):
        line(quantity=0)


def test_a_price_that_is_not_the_line_s_does_not_open_it() -> None:
    value = open_line_value(OPEN)
    with pytest.raises(PurchaseLineInvalid, match="for another price") as refused:
        read_open_line(value | {"price": {"amount": "1.00", "currency": "PEN"}}, "/line")
    assert refused.value.where == "/line/price"
    for key in ("price", "priceSalt"):
        with pytest.raises(PurchaseLineInvalid, match="told together"):
            read_open_line(value | {key: None})


def test_salts_and_digests_have_their_lengths() -> None:
    assert OPEN.price is not None
    with pytest.raises(SaltInvalid):
        replace(OPEN, salt=Salt(b"short"))
    with pytest.raises(SaltInvalid):
        priced_line(line(), OPEN.price, salt=Salt(bytes(32)), price_salt=Salt(b"short"))
    with pytest.raises(PurchaseLineInvalid, match="32 bytes"):
        replace(OPEN, price_digest=b"short")
    with pytest.raises(FieldInvalid, match="32 bytes"):
        read_open_line(open_line_value(OPEN) | {"salt": "AA=="})
    with pytest.raises(PriceInvalid):
        Price(amount="", currency="PEN")
