"""Bounds what one connection may make the server keep before a request is whole: its request line and headers.

uvicorn's fast parser has no limit of its own: whoever sends headers without end fills the memory with them. What is a little too
large still arrives, and gets its problem details from `limits.Gate`; what goes on and on is cut off here.
"""

from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES: Final = 32 * 1024
"""Request line and headers together; common servers and proxies take no more."""
MAX_HEADERS: Final = 128
_REFUSAL: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class BoundedHeads(HttpToolsProtocol):
    """uvicorn's own protocol, with a bound."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._is_in_head = False
        self._waiting_bytes = 0
        self._kept_bytes = 0

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        was_in_head = self._is_in_head
        super().data_received(data)
        # The piece in which a head begins may hold the end of a body too, and is bounded by the socket.
        if was_in_head and self._is_in_head:
            self._waiting_bytes += len(data)
            if self._waiting_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self.transport.write(_REFUSAL)
                self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head = True
        self._waiting_bytes = self._kept_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        # One too many is kept, so that the gate sees it and refuses; a body's trailers come by here too.
        if self._kept_bytes <= MAX_HEAD_BYTES and len(self.headers) <= MAX_HEADERS:
            self._kept_bytes += len(name) + len(value)
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        super().on_headers_complete()
