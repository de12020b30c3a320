"""A network's description reads back as it was written, and nothing else is taken for one."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from greenlane.adapters.network_file import (
    MAX_NETWORK_FILE_BYTES,
    CenterKeyNames,
    Network,
    NetworkCenter,
    NetworkFileInvalid,
    encode_network,
    load_network,
    parse_network,
)
from greenlane.core.assets.places import AssetContracts
from greenlane.core.crypto import ed25519_public_key
from greenlane.core.errors import InvalidInput, NotFound
from greenlane.core.note import VerifierKey
from greenlane.core.seals import Sealing, ValidatorMode, ValidatorSet
from greenlane.core.units import Address, BlockNumber, CenterId, ChainId
from hypothesis import given
from hypothesis import strategies as st

addresses = st.binary(min_size=20, max_size=20).map(Address)
SEALING = Sealing(
    mode=ValidatorMode.CONTRACT,
    sets=(
        ValidatorSet(seals_from=BlockNumber(1), validators=(Address(b"\x03" * 20),)),
        ValidatorSet(seals_from=BlockNumber(9), validators=(Address(b"\x03" * 20), Address(b"\x06" * 20))),
    ),
)
ASSETS = AssetContracts(green_asset=Address(b"\x06" * 20), evidence_register=Address(b"\x07" * 20))
names = st.none() | st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True)


@st.composite
def centers(draw: st.DrawFn, id_: str) -> NetworkCenter:
    origin = f"{id_}.greenlane.example/log"
    return NetworkCenter(
        id=CenterId(id_),
        name=draw(st.sampled_from(("Pilot Center Lima", "Centro Piloto de Lima ✓"))),
        economy="PE",
        origin=origin,
        endpoint=draw(st.sampled_from((None, "https://lima.greenlane.example"))),
        operator=draw(addresses),
        anchorer=draw(addresses),
        validator=draw(addresses),
        log_key=VerifierKey(name=origin, public_key=ed25519_public_key(draw(st.binary(min_size=32, max_size=32)))),
        keys=CenterKeyNames(operator=draw(names), anchorer=draw(names), validator=draw(names), log=draw(names)),
    )


@st.composite
def networks(draw: st.DrawFn) -> Network:
    ids = draw(st.lists(st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True), min_size=1, max_size=3, unique=True))
    return Network(
        chain_id=ChainId(draw(st.integers(1, 2**53 - 1))),
        genesis_hash=draw(st.binary(min_size=32, max_size=32)),
        sealing=draw(st.sampled_from((None, SEALING))),
        rpc_urls=("http://127.0.0.1:20261", "https://node.greenlane.example"),
        pilot_registry=draw(addresses),
        anchor_log=draw(addresses),
        assets=draw(st.sampled_from((None, ASSETS))),
        deploy_block=BlockNumber(draw(st.integers(0, 2**53 - 1))),
        centers=tuple(draw(centers(one)) for one in ids),
        hosted=tuple(CenterId(one) for one in draw(st.permutations(ids)))[: draw(st.integers(0, len(ids)))],
    )


@given(networks())
def test_what_is_written_reads_back_as_the_same(network: Network) -> None:
    assert parse_network(encode_network(network)) == network


def a_network() -> Network:
    key = VerifierKey(name="lima.greenlane.example/log", public_key=ed25519_public_key(bytes(32)))
    lima = NetworkCenter(
        id=CenterId("lima"),
        name="Pilot Center Lima",
        economy="PE",
        origin=key.name,
        endpoint=None,
        operator=Address(b"\x01" * 20),
        anchorer=Address(b"\x02" * 20),
        validator=Address(b"\x03" * 20),
        log_key=key,
        keys=CenterKeyNames(operator="a", anchorer="b", validator=None, log="d"),
    )
    return Network(
        chain_id=ChainId(20261),
        genesis_hash=bytes(32),
        sealing=SEALING,
        rpc_urls=("http://127.0.0.1:20261",),
        pilot_registry=Address(b"\x04" * 20),
        anchor_log=Address(b"\x05" * 20),
        assets=ASSETS,
        deploy_block=BlockNumber(0),
        centers=(lima,),
        hosted=(CenterId("lima"),),
    )


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("/type", "GreenlaneTrust"),
        ("/version", 2),
        ("/chainId", 0),
        ("/chainId", True),
        ("/genesisHash", "0x00"),
        ("/sealing", False),
        ("/sealing/mode", "votes"),
        ("/sealing/sets", []),
        ("/sealing/sets/0/sealsFrom", 0),
        ("/sealing/sets/1/sealsFrom", 1),
        ("/sealing/sets/1/validators", []),
        ("/sealing/sets/1/validators/0", "0x00"),
        ("/rpcUrls", []),
        ("/rpcUrls/0", "ftp://127.0.0.1"),
        ("/pilotRegistry", "0x" + "0A" * 20),
        ("/anchorLog", None),
        ("/assets", {}),
        ("/assets/greenAsset", None),
        ("/assets/evidenceRegister", "0x" + "06" * 20),
        ("/deployBlock", -1),
        ("/centers", []),
        ("/centers/0/id", "Lima"),
        ("/centers/0/origin", "other.example/log"),
        ("/centers/0/logKey", "x"),
        ("/centers/0/operator", "0x"),
        ("/centers/0/endpoint", ""),
        ("/centers/0/keys", {}),
        ("/centers/0/keys/log", 5),
        ("/hosted/0", "tianjin"),
        ("/more", 1),
    ],
)
def test_every_wrong_field_is_refused_with_its_place(where: str, value: object, tmp_path: Path) -> None:
    content: Any = json.loads(encode_network(a_network()))
    *steps, last = where.split("/")[1:]
    place = content
    for step in steps:
        place = place[int(step) if isinstance(place, list) else step]
    place[int(last) if isinstance(place, list) else last] = value
    data = json.dumps(content).encode()
    with pytest.raises(InvalidInput) as caught:
        parse_network(data)
    expected = "/centers/0/logKey" if where == "/centers/0/origin" else where
    assert caught.value.where is not None
    assert caught.value.where.startswith(expected.rpartition("/")[0] if where == "/more" else expected)
    path = tmp_path / "network.json"
    path.write_bytes(data)
    with pytest.raises(NetworkFileInvalid) as named:
        load_network(path)
    assert named.value.where is not None
    assert named.value.where.startswith(str(path))


@pytest.mark.parametrize("name", [name for name in json.loads(encode_network(a_network())) if name != "assets"])
def test_no_field_may_be_left_out(name: str) -> None:
    content = json.loads(encode_network(a_network()))
    del content[name]
    with pytest.raises(InvalidInput, match=name):
        parse_network(json.dumps(content).encode())


def test_a_file_of_an_earlier_release_describes_a_network_without_green_assets() -> None:
    content = json.loads(encode_network(a_network()))
    del content["assets"]
    assert parse_network(json.dumps(content).encode()) == replace(a_network(), assets=None)


@pytest.mark.parametrize("change", ["centers", "hosted"])
def test_a_center_stands_in_a_list_once(change: str) -> None:
    content = json.loads(encode_network(a_network()))
    content[change] *= 2
    with pytest.raises(InvalidInput, match="twice"):
        parse_network(json.dumps(content).encode())


def test_a_description_that_would_read_otherwise_is_not_written() -> None:
    with pytest.raises(InvalidInput):
        encode_network(replace(a_network(), hosted=(CenterId("tianjin"),)))


def test_a_file_that_is_missing_or_too_large_is_named(tmp_path: Path) -> None:
    path = tmp_path / "network.json"
    with pytest.raises(NetworkFileInvalid) as caught:
        load_network(path)
    assert caught.value.where == str(path)
    path.write_bytes(b" " * (MAX_NETWORK_FILE_BYTES + 1))
    with pytest.raises(NetworkFileInvalid, match="at most"):
        load_network(path)


def test_hosted_centers_are_what_the_signer_takes() -> None:
    network = a_network()
    [hosted] = network.hosted_centers()
    assert (hosted.id, hosted.origin, hosted.key) == ("lima", "lima.greenlane.example/log", network.centers[0].log_key)
    with pytest.raises(NotFound):
        network.center(CenterId("tianjin"))
