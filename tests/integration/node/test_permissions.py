"""The allowlists of a center's nodes follow the registry, whatever was there before and wherever the writing is cut off."""

import json
import shutil
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from eth_account import Account
from greenlane.adapters.evm.bindings import CenterStatus, PilotRegistry
from greenlane.adapters.home import Home
from greenlane.adapters.keystore import KeyUse, replace_file
from greenlane.adapters.network_file import encode_network, load_network
from greenlane.core.errors import NotFound
from greenlane.core.units import CenterId
from greenlane.core.wire import encode_hex
from greenlane.ports.ledger import LedgerMismatch
from greenlane_node.cli import sync_permissions
from greenlane_node.cli.program import main
from greenlane_node.embedded.network import EmbeddedNetwork, RunningNetwork
from greenlane_node.layout import BesuFolder, NetworkLayout
from greenlane_node.membership import permissions
from greenlane_node.membership.permissions import RegistryUnusable, look, sync, wanted
from greenlane_node.nodes.freshest import ChainBehind
from greenlane_node.nodes.own_nodes import NodeConfigInvalid, own_nodes
from greenlane_node.nodes.rpc import NodeSilent
from web3 import HTTPProvider, Web3
from worlds.kept_nodes import StandIn, enode_of, kept_nodes, register_enode
from worlds.machine import free_port

pytestmark = pytest.mark.chain

LIMA, TIANJIN, SAIGON = CenterId("lima"), CenterId("tianjin"), CenterId("ho-chi-minh")
VALIDATOR, RPC = "validator-lima", "rpc-lima"
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNetwork]:
    home = tmp_path_factory.mktemp("permissions") / "home"
    with EmbeddedNetwork.start(home, port=free_port()) as running:
        for number, center in enumerate((LIMA, TIANJIN, SAIGON)):
            key = running.keystore().account(f"{center}-validator", KeyUse.VALIDATOR)
            register_enode(running, center, enode_of(key, 30_303 + number))
        yield running


@pytest.fixture
def nodes(made: RunningNetwork) -> Iterator[dict[str, StandIn]]:
    with kept_nodes(made.home.directory, made, LIMA) as standing:
        yield standing
    shutil.rmtree(made.home.directory / "besu")


@pytest.fixture
def home(made: RunningNetwork, nodes: dict[str, StandIn]) -> Home:
    return made.home


def folder(home: Home, node: str) -> BesuFolder:
    return NetworkLayout(home).besu(node)


def allowed(home: Home, node: str) -> list[str]:
    told: list[str] = tomllib.loads(folder(home, node).allowed_nodes.read_text())["nodes-allowlist"]
    return told


def static(home: Home, node: str) -> list[str]:
    told: list[str] = json.loads(folder(home, node).static_nodes.read_bytes())
    return told


def enodes(made: RunningNetwork) -> dict[CenterId, str]:
    registry = PilotRegistry(Web3(HTTPProvider(made.rpc_url)), made.network.pilot_registry)
    return {center: record.enode for center in (LIMA, TIANJIN, SAIGON) if (record := registry.center(center)) is not None}


def test_files_and_running_nodes_become_what_the_registry_says(
    made: RunningNetwork, home: Home, nodes: dict[str, StandIn]
) -> None:
    sync(home)
    validators = set(enodes(made).values())
    own_rpc = folder(home, RPC).enode.read_text().strip()
    accounts = {encode_hex(one) for center in made.network.centers for one in (center.operator, center.anchorer)}
    for name, node in nodes.items():
        assert set(allowed(home, name)) == set(node.permitted_nodes) == validators | {own_rpc}
        assert set(node.permitted_accounts) == accounts
        assert tomllib.loads(folder(home, name).allowed_accounts.read_text()) == {"accounts-allowlist": sorted(accounts)}
    assert set(static(home, VALIDATOR)) == validators - {enodes(made)[LIMA]}
    assert set(static(home, RPC)) == validators
    assert look(home).changes == ()
    assert sync(home).changes == ()


def test_what_the_registry_no_longer_has_goes(home: Home, nodes: dict[str, StandIn]) -> None:
    sync(home)
    stranger = enode_of(Account.create(), 30_399)
    file = folder(home, VALIDATOR).allowed_nodes
    file.write_text(file.read_text().replace("[", f'["{stranger}", ', 1))
    nodes[VALIDATOR].permitted_nodes.append(stranger)
    nodes[VALIDATOR].permitted_accounts.append("0x" + "11" * 20)
    assert {(change.list, change.surplus) for change in look(home).changes} == {
        ("nodes", (stranger,)),
        ("nodes (running)", (stranger,)),
        ("accounts (running)", ("0x" + "11" * 20,)),
    }
    sync(home)
    assert stranger not in allowed(home, VALIDATOR) + nodes[VALIDATOR].permitted_nodes
    assert look(home).changes == ()


def test_a_static_node_that_a_running_node_keeps_is_told_with_what_to_do(home: Home, nodes: dict[str, StandIn]) -> None:
    sync(home)
    former = enode_of(Account.create(), 30_398)
    nodes[VALIDATOR].permitted_nodes.append(former)
    nodes[VALIDATOR].static.add(former)
    (left,) = sync(home).changes
    assert left.surplus == (former,)
    assert "started again" in left.note


def test_a_node_that_is_away_gets_its_files(home: Home, nodes: dict[str, StandIn]) -> None:
    nodes[VALIDATOR].is_away = True
    sync(home)
    assert allowed(home, VALIDATOR)
    assert nodes[VALIDATOR].permitted_nodes == []


@contextmanager
def alone(home: Home, *others: str) -> Iterator[None]:
    """Our nodes know of no others than these."""
    before = home.network_file.read_bytes()
    home.network_file.write_bytes(encode_network(replace(load_network(home.network_file), rpc_urls=others or (NOWHERE,))))
    try:
        yield
    finally:
        home.network_file.write_bytes(before)


def test_nothing_changes_where_no_node_answers(home: Home, nodes: dict[str, StandIn]) -> None:
    for node in nodes.values():
        node.is_away = True
    with alone(home), pytest.raises(NodeSilent):
        sync(home)
    assert not folder(home, VALIDATOR).allowed_nodes.exists()


def test_a_node_never_calls_whom_it_does_not_allow_wherever_the_writing_is_cut(
    made: RunningNetwork, home: Home, nodes: dict[str, StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[[Path, bytes], None] = replace_file
    former = enode_of(Account.create(), 30_397)

    class Cut(BaseException):
        pass

    for cut_after in range(5):
        sync(home)
        kept = folder(home, VALIDATOR)
        kept.static_nodes.write_text(json.dumps([former]))
        kept.allowed_nodes.write_text(f'nodes-allowlist = ["{former}"]\n')
        written = 0

        def write_or_cut(path: Path, data: bytes, *, until: int = cut_after) -> None:
            nonlocal written
            if written == until:
                raise Cut
            written += 1
            real(path, data)

        with monkeypatch.context() as patch:
            patch.setattr(permissions, "replace_file", write_or_cut)
            with suppress(Cut):
                sync(home)
        assert set(static(home, VALIDATOR)) <= set(allowed(home, VALIDATOR)), cut_after


def test_a_center_can_let_nobody_in_but_its_own_validator(made: RunningNetwork) -> None:
    registry = PilotRegistry(Web3(HTTPProvider(made.rpc_url)), made.network.pilot_registry)
    lima, tianjin = registry.center(LIMA), registry.center(TIANJIN)
    assert lima is not None and tianjin is not None
    good = enode_of(made.keystore().account("lima-validator", KeyUse.VALIDATOR), 30_303, "[2001:db8::1]")
    assert wanted([replace(lima, enode=good)]).validators == (good,)
    for enode, reason in [
        (tianjin.enode, "another node's"),
        ("", "no enode"),
        (good.replace("[2001:db8::1]", "evil.example"), "no enode URL"),
        (good.replace(":30303", ":99999"), "no enode URL"),
        (good + '"]\nevil = ["', "no enode URL"),
        (good.upper(), "no enode URL"),
    ]:
        found = wanted([replace(lima, enode=enode), tianjin])
        assert found.validators == (tianjin.enode,)
        assert [reason in one for one in found.left_out] == [True], enode
    with pytest.raises(RegistryUnusable):
        wanted([replace(lima, enode="")])


@pytest.mark.parametrize("content", ["", "[", "nodes-allowlist = 3", "nodes-allowlist = [1]", "other = []"])
def test_a_damaged_list_is_named(home: Home, content: str) -> None:
    sync(home)
    folder(home, RPC).allowed_nodes.write_text(content)
    with pytest.raises(NodeConfigInvalid) as caught:
        look(home)
    assert str(folder(home, RPC).allowed_nodes) == caught.value.where


@pytest.mark.parametrize(
    "content", ["", "rpc-http-host = 3", 'rpc-http-host = "127.0.0.1"', 'rpc-http-host = "x"\nrpc-http-port = "y"']
)
def test_a_damaged_configuration_is_named(home: Home, content: str) -> None:
    folder(home, VALIDATOR).config.write_text(content)
    with pytest.raises(NodeConfigInvalid):
        own_nodes(home)


def test_a_folder_without_nodes_says_how_to_get_some(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        own_nodes(Home(tmp_path))
    assert "--home" in caught.value.remedy


def test_the_command_tells_differences_and_its_exit_code_says_whether_there_are_any(
    home: Home, nodes: dict[str, StandIn], capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: str) -> tuple[int, Any]:
        code = main(["sync-permissions", *arguments, "--home", str(home.directory), "--json"])
        out, err = capsys.readouterr()
        return code, json.loads(out or err)

    code, rows = run("--check")
    assert code == 1
    assert {row["node"] for row in rows} == set(nodes)
    assert run()[0] == 0
    assert run("--check") == (0, [])
    for node in nodes.values():
        node.is_away = True
    with alone(home):
        code, told = run()
    assert (code, told["errors"][0]["code"]) == (3, "node-silent")
    assert run("--watch", "0")[0] == 2


# Whose registry is believed


@pytest.fixture
def moved(made: RunningNetwork) -> Iterator[tuple[int, str, str]]:
    """A block, the enode that the registry had of ho-chi-minh's validator there, and the one it has had since."""
    key = made.keystore().account(f"{SAIGON}-validator", KeyUse.VALIDATOR)
    before, after = enodes(made)[SAIGON], enode_of(key, 30_777)
    block = Web3(HTTPProvider(made.rpc_url)).eth.block_number
    register_enode(made, SAIGON, after)
    yield block, before, after
    register_enode(made, SAIGON, before)


def test_a_node_that_is_behind_is_not_asked_who_belongs_to_the_network(
    home: Home, nodes: dict[str, StandIn], moved: tuple[int, str, str]
) -> None:
    block, before, after = moved
    nodes[RPC].newest = nodes[VALIDATOR].newest = block
    sync(home)
    assert after in allowed(home, VALIDATOR) and before not in allowed(home, VALIDATOR)
    nodes[VALIDATOR].newest = None
    with alone(home):
        assert look(home).changes == ()


def test_nothing_changes_while_the_highest_node_is_still_fetching_the_chain(
    home: Home, nodes: dict[str, StandIn], moved: tuple[int, str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    sync(home)
    lists = folder(home, VALIDATOR).allowed_nodes.read_bytes()
    for node in nodes.values():
        node.newest, node.changed["eth_syncing"] = moved[0], {"currentBlock": hex(moved[0]), "highestBlock": "0xffff"}
    with alone(home):
        with pytest.raises(ChainBehind):
            sync(home)
        assert main(["sync-permissions", "--home", str(home.directory)]) == 3
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "Wait until it has caught up" in said
    assert folder(home, VALIDATOR).allowed_nodes.read_bytes() == lists


def test_by_a_chain_that_stands_still_nodes_are_let_in_and_nobody_is_taken_off(
    home: Home, nodes: dict[str, StandIn], moved: tuple[int, str, str]
) -> None:
    block, before, after = moved
    sync(home)
    stranger, account = enode_of(Account.create(), 30_399), "0x" + "11" * 20
    for path, item in ((folder(home, VALIDATOR).allowed_nodes, stranger), (folder(home, VALIDATOR).allowed_accounts, account)):
        path.write_text(path.read_text().replace("[", f'["{item}", ', 1))
    nodes[VALIDATOR].permitted_nodes.append(stranger)
    for node in nodes.values():
        node.newest = block
    with alone(home):
        found = sync(home, now=lambda: time.time() + 3_600)
        assert "until blocks come" in found.old
        assert all(change.surplus == () and change.note == "" for change in found.changes)
        assert {stranger, before, after} <= set(allowed(home, VALIDATOR))
        assert account in folder(home, VALIDATOR).allowed_accounts.read_text()
        assert {before, after} <= set(static(home, RPC)) <= set(allowed(home, RPC))
        assert {stranger, before, after} <= set(nodes[VALIDATOR].permitted_nodes)
    for node in nodes.values():
        node.newest = None
    assert sync(home).old == ""
    assert {stranger, before} & {*allowed(home, VALIDATOR), *static(home, RPC), *nodes[VALIDATOR].permitted_nodes} == set()


def test_a_node_of_another_chain_is_named_and_not_believed(
    home: Home, nodes: dict[str, StandIn], capsys: pytest.CaptureFixture[str]
) -> None:
    nodes[RPC].changed |= {"eth_chainId": "0x1\x1b[2J", "eth_call": "0x", "eth_getCode": "0x"}
    found = sync(home)
    assert [NetworkLayout(home).besu(RPC).directory.name in one or nodes[RPC].url in one for one in found.strangers] == [True]
    assert main(["sync-permissions", "--home", str(home.directory)]) == 0
    said = capsys.readouterr()
    assert "is of the chain" in said.err
    assert "\x1b" not in said.err + said.out
    nodes[VALIDATOR].changed |= nodes[RPC].changed
    with alone(home), pytest.raises(LedgerMismatch):
        sync(home)


def test_a_node_elsewhere_is_asked_with_the_token_that_this_home_has_for_it(
    made: RunningNetwork, home: Home, nodes: dict[str, StandIn], tmp_path: Path, moved: tuple[int, str, str]
) -> None:
    for node in nodes.values():
        node.newest = moved[0]
    with kept_nodes(tmp_path, made, TIANJIN) as theirs:
        other = theirs["rpc-tianjin"]
        other.wanted_token = "opens"
        tokens = NetworkLayout(home).api_tokens
        tokens.parent.mkdir(exist_ok=True)
        tokens.write_text(f"{other.url} opens\n")
        try:
            with alone(home, other.url):
                sync(home)
        finally:
            tokens.unlink()
    assert moved[2] in allowed(home, VALIDATOR)


def test_a_watch_outlives_whatever_a_node_does_in_the_middle_of_a_question(
    home: Home, nodes: dict[str, StandIn], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def is_of_the_registrys_list(params: list[Any]) -> bool:
        return params[1] not in ("latest", None)

    def lost(params: list[Any]) -> Any:
        if is_of_the_registrys_list(params):
            raise ValueError("World state unavailable\x1b[2J")

    def vanishing(params: list[Any]) -> Any:
        if is_of_the_registrys_list(params):
            for node in nodes.values():
                node.is_away = True

    turns = [lost, vanishing, None]

    def begin_turn(_seconds: float = 0) -> None:
        if not turns:
            raise KeyboardInterrupt
        turn = turns.pop(0)
        for node in nodes.values():
            node.is_away = False
            node.changed = {} if turn is None else {"eth_call": turn}

    begin_turn()
    monkeypatch.setattr(sync_permissions, "time", SimpleNamespace(sleep=begin_turn))
    with alone(home):
        assert main(["sync-permissions", "--watch", "1", "--home", str(home.directory)]) == 130
    said = capsys.readouterr()
    unavailable, silent, stopped = said.err.splitlines()
    assert "World state unavailable" in unavailable and "\x1b" not in said.err
    assert "503" in silent and "stopped" in stopped
    assert allowed(home, VALIDATOR)


def test_who_still_seals_stays_on_the_lists_of_nodes_and_loses_its_accounts(made: RunningNetwork) -> None:
    registry = PilotRegistry(Web3(HTTPProvider(made.rpc_url)), made.network.pilot_registry)
    lima, tianjin = registry.center(LIMA), registry.center(TIANJIN)
    assert lima is not None and tianjin is not None
    left = replace(tianjin, status=CenterStatus.LEFT)
    assert wanted([lima, left]).validators == (lima.enode,)
    found = wanted([lima, left], sealing=frozenset([left.validator]))
    assert set(found.validators) == {lima.enode, left.enode}
    assert encode_hex(left.operator) not in found.accounts
    # A key that was replaced is no more in the registry; where its node is met stands on our list.
    replaced = wanted([lima], sealing=frozenset([left.validator]))
    stranger = enode_of(Account.create(), 30_399)
    assert replaced.nodes_beside([left.enode, stranger], [lima.enode]) == tuple(sorted([lima.enode, left.enode]))
    # Under another address of the same node nobody is kept.
    elsewhere = left.enode.replace("127.0.0.1", "127.0.0.2")
    assert found.nodes_beside([elsewhere], found.validators) == found.validators
