"""Files of uploads in one folder. The length that is told is durable, and one writer at a time appends, over all processes.

A file may be longer for a moment, while somebody writes: its lock is held then, and whoever asks waits for it. What a process
that died had written is made durable before its length is told.
"""

import errno
import fcntl
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from greenlane.ports.uploads import OffsetMismatch, StagingFull, UploadBusy, UploadMissing

_ID = re.compile(r"[0-9a-f]{32}", re.ASCII).fullmatch
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# The database may lie on the same disk: it must still be able to write down what happened.
_KEPT_FREE_BYTES = 64 * 1024 * 1024
_PATIENCE_S = 2.0
_MOMENT_S = 0.02


class StagingFolder:
    """`ports.uploads.Staging` over a folder of this machine, or one that all processes of the deployment share."""

    def __init__(self, folder: Path, *, kept_free_bytes: int = _KEPT_FREE_BYTES) -> None:
        """Args:
        kept_free_bytes: how much of the disk uploads leave to others.
        """
        self._folder = folder
        self._kept_free_bytes = kept_free_bytes

    def begin(self, upload_id: str) -> None:
        """As the port says.

        Raises:
            StagingFull: there is no room for a file.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            os.close(os.open(self._path(upload_id), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            self._sync_folder()
        except OSError as cause:
            if cause.errno in _FULL:
                remedy = "Nothing was begun. The center's operator makes room; then begin the upload again."
                raise StagingFull("The disk is full.", remedy=remedy, retry_after_s=60) from cause
            raise

    def offset(self, upload_id: str) -> int | None:
        """As the port says.

        Raises:
            UploadBusy: somebody has been writing for seconds.
        """
        try:
            with self._held(upload_id, os.O_RDWR) as file:
                os.fsync(file)
                return os.fstat(file).st_size
        except UploadMissing:
            return None

    def append(self, upload_id: str, offset: int, pieces: Sequence[bytes]) -> int:
        """As the port says.

        Raises:
            OffsetMismatch, UploadBusy, StagingFull: as the port says.
            UploadMissing: there is no such file.
        """
        with self._held(upload_id, os.O_RDWR) as file:
            size = os.fstat(file).st_size
            if size != offset:
                raise OffsetMismatch(f"The upload has come to {size}, and bytes were sent for {offset}.")
            try:
                self._require_room(sum(map(len, pieces)))
                os.lseek(file, size, os.SEEK_SET)
                for piece in pieces:
                    _write(file, piece)
                os.fsync(file)
            except OSError as cause:
                os.ftruncate(file, size)
                os.fsync(file)
                if cause.errno in _FULL:
                    raise StagingFull(f"The disk is full; {size} bytes are kept.", retry_after_s=60) from cause
                raise
            return os.fstat(file).st_size

    def open(self, upload_id: str) -> BinaryIO:
        """As the port says.

        Raises:
            UploadMissing: there is no such file.
        """
        try:
            return self._path(upload_id).open("rb")
        except FileNotFoundError as cause:
            raise UploadMissing("The bytes of the upload are gone.") from cause

    def drop(self, upload_id: str) -> None:
        """As the port says."""
        with suppress(FileNotFoundError):
            self._path(upload_id).unlink()
            self._sync_folder()

    def ids(self) -> Sequence[str]:
        """As the port says; other files in the folder are left out."""
        try:
            return sorted(entry.name for entry in self._folder.iterdir() if _ID(entry.name))
        except FileNotFoundError:
            return ()

    def _path(self, upload_id: str) -> Path:
        # Ids are ours; one that came from an address must still not lead out of the folder.
        if _ID(upload_id) is None:
            raise UploadMissing("An upload's id has 32 lower-case hex digits.")
        return self._folder / upload_id

    @contextmanager
    def _held(self, upload_id: str, flags: int) -> Iterator[int]:
        try:
            file = os.open(self._path(upload_id), flags | os.O_CLOEXEC)
        except FileNotFoundError as cause:
            raise UploadMissing("The bytes of the upload are gone.") from cause
        try:
            end_s = time.monotonic() + _PATIENCE_S
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as cause:
                    if time.monotonic() > end_s:
                        raise UploadBusy("Another request writes to this upload.") from cause
                    time.sleep(_MOMENT_S)
            yield file
        finally:
            os.close(file)

    def _require_room(self, count: int) -> None:
        disk = os.statvfs(self._folder)
        if disk.f_bavail * disk.f_frsize < count + self._kept_free_bytes:
            raise OSError(errno.ENOSPC, "too little room is left")

    def _sync_folder(self) -> None:
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _write(file: int, piece: bytes) -> None:
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(file, rest) :]
