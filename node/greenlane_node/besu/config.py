"""The files that one Besu node is started with: a function of the node and of whom it may speak with, the same each time.

- Peers are the network's validators, called as static nodes. There is no discovery and no bootnode: everybody who may be met is
  known, and a node does not start with a bootnode that is no more on its allowlist, as happens when a center leaves.
- A validator answers its own center only, on loopback or on a network inside its machine, and no token is asked. An RPC node
  answers whoever has a token of its center (besu/access.py), and so listens on every address of its machine, as it does for
  peers: the planned one may be a router's, which no node can listen on. Its HTTP is not encrypted: where the way is not private,
  TLS stands before it, and its port is closed but for that. A node on loopback stays there.
- What a node may do beyond that is the profile ENTERPRISE, given on the command line: full sync, FOREST (old states stay
  provable), the sequenced pool, no price of gas. Only there is it read.
- Paths stand in the files as the node sees them: `Placement` says where the home folder lies for it.

Source: Besu 26.8.0; besu/options.py lists every option and its page.
"""

import ipaddress
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final

import tomli_w
from greenlane.core.units import Address
from greenlane.core.wire import encode_hex

from greenlane_node.layout import BesuFolder
from greenlane_node.planning.plan import NetworkPlan, NodeRole, PlannedCenter, PlannedNode

PROFILE: Final = "ENTERPRISE"
MAX_LOGS_RANGE: Final = 10_000
"""Blocks that one search for events may span; ours span 5,000."""
JWT_ALGORITHM: Final = "ES256"
APIS: Final = ("ETH", "NET", "WEB3", "QBFT", "TXPOOL", "ADMIN", "PERM")
"""Of every node; of an RPC node a token says which of them its bearer may use."""
DEFAULT_MEMORY_MB: Final = 768
"""Five nodes ran with it side by side, at about 385 MB resident each. For production Besu's documentation asks for 4,096."""
_LOOPBACK = "127.0.0.1"
_ANY = {4: "0.0.0.0", 6: "::"}  # noqa: S104 an allowlist or a token says who is let in


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a node runs, as far as its files must know.

    Attributes:
        root: where the home folder lies for the node; absolute.
        is_contained: in a container: then RPC and metrics listen on the node's own address, since the container's loopback is
            nobody else's; and logs go to the standard output only.
    """

    root: PurePath
    is_contained: bool = False

    @classmethod
    def here(cls, home: Path) -> "Placement":
        """A process of this machine, over the home folder itself."""
        return cls(root=home.absolute())

    def folder(self, node: str) -> BesuFolder:
        """The node's folder, as it sees it."""
        return BesuFolder(Path(self.root / "besu" / node))

    @property
    def genesis(self) -> PurePath:
        return self.root / "besu" / "genesis.json"


def besu_config(node: PlannedNode, placement: Placement) -> bytes:
    """config.toml of a node."""
    folder = placement.folder(node.name)
    address = ipaddress.ip_address(node.host)
    inside = node.host if placement.is_contained else _LOOPBACK
    is_asked_from_outside = node.role is NodeRole.RPC and not placement.is_contained and not address.is_loopback
    options: dict[str, object] = {
        "genesis-file": str(placement.genesis),
        "node-private-key-file": str(folder.key),
        "data-path": str(folder.data),
        "p2p-host": node.host,
        # Without it a node that should be met on loopback only would listen everywhere.
        "p2p-interface": node.host if address.is_loopback else _ANY[address.version],
        "p2p-port": node.p2p_port,
        "discovery-enabled": False,
        "static-nodes-file": str(folder.static_nodes),
        "permissions-nodes-config-file-enabled": True,
        "permissions-nodes-config-file": str(folder.allowed_nodes),
        "permissions-accounts-config-file-enabled": True,
        "permissions-accounts-config-file": str(folder.allowed_accounts),
        "rpc-http-enabled": True,
        "rpc-http-host": _ANY[address.version] if is_asked_from_outside else inside,
        "rpc-http-port": node.rpc_port,
        "rpc-http-api": list(APIS),
        "rpc-max-logs-range": MAX_LOGS_RANGE,
        "host-allowlist": sorted({"localhost", _LOOPBACK, node.host, node.name}),
        "metrics-enabled": True,
        "metrics-host": inside,
        "metrics-port": node.metrics_port,
        "revert-reason-enabled": True,
    }
    if node.role is NodeRole.RPC:
        options["rpc-http-authentication-enabled"] = True
        options["rpc-http-authentication-jwt-public-key-file"] = str(folder.jwt_key)
        options["rpc-http-authentication-jwt-algorithm"] = JWT_ALGORITHM
    head = f"# {node.name}: started with --profile={PROFILE} on the command line; in this file a profile has no effect.\n"
    return (head + tomli_w.dumps(options)).encode()


def enode_file(node: PlannedNode) -> bytes:
    """The node's own enode URL, one line."""
    return f"{node.enode}\n".encode()


def static_nodes_file(node: PlannedNode, validators: Iterable[str]) -> bytes:
    """static-nodes.json: whom the node calls.

    Args:
        validators: enode URLs of all validators of the network; its own is left out.
    """
    own = node.enode.partition("@")[0]
    called = sorted(enode for enode in validators if enode.partition("@")[0] != own)
    return (json.dumps(called, indent=2) + "\n").encode()


def allowed_nodes_file(enodes: Iterable[str]) -> bytes:
    """nodes.toml: whom the node speaks with.

    Args:
        enodes: all validators of the network, and the nodes of this home; the node itself may be among them.
    """
    return tomli_w.dumps({"nodes-allowlist": sorted(set(enodes))}).encode()


def allowed_accounts_file(accounts: Iterable[Address]) -> bytes:
    """accounts.toml: whose transactions the node takes.

    It is a first fence: Besu holds it against what its own RPC, gossip and proposals bring. Roles are for the contracts to guard.

    Args:
        accounts: operators and anchorers of all active centers: nobody else sends to this chain.
    """
    return tomli_w.dumps({"accounts-allowlist": sorted({encode_hex(account) for account in accounts})}).encode()


def log_config(node: str, placement: Placement) -> bytes:
    """log.xml for Log4j 2: to the standard output, and outside of a container to files that are rolled.

    Nothing here asks for more than INFO: at DEBUG and TRACE a node writes what it is sent.
    """
    layout = (
        '<PatternLayout alwaysWriteExceptions="false"'
        " pattern=\"%d{yyyy-MM-dd'T'HH:mm:ss.SSS}{UTC}Z %-5level %t %c{1} %msg %throwable{short.message}%n\"/>"
    )
    appenders = [f'    <Console name="out" target="SYSTEM_OUT">{layout}</Console>']
    names = ["out"]
    if not placement.is_contained:
        logs = placement.folder(node).directory / "logs"
        appenders.append(
            f'    <RollingFile name="file" fileName="{_attribute(logs / "besu.log")}"'
            f' filePattern="{_attribute(logs / "besu-%d{yyyy-MM-dd}-%i.log.gz")}">\n'
            f"      {layout}\n"
            '      <Policies><TimeBasedTriggeringPolicy/><SizeBasedTriggeringPolicy size="64 MB"/></Policies>\n'
            '      <DefaultRolloverStrategy max="14"/>\n'
            "    </RollingFile>"
        )
        names.append("file")
    references = "".join(f'<AppenderRef ref="{name}"/>' for name in names)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<Configuration status="WARN">',
        "  <Appenders>",
        *appenders,
        "  </Appenders>",
        "  <Loggers>",
        f'    <Root level="INFO">{references}</Root>',
        "  </Loggers>",
        "</Configuration>",
    ]
    return ("\n".join(lines) + "\n").encode()


def besu_command(besu: Path, folder: BesuFolder) -> tuple[str, ...]:
    """What starts a node.

    Args:
        besu: the program.
        folder: the node's files, as the process sees them.
    """
    return (str(besu), f"--profile={PROFILE}", f"--config-file={folder.config}")


def besu_environment(folder: BesuFolder, *, memory_mb: int = DEFAULT_MEMORY_MB) -> dict[str, str]:
    """What a node's environment must hold beside PATH and JAVA_HOME.

    Args:
        memory_mb: of the heap.
    """
    return {"LOG4J_CONFIGURATION_FILE": str(folder.log_config), "BESU_OPTS": f"-Xmx{memory_mb}m"}


def founding_accounts(centers: Sequence[PlannedCenter]) -> tuple[Address, ...]:
    """Who sends to the chain when it begins: the founders' operators and anchorers."""
    return tuple(account for center in centers for account in (center.operator, center.anchorer))


def founding_validators(plan: NetworkPlan) -> tuple[str, ...]:
    """The enode URLs of the founders' validators."""
    return tuple(center.validator.enode for center in plan.centers)


def _attribute(path: PurePath) -> str:
    escaped = str(path).replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    # Log4j would look up what stands in ${}.
    return escaped.replace("$", "$$")
