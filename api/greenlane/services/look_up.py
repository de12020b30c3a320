"""Looks up what stands beside the log: who captured, what became of a capture, and what is stated of documents."""

from collections.abc import Iterable

from greenlane.core.documents.cid import Cid
from greenlane.core.errors import NotFound
from greenlane.core.units import CenterId, MemberId
from greenlane.ports.accounts import Member
from greenlane.ports.document_index import DocumentPage, StoredDocument
from greenlane.ports.documents import DocumentMissing
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

    def documents_about(
        self, subjects: Iterable[str], *, reader: Reader | None, limit: int, token: str | None = None
    ) -> DocumentPage:
        """What stands about any of these URIs that `reader` may read, newest first.

        Args:
            subjects: in their one spelling, as `canonical_subject` writes it.

        Raises:
            InvalidInput: `token` is none that was given out.
        """
        with self._store.read() as tx:
            return tx.documents.about(subjects, reader=reader, limit=limit, token=token)

    def documents_of(self, center: CenterId, *, reader: Reader | None, limit: int, token: str | None = None) -> DocumentPage:
        """What one center's members stated and `reader` may read, newest first, withdrawn ones too.

        Raises:
            InvalidInput: `token` is none that was given out.
        """
        with self._store.read() as tx:
            return tx.documents.of_center(center, reader=reader, limit=limit, token=token)

    def document(self, cid: Cid, *, reader: Reader | None) -> tuple[StoredDocument, ...]:
        """Every statement about one document that `reader` may read, oldest first, withdrawn ones too; at least one.

        Raises:
            DocumentMissing: there is none.
        """
        with self._store.read() as tx:
            found = tx.documents.by_cid(cid, reader=reader)
        if not found:
            raise DocumentMissing(
                f"Nothing that can be read here is stated about document {cid.text}.",
                remedy="Check the CID; of a confidential document only its center, its member and its readers are told.",
            )
        return found
