"""`make kubo-test IPFS=/path/ipfs`: the trial of documents over three real Kubo nodes in a private swarm on this machine.

It says first what it will run with. Without Kubo nothing can be run: it says so, and where to get it, and ends with 3, never as
if all were well. Each step is printed with its time, and a table of verdicts stands at the end. Nothing but loopback is used; the
nodes' data lies in a folder for temporary files (8 GiB at most; TMPDIR names another disk) and is taken away at the end. Ctrl-C
ends the nodes, too.

Exit codes: 0 every step was run and passed; 1 a step failed; 3 nothing could be run.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from greenlane.core.errors import GreenlaneError
from greenlane_node.machine.programs import find_programs

from scripts.running import run_trial

_ROOT = Path(__file__).resolve().parents[1]
_GRACE_S = 120.0
"""For nodes to end after Ctrl-C."""
_TEST = "tests/integration/documents/test_kubo_nodes.py::test_three_real_nodes_do_what_documents_need"


def main() -> int:
    """Runs it; the process's exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ipfs", type=Path, help="the ipfs program (default: the one on PATH)")
    args = parser.parse_args()
    try:
        found = find_programs(environment=os.environ, besu=None, ipfs=args.ipfs, needs_besu=False, needs_ipfs=True)
    except GreenlaneError as fault:
        print(f"✘ nothing was run: {fault.detail}")
        print("  Get Kubo 0.42 from https://dist.ipfs.tech/#kubo, and name it: make kubo-test IPFS=/path/ipfs")
        return 3
    print(f"── ipfs: {found.ipfs}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="greenlane-kubo-") as folder:
        code = _run({**os.environ, "IPFS": str(found.ipfs)}, Path(folder) / "trial")
    took = f"after {time.monotonic() - began:.0f} s"
    print(f"\n✔ every step passed, {took}" if code == 0 else f"\n✘ the trial did not pass, {took}")
    return 0 if code == 0 else 1


def _run(environment: dict[str, str], folder: Path) -> int:
    words = [_TEST, "-m", "kubo", f"--basetemp={folder}", "--tb=short"]
    return run_trial(words, environment=environment, root=_ROOT, grace_s=_GRACE_S)


if __name__ == "__main__":
    sys.exit(main())
