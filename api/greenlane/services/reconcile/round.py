"""The round: what is done in which order, and what it came to."""

from collections.abc import Callable, Sequence
from datetime import datetime

from greenlane.core.documents.cid import Cid
from greenlane.ports.clock import Clock
from greenlane.ports.documents import Documents
from greenlane.ports.holds import DocumentsStanding, Partner
from greenlane.ports.store import Store
from greenlane.services.reconcile.bringing import Bringing
from greenlane.services.reconcile.findings import Finding, FindingKind, StoppedHere, Telling
from greenlane.services.reconcile.held import HeldDocuments
from greenlane.services.reconcile.letting_go import LettingGo
from greenlane.services.reconcile.own import OwnDocuments
from greenlane.services.reconcile.pace import ReconcilePace
from greenlane.services.reconcile.partners import Partners
from greenlane.services.reconcile.rolling_check import RollingCheck


class Reconcile:
    """The use case; one thread calls it."""

    def __init__(
        self,
        *,
        store: Store,
        documents: Documents,
        partners: Sequence[Partner],
        clock: Clock,
        pace: ReconcilePace | None = None,
    ) -> None:
        self._store = store
        self._documents = documents
        self._clock = clock
        self._pace = pace = pace or ReconcilePace()
        self._telling = telling = Telling()
        self._partners = known = Partners(store=store, partners=partners, clock=clock, pace=pace, telling=telling)
        self._bringing = bringing = Bringing(
            store=store, documents=documents, clock=clock, pace=pace, telling=telling, partners=known
        )
        self._own = OwnDocuments(store=store, pace=pace, bringing=bringing, partners=known)
        self._held = HeldDocuments(store=store, clock=clock, pace=pace, telling=telling, bringing=bringing)
        self._leaving = LettingGo(store=store, documents=documents, pace=pace, telling=telling, partners=known)
        self._checking = RollingCheck(store=store, documents=documents, pace=pace, telling=telling, bringing=bringing)
        self._collected_at: datetime | None = None
        self._has_garbage = True
        self._own_since: datetime | None = None

    def __call__(
        self, *, tell: Callable[[Finding], None] | None = None, is_stopping: Callable[[], bool] | None = None
    ) -> DocumentsStanding | None:
        """Does a part of a round; what it came to where the round ends with it, None where there is more to do at once.

        Args:
            tell: is told what is found and done; of what stays as it is, once.
            is_stopping: asked again and again; where it says so, the call ends within seconds, and the round is not over.

        Raises:
            DocumentsUnavailable: the store of documents is away; what was done is done.
            StoreUnavailable: the database is.
        """
        self._telling.begin(tell, is_stopping)
        self._bringing.left = self._pace.brought
        if self._own_since is None:
            self._own_since = self._clock()
        # Before anything moves: an outage must not be counted as documents that are missing.
        self._documents.check()
        try:
            # What frees room goes first.
            self._leaving.let_go(self._is_gone)
            self._partners.ask(self._leaving.is_wanted)
            self._own.look(self._leaving.is_wanted)
            self._held.look(self._leaving.is_wanted)
            self._checking.read_some()
        except StoppedHere:
            return None
        if not all(part.is_done for part in self._own_parts()):
            return None
        if not self._held.is_done:
            if self._clock() >= self._own_since + self._pace.own_again:
                self._end_own()
            return None
        standing = self._end_own()
        self._held.begin()
        return standing

    def _own_parts(self) -> "tuple[LettingGo, Partners, OwnDocuments, RollingCheck]":
        return (self._leaving, self._partners, self._own, self._checking)

    def _is_gone(self, cid: Cid, was_pinned: bool) -> None:
        self._bringing.damaged.pop(cid, None)
        self._has_garbage = self._has_garbage or was_pinned

    def _end_own(self) -> DocumentsStanding:
        """Ends the look at our own, whether or not everything that others asked for was looked at, and begins it anew."""
        holds, holds_here = self._held.counts
        standing = DocumentsStanding(
            at=self._clock(),
            wanted=self._own.count,
            wanted_here=self._own.here,
            holds=holds,
            holds_here=holds_here,
            damaged=len(self._bringing.damaged),
            replicas=tuple(sorted(self._own.replicas.items())),
            partners=self._partners.standings(),
        )
        with self._store.write() as tx:
            tx.holds.note(standing)
        for part in self._own_parts():
            part.begin()
        self._own_since = None
        # Only now: all that is our own was looked at since the last time, so that what is wanted and here is pinned.
        self._collect()
        return standing

    def _collect(self) -> None:
        every, now = self._pace.collect_every, self._clock()
        if every is None or (self._collected_at is not None and now < self._collected_at + every):
            return
        if not (self._has_garbage or self._pace.collects_idle):
            return
        self._collected_at = now
        if count := self._documents.collect_garbage():
            self._telling.tell(Finding(kind=FindingKind.COLLECTED, count=count))
        self._has_garbage = False
