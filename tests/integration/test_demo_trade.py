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
from greenlane_node.cli.program import build_parser

from scripts.demo.governing import CLASSES, TRADERS, commands
from scripts.demo.papers import pdf_of
from scripts.demo.trade import GOODS, Goods, stated, weight_of_a_bag

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
    movements = movements_of(events, goods.facility).movements
    factors = (weight_of_a_bag(),)
    assert judge_statement(claim(goods, goods.all), movements=movements, stated=(), factors=factors)
    with pytest.raises(BeyondBalance):
        judge_statement(claim(goods, str(Decimal(goods.all) + Decimal("0.001"))), movements=movements, stated=(), factors=factors)
    assert Decimal(goods.some) <= Decimal(goods.all)


@pytest.mark.parametrize("goods", GOODS, ids=lambda goods: goods.class_id)
def test_the_lot_is_one_that_the_supplier_s_events_name(goods: Goods) -> None:
    named = {item.identifier for event in events_of(goods.seller.id) for item in event.epcs}
    assert goods.lot in named
    asked = stated(goods, goods.all)
    assert (asked["lot"], asked["facility"]) == (goods.lot, goods.facility)


def test_the_classes_are_ones_that_operators_can_vote_for_and_the_goods_fit_them(tmp_path: Path) -> None:
    for goods in GOODS:
        file = tmp_path / f"{goods.class_id}.toml"
        file.write_text(CLASSES[goods.class_id])
        admitted = load_class(file)
        assert admitted.id == goods.class_id and admitted.is_tradable
        assert read_custody_model(goods.model, "").may_become(admitted.custody_model)
        assert {goods.seller, goods.certifier} <= set(TRADERS)


def test_a_bag_weighs_what_the_product_s_master_data_says() -> None:
    document = json.loads((CHAINS / "cocoa" / "valle-esmeralda.jsonld").read_bytes())
    contents = [
        attribute["attribute"]["value"]
        for vocabulary in document["epcisHeader"]["epcisMasterData"]["vocabularyList"]
        for element in vocabulary["vocabularyElementList"]
        for attribute in element["attributes"]
        if attribute["id"] == "greenlane:netContent"
    ]
    assert [1 / weight_of_a_bag().quantity] == contents
    with pytest.raises(AssertionError):
        assert [1 / replace(weight_of_a_bag(), quantity=Decimal("0.02")).quantity] == contents
    assert len({pdf_of(goods.certificate) for goods in GOODS}) == len(GOODS)


def test_operators_of_two_centers_vote_for_both_classes_and_vouch_for_every_trader_once(tmp_path: Path) -> None:
    parsed = [build_parser().parse_args(command) for center in ("lima", "ho-chi-minh") for command in commands(tmp_path, center)]
    votes = [Path(each.asset_class).stem for each in parsed if each.action == "propose-class"]
    assert sorted(votes) == sorted([*CLASSES, *CLASSES])
    vouched = {each.member: each for each in parsed if each.action == "vouch"}
    assert set(vouched) == {firm.id for firm in TRADERS}
    assert len(parsed) == len(votes) + len(TRADERS)
    for firm in TRADERS:
        assert vouched[firm.id].center == firm.center.id and vouched[firm.id].role[0] in firm.roles
