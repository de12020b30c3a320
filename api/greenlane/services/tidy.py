"""Drops what is kept for a time only: the answers by which a repeated request is recognised."""

from datetime import timedelta

from greenlane.ports.clock import Clock
from greenlane.ports.store import Store

KEPT_FOR = timedelta(hours=48)
"""How long an answer is kept; clients may count on half of it."""


class Tidy:
    """The use case; how often it runs does not matter."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def __call__(self) -> int:
        """Drops answers that are older than `KEPT_FOR`; how many.

        Raises:
            StoreUnavailable: the database is away; nothing was dropped.
        """
        with self._store.write() as tx:
            return tx.answers.drop_before(self._clock() - KEPT_FOR)
