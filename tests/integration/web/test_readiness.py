"""What watches over a server is told the truth, in time, and without taking anything from those who capture."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from greenlane.core.trust import TrustFile
from greenlane.ports.errors import StoreUnavailable
from greenlane.ports.ledger import LedgerHealth
from greenlane.web import readiness
from greenlane.web.readiness import BEHIND_S
from worlds.deployment import HO_CHI_MINH, LIMA, TIANJIN, World
from worlds.events import event_document
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
    with _hanging(world) as (site, chain), ThreadPoolExecutor(len(paths)) as askers:
        answers = [askers.submit(httpx.get, site.url + path, timeout=30) for path in paths]
        end_s = time.monotonic() + 10
        while set(chain.asked) != {"health", "trust"} and time.monotonic() < end_s:
            time.sleep(0.01)
        time.sleep(0.3)  # so that all of them wait
        started_s = time.monotonic()
        assert site.post("/epcis/v2/events", key=site.member, json=event_document(1)).status_code == 201
        assert time.monotonic() - started_s < 1.5
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
