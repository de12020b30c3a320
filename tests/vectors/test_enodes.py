"""Ids of nodes: what others have computed from the same keys, and what we compute."""

import base64
import json
from pathlib import Path

import pytest
from greenlane.core.crypto import ed25519_public_key, is_secp256k1_public_key, p256_public_key, secp256k1_public_key
from greenlane.core.errors import InvalidInput
from greenlane.core.units import CenterId
from greenlane_node.keys import EnodeInvalid, parse_enode
from greenlane_node.peer_identity import (
    PeerIdInvalid,
    SwarmKeyInvalid,
    encode_swarm_key,
    parse_swarm_key,
    peer_id,
    peer_public_key,
    private_key_text,
)
from greenlane_node.planning.plan import NodeRole, PlannedNode, peer_host

# The generators of the curves are their first public keys: SEC 2, 2.4.1, and SP 800-186, 3.2.1.3.
SECP256K1_G = (
    "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
    "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"
)
P256_G = (
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)
ONE = (1).to_bytes(32, "big")
# RFC 8032, 7.1, test 1.
SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")


def node(public_key: bytes, host: str = "10.0.0.1") -> PlannedNode:
    return PlannedNode(
        center=CenterId("lima"),
        role=NodeRole.VALIDATOR,
        public_key=public_key,
        host=host,
        p2p_port=30_303,
        rpc_port=8_545,
        metrics_port=9_545,
    )


@pytest.mark.conformance
@pytest.mark.parametrize("folder", ["blockheader_mode", "contract_mode"])
def test_the_accounts_of_running_nodes_follow_from_their_keys(shared_data: Path, folder: str) -> None:
    recorded = json.loads((shared_data / "besu" / folder / "nodes.json").read_bytes())
    assert len(recorded) == 6
    for one in recorded:
        key = bytes.fromhex(one["enodePublicKey"])
        assert is_secp256k1_public_key(key)
        assert "0x" + node(key).address.hex() == one["address"]
        assert parse_enode(node(key).enode) == (key, "10.0.0.1", 30_303)
        assert not is_secp256k1_public_key(key[:-1] + bytes([key[-1] ^ 1]))


def test_the_first_private_key_of_each_curve_has_its_generator() -> None:
    assert secp256k1_public_key(ONE).hex() == SECP256K1_G
    assert p256_public_key(ONE).hex() == P256_G
    assert node(secp256k1_public_key(ONE)).address.hex() == "7e5f4552091a69125d5dfcb7b8c2659029395bdf"


def test_an_enode_is_written_and_read_alike() -> None:
    assert node(bytes.fromhex(SECP256K1_G)).enode == f"enode://{SECP256K1_G}@10.0.0.1:30303"
    assert node(bytes.fromhex(SECP256K1_G), "2001:db8::1").enode == f"enode://{SECP256K1_G}@[2001:db8::1]:30303"
    for host in ("10.0.0.1", "127.0.0.1", "2001:db8::1", "::1"):
        assert parse_enode(node(bytes.fromhex(SECP256K1_G), host).enode) == (bytes.fromhex(SECP256K1_G), host, 30_303)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "enode://",
        f"enode://{SECP256K1_G}",
        f"enode://{SECP256K1_G}@lima.example:30303",
        f"enode://{SECP256K1_G}@10.0.0.1:0",
        f"enode://{SECP256K1_G}@10.0.0.1:65536",
        f"enode://{SECP256K1_G[:-1]}9@10.0.0.1:30303",
        f"enode://{SECP256K1_G.upper()}@10.0.0.1:30303",
        f"enode://{SECP256K1_G}@10.0.0.1:30303?discport=0",
        f"enode://{SECP256K1_G}@10.0.0.1:30303\n",
        f"enode://{SECP256K1_G}@10.0.0.1:030303",
        f"enode://{SECP256K1_G}@10.0.0.1:00001",
        f"enode://{SECP256K1_G}@[10.0.0.1]:30303",
        f"enode://{SECP256K1_G}@2001:db8::1:30303",
        f"enr://{SECP256K1_G}@10.0.0.1:30303",
    ],
)
def test_what_is_no_enode_is_refused(text: str) -> None:
    with pytest.raises(EnodeInvalid):
        parse_enode(text)


@pytest.mark.parametrize(
    "host",
    [
        *("999.1.1.1", ".......", "1.2.3.4.5.6.7", "256.0.0.1", "10.0.0", "10.0.0.01", "010.0.0.1", "1..2.3.4"),
        *("0.0.0.0", "224.0.0.1", "239.255.255.255", "255.255.255.255"),
        *("[::::::]", "[::]", "[1::2::3]", "[12345::]", "[ff02::1]", "[fe80::1%25eth0]", "[::g]", "[...]"),
        # One address, another spelling: a node would list it in its own, and never find it again in ours.
        *("[2001:DB8::1]", "[2001:db8:0::1]", "[2001:0db8::1]", "[::ffff:10.0.0.1]", "[::ffff:a00:1]", "[::ffff:0.0.0.0]"),
    ],
)
def test_an_enode_with_an_address_that_no_peer_can_have_is_none(host: str) -> None:
    # A node that finds it in a list does not start: whoever writes it into the registry would stop everybody's.
    with pytest.raises(EnodeInvalid) as refused:
        parse_enode(f"enode://{SECP256K1_G}@{host}:30303")
    assert refused.value.code == "enode-invalid"


def test_a_plan_and_an_enode_hold_the_same_addresses() -> None:
    for host in ("10.0.0.1", "2001:db8::1"):
        assert peer_host(host) == parse_enode(node(bytes.fromhex(SECP256K1_G), host).enode)[1]
    for host in ("lima.example", "0.0.0.0", "ff02::1", "fe80::1%eth0", "::ffff:10.0.0.1", "2001:DB8::1", ""):
        with pytest.raises(InvalidInput):
            peer_host(host)


def test_a_peer_id_is_the_base58_of_its_key_and_nothing_else() -> None:
    assert ed25519_public_key(SEED) == PUBLIC
    text = peer_id(PUBLIC)
    assert text.startswith("12D3KooW")
    assert len(text) == 52
    assert peer_public_key(text) == PUBLIC
    # Multihash "identity" (0x00) of 36 bytes; protobuf: type 1, then 32 bytes. Decoded here by hand, digit for digit.
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number = 0
    for digit in text:
        number = number * 58 + alphabet.index(digit)
    assert number.to_bytes(38, "big") == bytes.fromhex("0024" + "0801" + "1220") + PUBLIC


@pytest.mark.conformance
def test_the_peer_id_of_a_running_kubo_follows_from_its_key(shared_data: Path) -> None:
    recorded = json.loads((shared_data / "kubo" / "kubo-rpc-0.42.0.json").read_bytes())
    body = next(one["response_body_base64"] for one in recorded if one.get("path_and_query") == "/api/v0/id")
    told = json.loads(base64.b64decode(body))
    key = base64.b64decode(told["PublicKey"])
    assert key[:4] == bytes.fromhex("08011220")
    assert peer_id(key[4:]) == told["ID"]
    assert peer_public_key(told["ID"]) == key[4:]


def test_every_changed_letter_of_a_peer_id_is_another_id_or_none() -> None:
    text = peer_id(PUBLIC)
    for place in range(len(text)):
        changed = text[:place] + ("2" if text[place] != "2" else "3") + text[place + 1 :]
        try:
            assert peer_public_key(changed) != PUBLIC
        except PeerIdInvalid:
            continue
        assert peer_id(peer_public_key(changed)) == changed


@pytest.mark.parametrize("text", ["", "1", "12D3KooW", "Qm" + "a" * 44, "l" * 52, "1" * 64, "z" * 52, "z" * 200, "1" + "x" * 51])
def test_what_is_no_peer_id_is_refused(text: str) -> None:
    with pytest.raises(PeerIdInvalid):
        peer_public_key(text)


def test_a_key_everybody_can_sign_for_has_no_peer_id() -> None:
    with pytest.raises(PeerIdInvalid):
        peer_id(bytes(32))
    with pytest.raises(PeerIdInvalid):
        peer_id(PUBLIC[:-1])


def test_a_private_key_of_kubo_holds_seed_and_public_key() -> None:
    assert base64.b64decode(private_key_text(SEED)) == bytes.fromhex("08011240") + SEED + PUBLIC


def test_a_swarm_key_is_written_as_libp2p_reads_it() -> None:
    data = encode_swarm_key(SEED)
    assert data.decode().splitlines() == ["/key/swarm/psk/1.0.0/", "/base16/", SEED.hex()]
    assert parse_swarm_key(data) == SEED
    assert parse_swarm_key(data.replace(b"\n", b"\r\n")) == SEED


@pytest.mark.parametrize(
    "data", [b"", b"/key/swarm/psk/1.0.0/\n/base16/\n", b"/key/swarm/psk/1.0.0/\n/base64/\n" + b"A" * 44, SEED.hex().encode()]
)
def test_what_is_no_swarm_key_is_refused_without_being_repeated(data: bytes) -> None:
    with pytest.raises(SwarmKeyInvalid) as caught:
        parse_swarm_key(data)
    assert SEED.hex() not in str(caught.value)
    with pytest.raises(SwarmKeyInvalid):
        encode_swarm_key(SEED[:-1])
