"""Whether a quorum of centers has stopped all movements of green assets, as it was some seconds ago."""

from greenlane.core.errors import GreenlaneError
from greenlane.ports.asset_ledger import AssetLedger
from greenlane.ports.clock import Clock

_FRESH_S = 5.0


class Pauses:
    """One instance serves all threads. Pages of strangers ask it: the chain is asked once in a while, however many there are."""

    def __init__(self, *, ledger: AssetLedger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._known: tuple[float, bool | None] | None = None

    def is_paused(self) -> bool | None:
        """None where nobody can tell now."""
        now_s, known = self._clock().timestamp(), self._known
        if known is not None and now_s - known[0] < _FRESH_S:
            return known[1]
        # Noted before it is asked: a node that lets one wait makes one wait, and not everybody.
        self._known = (now_s, None if known is None else known[1])
        try:
            found: bool | None = self._ledger.is_paused()
        except GreenlaneError:
            found = None
        self._known = (now_s, found)
        return found
