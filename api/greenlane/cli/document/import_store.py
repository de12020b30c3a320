"""`greenlane document import`: takes documents out of CAR files into this deployment's store, every block checked.

To carry an embedded store into Kubo: `document export --all FOLDER`, then set GREENLANE_DOCUMENTS_URL, then `document import
--move FOLDER`. What the store has already is not sent again, so the same command given again goes on. Without --move nothing is
taken into another store than the one in which the home's documents lie.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from greenlane.cli.document.export_store import CAR_SUFFIX, add_home_argument, kept_documents
from greenlane.cli.document.progress import Progress, counted, human_size, progress
from greenlane.core.documents.car import CAR_HEAD_BYTES, CarInvalid, root_of_car
from greenlane.core.documents.cid import Cid, CidInvalid, parse_cid
from greenlane.core.exits import Exit, UnreadableFile

_PIECE_BYTES = 1024 * 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        metavar="FILE-OR-FOLDER",
        help="a CAR file, or a folder of them, whose names end in .car",
    )
    parser.add_argument(
        "--move",
        action="store_true",
        help="the documents of this home lie in this store from now on, though they lay in another",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_home_argument(parser)


def run(args: argparse.Namespace) -> int:
    named = [(_root_of(file), file) for file in _files(Path(args.source))]
    # The whole server stands behind it, and a member's machine has none of that.
    from greenlane.cli.deployment import opened

    with opened(args) as deployment:
        if not args.move:
            deployment.claim_documents()
        documents = deployment.documents
        fresh = taken = 0
        with progress(args, "taken", sum(file.stat().st_size for _, file in named)) as shown:
            for cid, file in named:
                size = file.stat().st_size
                if not documents.is_held(cid):
                    documents.import_car(_pieces(file, shown, taken), root=cid, max_bytes=size)
                    fresh += 1
                taken += size
                shown(taken)
        missing = sorted(cid.text for cid, _ in kept_documents(deployment.store) if not documents.is_held(cid))
        if args.move:
            # Last: a command that was killed before it can be given again, or left be.
            deployment.documents_place.move()
        place = str(deployment.documents_place)
    if args.json:
        told = {"documents": [cid.text for cid, _ in named], "imported": fresh, "bytes": taken, "missing": missing, "to": place}
        sys.stdout.write(json.dumps(told) + "\n")
    else:
        before = len(named) - fresh
        there = f", {before} {'was' if before == 1 else 'were'} there" if before else ""
        sys.stdout.write(f"{counted(fresh, 'document')} taken ({human_size(taken)} read){there}, into {place}.\n")
        sys.stdout.write("".join(f"  still missing: {cid}\n" for cid in missing))
        if args.move:
            sys.stdout.write("The documents of this home lie there from now on.\n")
        if missing:
            sys.stdout.write("Import what is missing from other files; the worker brings what a partner holds.\n")
        else:
            sys.stdout.write("All that this deployment keeps is here.\n")
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


def _root_of(file: Path) -> Cid:
    """The document that is wanted of a file: the one that its name says, else the one that it says itself."""
    try:
        return parse_cid(file.name.removesuffix(CAR_SUFFIX))
    except CidInvalid:
        with file.open("rb") as opened_file:
            head = opened_file.read(CAR_HEAD_BYTES)
    try:
        return root_of_car(head)
    except CarInvalid as cause:
        remedy = "Name a file that `greenlane document export` wrote."
        raise UnreadableFile("The file is no CAR of a document.", where=str(file), remedy=remedy) from cause


def _pieces(file: Path, shown: Progress, before: int) -> Iterator[bytes]:
    done = before
    with file.open("rb") as opened_file:
        while piece := opened_file.read(_PIECE_BYTES):
            done += len(piece)
            shown(done)
            yield piece
