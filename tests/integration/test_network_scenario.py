"""The trial of a whole network (tests/network), as far as it goes without Besu: its steps are the same.

Processes, commands, contracts, state, seals and receipts are real; the client is a stand-in (worlds/stand_in_network.py).
"""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from greenlane.adapters.home import Home
from greenlane.core.seals import ValidatorMode
from greenlane_node.layout import NetworkLayout
from greenlane_node.trial import found_on_machine
from network.scenario import Step, Trial, run_steps, verdict_table
from network.steps import CONTRACT_STEPS, HEADER_STEPS
from worlds.machine import free_base, stand_in_programs
from worlds.stand_in_network import stand_in_network

pytestmark = pytest.mark.chain


@pytest.mark.parametrize(("mode", "steps"), [(ValidatorMode.CONTRACT, CONTRACT_STEPS), (ValidatorMode.HEADER, HEADER_STEPS)])
def test_a_network_bears_what_it_must(mode: ValidatorMode, steps: tuple[tuple[str, Step], ...], tmp_path: Path) -> None:
    programs = stand_in_programs(tmp_path / "bin")
    base, said = free_base(50), list[str]()
    home = Home(tmp_path / "network")
    # Founded here, for what stands behind the processes begins with this network's genesis.
    plan = found_on_machine(home, 4, mode, base, clock=lambda: datetime.now(UTC), documents=0, block_time_s=1)
    with stand_in_network(plan, NetworkLayout(home).genesis, period_s=0.5) as network:
        trial = Trial(
            folder=tmp_path,
            besu=programs / "besu",
            ipfs=None,
            say=said.append,
            environment={**network.environment, "PATH": f"{programs}:/usr/bin:/bin"},
            mode=mode,
            fifth_base_port=base + 45,
        )
        outcomes = run_steps(trial, steps)
    assert all(one.passed for one in outcomes), "\n".join([*said, verdict_table(outcomes)])
