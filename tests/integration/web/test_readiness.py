"""What watches over a server is told the truth, in time, and without taking anything from those who capture."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from greenlane.core.epcis.eventhash import event_hash_digest
from greenlane.core.pace import LEAST_STANDSTILL_S
from greenlane.core.trust import TrustFile
from greenlane.ports.errors import StoreUnavailable
from greenlane.ports.holds import DocumentsStanding
from greenlane.ports.jobs import CapturedEvent
from greenlane.ports.ledger import LedgerHealth
from greenlane.web import readiness
from greenlane.web.readiness import BEHIND_S
from worlds.deployment import HO_CHI_MINH, LIMA, START, TIANJIN, World, close_world, make_world, sealed_chain
from worlds.descriptions import description, state
from worlds.events import GTIN, event_document
from worlds.web import Site, serve, services_of


@pytest.fixture
def site(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A served world whose readiness is looked at anew each time."""
    monkeypatch.setattr(readiness, "_FRESH_S", 0.0)
    with serve(world) as served:
        yield served


def _ready(site: Site) -> tuple[int, dict[str, Any], dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """Status, whole answer, probes by name, logs by center."""
    answer = site.get("/health/ready")
    value = answer.json()
    assert value["isReady"] is (answer.status_code == 200)
    probes = {probe["name"]: probe for probe in value["probes"]}
    return answer.status_code, value, probes, {log["center"]: log for log in value["logs"]}


def test_a_chain_that_is_away_or_another_is_told_and_takes_nothing_from_captures(site: Site) -> None:
    for trouble in ("is_away", "is_other_chain"):
        setattr(site.world.ledger, trouble, True)
        status, _, probes, _ = _ready(site)
        assert status == 200
        assert (probes["chain"]["verdict"], probes["chain"]["isNeeded"]) == ("failed", False)
        assert "Captures are taken all the same" in probes["chain"]["words"]
        setattr(site.world.ledger, trouble, False)
    assert _ready(site)[2]["chain"]["verdict"] == "passed"


def test_without_its_database_a_server_is_not_ready(world: World) -> None:
    def away() -> None:
        raise StoreUnavailable("The disk is gone.")

    with serve(world, services=replace(services_of(world), probe_store=away)) as site:
        status, _, probes, _ = _ready(site)
    assert status == 503
    assert (probes["database"]["verdict"], probes["database"]["words"]) == ("failed", "The disk is gone.")


def test_documents_that_are_away_missing_or_damaged_are_told_and_take_nothing_from_captures(site: Site) -> None:
    def documents() -> tuple[int, str, str]:
        status, _, probes, _ = _ready(site)
        assert probes["documents"]["isNeeded"] is False
        return status, probes["documents"]["verdict"], probes["documents"]["words"]

    assert documents()[:2] == (200, "passed")
    site.world.documents.is_away = True
    status, verdict, words = documents()
    assert (status, verdict) == (200, "failed")
    assert "does not answer" in words and "Captures are taken all the same" in words
    assert "Start the Kubo node" in words, "a remedy for who keeps the server, not for who sends a request"
    assert site.post("/epcis/v2/events", key=site.member, json=event_document(1)).status_code == 201
    site.world.documents.is_away = False
    tried = (
        (9, 0, "passed", "9 to be kept and 2 to be held for others"),
        (7, 0, "failed", ", not here whole: 2. They are brought again"),
        (8, 1, "failed", ", not here whole: 1 (1 of them damaged)."),
        (9, 1, "failed", ", not here whole: 1 (1 of them damaged)."),
        (6, 1, "failed", ", not here whole: 3 (1 of them damaged)."),
    )
    for here, damaged, verdict, counts in tried:
        standing = DocumentsStanding(
            at=START, wanted=9, wanted_here=here, holds=2, holds_here=2, damaged=damaged, replicas=(), partners=()
        )
        with site.world.store.write() as tx:
            tx.holds.note(standing)
        status, told, words = documents()
        assert (status, told) == (200, verdict)
        assert counts in words
        assert verdict == "passed" or "greenlane document import" in words


def test_a_log_whose_worker_has_stopped_is_named_once_it_has_waited_too_long(site: Site) -> None:
    site.world.take(3)
    site.world.settle()
    site.world.take(2, first=3)
    site.world.take(1, first=9, center=TIANJIN)
    site.world.settle(TIANJIN)
    status, _, probes, logs = _ready(site)
    assert (status, probes["logs"]["verdict"]) == (200, "passed")
    lima = logs[LIMA]
    assert (lima["captured"], lima["published"], lima["anchored"], lima["isBehind"]) == (5, 3, 3, False)
    assert 0 < lima["waitingSeconds"] < BEHIND_S
    assert logs[TIANJIN]["waitingSeconds"] is None and logs[HO_CHI_MINH]["captured"] == 0
    site.world.clock.now += timedelta(seconds=BEHIND_S)
    status, _, probes, logs = _ready(site)
    assert (status, probes["logs"]["verdict"], probes["logs"]["isNeeded"]) == (503, "failed", True)
    assert "lima is behind: 2 entries" in probes["logs"]["words"] and "tianjin" not in probes["logs"]["words"]
    assert [center for center, log in logs.items() if log["isBehind"]] == [LIMA]
    site.world.publish(LIMA)  # a worker that halted when it should anchor is no better
    assert _ready(site)[0] == 503
    site.world.settle()
    assert _ready(site)[0] == 200


def test_a_log_that_waits_for_a_chain_that_is_away_is_named_and_the_server_stays(site: Site) -> None:
    site.world.take(1)
    site.world.clock.now += timedelta(seconds=BEHIND_S)
    site.world.ledger.is_away = True
    status, _, probes, logs = _ready(site)
    assert (status, probes["logs"]["verdict"], probes["logs"]["isNeeded"]) == (200, "failed", False)
    assert logs[LIMA]["isBehind"] and "wait for the chain" in probes["logs"]["words"]


def test_a_statement_about_a_document_waits_as_an_event_does(site: Site) -> None:
    state(site.world, description())
    site.world.clock.now += timedelta(seconds=BEHIND_S)
    *_, logs = _ready(site)
    assert logs[LIMA]["waitingSeconds"] >= BEHIND_S and logs[LIMA]["isBehind"]


@pytest.fixture
def sealed_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A served world whose chain validators seal, looked at anew each time, and whose clock stands at the newest block."""
    monkeypatch.setattr(readiness, "_FRESH_S", 0.0)
    world = make_world(tmp_path, sealed=sealed_chain())
    world.ledger.mine()
    world.clock.now = world.ledger.health().head_at
    with serve(world) as served:
        yield served
    close_world(world)


def test_a_chain_that_stands_still_is_told_by_its_age_and_takes_nothing_from_captures(sealed_site: Site) -> None:
    world = sealed_site.world
    assert _ready(sealed_site)[2]["chain"]["verdict"] == "passed"
    world.ledger.mine(round=5)
    head = world.ledger.health()
    world.clock.now = head.head_at
    words = _ready(sealed_site)[2]["chain"]["words"]
    assert "round 5 only: a validator was away or late" in words
    world.clock.now = head.head_at + timedelta(seconds=LEAST_STANDSTILL_S + 1)
    world.take(1)
    status, _, probes, _ = _ready(sealed_site)
    assert status == 200
    assert (probes["chain"]["verdict"], probes["chain"]["isNeeded"]) == ("failed", False)
    assert probes["chain"]["words"].startswith(
        "The chain stands still since 2026-06-01T00:00:04.000Z, block 2 (round 5): captures"
    )
    world.clock.now += timedelta(seconds=BEHIND_S)
    status, _, probes, _ = _ready(sealed_site)
    assert (status, probes["logs"]["verdict"], probes["logs"]["isNeeded"]) == (200, "failed", False)
    assert "They wait for the chain" in probes["logs"]["words"]
    assert sealed_site.post("/epcis/v2/events", key=sealed_site.member, json=event_document(9)).status_code == 201
    world.ledger.mine()
    world.clock.now = world.ledger.health().head_at
    assert _ready(sealed_site)[2]["chain"]["verdict"] == "passed"


def test_a_slow_chain_is_given_the_time_that_its_blocks_take(sealed_site: Site) -> None:
    world = sealed_site.world
    world.ledger.block_time = timedelta(seconds=10)

    def verdict(age_s: float) -> str:
        world.clock.now = world.ledger.health().head_at + timedelta(seconds=age_s - 1)
        told: str = _ready(sealed_site)[2]["chain"]["verdict"]
        return told

    # Of one block alone nothing is known of the pace.
    assert (verdict(29), verdict(31)) == ("passed", "failed")
    world.ledger.mine()
    assert (verdict(79), verdict(81)) == ("passed", "failed")
    world.ledger.block_time = timedelta(seconds=1_000)
    world.ledger.mine()
    assert (verdict(79), verdict(81)) == ("passed", "failed"), "one block that came late makes no slow chain"


def test_a_chain_where_nobody_seals_may_rest_as_long_as_it_has_nothing_to_do(site: Site) -> None:
    site.world.clock.now += timedelta(days=3)
    _, _, probes, _ = _ready(site)
    assert probes["chain"]["verdict"] == "passed"


def test_nodes_that_do_not_agree_are_told_and_the_server_stays(sealed_site: Site) -> None:
    world = sealed_site.world
    for is_agreed, verdict in ((True, "passed"), (False, "failed"), (None, "passed")):
        world.ledger.is_agreed = is_agreed
        world.clock.now = world.ledger.health().head_at
        status, _, probes, _ = _ready(sealed_site)
        assert (status, probes["chain"]["verdict"]) == (200, verdict)
        assert ("do not agree" in probes["chain"]["words"]) is (is_agreed is False)


def test_pages_say_that_the_chain_stands_still_where_something_waits_for_it(sealed_site: Site) -> None:
    world = sealed_site.world
    (done,) = world.take(1).events
    world.settle()
    (waiting,) = world.take(1, first=1).events

    def page(path: str) -> str:
        return sealed_site.get(path, headers={"Accept": "text/html"}).text

    def verify(event: CapturedEvent) -> str:
        return page(f"/verify/{event_hash_digest(event.event_hash).hex()}")

    world.clock.now = world.ledger.health().head_at
    for text in (page("/"), verify(waiting), verify(done)):
        assert "stands still" not in text
    world.clock.now = world.ledger.health().head_at + timedelta(seconds=60)
    for text in (page("/"), verify(waiting), page(f"/01/{GTIN}/21/1")):
        assert "The chain stands still since 2026-06-01T00:00:06.000Z, block 3 (round 0)" in text
    assert "stands still" not in verify(done)
    world.ledger.is_away = True
    assert "stands still" not in page("/")


@dataclass
class _Hanging:
    """A chain that takes each question and answers none until it is let go."""

    world: World
    free: threading.Event = field(default_factory=threading.Event)
    asked: list[str] = field(default_factory=list)

    def health(self) -> LedgerHealth:
        self.asked.append("health")
        self.free.wait(20)
        return self.world.ledger.health()

    def trust(self) -> TrustFile:
        self.asked.append("trust")
        self.free.wait(20)
        return self.world.ledger.trust()


@contextmanager
def _hanging(world: World) -> Iterator[tuple[Site, _Hanging]]:
    chain = _Hanging(world)
    services = replace(services_of(world), probe_ledger=chain.health, trust=chain.trust)
    with serve(world, services=services) as site:
        try:
            yield site, chain
        finally:
            chain.free.set()


def test_a_chain_that_hangs_takes_no_thread_from_captures_however_many_ask_for_it(world: World) -> None:
    paths = ("/health/ready", "/v1/trust") * 40
    everybody = httpx.Limits(max_connections=len(paths))
    with (
        _hanging(world) as (site, chain),
        httpx.Client(timeout=30, limits=everybody) as client,
        ThreadPoolExecutor(len(paths)) as askers,
    ):
        answers = [askers.submit(client.get, site.url + path) for path in paths]
        end_s = time.monotonic() + 10
        while set(chain.asked) != {"health", "trust"} and time.monotonic() < end_s:
            time.sleep(0.01)
        time.sleep(0.3)  # so that all of them wait
        started_s = time.monotonic()
        assert site.post("/epcis/v2/events", key=site.member, json=event_document(1)).status_code == 201
        assert time.monotonic() - started_s < 2.5
        told = [answer.result() for answer in answers]
        assert sorted(chain.asked) == ["health", "trust"]
    for answer in told:
        if answer.url.path == "/v1/trust":
            assert (answer.status_code, answer.json()["code"]) == (503, "still-looking")
        else:
            assert answer.status_code == 200
            assert "has not answered for 3 seconds" in answer.json()["probes"][1]["words"]


def test_a_trust_file_that_is_known_is_served_while_the_chain_hangs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("greenlane.web.state.TrustCache._FRESH_S", 0.0)
    with _hanging(world) as (site, chain):
        chain.free.set()
        known = site.get("/v1/trust").content
        chain.free.clear()
        started_s = time.monotonic()
        assert site.get("/v1/trust").content == known
        assert time.monotonic() - started_s < 5
        assert chain.asked.count("trust") == 2


def test_many_who_watch_cost_one_look_a_second(world: World) -> None:
    looks: list[None] = []
    services = replace(services_of(world), probe_store=lambda: looks.append(None))
    with serve(world, services=services) as site:
        started_s = time.monotonic()
        for _ in range(30):
            assert site.get("/health/ready").status_code == 200
        assert len(looks) <= 1 + (time.monotonic() - started_s)


def test_who_watches_too_often_is_told_to_wait(world: World) -> None:
    with serve(world, public_rate=3) as site:
        statuses = [site.get("/health/ready").status_code for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
        assert site.get("/health/live").status_code == 200


def test_a_chain_that_is_another_is_no_fault_of_who_asks_for_the_trust_file(world: World) -> None:
    world.ledger.is_other_chain = True
    with serve(world) as site:
        answer = site.get("/v1/trust")
    assert (answer.status_code, answer.json()["code"]) == (503, "chain-unusable")
    assert int(answer.headers["retry-after"]) > 0


def test_a_trust_file_that_is_known_outlives_a_chain_that_becomes_another(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("greenlane.web.state.TrustCache._FRESH_S", 0.0)
    with serve(world) as site:
        known = site.get("/v1/trust").content
        world.ledger.is_other_chain = True
        answer = site.get("/v1/trust")
    assert (answer.status_code, answer.content) == (200, known)
