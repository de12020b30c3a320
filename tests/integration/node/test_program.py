"""The node's command line speaks to every terminal, and never lets what it was told steer one."""

import argparse
import os
import subprocess
import sys
from importlib.metadata import version

import pytest
from greenlane_node.cli.program import main, tell, tell_table


@pytest.mark.parametrize("words", [["propose", "--help"], ["--help"], ["doctor", "--home", "/nowhere/\u010de"]])
def test_a_terminal_that_knows_ascii_only_gets_the_rest(words: list[str]) -> None:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "1"}
    done = subprocess.run([sys.executable, "-m", "greenlane_node", *words], capture_output=True, check=False, env=environment)
    assert done.returncode == (0 if "--help" in words else 2)
    assert b"Traceback" not in done.stderr
    assert (done.stdout + done.stderr).isascii()


def test_the_version_is_the_projects(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"greenlane-node {version('greenlane')}\n"


def test_answers_steer_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    args, evil = argparse.Namespace(json=False), "lima\x1b[2J\r\nok: all is well"
    tell(args, {"center": evil})
    tell_table(args, [{"center": evil}])
    told = capsys.readouterr().out
    assert "\x1b" not in told and "\r" not in told
    assert told.count("\n") == 3


def test_yes_and_no_read_alike_wherever_they_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    args, facts = argparse.Namespace(json=False), {"running": False, "stopped": True, "head": None}
    tell(args, facts)
    assert capsys.readouterr().out == "running: no\nstopped: yes\n"
    tell_table(args, [facts])
    assert capsys.readouterr().out.splitlines()[1].split() == ["no", "yes", "-"]
