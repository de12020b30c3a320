"""One request to a center's server, with the standard library: what the commands of members and clients share."""

import argparse
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse, InvalidURL
from typing import Any
from urllib.parse import urlsplit

from greenlane.cli.files import read_secret
from greenlane.core.errors import Faults, GreenlaneError, InvalidInput, Unavailable

_TIMEOUT_S = 60
_MAX_ANSWER_BYTES = 64 * 1024 * 1024
_PIECE_BYTES = 256 * 1024
# Where the server names a header or a place in JSON, a user of commands has an argument.
_REMEDIES = {
    "member-missing": "Name the member by --member.",
    "unauthenticated": "Name the file of a live API key of the center by --key-file.",
    "wrong-member": "Leave out --member, or use that member's own key.",
}
_ARGUMENTS = {
    "mediaType": "--media-type",
    "name": "--name",
    "documentType": "--type",
    "issuer": "--issuer",
    "issuedOn": "--issued-on",
    "about": "--about",
    "replaces": "--replaces",
    "confidential": "--for",
}


class ServerRefused(GreenlaneError):
    """The server answered with a problem.

    Attributes:
        status: of HTTP; None where this is a part of a larger problem, or no answer at all.
        problem: code of the problem; None where it gave none.
    """

    code = "server-refused"

    def __init__(
        self,
        detail: str,
        *,
        where: str | None = None,
        remedy: str | None = None,
        status: int | None = None,
        problem: str | None = None,
    ) -> None:
        super().__init__(detail, where=where, remedy=remedy)
        self.status = status
        self.problem = problem


class ServerAway(Unavailable):
    """The server cannot be reached or asks to wait.

    Attributes:
        problem: code of the problem that it answered with; None where it gave none.
        status: of HTTP; None where no server answered.
    """

    code = "server-away"

    def __init__(
        self,
        detail: str,
        *,
        remedy: str | None = None,
        retry_after_s: int = 5,
        problem: str | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(detail, remedy=remedy, retry_after_s=retry_after_s)
        self.problem = problem
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server answered; `body` as received."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Streamed:
    """What the server answers while it is read.

    Attributes:
        headers: their names in lower case.
        pieces: the body as it comes; ServerAway where the connection breaks. A body cut short by a clean end just ends.
    """

    status: int
    headers: dict[str, str]
    pieces: Iterator[bytes]


def add_server_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that say which server, and as whom."""
    parser.add_argument("--url", default="http://127.0.0.1:8600", help="the center's server (default: %(default)s)")
    parser.add_argument("--key-file", metavar="FILE", help="file that holds the API key")
    parser.add_argument("--json", action="store_true", help="print JSON")


def send(
    args: argparse.Namespace,
    method: str,
    path: str,
    *,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    timeout_s: float = _TIMEOUT_S,
) -> Answer:
    """Sends one request.

    Args:
        timeout_s: how long the server may say nothing.

    Raises:
        InvalidInput: `--url` is no http or https URL.
        ServerAway: no answer, or 429 or 503.
        ServerRefused: any other status from 400 on; what the problem details say.
    """
    with _opened(args, method, path, body=body, headers=headers, timeout_s=timeout_s) as answer:
        try:
            return Answer(status=answer.status, headers=dict(answer.headers), body=answer.read(_MAX_ANSWER_BYTES))
        except (HTTPException, OSError) as cause:
            raise _away(args.url, cause) from cause


@contextmanager
def stream(args: argparse.Namespace, path: str, *, headers: dict[str, str] | None = None) -> Iterator[Streamed]:
    """Asks for what may be large; the body is read within the block.

    Raises:
        InvalidInput, ServerAway, ServerRefused: as for `send`.
    """
    with _opened(args, "GET", path, body=None, headers=headers, timeout_s=_TIMEOUT_S) as answer:
        yield Streamed(
            status=answer.status,
            headers={name.lower(): value for name, value in answer.headers.items()},
            pieces=_pieces(args.url, answer),
        )


def _pieces(url: str, answer: HTTPResponse) -> Iterator[bytes]:
    while True:
        try:
            piece = answer.read(_PIECE_BYTES)
        except (HTTPException, OSError) as cause:
            raise _away(url, cause) from cause
        if not piece:
            return
        yield piece


def _opened(
    args: argparse.Namespace, method: str, path: str, *, body: bytes | None, headers: dict[str, str] | None, timeout_s: float
) -> HTTPResponse:
    _require_web_url(args.url)
    request = urllib.request.Request(args.url.rstrip("/") + path, data=body, method=method, headers=headers or {})  # noqa: S310 the scheme is checked above
    if args.key_file:
        request.add_header("Authorization", f"Bearer {read_secret(args.key_file)}")
    try:
        answer: HTTPResponse = urllib.request.build_opener(_NoRedirect).open(request, timeout=timeout_s)
    except urllib.error.HTTPError as refusal:
        with refusal:
            raise _refusal(refusal.code, _rest(refusal), refusal.headers.get("Retry-After")) from None
    except InvalidURL as cause:
        raise _not_sendable() from cause
    except (urllib.error.URLError, HTTPException, OSError) as cause:
        raise _away(args.url, cause) from cause
    except ValueError as cause:
        raise _not_sendable() from cause
    return answer


def _rest(refusal: urllib.error.HTTPError) -> bytes:
    try:
        return refusal.read(_MAX_ANSWER_BYTES)
    except (HTTPException, OSError):
        # Its status has said enough.
        return b""


def _away(url: str, cause: Exception) -> ServerAway:
    reason = getattr(cause, "reason", cause)
    return ServerAway(f"{url} cannot be reached: {str(reason) or type(reason).__name__}.", remedy="Is it running? Check --url.")


def json_object(answer: Answer) -> dict[str, Any]:
    """The JSON object that a server answered with.

    Raises:
        ServerRefused: the answer is none.
    """
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError) as cause:
        raise ServerRefused("The server's answer is no JSON.", remedy="Check that --url is a Greenlane server.") from cause
    if not isinstance(value, dict):
        raise ServerRefused("The server's answer is no JSON object.", remedy="Check that --url is a Greenlane server.")
    return value


def shown_on_terminal(text: str) -> str:
    """What a server said, without what would steer a terminal; line ends stay."""
    return "".join(character if character.isprintable() or character == "\n" else "\ufffd" for character in text)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the API key must not travel to an address that the user did not name."""

    def redirect_request(self, *_args: object) -> None:
        return None


def _require_web_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_web = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_web = False
    if not is_web:
        raise InvalidInput("The server's address is no http or https URL.", where="--url")


def _not_sendable() -> InvalidInput:
    return InvalidInput("The address, the member or the API key has characters that no request can carry.")


def _place(pointer: object) -> str | None:
    """Which argument said what the server refuses; the server's own word where none did."""
    if not isinstance(pointer, str):
        return None
    _, _, rest = pointer.partition("/description/")
    return _ARGUMENTS.get(rest.partition("/")[0], pointer)


def _refusal(status: int, body: bytes, retry_after: str | None) -> GreenlaneError:
    code = None
    try:
        problem = json.loads(body)
        code = problem.get("code")
        detail = str(problem.get("detail") or problem.get("title") or f"The server answered with status {status}.")
        remedy = str(problem.get("remedy") or "")
        parts = problem.get("errors") or []
        faults = tuple(
            ServerRefused(str(part.get("detail")), where=_place(part.get("pointer")), remedy=part.get("remedy") or "")
            for part in parts
        )
    except (ValueError, AttributeError, TypeError, RecursionError):
        detail, remedy, faults = f"The server answered with status {status}.", "", ()
    # A fault of the server says nothing about the request.
    if status in {429, 500, 502, 503, 504}:
        wait = f"Try again in {retry_after} s." if retry_after else "Try again later."
        is_told = retry_after is not None and retry_after.isascii() and retry_after.isdecimal() and len(retry_after) < 6
        return ServerAway(
            detail,
            remedy=wait,
            retry_after_s=int(retry_after or 5) if is_told else 5,
            problem=code if isinstance(code, str) else None,
            status=status,
        )
    if len(faults) > 1:
        return Faults(faults)
    told = faults[0] if faults else ServerRefused(detail, remedy=remedy)
    named = code if isinstance(code, str) else None
    mend = _REMEDIES.get(named or "", told.remedy)
    return ServerRefused(told.detail, where=told.where, remedy=mend, status=status, problem=named)
