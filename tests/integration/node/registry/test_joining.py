"""A new center enters a live network by running one command again and again, and is told each time for whom it waits."""

import json
import shutil
import threading
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from greenlane.adapters.evm.bindings import PilotRegistry
from greenlane.adapters.evm.tokens import RpcTokens
from greenlane.adapters.home import Home
from greenlane.adapters.keystore import Keystore
from greenlane.adapters.network_file import load_network
from greenlane.core.crypto import secp256k1_public_key
from greenlane.core.exits import Exit
from greenlane.core.trust import parse_trust_file
from greenlane.core.units import BlockNumber, CenterId
from greenlane_node.cli.program import main
from greenlane_node.keys import center_public_keys, make_center_keys
from greenlane_node.layout import NetworkLayout
from greenlane_node.membership import joining
from greenlane_node.membership.permissions import differences, own_enodes, permitted_by
from greenlane_node.nodes.chain_access import open_chain
from greenlane_node.nodes.node_view import LastSeals
from greenlane_node.nodes.own_nodes import own_nodes
from greenlane_node.planning.plan import NodeRole
from greenlane_node.planning.plan_file import encode_center, encode_plan, load_center
from worlds.registry import FOUNDERS, NEWCOMER, Command, RegistryWorld, Said, set_endpoints

pytestmark = pytest.mark.chain

Join = Callable[..., Said]


@pytest.fixture
def home(world: RegistryWorld, tmp_path: Path) -> Path:
    """What `init center` leaves, and network.toml beside it; the validator is to answer where the chain does."""
    made = tmp_path / "new"
    made.mkdir(mode=0o700)
    shutil.copytree(world.folder / NEWCOMER / "keys", made / "keys")
    shutil.copy(world.folder / NEWCOMER / "password", made / "password")
    center = load_center(world.folder / NEWCOMER / "center.toml")
    port = int(world.url.rpartition(":")[2])
    own = replace(center, validator=replace(center.validator, rpc_port=port))
    (made / f"{NEWCOMER}.center.toml").write_bytes(encode_center(own))
    (made / "network.toml").write_bytes(encode_plan(world.plan))
    return made


@pytest.fixture
def founded_here(world: RegistryWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """The chain begins with the block of its own program; for these tests that is the plan's."""
    first = bytes(world.web3.eth.get_block(0)["hash"])
    monkeypatch.setattr(joining, "genesis_hash", lambda plan: first)


@pytest.fixture
def join(home: Path, capsys: pytest.CaptureFixture[str]) -> Join:
    def run(*words: str) -> Said:
        capsys.readouterr()
        code = main(["join", "--home", str(home), *words])
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


def steps(said: Said) -> list[tuple[str, str]]:
    told: dict[str, Any] = said.json()
    assert told["joined"] == (said.code == Exit.GOOD)
    return [(step["step"], step["state"]) for step in told["steps"]]


@pytest.mark.usefixtures("founded_here")
def test_a_center_joins_and_each_run_goes_on_where_the_network_is(
    world: RegistryWorld, node: Command, home: Path, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = str(home / f"{NEWCOMER}.center.toml")
    first = join("--rpc", world.url, "--json")
    assert first.code == Exit.NO
    assert steps(first) == [("keys", "done"), ("network", "done now"), ("nomination", "waiting")]
    network = load_network(home / "network.json")
    assert [one.id for one in network.centers] == [*FOUNDERS, NEWCOMER]
    assert network.hosted == (NEWCOMER,)

    assert node("lima", "nominate", file).code == Exit.GOOD
    second = join("--json")
    assert steps(second) == [("keys", "done"), ("network", "done"), ("nomination", "done"), ("endorsement", "waiting")]
    assert second.json()["steps"][-1]["said"] == "1 of 3 votes: lima."

    for name in ("accra", "osaka"):
        assert node(name, "endorse", NEWCOMER, "--candidate", file).code == Exit.GOOD
    third = join("--json")
    assert third.code == Exit.NO
    assert steps(third)[3:] == [("endorsement", "done"), ("nodes", "done now"), ("sync", "done"), ("first block", "waiting")]
    assert [one.name for one in own_nodes(Home(home))] == [f"validator-{NEWCOMER}"]
    allowed = NetworkLayout(Home(home)).besu(f"validator-{NEWCOMER}").allowed_nodes.read_text()
    for center in world.plan.centers:
        assert center.validator.enode in allowed
    trust = parse_trust_file((home / "trust.json").read_bytes())
    assert trust.center(CenterId(NEWCOMER)) is not None

    sealed = LastSeals(first=BlockNumber(1), blocks={load_center(Path(file)).validator.address: BlockNumber(7)})
    monkeypatch.setattr(joining, "last_seals", lambda rpc, head, validators: sealed)
    done = join("--json")
    assert done.code == Exit.GOOD
    assert [state for _, state in steps(done)] == ["done"] * 7
    in_words = join()
    assert in_words.code == Exit.GOOD
    assert in_words.out.splitlines()[-1].startswith("7 first block: done. Block 7 bears a seal of 0x")


@pytest.mark.usefixtures("founded_here")
def test_what_is_undone_between_two_runs_is_noticed(world: RegistryWorld, node: Command, home: Path, join: Join) -> None:
    file = home / f"{NEWCOMER}.center.toml"
    assert join("--rpc", world.url).code == Exit.NO
    assert node("lima", "nominate", str(file)).code == Exit.GOOD
    # The time to vote passes: somebody has to nominate anew.
    world.let_pass(8 * 24 * 3600)
    world.call("evm_mine")
    late = join("--json")
    assert steps(late)[-1] == ("nomination", "waiting")
    assert late.json()["steps"][-1]["said"] == "The nomination is expired."
    assert node("accra", "nominate", str(file)).code == Exit.GOOD
    for name in ("lima", "osaka"):
        assert node(name, "endorse", NEWCOMER, "--candidate", str(file)).code == Exit.GOOD
    assert steps(join("--json"))[3] == ("endorsement", "done")
    shutil.rmtree(home / "besu")
    assert ("nodes", "done now") in steps(join("--json"))
    (home / "network.json").unlink()
    assert ("network", "done now") in steps(join("--rpc", world.url, "--json"))


@pytest.mark.usefixtures("founded_here")
def test_a_nomination_of_something_else_under_our_name_is_refused(
    world: RegistryWorld, node: Command, home: Path, join: Join, tmp_path: Path
) -> None:
    other = tmp_path / "other.toml"
    file = home / f"{NEWCOMER}.center.toml"
    other.write_bytes(file.read_bytes().replace(b"https://valparaiso.example", b"https://santiago.example"))
    assert join("--rpc", world.url).code == Exit.NO
    assert node("lima", "nominate", str(other)).code == Exit.GOOD
    said = join()
    assert said.code == Exit.USAGE
    assert "with another endpoint than this home" in said.err


@pytest.mark.usefixtures("founded_here", "admitted")
def test_a_validator_that_does_not_answer_is_what_the_sync_waits_for(world: RegistryWorld, home: Path, join: Join) -> None:
    file = home / f"{NEWCOMER}.center.toml"
    center = load_center(file)
    file.write_bytes(encode_center(replace(center, validator=replace(center.validator, rpc_port=9))))
    said = join("--rpc", world.url, "--json")
    assert said.code == Exit.NO
    assert steps(said)[-1] == ("sync", "waiting")
    assert "sync-permissions" in said.json()["steps"][-1]["next"]


@pytest.fixture
def rpc_port(world: RegistryWorld) -> Iterator[int]:
    """Where a second node of the same chain answers."""

    class Passing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = requests.post(world.url, data=body, headers={"Content-Type": "application/json"}, timeout=10)
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Passing) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("founded_here", "admitted")
def test_a_new_center_is_in_with_its_rpc_node_too_and_asks_its_own_nodes(
    world: RegistryWorld, home: Path, join: Join, rpc_port: int
) -> None:
    keystore = Keystore(home / "keys", home / "password", scrypt_n=2)
    make_center_keys(keystore, CenterId(NEWCOMER), rpc_node=True, documents=False)
    public = center_public_keys(keystore, CenterId(NEWCOMER)).rpc_node
    assert public is not None
    file = home / f"{NEWCOMER}.center.toml"
    center = load_center(file)
    # A port on which nobody listens.
    away = replace(center.validator, role=NodeRole.RPC, public_key=public, p2p_port=40_001, rpc_port=9, metrics_port=40_002)
    file.write_bytes(encode_center(replace(center, rpc_node=away)))
    waits = join("--rpc", world.url, "--json")
    assert steps(waits)[-1] == ("sync", "waiting")
    assert waits.json()["steps"][-1]["said"].startswith(f"rpc-{NEWCOMER}: ")
    assert load_network(home / "network.json").rpc_urls == (world.url,)

    here = encode_center(replace(center, rpc_node=replace(away, rpc_port=rpc_port)))
    file.write_bytes(here)
    shutil.rmtree(home / "besu")
    assert steps(join("--rpc", world.url, "--json"))[-2] == ("sync", "done")
    own = (f"http://127.0.0.1:{rpc_port}", f"http://127.0.0.1:{center.validator.rpc_port}")
    assert load_network(home / "network.json").rpc_urls == own
    # Only the RPC node is shown a token.
    tokens = RpcTokens(NetworkLayout(Home(home)).api_tokens)
    assert (tokens.token(own[0]) is None, tokens.token(own[1])) == (False, None)


@pytest.mark.parametrize("endpoint", [b"https://x\x1b[2J", b"\xff", b"https://x/" + "\u202e".encode(), b"x" * 256], ids=repr)
@pytest.mark.usefixtures("founded_here")
def test_what_another_center_wrote_keeps_nobody_from_joining(
    world: RegistryWorld, home: Path, join: Join, endpoint: bytes
) -> None:
    world.act("lima", set_endpoints(endpoint, endpoint))
    said = join("--rpc", world.url, "--json")
    assert steps(said) == [("keys", "done"), ("network", "done now"), ("nomination", "waiting")]
    network = load_network(home / "network.json")
    assert [one.id for one in network.centers] == [*FOUNDERS, NEWCOMER]
    met = network.center(CenterId("lima")).endpoint
    assert met == (endpoint.decode() if endpoint == b"x" * 256 else "\ufffd" if endpoint == b"\xff" else None)
    assert network.center(CenterId("accra")).endpoint == "https://accra.example"


_STRANGER = secp256k1_public_key(b"\x05" * 32).hex()


@pytest.mark.parametrize(
    "enode",
    [
        f"enode://{_STRANGER}@10.9.9.9:30303",
        "enode://{own}@999.9.9.9:30303",
        "enode://{own}@0.0.0.0:30303",
        "enode://{own}@[::::]:1",
    ],
)
@pytest.mark.usefixtures("founded_here", "admitted")
def test_a_new_centers_nodes_are_told_only_of_validators_that_they_can_call(
    world: RegistryWorld, home: Path, join: Join, enode: str
) -> None:
    (lima,) = (one for one in world.plan.centers if one.id == "lima")
    written = enode.format(own=lima.validator.public_key.hex())
    world.act("lima", PilotRegistry.encode_set_endpoints("", written))
    assert ("nodes", "done now") in steps(join("--rpc", world.url, "--json"))
    folder = NetworkLayout(Home(home)).besu(f"validator-{NEWCOMER}")
    allowed = tomllib.loads(folder.allowed_nodes.read_text())["nodes-allowlist"]
    called = json.loads(folder.static_nodes.read_bytes())
    others = {one.validator.enode for one in world.plan.centers if one.id != "lima"}
    assert set(called) == others
    assert set(allowed) == others | {folder.enode.read_text().strip()}
    nodes = own_nodes(Home(home))
    # What `sync-permissions` would change.
    assert differences(nodes[0], own_enodes(nodes), permitted_by(open_chain(Home(home)))) == ()


@pytest.mark.usefixtures("founded_here", "admitted")
def test_a_center_that_left_is_told_how_it_may_come_back(world: RegistryWorld, node: Command, home: Path, join: Join) -> None:
    assert node(NEWCOMER, "leave", "--confirm", NEWCOMER).code == Exit.GOOD
    said = join("--rpc", world.url)
    assert said.code == Exit.USAGE
    assert "comes back under another id" in said.err


def test_what_is_missing_is_told_before_any_node_is_asked(home: Path, join: Join) -> None:
    (home / "network.toml").rename(home / "away.toml")
    assert steps(join("--json")) == [("keys", "done"), ("network", "waiting")]
    (home / f"{NEWCOMER}.center.toml").rename(home / "away")
    lacking = join("--json")
    assert steps(lacking) == [("keys", "waiting")]
    assert "init center" in lacking.json()["steps"][0]["next"]


def test_faults_of_joining_are_one_line(world: RegistryWorld, home: Path, join: Join) -> None:
    nameless = join("--json")
    assert (nameless.code, json.loads(nameless.err)["errors"][0]["where"]) == (Exit.USAGE, "--rpc")
    away = join("--rpc", "http://127.0.0.1:9")
    assert (away.code, away.err.count("\n")) == (Exit.UNCHECKED, 1)
    # Not what the plan's network begins with: network.toml, or the node, is another network's.
    other = join("--rpc", world.url)
    assert (other.code, other.err.count("\n")) == (Exit.UNCHECKED, 1)
    assert "begins with the block" in other.err
    assert not (home / "network.json").exists()
    shutil.copy(home / "keys" / f"{NEWCOMER}-log.json", home / "log.json")
    shutil.copy(world.folder / "lima" / "keys" / "lima-log.json", home / "keys" / f"{NEWCOMER}-log.json")
    mixed = join("--rpc", world.url)
    assert (mixed.code, mixed.err.count("\n")) == (Exit.USAGE, 1)
    assert "are not those of its file" in mixed.err
    (home / "lima.center.toml").write_text("")
    two = join()
    assert (two.code, two.err.count("\n")) == (Exit.USAGE, 1)
    assert "--center ID" in two.err
