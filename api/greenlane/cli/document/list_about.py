"""`greenlane document list`: which documents there are about a thing, or of the key's center, newest first."""

import argparse
import json
import sys

from greenlane.cli.document.answers import Statement, list_documents, own_center
from greenlane.cli.document.progress import human_size
from greenlane.cli.server import add_server_arguments
from greenlane.core.documents.description import canonical_subject
from greenlane.core.exits import Exit, WrongUse
from greenlane.core.units import center_id

_DEFAULT_MOST = 200
_MOST = 100_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--about", metavar="URI", help="a product, lot, event, credential or member")
    parser.add_argument("--center", help="instead of --about: what members of this center stated (default: yours)")
    parser.add_argument("--most", type=int, default=_DEFAULT_MOST, metavar="NUMBER", help="list so many (default: %(default)s)")
    parser.add_argument("--member", metavar="[CENTER/]MEMBER", help="which member you are, or act for")
    add_server_arguments(parser)


def run(args: argparse.Namespace) -> int:
    if not 1 <= args.most <= _MOST:
        raise WrongUse(f"The number is not from 1 to {_MOST}.", where="--most")
    if args.about is not None and args.center is not None:
        raise WrongUse("Either a thing is named or a center.", remedy="Leave out --about or --center.")
    if args.about is not None:
        asked = {"about": canonical_subject(args.about, where="--about")}
    else:
        asked = {"center": center_id(args.center) if args.center is not None else own_center(args)}
    found = list(list_documents(args, asked, args.most))
    if args.json:
        sys.stdout.write(json.dumps([each.raw for each in found], ensure_ascii=False, indent=2) + "\n")
        return Exit.GOOD
    for each in found:
        # What is stated was read strictly: it has no sign that would steer a terminal.
        first, *more = _lines(each)
        sys.stdout.write(f"{first}\n" + "".join(f"    {line}\n" for line in more))
    if not found:
        sys.stdout.write("No documents.\n")
    return Exit.GOOD


def _lines(statement: Statement) -> list[str]:
    said = statement.description
    by = f", issued by {said.issuer}" if said.issuer else ""
    on = f"{' on' if said.issuer else ', dated'} {said.issued_on.isoformat()}" if said.issued_on else ""
    lines = [
        f"{said.cid.text}  {said.document_type}  {said.name}",
        f"{human_size(said.size)} {said.media_type}, stated by {said.stated_by}{by}{on}, leaf {statement.leaf_index}",
    ]
    if said.confidential is not None:
        readers = dict.fromkeys("a link or key" if each.name is None else str(each.name) for each in said.confidential.readers)
        lines.append(f"confidential, for {', '.join(readers)}")
    if statement.is_withdrawn:
        lines.append("withdrawn")
    if statement.replaced_by is not None:
        lines.append(f"replaced by {statement.replaced_by.text}")
    return lines
