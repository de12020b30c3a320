"""Walks through what statements of members here keep, and counts who else holds it."""

from collections import Counter
from collections.abc import Callable

from greenlane.core.documents.cid import Cid
from greenlane.ports.store import Store
from greenlane.services.reconcile.bringing import Bringing
from greenlane.services.reconcile.pace import ReconcilePace
from greenlane.services.reconcile.partners import Partners


class OwnDocuments:
    """The walk, and what it has counted in this round."""

    def __init__(self, *, store: Store, pace: ReconcilePace, bringing: Bringing, partners: Partners) -> None:
        self._store = store
        self._pace = pace
        self._bringing = bringing
        self._partners = partners
        self.begin()

    def begin(self) -> None:
        """A new round."""
        self._after: Cid | None = None
        self.is_done = False
        self.count = 0
        self.here = 0
        self.replicas: Counter[int] = Counter()

    def look(self, is_wanted: Callable[[Cid], None]) -> None:
        """Looks at the next of them.

        Args:
            is_wanted: is told of each document that is looked at.
        """
        if self.is_done:
            return
        with self._store.read() as tx:
            page = tx.documents.wanted(after=self._after, limit=self._pace.looked)
            replicas = {cid: self._partners.count_replicas(tx.holds.holders(cid)) for cid, _ in page}
        for cid, size in page:
            if self._bringing.left <= 0:
                return
            # Before it is looked at: what one document makes of us must not happen again and again at its place.
            self._after = cid
            self.count += 1
            self.replicas[replicas[cid]] += 1
            is_wanted(cid)
            self.here += self._bringing.keep(cid, size)
        self.is_done = len(page) < self._pace.looked
