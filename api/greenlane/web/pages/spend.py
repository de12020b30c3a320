"""What was spent and how much of it green: for a page with bars that are read without color, a workbook, and a CSV file.

Each number leads to the lines behind it, and each line to its purchase and its retirements.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from io import StringIO
from typing import Final
from urllib.parse import urlencode

from greenlane.core.units import CenterId, MemberId
from greenlane.core.wire import encode_hex
from greenlane.ports.spreadsheets import Cell, Column, Link, Sheet
from greenlane.services.report_spend import CurrencySpend, Dimension, Greenness, ReportedLine, SpendReport, Spent
from greenlane.web.pages.amounts import day_words, money_text, money_words, span_words
from greenlane.web.services import WebServices

LINES_SHOWN = 300
BAR_WIDTH = 300
MONTHS_DRAWN = 12
CHART_WIDTH, CHART_HEIGHT = 360, 176
_CHART_FOOT, _CHART_HEAD = 150, 22
DIMENSION_WORDS: Final = {
    Dimension.CATEGORY: "Category",
    Dimension.SUPPLIER: "Supplier",
    Dimension.ECONOMY: "Economy",
    Dimension.MONTH: "Month",
}
GREENNESS_WORDS: Final = {
    Greenness.RETIRED: "Retired",
    Greenness.ACCEPTED: "Accepted",
    Greenness.CHALLENGED: "Challenged",
    Greenness.NOT_YET: "Not yet",
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which lines are listed: all of a report, or those behind one number."""

    currency: str | None = None
    dimension: Dimension | None = None
    key: str | None = None

    def has(self, line: ReportedLine) -> bool:
        """Whether the line is one of these."""
        if self.currency is not None and line.currency != self.currency:
            return False
        return self.dimension is None or self.key is None or line.key(self.dimension) == self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldSum:
    """A sum as a row shows it; widths of its bar in the units of the drawing, paths of the lines behind it."""

    name: str
    total: str
    green: str
    accepted: str
    share: str
    lines: str
    width: int
    green_width: int
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthBar:
    """One month in the chart."""

    x: int
    width: int
    y: int
    height: int
    green_y: int
    green_height: int
    label: str
    share: str
    title: str
    middle: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldCurrency:
    """What was spent in one currency."""

    currency: str
    whole: ToldSum
    groups: tuple[tuple[str, tuple[ToldSum, ...]], ...]
    months: tuple[MonthBar, ...]
    months_words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldSpendLine:
    """A line behind a number."""

    day: str
    reference: str
    path: str
    description: str
    supplier: str
    amount: str
    standing: str
    is_green: bool
    retirements: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldReport:
    """A report as its page tells it."""

    span: str
    first: str
    last: str
    currencies: tuple[ToldCurrency, ...]
    lines: tuple[ToldSpendLine, ...]
    count: int
    chosen: str | None
    all_path: str
    xlsx: str
    csv: str
    unpriced: int


def told_report(services: WebServices, report: SpendReport, chosen: Chosen) -> ToldReport:
    """A report in words, with the chosen lines listed."""
    names = supplier_names(services, report.lines)
    period = {"from": report.first.isoformat(), "to": report.last.isoformat()}
    listed = [line for line in report.lines if chosen.has(line)]
    words = None
    if chosen.dimension is not None and chosen.key is not None:
        key = _key_words(chosen.dimension, chosen.key, names)
        words = f"{DIMENSION_WORDS[chosen.dimension]}: {key}, in {chosen.currency or 'every currency'}"
    elif chosen.currency is not None:
        words = f"All in {chosen.currency}"
    return ToldReport(
        span=span_words(report.first, report.last),
        first=period["from"],
        last=period["to"],
        currencies=tuple(_told_currency(each, names, period) for each in report.currencies),
        lines=tuple(_told_line(line, names) for line in listed[:LINES_SHOWN]),
        count=len(listed),
        chosen=words,
        all_path=f"/reports/spend?{urlencode(period)}#lines",
        xlsx=f"/reports/spend.xlsx?{urlencode(period)}",
        csv=f"/reports/spend.csv?{urlencode(period)}",
        unpriced=report.unpriced,
    )


def supplier_names(services: WebServices, lines: Sequence[ReportedLine]) -> dict[str, str]:
    """Names of the suppliers for people, by "center/member"."""
    found: dict[str, str] = {}
    for supplier in {line.supplier for line in lines}:
        member = services.look_up.member(CenterId(supplier.center), MemberId(supplier.member))
        found[str(supplier)] = str(supplier) if member is None else member.name
    return found


def report_sheets(report: SpendReport, names: Mapping[str, str], public_url: str) -> tuple[Sheet, ...]:
    """The report as sheets: sums, and the lines behind them."""
    sums: list[Sequence[Cell]] = []
    for each in report.currencies:
        sums.append(("All", None, each.currency, *_sum_cells(each.whole)))
        for dimension, groups in each.groups:
            for spent in groups:
                key = _key_words(dimension, spent.key, names)
                sums.append((DIMENSION_WORDS[dimension], key, each.currency, *_sum_cells(spent)))
    return (
        Sheet(
            name="Sums",
            columns=(
                Column(title="By", width=12),
                Column(title="Of", width=40),
                Column(title="Currency", width=10),
                Column(title="Total", width=16),
                Column(title="Green", width=16),
                Column(title="Accepted", width=16),
                Column(title="Lines", width=8),
                Column(title="Green lines", width=12),
                Column(title="Accepted lines", width=14),
            ),
            rows=sums,
        ),
        Sheet(
            name="Lines",
            columns=tuple(Column(title=title, width=width) for title, width in _LINE_COLUMNS),
            rows=[_line_cells(line, names, public_url) for line in report.lines],
        ),
    )


def report_csv(report: SpendReport, names: Mapping[str, str], public_url: str) -> bytes:
    """The lines as CSV (RFC 4180), with a byte order mark by which spreadsheets know its letters."""
    written = StringIO(newline="")
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow([title for title, _ in _LINE_COLUMNS])
    for line in report.lines:
        writer.writerow([_csv_text(cell) for cell in _line_cells(line, names, public_url)])
    return b"\xef\xbb\xbf" + written.getvalue().encode("utf-8")


def plain_text(text: str) -> str:
    """A text that no spreadsheet takes for a formula: what begins like one gets an apostrophe (OWASP, CSV Injection)."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) else text


_LINE_COLUMNS = (
    ("Ordered on", 12),
    ("Purchase", 22),
    ("Line", 6),
    ("Description", 40),
    ("Category", 20),
    ("Supplier", 30),
    ("Economy", 9),
    ("Class", 16),
    ("Amount", 16),
    ("Currency", 10),
    ("Green", 8),
    ("Standing", 12),
    ("Its purchase", 40),
    ("Its retirements", 40),
)


def _sum_cells(spent: Spent) -> tuple[Cell, ...]:
    return (spent.total, spent.green, spent.accepted, spent.lines, spent.green_lines, spent.accepted_lines)


def _line_cells(line: ReportedLine, names: Mapping[str, str], public_url: str) -> tuple[Cell, ...]:
    address = f"{public_url}{_path(line)}"
    retirements = [f"{public_url}/retirements/{encode_hex(each)}" for each in line.standing.retirements]
    return (
        line.ordered_on,
        line.reference,
        line.number,
        line.description,
        line.category,
        names[str(line.supplier)],
        line.economy,
        line.class_id,
        line.amount,
        line.currency,
        "yes" if line.standing.greenness.is_green else "no",
        GREENNESS_WORDS[line.standing.greenness],
        Link(words=address, address=address),
        Link(words=retirements[0], address=retirements[0]) if len(retirements) == 1 else " ".join(retirements) or None,
    )


def _csv_text(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case str():
            return plain_text(cell)
        case Link():
            return plain_text(cell.address)
        case Decimal():
            return f"{cell:f}"
        case date():
            return cell.isoformat()
        case int():
            return str(cell)


def _path(line: ReportedLine) -> str:
    return f"/purchases/{line.purchase_id}#line-{line.number}"


def _told_line(line: ReportedLine, names: Mapping[str, str]) -> ToldSpendLine:
    return ToldSpendLine(
        day=day_words(line.ordered_on),
        reference=f"{line.reference}, line {line.number}",
        path=_path(line),
        description=line.description,
        supplier=names[str(line.supplier)],
        amount=money_words(line.amount, line.currency),
        standing=GREENNESS_WORDS[line.standing.greenness],
        is_green=line.standing.greenness.is_green,
        retirements=tuple(f"/retirements/{encode_hex(each)}" for each in line.standing.retirements),
    )


def _told_currency(spend: CurrencySpend, names: Mapping[str, str], period: Mapping[str, str]) -> ToldCurrency:
    months = next(sums for dimension, sums in spend.groups if dimension is Dimension.MONTH)
    return ToldCurrency(
        currency=spend.currency,
        whole=_told_sum(spend.whole, "All", spend.whole.total, {**period, "currency": spend.currency}),
        groups=tuple(
            (
                DIMENSION_WORDS[dimension],
                tuple(
                    _told_sum(
                        each,
                        _key_words(dimension, each.key, names),
                        max(one.total for one in sums),
                        {**period, "currency": spend.currency, "by": dimension.value, "of": each.key},
                    )
                    for each in sums
                ),
            )
            for dimension, sums in spend.groups
        ),
        months=_bars(months, spend.currency),
        months_words="; ".join(f"{_month(each.key)}: {_told_words(each, spend.currency)}" for each in months),
    )


def _told_sum(spent: Spent, name: str, most: Decimal, asked: Mapping[str, str]) -> ToldSum:
    width = _scaled(spent.total, most, BAR_WIDTH)
    return ToldSum(
        name=name,
        total=money_text(spent.total),
        green=money_text(spent.green),
        accepted=money_text(spent.accepted),
        share=_share(spent),
        lines=f"{spent.green_lines} of {spent.lines}",
        width=width,
        green_width=_scaled(spent.green, spent.total, width),
        path=f"/reports/spend?{urlencode(asked)}#lines",
    )


def _bars(months: Sequence[Spent], currency: str) -> tuple[MonthBar, ...]:
    if not 1 < len(months) <= MONTHS_DRAWN:
        return ()
    most = max(each.total for each in months)
    step = CHART_WIDTH // len(months)
    width = min(40, step - 6)
    bars: list[MonthBar] = []
    for at, each in enumerate(months):
        height = _scaled(each.total, most, _CHART_FOOT - _CHART_HEAD)
        green = _scaled(each.green, each.total, height)
        middle = at * step + step // 2
        bars.append(
            MonthBar(
                x=middle - width // 2,
                width=width,
                y=_CHART_FOOT - height,
                height=height,
                green_y=_CHART_FOOT - green,
                green_height=green,
                label=_MONTHS[int(each.key[5:]) - 1],
                share=_share(each).replace(" %", "%"),
                title=f"{_month(each.key)}: {_told_words(each, currency)}",
                middle=middle,
            )
        )
    return tuple(bars)


def _told_words(spent: Spent, currency: str) -> str:
    return f"{money_words(spent.total, currency)}, of it green {money_words(spent.green, currency)}"


def _scaled(part: Decimal, whole: Decimal, length: int) -> int:
    """A part of a length; 0 only of nothing."""
    if not part or not whole:
        return 0
    return max(1, int(length * part / whole))


def _share(spent: Spent) -> str:
    if not spent.total or not spent.green:
        return "0 %"
    if spent.green == spent.total:
        return "100 %"
    percent = 100 * spent.green / spent.total
    return f"{min(99, max(1, int(percent)))} %"


def _key_words(dimension: Dimension, key: str, names: Mapping[str, str]) -> str:
    if dimension is Dimension.SUPPLIER:
        return names.get(key, key)
    return _month(key) if dimension is Dimension.MONTH else key


def _month(key: str) -> str:
    year, _, month = key.partition("-")
    return f"{_MONTHS[int(month) - 1]} {year}" if month.isdecimal() and 1 <= int(month) <= 12 else key
