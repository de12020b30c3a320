"""The rules of green assets: what counts once, what moves, what never does, and who may say so."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from greenlane.core.assets.asset import (
    DAY_S,
    MAX_ESCROW_S,
    AssetsDisagree,
    AssetWorld,
    Counted,
    MemberStanding,
    Surroundings,
    holdings_of,
    totals_of,
)
from greenlane.core.assets.custody import CustodyModel
from greenlane.core.assets.evidence import text_digest
from greenlane.core.assets.facts import AssetClass, EscrowState, Totals
from greenlane.core.assets.quantity import Unit
from greenlane.core.assets.refusals import AssetRefused
from greenlane.core.crypto import sha256
from greenlane.core.units import Address, LeafIndex, NodeHash, TreeSize
from worlds.green_assets import (
    ACCRA,
    CERTIFIER,
    CITY,
    COCOA,
    COMMUTES,
    COOPERATIVE,
    GREEN_ASSET,
    LIMA,
    NOW,
    OSAKA,
    OTHER_LOT,
    ROASTER,
    TIANJIN,
    Network,
    account_of,
    day_after,
    member_account,
    operator,
    origin,
    secret_of,
    sign_evidence,
    statement,
)

SELLER, BUYER, OTHER, JUDGE = (member_account(name) for name in (COOPERATIVE, CITY, ROASTER, CERTIFIER))
STRANGER = account_of("a stranger")


@pytest.fixture
def network() -> Network:
    return Network().with_classes()


def refused(name: str, step: Callable[[], object]) -> AssetRefused:
    """The step is refused by that name."""
    with pytest.raises(AssetRefused) as caught:
        step()
    assert caught.value.contract_error == name
    return caught.value


def totals(issued: int, escrowed: int = 0, retired: int = 0, cancelled: int = 0) -> Totals:
    return Totals(issued=issued, escrowed=escrowed, retired=retired, cancelled=cancelled)


def test_units_are_issued_set_aside_accepted_claimed_and_cancelled(network: Network) -> None:
    world = network.world
    token = network.issue(quantity=10_000)
    escrow = network.escrow(token, 3_000)
    world.accept(BUYER, escrow)
    back = network.escrow(token, 500, line_digest=sha256(b"other line"))
    world.give_back(BUYER, back)
    world.transfer(SELLER, SELLER, OTHER, token, 2_000)
    named = network.retire(token, 1_000, caller=BUYER, claimant=BUYER)
    world.cancel(OTHER, token, 400, "spilled")
    world.check()
    assert world.issuances[token].totals == totals(10_000, 0, 1_000, 400)
    assert world.class_totals[COCOA.id].tradable == 8_600
    assert [world.holding(account, token).tradable for account in (SELLER, BUYER, OTHER)] == [5_000, 2_000, 1_600]
    assert world.holding(BUYER, token).retired == 1_000
    assert world.retirements[named].claim_to == date(2026, 6, 30)
    assert [world.escrows[of].state for of in (escrow, back)] == [EscrowState.ACCEPTED, EscrowState.RETURNED]
    assert totals_of(world.events) == {token: world.issuances[token].totals}
    assert holdings_of(world.events)[OTHER, token].tradable == 1_600


def test_more_is_never_issued_than_was_evidenced(network: Network) -> None:
    stated = statement()
    signature, inclusion = network.proof(stated)
    network.world.issue(SELLER, stated, signature, inclusion, 12_000)
    error = refused("MoreThanEvidenced", lambda: network.world.issue(SELLER, stated, signature, inclusion, 501))
    assert error.arguments[1:] == (500, 501)
    network.world.issue(SELLER, stated, signature, inclusion, 500)
    refused("MoreThanEvidenced", lambda: network.world.issue(SELLER, stated, signature, inclusion, 1))
    refused("ZeroQuantity", lambda: network.world.issue(SELLER, stated, signature, inclusion, 0))
    network.world.check()


def test_a_refused_issue_admits_nothing(network: Network) -> None:
    refused("MoreThanEvidenced", lambda: network.issue(quantity=12_501))
    assert network.world == replace(Network().with_classes().world, around=network.world.around)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"attribute": "organic"}, "attribute"),
        ({"unit": Unit(code="TNE", decimals=3)}, "unit"),
        ({"unit": Unit(code="KGM", decimals=2)}, "decimals"),
        ({"custody_model": CustodyModel.MASS_BALANCE}, "custodyModel"),
    ],
)
def test_a_statement_says_what_its_class_has(network: Network, changes: dict[str, Any], field: str) -> None:
    assert refused("ClassDiffers", lambda: network.issue(statement(**changes))).arguments[1] == field


def test_an_unknown_class_is_refused(network: Network) -> None:
    refused("UnknownClass", lambda: network.issue(statement(class_id="steel")))


def test_a_lot_counts_once_whatever_registry_names_it(network: Network) -> None:
    network.issue(statement(origin=origin(1, 9)))
    again = {"id": "urn:uuid:2", "quantity": 1}
    for changes in (
        {},
        {"origin": origin(1, 9, "gec")},
        {"vintage_from": date(2026, 6, 30), "vintage_to": date(2026, 7, 31)},
        {"vintage_from": date(2026, 1, 1), "vintage_to": date(2026, 4, 1)},
        {"vintage_from": date(2026, 5, 1), "vintage_to": date(2026, 5, 1)},
        {"class_id": "other"},
    ):
        other = statement(**(again | changes))
        refused("LotCounted", partial(network.issue, other, 1))
    network.issue(statement(**again, vintage_from=date(2026, 7, 1), vintage_to=date(2026, 7, 31)), 1)
    network.issue(statement(id="urn:uuid:3", lot=OTHER_LOT), 1)
    network.world.check()


def test_serials_never_overlap_whatever_they_are_claimed_for(network: Network) -> None:
    network.issue(statement(lot=None, origin=origin(10, 19)), 1)
    for number, (first, last) in enumerate([(10, 19), (1, 10), (19, 30), (12, 13), (1, 99)]):
        other = statement(id=f"urn:uuid:{number}", lot=OTHER_LOT, origin=origin(first, last))
        refused("SerialsCounted", partial(network.issue, other, 1))
    for number, of in enumerate([origin(20, 20), origin(1, 9), origin(10, 19, "gec")]):
        network.issue(statement(id=f"urn:uuid:1{number}", lot=None, origin=of), 1)
    network.world.check()


def test_a_lot_that_was_mixed_stays_mixed(network: Network) -> None:
    later = {"vintage_from": date(2026, 7, 1), "vintage_to": date(2026, 7, 31)}
    network.issue(statement(custody_model=CustodyModel.SEGREGATED))
    better = statement(id="urn:uuid:2", custody_model=CustodyModel.IDENTITY_PRESERVED, **later)
    assert refused("CustodyUpgraded", lambda: network.issue(better)).arguments[1:] == (2, 1)
    network.issue(statement(id="urn:uuid:3", custody_model=CustodyModel.SEGREGATED, **later))
    network.world.check()


def test_a_vintage_has_ended_before_it_is_counted(network: Network) -> None:
    network.world.now = day_after(statement()) - 1
    refused("InvalidVintage", network.issue)
    network.world.now += 1
    network.issue(statement(id="urn:uuid:2"))


def test_two_hands_stand_behind_a_statement(network: Network) -> None:
    stated = statement()
    signature, inclusion = network.proof(stated)
    world = network.world

    def admit(**changes: Any) -> bytes:
        asked: dict[str, Any] = {"statement": stated, "signature": signature, "inclusion": inclusion}
        return world.admit(**({"caller": GREEN_ASSET} | asked | changes))

    forged = sign_evidence(stated, secret=secret_of("a stranger"))
    refused("InvalidCertifierSignature", lambda: admit(signature=forged))
    refused("InvalidCertifierSignature", lambda: admit(statement=statement(quantity=12_501)))
    refused("NotIncluded", lambda: admit(inclusion=replace(inclusion, leaf_index=LeafIndex(1))))
    refused("NotIncluded", lambda: admit(inclusion=replace(inclusion, hashes=(NodeHash(bytes(32)),))))
    refused("NotAnchored", lambda: admit(inclusion=replace(inclusion, tree_size=TreeSize(9))))
    for changes in ({"is_active": False}, {"is_within_term": False}):
        network.set_center(LIMA, **changes)
        refused("CenterNotInGoodStanding", admit)
        network.set_center(LIMA, is_active=True, is_within_term=True)
    for changes in ({"is_certifier": False}, {"is_vouched": False}):
        network.set_member(CERTIFIER, **changes)
        refused("NotCertifier", admit)
        network.set_member(CERTIFIER, is_certifier=True, is_vouched=True)
    network.set_center(ACCRA, is_within_term=False)
    refused("NotCertifier", admit)
    network.set_center(ACCRA, is_within_term=True)
    assert admit() == stated.digest(world.domain)
    assert admit() == stated.digest(world.domain)
    assert list(world.evidence) == [stated.digest(world.domain)]


def test_whoever_asks_counts_for_itself_alone(network: Network) -> None:
    world, stated = network.world, statement(origin=origin(1, 9))
    signature, inclusion = network.proof(stated)
    digest = world.admit(STRANGER, stated, signature, inclusion)
    assert not world.evidence
    network.issue(statement(id="urn:uuid:2", origin=origin(1, 9)))
    refused("LotCounted", lambda: world.issue(SELLER, stated, signature, inclusion, 1))
    world.revoke(member_account(CERTIFIER), stated, "an error")
    refused("Revoked", lambda: world.admit(STRANGER, stated, signature, inclusion))
    assert list(world.counted_for(STRANGER).evidence) == [digest]
    world.check()


def test_a_lot_is_one_member_s_of_one_facility(network: Network) -> None:
    later = {"vintage_from": date(2026, 7, 1), "vintage_to": date(2026, 7, 31)}
    network.issue()
    refused("LotOfAnother", lambda: network.issue(statement(id="urn:uuid:2", holder=BUYER, **later)))
    refused("LotOfAnother", lambda: network.issue(statement(id="urn:uuid:3", facility="https://id.gs1.org/414/1", **later)))
    # Another attribute is another thing, and is kept as it is kept.
    other = {"class_id": COMMUTES.id, "attribute": COMMUTES.attribute, "unit": COMMUTES.unit}
    network.issue(statement(id="urn:uuid:4", holder=BUYER, **other))
    sellers = member_account(COOPERATIVE, 1)
    network.set_member(COOPERATIVE, account=sellers)
    network.issue(statement(id="urn:uuid:5", holder=sellers, **later))
    network.world.check()


def test_a_holder_has_an_account_when_it_is_counted(network: Network) -> None:
    network.set_member(COOPERATIVE, account=member_account(COOPERATIVE, 1))
    refused("UnknownHolder", lambda: network.issue(caller=member_account(COOPERATIVE, 1)))
    network.issue(statement(id="urn:uuid:2", holder=member_account(COOPERATIVE, 1)))


def test_no_statement_uses_up_years_or_a_whole_registry(network: Network) -> None:
    first = date(2026, 6, 30) - timedelta(days=1_100)
    refused("InvalidVintage", lambda: network.issue(statement(vintage_from=first)))
    refused("InvalidSerials", lambda: network.issue(statement(origin=origin(1, 2**32 + 1))))
    network.issue(statement(vintage_from=first + timedelta(days=1), origin=origin(1, 2**32)))


@pytest.mark.parametrize("registry", ["i-rec-", "i--rec", "i-"])
def test_a_registry_has_one_spelling(network: Network, registry: str) -> None:
    refused("InvalidName", lambda: network.issue(statement(origin=origin(1, 2, registry))))


def test_a_certifier_must_be_one_still_whenever_more_is_issued(network: Network) -> None:
    stated = statement()
    signature, inclusion = network.proof(stated)
    world = network.world
    world.issue(SELLER, stated, signature, inclusion, 1)
    network.set_member(CERTIFIER, account=member_account(CERTIFIER, 1))
    world.issue(SELLER, stated, signature, inclusion, 1)
    network.set_member(CERTIFIER, is_vouched=False)
    refused("NotCertifier", lambda: world.issue(SELLER, stated, signature, inclusion, 1))
    network.set_member(COOPERATIVE, account=member_account(COOPERATIVE, 1))
    network.set_member(CERTIFIER, is_vouched=True, account=stated.holder)
    refused("OwnCertifier", lambda: world.issue(member_account(COOPERATIVE, 1), stated, signature, inclusion, 1))
    del world.around.members[CERTIFIER]
    refused("NotCertifier", lambda: world.issue(member_account(COOPERATIVE, 1), stated, signature, inclusion, 1))


def test_a_holder_issues_and_nobody_else(network: Network) -> None:
    refused("NotItsHolder", lambda: network.issue(caller=BUYER))
    refused("NotMember", lambda: network.issue(caller=STRANGER))


def test_a_stranger_gets_and_moves_nothing(network: Network) -> None:
    world = network.world
    token = network.issue()
    for step in (
        lambda: world.transfer(SELLER, SELLER, STRANGER, token, 1),
        lambda: world.transfer(STRANGER, SELLER, BUYER, token, 1),
        lambda: network.escrow(token, buyer=STRANGER),
        lambda: network.escrow(token, caller=STRANGER),
        lambda: network.retire(token, caller=STRANGER),
        lambda: network.retire(token, claimant=STRANGER),
        lambda: world.cancel(STRANGER, token, 1, "mine"),
        lambda: world.follow_key(STRANGER, SELLER, token),
        lambda: world.approve(STRANGER, BUYER, True),
        lambda: world.approve(SELLER, STRANGER, True),
        lambda: world.transfer(SELLER, SELLER, GREEN_ASSET, token, 1),
    ):
        refused("NotMember", step)
    world.check()


def test_not_even_the_contract_is_a_member_where_a_center_vouches_for_it(network: Network) -> None:
    token = network.issue()
    network.set_member(ROASTER, account=GREEN_ASSET)
    refused("NotMember", lambda: network.world.transfer(SELLER, SELLER, GREEN_ASSET, token, 1))


def test_an_ex_member_s_units_stay_where_they_are(network: Network) -> None:
    token = network.issue()
    network.set_member(COOPERATIVE, is_vouched=False)
    refused("NotMember", lambda: network.world.transfer(SELLER, SELLER, BUYER, token, 1))
    network.set_member(COOPERATIVE, is_vouched=True)
    network.world.transfer(SELLER, SELLER, BUYER, token, 1)


def test_another_s_units_move_only_with_leave(network: Network) -> None:
    world = network.world
    token = network.issue()
    refused("ERC1155MissingApprovalForAll", lambda: world.transfer(BUYER, SELLER, OTHER, token, 1))
    world.approve(SELLER, BUYER, True)
    world.transfer(BUYER, SELLER, OTHER, token, 1)
    world.approve(SELLER, BUYER, False)
    refused("ERC1155MissingApprovalForAll", lambda: world.transfer(BUYER, SELLER, OTHER, token, 1))


def test_nobody_moves_what_it_has_not(network: Network) -> None:
    world = network.world
    token = network.issue(quantity=100)
    assert refused("TooFewUnits", lambda: world.transfer(SELLER, SELLER, BUYER, token, 101)).arguments[2:] == (100, 101)
    refused("TooFewUnits", lambda: network.escrow(token, 101))
    refused("TooFewUnits", lambda: network.retire(token, 101))
    refused("TooFewUnits", lambda: world.cancel(SELLER, token, 101, "gone"))
    refused("TooFewUnits", lambda: world.cancel(BUYER, token, 1, "another's"))
    refused("UnknownIssuance", lambda: world.transfer(SELLER, SELLER, BUYER, bytes(32), 1))
    refused("ZeroQuantity", lambda: world.transfer(SELLER, SELLER, BUYER, token, 0))


def test_what_is_recorded_only_never_changes_hands(network: Network) -> None:
    world = network.world
    token = network.issue(
        statement(class_id=COMMUTES.id, attribute=COMMUTES.attribute, unit=COMMUTES.unit, quantity=50), quantity=50
    )
    refused("NotTradable", lambda: world.transfer(SELLER, SELLER, BUYER, token, 1))
    refused("NotTradable", lambda: network.escrow(token, 1))
    network.retire(token, 20)
    world.cancel(SELLER, token, 30, "counted wrong")
    world.check()


def test_escrow_is_spent_once(network: Network) -> None:
    world = network.world
    token = network.issue()
    escrow = network.escrow(token, 4_000)
    refused("EscrowExists", lambda: network.escrow(token, 1))
    refused("TooFewUnits", lambda: world.transfer(SELLER, SELLER, OTHER, token, 6_001))
    refused("NotItsBuyer", lambda: world.accept(OTHER, escrow))
    refused("DeadlineNotOver", lambda: world.give_back(SELLER, escrow))
    world.accept(BUYER, escrow)
    for step in (lambda: world.accept(BUYER, escrow), lambda: world.give_back(BUYER, escrow)):
        refused("EscrowEnded", step)
    refused("EscrowExists", lambda: network.escrow(token, 1))
    refused("UnknownEscrow", lambda: world.accept(BUYER, bytes(32)))
    world.check()


def test_a_deadline_ends_the_buyer_s_time_and_begins_anybody_s(network: Network) -> None:
    world = network.world
    token = network.issue()
    escrow = network.escrow(token, 4_000)
    world.now = NOW + 30 * DAY_S - 1
    refused("DeadlineNotOver", lambda: world.give_back(STRANGER, escrow))
    world.now += 1
    refused("DeadlineOver", lambda: world.accept(BUYER, escrow))
    world.give_back(STRANGER, escrow)
    assert world.holding(SELLER, token).tradable == 10_000
    world.check()


@pytest.mark.parametrize("deadline", [NOW, NOW - 1, NOW + MAX_ESCROW_S + 1, 2**64 - 1])
def test_a_deadline_is_within_a_year(network: Network, deadline: int) -> None:
    token = network.issue()
    refused("InvalidDeadline", lambda: network.escrow(token, deadline=deadline))
    network.escrow(token, deadline=NOW + MAX_ESCROW_S)


def test_an_escrow_is_for_another_and_for_a_line(network: Network) -> None:
    token = network.issue()
    refused("OwnBuyer", lambda: network.escrow(token, buyer=SELLER))
    refused("ZeroLineDigest", lambda: network.escrow(token, line_digest=bytes(32)))


def test_what_waits_for_a_buyer_no_center_of_the_seller_takes_back(network: Network) -> None:
    world = network.world
    token = network.issue()
    escrow = network.escrow(token)
    network.set_member(COOPERATIVE, is_vouched=False)
    refused("NotMember", lambda: world.give_back(BUYER, escrow))
    network.set_member(CITY, is_vouched=False)
    refused("NotMember", lambda: world.accept(BUYER, escrow))
    network.set_member(CITY, is_vouched=True)
    world.accept(BUYER, escrow)
    world.check()


def test_a_buyer_with_a_new_key_accepts_and_gives_back(network: Network) -> None:
    world, token, buyers = network.world, network.issue(), member_account(CITY, 1)
    first, second = network.escrow(token, 5), network.escrow(token, 3, line_digest=sha256(b"another"))
    network.set_member(CITY, account=buyers)
    refused("NotItsBuyer", lambda: world.accept(BUYER, first))
    world.accept(buyers, first)
    world.give_back(buyers, second)
    assert world.holding(buyers, token).tradable == 5
    world.check()


def test_no_center_takes_what_lies_at_a_former_account_of_another_s_member(network: Network) -> None:
    world, token = network.world, network.issue()
    world.transfer(SELLER, SELLER, BUYER, token, 10)
    sellers, loot = member_account(COOPERATIVE, 1), account_of("loot")
    network.set_member(COOPERATIVE, account=sellers)
    network.set_member(ROASTER, account=SELLER)
    refused("AccountOfAnother", lambda: world.transfer(BUYER, BUYER, SELLER, token, 1))
    refused("AccountOfAnother", lambda: network.escrow(token, 1, caller=BUYER, buyer=SELLER))
    network.set_member(ROASTER, account=loot)
    refused("NotItsFormerAccount", lambda: world.follow_key(loot, SELLER, token))
    refused("NotItsHolder", lambda: network.issue(quantity=1, caller=loot))
    network.set_member(ROASTER, account=SELLER)
    world.follow_key(sellers, SELLER, token)
    assert world.holding(sellers, token).tradable == 9_990
    world.check()


@pytest.mark.parametrize(
    ("claim_from", "claim_to"),
    [
        (date(2026, 3, 31), date(2026, 4, 1)),
        (date(2026, 4, 1), date(2027, 7, 1)),
        (date(2026, 5, 2), date(2026, 5, 1)),
    ],
)
def test_a_claim_is_within_the_vintage_and_its_days_of_grace(network: Network, claim_from: date, claim_to: date) -> None:
    token = network.issue()
    refused("InvalidClaimPeriod", lambda: network.retire(token, claim_from=claim_from, claim_to=claim_to))
    network.retire(token, claim_from=date(2026, 4, 1), claim_to=date(2027, 6, 30))


def test_a_retirement_is_one_way_and_once(network: Network) -> None:
    world = network.world
    token = network.issue(quantity=1_000)
    refused("LotDiffers", lambda: network.retire(token, lot=text_digest(OTHER_LOT)))
    refused("ZeroBeneficiary", lambda: network.retire(token, beneficiary=bytes(32)))
    named = network.retire(token, 600)
    refused("RetirementExists", lambda: network.retire(token, 1))
    refused("TooFewUnits", lambda: network.retire(token, 600, ref=sha256(b"again")))
    refused("TooFewUnits", lambda: world.transfer(SELLER, SELLER, BUYER, token, 401))
    network.retire(token, 400, ref=sha256(b"the rest"))
    assert world.challenge(named) is None
    assert world.challenge(bytes(32)) is None
    world.check()


def test_units_of_revoked_evidence_do_not_move_and_claims_are_challenged(network: Network) -> None:
    world = network.world
    token = network.issue()
    named = network.retire(token, 1_000)
    escrow = network.escrow(token)
    refused("NotItsCertifier", lambda: world.revoke(SELLER, statement(), "no"))
    refused("InvalidReason", lambda: world.revoke(JUDGE, statement(), ""))
    refused("InvalidReason", lambda: world.revoke(JUDGE, statement(), "ñ" * 129))
    world.revoke(JUDGE, statement(), "the audit was wrong")
    refused("Revoked", lambda: world.revoke(JUDGE, statement(), "again"))
    assert world.challenge(named) == "the audit was wrong"
    for step in (
        lambda: world.transfer(SELLER, SELLER, BUYER, token, 1),
        lambda: network.escrow(token, 1, line_digest=sha256(b"x")),
        lambda: world.accept(BUYER, escrow),
        lambda: world.give_back(BUYER, escrow),
        lambda: network.retire(token, 1, ref=sha256(b"x")),
        lambda: world.cancel(SELLER, token, 1, "gone"),
    ):
        refused("Frozen", step)
    refused("Revoked", lambda: network.issue(statement()))
    world.check()


def test_a_statement_is_revoked_before_it_is_admitted_and_never_comes(network: Network) -> None:
    network.world.revoke(JUDGE, statement(), "a slip")
    refused("Revoked", network.issue)


def test_a_certifier_revokes_with_its_account_of_today(network: Network) -> None:
    network.issue()
    network.set_member(CERTIFIER, account=member_account(CERTIFIER, 1))
    refused("NotItsCertifier", lambda: network.world.revoke(JUDGE, statement(), "stolen key"))
    network.world.revoke(member_account(CERTIFIER, 1), statement(), "wrong")


def test_a_quorum_revokes_what_was_admitted(network: Network) -> None:
    world = network.world
    digest = statement().digest(world.domain)
    refused("UnknownEvidence", lambda: world.vote_revocation(operator(LIMA), digest, "why"))
    network.issue()
    refused("InvalidReason", lambda: world.vote_revocation(operator(LIMA), digest, ""))
    network.by_quorum(lambda center: world.vote_revocation(operator(center), digest, f"{center} says so"))
    assert world.revocations[digest] == "tianjin says so"
    refused("Revoked", lambda: world.vote_revocation(operator(ACCRA), digest, "too"))


def test_a_pause_stops_everything_but_votes(network: Network) -> None:
    world = network.world
    token = network.issue()
    escrow = network.escrow(token)
    refused("PauseUnchanged", lambda: world.vote_pause(operator(LIMA), False))
    network.by_quorum(lambda center: world.vote_pause(operator(center), True))
    for step in (
        lambda: network.issue(statement(id="urn:uuid:2", lot=OTHER_LOT)),
        lambda: world.transfer(SELLER, SELLER, BUYER, token, 1),
        lambda: world.accept(BUYER, escrow),
        lambda: world.give_back(BUYER, escrow),
        lambda: network.retire(token),
        lambda: world.approve(SELLER, BUYER, True),
    ):
        refused("Paused", step)
    world.approve(SELLER, BUYER, False)
    network.by_quorum(lambda center: world.vote_pause(operator(center), False))
    world.accept(BUYER, escrow)
    world.check()


def test_votes_count_in_one_round_and_of_active_centers_only(network: Network) -> None:
    world = network.world
    refused("NotActiveOperator", lambda: world.vote_pause(STRANGER, True))
    world.vote_pause(operator(LIMA), True)
    error = refused("VotedAlready", lambda: world.vote_pause(operator(LIMA), True))
    assert "lima" in error.detail
    world.vote_pause(operator(OSAKA), True)
    network.set_center(OSAKA, is_active=False)
    refused("NotActiveOperator", lambda: world.vote_pause(operator(OSAKA), True))
    world.vote_pause(operator(TIANJIN), True)
    assert world.is_paused
    world.vote_pause(operator(LIMA), False)
    world.now += world.around.voting_period_s
    world.vote_pause(operator(TIANJIN), False)
    assert world.is_paused
    world.vote_pause(operator(LIMA), False)
    assert not world.is_paused


def test_a_quorum_that_others_reach_by_leaving_is_carried_out_by_who_voted(network: Network) -> None:
    world = network.world
    for center in (LIMA, TIANJIN):
        world.vote_pause(operator(center), True)
    refused("VotedAlready", lambda: world.vote_pause(operator(LIMA), True))
    network.set_center(OSAKA, is_active=False)
    world.vote_pause(operator(LIMA), True)
    assert world.is_paused


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": "Cocoa"}, "id"),
        ({"attribute": ""}, "attribute"),
        ({"claim_days": 3_651}, "claimDays"),
        ({"name": ""}, "name"),
        ({"name": "ñ" * 65}, "name"),
    ],
)
def test_a_class_that_cannot_be_is_refused(network: Network, changes: dict[str, Any], field: str) -> None:
    asked: AssetClass = replace(COCOA, **({"id": "other"} | changes))
    assert refused("InvalidClass", lambda: network.world.vote_class(operator(LIMA), asked)).arguments == (field,)


def test_nothing_of_a_class_ever_changes(network: Network) -> None:
    refused("ClassExists", lambda: network.world.vote_class(operator(LIMA), replace(COCOA, is_tradable=False)))


def test_units_follow_their_member_to_its_new_account_however_it_got_them(network: Network) -> None:
    world = network.world
    token = network.issue()
    escrow = network.escrow(token, 1_000)
    world.transfer(SELLER, SELLER, BUYER, token, 2_000)
    sellers, buyers = member_account(COOPERATIVE, 1), member_account(CITY, 1)
    refused("NotItsFormerAccount", lambda: world.follow_key(BUYER, SELLER, token))
    refused("NotItsFormerAccount", lambda: world.follow_key(SELLER, SELLER, token))
    network.set_member(COOPERATIVE, account=sellers)
    network.set_member(CITY, account=buyers)
    refused("NotItsFormerAccount", lambda: world.follow_key(buyers, SELLER, token))
    world.follow_key(sellers, SELLER, token)
    world.follow_key(buyers, BUYER, token)
    refused("ZeroQuantity", lambda: world.follow_key(sellers, SELLER, token))
    world.give_back(buyers, escrow)
    assert [world.holding(account, token).tradable for account in (SELLER, sellers, buyers)] == [0, 8_000, 2_000]
    network.set_member(COOPERATIVE, account=Address(bytes(20)))
    assert world.around.member_of(world.around.account_of(COOPERATIVE)) is None
    world.check()


def test_who_has_a_new_account_may_still_issue_what_it_holds(network: Network) -> None:
    network.issue(quantity=1)
    network.set_member(COOPERATIVE, account=member_account(COOPERATIVE, 1))
    network.issue(quantity=1, caller=member_account(COOPERATIVE, 1))
    network.world.check()


def broken(network: Network, **changes: Any) -> AssetWorld:
    """The world with something put beside its rules."""
    for name, value in changes.items():
        setattr(network.world, name, value)
    return network.world


def test_whatever_is_put_beside_the_rules_is_found(network: Network) -> None:
    token = network.issue()
    network.escrow(token)
    network.retire(token)
    world = network.world
    world.check()
    held, issuance = world.holding(SELLER, token), world.issuances[token]
    more = totals(issuance.totals.issued, issuance.totals.escrowed, 999, 1)
    escrow, named = next(iter(world.escrows)), next(iter(world.retirements))
    faults: list[tuple[str, object, str]] = [
        ("counted", {}, "no such evidence"),
        ("issuances", {token: replace(issuance, totals=totals(12_501, 1_500, 1_000))}, "more was issued than evidenced"),
        ("holdings", world.holdings | {(SELLER, token): replace(held, tradable=1)}, "more or less than is left"),
        ("holdings", world.holdings | {(SELLER, token): replace(held, escrowed=-1, retired=2_501)}, "less than nothing"),
        ("issuances", {token: replace(issuance, totals=more)}, "are told as"),
        ("escrows", {escrow: replace(world.escrows[escrow], quantity=1)}, "escrows are not what waits"),
        ("retirements", {named: replace(world.retirements[named], quantity=1)}, "retirements are not what was retired"),
        ("class_totals", world.class_totals | {COCOA.id: more}, "The sums of cocoa-df"),
        ("counted", {OTHER: Counted(vintages={("x", bytes(32)): [(1, 2), (2, 3)]})} | world.counted, "overlap"),
        ("counted", {OTHER: Counted(serials={"i-rec": [(5, 6), (1, 5)]})} | world.counted, "overlap"),
        ("events", [], "nobody told of"),
        ("events", [replace(event, quantity=1) for event in world.events], "are told as"),
        ("events", [replace(event, account=OTHER) for event in world.events], "do not tell"),
    ]
    for name, value, words in faults:
        before = getattr(world, name)
        with pytest.raises(AssetsDisagree, match=words):
            broken(network, **{name: value}).check()
        setattr(world, name, before)
    world.check()


def test_nobody_is_known_in_an_empty_network() -> None:
    around = Surroundings(members={CITY: MemberStanding(account=BUYER)})
    assert not around.is_member(BUYER)
    assert not around.is_certifier(STRANGER)
    assert around.quorum() == 0
