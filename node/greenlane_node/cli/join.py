"""`greenlane-node join`: what a new center does to enter a live network, step by step; run again, it goes on.

Exit code 0: the center is in and seals. 1: a step waits for others, and says for whom.
"""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from greenlane.core.exits import Exit, WrongUse
from greenlane.core.units import center_id

from greenlane_node.cli.acting import add_node_arguments, add_password_argument, keystore_of_arguments
from greenlane_node.cli.program import home_of

_SUFFIX = ".center.toml"
_STEPS = ("keys", "network", "nomination", "endorsement", "nodes", "sync", "first block")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--center", metavar="ID", help="the new center (default: the one whose file `init center` has made here)")
    add_node_arguments(parser)
    add_password_argument(parser)


def run(args: argparse.Namespace) -> int:
    from greenlane.adapters.home import Home

    from greenlane_node.membership.joining import Joining, StepState, join
    from greenlane_node.nodes.chain_access import reached

    home = Home(home_of(args))
    joining = Joining(
        home=home,
        keystore=keystore_of_arguments(args),
        center=_center_file(args, home.directory),
        urls=[args.rpc] if args.rpc else [],
        token_file=Path(args.token_file) if args.token_file else None,
        clock=lambda: datetime.now(UTC),
    )
    steps = []
    with reached(args.rpc):
        for step in join(joining):
            steps.append(step)
            if not args.json:
                number = _STEPS.index(step.name) + 1
                sys.stdout.write(f"{number} {step.name}: {step.state.value}. {step.said}\n")
                sys.stdout.write(f"  -> {step.next}\n" if step.next else "")
                sys.stdout.flush()
    is_in = len(steps) == len(_STEPS) and steps[-1].state is not StepState.WAITING
    if args.json:
        rows = [{"step": one.name, "state": one.state.value, "said": one.said, "next": one.next or None} for one in steps]
        sys.stdout.write(json.dumps({"joined": is_in, "steps": rows}, ensure_ascii=False) + "\n")
    return Exit.GOOD if is_in else Exit.NO


def _center_file(args: argparse.Namespace, directory: Path) -> Path:
    if args.center is not None:
        return directory / f"{center_id(args.center)}{_SUFFIX}"
    found = sorted(directory.glob(f"*{_SUFFIX}"))
    if len(found) > 1:
        raise WrongUse(
            f"There are files of several centers here: {', '.join(one.name for one in found)}.", remedy="Name one: --center ID."
        )
    return found[0] if found else directory / f"ID{_SUFFIX}"
