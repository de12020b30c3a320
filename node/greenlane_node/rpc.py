"""One node of the chain, asked over JSON-RPC by whoever runs it.

The server asks nodes through adapters/evm, with failover and proofs; here one certain node is meant, its answer or its silence
is the news, and methods are asked that only a node's keeper may ask (permissions, peers). An RPC node wants a token: it is read
from its file at each call, so that a renewed one is taken without a restart, and never shown.
Source: Ethereum JSON-RPC (execution-apis); JSON-RPC 2.0; Besu API reference.
"""

from pathlib import Path

import requests
from greenlane.core.canonical import JsonValue, parse_json
from greenlane.core.errors import GreenlaneError, InvalidInput, Unavailable
from web3 import HTTPProvider, Web3
from web3.middleware import ExtraDataToPOAMiddleware

TIMEOUT_S = 5.0
_MAX_ANSWER_BYTES = 8 * 1_048_576


class NodeSilent(Unavailable):
    """A node does not answer, or not in a way that can be read."""

    code = "node-silent"
    default_remedy = "Start the node, or look into its log."


class NodeRefused(GreenlaneError):
    """A node answered with an error; `number` is its JSON-RPC code."""

    code = "node-refused"

    def __init__(self, detail: str, *, number: int | None = None, where: str | None = None, remedy: str | None = None) -> None:
        super().__init__(detail, where=where, remedy=remedy)
        self.number = number


class NodeRpc:
    """A node at one address; nothing is asked before the first call."""

    def __init__(self, url: str, *, token_file: Path | None = None, timeout_s: float = TIMEOUT_S) -> None:
        """Args:
        url: http or https, without user name or password.
        token_file: one line, a bearer token; None where the node wants none.
        timeout_s: for one answer.
        """
        self.url = url
        self._token_file = token_file
        self._timeout_s = timeout_s
        self._session = requests.Session()
        # A node is named by its address: no proxy of the environment stands between us and it.
        self._session.trust_env = False

    def call(self, method: str, *params: JsonValue) -> JsonValue:
        """The result of one call.

        Raises:
            NodeSilent: the node does not answer in time, or not in JSON.
            NodeRefused: it answers with an error.
        """
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        try:
            answer = self._session.post(
                self.url, json=request, headers=self._headers(), timeout=self._timeout_s, allow_redirects=False, stream=True
            )
            data = answer.raw.read(_MAX_ANSWER_BYTES + 1, decode_content=True)
        except (requests.RequestException, OSError) as error:
            raise NodeSilent(f"The node does not answer: {type(error).__name__}.", where=self.url) from error
        if answer.status_code == 401:
            raise NodeRefused(
                "The node wants a token that is valid.",
                where=self.url,
                remedy="Give the file of a fresh token: --token-file, or tokens/ in the home folder.",
            )
        if answer.status_code == 403:
            raise NodeRefused(
                "The node does not answer to this host name, or not to this token.",
                where=self.url,
                remedy="Ask it at a name on its host-allowlist, with a token that may ask this.",
            )
        return self._result(method, data)

    def web3(self) -> Web3:
        """The same node, for the contracts' bindings."""
        provider = HTTPProvider(
            self.url,
            request_kwargs={"timeout": self._timeout_s, "headers": {"Content-Type": "application/json", **self._headers()}},
            session=self._session,
            exception_retry_configuration=None,
        )
        web3 = Web3(provider)
        web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
        return web3

    def _headers(self) -> dict[str, str]:
        if self._token_file is None:
            return {}
        token = self._token_file.read_text(encoding="ascii").strip()
        return {"Authorization": f"Bearer {token}"}

    def _result(self, method: str, data: bytes) -> JsonValue:
        try:
            answer = parse_json(data)
        except InvalidInput as error:
            raise NodeSilent("The node's answer is no JSON.", where=self.url) from error
        if not isinstance(answer, dict) or ("result" in answer) == ("error" in answer):
            raise NodeSilent("The node's answer is no answer of JSON-RPC.", where=self.url)
        fault = answer.get("error")
        if isinstance(fault, dict):
            number, words = fault.get("code"), str(fault.get("message", ""))[:200]
            raise NodeRefused(
                f"The node refuses {method}: {words}", number=number if isinstance(number, int) else None, where=self.url
            )
        return answer.get("result")
