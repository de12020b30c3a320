"""Confidential documents by the command line: encrypted on the member's machine, opened by its readers, taken back from one."""

import base64
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyrage  # type: ignore[import-untyped]
import pytest
from greenlane.cli.document.age import AgeDamaged, KeyDoesNotOpen, decrypt, encrypt, encrypt_anew, new_identity, read_identity
from greenlane.core.crypto import sha256
from greenlane.core.documents.cid import parse_cid
from greenlane.core.documents.unixfs import CHUNK_BYTES, identify
from greenlane.core.trust import encode_trust_file
from greenlane.core.units import LeafIndex
from greenlane.ports.accounts import KeyRole
from worlds.deployment import LIMA, ROASTER, TIANJIN
from worlds.troubled_line import troubled_line
from worlds.web import Site, issue

ROOT = Path(__file__).parents[3]
Act = Callable[..., Any]
LOT = "https://id.gs1.org/01/09521321000018/10/LOT-7"
SECRET = b"%PDF-1.7\nwhat nobody else may read\n%%EOF\n"

# Made by another implementation of age, with the cheapest scrypt there is; the passphrase is "correct horse".
ENCRYPTED_IDENTITY = """-----BEGIN AGE ENCRYPTED FILE-----
YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCBUNkwvdkhKYWpDbXp1SWMw
SEVaRzVBIDIKWFJPV1lFeThTTkdkMDEwMktNRDdqYjZzOFBDVWxKK3N3LzJtUGxP
OGNEQQotLS0gQlcyRHIvbzlScG5NUUFiUWdYZ3RMcGQ2Zmp3Y0hhN3lvMzFVV2Yx
VjdWRQpNpA7fR7iO2qLrM/T2RBHfKWXMKzorNOAofAjlMVJQNkivLcjWcgAviDPJ
uS27BjTgdc2A9o3j0eQRxiLPS0ll/+wxUAo1m7Yd94Ff4LZQivWXI6UZRJFU3OdJ
5FXMifoDK1wqT10opsQIAQLeAWDwDA3s5uqr9bLPg6b56UlaKpCYiP26cNAidrDk
-----END AGE ENCRYPTED FILE-----
"""


class Party:
    """A member with its API key and its age identity, both in files."""

    def __init__(self, folder: Path, name: str, api_key: str) -> None:
        self.name = name
        self.key, self.identity = folder / f"{name}.key", folder / f"{name}.age"
        self.key.write_text(api_key + "\n")
        secret, self.recipient = new_identity()
        self.identity.write_text(secret + "\n")


@pytest.fixture
def owner(site: Site, tmp_path: Path) -> Party:
    return Party(tmp_path, "cooperative", site.member)


@pytest.fixture
def roaster(site: Site, tmp_path: Path) -> Party:
    return Party(tmp_path, "roaster", site.roaster)


@pytest.fixture
def abroad(site: Site, tmp_path: Path) -> Party:
    """A member of another center that is served here too."""
    folder = tmp_path / "abroad"
    folder.mkdir()
    return Party(folder, "roaster", issue(site.world, KeyRole.MEMBER, center=TIANJIN, member=ROASTER))


@pytest.fixture
def act(run: Any, site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Act:
    """Runs an action of `greenlane document` as somebody."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def act_as(who: Party | None, *words: object, url: str | None = None) -> Any:
        as_whom = [] if who is None else ["--key-file", who.key]
        return run("document", *words, "--url", url or site.url, *as_whom)

    return act_as


@pytest.fixture
def registered(act: Act, owner: Party, roaster: Party, abroad: Party) -> None:
    for party in (owner, roaster, abroad):
        told = act(party, "register-key", "--recipient", party.recipient)
        assert (told.code, told.err) == (0, "")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "secret.pdf"
    made.write_bytes(SECRET)
    return made


def _add(file: Path, *more: object) -> list[object]:
    return ["add", file, "--about", LOT, "--type", "audit", *more]


def _files(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


# --- keys ---------------------------------------------------------------------------------------------------------------


def test_a_key_is_kept_encrypted_and_any_age_tool_opens_it(run: Any, refused: Callable[..., str], tmp_path: Path) -> None:
    passphrase, file = tmp_path / "passphrase", tmp_path / "me.age"
    passphrase.write_text("correct horse\n")
    told = run("document", "keygen", "-o", file, "--passphrase-file", passphrase)
    assert told.code == 0 and "Keep a copy" in told.err
    assert file.stat().st_mode & 0o777 == 0o600
    armored = file.read_bytes()
    body = base64.b64decode(b"".join(armored.split(b"\n")[1:-2]))
    assert body.startswith(b"age-encryption.org/v1\n-> scrypt ")
    lines = pyrage.passphrase.decrypt(armored, "correct horse").decode().splitlines()
    assert lines[1] == f"# public key: {told.out.strip()}"
    assert str(pyrage.x25519.Identity.from_str(lines[2]).to_public()) == told.out.strip()
    refused("document", "keygen", "-o", file, "--passphrase-file", passphrase)
    assert file.read_bytes() == armored


def test_a_plain_key_is_made_only_where_it_is_asked_for(run: Any, refused: Callable[..., str], tmp_path: Path) -> None:
    file = tmp_path / "me.key"
    told = run("document", "keygen", "-o", file, "--plain", "--json")
    assert json.loads(told.out)["isEncrypted"] is False and told.err == ""
    assert file.read_text().splitlines()[2].startswith("AGE-SECRET-KEY-1")
    assert "--passphrase-file" in refused("document", "keygen", "-o", tmp_path / "other.key")
    passphrase = tmp_path / "empty"
    passphrase.write_text("\n")
    refused("document", "keygen", "-o", tmp_path / "other.key", "--passphrase-file", passphrase)
    refused("document", "keygen", "-o", tmp_path / "nowhere" / "other.key", "--plain")
    refused("document", "keygen", "-o", tmp_path / "other.key", "--plain", "--passphrase-file", passphrase)
    assert not (tmp_path / "other.key").exists()


def test_keys_are_registered_listed_and_revoked(act: Act, owner: Party, tmp_path: Path) -> None:
    assert act(owner, "keys").out == "lima/cooperative has no key.\n"
    assert act(owner, "register-key", "--identity", owner.identity).out == f"{owner.recipient} is a key of lima/cooperative.\n"
    assert act(owner, "register-key", "--recipient", owner.recipient).code == 0
    assert act(owner, "keys").out == f"{owner.recipient}  live\n"
    assert act(owner, "revoke-key", "--recipient", owner.recipient).code == 0
    assert json.loads(act(owner, "keys", "--member", "lima/cooperative", "--json").out) == {
        "member": "lima/cooperative",
        "keys": [{"recipient": owner.recipient, "isRevoked": True}],
    }
    told = act(owner, "revoke-key", "--recipient", owner.recipient)
    assert (told.code, told.err.count("\n")) == (2, 1)


# --- adding and getting -------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("registered")
def test_a_document_goes_round_to_each_of_its_readers_and_to_nobody_else(
    act: Act, site: Site, owner: Party, roaster: Party, abroad: Party, file: Path, tmp_path: Path
) -> None:
    outsider_secret, outsider = new_identity()
    told = act(
        owner, *_add(file, "--for", "lima/roaster", "--for", "tianjin/roaster", "--for-recipient", outsider, "--with-link-key")
    )
    assert (told.code, told.err) == (0, "")
    lines = told.out.splitlines()
    cid, link = lines[0], next(line.split()[1] for line in lines if line.startswith("  link"))
    assert lines[4] == (
        f"  readers  lima/cooperative, lima/roaster, tianjin/roaster, whoever has the key of {outsider}, whoever has the link"
    )
    assert "shown this once and kept nowhere" in lines[-1]
    assert link.startswith(f"{site.url}/documents/{cid}#AGE-SECRET-KEY-1")
    stored = b"".join(site.world.documents.read(parse_cid(cid)))
    assert stored.startswith(b"age-encryption.org/v1\n") and SECRET not in stored
    target = tmp_path / "got"
    target.mkdir()
    for who in (owner, roaster, abroad):
        told = act(who, "get", cid, "-o", target, "--identity", who.identity)
        assert told.code == 0 and "Decrypted; every byte is as its CID and its statement say." in told.out
        assert (target / "secret.pdf").read_bytes() == SECRET
        assert (target / "secret.pdf").stat().st_mode & 0o777 == 0o600
        assert _files(target) == {"secret.pdf"}
        (target / "secret.pdf").unlink()
    # Whoever has only a key, and no API key: by the receipt, once it is there.
    for words in ([link], [cid, "--identity", _identity_file(tmp_path, outsider_secret)]):
        told = act(None, "get", *words, "-o", target / "unnamed")
        assert told.code == 0 and "No statement could be read" in told.out
        assert (target / "unnamed").read_bytes() == SECRET
        (target / "unnamed").unlink()
    site.world.settle()
    told = act(None, "get", link, "-o", target)
    assert told.code == 0 and "its statement say" in told.out
    assert _files(target) == {"secret.pdf"}
    # The stranger gets what is encrypted, and is told so.
    told = act(None, "get", cid, "-o", target / "sealed")
    assert told.code == 0 and "is still encrypted" in told.err
    assert (target / "sealed").read_bytes() == stored
    secret, _ = new_identity()
    told = act(None, "get", cid, "-o", target / "never", "--identity", _identity_file(tmp_path, secret))
    assert (told.code, told.err.split(".")[0]) == (2, "greenlane: This key does not open the document")
    assert _files(target) == {"secret.pdf", "sealed", f".{cid}.part"}
    assert act(None, "list", "--about", LOT).out == "No documents.\n"
    assert (
        "confidential, for lima/cooperative, lima/roaster, tianjin/roaster, a link or key"
        in act(owner, "list", "--about", LOT).out
    )


def _identity_file(folder: Path, secret: str) -> Path:
    file = folder / "outsider.age"
    file.write_text(f"# somebody's\n\n{secret}\n")
    return file


@pytest.mark.usefixtures("registered")
def test_a_large_document_streams_through_both_ways(act: Act, owner: Party, tmp_path: Path) -> None:
    file = tmp_path / "large.txt"
    file.write_bytes(b"".join(b"%011d\n" % number for number in range(600_000)))
    told = json.loads(act(owner, *_add(file, "--for", "lima/roaster"), "--json").out)
    target = tmp_path / "back.txt"
    assert act(owner, "get", told["cid"], "-o", target, "--identity", owner.identity).code == 0
    assert target.read_bytes() == file.read_bytes()


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES])
def test_any_size_can_be_secret(act: Act, owner: Party, tmp_path: Path, size: int) -> None:
    file = tmp_path / "notes.txt"
    file.write_bytes(b"n" * size)
    told = json.loads(act(owner, *_add(file, "--for", "lima/roaster"), "--json").out)
    assert act(owner, "get", told["cid"], "-o", tmp_path / "back", "--identity", owner.identity).code == 0
    assert (tmp_path / "back").read_bytes() == file.read_bytes()


def test_a_qr_code_holds_the_link_and_is_its_owners_alone(act: Act, owner: Party, file: Path, tmp_path: Path) -> None:
    picture = tmp_path / "link.svg"
    words = _add(file, "--with-link-key", "--qr", picture, "--own-identity", owner.identity)
    told = json.loads(act(owner, *words, "--json").out)
    assert picture.read_bytes().startswith(b"<?xml") and b"<svg" in picture.read_bytes()
    assert picture.stat().st_mode & 0o777 == 0o600
    assert [reader["name"] for reader in told["readers"]] == ["lima/cooperative", None]
    again = act(owner, *words)
    assert again.code == 2 and "exists already" in again.err


def test_who_cannot_be_encrypted_for_is_named_with_what_to_do(
    act: Act, owner: Party, roaster: Party, file: Path, site: Site, tmp_path: Path
) -> None:
    told = act(owner, *_add(file, "--for", "lima/roaster"))
    assert (told.code, told.out) == (2, "") and "You (lima/cooperative) have no key" in told.err and "keygen" in told.err
    act(owner, "register-key", "--recipient", owner.recipient)
    told = act(owner, *_add(file, "--for", "lima/roaster"))
    assert told.code == 2 and "lima/roaster has no key" in told.err and "register-key" in told.err
    act(roaster, "register-key", "--recipient", roaster.recipient)
    act(roaster, "revoke-key", "--recipient", roaster.recipient)
    assert act(owner, *_add(file, "--for", "lima/roaster")).code == 2, "a key that was revoked gets nothing new"
    for wrong in ("roaster", "lima/nobody", "nowhere/roaster", "LIMA/x"):
        told = act(owner, *_add(file, "--for", wrong))
        assert (told.code, told.out, told.err.count("\n")) == (2, "", 1), wrong
    told = act(owner, *_add(file, "--for-recipient", "age1" + "q" * 58))
    assert (told.code, told.err.count("\n")) == (2, 1)
    with site.world.store.read() as tx:
        assert tx.log.head(LIMA).captured == 0
        assert len(tx.uploads.of_center(LIMA)) == 0


def test_a_passphrase_that_does_not_open_and_a_file_that_is_no_key_are_named(
    act: Act, owner: Party, file: Path, tmp_path: Path
) -> None:
    right, wrong, identity = tmp_path / "right", tmp_path / "wrong", tmp_path / "me.age"
    right.write_text("correct horse\n")
    wrong.write_text("incorrect horse\n")
    identity.write_text(ENCRYPTED_IDENTITY)
    opened_by = ["--own-identity", identity, "--passphrase-file", right]
    told = json.loads(act(owner, *_add(file, "--with-link-key", *opened_by), "--json").out)
    get = ["get", told["cid"], "-o", tmp_path / "back", "--identity", identity]
    refused = act(owner, *get, "--passphrase-file", wrong)
    assert (refused.code, refused.err.count("\n")) == (2, 1) and "passphrase does not open" in refused.err
    refused = act(owner, *get)
    assert (refused.code, refused.err.count("\n")) == (2, 1) and "--passphrase-file" in refused.err
    assert act(owner, *get, "--passphrase-file", right).code == 0
    for content in (b"", b"\xff", b"# nothing\n", b"AGE-SECRET-KEY-1QQ\n", b"AGE-PLUGIN-X-1\n", identity.read_bytes()[:300]):
        broken = tmp_path / "broken"
        broken.write_bytes(content)
        told = act(owner, *get[:-1], broken, "--force", "--passphrase-file", right)
        assert (told.code, told.out, told.err.count("\n")) == (2, "", 1), content
        assert "AGE-SECRET-KEY" not in told.err


@pytest.mark.usefixtures("registered")
def test_an_api_key_never_goes_to_an_address_that_a_link_names(
    act: Act, site: Site, owner: Party, file: Path, tmp_path: Path
) -> None:
    told = json.loads(act(owner, *_add(file, "--with-link-key"), "--json").out)
    with troubled_line(site.url) as line:
        link = told["link"].replace(site.url, line.url)
        assert act(owner, "get", link, "-o", tmp_path / "back").code == 0
        assert line.asked and not [headers for _, _, headers in line.asked if "Authorization" in headers]
        assert not [path for _, path, _ in line.asked if "AGE-SECRET" in path]


@pytest.mark.usefixtures("registered")
def test_a_statement_about_other_bytes_is_refused(
    act: Act, site: Site, owner: Party, roaster: Party, file: Path, tmp_path: Path
) -> None:
    cid = json.loads(act(owner, *_add(file, "--for", "lima/roaster"), "--json").out)["cid"]
    digest = sha256(SECRET).hex().encode()
    with troubled_line(site.url) as line:
        line.change = lambda _, piece: piece.replace(digest, b"ab" * 32)
        told = act(roaster, "get", cid, "-o", tmp_path / "back", "--identity", roaster.identity, url=line.url)
    assert (told.code, told.out) == (1, "") and "not what its owner stated" in told.err
    assert not (tmp_path / "back").exists() and not list(tmp_path.glob(".greenlane-*"))


def test_without_pyrage_the_remedy_is_named(run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pyrage", None)
    told = run("document", "keygen", "-o", tmp_path / "me.key", "--plain")
    assert (told.code, told.out) == (2, "")
    assert "pip install '.[documents]'" in told.err


# --- sharing and revoking -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("registered")
def test_a_reader_that_is_added_reads_and_one_that_is_revoked_reads_no_more(
    act: Act, site: Site, owner: Party, roaster: Party, abroad: Party, file: Path, tmp_path: Path
) -> None:
    first = json.loads(act(owner, *_add(file, "--for", "lima/roaster", "--issuer", "Someone"), "--json").out)["cid"]
    told = act(abroad, "get", first, "-o", tmp_path / "x", "--identity", abroad.identity)
    assert told.code == 2
    shared = act(owner, "share", first, "--with", "tianjin/roaster", "--identity", owner.identity)
    assert shared.code == 0 and f"The old version {first} is withdrawn" in shared.out
    second = shared.out.split()[0]
    assert act(abroad, "get", second, "-o", tmp_path / "one", "--identity", abroad.identity).code == 0
    assert (tmp_path / "one").read_bytes() == SECRET
    gone = act(roaster, "get", first, "-o", tmp_path / "x", "--identity", roaster.identity)
    assert gone.code == 2 and second in gone.err
    revoked = act(owner, "revoke", second, "--reader", "lima/roaster", "--identity", owner.identity)
    assert revoked.code == 0
    assert "What was read stays read: whoever could open the old version may have kept a copy." in revoked.out
    assert "its entry stays in the log" in revoked.out
    third = revoked.out.split()[0]
    told = act(roaster, "get", third, "-o", tmp_path / "x", "--identity", roaster.identity)
    assert told.code == 2 and "does not open" in told.err and not (tmp_path / "x").exists()
    for who in (owner, abroad):
        assert act(who, "get", third, "-o", tmp_path / "two", "--force", "--identity", who.identity).code == 0
        assert (tmp_path / "two").read_bytes() == SECRET
    (only,) = json.loads(act(owner, "list", "--about", LOT, "--json").out)
    assert (only["description"]["issuer"], only["description"]["replaces"]) == ("Someone", second)
    assert only["description"]["digest"] == "0x" + sha256(SECRET).hex()
    listed = act(owner, "list", "--center", "lima").out
    assert listed.count("    withdrawn\n") == 2 and f"    replaced by {third}\n" in listed
    with site.world.store.read() as tx:
        assert tx.log.head(LIMA).captured == 3
        assert [tx.documents.at(LIMA, LeafIndex(leaf)) is not None for leaf in range(3)] == [True] * 3
    assert not list(tmp_path.glob(".greenlane-*"))


@pytest.mark.usefixtures("registered")
def test_a_key_that_its_member_revoked_gets_no_new_version_and_a_new_one_does(
    act: Act, owner: Party, roaster: Party, abroad: Party, file: Path, tmp_path: Path
) -> None:
    first = json.loads(act(owner, *_add(file, "--for", "lima/roaster"), "--json").out)["cid"]
    _, recipient = new_identity()
    act(roaster, "revoke-key", "--recipient", roaster.recipient)
    act(roaster, "register-key", "--recipient", recipient)
    told = json.loads(act(owner, "share", first, "--with", "tianjin/roaster", "--identity", owner.identity, "--json").out)
    recipients = {reader["recipient"] for reader in told["readers"]}
    assert recipients == {owner.recipient, abroad.recipient, recipient}
    act(roaster, "revoke-key", "--recipient", recipient)
    other = new_identity()[1]
    shared = act(owner, "share", told["cid"], "--with-recipient", other, "--identity", owner.identity)
    assert shared.code == 0 and "lima/roaster has no key any more and is left out." in shared.out


def test_an_owner_whose_key_no_center_knows_can_share_and_revoke(act: Act, owner: Party, file: Path, tmp_path: Path) -> None:
    words = _add(file, "--with-link-key", "--own-identity", owner.identity)
    told = json.loads(act(owner, *words, "--json").out)
    link_key = _identity_file(tmp_path, told["link"].partition("#")[2])
    # Opened by the link's key, it would be nobody's.
    refused = act(owner, "share", told["cid"], "--with-recipient", new_identity()[1], "--identity", link_key)
    assert (refused.code, refused.out) == (2, "") and "no key of your own" in refused.err
    revoked = json.loads(act(owner, "revoke", told["cid"], "--links", "--identity", owner.identity, "--json").out)
    assert revoked["readers"] == [{"name": "lima/cooperative", "recipient": owner.recipient}]


@pytest.mark.usefixtures("registered")
def test_links_are_taken_back_and_other_links_go_on_at_the_new_address(
    act: Act, site: Site, owner: Party, file: Path, tmp_path: Path
) -> None:
    told = json.loads(act(owner, *_add(file, "--with-link-key"), "--json").out)
    key = told["link"].partition("#")[2]
    shared = act(owner, "share", told["cid"], "--with", "lima/roaster", "--identity", owner.identity)
    assert "opens this one with the new address" in shared.out
    second = shared.out.split()[0]
    assert act(None, "get", f"{site.url}/documents/{second}#{key}", "-o", tmp_path / "back").code == 0
    revoked = act(owner, "revoke", second, "--links", "--identity", owner.identity)
    third = revoked.out.split()[0]
    told = act(None, "get", f"{site.url}/documents/{third}#{key}", "-o", tmp_path / "never")
    assert told.code == 2 and not (tmp_path / "never").exists()


@pytest.mark.usefixtures("registered")
def test_what_cannot_be_shared_or_revoked_is_said_and_nothing_changes(
    act: Act, site: Site, owner: Party, roaster: Party, file: Path, tmp_path: Path
) -> None:
    cid = json.loads(act(owner, *_add(file, "--for", "lima/roaster"), "--json").out)["cid"]
    public = json.loads(act(owner, *_add(file), "--json").out)["cid"]
    mine = ["--identity", owner.identity]
    stranger = identify([b"nobody's"])[0].text
    wrong: list[list[object]] = [
        ["share", cid, *mine],
        ["share", cid, "--with", "lima/roaster", *mine],
        ["share", cid, "--with", "lima/nobody", *mine],
        ["share", cid, "--with", "lima", *mine],
        ["share", public, "--with", "tianjin/roaster", *mine],
        ["share", stranger, "--with", "tianjin/roaster", *mine],
        ["share", cid, "--with", "tianjin/roaster", "--identity", roaster.key],
        ["share", cid, "--with", "tianjin/roaster", "--member", "lima/roaster", *mine],
        ["revoke", cid, *mine],
        ["revoke", cid, "--reader", "tianjin/roaster", *mine],
        ["revoke", cid, "--reader", "lima/cooperative", *mine],
        ["revoke", cid, "--recipient", new_identity()[1], *mine],
        ["revoke", cid, "--recipient", owner.recipient + "x", *mine],
        ["revoke", cid, "--links", *mine],
        ["revoke", public, "--reader", "lima/roaster", *mine],
    ]
    for words in wrong:
        told = act(owner, *words)
        assert (told.code, told.out, told.err.count("\n")) == (2, "", 1), words
    # A reader is no owner.
    told = act(roaster, "revoke", cid, "--reader", "lima/cooperative", "--identity", roaster.identity)
    assert (told.code, told.out) == (2, "")
    secret, _ = new_identity()
    told = act(owner, "share", cid, "--with", "tianjin/roaster", "--identity", _identity_file(tmp_path, secret))
    assert (told.code, told.out) == (2, "") and "does not open" in told.err
    with site.world.store.read() as tx:
        assert tx.log.head(LIMA).captured == 2
    second = act(owner, "share", cid, "--with", "tianjin/roaster", *mine).out.split()[0]
    told = act(owner, "share", cid, "--with", "tianjin/roaster", *mine)
    assert told.code == 2 and second in told.err, "the newest version is named"


def test_no_plaintext_touches_the_disk_while_it_is_encrypted_anew(tmp_path: Path) -> None:
    old_secret, old = new_identity()
    new_secret, new = new_identity()
    sealed, anew = io.BytesIO(), io.BytesIO()
    plain = os.urandom(3_000_000)
    encrypt(io.BytesIO(plain), sealed, [old])
    sealed.seek(0)
    told = encrypt_anew(sealed, anew, [read_identity(old_secret, where="")], [new])
    assert (told.size, told.digest) == (len(plain), sha256(plain))
    assert pyrage.decrypt(anew.getvalue(), [pyrage.x25519.Identity.from_str(new_secret)]) == plain
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", [10, 150, 1_000_000, -1])
def test_a_damaged_age_file_is_never_encrypted_anew(place: int) -> None:
    secret, recipient = new_identity()
    sealed = io.BytesIO()
    encrypt(io.BytesIO(os.urandom(2_000_000)), sealed, [recipient])
    damaged = bytearray(sealed.getvalue())
    damaged[place] ^= 1
    with pytest.raises((KeyDoesNotOpen, AgeDamaged)):
        encrypt_anew(io.BytesIO(bytes(damaged)), io.BytesIO(), [read_identity(secret, where="")], [recipient])


def test_a_full_disk_ends_it_as_a_full_disk() -> None:
    secret, recipient = new_identity()
    sealed = io.BytesIO()
    encrypt(io.BytesIO(os.urandom(2_000_000)), sealed, [recipient])
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(OSError, match="No space"):
        encrypt_anew(io.BytesIO(sealed.getvalue()), full, [read_identity(secret, where="")], [recipient])


# --- beside others ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("registered")
def test_a_receipt_comes_with_the_document_and_verifies_with_it(
    act: Act, run: Any, site: Site, owner: Party, roaster: Party, file: Path, tmp_path: Path
) -> None:
    link = json.loads(act(owner, *_add(file, "--for", "lima/roaster", "--with-link-key"), "--json").out)["link"]
    receipt, back, trust = tmp_path / "receipt.json", tmp_path / "back.pdf", tmp_path / "trust.json"
    early = act(None, "get", link, "-o", back, "--receipt", receipt)
    assert (early.code, early.out, back.exists()) == (3, "", False), "not anchored yet"
    site.world.settle()
    trust.write_bytes(encode_trust_file(site.world.ledger.trust_file))
    cid = link.partition("#")[0].rpartition("/")[2]
    for who, words in ((None, [link]), (roaster, [cid, "--identity", roaster.identity])):
        told = act(who, "get", *words, "-o", back, "--receipt", receipt, "--force")
        assert told.code == 0 and f"Its receipt is in {receipt}" in told.out
        assert receipt.stat().st_mode & 0o777 == 0o600
        steps = json.loads(run("verify", receipt, "--trust", trust, "--document", back, "--json").out)
        assert "failed" not in json.dumps(steps)
    back.write_bytes(SECRET + b"x")
    assert run("verify", receipt, "--trust", trust, "--document", back).code == 1


@pytest.mark.usefixtures("registered")
@pytest.mark.slow
def test_another_implementation_of_age_reads_what_is_written_here_and_the_other_way_round(
    act: Act, run: Any, site: Site, owner: Party, roaster: Party, file: Path, tmp_path: Path
) -> None:
    package = ROOT / "node_modules" / "age-encryption" / "dist" / "index.js"
    node = shutil.which("node")
    if node is None or not package.is_file():
        pytest.skip("no Node.js, or no age-encryption in node_modules: run npm ci")
    cid = json.loads(act(owner, *_add(file, "--for", "lima/roaster"), "--json").out)["cid"]
    (tmp_path / "sealed").write_bytes(b"".join(site.world.documents.read(parse_cid(cid))))
    (tmp_path / "passphrase").write_text("correct horse\n")
    run("document", "keygen", "-o", tmp_path / "mine.age", "--passphrase-file", tmp_path / "passphrase")
    script = f"""
        import * as age from {json.dumps(package.as_uri())};
        import {{ readFileSync, writeFileSync }} from "node:fs";
        const [sealed, identity, encrypted, recipient, out] = process.argv.slice(1);
        const reader = new age.Decrypter();
        reader.addIdentity(readFileSync(identity, "utf8").trim());
        const plain = await reader.decrypt(readFileSync(sealed));
        const opener = new age.Decrypter();
        opener.addPassphrase("correct horse");
        const key = await opener.decrypt(age.armor.decode(readFileSync(encrypted, "utf8")), "text");
        const writer = new age.Encrypter();
        writer.addRecipient(recipient);
        writeFileSync(out, await writer.encrypt(plain));
        process.stdout.write(key);
    """
    words = [tmp_path / "sealed", roaster.identity, tmp_path / "mine.age", owner.recipient, tmp_path / "theirs"]
    done = subprocess.run(
        [node, "--input-type=module", "-e", script, *map(str, words)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[2].startswith("AGE-SECRET-KEY-1")
    with (tmp_path / "theirs").open("rb") as theirs:
        ours = io.BytesIO()
        decrypt(theirs, ours, [read_identity(owner.identity.read_text().strip(), where="")])
    assert ours.getvalue() == SECRET
