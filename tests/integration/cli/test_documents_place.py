"""A command that lacks the server's variables keeps no document where nobody would find it, and blames none for being missing."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from greenlane.adapters.home import Home
from greenlane.adapters.kubo import Kubo
from greenlane.bootstrap import open_deployment
from greenlane.core.documents.cid import Cid
from greenlane.core.documents.unixfs import identify
from greenlane.settings import read_settings
from worlds.deployment import close_world
from worlds.descriptions import description, state
from worlds.home import fill_home
from worlds.kubo import KuboServer, stand_in_kubo

DATA = b"a certificate"


@pytest.fixture
def kubo() -> Iterator[KuboServer]:
    with stand_in_kubo() as served:
        yield served


@pytest.fixture
def cid(home: Path, kubo: KuboServer) -> Cid:
    """A document that the deployment keeps in its Kubo node, as its server remembers."""
    _start(home, kubo.url)
    world = fill_home(home)
    found, size, digest = identify([DATA])
    state(world, replace(description(), cid=found, size=size, digest=digest))
    Kubo(kubo.url).add(BytesIO(DATA))
    close_world(world)
    return found


def _start(home: Path, url: str | None = None) -> None:
    named = {} if url is None else {"GREENLANE_DOCUMENTS_URL": url}
    with open_deployment(read_settings({"GREENLANE_HOME": str(home), **named})) as deployment:
        deployment.app()
        deployment.worker()


@pytest.mark.parametrize("words", [["serve"], ["serve", "--no-worker"], ["worker", "--until-current", "1"]])
def test_without_the_servers_variables_nothing_is_served_or_worked(
    refused: Callable[..., str], home: Path, cid: Cid, words: list[str]
) -> None:
    told = refused(*words, "--home", home)
    assert "lie in a Kubo node" in told and "GREENLANE_DOCUMENTS_URL" in told and "import --move" in told
    assert not Home(home).documents.exists()


def test_without_them_nothing_is_taken_in(
    refused: Callable[..., str], home: Path, cid: Cid, kubo: KuboServer, tmp_path: Path
) -> None:
    file = tmp_path / "x.car"
    file.write_bytes(b"".join(Kubo(kubo.url).export_car(cid)))
    assert "lie in a Kubo node" in refused("document", "import", file, "--home", home)
    assert not Home(home).documents.exists()


def test_a_check_names_the_store_and_says_that_the_documents_lie_in_another(
    run: Any, home: Path, cid: Cid, kubo: KuboServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("fsck", "--no-chain", "--documents", "--center", "lima", "--home", home)
    told = run(*words)
    assert told.code == 1
    assert f"in the home's own store ({Home(home).documents})." in told.out
    assert "The documents of this home lie in a Kubo node, and the settings name the home's own store" in told.out
    assert "lie in a Kubo node" in json.loads(run(*words, "--json").out)["documentsElsewhere"]
    monkeypatch.setenv("GREENLANE_DOCUMENTS_URL", kubo.url)
    told = run(*words)
    assert told.code == 0 and f"in a Kubo node ({kubo.url})." in told.out
    assert json.loads(run(*words, "--json").out)["documentsElsewhere"] is None


def test_an_export_of_what_lies_elsewhere_says_so(refused: Callable[..., str], home: Path, cid: Cid, tmp_path: Path) -> None:
    for words in (["--all", tmp_path / "cars"], [cid.text, "-o", tmp_path / "x.car"]):
        assert "lie in a Kubo node" in refused("document", "export", *words, "--home", home)


def test_before_there_are_documents_the_store_may_still_be_chosen(home: Path, kubo: KuboServer) -> None:
    for url in (None, kubo.url, None, kubo.url):
        _start(home, url)
    assert Home(home).documents_kind_file.read_text() == "kubo\n"


def test_another_address_of_a_node_is_no_other_store(home: Path, cid: Cid) -> None:
    with stand_in_kubo() as moved:
        _start(home, moved.url)


def test_what_the_home_remembers_wrongly_is_named(refused: Callable[..., str], home: Path) -> None:
    file = Home(home).documents_kind_file
    for wrong in (b"", b"ipfs\n", b"\xff"):
        file.write_bytes(wrong)
        assert f"{file}: The file names no kind of store." in refused("worker", "--until-current", "1", "--home", home)
