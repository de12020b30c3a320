"""Puts the commands together; how each ends is said in adapters/command_line.py."""

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from typing import Protocol, cast

from greenlane.adapters.command_line import Parser, add_version, run_program

_EPILOG = """exit codes: 0 good; 1 the verdict is no; 2 wrong use or unusable input; 3 could not be checked or done now"""

# Name, module, one line of help. The first group needs the base install only.
_COMMANDS = (
    ("hash", "greenlane.cli.hash_events", "print the event hash of each event in a file"),
    ("verify", "greenlane.cli.verify_receipt", "check a receipt, trusting nobody's server"),
    ("supply", "greenlane.cli.supply", "recompute how much there is of every green asset, from a node alone"),
    ("capture", "greenlane.cli.client_capture", "send a file of events to a center's server"),
    ("receipt", "greenlane.cli.client_receipt", "fetch the receipt of an event from a center's server"),
    ("evidence", "greenlane.cli.evidence", "take a statement of evidence from another center, and bring it to yours"),
    ("purchase", "greenlane.cli.purchase", "check a purchase at a center's server"),
    ("document", "greenlane.cli.document.command", "store, fetch, share and revoke documents at a center's server"),
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


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """The parser of the whole command line.

    Args:
        only: fill in the arguments of this command alone, so that the others' modules are not imported; None: of all.
    """
    parser = Parser(prog="greenlane", description="Capture, anchor, prove and check traceability events.", epilog=_EPILOG)
    add_version(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
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

    def act() -> int:
        args = build_parser(named if is_known else "").parse_args(given)
        run = cast(Callable[[argparse.Namespace], int], _module(args.run_module).run)
        return int(run(args))

    return run_program("greenlane", given, act, extras="api,node")


def _module(name: str) -> Command:
    return cast(Command, importlib.import_module(name))
