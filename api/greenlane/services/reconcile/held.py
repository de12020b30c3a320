"""Walks through what other centers asked us to hold, each center's asks apart.

Asks cost whoever asks: each center has its share of what is brought in a call and of its time, what could not be brought rests
longer and longer by itself, and an ask that is wrong ends. So nobody's asks hold up another's, nor what is our own.
"""

from collections.abc import Callable
from datetime import datetime

from greenlane.core.documents.cid import Cid
from greenlane.core.units import CenterId
from greenlane.ports.clock import Clock
from greenlane.ports.holds import HeldDocument
from greenlane.ports.store import Store
from greenlane.services.reconcile.bringing import Bringing, Brought, Due, OtherSize
from greenlane.services.reconcile.findings import Finding, FindingKind, Telling
from greenlane.services.reconcile.pace import Pauses, ReconcilePace, remembered


class HeldDocuments:
    """The walks of all who ask, and what they have counted.

    Attributes:
        is_done: whether every ask was looked at since the walks began.
    """

    def __init__(self, *, store: Store, clock: Clock, pace: ReconcilePace, telling: Telling, bringing: Bringing) -> None:
        self._store = store
        self._clock = clock
        self._pace = pace
        self._telling = telling
        self._bringing = bringing
        self._resting: dict[tuple[CenterId, Cid], Pauses] = {}
        self._fitting: dict[tuple[CenterId, Cid], None] = {}
        self._last: tuple[int, int] | None = None
        self._turn = 0
        self.begin()

    def begin(self) -> None:
        """All over again."""
        self._walks: dict[CenterId, Cid | None] | None = None
        self.is_done = False
        self._count = 0
        self._here = 0

    @property
    def counts(self) -> tuple[int, int]:
        """How many asks there are and how many of them are held, by the last look at all of them."""
        return self._last or (self._count, self._here)

    def look(self, is_wanted: Callable[[Cid], None]) -> None:
        """Looks at the next of each center's asks.

        Args:
            is_wanted: is told of each document that is looked at.
        """
        if self.is_done:
            return
        if self._walks is None:
            with self._store.read() as tx:
                self._walks = dict.fromkeys(tx.holds.askers())
        left = self._pace.brought
        self._turn += 1
        askers = list(self._walks)
        place = self._turn % max(1, len(askers))
        # Another one begins each time: whoever comes last might find nothing left.
        askers = askers[place:] + askers[:place]
        for number, asker in enumerate(askers):
            others = len(askers) - number
            left -= self._walk(
                self._walks, asker, -(-left // others), self._clock() + self._pace.held_for / len(askers), is_wanted
            )
        if not self._walks:
            self.is_done, self._last = True, (self._count, self._here)

    def _walk(
        self,
        walks: dict[CenterId, Cid | None],
        asker: CenterId,
        share: int,
        until: datetime,
        is_wanted: Callable[[Cid], None],
    ) -> int:
        """One center's part of a call; how many documents were brought for it, in vain or not."""
        tried = 0
        with self._store.read() as tx:
            page = tx.holds.held(asked_by=asker, after=walks[asker], limit=self._pace.looked)
        for ask in page:
            if tried >= share or (tried and self._clock() >= until):
                return tried
            # Before it is looked at: what one document makes of us must not happen again and again at its place.
            walks[asker] = ask.cid
            self._telling.stop_if_told()
            is_wanted(ask.cid)
            is_here, has_tried = self._keep(ask)
            tried += has_tried
            if is_here is not None:
                self._count += 1
                self._here += is_here
        if len(page) < self._pace.looked:
            del walks[asker]
        return tried

    def _keep(self, ask: HeldDocument) -> tuple[bool | None, bool]:
        """Whether it is held, None where the ask has ended; and whether it was tried to bring it."""
        with self._store.read() as tx:
            is_withdrawn = tx.documents.is_served(ask.cid) is False
            is_brought = tx.holds.is_brought(ask.cid)
            asks = tuple(tx.holds.asks(ask.cid))
        if is_withdrawn:
            self._end(ask, "A member here withdrew it.")
            return None, False
        if ask.cid in self._bringing.damaged:
            return self._bringing.mend(Due(cid=ask.cid, size=ask.size, asks=asks)), True
        if is_brought and self._bringing.is_here(ask.cid):
            return self._is_of_its_size(ask), False
        key = (ask.asked_by, ask.cid)
        if key in self._resting and self._resting[key].is_resting(self._clock()):
            return False, False
        return self._bring(ask), True

    def _bring(self, ask: HeldDocument) -> bool | None:
        key = (ask.asked_by, ask.cid)
        try:
            brought = self._bringing.bring(ask)
        except OtherSize as other:
            # It goes on resting when the same is asked again.
            remembered(self._resting, key, Pauses).rest(self._clock())
            self._end_for_size(ask, other.size)
            return None
        if brought is Brought.MISSING:
            remembered(self._resting, key, Pauses).rest(self._clock())
        if brought is not Brought.HERE:
            return False
        self._resting.pop(key, None)
        with self._store.write() as tx:
            is_wanted = tx.holds.bring(ask.cid)
        if not is_wanted:
            # Released meanwhile: it may have been let go before it was pinned.
            self._bringing.unpin(ask.cid)
            return None
        self._telling.forget(ask.cid)
        return self._is_of_its_size(ask)

    def _is_of_its_size(self, ask: HeldDocument) -> bool | None:
        """An ask can be wrong though the document is here, as for another that asked rightly."""
        key = (ask.asked_by, ask.cid)
        if key in self._fitting:
            return True
        size = self._bringing.size(ask.cid)
        if size is not None and size != ask.size:
            self._end_for_size(ask, size)
            return None
        if size is not None:
            remembered(self._fitting, key, _nothing)
        return size is not None

    def _end_for_size(self, ask: HeldDocument, size: int) -> None:
        self._end(ask, f"{ask.asked_by} asked for {ask.size} bytes, and it has {size}.")

    def _end(self, ask: HeldDocument, words: str) -> None:
        with self._store.write() as tx:
            tx.holds.release(ask.asked_by, ask.cid)
        self._fitting.pop((ask.asked_by, ask.cid), None)
        self._telling.tell_once(Finding(kind=FindingKind.HOLD_ENDED, cid=ask.cid, partner=ask.asked_by, detail=words))


def _nothing() -> None:
    return None
