"""One node's JSON-RPC over HTTP, for web3 and for what web3 hides.

Nothing a node sends is trusted to be short or timely: each answer has one deadline from the look-up of the node's name to its
last byte, and a bound on its size. Redirects are not followed, and no proxy of the environment stands between. Connections are
kept. Whatever goes wrong on the way is `Unreached`, whose words hold neither the token nor what an address may hide: user name,
password, path and query. A node that answers and will not let us in is `Unwelcome`.
Source: Ethereum JSON-RPC (execution-apis); JSON-RPC 2.0; Besu's RPC authentication (JWT, HTTP 401) and host allowlist (403).
"""

import base64
import json
import queue
import socket
import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final, cast
from urllib.parse import unquote, urlsplit

from web3 import Web3
from web3.providers.base import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from greenlane.adapters.evm.tokens import RpcTokens, node_name
from greenlane.core.canonical import JsonValue

MAX_ANSWER_BYTES: Final = 16 * 1_048_576
"""Besu answers for at most 5,000 blocks of logs and 1,024 calls of a batch; headers of 100 validators have 20 kB each in JSON."""
_KEPT_CONNECTIONS: Final = 8
_TOO_LONG: Final = "answers with more than {} bytes"


class Unreached(Exception):
    """A node could not be asked, or not so that its answer can be read; another one may know."""


class AnswerTooLong(Unreached):
    """A node's answer has more bytes than are taken; it may answer less of the same."""


class Unwelcome(Unreached):
    """A node answers, and not to us.

    Attributes:
        remedy: what opens its door.
        wants_token: whether it is a token that it wants, or another one.
    """

    def __init__(self, detail: str, remedy: str, *, wants_token: bool = False) -> None:
        super().__init__(detail)
        self.remedy = remedy
        self.wants_token = wants_token


class NodeFault(Exception):
    """A node's answer is an error of JSON-RPC.

    Attributes:
        code: its number.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Wire(JSONBaseProvider):
    """A provider for web3. Safe for threads."""

    def __init__(
        self, url: str, *, timeout_s: float, tokens: RpcTokens | None = None, max_answer_bytes: int = MAX_ANSWER_BYTES
    ) -> None:
        """Takes an address; nothing is asked yet.

        Args:
            url: http or https.
            timeout_s: for one whole answer.
            tokens: for nodes that want one.
            max_answer_bytes: for one whole answer.
        """
        super().__init__()
        self.name = node_name(url)
        self._url = url
        self._timeout_s = timeout_s
        self._tokens = tokens
        self._max_answer_bytes = max_answer_bytes
        self._idle: list[HTTPConnection] = []
        weakref.finalize(self, _close, self._idle)

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        answer = self._told(self.encode_rpc_request(method, params))
        if not isinstance(answer, dict):
            raise Unreached(f"{self.name} answers with what is no JSON-RPC.")
        return cast(RPCResponse, answer)

    def make_batch_request(self, requests: list[tuple[RPCEndpoint, Any]]) -> list[RPCResponse] | RPCResponse:
        answers = self._told(self.encode_batch_rpc_request(requests))
        if isinstance(answers, dict):
            # One error for all of them.
            return cast(RPCResponse, answers)
        if not all(isinstance(one, dict) and isinstance(one.get("id"), int) for one in answers):
            raise Unreached(f"{self.name} answers with what is no JSON-RPC.")
        # Answers may come in any order; ids rise in that of the questions.
        return cast(list[RPCResponse], sorted(answers, key=lambda one: one["id"]))

    def close(self) -> None:
        """Ends the connections that are kept."""
        _close(self._idle)

    def _told(self, body: bytes) -> Any:
        sent = self._token()
        status, answer = self._post(body, sent)
        if status == 401 and self._tokens is not None:
            self._tokens.renew()
            # Once only: a token that is refused twice does not get better by being sent again.
            if self._token() != sent:
                status, answer = self._post(body, self._token())
        if status == 401:
            raise Unwelcome(
                f"{self.name} wants {'another token' if self._token() else 'a token'}.",
                "Put a fresh token for this node into the file that GREENLANE_RPC_TOKEN_FILE names; it is read again by itself.",
                wants_token=True,
            )
        if status == 403:
            raise Unwelcome(
                f"{self.name} does not answer to this host name.",
                "Put the name into the node's host-allowlist, or ask by another.",
            )
        # Besu says 400 where it cannot read a request, with the reason as JSON-RPC.
        if status not in (200, 400):
            raise Unreached(f"{self.name} answers with the HTTP status {status}.")
        try:
            told = json.loads(answer)
        except (ValueError, RecursionError) as error:
            raise Unreached(f"{self.name} answers with what is no JSON.") from error
        if not isinstance(told, dict | list):
            raise Unreached(f"{self.name} answers with what is no JSON-RPC.")
        return told

    def _token(self) -> str | None:
        return None if self._tokens is None else self._tokens.token(self._url)

    def _post(self, body: bytes, token: str | None) -> tuple[int, bytes]:
        exchange = _Exchange(self._url, self._timeout_s, self._max_answer_bytes, self._idle)
        # A time-out of a socket counts from byte to byte, and not the look-up of a name: a node that drips would hold us for
        # hours. So the exchange runs beside us, and is cut off when its time is over.
        answers: queue.SimpleQueue[tuple[int, bytes] | str] = queue.SimpleQueue()
        threading.Thread(target=lambda: answers.put(exchange.outcome(body, token)), daemon=True).start()
        try:
            answer = answers.get(timeout=self._timeout_s)
        except queue.Empty:
            exchange.cut_off()
            answer = f"did not answer within {self._timeout_s:g} seconds"
        if answer == _TOO_LONG.format(self._max_answer_bytes):
            raise AnswerTooLong(f"{self.name} {answer}.")
        if isinstance(answer, str):
            raise Unreached(f"{self.name} {answer}.")
        return answer


class _Exchange:
    """One question and its answer."""

    def __init__(self, url: str, timeout_s: float, max_answer_bytes: int, idle: list[HTTPConnection]) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._max_answer_bytes = max_answer_bytes
        self._idle = idle
        self._connection: HTTPConnection | None = None
        self._is_cut_off = False

    def outcome(self, body: bytes, token: str | None) -> tuple[int, bytes] | str:
        """Status and answer, or the words for what went wrong; raises nothing."""
        while True:
            kept = self._kept()
            try:
                self._connection = kept or self._connected()
                return self._asked(self._connection, body, token)
            except (OSError, HTTPException, ValueError) as error:
                if self._connection is not None:
                    self._connection.close()
                # A kept connection may have been closed by the other side meanwhile; a new one tells whether the node is there.
                # What is sent twice by that is harmless: reading is, and a transaction that a node knows is known.
                if kept is None or self._is_cut_off:
                    return f"could not be reached ({_words(error)})"

    def cut_off(self) -> None:
        """Ends the exchange from outside: whoever waits on the socket is woken."""
        self._is_cut_off = True
        connection = self._connection
        sock: socket.socket | None = None if connection is None else connection.sock
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _kept(self) -> HTTPConnection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _connected(self) -> HTTPConnection:
        parts = urlsplit(self._url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("its address is no http or https URL")
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        return kind(parts.hostname, parts.port, timeout=self._timeout_s)

    def _asked(self, connection: HTTPConnection, body: bytes, token: str | None) -> tuple[int, bytes] | str:
        parts = urlsplit(self._url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity", "User-Agent": "greenlane"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        elif parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode('ascii')}"
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        answer = response.read(self._max_answer_bytes + 1)
        # Where no length was told, the answer is whole when the other side has ended it.
        is_whole = response.isclosed() or (response.length is None and not response.read(1))
        if len(answer) > self._max_answer_bytes:
            connection.close()
            return _TOO_LONG.format(self._max_answer_bytes)
        if not is_whole:
            connection.close()
            return "ends its answer in the middle"
        if not response.will_close and not self._is_cut_off and len(self._idle) < _KEPT_CONNECTIONS:
            self._idle.append(connection)
        else:
            connection.close()
        return response.status, answer


def ask_raw(web3: Web3, method: str, *params: JsonValue) -> JsonValue:
    """What a node answers, as it stands in its JSON.

    Raises:
        NodeFault: it answers with an error.
        Unreached: see there.
    """
    return _result(web3.provider.make_request(RPCEndpoint(method), list(params)))


def ask_many_raw(web3: Web3, calls: Sequence[tuple[str, list[JsonValue]]]) -> list[JsonValue]:
    """What a node answers to several questions at once, in their order; at most 1,024 of them, as Besu bounds it.

    Raises:
        NodeFault: it answers one of them with an error.
        Unreached: it could not be asked, or does not answer all of them.
    """
    provider = cast(JSONBaseProvider, web3.provider)
    answers = provider.make_batch_request([(RPCEndpoint(method), params) for method, params in calls])
    if not isinstance(answers, list):
        _result(answers)
        raise Unreached("A node answers many questions with one answer.")
    if len(answers) != len(calls):
        raise Unreached(f"A node answers {len(answers)} of {len(calls)} questions.")
    return [_result(one) for one in answers]


def _result(answer: RPCResponse) -> JsonValue:
    fault = cast(Any, answer).get("error")
    if fault is None and "result" not in answer:
        raise Unreached("A node answers with what is no JSON-RPC.")
    if fault is None:
        return cast(JsonValue, answer["result"])
    if not isinstance(fault, dict):
        raise NodeFault(0, "An error without a word.")
    code = fault.get("code")
    raise NodeFault(code if isinstance(code, int) else 0, str(fault.get("message", ""))[:200])


def _words(error: Exception) -> str:
    # Never the error's own words where they could hold what was sent: http.client quotes headers and paths it refuses.
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return type(error).__name__


def _close(idle: list[HTTPConnection]) -> None:
    while idle:
        idle.pop().close()
