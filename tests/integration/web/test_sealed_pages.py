"""What a page says of the validators' seals: who sealed, how long ago, or why that was not checked."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from greenlane.core.trust import encode_trust_file
from worlds.deployment import LIMA, World, close_world, make_world, sealed_chain
from worlds.events import GTIN, event_document, parsed
from worlds.sealed_chain import SealedChain
from worlds.web import Site, serve, services_of

HTML = {"Accept": "text/html"}
JSON = {"Accept": "application/json"}
PAGE = f"/01/{GTIN}/21/0"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path, sealed=sealed_chain())
    yield made
    close_world(made)


@pytest.fixture
def site(world: World) -> Iterator[Site]:
    """One record of one item, sealed, on a server whose clock stands three days after the seal."""
    world.take(1)
    world.settle()
    world.gather_seals()
    assert world.ledger.sealed is not None
    sealed_at = datetime.fromtimestamp(world.ledger.sealed.head.timestamp, UTC)
    services = replace(services_of(world), clock=lambda: sealed_at + timedelta(days=3, hours=2))
    with serve(world, services=services) as served:
        yield served


def test_a_page_says_when_by_whom_and_how_long_ago_it_was_sealed(site: Site) -> None:
    assert site.world.ledger.sealed is not None
    head = site.world.ledger.sealed.head
    sealed_at = datetime.fromtimestamp(head.timestamp, UTC)
    text = site.get(PAGE, headers=HTML).text
    said = f"Sealed on {sealed_at:%Y-%m-%d %H:%M} UTC, 3 days ago, by 3 of 4 validators, block {head.number}"
    assert said in text
    assert "Not checked" not in text
    assert f"{head.number} of {sealed_at:%Y-%m-%dT%H:%M:%SZ} bears the seals of 3 of 4 validators" in text
    # What the page recommends needs no node.
    assert re.search(
        r"even one without a network:\s*<pre[^>]*><code>greenlane verify receipt.json --trust trust.json</code>", text
    )
    (event,) = site.get(PAGE, headers=JSON).json()["events"]
    assert event["judgement"]["sealed"] == {
        "sealedAt": f"{sealed_at:%Y-%m-%dT%H:%M:%SZ}",
        "ageSeconds": (3 * 24 + 2) * 3_600,
        "blockNumber": head.number,
        "round": 0,
        "seals": 3,
        "validators": 4,
    }


def test_a_node_that_is_away_takes_nothing_from_a_sealed_record(site: Site) -> None:
    assert site.get(PAGE, headers=JSON).json()["verdict"] == "passed"
    site.world.ledger.is_away = True
    assert site.get(PAGE, headers=JSON).json()["verdict"] == "passed"
    text = site.get(PAGE, headers=HTML).text
    assert "Verified" in text
    # Neither a node nor a receipt tells since when; the seal tells by when.
    assert re.search(r"nobody changed this record since \d+ Jun 2026", text)
    assert "only the center or somebody" not in text


def test_a_node_that_contradicts_the_seals_fails_the_page(site: Site) -> None:
    site.world.ledger.anchored.clear()
    value = site.get(PAGE, headers=JSON).json()
    assert value["verdict"] == "failed"
    assert "contradicted by chain.example" in value["events"][0]["reason"]


def test_seals_that_the_trusted_validators_did_not_make_fail_the_page_and_are_the_reason(site: Site) -> None:
    trust = site.world.watch_keys()
    assert trust.sealing is not None
    (first,) = trust.sealing.sets
    strangers = replace(first, validators=SealedChain.members(9)[5:])
    others = replace(trust, sealing=replace(trust.sealing, sets=(strangers,)))
    with serve(site.world, services=replace(services_of(site.world), trust=lambda: others)) as elsewhere:
        value = elsewhere.get(PAGE, headers=JSON).json()
    assert value["verdict"] == "failed"
    assert "Block 2 was proposed by" in value["events"][0]["reason"]


def test_a_journey_with_one_record_that_is_not_sealed_yet_says_so_and_stays_verified(site: Site) -> None:
    world = site.world
    world.take_these(*parsed(event_document(0, bizStep="receiving")))
    world.settle()
    value = site.get(PAGE, headers=JSON).json()
    assert value["verdict"] == "passed"
    assert [event["judgement"]["sealed"] is not None for event in value["events"]] == [True, False]
    text = site.get(PAGE, headers=HTML).text
    assert "Not checked for 1 of 2 records: whether the chain’s validators sealed that (check 8). This receipt carries no" in text
    assert "Sealed on" not in text
    # Of one record its own page speaks alone.
    older, newer = (event["receipt"].replace("/v1/receipts/", "/verify/").removeprefix(site.url) for event in value["events"])
    assert "Sealed on" in site.get(older, headers=HTML).text
    assert "Not checked: whether the chain’s validators sealed that" in site.get(newer, headers=HTML).text
    world.gather_seals()
    assert "(the last of these records)" in site.get(PAGE, headers=HTML).text


def test_the_receipt_that_the_page_links_to_verifies_with_the_cable_pulled(site: Site, tmp_path: Path) -> None:
    (event,) = site.get(PAGE, headers=JSON).json()["events"]
    link = event["receipt"].removeprefix(site.url)
    (tmp_path / "receipt.json").write_bytes(site.get(link).content)
    (tmp_path / "trust.json").write_bytes(encode_trust_file(site.world.watch_keys()))
    script = (
        "import os, sys\n"
        "def refuse(event, args):\n"
        "    if event.startswith('socket.'): os._exit(77)\n"
        "sys.addaudithook(refuse)\n"
        "from greenlane.cli.program import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    words = ["verify", str(tmp_path / "receipt.json"), "--trust", str(tmp_path / "trust.json"), "--json"]
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert (told["verdict"], told["center"]["id"], told["sealed"]["validators"]) == ("passed", LIMA, 4)
