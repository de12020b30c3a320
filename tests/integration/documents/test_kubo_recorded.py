"""The stand-in for Kubo answers as the real one did: every recorded request, in order, byte for byte."""

import hashlib
import http.client
import json
from pathlib import Path

import pytest
from worlds.kubo import PROFILE, stand_in_kubo
from worlds.kubo_recorded import Exchange, recorded_exchanges
from worlds.kubo_requests import COMMANDS, Asked, NotUnderstood, read_request

pytestmark = pytest.mark.conformance

# A stand-in for documents makes no DAG-CBOR, lists no folders, and tells no progress of `dag stat`.
_NOT_IN_IT = {"dag-put", "dag-get", "dag-get-unknown-offline", "dag-stat-default", "ls-directory"}
# What a real node has from its birth on: the empty folder of MFS, and whatever was in the repository otherwise.
_OF_BIRTH = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
_SECRET = "test-secret"


class _Told(http.client.HTTPResponse):
    trailers: http.client.HTTPMessage

    def _read_and_discard_trailer(self) -> None:
        self.trailers = http.client.parse_headers(self.fp)


def ask(url: str, one: Exchange) -> tuple[int, dict[str, str], bytes, dict[str, str]]:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    connection.response_class = _Told
    try:
        connection.putrequest(one.method, one.target)
        for name, value in one.request_headers.items():
            connection.putheader(name, value)
        connection.endheaders(one.request)
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, dict(answer.getheaders()), body, dict(getattr(answer, "trailers", {}).items())
    finally:
        connection.close()


def test_every_recorded_request_gets_its_recorded_answer(shared_data: Path) -> None:
    tried = 0
    with stand_in_kubo(defaults=PROFILE, is_strict=False) as kubo:
        for one in recorded_exchanges(shared_data):
            if one.name in _NOT_IN_IT:
                continue
            # The last of them ran after a restart with a token.
            kubo.token = _SECRET if one.name.startswith("auth-") else None
            kubo.allowed = ("/api/v0/version", "/api/v0/add")
            status, headers, body, trailers = ask(kubo.url, one)
            assert (one.name, status) == (one.name, one.status)
            kept = {name: value for name, value in headers.items() if name in one.response_headers}
            assert (one.name, kept) == (one.name, dict(one.response_headers))
            if one.name == "repo-gc":
                # Blocks of a node's birth and DAG-CBOR are not in the stand-in; what it has and lets go, the real one let go.
                assert one.response is not None
                assert len(set(body.splitlines())) == 3
                assert set(body.splitlines()) <= set(one.response.splitlines())
            else:
                assert (one.name, _comparable(one.name, body)) == (one.name, _comparable(one.name, one.response, one))
            assert set(trailers) == set(one.trailers), one.name
            if one.name != "cat-last-leaf-missing-timeout":
                assert {name: _words(value) for name, value in trailers.items()} == {
                    name: _words(value) for name, value in one.trailers.items()
                }, one.name
            tried += 1
    assert tried == 70


def _words(text: str) -> str:
    # Where in a node the missing link stands is told in words of a library.
    return text.partition("error traversing")[0].partition("block was not")[0]


def _comparable(name: str, body: bytes | None, one: Exchange | None = None) -> object:
    if body is None:
        assert one is not None
        return one.response_digest
    if one is None and len(body) > 4_096:
        return hashlib.sha256(body).hexdigest()
    lines = body.splitlines()
    match name:
        case "id":
            return sorted(json.loads(body))
        case "repo-stat-size-only":
            return sorted(json.loads(body))
        case "pin-ls-all":
            return {key: value for key, value in json.loads(body)["Keys"].items() if key != _OF_BIRTH}
        case "pin-ls-stream":
            return {line for line in lines if _OF_BIRTH.encode() not in line}
        case "add-progress":
            return lines[-2:]
        case "repo-verify":
            return lines[-1], [json.loads(line)["Progress"] for line in lines[:1]]
        case _:
            return body


def test_the_list_of_what_kubo_understands_has_every_recorded_request(shared_data: Path) -> None:
    for one in recorded_exchanges(shared_data):
        read = read_request(one.method, one.target, one.request_headers.get("Content-Type"))
        if one.status in (400, 404, 405) or one.name == "auth-unknown-command":
            assert isinstance(read, NotUnderstood), one.name
        else:
            assert isinstance(read, Asked), one.name
            assert list(read.unknown) == (["no-such-option"] if one.name == "unknown-option" else []), one.name
            assert read.command in COMMANDS
