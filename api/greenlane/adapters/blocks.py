"""Documents in a folder: every block a file named by its CID, no daemon.

blocks/3f/bafk…          a block; 3f are the first two digits of its digest
blocks/3f/bafk….pin      the document under this root is pinned
blocks/3f/bafk….damaged  what lay there did not match its name; it counts as missing until the same block is stored again
new/…/bafk…              blocks on their way in, one folder for each document; its owner holds a lock on it
lock                     held by all who put blocks in place, or by one who takes blocks away

A document becomes visible in one step at its end: its blocks lie in a folder of their own until all are written and synced, then
they are renamed into place, then the pin is made. So a crash leaves only blocks that no pin holds and folders that nobody locks;
garbage collection takes both. Locks are of the kernel (flock): they end with their process, and hold between processes.

Collection never stops those who write for long. It looks for garbage without a lock, then takes blocks away in short bursts under
the lock, and only those that are still the very files it saw: whoever stores or pins a block renews its file.
"""

import errno
import fcntl
import logging
import os
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Self

from greenlane.core.crypto import running_sha256
from greenlane.core.documents.car import CarInvalid, read_car, write_car
from greenlane.core.documents.cid import Cid, CidInvalid, Codec, parse_cid
from greenlane.core.documents.unixfs import (
    CHUNK_BYTES,
    Block,
    BlockMismatch,
    FileBuilder,
    GetBlock,
    NoDocument,
    check_block,
    file_size,
    outline,
    read_file,
)
from greenlane.ports.documents import (
    BytesRefused,
    DocumentMissing,
    DocumentsFull,
    DocumentsUnavailable,
    StoredBytes,
    Told,
)

log = logging.getLogger(__name__)

_PIN, _DAMAGED = ".pin", ".damaged"
_SHARDS = 256
# Waiting for a worker, each up to one chunk: enough that neither disk nor hashing waits, and memory stays flat.
_MAX_WAITING = 4
_BURST = 256
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_MEASURED_FOR_S = 60.0
_EMPTY = Block(cid=Cid.of(Codec.RAW, b""), data=b"")


class BlockStore:
    """The embedded store over one folder; any number of threads and processes may use the folder together."""

    def __init__(self, folder: Path, *, max_bytes: int | None = None) -> None:
        """Nothing is read or made before the first call.

        Args:
            folder: made when the first document comes.
            max_bytes: of all blocks together, about; None: whatever the disk holds.
        """
        self._folder = folder
        self._blocks = folder / "blocks"
        self._new = folder / "new"
        self._has_folders = False
        self._room = None if max_bytes is None else _Room(self._blocks, max_bytes)

    def add(self, source: BinaryIO, *, expected: Cid | None = None, told: Told | None = None) -> StoredBytes:
        """Stores and pins the bytes from the source's place to its end; see `ports.documents.Documents`."""
        with self._session() as session, _DigestBeside() as running:
            builder = FileBuilder(running=running)
            done = 0
            while chunk := source.read(CHUNK_BYTES):
                session.put(builder.add(chunk))
                done += len(chunk)
                if told is not None:
                    told(done)
            session.put(builder.finish())
            stored = StoredBytes(cid=builder.root, size=builder.size, digest=builder.digest)
            if expected is not None and expected != stored.cid:
                raise BytesRefused(f"The bytes are {stored.cid.text}, not {expected.text}.")
            session.commit(stored.cid)
        return stored

    def size(self, cid: Cid, *, wait_s: float | None = None) -> int:
        """How many bytes the document has, by its root block; see `ports.documents.Documents`."""
        with self._reading() as get:
            return file_size(cid, get)

    def read(self, cid: Cid, *, offset: int = 0, length: int | None = None, wait_s: float | None = None) -> Iterator[bytes]:
        """The bytes from `offset` on, each block hashed; see `ports.documents.Documents`."""
        with self._reading() as get:
            yield from read_file(cid, get, offset=offset, length=length)

    def block(self, cid: Cid, *, wait_s: float | None = None) -> bytes:
        """One block, hashed; see `ports.documents.Documents`."""
        with self._reading() as get:
            block = get(cid)
            check_block(cid, block)
            return block

    def is_held(self, cid: Cid) -> bool:
        """Whether the document is pinned and every block of it is here in its full size."""
        try:
            with _told_as_ours():
                return self._file(cid, _PIN).exists() and self._is_whole(cid)
        except (DocumentMissing, BytesRefused):
            return False

    def pin(self, cid: Cid, *, wait_s: float) -> None:
        """Pins what is here; there is nobody else to ask. See `ports.documents.Documents`."""
        self._make_folders()
        with _told_as_ours(), self._locked(fcntl.LOCK_SH):
            try:
                with self._reading() as get:
                    names = [cid, *(link.cid for link in outline(cid, get))]
                # Renewed, so that a collection which saw them as garbage before leaves them.
                now = time.time_ns()
                for name in names:
                    os.utime(self._file(name), ns=(now, now))
                if not self._is_whole(cid):
                    raise DocumentMissing(f"A part of {cid.text} is not here.")
            except (BytesRefused, FileNotFoundError) as error:
                raise DocumentMissing(f"Not all of {cid.text} is here.") from error
            self._make_pin(cid, names)

    def unpin(self, cid: Cid) -> bool:
        """Lets go; False where it was not pinned."""
        pin = self._file(cid, _PIN)
        with _told_as_ours():
            try:
                pin.unlink()
            except FileNotFoundError:
                return False
            _sync(pin.parent)
        return True

    def pins(self) -> Iterator[Cid]:
        """Every pinned document, in no order."""
        for shard in range(_SHARDS):
            with _told_as_ours():
                names = _names(self._shard(shard))
            yield from (cid for name in names if name.endswith(_PIN) and (cid := _cid_of(name.removesuffix(_PIN))) is not None)

    def collect_garbage(self) -> int:
        """Removes blocks that no pin holds, and what crashes left; how many blocks.

        While a node of a pinned document is missing or damaged, nothing is taken: what hangs under it is not known.
        """
        kept: set[Cid] = set()
        if not self._folder.exists():
            return 0
        garbage = list(self._unkept(kept)) if self._keep(kept) else []
        # Whoever was putting blocks in place when those were seen is done once this lock is held: its pin is there to see.
        with _told_as_ours(), self._locked(fcntl.LOCK_EX):
            left_behind = self._sessions_left_behind()
        for session in left_behind:
            session.remove()
        removed = 0
        if garbage and self._keep(kept):
            still = [file for file in garbage if file.cid not in kept]
            for at in range(0, len(still), _BURST):
                with _told_as_ours(), self._locked(fcntl.LOCK_EX):
                    removed += sum(file.remove() for file in still[at : at + _BURST])
        return removed

    def export_car(self, cid: Cid) -> Iterator[bytes]:
        """The document as a CAR of version 1; see `ports.documents.Documents`."""
        with self._reading() as get:
            yield from write_car(cid, get)

    def import_car(self, pieces: Iterable[bytes], *, root: Cid, max_bytes: int) -> None:
        """Takes a document out of a CAR and pins it; see `ports.documents.Documents`."""
        try:
            with self._session() as session:
                for block in read_car(pieces, root=root, max_bytes=max_bytes):
                    session.put([block])
                session.commit(root)
        except (CarInvalid, BlockMismatch, NoDocument) as error:
            raise BytesRefused(error.detail, remedy=error.remedy) from error

    def check(self) -> None:
        """Puts a file into the folder and takes it away again; see `ports.documents.Documents`."""
        with self._session() as session:
            session.put([_EMPTY])

    def _shard(self, number: int) -> Path:
        return self._blocks / f"{number:02x}"

    def _file(self, cid: Cid, ending: str = "") -> Path:
        return self._shard(cid.digest[0]) / (cid.text + ending)

    def _make_folders(self) -> None:
        if self._has_folders:
            return
        with _told_as_ours():
            if not self._new.is_dir():
                self._blocks.mkdir(mode=0o700, parents=True, exist_ok=True)
                for shard in range(_SHARDS):
                    self._shard(shard).mkdir(mode=0o700, exist_ok=True)
                _sync(self._blocks)
                self._new.mkdir(mode=0o700, exist_ok=True)
                _sync(self._folder)
                _sync(self._folder.parent)
        self._has_folders = True

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        descriptor = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, how)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def _session(self) -> Iterator["_Session"]:
        self._make_folders()
        # Made and locked under the lock: a folder that collection finds without an owner has none and never will.
        with _told_as_ours(), self._locked(fcntl.LOCK_SH):
            session = _Session(self, Path(tempfile.mkdtemp(dir=self._new)))
        try:
            yield session
        finally:
            session.close()

    @contextmanager
    def _reading(self) -> Iterator[GetBlock]:
        """Fetches blocks from the folder; a fault that the reader finds in one is told in the port's words, and remembered."""
        seen: list[tuple[Cid, int]] = []

        def get(cid: Cid) -> bytes:
            try:
                descriptor = os.open(self._file(cid), os.O_RDONLY)
            except FileNotFoundError as error:
                if self._file(cid, _DAMAGED).exists():
                    raise BytesRefused(f"The block {cid.text} was found damaged.") from error
                raise DocumentMissing(f"The block {cid.text} is not here.") from error
            try:
                seen[:] = [(cid, os.fstat(descriptor).st_ino)]
                return os.read(descriptor, CHUNK_BYTES + 1)
            except OSError as error:
                if error.errno == errno.EIO:
                    raise BlockMismatch(f"The disk cannot read the block {cid.text}.") from error
                raise
            finally:
                os.close(descriptor)

        try:
            with _told_as_ours():
                yield get
        except BlockMismatch as error:
            [(cid, inode)] = seen
            self._set_aside(cid, inode)
            raise BytesRefused(error.detail) from error
        except NoDocument as error:
            raise BytesRefused(error.detail, remedy=error.remedy) from error

    def _set_aside(self, cid: Cid, inode: int) -> None:
        """Makes a damaged block a missing one, so that everybody sees that the document needs repair; its bytes are kept."""
        log.error("documents.block-damaged", extra={"cid": cid.text})
        file = self._file(cid)
        # Where this cannot be done now, because somebody is storing or the disk takes no writing, the next reader does it.
        with suppress(OSError), self._locked(fcntl.LOCK_EX | fcntl.LOCK_NB):
            if file.stat().st_ino == inode:
                file.replace(self._file(cid, _DAMAGED))

    def _is_whole(self, cid: Cid) -> bool:
        """Whether every block of a document is here in its full size; nodes are hashed, leaves are not."""
        if cid.codec is Codec.RAW:
            return self._file(cid).exists()
        with self._reading() as get:
            return all(
                link.cid.codec is Codec.DAG_PB or _size_of(self._file(link.cid)) == link.size for link in outline(cid, get)
            )

    def _make_pin(self, root: Cid, blocks: Iterable[Cid]) -> None:
        """Called under the shared lock, when all blocks are in place."""
        own = self._file(root, _PIN)
        # The pin stands in the folder of its root: one sync makes both last. All others must last before there is a pin.
        for shard in {self._file(cid).parent for cid in blocks} - {own.parent}:
            _sync(shard)
        own.touch(mode=0o600)
        _sync(own.parent)

    def _keep(self, kept: set[Cid]) -> bool:
        """Adds every block of every pinned document; whether all are known."""
        for root in self.pins():
            if root in kept:
                continue
            kept.add(root)
            if root.codec is Codec.RAW:
                continue
            try:
                with self._reading() as get:
                    kept.update(link.cid for link in outline(root, get))
            except (DocumentMissing, BytesRefused):
                if self._file(root, _PIN).exists():
                    # What hangs under the lost node is not known, and may be all that is left of it anywhere.
                    log.error("documents.garbage-kept", extra={"cid": root.text})
                    return False
        return True

    def _unkept(self, kept: set[Cid]) -> Iterator["_Garbage"]:
        for shard in range(_SHARDS):
            folder = self._shard(shard)
            with _told_as_ours():
                for name in _names(folder):
                    cid = _cid_of(name.removesuffix(_DAMAGED))
                    if cid is not None and cid not in kept and (found := _Garbage.seen(cid, folder / name)) is not None:
                        yield found

    def _sessions_left_behind(self) -> list["_LeftBehind"]:
        return [left for name in _names(self._new) if (left := _LeftBehind.of(self._new / name)) is not None]

    def _put_in_place(self, session: "_Session", root: Cid) -> None:
        with self._locked(fcntl.LOCK_SH):
            for cid in session.blocks:
                (session.folder / cid.text).replace(self._file(cid))
                self._file(cid, _DAMAGED).unlink(missing_ok=True)
            self._make_pin(root, session.blocks)

    def _is_new(self, cid: Cid) -> bool:
        return not self._file(cid).exists()


class _Session:
    """One document on its way in: blocks in a folder of their own, written beside the work of hashing them."""

    def __init__(self, store: BlockStore, folder: Path) -> None:
        self._store = store
        self.folder = folder
        self.blocks: set[Cid] = set()
        self._new_bytes = 0
        self._writer: ThreadPoolExecutor | None = None
        self._waiting: deque[Future[None]] = deque()
        self._lock = os.open(folder, os.O_RDONLY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def put(self, blocks: Iterable[Block]) -> None:
        """Takes blocks; each is written once however often the document names it."""
        for block in blocks:
            if block.cid in self.blocks:
                continue
            self.blocks.add(block.cid)
            if self._store._room is not None and self._store._is_new(block.cid):
                self._new_bytes += len(block.data)
                self._store._room.check(self._new_bytes)
            file = self.folder / block.cid.text
            if len(block.data) < CHUNK_BYTES:
                with _told_as_ours():
                    _write(file, block.data)
                continue
            if self._writer is None:
                # One: hashing takes the other cores, and more writers only wait for one another.
                self._writer = ThreadPoolExecutor(1, thread_name_prefix="documents-write")
            self._waiting.append(self._writer.submit(_write, file, block.data))
            self._settle(_MAX_WAITING)

    def commit(self, root: Cid) -> None:
        """Makes the document last and visible, whole."""
        self._settle(0)
        with _told_as_ours():
            files = [self.folder / cid.text for cid in self.blocks]
            for file in files:
                _sync(file)
            self._store._put_in_place(self, root)
        if self._store._room is not None:
            self._store._room.took(self._new_bytes)

    def close(self) -> None:
        """Leaves nothing behind; what was not put in place is gone."""
        if self._writer is not None:
            self._writer.shutdown(cancel_futures=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)

    def _settle(self, most: int) -> None:
        with _told_as_ours():
            while len(self._waiting) > most:
                self._waiting.popleft().result()


class _DigestBeside:
    """A running SHA-256 whose chunks are hashed on a thread of their own, while the same chunks get their names."""

    def __init__(self) -> None:
        self._digest = running_sha256()
        self._thread: ThreadPoolExecutor | None = None
        self._waiting: deque[Future[None]] = deque()

    def update(self, data: bytes) -> None:
        if len(data) < CHUNK_BYTES:
            self._settle(0)
            self._digest.update(data)
            return
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="documents-digest")
        self._waiting.append(self._thread.submit(self._digest.update, data))
        self._settle(_MAX_WAITING)

    def digest(self) -> bytes:
        self._settle(0)
        return self._digest.digest()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread is not None:
            self._thread.shutdown(cancel_futures=True)

    def _settle(self, most: int) -> None:
        while len(self._waiting) > most:
            self._waiting.popleft().result()


class _Room:
    """How much more may be stored. What other processes store is seen when it is measured again."""

    def __init__(self, blocks: Path, max_bytes: int) -> None:
        self._blocks = blocks
        self._max_bytes = max_bytes
        self._lock = Lock()
        self._used = 0
        self._measured_at = -_MEASURED_FOR_S

    def check(self, new_bytes: int) -> None:
        with self._lock, _told_as_ours():
            is_old = time.monotonic() - self._measured_at >= _MEASURED_FOR_S
            if is_old or self._used + new_bytes > self._max_bytes:
                self._used = sum(_size_of(file) or 0 for shard in _paths(self._blocks) for file in _paths(shard))
                self._measured_at = time.monotonic()
            if self._used + new_bytes > self._max_bytes:
                raise DocumentsFull(f"The store of documents holds {self._used} bytes and may hold {self._max_bytes}.")

    def took(self, new_bytes: int) -> None:
        with self._lock:
            self._used += new_bytes


@dataclass(frozen=True, slots=True)
class _Garbage:
    """A file that no pin needed when it was seen."""

    cid: Cid
    file: Path
    inode: int
    changed_ns: int

    @classmethod
    def seen(cls, cid: Cid, file: Path) -> "_Garbage | None":
        try:
            status = file.stat()
        except FileNotFoundError:
            return None
        return cls(cid, file, status.st_ino, status.st_mtime_ns)

    def remove(self) -> bool:
        """Called under the lock that keeps all others out; whether it was still the same and is gone now."""
        if _Garbage.seen(self.cid, self.file) != self:
            return False
        self.file.unlink()
        return True


@dataclass(frozen=True, slots=True)
class _LeftBehind:
    """The folder of a document whose process ended; locked, so that no other collection takes it too."""

    folder: Path
    descriptor: int

    @classmethod
    def of(cls, folder: Path) -> "_LeftBehind | None":
        try:
            descriptor = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return cls(folder, descriptor)

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self.descriptor)


@contextmanager
def _told_as_ours() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise DocumentsUnavailable(f"A part of the store of documents is gone: {error.filename}.") from error
    except OSError as error:
        if error.errno in _FULL:
            raise DocumentsFull("The disk of the store of documents is full.") from error
        raise DocumentsUnavailable(f"The store of documents cannot be used: {error.strerror}.") from error


def _write(file: Path, data: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        if hasattr(os, "posix_fadvise") and len(data) == CHUNK_BYTES:
            # The disk begins at once, and the sync at the end finds most of it done.
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def _sync(path: Path) -> None:
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


def _paths(folder: Path) -> list[Path]:
    return [folder / name for name in _names(folder)]


def _size_of(file: Path) -> int | None:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return None


def _cid_of(name: str) -> Cid | None:
    try:
        return parse_cid(name)
    except CidInvalid:
        return None
