"""The chain as a command of one home folder asks it: one node that answers, proven to be of this home's network.

A node is believed only after it has shown the chain id, the hash of block 0 and the contracts that network.json names. Everything
is read at the block `latest`, which is final on the chains of this project. What a node's silence does to a call deep inside a
binding becomes one fault here: commands wrap their work in `reached`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import requests
from greenlane.adapters.evm.bindings import PilotRegistry, UnixSeconds
from greenlane.adapters.evm.standing import check_contracts
from greenlane.adapters.evm.trust import read_trust
from greenlane.adapters.home import Home
from greenlane.adapters.keystore import SCRYPT_N_STRONG, Keystore, replace_file
from greenlane.adapters.network_file import Network, NetworkCenter, load_network
from greenlane.core.errors import InvalidInput, NotFound
from greenlane.core.trust import encode_trust_file, parse_trust_file
from greenlane.core.units import BlockNumber, CenterId
from greenlane.core.wire import encode_hex
from greenlane.ports.ledger import LedgerMismatch
from web3 import Web3
from web3.exceptions import Web3Exception

from greenlane_node.nodes.own_nodes import own_nodes
from greenlane_node.nodes.rpc import NodeRefused, NodeRpc, NodeSilent

_MOST_SHOWN = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainAccess:
    """One proven node of a home's network.

    Attributes:
        network: as network.json has it.
        rpc: the node that answered.
    """

    home: Home
    network: Network
    rpc: NodeRpc
    web3: Web3
    registry: PilotRegistry

    def now(self) -> UnixSeconds:
        """The time of the newest block: what the contracts compare terms and votes with."""
        return UnixSeconds(self.web3.eth.get_block("latest")["timestamp"])


def open_chain(home: Home, urls: Sequence[str] = (), token_file: Path | None = None) -> ChainAccess:
    """The first node that answers, after it has shown that it is of this home's network.

    Args:
        urls: nodes to ask instead of those that network.json names.
        token_file: opens the node's RPC; None: of a node of this home its own token, else none.

    Raises:
        NetworkFileInvalid: the home has no network.json, or a damaged one.
        NodeSilent: none answers.
        NodeRefused: none answers us, and one at least wants a token, or another one; or a node refuses a question as such.
        LedgerMismatch: a node that answers is of another chain.
    """
    network = load_network(home.network_file)
    own = _own_tokens(home) if token_file is None else {}
    faults: list[NodeSilent | NodeRefused] = []
    for url in urls or network.rpc_urls:
        rpc = NodeRpc(url, token_file=own.get(url, token_file))
        try:
            web3 = prove_node(rpc, network)
        except (NodeSilent, NodeRefused) as met:
            faults.append(passed_over(met))
            continue
        return ChainAccess(home=home, network=network, rpc=rpc, web3=web3, registry=PilotRegistry(web3, network.pilot_registry))
    raise none_answers(faults)


def passed_over(met: NodeSilent | NodeRefused) -> NodeSilent | NodeRefused:
    """A fault of one node after which the next one is asked: it is away, or does not let us in.

    Raises:
        NodeRefused: it let us ask, and refuses the question; another would too.
    """
    if isinstance(met, NodeRefused) and met.number is not None:
        raise met
    return met


def none_answers(faults: Sequence[NodeSilent | NodeRefused]) -> NodeSilent | NodeRefused:
    """One fault of all that were met; a refusal if there is one, for that is mended by a token."""
    if not faults:
        return NodeSilent("There is no node to ask.", remedy="Name one: --rpc URL.")
    first = next((one for one in faults if isinstance(one, NodeRefused)), faults[-1])
    if len(faults) == 1:
        return first
    each = "; ".join(f"{one.where}: {one.detail}" for one in faults)
    return type(first)(f"None of {len(faults)} nodes can be asked. {each}", where=first.where, remedy=first.remedy)


def prove_node(rpc: NodeRpc, network: Network) -> Web3:
    """The node for the bindings, if it is one of the network.

    Raises:
        NodeSilent, NodeRefused: it cannot be asked.
        LedgerMismatch: it is of another chain, or has not the contracts.
    """
    chain_id = rpc.call("eth_chainId")
    if chain_id != hex(network.chain_id):
        raise LedgerMismatch(
            f"The node is of the chain {_counted(chain_id)}, not {network.chain_id}.",
            where=rpc.url,
            remedy="Name a node of this network, in network.json or with --rpc.",
        )
    first = rpc.call("eth_getBlockByNumber", "0x0", False)
    if not isinstance(first, dict):
        raise NodeSilent("The node has no block 0 yet: it is still starting.", where=rpc.url)
    if first.get("hash") != encode_hex(network.genesis_hash):
        raise LedgerMismatch(
            f"The node's chain begins with the block {_shown(first.get('hash'))}, and this network with "
            f"{encode_hex(network.genesis_hash)}.",
            where=rpc.url,
            remedy="Name a node of this network, in network.json or with --rpc.",
        )
    web3 = rpc.web3()
    # It would ask for the chain id before every call; that is asked above.
    web3.middleware_onion.remove("validation")
    try:
        check_contracts(web3, network.pilot_registry, network.anchor_log, network.assets)
    except LedgerMismatch as fault:
        raise LedgerMismatch(fault.detail, where=rpc.url, remedy=fault.remedy) from fault
    return web3


@contextmanager
def reached(url: str | None = None) -> Iterator[None]:
    """Makes one fault of every way in which a node can fail in the middle of a question.

    Raises:
        NodeSilent: the node went away, or answers with what nobody expects.
    """
    try:
        yield
    except (requests.RequestException, ConnectionError) as error:
        raise NodeSilent(f"The node does not answer: {type(error).__name__}.", where=url) from error
    except Web3Exception as error:
        raise NodeSilent(f"The node answers with an error: {str(error)[:200]}", where=url) from error


def refresh_trust(chain: ChainAccess) -> None:
    """Writes trust.json anew from the registry, with as much of the validator sets as was known here.

    Raises:
        LedgerMismatch: what the registry holds makes no trust file.
    """
    sealing = chain.network.sealing
    with suppress(OSError, InvalidInput):
        known = parse_trust_file(chain.home.trust_file.read_bytes())
        # It may have followed changes of the set that network.json, written once, does not know of.
        if known.genesis_hash == chain.network.genesis_hash and known.sealing is not None:
            sealing = known.sealing
    trust = read_trust(
        chain.registry,
        chain_id=chain.network.chain_id,
        genesis_hash=chain.network.genesis_hash,
        anchor_log=chain.network.anchor_log,
        assets=chain.network.assets,
        sealing=sealing,
        block=BlockNumber(chain.web3.eth.block_number),
    )
    replace_file(chain.home.trust_file, encode_trust_file(trust))


def keystore_of(home: Home, password_file: Path | None = None, *, scrypt_n: int = SCRYPT_N_STRONG) -> Keystore:
    """The keys of a home folder.

    Args:
        password_file: what opens them; None: the home's own.
        scrypt_n: cost of keys made from now on.
    """
    return Keystore(home.keys, password_file or home.password_file, scrypt_n=scrypt_n)


def centers_with_keys_here(network: Network) -> tuple[NetworkCenter, ...]:
    """The centers of which this home keeps any key, in the order of network.json."""
    return tuple(
        one for one in network.centers if {one.keys.operator, one.keys.anchorer, one.keys.validator, one.keys.log} != {None}
    )


def chosen_center(network: Network, center: CenterId | None) -> NetworkCenter:
    """The center a command acts for: the one named, or the only one whose keys this home keeps.

    Raises:
        NotFound: the home keeps no keys of it, of none, or of several where none is named.
    """
    own = centers_with_keys_here(network)
    for one in own:
        if center is None and len(own) == 1:
            return one
        if one.id == center:
            return one
    kept = ", ".join(one.id for one in own) or "none"
    if center is None:
        raise NotFound(f"This home keeps the keys of several centers, or of none: {kept}.", remedy="Name one: --center ID.")
    raise NotFound(f"This home keeps no keys of the center {center!r}.", remedy=f"It keeps those of: {kept}.")


def _own_tokens(home: Home) -> dict[str, Path | None]:
    try:
        return {node.rpc_url: node.token_file for node in own_nodes(home)}
    except NotFound:
        return {}


def _counted(value: object) -> str:
    """A number of JSON-RPC as people write it, and whatever else came as it came."""
    try:
        return str(int(value, 16)) if isinstance(value, str) and len(value) <= _MOST_SHOWN else _shown(value)
    except ValueError:
        return _shown(value)


def _shown(value: object) -> str:
    return str(value)[:_MOST_SHOWN]
