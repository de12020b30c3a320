"""The loop that moves what was captured onwards: publish, anchor, look whether it is anchored.

Each center is served for itself: a fault of one center's log does not stop another's. Every step may be repeated, so the loop
keeps nothing that matters: kill it at any point and start another.
"""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from greenlane.core.errors import GreenlaneError, Unavailable
from greenlane.core.units import CenterId
from greenlane.services.anchor import Anchor, AnchorOutcome, AnchorStep
from greenlane.services.publish import Publish

_log = logging.getLogger(__name__)
_LONGEST_PAUSE_S = 30.0


@dataclass(slots=True)
class _Course:
    """One center's place in the loop; times are of the monotonic clock, in seconds."""

    center: CenterId
    is_current: bool = False
    next_look_s: float = 0.0
    pause_s: float = 0.0
    outcome: AnchorOutcome | None = field(default=None)


class Worker:
    """Serves the hosted centers until it is told to stop."""

    def __init__(
        self,
        *,
        centers: Sequence[CenterId],
        publish: Publish,
        anchor: Anchor,
        poll_interval_s: float,
        recheck_interval_s: float,
    ) -> None:
        """Args:
        poll_interval_s: pause between two looks for captured entries.
        recheck_interval_s: how often an idle log is compared with the chain, which may have lost something.
        """
        self._publish = publish
        self._anchor = anchor
        self._poll_interval_s = poll_interval_s
        self._recheck_interval_s = recheck_interval_s
        self._courses = [_Course(center) for center in centers]

    def run(self, stop: threading.Event) -> None:
        """Works until `stop` is set; a step in progress is finished first."""
        _log.info("worker.started", extra={"centers": [course.center for course in self._courses]})
        while not stop.is_set():
            for course in self._courses:
                if not stop.is_set():
                    self.step(course)
            stop.wait(self._poll_interval_s)
        _log.info("worker.stopped")

    def run_until_current(self, *, patience_s: float) -> bool:
        """Works until every center's newest checkpoint is anchored; False where that took longer than `patience_s`."""
        end_s = time.monotonic() + patience_s
        while time.monotonic() < end_s:
            for course in self._courses:
                self.step(course)
            if all(course.is_current for course in self._courses):
                return True
            time.sleep(self._poll_interval_s)
        return False

    def step(self, course: _Course) -> None:
        """One look at one center."""
        now_s = time.monotonic()
        if now_s < course.next_look_s and course.pause_s:
            return
        try:
            while (checkpoint := self._publish(course.center)) is not None:
                course.is_current = False
                _log.info("checkpoint.signed", extra={"center": course.center, "tree_size": checkpoint.tree_size})
            if course.is_current and now_s < course.next_look_s:
                return
            outcome = self._anchor(course.center)
        except Unavailable as fault:
            # The chain or the database is away: look again, less and less often, and say so each time.
            course.pause_s = min(max(course.pause_s * 2, 0.5), _LONGEST_PAUSE_S)
            course.next_look_s = now_s + course.pause_s
            _log.warning("worker.waiting", extra={"center": course.center, "code": fault.code, "pause_s": course.pause_s})
            return
        except GreenlaneError as fault:
            # A contradiction that no waiting mends: this center stands still until somebody looks; the others go on.
            course.pause_s = _LONGEST_PAUSE_S
            course.next_look_s = now_s + _LONGEST_PAUSE_S
            _log.error("worker.halted", extra={"center": course.center, "code": fault.code, "detail": str(fault)})
            return
        course.pause_s = 0.0
        self._note(course, outcome)
        course.is_current = outcome.step is AnchorStep.CURRENT
        course.next_look_s = now_s + (self._recheck_interval_s if course.is_current else 0.0)

    def _note(self, course: _Course, outcome: AnchorOutcome) -> None:
        if outcome.lost:
            _log.warning("anchors.lost", extra={"center": course.center, "lost": outcome.lost, "anchored": outcome.anchored})
        if outcome.step is AnchorStep.SUBMITTED:
            _log.info("anchor.submitted", extra={"center": course.center, "tree_size": outcome.target})
        if course.outcome is not None and outcome.anchored > course.outcome.anchored:
            _log.info("checkpoint.anchored", extra={"center": course.center, "tree_size": outcome.anchored})
        course.outcome = outcome
