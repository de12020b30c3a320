"""Exchanges recorded from a real Kubo: as values, and as a server that gives the recorded answers to the requests they belong to.

The recording is outside material, read when a test runs. A request is known by its command, arguments, options (their order and
defaults count for nothing) and the files in its body; for one that no recorded exchange answers the server says so, and a test
that provoked it fails.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from worlds.kubo_requests import Asked, NotUnderstood, read_files, read_request

_ANNOUNCED = {"fast-provide-root": "true", "fast-provide-dag": "false", "fast-provide-wait": "false"}
_DEFAULTS = {
    "pin/add": {"recursive": "true", "progress": "false", **_ANNOUNCED},
    "pin/ls": {"names": "false", "quiet": "false"},
    "pin/rm": {"recursive": "true"},
    "add": {
        "hash": "sha2-256",
        "only-hash": "false",
        "trickle": "false",
        "inline": "false",
        "nocopy": "false",
        "fscache": "false",
        "max-file-links": "1024",
        "preserve-mode": "false",
        "preserve-mtime": "false",
        "inline-limit": "32",
        "quiet": "false",
        "quieter": "false",
        "silent": "false",
        **_ANNOUNCED,
    },
    "dag/import": {
        "pin-roots": "true",
        "silent": "false",
        "stats": "false",
        "allow-big-block": "false",
        "local-only": "false",
        **_ANNOUNCED,
    },
    "repo/gc": {"stream-errors": "false", "quiet": "false", "silent": "false"},
}
"""What an option means that is given with the value it has anyway, in the profile that the recorded node had."""


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request and its answer.

    Attributes:
        response: None where only its length and digest were kept.
    """

    name: str
    method: str
    target: str
    request_headers: Mapping[str, str]
    request: bytes
    status: int
    response_headers: Mapping[str, str]
    response: bytes | None
    response_digest: str
    response_bytes: int
    trailers: Mapping[str, str]


def generated(length: int) -> bytes:
    """The bytes that the recorded files were made of."""
    period = bytes((place * 31 + 7) % 256 for place in range(256))
    return (period * (length // 256 + 1))[:length]


def recorded_exchanges(shared_data: Path) -> list[Exchange]:
    """All of them, in the order in which they were made."""
    return [_exchange(one) for one in json.loads((shared_data / "kubo" / "kubo-rpc-0.42.0.json").read_bytes())]


def _exchange(one: dict[str, Any]) -> Exchange:
    if "request_body" in one:
        large = one["request_body"]
        request = base64.b64decode(large["prefix_base64"]) + generated(large["length"]) + base64.b64decode(large["suffix_base64"])
        assert hashlib.sha256(request).hexdigest() == large["total_sha256"], one["name"]
    else:
        request = base64.b64decode(one["request_body_base64"])
    response = base64.b64decode(one["response_body_base64"]) if "response_body_base64" in one else None
    return Exchange(
        name=one["name"],
        method=one["method"],
        target=one["path_and_query"],
        request_headers=one["request_headers"],
        request=request,
        status=one["status"],
        response_headers=one["response_headers"],
        response=response,
        response_digest=hashlib.sha256(response).hexdigest() if response is not None else one["response_body"]["sha256"],
        response_bytes=len(response) if response is not None else one["response_body"]["length"],
        trailers=one.get("trailers", {}),
    )


def meaning(asked: Asked, body: bytes, content_type: str | None, *, is_of_what_it_has: bool) -> tuple[object, ...]:
    """What a request says, whatever its spelling."""
    options: dict[str, object] = {**_DEFAULTS.get(asked.command, {}), **asked.options}
    if "timeout" in options:
        options["timeout"] = asked.timeout_s
    if is_of_what_it_has:
        # The recorded node had no peers: for what it had, how long others are asked says nothing.
        options.pop("timeout", None)
        options.pop("offline", None)
    files = read_files(body, content_type) if content_type else []
    return asked.command, tuple(asked.arguments), tuple(sorted(options.items())), tuple(data for _, data in files)


@dataclass(kw_only=True)
class Replay:
    """The server.

    Attributes:
        answered: names of the exchanges that were given, in order.
        refused: requests that no recorded Kubo answers.
    """

    exchanges: list[Exchange]
    url: str = ""
    answered: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def answer_of(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Exchange | None:
        """The first recorded exchange whose request says the same."""
        kind = headers.get("Content-Type")
        asked = read_request(method, target, kind)
        if isinstance(asked, NotUnderstood) or asked.unknown:
            self.refused.append(f"{method} {target}: {asked.words if isinstance(asked, NotUnderstood) else asked.unknown}")
            return None
        for one in self.exchanges:
            theirs = read_request(one.method, one.target, one.request_headers.get("Content-Type"))
            if isinstance(theirs, Asked) and not theirs.unknown:
                has = one.status == 200
                said = meaning(theirs, one.request, one.request_headers.get("Content-Type"), is_of_what_it_has=has)
                wanted = meaning(asked, body, kind, is_of_what_it_has=has)
                if (said, one.request_headers.get("Authorization")) == (wanted, headers.get("Authorization")):
                    self.answered.append(one.name)
                    return one
        self.refused.append(f"no recorded exchange answers {method} {target}")
        return None


@contextmanager
def replayed(exchanges: list[Exchange]) -> Iterator[Replay]:
    """Serves the recorded answers; what could not be answered is an error at the end.

    Args:
        exchanges: where one request was answered differently at different times, give the one that is meant.
    """
    replay = Replay(exchanges=exchanges)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            one = replay.answer_of(self.command, self.path, dict(self.headers.items()), self._body())
            if one is None or one.response is None:
                self.send_error(501, "not recorded")
                return
            self.send_response(one.status)
            for name, value in one.response_headers.items():
                self.send_header(name, value)
            self.end_headers()
            if one.response_headers.get("Transfer-Encoding") != "chunked":
                self.wfile.write(one.response)
                return
            if one.response:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(one.response), one.response))
            told = "".join(f"{name}: {value}\r\n" for name, value in one.trailers.items())
            self.wfile.write(f"0\r\n{told}\r\n".encode())

        do_GET = do_PUT = do_DELETE = do_POST  # noqa: N815

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            data = bytearray()
            while size := int(self.rfile.readline(64).strip(), 16):
                data += self.rfile.read(size)
                self.rfile.readline(64)
            self.rfile.readline(64)
            return bytes(data)

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

    server = Server(("127.0.0.1", 0), Handler)
    replay.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield replay
    finally:
        server.shutdown()
        server.server_close()
    assert not replay.refused, f"no recorded Kubo answers: {replay.refused}"
