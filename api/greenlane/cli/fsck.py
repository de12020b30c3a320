"""`greenlane fsck`: recomputes every stored event, leaf, tile and checkpoint, and compares them with the chain."""

import argparse
import json
import sys
from dataclasses import asdict

from greenlane.cli.deployment import add_home_argument, chosen_centers, opened
from greenlane.core.exits import Exit
from greenlane.services.check import CheckReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--center", help="check this one only (default: all that are hosted here)")
    parser.add_argument("--no-chain", action="store_true", help="leave out the comparison with the chain")
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    add_home_argument(parser)


def run(args: argparse.Namespace) -> int:
    is_tty = sys.stderr.isatty()

    def progress(what: str, done: int, total: int) -> None:
        if is_tty:
            sys.stderr.write(f"\r\x1b[K{what}: {done} of {total}")

    with opened(args) as deployment:
        ledger = None if args.no_chain else deployment.ledger
        centers = chosen_centers(deployment, args.center)
        reports = [deployment.check(center, ledger=ledger, progress=progress) for center in centers]
    if is_tty:
        sys.stderr.write("\r\x1b[K")
    is_clean = not any(report.faults for report in reports)
    if args.json:
        sys.stdout.write(json.dumps({"isClean": is_clean, "centers": [asdict(report) for report in reports]}, indent=2) + "\n")
    else:
        for report in reports:
            sys.stdout.write(_sentence(report))
        sys.stdout.write("All is well.\n" if is_clean else "Something does not add up: see above.\n")
    return Exit.GOOD if is_clean else Exit.NO


def _sentence(report: CheckReport) -> str:
    chain = f"{report.anchors} anchors found on the chain" if report.is_chain_checked else "the chain was not asked"
    sealed = f", {report.sealed} of them by their seals" if report.sealed else ""
    forgotten = f", {report.forgotten} salts forgotten on request" if report.forgotten else ""
    lines = [
        f"{report.center}: {report.events} events, {report.entries} entries, {report.tiles} tiles, "
        f"{report.checkpoints} checkpoints recomputed, {chain}{sealed}{forgotten}.\n"
    ]
    lines += [f"  {fault}\n" for fault in report.faults]
    return "".join(lines)
