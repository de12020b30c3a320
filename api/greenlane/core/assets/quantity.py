"""Quantities of green assets: whole numbers of a class's smallest unit inside, decimal text with a unit outside.

A class says its unit by its code of UN/CEFACT Recommendation 20 and how many decimals count: 3 of KGM are grams. Nothing is
rounded, ever: what cannot be written in whole smallest units is refused.
"""

import re
from dataclasses import dataclass
from typing import Final

from greenlane.core.canonical import JsonValue
from greenlane.core.errors import InvalidInput
from greenlane.core.wire import FieldInvalid, read_count, read_line, shown

MAX_QUANTITY = 2**128 - 1
MAX_DECIMALS = 18
_CODE = re.compile(r"[A-Z0-9]{1,3}", re.ASCII)
_DECIMAL = re.compile(r"(0|[1-9][0-9]*)(?:\.([0-9]+))?", re.ASCII)
_MAX_TEXT = 64
_PIECE: Final = "piece"
_PIECES: Final = "pieces"
_WORDS: Final = {
    "KGM": "kg",
    "GRM": "g",
    "TNE": "t",
    "LTR": "l",
    "MLT": "ml",
    "MTQ": "m³",
    "MTR": "m",
    "MTK": "m²",
    "H87": _PIECES,
    "EA": _PIECES,
    "C62": _PIECES,
    "KMT": "km",
    "KWH": "kWh",
    "MWH": "MWh",
}


class QuantityInvalid(InvalidInput):
    """A quantity that cannot be: negative, none, too fine, too large, or in another unit."""

    code = "quantity-invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What the quantities of a class count.

    Attributes:
        code: UN/CEFACT Recommendation 20, e.g. "KGM".
        decimals: quantities count 10^-decimals of it; 0 to MAX_DECIMALS.
    """

    code: str
    decimals: int

    def __post_init__(self) -> None:
        if _CODE.fullmatch(self.code) is None or not 0 <= self.decimals <= MAX_DECIMALS:
            raise QuantityInvalid(
                f"{shown(self.code)} with {self.decimals} decimals is no unit.",
                remedy=f"Write a code of UN/CEFACT Recommendation 20, like KGM, and 0 to {MAX_DECIMALS} decimals.",
            )


def unit_words(code: str) -> str:
    """A unit as people write it; its code where it has no other word here. The same in sentences, pages and certificates."""
    return _WORDS.get(code, code)


def decimal_text(quantity: int, unit: Unit) -> str:
    """A quantity as people read it, in whole units of the code, without needless zeros: 1500 of (KGM, 3) is "1.5"."""
    whole, part = divmod(quantity, 10**unit.decimals)
    fraction = str(part).rjust(unit.decimals, "0").rstrip("0") if unit.decimals else ""
    return f"{whole}.{fraction}" if fraction else str(whole)


def quantity_words(quantity: int, unit: Unit) -> str:
    """A quantity with its unit as people read it: "1.5 kg", "1 piece", "2 pieces"."""
    words = unit_words(unit.code)
    is_one_piece = words == _PIECES and quantity == 10**unit.decimals
    return f"{decimal_text(quantity, unit)} {_PIECE if is_one_piece else words}"


def read_quantity(value: JsonValue, where: str, unit: Unit) -> int:
    """A quantity above 0, as decimal text in units of the code; in smallest units.

    Raises:
        FieldInvalid: no line of text.
        QuantityInvalid: no number without sign and exponent, 0, finer than the unit's decimals, or above MAX_QUANTITY.
    """
    text = read_line(value, where, longest=_MAX_TEXT)
    found = _DECIMAL.fullmatch(text)
    if found is None:
        remedy = 'Write it as text without sign and exponent, like "12.5".'
        raise QuantityInvalid(f"{shown(text)} is no quantity.", where=where, remedy=remedy)
    fraction = (found[2] or "").rstrip("0")
    if len(fraction) > unit.decimals:
        remedy = f"Give at most {unit.decimals} decimals of {unit_words(unit.code)}."
        raise QuantityInvalid(f"{shown(text)} is finer than what is counted.", where=where, remedy=remedy)
    quantity = int(found[1] + fraction.ljust(unit.decimals, "0"))
    if not 1 <= quantity <= MAX_QUANTITY:
        remedy = "Give more than nothing." if quantity == 0 else "Compare the number and its unit."
        raise QuantityInvalid(f"{shown(text)} {unit_words(unit.code)} cannot be.", where=where, remedy=remedy)
    return quantity


def read_written_quantity(value: JsonValue, where: str, unit: Unit) -> int:
    """A quantity in the one spelling of `decimal_text`, as documents have it whose digest counts: "1.50" is "1.5" there.

    Raises:
        FieldInvalid: no line of text, or another spelling.
        QuantityInvalid: as `read_quantity` says.
    """
    quantity = read_quantity(value, where, unit)
    if value != decimal_text(quantity, unit):
        remedy = f"Write {decimal_text(quantity, unit)}."
        raise FieldInvalid(f"{shown(str(value))} is not in its one spelling.", where=where, remedy=remedy)
    return quantity


def read_unit(code: JsonValue, decimals: JsonValue, where: str) -> Unit:
    """A unit out of two fields, "unit" and "decimals", of the object at `where`.

    Raises:
        FieldInvalid: no code, or no whole number.
        QuantityInvalid: too many decimals.
    """
    known = read_unit_code(code, f"{where}/unit")
    count = read_count(decimals, f"{where}/decimals")
    if count > MAX_DECIMALS:
        remedy = f"Count 0 to {MAX_DECIMALS} of them, as the class does."
        raise QuantityInvalid(f"No unit has {count} decimals.", where=f"{where}/decimals", remedy=remedy)
    return Unit(code=known, decimals=count)


def read_unit_code(value: JsonValue, where: str) -> str:
    """A code of a unit, by its shape.

    Raises:
        FieldInvalid: anything else.
    """
    text = read_line(value, where, longest=3)
    if _CODE.fullmatch(text) is None:
        raise FieldInvalid(f"{shown(text)} is no unit code.", where=where, remedy="Write it like KGM.")
    return text
