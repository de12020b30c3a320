"""What one node says of itself and of the chain's newest block, for people: whatever it does not tell stays unknown.

Who seals the next block: in the mode CONTRACT the registry's set at the newest block, and the newest block itself was sealed by
the registry's set one block before; in the mode HEADER the newest header names the set. Nobody seals an embedded chain.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from greenlane.adapters.evm.bindings import PilotRegistry
from greenlane.core.canonical import JsonValue
from greenlane.core.errors import InvalidInput
from greenlane.core.header import Header, header_from_rpc
from greenlane.core.sealing import signers
from greenlane.core.seals import Sealing, ValidatorMode
from greenlane.core.units import Address, BlockNumber

from greenlane_node.nodes.chain_access import ChainAccess
from greenlane_node.nodes.rpc import NodeRefused, NodeRpc, NodeSilent

BLOCKS_OF_EACH: Final = 3
MOST_LOOKED_BACK: Final = 64
"""Blocks that are searched for seals: BLOCKS_OF_EACH for each validator, up to this many. A block bears the seals of a quorum
and not of all, so one that runs may be missing from some of them, and is from all of them only by rare chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeView:
    """One node now.

    Attributes:
        head: its newest block.
        age_s: seconds since that block's time by this machine's clock; below 0 where the clocks differ.
        round: in which the validators agreed on it, from 0; None where nobody seals, or the header cannot be read.
        peers: None where the node does not say.
        is_syncing: None where it does not say.
    """

    url: str
    head: BlockNumber
    age_s: int
    round: int | None
    peers: int | None
    is_syncing: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SealingSets:
    """Who seals around the newest block; `sealed_head` is None where nobody seals, or the node no longer knows."""

    head: BlockNumber
    sealed_head: tuple[Address, ...] | None
    seals_next: tuple[Address, ...]


def view_node(rpc: NodeRpc, sealing: Sealing | None, *, now: Callable[[], float] = time.time) -> NodeView:
    """Asks a node for its view.

    Raises:
        NodeSilent, NodeRefused: it does not tell even its newest block.
    """
    block = newest_block(rpc)
    syncing = _asked(rpc, "eth_syncing")
    header = None if sealing is None else _header(block)
    return NodeView(
        url=rpc.url,
        head=BlockNumber(_number(block.get("number"), rpc)),
        age_s=int(now()) - _number(block.get("timestamp"), rpc),
        round=None if header is None else header.extra.round,
        peers=_count(_asked(rpc, "net_peerCount")),
        is_syncing=None if syncing is None else syncing is not False,
    )


def sealing_sets(chain: ChainAccess) -> SealingSets:
    """Who seals the newest block and the next one.

    Raises:
        NodeSilent, NodeRefused: the node does not tell.
    """
    sealing = chain.network.sealing
    block = newest_block(chain.rpc)
    head = BlockNumber(_number(block.get("number"), chain.rpc))
    if sealing is not None and sealing.mode is ValidatorMode.HEADER:
        header = _header(block)
        if header is None:
            raise NodeSilent("The node's newest header cannot be read.", where=chain.rpc.url)
        return SealingSets(head=head, sealed_head=header.extra.validators, seals_next=header.extra.validators)
    registry = PilotRegistry(chain.web3, chain.network.pilot_registry)
    return SealingSets(
        head=head,
        sealed_head=None if sealing is None or head == 0 else registry.validators(BlockNumber(head - 1)),
        seals_next=registry.validators(head),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LastSeals:
    """The newest block that each validator's seal is found in, among the newest ones.

    Attributes:
        first: the oldest block that was looked at.
        blocks: a validator without a seal in them is not there.
    """

    first: BlockNumber
    blocks: Mapping[Address, BlockNumber]


def last_seals(rpc: NodeRpc, head: BlockNumber, validators: Sequence[Address]) -> LastSeals:
    """Looks from a block backwards until each validator's seal is found, or no block is left to look at.

    Args:
        head: where to begin.
        validators: whose seals are looked for; BLOCKS_OF_EACH blocks for each, up to MOST_LOOKED_BACK.

    Raises:
        NodeSilent, NodeRefused: the node does not tell its blocks.
    """
    # Block 0 is nobody's: it bears no seal.
    first = BlockNumber(max(1, head - min(BLOCKS_OF_EACH * len(validators), MOST_LOOKED_BACK) + 1))
    found: dict[Address, BlockNumber] = {}
    for height in range(head, first - 1, -1):
        block = rpc.call("eth_getBlockByNumber", hex(height), False)
        if isinstance(block, dict):
            with suppress(InvalidInput):
                for one in signers(header_from_rpc(block)):
                    found.setdefault(one, BlockNumber(height))
        if all(one in found for one in validators):
            break
    return LastSeals(first=first, blocks=found)


def newest_block(rpc: NodeRpc) -> dict[str, JsonValue]:
    """A node's newest block, without its transactions' contents.

    Raises:
        NodeSilent, NodeRefused: it does not tell.
    """
    block = rpc.call("eth_getBlockByNumber", "latest", False)
    if not isinstance(block, dict):
        raise NodeSilent("The node has no block yet: it is still starting.", where=rpc.url)
    return block


def _header(block: dict[str, JsonValue]) -> Header | None:
    try:
        return header_from_rpc(block)
    except InvalidInput:
        return None


def _asked(rpc: NodeRpc, method: str) -> JsonValue:
    """An answer that is worth having and no more; None where the node refuses."""
    try:
        return rpc.call(method)
    except NodeRefused:
        return None


def _number(value: JsonValue, rpc: NodeRpc) -> int:
    number = _count(value)
    if number is None:
        raise NodeSilent("The node's newest block cannot be read.", where=rpc.url)
    return number


def _count(value: JsonValue) -> int | None:
    try:
        return int(value, 16) if isinstance(value, str) else None
    except ValueError:
        return None
