"""What a machine lacks is told at once, whole, and in the versions that the rest of the code goes by."""

from pathlib import Path

import pytest
from greenlane_node.besu.config import DEFAULT_MEMORY_MB
from greenlane_node.besu.options import BESU_VERSION
from greenlane_node.cli.program import main
from greenlane_node.kubo.config import KUBO_VERSION
from greenlane_node.machine.programs import ProgramMissing, find_programs
from worlds.machine import stand_in_programs


def test_everything_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ProgramMissing) as caught:
        find_programs(environment={"PATH": str(tmp_path)}, besu=None, ipfs=None, needs_besu=True, needs_ipfs=True)
    assert [name for name in ("besu", "java", "ipfs") if f"no `{name}` on PATH" in caught.value.detail] == [
        "besu",
        "java",
        "ipfs",
    ]
    for version in (f"Besu {BESU_VERSION}", "Java 25", f"Kubo {KUBO_VERSION}"):
        assert version in caught.value.remedy


def test_what_is_missing_is_named_beside_what_is_too_old(tmp_path: Path) -> None:
    folder = stand_in_programs(tmp_path, besu="26.7.1")
    (folder / "ipfs").unlink()
    with pytest.raises(ProgramMissing) as caught:
        find_programs(environment={"PATH": f"{folder}:/bin"}, besu=None, ipfs=None, needs_besu=True, needs_ipfs=True)
    assert "is version 26.7.1" in caught.value.detail
    assert "no `ipfs` on PATH" in caught.value.detail


def test_the_help_tells_the_memory_that_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["up", "--help"])
    assert f"default: {DEFAULT_MEMORY_MB}" in " ".join(capsys.readouterr().out.split())
