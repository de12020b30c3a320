"""Puts the commands together, and turns every fault into one line and an exit code."""

import argparse
import importlib
import io
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import NoReturn, Protocol, cast

from greenlane.core.errors import GreenlaneError
from greenlane.core.exits import Exit, FileTrouble, PackageMissing, WrongUse, exit_code_of, fault_text

_EPILOG = """exit codes: 0 good; 1 the verdict is no; 2 wrong use or unusable input; 3 could not be checked or done now"""

# Name, module, one line of help. The first group needs the base install only.
_COMMANDS = (
    ("hash", "greenlane.cli.hash_events", "print the event hash of each event in a file"),
    ("verify", "greenlane.cli.verify_receipt", "check a receipt, trusting nobody's server"),
    ("capture", "greenlane.cli.client_capture", "send a file of events to a center's server"),
    ("receipt", "greenlane.cli.client_receipt", "fetch the receipt of an event from a center's server"),
    ("serve", "greenlane.cli.serve", "run the HTTP server (and, unless told not to, the worker)"),
    ("worker", "greenlane.cli.work", "run the worker that publishes and anchors"),
    ("fsck", "greenlane.cli.fsck", "recompute every event, leaf, tile and checkpoint and compare with the chain"),
    ("members", "greenlane.cli.members", "enrol and list the members of a center"),
    ("keys", "greenlane.cli.keys", "create, list and revoke API keys"),
    ("audit", "greenlane.cli.audit", "show the append-only record of writes"),
    ("backup", "greenlane.cli.backup", "write database, keys and network description to one file"),
    ("restore", "greenlane.cli.restore", "bring a backup back into an empty home"),
    ("completion", "greenlane.cli.completion", "print a completion script for a shell"),
)


class Command(Protocol):
    """What each command's module holds."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...
    def run(self, args: argparse.Namespace) -> int: ...


class _Parser(argparse.ArgumentParser):
    """Raises a wrong use, with where to read more."""

    def error(self, message: str) -> NoReturn:
        raise WrongUse(f"{message}.", remedy=f"See `{self.prog} --help`.")


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """The parser of the whole command line.

    Args:
        only: fill in the arguments of this command alone, so that the others' modules are not imported; None: of all.
    """
    parser = _Parser(prog="greenlane", description="Capture, anchor, prove and check traceability events.", epilog=_EPILOG)
    parser.add_argument("--version", action="version", version=f"greenlane {version('greenlane')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)
    for name, module, text in _COMMANDS:
        part = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", epilog=_EPILOG)
        part.set_defaults(run_module=module)
        if only in (None, name):
            _module(module).add_arguments(part)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the process's exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    named = next((word for word in given if not word.startswith("-")), None)
    is_known = any(name == named for name, _, _ in _COMMANDS)
    as_json = "--json" in given
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a name still gets the rest.
            stream.reconfigure(errors="backslashreplace")
    try:
        args = build_parser(named if is_known else "").parse_args(given)
        run = cast(Callable[[argparse.Namespace], int], _module(args.run_module).run)
        return int(run(args))
    except GreenlaneError as fault:
        return _say(fault, as_json)
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("greenlane"):
            raise
        return _say(PackageMissing(missing.name or "", extras="api,node"), as_json)
    except BrokenPipeError:
        # The reader of our output left (`| head`): that is its right. Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.GOOD
    except OSError as cause:
        # A file that the user named cannot be written, a disk is full: theirs to mend, in one line.
        name = None if cause.filename is None else os.fsdecode(cause.filename)
        return _say(FileTrouble(f"{cause.strerror or cause}.", where=name), as_json)
    except KeyboardInterrupt:
        sys.stderr.write("greenlane: stopped.\n")
        return 130


def _say(fault: GreenlaneError, as_json: bool) -> Exit:
    sys.stderr.write(fault_text(fault, program="greenlane", as_json=as_json))
    return exit_code_of(fault)


def _module(name: str) -> Command:
    return cast(Command, importlib.import_module(name))
