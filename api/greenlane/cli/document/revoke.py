"""`greenlane document revoke`: takes a confidential document back from a reader, as a new version for the rest."""

import argparse

from greenlane.cli.document.add import tell_stored
from greenlane.cli.document.age import read_identities
from greenlane.cli.document.readers import named_members
from greenlane.cli.document.reissue import add_own_arguments, current_readers, link_note, own_statement, reissue
from greenlane.core.documents.cid import parse_cid
from greenlane.core.documents.description import read_recipient
from greenlane.core.errors import NotFound
from greenlane.core.exits import Exit, WrongUse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cid", metavar="CID", help="the newest version of a document of yours")
    parser.add_argument(
        "--reader",
        action="append",
        default=[],
        metavar="CENTER/MEMBER",
        help="who may not read it any more",
    )
    parser.add_argument("--recipient", action="append", default=[], metavar="AGE1…", help="a key that shall not open it any more")
    parser.add_argument("--links", action="store_true", help="every key without a name: links, and keys given by --for-recipient")
    add_own_arguments(parser)


def run(args: argparse.Namespace) -> int:
    cid = parse_cid(args.cid, where="CID")
    names = set(named_members(args.reader, where="--reader"))
    recipients = {read_recipient(text, "--recipient") for text in args.recipient}
    if not names and not recipients and not args.links:
        raise WrongUse("Nobody is named to take it back from.", remedy="Add --reader, --recipient or --links.")
    identities = read_identities(args, args.identity)
    old = own_statement(args, cid)
    secret = old.description.confidential
    before = () if secret is None else secret.readers
    for name in sorted(names - {reader.name for reader in before if reader.name is not None}, key=str):
        raise NotFound(f"{name} is no reader of this document.", where="--reader", remedy="See `greenlane document list`.")
    for recipient in sorted(recipients - {reader.recipient for reader in before}):
        raise NotFound(f"{recipient} is no key of this document.", where="--recipient", remedy="See `greenlane document list`.")
    if old.description.stated_by in names:
        raise WrongUse("You cannot take your own document back from yourself.", where="--reader")
    rest = [
        reader
        for reader in before
        if reader.name not in names and reader.recipient not in recipients and not (args.links and reader.name is None)
    ]
    if len(rest) == len(before):
        raise NotFound("No key without a name opens this document.", where="--links")
    readers, left_out = current_readers(args, rest, owner=old.description.stated_by, identities=identities)
    # A key that was named comes back by no other way.
    readers = [reader for reader in readers if reader.recipient not in recipients]
    stored = reissue(args, old, readers, identities)
    notes = tuple(f"{name} has no key any more and is left out." for name in left_out)
    notes += (
        "What was read stays read: whoever could open the old version may have kept a copy.",
        f"The old version {cid.text} is withdrawn and no longer handed out; its entry stays in the log.",
        *link_note(readers),
    )
    tell_stored(args, stored, readers=tuple(readers), link=None, more=notes)
    return Exit.GOOD
