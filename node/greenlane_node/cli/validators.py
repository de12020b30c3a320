"""`greenlane-node validators`: who is in the set that seals the next block, for which center, and which block each last sealed.

With --all, every center ever admitted.
"""

import argparse
import sys
from collections.abc import Collection
from typing import TYPE_CHECKING

from greenlane.core.exits import Exit, WrongUse

from greenlane_node.cli.acting import add_node_arguments, chain_of, tell_report

if TYPE_CHECKING:
    from greenlane.adapters.evm.bindings import CenterRecord
    from greenlane.core.units import Address

    from greenlane_node.nodes.node_view import LastSeals


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

    from greenlane_node.nodes.node_view import sealing_sets
    from greenlane_node.nodes.own_nodes import own_nodes
    from greenlane_node.registry.header_votes import align_votes

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
    from greenlane_node.nodes.chain_access import centers_with_keys_here
    from greenlane_node.nodes.node_view import last_seals, sealing_sets
    from greenlane_node.registry.governance import active_centers, all_centers

    with chain_of(args) as chain:
        sets = sealing_sets(chain)
        centers = all_centers(chain.registry) if args.all else active_centers(chain.web3, chain.network.pilot_registry)
        parameters, quorum = chain.registry.parameters(), chain.registry.quorum()
        sealing = chain.network.sealing
        sealed = None if sealing is None else last_seals(chain.rpc, sets.head, sets.seals_next)
        own = {one.id for one in centers_with_keys_here(chain.network)}
        # Where the set stands in headers, votes of the validators make it: it may hold one whose center has left, or nobody's.
        known = {one.validator for one in centers}
        unknown = [one for one in sets.seals_next if one not in known]
        # The registry forgets whose a key was when its center leaves; the center's record does not.
        ever = {one.validator: one for one in all_centers(chain.registry)} if unknown else {}
        others = [(one, ever.get(one)) for one in unknown]
        seats = [*((one.validator, one) for one in centers), *others]
        rows = [_row(one, record, is_in_set=one in sets.seals_next, sealed=sealed, own=own) for one, record in seats]
    is_moving = sets.sealed_head is not None and set(sets.sealed_head) != set(sets.seals_next)
    facts = {
        "block": sets.head,
        "mode": "unsealed" if sealing is None else sealing.mode.value,
        "quorum": quorum,
        "minimum": parameters.minimum_centers,
        "looked_back_to": None if sealed is None else sealed.first,
    }
    tell_report(args, {**facts, "set_changes_with_next_block": is_moving}, validators=rows)
    if not args.json and is_moving:
        sys.stdout.write(f"Block {sets.head} was sealed by another set; this one seals from block {sets.head + 1}.\n")
    silent = [row["center"] or row["address"] for row in rows if row["in_set"] and row["last_sealed"] is None]
    if not args.json and silent and sealed is not None:
        sys.stdout.write(
            f"No block from {sealed.first} to {sets.head} bears a seal of {', '.join(map(str, silent))}: "
            "take no other validator down before it seals.\n"
        )
    return Exit.GOOD


def _row(
    validator: "Address", record: "CenterRecord | None", *, is_in_set: bool, sealed: "LastSeals | None", own: Collection[str]
) -> dict[str, object]:
    from greenlane_node.registry.refusals import time_text

    return {
        "address": "0x" + validator.hex(),
        "center": None if record is None else record.id,
        "economy": None if record is None else record.economy,
        "status": None if record is None else record.status.name.lower(),
        "since": None if record is None else time_text(record.term_start),
        "until": None if record is None else time_text(record.term_end),
        "in_set": is_in_set,
        "last_sealed": None if sealed is None else sealed.blocks.get(validator),
        "own": record is not None and record.id in own,
    }
