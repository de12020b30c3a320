"""A request takes effect once: repeated, interrupted, the chain away, lost or late, and by members that keep their own keys."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from greenlane.core.assets.facts import HoldingFacts
from greenlane.core.assets.retirement import RetirementInvalid
from greenlane.core.documents.description import MemberName
from greenlane.core.units import Address, BlockNumber, CenterId
from greenlane.ports.acts import ActKind, ActState, KeptAct
from greenlane.ports.asset_ledger import ActOutcome, AssetContract, SignedAct
from greenlane.services import follow_assets
from greenlane.services.assets import look
from greenlane.services.assets.acting import Asker
from greenlane.services.bring import BringStep
from worlds.asset_ledger import PLACES, account_of, sign
from worlds.deployment import COOPERATIVE, LIMA, ROASTER, TIANJIN
from worlds.trade import CERTIFIER, CITY, Trade, name_of

SELLER = MemberName(center=LIMA, member=COOPERATIVE)


def transfer(trade: Trade, token: str, quantity: str = "1", *, once: str | None = None, **more: Any) -> Any:
    body = {"token": token, "quantity": quantity, "to": "lima/city"} | more
    return trade.site.post("/v1/transfers", key=trade.seller, once=once, json=body)


def held(trade: Trade, token: str) -> int:
    """Smallest units that the city has on the chain."""
    return trade.site.world.asset_ledger.model.holding(account_of(name_of(CITY)), bytes.fromhex(token[2:])).tradable


def test_the_same_request_again_is_the_same_act_and_moves_units_once(trade: Trade) -> None:
    token = trade.issued("10")
    first, again = transfer(trade, token, once="a"), transfer(trade, token, once="a")
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["digest"] == again.json()["digest"]
    trade.run()
    later = transfer(trade, token, once="a").json()
    assert (later["digest"], later["state"]) == (first.json()["digest"], "done")
    assert held(trade, token) == 1_000
    other = transfer(trade, token, "2", once="a")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency-key-reused")
    purchase = [trade.order(once="p").json()["id"] for _ in range(2)]
    assert len(set(purchase)) == 1
    drafts = [trade.state(once="e", id="urn:example:e", quantity="1").json()["digest"] for _ in range(2)]
    assert len(set(drafts)) == 1
    assert trade.state(id="urn:example:e", quantity="1").status_code == 409


def test_while_the_chain_is_away_acts_are_kept_untried_and_done_once_it_is_back(trade: Trade) -> None:
    token = trade.issued("10")
    purchase = trade.ordered()
    ledger = trade.site.world.asset_ledger
    transfer(trade, token, "1")
    trade.run()
    ledger.is_away = True
    answer = transfer(trade, token, "2", once="away")
    assert (answer.status_code, answer.json()["isTried"]) == (202, False)
    assert "away" in answer.json()["detail"]
    aside = trade.set_aside(token, purchase["lines"][0]["digest"])
    assert aside.status_code == 202
    (line,) = trade.check(purchase["id"])["lines"]
    assert (line["next"]["whose"], line["waiting"]) == ("center", [aside.json()["digest"]])
    # Nothing can be drafted without the registry, and nothing is kept of it.
    assert trade.state(id="urn:example:away").json()["code"] == "ledger-unavailable"
    assert trade.site.get(f"/v1/assets/{token}").status_code == 200
    ledger.is_away = False
    trade.run()
    assert trade.act(answer.json()["digest"])["state"] == "done" and held(trade, token) == 3_000
    assert trade.check(purchase["id"])["lines"][0]["standing"] == "offered"


def test_an_untried_act_that_cannot_be_is_refused_in_words_later(trade: Trade) -> None:
    token = trade.issued("10")
    transfer(trade, token, "1")
    trade.run()
    ledger = trade.site.world.asset_ledger
    ledger.is_away = True
    answer = transfer(trade, token, "500")
    ledger.is_away = False
    trade.run()
    act = trade.act(answer.json()["digest"])
    assert (act["state"], act["refusal"]) == ("refused", "TooFewUnits") and act["detail"] and act["remedy"]


def test_words_that_the_chain_lost_are_asked_for_again(trade: Trade) -> None:
    token = trade.issued("10")
    ledger = trade.site.world.asset_ledger
    first, second = transfer(trade, token, "6"), transfer(trade, token, "7")
    assert (first.status_code, second.status_code) == (202, 202)
    ledger.has_lost_words = True
    trade.run()
    assert [trade.act(each.json()["digest"])["refusal"] for each in (first, second)] == ["", "TooFewUnits"]


def test_a_worker_that_dies_between_any_two_steps_does_nothing_twice(trade: Trade) -> None:
    token = trade.issued("10")
    world = trade.site.world
    ledger, work = world.asset_ledger, world.asset_work
    ledger.is_automine = False
    digest = transfer(trade, token, "1").json()["digest"]
    assert work.bring(LIMA).step is BringStep.BROUGHT
    # Died before noting it: the record says that nothing was brought.
    with world.store.write() as tx:
        act = tx.acts.get(bytes.fromhex(digest[2:]))
    assert act is not None and act.brought_at is not None
    assert work.bring(LIMA).step is BringStep.WAITING
    ledger.mine()
    # Decided, and nobody noted it: it is not brought again.
    assert work.bring(LIMA).step is BringStep.WAITING
    assert list(ledger.brought.values()).count(1) == len(ledger.brought)
    trade.run()
    assert trade.act(digest)["state"] == "done" and held(trade, token) == 1_000


def test_what_a_node_forgot_is_brought_again_and_carried_out_once(trade: Trade) -> None:
    token = trade.issued("10")
    world = trade.site.world
    ledger = world.asset_ledger
    ledger.is_automine = False
    digest = transfer(trade, token, "1").json()["digest"]
    world.asset_work.bring(LIMA)
    ledger.waiting.clear()
    ledger.is_automine = True
    trade.run()
    assert trade.act(digest)["state"] == "done" and held(trade, token) == 1_000
    assert ledger.brought[bytes.fromhex(digest[2:])] == 2


def test_an_act_that_the_chain_lost_waits_again_and_everything_is_read_anew(trade: Trade) -> None:
    token = trade.issued("10")
    ledger = trade.site.world.asset_ledger
    before = len(ledger.blocks) - 1
    done = trade.accepted(transfer(trade, token, "1"))
    retired = trade.accepted(trade.retire(token, key=trade.seller, quantity="2"))
    ledger.lose_to(before)
    ledger.mine()
    ledger.mine()
    ledger.mine()
    assert held(trade, token) == 0
    trade.run()
    assert [trade.act(each["digest"])["state"] for each in (done, retired)] == ["done", "done"]
    assert held(trade, token) == 1_000
    (supply,) = trade.site.get("/v1/supply").json()["classes"]
    assert (supply["totals"]["tradable"], supply["totals"]["retired"]) == ("8", "2")
    assert trade.site.get(f"/v1/retirements/{retired['asked']['retirement']}").status_code == 200


@pytest.mark.parametrize("is_redone_by_others", [False, True])
def test_a_retirement_that_the_chain_did_again_later_is_certified_again(trade: Trade, is_redone_by_others: bool) -> None:
    token = trade.issued("10")
    world = trade.site.world
    ledger = world.asset_ledger
    before = len(ledger.blocks) - 1
    retired = trade.accepted(trade.retire(token, key=trade.seller, quantity="2"))
    digest, name = bytes.fromhex(retired["digest"][2:]), bytes.fromhex(retired["asked"]["retirement"][2:])
    first = world.assets.certify.known(name)
    ledger.lose_to(before)
    world.clock.now += timedelta(minutes=5)
    if is_redone_by_others:
        with world.store.read() as tx:
            act = tx.acts.get(digest)
        assert act is not None
        ledger.bring(LIMA, [act.signed])
    else:
        ledger.mine()
    ledger.mine()
    trade.run()
    last = world.assets.certify.known(name)
    assert last.statement.facts == ledger.model.retirements[name] != first.statement.facts
    assert last.leaf_index > first.leaf_index
    world.settle()
    assert world.fsck().faults == []
    # Nothing is stated a third time.
    trade.run()
    assert world.assets.certify.known(name) == last


def test_what_builds_on_a_lost_act_is_not_brought_before_it(trade: Trade) -> None:
    token = trade.issued("10")
    world = trade.site.world
    ledger = world.asset_ledger
    before = len(ledger.blocks) - 1
    given = trade.accepted(transfer(trade, token, "3"))
    retired = trade.retire(token, quantity="2").json()
    ledger.lose_to(before)
    for _ in range(3):
        ledger.mine()
    # Nobody has noticed yet that the chain has lost what the city was given.
    assert world.asset_work.bring(LIMA).step is BringStep.WAITING
    trade.run()
    assert [trade.act(each["digest"])["state"] for each in (given, retired)] == ["done", "done"]


def test_what_builds_on_a_lost_act_of_another_center_waits_for_it_and_not_for_ever(trade: Trade) -> None:
    token = trade.issued("10")
    world = trade.site.world
    ledger, bring, follow = world.asset_ledger, world.asset_work.bring, world.asset_work.follow
    far = MemberName(center=TIANJIN, member=ROASTER)
    ledger.vouch(far)
    ledger.mine()
    before = len(ledger.blocks) - 1
    given = trade.accepted(transfer(trade, token, "3", to=str(far)))
    asker = Asker(center=far.center, member=far.member, actor="console")
    onward = world.assets.transfer(asker, token=bytes.fromhex(token[2:]), quantity="2", receiver=name_of(CITY))

    def state() -> str:
        return world.assets.look.act(onward.digest, center=TIANJIN, member=None).act.state.value

    assert bring(TIANJIN).step is BringStep.BROUGHT
    follow()
    assert state() == "done"
    ledger.lose_to(before)
    for _ in range(4):
        ledger.mine()
    follow()
    assert (state(), trade.act(given["digest"])["state"]) == ("kept", "kept")
    assert bring(TIANJIN).step is BringStep.WAITING
    assert bring(LIMA).step is BringStep.BROUGHT
    assert bring(TIANJIN).step is BringStep.BROUGHT
    follow()
    assert (state(), held(trade, token)) == ("done", 2_000)
    # What it built on never comes again: it is brought after a good while all the same, and refused in words.
    ledger.lose_to(before)
    for _ in range(6):
        ledger.mine()
    follow()
    for minutes in (0, 1, 3):
        world.clock.now += timedelta(minutes=minutes)
        assert bring(TIANJIN).step is BringStep.WAITING
    world.clock.now += timedelta(minutes=2)
    assert bring(TIANJIN).step is BringStep.BROUGHT
    follow()
    assert state() == "refused"


def passed_on(trade: Trade, token: str) -> tuple[bytes, bytes, int]:
    """What a seller gave to a member of another center, which gave some of it on, both done; and the block before."""
    world = trade.site.world
    far = MemberName(center=TIANJIN, member=ROASTER)
    world.asset_ledger.vouch(far)
    world.asset_ledger.mine()
    before = len(world.asset_ledger.blocks) - 1
    given = trade.accepted(transfer(trade, token, "3", to=str(far)))
    asker = Asker(center=far.center, member=far.member, actor="console")
    onward = world.assets.transfer(asker, token=bytes.fromhex(token[2:]), quantity="2", receiver=name_of(CITY))
    world.asset_work.bring(TIANJIN)
    world.asset_work.follow()
    return bytes.fromhex(given["digest"][2:]), onward.digest, before


def test_an_act_that_is_lost_again_has_all_its_time_again(trade: Trade) -> None:
    world = trade.site.world
    ledger, bring, follow = world.asset_ledger, world.asset_work.bring, world.asset_work.follow
    _, onward, before = passed_on(trade, trade.issued("10"))
    for _ in range(2):
        ledger.lose_to(before)
        for _ in range(5):
            ledger.mine()
        follow()
        assert bring(TIANJIN).step is BringStep.WAITING
        world.clock.now += timedelta(minutes=4)
        assert bring(TIANJIN).step is BringStep.WAITING
        assert (bring(LIMA).step, bring(TIANJIN).step) == (BringStep.BROUGHT, BringStep.BROUGHT)
    follow()
    assert world.assets.look.act(onward, center=TIANJIN, member=None).act.state is ActState.DONE


def test_what_another_center_waits_for_does_not_hold_an_act_back_for_longer(trade: Trade) -> None:
    token = trade.issued("10")
    world = trade.site.world
    ledger, bring, follow = world.asset_ledger, world.asset_work.bring, world.asset_work.follow
    given, _, before = passed_on(trade, token)
    ledger.lose_to(before)
    for _ in range(5):
        ledger.mine()
    follow()
    with world.store.write() as tx:
        tx.acts.close(given, ActState.EXPIRED, world.clock())
    transfer(trade, token, "1")
    assert bring(LIMA).step is BringStep.BROUGHT
    for _ in range(5):
        # It is done on the chain, and not noted yet: nothing of Lima's is to be brought.
        assert (bring(TIANJIN).step, bring(LIMA).step) == (BringStep.WAITING, BringStep.WAITING)
        world.clock.now += timedelta(minutes=1)
    assert bring(TIANJIN).step is BringStep.BROUGHT


def test_an_act_is_not_closed_by_a_block_that_another_worker_has_left(trade: Trade, monkeypatch: pytest.MonkeyPatch) -> None:
    token = trade.issued("10")
    world = trade.site.world
    ledger = world.asset_ledger
    before = len(ledger.blocks) - 1
    digest = transfer(trade, token, "3").json()["digest"]
    world.asset_work.bring(LIMA)
    outcome, read = ledger.outcome, ledger.holdings
    is_seen = False

    def seen(contract: AssetContract, of: bytes) -> ActOutcome:
        nonlocal is_seen
        is_seen = True
        return outcome(contract, of)

    def lost_meanwhile(places: Sequence[tuple[Address, bytes]]) -> Sequence[HoldingFacts]:
        if is_seen:
            monkeypatch.undo()
            ledger.lose_to(before)
            ledger.mine()
            world.asset_work.follow()
        return read(places)

    monkeypatch.setattr(ledger, "outcome", seen)
    monkeypatch.setattr(ledger, "holdings", lost_meanwhile)
    world.asset_work.follow()
    world.asset_work.follow()
    assert trade.act(digest)["state"] == "kept"
    trade.run()
    assert (trade.act(digest)["state"], held(trade, token)) == ("done", 3_000)


def test_an_act_that_the_chain_did_and_then_refused_is_told_as_it_is_now(trade: Trade) -> None:
    token = trade.issued("10")
    world = trade.site.world
    ledger = world.asset_ledger
    before = len(ledger.blocks) - 1
    given = trade.accepted(transfer(trade, token, "3"))
    retired = trade.accepted(trade.retire(token, quantity="2"))
    with world.store.read() as tx:
        act = tx.acts.get(bytes.fromhex(retired["digest"][2:]))
    assert act is not None
    # Somebody sends the transaction of the retirement again before what it builds on.
    ledger.lose_to(before)
    ledger.bring(LIMA, [act.signed])
    for _ in range(3):
        ledger.mine()
    trade.run()
    assert trade.act(given["digest"])["state"] == "done"
    told = trade.act(retired["digest"])
    assert (told["state"], told["refusal"]) == ("refused", "TooFewUnits")


def test_an_act_in_a_block_that_came_while_looking_is_not_lost_with_it(trade: Trade, monkeypatch: pytest.MonkeyPatch) -> None:
    token = trade.issued("10")
    world = trade.site.world
    ledger = world.asset_ledger
    digest = transfer(trade, token, "4").json()["digest"]
    ledger.is_automine = False
    assert world.asset_work.bring(LIMA).step is BringStep.BROUGHT
    tell = ledger.outcome

    def outcome(contract: AssetContract, of: bytes) -> ActOutcome:
        if ledger.waiting:
            ledger.mine()
        return tell(contract, of)

    monkeypatch.setattr(ledger, "outcome", outcome)
    # The block comes between the look at the head and the look at the act, and is lost before the next look.
    assert not world.asset_work.follow()
    assert trade.act(digest)["state"] == "kept"
    ledger.lose_to(len(ledger.blocks) - 2)
    ledger.is_automine = True
    trade.run()
    assert (trade.act(digest)["state"], held(trade, token)) == ("done", 4_000)


def test_all_acts_of_a_member_are_known_when_everything_is_read_anew(trade: Trade, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow_assets, "_ACTS_A_PAGE", 3)
    token = trade.issued("10")
    ledger = trade.site.world.asset_ledger
    place = len(ledger.blocks) - 1
    digests = [transfer(trade, token, "1").json()["digest"] for _ in range(7)]
    trade.run()
    assert held(trade, token) == 7_000
    ledger.has_lost_events = True
    ledger.lose_to(place)
    ledger._close_block(())
    trade.run()
    assert [trade.act(each)["state"] for each in digests] == ["done"] * 7
    assert held(trade, token) == 7_000


def test_a_node_that_is_behind_is_waited_for_and_not_believed(trade: Trade) -> None:
    token = trade.issued("10")
    world = trade.site.world
    blocks = world.asset_ledger.blocks
    kept = blocks[:]
    del blocks[-1]
    assert world.asset_work.follow() is False
    assert trade.site.get(f"/v1/assets/{token}").status_code == 200
    blocks[:] = kept
    trade.run()


def test_events_may_be_lost_where_storage_is_not(trade: Trade) -> None:
    token = trade.issued("10")
    trade.accepted(transfer(trade, token, "1"))
    world = trade.site.world
    world.asset_ledger.has_lost_events = True
    trade.accepted(transfer(trade, token, "2"))
    with world.store.write() as tx:
        tx.assets.clear()
    world.asset_work.follow()
    holdings = trade.site.get("/v1/holdings", key=trade.city).json()["holdings"]
    assert [each["tradable"] for each in holdings] == ["3"]


def test_a_placement_out_of_date_is_taken_anew_without_anybody_asking(trade: Trade, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = trade.site.world.asset_ledger
    first, second = (
        trade.signed(
            id=f"urn:example:{at}", quantity="5", lot=None, origin={"registry": "i-rec", "serialFrom": at, "serialTo": at}
        )
        for at in (1, 2)
    )
    ledger.is_automine = False
    acts = [trade.issue(each, "5").json()["digest"] for each in (first, second)]
    ledger.is_automine = True
    trade.run()
    done, stale = (trade.act(each) for each in acts)
    assert (done["state"], stale["state"], stale["refusal"]) == ("done", "refused", "WrongPlacement")
    assert stale["replacedBy"] in stale["remedy"]
    assert trade.act(stale["replacedBy"])["state"] == "done"
    # It still names it when many acts were kept since.
    monkeypatch.setattr(look, "_ACTS_A_PAGE", 2)
    for _ in range(3):
        trade.accepted(transfer(trade, first, "0.001"))
    assert trade.act(acts[1])["replacedBy"] == stale["replacedBy"]
    assert [trade.site.get(f"/v1/assets/{each}").json()["totals"]["issued"] for each in (first, second)] == ["5", "5"]


def test_an_act_whose_time_is_over_ends_and_says_so(trade: Trade) -> None:
    token = trade.issued("10")
    world = trade.site.world
    world.asset_ledger.is_busy = True
    digest = transfer(trade, token, "1").json()["digest"]
    world.clock.now = world.clock.now.replace(day=world.clock.now.day + 2)
    world.asset_work.follow()
    world.asset_ledger.is_busy = False
    act = trade.act(digest)
    assert (act["state"], act["remedy"] != "") == ("expired", True)
    assert world.asset_work.bring(LIMA).step is BringStep.CURRENT
    assert held(trade, token) == 0


def test_a_member_that_keeps_its_key_signs_what_it_is_told_and_nothing_else(trade: Trade) -> None:
    token = trade.issued("10")
    trade.site.world.member_keys.keeps_itself.add(SELLER)
    asked = transfer(trade, token, "1", once="own")
    problem = asked.json()
    assert (asked.status_code, problem["code"]) == (409, "signature-needed")
    act = problem["act"]
    assert act["account"] == "0x" + account_of(SELLER).hex()
    digest = _typed_digest(problem["toSign"])
    signed = {"salt": act["salt"], "notAfter": act["notAfter"], "signature": "0x" + sign(SELLER, digest).hex()}
    other = transfer(trade, token, "2", act=signed)
    assert other.json()["code"] == "signature-needed"
    late = transfer(trade, token, "1", act=signed | {"notAfter": 5})
    assert (late.status_code, late.json()["errors"][0]["pointer"]) == (400, "/act/notAfter")
    taken = transfer(trade, token, "1", once="own", act=signed)
    assert taken.status_code == 202 and taken.json()["digest"] == "0x" + digest.hex()
    assert transfer(trade, token, "1", act=signed).json()["digest"] == taken.json()["digest"]
    trade.run()
    assert held(trade, token) == 1_000
    retire = trade.retire(token, key=trade.seller).json()
    signed = {
        "salt": retire["act"]["salt"],
        "notAfter": retire["act"]["notAfter"],
        "signature": "0x" + sign(SELLER, _typed_digest(retire["toSign"])).hex(),
    }
    trade.accepted(trade.retire(token, key=trade.seller, act=signed))


def _typed_digest(typed: dict[str, Any]) -> bytes:
    from eth_account.messages import _hash_eip191_message, encode_typed_data

    return bytes(_hash_eip191_message(encode_typed_data(full_message=typed)))


def test_a_certifier_that_keeps_its_key_sends_its_signature_or_has_it_sent(trade: Trade) -> None:
    site = trade.site
    site.world.member_keys.keeps_itself.add(name_of(CERTIFIER))
    digest = trade.stated()
    answer = site.post(f"/v1/evidence/{digest}/signature", key=trade.certifier, json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "certifier-signature-needed")
    assert _typed_digest(answer.json()["toSign"]).hex() == digest[2:]
    signature = "0x" + sign(name_of(CERTIFIER), bytes.fromhex(digest[2:])).hex()
    sent = site.post(f"/v1/evidence/{digest}/signature", key=trade.seller, json={"signature": signature})
    assert sent.json()["state"] == "logged"


def test_only_so_many_acts_wait(trade: Trade) -> None:
    token = trade.issued("10")
    services = trade.site.world.assets
    acting = services.transfer._acting
    acting._max_waiting = 2
    trade.site.world.asset_ledger.is_busy = True
    answers = [transfer(trade, token, "1") for _ in range(3)]
    assert [each.status_code for each in answers] == [202, 202, 503]
    assert answers[2].json()["code"] == "acts-full" and int(answers[2].headers["retry-after"]) > 0


def test_a_member_with_a_hundred_acts_on_their_way_stands_in_nobodys_way(trade: Trade) -> None:
    token = trade.issued("10")
    acting = trade.site.world.assets.transfer._acting
    acting._max_waiting_of_member = 2
    trade.site.world.asset_ledger.is_busy = True
    answers = [transfer(trade, token, "1") for _ in range(3)]
    assert [each.status_code for each in answers] == [202, 202, 503]
    full = answers[2].json()
    assert full["code"] == "acts-full" and "lima/cooperative" in full["detail"] and full["remedy"]
    acting._max_waiting_of_member = 100
    trade.site.world.asset_ledger.is_busy = False
    trade.run()
    assert transfer(trade, token, "1").status_code == 202


def test_acts_and_following_survive_a_restart(trade: Trade) -> None:
    token = trade.issued("10")
    world = trade.site.world
    transfer(trade, token, "1")
    with world.store.read() as tx:
        followed = tx.assets.followed_to()
        (waiting,) = tx.acts.waiting(LIMA, limit=9)
    assert followed is not None and followed.block.number == BlockNumber(len(world.asset_ledger.blocks) - 1)
    assert waiting.state is ActState.KEPT and PLACES.green_asset
    world.asset_work.follow._asked.clear()
    trade.run()
    assert held(trade, token) == 1_000


def test_one_act_that_cannot_be_noted_keeps_no_other_from_it(trade: Trade) -> None:
    token = trade.issued("10")
    world = trade.site.world
    retired = trade.retire(token, key=trade.seller).json()["digest"]
    moved = transfer(trade, token, "1").json()["digest"]
    follow = world.asset_work.follow
    certify = follow._certify

    def broken(act: KeptAct) -> object:
        if act.kind is ActKind.RETIRE:
            raise RetirementInvalid("The statement cannot be made.")
        return None

    follow._certify = broken
    world.asset_work.bring(LIMA)
    with pytest.raises(RetirementInvalid):
        follow()
    assert [trade.act(each)["state"] for each in (retired, moved)] == ["kept", "done"]
    follow._certify = certify
    trade.run()
    assert trade.act(retired)["state"] == "done"


def test_two_equal_requests_at_once_make_one_act(trade: Trade) -> None:
    token = trade.issued("10")
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: transfer(trade, token, "1", once="at-once"), range(6)))
    assert {each.status_code for each in answers} == {202}
    assert len({each.json()["digest"] for each in answers}) == 1
    trade.run()
    assert held(trade, token) == 1_000


class Died(BaseException):
    """The process ended here."""


def test_a_worker_that_dies_after_sending_and_before_noting_sends_nothing_that_counts_twice(trade: Trade) -> None:
    token = trade.issued("10")
    world = trade.site.world
    ledger = world.asset_ledger
    digest = transfer(trade, token, "1").json()["digest"]
    send = ledger.bring

    def dying(center: CenterId, acts: Sequence[SignedAct]) -> int:
        send(center, acts)
        raise Died

    ledger.bring = dying  # type: ignore[method-assign]
    with pytest.raises(Died):
        world.asset_work.bring(LIMA)
    ledger.bring = send  # type: ignore[method-assign]
    assert trade.act(digest)["broughtAt"] is None and held(trade, token) == 1_000
    trade.run()
    assert trade.act(digest)["state"] == "done" and held(trade, token) == 1_000
