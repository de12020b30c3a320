"""Tells who an API key speaks for. Everything that is not a live key is the same refusal."""

import re
from dataclasses import dataclass
from datetime import datetime

from greenlane.core import crypto
from greenlane.core.errors import GreenlaneError
from greenlane.core.units import CenterId, MemberId
from greenlane.ports.accounts import KeyRole
from greenlane.ports.clock import Clock
from greenlane.ports.store import Store

_KEY_TEXT = re.compile(r"gl_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")


class Unauthenticated(GreenlaneError):
    """No key, or none that is known, unexpired and unrevoked."""

    code = "unauthenticated"
    default_remedy = "Send `Authorization: Bearer gl_…` with a live API key of the center."


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks, as far as the key tells.

    Attributes:
        member: the one that the key speaks for; None where it speaks for no one member.
        label: the operator's words of what the key is for; of a partner's key the center that asks.
        expires_at: None: it is good until it is revoked.
    """

    key_id: str
    role: KeyRole
    center: CenterId
    member: MemberId | None
    label: str
    expires_at: datetime | None

    @property
    def actor(self) -> str:
        """The name of the asker in audit lines."""
        return f"key:{self.key_id}"


class Identify:
    """The use case."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def __call__(self, key_text: str) -> Principal:
        """Reads an API key "gl_<id>_<secret>".

        Raises:
            Unauthenticated: it is malformed, unknown, expired or revoked; the answer does not tell which.
        """
        parts = _KEY_TEXT.fullmatch(key_text)
        if parts is None:
            raise Unauthenticated("The API key is not of the form gl_<id>_<secret>.")
        with self._store.read() as tx:
            key = tx.accounts.api_key(parts[1])
        is_right = key is not None and crypto.constant_time_equal(crypto.sha256(parts[2].encode()), key.secret_digest)
        if key is None or not is_right or key.revoked_at is not None:
            raise Unauthenticated("The API key is not known here.")
        if key.expires_at is not None and key.expires_at <= self._clock():
            raise Unauthenticated("The API key is not known here.")
        return Principal(
            key_id=key.id, role=key.role, center=key.center, member=key.member, label=key.label, expires_at=key.expires_at
        )
