"""The commands that work on a deployment directly: members, keys, audit, fsck, worker, backup, restore."""

import json
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from greenlane.adapters.blocks import BlockStore
from greenlane.adapters.sql.store import open_store
from greenlane.core.crypto import sha256
from greenlane.core.documents.description import MemberName, document_entry, encode_description
from greenlane.core.units import LeafIndex
from greenlane.ports.document_index import StoredDocument
from worlds.deployment import COOPERATIVE, LIMA, ROASTER, World, close_world
from worlds.descriptions import description, state
from worlds.home import fill_home


@pytest.fixture
def world(home: Path) -> Iterator[World]:
    """The services over the home's database."""
    made = fill_home(home)
    yield made
    close_world(made)


# --- members and keys ---------------------------------------------------------------------------------------------------


def test_a_member_is_enrolled_listed_and_recorded(run: Any, home: Path) -> None:
    put = run(
        *("members", "put", "firma", "--center", "lima", "--name", "Firma Ñandú", "--role", "enterprise"),
        *("--role", "buyer", "--visibility", "private", "--home", home),
    )
    assert (put.code, put.err) == (0, "")
    assert put.out == "lima/firma  Firma Ñandú  (buyer, enterprise; private)\n"
    listed = json.loads(run("members", "list", "--center", "lima", "--json", "--home", home).out)
    assert [(each["id"], each["roles"], each["visibility"]) for each in listed] == [("firma", ["buyer", "enterprise"], "private")]
    assert run("members", "list", "--center", "tianjin", "--home", home).out == ""
    audit = run("audit", "--center", "lima", "--home", home).out
    assert "console  firma  member.put  firma" in audit


@pytest.mark.parametrize(
    "words",
    [
        ["members", "put", "Firma", "--center", "lima", "--name", "x"],
        ["members", "put", "firma", "--center", "nowhere", "--name", "x"],
        ["members", "put", "firma", "--center", "LIMA", "--name", "x"],
        ["members", "put", "firma", "--center", "lima", "--name", " "],
        ["members", "put", "firma", "--center", "lima", "--name", "two\nlines"],
        ["members", "list", "--center", "nowhere"],
        ["keys", "create", "--center", "lima", "--role", "member"],
        ["keys", "create", "--center", "lima", "--role", "member", "--member", "stranger"],
        ["keys", "create", "--center", "lima", "--role", "reader", "--member", "cooperative"],
        ["keys", "create", "--center", "lima", "--role", "partner"],
        ["keys", "create", "--center", "lima", "--role", "partner", "--label", "lima"],
        ["keys", "create", "--center", "lima", "--role", "reader", "--days", "0"],
        ["keys", "create", "--center", "lima", "--role", "reader", "--days", "99999999999"],
        ["keys", "create", "--center", "lima", "--role", "reader", "--output", "/nowhere/key"],
        ["keys", "create", "--center", "lima", "--role", "reader", "--output", "/"],
        ["keys", "create", "--center", "lima", "--role", "reader", "--label", "two\nlines"],
        ["keys", "revoke", "0000000000000000"],
        ["keys", "revoke", "no id"],
        ["audit", "--center", "nowhere"],
        ["audit", "--center", "lima", "--after", "-1"],
        ["audit", "--center", "lima", "--after", "99999999999999999999"],
        ["fsck", "--center", "nowhere"],
    ],
    ids=" ".join,
)
def test_a_wrong_name_or_number_is_refused_in_one_line_and_changes_nothing(
    refused: Callable[..., str], run: Any, home: Path, words: list[str]
) -> None:
    run("members", "put", "cooperative", "--center", "lima", "--name", "C", "--home", home)
    before = run("audit", "--center", "lima", "--home", home).out
    refused(*words, "--home", home)
    assert run("audit", "--center", "lima", "--home", home).out == before
    assert run("keys", "list", "--home", home).out == ""


def test_a_key_is_written_once_readable_by_its_owner_alone(run: Any, refused: Callable[..., str], home: Path) -> None:
    run("members", "put", "firma", "--center", "lima", "--name", "F", "--home", home)
    file = home / "firma.key"
    create = ("keys", "create", "--center", "lima", "--role", "member", "--member", "firma", "--output", file, "--home", home)
    made = run(*create)
    assert made.code == 0
    text = file.read_text().strip()
    assert re.fullmatch(r"gl_[0-9a-f]{16}_[A-Za-z0-9_-]{43}", text)
    assert text not in made.out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "exists already" in refused(*create)
    assert file.read_text().strip() == text
    (listed,) = json.loads(run("keys", "list", "--json", "--home", home).out)
    assert (listed["role"], listed["member"], listed["revokedAt"]) == ("member", "firma", None)
    assert text.split("_", 2)[2] not in json.dumps(listed)


def test_a_key_that_is_not_written_is_shown_once(run: Any, home: Path) -> None:
    shown = run("keys", "create", "--center", "lima", "--role", "reader", "--days", "30", "--home", home)
    assert re.fullmatch(r"gl_[0-9a-f]{16}_[A-Za-z0-9_-]{43}\n", shown.out)
    as_json = json.loads(run("keys", "create", "--center", "lima", "--role", "reader", "--json", "--home", home).out)
    assert as_json["key"].startswith(f"gl_{as_json['id']}_")


def test_a_revoked_key_says_so_and_cannot_be_revoked_again(run: Any, refused: Callable[..., str], home: Path) -> None:
    run("keys", "create", "--center", "lima", "--role", "operator", "--label", "till", "--home", home)
    key_id = run("keys", "list", "--home", home).out.split()[0]
    assert "live  till" in run("keys", "list", "--home", home).out
    revoked = run("keys", "revoke", key_id, "--home", home)
    assert (revoked.code, revoked.out) == (0, f"Key {key_id} is revoked.\n")
    assert "revoked" in run("keys", "list", "--home", home).out
    refused("keys", "revoke", key_id, "--home", home)


def test_audit_pages_by_number(run: Any, home: Path) -> None:
    for number in range(5):
        run("members", "put", f"m{number}", "--center", "lima", "--name", "M", "--home", home)
    lines = run("audit", "--center", "lima", "--after", "1", "--limit", "2", "--json", "--home", home).out.splitlines()
    assert [json.loads(line)["number"] for line in lines] == [2, 3]
    assert json.loads(lines[0])["actor"] == "console"


# --- fsck and worker ----------------------------------------------------------------------------------------------------


def test_a_clean_deployment_is_called_clean(run: Any, home: Path, world: World) -> None:
    world.take(3)
    world.take(2, member=ROASTER)
    world.settle()
    world.forget(center=LIMA, leaf_index=LeafIndex(4), actor="console")
    told = run("fsck", "--no-chain", "--home", home)
    assert (told.code, told.err) == (0, "")
    assert "lima: 5 events, 5 entries, 1 tile, 1 checkpoint recomputed" in told.out
    assert "the chain was not asked, 1 salt forgotten" in told.out
    assert told.out.endswith("All is well.\n")
    as_json = json.loads(run("fsck", "--no-chain", "--json", "--home", home).out)
    assert as_json["isClean"] is True
    assert {each["center"]: each["events"] for each in as_json["centers"]} == {"lima": 5, "tianjin": 0, "ho-chi-minh": 0}


def test_damage_is_a_no(run: Any, home: Path, world: World) -> None:
    world.take(3)
    world.settle()
    world.damage("UPDATE event SET content_digest = zeroblob(32) WHERE leaf_index = 1")
    told = run("fsck", "--no-chain", "--center", "lima", "--home", home)
    assert (told.code, told.err) == (1, "")
    assert "leaf 1" in told.out
    as_json = run("fsck", "--no-chain", "--json", "--home", home)
    assert (as_json.code, json.loads(as_json.out)["isClean"]) == (1, False)


def test_bytes_of_documents_are_hashed_where_that_is_asked_for(run: Any, home: Path, world: World) -> None:
    stated = replace(description(b"a certificate"), stated_by=MemberName(center=LIMA, member=COOPERATIVE))
    state(world, stated)
    words = ("fsck", "--no-chain", "--center", "lima", "--home", home)
    assert run(*words).code == 0
    told = run(*words, "--documents")
    assert (told.code, told.err) == (1, "")
    assert "lima: 0 events, 1 document, 1 entry, 0 tiles" in told.out
    assert f"Document {stated.cid.text} is missing or damaged" in told.out
    assert f"1 document read and hashed, none of it whole, in the home's own store ({home / 'documents'})." in told.out
    BlockStore(home / "documents").add(BytesIO(b"a certificate"), expected=stated.cid)
    told = run(*words, "--documents")
    assert told.code == 0, told.out
    assert "1 document read and hashed, every byte as it should be (13 B), in the home's own store" in told.out
    as_json = json.loads(run(*words, "--documents", "--json").out)
    assert as_json["documents"] == {"documents": 1, "size": 13, "faults": [], "unlisted": 0}
    assert as_json["documentsIn"] == f"the home's own store ({home / 'documents'})"
    plain = json.loads(run(*words, "--json").out)
    assert (plain["documents"], plain["documentsIn"]) == (None, None)


def test_a_chain_that_does_not_answer_is_no_verdict(run: Any, home: Path, world: World) -> None:
    world.take(1)
    told = run("fsck", "--home", home)
    assert (told.code, told.out) == (3, "")
    assert told.err.count("\n") == 1
    fault = json.loads(run("fsck", "--json", "--home", home).err)["errors"][0]
    assert fault["code"] == "ledger-unavailable"


def test_a_worker_that_cannot_finish_in_time_says_so(run: Any, home: Path, world: World) -> None:
    world.take(1)
    told = run("worker", "--until-current", "0.1", "--home", home)
    assert told.code == 3
    assert "not everything was anchored within 0.1 s" in told.err
    with world.store.read() as tx:
        assert tx.log.head(LIMA).published == 1


@pytest.mark.parametrize(
    "words", [["--processes", "0"], ["--processes", "65"], ["--processes", "2"], ["--processes", "x"]], ids=" ".join
)
def test_a_server_that_cannot_be_is_not_started(refused: Callable[..., str], home: Path, words: list[str]) -> None:
    assert "--processes" in refused("serve", *words, "--home", home)


def test_a_wrong_password_is_told_without_it(run: Any, home: Path) -> None:
    (home / "password").write_text("hunter2hunter2\n")
    told = run("keys", "list", "--home", home)
    assert (told.code, told.out) == (2, "")
    assert told.err.count("\n") == 1
    assert "hunter2" not in told.err
    (home / "password").unlink()
    assert run("keys", "list", "--home", home).code == 2


def test_a_damaged_network_description_is_named(refused: Callable[..., str], home: Path) -> None:
    file = home / "network.json"
    file.write_bytes(file.read_bytes().replace(b'"chainId"', b'"chainID"'))
    assert "network.json" in refused("fsck", "--home", home)


# --- backup and restore -------------------------------------------------------------------------------------------------


def test_a_deployment_comes_back_from_its_backup_clean_and_with_its_keys(
    run: Any, home: Path, world: World, tmp_path: Path
) -> None:
    world.take(300)
    world.take(2, member=ROASTER)
    world.settle()
    saved = run("backup", tmp_path / "b.tar.gz", "--home", home)
    assert (saved.code, saved.err) == (0, "")
    assert "6 encrypted keys" in saved.out
    assert b"correct horse" not in (tmp_path / "b.tar.gz").read_bytes()
    back = tmp_path / "back"
    restored = run("restore", tmp_path / "b.tar.gz", "--home", back)
    assert (restored.code, restored.err) == (0, "")
    assert not (back / "password").exists()
    (back / "password").write_text("correct horse\n")
    told = run("fsck", "--no-chain", "--home", back)
    assert (told.code, told.err) == (0, "")
    assert "lima: 302 events" in told.out
    assert {file.name: file.read_bytes() for file in (back / "keys").iterdir()} == {
        file.name: file.read_bytes() for file in (home / "keys").iterdir()
    }
    assert stat.S_IMODE((back / "keys").stat().st_mode) == 0o700
    assert (back / "trust.json").read_bytes() == (home / "trust.json").read_bytes()
    assert sorted(file.name for file in back.iterdir() if not file.name.startswith("greenlane.sqlite3-")) == [
        "greenlane.sqlite3",
        "keys",
        "network.json",
        "password",
        "trust.json",
    ]


def test_backup_and_restore_tell_in_json_what_they_did(run: Any, home: Path, world: World, tmp_path: Path) -> None:
    file, back = tmp_path / "b.tar.gz", tmp_path / "back"
    saved = json.loads(run("backup", file, "--home", home, "--json").out)
    assert (saved["file"], saved["bytes"], saved["keys"]) == (str(file), file.stat().st_size, 6)
    restored = json.loads(run("restore", file, "--home", back, "--json").out)
    assert restored == {"home": str(back), "parts": saved["parts"], "documentsLeftOut": 0}
    assert {"database", "network.json", "trust.json", "keys/lima-log.json"} <= set(restored["parts"])


def test_backup_and_restore_say_that_the_bytes_of_documents_are_not_in_it(
    run: Any, home: Path, world: World, tmp_path: Path
) -> None:
    assert "documents" not in run("backup", tmp_path / "none.tar.gz", "--home", home).out
    stated = replace(description(), stated_by=MemberName(center=LIMA, member=ROASTER))
    with world.store.write() as tx:
        tx.log.lock(LIMA)
        document = StoredDocument(
            center=LIMA,
            member=ROASTER,
            description=stated,
            content_digest=sha256(encode_description(stated)),
            leaf_index=tx.log.append(LIMA, [document_entry(stated).encode()]),
            salt=None,
            is_blinded=False,
            stored_at=world.clock(),
        )
        tx.documents.add(document)
    file, back = tmp_path / "b.tar.gz", tmp_path / "back"
    saved = run("backup", file, "--home", home)
    assert "Nor are the bytes of documents, 1 here" in saved.out
    assert "greenlane document export --all FOLDER" in saved.out
    assert json.loads(run("backup", tmp_path / "c.tar.gz", "--home", home, "--json").out)["documentsLeftOut"] == 1
    restored = run("restore", file, "--home", back)
    assert "greenlane document import FOLDER" in restored.out
    store = open_store(f"sqlite:///{back / 'greenlane.sqlite3'}")
    with store.read() as tx:
        assert tx.documents.at(LIMA, document.leaf_index) == document
    store.close()


def test_a_database_from_before_documents_is_backed_up_all_the_same(run: Any, home: Path, world: World, tmp_path: Path) -> None:
    for table in ("document_bytes", "hold"):
        world.damage(f"DROP TABLE {table}")
    saved = run("backup", tmp_path / "b.tar.gz", "--home", home)
    assert (saved.code, saved.err) == (0, "")
    assert "documents" not in saved.out


def test_a_backup_overwrites_nothing_and_needs_a_deployment(
    run: Any, refused: Callable[..., str], home: Path, world: World, tmp_path: Path
) -> None:
    target = tmp_path / "b.tar.gz"
    target.write_text("mine")
    assert "exists already" in refused("backup", target, "--home", home)
    assert target.read_text() == "mine"
    assert "no deployment" in refused("backup", tmp_path / "c.tar.gz", "--home", tmp_path)
    refused("backup", tmp_path / "nowhere" / "c.tar.gz", "--home", home)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["b.tar.gz", "home"]


def test_a_restore_overwrites_nothing_and_leaves_nothing_half(
    run: Any, refused: Callable[..., str], home: Path, world: World, tmp_path: Path
) -> None:
    world.take(1)
    backup = tmp_path / "b.tar.gz"
    run("backup", backup, "--home", home)
    assert "holds a deployment" in refused("restore", backup, "--home", home)
    damaged = tmp_path / "damaged.tar.gz"
    data = bytearray(backup.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    for source in (damaged, tmp_path / "none", tmp_path):
        back = tmp_path / "back"
        refused("restore", source, "--home", back)
        assert list(back.iterdir()) == []
    (tmp_path / "file").write_text("x")
    refused("restore", backup, "--home", tmp_path / "file")
    refused("restore", backup, "--home", tmp_path / "file" / "below")
    assert run("restore", backup, "--home", tmp_path / "back").code == 0
