"""Besu nodes of one QBFT network in a test's hands: JSON-RPC servers in front of an anvil that misbehave when told to.

    chain = besu_over(running)                               # the chain of an EmbeddedNetwork: blocks, validators, pool
    node = chain.add_node()                                  # one RPC node; `node.url`
    network = described(running.network, chain)              # what network.json says of it: genesis hash, sealing, addresses
    chain.mine()                                             # one block with what waits in the pool
    chain.stall(); chain.mine()                              # no block, one more failed round
    node.lag = 5; node.token = "..."; node.is_away = True    # and so on: see BesuNode
    chain.close()

What is real: contracts, storage, state roots, proofs, receipts and logs are anvil's. What is made here: each block gets a QBFT
header over anvil's state root, with a hash of its own and seals by the validators' keys, so a receipt over this chain can be
sealed. Every block hash in questions and answers is exchanged for that of the other side, so nobody sees the difference. Anvil
must be quiet (`evm_setIntervalMining 0`): `mine` asks it for blocks, or `going` does every so often. Blocks that were there
before, the deployment's, are sealed by the founders, and tell no change of the set, as if the registry stood in the genesis.

The pool is ours, and has the ways of Besu's (SEQUENCED, zero base fee): a second transaction with one nonce silently replaces the
first; a price above 0 is taken, never mined, and holds its nonce for ever; the pending nonce is the highest one plus 1, whatever
gaps lie below; nonces reach 614 ahead. Codes and words of errors are Besu's; what anvil alone can do is refused.
Source: Besu 26.8.0, RpcErrorType and what was learned from a running network.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import rlp  # type: ignore[import-untyped]
from coincurve import PrivateKey
from eth_account import Account
from greenlane.adapters.keystore import KeyUse
from greenlane.adapters.network_file import Network
from greenlane.core.seals import Sealing, ValidatorMode, ValidatorSet
from greenlane.core.units import Address, BlockNumber
from greenlane_node.embedded.network import RunningNetwork
from web3 import Web3

Own = TypeVar("Own", bound=Callable[..., Any])

POOL_REACH: Final = 614
"""How far ahead of an account's nonce the pool takes transactions."""
MAX_BATCH: Final = 1_024
MAX_LOG_BLOCKS: Final = 5_000
VERSION: Final = "besu/v26.8.0/linux-x86_64/openjdk-java-25"
_BFT_MIX_HASH: Final = bytes.fromhex("63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365")
_VANITY: Final = b"besu 26.8.0".rjust(32, b"\x00")
_HEADER_FIELDS: Final = (
    "parentHash",
    "sha3Uncles",
    "miner",
    "stateRoot",
    "transactionsRoot",
    "receiptsRoot",
    "logsBloom",
    "difficulty",
    "number",
    "gasLimit",
    "gasUsed",
    "timestamp",
    "extraData",
    "mixHash",
    "nonce",
    "baseFeePerGas",
    "withdrawalsRoot",
    "blobGasUsed",
    "excessBlobGas",
    "parentBeaconBlockRoot",
)
_QUANTITIES: Final = frozenset(
    ("difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas", "blobGasUsed", "excessBlobGas")
)
# Place of the block among the parameters.
_BLOCK_AT: Final = {
    "eth_getBlockByNumber": 0,
    "eth_getBlockReceipts": 0,
    "eth_getBlockTransactionCountByNumber": 0,
    "eth_call": 1,
    "eth_estimateGas": 1,
    "eth_getBalance": 1,
    "eth_getCode": 1,
    "eth_getTransactionCount": 1,
    "eth_getStorageAt": 2,
    "eth_getProof": 2,
}
_OF_STATE: Final = frozenset(
    (
        "eth_call",
        "eth_estimateGas",
        "eth_getBalance",
        "eth_getCode",
        "eth_getTransactionCount",
        "eth_getStorageAt",
        "eth_getProof",
    )
)
_FORWARDED: Final = frozenset(_BLOCK_AT) | {
    "eth_chainId",
    "eth_getBlockByHash",
    "eth_getLogs",
    "eth_getTransactionByHash",
    "eth_getTransactionReceipt",
    "net_version",
}
DEFAULT_APIS: Final = frozenset({"ETH", "NET", "WEB3", "TXPOOL", "QBFT", "PERM", "ADMIN"})


_OWN: dict[str, Callable[["BesuNode", list[Any]], Any]] = {}
"""What a node answers itself, by method."""


def _answers(method: str) -> Callable[[Own], Own]:
    def keep(function: Own) -> Own:
        _OWN[method] = function
        return function

    return keep


class RpcError(Exception):
    """What a node answers instead of a result; put one into `BesuNode.scripted` to make it answer so."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.data = code, message, data


@dataclass(frozen=True, kw_only=True)
class Pooled:
    """A transaction that waits."""

    raw: bytes
    tx_hash: str
    sender: str
    nonce: int
    price: int
    fields: Mapping[str, Any]


class Pool:
    """Transactions by sender and nonce, with the ways of Besu's pool.

    Attributes:
        replaced: what gave way to another of its nonce, without anybody being told.
    """

    def __init__(self) -> None:
        self.waiting: dict[tuple[str, int], Pooled] = {}
        self.replaced: list[Pooled] = []

    def find(self, tx_hash: str) -> Pooled | None:
        return next((one for one in self.waiting.values() if one.tx_hash == tx_hash), None)

    def add(self, one: Pooled, *, used: int) -> None:
        """Takes one, or refuses it as Besu does; `used` is how many nonces of its sender the chain has used."""
        if self.find(one.tx_hash) is not None:
            raise RpcError(-32000, "Known transaction")
        if one.nonce < used:
            raise RpcError(-32001, "Nonce too low")
        if one.nonce > used + POOL_REACH:
            raise RpcError(-32000, "Transaction nonce is too distant from current sender nonce")
        there = self.waiting.get((one.sender, one.nonce))
        if there is not None:
            if there.price > one.price:
                raise RpcError(-32000, "Replacement transaction underpriced")
            self.replaced.append(there)
        self.waiting[one.sender, one.nonce] = one

    def pending_nonce(self, sender: str, used: int) -> int:
        """The highest nonce plus 1, whatever gaps lie below."""
        return max([used, *(nonce + 1 for of, nonce in self.waiting if of == sender)])

    def clear(self) -> None:
        """As a restart does."""
        self.waiting.clear()


@dataclass(frozen=True, kw_only=True)
class _Block:
    """One block of ours beside anvil's."""

    anvil_hash: str
    hash: str
    fields: Mapping[str, Any]


class BesuChain:
    """One QBFT chain over a quiet anvil.

    Attributes:
        pool: what every node with peers knows to wait.
        down: validators that do not run; without a quorum of the others no block is made.
        next_round: in which the next block will be agreed on.
        is_stalled: no block is made, whoever runs.
        nodes: its RPC nodes.
        taken_over_at: height of anvil when this began; the founders sealed up to it.
    """

    def __init__(
        self,
        anvil_url: str,
        *,
        secrets: Sequence[bytes],
        registry: Address | None = None,
        mode: ValidatorMode = ValidatorMode.CONTRACT,
        founders: Sequence[Address] | None = None,
    ) -> None:
        """Takes the chain over as it is now.

        Args:
            secrets: keys of every validator that will ever seal.
            registry: whose storage names the validators, in the mode CONTRACT.
            founders: the first set; everybody who has a key here unless told otherwise.
        """
        self._connection = HTTPConnection(urlsplit(anvil_url).netloc, timeout=20)
        self._keys = {address_of(secret): PrivateKey(secret) for secret in secrets}
        self._registry = registry
        self.mode = mode
        self.founders = tuple(sorted(founders if founders is not None else self._keys))
        self._elected: list[tuple[int, tuple[Address, ...]]] = [(0, self.founders)]
        self._blocks: list[_Block] = []
        self._rounds: dict[int, int] = {}
        self._ours: dict[str, str] = {}
        self._lock = threading.RLock()
        self._is_followed = False
        self._is_closed = False
        self.pool = Pool()
        self.down: set[Address] = set()
        self.next_round = 0
        self.is_stalled = False
        self.nodes: list[BesuNode] = []
        self.chain_id = int(self.anvil("eth_chainId"), 16)
        self.taken_over_at = int(self.anvil("eth_blockNumber"), 16)
        self._follow()

    # ---- for the test ----

    @property
    def head(self) -> int:
        """Height of the newest block."""
        with self._lock:
            self._follow()
            return len(self._blocks) - 1

    @property
    def genesis_hash(self) -> bytes:
        """Of block 0: what the network's description must name."""
        return bytes.fromhex(self._blocks[0].hash[2:])

    @property
    def sealing(self) -> Sealing:
        """What a trust file says of this chain at its beginning."""
        return Sealing(mode=self.mode, sets=(ValidatorSet(seals_from=BlockNumber(1), validators=self.founders),))

    def block(self, number: int) -> dict[str, Any]:
        """As eth_getBlockByNumber answers, without transactions in full."""
        with self._lock:
            self._follow()
            return dict(self._blocks[number].fields)

    def set_after(self, number: int) -> tuple[Address, ...]:
        """Who seals the block after that one."""
        if self.mode is ValidatorMode.HEADER:
            return [members for since, members in self._elected if since <= number + 1][-1]
        return self.founders if number < self.taken_over_at else self._registered(number)

    def elect(self, validators: Sequence[Address]) -> None:
        """In the mode HEADER: from the next block on these seal, as if votes had passed."""
        self._elected.append((self.head + 1, tuple(sorted(validators))))

    def mine(self, count: int = 1) -> int:
        """Makes blocks with what waits, if it can; the height after. A stalled chain counts one more failed round instead."""
        for _ in range(count):
            with self._lock:
                self._follow()
                if not self._can_agree():
                    self.next_round += 1
                    continue
                number = len(self._blocks)
                self._rounds[number] = self.next_round
                self.next_round = 0
                self._fill_block()
                self.anvil("evm_mine")
                self._follow()
                self._tidy()
        return self.head

    def stall(self) -> None:
        """No more blocks: validators run, and do not agree."""
        self.is_stalled = True

    def resume(self) -> None:
        """Blocks again; the first one tells of the failed rounds."""
        self.is_stalled = False

    @contextmanager
    def going(self, period_s: float) -> Iterator[None]:
        """A block every so often, by a thread."""
        is_over = threading.Event()

        def go() -> None:
            while not is_over.wait(period_s):
                self.mine()

        thread = threading.Thread(target=go, daemon=True)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()

    def add_node(self, **ways: Any) -> "BesuNode":
        """One more RPC node, listening; `ways` are attributes of BesuNode."""
        node = BesuNode(self, **ways)
        self.nodes.append(node)
        return node

    def anvil(self, method: str, *params: Any) -> Any:
        """Asks anvil itself, past all nodes."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
        with self._lock:
            if self._is_closed:
                # A slow node may come to its answer when the test is over.
                raise RpcError(-32603, "Internal error")
            self._connection.request("POST", "/", body, {"Content-Type": "application/json"})
            answer = json.loads(self._connection.getresponse().read())
        if "error" in answer:
            error = answer["error"]
            raise RpcError(error["code"], error["message"], error.get("data"))
        return answer["result"]

    def close(self) -> None:
        """Ends every node; anvil stays."""
        for node in self.nodes:
            node.stop()
        with self._lock:
            self._is_closed = True
            self._connection.close()

    # ---- for the nodes ----

    def ask_anvil(self, method: str, params: list[Any]) -> Any:
        """Asks anvil with our hashes in question and answer."""
        theirs = {ours: anvil for anvil, ours in self._ours.items()}
        return _exchanged(self.anvil(method, *_exchanged(params, theirs)), self._ours)

    @contextmanager
    def one_moment(self) -> Iterator[None]:
        """No block comes meanwhile, so it is enough to look at anvil's head once."""
        with self._lock:
            self._follow()
            was, self._is_followed = self._is_followed, True
            try:
                yield
            finally:
                self._is_followed = was

    def is_of_genesis(self, log: Mapping[str, Any]) -> bool:
        """Whether a log would not be there, had the registry stood in the genesis file."""
        is_early = int(log["blockNumber"], 16) <= self.taken_over_at
        return is_early and self._registry is not None and log["address"].lower() == Web3.to_hex(self._registry)

    def used_nonces(self, sender: str) -> int:
        return int(self.anvil("eth_getTransactionCount", sender, "latest"), 16)

    def _follow(self) -> None:
        """Makes headers for anvil's new blocks; drops ours where anvil went back."""
        with self._lock:
            if self._is_followed:
                return
            newest = self.anvil("eth_getBlockByNumber", "latest", False)
            height = int(newest["number"], 16)
            del self._blocks[height + 1 :]
            while self._blocks:
                last = len(self._blocks) - 1
                theirs = newest if last == height else self.anvil("eth_getBlockByNumber", hex(last), False)
                if theirs["hash"] == self._blocks[-1].anvil_hash:
                    break
                self._blocks.pop()
            for number in range(len(self._blocks), height + 1):
                block = self._sealed(self.anvil("eth_getBlockByNumber", hex(number), False), number)
                self._blocks.append(block)
                self._ours[block.anvil_hash] = block.hash

    def _sealed(self, theirs: dict[str, Any], number: int) -> _Block:
        validators = self.founders if number == 0 else self.set_after(number - 1)
        named = [bytes(one) for one in validators] if self.mode is ValidatorMode.HEADER else []
        round_ = self._rounds.get(number, 0)
        running = [one for one in validators if one in self._keys and one not in self.down] or list(validators)
        fields = {
            **theirs,
            "parentHash": self._blocks[number - 1].hash if number else theirs["parentHash"],
            "miner": Web3.to_hex(running[(number + round_) % len(running)] if number else bytes(20)),
            "difficulty": "0x1",
            "totalDifficulty": hex(number + 1),
            "mixHash": Web3.to_hex(_BFT_MIX_HASH),
            "baseFeePerGas": "0x0",
        }
        if number == 0:
            fields["extraData"] = Web3.to_hex(_extra(named, 0, []))
            hash_ = Web3.keccak(_header(fields))
        else:
            to_sign = Web3.keccak(_header({**fields, "extraData": Web3.to_hex(_extra(named, round_, None))}))
            seals = [self._keys[one].sign_recoverable(to_sign, hasher=None) for one in running if one in self._keys]
            hash_ = Web3.keccak(_header({**fields, "extraData": Web3.to_hex(_extra(named, 0, None))}))
            fields["extraData"] = Web3.to_hex(_extra(named, round_, seals))
        fields["hash"] = Web3.to_hex(hash_)
        return _Block(anvil_hash=theirs["hash"], hash=fields["hash"], fields=fields)

    def _registered(self, number: int) -> tuple[Address, ...]:
        """The registry's list as its storage has it after a block."""
        if self._registry is None:
            return ()

        def slot(place: int) -> bytes:
            address, key = Web3.to_hex(self._registry or b""), place.to_bytes(32, "big")
            return bytes.fromhex(self.anvil("eth_getStorageAt", address, Web3.to_hex(key), hex(number))[2:])

        first = int.from_bytes(Web3.keccak(bytes(32)), "big")
        return tuple(Address(slot(first + place)[12:]) for place in range(int.from_bytes(slot(0), "big")))

    def _can_agree(self) -> bool:
        validators = self.set_after(len(self._blocks) - 1)
        running = sum(one not in self.down for one in validators)
        return not self.is_stalled and running >= -(-2 * len(validators) // 3)

    def _fill_block(self) -> None:
        for sender in {of for of, _ in self.pool.waiting}:
            nonce = self.used_nonces(sender)
            while (one := self.pool.waiting.get((sender, nonce))) is not None and one.price == 0:
                with suppress(RpcError):
                    self.anvil("eth_sendRawTransaction", Web3.to_hex(one.raw))
                nonce += 1

    def _tidy(self) -> None:
        for pool in (self.pool, *(node.island for node in self.nodes)):
            for sender in {of for of, _ in pool.waiting}:
                used = self.used_nonces(sender)
                for key in [key for key in pool.waiting if key[0] == sender and key[1] < used]:
                    del pool.waiting[key]


@dataclass(eq=False)
class BesuNode:
    """One RPC node. Every attribute may be changed at any time; each holds from the next request on.

    Attributes:
        lag: blocks that it has not yet.
        lies_from: from this height on it tells other hashes than the chain's.
        has_peers: otherwise what is sent to it reaches nobody, and lies in `island`.
        state_blocks: how far back it keeps state (BONSAI); None is for ever (FOREST).
        apis: groups it answers for.
        token: a bearer token it asks for; None asks for none.
        hosts: Host headers it takes, without ports; None takes all.
        is_away: connections are cut before a word is said.
        is_cutting: answers end in their middle.
        drip_s: pause after each byte of an answer.
        delay_s: before each answer.
        padding: bytes of nothing inside each answer.
        status: HTTP status, instead of an answer.
        scripted: by method: the result, an RpcError, or a function of the parameters.
        asked: methods, in order; `refused`: those that got an error, with its code; `authorizations`: what came as Authorization.
        enode, peers: what admin_nodeInfo and admin_peers tell; as many peers as net_peerCount says.
        syncing: what eth_syncing answers.
        nodes_allowlist, accounts_allowlist: for PERM.
    """

    chain: BesuChain
    lag: int = 0
    lies_from: int | None = None
    has_peers: bool = True
    state_blocks: int | None = None
    apis: frozenset[str] = DEFAULT_APIS
    token: str | None = None
    hosts: frozenset[str] | None = None
    is_away: bool = False
    is_cutting: bool = False
    drip_s: float = 0.0
    delay_s: float = 0.0
    padding: int = 0
    status: int | None = None
    scripted: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    refused: list[tuple[str, int]] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    enode: str = f"enode://{'00' * 64}@127.0.0.1:30303"
    peers: list[str] = field(default_factory=list)
    syncing: Any = False
    nodes_allowlist: list[str] = field(default_factory=list)
    accounts_allowlist: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.island = Pool()
        self._server: ThreadingHTTPServer | None = None
        self._port = 0
        self.start()

    @property
    def url(self) -> str:
        """Where it is asked; the same after a restart."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listens, again where it did before."""
        node = self

        class Handler(_Handler):
            besu = node

        self._server = _Server(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Ends it; what only it had heard of is gone."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        self.island.clear()

    @property
    def head(self) -> int:
        """Height of the newest block it has."""
        return max(0, self.chain.head - self.lag)

    def answer(self, method: str, params: list[Any]) -> Any:
        """The result of one request.

        Raises:
            RpcError: what it answers instead.
        """
        self.asked.append(method)
        if method in self.scripted:
            told = self.scripted[method]
            told = told(params) if callable(told) else told
            if isinstance(told, RpcError):
                raise told
            return told
        group = method.partition("_")[0].upper()
        if group not in {"ETH", "NET", "WEB3", "TXPOOL", "QBFT", "PERM", "ADMIN"}:
            raise RpcError(-32601, "Method not found")
        if group not in self.apis:
            raise RpcError(-32604, "Method not enabled")
        with self.chain.one_moment():
            if method in _OWN:
                return _OWN[method](self, params)
            if method not in _FORWARDED:
                raise RpcError(-32601, "Method not found")
            return self._forward(method, list(params))

    # ---- what anvil answers ----

    def _forward(self, method: str, params: list[Any]) -> Any:
        if method in _BLOCK_AT:
            place = _BLOCK_AT[method]
            if len(params) <= place:
                params.append("latest")
            number = self._number(params[place])
            if number > self.head:
                if method in _OF_STATE:
                    raise RpcError(-32000, "Block not found")
                return None
            if method in _OF_STATE and self.state_blocks is not None and number <= self.head - self.state_blocks:
                raise RpcError(-32000, "World state unavailable")
            params[place] = hex(number)
        try:
            told = self.chain.ask_anvil(method, params)
        except RpcError as error:
            # Anvil has states from its last start on.
            if "BlockOutOfRange" in error.message:
                raise RpcError(-32000, "World state unavailable") from error
            raise
        if method in ("eth_getBlockByNumber", "eth_getBlockByHash") and told is not None:
            number = int(told["number"], 16)
            return None if number > self.head else self._told_block({**told, **_made_here(self.chain.block(number))})
        if method == "eth_getTransactionReceipt" and told is not None and int(told["blockNumber"], 16) > self.head:
            return None
        return told

    def _told_block(self, block: dict[str, Any]) -> dict[str, Any]:
        if self.lies_from is not None:
            number = int(block["number"], 16)
            if number >= self.lies_from:
                block["hash"] = Web3.to_hex(Web3.keccak(hexstr=block["hash"]))
            if number > self.lies_from:
                block["parentHash"] = Web3.to_hex(Web3.keccak(hexstr=block["parentHash"]))
        return block

    def _number(self, block: Any) -> int:
        if isinstance(block, dict):
            if "blockNumber" in block:
                return self._number(block["blockNumber"])
            found = self.chain.ask_anvil("eth_getBlockByHash", [block["blockHash"], False])
            if found is None:
                raise RpcError(-32000, "Block not found")
            return int(found["number"], 16)
        match block:
            case "latest" | "pending":
                return self.head
            case "earliest":
                return 0
            case "finalized" | "safe":
                raise RpcError(-39001, "Unknown block")
        if not isinstance(block, str) or not block.startswith("0x"):
            raise RpcError(-32602, "Invalid block params (block not found)")
        try:
            return int(block, 16)
        except ValueError:
            raise RpcError(-32602, "Invalid block number params") from None

    # ---- what it answers itself ----

    @_answers("eth_blockNumber")
    def eth_block_number(self, _params: list[Any]) -> str:
        return hex(self.head)

    @_answers("eth_gasPrice")
    def eth_gas_price(self, _params: list[Any]) -> str:
        return "0x0"

    @_answers("eth_syncing")
    def eth_syncing(self, _params: list[Any]) -> Any:
        return self.syncing

    @_answers("eth_getLogs")
    def eth_get_logs(self, params: list[Any]) -> Any:
        wanted = dict(params[0])
        if "blockHash" not in wanted:
            first, last = (self._number(wanted.get(name, "latest")) for name in ("fromBlock", "toBlock"))
            if last - first > MAX_LOG_BLOCKS:
                raise RpcError(-32005, "Requested range exceeds maximum RPC range limit")
            if first > self.head:
                return []
            wanted |= {"fromBlock": hex(first), "toBlock": hex(min(last, self.head))}
        return [one for one in self.chain.ask_anvil("eth_getLogs", [wanted]) if not self.chain.is_of_genesis(one)]

    @_answers("eth_getTransactionCount")
    def eth_get_transaction_count(self, params: list[Any]) -> Any:
        if params[1:] == ["pending"]:
            sender = params[0].lower()
            return hex(self._pool().pending_nonce(sender, self.chain.used_nonces(sender)))
        return self._forward("eth_getTransactionCount", list(params))

    @_answers("eth_getTransactionByHash")
    def eth_get_transaction_by_hash(self, params: list[Any]) -> Any:
        waiting = self._pool().find(params[0])
        if waiting is not None:
            unmined = {"blockHash": None, "blockNumber": None, "transactionIndex": None}
            return {**waiting.fields, **unmined, "hash": waiting.tx_hash, "from": waiting.sender}
        told = self.chain.ask_anvil("eth_getTransactionByHash", params)
        if told is None or told["blockNumber"] is None or int(told["blockNumber"], 16) > self.head:
            return None
        return told

    @_answers("eth_sendRawTransaction")
    def eth_send_raw_transaction(self, params: list[Any]) -> str:
        raw = bytes.fromhex(params[0][2:])
        one = _pooled(raw, self.chain.chain_id)
        used = int(self._forward("eth_getTransactionCount", [one.sender, "latest"]), 16)
        limit = int(self.chain.block(self.head)["gasLimit"], 16)
        if int(one.fields["gas"], 16) > limit:
            raise RpcError(-32005, "Transaction gas limit exceeds block gas limit")
        self._pool().add(one, used=used)
        return one.tx_hash

    @_answers("txpool_besuTransactions")
    def txpool_besu_transactions(self, _params: list[Any]) -> list[dict[str, Any]]:
        return [{"hash": one.tx_hash, "isReceivedFromLocalSource": True} for one in self._pool().waiting.values()]

    @_answers("net_listening")
    def net_listening(self, _params: list[Any]) -> bool:
        return True

    @_answers("net_peerCount")
    def net_peer_count(self, _params: list[Any]) -> str:
        return hex(len(self.peers))

    @_answers("web3_clientVersion")
    def web3_client_version(self, _params: list[Any]) -> str:
        return VERSION

    @_answers("admin_nodeInfo")
    def admin_node_info(self, _params: list[Any]) -> dict[str, Any]:
        return {"enode": self.enode, "id": self.enode[8:136], "name": VERSION}

    @_answers("admin_peers")
    def admin_peers(self, _params: list[Any]) -> list[dict[str, Any]]:
        return [{"enode": one, "id": "0x" + one[8:136]} for one in self.peers]

    @_answers("qbft_getValidatorsByBlockNumber")
    def qbft_get_validators_by_block_number(self, params: list[Any]) -> list[str]:
        """In the mode CONTRACT the set after that block, in the mode HEADER the block's own."""
        number = self._number(params[0])
        told = self.chain.set_after(number if self.chain.mode is ValidatorMode.CONTRACT else number - 1)
        return [Web3.to_hex(one) for one in told]

    @_answers("qbft_getPendingVotes")
    def qbft_get_pending_votes(self, _params: list[Any]) -> dict[str, bool]:
        return {}

    @_answers("qbft_proposeValidatorVote")
    def qbft_propose_validator_vote(self, _params: list[Any]) -> bool:
        if self.chain.mode is ValidatorMode.CONTRACT:
            raise RpcError(-32604, "Method not enabled")
        return True

    @_answers("perm_getNodesAllowlist")
    def perm_get_nodes_allowlist(self, _params: list[Any]) -> list[str]:
        return list(self.nodes_allowlist)

    @_answers("perm_getAccountsAllowlist")
    def perm_get_accounts_allowlist(self, _params: list[Any]) -> list[str]:
        return list(self.accounts_allowlist)

    @_answers("perm_addNodesToAllowlist")
    def perm_add_nodes_to_allowlist(self, params: list[Any]) -> str:
        return _add(self.nodes_allowlist, params[0], "Cannot add an existing node to allowlist")

    @_answers("perm_removeNodesFromAllowlist")
    def perm_remove_nodes_from_allowlist(self, params: list[Any]) -> str:
        return _remove(self.nodes_allowlist, params[0], "Cannot remove an absent node from allowlist")

    @_answers("perm_addAccountsToAllowlist")
    def perm_add_accounts_to_allowlist(self, params: list[Any]) -> str:
        return _add(self.accounts_allowlist, params[0], "Cannot add an existing account to allowlist")

    @_answers("perm_removeAccountsFromAllowlist")
    def perm_remove_accounts_from_allowlist(self, params: list[Any]) -> str:
        return _remove(self.accounts_allowlist, params[0], "Cannot remove an absent account from allowlist")

    @_answers("perm_reloadPermissionsFromFile")
    def perm_reload_permissions_from_file(self, _params: list[Any]) -> str:
        return "Success"

    def _pool(self) -> Pool:
        return self.chain.pool if self.has_peers else self.island


def besu_over(running: RunningNetwork, *, mode: ValidatorMode = ValidatorMode.CONTRACT, extra: Sequence[bytes] = ()) -> BesuChain:
    """A chain of Besu nodes over an embedded network, its centers' validators sealing; takes over the making of blocks.

    Args:
        extra: keys of validators that may come later.
    """
    network, keystore = running.network, running.keystore()
    names = [center.keys.validator for center in network.centers]
    secrets = [bytes(keystore.account(name, KeyUse.VALIDATOR).key) for name in names if name is not None]
    chain = BesuChain(
        running.rpc_url,
        secrets=[*secrets, *extra],
        registry=network.pilot_registry,
        mode=mode,
        founders=[address_of(secret) for secret in secrets],
    )
    chain.anvil("evm_setIntervalMining", 0)
    return chain


def described(network: Network, chain: BesuChain) -> Network:
    """What network.json says of an embedded network once it is asked through these nodes."""
    return replace(
        network,
        rpc_urls=tuple(node.url for node in chain.nodes),
        genesis_hash=chain.genesis_hash,
        sealing=chain.sealing,
    )


def address_of(secret: bytes) -> Address:
    """The account of a key."""
    return Address(bytes(Web3.keccak(PrivateKey(secret).public_key.format(compressed=False)[1:]))[12:])


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that somebody cut is no news here."""


class _Handler(BaseHTTPRequestHandler):
    besu: BesuNode
    protocol_version = "HTTP/1.1"
    # Else the second part of each answer waits 40 ms for word that the first has come.
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the name is its parent's
        """Tests have their own words."""

    def do_GET(self) -> None:
        is_known = self.path in ("/liveness", "/readiness")
        self._say(200 if is_known else 404, {"status": "UP"} if is_known else {})

    def do_POST(self) -> None:
        node = self.besu
        if node.is_away or node._server is None:
            self.close_connection = True
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if node.delay_s:
            time.sleep(node.delay_s)
        node.authorizations.append(self.headers.get("Authorization"))
        self._say(*self._outcome(body))

    def _outcome(self, body: bytes) -> tuple[int, Any]:
        node = self.besu
        if node.status is not None:
            return node.status, {"message": "As the test wants it."}
        if node.hosts is not None and str(self.headers.get("Host")).rpartition(":")[0] not in node.hosts:
            return 403, {"message": "Host not authorized."}
        if node.token is not None and self.headers.get("Authorization") != f"Bearer {node.token}":
            return 401, _failed(None, RpcError(-40100, "Unauthorized"))
        try:
            asked = json.loads(body)
        except ValueError:
            return 400, _failed(None, RpcError(-32700, "Parse error"))
        if not isinstance(asked, list):
            return 200, self._one(asked)
        if len(asked) > MAX_BATCH:
            return 200, _failed(None, RpcError(-32005, "Number of requests exceeds max batch size"))
        return 200, [self._one(one) for one in asked]

    def _one(self, asked: dict[str, Any]) -> dict[str, Any]:
        try:
            result = self.besu.answer(asked["method"], asked.get("params", []))
        except RpcError as error:
            self.besu.refused.append((str(asked["method"]), error.code))
            return _failed(asked.get("id"), error)
        return {"jsonrpc": "2.0", "id": asked.get("id"), "result": result}

    def _say(self, status: int, value: Any) -> None:
        node = self.besu
        data = json.dumps(value).encode()
        data = data[:-1] + b" " * node.padding + data[-1:]
        with suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if node.is_cutting:
                data = data[: len(data) // 2]
                self.close_connection = True
            if not node.drip_s:
                self.wfile.write(data)
            else:
                for byte in data:
                    self.wfile.write(bytes([byte]))
                    time.sleep(node.drip_s)


def _failed(id_: Any, error: RpcError) -> dict[str, Any]:
    told: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        told["data"] = error.data
    return {"jsonrpc": "2.0", "id": id_, "error": told}


def _pooled(raw: bytes, chain_id: int) -> Pooled:
    try:
        nonce, price, gas, to, value, data, v, r, s = rlp.decode(raw)
    except (ValueError, rlp.exceptions.RLPException):
        raise RpcError(-32602, "Invalid transaction params (missing or incorrect)") from None
    signed_for = (int.from_bytes(v, "big") - 35) // 2
    if signed_for != chain_id:
        raise RpcError(-32000, "Wrong chainId")
    number = {"nonce": nonce, "gasPrice": price, "gas": gas, "value": value, "v": v, "r": r, "s": s}
    return Pooled(
        raw=raw,
        tx_hash=Web3.to_hex(Web3.keccak(raw)),
        sender=str(Account.recover_transaction(raw)).lower(),
        nonce=int.from_bytes(nonce, "big"),
        price=int.from_bytes(price, "big"),
        fields={
            **{name: hex(int.from_bytes(one, "big")) for name, one in number.items()},
            "to": Web3.to_hex(to) if to else None,
            "input": Web3.to_hex(data),
            "type": "0x0",
            "chainId": hex(chain_id),
        },
    )


def _made_here(block: Mapping[str, Any]) -> dict[str, Any]:
    names = ("hash", "parentHash", "miner", "difficulty", "totalDifficulty", "mixHash", "baseFeePerGas", "extraData")
    return {name: block[name] for name in names}


def _extra(validators: list[bytes], round_: int, seals: list[bytes] | None) -> bytes:
    """Without seals where they are None, as what is signed and hashed has none."""
    return bytes(rlp.encode([_VANITY, validators, [], round_, seals or []]))


def _header(fields: Mapping[str, Any]) -> bytes:
    def item(name: str) -> bytes:
        text = str(fields[name])
        if name in _QUANTITIES:
            number = int(text, 16)
            return number.to_bytes((number.bit_length() + 7) // 8, "big")
        return bytes.fromhex(text[2:])

    return bytes(rlp.encode([item(name) for name in _HEADER_FIELDS]))


def _exchanged(value: Any, names: Mapping[str, str]) -> Any:
    """A JSON value with every string that is a name exchanged."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, list):
        return [_exchanged(one, names) for one in value]
    if isinstance(value, dict):
        return {key: _exchanged(one, names) for key, one in value.items()}
    return value


def _add(there: list[str], more: list[str], fault: str) -> str:
    if set(there) & set(more):
        raise RpcError(-32000, fault)
    there.extend(more)
    return "Success"


def _remove(there: list[str], gone: list[str], fault: str) -> str:
    if set(gone) - set(there):
        raise RpcError(-32000, fault)
    there[:] = [one for one in there if one not in gone]
    return "Success"
