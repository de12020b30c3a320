"""Acts as `besu` as far as whoever starts and ends it can see: options, files, ports, RPC, signals. It seals nothing.

Reads --config-file, wants its key and its lists as Besu does, listens on its ports, answers a few methods, ends at SIGTERM. Peers
are the static nodes whose port is open. Where STAND_IN_UPSTREAM names an address, it says there who it is and with which key, and
is told whom to ask everything else: so a chain in a test's hands (worlds/stand_in_network.py) stands behind these processes.

Beside config.toml may lie stand-in.json, which tells it to misbehave: {"crash": "words"} at its start, {"hang": true} never
answer, {"deaf": true} pass over SIGTERM, {"slow_s": 2.0} answer late, {"still": true} make no blocks, {"end_after_s": 1.0}.
"""

import json
import os
import re
import signal
import socket
import stat
import sys
import threading
import time
import tomllib
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

VERSION = os.environ.get("STAND_IN_VERSION", "26.8.0")
BLOCK_S = 0.2


def say(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()


class Refused(Exception):
    """The node does not start."""


class Node:
    def __init__(self, config: Path) -> None:
        self.config: dict[str, Any] = tomllib.loads(config.read_text(encoding="utf-8"))
        self.folder = config.parent
        self.name = self.folder.name
        ways = self.folder / "stand-in.json"
        self.ways: dict[str, Any] = json.loads(ways.read_text(encoding="utf-8")) if ways.exists() else {}
        self.began = time.monotonic()
        if "crash" in self.ways:
            raise Refused(str(self.ways["crash"]))
        key = Path(self.config["node-private-key-file"])
        # Besu would make itself another key; here that is a fault of whoever starts it.
        if not key.is_file():
            raise Refused(f"there is no key at {key}")
        if stat.S_IMODE(key.stat().st_mode) != 0o600 or re.fullmatch(r"(0x)?[0-9a-f]{64}\s*", key.read_text()) is None:
            raise Refused("the key is open to others, or none")
        self.genesis = json.loads(Path(self.config["genesis-file"]).read_text(encoding="utf-8"))
        self.static: list[str] = json.loads(Path(self.config["static-nodes-file"]).read_text(encoding="utf-8"))
        self.allowed: list[str] = self._list("nodes")
        self.accounts: list[str] = self._list("accounts")
        lost = set(self.static) - set(self.allowed) if self.config.get("permissions-nodes-config-file-enabled") else set()
        if lost:
            raise Refused(f"static nodes that are not on the allowlist: {sorted(lost)}")
        Path(self.config["data-path"]).mkdir(parents=True, exist_ok=True)
        upstream = os.environ.get("STAND_IN_UPSTREAM")
        said = {"name": self.name, "key": key.read_text(), "port": self.config["p2p-port"]}
        self.upstream = None if upstream is None else _post(upstream, said)["url"]

    def _list(self, what: str) -> list[str]:
        if not self.config.get(f"permissions-{what}-config-file-enabled"):
            return []
        told = tomllib.loads(Path(self.config[f"permissions-{what}-config-file"]).read_text(encoding="utf-8"))
        return list(told[f"{what}-allowlist"])

    def peers(self) -> int:
        return sum(_is_open(one) for one in self.static)

    def answer(self, method: str, params: list[Any], headers: Any) -> tuple[int, dict[str, Any]]:
        """HTTP status, and result or error."""
        if not self._may(method, headers):
            return 401, {"error": {"code": -40100, "message": "Unauthorized"}}
        match method:
            case "net_peerCount":
                return 200, {"result": hex(self.peers())}
            case "perm_getNodesAllowlist":
                return 200, {"result": self.allowed}
            case "perm_getAccountsAllowlist":
                return 200, {"result": self.accounts}
            case "perm_addNodesToAllowlist":
                self.allowed += params[0]
                return 200, {"result": "Success"}
            case "perm_removeNodesFromAllowlist":
                self.allowed = [one for one in self.allowed if one not in params[0]]
                return 200, {"result": "Success"}
            case "perm_addAccountsToAllowlist":
                self.accounts += params[0]
                return 200, {"result": "Success"}
            case "perm_removeAccountsFromAllowlist":
                self.accounts = [one for one in self.accounts if one not in params[0]]
                return 200, {"result": "Success"}
            case "perm_reloadPermissionsFromFile":
                self.allowed, self.accounts = self._list("nodes"), self._list("accounts")
                return 200, {"result": "Success"}
            case "admin_addPeer" | "admin_removePeer":
                return 200, {"result": True}
        if self.upstream is not None:
            return self._ask_upstream(method, params)
        match method:
            case "eth_chainId":
                return 200, {"result": hex(self.genesis["config"]["chainId"])}
            case "eth_blockNumber":
                return 200, {"result": hex(0 if self.ways.get("still") else int((time.monotonic() - self.began) / BLOCK_S))}
        return 200, {"error": {"code": -32601, "message": "Method not found"}}

    def _may(self, method: str, headers: Any) -> bool:
        if not self.config.get("rpc-http-authentication-enabled"):
            return True
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import import_key

        pem = Path(self.config["rpc-http-authentication-jwt-public-key-file"]).read_bytes()
        algorithm = self.config.get("rpc-http-authentication-jwt-algorithm", "RS256")
        try:
            token = jwt.decode(headers.get("Authorization", "").removeprefix("Bearer "), import_key(pem, "EC"), [algorithm])
        except (JoseError, ValueError):
            return False
        if token.claims["exp"] < time.time():
            return False
        group, _, name = method.partition("_")
        return bool({f"{group}:*", f"{group}:{name}", "*:*"} & set(token.claims["permissions"]))

    def _ask_upstream(self, method: str, params: list[Any]) -> tuple[int, dict[str, Any]]:
        try:
            told = _post(str(self.upstream), {"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        except urllib.error.HTTPError as refusal:
            return refusal.code, json.loads(refusal.read() or b"{}")
        except (OSError, ValueError):
            return 200, {"error": {"code": -32603, "message": "Internal error"}}
        return 200, {name: told[name] for name in ("result", "error") if name in told}


def _post(url: str, value: object) -> dict[str, Any]:
    body = json.dumps(value).encode()
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        told: dict[str, Any] = json.load(answer)
    return told


def _is_open(enode: str) -> bool:
    host, _, port = enode.partition("@")[2].rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=1):
            return True
    except OSError:
        return False


def serve(node: Node) -> None:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Else the second part of each answer waits 40 ms for word that the first has come.
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            time.sleep(float(node.ways.get("slow_s", 0)))
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answers = []
            for one in asked if isinstance(asked, list) else [asked]:
                status, told = node.answer(one["method"], one.get("params", []), self.headers)
                answers.append({"jsonrpc": "2.0", "id": one.get("id"), **told})
            body = json.dumps(answers if isinstance(asked, list) else answers[0]).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    config = node.config
    peers = socket.socket()
    peers.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    peers.bind((config["p2p-host"], config["p2p-port"]))
    peers.listen(64)
    threading.Thread(target=_take, args=(peers,), daemon=True).start()
    if config.get("metrics-enabled"):
        ThreadingHTTPServer((config["metrics-host"], config["metrics-port"]), Handler)
    if node.ways.get("hang"):
        say("hangs")
        # In turns: a signal that comes just before a wait is heard at its end.
        while not threading.Event().wait(0.2):
            pass
    ThreadingHTTPServer.daemon_threads = True
    server = ThreadingHTTPServer((config["rpc-http-host"], config["rpc-http-port"]), Handler)
    if "end_after_s" in node.ways:
        threading.Timer(float(node.ways["end_after_s"]), lambda: os._exit(1)).start()
    say(f"{node.name} answers on {config['rpc-http-port']}")
    server.serve_forever(poll_interval=0.05)


def _take(peers: socket.socket) -> None:
    while True:
        peers.accept()[0].close()


def end(_number: int, _frame: object) -> None:
    say("asked to end")
    os._exit(0)


def main(arguments: list[str]) -> int:
    if "--version" in arguments:
        sys.stdout.write(f"besu/v{VERSION}/linux-x86_64/openjdk-java-25\n")
        return 0
    options = dict(one.removeprefix("--").partition("=")[::2] for one in arguments if one.startswith("--"))
    try:
        node = Node(Path(options["config-file"]))
    except Refused as why:
        say(f"does not start: {why}")
        return 2
    signal.signal(signal.SIGTERM, signal.SIG_IGN if node.ways.get("deaf") else end)
    say(f"{node.name} starts with {options}")
    serve(node)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
