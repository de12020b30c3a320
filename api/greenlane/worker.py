"""The loop that moves what was captured onwards: publish, anchor, look whether it is anchored, and keep who sealed that.

Each center is served for itself: a fault of one center's log does not stop another's. Every step may be repeated, so the loop
keeps nothing that matters: kill it at any point and start another.

Documents have a thread of their own: a store of documents, a partner or a large document that takes its time holds no log back.
So have green assets, whose acts the same account of a center brings as its anchors; where both have something to send they take
turns.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from greenlane.core.errors import GreenlaneError, Unavailable
from greenlane.core.units import CenterId
from greenlane.ports.documents import DocumentsFull, DocumentsUnavailable
from greenlane.ports.ledger import LedgerUnavailable
from greenlane.services.anchor import Anchor, AnchorOutcome, AnchorStep, LogBehindChain, LogForked
from greenlane.services.bring import Bring, BringStep
from greenlane.services.certify import CaughtUp
from greenlane.services.follow_assets import FollowAssets
from greenlane.services.publish import Publish
from greenlane.services.reconcile import Finding, Reconcile
from greenlane.services.seal import Seal
from greenlane.services.sweep_uploads import SweepUploads
from greenlane.services.tidy import Tidy
from greenlane.services.watch_keys import WatchKeys

_log = logging.getLogger(__name__)
_LONGEST_PAUSE_S = 30.0
_TIDY_INTERVAL_S = 3600.0
_SWEEP_INTERVAL_S = 300.0
# What waits for a partner or another node is bounded by less; whoever waits longer is left alone, and ends with the process.
_STOP_PATIENCE_S = 20.0
# What waits for the other's transaction waits for a block or two.
_LONGEST_TURN_S = 2.0
_FOLLOW_PAUSE_S = 0.5
_CATCH_UP_PAUSE_S = 2.0
# An anchor that cannot be sent for another reason must not keep acts back for ever.
_GIVES_WAY_S = 15.0


@dataclass(slots=True)
class _Pace:
    """When to look again; times are of the monotonic clock, in seconds.

    Attributes:
        pause_s: how long the last pause for a fault was; 0 while all is well.
    """

    next_look_s: float = 0.0
    pause_s: float = 0.0

    def is_resting(self, now_s: float) -> bool:
        return now_s < self.next_look_s

    def rest(self, now_s: float, pause_s: float) -> None:
        self.pause_s = min(pause_s, _LONGEST_PAUSE_S)
        self.next_look_s = now_s + self.pause_s

    def go_on(self, next_look_s: float = 0.0) -> None:
        self.pause_s = 0.0
        self.next_look_s = next_look_s


@dataclass(slots=True)
class _Course:
    """One center's place in the loop. Publishing goes on while anchoring waits for the chain.

    Attributes:
        is_contradicted: the chain holds another history than the database: nothing more is signed until that is mended.
        has_news: this look published something.
    """

    center: CenterId
    is_current: bool = False
    is_contradicted: bool = False
    has_news: bool = False
    publishing: _Pace = field(default_factory=_Pace)
    anchoring: _Pace = field(default_factory=_Pace)
    sealing: _Pace = field(default_factory=_Pace)
    outcome: AnchorOutcome | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentWork:
    """What is done for documents.

    Attributes:
        interval_s: pause between two rounds of comparing what should be held with what is.
        store: where the documents lie, in words; no secret.
    """

    reconcile: Reconcile
    sweep_uploads: SweepUploads
    interval_s: float
    store: str = "the store of documents"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetWork:
    """What is done for green assets.

    Attributes:
        catch_up: certifies retirements of a center's members whose statement came to be known later; some in one call.
    """

    bring: Bring
    follow: FollowAssets
    catch_up: Callable[[CenterId], CaughtUp]


@dataclass(slots=True)
class _ActsCourse:
    """One center's place in the lane of green assets."""

    center: CenterId
    bringing: _Pace = field(default_factory=_Pace)
    catching_up: _Pace = field(default_factory=_Pace)
    gave_way_since_s: float | None = None
    is_current: bool = False
    is_caught_up: bool = False


class Worker:
    """Serves the hosted centers until it is told to stop."""

    def __init__(
        self,
        *,
        centers: Sequence[CenterId],
        publish: Publish,
        anchor: Anchor,
        seal: Seal | None,
        tidy: Tidy,
        watch_keys: WatchKeys,
        documents: DocumentWork | None = None,
        assets: AssetWork | None = None,
        poll_interval_s: float,
        recheck_interval_s: float,
    ) -> None:
        """Args:
        seal: None where nobody seals the chain.
        documents: None where another worker looks after them.
        assets: None where the network has no contracts of green assets.
        poll_interval_s: pause between two looks for captured entries.
        recheck_interval_s: how often an idle log is compared with the chain, which may have lost something, and the log keys and
            validators with the registry, which may have others by now.
        """
        self._publish = publish
        self._anchor = anchor
        self._seal = seal
        self._following = _Pace()
        self._tidy = tidy
        self._tidying = _Pace()
        self._watch_keys = watch_keys
        self._watching = _Pace()
        self._documents = documents
        self._assets = assets
        self._acts = [_ActsCourse(center) for center in centers]
        self._following_assets = _Pace()
        self._are_assets_followed = False
        # Centers whose anchor could not be sent; told by one thread, read by the other.
        self._anchors_waiting: set[CenterId] = set()
        self._comparing = _Pace()
        self._sweeping = _Pace()
        self._poll_interval_s = poll_interval_s
        self._recheck_interval_s = recheck_interval_s
        self._courses = [_Course(center) for center in centers]

    def run(self, stop: threading.Event) -> None:
        """Works until `stop` is set; a step in progress is finished first."""
        _log.info("worker.started", extra={"centers": [course.center for course in self._courses]})
        lanes = [
            threading.Thread(target=self._look_after_documents, args=(stop,), name="documents", daemon=True),
            threading.Thread(target=self._look_after_assets, args=(stop,), name="assets", daemon=True),
        ]
        for lane in lanes:
            lane.start()
        while not stop.is_set():
            self._look_at_keys()
            self._follow_validators()
            for course in self._courses:
                if not stop.is_set():
                    self.step(course)
            self._tidy_up()
            stop.wait(self._poll_interval_s)
        end_s = time.monotonic() + _STOP_PATIENCE_S
        for lane in lanes:
            lane.join(max(0.0, end_s - time.monotonic()))
        _log.info("worker.stopped")

    def run_until_current(self, *, patience_s: float) -> bool:
        """Works until every center's newest checkpoint is anchored and its acts are decided; False where that took longer than
        `patience_s`.
        """
        end_s = time.monotonic() + patience_s
        while time.monotonic() < end_s:
            self._look_at_keys()
            self._follow_validators()
            for course in self._courses:
                self.step(course)
            self.step_of_assets()
            if all(course.is_current for course in self._courses) and self._are_assets_settled():
                return True
            time.sleep(self._poll_interval_s)
        return False

    def step(self, course: _Course) -> None:
        """One look at one center: first at the chain, because nothing may be built on what contradicts it."""
        course.has_news = False
        self._attempt(course.center, course.anchoring, lambda: self._anchor_the_newest(course))
        if course.is_contradicted:
            return
        self._attempt(course.center, course.publishing, lambda: self._publish_what_waits(course))
        if course.has_news:
            self._attempt(course.center, course.anchoring, lambda: self._anchor_the_newest(course))
        self._attempt(course.center, course.sealing, lambda: self._seal_what_waits(course))

    def _publish_what_waits(self, course: _Course) -> None:
        while (checkpoint := self._publish(course.center)) is not None:
            course.is_current = False
            course.has_news = True
            if not course.anchoring.pause_s:
                course.anchoring.go_on()
            _log.info("checkpoint.signed", extra={"center": course.center, "tree_size": checkpoint.tree_size})
        course.publishing.go_on()

    def _anchor_the_newest(self, course: _Course) -> None:
        try:
            outcome = self._anchor(course.center)
        except LedgerUnavailable:
            self._anchors_waiting.add(course.center)
            raise
        except (LogBehindChain, LogForked):
            # The center's key must not sign another history beside the one that the chain holds.
            course.is_contradicted = True
            raise
        course.is_contradicted = False
        self._anchors_waiting.discard(course.center)
        self._note(course, outcome)
        course.is_current = outcome.step is AnchorStep.CURRENT
        course.anchoring.go_on(time.monotonic() + self._recheck_interval_s if course.is_current else 0.0)

    def _seal_what_waits(self, course: _Course) -> None:
        if self._seal is None:
            course.sealing.go_on(math.inf)
            return
        outcome = self._seal(course.center)
        if outcome.kept:
            _log.info("anchors.sealed", extra={"center": course.center, "kept": outcome.kept})
        course.sealing.go_on(time.monotonic() + self._recheck_interval_s if outcome.is_current else 0.0)

    def _follow_validators(self) -> None:
        def follow() -> None:
            if self._seal is None:
                self._following.go_on(math.inf)
                return
            found = self._seal.follow()
            if found:
                _log.info("validators.followed", extra={"changes": found})
            self._following.go_on(time.monotonic() + self._recheck_interval_s)

        self._attempt(None, self._following, follow)

    def _look_at_keys(self) -> None:
        def look() -> None:
            self._watch_keys()
            self._watching.go_on(time.monotonic() + self._recheck_interval_s)

        self._attempt(None, self._watching, look)

    def _look_after_documents(self, stop: threading.Event) -> None:
        """The lane of documents, until `stop` is set; what is in progress then is given up within seconds."""
        while self._documents is not None and not stop.is_set():
            self.step_of_documents(stop)
            stop.wait(self._poll_interval_s)

    def step_of_documents(self, stop: threading.Event) -> None:
        """One look at documents: a part of a round, and at uploads whose time is over."""
        work = self._documents
        if work is None:
            return

        def compare() -> None:
            standing = work.reconcile(tell=_tell, is_stopping=stop.is_set)
            if standing is None:
                self._comparing.go_on()
                return
            self._comparing.go_on(time.monotonic() + work.interval_s)
            if standing.missing or standing.damaged:
                extra = {"missing": standing.missing, "damaged": standing.damaged}
                _log.warning("documents.compared", extra=extra | {"wanted": standing.wanted, "holds": standing.holds})

        def sweep() -> None:
            if dropped := work.sweep_uploads():
                _log.info("uploads.dropped", extra={"count": dropped})
            self._sweeping.go_on(time.monotonic() + _SWEEP_INTERVAL_S)

        self._attempt(None, self._comparing, compare)
        self._attempt(None, self._sweeping, sweep)

    def _look_after_assets(self, stop: threading.Event) -> None:
        """The lane of green assets, until `stop` is set."""
        while self._assets is not None and not stop.is_set():
            self.step_of_assets()
            stop.wait(self._poll_interval_s)

    def step_of_assets(self) -> None:
        """One look at green assets: acts of each center that wait, what the chain made of them, certificates that were left."""
        work = self._assets
        if work is None:
            return
        for course in self._acts:
            if not self._gives_way(course):
                bring = partial(self._bring, work, course)
                self._attempt(course.center, course.bringing, bring, longest_s=_LONGEST_TURN_S)

        def follow() -> None:
            self._are_assets_followed = work.follow()
            # Each look is two questions to a node; what was brought meanwhile is looked for at once.
            self._following_assets.go_on(time.monotonic() + _FOLLOW_PAUSE_S if self._are_assets_followed else 0.0)

        self._attempt(None, self._following_assets, follow)
        for course in self._acts:
            self._attempt(course.center, course.catching_up, partial(self._catch_up, work, course))

    def _catch_up(self, work: AssetWork, course: _ActsCourse) -> None:
        course.is_caught_up = False
        outcome = work.catch_up(course.center)
        if outcome.certified:
            _log.info("retirements.certified_late", extra={"center": course.center, "count": outcome.certified})
        # What was certified is to be published and anchored, before all is settled.
        course.is_caught_up = not outcome.certified and not outcome.has_more
        course.catching_up.go_on(time.monotonic() + _CATCH_UP_PAUSE_S if course.is_caught_up else 0.0)

    def _bring(self, work: AssetWork, course: _ActsCourse) -> None:
        course.is_current = False
        outcome = work.bring(course.center)
        if outcome.brought:
            self._are_assets_followed = False
            self._following_assets.go_on()
            _log.info("acts.brought", extra={"center": course.center, "count": outcome.brought})
        course.is_current = outcome.step is BringStep.CURRENT
        course.bringing.go_on()

    def _gives_way(self, course: _ActsCourse) -> bool:
        """Whether the account is left to an anchor that waits for it, for a while."""
        now_s = time.monotonic()
        if course.center not in self._anchors_waiting:
            course.gave_way_since_s = None
            return False
        if course.gave_way_since_s is None:
            course.gave_way_since_s = now_s
        # Longer than that the anchor waits for something else.
        return now_s - course.gave_way_since_s < _GIVES_WAY_S

    def _are_assets_settled(self) -> bool:
        are_decided = all(course.is_current and course.is_caught_up for course in self._acts)
        return self._assets is None or (self._are_assets_followed and are_decided)

    def _tidy_up(self) -> None:
        def tidy() -> None:
            self._tidy()
            self._tidying.go_on(time.monotonic() + _TIDY_INTERVAL_S)

        self._attempt(None, self._tidying, tidy)

    def _attempt(
        self, center: CenterId | None, pace: _Pace, work: Callable[[], None], *, longest_s: float = _LONGEST_PAUSE_S
    ) -> None:
        """Does a piece of work if its time has come; whatever goes wrong with it stays its own.

        Args:
            longest_s: pause while something is away.
        """
        now_s = time.monotonic()
        if pace.is_resting(now_s):
            return
        try:
            work()
        except Unavailable as fault:
            # The chain or the database is away: look again, less and less often, and say so each time.
            pace.rest(now_s, min(max(pace.pause_s * 2, 0.5), longest_s))
            extra = {"center": center, "code": fault.code, "pause_s": pace.pause_s} | self._about(fault)
            _log.warning("worker.waiting", extra=extra)
        except GreenlaneError as fault:
            # A contradiction that no waiting mends: this center stands still until somebody looks; the others go on.
            pace.rest(now_s, _LONGEST_PAUSE_S)
            _log.error("worker.halted", extra={"center": center, "code": fault.code, "detail": str(fault)})
        except Exception:  # noqa: BLE001 a fault of ours must not end the other centers' service with it
            pace.rest(now_s, _LONGEST_PAUSE_S)
            _log.exception("worker.halted", extra={"center": center, "code": "unforeseen"})

    def _about(self, fault: Unavailable) -> dict[str, str]:
        """Which store of documents is away, and why; nothing of any other fault, whose center is told."""
        if self._documents is None or not isinstance(fault, DocumentsUnavailable | DocumentsFull):
            return {}
        return {"store": self._documents.store, "detail": fault.detail}

    def _note(self, course: _Course, outcome: AnchorOutcome) -> None:
        if outcome.lost:
            _log.warning("anchors.lost", extra={"center": course.center, "lost": outcome.lost, "anchored": outcome.anchored})
        if outcome.step is AnchorStep.SUBMITTED:
            _log.info("anchor.submitted", extra={"center": course.center, "tree_size": outcome.target})
        is_news = course.outcome is None or outcome.anchored != course.outcome.anchored or outcome.lost > 0
        # What is newly anchored has no seals yet; where sealing rests for a fault, it goes on resting.
        if is_news and not course.sealing.pause_s:
            course.sealing.go_on()
        if course.outcome is not None and outcome.anchored > course.outcome.anchored:
            _log.info("checkpoint.anchored", extra={"center": course.center, "tree_size": outcome.anchored})
        course.outcome = outcome


def _tell(finding: Finding) -> None:
    facts = {"cid": None if finding.cid is None else finding.cid.text, "partner": finding.partner, "count": finding.count}
    extra = {name: fact for name, fact in facts.items() if fact is not None}
    if finding.detail:
        extra["detail"] = finding.detail
    _log.log(logging.WARNING if finding.is_trouble else logging.INFO, finding.kind.value, extra=extra)
