"""Unpins what nobody wants any more, and tells the partners that they need not hold it.

No transaction is open while the store of documents is waited for: it may hang. So bytes may be wanted again while they are
unpinned, and who wants them may have pinned them a moment before. Whoever wants bytes says so in the database first: it is asked
again after they were unpinned, and what is wanted then is pinned again. Nothing of it is gone by then, for garbage is collected
by the same thread, later.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from greenlane.core.documents.cid import Cid
from greenlane.core.units import CenterId
from greenlane.ports.documents import BytesRefused, DocumentMissing, Documents, DocumentsFull
from greenlane.ports.store import Store
from greenlane.services.reconcile.findings import Finding, FindingKind, Telling
from greenlane.services.reconcile.pace import ReconcilePace, remembered
from greenlane.services.reconcile.partners import Course, Partners


@dataclass(slots=True)
class _Leaving:
    """A document that nobody wants any more, and what is left to do: a partner that is away is told when it is back."""

    is_unpinned: bool = False
    released_at: set[CenterId] = field(default_factory=set)


class LettingGo:
    """The walk through what is to go."""

    def __init__(self, *, store: Store, documents: Documents, pace: ReconcilePace, telling: Telling, partners: Partners) -> None:
        self._store = store
        self._documents = documents
        self._pace = pace
        self._telling = telling
        self._partners = partners
        self._leaving: dict[Cid, _Leaving] = {}
        # Being unpinned, or perhaps unpinned where the store or the database went away meanwhile.
        self._in_doubt: dict[Cid, None] = {}
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

        Raises:
            DocumentsUnavailable, StoreUnavailable: what was unpinned and is wanted is pinned by the next call, before all else.
        """
        for cid in tuple(self._in_doubt):
            self._settle(cid)
        if self.is_done:
            return
        with self._store.read() as tx:
            page = tx.documents.unwanted(after=self._after, limit=self._pace.looked)
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
        with self._store.read() as tx:
            # Asked before: with the record goes what it knows.
            is_ours = tx.holds.was_pinned(cid) is False
            is_wanted = tx.documents.is_wanted(cid)
        if is_wanted:
            self._leaving.pop(cid, None)
            return
        # A pin that was there before us, or that we never set, is somebody else's in the same store.
        was_pinned = is_ours and self._unpin(cid)
        if self._is_wanted_again(cid, is_released=is_released):
            self._leaving.pop(cid, None)
            self._settle(cid)
            return
        self._in_doubt.pop(cid, None)
        if is_released:
            self._leaving.pop(cid, None)
        else:
            leaving.is_unpinned = True
        is_gone(cid, was_pinned)
        self._telling.forget(cid)
        if was_pinned:
            self._telling.tell(Finding(kind=FindingKind.LET_GO, cid=cid))

    def _unpin(self, cid: Cid) -> bool:
        self._in_doubt[cid] = None
        return self._documents.unpin(cid)

    def _is_wanted_again(self, cid: Cid, *, is_released: bool) -> bool:
        """Whether somebody wants what was unpinned; where nobody does and every partner was told, its record goes."""
        if not is_released:
            with self._store.read() as tx:
                return tx.documents.is_wanted(cid)
        with self._store.write() as tx:
            return not tx.documents.let_go(cid) and tx.documents.is_wanted(cid)

    def _settle(self, cid: Cid) -> None:
        """Pins again what was unpinned, or may have been, where somebody wants it."""
        if cid not in self._in_doubt:
            return
        with self._store.read() as tx:
            is_wanted = tx.documents.is_wanted(cid)
        if is_wanted:
            try:
                # Looked for here alone: a pin brings as much as there is of what others named.
                self._documents.size(cid)
                self._documents.pin(cid, wait_s=self._pace.wait_s)
            except DocumentsFull:
                return
            except (DocumentMissing, BytesRefused):
                # Whoever wants it brings it yet, and pins it then.
                pass
        self._in_doubt.pop(cid, None)

    def _is_released_at(self, course: Course, cid: Cid, leaving: _Leaving) -> bool:
        """Whether a partner knows that it need not hold a document any more."""
        center = course.partner.center
        if center not in leaving.released_at and self._partners.release(course, cid):
            leaving.released_at.add(center)
        return center in leaving.released_at
