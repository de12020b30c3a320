"""Asking a node of the chain over JSON-RPC, with the standard library alone.

Nothing a node sends is trusted to be short, timely or well formed: each answer has one deadline from the first look-up of its
name to its last byte, and a bound on its size; redirects are not followed; only http and https are spoken. Whatever goes wrong on
the way is one error, `NodeAway`, since it says nothing about the receipt.
Source: the Ethereum JSON-RPC specification (execution-apis); JSON-RPC 2.0.
"""

import json
import queue
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from http.client import HTTPException
from urllib.parse import urlsplit

from greenlane.core.anchoring import anchored_topics
from greenlane.core.canonical import JsonValue, parse_json
from greenlane.core.errors import InvalidInput
from greenlane.core.merkle import HASH_BYTES
from greenlane.core.units import Address, BlockNumber, CenterId, ChainId, RootHash, TreeSize, TxHash
from greenlane.core.wire import decode_hex, encode_hex, shown
from greenlane.verify.ladder import Anchoring, NodeAway

TIMEOUT_S = 10.0
MAX_ANSWER_BYTES = 1_048_576
# Nodes bound the blocks that one question may span, Besu at 5000 unless told otherwise; what is sought lies near the end.
WINDOW_BLOCKS = 5_000
MAX_WINDOWS = 64
_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,15}", re.ASCII)
_LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z


class NodeUrlInvalid(InvalidInput):
    """A text is no address of a node."""

    code = "node-url-invalid"
    default_remedy = "Give an address like https://node.example:8545."


class CallRefused(NodeAway):
    """A node answered, and will not do what it was asked."""

    code = "call-refused"


class JsonRpcNode:
    """A `ladder.Node` at an http or https address."""

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = TIMEOUT_S,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
        bearer: Callable[[], str | None] | None = None,
    ) -> None:
        """Remembers the address; asks nothing yet.

        Args:
            url: http or https.
            timeout_s: for one whole answer.
            max_answer_bytes: for one whole answer.
            bearer: the token to show the node, asked for before each question, since tokens end; None for none.

        Raises:
            NodeUrlInvalid: it is no such address.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise NodeUrlInvalid("What is given as a node is no URL.") from error
        if parts.scheme not in ("http", "https") or not host or not url.isascii() or not url.isprintable() or " " in url:
            raise NodeUrlInvalid("A node is asked at an http or https address.")
        if parts.username is not None or parts.password is not None:
            raise NodeUrlInvalid("An address of a node carries no user name or password.")
        # The path and query may hold a key of the node's keeper: they are asked, and never shown.
        self._name = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{'' if port is None else f':{port}'}"
        self._url = url
        self._timeout_s = timeout_s
        self._max_answer_bytes = max_answer_bytes
        self._bearer = bearer

    @property
    def name(self) -> str:
        """Scheme, host and port."""
        return self._name

    def chain_id(self) -> ChainId:
        """`eth_chainId`; see `ladder.Node`."""
        return ChainId(_quantity(self._ask("eth_chainId")))

    def genesis_hash(self) -> bytes:
        """The hash of block 0; see `ladder.Node`."""
        return _word(_member(self._ask("eth_getBlockByNumber", "0x0", False), "hash"))

    def storage_at(self, contract: Address, slot: bytes) -> bytes:
        """`eth_getStorageAt` in the latest block; see `ladder.Node`."""
        return _word(self._ask("eth_getStorageAt", encode_hex(contract), encode_hex(slot), "latest"))

    def anchoring(self, contract: Address, center: CenterId, tree_size: TreeSize, hint: BlockNumber | None) -> Anchoring | None:
        """`eth_getLogs`, in the hinted block and then everywhere, and the time of the block; see `ladder.Node`.

        Where the node refuses to look everywhere at once, the newest MAX_WINDOWS * WINDOW_BLOCKS blocks are searched.
        """
        event = None
        if hint is not None:
            # A block that the node has not is a refusal with some and no event with others; neither is the last word.
            with suppress(NodeAway):
                event = self._event(contract, center, tree_size, hex(hint), hex(hint))
        if event is None:
            try:
                event = self._event(contract, center, tree_size, "0x0", "latest")
            except CallRefused:
                event = self._event_backwards(contract, center, tree_size)
        return None if event is None else self._anchoring(event)

    def _event(self, contract: Address, center: CenterId, tree_size: TreeSize, first: str, last: str) -> JsonValue:
        topics: list[JsonValue] = [encode_hex(topic) for topic in anchored_topics(center, tree_size)]
        events = self._ask(
            "eth_getLogs",
            {"address": encode_hex(contract), "topics": topics, "fromBlock": first, "toBlock": last},
        )
        if not isinstance(events, list):
            raise NodeAway("Its answer to eth_getLogs is no list.")
        return events[0] if events else None

    def _event_backwards(self, contract: Address, center: CenterId, tree_size: TreeSize) -> JsonValue:
        began = time.monotonic()
        last = _quantity(self._ask("eth_blockNumber"))
        for _ in range(MAX_WINDOWS):
            first = max(0, last - WINDOW_BLOCKS + 1)
            event = self._event(contract, center, tree_size, hex(first), hex(last))
            if event is not None or first == 0:
                return event
            last = first - 1
            if time.monotonic() - began > self._timeout_s:
                break
        raise NodeAway(f"It refuses to search all its blocks at once, and those from {last + 1} on do not hold the event.")

    def _anchoring(self, event: JsonValue) -> Anchoring:
        number = _quantity(_member(event, "blockNumber"))
        block = self._ask("eth_getBlockByNumber", hex(number), False)
        seconds = _quantity(_member(block, "timestamp"))
        if seconds > _LAST_SECOND:
            raise NodeAway(f"The time of its block {number} is beyond all years.")
        # The data are the arguments that are not indexed: root, previousSize.
        return Anchoring(
            root=RootHash(_bytes(_member(event, "data"))[:HASH_BYTES]),
            block_number=BlockNumber(number),
            block_time=datetime.fromtimestamp(seconds, UTC),
            transaction=TxHash(_word(_member(event, "transactionHash"))),
        )

    def _ask(self, method: str, *parameters: JsonValue) -> JsonValue:
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
        try:
            answer = parse_json(self._post(json.dumps(call).encode()))
        except InvalidInput as error:
            raise NodeAway(f"Its answer to {method} is no JSON.") from error
        if not isinstance(answer, dict) or answer.get("id") != 1:
            raise NodeAway(f"Its answer to {method} is no JSON-RPC.")
        if answer.get("error") is not None:
            raise CallRefused(f"It refused {method}: {shown(json.dumps(answer['error']))}.")
        return answer.get("result")

    def _post(self, body: bytes) -> bytes:
        # A timeout of urllib counts from byte to byte, and not the look-up of the name: a node that drips would hold us for
        # hours. So the exchange runs beside us, and we wait for it as long as was said.
        answers: queue.SimpleQueue[bytes | NodeAway] = queue.SimpleQueue()
        threading.Thread(target=lambda: answers.put(self._exchange(body)), daemon=True).start()
        try:
            answer = answers.get(timeout=self._timeout_s)
        except queue.Empty:
            answer = NodeAway(f"It did not answer within {self._timeout_s:g} seconds.")
        if isinstance(answer, NodeAway):
            raise answer
        return answer

    def _exchange(self, body: bytes) -> bytes | NodeAway:
        opener = urllib.request.OpenerDirector()
        # Not build_opener: it would follow redirects, and speak file and ftp.
        for handler in (
            urllib.request.ProxyHandler(),
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(),
        ):
            opener.add_handler(handler)
        headers = {"Content-Type": "application/json"}
        token = None if self._bearer is None else self._bearer()
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(  # noqa: S310  the constructor allows http and https only
            self._url, data=body, headers=headers, method="POST"
        )
        try:
            with opener.open(request, timeout=self._timeout_s) as response:
                if response.status == 401:
                    return NodeAway("It wants a token that is valid.")
                if response.status != 200:
                    return NodeAway(f"It answered with the HTTP status {response.status}.")
                answer: bytes = response.read(self._max_answer_bytes + 1)
        except (OSError, HTTPException, ValueError) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            return NodeAway(f"It could not be reached ({shown(str(reason) or type(reason).__name__)}).")
        if len(answer) > self._max_answer_bytes:
            return NodeAway(f"Its answer has more than {self._max_answer_bytes} bytes.")
        return answer


def _member(value: JsonValue, key: str) -> JsonValue:
    if not isinstance(value, dict) or key not in value:
        raise NodeAway(f"Its answer has no {key}.")
    return value[key]


def _bytes(value: JsonValue) -> bytes:
    try:
        return decode_hex(value if isinstance(value, str) else "")
    except InvalidInput as error:
        raise NodeAway("Its answer is no hexadecimal.") from error


def _word(value: JsonValue) -> bytes:
    data = _bytes(value)
    if len(data) != HASH_BYTES:
        raise NodeAway(f"Its answer has {len(data)} bytes, not {HASH_BYTES}.")
    return data


def _quantity(value: JsonValue) -> int:
    if not isinstance(value, str) or _QUANTITY.fullmatch(value) is None:
        raise NodeAway("Its answer is no number.")
    return int(value, 16)
