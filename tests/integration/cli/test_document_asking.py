"""What commands of documents ask a server beside the document: whose key it is, and for seals."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from greenlane.core.receipt import parse_receipt
from worlds.deployment import LIMA, close_world, make_world, sealed_chain
from worlds.web import Site, serve

LOT = "https://id.gs1.org/01/09521321000018/10/LOT-7"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A served world whose chain validators seal."""
    world = make_world(tmp_path, sealed=sealed_chain())
    with serve(world) as served:
        yield served
    close_world(world)


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where uploads are remembered."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def _who(site: Site, tmp_path: Path, key: str) -> list[str]:
    file = tmp_path / "key"
    file.write_text(key)
    return ["--url", site.url, "--key-file", str(file)]


def _stored(run: Any, site: Site, tmp_path: Path) -> str:
    file = tmp_path / "a.txt"
    file.write_bytes(b"text")
    words = ["document", "add", file, "--about", LOT, "--type", "cert", "--issued-on", "2026-01-31", "--json"]
    cid: str = json.loads(run(*words, *_who(site, tmp_path, site.member)).out)["cid"]
    return cid


def test_a_receipt_with_seals_is_waited_for_and_kept_with_the_document(
    run: Any, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cid, world = _stored(run, site, tmp_path), site.world
    steps = [world.settle, world.settle, world.gather_seals]
    monkeypatch.setattr("greenlane.cli.client_receipt.time.sleep", lambda _: steps.pop(0)())
    words = ["document", "get", cid, "-o", tmp_path / "got", "--receipt", tmp_path / "receipt.json", "--url", site.url]
    told = run(*words, "--sealed")
    assert (told.code, steps) == (0, []), told
    assert parse_receipt((tmp_path / "receipt.json").read_bytes()).seals is not None
    assert (tmp_path / "got").read_bytes() == b"text"


def test_without_seals_in_time_nothing_is_written(run: Any, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cid = _stored(run, site, tmp_path)
    site.world.settle()
    now = [0.0]
    monkeypatch.setattr("greenlane.cli.client_receipt.time.monotonic", lambda: now[0])
    monkeypatch.setattr("greenlane.cli.client_receipt.time.sleep", lambda pause_s: now.__setitem__(0, now[0] + pause_s))
    words = ["document", "get", cid, "-o", tmp_path / "got", "--receipt", tmp_path / "receipt.json", "--url", site.url]
    told = run(*words, "--sealed")
    assert (told.code, told.out) == (3, "") and 50 <= now[0] <= 60
    assert not (tmp_path / "got").exists() and not (tmp_path / "receipt.json").exists()


def test_seals_of_no_receipt_are_wrong_use(run: Any, site: Site, tmp_path: Path) -> None:
    told = run("document", "get", _stored(run, site, tmp_path), "-o", tmp_path / "got", "--sealed", "--url", site.url)
    assert told.code == 2 and "Add --receipt FILE." in told.err


def test_what_a_user_did_not_write_is_not_what_a_refusal_names(run: Any, site: Site, tmp_path: Path) -> None:
    who = _who(site, tmp_path, site.member)
    file = tmp_path / "a.pdf"
    file.write_bytes(b"no PDF")
    add = ["document", "add", file, "--about", LOT, "--type", "cert"]
    assert run(*add, *who).err.startswith("greenlane: --media-type: ")
    told = run("document", "add", tmp_path, "--about", LOT, "--type", "cert", *who)
    assert (told.code, told.err) == (
        2,
        f"greenlane: {tmp_path}: That is a folder. Name a file; each document is stored by itself.\n",
    )
    long = tmp_path / f"{'n' * 240}.txt"
    long.write_bytes(b"text")
    told = run("document", "add", long, "--about", LOT, "--type", "cert", *who)
    assert told.code == 2 and "The file's own name cannot be stated" in told.err and "by --name." in told.err
    run("document", "keygen", "-o", tmp_path / "age.key", "--plain")
    told = run(*add, "--for", "nowhere/nobody", "--own-identity", tmp_path / "age.key", *who)
    assert told.code == 2 and "--for-recipient" in told.err
    (tmp_path / "key").write_text("gl_0000000000000000_" + "A" * 43)
    told = run(*add, "--for", "lima/cooperative", *who)
    assert told.code == 2 and "--key-file" in told.err and "Authorization" not in told.err


def test_whose_key_it_is_is_asked_and_no_upload_begun_for_it(run: Any, site: Site, tmp_path: Path) -> None:
    who = _who(site, tmp_path, site.member)
    assert run("document", "keys", *who).out == "lima/cooperative has no key.\n"
    for member in ("cooperative", "lima/cooperative"):
        assert run("document", "keys", *who, "--member", member).code == 0
    told = run("document", "keys", *who, "--member", "roaster")
    assert told.code == 2 and "--member" in told.err and "cooperative" in told.err
    with site.world.store.read() as tx:
        assert not [line for _, line in tx.audit.lines(LIMA, limit=100) if line.action.startswith("upload")]


def test_a_key_of_no_member_lists_its_center_and_says_that_a_member_is_needed_for_more(
    run: Any, site: Site, tmp_path: Path
) -> None:
    cid = _stored(run, site, tmp_path)
    who = _who(site, tmp_path, site.reader)
    listed = run("document", "list", *who)
    assert listed.code == 0 and listed.out.startswith(f"{cid}  cert  a.txt\n")
    assert "stated by lima/cooperative, dated 2026-01-31, leaf 0" in listed.out, "no member is said to have dated it"
    told = run("document", "keys", *who)
    assert told.code == 2 and "--member" in told.err
