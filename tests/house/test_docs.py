"""What the documents tell people to type exists, and the tables that they look things up in are true."""

import argparse
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from greenlane.cli.program import build_parser
from greenlane.settings import Settings, _Reader, read_settings
from greenlane_node.cli.program import build_parser as build_node_parser

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every command line in a fenced block of shell, and every `greenlane …` in the text that is more than a name."""
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        lines = [line for block in FENCE.findall(text) for line in block.replace("\\\n", " ").splitlines()]
        for line in lines:
            words = shlex.split(line, comments=True)
            if words:
                yield document.name, words


@pytest.mark.parametrize(
    ("document", "words"), [pytest.param(*each, id=f"{each[0]}: {' '.join(each[1])[:70]}") for each in commands()]
)
def test_every_command_that_is_shown_can_be_typed(document: str, words: list[str]) -> None:
    program, *rest = words
    if program == "make":
        assert {word for word in rest if not word.startswith("-")} <= targets(), document
    elif Path(program).name == "greenlane":
        _parse(rest, build_parser())
    elif program == "git":
        assert rest[0] == "clone"
    elif Path(program).name == "greenlane-node":
        _parse(rest, build_node_parser())
    else:
        assert (
            program in {"cd", "curl", "pip", "uv", "python3", "docker", "export", "source"}
            or (ROOT / program).exists()
            or (program.startswith(".venv/bin/"))
        ), words


def _parse(words: list[str], parser: argparse.ArgumentParser) -> None:
    try:
        parser.parse_args(words)
    except SystemExit as end:
        assert end.code == 0, words


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_every_make_target_that_is_named_exists() -> None:
    for document in [*DOCUMENTS, *sorted((ROOT / "docs").rglob("*.md"))]:
        for target in re.findall(r"`make ([a-z-]+)`", document.read_text(encoding="utf-8")):
            assert target in targets(), f"{document.name}: make {target}"


def test_every_command_that_is_named_in_the_text_exists() -> None:
    known = set(
        re.findall(r'^    \("([a-z]+)", "greenlane\.cli', (ROOT / "api/greenlane/cli/program.py").read_text(), re.MULTILINE)
    )
    assert len(known) >= 13
    for document in DOCUMENTS:
        for command in re.findall(r"`greenlane ([a-z]+)", document.read_text(encoding="utf-8")):
            assert command in known, f"{document.name}: greenlane {command}"


def test_every_command_of_the_node_that_is_named_in_the_text_can_be_typed() -> None:
    for document in DOCUMENTS:
        for line in re.findall(r"`greenlane-node ([^`]+)`", document.read_text(encoding="utf-8")):
            # What stands for many things in the text stands for one of them here.
            words = [word.partition("|")[0].replace("URL", "http://127.0.0.1:1") for word in shlex.split(line) if word != "…"]
            if words[:2] == ["init", "center"]:
                words += ["--name", "V", "--economy", "CL", "--origin", "v.example/log", "--host", "203.0.113.8"]
            _parse(words, build_node_parser())


def test_every_make_target_has_its_line_of_help() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony is not None
    helped = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    assert set(phony[1].split()) == helped


def test_every_script_that_the_makefile_calls_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    scripts = {*re.findall(r"scripts/[\w/.-]+\.(?:py|sh)", makefile), ".ci/run"}
    modules = {name.replace(".", "/") for name in re.findall(r"-m (scripts[\w.]*)", makefile)}
    missing = [script for script in sorted(scripts) if not (ROOT / script).exists()]
    missing += [
        module for module in sorted(modules) if not ((ROOT / module).with_suffix(".py").exists() or (ROOT / module).is_dir())
    ]
    assert missing == []


def test_the_table_of_settings_is_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    table = text.split("## Settings")[1].split("\n## ")[0]
    written = set(re.findall(r"`GREENLANE_([A-Z_]+)`", table))
    if "`…_URL_FILE`" in table:
        written.add("DATABASE_URL_FILE")
    asked: set[str] = set()
    original = _Reader.text

    def text_of(reader: _Reader, name: str, default: str) -> str:
        asked.add(name)
        return original(reader, name, default)

    monkeypatch.setattr(_Reader, "text", text_of)
    read_settings({})
    assert written == asked


def test_the_defaults_in_the_table_are_the_defaults() -> None:
    table = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").split("## Settings")[1].split("\n## ")[0]
    settings = read_settings({})
    for row in re.findall(r"^\| (`GREENLANE_.*?) \| (.*?) \|", table, re.MULTILINE):
        names = re.findall(r"`GREENLANE_([A-Z_]+)`", row[0])
        defaults = [part.strip().strip("`") for part in row[1].split(",")]
        for name, default in zip(names, defaults, strict=False):
            value = getattr(settings, name.lower(), None)
            if re.fullmatch(r"[\d.]+", default) and isinstance(value, int | float):
                assert value == float(default), name


def test_every_setting_is_described_where_it_is_declared() -> None:
    docstring = Settings.__doc__ or ""
    for name in Settings.__dataclass_fields__:
        assert re.search(rf"\b{name}\b", docstring), name


def test_every_file_that_a_document_points_at_exists() -> None:
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", text):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
        for target in re.findall(r"`((?:docs|api|node|scripts|contracts|tests)/[\w./-]+)`", text):
            stem = ROOT / target
            assert stem.exists() or list(stem.parent.glob(f"{stem.name}*")), f"{document.name}: {target}"


def test_every_address_of_the_local_server_that_a_document_names_is_answered() -> None:
    paths = json.loads((ROOT / "api/greenlane/web/openapi.json").read_bytes())["paths"]
    routes = {re.sub(r"\\{(event_hash|value|path|event_id)\\}", ".+", re.escape(path)) for path in {*paths, "/openapi.json"}}
    routes = {re.sub(r"\\{[a-z_]+\\}", "[^/]+", route) for route in routes}
    named = [
        (document.name, path.partition("?")[0].rstrip(".,;:") or "/")
        for document in DOCUMENTS
        for path in re.findall(r"127\.0\.0\.1:8600(/[^\s`)\"'<]*)", document.read_text(encoding="utf-8"))
    ]
    assert ("README.md", "/openapi.json") in named
    assert [each for each in named if not any(re.fullmatch(route, each[1]) for route in routes)] == []
