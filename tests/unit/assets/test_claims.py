"""For a purchase line counts what its buyer claims for itself; whatever else stands under its digest is another's affair."""

from typing import Any

import pytest
from greenlane.core.assets.claims import claims_for_line
from greenlane.core.units import Address
from worlds.green_assets import CITY, COCOA, COOPERATIVE, ROASTER, line, member_account, retirement_facts

BUYER, SELLER, RIVAL = (member_account(name) for name in (CITY, COOPERATIVE, ROASTER))
LATER = member_account(CITY, 1)


def counts(*, class_id: str | None = COCOA.id, is_own: bool = False, **facts: Any) -> bool:
    each = retirement_facts(**facts)
    own = {each.id} if is_own else set()
    return claims_for_line(line(), [each], own_ids=own, class_of=lambda _: class_id) == (each,)


def test_what_the_buyer_retired_for_itself_counts() -> None:
    assert counts(holder=BUYER, claimant=BUYER)
    # Of whatever class: the check says what is wrong with it.
    assert counts(holder=BUYER, claimant=BUYER, class_id="wood")


def test_what_was_asked_for_here_counts_also_from_a_changed_account() -> None:
    assert counts(holder=LATER, claimant=LATER, is_own=True)
    assert not counts(holder=LATER, claimant=LATER)


@pytest.mark.parametrize("class_id", [None, "wood", COCOA.id])
def test_what_others_retired_in_the_buyers_name_counts_where_it_is_what_was_ordered(class_id: str | None) -> None:
    assert counts(holder=SELLER, claimant=BUYER, class_id=class_id) == (class_id == COCOA.id)


@pytest.mark.parametrize("holder", [BUYER, SELLER, RIVAL])
def test_a_claim_of_somebody_else_counts_for_nothing(holder: Address) -> None:
    assert not counts(holder=holder, claimant=RIVAL)
    assert not counts(holder=holder, claimant=SELLER if holder != SELLER else RIVAL, is_own=True)
