"""`greenlane-node up`: starts the nodes of this home; with `--local N` it first makes a network of N centers on this machine.

`up` again starts what does not run, and nothing twice. Everything listens on loopback.
"""

import argparse
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from greenlane.core.errors import Conflict
from greenlane.core.exits import Exit

from greenlane_node.cli.program import home_of, tell_table
from greenlane_node.cli.running import add_starting_arguments, machine_of, programs_for, state_row, teller

if TYPE_CHECKING:
    from greenlane.adapters.home import Home

    from greenlane_node.layout import NetworkLayout

DOCUMENTS_NODES = 2
_BASES = 20
"""So many places on loopback are looked at for a network that was given none."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--local", type=int, metavar="N", help="where this home has no network: make one of N validators and an RPC node"
    )
    parser.add_argument("--validators", choices=("contract", "header"), help="of a new network: where the set of them lies")
    parser.add_argument("--block-time", type=int, metavar="SECONDS", help="of a new network: between blocks (default: 2)")
    parser.add_argument("--port", type=int, metavar="PORT", help="of a new network: the first of ten for each center")
    parser.add_argument(
        "--without-documents", action="store_true", help="of a new network: no documents nodes (Kubo); else two of them"
    )
    add_starting_arguments(parser)


def run(args: argparse.Namespace) -> int:
    from greenlane.adapters.home import Home

    from greenlane_node.layout import NetworkLayout
    from greenlane_node.machine.machine_nodes import NodeKind

    home = Home(home_of(args))
    machine = machine_of(args)
    # network.json is the last file of a network that is made here, network.toml the first: without either there is more to do.
    is_made = home.network_file.exists() and NetworkLayout(home).plan.exists()
    if args.local is not None and not is_made:
        # Looked for before anything is made: a home without programs to run it would only be in the way.
        programs = programs_for(args, needs_besu=True, needs_ipfs=not args.without_documents)
        _found(args, home)
    else:
        _require_as_asked(args, NetworkLayout(home))
        kinds = machine.kinds(args.node)
        programs = programs_for(args, needs_besu=kinds != {NodeKind.DOCUMENTS}, needs_ipfs=NodeKind.DOCUMENTS in kinds)
    states = machine.up(programs, args.node, is_waiting=not args.no_wait)
    tell_table(args, [state_row(state) for state in states])
    return Exit.GOOD


def _found(args: argparse.Namespace, home: "Home") -> None:
    """Makes keys, genesis and the files of all nodes; what an interrupted run has made stays."""
    from greenlane.core.seals import ValidatorMode

    from greenlane_node.founding.server_file import serving_words
    from greenlane_node.founding.trial import PORTS_PER_CENTER, found_on_machine
    from greenlane_node.layout import NetworkLayout

    tell = teller(args)
    tell(f"making a network of {args.local} centers in {home.directory}")
    base = _free_base(PORTS_PER_CENTER * args.local) if args.port is None else args.port
    plan = found_on_machine(
        home,
        args.local,
        ValidatorMode(args.validators or ValidatorMode.CONTRACT.value),
        base,
        clock=lambda: datetime.now(UTC),
        documents=0 if args.without_documents else DOCUMENTS_NODES,
        block_time_s=2 if args.block_time is None else args.block_time,
    )
    tell(f"its chain id is {plan.chain_id}; keys, genesis and configurations are written")
    tell(f"a server for it, once it runs: {serving_words(NetworkLayout(home).server_environment)}")


def _free_base(count: int) -> int:
    """The first port of a stretch of free ones, or the usual first one where there is none: then `up` says which is taken."""
    from greenlane_node.founding.trial import DEFAULT_BASE_PORT
    from greenlane_node.machine.running import is_free_port

    bases = (DEFAULT_BASE_PORT + step * max(count, 100) for step in range(_BASES))
    return next((base for base in bases if all(map(is_free_port, range(base, base + count)))), DEFAULT_BASE_PORT)


def _require_as_asked(args: argparse.Namespace, layout: "NetworkLayout") -> None:
    """What was asked of a new network must hold for the one that is here."""
    from greenlane_node.planning.plan_file import load_plan

    if not layout.plan.exists():
        return
    plan = load_plan(layout.plan)
    asked: tuple[tuple[object, object, str], ...] = (
        (args.local, len(plan.centers), "centers"),
        (args.validators, plan.validator_mode.value, "as the place of its validator set"),
        (args.block_time, plan.block_time_s, "seconds between blocks"),
    )
    for wanted, there, what in asked:
        if wanted is not None and wanted != there:
            raise Conflict(
                f"The network in this folder has {there} {what}, not {wanted}.",
                where=str(layout.plan),
                remedy="Leave the option out, or name a new folder with --home.",
            )
