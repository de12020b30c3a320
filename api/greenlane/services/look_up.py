"""Looks up what stands beside the log: who captured, and what became of a capture."""

from greenlane.core.errors import NotFound
from greenlane.core.units import CenterId, MemberId
from greenlane.ports.accounts import Member
from greenlane.ports.events import Reader
from greenlane.ports.jobs import CaptureJob
from greenlane.ports.store import Store


class LookUp:
    """The use case: read only."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def member(self, center: CenterId, member: MemberId) -> Member | None:
        """A member by its short name, or None."""
        with self._store.read() as tx:
            return tx.accounts.member(center, member)

    def job(self, job_id: str, *, reader: Reader) -> CaptureJob:
        """What became of a capture request.

        Raises:
            NotFound: there is no such job, or the asker may not see it: another center's, or another member's.
        """
        with self._store.read() as tx:
            job = tx.jobs.get(job_id)
        if job is None or job.center != reader.center or reader.member not in (None, job.member):
            raise NotFound("There is no such capture job.", remedy="Take its address from the Location header of the capture.")
        return job
