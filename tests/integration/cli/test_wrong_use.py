"""Whatever is typed: help, or one line that says what is wrong, and the right exit code."""

import argparse
import json
from collections.abc import Callable
from typing import Any

import pytest
from greenlane.cli.program import build_parser

COMMANDS = [
    "hash",
    "verify",
    "capture",
    "receipt",
    "supply",
    "evidence",
    "purchase",
    "document",
    "serve",
    "worker",
    "fsck",
    "members",
    "keys",
    "audit",
    "backup",
    "restore",
    "completion",
]


def test_the_commands_are_these() -> None:
    (actions,) = (each for each in build_parser()._actions if isinstance(each, argparse._SubParsersAction))
    assert sorted(actions.choices) == sorted(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_that_tells_its_exit_codes(run: Any, command: str) -> None:
    told = run(command, "--help")
    assert (told.code, told.err) == (0, "")
    assert "exit codes:" in told.out


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["bogus"],
        ["document"],
        ["document", "bogus"],
        ["document", "add"],
        ["document", "add", "x", "--about", "y"],
        ["document", "keygen"],
        ["evidence"],
        ["evidence", "steal"],
        ["evidence", "fetch", "0x00"],
        ["evidence", "bring"],
        ["hash"],
        ["hash", "a", "b"],
        ["hash", "a", "--version", "CBV9"],
        ["hash", "--wrong"],
        ["verify", "receipt"],
        ["keys"],
        ["keys", "steal"],
        ["keys", "create", "--center", "lima", "--role", "king"],
        ["members", "put"],
        ["audit"],
        ["audit", "--center", "lima", "--after", "x"],
        ["completion", "fish"],
        ["worker", "--until-current", "soon"],
        ["--loud", "hash", "x"],
    ],
    ids=" ".join,
)
def test_a_wrong_use_is_said_in_one_line(refused: Callable[..., str], words: list[str]) -> None:
    assert "--help" in refused(*words)


@pytest.mark.parametrize("words", [["--json"], ["hash", "--json"], ["fsck", "--json", "--bogus"], ["verify", "x", "--json"]])
def test_a_wrong_use_is_said_in_json_where_json_is_asked_for(run: Any, words: list[str]) -> None:
    told = run(*words)
    assert (told.code, told.out) == (2, "")
    (fault,) = json.loads(told.err)["errors"]
    assert fault["code"] == "wrong-use"
    assert "--help" in fault["remedy"]


def test_the_version_is_told(run: Any) -> None:
    told = run("--version")
    assert (told.code, told.out.split()[0]) == (0, "greenlane")


@pytest.mark.parametrize(("shell", "mark"), [("bash", "complete"), ("zsh", "#compdef greenlane"), ("tcsh", "complete")])
def test_a_completion_script_knows_every_command(run: Any, shell: str, mark: str) -> None:
    told = run("completion", shell)
    assert told.code == 0
    assert mark in told.out
    for command in COMMANDS:
        assert command in told.out


def test_a_setting_that_cannot_be_used_stops_each_command_of_the_deployment(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREENLANE_PORT", "0")
    monkeypatch.setenv("GREENLANE_COLOUR", "green")
    for words in (["fsck"], ["keys", "list"], ["members", "list"], ["worker"], ["serve"], ["backup", "x"], ["restore", "x"]):
        told = run(*words)
        assert told.code == 2
        assert [line.split(":")[1].strip() for line in told.err.splitlines()] == ["GREENLANE_PORT", "GREENLANE_COLOUR"]


@pytest.mark.parametrize("words", [["fsck"], ["keys", "list"], ["members", "list"], ["audit", "--center", "lima"], ["worker"]])
def test_a_folder_without_a_deployment_is_named(refused: Callable[..., str], tmp_path: Any, words: list[str]) -> None:
    assert str(tmp_path) in refused(*words, "--home", tmp_path)
