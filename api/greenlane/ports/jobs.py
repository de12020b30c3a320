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
class CaptureJob:
    """One capture request that was answered with 202: every event of it was taken, durably."""

    id: str
    center: CenterId
    member: MemberId
    created_at: datetime
    events: tuple[CapturedEvent, ...]


class CaptureJobs(Protocol):
    """Capture jobs by id."""

    def add(self, job: CaptureJob) -> None:
        """Keeps a job; its id is new."""

    def get(self, job_id: str) -> CaptureJob | None:
        """The job, or None."""
