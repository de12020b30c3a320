"""A center leaves for good, when it was confirmed and enough remain."""

import pytest
from greenlane.core.exits import Exit
from greenlane.core.units import CenterId
from worlds.registry import Command, RegistryWorld

pytestmark = pytest.mark.chain


def test_leaving_below_the_minimum_is_refused_in_words(world: RegistryWorld, node: Command) -> None:
    refused = node("lima", "leave", "--confirm", "lima")
    assert refused.code == Exit.USAGE
    assert refused.is_one_fault("3 active centers would remain", "to keep 4", "Admit another center first")
    assert world.registry.is_active(CenterId("lima"))


@pytest.mark.usefixtures("admitted")
@pytest.mark.parametrize("words", [(), ("--confirm", "osaka"), ("--confirm", "LIMA")])
def test_leaving_wants_the_name_once_more(world: RegistryWorld, node: Command, words: tuple[str, ...]) -> None:
    refused = node("lima", "leave", *words)
    assert refused.code == Exit.USAGE
    assert refused.is_one_fault("Leaving is for good", "--confirm lima")
    assert world.registry.is_active(CenterId("lima"))


@pytest.mark.usefixtures("admitted")
def test_a_center_leaves_and_is_told_what_remains(world: RegistryWorld, node: Command) -> None:
    validator = world.registry.validators()[1]
    left = node("lima", "leave", "--confirm", "lima", "--json")
    assert left.code == Exit.GOOD
    told = left.json()
    assert (told["status"], told["was_so"], told["active_centers"]) == ("left", False, 4)
    assert any("sync-permissions" in line for line in told["remains"])
    assert validator not in world.registry.validators()
    # Said again, it is so already, and needs no word.
    again = node("lima", "leave", "--json")
    assert (again.code, again.json()["was_so"]) == (Exit.GOOD, True)
