"""How many events a second are hashed: ours, the older reference package, and the floor below which no program can go.

The same documents go to each: events of one product with serials of their own, so that only classes, places and parties come
twice. The floor is what must be done whoever does it: parse the JSON, digest as many bytes. Rounds are interleaved, and of
each short slice of the documents the best round counts, so that a busy machine harms none more than another.

    python -m scripts.bench.event_hash --events 20000
"""

import argparse
import gc
import hashlib
import json
import logging
import sys
import time
from collections.abc import Callable
from typing import Any

import orjson
from greenlane.core.canonical import JsonValue, parse_json
from greenlane.core.epcis.eventhash import CbvVersion, event_hash, hash_document

_CONTEXT = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"example": "https://ns.example.com/epcis/"}]
_STEPS = ("shipping", "receiving", "loading", "unloading", "storing")
_ROUNDS = 7
_SLICE = 10


def make_event(number: int) -> dict[str, JsonValue]:
    """An event of a cocoa shipment; every serial, document and time its own."""
    return {
        "type": "ObjectEvent",
        "eventTime": f"2026-03-{number % 28 + 1:02}T{number // 60 % 24:02}:{number % 60:02}:30.{number % 1000:03}-05:00",
        "eventTimeZoneOffset": "-05:00",
        "epcList": [f"urn:epc:id:sgtin:7750000.012345.{3_000_000 + 3 * number + item}" for item in range(3)],
        "action": "OBSERVE",
        "bizStep": _STEPS[number % len(_STEPS)],
        "disposition": "in_transit",
        "readPoint": {"id": f"urn:epc:id:sgln:7750000.{number % 40:05}.dock{number % 7}"},
        "bizLocation": {"id": "https://id.gs1.org/414/7750000000014"},
        "bizTransactionList": [
            {"type": "po", "bizTransaction": f"https://orders.example.com/po/{number}"},
            {"type": "desadv", "bizTransaction": f"urn:epc:id:gdti:7750000.00001.{number}"},
        ],
        "sourceList": [{"type": "owning_party", "source": "urn:epc:id:pgln:7750000.00002"}],
        "destinationList": [{"type": "owning_party", "destination": "urn:epc:id:pgln:4012345.00000"}],
        "example:lot": f"LIM-{number}",
        "example:moisture": 6.5 + number % 10 / 10,
    }


def make_documents(events: int, per_document: int) -> list[bytes]:
    """Capture documents that together hold `events` events."""
    return [
        orjson.dumps(
            {
                "@context": _CONTEXT,
                "type": "EPCISDocument",
                "schemaVersion": "2.0",
                "creationDate": "2026-03-04T11:00:30Z",
                "epcisBody": {"eventList": [make_event(number) for number in range(start, min(start + per_document, events))]},
            }
        )
        for start in range(0, events, per_document)
    ]


def floor(document: bytes) -> None:
    """Parse and digest."""
    orjson.loads(document)
    hashlib.sha256(document).digest()


def hashed(document: bytes) -> None:
    """Ours, as a verifier does it: the events are known good."""
    value: dict[str, Any] = orjson.loads(document)
    context = value["@context"]
    for event in value["epcisBody"]["eventList"]:
        event["@context"] = context
        event_hash(event, CbvVersion.V2_0)


def captured(document: bytes) -> None:
    """Ours, as capture does it: strict JSON, every field checked, then hashed."""
    hash_document(parse_json(document), CbvVersion.V2_0)


def package() -> Callable[[bytes], None]:
    """The package from PyPI, by its own steps: document text to its tree, tree to hashes."""
    logging.disable(logging.CRITICAL)
    from epcis_event_hash_generator.hash_generator import (  # type: ignore[import-untyped]
        epcis_hashes_from_events,
    )
    from epcis_event_hash_generator.json_to_py import (  # type: ignore[import-untyped]
        event_list_from_epcis_document_str,
    )

    def run(document: bytes) -> None:
        epcis_hashes_from_events(event_list_from_epcis_document_str(document.decode()))

    return run


def measure(work: Callable[[bytes], None], documents: list[bytes]) -> list[float]:
    """Seconds for each slice of one pass over the documents, without the garbage collector."""
    slices = [documents[start : start + _SLICE] for start in range(0, len(documents), _SLICE)]
    seconds: list[float] = []
    gc.collect()
    gc.disable()
    try:
        for part in slices:
            start = time.perf_counter()
            for document in part:
                work(document)
            seconds.append(time.perf_counter() - start)
    finally:
        gc.enable()
    return seconds


def main(arguments: list[str] | None = None) -> int:
    """Prints one line a contestant: events a second, microseconds an event, ratios; or all of it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=20_000, metavar="N", help="events to hash (default: 20000)")
    parser.add_argument("--per-document", type=int, default=10, metavar="N", help="events in one document (default: 10)")
    parser.add_argument("--package-events", type=int, default=200, metavar="N", help="events given to the package, which is slow")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    if min(options.events, options.per_document, options.package_events) < 1:
        parser.error("every count must be at least 1")
    documents = make_documents(options.events, options.per_document)
    few = make_documents(min(options.package_events, options.events), options.per_document)
    run_package = package()
    slices: dict[str, list[float]] = {}
    for round_number in range(_ROUNDS):
        contestants: list[tuple[str, Callable[[bytes], None], list[bytes]]] = [
            ("floor", floor, documents),
            ("hash", hashed, documents),
            ("strict + hash", captured, documents),
        ]
        if round_number < 2:
            contestants.append(("package 1.9.3", run_package, few))
        for name, work, given in contestants:
            measured = measure(work, given)
            slices[name] = [min(pair) for pair in zip(slices.get(name, measured), measured, strict=True)]
        print(".", end="", file=sys.stderr, flush=True)
    few_events = min(options.package_events, options.events)
    best = {name: sum(parts) / (few_events if name.startswith("package") else options.events) for name, parts in slices.items()}
    print(file=sys.stderr)
    if options.json:
        print(json.dumps({name: {"us_per_event": seconds * 1e6, "events_per_s": 1 / seconds} for name, seconds in best.items()}))
        return 0
    size = sum(map(len, documents)) / options.events
    print(f"{options.events} events of {size:.0f} bytes, {options.per_document} a document, one process")
    print(f"{'':16}{'events/s':>12}{'µs/event':>12}{'× floor':>10}{'× package':>11}")
    for name, seconds in best.items():
        print(
            f"{name:16}{1 / seconds:12,.0f}{seconds * 1e6:12.2f}{seconds / best['floor']:10.2f}"
            f"{best['package 1.9.3'] / seconds:11.0f}"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
