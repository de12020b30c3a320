"""Events of one facility, as short as a person would write them down."""

from typing import Any

from greenlane.core.balance.movements import BookEvent
from greenlane.core.epcis.event import parse_capture
from greenlane.core.epcis.eventhash import event_hash
from worlds.events import CONTEXT

MILL = "https://id.gs1.org/414/9506000134352"
BEANS = "https://id.gs1.org/01/09506000134376"
BARS = "https://id.gs1.org/01/09506000134383"
LOT_A, LOT_B = f"{BEANS}/10/A", f"{BEANS}/10/B"
BAR_LOT = f"{BARS}/10/X"
PALLET = "https://id.gs1.org/00/095060001343520017"
CASE = "https://id.gs1.org/01/09506000134390/21/C1"


def quantity(identifier: str, amount: float | None, unit: str | None = "KGM") -> dict[str, Any]:
    element: dict[str, Any] = {"epcClass": identifier}
    if amount is not None:
        element["quantity"] = amount
    return element if unit is None else element | {"uom": unit}


def book_event(kind: str = "ObjectEvent", *, day: str = "2026-06-01", hour: int = 10, **fields: Any) -> BookEvent:
    """One event at the mill; `fields` as in JSON, None leaves one out."""
    plain: dict[str, Any] = {
        "@context": CONTEXT,
        "type": kind,
        "eventTime": f"{day}T{hour:02}:00:00Z",
        "eventTimeZoneOffset": "+00:00",
        "bizLocation": {"id": MILL},
    }
    document = {name: value for name, value in (plain | fields).items() if value is not None}
    (event,) = parse_capture(document)
    return BookEvent(event=event, event_hash=event_hash(event.document))


def moved(step: str, *elements: dict[str, Any], action: str = "OBSERVE", **more: Any) -> BookEvent:
    return book_event(action=action, bizStep=step, quantityList=list(elements), **more)


def made(*elements: dict[str, Any], **more: Any) -> BookEvent:
    return moved("commissioning", *elements, action="ADD", **more)


def received(*elements: dict[str, Any], **more: Any) -> BookEvent:
    return moved("receiving", *elements, **more)


def sent(*elements: dict[str, Any], **more: Any) -> BookEvent:
    return moved("shipping", *elements, **more)


def lost(*elements: dict[str, Any], **more: Any) -> BookEvent:
    return moved("destroying", *elements, action="DELETE", **more)


def counted(*elements: dict[str, Any], **more: Any) -> BookEvent:
    return moved("stock_taking", *elements, **more)


def transformed(inputs: list[dict[str, Any]], outputs: list[dict[str, Any]], **more: Any) -> BookEvent:
    given: dict[str, Any] = {"inputQuantityList": inputs or None, "outputQuantityList": outputs or None}
    return book_event("TransformationEvent", bizStep="commissioning", **given, **more)


def packed(parent: str, *elements: dict[str, Any], action: str = "ADD", items: list[str] | None = None, **more: Any) -> BookEvent:
    given: dict[str, Any] = {"childQuantityList": list(elements) or None, "childEPCs": items}
    return book_event("AggregationEvent", action=action, bizStep="packing", parentID=parent, **given, **more)
