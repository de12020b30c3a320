"""Compares what should be held with what is, and mends the difference: here, and at the partners.

What should be held here is what some statement of a member here keeps, and what another center asked us to hold. Whatever of it
is missing, or no longer what its name says, comes back from other nodes or from a partner, block by block against its CID: who
brings it is believed in nothing. Partners are asked to hold what is ours until they say that they do, and asked again later, for
they may lose it. What nobody wants any more is unpinned here and released there; pins that were never ours are never touched.

A million documents are not looked at in one go. The work goes in rounds; a call does a bounded part of a round, and where it
stands is kept in memory: whoever starts anew begins a new round, and finds what is done already done. Each partner has its own
pauses, so that one that is away, lies or refuses holds up no other.

No database transaction is open while a partner or another node is waited for.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from greenlane.core.documents.cid import Cid
from greenlane.core.documents.unixfs import CHUNK_BYTES
from greenlane.core.units import CenterId
from greenlane.ports.clock import Clock
from greenlane.ports.documents import BytesRefused, DocumentMissing, Documents, DocumentsFull
from greenlane.ports.holds import (
    DocumentsStanding,
    Partner,
    PartnerRefused,
    PartnerStanding,
    PartnerUnavailable,
    Replica,
)
from greenlane.ports.store import Store, Transaction

_FIRST_PAUSE = timedelta(seconds=10)
_LONGEST_PAUSE = timedelta(hours=1)
_MAX_REMEMBERED = 100_000
T = TypeVar("T")
# Of a CAR beside the bytes: 41 a block, and for each leaf a link and a size in the node above it, about 60; nodes above them.
_CAR_BYTES_A_LEAF = 256
_CAR_BYTES = 4_096


class FindingKind(StrEnum):
    """What a look can find; the names of log lines."""

    BROUGHT = "document.brought"
    MISSING = "document.missing"
    DAMAGED = "document.damaged"
    MENDED = "document.mended"
    REFUSED_BYTES = "document.bytes_refused"
    NO_ROOM = "document.no_room"
    TOO_LARGE = "hold.too_large"
    LET_GO = "document.let_go"
    REPLICATED = "document.replicated"
    REPLICA_LOST = "document.replica_lost"
    ASK_REFUSED = "partner.refuses"
    PARTNER_AWAY = "partner.away"
    PARTNER_BACK = "partner.back"
    COLLECTED = "documents.collected"


_TROUBLE = frozenset(
    {
        FindingKind.MISSING,
        FindingKind.DAMAGED,
        FindingKind.REFUSED_BYTES,
        FindingKind.NO_ROOM,
        FindingKind.TOO_LARGE,
        FindingKind.REPLICA_LOST,
        FindingKind.ASK_REFUSED,
        FindingKind.PARTNER_AWAY,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found or done.

    Attributes:
        detail: words for people; empty where the kind says all.
        count: how many, where it is of several.
    """

    kind: FindingKind
    cid: Cid | None = None
    partner: CenterId | None = None
    detail: str = ""
    count: int | None = None

    @property
    def is_trouble(self) -> bool:
        """Whether somebody may have to look."""
        return self.kind in _TROUBLE


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcilePace:
    """How much one call does, and how often things are done again.

    Attributes:
        looked: documents whose pins are compared, and unwanted ones let go.
        brought: documents fetched.
        asked: asks to each partner.
        checked_bytes, checked: how much is read again in each round, to find what rotted.
        wait_s: how long other nodes are asked for a document before partners are.
        ask_again: a partner's word that it holds a document is good for that long.
        collect_every: between two collections of garbage, at least; None: the store does that by itself.
        collects_idle: whether garbage is collected also where nothing was let go since the last time. After the first round it is
            always: a kill may have come between the two.
    """

    looked: int = 256
    brought: int = 8
    asked: int = 32
    checked_bytes: int = 64 * 1_048_576
    checked: int = 512
    wait_s: float = 5.0
    ask_again: timedelta = timedelta(days=1)
    collect_every: timedelta | None = timedelta(hours=1)
    collects_idle: bool = True


@dataclass(slots=True)
class _Pauses:
    """When to ask again whom asking failed: twice as late each time."""

    until: datetime | None = None
    pause: timedelta = timedelta(0)

    def is_resting(self, now: datetime) -> bool:
        return self.until is not None and now < self.until

    def rest(self, now: datetime) -> None:
        self.pause = min(max(self.pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)
        self.until = now + self.pause

    def go_on(self) -> None:
        self.until, self.pause = None, timedelta(0)


@dataclass(slots=True)
class _Course:
    """One partner's place in the round.

    Attributes:
        asking: pauses after it was away.
        fetching: pauses after it sent what is refused; it may hold well all the same.
        is_done: everything was asked that had to be in this round.
        waiting: asks of this round that it has not confirmed.
    """

    partner: Partner
    asking: _Pauses = field(default_factory=_Pauses)
    fetching: _Pauses = field(default_factory=_Pauses)
    away_since: datetime | None = None
    after: Cid | None = None
    is_done: bool = False
    waiting: int = 0


@dataclass(slots=True)
class _Walk:
    """A walk by CID through what is too long for one go."""

    after: Cid | None = None
    is_done: bool = False


@dataclass(slots=True)
class _Round:
    """How far this round has come, and what it has counted."""

    wanted: _Walk = field(default_factory=_Walk)
    holds: _Walk = field(default_factory=_Walk)
    unwanted: _Walk = field(default_factory=_Walk)
    is_checked: bool = False
    wanted_count: int = 0
    holds_count: int = 0
    wanted_here: int = 0
    holds_here: int = 0
    replicas: Counter[int] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    """A document that should be here."""

    cid: Cid
    size: int
    asked_by: CenterId | None


class _StoppedHere(Exception):
    """The work was told to stop in the middle of a document; nothing of it was pinned."""


class _NotYet(Exception):
    """A partner has not been told yet: the document stays on the list of what to let go, though it is unpinned."""


class Reconcile:
    """The use case. One thread calls it; another may read `standing`."""

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
        self._pace = pace or ReconcilePace()
        self._courses = {partner.center: _Course(partner) for partner in partners}
        self._round = _Round()
        self._checking = _Checking()
        self._damaged: dict[Cid, _Due] = {}
        self._told: dict[Cid, set[tuple[FindingKind, CenterId | None]]] = {}
        self._leaving: dict[Cid, _Leaving] = {}
        self._collected_at: datetime | None = None
        self._has_garbage = True
        self._tell: Callable[[Finding], None] = _to_nobody
        self._is_stopping: Callable[[], bool] = _never
        self._brings_left = 0

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
        self._tell, self._is_stopping = tell or _to_nobody, is_stopping or _never
        self._brings_left = self._pace.brought
        # Before anything moves: an outage must not be counted as documents that are missing.
        self._documents.check()
        try:
            # What frees room goes first.
            self._let_go()
            for course in self._courses.values():
                self._ask_partner(course)
            self._look_at_wanted()
            self._look_at_holds()
            self._check()
        except _StoppedHere:
            return None
        return self._end_round() if self._is_round_over() else None

    # What should be here -------------------------------------------------------------------------------------------------------

    def _look_at_wanted(self) -> None:
        walk, found = self._round.wanted, self._round
        if walk.is_done:
            return
        with self._store.read() as tx:
            page = tx.documents.wanted(after=walk.after, limit=self._pace.looked)
            replicas = {cid: self._count_replicas(tx, cid) for cid, _ in page}
        for cid, size in page:
            if self._brings_left <= 0:
                return
            # Before it is looked at: what one document makes of us must not happen again and again at its place.
            walk.after = cid
            found.wanted_count += 1
            found.replicas[replicas[cid]] += 1
            found.wanted_here += self._keep(_Due(cid=cid, size=size, asked_by=None))
        walk.is_done = len(page) < self._pace.looked

    def _look_at_holds(self) -> None:
        walk, found = self._round.holds, self._round
        if walk.is_done:
            return
        with self._store.read() as tx:
            page = tx.holds.held(asked_by=None, after=walk.after, limit=self._pace.looked)
        for held in page:
            if self._brings_left <= 0:
                return
            walk.after = held.cid
            found.holds_count += 1
            found.holds_here += self._keep(_Due(cid=held.cid, size=held.size, asked_by=held.asked_by))
        walk.is_done = len(page) < self._pace.looked

    def _count_replicas(self, tx: Transaction, cid: Cid) -> int:
        return sum(replica.partner in self._courses for replica in tx.holds.holders(cid))

    def _keep(self, due: _Due) -> bool:
        """Whether a document is here and sound as far as is known, after it was brought where it was not."""
        self._stop_if_told()
        self._leaving.pop(due.cid, None)
        if due.cid in self._damaged:
            return self._mend(due)
        if self._is_here(due.cid):
            return True
        self._brings_left -= 1
        if not (self._pin(due) or self._fetch(due)):
            self._tell_once(Finding(kind=FindingKind.MISSING, cid=due.cid, detail=self._whom_asked()))
            return False
        self._told.pop(due.cid, None)
        return True

    def _pin(self, due: _Due) -> bool:
        """Brings a document from other nodes, or pins what is here already."""
        try:
            if due.asked_by is not None:
                # A pin is not bounded: who asked with a small size could have us take a large document.
                size = self._documents.size(due.cid, wait_s=self._pace.wait_s)
                if size != due.size:
                    words = f"{due.asked_by} asked for {due.size} bytes, and it has {size}."
                    self._tell_once(Finding(kind=FindingKind.TOO_LARGE, cid=due.cid, partner=due.asked_by, detail=words))
                    return False
            self._documents.pin(due.cid, wait_s=self._pace.wait_s)
        except (DocumentMissing, BytesRefused):
            return False
        except DocumentsFull as full:
            self._tell_once(Finding(kind=FindingKind.NO_ROOM, cid=due.cid, detail=str(full)))
            return False
        self._tell(Finding(kind=FindingKind.BROUGHT, cid=due.cid))
        return True

    def _fetch(self, due: _Due) -> bool:
        """Brings a document from a partner, whoever has it."""
        with self._store.read() as tx:
            holders = [replica.partner for replica in tx.holds.holders(due.cid)]
        likely = dict.fromkeys([*([] if due.asked_by is None else [due.asked_by]), *holders, *self._courses])
        return any(self._fetch_from(self._courses[center], due) for center in likely if center in self._courses)

    def _fetch_from(self, course: _Course, due: _Due) -> bool:
        center, now = course.partner.center, self._clock()
        if course.asking.is_resting(now) or course.fetching.is_resting(now):
            return False
        try:
            pieces = self._until_stopped(course.partner.fetch_car(due.cid))
            self._documents.import_car(pieces, root=due.cid, max_bytes=car_bound(due.size))
        except DocumentMissing:
            self._is_back(course)
            self._lost_there(course, due.cid)
            return False
        except BytesRefused as refusal:
            # It answers, and not with the document: the next one may have it. This one rests from being fetched from.
            course.fetching.rest(now)
            self._tell(Finding(kind=FindingKind.REFUSED_BYTES, cid=due.cid, partner=center, detail=str(refusal)))
            return False
        except PartnerRefused as refusal:
            self._tell_once(Finding(kind=FindingKind.ASK_REFUSED, cid=due.cid, partner=center, detail=refusal.detail))
            return False
        except PartnerUnavailable as fault:
            self._is_away(course, fault)
            return False
        except DocumentsFull as full:
            self._tell_once(Finding(kind=FindingKind.NO_ROOM, cid=due.cid, detail=str(full)))
            return False
        self._is_back(course)
        course.fetching.go_on()
        self._tell(Finding(kind=FindingKind.BROUGHT, cid=due.cid, partner=center))
        return True

    def _whom_asked(self) -> str:
        if not self._courses:
            return "No other node has it, and no partner is known."
        return f"No other node has it, and none of {', '.join(self._courses)} could give it."

    # What rots -----------------------------------------------------------------------------------------------------------------

    def _check(self) -> None:
        """Reads some documents again, going on where the last round ended, and all over again after the last."""
        if self._round.is_checked:
            return
        bytes_left, documents_left = self._pace.checked_bytes, self._pace.checked
        while bytes_left > 0 and documents_left > 0:
            place = self._checking
            if place.due is None:
                due = self._next_to_check()
                if due is None:
                    break
                self._checking = place = _Checking(is_of_holds=place.is_of_holds, after=due.cid, due=due)
            self._stop_if_told()
            read, is_whole = self._read_on(place, bytes_left)
            bytes_left -= read
            documents_left -= 1
            if is_whole:
                place.due, place.offset = None, 0
        self._round.is_checked = True

    def _next_to_check(self) -> _Due | None:
        """The next document; None where the walk came to its end, and begins again."""
        place = self._checking
        with self._store.read() as tx:
            if not place.is_of_holds:
                for cid, size in tx.documents.wanted(after=place.after, limit=1):
                    return _Due(cid=cid, size=size, asked_by=None)
                place.is_of_holds, place.after = True, None
            for held in tx.holds.held(asked_by=None, after=place.after, limit=1):
                return _Due(cid=held.cid, size=held.size, asked_by=held.asked_by)
        self._checking = _Checking()
        return None

    def _read_on(self, place: "_Checking", most: int) -> tuple[int, bool]:
        """Reads a part of a document again; how many bytes, and whether that was the last of it."""
        due, read = place.due, 0
        if due is None:
            return 0, True
        try:
            for piece in self._documents.read(due.cid, offset=place.offset, length=most):
                read += len(piece)
                self._stop_if_told()
        except (BytesRefused, DocumentMissing) as fault:
            if isinstance(fault, BytesRefused) or self._is_here(due.cid):
                self._is_damaged(due, str(fault))
            # What is merely missing is brought by the walk.
            return max(read, CHUNK_BYTES), True
        place.offset += read
        return max(read, 1), read < most or place.offset >= due.size

    def _is_damaged(self, due: _Due, words: str) -> None:
        if due.cid in self._damaged:
            return
        self._damaged[due.cid] = due
        self._tell(Finding(kind=FindingKind.DAMAGED, cid=due.cid, detail=words))
        self._mend(due)

    def _mend(self, due: _Due) -> bool:
        """Brings a damaged document again, and reads it; whether it is sound now."""
        self._brings_left -= 1
        # Somebody else may have mended it, as by storing it again.
        if not self._is_sound(due.cid) and not (self._fetch(due) and self._is_sound(due.cid)):
            return False
        self._damaged.pop(due.cid, None)
        self._tell(Finding(kind=FindingKind.MENDED, cid=due.cid))
        return True

    def _is_sound(self, cid: Cid) -> bool:
        try:
            for _ in self._documents.read(cid):
                self._stop_if_told()
        except (BytesRefused, DocumentMissing):
            return False
        return self._is_here(cid)

    def _is_here(self, cid: Cid) -> bool:
        try:
            return self._documents.is_held(cid)
        except (BytesRefused, DocumentMissing):
            # A store that looks into the blocks: what is damaged is as good as missing.
            return False

    # What partners hold --------------------------------------------------------------------------------------------------------

    def _ask_partner(self, course: _Course) -> None:
        if course.is_done:
            return
        if course.asking.is_resting(self._clock()):
            course.is_done = True
            return
        before = self._clock() - self._pace.ask_again
        center = course.partner.center
        with self._store.read() as tx:
            page = tx.holds.unconfirmed(center, before=before, limit=self._pace.asked, after=course.after)
        for cid, size in page:
            self._stop_if_told()
            course.after = cid
            self._leaving.pop(cid, None)
            try:
                is_held = course.partner.ask_to_hold(cid, size)
            except PartnerRefused as refusal:
                self._tell_once(Finding(kind=FindingKind.ASK_REFUSED, cid=cid, partner=center, detail=refusal.detail))
                self._lost_there(course, cid)
                course.waiting += 1
                continue
            except PartnerUnavailable as fault:
                self._is_away(course, fault)
                course.is_done = True
                return
            self._is_back(course)
            if is_held:
                with self._store.write() as tx:
                    tx.holds.confirm(Replica(partner=center, cid=cid, confirmed_at=self._clock()))
                self._tell(Finding(kind=FindingKind.REPLICATED, cid=cid, partner=center))
            else:
                self._lost_there(course, cid)
                course.waiting += 1
        course.is_done = len(page) < self._pace.asked

    def _lost_there(self, course: _Course, cid: Cid) -> None:
        """A partner does not hold what it said it held: its word counts no more."""
        center = course.partner.center
        with self._store.read() as tx:
            is_known = any(replica.partner == center for replica in tx.holds.holders(cid))
        if not is_known:
            return
        with self._store.write() as tx:
            tx.holds.unconfirm(center, cid)
        self._tell(Finding(kind=FindingKind.REPLICA_LOST, cid=cid, partner=center))

    def _is_away(self, course: _Course, fault: PartnerUnavailable) -> None:
        now = self._clock()
        course.asking.rest(now)
        if course.away_since is None:
            course.away_since = now
            self._tell(Finding(kind=FindingKind.PARTNER_AWAY, partner=course.partner.center, detail=str(fault)))

    def _is_back(self, course: _Course) -> None:
        course.asking.go_on()
        if course.away_since is not None:
            course.away_since = None
            self._tell(Finding(kind=FindingKind.PARTNER_BACK, partner=course.partner.center))

    # What nobody wants any more ------------------------------------------------------------------------------------------------

    def _let_go(self) -> None:
        walk = self._round.unwanted
        if walk.is_done:
            return
        with self._store.read() as tx:
            page = tx.documents.unwanted(after=walk.after, limit=self._pace.looked)
        # Unpinning happens under a lock of the database; a store that hangs was met by the check before, not there.
        for cid in page:
            self._stop_if_told()
            walk.after = cid
            self._let_one_go(cid)
        walk.is_done = len(page) < self._pace.looked

    def _let_one_go(self, cid: Cid) -> None:
        leaving = _kept(self._leaving, cid, _Leaving)
        released = [self._release_at(course, cid, leaving) for course in self._courses.values()]
        is_released = all(released)
        if leaving.is_unpinned and not is_released:
            return
        try:
            with self._store.write() as tx:
                if not tx.documents.let_go(cid):
                    # Somebody wants it again.
                    self._leaving.pop(cid, None)
                    return
                was_pinned = self._documents.unpin(cid)
                if not is_released:
                    raise _NotYet
        except _NotYet:
            leaving.is_unpinned = True
        else:
            self._leaving.pop(cid, None)
        self._damaged.pop(cid, None)
        self._told.pop(cid, None)
        if was_pinned:
            self._has_garbage = True
            self._tell(Finding(kind=FindingKind.LET_GO, cid=cid))

    def _release_at(self, course: _Course, cid: Cid, leaving: "_Leaving") -> bool:
        """Whether a partner knows that it need not hold a document any more."""
        center = course.partner.center
        if center in leaving.released_at:
            return True
        if course.asking.is_resting(self._clock()):
            return False
        try:
            course.partner.release(cid)
        except PartnerRefused as refusal:
            # Asking again would get the same answer; its operator can be told.
            self._tell_once(Finding(kind=FindingKind.ASK_REFUSED, cid=cid, partner=center, detail=refusal.detail))
        except PartnerUnavailable as fault:
            self._is_away(course, fault)
            return False
        self._is_back(course)
        # Where it is wanted again by now, it is asked for again: its word is forgotten either way.
        with self._store.write() as tx:
            tx.holds.unconfirm(center, cid)
        leaving.released_at.add(center)
        return True

    # The round -----------------------------------------------------------------------------------------------------------------

    def _is_round_over(self) -> bool:
        walks = (self._round.wanted, self._round.holds, self._round.unwanted)
        return (
            all(walk.is_done for walk in walks)
            and self._round.is_checked
            and all(course.is_done for course in self._courses.values())
        )

    def _end_round(self) -> DocumentsStanding:
        found, now = self._round, self._clock()
        standing = DocumentsStanding(
            at=now,
            wanted=found.wanted_count,
            wanted_here=found.wanted_here,
            holds=found.holds_count,
            holds_here=found.holds_here,
            damaged=len(self._damaged),
            replicas=tuple(sorted(found.replicas.items())),
            partners=tuple(
                PartnerStanding(center=center, waiting=course.waiting, away_since=course.away_since)
                for center, course in self._courses.items()
            ),
        )
        with self._store.write() as tx:
            tx.holds.note(standing)
        self._round = _Round()
        for course in self._courses.values():
            course.after, course.is_done, course.waiting = None, False, 0
        # Only now: everything wanted was looked at since the last time, so that what is wanted and here is pinned.
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
            self._tell(Finding(kind=FindingKind.COLLECTED, count=count))
        self._has_garbage = False

    def _until_stopped(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self._stop_if_told()
            yield piece

    def _stop_if_told(self) -> None:
        if self._is_stopping():
            raise _StoppedHere

    def _tell_once(self, finding: Finding) -> None:
        if finding.cid is not None:
            told = _kept(self._told, finding.cid, set)
            mark = (finding.kind, finding.partner)
            if mark in told:
                return
            told.add(mark)
        self._tell(finding)


@dataclass(slots=True)
class _Leaving:
    """A document that nobody wants any more, and what is left to do: a partner that is away is told when it is back."""

    is_unpinned: bool = False
    released_at: set[CenterId] = field(default_factory=set)


@dataclass(slots=True)
class _Checking:
    """Where the rolling check stands: in which list, after which document, and how far into the one that is being read."""

    is_of_holds: bool = False
    after: Cid | None = None
    due: _Due | None = None
    offset: int = 0


def car_bound(size: int) -> int:
    """The most bytes that a CAR of a document of that size can have."""
    return size + _CAR_BYTES + _CAR_BYTES_A_LEAF * (size // CHUNK_BYTES + 1)


def _kept(known: dict[Cid, T], cid: Cid, make: Callable[[], T]) -> T:
    """What is remembered of a document. Only so much is: what is forgotten is found, told or done once more."""
    if cid not in known:
        if len(known) >= _MAX_REMEMBERED:
            known.clear()
        known[cid] = make()
    return known[cid]


def _to_nobody(_finding: Finding) -> None:
    pass


def _never() -> bool:
    return False
