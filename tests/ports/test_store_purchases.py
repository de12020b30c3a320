"""What the room of purchases promises: a line changes until units may be escrowed for it, and messages never tell its price."""

import dataclasses
import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from greenlane.adapters.sql.faults import RowDamaged, RowRefused
from greenlane.adapters.sql.page_tokens import TokenInvalid
from greenlane.adapters.sql.purchases import PurchaseLineFixed, PurchaseLineMissing, PurchaseTaken, RetirementTaken
from greenlane.adapters.sql.store import SqlStore
from greenlane.core.assets.purchase import MAX_LINES, OpenLine, Price, encode_line, line_digest, priced_line
from greenlane.core.assets.quantity import MAX_QUANTITY
from greenlane.core.crypto import sha256
from greenlane.core.errors import GreenlaneError, InvalidInput
from greenlane.core.seals import SealedState
from greenlane.core.units import CenterId, LeafIndex, MemberId, Salt
from greenlane.ports.evidence_index import EvidenceState, KeptEvidence
from greenlane.ports.purchases import KeptLine, KeptRetirement, LeftRetirement, Purchase
from greenlane.ports.store import Store
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from worlds.green_assets import line, retirement, retirement_facts, statement
from worlds.query_plans import analyze, explained, whole_tables_read

LIMA, TIANJIN = CenterId("lima"), CenterId("tianjin")
CITY, SCHOOL = MemberId("city"), MemberId("school")
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
JULY = date(2026, 7, 1)


def id_of(number: int) -> str:
    return f"{number:032x}"


def open_line(purchase: int, number: int = 1, *, amount: str = "1299.90", **facts: Any) -> OpenLine:
    seed = f"{purchase}.{number}.{amount}"
    return priced_line(
        line(purchase_id=id_of(purchase), number=number, **facts),
        Price(amount=amount, currency="PEN"),
        salt=Salt(sha256(f"salt {seed}".encode())),
        price_salt=Salt(sha256(f"price salt {seed}".encode())),
    )


def kept(of: OpenLine, fixed_at: datetime | None = None) -> KeptLine:
    return KeptLine(open_line=of, digest=line_digest(of), fixed_at=fixed_at)


def purchase(number: int = 0, *, lines: int = 1, **facts: Any) -> Purchase:
    plain = Purchase(
        id=id_of(number),
        center=LIMA,
        buyer=CITY,
        reference=f"ñ order {number}",
        ordered_on=JULY,
        created_at=NOON,
        lines=tuple(kept(open_line(number, at)) for at in range(1, lines + 1)),
    )
    return dataclasses.replace(plain, **facts)


def keep(store: Store, *purchases: Purchase) -> None:
    with store.write() as tx:
        for each in purchases:
            tx.purchases.add(each)


def of_buyer(store: Store, buyer: MemberId | None = CITY, *, center: CenterId = LIMA, **asked: Any) -> list[int]:
    with store.read() as tx:
        plain: dict[str, Any] = {"ordered_from": None, "ordered_to": None, "after": None, "limit": 99}
        return [int(each.id, 16) for each in tx.purchases.of_buyer(center, buyer, **(plain | asked))]


def test_a_purchase_comes_back_whole_and_its_id_is_taken(store: Store) -> None:
    whole, empty = purchase(1, lines=MAX_LINES), purchase(2, lines=0)
    untold = dataclasses.replace(purchase(3), lines=(kept(open_line(3).without_price(), fixed_at=NOON),))
    keep(store, whole, empty, untold)
    with pytest.raises(PurchaseTaken), store.write() as tx:
        tx.purchases.add(purchase(1, buyer=SCHOOL))
    with store.read() as tx:
        for each in (whole, empty, untold):
            assert tx.purchases.get(each.id) == each
        assert tx.purchases.get(id_of(9)) is None


def test_lines_come_in_their_order_and_are_found_by_their_digests(store: Store) -> None:
    lines = tuple(kept(open_line(1, number)) for number in (12, 2, 1))
    keep(store, dataclasses.replace(purchase(1), lines=lines), purchase(2))
    with store.read() as tx:
        found = tx.purchases.get(id_of(1))
        assert found is not None
        assert found.lines == (lines[2], lines[1], lines[0])
        assert [tx.purchases.line_of(each.digest) for each in lines] == [(id_of(1), n) for n in (12, 2, 1)]
        assert tx.purchases.line_of(purchase(2).lines[0].digest) == (id_of(2), 1)
        assert tx.purchases.line_of(bytes(32)) is None


@pytest.mark.parametrize(
    "wrong",
    [kept(open_line(2)), dataclasses.replace(kept(open_line(1)), digest=bytes(32))],
    ids=["of another purchase", "of another digest"],
)
def test_a_line_is_of_its_purchase_and_has_its_digest(store: Store, wrong: KeptLine) -> None:
    with pytest.raises(InvalidInput), store.write() as tx:
        tx.purchases.add(dataclasses.replace(purchase(1), lines=(wrong,)))
    keep(store, purchase(1))
    with pytest.raises(InvalidInput), store.write() as tx:
        tx.purchases.replace_line(id_of(1), wrong)
    with store.read() as tx:
        assert tx.purchases.get(id_of(1)) == purchase(1)


def test_two_lines_of_one_number_are_refused_and_nothing_of_the_purchase_is_kept(store: Store) -> None:
    twice = dataclasses.replace(purchase(1), lines=(kept(open_line(1)), kept(open_line(1, amount="1"))))
    with pytest.raises(RowRefused) as refused:
        keep(store, twice)
    assert open_line(1).salt.hex() not in str(refused.value)
    with store.read() as tx:
        assert tx.purchases.get(id_of(1)) is None
        assert tx.purchases.line_of(twice.lines[0].digest) is None
    keep(store, purchase(1))


def test_a_line_is_written_anew_until_it_is_fixed(store: Store) -> None:
    keep(store, purchase(1, lines=3))
    changed = kept(open_line(1, 2, amount="7", quantity=MAX_QUANTITY))
    with store.write() as tx:
        tx.purchases.replace_line(id_of(1), changed)
        assert tx.purchases.line_of(changed.digest) == (id_of(1), 2)
        assert tx.purchases.line_of(purchase(1, lines=3).lines[1].digest) is None
        tx.purchases.fix_line(id_of(1), 2, NOON)
        tx.purchases.fix_line(id_of(1), 2, LATER)
    with pytest.raises(PurchaseLineFixed), store.write() as tx:
        tx.purchases.replace_line(id_of(1), kept(open_line(1, 2, amount="8")))
    lines = purchase(1, lines=3).lines
    with store.read() as tx:
        found = tx.purchases.get(id_of(1))
    assert found is not None
    assert found.lines == (lines[0], dataclasses.replace(changed, fixed_at=NOON), lines[2])


def test_what_a_line_said_before_is_kept_with_what_blinds_it(store: Store) -> None:
    keep(store, purchase(1, lines=2))
    first = purchase(1, lines=2).lines[1]
    writings = [kept(open_line(1, 2, amount=amount)) for amount in ("7", "8")]
    with store.write() as tx:
        tx.purchases.replace_line(id_of(1), first)
        assert tx.purchases.former_writings(id_of(1), 2) == []
        for each in writings:
            tx.purchases.replace_line(id_of(1), each)
    with store.read() as tx:
        assert tx.purchases.former_writings(id_of(1), 2) == sorted([first, writings[0]], key=lambda each: each.digest)
        assert tx.purchases.former_writings(id_of(1), 1) == []
        for each in (first, writings[0]):
            assert tx.purchases.former_line_of(each.digest) == (id_of(1), 2)
            assert tx.purchases.line_of(each.digest) is None
        assert tx.purchases.former_line_of(writings[1].digest) is None


def test_a_line_that_was_fixed_for_nothing_is_freed(store: Store) -> None:
    keep(store, purchase(1))
    changed = kept(open_line(1, amount="7"))
    with store.write() as tx:
        tx.purchases.fix_line(id_of(1), 1, NOON)
        tx.purchases.free_line(id_of(1), 1)
        tx.purchases.replace_line(id_of(1), changed)
    with pytest.raises(PurchaseLineMissing), store.write() as tx:
        tx.purchases.free_line(id_of(1), 2)
    with store.read() as tx:
        assert tx.purchases.line_of(changed.digest) == (id_of(1), 1)


def test_a_line_that_is_not_there_is_neither_written_nor_fixed(store: Store) -> None:
    keep(store, purchase(1))
    for absent in (open_line(1, 2), open_line(9, 1)):
        with pytest.raises(PurchaseLineMissing), store.write() as tx:
            tx.purchases.replace_line(absent.line.purchase_id, kept(absent))
        with pytest.raises(PurchaseLineMissing), store.write() as tx:
            tx.purchases.fix_line(absent.line.purchase_id, absent.line.number, NOON)


def test_a_line_is_never_fixed_and_changed_at_once(store: Store) -> None:
    """Whoever comes second sees what the first did: the digest that was fixed is the one that stays."""
    keep(store, *(purchase(number) for number in range(6)))

    def fix(number: int) -> None:
        with store.write() as tx:
            tx.purchases.fix_line(id_of(number), 1, NOON)

    def change(number: int, outcomes: list[bool]) -> None:
        try:
            with store.write() as tx:
                tx.purchases.replace_line(id_of(number), kept(open_line(number, amount="7")))
            outcomes.append(True)
        except PurchaseLineFixed:
            outcomes.append(False)

    for number in range(6):
        outcomes: list[bool] = []
        pair = (threading.Thread(target=fix, args=(number,)), threading.Thread(target=change, args=(number, outcomes)))
        for thread in pair:
            thread.start()
        for thread in pair:
            thread.join()
        expected = open_line(number, amount="7" if outcomes == [True] else "1299.90")
        with store.read() as tx:
            found = tx.purchases.get(id_of(number))
        assert found is not None
        assert found.lines == (kept(expected, fixed_at=NOON),)


def test_purchases_of_a_buyer_come_newest_first_by_pages(store: Store) -> None:
    days = {number: JULY + timedelta(days=number // 3) for number in range(9)}
    keep(store, *(purchase(number, ordered_on=day) for number, day in days.items()))
    keep(store, purchase(20, buyer=SCHOOL), purchase(21, center=TIANJIN))
    assert of_buyer(store) == [8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert of_buyer(store, None) == [8, 7, 6, 5, 4, 3, 20, 2, 1, 0]
    assert of_buyer(store, None, center=TIANJIN) == [21]
    assert of_buyer(store, CITY, center=CenterId("hanoi")) == []
    assert of_buyer(store, limit=2) == [8, 7]
    assert of_buyer(store, limit=0) == []
    assert of_buyer(store, after=id_of(7), limit=3) == [6, 5, 4]
    assert of_buyer(store, after=id_of(0)) == []
    second = JULY + timedelta(days=1)
    assert of_buyer(store, ordered_from=second) == [8, 7, 6, 5, 4, 3]
    assert of_buyer(store, ordered_to=second) == [5, 4, 3, 2, 1, 0]
    assert of_buyer(store, ordered_from=second, ordered_to=second) == [5, 4, 3]
    assert of_buyer(store, ordered_from=second, ordered_to=second, after=id_of(5), limit=1) == [4]
    assert of_buyer(store, ordered_from=second, ordered_to=JULY) == []


def test_a_page_after_what_is_not_in_the_list_is_refused(store: Store) -> None:
    keep(store, purchase(1), purchase(2, buyer=SCHOOL), purchase(3, center=TIANJIN))
    for stranger in (id_of(2), id_of(3), id_of(9), "", "\u00e9"):
        with pytest.raises(TokenInvalid):
            of_buyer(store, after=stranger)


def certified(number: int = 0, **facts: Any) -> KeptRetirement:
    of = retirement(facts=retirement_facts(ref=sha256(b"%d" % number)))
    plain = KeptRetirement(
        id=of.facts.id,
        center=LIMA,
        member=CITY,
        statement=of,
        leaf_index=LeafIndex(number),
        line=("ab" * 16, 1),
        stated_at=NOON,
    )
    return dataclasses.replace(plain, **facts)


def test_certified_retirements_are_found_by_id_and_by_place(store: Store) -> None:
    some = [certified(0), certified(7, line=None), certified(2**40)]
    with store.write() as tx:
        for each in some:
            tx.purchases.add_retirement(each)
    with store.read() as tx:
        for each in some:
            assert tx.purchases.retirement(each.id) == each
            assert tx.purchases.retirement_at(LIMA, each.leaf_index) == each
        assert tx.purchases.retirement(bytes(32)) is None
        assert tx.purchases.retirement_at(LIMA, LeafIndex(1)) is None
        assert tx.purchases.retirement_at(TIANJIN, LeafIndex(0)) is None
        assert list(tx.purchases.walk_retirements(LIMA, start=LeafIndex(0), limit=2)) == some[:2]
        assert list(tx.purchases.walk_retirements(LIMA, start=LeafIndex(8), limit=9)) == some[2:]
        assert list(tx.purchases.walk_retirements(TIANJIN, start=LeafIndex(0), limit=9)) == []


def test_what_is_stated_again_of_a_retirement_counts_and_what_was_stated_before_stays(store: SqlStore) -> None:
    first, other, again = certified(0), certified(7), certified(0, leaf_index=LeafIndex(5))
    last = dataclasses.replace(first, leaf_index=LeafIndex(9), line=None)
    with store.write() as tx:
        for each in (first, other):
            tx.purchases.add_retirement(each)
        tx.purchases.add_retirement_again(again)
        tx.purchases.add_retirement_again(last)
    with store.read() as tx:
        assert tx.purchases.retirement(first.id) == last
        assert tx.purchases.retirement(other.id) == other
        for each in (first, other, again, last):
            assert tx.purchases.retirement_at(LIMA, each.leaf_index) == each
        assert list(tx.purchases.walk_retirements(LIMA, start=LeafIndex(0), limit=9)) == [first, again, other, last]
        assert list(tx.purchases.walk_retirements(LIMA, start=LeafIndex(1), limit=2)) == [again, other]
        assert list(tx.purchases.unsealed_retirements(LIMA, limit=9)) == [last, other]
    with pytest.raises(RetirementTaken), store.write() as tx:
        tx.purchases.add_retirement_again(last)
    for change in ("UPDATE recertified_retirement SET member = 'other'", "DELETE FROM recertified_retirement"):
        with pytest.raises(RowRefused), store.write() as tx:
            tx.purchases._work.direct(change)  # type: ignore[attr-defined]


def elsewhere() -> KeptEvidence:
    of = statement()
    return KeptEvidence(
        digest=sha256(b"a statement from elsewhere"),
        center=of.center,
        holder_center=LIMA,
        holder=CITY,
        certifier_center=LIMA,
        certifier=SCHOOL,
        statement=of,
        state=EvidenceState.ELSEWHERE,
        signature=bytes(65),
        leaf_index=None,
        drafted_at=NOON,
        decided_at=NOON,
        refused_because=None,
    )


def left(number: int = 0, **facts: Any) -> LeftRetirement:
    of = certified(number).statement
    plain = LeftRetirement(id=of.facts.id, center=LIMA, token=of.facts.token, act=sha256(b"act %d" % number))
    return dataclasses.replace(plain, **facts)


def test_a_retirement_that_was_left_is_told_once_its_statement_is_known_and_no_more_once_it_is_certified(store: Store) -> None:
    known = elsewhere()
    some = sorted((left(number, token=known.digest) for number in range(4)), key=lambda each: each.id)
    with store.write() as tx:
        for each in (*some, some[0], left(7), left(8, center=TIANJIN, token=known.digest)):
            tx.purchases.leave_retirement(each)
        assert tx.purchases.left_retirements(LIMA, after=b"", limit=9) == []
        tx.evidence.add_elsewhere(known)
    with store.read() as tx:
        assert list(tx.purchases.left_retirements(LIMA, after=b"", limit=9)) == some
        assert list(tx.purchases.left_retirements(LIMA, after=b"", limit=2)) == some[:2]
        assert list(tx.purchases.left_retirements(LIMA, after=some[1].id, limit=9)) == some[2:]
        assert [each.act for each in tx.purchases.left_retirements(TIANJIN, after=b"", limit=9)] == [left(8).act]
    with store.write() as tx:
        tx.purchases.add_retirement(certified(0))
        tx.purchases.add_retirement_again(certified(1))
    with store.read() as tx:
        still = [each for each in some if each.id not in (certified(0).id, certified(1).id)]
        assert list(tx.purchases.left_retirements(LIMA, after=b"", limit=9)) == still


def test_a_retirement_is_certified_once_at_one_place_and_never_changed(store: SqlStore) -> None:
    with store.write() as tx:
        tx.purchases.add_retirement(certified(0))
    for other in (certified(0, leaf_index=LeafIndex(1)), certified(1, leaf_index=LeafIndex(0))):
        with pytest.raises(RetirementTaken), store.write() as tx:
            tx.purchases.add_retirement(other)
    with pytest.raises(InvalidInput), store.write() as tx:
        tx.purchases.add_retirement(certified(1, id=bytes(32)))
    for change in ("UPDATE certified_retirement SET member = 'other'", "DELETE FROM certified_retirement"):
        with pytest.raises(RowRefused), store.write() as tx:
            tx.purchases._work.direct(change)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("purchase_line", "line", b"{}"),
        ("purchase_line", "line", b"\xff"),
        ("purchase_secret", "price", b'{"amount":"1","currency":"PEN"}'),
        ("purchase_secret", "price", b"1299.90"),
        ("purchase_secret", "price", None),
        ("purchase_secret", "salt", b"1299.90"),
    ],
)
def test_a_damaged_line_is_told_without_its_price(store: SqlStore, table: str, column: str, value: object) -> None:
    keep(store, purchase(1))
    with store.write() as tx:
        tx.purchases._work.direct(f"UPDATE {table} SET {column} = ?", value)  # type: ignore[attr-defined]
    with pytest.raises(RowDamaged) as told, store.read() as tx:
        tx.purchases.get(id_of(1))
    assert told.value.where == f"{id_of(1)}/1"
    error: BaseException | None = told.value
    while error is not None:
        assert "1299" not in str(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def test_a_line_that_lost_its_salt_is_told_as_damage(store: SqlStore) -> None:
    keep(store, purchase(1))
    with store.write() as tx:
        tx.purchases._work.direct("DELETE FROM purchase_secret")  # type: ignore[attr-defined]
    with pytest.raises(RowDamaged), store.read() as tx:
        tx.purchases.get(id_of(1))


def test_what_stands_in_a_line_beside_its_secrets_tells_neither_price_nor_salt(store: SqlStore) -> None:
    of = open_line(1)
    assert of.price_salt is not None
    keep(store, purchase(1))
    with store.read() as tx:
        ((written,),) = tx.purchases._work.direct("SELECT line FROM purchase_line").fetchall()  # type: ignore[attr-defined]
    assert bytes(written) == encode_line(of)
    assert all(secret not in bytes(written) for secret in (b"1299", of.salt, of.salt.hex().encode(), of.price_salt))


def test_a_crash_between_statements_leaves_nothing(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.write() as tx:
        tx.purchases.add(purchase(1, lines=3))
        tx.purchases.fix_line(id_of(1), 1, NOON)
        tx.purchases.add_retirement(certified(0))
        raise ZeroDivisionError
    with store.read() as tx:
        assert tx.purchases.get(id_of(1)) is None
        assert tx.purchases.retirement(certified(0).id) is None
    keep(store, purchase(1, lines=3))
    with pytest.raises(ZeroDivisionError), store.write() as tx:
        tx.purchases.replace_line(id_of(1), kept(open_line(1, 2, amount="7")))
        raise ZeroDivisionError
    with store.read() as tx:
        assert tx.purchases.get(id_of(1)) == purchase(1, lines=3)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_ordered_is_given_back(store: Store, data: st.DataObject) -> None:
    draw = data.draw
    number = draw(st.integers(0, 2**128 - 1))
    salts = st.binary(min_size=32, max_size=32).map(Salt)
    price = Price(amount=draw(st.from_regex(r"[1-9][0-9]{0,17}(\.[0-9]{1,4})?", fullmatch=True)), currency="PEN")
    words = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=20)
    lines = []
    for at in sorted(draw(st.sets(st.integers(1, MAX_LINES), max_size=3))):
        of = line(purchase_id=id_of(number), number=at, quantity=draw(st.integers(1, MAX_QUANTITY)), product=None)
        made = priced_line(of, price, salt=draw(salts), price_salt=draw(salts))
        fixed_at = draw(st.none() | st.datetimes(timezones=st.just(UTC)))
        lines.append(kept(made if draw(st.booleans()) else made.without_price(), fixed_at))
    made_of = purchase(
        number,
        lines=0,
        reference=draw(words),
        ordered_on=draw(st.dates()),
        created_at=draw(st.datetimes(timezones=st.just(UTC))),
    )
    whole = dataclasses.replace(made_of, lines=tuple(lines))
    try:
        with store.write() as tx:
            if tx.purchases.get(whole.id) is None:
                tx.purchases.add(whole)
                assert tx.purchases.get(whole.id) == whole
    except GreenlaneError as error:
        # Two lines drawn with one salt, and otherwise the same, would have one digest.
        assert isinstance(error, RowRefused), error


def test_no_question_reads_every_purchase(store: SqlStore) -> None:
    days = [JULY + timedelta(days=number % 90) for number in range(600)]
    keep(store, *(purchase(n, ordered_on=day, buyer=MemberId(f"b{n % 60}"), lines=2) for n, day in enumerate(days)))
    with store.write() as tx:
        for number in range(300):
            tx.purchases.add_retirement(certified(number))
            tx.purchases.add_retirement_again(certified(number, leaf_index=LeafIndex(300 + number)))
            tx.purchases.leave_retirement(left(1_000 + number, token=elsewhere().digest))
        tx.evidence.add_elsewhere(elsewhere())
    some: dict[str, Any] = {"ordered_from": None, "ordered_to": None, "after": None, "limit": 5}
    walks: list[Any] = [
        lambda tx: tx.purchases.of_buyer(LIMA, MemberId("b7"), **some),
        lambda tx: tx.purchases.of_buyer(LIMA, None, **some),
        lambda tx: tx.purchases.of_buyer(LIMA, MemberId("b7"), **(some | {"after": id_of(67)})),
    ]
    questions: list[Any] = [
        *walks,
        lambda tx: tx.purchases.of_buyer(LIMA, None, **(some | {"ordered_from": JULY, "ordered_to": JULY})),
        lambda tx: tx.purchases.get(id_of(300)),
        lambda tx: tx.purchases.line_of(purchase(300).lines[0].digest),
        lambda tx: tx.purchases.retirement(certified(7).id),
        lambda tx: tx.purchases.retirement_at(LIMA, LeafIndex(7)),
        lambda tx: tx.purchases.walk_retirements(LIMA, start=LeafIndex(200), limit=5),
        lambda tx: tx.purchases.unsealed_retirements(LIMA, limit=5),
        lambda tx: tx.purchases.left_retirements(LIMA, after=bytes(32), limit=5),
    ]
    tables = (
        "purchase",
        "purchase_line",
        "purchase_secret",
        "certified_retirement",
        "retirement_seal",
        "recertified_retirement",
        "uncertified_retirement",
    )
    analyze(store)
    for at, ask in enumerate(questions):
        with explained(store) as (tx, plans):
            assert ask(tx), at
        assert plans
        assert whole_tables_read("\n".join(plans), tables) == [], (at, plans)
        if at < len(walks):
            # The purchases themselves come from an index in their order.
            of_purchases = next(plan for plan in plans if "purchase_line" not in plan and "ordered_on" in plan)
            assert "Sort" not in of_purchases, (at, plans)
            assert "TEMP B-TREE" not in of_purchases, (at, plans)


def test_a_certified_retirement_waits_for_its_seal_and_keeps_the_first(store: Store) -> None:
    first, second, other = certified(0), certified(1), certified(2, center=TIANJIN)
    with store.write() as tx:
        for each in (first, second, other):
            tx.purchases.add_retirement(each)
    seal = SealedState(header=b"header", witness=(b"node", b"another"))
    with store.write() as tx:
        assert list(tx.purchases.unsealed_retirements(LIMA, limit=9)) == [second, first]
        assert list(tx.purchases.unsealed_retirements(LIMA, limit=1)) == [second]
        assert tx.purchases.retirement_seal(first.id) is None
        tx.purchases.keep_retirement_seal(second.id, seal)
        tx.purchases.keep_retirement_seal(second.id, SealedState(header=b"later", witness=()))
        tx.purchases.keep_retirement_seal(bytes(32), seal)
    with store.read() as tx:
        assert tx.purchases.retirement_seal(second.id) == seal
        assert tx.purchases.retirement_seal(bytes(32)) is None
        assert list(tx.purchases.unsealed_retirements(LIMA, limit=9)) == [first]
        assert list(tx.purchases.unsealed_retirements(TIANJIN, limit=9)) == [other]
        assert list(tx.purchases.unsealed_retirements(CenterId("nowhere"), limit=9)) == []
