"""What a page shows of an item: its events in time order, each told in words beside its verdict, and one verdict for the whole.

The worst event decides; what could not be checked is never called failed.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from greenlane.core.canonical import JsonValue, parse_json
from greenlane.core.epcis.identifiers import to_digital_link
from greenlane.ports.events import StoredEvent
from greenlane.ports.signing import HostedCenter
from greenlane.verify.ladder import Judgement, Rung, Verdict
from greenlane.verify.report import report_value, sealed_words
from greenlane.web.pages.documents import DocumentList, list_value
from greenlane.web.pages.words import (
    disposition_words,
    item_words,
    local_path,
    quantity_words,
    role_words,
    step_words,
    time_words,
)
from greenlane.web.schemas import time_text

_MAX_ITEMS_SHOWN = 4
_SINGLES = ("parentID", "epcList", "childEPCs", "inputEPCList", "outputEPCList")
_CLASSES = ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList")
_ORDER = ("inputEPCList", "inputQuantityList", "outputEPCList", "outputQuantityList", "parentID", "childEPCs")


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemLine:
    """One identifier that an event names.

    Attributes:
        quantity: how much of it; None where not told.
        path: of its own page here; None where it has none.
        is_asked: it is the item whose journey is shown.
    """

    words: str
    quantity: str | None
    path: str | None
    is_asked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemGroup:
    """The identifiers of one field of an event; `more` counts those that are not listed."""

    words: str
    lines: tuple[ItemLine, ...]
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found of one event.

    Attributes:
        reason: in plain words; empty where the verdict is passed.
        judgement: of its receipt; None where there is no receipt yet, or never will be.
    """

    verdict: Verdict
    reason: str
    judgement: Judgement | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedEvent:
    """One event as a page tells it.

    Attributes:
        digest: event hash, 64 hex digits.
        content: content digest, 64 hex digits; tells entries of one event hash apart.
        place: the words of where it happened; None where it does not tell.
        judgement, reason: as in `Finding`.
        is_private: readable by the center of the asker alone.
        is_declared_wrong: a later entry declares this event wrong.
        is_declaration: it declares an earlier one wrong.
    """

    event: StoredEvent
    digest: str
    content: str
    step: str
    disposition: str | None
    time: str
    place: str | None
    place_path: str | None
    member: str
    center: str
    economy: str
    groups: tuple[ItemGroup, ...]
    certificates: tuple[str, ...]
    judgement: Judgement | None
    verdict: Verdict
    reason: str
    is_private: bool
    is_declared_wrong: bool
    is_declaration: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedJourney:
    """An item, its events in time order, and the verdict over all of them.

    Attributes:
        identifier: canonical GS1 Digital Link; None for an event that names no such item.
        subjects: what a document may be about to belong to it: see `services.list_documents`.
        is_whole: False where there is more than is shown.
        selected: the event whose ladder is shown whole.
        told_at: when it was judged, aware; ages are counted to it.
    """

    identifier: str | None
    events: tuple[JudgedEvent, ...]
    subjects: tuple[str, ...]
    is_whole: bool
    selected: JudgedEvent
    told_at: datetime

    @property
    def verdict(self) -> Verdict:
        """That of the worst event; passed only where the whole journey is there."""
        verdicts = {event.verdict for event in self.events}
        if Verdict.FAILED in verdicts:
            return Verdict.FAILED
        if Verdict.NOT_CHECKED in verdicts or not self.is_whole:
            return Verdict.NOT_CHECKED
        return Verdict.PASSED

    @property
    def declared_wrong(self) -> int:
        """How many events were later declared wrong by whoever captured them."""
        return sum(event.is_declared_wrong for event in self.events)

    @property
    def alone(self) -> "JudgedJourney":
        """The selected event by itself, for what is said of it and not of the whole."""
        return replace(self, events=(self.selected,))

    @property
    def unchanged_since(self) -> str | None:
        """By when the last of the events was fixed on the chain, in words; None where neither node nor seal tells."""
        times = [_fixed_by(event.judgement) for event in self.events if event.judgement is not None]
        known = [time for time in times if time is not None]
        return time_words(max(known), None) if known and len(known) == len(self.events) else None

    @property
    def sealed(self) -> str | None:
        """When the last of the events was sealed, how long ago, and by whom, in words; None unless every one was sealed."""
        proven = [event.judgement.sealed for event in self.events if event.judgement is not None and event.judgement.sealed]
        if len(proven) < len(self.events):
            return None
        return sealed_words(max(proven, key=lambda one: one.sealed_at), now=self.told_at)

    @property
    def unsealed(self) -> str | None:
        """For how many events the seals were not checked, and why, in words; None where all were."""
        steps = [event.judgement.step(Rung.SEALED) for event in self.events if event.judgement is not None]
        reasons = [step.words.removeprefix("Not checked: ") for step in steps if step.verdict is Verdict.NOT_CHECKED]
        if not reasons:
            return None
        many = "" if len(reasons) == len(self.events) else f" for {len(reasons)} of {len(self.events)} records"
        why = f"{reasons[0][0].upper()}{reasons[0][1:]}"
        return f"Not checked{many}: whether the chain’s validators sealed that (check 8). {why}"

    def counted(self, verdict: Verdict) -> int:
        """How many events have this verdict."""
        return sum(event.verdict is verdict for event in self.events)


def journey_value(journey: JudgedJourney, documents: DocumentList, *, public_url: str) -> dict[str, Any]:
    """What the page says, as JSON."""
    return {
        "type": "GreenlaneJourney",
        "version": 1,
        "identifier": journey.identifier,
        "verdict": journey.verdict.value,
        "isWhole": journey.is_whole,
        "selected": journey.selected.event.event_hash,
        "events": [_event_value(event, public_url, told_at=journey.told_at) for event in journey.events],
        **list_value(documents, public_url=public_url),
    }


def _fixed_by(judgement: Judgement) -> datetime | None:
    if judgement.anchored_at is not None or judgement.sealed is None:
        return judgement.anchored_at
    return judgement.sealed.sealed_at


def _event_value(event: JudgedEvent, public_url: str, *, told_at: datetime) -> dict[str, Any]:
    return {
        "eventHash": event.event.event_hash,
        "contentDigest": event.content,
        "verdict": event.verdict.value,
        "reason": event.reason or None,
        "center": event.event.center,
        "member": event.event.member,
        "memberName": event.member,
        "leafIndex": event.event.leaf_index,
        "capturedAt": time_text(event.event.captured_at),
        "isPrivate": event.is_private,
        "isDeclaredWrong": event.is_declared_wrong,
        "receipt": f"{public_url}{receipt_path(event)}",
        "event": parse_json(event.event.document),
        "judgement": None if event.judgement is None else report_value(event.judgement, now=told_at),
    }


def receipt_path(event: JudgedEvent) -> str:
    """The path of an event's receipt here."""
    return f"/v1/receipts/{event.digest}?{_place(event)}"


def verify_path(event: JudgedEvent) -> str:
    """The path of an event's own page here."""
    return f"/verify/{event.digest}?{_place(event)}"


def _place(event: JudgedEvent) -> str:
    return f"center={event.event.center}&leaf={event.event.leaf_index}"


def main_item(event: StoredEvent) -> str | None:
    """The identifier whose journey an event's page shows: what came of it first; None where it names none that has a page."""
    ranks = ("output", "output_quantity", "epc", "quantity", "child_epc", "child_quantity", "parent", "input", "input_quantity")
    items = [item for item in event.items if local_path(item.identifier) is not None]
    items.sort(key=lambda item: ranks.index(item.role) if item.role in ranks else len(ranks))
    return items[0].identifier if items else None


def told_event(
    event: StoredEvent,
    *,
    finding: Finding,
    member: str,
    center: HostedCenter | None,
    asked: str | None,
    is_declared_wrong: bool,
) -> JudgedEvent:
    """One event in words.

    Args:
        member: the name of whoever captured it.
        center: that it was captured for; None where it is not served here any more.
        asked: canonical identifier of the item whose journey is shown; None where there is none.
    """
    document = parse_json(event.document)
    fields: dict[str, JsonValue] = document if isinstance(document, dict) else {}
    place = event.biz_location or event.read_point
    certificates = fields.get("certificationInfo", [])
    return JudgedEvent(
        event=event,
        digest=event.identity.event_digest.hex(),
        content=event.content_digest.hex(),
        step=step_words(event.event_type, event.biz_step),
        disposition=disposition_words(event.disposition),
        time=time_words(event.event_time, fields.get("eventTimeZoneOffset")),
        place=None if place is None else item_words(place),
        place_path=None if place is None else local_path(place),
        member=member,
        center=event.center if center is None else center.name,
        economy="" if center is None else center.economy,
        groups=_groups(event, fields, asked),
        certificates=tuple(str(each) for each in (certificates if isinstance(certificates, list) else [certificates])),
        judgement=finding.judgement,
        verdict=finding.verdict,
        reason=finding.reason,
        is_private=event.visibility.value == "private",
        is_declared_wrong=is_declared_wrong,
        is_declaration=event.is_error_declaration,
    )


def _groups(event: StoredEvent, fields: dict[str, JsonValue], asked: str | None) -> tuple[ItemGroup, ...]:
    groups: list[ItemGroup] = []
    # An event may name thousands: their spellings are looked at only where one of them is known to be the asked item.
    is_asked_named = any(item.identifier == asked for item in event.items)
    for field in sorted({*_SINGLES, *_CLASSES}, key=lambda name: (_ORDER.index(name) if name in _ORDER else 99, name)):
        value = fields.get(field)
        named = value if isinstance(value, list) else [] if value is None else [value]
        if named:
            mine = [each for each in named if to_digital_link(_identifier(each)) == asked] if is_asked_named else []
            # Where the asked item is one of many, the others are other people's: their number is enough.
            listed = mine[:_MAX_ITEMS_SHOWN] or named[:_MAX_ITEMS_SHOWN]
            lines = tuple(_line(each, is_asked=bool(mine)) for each in listed)
            groups.append(ItemGroup(words=role_words(field), lines=lines, more=len(named) - len(lines)))
    return tuple(groups)


def _line(named: JsonValue, *, is_asked: bool) -> ItemLine:
    element = named if isinstance(named, dict) else {}
    identifier = _identifier(named)
    return ItemLine(
        words=item_words(identifier),
        quantity=quantity_words(element.get("quantity"), element.get("uom")),
        path=local_path(identifier),
        is_asked=is_asked,
    )


def _identifier(named: JsonValue) -> str:
    """An item's identifier as the event spells it; of a quantity, its class."""
    return str(named.get("epcClass") if isinstance(named, dict) else named)
