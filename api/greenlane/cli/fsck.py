"""`greenlane fsck`: recomputes what is stored, every leaf, tile and checkpoint, and compares them with the chain.

With --documents every byte of every document that is wanted here is read and hashed too, which takes as long as reading takes.
"""

import argparse
import json
import sys
from dataclasses import asdict

from greenlane.cli.deployment import add_home_argument, chosen_centers, opened
from greenlane.cli.document.progress import counted, human_size
from greenlane.core.exits import Exit
from greenlane.services.check import BytesReport, CheckReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--center", help="check this one only (default: all that are hosted here)")
    parser.add_argument("--no-chain", action="store_true", help="leave out the comparison with the chain")
    parser.add_argument(
        "--documents", action="store_true", help="hash every block of every document that is stated here or held for others too"
    )
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
        documents = deployment.check.documents(progress=progress) if args.documents else None
        place = deployment.documents_place
        elsewhere = place.elsewhere() if documents is not None and place.is_elsewhere else None
    if is_tty:
        sys.stderr.write("\r\x1b[K")
    is_clean = not any(report.faults for report in reports) and (documents is None or not documents.faults)
    is_clean = is_clean and elsewhere is None
    if args.json:
        told = {
            "isClean": is_clean,
            "centers": [asdict(report) for report in reports],
            "documents": None if documents is None else asdict(documents),
            "documentsIn": None if documents is None else str(place),
            "documentsElsewhere": None if elsewhere is None else str(elsewhere),
        }
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
    else:
        for report in reports:
            sys.stdout.write(_sentence(report))
        if documents is not None:
            if elsewhere is not None:
                sys.stdout.write(f"{elsewhere}\n")
            sys.stdout.write(f"{_bytes_sentence(documents)}, in {place}.\n{_told(documents)}")
        sys.stdout.write("All is well.\n" if is_clean else "Something does not add up: see above.\n")
    return Exit.GOOD if is_clean else Exit.NO


def _sentence(report: CheckReport) -> str:
    chain = f"{counted(report.anchors, 'anchor')} found on the chain" if report.is_chain_checked else "the chain was not asked"
    sealed = f", {report.sealed} of them by their seals" if report.sealed else ""
    forgotten = f", {counted(report.forgotten, 'salt')} forgotten on request" if report.forgotten else ""
    others = "".join(
        f"{counted(count, one)}, "
        for count, one in (
            (report.documents, "document"),
            (report.evidence, "evidence statement"),
            (report.retirements, "retirement"),
        )
        if count
    )
    stored = f"{counted(report.events, 'event')}, {others}{counted(report.entries, 'entry', 'entries')}"
    built = f"{counted(report.tiles, 'tile')}, {counted(report.checkpoints, 'checkpoint')}"
    return f"{report.center}: {stored}, {built} recomputed, {chain}{sealed}{forgotten}.\n{_told(report)}"


def _bytes_sentence(report: BytesReport) -> str:
    documents = counted(report.documents, "document")
    if not report.faults:
        return f"{documents} read and hashed, every byte as it should be ({human_size(report.size)})"
    whole = f"whole are {human_size(report.size)} of them" if report.size else "none of it whole"
    return f"{documents} read and hashed, {whole}"


def _told(report: CheckReport | BytesReport) -> str:
    lines = [f"  {fault}\n" for fault in report.faults]
    if report.unlisted:
        lines.append(f"  and {report.unlisted} more of the kind.\n")
    return "".join(lines)
