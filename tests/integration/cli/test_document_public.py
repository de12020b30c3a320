"""`greenlane document add`, `get` and `list` against a real server, over lines that break, before servers that lie."""

import json
import os
import signal
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from greenlane.core.crypto import sha256
from greenlane.core.documents.unixfs import CHUNK_BYTES, identify
from worlds.deployment import LIMA, World
from worlds.descriptions import description, state
from worlds.troubled_line import Line, troubled_line
from worlds.web import Site

Asks = Callable[[str], list[str]]
LOT = "https://id.gs1.org/01/09521321000018/10/LOT-7"
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


def text_of(size: int) -> bytes:
    """Plain text without two equal chunks."""
    lines = b"".join(b"%011d\n" % number for number in range(size // 12 + 1))
    return lines[:size]


@pytest.fixture
def world(site: Site) -> World:
    return site.world


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where uploads are remembered."""
    folder = tmp_path / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited, without waiting."""
    waited: list[float] = []
    monkeypatch.setattr("greenlane.cli.document.waiting.time.sleep", waited.append)
    return waited


@pytest.fixture
def line(site: Site) -> Iterator[Line]:
    with troubled_line(site.url) as made:
        yield made


@pytest.fixture
def asks(site: Site, tmp_path: Path) -> Asks:
    """The arguments that say at which address, and as the cooperative."""
    key = tmp_path / "key"
    key.write_text(site.member + "\n")
    return lambda url: ["--url", url, "--key-file", str(key)]


@pytest.fixture
def long_file(tmp_path: Path) -> Path:
    file = tmp_path / "long.txt"
    file.write_bytes(text_of(9 * CHUNK_BYTES + 5))
    return file


def _entries(world: World) -> int:
    with world.store.read() as tx:
        return tx.log.head(LIMA).captured


def _add(file: Path, *more: str) -> list[str]:
    return ["document", "add", str(file), "--about", LOT, "--type", "cert", *more]


def test_a_name_is_stated_with_its_accents_on_their_letters(run: Any, site: Site, asks: Asks, tmp_path: Path) -> None:
    file = tmp_path / unicodedata.normalize("NFD", "acreditación.pdf")
    file.write_bytes(PDF)
    issuer = unicodedata.normalize("NFD", "Certificadora Ñandú")
    told = json.loads(run(*_add(file, "--issuer", issuer), *asks(site.url), "--json").out)
    (stated,) = site.get(f"/v1/documents/{told['cid']}/about").json()["statements"]
    assert (stated["description"]["name"], stated["description"]["issuer"]) == ("acreditación.pdf", "Certificadora Ñandú")


def test_a_document_is_stored_found_and_fetched_as_it_was(run: Any, site: Site, asks: Asks, tmp_path: Path) -> None:
    file = tmp_path / "organic-2026.pdf"
    file.write_bytes(PDF)
    cid = identify([PDF])[0].text
    told = run(*_add(file, "--issuer", "Certificadora Ñandú", "--issued-on", "2026-05-20"), *asks(site.url))
    assert (told.code, told.err) == (0, "")
    assert told.out.splitlines() == [
        cid,
        f"  address  {site.url}/documents/{cid}",
        "  entry    leaf 0 in the log of lima, stated by lima/cooperative",
        f"  size     {len(PDF)} B",
    ]
    again = json.loads(
        run(*_add(file, "--issuer", "Certificadora Ñandú", "--issued-on", "2026-05-20"), *asks(site.url), "--json").out
    )
    assert (again["cid"], again["leafIndex"], again["center"], again["link"]) == (cid, 0, "lima", None)
    assert _entries(site.world) == 1, "the same statement again is the entry that it has"
    listed = run("document", "list", "--about", LOT, "--url", site.url).out
    assert listed.splitlines()[0] == f"{cid}  cert  organic-2026.pdf"
    assert "issued by Certificadora Ñandú on 2026-05-20, leaf 0" in listed
    folder = tmp_path / "got"
    folder.mkdir()
    got = run("document", "get", cid, "-o", folder, "--url", site.url)
    assert (got.code, got.out.splitlines()[1]) == (0, "Every byte is as its CID says.")
    assert [entry.name for entry in folder.iterdir()] == ["organic-2026.pdf"]
    assert (folder / "organic-2026.pdf").read_bytes() == PDF
    again = run("document", "get", cid, "-o", folder, "--url", site.url)
    assert again.code == 2 and "--force" in again.err
    (folder / "organic-2026.pdf").write_bytes(b"mine")
    told = run("document", "get", f"{site.url}/documents/{cid}", "-o", folder, "--force", "--json")
    assert json.loads(told.out)["isStatementKnown"] is True
    assert (folder / "organic-2026.pdf").read_bytes() == PDF


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 5 * CHUNK_BYTES])
def test_every_size_comes_back_as_it_went(run: Any, site: Site, asks: Asks, tmp_path: Path, size: int) -> None:
    file = tmp_path / "notes.txt"
    file.write_bytes(text_of(size))
    stored = json.loads(run(*_add(file), *asks(site.url), "--json").out)
    assert stored["size"] == size
    got = run("document", "get", stored["cid"], "-o", tmp_path / "back.txt", "--url", site.url)
    assert got.code == 0, got
    assert sha256((tmp_path / "back.txt").read_bytes()) == sha256(file.read_bytes())


def test_an_upload_goes_on_over_lost_parts_lost_answers_and_a_store_that_is_away(
    run: Any, site: Site, line: Line, asks: Asks, long_file: Path, pauses: list[float]
) -> None:
    line.dropped, line.unanswered = 2, 1
    told = run(*_add(long_file), *asks(line.url), "--json")
    assert (told.code, told.err) == (0, "")
    stored = json.loads(told.out)
    assert stored["cid"] == identify([long_file.read_bytes()])[0].text
    assert len(pauses) == 3 and line.count("HEAD") == 3
    site.world.documents.is_away = True
    pauses.clear()

    def come_back() -> None:
        site.world.documents.is_away = False

    other = long_file.with_name("other.txt")
    other.write_bytes(b"other " + long_file.read_bytes())
    line.pause = lambda: None
    # The store stays away for two asks, and comes back for the third.
    waited: list[float] = []

    def wait(pause_s: float) -> None:
        waited.append(pause_s)
        if len(waited) == 2:
            come_back()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("greenlane.cli.document.waiting.time.sleep", wait)
        told = run(*_add(other), *asks(line.url))
    assert told.code == 0 and "Trying again in" in told.err
    assert _entries(site.world) == 2


def test_what_is_asked_to_wait_for_is_waited_for_and_not_without_end(
    run: Any, line: Line, asks: Asks, long_file: Path, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    line.away = 3
    assert run(*_add(long_file), *asks(line.url)).code == 0
    assert pauses[:3] == [2, 2, 4], "at least what Retry-After says, longer each time"
    now = [0.0]
    monkeypatch.setattr("greenlane.cli.document.waiting.time.monotonic", lambda: now[0])
    monkeypatch.setattr("greenlane.cli.document.waiting.time.sleep", lambda pause_s: now.__setitem__(0, now[0] + pause_s))
    line.away = 10_000
    told = run(*_add(long_file), *asks(line.url), "--wait", "100")
    assert (told.code, told.out) == (3, "") and 60 < now[0] <= 100
    assert told.err.splitlines()[-1].startswith("greenlane: The store of documents is away.")


def test_a_killed_upload_goes_on_where_it_was(
    run: Any, site: Site, line: Line, asks: Asks, long_file: Path, state_home: Path
) -> None:
    words = [*_add(long_file), *asks(line.url)]
    parts = 0

    def hold() -> None:
        nonlocal parts
        parts += 1
        if parts == 2:
            time.sleep(30)

    line.pause = hold
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GREENLANE_")}
    process = subprocess.Popen([sys.executable, "-m", "greenlane", *words], env=environment, stdout=subprocess.DEVNULL)
    try:
        end_s = time.monotonic() + 20
        while parts < 2:
            assert time.monotonic() < end_s and process.poll() is None
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    notes = list((state_home / "greenlane" / "uploads").iterdir())
    assert len(notes) == 1 and notes[0].stat().st_mode & 0o777 == 0o600
    line.pause = None
    line.asked.clear()
    told = run(*words)
    assert told.code == 0, told
    assert "Going on from byte 4194304 of 9437189." in told.err
    assert (line.count("POST", "/v1/uploads"), line.count("PATCH")) == (0, 2)
    assert list((state_home / "greenlane" / "uploads").iterdir()) == []
    assert _entries(site.world) == 1


def test_an_upload_that_is_gone_is_begun_again_and_a_refused_statement_can_be_mended(
    run: Any, site: Site, line: Line, asks: Asks, long_file: Path, state_home: Path
) -> None:
    refusal = run(*_add(long_file), "--media-type", "application/x-msdownload", *asks(line.url))
    assert (refusal.code, refusal.out) == (2, "")
    line.asked.clear()
    assert run(*_add(long_file), *asks(line.url)).code == 0
    assert (line.count("POST", "/v1/uploads"), line.count("PATCH")) == (0, 0), "the bytes were there"
    refusal = run(*_add(long_file), "--media-type", "application/x-msdownload", *asks(line.url))
    assert refusal.code == 2
    (note,) = (state_home / "greenlane" / "uploads").iterdir()
    note.write_text(json.dumps({"upload": "0" * 32}))
    assert run(*_add(long_file, "--issuer", "Someone"), *asks(line.url)).code == 0
    for content in ("", "[", "[]", '{"upload": 3}', '{"upload": "../../x"}'):
        note.write_text(content)
        assert run(*_add(long_file, "--issuer", f"Someone {content!r}"), *asks(line.url)).code == 0
    assert _entries(site.world) == 7


def test_a_broken_download_goes_on_where_it_was(
    run: Any, site: Site, line: Line, asks: Asks, long_file: Path, tmp_path: Path, pauses: list[float]
) -> None:
    cid = json.loads(run(*_add(long_file), *asks(site.url), "--json").out)["cid"]
    line.cuts = [3_000_000, 100, 2_500_000]
    target = tmp_path / "back.txt"
    told = run("document", "get", cid, "-o", target, "--url", line.url)
    assert told.code == 0, told
    assert target.read_bytes() == long_file.read_bytes()
    ranges = [headers["Range"] for _, path, headers in line.asked if path.endswith(cid) and "Range" in headers]
    assert ranges == ["bytes=3000000-", "bytes=3000100-", "bytes=5500100-"]
    # Also from one command to the next.
    target.unlink()
    line.cuts = [4_000_000]
    assert run("document", "get", cid, "-o", target, "--url", line.url, "--wait", "0").code == 3
    assert not target.exists()
    line.asked.clear()
    assert run("document", "get", cid, "-o", target, "--url", line.url).code == 0
    assert target.read_bytes() == long_file.read_bytes()
    assert [headers["Range"] for _, _, headers in line.asked if "Range" in headers] == ["bytes=4000000-"]
    assert not [file for file in tmp_path.iterdir() if file.name.startswith(".")]


def test_a_lying_server_is_refused_at_the_part_that_is_wrong_and_the_file_never_has_its_name(
    run: Any, site: Site, line: Line, asks: Asks, long_file: Path, tmp_path: Path
) -> None:
    cid = json.loads(run(*_add(long_file), *asks(site.url), "--json").out)["cid"]
    target, part = tmp_path / "back.txt", tmp_path / f".{cid}.part"
    came = 0

    def lie_at(place: int) -> Callable[[str, bytes], bytes]:
        def change(path: str, piece: bytes) -> bytes:
            nonlocal came
            if not path.endswith(cid):
                return piece
            at, came = place - came, came + len(piece)
            return piece if not 0 <= at < len(piece) else piece[:at] + bytes([piece[at] ^ 1]) + piece[at + 1 :]

        return change

    line.change = lie_at(2 * CHUNK_BYTES + 77)
    told = run("document", "get", cid, "-o", target, "--url", line.url)
    assert (told.code, told.out) == (1, "")
    assert told.err.startswith(f"greenlane: The server sent bytes that are not those of {cid}.")
    assert not target.exists()
    assert part.stat().st_size == 2 * CHUNK_BYTES, "what was right is kept"
    line.change = None
    assert run("document", "get", cid, "-o", target, "--url", line.url).code == 0
    assert target.read_bytes() == long_file.read_bytes()
    # Somebody's hand in the part that lies there.
    target.unlink()
    part.write_bytes(b"x" * (3 * CHUNK_BYTES))
    assert run("document", "get", cid, "-o", target, "--url", line.url).code == 0
    assert target.read_bytes() == long_file.read_bytes()


@pytest.mark.parametrize("lie", ["root", "outline", "longer", "shorter", "small"])
def test_no_lie_about_a_document_is_believed(
    run: Any,
    site: Site,
    line: Line,
    asks: Asks,
    long_file: Path,
    tmp_path: Path,
    pauses: list[float],
    lie: str,
) -> None:
    if lie == "small":
        long_file.write_bytes(b"only one block")
    cid = json.loads(run(*_add(long_file), *asks(site.url), "--json").out)["cid"]

    def change(path: str, piece: bytes) -> bytes:
        if lie in {"root", "outline"}:
            at = 30 if lie == "root" else 200
            return (
                piece[:at] + bytes([piece[at] ^ 1]) + piece[at + 1 :]
                if path.endswith("format=car") and len(piece) > 300
                else piece
            )
        if not path.endswith(cid):
            return piece
        return piece.upper() if lie == "small" else piece + b"more" if lie == "longer" else piece[: len(piece) // 2]

    line.change = change
    told = run("document", "get", cid, "-o", tmp_path / "back.txt", "--url", line.url, "--wait", "3")
    assert (told.code, told.out) in {(1, ""), (3, "")}, told
    assert not (tmp_path / "back.txt").exists()


def test_a_stated_name_never_leads_out_of_the_folder(run: Any, site: Site, line: Line, asks: Asks, tmp_path: Path) -> None:
    file = tmp_path / "plain.txt"
    file.write_bytes(b"text")
    cid = json.loads(run(*_add(file), *asks(site.url), "--json").out)["cid"]
    folder = tmp_path / "in" / "here"
    folder.mkdir(parents=True)
    line.change = lambda _, piece: piece.replace(b'"plain.txt"', b'"../../p.x"')
    told = run("document", "get", cid, "-o", folder, "--url", line.url)
    assert told.code == 2, "a server that states such a name is no Greenlane server"
    assert list(folder.iterdir()) == [] and sorted(entry.name for entry in folder.parent.iterdir()) == ["here"]
    assert run("document", "get", cid, "-o", folder / "mine.txt", "--url", site.url).code == 0


def test_a_replaced_public_document_says_by_what(run: Any, site: Site, asks: Asks, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"first")
    first = json.loads(run(*_add(file), *asks(site.url), "--json").out)["cid"]
    file.write_bytes(b"second")
    second = json.loads(run(*_add(file, "--replaces", first), *asks(site.url), "--json").out)["cid"]
    listed = run("document", "list", "--about", LOT, "--url", site.url).out
    assert f"    replaced by {second}" in listed
    got = run("document", "get", first, "-o", tmp_path / "old.txt", "--url", site.url)
    assert got.code == 0 and f"It was replaced by {second}" in got.out
    assert (tmp_path / "old.txt").read_bytes() == b"first"
    mine = json.loads(run("document", "list", *asks(site.url), "--json").out)
    assert [each["description"]["cid"] for each in mine] == [second, first], "of the key's center where nothing is named"
    assert len(json.loads(run("document", "list", "--center", "lima", "--most", "1", "--url", site.url, "--json").out)) == 1


def test_a_list_is_read_page_by_page(run: Any, site: Site) -> None:
    for number in range(65):
        state(site.world, description(b"%d" % number, about=(LOT,)))
    listed = json.loads(run("document", "list", "--about", LOT, "--url", site.url, "--json").out)
    assert [each["leafIndex"] for each in listed] == list(range(64, -1, -1))


def test_bad_input_is_one_line_and_nothing_is_sent(
    refused: Callable[..., str], site: Site, line: Line, asks: Asks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "a.txt"
    file.write_bytes(b"text")
    os.mkfifo(tmp_path / "pipe")
    cid = identify([b"text"])[0].text
    who = asks(line.url)
    wrong: list[list[object]] = [
        ["add", tmp_path / "nowhere", "--about", LOT, "--type", "cert"],
        ["add", tmp_path, "--about", LOT, "--type", "cert"],
        ["add", tmp_path / "pipe", "--about", LOT, "--type", "cert"],
        ["add", "a\0b", "--about", LOT, "--type", "cert"],
        ["add", file, "--about", "no uri", "--type", "cert"],
        ["add", file, "--about", "https://id.gs1.org/01/09521321000019", "--type", "cert"],
        ["add", file, "--about", LOT, "--type", "diploma"],
        ["add", file, "--about", LOT, "--type", "cert", "--issued-on", "yesterday"],
        ["add", file, "--about", LOT, "--type", "cert", "--name", "../a.txt"],
        ["add", file, "--about", LOT, "--type", "cert", "--media-type", "text"],
        ["add", file, "--about", LOT, "--type", "cert", "--replaces", "nothing"],
        ["add", file, "--about", LOT, "--type", "cert", "--wait", "-1"],
        ["add", file, "--about", LOT, "--type", "cert", "--qr", tmp_path / "a.svg"],
        ["add", file, "--about", LOT, "--type", "cert", "--own-identity", file],
        ["get", "nothing"],
        ["get", f"ftp://host/documents/{cid}"],
        ["get", f"http://host/{cid}"],
        ["get", f"http://host/documents/{cid}#key"],
        ["get", f"http://[::1/documents/{cid}"],
        ["get", cid, "--identity", tmp_path / "nowhere"],
        ["get", cid, "--identity", file],
        ["list", "--about", "no uri"],
        ["list", "--about", LOT, "--center", "lima"],
        ["list", "--about", LOT, "--most", "0"],
        ["share", cid, "--identity", file],
        ["revoke", cid, "--identity", file],
        ["register-key"],
        ["register-key", "--recipient", "age1" + "q" * 58],
        ["keys", "--member", "two/many/parts"],
    ]
    for words in wrong:
        refused("document", *words, *who)
    assert line.asked == []
    refused("document", "get", cid, *who)
    refused("document", "get", cid, "-o", tmp_path / "nowhere" / "a", *who)
    refused("document", "get", cid, "-o", file, *who)
    assert not list(tmp_path.glob(".*"))


def test_a_server_that_is_none_is_named(run: Any, refused: Callable[..., str], asks: Asks, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"text")
    told = run(*_add(file), *asks("http://127.0.0.1:9"))
    assert (told.code, told.out, told.err.count("\n")) == (3, "", 1)
    told = run("document", "get", identify([b"text"])[0].text, "-o", tmp_path / "b.txt", *asks("http://127.0.0.1:9"))
    assert (told.code, told.out, told.err.count("\n")) == (3, "", 1)
    refused(*_add(file), *asks("http://"))


def test_what_a_server_refuses_is_said_in_its_words(run: Any, site: Site, asks: Asks, tmp_path: Path) -> None:
    file = tmp_path / "a.pdf"
    file.write_bytes(b"no PDF at all")
    told = run(*_add(file), *asks(site.url))
    assert (told.code, told.out, told.err.count("\n")) == (2, "", 1)
    assert "PDF" in told.err or "application/pdf" in told.err
    file.write_bytes(PDF)
    told = run(*_add(file), "--url", site.url)
    assert (told.code, told.err.count("\n")) == (2, 1)
    stranger = identify([b"nobody's"])[0].text
    told = run(*_add(file, "--replaces", stranger), *asks(site.url))
    assert told.code == 2 and stranger in told.err
    told = run("document", "get", stranger, "-o", tmp_path / "b.txt", "--url", site.url)
    assert told.code == 2 and stranger in told.err
    assert _entries(site.world) == 0


def test_a_members_machine_needs_the_base_install_only() -> None:
    script = (
        "import sys\n"
        "from greenlane.cli.program import main\n"
        "try: main(['document', sys.argv[1], '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'web3', 'sqlalchemy', 'pydantic', 'fastapi', 'requests', 'httpx', 'pyrage', 'segno'} & set(sys.modules)\n"
        "sys.exit(f'{heavy}' if heavy else 0)\n"
    )
    for action in ("add", "export"):
        done = subprocess.run([sys.executable, "-c", script, action], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), action


def test_a_key_that_speaks_for_several_members_says_for_which(run: Any, site: Site, tmp_path: Path) -> None:
    file, key = tmp_path / "a.txt", tmp_path / "operator"
    file.write_bytes(b"text")
    key.write_text(site.operator)
    who = ["--url", site.url, "--key-file", str(key)]
    told = run(*_add(file), *who)
    assert (told.code, told.out) == (2, "") and "--member" in told.err
    for name in ("cooperative", "lima/cooperative"):
        told = run(*_add(file), *who, "--member", name, "--json")
        assert (told.code, json.loads(told.out)["member"]) == (0, "cooperative")
    listed = run("document", "list", *who, "--member", "cooperative")
    assert listed.out.count("stated by lima/cooperative") == 1
    assert run(*_add(file), *who, "--member", "nobody").code == 2
