"""A hash is unmoved by spelling and moved by any change of what it covers; as many hashes as events, from any thread."""

import copy
import json
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from greenlane.core.canonical import canonical_bytes, parse_json
from greenlane.core.epcis.event import Event, parse_capture, parse_document
from greenlane.core.epcis.eventhash import (
    CbvVersion,
    EventHashMalformed,
    EventUnhashable,
    event_hash,
    event_hash_digest,
    event_hash_version,
    format_event_hash,
    hash_document,
    prehash,
)
from greenlane.core.epcis.identifiers import check_identifier, to_digital_link
from greenlane.core.epcis.serials import check_uri_in_bulk, link_of
from greenlane.core.errors import Faults, InvalidInput
from hypothesis import given
from hypothesis import strategies as st

_CONTEXT = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"ex": "https://ns.example.org/"}]
_versions = st.sampled_from(CbvVersion)
_serials = st.text("0123456789abcXYZ", min_size=1, max_size=8)
_words = st.text("abcdefgh ", min_size=1, max_size=6).filter(str.strip)
_extensions = st.recursive(
    _words | st.integers(-(10**9), 10**9) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["ex:a", "ex:b", "plain"]), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def _events(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent"]))
    epcs = draw(st.lists(_serials.map("urn:epc:id:sgtin:4012345.011111.{}".format), min_size=1, max_size=4, unique=True))
    lots = draw(st.lists(_serials, max_size=3))
    quantities = [
        {"epcClass": f"urn:epc:class:lgtin:4012345.012345.{lot}", "quantity": draw(st.integers(0, 999)) / 4, "uom": "KGM"}
        for lot in lots
    ]
    event: dict[str, Any] = {
        "type": kind,
        "eventTime": f"2026-0{draw(st.integers(1, 9))}-1{draw(st.integers(0, 9))}T11:00:30.{draw(st.integers(0, 999)):03}+01:00",
        "eventTimeZoneOffset": "+01:00",
        "bizStep": draw(st.sampled_from(["shipping", "receiving", "loading"])),
        "disposition": "in_transit",
        "readPoint": {"id": "urn:epc:id:sgln:4012345.00011.987", "ex:gate": draw(_words)},
        "bizTransactionList": [
            {"type": "po", "bizTransaction": f"https://orders.example.org/{number}"}
            for number in draw(st.lists(st.integers(0, 99), min_size=1, max_size=3))
        ],
        "sensorElementList": [
            {
                "sensorMetadata": {"time": "2026-01-01T00:00:00Z"},
                "sensorReport": [
                    {"type": "Temperature", "value": value, "ex:probe": probe}
                    for value, probe in draw(st.lists(st.tuples(st.integers(-9, 9), _words), min_size=1, max_size=3))
                ],
            }
            for _ in range(draw(st.integers(0, 2)))
        ],
        "ex:own": draw(_extensions),
    }
    match kind:
        case "ObjectEvent":
            event |= {"epcList": epcs, "quantityList": quantities, "action": "ADD", "ilmd": {"ex:origin": draw(_words)}}
        case "AggregationEvent":
            event |= {"childEPCs": epcs, "parentID": "urn:epc:id:sscc:4012345.0111111111", "action": "ADD"}
        case "TransactionEvent":
            event |= {"epcList": epcs, "action": "OBSERVE"}
        case _:
            event |= {"inputEPCList": epcs, "outputQuantityList": quantities or [{"epcClass": "urn:x:y"}]}
    return {"@context": _CONTEXT, **event}


def _shuffled(value: Any, chance: random.Random) -> Any:
    """The same JSON with keys, and members of lists that are sets, in another order."""
    if isinstance(value, dict):
        keys = list(value)
        chance.shuffle(keys)
        return {key: value[key] if key == "@context" else _shuffled(value[key], chance) for key in keys}
    if isinstance(value, list):
        members = [_shuffled(member, chance) for member in value]
        chance.shuffle(members)
        return members
    return value


def _respelt(value: Any, spell: Callable[[str, Any], Any], key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _respelt(member, spell, name) for name, member in value.items()}
    if isinstance(value, list):
        return [_respelt(member, spell, key) for member in value]
    return spell(key, value)


@given(_events(), _versions, st.randoms(use_true_random=False))
def test_the_hash_is_unmoved_by_the_order_of_keys_and_of_lists(
    event: dict[str, Any], version: CbvVersion, chance: random.Random
) -> None:
    assert prehash(_shuffled(event, chance), version) == prehash(event, version)


@given(_events(), _versions)
def test_the_hash_is_unmoved_by_whitespace_and_by_what_is_left_out(event: dict[str, Any], version: CbvVersion) -> None:
    spaced = json.loads(json.dumps(event, indent=3))
    spaced |= {"recordTime": "2026-11-01T00:00:00Z", "eventID": "urn:uuid:1", "certificationInfo": ["https://c.example.org/1"]}
    spaced["errorDeclaration"] = {"declarationTime": "2026-11-01T00:00:00Z"}
    assert event_hash(spaced, version) == event_hash(event, version)


@given(_events(), _versions, st.sampled_from(["https://id.gs1.org", "https://shop.example.com/some/path"]))
def test_the_hash_is_unmoved_by_urn_or_digital_link(event: dict[str, Any], version: CbvVersion, domain: str) -> None:
    def spell(_: str, value: Any) -> Any:
        if isinstance(value, str) and value.startswith("urn:epc:"):
            return to_digital_link(value).replace("https://id.gs1.org", domain) + "?linkType=all"
        return value

    assert event_hash(_respelt(event, spell), version) == event_hash(event, version)


@given(_events(), _versions)
def test_the_hash_is_unmoved_by_the_zone_in_which_a_time_is_written(event: dict[str, Any], version: CbvVersion) -> None:
    moved = event | {"eventTime": event["eventTime"].replace("T11:", "T10:").replace("+01:00", "+00:00")}
    spelt = event | {"eventTime": event["eventTime"].replace("T11:", "T10:").replace("+01:00", "Z")}
    precise = event | {"eventTime": event["eventTime"].replace("+01:00", "0004+01:00")}
    assert event_hash(moved, version) == event_hash(spelt, version) == event_hash(event, version)
    assert event_hash(precise, version) == event_hash(event, version)


@given(_events(), _versions, st.sampled_from(["urn:epcglobal:cbv:{}:", "cbv:{}-", "https://ref.gs1.org/cbv/{}-"]))
def test_the_hash_is_unmoved_by_the_spelling_of_standard_words(event: dict[str, Any], version: CbvVersion, form: str) -> None:
    names = {"bizStep": ("bizstep", "BizStep"), "disposition": ("disp", "Disp"), "type": ("btt", "BTT")}

    def spell(key: str, value: Any) -> Any:
        if key in names and (key != "type" or value == "po"):
            return form.format(names[key][0 if form.startswith("urn") else 1]) + value
        return value

    assert event_hash(_respelt(event, spell), version) == event_hash(event, version)


@given(_events(), _versions)
def test_the_hash_is_unmoved_by_the_name_of_a_prefix(event: dict[str, Any], version: CbvVersion) -> None:
    renamed = json.loads(json.dumps(event).replace('"ex', '"other'))
    assert renamed != event
    assert event_hash(renamed, version) == event_hash(event, version)


def _leaves(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    if isinstance(value, dict):
        return [leaf for key, member in value.items() if key != "@context" for leaf in _leaves(member, (*path, key))]
    if isinstance(value, list):
        return [leaf for at, member in enumerate(value) for leaf in _leaves(member, (*path, at))]
    return [path]


def _changed(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if value.startswith("2026-"):
        return "2025" + value[4:]
    return value + "7"


@given(_events(), _versions, st.data())
def test_the_hash_is_moved_by_a_change_of_any_value(event: dict[str, Any], version: CbvVersion, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(_leaves(event)))
    changed = copy.deepcopy(event)
    parent: Any = changed
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = _changed(parent[path[-1]])
    assert event_hash(changed, version) != event_hash(event, version)


@given(_events(), _versions, st.data())
def test_the_hash_is_moved_by_leaving_out_any_field(event: dict[str, Any], version: CbvVersion, data: st.DataObject) -> None:
    names = [name for name in event if name not in ("@context", "type") and event[name] not in ([], {})]
    name = data.draw(st.sampled_from(names))
    shorter = {key: value for key, value in event.items() if key != name}
    assert event_hash(shorter, version) != event_hash(event, version)


@given(st.lists(_events(), max_size=5), _versions)
def test_n_events_give_n_hashes_each_that_of_its_accepted_event(events: list[dict[str, Any]], version: CbvVersion) -> None:
    document: dict[str, Any] = {
        "@context": _CONTEXT,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-01-01T00:00:00Z",
        "epcisBody": {"eventList": [{key: value for key, value in event.items() if key != "@context"} for event in events]},
    }
    accepted = parse_capture(document)
    hashes = hash_document(document, version)
    assert hashes == tuple(event_hash(event, version) for event in events)
    assert hashes == tuple(event_hash(event.document, version) for event in accepted)
    again = [parse_capture(parse_json(canonical_bytes(event.document)))[0] for event in accepted]
    assert [event.document for event in again] == [event.document for event in accepted]


def test_the_hash_is_the_same_from_many_threads() -> None:
    events = [
        {
            "@context": [*_CONTEXT, {f"p{number % 7}": f"https://p{number % 7}.example.org/"}],
            "type": "ObjectEvent",
            "eventTime": f"2026-01-01T00:00:{number % 60:02}.{number % 1000:03}Z",
            "eventTimeZoneOffset": "+00:00",
            "epcList": [f"urn:epc:id:sgtin:40123{number % 90 + 10}.011111.{number}"],
            "action": "OBSERVE",
            f"p{number % 7}:amount": number / 8,
        }
        for number in range(2000)
    ]
    alone = [event_hash(event) for event in events]
    with ThreadPoolExecutor(8) as pool:
        for together in pool.map(lambda _: [event_hash(event) for event in events], range(8)):
            assert together == alone
    assert len(set(alone)) == len(events)


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(_json)
def test_arbitrary_json_is_refused_as_a_document_never_a_traceback(value: Any) -> None:
    with pytest.raises(Faults):
        parse_document(value)


@given(_events(), st.data(), _json)
def test_an_event_with_anything_anywhere_is_accepted_or_refused_never_a_traceback(
    event: dict[str, Any], data: st.DataObject, junk: Any
) -> None:
    broken = copy.deepcopy(event)
    path = data.draw(st.sampled_from([*_leaves(broken), *[(name,) for name in broken], ("recordTime",), ("eventID",), ("ilmd",)]))
    parent: Any = broken
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = junk
    try:
        accepted = parse_capture(broken)
    except Faults as faults:
        assert all(fault.where is not None and fault.remedy for fault in faults.faults)
    else:
        assert len(accepted) == 1
        assert isinstance(accepted[0], Event)
        assert event_hash_digest(event_hash(accepted[0].document))
    try:
        event_hash(broken)
    except EventUnhashable as error:
        assert error.remedy


@given(
    st.sampled_from(["urn:epc:id:sgtin", "urn:epc:class:lgtin", "urn:epc:id:gdti", "urn:epc:id:grai", "urn:epc:id:sgln"])
    | st.sampled_from(["https://id.gs1.org/01", "http://a.example/x/01", "https://b.example/8004", "https://c.example/417"]),
    st.sampled_from(["4012345.011111", "4012345.01111", "401234.0111111", "04012345111118", "04012345111119", "x"]),
    st.sampled_from([".", "/21/", "/10/", "/22/", "/"]),
    st.text("019aZ.-%2F!_", max_size=22) | _serials,
)
def test_identifiers_in_bulk_read_as_one_by_one(start: str, middle: str, sign: str, serial: str) -> None:
    uri = f"{start}{':' if start.startswith('urn') else '/'}{middle}{sign}{serial}"
    assert link_of(uri) == to_digital_link(uri)
    assert _verdict(check_uri_in_bulk, uri) == _verdict(check_identifier, uri)


@given(
    st.sampled_from(["urn:epc:id:sscc:", "urn:epc:id:sscc:", "urn:epc:id:sgcc:", "URN:epc:id:sscc:"]),
    st.text("0123456789", min_size=5, max_size=13),
    st.sampled_from([".", ".", ".", "..", "", ":"]),
    st.integers(min_value=0, max_value=12),
    st.text("0123456789", max_size=2) | st.sampled_from(["", "", "a", "٣", " ", "%30", ".0"]),
)
def test_pallets_in_bulk_read_as_one_by_one(start: str, prefix: str, sign: str, missing: int, stray: str) -> None:
    reference = "7" * max(0, 17 - len(prefix) - missing % 3 + missing % 2)
    uri = f"{start}{prefix}{sign}{reference}{stray}"
    assert link_of(uri) == to_digital_link(uri)
    assert _verdict(check_uri_in_bulk, uri) == _verdict(check_identifier, uri)


@given(
    st.sampled_from(["https://", "http://", "HTTPS://", "https:", "https:///", "ftp://"]),
    st.sampled_from(["id.gs1.org", "ID.gs1.org", "a.example", "01", "", "id.gs1.org.example", "a.example?q=https://id.gs1.org"]),
    st.lists(
        st.sampled_from(["01", "414", "8004", "gtin", "po", "party", "7", "x y", "%2F", "%2", "ü", "4012345000009"]), max_size=4
    ),
    st.sampled_from(["", "/", "?a=/01/", "#/01/4012", "//"]),
)
def test_web_addresses_in_bulk_read_as_one_by_one(start: str, host: str, path: list[str], end: str) -> None:
    uri = start + "/".join([host, *path]) + end
    assert link_of(uri) == to_digital_link(uri)
    assert _verdict(check_uri_in_bulk, uri) == _verdict(check_identifier, uri)


def _verdict(check: Callable[[str], None], uri: str) -> str:
    try:
        check(uri)
    except InvalidInput as error:
        return str(error)
    return "good"


@given(st.binary(min_size=32, max_size=32), _versions)
def test_an_event_hash_is_read_back_as_it_was_written(digest: bytes, version: CbvVersion) -> None:
    written = format_event_hash(digest, version)
    assert event_hash_digest(written) == digest
    assert event_hash_version(written) is version


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ni:///sha-256;" + "0" * 63 + "?ver=CBV2.0",
        "ni:///sha-256;" + "A" * 64 + "?ver=CBV2.0",
        "ni:///sha-256;" + "0" * 64,
        "ni:///sha-256;" + "0" * 64 + "?ver=CBV1.2",
        "ni:///sha-256;" + "0" * 64 + "?ver=CBV2.0\n",
        "ni:///sha3-256;" + "0" * 64 + "?ver=CBV2.0",
    ],
)
def test_what_is_no_event_hash_is_refused(text: str) -> None:
    with pytest.raises(EventHashMalformed):
        event_hash_digest(text)


def test_a_digest_of_another_length_is_no_event_hash() -> None:
    with pytest.raises(EventHashMalformed):
        format_event_hash(bytes(31))
