"""The book of one material at one facility: its balance over days, and what of it a claim may still rest on.

Balance: opening stock, what came in, what went out, what was lost, closing stock; exact, and below zero where the events say so:
then that is told with the first day on which more went out than there was.

Claims rest on *sources*: what was made here, what was received and kept, and what an opening count declared.
- What was received and sent on was only passed through: the claim is not this facility's to make. What was made here keeps its
  claim when it is sent to whoever buys it.
- What was consumed went into something else, and what was lost is gone: neither can be claimed as this material any more.
- As the *input* of something that is claimed (by a conversion factor), consuming it is what it is there for and takes nothing
  away; sending it elsewhere does.
Each identifier pays for itself, its oldest source first; what it cannot pay, the rest of the material does, so that a lot without
a source of its own never adds to what can be claimed. What a count found too much is stock and no source.
Source: ISO 22095:2020, 3.3 and 5.4 (mass balance: outputs claimed never above inputs, over a period, by a declared conversion).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from greenlane.core.balance.amounts import ZERO, minus, plus, total
from greenlane.core.balance.movements import Movement, MovementKind, stock_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One material counted in one unit (a base unit)."""

    material: str
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """On this day more had gone out than had come in.

    Attributes:
        stock: at the day's end; below 0.
    """

    day: date
    stock: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodBalance:
    """A material's balance from one day to another, both included.

    Attributes:
        opening: stock before the first day.
        declared: opening counts within the period.
        closing: opening + declared + made + received + found - consumed - sent - lost.
        shortfall: the first day of the period that ended with less than nothing; None where none did.
    """

    node: Node
    from_day: date | None
    to_day: date | None
    opening: Decimal
    declared: Decimal
    made: Decimal
    received: Decimal
    found: Decimal
    consumed: Decimal
    sent: Decimal
    lost: Decimal
    closing: Decimal
    shortfall: Shortfall | None


def nodes_of(movements: Iterable[Movement]) -> dict[Node, tuple[Movement, ...]]:
    """The movements of each material and unit, in the order given."""
    books: dict[Node, list[Movement]] = defaultdict(list)
    for each in movements:
        books[Node(material=each.material, unit=each.unit)].append(each)
    return {node: tuple(moved) for node, moved in books.items()}


def period_balance(
    node: Node, movements: Sequence[Movement], *, from_day: date | None = None, to_day: date | None = None
) -> PeriodBalance:
    """The balance of one book.

    Args:
        movements: of this node alone.
        from_day, to_day: None where there is no bound.
    """
    before = [each for each in movements if from_day is not None and each.day < from_day]
    within = [each for each in movements if (from_day is None or each.day >= from_day) and (to_day is None or each.day <= to_day)]
    sums = {kind: total(each.amount for each in within if each.kind is kind) for kind in MovementKind}
    opening = stock_of(before)
    return PeriodBalance(
        node=node,
        from_day=from_day,
        to_day=to_day,
        opening=opening,
        declared=sums[MovementKind.OPENING],
        made=sums[MovementKind.MADE],
        received=sums[MovementKind.RECEIVED],
        found=sums[MovementKind.FOUND],
        consumed=sums[MovementKind.CONSUMED],
        sent=sums[MovementKind.SENT],
        lost=sums[MovementKind.LOST],
        closing=plus(opening, stock_of(within)),
        shortfall=_first_shortfall(opening, within),
    )


def _first_shortfall(opening: Decimal, within: Iterable[Movement]) -> Shortfall | None:
    by_day: dict[date, list[Movement]] = defaultdict(list)
    for each in within:
        by_day[each.day].append(each)
    stock = opening
    for day in sorted(by_day):
        stock = plus(stock, stock_of(by_day[day]))
        if stock < 0:
            return Shortfall(day=day, stock=stock)
    return None


@dataclass(slots=True, kw_only=True)
class _OpenSource:
    day: date
    identifier: str
    kind: MovementKind
    amount: Decimal
    made_of: frozenset[str]
    taken: dict[MovementKind, Decimal] = field(default_factory=dict)

    @property
    def left(self) -> Decimal:
        return minus(self.amount, total(self.taken.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What claims may rest on.

    Attributes:
        kind: opening, made or received.
        amount: as it came in.
        passed_on, consumed, lost: what of it is not there to be claimed any more.
        made_of: as `Movement.made_of`.
    """

    day: date
    identifier: str
    kind: MovementKind
    amount: Decimal
    passed_on: Decimal
    consumed: Decimal
    lost: Decimal
    made_of: frozenset[str]

    @property
    def left(self) -> Decimal:
        """What may be claimed of it; never below 0."""
        return minus(self.amount, plus(plus(self.passed_on, self.consumed), self.lost))


_SOURCES = (MovementKind.OPENING, MovementKind.MADE, MovementKind.RECEIVED)


def sources_of(movements: Sequence[Movement], *, is_input: bool, is_claimed: bool | None = None) -> tuple[Source, ...]:
    """What a claim may rest on, oldest first.

    Args:
        movements: of one node.
        is_input: whether it stands behind another material, by a conversion factor: then consuming it takes nothing away.
        is_claimed: whether it is claimed as itself: then sending away what was made here takes nothing away. None: where it is no
            input. Both together bound what is claimed in the one way and in the other.
    """
    keeps_sent = not is_input if is_claimed is None else is_claimed
    opened = _opened(movements)
    by_identifier: dict[str, list[_OpenSource]] = defaultdict(list)
    for source in opened:
        by_identifier[source.identifier].append(source)
    unpaid: dict[MovementKind, Decimal] = {}
    gone = defaultdict[tuple[str, MovementKind], Decimal](Decimal)
    for each in movements:
        gone[each.identifier, each.kind] = plus(gone[each.identifier, each.kind], each.amount)
    for identifier in sorted({each.identifier for each in movements}):
        own = by_identifier[identifier]
        sent = max(ZERO, gone[identifier, MovementKind.SENT])
        unpaid_sent = _pay(sent, MovementKind.SENT, _received(own) if keeps_sent else own)
        if keeps_sent:
            # What was made here keeps its claim when it leaves.
            kept = total(each.amount for each in own if each.kind is not MovementKind.RECEIVED)
            unpaid_sent = max(ZERO, minus(unpaid_sent, kept))
        consumed = ZERO if is_input else gone[identifier, MovementKind.CONSUMED]
        left = {
            MovementKind.SENT: unpaid_sent,
            MovementKind.CONSUMED: _pay(consumed, MovementKind.CONSUMED, own),
            MovementKind.LOST: _pay(gone[identifier, MovementKind.LOST], MovementKind.LOST, own),
        }
        unpaid = {kind: plus(unpaid.get(kind, ZERO), amount) for kind, amount in left.items()}
    for kind in sorted(unpaid):
        _pay(unpaid[kind], kind, _received(opened) if kind is MovementKind.SENT and keeps_sent else opened)
    return tuple(
        Source(
            day=each.day,
            identifier=each.identifier,
            kind=each.kind,
            amount=each.amount,
            passed_on=each.taken.get(MovementKind.SENT, ZERO),
            consumed=each.taken.get(MovementKind.CONSUMED, ZERO),
            lost=each.taken.get(MovementKind.LOST, ZERO),
            made_of=each.made_of,
        )
        for each in opened
    )


def _opened(movements: Iterable[Movement]) -> list[_OpenSource]:
    """One source for each identifier, day and kind: however many events told it, it is the same."""
    together: dict[tuple[date, str, MovementKind], _OpenSource] = {}
    for each in movements:
        if each.kind not in _SOURCES:
            continue
        key = (each.day, each.identifier, each.kind)
        known = together.get(key)
        if known is None:
            together[key] = _OpenSource(
                day=each.day, identifier=each.identifier, kind=each.kind, amount=each.amount, made_of=each.made_of
            )
        else:
            known.amount = plus(known.amount, each.amount)
            known.made_of |= each.made_of
    return [together[key] for key in sorted(together)]


def _received(sources: Iterable[_OpenSource]) -> list[_OpenSource]:
    return [each for each in sources if each.kind is MovementKind.RECEIVED]


def _pay(amount: Decimal, kind: MovementKind, sources: Iterable[_OpenSource]) -> Decimal:
    """Takes an amount from the sources, oldest first; what they could not pay."""
    for source in sources:
        if amount <= 0:
            break
        taken = min(amount, source.left)
        source.taken[kind] = plus(source.taken.get(kind, ZERO), taken)
        amount = minus(amount, taken)
    return amount
