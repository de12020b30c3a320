"""What the crash runs look for in purchases is found: each check bites on the one fault that it is there for."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from greenlane.ports.acts import ActKind, ActState
from greenlane.ports.asset_ledger import ActOutcome, ChainActState
from worlds.deployment import COOPERATIVE
from worlds.trade import CITY, COCOA, Trade, name_of

from scripts import chaos_purchases
from scripts.chaos_purchases import PurchasesBroken, Till, Told, check_acts, look_at_acts, wait_until_decided

SELLER, BUYER = name_of(COOPERATIVE), name_of(CITY)


@pytest.fixture(autouse=True)
def market(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chaos_purchases, "CLASS", COCOA.id)
    monkeypatch.setattr(chaos_purchases, "SELLERS", (SELLER,))
    monkeypatch.setattr(chaos_purchases, "BUYERS", (BUYER,))


@pytest.fixture
def till(trade: Trade) -> Till:
    """A purchase that went all the way, as its client knows it."""
    till = Till()
    digest = trade.signed()
    token = bytes.fromhex(digest[2:])
    till.holders[token] = (SELLER, BUYER)

    def note(answer: Any, kind: ActKind, quantity: int) -> dict[str, Any]:
        act = trade.accepted(answer)
        of = bytes.fromhex(act["digest"][2:])
        till.kept[of] = kind.value
        till.done.append(Told(name=kind.value, kind=kind, digest=of, token=token, quantity=quantity, subject=act["subject"]))
        return act

    note(trade.issue(digest, "10"), ActKind.ISSUE, 10_000)
    line = trade.ordered()["lines"][0]["digest"]
    escrow = note(trade.set_aside(digest, line), ActKind.ESCROW, 1_500)["asked"]["escrow"]
    note(trade.site.post(f"/v1/escrows/{escrow}/acceptance", key=trade.city, json={}), ActKind.ACCEPT, 1_500)
    note(trade.retire(digest), ActKind.RETIRE, 1_500)
    return till


def deployment_of(trade: Trade) -> Any:
    return SimpleNamespace(store=trade.site.world.store, asset_ledger=trade.site.world.asset_ledger)


def test_a_purchase_that_is_as_it_was_told_passes(trade: Trade, till: Till) -> None:
    deployment = deployment_of(trade)
    wait_until_decided(deployment, patience_s=5)
    look_at_acts(deployment, till)
    check_acts(deployment, till)


def test_an_act_that_is_not_kept_or_was_told_twice_is_found(trade: Trade, till: Till) -> None:
    till.done.append(till.done[0])
    with pytest.raises(PurchasesBroken, match="told to be done twice"):
        look_at_acts(deployment_of(trade), till)
    till.kept[bytes(32)] = "lost"
    with pytest.raises(PurchasesBroken, match="is not kept"):
        look_at_acts(deployment_of(trade), till)


def test_an_act_that_waits_for_ever_is_found(trade: Trade, till: Till) -> None:
    with trade.site.world.store.write() as tx:
        tx.acts.reopen(till.done[-1].digest)
    with pytest.raises(PurchasesBroken, match="1 acts are not decided"):
        wait_until_decided(deployment_of(trade), patience_s=0)
    with pytest.raises(PurchasesBroken, match="is done on the chain and kept here"):
        check_acts(deployment_of(trade), till)


def test_what_was_told_and_is_not_on_the_chain_is_found(trade: Trade, till: Till) -> None:
    digest = till.done[-1].digest
    trade.site.world.asset_ledger.states[digest] = ActOutcome(state=ChainActState.REFUSED)
    with pytest.raises(PurchasesBroken, match="is refused on the chain and done here"):
        check_acts(deployment_of(trade), till)
    with trade.site.world.store.write() as tx:
        tx.acts.reopen(digest)
        tx.acts.close(digest, ActState.REFUSED, trade.site.world.clock.now)
    with pytest.raises(PurchasesBroken, match="was told to be done, and is refused"):
        check_acts(deployment_of(trade), till)


def test_a_refusal_that_the_chain_lost_is_no_fault(trade: Trade, till: Till) -> None:
    token = "0x" + till.done[0].token.hex()
    ledger = trade.site.world.asset_ledger
    before = len(ledger.blocks) - 1
    body = {"token": token, "quantity": "1", "reason": "Spoilt"}
    act = trade.site.post("/v1/cancellations", key=trade.seller, json=body).json()
    digest = bytes.fromhex(act["digest"][2:])
    till.kept[digest] = "cancel"
    ledger.states[digest] = ActOutcome(state=ChainActState.REFUSED, refusal="Paused", detail="", remedy="")
    with trade.site.world.store.write() as tx:
        tx.acts.mark_brought(digest, trade.site.world.clock.now)
    trade.run()
    assert trade.act(act["digest"])["state"] == "refused"
    check_acts(deployment_of(trade), till)
    del ledger.states[digest]
    ledger.lose_to(before)
    ledger.mine()
    ledger.mine()
    trade.run()
    assert trade.act(act["digest"])["state"] == "refused"
    check_acts(deployment_of(trade), till)


def test_what_was_done_again_by_an_act_in_its_place_is_no_fault(trade: Trade, till: Till) -> None:
    world = trade.site.world
    (told,) = [each for each in till.done if each.kind is ActKind.ISSUE]
    with world.store.read() as tx:
        act = tx.acts.get(told.digest)
    assert act is not None
    # As if the issue that is on the chain had come in the place of an earlier one, whose client was told that it is done.
    earlier = bytes(31) + b"!"
    with world.store.write() as tx:
        tx.acts.add(replace(act, digest=earlier, state=ActState.KEPT, brought_at=None, decided_at=None))
        tx.acts.close(earlier, ActState.REFUSED, world.clock.now, refusal="WrongPlacement")
    world.asset_ledger.states[earlier] = ActOutcome(state=ChainActState.REFUSED)
    del till.kept[told.digest]
    till.kept[earlier] = told.name
    till.done = [replace(each, digest=earlier) if each is told else each for each in till.done]
    with pytest.raises(PurchasesBroken, match="was told to be done, and is refused"):
        check_acts(deployment_of(trade), till)
    keeping = replace(act.keeping, replaces=earlier)
    assert world.damage("DELETE FROM act WHERE digest = ?", told.digest) == 1
    with world.store.write() as tx:
        tx.acts.add(replace(act, keeping=keeping, state=ActState.KEPT, brought_at=None, decided_at=None))
        tx.acts.close(told.digest, ActState.DONE, world.clock.now)
    check_acts(deployment_of(trade), till)


def test_what_was_done_twice_or_by_nobody_is_found(trade: Trade, till: Till) -> None:
    till.kept = dict.fromkeys(till.kept, "one")
    with pytest.raises(PurchasesBroken, match="one was done 4 times"):
        check_acts(deployment_of(trade), till)
    till.kept = {each.digest: each.name for each in till.done}
    token = till.done[0].token
    body = {"token": "0x" + token.hex(), "quantity": "1", "reason": "Spoilt"}
    trade.accepted(trade.site.post("/v1/cancellations", key=trade.seller, json=body))
    with pytest.raises(PurchasesBroken, match="were told to be issued"):
        check_acts(deployment_of(trade), till)
    trade.accepted(trade.retire("0x" + token.hex(), key=trade.seller, quantity="1"))
    with pytest.raises(PurchasesBroken, match="issued, escrowed and retired were"):
        check_acts(deployment_of(trade), till)


def test_pages_that_tell_otherwise_than_the_chain_are_found(trade: Trade, till: Till) -> None:
    world, token = trade.site.world, till.done[0].token
    with world.store.write() as tx:
        held = world.asset_ledger.holding(world.asset_ledger.vouch(BUYER), token)
        tx.assets.put_holding(replace(held, retired=1))
    with pytest.raises(PurchasesBroken, match="pages tell"):
        check_acts(deployment_of(trade), till)
