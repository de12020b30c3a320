"""`greenlane-node validators`: who seals the next block, for which center; with --all, every center ever admitted."""

import argparse
import sys

from greenlane.core.exits import Exit, WrongUse

from greenlane_node.cli.acting import add_node_arguments, chain_of, tell_report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--align", action="store_true", help="where headers name the set: have our validators vote for what the registry says"
    )
    parser.add_argument("--all", action="store_true", help="every center ever admitted, active or not")
    add_node_arguments(parser)


def run(args: argparse.Namespace) -> int:
    return _align(args) if args.align else _tell(args)


def _align(args: argparse.Namespace) -> Exit:
    from greenlane.core.seals import ValidatorMode
    from greenlane.core.wire import encode_hex

    from greenlane_node.header_votes import align_votes
    from greenlane_node.node_view import sealing_sets
    from greenlane_node.own_nodes import own_nodes

    with chain_of(args) as chain:
        sealing = chain.network.sealing
        if sealing is None or sealing.mode is not ValidatorMode.HEADER:
            raise WrongUse("On this chain the validators do not vote: the registry is the set.", where="--align", remedy="")
        registered, sets = chain.registry.validators(), sealing_sets(chain)
        validators = [node for node in own_nodes(chain.home) if node.is_validator]
        votes = [vote for node in validators for vote in align_votes(node, registered=registered, sealing=sets.seals_next)]
    rows = [
        {"node": one.node, "vote": "in" if one.is_for else "out", "validator": encode_hex(one.validator), "state": one.became}
        for one in votes
    ]
    is_aligned = set(registered) == set(sets.seals_next)
    tell_report(args, {"block": sets.head, "set_is_the_registrys": is_aligned}, votes=rows)
    return Exit.GOOD if is_aligned else Exit.NO


def _tell(args: argparse.Namespace) -> Exit:
    from greenlane_node.chain_access import centers_with_keys_here
    from greenlane_node.governance import active_centers, all_centers
    from greenlane_node.node_view import sealing_sets
    from greenlane_node.refusals import time_text

    with chain_of(args) as chain:
        sets = sealing_sets(chain)
        centers = all_centers(chain.registry) if args.all else active_centers(chain.web3, chain.network.pilot_registry)
        parameters, quorum = chain.registry.parameters(), chain.registry.quorum()
        own = {one.id for one in centers_with_keys_here(chain.network)}
        rows: list[dict[str, object]] = [
            {
                "address": "0x" + one.validator.hex(),
                "center": one.id,
                "economy": one.economy,
                "status": one.status.name.lower(),
                "since": time_text(one.term_start),
                "until": time_text(one.term_end),
                "seals": one.validator in sets.seals_next,
                "own": one.id in own,
            }
            for one in centers
        ]
        holders = {one.validator for one in centers}
        # Where the set stands in headers, votes of the validators make it, and it may hold one whom the registry does not.
        strangers = [one for one in sets.seals_next if one not in holders and chain.registry.center_of_validator(one) is None]
        rows += [
            {**dict.fromkeys(rows[0] if rows else ()), "address": "0x" + one.hex(), "seals": True, "own": False}
            for one in strangers
        ]
        sealing = chain.network.sealing
    is_moving = sets.sealed_head is not None and set(sets.sealed_head) != set(sets.seals_next)
    facts = {
        "block": sets.head,
        "mode": "unsealed" if sealing is None else sealing.mode.value,
        "quorum": quorum,
        "minimum": parameters.minimum_centers,
    }
    tell_report(args, {**facts, "set_changes_with_next_block": is_moving}, validators=rows)
    if not args.json and is_moving:
        sys.stdout.write(f"Block {sets.head} was sealed by another set; this one seals from block {sets.head + 1}.\n")
    return Exit.GOOD
