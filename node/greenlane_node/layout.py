"""Where a home folder keeps what a network of Besu and Kubo nodes needs, beside what adapters/home.py names.

network.toml                 the plan (planning/plan_file.py): public, the same for all centers
besu/genesis.json            the same for all nodes
besu/NODE/                   of one Besu node: config.toml, enode (its URL, one line), log.xml, static-nodes.json, nodes.toml
                             and accounts.toml (allowlists), jwt.pem (an RPC node's), key (in the clear while it runs), data/,
                             logs/ (rolled; outside of containers)
kubo/NODE/                   of one Kubo node: config, out of which its repository is made, and repository/ (its IPFS_PATH),
                             with swarm.key
swarm.key                    what lets documents nodes into the private swarm: a secret of all centers together; 0600
run/NODE.json                which process runs it on this machine
logs/NODE.log                what it says
tokens/NODE                  the token that opens a node's RPC, one line; 0600
tokens/for-NAME              one that was made for somebody else; 0600
tokens/api                   a line for each RPC node, its address and a token: what the center's server is given; 0600
server.env                   by what a server finds these nodes; made once, then its operator's (founding/server_file.py)
servers/CENTER/              a home folder of its own for a center's server, with the keys that it needs and no others
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
        """Of the Kubo node of that name: `config`, and `repository`."""
        return self.home.directory / "kubo" / node

    @property
    def swarm_key(self) -> Path:
        return self.home.directory / "swarm.key"

    def run(self, node: str) -> Path:
        return self.home.directory / "run" / f"{node}.json"

    def log(self, node: str) -> Path:
        return self.home.directory / "logs" / f"{node}.log"

    def token(self, node: str) -> Path:
        return self.home.directory / "tokens" / node

    @property
    def api_tokens(self) -> Path:
        """Tokens of the center's server for its RPC nodes, as adapters/evm/tokens.py reads them."""
        return self.home.directory / "tokens" / "api"

    @property
    def server_environment(self) -> Path:
        """Variables for the server of this home."""
        return self.home.directory / "server.env"

    def server(self, center: str) -> Home:
        """Home folder of a center's server where it runs apart from the nodes."""
        return Home(self.home.directory / "servers" / center)
