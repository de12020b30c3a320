"""What both command lines of the project share: a wrong use is a fault like any other, any text can be shown, and every end has
its exit code.

Exit codes: 0 done or good; 1 the answer is no; 2 wrong use or unusable input; 3 it could not be done or checked now, and the
sentence says why (core/exits.py); 130 stopped from the keyboard.
"""

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import NoReturn

from greenlane.core.errors import GreenlaneError
from greenlane.core.exits import Exit, FileTrouble, PackageMissing, WrongUse, exit_code_of, fault_text

_STOPPED = 130


class Parser(argparse.ArgumentParser):
    """Raises a wrong use, with where to read more."""

    def error(self, message: str) -> NoReturn:
        raise WrongUse(f"{message}.", remedy=f"See `{self.prog} --help`.")


def add_version(parser: argparse.ArgumentParser) -> None:
    """`--version`, which says the project's."""
    parser.add_argument("--version", action="version", version=f"{parser.prog} {version('greenlane')}")


def run_program(program: str, given: Sequence[str], act: Callable[[], int], *, extras: str) -> int:
    """Does something for a command line; the process's exit code. Every fault becomes a line on standard error.

    Args:
        program: its name, which begins each line.
        given: the arguments; with --json among them faults are told in JSON.
        extras: of this project, those that bring what its commands need, with commas.
    """
    as_json = "--json" in given

    def say(fault: GreenlaneError) -> Exit:
        sys.stderr.write(fault_text(fault, program=program, as_json=as_json))
        return exit_code_of(fault)

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a name still gets the rest.
            stream.reconfigure(errors="backslashreplace")
    try:
        return act()
    except GreenlaneError as fault:
        return say(fault)
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("greenlane"):
            raise
        return say(PackageMissing(missing.name or "", extras=extras))
    except BrokenPipeError:
        # The reader of our output left (`| head`): that is its right. Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.GOOD
    except OSError as cause:
        # A file that the user named cannot be written, a disk is full: theirs to mend, in one line.
        name = None if cause.filename is None else os.fsdecode(cause.filename)
        return say(FileTrouble(f"{cause.strerror or cause}.", where=name))
    except KeyboardInterrupt:
        sys.stderr.write(f"{program}: stopped.\n")
        return _STOPPED
