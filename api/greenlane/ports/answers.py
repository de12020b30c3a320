"""The first answer to a request that carried an Idempotency-Key, so that a repeat gets the same and does nothing.

Source: draft-ietf-httpapi-idempotency-key-header.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from greenlane.core.errors import Conflict


class IdempotencyKeyReused(Conflict):
    """The key was used before with another body."""

    code = "idempotency-key-reused"
    default_remedy = "Send a new Idempotency-Key with a new request, or repeat the first request unchanged."


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """A request that must take effect once.

    Attributes:
        scope: who asks and for what: API key id, method and path.
        key: the client's Idempotency-Key, 1 to 255 printable ASCII characters.
        request_digest: SHA-256 over the body and the headers that change its meaning.
        at: when it came; answers are kept at least 24 hours from it.
    """

    scope: str
    key: str
    request_digest: bytes
    at: datetime


class Answers(Protocol):
    """Kept answers. The service that writes keeps its answer in the same transaction as the effect."""

    def find(self, once: Once) -> bytes | None:
        """The first answer, or None where this is the first time.

        Raises:
            IdempotencyKeyReused: the key came before with another request digest.
        """

    def keep(self, once: Once, answer: bytes) -> None:
        """Keeps the answer; its meaning is the service's own.

        Raises:
            IdempotencyKeyReused: another transaction kept one for this key meanwhile.
        """

    def drop_before(self, at: datetime) -> int:
        """Drops answers older than `at`; how many."""
