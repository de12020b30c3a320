"""`greenlane-node endorse CENTER --candidate FILE`: a vote for a center's nomination, if it is of exactly the center's own file.

The file is never left out: anybody who is in may nominate anything under any name that is free.
"""

import argparse
from pathlib import Path

from greenlane_node.cli.acting import add_acting_arguments, chain_of
from greenlane_node.cli.vote import cast_vote


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("proposal", metavar="CENTER", help="the nominee, or 0x and first digits of the proposal's id")
    parser.add_argument(
        "--candidate",
        metavar="FILE",
        required=True,
        help="its own center.toml: a vote only if exactly that was nominated",
    )
    add_acting_arguments(parser)


def run(args: argparse.Namespace) -> int:
    with chain_of(args) as chain:
        return cast_vote(args, chain, Path(args.candidate))
