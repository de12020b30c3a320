"""`greenlane-node leave`: takes a center out of the network for good, and says what remains to be done."""

import argparse
import sys

from greenlane.core.exits import Exit, WrongUse

from greenlane_node.cli.acting import acted, acts_of, add_acting_arguments, chain_of, tell_report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--confirm", metavar="ID", help="the id of the center that leaves, once more: there is no way back")
    add_acting_arguments(parser)


def run(args: argparse.Namespace) -> int:
    from greenlane.adapters.evm.bindings import CenterStatus
    from greenlane.core.seals import ValidatorMode

    from greenlane_node.nodes.node_view import sealing_sets

    with chain_of(args) as chain:
        acts = acts_of(args, chain)
        record = chain.registry.center(acts.center)
        has_left = record is not None and record.status is CenterStatus.LEFT
        if not has_left:
            _require_confirmed(args, acts.center)
        done = acts.leave()
        head = chain.web3.eth.block_number
        remaining = chain.registry.active_count()
        still_seals = record is not None and record.validator in sealing_sets(chain).seals_next
        mode = None if chain.network.sealing is None else chain.network.sealing.mode
    remains = [
        f"Keep this center's node running until block {head + 1} is made: the set without it seals from there.",
        "Then every other center runs `greenlane-node sync-permissions`, and this node can be stopped.",
        "Stop the center's server, or let it serve on: what is anchored stays provable for ever, and nothing new is anchored.",
        "Keep the home folder, or a backup: entries and salts are nowhere else. Id, origin and log keys are never used again.",
    ]
    if mode is ValidatorMode.HEADER and still_seals:
        # A node that is cut off or stopped while it has a seat is a validator that is down.
        remains[:2] = [
            "This center's validator still seals: headers name the set, and more than half of the validators must vote it out.",
            "Every center, this one too, runs `greenlane-node validators --align` until it says that the set is the registry's. "
            "Until then keep this node running, and have no center run `greenlane-node sync-permissions` (nor its --watch): cut "
            "off before, it is a validator that is down.",
            remains[1],
        ]
    facts = {"center": acts.center, "status": "left", **acted(done), "active_centers": remaining, "still_in_set": still_seals}
    if args.json:
        tell_report(args, {**facts, "remains": remains})
    else:
        tell_report(args, facts)
        sys.stdout.writelines(f"-> {line}\n" for line in remains)
    return Exit.GOOD


def _require_confirmed(args: argparse.Namespace, center: str) -> None:
    said = args.confirm
    if said is None and sys.stdin.isatty():
        sys.stderr.write(
            f"{center} leaves the network for good: its id, origin and log keys are never used again. Write its id: "
        )
        sys.stderr.flush()
        said = sys.stdin.readline().strip()
    if said != center:
        raise WrongUse(
            f"Leaving is for good, and was not confirmed for {center}.", where="--confirm", remedy=f"Add --confirm {center}."
        )
