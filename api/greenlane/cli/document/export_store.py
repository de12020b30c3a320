"""`greenlane document export`: writes documents of this deployment's store to CAR files, which any IPFS node can take.

With --all, everything that the deployment keeps or holds goes into a folder, a file for each document, named by its CID. A file
gets its name when it is whole, so the same command given again goes on with what is missing.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from greenlane.cli.document.progress import Progress, counted, human_size, progress
from greenlane.core.documents.cid import Cid, parse_cid
from greenlane.core.exits import Exit, WrongUse
from greenlane.ports.documents import DocumentMissing, Documents
from greenlane.ports.store import Store

if TYPE_CHECKING:
    from greenlane.adapters.documents_place import DocumentsPlace

CAR_SUFFIX = ".car"
_PAGE = 500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cid", nargs="?", metavar="CID", help="the document")
    parser.add_argument("--output", "-o", metavar="FILE", help="with CID: write the CAR there")
    parser.add_argument("--all", metavar="FOLDER", help="every document that is kept or held here, into this folder")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_home_argument(parser)


def add_home_argument(parser: argparse.ArgumentParser) -> None:
    """The argument that says which deployment; as cli/deployment.py has it, which the base install cannot import."""
    parser.add_argument("--home", help="the deployment's folder (default: GREENLANE_HOME, or var/greenlane)")


def run(args: argparse.Namespace) -> int:
    if (args.cid is None) == (args.all is None) or (args.cid is None) != (args.output is None):
        raise WrongUse("Name one document and a file, or all and a folder.", remedy="CID -o FILE, or --all FOLDER.")
    cid = None if args.cid is None else parse_cid(args.cid, where="CID")
    # The whole server stands behind it, and a member's machine has none of that.
    from greenlane.cli.deployment import opened

    with opened(args) as deployment, _named(deployment.documents_place) as place:
        if cid is not None:
            target = Path(args.output)
            if target.is_dir():
                raise WrongUse("That is a folder.", where=args.output, remedy="Name a file.")
            with progress(args, "written", deployment.documents.size(cid)) as shown:
                written = _write(deployment.documents, cid, target, shown)
            return _tell(args, [cid], 1, written, str(target), place)
        folder = Path(args.all)
        folder.mkdir(parents=True, exist_ok=True)
        wanted = dict(kept_documents(deployment.store))
        missing = [each for each in wanted if not (folder / f"{each.text}{CAR_SUFFIX}").exists()]
        written = 0
        with progress(args, "written", sum(wanted[each] for each in missing)) as shown:
            for each in missing:
                written += _write(deployment.documents, each, folder / f"{each.text}{CAR_SUFFIX}", shown, done=written)
        return _tell(args, list(wanted), len(missing), written, str(folder), place)


@contextmanager
def _named(place: "DocumentsPlace") -> Iterator[str]:
    """The store in words; what is not in it and lies in another one is told so."""
    try:
        yield str(place)
    except DocumentMissing as cause:
        if place.is_elsewhere:
            raise place.elsewhere() from cause
        raise


def kept_documents(store: Store) -> Iterator[tuple[Cid, int]]:
    """Every document that the database wants here, with its size, each once: stated by a member, or held for another center."""
    seen: set[Cid] = set()
    after: Cid | None = None
    while True:
        with store.read() as tx:
            page = tx.documents.wanted(after=after, limit=_PAGE)
        for cid, size in page:
            seen.add(cid)
            yield cid, size
        if len(page) < _PAGE:
            break
        after = page[-1][0]
    after = None
    while True:
        with store.read() as tx:
            held = tx.holds.held(asked_by=None, after=after, limit=_PAGE)
        for each in held:
            if each.cid not in seen:
                seen.add(each.cid)
                yield each.cid, each.size
        if len(held) < _PAGE:
            return
        after = held[-1].cid


def _write(documents: Documents, cid: Cid, target: Path, told: Progress, *, done: int = 0) -> int:
    part = target.with_name(f".{target.name}.part")
    written = 0
    try:
        with part.open("wb") as file:
            for piece in documents.export_car(cid):
                file.write(piece)
                written += len(piece)
                told(done + written)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return written


def _tell(args: argparse.Namespace, documents: list[Cid], fresh: int, written: int, target: str, place: str) -> int:
    if args.json:
        told = {"documents": [cid.text for cid in documents], "written": fresh, "bytes": written, "to": target, "from": place}
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
    else:
        before = len(documents) - fresh
        there = f", {before} {'was' if before == 1 else 'were'} there" if before else ""
        words = f"{counted(fresh, 'document')} written to {target} ({human_size(written)}){there}"
        sys.stdout.write(f"{words}, from {place}.\n")
    return Exit.GOOD
