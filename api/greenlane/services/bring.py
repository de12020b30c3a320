"""Brings the acts that wait at a center to the contracts: those with a deadline first, then each member's in turn.

Every call asks first what is already so: what is on its way is waited for, what the contract has decided is never brought again,
and what a node forgot is. Bringing twice is harmless, so it may die anywhere. What became of an act is for `follow_assets` to
write.

A chain that lost its newest blocks has lost acts that others build on, perhaps of another center. Nothing is brought before
`follow_assets` has found out what is to be done again, and then nothing for a while that the contract would refuse now: a refusal
is for ever. What was brought before, which its member may have been told is done, is held back for longer than what is new.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from greenlane.core.units import CenterId
from greenlane.ports.acts import KeptAct
from greenlane.ports.asset_ledger import ActWouldFail, AssetLedger, ChainActState
from greenlane.ports.clock import Clock
from greenlane.ports.store import Store

_A_BLOCK_OR_TWO_S = 30
_HELD_BACK = timedelta(seconds=30)
_HELD_BACK_AGAIN = timedelta(minutes=5)


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

    def __init__(
        self, *, store: Store, ledger: AssetLedger, clock: Clock, centers: Sequence[CenterId] = (), max_batch: int = 64
    ) -> None:
        """Args:
        centers: those whose acts are kept here.
        max_batch: acts looked at in one call.
        """
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._centers = tuple(centers)
        self._max_batch = max_batch
        self._held_since: dict[bytes, datetime] = {}

    def __call__(self, center: CenterId) -> BringOutcome:
        """One look, and one transaction sent where acts wait and none is on its way.

        Raises:
            LedgerUnavailable: no node answers, or the account has something else on its way; call again soon.
            LedgerMismatch, AssetsMissing: this is another chain.
            NotFound: the center's anchorer is not here.
            StoreUnavailable: the database is away.
        """
        with self._store.read() as tx:
            waiting = tx.acts.in_turn(center, limit=self._max_batch)
            followed = tx.assets.followed_to()
        if not waiting:
            return BringOutcome(step=BringStep.CURRENT, brought=0, waiting=0)
        # Asked before looking at what was decided: the other way round, a transaction that lands in between would look as if
        # nothing were on its way and its acts open, and be sent again.
        if self._ledger.is_in_flight(center):
            return BringOutcome(step=BringStep.WAITING, brought=0, waiting=len(waiting))
        if followed is not None and self._ledger.block_hash(followed.block.number) != followed.block.block_hash:
            return BringOutcome(step=BringStep.WAITING, brought=0, waiting=len(waiting))
        to_bring = self._ready([act for act in waiting if self._is_to_bring(act)])
        if not to_bring:
            return BringOutcome(step=BringStep.WAITING, brought=0, waiting=len(waiting))
        count = self._ledger.bring(center, [act.signed for act in to_bring])
        now = self._clock()
        with self._store.write() as tx:
            for act in to_bring[:count]:
                tx.acts.mark_brought(act.digest, now)
        for act in to_bring[:count]:
            # Should it be lost once more, it has all its time again.
            self._held_since.pop(act.digest, None)
        return BringOutcome(step=BringStep.BROUGHT, brought=count, waiting=len(waiting))

    def _ready(self, acts: list[KeptAct]) -> list[KeptAct]:
        """Those of them that need not wait for others which are to be done again."""
        if not acts:
            return acts
        with self._store.read() as tx:
            is_anything_again = any(tx.acts.brought(center, limit=1) for center in self._centers)
        if not is_anything_again:
            self._held_since.clear()
            return acts
        now = self._clock()
        held: dict[bytes, datetime] = {}
        for act in acts:
            since = self._held_since.get(act.digest, now)
            longest = _HELD_BACK if act.brought_at is None else _HELD_BACK_AGAIN
            if now - since < longest and self._would_fail(act):
                held[act.digest] = since
        self._held_since |= held
        return [act for act in acts if act.digest not in held]

    def _would_fail(self, act: KeptAct) -> bool:
        try:
            self._ledger.simulate(act.signed.contract, act.signed.act.account, act.signed.act.call)
        except ActWouldFail:
            return True
        return False

    def _is_to_bring(self, act: KeptAct) -> bool:
        """Whether the contract may still decide it."""
        if act.signed.act.not_after <= self._clock().timestamp() + _A_BLOCK_OR_TWO_S:
            # It would revert for being late, and with it all that is brought beside it.
            return False
        if act.brought_at is None:
            return True
        return self._ledger.outcome(act.signed.contract, act.digest).state is ChainActState.OPEN
