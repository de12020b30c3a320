"""What capture promises: once is once, however it is spelled, whoever hurries, and wherever the process dies."""

import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from greenlane.core.canonical import canonical_bytes, parse_json
from greenlane.core.entry import Entry, EntryKind, opens
from greenlane.core.epcis.event import MAX_EVENT_BYTES, Event, EventFault
from greenlane.core.units import CenterId, LeafIndex, MemberId
from greenlane.ports.accounts import Member, MemberUnknown, Visibility
from greenlane.ports.answers import IdempotencyKeyReused, Once
from greenlane.ports.jobs import CaptureJob
from greenlane.ports.log import QueueFull
from worlds.deployment import COOPERATIVE, LIMA, ROASTER, TIANJIN, World, close_world, make_world
from worlds.events import CONTEXT, GTIN, event_document, item, parsed, some_events
from worlds.storms import BreakingStore, Crash

ONCE = Once(scope="key post /capture", key="order-7", request_digest=bytes(32), at=datetime(2026, 6, 1, tzinfo=UTC))
DECLARATION = {"declarationTime": "2026-05-31T08:00:00.000Z", "reason": "incorrect_data"}


def outcome(job: CaptureJob) -> list[tuple[int, bool]]:
    return [(event.leaf_index, event.is_new) for event in job.events]


def captured(world: World, center: CenterId = LIMA) -> int:
    with world.store.read() as tx:
        return tx.log.head(center).captured


# --- one event is one entry ---------------------------------------------------------------------------------------------


def test_one_event_twice_in_a_request_and_again_in_the_next_is_one_entry_and_says_so(world: World) -> None:
    one, other = parsed(event_document(1), event_document(2))
    assert outcome(world.take_these(one, other, one)) == [(0, True), (1, True), (0, False)]
    assert outcome(world.take_these(other, one)) == [(1, False), (0, False)]
    assert captured(world) == 2
    assert world.fsck().events == 2


@pytest.mark.parametrize(
    "spelled",
    [
        pytest.param(event_document(7, epcList=["urn:epc:id:sgtin:9521321.000001.7"]), id="urn"),
        pytest.param(event_document(7, epcList=[f"https://brand.example/01/{GTIN}/21/7"]), id="another host"),
        pytest.param(event_document(7, eventTime="2026-05-30T05:00:00.000-05:00"), id="other zone"),
        pytest.param(event_document(7, eventTime="2026-05-30T10:00:00Z"), id="no milliseconds"),
        pytest.param(event_document(7, bizStep="https://ref.gs1.org/cbv/BizStep-shipping"), id="long word"),
        pytest.param(event_document(7, recordTime="2026-06-01T00:00:00.000Z"), id="a record time of its own"),
        pytest.param(dict(reversed(event_document(7).items())), id="other key order"),
    ],
)
def test_an_event_spelled_differently_is_the_same_entry(world: World, spelled: dict[str, object]) -> None:
    first = world.take_these(*parsed(event_document(7)))
    again = world.take_these(*parsed(spelled))  # type: ignore[arg-type]
    assert again.events[0].event_hash == first.events[0].event_hash
    assert outcome(again) == [(0, False)]


@pytest.mark.parametrize(
    "changed",
    [
        event_document(8),
        event_document(7, eventTime="2026-05-30T10:00:00.001Z"),
        event_document(7, eventTimeZoneOffset="-04:00"),
        event_document(7, action="ADD"),
        event_document(7, bizStep="receiving"),
        event_document(7, disposition="in_transit"),
        event_document(7, epcList=[item(7), item(8)]),
    ],
)
def test_an_event_with_another_meaning_is_another_entry(world: World, changed: dict[str, object]) -> None:
    world.take_these(*parsed(event_document(7)))
    assert outcome(world.take_these(*parsed(changed))) == [(1, True)]  # type: ignore[arg-type]


def test_an_error_declaration_is_a_second_entry_about_the_first(world: World) -> None:
    plain, declared = parsed(event_document(1), event_document(1, errorDeclaration=DECLARATION))
    first, second = world.take_these(plain), world.take_these(declared)
    assert (outcome(first), outcome(second)) == ([(0, True)], [(1, True)])
    assert first.events[0].event_hash == second.events[0].event_hash
    assert outcome(world.take_these(declared, plain)) == [(1, False), (0, False)]
    with world.store.read() as tx:
        both = [tx.events.at(LIMA, LeafIndex(index)) for index in range(2)]
    assert [event.is_error_declaration for event in both if event] == [False, True]


def test_a_certificate_is_part_of_what_is_said(world: World) -> None:
    (plain,) = parsed(event_document(1))
    (certified,) = parsed(event_document(1, certificationInfo="https://certifier.example/17"))
    assert outcome(world.take_these(plain, certified, certified)) == [(0, True), (1, True), (1, False)]


def test_two_members_who_say_the_same_leave_two_entries(world: World) -> None:
    events = some_events(1)
    jobs = [
        world.take_these(*events, member=member, center=center)
        for center, member in ((LIMA, COOPERATIVE), (LIMA, ROASTER), (TIANJIN, COOPERATIVE))
    ]
    assert [outcome(job) for job in jobs] == [[(0, True)], [(1, True)], [(0, True)]]


def test_what_is_stored_is_the_event_as_accepted_and_its_entry_opens(world: World) -> None:
    (event,) = parsed(
        event_document(
            1,
            recordTime="2020-01-01T00:00:00.000Z",
            **{"example:note": "ñandú"},
            **{
                "@context": [
                    "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
                    {"example": "https://example.org/"},
                ]
            },
        )
    )
    world.take_these(event)
    with world.store.read() as tx:
        stored = tx.events.at(LIMA, LeafIndex(0))
        (entry,) = tx.log.entries(LIMA, LeafIndex(0), 1)
    assert stored is not None
    document = parse_json(stored.document)
    assert isinstance(document, dict)
    assert canonical_bytes(document) == stored.document
    assert "recordTime" not in document
    assert document["example:note"] == "ñandú"
    plain = Entry(kind=EntryKind.EVENT, is_blinded=False, subject=stored.identity.event_digest, content=stored.content_digest)
    assert opens(Entry.decode(entry), plain, None)


# --- in a hurry ---------------------------------------------------------------------------------------------------------


def test_eight_who_capture_one_event_at_once_leave_one_entry(world: World) -> None:
    gate, jobs, events = threading.Barrier(8), list[CaptureJob](), some_events(3)

    def take() -> None:
        gate.wait()
        jobs.append(world.take_these(*events))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({job.id for job in jobs}) == 8
    assert sorted(sum(event.is_new for event in job.events) for job in jobs) == [0] * 7 + [3]
    assert all([event.leaf_index for event in job.events] == [0, 1, 2] for job in jobs)
    world.settle()
    report = world.fsck()
    assert (report.entries, report.events, report.faults) == (3, 3, [])


def test_eight_who_send_one_request_under_one_key_get_one_job(world: World) -> None:
    gate, jobs, events = threading.Barrier(8), list[CaptureJob](), some_events(2)

    def take() -> None:
        gate.wait()
        jobs.append(world.capture(center=LIMA, member=COOPERATIVE, events=events, actor="key:1", once=ONCE))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({job.id for job in jobs}) == 1
    with world.store.read() as tx:
        assert [line.action for _, line in tx.audit.lines(LIMA)].count("event.capture") == 1


# --- push-back and repeats ----------------------------------------------------------------------------------------------


def test_a_full_queue_takes_nothing_and_says_when_to_come_again(world: World) -> None:
    tight = world.with_limit(3)
    tight.take(3)
    with world.store.read() as tx:
        lines = len(tx.audit.lines(LIMA))
    with pytest.raises(QueueFull) as full:
        tight.take(1, first=3)
    assert full.value.retry_after_s > 0
    assert captured(world) == 3
    with world.store.read() as tx:
        assert len(tx.audit.lines(LIMA)) == lines
    tight.take(1, center=TIANJIN)
    tight.publish(LIMA)
    assert outcome(tight.take(1, first=3)) == [(3, True)]


def test_a_key_replays_the_first_answer_and_does_nothing_twice(world: World) -> None:
    first = world.capture(center=LIMA, member=COOPERATIVE, events=some_events(2), actor="key:1", once=ONCE)
    again = world.capture(center=LIMA, member=COOPERATIVE, events=some_events(2), actor="key:1", once=ONCE)
    assert again == first
    assert [event.is_new for event in again.events] == [True, True]
    assert captured(world) == 2
    with world.store.read() as tx:
        assert [line.subject for _, line in tx.audit.lines(LIMA) if line.action == "event.capture"] == [first.id]


def test_a_key_with_another_body_is_refused_and_takes_nothing(world: World) -> None:
    world.capture(center=LIMA, member=COOPERATIVE, events=some_events(1), actor="key:1", once=ONCE)
    with pytest.raises(IdempotencyKeyReused):
        world.capture(
            center=LIMA,
            member=COOPERATIVE,
            events=some_events(1, first=1),
            actor="key:1",
            once=replace(ONCE, request_digest=bytes(31) + b"\x01"),
        )
    assert captured(world) == 1


def test_a_member_that_nobody_enrolled_is_refused_and_nothing_is_stored(world: World) -> None:
    with pytest.raises(MemberUnknown):
        world.take(1, member=MemberId("stranger"))
    with pytest.raises(MemberUnknown):
        world.take(1, center=CenterId("nowhere"))
    assert captured(world) == 0


def test_each_write_leaves_one_audit_line_without_a_word_of_the_event(world: World) -> None:
    job = world.capture(center=LIMA, member=ROASTER, events=some_events(3), actor="key:0123", once=None)
    with world.store.read() as tx:
        _, line = tx.audit.lines(LIMA)[-1]
    assert (line.actor, line.center, line.member, line.action, line.subject) == (
        "key:0123",
        LIMA,
        ROASTER,
        "event.capture",
        job.id,
    )


# --- private events -----------------------------------------------------------------------------------------------------


def test_a_private_members_entries_are_blinded_each_with_a_salt_of_its_own(world: World) -> None:
    world.take(3, member=ROASTER)
    with world.store.read() as tx:
        entries = [Entry.decode(entry) for entry in tx.log.entries(LIMA, LeafIndex(0), 3)]
        events = [tx.events.at(LIMA, LeafIndex(index)) for index in range(3)]
    assert all(entry.is_blinded for entry in entries)
    assert len({event.salt for event in events if event}) == 3
    for entry, event in zip(entries, events, strict=True):
        assert event is not None
        plain = Entry(kind=EntryKind.EVENT, is_blinded=False, subject=event.identity.event_digest, content=event.content_digest)
        assert opens(entry, plain, event.salt)
        assert event.identity.event_digest not in entry.encode()


def test_a_changed_visibility_holds_for_what_comes_and_never_for_what_is_there(world: World) -> None:
    world.take(1)
    member = next(each for each in _members(world) if each.id == COOPERATIVE)
    world.enrol.member(
        center=LIMA,
        member=COOPERATIVE,
        name=member.name,
        roles=member.roles,
        visibility=Visibility.PRIVATE,
        actor="console",
    )
    world.take(2)
    with world.store.read() as tx:
        assert [event.is_blinded for event in tx.events.walk(LIMA, start=LeafIndex(0), limit=9)] == [False, True]


def _members(world: World) -> list[Member]:
    with world.store.read() as tx:
        return list(tx.accounts.members(LIMA))


# --- a crash anywhere ---------------------------------------------------------------------------------------------------


def test_a_crash_at_any_call_of_the_store_leaves_nothing_and_a_repeat_takes_it_once(tmp_path: Path) -> None:
    events: tuple[Event, ...] = some_events(3)
    at = 0
    while True:
        folder = tmp_path / str(at)
        folder.mkdir()
        world = make_world(folder)
        breaking = BreakingStore(world.store, at)
        try:
            world.over(breaking).capture(center=LIMA, member=ROASTER, events=events, actor="key:1", once=ONCE)
        except Crash:
            assert captured(world) == 0
            with world.store.read() as tx:
                assert tx.events.walk(LIMA, start=LeafIndex(0), limit=9) == ()
                assert not [line for _, line in tx.audit.lines(LIMA) if line.action == "event.capture"]
        job = world.capture(center=LIMA, member=ROASTER, events=events, actor="key:1", once=ONCE)
        assert [event.leaf_index for event in job.events] == [0, 1, 2]
        assert world.fsck().faults == []
        close_world(world)
        if not breaking.has_broken:
            break
        at += 1
    assert at > 8


def test_an_event_that_no_receipt_could_carry_is_refused_by_its_index_and_nothing_of_the_request_is_taken(world: World) -> None:
    large = event_document(2, **{"@context": [CONTEXT, {"ex": "https://ns.example.org/"}], "ex:long": "x" * MAX_EVENT_BYTES})
    with pytest.raises(EventFault) as refusal:
        world.take_these(*parsed(event_document(1), large))
    assert refusal.value.event_index == 1
    assert captured(world) == 0
