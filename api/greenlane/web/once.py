"""The idempotency key of a write: the same request sent twice takes effect once, and gets its first answer again."""

import re

from starlette.requests import Request

from greenlane.core import crypto
from greenlane.ports.answers import Once
from greenlane.services.identify import Principal
from greenlane.web.problems import BadRequest
from greenlane.web.state import WebState

_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}").fullmatch


def once_of(state: WebState, request: Request, principal: Principal, meaning: bytes) -> Once | None:
    """The request's idempotency key, if it has one.

    Args:
        meaning: the body and whatever else decides what the request does.

    Raises:
        BadRequest: the key is empty, overlong or not printable.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if _IDEMPOTENCY_KEY(key) is None:
        raise BadRequest("The Idempotency-Key is empty, too long or not printable.", remedy="Use 1 to 255 printable characters.")
    return Once(
        scope=f"{principal.key_id} {request.method} {request.url.path}",
        key=key,
        request_digest=crypto.sha256(meaning),
        at=state.services.clock(),
    )
