"""Nobody takes the places of others: not of those who store, not of those who read, and no fault of a library lacks words."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from greenlane.core.documents.cid import Cid
from greenlane.core.documents.unixfs import identify
from greenlane.web.limits import SMALL_BYTES, Asker, Places, Turns, asker_of
from greenlane.web.problems import Busy
from starlette.requests import Request
from worlds.deployment import COOPERATIVE, LIMA, World
from worlds.descriptions import recipient_of
from worlds.web import Site, serve, services_of

TUS = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
PDF = b"%PDF-1.7\nan audit\n%%EOF\n"
ABOUT = {
    "mediaType": "application/pdf",
    "name": "audit.pdf",
    "documentType": "audit",
    "about": ["https://id.gs1.org/01/09521321000018/10/LOT-7"],
}


def uploaded(site: Site, data: bytes, *, key: str) -> str:
    answer = site.post("/v1/uploads", key=key, headers=TUS | {"Upload-Length": str(len(data))}, content=data)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["Location"]).rpartition("/")[2]


def posted(site: Site, upload: str, *, key: str, **more: Any) -> httpx.Response:
    body = {"upload": upload, "description": ABOUT | more}
    return httpx.post(f"{site.url}/v1/documents", headers={"Authorization": f"Bearer {key}"}, json=body, timeout=30)


def test_one_key_that_stores_much_at_once_holds_up_itself_alone(world: World) -> None:
    started, go_on = threading.Semaphore(0), threading.Event()

    def store_slowly(upload_id: str, *args: Any, **more: Any) -> Any:
        if upload_id in slow:
            started.release()
            assert go_on.wait(20)
        return world.store_document(upload_id, *args, **more)

    slow: set[str] = set()
    services = replace(services_of(world), store_document=store_slowly)  # type: ignore[arg-type]
    with serve(world, services=services) as site:
        slow.add(big := uploaded(site, PDF, key=site.roaster))
        small = uploaded(site, PDF + b" ", key=site.member)
        answers: list[int] = []
        hogs = [
            threading.Thread(target=lambda: answers.append(posted(site, big, key=site.roaster).status_code)) for _ in range(24)
        ]
        for hog in hogs:
            hog.start()
        try:
            assert started.acquire(timeout=10)
            assert not started.acquire(timeout=0.5), "one key is served twice at once"
            assert posted(site, small, key=site.member).status_code == 201
            assert not go_on.is_set()
        finally:
            go_on.set()
            for hog in hogs:
                hog.join()
        assert set(answers) == {201, 503} and answers.count(503) == 8


def test_bytes_are_hashed_once_however_often_the_request_is_repeated(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[Cid] = []

    def counted(pieces: Iterator[bytes]) -> tuple[Cid, int, bytes]:
        found = identify(pieces)
        hashed.append(found[0])
        return found

    monkeypatch.setattr("greenlane.services.store.identify", counted)
    upload = uploaded(site, PDF, key=site.member)
    for _ in range(3):
        refused = posted(site, upload, key=site.member, digest="0x" + "00" * 32)
        assert (refused.status_code, refused.json()["code"]) == (400, "document-not-as-declared")
    with site.world.store.read() as tx:
        kept = tx.uploads.get(upload)
    assert kept is not None and kept.found is not None and kept.meant is None, "nobody wants bytes that were refused"
    assert site.send("DELETE", f"/v1/uploads/{upload}", key=site.member, headers=TUS).status_code == 204
    again = uploaded(site, PDF, key=site.member)
    posted(site, again, key=site.member, digest="0x" + "00" * 32)
    assert posted(site, again, key=site.member).status_code == 201
    assert len(hashed) == 2


LOW = recipient_of(bytes(32))


def test_a_key_that_nobody_can_encrypt_for_is_no_readers(site: Site) -> None:
    answer = site.post(f"/v1/members/{COOPERATIVE}/reader-keys", key=site.member, json={"recipient": LOW})
    assert (answer.status_code, answer.json()["code"]) == (400, "field-invalid") and answer.json()["remedy"]
    upload = uploaded(site, b"age-encryption.org/v1\n", key=site.member)
    secret = {
        "format": "age-encryption.org/v1",
        "digest": "0x" + "11" * 32,
        "readers": [{"recipient": LOW, "name": None}],
    }
    refused = posted(site, upload, key=site.member, digest="0x" + "00" * 32, confidential=secret)
    (fault,) = refused.json()["errors"]
    assert refused.status_code == 400 and fault["remedy"]
    assert fault["pointer"] == "/description/confidential/readers/0/recipient"


class PanicException(BaseException):
    """As a library in another language raises it."""


def test_what_is_no_exception_is_answered_with_words_all_the_same(world: World, caplog: pytest.LogCaptureFixture) -> None:
    def panic(*_: Any, **__: Any) -> Any:
        raise PanicException("impossible")

    services = services_of(world)
    broken = replace(services, register_reader=type("Broken", (), {"add": panic, "keys": panic})())
    with serve(world, services=broken) as site:
        key = recipient_of(bytes([9] * 32))
        for answer in (
            site.post(f"/v1/members/{COOPERATIVE}/reader-keys", key=site.member, json={"recipient": key}),
            site.get(f"/v1/members/{COOPERATIVE}/reader-keys", key=site.member),
        ):
            assert (answer.status_code, answer.json()["code"]) == (500, "internal-fault") and answer.json()["errorId"]
        assert site.get("/v1/centers").status_code == 200


def asker(host: str, key: str | None = None) -> Asker:
    scope: dict[str, Any] = {"type": "http", "headers": [], "client": (host, 1)}
    if key is not None:
        scope["greenlane.key"] = key
    return asker_of(Request(scope))


def test_a_wide_net_has_twice_what_one_of_its_households_has() -> None:
    places = Places(total=100, each=2)
    with ExitStack() as held:
        for _ in range(2):
            held.enter_context(places.taken(asker("2001:db8:1:1::1")))
        with pytest.raises(Busy):
            held.enter_context(places.taken(asker("2001:db8:1:1::2")))
        for _ in range(2):
            held.enter_context(places.taken(asker("2001:db8:1:2::1")))
        with pytest.raises(Busy):
            held.enter_context(places.taken(asker("2001:db8:1:3::1")))
        held.enter_context(places.taken(asker("2001:db8:2:1::1")))
    with places.taken(asker("2001:db8:1:3::1")):
        pass
    assert asker("::ffff:192.0.2.7") == asker("192.0.2.7") != asker("::ffff:192.0.2.8")


def test_strangers_never_take_the_places_that_are_kept_for_keys() -> None:
    places = Places(total=10, each=3, kept=4)
    with ExitStack() as held:
        for at in range(6):
            held.enter_context(places.taken(asker(f"192.0.2.{at}")))
        with pytest.raises(Busy):
            held.enter_context(places.taken(asker("192.0.2.99")))
        for at in range(4):
            held.enter_context(places.taken(asker("192.0.2.1", key=f"key{at // 2}")))
        with pytest.raises(Busy):
            held.enter_context(places.taken(asker("192.0.2.1", key="another")))


def test_turns_go_round_and_a_key_that_waits_too_often_is_told() -> None:
    async def work() -> list[str]:
        turns, served, free = Turns(at_once=1, waiting=4), list[str](), threading.Event()

        def serve_one(name: str) -> None:
            assert free.wait(5)
            served.append(name)

        tasks = [asyncio.ensure_future(turns.run("much", lambda: serve_one("much"))) for _ in range(4)]
        await asyncio.sleep(0.05)
        with pytest.raises(Busy):
            await turns.run("much", lambda: serve_one("never"))
        tasks.append(asyncio.ensure_future(turns.run("little", lambda: serve_one("little"))))
        await asyncio.sleep(0.05)
        free.set()
        await asyncio.gather(*tasks)
        with pytest.raises(ZeroDivisionError):
            await turns.run("much", lambda: serve_one(str(1 // 0)))
        await turns.run("much", lambda: serve_one("again"))
        return served

    assert asyncio.run(work()) == ["much", "little", "much", "much", "much", "again"]


def test_small_reading_and_reading_with_a_key_go_on_while_strangers_hold_every_place(site: Site) -> None:
    large = PDF + bytes(40 * 1024 * 1024)
    cid = posted(site, uploaded(site, large, key=site.member), key=site.member).json()["description"]["cid"]
    small = posted(site, uploaded(site, PDF, key=site.member), key=site.member).json()["description"]["cid"]
    where = urlsplit(site.url)
    with ExitStack() as lines:
        for host in range(2, 12):
            for _ in range(6):
                line = lines.enter_context(socket.socket())
                line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
                line.bind((f"127.0.0.{host}", 0))
                line.connect((where.hostname, where.port))
                line.sendall(f"GET /v1/documents/{cid} HTTP/1.1\r\nHost: {where.netloc}\r\n\r\n".encode())
        end_s = time.monotonic() + 10
        while (answer := site.get(f"/v1/documents/{cid}", headers={"Range": f"bytes=0-{SMALL_BYTES}"})).status_code != 503:
            assert time.monotonic() < end_s, "the places never were all taken"
        assert answer.json()["code"] == "busy" and int(answer.headers["Retry-After"]) > 0
        assert site.get(f"/v1/documents/{small}").content == PDF
        assert site.get(f"/v1/documents/{cid}", headers={"Range": "bytes=0-9"}).content == large[:10]
        assert site.get(f"/v1/documents/{cid}", key=site.partner).content == large
    with site.world.store.read() as tx:
        assert tx.log.head(LIMA).captured == 2
