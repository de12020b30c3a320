"""Equal captures at the same moment end as one, on every database."""

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from greenlane.adapters.sql.store import SqlStore
from greenlane.core.units import CenterId, MemberId
from greenlane.ports.accounts import Member, MemberRole, Visibility
from greenlane.ports.answers import Once
from greenlane.ports.jobs import CaptureJob
from greenlane.services.capture import Capture
from worlds.events import some_events

_LIMA = CenterId("lima")
_MEMBER = MemberId("cooperative")
_AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
_CLIENTS = 8


def test_the_same_request_eight_times_at_once_is_one_job_and_each_event_one_entry(store: SqlStore) -> None:
    _enrol(store)
    capture = Capture(store=store, clock=lambda: _AT, entropy=os.urandom, max_unpublished=1_000)
    once = Once(scope="key POST /epcis/v2/capture", key="one", request_digest=bytes(32), at=_AT)
    jobs = _together(lambda: capture(center=_LIMA, member=_MEMBER, events=some_events(3), actor="key:1", once=once))
    assert len({job.id for job in jobs}) == 1
    with store.read() as tx:
        assert tx.log.head(_LIMA).captured == 3
        assert len(tx.audit.lines(_LIMA)) == 1


def test_the_same_events_in_eight_requests_at_once_are_entries_once(store: SqlStore) -> None:
    _enrol(store)
    capture = Capture(store=store, clock=lambda: _AT, entropy=os.urandom, max_unpublished=1_000)
    jobs = _together(lambda: capture(center=_LIMA, member=_MEMBER, events=some_events(3), actor="key:1"))
    assert sum(event.is_new for job in jobs for event in job.events) == 3
    assert len({tuple(event.leaf_index for event in job.events) for job in jobs}) == 1


def _enrol(store: SqlStore) -> None:
    with store.write() as tx:
        tx.accounts.put_member(
            Member(
                center=_LIMA,
                id=_MEMBER,
                name="Cooperative",
                roles=frozenset({MemberRole.ENTERPRISE}),
                visibility=Visibility.PUBLIC,
                created_at=_AT,
            )
        )


def _together(take: Callable[[], CaptureJob]) -> list[CaptureJob]:
    gate, jobs, faults = threading.Barrier(_CLIENTS), list[CaptureJob](), list[BaseException]()

    def run() -> None:
        gate.wait()
        try:
            jobs.append(take())
        except BaseException as fault:  # noqa: BLE001 a thread's fault must fail the test, whatever it is
            faults.append(fault)

    threads = [threading.Thread(target=run) for _ in range(_CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert len(jobs) == _CLIENTS
    return jobs
