"""What a partner may ask: to hold documents within limits, in its own name, as often as it likes; and nothing else."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from greenlane.core.documents.cid import Cid, Codec
from greenlane.ports.accounts import KeyRole
from greenlane.services.hold import HoldLimits
from worlds.deployment import LIMA, TIANJIN
from worlds.document_store import DocumentsWorld
from worlds.holding import Center, close_center, open_center
from worlds.web import Site, issue, serve, services_of

DATA = b"what a certificate says"
LIMITS = HoldLimits(document_bytes=100, partner_bytes=250)


@pytest.fixture
def lima(tmp_path: Path) -> Iterator[Center]:
    center = open_center(tmp_path / "lima", "lima", limits=LIMITS)
    yield center
    close_center(center)


@pytest.fixture
def site(lima: Center) -> Iterator[Site]:
    """Lima, served; `partner` is a key for Tianjin."""
    with serve(lima.world, services=replace(services_of(lima.world), hold=lima.hold)) as served:
        yield served


def document(number: int) -> Cid:
    return Cid.of(Codec.RAW, b"document %d" % number)


def ask(site: Site, cid: Cid, size: object = 10, *, key: str | None = None) -> tuple[int, dict[str, Any]]:
    answer = site.post("/v1/holds", key=key or site.partner, json={"cid": cid.text, "size": size})
    return answer.status_code, answer.json()


def listed(site: Site, key: str, query: str = "") -> dict[str, Any]:
    answer = site.get(f"/v1/holds{query}", key=key)
    assert answer.status_code == 200, answer.text
    value: dict[str, Any] = answer.json()
    return value


def actions(center: Center) -> list[tuple[str, str]]:
    with center.world.store.read() as tx:
        lines = [line for _, line in tx.audit.lines(LIMA, limit=1_000)]
    return [(line.action, line.subject) for line in lines if line.action.startswith("hold.")]


def test_an_ask_is_taken_at_once_and_told_as_held_when_every_byte_is_here(lima: Center, site: Site) -> None:
    cid = Cid.of(Codec.RAW, DATA)
    first = site.post("/v1/holds", key=site.partner, json={"cid": cid.text, "size": len(DATA)})
    assert (first.status_code, first.json()["isHeld"], first.json()["askedBy"]) == (202, False, "tianjin")
    assert first.headers["cache-control"] == "private, no-store"
    memory = lima.documents
    assert isinstance(memory, DocumentsWorld)
    memory.blocks[cid] = DATA
    lima.round()
    status, value = ask(site, cid, len(DATA))
    assert (status, value) == (200, {**first.json(), "isHeld": True})
    assert actions(lima) == [("hold.ask", f"tianjin/{cid.text}")], "asking again writes nothing"


def test_an_ask_is_taken_while_the_store_of_documents_is_away(lima: Center, site: Site) -> None:
    assert isinstance(lima.documents, DocumentsWorld)
    lima.documents.is_away = True
    assert ask(site, document(1))[0] == 202
    assert len(listed(site, site.partner)["holds"]) == 1


def test_more_than_the_limits_is_refused_in_words_and_room_comes_back_with_a_release(lima: Center, site: Site) -> None:
    status, problem = ask(site, document(1), 101)
    assert (status, problem["code"]) == (400, "hold-too-large") and "GREENLANE_MAX_DOCUMENT_BYTES" in problem["remedy"]
    for number, size in ((1, 100), (2, 100), (3, 50)):
        assert ask(site, document(number), size)[0] == 202
    answer = site.post("/v1/holds", key=site.partner, json={"cid": document(4).text, "size": 1})
    assert (answer.status_code, answer.json()["code"]) == (503, "holds-full")
    assert int(answer.headers["retry-after"]) > 60
    assert ask(site, document(3), 50)[0] == 202, "what was asked for before is no more than before"
    hanoi = issue(lima.world, KeyRole.PARTNER, label="hanoi")
    assert ask(site, document(4), 100, key=hanoi)[0] == 202, "each partner has room of its own"
    assert site.send("DELETE", f"/v1/holds/{document(2).text}", key=site.partner).status_code == 204
    assert ask(site, document(4), 100)[0] == 202


def test_another_size_than_before_or_than_the_bytes_is_a_contradiction(lima: Center, site: Site) -> None:
    assert ask(site, document(1), 10)[0] == 202
    assert ask(site, document(1), 11)[1]["code"] == "hold-size-differs"
    cid = lima.store(DATA)
    status, problem = ask(site, cid, 3)
    assert (status, problem["code"]) == (409, "hold-size-differs")
    assert ask(site, cid, len(DATA))[0] == 200


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        (b"", "malformed-json", None),
        (b"[]", "field-invalid", None),
        (b"{}", "field-invalid", None),
        (b'{"cid":"Qm","size":1}', "cid-invalid", "/cid"),
        (b'{"cid":1,"size":1}', "field-invalid", "/cid"),
        (f'{{"cid":"{document(1).text}","size":-1}}'.encode(), "field-invalid", "/size"),
        (f'{{"cid":"{document(1).text}","size":1.5}}'.encode(), "field-invalid", "/size"),
        (f'{{"cid":"{document(1).text}","size":true}}'.encode(), "field-invalid", "/size"),
        (f'{{"cid":"{document(1).text}","size":1,"until":"noon"}}'.encode(), "field-invalid", "/until"),
        (f'{{"cid":"{document(1).text}","size":99999999999999999999}}'.encode(), None, None),
    ],
)
def test_a_body_that_is_no_ask_is_refused_with_its_place(site: Site, body: bytes, code: str | None, pointer: str | None) -> None:
    answer = site.post("/v1/holds", key=site.partner, content=body, headers={"Content-Type": "application/json"})
    value = answer.json()
    assert answer.status_code == 400, value
    assert code is None or value["code"] == code
    assert pointer is None or value["errors"][0]["pointer"] == pointer
    assert listed(site, site.partner)["holds"] == []


def test_other_media_types_parameters_and_names_are_refused(site: Site) -> None:
    ask_of_text = site.post("/v1/holds", key=site.partner, content=b"{}", headers={"Content-Type": "text/plain"})
    assert ask_of_text.status_code == 415
    for query in ("?colour=red", "?perPage=0", "?perPage=1001", "?perPage=x", "?nextPageToken=x"):
        assert site.get(f"/v1/holds{query}", key=site.partner).status_code == 400, query
    assert site.send("DELETE", "/v1/holds/nothing", key=site.partner).json()["code"] == "cid-invalid"
    assert site.send("DELETE", f"/v1/holds/{document(1).text}?askedBy=No!", key=site.operator).status_code == 400


def test_what_was_never_asked_for_is_released_all_the_same(site: Site) -> None:
    for _ in range(2):
        assert site.send("DELETE", f"/v1/holds/{document(1).text}", key=site.partner).status_code == 204


def test_each_sees_and_releases_its_own_and_an_operator_what_anybody_asked_for(lima: Center, site: Site) -> None:
    hanoi = issue(lima.world, KeyRole.PARTNER, label="hanoi")
    for number in range(3):
        ask(site, document(number))
    ask(site, document(0), key=hanoi)
    ask(site, document(7), key=site.operator)
    assert {each["askedBy"] for each in listed(site, hanoi)["holds"]} == {"hanoi"}
    assert len(listed(site, site.partner)["holds"]) == 3
    everything = listed(site, site.operator)["holds"]
    assert sorted(each["cid"] for each in everything) == sorted(document(number).text for number in (0, 1, 2, 7))
    assert {each["askedBy"] for each in everything if each["cid"] == document(7).text} == {LIMA}
    site.send("DELETE", f"/v1/holds/{document(0).text}", key=hanoi)
    assert len(listed(site, site.partner)["holds"]) == 3
    foreign = site.send("DELETE", f"/v1/holds/{document(0).text}?askedBy=tianjin", key=hanoi)
    assert (foreign.status_code, foreign.json()["code"]) == (403, "hold-asker-unknown")
    ended = site.send("DELETE", f"/v1/holds/{document(0).text}?askedBy=tianjin", key=site.operator)
    assert ended.status_code == 204
    assert len(listed(site, site.partner)["holds"]) == 2
    assert ("hold.release", f"tianjin/{document(0).text}") in actions(lima)


def test_a_list_is_paged_and_every_ask_stands_on_one_page(site: Site) -> None:
    for number in range(7):
        ask(site, document(number))
    found, token = [], ""
    while True:
        page = listed(site, site.partner, f"?perPage=3{token}")
        found += [each["cid"] for each in page["holds"]]
        if page["nextPageToken"] is None:
            break
        token = f"&nextPageToken={page['nextPageToken']}"
    assert sorted(found) == sorted(document(number).text for number in range(7))
    assert len(set(found)) == 7


def test_a_partners_key_that_names_no_center_speaks_for_nobody(lima: Center, site: Site) -> None:
    _, text = lima.world.enrol.issue_key(
        center=LIMA, role=KeyRole.PARTNER, member=None, label="hanoi", expires_at=None, actor="console"
    )
    key_id = text.split("_")[1]
    lima.world.damage("UPDATE api_key SET label = 'No center!' WHERE id = ?", key_id)
    status, problem = ask(site, document(1), key=text)
    assert (status, problem["code"]) == (403, "hold-asker-unknown")


@pytest.mark.parametrize("role", ["facilitator", "member", "reader"])
def test_no_other_role_asks_lists_or_releases(site: Site, role: str) -> None:
    key = getattr(site, role)
    assert ask(site, document(1), key=key)[0] == 403
    assert site.get("/v1/holds", key=key).status_code == 403
    assert site.send("DELETE", f"/v1/holds/{document(1).text}", key=key).status_code == 403
    assert site.post("/v1/holds", json={}).status_code == 401


def test_a_partners_key_opens_nothing_but_holds(site: Site) -> None:
    for method, path in (("POST", "/epcis/v2/events"), ("GET", "/epcis/v2/events"), ("POST", "/v1/uploads")):
        assert site.send(method, path, key=site.partner, json={}).status_code == 403, path


def test_an_operator_asks_in_its_own_centers_name(site: Site) -> None:
    assert ask(site, document(1), key=site.stranger)[1]["askedBy"] == TIANJIN
