"""One kilogram stands for one line: whoever else uses a line's digest, and whatever became of units that were accepted."""

from datetime import date, timedelta
from typing import Any

import pytest
from greenlane.core.assets.act import Act
from greenlane.core.documents.description import MemberName
from greenlane.core.units import Salt
from greenlane.ports.asset_ledger import AssetContract, RetirementAsked, SignedAct
from greenlane.services.check_purchase import LineBacking
from worlds.asset_ledger import PLACES, account_of, seconds, sign
from worlds.deployment import COOPERATIVE, LIMA, ROASTER
from worlds.trade import CITY, Trade, name_of

SELLER, BUYER, RIVAL = name_of(COOPERATIVE), name_of(CITY), name_of(ROASTER)


def line_of(trade: Trade, purchase: dict[str, Any], number: int = 1) -> dict[str, Any]:
    found: dict[str, Any] = trade.check(purchase["id"])["lines"][number - 1]
    return found


def token_check(line: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in line["checks"] if each["name"] == "token")
    return found


def backing_of(trade: Trade, purchase: dict[str, Any]) -> tuple[LineBacking, ...]:
    with trade.site.world.store.read() as tx:
        kept = tx.purchases.get(purchase["id"])
    assert kept is not None
    return trade.site.world.assets.check_purchase.backing(kept)


def retire_under(trade: Trade, token: str, digest: str, *, claimant: MemberName, quantity: int = 1_500) -> None:
    """The seller retires units of its own under a digest that it learned, by an act that no center was asked for."""
    ledger = trade.site.world.asset_ledger
    facts = ledger.model.issuances[bytes.fromhex(token[2:])]
    call = ledger.calls.retire(
        RetirementAsked(
            token=facts.token,
            quantity=quantity,
            claimant=account_of(claimant),
            beneficiary=bytes([9]) * 32,
            claim_from=date(2026, 1, 1),
            claim_to=date(2026, 2, 1),
            lot=facts.lot,
            line_digest=bytes.fromhex(digest[2:]),
            ref=bytes([quantity % 251]) * 32,
        )
    )
    bring_by_itself(trade, call, mark=quantity % 251)


def bring_by_itself(trade: Trade, call: bytes, *, mark: int) -> None:
    """The seller signs and brings an act that no center was asked for."""
    ledger = trade.site.world.asset_ledger
    now = int(trade.site.world.clock.now.timestamp())
    act = Act(account=account_of(SELLER), salt=Salt(bytes([mark]) * 32), not_after=now + 3_600, call=call)
    signature = sign(SELLER, act.digest(PLACES.domain(AssetContract.GREEN_ASSET)))
    ledger.bring(LIMA, [SignedAct(contract=AssetContract.GREEN_ASSET, act=act, signature=signature)])
    trade.run()


def accept(trade: Trade, token: str, line: dict[str, Any]) -> None:
    escrow = trade.accepted(trade.set_aside(token, line["digest"]))["asked"]["escrow"]
    trade.accepted(trade.site.post(f"/v1/escrows/{escrow}/acceptance", key=trade.city))


def send(trade: Trade, key: str, token: str, quantity: str, to: MemberName) -> None:
    body = {"token": token, "quantity": quantity, "to": str(to)}
    trade.accepted(trade.site.post("/v1/transfers", key=key, json=body))


def test_what_somebody_else_retires_under_a_lines_digest_counts_for_nothing(trade: Trade) -> None:
    token = trade.issued("10")
    purchase = trade.ordered()
    retire_under(trade, token, purchase["lines"][0]["digest"], claimant=RIVAL)
    line = line_of(trade, purchase)
    assert (line["standing"], line["retirements"], line["tokens"]) == ("ordered", [], [])
    assert token_check(line)["verdict"] == "not-checked"
    assert "Somebody else retired 1.5 kg under this line's digest" in token_check(line)["reason"]
    (backing,) = backing_of(trade, purchase)
    assert (backing.standing.value, backing.retirements) == ("ordered", ())


def test_a_buyers_own_claim_stands_beside_what_its_seller_retired_under_the_digest(trade: Trade) -> None:
    token = trade.issued("10")
    purchase = trade.ordered()
    accept(trade, token, purchase["lines"][0])
    retire_under(trade, token, purchase["lines"][0]["digest"], claimant=SELLER)
    own = trade.accepted(trade.retire(token, line={"purchase": purchase["id"], "number": 1}))["asked"]["retirement"]
    line = line_of(trade, purchase)
    assert (line["standing"], line["retirements"], token_check(line)["verdict"]) == ("retired", [own], "passed")
    assert "Somebody else" in token_check(line)["reason"]


def test_what_is_retired_in_the_buyers_name_counts_and_too_much_of_it_spoils_nothing(trade: Trade) -> None:
    token = trade.issued("10")
    purchase = trade.ordered()
    digest = purchase["lines"][0]["digest"]
    retire_under(trade, token, digest, claimant=BUYER, quantity=1_000)
    assert "1 of 1.5 kg were retired" in token_check(line_of(trade, purchase))["reason"]
    retire_under(trade, token, digest, claimant=BUYER, quantity=3_000)
    line = line_of(trade, purchase)
    assert (line["standing"], token_check(line)["verdict"]) == ("retired", "passed")


def test_units_that_were_accepted_and_given_away_stand_for_no_line(trade: Trade) -> None:
    token = trade.issued("1.5")
    purchase = trade.ordered(*(trade.line(description=f"Line {number}") for number in (1, 2, 3)))
    verdicts = []
    for number, line in enumerate(purchase["lines"], 1):
        accept(trade, token, line)
        verdicts.append(token_check(line_of(trade, purchase, number))["verdict"])
        if number < 3:
            send(trade, trade.city, token, "1.5", SELLER)
    # Only the first was covered by itself; from then on one kilogram and a half would stand for two lines, and for three.
    assert verdicts == ["passed", "failed", "failed"]
    found = [token_check(line) for line in trade.check(purchase["id"])["lines"]]
    assert {each["verdict"] for each in found} == {"failed"}
    assert "has 1.5 kg of the 4.5 on which 3 accepted and not retired lines count" in found[0]["reason"]
    assert found[0]["remedy"]
    assert [each.is_covered for each in backing_of(trade, purchase)] == [False] * 3
    # Claimed for one of them they stand for that one, and for no other.
    trade.accepted(trade.retire(token, line={"purchase": purchase["id"], "number": 2}))
    found = [token_check(line) for line in trade.check(purchase["id"])["lines"]]
    assert [each["verdict"] for each in found] == ["failed", "passed", "failed"]


def test_units_that_moved_to_the_buyers_new_account_still_stand_for_its_line(trade: Trade) -> None:
    token = trade.issued("10")
    purchase = trade.ordered()
    accept(trade, token, purchase["lines"][0])
    assert token_check(line_of(trade, purchase))["verdict"] == "passed"
    trade.site.world.asset_ledger.vouch(BUYER, generation=1)
    trade.site.world.member_keys.generations[BUYER] = 1
    body = {"token": token, "previous": "0x" + account_of(BUYER).hex()}
    trade.accepted(trade.site.post("/v1/key-followings", key=trade.city, json=body))
    assert token_check(line_of(trade, purchase))["verdict"] == "passed"
    assert [each.is_covered for each in backing_of(trade, purchase)] == [True]


@pytest.mark.parametrize("quantity", ["1.5", "2"])
def test_accepted_and_cancelled_is_no_backing(trade: Trade, quantity: str) -> None:
    token = trade.issued("10")
    purchase = trade.ordered()
    accept(trade, token, purchase["lines"][0])
    send(trade, trade.seller, token, "0.5", BUYER)
    body = {"token": token, "quantity": quantity, "reason": "spilt"}
    trade.accepted(trade.site.post("/v1/cancellations", key=trade.city, json=body))
    assert token_check(line_of(trade, purchase))["verdict"] == "failed"


def test_no_more_is_retired_for_a_line_than_is_left_of_it_by_acts_on_their_way_too(trade: Trade) -> None:
    token = trade.issued("10")
    purchase = trade.ordered()
    accept(trade, token, purchase["lines"][0])
    send(trade, trade.seller, token, "5", BUYER)
    line = {"purchase": purchase["id"], "number": 1}
    trade.site.world.asset_ledger.is_busy = True
    first = trade.retire(token, line=line, quantity="1")
    beyond = trade.retire(token, line=line, quantity="1")
    assert (first.status_code, beyond.status_code, beyond.json()["code"]) == (202, 409, "purchase-line-differs")
    assert "0.5 kg are left" in beyond.json()["detail"]
    trade.site.world.asset_ledger.is_busy = False
    trade.run()
    assert trade.retire(token, line=line, quantity="0.501").status_code == 409
    trade.accepted(trade.retire(token, line=line, quantity="0.5"))
    assert trade.retire(token, line=line, quantity="0.001").status_code == 409
    found = line_of(trade, purchase)
    assert (found["standing"], token_check(found)["verdict"]) == ("retired", "passed")


def test_units_that_come_late_for_a_line_as_it_was_before_are_told_and_go_back(trade: Trade) -> None:
    token = trade.issued("10")
    site, ledger = trade.site, trade.site.world.asset_ledger
    purchase = trade.ordered()
    before = purchase["lines"][0]["digest"]
    path = f"/v1/purchases/{purchase['id']}/lines/1"
    after = site.send("PUT", path, key=trade.city, json=trade.line(quantity="2")).json()["digest"]
    assert after != before
    # The seller's own center brings it: it was signed before the line was written anew.
    call = ledger.calls.escrow(
        token=bytes.fromhex(token[2:]),
        quantity=1_500,
        buyer=account_of(BUYER),
        line_digest=bytes.fromhex(before[2:]),
        deadline=seconds(site.world.clock.now + timedelta(days=30)),
    )
    bring_by_itself(trade, call, mark=5)
    line = line_of(trade, purchase)
    assert (line["standing"], line["next"]["whose"]) == ("ordered", "buyer")
    assert "as it was before: give them back" in token_check(line)["reason"]
    (escrow,) = [each["id"] for each in token_check(line)["evidence"] if each["kind"] == "escrow"]
    assert escrow in line["next"]["words"]
    trade.accepted(site.post(f"/v1/escrows/{escrow}/return", key=trade.city))
    assert "as it was before" not in token_check(line_of(trade, purchase))["reason"]
    # Here nobody sets units aside for the former digest any more.
    refused = trade.set_aside(token, before)
    assert (refused.status_code, refused.json()["code"]) == (409, "purchase-line-differs")
    trade.accepted(trade.set_aside(token, after, "2"))
    assert line_of(trade, purchase)["standing"] == "offered"


def test_a_line_whose_escrow_was_refused_or_came_too_late_is_written_anew(trade: Trade) -> None:
    token = trade.issued("10")
    site = trade.site
    purchase = trade.ordered()
    path = f"/v1/purchases/{purchase['id']}/lines/1"
    site.world.asset_ledger.is_busy = True
    act = trade.set_aside(token, purchase["lines"][0]["digest"]).json()["digest"]
    assert site.send("PUT", path, key=trade.city, json=trade.line(quantity="2")).status_code == 409
    site.world.clock.now += timedelta(days=2)
    site.world.asset_ledger.is_busy = False
    trade.run()
    assert trade.act(act)["state"] == "expired"
    answer = site.send("PUT", path, key=trade.city, json=trade.line(quantity="2"))
    assert answer.status_code == 200, answer.text
    trade.accepted(trade.set_aside(token, answer.json()["digest"], "2"))
    assert site.send("PUT", path, key=trade.city, json=trade.line(quantity="3")).status_code == 409
    line = line_of(trade, purchase)
    verdicts = {each["name"]: each["verdict"] for each in line["checks"]}
    assert (verdicts["token"], verdicts["purchase-line"]) == ("passed", "passed")
