"""One request to a center's server, with the standard library: what `capture` and `receipt` share."""

import argparse
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException, InvalidURL
from typing import Any
from urllib.parse import urlsplit

from greenlane.cli.files import read_secret
from greenlane.core.errors import Faults, GreenlaneError, InvalidInput, Unavailable

_TIMEOUT_S = 60
_MAX_ANSWER_BYTES = 64 * 1024 * 1024


class ServerRefused(GreenlaneError):
    """The server answered with a problem."""

    code = "server-refused"


class ServerAway(Unavailable):
    """The server cannot be reached or asks to wait.

    Attributes:
        problem: code of the problem that it answered with; None where it gave none.
    """

    code = "server-away"

    def __init__(self, detail: str, *, remedy: str | None = None, retry_after_s: int = 5, problem: str | None = None) -> None:
        super().__init__(detail, remedy=remedy, retry_after_s=retry_after_s)
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server answered; `body` as received."""

    status: int
    headers: dict[str, str]
    body: bytes


def add_server_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that say which server, and as whom."""
    parser.add_argument("--url", default="http://127.0.0.1:8600", help="the center's server (default: %(default)s)")
    parser.add_argument("--key-file", metavar="FILE", help="file that holds the API key")
    parser.add_argument("--json", action="store_true", help="print JSON")


def send(
    args: argparse.Namespace, method: str, path: str, *, body: bytes | None = None, headers: dict[str, str] | None = None
) -> Answer:
    """Sends one request.

    Raises:
        InvalidInput: `--url` is no http or https URL.
        ServerAway: no answer, or 429 or 503.
        ServerRefused: any other status from 400 on; what the problem details say.
    """
    _require_web_url(args.url)
    request = urllib.request.Request(args.url.rstrip("/") + path, data=body, method=method, headers=headers or {})  # noqa: S310 the scheme is checked above
    if args.key_file:
        request.add_header("Authorization", f"Bearer {read_secret(args.key_file)}")
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=_TIMEOUT_S) as answer:
            return Answer(status=answer.status, headers=dict(answer.headers), body=answer.read(_MAX_ANSWER_BYTES))
    except urllib.error.HTTPError as refusal:
        with refusal:
            raise _refusal(refusal.code, refusal.read(_MAX_ANSWER_BYTES), refusal.headers.get("Retry-After")) from None
    except InvalidURL as cause:
        raise _not_sendable() from cause
    except (urllib.error.URLError, HTTPException, OSError) as cause:
        reason = getattr(cause, "reason", cause)
        raise ServerAway(
            f"{args.url} cannot be reached: {str(reason) or type(reason).__name__}.", remedy="Is it running? Check --url."
        ) from cause
    except ValueError as cause:
        raise _not_sendable() from cause


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


def _refusal(status: int, body: bytes, retry_after: str | None) -> GreenlaneError:
    code = None
    try:
        problem = json.loads(body)
        code = problem.get("code")
        detail = str(problem.get("detail") or problem.get("title") or f"The server answered with status {status}.")
        parts = problem.get("errors") or []
        faults = tuple(
            ServerRefused(str(part.get("detail")), where=part.get("pointer"), remedy=part.get("remedy") or "") for part in parts
        )
    except (ValueError, AttributeError, TypeError, RecursionError):
        detail, faults = f"The server answered with status {status}.", ()
    # A fault of the server says nothing about the request.
    if status in {429, 500, 502, 503, 504}:
        wait = f"Try again in {retry_after} s." if retry_after else "Try again later."
        is_told = retry_after is not None and retry_after.isascii() and retry_after.isdecimal() and len(retry_after) < 6
        return ServerAway(
            detail,
            remedy=wait,
            retry_after_s=int(retry_after or 5) if is_told else 5,
            problem=code if isinstance(code, str) else None,
        )
    return Faults(faults) if faults else ServerRefused(detail)
