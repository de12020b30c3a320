"""Units in accounts: who may have them, what moves, and what never does."""

from greenlane.core.crypto import sha256
from greenlane.core.units import Address
from worlds.asset_rules import BUYER, JUDGE, OTHER, SELLER, STRANGER, refused
from worlds.green_assets import (
    CITY,
    COMMUTES,
    COOPERATIVE,
    GREEN_ASSET,
    LIMA,
    OTHER_LOT,
    ROASTER,
    Network,
    account_of,
    member_account,
    operator,
    statement,
)


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
