"""Keys of members that their center keeps for them, in the keystore of its home; implements ports.member_keys.MemberKeys.

A member's key has the name `member-<center>-<member>`, and each that took its place a number behind it: `member-lima-acme-2`. A
hyphen within a center's or a member's id stands there twice, so no two members share a name. Of several the one with the highest
number counts. None is ever removed: what a former key signed was signed by it. While a key is made and not on the chain yet, or
once the member has taken its key to itself, it lies under a name that nobody signs with (`next-…`, `former-…`).

The keystore is asked anew each time, so keys that are made while a server runs are found; each is decrypted once, at its first
signature.
"""

from collections.abc import Iterator
from typing import Final

from eth_typing import Hash32

from greenlane.adapters.keystore import KeyFile, Keystore, KeyUse, WrongUse
from greenlane.core.assets.act import SIGNATURE_BYTES
from greenlane.core.errors import NotFound
from greenlane.core.units import Address, CenterId, MemberId

MEMBER_KEY_USES: Final = (KeyUse.MEMBER, KeyUse.CERTIFIER)
_NEXT: Final = "next"
_FORMER: Final = "former"


class MemberKeyMissing(NotFound):
    """No key of that member is kept here: it keeps its key itself, or another home does."""

    code = "member-key-missing"


class KeystoreMemberKeys:
    """See ports.member_keys.MemberKeys. Safe for threads."""

    def __init__(self, keystore: Keystore) -> None:
        """Takes where the keys lie; nothing is read yet."""
        self._keystore = keystore

    def __repr__(self) -> str:
        return f"KeystoreMemberKeys({self._keystore!r})"

    def account(self, center: CenterId, member: MemberId) -> Address | None:
        """The account whose key is kept here for that member; None where it keeps its key itself.

        Raises:
            KeyFileInvalid: its file cannot be read or is damaged.
            WrongUse: the key of that name is for something else.
        """
        kept = newest_member_key(self._keystore, center, member)
        return None if kept is None else kept.address

    def sign(self, center: CenterId, member: MemberId, digest: bytes) -> bytes:
        """The member's signature of a digest of 32 bytes: r ‖ s ‖ v, 65 bytes, v 27 or 28.

        Raises:
            MemberKeyMissing: no key of the member is kept here.
            KeyFileInvalid, WrongPassword, WrongUse: its key cannot be opened.
        """
        kept = newest_member_key(self._keystore, center, member)
        if kept is None:
            raise MemberKeyMissing(
                f"No key of the member {member!r} of {center!r} is kept here.",
                remedy="Send its signature along, or have its center keep a key for it: greenlane-node members.",
            )
        signed = self._keystore.account(kept.name, kept.use).unsafe_sign_hash(Hash32(digest))
        signature = bytes(signed.signature)
        # The contracts take no other form.
        assert len(signature) == SIGNATURE_BYTES  # noqa: S101
        return signature


def member_key_name(center: CenterId, member: MemberId) -> str:
    """Under which name the first key of a member lies in the keystore of its center."""
    return f"member-{center.replace('-', '--')}-{member.replace('-', '--')}"


def next_member_key_name(center: CenterId, member: MemberId) -> str:
    """Under which name a member's new key lies until the registry names it."""
    return f"{_NEXT}-{member_key_name(center, member)}"


def member_key_names(keystore: Keystore, center: CenterId, member: MemberId) -> tuple[str, ...]:
    """Names of the keys that are kept for a member, in their order; the last one counts."""
    return tuple(_taken(keystore, member_key_name(center, member)))


def newest_member_key(keystore: Keystore, center: CenterId, member: MemberId) -> KeyFile | None:
    """What the file of the key says that counts; None where none is kept for that member.

    Raises:
        KeyFileInvalid: it cannot be read or is damaged.
        WrongUse: it is for something else.
    """
    names = member_key_names(keystore, center, member)
    if not names:
        return None
    kept = keystore.describe(names[-1])
    if kept.use not in MEMBER_KEY_USES:
        raise WrongUse(f"The key {kept.name!r} is for {kept.use}, and no member's.")
    return kept


def settle_next_member_key(keystore: Keystore, center: CenterId, member: MemberId) -> None:
    """Lets the member's new key count, now that the registry names it; nothing where there is none."""
    name = next_member_key_name(center, member)
    if keystore.has(name):
        keystore.rename(name, _free(keystore, member_key_name(center, member)))


def retire_member_keys(keystore: Keystore, center: CenterId, member: MemberId) -> None:
    """Lets no key count that is kept for a member, now that the registry names one that it keeps itself."""
    # From the last on: what a crash leaves is found by the next run, for names have no gaps.
    for name in reversed(member_key_names(keystore, center, member)):
        keystore.rename(name, _free(keystore, f"{_FORMER}-{member_key_name(center, member)}"))


def _taken(keystore: Keystore, first: str) -> Iterator[str]:
    name, number = first, 1
    while keystore.has(name):
        yield name
        number += 1
        name = f"{first}-{number}"


def _free(keystore: Keystore, first: str) -> str:
    taken = sum(1 for _ in _taken(keystore, first))
    return first if taken == 0 else f"{first}-{taken + 1}"
