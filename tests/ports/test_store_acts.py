"""What the room of acts promises: none is forgotten or doubled, and each ends once, or again after the chain lost it."""

import dataclasses
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from greenlane.adapters.sql.acts import ActClosed, ActMissing, ActTaken
from greenlane.adapters.sql.faults import RowDamaged
from greenlane.adapters.sql.store import SqlStore
from greenlane.core.assets.act import SIGNATURE_BYTES, Act
from greenlane.core.assets.facts import EscrowFacts, EscrowState
from greenlane.core.crypto import sha256
from greenlane.core.units import Address, CenterId, MemberId
from greenlane.ports.acts import ActKind, ActState, Keeping, KeptAct
from greenlane.ports.asset_ledger import AssetContract, SignedAct, Touched
from greenlane.ports.store import Store
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from worlds.query_plans import analyze, explained, whole_tables_read

LIMA, TIANJIN = CenterId("lima"), CenterId("tianjin")
FARM, CITY = MemberId("farm"), MemberId("city")
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=1)
LINE = "ab" * 16


def kept(number: int, **facts: Any) -> KeptAct:
    act = Act(
        account=Address(b"a" * 20), salt=sha256(b"salt %d" % number), not_after=2**64 - 1 - number, call=b"\xa9\x05" + bytes(64)
    )
    plain = KeptAct(
        digest=sha256(b"act %d" % number),
        center=LIMA,
        member=FARM,
        kind=ActKind.TRANSFER,
        signed=SignedAct(contract=AssetContract.GREEN_ASSET, act=act, signature=b"\x01" * SIGNATURE_BYTES),
        subject="0x" + "07" * 32,
        line=None,
        asked={"quantity": "1.5", "to": "lima/city", "lines": [1, None, True], "ñ": {"\u20ac": "a"}},
        state=ActState.KEPT,
        kept_at=NOON,
    )
    return dataclasses.replace(plain, **facts)


def keep(store: Store, *acts: KeptAct) -> None:
    with store.write() as tx:
        for act in acts:
            tx.acts.add(act)


def test_an_act_comes_back_whole_and_is_kept_once(store: Store) -> None:
    acts = [
        kept(0),
        kept(1, line=(LINE, 200), kind=ActKind.ESCROW),
        kept(
            2,
            state=ActState.REFUSED,
            brought_at=NOON,
            decided_at=LATER,
            refusal="MoreThanEvidenced",
            detail="No.\0\ud800",
            remedy="Ask for less.",
        ),
    ]
    keep(store, *acts)
    with store.read() as tx:
        assert [tx.acts.get(act.digest) for act in acts] == acts
        assert tx.acts.get(bytes(32)) is None
    with pytest.raises(ActTaken), store.write() as tx:
        tx.acts.add(kept(0, member=CITY))
    with store.read() as tx:
        assert tx.acts.get(acts[0].digest) == acts[0]


def test_waiting_acts_come_in_the_order_in_which_they_were_kept_whatever_the_clock_said(store: Store) -> None:
    acts = [kept(number, kept_at=NOON - timedelta(seconds=number)) for number in range(6)]
    keep(store, *acts, kept(6, center=TIANJIN), kept(7, state=ActState.DONE, decided_at=LATER))
    with store.read() as tx:
        assert list(tx.acts.waiting(LIMA, limit=9)) == acts
        assert list(tx.acts.waiting(LIMA, limit=2)) == acts[:2]
        assert [act.digest for act in tx.acts.waiting(TIANJIN, limit=9)] == [kept(6).digest]
        assert list(tx.acts.waiting(CenterId("hanoi"), limit=9)) == []
        assert [tx.acts.count_waiting(CenterId(center)) for center in ("lima", "tianjin", "hanoi")] == [6, 1, 0]


def test_members_take_turns_and_what_has_a_deadline_comes_first(store: Store) -> None:
    many = [kept(number) for number in range(6)]
    few = [kept(number, member=CITY) for number in (10, 11)]
    ids = [bytes([number]) * 32 for number in (1, 2, 3)]
    late, soon, unknown = (
        kept(20 + at, kind=kind, subject="0x" + ids[at].hex())
        for at, kind in enumerate((ActKind.ACCEPT, ActKind.GIVE_BACK, ActKind.ACCEPT))
    )
    keep(store, *many, *few, late, soon, unknown)
    escrow = EscrowFacts(
        id=ids[0],
        seller=Address(bytes(20)),
        buyer=Address(bytes([1]) * 20),
        token=bytes(32),
        quantity=1,
        line_digest=bytes(32),
        deadline=NOON + timedelta(days=9),
        state=EscrowState.OPEN,
    )
    with store.write() as tx:
        tx.assets.put_escrow(escrow)
        tx.assets.put_escrow(dataclasses.replace(escrow, id=ids[1], deadline=NOON + timedelta(days=1)))
        assert list(tx.acts.in_turn(LIMA, limit=20)) == [soon, late, unknown, many[0], few[0], many[1], few[1], *many[2:]]
        # Those with a deadline take half at most.
        assert list(tx.acts.in_turn(LIMA, limit=4)) == [soon, late, many[0], few[0]]
        tx.acts.mark_brought(few[1].digest, NOON)
        assert [act.digest for act in tx.acts.brought(LIMA, limit=9)] == [few[1].digest]
        assert [tx.acts.count_waiting(LIMA, member) for member in (FARM, CITY)] == [9, 2]
        assert list(tx.acts.in_turn(CenterId("hanoi"), limit=9)) == []


def test_acts_are_found_by_their_line_and_by_their_member(store: Store) -> None:
    of_line = [kept(number, line=(LINE, 2)) for number in range(3)]
    others = [kept(3, line=(LINE, 1)), kept(4, line=("cd" * 16, 2)), kept(5, member=CITY), kept(6, center=TIANJIN)]
    keep(store, *of_line, *others)
    with store.read() as tx:
        assert list(tx.acts.of_line(LINE, 2)) == of_line
        assert list(tx.acts.of_line(LINE, 3)) == []
        assert list(tx.acts.of_member(LIMA, FARM, limit=9)) == [others[1], others[0], *reversed(of_line)]
        assert list(tx.acts.of_member(LIMA, FARM, limit=1)) == [others[1]]
        assert list(tx.acts.of_member(LIMA, FARM, limit=2, before=others[1].digest)) == [others[0], of_line[-1]]
        assert list(tx.acts.of_member(LIMA, FARM, limit=9, before=of_line[0].digest)) == []
        assert list(tx.acts.of_member(TIANJIN, CITY, limit=9)) == []


def test_only_the_first_handing_over_is_noted(store: Store) -> None:
    keep(store, kept(0))
    with store.write() as tx:
        tx.acts.mark_brought(kept(0).digest, NOON)
        tx.acts.mark_brought(kept(0).digest, LATER)
        assert tx.acts.get(kept(0).digest) == kept(0, brought_at=NOON)
        with pytest.raises(ActMissing):
            tx.acts.mark_brought(bytes(32), NOON)


def test_an_act_ends_once_and_what_the_chain_lost_waits_again(store: Store) -> None:
    keep(store, kept(0))
    digest = kept(0).digest
    with store.write() as tx:
        tx.acts.mark_brought(digest, NOON)
        tx.acts.close(digest, ActState.REFUSED, NOON, refusal="Frozen", detail="Its evidence was revoked.", remedy="None.")
        tx.acts.close(digest, ActState.REFUSED, LATER)
    refused = kept(
        0,
        state=ActState.REFUSED,
        brought_at=NOON,
        decided_at=NOON,
        refusal="Frozen",
        detail="Its evidence was revoked.",
        remedy="None.",
    )
    for other in (ActState.DONE, ActState.EXPIRED, ActState.KEPT):
        with pytest.raises(ActClosed), store.write() as tx:
            tx.acts.close(digest, other, LATER)
    with store.write() as tx:
        assert tx.acts.get(digest) == refused
        assert tx.acts.count_waiting(LIMA) == 0
        tx.acts.reopen(digest)
        tx.acts.reopen(digest)
        assert tx.acts.get(digest) == kept(0, brought_at=NOON)
        assert list(tx.acts.waiting(LIMA, limit=9)) == [kept(0, brought_at=NOON)]
        tx.acts.close(digest, ActState.DONE, LATER)
        assert tx.acts.get(digest) == kept(0, brought_at=NOON, state=ActState.DONE, decided_at=LATER)
    for unknown in ("close", "reopen"):
        with pytest.raises(ActMissing), store.write() as tx:
            if unknown == "close":
                tx.acts.close(bytes(32), ActState.DONE, NOON)
            else:
                tx.acts.reopen(bytes(32))


def test_of_two_that_keep_the_same_act_at_once_one_does(store: Store) -> None:
    outcomes: list[str] = []

    def add(member: MemberId) -> None:
        try:
            keep(store, kept(0, member=member))
        except ActTaken:
            outcomes.append("taken")
        else:
            outcomes.append("kept")

    threads = [threading.Thread(target=add, args=(MemberId(f"m{n}"),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["kept", "taken", "taken", "taken"]


_DAMAGED_KEEPING = tuple(
    ("keeping", value)
    for value in (b"{", b"7", b'{"attempt":"often"}', b'{"replaces":7}', b'{"touches":{"tokens":["0x0"]}}', b'{"touches":[]}')
)


def test_what_was_changed_behind_our_back_is_told_as_damage(store: SqlStore) -> None:
    for column, value in (("kind", "steal"), ("state", "gone"), ("contract", "other"), ("asked", b"{"), *_DAMAGED_KEEPING):
        with pytest.raises(RowDamaged), store.write() as tx:
            if tx.acts.get(kept(0).digest) is None:
                tx.acts.add(kept(0))
            tx.acts._work.direct(f"UPDATE act SET {column} = ?", value)  # type: ignore[attr-defined]
            tx.acts.get(kept(0).digest)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_kept_is_given_back(store: Store, data: st.DataObject) -> None:
    draw = data.draw
    words = st.text(st.characters(), max_size=20)
    digests = st.lists(st.binary(min_size=32, max_size=32), max_size=2).map(tuple)
    accounts = st.binary(min_size=20, max_size=20).map(Address)
    act = kept(
        0,
        digest=draw(st.binary(min_size=32, max_size=32)),
        kind=draw(st.sampled_from(ActKind)),
        state=draw(st.sampled_from(ActState)),
        line=draw(st.none() | st.tuples(st.just(LINE), st.integers(1, 200))),
        refusal=draw(words),
        detail=draw(words),
        remedy=draw(words),
        keeping=Keeping(
            touched=Touched(
                classes=draw(st.sampled_from([(), ("cocoa-df",), ("cocoa-df", "commutes")])),
                tokens=draw(digests),
                holdings=draw(st.lists(st.tuples(accounts, st.binary(min_size=32, max_size=32)), max_size=2).map(tuple)),
                escrows=draw(digests),
                retirements=draw(digests),
            ),
            is_tried=draw(st.booleans()),
            attempt=draw(st.integers(1, 9)),
            replaces=draw(st.none() | st.binary(min_size=32, max_size=32)),
        ),
        signed=SignedAct(
            contract=draw(st.sampled_from(AssetContract)),
            act=Act(
                account=Address(draw(st.binary(min_size=20, max_size=20))),
                salt=draw(st.binary(min_size=32, max_size=32)),
                not_after=draw(st.integers(0, 2**64 - 1)),
                call=draw(st.binary(max_size=99)),
            ),
            signature=draw(st.binary(min_size=65, max_size=65)),
        ),
    )
    with store.write() as tx:
        if tx.acts.get(act.digest) is None:
            tx.acts.add(act)
            assert tx.acts.get(act.digest) == act


def test_no_question_reads_every_act(store: SqlStore) -> None:
    acts = [
        kept(
            number,
            line=(f"{number % 50:032x}", 1) if number % 2 else None,
            member=MemberId(f"m{number % 40}"),
            state=ActState.KEPT if number % 100 == 0 else ActState.DONE,
        )
        for number in range(1_000)
    ]
    keep(store, *acts)
    questions: list[Any] = [
        lambda tx: tx.acts.get(acts[500].digest),
        lambda tx: tx.acts.waiting(LIMA, limit=5),
        lambda tx: tx.acts.count_waiting(LIMA),
        lambda tx: tx.acts.of_line(f"{7:032x}", 1),
        lambda tx: tx.acts.of_member(LIMA, MemberId("m7"), limit=5),
        lambda tx: tx.acts.of_member(LIMA, MemberId("m7"), limit=5, before=acts[500].digest),
    ]
    analyze(store)
    for at, ask in enumerate(questions):
        with explained(store) as (tx, plans):
            assert ask(tx), at
        assert plans
        assert whole_tables_read("\n".join(plans), ["act"]) == [], (at, plans)
