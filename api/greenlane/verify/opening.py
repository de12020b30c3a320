"""What every kind of entry is opened with: the two digests that the log holds, and the salt they are under."""

from dataclasses import dataclass

from greenlane.core.crypto import constant_time_equal
from greenlane.core.entry import Entry, blind
from greenlane.core.errors import ProofRefused
from greenlane.core.units import Salt

WITHHELD_SALT = "The entry is private, and the receipt does not carry the salt that opens it."
NOT_OPENED = "The salt does not open the entry."


class SaltRefused(ProofRefused):
    """Under the salt of the receipt the entry stands for nothing that is disclosed."""

    code = "salt-refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """An entry, and the salt it is under; None for a plain one."""

    entry: Entry
    salt: Salt | None

    def has_subject(self, digest: bytes) -> bool:
        """Whether the entry's subject is this digest."""
        return constant_time_equal(self.entry.subject, self._as_logged(digest))

    def has_content(self, digest: bytes) -> bool:
        """Whether the entry's content is this digest."""
        return constant_time_equal(self.entry.content, self._as_logged(digest))

    def _as_logged(self, digest: bytes) -> bytes:
        return digest if self.salt is None else blind(digest, self.salt)

    @property
    def opened(self) -> str:
        """How it is opened, in words."""
        return "It is public." if self.salt is None else "It is private, and the receipt's salt opens it."
