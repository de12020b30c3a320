"""What partners are asked: to hold what is ours, and to let it go. Each has its own place in the round and its own pauses."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from greenlane.core.documents.cid import Cid
from greenlane.ports.clock import Clock
from greenlane.ports.holds import Partner, PartnerRefused, PartnerStanding, PartnerUnavailable, Replica
from greenlane.ports.store import Store
from greenlane.services.reconcile.findings import Finding, FindingKind, Telling
from greenlane.services.reconcile.pace import Pauses, ReconcilePace


@dataclass(slots=True)
class Course:
    """One partner's place in the round.

    Attributes:
        asking: pauses after it was away.
        fetching: pauses after it sent what is refused; it may hold well all the same.
        is_done: everything was asked that had to be in this round.
        waiting: asks of this round that it has not confirmed.
    """

    partner: Partner
    asking: Pauses = field(default_factory=Pauses)
    fetching: Pauses = field(default_factory=Pauses)
    away_since: datetime | None = None
    after: Cid | None = None
    is_done: bool = False
    waiting: int = 0


class Partners:
    """All partners of this deployment."""

    def __init__(self, *, store: Store, partners: Sequence[Partner], clock: Clock, pace: ReconcilePace, telling: Telling) -> None:
        self._store = store
        self._clock = clock
        self._pace = pace
        self._telling = telling
        self.courses = {partner.center: Course(partner) for partner in partners}

    def __iter__(self) -> Iterator[Course]:
        return iter(self.courses.values())

    @property
    def is_done(self) -> bool:
        """Whether everybody was asked what had to be asked in this round."""
        return all(course.is_done for course in self)

    def begin(self) -> None:
        """A new round."""
        for course in self:
            course.after, course.is_done, course.waiting = None, False, 0

    def standings(self) -> tuple[PartnerStanding, ...]:
        """What this round found of each."""
        return tuple(
            PartnerStanding(center=center, waiting=course.waiting, away_since=course.away_since)
            for center, course in self.courses.items()
        )

    def count_replicas(self, holders: Sequence[Replica]) -> int:
        """How many of those who hold a document are partners still."""
        return sum(replica.partner in self.courses for replica in holders)

    def ask(self, is_asked: Callable[[Cid], None]) -> None:
        """Asks each partner for the next of what it has not confirmed.

        Args:
            is_asked: is told of each document that is asked for.
        """
        for course in self:
            self._ask(course, is_asked)

    def release(self, course: Course, cid: Cid) -> bool:
        """Tells a partner that it need not hold a document any more; False where it could not be told yet."""
        center = course.partner.center
        if course.asking.is_resting(self._clock()):
            return False
        try:
            course.partner.release(cid)
        except PartnerRefused as refusal:
            # Asking again would get the same answer; its operator can be told.
            self.refuses(course, cid, refusal)
        except PartnerUnavailable as fault:
            self.is_away(course, fault)
            return False
        self.is_back(course)
        # Where it is wanted again by now, it is asked for again: its word is forgotten either way.
        with self._store.write() as tx:
            tx.holds.unconfirm(center, cid)
        return True

    def is_lost_at(self, course: Course, cid: Cid) -> None:
        """A partner does not hold what it said it held: its word counts no more."""
        center = course.partner.center
        with self._store.read() as tx:
            is_known = any(replica.partner == center for replica in tx.holds.holders(cid))
        if not is_known:
            return
        with self._store.write() as tx:
            tx.holds.unconfirm(center, cid)
        self._telling.tell(Finding(kind=FindingKind.REPLICA_LOST, cid=cid, partner=center))

    def refuses(self, course: Course, cid: Cid, refusal: PartnerRefused) -> None:
        """A partner does not take one thing."""
        center = course.partner.center
        self._telling.tell_once(Finding(kind=FindingKind.ASK_REFUSED, cid=cid, partner=center, detail=refusal.detail))

    def is_away(self, course: Course, fault: PartnerUnavailable) -> None:
        """A partner did not answer."""
        now = self._clock()
        course.asking.rest(now)
        if course.away_since is None:
            course.away_since = now
            self._telling.tell(Finding(kind=FindingKind.PARTNER_AWAY, partner=course.partner.center, detail=str(fault)))

    def is_back(self, course: Course) -> None:
        """A partner answered."""
        course.asking.go_on()
        if course.away_since is not None:
            course.away_since = None
            self._telling.tell(Finding(kind=FindingKind.PARTNER_BACK, partner=course.partner.center))

    def _ask(self, course: Course, is_asked: Callable[[Cid], None]) -> None:
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
            self._telling.stop_if_told()
            course.after = cid
            is_asked(cid)
            try:
                is_held = course.partner.ask_to_hold(cid, size)
            except PartnerRefused as refusal:
                self.refuses(course, cid, refusal)
                self.is_lost_at(course, cid)
                course.waiting += 1
                continue
            except PartnerUnavailable as fault:
                self.is_away(course, fault)
                course.is_done = True
                return
            self.is_back(course)
            if is_held:
                with self._store.write() as tx:
                    tx.holds.confirm(Replica(partner=center, cid=cid, confirmed_at=self._clock()))
                self._telling.tell(Finding(kind=FindingKind.REPLICATED, cid=cid, partner=center))
            else:
                self.is_lost_at(course, cid)
                course.waiting += 1
        course.is_done = len(page) < self._pace.asked
