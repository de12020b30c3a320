"""The embedded store: what the port promises, over files of one folder."""

import fcntl
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from greenlane.adapters.beside import Beside, DigestBeside
from greenlane.adapters.blocks.contents import Carried, Contents, blocks_of, framed_nodes
from greenlane.adapters.blocks.files import DAMAGED, LET_GO, NODES, Folder, told_as_ours
from greenlane.core.documents.car import CarInvalid, read_car, write_car
from greenlane.core.documents.cid import Cid, Codec
from greenlane.core.documents.unixfs import (
    CHUNK_BYTES,
    BlockMismatch,
    FileBuilder,
    NoDocument,
    check_block,
    file_size,
    outline,
    read_file,
)
from greenlane.ports.documents import BytesRefused, DocumentMissing, StoredBytes, Told


class BlockStore:
    """The embedded store over one folder; any number of threads and processes may use the folder together."""

    def __init__(self, folder: Path) -> None:
        """Nothing is read or made before the first call.

        Args:
            folder: made when the first document comes, and made again, empty, where it vanished.
        """
        self._folder = Folder(folder)

    def add(self, source: BinaryIO, *, expected: Cid | None = None, told: Told | None = None) -> StoredBytes:
        """Stores and pins the bytes from the source's place to its end; see `ports.documents.Documents`."""
        self._folder.make()
        chunks = _taken(source, told)
        first = next(chunks, b"")
        second = next(chunks, None)
        if second is not None:
            return self._add_long(chain((first, second), chunks), expected)
        # The name of the one chunk has the digest over all.
        cid = Cid.of(Codec.RAW, first)
        _refuse_another(cid, expected)
        with self._folder.incoming() as file:
            file.write(first)
            self._folder.put_in_place(cid, file, b"")
        return StoredBytes(cid=cid, size=len(first), digest=cid.digest)

    def size(self, cid: Cid, *, wait_s: float | None = None) -> int:
        """How many bytes the document has, by its root block; see `ports.documents.Documents`."""
        with Contents(self._folder, cid) as contents:
            return file_size(cid, contents.get)

    def read(self, cid: Cid, *, offset: int = 0, length: int | None = None, wait_s: float | None = None) -> Iterator[bytes]:
        """The bytes from `offset` on, each block hashed; see `ports.documents.Documents`."""
        with Contents(self._folder, cid) as contents:
            yield from read_file(cid, contents.get, offset=offset, length=length)

    def block(self, cid: Cid, *, wait_s: float | None = None) -> bytes:
        """One block, hashed: the root of a document at once, any other by a search; see `ports.documents.Documents`."""
        with suppress(DocumentMissing):
            return self._block_of(cid, cid)
        for root in self._folder.named(NODES):
            with told_as_ours(), suppress(FileNotFoundError, DocumentMissing):
                if cid.encode() in Path(self._folder.path(root) + NODES).read_bytes():
                    return self._block_of(root, cid)
        raise DocumentMissing(f"The block {cid.text} is not here.")

    def is_held(self, cid: Cid) -> bool:
        """Whether the document is pinned and every block of it is here in its full size."""
        try:
            with told_as_ours():
                return self._is_whole(cid, "")
        except (DocumentMissing, BytesRefused):
            return False

    def pin(self, cid: Cid, *, wait_s: float) -> None:
        """Pins what is here; there is nobody else to ask. See `ports.documents.Documents`."""
        self._folder.make()
        path = self._folder.path(cid)
        with told_as_ours(), self._folder.locked(fcntl.LOCK_SH) as lock:
            is_pinned = Path(path).exists()
            is_whole = False
            with suppress(BytesRefused):
                is_whole = self._is_whole(cid, "" if is_pinned else LET_GO)
            if not is_whole:
                raise DocumentMissing(f"Not all of {cid.text} is here.")
            if not is_pinned:
                Path(path + LET_GO).replace(path)
            self._folder.make_last(path, lock)

    def unpin(self, cid: Cid) -> bool:
        """Lets go; False where it was not pinned."""
        path = self._folder.path(cid)
        with told_as_ours():
            if not Path(path).exists():
                return False
            with self._folder.locked(fcntl.LOCK_SH) as lock:
                try:
                    Path(path).replace(path + LET_GO)
                except FileNotFoundError:
                    return False
                self._folder.make_last(path, lock)
        return True

    def pins(self) -> Iterator[Cid]:
        """Every pinned document, in no order."""
        return self._folder.named("")

    def collect_garbage(self) -> int:
        """Removes documents that are not pinned, and what crashes left; how many blocks the documents had."""
        sizes = [self._folder.remove(cid) for cid in self._folder.named(LET_GO)]
        for ending in (NODES, DAMAGED):
            for cid in self._folder.named(ending):
                if not Path(self._folder.path(cid)).exists():
                    self._folder.remove(cid)
        self._folder.remove_left_behind()
        return sum(blocks_of(size) for size in sizes if size is not None)

    def export_car(self, cid: Cid) -> Iterator[bytes]:
        """The document as a CAR of version 1; see `ports.documents.Documents`."""
        with Contents(self._folder, cid) as contents:
            yield from write_car(cid, contents.get)

    def import_car(self, pieces: Iterable[bytes], *, root: Cid, max_bytes: int) -> None:
        """Takes a document out of a CAR and pins it; see `ports.documents.Documents`."""
        self._folder.make()
        try:
            with self._folder.incoming() as file:
                carried = Carried(read_car(pieces, root=root, max_bytes=max_bytes), file)
                for piece in read_file(root, carried.get):
                    file.write(piece)
                self._folder.put_in_place(root, file, carried.end())
        except (CarInvalid, BlockMismatch, NoDocument) as error:
            raise BytesRefused(error.detail, remedy=error.remedy) from error

    def check(self) -> None:
        """Puts a file into the folder and takes it away again; see `ports.documents.Documents`."""
        self._folder.make()
        with self._folder.incoming() as file:
            file.write(b"checked")

    def _add_long(self, chunks: Iterable[bytes], expected: Cid | None) -> StoredBytes:
        """Stores a document of several chunks, which are named here, digested on one thread and written on another."""
        nodes: list[bytes] = []
        with self._folder.incoming() as file, Beside(file.write) as writing, DigestBeside() as running:
            builder = FileBuilder(running=running)
            for chunk in chunks:
                writing.take(chunk)
                nodes.append(framed_nodes(builder.add(chunk)))
            nodes.append(framed_nodes(builder.finish()))
            stored = StoredBytes(cid=builder.root, size=builder.size, digest=builder.digest)
            _refuse_another(stored.cid, expected)
            writing.end()
            self._folder.put_in_place(stored.cid, file, b"".join(nodes))
        return stored

    def _block_of(self, root: Cid, cid: Cid) -> bytes:
        with Contents(self._folder, root) as contents:
            for link in outline(root, contents.get):
                if link.cid == cid:
                    block = contents.get(cid)
                    check_block(cid, block)
                    return block
        raise DocumentMissing(f"The block {cid.text} is not here.")

    def _is_whole(self, cid: Cid, ending: str) -> bool:
        """Whether every block of a document is here in its full size; nodes are hashed, chunks are not."""
        path = self._folder.path(cid)
        if Path(path + DAMAGED).exists():
            return False
        if cid.codec is Codec.RAW:
            return Path(path + ending).exists()
        with Contents(self._folder, cid, (ending,)) as contents:
            for _ in outline(cid, contents.get):
                pass
        return True


def _taken(source: BinaryIO, told: Told | None) -> Iterator[bytes]:
    """The source in full chunks; only the last may be shorter."""
    done = 0
    while chunk := source.read(CHUNK_BYTES):
        while len(chunk) < CHUNK_BYTES and (more := source.read(CHUNK_BYTES - len(chunk))):
            chunk += more
        done += len(chunk)
        if told is not None:
            told(done)
        yield chunk


def _refuse_another(cid: Cid, expected: Cid | None) -> None:
    if expected is not None and expected != cid:
        raise BytesRefused(f"The bytes are {cid.text}, not {expected.text}.")
