"""A line between a client and a server on which things go wrong as a test wants them: cuts, pauses, other bytes, other answers.

    with troubled_line(site.url) as line:
        line.cut_answers_after = 1_000_000
        run("document", "get", cid, "--url", line.url)

It passes on what comes, whole requests and pieces of answers, and notes each request.
"""

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_PIECE_BYTES = 65_536
_HOP = {"connection", "transfer-encoding", "keep-alive", "content-length"}


@dataclass
class Line:
    """How the line behaves next, and what went over it.

    Attributes:
        cuts: for each of the next answers to a GET of bytes, after how many of its bytes the line breaks.
        dropped: how many of the next PATCH requests are lost before the server sees them.
        unanswered: how many of the next PATCH requests reach the server and get no answer.
        away: how many of the next requests are answered 503, with Retry-After.
        change: what becomes of each piece of an answer to a GET; told its path.
        pause: called before each PATCH is passed on.
    """

    url: str
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    dropped: int = 0
    unanswered: int = 0
    away: int = 0
    change: Callable[[str, bytes], bytes] | None = None
    pause: Callable[[], None] | None = None

    def count(self, method: str, path: str = "") -> int:
        """How many requests of that method went to a path that holds this."""
        return sum(1 for each, where, _ in self.asked if each == method and path in where)


@contextmanager
def troubled_line(target: str) -> Iterator[Line]:
    """A line to the server at `target`, for as long as the block runs."""
    parts = urlsplit(target)
    host, port = parts.hostname or "", parts.port or 80

    class Handler(BaseHTTPRequestHandler):
        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            line.asked.append((self.command, self.path, dict(self.headers)))
            if line.away:
                line.away -= 1
                self._say_away()
                return
            if self.command == "PATCH":
                if line.pause is not None:
                    line.pause()
                if line.dropped:
                    line.dropped -= 1
                    self.close_connection = True
                    return
            there = http.client.HTTPConnection(host, port, timeout=30)
            try:
                headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
                there.request(self.command, self.path, body=body, headers=headers)
                answer = there.getresponse()
                if self.command == "PATCH" and line.unanswered:
                    line.unanswered -= 1
                    self.close_connection = True
                    return
                with suppress(ConnectionError):
                    self._answer(answer)
            finally:
                there.close()

        def _say_away(self) -> None:
            problem = json.dumps({"code": "documents-unavailable", "detail": "The store of documents is away."}).encode()
            self.send_response(503)
            self.send_header("Retry-After", "2")
            self.send_header("Content-Length", str(len(problem)))
            self.end_headers()
            self.wfile.write(problem)

        def _answer(self, answer: http.client.HTTPResponse) -> None:
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP - {"content-length"}:
                    self.send_header(name, value)
            self.end_headers()
            is_bytes = self.command == "GET" and answer.status in {200, 206} and self.path.rpartition("/documents/")[2].isalnum()
            left = line.cuts.pop(0) if is_bytes and line.cuts else None
            while piece := answer.read(_PIECE_BYTES):
                if line.change is not None and self.command == "GET":
                    piece = line.change(self.path, piece)
                if left is not None and len(piece) >= left:
                    self.wfile.write(piece[:left])
                    break
                left = None if left is None else left - len(piece)
                self.wfile.write(piece)
            self.close_connection = True

        do_GET = do_HEAD = do_POST = do_PATCH = do_DELETE = _pass_on  # noqa: N815 - the names that http.server asks for

        def log_message(self, *_args: object) -> None:
            """Says nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_args: object) -> None:
            """A client that leaves is what this is for."""

    with Server(("127.0.0.1", 0), Handler) as listening:
        line = Line(url=f"http://127.0.0.1:{listening.server_address[1]}")
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield line
        finally:
            listening.shutdown()
            thread.join()
