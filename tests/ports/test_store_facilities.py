"""What finding a member's events by their facility promises."""

from datetime import UTC, datetime, timedelta

import pytest
from greenlane.adapters.sql.names import name_digest
from greenlane.adapters.sql.store import open_store
from greenlane.core.units import CenterId, LeafIndex, MemberId
from greenlane.ports.events import StoredEvent
from greenlane.ports.store import Store

from .conftest import Capture, MakeEvent, MakePrivateEvent

LIMA, TIANJIN = CenterId("lima"), CenterId("tianjin")
COOPERATIVE, MILL = MemberId("cooperativa"), MemberId("mill")
YARD = "https://id.gs1.org/414/9506000134352"
DOCK = f"{YARD}/254/DOCK-2"
STORE = "https://id.gs1.org/414/9506000134369"
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def _found(store: Store, facility: str, *, center: CenterId = LIMA, member: MemberId = COOPERATIVE) -> list[LeafIndex]:
    with store.read() as reader:
        return [each.leaf_index for each in reader.events.at_facility(center, member, facility, after=None, limit=100)]


@pytest.mark.parametrize(
    ("biz_location", "read_point", "facility"),
    [
        (YARD, None, YARD),
        (None, YARD, YARD),
        (None, DOCK, YARD),
        (DOCK, STORE, YARD),
        ("geo:1,2", None, "geo:1,2"),
    ],
)
def test_an_event_is_found_at_its_business_location_or_else_its_read_point(
    store: Store, capture: Capture, make_event: MakeEvent, biz_location: str | None, read_point: str | None, facility: str
) -> None:
    (one, _) = capture(make_event(biz_location=biz_location, read_point=read_point), make_event(biz_location=None))
    assert _found(store, facility) == [one.leaf_index]
    assert _found(store, STORE) == []


def test_each_member_finds_its_own_private_ones_too_and_nobody_elses(
    store: Store, capture: Capture, make_event: MakeEvent, make_private_event: MakePrivateEvent
) -> None:
    public, private, other = capture(
        make_event(biz_location=YARD),
        make_private_event(bytes(32), biz_location=YARD),
        make_event(biz_location=YARD, member=MILL),
    )
    (elsewhere,) = capture(make_event(biz_location=YARD, center=TIANJIN))
    assert _found(store, YARD) == [public.leaf_index, private.leaf_index]
    assert _found(store, YARD, member=MILL) == [other.leaf_index]
    assert _found(store, YARD, center=TIANJIN) == [elsewhere.leaf_index]
    assert _found(store, YARD, center=CenterId("hanoi")) == []


def test_pages_come_by_time_and_then_by_place_in_the_log_and_miss_nothing(
    store: Store, capture: Capture, make_event: MakeEvent
) -> None:
    hours = (3, 1, 2, 1, 3, 1)
    placed = capture(*(make_event(biz_location=YARD, event_time=NOON + timedelta(hours=hour)) for hour in hours))
    whole = sorted(placed, key=lambda each: (each.event_time, each.leaf_index))
    found: list[StoredEvent] = []
    with store.read() as reader:
        while page := reader.events.at_facility(LIMA, COOPERATIVE, YARD, after=found[-1] if found else None, limit=2):
            found += page
        since = reader.events.at_facility(LIMA, COOPERATIVE, YARD, after=None, limit=9, start=placed[4].leaf_index)
    assert [each.leaf_index for each in found] == [each.leaf_index for each in whole]
    assert [each.leaf_index for each in since] == [placed[5].leaf_index, placed[4].leaf_index]


def test_events_from_before_are_found_by_their_facility_too(
    store_url: str, monkeypatch: pytest.MonkeyPatch, make_event: MakeEvent
) -> None:
    from alembic import command

    whole = command.upgrade
    before = open_store(store_url)
    monkeypatch.setattr(command, "upgrade", lambda config, _head: whole(config, "0005"))
    before.migrate()
    with before.write() as transaction:
        for number, (center, facts) in enumerate(
            [(LIMA, {"biz_location": DOCK}), (LIMA, {"read_point": YARD}), (LIMA, {}), (TIANJIN, {"biz_location": YARD})]
        ):
            index = transaction.log.append(center, [bytes([number]) * 65])
            transaction.events.add([make_event(center=center, leaf_index=index, **facts)])
        # As the release before left it: without names of places.
        digests = [name_digest("place", f"{COOPERATIVE}\0{YARD}")]
        driver = transaction.events._work.driver()  # type: ignore[attr-defined]
        sign = "%s" if before.is_postgres else "?"
        driver.execute(f"DELETE FROM named WHERE name_digest = {sign}", digests)
    assert _found(before, YARD) == []
    monkeypatch.undo()
    before.migrate()
    assert _found(before, YARD) == [0, 1]
    assert _found(before, YARD, center=TIANJIN) == [0]
    before.close()
