"""Bytes on their way in: what was promised, how far it has come, and the file it is kept in until it is stored.

The file is the truth of how far: its durable length is the offset that is told. The record says whose it is and until when.
Source: tus 1.0.0, whose words these are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol

from greenlane.core.documents.cid import Cid
from greenlane.core.errors import Conflict, NotFound, Unavailable
from greenlane.core.units import CenterId, LeafIndex, MemberId


class UploadMissing(NotFound):
    """There is no such upload, its time is over, or it is of another key."""

    code = "upload-missing"
    default_remedy = "Begin a new upload with POST /v1/uploads."


class OffsetMismatch(Conflict):
    """Bytes were sent for another place than the one the upload has come to."""

    code = "upload-offset-mismatch"
    default_remedy = "Ask with HEAD how far the upload has come, and go on from there."


class UploadBusy(Conflict):
    """Another request writes to the same upload."""

    code = "upload-busy"
    default_remedy = "Wait for the other request to end, ask with HEAD how far it came, and go on from there."


class StagingFull(Unavailable):
    """There is no room on the disk for what is on its way."""

    code = "staging-full"
    default_remedy = "The center's operator makes room; go on from the offset that HEAD tells."


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundBytes:
    """What all bytes of an upload turned out to be: the CID they have, and their SHA-256."""

    cid: Cid
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One upload.

    Attributes:
        id: 32 lower-case hex digits, random.
        key_id: of the API key that began it; no other may go on.
        length: how many bytes it will have.
        expires_at: dropped after that.
        found: what its bytes are, once they were all there and hashed; None before.
        meant: the CID that its bytes turned out to have, written down before they are stored; None before.
        stored_at: the log place of the statement that was made of it; None before.
    """

    id: str
    center: CenterId
    member: MemberId
    key_id: str
    length: int
    created_at: datetime
    expires_at: datetime
    found: FoundBytes | None = None
    meant: Cid | None = None
    stored_at: LeafIndex | None = None


class Uploads(Protocol):
    """Records of uploads, a room of the store."""

    def add(self, upload: Upload) -> None:
        """A new one; its id is new."""

    def get(self, upload_id: str) -> Upload | None:
        """The upload, or None."""

    def of_center(self, center: CenterId) -> Sequence[Upload]:
        """All of a center that are not stored yet, oldest first."""

    def extend(self, upload_id: str, expires_at: datetime) -> None:
        """Puts its end off, or, where it is given up, on.

        Raises:
            NotFound: there is no such upload.
        """

    def find(self, upload_id: str, found: FoundBytes) -> None:
        """Writes down what its bytes are, so that a repeated request need not hash them again. Nobody wants them by that.

        Raises:
            NotFound: there is no such upload.
        """

    def mean(self, upload_id: str, cid: Cid) -> None:
        """Writes down what its bytes turned out to be; they count as wanted until the upload is finished or dropped.

        Raises:
            NotFound: there is no such upload.
        """

    def finish(self, upload_id: str, leaf_index: LeafIndex) -> None:
        """Writes down that it was stored; the record stays until it expires, so that a repeated request gets its answer.

        Raises:
            NotFound: there is no such upload.
        """

    def drop(self, upload_id: str) -> None:
        """Forgets it; nothing where there is none."""

    def expired(self, at: datetime) -> Sequence[Upload]:
        """Those whose time is over, stored ones too; the first to expire first."""


class Staging(Protocol):
    """Files of uploads. Whole pieces become durable before their length is told."""

    def begin(self, upload_id: str) -> None:
        """Makes an empty file.

        Raises:
            StagingFull: there is no room for it.
        """

    def offset(self, upload_id: str) -> int | None:
        """How many bytes are durable; None where there is no such file."""

    def append(self, upload_id: str, offset: int, pieces: "Sequence[bytes]") -> int:
        """Appends at `offset`, makes it durable, and tells the new offset.

        Raises:
            OffsetMismatch: the file is not that long.
            UploadBusy: somebody else writes to it.
            StagingFull: what did not fit is cut off again.
        """

    def open(self, upload_id: str) -> BinaryIO:
        """The bytes, for reading from the start.

        Raises:
            NotFound: there is no such file.
        """

    def drop(self, upload_id: str) -> None:
        """Removes the file; nothing where there is none."""

    def ids(self) -> Sequence[str]:
        """Every upload that has a file."""
