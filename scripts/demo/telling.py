"""How the demo runs commands, and how it tells what they came to."""

import io
import itertools
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from greenlane.cli.program import main as greenlane_main

STEPS = 22
_numbers = itertools.count(1)


class DemoFailed(Exception):
    """A step did not show what it should; the message says which."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a command answered."""

    code: int
    out: str
    err: str


def tell(*command: str | Path) -> Told:
    """Runs a command to its end, and never longer than five minutes."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300, check=False)
    return Told(done.returncode, done.stdout, done.stderr.strip())


def tell_member(*arguments: str | Path) -> Told:
    """Runs a member's `greenlane` command inside this process: a dozen starts of Python would take longer than what is shown."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = greenlane_main([str(part) for part in arguments])
    return Told(code, out.getvalue(), err.getvalue().strip())


def must(what: str, *command: str | Path) -> str:
    """What a command printed.

    Raises:
        DemoFailed: it did not end well; `what` says what it was to do.
    """
    return _good(what, tell(*command))


def must_member(what: str, *arguments: str | Path) -> str:
    """The same for a member's command.

    Raises:
        DemoFailed: as for `must`.
    """
    return _good(what, tell_member(*arguments))


def _good(what: str, told: Told) -> str:
    if told.code != 0:
        raise DemoFailed(f"{what} (exit code {told.code}):\n{told.out}{told.err}")
    return told.out


def say(what: str, detail: str = "") -> None:
    """The next step, as it is done."""
    print(f"── {next(_numbers)} of {STEPS}  {what}{f' ({detail})' if detail else ''}", flush=True)


def say_more(text: str) -> None:
    """Lines that belong to the last step."""
    print("".join(f"       {line}\n" for line in text.splitlines()), end="", flush=True)


def progress(text: str) -> None:
    """A line that the next one takes the place of; nothing where nobody looks."""
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns - 1
        print(f"\r\x1b[K{text[:width]}", end="", flush=True)
