"""Records of uploads, in the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, select, update

from greenlane.adapters.sql.document_bytes import want, want_no_more
from greenlane.adapters.sql.tables import upload as uploads
from greenlane.adapters.sql.work import Work
from greenlane.core.documents.cid import Cid
from greenlane.core.errors import Conflict
from greenlane.core.units import CenterId, LeafIndex, MemberId
from greenlane.ports.uploads import FoundBytes, Upload, UploadMissing


class UploadTaken(Conflict):
    """Another upload has that id."""

    code = "upload-taken"
    default_remedy = "Draw a new random id."


class SqlUploads:
    """The port's Uploads; see there."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def add(self, upload: Upload) -> None:
        row = {
            "id": upload.id,
            "center": self._work.number_or_new(upload.center),
            "member": upload.member,
            "key_id": upload.key_id,
            "length": upload.length,
            "created_at": upload.created_at,
            "expires_at": upload.expires_at,
        }
        if not self._work.was_inserted(uploads, row):
            raise UploadTaken(f"There is an upload {upload.id} already.")
        if upload.found is not None:
            self.find(upload.id, upload.found)
        if upload.meant is not None:
            self.mean(upload.id, upload.meant)
        if upload.stored_at is not None:
            self.finish(upload.id, upload.stored_at)

    def get(self, upload_id: str) -> Upload | None:
        return next(iter(self._uploads(uploads.c.id == upload_id)), None)

    def of_center(self, center: CenterId) -> Sequence[Upload]:
        is_open = (uploads.c.center == self._work.number(center), uploads.c.stored_at.is_(None))
        return self._uploads(*is_open, order=(uploads.c.created_at, uploads.c.id))

    def extend(self, upload_id: str, expires_at: datetime) -> None:
        self._held(upload_id)
        self._work.connection.execute(update(uploads).where(uploads.c.id == upload_id).values(expires_at=expires_at))

    def find(self, upload_id: str, found: FoundBytes) -> None:
        self._held(upload_id)
        row = {"found_cid": found.cid.encode(), "found_digest": found.digest}
        self._work.connection.execute(update(uploads).where(uploads.c.id == upload_id).values(**row))

    def mean(self, upload_id: str, cid: Cid) -> None:
        before = self._held(upload_id)
        if before.stored_at is not None or before.meant == cid.encode():
            return
        if before.meant is not None:
            want_no_more(self._work, Cid.decode(before.meant), uploads=1)
        want(self._work, cid, before.length, uploads=1)
        self._work.connection.execute(update(uploads).where(uploads.c.id == upload_id).values(meant=cid.encode()))

    def finish(self, upload_id: str, leaf_index: LeafIndex) -> None:
        before = self._held(upload_id)
        if before.stored_at is not None:
            return
        if before.meant is not None:
            want_no_more(self._work, Cid.decode(before.meant), uploads=1)
        self._work.connection.execute(update(uploads).where(uploads.c.id == upload_id).values(stored_at=leaf_index))

    def drop(self, upload_id: str) -> None:
        dropped = self._work.connection.execute(
            delete(uploads).where(uploads.c.id == upload_id).returning(uploads.c.meant, uploads.c.stored_at)
        ).one_or_none()
        if dropped is not None and dropped.meant is not None and dropped.stored_at is None:
            want_no_more(self._work, Cid.decode(dropped.meant), uploads=1)

    def expired(self, at: datetime) -> Sequence[Upload]:
        return self._uploads(uploads.c.expires_at <= at, order=(uploads.c.expires_at, uploads.c.id))

    def _held(self, upload_id: str) -> Row[Any]:
        """The row, kept from others until the transaction ends."""
        row = self._work.connection.execute(select(uploads).where(uploads.c.id == upload_id).with_for_update()).one_or_none()
        if row is None:
            raise UploadMissing(f"There is no upload {upload_id[:40]!r}.")
        return row

    def _uploads(self, *rules: ColumnElement[bool], order: tuple[ColumnElement[Any], ...] = ()) -> list[Upload]:
        rows = self._work.connection.execute(select(uploads).where(*rules).order_by(*order)).all()
        return [self._upload(row) for row in rows]

    def _upload(self, row: Row[Any]) -> Upload:
        return Upload(
            id=row.id,
            center=self._work.slug(row.center),
            member=MemberId(row.member),
            key_id=row.key_id,
            length=row.length,
            created_at=row.created_at,
            expires_at=row.expires_at,
            found=None if row.found_cid is None else FoundBytes(cid=Cid.decode(row.found_cid), digest=row.found_digest),
            meant=None if row.meant is None else Cid.decode(row.meant),
            stored_at=None if row.stored_at is None else LeafIndex(row.stored_at),
        )
