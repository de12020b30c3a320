"""What the room of evidence promises: a statement is kept once, decided once, and found by all that two must not share."""

import dataclasses
import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from greenlane.adapters.sql.evidence import EvidenceDecided, EvidenceMissing, EvidenceTaken
from greenlane.adapters.sql.faults import RowDamaged, RowRefused
from greenlane.adapters.sql.store import SqlStore
from greenlane.core.assets.custody import CustodyModel
from greenlane.core.assets.evidence import EvidenceStatement
from greenlane.core.assets.quantity import MAX_QUANTITY, Unit
from greenlane.core.crypto import sha256
from greenlane.core.errors import InvalidInput
from greenlane.core.units import CenterId, LeafIndex, MemberId
from greenlane.ports.evidence_index import EvidenceState, KeptEvidence
from greenlane.ports.store import Store
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from worlds.green_assets import DOMAIN, FACILITY, LOT, origin, statement
from worlds.query_plans import analyze, explained, whole_tables_read

LIMA, ACCRA, TIANJIN = CenterId("lima"), CenterId("accra"), CenterId("tianjin")
FARM, CERTIFIER, MILL = MemberId("farm"), MemberId("certifier"), MemberId("mill")
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
SIGNATURE = b"\x01" * 65
ATTRIBUTE = "deforestation-free"


def stated(number: int = 0, **changes: Any) -> EvidenceStatement:
    return statement(id=f"urn:example:statement:{number}", **changes)


def draft(of: EvidenceStatement | None = None, **facts: Any) -> KeptEvidence:
    said = stated() if of is None else of
    plain = KeptEvidence(
        digest=said.digest(DOMAIN),
        center=said.center,
        holder_center=LIMA,
        holder=FARM,
        certifier_center=ACCRA,
        certifier=CERTIFIER,
        statement=said,
        state=EvidenceState.DRAFTED,
        signature=None,
        leaf_index=None,
        drafted_at=NOON,
        decided_at=None,
        refused_because=None,
    )
    return dataclasses.replace(plain, **facts)


def logged(of: KeptEvidence, leaf: int) -> KeptEvidence:
    return dataclasses.replace(
        of, state=EvidenceState.LOGGED, signature=SIGNATURE, leaf_index=LeafIndex(leaf), decided_at=NOON + timedelta(hours=1)
    )


def keep(store: Store, *drafts: KeptEvidence) -> None:
    with store.write() as tx:
        for each in drafts:
            tx.evidence.add(each)


def log(store: Store, of: KeptEvidence, leaf: int) -> None:
    with store.write() as tx:
        tx.evidence.log(of.digest, signature=SIGNATURE, leaf_index=LeafIndex(leaf), at=NOON + timedelta(hours=1))


def test_a_draft_comes_back_by_its_digest(store: Store) -> None:
    plain = draft()
    from_serials = draft(stated(1, lot=None, origin=origin(1, 2**53 - 1), quantity=MAX_QUANTITY))
    keep(store, plain, from_serials)
    with store.read() as tx:
        for each in (plain, from_serials):
            assert tx.evidence.get(each.digest) == each
        assert tx.evidence.get(bytes(32)) is None
        assert tx.evidence.at(LIMA, LeafIndex(0)) is None


@pytest.mark.parametrize(
    "other",
    [draft(), draft(holder=MILL), draft(stated(0, quantity=7)), draft(digest=bytes(32)), draft(stated(9), digest=draft().digest)],
    ids=["the same", "for another", "another of that id", "another digest", "another id"],
)
def test_neither_an_id_nor_a_digest_is_kept_twice(store: Store, other: KeptEvidence) -> None:
    keep(store, draft())
    with pytest.raises(EvidenceTaken), store.write() as tx:
        tx.evidence.add(other)
    with store.read() as tx:
        assert tx.evidence.get(draft().digest) == draft()
        assert list(tx.evidence.of_member(LIMA, FARM, limit=9)) == [draft()]
        assert list(tx.evidence.of_member(LIMA, MILL, limit=9)) == []


def test_a_statement_for_another_centers_log_is_refused(store: Store) -> None:
    with pytest.raises(InvalidInput), store.write() as tx:
        tx.evidence.add(draft(center=TIANJIN))


def test_a_signed_draft_is_found_where_its_entry_stands(store: Store) -> None:
    drafts = [draft(stated(number)) for number in range(4)]
    keep(store, *drafts)
    for of, leaf in ((drafts[2], 3), (drafts[0], 2**40), (drafts[1], 17)):
        log(store, of, leaf)
    expected = [logged(drafts[2], 3), logged(drafts[1], 17), logged(drafts[0], 2**40)]
    with store.read() as tx:
        assert list(tx.evidence.walk(LIMA, start=LeafIndex(0), limit=9)) == expected
        assert list(tx.evidence.walk(LIMA, start=LeafIndex(4), limit=1)) == expected[1:2]
        assert list(tx.evidence.walk(LIMA, start=LeafIndex(2**40 + 1), limit=9)) == []
        assert list(tx.evidence.walk(TIANJIN, start=LeafIndex(0), limit=9)) == []
        assert [tx.evidence.at(LIMA, LeafIndex(leaf)) for leaf in (3, 17, 4)] == [*expected[:2], None]
        assert tx.evidence.get(drafts[2].digest) == expected[0]


def test_a_draft_is_decided_once(store: Store) -> None:
    signed, refused = draft(), draft(stated(1))
    keep(store, signed, refused)
    log(store, signed, 0)
    with store.write() as tx:
        tx.evidence.refuse(refused.digest, because="No audit.\0", at=NOON)
    told = dataclasses.replace(refused, state=EvidenceState.REFUSED, refused_because="No audit.\0", decided_at=NOON)
    for of in (signed, refused):
        with pytest.raises(EvidenceDecided):
            log(store, of, 5)
        with pytest.raises(EvidenceDecided), store.write() as tx:
            tx.evidence.refuse(of.digest, because="Again.", at=NOON)
    with pytest.raises(EvidenceMissing), store.write() as tx:
        tx.evidence.refuse(bytes(32), because="None.", at=NOON)
    with store.read() as tx:
        assert (tx.evidence.get(signed.digest), tx.evidence.get(refused.digest)) == (logged(signed, 0), told)


def test_of_two_that_decide_at_once_one_does(store: Store) -> None:
    keep(store, draft())
    outcomes: list[str] = []

    def decide(leaf: int) -> None:
        try:
            log(store, draft(), leaf)
        except EvidenceDecided:
            outcomes.append("too late")
        else:
            outcomes.append("decided")

    threads = [threading.Thread(target=decide, args=(leaf,)) for leaf in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["decided", "too late", "too late", "too late"]


def test_one_leaf_is_of_one_statement(store: Store) -> None:
    keep(store, draft(), draft(stated(1)))
    log(store, draft(), 0)
    with pytest.raises(RowRefused):
        log(store, draft(stated(1)), 0)
    with store.read() as tx:
        assert tx.evidence.get(draft(stated(1)).digest) == draft(stated(1))


def test_a_row_that_is_half_decided_is_refused_by_the_database(store: Store) -> None:
    for half in ({"leaf_index": LeafIndex(1)}, {"signature": SIGNATURE}, {"state": EvidenceState.LOGGED}):
        with pytest.raises(RowRefused), store.write() as tx:
            tx.evidence.add(draft(**half))


def test_a_member_finds_what_it_holds_and_what_it_certifies_newest_first_and_each_once(store: Store) -> None:
    def at(number: int, **facts: Any) -> KeptEvidence:
        return draft(stated(number), drafted_at=NOON + timedelta(minutes=number), **facts)

    held, certified = at(1), at(2, holder=MILL, certifier_center=LIMA, certifier=FARM)
    both = at(3, certifier_center=LIMA, certifier=FARM)
    of_a_namesake, of_others = at(4, holder_center=TIANJIN), at(5, holder=MILL)
    keep(store, both, held, of_others, certified, of_a_namesake)
    with store.read() as tx:
        assert list(tx.evidence.of_member(LIMA, FARM, limit=9)) == [both, certified, held]
        assert list(tx.evidence.of_member(LIMA, FARM, limit=2)) == [both, certified]
        assert list(tx.evidence.of_member(TIANJIN, FARM, limit=9)) == [of_a_namesake]
        assert list(tx.evidence.of_member(TIANJIN, MILL, limit=9)) == []


def test_what_was_stated_of_a_facility_is_found_by_the_days_that_overlap(store: Store) -> None:
    def of(number: int, first: int, last: int, **changes: Any) -> KeptEvidence:
        return draft(stated(number, vintage_from=date(2026, 4, first), vintage_to=date(2026, 4, last), **changes))

    early, middle, late = of(0, 1, 10), of(1, 5, 15), of(2, 16, 30)
    refused, elsewhere, otherwise = of(3, 5, 15), of(4, 5, 15, facility=LOT), of(5, 5, 15, attribute="organic")
    keep(store, early, middle, late, refused, elsewhere, otherwise)
    log(store, middle, 3)
    with store.write() as tx:
        tx.evidence.refuse(refused.digest, because="No.", at=NOON)

    def found(first: int, last: int) -> list[str]:
        with store.read() as tx:
            first_day, last_day = date(2026, 4, first), date(2026, 4, last)
            stated = tx.evidence.stated(FACILITY, attribute=ATTRIBUTE, vintage_from=first_day, vintage_to=last_day)
            return [each.statement.id[-1] for each in stated]

    assert found(1, 30) == ["0", "1", "2"]
    assert found(10, 10) == ["0", "1"]
    assert found(11, 15) == ["1"]
    assert found(15, 16) == ["1", "2"]
    assert found(30, 30) == ["2"]
    with store.read() as tx:
        first_day, last_day = date(2026, 5, 1), date(2026, 5, 31)
        assert not tx.evidence.stated(FACILITY, attribute=ATTRIBUTE, vintage_from=first_day, vintage_to=last_day)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("statement", b"{}"),
        ("statement", b"\xff"),
        ("state", "unknown"),
        ("facility", "urn:example:elsewhere"),
        ("attribute", "organic"),
        ("vintage_from", 0),
        ("vintage_to", 99_999),
        ("statement_id", "urn:example:statement:8"),
    ],
)
def test_what_was_changed_behind_our_back_is_told_as_damage(store: SqlStore, column: str, value: object) -> None:
    keep(store, draft())
    with store.write() as tx:
        tx.evidence._work.direct(f"UPDATE evidence SET {column} = ?", value)  # type: ignore[attr-defined]
    with pytest.raises(RowDamaged) as told, store.read() as tx:
        tx.evidence.get(draft().digest)
    assert told.value.where == "0x" + draft().digest.hex()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_stated_is_given_back(store: Store, data: st.DataObject) -> None:
    draw = data.draw
    days = sorted(draw(st.tuples(*[st.dates(date(1970, 1, 1), date(2106, 1, 1))] * 2)))
    serials = sorted(draw(st.tuples(*[st.integers(1, 2**53 - 1)] * 2)))
    said = statement(
        quantity=draw(st.integers(1, MAX_QUANTITY)),
        unit=Unit(code=draw(st.from_regex(r"[A-Z0-9]{2,3}", fullmatch=True)), decimals=draw(st.integers(0, 18))),
        vintage_from=days[0],
        vintage_to=days[1],
        custody_model=draw(st.sampled_from(CustodyModel)),
        lot=draw(st.sampled_from([LOT, None])),
        origin=origin(serials[0], serials[1]),
        certificate_digest=draw(st.binary(min_size=32, max_size=32)),
    )
    # What is stated otherwise has another id.
    said = dataclasses.replace(said, id=f"urn:example:{sha256(repr(said).encode()).hex()}")
    kept = draft(said, drafted_at=draw(st.datetimes(timezones=st.just(UTC))))
    with store.write() as tx:
        if tx.evidence.get(kept.digest) is None:
            tx.evidence.add(kept)
            assert tx.evidence.get(kept.digest) == kept


def test_no_question_reads_every_statement(store: SqlStore) -> None:
    keep(
        store,
        *(
            draft(
                stated(number, facility=f"urn:example:facility:{number % 50}"),
                holder=MemberId(f"m{number % 50}"),
                certifier=MemberId(f"c{number % 50}"),
            )
            for number in range(500)
        ),
    )
    some = draft(stated(7, facility="urn:example:facility:7"))
    log(store, some, 7)
    days = {"vintage_from": date(2026, 4, 1), "vintage_to": date(2026, 4, 2)}
    questions: list[Any] = [
        lambda tx: tx.evidence.get(some.digest),
        lambda tx: tx.evidence.at(LIMA, LeafIndex(7)),
        lambda tx: tx.evidence.of_member(LIMA, MemberId("m7"), limit=5),
        lambda tx: tx.evidence.of_member(ACCRA, MemberId("c7"), limit=5),
        lambda tx: tx.evidence.stated("urn:example:facility:7", attribute=ATTRIBUTE, **days),
        lambda tx: tx.evidence.walk(LIMA, start=LeafIndex(0), limit=5),
    ]
    analyze(store)
    for at, ask in enumerate(questions):
        with explained(store) as (tx, plans):
            assert ask(tx), at
        assert plans
        assert whole_tables_read("\n".join(plans), ["evidence"]) == [], (at, plans)


def from_elsewhere(number: int = 0, **facts: Any) -> KeptEvidence:
    said = stated(number, center=TIANJIN)
    return draft(said, **{"state": EvidenceState.ELSEWHERE, "signature": SIGNATURE, "decided_at": NOON} | facts)


def test_a_statement_from_elsewhere_is_found_by_its_digest_and_in_no_list_of_this_center(store: Store) -> None:
    known = from_elsewhere()
    with store.write() as tx:
        tx.evidence.add_elsewhere(known)
        tx.evidence.add_elsewhere(dataclasses.replace(known, drafted_at=NOON + timedelta(days=1)))
    with store.read() as tx:
        assert tx.evidence.get(known.digest) == known, "the first time stays"
        assert known.is_signed
        assert list(tx.evidence.walk(TIANJIN, start=LeafIndex(0), limit=9)) == []
        assert list(tx.evidence.of_member(LIMA, FARM, limit=9)) == []
        days = (known.statement.vintage_from, known.statement.vintage_to)
        assert list(tx.evidence.stated(FACILITY, vintage_from=days[0], vintage_to=days[1], attribute=ATTRIBUTE)) == []


def test_a_statement_of_this_center_goes_before_the_same_one_from_elsewhere(store: Store) -> None:
    own = draft(stated(center=LIMA))
    with store.write() as tx:
        tx.evidence.add_elsewhere(dataclasses.replace(own, state=EvidenceState.ELSEWHERE, signature=SIGNATURE, decided_at=NOON))
        tx.evidence.add(own)
    with store.read() as tx:
        assert tx.evidence.get(own.digest) == own


@pytest.mark.parametrize("wrong", [{"state": EvidenceState.DRAFTED}, {"state": EvidenceState.LOGGED}, {"center": LIMA}])
def test_only_what_is_from_elsewhere_is_kept_as_such(store: Store, wrong: dict[str, Any]) -> None:
    with store.write() as tx, pytest.raises(InvalidInput):
        tx.evidence.add_elsewhere(from_elsewhere(**wrong))


def test_statements_from_elsewhere_are_walked_in_pages(store: Store) -> None:
    some = sorted((from_elsewhere(number) for number in range(5)), key=lambda each: each.digest)
    with store.write() as tx:
        for each in some:
            tx.evidence.add_elsewhere(each)
    with store.read() as tx:
        assert list(tx.evidence.walk_elsewhere(after=b"", limit=3)) == some[:3]
        assert list(tx.evidence.walk_elsewhere(after=some[2].digest, limit=3)) == some[3:]


@pytest.mark.parametrize(("column", "value"), [("statement", b"{}"), ("statement", b"\xff"), ("center", "lima")])
def test_a_damaged_statement_from_elsewhere_is_told(store: SqlStore, column: str, value: object) -> None:
    known = from_elsewhere()
    with store.write() as tx:
        tx.evidence.add_elsewhere(known)
        change = f"UPDATE evidence_elsewhere SET {column} = {'%s' if store.is_postgres else '?'}"
        tx.evidence._work.driver().execute(change, (value,))  # type: ignore[attr-defined]
    with store.read() as tx, pytest.raises(RowDamaged):
        tx.evidence.get(known.digest)
