"""Hands for tests of the rules of green assets: who takes which part, and what a step is refused by."""

from collections.abc import Callable

import pytest
from greenlane.core.assets.facts import Totals
from greenlane.core.assets.refusals import AssetRefused
from worlds.green_assets import CERTIFIER, CITY, COOPERATIVE, ROASTER, account_of, member_account

SELLER, BUYER, OTHER, JUDGE = (member_account(name) for name in (COOPERATIVE, CITY, ROASTER, CERTIFIER))
STRANGER = account_of("a stranger")


def refused(name: str, step: Callable[[], object]) -> AssetRefused:
    """The step is refused by that name."""
    with pytest.raises(AssetRefused) as caught:
        step()
    assert caught.value.contract_error == name
    return caught.value


def totals(issued: int, escrowed: int = 0, retired: int = 0, cancelled: int = 0) -> Totals:
    """Sums, of which most are nothing."""
    return Totals(issued=issued, escrowed=escrowed, retired=retired, cancelled=cancelled)
