"""The demo's supply chains hold together: as EPCIS, as identifiers, as mass, and as a story told in time.

The walk below reads the chains as a sceptical auditor would: nothing is used before it is there, no lot gives more than it
holds, nothing is unpacked that was not packed. Each promise is shown to bite by taking something away.
"""

import json
import re
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from greenlane.core.canonical import parse_json
from greenlane.core.epcis.event import Action, Event, EventType, ItemReference, ItemRole, parse_document
from greenlane.core.epcis.eventhash import CbvVersion, event_hash

ROOT = Path(__file__).parents[2]
CHAINS = ROOT / "scripts" / "demo" / "chains"
HASHES = ROOT / "tests" / "vectors" / "demo" / "event-hashes.json"
DOCUMENTS = sorted(path.relative_to(CHAINS).as_posix() for path in CHAINS.glob("*/*.jsonld"))

CARTONS = "https://id.gs1.org/01/09521901000384/10/BH-7731"
BAGS = "https://id.gs1.org/01/19521101000136/10/CVE-26-B07"
INPUTS = {ItemRole.INPUT, ItemRole.INPUT_QUANTITY}
OUTPUTS = {ItemRole.OUTPUT, ItemRole.OUTPUT_QUANTITY}
GS1_DIGITS = {"00": 18, "01": 14, "253": 13, "402": 17, "414": 13, "417": 13, "8003": 14}


def _load(path: str) -> Any:
    return json.loads((CHAINS / path).read_bytes())


def _parsed(path: str) -> tuple[Event, ...]:
    return parse_document(parse_json((CHAINS / path).read_bytes())).events


@pytest.fixture(scope="module")
def events() -> tuple[Event, ...]:
    """Every event of both chains, in the order of the documents."""
    return tuple(event for path in DOCUMENTS for event in _parsed(path))


@pytest.fixture(scope="module")
def members() -> Any:
    return _load("members.json")


def _standing(events: Iterable[Event]) -> list[Event]:
    """What holds: events in time order, without those that were declared wrong and the declarations themselves."""
    everything = list(events)
    wrong = {event.event_id for event in everything if event.is_error_declaration}
    return sorted((event for event in everything if event.event_id not in wrong), key=lambda event: event.event_time)


def _makes_items(event: Event) -> bool:
    return event.event_type is EventType.OBJECT and event.action is Action.ADD


class Auditor:
    """Walks events in time and notes each promise that breaks."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self.from_outside: set[str] = set()
        self._held: dict[str, tuple[Decimal, str | None]] = {}
        self._used: defaultdict[str, Decimal] = defaultdict(Decimal)
        self._contents: dict[str, dict[str, Decimal]] = {}

    def walk(self, events: Iterable[Event]) -> "Auditor":
        for event in events:
            self._see(event)
        return self

    def _see(self, event: Event) -> None:
        is_birth = _makes_items(event)
        is_arrival = event.document.get("bizStep") == "receiving"
        for item in event.epcs:
            match item.role:
                case ItemRole.PARENT:
                    continue
                case ItemRole.OUTPUT | ItemRole.OUTPUT_QUANTITY:
                    self._bear(item)
                case ItemRole.INPUT | ItemRole.INPUT_QUANTITY:
                    self._use(item)
                case _ if is_birth:
                    self._bear(item)
                case _:
                    if is_arrival and item.identifier not in self._held and item.quantity is not None:
                        self.from_outside.add(item.identifier)
                        self._bear(item)
                    self._observe(item)
        if event.event_type in {EventType.AGGREGATION, EventType.ASSOCIATION}:
            self._move(event, is_packing=event.action is Action.ADD)

    def _bear(self, item: ItemReference) -> None:
        if item.identifier in self._held:
            self.complaints.append(f"{item.identifier} is made twice")
        self._held[item.identifier] = (_amount(item), item.uom)

    def _observe(self, item: ItemReference) -> None:
        if "/8003/" in item.identifier or "/8004/" in item.identifier:
            return  # A reusable asset was there before the story begins.
        if item.identifier not in self._held:
            self.complaints.append(f"{item.identifier} is seen before it is there")
            return
        held, uom = self._held[item.identifier]
        if _amount(item) > held or item.uom != uom:
            self.complaints.append(f"{item.identifier}: {item.quantity} {item.uom} seen, {held} {uom} ever made")

    def _use(self, item: ItemReference) -> None:
        self._observe(item)
        self._used[item.identifier] += _amount(item)
        held, _ = self._held.get(item.identifier, (Decimal(0), None))
        if self._used[item.identifier] > held:
            self.complaints.append(f"{item.identifier}: {self._used[item.identifier]} used of {held}")

    def _move(self, event: Event, *, is_packing: bool) -> None:
        (parent,) = (item.identifier for item in event.epcs if item.role is ItemRole.PARENT)
        moved: defaultdict[str, Decimal] = defaultdict(Decimal)
        for item in event.epcs:
            if item.role is not ItemRole.PARENT:
                moved[item.identifier] += _amount(item)
        if not is_packing:
            if self._contents.pop(parent, None) != moved:
                self.complaints.append(f"{parent} gives out what was not put in")
            return
        if parent in self._contents:
            self.complaints.append(f"{parent} is packed twice")
        if "/00/" in parent:
            self._held[parent] = (Decimal(1), None)
        elif "/21/" in parent and parent not in self._held:
            self.complaints.append(f"{parent} is packed before it is there")
        for child in moved:
            if "/10/" not in child and any(child in inside for inside in self._contents.values()):
                self.complaints.append(f"{child} is in two parents")
        self._contents[parent] = moved


def _amount(item: ItemReference) -> Decimal:
    return Decimal(1) if item.quantity is None else Decimal(str(item.quantity))


def _strings(value: object) -> Iterable[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for each in value.values():
                yield from _strings(each)
        case Sequence():
            for each in value:
                yield from _strings(each)
        case _:
            pass


# --- the files -------------------------------------------------------------------------------------------------------


def test_the_committed_files_are_what_the_generator_makes_and_one_changed_byte_is_noticed(tmp_path: Path) -> None:
    copy = tmp_path / "scripts" / "demo"
    shutil.copytree(CHAINS.parent, copy)
    shutil.copy(CHAINS.parents[1] / "__init__.py", copy.parent)

    def check() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "scripts.demo.make_chains", "--check"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", check=False, timeout=60)

    clean = check()
    assert (clean.returncode, clean.stdout) == (0, "")
    changed = copy / "chains" / DOCUMENTS[0]
    changed.write_bytes(changed.read_bytes().replace(b'"20', b'"21', 1))
    (copy / "chains" / "cocoa" / "stray.jsonld").write_bytes(b"{}\n")
    noticed = check()
    assert noticed.returncode == 1
    assert noticed.stdout.split("\n")[:-1] == [f"differs: {DOCUMENTS[0]}", "differs: cocoa/stray.jsonld"]


def test_every_document_is_captured_by_one_member_and_no_member_is_idle(members: Any) -> None:
    captured = [path for center in members["centers"] for member in center["members"] for path in member["documents"]]
    assert sorted(captured) == DOCUMENTS
    assert {(center["id"], center["economy"]) for center in members["centers"]} == {
        ("tianjin", "CN"),
        ("lima", "PE"),
        ("ho-chi-minh", "VN"),
    }
    everyone = [member for center in members["centers"] for member in center["members"]]
    assert len({member["id"] for member in everyone}) == len(everyone)
    for member in everyone:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", member["id"])
        assert member["documents"], member["id"]
        assert set(member["roles"]) <= {"enterprise", "certifier", "buyer", "agency"}
        assert member["visibility"] in {"public", "private"}
    assert {member["visibility"] for member in everyone} == {"public", "private"}
    assert {role for member in everyone for role in member["roles"]} == {"enterprise", "certifier", "buyer", "agency"}


def test_prices_and_recipes_stand_only_in_what_private_members_capture(members: Any) -> None:
    for center in members["centers"]:
        for member in center["members"]:
            for path in member["documents"]:
                has_secret = bool(re.search(r'"greenlane:(price|recipe)"', (CHAINS / path).read_text(encoding="utf-8")))
                assert has_secret == (member["visibility"] == "private"), path


def test_nobody_real_is_named_every_key_is_a_demonstration_key_and_every_check_digit_holds() -> None:
    seen = Counter[str]()
    for path in DOCUMENTS:
        for text in _strings(_load(path)):
            host = re.match(r"https?://([^/]+)", text)
            assert (
                host is None
                or host[1].endswith(".example")
                or host[1]
                in {
                    "id.gs1.org",
                    "ref.gs1.org",
                    "identifiers.org",
                }
            ), text
            if match := re.search(r"\.[a-z]+/(00|01|253|402|414|417|8003)/(\d+)", text):
                digits = match[2][: GS1_DIGITS[match[1]]]
                assert len(digits) == GS1_DIGITS[match[1]], text
                assert sum(int(digit) * (1, 3)[i % 2] for i, digit in enumerate(reversed(digits))) % 10 == 0, text
                assert "952" in digits[:5], text
                seen[match[1]] += 1
            elif text.startswith("urn:epc:"):
                assert re.search(r":952\d{4,6}\.", text), text
                seen["urn"] += 1
    assert seen.keys() == {*GS1_DIGITS, "urn"}


# --- the events ------------------------------------------------------------------------------------------------------


def test_both_chains_parse_to_over_seventy_events_of_all_five_types(events: tuple[Event, ...]) -> None:
    assert len(events) == sum(len(_load(path)["epcisBody"]["eventList"]) for path in DOCUMENTS)
    assert len(events) >= 70
    assert {event.event_type for event in events} == set(EventType)


@pytest.mark.parametrize("path", DOCUMENTS)
def test_each_document_tells_its_events_in_time_order_and_is_created_after_them(path: str) -> None:
    instants = [event.event_time for event in _parsed(path)]
    assert instants == sorted(instants)
    assert datetime.fromisoformat(_load(path)["creationDate"]) > instants[-1]


@pytest.mark.parametrize("version", CbvVersion)
def test_every_event_has_a_hash_of_its_own_save_the_declaration_that_repeats_the_wrong_one(
    events: tuple[Event, ...], version: CbvVersion
) -> None:
    by_hash: dict[str, list[Event]] = {}
    for event in events:
        by_hash.setdefault(event_hash(event.document, version), []).append(event)
    shared = [group for group in by_hash.values() if len(group) > 1]
    assert [[event.is_error_declaration for event in group] for group in shared] == [[False, True]]
    assert len(by_hash) == len(events) - 1


@pytest.mark.parametrize("version", CbvVersion)
def test_the_event_hashes_are_those_recorded(version: CbvVersion) -> None:
    recorded = json.loads(HASHES.read_bytes())[version.value]
    assert {path: [event_hash(event.document, version) for event in _parsed(path)] for path in DOCUMENTS} == recorded


def test_the_wrong_count_is_declared_wrong_and_its_correction_is_there(events: tuple[Event, ...]) -> None:
    (declaration,) = (event for event in events if event.is_error_declaration)
    (wrong,) = (event for event in events if event.event_id == declaration.event_id and not event.is_error_declaration)
    assert {key: value for key, value in declaration.document.items() if key != "errorDeclaration"} == wrong.document
    said: Any = declaration.document["errorDeclaration"]
    (right,) = (event for event in events if event.event_id in said["correctiveEventIDs"])
    assert [(item.identifier, item.quantity) for item in (*wrong.epcs, *right.epcs)] == [(BAGS, 44), (BAGS, 40)]


# --- the story -------------------------------------------------------------------------------------------------------


def test_nothing_is_used_before_it_is_there_and_no_lot_gives_more_than_it_holds(events: tuple[Event, ...]) -> None:
    auditor = Auditor().walk(_standing(events))
    assert auditor.complaints == []
    assert auditor.from_outside == {CARTONS}


def test_without_its_error_declaration_the_wrong_count_is_noticed(events: tuple[Event, ...]) -> None:
    auditor = Auditor().walk(_standing(event for event in events if not event.is_error_declaration))
    assert auditor.complaints == [f"{BAGS}: 44 None seen, 40 None ever made"]


def test_taking_away_any_event_that_makes_or_packs_something_is_noticed(events: tuple[Event, ...]) -> None:
    standing = _standing(events)
    makers = [
        event
        for event in standing
        if event.event_type is EventType.TRANSFORMATION
        or (event.event_type in {EventType.OBJECT, EventType.AGGREGATION} and event.action is Action.ADD)
    ]
    assert len(makers) >= 25
    for missing in makers:
        auditor = Auditor().walk(event for event in standing if event is not missing)
        assert auditor.complaints or auditor.from_outside != {CARTONS}, missing.document


def _net_contents() -> dict[str, tuple[Decimal, str]]:
    """What one unit of each trade item holds, from the documents' master data: GTIN to amount and unit."""
    contents: dict[str, tuple[Decimal, str]] = {}
    for path in DOCUMENTS:
        header = _load(path).get("epcisHeader", {"epcisMasterData": {"vocabularyList": []}})
        for vocabulary in header["epcisMasterData"]["vocabularyList"]:
            for element in vocabulary["vocabularyElementList"]:
                for attribute in element["attributes"]:
                    if attribute["id"] == "greenlane:netContent":
                        held = attribute["attribute"]
                        contents[_gtin(element["id"])] = (Decimal(str(held["value"])), held["uom"])
    return contents


def _gtin(uri: str) -> str:
    if link := re.search(r"/01/(\d{14})", uri):
        return link[1]
    pattern = re.fullmatch(r"urn:epc:idpat:sgtin:(\d+)\.(\d)(\d+)\.\*", uri)
    assert pattern is not None, uri
    body = pattern[2] + pattern[1] + pattern[3]
    return body + str(-sum(int(digit) * (3, 1)[i % 2] for i, digit in enumerate(reversed(body))) % 10)


def _measure(items: Iterable[ItemReference], contents: Mapping[str, tuple[Decimal, str]]) -> dict[str, Decimal]:
    total: defaultdict[str, Decimal] = defaultdict(Decimal)
    for item in items:
        if item.uom is not None:
            total[item.uom] += _amount(item)
        elif held := contents.get(_gtin(item.identifier)):
            total[held[1]] += _amount(item) * held[0]
    return total


def test_no_transformation_gives_more_than_it_takes_and_the_yields_are_those_of_the_trade(
    events: tuple[Event, ...],
) -> None:
    contents = _net_contents()
    assert len(contents) == 5
    transformations = [event for event in _standing(events) if event.event_type is EventType.TRANSFORMATION]
    made: dict[str, Decimal] = {}
    for event in transformations:
        taken = _measure((item for item in event.epcs if item.role in INPUTS), contents)
        given = _measure((item for item in event.epcs if item.role in OUTPUTS), contents)
        assert given, event.document
        assert all(amount <= taken.get(uom, 0) for uom, amount in given.items()), event.document
        for item in event.epcs:
            if item.role in OUTPUTS:
                made[item.identifier] = _amount(item)
    assert len(transformations) == 10
    wet = sum(_amount(item) for item in _turned_into(events, "/10/CVE-26-F07") if item.role is ItemRole.INPUT_QUANTITY)
    dry = made["https://id.gs1.org/01/99521101000132/10/CVE-26-D07"]
    assert Decimal("0.38") <= dry / wet <= Decimal("0.40")
    logs = sum(_amount(item) for item in _turned_into(events, "/10/BH2603G") if item.role is ItemRole.INPUT_QUANTITY)
    boards = made["https://id.gs1.org/01/99521303000312/10/BH2603G"]
    assert Decimal("0.45") <= boards / logs <= Decimal("0.50")


def _turned_into(events: Iterable[Event], output_ending: str) -> list[ItemReference]:
    """Every item of the one transformation that gave the lot whose identifier ends so."""
    (event,) = (
        event for event in events if any(item.role in OUTPUTS and item.identifier.endswith(output_ending) for item in event.epcs)
    )
    return list(event.epcs)


def _origins(identifier: str, events: Sequence[Event]) -> set[str]:
    """The read points at which whatever went into an item first came to be."""
    for event in events:
        roles = {item.role for item in event.epcs if item.identifier == identifier}
        if roles & OUTPUTS:
            inputs = [item.identifier for item in event.epcs if item.role in INPUTS]
            return {origin for each in inputs for origin in _origins(each, events)}
        if roles and _makes_items(event):
            return {str(event.read_point)}
    return set()


def test_each_headline_item_leads_from_its_last_event_back_to_every_plot(events: tuple[Event, ...], members: Any) -> None:
    standing = _standing(events)
    last_steps = {}
    for headline in members["headline"]:
        identifier = f"https://id.gs1.org{headline['path']}"
        plots = {origin for origin in _origins(identifier, standing) if origin.startswith("geo:")}
        assert len(plots) == {"cocoa": 4, "furniture": 3}[headline["chain"]]
        own = [event for event in standing if identifier in {item.identifier for item in event.epcs}]
        assert len(own) >= 5
        last_steps[headline["chain"]] = own[-1].document["bizStep"]
    assert last_steps == {"cocoa": "retail_selling", "furniture": "installing"}
