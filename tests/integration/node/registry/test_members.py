"""A center vouches for members on the chain, changes what they may do, and stops vouching."""

import pytest
from greenlane.adapters.evm.bindings import MemberRole
from greenlane.core.exits import Exit
from greenlane.core.units import Address
from worlds.registry import Command, RegistryWorld

pytestmark = pytest.mark.chain

ACCOUNT = "0x" + "ab" * 20


def vouch(node: Command, *words: str) -> bool:
    told = node("lima", "members", "vouch", "acme", "--account", ACCOUNT, "--role", "buyer", "--json", *words)
    assert told.code == Exit.GOOD, told.err
    was_so: bool = told.json()["was_so"]
    return was_so


def is_good(world: RegistryWorld, role: MemberRole) -> bool:
    return world.registry.is_member_in_good_standing(Address(bytes.fromhex(ACCOUNT[2:])), role)


def test_a_member_is_vouched_for_once(world: RegistryWorld, node: Command) -> None:
    assert not vouch(node)
    assert vouch(node)
    assert is_good(world, MemberRole.BUYER)
    listed = node("lima", "members", "list", "--json").json()["members"]
    assert [(row["member"], row["account"], row["roles"], row["status"]) for row in listed] == [
        ("acme", ACCOUNT, "buyer", "active")
    ]
    assert node("accra", "members", "list", "--center", "lima", "--json").json()["members"] == listed


def test_a_term_in_days_ends(world: RegistryWorld, node: Command) -> None:
    assert not vouch(node, "--days", "30")
    assert vouch(node, "--days", "30")
    assert node("lima", "members", "list", "--json").json()["members"][0]["until"] is not None
    world.let_pass(31 * 24 * 3600)
    world.call("evm_mine")
    assert not is_good(world, MemberRole.BUYER)


def test_roles_are_changed_and_members_suspended_and_reinstated(world: RegistryWorld, node: Command) -> None:
    vouch(node)
    both = ("--role", "certifier", "--role", "agency")
    for expected in (False, True):
        told = node("lima", "members", "roles", "acme", *both, "--json").json()
        assert (told["roles"], told["was_so"]) == ("certifier, agency", expected)
    assert is_good(world, MemberRole.CERTIFIER | MemberRole.AGENCY)
    for action, status in (("suspend", "suspended"), ("reinstate", "active")):
        for expected in (False, True):
            told = node("lima", "members", action, "acme", "--json").json()
            assert (told["status"], told["was_so"]) == (status, expected)
        assert is_good(world, MemberRole.AGENCY) == (action == "reinstate")


def test_another_member_of_the_same_name_or_account_is_refused_in_words(node: Command) -> None:
    vouch(node)
    other = node("lima", "members", "vouch", "acme", "--account", "0x" + "cd" * 20, "--role", "buyer")
    assert other.code == Exit.USAGE
    assert other.is_one_fault("The center lima has a member acme already")
    taken = node("accra", "members", "vouch", "zenith", "--account", ACCOUNT, "--role", "buyer")
    assert taken.code == Exit.USAGE
    assert taken.is_one_fault("is member of lima already; one account has one duty")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("vouch", "acme", "--account", "0x12", "--role", "buyer"), "is no account"),
        (("vouch", "acme", "--account", ACCOUNT, "--role", "king"), "--role"),
        (("vouch", "acme", "--account", ACCOUNT), "--role"),
        (("vouch", "Acme Corp", "--account", ACCOUNT, "--role", "buyer"), "is no member id"),
        (("vouch", "acme", "--account", ACCOUNT, "--role", "buyer", "--days", "0"), "--days"),
        (("roles", "nobody", "--role", "buyer"), "vouches for no member nobody"),
        (("reinstate", "nobody"), "vouches for no member nobody"),
    ],
)
def test_what_makes_no_member_is_one_line(node: Command, words: tuple[str, ...], told: str) -> None:
    said = node("lima", "members", *words)
    assert said.code == Exit.USAGE
    assert said.is_one_fault(told)
