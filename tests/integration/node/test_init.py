"""`init`: from nothing to the files of every node, over and over without a change, and never over another network."""

import json
import re
import shlex
import shutil
import stat
import subprocess
import threading
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from greenlane.adapters.evm.records import CenterRecord, CenterStatus, UnixSeconds
from greenlane.adapters.evm.tokens import RpcTokens
from greenlane.adapters.home import Home
from greenlane.adapters.keystore import KeyMissing, Keystore, KeyUse, WrongPassword
from greenlane.adapters.network_file import encode_network, load_network
from greenlane.core.crypto import secp256k1_public_key
from greenlane.core.errors import Faults
from greenlane.core.seals import ValidatorMode
from greenlane.core.trust import parse_trust_file
from greenlane.core.units import CenterId
from greenlane.settings import Settings, read_settings
from greenlane_node.besu.access import RENEWAL_DAYS, TOKEN_DAYS, RpcAccess
from greenlane_node.besu.config import Placement
from greenlane_node.besu.options import FILE_OPTIONS
from greenlane_node.cli import init as command
from greenlane_node.cli.program import main
from greenlane_node.founding.found import KeysDiffer, found_network
from greenlane_node.founding.genesis import candidate_of, genesis_bytes, genesis_hash
from greenlane_node.founding.home_files import AnotherPlan, HomeFiles, held
from greenlane_node.founding.network_description import joined_network, rpc_urls
from greenlane_node.founding.node_files import NetworkFacts, SwarmKeyMissing, write_nodes
from greenlane_node.founding.trial import (
    CONTAINER_ROOT,
    DEFAULT_BASE_PORT,
    MOST_MACHINE_CENTERS,
    found_for_containers,
    found_on_machine,
    trial_keystore,
)
from greenlane_node.keys import node_key_file, parse_enode
from greenlane_node.layout import NetworkLayout
from greenlane_node.machine.machine_nodes import documents_nodes
from greenlane_node.membership.permissions import differences, own_enodes, wanted
from greenlane_node.nodes.own_nodes import own_nodes
from greenlane_node.peer_identity import parse_swarm_key
from greenlane_node.planning.plan import NetworkPlan, PlannedCenter
from greenlane_node.planning.plan_file import PlanInvalid, encode_plan, load_center, load_plan, parse_plan

NOW = datetime(2026, 7, 1, 8, 30, tzinfo=UTC)
CENTERS = ("tianjin", "lima", "hanoi", "santiago")


def clock() -> datetime:
    return NOW


def content(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture(autouse=True)
def _cheap_keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keys of the command line are dear to guess, and so to make: here they guard nothing."""
    monkeypatch.delenv("GREENLANE_PASSWORD_FILE", raising=False)
    monkeypatch.delenv("GREENLANE_HOME", raising=False)

    def cheap(args: Any) -> Keystore:
        home = Home(Path(args.home))
        return Keystore(home.keys, Path(args.password_file) if args.password_file else home.password_file, scrypt_n=2)

    monkeypatch.setattr(command, "keystore_of_arguments", cheap)
    yield


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def answer(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    capsys.readouterr()
    assert run(*arguments, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert isinstance(told, dict)
    return told


def found_center(directory: Path, id_: str, number: int, *more: object) -> int:
    return run(
        "init", "center", "--home", directory / id_, "--id", id_, "--name", f"Center {id_}", "--economy", "PE",
        "--origin", f"{id_}.example/log", "--host", f"10.0.0.{number}", *more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def _agreed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("agreed")


@pytest.fixture
def founders(_agreed: Path, tmp_path: Path) -> Path:
    """Four centers that have made their keys, and the plan that they agreed on."""
    out = _agreed / "network.toml"
    if not out.exists():
        for number, id_ in enumerate(CENTERS, start=1):
            assert found_center(_agreed, id_, number, *(("--documents", "--rpc-node") if number < 3 else ())) == 0
        files = [part for id_ in CENTERS for part in ("--center", _agreed / id_ / f"{id_}.center.toml")]
        assert run("init", "plan", *files, "--name", "pilot", "--chain-id", 77_001, "--out", out) == 0
    shutil.copytree(_agreed, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_four_founders_make_one_network_each_from_its_own_folder(founders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = founders / "network.toml"
    assert answer(capsys, "init", "swarm-key", "--home", founders / "tianjin")["made"] is True
    genesis = set()
    for id_ in CENTERS:
        home = founders / id_
        swarm = ("--swarm-key", founders / "tianjin" / "swarm.key") if id_ == "lima" else ()
        told = answer(capsys, "init", "network", "--home", home, "--plan", plan, *swarm)
        assert told["own"] == [id_]
        genesis.add(told["genesis"])
        assert load_network(home / "network.json").hosted == (CenterId(id_),)
        assert (home / "network.toml").read_bytes() == plan.read_bytes()
    assert genesis == {"0x" + genesis_hash(load_plan(plan)).hex()}
    for name in ("besu/genesis.json", "trust.json"):
        assert len({(founders / id_ / name).read_bytes() for id_ in CENTERS}) == 1
    assert len({parse_swarm_key((founders / id_ / "swarm.key").read_bytes()) for id_ in CENTERS[:2]}) == 1
    assert not (founders / "hanoi" / "kubo").exists()
    # No folder has another center's secret.
    for id_ in CENTERS:
        own = content(founders / id_)
        assert {name.partition("/")[2].partition("-")[0] for name in own if name.startswith("keys/")} == {id_}


def test_every_step_run_again_changes_nothing(founders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = founders / "tianjin"
    assert run("init", "swarm-key", "--home", home) == 0
    assert run("init", "network", "--home", home, "--plan", founders / "network.toml") == 0
    before = content(home)
    assert answer(capsys, "init", "swarm-key", "--home", home)["made"] is False
    assert answer(capsys, "init", "network", "--home", home)["written"] == []
    assert found_center(founders, "tianjin", 1, "--documents", "--rpc-node") == 0
    files = [part for id_ in CENTERS for part in ("--center", founders / id_ / f"{id_}.center.toml")]
    out = founders / "network.toml"
    told = answer(capsys, "init", "plan", *files, "--name", "pilot", "--chain-id", 77_001, "--out", out)
    assert told["made"] is False
    assert content(home) == before


def test_a_genesis_that_is_not_the_plans_is_refused_though_block_0_is_the_same(
    founders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = founders / "hanoi"
    assert run("init", "network", "--home", home, "--plan", founders / "network.toml") == 0
    genesis = NetworkLayout(Home(home)).genesis
    planned = genesis.read_bytes()

    def changed(change: Any) -> None:
        value = json.loads(planned)
        change(value["config"])
        genesis.write_text(json.dumps(value))

    for change, place in (
        (lambda config: config["qbft"].update(requesttimeoutseconds=9), "config.qbft.requesttimeoutseconds"),
        (lambda config: config["qbft"].update(blockperiodseconds=9), "config.qbft.blockperiodseconds"),
        (lambda config: config.update(chainId=77_002), "config.chainId"),
        (lambda config: config.update(pragueTime=0), "config.pragueTime"),
        (lambda config: config.pop("londonBlock"), "config.londonBlock"),
    ):
        changed(change)
        before = content(home)
        for more in ((), ("--rewrite",)):
            assert run("init", "network", "--home", home, *more) == 2
            said = capsys.readouterr()
            assert f"genesis.json: The genesis is not the one that the plan makes: '{place}'." in said.err
            assert "Move it away and run this again" in said.err
            assert content(home) == before
    for broken in (b"", b"{", b"[]", b"\xff"):
        genesis.write_bytes(broken)
        assert run("init", "network", "--home", home) == 2
        assert "genesis.json: The genesis" in capsys.readouterr().err
    # A lost quorum is overridden there; and how a file is laid out says nothing.
    changed(lambda config: config.update(transitions={"qbft": [{"block": 9, "validators": []}]}))
    assert answer(capsys, "init", "network", "--home", home)["written"] == []
    genesis.unlink()
    assert answer(capsys, "init", "network", "--home", home)["written"] == [str(genesis)]
    assert genesis.read_bytes() == planned


def test_configurations_that_differ_and_lists_that_are_broken_are_told(
    founders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = founders / "hanoi"
    assert run("init", "network", "--home", home, "--plan", founders / "network.toml") == 0
    before = content(home)
    folder = NetworkLayout(Home(home)).besu("validator-hanoi")
    told = answer(capsys, "init", "network", "--home", home)
    assert (told["differs"], told["broken"], told["warning"]) == ([], [], [])
    for path in (folder.config, folder.log_config):
        path.write_bytes(b"# by hand\n")
    for path, broken in (
        (folder.allowed_nodes, b"nodes-allowlist = ["),
        (folder.allowed_accounts, b"accounts = []"),
        (folder.static_nodes, b'{"enode": 1}'),
    ):
        path.write_bytes(broken)
    told = answer(capsys, "init", "network", "--home", home)
    assert set(told["differs"]) == {str(folder.config), str(folder.log_config)}
    assert set(told["broken"]) == {str(folder.allowed_nodes), str(folder.allowed_accounts), str(folder.static_nodes)}
    assert told["written"] == []
    assert run("init", "network", "--home", home) == 0
    said = capsys.readouterr().out
    assert f"differs: {folder.config}\n" in said and f"broken: {folder.static_nodes}\n" in said
    assert "--rewrite writes it anew" in said and "sync-permissions" in said
    told = answer(capsys, "init", "network", "--home", home, "--rewrite")
    assert (told["differs"], told["broken"], len(told["written"])) == ([], [], 5)
    assert content(home) == before
    # What the registry says of other centers since then is nobody's fault.
    folder.allowed_nodes.write_bytes(b"nodes-allowlist = []\n")
    assert answer(capsys, "init", "network", "--home", home)["broken"] == []


def test_a_network_that_begins_far_ahead_is_refused_and_told(founders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [part for id_ in CENTERS for part in ("--center", founders / id_ / f"{id_}.center.toml")]
    out = founders / "later.toml"
    plan = ("init", "plan", *files, "--name", "pilot", "--chain-id", 77_001, "--out", out, "--genesis-time")
    now = datetime.now(UTC)
    assert run(*plan, f"{now + timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}") == 2
    said = capsys.readouterr().err
    assert "--genesis-time" in said and "is more than a day ahead, and no block comes before it." in said
    assert not out.exists()
    begins = f"{now + timedelta(hours=20):%Y-%m-%dT%H:%M:%SZ}"
    assert run(*plan, begins) == 0
    told = answer(capsys, "init", "network", "--home", founders / "hanoi", "--plan", out)
    assert told["warning"] == [f"No block comes before {begins}, the genesis_time of the plan."]


def test_options_that_are_no_numbers_are_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("init", "plan", "--center", "x", "--name", "x", "--chain-id", "abc") == 2
    assert "argument --chain-id: a whole number is expected, not 'abc'." in capsys.readouterr().err


def test_an_rpc_node_has_the_next_ports_or_those_that_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ports = ("--p2p-port", 27_750, "--rpc-port", 27_751)
    assert found_center(tmp_path, "lima", 1, *ports, "--rpc-node") == 2
    said = capsys.readouterr().err
    assert "one above its validator's" in said and "--rpc-node-p2p-port" in said
    assert found_center(tmp_path, "lima", 1, *ports, "--rpc-node-p2p-port", 27_760) == 0
    center = load_center(tmp_path / "lima" / "lima.center.toml")
    assert center.rpc_node is not None
    assert (center.rpc_node.p2p_port, center.rpc_node.rpc_port, center.rpc_node.metrics_port) == (27_760, 27_752, 9_546)


def test_whatever_a_crash_took_the_next_run_makes(home: Home) -> None:
    plan = found_on_machine(home, 1, clock=clock)
    whole = content(home.directory)
    made = sorted(set(whole) - {".lock", "password", *(name for name in whole if name.startswith("keys/"))})
    for name in made:
        (home.directory / name).unlink()
        found_network(home, plan, keystore=trial_keystore(home), clock=clock)
        again = content(home.directory)
        assert set(again) == set(whole)
        # Tokens of the RPC node are signed anew; everything else follows from the plan, the keys and what stayed.
        assert {one for one in again if again[one] != whole[one]} <= {name} & {"tokens/api", "tokens/rpc-tianjin"}
        whole = again


def test_a_lost_key_is_never_replaced_by_another(founders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = founders / "hanoi"
    assert run("init", "network", "--home", home, "--plan", founders / "network.toml") == 0
    (home / "keys" / "hanoi-log.json").unlink()
    assert run("init", "network", "--home", home) == 2
    assert "There is no key 'hanoi-log'." in capsys.readouterr().err
    # `init center` makes the missing key, which is another: neither the file nor the plan is moved by it.
    before = content(home)
    assert found_center(founders, "hanoi", 3) == 2
    assert "described otherwise" in capsys.readouterr().err
    assert run("init", "network", "--home", home) == 2
    assert "not those of the plan: log_key" in capsys.readouterr().err
    after = content(home)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"keys/hanoi-log.json"}


def test_keys_without_their_password_are_not_given_another(founders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (founders / "hanoi" / "password").unlink()
    assert found_center(founders, "hanoi", 3) == 2
    assert "There are keys and no password." in capsys.readouterr().err
    assert not (founders / "hanoi" / "password").exists()


def test_no_secret_is_printed_or_stands_where_others_read(founders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = founders / "tianjin"
    run("init", "swarm-key", "--home", home)
    run("init", "network", "--home", home, "--plan", founders / "network.toml")
    told = capsys.readouterr()
    keystore = Keystore(home / "keys", home / "password")
    secrets = {keystore.secret(key.name, key.use).hex() for key in keystore.files()}
    secrets |= {parse_swarm_key((home / "swarm.key").read_bytes()).hex(), (home / "password").read_text().strip()}
    secrets |= {path.read_text().strip() for path in (home / "tokens").iterdir()}
    shared = [founders / "network.toml", home / "tianjin.center.toml", home / "trust.json", home / "network.json"]
    shared += [home / "besu" / "genesis.json", *(home / "besu").glob("*/*.*")]
    for text in (told.out, told.err, *(path.read_text() for path in shared)):
        assert not any(secret in text for secret in secrets)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in home.rglob("*")}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}


def test_what_is_said_wrongly_of_a_center_makes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(
        "init", "center", "--home", tmp_path / "x", "--id", "Lima", "--name", "", "--economy", "XX", "--origin", "li ma",
        "--host", "lima.example", "--p2p-port", 0, "--json",
    )  # fmt: skip
    assert code == 2
    errors = json.loads(capsys.readouterr().err)["errors"]
    assert [error["where"].rpartition(" ")[2] for error in errors] == ["id", "name", "economy", "origin", "host", "p2p_port"]
    assert all(error["remedy"] for error in errors)
    assert not (tmp_path / "x").exists()


def test_a_plan_names_all_its_faults_and_is_not_written(founders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lima = founders / "lima" / "lima.center.toml"
    out = founders / "other.toml"
    code = run("init", "plan", "--center", lima, "--center", lima, "--name", "No", "--chain-id", 1, "--out", out, "--json")
    assert code == 2
    errors = json.loads(capsys.readouterr().err)["errors"]
    assert {"network: name", "network: chain_id", 'center 2 "lima": id', 'center 2 "lima": p2p_port'} <= {
        error["where"] for error in errors
    }
    assert not out.exists()


def test_another_plan_is_never_written_over(founders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [part for id_ in CENTERS for part in ("--center", founders / id_ / f"{id_}.center.toml")]
    out = founders / "network.toml"
    before = out.read_bytes()
    for changed in (("--name", "pilot", "--chain-id", 77_002), ("--name", "pilot", "--chain-id", 77_001, "--block-time", 3)):
        assert run("init", "plan", *files, *changed, "--out", out) == 2
        assert "There is another plan." in capsys.readouterr().err
    assert out.read_bytes() == before


def test_a_home_keeps_its_network(founders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = founders / "hanoi"
    assert run("init", "network", "--home", home, "--plan", founders / "network.toml") == 0
    before = content(home)
    other = founders / "other.toml"
    plan = load_plan(founders / "network.toml")
    other.write_bytes(encode_plan(parse_plan(encode_plan(plan).replace(b"chain_id = 77001", b"chain_id = 77002"))))
    assert run("init", "network", "--home", home, "--plan", other) == 2
    assert "plan of another network" in capsys.readouterr().err
    (home / "network.toml").unlink()
    assert run("init", "network", "--home", home, "--plan", other) == 2
    assert "begins with another block" in capsys.readouterr().err
    (home / "network.toml").write_bytes(before["network.toml"])
    assert content(home) == before


def test_an_embedded_network_is_left_alone(home: Home) -> None:
    home.directory.mkdir()
    home.embedded_file.write_text("{}")
    for found in (lambda: found_on_machine(home, 4, clock=clock), lambda: found_for_containers(home, clock=clock)):
        with pytest.raises(AnotherPlan):
            found()
    assert list(content(home.directory)) == [".lock", "embedded.json"]


def test_a_folder_without_keys_founds_nothing(founders: Path) -> None:
    nowhere = Home(founders / "nowhere")
    plan = load_plan(founders / "network.toml")
    with pytest.raises(KeyMissing):
        found_network(nowhere, plan, keystore=Keystore(nowhere.keys, nowhere.password_file), clock=clock)
    assert not nowhere.directory.exists()


def test_documents_nodes_are_not_given_a_secret_of_their_own(founders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = founders / "lima"
    assert run("init", "network", "--home", home, "--plan", founders / "network.toml") == 2
    assert "--swarm-key FILE" in capsys.readouterr().err
    assert not (home / "network.toml").exists()
    assert run("init", "swarm-key", "--home", home) == 0
    assert run("init", "swarm-key", "--home", founders / "tianjin") == 0
    given = founders / "tianjin" / "swarm.key"
    assert run("init", "network", "--home", home, "--plan", founders / "network.toml", "--swarm-key", given) == 2
    assert "another key of a swarm" in capsys.readouterr().err
    given.write_text("/key/swarm/psk/1.0.0/\n")
    assert run("init", "network", "--home", home, "--plan", founders / "network.toml", "--swarm-key", given) == 2
    assert run("init", "network", "--home", home, "--plan", founders / "network.toml", "--swarm-key", home / "none") == 2


def test_keys_of_another_center_are_told_by_name(founders: Path) -> None:
    home = Home(founders / "hanoi")
    text = (founders / "network.toml").read_text()
    hanoi, lima = load_center(home.directory / "hanoi.center.toml"), load_center(founders / "lima" / "lima.center.toml")
    exchanged = text.replace(hanoi.operator.hex(), "%").replace(lima.operator.hex(), hanoi.operator.hex())
    plan = parse_plan(exchanged.replace("%", lima.operator.hex()).encode())
    with pytest.raises(KeysDiffer, match=r"hanoi .* operator"):
        found_network(home, plan, keystore=Keystore(home.keys, home.password_file), clock=clock)
    assert not (home.directory / "besu").exists()


def test_of_several_centers_each_is_told_whose_keys_differ(home: Home, tmp_path: Path) -> None:
    found_on_machine(home, 2, clock=clock, documents=0)
    other = found_on_machine(Home(tmp_path / "other"), 2, clock=clock, documents=0)
    for file in (home.network_file, NetworkLayout(home).plan):
        file.unlink()
    with pytest.raises(Faults) as caught:
        found_network(home, other, keystore=trial_keystore(home), clock=clock)
    assert [fault.detail.split()[3] for fault in caught.value.faults] == ["tianjin", "lima"]
    assert all("operator, anchorer, log_key, node_key" in fault.detail for fault in caught.value.faults)


@pytest.mark.parametrize("mode", ValidatorMode)
def test_a_network_of_this_machine_is_whole_and_stays(home: Home, mode: ValidatorMode) -> None:
    plan = found_on_machine(home, 4, mode, clock=clock)
    before = content(home.directory)
    assert found_on_machine(home, 4, mode, clock=lambda: NOW + timedelta(days=1)) == plan
    assert content(home.directory) == before
    assert [node.host for node in plan.nodes()] == ["127.0.0.1"] * 5
    assert [node.name for node in plan.nodes()][:2] == ["validator-tianjin", "rpc-tianjin"]
    assert len(plan.documents()) == 2
    network = load_network(home.network_file)
    assert network.genesis_hash == genesis_hash(plan)
    assert network.rpc_urls[0] == f"http://127.0.0.1:{DEFAULT_BASE_PORT + 4}"
    assert network.sealing is not None
    assert network.sealing.mode is mode
    assert parse_trust_file(home.trust_file.read_bytes()).sealing == network.sealing
    other = ValidatorMode.HEADER if mode is ValidatorMode.CONTRACT else ValidatorMode.CONTRACT
    for count, wish in ((5, mode), (4, other)):
        with pytest.raises(AnotherPlan):
            found_on_machine(home, count, wish, clock=clock)
    assert content(home.directory) == before


def test_a_network_of_this_machine_has_one_to_twenty_one_centers(home: Home, tmp_path: Path) -> None:
    for count, port in ((0, DEFAULT_BASE_PORT), (MOST_MACHINE_CENTERS + 1, DEFAULT_BASE_PORT), (4, 80), (4, 65_500)):
        with pytest.raises(PlanInvalid):
            found_on_machine(home, count, ValidatorMode.CONTRACT, port, clock=clock)
    assert not home.directory.exists()
    one = found_on_machine(Home(tmp_path / "one"), 1, clock=clock, documents=5)
    assert (len(one.centers), len(one.documents()), one.minimum_centers) == (1, 1, 1)
    most = found_on_machine(home, MOST_MACHINE_CENTERS, clock=clock, documents=0)
    assert (len(most.centers), len(most.documents()), most.minimum_centers) == (21, 0, 4)
    assert len(load_network(home.network_file).rpc_urls) == 16


def test_the_nodes_are_found_by_those_who_run_and_ask_them(home: Home) -> None:
    plan = found_on_machine(home, 4, clock=clock)
    nodes = {node.name: node for node in own_nodes(home)}
    assert set(nodes) == {node.name for node in plan.nodes()}
    for planned in plan.nodes():
        node = nodes[planned.name]
        assert node.rpc_url == f"http://127.0.0.1:{planned.rpc_port}"
        assert (node.token_file is None) == node.is_validator
        assert set(tomllib.loads(node.folder.config.read_text())) <= set(FILE_OPTIONS)
        assert parse_enode(node.folder.enode.read_text().strip())[0] == planned.public_key
        assert node.folder.data.is_dir()
        # The key is there only while the node runs.
        assert not node.folder.key.exists()
    assert set(own_enodes(list(nodes.values()))) == {node.enode for node in plan.nodes()}


def test_lists_are_as_sync_permissions_would_have_them(home: Home) -> None:
    plan = found_on_machine(home, 4, clock=clock)
    records = [
        CenterRecord(
            id=center.id, log_key=center.log_key, economy=center.economy, operator=center.operator, anchorer=center.anchorer,
            validator=center.validator.address, name=center.name, origin=center.origin, endpoint=center.endpoint,
            enode=center.validator.enode, status=CenterStatus.ACTIVE, term_start=UnixSeconds(plan.genesis_time),
            term_end=None, revision=1, validator_rotated_at=None,
        )
        for center in plan.centers
    ]  # fmt: skip
    nodes = own_nodes(home)
    for node in nodes:
        assert differences(node, own_enodes(nodes), wanted(records)) == ()


def test_tokens_open_the_rpc_node_and_are_renewed_before_they_end(home: Home) -> None:
    plan = found_on_machine(home, 4, clock=clock)
    layout, keystore = NetworkLayout(home), trial_keystore(home)
    access = RpcAccess.of_center(keystore, CenterId("tianjin"), clock=clock)
    assert layout.besu("rpc-tianjin").jwt_key.read_bytes() == access.public_key_pem()
    operator = layout.token("rpc-tianjin")
    url = load_network(home.network_file).rpc_urls[0]
    served = RpcTokens(layout.api_tokens)
    assert access.ends_at(operator.read_text().strip()) == NOW + timedelta(days=TOKEN_DAYS)
    assert access.ends_at(served.token(url) or "") == NOW + timedelta(days=TOKEN_DAYS)
    # A token for the RPC node is not sent to a validator.
    assert served.token(load_network(home.network_file).rpc_urls[1]) is None
    before = content(home.directory)
    late = NOW + timedelta(days=TOKEN_DAYS - RENEWAL_DAYS + 1)
    found_network(home, plan, keystore=keystore, clock=lambda: late)
    after = content(home.directory)
    assert {name for name in after if after[name] != before[name]} == {"tokens/rpc-tianjin", "tokens/api"}
    assert access.ends_at(operator.read_text().strip()) == late + timedelta(days=TOKEN_DAYS)


def test_configurations_are_written_anew_only_where_that_is_asked_for(home: Home) -> None:
    plan = found_on_machine(home, 4, clock=clock)
    layout, keystore = NetworkLayout(home), trial_keystore(home)
    before = content(home.directory)
    folder = layout.besu("validator-lima")
    own = {folder.config: b"# by hand\n", folder.allowed_nodes: b"nodes-allowlist = []\n"}
    kubo = layout.kubo("documents-lima")
    copy = kubo / "repository" / "config"
    for path, data in {**own, copy: b"{}"}.items():
        path.write_bytes(data)
    found_network(home, plan, keystore=keystore, clock=clock)
    assert all(path.read_bytes() == data for path, data in own.items())
    founded = found_network(home, plan, keystore=keystore, clock=clock, is_rewriting=True)
    assert set(founded.written) == {folder.config, copy}
    assert folder.config.read_bytes() == before["besu/validator-lima/config.toml"]
    assert copy.read_bytes() == (kubo / "config").read_bytes() == before["kubo/documents-lima/config"]
    # Lists are the registry's since the founding.
    assert folder.allowed_nodes.read_bytes() == own[folder.allowed_nodes]


def test_containers_find_keys_paths_and_servers(home: Home) -> None:
    plan = found_for_containers(home, clock=clock).plan
    before = content(home.directory)
    found_for_containers(home, clock=clock)
    assert content(home.directory) == before
    layout, keystore = NetworkLayout(home), trial_keystore(home)
    assert [node.host for node in plan.nodes() if node.role.value == "validator"] == [f"172.28.7.{n}" for n in (11, 12, 13, 14)]
    assert plan.centers[0].rpc_node is not None
    assert plan.centers[0].rpc_node.host == "172.28.7.15"
    assert [node.host for node in plan.documents()] == ["172.28.7.21", "172.28.7.22"]
    for node in plan.nodes():
        options = tomllib.loads(layout.besu(node.name).config.read_text())
        paths = [Path(value) for name, value in options.items() if name.endswith(("-file", "-path"))]
        assert all(path.is_relative_to(CONTAINER_ROOT) for path in paths)
        # Each file that a node is told of is there, under the folder that is mounted.
        assert all((home.directory / path.relative_to(CONTAINER_ROOT)).exists() for path in paths)
        use = KeyUse.RPC_NODE if node.role.value == "rpc" else KeyUse.VALIDATOR
        assert layout.besu(node.name).key.read_bytes() == node_key_file(keystore, f"{node.center}-{use.value}")
    # docker-compose.yml gives them their variables; a path of this machine would lead nowhere there.
    assert not layout.server_environment.exists()
    for id_ in ("tianjin", "lima"):
        server = layout.server(id_)
        network = load_network(server.network_file)
        assert network.hosted == (CenterId(id_),)
        assert network.rpc_urls[0] == "http://172.28.7.15:8545"
        keys = network.center(CenterId(id_)).keys
        assert (keys.operator, keys.validator) == (None, None)
        assert sorted(path.stem for path in server.keys.iterdir()) == sorted(name for name in (keys.anchorer, keys.log) if name)
        served = Keystore(server.keys, server.password_file)
        assert served.account(keys.anchorer or "", KeyUse.ANCHORER)
        assert RpcTokens(NetworkLayout(server).api_tokens).token(network.rpc_urls[0])


def settings_of(file: Path) -> Settings:
    """As the server reads them that a shell starts by such a file."""
    told = subprocess.run(
        ["sh", "-c", f"set -a; . {shlex.quote(str(file))}; set +a; env"], capture_output=True, check=True, env={}
    )
    return read_settings(dict(line.split("=", 1) for line in told.stdout.decode().splitlines()))


def test_a_server_finds_the_nodes_beside_it_by_the_file_that_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # A path that a shell would cut in two.
    home = Home(tmp_path / "the center's home")
    told = answer(capsys, "init", "machine", 4, "--home", home.directory, "--documents", 2)
    layout = NetworkLayout(home)
    file = layout.server_environment
    assert any(line.startswith("Then its server: ") and shlex.quote(str(file)) in line for line in told["next"])
    settings = settings_of(file)
    assert settings.home == home.directory
    assert settings.rpc_token_file == layout.api_tokens
    node, _ = sorted(documents_nodes(layout, None), key=lambda one: one.ports["RPC"])
    assert (settings.documents_url, settings.documents_token_file) == (node.rpc_url, node.token_file)
    assert layout.token(node.name).read_text().strip() not in file.read_text()
    # What its operator adds is kept, also where everything is written anew.
    file.write_text(file.read_text() + "GREENLANE_PORT=8777\n")
    assert answer(capsys, "init", "network", "--home", home.directory, "--rewrite")["own"]
    assert settings_of(file).port == 8777


def test_a_server_is_told_of_no_documents_node_where_there_is_none(home: Home) -> None:
    found_on_machine(home, 1, clock=clock, documents=0)
    settings = settings_of(NetworkLayout(home).server_environment)
    assert (settings.documents_url, settings.documents_token_file) == (None, None)


def joined(founders: Path) -> Home:
    """A home as `join` leaves it: a center that no plan names, its nodes, and network.json."""
    assert found_center(founders, "bangkok", 9, "--documents", "--rpc-node") == 0
    home, plan = Home(founders / "bangkok"), load_plan(founders / "network.toml")
    center = load_center(home.directory / "bangkok.center.toml")
    placement = Placement.here(home.directory)
    write_nodes(
        home, [center], facts_of(plan, center), HomeFiles(),
        keystore=Keystore(home.keys, home.password_file), clock=clock, placement=placement,
    )  # fmt: skip
    others = [candidate_of(one) for one in plan.centers]
    network = joined_network(plan, genesis_hash(plan), [center], others, rpc_urls([center], placement))
    home.network_file.write_bytes(encode_network(network))
    shutil.copy(founders / "network.toml", home.directory / "network.toml")
    return home


def facts_of(plan: NetworkPlan, center: PlannedCenter) -> NetworkFacts:
    return NetworkFacts(
        genesis=genesis_bytes(plan),
        validators=(*(one.validator.enode for one in plan.centers), center.validator.enode),
        own_enodes=tuple(node.enode for node in center.nodes()),
        accounts=(center.operator, center.anchorer),
        documents=plan.documents(),
        swarm_secret=bytes(range(32)),
    )


def test_a_center_that_joins_gets_nodes_of_its_own(founders: Path) -> None:
    plan, home = load_plan(founders / "network.toml"), joined(founders)
    center = load_center(home.directory / "bangkok.center.toml")

    def write(facts: NetworkFacts) -> list[Path]:
        files, keystore = HomeFiles(), Keystore(home.keys, home.password_file)
        placement = Placement.here(home.directory)
        write_nodes(home, [center], facts, files, keystore=keystore, clock=clock, placement=placement)
        return files.written

    facts = facts_of(plan, center)
    assert write(facts) == []
    assert [node.name for node in own_nodes(home)] == ["rpc-bangkok", "validator-bangkok"]
    assert settings_of(NetworkLayout(home).server_environment).documents_url == "http://127.0.0.1:5001"
    called = json.loads(NetworkLayout(home).besu("validator-bangkok").static_nodes.read_bytes())
    assert set(called) == {one.validator.enode for one in plan.centers}
    with pytest.raises(SwarmKeyMissing):
        write(replace(facts, swarm_secret=None))
    # A lost quorum is overridden in this file: that is no other network. Another first block is.
    genesis = NetworkLayout(home).genesis
    told = json.loads(genesis.read_bytes())
    told["config"]["transitions"] = {"qbft": [{"block": 7, "validators": []}]}
    genesis.write_text(json.dumps(told))
    assert write(facts) == []
    for data in (genesis_bytes(replace(plan, genesis_time=plan.genesis_time + 1)), b"{}", b""):
        genesis.write_bytes(data)
        with pytest.raises(AnotherPlan):
            write(facts)


def test_a_center_that_joined_has_its_files_written_anew_like_a_founder(
    founders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = joined(founders)
    layout, keystore = NetworkLayout(home), Keystore(home.keys, home.password_file)
    assert set(answer(capsys, "init", "network", "--home", home.directory)["written"]) == {str(home.trust_file)}
    before = content(home.directory)
    assert answer(capsys, "init", "network", "--home", home.directory)["written"] == []
    changed = (
        layout.besu("validator-bangkok").config,
        layout.besu("rpc-bangkok").log_config,
        layout.kubo("documents-bangkok") / "config",
    )
    for path in changed:
        path.write_bytes(b"{}")
    told = answer(capsys, "init", "network", "--home", home.directory, "--rewrite")
    assert (told["own"], set(told["written"])) == (["bangkok"], {str(path) for path in changed})
    assert content(home.directory) == before
    late = NOW + timedelta(days=TOKEN_DAYS - RENEWAL_DAYS + 1)
    found_network(home, load_plan(layout.plan), keystore=keystore, clock=lambda: late)
    after = content(home.directory)
    assert {name for name in after if after[name] != before[name]} == {"tokens/rpc-bangkok", "tokens/api"}


def test_a_center_that_has_not_joined_yet_is_sent_to_join(founders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = joined(founders)
    for missing in (home.directory / "besu", home.network_file):
        missing.rename(founders / "away")
        assert run("init", "network", "--home", home.directory) == 2
        assert "greenlane-node join" in capsys.readouterr().err
        (founders / "away").rename(missing)
    # Other keys than those that were let in.
    lima = founders / "lima" / "lima.center.toml"
    file = home.directory / "bangkok.center.toml"
    file.write_text(file.read_text().replace(load_center(file).operator.hex(), load_center(lima).operator.hex()))
    assert run("init", "network", "--home", home.directory) == 2
    assert "keys of bangkok" in capsys.readouterr().err


def test_a_key_in_the_clear_is_that_which_the_node_has_now(founders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = Home(founders / "hanoi")
    arguments = ("init", "network", "--home", home.directory, "--plan", founders / "network.toml")
    keystore = Keystore(home.keys, home.password_file, scrypt_n=2)
    folder = NetworkLayout(home).besu("validator-hanoi")
    assert run(*arguments) == 0
    assert not folder.key.exists()
    assert run(*arguments, "--open-keys") == 0
    assert folder.key.read_bytes() == node_key_file(keystore, "hanoi-validator")
    # As after a rotation.
    keystore.create("hanoi-validator-2", KeyUse.VALIDATOR)
    id_ = secp256k1_public_key(keystore.secret("hanoi-validator-2", KeyUse.VALIDATOR)).hex()
    folder.enode.write_text(re.sub("//[0-9a-f]+@", f"//{id_}@", folder.enode.read_text()))
    assert run(*arguments, "--open-keys") == 0
    assert folder.key.read_bytes() == node_key_file(keystore, "hanoi-validator-2")
    assert stat.S_IMODE(folder.key.stat().st_mode) == 0o600
    (home.keys / "hanoi-validator-2.json").unlink()
    assert run(*arguments, "--open-keys") == 2
    assert "key of validator-hanoi" in capsys.readouterr().err


def test_a_node_that_has_moved_is_not_moved_back(founders: Path) -> None:
    home = Home(founders / "hanoi")
    arguments = ("init", "network", "--home", home.directory, "--plan", founders / "network.toml", "--rewrite")
    folder = NetworkLayout(home).besu("validator-hanoi")
    assert run(*arguments) == 0
    folder.enode.write_text(re.sub("@.*", "@203.0.113.9:30999", folder.enode.read_text()))
    assert run(*arguments) == 0
    options = tomllib.loads(folder.config.read_text())
    assert (options["p2p-host"], options["p2p-port"]) == ("203.0.113.9", 30_999)
    assert "203.0.113.9" in options["host-allowlist"]


def test_whoever_writes_a_home_waits_for_whoever_does(home: Home) -> None:
    done = threading.Event()

    def found() -> None:
        found_on_machine(home, 1, clock=clock, documents=0)
        done.set()

    with held(home):
        second = threading.Thread(target=found)
        second.start()
        assert not done.wait(0.3)
        assert list(content(home.directory)) == [".lock"]
    second.join(60)
    assert done.is_set()
    assert home.network_file.exists()


@pytest.mark.parametrize("action", ["center", "network", "swarm-key"])
def test_init_waits_for_whoever_writes_the_home(founders: Path, action: str) -> None:
    home = Home(founders / "hanoi")
    codes: list[int] = []

    def start() -> None:
        if action == "center":
            codes.append(found_center(founders, "hanoi", 3))
        else:
            more = ("--plan", founders / "network.toml") if action == "network" else ()
            codes.append(run("init", action, "--home", home.directory, *more))

    with held(home):
        second = threading.Thread(target=start)
        second.start()
        second.join(0.3)
        assert codes == []
    second.join(60)
    assert codes == [0]


def test_a_wrong_password_is_told_and_nothing_is_written(founders: Path) -> None:
    home = Home(founders / "hanoi")
    home.password_file.write_text("wrong\n")
    plan = load_plan(founders / "network.toml")
    with pytest.raises(WrongPassword):
        found_network(home, plan, keystore=Keystore(home.keys, home.password_file), clock=clock)
    assert not (home.directory / "network.toml").exists()


@pytest.mark.parametrize("action", ["machine", "containers"])
def test_a_trial_network_is_founded_in_one_command(home: Home, capsys: pytest.CaptureFixture[str], action: str) -> None:
    arguments = ("init", action, *(("4",) if action == "machine" else ()), "--home", home.directory)
    told = answer(capsys, *arguments)
    assert told["own"] == ["tianjin", "lima", "ho-chi-minh", "santiago"]
    assert told["next"]
    before = content(home.directory)
    assert answer(capsys, *arguments)["written"] == []
    assert content(home.directory) == before
    assert run(*arguments) == 0
    assert "next: Start it:" in capsys.readouterr().out
