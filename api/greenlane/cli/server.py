"""One request to a center's server, with the standard library: what `capture` and `receipt` share."""

import argparse
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from urllib.parse import urlsplit

from greenlane.cli.files import read_secret
from greenlane.core.errors import Faults, GreenlaneError, InvalidInput, Unavailable

_TIMEOUT_S = 60
_MAX_ANSWER_BYTES = 64 * 1024 * 1024


class ServerRefused(GreenlaneError):
    """The server answered with a problem."""

    code = "server-refused"


class ServerAway(Unavailable):
    """The server cannot be reached or asks to wait."""

    code = "server-away"


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
    if urlsplit(args.url).scheme not in {"http", "https"}:
        raise InvalidInput("The server's address is no http or https URL.", where="--url")
    request = urllib.request.Request(args.url.rstrip("/") + path, data=body, method=method, headers=headers or {})  # noqa: S310 the scheme is checked above
    if args.key_file:
        request.add_header("Authorization", f"Bearer {read_secret(args.key_file)}")
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 the scheme is checked above
            return Answer(status=answer.status, headers=dict(answer.headers), body=answer.read(_MAX_ANSWER_BYTES))
    except urllib.error.HTTPError as refusal:
        with refusal:
            raise _refusal(refusal.code, refusal.read(_MAX_ANSWER_BYTES), refusal.headers.get("Retry-After")) from None
    except (urllib.error.URLError, TimeoutError, ConnectionError) as cause:
        reason = getattr(cause, "reason", cause)
        raise ServerAway(f"{args.url} cannot be reached: {reason}.", remedy="Is it running? Check --url.") from cause


def _refusal(status: int, body: bytes, retry_after: str | None) -> GreenlaneError:
    try:
        problem = json.loads(body)
        detail = str(problem.get("detail") or problem.get("title"))
        parts = problem.get("errors") or []
        faults = tuple(
            ServerRefused(str(part.get("detail")), where=part.get("pointer"), remedy=part.get("remedy") or "") for part in parts
        )
    except (ValueError, AttributeError):
        detail, faults = f"The server answered with status {status}", ()
    if status in {429, 503}:
        wait = f"Try again in {retry_after} s." if retry_after else "Try again later."
        return ServerAway(detail, remedy=wait)
    return Faults(faults) if faults else ServerRefused(detail)
