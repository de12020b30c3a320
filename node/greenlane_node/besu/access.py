"""Tokens that open an RPC node: signed by its center, checked by the node with the public key alone.

A token names what its bearer may ask and until when; the node keeps no list of them. So one that is lost is good until it ends,
unless the center makes a new key, gives the node its public part and starts it again: then none of the old ones is good.
Source: Besu, authentication by JWT with a public key: ES256, claims `permissions`, `iat`, `exp`; RFC 7519.
"""

import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from greenlane.adapters.keystore import Keystore, KeyUse
from greenlane.core.crypto import p256_public_key
from greenlane.core.errors import InvalidInput
from greenlane.core.units import CenterId
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from greenlane_node.besu.config import JWT_ALGORITHM
from greenlane_node.keys import key_name

OPERATOR_PERMISSIONS: Final = ("*:*",)
"""Of who runs the node: allowlists, peers, everything."""
API_PERMISSIONS: Final = ("eth:*", "net:*", "web3:*", "txpool:*", "qbft:*")
"""Of the center's server: to read, to send what it has signed, to see who seals."""
TOKEN_DAYS: Final = 365
RENEWAL_DAYS: Final = 90
"""A token that ends sooner is made anew when the files are written again."""
MAX_TOKEN_DAYS: Final = 3_660
Clock = Callable[[], datetime]
"""Tells the time; aware."""
_PERMISSION = re.compile(r"\*:\*|[a-z][a-z0-9]{0,31}:(\*|[A-Za-z][A-Za-z0-9]{0,63})", re.ASCII)


class TokenRefused(InvalidInput):
    """A token cannot be made as asked, or is none of this node."""

    code = "token-refused"


class RpcAccess:
    """Makes the tokens of one center's RPC node."""

    def __init__(self, secret: bytes, *, clock: Clock) -> None:
        """Takes the key that signs.

        Args:
            secret: P-256 private key, 32 bytes.
            clock: aware.

        Raises:
            NoCurveKey: the secret is none.
        """
        point = p256_public_key(secret)
        self._key = ECKey.import_key(
            {
                "kty": "EC",
                "crv": "P-256",
                "x": _base64url(point[:32]),
                "y": _base64url(point[32:]),
                "d": _base64url(secret),
            }
        )
        self._clock = clock

    def __repr__(self) -> str:
        return "RpcAccess()"

    @classmethod
    def of_center(cls, keystore: Keystore, center: CenterId, *, clock: Clock) -> "RpcAccess":
        """With the key of a center.

        Raises:
            KeyMissing, KeyFileInvalid, WrongPassword, WrongUse: there is none, or it cannot be opened.
        """
        return cls(keystore.secret(key_name(center, KeyUse.TOKENS), KeyUse.TOKENS), clock=clock)

    def public_key_pem(self) -> bytes:
        """What the node checks tokens with (`rpc-http-authentication-jwt-public-key-file`)."""
        return self._key.as_pem(private=False)

    def issue_token(self, permissions: Sequence[str], days: int) -> str:
        """A new token.

        Args:
            permissions: what its bearer may ask: `eth:*`, `net:version`, `*:*`; at least one.
            days: until it ends; 1 to MAX_TOKEN_DAYS.

        Raises:
            TokenRefused: a permission is none, or the days are out of bounds.
        """
        wrong = [one for one in permissions if _PERMISSION.fullmatch(one) is None]
        if wrong or not permissions:
            told = f"{wrong[0][:40]!r} is no permission." if wrong else "A token without a permission opens nothing."
            raise TokenRefused(told, remedy="Write an API and a method, like eth:* or net:version.")
        if not 1 <= days <= MAX_TOKEN_DAYS:
            raise TokenRefused(f"{days} days are out of bounds.", remedy=f"Give 1 to {MAX_TOKEN_DAYS} days.")
        now = self._clock()
        claims = {
            "permissions": list(permissions),
            "iat": int(now.timestamp()),
            "exp": int((now + timedelta(days=days)).timestamp()),
        }
        return jwt.encode({"alg": JWT_ALGORITHM, "typ": "JWT"}, claims, self._key)

    def ends_at(self, token: str) -> datetime:
        """When one of this center's tokens ends.

        Raises:
            TokenRefused: it is no token that this key has signed.
        """
        try:
            ends = jwt.decode(token, self._key, algorithms=[JWT_ALGORITHM]).claims["exp"]
            return datetime.fromtimestamp(int(ends), UTC)
        except (JoseError, ValueError, KeyError, TypeError, OverflowError) as error:
            raise TokenRefused("This is no token of this node.", remedy="Make a new one.") from error


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
