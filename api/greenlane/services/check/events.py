"""Recomputes stored events, and compares them with their entries."""

from greenlane.core import crypto
from greenlane.core.canonical import canonical_bytes, parse_json
from greenlane.core.entry import Entry, EntryKind
from greenlane.core.epcis.event import Event, parse_capture
from greenlane.core.epcis.eventhash import CbvVersion, event_hash
from greenlane.core.epcis.variant import variant_digest
from greenlane.core.errors import GreenlaneError
from greenlane.core.units import TreeSize
from greenlane.ports.accounts import Visibility
from greenlane.ports.events import ItemKey, StoredEvent
from greenlane.ports.store import Store
from greenlane.services.check.entries import Room, blame_lost_salts, check_room, compare_entry
from greenlane.services.check.report import CheckReport, Missing, Progress


def check_events(store: Store, report: CheckReport, captured: TreeSize, missing: Missing, progress: Progress) -> None:
    """Recomputes every event of a center, and compares it with its entry."""

    def judge(event: StoredEvent) -> None:
        _event(report, event)
        report.events += 1

    events = Room(
        what="Event",
        walk=lambda tx, center, start, limit: tx.events.walk(center, start=start, limit=limit),
        judge=judge,
        compare=lambda event, encoded: _entry(report, event, encoded),
        done=lambda last: progress("events", min(last + 1, captured), captured),
    )
    forgotten = check_room(store, report, missing, events)
    for index in missing:
        report.blame(f"Entry {index} is of an event, and no event is stored for it.")
    blame_lost_salts(store, report, forgotten, events.what)


def _entry(report: CheckReport, event: StoredEvent, encoded: bytes | None) -> None:
    place = f"Event at leaf {event.leaf_index}"
    plain = Entry(kind=EntryKind.EVENT, is_blinded=False, subject=event.identity.event_digest, content=event.content_digest)
    if not compare_entry(report, f"{place}: ", encoded, plain, is_blinded=event.is_blinded, salt=event.salt):
        return
    if event.is_blinded != (event.visibility is Visibility.PRIVATE):
        report.blame(f"{place}: its entry is {'' if event.is_blinded else 'not '}blinded, though it is {event.visibility}.")


def _event(report: CheckReport, event: StoredEvent) -> None:
    place = f"Event at leaf {event.leaf_index}"
    try:
        document = parse_json(event.document)
        if not isinstance(document, dict) or canonical_bytes(document) != event.document:
            report.blame(f"{place}: the stored document is not in canonical form.")
            return
        if crypto.sha256(event.document) != event.content_digest:
            report.blame(f"{place}: the stored document does not give its content digest.")
        if event_hash(document, CbvVersion.V2_0) != event.event_hash:
            report.blame(f"{place}: the stored document does not give its event hash.")
        if variant_digest(document) != event.identity.variant_digest:
            report.blame(f"{place}: the stored document does not give its variant digest.")
        (read,) = parse_capture(document)
        for name in _differing(event, read):
            report.blame(f"{place}: the {name} by which it is found is not that of the stored document.")
    except GreenlaneError as fault:
        report.blame(f"{place}: {fault.detail}")


def _differing(stored: StoredEvent, read: Event) -> list[str]:
    """Names of the fields by which an event is found that its document does not give."""
    expected: tuple[tuple[str, object, object], ...] = (
        ("type", stored.event_type, read.event_type.value),
        ("event time", stored.event_time, read.event_time),
        ("action", stored.action, None if read.action is None else read.action.value),
        ("business step", stored.biz_step, read.biz_step),
        ("disposition", stored.disposition, read.disposition),
        ("read point", stored.read_point, read.read_point),
        ("business location", stored.biz_location, read.biz_location),
        ("event id", stored.event_id, read.event_id),
        ("declaration of error", stored.is_error_declaration, read.is_error_declaration),
        ("list of items", set(stored.items), {ItemKey(role=item.role.value, identifier=item.identifier) for item in read.epcs}),
    )
    return [name for name, kept, given in expected if kept != given]
