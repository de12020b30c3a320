"""What the nodes of a home folder are: how each is run, which ports it listens on, and the few questions that tell how it is.

Read from each node's own configuration, besu/NODE/config.toml and kubo/NODE/config, which is what the program will do.
"""

import json
import re
import time
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import requests
from greenlane.adapters.evm.tokens import RpcTokens
from greenlane.core.canonical import JsonValue, parse_json
from greenlane.core.errors import InvalidInput

from greenlane_node.besu.config import besu_command, besu_environment
from greenlane_node.kubo.config import kubo_commands, kubo_environment
from greenlane_node.layout import NetworkLayout
from greenlane_node.machine.programs import Programs
from greenlane_node.nodes.own_nodes import NodeConfigInvalid, OwnNode, own_nodes
from greenlane_node.nodes.rpc import NodeRefused, NodeSilent

HOST: Final = "127.0.0.1"
_ANSWER_S = 5.0
_MAX_ANSWER_BYTES = 8 * 1_048_576
_CHUNK_BYTES = 65_536
_TCP_ADDRESS = re.compile(r"/ip[46]/([0-9a-f.:]{2,45})/tcp/([0-9]{1,5})$")


class NodeKind(StrEnum):
    """What a node is for."""

    VALIDATOR = "validator"
    RPC = "rpc"
    DOCUMENTS = "documents"


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineNode:
    """A node of this home, as this machine runs it.

    Attributes:
        first: commands that must have been run to their end before.
        command: empty where the programs were not asked for.
        environment: variables it needs beside ours.
        data: where it keeps its data, as its configuration says.
        ports: of this machine that it listens on, by what each is for.
        token_file: opens its RPC; None where it wants no token.
        besu: its files; None of a Kubo node.
    """

    name: str
    kind: NodeKind
    first: tuple[tuple[str, ...], ...]
    command: tuple[str, ...]
    environment: Mapping[str, str]
    data: Path
    ports: Mapping[str, int]
    rpc_url: str
    token_file: Path | None
    besu: OwnNode | None

    def answers(self) -> bool:
        """Whether it answers.

        Raises:
            NodeRefused: it answers, and refuses our token.
        """
        try:
            if self.besu is None:
                self._kubo("id")
            else:
                self.besu.rpc(timeout_s=_ANSWER_S).call("eth_chainId")
        except NodeSilent:
            return False
        return True

    def head(self) -> int | None:
        """Number of its newest block; None of a Kubo node.

        Raises:
            NodeSilent, NodeRefused: it does not say.
        """
        return None if self.besu is None else _quantity(self.besu.rpc(timeout_s=_ANSWER_S).call("eth_blockNumber"))

    def peers(self) -> int:
        """How many nodes it is connected with.

        Raises:
            NodeSilent, NodeRefused: it does not say.
        """
        if self.besu is not None:
            return _quantity(self.besu.rpc(timeout_s=_ANSWER_S).call("net_peerCount"))
        told = self._kubo("swarm/peers")
        peers = told.get("Peers") if isinstance(told, dict) else None
        return len(peers) if isinstance(peers, list) else 0

    def peer(self) -> str:
        """The name that a Kubo node has among its peers, as it tells it.

        Raises:
            NodeSilent: it does not answer, or tells none.
            NodeRefused: it answers, and refuses our token.
        """
        told = self._kubo("id")
        peer = told.get("ID") if isinstance(told, dict) else None
        if not isinstance(peer, str):
            raise NodeSilent("The node does not tell who it is.", where=self.rpc_url)
        return peer

    def _kubo(self, command: str) -> JsonValue:
        token = None if self.token_file is None else RpcTokens(self.token_file).token(self.rpc_url)
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        deadline = time.monotonic() + _ANSWER_S
        with requests.Session() as session:
            # A node is named by its address: no proxy of the environment stands between us and it.
            session.trust_env = False
            url = f"{self.rpc_url}/api/v0/{command}"
            try:
                with session.post(url, headers=headers, timeout=_ANSWER_S, allow_redirects=False, stream=True) as answer:
                    data = _read_until(answer, deadline)
            except (requests.RequestException, OSError) as error:
                raise NodeSilent(f"The node does not answer: {type(error).__name__}.", where=self.rpc_url) from error
        if answer.status_code != 200:
            raise NodeRefused(
                f"The node refuses {command}: {answer.status_code} {data[:200].decode(errors='replace')}", where=self.rpc_url
            )
        try:
            return parse_json(data)
        except InvalidInput as error:
            raise NodeSilent("The node's answer is no JSON.", where=self.rpc_url) from error


def _read_until(answer: requests.Response, deadline: float) -> bytes:
    """The whole of an answer; a node that drips or never ends is given up."""
    data = bytearray()
    while chunk := answer.raw.read1(_CHUNK_BYTES, decode_content=True):
        data += chunk
        if time.monotonic() > deadline or len(data) > _MAX_ANSWER_BYTES:
            raise TimeoutError
    return bytes(data)


def besu_nodes(layout: NetworkLayout, programs: Programs | None) -> Iterator[MachineNode]:
    """The Besu nodes of a home, by name; none is no fault.

    Args:
        programs: what they are run with; None: they are not to be started.

    Raises:
        NodeConfigInvalid: a configuration cannot be read.
    """
    if not any(layout.genesis.parent.glob("*/config.toml")):
        return
    for node in own_nodes(layout.home):
        told = tomllib.loads(node.folder.config.read_text(encoding="utf-8"))
        options = {"p2p": "p2p-port", "RPC": "rpc-http-port", "metrics": "metrics-port"}
        besu = None if programs is None else programs.besu
        yield MachineNode(
            name=node.name,
            kind=NodeKind.VALIDATOR if node.is_validator else NodeKind.RPC,
            first=(),
            command=() if besu is None else besu_command(besu, node.folder),
            environment={} if programs is None else besu_environment(node.folder, memory_mb=programs.memory_mb),
            data=Path(str(told.get("data-path"))),
            ports={purpose: told[option] for purpose, option in options.items() if isinstance(told.get(option), int)},
            rpc_url=node.rpc_url,
            token_file=node.token_file,
            besu=node,
        )


def documents_nodes(layout: NetworkLayout, programs: Programs | None) -> Iterator[MachineNode]:
    """The Kubo nodes of a home, by name; none is no fault.

    Args:
        programs: what they are run with; None: they are not to be started.

    Raises:
        NodeConfigInvalid: a configuration cannot be read.
    """
    for config in sorted(layout.kubo("x").parent.glob("*/config")):
        name, folder = config.parent.name, config.parent
        try:
            addresses = json.loads(config.read_bytes())["Addresses"]
            (_, swarm), (host, rpc) = _tcp_address(addresses["Swarm"]), _tcp_address(addresses["API"])
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise NodeConfigInvalid(f"The configuration of {name} does not tell where it listens.", where=str(config)) from error
        ipfs = None if programs is None else programs.ipfs
        first, command = ((), ()) if ipfs is None else kubo_commands(ipfs, folder)
        yield MachineNode(
            name=name,
            kind=NodeKind.DOCUMENTS,
            first=first,
            command=command,
            environment=kubo_environment(folder),
            data=folder,
            ports={"RPC": rpc, "swarm": swarm},
            rpc_url=f"http://{f'[{host}]' if ':' in host else host}:{rpc}",
            token_file=layout.token(name) if layout.token(name).exists() else None,
            besu=None,
        )


def _tcp_address(addresses: list[str]) -> tuple[str, int]:
    found = _TCP_ADDRESS.fullmatch(addresses[0])
    if found is None:
        raise ValueError
    return found[1], int(found[2])


def _quantity(value: JsonValue) -> int:
    if not isinstance(value, str):
        raise NodeSilent("The node answers with something else than a number.")
    try:
        return int(value, 16)
    except ValueError as error:
        raise NodeSilent(f"The node answers with {value[:70]!r}, which is no number.") from error
