"""A store of documents in memory, which a test can send away, fill up, or turn into a liar.

It makes the CIDs that every store makes and keeps what the port promises; what a real store does with a disk or a network is
tried by the suite of the real ones.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import BinaryIO

from greenlane.core.documents.car import CarInvalid, read_car, write_car
from greenlane.core.documents.cid import Cid
from greenlane.core.documents.unixfs import Block, BlockMismatch, FileBuilder, check_block, file_size, read_file, walk
from greenlane.ports.documents import (
    BytesRefused,
    DocumentMissing,
    DocumentsFull,
    DocumentsUnavailable,
    StoredBytes,
    Told,
)

_PIECE_BYTES = 1_048_576


class DocumentsWorld:
    """`ports.documents.Documents` over a dictionary.

    Attributes:
        blocks: what is here; a test may take some out, or change them.
        pinned: what is held.
        is_away: whether it cannot be reached.
        is_full: whether it has no room for anything new.
        is_lying: whether it makes another CID of what it is given than it should.
        added: every CID that was added, in order, also again.
    """

    def __init__(self) -> None:
        self.blocks: dict[Cid, bytes] = {}
        self.pinned: set[Cid] = set()
        self.is_away = False
        self.is_full = False
        self.is_lying = False
        self.added: list[Cid] = []

    def add(self, source: BinaryIO, *, expected: Cid | None = None, told: Told | None = None) -> StoredBytes:
        self.check()
        builder = FileBuilder()
        blocks: list[Block] = []
        while piece := source.read(_PIECE_BYTES):
            blocks += builder.add(piece)
            if told is not None:
                told(source.tell())
        blocks += builder.finish()
        if self.is_lying or expected not in (None, builder.root):
            raise BytesRefused(f"The store made another CID than {builder.root.text} of the bytes.")
        if self.is_full:
            raise DocumentsFull("There is no room.")
        self.blocks.update({block.cid: block.data for block in blocks})
        self.pinned.add(builder.root)
        self.added.append(builder.root)
        return StoredBytes(cid=builder.root, size=builder.size, digest=builder.digest)

    def size(self, cid: Cid, *, wait_s: float | None = None) -> int:
        return file_size(cid, self._get)

    def read(self, cid: Cid, *, offset: int = 0, length: int | None = None, wait_s: float | None = None) -> Iterator[bytes]:
        return read_file(cid, self._get, offset=offset, length=length)

    def block(self, cid: Cid, *, wait_s: float | None = None) -> bytes:
        return self._get(cid)

    def is_held(self, cid: Cid) -> bool:
        self.check()
        with suppress(DocumentMissing):
            return cid in self.pinned and all(True for _ in walk(cid, self._get))
        return False

    def pin(self, cid: Cid, *, wait_s: float) -> None:
        for _ in walk(cid, self._get):
            pass
        self.pinned.add(cid)

    def unpin(self, cid: Cid) -> bool:
        self.check()
        was_pinned = cid in self.pinned
        self.pinned.discard(cid)
        return was_pinned

    def pins(self) -> Iterator[Cid]:
        self.check()
        return iter(sorted(self.pinned, key=lambda cid: cid.text))

    def collect_garbage(self) -> int:
        self.check()
        kept: set[Cid] = set()
        for cid in self.pinned:
            with suppress(DocumentMissing, BytesRefused):
                # What was lost or rotted keeps nothing else from being collected.
                kept.update(block.cid for block in walk(cid, self._get))
        gone = set(self.blocks) - kept
        for cid in gone:
            del self.blocks[cid]
        return len(gone)

    def export_car(self, cid: Cid) -> Iterator[bytes]:
        return write_car(cid, self._get)

    def import_car(self, pieces: Iterable[bytes], *, root: Cid, max_bytes: int) -> None:
        self.check()
        try:
            taken = {block.cid: block.data for block in read_car(pieces, root=root, max_bytes=max_bytes)}
        except (CarInvalid, BlockMismatch) as fault:
            raise BytesRefused(fault.detail) from fault
        self.blocks.update(taken)
        self.pinned.add(root)

    def check(self) -> None:
        if self.is_away:
            raise DocumentsUnavailable("The store of documents does not answer.", retry_after_s=30)

    def _get(self, cid: Cid) -> bytes:
        self.check()
        block = self.blocks.get(cid)
        if block is None:
            raise DocumentMissing(f"No block {cid.text} is here.")
        try:
            check_block(cid, block)
        except BlockMismatch as fault:
            raise BytesRefused(fault.detail) from fault
        return block
