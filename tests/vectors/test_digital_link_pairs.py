"""The canonical form against the pairs of the event hash's reference, and every identifier of the published examples."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from greenlane.core.epcis.gs1keys import QUALIFIERS, RULES, Alphabet
from greenlane.core.epcis.identifiers import IdentifierFault, check_identifier, parse_identifier, to_digital_link
from greenlane.core.epcis.vocabulary import VocabularyFault, VocabularyKind, canonical_term, check_term, standard_terms

pytestmark = pytest.mark.conformance

EPC_LISTS = ("epcList", "childEPCs", "inputEPCList", "outputEPCList")
QUANTITY_LISTS = ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList")
TYPED_LISTS = {
    "sourceList": ("source", VocabularyKind.SOURCE_DESTINATION_TYPE),
    "destinationList": ("destination", VocabularyKind.SOURCE_DESTINATION_TYPE),
    "bizTransactionList": ("bizTransaction", VocabularyKind.BIZ_TRANSACTION_TYPE),
}
REPORT_TERMS = {
    "type": VocabularyKind.MEASUREMENT_TYPE,
    "exception": VocabularyKind.SENSOR_EXCEPTION,
    "component": VocabularyKind.COMPONENT,
    "uom": VocabularyKind.UOM,
}
# Four examples of others are wrong, and are to be refused: two SSCC too short by two digits, two GRAI with a wrong check digit.
WRONG_IDENTIFIERS = {("gdst", "wrong-key-length"): 2, ("openepcis-test-resources", "wrong-check-digit"): 2}
# Two bare measurement types that no version of the standard has.
WRONG_TERMS = {("openepcis-test-resources", "unknown-term"): 2}


def events_of(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if str(value.get("type", "")).endswith("Event") and "eventTime" in value:
            yield value
        for inner in value.values():
            yield from events_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from events_of(inner)


def rows(event: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = event.get(name)
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def identifiers_of(event: dict[str, Any]) -> Iterator[str]:
    for name in EPC_LISTS:
        yield from event.get(name) or []
    if "parentID" in event:
        yield event["parentID"]
    for name in QUANTITY_LISTS:
        yield from (row["epcClass"] for row in rows(event, name))
    for name in ("readPoint", "bizLocation"):
        if isinstance(event.get(name), dict):
            yield event[name]["id"]
    for name, (field, _) in TYPED_LISTS.items():
        yield from (row[field] for row in rows(event, name))


def terms_of(event: dict[str, Any]) -> Iterator[tuple[VocabularyKind, str]]:
    if "bizStep" in event:
        yield VocabularyKind.BIZ_STEP, event["bizStep"]
    if "disposition" in event:
        yield VocabularyKind.DISPOSITION, event["disposition"]
    for words in (event.get("persistentDisposition") or {}).values():
        yield from ((VocabularyKind.DISPOSITION, word) for word in words)
    for name, (_, kind) in TYPED_LISTS.items():
        yield from ((kind, row["type"]) for row in rows(event, name) if "type" in row)
    for name in QUANTITY_LISTS:
        yield from ((VocabularyKind.UOM, row["uom"]) for row in rows(event, name) if "uom" in row)
    for element in rows(event, "sensorElementList"):
        for report in rows(element, "sensorReport"):
            yield from ((kind, report[field]) for field, kind in REPORT_TERMS.items() if field in report)
    reason = (event.get("errorDeclaration") or {}).get("reason")
    if reason is not None:
        yield VocabularyKind.ERROR_REASON, reason


def published_events(shared_data: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Collection and event; what the schema of EPCIS itself refuses in the simple-context folder is left to the events' tests."""
    epcis = shared_data / "epcis"
    for collection in ("gs1-epcis", "openepcis-test-resources", "gdst", "fsma204", "fictitious-one", "event-hash", "eudr"):
        for path in sorted((epcis / collection).rglob("*.json*")):
            text = path.read_text("utf-8")
            # Some of the other files are no JSON; none of them holds an event.
            for event in events_of(json.loads(text)) if '"eventTime"' in text else ():
                if all(isinstance(text, str) for text in identifiers_or_nothing(event)):
                    yield collection, event


def identifiers_or_nothing(event: dict[str, Any]) -> list[Any]:
    try:
        return list(identifiers_of(event))
    except (KeyError, TypeError, AttributeError):
        return [None]


def test_every_pair_of_the_reference_comes_out_alike(shared_data: Path) -> None:
    pairs = json.loads((shared_data / "epcis/event-hash/dl_normaliser_pairs.json").read_text("utf-8"))["cases"]
    texts = [(pair["input"], pair["expected"]) for pair in pairs if isinstance(pair["input"], str)]
    assert len(texts) >= 69
    wrong = {text: to_digital_link(text) for text, expected in texts if to_digital_link(text) != (expected or text)}
    assert wrong == {}


def test_every_identifier_of_the_published_examples_passes_but_the_four_that_are_wrong(shared_data: Path) -> None:
    refused: dict[str, tuple[str, str]] = {}
    passed = set()
    for collection, event in published_events(shared_data):
        for text in identifiers_of(event):
            try:
                check_identifier(text)
            except IdentifierFault as fault:
                refused[text] = (collection, fault.code)
            else:
                passed.add(text)
    assert len(passed) > 250
    assert Counter(refused.values()) == WRONG_IDENTIFIERS


def test_every_gs1_key_of_the_published_examples_is_read_alike_by_the_strict_and_the_lenient_way(shared_data: Path) -> None:
    keys = 0
    for _, event in published_events(shared_data):
        for text in identifiers_of(event):
            try:
                identifier = parse_identifier(text)
            except IdentifierFault:
                continue
            keys += 1
            assert identifier.digital_link == to_digital_link(text) == to_digital_link(to_digital_link(text))
            if identifier.company_prefix_length is not None:
                assert identifier.urn() == text
    assert keys > 500


def test_every_term_of_the_published_examples_passes_but_two_that_no_list_has(shared_data: Path) -> None:
    refused: dict[str, tuple[str, str]] = {}
    passed = set()
    for collection, event in published_events(shared_data):
        for kind, text in terms_of(event):
            try:
                check_term(kind, text)
            except VocabularyFault as fault:
                refused[text] = (collection, fault.code)
            else:
                passed.add(text)
    assert len(passed) > 80
    assert Counter(refused.values()) == WRONG_TERMS


def test_our_lists_hold_exactly_the_words_of_the_ratified_schema(shared_data: Path) -> None:
    schema = json.loads((shared_data / "epcis/gs1-normative/epcis-json-schema-2.0.1.json").read_text("utf-8"))
    context = json.loads((shared_data / "epcis/gs1-normative/epcis-context-2.0.0.jsonld").read_text("utf-8"))["@context"]
    prefixes = {"cbv": context["cbv"], "gs1": context["gs1"]}
    expanded = dict(pairs_of(context))
    for kind, name in {
        VocabularyKind.BIZ_STEP: "bizStep",
        VocabularyKind.DISPOSITION: "disposition",
        VocabularyKind.BIZ_TRANSACTION_TYPE: "bizTransaction-type",
        VocabularyKind.SOURCE_DESTINATION_TYPE: "source-dest-type",
        VocabularyKind.ERROR_REASON: "error-reason",
        VocabularyKind.MEASUREMENT_TYPE: "measurementType",
        VocabularyKind.SENSOR_EXCEPTION: "sensorAlertType",
        VocabularyKind.COMPONENT: "component",
    }.items():
        words = next(part["enum"] for part in schema["definitions"][name]["anyOf"] if "enum" in part)
        assert set(words) == set(standard_terms(kind))
        for word in words:
            prefix, _, local = expanded[word].partition(":")
            assert canonical_term(kind, word) == prefixes[prefix] + local


def test_our_rules_say_what_the_syntax_dictionary_of_gs1_says(shared_data: Path) -> None:
    alphabets = {"N": Alphabet.NUMERIC, "X": Alphabet.SET_82, "Y": Alphabet.SET_39}
    lines = (shared_data / "epcis/gs1-syntax-dictionary/gs1-syntax-dictionary.txt").read_text("utf-8").splitlines()
    entries = {line.split()[0]: re.split(r"\s{2,}", line.split("#")[0].strip()) for line in lines if line[:1].isdigit()}
    for key, rule in RULES.items():
        flags = " ".join(entries[key.value])
        parts = re.findall(r"\b([NXY])(\.\.)?(\d+)", flags.split("dlpkey")[0].split(" ", 1)[1])
        fixed = sum(int(count) for kind, dots, count in parts if not dots and kind == "N")
        free = [(kind, int(count)) for kind, dots, count in parts if dots]
        if rule.checked:
            assert rule.digits == fixed
            assert [(rule.alphabet, rule.serial_max)] == [(alphabets[kind], longest) for kind, longest in free] or (
                not free and rule.serial_max == 0
            )
        else:
            assert [(rule.alphabet, rule.digits + rule.serial_max)] == [(alphabets[kind], longest) for kind, longest in free]
        assert ("csum" in flags) is (rule.checked > 0)
        orders = re.search(r"dlpkey=(\S+)", flags)
        allowed = {ai for order in rule.sequences for ai in order}
        assert allowed == (set(re.split(r"[,|]", orders[1])) if orders else set())
    for ai, qualifier in QUALIFIERS.items():
        kind, _, longest = re.findall(r"\b([NXY])(\.\.)?(\d+)", " ".join(entries[ai]).split("req=")[0])[-1]
        if ai != "7040":
            assert (qualifier.alphabet, qualifier.longest) == (alphabets[kind], int(longest))


def pairs_of(value: Any) -> Iterator[tuple[str, str]]:
    """Every word that a context expands with a prefix of GS1; no word of the lists has two meanings."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, str) and inner.startswith(("cbv:", "gs1:")):
                yield key, inner
            yield from pairs_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from pairs_of(inner)
