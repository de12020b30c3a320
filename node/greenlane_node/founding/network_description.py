"""The network as its servers and verifiers know it: network.json and trust.json, out of the plan and the centers there are."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from greenlane.adapters.evm.records import CenterCandidate, CenterRecord
from greenlane.adapters.keystore import KeyUse
from greenlane.adapters.network_file import CenterKeyNames, Network, NetworkCenter, encode_network
from greenlane.core.errors import InvalidInput
from greenlane.core.note import VerifierKey
from greenlane.core.seals import Sealing, ValidatorMode, ValidatorSet
from greenlane.core.trust import LogKeyTerm, TrustedCenter, TrustFile
from greenlane.core.units import BlockNumber

from greenlane_node.besu.config import Placement
from greenlane_node.founding.genesis import candidate_of
from greenlane_node.keys import key_name
from greenlane_node.planning.plan import ANCHOR_LOG, PILOT_REGISTRY, NetworkPlan, PlannedCenter, PlannedNode

MOST_RPC_URLS: Final = 16
"""What a description of a network may name."""
_LOOPBACK = "127.0.0.1"
_NO_KEYS = CenterKeyNames(operator=None, anchorer=None, validator=None, log=None)


def trust_of(plan: NetworkPlan, genesis_hash: bytes) -> TrustFile:
    """What a verifier starts from, as the network begins."""
    begins = datetime.fromtimestamp(plan.genesis_time, UTC)
    return TrustFile(
        chain_id=plan.chain_id,
        genesis_hash=genesis_hash,
        pilot_registry=PILOT_REGISTRY,
        anchor_log=ANCHOR_LOG,
        assets=plan.assets(),
        sealing=sealing_of(plan),
        centers=tuple(
            TrustedCenter(
                id=center.id,
                name=center.name,
                economy=center.economy,
                origin=center.origin,
                log_keys=(
                    LogKeyTerm(
                        key=VerifierKey(name=center.origin, public_key=center.log_key), valid_from=begins, valid_until=None
                    ),
                ),
            )
            for center in plan.centers
        ),
    )


def sealing_of(plan: NetworkPlan) -> Sealing:
    """Who seals from the first block on, in the order in which the chain names them: the registry's, or that of headers."""
    validators = [center.validator.address for center in plan.centers]
    if plan.validator_mode is ValidatorMode.HEADER:
        validators.sort()
    return Sealing(mode=plan.validator_mode, sets=(ValidatorSet(seals_from=BlockNumber(1), validators=tuple(validators)),))


def network_of(plan: NetworkPlan, genesis_hash: bytes, own: Sequence[PlannedCenter], placement: Placement) -> Network:
    """The network as the servers of some of its founders know it.

    Args:
        own: the founders that are served; at least one.
    """
    served = {center.id for center in own}
    others = [candidate_of(center) for center in plan.centers if center.id not in served]
    network = joined_network(plan, genesis_hash, own, others, rpc_urls(own, placement))
    order = [center.id for center in plan.centers]
    return replace(network, centers=tuple(sorted(network.centers, key=lambda one: order.index(one.id))))


def joined_network(
    plan: NetworkPlan,
    genesis_hash: bytes,
    own: Sequence[PlannedCenter],
    others: Iterable[CenterCandidate | CenterRecord],
    urls: Sequence[str],
) -> Network:
    """The network as the servers of some centers know it, whether they founded it or come later.

    Args:
        own: the centers that are served; at least one.
        others: all other centers.
        urls: nodes to ask, in this order.
    """
    served = {center.id for center in own}
    network = Network(
        chain_id=plan.chain_id,
        genesis_hash=genesis_hash,
        sealing=sealing_of(plan),
        rpc_urls=tuple(urls),
        pilot_registry=PILOT_REGISTRY,
        anchor_log=ANCHOR_LOG,
        assets=plan.assets(),
        # They stand in the genesis.
        deploy_block=BlockNumber(0),
        centers=tuple(replace(_described(candidate_of(center)), keys=_key_names(center)) for center in own),
        hosted=tuple(center.id for center in own),
    )
    return replace(network, centers=(*_usable(network, (one for one in others if one.id not in served)), *network.centers))


def rpc_urls(own: Sequence[PlannedCenter], placement: Placement) -> tuple[str, ...]:
    """Which nodes the servers of some centers ask: their RPC nodes first, then their validators; at most MOST_RPC_URLS."""
    nodes = [center.rpc_node for center in own if center.rpc_node is not None]
    nodes += [center.validator for center in own]
    return tuple(rpc_url(node, placement) for node in nodes[:MOST_RPC_URLS])


def rpc_url(node: PlannedNode, placement: Placement) -> str:
    """Where a node answers those who are beside it."""
    host = node.host if placement.is_contained else _LOOPBACK
    return f"http://{f'[{host}]' if ':' in host else host}:{node.rpc_port}"


def _usable(network: Network, centers: Iterable[CenterCandidate | CenterRecord]) -> Iterator[NetworkCenter]:
    """The centers as the description can hold them. What one of them wrote is no reason to keep another out."""
    for center in centers:
        # Without a log key or an origin that is one there is nothing to describe.
        with suppress(InvalidInput):
            yield from _held(network, _described(center))


def _held(network: Network, center: NetworkCenter) -> Iterator[NetworkCenter]:
    """The center, or what can be written of it, or nothing."""
    unmet = replace(center, endpoint=None)
    for held in (center, unmet, replace(unmet, name=center.id)):
        try:
            # The one judge of what a description may hold is its own reader.
            encode_network(replace(network, centers=(*network.centers, held)))
        except InvalidInput:
            continue
        yield held
        return


def _described(center: CenterCandidate | CenterRecord) -> NetworkCenter:
    return NetworkCenter(
        id=center.id,
        name=center.name,
        economy=center.economy,
        origin=center.origin,
        endpoint=center.endpoint or None,
        operator=center.operator,
        anchorer=center.anchorer,
        validator=center.validator,
        log_key=VerifierKey(name=center.origin, public_key=center.log_key),
        keys=_NO_KEYS,
    )


def _key_names(center: PlannedCenter) -> CenterKeyNames:
    return CenterKeyNames(
        operator=key_name(center.id, KeyUse.OPERATOR),
        anchorer=key_name(center.id, KeyUse.ANCHORER),
        validator=key_name(center.id, KeyUse.VALIDATOR),
        log=key_name(center.id, KeyUse.LOG),
    )
