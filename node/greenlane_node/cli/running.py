"""What the commands share that start, end and read nodes of this machine."""

import argparse
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from greenlane_node.cli.program import add_common_arguments, home_of

if TYPE_CHECKING:
    from greenlane_node.machine.programs import Programs
    from greenlane_node.machine.running import Machine, NodeState, Tell


def add_starting_arguments(parser: argparse.ArgumentParser) -> None:
    """`--home`, `--json`, which nodes, and which programs."""
    add_common_arguments(parser)
    parser.add_argument("--node", action="append", default=[], metavar="NAME", help="only this node; may be given again")
    parser.add_argument("--besu", metavar="FILE", type=Path, help="the besu program (default: the one on PATH)")
    parser.add_argument("--ipfs", metavar="FILE", type=Path, help="the ipfs program (default: the one on PATH)")
    parser.add_argument("--memory", type=_megabytes, metavar="MB", help="heap of each Besu node started now (default: 768)")
    parser.add_argument("--no-wait", action="store_true", help="wait until nodes answer, and not for peers and blocks")


def machine_of(args: argparse.Namespace) -> "Machine":
    """The machine of the home folder that the arguments name; tells its steps on standard error, unless asked for JSON."""
    from greenlane.adapters.home import Home

    from greenlane_node.machine.running import Machine

    return Machine(Home(home_of(args)), environment=os.environ, tell=teller(args))


def teller(args: argparse.Namespace) -> "Tell":
    """Writes each step and when it was done; nothing with --json, whose reader takes standard error for one fault."""
    began = time.monotonic()

    def tell(line: str) -> None:
        if not args.json:
            sys.stderr.write(f"{time.monotonic() - began:6.1f} s  {line}\n")
            sys.stderr.flush()

    return tell


def programs_for(args: argparse.Namespace, *, needs_besu: bool, needs_ipfs: bool) -> "Programs":
    """The programs that the arguments name, or that are on PATH."""
    from greenlane_node.machine.programs import find_programs

    found = find_programs(environment=os.environ, besu=args.besu, ipfs=args.ipfs, needs_besu=needs_besu, needs_ipfs=needs_ipfs)
    return found if args.memory is None else replace(found, memory_mb=args.memory)


def state_row(state: "NodeState") -> Mapping[str, object]:
    """A node as a row of a table."""
    return {
        "node": state.name,
        "pid": state.pid,
        "rpc": state.rpc_url,
        "head": state.head,
        "peers": state.peers,
        "was_running": state.was_running,
    }


def _megabytes(text: str) -> int:
    megabytes = int(text)
    if not 256 <= megabytes <= 1_048_576:
        raise argparse.ArgumentTypeError("give 256 to 1048576 MB")
    return megabytes
