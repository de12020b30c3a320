"""What is sent to a node: a document's bytes, watched while they leave, and the bodies that carry them."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from greenlane.adapters.entropy import random_bytes
from greenlane.core.documents.car import write_car
from greenlane.core.documents.cid import Cid
from greenlane.core.documents.unixfs import CHUNK_BYTES, Block, FileBuilder
from greenlane.ports.documents import BytesRefused, Told


def pieces_of(source: BinaryIO) -> Iterator[bytes]:
    while piece := source.read(CHUNK_BYTES):
        yield piece


def watched(source: BinaryIO, expected: Cid, builder: FileBuilder) -> Iterator[bytes]:
    """The source's bytes, one piece behind: the last is held back until all of them are known to be the expected ones.

    Raises:
        BytesRefused: they are not; whoever sends has not sent the end.
    """
    last = b""
    for piece in pieces_of(source):
        builder.add(piece)
        if last:
            yield last
        last = piece
    builder.finish()
    if builder.root != expected:
        raise BytesRefused(f"The bytes are those of {builder.root.text}, not of {expected.text}.")
    if last:
        yield last


def counted(pieces: Iterable[bytes], told: Told | None) -> Iterator[bytes]:
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
