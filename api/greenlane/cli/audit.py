"""`greenlane audit`: the append-only record of writes: who, for whom, what, when."""

import argparse
import json
import sys

from greenlane.cli.deployment import add_home_argument, chosen_centers, opened
from greenlane.core.errors import InvalidInput
from greenlane.core.exits import Exit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--center", required=True)
    parser.add_argument("--after", type=int, default=0, help="only lines with a higher number than this")
    parser.add_argument("--limit", type=int, default=100, help="at most so many lines (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    add_home_argument(parser)


def run(args: argparse.Namespace) -> int:
    if not 0 <= args.after < 2**63:
        raise InvalidInput("The number of a line is not negative and has at most 18 digits.", where="--after")
    with opened(args) as deployment, deployment.store.read() as tx:
        (center,) = chosen_centers(deployment, args.center)
        lines = tx.audit.lines(center, after=args.after, limit=max(1, min(args.limit, 10_000)))
    for number, line in lines:
        if args.json:
            record = {
                "number": number,
                "at": line.at.isoformat(),
                "actor": line.actor,
                "center": line.center,
                "member": line.member,
                "action": line.action,
                "subject": line.subject,
            }
            sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
        else:
            sys.stdout.write(
                f"{number}  {line.at:%Y-%m-%d %H:%M:%S}Z  {line.actor}  {line.member or '-'}  {line.action}  {line.subject}\n"
            )
    return Exit.GOOD
