"""What the demo's city buys stands on the demo's events: the books carry exactly what is stated of it, and not a gram more."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from greenlane.core.assets.custody import read_custody_model
from greenlane.core.balance.movements import BookEvent, movements_of
from greenlane.core.balance.statement import BeyondBalance, Claim, judge_statement
from greenlane.core.canonical import parse_json
from greenlane.core.epcis.event import Event, parse_document
from greenlane_node.assets.class_file import load_class

from scripts.demo.papers import pdf_of
from scripts.demo.trade import CLASSES, GOODS, TRADERS, Goods, stated, weight_of_a_bag

CHAINS = Path(__file__).parents[2] / "scripts" / "demo" / "chains"


def events_of(firm: str) -> list[Event]:
    (path,) = CHAINS.glob(f"*/{firm}.jsonld")
    return list(parse_document(parse_json(path.read_bytes())).events)


def claim(goods: Goods, quantity: str) -> Claim:
    return Claim(
        statement_id="urn:example:1",
        attribute="claimed",
        lot=goods.lot,
        amount=Decimal(quantity),
        unit="KGM" if goods.all != "1" else "H87",
        vintage_from=goods.made[0],
        vintage_to=goods.made[1],
        custody_model=read_custody_model(goods.model, ""),
    )


@pytest.mark.parametrize("goods", GOODS, ids=lambda goods: goods.class_id)
def test_the_books_carry_what_is_stated_and_not_a_gram_more(goods: Goods) -> None:
    events = [BookEvent(event=event, event_hash=str(at)) for at, event in enumerate(events_of(goods.seller.id))]
    assert [1 / weight_of_a_bag().quantity] == contents
    with pytest.raises(AssertionError):
        assert [1 / replace(weight_of_a_bag(), quantity=Decimal("0.02")).quantity] == contents
    assert len({pdf_of(goods.certificate) for goods in GOODS}) == len(GOODS)
