"""How much one request may bring, how long it may take, and how many may come.

Everything here acts before a route does. Rates are counted in this process alone: a server of two processes lets through twice
as many. Addresses of version 6 count by their /64, which is what one household or machine gets; where somebody keeps a place for
long, also by their /48, of which whoever rents a machine gets 65,536 such nets.
"""

import asyncio
import ipaddress
import logging
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from greenlane.core.errors import GreenlaneError
from greenlane.web.heads import MAX_HEAD_BYTES, MAX_HEADERS
from greenlane.web.problems import (
    BadRequest,
    BodyTooLarge,
    BodyTooSlow,
    Busy,
    ContentCodingUnsupported,
    HeadTooLarge,
    InternalFault,
    TooManyRequests,
)

_log = logging.getLogger(__name__)
_BODY_TIME_S = 30.0
_REQUEST_TIME_S = 60.0
# Bytes on their way in or out earn their request more time: a poor line in the country does more than this.
_LEAST_BYTES_A_SECOND = 1_024
_UPLOADS = "/v1/uploads"
# Of a body that is refused: a sender who is still sending does not read the answer.
_DROPPED_BYTES = 8 * 1024 * 1024
_DROPPED_S = 5.0
_EXCHANGE = "greenlane.exchange"
_IS_HEAD = "greenlane.is_head"
_KEY = "greenlane.key"
SMALL_BYTES = 1024 * 1024
"""An answer of so many is soon over."""
_PAGE_HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"x-frame-options": b"DENY",
    b"content-security-policy": (
        b"default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    b"permissions-policy": b"camera=(), microphone=(), geolocation=()",
    b"cross-origin-opener-policy": b"same-origin",
}


class Rates:
    """Counts requests in a moving minute: by API key, by address without a key, and by address with a wrong one."""

    def __init__(self, *, key_rate: int, public_rate: int) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._key_rate = RateLimitItemPerMinute(key_rate)
        self._public_rate = RateLimitItemPerMinute(public_rate)

    def count_key(self, key_id: str) -> None:
        """Counts one request of a key that was found good.

        Raises:
            TooManyRequests: it has used up its minute.
        """
        self._count(self._key_rate, "key", key_id)

    def count_address(self, request: Request, *, cost: int = 1) -> None:
        """Counts one request without a good key.

        Args:
            cost: how many it counts for.

        Raises:
            TooManyRequests: its address has used up its minute.
        """
        self._count(self._public_rate, "address", _network(request), cost)

    def count_failure(self, request: Request) -> None:
        """Counts one request whose key is none that lives, apart from those without a key.

        Raises:
            TooManyRequests: its address has used up its minute of them.
        """
        self._count(self._public_rate, "address with wrong keys", _network(request))

    def _count(self, rate: RateLimitItemPerMinute, kind: str, name: str, cost: int = 1) -> None:
        if not self._limiter.hit(rate, kind, name, cost=min(cost, rate.amount)):
            raise self._refusal(rate, kind, name)

    def _refusal(self, rate: RateLimitItemPerMinute, kind: str, name: str) -> TooManyRequests:
        wait_s = self._limiter.get_window_stats(rate, kind, name).reset_time - time.time()
        return TooManyRequests(
            f"One {kind} may send {rate.amount} requests a minute here.", retry_after_s=min(60, max(1, int(wait_s) + 1))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """By whom places are counted.

    Attributes:
        names: of the asker, and of each wider net that it is of, in which twice as many places may be taken.
        is_known: it showed a live key.
    """

    names: tuple[str, ...]
    is_known: bool


class Places:
    """How many may do one slow thing at once: in all, and for one asker. For the event loop alone, which needs no lock."""

    def __init__(self, *, total: int, each: int, kept: int = 0, small: "Places | None" = None) -> None:
        """Args:
        kept: so many of the total are for askers with a key.
        small: the places for what is soon over; None: these too.
        """
        self._total = total
        self._each = each
        self._kept = kept
        self._small = small
        self._taken: Counter[str] = Counter()
        self._count = 0

    def for_bytes(self, count: int | None) -> "Places":
        """The places for an answer of so many bytes; None: nobody knows how many."""
        return self if self._small is None or count is None or count > SMALL_BYTES else self._small

    @contextmanager
    def taken(self, asker: Asker) -> Iterator[None]:
        """Holds a place for an asker.

        Raises:
            Busy: all are taken, or all that one asker may have.
        """
        free = self._total - self._count - (0 if asker.is_known else self._kept)
        if free <= 0 or any(self._taken[name] >= self._each << width for width, name in enumerate(asker.names)):
            raise Busy("Too many documents are on their way at this moment.", retry_after_s=5)
        self._count += 1
        self._taken.update(asker.names)
        try:
            yield
        finally:
            self._count -= 1
            self._taken.subtract(asker.names)
            for name in asker.names:
                if not self._taken[name]:
                    del self._taken[name]


_Result = TypeVar("_Result")


class Turns:
    """Large work in a few threads, one piece at a time for each asker: whoever asks for much waits for itself alone."""

    def __init__(self, *, at_once: int, waiting: int) -> None:
        """Args:
        at_once: how many askers are served at once.
        waiting: requests of one asker that may wait or be served.
        """
        self._threads = CapacityLimiter(at_once)
        self._waiting = waiting
        self._turns: dict[str, asyncio.Lock] = {}
        self._askers: Counter[str] = Counter()

    async def run(self, asker: str, work: Callable[[], _Result]) -> _Result:
        """Does the work when it is the asker's turn.

        Raises:
            Busy: as many of its requests wait as may.
        """
        if self._askers[asker] >= self._waiting:
            raise Busy("Too many documents of this key are being stored at this moment.", retry_after_s=5)
        self._askers[asker] += 1
        turn = self._turns.setdefault(asker, asyncio.Lock())
        try:
            async with turn:
                # Of each asker at most one stands in the line for the threads, so that askers take turns.
                return await to_thread.run_sync(work, limiter=self._threads)
        finally:
            self._askers[asker] -= 1
            if not self._askers[asker]:
                del self._askers[asker], self._turns[asker]


def show_key(request: Request, key_id: str) -> None:
    """Notes that the asker showed a live key, by which its places are counted then."""
    request.scope[_KEY] = key_id


def asker_of(request: Request) -> Asker:
    """By whom places are counted: the key that was shown, or the address."""
    key_id = request.scope.get(_KEY)
    if key_id is not None:
        return known_asker(key_id)
    address = _address(request)
    if isinstance(address, str) or address.version == 4:
        return Asker(names=(str(address),), is_known=False)
    nets = (ipaddress.ip_network((address, length), strict=False) for length in (64, 48))
    return Asker(names=tuple(map(str, nets)), is_known=False)


def known_asker(key_id: str) -> Asker:
    """The asker that showed a live key."""
    return Asker(names=(f"key {key_id}",), is_known=True)


def is_head(request: Request) -> bool:
    """Whether only the headers of the answer are asked for; the gate makes GET of HEAD."""
    return bool(request.scope.get(_IS_HEAD))


def grant_time(request: Request, seconds: float) -> None:
    """Lets this request take so much longer, for work that is known to be large."""
    exchange = request.scope.get(_EXCHANGE)
    if isinstance(exchange, _Exchange):
        exchange.grant(seconds)


def _address(request: Request) -> ipaddress.IPv4Address | ipaddress.IPv6Address | str:
    host = request.client.host if request.client else "unknown"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    # A socket for both versions tells those of version 4 so; they are no one household.
    return address.ipv4_mapped or address if isinstance(address, ipaddress.IPv6Address) else address


def _network(request: Request) -> str:
    address = _address(request)
    if isinstance(address, str) or address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False))


AnswerError = Callable[[Request, GreenlaneError], Response]
"""Answers with a problem, in the form that the request accepts."""


Tell = Callable[[str, str | None, int, float], None]
"""Told of each request: its method, the template of its route (None where none took it), the status, and the seconds it took."""


class Gate:
    """Stands around the whole application: bounds what comes in, dresses what goes out, and lets no traceback through."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_body_bytes: int,
        max_upload_bytes: int,
        answer_error: AnswerError,
        tell: Tell,
        body_time_s: float = _BODY_TIME_S,
        request_time_s: float = _REQUEST_TIME_S,
    ) -> None:
        """Args:
        max_upload_bytes: of a body that is a part of an upload; it is written down as it comes.
        body_time_s: how long a body may take; of an upload, how long it may rest.
        request_time_s: how long a request may take, beside what its bytes earn it.
        """
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._max_upload_bytes = max_upload_bytes
        self._answer_error = answer_error
        self._tell = tell
        self._body_time_s = body_time_s
        self._request_time_s = request_time_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_s = time.monotonic()
        method = scope["method"]
        is_upload = method in {"POST", "PATCH"} and (scope["path"] + "/").startswith(_UPLOADS + "/")
        exchange = _Exchange(
            scope,
            receive,
            send,
            max_body_bytes=self._max_upload_bytes if is_upload else self._max_body_bytes,
            body_time_s=self._body_time_s,
            is_upload=is_upload,
        )
        scope = {**scope, _EXCHANGE: exchange}
        if method == "HEAD":
            # The server itself leaves out the body of an answer to HEAD.
            scope |= {"method": "GET", _IS_HEAD: True}
        request = Request(scope)
        try:
            exchange.check_headers(request)
            async with asyncio.timeout(self._request_time_s) as limit:
                exchange.limit = limit
                try:
                    await self._app(scope, exchange.receive, exchange.send)
                finally:
                    exchange.limit = None
        except GreenlaneError as error:
            await exchange.answer(self._answer_error(request, error))
        except TimeoutError:
            await exchange.answer(self._answer_error(request, Busy("The answer took too long.", retry_after_s=10)))
        except (asyncio.CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException:  # noqa: BLE001 - whatever it is, the asker gets a problem and the log the traceback
            error_id = uuid.uuid4().hex
            _log.exception("http.fault", extra={"error_id": error_id, "path": scope["path"]})
            await exchange.answer(self._answer_error(request, InternalFault(error_id)))
        finally:
            elapsed_s = time.monotonic() - started_s
            self._tell(method, getattr(scope.get("route"), "path", None), exchange.status, elapsed_s)
            _log.info(
                "http.request",
                extra={
                    "method": method,
                    "path": scope["path"],
                    "status": exchange.status,
                    "body_bytes": exchange.received,
                    "elapsed_ms": round(elapsed_s * 1000, 1),
                },
            )


class _Exchange:
    """One request and its answer, counted."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, *, max_body_bytes: int, body_time_s: float, is_upload: bool
    ) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._max_body_bytes = max_body_bytes
        self._body_time_s = body_time_s
        self._body_end_s = time.monotonic() + body_time_s
        self._is_upload = is_upload
        self._has_body_ended = False
        self._is_slow = False
        self.limit: asyncio.Timeout | None = None
        self.received = 0
        self.status = 0

    def check_headers(self, request: Request) -> None:
        headers = self._scope["headers"]
        line_bytes = len(self._scope.get("raw_path") or b"") + len(self._scope["query_string"])
        if line_bytes + sum(len(name) + len(value) for name, value in headers) > MAX_HEAD_BYTES:
            raise HeadTooLarge(f"A request's address and headers have at most {MAX_HEAD_BYTES} bytes here.")
        if len(headers) > MAX_HEADERS:
            raise HeadTooLarge(f"A request has at most {MAX_HEADERS} headers here.")
        coding = request.headers.get("content-encoding", "identity").strip().lower()
        if coding not in {"", "identity"}:
            raise ContentCodingUnsupported(f"The body has the coding {coding[:40]!r}.")
        length = request.headers.get("content-length", "0")
        if not (length.isascii() and length.isdecimal()):
            raise BadRequest("Content-Length is no number.")
        # Compared by digits first: Python refuses to read integers of thousands of digits.
        if len(length.lstrip("0")) > 18 or int(length) > self._max_body_bytes:
            raise self._too_large()

    def _too_large(self) -> BodyTooLarge:
        remedy = "Send a smaller document." if self._is_upload else None
        return BodyTooLarge(f"A request's body has at most {self._max_body_bytes} bytes here.", remedy=remedy)

    def grant(self, seconds: float) -> None:
        """Puts off the end of this request, where it has not come."""
        end_s = None if self.limit is None or self.limit.expired() else self.limit.when()
        if self.limit is not None and end_s is not None:
            self.limit.reschedule(end_s + seconds)

    def _body_wait_s(self) -> float:
        """How long the next piece of the body may take."""
        left_s = self._body_end_s - time.monotonic()
        if self._is_upload:
            left_s = min(self._body_time_s, left_s + self.received / _LEAST_BYTES_A_SECOND)
        return max(0.0, left_s)

    async def receive(self) -> Message:
        if self._has_body_ended:
            return await self._receive()
        try:
            async with asyncio.timeout(self._body_wait_s()):
                message = await self._receive()
        except TimeoutError as cause:
            self._is_slow = True
            raise BodyTooSlow("The body did not arrive in time.") from cause
        if message["type"] == "http.request":
            came = len(message.get("body", b""))
            self.received += came
            if self._is_upload:
                self.grant(came / _LEAST_BYTES_A_SECOND)
            self._has_body_ended = not message.get("more_body", False)
            if self.received > self._max_body_bytes:
                raise self._too_large()
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given = {name.lower() for name, _ in message["headers"]}
            dressed = [*message["headers"], *((name, value) for name, value in _PAGE_HEADERS.items() if name not in given)]
            # To a page of another origin no browser shows under * what it sent a cookie for: what it can fetch, anyone can.
            if self._scope["method"] in {"GET", "HEAD"}:
                dressed.append((b"access-control-allow-origin", b"*"))
            if self._is_upload and not self._has_body_ended:
                await self._let_go(dressed)
            message = {**message, "headers": dressed}
        elif message["type"] == "http.response.body":
            self.grant(len(message.get("body", b"")) / _LEAST_BYTES_A_SECOND)
        await self._send(message)

    async def _let_go(self, headers: list[tuple[bytes, bytes]]) -> None:
        """Takes what little is left of a refused body, so that its sender reads the answer; closes the connection on a lot."""
        names = {name.lower() for name, _ in self._scope["headers"]}
        left = 0 if self._is_slow else _DROPPED_BYTES
        try:
            async with asyncio.timeout(_DROPPED_S):
                while left > 0 and not self._has_body_ended and b"expect" not in names:
                    message = await self._receive()
                    if message["type"] != "http.request":
                        return
                    left -= len(message.get("body", b""))
                    self._has_body_ended = not message.get("more_body", False)
        except TimeoutError:
            pass
        if not self._has_body_ended:
            headers.append((b"connection", b"close"))

    async def answer(self, response: Response) -> None:
        """Answers instead of the application, unless it has begun to; then the connection is all that can be ended."""
        if self.status:
            return
        if not self._has_body_ended and not self._is_upload:
            # What is still on its way is not read: the server closes the connection behind this answer.
            response.headers["Connection"] = "close"
        await response(self._scope, self._receive, self.send)
