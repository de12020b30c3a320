"""Networks as plans, made up: every key and address of a center follows from its number and what it is for."""

from greenlane.core.crypto import keccak256
from greenlane.core.seals import ValidatorMode
from greenlane.core.units import Address, ChainId, center_id
from greenlane_node.planning.plan import NetworkPlan, NodeRole, PlannedCenter, PlannedNode

GENESIS_TIME = 1_800_000_000


def made_up(number: int, purpose: str) -> bytes:
    """32 bytes that belong to center `number` for a purpose, e.g. "operator"."""
    return keccak256(f"{purpose} {number}".encode())


def planned_center(number: int, *, name: str = "Pilot Center", origin: str | None = None, endpoint: str = "") -> PlannedCenter:
    key = center_id(f"center-{number}")
    return PlannedCenter(
        id=key,
        name=f"{name} {number}",
        economy=("CN", "PE", "VN", "CL")[number % 4],
        origin=f"{key}.example/log" if origin is None else origin,
        endpoint=endpoint,
        operator=Address(made_up(number, "operator")[:20]),
        anchorer=Address(made_up(number, "anchorer")[:20]),
        log_key=made_up(number, "log key"),
        validator=PlannedNode(
            center=key,
            role=NodeRole.VALIDATOR,
            public_key=made_up(number, "x") + made_up(number, "y"),
            host=f"10.0.0.{number + 1}",
            p2p_port=30303,
            rpc_port=8545,
            metrics_port=9545,
        ),
        rpc_node=None,
        documents=None,
    )


def planned_network(
    *centers: PlannedCenter,
    mode: ValidatorMode = ValidatorMode.CONTRACT,
    minimum_centers: int | None = None,
    term_length_s: int = 365 * 24 * 3600,
) -> NetworkPlan:
    """A network of these founders, of which four must remain, or all where they are fewer."""
    return NetworkPlan(
        name="made-up",
        chain_id=ChainId(20262),
        genesis_time=GENESIS_TIME,
        block_time_s=2,
        request_timeout_s=4,
        gas_limit=30_000_000,
        validator_mode=mode,
        is_production=len(centers) >= 4,
        minimum_centers=min(4, len(centers)) if minimum_centers is None else minimum_centers,
        term_length_s=term_length_s,
        voting_period_s=7 * 24 * 3600,
        has_green_assets=True,
        centers=centers,
    )


def network_of(count: int, mode: ValidatorMode = ValidatorMode.CONTRACT) -> NetworkPlan:
    """A network of so many plain centers."""
    return planned_network(*(planned_center(number) for number in range(count)), mode=mode)
