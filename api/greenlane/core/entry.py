"""What a log holds for one thing: 65 bytes that commit to it and tell nothing else.

    kind (1) || subject (32) || content (32)

The subject names the thing (for an event the digest in its event hash), the content fixes every byte of it (for an event its
content digest). A blinded entry has the high bit of its kind set, and HMAC-SHA-256 under a random salt of 32 bytes in place of
both: an event of few possible values cannot be guessed from a public log, and once the salt is forgotten the entry means
nothing to anybody for ever.
"""

from dataclasses import dataclass
from enum import IntEnum

from greenlane.core.crypto import constant_time_equal, hmac_sha256
from greenlane.core.errors import InvalidInput
from greenlane.core.units import Salt

ENTRY_BYTES = 65
SALT_BYTES = 32
DIGEST_BYTES = 32
_BLINDED = 0x80


class EntryInvalid(InvalidInput):
    """Bytes are no entry, or digests cannot stand in one."""

    code = "entry-invalid"


class AlreadyBlinded(InvalidInput):
    """A blinded entry was to be blinded again; what it stands for could then not be opened with one salt."""

    code = "entry-already-blinded"


class SaltInvalid(InvalidInput):
    """A salt has not 32 bytes. Its bytes are never named."""

    code = "salt-invalid"
    default_remedy = "Use 32 random bytes."


class EntryKind(IntEnum):
    """What an entry is about, and so what its subject and content are digests of."""

    EVENT = 1
    """Digest in the event hash; content digest."""
    DOCUMENT = 2
    """SHA-256 of the bytes that a person holds; SHA-256 of what is stated of them (`core.documents.description`)."""
    CREDENTIAL = 3
    """SHA-256 of the credential's id; SHA-256 of its compact JWS."""
    STATUS_LIST = 4
    """SHA-256 of the list credential's id; SHA-256 of its compact JWS."""
    EVIDENCE = 5
    """SHA-256 of the evidence statement's id; its EIP-712 digest."""
    RETIREMENT = 6
    """SHA-256 of the retirement's id; digest of the retirement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a log.

    Attributes:
        kind: what it is about.
        is_blinded: whether subject and content are under a salt.
        subject: 32 bytes.
        content: 32 bytes.
    """

    kind: EntryKind
    is_blinded: bool
    subject: bytes
    content: bytes

    def __post_init__(self) -> None:
        if len(self.subject) != DIGEST_BYTES or len(self.content) != DIGEST_BYTES:
            raise EntryInvalid(f"An entry's subject and content have {DIGEST_BYTES} bytes each.")

    def encode(self) -> bytes:
        """The 65 bytes that the log holds, and that `merkle.leaf_hash` hashes."""
        return bytes([self.kind | (_BLINDED if self.is_blinded else 0)]) + self.subject + self.content

    @classmethod
    def decode(cls, data: bytes) -> "Entry":
        """Reads 65 bytes.

        Raises:
            EntryInvalid: another length, or a kind that this version does not know.
        """
        if len(data) != ENTRY_BYTES:
            raise EntryInvalid(f"An entry has {ENTRY_BYTES} bytes, not {len(data)}.")
        try:
            kind = EntryKind(data[0] & ~_BLINDED)
        except ValueError as error:
            raise EntryInvalid(f"No kind of entry has the number {data[0] & ~_BLINDED}.") from error
        return cls(
            kind=kind,
            is_blinded=bool(data[0] & _BLINDED),
            subject=data[1 : 1 + DIGEST_BYTES],
            content=data[1 + DIGEST_BYTES :],
        )

    def blinded(self, salt: Salt) -> "Entry":
        """This entry under a salt; of the same kind, and of the same thing only to whoever holds the salt.

        Args:
            salt: 32 random bytes, used for this entry and no other.

        Raises:
            AlreadyBlinded: it is blinded.
            SaltInvalid: the salt has another length.
        """
        if self.is_blinded:
            raise AlreadyBlinded("This entry is blinded already.")
        return Entry(
            kind=self.kind,
            is_blinded=True,
            subject=blind(self.subject, salt),
            content=blind(self.content, salt),
        )


def blind(digest: bytes, salt: Salt) -> bytes:
    """One digest as it stands in a blinded entry: HMAC-SHA-256 of it under the salt; 32 bytes.

    Raises:
        SaltInvalid: the salt has not 32 bytes.
    """
    if len(salt) != SALT_BYTES:
        raise SaltInvalid(f"A salt has {SALT_BYTES} bytes, not {len(salt)}.")
    return hmac_sha256(salt, digest)


def opens(entry: Entry, plain: Entry, salt: Salt | None) -> bool:
    """Whether an entry of a log stands for a plain one.

    Args:
        entry: as the log holds it.
        plain: what it is said to stand for, not blinded.
        salt: for a blinded entry its salt; for a plain one None. Any other pairing is a no.

    Raises:
        AlreadyBlinded: `plain` is blinded.
        SaltInvalid: the salt has not 32 bytes.
    """
    if plain.is_blinded:
        raise AlreadyBlinded("What an entry is said to stand for must be plain.")
    if entry.is_blinded != (salt is not None):
        return False
    expected = plain if salt is None else plain.blinded(salt)
    return constant_time_equal(entry.encode(), expected.encode())
