"""Puts the node's commands together; how each ends is said in adapters/command_line.py.

What answers hold that came from a node or from the registry steers no terminal.
"""

import argparse
import importlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, cast

from greenlane.adapters.command_line import Parser, add_version, run_program
from greenlane.core.exits import one_line

DEFAULT_HOME = Path("var") / "greenlane"
_EPILOG = "exit codes: 0 done or good; 1 the answer is no; 2 wrong use or unusable input; 3 it could not be done or checked now"

# Name, module, one line of help.
_COMMANDS: tuple[tuple[str, str, str], ...] = (
    ("doctor", "greenlane_node.cli.doctor", "look at everything a center's nodes need, and say what to do about what is wrong"),
    (
        "sync-permissions",
        "greenlane_node.cli.sync_permissions",
        "make the allowlists of our nodes equal to the registry's active centers",
    ),
    ("validators", "greenlane_node.cli.validators", "who seals the next block, and for which center"),
    ("status", "greenlane_node.cli.status", "how this home's centers, keys and node stand, and what is open to vote on"),
    ("vote", "greenlane_node.cli.vote", "list the open proposals, or vote for one"),
    ("endorse", "greenlane_node.cli.endorse", "vote for a center's nomination"),
    ("nominate", "greenlane_node.cli.nominate", "propose a new center, as its center.toml describes it"),
    ("propose", "greenlane_node.cli.propose", "put a suspension, reinstatement, renewal or new operator to the vote"),
    ("join", "greenlane_node.cli.join", "enter a live network, step by step; run again, it goes on"),
    ("leave", "greenlane_node.cli.leave", "take a center out of the network for good"),
    ("rotate-key", "greenlane_node.cli.rotate_key", "put a new key in the place of a center's old one"),
    ("endpoints", "greenlane_node.cli.endpoints", "where the centers are met, or where this one is met from now on"),
    ("token", "greenlane_node.cli.token", "let somebody else read and send through our RPC node, for some days"),
    ("members", "greenlane_node.cli.members", "the members a center vouches for on the chain"),
    ("assets", "greenlane_node.cli.assets", "what centers decide about green assets: classes, pauses, revoked evidence"),
    ("up", "greenlane_node.cli.up", "start this home's nodes; with --local N, first make a network of N centers on this machine"),
    ("down", "greenlane_node.cli.down", "end this home's nodes"),
    ("restart", "greenlane_node.cli.restart", "end and start all validators together, for a chain that stands still"),
    ("logs", "greenlane_node.cli.logs", "show what a node of this home said last"),
    ("init", "greenlane_node.cli.init", "keys, the plan of a network, genesis, and the files of every node"),
    ("embedded", "greenlane_node.cli.embedded", "an embedded network on this machine: one anvil, free gas, loopback only"),
)


class Command(Protocol):
    """What each command's module holds. What it needs beside the base install it imports in `run`."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...
    def run(self, args: argparse.Namespace) -> int: ...


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """`--home` and `--json`, which every command takes."""
    parser.add_argument("--home", metavar="DIRECTORY", help="home folder (default: GREENLANE_HOME, else var/greenlane)")
    parser.add_argument("--json", action="store_true", help="answer in JSON")


def home_of(args: argparse.Namespace) -> Path:
    """The home folder that the arguments name, else the environment, else the default."""
    return Path(args.home or os.environ.get("GREENLANE_HOME") or DEFAULT_HOME)


def number(text: str) -> int:
    """Reads an argument; for argparse, which tells what is expected where it is none."""
    try:
        return int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"a whole number is expected, not {text!r}") from error


def tell(args: argparse.Namespace, told: Mapping[str, object]) -> None:
    """Writes an answer of names and values: one a line, or with --json one object."""
    if args.json:
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
    else:
        sys.stdout.writelines(f"{name}: {_cell(value)}\n" for name, value in told.items() if value is not None)


def tell_table(args: argparse.Namespace, rows: Sequence[Mapping[str, object]]) -> None:
    """Writes an answer of many rows that have the same names: a table with aligned columns, or with --json one list."""
    if args.json:
        sys.stdout.write(json.dumps(list(rows), ensure_ascii=False) + "\n")
        return
    if not rows:
        sys.stdout.write("None.\n")
        return
    cells = [[name.upper() for name in rows[0]], *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        sys.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n")


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """The parser of the whole command line.

    Args:
        only: fill in the arguments of this command alone, so that the others' modules are not imported; None: of all.
    """
    parser = Parser(prog="greenlane-node", description="Runs a pilot center's part of a Greenlane network.", epilog=_EPILOG)
    add_version(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    for name, module, text in _COMMANDS:
        part = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", epilog=_EPILOG)
        part.set_defaults(run_module=module)
        if only in (None, name):
            _module(module).add_arguments(part)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Does what the arguments say; the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    named = next((word for word in given if not word.startswith("-")), None)
    is_known = any(name == named for name, _, _ in _COMMANDS)

    def act() -> int:
        args = build_parser(named if is_known else "").parse_args(given)
        return int(_module(args.run_module).run(args))

    return run_program("greenlane-node", given, act, extras="node")


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else one_line(str(value))


def _module(name: str) -> Command:
    return cast(Command, importlib.import_module(name))
