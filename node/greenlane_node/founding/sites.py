"""A center before it is in any network: where its operator says it is, its keys, and the file that tells the others of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from greenlane.adapters.home import Home
from greenlane.adapters.keystore import Keystore
from greenlane.core.anchoring import ADDRESS_BYTES
from greenlane.core.crypto import CURVE_SECRET_BYTES, ED25519_SEED_BYTES, ed25519_public_key, secp256k1_public_key
from greenlane.core.units import Address, CenterId

from greenlane_node.founding.home_files import AnotherPlan, HomeFiles
from greenlane_node.keys import CenterPublicKeys, center_public_keys, make_center_keys
from greenlane_node.peer_identity import peer_id
from greenlane_node.planning.plan import NodeRole, PlannedCenter, PlannedDocuments, PlannedNode
from greenlane_node.planning.plan_file import encode_center

CENTER_FILE_SUFFIX: Final = ".center.toml"
_NOBODYS_KEYS: Final = CenterPublicKeys(
    operator=Address(b"\x01" * ADDRESS_BYTES),
    anchorer=Address(b"\x02" * ADDRESS_BYTES),
    log_key=ed25519_public_key(b"\x01" * ED25519_SEED_BYTES),
    validator=secp256k1_public_key(b"\x01" * CURVE_SECRET_BYTES),
    rpc_node=secp256k1_public_key(b"\x02" * CURVE_SECRET_BYTES),
    peer_id=peer_id(ed25519_public_key(b"\x02" * ED25519_SEED_BYTES)),
)
"""Sound in form, so that what else is said of a center can be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePorts:
    """Where a Besu node is; `host` is the IP address that peers reach it at."""

    host: str
    p2p_port: int
    rpc_port: int
    metrics_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentsPorts:
    """Where a Kubo node is; `host` is the IP address that peers reach it at."""

    host: str
    swarm_port: int
    rpc_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CenterSite:
    """A center as its operator describes it, before it has keys.

    Attributes:
        economy: ISO 3166-1 alpha-2.
        origin: of its log.
        endpoint: URL of its API; empty where it has none yet.
        validator: where its node that seals is.
        rpc_node, documents: where these nodes are; None where it has none.
    """

    id: CenterId
    name: str
    economy: str
    origin: str
    endpoint: str
    validator: NodePorts
    rpc_node: NodePorts | None = None
    documents: DocumentsPorts | None = None


def found_center(home: Home, site: CenterSite, *, keystore: Keystore) -> tuple[PlannedCenter, tuple[str, ...]]:
    """Makes the keys of a center and the file that tells the others of it; both stay where they are there.

    Returns:
        The center, and the names of the keys that were made now.

    Raises:
        AnotherPlan: its center.toml is there and says something else.
        PlanInvalid: what the site says cannot stand in a plan; nothing is made.
        KeyFileInvalid, WrongPassword, WrongUse: the keystore cannot be used.
    """
    require_sound(site)
    path = center_file(home, site.id)
    made = make_center_keys(keystore, site.id, rpc_node=site.rpc_node is not None, documents=site.documents is not None)
    center = planned_center(site, center_public_keys(keystore, site.id))
    data = encode_center(center)
    if path.exists() and path.read_bytes() != data:
        raise AnotherPlan(
            f"The center {site.id} was described otherwise here.",
            where=str(path),
            remedy="Give the same answers, or remove the file, which leaves its keys, and send the new one to the others.",
        )
    HomeFiles().once(path, data)
    return center, made


def require_sound(site: CenterSite) -> None:
    """Looks at what is said of a center before any key is made: a key for one that no plan takes would only be in the way.

    Raises:
        PlanInvalid: every fault.
    """
    encode_center(planned_center(site, _NOBODYS_KEYS))


def center_file(home: Home, center: CenterId) -> Path:
    """Where the public part of a center lies."""
    return home.directory / f"{center}{CENTER_FILE_SUFFIX}"


def planned_center(site: CenterSite, keys: CenterPublicKeys) -> PlannedCenter:
    """A center for a plan, out of where it is and what is public of its keys."""
    rpc_node, documents = None, None
    if site.rpc_node is not None and keys.rpc_node is not None:
        rpc_node = _planned_node(site.id, NodeRole.RPC, keys.rpc_node, site.rpc_node)
    if site.documents is not None and keys.peer_id is not None:
        documents = PlannedDocuments(
            center=site.id,
            peer_id=keys.peer_id,
            host=site.documents.host,
            swarm_port=site.documents.swarm_port,
            rpc_port=site.documents.rpc_port,
        )
    return PlannedCenter(
        id=site.id,
        name=site.name,
        economy=site.economy,
        origin=site.origin,
        endpoint=site.endpoint,
        operator=keys.operator,
        anchorer=keys.anchorer,
        log_key=keys.log_key,
        validator=_planned_node(site.id, NodeRole.VALIDATOR, keys.validator, site.validator),
        rpc_node=rpc_node,
        documents=documents,
    )


def _planned_node(center: CenterId, role: NodeRole, public_key: bytes, ports: NodePorts) -> PlannedNode:
    return PlannedNode(
        center=center,
        role=role,
        public_key=public_key,
        host=ports.host,
        p2p_port=ports.p2p_port,
        rpc_port=ports.rpc_port,
        metrics_port=ports.metrics_port,
    )
