"""One look at something slow, shared by everybody who asks meanwhile.

The chain may hang for as long as its timeouts allow. So whoever waits for it here waits in the event loop, not in one of the
threads that captures need, and however many wait, one thread looks.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from anyio import CapacityLimiter, to_thread

from greenlane.core.errors import GreenlaneError, Unavailable

T = TypeVar("T")


class StillLooking(Unavailable):
    """What this server asks has not answered in time; the question is still on its way."""

    code = "still-looking"


@dataclass(frozen=True, slots=True)
class _Seen(Generic[T]):
    value: T


class Shared(Generic[T]):
    """Looks at most once at a time, and not again while the last answer is fresh. Belongs to one event loop."""

    def __init__(self, look: Callable[[], T], *, fresh_s: float, limiter: CapacityLimiter) -> None:
        """Args:
        look: asks; may block its thread, and may raise GreenlaneError.
        fresh_s: how long an answer, or a fault, stands before the next look.
        limiter: whose threads it runs in.
        """
        self._look = look
        self._fresh_s = fresh_s
        self._limiter = limiter
        self._task: asyncio.Task[_Seen[T] | GreenlaneError] | None = None
        self._fresh_until_s = 0.0

    async def __call__(self, *, patience_s: float) -> T:
        """The answer of the look that is fresh or on its way.

        Args:
            patience_s: how long to wait for it; it goes on without whoever gives up.

        Raises:
            GreenlaneError: what the look raised.
            StillLooking: it took longer than that.
        """
        task = self._task
        if task is None or (task.done() and time.monotonic() >= self._fresh_until_s):
            task = self._task = asyncio.create_task(self._take())
        await asyncio.wait({task}, timeout=patience_s)
        if not task.done():
            raise StillLooking(f"It has not answered for {patience_s:g} seconds.")
        seen = task.result()
        if isinstance(seen, GreenlaneError):
            # Raised for many: each gets it without the others' frames.
            raise seen.with_traceback(None)
        return seen.value

    async def _take(self) -> "_Seen[T] | GreenlaneError":
        try:
            return _Seen(await to_thread.run_sync(self._look, limiter=self._limiter))
        except GreenlaneError as fault:
            return fault
        finally:
            self._fresh_until_s = time.monotonic() + self._fresh_s
