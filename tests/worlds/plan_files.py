"""Networks as a file may say them: every key is sound, and follows from the center's number and what it is for."""

from greenlane.core.crypto import ed25519_public_key, keccak256, secp256k1_public_key
from greenlane.core.seals import ValidatorMode
from greenlane.core.units import Address, ChainId, center_id
from greenlane_node.peer_identity import peer_id
from greenlane_node.planning.plan import NetworkPlan, NodeRole, PlannedCenter, PlannedDocuments, PlannedNode

BEGINS = 1_800_000_000
DAY_S = 24 * 3_600


def secret(number: int, purpose: str) -> bytes:
    """32 bytes that are a private key on every curve, for all that is known."""
    return keccak256(f"{purpose} of center {number}".encode())


def sound_node(number: int, role: NodeRole, *, host: str, first_port: int) -> PlannedNode:
    return PlannedNode(
        center=center_id(f"center-{number}"),
        role=role,
        public_key=secp256k1_public_key(secret(number, role.value)),
        host=host,
        p2p_port=first_port,
        rpc_port=first_port + 1,
        metrics_port=first_port + 2,
    )


def sound_center(number: int, *, host: str | None = None, rpc_node: bool = False, documents: bool = False) -> PlannedCenter:
    """A center at an address of its own, with ports as the programs have them, or at a given one with ports of its own."""
    id_ = center_id(f"center-{number}")
    first_port = 30_303 if host is None else 20_000 + 10 * number
    host = f"10.0.0.{number + 1}" if host is None else host
    return PlannedCenter(
        id=id_,
        name=f"Pilot Center {number}",
        economy=("CN", "PE", "VN", "CL", "TW", "HK")[number % 6],
        origin=f"{id_}.example/log",
        endpoint=f"https://{id_}.example" if number % 2 else "",
        operator=Address(secret(number, "operator")[:20]),
        anchorer=Address(secret(number, "anchorer")[:20]),
        log_key=ed25519_public_key(secret(number, "log")),
        validator=sound_node(number, NodeRole.VALIDATOR, host=host, first_port=first_port),
        rpc_node=sound_node(number, NodeRole.RPC, host=host, first_port=first_port + 3) if rpc_node else None,
        documents=PlannedDocuments(
            center=id_,
            peer_id=peer_id(ed25519_public_key(secret(number, "documents"))),
            host=host,
            swarm_port=first_port + 6,
            rpc_port=first_port + 7,
        )
        if documents
        else None,
    )


def sound_plan(*centers: PlannedCenter, mode: ValidatorMode = ValidatorMode.CONTRACT) -> NetworkPlan:
    """A network of these founders; of four that bear one failure where none are given."""
    founders = centers or (
        sound_center(0, rpc_node=True, documents=True),
        sound_center(1, documents=True),
        sound_center(2),
        sound_center(3),
    )
    is_production = len(founders) >= 4
    return NetworkPlan(
        name="sound",
        chain_id=ChainId(77_001),
        genesis_time=BEGINS,
        block_time_s=2,
        request_timeout_s=4,
        gas_limit=30_000_000,
        validator_mode=mode,
        is_production=is_production,
        minimum_centers=4 if is_production else 1,
        term_length_s=365 * DAY_S,
        voting_period_s=7 * DAY_S,
        has_green_assets=True,
        centers=founders,
    )
