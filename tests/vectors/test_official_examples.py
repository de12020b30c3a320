"""GS1's own examples: the valid are accepted, the invalid refused with the field named."""

import json
from pathlib import Path

import pytest
from greenlane.core.canonical import DuplicateKey, parse_json
from greenlane.core.epcis.event import parse_capture
from greenlane.core.epcis.eventhash import hash_document
from greenlane.core.errors import Faults

# Two event IDs in one object: a lenient reader keeps the last and finds a good event; the strict one cannot choose.
_TWICE_NAMED = "AssociationEvent/AssociationEvent-h.jsonld"
_INVALID = {
    "Example-TransactionEvents-2020_07_03y.jsonld": {
        "/epcisBody/eventList/1/sourceList",
        "/epcisBody/eventList/1/destinationList",
    },
    "WithFullCombinationOfFields/object_event_all_possible_fields.jsonld": {"/epcisBody/eventList/0/ilmd"},
    "WithSensorData/SensorDataExample12.jsonld": {"/schemaVersion", "/creationDate"},
    "WithSensorData/SensorDataExample17.jsonld": {"/schemaVersion"},
}


def _examples(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.jsonld"))}


@pytest.mark.conformance
def test_all_47_examples_are_accepted_and_hashed_event_by_event(shared_data: Path) -> None:
    examples = _examples(shared_data / "epcis" / "gs1-epcis" / "JSON")
    assert len(examples) == 47
    events = 0
    for name, data in examples.items():
        value = json.loads(data) if name == _TWICE_NAMED else parse_json(data)
        accepted = parse_capture(value)
        assert len(hash_document(value)) == len(accepted) > 0
        events += len(accepted)
    assert events == 56


@pytest.mark.conformance
def test_of_the_simple_examples_42_are_accepted_and_4_refused_at_their_fields(shared_data: Path) -> None:
    examples = _examples(shared_data / "epcis" / "gs1-epcis" / "JSON-simple-context")
    assert len(examples) == 46
    refused: dict[str, set[str | None]] = {}
    for name, data in examples.items():
        try:
            parse_capture(json.loads(data) if name == _TWICE_NAMED else parse_json(data))
        except Faults as faults:
            refused[name] = {fault.where for fault in faults.faults}
    assert refused == _INVALID


@pytest.mark.conformance
@pytest.mark.parametrize("folder", ["JSON", "JSON-simple-context"])
def test_the_example_that_names_its_event_twice_is_no_strict_json(shared_data: Path, folder: str) -> None:
    with pytest.raises(DuplicateKey) as refusal:
        parse_json((shared_data / "epcis" / "gs1-epcis" / folder / _TWICE_NAMED).read_bytes())
    assert refusal.value.where == "/epcisBody/eventList/0/eventID"


@pytest.mark.conformance
def test_food_events_of_another_house_are_accepted(shared_data: Path) -> None:
    events = 0
    for data in _examples(shared_data / "epcis" / "fsma204" / "epcis").values():
        events += len(hash_document(parse_json(data)))
    assert events == 17


@pytest.mark.conformance
def test_timber_events_whose_prefixes_only_an_unfetched_context_declares_are_refused_with_the_prefix(
    shared_data: Path,
) -> None:
    data = (shared_data / "epcis" / "eudr" / "epcis" / "harvesting.jsonld").read_bytes()
    with pytest.raises(Faults) as refusal:
        parse_capture(parse_json(data))
    named = {fault.where: fault.detail for fault in refusal.value.faults}
    assert any("'eudr'" in detail and "is not fetched" in detail for detail in named.values()), named
