"""A confidential document for other readers: fetched, opened and encrypted anew on this machine, and put in the old one's place.

The old version is withdrawn by its center and no longer handed out; its entry stays in the log, for a log forgets nothing. What
was read stays read: no encryption takes a copy back.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from greenlane.cli.document.add import seal_and_send
from greenlane.cli.document.age import Identity, add_identity_arguments, encrypt_anew, recipient_of
from greenlane.cli.document.answers import Statement, reader_keys_of, statements_of
from greenlane.cli.document.fetching import fetched
from greenlane.cli.document.progress import progress
from greenlane.cli.document.readers import OwnerWithoutKey, checked
from greenlane.cli.document.waiting import Patience, add_wait_argument
from greenlane.cli.server import ServerRefused, add_server_arguments
from greenlane.core.documents.cid import Cid
from greenlane.core.documents.description import DocumentReader, MemberName, description_value, read_member_name
from greenlane.core.errors import InvalidInput, NotFound
from greenlane.ports.documents import BytesRefused, Told

_NOT_FOUND = 404
_FIELDS = ("mediaType", "name", "documentType", "issuer", "issuedOn", "about")


class NotConfidential(InvalidInput):
    """A document is for everybody: there is nobody to share it with, or to take it back from."""

    code = "document-not-confidential"


def add_own_arguments(parser: argparse.ArgumentParser) -> None:
    """Who the user is, what opens the old version, and how long to wait for the new one."""
    add_identity_arguments(parser, is_required=True)
    parser.add_argument("--member", metavar="[CENTER/]MEMBER", help="which member you are, or act for")
    add_wait_argument(parser)
    add_server_arguments(parser)


def own_statement(args: argparse.Namespace, cid: Cid) -> Statement:
    """What the user's own member stated of a confidential document.

    Raises:
        NotFound: the key may read none, or none of that member.
        NotConfidential: everybody may read the document.
        InvalidInput: the document was withdrawn, or several members of the key stated it.
    """
    found = statements_of(args, cid)
    if not found:
        raise NotFound(f"Nothing is known of {cid.text} to this key.", remedy="Check CID, --url and --key-file.")
    if args.member:
        found = [each for each in found if _is_of(each.description.stated_by, args.member)]
    secret = [each for each in found if each.is_confidential]
    if not secret:
        if found:
            raise NotConfidential("Everybody may read this document.", remedy="Only a confidential one has readers.")
        raise NotFound(f"{args.member} stated nothing about {cid.text}.", remedy="Check --member.")
    open_ones = [each for each in secret if not each.is_withdrawn]
    if not open_ones:
        after = next((each.replaced_by for each in secret if each.replaced_by is not None), None)
        remedy = "Store the document again." if after is None else f"Name the newest version: {after.text}."
        raise InvalidInput("This version of the document was withdrawn.", where=cid.text, remedy=remedy)
    if len({each.description.stated_by for each in open_ones}) > 1:
        raise InvalidInput("Several members stated this document.", remedy="Say by --member for which one you act.")
    return max(open_ones, key=lambda each: each.leaf_index)


def current_readers(
    args: argparse.Namespace, readers: Sequence[DocumentReader], *, owner: MemberName, identities: Sequence[Identity]
) -> tuple[list[DocumentReader], list[MemberName]]:
    """The same readers by the keys that they have now, and the members who have none any more.

    A key that its member revoked gets nothing new. Of members whom this server does not know the keys stay as they are, and so
    does the owner's key with which the document is opened now, though its center may never have been told of it.
    """
    names = dict.fromkeys(reader.name for reader in readers)
    in_hand = {recipient_of(identity) for identity in identities}
    kept: list[DocumentReader] = []
    left_out: list[MemberName] = []
    for name in names:
        old = [reader for reader in readers if reader.name == name]
        if name is None:
            kept += old
            continue
        try:
            known = reader_keys_of(args, name)
        except ServerRefused as refusal:
            if refusal.status != _NOT_FOUND:
                raise
            kept += old
            continue
        revoked = {key.recipient for key in known if key.is_revoked}
        usable = [key.recipient for key in known if not key.is_revoked]
        if name == owner:
            usable += [reader.recipient for reader in old if reader.recipient in in_hand - revoked - set(usable)]
        kept += [DocumentReader(recipient=recipient, name=name) for recipient in usable]
        if not usable:
            left_out.append(name)
    return list({reader.recipient: reader for reader in reversed(kept)}.values())[::-1], left_out


def reissue(
    args: argparse.Namespace, old: Statement, readers: Sequence[DocumentReader], identities: Sequence[Identity]
) -> Statement:
    """Stores the document anew for these readers, in the place of the old version.

    Raises:
        OwnerWithoutKey: its owner is not among them.
        KeyDoesNotOpen: no identity opens it.
        BytesRefused: what came, or what it decrypts to, is not what was stated.
    """
    said = old.description
    if not any(reader.name == said.stated_by for reader in readers):
        raise OwnerWithoutKey(f"You ({said.stated_by}) would have no key of your own, and could not read or revoke this later.")
    readers = checked(readers)
    args.member = args.member or str(said.stated_by)
    with tempfile.TemporaryDirectory(prefix="greenlane-") as folder:
        part = Path(folder) / "document"
        with progress(args, "fetched", 0) as counted, fetched(args, said.cid, part, Patience.of(args, counted)) as got:
            counted.end()

            def make(sealed: BinaryIO, told: Told) -> bytes:
                recipients = [reader.recipient for reader in readers]
                digest = encrypt_anew(got.file, sealed, identities, recipients, told=told).digest
                if digest != said.digest:
                    raise BytesRefused("What it decrypts to is not what was stated.", remedy="Store the document again by `add`.")
                return digest

            value = description_value(said)
            stated = {field: value[field] for field in _FIELDS} | {"replaces": said.cid.text}
            return seal_and_send(args, make, plain_bytes=got.size, readers=readers, stated=stated)


def link_note(readers: Sequence[DocumentReader]) -> tuple[str, ...]:
    """What becomes of links whose keys still open the document."""
    if all(reader.name is not None for reader in readers):
        return ()
    return ("A link that opened the old version opens this one with the new address before its #.",)


def _is_of(name: MemberName, text: str) -> bool:
    return name == read_member_name(text, "--member") if "/" in text else name.member == text
