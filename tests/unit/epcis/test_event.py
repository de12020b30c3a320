"""Events are read strictly: every fault is told with its place, what was found and how to mend it."""

import copy
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from greenlane.core.epcis.context import ContextMalformed, read_context
from greenlane.core.epcis.event import (
    MAX_FAULTS,
    Action,
    DocumentType,
    EventFault,
    EventType,
    ItemReference,
    ItemRole,
    parse_capture,
    parse_document,
)
from greenlane.core.epcis.eventhash import EventUnhashable, event_hash, hash_document
from greenlane.core.errors import Faults
from hypothesis import given
from hypothesis import strategies as st

_CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
_OBJECT: dict[str, Any] = {
    "@context": [_CONTEXT, {"ex": "https://ns.example.org/"}],
    "type": "ObjectEvent",
    "eventTime": "2026-03-04T11:00:30.000+01:00",
    "eventTimeZoneOffset": "+01:00",
    "recordTime": "2026-03-04T11:01:00Z",
    "eventID": "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
    "action": "ADD",
    "bizStep": "commissioning",
    "disposition": "active",
    "epcList": ["urn:epc:id:sgtin:4012345.011111.9876"],
    "quantityList": [{"epcClass": "https://shop.example.com/01/04012345123456/10/L1", "quantity": 2.5, "uom": "KGM"}],
    "readPoint": {"id": "urn:epc:id:sgln:4012345.00011.987"},
    "bizLocation": {"id": "urn:epc:id:sgln:4012345.00012.0", "ex:gate": "B"},
    "bizTransactionList": [{"type": "po", "bizTransaction": "https://orders.example.org/1"}],
    "sourceList": [{"type": "location", "source": "urn:epc:id:sgln:4012345.00225.0"}],
    "destinationList": [{"type": "location", "destination": "urn:epc:id:sgln:4012345.00226.0"}],
    "sensorElementList": [{"sensorReport": [{"type": "Temperature", "value": 4, "booleanValue": True, "hexBinaryValue": "f0"}]}],
    "persistentDisposition": {"set": ["completeness_verified"]},
    "ilmd": {"ex:harvest": "2026-02-01"},
    "certificationInfo": ["https://certificates.example.org/1"],
    "ex:own": {"ex:deep": [1, {"plain": "x"}]},
}
_AGGREGATION: dict[str, Any] = {
    "@context": _CONTEXT,
    "type": "AggregationEvent",
    "eventTime": "2026-03-04T11:00:30Z",
    "eventTimeZoneOffset": "+00:00",
    "action": "ADD",
    "parentID": "urn:epc:id:sscc:4012345.0111111111",
    "childEPCs": ["urn:epc:id:sgtin:4012345.011111.1"],
    "childQuantityList": [{"epcClass": "urn:epc:class:lgtin:4012345.012345.L1", "quantity": 3}],
}
_TRANSFORMATION: dict[str, Any] = {
    "@context": _CONTEXT,
    "type": "TransformationEvent",
    "eventTime": "2026-03-04T11:00:30Z",
    "eventTimeZoneOffset": "+00:00",
    "inputEPCList": ["urn:epc:id:sgtin:4012345.011111.1"],
    "inputQuantityList": [{"epcClass": "urn:epc:class:lgtin:4012345.012345.L1"}],
    "outputEPCList": ["urn:epc:id:sgtin:4012345.011111.2"],
    "outputQuantityList": [{"epcClass": "urn:farm:lot:7", "quantity": 1}],
}
_TRANSACTION: dict[str, Any] = {
    "@context": _CONTEXT,
    "type": "TransactionEvent",
    "eventTime": "2026-03-04T11:00:30Z",
    "eventTimeZoneOffset": "+00:00",
    "action": "OBSERVE",
    "bizTransactionList": [{"bizTransaction": "https://orders.example.org/1"}],
    "epcList": [],
}


def _document(*events: Any, **fields: Any) -> dict[str, Any]:
    bare = [{key: value for key, value in event.items() if key != "@context"} for event in events]
    return {
        "@context": _OBJECT["@context"],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-03-04T11:00:30Z",
        "epcisBody": {"eventList": bare},
    } | fields


def _faults(value: Any) -> list[EventFault]:
    with pytest.raises(Faults) as refusal:
        parse_document(value)
    found = [fault for fault in refusal.value.faults if isinstance(fault, EventFault)]
    assert len(found) == len(refusal.value.faults)
    assert all(fault.remedy for fault in found)
    return found


def test_a_good_event_is_typed_and_kept_whole() -> None:
    (event,) = parse_capture(_OBJECT)
    assert event.event_type is EventType.OBJECT
    assert event.event_time == datetime(2026, 3, 4, 11, 0, 30, tzinfo=timezone(timedelta(hours=1)))
    assert event.event_time_zone_offset == "+01:00"
    assert event.action is Action.ADD
    assert event.biz_step == "https://ref.gs1.org/cbv/BizStep-commissioning"
    assert event.disposition == "https://ref.gs1.org/cbv/Disp-active"
    assert event.event_id == _OBJECT["eventID"]
    assert event.read_point == "https://id.gs1.org/414/4012345000115/254/987"
    assert event.biz_location == "https://id.gs1.org/414/4012345000122"
    assert event.epcs == (
        ItemReference(role=ItemRole.EPC, identifier="https://id.gs1.org/01/04012345111118/21/9876"),
        ItemReference(role=ItemRole.QUANTITY, identifier="https://id.gs1.org/01/04012345123456/10/L1", quantity=2.5, uom="KGM"),
    )
    assert not event.is_error_declaration
    assert event.document == {key: value for key, value in _OBJECT.items() if key != "recordTime"}


def test_reading_changes_nothing_that_was_handed_in() -> None:
    before = copy.deepcopy(_document(_OBJECT))
    value = copy.deepcopy(before)
    parse_document(value)
    assert value == before


def test_every_role_of_an_item_is_told() -> None:
    roles = {reference.role for event in (_OBJECT, _AGGREGATION, _TRANSFORMATION) for reference in parse_capture(event)[0].epcs}
    assert roles == set(ItemRole)
    (made,) = parse_capture(_TRANSFORMATION)
    assert made.action is None
    assert made.epcs[-1] == ItemReference(role=ItemRole.OUTPUT_QUANTITY, identifier="urn:farm:lot:7", quantity=1)


def test_an_event_of_a_document_carries_the_contexts_of_both() -> None:
    own = {key: value for key, value in _AGGREGATION.items() if key != "@context"}
    value = _document(own)
    value["epcisBody"]["eventList"][0]["@context"] = {"own": "https://own.example.org/"}
    value["epcisBody"]["eventList"][0]["own:a"] = 1
    value["epcisBody"]["eventList"][0]["ex:b"] = 2
    (event,) = parse_capture(value)
    assert event.document["@context"] == [_CONTEXT, {"ex": "https://ns.example.org/"}, {"own": "https://own.example.org/"}]
    (again,) = parse_capture(event.document)
    assert again.document == event.document


def test_a_query_result_is_read_like_a_capture() -> None:
    events = _document(_OBJECT)["epcisBody"]["eventList"]
    value = {
        "@context": _OBJECT["@context"],
        "type": "EPCISQueryDocument",
        "epcisBody": {"queryResults": {"queryName": "q", "resultsBody": {"eventList": events}}},
    }
    document = parse_document(value)
    assert document.document_type is DocumentType.QUERY
    assert document.place_of(0) == "/epcisBody/queryResults/resultsBody/eventList/0"
    assert parse_document(_OBJECT).place_of(0) == ""


def test_an_error_declaration_is_an_event_about_an_event() -> None:
    declaration = {"declarationTime": "2026-04-01T00:00:00Z", "reason": "incorrect_data", "correctiveEventIDs": ["urn:uuid:1"]}
    (event,) = parse_capture(_OBJECT | {"errorDeclaration": declaration})
    assert event.is_error_declaration
    assert event_hash(event.document) == event_hash(_OBJECT)


def test_id_is_another_name_of_the_event_id() -> None:
    event = {key: value for key, value in _AGGREGATION.items() if key != "eventID"} | {"id": "urn:uuid:9"}
    (read,) = parse_capture(event)
    assert read.event_id == "urn:uuid:9"
    assert event_hash(event) == event_hash(_AGGREGATION)


_ONLY_CLASSES = {key: value for key, value in _OBJECT.items() if key != "epcList"}
_QUANTITY = "/quantityList/0"
_REPORT = "/sensorElementList/0/sensorReport/0"


def _quantity(**fields: Any) -> dict[str, Any]:
    return {"quantityList": [{"epcClass": "urn:x:1"} | fields]}


def _report(report: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"sensorElementList": [{"sensorReport": [{"type": "Mass"} | report]} | fields]}


_BAD: list[tuple[str, dict[str, Any], dict[str, Any], str, str]] = [
    ("no zone", _OBJECT, {"eventTime": "2026-03-04T11:00:30"}, "/eventTime", "no zone"),
    ("no time", _OBJECT, {"eventTime": "yesterday"}, "/eventTime", "no time"),
    ("no such day", _OBJECT, {"eventTime": "2026-02-30T11:00:30Z"}, "/eventTime", "no time"),
    ("end of calendar", _OBJECT, {"eventTime": "9999-12-31T23:59:59-01:00"}, "/eventTime", "calendar"),
    ("end of calendar in UTC", _OBJECT, {"eventTime": "9998-12-31T23:59:59-14:00"}, "/eventTime", "calendar"),
    ("last year in another zone", _OBJECT, {"eventTime": "9999-12-30T23:59:59-14:00"}, "/eventTime", "calendar"),
    ("first year in UTC", _OBJECT, {"eventTime": "0002-01-01T00:00:00+14:00"}, "/eventTime", "calendar"),
    ("first day in another zone", _OBJECT, {"eventTime": "0001-01-02T00:00:00+14:00"}, "/eventTime", "calendar"),
    ("time as number", _OBJECT, {"eventTime": 1}, "/eventTime", "a number"),
    ("record time", _OBJECT, {"recordTime": "now"}, "/recordTime", "no time"),
    ("offset", _OBJECT, {"eventTimeZoneOffset": "Z"}, "/eventTimeZoneOffset", "no offset"),
    ("far offset", _OBJECT, {"eventTimeZoneOffset": "+15:00"}, "/eventTimeZoneOffset", "no offset"),
    ("offset as null", _OBJECT, {"eventTimeZoneOffset": None}, "/eventTimeZoneOffset", "null"),
    ("action", _OBJECT, {"action": "observe"}, "/action", "'observe'"),
    ("action as list", _OBJECT, {"action": []}, "/action", "a list"),
    ("check digit", _OBJECT, {"epcList": ["https://id.gs1.org/01/04012345111119/21/1"]}, "/epcList/0", "check digit"),
    ("no URI", _OBJECT, {"epcList": ["urn:x:1", "12"]}, "/epcList/1", "URI"),
    ("twice", _OBJECT, {"epcList": ["urn:x:1", "urn:x:1"]}, "/epcList/1", "twice"),
    ("EPC as object", _OBJECT, {"epcList": [{}]}, "/epcList/0", "an object"),
    ("EPCs as text", _OBJECT, {"epcList": "urn:x:1"}, "/epcList", "text"),
    ("unknown word", _OBJECT, {"bizStep": "shiping"}, "/bizStep", "'shiping'"),
    ("word of another list", _OBJECT, {"disposition": "shipping"}, "/disposition", "'shipping'"),
    ("word as number", _OBJECT, {"disposition": 7}, "/disposition", "a number"),
    ("uom", _OBJECT, {"quantityList": [{"epcClass": "urn:x:1", "uom": "kg"}]}, "/quantityList/0/uom", "'kg'"),
    ("negative", _OBJECT, _quantity(quantity=-1), f"{_QUANTITY}/quantity", "negative"),
    ("truth as number", _OBJECT, _quantity(quantity=True), f"{_QUANTITY}/quantity", "boolean"),
    ("no class", _OBJECT, {"quantityList": [{}]}, "/quantityList/0/epcClass", "missing"),
    ("extension in a quantity", _OBJECT, _quantity(**{"ex:a": 1}), f"{_QUANTITY}/ex:a", "no field"),
    ("place without id", _OBJECT, {"readPoint": {}}, "/readPoint/id", "missing"),
    ("place as text", _OBJECT, {"readPoint": "urn:x:1"}, "/readPoint", "text"),
    ("source type", _OBJECT, {"sourceList": [{"source": "urn:x:1"}]}, "/sourceList/0/type", "missing"),
    ("no report", _OBJECT, {"sensorElementList": [{}]}, "/sensorElementList/0/sensorReport", "missing"),
    ("empty reports", _OBJECT, {"sensorElementList": [{"sensorReport": []}]}, "/sensorElementList/0/sensorReport", "empty"),
    ("element type", _OBJECT, _report({}, type="x"), "/sensorElementList/0/type", "type"),
    ("boolean", _OBJECT, _report({"booleanValue": 1}), f"{_REPORT}/booleanValue", "a number"),
    ("hex", _OBJECT, _report({"hexBinaryValue": "0x1"}), f"{_REPORT}/hexBinaryValue", "hexadecimal"),
    ("hex as number", _OBJECT, _report({"hexBinaryValue": 1}), f"{_REPORT}/hexBinaryValue", "a number"),
    ("text", _OBJECT, _report({"stringValue": 1}), f"{_REPORT}/stringValue", "a number"),
    ("nothing set", _OBJECT, {"persistentDisposition": {}}, "/persistentDisposition", "Nothing"),
    ("ilmd elsewhere", _OBJECT, {"action": "OBSERVE"}, "/ilmd", "come into being"),
    ("bare ilmd", _OBJECT, {"ilmd": {"harvest": 1}}, "/ilmd/harvest", "no field"),
    ("ilmd as list", _OBJECT, {"ilmd": []}, "/ilmd", "a list"),
    ("bare field", _OBJECT, {"bizSteps": "x"}, "/bizSteps", "no field"),
    ("undeclared prefix", _OBJECT, {"nope:a": 1}, "/nope:a", "'nope'"),
    ("undeclared prefix within", _OBJECT, {"ex:own": [{"nope:a/b": 1}]}, "/ex:own/0/nope:a~1b", "'nope'"),
    ("null within", _OBJECT, {"ex:own": {"a": [None]}}, "/ex:own/a/0", "null"),
    ("context within", _OBJECT, {"ex:own": {"@context": {}}}, "/ex:own/@context", "@context"),
    ("certification", _OBJECT, {"certificationInfo": "x"}, "/certificationInfo", "URI"),
    ("declaration", _OBJECT, {"errorDeclaration": {"reason": "oops"}}, "/errorDeclaration/reason", "'oops'"),
    ("context as number", _OBJECT, {"@context": 7}, "/@context", "a number"),
    ("prefix as number", _OBJECT, {"@context": [_CONTEXT, {"ex": 7}]}, "/@context/1/ex", "'ex'"),
    ("type", _OBJECT, {"type": "QuantityEvent"}, "/type", "'QuantityEvent'"),
    ("no subject", _ONLY_CLASSES, {"quantityList": [], "sensorElementList": []}, "", "names nothing"),
    ("no children", _AGGREGATION, {"childEPCs": [], "childQuantityList": []}, "", "children"),
    ("no parties to a deal", _TRANSACTION, {"bizTransactionList": []}, "/bizTransactionList", "empty"),
    ("no inputs", _TRANSFORMATION, {"inputEPCList": [], "inputQuantityList": []}, "", "inputs"),
    ("no outputs", _TRANSFORMATION, {"outputEPCList": [], "outputQuantityList": []}, "", "outputs"),
    ("action of a transformation", _TRANSFORMATION, {"action": "ADD"}, "/action", "no field"),
]  # fmt: skip


@pytest.mark.parametrize(("good", "change", "where", "finding"), [case[1:] for case in _BAD], ids=[case[0] for case in _BAD])
def test_what_is_wrong_is_told_where_it_stands(good: dict[str, Any], change: dict[str, Any], where: str, finding: str) -> None:
    assert len(parse_capture(good)) == 1
    faults = _faults(good | change)
    assert [fault.where for fault in faults][:1] == [where] or where in [fault.where for fault in faults]
    assert any(finding in fault.detail for fault in faults if fault.where == where)
    value = _document(good) if "@context" in change else _document(good | change)
    if "@context" not in change:
        assert f"/epcisBody/eventList/0{where}" in [fault.where for fault in _faults(value)]
        assert {fault.event_index for fault in _faults(value)} == {0}


@pytest.mark.parametrize(
    ("good", "name", "where"),
    [
        (_OBJECT, "eventTime", "/eventTime"),
        (_OBJECT, "eventTimeZoneOffset", "/eventTimeZoneOffset"),
        (_OBJECT, "action", "/action"),
        (_OBJECT, "type", "/type"),
        (_OBJECT, "@context", "/@context"),
        (_AGGREGATION, "parentID", "/parentID"),
        (_AGGREGATION | {"type": "AssociationEvent", "action": "OBSERVE"}, "parentID", "/parentID"),
        (_TRANSACTION, "bizTransactionList", "/bizTransactionList"),
        (_TRANSACTION, "epcList", ""),
        (_AGGREGATION | {"childQuantityList": []}, "childEPCs", ""),
    ],
)
def test_what_is_missing_is_told(good: dict[str, Any], name: str, where: str) -> None:
    assert len(parse_capture(good)) == 1
    assert where in [fault.where for fault in _faults({key: value for key, value in good.items() if key != name})]


@pytest.mark.parametrize(
    "event",
    [
        _AGGREGATION | {"action": "DELETE", "childEPCs": [], "childQuantityList": []},
        {key: value for key, value in _AGGREGATION.items() if key != "parentID"} | {"action": "OBSERVE"},
        {key: value for key, value in _TRANSACTION.items() if key != "epcList"} | {"action": "DELETE"},
        {key: value for key, value in _TRANSFORMATION.items() if not key.startswith("input")} | {"transformationID": "urn:x:1"},
        {key: value for key, value in _TRANSFORMATION.items() if not key.startswith("output")} | {"transformationID": "urn:x:1"},
        {key: value for key, value in _OBJECT.items() if key not in ("epcList", "quantityList")},
        _OBJECT
        | {"@context": [_CONTEXT, "https://elsewhere.example.org/context.jsonld", {"ex": {"@id": "https://ns.example.org/"}}]},
        _OBJECT
        | {
            "https://ns.example.org/full": 1,
            "@context": [_CONTEXT, {"@vocab": "x", "t": {"@type": "@id"}, "ex": "https://e.org/"}],
        },
    ],
)
def test_what_the_standard_leaves_open_is_accepted(event: dict[str, Any]) -> None:
    assert len(parse_capture(event)) == 1


def test_all_faults_of_a_document_are_told_together() -> None:
    value = _document(_OBJECT | {"action": "x", "bizStep": "y"}, _OBJECT, _AGGREGATION | {"eventTime": 1})
    assert [(fault.event_index, fault.where) for fault in _faults(value)] == [
        (0, "/epcisBody/eventList/0/action"),
        (0, "/epcisBody/eventList/0/bizStep"),
        (0, "/epcisBody/eventList/0/ilmd"),
        (2, "/epcisBody/eventList/2/eventTime"),
    ]


def test_faults_are_told_up_to_a_bound() -> None:
    assert len(_faults(_document(*[_OBJECT | {"action": "x"}] * (MAX_FAULTS + 5)))) == MAX_FAULTS


@pytest.mark.parametrize(
    ("mend", "where"),
    [
        (lambda document: document.pop("schemaVersion"), "/schemaVersion"),
        (lambda document: document.update(schemaVersion=2.0), "/schemaVersion"),
        (lambda document: document.pop("creationDate"), "/creationDate"),
        (lambda document: document.update(creationDate="2026-03-04"), "/creationDate"),
        (lambda document: document.pop("epcisBody"), "/epcisBody"),
        (lambda document: document.update(epcisBody=[]), "/epcisBody/eventList"),
        (lambda document: document.update(epcisBody={"eventList": {}}), "/epcisBody/eventList"),
        (lambda document: document.update(epcisBody={"eventList": [7]}), "/epcisBody/eventList/0"),
        (lambda document: document.pop("@context"), "/@context"),
        (lambda document: document.update({"@context": [_CONTEXT, 7]}), "/@context/1"),
    ],
)
def test_a_document_around_the_events_is_read_strictly(mend: Callable[[dict[str, Any]], Any], where: str) -> None:
    document = _document(_AGGREGATION)
    mend(document)
    assert [fault.where for fault in _faults(document)] == [where]


@pytest.mark.parametrize("value", [None, 1, "text", [], {}, [_OBJECT]])
def test_what_is_no_document_is_refused(value: Any) -> None:
    assert _faults(value)


def test_a_prefix_that_only_an_unknown_context_could_expand_names_that_context() -> None:
    (fault,) = _faults(
        _OBJECT
        | {"@context": [_CONTEXT, "https://elsewhere.example.org/c"], "ex:own": 1, "ilmd": {}, "bizLocation": {"id": "urn:x:1"}}
    )
    assert "https://elsewhere.example.org/c" in fault.detail
    assert '"ex"' in (fault.remedy or "")


def test_an_event_that_cannot_be_hashed_is_named_never_skipped() -> None:
    with pytest.raises(Faults) as refusal:
        hash_document(_document(_OBJECT, _OBJECT | {"ex:own": "\ud800"}, _OBJECT))
    (fault,) = refusal.value.faults
    assert isinstance(fault, EventFault)
    assert (fault.event_index, fault.where) == (1, "/epcisBody/eventList/1")


def test_a_context_that_no_json_can_say_is_refused() -> None:
    with pytest.raises(ContextMalformed):
        read_context(["\ud800"])


@pytest.mark.parametrize(
    "change",
    [
        {"eventTime": "2026-03-04T11:00:30"},
        {"eventTime": 7},
        {"type": None},
        {"epcList": [7]},
        {"readPoint": {}},
        {"readPoint": "urn:x:1"},
        {"ex:own": None},
        {"@context": 7},
        {"ex:own": "\ud800"},
        {"quantityList": 7},
    ],
)
def test_what_was_never_accepted_is_unhashable_not_a_traceback(change: dict[str, Any]) -> None:
    with pytest.raises(EventUnhashable):
        event_hash(_OBJECT | change)


_WRITTEN = st.datetimes().map(lambda time: time.isoformat(timespec="microseconds")) | st.sampled_from(
    ["0001-01-01T00:00:00", "0001-01-02T00:00:00", "0002-01-01T00:00:00", "9998-12-31T23:59:59", "9999-12-31T23:59:59.999999"]
)
_ZONES = st.builds("{}{:02}:{:02}".format, st.sampled_from("+-"), st.integers(0, 23), st.integers(0, 59))


@given(_WRITTEN, _ZONES, st.integers(-14 * 60, 14 * 60))
def test_every_accepted_time_can_be_told_in_every_zone(written: str, zone: str, place: int) -> None:
    try:
        event = parse_capture({**_OBJECT, "eventTime": written + zone})[0]
    except Faults as refusal:
        assert "calendar" in refusal.detail
        assert written[:4] in ("0001", "0002", "9998", "9999")
        return
    assert event.event_time.astimezone(UTC)
    assert event.event_time.astimezone(timezone(timedelta(minutes=place)))
    assert event_hash(event.document)


@pytest.mark.parametrize(
    "flawed",
    [
        {f"field{n}": 0 for n in range(50_000)},
        {"epcList": [f"bad {n}" for n in range(200_000)]},
        {"epcList": ["urn:epc:id:sgtin:4012345.011111.9876"] * 200_000},
        {"quantityList": [{f"bad{n}": 1} for n in range(100_000)]},
        {"ex:own": [None] * 200_000},
        {"ex:own": [{"a": None}] * 200_000},
        {"ex:own": {f"@{n}": 0 for n in range(200_000)}},
        {"ilmd": {f"undeclared:{n}": 0 for n in range(200_000)}},
    ],
    ids=["fields", "epcs", "twice", "quantities", "nulls", "nested nulls", "contexts", "prefixes"],
)
def test_an_event_with_very_many_flaws_is_told_some_of_them_at_once(flawed: dict[str, Any]) -> None:
    began = time.process_time()
    with pytest.raises(Faults) as refusal:
        parse_document({**_OBJECT, **flawed})
    assert len(refusal.value.faults) == MAX_FAULTS
    # Of the processor's time, with room for a machine that is slow and counts branches: what looks at all pairs takes hours.
    assert time.process_time() - began < 10


def test_what_is_long_is_not_remembered() -> None:
    def hashed(number: int) -> None:
        event = copy.deepcopy(_OBJECT)
        event["@context"].append({f"p{n}": f"https://ns.example.org/{number}" for n in range(2_000)})
        event["bizStep"] = f"https://steps.example.org/{number}/{'x' * 10_000}"
        event["epcList"] = [f"https://items.example.org/01/{number}{'x' * 10_000}/1"]
        assert event_hash(parse_capture(event)[0].document)

    hashed(0)
    tracemalloc.start()
    for number in range(1, 21):
        hashed(number)
    left = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    # Remembered, each of the three alone would be 200,000 bytes or more.
    assert left < 100_000
