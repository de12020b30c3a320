"""Amounts in exact decimal arithmetic, and the closed table of units that are converted into one another.

An amount is kept in the base unit of its kind (mass in KGM, volume in LTR, energy in KWH, pieces in H87), into which every unit
of the table is converted by multiplication alone, so that nothing is ever rounded. A unit that the table does not have is counted
by itself and compared with nothing else. Source: UN/CEFACT Recommendation 20; the pound and its parts are exact by the
international agreement of 1959.
"""

from collections.abc import Iterable
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from types import MappingProxyType
from typing import Final

PIECES: Final = "H87"
"""Unit of what is counted and not measured; EPCIS says it by leaving the unit out."""
ZERO: Final = Decimal(0)
# A double has at most 17 digits between 10^308 and 10^-324, so sums of any of them fit; a product that would not is an error.
_EXACT: Final = Context(prec=2_000, traps=[Inexact, Overflow, InvalidOperation, DivisionByZero])

_TABLE: Final = {
    "KGM": {
        "KGM": "1",
        "MC": "0.000000001",
        "MGM": "0.000001",
        "CGM": "0.00001",
        "GRM": "0.001",
        "DJ": "0.01",
        "HGM": "0.1",
        "DTN": "100",
        "TNE": "1000",
        "KTN": "1000000",
        "ONZ": "0.028349523125",
        "LBR": "0.45359237",
        "CWA": "45.359237",
        "CWI": "50.80234544",
        "STI": "6.35029318",
        "STN": "907.18474",
        "LTN": "1016.0469088",
    },
    "LTR": {"LTR": "1", "MLT": "0.001", "CLT": "0.01", "DLT": "0.1", "HLT": "100", "DMQ": "1", "CMQ": "0.001", "MTQ": "1000"},
    "KWH": {"KWH": "1", "WHR": "0.001", "MWH": "1000", "GWH": "1000000"},
    PIECES: {PIECES: "1", "EA": "1", "C62": "1", "DZN": "12", "GRO": "144", "T3": "1000"},
}
_SCALES: Final = MappingProxyType(
    {code: (base, Decimal(scale)) for base, codes in _TABLE.items() for code, scale in codes.items()}
)


def base_unit(unit: str | None) -> str:
    """The unit in which amounts of this one are kept; its own where the table does not have it. None means pieces."""
    code = PIECES if unit is None else unit
    return _SCALES[code][0] if code in _SCALES else code


def known_units() -> tuple[str, ...]:
    """Every code of the table, in order."""
    return tuple(sorted(_SCALES))


def decimal_of(number: float) -> Decimal:
    """A finite JSON number as it is written, and not as the binary fraction that a computer makes of it."""
    return Decimal(repr(number))


def scaled(whole: int, decimals: int) -> Decimal:
    """A whole number of 10^-decimals, exact."""
    return Decimal(whole).scaleb(-decimals, context=_EXACT)


def in_base(number: Decimal, unit: str | None) -> Decimal:
    """An amount in `base_unit(unit)`."""
    return times(number, _scale_of(unit))


def is_decimal(unit: str | None) -> bool:
    """Whether amounts of the base unit can be divided into this one without rounding: it is a power of ten of its base."""
    return _scale_of(unit).normalize().as_tuple().digits == (1,)


def from_base(number: Decimal, unit: str | None) -> Decimal:
    """An amount of the base unit in another one, for which `is_decimal` holds."""
    return number.scaleb(-_scale_of(unit).normalize().adjusted(), context=_EXACT)


def _scale_of(unit: str | None) -> Decimal:
    code = PIECES if unit is None else unit
    return _SCALES[code][1] if code in _SCALES else Decimal(1)


def plus(first: Decimal, second: Decimal) -> Decimal:
    """The exact sum."""
    return _EXACT.add(first, second)


def minus(first: Decimal, second: Decimal) -> Decimal:
    """The exact difference."""
    return _EXACT.subtract(first, second)


def times(first: Decimal, second: Decimal) -> Decimal:
    """The exact product."""
    return _EXACT.multiply(first, second)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum of all; 0 of none."""
    summed = ZERO
    for amount in amounts:
        summed = plus(summed, amount)
    return summed


def amount_text(amount: Decimal) -> str:
    """As people read it: no exponent, no needless zeros."""
    text = f"{amount:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("", "-0") else text
