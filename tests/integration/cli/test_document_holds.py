"""`greenlane document holds`: the operator sees what others have held here, and ends all of one partner's by one command."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from greenlane.cli.document import holds
from greenlane.core.documents.unixfs import identify
from greenlane.core.units import CenterId
from greenlane.ports.holds import HeldDocument
from worlds.deployment import LIMA, World, close_world
from worlds.home import fill_home

HANOI, JAKARTA = CenterId("hanoi"), CenterId("jakarta")


@pytest.fixture
def world(home: Path) -> Iterator[World]:
    """Five documents are held: all for hanoi, and two of them for jakarta too."""
    made = fill_home(home)
    with made.store.write() as tx:
        for number in range(5):
            cid, size, _ = identify([bytes(number)])
            for asker in (HANOI, JAKARTA) if number < 2 else (HANOI,):
                tx.holds.ask(HeldDocument(center=LIMA, asked_by=asker, cid=cid, size=size, asked_at=made.clock.now))
    yield made
    close_world(made)


def test_each_partner_is_listed_with_what_it_has_held(run: Any, home: Path, world: World) -> None:
    told = run("document", "holds", "--home", home)
    assert (told.code, told.out) == (0, "hanoi  5 documents  10 B\njakarta  2 documents  1 B\n")
    as_json = json.loads(run("document", "holds", "--home", home, "--json").out)
    assert as_json[0] == {"partner": "hanoi", "documents": 5, "bytes": 10}


def test_what_one_partner_has_held_is_listed_over_pages(
    run: Any, home: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holds, "_PAGE", 2)
    told = run("document", "holds", "--partner", "hanoi", "--home", home).out.splitlines()
    assert len(told) == 5 and {line.split("  ")[0] for line in told} == {identify([bytes(n)])[0].text for n in range(5)}
    as_json = json.loads(run("document", "holds", "--partner", "jakarta", "--home", home, "--json").out)
    assert sorted(each["size"] for each in as_json["holds"]) == [0, 1]
    assert run("document", "holds", "--partner", "tianjin", "--home", home).out == "Nothing is held for tianjin.\n"


def test_all_of_a_partner_is_released_at_once_where_that_is_confirmed(
    run: Any, refused: Callable[..., str], home: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holds, "_PAGE", 2)
    words = ("document", "holds", "--partner", "hanoi", "--release-all", "--home", home)
    assert "5 documents of hanoi would be let go. If that is meant, add --confirm hanoi." in refused(*words)
    assert "--confirm hanoi" in refused(*words, "--confirm", "jakarta")
    assert "5 documents" in run("document", "holds", "--home", home).out
    told = run(*words, "--confirm", "hanoi")
    assert told.out == "5 documents of hanoi released; the worker removes what nobody else wants.\n"
    assert run("document", "holds", "--home", home).out == "jakarta  2 documents  1 B\n"
    with world.store.read() as tx:
        lines = [line for _, line in tx.audit.lines(LIMA, limit=100) if line.action == "hold.release"]
    assert len(lines) == 5 and {line.actor for line in lines} == {"console"}
    assert json.loads(run(*words, "--confirm", "hanoi", "--json").out) == {"partner": "hanoi", "released": 0}


def test_a_release_of_nobody_and_a_confirmation_of_nothing_are_wrong_use(
    refused: Callable[..., str], home: Path, world: World
) -> None:
    assert "--partner CENTER" in refused("document", "holds", "--release-all", "--home", home)
    assert "--release-all" in refused("document", "holds", "--partner", "hanoi", "--confirm", "hanoi", "--home", home)
    refused("document", "holds", "--partner", "no center", "--home", home)
