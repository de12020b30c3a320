"""Books whose sums can be followed on paper: what is in stock, what a claim may rest on, and what a statement may still take."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from greenlane.core.assets.custody import CustodyModel
from greenlane.core.balance.amounts import amount_text
from greenlane.core.balance.book import Node, Shortfall, nodes_of, period_balance, sources_of
from greenlane.core.balance.factors import ConversionFactor
from greenlane.core.balance.movements import BookEvent, Movement, MovementKind, movements_of
from greenlane.core.balance.statement import (
    BeyondBalance,
    Claim,
    FactorMissing,
    FactorsCircular,
    StatementSum,
    judge_statement,
)
from greenlane.core.documents.description import MemberName
from greenlane.core.units import CenterId, MemberId
from worlds.books import (
    BAR_LOT,
    BARS,
    BEANS,
    LOT_A,
    LOT_B,
    MILL,
    counted,
    lost,
    made,
    moved,
    quantity,
    received,
    sent,
    transformed,
)

BEANS_KG, BARS_KG, BARS_PIECES = (
    Node(material=BEANS, unit="KGM"),
    Node(material=BARS, unit="KGM"),
    Node(material=BARS, unit="H87"),
)
JUNE = (date(2026, 6, 1), date(2026, 6, 30))
COOPERATIVE = MemberName(center=CenterId("lima"), member=MemberId("cooperative"))


def moves(*events: BookEvent) -> tuple[Movement, ...]:
    return movements_of(events, MILL).movements


def texts(*amounts: Decimal) -> str:
    """Amounts as people read them."""
    return " ".join(map(amount_text, amounts))


def claim(amount: str = "1", *, lot: str = LOT_A, unit: str = "KGM", by: str = "urn:example:1", **more: object) -> Claim:
    plain = Claim(
        statement_id=by,
        attribute="deforestation-free",
        lot=lot,
        amount=Decimal(amount),
        unit=unit,
        vintage_from=JUNE[0],
        vintage_to=JUNE[1],
        custody_model=CustodyModel.SEGREGATED,
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def factor(**more: object) -> ConversionFactor:
    """1 KGM of bars needs 0.7 KGM of beans."""
    plain = ConversionFactor(
        declared_by=COOPERATIVE,
        facility=MILL,
        attribute=None,
        material=BARS,
        unit="KGM",
        needs_material=BEANS,
        needs_unit="KGM",
        quantity=Decimal("0.7"),
        valid_from=date(2026, 1, 1),
        valid_to=None,
        number=1,
        replaces=None,
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def judged(
    asked: Claim, *events: BookEvent, stated: tuple[Claim, ...] = (), factors: tuple[ConversionFactor, ...] = ()
) -> dict[str, Decimal]:
    """What is left in each book that was asked, by "lot" or material and unit."""
    sums = judge_statement(asked, movements=moves(*events), stated=stated, factors=factors)
    return {each.lot or f"{each.node.material} {each.node.unit}": each.left for each in sums}


def refused(
    asked: Claim, *events: BookEvent, stated: tuple[Claim, ...] = (), factors: tuple[ConversionFactor, ...] = ()
) -> BeyondBalance:
    with pytest.raises(BeyondBalance) as caught:
        judge_statement(asked, movements=moves(*events), stated=stated, factors=factors)
    return caught.value


def lines(found: StatementSum) -> dict[str, str]:
    return {line.words: f"{line.amount:f}" for line in found.lines if line.amount}


# ---- stock ----

MONTH = (
    counted(quantity(LOT_A, 100), day="2026-05-20"),
    received(quantity(LOT_B, 0.05, "TNE"), day="2026-05-30"),
    made(quantity(LOT_A, 40), day="2026-06-01"),
    received(quantity(LOT_B, 25), day="2026-06-02"),
    transformed([quantity(LOT_A, 60)], [quantity(BAR_LOT, 80)], day="2026-06-03"),
    sent(quantity(LOT_B, 30), day="2026-06-04"),
    lost(quantity(LOT_A, 7.5), day="2026-06-05"),
    received(quantity(LOT_B, 1), day="2026-07-01"),
)


def test_a_month_of_beans() -> None:
    found = period_balance(BEANS_KG, nodes_of(moves(*MONTH))[BEANS_KG], from_day=JUNE[0], to_day=JUNE[1])
    assert texts(found.opening, found.declared) == "150 0"
    assert texts(found.made, found.received, found.found) == "40 25 0"
    assert texts(found.consumed, found.sent, found.lost) == "60 30 7.5"
    # 150 + 40 + 25 - 60 - 30 - 7.5
    assert found.closing == Decimal("117.5")
    assert (found.shortfall, found.from_day, found.to_day, found.node) == (None, *JUNE, BEANS_KG)


def test_a_book_from_its_beginning() -> None:
    found = period_balance(BEANS_KG, nodes_of(moves(*MONTH))[BEANS_KG])
    assert texts(found.opening, found.declared, found.received) == "0 100 76"
    assert found.closing == Decimal("118.5")
    assert period_balance(BEANS_KG, nodes_of(moves(*MONTH))[BEANS_KG], from_day=date(2026, 7, 1)).opening == Decimal("117.5")


def test_less_than_nothing_is_told_with_its_day_and_not_hidden() -> None:
    events = (
        received(quantity(LOT_A, 10)),
        sent(quantity(LOT_A, 12), day="2026-06-04"),
        received(quantity(LOT_A, 5), day="2026-06-09"),
    )
    found = period_balance(BEANS_KG, moves(*events))
    assert found.closing == 3
    assert found.shortfall == Shortfall(day=date(2026, 6, 4), stock=Decimal(-2))


def test_a_count_that_finds_less_is_a_loss_and_more_is_stock_without_a_claim() -> None:
    events = (
        counted(quantity(LOT_A, 100), quantity(LOT_B, 10), hour=8),
        counted(quantity(LOT_A, 90), quantity(LOT_B, 15), hour=9),
    )
    found = period_balance(BEANS_KG, moves(*events))
    assert texts(found.declared, found.lost, found.found, found.closing) == "110 10 5 105"
    assert sum(each.left for each in sources_of(moves(*events), is_input=False)) == 100


# ---- what a claim may rest on ----


def rests(*events: BookEvent, is_input: bool = False) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for each in sources_of(moves(*events), is_input=is_input):
        found[each.identifier] = found.get(each.identifier, Decimal(0)) + each.left
    return found


def test_what_was_made_here_keeps_its_claim_when_it_is_sent() -> None:
    assert rests(made(quantity(LOT_A, 100)), sent(quantity(LOT_A, 60))) == {LOT_A: 100}


def test_what_was_received_and_sent_on_was_only_passed_through() -> None:
    assert rests(received(quantity(LOT_A, 100)), sent(quantity(LOT_A, 60))) == {LOT_A: 40}


def test_sending_goods_round_and_round_makes_no_claim_grow() -> None:
    events = [made(quantity(LOT_A, 100))]
    for day in range(2, 9):
        events += [
            sent(quantity(LOT_A, 100), day=f"2026-06-{day:02}"),
            received(quantity(LOT_A, 100), day=f"2026-06-{day:02}", hour=11),
        ]
    assert rests(*events) == {LOT_A: 100}


def test_what_was_consumed_or_lost_is_not_there_to_be_claimed() -> None:
    events = (made(quantity(LOT_A, 100)), transformed([quantity(LOT_A, 30)], [quantity(BAR_LOT, 30)]), lost(quantity(LOT_A, 20)))
    beans = [each for each in moves(*events) if each.material == BEANS]
    (source,) = sources_of(beans, is_input=False)
    assert texts(source.amount, source.passed_on, source.consumed, source.lost, source.left) == "100 0 30 20 50"
    (as_input,) = sources_of(beans, is_input=True)
    assert texts(as_input.consumed, as_input.left) == "0 80"


def test_an_input_that_was_sent_elsewhere_stands_behind_nothing_here() -> None:
    assert rests(made(quantity(LOT_A, 100)), sent(quantity(LOT_A, 60)), is_input=True) == {LOT_A: 40}


def test_a_lot_pays_for_itself_and_the_rest_for_what_it_cannot_pay() -> None:
    events = (made(quantity(LOT_A, 10)), made(quantity(LOT_B, 10)), lost(quantity(LOT_A, 13)))
    assert rests(*events) == {LOT_A: 0, LOT_B: 7}
    unknown = (received(quantity(LOT_A, 10)), sent(quantity(BEANS, 4)))
    assert rests(*unknown) == {LOT_A: 6}
    nobody = (made(quantity(LOT_A, 10)), lost(quantity(LOT_A, 99)))
    assert rests(*nobody) == {LOT_A: 0}


def test_a_shipment_taken_back_that_never_left_is_no_source() -> None:
    assert rests(received(quantity(LOT_A, 10)), moved("void_shipping", quantity(LOT_A, 5), hour=12)) == {LOT_A: 10}


def test_what_several_events_of_a_day_tell_of_a_lot_is_one_source() -> None:
    mixed = transformed([quantity(LOT_A, 1)], [quantity(BAR_LOT, 30)])
    (source,) = sources_of([each for each in moves(made(quantity(BAR_LOT, 70)), mixed) if each.material == BARS], is_input=False)
    assert source.amount == 100
    assert source.made_of == {BEANS}


def test_the_oldest_source_pays_first() -> None:
    events = (made(quantity(LOT_A, 10), day="2026-06-01"), made(quantity(LOT_A, 10), day="2026-06-02"), lost(quantity(LOT_A, 12)))
    assert texts(*(each.left for each in sources_of(moves(*events), is_input=False))) == "0 8"


# ---- statements ----


def test_a_statement_within_its_books_is_told_what_is_left() -> None:
    assert judged(claim("100"), made(quantity(LOT_A, 100)), made(quantity(LOT_B, 50))) == {
        LOT_A: 100,
        f"{BEANS} KGM": 150,
    }


def test_a_statement_beyond_its_books_is_refused_with_the_sum_line_by_line() -> None:
    fault = refused(
        claim("61"),
        counted(quantity(LOT_A, 20), hour=7),
        made(quantity(LOT_A, 90)),
        received(quantity(LOT_A, 30)),
        sent(quantity(LOT_A, 10)),
        transformed([quantity(LOT_A, 40)], [quantity(BAR_LOT, 1)]),
        lost(quantity(LOT_A, 5)),
        stated=(claim("25", by="urn:example:0"),),
    )
    # 20 + 90 + 30 - 10 - 40 - 5 - 25
    assert fault.sum.left == 60
    assert lines(fault.sum) == {
        "opening count": "20",
        "made": "90",
        "received": "30",
        "sent": "-10",
        "consumed": "-40",
        "lost": "-5",
        "stated already": "-25",
    }
    assert fault.detail == (
        f"61 kg of lot {LOT_A} are asked, and 60 are left from 2026-06-01 to 2026-06-30: + 20 opening count + 90 made "
        "+ 30 received − 10 sent − 40 consumed − 5 lost − 25 stated already = 60."
    )
    assert (fault.where, fault.code) == ("/quantity", "beyond-balance")


def test_pounds_are_compared_with_kilograms_exactly() -> None:
    book = made(quantity(LOT_A, 0.45359237))
    assert judged(claim("1", unit="LBR"), book)[LOT_A] == Decimal("0.45359237")
    assert refused(claim("1.000000000000000001", unit="LBR"), book).sum.asked > Decimal("0.45359237")


def test_a_statement_takes_from_its_lot_first_and_then_from_its_material() -> None:
    books = (made(quantity(LOT_A, 10)), made(quantity(LOT_B, 90)))
    assert refused(claim("11"), *books).sum.lot == LOT_A
    loose = refused(claim("5"), *books, stated=(claim("97", lot=BEANS, by="urn:example:0"),))
    assert loose.sum.lot is None
    assert loose.sum.left == 3
    assert judged(claim("100", lot=BEANS), *books) == {f"{BEANS} KGM": 100}


def test_other_attributes_and_the_statement_itself_take_nothing() -> None:
    others = (claim("90", by="urn:example:0", attribute="fair-wage"), claim("95"))
    assert judged(claim("95"), made(quantity(LOT_A, 100)), stated=others)[LOT_A] == 100


def test_goods_outside_the_vintage_do_not_count() -> None:
    book = (
        made(quantity(LOT_A, 10), day="2026-05-31"),
        made(quantity(LOT_A, 4), day="2026-06-30"),
        made(quantity(LOT_A, 9), day="2026-07-01"),
    )
    assert refused(claim("5"), *book).sum.left == 4


def test_no_order_of_overlapping_vintages_counts_one_kilogram_twice() -> None:
    # 10 in May, 10 in June, 10 in July.
    book = tuple(made(quantity(LOT_A, 10), day=f"2026-{month}-15") for month in ("05", "06", "07"))
    may_june = claim("20", by="urn:example:0", vintage_from=date(2026, 5, 1))
    assert refused(claim("1"), *book, stated=(may_june,)).sum.from_day == date(2026, 5, 1)
    june_july = claim("20", by="urn:example:0", vintage_to=date(2026, 7, 31))
    assert refused(claim("1"), *book, stated=(june_july,)).sum.to_day == date(2026, 7, 31)
    assert judged(claim("10"), *book, stated=(claim("10", by="urn:example:0", vintage_from=date(2026, 5, 1)),))[LOT_A] == 10
    summer = claim("5", by="urn:example:0", vintage_from=date(2026, 5, 1), vintage_to=date(2026, 7, 31))
    assert judged(claim("10"), *book, stated=(summer,))[LOT_A] == 10


def test_a_bar_needs_its_beans() -> None:
    book = (
        received(quantity(LOT_A, 70)),
        transformed([quantity(LOT_A, 70)], [quantity(BAR_LOT, 120)]),
    )
    asked = claim("100", lot=BAR_LOT, custody_model=CustodyModel.MASS_BALANCE)
    # 100 x 0.7 = 70: exactly what came in.
    assert judged(asked, *book, factors=(factor(),)) == {BAR_LOT: 120, f"{BARS} KGM": 120, f"{BEANS} KGM": 70}
    fault = refused(replace(asked, amount=Decimal("100.1")), *book, factors=(factor(),))
    assert (fault.sum.node, fault.sum.from_day) == (BEANS_KG, None)
    assert texts(fault.sum.asked, fault.sum.left) == "70.07 70"
    assert f"(1 kg of {BARS} needs 0.7 kg of {BEANS}, by version 1)" in fault.detail


def test_beans_may_be_carried_over_and_are_taken_once() -> None:
    book = (
        received(quantity(LOT_A, 100), day="2026-05-01"),
        sent(quantity(LOT_A, 30), day="2026-05-02"),
        transformed([quantity(LOT_A, 70)], [quantity(BAR_LOT, 500)]),
    )
    asked = claim("50", lot=BAR_LOT)
    assert judged(asked, *book, factors=(factor(),))[f"{BEANS} KGM"] == 70
    july = claim("60", lot=BAR_LOT, by="urn:example:0", vintage_from=date(2026, 7, 1), vintage_to=date(2026, 7, 31))
    fault = refused(asked, *book, factors=(factor(),), stated=(july,))
    # 100 - 30 sent away - 42 for July's bars
    assert fault.sum.left == 28
    assert fault.sum.to_day == date(2026, 7, 31)
    assert lines(fault.sum)["sent"] == "-30"
    direct = claim("40", by="urn:example:2", vintage_from=date(2026, 5, 1), vintage_to=date(2026, 5, 31))
    assert refused(asked, *book, factors=(factor(),), stated=(direct,)).sum.left == 30


def test_beans_that_were_sold_and_beans_that_were_used_are_claimed_side_by_side_and_no_more() -> None:
    # 100 grown: 60 sold as beans, 40 made into 50 bars of 0.7 each.
    book = (
        made(quantity(LOT_A, 100)),
        sent(quantity(LOT_A, 60), day="2026-06-05"),
        transformed([quantity(LOT_A, 40)], [quantity(BAR_LOT, 50)], day="2026-06-06"),
    )
    beans = claim("60", by="urn:example:beans")
    bars = claim("50", lot=BAR_LOT, by="urn:example:bars")
    assert judged(beans, *book, stated=(bars,), factors=(factor(),))[f"{BEANS} KGM"] == 65
    assert judged(bars, *book, stated=(beans,), factors=(factor(),))[BAR_LOT] == 50
    # By a factor of 1.2, the bars would need 60 where 40 were not sent away.
    much = factor(quantity=Decimal("1.2"))
    assert refused(bars, *book, stated=(beans,), factors=(much,)).sum.left == 40
    unsold = (book[0], transformed([quantity(LOT_A, 40)], [quantity(BAR_LOT, 50)], day="2026-06-06"))
    assert refused(bars, *unsold, stated=(beans,), factors=(much,)).sum.left == 40
    assert refused(beans, *unsold, stated=(bars,), factors=(much,)).sum.left == 40


def test_the_factor_of_the_day_counts_and_one_for_the_attribute_goes_first() -> None:
    second = factor(number=2, replaces=bytes(32), quantity=Decimal("0.5"), valid_from=date(2026, 6, 15))
    special = factor(attribute="deforestation-free", quantity=Decimal("0.25"))
    over = factor(number=3, replaces=bytes(32), valid_to=date(2026, 6, 1), quantity=Decimal(9))
    book = (received(quantity(LOT_A, 100)), made(quantity(BAR_LOT, 100)))

    def asked(*factors: ConversionFactor, until: date = JUNE[1]) -> Decimal:
        found = judge_statement(claim("100", lot=BAR_LOT, vintage_to=until), movements=moves(*book), stated=(), factors=factors)
        return next(each.asked for each in found if each.node == BEANS_KG)

    assert asked(factor(), second, over) == 50
    assert asked(factor(), second, over, until=date(2026, 6, 14)) == 70
    assert asked(factor(), second, special, over) == 25


def test_pieces_are_weighed_by_a_factor_of_the_material_upon_itself() -> None:
    weighed = factor(needs_material=BARS, needs_unit="H87", quantity=Decimal(10))
    book = (received(quantity(LOT_A, 70)), transformed([quantity(LOT_A, 70)], [quantity(BAR_LOT, 1000, None)]))
    asked = claim("100", lot=BAR_LOT)
    fault = refused(asked, *book)
    assert fault.sum.node == BARS_KG
    assert fault.sum.left == 0
    assert fault.remedy.startswith(f"The events count {BARS} in H87")
    assert judged(asked, *book, factors=(weighed,)) == {BAR_LOT: 1000, f"{BARS} H87": 1000}
    behind = factor(unit="H87", quantity=Decimal("0.07"))
    assert judged(asked, *book, factors=(weighed, behind)) == {BAR_LOT: 1000, f"{BARS} H87": 1000, f"{BEANS} KGM": 70}


def test_what_no_event_tells_of_is_refused_with_a_plain_remedy() -> None:
    fault = refused(claim("1"))
    assert fault.sum.left == 0
    assert fault.remedy == BeyondBalance.default_remedy


def test_mass_balance_of_something_made_of_something_else_needs_a_factor() -> None:
    book = (received(quantity(LOT_A, 70)), transformed([quantity(LOT_A, 70)], [quantity(BAR_LOT, 100)]))
    asked = claim("100", lot=BAR_LOT, custody_model=CustodyModel.MASS_BALANCE)
    with pytest.raises(FactorMissing) as caught:
        judge_statement(asked, movements=moves(*book), stated=(), factors=())
    assert BEANS in caught.value.detail
    grown = claim("100", lot=BAR_LOT, custody_model=CustodyModel.MASS_BALANCE)
    assert judged(grown, made(quantity(BAR_LOT, 100)))[BAR_LOT] == 100


def test_factors_that_lead_round_are_refused_in_words() -> None:
    back = factor(material=BEANS, needs_material=BARS, quantity=Decimal(1))
    with pytest.raises(FactorsCircular) as caught:
        judge_statement(claim("1", lot=BAR_LOT), movements=(), stated=(), factors=(factor(), back))
    assert "without an end" in caught.value.detail
    chain = [factor(material=f"urn:example:{number}", needs_material=f"urn:example:{number + 1}") for number in range(12)]
    with pytest.raises(FactorsCircular):
        judge_statement(claim("1", lot="urn:example:0"), movements=(), stated=(), factors=chain)


def test_every_kind_of_movement_is_told_by_some_line() -> None:
    assert {kind.value for kind in MovementKind} == {"opening", "made", "received", "found", "consumed", "sent", "lost"}
