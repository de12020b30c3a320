"""The worker's lane of green assets: it brings, follows and closes beside anchoring, and neither starves the other."""

import threading
import time
from pathlib import Path

from greenlane.core.units import CenterId
from greenlane.ports.ledger import LedgerUnavailable
from greenlane.services.anchor import AnchorOutcome
from greenlane.worker import AssetWork, Worker
from worlds.deployment import COOPERATIVE, LIMA, World, close_world, make_world
from worlds.trade import Trade
from worlds.web import serve


def worker_of(world: World, *, anchor: object = None) -> Worker:
    return Worker(
        centers=[LIMA],
        publish=world.publish,
        anchor=anchor or world.anchor,  # type: ignore[arg-type]
        seal=None,
        tidy=None,  # type: ignore[arg-type]
        watch_keys=world.watch_keys,
        assets=world.asset_work,
        poll_interval_s=0.01,
        recheck_interval_s=0.05,
    )


def moved(trade: Trade, token: str) -> str:
    body = {"token": token, "quantity": "1", "to": "lima/city"}
    return str(trade.site.post("/v1/transfers", key=trade.seller, json=body).json()["digest"])


def state_of(trade: Trade, digest: str) -> str:
    return str(trade.act(digest)["state"])


def wait_for(trade: Trade, digest: str, *, patience_s: float = 20.0) -> None:
    end_s = time.monotonic() + patience_s
    while state_of(trade, digest) != "done":
        assert time.monotonic() < end_s, "the act was never decided"
        time.sleep(0.02)


def test_the_lane_decides_acts_while_the_worker_runs_and_ends_with_it(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    with serve(world) as site:
        trade = Trade.over(site)
        token = trade.issued("10")
        stop = threading.Event()
        worker = worker_of(world)
        worker._tidying.go_on(time.monotonic() + 1_000)
        thread = threading.Thread(target=worker.run, args=(stop,))
        thread.start()
        try:
            wait_for(trade, moved(trade, token))
            # The chain goes away and comes back: the lane goes on by itself.
            world.asset_ledger.is_away = True
            digest = moved(trade, token)
            time.sleep(0.3)
            assert state_of(trade, digest) == "kept"
            world.asset_ledger.is_away = False
            wait_for(trade, digest)
        finally:
            stop.set()
            thread.join(30)
        assert not thread.is_alive()
        assert not [each for each in threading.enumerate() if each.name == "assets"]
    close_world(world)


class _BusyAnchor:
    """An anchor that waits for the account until it was asked some times."""

    def __init__(self, world: World, refusals: int) -> None:
        self._world = world
        self.refusals = refusals

    def __call__(self, center: CenterId) -> AnchorOutcome:
        if self.refusals:
            self.refusals -= 1
            raise LedgerUnavailable("Another transaction of the account is on its way.", retry_after_s=1)
        return self._world.anchor(center)


def test_acts_give_way_to_an_anchor_that_waits_for_the_account_and_not_for_ever(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    with serve(world) as site:
        trade = Trade.over(site)
        token = trade.issued("10")
        world.take(3, member=COOPERATIVE)
        digest = moved(trade, token)
        anchor = _BusyAnchor(world, refusals=1)
        worker = worker_of(world, anchor=anchor)
        (course,) = worker._courses
        worker.step(course)
        worker.step_of_assets()
        assert state_of(trade, digest) == "kept"
        course.anchoring.go_on()
        worker.step(course)
        worker.step_of_assets()
        worker.step_of_assets()
        assert worker.run_until_current(patience_s=10)
        assert state_of(trade, digest) == "done"
        # One that is never sent, whatever for, holds nobody's act back.
        anchor.refusals = 1_000_000
        worker._anchors_waiting.add(LIMA)
        (acts,) = worker._acts
        acts.gave_way_since_s = time.monotonic() - 1_000
        digest = moved(trade, token)
        worker.step_of_assets()
        worker._following_assets.go_on()
        worker.step_of_assets()
        assert state_of(trade, digest) == "done"
    close_world(world)


def test_work_is_said_to_be_done_only_when_acts_are(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    with serve(world) as site:
        trade = Trade.over(site)
        token = trade.issued("10")
        world.asset_ledger.is_busy = True
        digest = moved(trade, token)
        worker = worker_of(world)
        assert isinstance(world.asset_work, AssetWork)
        assert worker.run_until_current(patience_s=1.0) is False
        world.asset_ledger.is_busy = False
        assert worker.run_until_current(patience_s=20.0) is True
        assert state_of(trade, digest) == "done"
    close_world(world)
