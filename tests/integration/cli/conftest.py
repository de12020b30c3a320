"""Runs the command line in this process, and tells what a user would see."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from greenlane.cli.program import main
from worlds.deployment import close_world, make_world
from worlds.home import make_home
from worlds.web import Site, serve


@dataclass(frozen=True)
class Told:
    """What one command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Told]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `greenlane` with these words; no variable of the machine reaches it, and no traceback may leave it."""
    for name in [name for name in os.environ if name.startswith("GREENLANE_")]:
        monkeypatch.delenv(name)

    def run_words(*words: object) -> Told:
        try:
            code = main([str(word) for word in words])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 99
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return Told(code, said.out, said.err)

    return run_words


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A deployment's folder; see `worlds.home`."""
    return make_home(tmp_path / "home")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A fresh world, served on loopback."""
    world = make_world(tmp_path)
    with serve(world) as running:
        yield running
    close_world(world)


@pytest.fixture
def refused(run: Run) -> Callable[..., str]:
    """Runs a wrong use: exit code 2, nothing on standard output, one line on standard error, which is returned."""

    def run_wrong(*words: object) -> str:
        told = run(*words)
        assert (told.code, told.out) == (2, ""), told
        assert told.err.count("\n") == 1, told.err
        assert told.err.startswith("greenlane: ")
        return told.err

    return run_wrong
