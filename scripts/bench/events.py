"""Events for benchmarks and crash runs: as many as wanted, no two alike, of about 1 kB each."""

from greenlane.core.canonical import JsonValue

_CONTEXT = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"]


def document_of(first: int, count: int) -> JsonValue:
    """An EPCIS document of `count` events; event number n is the same in every document that holds it."""
    return {
        "@context": list(_CONTEXT),
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-11-01T00:00:00Z",
        "epcisBody": {"eventList": [event_of(number) for number in range(first, first + count)]},
    }


def event_of(number: int) -> JsonValue:
    """One event of a packing line: a lot of cocoa, packed into a numbered pallet."""
    minute, second = divmod(number, 60)
    hour, minute = divmod(minute, 60)
    day, hour = divmod(hour, 24)
    return {
        "type": "AggregationEvent",
        "eventTime": f"2026-{day // 28 % 12 + 1:02d}-{day % 28 + 1:02d}T{hour:02d}:{minute:02d}:{second:02d}.000Z",
        "eventTimeZoneOffset": "-05:00",
        "parentID": f"urn:epc:id:sscc:9521234.{number % 10**10:010d}",
        "childEPCs": [f"urn:epc:id:sgtin:9521234.011223.{number}{place}" for place in range(3)],
        "childQuantityList": [
            {"epcClass": f"urn:epc:class:lgtin:9521234.011224.LOT{number % 997}", "quantity": 64 + number % 7, "uom": "KGM"}
        ],
        "action": "ADD",
        "bizStep": "packing",
        "disposition": "in_progress",
        "readPoint": {"id": "urn:epc:id:sgln:9521234.00001.0"},
        "bizLocation": {"id": "urn:epc:id:sgln:9521234.00002.0"},
        "bizTransactionList": [{"type": "po", "bizTransaction": f"https://orders.example/po/{number % 1000}"}],
        "sourceList": [{"type": "owning_party", "source": "urn:epc:id:pgln:9521234.00000"}],
        "destinationList": [{"type": "possessing_party", "destination": "urn:epc:id:pgln:9521235.00000"}],
    }
