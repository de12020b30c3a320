"""Units retired before the statement behind them was known at their holder's center are certified once it is, and once each."""

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from greenlane.core.entry import Entry, EntryKind
from greenlane.core.units import LeafIndex
from greenlane.ports.acts import KeptAct
from greenlane.ports.log import QueueFull
from greenlane.services import certify
from greenlane.services.certify import RetirementUnknown
from greenlane.worker import Worker
from worlds.deployment import TIANJIN
from worlds.two_deployments import Two, two_deployments
from worlds.web import Site


@pytest.fixture
def two(site: Site, tmp_path: Path) -> Iterator[Two]:
    with two_deployments(site, tmp_path / "tianjin") as found:
        yield found


@pytest.fixture
def token(two: Two) -> str:
    """Units that the buyer has, out of a statement that its center does not know."""
    token = two.lima.issued("10")
    two.bought(token)
    return token


def certificates(two: Two) -> int:
    """How many retirements the log of the buyer's center states."""
    with two.tianjin.world.store.read() as tx:
        size = tx.log.head(TIANJIN).captured
        entries = tx.log.entries(TIANJIN, LeafIndex(0), size)
    return sum(Entry.decode(each).kind is EntryKind.RETIREMENT for each in entries)


def waiting(two: Two) -> int:
    with two.tianjin.world.store.read() as tx:
        return len(tx.purchases._work.direct("SELECT id FROM uncertified_retirement").fetchall())  # type: ignore[attr-defined]


def catch_up(two: Two) -> int:
    """How many were certified by one look."""
    return two.tianjin.world.asset_work.catch_up(TIANJIN).certified


def lane_of(two: Two) -> Worker:
    world = two.tianjin.world
    return Worker(
        centers=[TIANJIN],
        publish=world.publish,
        anchor=world.anchor,
        seal=None,
        tidy=None,  # type: ignore[arg-type]
        watch_keys=world.watch_keys,
        assets=world.asset_work,
        poll_interval_s=0.01,
        recheck_interval_s=0.05,
    )


def test_a_retirement_is_certified_once_its_statement_is_known(two: Two, token: str) -> None:
    named = two.retired(token)
    assert (catch_up(two), certificates(two), waiting(two)) == (0, 0, 1)
    assert two.tianjin.get(f"/v1/retirements/{named}/certificate").status_code == 404
    assert two.put(token).status_code == 200
    assert (catch_up(two), certificates(two), waiting(two)) == (1, 1, 0)
    two.tianjin.world.settle(TIANJIN)
    assert two.tianjin.get(f"/v1/retirements/{named}/certificate").status_code == 200
    assert (catch_up(two), certificates(two)) == (0, 1)
    assert two.tianjin.world.fsck(TIANJIN, is_asking_chain=False).faults == []


def test_what_is_retired_after_the_statement_came_waits_for_nothing(two: Two, token: str) -> None:
    two.put(token)
    two.retired(token)
    assert (certificates(two), waiting(two), catch_up(two)) == (1, 0, 0)


def test_a_statement_certifies_what_was_retired_of_its_units_alone(two: Two, token: str) -> None:
    serials = {"registry": "i-rec", "serialFrom": 1, "serialTo": 9}
    other = two.lima.issued("10", lot=None, origin=serials)
    two.bought(other, lot=None)
    for one in (token, other):
        two.retired(one, quantity="1")
    two.put(token)
    assert (catch_up(two), catch_up(two), certificates(two), waiting(two)) == (1, 0, 1, 1)
    two.put(other)
    assert (catch_up(two), catch_up(two), certificates(two), waiting(two)) == (1, 0, 2, 0)


def test_a_crash_in_between_leaves_nothing_and_the_next_look_certifies_once(
    two: Two, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.retired(token)
    two.put(token)

    def dies() -> Any:
        raise ZeroDivisionError

    with monkeypatch.context() as crashing:
        # It is asked for the time within the transaction.
        crashing.setattr(two.tianjin.world.assets.certify, "_clock", dies)
        with pytest.raises(ZeroDivisionError):
            catch_up(two)
    assert (certificates(two), waiting(two)) == (0, 1)
    assert (catch_up(two), catch_up(two), certificates(two), waiting(two)) == (1, 0, 1, 0)


def test_two_looks_at_once_certify_once(two: Two, token: str) -> None:
    for _ in range(3):
        two.retired(token, quantity="0.1")
    two.put(token)
    start = threading.Barrier(2)

    def look() -> None:
        start.wait()
        catch_up(two)

    looking = [threading.Thread(target=look) for _ in range(2)]
    for each in looking:
        each.start()
    for each in looking:
        each.join()
    assert (certificates(two), waiting(two), catch_up(two)) == (3, 0, 0)


def test_a_statement_that_comes_while_the_act_is_being_closed_makes_one_certificate(
    two: Two, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = two.tianjin.world
    as_it_is = world.asset_work.follow._certify

    def certify_and_die(act: KeptAct) -> object:
        assert as_it_is(act) is None
        two.put(token)
        assert catch_up(two) == 1
        raise ZeroDivisionError

    with monkeypatch.context() as crashing:
        crashing.setattr(world.asset_work.follow, "_certify", certify_and_die)
        with pytest.raises(ZeroDivisionError):
            two.retired(token)
    two.run()
    assert (certificates(two), waiting(two), catch_up(two)) == (1, 0, 0)
    assert world.fsck(TIANJIN, is_asking_chain=False).faults == []


def test_one_that_the_chain_lost_waits_on_and_keeps_no_other_from_its_turn(
    two: Two, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certify, "_LEFT_A_CALL", 2)
    named = [two.retired(token, quantity="0.1") for _ in range(5)]
    two.put(token)
    ledger = two.tianjin.world.asset_ledger
    ids = sorted(bytes.fromhex(each[2:]) for each in named)
    lost = {each: ledger.model.retirements.pop(each) for each in ids[:3]}
    look = two.tianjin.world.asset_work.catch_up
    looks = [look(TIANJIN) for _ in range(3)]
    assert [(each.certified, each.has_more) for each in looks] == [(0, True), (1, True), (1, False)]
    assert (certificates(two), waiting(two)) == (2, 3)
    ledger.model.retirements.update(lost)
    while look(TIANJIN).has_more:
        pass
    assert (certificates(two), waiting(two)) == (5, 0)


def test_the_lane_tells_of_what_was_certified_alone(
    two: Two, token: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(certify, "_LEFT_A_CALL", 2)
    named = [two.retired(token, quantity="0.1") for _ in range(5)]
    two.put(token)
    ledger = two.tianjin.world.asset_ledger
    for each in sorted(bytes.fromhex(each[2:]) for each in named)[:3]:
        del ledger.model.retirements[each]
    lane = lane_of(two)
    with caplog.at_level(logging.INFO, logger="greenlane"):
        assert lane.run_until_current(patience_s=20.0)
    told = [each for each in caplog.records if each.msg == "retirements.certified_late"]
    assert [vars(each)["count"] for each in told] == [1, 1]
    assert (certificates(two), waiting(two)) == (2, 3)


def test_a_full_log_and_a_chain_that_is_away_are_waited_for(two: Two, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    named = two.retired(token)
    two.put(token)
    world = two.tianjin.world
    with monkeypatch.context() as full:
        full.setattr(world.assets.certify, "_max_unpublished", 0)
        with pytest.raises(QueueFull):
            catch_up(two)
    world.asset_ledger.is_away = True
    lane = lane_of(two)
    lane.step_of_assets()
    assert certificates(two) == 0
    with pytest.raises(RetirementUnknown):
        world.assets.certify.known(bytes.fromhex(named[2:]))
    world.asset_ledger.is_away = False
    assert lane.run_until_current(patience_s=20.0)
    assert (certificates(two), waiting(two)) == (1, 0)
    assert two.tianjin.get(f"/v1/retirements/{named}/certificate").status_code == 200
