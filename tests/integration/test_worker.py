"""What the worker promises: it goes on by itself when the world comes back, and one center's trouble is its own."""

import logging
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest
from greenlane.core.crypto import ed25519_public_key, sha256
from greenlane.core.seals import SealedState
from greenlane.core.units import CenterId, RootHash, TreeSize
from greenlane.ports.answers import Once
from greenlane.ports.errors import StoreUnavailable
from greenlane.ports.ledger import AnchoredHead
from greenlane.services.anchor import Anchor, AnchorOutcome
from greenlane.services.tidy import KEPT_FOR, Tidy
from greenlane.worker import Worker
from worlds.deployment import LIMA, START, TIANJIN, World, close_world, make_world, sealed_chain


def worker(world: World, *, recheck_interval_s: float = 10) -> Worker:
    return Worker(
        centers=[LIMA, TIANJIN],
        publish=world.publish,
        anchor=world.anchor,
        seal=world.seal,
        tidy=Tidy(store=world.store, clock=world.clock),
        watch_keys=world.watch_keys,
        poll_interval_s=0.001,
        recheck_interval_s=recheck_interval_s,
    )


def anchored(world: World) -> list[tuple[str, int]]:
    return [(one.center, one.tree_size) for one in world.ledger.anchored]


class Hands:
    """The monotonic clock, turned by a test."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    turned = Hands()
    monkeypatch.setattr("greenlane.worker.time.monotonic", turned)
    return turned


def look(served: Worker) -> None:
    """One look at each center, as the loop does."""
    for course in served._courses:
        served.step(course)


def test_everything_captured_ends_on_the_chain(world: World) -> None:
    world.take(300)
    world.take(2, center=TIANJIN)
    assert worker(world).run_until_current(patience_s=30)
    assert anchored(world) == [(LIMA, 300), (TIANJIN, 2)]
    assert worker(world).run_until_current(patience_s=30)
    assert len(world.ledger.anchored) == 2


def test_patience_ends_where_no_block_comes(world: World) -> None:
    world.ledger.is_automine = False
    world.take(1)
    assert not worker(world).run_until_current(patience_s=0.05)
    assert world.ledger.submissions == 1


def test_a_ledger_that_is_away_is_asked_less_and_less_and_then_served(
    world: World, hands: Hands, caplog: pytest.LogCaptureFixture
) -> None:
    served = worker(world)
    world.take(1)
    world.ledger.is_away = True
    asked_at: list[float] = []
    with caplog.at_level(logging.WARNING):
        for _ in range(800):
            before = len(world.ledger.asked)
            look(served)
            if len(world.ledger.asked) > before:
                asked_at.append(hands.now_s)
            hands.now_s += 0.25
    pauses = [round(later - sooner, 3) for sooner, later in pairwise(asked_at)]
    assert pauses == sorted(pauses)
    assert pauses[0] < 1
    assert 29 < pauses[-1] < 31
    assert {record.message for record in caplog.records} == {"worker.waiting"}
    assert world.take(1, first=1).events[0].is_new
    world.ledger.is_away = False
    hands.now_s += 31
    for _ in range(3):
        look(served)
    assert anchored(world) == [(LIMA, 1), (LIMA, 2)]


def test_while_the_chain_is_away_what_is_captured_is_still_published_when_looked_at(world: World, hands: Hands) -> None:
    served = worker(world)
    world.ledger.is_away = True
    for number in range(3):
        world.take(1, first=number)
        hands.now_s += 31
        look(served)
    with world.store.read() as tx:
        assert tx.log.head(LIMA).published == 3


def test_a_contradiction_halts_its_own_center_and_says_so(world: World, hands: Hands, caplog: pytest.LogCaptureFixture) -> None:
    served = worker(world)
    world.take(1)
    world.take(1, center=TIANJIN)
    world.ledger.lies[LIMA] = AnchoredHead(tree_size=TreeSize(9), root=RootHash(sha256(b"x")), anchored_at=START)
    with caplog.at_level(logging.ERROR):
        for _ in range(100):
            look(served)
            hands.now_s += 0.1
    assert anchored(world) == [(TIANJIN, 1)]
    (record,) = caplog.records
    assert (record.message, record.__dict__["center"], record.__dict__["code"]) == ("worker.halted", LIMA, "log-behind-chain")
    with world.store.read() as tx:
        assert tx.log.newest_checkpoint(LIMA) is None, "a second history was signed beside the chain's"
    del world.ledger.lies[LIMA]
    hands.now_s += 31
    look(served)
    look(served)
    assert (LIMA, 1) in anchored(world)


def test_an_idle_log_asks_the_chain_at_its_interval_only_and_finds_what_was_lost(world: World, hands: Hands) -> None:
    served = worker(world, recheck_interval_s=10)
    world.take(1)
    for _ in range(3):
        look(served)
    asked = len(world.ledger.asked)
    for _ in range(50):
        hands.now_s += 0.1
        look(served)
    assert len(world.ledger.asked) == asked
    world.ledger.lose_to(0)
    hands.now_s += 10
    for _ in range(3):
        look(served)
    assert anchored(world) == [(LIMA, 1)]
    assert world.fsck().faults == []


def test_what_is_captured_after_a_rest_does_not_wait_for_the_interval(world: World, hands: Hands) -> None:
    served = worker(world, recheck_interval_s=3_600)
    world.take(1)
    for _ in range(3):
        look(served)
    world.take(1, first=1)
    hands.now_s += 0.1
    for _ in range(2):
        look(served)
    assert anchored(world) == [(LIMA, 1), (LIMA, 2)]


def test_a_database_that_is_away_is_waited_for(world: World, hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    served = worker(world)
    world.take(1)

    def away(_center: object) -> None:
        raise StoreUnavailable("The database is locked by another writer.")

    monkeypatch.setattr(served, "_publish", away)
    look(served)
    assert anchored(world) == []
    monkeypatch.undo()
    monkeypatch.setattr("greenlane.worker.time.monotonic", hands)
    hands.now_s += 1
    look(served)
    look(served)
    assert anchored(world) == [(LIMA, 1)]


def test_a_running_worker_stops_when_told_and_another_goes_on(world: World) -> None:
    stop = threading.Event()
    running = threading.Thread(target=worker(world).run, args=(stop,))
    running.start()
    try:
        world.take(3)
        end = time.monotonic() + 20
        while not anchored(world) and time.monotonic() < end:
            time.sleep(0.005)
    finally:
        stop.set()
        running.join(timeout=10)
    assert not running.is_alive()
    assert (LIMA, 3) in anchored(world)
    world.take(1, first=3)
    assert worker(world).run_until_current(patience_s=20)
    assert (LIMA, 4) in anchored(world)


def test_two_workers_over_one_log_sign_and_anchor_one_history(world: World) -> None:
    for number in range(5):
        world.take(20, first=20 * number)
        threads = [threading.Thread(target=worker(world).run_until_current, kwargs={"patience_s": 20}) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert anchored(world)[-1] == (LIMA, 100)
    assert world.fsck().faults == []


class Defective:
    """An anchoring that has a defect where one center is concerned."""

    def __init__(self, anchor: Anchor) -> None:
        self._anchor = anchor

    def __call__(self, center: CenterId) -> AnchorOutcome:
        if center == LIMA:
            raise ValueError("a defect that nobody foresaw")
        return self._anchor(center)


def test_a_defect_met_with_one_center_ends_neither_the_worker_nor_the_others(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.take(3)
    world.take(3, center=TIANJIN)
    served = Worker(
        centers=[LIMA, TIANJIN],
        publish=world.publish,
        anchor=cast(Anchor, Defective(world.anchor)),
        seal=None,
        tidy=Tidy(store=world.store, clock=world.clock),
        watch_keys=world.watch_keys,
        poll_interval_s=0.001,
        recheck_interval_s=10,
    )
    with caplog.at_level(logging.ERROR):
        assert not served.run_until_current(patience_s=0.5)
    assert anchored(world) == [(TIANJIN, 3)]
    assert [record.getMessage() for record in caplog.records] == ["worker.halted"]
    assert "a defect that nobody foresaw" in str(caplog.records[0].exc_info)


def test_a_log_key_that_the_registry_replaced_halts_its_own_center_with_its_name(
    world: World, hands: Hands, caplog: pytest.LogCaptureFixture
) -> None:
    served = worker(world)
    served._look_at_keys()
    world.take(1)
    world.take(1, center=TIANJIN)
    look(served)
    world.ledger.rotate_log_key(LIMA, ed25519_public_key(sha256(b"new")), world.clock())
    hands.now_s += 10.1
    served._look_at_keys()
    world.take(1, first=1)
    world.take(1, first=1, center=TIANJIN)
    with caplog.at_level(logging.ERROR):
        for _ in range(10):
            look(served)
    with world.store.read() as tx:
        assert (tx.log.head(LIMA).published, tx.log.head(TIANJIN).published) == (1, 2)
    (line,) = caplog.records
    assert (line.message, line.__dict__["center"], line.__dict__["code"]) == ("worker.halted", LIMA, "log-key-retired")
    asked = world.ledger.asked.count("trust")
    served._look_at_keys()
    assert world.ledger.asked.count("trust") == asked, "the registry is asked once an interval"


def test_publishing_goes_on_while_the_chain_is_away(world: World, hands: Hands) -> None:
    served = worker(world)
    world.ledger.is_away = True
    for number in range(8):
        world.take(1, first=number)
        look(served)
        hands.now_s += 0.01
    with world.store.read() as tx:
        assert tx.log.head(LIMA).published == 8


def test_kept_answers_go_when_nobody_may_count_on_them_any_more(world: World) -> None:
    tidy = Tidy(store=world.store, clock=world.clock)
    now = world.clock()
    with world.store.write() as tx:
        for key, age in (("old", KEPT_FOR + timedelta(hours=1)), ("young", KEPT_FOR / 2)):
            tx.answers.keep(Once(scope="s", key=key, request_digest=bytes(32), at=now - age), b"answer")
    assert tidy() == 1
    assert tidy() == 0
    with world.store.read() as tx:
        assert tx.answers.find(Once(scope="s", key="young", request_digest=bytes(32), at=now)) == b"answer"


@pytest.fixture
def sealed_world(tmp_path: Path) -> Iterator[World]:
    """A world whose chain validators seal."""
    made = make_world(tmp_path, sealed=sealed_chain())
    yield made
    close_world(made)


def sealed(world: World, center: CenterId = LIMA) -> list[int]:
    """Tree sizes whose seals are kept."""
    with world.store.read() as tx:
        anchors = tx.log.anchors(center, above=TreeSize(0), limit=100)
        return [one.tree_size for one in anchors if tx.seals.sealed(center, one.tree_size) is not None]


def test_what_is_anchored_is_sealed_at_the_next_look(sealed_world: World, hands: Hands, caplog: pytest.LogCaptureFixture) -> None:
    world, served = sealed_world, worker(sealed_world, recheck_interval_s=3_600)
    with caplog.at_level(logging.INFO):
        for number in range(3):
            world.take(1, first=number)
            for _ in range(2):
                look(served)
                hands.now_s += 0.1
            assert sealed(world) == list(range(1, number + 2))
    assert "anchors.sealed" in {record.message for record in caplog.records}
    asked = len(world.ledger.asked)
    for _ in range(50):
        hands.now_s += 0.1
        look(served)
    assert len(world.ledger.asked) == asked, "an idle log asks for no seals"


def test_everything_anchored_is_sealed_when_the_worker_is_done(sealed_world: World) -> None:
    world = sealed_world
    world.take(300)
    world.take(2, center=TIANJIN)
    assert worker(world).run_until_current(patience_s=30)
    assert (sealed(world), sealed(world, TIANJIN)) == ([300], [2])
    assert world.fsck().faults == []


def test_a_refused_seal_halts_the_sealing_of_its_center_and_nothing_else(
    sealed_world: World, hands: Hands, caplog: pytest.LogCaptureFixture
) -> None:
    world, served = sealed_world, worker(sealed_world)
    world.ledger.bent_states[LIMA, TreeSize(1)] = SealedState(header=b"no header", witness=())
    with caplog.at_level(logging.ERROR):
        for number in range(3):
            world.take(1, first=number)
            world.take(1, first=number, center=TIANJIN)
            look(served)
            look(served)
            hands.now_s += 0.1
    assert anchored(world)[-2:] == [(LIMA, 3), (TIANJIN, 3)]
    assert sealed(world, TIANJIN) == [1, 2, 3]
    (record,) = caplog.records
    assert (record.message, record.__dict__["center"], record.__dict__["code"]) == ("worker.halted", LIMA, "header-invalid")
    world.ledger.bent_states.clear()
    hands.now_s += 31
    for _ in range(2):
        look(served)
    assert sealed(world) == [1, 2, 3]


def test_validators_are_followed_at_the_interval_though_nothing_is_captured(sealed_world: World, hands: Hands) -> None:
    world, served = sealed_world, worker(sealed_world, recheck_interval_s=10)
    assert world.seal is not None
    served._follow_validators()
    world.ledger.mine()
    world.ledger.change_validators(5)
    served._follow_validators()
    assert len(world.seal.sealing().sets) == 1
    hands.now_s += 10.1
    served._follow_validators()
    assert len(world.seal.sealing().sets) == 2
    assert world.watch_keys().sealing == world.seal.sealing()


def test_while_the_chain_stands_still_captures_are_published_and_all_of_it_ends_sealed(sealed_world: World, hands: Hands) -> None:
    world, served = sealed_world, worker(sealed_world)
    world.ledger.is_automine = False
    for number in range(5):
        world.take(1, first=number)
        look(served)
        hands.now_s += 1
    assert (anchored(world), world.ledger.submissions) == ([], 1)
    with world.store.read() as tx:
        assert tx.log.head(LIMA).published == 5
    world.ledger.mine(round=5)
    world.ledger.is_automine = True
    for _ in range(4):
        look(served)
        hands.now_s += 0.1
    assert anchored(world) == [(LIMA, 1), (LIMA, 5)]
    assert sealed(world) == [1, 5]
