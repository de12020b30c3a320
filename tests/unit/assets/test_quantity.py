"""Quantities are whole smallest units, said in decimal text, and whatever cannot be one is refused in words."""

from typing import Any

import pytest
from greenlane.core.assets.quantity import (
    MAX_QUANTITY,
    QuantityInvalid,
    Unit,
    decimal_text,
    quantity_words,
    read_quantity,
    read_unit,
    read_unit_code,
    read_written_quantity,
    unit_words,
)
from greenlane.core.errors import InvalidInput
from greenlane.core.wire import FieldInvalid
from hypothesis import given
from hypothesis import strategies as st

KILOGRAMS = Unit(code="KGM", decimals=3)
PIECES = Unit(code="H87", decimals=0)
UNITS = st.builds(Unit, code=st.just("KGM"), decimals=st.integers(0, 18))


@given(st.integers(1, MAX_QUANTITY), UNITS)
def test_a_quantity_is_read_as_it_is_written(quantity: int, unit: Unit) -> None:
    assert read_written_quantity(decimal_text(quantity, unit), "/quantity", unit) == quantity


@pytest.mark.parametrize(
    ("quantity", "unit", "text"),
    [(1500, KILOGRAMS, "1.5"), (1000, KILOGRAMS, "1"), (1, KILOGRAMS, "0.001"), (10, PIECES, "10"), (0, KILOGRAMS, "0")],
)
def test_a_quantity_is_written_without_needless_zeros(quantity: int, unit: Unit, text: str) -> None:
    assert decimal_text(quantity, unit) == text


def test_needless_zeros_are_read_where_no_digest_counts_them() -> None:
    assert read_quantity("1.500000", "/quantity", KILOGRAMS) == 1500
    with pytest.raises(FieldInvalid, match=r"one spelling. Write 1\.5\.") as refused:
        read_written_quantity("1.500000", "/quantity", KILOGRAMS)
    assert refused.value.where == "/quantity"


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        ("0.0005", KILOGRAMS, "finer than what is counted. Give at most 3 decimals of kg."),
        ("1.5", PIECES, "finer than what is counted. Give at most 0 decimals of pieces."),
        ("-1", KILOGRAMS, "no quantity. Write it as text without sign"),
        ("+1", KILOGRAMS, "no quantity"),
        ("1e3", KILOGRAMS, "no quantity"),
        ("1,5", KILOGRAMS, "no quantity"),
        ("01", KILOGRAMS, "no quantity"),
        (".5", KILOGRAMS, "no quantity"),
        ("1.", KILOGRAMS, "no quantity"),
        ("１", KILOGRAMS, "no quantity"),
        ("5 KGM", KILOGRAMS, "no quantity"),
        ("0", KILOGRAMS, "cannot be. Give more than nothing."),
        ("0.000", KILOGRAMS, "cannot be. Give more than nothing."),
        (str(MAX_QUANTITY), KILOGRAMS, "cannot be. Compare the number and its unit."),
        ("9" * 64, PIECES, "cannot be. Compare the number and its unit."),
        ("9" * 65, PIECES, "1 to 64 characters"),
        (1.5, KILOGRAMS, "A text is expected"),
        (None, KILOGRAMS, "A text is expected"),
        (10**4000, PIECES, "A text is expected"),
    ],
)
def test_what_is_no_quantity_is_refused_in_words(value: Any, unit: Unit, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_quantity(value, "/lines/0/quantity", unit)
    assert words in str(refused.value)
    assert refused.value.where == "/lines/0/quantity"


def test_the_largest_quantity_is_the_contract_s() -> None:
    assert read_quantity(str(MAX_QUANTITY), "", PIECES) == 2**128 - 1


@pytest.mark.parametrize(("code", "decimals"), [("kgm", 0), ("KILO", 0), ("", 0), ("KGM", 19), ("KGM", -1)])
def test_what_is_no_unit_is_refused(code: str, decimals: int) -> None:
    with pytest.raises(QuantityInvalid, match="is no unit"):
        Unit(code=code, decimals=decimals)


def test_a_unit_is_read_out_of_two_fields_and_a_fault_points_at_its_own() -> None:
    assert read_unit("KGM", 3, "/class") == KILOGRAMS
    faults: list[tuple[Any, Any, str]] = [
        ("kgm", 3, "/class/unit"),
        ("KGMS", 3, "/class/unit"),
        (5, 3, "/class/unit"),
        ("KGM", 19, "/class/decimals"),
        ("KGM", "3", "/class/decimals"),
        ("KGM", -1, "/class/decimals"),
    ]
    for code, decimals, where in faults:
        with pytest.raises(InvalidInput) as refused:
            read_unit(code, decimals, "/class")
        assert refused.value.where == where
    assert read_unit_code("C62", "") == "C62"


def test_a_unit_has_one_word_wherever_it_is_written_and_its_code_where_it_has_none() -> None:
    counted = [quantity_words(quantity, Unit(code="H87", decimals=1)) for quantity in (10, 1, 20)]
    assert (*counted, quantity_words(1_000, Unit(code="KGM", decimals=3))) == ("1 piece", "0.1 pieces", "2 pieces", "1 kg")
    assert [unit_words(code) for code in ("KGM", "LTR", "C62", "XZZ")] == ["kg", "l", "pieces", "XZZ"]
