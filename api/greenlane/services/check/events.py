"""Recomputes stored events, and compares them with their entries."""

from greenlane.core import crypto
from greenlane.core.canonical import canonical_bytes, parse_json
from greenlane.core.entry import Entry, EntryKind
from greenlane.core.epcis.event import Event, parse_capture
from greenlane.core.epcis.eventhash import CbvVersion, event_hash
from greenlane.core.epcis.variant import variant_digest
from greenlane.core.errors import GreenlaneError, Unavailable
from greenlane.core.units import LeafIndex, TreeSize
from greenlane.ports.accounts import Visibility
from greenlane.ports.events import ItemKey, StoredEvent
from greenlane.ports.store import Store
from greenlane.services.check.entries import PAGE, blame_lost_salts, compare_entry, entries_beside
from greenlane.services.check.report import CheckReport, Missing, Progress


def check_events(store: Store, report: CheckReport, captured: TreeSize, missing: Missing, progress: Progress) -> None:
    """Recomputes every event of a center, and compares it with its entry."""
    start = LeafIndex(0)
    forgotten: set[int] = set()
    while True:
        read = _events_from(store, report, start)
        if read is None:
            # What lies behind cannot be seen: saying that it is missing would be another claim.
            missing = Missing(TreeSize(0))
            break
        page, entries = read
        if not page:
            break
        first = page[0].leaf_index
        for event in page:
            missing.saw(event.leaf_index)
            offset = event.leaf_index - first
            if entries is not None:
                _entry(report, event, entries[offset] if offset < len(entries) else None)
            _event(report, event)
            if event.is_blinded and event.salt is None:
                forgotten.add(event.leaf_index)
        report.events += len(page)
        start = LeafIndex(page[-1].leaf_index + 1)
        progress("events", min(start, captured), captured)
    for index in missing:
        report.blame(f"Entry {index} is of an event, and no event is stored for it.")
    blame_lost_salts(store, report, forgotten, "Event")


def _events_from(
    store: Store, report: CheckReport, start: LeafIndex
) -> tuple[list[StoredEvent], tuple[bytes, ...] | None] | None:
    """Some events from `start` on, none at the end, and the entries from the first to the last; None where unreadable."""
    try:
        with store.read() as tx:
            walked = tx.events.walk(report.center, start=start, limit=1024)
            if not walked:
                return [], ()
            first = walked[0].leaf_index
            # Entries of other kinds may lie between two events: only so many are read at once.
            page = [event for event in walked if event.leaf_index < first + PAGE]
            return page, entries_beside(tx, report, first, page[-1].leaf_index - first + 1, "Events")
    except Unavailable:
        raise
    except GreenlaneError as fault:
        report.blame(f"Events from leaf {start} on cannot be read: {fault.detail}")
        return None


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
