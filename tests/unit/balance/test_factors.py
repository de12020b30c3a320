"""Declarations of conversion factors: one spelling, refused in words where they cannot stand, and in versions that follow."""

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from greenlane.core.balance.factors import (
    ConversionFactor,
    FactorInvalid,
    FactorOutOfTurn,
    encode_factor,
    factor_digest,
    factor_on,
    factor_value,
    read_factor,
    require_next,
)
from greenlane.core.canonical import parse_json
from greenlane.core.crypto import sha256
from greenlane.core.errors import InvalidInput
from greenlane.core.wire import encode_hex
from worlds.books import BARS, BEANS, LOT_A, MILL

TODAY = date(2026, 6, 1)


def declaration(**changes: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "type": "GreenlaneConversionFactor",
        "version": 1,
        "declaredBy": "lima/cooperative",
        "facility": MILL,
        "attribute": None,
        "material": BARS,
        "unit": "KGM",
        "needs": {"material": BEANS, "quantity": "0.7", "unit": "KGM"},
        "validFrom": "2026-01-01",
        "validTo": None,
        "number": 1,
        "replaces": None,
    }
    return plain | changes


def read(**changes: Any) -> ConversionFactor:
    return read_factor(declaration(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"attribute": "deforestation-free", "validTo": "2026-12-31"},
        {"number": 2, "replaces": "0x" + "ab" * 32},
        {"unit": "TNE", "needs": {"material": BARS, "quantity": "10000", "unit": "H87"}},
        {"needs": {"material": BEANS, "quantity": "1.543", "unit": "LBR"}},
    ],
)
def test_what_is_read_is_written_in_the_same_bytes(changes: dict[str, Any]) -> None:
    factor = read(**changes)
    assert factor_value(factor) == declaration(**changes)
    data = encode_factor(factor)
    assert read_factor(parse_json(data)) == factor
    assert json.loads(data) == declaration(**changes)
    assert factor_digest(factor) == sha256(data)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"type": "Factor"}, "/type"),
        ({"version": 2}, "/version"),
        ({"declaredBy": "lima"}, "/declaredBy"),
        ({"facility": f"{MILL}/254/DOCK-2"}, "/facility"),
        ({"facility": "urn:epc:id:sgln:9506000.13435.0"}, "/facility"),
        ({"attribute": "No Clearing"}, "/attribute"),
        ({"material": LOT_A}, "/material"),
        ({"material": "beans"}, "/material"),
        ({"unit": "kg"}, "/unit"),
        ({"unit": "LBR"}, "/unit"),
        ({"needs": {"material": BEANS, "quantity": "0.7"}}, "/needs"),
        ({"needs": {"material": BEANS, "quantity": "0.70", "unit": "KGM"}}, "/needs/quantity"),
        ({"needs": {"material": BEANS, "quantity": "-1", "unit": "KGM"}}, "/needs/quantity"),
        ({"needs": {"material": BEANS, "quantity": "1e3", "unit": "KGM"}}, "/needs/quantity"),
        ({"needs": {"material": BEANS, "quantity": "0", "unit": "KGM"}}, "/needs/quantity"),
        ({"needs": {"material": BEANS, "quantity": 0.7, "unit": "KGM"}}, "/needs/quantity"),
        ({"needs": {"material": BARS, "quantity": "2", "unit": "GRM"}}, "/needs"),
        ({"validTo": "2025-12-31"}, "/validTo"),
        ({"validFrom": "1.1.2026"}, "/validFrom"),
        ({"number": 0}, "/number"),
        ({"number": 2}, "/replaces"),
        ({"replaces": "0x" + "ab" * 32}, "/replaces"),
        ({"number": 2, "replaces": "0xab"}, "/replaces"),
        ({"remark": "x"}, "/remark"),
    ],
)
def test_what_cannot_stand_is_refused_at_its_place(changes: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_factor(declaration(**changes), "/factor")
    assert caught.value.where == f"/factor{where}"


def test_a_factor_is_exact_in_every_unit() -> None:
    assert read().needed(Decimal("0.1")) == Decimal("0.07")
    tonnes = read(unit="TNE", needs={"material": BEANS, "quantity": "700", "unit": "KGM"})
    assert tonnes.needed(Decimal(100)) == 70
    pounds = read(needs={"material": BEANS, "quantity": "1.5", "unit": "LBR"})
    assert pounds.needed(Decimal(2)) == Decimal("1.36077711")


def test_a_factor_counts_on_its_days_both_ends_included() -> None:
    factor = read(validFrom="2026-03-01", validTo="2026-03-31")
    days = [date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 31), date(2026, 4, 1)]
    assert [factor.is_valid_on(day) for day in days] == [False, True, True, False]
    assert factor_on([factor], factor.result_node, attribute="any", day=days[0]) is None
    assert factor_on([factor], factor.result_node, attribute="any", day=days[1]) is factor
    assert factor_on([factor], factor.needs_node, attribute="any", day=days[1]) is None
    assert factor_on([replace(factor, attribute="other")], factor.result_node, attribute="any", day=days[1]) is None


def test_the_first_version_may_begin_on_any_day_and_the_next_ones_change_nothing_that_is_over() -> None:
    first = read()
    require_next(first, None, today=TODAY)
    second = read(number=2, replaces=encode_hex(factor_digest(first)), validFrom="2026-06-01")
    require_next(second, first, today=TODAY)
    third = read(number=3, replaces=encode_hex(factor_digest(second)), validFrom="2026-09-01")
    require_next(third, second, today=TODAY)
    assert first.key == second.key == (MILL, None, BARS, "KGM")


@pytest.mark.parametrize(
    ("declared", "where"),
    [
        ({}, "/replaces"),
        ({"number": 3, "replaces": "first"}, "/replaces"),
        ({"number": 2, "replaces": "0x" + "00" * 32}, "/replaces"),
        ({"number": 2, "replaces": "first", "validFrom": "2026-05-31"}, "/validFrom"),
    ],
)
def test_what_is_not_the_next_version_is_refused(declared: dict[str, Any], where: str) -> None:
    first = read()
    if declared.get("replaces") == "first":
        declared = declared | {"replaces": encode_hex(factor_digest(first))}
    with pytest.raises(FactorOutOfTurn) as caught:
        require_next(read(**declared), first, today=TODAY)
    assert caught.value.where == where


def test_a_version_begins_after_the_one_before_also_where_that_lies_ahead() -> None:
    first = read(validFrom="2026-09-01")
    second = read(number=2, replaces=encode_hex(factor_digest(first)), validFrom="2026-07-01")
    with pytest.raises(FactorOutOfTurn) as caught:
        require_next(second, first, today=TODAY)
    assert "2026-09-01" in caught.value.remedy


def test_a_first_version_has_number_one() -> None:
    with pytest.raises(FactorOutOfTurn) as caught:
        require_next(read(number=2, replaces="0x" + "00" * 32), None, today=TODAY)
    assert caught.value.where == "/number"


def test_a_flaw_without_a_document_around_it_has_its_plain_place() -> None:
    with pytest.raises(FactorInvalid) as caught:
        replace(read(), quantity=Decimal(0))
    assert caught.value.where == "/needs/quantity"
