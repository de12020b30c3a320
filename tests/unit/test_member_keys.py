"""Keys that a center keeps for its members: found while a server runs, opened once, and never one member's for another's."""

import logging
import os
from pathlib import Path

import pytest
from eth_account import Account
from greenlane.adapters.keystore import KeyExists, KeyFileInvalid, KeyMissing, Keystore, KeyUse, WrongPassword, WrongUse
from greenlane.adapters.member_keys import (
    KeystoreMemberKeys,
    MemberKeyMissing,
    member_key_name,
    member_key_names,
    next_member_key_name,
    retire_member_keys,
    settle_next_member_key,
)
from greenlane.core.crypto import keccak256
from greenlane.core.units import Address, CenterId, MemberId
from greenlane.ports.member_keys import MemberKeys
from hypothesis import example, given
from hypothesis import strategies as st

LIMA, ACME = CenterId("lima"), MemberId("acme")
DIGEST = keccak256(b"an act")
SLUGS = st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True)


@pytest.fixture
def keystore(tmp_path: Path) -> Keystore:
    (tmp_path / "password").write_text("correct horse\n", encoding="utf-8")
    return Keystore(tmp_path / "keys", tmp_path / "password", scrypt_n=2)


@pytest.fixture
def keys(keystore: Keystore) -> KeystoreMemberKeys:
    held: MemberKeys = KeystoreMemberKeys(keystore)
    assert isinstance(held, KeystoreMemberKeys)
    return held


def signer(signature: bytes) -> Address:
    assert len(signature) == 65
    assert signature[64] in (27, 28)
    return Address(bytes.fromhex(Account._recover_hash(DIGEST, signature=signature)[2:]))


def test_a_key_that_is_made_while_the_server_runs_signs(keys: KeystoreMemberKeys, keystore: Keystore) -> None:
    assert keys.account(LIMA, ACME) is None
    with pytest.raises(MemberKeyMissing) as caught:
        keys.sign(LIMA, ACME, DIGEST)
    assert "acme" in caught.value.detail and caught.value.remedy
    for use, member in ((KeyUse.MEMBER, ACME), (KeyUse.CERTIFIER, MemberId("sgs"))):
        made = keystore.create(member_key_name(LIMA, member), use)
        assert keys.account(LIMA, member) == made.address == signer(keys.sign(LIMA, member, DIGEST))


def test_a_key_is_opened_once_and_only_to_sign(
    keys: KeystoreMemberKeys, keystore: Keystore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keystore.create(member_key_name(LIMA, ACME), KeyUse.MEMBER)
    opened: list[str] = []

    def decrypted(self: Keystore, name: str) -> bytes:
        opened.append(name)
        return decrypt(self, name)

    decrypt = Keystore._decrypted
    monkeypatch.setattr(Keystore, "_decrypted", decrypted)
    again = KeystoreMemberKeys(Keystore(tmp_path / "keys", tmp_path / "password"))
    assert again.account(LIMA, ACME) == keys.account(LIMA, ACME)
    assert opened == []
    assert again.sign(LIMA, ACME, DIGEST) == again.sign(LIMA, ACME, DIGEST) == keys.sign(LIMA, ACME, DIGEST)
    assert opened == ["member-lima-acme"]


def test_nothing_secret_is_told(keys: KeystoreMemberKeys, keystore: Keystore, caplog: pytest.LogCaptureFixture) -> None:
    name = member_key_name(LIMA, ACME)
    keystore.create(name, KeyUse.MEMBER)
    with caplog.at_level(logging.DEBUG):
        keys.sign(LIMA, ACME, DIGEST)
    secret = keystore.secret(name, KeyUse.MEMBER).hex()
    assert secret not in caplog.text + repr(keys)


def test_what_is_no_members_key_signs_nothing(keystore: Keystore, keys: KeystoreMemberKeys, tmp_path: Path) -> None:
    keystore.create(member_key_name(LIMA, ACME), KeyUse.OPERATOR)
    with pytest.raises(WrongUse):
        keys.account(LIMA, ACME)
    with pytest.raises(WrongUse):
        keys.sign(LIMA, ACME, DIGEST)
    (tmp_path / "keys" / f"{member_key_name(LIMA, MemberId('torn'))}.json").write_bytes(b"{}")
    with pytest.raises(KeyFileInvalid):
        keys.account(LIMA, MemberId("torn"))


def test_a_wrong_password_is_told_when_the_key_is_needed(keystore: Keystore, tmp_path: Path) -> None:
    keystore.create(member_key_name(LIMA, ACME), KeyUse.MEMBER)
    (tmp_path / "other").write_text("wrong\n", encoding="utf-8")
    keys = KeystoreMemberKeys(Keystore(tmp_path / "keys", tmp_path / "other"))
    assert keys.account(LIMA, ACME) is not None
    with pytest.raises(WrongPassword):
        keys.sign(LIMA, ACME, DIGEST)


@given(st.lists(st.tuples(SLUGS, SLUGS), min_size=2, max_size=2, unique=True))
@example([("ho", "chi-minh-acme"), ("ho-chi-minh", "acme")])
@example([("a-", "b"), ("a", "b")])
@example([("lima", "acme"), ("lima", "acme-2")])
@example([("lima", "acme"), ("lima", "acme--2")])
def test_no_two_members_share_a_name_of_a_key_now_or_later(pairs: list[tuple[str, str]]) -> None:
    names = [member_key_name(CenterId(center), MemberId(member)) for center, member in pairs]
    for name, other in (names, names[::-1]):
        assert not any(name == later for later in (other, *(f"{other}-{number}" for number in range(2, 99))))


def test_names_of_all_lengths_are_names_of_keys(keystore: Keystore) -> None:
    longest = "a" + "-" * 30
    made = keystore.create(next_member_key_name(CenterId(longest), MemberId(longest)), KeyUse.MEMBER)
    for _ in range(2):
        settle_next_member_key(keystore, CenterId(longest), MemberId(longest))
    retire_member_keys(keystore, CenterId(longest), MemberId(longest))
    assert [file.address for file in keystore.files()] == [made.address]


def test_a_new_key_counts_once_it_is_settled_and_none_is_lost(keystore: Keystore, keys: KeystoreMemberKeys) -> None:
    made: list[Address | None] = []
    for number in range(3):
        new = keystore.create(next_member_key_name(LIMA, ACME), KeyUse.MEMBER)
        assert keys.account(LIMA, ACME) == (made[-1] if made else None)
        settle_next_member_key(keystore, LIMA, ACME)
        settle_next_member_key(keystore, LIMA, ACME)
        made.append(new.address)
        assert keys.account(LIMA, ACME) == new.address == signer(keys.sign(LIMA, ACME, DIGEST))
        assert len(member_key_names(keystore, LIMA, ACME)) == number + 1
    retire_member_keys(keystore, LIMA, ACME)
    assert keys.account(LIMA, ACME) is None
    with pytest.raises(MemberKeyMissing):
        keys.sign(LIMA, ACME, DIGEST)
    assert {file.address for file in keystore.files()} == set(made)
    back = keystore.create(next_member_key_name(LIMA, ACME), KeyUse.MEMBER)
    settle_next_member_key(keystore, LIMA, ACME)
    assert keys.account(LIMA, ACME) == back.address
    retire_member_keys(keystore, LIMA, ACME)
    assert {file.address for file in keystore.files()} == {*made, back.address}


def test_a_renaming_that_was_interrupted_is_finished_and_takes_nobodys_place(keystore: Keystore, tmp_path: Path) -> None:
    keystore.create("one", KeyUse.MEMBER)
    two = keystore.create("two", KeyUse.MEMBER)
    with pytest.raises(KeyExists):
        keystore.rename("one", "two")
    (tmp_path / "keys" / "three.json").hardlink_to(tmp_path / "keys" / "one.json")
    keystore.rename("one", "three")
    assert [file.name for file in keystore.files()] == ["three", "two"]
    assert keystore.describe("two") == two
    for name in ("one", "no/name"):
        with pytest.raises(KeyMissing):
            keystore.rename(name, "four")


def test_a_folder_that_takes_no_name_is_a_fault_in_words(keystore: Keystore, monkeypatch: pytest.MonkeyPatch) -> None:
    keystore.create("one", KeyUse.MEMBER)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(KeyFileInvalid, match="No space left"):
        keystore.rename("one", "two")
