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
from greenlane.web.limits import Places, Rates
from greenlane.web.metrics import Metrics
from greenlane.web.problems import ChainUnusable
from greenlane.web.readiness import Readiness
from greenlane.web.services import WebServices
from greenlane.web.shared import Shared

_PAGES_AT_ONCE = 4
# Each holds a few megabytes of a document at most, and one of the threads that move bytes.
_UPLOADS_AT_ONCE = 16
_UPLOADS_OF_ONE = 8
_DOWNLOADS_AT_ONCE = 48
_DOWNLOADS_OF_ONE = 12
_MOVING_THREADS = 8
_STORES_AT_ONCE = 2


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
        uploads, downloads: places for bytes on their way in, by API key, and out, by address.
        moving_limiter: the threads that read and write these bytes, apart from those that captures need.
        storing_limiter: the few places for hashing and keeping whole documents.
    """

    services: WebServices
    settings: Settings
    rates: Rates
    trust: TrustCache
    readiness: Readiness
    metrics: Metrics
    page_limiter: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(_PAGES_AT_ONCE))
    uploads: Places = field(default_factory=lambda: Places(total=_UPLOADS_AT_ONCE, each=_UPLOADS_OF_ONE))
    downloads: Places = field(default_factory=lambda: Places(total=_DOWNLOADS_AT_ONCE, each=_DOWNLOADS_OF_ONE))
    moving_limiter: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(_MOVING_THREADS))
    storing_limiter: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(_STORES_AT_ONCE))


def state_of(connection: HTTPConnection) -> WebState:
    """The state of the application that answers."""
    return cast(WebState, connection.app.state.web)
