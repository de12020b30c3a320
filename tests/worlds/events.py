"""Events to capture: each a plain shipment of one serial item, changed as a test asks."""

from typing import Any

from greenlane.core.canonical import JsonValue
from greenlane.core.epcis.event import Event, parse_capture

CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
GTIN = "09521321000018"


def item(serial: int | str) -> str:
    """The canonical identifier of one serial item."""
    return f"https://id.gs1.org/01/{GTIN}/21/{serial}"


def event_document(serial: int | str = 1, **changes: Any) -> dict[str, JsonValue]:
    """One event as JSON; a change of None leaves the field out, `context` stands for "@context"."""
    plain: dict[str, Any] = {
        "@context": CONTEXT,
        "type": "ObjectEvent",
        "eventTime": "2026-05-30T10:00:00.000Z",
        "eventTimeZoneOffset": "-05:00",
        "epcList": [item(serial)],
        "action": "OBSERVE",
        "bizStep": "shipping",
    }
    return {name: value for name, value in (plain | changes).items() if value is not None}


def parsed(*documents: dict[str, JsonValue]) -> tuple[Event, ...]:
    """The typed events of single-event documents, in order."""
    return tuple(event for document in documents for event in parse_capture(document))


def some_events(count: int, *, first: int = 0) -> tuple[Event, ...]:
    """Events that differ in their serials, numbered from `first` on."""
    return parsed(*(event_document(serial) for serial in range(first, first + count)))
