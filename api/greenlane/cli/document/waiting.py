"""How long a command goes on with a server that is away: what was begun is gone on with, what never began is not waited for."""

import argparse
import time
from dataclasses import dataclass

from greenlane.cli.document.progress import Progress
from greenlane.cli.server import ServerAway
from greenlane.core.exits import WrongUse

_DEFAULT_S = 600
_LONGEST_S = 7 * 86_400
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 30.0
# A fault of its own program is not mended by time.
_NEVER_BETTER = {500}


def add_wait_argument(parser: argparse.ArgumentParser) -> None:
    """How long to wait."""
    parser.add_argument(
        "--wait",
        type=int,
        default=_DEFAULT_S,
        metavar="SECONDS",
        help="go on trying for so long while a server that has answered before is away or asks to wait (default: %(default)s)",
    )


@dataclass(slots=True)
class Patience:
    """Waits between tries, longer each time; whatever succeeds makes it fresh again."""

    limit_s: float
    progress: Progress
    _was_answered: bool = False
    _since_s: float | None = None
    _pause_s: float = _FIRST_PAUSE_S

    @classmethod
    def of(cls, args: argparse.Namespace, shown: Progress) -> "Patience":
        """As the arguments say.

        Raises:
            WrongUse: they say what cannot be.
        """
        if not 0 <= args.wait <= _LONGEST_S:
            raise WrongUse(f"The number of seconds is not from 0 to {_LONGEST_S}.", where="--wait")
        return cls(limit_s=args.wait, progress=shown)

    def succeeded(self) -> None:
        """Something went well."""
        self._was_answered = True
        self._since_s = None
        self._pause_s = _FIRST_PAUSE_S

    def wait(self, away: ServerAway) -> None:
        """Waits before the next try.

        Raises:
            ServerAway: the same, where waiting is over or makes no sense.
        """
        # An address where nobody ever answered is more likely wrong than away.
        if away.status in _NEVER_BETTER or (away.status is None and not self._was_answered):
            raise away
        now_s = time.monotonic()
        since_s = now_s if self._since_s is None else self._since_s
        asked_s = 0 if away.status is None else away.retry_after_s
        pause_s = max(asked_s, self._pause_s)
        if now_s + pause_s - since_s > self.limit_s:
            raise away
        self._since_s = since_s
        self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)
        self.progress.note(f"{away.detail} Trying again in {pause_s:.0f} s.")
        time.sleep(pause_s)
