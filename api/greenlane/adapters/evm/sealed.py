"""Sealed blocks and parts of their state, as a node tells them: what a sealed receipt is made of.

Nothing is judged here, since core/sealing.py judges it all again; only what is no header, or has not the hash that the node says,
is refused at once. A proof is asked for at the very block whose header was read, and a node keeps old states only where it is set
up to (Besu's FOREST does, BONSAI for 512 blocks): where it has the block and not its state, that is said, with what to do.

Changes of the validator set are found by the registry's events where a contract names the set. Where headers name it, every
header is looked at: votes may add a validator and drop it again, so two blocks with one set say nothing of those between.
Source: Ethereum JSON-RPC (eth_getProof: EIP-1186); Besu, --rpc-max-logs-range, --rpc-http-max-batch-size.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from web3 import Web3

from greenlane.adapters.evm.nodes import Head, is_shown
from greenlane.adapters.evm.records import UnixSeconds
from greenlane.adapters.evm.trust import utc
from greenlane.adapters.evm.wire import NodeFault, ask_many_raw, ask_raw
from greenlane.core.anchoring import anchored_root_slot
from greenlane.core.assets.chain_places import retirement_slot
from greenlane.core.canonical import JsonValue
from greenlane.core.crypto import keccak256
from greenlane.core.errors import GreenlaneError, InvalidInput, NotFound
from greenlane.core.header import Header, decode_extra, header_from_rpc
from greenlane.core.sealing import set_slots
from greenlane.core.seals import MAX_SET_CHANGES, MAX_VALIDATORS, SealedState, Sealing
from greenlane.core.state_proof import Witness, collect_witness
from greenlane.core.units import Address, BlockNumber, CenterId, TreeSize
from greenlane.core.wire import decode_hex, encode_hex, shown
from greenlane.ports.ledger import LedgerMismatch, LedgerUnavailable, SetChanges

_SET_CHANGED: Final = keccak256(b"ValidatorSetChanged(address,address,uint256)")
LOG_BLOCKS: Final = 5_000
"""Besu answers for this many blocks at most unless it is told otherwise (--rpc-max-logs-range)."""
_LOG_WINDOWS: Final = 20
_HEADERS_AT_ONCE: Final = 256
WALKED_BLOCKS: Final = 2_048
"""Headers that one look for changes reads, where headers name the set."""
_WORD_BYTES: Final = 32
_STATE_GONE: Final = ("world state", "block not found", "missing trie node", "out of range", "pruned", "not available")
_KEEP_STATES: Final = (
    "Ask a node that keeps old states (data-storage-format FOREST, as greenlane-node sets nodes up): name it in network.json or "
    "GREENLANE_RPC_URLS."
)


def head_time(head: Head) -> datetime:
    """When the newest block was made, aware."""
    return utc(UnixSeconds(head.timestamp))


def head_round(head: Head) -> int:
    """In which round the newest block was agreed on, from 0.

    Raises:
        LedgerMismatch: it is no block of QBFT, or has not the hash that the node says.
    """
    return _header(head.block, head.node).extra.round


def read_sealed_anchor(web3: Web3, anchor_log: Address, center: CenterId, tree_size: TreeSize) -> SealedState:
    """The newest block, with a witness of the slot that holds an anchored root.

    Raises:
        NotFound: nothing is anchored there in that block.
        LedgerMismatch: what the node tells is no block of QBFT.
        LedgerUnavailable: the node has no state for the block.
    """
    slot = anchored_root_slot(center, tree_size)
    return _newest_state(web3, anchor_log, slot, f"root of {center!r} at tree size {tree_size}")


def read_sealed_retirement(web3: Web3, green_asset: Address, retirement_id: bytes) -> SealedState:
    """The newest block, with a witness of the slot that holds the digest of a retirement.

    Raises:
        NotFound: nothing is retired under that id in that block.
        LedgerMismatch: what the node tells is no block of QBFT.
        LedgerUnavailable: the node has no state for the block.
    """
    return _newest_state(web3, green_asset, retirement_slot(retirement_id), f"retirement {encode_hex(retirement_id)}")


def read_used_nonces(web3: Web3, account: Address, sealing: Sealing, *, least: int) -> int | None:
    """How many transactions of an account the chain has, by a block that its validators sealed and by the state after it.

    Args:
        sealing: what is known of the validators.
        least: a block below this one is too old.

    Returns:
        None where the node does not show it.
    """
    try:
        header = _newest_header(web3)
        if header.number < least or not is_shown(header, sealing):
            return None
        _, nodes = _proof(web3, account, (), header.number)
        witness = Witness(nodes)
        found = witness.account(header.state_root, account)
    except (NodeFault, GreenlaneError):
        return None
    return 0 if found is None else found.nonce


def read_registry_changes(web3: Web3, registry: Address, after: BlockNumber) -> SetChanges:
    """Blocks in which the registry's list of validators changed, each with a witness of the list after it, as those between.

    Args:
        after: the first block looked at follows this one. One look reaches 100,000 blocks and MAX_SET_CHANGES changes.

    Raises:
        LedgerMismatch: what the node tells is no block of QBFT, or no list of validators.
        LedgerUnavailable: the node has not the state of the first change that it tells of.
    """
    head = _number(ask_raw(web3, "eth_blockNumber"))
    changes: dict[int, SealedState] = {}
    between: dict[int, SealedState] = {}

    def to(number: int) -> SetChanges:
        if number > after and number not in changes and number not in between:
            between[number] = _registry_state(web3, registry, number)
        return SetChanges(changes=tuple(changes.values()), between=tuple(between.values()), looked_to=BlockNumber(number))

    looked_to = after
    for _ in range(_LOG_WINDOWS):
        if looked_to >= head:
            break
        last = BlockNumber(min(looked_to + LOG_BLOCKS, head))
        for number in _changed_blocks(web3, registry, looked_to + 1, last):
            if len(changes) == MAX_SET_CHANGES:
                return to(number - 1)
            try:
                if number > 1 and number - 1 not in changes:
                    between[number - 1] = _registry_state(web3, registry, number - 1)
                changes[number] = _registry_state(web3, registry, number)
            except LedgerUnavailable:
                if not changes:
                    raise
                # Those before it are worth keeping; the next look begins here and says what is wrong.
                return to(number - 1 if number - 1 in between else max(changes))
        looked_to = last
    return to(looked_to)


def read_header_changes(web3: Web3, after: BlockNumber) -> SetChanges:
    """Blocks whose headers name another set of validators than the block before.

    Args:
        after: the first block looked at follows this one. One look reads WALKED_BLOCKS headers.

    Raises:
        LedgerMismatch: what the node tells is no block of QBFT.
    """
    head = _number(ask_raw(web3, "eth_blockNumber"))
    if after >= head:
        return SetChanges(changes=(), looked_to=after)
    looked_to = BlockNumber(min(head, after + WALKED_BLOCKS))
    before = _block_at(web3, after)
    changes: list[SealedState] = []
    between: list[SealedState] = []

    def to(block: JsonValue) -> SetChanges:
        header = _header(block)
        between.append(SealedState(header=header.encode(), witness=()))
        return SetChanges(changes=tuple(changes), between=tuple(between), looked_to=header.number)

    for first in range(after + 1, looked_to + 1, _HEADERS_AT_ONCE):
        numbers = range(first, min(first + _HEADERS_AT_ONCE, looked_to + 1))
        for number, block in zip(numbers, ask_many_raw(web3, [_block_call(number) for number in numbers]), strict=True):
            _require_number(block, number)
            if _named_validators(block) != _named_validators(before):
                if len(changes) == MAX_SET_CHANGES:
                    return to(before)
                if number > 1:
                    between.append(SealedState(header=_header(before).encode(), witness=()))
                changes.append(SealedState(header=_header(block).encode(), witness=()))
            before = block
    return to(before)


def _changed_blocks(web3: Web3, registry: Address, first: int, last: int) -> list[int]:
    wanted: dict[str, JsonValue] = {
        "address": encode_hex(registry),
        "topics": [encode_hex(_SET_CHANGED)],
        "fromBlock": hex(first),
        "toBlock": hex(last),
    }
    events = ask_raw(web3, "eth_getLogs", wanted)
    if not isinstance(events, list):
        raise LedgerMismatch("The node answers a question for events with what is no list.")
    numbers = {_number(_members(event).get("blockNumber")) for event in events}
    if not all(first <= number <= last for number in numbers):
        raise LedgerMismatch("The node answers with events of other blocks than it was asked for.")
    return sorted(numbers)


def _newest_state(web3: Web3, contract: Address, slot: bytes, what: str) -> SealedState:
    """The newest block, with a witness of a slot that holds something; `what` should be there."""
    header = _newest_header(web3)
    values, witness = _proof(web3, contract, (slot,), header.number)
    if not any(values[0]):
        raise NotFound(f"The chain holds no {what} in its block {header.number}.")
    return SealedState(header=header.encode(), witness=witness)


def _registry_state(web3: Web3, registry: Address, number: int) -> SealedState:
    header = _header_at(web3, number)
    (length,), _ = _proof(web3, registry, set_slots(0), header.number)
    count = int.from_bytes(length, "big")
    if not 1 <= count <= MAX_VALIDATORS:
        raise LedgerMismatch(f"The registry names {shown(str(count))} validators after block {number}.")
    _, witness = _proof(web3, registry, set_slots(count), header.number)
    return SealedState(header=header.encode(), witness=witness)


def _proof(
    web3: Web3, contract: Address, slots: tuple[bytes, ...], number: BlockNumber
) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """What slots hold after a block, and the nodes that lead to them."""
    asked: list[JsonValue] = [encode_hex(slot) for slot in slots]
    try:
        told = ask_raw(web3, "eth_getProof", encode_hex(contract), asked, hex(number))
    except NodeFault as fault:
        if any(words in str(fault).lower() for words in _STATE_GONE):
            raise LedgerUnavailable(f"A node has the block {number} and not its state.", remedy=_KEEP_STATES) from fault
        raise
    if told is None:
        raise LedgerUnavailable(f"A node has the block {number} and not its state.", remedy=_KEEP_STATES)
    proof = _members(told)
    storage = proof.get("storageProof")
    if not isinstance(storage, list) or len(storage) != len(slots):
        raise LedgerMismatch("A node's proof of storage does not answer what was asked.")
    parts = [_members(part) for part in storage]
    values = tuple(_number(part.get("value")).to_bytes(_WORD_BYTES, "big") for part in parts)
    return values, collect_witness(_nodes(proof.get("accountProof")), *(_nodes(part.get("proof")) for part in parts))


def _block_call(number: int) -> tuple[str, list[JsonValue]]:
    return "eth_getBlockByNumber", [hex(number), False]


def _header_at(web3: Web3, number: int) -> Header:
    return _header(_block_at(web3, number))


def _newest_header(web3: Web3) -> Header:
    return _header(ask_raw(web3, "eth_getBlockByNumber", "latest", False))


def _block_at(web3: Web3, number: int) -> JsonValue:
    method, params = _block_call(number)
    block = ask_raw(web3, method, *params)
    _require_number(block, number)
    return block


def _require_number(block: JsonValue, number: int) -> None:
    if _members(block).get("number") != hex(number):
        raise LedgerMismatch(f"The node answers with another block where block {number} was asked for.")


def _header(block: JsonValue, node: str | None = None) -> Header:
    """The header in a node's answer, whose hash is the one that the node says."""
    told = _members(block)
    try:
        header = header_from_rpc(told)
    except InvalidInput as error:
        raise LedgerMismatch(
            f"The node tells a block that no validators of QBFT sealed: {error.detail}",
            where=node,
            remedy="Name nodes of the network of validators; network.json says that blocks of this chain are sealed.",
        ) from error
    if told.get("hash") != encode_hex(header.block_hash()):
        raise LedgerMismatch(
            f"The node says that block {header.number} has the hash {shown(str(told.get('hash')))}, and its header has "
            f"{encode_hex(header.block_hash())}.",
            where=node,
            remedy="Ask another node: this one tells headers that are not those of its blocks.",
        )
    return header


def _named_validators(block: JsonValue) -> tuple[Address, ...]:
    try:
        return decode_extra(decode_hex(str(_members(block).get("extraData")))).validators
    except InvalidInput as error:
        raise LedgerMismatch(f"The node tells a block that no validators of QBFT sealed: {error.detail}") from error


def _members(value: JsonValue) -> Mapping[str, JsonValue]:
    if not isinstance(value, dict):
        raise LedgerMismatch("The node answers with nothing where a block, a proof or an event was asked for.")
    return value


def _nodes(value: JsonValue) -> tuple[bytes, ...]:
    if not isinstance(value, list):
        raise LedgerMismatch("A node's proof of storage is no list of nodes.")
    return tuple(_each_node(value))


def _each_node(items: Iterable[JsonValue]) -> Iterable[bytes]:
    for item in items:
        try:
            yield decode_hex(item if isinstance(item, str) else "")
        except InvalidInput as error:
            raise LedgerMismatch("A node's proof of storage holds what is no hexadecimal.") from error


def _number(value: JsonValue) -> int:
    # A quantity, or a word of a storage slot with its zeros.
    try:
        number = int(value, 16) if isinstance(value, str) and value.startswith("0x") else -1
    except ValueError:
        number = -1
    if not 0 <= number < 1 << 8 * _WORD_BYTES:
        raise LedgerMismatch(f"The node answers with {shown(str(value))} where a number was asked for.")
    return number
