"""Receipts, logs and the trust file as strangers fetch them."""

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from greenlane.core.checkpoint import open_checkpoint
from greenlane.core.crypto import ed25519_public_key
from greenlane.core.entry import Entry
from greenlane.core.merkle import leaf_hash, root_of
from greenlane.core.receipt import parse_receipt, parse_tlog_proof
from greenlane.core.tiles import TILE_WIDTH, bundle_path, decode_bundle, tile_path, tiles_of
from greenlane.core.trust import parse_trust_file
from greenlane.core.units import LeafHash
from greenlane.verify.ladder import Verdict, judge
from worlds.deployment import COOPERATIVE, LIMA, TIANJIN, World, hosted_center, trust_file
from worlds.events import GTIN, event_document
from worlds.web import Site, serve

LOG = f"/v1/centers/{LIMA}/log"


def _digest(site: Site, serial: int = 0) -> str:
    answer = site.get("/epcis/v2/events", key=site.reader, params={"perPage": 1000})
    assert answer.status_code == 200
    given = site.post("/epcis/v2/events", key=site.member, json=event_document(serial)).json()["eventHash"]
    return str(given).partition(";")[2].partition("?")[0]


def test_a_receipt_is_handed_out_once_it_is_anchored_and_a_stranger_finds_it_good(site: Site) -> None:
    digest = _digest(site)
    waiting = site.get(f"/v1/receipts/{digest}")
    assert (waiting.status_code, waiting.json()["code"]) == (503, "receipt-not-ready")
    assert int(waiting.headers["retry-after"]) > 0
    assert "captured" in waiting.json()["detail"]
    site.world.publish(LIMA)
    assert "published" in site.get(f"/v1/receipts/{digest}").json()["detail"]
    site.world.settle()
    answer = site.get(f"/v1/receipts/{digest}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    trust = parse_trust_file(site.get("/v1/trust").content)
    assert trust == trust_file()
    assert judge(answer.content, trust, event=None, ask=[site.world.ledger.node("n")]).verdict is Verdict.PASSED
    assert judge(answer.content, trust, event=None, ask=[]).verdict is Verdict.NOT_CHECKED
    spelt = site.get(f"/v1/receipts/ni:%2F%2F%2Fsha-256;{digest}%3Fver=CBV2.0")
    assert spelt.content == answer.content
    assert site.get(f"/v1/receipts/ni:///sha-256;{digest}?ver=CBV2.0").content == answer.content


def test_a_receipt_is_also_a_tlog_proof(site: Site) -> None:
    digest = _digest(site)
    site.world.settle()
    answer = site.get(f"/v1/receipts/{digest}?format=tlog-proof")
    assert answer.headers["content-type"].startswith("text/plain")
    proof = parse_tlog_proof(answer.text)
    receipt = parse_receipt(site.get(f"/v1/receipts/{digest}").content)
    assert (proof.index, proof.hashes) == (receipt.inclusion.leaf_index, receipt.inclusion.hashes)


def test_the_receipt_of_a_private_event_is_for_its_own_center_until_its_salt_is_forgotten(site: Site) -> None:
    event_hash = site.post("/epcis/v2/events", key=site.roaster, json=event_document(1)).json()["eventHash"]
    path = f"/v1/receipts/{event_hash.partition(';')[2].partition('?')[0]}"
    site.world.settle()
    assert site.get(path).status_code == 404
    assert site.get(path, key=site.stranger).status_code == 404
    assert site.get(path, key=site.facilitator).status_code == 404
    assert site.get(path, key="gl_wrong").status_code == 401
    own = site.get(path, key=site.reader)
    assert own.status_code == 200
    assert "private" in own.headers["cache-control"] and own.headers["vary"] == "Authorization"
    assert json.loads(own.content)["disclosure"]["salt"]
    assert site.post(f"{LOG}/0/forget-salt", key=site.operator).status_code == 204
    gone = site.get(path, key=site.reader)
    assert (gone.status_code, gone.json()["code"]) == (410, "salt-forgotten")


def test_a_declaration_of_error_is_an_entry_of_its_own_with_a_receipt_of_its_own(site: Site) -> None:
    digest = _digest(site, 1)
    declaration = {"declarationTime": "2026-06-01T00:00:00Z", "reason": "incorrect_data"}
    site.post("/epcis/v2/events", key=site.member, json=event_document(1, errorDeclaration=declaration))
    site.world.settle()
    page = site.get(f"/verify/{digest}", headers={"Accept": "application/json"}).json()
    contents = [event["contentDigest"] for event in page["events"]]
    assert len(set(contents)) == 2
    leaves = [
        json.loads(site.get(f"/v1/receipts/{digest}?content={content}").content)["inclusion"]["leafIndex"] for content in contents
    ]
    assert sorted(leaves) == [0, 1]
    assert [event["isDeclaredWrong"] for event in page["events"]] == [True, False]
    assert "later declared it wrong" in site.get(f"/verify/{digest}", headers={"Accept": "text/html"}).text


def test_a_receipt_that_a_stranger_would_refuse_for_its_log_key_is_not_handed_out(site: Site) -> None:
    site.world.ledger.rotate_log_key(LIMA, ed25519_public_key(bytes(32)), site.world.clock() - timedelta(days=100))
    digest = _digest(site, 1)
    site.world.settle(LIMA)
    answer = site.get(f"/v1/receipts/{digest}")
    assert (answer.status_code, answer.json()["code"]) == (503, "log-key-retired")
    (row,) = _rows(site, f"/01/{GTIN}/21/1")
    assert row["verdict"] == "not_checked"


def test_a_page_judges_each_row_by_its_own_entry_and_links_to_its_own_receipt(site: Site) -> None:
    digest = _digest(site, 1)
    site.post("/epcis/v2/events", key=site.stranger, member=COOPERATIVE, json=event_document(1))
    site.world.settle(LIMA)
    rows = _rows(site, f"/01/{GTIN}/21/1")
    assert {row["center"]: row["verdict"] for row in rows} == {LIMA: "passed", TIANJIN: "not_checked"}
    site.world.settle(TIANJIN)
    for row in _rows(site, f"/01/{GTIN}/21/1"):
        assert row["verdict"] == "passed"
        receipt = json.loads(site.client.get(row["receipt"]).content)
        assert (receipt["anchor"]["center"], receipt["inclusion"]["leafIndex"]) == (row["center"], row["leafIndex"])
        html = site.get(f"/verify/{digest}?center={row['center']}&leaf=0", headers={"Accept": "text/html"}).text
        assert f'href="/v1/receipts/{digest}?center={row["center"]}&amp;leaf=0"' in html
        (other,) = {LIMA, TIANJIN} - {row["center"]}
        assert f'href="/verify/{digest}?center={other}&amp;leaf=0"' in html


@pytest.mark.parametrize("query", ["leaf=0", "center=lima&leaf=x", "center=lima&leaf=-1", "center=LIMA", "center=lima&leaf="])
def test_an_address_of_an_entry_that_cannot_be_one_is_refused(site: Site, query: str) -> None:
    digest = _digest(site, 1)
    for path in ("/v1/receipts", "/verify"):
        answer = site.get(f"{path}/{digest}?{query}", headers={"Accept": "application/json"})
        assert answer.status_code == 400, (path, answer.text)


def _rows(site: Site, path: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = site.get(path, headers={"Accept": "application/json"}).json()["events"]
    return rows


def test_nobody_declares_anothers_event_wrong(site: Site) -> None:
    digest = _digest(site, 1)
    declaration = {"declarationTime": "2026-06-01T00:00:00Z", "reason": "incorrect_data"}
    others = event_document(1, errorDeclaration=declaration)
    site.post("/epcis/v2/events", key=site.stranger, member=COOPERATIVE, json=others)
    page = site.get(f"/verify/{digest}", headers={"Accept": "application/json"}).json()
    assert len(page["events"]) == 2
    assert not any(event["isDeclaredWrong"] for event in page["events"])


def test_a_served_log_is_whole_and_every_width_is_served_as_far_as_it_is_published(site: Site) -> None:
    assert site.get(f"{LOG}/checkpoint").status_code == 404
    site.world.take(300)
    site.world.publish(LIMA)
    site.world.take(5, first=300)  # captured, and not published yet: none of it may show
    note = site.get(f"{LOG}/checkpoint")
    assert note.headers["content-type"].startswith("text/plain") and note.headers["cache-control"] == "no-cache"
    key = hosted_center(LIMA, "", "PE").key
    checkpoint = open_checkpoint(note.text, key)
    assert checkpoint.tree_size == 300
    for tile, width in tiles_of(checkpoint.tree_size):
        answer = site.get(f"{LOG}/{tile_path(tile, width)}")
        assert (answer.status_code, len(answer.content)) == (200, width * 32)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-type"] == "application/octet-stream"
    entries = [
        entry
        for number, width in ((0, TILE_WIDTH), (1, 44))
        for entry in decode_bundle(site.get(f"{LOG}/{bundle_path(number, width)}").content)
    ]
    assert [Entry.decode(entry).encode() for entry in entries] == entries
    assert root_of([LeafHash(leaf_hash(entry)) for entry in entries]) == checkpoint.root
    first = site.get(f"{LOG}/tile/0/001.p/7").content
    assert first == site.get(f"{LOG}/tile/0/001.p/44").content[: 7 * 32]
    assert len(site.get(f"{LOG}/tile/0/000.p/9").content) == 9 * 32


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/001",
        "tile/0/001.p/45",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/044",
        "tile/0/1.p/44",
        "tile/0/002.p/1",
        "tile/1/000.p/2",
        "tile/2/000.p/1",
        "tile/99/000.p/1",
        "tile/0/x000/001.p/1",
        "tile/entries/001",
        "tile/entries/001.p/45",
        "tile/entries/002.p/1",
        "tile/entries/-01",
        "tile/0/000.p/1/..",
        "tile/",
    ],
)
def test_what_is_not_published_or_not_spelt_so_is_404(site: Site, path: str) -> None:
    site.world.take(300)
    site.world.publish(LIMA)
    site.world.take(5, first=300)
    answer = site.get(f"{LOG}/{path}")
    assert answer.status_code == 404
    assert "immutable" not in answer.headers["cache-control"]


def test_centers_tell_how_far_their_logs_have_come(site: Site) -> None:
    site.world.take(2)
    site.world.settle()
    site.world.take(1, first=2)
    listed = {center["id"]: center for center in site.get("/v1/centers").json()["centers"]}
    assert len(listed) == 3
    log = listed[LIMA]["log"]
    assert (log["captured"], log["published"], log["anchored"]) == (3, 2, 2)
    assert site.get(f"/v1/centers/{LIMA}").json() == listed[LIMA]
    assert base64.b64decode(listed[LIMA]["logKey"].rpartition("+")[2])


def test_the_trust_file_outlives_a_chain_that_is_away(site: Site, tmp_path: Path) -> None:
    known = site.get("/v1/trust").content
    site.world.ledger.is_away = True
    assert site.get("/v1/trust").content == known


def test_without_a_chain_from_the_start_there_is_no_trust_file(world: World) -> None:
    world.ledger.is_away = True
    with serve(world) as site:
        answer = site.get("/v1/trust")
    assert (answer.status_code, answer.json()["code"]) == (503, "ledger-unavailable")


def test_head_is_get_without_the_body(site: Site) -> None:
    whole = site.get("/v1/centers")
    head = site.send("HEAD", "/v1/centers")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == whole.headers["content-length"]
