"""Tables that people open in a spreadsheet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A cell that leads somewhere: what is read, and an absolute address."""

    words: str
    address: str


Cell = str | int | Decimal | date | Link | None
"""What a cell holds; text is text, whatever it begins with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column; `width` in letters."""

    title: str
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One sheet.

    Attributes:
        name: 1 to 31 letters, digits and spaces.
        rows: each as long as there are columns.
    """

    name: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Cell]]


class WriteSpreadsheet(Protocol):
    """Writes a workbook; no cell of it is ever a formula."""

    def __call__(self, sheets: Sequence[Sheet], *, title: str, made_at: datetime) -> bytes: ...
