"""The node to believe where something is decided by the registry: proven, and the one that has seen most of the chain.

One's own node alone may be wrong without knowing it: it may still be fetching the chain, be cut off from the others, or be of
another chain. So our own nodes and those of network.json are all asked, each has to show that it is of this network, and the
highest of them counts. How old its newest block is, is told: whoever takes something away from others by what it says must not do
so by old news.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from greenlane.adapters.evm.bindings import PilotRegistry
from greenlane.adapters.evm.tokens import RpcTokenFileInvalid
from greenlane.adapters.home import Home
from greenlane.adapters.network_file import Network, load_network
from greenlane.core.errors import GreenlaneError, Unavailable
from greenlane.core.pace import standstill_s
from greenlane.core.units import BlockNumber
from greenlane.ports.ledger import LedgerMismatch

from greenlane_node.layout import NetworkLayout
from greenlane_node.nodes.chain_access import ChainAccess, prove_node, reached
from greenlane_node.nodes.node_view import NodeView, view_node
from greenlane_node.nodes.own_nodes import nodes_to_ask
from greenlane_node.nodes.rpc import NodeRefused, NodeRpc, NodeSilent
from greenlane_node.planning.plan_file import load_plan

_USUAL_BLOCK_TIME_S = 2


class ChainBehind(Unavailable):
    """Every node that answers is still fetching the chain: what the registry says there is of long ago."""

    code = "chain-behind"
    default_remedy = "Wait until it has caught up, or name a node of another center in network.json."


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshest:
    """The node that counts, and how fresh it is.

    Attributes:
        head: its newest block.
        age_s: of that block, by this machine's clock.
        is_old: older than a chain that goes on would let it be: the chain stands still, or this node is cut off from it.
        strangers: nodes that answer and are of another chain, and what showed it.
    """

    chain: ChainAccess
    head: BlockNumber
    age_s: int
    is_old: bool
    strangers: tuple[str, ...]


def freshest_chain(home: Home, *, now: Callable[[], float] = time.time) -> Freshest:
    """Asks our own nodes and those of network.json, and takes the highest that is of this network; of equals, ours.

    Raises:
        NetworkFileInvalid, NotFound, NodeConfigInvalid: the home has no network, no nodes, or damaged ones.
        NodeSilent, NodeRefused, RpcTokenFileInvalid: none can be asked; the fault is the first one's.
        LedgerMismatch: those that can be asked are all of another chain.
        ChainBehind: the highest says that it is still fetching the chain.
    """
    network = load_network(home.network_file)
    best: tuple[NodeView, ChainAccess] | None = None
    faults: list[GreenlaneError] = []
    for _, rpc in nodes_to_ask(home, network.rpc_urls):
        try:
            view, chain = _seen(home, network, rpc, now)
        except (NodeSilent, NodeRefused, LedgerMismatch, RpcTokenFileInvalid) as fault:
            faults.append(fault)
            continue
        if best is None or view.head > best[0].head:
            best = view, chain
    strangers = [one for one in faults if isinstance(one, LedgerMismatch)]
    if best is None:
        raise next((one for one in faults if not isinstance(one, NodeSilent)), faults[0])
    view, chain = best
    if view.is_syncing:
        raise ChainBehind(
            f"The highest node that answers is at block {view.head}, and still fetching the chain.", where=chain.rpc.url
        )
    is_old = view.age_s > standstill_s(block_time_s(home))
    told = tuple(f"{one.where}: {one.detail}" for one in strangers)
    return Freshest(chain=chain, head=view.head, age_s=view.age_s, is_old=is_old, strangers=told)


def block_time_s(home: Home) -> int:
    """Between two blocks, as this home's plan has it, else as is usual.

    Raises:
        PlanInvalid: network.toml is there and cannot be read.
    """
    plan = NetworkLayout(home).plan
    return load_plan(plan).block_time_s if plan.exists() else _USUAL_BLOCK_TIME_S


def _seen(home: Home, network: Network, rpc: NodeRpc, now: Callable[[], float]) -> tuple[NodeView, ChainAccess]:
    with reached(rpc.url):
        web3 = prove_node(rpc, network)
        registry = PilotRegistry(web3, network.pilot_registry)
        chain = ChainAccess(home=home, network=network, rpc=rpc, web3=web3, registry=registry)
        return view_node(rpc, None, now=now), chain
