"""The doctor finds what is wrong, says what to do about it, and calls nothing bad that it could not look at."""

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from greenlane.adapters.evm import standing
from greenlane.adapters.evm.artifacts import runtime_bytecode
from greenlane.adapters.home import Home
from greenlane.adapters.keystore import KeyUse
from greenlane.adapters.network_file import encode_network, load_network
from greenlane.core.units import CenterId
from greenlane.core.wire import encode_hex
from greenlane_node import doctor
from greenlane_node.cli.program import main
from greenlane_node.doctor import Finding, Look, examine
from greenlane_node.embedded.network import EmbeddedNetwork, RunningNetwork
from greenlane_node.founding.genesis import genesis_bytes
from greenlane_node.layout import NetworkLayout
from greenlane_node.membership.permissions import sync
from greenlane_node.planning.plan_file import encode_plan
from worlds.kept_nodes import StandIn, enode_of, kept_nodes, register_enode
from worlds.kubo import KuboServer, befriend, stand_in_kubo
from worlds.machine import free_port
from worlds.plan_files import sound_plan

pytestmark = pytest.mark.chain

CENTERS = (CenterId("lima"), CenterId("tianjin"), CenterId("ho-chi-minh"))
LIMA = CENTERS[0]
VALIDATOR, RPC = "validator-lima", "rpc-lima"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNetwork]:
    home = tmp_path_factory.mktemp("doctor") / "home"
    with EmbeddedNetwork.start(home, hosted=[LIMA], port=free_port()) as running:
        # Where the network's anvil answers, so that every center "can be reached".
        for center in CENTERS:
            key = running.keystore().account(f"{center}-validator", KeyUse.VALIDATOR)
            register_enode(running, center, enode_of(key, running.process.port))
        yield running


@pytest.fixture
def nodes(made: RunningNetwork, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, StandIn]]:
    monkeypatch.setattr(doctor, "LEAST_FREE_BYTES", 1)
    monkeypatch.setattr(doctor, "LEAST_FREE_SHARE", 0)
    with kept_nodes(made.home.directory, made, LIMA) as standing:
        sync(made.home)
        layout, plan = NetworkLayout(made.home), sound_plan()
        layout.plan.write_bytes(encode_plan(plan))
        layout.genesis.write_bytes(genesis_bytes(plan))
        yield standing
    shutil.rmtree(made.home.directory / "besu")
    NetworkLayout(made.home).plan.unlink()


@pytest.fixture
def home(made: RunningNetwork, nodes: dict[str, StandIn]) -> Home:
    return made.home


def looks(home: Home, *, later_s: float = 0) -> dict[str, Look]:
    return {look.name: look for look in examine(home, now=lambda: time.time() + later_s)}


def bad(found: dict[str, Look]) -> set[str]:
    assert [look for look in found.values() if bool(look.remedy) is (look.finding is Finding.GOOD)] == []
    return {name for name, look in found.items() if look.finding is Finding.BAD}


def block(number: int, hash_: str, at: float) -> dict[str, Any]:
    return {"number": hex(number), "hash": hash_, "timestamp": hex(int(at))}


def test_nothing_is_bad_where_all_is_well(home: Home) -> None:
    found = looks(home)
    assert bad(found) == set()
    assert {look.finding for look in found.values()} == {Finding.GOOD}, found
    assert {"blocks grow", "nodes agree", "time in step", "disk is free", "allowlists are the registry's"} <= set(found)
    assert {"lima has its seat", "lima's keys are the registry's", "tianjin can be reached"} <= set(found)


def test_whether_the_contracts_of_green_assets_are_ours_to_the_byte_is_told(
    home: Home, made: RunningNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "contracts of green assets are ours"
    assets = made.network.assets
    assert assets is not None
    assert encode_hex(assets.green_asset) in looks(home)[name].words
    monkeypatch.setattr(standing, "runtime_bytecode", lambda name: b"" if name == "GreenAsset" else runtime_bytecode(name))
    other = looks(home)[name]
    assert other.finding is Finding.NOT_CHECKED
    assert other.words.startswith("GreenAsset: the code there is not")
    described = home.network_file.read_bytes()
    home.network_file.write_bytes(encode_network(replace(load_network(home.network_file), assets=None)))
    try:
        none = looks(home)[name]
    finally:
        home.network_file.write_bytes(described)
    assert none.finding is Finding.GOOD
    assert "has none" in none.words


def test_a_node_that_is_away_is_bad_and_hides_what_only_it_could_tell(home: Home, nodes: dict[str, StandIn]) -> None:
    nodes[RPC].is_away = True
    found = looks(home)
    assert bad(found) == {f"{RPC} answers"}
    assert found[f"{RPC} has peers"].finding is Finding.NOT_CHECKED


def test_with_no_node_at_all_the_chain_is_not_checked(home: Home, made: RunningNetwork, nodes: dict[str, StandIn]) -> None:
    for node in nodes.values():
        node.is_away = True
    network = made.home.network_file.read_bytes()
    url = load_network(home.network_file).rpc_urls[0]
    made.home.network_file.write_bytes(network.replace(url.encode(), b"http://127.0.0.1:9"))
    try:
        found = looks(home)
    finally:
        made.home.network_file.write_bytes(network)
    assert bad(found) == {f"{VALIDATOR} answers", f"{RPC} answers", "http://127.0.0.1:9 answers"}
    assert "greenlane-node up" in found[f"{RPC} answers"].remedy
    assert "whoever keeps it" in found["http://127.0.0.1:9 answers"].remedy
    for name in ("nodes agree", "blocks grow", "time in step", "our keys are the registry's", "allowlists are the registry's"):
        assert found[name].finding is Finding.NOT_CHECKED


def test_a_node_that_refuses_is_not_told_to_be_started(home: Home, nodes: dict[str, StandIn]) -> None:
    def refuse(_params: list[Any]) -> None:
        raise ValueError("Method not enabled")

    nodes[VALIDATOR].wanted_token = "opens"
    nodes[RPC].changed["eth_getBlockByNumber"] = refuse
    found = looks(home)
    assert {f"{VALIDATOR} answers", f"{RPC} answers"} <= bad(found)
    assert "token" in found[f"{VALIDATOR} answers"].remedy
    assert "log" in found[f"{RPC} answers"].remedy
    assert not any("Start" in found[f"{node} answers"].remedy for node in nodes)


def test_a_node_elsewhere_is_asked_with_the_token_that_this_home_has_for_it(
    home: Home, made: RunningNetwork, nodes: dict[str, StandIn], tmp_path: Path
) -> None:
    network, tokens = home.network_file.read_bytes(), NetworkLayout(home).api_tokens
    with kept_nodes(tmp_path, made, CENTERS[1]) as theirs:
        other = theirs["rpc-tianjin"]
        other.wanted_token = "opens"
        url = load_network(home.network_file).rpc_urls[0]
        home.network_file.write_bytes(network.replace(url.encode(), other.url.encode()))
        try:
            found = looks(home)
            assert "token" in found[f"{other.url} answers"].remedy
            assert "home" in found[f"{other.url} answers"].remedy
            tokens.parent.mkdir(exist_ok=True)
            tokens.write_text(f"{other.url} opens\n")
            assert bad(looks(home)) == set()
        finally:
            home.network_file.write_bytes(network)
            tokens.unlink(missing_ok=True)


def test_what_a_node_says_steers_no_terminal(home: Home, nodes: dict[str, StandIn], capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(_params: list[Any]) -> None:
        raise ValueError("\x1b[2Jall is well\r\nok")

    nodes[RPC].changed["eth_getBlockByNumber"] = refuse
    nodes[VALIDATOR].changed["eth_call"] = refuse
    assert main(["doctor", "--home", str(home.directory)]) == 1
    told = capsys.readouterr().out
    assert "all is well" in told
    assert "\x1b" not in told and "\r" not in told


def test_a_registry_that_cannot_be_read_is_not_checked(home: Home, made: RunningNetwork, nodes: dict[str, StandIn]) -> None:
    def lost(_params: list[Any]) -> None:
        raise ValueError("World state unavailable")

    for node in nodes.values():
        node.changed["eth_call"] = lost
    network = home.network_file.read_bytes()
    url = load_network(home.network_file).rpc_urls[0]
    home.network_file.write_bytes(network.replace(url.encode(), nodes[RPC].url.encode()))
    try:
        found = looks(home)
    finally:
        home.network_file.write_bytes(network)
    assert bad(found) == set()
    assert "World state unavailable" in found["our keys are the registry's"].words
    assert found["allowlists are the registry's"].finding is Finding.NOT_CHECKED


def test_a_key_that_is_gone_is_told_with_the_way_back(home: Home) -> None:
    key = home.keys / "lima-anchorer.json"
    aside = key.rename(key.with_suffix(".aside"))
    try:
        assert bad(looks(home)) == {"lima's keys are the registry's"}
    finally:
        aside.rename(key)


def test_a_node_of_another_chain_is_named(home: Home, nodes: dict[str, StandIn]) -> None:
    nodes[RPC].changed["eth_chainId"] = "0x1"
    assert bad(looks(home)) == {f"{RPC} is of our chain"}


def test_nodes_with_different_blocks_of_one_height_are_named(home: Home, nodes: dict[str, StandIn]) -> None:
    now = time.time()
    for name, node in nodes.items():
        node.changed["eth_getBlockByNumber"] = lambda params, name=name: (
            None if params[0] == "0x0" else block(5, "0x" + name.encode().hex()[:20].ljust(64, "0"), now)
        )
    found = looks(home)
    assert "nodes agree" in bad(found)
    assert VALIDATOR in found["nodes agree"].words and RPC in found["nodes agree"].words


def test_a_node_that_lags_more_than_two_blocks_is_named(home: Home, nodes: dict[str, StandIn]) -> None:
    def of(head: int) -> Any:
        def answer(params: list[Any]) -> Any:
            if params[0] == "0x0":
                return None
            number = head if params[0] == "latest" else int(params[0], 16)
            return block(number, "0x" + f"{number:064x}", time.time())

        return answer

    nodes[VALIDATOR].changed["eth_getBlockByNumber"] = of(1_000_000)
    nodes[RPC].changed["eth_getBlockByNumber"] = of(999_998)
    assert not looks(home)["nodes agree"].words.startswith(RPC)
    nodes[RPC].changed["eth_getBlockByNumber"] = of(999_990)
    found = looks(home)["nodes agree"]
    assert found.finding is Finding.BAD


def test_a_chain_that_stands_still_is_told_and_the_clock_is_then_not_judged(home: Home) -> None:
    found = looks(home, later_s=3_600)
    assert bad(found) == {"blocks grow"}
    assert found["allowlists are the registry's"].finding is Finding.NOT_CHECKED
    assert "stands still" in found["blocks grow"].words
    assert "restart all validators together" in found["blocks grow"].remedy.replace("\n", " ")
    assert found["time in step"].finding is Finding.NOT_CHECKED


def test_a_clock_that_is_slow_is_told(home: Home) -> None:
    assert bad(looks(home, later_s=-60)) == {"time in step"}


def test_a_node_without_peers_is_told(home: Home, nodes: dict[str, StandIn]) -> None:
    nodes[VALIDATOR].peers = 0
    assert bad(looks(home)) == {f"{VALIDATOR} has peers"}


def test_an_allowlist_that_differs_is_told(home: Home, nodes: dict[str, StandIn]) -> None:
    nodes[VALIDATOR].permitted_accounts.append("0x" + "11" * 20)
    assert bad(looks(home)) == {"allowlists are the registry's"}


def test_a_center_whose_node_takes_no_connection_is_told(home: Home, made: RunningNetwork) -> None:
    key = made.keystore().account("tianjin-validator", KeyUse.VALIDATOR)
    register_enode(made, CENTERS[1], enode_of(key, 9))
    try:
        sync(home)
        assert bad(looks(home)) == {"tianjin can be reached"}
    finally:
        register_enode(made, CENTERS[1], enode_of(key, made.process.port))


def test_a_key_that_is_not_the_registrys_is_told(home: Home) -> None:
    content = home.network_file.read_bytes()
    home.network_file.write_bytes(content.replace(b'"anchorer":"lima-anchorer"', b'"anchorer":"tianjin-anchorer"'))
    try:
        found = looks(home)
    finally:
        home.network_file.write_bytes(content)
    assert bad(found) == {"lima's keys are the registry's"}
    assert "anchorer" in found["lima's keys are the registry's"].words


def test_a_genesis_that_is_not_the_plans_is_told(home: Home) -> None:
    genesis = NetworkLayout(home).genesis
    genesis.write_bytes(genesis.read_bytes().replace(b'"blockperiodseconds": 2', b'"blockperiodseconds": 3'))
    assert bad(looks(home)) == {"genesis is the network's"}
    genesis.unlink()
    assert looks(home)["genesis is the network's"].finding is Finding.NOT_CHECKED


def test_a_full_disk_is_told(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LEAST_FREE_BYTES", 2**62)
    assert bad(looks(home)) == {"disk is free"}


def test_the_command_says_it_in_lines_and_in_json_and_by_its_exit_code(
    home: Home, nodes: dict[str, StandIn], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--home", str(home.directory)]) == 0
    assert "Nothing bad was found." in capsys.readouterr().out
    nodes[VALIDATOR].peers = 0
    assert main(["doctor", "--home", str(home.directory)]) == 1
    told = capsys.readouterr().out
    assert f"BAD  {VALIDATOR} has peers" in told
    assert "-> " in told
    assert main(["doctor", "--home", str(home.directory), "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows if row["finding"] == "bad"] == [f"{VALIDATOR} has peers"]


def test_a_home_without_a_network_or_nodes_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--home", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


DOCUMENTS = "documents-lima"
TOKEN = "of-the-documents-node"


@pytest.fixture
def documents_node(home: Home) -> Iterator[KuboServer]:
    """A documents node of the home that stands in a swarm with another, as its configuration says."""
    layout = NetworkLayout(home)
    folder, token = layout.kubo(DOCUMENTS), layout.token(DOCUMENTS)
    with stand_in_kubo(token=TOKEN, is_strict=False) as ours, stand_in_kubo() as other:
        befriend(ours, other)
        folder.mkdir(parents=True)
        write_config(folder, ours, peer=ours.node.peer_id)
        token.parent.mkdir(exist_ok=True)
        token.write_text(f"{TOKEN}\n")
        yield ours
    shutil.rmtree(folder)
    token.unlink(missing_ok=True)


def write_config(folder: Path, node: KuboServer, *, peer: str) -> None:
    host, port = node.url.removeprefix("http://").split(":")
    config = {
        "Identity": {"PeerID": peer},
        "Addresses": {"API": [f"/ip4/{host}/tcp/{port}"], "Swarm": ["/ip4/127.0.0.1/tcp/4001"]},
        "Peering": {"Peers": [{"ID": "another"}]},
    }
    (folder / "config").write_text(json.dumps(config))


def test_a_documents_node_that_takes_our_token_is_good(home: Home, documents_node: KuboServer) -> None:
    found = looks(home)
    assert bad(found) == set()
    assert documents_node.node.peer_id in found[f"{DOCUMENTS} answers"].words
    assert found[f"{DOCUMENTS} has peers"].words == "1."


def test_a_home_without_documents_nodes_is_not_asked_for_any(home: Home) -> None:
    assert not any("documents" in name for name in looks(home))


def test_a_documents_node_that_is_away_refuses_or_is_another_is_told(home: Home, documents_node: KuboServer) -> None:
    layout = NetworkLayout(home)
    token, folder = layout.token(DOCUMENTS), layout.kubo(DOCUMENTS)
    name = f"{DOCUMENTS} answers"
    token.write_text("of-another-node\n")
    found = looks(home)
    assert bad(found) == {name}
    assert "403" in found[name].words
    assert "--rewrite" in found[name].remedy
    assert TOKEN not in str(found)

    token.unlink()
    found = looks(home)
    assert bad(found) == {name}
    assert str(token) in found[name].words
    token.write_text(f"{TOKEN}\n")

    write_config(folder, documents_node, peer="12D3KooWAnother")
    found = looks(home)
    assert bad(found) == {name}
    assert "12D3KooWAnother" in found[name].words

    documents_node.stop()
    found = looks(home)
    assert bad(found) == {name}
    assert "greenlane-node up" in found[name].remedy
    assert f"{DOCUMENTS} has peers" not in found

    (folder / "config").write_text("[]")
    assert bad(looks(home)) == {"documents nodes are described"}


def test_a_documents_node_without_peers_is_bad(home: Home, documents_node: KuboServer) -> None:
    documents_node.node.known.clear()
    assert bad(looks(home)) == {f"{DOCUMENTS} has peers"}
