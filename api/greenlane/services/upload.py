"""Bytes on their way in: begin, go on, look, give up. Only the key that began an upload may go on with it.

Nothing here looks into the bytes: what they are is seen when a document is made of them. No transaction is open while bytes move.
Of what a center may have on its way one member has a share, so that none shuts the others out; and an upload that no byte follows
is soon over. Beginnings are not audited, for they can be repeated without end and change nothing: what is made of an upload is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from greenlane.core.errors import InvalidInput, Unavailable
from greenlane.core.units import CenterId, MemberId
from greenlane.ports.accounts import MemberUnknown
from greenlane.ports.clock import Clock
from greenlane.ports.entropy import Entropy
from greenlane.ports.store import Store
from greenlane.ports.uploads import Staging, Upload, UploadMissing

IDLE = timedelta(hours=1)
"""How long an upload is kept of which nothing came."""
_ID_BYTES = 16
_MEMBERS_SHARE = 4


class DocumentTooLarge(InvalidInput):
    """The document has more bytes than this deployment takes."""

    code = "document-too-large"
    default_remedy = "Send a smaller document, or ask the center's operator to raise GREENLANE_MAX_DOCUMENT_BYTES."


class TooManyUploads(Unavailable):
    """The center, or one member of it, has as many uploads open, or as many bytes on their way, as this deployment allows."""

    code = "too-many-uploads"
    default_remedy = "Finish or give up (DELETE) other uploads, or wait until they expire."


class UploadOverrun(InvalidInput):
    """More bytes came than the upload was said to have."""

    code = "upload-overrun"
    default_remedy = "Begin a new upload with the right Upload-Length."


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadLimits:
    """How much may be on its way.

    Attributes:
        document_bytes: largest document.
        uploads: open ones of one center.
        staged_bytes: of one center, by what its open uploads are said to have.
        kept: how long an upload may be gone on with.

    A member may have a quarter of what its center may, and always one document.
    """

    document_bytes: int
    uploads: int
    staged_bytes: int
    kept: timedelta

    @property
    def member_uploads(self) -> int:
        """Open ones of one member."""
        return -(-self.uploads // _MEMBERS_SHARE)

    @property
    def member_staged_bytes(self) -> int:
        """Bytes of one member."""
        return min(self.staged_bytes, max(self.document_bytes, self.staged_bytes // _MEMBERS_SHARE))


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadStanding:
    """An upload and how far it has come; `offset` bytes are durable."""

    upload: Upload
    offset: int


class ReceiveUpload:
    """The use case; one instance serves all threads."""

    def __init__(self, *, store: Store, staging: Staging, clock: Clock, entropy: Entropy, limits: UploadLimits) -> None:
        self._store = store
        self._staging = staging
        self._clock = clock
        self._entropy = entropy
        self.limits = limits

    def begin(self, *, center: CenterId, member: MemberId, key_id: str, length: int) -> UploadStanding:
        """Makes room for `length` bytes.

        Raises:
            DocumentTooLarge: more than a document may have.
            MemberUnknown: the center has no such member.
            TooManyUploads: the center, or the member, has no room for another; nothing was begun.
            StagingFull: the disk has none; nothing was begun.
        """
        if length > self.limits.document_bytes:
            raise DocumentTooLarge(f"A document has at most {self.limits.document_bytes} bytes here, not {length}.")
        with self._store.write() as tx:
            if tx.accounts.member(center, member) is None:
                raise MemberUnknown(f"Center {center!r} has no member {member!r}.")
            # Of several that begin at once none may count before the others are there.
            tx.log.lock(center)
            now = self._clock()
            waiting = [each for each in tx.uploads.of_center(center) if each.expires_at > now]
            own = [each for each in waiting if each.member == member]
            limits = self.limits
            _require_room(f"member {member!r}", own, length, limits.member_uploads, limits.member_staged_bytes)
            _require_room(f"center {center!r}", waiting, length, limits.uploads, limits.staged_bytes)
            upload = Upload(
                id=self._entropy(_ID_BYTES).hex(),
                center=center,
                member=member,
                key_id=key_id,
                length=length,
                created_at=now,
                expires_at=now + min(IDLE, limits.kept),
            )
            tx.uploads.add(upload)
        # After the record, so that a file without one belongs to nobody.
        try:
            self._staging.begin(upload.id)
        except Exception:
            # Its address is never told: it would only hold a place until its time is over.
            with self._store.write() as tx:
                tx.uploads.drop(upload.id)
            raise
        return UploadStanding(upload=upload, offset=0)

    def look(self, upload_id: str, *, key_id: str) -> UploadStanding:
        """How far an upload has come. One that was stored has come to its end.

        Raises:
            UploadMissing: no upload of that key has the id, or its time is over.
        """
        upload = self._upload(upload_id, key_id)
        offset = upload.length if upload.stored_at is not None else self._staging.offset(upload_id)
        if offset is None:
            raise UploadMissing("The bytes of the upload are gone.")
        return UploadStanding(upload=upload, offset=offset)

    def append(self, upload_id: str, *, key_id: str, offset: int, pieces: Sequence[bytes]) -> UploadStanding:
        """Makes pieces durable at `offset`; the new standing.

        Raises:
            UploadMissing: as for `look`.
            OffsetMismatch: the upload has come to another place.
            UploadOverrun: it would become longer than it was said to be; nothing of the pieces was taken.
            UploadBusy: another request writes at this moment.
            StagingFull: the disk is full; what fitted before stays.
        """
        standing = self.look(upload_id, key_id=key_id)
        if offset + sum(map(len, pieces)) > standing.upload.length:
            raise UploadOverrun(f"The upload was said to have {standing.upload.length} bytes.")
        if standing.upload.stored_at is not None:
            return standing
        reached = self._staging.append(upload_id, offset, pieces)
        return UploadStanding(upload=self._moved(standing.upload) if reached else standing.upload, offset=reached)

    def abandon(self, upload_id: str, *, key_id: str) -> None:
        """Gives an upload up. A document that was made of it stays.

        Raises:
            UploadMissing: as for `look`.
        """
        center = self._upload(upload_id, key_id).center
        with self._store.write() as tx:
            # Whoever stores it at this moment writes down its end under the same lock: it is given up, or a document.
            tx.log.lock(center)
            upload = tx.uploads.get(upload_id)
            if upload is None or upload.stored_at is not None:
                return
            if upload.meant is None:
                tx.uploads.drop(upload_id)
            else:
                # Its bytes may be kept: with a record that is over, they are found and let go.
                tx.uploads.extend(upload_id, self._clock())
        self._staging.drop(upload_id)

    def _moved(self, upload: Upload) -> Upload:
        """An upload of which something came; it has all its time."""
        ends_at = upload.created_at + self.limits.kept
        if upload.expires_at >= ends_at:
            return upload
        with self._store.write() as tx:
            tx.uploads.extend(upload.id, ends_at)
        return replace(upload, expires_at=ends_at)

    def _upload(self, upload_id: str, key_id: str) -> Upload:
        with self._store.read() as tx:
            upload = tx.uploads.get(upload_id)
        if upload is None or upload.key_id != key_id or upload.expires_at <= self._clock():
            raise UploadMissing(f"There is no upload {upload_id[:40]!r} of this key, or its time is over.")
        return upload


def _require_room(whose: str, waiting: Sequence[Upload], length: int, uploads: int, staged_bytes: int) -> None:
    if len(waiting) >= uploads:
        raise TooManyUploads(f"{len(waiting)} uploads of {whose} are open; {uploads} may be.", retry_after_s=60)
    on_their_way = sum(each.length for each in waiting)
    if on_their_way + length > staged_bytes:
        raise TooManyUploads(
            f"{on_their_way} bytes of {whose} are on their way; with {length} more they would be over {staged_bytes}.",
            retry_after_s=60,
        )
