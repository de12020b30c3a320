"""How the demo asks the server as a member's own program would: JSON over HTTP, with the member's API key."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from scripts.demo.telling import DemoFailed, progress

_TIMEOUT_S = 30
_PATIENCE_S = 60
_PAUSE_S = 0.1


class Server:
    """A center's server, seen from outside."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(
        self, path: str, *, key: Path | None = None, body: Any = None, media_type: str = "application/json"
    ) -> tuple[int, bytes]:
        """Status and body of an answer; with a `body` it is a POST.

        Raises:
            DemoFailed: the server cannot be reached.
        """
        headers = {"Accept": media_type, "Content-Type": "application/json"}
        if key is not None:
            headers["Authorization"] = f"Bearer {key.read_text().strip()}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
                return int(answer.status), bytes(answer.read())
        except urllib.error.HTTPError as told:
            with told:
                return told.code, told.read()
        except OSError as cause:
            raise DemoFailed(f"{path}: {cause}") from cause

    def must(self, what: str, path: str, *, key: Path | None = None, body: Any = None) -> Any:
        """The JSON of a good answer.

        Raises:
            DemoFailed: the answer is another; `what` says what was to be done.
        """
        status, answer = self.ask(path, key=key, body=body)
        if status >= 300:
            raise DemoFailed(f"{what} (HTTP {status}):\n{answer.decode(errors='replace')}")
        return json.loads(answer)

    def refused(self, what: str, code: str, path: str, *, key: Path, body: Any) -> str:
        """Why the server refuses something.

        Raises:
            DemoFailed: it does not, or for another reason than `code`.
        """
        status, answer = self.ask(path, key=key, body=body)
        problem = json.loads(answer)
        if status < 400 or problem.get("code") != code:
            raise DemoFailed(f"{what} was to be refused as {code} (HTTP {status}):\n{answer.decode(errors='replace')}")
        return str(problem["detail"])

    def carried_out(self, *asked: tuple[str, Path, str, Any]) -> list[dict[str, Any]]:
        """Asks for acts, all at once, and waits until the chain has done them.

        Args:
            asked: of each what it is, whose key asks, path and body.

        Raises:
            DemoFailed: one is refused, or not decided in time.
        """
        kept = [(what, key, self.must(what, path, key=key, body=body)) for what, key, path, body in asked]
        done: list[dict[str, Any]] = []
        for what, key, act in kept:

            def look(what: str = what, key: Path = key, digest: str = act["digest"]) -> dict[str, Any] | None:
                now: dict[str, Any] = self.must(what, f"/v1/acts/{digest}", key=key)
                if now["state"] in {"refused", "expired"}:
                    raise DemoFailed(f"{what}: {now['state']}: {now['detail']}")
                return now if now["state"] == "done" else None

            done.append(until(f"the chain: {what}", look))
        return done


def until(what: str, look: Callable[[], Any]) -> Any:
    """What `look` finds, once it finds something.

    Raises:
        DemoFailed: nothing within a minute.
    """
    end_s = time.monotonic() + _PATIENCE_S
    while (found := look()) is None:
        if time.monotonic() > end_s:
            raise DemoFailed(f"nothing came within {_PATIENCE_S} s: {what}")
        progress(f"waiting for {what}")
        time.sleep(_PAUSE_S)
    progress("")
    return found


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows under headings, each column as wide as what is in it."""
    widths = [max(len(row[at]) for row in (headings, *rows)) for at in range(len(headings))]
    lines = [headings, tuple("─" * width for width in widths), *rows]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in lines)
