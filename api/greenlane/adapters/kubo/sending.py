"""What is sent to a node: a document's bytes, watched while they leave, and the bodies that carry them."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import nullcontext
from typing import BinaryIO

from greenlane.adapters.beside import Beside, DigestBeside
from greenlane.adapters.entropy import random_bytes
from greenlane.core.documents.car import write_car
from greenlane.core.documents.cid import Cid
from greenlane.core.documents.unixfs import CHUNK_BYTES, Block, FileBuilder
from greenlane.ports.documents import BytesRefused, Told

_SMALL_BYTES = 2 * CHUNK_BYTES
"""Up to here a thread costs more than it saves."""


class SourceBroken(Exception):
    """The source cannot be read; why stands in its cause. No OSError, which would be taken for one of the way to the node."""


def pieces_of(source: BinaryIO) -> Iterator[bytes]:
    """From the source's place to its end, in pieces of at most 1 MiB."""
    while piece := source.read(CHUNK_BYTES):
        yield piece


def watched(source: BinaryIO, expected: Cid, builder: FileBuilder, *, size: int) -> Generator[bytes]:
    """The source's bytes, one piece behind: the last is held back until all of them are known to be the expected ones.

    A node pins when a body has ended, and says its CID only then: a source that changed would be pinned until it is let go, and
    for ever where we die in between. So every chunk gets its name at home, too, while the ones before it are on their way.

    Args:
        builder: takes the bytes; once this has ended, it tells what they were.
        size: how many bytes there are; of few, none is given to another thread.

    Raises:
        BytesRefused: they are not; whoever sends has not sent the end.
        SourceBroken: the source cannot be read.
    """
    last = b""
    with Beside(builder.add) if size > _SMALL_BYTES else nullcontext() as naming:
        for piece in _told_apart(pieces_of(source)):
            if naming is None:
                builder.add(piece)
            else:
                naming.take(piece)
            if last:
                yield last
            last = piece
        if naming is not None:
            naming.end()
    builder.finish()
    if builder.root != expected:
        raise BytesRefused(f"The bytes are those of {builder.root.text}, not of {expected.text}.")
    if last:
        yield last


def _told_apart(pieces: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from pieces
    except OSError as error:
        raise SourceBroken from error


def identified(source: BinaryIO, *, size: int) -> tuple[Cid, bytes]:
    """The CID and the SHA-256 of the source's bytes; of many, the digest over all comes from a thread of its own.

    Args:
        size: how many bytes there are.
    """
    with DigestBeside() if size > _SMALL_BYTES else nullcontext() as running:
        builder = FileBuilder(running=running)
        for piece in pieces_of(source):
            builder.add(piece)
        builder.finish()
        return builder.root, builder.digest


class KnownDigest:
    """Stands in a `FileBuilder` where the digest was made before."""

    def __init__(self, digest: bytes) -> None:
        self._digest = digest

    def update(self, data: bytes, /) -> None:
        """Takes what was taken before."""

    def digest(self) -> bytes:
        """The digest that is known."""
        return self._digest


def counted(pieces: Iterable[bytes], told: Told | None) -> Iterator[bytes]:
    """Passes pieces on, and tells how many bytes are done."""
    done = 0
    for piece in pieces:
        yield piece
        done += len(piece)
        if told is not None:
            told(done)


def car_of(root: Cid, blocks: Iterable[Block]) -> Iterator[bytes]:
    """The blocks that were checked, as a CAR again: nothing of the bytes that came is passed on as it came."""
    source = iter(blocks)
    yield from write_car(root, lambda _: next(source).data)
    # Only its end says that nothing was too much.
    for _ in source:
        raise AssertionError


def multipart(data: Iterable[bytes]) -> tuple[Iterator[bytes], str]:
    """One file as a body of multipart/form-data, and its Content-Type. RFC 7578."""
    # Whoever could guess it could end the file, or begin another, within a document.
    boundary = random_bytes(16).hex()

    def body() -> Iterator[bytes]:
        yield (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="document.car"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        yield from data
        yield f"\r\n--{boundary}--\r\n".encode()

    return body(), f"multipart/form-data; boundary={boundary}"
