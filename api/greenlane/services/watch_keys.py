"""Knows which log keys the registry gives the centers, so that nothing is signed or handed out that a stranger would refuse.

A log key is replaced in the registry by the center's operator, perhaps from another machine, and this server does not hear of it.
So the registry is looked at from time to time; between two looks the last answer stands, and publishing and proving ask no chain.
The trust file that comes of it names the validators of today too, where this deployment has followed them.
"""

from collections.abc import Callable
from dataclasses import replace

from greenlane.core.seals import Sealing
from greenlane.core.trust import LogKeyTerm, TrustFile
from greenlane.core.units import CenterId
from greenlane.ports.ledger import Ledger


class WatchKeys:
    """The use case; its answers are shared by everything in this process."""

    def __init__(self, *, ledger: Ledger, sealing: Callable[[], Sealing] | None) -> None:
        """Args:
        sealing: whose seals count now; None where nobody seals.
        """
        self._ledger = ledger
        self._sealing = sealing
        self._trust: TrustFile | None = None

    def __call__(self) -> TrustFile:
        """Looks at the registry, and remembers what it says.

        Raises:
            LedgerUnavailable, LedgerMismatch: the chain cannot be asked; what is known stays known.
            StoreUnavailable: the database, which knows the validators, is away.
        """
        trust = self._ledger.trust()
        if self._sealing is not None:
            trust = replace(trust, sealing=self._sealing())
        self._trust = trust
        return trust

    def terms(self, center: CenterId) -> tuple[LogKeyTerm, ...] | None:
        """The port's LogKeyTerms, as of the last look."""
        known = None if self._trust is None else self._trust.center(center)
        return None if known is None else known.log_keys
