"""One Kubo node as a store of documents; see `ports.documents.Documents`."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import ipfshttpclient  # type: ignore[import-untyped]
from ipfshttpclient import exceptions as client_exceptions

from greenlane.adapters.kubo.ahead import AHEAD, Ahead
from greenlane.adapters.kubo.faults import Faults, NotPinned, refusing
from greenlane.adapters.kubo.options import ADD_OPTIONS, IMPORT_OPTIONS, LIST_OPTIONS, PIN_OPTIONS
from greenlane.adapters.kubo.sending import KnownDigest, SourceBroken, car_of, counted, identified, multipart, watched
from greenlane.adapters.kubo.wire import RPC_PATH, NoKubo, Session, addresses, duration, no_url
from greenlane.core.documents.car import read_car, write_car
from greenlane.core.documents.cid import Cid, CidInvalid, Codec, parse_cid
from greenlane.core.documents.unixfs import (
    FileBuilder,
    Link,
    NoDocument,
    check_block,
    file_size,
    outline,
    read_file,
)
from greenlane.core.wire import shown
from greenlane.ports.documents import BytesRefused, DocumentMissing, DocumentsUnavailable, StoredBytes, Told

_CHECK_S = 3.0
_SENT_BYTES = 262_144
"""At once: larger pieces are copied through memory instead of the processor's cache, which costs more than the calls saved."""
_ASKED_AT_ONCE = 256
_SLOWEST_BYTES_PER_S = 5 * 1_048_576
"""What a node is granted to write what was sent, beside the usual time for an answer."""
_SWEEP_S = 600.0
"""For the first words of a garbage collection, which come when it has looked at every pin."""
_GRACE_S = 5.0
"""Beyond the time that a command was given, for its error to come."""


class Kubo:
    """One Kubo node as a store of documents; may be used from several threads."""

    def __init__(self, url: str, *, token: str | None = None, timeout_s: float = 30.0) -> None:
        """Opens nothing yet.

        Args:
            url: of the RPC, without /api/v0, e.g. "http://127.0.0.1:5001".
            token: opens it; sent as a bearer token.
            timeout_s: for connecting, for each piece that is sent, and for an answer to begin.

        Raises:
            InvalidInput: the URL is none that can be asked.
        """
        base, address = addresses(url)
        self._url = f"{base}/{RPC_PATH}"
        self._timeout_s = timeout_s
        self._session = Session(token, timeout_s)
        self._faults = Faults(self._url)
        try:
            client = ipfshttpclient.Client(
                address, f"{urlsplit(base).path}/{RPC_PATH}", chunk_size=_SENT_BYTES, timeout=timeout_s
            )
        except client_exceptions.Error as error:
            raise no_url(url) from error
        # Its own session would take proxies from the environment, follow redirects, and hold whatever a node sends.
        client._client._session = self._session
        self._client: Any = client

    # Writing

    def add(self, source: BinaryIO, *, expected: Cid | None = None, told: Told | None = None) -> StoredBytes:
        """Stores and pins the bytes from the source's place to its end; see `ports.documents.Documents`.

        Before the last of it is sent, what was sent is held against `expected`: a source that changed in between is broken off,
        and the node pins nothing. Reading, hashing and sending overlap. Where the node has all of the document already, nothing
        is sent.

        Raises:
            OSError: the source cannot be read; what was sent of it is not pinned.
        """
        try:
            return self._add(source, expected, told)
        except SourceBroken as broken:
            raise (broken.__cause__ or broken) from None

    def _add(self, source: BinaryIO, expected: Cid | None, told: Told | None) -> StoredBytes:
        begin = source.tell()
        size = source.seek(0, 2) - begin
        source.seek(begin)
        builder = FileBuilder()
        if expected is None:
            expected, digest = identified(source, size=size)
            source.seek(begin)
            builder = FileBuilder(running=KnownDigest(digest))
        with closing(watched(source, expected, builder, size=size)) as pieces:
            if self.is_held(expected):
                for _ in counted(pieces, told):
                    pass
                return StoredBytes(cid=expected, size=builder.size, digest=builder.digest)
            with self._faults.told("The document was not stored."):
                cid_text = self._client.add_bytes(
                    counted(pieces, told),
                    opts=dict(ADD_OPTIONS),
                    timeout=(self._timeout_s, self._timeout_s + size / _SLOWEST_BYTES_PER_S),
                )
            stored = StoredBytes(cid=expected, size=builder.size, digest=builder.digest)
        if cid_text != expected.text:
            # Its pin is of this request, and of bytes that nobody will ask for by that name.
            self._let_go(cid_text)
            raise BytesRefused(
                f"The node made {shown(str(cid_text))} of the bytes of {expected.text}.",
                remedy="Let the node be Kubo 0.42 or later.",
            )
        return stored

    def pin(self, cid: Cid, *, wait_s: float) -> None:
        """Brings here what is missing and pins it; see `ports.documents.Documents`.

        What came in vain is kept until garbage is collected: a second request goes on from there.
        """
        with self._faults.told(f"{cid.text} was not pinned.", missing=cid):
            self._client.pin.add(
                cid.text,
                recursive="true",
                opts={**PIN_OPTIONS, "timeout": duration(wait_s)},
                timeout=(self._timeout_s, wait_s + self._timeout_s),
            )

    def unpin(self, cid: Cid) -> bool:
        """Lets go; False where it was not pinned."""
        try:
            with self._faults.told(f"{cid.text} was not unpinned.", is_of_pin=True):
                self._client.pin.rm(cid.text, recursive="true")
        except NotPinned:
            return False
        return True

    def collect_garbage(self) -> int:
        """Removes blocks that no pin holds; how many. The node itself waits for what is being added or imported."""
        count = 0
        with self._faults.told("Garbage was not collected."):
            for line in self._session.lines(
                f"{self._url}/repo/gc", {"stream-errors": "false", "quiet": "false", "silent": "false"}, wait_s=_SWEEP_S
            ):
                count += isinstance(line.get("Key"), dict)
        return count

    def import_car(self, pieces: Iterable[bytes], *, root: Cid, max_bytes: int) -> None:
        """Takes a document out of a CAR and pins it; see `ports.documents.Documents`.

        Only blocks that were checked are sent on, and the end of the CAR only where all came: a node that pins what lacks a part
        would look for it in the swarm, for ever.
        """
        what = f"{root.text} was not imported."
        body, content_type = multipart(car_of(root, read_car(pieces, root=root, max_bytes=max_bytes)))
        # The node pins before it answers: as long as its size may need.
        wait_s = self._timeout_s + max_bytes / _SLOWEST_BYTES_PER_S
        is_pinned = False
        with refusing(), self._faults.told(what):
            for line in self._session.lines(
                f"{self._url}/dag/import", IMPORT_OPTIONS, body=body, content_type=content_type, wait_s=wait_s
            ):
                match line:
                    case {"Root": {"Cid": {"/": str(pinned)}, "PinErrorMsg": str(words)}} if not words:
                        is_pinned = is_pinned or pinned == root.text
                    case {"Root": {"PinErrorMsg": str(words)}}:
                        self._faults.fail(what, words, None)
        if not is_pinned:
            raise DocumentsUnavailable(f"{what} The documents node does not say that it pinned it.", where=self._url)

    # Reading

    def size(self, cid: Cid, *, wait_s: float | None = None) -> int:
        """How many bytes the document has, by its root block; see `ports.documents.Documents`."""
        with refusing():
            return file_size(cid, lambda one: self.block(one, wait_s=wait_s))

    def read(self, cid: Cid, *, offset: int = 0, length: int | None = None, wait_s: float | None = None) -> Iterator[bytes]:
        """The bytes from `offset` on, in pieces of at most 1 MiB, each hashed; see `ports.documents.Documents`."""
        end = None if length is None else offset + length
        with refusing(), closing(Ahead(lambda one: self.block(one, wait_s=wait_s), begin=offset, end=end)) as ahead:
            yield from read_file(cid, ahead.get, offset=offset, length=length)

    def block(self, cid: Cid, *, wait_s: float | None = None) -> bytes:
        """One block, hashed; see `ports.documents.Documents`."""
        with refusing(), self._faults.told(f"{cid.text} was not read.", missing=cid):
            data: bytes = self._client.block.get(cid.text, **self._patience(wait_s))
            check_block(cid, data)
            return data

    def export_car(self, cid: Cid) -> Iterator[bytes]:
        """The document as a CAR of version 1; see `ports.documents.Documents`. Only of what is here."""
        with refusing(), closing(Ahead(self.block, is_each_once=True)) as ahead:
            yield from write_car(cid, ahead.get)

    # What is there

    def is_held(self, cid: Cid) -> bool:
        """Whether the document is pinned and every block of it is here.

        Of nodes the bytes are read and hashed; of the chunks under them it is asked whether they are there in their size.
        """
        try:
            with self._faults.told("It cannot be told what is held.", is_of_pin=True):
                self._client.pin.ls(cid.text, type="recursive")
        except NotPinned:
            return False
        try:
            chunks = (link for link in outline(cid, self.block) if link.cid.codec is Codec.RAW)
            with ThreadPoolExecutor(AHEAD, thread_name_prefix="kubo-stat") as pool:
                while some := tuple(islice(chunks, _ASKED_AT_ONCE)):
                    if not all(pool.map(self._is_there, some)):
                        return False
            return True
        except (DocumentMissing, BytesRefused, NoDocument):
            return False

    def pins(self) -> Iterator[Cid]:
        """Every pinned document, in no order; pins whose names are no document's are left out."""
        with self._faults.told("It cannot be told what is pinned."):
            for line in self._session.lines(f"{self._url}/pin/ls", LIST_OPTIONS):
                try:
                    yield parse_cid(str(line.get("Cid")))
                except CidInvalid:
                    continue

    def check(self) -> None:
        """Asks the node for its id, which no answer of a cache or of another program has, within a few seconds."""
        with self._faults.told("The documents node cannot be used."):
            told = self._client.id(timeout=_CHECK_S)
            if not isinstance(told.get("ID"), str):
                raise NoKubo

    def close(self) -> None:
        """Ends the connections that wait for more."""
        self._session.close()

    # Asking

    def _patience(self, wait_s: float | None) -> dict[str, Any]:
        if wait_s is None:
            return {"offline": True}
        return {"opts": {"timeout": duration(wait_s)}, "timeout": (self._timeout_s, wait_s + _GRACE_S)}

    def _is_there(self, link: Link) -> bool:
        try:
            with self._faults.told("It cannot be told what is held.", missing=link.cid):
                return bool(self._client.block.stat(link.cid.text, offline=True)["Size"] == link.size)
        except DocumentMissing:
            return False

    def _let_go(self, cid_text: object) -> None:
        try:
            self.unpin(parse_cid(str(cid_text)))
        except (CidInvalid, DocumentsUnavailable):
            # The document is refused in any case; what cannot be unpinned now costs room and nothing else.
            return
