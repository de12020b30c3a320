"""A Kubo node for a benchmark: one process on loopback with a repository of its own, configured as every network's nodes are."""

import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from greenlane.adapters.entropy import random_bytes
from greenlane.adapters.kubo import Kubo
from greenlane.core.crypto import ed25519_public_key
from greenlane.core.units import CenterId
from greenlane.ports.documents import DocumentsUnavailable
from greenlane_node.kubo.config import kubo_commands, kubo_config, kubo_environment, kubo_repository
from greenlane_node.machine.programs import find_programs
from greenlane_node.peer_identity import encode_swarm_key, peer_id
from greenlane_node.planning.plan import PlannedDocuments
from greenlane_node.process import wait_until

_UP_S = 60.0
_DOWN_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KuboNode:
    """A node that runs."""

    ipfs: Path
    url: str
    token: str
    environment: Mapping[str, str]

    def run(self, *arguments: str, is_heard: bool = True) -> str:
        """Runs `ipfs` with these arguments against the node; what it said, unless nobody wants to hear it."""
        command = [str(self.ipfs), *arguments, f"--api-auth=bearer:{self.token}"]
        out = subprocess.PIPE if is_heard else subprocess.DEVNULL
        done = subprocess.run(command, env=dict(self.environment), stdout=out, stderr=subprocess.DEVNULL, text=True, check=True)
        return done.stdout or ""

    def forget_all(self) -> None:
        """Lets go of all that was added, and takes it away."""
        with closing(Kubo(self.url, token=self.token, timeout_s=60)) as store:
            for cid in list(store.pins()):
                store.unpin(cid)
            store.collect_garbage()


def find_ipfs(environment: Mapping[str, str]) -> Path:
    """The program that IPFS names, or the one on PATH.

    Raises:
        ProgramMissing: there is none, or it is too old.
    """
    named = environment.get("IPFS")
    path = None if named is None else Path(named)
    found = find_programs(environment=environment, besu=None, ipfs=path, needs_besu=False, needs_ipfs=True)
    assert found.ipfs is not None
    return found.ipfs


@contextmanager
def kubo_node(ipfs: Path, folder: Path) -> Iterator[KuboNode]:
    """Starts a node in a folder that is not there yet, and ends it."""
    seed, token = random_bytes(32), random_bytes(16).hex()
    swarm_port, rpc_port = _free_ports(2)
    plan = PlannedDocuments(
        center=CenterId("bench"),
        peer_id=peer_id(ed25519_public_key(seed)),
        host="127.0.0.1",
        swarm_port=swarm_port,
        rpc_port=rpc_port,
    )
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **kubo_environment(folder)}
    folder.mkdir(parents=True)
    config = kubo_config(plan, [plan], seed=seed, token=token)
    (folder / "config").write_bytes(config)
    first, daemon = kubo_commands(ipfs, folder)
    for command in first:
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    repository = Path(kubo_repository(folder))
    (repository / "config").write_bytes(config)
    (repository / "swarm.key").write_bytes(encode_swarm_key(random_bytes(32)))
    node = KuboNode(ipfs=ipfs, url=f"http://127.0.0.1:{rpc_port}", token=token, environment=environment)
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen(daemon, env=environment, stdout=log, stderr=log)
        try:
            if not wait_until(lambda: _answers(node), _UP_S):
                raise SystemExit(f"The Kubo node did not start: {(folder / 'log').read_text(errors='replace')[-500:]}")
            yield node
        finally:
            child.terminate()
            try:
                child.wait(_DOWN_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _answers(node: KuboNode) -> bool:
    with closing(Kubo(node.url, token=node.token)) as store, suppress(DocumentsUnavailable):
        store.check()
        return True
    return False


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
