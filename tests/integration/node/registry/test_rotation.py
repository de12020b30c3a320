"""A center's keys are replaced while the network lives; what was interrupted between two steps is finished by the next run."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from greenlane.adapters.evm.bindings import CenterRecord
from greenlane.adapters.home import Home
from greenlane.adapters.keystore import Keystore, KeyUse, LogSigner
from greenlane.adapters.network_file import load_network
from greenlane.core.crypto import keccak256, secp256k1_public_key
from greenlane.core.exits import Exit
from greenlane.core.trust import parse_trust_file
from greenlane.core.units import CenterId
from greenlane_node.keys import node_key_file, parse_enode
from greenlane_node.layout import BesuFolder, NetworkLayout
from greenlane_node.membership import key_rotation
from greenlane_node.nodes.chain_access import keystore_of
from greenlane_node.registry.acts import RegistryActs
from worlds.registry import Command, RegistryWorld

pytestmark = pytest.mark.chain

Homes = Callable[[str], Path]
LIMA = CenterId("lima")
KEYS = ("operator", "anchorer", "validator", "log")


def record(world: RegistryWorld) -> CenterRecord:
    found = world.registry.center(LIMA)
    assert found is not None
    return found


def registered(world: RegistryWorld, key: str) -> bytes:
    return record(world).log_key if key == "log" else bytes(getattr(record(world), key))


def held(home: Path, name: str) -> bytes:
    file = keystore_of(Home(home)).describe(name)
    public = file.log_key if file.use is KeyUse.LOG else file.address
    assert public is not None
    return public


def require_all_agree(world: RegistryWorld, node: Command, home: Path, key: str, name: str) -> None:
    center = load_network(home / "network.json").center(LIMA)
    assert getattr(center.keys, key) == name
    described = center.log_key.public_key if key == "log" else bytes(getattr(center, key))
    assert registered(world, key) == held(home, name) == described
    status = node("lima", "status", "--json")
    assert status.code == Exit.GOOD
    assert all(row["agrees"] for row in status.json()["keys"])
    # Whatever was rotated, the operator of now can act.
    assert node("lima", "propose", "renewal", "lima").code == Exit.GOOD


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_replaced_and_the_old_one_stays_in_the_keystore(
    world: RegistryWorld, node: Command, homes: Homes, key: str
) -> None:
    old = registered(world, key)
    told = node("lima", "rotate-key", key, "--json")
    assert told.code == Exit.GOOD
    facts = told.json()
    assert (facts["old"], facts["new"], facts["registered"]) == (f"lima-{key}", f"lima-{key}-2", True)
    assert facts["finished_an_interrupted_one"] is False
    assert facts["remains"]
    assert facts["public"] == "0x" + registered(world, key).hex() != "0x" + old.hex()
    require_all_agree(world, node, homes("lima"), key, f"lima-{key}-2")
    assert held(homes("lima"), f"lima-{key}") == old


STEPS: dict[str, tuple[tuple[object, str], ...]] = {
    "before the key is made": ((Keystore, "create"),),
    "before it is registered": (
        (RegistryActs, "rotate_operator"),
        (RegistryActs, "rotate_anchorer"),
        (RegistryActs, "rotate_validator"),
        (RegistryActs, "rotate_log_key"),
    ),
    "before the node's id is told": ((RegistryActs, "set_endpoints"),),
    "before network.json names it": ((key_rotation, "replace_file"),),
    "before trust.json has it": ((key_rotation, "refresh_trust"),),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("key", KEYS)
def test_a_rotation_that_was_interrupted_is_finished_by_the_next_run(
    world: RegistryWorld, node: Command, homes: Homes, monkeypatch: pytest.MonkeyPatch, key: str, step: str
) -> None:
    cut = []

    def interrupted(*_: Any, **__: Any) -> None:
        cut.append(step)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        for owner, name in STEPS[step]:
            patch.setattr(owner, name, interrupted)
        code = node("lima", "rotate-key", key).code
    is_met = bool(cut)
    assert code == (130 if is_met else Exit.GOOD)
    only = {"before the node's id is told": "validator", "before trust.json has it": "log"}
    assert is_met == (only.get(step, key) == key)
    names = {file.name for file in (homes("lima") / "keys").iterdir()}
    if is_met:
        assert node("lima", "rotate-key", key, "--json").code == Exit.GOOD
    require_all_agree(world, node, homes("lima"), key, f"lima-{key}-2")
    # No second key was made where the first run had made one.
    assert {file.name for file in (homes("lima") / "keys").iterdir()} - names <= {f"lima-{key}-2.json"}
    if key == "validator":
        public, host, port = parse_enode(record(world).enode)
        assert (keccak256(public)[-20:], host, port) == (registered(world, "validator"), "10.20.30.2", 30_303)


def test_a_rotation_that_is_registered_is_not_repeated_but_finished(
    world: RegistryWorld, node: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(key_rotation, "replace_file", interrupted)
        assert node("lima", "rotate-key", "operator").code == 130
    # The old key can do nothing any more, and says what to do.
    refused = node("lima", "propose", "renewal", "lima")
    assert refused.code == Exit.USAGE
    assert refused.is_one_fault("finish it: greenlane-node rotate-key operator")
    before = registered(world, "operator")
    assert node("lima", "rotate-key", "operator", "--json").json()["finished_an_interrupted_one"] is True
    assert registered(world, "operator") == before
    assert node("lima", "propose", "renewal", "lima").code == Exit.GOOD


def test_keys_are_replaced_again_and_again_under_names_of_their_own(world: RegistryWorld, node: Command, homes: Homes) -> None:
    for number in (2, 3, 4):
        # Each key has a term of its own, of a second at least.
        world.let_pass(2)
        assert node("lima", "rotate-key", "log", "--json").json()["new"] == f"lima-log-{number}"
    require_all_agree(world, node, homes("lima"), "log", "lima-log-4")
    trust = parse_trust_file((homes("lima") / "trust.json").read_bytes()).center(LIMA)
    assert trust is not None
    assert [term.key.public_key for term in trust.log_keys] == [
        held(homes("lima"), name) for name in ("lima-log", "lima-log-2", "lima-log-3", "lima-log-4")
    ]


def test_the_server_that_starts_after_it_signs_with_the_new_log_key(node: Command, homes: Homes) -> None:
    assert node("lima", "rotate-key", "log").code == Exit.GOOD
    network = load_network(homes("lima") / "network.json")
    name = network.center(LIMA).keys.log
    assert name is not None
    signer = LogSigner(network.hosted_centers(), {LIMA: keystore_of(Home(homes("lima"))).seed(name)})
    assert signer.center(LIMA).key == network.center(LIMA).log_key


def test_the_folder_of_a_node_is_told_its_new_id(world: RegistryWorld, node: Command, homes: Homes) -> None:
    enode = NetworkLayout(Home(homes("lima"))).besu("validator-lima").enode
    enode.parent.mkdir(parents=True)
    enode.write_text(record(world).enode + "\n")
    told = node("lima", "rotate-key", "validator", "--json").json()
    assert enode.read_text() == record(world).enode + "\n"
    assert enode.read_text().startswith(f"enode://{told['node_id'][2:]}@")


def test_a_validator_key_is_not_replaced_twice_within_the_hour(world: RegistryWorld, node: Command) -> None:
    assert node("lima", "rotate-key", "validator").code == Exit.GOOD
    refused = node("lima", "rotate-key", "validator")
    assert refused.code == Exit.USAGE
    assert refused.is_one_fault("The key of lima was changed a short while ago.", "Run it again after 20")
    world.let_pass(3_601)
    assert node("lima", "rotate-key", "validator", "--json").json()["new"] == "lima-validator-3"


@pytest.mark.parametrize("key", ["anchorer", "validator", "log"])
def test_a_key_that_lies_in_another_home_is_made_there_registered_here_and_switched_there(
    world: RegistryWorld, node: Command, homes: Homes, tmp_path: Path, key: str
) -> None:
    server = world.home("lima", tmp_path / "server")
    network = json.loads((server / "network.json").read_bytes())
    for file, without in ((server, "operator"), (homes("lima"), key)):
        told = json.loads(json.dumps(network))
        lima = next(center for center in told["centers"] if center["id"] == "lima")
        lima["keys"][without] = None
        (file / "network.json").write_text(json.dumps(told))
        (file / "keys" / f"lima-{without}.json").unlink()

    elsewhere = node("lima", "rotate-key", key)
    assert elsewhere.code == Exit.USAGE
    assert elsewhere.is_one_fault("is kept elsewhere", "--public")
    from greenlane_node.cli.program import main

    assert main(["rotate-key", key, "--home", str(server)]) == Exit.NO
    made = held(server, f"lima-{key}-2")
    assert registered(world, key) != made
    public = made
    if key == "validator":
        center = CenterId("lima")
        network_center = load_network(server / "network.json").center(center)
        assert network_center.keys.validator == "lima-validator"
        public = key_rotation._node_id(keystore_of(Home(server)), keystore_of(Home(server)).describe("lima-validator-2"))
    assert node("lima", "rotate-key", key, "--public", "0x" + public.hex()).code == Exit.GOOD
    assert registered(world, key) == made
    assert main(["rotate-key", key, "--home", str(server)]) == Exit.GOOD
    assert getattr(load_network(server / "network.json").center(LIMA).keys, key) == f"lima-{key}-2"
    if key == "validator":
        assert parse_enode(record(world).enode)[0] == public


@pytest.mark.parametrize("public", ["0x11", "0x" + "11" * 33, "lima", "11" * 20])
def test_a_public_part_that_is_none_is_refused(node: Command, public: str) -> None:
    refused = node("lima", "rotate-key", "log", "--public", public)
    assert refused.code == Exit.USAGE
    assert refused.is_one_fault("--public")


@pytest.mark.parametrize(
    ("key", "public", "words"),
    [
        ("log", "0x11", "1 byte was given; the public part of the log key is the 32 bytes of a log's public key."),
        ("anchorer", "0x" + "11" * 33, "33 bytes were given; the public part of the anchorer key is the 20 bytes of an account."),
        ("validator", "0x" + "11" * 33, "the 20 bytes of an account or the 64 of a node's id."),
    ],
)
def test_a_public_part_of_another_length_says_what_it_would_be(node: Command, key: str, public: str, words: str) -> None:
    refused = node("lima", "rotate-key", key, "--public", public)
    assert refused.code == Exit.USAGE
    assert refused.is_one_fault(words)


@pytest.mark.parametrize("key", ["anchorer", "validator", "log"])
@pytest.mark.parametrize("step", ["whole", "before it is registered", "before network.json names it"])
def test_a_key_that_is_lost_is_replaced_by_the_operators_word_alone(
    world: RegistryWorld, node: Command, homes: Homes, monkeypatch: pytest.MonkeyPatch, key: str, step: str
) -> None:
    old = registered(world, key)
    origin, enode = record(world).origin, parse_enode(record(world).enode)
    (homes("lima") / "keys" / f"lima-{key}.json").unlink()
    assert [row["key"] for row in node("lima", "status", "--json").json()["keys"] if row["agrees"] is False] == [key]

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        for owner, name in STEPS.get(step, ()):
            patch.setattr(owner, name, interrupted)
        cut = node("lima", "rotate-key", key)
    if step == "whole":
        assert cut.code == Exit.GOOD
        assert f"The {key} key that the registry had, 0x{old.hex()}, is not in this keystore" in cut.out
    else:
        assert cut.code == 130
        assert node("lima", "rotate-key", key).code == Exit.GOOD
    assert registered(world, key) != old
    require_all_agree(world, node, homes("lima"), key, f"lima-{key}-2")
    assert [file.name for file in (homes("lima") / "keys").glob(f"lima-{key}*")] == [f"lima-{key}-2.json"]
    # The seat, the place and the log are the center's, whatever key it has.
    assert record(world).origin == origin == load_network(homes("lima") / "network.json").center(LIMA).origin
    assert parse_enode(record(world).enode)[1:] == enode[1:]
    assert (record(world).validator in world.registry.validators(), len(world.registry.validators())) == (True, 4)
    if key == "validator":
        assert keccak256(parse_enode(record(world).enode)[0])[-20:] == record(world).validator
    if key == "log":
        trust = parse_trust_file((homes("lima") / "trust.json").read_bytes()).center(LIMA)
        assert trust is not None
        first, second = trust.log_keys
        assert (first.key.public_key, second.key.public_key) == (old, registered(world, "log"))
        # What the lost key signed stays provable, and from here on it is not believed.
        assert first.key.name == second.key.name == origin
        assert first.valid_until == second.valid_from
        network = load_network(homes("lima") / "network.json")
        signer = LogSigner(network.hosted_centers(), {LIMA: keystore_of(Home(homes("lima"))).seed("lima-log-2")})
        assert signer.center(LIMA).key == network.center(LIMA).log_key


def test_a_key_that_lies_in_no_home_any_more_is_taken_over_and_told(world: RegistryWorld, node: Command) -> None:
    assert node("lima", "rotate-key", "anchorer", "--public", "0x" + "66" * 20).code == Exit.GOOD
    told = node("lima", "rotate-key", "anchorer", "--json").json()
    assert (told["lost"], told["new"], told["registered"]) == ("0x" + "66" * 20, "lima-anchorer-2", True)
    assert registered(world, "anchorer").hex() == told["public"][2:] != "66" * 20


@pytest.mark.parametrize("key", KEYS)
def test_no_key_is_replaced_where_the_operators_own_is_missing(
    world: RegistryWorld, node: Command, homes: Homes, key: str
) -> None:
    before = record(world)
    for lost in {key, "operator"}:
        (homes("lima") / "keys" / f"lima-{lost}.json").unlink()
    refused = node("lima", "rotate-key", key)
    assert refused.code == Exit.UNCHECKED
    assert refused.is_one_fault(f"0x{registered(world, key).hex()}, which is not in this keystore", "propose operator lima")
    assert record(world) == before
    assert not (homes("lima") / "keys" / f"lima-{key}-2.json").exists()


def test_a_key_that_is_lost_where_the_operators_lies_elsewhere_is_registered_there(
    world: RegistryWorld, node: Command, homes: Homes, tmp_path: Path
) -> None:
    office = world.home("lima", tmp_path / "office")
    network = homes("lima") / "network.json"
    network.write_text(network.read_text().replace('"lima-operator"', "null"))
    for name in ("lima-operator", "lima-anchorer"):
        (homes("lima") / "keys" / f"{name}.json").unlink()
    made = node("lima", "rotate-key", "anchorer", "--json")
    assert (made.code, made.json()["registered"]) == (Exit.NO, False)
    assert made.json()["lost"] == "0x" + registered(world, "anchorer").hex()
    from greenlane_node.cli.program import main

    assert main(["rotate-key", "anchorer", "--public", made.json()["public"], "--home", str(office)]) == Exit.GOOD
    assert node("lima", "rotate-key", "anchorer").code == Exit.GOOD
    assert registered(world, "anchorer") == held(homes("lima"), "lima-anchorer-2")


@pytest.fixture
def open_folder(world: RegistryWorld, homes: Homes) -> BesuFolder:
    """The validator's folder where its key lies open, as containers and services need it."""
    folder = NetworkLayout(Home(homes("lima"))).besu("validator-lima")
    folder.directory.mkdir(parents=True)
    folder.enode.write_text(record(world).enode + "\n")
    folder.key.write_bytes(node_key_file(keystore_of(Home(homes("lima"))), "lima-validator"))
    folder.key.chmod(0o600)
    return folder


def test_an_open_key_is_replaced_by_the_key_that_counts(
    world: RegistryWorld, node: Command, homes: Homes, open_folder: BesuFolder
) -> None:
    assert node("lima", "rotate-key", "validator").code == Exit.GOOD
    assert open_folder.key.read_bytes() == node_key_file(keystore_of(Home(homes("lima"))), "lima-validator-2")
    assert open_folder.key.stat().st_mode & 0o777 == 0o600
    # What the restarted node would seal with.
    sealing = keccak256(secp256k1_public_key(bytes.fromhex(open_folder.key.read_text().strip()[2:])))[-20:]
    assert sealing == registered(world, "validator")
    assert sorted(path.name for path in open_folder.directory.iterdir()) == ["enode", "key"]


@pytest.mark.parametrize("cut", ["_replace_open_key", "write_enode", "_write"])
def test_a_node_that_is_started_between_two_steps_seals_with_the_key_that_counts(
    world: RegistryWorld, node: Command, homes: Homes, open_folder: BesuFolder, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(key_rotation, cut, interrupted)
        assert node("lima", "rotate-key", "validator").code == 130
    new = node_key_file(keystore_of(Home(homes("lima"))), "lima-validator-2")
    assert (open_folder.key.read_bytes() == new) == (cut != "_replace_open_key")
    if cut == "write_enode":
        # The id never runs ahead of the key.
        assert keccak256(parse_enode(open_folder.enode.read_text().strip())[0])[-20:] != registered(world, "validator")
    assert node("lima", "rotate-key", "validator", "--json").json()["finished_an_interrupted_one"] is True
    assert open_folder.key.read_bytes() == new
    assert open_folder.enode.read_text() == record(world).enode + "\n"


def test_a_key_that_does_not_lie_open_is_not_opened(node: Command, homes: Homes, open_folder: BesuFolder) -> None:
    open_folder.key.unlink()
    assert node("lima", "rotate-key", "validator").code == Exit.GOOD
    assert [path.name for path in open_folder.directory.iterdir()] == ["enode"]


def test_an_open_key_stays_its_owners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, given = tmp_path / "key", []
    path.write_text("old")
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    monkeypatch.setattr(os, "chown", lambda _, user, group: given.append((user, group)))
    key_rotation._replace_open_key(path, b"new")
    assert path.read_bytes() == b"new"
    assert given == [(path.stat().st_uid, path.stat().st_gid)]


def test_an_enode_that_cannot_be_read_is_told_before_the_registry_changes(
    world: RegistryWorld, node: Command, open_folder: BesuFolder
) -> None:
    before = record(world)
    open_folder.enode.write_text("enode://lima\n")
    refused = node("lima", "rotate-key", "validator")
    assert refused.code == Exit.USAGE
    assert refused.is_one_fault("enode cannot be read")
    assert record(world) == before
