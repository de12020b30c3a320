"""`greenlane-node endpoints`: where the centers are met; with --endpoint, --host or --p2p-port: where this one is from now on."""

import argparse
import sys
from typing import TYPE_CHECKING

from greenlane.core.exits import Exit
from greenlane.core.units import center_id

from greenlane_node.cli.acting import (
    acted,
    add_acting_arguments,
    chain_of,
    harmless,
    keystore_of_arguments,
    short_enode,
    tell_report,
)

if TYPE_CHECKING:
    from greenlane_node.membership.validator_place import Moved


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--endpoint", metavar="URL", help='of the center\'s API; "" for none')
    parser.add_argument("--host", metavar="ADDRESS", help="IP address at which peers reach its validator")
    parser.add_argument("--p2p-port", type=int, metavar="N", help="port at which peers reach its validator, TCP and UDP")
    add_acting_arguments(parser)


def run(args: argparse.Namespace) -> int:
    if args.endpoint is None and args.host is None and args.p2p_port is None:
        return _list(args)
    from greenlane_node.membership.validator_place import move_center
    from greenlane_node.nodes.chain_access import chosen_center

    with chain_of(args) as chain:
        center = chosen_center(chain.network, center_id(args.center) if args.center else None)
        moved = move_center(
            chain,
            keystore_of_arguments(args),
            center,
            endpoint=args.endpoint,
            host=args.host,
            p2p_port=args.p2p_port,
            timeout_s=args.timeout,
        )
    return _tell(args, moved)


def _tell(args: argparse.Namespace, moved: "Moved") -> Exit:
    remains = []
    if args.host is not None or args.p2p_port is not None:
        node = f"validator-{moved.center}"
        if moved.has_node:
            remains.append(
                f"Restart this validator, and no other meanwhile: greenlane-node restart --node {node}, or as you run it. "
                "Until then it is met at its old place."
            )
            remains.append("Let peers through to the new place: firewall, and the ports that a container publishes.")
            remains.append("Run `greenlane-node sync-permissions` here too.")
        else:
            remains.append(f"The folder of {node} is not in this home: run the same command in the home that has it.")
        remains.append("Every other center runs `greenlane-node sync-permissions`: until then its node calls the old place.")
    if args.endpoint is not None:
        remains.append("Whoever reads this center's API by an address of their own is told by you: the registry tells the rest.")
    facts: dict[str, object] = {
        "center": moved.center,
        "endpoint": moved.endpoint or None,
        "enode": moved.enode or None,
        **acted(moved.acted),
        "written": [str(path) for path in moved.written] if args.json else ", ".join(map(str, moved.written)) or None,
    }
    if args.json:
        tell_report(args, {**facts, "remains": remains})
    else:
        tell_report(args, facts)
        sys.stdout.writelines(f"-> {line}\n" for line in remains)
    return Exit.GOOD


def _list(args: argparse.Namespace) -> Exit:
    from greenlane_node.keys import EnodeInvalid, parse_enode
    from greenlane_node.membership.validator_place import folder_agrees, validator_folder
    from greenlane_node.nodes.chain_access import centers_with_keys_here
    from greenlane_node.registry.governance import active_centers

    rows: list[dict[str, object]] = []
    remains = []
    with chain_of(args) as chain:
        own = {one.id for one in centers_with_keys_here(chain.network)}
        records = {one.id: one for one in active_centers(chain.web3, chain.network.pilot_registry)}
        # One that is not active, or not yet, has a place too.
        records |= {id_: found for id_ in sorted(own - set(records)) if (found := chain.registry.center(id_)) is not None}
        for record in records.values():
            agrees = folder_agrees(validator_folder(chain, record.id), record.enode)
            rows.append(
                {
                    "center": record.id,
                    "name": record.name,
                    "endpoint": record.endpoint or None,
                    "enode": (record.enode if args.json else short_enode(record.enode)) or None,
                    "own": record.id in own,
                    "folder_agrees": agrees,
                }
            )
            if agrees is False:
                try:
                    _, host, port = parse_enode(record.enode)
                    how = f"--host {host} --p2p-port {port}"
                except EnodeInvalid:
                    how = "--host ADDRESS --p2p-port N"
                remains.append(
                    f"The folder of validator-{record.id} says another place, or another key, than the registry. The registry's "
                    f"place is right: greenlane-node endpoints --center {record.id} {how}. The folder's place is right: the same "
                    f"with that one. The key is another one: greenlane-node rotate-key validator --center {record.id}."
                )
    tell_report(args, {"remains": remains} if args.json else {}, centers=rows)
    if not args.json:
        sys.stdout.writelines(f"-> {harmless(line)}\n" for line in remains)
    return Exit.NO if remains else Exit.GOOD
