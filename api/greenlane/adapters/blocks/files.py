"""The folder of the embedded store: what is named how, who may change it, and how a file comes into it."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

from greenlane.adapters.entropy import random_bytes
from greenlane.core.documents.cid import Cid, CidInvalid, parse_cid
from greenlane.core.documents.unixfs import CHUNK_BYTES
from greenlane.ports.documents import DocumentsFull, DocumentsUnavailable

NODES: Final = ".nodes"
LET_GO: Final = ".let-go"
DAMAGED: Final = ".damaged"
_SHARDS = 256
_WRITTEN_OUT_BYTES = 8 * CHUNK_BYTES
"""The disk is set to work after so many, and finds most of its work done at the sync."""
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Incoming:
    """A file on its way in, locked by its writer; gone in the end, unless it was moved to its place."""

    __slots__ = ("_descriptor", "_path", "_written_out", "size")

    def __init__(self, folder: str) -> None:
        """Makes it; `size` says how many bytes were written."""
        self.size = 0
        self._written_out = 0
        while True:
            # By no name that another file ever has: where the folder vanishes and is made again, this file is not found in it.
            path = f"{folder}/{random_bytes(16).hex()}"
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            if os.fstat(self._descriptor).st_nlink:
                self._path: str | None = path
                return
            # A collection took it before it was locked.
            os.close(self._descriptor)

    def write(self, data: bytes) -> None:
        """Puts bytes to its end.

        Raises:
            DocumentsFull, DocumentsUnavailable.
        """
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            self.size += len(data)
            if self.size - self._written_out >= _WRITTEN_OUT_BYTES and hasattr(os, "posix_fadvise"):
                # Only of what was just written, which is not yet on the disk: what is would leave memory, and readers come soon.
                os.posix_fadvise(self._descriptor, self._written_out, self.size - self._written_out, os.POSIX_FADV_DONTNEED)
                self._written_out = self.size
        except OSError as error:
            raise as_ours(error) from error

    def read(self, begin: int, size: int) -> bytes:
        """Bytes that were written."""
        with told_as_ours():
            return os.pread(self._descriptor, size, begin)

    def sync(self) -> None:
        """Makes its bytes last."""
        os.fsync(self._descriptor)

    def move_to(self, path: str) -> None:
        """Puts it in its place, once."""
        if self._path is not None:
            os.replace(self._path, path)  # noqa: PTH105 - for small documents, making paths is most of the work
        self._path = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._path is not None:
            with suppress(OSError):
                Path(self._path).unlink()
        os.close(self._descriptor)


class Folder:
    """One folder; paths in it are plain text, which is made for every small document.

    It may vanish at any time, as when its disk does: who stores next makes it again, and what was being stored is refused.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = folder / "files"
        self._new = folder / "new"
        self._lock = f"{folder}/lock"
        self._under = f"{self._files}/"
        self._was_here = False
        self._lacks_parts = False

    def make(self) -> None:
        """Makes it where it is not there, or no longer, and makes that last; any number of processes may do so at once."""
        with told_as_ours():
            if not self._lacks_parts and self._new.is_dir():
                self._was_here = True
                return
            # The place that it lay in is not made again: where a whole home is gone, more is amiss than this.
            self._folder.mkdir(mode=0o700, parents=not self._was_here, exist_ok=True)
            self._files.mkdir(mode=0o700, exist_ok=True)
            for shard in range(_SHARDS):
                (self._files / f"{shard:02x}").mkdir(mode=0o700, exist_ok=True)
            _sync(self._files)
            # The last: where it is, all is.
            self._new.mkdir(mode=0o700, exist_ok=True)
            _sync(self._folder)
            _sync(self._folder.parent)
        self._lacks_parts = False
        self._was_here = True

    def path(self, cid: Cid) -> str:
        """Where a document lies; an ending can be put to it."""
        return f"{self._under}{cid.digest[0]:02x}/{cid.text}"

    def named(self, ending: str) -> Iterator[Cid]:
        """The documents that have a file with that ending, in no order; files of strangers are passed over."""
        for shard in range(_SHARDS):
            with told_as_ours():
                names = _names(self._files / f"{shard:02x}")
            for name in names:
                if name.endswith(ending) and (cid := _cid_of(name.removesuffix(ending))) is not None:
                    yield cid

    def incoming(self) -> Incoming:
        """A new file, out of everybody's sight.

        Raises:
            DocumentsFull, DocumentsUnavailable.
        """
        with self._storing():
            return Incoming(str(self._new))

    def put_in_place(self, cid: Cid, file: Incoming, nodes: bytes) -> None:
        """Makes a document last and visible, whole and pinned.

        Raises:
            DocumentsFull, DocumentsUnavailable.
        """
        path = self.path(cid)
        with self._storing():
            file.sync()
            if nodes:
                with self.incoming() as over:
                    over.write(nodes)
                    over.sync()
                    with self.locked(fcntl.LOCK_SH) as lock:
                        over.move_to(path + NODES)
                        _make_visible(file, path)
                        self.make_last(path, lock)
            else:
                with self.locked(fcntl.LOCK_SH) as lock:
                    _make_visible(file, path)
                    self.make_last(path, lock)

    def make_last(self, path: str, lock: int) -> None:
        """Makes the names of a document's files last, and lets go of the lock under which they were given.

        Raises:
            DocumentsUnavailable: the folder vanished meanwhile, and the names with it.
        """
        # Nobody needs to wait for the disk.
        fcntl.flock(lock, fcntl.LOCK_UN)
        _sync(path[: path.rindex("/")])
        if not self._is_here(lock):
            raise _gone(self._lock)

    @contextmanager
    def locked(self, how: int) -> Iterator[int]:
        """Holds the folder's lock, LOCK_SH or LOCK_EX; gives its descriptor."""
        while True:
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
            with _closing(descriptor):
                fcntl.flock(descriptor, how)
                # Else it is the lock of a folder that vanished, which holds off nobody in the one that took its place.
                if self._is_here(descriptor):
                    yield descriptor
                    return

    def _is_here(self, lock: int) -> bool:
        """Whether that very lock lies in the folder: while it is open, no other file can be taken for it."""
        try:
            return os.path.samestat(os.stat(self._lock), os.fstat(lock))  # noqa: PTH116 - as above
        except FileNotFoundError:
            return False

    @contextmanager
    def _storing(self) -> Iterator[None]:
        """Tells faults of the disk in the port's words; where a part of the folder is gone, the next call makes it again."""
        with told_as_ours():
            try:
                yield
            except FileNotFoundError:
                self._lacks_parts = True
                raise

    def note_damage(self, cid: Cid, inode: int) -> None:
        """Tells everybody that the document needs repair, where that very file still lies in its place."""
        path = self.path(cid)
        # Where this cannot be done now, because somebody is storing or the disk takes no writing, the next reader does it.
        with suppress(OSError), self.locked(fcntl.LOCK_EX | fcntl.LOCK_NB):
            if any(_inode_of(Path(path + ending)) == inode for ending in ("", LET_GO)):
                Path(path + DAMAGED).touch(mode=0o600)

    def remove(self, cid: Cid) -> int | None:
        """Removes what was let go of a document, and what belongs to it unless it is pinned again; how large it was."""
        path = self.path(cid)
        with told_as_ours(), self.locked(fcntl.LOCK_EX):
            size = _size_of(Path(path + LET_GO))
            for ending in (LET_GO,) if Path(path).exists() else (LET_GO, NODES, DAMAGED):
                Path(path + ending).unlink(missing_ok=True)
        return size

    def remove_left_behind(self) -> None:
        """Removes files on their way in whose process ended."""
        with told_as_ours():
            for name in _names(self._new):
                file = self._new / name
                try:
                    descriptor = os.open(file, os.O_RDONLY)
                except FileNotFoundError:
                    continue
                with _closing(descriptor), suppress(BlockingIOError):
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    # Where it was moved to its place since, there is nothing by this name.
                    file.unlink(missing_ok=True)


@contextmanager
def told_as_ours() -> Iterator[None]:
    """Tells faults of the disk in the port's words."""
    try:
        yield
    except OSError as error:
        raise as_ours(error) from error


def as_ours(error: OSError) -> DocumentsFull | DocumentsUnavailable:
    """A fault of the disk in the port's words."""
    if isinstance(error, FileNotFoundError):
        return _gone(error.filename)
    if error.errno in _FULL:
        return DocumentsFull("The disk of the store of documents is full.")
    return DocumentsUnavailable(f"The store of documents cannot be used: {error.strerror}.")


def _gone(path: str) -> DocumentsUnavailable:
    return DocumentsUnavailable(
        f"A part of the store of documents is gone: {path}.",
        remedy="Send the same request again after the time in Retry-After: what is gone is made again, empty, and what partners"
        " hold is brought back.",
    )


def _make_visible(file: Incoming, path: str) -> None:
    file.move_to(path)
    with suppress(FileNotFoundError):
        os.unlink(path + DAMAGED)  # noqa: PTH108 - as above


@contextmanager
def _closing(descriptor: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(descriptor)


def _sync(path: Path | str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries]
    except FileNotFoundError:
        return []


def _size_of(file: Path) -> int | None:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return None


def _inode_of(file: Path) -> int | None:
    try:
        return file.stat().st_ino
    except FileNotFoundError:
        return None


def _cid_of(name: str) -> Cid | None:
    try:
        return parse_cid(name)
    except CidInvalid:
        return None
