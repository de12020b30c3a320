"""`greenlane document import`: takes documents out of CAR files into this deployment's store, every block checked.

To carry an embedded store into Kubo: `document export --all FOLDER`, then set GREENLANE_DOCUMENTS_URL, then `document import
FOLDER`. What the store has already is not sent again, so the same command given again goes on.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from greenlane.cli.document.export_store import CAR_SUFFIX, add_home_argument, kept_documents
from greenlane.cli.document.progress import Progress, human_size, progress
from greenlane.core.documents.cid import CidInvalid, parse_cid
from greenlane.core.exits import Exit, UnreadableFile, WrongUse

_PIECE_BYTES = 1024 * 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        metavar="FILE-OR-FOLDER",
        help="a CAR file named by its document's CID, or a folder of them",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_home_argument(parser)


def run(args: argparse.Namespace) -> int:
    files = _files(Path(args.source))
    named = []
    for file in files:
        try:
            named.append((parse_cid(file.name.removesuffix(CAR_SUFFIX)), file))
        except CidInvalid as cause:
            raise WrongUse(
                "The file is not named by the CID of a document.",
                where=str(file),
                remedy="Name it as `export --all` does.",
            ) from cause
    # The whole server stands behind it, and a member's machine has none of that.
    from greenlane.cli.deployment import opened

    with opened(args) as deployment:
        documents = deployment.documents
        fresh = taken = 0
        with progress(args, "taken", sum(file.stat().st_size for file in files)) as shown:
            for cid, file in named:
                size = file.stat().st_size
                if not documents.is_held(cid):
                    documents.import_car(_pieces(file, shown, taken), root=cid, max_bytes=size)
                    fresh += 1
                taken += size
                shown(taken)
        missing = sorted(cid.text for cid, _ in kept_documents(deployment.store) if not documents.is_held(cid))
    if args.json:
        told = {"documents": [cid.text for cid, _ in named], "imported": fresh, "bytes": taken, "missing": missing}
        sys.stdout.write(json.dumps(told) + "\n")
    else:
        there = f", {len(named) - fresh} were there" if len(named) > fresh else ""
        sys.stdout.write(f"{fresh} documents taken ({human_size(taken)} read){there}.\n")
        sys.stdout.write("".join(f"  still missing: {cid}\n" for cid in missing))
        sys.stdout.write("All that this deployment keeps is here.\n" if not missing else "")
    return Exit.GOOD if not missing else Exit.NO


def _files(source: Path) -> list[Path]:
    if source.is_dir():
        files = sorted(each for each in source.iterdir() if each.suffix == CAR_SUFFIX and not each.name.startswith("."))
        if not files:
            raise UnreadableFile("The folder holds no CAR file.", where=str(source))
        return files
    if not source.is_file():
        raise UnreadableFile("There is no such file or folder.", where=str(source))
    return [source]


def _pieces(file: Path, shown: Progress, before: int) -> Iterator[bytes]:
    done = before
    with file.open("rb") as opened_file:
        while piece := opened_file.read(_PIECE_BYTES):
            done += len(piece)
            shown(done)
            yield piece
