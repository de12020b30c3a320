"""Workbooks (Office Open XML) by XlsxWriter.

Every text is written as text: what begins like a formula is none here. Numbers that a spreadsheet would round are texts.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import xlsxwriter  # type: ignore[import-untyped]

from greenlane.ports.spreadsheets import Cell, Link, Sheet

_EXACT_DIGITS = 15
"""So many digits of a number a spreadsheet keeps."""
_MOST_LINKS = 60_000
"""A sheet has at most 65,530; what is beyond is read and leads nowhere."""
_MOST_CHARACTERS = 32_767
_MOST_ADDRESS_CHARACTERS = 2_000


def write_spreadsheet(sheets: Sequence[Sheet], *, title: str, made_at: datetime) -> bytes:
    """See ports.spreadsheets.WriteSpreadsheet."""
    made = BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_numbers": False,
        "strings_to_urls": False,
        "default_date_format": "yyyy-mm-dd",
    }
    workbook = xlsxwriter.Workbook(made, options)
    workbook.set_properties({"title": title, "created": made_at.astimezone(UTC).replace(tzinfo=None)})
    head = workbook.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
    day = workbook.add_format({"num_format": "yyyy-mm-dd"})
    for sheet in sheets:
        page = workbook.add_worksheet(sheet.name)
        page.freeze_panes(1, 0)
        for at, column in enumerate(sheet.columns):
            page.set_column(at, at, column.width)
            page.write_string(0, at, column.title, head)
        links = 0
        for row, cells in enumerate(sheet.rows, 1):
            for at, cell in enumerate(cells):
                if isinstance(cell, Link):
                    links += 1
                _write(page, row, at, cell, day, is_linked=links <= _MOST_LINKS)
    workbook.close()
    return made.getvalue()


def _write(page: Any, row: int, at: int, cell: Cell, day: Any, *, is_linked: bool) -> None:
    match cell:
        case None:
            return
        case Link():
            if is_linked and len(cell.address) <= _MOST_ADDRESS_CHARACTERS:
                page.write_url(row, at, cell.address, string=cell.words[:_MOST_CHARACTERS])
            else:
                page.write_string(row, at, cell.words[:_MOST_CHARACTERS])
        case date():
            page.write_datetime(row, at, datetime(cell.year, cell.month, cell.day), day)  # noqa: DTZ001 (a day has no zone)
        case int() | Decimal():
            if len(Decimal(cell).as_tuple().digits) <= _EXACT_DIGITS:
                page.write_number(row, at, float(cell))
            else:
                page.write_string(row, at, f"{cell:f}" if isinstance(cell, Decimal) else str(cell))
        case str():
            page.write_string(row, at, cell[:_MOST_CHARACTERS])
