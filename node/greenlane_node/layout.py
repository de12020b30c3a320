"""Where a home folder keeps what a network of Besu and Kubo nodes needs, beside what adapters/home.py names.

network.toml                 the plan (plan_file.py): public, the same for all centers
besu/genesis.json            the same for all nodes
besu/NODE/                   of one Besu node: config.toml, enode (its URL, one line), log.xml, static-nodes.json, nodes.toml
                             and accounts.toml (allowlists), jwt.pem (an RPC node's), key (in the clear while it runs), data/
kubo/NODE/                   of one Kubo node: its repository, with its config and swarm.key
run/NODE.json                which process runs it on this machine
logs/NODE.log                what it says
tokens/NODE                  the token that opens a node's RPC, one line; 0600
"""

from dataclasses import dataclass
from pathlib import Path

from greenlane.adapters.home import Home


@dataclass(frozen=True, slots=True)
class BesuFolder:
    """The files of one Besu node."""

    directory: Path

    @property
    def config(self) -> Path:
        return self.directory / "config.toml"

    @property
    def enode(self) -> Path:
        """The node's enode URL, one line."""
        return self.directory / "enode"

    @property
    def log_config(self) -> Path:
        return self.directory / "log.xml"

    @property
    def static_nodes(self) -> Path:
        return self.directory / "static-nodes.json"

    @property
    def allowed_nodes(self) -> Path:
        return self.directory / "nodes.toml"

    @property
    def allowed_accounts(self) -> Path:
        return self.directory / "accounts.toml"

    @property
    def jwt_key(self) -> Path:
        """Public key that tokens are checked with."""
        return self.directory / "jwt.pem"

    @property
    def key(self) -> Path:
        """The node's private key in the clear, hex; 0600; there only while the node runs."""
        return self.directory / "key"

    @property
    def data(self) -> Path:
        return self.directory / "data"


@dataclass(frozen=True, slots=True)
class NetworkLayout:
    """The files of a network of nodes in one home folder."""

    home: Home

    @property
    def plan(self) -> Path:
        return self.home.directory / "network.toml"

    @property
    def genesis(self) -> Path:
        return self.home.directory / "besu" / "genesis.json"

    def besu(self, node: str) -> BesuFolder:
        """Of the Besu node of that name."""
        return BesuFolder(self.home.directory / "besu" / node)

    def kubo(self, node: str) -> Path:
        """Repository (IPFS_PATH) of the Kubo node of that name."""
        return self.home.directory / "kubo" / node

    def run(self, node: str) -> Path:
        return self.home.directory / "run" / f"{node}.json"

    def log(self, node: str) -> Path:
        return self.home.directory / "logs" / f"{node}.log"

    def token(self, node: str) -> Path:
        return self.home.directory / "tokens" / node
