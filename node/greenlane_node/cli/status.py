"""`greenlane-node status`: how this home's centers stand, whether their keys are those of the registry, what is to vote on."""

import argparse
from typing import TYPE_CHECKING

from greenlane.core.exits import Exit

from greenlane_node.cli.acting import add_node_arguments, chain_of, older_row, proposal_row, short_enode, tell_report

if TYPE_CHECKING:
    from greenlane.adapters.evm.bindings import CenterRecord
    from greenlane.adapters.keystore import Keystore
    from greenlane.adapters.network_file import NetworkCenter

_USES = ("operator", "anchorer", "validator", "log")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_node_arguments(parser)


def run(args: argparse.Namespace) -> int:
    from greenlane.adapters.home import Home

    from greenlane_node.cli.program import home_of
    from greenlane_node.nodes.chain_access import centers_with_keys_here, keystore_of
    from greenlane_node.nodes.node_view import view_node
    from greenlane_node.registry.governance import open_proposals

    keystore = keystore_of(Home(home_of(args)))
    with chain_of(args) as chain:
        node = view_node(chain.rpc, chain.network.sealing)
        own = centers_with_keys_here(chain.network)
        records = [(one, chain.registry.center(one.id), chain.registry.is_in_good_standing(one.id)) for one in own]
        voter = own[0].id if len(own) == 1 else None
        found = open_proposals(chain)
        proposals = [proposal_row(one, voter, is_whole=args.json) for one in found.views]
        active, quorum = chain.registry.active_count(), chain.registry.quorum()
    centers = [_standing(one, record, is_good, is_whole=args.json) for one, record, is_good in records]
    keys = [row for one, record, _ in records for row in _keys(one, record, keystore)]
    facts: dict[str, object] = {
        "node": node.url,
        "chain": chain.network.chain_id,
        "head": node.head,
        "head_age_s": node.age_s,
        "round": node.round,
        "peers": node.peers,
        "syncing": node.is_syncing,
        "active_centers": active,
        "quorum": quorum,
        **older_row(found),
    }
    tell_report(args, facts, centers=centers, keys=keys, proposals=proposals)
    is_good = all(good for _, _, good in records) and all(row["agrees"] is not False for row in keys)
    return Exit.GOOD if is_good else Exit.NO


def _standing(center: "NetworkCenter", record: "CenterRecord | None", is_good: bool, *, is_whole: bool) -> dict[str, object]:
    from greenlane_node.registry.refusals import time_text

    return {
        "center": center.id,
        "status": "unknown to the registry" if record is None else record.status.name.lower(),
        "good_standing": is_good,
        "since": None if record is None else time_text(record.term_start or None),
        "until": None if record is None else time_text(record.term_end),
        "endpoint": None if record is None else record.endpoint or None,
        "enode": None if record is None or not record.enode else record.enode if is_whole else short_enode(record.enode),
    }


def _keys(center: "NetworkCenter", record: "CenterRecord | None", keystore: "Keystore") -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for use in _USES:
        name = getattr(center.keys, use)
        registered = None if record is None else record.log_key if use == "log" else getattr(record, use)
        held = keystore.describe(name) if name is not None and keystore.has(name) else None
        public = None if held is None else held.log_key if use == "log" else held.address
        rows.append(
            {
                "center": center.id,
                "key": use,
                "name": name,
                "registered": None if registered is None else "0x" + registered.hex(),
                "held": None if public is None else "0x" + public.hex(),
                # A key that is kept elsewhere is not looked at here; one that is named and is not there is missed.
                "agrees": None if name is None or registered is None else public == registered,
            }
        )
    return rows
