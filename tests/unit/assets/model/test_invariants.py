"""All sums agree after every step, and whatever is put beside the rules is found."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from greenlane.core.assets.facts import EscrowState
from greenlane.core.assets.model import AssetsDisagree, AssetWorld, Counted, holdings_of, totals_of
from greenlane.core.crypto import sha256
from worlds.asset_rules import BUYER, OTHER, SELLER, totals
from worlds.green_assets import COCOA, Network


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
