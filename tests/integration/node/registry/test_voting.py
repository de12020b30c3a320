"""Centers are nominated, endorsed, suspended and reinstated from the command line, by the operators of the others."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from greenlane.adapters.evm.bindings import CenterStatus
from greenlane.adapters.keystore import Keystore, KeyUse
from greenlane.core.exits import Exit
from greenlane.core.units import CenterId
from worlds.registry import FOUNDERS, NEWCOMER, Command, RegistryWorld, newcomer

pytestmark = pytest.mark.chain

Homes = Callable[[str], Path]


def centers(node: Command, *words: str) -> dict[str, str]:
    rows = node("lima", "validators", "--json", *words).json()["validators"]
    return {row["center"]: row["status"] for row in rows}


def test_a_fifth_center_is_nominated_and_endorsed_by_a_quorum_and_is_a_validator(world: RegistryWorld, node: Command) -> None:
    file = str(world.folder / NEWCOMER / "center.toml")
    nominated = node("lima", "nominate", file, "--json").json()
    assert (nominated["motion"], nominated["state"], nominated["votes"], nominated["needed"]) == ("nomination", "open", 1, 3)
    assert centers(node) == dict.fromkeys(FOUNDERS, "active")

    listed = node("accra", "vote", "--json").json()["proposals"]
    assert [(row["center"], row["voters"], row["voted"]) for row in listed] == [(NEWCOMER, ["lima"], False)]

    second = node("accra", "endorse", NEWCOMER, "--candidate", file)
    assert second.code == Exit.GOOD
    assert "1 more vote is needed." in second.out
    # By the first digits of the proposal, as the table shows them.
    third = node("osaka", "endorse", nominated["proposal"][:12], "--candidate", file, "--json").json()
    assert (third["state"], third["result"], third["was_so"]) == ("carried", "Carried out.", False)

    assert centers(node) == dict.fromkeys((*FOUNDERS, NEWCOMER), "active")
    assert world.registry.validators()[-1] == newcomer(world).validator
    assert node("lima", "vote", "--json").json() == {"proposals": []}


def test_what_is_so_already_is_said_and_nothing_is_sent_twice(world: RegistryWorld, node: Command, homes: Homes) -> None:
    file = str(world.folder / NEWCOMER / "center.toml")
    for expected in (False, True, True):
        assert node("lima", "nominate", file, "--json").json()["was_so"] is expected
    assert world.registry.proposal_count() == 1
    # Another center that nominates the same votes for it.
    assert node("accra", "nominate", file, "--json").json()["votes"] == 2
    for expected in (True, True):
        assert node("accra", "endorse", NEWCOMER, "--candidate", file, "--json").json()["was_so"] is expected
    assert node("osaka", "endorse", NEWCOMER, "--candidate", file).code == Exit.GOOD
    late = node("tianjin", "vote", NEWCOMER, "--json")
    assert (late.code, late.json()["was_so"], late.json()["result"]) == (Exit.GOOD, True, "It was carried out already.")
    for name, sent in (("lima", 1), ("accra", 1), ("osaka", 1), ("tianjin", 0)):
        record = world.registry.center(CenterId(name))
        assert record is not None
        assert world.web3.eth.get_transaction_count(world.web3.to_checksum_address(record.operator)) == sent


def test_the_price_is_zero(world: RegistryWorld, node: Command) -> None:
    told = node("lima", "nominate", str(world.folder / NEWCOMER / "center.toml"), "--json").json()
    assert world.web3.eth.get_transaction(told["transaction"])["gasPrice"] == 0


def test_a_suspension_below_the_minimum_is_refused_in_words_before_anybody_votes(world: RegistryWorld, node: Command) -> None:
    refused = node("lima", "propose", "suspension", "osaka")
    assert refused.code == Exit.USAGE
    assert refused.is_one_fault("3 active centers would remain", "agreed at genesis to keep 4", "Admit another center first")
    assert world.registry.proposal_count() == 0


@pytest.mark.usefixtures("admitted")
def test_a_center_is_suspended_by_the_others_and_reinstated(world: RegistryWorld, node: Command) -> None:
    opened = node("lima", "propose", "suspension", "osaka", "--json").json()
    assert (opened["votes"], opened["needed"]) == (1, 4)
    own = node("osaka", "vote", "osaka")
    assert own.code == Exit.USAGE
    assert own.is_one_fault("The center osaka has no vote in its own cause.")
    # Four of five are needed: all of the others.
    for name in ("accra", "tianjin"):
        assert node(name, "vote", "osaka").code == Exit.GOOD
    before = node("osaka", "status", "--json")
    assert (before.code, [row["votes"] for row in before.json()["proposals"]]) == (Exit.GOOD, [3])
    assert node(NEWCOMER, "vote", "osaka", "--json").json()["state"] == "carried"
    assert node("osaka", "status").code == Exit.NO
    assert "osaka" not in centers(node)

    silent = node("osaka", "propose", "reinstatement", "osaka")
    assert silent.code == Exit.USAGE
    assert silent.is_one_fault("The center osaka is not active, so it has no say.")
    assert node("lima", "propose", "reinstatement", "osaka").code == Exit.GOOD
    for name in ("accra", "tianjin"):
        assert node(name, "vote", "osaka").code == Exit.GOOD
    assert node("osaka", "status").code == Exit.GOOD
    assert world.registry.validators()[-1] != newcomer(world).validator


@pytest.mark.usefixtures("admitted")
def test_a_status_of_a_center_that_is_not_active_answers_no(world: RegistryWorld, node: Command) -> None:
    assert node("lima", "leave", "--confirm", "lima").code == Exit.GOOD
    told = node("lima", "status", "--json")
    assert told.code == Exit.NO
    assert [(row["status"], row["good_standing"]) for row in told.json()["centers"]] == [("left", False)]
    again = node("accra", "propose", "reinstatement", "lima")
    assert again.code == Exit.USAGE
    assert again.is_one_fault("lima, which is left")
    assert centers(node, "--all")["lima"] == CenterStatus.LEFT.name.lower()


def test_an_operator_whose_key_is_lost_is_replaced_by_vote(world: RegistryWorld, node: Command) -> None:
    account = "0x" + "5a" * 20
    assert node("lima", "propose", "operator", "osaka", "--account", account).code == Exit.GOOD
    assert node("accra", "vote", "osaka").code == Exit.GOOD
    assert node("tianjin", "vote", "osaka", "--json").json()["state"] == "carried"
    record = world.registry.center(CenterId("osaka"))
    assert record is not None
    assert record.operator.hex() == account[2:]
    stale = node("osaka", "propose", "renewal", "osaka")
    assert stale.code == Exit.USAGE
    assert stale.is_one_fault("the registry says that 0x" + "5a" * 20)
    status = node("osaka", "status", "--json")
    assert status.code == Exit.NO
    assert [row["key"] for row in status.json()["keys"] if not row["agrees"]] == ["operator"]


def test_a_renewal_is_proposed_by_the_center_itself(world: RegistryWorld, node: Command) -> None:
    assert node("lima", "propose", "renewal", "lima", "--json").json()["voters"] == ["lima"]
    assert node("lima", "propose", "renewal", "lima", "--json").json()["was_so"] is True


def test_a_nomination_is_compared_with_the_file_one_has(world: RegistryWorld, node: Command, tmp_path: Path) -> None:
    file = world.folder / NEWCOMER / "center.toml"
    assert node("lima", "nominate", str(file)).code == Exit.GOOD
    other = tmp_path / "other.toml"
    other.write_bytes(file.read_bytes().replace(b"10.20.30.5", b"10.20.30.6"))
    refused = node("accra", "endorse", NEWCOMER, "--candidate", str(other))
    assert refused.code == Exit.USAGE
    assert refused.is_one_fault("What was nominated is not what this file says")
    missing = node("accra", "endorse", NEWCOMER, "--candidate", str(tmp_path / "none.toml"))
    assert missing.code == Exit.USAGE
    assert missing.is_one_fault("none.toml")
    assert node("accra", "endorse", NEWCOMER, "--candidate", str(file)).code == Exit.GOOD


def test_an_expired_proposal_takes_no_vote_and_is_listed_no_more(world: RegistryWorld, node: Command) -> None:
    assert node("lima", "propose", "renewal", "lima").code == Exit.GOOD
    world.let_pass(8 * 24 * 3600)
    world.call("evm_mine")
    assert node("accra", "vote", "--json").json() == {"proposals": []}
    late = node("accra", "vote", "lima")
    assert late.code == Exit.USAGE
    assert late.is_one_fault("The time to vote on", "was over at")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("vote", "atlantis"), "No proposal is named 'atlantis'."),
        (("vote", "0x123"), "No proposal is named '0x123'."),
        (("endorse", "lima", "--candidate", "center.toml"), "No proposal is named 'lima'."),
        (("endorse", NEWCOMER), "--candidate"),
        (("vote", "0x" + "11" * 32), "No proposal is named '0x1111"),
        (("vote", "--skip", "-1"), "--skip"),
        (("propose", "suspension", "atlantis"), "This cannot be done to the center atlantis, which is none."),
        (("propose", "suspension", "No Center"), "is no center id"),
        (("propose", "operator", "lima"), "--account"),
        (("propose", "renewal", "lima", "--account", "0x" + "11" * 20), "--account"),
        (("propose", "operator", "accra", "--account", "0x11"), "is no account"),
        (("vote", "--center", "accra", "renewal"), "No proposal"),
        (("members", "suspend", "nobody", "--center", "accra"), "This home keeps no keys of the center 'accra'."),
        (("members", "suspend", "nobody"), "vouches for no member nobody"),
        (("nominate", "/nonexistent/center.toml"), "/nonexistent/center.toml"),
    ],
)
def test_what_cannot_be_done_is_one_line_with_exit_code_two(node: Command, words: tuple[str, ...], told: str) -> None:
    said = node("lima", *words)
    assert said.code == Exit.USAGE
    assert said.is_one_fault(told)


def test_a_prefix_of_two_proposals_is_not_guessed_at(node: Command) -> None:
    assert node("lima", "propose", "renewal", "lima").code == Exit.GOOD
    assert node("accra", "propose", "operator", "lima", "--account", "0x" + "77" * 20).code == Exit.GOOD
    said = node("osaka", "vote", "lima")
    assert said.code == Exit.USAGE
    assert said.is_one_fault("names several proposals", "renewal of lima", "operator of lima")


def test_a_key_of_another_account_than_the_registry_has_is_refused_before_it_signs(node: Command, homes: Homes) -> None:
    home = homes("lima")
    (home / "keys" / "lima-operator.json").unlink()
    Keystore(home / "keys", home / "password", scrypt_n=2).create("lima-operator", KeyUse.OPERATOR)
    said = node("lima", "propose", "renewal", "lima")
    assert said.code == Exit.USAGE
    assert said.is_one_fault("The key 'lima-operator' is 0x", "is the operator of lima", "rotate-key operator")


def test_a_wrong_password_and_a_missing_key_are_one_line(node: Command, homes: Homes) -> None:
    home = homes("lima")
    (home / "password").write_text("battery staple\n")
    said = node("lima", "propose", "renewal", "lima")
    assert said.code == Exit.USAGE
    assert said.is_one_fault("The password does not open this key.", "lima-operator.json")
    (home / "keys" / "lima-operator.json").unlink()
    said = node("lima", "propose", "renewal", "lima")
    assert said.code == Exit.USAGE
    assert said.is_one_fault("There is no key 'lima-operator'.")


@pytest.mark.parametrize("command", [("validators",), ("status",), ("vote",), ("vote", "lima"), ("members", "list")])
def test_a_node_that_is_away_is_exit_code_three(node: Command, command: tuple[str, ...]) -> None:
    said = node("lima", *command, "--rpc", "http://127.0.0.1:9")
    assert said.code == Exit.UNCHECKED
    assert said.is_one_fault("http://127.0.0.1:9", "could not be reached")


def test_a_node_of_another_chain_is_not_believed(node: Command, homes: Homes) -> None:
    file = homes("lima") / "network.json"
    told = json.loads(file.read_bytes())
    for name, value, words in (
        ("chainId", 4, "The node is of the chain 20777, not 4."),
        ("genesisHash", "0x" + "77" * 32, "begins with the block"),
        ("pilotRegistry", "0x" + "77" * 20, "has no PilotRegistry"),
    ):
        file.write_text(json.dumps({**told, name: value}))
        said = node("lima", "validators")
        assert said.code == Exit.UNCHECKED
        assert said.is_one_fault(words)


def test_a_home_without_a_network_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from greenlane_node.cli.program import main

    assert main(["status", "--home", str(tmp_path)]) == Exit.USAGE
    assert "network.json" in capsys.readouterr().err
