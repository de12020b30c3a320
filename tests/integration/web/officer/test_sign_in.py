"""Signing in: what the browser holds, what the server keeps, whom it is refused, and when it ends."""

import logging
import sqlite3
from contextlib import closing
from datetime import timedelta
from http.cookies import SimpleCookie

import pytest
from greenlane.ports.accounts import KeyRole
from greenlane.services.sign_in import LASTS
from worlds.deployment import LIMA, World
from worlds.desk import Desk, hidden, open_desk
from worlds.officer import Office
from worlds.web import Site, serve

COOKIE = "greenlane-session"
PAGE = "/sign-out"


def is_signed_in(desk: Desk) -> bool:
    answer = desk.get(PAGE)
    assert answer.status_code == 200 or answer.headers["location"] == "/sign-in?next=/sign-out"
    return answer.status_code == 200


def test_a_key_signs_in_and_the_cookie_is_for_this_server_and_no_script(stranger: Desk, office: Office) -> None:
    answer = stranger.send("/sign-in", {"key": f"  {office.city_key}\n", "next": "/purchases"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/purchases")
    told = SimpleCookie(answer.headers["set-cookie"])[COOKIE]
    assert told["httponly"] is True and told["samesite"].lower() == "strict" and told["path"] == "/" and not told["domain"]
    assert int(told["max-age"]) == LASTS.total_seconds() == 12 * 3600
    assert len(told.value) == 43 and office.city_key not in answer.headers["set-cookie"]
    assert is_signed_in(stranger)


def test_over_https_the_cookie_is_secure_and_of_this_host_alone(world: World, office: Office) -> None:
    with serve(world) as site, open_desk(site) as desk:
        plain = desk.send("/sign-in", {"key": office.city_key})
        assert "secure" not in plain.headers["set-cookie"].lower()
        object.__setattr__(site.settings, "public_url", "https://lima.example")
        answer = desk.send("/sign-in", {"key": office.city_key}, Origin="https://lima.example")
    assert answer.headers["set-cookie"].startswith(f"__Host-{COOKIE}=") and "secure" in answer.headers["set-cookie"].lower()


def test_the_server_keeps_digests_alone(stranger: Desk, office: Office, world: World) -> None:
    stranger.sign_in(office.city_key)
    value = str(stranger.client.cookies.get(COOKIE))
    secrets = [
        value.encode(),
        office.city_key.encode(),
        office.city_key[-43:].encode(),
        hidden(stranger.get(PAGE).text)["form"].encode(),
    ]
    with closing(sqlite3.connect(world.file)) as connection:
        kept = "\n".join(connection.iterdump()).encode()
    assert b'INSERT INTO "session"' in kept
    assert [secret for secret in secrets if secret in kept or secret.hex().encode() in kept.lower()] == []


@pytest.mark.parametrize("key", ["", "gl_0123456789abcdef_" + "A" * 43, "nonsense", "<b>gl_</b>", "x" * 5_000, "gl_\x00", "ключ"])
def test_a_wrong_key_signs_nobody_in_and_is_not_told_again(stranger: Desk, key: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    answer = stranger.send("/sign-in", {"key": key, "next": "/supply"})
    assert answer.status_code == 401 and "set-cookie" not in answer.headers
    assert "That did not work" in answer.text and hidden(answer.text)["next"] == "/supply"
    if key:
        assert key not in answer.text and key not in caplog.text
    assert not is_signed_in(stranger)


def test_the_key_is_in_no_log_and_no_address(desk: Desk, office: Office, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    desk.client.cookies.clear()
    answer = desk.send("/sign-in", {"key": office.city_key})
    told = " ".join(str(vars(record)) for record in caplog.records if record.name.startswith("greenlane")) + str(
        answer.headers["location"]
    )
    assert "http.request" in told and office.city_key[-43:] not in told and str(desk.client.cookies.get(COOKIE)) not in told


def test_a_key_whose_role_has_no_pages_is_told_so(stranger: Desk, site: Site) -> None:
    for key in (site.reader, site.facilitator, site.partner):
        answer = stranger.send("/sign-in", {"key": key})
        assert answer.status_code == 403 and "no pages for it" in answer.text and "set-cookie" not in answer.headers


def test_it_ends_after_twelve_hours_however_it_is_used(desk: Desk, world: World) -> None:
    for _ in range(11):
        world.clock.now += timedelta(hours=1)
        assert is_signed_in(desk)
    world.clock.now += timedelta(hours=1)
    assert not is_signed_in(desk)


def test_it_ends_with_its_key(desk: Desk, office: Office, world: World) -> None:
    world.enrol.revoke_key(key_id=office.city_key.split("_")[1], actor="console")
    assert not is_signed_in(desk)


def test_it_ends_when_its_key_expires(stranger: Desk, world: World) -> None:
    _, key = world.enrol.issue_key(
        center=LIMA,
        role=KeyRole.OPERATOR,
        member=None,
        label="t",
        expires_at=world.clock.now + timedelta(hours=2),
        actor="console",
    )
    stranger.sign_in(key)
    assert is_signed_in(stranger)
    world.clock.now += timedelta(hours=2)
    assert not is_signed_in(stranger)


def test_signing_out_ends_it_here_and_in_the_browser(desk: Desk) -> None:
    kept = str(desk.client.cookies.get(COOKIE))
    answer = desk.fill("/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert desk.client.cookies.get(COOKIE) is None
    desk.client.cookies.set(COOKIE, kept)
    assert not is_signed_in(desk)
    assert desk.send("/sign-out", {"form": "x"}).headers["location"] == "/sign-in?next=/sign-out"


@pytest.mark.parametrize("cookie", ["", "A" * 43, "A" * 42, "=" * 43, "ü" * 43, '"', "x" * 4_000, "../../etc", "A" * 42 + "B"])
def test_a_cookie_that_is_none_is_nobody(stranger: Desk, office: Office, cookie: str) -> None:
    answer = stranger.client.get(stranger.site.url + PAGE, headers={b"Cookie": f"{COOKIE}={cookie}".encode()})
    assert answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")


def test_another_spelling_of_a_cookie_is_nobody(desk: Desk) -> None:
    value = str(desk.client.cookies.get(COOKIE))
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = value[:-1] + letters[letters.index(value[-1]) ^ 1]
    desk.client.cookies.set(COOKIE, other)
    assert not is_signed_in(desk)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": ""},
        {"Origin": "null", "Sec-Fetch-Site": ""},
        {"Origin": "", "Sec-Fetch-Site": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://127.0.0.1.evil.example", "Sec-Fetch-Site": ""},
        {"Origin": "file://"},
    ],
)
def test_a_form_of_another_origin_does_nothing(desk: Desk, office: Office, headers: dict[str, str]) -> None:
    form = hidden(desk.get(PAGE).text)
    answer = desk.send("/sign-out", form, **headers)
    assert answer.status_code == 403 and "Foreign form" in answer.text
    assert is_signed_in(desk)
    # Nor can a stranger's page sign somebody in as somebody else.
    desk.client.cookies.clear()
    assert desk.send("/sign-in", {"key": office.city_key}, **headers).status_code == 403
    assert not is_signed_in(desk)


@pytest.mark.parametrize("token", [None, "", "A" * 43, "x" * 10_000, "ü"])
def test_a_form_without_its_token_does_nothing(desk: Desk, token: str | None) -> None:
    answer = desk.send("/sign-out", {"other": "field"} if token is None else {"form": token})
    assert answer.status_code == 403 and is_signed_in(desk)


def test_a_token_of_another_sign_in_does_nothing(desk: Desk, office: Office) -> None:
    with open_desk(desk.site) as other:
        other.sign_in(office.city_key)
        theirs = hidden(other.get(PAGE).text)["form"]
        assert desk.send("/sign-out", {"form": theirs}).status_code == 403
        assert is_signed_in(desk) and is_signed_in(other)


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "/\tpath",
        "/\n/evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "evil",
        "",
        " /purchases",
        "/" + "a" * 2_000,
        "/\u202eevil",
    ],
)
def test_nobody_is_led_elsewhere(stranger: Desk, office: Office, path: str) -> None:
    asked = stranger.client.get(stranger.site.url + "/sign-in", params={"next": path})
    assert hidden(asked.text)["next"] == "/purchases"
    answer = stranger.send("/sign-in", {"key": office.city_key, "next": path})
    assert answer.headers["location"] == "/purchases"


def test_one_is_led_back_to_where_one_was_going(stranger: Desk, office: Office) -> None:
    answer = stranger.get("/sign-out?from=2026-01-01&to=2026-02-01")
    assert answer.headers["location"] == "/sign-in?next=/sign-out%3Ffrom%3D2026-01-01%26to%3D2026-02-01"
    form = hidden(stranger.get(answer.headers["location"]).text)
    again = stranger.send("/sign-in", form | {"key": office.city_key})
    assert again.headers["location"] == "/sign-out?from=2026-01-01&to=2026-02-01"


def test_trying_keys_is_slowed_like_elsewhere(world: World, office: Office) -> None:
    with serve(world, public_rate=5) as site, open_desk(site) as desk:
        answers = [desk.send("/sign-in", {"key": f"gl_{at:016x}_{'A' * 43}"}).status_code for at in range(7)]
    assert answers[:5] == [401] * 5 and answers[-1] == 429


def test_a_signed_in_page_runs_nothing_and_is_kept_by_nothing(desk: Desk) -> None:
    headers = desk.get(PAGE).headers
    assert headers["cache-control"] == "private, no-store" and headers["vary"] == "Cookie"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src" not in policy and "frame-ancestors 'none'" in policy
    assert headers["x-frame-options"] == "DENY" and headers["referrer-policy"] == "same-origin"


def test_a_cookie_opens_nothing_of_the_interface_for_programs(desk: Desk) -> None:
    assert desk.get("/v1/purchases").status_code == 401
    assert desk.get("/v1/me").status_code == 401


def test_a_sign_in_is_written_down_without_what_it_is_made_of(desk: Desk, world: World) -> None:
    desk.fill("/sign-out")
    with world.store.read() as tx:
        lines = [line for _, line in tx.audit.lines(LIMA, limit=1_000) if line.action.startswith("session.")]
    assert [line.action for line in lines] == ["session.open", "session.end"]
    assert all(line.subject == line.actor for line in lines)


def test_a_form_of_another_kind_is_refused_in_words(desk: Desk) -> None:
    for content in ("multipart/form-data; boundary=x", "application/json", "text/plain"):
        answer = desk.client.post(
            desk.site.url + "/sign-in", content=b"key=x", headers={"Content-Type": content, "Origin": desk.site.url}
        )
        assert answer.status_code == 415
    for body in (b"key=%FF%FE", b"\xff", b"&".join(b"a%d=1" % at for at in range(100))):
        answer = desk.client.post(
            desk.site.url + "/sign-in",
            content=body,
            headers={"Content-Type": "application/x-www-form-urlencoded", "Origin": desk.site.url},
        )
        assert answer.status_code == 400
