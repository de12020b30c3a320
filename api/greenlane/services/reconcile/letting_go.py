"""Unpins what nobody wants any more, and tells the partners that they need not hold it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from greenlane.core.documents.cid import Cid
from greenlane.core.units import CenterId
from greenlane.ports.documents import Documents
from greenlane.ports.store import Store
from greenlane.services.reconcile.findings import Finding, FindingKind, Telling
from greenlane.services.reconcile.pace import ReconcilePace, remembered
from greenlane.services.reconcile.partners import Course, Partners


@dataclass(slots=True)
class _Leaving:
    """A document that nobody wants any more, and what is left to do: a partner that is away is told when it is back."""

    is_unpinned: bool = False
    released_at: set[CenterId] = field(default_factory=set)


class _NotYet(Exception):
    """A partner has not been told yet: the document stays on the list of what to let go, though it is unpinned."""


class LettingGo:
    """The walk through what is to go."""

    def __init__(self, *, store: Store, documents: Documents, pace: ReconcilePace, telling: Telling, partners: Partners) -> None:
        self._store = store
        self._documents = documents
        self._pace = pace
        self._telling = telling
        self._partners = partners
        self._leaving: dict[Cid, _Leaving] = {}
        self.begin()

    def begin(self) -> None:
        """A new round."""
        self._after: Cid | None = None
        self.is_done = False

    def is_wanted(self, cid: Cid) -> None:
        """Somebody wants it: when it is to go once more, everybody is told anew."""
        self._leaving.pop(cid, None)

    def let_go(self, is_gone: Callable[[Cid, bool], None]) -> None:
        """Lets go of the next of them.

        Args:
            is_gone: is told of each document that was let go, and whether it was pinned until then.
        """
        if self.is_done:
            return
        with self._store.read() as tx:
            page = tx.documents.unwanted(after=self._after, limit=self._pace.looked)
        # Unpinning happens under a lock of the database; a store that hangs was met by the check before, not there.
        for cid in page:
            self._telling.stop_if_told()
            self._after = cid
            self._let_one_go(cid, is_gone)
        self.is_done = len(page) < self._pace.looked

    def _let_one_go(self, cid: Cid, is_gone: Callable[[Cid, bool], None]) -> None:
        leaving = remembered(self._leaving, cid, _Leaving)
        released = [self._is_released_at(course, cid, leaving) for course in self._partners]
        is_released = all(released)
        if leaving.is_unpinned and not is_released:
            return
        try:
            with self._store.write() as tx:
                # Read before: with the record goes what it knows.
                is_ours = tx.holds.was_pinned(cid) is False
                if not tx.documents.let_go(cid):
                    # Somebody wants it again.
                    self._leaving.pop(cid, None)
                    return
                # A pin that was there before us, or that we never set, is somebody else's in the same store.
                was_pinned = is_ours and self._documents.unpin(cid)
                if not is_released:
                    raise _NotYet
        except _NotYet:
            leaving.is_unpinned = True
        else:
            self._leaving.pop(cid, None)
        is_gone(cid, was_pinned)
        self._telling.forget(cid)
        if was_pinned:
            self._telling.tell(Finding(kind=FindingKind.LET_GO, cid=cid))

    def _is_released_at(self, course: Course, cid: Cid, leaving: _Leaving) -> bool:
        """Whether a partner knows that it need not hold a document any more."""
        center = course.partner.center
        if center not in leaving.released_at and self._partners.release(course, cid):
            leaving.released_at.add(center)
        return center in leaving.released_at
