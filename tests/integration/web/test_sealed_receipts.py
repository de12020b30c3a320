"""Receipts over HTTP of a chain that validators seal: without seals at once, with them for whoever waits."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from greenlane.core.epcis.eventhash import event_hash_digest
from greenlane.core.receipt import parse_receipt
from greenlane.core.trust import parse_trust_file
from greenlane.verify.ladder import Verdict, judge
from worlds.deployment import World, close_world, make_world, sealed_chain
from worlds.web import Site, serve


@pytest.fixture
def sealed_site(tmp_path: Path) -> Iterator[Site]:
    """A served world whose chain validators seal."""
    world = make_world(tmp_path, sealed=sealed_chain())
    with serve(world) as served:
        yield served
    close_world(world)


def _path(world: World) -> str:
    (event,) = world.take(1).events
    return f"/v1/receipts/{event_hash_digest(event.event_hash).hex()}"


def test_whoever_requires_seals_is_told_to_wait_and_then_needs_no_node(sealed_site: Site) -> None:
    world = sealed_site.world
    path = _path(world)
    for code in ("receipt-not-ready", "receipt-not-sealed"):
        answer = sealed_site.get(f"{path}?sealed=required")
        assert (answer.status_code, answer.json()["code"]) == (503, code)
        assert int(answer.headers["retry-after"]) > 0
        world.settle()
    for query in ("", "?sealed=if-kept"):
        assert parse_receipt(sealed_site.get(path + query).content).seals is None
    world.gather_seals()
    data = sealed_site.get(f"{path}?sealed=required").content
    assert sealed_site.get(path).content == data
    trust = parse_trust_file(sealed_site.get("/v1/trust").content)
    assert judge(data, trust, event=None, ask=[]).verdict is Verdict.PASSED
    assert "seals" not in sealed_site.get(f"{path}?sealed=required&format=tlog-proof").text


def test_the_trust_file_that_is_served_names_the_validators_of_today(sealed_site: Site) -> None:
    world = sealed_site.world
    world.ledger.mine()
    world.ledger.change_validators(5)
    assert world.seal is not None
    assert world.seal.follow() == 1
    trust = parse_trust_file(sealed_site.get("/v1/trust").content)
    assert trust.sealing is not None and [len(one.validators) for one in trust.sealing.sets] == [4, 5]


def test_a_word_that_means_nothing_is_refused(sealed_site: Site) -> None:
    path = _path(sealed_site.world)
    for word in ("yes", "", "REQUIRED"):
        answer = sealed_site.get(f"{path}?sealed={word}")
        assert (answer.status_code, answer.json()["code"]) == (400, "bad-request")


def test_where_nobody_seals_nobody_is_let_wait_for_seals(site: Site) -> None:
    path = _path(site.world)
    site.world.settle()
    answer = site.get(f"{path}?sealed=required")
    assert (answer.status_code, answer.json()["code"]) == (400, "chain-not-sealed")
    assert site.get(path).status_code == 200
