"""What the registry says where it says little."""

from greenlane.core.assets.model import MemberStanding, Surroundings
from worlds.asset_rules import BUYER, STRANGER
from worlds.green_assets import CITY


def test_nobody_is_known_in_an_empty_network() -> None:
    around = Surroundings(members={CITY: MemberStanding(account=BUYER)})
    assert not around.is_member(BUYER)
    assert not around.is_certifier(STRANGER)
    assert around.quorum() == 0
