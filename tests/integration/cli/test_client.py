"""`greenlane capture` and `greenlane receipt` against a server that behaves, misbehaves, redirects, or is none."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from worlds.events import event_document

DIGEST = "ab" * 32
EVENT_HASH = f"ni:///sha-256;{DIGEST}?ver=CBV2.0"
JOB = {
    "id": "job-1",
    "events": [
        {"eventHash": EVENT_HASH, "leafIndex": 7, "isNew": True},
        {"eventHash": EVENT_HASH, "leafIndex": 7, "isNew": False},
    ],
}


@dataclass
class Server:
    """What it answers next, and what it was asked.

    Attributes:
        not_yet: codes of problems with which it answers first, each once, with 503.
    """

    url: str
    status: int = 202
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = json.dumps(JOB).encode()
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    not_yet: list[str] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            told.asked.append((self.command, self.path, dict(self.headers), body))
            if told.not_yet:
                problem = json.dumps({"code": told.not_yet.pop(0), "detail": "Not yet."}).encode()
                self.send_response(503)
                self.send_header("Retry-After", "2")
                self.send_header("Content-Length", str(len(problem)))
                self.end_headers()
                self.wfile.write(problem)
                return
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body)

        do_GET = do_POST  # noqa: N815 - the name that http.server asks for

        def log_message(self, *_args: object) -> None:
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as listening:
        told = Server(url=f"http://127.0.0.1:{listening.server_address[1]}")
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield told
        listening.shutdown()
        thread.join()


@pytest.fixture
def event(tmp_path: Path) -> Path:
    file = tmp_path / "event.jsonld"
    file.write_text(json.dumps(event_document(1)))
    return file


@pytest.fixture
def key(tmp_path: Path) -> Path:
    file = tmp_path / "key"
    file.write_text("gl_0123456789abcdef_secret\n")
    return file


def test_what_became_of_each_event_is_told(run: Any, server: Server, event: Path, key: Path) -> None:
    told = run("capture", event, "--url", server.url + "/", "--key-file", key, "--member", "firma")
    assert (told.code, told.err) == (0, "")
    assert told.out.splitlines() == [
        f"{EVENT_HASH}  leaf 7",
        f"{EVENT_HASH}  leaf 7  (already captured)",
        "2 events taken, 1 of them new. Job job-1",
    ]
    ((method, path, headers, body),) = server.asked
    assert (method, path, body) == ("POST", "/epcis/v2/capture", event.read_bytes())
    assert headers["Authorization"] == "Bearer gl_0123456789abcdef_secret"
    assert headers["Greenlane-Member"] == "firma"
    assert json.loads(run("capture", event, "--url", server.url, "--json").out) == JOB


def test_the_same_file_sent_again_is_the_same_request(run: Any, server: Server, event: Path) -> None:
    for _ in range(2):
        run("capture", event, "--url", server.url)
    event.write_text(event.read_text() + " ")
    run("capture", event, "--url", server.url)
    keys = [headers["Idempotency-Key"] for _, _, headers, _ in server.asked]
    assert keys[0] == keys[1] != keys[2]


def test_the_same_file_for_another_member_is_another_request(run: Any, server: Server, event: Path) -> None:
    for member in ("first-firm", "second-firm"):
        run("capture", event, "--url", server.url, "--member", member)
    keys = [headers["Idempotency-Key"] for _, _, headers, _ in server.asked]
    assert keys[0] != keys[1]


def test_a_key_never_follows_a_redirect(run: Any, server: Server, event: Path, key: Path) -> None:
    server.status, server.headers, server.body = 302, {"Location": f"{server.url}/elsewhere"}, b""
    told = run("receipt", DIGEST, "--url", server.url, "--key-file", key)
    assert (told.code, told.out) == (2, "")
    assert [path for _, path, _, _ in server.asked] == [f"/v1/receipts/{DIGEST}"]


@pytest.mark.parametrize(("status", "code"), [(400, 2), (401, 2), (404, 2), (409, 2), (501, 2), (429, 3), (500, 3), (503, 3)])
def test_a_refusal_is_said_with_the_servers_words_and_the_right_code(
    run: Any, server: Server, event: Path, status: int, code: int
) -> None:
    server.status, server.headers = status, {"Retry-After": "7"}
    server.body = json.dumps({"title": "No", "detail": "It will\nnot \x1b[2J do."}).encode()
    told = run("capture", event, "--url", server.url)
    assert (told.code, told.out) == (code, "")
    assert told.err.startswith("greenlane: It will not \ufffd[2J do.")
    assert ("7 s" in told.err) == (code == 3)


def test_each_fault_of_a_problem_gets_its_line(run: Any, server: Server, event: Path) -> None:
    server.status = 400
    server.body = json.dumps(
        {"errors": [{"pointer": "/eventTime", "detail": "No time."}, {"pointer": "/action", "detail": "No action."}]}
    ).encode()
    told = run("capture", event, "--url", server.url)
    assert told.err == "greenlane: /eventTime: No time.\ngreenlane: /action: No action.\n"


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"events":3,"id":"x"}', b'{"events":[{}],"id":"x"}', b"[" * 100_000, b"\xff", b"null"],
    ids=range(9),
)
def test_an_answer_that_is_no_job_is_named_and_no_crash(
    refused: Callable[..., str], run: Any, server: Server, event: Path, body: bytes
) -> None:
    server.body = body
    refused("capture", event, "--url", server.url)
    server.status = 500
    told = run("capture", event, "--url", server.url)
    assert (told.code, told.out, told.err.count("\n")) == (3, "", 1)


@pytest.mark.parametrize(
    "url", ["", "host", "ftp://host", "http://", "http://[::1", "http://host:port", "http://ho st", "http://h\n"]
)
def test_what_is_no_address_is_refused(refused: Callable[..., str], event: Path, url: str) -> None:
    refused("capture", event, "--url", url)


def test_a_server_that_is_not_there_is_no_verdict(run: Any, event: Path) -> None:
    told = run("capture", event, "--url", "http://127.0.0.1:9")
    assert (told.code, told.out, told.err.count("\n")) == (3, "", 1)


@pytest.mark.parametrize("secret", ["", "two\nlines", "ключ", "\x00"])
def test_a_key_that_no_header_can_carry_is_refused_and_not_shown(
    refused: Callable[..., str], server: Server, event: Path, key: Path, secret: str
) -> None:
    key.write_text(secret)
    line = refused("capture", event, "--url", server.url, "--key-file", key)
    assert not secret or secret not in line
    assert server.asked == []


def test_a_receipt_is_fetched_by_either_spelling_of_its_hash(run: Any, server: Server, tmp_path: Path) -> None:
    server.status, server.body = 200, b'{"type":"GreenlaneReceipt"}'
    for spelling in (EVENT_HASH, DIGEST, DIGEST.upper()):
        told = run("receipt", spelling, "--url", server.url)
        assert (told.code, told.out) == (0, '{"type":"GreenlaneReceipt"}\n')
    assert {path for _, path, _, _ in server.asked} == {f"/v1/receipts/{DIGEST}"}
    target = tmp_path / "receipt.json"
    assert run("receipt", DIGEST, "--url", server.url, "--output", target, "--tlog-proof").code == 0
    assert target.read_bytes() == server.body
    assert server.asked[-1][1].endswith("?format=tlog-proof")


def test_a_receipt_in_json_is_itself_and_what_was_written_is_told(run: Any, server: Server, tmp_path: Path) -> None:
    server.status, server.body = 200, b'{"type":"GreenlaneReceipt"}'
    words = ("receipt", DIGEST, "--url", server.url, "--json")
    assert json.loads(run(*words).out) == {"type": "GreenlaneReceipt"}
    target = str(tmp_path / "receipt.json")
    assert json.loads(run(*words, "--output", target).out) == {"file": target, "bytes": 27, "form": "receipt"}
    server.body = b"c2sp.org/tlog-proof@v1\nindex 3\n"
    assert json.loads(run(*words, "--tlog-proof").out) == {"tlogProof": server.body.decode()}
    assert json.loads(run(*words, "--tlog-proof", "--output", target).out)["form"] == "tlog-proof"


@pytest.mark.parametrize("text", ["", "x", DIGEST[:-1], DIGEST + "0", "../trust", "ni:///sha-256;00", f"{DIGEST} ", "é" * 64])
def test_what_is_no_event_hash_is_never_asked_for(refused: Callable[..., str], server: Server, text: str) -> None:
    refused("receipt", text, "--url", server.url)
    assert server.asked == []


def test_a_receipt_is_asked_for_by_the_place_of_its_entry(run: Any, refused: Callable[..., str], server: Server) -> None:
    server.status = 200
    run("receipt", DIGEST, "--url", server.url, "--center", "lima", "--leaf", 7)
    run("receipt", DIGEST, "--url", server.url, "--center", "a&b", "--tlog-proof")
    assert [path.partition("?")[2] for _, path, _, _ in server.asked] == ["center=lima&leaf=7", "center=a%26b&format=tlog-proof"]
    refused("receipt", DIGEST, "--url", server.url, "--leaf", 7)
    assert len(server.asked) == 2


def test_a_receipt_is_written_for_its_owner_alone(run: Any, server: Server, tmp_path: Path) -> None:
    server.status, server.body = 200, b'{"disclosure":{"salt":"AAAA"}}'
    target = tmp_path / "receipt.json"
    for _ in range(2):
        assert run("receipt", DIGEST, "--url", server.url, "--output", target).code == 0
        assert target.stat().st_mode & 0o777 == 0o600
        assert target.read_bytes() == server.body
        target.write_bytes(server.body + b"what was there before")
        target.chmod(0o644)
    assert run("receipt", DIGEST, "--url", server.url, "--output", "/dev/null").code == 0


def test_what_a_server_says_does_not_steer_a_terminal(
    run: Any, server: Server, event: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steering = "\x1b]0;title\x07 \x9b2J \u202e"
    server.status, server.body = 200, steering.encode()
    assert run("receipt", DIGEST, "--url", server.url).out == f"{steering}\n", "a pipe gets what came"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    shown = [run("receipt", DIGEST, "--url", server.url).out]
    job = {"id": steering, "events": [{"eventHash": steering, "leafIndex": 0, "isNew": True}]}
    server.body = json.dumps(job).encode()
    shown += [run("capture", event, "--url", server.url, *more).out for more in ([], ["--json"])]
    for text in shown:
        assert text.replace("\n", "").isprintable(), text


def test_a_receipt_that_cannot_be_written_is_named(refused: Callable[..., str], server: Server, tmp_path: Path) -> None:
    server.status = 200
    for place in (tmp_path, tmp_path / "nowhere" / "receipt.json"):
        assert str(place) in refused("receipt", DIGEST, "--url", server.url, "--output", place)


def test_a_receipt_with_seals_is_waited_for_and_other_trouble_is_not(
    run: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("greenlane.cli.client_receipt.time.sleep", pauses.append)
    server.status, server.body = 200, b'{"type":"GreenlaneReceipt"}'
    server.not_yet = ["receipt-not-ready", "receipt-not-sealed", "receipt-not-sealed"]
    assert run("receipt", DIGEST, "--url", server.url, "--sealed").out.strip() == server.body.decode()
    assert {path for _, path, _, _ in server.asked} == {f"/v1/receipts/{DIGEST}?sealed=required"}
    assert (len(server.asked), pauses) == (4, [2, 2, 2])
    for code in ("log-key-retired", "busy"):
        server.not_yet = [code, code]
        told = run("receipt", DIGEST, "--url", server.url, "--sealed")
        assert (told.code, told.out) == (3, "") and "Not yet. Try again in 2 s." in told.err
        assert server.not_yet == [code]
    server.not_yet = ["receipt-not-sealed"]
    assert run("receipt", DIGEST, "--url", server.url).code == 3
    assert len(pauses) == 3


def test_seals_are_not_waited_for_without_end(run: Any, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("greenlane.cli.client_receipt.time.monotonic", lambda: now[0])
    monkeypatch.setattr("greenlane.cli.client_receipt.time.sleep", lambda pause_s: now.__setitem__(0, now[0] + pause_s))
    server.not_yet = ["receipt-not-sealed"] * 100
    assert run("receipt", DIGEST, "--url", server.url, "--sealed").code == 3
    assert 50 <= now[0] <= 60
