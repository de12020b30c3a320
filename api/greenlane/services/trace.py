"""Follows an item through the events that name it: where it was, what it was packed in, and what it was made of.

The walk goes upstream and never down again: from an output to the inputs of its transformation, from a child to its parent for as
long as it was inside. So a buyer of one box sees the farm, and not the other boxes of the pallet.
"""

from collections import deque
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from greenlane.core.units import CenterId, LeafIndex
from greenlane.ports.events import EventFilter, EventPage, ItemKey, Reader, StoredEvent
from greenlane.ports.store import Store, Transaction

_ALWAYS = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
_OUTPUTS = frozenset({"output", "output_quantity"})
_INPUTS = frozenset({"input", "input_quantity"})
_CHILDREN = frozenset({"child_epc", "child_quantity"})
# A class without a lot or serial (a bare GTIN) names all goods of its kind: its events are not this item's.
_INDIVIDUAL_MARKS = ("/21/", "/10/", "/00/", "/8003/", "/8004/", "/253/", "/235/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """The events of an item in time order.

    Attributes:
        walked: the item, and the containers, lots and materials that the walk led through; canonical, each once, the item first.
        is_whole: False where a limit ended the walk before its ends were reached.
    """

    identifier: str
    events: tuple[StoredEvent, ...]
    walked: tuple[str, ...]
    is_whole: bool


@dataclass(frozen=True, slots=True)
class _Stretch:
    """An identifier, and from when to when it concerns the item; both ends included."""

    identifier: str
    since: datetime
    until: datetime

    def covers(self, other: "_Stretch") -> bool:
        """Whether whoever walked this one has seen all of the other."""
        return self.identifier == other.identifier and self.since <= other.since and other.until <= self.until


class Trace:
    """The use case: read only."""

    def __init__(
        self, *, store: Store, max_identifiers: int = 64, max_events: int = 500, max_bytes: int = 4 * 1024 * 1024
    ) -> None:
        """Args:
        max_identifiers: how many items, containers and lots one walk may visit; one ride on a container is one visit.
        max_events: how many events one walk may gather.
        max_bytes: how large their documents may be together.
        """
        self._store = store
        self._max_identifiers = max_identifiers
        self._max_events = max_events
        self._max_bytes = max_bytes

    def find(self, wanted: EventFilter, *, limit: int, token: str | None = None) -> EventPage:
        """A page of events; see `ports.events.Events.find`."""
        with self._store.read() as tx:
            return tx.events.find(wanted, limit=limit, token=token)

    def by_hash(self, event_digest: bytes, *, reader: Reader | None) -> tuple[StoredEvent, ...]:
        """Every readable entry of an event hash, first captured first."""
        with self._store.read() as tx:
            return tx.events.by_hash(event_digest, reader=reader)

    def __call__(self, identifier: str, *, reader: Reader | None) -> Journey:
        """The journey of one item.

        Args:
            identifier: canonical GS1 Digital Link URI.
            reader: whose private events are included; None: public ones only.

        Returns:
            The journey; without events where nothing readable names the item.
        """
        gathered: dict[tuple[CenterId, LeafIndex], StoredEvent] = {}
        queue = deque([_Stretch(identifier, *_ALWAYS)])
        seen = list(queue)
        is_whole = True
        room = self._max_bytes
        with self._store.read() as tx:
            while queue:
                stretch = queue.popleft()
                events, is_all = self._events(tx, stretch, reader)
                is_whole &= is_all
                for event in events:
                    place = (event.center, event.leaf_index)
                    if place in gathered:
                        continue
                    room -= len(event.document)
                    if len(gathered) >= self._max_events or room < 0:
                        is_whole = False
                        break
                    gathered[place] = event
                for onward in _onward(stretch, events):
                    # Only what was walked for all of that time is known: an item may ride on one pallet twice.
                    if any(each.covers(onward) for each in seen) or not _is_individual(onward.identifier):
                        continue
                    if len(seen) >= self._max_identifiers:
                        is_whole = False
                        break
                    seen.append(onward)
                    queue.append(onward)
        ordered = sorted(gathered.values(), key=lambda event: (event.event_time, event.center, event.leaf_index))
        walked = tuple(dict.fromkeys(stretch.identifier for stretch in seen))
        return Journey(identifier=identifier, events=tuple(ordered), walked=walked, is_whole=is_whole)

    def _events(self, tx: Transaction, stretch: _Stretch, reader: Reader | None) -> tuple[tuple[StoredEvent, ...], bool]:
        wanted = EventFilter(reader=reader, any_epc=frozenset({stretch.identifier}))
        if stretch.since > _ALWAYS[0]:
            wanted = replace(wanted, ge_event_time=stretch.since)
        page = tx.events.find(wanted, limit=self._max_events)
        return tuple(event for event in page.events if event.event_time <= stretch.until), page.next_token is None


def _is_individual(identifier: str) -> bool:
    return any(mark in identifier for mark in _INDIVIDUAL_MARKS) or "id.gs1.org" not in identifier


def _onward(stretch: _Stretch, events: tuple[StoredEvent, ...]) -> list[_Stretch]:
    """Where the walk goes from one identifier's events, which are in time order."""
    found: list[_Stretch] = []
    inside: dict[str, datetime] = {}
    for event in events:
        roles = _roles_of(event.items, stretch.identifier)
        if roles & _OUTPUTS:
            found.extend(_Stretch(item.identifier, _ALWAYS[0], event.event_time) for item in event.items if item.role in _INPUTS)
        if roles & _CHILDREN:
            for parent in (item.identifier for item in event.items if item.role == "parent"):
                if event.action == "DELETE":
                    found.append(_Stretch(parent, inside.pop(parent, event.event_time), event.event_time))
                else:
                    inside.setdefault(parent, event.event_time)
    found.extend(_Stretch(parent, since, stretch.until) for parent, since in inside.items())
    return found


def _roles_of(items: tuple[ItemKey, ...], identifier: str) -> set[str]:
    return {item.role for item in items if item.identifier == identifier}
