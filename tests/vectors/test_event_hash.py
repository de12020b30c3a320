"""The event hash against the published vectors of both versions, and against vectors of our own."""

from pathlib import Path
from typing import Any

import pytest
from greenlane.core.canonical import parse_json
from greenlane.core.crypto import sha256
from greenlane.core.epcis.event import parse_capture
from greenlane.core.epcis.eventhash import CbvVersion, event_hash, format_event_hash, hash_document, prehash

_PUBLISHED = [
    (version, name)
    for version, names in {
        CbvVersion.V2_0: (
            "ReferenceEventHashAlgorithm",
            "ReferenceEventHashAlgorithm2",
            "ReferenceEventHashAlgorithm3",
            "epcisDocWithDefaultSchemaInContext",
            "epcisDocWithSingleEvent",
            "epcisDocWithVariousEventTypes",
        ),
        CbvVersion.V2_1: (
            "ReferenceEventHashAlgorithm",
            "ReferenceEventHashAlgorithm2",
            "ReferenceEventHashAlgorithm3",
            "epcisDocWithVariousEventTypes",
        ),
    }.items()
    for name in names
]


@pytest.mark.conformance
@pytest.mark.parametrize(("version", "name"), _PUBLISHED)
def test_published_texts_and_hashes_come_out_in_the_order_of_the_events(
    shared_data: Path, version: CbvVersion, name: str
) -> None:
    folder = shared_data / "epcis" / "event-hash"
    value = parse_json((folder / "documents" / f"{name}.jsonld").read_bytes())
    expected = folder / "expected" / version.value
    assert [prehash(event.document, version) for event in parse_capture(value)] == (
        (expected / f"{name}.prehashes").read_text().splitlines()
    )
    assert list(hash_document(value, version)) == (expected / f"{name}.hashes").read_text().split()


@pytest.mark.conformance
def test_every_published_document_in_json_is_among_the_vectors(shared_data: Path) -> None:
    folder = shared_data / "epcis" / "event-hash"
    in_json = {path.stem for path in (folder / "documents").glob("*.jsonld")}
    for version in CbvVersion:
        published = {path.stem for path in (folder / "expected" / version.value).glob("*.hashes")} & in_json
        assert published == {name for tested, name in _PUBLISHED if tested is version}


@pytest.mark.conformance
@pytest.mark.parametrize("version", CbvVersion)
def test_events_said_to_be_equal_hash_alike(shared_data: Path, version: CbvVersion) -> None:
    path = shared_data / "epcis" / "event-hash" / "expected_equal" / "ReferenceEventHashAlgorithm.json"
    hashes = hash_document(parse_json(path.read_bytes()), version)
    assert len(hashes) == 2
    assert len(set(hashes)) == 1


EVENT: dict[str, Any] = {
    "@context": [
        "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
        {"ex": "https://ns.example.org/cocoa/"},
    ],
    "type": "ObjectEvent",
    "eventTime": "2026-05-04T08:15:30.1235-05:00",
    "eventTimeZoneOffset": "-05:00",
    "recordTime": "2026-05-04T13:16:00Z",
    "eventID": "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
    "certificationInfo": "https://certificates.example.org/17",
    "epcList": ["urn:epc:id:sgtin:4012345.011111.b7", "urn:epc:id:sscc:4012345.0111111111"],
    "quantityList": [{"epcClass": "urn:epc:class:lgtin:4012345.012345.L1", "quantity": 200.50, "uom": "KGM"}],
    "action": "ADD",
    "bizStep": "commissioning",
    "disposition": "urn:epcglobal:cbv:disp:active",
    "persistentDisposition": {"unset": ["completeness_inferred"], "set": ["completeness_verified"]},
    "readPoint": {"id": "urn:epc:id:sgln:4012345.00011.7", "ex:gate": "B"},
    "bizTransactionList": [
        {"bizTransaction": "https://orders.example.org/9"},
        {"bizTransaction": "urn:epc:id:gdti:4012345.11111.1", "type": "po"},
    ],
    "sensorElementList": [
        {
            "sensorMetadata": {"time": "2026-05-04T13:15:00Z", "ex:probe": "p1"},
            "sensorReport": [
                {"type": "Temperature", "value": 26.0, "uom": "CEL", "exception": "ALARM_CONDITION"},
                {"type": "gs1:RelativeHumidity", "value": 0.0000001, "component": "x", "booleanValue": True, "ex:raw": 7},
            ],
            "ex:mounted": False,
        }
    ],
    "ilmd": {"ex:harvest": {"ex:parcel": ["7b", "007"], "ex:area": 1.20}},
    "ex:note": " dry ",
    "rdfs:comment": "left out",
}
_STANDARD = (
    "eventType=ObjectEventeventTime=2026-05-04T13:15:30.124ZeventTimeZoneOffset=-05:00"
    "epcListepc=https://id.gs1.org/00/040123451111111110epc=https://id.gs1.org/01/04012345111118/21/b7"
    "quantityListquantityElementepcClass=https://id.gs1.org/01/04012345123456/10/L1quantity=200.5uom=KGM"
    "action=ADDbizStep=https://ref.gs1.org/cbv/BizStep-commissioningdisposition=https://ref.gs1.org/cbv/Disp-active"
    "persistentDispositionset=https://ref.gs1.org/cbv/Disp-completeness_verified"
    "unset=https://ref.gs1.org/cbv/Disp-completeness_inferred"
    "readPointid=https://id.gs1.org/414/4012345000115/254/7"
)
_TRANSACTIONS = (
    "bizTransactionListbizTransaction=https://orders.example.org/9"
    "type=https://ref.gs1.org/cbv/BTT-pobizTransaction=https://id.gs1.org/253/40123451111181"
)
_NS = "{https://ns.example.org/cocoa/}"
_HUMIDITY = (
    "sensorReporttype=https://ref.gs1.org/voc/RelativeHumidityvalue=0.0000001component=https://ref.gs1.org/cbv/Comp-x"
    "booleanValue=true"
)
_TEMPERATURE = (
    "sensorReporttype=https://ref.gs1.org/voc/Temperatureexception=https://ref.gs1.org/voc/ALARM_CONDITIONvalue=26uom=CEL"
)
_ILMD = f"ilmd{_NS}harvest{_NS}area=1.2{_NS}parcel=7{_NS}parcel=7b"


def test_cbv_2_0_sets_extensions_of_fields_after_ilmd_and_names_no_sensor_list() -> None:
    expected = (
        f"{_STANDARD}{_TRANSACTIONS}sensorElementsensorMetadatatime=2026-05-04T13:15:00.000Z{_HUMIDITY}{_TEMPERATURE}{_ILMD}"
        f"readPoint{_NS}gate=BsensorElementsensorMetadata{_NS}probe=p1sensorReport{_NS}raw=7{_NS}mounted=false{_NS}note=dry"
    )
    assert prehash(EVENT, CbvVersion.V2_0) == expected
    assert event_hash(EVENT) == format_event_hash(sha256(expected.encode()), CbvVersion.V2_0)


def test_cbv_2_1_sets_extensions_within_their_fields_and_names_the_sensor_list() -> None:
    expected = (
        f"{_STANDARD}{_NS}gate=B{_TRANSACTIONS}sensorElementListsensorElementsensorMetadatatime=2026-05-04T13:15:00.000Z"
        f"{_NS}probe=p1{_HUMIDITY}{_NS}raw=7{_TEMPERATURE}{_NS}mounted=false{_ILMD}{_NS}note=dry"
    )
    assert prehash(EVENT, CbvVersion.V2_1) == expected
    assert event_hash(EVENT, CbvVersion.V2_1) == format_event_hash(sha256(expected.encode()), CbvVersion.V2_1)


@pytest.mark.parametrize(
    ("written", "hashed"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000Z"),
        ("2026-01-01T00:00:00.9995+14:00", "2025-12-31T10:00:01.000Z"),
        ("2026-01-01T00:00:00.1494999-00:30", "2026-01-01T00:30:00.149Z"),
        ("2026-12-31T23:59:59.9995Z", "2027-01-01T00:00:00.000Z"),
        ("2026-01-01T00:00:00.1+00:00", "2026-01-01T00:00:00.100Z"),
    ],
)
def test_times_are_in_utc_with_milliseconds_rounded_half_up(written: str, hashed: str) -> None:
    assert f"eventTime={hashed}eventTimeZoneOffset" in prehash(EVENT | {"eventTime": written})


@pytest.mark.parametrize(
    ("written", "hashed"),
    [
        (1, "1"),
        (1.0, "1"),
        (-7.50, "-7.5"),
        (1e-7, "0.0000001"),
        (5e-324, "0." + "0" * 323 + "5"),
        (2**53 - 1, "9007199254740991"),
        (True, "true"),
        (" x y ", "x y"),
        ("007", "7"),
        ("+1.50", "1.5"),
        ("1.5e3", "1.5E+3"),
        ("1E-999999999", "1E-999999999"),
        ("Infinity", "Infinity"),
        ("1.2.3", "1.2.3"),
        ("gs1:Thing", "https://ref.gs1.org/voc/Thing"),
        ("ex:thing", "ex:thing"),
        ("urn:epcglobal:cbv:btt:po", "https://ref.gs1.org/cbv/BTT-po"),
        ("urn:epc:id:giai:4012345.A", "https://id.gs1.org/8004/4012345A"),
        ("http://example.org/01/4012345111118?a=b", "https://id.gs1.org/01/04012345111118"),
    ],
)
def test_values_have_one_spelling(written: object, hashed: str) -> None:
    assert prehash(EVENT | {"ex:note": written}).endswith(f"{_NS}note={hashed}")


def test_nested_lists_empty_values_and_text_of_objects_keep_their_place() -> None:
    note = {"ex:list": [[2, 1], []], "ex:none": "", "#text": "t", "ex:void": {}, "comment": "left out"}
    assert prehash(EVENT | {"ex:note": note}).endswith(f"{_NS}note=t{_NS}list{_NS}list=1=2{_NS}none{_NS}void")


@pytest.mark.parametrize("version", CbvVersion)
def test_what_is_empty_leaves_no_trace(version: CbvVersion) -> None:
    bare = {key: EVENT[key] for key in ("@context", "type", "eventTime", "eventTimeZoneOffset", "action")}
    empty: dict[str, Any] = {
        "bizStep": " ",
        "parentID": "",
        "epcList": [],
        "quantityList": [],
        "persistentDisposition": {},
        "readPoint": {"id": " "},
        "bizTransactionList": [],
        "sensorElementList": [{"sensorMetadata": {"deviceID": ""}, "sensorReport": [{"uom": " "}]}, {}],
        "disposition": None,
    }
    assert prehash(bare | empty, version) == prehash(bare, version)


def test_prefixes_of_gs1_are_expanded_in_values_also_under_other_names() -> None:
    context = [*EVENT["@context"], {"voc": "https://ref.gs1.org/voc/"}]
    assert prehash(EVENT | {"@context": context, "ex:note": "voc:Thing"}).endswith("note=https://ref.gs1.org/voc/Thing")
