"""Brings the acts that wait at a center to the contracts, oldest first.

Every call asks first what is already so: what is on its way is waited for, what the contract has decided is never brought again,
and what a node forgot is. Bringing twice is harmless, so it may die anywhere. What became of an act is for `follow_assets` to
write.
"""

from dataclasses import dataclass
from enum import StrEnum

from greenlane.core.units import CenterId
from greenlane.ports.acts import KeptAct
from greenlane.ports.asset_ledger import AssetLedger, ChainActState
from greenlane.ports.clock import Clock
from greenlane.ports.store import Store

_A_BLOCK_OR_TWO_S = 30


class BringStep(StrEnum):
    """What one call found or did. current: no act waits. waiting: some are on their way, or were decided and are to be noted.

    brought: some were handed to a node now.
    """

    CURRENT = "current"
    WAITING = "waiting"
    BROUGHT = "brought"


@dataclass(frozen=True, slots=True, kw_only=True)
class BringOutcome:
    """The state of a center's acts after one call.

    Attributes:
        brought: how many were handed over now.
        waiting: how many were looked at that are not closed.
    """

    step: BringStep
    brought: int
    waiting: int


class Bring:
    """The use case; repeat it as often as you like."""

    def __init__(self, *, store: Store, ledger: AssetLedger, clock: Clock, max_batch: int = 64) -> None:
        """Args:
        max_batch: acts looked at in one call.
        """
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._max_batch = max_batch

    def __call__(self, center: CenterId) -> BringOutcome:
        """One look, and one transaction sent where acts wait and none is on its way.

        Raises:
            LedgerUnavailable: no node answers, or the account has something else on its way; call again soon.
            LedgerMismatch, AssetsMissing: this is another chain.
            NotFound: the center's anchorer is not here.
            StoreUnavailable: the database is away.
        """
        with self._store.read() as tx:
            waiting = tx.acts.waiting(center, limit=self._max_batch)
        if not waiting:
            return BringOutcome(step=BringStep.CURRENT, brought=0, waiting=0)
        # Asked before looking at what was decided: the other way round, a transaction that lands in between would look as if
        # nothing were on its way and its acts open, and be sent again.
        if self._ledger.is_in_flight(center):
            return BringOutcome(step=BringStep.WAITING, brought=0, waiting=len(waiting))
        to_bring = [act for act in waiting if self._is_to_bring(act)]
        if not to_bring:
            return BringOutcome(step=BringStep.WAITING, brought=0, waiting=len(waiting))
        count = self._ledger.bring(center, [act.signed for act in to_bring])
        now = self._clock()
        with self._store.write() as tx:
            for act in to_bring[:count]:
                tx.acts.mark_brought(act.digest, now)
        return BringOutcome(step=BringStep.BROUGHT, brought=count, waiting=len(waiting))

    def _is_to_bring(self, act: KeptAct) -> bool:
        """Whether the contract may still decide it."""
        if act.signed.act.not_after <= self._clock().timestamp() + _A_BLOCK_OR_TWO_S:
            # It would revert for being late, and with it all that is brought beside it.
            return False
        if act.brought_at is None:
            return True
        return self._ledger.outcome(act.signed.contract, act.digest).state is ChainActState.OPEN
