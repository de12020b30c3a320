"""Another center's server is asked as the file says, and believed in nothing: not in being short, timely, whole or kind."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from greenlane.adapters.partners import MAX_ANSWER_BYTES, PIECE_BYTES, HttpPartner, PartnersFileInvalid, load_partners
from greenlane.core.documents.cid import Cid, Codec
from greenlane.core.errors import Faults
from greenlane.core.units import CenterId
from greenlane.ports.documents import DocumentMissing
from greenlane.ports.holds import PartnerRefused, PartnerUnavailable

HANOI = CenterId("hanoi")
CID = Cid.of(Codec.RAW, b"a document")
KEY = "gl_0123456789abcdef_" + "k" * 43

Answering = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Asked:
    """What a stand-in was asked, and what it answers with."""

    answer: Answering
    requests: list[tuple[str, str, bytes]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    url: str = ""


@contextmanager
def answering(answer: Answering) -> Iterator[Asked]:
    """A server on loopback that answers every request alike."""
    asked = Asked(answer)

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            asked.requests.append((self.command, self.path, body))
            asked.headers.append({name.lower(): value for name, value in self.headers.items()})
            try:
                asked.answer(self)
            except OSError:
                self.close_connection = True

        do_GET = do_POST = do_DELETE = _handle  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    asked.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answer(status: int, value: object = None, **headers: str) -> Answering:
    """Answers with a status and JSON."""

    def send(request: BaseHTTPRequestHandler) -> None:
        body = b"" if value is None else value if isinstance(value, bytes) else json.dumps(value).encode()
        request.send_response(status)
        for name, text in {"Content-Length": str(len(body)), **headers}.items():
            request.send_header(name, text)
        request.end_headers()
        request.wfile.write(body)

    return send


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "hanoi.key"
    file.write_text(KEY + "\n")
    return file


def held(is_held: object) -> Answering:
    return answer(200, {"cid": CID.text, "isHeld": is_held})


def test_it_is_asked_to_hold_with_its_key_and_its_answer_is_read(token_file: Path) -> None:
    with answering(held(True)) as asked:
        partner = HttpPartner(HANOI, asked.url + "/api/", token_file)
        assert partner.center == HANOI
        assert partner.ask_to_hold(CID, 10) is True
        asked.answer = held(False)
        assert partner.ask_to_hold(CID, 10) is False
    method, path, body = asked.requests[0]
    assert (method, path, json.loads(body)) == ("POST", "/api/v1/holds", {"cid": CID.text, "size": 10})
    assert asked.headers[0]["authorization"] == f"Bearer {KEY}"
    assert asked.headers[0]["content-type"] == "application/json"


def test_a_key_that_is_renewed_counts_at_once_and_one_that_is_gone_is_told(token_file: Path) -> None:
    with answering(held(True)) as asked:
        partner = HttpPartner(HANOI, asked.url, token_file)
        token_file.write_text("gl_another")
        partner.ask_to_hold(CID, 10)
        assert asked.headers[0]["authorization"] == "Bearer gl_another"
        for damage in (token_file.unlink, lambda: token_file.write_text("two words")):
            damage()
            with pytest.raises(PartnerUnavailable, match="its key in") as told:
                partner.ask_to_hold(CID, 10)
            assert "two words" not in str(told.value)
    assert len(asked.requests) == 1


def test_it_is_released_and_says_nothing_to_it(token_file: Path) -> None:
    with answering(answer(204)) as asked:
        HttpPartner(HANOI, asked.url, token_file).release(CID)
    assert asked.requests[0][:2] == ("DELETE", f"/v1/holds/{CID.text}")


@pytest.mark.parametrize("status", [400, 404, 409, 410, 413])
def test_a_refusal_of_one_document_is_told_in_its_words(status: int, token_file: Path) -> None:
    refusing = answer(status, {"code": "hold-too-large", "detail": "A document of 9 bytes\u001b[31m"})
    with answering(refusing) as asked, pytest.raises(PartnerRefused, match="hold-too-large") as told:
        HttpPartner(HANOI, asked.url, token_file).ask_to_hold(CID, 10)
    assert "\u001b" not in str(told.value)


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_a_partner_that_refuses_everything_is_one_that_is_away(status: int, token_file: Path) -> None:
    refusing = answer(status, {"code": "unauthenticated", "detail": "No."})
    with answering(refusing) as asked, pytest.raises(PartnerUnavailable, match=str(status)) as told:
        HttpPartner(HANOI, asked.url, token_file).ask_to_hold(CID, 10)
    assert not isinstance(told.value, PartnerRefused)
    assert KEY not in str(told.value)


@pytest.mark.parametrize(
    "value",
    [b"", b"no json", b"[]", b"{}", {"cid": CID.text, "isHeld": "yes"}, {"cid": "bafk", "isHeld": True}, {"isHeld": True}],
)
def test_an_answer_that_is_none_says_nothing(value: object, token_file: Path) -> None:
    with answering(answer(200, value)) as asked, pytest.raises(PartnerUnavailable, match="no "):
        HttpPartner(HANOI, asked.url, token_file).ask_to_hold(CID, 10)


def test_an_answer_without_end_is_cut_off(token_file: Path) -> None:
    with answering(answer(200, b" " * (MAX_ANSWER_BYTES + 1))) as asked, pytest.raises(PartnerUnavailable, match="more than"):
        HttpPartner(HANOI, asked.url, token_file).ask_to_hold(CID, 10)


def test_no_redirect_leads_anywhere(token_file: Path) -> None:
    with answering(held(True)) as elsewhere, answering(answer(307, None, Location=elsewhere.url + "/v1/holds")) as asked:
        partner = HttpPartner(HANOI, asked.url, token_file)
        with pytest.raises(PartnerUnavailable, match="307"):
            partner.ask_to_hold(CID, 10)
        with pytest.raises(PartnerUnavailable, match="307"):
            list(partner.fetch_car(CID))
    assert elsewhere.requests == []


def test_no_proxy_of_the_environment_stands_between(token_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(held(True)) as asked, answering(held(False)) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert HttpPartner(HANOI, asked.url, token_file).ask_to_hold(CID, 10)
    assert proxy.requests == []


def _drip(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    for _ in range(100):
        request.wfile.write(b" ")
        request.wfile.flush()
        time.sleep(0.1)


def test_who_drips_or_is_silent_is_given_up_after_one_deadline(token_file: Path) -> None:
    with answering(_drip) as asked:
        partner = HttpPartner(HANOI, asked.url, token_file, timeout_s=0.4)
        for ask in (lambda: partner.ask_to_hold(CID, 10), lambda: list(partner.fetch_car(CID))):
            began_s = time.monotonic()
            with pytest.raises(PartnerUnavailable, match="in time"):
                ask()
            assert time.monotonic() - began_s < 5
    with socket.create_server(("127.0.0.1", 0)) as silent:
        partner = HttpPartner(HANOI, f"http://127.0.0.1:{silent.getsockname()[1]}", token_file, timeout_s=0.2)
        with pytest.raises(PartnerUnavailable, match="in time"):
            partner.ask_to_hold(CID, 10)


def test_a_partner_that_is_not_there_is_away(token_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}"
    with pytest.raises(PartnerUnavailable, match="refused"):
        HttpPartner(HANOI, url, token_file).release(CID)


def test_a_document_comes_in_pieces_and_whoever_takes_them_may_take_his_time(token_file: Path) -> None:
    car = bytes(range(256)) * (PIECE_BYTES // 256) * 2 + b"end"
    with answering(answer(200, car)) as asked:
        partner = HttpPartner(HANOI, asked.url, token_file, timeout_s=0.5)
        came = []
        for piece in partner.fetch_car(CID):
            came.append(piece)
            time.sleep(0.3)
    assert b"".join(came) == car
    assert max(map(len, came)) <= PIECE_BYTES
    assert asked.requests[0][:2] == ("GET", f"/v1/documents/{CID.text}?format=car")


def test_a_document_that_ends_early_is_not_taken_for_whole(token_file: Path) -> None:
    def cut(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "1000")
        request.end_headers()
        request.wfile.write(b"a part")
        request.close_connection = True

    with answering(cut) as asked, pytest.raises(PartnerUnavailable, match="in the middle"):
        list(HttpPartner(HANOI, asked.url, token_file).fetch_car(CID))


@pytest.mark.parametrize("status", [404, 410])
def test_a_document_that_a_partner_has_not_is_missing_there(status: int, token_file: Path) -> None:
    with answering(answer(status, {"code": "document-missing"})) as asked, pytest.raises(DocumentMissing, match="hanoi has no"):
        list(HttpPartner(HANOI, asked.url, token_file).fetch_car(CID))


def test_whoever_stops_in_the_middle_of_a_document_leaves_no_thread_behind(token_file: Path) -> None:
    before = threading.active_count()
    with answering(answer(200, bytes(3 * PIECE_BYTES))) as asked:
        pieces = HttpPartner(HANOI, asked.url, token_file).fetch_car(CID)
        next(iter(pieces))
        pieces.close()  # type: ignore[attr-defined]
    end_s = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < end_s:
        time.sleep(0.01)
    assert threading.active_count() <= before


# The file ----------------------------------------------------------------------------------------------------------------------


def test_a_file_of_partners_is_read_and_keys_lie_beside_it(tmp_path: Path, token_file: Path) -> None:
    file = tmp_path / "partners.toml"
    file.write_text(
        f'[[partner]]\ncenter = "hanoi"\nurl = "https://hanoi.example/"\ntoken_file = "{token_file.name}"\n'
        f'[[partner]]\ncenter = "callao"\nurl = "http://10.0.0.7:8600"\ntoken_file = "{token_file}"\n'
    )
    assert [partner.center for partner in load_partners(file)] == ["hanoi", "callao"]
    file.write_text("")
    assert load_partners(file) == ()


def test_everything_wrong_with_a_file_is_told_at_once_with_its_place_and_remedy(tmp_path: Path, token_file: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    file = tmp_path / "partners.toml"
    right = f'center = "callao"\nurl = "https://callao.example"\ntoken_file = "{token_file.name}"\n'
    file.write_text(
        'owner = "me"\n'
        f"[[partner]]\n{right}[[partner]]\n{right}"
        '[[partner]]\ncenter = "Hanoi!"\nurl = "https://user:geheim@hanoi.example"\ntoken_file = "away"\n'
        '[[partner]]\ncenter = 7\nurl = "ftp://x"\ntoken_file = "empty"\ncolour = "red"\n'
        '[[partner]]\ncenter = "lima"\nurl = "https://lima.example?x=1"\n'
    )
    with pytest.raises(Faults) as told:
        load_partners(file)
    places = [(fault.where or "").partition("#")[2] for fault in told.value.faults]
    assert sorted(places) == [
        "/owner",
        "/partner/1/center",
        "/partner/2/center",
        "/partner/2/token_file",
        "/partner/2/url",
        "/partner/3/center",
        "/partner/3/colour",
        "/partner/3/token_file",
        "/partner/3/url",
        "/partner/4/token_file",
        "/partner/4/url",
    ]
    assert all(fault.remedy and str(file) in (fault.where or "") for fault in told.value.faults)
    assert "geheim" not in "".join(map(str, told.value.faults))


@pytest.mark.parametrize("text", ["partner", "[[partner]", "partner = 3", 'partner = ["x"]', "a = " + "[" * 5_000, "\x00"])
def test_a_file_that_is_none_is_told(text: str, tmp_path: Path) -> None:
    file = tmp_path / "partners.toml"
    file.write_text(text)
    with pytest.raises((PartnersFileInvalid, Faults)) as told:
        load_partners(file)
    assert told.value.remedy


def test_a_file_that_is_away_or_binary_is_told(tmp_path: Path) -> None:
    with pytest.raises(PartnersFileInvalid, match=r"cannot be read \(No such file or directory\)"):
        load_partners(tmp_path / "away.toml")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(PartnersFileInvalid, match="no TOML"):
        load_partners(tmp_path / "binary")
    (tmp_path / "huge").write_bytes(b"#" * 300_000)
    with pytest.raises(PartnersFileInvalid, match="more than"):
        load_partners(tmp_path / "huge")
