"""What the chain tells of green assets: names out of events, and lists out of storage.

An event is only ever a hint: it names what is to be read anew from storage, and adds nothing up. A chain may lose events while it
keeps what they told of, so `read_everything` finds classes, issuances and retirements in the lists of the contract itself, and
holders in what storage says of each; only who got units by transfer, and which escrows there were, no list has.
Source: Ethereum JSON-RPC (eth_getLogs); Besu, --rpc-max-logs-range.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from eth_typing import HexStr
from web3 import Web3
from web3.exceptions import BadResponseFormat, Web3RPCError
from web3.types import FilterParams, LogReceipt

from greenlane.adapters.evm.artifacts import NotThisContract, artifact, hex_bytes
from greenlane.adapters.evm.evidence_register import EvidenceRegister
from greenlane.adapters.evm.green_asset import GreenAsset
from greenlane.adapters.evm.mediated import BroughtEvent, Mediated
from greenlane.adapters.evm.records import NOBODY, ContractEvent
from greenlane.adapters.evm.sealed import LOG_BLOCKS
from greenlane.adapters.evm.wire import AnswerTooLong
from greenlane.core.units import Address, BlockNumber
from greenlane.core.wire import encode_hex
from greenlane.ports.asset_ledger import AssetPlaces, BlockRef, Look

T = TypeVar("T")

_MOST_EVENTS: Final = 5_000
"""After which a look at events ends with the blocks it has."""
_LOG_WINDOWS: Final = 20
_WORDS_WINDOWS: Final = 4
"""Windows of blocks that are searched for the words of a refusal; whoever asks later gets none."""
_NARROWER: Final = 8
_PAGE: Final = 1_000
_ASSET_EVENTS: Final = ("ClassAdmitted", "TransferSingle", "TransferBatch", "Escrowed", "Accepted", "Returned", "Retired")
_REGISTER_EVENTS: Final = ("EvidenceRevoked",)


@dataclass(slots=True)
class _Names:
    """What was named so far, each once, in the order in which it was named first; the values are nothing."""

    classes: dict[str, None] = field(default_factory=dict)
    tokens: dict[bytes, None] = field(default_factory=dict)
    holdings: dict[tuple[Address, bytes], None] = field(default_factory=dict)
    escrows: dict[bytes, None] = field(default_factory=dict)
    retirements: dict[bytes, None] = field(default_factory=dict)

    def take(self, event: ContractEvent, keeper: Address) -> None:
        """Takes what an event names; the contract itself, which keeps what is escrowed, holds nothing."""
        told = event.arguments
        match event.name:
            case "ClassAdmitted":
                self.classes[str(told["classId"])] = None
            case "TransferSingle":
                self._moved(told["from"], told["to"], [told["id"]], keeper)
            case "TransferBatch":
                ids = told["ids"]
                self._moved(told["from"], told["to"], ids if isinstance(ids, list | tuple) else (), keeper)
            case "Escrowed" | "Accepted" | "Returned":
                self.escrows[hex_bytes(str(told["escrowId"]))] = None
            case "Retired":
                self.retirements[hex_bytes(str(told["retirementId"]))] = None
            case "EvidenceRevoked":
                self.tokens[hex_bytes(str(told["digest"]))] = None

    def _moved(self, sender: object, receiver: object, ids: Sequence[object], keeper: Address) -> None:
        for one in ids:
            token = int(str(one)).to_bytes(32, "big")
            self.tokens[token] = None
            for account in (Address(hex_bytes(str(sender))), Address(hex_bytes(str(receiver)))):
                if account not in (NOBODY, keeper):
                    self.holdings[account, token] = None

    def look(self, to: BlockRef) -> Look:
        """All of it."""
        return Look(
            to=to,
            classes=tuple(self.classes),
            tokens=tuple(self.tokens),
            holdings=tuple(self.holdings),
            escrows=tuple(self.escrows),
            retirements=tuple(self.retirements),
        )


def block_ref(web3: Web3, number: BlockNumber | None = None) -> BlockRef:
    """A block by number and hash; the newest where none is named.

    Raises:
        BlockNotFound: the chain has none of that number.
    """
    block = web3.eth.get_block("latest" if number is None else number)
    if number is not None and int(block["number"]) != number:
        raise BadResponseFormat("The node answers with another block than it was asked for.")
    return BlockRef(number=BlockNumber(block["number"]), block_hash=bytes(block["hash"]))


def read_touched(web3: Web3, places: AssetPlaces, first: BlockNumber, last: BlockNumber) -> Look:
    """What events of blocks name, with the class of each token and both sides of each escrow, as storage has them now.

    Args:
        first, last: both are looked at, as far as the chain has them and one look reaches.
    """
    end = BlockNumber(min(last, web3.eth.block_number))
    names = _Names()
    to = _take_named(web3, places, names, first, end, is_bounded=True)
    _complete(web3, places, names)
    return names.look(block_ref(web3, to))


def read_everything(web3: Web3, places: AssetPlaces, deploy_block: BlockNumber) -> Look:
    """All that the contract's lists hold at the newest block, and what events of all blocks from `deploy_block` on name."""
    to = block_ref(web3)
    asset, register = GreenAsset(web3, places.green_asset), EvidenceRegister(web3, places.evidence_register)
    names = _Names()
    for class_id in _paged(lambda offset: asset.class_ids(offset, _PAGE, to.number)):
        names.classes[class_id] = None
    tokens = list(_paged(lambda offset: asset.issuance_ids(offset, _PAGE, to.number)))
    for token, admitted in zip(tokens, register.evidences(places.green_asset, tokens, to.number), strict=True):
        names.tokens[token] = None
        if admitted is not None:
            names.holdings[admitted.holder, token] = None
    ids = list(_paged(lambda offset: asset.retirement_ids(offset, _PAGE, to.number)))
    for retirement_id, retired in zip(ids, asset.retirements(ids, to.number), strict=True):
        names.retirements[retirement_id] = None
        if retired is not None:
            names.holdings[retired.holder, retired.token] = None
    _take_named(web3, places, names, deploy_block, to.number, is_bounded=False)
    _complete(web3, places, names)
    return names.look(to)


def find_brought(web3: Web3, contract: Mediated, digest: bytes, deploy_block: BlockNumber) -> BroughtEvent | None:
    """The event that told what became of an act, where the newest blocks have it."""
    last = int(web3.eth.block_number)
    topics = [artifact("GreenAsset").topic("Brought"), digest]
    for _ in range(_WORDS_WINDOWS):
        first = max(deploy_block, last - LOG_BLOCKS + 1)
        if first > last:
            break
        for log in _logs(web3, (contract.address,), topics, first, last):
            event = contract.brought_event(log)
            if event is not None and event.digest == digest:
                return event
        last = first - 1
    return None


def _take_named(
    web3: Web3, places: AssetPlaces, names: _Names, first: BlockNumber, last: BlockNumber, *, is_bounded: bool
) -> BlockNumber:
    """Takes what events of blocks name; the last block that was looked at."""
    topics = [[artifact("GreenAsset").topic(name) for name in _ASSET_EVENTS]]
    topics[0] += [artifact("EvidenceRegister").topic(name) for name in _REGISTER_EVENTS]
    looked_to, reach, count = first - 1, LOG_BLOCKS, 0
    windows = _LOG_WINDOWS
    while looked_to < last and (windows > 0 or not is_bounded) and (count < _MOST_EVENTS or not is_bounded):
        to = min(last, looked_to + reach)
        try:
            logs = _logs(web3, (places.green_asset, places.evidence_register), topics, looked_to + 1, to)
        except (AnswerTooLong, Web3RPCError):
            # So many events, or a node that answers for fewer blocks.
            if reach == 1:
                raise
            reach = max(1, reach // _NARROWER)
            continue
        for log in logs:
            is_asset = hex_bytes(log["address"]) == places.green_asset
            event = (GreenAsset if is_asset else EvidenceRegister).event(log)
            if event is None:
                raise NotThisContract(f"An event of block {log['blockNumber']} is none of the contract.")
            names.take(event, places.green_asset)
        looked_to, count, windows = to, count + len(logs), windows - 1
    return BlockNumber(max(looked_to, 0))


def _complete(web3: Web3, places: AssetPlaces, names: _Names) -> None:
    """Adds what belongs to what was named: both sides of an escrow, and the class whose sums a movement changes."""
    asset = GreenAsset(web3, places.green_asset)
    for escrow in asset.escrows(list(names.escrows)):
        if escrow is not None:
            names.tokens[escrow.token] = None
            names.holdings[escrow.seller, escrow.token] = None
            names.holdings[escrow.buyer, escrow.token] = None
    for issuance in asset.issuances(list(names.tokens)):
        if issuance is not None:
            names.classes[issuance.class_id] = None


def _paged(page: Callable[[int], Sequence[T]]) -> Iterator[T]:
    offset = 0
    while found := page(offset):
        yield from found
        offset += len(found)


def _logs(
    web3: Web3, addresses: Sequence[Address], topics: Sequence[bytes | list[bytes]], first: int, last: int
) -> list[LogReceipt]:
    """Events of some blocks, in the order of the chain.

    Raises:
        BadResponseFormat: the node answers with others.
    """
    wanted: FilterParams = {
        "address": [Web3.to_checksum_address(one) for one in addresses],
        "topics": [
            [HexStr(encode_hex(each)) for each in one] if isinstance(one, list) else HexStr(encode_hex(one)) for one in topics
        ],
        "fromBlock": BlockNumber(first),
        "toBlock": BlockNumber(last),
    }
    logs = list(web3.eth.get_logs(wanted))
    try:
        if not all(first <= log["blockNumber"] <= last and hex_bytes(log["address"]) in addresses for log in logs):
            raise BadResponseFormat("The node answers with events of other blocks or contracts than it was asked for.")
        return sorted(logs, key=lambda log: (log["blockNumber"], log["logIndex"]))
    except (TypeError, LookupError, ValueError) as cause:
        raise BadResponseFormat("What the node answers to eth_getLogs is no list of events.") from cause
