"""What holds of every book: sums are exact, neither order nor cutting up of events matters, and nothing is counted twice."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from greenlane.core.assets.custody import CustodyModel
from greenlane.core.balance.amounts import amount_text, from_base, in_base, is_decimal, known_units, minus, plus, total
from greenlane.core.balance.book import nodes_of, period_balance, sources_of
from greenlane.core.balance.custody import Mixing, model_along, model_of_output
from greenlane.core.balance.movements import BookEvent, Movements, movements_of, stock_of
from greenlane.core.balance.statement import BeyondBalance, Claim, judge_statement
from hypothesis import given
from hypothesis import strategies as st
from worlds.books import BAR_LOT, LOT_A, LOT_B, MILL, counted, lost, made, moved, quantity, received, sent, transformed

_AMOUNTS = st.integers(1, 10**6).map(lambda grams: grams / 1000)
_LOTS = st.sampled_from([LOT_A, LOT_B])


@st.composite
def _events(draw: st.DrawFn) -> BookEvent:
    day, hour = f"2026-06-{draw(st.integers(1, 28)):02}", draw(st.integers(0, 23))
    one = quantity(draw(_LOTS), draw(_AMOUNTS), draw(st.sampled_from(["KGM", "GRM", "TNE", "LBR", None])))
    act = draw(st.sampled_from([made, received, sent, lost, counted, "void", "transform"]))
    if act == "void":
        return moved("void_shipping", one, day=day, hour=hour)
    if act == "transform":
        return transformed([one], [quantity(BAR_LOT, draw(_AMOUNTS))], day=day, hour=hour)
    event: BookEvent = act(one, day=day, hour=hour)  # type: ignore[operator]
    return event


_BOOKS = st.lists(_events(), max_size=12)
_NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**12), max_value=10**12)


@given(_BOOKS, st.randoms())
def test_the_order_in_which_events_come_does_not_matter(events: list[BookEvent], chance: object) -> None:
    mixed = [*events, *events]
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert movements_of(mixed, MILL) == movements_of(events, MILL)


@given(_BOOKS, st.integers(1, 28), st.integers(1, 28))
def test_a_period_opens_with_what_the_one_before_closed_with(events: list[BookEvent], first: int, last: int) -> None:
    for node, moves in nodes_of(movements_of(events, MILL).movements).items():
        bounds = [date(2026, 6, day) for day in sorted({first, last})]
        before = period_balance(node, moves, to_day=bounds[0])
        after = period_balance(node, moves, from_day=date.fromordinal(bounds[0].toordinal() + 1))
        assert after.opening == before.closing
        assert after.closing == period_balance(node, moves).closing == stock_of(moves)
        for found in (before, after):
            came = total([found.opening, found.declared, found.made, found.received, found.found])
            assert found.closing == minus(came, total([found.consumed, found.sent, found.lost]))


@given(_BOOKS)
def test_less_than_nothing_is_always_told(events: list[BookEvent]) -> None:
    for node, moves in nodes_of(movements_of(events, MILL).movements).items():
        stocks = [period_balance(node, moves, to_day=day).closing for day in sorted({each.day for each in moves})]
        told = period_balance(node, moves).shortfall
        assert (told is not None) == any(stock < 0 for stock in stocks)
        if told is not None:
            assert told.stock == next(stock for stock in stocks if stock < 0)


def _rests(found: Movements) -> list[tuple[object, ...]]:
    return [
        (node, is_input, each.day, each.identifier, each.kind, each.amount, each.left)
        for node, moves in sorted(nodes_of(found.movements).items(), key=lambda item: (item[0].material, item[0].unit))
        for is_input in (False, True)
        for each in sources_of(moves, is_input=is_input)
    ]


@given(
    st.lists(st.tuples(st.sampled_from([made, received, sent, lost, counted]), _LOTS, st.integers(2, 10**6)), max_size=6),
    st.data(),
)
def test_splitting_an_event_in_two_changes_nothing(acts: list[tuple[object, str, int]], data: st.DataObject) -> None:
    whole: list[BookEvent] = []
    parts: list[BookEvent] = []
    for hour, (act, lot, grams) in enumerate(acts):
        assert callable(act)
        first = data.draw(st.integers(1, grams - 1))
        whole.append(act(quantity(lot, grams, "GRM"), hour=hour))
        # Told apart by a field that has no part in the sums.
        parts += [
            act(quantity(lot, part, "GRM"), hour=hour, disposition=word)
            for part, word in ((first, "active"), (grams - first, "available"))
        ]
    assert _rests(movements_of(whole, MILL)) == _rests(movements_of(parts, MILL))
    for node, moves in nodes_of(movements_of(whole, MILL).movements).items():
        cut = nodes_of(movements_of(parts, MILL).movements)[node]
        assert period_balance(node, moves) == period_balance(node, cut)


@given(_BOOKS)
def test_what_may_be_claimed_is_never_less_than_nothing_and_never_more_than_came(events: list[BookEvent]) -> None:
    for moves in nodes_of(movements_of(events, MILL).movements).values():
        for is_input in (False, True):
            for source in sources_of(moves, is_input=is_input):
                assert 0 <= source.left <= source.amount


@given(_BOOKS, st.lists(st.tuples(st.integers(1, 28), st.integers(1, 28), st.integers(1, 10**6)), max_size=8))
def test_no_order_of_statements_takes_more_than_a_span_of_days_has(
    events: list[BookEvent], asks: list[tuple[int, int, int]]
) -> None:
    moves = movements_of(events, MILL).movements
    taken: list[Claim] = []
    for number, (one, other, grams) in enumerate(asks):
        claim = Claim(
            statement_id=f"urn:example:{number}",
            attribute="deforestation-free",
            lot=LOT_A,
            amount=Decimal(grams),
            unit="GRM",
            vintage_from=date(2026, 6, min(one, other)),
            vintage_to=date(2026, 6, max(one, other)),
            custody_model=CustodyModel.SEGREGATED,
        )
        try:
            judge_statement(claim, movements=moves, stated=taken, factors=())
        except BeyondBalance as refused:
            assert refused.sum.left < refused.sum.asked
            assert refused.sum.left == total(line.amount for line in refused.sum.lines)
        else:
            taken.append(claim)
    mine = [each for each in moves if each.material == (taken[0].node.material if taken else "") and each.unit == "KGM"]
    sources = [each for each in sources_of(mine, is_input=False) if each.identifier == LOT_A]
    for first in range(1, 29):
        for last in range(first, 29):
            has = total(each.left for each in sources if first <= each.day.day <= last)
            takes = total(
                in_base(each.amount, "GRM") for each in taken if first <= each.vintage_from.day and each.vintage_to.day <= last
            )
            assert takes <= has


@given(_NUMBERS, _NUMBERS, st.sampled_from(known_units()))
def test_conversion_is_exact(one: Decimal, other: Decimal, unit: str) -> None:
    assert Fraction(plus(one, other)) == Fraction(one) + Fraction(other)
    scale = Fraction(in_base(Decimal(1), unit))
    assert Fraction(in_base(one, unit)) == Fraction(one) * scale
    if is_decimal(unit):
        assert from_base(in_base(one, unit), unit) == one
    assert Decimal(amount_text(one)) == one


_MODELS = st.sampled_from(CustodyModel)


@given(st.lists(st.tuples(st.lists(_MODELS, max_size=4), st.sampled_from(Mixing)), min_size=1, max_size=8))
def test_a_custody_model_never_goes_up(steps: list[tuple[list[CustodyModel], Mixing]]) -> None:
    along = [model_along(steps[: end + 1]) for end in range(len(steps))]
    for before, after in pairwise(along):
        assert before is not None
        assert after is not None
        assert before.may_become(after)
    for inputs, mixing in steps:
        output = model_of_output(inputs, mixing)
        assert output is not None
        assert all(model.may_become(output) for model in inputs)


@given(_BOOKS)
def test_a_statement_of_nothing_in_the_book_is_refused(events: list[BookEvent]) -> None:
    claim = Claim(
        statement_id="urn:example:1",
        attribute="deforestation-free",
        lot="urn:example:never-seen",
        amount=Decimal("0.001"),
        unit="KGM",
        vintage_from=date(2026, 6, 1),
        vintage_to=date(2026, 6, 28),
        custody_model=CustodyModel.SEGREGATED,
    )
    moves = movements_of(events, MILL).movements
    for each in (claim, replace(claim, unit="H87")):
        try:
            judge_statement(each, movements=moves, stated=(), factors=())
        except BeyondBalance as refused:
            assert refused.sum.left == 0
        else:
            raise AssertionError("a lot that nobody has seen was claimed")
