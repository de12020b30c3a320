"""`greenlane-node down`: ends the nodes of this home, all at once, or those that are named."""

import argparse

from greenlane.core.exits import Exit

from greenlane_node.cli.program import add_common_arguments, tell_table
from greenlane_node.cli.running import machine_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_common_arguments(parser)
    parser.add_argument("--node", action="append", default=[], metavar="NAME", help="only this node; may be given again")


def run(args: argparse.Namespace) -> int:
    ended = machine_of(args).down(args.node)
    tell_table(args, [{"node": name, "ended": how.value} for name, how in ended.items()])
    return Exit.GOOD
