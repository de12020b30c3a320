"""One chain for these tests; each finds it as it was founded, and works in homes of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from greenlane.core.exits import Exit
from greenlane.core.units import CenterId
from greenlane_node.cli.program import main
from worlds.registry import NEWCOMER, Command, RegistryWorld, Said, registry_world


@pytest.fixture(scope="package")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryWorld]:
    with registry_world(tmp_path_factory.mktemp("registry")) as world:
        yield world


@pytest.fixture
def world(founded: RegistryWorld, monkeypatch: pytest.MonkeyPatch) -> Iterator[RegistryWorld]:
    """The chain as it was founded; what a test does is undone after it."""
    monkeypatch.delenv("GREENLANE_HOME", raising=False)
    monkeypatch.delenv("GREENLANE_PASSWORD_FILE", raising=False)
    snapshot = founded.call("evm_snapshot")
    yield founded
    founded.call("evm_revert", snapshot)


@pytest.fixture
def homes(world: RegistryWorld, tmp_path: Path) -> Callable[[str], Path]:
    """The home of a center, the same one within a test."""

    def home(center: str) -> Path:
        made = tmp_path / center
        return made if made.exists() else world.home(center, tmp_path)

    return home


@pytest.fixture
def node(homes: Callable[[str], Path], capsys: pytest.CaptureFixture[str]) -> Command:
    """`greenlane-node`, run in the home of a center."""

    def run(center: str, *words: str) -> Said:
        capsys.readouterr()
        code = main([*words, "--home", str(homes(center))])
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


@pytest.fixture
def admitted(world: RegistryWorld, node: Command) -> None:
    """The fifth center is in."""
    file = str(world.folder / NEWCOMER / "center.toml")
    assert node("lima", "nominate", file).code == Exit.GOOD
    assert node("accra", "endorse", NEWCOMER, "--candidate", file).code == Exit.GOOD
    assert node("osaka", "endorse", NEWCOMER, "--candidate", file).code == Exit.GOOD
    assert world.registry.is_active(CenterId(NEWCOMER))
