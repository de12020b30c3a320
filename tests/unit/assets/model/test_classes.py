"""Classes: what one must say, and that nothing of it ever changes."""

from dataclasses import replace
from typing import Any

import pytest
from greenlane.core.assets.facts import AssetClass
from worlds.asset_rules import refused
from worlds.green_assets import COCOA, LIMA, Network, operator


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
