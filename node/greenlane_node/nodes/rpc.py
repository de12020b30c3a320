"""One node of the chain, asked over JSON-RPC by whoever runs it.

The server asks nodes through adapters/evm, with failover and proofs; here one certain node is meant, its answer or its silence
is the news, and methods are asked that only a node's keeper may ask (permissions, peers). What carries the questions is the same:
one deadline for a whole answer, a bound on its size, no proxy, no redirect (adapters/evm/wire.py). An RPC node wants a token: it
is read from its file again when that changes, so that a renewed one is taken without a restart, and never shown.
Source: Ethereum JSON-RPC (execution-apis); JSON-RPC 2.0; Besu API reference.
"""

from pathlib import Path
from typing import Any, Final

from greenlane.adapters.evm.tokens import RpcTokens
from greenlane.adapters.evm.wire import NodeFault, Unreached, Unwelcome, Wire, ask_raw
from greenlane.core.canonical import JsonValue
from greenlane.core.errors import GreenlaneError, Unavailable
from web3 import Web3
from web3.middleware import ExtraDataToPOAMiddleware
from web3.types import RPCEndpoint, RPCResponse

TIMEOUT_S: Final = 5.0
_MAX_ANSWER_BYTES: Final = 8 * 1_048_576
_FRESH_ONE: Final = "Give the file of a fresh token: --token-file, or tokens/ in the home folder."
_OPENS_NAME: Final = "Ask it at a name on its host-allowlist, with a token that may ask this."


class NodeSilent(Unavailable):
    """A node does not answer, or not in a way that can be read."""

    code = "node-silent"
    default_remedy = "Start the node, or look into its log."


class NodeRefused(GreenlaneError):
    """A node answered with an error; `number` is its JSON-RPC code, None where it did not let us ask."""

    code = "node-refused"

    def __init__(self, detail: str, *, number: int | None = None, where: str | None = None, remedy: str | None = None) -> None:
        super().__init__(detail, where=where, remedy=remedy)
        self.number = number


class NodeRpc:
    """A node at one address; nothing is asked before the first call."""

    def __init__(self, url: str, *, token_file: Path | None = None, timeout_s: float = TIMEOUT_S) -> None:
        """Takes an address.

        Args:
            url: http or https.
            token_file: bearer tokens as adapters/evm/tokens.py reads them; None where the node wants none.
            timeout_s: for one whole answer.
        """
        self.url = url
        self._token_file = token_file
        self._timeout_s = timeout_s
        self._bare: Web3 | None = None

    def call(self, method: str, *params: JsonValue) -> JsonValue:
        """The result of one call.

        Raises:
            NodeSilent: the node does not answer in time, or not in JSON.
            NodeRefused: it answers with an error, or wants another token.
            RpcTokenFileInvalid: the file of tokens cannot be read.
        """
        try:
            return ask_raw(self._opened(), method, *params)
        except NodeFault as fault:
            raise NodeRefused(f"The node refuses {method}: {fault}", number=fault.code, where=self.url) from fault
        except Unreached as error:
            raise NodeSilent(str(error), where=self.url) from error

    def web3(self) -> Web3:
        """The same node, for the contracts' bindings; what they ask ends in the same two faults where it is not answered.

        Raises:
            RpcTokenFileInvalid: the file of tokens cannot be read.
        """
        web3 = Web3(self._opened().provider)
        web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
        return web3

    def _opened(self) -> Web3:
        if self._bare is None:
            tokens = None if self._token_file is None else RpcTokens(self._token_file)
            self._bare = Web3(_NodeWire(self.url, timeout_s=self._timeout_s, tokens=tokens, max_answer_bytes=_MAX_ANSWER_BYTES))
        return self._bare


class _NodeWire(Wire):
    """Says silence and refusal in the words of this room, however deep in a binding the question was put."""

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        try:
            return super().make_request(method, params)
        except Unreached as error:
            raise self._in_our_words(error) from error

    def make_batch_request(self, requests: list[tuple[RPCEndpoint, Any]]) -> list[RPCResponse] | RPCResponse:
        try:
            return super().make_batch_request(requests)
        except Unreached as error:
            raise self._in_our_words(error) from error

    def _in_our_words(self, error: Unreached) -> NodeRefused | NodeSilent:
        if isinstance(error, Unwelcome):
            return NodeRefused(str(error), where=self.name, remedy=_FRESH_ONE if error.wants_token else _OPENS_NAME)
        return NodeSilent(str(error), where=self.name)
