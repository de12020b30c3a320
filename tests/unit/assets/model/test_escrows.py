"""Units set aside are spent once: by their buyer before the deadline, or they go back."""

import pytest
from greenlane.core.assets.model import DAY_S, MAX_ESCROW_S
from greenlane.core.crypto import sha256
from worlds.asset_rules import BUYER, OTHER, SELLER, STRANGER, refused
from worlds.green_assets import CITY, COOPERATIVE, NOW, Network, member_account


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
