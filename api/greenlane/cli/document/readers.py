"""For whom a confidential document is encrypted: which keys, and whose they are."""

import argparse
from collections.abc import Iterable, Sequence

from greenlane.cli.document.age import check_recipient, read_identities, recipient_of
from greenlane.cli.document.answers import MemberWithoutKey, usable_keys_of
from greenlane.cli.server import ServerRefused
from greenlane.core.documents.description import MAX_READERS, DocumentReader, MemberName, read_member_name
from greenlane.core.errors import InvalidInput, NotFound
from greenlane.core.exits import one_line

_NOT_FOUND = 404


class OwnerWithoutKey(InvalidInput):
    """Whoever shares a document has no key of its own, and could never open, share or revoke it again."""

    code = "owner-without-key"
    default_remedy = (
        "Make one by `greenlane document keygen -o FILE`, and tell your center by `greenlane document register-key`; "
        "or give the one you have by --own-identity."
    )


def named_members(texts: Iterable[str], *, where: str) -> list[MemberName]:
    """Members as "center/member", each once.

    Raises:
        FieldInvalid: one names none.
    """
    return list(dict.fromkeys(read_member_name(text, where) for text in texts))


def readers_for(
    args: argparse.Namespace,
    *,
    owner: MemberName,
    own_identity: str | None,
    members: Sequence[MemberName],
    recipients: Sequence[str],
) -> tuple[DocumentReader, ...]:
    """The owner first, then the named members, then keys without a name; no key twice.

    Args:
        own_identity: a file with the owner's key; None: the keys that its center knows.
        recipients: keys whose owners the description does not name.

    Raises:
        OwnerWithoutKey, MemberWithoutKey, IdentityInvalid, ServerRefused: as their names say.
        InvalidInput: too many readers.
    """
    if own_identity is not None:
        own = [recipient_of(identity) for identity in read_identities(args, own_identity)]
    else:
        try:
            own = usable_keys_of(args, owner)
        except MemberWithoutKey as cause:
            raise OwnerWithoutKey(f"You ({owner}) have no key of your own, and could not read or revoke this later.") from cause
    named: dict[str, MemberName | None] = dict.fromkeys(own, owner)
    for member in members:
        if member != owner:
            named |= {recipient: member for recipient in _keys_of_reader(args, member) if recipient not in named}
    for recipient in recipients:
        named.setdefault(check_recipient(recipient, where="--for-recipient"), None)
    return checked([DocumentReader(recipient=recipient, name=name) for recipient, name in named.items()])


def _keys_of_reader(args: argparse.Namespace, member: MemberName) -> list[str]:
    try:
        return usable_keys_of(args, member)
    except ServerRefused as refusal:
        if refusal.status != _NOT_FOUND:
            raise
        raise NotFound(
            f"This server knows no member {member}.",
            where="--for",
            remedy="Check the name; for a member of a center that is served elsewhere, get its public key and name that by "
            "--for-recipient.",
        ) from refusal


def checked(readers: Sequence[DocumentReader]) -> tuple[DocumentReader, ...]:
    """The readers, if they are not too many.

    Raises:
        InvalidInput: they are.
    """
    if len(readers) > MAX_READERS:
        raise InvalidInput(
            f"A document has at most {MAX_READERS} keys that open it, not {len(readers)}.", remedy="Name fewer readers."
        )
    return tuple(readers)


def shown_readers(readers: Sequence[DocumentReader], link_recipient: str | None) -> str:
    """Who can read it, in one line for people."""
    words: dict[str, None] = {}
    for reader in readers:
        if reader.name is not None:
            words[str(reader.name)] = None
        elif reader.recipient == link_recipient:
            words["whoever has the link"] = None
        else:
            words[f"whoever has the key of {reader.recipient}"] = None
    return one_line(", ".join(words))
