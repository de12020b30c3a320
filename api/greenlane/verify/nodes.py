"""Asking a node of the chain over JSON-RPC, with the standard library alone.

Nothing a node sends is trusted to be short, timely or well formed: each answer has one deadline from the first look-up of its
name to its last byte, and a bound on its size; redirects are not followed; only http and https are spoken. Whatever goes wrong on
the way is one error, `NodeAway`, since it says nothing about the receipt.

A question that is given up leaves nothing behind: its socket is cut off, and the thread that waits there wakes and ends. Two
waits cannot be cut short: the look-up of a name, which ends when the system gives it up, and becoming connected, where each of a
name's addresses, and TLS, is waited for as long as was said. So the questions that are open at once to one node are counted.
Source: the Ethereum JSON-RPC specification (execution-apis); JSON-RPC 2.0.
"""

import json
import queue
import re
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from greenlane.core.anchoring import anchored_topics
from greenlane.core.canonical import JsonValue, parse_json
from greenlane.core.errors import InvalidInput
from greenlane.core.merkle import HASH_BYTES
from greenlane.core.units import Address, BlockNumber, CenterId, ChainId, RootHash, TreeSize, TxHash
from greenlane.core.wire import decode_hex, encode_hex, shown
from greenlane.verify.anchor import Anchoring, NodeAway

TIMEOUT_S = 10.0
MAX_ANSWER_BYTES = 1_048_576
# Nodes bound the blocks that one question may span, Besu at 5000 unless told otherwise; what is sought lies near the end.
WINDOW_BLOCKS = 5_000
MAX_WINDOWS = 64
MAX_OPEN_QUESTIONS = 16
"""To one node at once; whoever comes then waits, as long as an answer may take."""
_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,15}", re.ASCII)
_LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z


class NodeUrlInvalid(InvalidInput):
    """A text is no address of a node."""

    code = "node-url-invalid"
    default_remedy = "Give an address like https://node.example:8545."


class CallRefused(NodeAway):
    """A node answered, and will not do what it was asked."""

    code = "call-refused"


class AnswerTooLong(NodeAway):
    """A node answers with more than is read of one answer; a narrower question may do."""

    code = "answer-too-long"


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
        self._open_questions = threading.BoundedSemaphore(MAX_OPEN_QUESTIONS)

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

    def head(self) -> BlockNumber:
        """The number of the latest block."""
        return BlockNumber(_quantity(self._ask("eth_blockNumber")))

    def call(self, contract: Address, data: bytes, block: BlockNumber) -> bytes:
        """What a contract answers to a call after a block (`eth_call`)."""
        return _bytes(self._ask("eth_call", {"to": encode_hex(contract), "data": encode_hex(data)}, hex(block)))

    def logs(
        self, contracts: Sequence[Address], topics: Sequence[bytes], first: BlockNumber, last: BlockNumber
    ) -> list[tuple[list[bytes], bytes]]:
        """Events of contracts in blocks, both included, in the order of the chain: topics and data of each.

        Args:
            topics: those of other signatures are left out.
        """
        asked: dict[str, JsonValue] = {
            "address": [encode_hex(contract) for contract in contracts],
            "topics": [[encode_hex(one) for one in topics]],
            "fromBlock": hex(first),
            "toBlock": hex(last),
        }
        events = self._ask("eth_getLogs", asked)
        if not isinstance(events, list):
            raise NodeAway("Its answer to eth_getLogs is no list.")
        return [_log(event) for event in events]

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
        # hours. So the exchange runs beside us, and is cut off when its time is over.
        answers: queue.SimpleQueue[bytes | NodeAway] = queue.SimpleQueue()
        line = _Line()

        def exchange() -> None:
            try:
                answers.put(self._exchange(body, line))
            finally:
                self._open_questions.release()

        deadline = time.monotonic() + self._timeout_s
        if not self._open_questions.acquire(timeout=self._timeout_s):
            raise NodeAway(f"It has left {MAX_OPEN_QUESTIONS} other questions without an answer.")
        threading.Thread(target=exchange, daemon=True).start()
        try:
            answer = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            line.cut_off()
            answer = NodeAway(f"It did not answer within {self._timeout_s:g} seconds.")
        if isinstance(answer, NodeAway):
            raise answer
        return answer

    def _exchange(self, body: bytes, line: "_Line") -> bytes | NodeAway:
        opener = urllib.request.OpenerDirector()
        # Not build_opener: it would follow redirects, and speak file and ftp.
        for handler in (urllib.request.ProxyHandler(), _Http(line), _Https(line)):
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
            return AnswerTooLong(f"Its answer has more than {self._max_answer_bytes} bytes.")
        return answer


class _Line:
    """The sockets of one exchange, so that whoever has waited long enough can wake whoever waits there."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._is_cut_off = False

    def hold(self, sock: socket.socket) -> None:
        """Takes a socket that has just become one of the exchange's; it is cut off at once where the line is."""
        with self._lock:
            self._sockets.append(sock)
            is_late = self._is_cut_off
        if is_late:
            _shut(sock)

    def cut_off(self) -> None:
        """Whatever waits for a socket of this line, now or later, finds its end."""
        with self._lock:
            self._is_cut_off = True
            sockets = tuple(self._sockets)
        for sock in sockets:
            _shut(sock)


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):
        # That of the plain socket: a TLS socket's own would take its state away from under the thread that reads.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


class _Connection(HTTPConnection):
    """A connection of a line; through a proxy, the talk with the proxy is on the line already."""

    def __init__(self, host: str, *, line: _Line, **options: Any) -> None:
        self._line = line
        super().__init__(host, **options)

    @property
    def sock(self) -> Any:
        return self._sock

    @sock.setter
    def sock(self, sock: Any) -> None:
        self._sock = sock
        if sock is not None:
            self._line.hold(sock)


class _TlsConnection(_Connection, HTTPSConnection):
    """The same, and TLS; its handshake, unlike all else, is timed as a whole by the socket."""


class _Http(urllib.request.HTTPHandler):
    """http over a line."""

    def __init__(self, line: _Line) -> None:
        super().__init__()
        self._line = line

    def http_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(partial(_Connection, line=self._line), req)


class _Https(urllib.request.HTTPSHandler):
    """https over a line."""

    def __init__(self, line: _Line) -> None:
        super().__init__()
        self._line = line

    def https_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(partial(_TlsConnection, line=self._line), req)


def _log(event: JsonValue) -> tuple[list[bytes], bytes]:
    topics = _member(event, "topics")
    if not isinstance(topics, list):
        raise NodeAway("Its answer has no topics.")
    return [_word(one) for one in topics], _bytes(_member(event, "data"))


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
