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

    with chain_of(args) as chain:
        acts = acts_of(args, chain)
        record = chain.registry.center(acts.center)
        has_left = record is not None and record.status is CenterStatus.LEFT
        if not has_left:
            _require_confirmed(args, acts.center)
        done = acts.leave()
        head = chain.web3.eth.block_number
        remaining = chain.registry.active_count()
        mode = None if chain.network.sealing is None else chain.network.sealing.mode
    remains = [
        f"Keep this center's node running until block {head + 1} is made: the set without it seals from there.",
        "Every other center runs `greenlane-node sync-permissions`; then stop this node.",
        "Stop the center's server, or let it serve on: what is anchored stays provable for ever, and nothing new is anchored.",
        "Keep the home folder, or a backup: entries and salts are nowhere else. Id, origin and log keys are never used again.",
    ]
    if mode is ValidatorMode.HEADER:
        remains[0] = (
            "Keep this center's node running until `greenlane-node validators --align`, run by every center, says that the set "
            "is the registry's: more than half of the validators must vote this one out."
        )
    facts = {"center": acts.center, "status": "left", **acted(done), "active_centers": remaining}
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
