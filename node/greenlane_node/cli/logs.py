"""`greenlane-node logs [NODE]`: the last lines of one node's log, or of all, and on wish what comes after them."""

import argparse
import json
import sys
import time

from greenlane.core.exits import Exit

from greenlane_node.cli.program import add_common_arguments
from greenlane_node.cli.running import machine_of

_LOOK_S = 0.3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("node", nargs="?", metavar="NODE", help="of this node alone (default: of all)")
    parser.add_argument("--lines", type=_count, default=20, metavar="N", help="so many lines of each (default: 20)")
    parser.add_argument("--follow", action="store_true", help="go on with what comes, until Ctrl-C")
    add_common_arguments(parser)


def run(args: argparse.Namespace) -> int:
    from greenlane_node.machine.node_log import LogReader

    machine = machine_of(args)
    names = [args.node] if args.node else machine.names()
    readers = {name: LogReader(machine.log_file(name)) for name in names}
    for name, reader in readers.items():
        lines = reader.last(args.lines)
        if not lines:
            sys.stderr.write(f"greenlane-node: {name} has said nothing yet.\n")
        _write(args, name, lines, is_alone=len(names) == 1)
    while args.follow:
        for name, reader in readers.items():
            _write(args, name, reader.new(), is_alone=len(names) == 1)
        time.sleep(_LOOK_S)
    return Exit.GOOD


def _write(args: argparse.Namespace, name: str, lines: list[str], *, is_alone: bool) -> None:
    if args.json:
        sys.stdout.writelines(json.dumps({"node": name, "line": line}, ensure_ascii=False) + "\n" for line in lines)
    else:
        sys.stdout.writelines(f"{line}\n" if is_alone else f"{name} | {line}\n" for line in lines)
    sys.stdout.flush()


def _count(text: str) -> int:
    count = int(text)
    if not 0 <= count <= 100_000:
        raise argparse.ArgumentTypeError("give 0 to 100000 lines")
    return count
