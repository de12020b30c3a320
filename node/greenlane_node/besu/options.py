"""Every option of Besu that we write, and where its documentation says so; and those that must never be written.

Besu ends with exit code 2 at an option that it does not know, so this list is closed: a test holds each written configuration
against it. The names were compared with those of BESU_VERSION itself (its option classes, and `everything_config.toml`, the file
in which its own tests want every option to stand); PAGES are the documentation's, for what an option means.
"""

from collections.abc import Mapping
from typing import Final

BESU_VERSION: Final = "26.8.0"
PAGES: Final = {
    "cli": "https://besu.hyperledger.org/public-networks/reference/cli/options",
    "private-cli": "https://besu.hyperledger.org/private-networks/reference/cli/options",
    "authentication": "https://besu.hyperledger.org/public-networks/how-to/use-besu-api/authenticate",
    "permissioning": "https://besu.hyperledger.org/private-networks/how-to/use-local-permissioning",
    "peers": "https://besu.hyperledger.org/private-networks/how-to/configure/bootnodes",
    "metrics": "https://besu.hyperledger.org/public-networks/how-to/monitor/metrics",
    "profiles": "https://besu.hyperledger.org/private-networks/how-to/use-configuration-file/profile",
}

COMMAND_OPTIONS: Final[Mapping[str, str]] = {
    # Read from the command line and the environment only: in the file it is printed and not applied.
    "profile": "profiles",
    "config-file": "cli",
}
"""Option of the command line, and the page that tells of it."""

FILE_OPTIONS: Final[Mapping[str, str]] = {
    "genesis-file": "cli",
    "node-private-key-file": "cli",
    "data-path": "cli",
    "p2p-host": "cli",
    "p2p-interface": "cli",
    "p2p-port": "cli",
    "discovery-enabled": "cli",
    "static-nodes-file": "peers",
    "host-allowlist": "cli",
    "rpc-http-enabled": "cli",
    "rpc-http-host": "cli",
    "rpc-http-port": "cli",
    "rpc-http-api": "cli",
    "rpc-http-authentication-enabled": "authentication",
    "rpc-http-authentication-jwt-public-key-file": "authentication",
    "rpc-http-authentication-jwt-algorithm": "authentication",
    "rpc-max-logs-range": "cli",
    "metrics-enabled": "metrics",
    "metrics-host": "metrics",
    "metrics-port": "metrics",
    "permissions-nodes-config-file-enabled": "permissioning",
    "permissions-nodes-config-file": "permissioning",
    "permissions-accounts-config-file-enabled": "permissioning",
    "permissions-accounts-config-file": "permissioning",
    "revert-reason-enabled": "private-cli",
}
"""Option of a configuration file, and the page that tells of it."""

NEVER_WRITTEN: Final[Mapping[str, str]] = {
    "profile": "in the file it has no effect, and adding the real one later fails with a database of another format",
    "bootnodes": "a bootnode that has left the network is no more on the allowlist, and then the node does not start",
    "block-txs-selection-max-time": "refused without a terminal total difficulty in the genesis",
    "tx-pool-enable-balance-check": "belongs to the layered pool, and is refused with the sequenced one of the profile",
    "tx-pool-no-late-funding": "belongs to the layered pool, and is refused with the sequenced one of the profile",
    "tx-pool-max-future-by-sender": "belongs to the layered pool, and is refused with the sequenced one of the profile",
    "tx-pool-max-prioritized": "belongs to the layered pool, and is refused with the sequenced one of the profile",
    "tx-pool-layer-max-capacity": "belongs to the layered pool, and is refused with the sequenced one of the profile",
    "tx-pool-price-bump": "refused where the base fee is zero",
    "permissions-nodes-contract-enabled": "taken out in 25.6.0",
    "permissions-nodes-contract-address": "taken out in 25.6.0",
    "permissions-accounts-contract-enabled": "taken out in 25.6.0",
    "permissions-accounts-contract-address": "taken out in 25.6.0",
    "privacy-enabled": "taken out in 25.6.0",
    "privacy-url": "taken out in 25.6.0",
    "Xp2p-tls-enabled": "taken out in 24.12.0",
    "Xv5-discovery-enabled": "taken out in 26.8.0",
    "fast-sync-min-peers": "taken out in 26.2.0",
    "min-gas-price": "the profile has it at 0; another value would strand what our accounts send",
    "data-storage-format": "the profile has FOREST, which old states are proven from; another value needs another database",
}
"""Option, and what happens where it is written."""
