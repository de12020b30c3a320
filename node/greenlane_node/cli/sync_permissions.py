"""`greenlane-node sync-permissions`: the allowlists of our nodes, made equal to the registry's active centers."""

import argparse
import sys
import time
from typing import TYPE_CHECKING

from greenlane.core.errors import GreenlaneError
from greenlane.core.exits import Exit, fault_text, one_line

from greenlane_node.cli.program import add_common_arguments, home_of, tell_table

if TYPE_CHECKING:
    from greenlane_node.membership.permissions import Change


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_common_arguments(parser)
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1 where a list differs")
    parser.add_argument("--watch", type=_seconds, metavar="SECONDS", help="go on, and look again after so many seconds")


def run(args: argparse.Namespace) -> int:
    if args.watch is None:
        return _once(args)
    while True:
        try:
            _once(args)
        except GreenlaneError as fault:
            # A node that is away today is looked at again; whoever started this wants it to go on.
            sys.stderr.write(fault_text(fault, program="greenlane-node", as_json=args.json))
        sys.stdout.flush()
        time.sleep(args.watch)


def _once(args: argparse.Namespace) -> int:
    from greenlane.adapters.home import Home

    from greenlane_node.membership.permissions import look, sync

    home = Home(home_of(args))
    found = look(home) if args.check else sync(home)
    said = [*(f"not let in: {one}." for one in found.left_out), *(f"not asked: {one}" for one in found.strangers)]
    for line in [*said, found.old] if found.old else said:
        sys.stderr.write(f"greenlane-node: {one_line(line)}\n")
    tell_table(args, [_row(change) for change in found.changes])
    if args.check and found.changes:
        return Exit.NO
    return Exit.UNCHECKED if found.old or any(change.note for change in found.changes) else Exit.GOOD


def _row(change: "Change") -> dict[str, object]:
    return {
        "node": change.node,
        "list": change.list,
        "missing": ", ".join(map(_short, change.missing)) or None,
        "surplus": ", ".join(map(_short, change.surplus)) or None,
        "note": change.note or None,
    }


def _short(item: str) -> str:
    """An enode with the beginning of its id only; an account whole."""
    return f"{item[:16]}…{item[136:]}" if item.startswith("enode://") else item


def _seconds(text: str) -> int:
    seconds = int(text)
    if not 1 <= seconds <= 86_400:
        raise argparse.ArgumentTypeError("give 1 to 86400 seconds")
    return seconds
