"""A center vouches for members on the chain, changes what they may do, and stops vouching."""

from collections.abc import Callable
from pathlib import Path

import pytest
from eth_account import Account
from greenlane.adapters.evm.bindings import MemberRole
from greenlane.adapters.keystore import Keystore, KeyUse
from greenlane.adapters.member_keys import KeystoreMemberKeys
from greenlane.core.exits import Exit
from greenlane.core.units import Address, center_id, member_id
from greenlane_node.registry import member_keys
from worlds.registry import Command, RegistryWorld

pytestmark = pytest.mark.chain

LIMA, ACME = center_id("lima"), member_id("acme")
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


def keys_of(homes: Callable[[str], Path], center: str) -> KeystoreMemberKeys:
    home = homes(center)
    return KeystoreMemberKeys(Keystore(home / "keys", home / "password"))


def account_of(world: RegistryWorld, center: str, member: str) -> Address:
    found = world.registry.member(center_id(center), member_id(member))
    assert found is not None
    return found.account


def test_a_center_makes_and_keeps_a_members_key(world: RegistryWorld, node: Command, homes: Callable[[str], Path]) -> None:
    keys = keys_of(homes, "lima")
    for expected in (False, True):
        told = node("lima", "members", "vouch", "acme", "--make-key", "--role", "certifier", "--role", "buyer", "--json").json()
        assert told["was_so"] is expected
        assert told["key"] == "kept here by its center, as member-lima-acme"
        assert keys.account(LIMA, ACME) == account_of(world, "lima", "acme") == Address(bytes.fromhex(told["account"][2:]))
    assert Keystore(homes("lima") / "keys", homes("lima") / "password").describe("member-lima-acme").use is KeyUse.CERTIFIER
    digest = bytes(32)
    recovered = Account._recover_hash(digest, signature=keys.sign(LIMA, ACME, digest))
    assert bytes.fromhex(recovered[2:]) == account_of(world, "lima", "acme")


def test_a_members_key_gives_way_to_another_and_comes_back(
    world: RegistryWorld, node: Command, homes: Callable[[str], Path]
) -> None:
    keys = keys_of(homes, "lima")
    first = node("lima", "members", "vouch", "acme", "--make-key", "--role", "buyer", "--json").json()
    second = node("lima", "members", "rotate-key", "acme", "--make-key", "--json").json()
    assert second["account"] != first["account"]
    assert (second["key"], second["was_so"]) == ("kept here by its center, as member-lima-acme-2", False)
    assert keys.account(LIMA, ACME) == account_of(world, "lima", "acme")
    for expected in (False, True):
        own = node("lima", "members", "rotate-key", "acme", "--account", ACCOUNT, "--json").json()
        assert (own["account"], own["key"], own["was_so"]) == (ACCOUNT, "kept by the member itself", expected)
        assert keys.account(LIMA, ACME) is None
    third = node("lima", "members", "rotate-key", "acme", "--make-key", "--json").json()
    assert len({first["account"], second["account"], third["account"], ACCOUNT}) == 4
    assert keys.account(LIMA, ACME) == account_of(world, "lima", "acme")
    names = {file.name for file in Keystore(homes("lima") / "keys", homes("lima") / "password").files()}
    assert {"member-lima-acme", "former-member-lima-acme", "former-member-lima-acme-2"} <= names


def test_a_key_that_is_named_as_the_members_own_and_lies_here_stays(node: Command, homes: Callable[[str], Path]) -> None:
    made = node("lima", "members", "vouch", "acme", "--make-key", "--role", "buyer", "--json").json()
    told = node("lima", "members", "rotate-key", "acme", "--account", made["account"], "--json").json()
    assert (told["was_so"], told["key"]) == (True, "kept here by its center, as member-lima-acme")
    assert keys_of(homes, "lima").account(LIMA, ACME) is not None


@pytest.mark.parametrize("action", ["vouch", "rotate-key"])
def test_what_was_interrupted_before_the_key_counted_is_finished(
    world: RegistryWorld, node: Command, homes: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    words = ["--role", "buyer"] if action == "vouch" else []
    before = None
    if action == "rotate-key":
        node("lima", "members", "vouch", "acme", "--make-key", "--role", "buyer")
        before = account_of(world, "lima", "acme")
    with monkeypatch.context() as patch:
        patch.setattr(member_keys, "settle_next_member_key", crash)
        assert node("lima", "members", action, "acme", "--make-key", *words).code != Exit.GOOD
    # The registry names the new one, and until the next run nobody signs with it.
    assert keys_of(homes, "lima").account(LIMA, ACME) == before != account_of(world, "lima", "acme")
    assert node("lima", "members", action, "acme", "--make-key", *words, "--json").json()["was_so"] is True
    assert keys_of(homes, "lima").account(LIMA, ACME) == account_of(world, "lima", "acme")


def test_a_member_that_has_another_key_gets_none_by_vouching(node: Command, homes: Callable[[str], Path]) -> None:
    vouch(node)
    told = node("lima", "members", "vouch", "acme", "--make-key", "--role", "buyer")
    assert told.is_one_fault("The center lima has a member acme already")
    assert keys_of(homes, "lima").account(LIMA, ACME) is None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("vouch", "acme", "--account", "0x12", "--role", "buyer"), "is no account"),
        (("vouch", "acme", "--account", ACCOUNT, "--role", "king"), "--role"),
        (("vouch", "acme", "--account", ACCOUNT), "--role"),
        (("vouch", "acme", "--role", "buyer"), "--make-key"),
        (("vouch", "acme", "--account", ACCOUNT, "--make-key", "--role", "buyer"), "--make-key"),
        (("rotate-key", "acme"), "--make-key"),
        (("rotate-key", "nobody", "--make-key"), "vouches for no member nobody"),
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
