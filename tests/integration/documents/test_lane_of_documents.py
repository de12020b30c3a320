"""Documents hold no log back: their lane has its own thread, its own pauses, and ends soon when it is told to."""

import logging
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Self

import pytest
from greenlane.core.documents.cid import Cid
from greenlane.services.tidy import Tidy
from greenlane.worker import DocumentWork, Worker
from worlds.deployment import HOSTED
from worlds.document_store import DocumentsWorld
from worlds.holding import Center, befriend, close_center, open_center, settle

STORE = "a Kubo node (http://127.0.0.1:5001)"


@pytest.fixture
def lima(tmp_path: Path) -> Iterator[Center]:
    center = open_center(tmp_path / "lima", "lima")
    yield center
    close_center(center)


def worker(center: Center, *, interval_s: float = 0.01) -> Worker:
    world = center.world
    return Worker(
        centers=[each.id for each in HOSTED],
        publish=world.publish,
        anchor=world.anchor,
        seal=world.seal,
        tidy=Tidy(store=world.store, clock=world.clock),
        watch_keys=world.watch_keys,
        documents=DocumentWork(reconcile=center.reconcile, sweep_uploads=center.sweep, interval_s=interval_s, store=STORE),
        poll_interval_s=0.005,
        recheck_interval_s=10,
    )


def memory(center: Center) -> DocumentsWorld:
    assert isinstance(center.documents, DocumentsWorld)
    return center.documents


def until(condition: object, *, patience_s: float = 20.0) -> None:
    assert callable(condition)
    end_s = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < end_s, "it never came to that"
        time.sleep(0.01)


class Running:
    """A worker that runs until the block ends."""

    def __init__(self, worker: Worker) -> None:
        self.stop = threading.Event()
        self.thread = threading.Thread(target=worker.run, args=(self.stop,))

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(30)
        assert not self.thread.is_alive()


def test_a_running_worker_mends_and_drops_what_is_over(lima: Center, caplog: pytest.LogCaptureFixture) -> None:
    cid = lima.store(b"a document")
    memory(lima).pinned.clear()
    upload = lima.begin(b"never stated")
    lima.wait(timedelta(days=2))
    with caplog.at_level(logging.INFO), Running(worker(lima)):
        until(lambda: lima.documents.is_held(cid) and upload not in lima.world.staging.ids())
    told = {record.message: record.__dict__ for record in caplog.records}
    assert told["document.brought"]["cid"] == cid.text
    assert told["uploads.dropped"]["count"] == 2, "the one that was stated needs no record any more"


def test_a_store_that_hangs_holds_no_log_back_and_no_stop(lima: Center, monkeypatch: pytest.MonkeyPatch) -> None:
    free, hangs = threading.Event(), threading.Event()
    lima.store(b"a document")
    whole = memory(lima).is_held

    def hanging(cid: Cid) -> bool:
        hangs.set()
        free.wait(60)
        return whole(cid)

    monkeypatch.setattr(memory(lima), "is_held", hanging)
    monkeypatch.setattr("greenlane.worker._STOP_PATIENCE_S", 0.2)
    with Running(worker(lima)):
        assert hangs.wait(20)
        lima.world.take(3)
        until(lambda: any(one.tree_size == 4 for one in lima.world.ledger.anchored))
    free.set()


def test_a_store_that_is_away_is_waited_for_longer_and_longer_and_said_so(
    lima: Center, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [1_000.0]
    monkeypatch.setattr("greenlane.worker.time.monotonic", lambda: now_s[0])
    memory(lima).is_away = True
    served, stop = worker(lima), threading.Event()
    pauses = []
    with caplog.at_level(logging.WARNING):
        for _ in range(400):
            before = len(caplog.records)
            served.step_of_documents(stop)
            if len(caplog.records) > before:
                pauses.append(caplog.records[-1].__dict__["pause_s"])
            now_s[0] += 0.5
    assert {(record.message, record.__dict__["code"]) for record in caplog.records} == {
        ("worker.waiting", "documents-unavailable")
    }
    away = caplog.records[-1].__dict__
    assert away["store"] == STORE and away["detail"], "which one, and why"
    assert pauses == sorted(pauses) and pauses[-1] == 30.0
    memory(lima).is_away = False
    cid = lima.store(b"a document")
    memory(lima).pinned.clear()
    now_s[0] += 31
    served.step_of_documents(stop)
    assert lima.documents.is_held(cid)


def test_between_two_rounds_nothing_is_asked(lima: Center, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [1_000.0]
    monkeypatch.setattr("greenlane.worker.time.monotonic", lambda: now_s[0])
    looks: list[None] = []
    whole = memory(lima).check
    monkeypatch.setattr(memory(lima), "check", lambda: looks.append(None) or whole())  # type: ignore[func-returns-value]
    served, stop = worker(lima, interval_s=60), threading.Event()
    served.step_of_documents(stop)
    asked = len(looks)
    for _ in range(59):
        now_s[0] += 1
        served.step_of_documents(stop)
    assert len(looks) == asked > 0
    now_s[0] += 2
    served.step_of_documents(stop)
    assert len(looks) > asked


def test_what_is_missing_is_said_in_each_round_and_a_defect_is_told_with_its_place(
    lima: Center, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [1_000.0]
    monkeypatch.setattr("greenlane.worker.time.monotonic", lambda: now_s[0])
    cid = lima.store(b"a document")
    memory(lima).blocks.clear()
    served, stop = worker(lima), threading.Event()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            served.step_of_documents(stop)
            now_s[0] += 100
    messages = [record.message for record in caplog.records]
    assert messages.count("document.missing") == 1
    assert messages.count("documents.compared") == 3
    missing = next(record.__dict__ for record in caplog.records if record.message == "document.missing")
    assert missing["cid"] == cid.text and "no partner is known" in missing["detail"]

    def defective(_: Cid) -> bool:
        raise ValueError("a defect that nobody foresaw")

    monkeypatch.setattr(memory(lima), "is_held", defective)
    caplog.clear()
    served.step_of_documents(stop)
    (record,) = caplog.records
    assert record.message == "worker.halted" and "nobody foresaw" in str(record.exc_info)


def test_a_partner_that_comes_and_goes_is_in_the_log(
    lima: Center, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [1_000.0]
    monkeypatch.setattr("greenlane.worker.time.monotonic", lambda: now_s[0])
    tianjin = open_center(tmp_path / "tianjin", "tianjin")
    there, _ = befriend(lima, tianjin)
    lima.store(b"a document")
    served, stop = worker(lima), threading.Event()
    there.is_away = True
    with caplog.at_level(logging.INFO):
        for is_away in (True, False):
            there.is_away = is_away
            lima.wait(timedelta(hours=1))
            now_s[0] += 100
            served.step_of_documents(stop)
    lines = [(record.message, record.__dict__.get("partner")) for record in caplog.records]
    assert ("partner.away", "tianjin") in lines and ("partner.back", "tianjin") in lines
    settle(tianjin)
    close_center(tianjin)
