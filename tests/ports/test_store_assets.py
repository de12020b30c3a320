"""What the read model of green assets promises: it gives back what was put, however large, and forgets all of it at once."""

import dataclasses
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from greenlane.adapters.sql.faults import RowDamaged
from greenlane.adapters.sql.store import SqlStore
from greenlane.core.assets.custody import CustodyModel
from greenlane.core.assets.facts import AssetClass, EscrowFacts, EscrowState, HoldingFacts, IssuanceFacts, Totals
from greenlane.core.assets.quantity import MAX_QUANTITY, Unit
from greenlane.core.assets.retirement import RetirementFacts
from greenlane.core.crypto import sha256
from greenlane.core.units import Address, BlockNumber
from greenlane.ports.asset_index import FollowedTo
from greenlane.ports.asset_ledger import BlockRef
from greenlane.ports.store import Store, Transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from worlds.green_assets import COCOA, COMMUTES
from worlds.query_plans import analyze, explained, whole_tables_read

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
ZEROS = bytes(32)
MAX_TOTAL = 2**256 - 1
NO_TOTALS = Totals(issued=0, escrowed=0, retired=0, cancelled=0)


def account(number: int) -> Address:
    return Address(number.to_bytes(20, "big"))


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def issuance(token: int, **facts: Any) -> IssuanceFacts:
    plain = IssuanceFacts(
        token=word(token),
        class_id=COCOA.id,
        evidenced=MAX_QUANTITY,
        totals=Totals(issued=MAX_QUANTITY, escrowed=2, retired=2**64, cancelled=0),
        lot=ZEROS,
        vintage_from=date(2026, 4, 1),
        vintage_to=date(2106, 1, 1),
        custody_model=CustodyModel.BOOK_AND_CLAIM,
        revoked=None,
    )
    return dataclasses.replace(plain, **facts)


def holding(owner: int, token: int, tradable: int = 2**63) -> HoldingFacts:
    return HoldingFacts(
        account=account(owner), token=word(token), tradable=tradable, escrowed=0, retired=MAX_QUANTITY, cancelled=1
    )


def escrow(number: int, **facts: Any) -> EscrowFacts:
    plain = EscrowFacts(
        id=word(number),
        seller=account(1),
        buyer=account(2),
        token=word(7),
        quantity=MAX_QUANTITY,
        deadline=NOON + timedelta(days=number),
        state=EscrowState.OPEN,
        line_digest=sha256(b"line"),
    )
    return dataclasses.replace(plain, **facts)


def retirement(number: int, **facts: Any) -> RetirementFacts:
    plain = RetirementFacts(
        id=word(number),
        holder=account(1),
        claimant=account(2),
        token=word(7),
        quantity=MAX_QUANTITY,
        beneficiary=sha256(b"city"),
        claim_from=date(2026, 4, 1),
        claim_to=date(2026, 4, 1),
        lot=ZEROS,
        line_digest=sha256(b"line"),
        ref=word(number),
        retired_at=NOON,
    )
    return dataclasses.replace(plain, **facts)


def followed(number: int) -> FollowedTo:
    return FollowedTo(block=BlockRef(number=BlockNumber(number), block_hash=word(number)), at=NOON)


def fill(tx: Transaction) -> None:
    """Puts one of everything."""
    tx.assets.set_followed(followed(5))
    tx.assets.put_class(COCOA, NO_TOTALS)
    tx.assets.put_issuance(issuance(7))
    tx.assets.put_holding(holding(1, 7))
    tx.assets.put_escrow(escrow(1))
    tx.assets.put_retirement(retirement(1))


def traces(tx: Transaction) -> list[bool]:
    """Whether there is what `fill` put."""
    return [
        tx.assets.followed_to() is not None,
        bool(tx.assets.classes()),
        tx.assets.issuance(word(7)) is not None,
        tx.assets.holding(account(1), word(7)) is not None,
        tx.assets.escrow(word(1)) is not None,
        tx.assets.retirement(word(1)) is not None,
    ]


def test_how_far_the_chain_was_followed_goes_forward_and_back(store: Store) -> None:
    for number in (2**62, 5):
        with store.write() as tx:
            tx.assets.set_followed(followed(number))
        with store.read() as tx:
            assert tx.assets.followed_to() == followed(number)


def test_everything_is_forgotten_at_once_and_a_crash_leaves_what_was(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.write() as tx:
        fill(tx)
        assert all(traces(tx))
        raise ZeroDivisionError
    with store.write() as tx:
        assert not any(traces(tx))
        fill(tx)
    with pytest.raises(ZeroDivisionError), store.write() as tx:
        tx.assets.clear()
        assert not any(traces(tx))
        raise ZeroDivisionError
    with store.write() as tx:
        assert all(traces(tx))
        tx.assets.clear()
    with store.read() as tx:
        assert not any(traces(tx))
        assert tx.assets.asset_class(COCOA.id) is None


def test_classes_come_by_id_with_sums_beyond_any_quantity(store: Store) -> None:
    large = Totals(issued=MAX_TOTAL, escrowed=MAX_QUANTITY + 1, retired=1, cancelled=0)
    named = dataclasses.replace(COCOA, id="cocoa", name="Ñ\0\ud800", unit=Unit(code="MTQ", decimals=18), claim_days=2**32 - 1)
    with store.write() as tx:
        for one in (COMMUTES, named, COCOA):
            tx.assets.put_class(one, NO_TOTALS)
        tx.assets.put_class(COCOA, large)
    with store.read() as tx:
        assert list(tx.assets.classes()) == [(named, NO_TOTALS), (COCOA, large), (COMMUTES, NO_TOTALS)]
        assert [tx.assets.asset_class(one) for one in (COMMUTES.id, "none")] == [COMMUTES, None]


def test_issuances_come_by_token_of_one_class_or_of_all(store: Store) -> None:
    some = [issuance(number, class_id=COCOA.id if number % 2 else COMMUTES.id) for number in (1, 2, 3, 2**255, 2**256 - 1)]
    with store.write() as tx:
        for one in reversed(some):
            tx.assets.put_issuance(one)
    with store.read() as tx:
        assert [tx.assets.issuance(one.token) for one in some] == some
        assert tx.assets.issuance(ZEROS) is None
        assert list(tx.assets.issuances(class_id=None, after=None, limit=9)) == some
        assert list(tx.assets.issuances(class_id=None, after=word(3), limit=1)) == [some[3]]
        assert list(tx.assets.issuances(class_id=None, after=word(2**256 - 1), limit=9)) == []
        assert list(tx.assets.issuances(class_id=COMMUTES.id, after=None, limit=9)) == [some[1], some[3]]
        assert list(tx.assets.issuances(class_id=COMMUTES.id, after=word(2), limit=9)) == [some[3]]
        assert list(tx.assets.issuances(class_id="none", after=None, limit=9)) == []


def test_what_is_put_again_replaces_what_stood_there(store: Store) -> None:
    revoked = issuance(7, revoked="Fraud.\0 \u00f1\udcff", totals=NO_TOTALS)
    ended = escrow(1, state=EscrowState.RETURNED)
    with store.write() as tx:
        fill(tx)
        tx.assets.put_issuance(revoked)
        tx.assets.put_holding(holding(1, 7, tradable=MAX_TOTAL))
        tx.assets.put_escrow(ended)
        tx.assets.put_retirement(retirement(1, quantity=1))
    with store.read() as tx:
        assert tx.assets.issuance(word(7)) == revoked
        assert tx.assets.holding(account(1), word(7)) == holding(1, 7, tradable=MAX_TOTAL)
        assert tx.assets.escrow(word(1)) == ended
        assert list(tx.assets.escrows_of(account(1), is_open=True, limit=9)) == []
        assert tx.assets.retirement(word(1)) == retirement(1, quantity=1)


def test_holdings_are_found_by_account_and_by_token(store: Store) -> None:
    some = [holding(owner, token) for owner in (1, 2, 3) for token in (5, 6, 7)]
    with store.write() as tx:
        for one in reversed(some):
            tx.assets.put_holding(one)
    with store.read() as tx:
        assert list(tx.assets.holdings_of(account(2), after=None, limit=9)) == some[3:6]
        assert list(tx.assets.holdings_of(account(2), after=word(5), limit=1)) == [some[4]]
        assert list(tx.assets.holdings_of(account(2), after=word(7), limit=9)) == []
        assert list(tx.assets.holders_of(word(6), after=None, limit=9)) == [some[1], some[4], some[7]]
        assert list(tx.assets.holders_of(word(6), after=account(1), limit=1)) == [some[4]]
        assert list(tx.assets.holders_of(word(9), after=None, limit=9)) == []
        assert tx.assets.holding(account(2), word(6)) == some[4]
        assert tx.assets.holding(account(2), word(9)) is None


def test_escrows_are_found_by_either_side_those_that_expire_first_first(store: Store) -> None:
    sold, bought = escrow(3), escrow(2, seller=account(9), buyer=account(1))
    same_day, own = escrow(5, deadline=NOON), escrow(1, seller=account(1), buyer=account(1))
    ended = [escrow(7, state=EscrowState.ACCEPTED), escrow(6, state=EscrowState.RETURNED, line_digest=sha256(b"other"))]
    strange = escrow(8, seller=account(8), buyer=account(9), line_digest=ZEROS)
    with store.write() as tx:
        for one in (sold, bought, same_day, own, *ended, strange):
            tx.assets.put_escrow(one)
    with store.read() as tx:
        assert list(tx.assets.escrows_of(account(1), is_open=True, limit=9)) == [same_day, own, bought, sold]
        assert list(tx.assets.escrows_of(account(1), is_open=True, limit=2)) == [same_day, own]
        assert list(tx.assets.escrows_of(account(1), is_open=False, limit=9)) == [ended[1], ended[0]]
        for at, last in enumerate((same_day, own, bought, sold), start=1):
            onward = tx.assets.escrows_of(account(1), is_open=True, limit=9, after=(last.deadline, last.id))
            assert list(onward) == [same_day, own, bought, sold][at:]
        assert list(tx.assets.escrows_of(account(2), is_open=True, limit=9)) == [same_day, sold]
        assert list(tx.assets.escrows_of(account(3), is_open=True, limit=9)) == []
        assert [one.id for one in tx.assets.escrows_of_line(sha256(b"line"))] == [word(n) for n in (1, 2, 3, 5, 7)]
        assert list(tx.assets.escrows_of_line(sha256(b"other"))) == [ended[1]]
        assert list(tx.assets.escrows_of_line(sha256(b"none"))) == []
        assert tx.assets.escrow(word(99)) is None


def test_retirements_are_found_by_line_and_those_for_none_by_no_line(store: Store) -> None:
    some = [retirement(number) for number in (1, 2, 3)]
    for_none = retirement(4, line_digest=ZEROS, lot=sha256(b"lot"))
    others = retirement(5, holder=account(9), token=word(8), line_digest=sha256(b"other"))
    with store.write() as tx:
        for one in (others, for_none, *reversed(some)):
            tx.assets.put_retirement(one)
    with store.read() as tx:
        assert list(tx.assets.retirements_of_line(sha256(b"line"))) == some
        assert list(tx.assets.retirements_of_line(sha256(b"other"))) == [others]
        assert list(tx.assets.retirements_of_line(ZEROS)) == []
        assert tx.assets.retirement(word(9)) is None


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("asset_class", "unit", "kilograms"),
        ("asset_class", "decimals", 99),
        ("asset_class", "custody_model", 0),
        ("issuance", "custody_model", 6),
        ("escrow", "state", 0),
        ("retirement", "quantity", bytes(16)),
        ("retirement", "ref", b"short"),
    ],
)
def test_what_was_changed_behind_our_back_is_told_as_damage(store: SqlStore, table: str, column: str, value: object) -> None:
    asked: dict[str, Any] = {
        "asset_class": lambda tx: tx.assets.classes(),
        "issuance": lambda tx: tx.assets.issuance(word(7)),
        "escrow": lambda tx: tx.assets.escrow(word(1)),
        "retirement": lambda tx: tx.assets.retirement(word(1)),
    }
    with store.write() as tx:
        fill(tx)
        tx.assets._work.direct(f"UPDATE {table} SET {column} = ?", value)  # type: ignore[attr-defined]
    with pytest.raises(RowDamaged), store.read() as tx:
        asked[table](tx)


_QUANTITIES = st.integers(0, MAX_QUANTITY)
_TOTALS = st.integers(0, MAX_TOTAL)
_WORDS32 = st.binary(min_size=32, max_size=32)
_ACCOUNTS = st.binary(min_size=20, max_size=20).map(Address)
_DAYS = st.dates(date(1970, 1, 1), date(2106, 1, 1))
_TEXTS = st.text(st.characters(), max_size=20)


def _sums(each: st.SearchStrategy[int]) -> st.SearchStrategy[Totals]:
    return st.builds(Totals, issued=each, escrowed=each, retired=each, cancelled=each)


_CLASSES = st.builds(
    AssetClass,
    id=st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True),
    attribute=st.just("organic"),
    unit=st.builds(Unit, code=st.from_regex(r"[A-Z0-9]{2,3}", fullmatch=True), decimals=st.integers(0, 18)),
    custody_model=st.sampled_from(CustodyModel),
    is_tradable=st.booleans(),
    claim_days=st.integers(0, 2**32 - 1),
    name=_TEXTS,
)
_ISSUANCES = st.builds(
    IssuanceFacts,
    token=_WORDS32,
    class_id=st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True),
    evidenced=_QUANTITIES,
    totals=_sums(_QUANTITIES),
    lot=_WORDS32,
    vintage_from=_DAYS,
    vintage_to=_DAYS,
    custody_model=st.sampled_from(CustodyModel),
    revoked=st.none() | _TEXTS,
)
_HOLDINGS = st.builds(
    HoldingFacts,
    account=_ACCOUNTS,
    token=_WORDS32,
    tradable=_TOTALS,
    escrowed=_QUANTITIES,
    retired=_QUANTITIES,
    cancelled=_QUANTITIES,
)
_ESCROWS = st.builds(
    EscrowFacts,
    id=_WORDS32,
    seller=_ACCOUNTS,
    buyer=_ACCOUNTS,
    token=_WORDS32,
    quantity=_QUANTITIES,
    deadline=st.datetimes(timezones=st.just(UTC)),
    state=st.sampled_from(EscrowState),
    line_digest=_WORDS32,
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asset=_CLASSES, sums=_sums(_TOTALS), issued=_ISSUANCES, held=_HOLDINGS, waits=_ESCROWS, data=st.data())
def test_whatever_the_chain_shows_is_given_back(
    store: Store,
    asset: AssetClass,
    sums: Totals,
    issued: IssuanceFacts,
    held: HoldingFacts,
    waits: EscrowFacts,
    data: st.DataObject,
) -> None:
    days = sorted(data.draw(st.tuples(_DAYS, _DAYS)))
    claimed = retirement(
        0,
        id=data.draw(_WORDS32),
        quantity=data.draw(st.integers(1, MAX_QUANTITY)),
        claim_from=days[0],
        claim_to=days[1],
        retired_at=data.draw(st.datetimes(timezones=st.just(UTC))).replace(microsecond=0),
    )
    with store.write() as tx:
        tx.assets.put_class(asset, sums)
        tx.assets.put_issuance(issued)
        tx.assets.put_holding(held)
        tx.assets.put_escrow(waits)
        tx.assets.put_retirement(claimed)
    with store.read() as tx:
        assert (asset, sums) in tx.assets.classes()
        assert tx.assets.issuance(issued.token) == issued
        assert tx.assets.holding(held.account, held.token) == held
        assert tx.assets.escrow(waits.id) == waits
        assert tx.assets.retirement(claimed.id) == claimed


def test_no_question_reads_a_whole_table(store: SqlStore) -> None:
    with store.write() as tx:
        for number in range(1, 601):
            tx.assets.put_issuance(issuance(number, class_id=f"class-{number % 60}"))
            tx.assets.put_holding(holding(number % 60, number))
            ended = EscrowState.OPEN if number % 3 else EscrowState.ACCEPTED
            sides = {"seller": account(number % 60), "buyer": account(100 + number % 59)}
            tx.assets.put_escrow(escrow(number, line_digest=word(number), state=ended, **sides))
            tx.assets.put_retirement(
                retirement(number, line_digest=word(number), holder=account(number % 60), token=word(number % 50))
            )
    pages: list[Any] = [
        lambda tx: tx.assets.issuances(class_id=None, after=word(7), limit=5),
        lambda tx: tx.assets.issuances(class_id="class-7", after=word(7), limit=5),
        lambda tx: tx.assets.holdings_of(account(7), after=word(7), limit=5),
        lambda tx: tx.assets.holders_of(word(7), after=None, limit=5),
    ]
    questions: list[Any] = [
        *pages,
        lambda tx: tx.assets.issuance(word(7)),
        lambda tx: tx.assets.holding(account(7), word(7)),
        lambda tx: tx.assets.escrow(word(7)),
        lambda tx: tx.assets.escrows_of_line(word(7)),
        lambda tx: tx.assets.escrows_of(account(7), is_open=True, limit=5),
        lambda tx: tx.assets.escrows_of(account(107), is_open=False, limit=5),
        lambda tx: tx.assets.escrows_of(account(7), is_open=True, limit=5, after=(NOON, word(3))),
        lambda tx: tx.assets.retirement(word(7)),
        lambda tx: tx.assets.retirements_of_line(word(7)),
    ]
    tables = ("issuance", "holding", "escrow", "retirement")
    analyze(store)
    for at, ask in enumerate(questions):
        with explained(store) as (tx, plans):
            assert ask(tx), at
        plan = "\n".join(plans)
        assert plan
        assert whole_tables_read(plan, tables) == [], (at, plan)
