"""A claim is one way, once, and within its time."""

from datetime import date

import pytest
from greenlane.core.assets.evidence import text_digest
from greenlane.core.crypto import sha256
from worlds.asset_rules import BUYER, SELLER, refused
from worlds.green_assets import OTHER_LOT, Network


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
