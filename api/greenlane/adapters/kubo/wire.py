"""Between us and one node: connections, answers within their bounds, trailers, addresses.

The session is ours: no proxies, passwords or redirects of anybody's, a bound for each answer in bytes and in time, and trailers
are read.
"""

import http.client
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from greenlane.core.canonical import JsonValue, parse_json
from greenlane.core.documents.unixfs import CHUNK_BYTES
from greenlane.core.errors import InvalidInput
from greenlane.core.wire import shown

RPC_PATH: Final = "api/v0"
_PIECE_BYTES = 65_536
_MOST_ANSWER_BYTES = 2 * CHUNK_BYTES
"""Of an answer that is held: a block has at most 1 MiB, and the words of a command are far shorter."""
_MOST_LINE_BYTES = 4_096
"""Of one line of an answer that is read line by line."""
_MOST_IDLE = 64
"""Connections that wait for more."""
_LONGEST_LIST_S = 3_600.0
"""For all lines of an answer, while whoever asked works through them."""
_IP4 = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}", re.ASCII)


class NoKubo(Exception):
    """An answer is none that Kubo gives."""


class Failed(Exception):
    """What a node tells in the trailer of an answer that it began as if all were well."""


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


class Answer:
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
            NoKubo: more than it may have.
            TimeoutError: it takes longer than it may.
            Failed: it ends with an error.
        """
        if self._words is not None:
            yield self._words.encode()
            return
        count = 0
        while piece := self._response.raw.read1(_PIECE_BYTES, decode_content=False):
            count += len(piece)
            if self._most_bytes is not None and count > self._most_bytes:
                raise NoKubo
            if time.monotonic() > self._end_s:
                raise TimeoutError
            yield piece
        trailer = getattr(getattr(self._response.raw, "_fp", None), "trailer", None)
        fault = None if trailer is None else trailer.get("X-Stream-Error")
        if fault is not None:
            raise Failed(fault)

    def close(self) -> None:
        self._response.close()


class Session(requests.Session):
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
        """As requests does; its answer is an `Answer`."""
        more |= {"stream": True, "allow_redirects": False, "proxies": None}
        timeout = more.setdefault("timeout", self._wait_s)
        wait_s = float(timeout[1] if isinstance(timeout, tuple) else timeout)
        response = super().request(method, url, *args, **more)
        if streams_lines and response.status_code == 200:
            return Answer(response, wait_s=_LONGEST_LIST_S, most_bytes=None)
        return Answer(response, wait_s=wait_s, most_bytes=_MOST_ANSWER_BYTES)

    def lines(
        self,
        url: str,
        options: Mapping[str, str],
        *,
        body: Iterator[bytes] | None = None,
        content_type: str | None = None,
        wait_s: float | None = None,
    ) -> Iterator[Mapping[str, JsonValue]]:
        """A command in plain HTTP; the objects of its answer, one a line, as they come.

        Args:
            body, content_type: what is sent with it; None: nothing.
            wait_s: for an answer to begin; None: as for any other command.

        Raises:
            NoKubo, Failed, TimeoutError, requests.RequestException: see `faults`.
        """
        headers = {} if content_type is None else {"Content-Type": content_type}
        timeout = (self._wait_s, wait_s or self._wait_s)
        answer = self.request("POST", url, params=options, data=body, headers=headers, timeout=timeout, streams_lines=True)
        with closing(answer):
            answer.raise_for_status()
            waiting = b""
            for piece in answer.iter_content():
                *lines, waiting = (waiting + piece).split(b"\n")
                yield from map(object_of, filter(None, lines))
                if len(waiting) > _MOST_LINE_BYTES:
                    raise NoKubo
            if waiting:
                yield object_of(waiting)


def addresses(url: str) -> tuple[str, str]:
    """A URL without its last slash, and the multiaddr that ipfshttpclient takes.

    Raises:
        InvalidInput: the URL is none that can be asked.
    """
    parts = urlsplit(url)
    try:
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError) as error:
        raise no_url(url) from error
    host = parts.hostname
    if not host or parts.query or parts.fragment or parts.username is not None:
        raise no_url(url)
    kind = "ip6" if ":" in host else "ip4" if _IP4.fullmatch(host) else "dns"
    return url.rstrip("/"), f"/{kind}/{host}/tcp/{port}/{parts.scheme}"


def no_url(url: str) -> InvalidInput:
    """The fault of a URL."""
    # What stands before an @ may be a secret.
    named = "This" if "@" in url else shown(url)
    return InvalidInput(f"{named} is no address of a documents node.", remedy="Give its RPC like http://127.0.0.1:5001.")


def duration(seconds: float) -> str:
    """As Kubo takes it."""
    return f"{max(1, round(seconds * 1_000))}ms"


def object_of(line: bytes) -> Mapping[str, JsonValue]:
    """The JSON object of one line.

    Raises:
        NoKubo: it is none.
    """
    try:
        value = parse_json(line)
    except InvalidInput as error:
        raise NoKubo from error
    if not isinstance(value, dict):
        raise NoKubo
    return value


def object_or_none(words: str) -> Mapping[str, JsonValue] | None:
    """The JSON object that the words are; None where they are none."""
    try:
        return object_of(words.encode())
    except NoKubo:
        return None
