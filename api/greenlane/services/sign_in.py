"""Signs people in at pages: a browser keeps 256 random bits, and the server what they hash to.

A sign-in stands for the API key that was shown for it, and ends with it: at every request the key is looked at again. Whoever
reads the database can sign in as nobody. The text that forms carry is made of the same bits, so a page of another origin, which
never sees them, can send no form.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NoBase64
from dataclasses import dataclass
from datetime import datetime, timedelta

from greenlane.core import crypto
from greenlane.core.units import CenterId, MemberId
from greenlane.ports.accounts import ApiKey
from greenlane.ports.audit import AuditLine
from greenlane.ports.clock import Clock
from greenlane.ports.entropy import Entropy
from greenlane.ports.sessions import Session
from greenlane.ports.store import Store

LASTS = timedelta(hours=12)
"""How long a sign-in lasts at most."""
TOKEN_BYTES = 32
_TOKEN_CHARACTERS = 43
_FORM_PURPOSE = b"greenlane forms of one sign-in"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedSession:
    """A new sign-in.

    Attributes:
        token: what the browser's cookie holds; told once, and kept nowhere else.
    """

    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A sign-in that lives.

    Attributes:
        key: the live API key that it stands for.
        form_token: what its forms carry.
    """

    key: ApiKey
    form_token: str
    form_digest: bytes
    expires_at: datetime

    def is_own_form(self, form_token: str) -> bool:
        """Whether a form came from a page of this sign-in, in a time that tells nothing of what it should have been."""
        return crypto.constant_time_equal(crypto.sha256(form_token.encode()), self.form_digest)


class SignIn:
    """Three use cases: sign in, know who is signed in, sign out."""

    def __init__(self, *, store: Store, clock: Clock, entropy: Entropy) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy

    def open(self, *, key_id: str, center: CenterId, member: MemberId | None) -> OpenedSession:
        """Signs in whoever showed a live API key.

        Args:
            key_id, center, member: of that key.

        Raises:
            StoreUnavailable: nothing was kept.
        """
        bits = self._entropy(TOKEN_BYTES)
        now = self._clock()
        session = Session(
            token_digest=crypto.sha256(bits),
            key_id=key_id,
            form_digest=crypto.sha256(_form_token(bits).encode()),
            created_at=now,
            expires_at=now + LASTS,
        )
        line = AuditLine(
            at=now, actor=f"key:{key_id}", center=center, member=member, action="session.open", subject=f"key:{key_id}"
        )
        with self._store.write() as tx:
            tx.sessions.drop_expired(now)
            tx.sessions.add(session)
            tx.audit.add(line)
        return OpenedSession(token=_text(bits), expires_at=session.expires_at)

    def __call__(self, token: str) -> SignedIn | None:
        """Who is signed in with a cookie; None where nobody is: it is unknown, or it or its key has ended.

        Raises:
            StoreUnavailable: the database is away.
        """
        bits = _bits(token)
        if bits is None:
            return None
        now = self._clock()
        with self._store.read() as tx:
            session = tx.sessions.get(crypto.sha256(bits))
            key = None if session is None else tx.accounts.api_key(session.key_id)
        if session is None or key is None or session.expires_at <= now:
            return None
        if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= now):
            return None
        return SignedIn(key=key, form_token=_form_token(bits), form_digest=session.form_digest, expires_at=session.expires_at)

    def end(self, token: str) -> None:
        """Signs out; a sign-in that is none changes nothing.

        Raises:
            StoreUnavailable: the database is away.
        """
        bits = _bits(token)
        if bits is None:
            return
        now = self._clock()
        with self._store.write() as tx:
            session = tx.sessions.get(crypto.sha256(bits))
            key = None if session is None else tx.accounts.api_key(session.key_id)
            if tx.sessions.end(crypto.sha256(bits)) and key is not None:
                actor = f"key:{key.id}"
                line = AuditLine(at=now, actor=actor, center=key.center, member=key.member, action="session.end", subject=actor)
                tx.audit.add(line)


def _text(bits: bytes) -> str:
    return urlsafe_b64encode(bits).rstrip(b"=").decode()


def _bits(token: str) -> bytes | None:
    """The bits of a cookie; None where it is no cookie of ours."""
    if len(token) != _TOKEN_CHARACTERS or not token.isascii():
        return None
    try:
        bits = urlsafe_b64decode(token + "=")
    except (NoBase64, ValueError):
        return None
    # Of what spells the same bits otherwise there is none in the browser.
    return bits if len(bits) == TOKEN_BYTES and _text(bits) == token else None


def _form_token(bits: bytes) -> str:
    return _text(crypto.hmac_sha256(bits, _FORM_PURPOSE))
