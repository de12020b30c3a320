"""A purchase is taken back while nothing stands for it: once, by its buyer, and then nothing is done for its lines any more."""

from datetime import timedelta
from typing import Any

import pytest
from greenlane.bootstrap import report_spend_of
from greenlane.core.assets.act import Act
from greenlane.core.units import Salt
from greenlane.ports.asset_ledger import AssetContract, SignedAct
from worlds.asset_ledger import PLACES, account_of, seconds, sign
from worlds.deployment import COOPERATIVE, LIMA
from worlds.trade import CITY, Trade, name_of

SELLER, BUYER = name_of(COOPERATIVE), name_of(CITY)


def cancel(trade: Trade, purchase: dict[str, Any], *, key: str | None = None, once: str | None = None) -> Any:
    return trade.site.post(f"/v1/purchases/{purchase['id']}/cancellation", key=key or trade.city, once=once)


def told(answer: Any) -> tuple[int, str]:
    assert answer.json()["remedy"], answer.text
    return answer.status_code, answer.json()["code"]


def set_aside_elsewhere(trade: Trade, token: str, line: dict[str, Any]) -> None:
    """The seller signs by itself, and another center brings it, which knows nothing of the purchase."""
    ledger = trade.site.world.asset_ledger
    call = ledger.calls.escrow(
        token=bytes.fromhex(token[2:]),
        quantity=1_500,
        buyer=account_of(BUYER),
        line_digest=bytes.fromhex(line["digest"][2:]),
        deadline=seconds(trade.site.world.clock.now + timedelta(days=30)),
    )
    now = int(trade.site.world.clock.now.timestamp())
    act = Act(account=account_of(SELLER), salt=Salt(bytes([7]) * 32), not_after=now + 3_600, call=call)
    signature = sign(SELLER, act.digest(PLACES.domain(AssetContract.GREEN_ASSET)))
    ledger.bring(LIMA, [SignedAct(contract=AssetContract.GREEN_ASSET, act=act, signature=signature)])


def test_a_purchase_is_taken_back_once_and_says_so_wherever_it_is_told(trade: Trade) -> None:
    purchase = trade.ordered(trade.line(), trade.line(description="Another"))
    assert purchase["cancelledAt"] is None
    first = cancel(trade, purchase, once="back")
    trade.site.world.clock.now += timedelta(minutes=5)
    again = cancel(trade, purchase, once="back")
    assert (first.status_code, first.json()) == (200, again.json())
    assert first.json()["cancelledAt"] is not None
    assert [each["standing"] for each in first.json()["lines"]] == ["cancelled"] * 2
    (listed,) = trade.site.get("/v1/purchases", key=trade.city).json()["purchases"]
    assert listed["cancelledAt"] == first.json()["cancelledAt"]
    with trade.site.world.store.read() as tx:
        lines = [each for _, each in tx.audit.lines(LIMA, limit=500) if each.action == "purchase.cancel"]
    assert [each.subject for each in lines] == [purchase["id"]]
    check = trade.check(purchase["id"])
    assert check["verdict"] == "not-checked"
    for line in check["lines"]:
        assert (line["standing"], line["next"]["whose"]) == ("cancelled", "nobody")
        (token,) = [each for each in line["checks"] if each["name"] == "token"]
        assert "lima/city took the purchase back on 2026-06-01" in token["reason"] and token["remedy"]


def test_nothing_is_done_for_the_lines_of_a_purchase_that_was_taken_back(trade: Trade) -> None:
    token, purchase = trade.issued("10"), trade.ordered()
    (line,) = purchase["lines"]
    assert cancel(trade, purchase).status_code == 200
    assert told(trade.set_aside(token, line["digest"])) == (409, "purchase-cancelled")
    place = {"purchase": purchase["id"], "number": 1}
    assert told(trade.retire(token, key=trade.city, line=place)) == (409, "purchase-cancelled")
    path = f"/v1/purchases/{purchase['id']}/lines/1"
    assert told(trade.site.send("PUT", path, key=trade.city, json=trade.line(quantity="2"))) == (409, "purchase-cancelled")
    trade.run()
    assert trade.check(purchase["id"])["lines"][0]["standing"] == "cancelled"


@pytest.mark.parametrize("is_brought", [False, True])
def test_what_units_are_set_aside_for_or_are_about_to_be_is_not_taken_back(trade: Trade, is_brought: bool) -> None:
    token = trade.issued("10")
    purchase = trade.ordered(trade.line(description="Another"), trade.line())
    answer = trade.set_aside(token, purchase["lines"][1]["digest"])
    assert answer.status_code == 202
    if is_brought:
        trade.run()
    refused = cancel(trade, purchase)
    assert told(refused) == (409, "purchase-line-set-aside") and "line 2" in refused.json()["detail"]
    assert trade.site.get(f"/v1/purchases/{purchase['id']}", key=trade.city).json()["cancelledAt"] is None


def test_a_purchase_whose_units_all_went_back_is_taken_back_however_that_is_known(trade: Trade) -> None:
    token, purchase = trade.issued("10"), trade.ordered(trade.line(description="Another"), trade.line())
    trade.accepted(trade.set_aside(token, purchase["lines"][1]["digest"]))
    escrow = trade.check(purchase["id"])["lines"][1]["escrow"]
    refused = cancel(trade, purchase)
    assert told(refused) == (409, "purchase-line-set-aside") and "Give back what waits" in refused.json()["remedy"]
    back = trade.site.post(f"/v1/escrows/{escrow}/return", key=trade.city)
    assert told(cancel(trade, purchase)) == (409, "purchase-line-set-aside"), "it is on its way only"
    trade.accepted(back)
    assert cancel(trade, purchase).status_code == 200
    assert [each["standing"] for each in trade.check(purchase["id"])["lines"]] == ["cancelled"] * 2


def test_units_of_another_line_keep_a_purchase_from_being_taken_back_after_some_went_back(trade: Trade) -> None:
    token, purchase = trade.issued("10"), trade.ordered(trade.line(description="Another"), trade.line())
    for at, (line, step) in enumerate(zip(purchase["lines"], ("return", "acceptance"), strict=True)):
        trade.accepted(trade.set_aside(token, line["digest"]))
        escrow = trade.check(purchase["id"])["lines"][at]["escrow"]
        trade.accepted(trade.site.post(f"/v1/escrows/{escrow}/{step}", key=trade.city))
    refused = cancel(trade, purchase)
    assert told(refused) == (409, "purchase-line-set-aside") and "line 2" in refused.json()["detail"]


def test_what_the_chain_knows_before_this_center_does_is_not_taken_back(trade: Trade) -> None:
    token, purchase = trade.issued("10"), trade.ordered()
    set_aside_elsewhere(trade, token, purchase["lines"][0])
    trade.site.world.asset_ledger.mine()
    assert told(cancel(trade, purchase)) == (409, "purchase-line-set-aside")


def test_a_line_whose_escrow_came_too_late_keeps_nobody_from_taking_the_purchase_back(trade: Trade) -> None:
    token, purchase = trade.issued("10"), trade.ordered()
    trade.site.world.asset_ledger.is_busy = True
    act = trade.set_aside(token, purchase["lines"][0]["digest"]).json()["digest"]
    trade.site.world.clock.now += timedelta(days=2)
    trade.site.world.asset_ledger.is_busy = False
    trade.run()
    assert trade.act(act)["state"] == "expired"
    assert cancel(trade, purchase).status_code == 200


def test_units_that_come_late_from_elsewhere_are_told_not_accepted_and_go_back(trade: Trade) -> None:
    token, purchase = trade.issued("10"), trade.ordered()
    assert cancel(trade, purchase).status_code == 200
    set_aside_elsewhere(trade, token, purchase["lines"][0])
    trade.run()
    (line,) = trade.check(purchase["id"])["lines"]
    assert (line["standing"], line["next"]["whose"]) == ("offered", "buyer")
    assert line["escrow"] in line["next"]["words"] and "took the purchase back" in line["next"]["words"]
    assert line["checks"][0]["verdict"] == "not-checked"
    escrow = f"/v1/escrows/{line['escrow']}"
    assert told(trade.site.post(f"{escrow}/acceptance", key=trade.city)) == (409, "purchase-cancelled")
    trade.accepted(trade.site.post(f"{escrow}/return", key=trade.city))
    assert trade.check(purchase["id"])["lines"][0]["standing"] == "cancelled"


def test_only_its_buyer_takes_a_purchase_back_and_only_while_the_chain_can_be_asked(trade: Trade) -> None:
    purchase = trade.ordered()
    assert told(cancel(trade, purchase, key=trade.site.roaster)) == (404, "purchase-unknown")
    trade.site.world.asset_ledger.is_away = True
    assert cancel(trade, purchase).status_code == 503
    trade.site.world.asset_ledger.is_away = False
    assert trade.site.get(f"/v1/purchases/{purchase['id']}", key=trade.city).json()["cancelledAt"] is None


def test_a_purchase_that_was_taken_back_is_no_spending(trade: Trade) -> None:
    kept, back = trade.ordered(), trade.ordered(trade.line(description="Another"))
    assert cancel(trade, back).status_code == 200
    day = trade.site.world.clock.now.date()
    world = trade.site.world
    report = report_spend_of(world.store, world.assets.check_purchase, world.clock)(first=day, last=day, center=LIMA, member=None)
    assert {each.purchase_id for each in report.lines} == {kept["id"]}
