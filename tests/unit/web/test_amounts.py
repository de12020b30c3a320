"""Amounts in words and shares in bars: nothing is rounded to nothing, and no text becomes a formula."""

from decimal import Decimal

import pytest
from greenlane.core.assets.custody import CustodyModel
from greenlane.core.assets.facts import AssetClass, Totals
from greenlane.core.assets.quantity import Unit
from greenlane.ports.asset_index import FollowedTo
from greenlane.services.assets.look import Supply
from greenlane.web.pages.amounts import amount_words, grouped, money_words
from greenlane.web.pages.spend import plain_text
from greenlane.web.pages.supply import BAR_WIDTH, share_words, told_supply
from hypothesis import given
from hypothesis import strategies as st

_KILOGRAMS = Unit(code="KGM", decimals=3)
_COUNTS = st.integers(min_value=0, max_value=2**120)


@pytest.mark.parametrize(
    ("text", "shown"), [("0", "0"), ("999", "999"), ("1000", "1,000"), ("1234567.12345", "1,234,567.12345"), ("0.0001", "0.0001")]
)
def test_thousands_are_set_apart_before_the_point_alone(text: str, shown: str) -> None:
    assert grouped(text) == shown


@given(quantity=_COUNTS)
def test_an_amount_in_words_is_the_amount(quantity: int) -> None:
    number, _, unit = amount_words(quantity, _KILOGRAMS).partition(" ")
    # A sum of so many digits is no float's, and no default Decimal context's.
    whole, _, part = number.replace(",", "").partition(".")
    assert int(whole) * 1_000 + int((part or "0").ljust(3, "0")) == quantity and unit == "kg"


@pytest.mark.parametrize(
    ("quantity", "decimals", "words"),
    [(1, 0, "1 piece"), (0, 0, "0 pieces"), (2, 0, "2 pieces"), (10, 1, "1 piece"), (1, 1, "0.1 pieces")],
)
def test_one_piece_is_no_pieces(quantity: int, decimals: int, words: str) -> None:
    assert amount_words(quantity, Unit(code="H87", decimals=decimals)) == words


@pytest.mark.parametrize(
    ("amount", "words"),
    [("1299.9", "1,299.90 PEN"), ("410", "410 PEN"), ("0.0001", "0.0001 PEN"), ("5.00", "5 PEN"), ("1E+3", "1,000 PEN")],
)
def test_money_is_never_rounded(amount: str, words: str) -> None:
    assert money_words(Decimal(amount), "PEN") == words


@given(first=_COUNTS, second=_COUNTS, third=_COUNTS, fourth=_COUNTS)
def test_the_pieces_of_a_bar_fill_it_and_leave_no_gap(first: int, second: int, third: int, fourth: int) -> None:
    totals = Totals(issued=first + second + third + fourth, escrowed=second, retired=third, cancelled=fourth)
    of = AssetClass(
        id="cocoa",
        attribute="df",
        unit=_KILOGRAMS,
        custody_model=CustodyModel.SEGREGATED,
        is_tradable=True,
        claim_days=1,
        name="Cocoa",
    )
    followed: FollowedTo | None = None
    (told,) = told_supply(
        Supply(classes=[(of, totals)], evidenced={"cocoa": totals.issued}, followed=followed, is_paused=False)
    ).classes
    ends = [0] + [piece.x + piece.width for piece in told.pieces]
    assert [piece.x for piece in told.pieces] == ends[:-1] and ends[-1] == (BAR_WIDTH if totals.issued else 0)
    assert told.adds_up


def test_more_than_evidenced_does_not_add_up() -> None:
    of = AssetClass(
        id="c", attribute="a", unit=_KILOGRAMS, custody_model=CustodyModel.SEGREGATED, is_tradable=True, claim_days=1, name="C"
    )
    totals = Totals(issued=2, escrowed=0, retired=0, cancelled=0)
    (told,) = told_supply(Supply(classes=[(of, totals)], evidenced={"c": 1}, followed=None, is_paused=False)).classes
    assert not told.adds_up
    (told,) = told_supply(Supply(classes=[(of, totals)], evidenced=None, followed=None, is_paused=False)).classes
    assert told.adds_up and told.evidenced is None


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [
        (0, 0, "0 %"),
        (0, 5, "0 %"),
        (5, 5, "100 %"),
        (1, 10**9, "less than 1 %"),
        (10**9 - 1, 10**9, "more than 99 %"),
        (1, 3, "33 %"),
    ],
)
def test_a_share_is_never_all_or_nothing_that_is_not(part: int, whole: int, words: str) -> None:
    assert share_words(part, whole) == words


@given(text=st.text())
def test_no_text_begins_like_a_formula(text: str) -> None:
    told = plain_text(text)
    assert told.endswith(text) and not told.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
