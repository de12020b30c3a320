"""What a buyer spent, and how much of it green: by category, supplier, economy and month, each sum with the lines behind it.

A line is green where units of its class were retired for it and their evidence stands. What was accepted and not retired yet may
still be sent on, so it is told beside that and is never a part of it. Money of several currencies is
never added together. A purchase that was taken back is in no sum. Sums are exact; nothing is rounded.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Context, Decimal, localcontext
from enum import StrEnum

from greenlane.core.documents.description import MemberName
from greenlane.core.errors import InvalidInput
from greenlane.core.units import CenterId, MemberId
from greenlane.ports.clock import Clock
from greenlane.ports.purchases import Purchase
from greenlane.ports.store import Store

MAX_PURCHASES = 20_000
"""In one report."""
_PAGE = 200
_SUM_DIGITS = 60


class PeriodInvalid(InvalidInput):
    """The days of a report cannot be."""

    code = "period-invalid"
    default_remedy = "Give the first day, then the last, each like 2026-07-01."


class PeriodTooLong(InvalidInput):
    """More purchases were ordered in the period than one report holds."""

    code = "period-too-long"
    default_remedy = "Make several reports of shorter periods."


class Greenness(StrEnum):
    """What stands for a line: units that were claimed for it, units that may be, evidence that was revoked, or nothing yet."""

    RETIRED = "retired"
    ACCEPTED = "accepted"
    CHALLENGED = "challenged"
    NOT_YET = "not yet"

    @property
    def is_green(self) -> bool:
        """Whether the line counts as green."""
        return self is Greenness.RETIRED


class Dimension(StrEnum):
    """By what is summed up."""

    CATEGORY = "category"
    SUPPLIER = "supplier"
    ECONOMY = "economy"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What stands for one line on the chain.

    Attributes:
        retirements: ids, 32 bytes each.
    """

    greenness: Greenness
    retirements: tuple[bytes, ...]


StandingOf = Callable[[Purchase], Sequence[Standing]]
"""What stands for each line of a purchase, in their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedLine:
    """A line of a purchase, as far as the report needs it; `amount` is what it costs."""

    purchase_id: str
    reference: str
    number: int
    ordered_on: date
    description: str
    category: str
    supplier: MemberName
    economy: str
    class_id: str
    amount: Decimal
    currency: str
    standing: Standing

    def key(self, dimension: Dimension) -> str:
        """Under what it is summed up."""
        match dimension:
            case Dimension.CATEGORY:
                return self.category
            case Dimension.SUPPLIER:
                return str(self.supplier)
            case Dimension.ECONOMY:
                return self.economy
            case Dimension.MONTH:
                return f"{self.ordered_on:%Y-%m}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """A sum in one currency.

    Attributes:
        green: what units were retired for.
        accepted: what units were accepted for and not retired; no part of `green`.
    """

    key: str
    total: Decimal
    green: Decimal
    accepted: Decimal
    lines: int
    green_lines: int
    accepted_lines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrencySpend:
    """All that was spent in one currency; groups by size, months by time."""

    currency: str
    whole: Spent
    groups: tuple[tuple[Dimension, tuple[Spent, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendReport:
    """A report.

    Attributes:
        first, last: days of orders, both counted.
        lines: oldest first.
        unpriced: lines whose price is not kept here, which are in no sum.
    """

    first: date
    last: date
    made_at: datetime
    currencies: tuple[CurrencySpend, ...]
    lines: tuple[ReportedLine, ...]
    unpriced: int


class ReportSpend:
    """The use case: read only."""

    def __init__(self, *, store: Store, clock: Clock, standing_of: StandingOf) -> None:
        self._store = store
        self._clock = clock
        self._standing_of = standing_of

    def __call__(self, *, first: date, last: date, center: CenterId, member: MemberId | None) -> SpendReport:
        """What was ordered in a period.

        Args:
            first, last: days of orders, both counted.
            member: whose; None: of all buyers of the center.

        Raises:
            PeriodInvalid: it ends before it begins.
            PeriodTooLong: as its name says.
            StoreUnavailable: the database is away.
        """
        if first > last:
            raise PeriodInvalid(f"The period ends on {last}, before it begins on {first}.", where="/to")
        lines: list[ReportedLine] = []
        unpriced = 0
        for purchase in self._purchases(first, last, center, member):
            if purchase.cancelled_at is not None:
                continue
            for kept, standing in zip(purchase.lines, self._standing_of(purchase), strict=True):
                line, price = kept.open_line.line, kept.open_line.price
                if price is None:
                    unpriced += 1
                    continue
                lines.append(
                    ReportedLine(
                        purchase_id=purchase.id,
                        reference=purchase.reference,
                        number=line.number,
                        ordered_on=purchase.ordered_on,
                        description=line.description,
                        category=line.category,
                        supplier=line.supplier,
                        economy=line.economy,
                        class_id=line.class_id,
                        amount=Decimal(price.amount),
                        currency=price.currency,
                        standing=standing,
                    )
                )
        lines.sort(key=lambda each: (each.ordered_on, each.purchase_id, each.number))
        return SpendReport(
            first=first,
            last=last,
            made_at=self._clock(),
            currencies=tuple(_currency(name, lines) for name in sorted({each.currency for each in lines})),
            lines=tuple(lines),
            unpriced=unpriced,
        )

    def _purchases(self, first: date, last: date, center: CenterId, member: MemberId | None) -> Iterator[Purchase]:
        after: str | None = None
        count = 0
        while True:
            with self._store.read() as tx:
                page = tx.purchases.of_buyer(center, member, ordered_from=first, ordered_to=last, after=after, limit=_PAGE)
            count += len(page)
            if count > MAX_PURCHASES:
                raise PeriodTooLong(f"More than {MAX_PURCHASES:,} purchases were ordered in this period.", where="/from")
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1].id


def _currency(currency: str, lines: Sequence[ReportedLine]) -> CurrencySpend:
    own = [each for each in lines if each.currency == currency]
    return CurrencySpend(
        currency=currency,
        whole=_spent(currency, own),
        groups=tuple((dimension, _groups(dimension, own)) for dimension in Dimension),
    )


def _groups(dimension: Dimension, lines: Sequence[ReportedLine]) -> tuple[Spent, ...]:
    found: dict[str, list[ReportedLine]] = {}
    for line in lines:
        found.setdefault(line.key(dimension), []).append(line)
    sums = [_spent(key, own) for key, own in sorted(found.items())]
    return tuple(sums if dimension is Dimension.MONTH else sorted(sums, key=lambda each: each.total, reverse=True))


def _spent(key: str, lines: Sequence[ReportedLine]) -> Spent:
    green = [each for each in lines if each.standing.greenness.is_green]
    accepted = [each for each in lines if each.standing.greenness is Greenness.ACCEPTED]
    # Amounts of 22 digits, millions of them: the usual 28 digits would round.
    with localcontext(Context(prec=_SUM_DIGITS)):
        return Spent(
            key=key,
            total=sum((each.amount for each in lines), Decimal(0)),
            green=sum((each.amount for each in green), Decimal(0)),
            accepted=sum((each.amount for each in accepted), Decimal(0)),
            lines=len(lines),
            green_lines=len(green),
            accepted_lines=len(accepted),
        )
