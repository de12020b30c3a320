"""Knows which log keys the registry gives the centers, so that nothing is signed or handed out that a stranger would refuse.

A log key is replaced in the registry by the center's operator, perhaps from another machine, and this server does not hear of it.
So the registry is looked at from time to time; between two looks the last answer stands, and publishing and proving ask no chain.
"""

from greenlane.core.trust import LogKeyTerm, TrustFile
from greenlane.core.units import CenterId
from greenlane.ports.ledger import Ledger


class WatchKeys:
    """The use case; its answers are shared by everything in this process."""

    def __init__(self, *, ledger: Ledger) -> None:
        self._ledger = ledger
        self._trust: TrustFile | None = None

    def __call__(self) -> TrustFile:
        """Looks at the registry, and remembers what it says.

        Raises:
            LedgerUnavailable, LedgerMismatch: the chain cannot be asked; what is known stays known.
        """
        self._trust = trust = self._ledger.trust()
        return trust

    def terms(self, center: CenterId) -> tuple[LogKeyTerm, ...] | None:
        """The port's LogKeyTerms, as of the last look."""
        known = None if self._trust is None else self._trust.center(center)
        return None if known is None else known.log_keys
