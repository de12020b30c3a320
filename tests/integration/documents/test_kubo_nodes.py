"""Three Kubo nodes and the adapter together: over programs that stand in for `ipfs`, and over the real one where it is.

`make kubo-test IPFS=/path/ipfs` names the program: then every size is tried, to over 1,024 chunks. Where `ipfs` is merely on
PATH, the same steps run at small sizes.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from network.scenario import verdict_table
from worlds.kubo_trial import DISK_BYTES, LARGE_SIZES, MIB, SMALL_SIZES, KuboTrial, find_ipfs, run_kubo_trial
from worlds.machine import stand_in_programs


@pytest.mark.slow
def test_three_nodes_do_what_documents_need_over_stand_ins(tmp_path: Path) -> None:
    said: list[str] = []
    programs = stand_in_programs(tmp_path / "bin")
    trial = KuboTrial(folder=tmp_path / "trial", ipfs=programs / "ipfs", say=said.append, sizes=SMALL_SIZES, torn_bytes=8 * MIB)
    outcomes = run_kubo_trial(trial)
    assert all(one.passed for one in outcomes), "\n".join([*said, verdict_table(outcomes)])
    assert not any((tmp_path / "trial").iterdir()), "the nodes' data is gone"


def test_the_trial_of_the_real_program_says_what_is_missing_and_is_never_green_without_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scripts.kubo_test", "--ipfs", str(tmp_path / "ipfs")]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert str(tmp_path / "ipfs") in done.stdout
    assert "https://dist.ipfs.tech" in done.stdout
    assert "make kubo-test IPFS=" in done.stdout


@pytest.mark.kubo
def test_three_real_nodes_do_what_documents_need(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ipfs, named = find_ipfs(), os.environ.get("IPFS")
    sizes = SMALL_SIZES if named is None else (*SMALL_SIZES, *LARGE_SIZES)
    free = shutil.disk_usage(tmp_path).free
    if named is not None and free < DISK_BYTES:
        pytest.fail(f"{DISK_BYTES / MIB:.0f} MiB of disk are wanted at {tmp_path}, and {free / MIB:.0f} are free")

    def say(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

    say(f"\n══ three nodes of {ipfs}, in {tmp_path}")
    outcomes = run_kubo_trial(KuboTrial(folder=tmp_path / "trial", ipfs=ipfs, say=say, sizes=sizes))
    say(f"══ Kubo\n{verdict_table(outcomes)}")
    assert all(one.passed for one in outcomes), verdict_table(outcomes)
