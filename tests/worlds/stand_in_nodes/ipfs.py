"""Acts as `ipfs` as far as whoever starts, ends and asks it can see: `--version`, `init`, `daemon`, `add` of what comes on stdin.

Its RPC is that of worlds/kubo.py over files in the repository, which outlive a kill; what `add` does where it is not told stands
in its configuration. Peers are those of Peering.Peers whose port is open; on that port one asks another for a block by its CID.
"""

import json
import os
import re
import signal
import socket
import sys
import threading
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from worlds.kubo import AddDefaults, Folder, KuboServer, Node, Peer

VERSION = "0.42.0"
_NOTHING = (1 << 64) - 1
_ANSWER_S = 10.0
_LONGEST_S = 600.0


def _port(address: str) -> int:
    found = re.search(r"/tcp/(\d+)", address)
    assert found is not None, address
    return int(found[1])


def daemon(repository: Path) -> None:
    config = json.loads((repository / "config").read_text(encoding="utf-8"))
    if not (repository / "swarm.key").is_file() or os.environ.get("LIBP2P_FORCE_PNET") != "1":
        sys.exit("Error: private network was not configured but is enforced by the environment")
    told = config["Import"]
    defaults = AddDefaults(
        cid_version=told["CidVersion"],
        raw_leaves=told["UnixFSRawLeaves"],
        chunker=told["UnixFSChunker"],
        max_links=told["UnixFSFileMaxLinks"],
    )
    blocks, pins = Folder(repository / "blocks"), Folder(repository / "pins")
    node = Node(peer_id=config["Identity"]["PeerID"], blocks=blocks, pins=pins, defaults=defaults)
    for peer in config["Peering"]["Peers"]:
        node.known[peer["ID"]] = _peer(_port(peer["Addrs"][0]))
    swarm = socket.create_server(("127.0.0.1", _port(config["Addresses"]["Swarm"][0])), backlog=64)
    threading.Thread(target=_answer_peers, args=(swarm, node), daemon=True).start()
    secrets = [one["AuthSecret"] for one in config["API"].get("Authorizations", {}).values()]
    token = secrets[0].removeprefix("bearer:") if secrets else None
    server = KuboServer(node, port=_port(config["Addresses"]["API"][0]), token=token)
    sys.stdout.write("Daemon is ready\n")
    sys.stdout.flush()
    # In turns: a signal that comes just before a wait is heard at its end.
    while not server.over.wait(0.2):
        pass


def _peer(port: int) -> Peer:
    def fetch(cid: str) -> bytes | None:
        with (
            suppress(OSError),
            socket.create_connection(("127.0.0.1", port), timeout=_ANSWER_S) as peer,
            peer.makefile("rb") as said,
        ):
            peer.sendall(f"{cid}\n".encode())
            size = int.from_bytes(said.read(8), "big")
            data = b"" if size == _NOTHING else said.read(size)
            return data if len(data) == size else None
        return None

    def is_up() -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", port)) == 0

    return Peer(fetch=fetch, is_up=is_up)


def _answer_peers(swarm: socket.socket, node: Node) -> None:
    while True:
        threading.Thread(target=_answer_peer, args=(swarm.accept()[0], node), daemon=True).start()


def _answer_peer(peer: socket.socket, node: Node) -> None:
    with suppress(OSError), peer, peer.makefile("rb") as asked:
        peer.settimeout(_ANSWER_S)
        data = node.blocks.get(asked.readline(128).decode(errors="replace").strip())
        peer.sendall(_NOTHING.to_bytes(8, "big") if data is None else len(data).to_bytes(8, "big") + data)


def add(repository: Path, arguments: list[str]) -> int:
    """What comes on stdin goes to the daemon; its CID is written."""
    options = dict(one.removeprefix("--").partition("=")[::2] for one in arguments if one.startswith("--"))
    secret = options.pop("api-auth", "").removeprefix("bearer:")
    config = json.loads((repository / "config").read_text(encoding="utf-8"))
    boundary = os.urandom(16).hex()
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename=""\r\nContent-Type: text/plain\r\n\r\n'
    body = head.encode() + sys.stdin.buffer.read() + f"\r\n--{boundary}--\r\n".encode()
    query = "&".join(f"{name}={value or 'true'}" for name, value in options.items())
    request = urllib.request.Request(
        f"http://127.0.0.1:{_port(config['Addresses']['API'][0])}/api/v0/add?{query}",
        data=body,
        method="POST",
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}", "Authorization": f"Bearer {secret}"},
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=_LONGEST_S) as answer:
        told: dict[str, Any] = json.loads(answer.read().splitlines()[-1])
    sys.stdout.write(f"{told['Hash']}\n")
    return 0


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
    if "add" in arguments:
        return add(repository, [one for one in arguments if one not in ("add", "-Q")])
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
