"""Reads documents again, a few in each round, to find what rotted where it lies."""

from dataclasses import dataclass

from greenlane.core.documents.cid import Cid
from greenlane.core.documents.unixfs import CHUNK_BYTES
from greenlane.ports.documents import BytesRefused, DocumentMissing, Documents
from greenlane.ports.store import Store
from greenlane.services.reconcile.bringing import Bringing, Due
from greenlane.services.reconcile.findings import Telling
from greenlane.services.reconcile.pace import ReconcilePace


@dataclass(slots=True)
class _Place:
    """Where the check stands: in which list, after which document, and how far into the one that is being read."""

    is_of_holds: bool = False
    after: Cid | None = None
    due: Due | None = None
    offset: int = 0


class RollingCheck:
    """The check, which goes on in each round where the last one ended, and all over again after the last document."""

    def __init__(self, *, store: Store, documents: Documents, pace: ReconcilePace, telling: Telling, bringing: Bringing) -> None:
        self._store = store
        self._documents = documents
        self._pace = pace
        self._telling = telling
        self._bringing = bringing
        self._place = _Place()
        self.is_done = False

    def begin(self) -> None:
        """A new round."""
        self.is_done = False

    def read_some(self) -> None:
        """Reads as much as is read in a round."""
        if self.is_done:
            return
        bytes_left, documents_left = self._pace.checked_bytes, self._pace.checked
        while bytes_left > 0 and documents_left > 0:
            place = self._place
            if place.due is None:
                due = self._next()
                if due is None:
                    break
                self._place = place = _Place(is_of_holds=place.is_of_holds, after=due.cid, due=due)
            self._telling.stop_if_told()
            read, is_whole = self._read_on(place, bytes_left)
            bytes_left -= read
            documents_left -= 1
            if is_whole:
                place.due, place.offset = None, 0
        self.is_done = True

    def _next(self) -> Due | None:
        """The next document; None where the walk came to its end, and begins again."""
        place = self._place
        with self._store.read() as tx:
            if not place.is_of_holds:
                for cid, size in tx.documents.wanted(after=place.after, limit=1):
                    return Due(cid=cid, size=size)
                place.is_of_holds, place.after = True, None
            for held in tx.holds.held(asked_by=None, after=place.after, limit=1):
                return Due(cid=held.cid, size=held.size, asks=tuple(tx.holds.asks(held.cid)))
        self._place = _Place()
        return None

    def _read_on(self, place: _Place, most: int) -> tuple[int, bool]:
        """Reads a part of a document again; how many bytes, and whether that was the last of it."""
        due, read = place.due, 0
        if due is None:
            return 0, True
        try:
            for piece in self._documents.read(due.cid, offset=place.offset, length=most):
                read += len(piece)
                self._telling.stop_if_told()
        except (BytesRefused, DocumentMissing) as fault:
            if isinstance(fault, BytesRefused) or self._bringing.is_here(due.cid):
                self._bringing.is_damaged(due, str(fault))
            # What is merely missing is brought by the walk.
            return max(read, CHUNK_BYTES), True
        place.offset += read
        return max(read, 1), read < most or place.offset >= due.size
