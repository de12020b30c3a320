"""What the events' room promises: found by everything they name, by nobody who may not, and their salts really gone."""

import base64
import dataclasses
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from greenlane.adapters.sql.events import _KNOWN_IN_POSTGRES, _KNOWN_IN_SQLITE
from greenlane.adapters.sql.faults import RowRefused
from greenlane.adapters.sql.page_tokens import TokenInvalid
from greenlane.adapters.sql.store import SqlStore, open_store
from greenlane.core.errors import InvalidInput
from greenlane.core.units import CenterId, LeafIndex, MemberId, Salt
from greenlane.ports.accounts import Visibility
from greenlane.ports.events import EventFilter, EventIdentity, ItemKey, Reader, StoredEvent
from greenlane.ports.store import Store
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

LIMA, TIANJIN, HANOI = CenterId("lima"), CenterId("tianjin"), CenterId("hanoi")
MEMBER, OTHER_MEMBER = MemberId("cooperativa"), MemberId("other")
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
CACAO = "https://id.gs1.org/01/09506000134352/10/CACAO-1"
SACK = "https://id.gs1.org/00/095060001343520013"

Make = Callable[..., StoredEvent]
Capture = Callable[..., tuple[StoredEvent, ...]]


def everything(store: Store, wanted: EventFilter, limit: int = 100) -> list[StoredEvent]:
    """All events of a filter, page by page."""
    found: list[StoredEvent] = []
    token = None
    while True:
        with store.read() as reader:
            page = reader.events.find(wanted, limit=limit, token=token)
        assert len(page.events) <= limit
        assert page.events or page.next_token is None
        found += page.events
        token = page.next_token
        if token is None:
            return found


def test_an_event_comes_back_as_it_went_in(store: Store, make_event: Make, capture: Capture) -> None:
    rich = make_event(
        event_type="TransformationEvent",
        event_time=datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        action=None,
        biz_step="commissioning",
        disposition="active",
        read_point="https://id.gs1.org/414/9506000134383",
        biz_location="https://id.gs1.org/414/9506000134376",
        event_id="urn:uuid:3d9f4f31-0f3c-4f6c-9d5e-1a6c6f4c3f11",
        is_error_declaration=True,
        visibility=Visibility.PRIVATE,
        is_blinded=True,
        salt=Salt(bytes(range(32))),
        document='{"ñ":"🌱"}'.encode(),
        items=(ItemKey(role="input", identifier=CACAO), ItemKey(role="output", identifier=SACK)),
    )
    stored = capture(rich, make_event(items=()))
    with store.read() as reader:
        assert tuple(reader.events.at(LIMA, LeafIndex(n)) for n in range(3)) == (*stored, None)
        assert reader.events.walk(LIMA, start=LeafIndex(0), limit=9) == stored
        assert reader.events.walk(LIMA, start=LeafIndex(1), limit=9) == stored[1:]
        assert reader.events.walk(LIMA, start=LeafIndex(0), limit=1) == stored[:1]
        assert reader.events.walk(TIANJIN, start=LeafIndex(0), limit=9) == ()


def test_an_event_hash_that_is_not_its_digest_is_refused(store: Store, make_event: Make, capture: Capture) -> None:
    good = make_event()
    for wrong in ("", "ni:///sha-256;?ver=CBV2.0", good.event_hash.replace("?ver=", "!ver="), make_event().event_hash):
        with pytest.raises(InvalidInput):
            capture(dataclasses.replace(good, event_hash=wrong))
    with store.read() as reader:
        assert reader.log.head(LIMA).captured == 0


def test_known_tells_what_this_member_captured_before_and_nothing_else(store: Store, make_event: Make, capture: Capture) -> None:
    first, second = make_event(), make_event()
    declared = dataclasses.replace(
        first, identity=EventIdentity(event_digest=first.identity.event_digest, variant_digest=b"d" * 32)
    )
    fresh = make_event()
    capture(first, second, declared, dataclasses.replace(fresh, member=OTHER_MEMBER))
    capture(dataclasses.replace(fresh, center=TIANJIN))
    asked = [first.identity, declared.identity, fresh.identity, first.identity]
    with store.read() as reader:
        assert reader.events.known(LIMA, MEMBER, asked) == {first.identity: 0, declared.identity: 2}
        assert reader.events.known(LIMA, OTHER_MEMBER, asked) == {fresh.identity: 3}
        assert reader.events.known(TIANJIN, MEMBER, asked) == {fresh.identity: 0}
        assert reader.events.known(HANOI, MEMBER, asked) == {}
        assert reader.events.known(LIMA, MEMBER, []) == {}


def test_one_member_cannot_store_one_identity_twice(store: Store, make_event: Make, capture: Capture) -> None:
    event = make_event()
    capture(event)
    with pytest.raises(RowRefused):
        capture(make_event(), event)
    capture(dataclasses.replace(event, member=OTHER_MEMBER))
    with store.read() as reader:
        assert reader.log.head(LIMA).captured == 2


def test_a_thousand_events_are_stored_and_known_at_once(store: Store, make_event: Make, capture: Capture) -> None:
    stored = capture(*(make_event() for _ in range(1000)))
    with store.read() as reader:
        known = reader.events.known(LIMA, MEMBER, (one.identity for one in stored))
        assert known == {one.identity: one.leaf_index for one in stored}
        assert reader.events.walk(LIMA, start=LeafIndex(990), limit=100) == stored[990:]
    for one in (stored[0], stored[500], stored[999]):
        wanted = EventFilter(reader=None, any_epc=frozenset({one.items[0].identifier}))
        assert everything(store, wanted) == [one]


def test_what_is_known_is_looked_up_by_hash_and_never_by_reading_a_whole_center(
    store: SqlStore, make_event: Make, capture: Capture
) -> None:
    """In a young table, of which the planner knows nothing yet: just there it once chose to read everything."""
    digests = [one.identity.event_digest for _ in range(3) for one in capture(*(make_event() for _ in range(1000)))][:1000]
    with store.read() as reader:
        driver = reader.events._work.driver()  # type: ignore[attr-defined]
        if store.is_postgres:
            explained = driver.execute(f"EXPLAIN {_KNOWN_IN_POSTGRES}", (digests, 1, MEMBER))
        else:
            asked = _KNOWN_IN_SQLITE.format(",".join("?" * len(digests)))
            explained = driver.execute(f"EXPLAIN QUERY PLAN {asked}", (*digests, 1, MEMBER))
        plan = str(explained.fetchall())
    assert ("uq_event_event_digest" in plan) or ("sqlite_autoindex_event_2 (event_digest=?)" in plan), plan
    assert "Seq Scan on event" not in plan
    assert "SCAN event" not in plan


def test_by_hash_gives_every_entry_of_it_first_captured_first(store: Store, make_event: Make, capture: Capture) -> None:
    event = make_event(captured_at=NOON + timedelta(days=1))
    variant = EventIdentity(event_digest=event.identity.event_digest, variant_digest=b"d" * 32)
    (late,) = capture(event)
    (early,) = capture(dataclasses.replace(event, center=TIANJIN, captured_at=NOON))
    (middle,) = capture(dataclasses.replace(event, identity=variant, captured_at=NOON + timedelta(hours=1)))
    with store.read() as reader:
        assert reader.events.by_hash(event.identity.event_digest, reader=None) == (early, middle, late)
        assert reader.events.by_hash(bytes(32), reader=Reader(center=LIMA)) == ()


def test_private_events_are_invisible_to_every_other_center_and_member(
    store: Store, make_event: Make, make_private_event: Make, capture: Capture
) -> None:
    items = (ItemKey(role="epc", identifier=CACAO),)
    (secret,) = capture(make_private_event(b"s" * 32, items=items, event_id="urn:x:1"))
    (public,) = capture(make_event(items=items, event_id="urn:x:1"))
    (theirs,) = capture(make_private_event(b"t" * 32, items=items, center=TIANJIN, event_id="urn:x:1"))
    (others,) = capture(make_private_event(b"o" * 32, items=items, member=OTHER_MEMBER, event_id="urn:x:1"))
    readable = {
        None: [public],
        Reader(center=LIMA): [secret, public, others],
        Reader(center=LIMA, member=MEMBER): [secret, public],
        Reader(center=LIMA, member=OTHER_MEMBER): [public, others],
        Reader(center=TIANJIN): [public, theirs],
        Reader(center=TIANJIN, member=OTHER_MEMBER): [public],
        Reader(center=HANOI): [public],
        Reader(center=HANOI, member=MEMBER): [public],
    }
    narrow: list[dict[str, Any]] = [
        {},
        {"any_epc": frozenset({CACAO})},
        {"event_ids": frozenset({"urn:x:1"})},
        {"any_epc": frozenset({CACAO, SACK}), "event_ids": frozenset({"urn:x:1", "urn:x:2"})},
        {"event_types": frozenset({"ObjectEvent"})},
        {"ge_event_time": NOON},
    ]
    for asker, events in readable.items():
        for facts in narrow:
            assert everything(store, EventFilter(reader=asker, **facts), limit=1) == events, (asker, facts)
        with store.read() as reader:
            for one in (secret, public, theirs, others):
                found = reader.events.by_hash(one.identity.event_digest, reader=asker)
                assert found == ((one,) if one in events else ())


def test_every_field_of_a_filter_narrows(store: Store, make_event: Make, capture: Capture) -> None:
    facts: dict[str, tuple[Any, Any]] = {
        "event_type": ("AggregationEvent", "event_types"),
        "action": ("ADD", "actions"),
        "biz_step": ("packing", "biz_steps"),
        "disposition": ("in_transit", "dispositions"),
        "read_point": ("https://id.gs1.org/414/9506000134383", "read_points"),
        "biz_location": ("https://id.gs1.org/414/9506000134376", "biz_locations"),
        "event_id": ("urn:uuid:1", "event_ids"),
    }
    plain = capture(*(make_event() for _ in range(3)))
    special = {name: capture(make_event(**{name: value}))[0] for name, (value, _) in facts.items()}
    all_events = [*plain, *special.values()]
    assert everything(store, EventFilter(reader=None)) == all_events
    for name, (value, field) in facts.items():
        wanted: dict[str, Any] = {field: frozenset({value, "none such"})}
        assert everything(store, EventFilter(reader=None, **wanted)) == [special[name]], field
    assert everything(store, EventFilter(reader=None, actions=frozenset({"ADD"}), biz_steps=frozenset({"packing"}))) == []


def test_time_bounds_take_the_lower_end_and_leave_the_upper(store: Store, make_event: Make, capture: Capture) -> None:
    events = capture(
        *(make_event(event_time=NOON + timedelta(microseconds=n), captured_at=NOON - timedelta(microseconds=n)) for n in range(5))
    )

    def at(n: int) -> datetime:
        return NOON + timedelta(microseconds=n)

    for epcs in (frozenset[str](), frozenset(item.identifier for one in events for item in one.items)):
        by_event = EventFilter(reader=None, any_epc=epcs, ge_event_time=at(1), lt_event_time=at(3))
        assert everything(store, by_event) == list(events[1:3])
        by_record = EventFilter(reader=None, any_epc=epcs, ge_record_time=at(-3), lt_record_time=at(-1))
        assert everything(store, by_record) == list(events[2:4])


def test_an_item_is_found_in_any_role_and_an_event_but_once(store: Store, make_event: Make, capture: Capture) -> None:
    events = capture(
        make_event(items=(ItemKey(role="parent", identifier=SACK), ItemKey(role="child_epc", identifier=CACAO))),
        make_event(items=(ItemKey(role="input", identifier=CACAO), ItemKey(role="output", identifier=CACAO))),
        make_event(event_id=CACAO),
        make_event(),
    )
    assert everything(store, EventFilter(reader=None, any_epc=frozenset({CACAO}))) == list(events[:2])
    assert everything(store, EventFilter(reader=None, any_epc=frozenset({CACAO, SACK})), limit=1) == list(events[:2])
    assert everything(store, EventFilter(reader=None, event_ids=frozenset({CACAO}))) == [events[2]]
    assert everything(store, EventFilter(reader=None, any_epc=frozenset({"https://id.gs1.org/00/000000000000000000"}))) == []


def test_pages_give_each_event_once_in_order_also_where_times_are_equal(store: Store, make_event: Make, capture: Capture) -> None:
    item = (ItemKey(role="epc", identifier=CACAO),)
    stored: list[StoredEvent] = []
    for center in (LIMA, TIANJIN):
        stored += capture(*(make_event(center=center, items=item, event_time=NOON + timedelta(hours=n // 4)) for n in range(11)))
    in_order = sorted(stored, key=lambda one: (one.event_time, one.center, one.leaf_index))
    for limit in (1, 2, 3, 7, 21, 22, 23):
        for wanted in (EventFilter(reader=None), EventFilter(reader=None, any_epc=frozenset({CACAO, SACK}))):
            assert everything(store, wanted, limit=limit) == in_order, limit


def test_an_event_that_comes_between_pages_moves_no_other(store: Store, make_event: Make, capture: Capture) -> None:
    stored = capture(*(make_event() for _ in range(4)))
    with store.read() as reader:
        page = reader.events.find(EventFilter(reader=None), limit=2)
    capture(make_event(event_time=NOON - timedelta(days=1)))
    with store.read() as reader:
        assert reader.events.find(EventFilter(reader=None), limit=9, token=page.next_token).events == stored[2:]


def _token(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "%",
        "é",
        "AAAA",
        "x" * 5000,
        _token([]),
        _token([1, 2]),
        _token([1, 2, 3, 4]),
        _token([1, 2, "3"]),
        _token([1, 2, True]),
        _token([1, 2, 3.0]),
        _token([2**63, 2, 3]),
        _token([2**62, 2, 3]),
        _token([1, 2**63, 3]),
        _token([1, 2, 2**80]),
        _token({"a": 1}),
        _token(None),
        _token([1, 2, 3]) + "\n",
    ],
)
def test_a_token_that_was_never_given_out_is_refused(store: Store, token: str) -> None:
    with pytest.raises(TokenInvalid), store.read() as reader:
        reader.events.find(EventFilter(reader=None), limit=1, token=token)


@given(token=st.text(max_size=60))
@settings(max_examples=60, suppress_health_check=list(HealthCheck), database=None)
def test_no_text_as_token_does_anything_but_page_or_be_refused(store: Store, token: str) -> None:
    try:
        with store.read() as reader:
            reader.events.find(EventFilter(reader=None), limit=1, token=token)
    except TokenInvalid:
        return


def test_a_forgotten_salt_is_gone_and_that_is_recorded(
    store: SqlStore, make_event: Make, make_private_event: Make, capture: Capture
) -> None:
    kept, forgotten, public = capture(make_private_event(b"k" * 32), make_private_event(b"f" * 32), make_event())
    with store.write() as transaction:
        assert transaction.events.forget_salt(LIMA, forgotten.leaf_index, NOON)
        assert not transaction.events.forget_salt(LIMA, forgotten.leaf_index, NOON), "it can be forgotten once"
        assert not transaction.events.forget_salt(LIMA, public.leaf_index, NOON), "a public event has none"
        assert not transaction.events.forget_salt(TIANJIN, kept.leaf_index, NOON)
    with store.read() as reader:
        assert reader.events.at(LIMA, forgotten.leaf_index) == dataclasses.replace(forgotten, salt=None)
        assert reader.events.at(LIMA, kept.leaf_index) == kept
        rows = reader.log._work.driver().execute("SELECT leaf_index, at FROM forgotten_salt").fetchall()  # type: ignore[attr-defined]
    assert [tuple(row) for row in rows] == [(1, int(NOON.timestamp()) * 1_000_000)]


def test_no_byte_of_a_forgotten_salt_stays_in_the_files_of_sqlite(tmp_path: Path, make_private_event: Make) -> None:
    """Searched for in the database and its write-ahead log, among enough others that pages were split and moved."""
    store = open_store(f"sqlite:///{tmp_path / 'greenlane.db'}")
    store.migrate()
    salts = [hashlib.sha256(f"salt {n}".encode()).digest() for n in range(1000)]
    for at in range(0, 1000, 100):
        with store.write() as transaction:
            first = transaction.log.append(LIMA, [bytes(65)] * 100)
            transaction.events.add([make_private_event(salts[at + n], leaf_index=LeafIndex(first + n)) for n in range(100)])

    def on_disk() -> bytes:
        return b"".join(file.read_bytes() for file in sorted(tmp_path.iterdir()))

    victims = [0, 1, 499, 500, 998, 999]
    assert all(salts[n] in on_disk() for n in victims)
    with store.write() as transaction:
        for n in victims:
            assert transaction.events.forget_salt(LIMA, LeafIndex(n), NOON)
    files = on_disk()
    assert [n for n in victims if salts[n] in files] == []
    assert salts[2] in files
    store.close()


def test_forgetting_beside_an_open_reader_is_finished_by_the_next_write(tmp_path: Path, make_private_event: Make) -> None:
    file = tmp_path / "greenlane.db"
    store = SqlStore(f"sqlite:///{file}", busy_timeout_s=1)
    store.migrate()
    secret = b"a salt of thirty-two bytes, yes!"
    with store.write() as transaction:
        transaction.log.append(LIMA, [bytes(65)])
        transaction.events.add([make_private_event(secret, leaf_index=LeafIndex(0))])
    with store.read() as reader:
        assert reader.log.head(LIMA).captured == 1
        with store.write() as transaction:
            assert transaction.events.forget_salt(LIMA, LeafIndex(0), NOON)
    with store.write() as transaction:
        transaction.log.append(LIMA, [bytes(65)])
    assert all(secret not in one.read_bytes() for one in tmp_path.iterdir())
    store.close()


def test_a_start_finishes_the_forgetting_that_a_crash_cut_short(
    tmp_path: Path, make_private_event: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'greenlane.db'}"
    secret = b"a salt of thirty-two bytes, yes!"
    store = open_store(url)
    store.migrate()
    with store.write() as transaction:
        transaction.log.append(LIMA, [bytes(65)])
        transaction.events.add([make_private_event(secret, leaf_index=LeafIndex(0))])
    with monkeypatch.context() as crash, pytest.raises(KeyboardInterrupt), store.write() as transaction:
        crash.setattr(store, "_empty_wal", _crash)
        assert transaction.events.forget_salt(LIMA, LeafIndex(0), NOON)
    # A second connection keeps SQLite from tidying up as the last one closes.
    bystander = open_store(url)
    with bystander.read() as reader:
        assert reader.events.at(LIMA, LeafIndex(0)) is not None
    store.close()
    assert any(secret in one.read_bytes() for one in tmp_path.iterdir())
    restarted = open_store(url)
    restarted.migrate()
    assert all(secret not in one.read_bytes() for one in tmp_path.iterdir())
    restarted.close()
    bystander.close()


def _crash() -> None:
    raise KeyboardInterrupt
