"""Acts as `ipfs` as far as whoever starts and ends it can see: `--version`, `init`, `daemon`; its RPC knows itself and its peers.

Peers are those of Peering.Peers whose port is open. What one adds, another of the same home reads from its folder; only the CID
of a document of one chunk is a true one.
"""

import base64
import hashlib
import json
import os
import re
import signal
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

VERSION = "0.42.0"
CHUNK_BYTES = 1 << 20


def _port(address: str) -> int:
    found = re.search(r"/tcp/(\d+)", address)
    assert found is not None, address
    return int(found[1])


def daemon(repository: Path) -> None:
    config = json.loads((repository / "config").read_text(encoding="utf-8"))
    if not (repository / "swarm.key").is_file() or os.environ.get("LIBP2P_FORCE_PNET") != "1":
        sys.exit("Error: private network was not configured but is enforced by the environment")
    swarm = socket.socket()
    swarm.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    swarm.bind(("127.0.0.1", _port(config["Addresses"]["Swarm"][0])))
    swarm.listen(64)
    threading.Thread(target=_take, args=(swarm,), daemon=True).start()
    secrets = [one["AuthSecret"] for one in config["API"].get("Authorizations", {}).values()]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = self.headers.get("Authorization", "").removeprefix("Bearer ")
            if secrets and f"bearer:{sent}" not in secrets:
                self._say(403, b"403 - Forbidden")
            elif self.path == "/api/v0/id":
                self._say(200, json.dumps({"ID": config["Identity"]["PeerID"]}).encode())
            elif self.path == "/api/v0/swarm/peers":
                peers = [one for one in config["Peering"]["Peers"] if _is_open(_port(one["Addrs"][0]))]
                self._say(200, json.dumps({"Peers": [{"Peer": one["ID"]} for one in peers] or None}).encode())
            elif self.path.startswith("/api/v0/add"):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                data = body.partition(b"\r\n\r\n")[2].rpartition(b"\r\n--")[0]
                (repository / _cid(data)).write_bytes(data)
                self._say(200, json.dumps({"Name": "document", "Hash": _cid(data)}).encode())
            elif self.path.startswith("/api/v0/cat?arg="):
                found = [*repository.parent.parent.glob(f"*/repository/{self.path.rpartition('=')[2]}")]
                self._say(200, found[0].read_bytes())
            else:
                self._say(404, b"404 page not found")

        def _say(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    sys.stdout.write("Daemon is ready\n")
    sys.stdout.flush()
    ThreadingHTTPServer(("127.0.0.1", _port(config["Addresses"]["API"][0])), Handler).serve_forever(poll_interval=0.05)


def _cid(data: bytes) -> str:
    digest = hashlib.sha256(data).digest()
    if len(data) > CHUNK_BYTES:
        return "bafybei" + digest.hex()
    return "b" + base64.b32encode(b"\x01\x55\x12\x20" + digest).decode().rstrip("=").lower()


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _take(swarm: socket.socket) -> None:
    while True:
        swarm.accept()[0].close()


def main(arguments: list[str]) -> int:
    if "--version" in arguments or arguments[:1] == ["version"]:
        sys.stdout.write(f"ipfs version {VERSION}\n")
        return 0
    repository = Path(os.environ["IPFS_PATH"])
    if "init" in arguments:
        repository.mkdir(parents=True, exist_ok=True)
        if (repository / "config").exists():
            sys.exit("Error: ipfs configuration file already exists!")
        (repository / "config").write_bytes(Path(arguments[-1]).read_bytes())
        return 0
    if "daemon" in arguments:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        daemon(repository)
        return 0
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
