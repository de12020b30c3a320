"""A home with Besu nodes that somebody keeps: folders as `init` writes them, and stand-ins that answer for the nodes.

with kept_nodes(home, running, center) as nodes:      # running: an embedded network in the same home
    nodes["validator-lima"].permitted_nodes           # what the running node goes by
    nodes["validator-lima"].is_away = True
    nodes["validator-lima"].newest = 7                # it has seen no block after that one

A stand-in hands every question on to the network's anvil, but for permissions and peers, which anvil does not know. It refuses as
Besu does: an entry that is there already, one that is not, and the removal of a static node.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests
import tomli_w
from coincurve import PrivateKey
from eth_account.signers.local import LocalAccount
from greenlane.adapters.evm.bindings import PilotRegistry
from greenlane.adapters.home import Home
from greenlane.adapters.keystore import KeyUse
from greenlane.core.units import CenterId
from greenlane_node.embedded.network import RunningNetwork
from greenlane_node.layout import NetworkLayout
from web3 import HTTPProvider, Web3

_STATIC_REFUSED = -32000


@dataclass
class StandIn:
    """One node, and what a test makes of it."""

    url: str
    permitted_nodes: list[str] = field(default_factory=list)
    permitted_accounts: list[str] = field(default_factory=list)
    static: set[str] = field(default_factory=set)
    peers: int = 3
    is_away: bool = False
    wanted_token: str | None = None
    newest: int | None = None
    changed: dict[str, Any] = field(default_factory=dict)
    """Answers by method that stand in for anvil's own."""

    def as_of_newest(self, request: dict[str, Any]) -> dict[str, Any]:
        """The question as it is put to a chain that has more blocks than this node."""
        if self.newest is None:
            return request
        if request["method"] == "eth_blockNumber":
            return request | {"method": "eth_getBlockByNumber", "params": [hex(self.newest), False]}
        return request | {"params": [hex(self.newest) if one == "latest" else one for one in request.get("params", [])]}

    def answer(self, method: str, params: list[Any]) -> Any:
        lists = {"Nodes": self.permitted_nodes, "Accounts": self.permitted_accounts}
        if method in self.changed:
            return self.changed[method](params) if callable(self.changed[method]) else self.changed[method]
        if method == "net_peerCount":
            return hex(self.peers)
        for what, items in lists.items():
            if method == f"perm_get{what}Allowlist":
                return items
            if method == f"perm_add{what}ToAllowlist":
                if set(params[0]) & set(items):
                    raise ValueError("Cannot add an existing node")
                items.extend(params[0])
                return "Success"
            if method == f"perm_remove{what}FromAllowlist":
                if set(params[0]) & self.static:
                    raise ValueError("Cannot remove a static node from a whitelist")
                for item in params[0]:
                    items.remove(item)
                return "Success"
        return None


def enode_of(key: LocalAccount, port: int, host: str = "127.0.0.1") -> str:
    public_key = PrivateKey(bytes(key.key)).public_key.format(compressed=False)[1:]
    return f"enode://{public_key.hex()}@{host}:{port}"


def register_enode(running: RunningNetwork, center: CenterId, enode: str) -> None:
    """Writes a center's enode into the registry, as its operator would."""
    operator = running.keystore().account(f"{center}-operator", KeyUse.OPERATOR)
    web3 = Web3(HTTPProvider(running.rpc_url))
    signed = operator.sign_transaction(
        {
            "chainId": web3.eth.chain_id,
            "nonce": web3.eth.get_transaction_count(operator.address),
            "gas": 500_000,
            "gasPrice": 0,
            "value": 0,
            "to": Web3.to_checksum_address(running.network.pilot_registry),
            "data": Web3.to_hex(PilotRegistry.encode_set_endpoints("", enode)),
        }
    )
    receipt = web3.eth.wait_for_transaction_receipt(web3.eth.send_raw_transaction(signed.raw_transaction))
    assert receipt["status"] == 1


@contextmanager
def kept_nodes(
    directory: Path, running: RunningNetwork, center: CenterId, *, behind: str | None = None
) -> Iterator[dict[str, StandIn]]:
    """A validator and an RPC node of one center, their folders in the home; all lists are empty at first.

    Args:
        behind: who answers for them; None: the network's anvil.
    """
    layout = NetworkLayout(Home(directory))
    keystore = running.keystore()
    keys = {
        f"validator-{center}": keystore.account(f"{center}-validator", KeyUse.VALIDATOR),
        f"rpc-{center}": keystore.account(f"{center}-anchorer", KeyUse.ANCHORER),
    }
    with ExitStack() as stack:
        nodes: dict[str, StandIn] = {}
        for number, (name, key) in enumerate(keys.items()):
            nodes[name] = node = stack.enter_context(_serving(behind or running.rpc_url))
            folder = layout.besu(name)
            folder.directory.mkdir(parents=True)
            host, _, port = node.url.removeprefix("http://").partition(":")
            folder.config.write_text(tomli_w.dumps({"rpc-http-host": host, "rpc-http-port": int(port)}))
            folder.enode.write_text(enode_of(key, 30_303 + number) + "\n")
        yield nodes


@contextmanager
def _serving(behind: str) -> Iterator[StandIn]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if node.is_away:
                self.send_error(503)
                return
            if node.wanted_token is not None and self.headers["Authorization"] != f"Bearer {node.wanted_token}":
                self.send_error(401)
                return
            request = json.loads(body)
            try:
                result = node.answer(request["method"], request.get("params", []))
                answer = {"jsonrpc": "2.0", "id": request["id"], "result": result}
                if result is None:
                    asked = node.as_of_newest(request)
                    answer = requests.post(behind, json=asked, timeout=10).json()
                    if asked["method"] != request["method"]:
                        answer["result"] = answer["result"]["number"]
            except ValueError as refusal:
                answer = {"jsonrpc": "2.0", "id": request["id"], "error": {"code": _STATIC_REFUSED, "message": str(refusal)}}
            data = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    node = StandIn(url=f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield node
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
