"""Brings documents that should be here and are not, or are damaged: from other nodes, or from partners as a CAR."""

from dataclasses import dataclass

from greenlane.core.documents.cid import Cid
from greenlane.core.documents.unixfs import CHUNK_BYTES
from greenlane.core.units import CenterId
from greenlane.ports.clock import Clock
from greenlane.ports.documents import BytesRefused, DocumentMissing, Documents, DocumentsFull
from greenlane.ports.holds import PartnerRefused, PartnerUnavailable
from greenlane.ports.store import Store
from greenlane.services.reconcile.findings import Finding, FindingKind, Telling
from greenlane.services.reconcile.pace import ReconcilePace
from greenlane.services.reconcile.partners import Course, Partners

# Of a CAR beside the bytes: 41 a block, and for each leaf a link and a size in the node above it, about 60; nodes above them.
_CAR_BYTES_A_LEAF = 256
_CAR_BYTES = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A document that should be here."""

    cid: Cid
    size: int
    asked_by: CenterId | None


class Bringing:
    """Keeps single documents here.

    Attributes:
        left: how many more may be brought in this call.
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

    def keep(self, due: Due) -> bool:
        """Whether a document is here and sound as far as is known, after it was brought where it was not."""
        self._telling.stop_if_told()
        if due.cid in self.damaged:
            return self.mend(due)
        if self.is_here(due.cid):
            return True
        self.left -= 1
        if not (self._pin(due) or self._fetch(due)):
            self._telling.tell_once(Finding(kind=FindingKind.MISSING, cid=due.cid, detail=self._whom_asked()))
            return False
        self._telling.forget(due.cid)
        return True

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
        # Somebody else may have mended it, as by storing it again.
        if not self._is_sound(due.cid) and not (self._fetch(due) and self._is_sound(due.cid)):
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

    def _pin(self, due: Due) -> bool:
        """Brings a document from other nodes, or pins what is here already."""
        try:
            if due.asked_by is not None:
                # A pin is not bounded: who asked with a small size could have us take a large document.
                size = self._documents.size(due.cid, wait_s=self._pace.wait_s)
                if size != due.size:
                    words = f"{due.asked_by} asked for {due.size} bytes, and it has {size}."
                    self._telling.tell_once(Finding(kind=FindingKind.TOO_LARGE, cid=due.cid, partner=due.asked_by, detail=words))
                    return False
            self._documents.pin(due.cid, wait_s=self._pace.wait_s)
        except (DocumentMissing, BytesRefused):
            return False
        except DocumentsFull as full:
            self._telling.tell_once(Finding(kind=FindingKind.NO_ROOM, cid=due.cid, detail=str(full)))
            return False
        self._telling.tell(Finding(kind=FindingKind.BROUGHT, cid=due.cid))
        return True

    def _fetch(self, due: Due) -> bool:
        """Brings a document from a partner, whoever has it."""
        with self._store.read() as tx:
            holders = [replica.partner for replica in tx.holds.holders(due.cid)]
        courses = self._partners.courses
        likely = dict.fromkeys([*([] if due.asked_by is None else [due.asked_by]), *holders, *courses])
        return any(self._fetch_from(courses[center], due) for center in likely if center in courses)

    def _fetch_from(self, course: Course, due: Due) -> bool:
        center, now = course.partner.center, self._clock()
        if course.asking.is_resting(now) or course.fetching.is_resting(now):
            return False
        try:
            pieces = self._telling.until_stopped(course.partner.fetch_car(due.cid))
            self._documents.import_car(pieces, root=due.cid, max_bytes=car_bound(due.size))
        except DocumentMissing:
            self._partners.is_back(course)
            self._partners.is_lost_at(course, due.cid)
            return False
        except BytesRefused as refusal:
            # It answers, and not with the document: the next one may have it. This one rests from being fetched from.
            course.fetching.rest(now)
            self._telling.tell(Finding(kind=FindingKind.REFUSED_BYTES, cid=due.cid, partner=center, detail=str(refusal)))
            return False
        except PartnerRefused as refusal:
            self._partners.refuses(course, due.cid, refusal)
            return False
        except PartnerUnavailable as fault:
            self._partners.is_away(course, fault)
            return False
        except DocumentsFull as full:
            self._telling.tell_once(Finding(kind=FindingKind.NO_ROOM, cid=due.cid, detail=str(full)))
            return False
        self._partners.is_back(course)
        course.fetching.go_on()
        self._telling.tell(Finding(kind=FindingKind.BROUGHT, cid=due.cid, partner=center))
        return True

    def _whom_asked(self) -> str:
        if not self._partners.courses:
            return "No other node has it, and no partner is known."
        return f"No other node has it, and none of {', '.join(self._partners.courses)} could give it."


def car_bound(size: int) -> int:
    """The most bytes that a CAR of a document of that size can have."""
    return size + _CAR_BYTES + _CAR_BYTES_A_LEAF * (size // CHUNK_BYTES + 1)
