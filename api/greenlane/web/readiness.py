"""Whether this server can do its work, for whatever watches over it.

The database decides: without it nothing is served. A log whose entries wait too long decides too while the chain answers, for
then its worker has stopped or halted. A chain that is away decides nothing: captures are durable without it, and anchored when it
is back; taking servers away would only lose captures.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from anyio import CapacityLimiter

from greenlane.core.errors import GreenlaneError
from greenlane.services.read_log import Backlog
from greenlane.verify.ladder import Verdict
from greenlane.web.schemas import time_text
from greenlane.web.services import WebServices
from greenlane.web.shared import Shared

BEHIND_S = 120.0
"""An entry that has waited longer than this for its anchor makes its center's log one that is behind."""

_FRESH_S = 1.0
_PATIENCE_S = 3.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One part that was looked at.

    Attributes:
        is_needed: where it failed, the server is not ready.
    """

    name: str
    verdict: Verdict
    words: str
    is_needed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One log's backlog, and for how many seconds its oldest entry without an anchor has waited; None where none waits."""

    backlog: Backlog
    waiting_s: float | None

    @property
    def is_behind(self) -> bool:
        """Whether it has waited too long."""
        return self.waiting_s is not None and self.waiting_s > BEHIND_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was found; `logs` is empty where the database could not tell."""

    probes: tuple[Probe, ...]
    logs: tuple[Waiting, ...] = field(default=())

    @property
    def is_ready(self) -> bool:
        """Whether everything that is needed is there."""
        return all(probe.verdict is Verdict.PASSED or not probe.is_needed for probe in self.probes)


class Readiness:
    """Looks at database, chain and logs, at most once a second whoever asks, and in threads of its own."""

    def __init__(self, services: WebServices) -> None:
        # One thread for each part, so that one that hangs hides no other.
        limiter = CapacityLimiter(3)
        self._clock = services.clock
        self._database = Shared(_database_look(services), fresh_s=_FRESH_S, limiter=limiter)
        self._chain = Shared(_chain_look(services), fresh_s=_FRESH_S, limiter=limiter)
        self._logs = Shared(_logs_look(services), fresh_s=_FRESH_S, limiter=limiter)

    async def __call__(self) -> Report:
        """The report; within a few seconds, whatever hangs."""
        asked = _asked(self._database), _asked(self._chain), _asked(self._logs)
        database, chain, logs = await asyncio.gather(*asked)
        is_chain_there = isinstance(chain, str)
        probes = [_probe("database", database, is_needed=True), _probe("chain", chain, is_needed=False)]
        if isinstance(logs, GreenlaneError):
            return Report(probes=(*probes, _probe("logs", logs, is_needed=True)))
        now = self._clock()
        waiting = tuple(_waiting(each, now) for each in logs)
        behind = [each for each in waiting if each.is_behind]
        words = " ".join(map(_behind_words, behind)) if behind else "No log is behind."
        if behind and is_chain_there:
            words += " Its worker has stopped or halted: look for worker.halted in the log."
        elif behind:
            words += " They wait for the chain, and are anchored when it is back."
        verdict = Verdict.FAILED if behind else Verdict.PASSED
        return Report(probes=(*probes, Probe(name="logs", verdict=verdict, words=words, is_needed=is_chain_there)), logs=waiting)


def report_value(report: Report) -> dict[str, Any]:
    """The report as JSON."""
    return {
        "isReady": report.is_ready,
        "probes": [
            {"name": probe.name, "verdict": probe.verdict.value, "words": probe.words, "isNeeded": probe.is_needed}
            for probe in report.probes
        ],
        "logs": [
            {
                "center": each.backlog.center,
                "captured": each.backlog.captured,
                "published": each.backlog.published,
                "anchored": each.backlog.anchored,
                "waitingSeconds": None if each.waiting_s is None else round(each.waiting_s, 1),
                "isBehind": each.is_behind,
            }
            for each in report.logs
        ],
    }


def _database_look(services: WebServices) -> Callable[[], str]:
    def look() -> str:
        services.probe_store()
        return "It answers."

    return look


def _chain_look(services: WebServices) -> Callable[[], str]:
    def look() -> str:
        health = services.probe_ledger()
        return f"Chain {health.chain_id} is at block {health.head_number} of {time_text(health.head_at)}."

    return look


def _logs_look(services: WebServices) -> Callable[[], Sequence[Backlog]]:
    def look() -> Sequence[Backlog]:
        return [services.read_log.backlog(center.id) for center in services.centers]

    return look


async def _asked(shared: Shared[T]) -> T | GreenlaneError:
    try:
        return await shared(patience_s=_PATIENCE_S)
    except GreenlaneError as fault:
        return fault


def _probe(name: str, found: str | GreenlaneError, *, is_needed: bool) -> Probe:
    if isinstance(found, GreenlaneError):
        words = found.detail if is_needed else f"{found.detail} Captures are taken all the same."
        return Probe(name=name, verdict=Verdict.FAILED, words=words, is_needed=is_needed)
    return Probe(name=name, verdict=Verdict.PASSED, words=found, is_needed=is_needed)


def _waiting(backlog: Backlog, now: datetime) -> Waiting:
    since = backlog.waiting_since
    return Waiting(backlog=backlog, waiting_s=None if since is None else max(0.0, (now - since).total_seconds()))


def _behind_words(log: Waiting) -> str:
    waiting = log.backlog.captured - log.backlog.anchored
    return f"{log.backlog.center} is behind: {waiting} entries without an anchor, the oldest for {log.waiting_s or 0:.0f} s."
