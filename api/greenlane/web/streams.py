"""Answers with bytes that come piece by piece: a document of any size costs the memory of one piece.

A client that takes nothing for a while is left, so that it holds no place from others; what is cut off so ends without its end,
and no client mistakes it for the whole.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping

from anyio import CancelScope, CapacityLimiter, to_thread
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from greenlane.core.errors import GreenlaneError
from greenlane.web.limits import Asker, Places

_log = logging.getLogger(__name__)
_SENT_BYTES = 256 * 1024
_REST_S = 30.0


class StreamedAnswer(Response):
    """Bytes out of an iterator, read in threads of their own."""

    def __init__(
        self,
        read: Callable[[], Iterator[bytes]],
        *,
        places: Places,
        asker: Asker,
        limiter: CapacityLimiter,
        headers: Mapping[str, str],
        media_type: str,
        status: int = 200,
        rest_s: float = _REST_S,
    ) -> None:
        """Args:
        read: begins to read; called when there is a place.
        places, asker: how many may be answered at once, and by which names this one counts.
        limiter: the threads.
        rest_s: how long the client may take nothing.
        """
        self.status_code = status
        self.media_type = media_type
        self.background = None
        self._read = read
        length = headers.get("Content-Length")
        self._places = places.for_bytes(None if length is None else int(length))
        self._asker = asker
        self._limiter = limiter
        self._rest_s = rest_s
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._places.taken(self._asker):
            pieces = self._read()
            try:
                # Read before anything is said: what is wrong with the first piece is still a problem of its own.
                first = await self._next(pieces)
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                await self._send_all(first, pieces, receive, send)
            except (GreenlaneError, TimeoutError) as fault:
                if not self._has_begun:
                    raise
                code = fault.code if isinstance(fault, GreenlaneError) else "too-slow"
                _log.warning("http.cut_short", extra={"path": scope["path"], "code": code})
            finally:
                close = getattr(pieces, "close", None)
                if close is not None:
                    with CancelScope(shield=True):
                        await to_thread.run_sync(close, limiter=self._limiter)

    _has_begun = False

    async def _send_all(self, first: bytes | None, pieces: Iterator[bytes], receive: Receive, send: Send) -> None:
        self._has_begun = True
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            piece = first
            while piece is not None and not gone.done():
                for at in range(0, len(piece), _SENT_BYTES):
                    await self._send(send, {"body": piece[at : at + _SENT_BYTES], "more_body": True})
                piece = await self._next(pieces)
            if not gone.done():
                await self._send(send, {"body": b"", "more_body": False})
        finally:
            gone.cancel()

    async def _send(self, send: Send, body: Message) -> None:
        async with asyncio.timeout(self._rest_s):
            await send({"type": "http.response.body", **body})

    async def _next(self, pieces: Iterator[bytes]) -> bytes | None:
        return await to_thread.run_sync(next, pieces, None, limiter=self._limiter)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
