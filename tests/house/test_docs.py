"""What documents, messages and alerts tell people to type exists, and the tables that they look things up in are true."""

import argparse
import ast
import itertools
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from greenlane.adapters.evm.bringing import ACTS_GAS
from greenlane.adapters.evm.ledger import ANCHOR_GAS
from greenlane.cli.program import build_parser
from greenlane.core.assets.label import read_label
from greenlane.core.balance.custody import CUSTODY_WORDS
from greenlane.core.balance.factors import encode_factor, read_factor
from greenlane.core.canonical import parse_json
from greenlane.core.errors import Faults
from greenlane.core.exits import WrongUse
from greenlane.services.assets.acting import LIFETIME
from greenlane.services.hold import MAX_HELD_DOCUMENTS
from greenlane.services.reconcile import bringing
from greenlane.services.sign_in import LASTS
from greenlane.settings import Settings, _Reader, read_settings
from greenlane.web.readiness import BEHIND_S
from greenlane_node.assets.class_file import read_class
from greenlane_node.cli.program import build_parser as build_node_parser

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for folder in ("api", "node", "scripts") for path in (ROOT / folder).rglob("*.py"))
ALERTS = ROOT / "node" / "compose" / "observe" / "alerts.yml"
OPERATIONS = ROOT / "docs" / "operations.md"
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
            program in {"cd", "curl", "pip", "uv", "python3", "docker", "export", "source", "set", "printf"}
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


# What the code tells people to type: between backticks as a whole, and without them after a word that says so, up to the end of
# the sentence, of which the command is only the beginning.
MARKED = re.compile(r"`(greenlane(?:-node)?) ([^`]+)`")
TOLD = re.compile(r"(?:: |\(|See |Run |run |with )(greenlane(?:-node)?) ([a-z][^`.,;)]*)")
VARIES = "\0"
"""Stands in a text for what is known only when it is told."""


def _texts(source: str) -> Iterator[str]:
    """Every string of a module, with one mark for each part of it that varies."""
    parts = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            parts |= {id(part) for part in ast.walk(node)}
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else VARIES for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.value


def _words(text: str) -> Iterator[list[str]]:
    """The command lines that a text stands for: one for each choice of `a|b`, without what stands for something else."""
    words = [word for word in text.split() if VARIES not in word and not re.fullmatch(r"\[?[A-Z]+\]?|…|0x…|\{\w+\}", word)]
    yield from map(list, itertools.product(*(word.split("|") for word in words)))


def _beginnings(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """The same parser, which takes the beginning of a command as well; nothing else that it would refuse."""
    for group in parser._mutually_exclusive_groups:
        group.required = False
    for action in parser._actions:
        action.required = False
        if isinstance(action, argparse._SubParsersAction):
            for each in {id(each): each for each in action.choices.values()}.values():
                _beginnings(each)
        elif action.nargs in (None, "+"):
            action.nargs = "?" if action.nargs is None else "*"
    return parser


def _of_the_command(words: list[str], parser: argparse.ArgumentParser) -> list[str]:
    """As many of the words as are the command's: its name, those of its parts, and the options, which must be its own."""
    named = []
    for word in words:
        parts = [action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        if parts and not word.startswith("-"):
            parser = parts[0].get(word, parser)
            named.append(word)
        elif word.startswith("--"):
            named.append(word)
    return named


def _told() -> Iterator[tuple[str, str, list[str]]]:
    """Where, which program, and the words that follow it."""
    parsers = {"greenlane": build_parser(), "greenlane-node": build_node_parser()}
    texts = [(path, text) for path in SOURCES for text in _texts(path.read_text(encoding="utf-8"))]
    for path, text in [*texts, (ALERTS, ALERTS.read_text(encoding="utf-8"))]:
        place = path.relative_to(ROOT).as_posix()
        for program, rest in MARKED.findall(text):
            yield from ((place, program, words) for words in _words(rest))
        for program, rest in TOLD.findall(text):
            yield from ((place, program, _of_the_command(words, parsers[program])) for words in _words(rest))


def test_every_command_that_the_code_or_an_alert_names_can_be_typed() -> None:
    parsers = {"greenlane": _beginnings(build_parser()), "greenlane-node": _beginnings(build_node_parser())}
    told, wrong = list(_told()), []
    for place, program, words in told:
        try:
            parsers[program].parse_args(words)
        except WrongUse as fault:
            wrong.append(f"{place}: {program} {' '.join(words)}: {fault.detail}")
        except SystemExit as end:
            # For help.
            assert end.code == 0
    assert wrong == []
    assert {place.partition("/")[0] for place, _, _ in told} >= {"api", "node"}
    assert sum(place == ALERTS.relative_to(ROOT).as_posix() for place, _, _ in told) >= 3
    assert len(told) > 100


@pytest.mark.parametrize(
    "text",
    [
        "`greenlane-node sync-permisions`",
        "`greenlane-node endorse lima --loudly`",
        "`greenlane-node embedded up|sideways`",
        "See whether blocks are made (greenlane-node states).",
        "Finish it: greenlane-node rotate-key operator --twice, or not.",
        "Make it: greenlane-node init centre.",
    ],
)
def test_a_command_that_there_is_not_would_be_noticed(text: str) -> None:
    parser, whole = _beginnings(build_node_parser()), build_node_parser()
    found = [words for _, rest in MARKED.findall(text) for words in _words(rest)]
    found += [_of_the_command(words, whole) for _, rest in TOLD.findall(text) for words in _words(rest)]
    with pytest.raises(WrongUse):
        for words in found:
            parser.parse_args(words)


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


def test_every_metric_that_a_document_names_is_told() -> None:
    known = set(re.findall(r"^(\w+)", (ROOT / "tests/integration/web/metrics.txt").read_text(), re.MULTILINE))
    named = {
        (document.name, name)
        for document in DOCUMENTS
        for name in re.findall(r"`(greenlane_[a-z_]+)`", document.read_text(encoding="utf-8"))
        if name != "greenlane_node"
    }
    assert len(named) > 10
    assert [each for each in sorted(named) if each[1] not in known] == []


def test_every_metric_of_documents_and_assets_and_the_bounds_of_partners_are_told_to_operators() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    known = (ROOT / "tests/integration/web/metrics.txt").read_text(encoding="utf-8").split()
    prefixes = ("greenlane_documents", "greenlane_partner", "greenlane_acts", "greenlane_assets")
    watched = [name for name in known if name.startswith(prefixes)]
    assert len(watched) >= 11
    assert [name for name in watched if f"`{name}`" not in text] == []
    assert f"at most {MAX_HELD_DOCUMENTS:,} documents" in text
    longest = bringing._PATIENCE + timedelta(seconds=(1 << 30) / bringing._SLOWEST_BYTES_PER_S)
    assert f"1 GiB within {round(longest / timedelta(minutes=1))} minutes" in text


def test_every_log_line_that_a_document_or_an_alert_names_is_written() -> None:
    rooms = ("worker", "anchors", "documents?", "partner", "hold", "acts")
    pattern = re.compile(rf"(?<![\w/.-])({'|'.join(rooms)})\.([a-z_]+)(?![\w/.-]|\.\w)")
    texts = {path.name: path.read_text(encoding="utf-8") for path in (*DOCUMENTS, ALERTS)}
    named = {(name, ".".join(found)) for name, text in texts.items() for found in pattern.findall(text) if found[1] != "py"}
    written = {text for path in SOURCES for text in _texts(path.read_text(encoding="utf-8"))}
    assert len(named) > 8
    assert [each for each in sorted(named) if each[1] not in written] == []


def test_every_variable_that_a_document_names_is_a_setting_or_the_tests() -> None:
    named = {
        name for document in DOCUMENTS for name in re.findall(r"GREENLANE_[A-Z_]+[A-Z]", document.read_text(encoding="utf-8"))
    }
    assert len(named) > 20
    try:
        read_settings(dict.fromkeys(named, "0"))
    except Faults as refused:
        assert [fault.where for fault in refused.faults if "no such setting" in fault.detail] == []


def test_every_request_that_a_document_names_is_answered() -> None:
    paths = json.loads((ROOT / "api/greenlane/web/openapi.json").read_bytes())["paths"]
    routes = {(method.upper(), re.sub(r"\{\w+\}", "{}", path)) for path, asked in paths.items() for method in asked}
    named = {
        (document.name, method, re.sub(r"\{\w+\}", "{}", path.partition("?")[0]))
        for document in DOCUMENTS
        for method, path in re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/[^`\s]*)`", document.read_text(encoding="utf-8"))
    }
    assert len(named) > 15
    # A folder stands for what is in it.
    wrong = [each for each in sorted(named) if each[1:] not in routes and not each[2].endswith("/")]
    assert wrong == []


def test_every_page_that_a_document_sends_people_to_is_there() -> None:
    paths = json.loads((ROOT / "api/greenlane/web/openapi.json").read_bytes())["paths"]
    pages = {re.sub(r"\{\w+\}", "{}", path) for path in paths}
    named = {
        (document.name, re.sub(r"\{\w+\}", "{}", path))
        for document in DOCUMENTS
        for path in re.findall(r"`(/[a-z][a-z0-9-]*(?:/[a-z0-9{}_-]+)*)`", document.read_text(encoding="utf-8"))
    }
    assert ("README.md", "/sign-in") in named
    assert [each for each in sorted(named) if each[1] not in pages] == []


def _block(begin: str) -> str:
    """The words between the quotes of the shell line that begins so."""
    line = next(
        line for block in FENCE.findall(OPERATIONS.read_text(encoding="utf-8")) for line in block.splitlines() if begin in line
    )
    return shlex.split(line)[2]


def test_the_class_the_factor_and_the_label_that_are_shown_are_taken() -> None:
    shown = re.search(r"^```toml\n(id = .*?)^```", OPERATIONS.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert shown is not None
    assert read_class(tomllib.loads(shown[1]), "").id == "cocoa-df"
    factor = _block("GreenlaneConversionFactor")
    assert encode_factor(read_factor(parse_json(factor.encode()))) == factor.encode()
    assert read_label(parse_json(_block("Foundation").encode())).id == "fair-cocoa"


def test_what_the_documents_say_in_numbers_of_acts_is_so() -> None:
    text = OPERATIONS.read_text(encoding="utf-8")
    act_gas = re.search(r"ACT_GAS = ([\d_]+);", (ROOT / "contracts/parts/Mediated.sol").read_text())
    assert act_gas is not None
    assert f"a gas limit of {ANCHOR_GAS:,}, one of acts {ACTS_GAS:,}; each act in it gets {int(act_gas[1]):,}" in text
    assert f"waited more than {BEHIND_S:.0f} s, or the chain was not looked at" in text
    assert (LIFETIME, "that is a day old and undecided expires" in text) == (timedelta(days=1), True)
    assert (LASTS, "a cookie for twelve hours" in text) == (timedelta(hours=12), True)


def test_the_words_for_custody_models_are_those_of_pages_and_certificates() -> None:
    text = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")
    rows = [f"| {words.name} | {words.verb} … | {words.meaning} | {words.may_not_say} |" for words in CUSTODY_WORDS.values()]
    assert "\n".join(rows) in text


def test_every_function_and_event_of_the_contracts_that_trust_leans_on_is_there() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "contracts").glob("**/I*.sol"))
    for kind, name in (("function", "followKey"), ("event", "KeyFollowed"), ("event", "MemberKeyChanged")):
        assert f"`{name}`" in (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")
        assert re.search(rf"{kind} {name}\(", sources), name
