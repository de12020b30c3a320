"""Whatever is wrong with a request is a 4xx problem that names place and mend, and nothing is stored."""

import json
import logging
import socket
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from greenlane.core.trust import TrustFile
from starlette.exceptions import HTTPException
from worlds.deployment import World
from worlds.events import CONTEXT, event_document
from worlds.web import Site, serve, services_of

_JSON = {"Content-Type": "application/json"}


def _document(*events: Any) -> bytes:
    return json.dumps(
        {
            "@context": [CONTEXT],
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": "2026-06-01T00:00:00Z",
            "epcisBody": {"eventList": list(events)},
        }
    ).encode()


def _event(**changes: Any) -> bytes:
    return json.dumps(event_document(1, **changes)).encode()


_BAD: dict[str, tuple[bytes, str, str]] = {
    # What is sent, the code that answers, and the place it names.
    "no JSON": (b"{", "malformed-json", ""),
    "nothing": (b"", "malformed-json", ""),
    "invalid UTF-8": (b'{"a":"\xff"}', "malformed-json", ""),
    "a million levels": (b"[" * 1_000_000 + b"]" * 1_000_000, "json-too-deep", ""),
    "a duplicate key": (b'{"type":"ObjectEvent","type":"ObjectEvent"}', "duplicate-key", "/type"),
    "a giant integer": (b'{"a":' + b"9" * 5_000 + b"}", "number-out-of-range", "/a"),
    "a number beyond a double": (b'{"a":1e999}', "number-out-of-range", "/a"),
    "NaN": (b'{"a":NaN}', "malformed-json", ""),
    "a list": (b"[1]", "invalid-event", ""),
    "text": (b'"event"', "invalid-event", ""),
    "no type": (_event(type=None), "invalid-event", "/type"),
    "an unknown type": (_event(type="SomeEvent"), "invalid-event", "/type"),
    "an action of the wrong type": (_event(action=7), "invalid-event", "/action"),
    "EPCs that are no list": (_event(epcList="urn:epc:id:sgtin:1"), "invalid-event", "/epcList"),
    "a time without a zone": (_event(eventTime="2026-05-30T10:00:00"), "invalid-event", "/eventTime"),
    "no time": (_event(eventTime="yesterday"), "invalid-event", "/eventTime"),
    "an unknown step": (_event(bizStep="shiping"), "invalid-event", "/bizStep"),
    "a wrong check digit": (
        _event(epcList=["https://id.gs1.org/01/09521321000017/21/1"]),
        "invalid-event",
        "/epcList/0",
    ),
    "a document without events": (_document(), "bad-request", "/epcisBody/eventList"),
    "one bad event among good ones": (
        _document(event_document(1), event_document(2, action="LOOK"), event_document(3)),
        "invalid-event",
        "/epcisBody/eventList/1/action",
    ),
}


@pytest.mark.parametrize("name", _BAD)
def test_bad_input_is_a_problem_with_place_and_mend_and_nothing_is_stored(site: Site, name: str) -> None:
    body, code, place = _BAD[name]
    answer = site.post("/epcis/v2/capture", key=site.member, once="k", headers=_JSON, content=body)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (400, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"] == f"{site.url}/problems/{code}"
    assert problem["status"] == 400
    assert problem["instance"] == "/epcis/v2/capture"
    assert problem["errors"][0]["pointer"] == place
    assert problem["errors"][0]["detail"]
    assert problem["errors"][0]["remedy"]
    assert "Traceback" not in answer.text
    assert site.captured() == 0
    # Nothing was kept for the idempotency key either: mended, the request goes through.
    mended = site.post("/epcis/v2/capture", key=site.member, once="k", headers=_JSON, content=_event())
    assert mended.status_code == 202


def test_all_faults_of_a_document_are_told_together(site: Site) -> None:
    bad = _document(event_document(1, action="LOOK"), event_document(2, eventTime="x"))
    errors = site.post("/epcis/v2/capture", key=site.member, headers=_JSON, content=bad).json()["errors"]
    assert [error["pointer"] for error in errors] == ["/epcisBody/eventList/0/action", "/epcisBody/eventList/1/eventTime"]


def test_a_body_that_is_no_json_by_its_own_word_is_415(site: Site) -> None:
    for headers in ({"Content-Type": "text/xml"}, {"Content-Type": ""}, {}):
        answer = site.post("/epcis/v2/capture", key=site.member, headers=headers, content=_event())
        assert (answer.status_code, answer.json()["code"]) == (415, "media-type-unsupported")
    for coding in ("gzip", "br", "identity, gzip"):
        coded = {**_JSON, "Content-Encoding": coding}
        answer = site.post("/epcis/v2/capture", key=site.member, headers=coded, content=_event())
        assert (answer.status_code, answer.json()["code"]) == (415, "content-coding-unsupported")
    assert site.captured() == 0


def test_an_oversized_body_is_413_whether_it_tells_its_length_or_not(world: World) -> None:
    with serve(world, max_body_bytes=2_000) as site:
        told = site.post("/epcis/v2/capture", key=site.member, headers=_JSON, content=b" " * 2_001)
        assert (told.status_code, told.json()["code"]) == (413, "body-too-large")
        untold = site.post("/epcis/v2/capture", key=site.member, headers=_JSON, content=iter([b" " * 500] * 5))
        assert (untold.status_code, untold.json()["code"]) == (413, "body-too-large")
        fitting = site.post("/epcis/v2/capture", key=site.member, headers=_JSON, content=iter([_event()]))
        assert fitting.status_code == 202
        assert site.captured() == 1


def test_too_many_events_are_413_before_any_is_looked_at(world: World) -> None:
    with serve(world, max_events=2) as site:
        body = _document(*(event_document(n) for n in range(2)), "no event")
        answer = site.post("/epcis/v2/capture", key=site.member, headers=_JSON, content=body)
        assert (answer.status_code, answer.json()["code"]) == (413, "too-many-events")
        # A second list, where answers to queries have theirs, must not be counted instead.
        decoy = json.loads(body)
        decoy["epcisBody"]["queryResults"] = {"resultsBody": {"eventList": []}}
        answer = site.post("/epcis/v2/capture", key=site.member, headers=_JSON, content=json.dumps(decoy).encode())
        assert (answer.status_code, answer.json()["code"]) == (413, "too-many-events")
        assert site.captured() == 0


def test_a_length_that_is_no_number_is_refused(site: Site) -> None:
    for length in ("ten", "-1", "9" * 5_000):
        head = f"POST /epcis/v2/capture HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
        assert b" 4" in _raw(site, head.encode())[:16], length


def test_a_list_where_one_event_is_expected_is_refused(site: Site) -> None:
    body = _document(event_document(1), event_document(2))
    answer = site.post("/epcis/v2/events", key=site.member, headers=_JSON, content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-request")
    assert site.captured() == 0


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing/here", 404, "path-unknown"),
        ("DELETE", "/v1/centers", 405, "method-not-allowed"),
        ("GET", "/v1/centers/nowhere", 404, "not-found"),
        ("GET", "/v1/receipts/xyz", 400, "bad-request"),
        ("GET", f"/v1/receipts/{'0' * 64}", 404, "not-found"),
        ("GET", f"/v1/receipts/{'0' * 64}?format=pdf", 400, "bad-request"),
        ("GET", f"/v1/receipts/{'0' * 64}?content=1", 400, "bad-request"),
        ("GET", "/verify/xyz", 400, "bad-request"),
        ("GET", f"/verify/{'0' * 64}", 404, "not-found"),
        ("GET", "/01/09521321000017/21/1", 400, "wrong-check-digit"),
        ("GET", "/01/123/21/1", 400, "wrong-key-length"),
        ("GET", "/01/09521321000018/99/1", 400, "misplaced-qualifier"),
        ("GET", "/01/09521321000018/21/%FF", 400, "bad-key-character"),
        ("GET", "/01/09521321000018/21/unheard-of", 404, "not-found"),
        ("GET", "/find", 400, "bad-request"),
        ("GET", "/find?q=%00", 400, "not-a-uri"),
        ("GET", "/problems/none-such", 404, "not-found"),
        ("GET", "/%00", 404, "path-unknown"),
    ],
)
def test_a_bad_address_is_a_problem_for_programs_and_a_page_for_people(
    site: Site, method: str, path: str, status: int, code: str
) -> None:
    answer = site.send(method, path, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    page = site.send(method, path, headers={"Accept": "text/html,*/*"})
    assert page.status_code == status
    if not path.startswith("/v1/"):
        assert page.headers["content-type"].startswith("text/html")


def test_a_body_that_drips_is_408(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("greenlane.web.limits.Gate.__init__.__kwdefaults__", {"body_time_s": 0.2, "request_time_s": 10.0})
    with serve(world) as site:
        head = f"POST /epcis/v2/capture HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {site.member}\r\n"
        answer = _raw(site, f"{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{".encode())
        assert b" 408 " in answer[:20] and b"body-too-slow" in answer
        assert site.captured() == 0


def test_a_fault_of_our_own_tells_an_error_id_and_nothing_else(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaking(*_: object) -> None:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr(type(world.read_log), "checkpoint", breaking)
    with serve(world) as site:
        answer = site.get("/v1/centers/lima/log/checkpoint")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal-fault")
    assert "secret" not in answer.text
    (line,) = [line for line in caplog.records if line.getMessage() == "http.fault"]
    assert vars(line)["error_id"] == answer.json()["errorId"]


def test_too_many_requests_are_429_by_address_and_by_key(world: World) -> None:
    with serve(world, public_rate=3, key_rate=2) as site:
        assert [site.get("/v1/centers").status_code for _ in range(4)] == [200, 200, 200, 429]
    with serve(world, public_rate=100, key_rate=2) as site:
        answers = [site.get("/epcis/v2/events", key=site.reader) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[-1].json()["code"] == "too-many-requests"
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        assert site.get("/epcis/v2/events", key=site.operator).status_code == 200


def test_a_page_that_judges_counts_for_five(world: World) -> None:
    with serve(world, public_rate=11) as site:
        pages = [site.get("/01/09521321000018/21/1", headers={"Accept": "text/html"}) for _ in range(3)]
    assert [page.status_code for page in pages] == [404, 404, 429]
    assert "Too many requests" in pages[-1].text


def test_a_forwarded_address_is_believed_from_a_trusted_proxy_alone(world: World) -> None:
    def statuses(site: Site) -> list[int]:
        return [site.get("/v1/centers", headers={"X-Forwarded-For": f"192.0.2.{n}"}).status_code for n in range(3)]

    with serve(world, public_rate=2) as site:
        assert statuses(site) == [200, 200, 429]
    with serve(world, public_rate=2, trusted_proxies=("127.0.0.1",)) as site:
        assert statuses(site) == [200, 200, 200]
    with serve(world, public_rate=2, trusted_proxies=("198.51.100.1",)) as site:
        assert statuses(site) == [200, 200, 429]


def test_a_whole_network_of_version_6_counts_as_one_address(world: World) -> None:
    with serve(world, public_rate=2, trusted_proxies=("127.0.0.1",)) as site:
        forwarded = ["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1"]
        answers = [site.get("/v1/centers", headers={"X-Forwarded-For": each}).status_code for each in forwarded]
    assert answers == [200, 200, 429, 200]


def test_guessing_keys_uses_up_a_minute_of_its_own(world: World) -> None:
    with serve(world, public_rate=3) as site:
        guesses = [site.get("/epcis/v2/events", key=f"gl_{n:016x}_{'A' * 43}").status_code for n in range(4)]
    assert guesses == [401, 401, 401, 429]


def test_a_request_with_more_headers_than_are_taken_is_refused(site: Site) -> None:
    fitting = {f"X-{n}": "v" for n in range(100)} | {"X-Long": "v" * 30_000}
    assert site.get("/v1/centers", headers=fitting).status_code == 200
    for headers, query in (({"X-Long": "v" * 33_000}, ""), ({f"X-{n}": "v" for n in range(130)}, ""), ({}, "q" * 33_000)):
        answer = site.get(f"/v1/centers?{query}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (431, "head-too-large")


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"GET /v1/centers HTTP/1.1\r\n", b"X-Many: many\r\n" * 4_096),
        (b"GET /v1/centers HTTP/1.1\r\nX-Long: ", b"v" * 65_536),
        (b"GET /v1/centers?", b"q" * 65_536),
    ],
    ids=["many", "long", "address"],
)
def test_a_head_without_end_is_cut_off(site: Site, start: bytes, more: bytes) -> None:
    place = urlsplit(site.url)
    sent = 0
    with socket.create_connection((str(place.hostname), place.port or 0), timeout=10) as connection:
        try:
            connection.sendall(start)
            while sent < 20_000_000:
                connection.sendall(more)
                sent += len(more)
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert sent < 10_000_000
    assert site.get("/v1/centers").status_code == 200


def test_nobody_behind_the_same_address_locks_out_a_live_key(world: World) -> None:
    with serve(world, public_rate=3) as site:
        wrong = f"gl_{1:016x}_{'A' * 43}"
        assert [site.get("/v1/centers").status_code for _ in range(4)] == [200, 200, 200, 429]
        assert site.get("/epcis/v2/events", key=site.reader).status_code == 200
        assert [site.get("/epcis/v2/events", key=wrong).status_code for _ in range(4)] == [401, 401, 401, 429]
        assert site.get("/epcis/v2/events", key=site.reader).status_code == 200
        assert site.get("/v1/centers", key=site.reader).status_code == 200


def _raw(site: Site, request: bytes) -> bytes:
    place = urlsplit(site.url)
    with socket.create_connection((str(place.hostname), place.port or 0), timeout=10) as connection:
        connection.sendall(request)
        return connection.recv(65_536)


def test_a_fault_that_the_framework_answers_for_has_an_id_that_the_log_has(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> TrustFile:
        raise HTTPException(502)

    with caplog.at_level(logging.ERROR), serve(world, services=replace(services_of(world), trust=broken)) as site:
        answer = site.get("/v1/trust")
    error_id = answer.json()["errorId"]
    assert (answer.status_code, answer.json()["code"]) == (500, "internal-fault")
    assert error_id in answer.json()["detail"] and len(error_id) == 32
    assert [record.__dict__["error_id"] for record in caplog.records if record.message == "http.fault"] == [error_id]
