"""`greenlane-node nominate FILE`: proposes a new center, as its own file describes it."""

import argparse
from pathlib import Path

from greenlane.core.exits import Exit

from greenlane_node.cli.acting import acted, acts_of, add_acting_arguments, chain_of, proposal_row, tell_report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("candidate", metavar="FILE", help="the new center's center.toml")
    add_acting_arguments(parser)


def run(args: argparse.Namespace) -> int:
    from greenlane_node.founding.genesis import candidate_of
    from greenlane_node.planning.plan_file import load_center

    candidate = candidate_of(load_center(Path(args.candidate)))
    with chain_of(args) as chain:
        acts = acts_of(args, chain)
        done, view = acts.nominate(candidate)
    row = proposal_row(view, None, is_whole=args.json)
    tell_report(args, {**row, "nominator": acts.center, **acted(done)})
    return Exit.GOOD
