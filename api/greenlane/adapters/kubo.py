"""The documents of a center in its Kubo node, over the node's RPC.

The node keeps bytes and finds them in the swarm; it is believed in nothing. CIDs are computed here, of the very bytes that are
sent, and every block that comes back is hashed. Documents are read block by block: a lie shows at the first wrong block, and what
a node says after a 200 (a body cut short is told in a trailer only) is of no account.

- Commands go through ipfshttpclient where it can do what a current Kubo needs; where it cannot, over the same session in plain
  HTTP (decisions/0022). The session is ours: no proxies, passwords or redirects of anybody's, a bound for each answer in bytes
  and in time, and trailers are read.
- Every option that has a say in the CID is given: Kubo's defaults are another profile's, and what it does not know it passes
  over in silence.
- Every command whose blocks may be missing says how long the swarm is asked (`timeout`) or that it is not (`offline`): without,
  Kubo waits for ever.

Source: Kubo 0.42's RPC reference, and exchanges recorded from it.
"""

import http.client
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import islice
from typing import Any, BinaryIO, Final
from urllib.parse import urlsplit

import ipfshttpclient  # type: ignore[import-untyped]
import requests
import urllib3
from ipfshttpclient import exceptions as client_exceptions
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from greenlane.adapters.entropy import random_bytes
from greenlane.core.canonical import JsonValue, parse_json
from greenlane.core.documents.car import CarInvalid, read_car, write_car
from greenlane.core.documents.cid import Cid, CidInvalid, Codec, parse_cid
from greenlane.core.documents.unixfs import (
    CHUNK_BYTES,
    MAX_LINKS,
    Block,
    BlockMismatch,
    FileBuilder,
    Link,
    NoDocument,
    check_block,
    file_size,
    identify,
    outline,
    read_file,
    read_node,
)
from greenlane.core.errors import InvalidInput
from greenlane.core.wire import shown
from greenlane.ports.documents import BytesRefused, DocumentMissing, DocumentsFull, DocumentsUnavailable, StoredBytes, Told

ADD_OPTIONS: Final[Mapping[str, str]] = {
    "cid-version": "1",
    "raw-leaves": "true",
    "chunker": f"size-{CHUNK_BYTES}",
    "hash": "sha2-256",
    "max-file-links": str(MAX_LINKS),
    "trickle": "false",
    "inline": "false",
    "wrap-with-directory": "false",
    "preserve-mode": "false",
    "preserve-mtime": "false",
    "nocopy": "false",
    "fscache": "false",
    "only-hash": "false",
    "pin": "true",
    "progress": "false",
}
"""Of `add`: all that has a say in the CID, in what is kept, and in what is answered."""
IMPORT_OPTIONS: Final[Mapping[str, str]] = {"pin-roots": "true", "silent": "false", "stats": "false", "allow-big-block": "false"}
_BASE = "api/v0"
_CHECK_S = 3.0
_PIECE_BYTES = 65_536
_SENT_BYTES = 262_144
_MOST_ANSWER_BYTES = 2 * CHUNK_BYTES
"""Of an answer that is held: a block has at most 1 MiB, and the words of a command are far shorter."""
_MOST_LINE_BYTES = 4_096
"""Of one line of an answer that is read line by line."""
_AHEAD = 4
"""Blocks that are fetched while one is handed on: enough for a node on this machine, and at most so many MiB for each reader."""
_MOST_IDLE = 64
"""Connections that wait for more."""
_ASKED_AT_ONCE = 256
_SLOWEST_BYTES_PER_S = 5 * 1_048_576
"""What a node is granted to write what was sent, beside the usual time for an answer."""
_SWEEP_S = 600.0
"""For the first words of a garbage collection, which come when it has looked at every pin."""
_LONGEST_LIST_S = 3_600.0
"""For all lines of an answer, while whoever asked works through them."""
_GRACE_S = 5.0
"""Beyond the time that a command was given, for its error to come."""
_MISSING = re.compile(r"could not find|not found locally|context deadline exceeded|failed to fetch", re.IGNORECASE)
_FULL = re.compile(r"no space left|quota exceeded|storage limit|StorageMax|disk is full", re.IGNORECASE)
_NOT_PINNED = re.compile(r"is not pinned|not pinned or pinned indirectly")
_GET_TOKEN = "Put the token of this node's RPC (API.Authorizations in its configuration) where this deployment reads it."  # noqa: S105
_GET_NODE = "Start the center's documents node, or give the address of its RPC; what was uploaded is kept."
_OTHER_NODE = "Give the address of the RPC of Kubo 0.42 or later."
_IP4 = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}", re.ASCII)


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
        base, address = _addresses(url)
        self._url = f"{base}/{_BASE}"
        self._timeout_s = timeout_s
        self._session = _Session(token, timeout_s)
        try:
            client = ipfshttpclient.Client(address, f"{urlsplit(base).path}/{_BASE}", chunk_size=_SENT_BYTES, timeout=timeout_s)
        except client_exceptions.Error as error:
            raise _no_url(url) from error
        # Its own session would take proxies from the environment, follow redirects, and hold whatever a node sends.
        client._client._session = self._session
        self._client: Any = client

    # Writing

    def add(self, source: BinaryIO, *, expected: Cid | None = None, told: Told | None = None) -> StoredBytes:
        """Stores and pins the bytes from the source's place to its end; see `ports.documents.Documents`.

        Before the last of it is sent, what was sent is held against `expected`: a source that changed in between is broken off,
        and the node pins nothing. Where the node has all of the document already, nothing is sent.
        """
        begin = source.tell()
        if expected is None:
            expected, _, _ = identify(_pieces_of(source))
            source.seek(begin)
        if self.is_held(expected):
            builder = FileBuilder()
            for _ in _counted(_watched(source, expected, builder), told):
                pass
            return StoredBytes(cid=expected, size=builder.size, digest=builder.digest)
        size = source.seek(0, 2) - begin
        source.seek(begin)
        builder = FileBuilder()
        with self._asking("The document was not stored."):
            cid_text = self._client.add_bytes(
                _counted(_watched(source, expected, builder), told),
                opts=dict(ADD_OPTIONS),
                timeout=(self._timeout_s, self._timeout_s + size / _SLOWEST_BYTES_PER_S),
            )
        if cid_text != expected.text:
            # Its pin is of this request, and of bytes that nobody will ask for by that name.
            self._let_go(cid_text)
            raise BytesRefused(
                f"The node made {shown(str(cid_text))} of the bytes of {expected.text}.",
                remedy="Let the node be Kubo 0.42 or later.",
            )
        return StoredBytes(cid=expected, size=builder.size, digest=builder.digest)

    def pin(self, cid: Cid, *, wait_s: float) -> None:
        """Brings here what is missing and pins it; see `ports.documents.Documents`.

        What came in vain is kept until garbage is collected: a second request goes on from there.
        """
        with self._asking(f"{cid.text} was not pinned.", missing=cid):
            self._client.pin.add(
                cid.text,
                recursive="true",
                opts={"progress": "false", "timeout": _duration(wait_s)},
                timeout=(self._timeout_s, wait_s + self._timeout_s),
            )

    def unpin(self, cid: Cid) -> bool:
        """Lets go; False where it was not pinned."""
        try:
            with self._asking(f"{cid.text} was not unpinned.", is_of_pin=True):
                self._client.pin.rm(cid.text, recursive="true")
        except _NotPinned:
            return False
        return True

    def collect_garbage(self) -> int:
        """Removes blocks that no pin holds; how many. The node itself waits for what is being added or imported."""
        count = 0
        with self._asking("Garbage was not collected."):
            for line in self._lines("repo/gc", {"stream-errors": "false", "quiet": "false", "silent": "false"}, wait_s=_SWEEP_S):
                count += isinstance(line.get("Key"), dict)
        return count

    def import_car(self, pieces: Iterable[bytes], *, root: Cid, max_bytes: int) -> None:
        """Takes a document out of a CAR and pins it; see `ports.documents.Documents`.

        Only blocks that were checked are sent on, and the end of the CAR only where all came: a node that pins what lacks a part
        would look for it in the swarm, for ever.
        """
        what = f"{root.text} was not imported."
        body, content_type = _multipart(_car_of(root, read_car(pieces, root=root, max_bytes=max_bytes)))
        # The node pins before it answers: as long as its size may need.
        wait_s = self._timeout_s + max_bytes / _SLOWEST_BYTES_PER_S
        is_pinned = False
        with _refusing(), self._asking(what):
            for line in self._lines("dag/import", IMPORT_OPTIONS, body=body, content_type=content_type, wait_s=wait_s):
                match line:
                    case {"Root": {"Cid": {"/": str(pinned)}, "PinErrorMsg": str(words)}} if not words:
                        is_pinned = is_pinned or pinned == root.text
                    case {"Root": {"PinErrorMsg": str(words)}}:
                        self._raise(what, words, None)
        if not is_pinned:
            raise DocumentsUnavailable(f"{what} The documents node does not say that it pinned it.", where=self._url)

    # Reading

    def size(self, cid: Cid, *, wait_s: float | None = None) -> int:
        """How many bytes the document has, by its root block; see `ports.documents.Documents`."""
        with _refusing():
            return file_size(cid, lambda one: self.block(one, wait_s=wait_s))

    def read(self, cid: Cid, *, offset: int = 0, length: int | None = None, wait_s: float | None = None) -> Iterator[bytes]:
        """The bytes from `offset` on, in pieces of at most 1 MiB, each hashed; see `ports.documents.Documents`."""
        end = None if length is None else offset + length
        with _refusing(), closing(_Ahead(lambda one: self.block(one, wait_s=wait_s), begin=offset, end=end)) as ahead:
            yield from read_file(cid, ahead.get, offset=offset, length=length)

    def block(self, cid: Cid, *, wait_s: float | None = None) -> bytes:
        """One block, hashed; see `ports.documents.Documents`."""
        with _refusing(), self._asking(f"{cid.text} was not read.", missing=cid):
            data: bytes = self._client.block.get(cid.text, **self._patience(wait_s))
            check_block(cid, data)
            return data

    def export_car(self, cid: Cid) -> Iterator[bytes]:
        """The document as a CAR of version 1; see `ports.documents.Documents`. Only of what is here."""
        with _refusing(), closing(_Ahead(self.block, is_each_once=True)) as ahead:
            yield from write_car(cid, ahead.get)

    # What is there

    def is_held(self, cid: Cid) -> bool:
        """Whether the document is pinned and every block of it is here.

        Of nodes the bytes are read and hashed; of the chunks under them it is asked whether they are there in their size.
        """
        try:
            with self._asking("It cannot be told what is held.", is_of_pin=True):
                self._client.pin.ls(cid.text, type="recursive")
        except _NotPinned:
            return False
        try:
            chunks = (link for link in outline(cid, self.block) if link.cid.codec is Codec.RAW)
            with ThreadPoolExecutor(_AHEAD, thread_name_prefix="kubo-stat") as pool:
                while some := tuple(islice(chunks, _ASKED_AT_ONCE)):
                    if not all(pool.map(self._is_there, some)):
                        return False
            return True
        except (DocumentMissing, BytesRefused, NoDocument):
            return False

    def pins(self) -> Iterator[Cid]:
        """Every pinned document, in no order; pins whose names are no document's are left out."""
        with self._asking("It cannot be told what is pinned."):
            for line in self._lines("pin/ls", {"type": "recursive", "stream": "true"}):
                try:
                    yield parse_cid(str(line.get("Cid")))
                except CidInvalid:
                    continue

    def check(self) -> None:
        """Asks the node for its id, which no answer of a cache or of another program has, within a few seconds."""
        with self._asking("The documents node cannot be used."):
            told = self._client.id(timeout=_CHECK_S)
            if not isinstance(told.get("ID"), str):
                raise _NoKubo

    def close(self) -> None:
        """Ends the connections that wait for more."""
        self._session.close()

    # Asking

    def _patience(self, wait_s: float | None) -> dict[str, Any]:
        if wait_s is None:
            return {"offline": True}
        return {"opts": {"timeout": _duration(wait_s)}, "timeout": (self._timeout_s, wait_s + _GRACE_S)}

    def _is_there(self, link: Link) -> bool:
        try:
            with self._asking("It cannot be told what is held.", missing=link.cid):
                return bool(self._client.block.stat(link.cid.text, offline=True)["Size"] == link.size)
        except DocumentMissing:
            return False

    def _let_go(self, cid_text: object) -> None:
        try:
            self.unpin(parse_cid(str(cid_text)))
        except (CidInvalid, DocumentsUnavailable):
            # The document is refused in any case; what cannot be unpinned now costs room and nothing else.
            return

    def _lines(
        self,
        command: str,
        options: Mapping[str, str],
        *,
        body: Iterator[bytes] | None = None,
        content_type: str | None = None,
        wait_s: float | None = None,
    ) -> Iterator[Mapping[str, JsonValue]]:
        """A command in plain HTTP; the objects of its answer, one a line, as they come."""
        headers = {} if content_type is None else {"Content-Type": content_type}
        answer = self._session.request(
            "POST",
            f"{self._url}/{command}",
            params=options,
            data=body,
            headers=headers,
            timeout=(self._timeout_s, wait_s or self._timeout_s),
            streams_lines=True,
        )
        with closing(answer):
            answer.raise_for_status()
            waiting = b""
            for piece in answer.iter_content():
                *lines, waiting = (waiting + piece).split(b"\n")
                yield from map(_object, filter(None, lines))
                if len(waiting) > _MOST_LINE_BYTES:
                    raise _NoKubo
            if waiting:
                yield _object(waiting)

    @contextmanager
    def _asking(self, what: str, *, missing: Cid | None = None, is_of_pin: bool = False) -> Iterator[None]:
        """Tells whatever goes wrong on the way to a node, or in it, in our words.

        Args:
            what: was not done, as a sentence.
            missing: what the node may lack.
            is_of_pin: whether the node may say that there is no such pin.
        """
        try:
            yield
        except client_exceptions.ErrorResponse as error:
            if is_of_pin and _NOT_PINNED.search(str(error)):
                raise _NotPinned from error
            self._raise(what, str(error), missing, error)
        except client_exceptions.StatusError as error:
            self._raise_status(what, error.original)
        except requests.HTTPError as error:
            self._raise_status(what, error)
        except _Failed as error:
            self._raise(what, str(error), missing, error)
        except (client_exceptions.TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError) as error:
            raise DocumentsUnavailable(f"{what} The documents node does not answer in time.", where=self._url) from error
        except (
            client_exceptions.EncoderError,
            _NoKubo,
            AssertionError,
            LookupError,
            TypeError,
            ValueError,
            RecursionError,
        ) as error:
            words = f"{what} Something answers at this address, but not as a documents node does."
            raise DocumentsUnavailable(words, where=self._url, remedy=_OTHER_NODE) from error
        except (client_exceptions.Error, requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise DocumentsUnavailable(
                f"{what} The documents node cannot be reached.", where=self._url, remedy=_GET_NODE
            ) from error

    def _raise_status(self, what: str, error: object) -> None:
        response = getattr(error, "response", None)
        status = getattr(response, "status_code", None)
        cause = error if isinstance(error, BaseException) else None
        words = "" if response is None else response.words()
        match _object_or_none(words):
            case {"Message": str(message)} if status == 500:
                self._raise(what, message, None, cause)
        if status == 403:
            detail = f"{what} The documents node refuses our token."
            raise DocumentsUnavailable(detail, where=self._url, remedy=_GET_TOKEN) from cause
        detail = f"{what} The documents node answers with {status}: {_line_of(words)}"
        raise DocumentsUnavailable(detail, where=self._url, remedy=_OTHER_NODE) from cause

    def _raise(self, what: str, words: str, missing: Cid | None, cause: BaseException | None = None) -> None:
        """What a command's error says decides what it is: Kubo gives all of them one code."""
        if _FULL.search(words):
            raise DocumentsFull(f"{what} The documents node has no room left: {_line_of(words)}", where=self._url) from cause
        if missing is not None and _MISSING.search(words):
            raise DocumentMissing(f"{missing.text}, or a part of it, is not here and did not come in time.") from cause
        raise DocumentsUnavailable(f"{what} The documents node says: {_line_of(words)}", where=self._url) from cause


class _NotPinned(Exception):
    """The answer to a question about one pin."""


class _NoKubo(Exception):
    """An answer is none that Kubo gives."""


class _Failed(Exception):
    """What a node tells in the trailer of an answer that it began as if all were well."""


# Over the wire


class _TrailedResponse(http.client.HTTPResponse):
    """Keeps the trailer that http.client throws away: all that Kubo says of an error after its first byte."""

    trailer: http.client.HTTPMessage | None = None

    def _read_and_discard_trailer(self) -> None:
        self.trailer = http.client.parse_headers(self.fp)


class _Connection(HTTPConnection):
    response_class = _TrailedResponse


class _SecureConnection(HTTPSConnection):
    response_class = _TrailedResponse


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(*args, **more)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


class _Answer:
    """An answer as ipfshttpclient reads it, and no more of it than it may have."""

    def __init__(self, response: requests.Response, *, wait_s: float, most_bytes: int | None) -> None:
        """Nothing is read yet.

        Args:
            wait_s: for all of it.
            most_bytes: of all of it; None: whoever reads it line by line bounds each line.
        """
        self._response = response
        self._end_s = time.monotonic() + wait_s
        self._most_bytes = most_bytes
        self.status_code = response.status_code
        self._words: str | None = None

    def raise_for_status(self) -> None:
        if self.status_code != 200:
            # Read now: whoever catches this has closed the answer by then.
            self.words()
            error = requests.HTTPError(f"{self.status_code}")
            error.response = self
            raise error

    def words(self) -> str:
        """What a refusal says, or its beginning."""
        if self._words is None:
            held = bytearray()
            for piece in self.iter_content():
                held += piece
                if len(held) >= _PIECE_BYTES:
                    break
            self._words = held.decode(errors="replace")
        return self._words

    def iter_content(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Pieces as they come.

        Raises:
            _NoKubo: more than it may have.
            TimeoutError: it takes longer than it may.
            _Failed: it ends with an error.
        """
        if self._words is not None:
            yield self._words.encode()
            return
        count = 0
        while piece := self._response.raw.read1(_PIECE_BYTES, decode_content=False):
            count += len(piece)
            if self._most_bytes is not None and count > self._most_bytes:
                raise _NoKubo
            if time.monotonic() > self._end_s:
                raise TimeoutError
            yield piece
        trailer = getattr(getattr(self._response.raw, "_fp", None), "trailer", None)
        fault = None if trailer is None else trailer.get("X-Stream-Error")
        if fault is not None:
            raise _Failed(fault)

    def close(self) -> None:
        self._response.close()


class _Session(requests.Session):
    """Connections to one node."""

    def __init__(self, token: str | None, timeout_s: float) -> None:
        super().__init__()
        # A node is named by its address: no proxy of the environment stands between us and it, and no netrc knows its token.
        self.trust_env = False
        self._wait_s = timeout_s
        adapter = _Adapter(pool_maxsize=_MOST_IDLE, max_retries=0)
        self.mount("http://", adapter)
        self.mount("https://", adapter)
        self.headers.clear()
        self.headers["User-Agent"] = "greenlane"
        if token is not None:
            self.headers["Authorization"] = f"Bearer {token}"

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Nowhere: to tell where it would lead, requests would read the whole of what comes with it."""
        return None

    def request(self, method: str | bytes, url: str | bytes, *args: Any, streams_lines: bool = False, **more: Any) -> Any:
        """As requests does; its answer is an `_Answer`."""
        more |= {"stream": True, "allow_redirects": False, "proxies": None}
        timeout = more.setdefault("timeout", self._wait_s)
        wait_s = float(timeout[1] if isinstance(timeout, tuple) else timeout)
        response = super().request(method, url, *args, **more)
        if streams_lines and response.status_code == 200:
            return _Answer(response, wait_s=_LONGEST_LIST_S, most_bytes=None)
        return _Answer(response, wait_s=wait_s, most_bytes=_MOST_ANSWER_BYTES)


def _addresses(url: str) -> tuple[str, str]:
    """A URL without its last slash, and the multiaddr that ipfshttpclient takes."""
    parts = urlsplit(url)
    try:
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError) as error:
        raise _no_url(url) from error
    host = parts.hostname
    if not host or parts.query or parts.fragment or parts.username is not None:
        raise _no_url(url)
    kind = "ip6" if ":" in host else "ip4" if _IP4.fullmatch(host) else "dns"
    return url.rstrip("/"), f"/{kind}/{host}/tcp/{port}/{parts.scheme}"


def _no_url(url: str) -> InvalidInput:
    # What stands before an @ may be a secret.
    named = "This" if "@" in url else shown(url)
    return InvalidInput(f"{named} is no address of a documents node.", remedy="Give its RPC like http://127.0.0.1:5001.")


def _duration(seconds: float) -> str:
    return f"{max(1, round(seconds * 1_000))}ms"


def _line_of(words: str) -> str:
    """The words of a node, which may be anything."""
    return "".join(sign if sign.isprintable() else " " for sign in words[:200]).strip() or "nothing"


def _object(line: bytes) -> Mapping[str, JsonValue]:
    try:
        value = parse_json(line)
    except InvalidInput as error:
        raise _NoKubo from error
    if not isinstance(value, dict):
        raise _NoKubo
    return value


def _object_or_none(words: str) -> Mapping[str, JsonValue] | None:
    try:
        return _object(words.encode())
    except _NoKubo:
        return None


@contextmanager
def _refusing() -> Iterator[None]:
    """Blocks that do not match their names, or that no document has, are refused in the words of the port."""
    try:
        yield
    except (BlockMismatch, NoDocument, CarInvalid) as error:
        raise BytesRefused(error.detail, remedy=error.remedy) from error


# Sending


def _pieces_of(source: BinaryIO) -> Iterator[bytes]:
    while piece := source.read(CHUNK_BYTES):
        yield piece


def _watched(source: BinaryIO, expected: Cid, builder: FileBuilder) -> Iterator[bytes]:
    """The source's bytes, one piece behind: the last is held back until all of them are known to be the expected ones.

    Raises:
        BytesRefused: they are not; whoever sends has not sent the end.
    """
    last = b""
    for piece in _pieces_of(source):
        builder.add(piece)
        if last:
            yield last
        last = piece
    builder.finish()
    if builder.root != expected:
        raise BytesRefused(f"The bytes are those of {builder.root.text}, not of {expected.text}.")
    if last:
        yield last


def _counted(pieces: Iterable[bytes], told: Told | None) -> Iterator[bytes]:
    done = 0
    for piece in pieces:
        yield piece
        done += len(piece)
        if told is not None:
            told(done)


def _car_of(root: Cid, blocks: Iterable[Block]) -> Iterator[bytes]:
    """The blocks that were checked, as a CAR again: nothing of the bytes that came is passed on as it came."""
    source = iter(blocks)
    yield from write_car(root, lambda _: next(source).data)
    # Only its end says that nothing was too much.
    for _ in source:
        raise AssertionError


def _multipart(data: Iterable[bytes]) -> tuple[Iterator[bytes], str]:
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


# Fetching


class _Ahead:
    """Fetches the blocks that a reader will ask for next, while it is busy with those it has.

    What comes next is known from the nodes that were read: their links in order, depth first.
    """

    def __init__(
        self, fetch: Callable[[Cid], bytes], *, begin: int = 0, end: int | None = None, is_each_once: bool = False
    ) -> None:
        """Nothing is fetched yet.

        Args:
            begin, end: the part of the document that will be read; None: to its end.
            is_each_once: whether a block that was asked for will not be asked for again.
        """
        self._fetch = fetch
        self._begin, self._end = begin, end
        self._seen: set[Cid] | None = set() if is_each_once else None
        # In the order in which a reader comes to them: nodes with the place of their first byte, chunks that are still to be
        # asked for, and chunks that are.
        self._nodes: deque[tuple[Cid, int]] = deque()
        self._due: deque[Cid] = deque()
        self._coming: deque[tuple[Cid, Future[bytes]]] = deque()
        self._pool: ThreadPoolExecutor | None = None

    def get(self, cid: Cid) -> bytes:
        """One block, which is hashed."""
        data = self._node(cid) if cid.codec is Codec.DAG_PB else self._chunk(cid)
        while self._due and len(self._coming) < _AHEAD:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(_AHEAD, thread_name_prefix="kubo-read")
            due = self._due.popleft()
            self._coming.append((due, self._pool.submit(self._fetch, due)))
        return data

    def _node(self, cid: Cid) -> bytes:
        data = self._fetch(cid)
        at = 0
        while self._nodes:
            node, at = self._nodes.popleft()
            if node == cid:
                break
        nodes = list[tuple[Cid, int]]()
        for link in read_node(cid, data).links:
            if at + link.size > self._begin and (self._end is None or at < self._end) and self._is_new(link.cid):
                if link.cid.codec is Codec.DAG_PB:
                    nodes.append((link.cid, at))
                else:
                    self._due.append(link.cid)
            at += link.size
        self._nodes.extendleft(reversed(nodes))
        return data

    def _chunk(self, cid: Cid) -> bytes:
        while self._coming:
            coming, future = self._coming.popleft()
            if coming == cid:
                return future.result()
            future.cancel()
        return self._fetch(cid)

    def _is_new(self, cid: Cid) -> bool:
        if self._seen is None:
            return True
        is_new = cid not in self._seen
        self._seen.add(cid)
        return is_new

    def close(self) -> None:
        """What is still coming is not waited for."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
