"""A center that moves says so in the registry and in its node's folder; what was interrupted the same command finishes."""

import ipaddress
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from greenlane.adapters.evm.bindings import CenterRecord, PilotRegistry
from greenlane.adapters.home import Home
from greenlane.adapters.network_file import load_network
from greenlane.core.exits import Exit
from greenlane.core.units import CenterId
from greenlane_node.besu.config import Placement, besu_config, enode_file
from greenlane_node.keys import parse_enode
from greenlane_node.layout import BesuFolder, NetworkLayout
from greenlane_node.membership import validator_place
from greenlane_node.membership.permissions import wanted
from greenlane_node.membership.validator_place import encode_enode, moved_config
from greenlane_node.planning.plan import PILOT_REGISTRY
from greenlane_node.registry.acts import RegistryActs
from greenlane_node.registry.governance import active_centers
from hypothesis import given
from hypothesis import strategies as st
from worlds.registry import Command, RegistryWorld

Homes = Callable[[str], Path]
LIMA = CenterId("lima")
MOVE = ("endpoints", "--host", "192.0.2.9", "--p2p-port", "30444")


def record(world: RegistryWorld) -> CenterRecord:
    found = world.registry.center(LIMA)
    assert found is not None
    return found


@pytest.fixture
def folder(world: RegistryWorld, homes: Homes) -> BesuFolder:
    """The folder of lima's validator, as it was founded."""
    validator = next(center.validator for center in world.plan.centers if center.id == LIMA)
    made = NetworkLayout(Home(homes("lima"))).besu(validator.name)
    made.directory.mkdir(parents=True)
    made.config.write_bytes(besu_config(validator, Placement.here(homes("lima"))))
    made.enode.write_bytes(enode_file(validator))
    return made


def require_moved(world: RegistryWorld, folder: BesuFolder) -> None:
    _, host, port = parse_enode(record(world).enode)
    assert (host, port) == ("192.0.2.9", 30_444)
    assert folder.enode.read_text() == record(world).enode + "\n"
    told = tomllib.loads(folder.config.read_text())
    assert (told["p2p-host"], told["p2p-port"], told["p2p-interface"]) == ("192.0.2.9", 30_444, "0.0.0.0")
    assert "192.0.2.9" in told["host-allowlist"]
    # What the others make their allowlists of.
    permitted = wanted(active_centers(world.web3, PILOT_REGISTRY))
    assert record(world).enode in permitted.validators
    assert permitted.left_out == ()


@pytest.mark.chain
def test_a_validator_that_moves_is_met_at_its_new_place(
    world: RegistryWorld, node: Command, folder: BesuFolder, homes: Homes
) -> None:
    before = record(world)
    told = node("lima", *MOVE, "--endpoint", "https://new.lima.example", "--json")
    assert told.code == Exit.GOOD, told.err
    facts = told.json()
    assert (facts["was_so"], facts["endpoint"], facts["enode"]) == (False, "https://new.lima.example", record(world).enode)
    assert any("sync-permissions" in line for line in facts["remains"])
    assert any("Restart this validator" in line for line in facts["remains"])
    require_moved(world, folder)
    assert parse_enode(record(world).enode)[0] == parse_enode(before.enode)[0]
    assert record(world).endpoint == "https://new.lima.example"
    assert load_network(homes("lima") / "network.json").center(LIMA).endpoint == "https://new.lima.example"
    assert folder.config.read_text().startswith("# validator-lima: started with --profile")
    # Said again it is so, and nothing is written.
    again = node("lima", *MOVE, "--json").json()
    assert (again["was_so"], again["written"]) == (True, [])


STEPS: dict[str, tuple[object, str]] = {
    "before the registry has it": (RegistryActs, "set_endpoints"),
    "before its configuration has it": (validator_place, "moved_config"),
    "before its enode has it": (validator_place, "write_enode"),
}


@pytest.mark.chain
@pytest.mark.parametrize("step", STEPS)
def test_a_move_that_was_interrupted_is_seen_and_finished_by_the_next_run(
    world: RegistryWorld, node: Command, folder: BesuFolder, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    assert node("lima", "endpoints").code == Exit.GOOD
    before = folder.config.read_bytes(), folder.enode.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(*STEPS[step], interrupted)
        assert node("lima", *MOVE).code == 130
    if step == "before the registry has it":
        assert (folder.config.read_bytes(), folder.enode.read_bytes()) == before
    else:
        seen = node("lima", "endpoints")
        assert seen.code == Exit.NO
        assert "greenlane-node endpoints --center lima --host 192.0.2.9 --p2p-port 30444" in seen.out
    assert node("lima", *MOVE).code == Exit.GOOD
    require_moved(world, folder)
    assert node("lima", "endpoints").code == Exit.GOOD


@pytest.mark.chain
def test_the_home_of_the_node_writes_what_the_home_of_the_operator_has_registered(
    world: RegistryWorld, node: Command, homes: Homes, folder: BesuFolder, tmp_path: Path
) -> None:
    office = world.home("lima", tmp_path / "office")
    operator = homes("lima") / "keys" / "lima-operator.json"
    operator.unlink()
    network = homes("lima") / "network.json"
    network.write_text(network.read_text().replace('"lima-operator"', "null"))
    refused = node("lima", *MOVE)
    assert refused.code == Exit.USAGE
    assert refused.is_one_fault("The operator's key of lima is kept elsewhere")
    from greenlane_node.cli.program import main

    assert main([*MOVE, "--home", str(office)]) == Exit.GOOD
    assert node("lima", *MOVE, "--json").json()["was_so"] is True
    require_moved(world, folder)


@pytest.mark.chain
def test_a_place_that_was_never_said_is_said_whole(world: RegistryWorld, node: Command, homes: Homes) -> None:
    whole = record(world).enode
    acts_as(homes, world).set_endpoints("", "")
    half = node("lima", "endpoints", "--host", "192.0.2.9")
    assert half.code == Exit.USAGE
    assert half.is_one_fault("Give both: --host ADDRESS --p2p-port N")
    assert node("lima", *MOVE).code == Exit.GOOD
    assert parse_enode(record(world).enode) == (parse_enode(whole)[0], "192.0.2.9", 30_444)


def acts_as(homes: Homes, world: RegistryWorld) -> RegistryActs:
    from greenlane_node.nodes.chain_access import keystore_of, open_chain
    from greenlane_node.registry.acts import open_acts

    home = Home(homes("lima"))
    return open_acts(open_chain(home, [world.url]), keystore_of(home), LIMA, timeout_s=20)


@pytest.mark.chain
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--host", "lima.example"), "no IP address"),
        (("--host", "0.0.0.0"), "no peer can reach"),
        (("--host", "fe80::1%eth0"), "no peer can reach"),
        (("--p2p-port", "0"), "no port"),
        (("--p2p-port", "65536"), "no port"),
        (("--endpoint", "ftp://lima.example"), "no http or https URL"),
        (("--endpoint", "https://lima.example/\x1b[2J"), "no http or https URL"),
        (("--endpoint", "https://lima.example/" + "a" * 256), "no http or https URL"),
    ],
)
def test_a_place_that_is_none_changes_nothing(
    world: RegistryWorld, node: Command, folder: BesuFolder, words: tuple[str, ...], said: str
) -> None:
    before = record(world), folder.config.read_bytes(), folder.enode.read_bytes()
    refused = node("lima", "endpoints", *words)
    assert refused.code == Exit.USAGE
    assert refused.is_one_fault(said, words[0])
    assert (record(world), folder.config.read_bytes(), folder.enode.read_bytes()) == before


@pytest.mark.chain
@pytest.mark.parametrize("file", ["config.toml", "enode"])
def test_a_folder_that_cannot_be_read_is_told_before_the_registry_changes(
    world: RegistryWorld, node: Command, folder: BesuFolder, file: str
) -> None:
    before = record(world)
    (folder.directory / file).write_text("p2p-host = ")
    refused = node("lima", *MOVE)
    assert refused.code == Exit.USAGE
    assert refused.is_one_fault(file, "greenlane-node init network")
    assert record(world) == before


EVIL = "Lima\x1b[2J\x1b]0;owned\x07\nosaka  yes\u202eamil\x9b31m"


@pytest.mark.chain
def test_what_a_center_wrote_into_the_registry_steers_no_terminal(world: RegistryWorld, node: Command, homes: Homes) -> None:
    acts_as(homes, world).set_endpoints(f"https://{EVIL}", f"enode://{EVIL}")
    for words in (("endpoints",), ("status",), ("validators", "--all"), ("endpoints", "--json"), ("status", "--json")):
        said = node("lima", *words)
        assert all(one.isprintable() for one in said.out.replace("\n", "")), words
        assert not any(line.startswith("osaka  yes") for line in said.out.splitlines()), words
    # A program reads what stands there.
    assert {row["endpoint"] for row in node("lima", "status", "--json").json()["centers"]} == {f"https://{EVIL}"}
    assert "\\u001b[2J" in node("lima", "status").out


@pytest.mark.chain
def test_a_name_that_was_nominated_steers_no_terminal(world: RegistryWorld, node: Command, homes: Homes) -> None:
    from dataclasses import replace

    from worlds.registry import newcomer

    candidate = replace(newcomer(world), name=EVIL, origin=f"{EVIL}/log")
    acts_as(homes, world).nominate(candidate)
    for center in ("accra", "osaka"):
        world.act(CenterId(center), PilotRegistry.encode_vote(world.registry.proposal_ids(0, 1)[0]))
    for words in (("endpoints",), ("validators", "--all"), ("endpoints", "--json"), ("vote",)):
        said = node("lima", *words)
        assert said.code == Exit.GOOD
        assert all(one.isprintable() for one in said.out.replace("\n", "")), words
        assert len([line for line in said.out.splitlines() if line.startswith("osaka")]) <= 1
    assert EVIL in {row["name"] for row in node("lima", "endpoints", "--json").json()["centers"]}


def is_one_nodes(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    is_mapped = isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None
    return not (address.is_unspecified or address.is_multicast or is_mapped or str(address) == "255.255.255.255")


@given(st.ip_addresses().filter(is_one_nodes), st.integers(1, 65_535))
def test_what_encodes_an_enode_writes_what_is_parsed(host: object, port: int) -> None:
    key = parse_enode(A_NODE)[0]
    assert parse_enode(encode_enode(key, str(host), port)) == (key, str(host), port)


# The point of the secret key 1.
A_NODE = (
    "enode://79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
    "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8@10.0.0.1:30303"
)


def test_in_a_container_what_listened_on_the_old_address_listens_on_the_new_one() -> None:
    contained = (
        '# head\np2p-host = "10.9.0.2"\np2p-port = 30303\np2p-interface = "0.0.0.0"\nrpc-http-host = "10.9.0.2"\n'
        'metrics-host = "10.9.0.2"\nhost-allowlist = ["localhost", "127.0.0.1", "10.9.0.2", "validator-lima"]\n'
    )
    moved = moved_config(contained, "fd00::7", 30_444)
    assert moved.startswith("# head\n")
    assert tomllib.loads(moved) == {
        "p2p-host": "fd00::7",
        "p2p-port": 30_444,
        "p2p-interface": "::",
        "rpc-http-host": "fd00::7",
        "metrics-host": "fd00::7",
        "host-allowlist": ["127.0.0.1", "fd00::7", "localhost", "validator-lima"],
    }


def test_what_listened_on_this_machine_only_stays_there_when_the_node_moves() -> None:
    local = (
        'p2p-host = "127.0.0.1"\np2p-port = 30303\np2p-interface = "127.0.0.1"\nrpc-http-host = "127.0.0.1"\n'
        'host-allowlist = ["localhost", "127.0.0.1"]\n'
    )
    told = tomllib.loads(moved_config(local, "192.0.2.9", 30_303))
    assert (told["p2p-host"], told["p2p-interface"], told["rpc-http-host"]) == ("192.0.2.9", "0.0.0.0", "127.0.0.1")
    assert told["host-allowlist"] == ["127.0.0.1", "192.0.2.9", "localhost"]


def test_an_interface_that_somebody_chose_stays() -> None:
    chosen = 'p2p-host = "10.9.0.2"\np2p-port = 30303\np2p-interface = "10.9.0.77"\n'
    assert tomllib.loads(moved_config(chosen, "192.0.2.9", 30_303))["p2p-interface"] == "10.9.0.77"
