"""A document of the embedded store as blocks: handed out of its files, and put together out of a CAR."""

import errno
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from greenlane.adapters.blocks.files import LET_GO, NODES, Folder, Incoming, as_ours
from greenlane.core.documents.cid import CID_BYTES, Cid, CidInvalid, Codec
from greenlane.core.documents.unixfs import CHUNK_BYTES, MAX_LINKS, Block, BlockMismatch, NoDocument, read_node
from greenlane.core.documents.varint import VarintInvalid, encode_varint, read_varint
from greenlane.ports.documents import BytesRefused, DocumentMissing

log = logging.getLogger(__name__)


class Contents:
    """A document whose file is open. What a reader finds wrong in it is noted, and told in the port's words."""

    __slots__ = ("_chunks", "_cid", "_descriptor", "_folder", "_nodes", "_places")

    def __init__(self, folder: Folder, cid: Cid, endings: tuple[str, ...] = ("", LET_GO)) -> None:
        """Opens the first that is there of a document's files with those endings.

        Raises:
            DocumentMissing, DocumentsUnavailable.
        """
        self._folder = folder
        self._cid = cid
        self._descriptor = _open_first(folder.path(cid), endings)
        self._nodes: dict[Cid, bytes] | None = None
        # Where the bytes begin of what nodes named so far, and how many they are. Readers go depth first, so of chunks only those
        # of one node are ever asked for.
        self._places: dict[Cid, tuple[int, int]] = {}
        self._chunks: dict[Cid, tuple[int, int]] = {}

    def get(self, cid: Cid) -> bytes:
        """The root, or a block that was named by the last node above its height; a chunk is handed out as it is."""
        if cid.codec is Codec.DAG_PB:
            return self._node(cid)
        try:
            if cid == self._cid:
                # One byte more than there should be shows that there are more; all of a chunk's room need not be made for it.
                return os.pread(self._descriptor, min(os.fstat(self._descriptor).st_size, CHUNK_BYTES + 1), 0)
            begin, size = self._chunks[cid]
            return os.pread(self._descriptor, size, begin)
        except OSError as error:
            if error.errno == errno.EIO:
                raise BlockMismatch(f"The disk cannot read the block {cid.text}.") from error
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        inode = os.fstat(self._descriptor).st_ino if isinstance(error, BlockMismatch) else 0
        os.close(self._descriptor)
        if isinstance(error, BlockMismatch):
            log.error("documents.block-damaged", extra={"cid": self._cid.text})
            self._folder.note_damage(self._cid, inode)
            raise BytesRefused(error.detail) from error
        if isinstance(error, NoDocument):
            raise BytesRefused(error.detail, remedy=error.remedy) from error
        if isinstance(error, OSError):
            raise as_ours(error) from error

    def _node(self, cid: Cid) -> bytes:
        if self._nodes is None:
            self._nodes = self._read_nodes()
        if cid not in self._nodes:
            raise BlockMismatch(f"The node {cid.text} of {self._cid.text} was found damaged.")
        block = self._nodes[cid]
        node = read_node(cid, block)
        if cid == self._cid and os.fstat(self._descriptor).st_size != node.size:
            raise BlockMismatch(f"The file of {cid.text} has not the {node.size} bytes of the document.")
        begin, _ = (0, 0) if cid == self._cid else self._places[cid]
        under = {}
        for link in node.links:
            under[link.cid] = begin, link.size
            begin += link.size
        if node.height == 1:
            self._chunks = under
        else:
            self._places |= under
        return block

    def _read_nodes(self) -> dict[Cid, bytes]:
        """What stands in the file of nodes; whether that is all, and right, shows when it is asked for and hashed."""
        try:
            data = Path(self._folder.path(self._cid) + NODES).read_bytes()
        except FileNotFoundError as error:
            raise DocumentMissing(f"The nodes of {self._cid.text} are not here.") from error
        nodes = {}
        at = 0
        with suppress(VarintInvalid, CidInvalid):
            while at < len(data):
                length, at = read_varint(data, at)
                nodes[Cid.decode(data[at : at + CID_BYTES])] = data[at + CID_BYTES : at + length]
                at += length
        return nodes


class Carried:
    """The blocks of a CAR, asked for in the order of the document's bytes: each comes once, and may be wanted again later."""

    def __init__(self, blocks: Iterator[Block], file: Incoming) -> None:
        """Takes blocks in the order of `unixfs.walk`.

        Args:
            file: where whoever asks writes the chunks, each before asking for the next.
        """
        self._blocks = blocks
        self._file = file
        self._chunks: dict[Cid, tuple[int, int]] = {}
        self._nodes: dict[Cid, Block] = {}

    def get(self, cid: Cid) -> bytes:
        """The next block, or one that came before."""
        if cid in self._nodes:
            return self._nodes[cid].data
        if cid in self._chunks:
            begin, size = self._chunks[cid]
            return self._file.read(begin, size)
        block = next(self._blocks)
        if cid.codec is Codec.DAG_PB:
            self._nodes[cid] = block
        else:
            self._chunks[cid] = self._file.size, len(block.data)
        return block.data

    def end(self) -> bytes:
        """All nodes, framed; only the end of a CAR says that nothing was too much."""
        for _ in self._blocks:
            pass
        return framed_nodes(self._nodes.values())


def framed_nodes(blocks: Iterable[Block]) -> bytes:
    """The nodes among blocks, each behind its length and its CID."""
    nodes = (block for block in blocks if block.cid.codec is Codec.DAG_PB)
    return b"".join([encode_varint(CID_BYTES + len(node.data)) + node.cid.encode() + node.data for node in nodes])


def blocks_of(size: int) -> int:
    """How many blocks a document of so many bytes has."""
    row = max(1, -(-size // CHUNK_BYTES))
    blocks = row
    while row > 1:
        row = -(-row // MAX_LINKS)
        blocks += row
    return blocks


def _open_first(path: str, endings: tuple[str, ...]) -> int:
    for ending in endings:
        try:
            return os.open(path + ending, os.O_RDONLY)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise as_ours(error) from error
    raise DocumentMissing(f"The document {path.rpartition('/')[2]} is not here.")
