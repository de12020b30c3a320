"""The trial of a whole network (tests/network), as far as it goes without Besu: its steps are the same.

Processes, commands, contracts, state, seals and receipts are real; the client is a stand-in (worlds/stand_in_network.py). What is
marked `rehearsal` takes minutes and is run by `make network-rehearsal`, not by `make test`.
"""

import os
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest
from greenlane.adapters.home import Home
from greenlane.core.seals import ValidatorMode
from greenlane_node.founding.trial import found_on_machine
from greenlane_node.layout import NetworkLayout
from network import documents
from network.scenario import Step, StepFailed, Trial, run_steps, verdict_table
from network.steps import CONTRACT_STEPS, HEADER_STEPS, up
from worlds.machine import free_base, stand_in_programs
from worlds.stand_in_network import stand_in_network

pytestmark = pytest.mark.chain


@pytest.mark.rehearsal
@pytest.mark.parametrize(("mode", "steps"), [(ValidatorMode.CONTRACT, CONTRACT_STEPS), (ValidatorMode.HEADER, HEADER_STEPS)])
def test_a_network_bears_what_it_must(mode: ValidatorMode, steps: tuple[tuple[str, Step], ...], tmp_path: Path) -> None:
    programs = stand_in_programs(tmp_path / "bin")
    base, said = free_base(50), list[str]()
    home = Home(tmp_path / "network")
    # Founded here, for what stands behind the processes begins with this network's genesis.
    plan = found_on_machine(home, 4, mode, base, clock=lambda: datetime.now(UTC), documents=1, block_time_s=1)
    with stand_in_network(plan, NetworkLayout(home).genesis, period_s=0.5) as network:
        trial = Trial(
            folder=tmp_path,
            besu=programs / "besu",
            ipfs=programs / "ipfs",
            say=said.append,
            environment={**network.environment, "PATH": f"{programs}:/usr/bin:/bin"},
            mode=mode,
            fifth_base_port=base + 40,
        )
        outcomes = run_steps(trial, steps)
    assert all(one.passed for one in outcomes), "\n".join([*said, verdict_table(outcomes)])


@pytest.mark.rehearsal
def test_documents_nodes_are_tried_by_the_same_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_WATCHED_S", 0.5)
    programs, said = stand_in_programs(tmp_path / "bin"), list[str]()
    trial = Trial(
        folder=tmp_path,
        besu=programs / "besu",
        ipfs=programs / "ipfs",
        say=said.append,
        environment={"PATH": f"{programs}:/usr/bin:/bin"},
        up_arguments=("--port", str(free_base(50))),
    )
    outcomes = run_steps(trial, documents.DOCUMENTS_STEPS)
    assert all(one.passed for one in outcomes), "\n".join([*said, verdict_table(outcomes)])


@pytest.mark.skipif(not Path("/proc/self/net/tcp").exists(), reason="this system tells nothing of sockets in /proc")
def test_a_call_to_somewhere_else_is_seen() -> None:
    far = {"0100007F:1F90": True, "00000000:0000": True, "0A00020A:01BB": False, "7F00000A:0050": False}
    far |= {"0" * 24 + "01000000:0016": True, "0" * 32 + ":0000": True, "0" * 16 + "FFFF00000100007F:0016": True}
    far |= {"0" * 16 + "FFFF00000A00020A:0016": False, "B80D0120" + "0" * 16 + "01000000:01BB": False}
    assert {one: documents._is_here(one) for one in far} == far
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        ends = documents._far_ends(os.getpid())
    assert any(one.startswith("0100007F:") for one in ends)


def test_a_step_that_fails_ends_the_trial_and_everything_that_it_started(tmp_path: Path) -> None:
    programs, said = stand_in_programs(tmp_path / "bin"), list[str]()
    environment = {"PATH": f"{programs}:/usr/bin:/bin"}
    arguments = ("--port", str(free_base(50)))
    trial = Trial(
        folder=tmp_path, besu=programs / "besu", ipfs=None, say=said.append, environment=environment, up_arguments=arguments
    )

    def fails(_trial: Trial) -> str:
        raise StepFailed("no more")

    outcomes = run_steps(trial, [("start", up), ("break", fails), ("after", up)])
    assert [one.passed for one in outcomes] == [True, False, None]
    assert any("validator-lima answers on" in line for line in said), "the logs' last lines are told"
    assert verdict_table(outcomes).splitlines()[-1] == "✘ 2 of 3 steps did not pass"
    assert list((tmp_path / "network" / "run").iterdir()) == []
