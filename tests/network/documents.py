"""The steps of a trial of the documents nodes: a private swarm, and what is added at one center is read at another."""

import json
import re
import time
from base64 import b32encode
from functools import partial
from pathlib import Path
from typing import Any

import requests
from greenlane.adapters.home import Home
from greenlane.core.crypto import sha256
from greenlane_node.layout import NetworkLayout
from greenlane_node.machine.machine_nodes import MachineNode, documents_nodes
from greenlane_node.process import recorded_process
from network.scenario import ANCHOR_LIMIT_S, Step, StepFailed, Trial
from network.steps import down_ends_everything, up

_DOCUMENT_BYTES = 3 << 20
_WATCHED_S = 30.0
_ANSWER_S = 60.0


def swarm_is_private(trial: Trial) -> str:
    """Each node has the other as its peer, and nobody else."""
    nodes = _nodes(trial)
    ids = {node.name: str(_ask(node, "id")["ID"]) for node in nodes}
    for node in nodes:
        others = {id_ for name, id_ in ids.items() if name != node.name}
        trial.wait(f"{node.name} sees the others", partial(_sees, node, others), ANCHOR_LIMIT_S)
    return ", ".join(f"{name} is {id_}" for name, id_ in ids.items())


def what_one_adds_another_reads(trial: Trial) -> str:
    """Bytes added at one node come whole from the other; a document of one chunk has the CID of its own digest."""
    first, second = _nodes(trial)[:2]
    large = bytes(place * 31 & 0xFF for place in range(1 << 16)) * (_DOCUMENT_BYTES >> 16)
    small = large[:1_000]
    began = time.monotonic()
    cids = []
    for data in (small, large):
        cid = str(_ask(first, "add?pin=true", files={"file": ("document", data)})["Hash"])
        read = _post(second, f"cat?arg={cid}").content
        if read != data:
            raise StepFailed(f"{second.name} gave {len(read)} bytes for {cid}, of {len(data)}")
        cids.append(cid)
    wanted = "b" + b32encode(b"\x01\x55\x12\x20" + sha256(small)).decode().rstrip("=").lower()
    if cids[0] != wanted or not cids[1].startswith("bafybei"):
        raise StepFailed(f"the import profile is not in force: {cids}, and the first should be {wanted}")
    return f"{len(small)} and {len(large)} bytes in {time.monotonic() - began:.2f} s, as {', '.join(cids)}"


def its_rpc_wants_a_token(trial: Trial) -> str:
    """Without the token a node's RPC says nothing."""
    node = _nodes(trial)[0]
    answer = requests.post(f"{node.rpc_url}/api/v0/id", timeout=_ANSWER_S)
    if answer.status_code != 403:
        raise StepFailed(f"without a token {node.name} answers {answer.status_code}")
    return "403 without it"


def nobody_outside_is_called(trial: Trial) -> str:
    """For half a minute no socket of a node has a far end that is not this machine."""
    if not Path("/proc/self/net/tcp").exists():
        return "not looked at: this system tells nothing of sockets in /proc"
    layout, end_s = NetworkLayout(Home(trial.home)), time.monotonic() + _WATCHED_S
    processes = [recorded_process(layout.run(node.name)) for node in _nodes(trial)]
    looks = 0
    while time.monotonic() < end_s:
        for process in processes:
            if process is None or not process.is_running():
                raise StepFailed("a documents node does not run")
            far = [one for one in _far_ends(process.pid) if not _is_here(one)]
            if far:
                raise StepFailed(f"process {process.pid} calls {far}")
        looks += 1
        time.sleep(0.1)
    return f"{looks} looks in {_WATCHED_S:g} s"


def _sees(node: MachineNode, others: set[str]) -> bool:
    return {str(one["Peer"]) for one in _ask(node, "swarm/peers")["Peers"] or []} == others


def _nodes(trial: Trial) -> list[MachineNode]:
    nodes = list(documents_nodes(NetworkLayout(Home(trial.home)), None))
    if len(nodes) < 2:
        raise StepFailed(f"there are {len(nodes)} documents nodes")
    return nodes


def _ask(node: MachineNode, command: str, **more: Any) -> dict[str, Any]:
    told = json.loads(_post(node, command, **more).content)
    if not isinstance(told, dict):
        raise StepFailed(f"{node.name} answers {command} with {told!r}")
    return told


def _post(node: MachineNode, command: str, **more: Any) -> requests.Response:
    headers = {} if node.token_file is None else {"Authorization": f"Bearer {node.token_file.read_text().strip()}"}
    answer = requests.post(f"{node.rpc_url}/api/v0/{command}", headers=headers, timeout=_ANSWER_S, **more)
    if answer.status_code != 200:
        raise StepFailed(f"{node.name} answers {command} with {answer.status_code}: {answer.text[:300]}")
    return answer


def _far_ends(pid: int) -> list[str]:
    """The far ends of a process's sockets, TCP and UDP, as the system writes them: address in hex, port in hex."""
    sockets = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found = re.fullmatch(r"socket:\[(\d+)\]", str(link.readlink()))
        except OSError:
            continue
        if found is not None:
            sockets.add(found[1])
    ends = []
    for kind in ("tcp", "tcp6", "udp", "udp6"):
        table = Path(f"/proc/{pid}/net/{kind}")
        for line in table.read_text(encoding="ascii").splitlines()[1:] if table.exists() else []:
            fields = line.split()
            if fields[9] in sockets:
                ends.append(fields[2])
    return ends


def _is_here(far: str) -> bool:
    """Whether a far end is none (all zeros) or this machine: 127.x, ::1, or 127.x written as IPv6; words are little-endian."""
    address = far.partition(":")[0]
    is_none = set(address) == {"0"}
    is_loopback = (len(address) == 8 and address.endswith("7F")) or address == "0" * 24 + "01000000"
    return is_none or is_loopback or (address.startswith("0" * 16 + "FFFF0000") and address.endswith("7F"))


DOCUMENTS_STEPS: tuple[tuple[str, Step], ...] = (
    ("validators and documents nodes start and find each other", up),
    ("the swarm is private", swarm_is_private),
    ("a node's RPC wants its token", its_rpc_wants_a_token),
    ("what one center adds, another reads", what_one_adds_another_reads),
    ("nobody outside is called", nobody_outside_is_called),
    ("down ends everything", down_ends_everything),
)
