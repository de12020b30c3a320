"""Walks through what other centers asked us to hold."""

from collections.abc import Callable

from greenlane.core.documents.cid import Cid
from greenlane.ports.store import Store
from greenlane.services.reconcile.bringing import Bringing, Due
from greenlane.services.reconcile.pace import ReconcilePace


class HeldDocuments:
    """The walk, and what it has counted in this round."""

    def __init__(self, *, store: Store, pace: ReconcilePace, bringing: Bringing) -> None:
        self._store = store
        self._pace = pace
        self._bringing = bringing
        self.begin()

    def begin(self) -> None:
        """A new round."""
        self._after: Cid | None = None
        self.is_done = False
        self.count = 0
        self.here = 0

    def look(self, is_wanted: Callable[[Cid], None]) -> None:
        """Looks at the next of them.

        Args:
            is_wanted: is told of each document that is looked at.
        """
        if self.is_done:
            return
        with self._store.read() as tx:
            page = tx.holds.held(asked_by=None, after=self._after, limit=self._pace.looked)
        for held in page:
            if self._bringing.left <= 0:
                return
            self._after = held.cid
            self.count += 1
            is_wanted(held.cid)
            self.here += self._bringing.keep(Due(cid=held.cid, size=held.size, asked_by=held.asked_by))
        self.is_done = len(page) < self._pace.looked
