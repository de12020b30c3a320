"""Everything a center's part of the network needs, looked at once; each finding with its remedy.

One look is one function that says what it saw. What could not be looked at is "not checked" and never "bad": a node that is away
hides what only it could tell. Whatever is not good says what to do. Nothing is changed here.
"""

import json
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from greenlane.adapters.evm.bindings import CenterRecord
from greenlane.adapters.evm.standing import contracts_of_other_code
from greenlane.adapters.home import Home
from greenlane.adapters.keystore import Keystore
from greenlane.adapters.network_file import Network, NetworkCenter, load_network
from greenlane.core.errors import GreenlaneError
from greenlane.core.pace import MAX_BLOCKS_APART, standstill_s
from greenlane.core.units import Address, CenterId
from greenlane.core.wire import encode_hex
from web3 import Web3

from greenlane_node.founding.genesis import genesis_bytes
from greenlane_node.keys import EnodeInvalid, parse_enode
from greenlane_node.layout import NetworkLayout
from greenlane_node.machine.machine_nodes import MachineNode, documents_nodes
from greenlane_node.membership.permissions import look
from greenlane_node.nodes.chain_access import reached
from greenlane_node.nodes.freshest import block_time_s, freshest_chain
from greenlane_node.nodes.node_view import sealing_sets
from greenlane_node.nodes.own_nodes import NodeConfigInvalid, OwnNode, nodes_to_ask, own_nodes
from greenlane_node.nodes.rpc import NodeRpc, NodeSilent
from greenlane_node.planning.plan_file import load_plan
from greenlane_node.registry.governance import active_centers

MAX_CLOCK_OFFSET_S = 10
"""Validators refuse blocks of a time too far ahead; a clock that is this far off is on its way there."""
LEAST_FREE_BYTES = 5 * 2**30
LEAST_FREE_SHARE = 0.1
_REACH_TIMEOUT_S = 3.0
_LATEST = "latest"
_NODES_FIRST = "Mend first what the lines about the nodes say, and look again."


class Finding(StrEnum):
    """What a look ended with."""

    GOOD = "good"
    BAD = "bad"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One thing that was looked at.

    Attributes:
        name: of the thing, a few words.
        finding: what it ended with.
        words: what was seen.
        remedy: what to do; empty where it is good, and nowhere else.
    """

    name: str
    finding: Finding
    words: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    number: int
    hash: str
    timestamp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A node and what it answered, or why it did not."""

    name: str
    rpc: NodeRpc
    is_own: bool
    head: _Head | None
    fault: GreenlaneError | None = None


def examine(home: Home, *, now: Callable[[], float] = time.time) -> tuple[Look, ...]:
    """Looks at everything, in an order in which each explains the next.

    Args:
        now: unix seconds of this machine.

    Raises:
        NetworkFileInvalid: the folder holds no network.
        PlanInvalid: its network.toml cannot be read.
        NotFound: it runs no nodes.
    """
    network = load_network(home.network_file)
    nodes = own_nodes(home)
    block_s, own = block_time_s(home), {node.name for node in nodes}
    asked = [_ask(name, rpc, is_own=name in own) for name, rpc in nodes_to_ask(home, network.rpc_urls)]
    answering = [one for one in asked if one.head is not None]
    return (
        _genesis(NetworkLayout(home)),
        *_of_nodes(asked),
        *_of_chain(network, answering),
        _agreement(answering),
        _growth(answering, block_s, now),
        _clock(answering, block_s, now),
        *_of_registry(home, network, now),
        *(_peers(node) for node in nodes),
        _allowlists(home, now),
        *_of_documents(NetworkLayout(home)),
        _disk(home.directory),
    )


def _ask(name: str, rpc: NodeRpc, *, is_own: bool) -> _Asked:
    try:
        return _Asked(name=name, rpc=rpc, is_own=is_own, head=_block(rpc, _LATEST))
    except GreenlaneError as error:
        return _Asked(name=name, rpc=rpc, is_own=is_own, head=None, fault=error)


def _block(rpc: NodeRpc, number: str) -> _Head:
    block = rpc.call("eth_getBlockByNumber", number, False)
    if not isinstance(block, dict):
        raise NodeSilent(f"It has no block {number}.", where=rpc.url)
    try:
        return _Head(
            number=int(str(block["number"]), 16), hash=str(block["hash"]).lower(), timestamp=int(str(block["timestamp"]), 16)
        )
    except (KeyError, ValueError) as error:
        raise NodeSilent(f"Its block {number} cannot be read.", where=rpc.url) from error


def _genesis(layout: NetworkLayout) -> Look:
    """The hash of block 0 does not cover the chain id or the times of blocks and rounds: files are compared whole."""
    name = "genesis is the network's"
    if not layout.plan.exists():
        return _unchecked(name, "There is no network.toml here.", "Get it from another center, and put it into the home folder.")
    try:
        is_same = layout.genesis.read_bytes() == genesis_bytes(load_plan(layout.plan))
    except GreenlaneError as error:
        return _not_seen(name, error)
    except OSError as error:
        words = f"genesis.json cannot be read: {error.strerror or type(error).__name__}."
        return _unchecked(name, words, "Write it again: `greenlane-node init network`.")
    if is_same:
        return _good(name, "genesis.json is what network.toml makes.")
    return _bad(
        name,
        "genesis.json is not what network.toml makes.",
        "Compare both files with another center's. It may differ only where a lost quorum was overridden, for all alike.",
    )


def _of_nodes(asked: Sequence[_Asked]) -> Iterator[Look]:
    for one in asked:
        name = f"{one.name} answers"
        if one.head is not None:
            yield _good(name, f"Its head is block {one.head.number}.")
        elif one.fault is not None:
            yield _bad(name, one.fault.detail, _opening(one, one.fault))


def _opening(asked: _Asked, fault: GreenlaneError) -> str:
    """What makes a node answer: one that refuses need not be started."""
    if not isinstance(fault, NodeSilent):
        return fault.remedy or "It runs, and does not answer this: look into its log (`greenlane-node logs`)."
    if asked.is_own:
        return "Start it (`greenlane-node up`), or look into its log (`greenlane-node logs`)."
    return "Ask whoever keeps it whether it runs, or take its address out of network.json."


def _of_chain(network: Network, answering: Sequence[_Asked]) -> Iterator[Look]:
    for one in answering:
        name = f"{one.name} is of our chain"
        try:
            chain_id, genesis = int(str(one.rpc.call("eth_chainId")), 16), _block(one.rpc, "0x0").hash
        except GreenlaneError as error:
            yield _not_seen(name, error)
            continue
        except ValueError:
            yield _unchecked(name, "Its chain id cannot be read.", "Look into its log: it may be no node of Besu.")
            continue
        if (chain_id, genesis) == (network.chain_id, encode_hex(network.genesis_hash)):
            yield _good(name, f"Chain {chain_id}, genesis {genesis}.")
        else:
            words = f"It serves chain {chain_id} with genesis {genesis}; network.json says {network.chain_id} and "
            yield _bad(
                name,
                words + f"{encode_hex(network.genesis_hash)}.",
                "Give the node the network's genesis.json and an empty data folder, or take its address out of network.json.",
            )


def _agreement(answering: Sequence[_Asked]) -> Look:
    name = "nodes agree"
    heads = [(one, one.head) for one in answering if one.head is not None]
    if len(heads) < 2:
        return _unchecked(name, "Fewer than two nodes answer.", "Name another center's node in network.json, or start ours.")
    lowest = min(head.number for _, head in heads)
    highest = max(head.number for _, head in heads)
    try:
        hashes = {one.name: _block(one.rpc, hex(lowest)).hash for one, _ in heads}
    except GreenlaneError as error:
        return _not_seen(name, error)
    if len(set(hashes.values())) > 1:
        told = ", ".join(f"{who} {hash_[:18]}…" for who, hash_ in hashes.items())
        return _bad(
            name,
            f"They have different blocks {lowest}: {told}.",
            "Blocks of such a chain are final: one of them is of another network, or lies. Compare their genesis files.",
        )
    if highest - lowest > MAX_BLOCKS_APART:
        behind = ", ".join(one.name for one, head in heads if highest - head.number > MAX_BLOCKS_APART)
        return _bad(name, f"{behind} is {highest - lowest} blocks behind.", "Wait while it catches up; else look at its peers.")
    return _good(name, f"All have the same block {lowest}; their heads are {highest - lowest} apart.")


def _growth(answering: Sequence[_Asked], block_s: int, now: Callable[[], float]) -> Look:
    name = "blocks grow"
    newest = max((one.head for one in answering if one.head is not None), key=lambda head: head.number, default=None)
    if newest is None:
        return _unchecked(name, "No node answers.", _NODES_FIRST)
    age_s = int(now()) - newest.timestamp
    if age_s > standstill_s(block_s):
        return _bad(
            name,
            f"The newest block, {newest.number}, is {age_s} seconds old: the chain stands still.",
            "More than a third of the validators are away. Start them; if blocks do not come within a minute, restart all "
            "validators together, since their rounds have drifted apart (docs/operations.md, lost quorum).",
        )
    return _good(name, f"The newest block, {newest.number}, is {max(age_s, 0)} seconds old.")


def _clock(answering: Sequence[_Asked], block_s: int, now: Callable[[], float]) -> Look:
    name = "time in step"
    times = [one.head.timestamp for one in answering if one.head is not None]
    if not times:
        return _unchecked(name, "No node answers.", _NODES_FIRST)
    ahead_s = max(times) - int(now())
    if ahead_s > MAX_CLOCK_OFFSET_S:
        return _bad(name, f"The newest block is {ahead_s} seconds ahead of this machine's clock.", "Set the clock by NTP.")
    if -ahead_s > standstill_s(block_s):
        words = "The newest block is old: either the chain stands still, or this clock is fast."
        return _unchecked(name, words, "Compare this machine's clock with another's; look again when blocks come.")
    return _good(name, f"This machine's clock and the newest block are {abs(ahead_s)} seconds apart.")


def _of_registry(home: Home, network: Network, now: Callable[[], float]) -> Iterator[Look]:
    name = "our keys are the registry's"
    try:
        chain = freshest_chain(home, now=now).chain
        with reached(chain.rpc.url):
            sealing = sealing_sets(chain).seals_next
            registered = chain.registry.validators()
            records = {id_: chain.registry.center(id_) for id_ in network.hosted}
            active = active_centers(chain.web3, network.pilot_registry)
            assets = _assets(chain.web3, network)
    except GreenlaneError as error:
        yield _not_seen(name, error)
        return
    yield assets
    for id_, record in records.items():
        yield _standing(id_, record)
        if record is not None:
            yield _seat(id_, record, sealing, registered)
            yield _keys(home, network.center(id_), record)
    yield from (_reach(center) for center in active if center.id not in network.hosted)


def _assets(web3: Web3, network: Network) -> Look:
    """That they stand and belong together is seen before a node is asked anything: here, whether they are ours to the byte."""
    name = "contracts of green assets are ours"
    if network.assets is None:
        return _good(name, "This network has none: it was founded before there were any.")
    others = contracts_of_other_code(web3, network.assets)
    if not others:
        places = (network.assets.green_asset, network.assets.evidence_register)
        return _good(name, f"GreenAsset at {encode_hex(places[0])}, EvidenceRegister at {encode_hex(places[1])}.")
    return _unchecked(
        name,
        f"{' and '.join(others)}: the code there is not what this release compiles.",
        "Compare network.json with another center's. Where another release founded the network it is so: look with that one.",
    )


def _standing(center: CenterId, record: CenterRecord | None) -> Look:
    name = f"{center} is an active center"
    if record is None:
        return _bad(name, "The registry does not know it.", "Join the network: `greenlane-node join`.")
    words = f"The registry has it as {record.status.name.lower()}."
    if record.status.name == "ACTIVE":
        return _good(name, words)
    return _bad(name, words, "See `greenlane-node status`; other centers vote with `greenlane-node vote`.")


def _seat(center: CenterId, record: CenterRecord, sealing: Sequence[Address], registered: Sequence[Address]) -> Look:
    name = f"{center} has its seat"
    validator = encode_hex(record.validator)
    if record.validator in sealing:
        return _good(name, f"{validator} is one of {len(sealing)} validators.")
    if record.validator in registered:
        return _bad(
            name,
            f"The registry has {validator}, and the other validators have not voted it in.",
            "Each center votes by its own node: `greenlane-node validators --align`.",
        )
    return _bad(name, f"{validator} is not in the validator set.", "Its center is not active: see `greenlane-node status`.")


def _keys(home: Home, ours: NetworkCenter, record: CenterRecord) -> Look:
    name = f"{ours.id}'s keys are the registry's"
    keystore = Keystore(home.keys, home.password_file)
    registered = {"operator": record.operator, "anchorer": record.anchorer, "validator": record.validator}
    named = {"operator": ours.keys.operator, "anchorer": ours.keys.anchorer, "validator": ours.keys.validator}
    faults = []
    try:
        for use, key in named.items():
            if key is not None and keystore.describe(key).address != registered[use]:
                faults.append(f"the {use} key here is another than the registry's {encode_hex(registered[use])}")
        if ours.keys.log is not None and keystore.describe(ours.keys.log).log_key != record.log_key:
            faults.append("the log key here is another than the registry's")
    except GreenlaneError as error:
        return _bad(name, error.detail, error.remedy or "Put the key's file back from a backup: keys/ in the home folder.")
    if faults:
        words = "; ".join(faults)
        return _bad(name, f"{words[0].upper()}{words[1:]}.", "Finish the change of keys: `greenlane-node rotate-key`.")
    return _good(name, f"{len([key for key in (*named.values(), ours.keys.log) if key is not None])} keys here, each registered.")


def _reach(center: CenterRecord) -> Look:
    name = f"{center.id} can be reached"
    try:
        _, host, port = parse_enode(center.enode)
    except EnodeInvalid:
        return _unchecked(name, "The registry has no enode of it.", "Ask that center to set it: `greenlane-node endpoints`.")
    try:
        with socket.create_connection((host, port), timeout=_REACH_TIMEOUT_S):
            return _good(name, f"{host}:{port} takes connections.")
    except OSError as error:
        return _bad(
            name,
            f"{host}:{port} takes no connection: {error.strerror or error}.",
            "Open the way in the firewalls between you, or ask that center whether its node runs.",
        )


def _peers(node: OwnNode) -> Look:
    name = f"{node.name} has peers"
    try:
        count = int(str(node.rpc().call("net_peerCount")), 16)
    except GreenlaneError as error:
        return _not_seen(name, error)
    except ValueError:
        return _unchecked(name, "It does not tell how many.", "Look into its log: it may be no node of Besu.")
    if count:
        return _good(name, f"{count}.")
    return _bad(name, "It has none.", "Compare its allowlist (`greenlane-node sync-permissions --check`) and the firewall.")


def _allowlists(home: Home, now: Callable[[], float]) -> Look:
    name = "allowlists are the registry's"
    try:
        found = look(home, now=now)
    except GreenlaneError as error:
        return _not_seen(name, error)
    if not found.changes:
        if found.old:
            return _unchecked(name, found.old, "Look again when blocks come.")
        return _good(name, "Nodes, accounts and static nodes are as the registry has them.")
    words = "; ".join(f"{change.node}: {change.list} lack {len(change.missing)} and have {len(change.surplus)} too many"
                      for change in found.changes)  # fmt: skip
    return _bad(name, f"{words}.", "Run `greenlane-node sync-permissions`.")


def _of_documents(layout: NetworkLayout) -> Iterator[Look]:
    """Of what is held in them the server tells, which knows what should be: `greenlane fsck --documents`, /metrics."""
    try:
        nodes = list(documents_nodes(layout, None))
    except NodeConfigInvalid as error:
        yield _bad("documents nodes are described", f"{error.where}: {error.detail}", error.remedy or _NODES_FIRST)
        return
    for node in nodes:
        answers = _documents_node(layout, node)
        yield answers
        if answers.finding is Finding.GOOD and _configured(layout, node, "Peering", "Peers"):
            yield _documents_peers(node)


def _documents_node(layout: NetworkLayout, node: MachineNode) -> Look:
    name = f"{node.name} answers"
    if node.token_file is None:
        words = f"The token that opens it is not at {layout.token(node.name)}: nobody can ask it, its center's server included."
        return _bad(name, words, "Write it anew out of the node's configuration: `greenlane-node init network`.")
    try:
        peer = node.peer()
    except NodeSilent as fault:
        return _bad(name, fault.detail, "Start it (`greenlane-node up`), or look into its log (`greenlane-node logs`).")
    except GreenlaneError as fault:
        return _bad(
            name,
            fault.detail,
            f"It must be started with the token in {layout.token(node.name)}: run `greenlane-node init network --rewrite`, then "
            "`greenlane-node restart`.",
        )
    planned = _configured(layout, node, "Identity", "PeerID")
    if peer != planned:
        words = f"{peer} answers at {node.rpc_url}, and not {planned}, whose place that is."
        return _bad(name, words, "Stop what else listens there, or give one of the two another port.")
    return _good(name, f"{peer} takes our token at {node.rpc_url}.")


def _documents_peers(node: MachineNode) -> Look:
    name = f"{node.name} has peers"
    try:
        count = node.peers()
    except GreenlaneError as error:
        return _not_seen(name, error)
    if count:
        return _good(name, f"{count}.")
    return _bad(
        name,
        "It has none.",
        "Where the others' run: open the swarm's port in the firewalls, and compare swarm.key with another center's.",
    )


def _configured(layout: NetworkLayout, node: MachineNode, *place: str) -> Any:
    """A value of the node's configuration, which was read before; None where it has none there."""
    value = json.loads((layout.kubo(node.name) / "config").read_bytes())
    for name in place:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _disk(directory: Path) -> Look:
    name = "disk is free"
    usage = shutil.disk_usage(directory)
    words = f"{usage.free / 2**30:.1f} GiB of {usage.total / 2**30:.1f} are free."
    if usage.free < LEAST_FREE_BYTES or usage.free < usage.total * LEAST_FREE_SHARE:
        return _bad(name, words, "Make room before the nodes stop: a full disk damages their databases.")
    return _good(name, words)


def _good(name: str, words: str) -> Look:
    return Look(name=name, finding=Finding.GOOD, words=words)


def _bad(name: str, words: str, remedy: str) -> Look:
    return Look(name=name, finding=Finding.BAD, words=words, remedy=remedy)


def _unchecked(name: str, words: str, remedy: str) -> Look:
    return Look(name=name, finding=Finding.NOT_CHECKED, words=words, remedy=remedy)


def _not_seen(name: str, fault: GreenlaneError) -> Look:
    place = f"{fault.where}: " if fault.where else ""
    return _unchecked(name, f"{place}{fault.detail}", fault.remedy or _NODES_FIRST)
