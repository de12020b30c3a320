"""The configuration of one Kubo node in the private swarm: whole, so that no default of a public network is left in it.

Kubo is made for the public network: out of the box it asks bootstrap nodes, resolvers, relays, delegated routers and a telemetry
service. With all of what stands here it starts without an error and without one attempt to reach anybody but the peers it is
given. `LIBP2P_FORCE_PNET` is the last guard: without the swarm's key it does not start at all.

- The repository is made by `ipfs init` out of this file, and after that holds a copy of its own: both are written anew together.
- Kubo keeps its private key and the token of its RPC in this file, in the clear: it is readable by its owner only.
- What is added becomes CIDs as everywhere in this project: the profile `unixfs-v1-2025`, each value written out.

Source: Kubo 0.42, docs/config.md and docs/environment-variables.md; IPIP-499 (UnixFS CID profiles).
"""

import ipaddress
import json
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Final

from greenlane.core.canonical import JsonValue

from greenlane_node.peer_identity import private_key_text
from greenlane_node.planning.plan import PlannedDocuments

KUBO_VERSION: Final = "0.42"
CHUNK_BYTES: Final = 1_048_576
LINKS_OF_A_NODE: Final = 1_024
RPC_PATHS: Final = ("/api/v0",)
_LOOPBACK = "127.0.0.1"
_ANY = {4: "0.0.0.0", 6: "::"}  # noqa: S104 peers come from everywhere: the swarm's key says who is let in


def kubo_config(
    node: PlannedDocuments, peers: Iterable[PlannedDocuments], *, seed: bytes, token: str, is_contained: bool = False
) -> bytes:
    """The configuration file.

    Args:
        peers: the documents nodes of all centers; its own is left out.
        seed: of the node's Ed25519 key, 32 bytes.
        token: opens its RPC.
        is_contained: in a container: its RPC listens on the node's own address, since the container's loopback is nobody else's.

    Raises:
        WrongKeyLength: the seed is not 32 bytes.
    """
    host = ipaddress.ip_address(node.host)
    listens = node.host if host.is_loopback else _ANY[host.version]
    value: dict[str, JsonValue] = {
        "Identity": {"PeerID": node.peer_id, "PrivKey": private_key_text(seed)},
        "Datastore": _datastore(),
        "Addresses": {
            "Swarm": [_multiaddr(listens, node.swarm_port)],
            # What the node would find out about itself may be an address that no peer reaches.
            "Announce": [_multiaddr(node.host, node.swarm_port)],
            "AppendAnnounce": [],
            "NoAnnounce": [],
            "API": [_multiaddr(node.host if is_contained else _LOOPBACK, node.rpc_port)],
            "Gateway": [],
        },
        "API": {
            "HTTPHeaders": {},
            "Authorizations": {"greenlane": {"AuthSecret": f"bearer:{token}", "AllowedPaths": list(RPC_PATHS)}},
        },
        "Peering": {
            "Peers": [
                {"ID": peer.peer_id, "Addrs": [_multiaddr(peer.host, peer.swarm_port)]}
                for peer in peers
                if peer.peer_id != node.peer_id
            ]
        },
        "Bootstrap": [],
        "AutoConf": {"Enabled": False},
        "DNS": {"Resolvers": {}},
        "Routing": {"Type": "dht", "DelegatedRouters": []},
        "Ipns": {"ResolveCacheSize": 128, "DelegatedPublishers": []},
        "AutoTLS": {"Enabled": False},
        "Discovery": {"MDNS": {"Enabled": False}},
        "HTTPRetrieval": {"Enabled": False},
        "Plugins": {"Plugins": {"telemetry": {"Disabled": True}}},
        "Swarm": {
            "DisableNatPortMap": True,
            "EnableHolePunching": False,
            "RelayClient": {"Enabled": False},
            "RelayService": {"Enabled": False},
            # A private swarm speaks over TCP only: the others cannot hide behind its key.
            "Transports": {"Network": {"QUIC": False, "Websocket": False, "WebTransport": False, "WebRTCDirect": False}},
        },
        "Import": {
            "CidVersion": 1,
            "UnixFSRawLeaves": True,
            "UnixFSChunker": f"size-{CHUNK_BYTES}",
            "HashFunction": "sha2-256",
            "UnixFSFileMaxLinks": LINKS_OF_A_NODE,
            "UnixFSDirectoryMaxLinks": 0,
            "UnixFSHAMTDirectoryMaxFanout": 256,
            "UnixFSHAMTDirectorySizeThreshold": "256KiB",
            "UnixFSHAMTDirectorySizeEstimation": "block",
            "UnixFSDAGLayout": "balanced",
        },
    }
    return (json.dumps(value, indent=2) + "\n").encode()


def kubo_repository(folder: PurePath) -> PurePath:
    """The repository (IPFS_PATH) of the node whose folder it is."""
    return folder / "repository"


def kubo_environment(folder: PurePath) -> dict[str, str]:
    """What a node's environment must hold beside PATH.

    Args:
        folder: the node's, as the process sees it.
    """
    return {
        "IPFS_PATH": str(kubo_repository(folder)),
        "LIBP2P_FORCE_PNET": "1",
        "IPFS_TELEMETRY": "off",
    }


def kubo_commands(ipfs: Path, folder: Path) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]:
    """What must run once before the node does, and what starts the node; all in `kubo_environment`.

    Args:
        ipfs: the program.
        folder: the node's, with its `config`.

    Returns:
        The making of the repository, where there is none yet; and the daemon.
    """
    has_repository = (folder / "repository" / "config").exists()
    first = () if has_repository else ((str(ipfs), "init", "--empty-repo=true", str(folder / "config")),)
    return first, (str(ipfs), "daemon")


def _multiaddr(host: str, port: int) -> str:
    return f"/ip{ipaddress.ip_address(host).version}/{host}/tcp/{port}"


def _datastore() -> dict[str, JsonValue]:
    # Nothing of Kubo's own garbage collection (StorageMax, StorageGCWatermark, GCPeriod): it counts bytes, pinned ones too, and
    # would sweep again and again a node that is full of what it must keep. The daemon runs without --enable-gc, and the center's
    # worker has the node sweep where it has let something go.
    return {
        "HashOnRead": False,
        "BloomFilterSize": 0,
        "Spec": {
            "type": "mount",
            "mounts": [
                {
                    "mountpoint": "/blocks",
                    "type": "measure",
                    "prefix": "flatfs.datastore",
                    "child": {
                        "type": "flatfs",
                        "path": "blocks",
                        "sync": True,
                        "shardFunc": "/repo/flatfs/shard/v1/next-to-last/2",
                    },
                },
                {
                    "mountpoint": "/",
                    "type": "measure",
                    "prefix": "leveldb.datastore",
                    "child": {"type": "levelds", "path": "datastore", "compression": "none"},
                },
            ],
        },
    }
