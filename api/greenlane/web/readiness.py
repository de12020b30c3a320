"""Whether this server can do its work, for whatever watches over it.

The database decides: without it nothing is served. A log whose entries wait too long decides too while the chain answers, for
then its worker has stopped or halted. A chain that is away decides nothing: captures are durable without it, and anchored when it
is back; taking servers away would only lose captures. A store of documents that is away decides nothing either: events and their
receipts need none; nor do green assets, whose acts may wait, or whose standing on the chain may be old news. The same holds for a
chain that stands still: its nodes answer, its height tells nothing, and only the age of its newest block shows it. Nodes that do
not agree on the chain are told as a fault too.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from anyio import CapacityLimiter

from greenlane.core.errors import GreenlaneError
from greenlane.core.pace import standstill_s
from greenlane.ports.errors import StoreUnavailable
from greenlane.ports.holds import DocumentsStanding
from greenlane.ports.ledger import LedgerHealth, LedgerMismatch
from greenlane.services.read_log import Backlog
from greenlane.verify.ladder import Verdict
from greenlane.web.schemas import time_text
from greenlane.web.services import AssetsStanding, WebServices
from greenlane.web.shared import Shared

BEHIND_S = 120.0
"""An entry that has waited longer than this for its anchor makes its center's log one that is behind."""

_FRESH_S = 1.0
_PATIENCE_S = 3.0
# A page does not wait for a chain that hangs.
_PAGE_PATIENCE_S = 0.3
_STORE_REMEDY = (
    "Start the Kubo node that GREENLANE_DOCUMENTS_URL names, or look at the disk of the home; greenlane fsck --documents then "
    "says what is there."
)
_LACKING_REMEDY = (
    "They are brought again from whoever has them; what stays is named by document.missing and document.damaged in the worker's "
    "log, and comes back with greenlane document import out of a copy."
)
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
class ChainStanding:
    """What a node said of its chain, and what that means now.

    Attributes:
        age_s: of the newest block; 0 where its time is ahead of ours.
        is_standing_still: no block came for much longer than one takes; None where nobody seals: there a block comes when there
            is something to put into it.
    """

    health: LedgerHealth
    age_s: float
    is_standing_still: bool | None

    @property
    def is_well(self) -> bool:
        """Whether blocks come, and the nodes agree on them as far as several were asked."""
        return not self.is_standing_still and self.health.is_agreed is not False


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was found.

    Attributes:
        logs: empty where the database could not tell.
        chain: None where no node answered with what can be true.
        is_contradicted: whether nodes tell different chains, or one tells another than this deployment's.
        are_documents_up: whether the store of documents can be used; None where the database could not tell what it should hold.
        assets: how green assets stand; None where the network has none, or the database could not tell.
    """

    probes: tuple[Probe, ...]
    logs: tuple[Waiting, ...] = field(default=())
    chain: ChainStanding | None
    is_contradicted: bool
    are_documents_up: bool | None
    assets: AssetsStanding | None = None

    @property
    def is_ready(self) -> bool:
        """Whether everything that is needed is there."""
        return all(probe.verdict is Verdict.PASSED or not probe.is_needed for probe in self.probes)


class Readiness:
    """Looks at database, chain and logs, at most once a second whoever asks, and in threads of its own."""

    def __init__(self, services: WebServices) -> None:
        # One thread for each part, so that one that hangs hides no other.
        limiter = CapacityLimiter(5)
        self._clock = services.clock
        self._pulse = _Pulse()
        self._database = Shared(_database_look(services), fresh_s=_FRESH_S, limiter=limiter)
        self._chain = Shared(services.probe_ledger, fresh_s=_FRESH_S, limiter=limiter)
        self._logs = Shared(_logs_look(services), fresh_s=_FRESH_S, limiter=limiter)
        self._documents = Shared(_documents_look(services), fresh_s=_FRESH_S, limiter=limiter)
        self._assets = Shared(_assets_look(services), fresh_s=_FRESH_S, limiter=limiter)

    async def __call__(self) -> Report:
        """The report; within a few seconds, whatever hangs."""
        asked = _asked(self._database), _asked(self._chain), _asked(self._logs), _asked(self._documents)
        database, health, logs, documents = await asyncio.gather(*asked)
        assets = await _asked(self._assets)
        now = self._clock()
        if isinstance(health, GreenlaneError):
            chain, chain_probe = None, _probe("chain", health, is_needed=False)
        else:
            chain = self._standing(health, now)
            chain_probe = _chain_probe(chain)
        probes = [_probe("database", database, is_needed=True), chain_probe]
        waiting: tuple[Waiting, ...] = ()
        if isinstance(logs, GreenlaneError):
            probes.append(_probe("logs", logs, is_needed=True))
        else:
            waiting = tuple(_waiting(each, now) for each in logs)
            probes.append(_logs_probe(waiting, is_chain_well=chain is not None and chain.is_well))
        probes.append(_documents_probe(documents))
        standing = None if isinstance(assets, GreenlaneError) else assets
        if standing is not None:
            probes.append(_assets_probe(standing, now, is_chain_well=chain is not None and chain.is_well))
        is_contradicted = isinstance(health, LedgerMismatch) or (chain is not None and chain.health.is_agreed is False)
        are_documents_up: bool | None = not isinstance(documents, GreenlaneError)
        if isinstance(documents, StoreUnavailable) or (not are_documents_up and isinstance(database, GreenlaneError)):
            # The look reads the database too, and may hang there.
            are_documents_up = None
        return Report(
            probes=tuple(probes),
            logs=waiting,
            chain=chain,
            is_contradicted=is_contradicted,
            are_documents_up=are_documents_up,
            assets=standing,
        )

    async def standstill(self) -> str | None:
        """Since when the chain stands still, for a page; None where it does not, or where nobody can tell at once."""
        try:
            health = await self._chain(patience_s=_PAGE_PATIENCE_S)
        except GreenlaneError:
            return None
        standing = self._standing(health, self._clock())
        return _standstill_words(standing) if standing.is_standing_still else None

    def _standing(self, health: LedgerHealth, now: datetime) -> ChainStanding:
        age_s = max(0.0, (now - health.head_at).total_seconds())
        self._pulse.feel(health)
        is_standing_still = None if health.round is None else age_s > self._pulse.standstill_s
        return ChainStanding(health=health, age_s=age_s, is_standing_still=is_standing_still)


class _Pulse:
    """How fast blocks come, learnt by looking: the shortest time between two of them that was seen."""

    def __init__(self) -> None:
        self._last: LedgerHealth | None = None
        self._block_time_s = 0.0

    def feel(self, health: LedgerHealth) -> None:
        last = self._last
        if last is None or health.head_number != last.head_number:
            self._last = health
        if last is not None and health.head_number > last.head_number:
            apart_s = (health.head_at - last.head_at).total_seconds() / (health.head_number - last.head_number)
            self._block_time_s = apart_s if self._block_time_s == 0.0 else min(apart_s, self._block_time_s)

    @property
    def standstill_s(self) -> float:
        """A head older than this is one of a chain that stands still."""
        return standstill_s(self._block_time_s)


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
                "sealed": each.backlog.sealed,
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


def _logs_look(services: WebServices) -> Callable[[], Sequence[Backlog]]:
    def look() -> Sequence[Backlog]:
        return [services.read_log.backlog(center.id) for center in services.centers]

    return look


def _documents_look(services: WebServices) -> Callable[[], DocumentsStanding | None]:
    def look() -> DocumentsStanding | None:
        services.probe_documents()
        return services.documents_standing()

    return look


def _assets_look(services: WebServices) -> Callable[[], AssetsStanding | None]:
    def look() -> AssetsStanding | None:
        return services.assets.standing()

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


def _chain_probe(chain: ChainStanding) -> Probe:
    health = chain.health
    words = f"Chain {health.chain_id} is at block {health.head_number} of {time_text(health.head_at)}."
    if health.round:
        words += f" It was agreed on in round {health.round} only: a validator was away or late."
    if chain.is_standing_still:
        words = _standstill_words(chain)
    if health.is_agreed is False:
        words += " Its nodes do not agree on it: one of them is of another chain, far behind or at fault. Ask each for its head."
    return Probe(name="chain", verdict=Verdict.PASSED if chain.is_well else Verdict.FAILED, words=words, is_needed=False)


def _documents_probe(found: DocumentsStanding | GreenlaneError | None) -> Probe:
    if isinstance(found, StoreUnavailable):
        return _probe("documents", found, is_needed=False)
    if isinstance(found, GreenlaneError):
        away = _probe("documents", found, is_needed=False)
        return replace(away, words=f"{away.words} {_STORE_REMEDY}")
    if found is None:
        return _probe(
            "documents", "Their store answers; no comparison of what should be held with what is has ended yet.", is_needed=False
        )
    counts = f"{found.wanted} to be kept and {found.holds} to be held for others, as of {time_text(found.at)}"
    # What was found damaged after it was counted is missing in the next comparison, and is one document all the same.
    lacking = max(found.missing, found.damaged)
    if not lacking:
        return _probe("documents", f"Their store answers, and all are here: {counts}.", is_needed=False)
    rotten = f" ({found.damaged} of them damaged)" if found.damaged else ""
    words = f"Of {counts}, not here whole: {lacking}{rotten}. {_LACKING_REMEDY}"
    return Probe(name="documents", verdict=Verdict.FAILED, words=words, is_needed=False)


def _assets_probe(assets: AssetsStanding, now: datetime, *, is_chain_well: bool) -> Probe:
    waiting = sum(assets.waiting.values())
    waited_s = 0.0 if assets.oldest_kept_at is None else (now - assets.oldest_kept_at).total_seconds()
    age_s = None if assets.followed_at is None else (now - assets.followed_at).total_seconds()
    words = f"{waiting} acts wait for the chain." if waiting else "No act waits."
    if age_s is None:
        words += " The chain was not looked at for them yet."
    else:
        words += f" The chain was followed to block {assets.followed_to}, {max(0.0, age_s):.0f} s ago."
    is_behind = waited_s > BEHIND_S or (age_s is not None and age_s > BEHIND_S)
    if is_behind:
        words += (
            " Its worker has stopped or halted: look for worker.halted in the log."
            if is_chain_well
            else " They wait for the chain, and go on when it is back."
        )
    return Probe(name="green-assets", verdict=Verdict.FAILED if is_behind else Verdict.PASSED, words=words, is_needed=False)


def _standstill_words(chain: ChainStanding) -> str:
    health = chain.health
    return (
        f"The chain stands still since {time_text(health.head_at)}, block {health.head_number} (round {health.round}): "
        "captures are taken and wait, and are anchored when it goes on."
    )


def _logs_probe(logs: Sequence[Waiting], *, is_chain_well: bool) -> Probe:
    behind = [each for each in logs if each.is_behind]
    words = " ".join(map(_behind_words, behind)) if behind else "No log is behind."
    if behind and is_chain_well:
        words += " Its worker has stopped or halted: look for worker.halted in the log."
    elif behind:
        words += " They wait for the chain, and are anchored when it is back."
    verdict = Verdict.FAILED if behind else Verdict.PASSED
    return Probe(name="logs", verdict=verdict, words=words, is_needed=is_chain_well)


def _waiting(backlog: Backlog, now: datetime) -> Waiting:
    since = backlog.waiting_since
    return Waiting(backlog=backlog, waiting_s=None if since is None else max(0.0, (now - since).total_seconds()))


def _behind_words(log: Waiting) -> str:
    waiting = log.backlog.captured - log.backlog.anchored
    return f"{log.backlog.center} is behind: {waiting} entries without an anchor, the oldest for {log.waiting_s or 0:.0f} s."
