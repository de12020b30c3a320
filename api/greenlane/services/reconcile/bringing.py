"""Brings documents that should be here and are not, or are damaged: from other nodes, or from partners as a CAR.

What is our own may come from any partner, first from those who said that they hold it. What somebody asked us to hold comes from
other nodes, or from whoever asked: nobody else is asked for what another center names. The root block of a document, hashed, says
how large it is; an ask that says otherwise is to blame itself, and not the partner who sent the document.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from itertools import chain

from greenlane.core.documents.car import CarInvalid, longest_car, read_car
from greenlane.core.documents.cid import Cid
from greenlane.core.documents.unixfs import BlockMismatch, NoDocument, file_size
from greenlane.ports.clock import Clock
from greenlane.ports.documents import BytesRefused, DocumentMissing, Documents, DocumentsFull
from greenlane.ports.holds import HeldDocument, PartnerRefused, PartnerUnavailable
from greenlane.ports.store import Store
from greenlane.services.reconcile.findings import Finding, FindingKind, Telling
from greenlane.services.reconcile.pace import ReconcilePace
from greenlane.services.reconcile.partners import Course, Partners

# What is fetched for others: so long, and at least so fast beyond that. Whoever drips would hold up what is our own.
_PATIENCE = timedelta(minutes=1)
_SLOWEST_BYTES_PER_S = 1_048_576
# Only the root block is read under it, and a frame of a CAR has a bound of its own.
_ANY_LENGTH = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A document that should be here.

    Attributes:
        size: as our own record has it, or the ask.
        asks: who asked for it; none where it is our own.
    """

    cid: Cid
    size: int
    asks: tuple[HeldDocument, ...] = ()


class Brought(Enum):
    """What came of an ask."""

    HERE = auto()
    MISSING = auto()
    NO_ROOM = auto()
    OTHER_SIZE = auto()


class OtherSize(Exception):
    """The document's own root block has another size than was asked for; nothing of it was taken."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


class _NoRoom(Exception):
    """The store of documents takes nothing more."""


class Bringing:
    """Keeps single documents here.

    Attributes:
        left: how many more of our own may be brought in this call.
        damaged: what is pinned here and was found to have rotted.
    """

    def __init__(
        self,
        *,
        store: Store,
        documents: Documents,
        clock: Clock,
        pace: ReconcilePace,
        telling: Telling,
        partners: Partners,
    ) -> None:
        self._store = store
        self._documents = documents
        self._clock = clock
        self._pace = pace
        self._telling = telling
        self._partners = partners
        self.left = 0
        self.damaged: dict[Cid, Due] = {}

    def keep(self, cid: Cid, size: int) -> bool:
        """Whether a document of our own is here and sound as far as is known, after it was brought where it was not."""
        self._telling.stop_if_told()
        due = Due(cid=cid, size=size)
        if cid in self.damaged:
            return self.mend(due)
        if self.is_here(cid):
            return True
        self.left -= 1
        try:
            if not (self._pin(cid) or self._fetch(due)):
                self._telling.tell_once(Finding(kind=FindingKind.MISSING, cid=cid, detail=self._whom_asked(due)))
                return False
        except _NoRoom:
            return False
        self._telling.forget(cid)
        return True

    def bring(self, ask: HeldDocument) -> Brought:
        """Brings what somebody asked us to hold.

        Raises:
            OtherSize: the ask is wrong.
        """
        cid, due = ask.cid, Due(cid=ask.cid, size=ask.size, asks=(ask,))
        try:
            # What others pinned here is theirs: it is held for whoever brings it, and for nobody who merely names it.
            if not self._was_pinned(cid) and self._pin(cid, size=ask.size):
                return Brought.HERE
            if self._fetch(due):
                return Brought.HERE
        except _NoRoom:
            return Brought.NO_ROOM
        self._telling.tell_once(Finding(kind=FindingKind.MISSING, cid=cid, partner=ask.asked_by, detail=self._whom_asked(due)))
        return Brought.MISSING

    def size(self, cid: Cid) -> int | None:
        """The size of what is here, by its root block; None where that is not here after all."""
        try:
            return self._documents.size(cid)
        except (BytesRefused, DocumentMissing):
            return None

    def unpin(self, cid: Cid) -> None:
        """Lets go of what was brought and is not to be held after all; never of what others pinned."""
        if not self._was_pinned(cid):
            self._documents.unpin(cid)

    def is_damaged(self, due: Due, words: str) -> None:
        """A document was found to have rotted."""
        if due.cid in self.damaged:
            return
        self.damaged[due.cid] = due
        self._telling.tell(Finding(kind=FindingKind.DAMAGED, cid=due.cid, detail=words))
        self.mend(due)

    def mend(self, due: Due) -> bool:
        """Brings a damaged document again, and reads it; whether it is sound now."""
        self.left -= 1
        try:
            # Somebody else may have mended it, as by storing it again.
            if not self._is_sound(due.cid) and not (self._fetch(due) and self._is_sound(due.cid)):
                return False
        except (_NoRoom, OtherSize):
            return False
        self.damaged.pop(due.cid, None)
        self._telling.tell(Finding(kind=FindingKind.MENDED, cid=due.cid))
        return True

    def is_here(self, cid: Cid) -> bool:
        """Whether it is pinned and every block is here."""
        try:
            return self._documents.is_held(cid)
        except (BytesRefused, DocumentMissing):
            # A store that looks into the blocks: what is damaged is as good as missing.
            return False

    def _is_sound(self, cid: Cid) -> bool:
        try:
            for _ in self._documents.read(cid):
                self._telling.stop_if_told()
        except (BytesRefused, DocumentMissing):
            return False
        return self.is_here(cid)

    def _was_pinned(self, cid: Cid) -> bool:
        """Whether others had pinned it before us, written down before we pin it for the first time."""
        with self._store.read() as tx:
            known = tx.holds.was_pinned(cid)
        if known is not None:
            return known
        was_pinned = self.is_here(cid)
        with self._store.write() as tx:
            tx.holds.note_pinned(cid, was_pinned)
        return was_pinned

    def _pin(self, cid: Cid, *, size: int | None = None) -> bool:
        """Brings a document from other nodes, or pins what is here already.

        Args:
            size: that it must have; a pin is not bounded, and who asked with a small size could have us take a large document.
        """
        self._was_pinned(cid)
        try:
            if size is not None and (found := self._documents.size(cid, wait_s=self._pace.wait_s)) != size:
                raise OtherSize(found)
            self._documents.pin(cid, wait_s=self._pace.wait_s)
        except (DocumentMissing, BytesRefused):
            return False
        except DocumentsFull as full:
            self._telling.tell_once(Finding(kind=FindingKind.NO_ROOM, cid=cid, detail=str(full)))
            raise _NoRoom from full
        if size is not None and not self.is_here(cid):
            # A root may say one size and have more below it: what was pinned then is no document.
            self._documents.unpin(cid)
            return False
        self._telling.tell(Finding(kind=FindingKind.BROUGHT, cid=cid))
        return True

    def _fetch(self, due: Due) -> bool:
        """Brings a document from a partner who may be asked for it."""
        return any(self._fetch_from(course, due.cid, size, is_asked=bool(due.asks)) for course, size in self._sources(due))

    def _sources(self, due: Due) -> Sequence[tuple[Course, int]]:
        courses = self._partners.courses
        others = [ask for ask in due.asks if ask.asked_by != ask.center]
        if due.asks and others:
            return [(courses[ask.asked_by], ask.size) for ask in others if ask.asked_by in courses]
        # Our own, or asked for by an operator here.
        with self._store.read() as tx:
            holders = [replica.partner for replica in tx.holds.holders(due.cid)]
        return [(courses[center], due.size) for center in dict.fromkeys([*holders, *courses]) if center in courses]

    def _in_time(self, pieces: Iterable[bytes], course: Course, size: int) -> Iterator[bytes]:
        """The same pieces, while they come fast enough for a document of that size."""
        end = self._clock() + _PATIENCE + timedelta(seconds=size / _SLOWEST_BYTES_PER_S)
        for piece in pieces:
            if self._clock() > end:
                raise PartnerUnavailable(f"{course.partner.center} sends too slowly what it asked to be held.")
            yield piece

    def _fetch_from(self, course: Course, cid: Cid, size: int, *, is_asked: bool) -> bool:
        center, now = course.partner.center, self._clock()
        if course.asking.is_resting(now) or course.fetching.is_resting(now):
            return False
        try:
            pieces = self._telling.until_stopped(course.partner.fetch_car(cid))
            if is_asked:
                pieces = self._in_time(pieces, course, size)
            self._documents.import_car(_of_size(pieces, cid, size), root=cid, max_bytes=longest_car(size))
        except DocumentMissing:
            self._partners.is_back(course)
            self._partners.is_lost_at(course, cid)
            return False
        except OtherSize:
            self._partners.is_back(course)
            raise
        except BytesRefused as refusal:
            # It answers, and not with the document: the next one may have it. This one rests from being fetched from.
            course.fetching.rest(now)
            self._telling.tell(Finding(kind=FindingKind.REFUSED_BYTES, cid=cid, partner=center, detail=str(refusal)))
            return False
        except PartnerRefused as refusal:
            self._partners.refuses(course, cid, refusal)
            return False
        except PartnerUnavailable as fault:
            self._partners.is_away(course, fault)
            return False
        except DocumentsFull as full:
            self._telling.tell_once(Finding(kind=FindingKind.NO_ROOM, cid=cid, detail=str(full)))
            raise _NoRoom from full
        self._partners.is_back(course)
        course.fetching.go_on()
        self._telling.tell(Finding(kind=FindingKind.BROUGHT, cid=cid, partner=center))
        return True

    def _whom_asked(self, due: Due) -> str:
        asked = [course.partner.center for course, _ in self._sources(due)]
        if not asked:
            words = "no partner is known" if not due.asks else "whoever asked is no partner that can be asked for it"
            return f"No other node has it, and {words}."
        return f"No other node has it, and none of {', '.join(asked)} could give it."


def _of_size(pieces: Iterator[bytes], cid: Cid, size: int) -> Iterable[bytes]:
    """The same pieces, after their root block was read.

    Raises:
        OtherSize: the document has another size.
        BytesRefused: they do not begin with its root block.
    """
    seen: list[bytes] = []

    def noted() -> Iterator[bytes]:
        for piece in pieces:
            seen.append(piece)
            yield piece

    try:
        root = next(read_car(noted(), root=cid, max_bytes=_ANY_LENGTH))
        found = file_size(cid, {root.cid: root.data}.__getitem__)
    except (CarInvalid, BlockMismatch, NoDocument) as fault:
        raise BytesRefused(fault.detail) from fault
    if found != size:
        raise OtherSize(found)
    return chain(seen, pieces)
