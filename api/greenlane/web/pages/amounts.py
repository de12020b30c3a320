"""Amounts, days and names of green assets as people read them."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Final

from greenlane.core.assets.quantity import Unit, quantity_words

_WHOLE = re.compile(r"(?<=\d)(?=(?:\d{3})+(?!\d))")
SUPPLY_PLACES: Final[Mapping[str, str]] = {
    "tradable": "tradable",
    "escrowed": "set aside for buyers",
    "retired": "retired",
    "cancelled": "cancelled",
}
"""The four places of an issued unit, in the order in which bars show them."""


def grouped(text: str) -> str:
    """A decimal number with a comma at every thousand: "1234567.5" is "1,234,567.5"."""
    whole, point, part = text.partition(".")
    return _WHOLE.sub(",", whole) + point + part


def amount_words(quantity: int, unit: Unit) -> str:
    """A quantity of smallest units with its unit: "1,500.5 kg", "1 piece"."""
    return grouped(quantity_words(quantity, unit))


def money_words(amount: Decimal | str, currency: str) -> str:
    """An amount of money with its currency: "1,299.90 PEN"."""
    return f"{money_text(amount)} {currency}"


def money_text(amount: Decimal | str) -> str:
    """An amount of money, never rounded; at least two decimals where there are any: "1,299.90"."""
    text = f"{Decimal(amount):f}"
    whole, point, part = text.partition(".")
    part = part.rstrip("0")
    return f"{grouped(whole)}{point + part.ljust(2, '0') if part else ''}"


def day_words(day: date) -> str:
    """A day: "1 Apr 2026"."""
    return f"{day.day} {day:%b} {day.year}"


def span_words(first: date, last: date) -> str:
    """Days from the first to the last, both counted."""
    return day_words(first) if first == last else f"{day_words(first)} to {day_words(last)}"
