"""EPCIS 2.0 events, read strictly: what is not right is refused with the place, what was found, and how to mend it.

An event is accepted whole and kept whole: `Event.document` is what came in, with the contexts it needs inside, so that whoever
holds it can hash it again. All faults of a document are told together. Source: EPCIS 2.0, section 7.4; JSON schema 2.0.1.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from greenlane.core.canonical import (
    CanonicalTooLong,
    JsonTooDeep,
    JsonValue,
    canonical_bytes,
    check_depth,
    kind_of,
    pointer,
)
from greenlane.core.epcis.context import Context, ContextMalformed, read_context
from greenlane.core.epcis.fields import (
    MAX_FLAWS,
    Check,
    Flaw,
    Flaws,
    check_action,
    check_fields,
    check_ilmd,
    check_offset,
    check_quantity,
    check_time,
    check_uri,
    listed,
    one_or_more,
    record,
    term,
)
from greenlane.core.epcis.sensor import check_sensor_elements
from greenlane.core.epcis.serials import link_of
from greenlane.core.epcis.vocabulary import VocabularyKind, canonical_term
from greenlane.core.errors import Faults, InvalidInput

MAX_FAULTS: Final = MAX_FLAWS
"""Faults told of one document; who sends more has one cause to mend."""


# A receipt carries its event whole, and has a bound of its own (`receipt.MAX_RECEIPT_BYTES`, and the levels that `parse_json`
# reads): what is taken here must leave room for proof, checkpoint and anchor.
MAX_EVENT_BYTES: Final = 524_288
"""Canonical bytes of one event."""
MAX_EVENT_DEPTH: Final = 48
"""Levels of nesting in one event, its "@context" included."""


class EventType(StrEnum):
    """The five kinds of event that EPCIS 2.0 defines."""

    OBJECT = "ObjectEvent"
    AGGREGATION = "AggregationEvent"
    TRANSACTION = "TransactionEvent"
    TRANSFORMATION = "TransformationEvent"
    ASSOCIATION = "AssociationEvent"


class Action(StrEnum):
    """What an event does to the life of what it names."""

    OBSERVE = "OBSERVE"
    ADD = "ADD"
    DELETE = "DELETE"


class ItemRole(StrEnum):
    """In which field an event names an item."""

    EPC = "epc"
    CHILD_EPC = "child_epc"
    PARENT = "parent"
    INPUT = "input"
    OUTPUT = "output"
    QUANTITY = "quantity"
    CHILD_QUANTITY = "child_quantity"
    INPUT_QUANTITY = "input_quantity"
    OUTPUT_QUANTITY = "output_quantity"


class DocumentType(StrEnum):
    """What carried the events."""

    CAPTURE = "EPCISDocument"
    QUERY = "EPCISQueryDocument"
    EVENT = "event"


class EventFault(InvalidInput):
    """One thing wrong with an event or the document around it.

    Attributes:
        event_index: which event, from 0; None where the document itself is at fault.
    """

    code = "invalid-event"

    def __init__(
        self, detail: str, *, where: str | None = None, remedy: str | None = None, event_index: int | None = None
    ) -> None:
        super().__init__(detail, where=where, remedy=remedy)
        self.event_index = event_index


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemReference:
    """One item, or class of items, that an event names.

    Attributes:
        role: the field it stands in.
        identifier: canonical GS1 Digital Link, or the URI as it is where it holds no GS1 key.
        quantity: how many or how much of a class; None where not told, and for single items.
        uom: unit of the quantity (UN/CEFACT Recommendation 20); None means pieces.
    """

    role: ItemRole
    identifier: str
    quantity: float | int | None = None
    uom: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One accepted event.

    Attributes:
        event_time: aware, in the zone it was written with.
        event_time_zone_offset: the zone where it happened, as "+01:00".
        action: None for transformations.
        biz_step: canonical term, a web URI; None where not told.
        disposition: likewise.
        event_id: as written.
        read_point: canonical identifier of the place.
        biz_location: likewise.
        epcs: every item and class of items named, in the order of the fields.
        is_error_declaration: the event declares an earlier one wrong.
        context: what its prefixes mean.
        document: the whole event as accepted, its "@context" inside, recordTime removed. Not to be changed.
        place: JSON pointer to it in the document that brought it; says nothing of the event itself.
    """

    event_type: EventType
    event_time: datetime
    event_time_zone_offset: str
    action: Action | None
    biz_step: str | None
    disposition: str | None
    event_id: str | None
    read_point: str | None
    biz_location: str | None
    epcs: tuple[ItemReference, ...]
    is_error_declaration: bool
    context: Context
    document: dict[str, JsonValue]
    place: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What was sent: its kind and its events, in their order.

    Attributes:
        document_type: what carried the events.
        events: all of them.
        event_list: JSON pointer to their list; None where the document is the event.
    """

    document_type: DocumentType
    events: tuple[Event, ...]
    event_list: str | None

    def place_of(self, index: int) -> str:
        """JSON pointer to one event."""
        return "" if self.event_list is None else f"{self.event_list}/{index}"


def parse_capture(value: JsonValue) -> tuple[Event, ...]:
    """The events of a document; see `parse_document`."""
    return parse_document(value).events


def parse_document(value: JsonValue) -> Document:
    """Reads an EPCISDocument, an EPCISQueryDocument, or a single event with its "@context".

    Args:
        value: as `parse_json` gives it; it is not changed, and its parts live on in the events.

    Raises:
        Faults: of EventFault, in the order of the document, at most MAX_FAULTS of them.
    """
    if not isinstance(value, dict):
        raise Faults((EventFault(f"A document is an object, not {kind_of(value)}.", where="", remedy=_DOCUMENT_REMEDY),))
    faults: list[EventFault] = []
    kind = value.get("type")
    if kind == DocumentType.CAPTURE or kind == DocumentType.QUERY:
        document_type = DocumentType(kind)
        place, carried = _event_list(value, document_type, faults)
    else:
        document_type, place, carried = DocumentType.EVENT, None, [value]
    if document_type is not DocumentType.EVENT and not faults and "@context" not in value:
        faults.append(EventFault('The field "@context" is missing.', where="/@context", remedy=_CONTEXT_REMEDY))
    shared = value.get("@context") if document_type is not DocumentType.EVENT else None
    try:
        read_context(shared)
    except ContextMalformed as error:
        faults.append(EventFault(error.detail, where=f"/@context{error.where}", remedy=error.remedy))
        carried = []
    events: list[Event] = []
    for index, event in enumerate(carried):
        if len(faults) >= MAX_FAULTS:
            break
        where = "" if place is None else f"{place}/{index}"
        read = _read_event(event, shared, where, is_alone=place is None)
        if isinstance(read, Event):
            events.append(read)
        else:
            faults += [EventFault(flaw.detail, where=where + flaw.where, remedy=flaw.remedy, event_index=index) for flaw in read]
    if faults:
        raise Faults(tuple(faults[:MAX_FAULTS]))
    return Document(document_type=document_type, events=tuple(events), event_list=place)


def encode_event(event: Event, *, event_index: int) -> bytes:
    """The canonical bytes of an accepted event, which its content digest is of and its receipt will carry.

    Args:
        event_index: which event of its document, from 0.

    Raises:
        EventFault: the event is too large or nested too deeply for a receipt.
    """
    try:
        encoded = canonical_bytes(event.document, longest=MAX_EVENT_BYTES)
        check_depth(encoded, MAX_EVENT_DEPTH)
    except CanonicalTooLong as error:
        raise EventFault(
            f"The event is too large for a receipt: it may have {MAX_EVENT_BYTES} bytes as canonical JSON.",
            where=event.place,
            remedy="Split it into several events, or name the class and quantity of its items in place of each.",
            event_index=event_index,
        ) from error
    except JsonTooDeep as error:
        raise EventFault(
            f"The event is nested too deeply for a receipt: it may have {MAX_EVENT_DEPTH} levels.",
            where=event.place,
            remedy="Flatten its extension fields.",
            event_index=event_index,
        ) from error
    return encoded


_DOCUMENT_REMEDY: Final = 'Send an EPCISDocument, an EPCISQueryDocument, or one event with its "@context".'
_CONTEXT_REMEDY: Final = 'Add "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"].'
_EPCIS_CONTEXT_ONLY: Final = read_context(None)
_VERSION: Final = re.compile(r"\d+(\.\d+)*", re.ASCII).fullmatch


def _event_list(value: dict[str, JsonValue], kind: DocumentType, faults: list[EventFault]) -> tuple[str, list[Any]]:
    """Where the events stand, and they; what is wrong with the document around them goes to `faults`."""
    if kind is DocumentType.CAPTURE:
        version = value.get("schemaVersion")
        if not isinstance(version, str) or _VERSION(version) is None:
            faults.append(
                EventFault("The schema version is missing or no version.", where="/schemaVersion", remedy='Write "2.0".')
            )
        if "creationDate" not in value:
            faults.append(
                EventFault(
                    "The field 'creationDate' is missing.", where="/creationDate", remedy="Add when the document was made."
                )
            )
    if "creationDate" in value:
        flaws = check_time(value["creationDate"], _EPCIS_CONTEXT_ONLY) or []
        faults += [EventFault(flaw.detail, where="/creationDate", remedy=flaw.remedy) for flaw in flaws]
    steps = (
        ("epcisBody", "eventList") if kind is DocumentType.CAPTURE else ("epcisBody", "queryResults", "resultsBody", "eventList")
    )
    inner: JsonValue = value
    for depth, step in enumerate(steps):
        if not isinstance(inner, dict) or step not in inner:
            found = "is missing" if isinstance(inner, dict) else f"is not there: its parent is {kind_of(inner)}"
            faults.append(
                EventFault(
                    f"The field {step!r} {found}.",
                    where=pointer(*steps[: depth + 1]),
                    remedy=f"Put the events at {pointer(*steps)}.",
                )
            )
            return pointer(*steps), []
        inner = inner[step]
    if not isinstance(inner, list):
        faults.append(
            EventFault(
                f"The events must be a list, not {kind_of(inner)}.", where=pointer(*steps), remedy="Give a list of events."
            )
        )
        return pointer(*steps), []
    return pointer(*steps), inner


def _read_event(event: Any, shared: JsonValue, place: str, *, is_alone: bool) -> Event | Flaws:
    if type(event) is not dict:
        return [Flaw("", f"An event is an object, not {kind_of(event)}.", "Give an object with a type.")]
    own = event.get("@context")
    declared = shared if own is None else own if shared is None else [*_parts(shared), *_parts(own)]
    try:
        context = read_context(declared)
    except ContextMalformed as error:
        # Where contexts of document and event were put together, no place in either is theirs.
        within = error.where if shared is None or own is None else ""
        return [Flaw(f"/@context{within}", error.detail, error.remedy)]
    kind = event.get("type")
    fields = _FIELDS.get(kind) if isinstance(kind, str) else None
    if fields is None or not isinstance(kind, str):
        if is_alone and kind is None:
            return [Flaw("/type", "The field 'type' is missing.", _DOCUMENT_REMEDY)]
        shown = repr(kind)[:60] if isinstance(kind, str) else kind_of(kind) if "type" in event else "missing"
        return [Flaw("/type", f"The type is {shown}.", f"Use one of {', '.join(EventType)}.")]
    flaws = check_fields(event, context, fields, _REQUIRED[kind], True, f"an {kind}" if kind[0] in "AO" else f"a {kind}") or []
    if is_alone and context.declares_none:
        flaws.append(Flaw("/@context", 'The field "@context" is missing.', _CONTEXT_REMEDY))
    flaws += _RULES[kind](event)
    if flaws:
        return flaws
    document: dict[str, JsonValue] = {**event, "@context": declared}
    document.pop("recordTime", None)
    get = event.get
    action = get("action")
    biz_step = get("bizStep")
    disposition = get("disposition")
    read_point = get("readPoint")
    biz_location = get("bizLocation")
    return Event(
        event_type=_TYPES[kind],
        event_time=datetime.fromisoformat(event["eventTime"]),
        event_time_zone_offset=event["eventTimeZoneOffset"],
        action=None if action is None else _ACTIONS[action],
        biz_step=None if biz_step is None else canonical_term(VocabularyKind.BIZ_STEP, biz_step),
        disposition=None if disposition is None else canonical_term(VocabularyKind.DISPOSITION, disposition),
        event_id=get("eventID", get("id")),
        read_point=None if read_point is None else link_of(read_point["id"]),
        biz_location=None if biz_location is None else link_of(biz_location["id"]),
        epcs=tuple(_items(event)),
        is_error_declaration="errorDeclaration" in event,
        context=context,
        document=document,
        place=place,
    )


def _parts(context: JsonValue) -> list[JsonValue]:
    return context if isinstance(context, list) else [context]


def _items(event: dict[str, Any]) -> list[ItemReference]:
    items: list[ItemReference] = []
    for name, role in _SINGLES:
        if name in event:
            items += [ItemReference(role=role, identifier=link_of(epc)) for epc in event[name]]
    parent = event.get("parentID")
    if parent is not None:
        items.append(ItemReference(role=_PARENT, identifier=link_of(parent)))
    for name, role in _CLASSES:
        if name in event:
            items += [
                ItemReference(
                    role=role,
                    identifier=link_of(element["epcClass"]),
                    quantity=element.get("quantity"),
                    uom=element.get("uom"),
                )
                for element in event[name]
            ]
    return items


_PARENT: Final = ItemRole.PARENT
_SINGLES: Final = (
    ("epcList", ItemRole.EPC),
    ("childEPCs", ItemRole.CHILD_EPC),
    ("inputEPCList", ItemRole.INPUT),
    ("outputEPCList", ItemRole.OUTPUT),
)
_CLASSES: Final = (
    ("quantityList", ItemRole.QUANTITY),
    ("childQuantityList", ItemRole.CHILD_QUANTITY),
    ("inputQuantityList", ItemRole.INPUT_QUANTITY),
    ("outputQuantityList", ItemRole.OUTPUT_QUANTITY),
)
_TYPES: Final = {kind.value: kind for kind in EventType}
_ACTIONS: Final = {action.value: action for action in Action}


def _seen(_value: Any, _context: Context) -> None:
    """What the surrounding walk has already looked at."""


_place: Final = record({"id": check_uri}, required=("id",), is_open=True, what="a place")
_epcs: Final = listed(check_uri, is_set=True, what="a list of EPCs")
_quantities: Final = listed(
    record(
        {"epcClass": check_uri, "quantity": check_quantity, "uom": term(VocabularyKind.UOM)},
        required=("epcClass",),
        what="a quantity element",
    ),
    what="a list of quantity elements",
)
_disposition: Final = term(VocabularyKind.DISPOSITION)
_dispositions: Final = listed(_disposition, at_least=1, is_set=True, what="a list of dispositions")


def _typed(member: str, kind: VocabularyKind, required: tuple[str, ...], what: str) -> Check:
    return listed(record({"type": term(kind), member: check_uri}, required=required, what=what), what=f"a list of {member}s")


_COMMON: Final[dict[str, Check]] = {
    "@context": _seen,
    "type": _seen,
    "eventTime": check_time,
    "recordTime": check_time,
    "eventTimeZoneOffset": check_offset,
    "eventID": check_uri,
    # The contexts make "id" and "eventID" one term.
    "id": check_uri,
    "certificationInfo": one_or_more(check_uri),
    "errorDeclaration": record(
        {"declarationTime": check_time, "reason": term(VocabularyKind.ERROR_REASON), "correctiveEventIDs": listed(check_uri)},
        required=("declarationTime",),
        is_open=True,
        what="an error declaration",
    ),
    "bizStep": term(VocabularyKind.BIZ_STEP),
    "disposition": _disposition,
    "persistentDisposition": record({"set": _dispositions, "unset": _dispositions}, what="persistentDisposition"),
    "readPoint": _place,
    "bizLocation": _place,
    "bizTransactionList": _typed(
        "bizTransaction", VocabularyKind.BIZ_TRANSACTION_TYPE, ("bizTransaction",), "a business transaction"
    ),
    "sourceList": _typed("source", VocabularyKind.SOURCE_DESTINATION_TYPE, ("type", "source"), "a source"),
    "destinationList": _typed("destination", VocabularyKind.SOURCE_DESTINATION_TYPE, ("type", "destination"), "a destination"),
    "sensorElementList": check_sensor_elements,
}
_CHILDREN: Final[dict[str, Check]] = {
    "parentID": check_uri,
    "childEPCs": _epcs,
    "childQuantityList": _quantities,
    "action": check_action,
}
_FIELDS: Final[dict[str, dict[str, Check]]] = {
    EventType.OBJECT: _COMMON | {"action": check_action, "epcList": _epcs, "quantityList": _quantities, "ilmd": check_ilmd},
    EventType.AGGREGATION: _COMMON | _CHILDREN,
    EventType.ASSOCIATION: _COMMON | _CHILDREN,
    EventType.TRANSACTION: _COMMON
    | {"action": check_action, "parentID": check_uri, "epcList": _epcs, "quantityList": _quantities},
    EventType.TRANSFORMATION: _COMMON
    | {
        "inputEPCList": _epcs,
        "inputQuantityList": _quantities,
        "outputEPCList": _epcs,
        "outputQuantityList": _quantities,
        "transformationID": check_uri,
        "ilmd": check_ilmd,
    },
}
_WHEN: Final = ("eventTime", "eventTimeZoneOffset")
_REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    EventType.OBJECT: (*_WHEN, "action"),
    EventType.AGGREGATION: (*_WHEN, "action"),
    EventType.ASSOCIATION: (*_WHEN, "action", "parentID"),
    EventType.TRANSACTION: (*_WHEN, "action", "bizTransactionList"),
    EventType.TRANSFORMATION: _WHEN,
}


def _rules_of_object(event: dict[str, Any]) -> Flaws:
    flaws = _rules_of_all(event)
    if not ("epcList" in event or event.get("quantityList") or (event.get("sensorElementList") and "readPoint" in event)):
        flaws.append(
            Flaw(
                "", "The event names nothing it is about.", "Add epcList or quantityList, or sensorElementList with a readPoint."
            )
        )
    if "ilmd" in event and event.get("action") != Action.ADD:
        flaws.append(Flaw("/ilmd", "Master data is given where things come into being.", "Leave ilmd out, or use action ADD."))
    return flaws


def _rules_of_children(event: dict[str, Any]) -> Flaws:
    flaws = _rules_of_all(event)
    action = event.get("action")
    if action != Action.DELETE and not (event.get("childEPCs") or event.get("childQuantityList")):
        flaws.append(Flaw("", "The event names no children.", "Add childEPCs or childQuantityList."))
    if action != Action.OBSERVE and "parentID" not in event and event["type"] == EventType.AGGREGATION:
        flaws.append(Flaw("/parentID", f"The field 'parentID' is missing with action {action!r:.20}.", "Add the parent."))
    return flaws


def _rules_of_transaction(event: dict[str, Any]) -> Flaws:
    flaws = _rules_of_all(event)
    if event.get("bizTransactionList") == []:
        flaws.append(Flaw("/bizTransactionList", "The list is empty.", "Name at least one business transaction."))
    if event.get("action") != Action.DELETE and not ("epcList" in event or event.get("quantityList")):
        flaws.append(Flaw("", "The event names nothing it is about.", "Add epcList or quantityList."))
    return flaws


def _rules_of_transformation(event: dict[str, Any]) -> Flaws:
    flaws = _rules_of_all(event)
    has_input = event.get("inputEPCList") or event.get("inputQuantityList")
    has_output = event.get("outputEPCList") or event.get("outputQuantityList")
    is_linked = "transformationID" in event
    if not has_input and not (is_linked and has_output):
        flaws.append(
            Flaw(
                "",
                "The event names no inputs.",
                "Add inputEPCList or inputQuantityList; a transformationID may stand for one side.",
            )
        )
    if not has_output and not (is_linked and has_input):
        flaws.append(
            Flaw(
                "",
                "The event names no outputs.",
                "Add outputEPCList or outputQuantityList; a transformationID may stand for one side.",
            )
        )
    return flaws


def _rules_of_all(event: dict[str, Any]) -> Flaws:
    if event.get("persistentDisposition") == {}:
        return [Flaw("/persistentDisposition", "Nothing is set or unset.", "Add set or unset, or leave the field out.")]
    return []


_RULES: Final = {
    EventType.OBJECT.value: _rules_of_object,
    EventType.AGGREGATION.value: _rules_of_children,
    EventType.ASSOCIATION.value: _rules_of_children,
    EventType.TRANSACTION.value: _rules_of_transaction,
    EventType.TRANSFORMATION.value: _rules_of_transformation,
}
