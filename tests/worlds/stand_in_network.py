"""A whole network of Besu nodes, as far as it goes without Besu: real processes, contracts and state, and seals by the real keys.

    with stand_in_network(plan, period_s=0.5) as network:
        trial = Trial(…, besu=bin / "besu", environment=network.environment)

`besu` is the stand-in (stand_in_nodes/besu.py): a process with options, files, keys, ports and signals. Each one that starts
tells this process who it is; from then on its validator seals as long as its port for peers is open. Behind all of them is one
chain of worlds/besu_rpc.py: anvil that begins with the network's own genesis file, and QBFT headers over its states.
What is not here: Besu's own reading of options, its peers, its permissions, its clock of rounds.
"""

import json
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from coincurve import PrivateKey
from greenlane.core.header import header_from_rpc
from greenlane_node.embedded.anvil import HOST, find_anvil
from greenlane_node.founding.genesis import genesis_block, genesis_value
from greenlane_node.planning.plan import PILOT_REGISTRY, NetworkPlan
from greenlane_node.process import wait_until
from web3 import HTTPProvider, Web3
from worlds.besu_rpc import BesuChain, BesuNode, _Block, address_of
from worlds.machine import free_port

_LOOK_S = 0.1


class PlannedChain(BesuChain):
    """A chain that begins with the block of a plan."""

    def __init__(self, anvil_url: str, plan: NetworkPlan) -> None:
        self._plan = plan
        super().__init__(
            anvil_url,
            secrets=[],
            registry=PILOT_REGISTRY,
            mode=plan.validator_mode,
            founders=[center.validator.address for center in plan.centers],
        )

    def add_key(self, secret: bytes) -> None:
        """From now on this validator can seal."""
        self._keys[address_of(secret)] = PrivateKey(secret)

    def ask_anvil(self, method: str, params: list[Any]) -> Any:
        """As before; but block 0 is the plan's, of which anvil knows the state alone."""
        told = super().ask_anvil(method, params)
        if method in ("eth_getBlockByNumber", "eth_getBlockByHash") and told is not None and told["number"] == "0x0":
            return {**told, **self.block(0)}
        return told

    def _sealed(self, theirs: dict[str, Any], number: int) -> _Block:
        if number:
            return super()._sealed(theirs, number)
        value = genesis_value(self._plan)
        header = genesis_block(value)
        fields = {
            **theirs,
            **{name: str(value[name]) for name in ("timestamp", "gasLimit", "difficulty", "mixHash", "extraData")},
            "stateRoot": Web3.to_hex(header.state_root),
            "baseFeePerGas": hex(header.base_fee_per_gas),
            "hash": Web3.to_hex(header.block_hash()),
        }
        assert header_from_rpc(fields) == header
        return _Block(anvil_hash=theirs["hash"], hash=fields["hash"], fields=fields)


@dataclass(kw_only=True)
class StandInNetwork:
    """What runs behind the processes.

    Attributes:
        environment: what every command needs so that its nodes are of this network.
        ports: for peers, of each validator that has started.
        nodes: by name, where each process asks.
    """

    chain: PlannedChain
    environment: Mapping[str, str]
    ports: dict[bytes, int] = field(default_factory=dict)
    nodes: dict[str, BesuNode] = field(default_factory=dict)

    def register(self, name: str, secret: bytes, port: int) -> str:
        """A process that has started; where it asks."""
        with self.chain._lock:
            if name.startswith("validator-"):
                self.chain.add_key(secret)
                self.ports[address_of(secret)] = port
            if name not in self.nodes:
                self.nodes[name] = self.chain.add_node()
            self.nodes[name].stop()
            self.nodes[name].start()
        return self.nodes[name].url

    def look(self) -> None:
        """Validators whose process has not started, or is gone, do not seal."""
        running = {address for address, port in tuple(self.ports.items()) if _is_open(port)}
        self.chain.down = set(self.chain.set_after(self.chain.head)) - running


@contextmanager
def stand_in_network(plan: NetworkPlan, genesis: Path, *, period_s: float) -> Iterator[StandInNetwork]:
    """Runs what stands behind the processes; they are started and ended by whoever uses it.

    Args:
        genesis: the file that the nodes are started with.
        period_s: between blocks.
    """
    port = free_port()
    command = [
        *(str(find_anvil()), "--host", HOST, "--port", str(port), "--quiet", "--init", str(genesis)),
        *("--chain-id", str(plan.chain_id), "--hardfork", "cancun", "--gas-limit", str(plan.gas_limit)),
        *("--block-base-fee-per-gas", "0", "--gas-price", "0", "--disable-min-priority-fee"),
        *("--accounts", "0", "--disable-default-create2-deployer", "--no-mining", "--no-cors"),
    ]
    anvil = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    over = threading.Event()
    try:
        web3 = Web3(HTTPProvider(f"http://{HOST}:{port}", exception_retry_configuration=None))
        assert wait_until(web3.is_connected, 20)
        chain = PlannedChain(f"http://{HOST}:{port}", plan)
        server = ThreadingHTTPServer((HOST, 0), _Register)
        network = StandInNetwork(chain=chain, environment={"STAND_IN_UPSTREAM": f"http://{HOST}:{server.server_address[1]}"})
        server.network = network  # type: ignore[attr-defined]
        threads = [
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True),
            threading.Thread(target=_watch, args=(network, over), daemon=True),
        ]
        for thread in threads:
            thread.start()
        try:
            with chain.going(period_s):
                yield network
        finally:
            over.set()
            server.shutdown()
            server.server_close()
            threads[1].join()
            chain.close()
    finally:
        anvil.terminate()
        anvil.wait()


class _Register(BaseHTTPRequestHandler):
    """Takes what a process says of itself when it starts."""

    def do_POST(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        network: StandInNetwork = self.server.network  # type: ignore[attr-defined]
        url = network.register(said["name"], bytes.fromhex(said["key"].strip().removeprefix("0x")), said["port"])
        body = json.dumps({"url": url}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def _watch(network: StandInNetwork, over: threading.Event) -> None:
    while not over.wait(_LOOK_S):
        with suppress(OSError, KeyError):
            network.look()


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0
