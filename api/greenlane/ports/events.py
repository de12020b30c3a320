"""Accepted events, and the index by which they are found again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from greenlane.core.units import CenterId, LeafIndex, MemberId, Salt
from greenlane.ports.accounts import Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class EventIdentity:
    """What makes two captures of one member the same entry.

    Attributes:
        event_digest: the 32 bytes inside the event hash.
        variant_digest: SHA-256 over the JCS bytes of what the event hash leaves out and yet has meaning (error declaration,
            certification): so an error declaration is a second entry about the first, and a repeat is none.
    """

    event_digest: bytes
    variant_digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemKey:
    """One identifier that an event names.

    Attributes:
        role: "epc", "parent", "child_epc", "input", "output", "quantity", … as in core.
        identifier: canonical GS1 Digital Link URI, or another absolute URI as it came.
    """

    role: str
    identifier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """One accepted event.

    Attributes:
        event_hash: CBV event hash ID, "ni:///sha-256;…?ver=CBV2.0".
        content_digest: SHA-256 of `document`.
        document: the event as accepted, self-contained ("@context" inside), in RFC 8785 bytes.
        leaf_index: its place in the center's log.
        salt: what blinds its entry; None for a public event, and for a private one whose salt was forgotten.
        is_blinded: whether its entry is blinded; stays True after the salt is forgotten.
        event_time, captured_at: aware UTC.
        event_id: the event's own eventID, if it has one.
        items: identifiers it names; without repeats.
    """

    center: CenterId
    member: MemberId
    event_hash: str
    identity: EventIdentity
    content_digest: bytes
    document: bytes
    event_type: str
    event_time: datetime
    action: str | None
    biz_step: str | None
    disposition: str | None
    read_point: str | None
    biz_location: str | None
    event_id: str | None
    is_error_declaration: bool
    visibility: Visibility
    captured_at: datetime
    leaf_index: LeafIndex
    is_blinded: bool
    salt: Salt | None
    job_id: str
    items: tuple[ItemKey, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Whose private events whoever asks may read, beside the public ones: a center's own, all or those of one member.

    Attributes:
        member: that member of the center; None: all of them.
    """

    center: CenterId
    member: MemberId | None = None


def meant_entry(
    entries: Iterable[StoredEvent], *, center: CenterId | None, leaf_index: LeafIndex | None, content_digest: bytes | None
) -> StoredEvent | None:
    """The entry that is asked for, among those that one event hash has and the asker may read; None where it is not there.

    Several centers and members may have captured one event, and a declaration of error about it has its hash too. What is not
    named leaves a choice: then a public entry goes before a private one, and the one captured first before later ones.

    Args:
        entries: in the order of `Events.by_hash`.
        center, leaf_index: its place; together they name one entry.
        content_digest: SHA-256 of its document.
    """
    found = [
        entry
        for entry in entries
        if center in (None, entry.center)
        and leaf_index in (None, entry.leaf_index)
        and content_digest in (None, entry.content_digest)
    ]
    return min(found, key=lambda entry: entry.visibility is Visibility.PRIVATE, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events; every field that is set must hold. Names follow the EPCIS 2.0 query parameters.

    Attributes:
        reader: whose private events are included; None: public ones only.
        any_epc: MATCH_anyEPC: one of these is named in any role.
        ge_event_time, lt_event_time, ge_record_time, lt_record_time: aware UTC bounds.
    """

    reader: Reader | None
    event_types: frozenset[str] = field(default_factory=frozenset)
    actions: frozenset[str] = field(default_factory=frozenset)
    biz_steps: frozenset[str] = field(default_factory=frozenset)
    dispositions: frozenset[str] = field(default_factory=frozenset)
    read_points: frozenset[str] = field(default_factory=frozenset)
    biz_locations: frozenset[str] = field(default_factory=frozenset)
    event_ids: frozenset[str] = field(default_factory=frozenset)
    any_epc: frozenset[str] = field(default_factory=frozenset)
    ge_event_time: datetime | None = None
    lt_event_time: datetime | None = None
    ge_record_time: datetime | None = None
    lt_record_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """Some events by event time, then by center and leaf index, and where the next page starts (None: no more)."""

    events: tuple[StoredEvent, ...]
    next_token: str | None


class Events(Protocol):
    """Stored events. Indexes are durable and complete: what is stored is found by each of its items."""

    def known(self, center: CenterId, member: MemberId, identities: Iterable[EventIdentity]) -> dict[EventIdentity, LeafIndex]:
        """Those of the identities that this member captured before, and where."""

    def add(self, events: Sequence[StoredEvent]) -> None:
        """Stores events whose entries the same transaction appended to the log."""

    def by_hash(self, event_digest: bytes, *, reader: Reader | None) -> tuple[StoredEvent, ...]:
        """Every entry of that event hash that `reader` may read, first captured first; empty where there is none."""

    def at(self, center: CenterId, leaf_index: LeafIndex) -> StoredEvent | None:
        """The event whose entry stands at that place; None where an entry of another kind or none does."""

    def find(self, wanted: EventFilter, *, limit: int, token: str | None = None) -> EventPage:
        """A page of events.

        Raises:
            InvalidInput: `token` is none that this adapter gave out.
        """

    def walk(self, center: CenterId, *, start: LeafIndex, limit: int) -> tuple[StoredEvent, ...]:
        """Events of one center in log order from `start` on, private ones included, for checks and backup."""

    def at_facility(
        self,
        center: CenterId,
        member: MemberId,
        facility: str,
        *,
        after: StoredEvent | None,
        limit: int,
        start: LeafIndex = LeafIndex(0),  # noqa: B008 - a number
    ) -> tuple[StoredEvent, ...]:
        """What one member captured at a facility, private events included, by event time and then by leaf index.

        An event is at the facility of its business location, or, where it names none, of its read point.

        Args:
            facility: canonical (`core.balance.materials.canonical_facility`).
            after: the last one of the page before.
            start: only entries from this leaf on, for whoever read the others before.
        """

    def forget_salt(self, center: CenterId, leaf_index: LeafIndex, at: datetime) -> bool:
        """Destroys the salt of a blinded event for ever; False where there is none left to forget."""
