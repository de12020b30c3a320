"""`greenlane document export` and `import`: a store of documents is carried, block by block checked, into another or Kubo."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from greenlane.adapters.blocks import BlockStore
from greenlane.adapters.home import Home
from greenlane.adapters.kubo import Kubo
from greenlane.bootstrap import open_deployment
from greenlane.core.crypto import sha256
from greenlane.core.documents.cid import Cid
from greenlane.core.documents.unixfs import CHUNK_BYTES, identify
from greenlane.settings import read_settings
from worlds.deployment import World, close_world
from worlds.descriptions import description, state
from worlds.home import fill_home
from worlds.kubo import stand_in_kubo

LONG = b"".join(b"%011d\n" % number for number in range(3 * CHUNK_BYTES // 12 + 1))
CONTENTS = (b"", b"a certificate", b"\x00" * (2 * CHUNK_BYTES), LONG)


@pytest.fixture
def world(home: Path) -> Iterator[World]:
    """The services over the home's database."""
    made = fill_home(home)
    yield made
    close_world(made)


@pytest.fixture
def kept(world: World, home: Path) -> list[Cid]:
    """Documents that the deployment keeps, in its embedded store."""
    store = BlockStore(Home(home).documents)
    found = []
    for data in CONTENTS:
        cid, size, digest = identify([data])
        state(world, replace(description(), cid=cid, size=size, digest=digest))
        store.add(BytesIO(data))
        found.append(cid)
    return sorted(found, key=lambda cid: cid.text)


def _serve_once(home: Path, named: dict[str, str]) -> None:
    """As a server does when it starts, which keeps documents from then on."""
    with open_deployment(read_settings({"GREENLANE_HOME": str(home), **named})) as deployment:
        deployment.app()


def _read(store: BlockStore | Kubo, cids: list[Cid]) -> set[bytes]:
    return {sha256(b"".join(store.read(cid))) for cid in cids}


def test_a_store_is_carried_into_another_and_given_again_nothing_is_done_twice(
    run: Any, home: Path, kept: list[Cid], tmp_path: Path
) -> None:
    folder = tmp_path / "cars"
    told = json.loads(run("document", "export", "--all", folder, "--home", home, "--json").out)
    assert (sorted(told["documents"]), told["written"]) == ([cid.text for cid in kept], 4)
    assert sorted(file.name for file in folder.iterdir()) == [f"{cid.text}.car" for cid in kept]
    (folder / f"{kept[0].text}.car").unlink()
    again = run("document", "export", "--all", folder, "--home", home)
    assert again.out.startswith(f"1 document written to {folder} (") and "3 were there" in again.out
    assert again.out.endswith(f", from the home's own store ({Home(home).documents}).\n")
    Home(home).documents.rename(tmp_path / "lost")
    carried = run("document", "import", folder, "--home", home)
    assert (carried.code, carried.err) == (0, "")
    assert carried.out.startswith("4 documents taken (") and "All that this deployment keeps is here." in carried.out
    assert _read(BlockStore(Home(home).documents), kept) == {sha256(data) for data in CONTENTS}
    assert json.loads(run("document", "import", folder, "--home", home, "--json").out)["imported"] == 0


def test_an_embedded_store_is_carried_into_kubo(
    run: Any, home: Path, kept: list[Cid], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "cars"
    _serve_once(home, {})
    assert run("document", "export", "--all", folder, "--home", home).code == 0
    with stand_in_kubo() as kubo:
        monkeypatch.setenv("GREENLANE_DOCUMENTS_URL", kubo.url)
        told = run("document", "import", folder, "--home", home)
        assert (told.code, told.out) == (2, "") and "`greenlane document import --move FOLDER`" in told.err
        assert not list(Kubo(kubo.url).pins()), "what was not meant to be moved was not"
        (folder / f"{kept[1].text}.car").rename(tmp_path / "forgotten.car")
        partly = run("document", "import", "--move", folder, "--home", home)
        assert (partly.code, f"still missing: {kept[1].text}" in partly.out) == (1, True)
        (tmp_path / "forgotten.car").rename(folder / f"{kept[1].text}.car")
        told = json.loads(run("document", "import", folder, "--home", home, "--json").out)
        assert (told["imported"], told["missing"]) == (1, [])
        assert told["to"] == f"a Kubo node ({kubo.url})"
        assert _read(Kubo(kubo.url), kept) == {sha256(data) for data in CONTENTS}
        _serve_once(home, {"GREENLANE_DOCUMENTS_URL": kubo.url})
        assert run("document", "export", kept[3].text, "-o", tmp_path / "one.car", "--home", home).code == 0
        monkeypatch.delenv("GREENLANE_DOCUMENTS_URL")
        back = run("document", "import", "--move", folder, "--home", home)
        assert back.code == 0 and "The documents of this home lie there from now on." in back.out
        _serve_once(home, {})
    assert (tmp_path / "one.car").read_bytes() == (folder / f"{kept[3].text}.car").read_bytes()


def test_a_car_of_any_name_says_which_document_it_is(run: Any, home: Path, kept: list[Cid], tmp_path: Path) -> None:
    assert run("document", "export", kept[1].text, "-o", tmp_path / "x.car", "--home", home).code == 0
    Home(home).documents.rename(tmp_path / "lost")
    told = json.loads(run("document", "import", tmp_path / "x.car", "--home", home, "--json").out)
    assert (told["documents"], told["imported"]) == ([kept[1].text], 1)
    assert BlockStore(Home(home).documents).is_held(kept[1])


def test_a_car_that_was_changed_cut_or_misnamed_is_refused_and_nothing_is_pinned(
    run: Any, home: Path, kept: list[Cid], tmp_path: Path
) -> None:
    folder = tmp_path / "cars"
    run("document", "export", "--all", folder, "--home", home)
    Home(home).documents.rename(tmp_path / "lost")
    cid = next(cid for cid in kept if (folder / f"{cid.text}.car").stat().st_size > 3 * CHUNK_BYTES)
    file = folder / f"{cid.text}.car"
    good = file.read_bytes()
    other = next((folder / f"{each.text}.car").read_bytes() for each in kept if each != cid)
    for wrong in (good[:-1], good[:-100] + b"\xff" + good[-99:], other, b"", good + b"\x00"):
        file.write_bytes(wrong)
        told = run("document", "import", file, "--home", home)
        assert (told.code, told.out, told.err.count("\n")) == (1, "", 1), told
        assert not BlockStore(Home(home).documents).is_held(cid)


def test_what_cannot_be_carried_is_said_in_one_line(
    refused: Callable[..., str], home: Path, kept: list[Cid], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "letter.car").write_bytes(b"x")
    cid = kept[0].text
    for words in (
        ["export"],
        ["export", cid],
        ["export", cid, "--all", tmp_path],
        ["export", "nothing", "-o", tmp_path / "x.car"],
        ["export", cid, "-o", tmp_path],
        ["export", cid, "-o", tmp_path / "nowhere" / "x.car"],
        ["export", "--all", tmp_path / "letter.car"],
        ["import", tmp_path / "nowhere"],
        ["import", tmp_path / "empty"],
        ["import", tmp_path / "letter.car"],
    ):
        refused("document", *words, "--home", home)
    stranger = identify([b"nobody keeps this"])[0].text
    assert stranger in refused("document", "export", stranger, "-o", tmp_path / "x.car", "--home", home)
    assert not [file for file in tmp_path.iterdir() if file.name.startswith(".")]
