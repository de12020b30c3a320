"""Uploads by a client that nobody here wrote, over a real server; and what the protocol promises when a line breaks."""

import base64
import hashlib
import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from greenlane.services import sweep_uploads
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError
from worlds.deployment import COOPERATIVE, LIMA, World
from worlds.web import Site, serve

TUS = {"Tus-Resumable": "1.0.0"}
PART = TUS | {"Content-Type": "application/offset+octet-stream"}


def began(site: Site, length: int, **more: Any) -> str:
    answer = site.post("/v1/uploads", key=more.pop("key", site.member), headers=TUS | {"Upload-Length": str(length)}, **more)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["Location"])


def sent(site: Site, path: str, offset: int, data: bytes, *, key: str | None = None, **headers: str) -> httpx.Response:
    given = PART | {"Upload-Offset": str(offset)} | headers
    return site.send("PATCH", path, key=key or site.member, headers=given, content=data)


def offset_of(site: Site, path: str) -> int:
    answer = site.send("HEAD", path, key=site.member, headers=TUS)
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
    return int(answer.headers["Upload-Offset"])


def staged(world: World, path: str) -> bytes:
    with world.staging.open(path.rpartition("/")[2]) as source:
        return source.read()


def code(answer: httpx.Response) -> str:
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    return str(answer.json()["code"])


@contextmanager
def raw(site: Site, method: str, path: str, headers: dict[str, str]) -> Iterator[socket.socket]:
    """A connection whose request line and headers are sent, for a body that a client would not send."""
    where = urlsplit(site.url)
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=20) as line:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {where.netloc}", f"Authorization: Bearer {site.member}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        line.sendall("\r\n".join([*lines, "", ""]).encode())
        yield line


def eventually(look: Any, wanted: object) -> None:
    end_s = time.monotonic() + 10
    while (seen := look()) != wanted:
        assert time.monotonic() < end_s, f"{seen} never became {wanted}"
        time.sleep(0.02)


def test_a_kept_client_uploads_in_parts_and_goes_on_where_another_ended(site: Site) -> None:
    data = bytes(range(256)) * 1200
    client = TusClient(f"{site.url}/v1/uploads", headers={"Authorization": f"Bearer {site.member}"})
    first = client.uploader(file_stream=io.BytesIO(data), chunk_size=100_000, metadata={"filename": "audit.pdf"})
    first.upload(stop_at=100_000)
    second = client.uploader(file_stream=io.BytesIO(data), chunk_size=100_000, url=first.url)
    assert second.offset == 100_000
    second.upload()
    assert second.offset == len(data) and staged(site.world, str(first.url)) == data


def test_an_empty_document_needs_no_part(site: Site) -> None:
    client = TusClient(f"{site.url}/v1/uploads", headers={"Authorization": f"Bearer {site.member}"})
    uploader = client.uploader(file_stream=io.BytesIO(b""))
    uploader.upload()
    assert offset_of(site, urlsplit(str(uploader.url)).path) == 0


def test_a_client_of_another_key_finds_no_upload(site: Site) -> None:
    path = began(site, 10)
    for key in (site.roaster, site.operator, site.stranger):
        assert code(site.get(path, key=key)) == "upload-missing"
        assert code(sent(site, path, 0, b"0123456789", key=key)) == "upload-missing"
        assert code(site.send("DELETE", path, key=key, headers=TUS)) == "upload-missing"
    client = TusClient(f"{site.url}/v1/uploads", headers={"Authorization": f"Bearer {site.roaster}"})
    with pytest.raises(TusCommunicationError):
        client.uploader(file_stream=io.BytesIO(b"0123456789"), url=site.url + path)


def test_what_can_be_done_here_is_told_without_a_key(site: Site) -> None:
    for path in ("/v1/uploads", "/v1/uploads/any"):
        headers = site.send("OPTIONS", path).headers
        assert headers["Tus-Version"] == headers["Tus-Resumable"] == "1.0.0"
        assert set(headers["Tus-Extension"].split(",")) == {
            "creation",
            "creation-with-upload",
            "expiration",
            "checksum",
            "termination",
        }
        assert headers["Tus-Max-Size"] == str(site.settings.max_document_bytes)
        assert headers["Tus-Checksum-Algorithm"] == "sha256"


def test_a_request_of_another_version_is_refused_and_told_which_is_spoken(site: Site) -> None:
    path = began(site, 3)
    for method in ("POST", "PATCH", "HEAD", "DELETE"):
        for version in ({}, {"Tus-Resumable": "0.2.2"}):
            where = "/v1/uploads" if method == "POST" else path
            answer = site.send(method, where, key=site.member, headers={"Upload-Length": "3", **version})
            assert (answer.status_code, answer.headers["Tus-Version"]) == (412, "1.0.0"), method


def test_the_first_bytes_may_come_with_the_beginning(site: Site) -> None:
    headers = PART | {"Upload-Length": "11"}
    answer = site.post("/v1/uploads", key=site.member, headers=headers, content=b"hello ")
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, "6")
    path = answer.headers["Location"]
    assert sent(site, path, 6, b"world").headers["Upload-Offset"] == "11"
    assert staged(site.world, path) == b"hello world"


def test_bytes_for_another_place_or_beyond_the_end_are_refused_and_change_nothing(site: Site) -> None:
    path = began(site, 6)
    assert sent(site, path, 0, b"abc").status_code == 204
    for offset in (0, 2, 4):
        answer = sent(site, path, offset, b"x")
        assert (answer.status_code, code(answer)) == (409, "upload-offset-mismatch")
    too_much = sent(site, path, 3, b"defg")
    assert (too_much.status_code, code(too_much)) == (413, "upload-overrun")
    assert staged(site.world, path) == b"abc"


def test_a_part_whose_checksum_is_wrong_was_never_there(site: Site) -> None:
    path = began(site, 6)
    right = base64.b64encode(hashlib.sha256(b"abc").digest()).decode()
    wrong = sent(site, path, 0, b"abd", **{"Upload-Checksum": f"sha256 {right}"})
    assert (wrong.status_code, code(wrong)) == (460, "upload-checksum-mismatch")
    assert offset_of(site, path) == 0
    assert sent(site, path, 0, b"abc", **{"Upload-Checksum": f"sha256 {right}"}).status_code == 204
    for text in ("md5 AAAA", "sha256", "sha256 AAAA", f"sha256 {right}x"):
        assert code(sent(site, path, 3, b"def", **{"Upload-Checksum": text})) == "bad-request"
    assert staged(site.world, path) == b"abc"


def test_an_upload_that_is_given_up_is_gone_and_makes_room(site: Site) -> None:
    path = began(site, 6)
    assert site.send("DELETE", path, key=site.member, headers=TUS).status_code == 204
    assert site.send("HEAD", path, key=site.member, headers=TUS).status_code == 404
    assert not site.world.staging.ids()


def test_clients_that_know_only_post_can_do_the_same(site: Site) -> None:
    path = began(site, 3)
    given = PART | {"Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert site.post(path, key=site.member, headers=given, content=b"abc").headers["Upload-Offset"] == "3"
    assert site.post(path, key=site.member, headers=TUS).status_code == 405
    assert site.post(path, key=site.member, headers=TUS | {"X-HTTP-Method-Override": "DELETE"}).status_code == 204


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Upload-Length": ""},
        {"Upload-Length": "-1"},
        {"Upload-Length": "1e3"},
        {"Upload-Length": "9" * 40},
        {"Upload-Defer-Length": "1"},
        {"Upload-Length": "3", "Upload-Metadata": "filename ???"},
        {"Upload-Length": "3", "Upload-Metadata": "a YQ==,a Yg=="},
    ],
)
def test_a_beginning_that_cannot_be_read_begins_nothing(site: Site, headers: dict[str, str]) -> None:
    answer = site.post("/v1/uploads", key=site.member, headers=TUS | headers)
    assert (answer.status_code, code(answer)) == (400, "bad-request")
    assert not site.world.staging.ids()


def test_a_part_of_another_type_or_without_its_place_is_refused(site: Site) -> None:
    path = began(site, 3)
    answer = site.send("PATCH", path, key=site.member, headers=TUS | {"Upload-Offset": "0"}, content=b"abc")
    assert (answer.status_code, code(answer)) == (415, "media-type-unsupported")
    assert code(site.send("PATCH", path, key=site.member, headers=PART, content=b"abc")) == "bad-request"
    for wrong in ("x", "..%2f..%2fetc", "A" * 32, "0" * 31):
        assert code(sent(site, f"/v1/uploads/{wrong}", 0, b"abc")) in {"upload-missing", "path-unknown"}
    assert offset_of(site, path) == 0


def test_a_document_that_is_too_large_is_refused_before_a_byte_is_taken(world: World) -> None:
    with serve(world, max_document_bytes=1 << 20) as site:
        answer = site.post("/v1/uploads", key=site.member, headers=TUS | {"Upload-Length": str((1 << 30) + 1)})
        assert (answer.status_code, code(answer)) == (413, "document-too-large")
        path = began(site, 100)
        refused = sent(site, path, 0, bytes((1 << 20) + 1))
        assert (refused.status_code, code(refused)) == (413, "body-too-large")


def test_a_line_that_breaks_loses_only_what_never_came(site: Site) -> None:
    path = began(site, 1_000_000)
    headers = PART | {"Upload-Offset": "0", "Content-Length": "1000000"}
    with raw(site, "PATCH", path, headers) as line:
        line.sendall(b"a" * 300_000)
        time.sleep(0.1)
    eventually(lambda: offset_of(site, path), 300_000)
    assert sent(site, path, 300_000, b"b" * 700_000).status_code == 204
    assert staged(site.world, path) == b"a" * 300_000 + b"b" * 700_000


def test_a_part_that_is_cut_off_counts_for_nothing_where_it_has_a_checksum(site: Site) -> None:
    path = began(site, 1_000_000)
    digest = base64.b64encode(bytes(32)).decode()
    headers = PART | {"Upload-Offset": "0", "Content-Length": "1000000", "Upload-Checksum": f"sha256 {digest}"}
    with raw(site, "PATCH", path, headers) as line:
        line.sendall(b"a" * 300_000)
    time.sleep(0.2)
    assert offset_of(site, path) == 0


def refused_beginning(site: Site, length: int, **more: Any) -> httpx.Response:
    answer = site.post("/v1/uploads", headers=TUS | {"Upload-Length": str(length)}, **more)
    assert (answer.status_code, code(answer)) == (503, "too-many-uploads") and int(answer.headers["Retry-After"]) > 0
    assert answer.json()["remedy"]
    return answer


def test_no_more_uploads_are_open_at_once_than_a_center_may_have(site: Site) -> None:
    receive = site.world.receive_upload
    receive.limits = replace(receive.limits, uploads=1)
    path = began(site, 1)
    assert LIMA in refused_beginning(site, 1, key=site.roaster).json()["detail"]
    assert site.send("DELETE", path, key=site.member, headers=TUS).status_code == 204
    began(site, 1, key=site.roaster)


def test_one_member_leaves_room_to_the_others_of_its_center(site: Site) -> None:
    for _ in range(25):
        began(site, 1)
    assert COOPERATIVE in refused_beginning(site, 1, key=site.member).json()["detail"]
    refused_beginning(site, 1, key=site.operator, member=COOPERATIVE)
    began(site, 1, key=site.roaster)


def test_bytes_on_their_way_are_counted_by_what_was_promised(site: Site) -> None:
    for _ in range(2):
        began(site, 1 << 30)
    refused_beginning(site, 1, key=site.member)
    began(site, 1 << 30, key=site.roaster)
    assert site.post("/v1/uploads", key=site.stranger, member=COOPERATIVE, headers=TUS | {"Upload-Length": "1"}).is_success


def test_a_member_may_always_bring_one_document_of_the_largest_size(site: Site) -> None:
    receive = site.world.receive_upload
    receive.limits = replace(receive.limits, staged_bytes=1 << 30)
    began(site, 1 << 30)
    refused_beginning(site, 1, key=site.roaster)


def test_an_upload_of_which_nothing_comes_is_over_after_an_hour_and_any_other_after_a_day(site: Site) -> None:
    idle, moving = began(site, 3), began(site, 3)
    began(site, 0)
    answer = sent(site, moving, 0, b"ab")
    kept = parsedate_to_datetime(answer.headers["Upload-Expires"]) - site.world.clock()
    assert timedelta(hours=23, minutes=59) < kept <= timedelta(days=1)
    assert sent(site, idle, 0, b"").status_code == 204
    site.world.clock.now += timedelta(hours=1)
    assert site.send("HEAD", idle, key=site.member, headers=TUS).status_code == 404
    assert offset_of(site, moving) == 2
    site.world.clock.now += timedelta(hours=22)
    assert sent(site, moving, 2, b"c").status_code == 204
    site.world.clock.now += timedelta(hours=1)
    assert site.send("HEAD", moving, key=site.member, headers=TUS).status_code == 404


def test_an_upload_whose_time_is_over_is_gone_and_swept_after_a_grace(site: Site) -> None:
    path = began(site, 3)
    sent(site, path, 0, b"abc")
    site.world.clock.now += timedelta(days=2)
    assert site.send("HEAD", path, key=site.member, headers=TUS).status_code == 404
    (site.world.file.parent / "uploads" / ("f" * 32)).write_bytes(b"nobody's")
    assert site.world.sweep_uploads() == 2
    assert not site.world.staging.ids()
    late = began(site, 3)
    sent(site, late, 0, b"a")
    site.world.clock.now += timedelta(days=1) + sweep_uploads.GRACE / 2
    assert site.world.sweep_uploads() == 0 and list(site.world.staging.ids()) == [late.rpartition("/")[2]]


def test_two_who_write_at_once_end_as_one_upload_without_a_byte_twice(site: Site) -> None:
    path = began(site, 4_000_000)
    data = bytes(range(250)) * 16_000
    answers: list[int] = []

    def send_all() -> None:
        with httpx.Client(timeout=30) as client:
            given = PART | {"Upload-Offset": "0", "Authorization": f"Bearer {site.member}"}
            answers.append(client.patch(site.url + path, headers=given, content=data).status_code)

    threads = [threading.Thread(target=send_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(204) == 1 and set(answers) <= {204, 409, 423, 413}
    assert staged(site.world, path) == data


def test_beginnings_without_end_leave_no_trace(site: Site) -> None:
    with site.world.store.read() as tx:
        before = len(list(tx.audit.lines(LIMA, limit=1000)))
    for _ in range(5):
        path = began(site, 3)
        assert site.send("DELETE", path, key=site.member, headers=TUS).status_code == 204
    with site.world.store.read() as tx:
        assert len(list(tx.audit.lines(LIMA, limit=1000))) == before
        assert tx.uploads.of_center(LIMA) == []
