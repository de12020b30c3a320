"""`make network-test BESU=/path/besu IPFS=/path/ipfs`: the trial of whole networks, over the real programs.

It says first what it will run with. Without Besu nothing can be run: it says so and ends with 3, never as if all were well; with
Besu and without Kubo it runs the chain's part, and says at the end that the documents' part was not run, with 3 again. Each step
is printed with its time, and a table of verdicts stands at the end of each trial. Ctrl-C ends all nodes, too.

Exit codes: 0 every trial was run and passed; 1 a step failed; 3 something could not be run.
"""

import argparse
import os
import sys
import time
from pathlib import Path

from greenlane.core.errors import GreenlaneError
from greenlane_node.machine.programs import find_programs

from scripts.running import run_trial

_ROOT = Path(__file__).resolve().parents[1]
_GRACE_S = 300.0
"""For nodes to end after Ctrl-C."""


def main() -> int:
    """Runs it; the process's exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--besu", type=Path, help="the besu program (default: the one on PATH)")
    parser.add_argument("--ipfs", type=Path, help="the ipfs program (default: the one on PATH)")
    args = parser.parse_args()
    environment = dict(os.environ)
    try:
        found = find_programs(environment=environment, besu=args.besu, ipfs=None, needs_besu=True, needs_ipfs=False)
    except GreenlaneError as fault:
        print(f"✘ nothing was run: {fault}")
        return 3
    environment["BESU"] = str(found.besu)
    print(f"── besu: {found.besu}")
    lacking = None
    try:
        kubo = find_programs(environment=environment, besu=None, ipfs=args.ipfs, needs_besu=False, needs_ipfs=True)
        environment["IPFS"] = str(kubo.ipfs)
        print(f"── ipfs: {kubo.ipfs}", flush=True)
    except GreenlaneError as fault:
        lacking = str(fault)
        print(f"── the documents' part will not be run: {fault}", flush=True)
    began = time.monotonic()
    code = _run(environment, without_documents=lacking is not None)
    took = f"after {time.monotonic() - began:.0f} s"
    if code != 0:
        print(f"\n✘ the trial did not pass, {took}")
        return 1
    if lacking is not None:
        print(f"\n✘ the chain's part passed, {took}; the documents' part was not run: {lacking}")
        return 3
    print(f"\n✔ every trial passed, {took}")
    return 0


def _run(environment: dict[str, str], *, without_documents: bool) -> int:
    words = ["tests/network", "-m", "network", "--tb=no"]
    if without_documents:
        words += ["--deselect", "tests/network/test_network.py::test_documents"]
    return run_trial(words, environment=environment, root=_ROOT, grace_s=_GRACE_S)


if __name__ == "__main__":
    sys.exit(main())
