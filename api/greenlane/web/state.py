"""What the web keeps between requests, beside the use cases it calls."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

from anyio import CapacityLimiter
from starlette.requests import HTTPConnection

from greenlane.core.errors import GreenlaneError, Unavailable
from greenlane.core.trust import TrustFile
from greenlane.settings import Settings
from greenlane.web.limits import Places, Rates, Turns
from greenlane.web.metrics import Metrics
from greenlane.web.problems import ChainUnusable
from greenlane.web.readiness import Readiness
from greenlane.web.services import WebServices
from greenlane.web.shared import Shared

_PAGES_AT_ONCE = 4
# Each holds a few megabytes of a document at most, and one of the threads that move bytes.
_UPLOADS_AT_ONCE = 16
_UPLOADS_OF_ONE = 4
_DOWNLOADS_AT_ONCE = 64
_DOWNLOADS_OF_ONE = 6
# Centers that repair their stores, and members, read while strangers' places are all taken.
_DOWNLOADS_KEPT = 16
_SMALL_DOWNLOADS_AT_ONCE = 256
_SMALL_DOWNLOADS_OF_ONE = 24
_MOVING_THREADS = 8
_STORES_AT_ONCE = 2
_STORES_WAITING = 16


class TrustCache:
    """The trust file, asked of the registry at most every few seconds.

    Where the chain cannot be used the last one known is still good for judging: its contracts and keys are then merely not news.
    """

    _FRESH_S = 5.0
    _PATIENCE_S = 2.0
    _MOMENT_S = 0.5
    # Where none is known there is nothing to answer with instead.
    _FIRST_PATIENCE_S = 5.0

    def __init__(self, read: Callable[[], TrustFile]) -> None:
        self._look = Shared(read, fresh_s=self._FRESH_S, limiter=CapacityLimiter(1))
        self._known: TrustFile | None = None

    async def __call__(self) -> TrustFile:
        """The trust file.

        Raises:
            Unavailable: the chain cannot be used, and never could before.
        """
        try:
            self._known = await self._look(patience_s=self._FIRST_PATIENCE_S if self._known is None else self._PATIENCE_S)
        except GreenlaneError as fault:
            if self._known is None:
                raise fault if isinstance(fault, Unavailable) else ChainUnusable(fault.detail, remedy=fault.remedy) from fault
        return self._known

    async def freshen(self) -> None:
        """Has the registry looked at where that is due, so that log keys are known; waits for it only while nothing is known."""
        with suppress(GreenlaneError):
            self._known = await self._look(patience_s=0.0 if self._known is not None else self._MOMENT_S)

    async def or_reason(self) -> TrustFile | Unavailable:
        """The trust file, or why there is none."""
        try:
            return await self()
        except Unavailable as reason:
            return reason


@dataclass(frozen=True, slots=True, kw_only=True)
class WebState:
    """What every request may use.

    Attributes:
        page_limiter: the few places for pages that judge: a rush of buyers waits outside of the threads that captures need.
        uploads, downloads: places for bytes on their way in, by API key, and out, by API key or address.
        receiving_limiter, moving_limiter: the threads that write these bytes, and those that read them, apart from those that
            captures need; and from each other, for a store of documents that hangs holds those that read.
        storing: the few turns for hashing and keeping whole documents, by API key.
    """

    services: WebServices
    settings: Settings
    rates: Rates
    trust: TrustCache
    readiness: Readiness
    metrics: Metrics
    page_limiter: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(_PAGES_AT_ONCE))
    uploads: Places = field(default_factory=lambda: Places(total=_UPLOADS_AT_ONCE, each=_UPLOADS_OF_ONE))
    downloads: Places = field(
        default_factory=lambda: Places(
            total=_DOWNLOADS_AT_ONCE,
            each=_DOWNLOADS_OF_ONE,
            kept=_DOWNLOADS_KEPT,
            small=Places(total=_SMALL_DOWNLOADS_AT_ONCE, each=_SMALL_DOWNLOADS_OF_ONE, kept=_DOWNLOADS_KEPT),
        )
    )
    receiving_limiter: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(_MOVING_THREADS))
    moving_limiter: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(_MOVING_THREADS))
    storing: Turns = field(default_factory=lambda: Turns(at_once=_STORES_AT_ONCE, waiting=_STORES_WAITING))


def state_of(connection: HTTPConnection) -> WebState:
    """The state of the application that answers."""
    return cast(WebState, connection.app.state.web)
