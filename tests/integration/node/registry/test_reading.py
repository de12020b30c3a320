"""What the registry says of the centers is read whole: of one block, however the network moves meanwhile."""

from typing import Any

import pytest
from greenlane.adapters.evm.bindings import PilotRegistry
from greenlane_node.planning.plan import PILOT_REGISTRY
from greenlane_node.registry.governance import active_centers
from worlds.registry import FOUNDERS, NEWCOMER, Command, RegistryWorld

pytestmark = pytest.mark.chain


@pytest.mark.usefixtures("admitted")
def test_active_centers_are_those_of_one_block_though_one_leaves_meanwhile(
    world: RegistryWorld, node: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = PilotRegistry.center
    has_left: list[bool] = []

    def leaving_meanwhile(registry: PilotRegistry, *given: Any) -> Any:
        if not has_left:
            has_left.append(True)
            assert node("tianjin", "leave", "--confirm", "tianjin").code == 0
        return read(registry, *given)

    monkeypatch.setattr(PilotRegistry, "center", leaving_meanwhile)
    assert [one.id for one in active_centers(world.web3, PILOT_REGISTRY)] == [*FOUNDERS, NEWCOMER]
    after = {one.id for one in active_centers(world.web3, PILOT_REGISTRY)}
    assert after == {*FOUNDERS, NEWCOMER} - {"tianjin"}
