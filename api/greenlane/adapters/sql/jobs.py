"""Capture jobs in the database; what became of each event is kept as one JSON array."""

import orjson
from sqlalchemy import select

from greenlane.adapters.sql.tables import capture_job, microseconds
from greenlane.adapters.sql.work import Work
from greenlane.core.errors import Conflict
from greenlane.core.units import MemberId
from greenlane.ports.jobs import CapturedEvent, CaptureJob

_ADD_JOB = "INSERT INTO capture_job (id, center, member, created_at, events) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"


class CaptureJobTaken(Conflict):
    """Another capture job has that id."""

    code = "capture-job-taken"
    default_remedy = "Draw a new random id."


class SqlCaptureJobs:
    """The port's CaptureJobs; see there."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def add(self, job: CaptureJob) -> None:
        added = self._work.direct(
            _ADD_JOB,
            job.id,
            self._work.number_or_new(job.center),
            job.member,
            microseconds(job.created_at),
            orjson.dumps([(one.event_hash, one.leaf_index, one.is_new) for one in job.events]),
        )
        if added.rowcount != 1:
            raise CaptureJobTaken(f"There is a capture job {job.id} already.")

    def get(self, job_id: str) -> CaptureJob | None:
        row = self._work.connection.execute(select(capture_job).where(capture_job.c.id == job_id)).one_or_none()
        if row is None:
            return None
        return CaptureJob(
            id=row.id,
            center=self._work.slug(row.center),
            member=MemberId(row.member),
            created_at=row.created_at,
            events=tuple(
                CapturedEvent(event_hash=event_hash, leaf_index=leaf_index, is_new=is_new)
                for event_hash, leaf_index, is_new in orjson.loads(row.events)
            ),
        )
