"""`greenlane-node endorse CENTER`: a vote for a center's nomination, compared with its center.toml if that is given."""

import argparse
from pathlib import Path

from greenlane_node.cli.acting import add_acting_arguments, chain_of
from greenlane_node.cli.vote import cast_vote


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("proposal", metavar="CENTER", help="the nominee, or first digits of the proposal's id")
    parser.add_argument("--candidate", metavar="FILE", help="its center.toml: vote only if exactly that was nominated")
    add_acting_arguments(parser)


def run(args: argparse.Namespace) -> int:
    with chain_of(args) as chain:
        return cast_vote(args, chain, Path(args.candidate) if args.candidate else None)
