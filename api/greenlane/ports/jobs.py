"""Capture jobs: what became of one capture request. Source: EPCIS 2.0, section 12 (REST binding), capture interface."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from greenlane.core.units import CenterId, MemberId


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedEvent:
    """What became of one event of the request, in the request's order."""

    event_hash: str
    leaf_index: int
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureFault:
    """Why one event was not taken; only where the client asked to go on past faults."""

    event_index: int
    where: str
    detail: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureJob:
    """One capture request that was answered with 202: its effect is durable."""

    id: str
    center: CenterId
    member: MemberId
    created_at: datetime
    events: tuple[CapturedEvent, ...]
    faults: tuple[CaptureFault, ...] = ()


class CaptureJobs(Protocol):
    """Capture jobs by id."""

    def add(self, job: CaptureJob) -> None:
        """Keeps a job; its id is new."""

    def get(self, job_id: str) -> CaptureJob | None:
        """The job, or None."""
