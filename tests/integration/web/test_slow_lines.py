"""Lines that rest are left, lines that are slow are served, and nobody takes every place."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from worlds.deployment import World
from worlds.web import Site, serve

PDF = b"%PDF-1.7\n"
TUS = {"Tus-Resumable": "1.0.0"}
PART = TUS | {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
LARGE = 24 * 1024 * 1024


@contextmanager
def request(site: Site, method: str, path: str, headers: dict[str, str], *, window: int | None = None) -> Iterator[socket.socket]:
    where = urlsplit(site.url)
    with socket.socket() as line:
        if window is not None:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        line.settimeout(20)
        line.connect((where.hostname, where.port))
        lines = [f"{method} {path} HTTP/1.1", f"Host: {where.netloc}", f"Authorization: Bearer {site.member}"]
        line.sendall("\r\n".join([*lines, *(f"{name}: {text}" for name, text in headers.items()), "", ""]).encode())
        yield line


def quick(monkeypatch: pytest.MonkeyPatch, *, body_time_s: float, request_time_s: float) -> None:
    times = {"body_time_s": body_time_s, "request_time_s": request_time_s}
    monkeypatch.setattr("greenlane.web.limits.Gate.__init__.__kwdefaults__", times)


def begun(site: Site, length: int) -> str:
    answer = site.post("/v1/uploads", key=site.member, headers=TUS | {"Upload-Length": str(length)})
    return str(answer.headers["Location"])


def standing(site: Site, path: str) -> dict[str, Any]:
    value = site.get(path, key=site.member).json()
    assert isinstance(value, dict)
    return value


def stored(site: Site, size: int) -> str:
    data = PDF + bytes(size)
    path = begun(site, len(data))
    assert site.send("PATCH", path, key=site.member, headers=PART, content=data).status_code == 204
    description = {
        "mediaType": "application/pdf",
        "name": "a.pdf",
        "documentType": "audit",
        "about": ["https://id.gs1.org/01/09521321000018"],
    }
    body = {"upload": path.rpartition("/")[2], "description": description}
    return str(site.post("/v1/documents", key=site.member, json=body).headers["Location"])


def all_of(line: socket.socket) -> bytes:
    parts = []
    while part := line.recv(1 << 20):
        parts.append(part)
    return b"".join(parts)


def test_a_part_that_rests_is_ended_and_what_came_is_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch, body_time_s=0.3, request_time_s=10)
    with serve(world) as site:
        path = begun(site, 100_000)
        with request(site, "PATCH", path, PART | {"Content-Length": "100000"}) as line:
            line.sendall(b"a" * 40_000)
            answer = all_of(line)
        assert b" 408 " in answer[:20] and b"body-too-slow" in answer and b"tus-resumable" in answer.lower()
        assert standing(site, path)["offset"] == 40_000


def test_a_part_that_takes_longer_than_a_request_may_is_taken_while_it_moves(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick(monkeypatch, body_time_s=1.2, request_time_s=1.2)
    with serve(world) as site:
        path = begun(site, 20_000)
        with request(site, "PATCH", path, PART | {"Content-Length": "20000", "Connection": "close"}) as line:
            for _ in range(20):
                line.sendall(b"a" * 1_000)
                time.sleep(0.1)
            assert b" 204 " in all_of(line)[:20]
        assert standing(site, path)["offset"] == 20_000


def test_a_part_that_drips_is_slower_than_any_line_and_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch, body_time_s=0.5, request_time_s=10)
    with serve(world) as site:
        path = begun(site, 20_000)
        began_s = time.monotonic()
        with request(site, "PATCH", path, PART | {"Content-Length": "20000"}) as line, pytest.raises(OSError):
            while time.monotonic() - began_s < 10:
                line.sendall(b"a")
                time.sleep(0.05)
        assert time.monotonic() - began_s < 8
        assert 0 < standing(site, path)["offset"] < 200


def test_who_takes_a_document_slowly_gets_all_of_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(world) as site:
        path = stored(site, LARGE)
    quick(monkeypatch, body_time_s=1.0, request_time_s=1.0)
    with serve(world) as site, request(site, "GET", path, {"Connection": "close"}, window=65_536) as line:
        parts = [line.recv(65_536)]
        for _ in range(15):
            time.sleep(0.1)
            parts.append(line.recv(65_536))
        parts.append(all_of(line))
    head, _, body = b"".join(parts).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200") and len(body) == LARGE + len(PDF)


def test_who_takes_nothing_of_a_document_is_left(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(world) as site:
        path = stored(site, LARGE)
        monkeypatch.setattr("greenlane.web.streams.StreamedAnswer.__init__.__kwdefaults__", {"rest_s": 0.3, "status": 200})
        with request(site, "GET", path, {}, window=65_536) as line:
            time.sleep(1.5)
            try:
                came = len(all_of(line))
            except ConnectionResetError:
                came = 0
    assert came < LARGE


def test_one_asker_takes_some_places_and_leaves_the_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("greenlane.web.state._DOWNLOADS_OF_ONE", 2)
    with serve(world) as site, ExitStack() as open_lines:
        path = stored(site, LARGE)
        for _ in range(2):
            line = open_lines.enter_context(request(site, "GET", path, {}, window=65_536))
            assert line.recv(15).startswith(b"HTTP/1.1 200")
        refused = site.get(path, key=site.member)
        assert (refused.status_code, refused.json()["code"]) == (503, "busy") and int(refused.headers["Retry-After"]) > 0
        assert site.get(path).status_code == 200
        open_lines.close()
        end_s = time.monotonic() + 10
        while (answer := site.get(path, key=site.member)).status_code != 200:
            assert time.monotonic() < end_s
            time.sleep(0.05)
        assert len(answer.content) == LARGE + len(PDF)


def test_a_refused_part_is_read_to_its_end_so_that_its_sender_hears_why(site: Site) -> None:
    path = begun(site, 3_000_000)
    answer = site.send("PATCH", path, key=site.roaster, headers=PART, content=bytes(3_000_000))
    assert (answer.status_code, answer.json()["code"]) == (404, "upload-missing")
    assert site.get("/v1/centers").status_code == 200
