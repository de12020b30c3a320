"""What is imported is declared, where it is imported; and what is declared is imported."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
API, NODE = "api/greenlane", "node/greenlane_node"
_OF_THE_CHAIN = ("anchor_log", "artifacts", "bindings", "contract", "pilot_registry", "records", "standing", "trust")
# What each install must be able to import: the base install, and the node's with the adapters that it leans on.
PARTS = {
    "base": [f"{API}/core", f"{API}/verify"],
    "node": [
        NODE,
        *(f"{API}/adapters/{name}.py" for name in ("entropy", "home", "keystore", "network_file")),
        *(f"{API}/adapters/evm/{name}.py" for name in _OF_THE_CHAIN),
    ],
    "api": [API],
}


def _declared(part: str) -> set[str]:
    project = PROJECT["project"]
    lines = project["dependencies"] + ([] if part == "base" else project["optional-dependencies"][part])
    return {_name(re.split(r"[\[<>=!~; ]", line, maxsplit=1)[0]) for line in lines}


def _name(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _imported(part: str) -> Iterator[tuple[str, str]]:
    """Each distribution that a part imports, and the file that does."""
    distributions = packages_distributions()
    for place in PARTS[part]:
        path = ROOT / place
        for file in [path] if path.suffix else sorted(path.rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_bytes())):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                for top in {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names):
                    if not top.startswith("greenlane"):
                        yield _name(distributions[top][0]), file.relative_to(ROOT).as_posix()


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
def test_what_a_part_imports_its_install_brings(part: str) -> None:
    assert {name: file for name, file in _imported(part) if name not in _declared(part)} == {}


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
def test_what_an_install_brings_is_imported(part: str) -> None:
    used = {name for name, _ in _imported(part)} | {name for name, _ in _imported("base")}
    assert _declared(part) - used == set()


def test_what_builds_the_package_has_one_version() -> None:
    assert [line for line in PROJECT["build-system"]["requires"] if "==" not in line] == []


def test_a_marker_is_used() -> None:
    markers = {line.partition(":")[0] for line in PROJECT["tool"]["pytest"]["ini_options"]["markers"]}
    text = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("*.py"))
    # Tests in a browser stand apart, and are skipped where there is none.
    assert {marker for marker in markers if f"mark.{marker}" not in text} - {"browser"} == set()
