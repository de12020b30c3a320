"""`greenlane document share`: lets more members read a confidential document, as a new version in the place of the old."""

import argparse

from greenlane.cli.document.add import tell_stored
from greenlane.cli.document.age import check_recipient, read_identities
from greenlane.cli.document.answers import usable_keys_of
from greenlane.cli.document.readers import named_members
from greenlane.cli.document.reissue import add_own_arguments, current_readers, link_note, own_statement, reissue
from greenlane.core.documents.cid import parse_cid
from greenlane.core.documents.description import DocumentReader
from greenlane.core.exits import Exit, WrongUse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cid", metavar="CID", help="the newest version of a document of yours")
    parser.add_argument(
        "--with", action="append", dest="with_members", default=[], metavar="CENTER/MEMBER", help="who may read it from now on"
    )
    parser.add_argument(
        "--with-recipient",
        action="append",
        default=[],
        metavar="AGE1…",
        help="a public key that opens it from now on",
    )
    add_own_arguments(parser)


def run(args: argparse.Namespace) -> int:
    cid = parse_cid(args.cid, where="CID")
    members = named_members(args.with_members, where="--with")
    recipients = [check_recipient(text, where="--with-recipient") for text in args.with_recipient]
    if not members and not recipients:
        raise WrongUse("Nobody is named to share it with.", remedy="Add --with center/member, or --with-recipient age1….")
    identities = read_identities(args, args.identity)
    old = own_statement(args, cid)
    secret = old.description.confidential
    readers, left_out = current_readers(
        args, () if secret is None else secret.readers, owner=old.description.stated_by, identities=identities
    )
    known = {reader.recipient for reader in readers}
    for member in members:
        readers += [DocumentReader(recipient=key, name=member) for key in usable_keys_of(args, member) if key not in known]
    named = {reader.recipient for reader in readers}
    readers += [DocumentReader(recipient=key, name=None) for key in dict.fromkeys(recipients) if key not in named]
    if {reader.recipient for reader in readers} == known and not left_out:
        raise WrongUse("They may all read it already.", where=args.cid)
    stored = reissue(args, old, readers, identities)
    notes = tuple(f"{name} has no key any more and is left out." for name in left_out)
    notes += (f"The old version {cid.text} is withdrawn; its entry stays in the log.", *link_note(readers))
    tell_stored(args, stored, readers=tuple(readers), link=None, more=notes)
    return Exit.GOOD
