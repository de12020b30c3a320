"""What events did to the materials of one facility: made, received, consumed, sent, lost, counted.

| event at the facility | what it does |
|---|---|
| TransformationEvent | its inputs are consumed, its outputs made |
| ObjectEvent, step receiving | received |
| ObjectEvent, step shipping, departing, consigning, retail_selling or dispensing | sent; void_shipping takes it back |
| ObjectEvent, step destroying or decommissioning | lost |
| ObjectEvent, step stock_taking or cycle_counting | counted |
| ObjectEvent, any other step | made with action ADD, lost with DELETE, nothing with OBSERVE |
| AggregationEvent | nothing by itself: a pallet that is received or sent takes its contents with it |
| TransactionEvent, AssociationEvent | nothing |

An event is at the facility of its business location, or, where it names none (goods on their way), of its read point. An event
that was declared wrong did nothing. A count opens the book where nothing of that identifier moved before; a later one that finds
less is a loss, and what it finds too much is told and never claimed. Single items are pieces of their class. What cannot be
counted (a class without a quantity, a pallet of unknown contents) is told, not guessed.

Source: EPCIS 2.0, section 7.4; Core Business Vocabulary 2.0, section 7.1.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from greenlane.core.balance.amounts import PIECES, ZERO, base_unit, decimal_of, in_base, minus, plus, total
from greenlane.core.balance.materials import facility_of, is_logistic_unit, material_of
from greenlane.core.epcis.event import Action, Event, EventType, ItemReference, ItemRole

_STEPS: Final = "https://ref.gs1.org/cbv/BizStep-"


class MovementKind(StrEnum):
    """What became of an amount at the facility."""

    OPENING = "opening"
    MADE = "made"
    RECEIVED = "received"
    FOUND = "found"
    CONSUMED = "consumed"
    SENT = "sent"
    LOST = "lost"


INCOMING: Final = frozenset({MovementKind.OPENING, MovementKind.MADE, MovementKind.RECEIVED, MovementKind.FOUND})
"""The kinds that add to the stock; the others take from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookEvent:
    """An event with its event hash, by which all that was said about it is found together."""

    event: Event
    event_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One amount of one identifier.

    Attributes:
        identifier: lot, item or class, canonical.
        material: its class.
        amount: in `unit`; below 0 where a shipment was taken back.
        unit: a base unit.
        at: aware UTC.
        day: where it happened, by the event's own zone.
        event_hash: which event says so.
        made_of: for what a transformation made, the other materials that went into it.
    """

    kind: MovementKind
    identifier: str
    material: str
    amount: Decimal
    unit: str
    at: datetime
    day: date
    event_hash: str
    made_of: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncounted:
    """Something that an event moved, and whose amount nobody can tell from the events."""

    identifier: str
    day: date
    event_hash: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Movements:
    """All movements of a facility by time, and what could not be counted."""

    movements: tuple[Movement, ...]
    uncounted: tuple[Uncounted, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    identifier: str
    amount: Decimal
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Count:
    part: _Part
    at: datetime
    day: date
    event_hash: str


def movements_of(events: Iterable[BookEvent], facility: str) -> Movements:
    """What the events did at a facility, whatever order they come in.

    Args:
        events: of one member; those of other facilities and repeats are passed over.
        facility: canonical, as `canonical_facility` gives it.
    """
    by_variant = {(each.event_hash, each.event.is_error_declaration): each for each in events}
    wrong = {event_hash for event_hash, is_declaration in by_variant if is_declaration}
    here = [each for (event_hash, _), each in by_variant.items() if event_hash not in wrong and place_of(each.event) == facility]
    # What was packed at the same moment as it left was packed before.
    here.sort(key=lambda each: (each.event.event_time, not _is_packing(each.event), each.event_hash))
    book = _Book()
    for each in here:
        book.take(each)
    return book.closed()


def place_of(event: Event) -> str | None:
    """The facility at which an event happened; None where it names no place."""
    place = event.read_point if event.biz_location is None else event.biz_location
    return None if place is None else facility_of(place)


def _is_packing(event: Event) -> bool:
    return event.event_type is EventType.AGGREGATION


class _Book:
    """Takes events by time."""

    def __init__(self) -> None:
        self._movements: list[Movement] = []
        self._counts: list[_Count] = []
        self._uncounted: list[Uncounted] = []
        self._contents: dict[str, dict[tuple[str, str], Decimal]] = defaultdict(dict)

    def take(self, each: BookEvent) -> None:
        event = each.event
        if event.event_type is EventType.AGGREGATION:
            self._pack(event)
        elif event.event_type is EventType.TRANSFORMATION:
            self._transform(each)
        elif event.event_type is EventType.OBJECT:
            self._move(each)

    def closed(self) -> Movements:
        """Everything, once the counts are compared with the rest."""
        self._movements += _compared(self._counts, self._movements)
        self._movements.sort(key=lambda each: (each.at, each.kind, each.identifier, each.unit, each.event_hash, each.amount))
        return Movements(movements=tuple(self._movements), uncounted=tuple(self._uncounted))

    def _pack(self, event: Event) -> None:
        parent = next((item.identifier for item in event.epcs if item.role is ItemRole.PARENT), None)
        if parent is None:
            return
        inside = self._contents[parent]
        children = [item for item in event.epcs if item.role is not ItemRole.PARENT]
        if event.action is Action.DELETE and not children:
            inside.clear()
        for item in children:
            # Of a class without a quantity nothing is known to be inside.
            amount = Decimal(1) if item.role is ItemRole.CHILD_EPC else _amount_of(item)
            key = (item.identifier, base_unit(item.uom))
            if amount is None or event.action is Action.OBSERVE:
                continue
            if item.role is ItemRole.CHILD_EPC:
                inside[key] = Decimal(event.action is Action.ADD)
            elif event.action is Action.ADD:
                inside[key] = plus(inside.get(key, ZERO), amount)
            else:
                inside[key] = max(ZERO, minus(inside.get(key, ZERO), amount))

    def _transform(self, each: BookEvent) -> None:
        inputs, outputs = (ItemRole.INPUT, ItemRole.INPUT_QUANTITY), (ItemRole.OUTPUT, ItemRole.OUTPUT_QUANTITY)
        consumed = list(self._parts(each, inputs))
        materials = frozenset(material_of(part.identifier) for part in consumed)
        for part in consumed:
            self._add(each, MovementKind.CONSUMED, part)
        for part in self._parts(each, outputs):
            self._add(each, MovementKind.MADE, part, made_of=materials - {material_of(part.identifier)})

    def _move(self, each: BookEvent) -> None:
        kind = _kind_of(each.event)
        if kind is None:
            return
        for part in self._parts(each, (ItemRole.EPC, ItemRole.QUANTITY)):
            if kind == "counted":
                at = each.event.event_time.astimezone(UTC)
                self._counts.append(_Count(part=part, at=at, day=_day_of(each.event), event_hash=each.event_hash))
            elif kind == "taken back":
                taken = _Part(part.identifier, minus(ZERO, part.amount), part.unit)
                self._add(each, MovementKind.SENT, taken)
            else:
                self._add(each, MovementKind(kind), part)

    def _parts(self, each: BookEvent, roles: tuple[ItemRole, ItemRole]) -> Iterator[_Part]:
        """What an event names in these roles, with the contents of what is packed; each named identifier for itself.

        Args:
            roles: of single items, and of classes with a quantity.
        """
        items = [item for item in each.event.epcs if item.role in roles]
        named = {item.identifier for item in items}
        for item in items:
            if item.role is roles[1]:
                amount = _amount_of(item)
                if amount is None:
                    self._tell(each, item.identifier, "The event names a class without a quantity.")
                else:
                    yield _Part(item.identifier, amount, base_unit(item.uom))
                continue
            inside = self._unpacked(item.identifier, named)
            if not is_logistic_unit(item.identifier):
                yield _Part(item.identifier, Decimal(1), PIECES)
            elif not inside and not any(identifier in named for identifier, _ in self._contents[item.identifier]):
                self._tell(each, item.identifier, "No event of this member tells what is packed in it.")
            yield from inside

    def _unpacked(self, identifier: str, named: set[str]) -> list[_Part]:
        """The contents of a pallet or case, and of what is packed inside; what the event names by itself is left out."""
        found: list[_Part] = []
        waiting, seen = [identifier], {identifier}
        while waiting:
            for (child, unit), amount in sorted(self._contents.get(waiting.pop(), {}).items()):
                if not amount or child in named or child in seen:
                    continue
                if not is_logistic_unit(child):
                    found.append(_Part(child, amount, unit))
                if child in self._contents:
                    seen.add(child)
                    waiting.append(child)
        return found

    def _add(self, each: BookEvent, kind: MovementKind, part: _Part, made_of: frozenset[str] = frozenset()) -> None:
        if part.amount:
            self._movements.append(
                Movement(
                    kind=kind,
                    identifier=part.identifier,
                    material=material_of(part.identifier),
                    amount=part.amount,
                    unit=part.unit,
                    at=each.event.event_time.astimezone(UTC),
                    day=_day_of(each.event),
                    event_hash=each.event_hash,
                    made_of=made_of,
                )
            )

    def _tell(self, each: BookEvent, identifier: str, reason: str) -> None:
        self._uncounted.append(
            Uncounted(identifier=identifier, day=_day_of(each.event), event_hash=each.event_hash, reason=reason)
        )


def _compared(counts: Sequence[_Count], movements: Sequence[Movement]) -> Iterator[Movement]:
    """Counts as movements: the opening of a book, or what a count found too little or too much."""
    together: dict[tuple[str, str], dict[datetime, list[_Count]]] = defaultdict(lambda: defaultdict(list))
    for count in counts:
        together[count.part.identifier, count.part.unit][count.at].append(count)
    moved_of: dict[tuple[str, str], list[Movement]] = defaultdict(list)
    for each in movements:
        moved_of[each.identifier, each.unit].append(each)
    for (identifier, unit), by_time in together.items():
        moved = moved_of[identifier, unit]
        was_counted, corrected = False, ZERO
        for at in sorted(by_time):
            same = by_time[at]
            before = [each for each in moved if each.at <= at]
            stock = plus(corrected, stock_of(before))
            difference = minus(total(count.part.amount for count in same), stock)
            corrected = plus(corrected, difference)
            if not before and not was_counted:
                kind = MovementKind.OPENING
            else:
                kind = MovementKind.FOUND if difference > 0 else MovementKind.LOST
            was_counted = True
            if difference:
                yield Movement(
                    kind=kind,
                    identifier=identifier,
                    material=material_of(identifier),
                    amount=difference.copy_abs(),
                    unit=unit,
                    at=at,
                    day=min(count.day for count in same),
                    event_hash=min(count.event_hash for count in same),
                )


def stock_of(movements: Iterable[Movement]) -> Decimal:
    """What came in less what went out; of one unit. Below 0 where the events say so."""
    return total(each.amount if each.kind in INCOMING else minus(ZERO, each.amount) for each in movements)


def _kind_of(event: Event) -> str | None:
    step = "" if event.biz_step is None else event.biz_step.removeprefix(_STEPS)
    return _BY_STEP.get(step) or _BY_ACTION.get(event.action)


_BY_STEP: Final = {
    "receiving": "received",
    "shipping": "sent",
    "departing": "sent",
    "consigning": "sent",
    "retail_selling": "sent",
    "dispensing": "sent",
    "void_shipping": "taken back",
    "destroying": "lost",
    "decommissioning": "lost",
    "stock_taking": "counted",
    "cycle_counting": "counted",
}
_BY_ACTION: Final[dict[Action | None, str]] = {Action.ADD: "made", Action.DELETE: "lost"}


def _amount_of(item: ItemReference) -> Decimal | None:
    return None if item.quantity is None else in_base(decimal_of(item.quantity), item.uom)


def _day_of(event: Event) -> date:
    """The day on the calendar where it happened."""
    sign = -1 if event.event_time_zone_offset.startswith("-") else 1
    hours, minutes = event.event_time_zone_offset[1:].split(":")
    local = event.event_time.astimezone(UTC).replace(tzinfo=None) + sign * timedelta(hours=int(hours), minutes=int(minutes))
    return local.date()
