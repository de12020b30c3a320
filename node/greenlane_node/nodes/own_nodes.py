"""The Besu nodes that a home folder runs, as their own configuration tells them.

A node's config.toml is asked and not the plan: a center that joined later stands in no founding plan, and what counts for whoever
keeps a node is what that node was started with.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from greenlane.adapters.evm.tokens import node_name
from greenlane.adapters.home import Home
from greenlane.core.anchoring import ADDRESS_BYTES
from greenlane.core.crypto import keccak256
from greenlane.core.errors import GreenlaneError, NotFound
from greenlane.core.units import Address

from greenlane_node.keys import EnodeInvalid, parse_enode
from greenlane_node.layout import BesuFolder, NetworkLayout
from greenlane_node.nodes.rpc import NodeRpc

_VALIDATOR = "validator-"


class NodeConfigInvalid(GreenlaneError):
    """A node's config.toml cannot be read, or does not tell where the node answers; `where` names it."""

    code = "node-config-invalid"
    default_remedy = "Write it again: `greenlane-node init network --rewrite`."


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnNode:
    """A Besu node of this home.

    Attributes:
        name: of its folder: `validator-lima`, `rpc-lima`.
        folder: its files.
        rpc_url: where it answers on this machine.
        token_file: opens its RPC; None where it wants no token.
    """

    name: str
    folder: BesuFolder
    rpc_url: str
    token_file: Path | None

    @property
    def is_validator(self) -> bool:
        """Whether it seals blocks, as far as its name says."""
        return self.name.startswith(_VALIDATOR)

    def rpc(self, *, timeout_s: float = 5.0) -> NodeRpc:
        """The node, ready to be asked."""
        return NodeRpc(self.rpc_url, token_file=self.token_file, timeout_s=timeout_s)


def own_nodes(home: Home) -> tuple[OwnNode, ...]:
    """Every Besu node of a home folder, by name; none is a fault.

    Raises:
        NotFound: the folder has none.
        NodeConfigInvalid: a configuration cannot be read.
    """
    layout = NetworkLayout(home)
    configs = sorted(layout.genesis.parent.glob("*/config.toml"))
    if not configs:
        raise NotFound(
            "This folder runs no Besu node.",
            where=str(home.directory),
            remedy="Name the folder with --home, or make its nodes: `greenlane-node init --help`.",
        )
    return tuple(_own_node(layout, config) for config in configs)


def nodes_to_ask(home: Home, urls: Iterable[str]) -> tuple[tuple[str, NodeRpc], ...]:
    """Our own nodes and those at these addresses, each once, with its name and with the token that this home has for it.

    Args:
        urls: of network.json. What opens them stands in tokens/api, by address.

    Raises:
        NotFound, NodeConfigInvalid: as for `own_nodes`.
    """
    own = own_nodes(home)
    known = {node_name(node.rpc_url) for node in own}
    tokens = NetworkLayout(home).api_tokens
    token_file = tokens if tokens.exists() else None
    others = {node_name(url): url for url in urls if node_name(url) not in known}
    return (
        *((node.name, node.rpc()) for node in own),
        *((name, NodeRpc(url, token_file=token_file)) for name, url in others.items()),
    )


def _own_node(layout: NetworkLayout, config: Path) -> OwnNode:
    name = config.parent.name
    try:
        told = tomllib.loads(config.read_text(encoding="utf-8"))
        host, port = told["rpc-http-host"], told["rpc-http-port"]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError) as error:
        raise NodeConfigInvalid(
            f"The configuration of {name} does not tell where it answers: {error}.", where=str(config)
        ) from error
    if not isinstance(host, str) or not isinstance(port, int):
        raise NodeConfigInvalid(f"The configuration of {name} does not tell where it answers.", where=str(config))
    # A node that listens on every address is asked on this machine's own.
    asked = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 compared, never listened on
    token = layout.token(name)
    return OwnNode(
        name=name,
        folder=layout.besu(name),
        rpc_url=f"http://{f'[{asked}]' if ':' in asked else asked}:{port}",
        token_file=token if token.exists() else None,
    )


def account_of(node: OwnNode) -> Address:
    """Of a Besu node's key, as its enode names it.

    Raises:
        NodeConfigInvalid: the file of its enode cannot be read, or holds none.
    """
    path = node.folder.enode
    try:
        public_key, _, _ = parse_enode(path.read_text(encoding="ascii").strip())
    except (OSError, UnicodeDecodeError, EnodeInvalid) as error:
        raise NodeConfigInvalid(f"The enode of {node.name} cannot be read: {error}", where=str(path)) from error
    return Address(keccak256(public_key)[-ADDRESS_BYTES:])
