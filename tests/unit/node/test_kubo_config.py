"""A documents node speaks with the peers it is given, and with nobody else."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from greenlane.core.crypto import ed25519_public_key
from greenlane_node.kubo.config import kubo_commands, kubo_config, kubo_environment, kubo_repository
from greenlane_node.planning.plan import PlannedDocuments
from worlds.plan_files import secret, sound_center

SEED = secret(1, "documents")


def node(number: int, host: str | None = None) -> PlannedDocuments:
    documents = sound_center(number, host=host, documents=True).documents
    assert documents is not None
    return documents


PEERS = (node(0), node(1), node(2))


def told(of: PlannedDocuments = PEERS[1], *, is_contained: bool = False) -> dict[str, Any]:
    value = json.loads(kubo_config(of, PEERS, seed=SEED, token="a1b2", is_contained=is_contained))
    assert isinstance(value, dict)
    return value


def at(value: dict[str, Any], path: str) -> Any:
    for name in path.split("."):
        value = value[name]
    return value


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Bootstrap", []),
        ("AutoConf.Enabled", False),
        ("DNS.Resolvers", {}),
        ("Routing.Type", "dht"),
        ("Routing.DelegatedRouters", []),
        ("Ipns.DelegatedPublishers", []),
        ("AutoTLS.Enabled", False),
        ("Discovery.MDNS.Enabled", False),
        ("Swarm.DisableNatPortMap", True),
        ("Swarm.EnableHolePunching", False),
        ("Swarm.RelayClient.Enabled", False),
        ("Swarm.RelayService.Enabled", False),
        ("Swarm.Transports.Network.QUIC", False),
        ("Swarm.Transports.Network.Websocket", False),
        ("Swarm.Transports.Network.WebTransport", False),
        ("Swarm.Transports.Network.WebRTCDirect", False),
        ("HTTPRetrieval.Enabled", False),
        ("Plugins.Plugins.telemetry.Disabled", True),
        ("Addresses.Gateway", []),
    ],
)
def test_no_default_of_the_public_network_is_left(path: str, expected: object) -> None:
    assert at(told(), path) == expected


def test_nothing_names_anybody_but_the_peers() -> None:
    text = json.dumps(told())
    for word in ("auto", "ipfs.io", "libp2p.io", "http://", "https://", "dnsaddr", "/dns"):
        assert f'"{word}' not in text
        assert word not in text.replace("AutoConf", "").replace("AutoTLS", "") or word == "auto"


def test_what_is_added_becomes_the_cids_of_this_project() -> None:
    assert at(told(), "Import") == {
        "CidVersion": 1,
        "UnixFSRawLeaves": True,
        "UnixFSChunker": "size-1048576",
        "HashFunction": "sha2-256",
        "UnixFSFileMaxLinks": 1024,
        "UnixFSDirectoryMaxLinks": 0,
        "UnixFSHAMTDirectoryMaxFanout": 256,
        "UnixFSHAMTDirectorySizeThreshold": "256KiB",
        "UnixFSHAMTDirectorySizeEstimation": "block",
        "UnixFSDAGLayout": "balanced",
    }


def test_each_node_calls_the_others_by_their_ids() -> None:
    assert at(told(), "Peering.Peers") == [
        {"ID": peer.peer_id, "Addrs": [f"/ip4/{peer.host}/tcp/{peer.swarm_port}"]} for peer in (PEERS[0], PEERS[2])
    ]


def test_the_rpc_is_on_loopback_behind_a_token() -> None:
    value = told()
    assert at(value, "Addresses.API") == [f"/ip4/127.0.0.1/tcp/{PEERS[1].rpc_port}"]
    assert at(value, "API.Authorizations") == {"greenlane": {"AuthSecret": "bearer:a1b2", "AllowedPaths": ["/api/v0"]}}
    assert at(told(is_contained=True), "Addresses.API") == [f"/ip4/{PEERS[1].host}/tcp/{PEERS[1].rpc_port}"]


def test_peers_are_met_on_tcp_at_the_address_of_the_plan() -> None:
    value = told()
    assert at(value, "Addresses.Swarm") == [f"/ip4/0.0.0.0/tcp/{PEERS[1].swarm_port}"]
    assert at(value, "Addresses.Announce") == [f"/ip4/10.0.0.2/tcp/{PEERS[1].swarm_port}"]
    local = told(node(1, "127.0.0.1"))
    assert at(local, "Addresses.Swarm") == [f"/ip4/127.0.0.1/tcp/{node(1, '127.0.0.1').swarm_port}"]
    six = told(node(1, "2001:db8::1"))
    assert at(six, "Addresses.Swarm") == [f"/ip6/::/tcp/{node(1, '2001:db8::1').swarm_port}"]


def test_its_identity_is_the_one_of_the_plan() -> None:
    identity = at(told(), "Identity")
    key = base64.b64decode(identity["PrivKey"])
    assert identity["PeerID"] == PEERS[1].peer_id
    assert key[4:36] == SEED
    assert key[36:] == ed25519_public_key(SEED)


def test_the_environment_forbids_a_public_swarm_and_telemetry() -> None:
    folder = Path("/home/center/kubo/documents-lima")
    assert kubo_environment(folder) == {
        "IPFS_PATH": "/home/center/kubo/documents-lima/repository",
        "LIBP2P_FORCE_PNET": "1",
        "IPFS_TELEMETRY": "off",
    }


def test_the_repository_is_made_once_out_of_our_configuration(tmp_path: Path) -> None:
    first, daemon = kubo_commands(Path("/opt/ipfs"), tmp_path)
    assert first == (("/opt/ipfs", "init", "--empty-repo=true", str(tmp_path / "config")),)
    assert daemon == ("/opt/ipfs", "daemon")
    repository = Path(kubo_repository(tmp_path))
    repository.mkdir()
    # The swarm's key is there before the repository is.
    (repository / "swarm.key").write_bytes(b"")
    assert kubo_commands(Path("/opt/ipfs"), tmp_path)[0] == first
    (repository / "config").write_bytes(b"{}")
    assert kubo_commands(Path("/opt/ipfs"), tmp_path) == ((), daemon)


def test_the_datastore_is_written_out_since_init_takes_the_file_as_it_is() -> None:
    spec = at(told(), "Datastore.Spec")
    assert [mount["mountpoint"] for mount in spec["mounts"]] == ["/blocks", "/"]
    assert [mount["child"]["type"] for mount in spec["mounts"]] == ["flatfs", "levelds"]
    assert spec["mounts"][0]["child"]["sync"] is True


def test_nothing_is_said_of_a_collection_that_the_daemon_does_not_make(tmp_path: Path) -> None:
    assert "--enable-gc" not in kubo_commands(Path("/opt/ipfs"), tmp_path)[1]
    assert not {"StorageMax", "StorageGCWatermark", "GCPeriod"} & set(told()["Datastore"])
