"""`greenlane-node restart`: ends all validators of this home together and starts them together, for a chain that stands still.

Validators that lost their quorum wait ever longer, each by its own clock; started at one moment they agree again within a minute.
"""

import argparse

from greenlane.core.exits import Exit

from greenlane_node.cli.program import tell_table
from greenlane_node.cli.running import add_starting_arguments, machine_of, programs_for, state_row


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_starting_arguments(parser)


def run(args: argparse.Namespace) -> int:
    from greenlane_node.machine.machine_nodes import NodeKind

    machine = machine_of(args)
    named = machine.kinds(args.node)
    chosen = named if args.node else {NodeKind.VALIDATOR}
    programs = programs_for(args, needs_besu=chosen != {NodeKind.DOCUMENTS}, needs_ipfs=NodeKind.DOCUMENTS in chosen)
    states = machine.restart(programs, args.node, is_waiting=not args.no_wait)
    tell_table(args, [state_row(state) for state in states])
    return Exit.GOOD
