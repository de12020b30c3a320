"""Fetches a document from a server that is believed in nothing, and goes on after a break.

The root block comes first, out of the document's CAR: it has the name that was asked for, and says how long the document is and
what its parts are called. Then the bytes come, by ranges, and every part is compared with its name as soon as it is whole: each
MiB of a document of up to 1 GiB, each GiB of a larger one. What has arrived lies in a file beside the target that begins with a
dot, and gets its name only when all of it is right.
"""

import argparse
import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from greenlane.cli.document.waiting import Patience
from greenlane.cli.server import ServerAway, ServerRefused, Streamed, stream
from greenlane.core.documents.car import CarCutOff, CarInvalid, read_car
from greenlane.core.documents.cid import Cid, Codec
from greenlane.core.documents.unixfs import (
    CHUNK_BYTES,
    Block,
    BlockMismatch,
    FileBuilder,
    FileNode,
    NoDocument,
    read_root,
)
from greenlane.core.exits import WrongUse
from greenlane.ports.documents import BytesRefused

_READ_BYTES = 1024 * 1024
# Only the first block is looked at; of the largest document that any server takes there may be more to come.
_MOST_CAR_BYTES = 1 << 50
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18})", re.ASCII)
_NOT_SATISFIABLE = 416
_PARTIAL = 206


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A document as it lies in a file: every byte is what its CID says.

    Attributes:
        digest: SHA-256 of all bytes.
    """

    file: BinaryIO
    size: int
    digest: bytes


@contextmanager
def fetched(args: argparse.Namespace, cid: Cid, part: Path, patience: Patience) -> Iterator[Fetched]:
    """Brings a document into a file, which the block may read or name otherwise; what is left of it after a success is removed.

    Args:
        part: where what has arrived lies; what is there already is gone on from.

    Raises:
        BytesRefused: the server sent other bytes than the CID names; what was right stays in `part`.
        ServerAway, ServerRefused: as for `send`.
        WrongUse: another command fetches into the same file.
    """
    with _locked(part) as file:
        got = _Arrival(cid, file, _outline(args, cid, patience))
        patience.progress.total = got.total
        got.take_what_is_there()
        while not got.is_complete:
            try:
                _take_more(args, cid, got, patience)
            except ServerAway as away:
                patience.wait(away)
            except ServerRefused as refusal:
                if refusal.status != _NOT_SATISFIABLE or not got.size:
                    raise
                got.begin_again()
        yield got.finish()
        part.unlink(missing_ok=True)


def _take_more(args: argparse.Namespace, cid: Cid, got: "_Arrival", patience: Patience) -> None:
    headers = {"Range": f"bytes={got.size}-"} if got.size else {}
    with stream(args, f"/v1/documents/{cid.text}", headers=headers) as answer:
        if not got.starts_with(answer):
            got.begin_again()
        came = 0
        for piece in answer.pieces:
            got.take(piece)
            came += len(piece)
            patience.succeeded()
            patience.progress(got.size)
    promised = answer.headers.get("content-length", str(came))
    if promised != str(came) or (got.total and not got.is_complete):
        raise ServerAway("The server ended before the document did.", status=answer.status, retry_after_s=1)
    got.is_complete = True


class _Arrival:
    """What has arrived so far, compared part by part.

    Attributes:
        total: how many bytes there will be; 0 where the document is one raw block, and so at most one chunk.
    """

    def __init__(self, cid: Cid, file: BinaryIO, root: FileNode | None) -> None:
        self._cid = cid
        self._file = file
        self._root = root
        self.total = 0 if root is None else root.size
        self._most = CHUNK_BYTES if root is None else root.size
        self._begin()

    def _begin(self) -> None:
        self._builder = FileBuilder()
        # Of the nodes under a root of nodes of nodes, only the whole is compared: no such document is smaller than a TiB.
        self._expected = list(self._root.links) if self._root is not None and self._root.height <= 2 else []
        self._seen = 0
        self._right = 0
        self.size = 0
        self.is_complete = False

    def begin_again(self) -> None:
        """Forgets everything."""
        self._file.seek(0)
        self._file.truncate()
        self._begin()

    def take_what_is_there(self) -> None:
        """Reads what an earlier command left behind."""
        self._file.seek(0)
        try:
            while piece := self._file.read(_READ_BYTES):
                self._compare(piece)
        except BytesRefused:
            # Somebody else's hand was in the file.
            self.begin_again()
        if self.total == 0:
            # One block is fetched at once or not at all.
            self.begin_again()
        self.is_complete = self.size == self.total != 0

    def starts_with(self, answer: Streamed) -> bool:
        """Whether the answer's body begins where we are; else it begins at the start."""
        if answer.status != _PARTIAL:
            return self.size == 0
        told = _CONTENT_RANGE.fullmatch(answer.headers.get("content-range", ""))
        if told is None or int(told[1]) != self.size:
            raise ServerRefused(
                "The server sent another part than it was asked for.", remedy="Check that --url is a Greenlane server."
            )
        return True

    def take(self, piece: bytes) -> None:
        """Writes and compares what came."""
        self._file.write(piece)
        try:
            self._compare(piece)
        except BytesRefused:
            self._file.truncate(self._right)
            raise
        self.is_complete = self.size == self.total != 0

    def finish(self) -> Fetched:
        """Compares the whole."""
        try:
            self._check(self._builder.finish())
            if self._builder.root != self._cid:
                raise _refused(self._cid)
        except BytesRefused:
            self._file.truncate(self._right)
            raise
        self._file.flush()
        self._file.seek(0)
        return Fetched(file=self._file, size=self._builder.size, digest=self._builder.digest)

    def _compare(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.size > self._most:
            raise _refused(self._cid)
        self._check(self._builder.add(piece))

    def _check(self, blocks: tuple[Block, ...]) -> None:
        for block in blocks:
            if self._seen < len(self._expected) and block.cid.codec == self._expected[0].cid.codec:
                expected = self._expected[self._seen]
                if block.cid != expected.cid:
                    raise _refused(self._cid)
                self._seen += 1
                self._right += expected.size


def _outline(args: argparse.Namespace, cid: Cid, patience: Patience) -> FileNode | None:
    """What the root says; None where the document is one raw block."""
    if cid.codec is Codec.RAW:
        return None
    while True:
        try:
            with stream(args, f"/v1/documents/{cid.text}?format=car") as answer:
                first = next(read_car(answer.pieces, root=cid, max_bytes=_MOST_CAR_BYTES))
                node = read_root(cid, first.data)
        except ServerAway as away:
            patience.wait(away)
            continue
        except CarCutOff:
            patience.wait(ServerAway("The server ended before the document's first block did.", status=200, retry_after_s=1))
            continue
        except (BlockMismatch, CarInvalid, NoDocument) as cause:
            raise _refused(cid) from cause
        patience.succeeded()
        return node


def _refused(cid: Cid) -> BytesRefused:
    return BytesRefused(f"The server sent bytes that are not those of {cid.text}.")


@contextmanager
def _locked(part: Path) -> Iterator[BinaryIO]:
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    with open(descriptor, "r+b") as file:  # noqa: PTH123 - no Path takes a mode and these flags
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as cause:
            raise WrongUse("Another command fetches this document into the same folder.", where=str(part)) from cause
        try:
            yield file
        finally:
            file.flush()
            if os.fstat(descriptor).st_size == 0:
                part.unlink(missing_ok=True)
