"""Whole networks of the real programs on this machine: `make network-test BESU=/path/besu IPFS=/path/ipfs`.

BESU and IPFS in the environment name the programs; else those on PATH are taken. Where there is no Besu 26.8.0 or later with its
Java, everything here is skipped and says why; where there is no Kubo, its part is. A skipped trial proves nothing: the command of
the Makefile ends with 3 then, and never as if all were well.
"""

import os
import shutil
import sys
from pathlib import Path

import pytest
from greenlane.core.errors import GreenlaneError
from greenlane.core.seals import ValidatorMode
from greenlane_node.machine.programs import Programs, find_programs
from network.documents import DOCUMENTS_STEPS
from network.scenario import Step, Trial, run_steps, verdict_table
from network.steps import CONTRACT_STEPS, HEADER_STEPS
from worlds.machine import free_base

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def besu() -> Path:
    found = _programs("BESU", "besu", needs_besu=True)
    assert found.besu is not None
    return found.besu


@pytest.fixture(scope="module")
def ipfs() -> Path:
    found = _programs("IPFS", "ipfs", needs_besu=False)
    assert found.ipfs is not None
    return found.ipfs


def _programs(variable: str, name: str, *, needs_besu: bool) -> Programs:
    named = os.environ.get(variable)
    if named is None and shutil.which(name) is None:
        pytest.skip(f"there is no `{name}` on PATH, and {variable} names none")
    path = Path(named) if named else None
    try:
        return find_programs(environment=os.environ, besu=path, ipfs=path, needs_besu=needs_besu, needs_ipfs=not needs_besu)
    except GreenlaneError as fault:
        # Who names a program wants it tried: a skip would look as if all were well.
        (pytest.skip if named is None else pytest.fail)(str(fault))


def run(trial: Trial, name: str, steps: tuple[tuple[str, Step], ...], capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        trial.say(f"\n══ {name}, in {trial.folder}")
        outcomes = run_steps(trial, steps)
        trial.say(f"══ {name}\n{verdict_table(outcomes)}")
    assert all(one.passed for one in outcomes), verdict_table(outcomes)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def trial_of(folder: Path, *, besu: Path, ipfs: Path | None, mode: ValidatorMode) -> Trial:
    base = free_base(60)
    return Trial(
        folder=folder,
        besu=besu,
        ipfs=ipfs,
        say=say,
        mode=mode,
        up_arguments=("--port", str(base)),
        fifth_base_port=base + 50,
    )


def test_validators_by_contract(besu: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trial = trial_of(tmp_path, besu=besu, ipfs=None, mode=ValidatorMode.CONTRACT)
    run(trial, "validators by contract", CONTRACT_STEPS, capsys)


def test_validators_in_headers(besu: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trial = trial_of(tmp_path, besu=besu, ipfs=None, mode=ValidatorMode.HEADER)
    run(trial, "validators in headers", HEADER_STEPS, capsys)


def test_documents(besu: Path, ipfs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trial = trial_of(tmp_path, besu=besu, ipfs=ipfs, mode=ValidatorMode.CONTRACT)
    run(trial, "documents", DOCUMENTS_STEPS, capsys)
