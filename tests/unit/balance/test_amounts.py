"""Amounts are exact: as they are written, in every unit of the table, and however large or small."""

from decimal import Decimal

import pytest
from greenlane.core.balance.amounts import (
    amount_text,
    base_unit,
    decimal_of,
    from_base,
    in_base,
    is_decimal,
    known_units,
    minus,
    plus,
    scaled,
    times,
    total,
)


def test_a_number_is_what_is_written_and_not_its_binary_neighbour() -> None:
    assert plus(decimal_of(0.1), decimal_of(0.2)) == Decimal("0.3")
    assert decimal_of(2565.0) == Decimal(2565)
    assert decimal_of(9_007_199_254_740_991) == Decimal(9007199254740991)


@pytest.mark.parametrize(
    ("number", "unit", "base", "amount"),
    [
        (1, "KGM", "KGM", "1"),
        (1, "TNE", "KGM", "1000"),
        (1, "GRM", "KGM", "0.001"),
        (1, "LBR", "KGM", "0.45359237"),
        (16, "ONZ", "KGM", "0.45359237"),
        (2000, "LBR", "KGM", "907.18474"),
        (1, "STN", "KGM", "907.18474"),
        (112, "LBR", "KGM", "50.80234544"),
        (1, "CWI", "KGM", "50.80234544"),
        (20, "CWI", "KGM", "1016.0469088"),
        (1, "LTN", "KGM", "1016.0469088"),
        (14, "LBR", "KGM", "6.35029318"),
        (1, "STI", "KGM", "6.35029318"),
        (1, "MTQ", "LTR", "1000"),
        (1, "GWH", "KWH", "1000000"),
        (5, None, "H87", "5"),
        (5, "EA", "H87", "5"),
        (2, "DZN", "H87", "24"),
        (7, "P1", "P1", "7"),
    ],
)
def test_a_unit_is_brought_to_its_base_without_rounding(number: int, unit: str | None, base: str, amount: str) -> None:
    assert base_unit(unit) == base
    assert in_base(Decimal(number), unit) == Decimal(amount)


def test_what_is_divided_is_divided_by_powers_of_ten_alone() -> None:
    decimal = {unit for unit in known_units() if is_decimal(unit)}
    assert {"KGM", "TNE", "GRM", "LTR", "MTQ", "KWH", "H87", "T3"} <= decimal
    assert {"LBR", "ONZ", "STN", "LTN", "CWA", "CWI", "STI", "DZN", "GRO"}.isdisjoint(decimal)
    for unit in decimal:
        assert in_base(from_base(Decimal("0.3"), unit), unit) == Decimal("0.3")
    assert is_decimal(None)
    assert from_base(Decimal(3), "P1") == 3


def test_the_largest_and_the_smallest_numbers_of_json_add_up_exactly() -> None:
    large, small = decimal_of(1.7976931348623157e308), decimal_of(5e-324)
    assert minus(plus(large, small), large) == small
    assert total([large, small, minus(Decimal(0), large)]) == small
    assert total([]) == 0
    assert times(small, large) == Decimal("5e-324") * Decimal("1.7976931348623157e308")
    assert scaled(2**128 - 1, 18) == Decimal("340282366920938463463.374607431768211455")


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("0.00", "0"),
        ("1.50", "1.5"),
        ("100", "100"),
        ("1E+3", "1000"),
        ("-2.5", "-2.5"),
        ("1E-7", "0.0000001"),
    ],
)
def test_an_amount_is_told_without_exponent_and_needless_zeros(amount: str, text: str) -> None:
    assert amount_text(Decimal(amount)) == text
