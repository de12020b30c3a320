"""Where the next page starts, as a text that people carry in an address: base64url of a JSON list of whole numbers."""

import base64
import binascii
from datetime import datetime

import orjson

from greenlane.adapters.sql.tables import moment
from greenlane.core.errors import InvalidInput

_INT64 = 2**63


class TokenInvalid(InvalidInput):
    """A page token that this store never gave out."""

    code = "page-token-invalid"
    default_remedy = "Use the token of the page before as it came, or none to start from the first page."


def write_token(*parts: int) -> str:
    """The token of some whole numbers of 64 bits."""
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


def read_token(token: str, *, length: int) -> list[int]:
    """The numbers in a token, as many as there must be.

    Raises:
        TokenInvalid: anything else.
    """
    refusal = TokenInvalid("The page token is none that was given out here.")
    try:
        parts = orjson.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        raise refusal from error
    if not (isinstance(parts, list) and len(parts) == length and all(type(p) is int and -_INT64 <= p < _INT64 for p in parts)):
        raise refusal
    return parts


def read_token_moment(count: int) -> datetime:
    """The moment that stands in a token, as `tables.microseconds` counts it.

    Raises:
        TokenInvalid: no calendar has it.
    """
    try:
        return moment(count)
    except OverflowError as error:
        raise TokenInvalid("The page token is none that was given out here.") from error
