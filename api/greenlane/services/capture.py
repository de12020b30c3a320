"""Takes events in: validate, hash, store, and append their entries to the center's log, in one transaction.

When this returns, every event is durable under its leaf index. The same event again (same event hash, same declarations) is
answered with the entry it already has; an error declaration is a new entry about the first. All events of a request are taken,
or none.
"""

from dataclasses import dataclass
from datetime import datetime

from greenlane.core import crypto
from greenlane.core.canonical import JsonValue
from greenlane.core.entry import SALT_BYTES, Entry, EntryKind
from greenlane.core.epcis.event import Event, encode_event
from greenlane.core.epcis.eventhash import CbvVersion, event_hash, event_hash_digest
from greenlane.core.epcis.variant import DECLARATIONS, variant_digest
from greenlane.core.units import CenterId, LeafIndex, MemberId, Salt
from greenlane.ports.accounts import Member, MemberUnknown, Visibility
from greenlane.ports.answers import Once
from greenlane.ports.audit import AuditLine
from greenlane.ports.clock import Clock
from greenlane.ports.entropy import Entropy
from greenlane.ports.events import EventIdentity, ItemKey, StoredEvent
from greenlane.ports.jobs import CapturedEvent, CaptureJob
from greenlane.ports.log import LogHead, QueueFull
from greenlane.ports.store import Store, Transaction

_NO_DECLARATIONS = variant_digest({})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """All of one event that needs no place in the log, so that the log is held no longer than it must."""

    event: Event
    event_hash: str
    identity: EventIdentity
    document: bytes
    content_digest: bytes
    entry: Entry
    encoded_entry: bytes
    items: tuple[ItemKey, ...]


class Capture:
    """The use case; one instance serves all threads."""

    def __init__(self, *, store: Store, clock: Clock, entropy: Entropy, max_unpublished: int) -> None:
        """Args:
        max_unpublished: entries of one center that may wait to be published before captures are pushed back.
        """
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._max_unpublished = max_unpublished

    def __call__(
        self, *, center: CenterId, member: MemberId, events: tuple[Event, ...], actor: str, once: Once | None = None
    ) -> CaptureJob:
        """Captures a request's events for one member.

        Args:
            events: validated events, in the order of the request.
            actor: who asks, as the audit record names it.
            once: the request's idempotency key, where it has one: a repeat answers with the first job.

        Raises:
            EventFault: no receipt could carry one of the events; nothing was stored.
            MemberUnknown: the center has no such member; nothing was stored.
            QueueFull: the log's backlog is at its limit; nothing was stored.
            IdempotencyKeyReused: the key came before with another body.
            StoreUnavailable: the database is away; nothing was stored.
        """
        prepared = [_prepare(event, index) for index, event in enumerate(events)]
        job_id = self._entropy(16).hex()
        with self._store.write() as tx:
            known_member = tx.accounts.member(center, member)
            if known_member is None:
                raise MemberUnknown(f"Center {center!r} has no member {member!r}.")
            # The lock comes before every look: of two equal requests at the same moment the second must find the first one's
            # answer, and two captures of one event must end as one entry.
            head = tx.log.lock(center)
            if once is not None and (earlier := tx.answers.find(once)) is not None:
                job = tx.jobs.get(earlier.decode())
                if job is not None:
                    return job
            captured = self._append(tx, head, known_member, prepared, job_id)
            job = CaptureJob(id=job_id, center=center, member=member, created_at=self._clock(), events=captured)
            tx.jobs.add(job)
            tx.audit.add(
                AuditLine(at=job.created_at, actor=actor, center=center, member=member, action="event.capture", subject=job_id)
            )
            if once is not None:
                tx.answers.keep(once, job_id.encode())
        return job

    def _append(
        self,
        tx: Transaction,
        head: LogHead,
        member: Member,
        prepared: list[_Prepared],
        job_id: str,
    ) -> tuple[CapturedEvent, ...]:
        center, visibility = member.center, member.visibility
        if head.captured - head.published >= self._max_unpublished:
            raise QueueFull(f"{head.captured - head.published} entries of {center!r} wait to be published.")
        places = dict(tx.events.known(center, member.id, {each.identity for each in prepared}))
        captured_at = self._clock()
        fresh: list[StoredEvent] = []
        entries: list[bytes] = []
        outcome: list[CapturedEvent] = []
        for each in prepared:
            place = places.get(each.identity)
            is_new = place is None
            if place is None:
                place = LeafIndex(head.captured + len(entries))
                places[each.identity] = place
                salt = Salt(self._entropy(SALT_BYTES)) if visibility is Visibility.PRIVATE else None
                entries.append(each.encoded_entry if salt is None else each.entry.blinded(salt).encode())
                fresh.append(_stored(each, member, captured_at, place, salt, job_id))
            outcome.append(CapturedEvent(event_hash=each.event_hash, leaf_index=place, is_new=is_new))
        if entries:
            tx.log.append(center, entries)
            tx.events.add(fresh)
        return tuple(outcome)


def _prepare(event: Event, index: int) -> _Prepared:
    document: dict[str, JsonValue] = event.document
    # Before the hash: what is far too large costs no more than being seen.
    encoded = encode_event(event, event_index=index)
    hash_id = event_hash(document, CbvVersion.V2_0)
    digest = event_hash_digest(hash_id)
    content_digest = crypto.sha256(encoded)
    entry = Entry(kind=EntryKind.EVENT, is_blinded=False, subject=digest, content=content_digest)
    # An event may name an item twice in one role, with a quantity each; it is found by it once.
    # An enumeration's own `.value` costs as much as the rest of an item.
    items = dict.fromkeys([(item.role._value_, item.identifier) for item in event.epcs])
    return _Prepared(
        event=event,
        event_hash=hash_id,
        identity=EventIdentity(
            event_digest=digest,
            variant_digest=variant_digest(document) if any(name in document for name in DECLARATIONS) else _NO_DECLARATIONS,
        ),
        document=encoded,
        content_digest=content_digest,
        entry=entry,
        encoded_entry=entry.encode(),
        items=tuple([ItemKey(role=role, identifier=identifier) for role, identifier in items]),
    )


def _stored(
    each: _Prepared,
    member: Member,
    captured_at: datetime,
    place: LeafIndex,
    salt: Salt | None,
    job_id: str,
) -> StoredEvent:
    event = each.event
    return StoredEvent(
        center=member.center,
        member=member.id,
        event_hash=each.event_hash,
        identity=each.identity,
        content_digest=each.content_digest,
        document=each.document,
        event_type=event.event_type.value,
        event_time=event.event_time,
        action=None if event.action is None else event.action.value,
        biz_step=event.biz_step,
        disposition=event.disposition,
        read_point=event.read_point,
        biz_location=event.biz_location,
        event_id=event.event_id,
        is_error_declaration=event.is_error_declaration,
        visibility=member.visibility,
        captured_at=captured_at,
        leaf_index=place,
        is_blinded=salt is not None,
        salt=salt,
        job_id=job_id,
        items=each.items,
    )
