"""A document as one stream of bytes: a CAR of version 1 that holds its blocks and nothing else.

A header names the root; then every block follows with its CID, the root first, then depth first, each once: the order in which a
reader needs them, so a stream is checked block by block as it comes and nothing unasked for is ever kept. Kubo writes the same
bytes. A CAR in another order, with another root, with a block too many, too few or twice is refused, each by its own name.

Source: the specification of CARv1; its header is DAG-CBOR, which has one spelling for {"roots": [root], "version": 1}.
"""

from collections.abc import Iterable, Iterator

from greenlane.core.documents.cid import CID_BYTES, Cid, CidInvalid
from greenlane.core.documents.unixfs import CHUNK_BYTES, MAX_LINKS, STANDARD, Block, GetBlock, Layout, walk
from greenlane.core.documents.varint import MAX_VARINT_BYTES, VarintInvalid, encode_varint, read_varint
from greenlane.core.errors import InvalidInput

# A map of two; "roots", an array of one; tag 42 over 37 bytes, the first of them 0.
_BEFORE_ROOT = b"\xa2\x65roots\x81\xd8\x2a\x58\x25\x00"
_AFTER_ROOT = b"\x67version\x01"
_HEADER_BYTES = len(_BEFORE_ROOT) + CID_BYTES + len(_AFTER_ROOT)
_LONGEST_HEADER = 4_096
"""So that a CAR of several roots is read far enough to be told what it is."""
_MORE = 0x80


class CarInvalid(InvalidInput):
    """Bytes are no CAR as a document's is."""

    code = "car-invalid"
    default_remedy = "Send a CAR of version 1 with one document: its root first, then every block depth first, each once."


class CarCutOff(CarInvalid):
    """A CAR ends within its header or a block, or before all of the document came."""

    code = "car-cut-off"
    default_remedy = "Send all of it again."


class CarTooLarge(CarInvalid):
    """A CAR, or a block in it, is larger than it may be."""

    code = "car-too-large"


class CarOfAnotherDocument(CarInvalid):
    """A CAR has another root than the document that was asked for."""

    code = "car-of-another-document"


class CarOutOfOrder(CarInvalid):
    """A block came twice, too early or too late, or belongs to no part of the document."""

    code = "car-out-of-order"


CAR_HEAD_BYTES = 128
"""Enough to hold the header of any document's CAR."""


def longest_car(size: int) -> int:
    """No CAR of a document of so many bytes is longer than this."""
    leaves = max(1, -(-size // CHUNK_BYTES))
    # Of each block its length, its CID, and its link and size in the node above; every row of nodes is far shorter than the last.
    blocks = leaves + 2 * leaves // MAX_LINKS + STANDARD.height_of(size)
    return MAX_VARINT_BYTES + _HEADER_BYTES + size + blocks * (2 * CID_BYTES + 4 * MAX_VARINT_BYTES)


def write_car(root: Cid, get: GetBlock, *, layout: Layout = STANDARD) -> Iterator[bytes]:
    """The CAR of a document, in pieces of at most one block.

    Raises:
        BlockMismatch, NoDocument: before the first piece or between pieces.
    """
    header = _header(root)
    for block in walk(root, get, layout=layout):
        yield header + encode_varint(CID_BYTES + len(block.data)) + block.cid.encode()
        yield block.data
        header = b""


def read_car(pieces: Iterable[bytes], *, root: Cid, max_bytes: int, layout: Layout = STANDARD) -> Iterator[Block]:
    """The blocks of a document out of a CAR, each checked before it comes; holds one block and one piece.

    Whoever takes blocks must take all: only the end says that nothing lacked and nothing was too much.

    Args:
        pieces: the CAR, cut anywhere.
        root: the document that is wanted.
        max_bytes: of the whole CAR; no piece is asked for after it was passed.

    Raises:
        CarInvalid: or one of its kinds, as their names say.
        BlockMismatch: a block does not match the CID before it.
        NoDocument: the blocks are those of no document.
    """
    stream = _Stream(pieces, max_bytes)
    header = stream.framed(_LONGEST_HEADER)
    if header != _header(root)[1:]:
        if header[: len(_BEFORE_ROOT)] == _BEFORE_ROOT and header[-len(_AFTER_ROOT) :] == _AFTER_ROOT:
            raise CarOfAnotherDocument(f"The CAR has another root than {root.text}.")
        raise CarInvalid("The CAR begins with no header of version 1 with one root.")

    def next_block(cid: Cid) -> bytes:
        frame = stream.framed(CID_BYTES + CHUNK_BYTES)
        if frame[:CID_BYTES] != cid.encode():
            raise CarOutOfOrder(f"{_named(frame)} came where {cid.text} was due.")
        return frame[CID_BYTES:]

    yield from walk(root, next_block, layout=layout)
    if not stream.is_at_end():
        raise CarOutOfOrder("More follows after the document's last block.")


def root_of_car(head: bytes) -> Cid:
    """The root that a CAR names; whether the rest is its document, `read_car` says.

    Args:
        head: its beginning, CAR_HEAD_BYTES or more.

    Raises:
        CarInvalid: it begins with no header of version 1 with one root, or none that a document has.
    """
    start = 1 + len(_BEFORE_ROOT)
    try:
        root = Cid.decode(head[start : start + CID_BYTES])
    except CidInvalid:
        root = None
    if root is None or not head.startswith(_header(root)):
        raise CarInvalid("The CAR begins with no header of version 1 with one root.")
    return root


def _header(root: Cid) -> bytes:
    return encode_varint(_HEADER_BYTES) + _BEFORE_ROOT + root.encode() + _AFTER_ROOT


def _named(frame: bytes) -> str:
    try:
        return Cid.decode(frame[:CID_BYTES]).text
    except CidInvalid:
        return "A block of another kind"


class _Stream:
    """Bytes that come in pieces, taken in the lengths that a CAR states."""

    def __init__(self, pieces: Iterable[bytes], max_bytes: int) -> None:
        self._pieces = iter(pieces)
        self._left = max_bytes
        self._piece = memoryview(b"")

    def is_at_end(self) -> bool:
        while not self._piece:
            piece = next(self._pieces, None)
            if piece is None:
                return True
            self._left -= len(piece)
            if self._left < 0:
                raise CarTooLarge("The CAR is larger than the document that was asked for, or than is taken here.")
            self._piece = memoryview(piece)
        return False

    def framed(self, longest: int) -> bytes:
        """The next bytes that stand behind their length."""
        length = self._length()
        if length > longest:
            raise CarTooLarge(f"A part of the CAR says that it has {length} bytes; at most {longest} are taken.")
        return self._take(length)

    def _length(self) -> int:
        encoded = self._take(1)
        while encoded[-1] >= _MORE and len(encoded) < MAX_VARINT_BYTES:
            encoded += self._take(1)
        try:
            return read_varint(encoded)[0]
        except VarintInvalid as error:
            raise CarInvalid(f"The length of a part of the CAR is none: {error.detail}") from error

    def _take(self, count: int) -> bytes:
        parts = []
        while count:
            if self.is_at_end():
                raise CarCutOff(f"The CAR ends where {count} more bytes were due.")
            parts.append(self._piece[:count])
            self._piece = self._piece[count:]
            count -= len(parts[-1])
        return b"".join(parts)
