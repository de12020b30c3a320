"""What an operator's Prometheus reads: how far the logs are, how the chain stands, and what this process has answered.

Gauges are read from the database and the chain at the moment of the scrape, so they are the same whichever process of a server
answers. What is counted is counted in each process for itself, and bears the process's number: whoever wants the server's count
takes the sum. What is not known is left out: absent is not nought.
Source: Prometheus, text exposition format; its conventions for names (base units, `_total`).
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version

from anyio import CapacityLimiter
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from greenlane.core.errors import GreenlaneError
from greenlane.ports.holds import DocumentsStanding
from greenlane.ports.jobs import CaptureJob
from greenlane.verify.ladder import Verdict
from greenlane.web.readiness import Readiness, Report, Waiting
from greenlane.web.services import AssetsStanding, FollowedSeals, WebServices
from greenlane.web.shared import Shared

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_FRESH_S = 1.0
_PATIENCE_S = 3.0
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"})
"""That some route here takes; others are counted together, so that nobody makes series by inventing methods."""
_UNMATCHED = "unmatched"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What stands beside the logs in the database.

    Attributes:
        followed: None where nobody seals.
        documents: None before they were compared for the first time.
    """

    pending: int
    followed: FollowedSeals | None
    documents: DocumentsStanding | None


class Metrics:
    """Counts what one application answers, and writes everything down when it is asked to."""

    def __init__(self, services: WebServices, readiness: Readiness) -> None:
        self._readiness = readiness
        self._is_sealed = services.followed_seals is not None
        self._kept = Shared(_kept_look(services), fresh_s=_FRESH_S, limiter=CapacityLimiter(1))
        self._process = str(os.getpid())
        # A registry of its own: the library's is one for the whole process, whoever else uses it.
        self._counts = CollectorRegistry()
        self._requests = Counter(
            "greenlane_http_requests",
            "Requests that this process answered, by route and class of status.",
            ("process", "method", "route", "status"),
            registry=self._counts,
        )
        self._seconds = Histogram(
            "greenlane_http_request_seconds",
            "How long this process took to answer.",
            ("process", "route"),
            buckets=_SECONDS,
            registry=self._counts,
        )
        self._captured = Counter(
            "greenlane_captured_events",
            "Events in captures that this process answered; known ones were captured before and kept their entry.",
            ("process", "center", "kind"),
            registry=self._counts,
        )

    def answered(self, method: str, route: str | None, status: int, elapsed_s: float) -> None:
        """Counts one request.

        Args:
            route: the template of its path; None where no route took it.
            status: of the answer; 0 where there was none.
        """
        template = route or _UNMATCHED
        known = method if method in _METHODS else "other"
        self._requests.labels(self._process, known, template, f"{status // 100}xx" if status else "none").inc()
        self._seconds.labels(self._process, template).observe(elapsed_s)

    def captured(self, job: CaptureJob) -> None:
        """Counts the events of one capture; a repeated request is counted again."""
        new = sum(event.is_new for event in job.events)
        for kind, count in (("new", new), ("known", len(job.events) - new)):
            if count:
                self._captured.labels(self._process, job.center, kind).inc(count)

    async def exposition(self) -> bytes:
        """Everything, in Prometheus' text form; within a few seconds, whatever hangs."""
        report = await self._readiness()
        try:
            kept = await self._kept(patience_s=_PATIENCE_S)
        except GreenlaneError:
            kept = None
        registry = CollectorRegistry()
        registry.register(_Collected([*_gauges(report, kept, is_sealed=self._is_sealed), *_without_birthdays(self._counts)]))
        return generate_latest(registry)


class _Collected(Collector):
    """Metrics that were gathered before."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = tuple(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


def _kept_look(services: WebServices) -> Callable[[], _Kept]:
    def look() -> _Kept:
        followed = services.followed_seals
        return _Kept(
            pending=services.count_pending(),
            followed=None if followed is None else followed(),
            documents=services.documents_standing(),
        )

    return look


def _without_birthdays(counts: CollectorRegistry) -> Iterator[Metric]:
    """What was counted, without the series that tell when each count began: nobody asks, and they are as many as the counts."""
    for family in counts.collect():
        family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
        yield family


def _gauges(report: Report, kept: _Kept | None, *, is_sealed: bool) -> Iterator[Metric]:
    info = GaugeMetricFamily("greenlane_info", "The release that runs.", labels=("version",))
    info.add_metric((version("greenlane"),), 1)
    yield info
    yield GaugeMetricFamily("greenlane_ready", "Whether this server can do its work.", value=report.is_ready)
    probes = GaugeMetricFamily("greenlane_probe_passed", "Whether a part that was looked at is well.", labels=("probe",))
    for probe in report.probes:
        probes.add_metric((probe.name,), probe.verdict is Verdict.PASSED)
    yield probes
    yield from _of_logs(report.logs, is_sealed=is_sealed)
    yield from _of_chain(report)
    if report.assets is not None:
        yield from _of_assets(report.assets)
    if report.are_documents_up is not None:
        words = "Whether the store of documents can be used."
        yield GaugeMetricFamily("greenlane_documents_store_up", words, value=report.are_documents_up)
    if kept is not None:
        name = "greenlane_outbox_pending"
        yield GaugeMetricFamily(name, "Transactions that are signed and whose effect is not known yet.", value=kept.pending)
        if kept.followed is not None:
            yield from _of_seals(kept.followed)
        if kept.documents is not None:
            yield from _of_documents(kept.documents, is_store_up=report.are_documents_up is True)


def _of_logs(logs: Iterable[Waiting], *, is_sealed: bool) -> Iterator[Metric]:
    entries = GaugeMetricFamily("greenlane_log_entries", "How far a center's log has come.", labels=("center", "stage"))
    waiting = GaugeMetricFamily(
        "greenlane_log_waiting_seconds", "For how long the oldest entry without an anchor has waited.", labels=("center",)
    )
    behind = GaugeMetricFamily("greenlane_log_behind", "Whether that is too long.", labels=("center",))
    for log in logs:
        center = log.backlog.center
        stages = {"captured": log.backlog.captured, "published": log.backlog.published, "anchored": log.backlog.anchored}
        if is_sealed:
            stages["sealed"] = log.backlog.sealed
        for stage, size in stages.items():
            entries.add_metric((center, stage), size)
        waiting.add_metric((center,), log.waiting_s or 0.0)
        behind.add_metric((center,), log.is_behind)
    yield from (entries, waiting, behind)


def _of_chain(report: Report) -> Iterator[Metric]:
    chain, is_contradicted = report.chain, report.is_contradicted
    does_answer = chain is not None or is_contradicted
    yield GaugeMetricFamily("greenlane_chain_answers", "Whether a node of the chain answers.", value=does_answer)
    if is_contradicted or (chain is not None and chain.health.is_agreed):
        words = "Whether the nodes that answered tell one chain, and the right one."
        yield GaugeMetricFamily("greenlane_chain_nodes_agree", words, value=not is_contradicted)
    if chain is None:
        return
    health = chain.health
    told: tuple[tuple[str, str, float | None], ...] = (
        ("head_number", "The newest block.", health.head_number),
        ("head_timestamp_seconds", "When it was made, in unix time.", health.head_at.timestamp()),
        ("head_age_seconds", "How old it is.", chain.age_s),
        ("head_round", "In which round the validators agreed on it; above 0 they failed at first.", health.round),
        ("stands_still", "Whether no block came for much longer than one takes.", chain.is_standing_still),
    )
    for name, words, value in told:
        if value is not None:
            yield GaugeMetricFamily(f"greenlane_chain_{name}", words, value=value)


def _of_seals(followed: FollowedSeals) -> Iterator[Metric]:
    yield GaugeMetricFamily("greenlane_chain_validators", "Validators that seal now.", value=len(followed.validators))
    name = "greenlane_chain_followed_to_block"
    yield GaugeMetricFamily(name, "Up to here no change of the validator set is missing.", value=followed.followed_to)


def _of_documents(standing: DocumentsStanding, *, is_store_up: bool) -> Iterator[Metric]:
    if is_store_up:
        # What a store held when it was last compared says nothing of one that is gone.
        yield from _of_held(standing)
    words = "When the last comparison of documents with their pins ended, in unix time."
    yield GaugeMetricFamily("greenlane_documents_compared_timestamp_seconds", words, value=standing.at.timestamp())
    words = "Members' documents, by how many partners say that they hold them."
    replicated = GaugeMetricFamily("greenlane_documents_replicated", words, labels=("partners",))
    # From none on, so that a number that went to nought is seen.
    counts = dict(standing.replicas)
    for copies in range(max(len(standing.partners), *counts, 0) + 1):
        replicated.add_metric((str(copies),), counts.get(copies, 0))
    yield replicated
    answers = GaugeMetricFamily("greenlane_partner_answers", "Whether another center's server answers.", labels=("partner",))
    words = "Documents that a partner was asked to hold in the last round and did not confirm."
    waiting = GaugeMetricFamily("greenlane_partner_waiting", words, labels=("partner",))
    for partner in standing.partners:
        answers.add_metric((partner.center,), partner.away_since is None)
        waiting.add_metric((partner.center,), partner.waiting)
    yield from (answers, waiting)


def _of_assets(assets: AssetsStanding) -> Iterator[Metric]:
    words = "Acts of members that the chain has not decided."
    waiting = GaugeMetricFamily("greenlane_acts_waiting", words, labels=("center",))
    for center, count in assets.waiting.items():
        waiting.add_metric((center,), count)
    yield waiting
    oldest, followed = assets.oldest_kept_at, assets.followed_at
    if oldest is not None:
        words = "When the oldest act that waits was kept, in Unix seconds; not told while none waits."
        yield GaugeMetricFamily("greenlane_acts_oldest_kept_timestamp_seconds", words, value=oldest.timestamp())
    if followed is not None and assets.followed_to is not None:
        words = "When the chain was last looked at for green assets, in Unix seconds."
        yield GaugeMetricFamily("greenlane_assets_followed_timestamp_seconds", words, value=followed.timestamp())
        words = "The block up to which the chain was followed for green assets."
        yield GaugeMetricFamily("greenlane_assets_followed_block", words, value=assets.followed_to)


def _of_held(standing: DocumentsStanding) -> Iterator[Metric]:
    words = "Documents that should be held here, by why, and how many of them are; not told while their store is away."
    documents = GaugeMetricFamily("greenlane_documents", words, labels=("kept_for", "state"))
    for kept_for, wanted, here in (
        ("members", standing.wanted, standing.wanted_here),
        ("partners", standing.holds, standing.holds_here),
    ):
        for state, count in (("wanted", wanted), ("held", here), ("missing", wanted - here)):
            documents.add_metric((kept_for, state), count)
    yield documents
    words = "Documents whose bytes here are no longer what their names say, and could not be brought again yet."
    yield GaugeMetricFamily("greenlane_documents_damaged", words, value=standing.damaged)
