"""What the web works with: the use cases it calls, and what it keeps between requests."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

from anyio import CapacityLimiter
from starlette.requests import HTTPConnection

from greenlane.core.errors import Unavailable
from greenlane.core.trust import TrustFile
from greenlane.ports.clock import Clock
from greenlane.ports.ledger import LedgerHealth
from greenlane.ports.signing import HostedCenter
from greenlane.services.capture import Capture
from greenlane.services.forget import Forget
from greenlane.services.identify import Identify
from greenlane.services.prove import Prove
from greenlane.services.read_log import ReadLog
from greenlane.services.trace import Trace
from greenlane.settings import Settings
from greenlane.verify.ladder import Node
from greenlane.web.limits import Rates

_PAGES_AT_ONCE = 4


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebServices:
    """The use cases behind the routes.

    Attributes:
        centers: the pilot centers served here.
        probe_store: raises where the database cannot be used.
        probe_ledger: what a node of the chain says of itself; raises where none answers.
        trust: the trust file as the registry has it now.
        judge_node: the node whom the pages ask for anchors.
    """

    capture: Capture
    trace: Trace
    prove: Prove
    forget: Forget
    identify: Identify
    read_log: ReadLog
    centers: Sequence[HostedCenter]
    probe_store: Callable[[], None]
    probe_ledger: Callable[[], LedgerHealth]
    trust: Callable[[], TrustFile]
    judge_node: Node
    clock: Clock = field(default=_now)


class TrustCache:
    """The trust file, asked of the registry at most every few seconds.

    Where the chain is away the last one known is still good for judging: its contracts and keys are then merely not news.
    """

    _FRESH_S = 5.0

    def __init__(self, read: Callable[[], TrustFile]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._known: TrustFile | None = None
        self._next_look_s = 0.0

    def __call__(self) -> TrustFile:
        """The trust file.

        Raises:
            Unavailable: the chain is away and never answered before.
        """
        with self._lock:
            if self._known is None or time.monotonic() >= self._next_look_s:
                try:
                    self._known = self._read()
                except Unavailable:
                    if self._known is None:
                        raise
                self._next_look_s = time.monotonic() + self._FRESH_S
            return self._known


@dataclass(frozen=True, slots=True, kw_only=True)
class WebState:
    """What every request may use.

    Attributes:
        page_limiter: the few places for pages that judge: a rush of buyers waits outside of the threads that captures need.
    """

    services: WebServices
    settings: Settings
    rates: Rates
    trust: TrustCache
    page_limiter: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(_PAGES_AT_ONCE))


def state_of(connection: HTTPConnection) -> WebState:
    """The state of the application that answers."""
    return cast(WebState, connection.app.state.web)
