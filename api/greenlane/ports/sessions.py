"""Sign-ins of people at pages: each stands for an API key, ends by itself, and is known here by a digest alone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One sign-in.

    Attributes:
        token_digest: SHA-256 of the cookie's 256 random bits.
        key_id: of the API key it stands for; it ends when the key does.
        form_digest: SHA-256 of the text that every form of this sign-in carries.
        expires_at: aware UTC.
    """

    token_digest: bytes
    key_id: str
    form_digest: bytes
    created_at: datetime
    expires_at: datetime


class Sessions(Protocol):
    """Sign-ins."""

    def add(self, session: Session) -> None: ...
    def get(self, token_digest: bytes) -> Session | None: ...
    def end(self, token_digest: bytes) -> bool:
        """Ends a sign-in; False where there is none."""

    def drop_expired(self, at: datetime) -> int:
        """Drops those that ended before; how many."""
