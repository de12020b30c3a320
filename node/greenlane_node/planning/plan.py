"""The network as all its centers agree on it: one value, out of which every file of every node is made.

Everything in it is public and the same for all centers, and what is made of it is a function of it alone: so every center that
reads the same network.toml writes the same genesis, byte for byte, and knows its hash before any node has run.
`plan_file.py` reads and writes the file, and names all its faults at once.
"""

import ipaddress
from dataclasses import dataclass
from enum import StrEnum

from greenlane.core.assets.places import AssetContracts
from greenlane.core.crypto import keccak256
from greenlane.core.errors import InvalidInput
from greenlane.core.seals import ValidatorMode
from greenlane.core.units import Address, CenterId, ChainId
from greenlane.core.wire import shown

NODE_KEY_BYTES = 64
"""Of a node's public key: x and y of its secp256k1 point, without a prefix."""
PILOT_REGISTRY = Address(bytes.fromhex("0000000000000000000000000000000000007001"))
ANCHOR_LOG = Address(bytes.fromhex("0000000000000000000000000000000000007002"))
EVIDENCE_REGISTER = Address(bytes.fromhex("0000000000000000000000000000000000007003"))
GREEN_ASSET = Address(bytes.fromhex("0000000000000000000000000000000000007004"))
"""Where the contracts stand from block 0 on, on every network that is made of a plan; the last two where the plan has them."""
_BROADCAST = ipaddress.IPv4Address("255.255.255.255")


def peer_host(text: str) -> str:
    """Reads where peers reach a node: an IP address in its one spelling; Besu starts with no other, and compares them as text.

    Raises:
        InvalidInput: a name, another spelling, or an address that is no single node's.

    Source: RFC 5952, section 4.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise InvalidInput(
            f"{shown(text)} is no IP address.", remedy="Besu and its allowlists take addresses only: write the one peers reach."
        ) from error
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            raise InvalidInput(f"{shown(text)} is an address that no peer can reach.", remedy="Write the one that peers reach.")
        if address.ipv4_mapped is not None:
            raise InvalidInput(f"{shown(text)} has a shorter spelling.", remedy=f"Write {address.ipv4_mapped}.")
    if address.is_unspecified or address.is_multicast or address == _BROADCAST:
        raise InvalidInput(f"{shown(text)} is an address that no peer can reach.", remedy="Write the one that peers reach.")
    if str(address) != text:
        raise InvalidInput(f"{shown(text)} has a shorter spelling.", remedy=f"Write {address}.")
    return text


class NodeRole(StrEnum):
    """What a center's Besu node does: seal blocks, or answer whoever asks."""

    VALIDATOR = "validator"
    RPC = "rpc"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedNode:
    """One Besu node.

    Attributes:
        center: whose it is.
        role: what it does.
        public_key: NODE_KEY_BYTES; in an enode URL its hex is the node's id.
        host: IP address that peers reach it at.
        p2p_port: for peers, TCP and UDP.
        rpc_port: JSON-RPC over HTTP; of a validator for its own center only.
        metrics_port: for Prometheus.
    """

    center: CenterId
    role: NodeRole
    public_key: bytes
    host: str
    p2p_port: int
    rpc_port: int
    metrics_port: int

    @property
    def name(self) -> str:
        """Of its folder, process and service: `validator-lima`, `rpc-lima`."""
        return f"{self.role.value}-{self.center}"

    @property
    def address(self) -> Address:
        """The account of its key; a validator seals with it."""
        return Address(keccak256(self.public_key)[-20:])

    @property
    def enode(self) -> str:
        """Its enode URL; source: Ethereum devp2p, enode URL format."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"enode://{self.public_key.hex()}@{host}:{self.p2p_port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDocuments:
    """A center's Kubo node in the private swarm.

    Attributes:
        peer_id: of its Ed25519 key, as libp2p writes it (`12D3KooW…`).
        host: IP address that peers reach it at.
        swarm_port: for peers, TCP.
        rpc_port: its RPC; loopback only, behind a token.
    """

    center: CenterId
    peer_id: str
    host: str
    swarm_port: int
    rpc_port: int

    @property
    def name(self) -> str:
        """Of its folder, process and service: `documents-lima`."""
        return f"documents-{self.center}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCenter:
    """A founding center.

    Attributes:
        economy: ISO 3166-1 alpha-2.
        origin: of its log (C2SP).
        endpoint: URL of its API; empty where it has none yet.
        operator, anchorer: accounts; its validator's account follows from its node's key.
        log_key: Ed25519 public key, 32 bytes.
        validator: its node that seals.
        rpc_node: its node that answers; None where the validator answers its own center.
        documents: its Kubo node; None where it has none.
    """

    id: CenterId
    name: str
    economy: str
    origin: str
    endpoint: str
    operator: Address
    anchorer: Address
    log_key: bytes
    validator: PlannedNode
    rpc_node: PlannedNode | None
    documents: PlannedDocuments | None

    def nodes(self) -> tuple[PlannedNode, ...]:
        """Its Besu nodes, the validator first."""
        return (self.validator,) if self.rpc_node is None else (self.validator, self.rpc_node)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPlan:
    """One network.

    Attributes:
        name: lower case letters, digits and hyphens; of containers and dashboards.
        chain_id: EIP-155; not one of a known public chain.
        genesis_time: of block 0, and where the founders' terms begin; unix seconds.
        block_time_s: at least 1; 2 in production.
        request_timeout_s: until a round is given up; more than the block time, about twice.
        gas_limit: of a block, 16 to 60 million: a full block ends the selection of transactions in time.
        validator_mode: where the validator set lies; chosen here and never changed.
        is_production: at least four centers at every moment.
        minimum_centers: the registry never falls below it.
        term_length_s: of a center; 0 is open.
        voting_period_s: during which a proposal can be voted on.
        has_green_assets: whether its genesis holds the contracts of green assets; not where it was founded before there were any.
        centers: the founders, at least one.
    """

    name: str
    chain_id: ChainId
    genesis_time: int
    block_time_s: int
    request_timeout_s: int
    gas_limit: int
    validator_mode: ValidatorMode
    is_production: bool
    minimum_centers: int
    term_length_s: int
    voting_period_s: int
    has_green_assets: bool
    centers: tuple[PlannedCenter, ...]

    def assets(self) -> AssetContracts | None:
        """Where its contracts of green assets stand; None where it has none."""
        return AssetContracts(green_asset=GREEN_ASSET, evidence_register=EVIDENCE_REGISTER) if self.has_green_assets else None

    def nodes(self) -> tuple[PlannedNode, ...]:
        """Every Besu node, in the order of the centers."""
        return tuple(node for center in self.centers for node in center.nodes())

    def documents(self) -> tuple[PlannedDocuments, ...]:
        """Every Kubo node, in the order of the centers."""
        return tuple(center.documents for center in self.centers if center.documents is not None)
