"""Follows what the contracts of green assets keep, so that pages and checks need not ask the chain, and closes acts it decided.

Events and the center's own acts tell only which values changed; the values are then read from the contracts' storage, and nothing
is ever summed up. Where a block that was followed is gone, because the chain came back from an older state, everything is read
anew, and acts whose effects were lost wait again. What was read and how far is written in one transaction: it may die anywhere.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from greenlane.core.assets.facts import AssetClass, EscrowFacts, HoldingFacts, IssuanceFacts, Totals
from greenlane.core.assets.retirement import RetirementFacts
from greenlane.core.errors import GreenlaneError, Unavailable
from greenlane.core.units import Address, BlockNumber, CenterId
from greenlane.ports.acts import ActKind, ActState, KeptAct
from greenlane.ports.asset_index import FollowedTo
from greenlane.ports.asset_ledger import ActOutcome, ActWouldFail, AssetContract, AssetLedger, BlockRef, ChainActState, Touched
from greenlane.ports.clock import Clock
from greenlane.ports.store import Store, Transaction

_LOOKS_A_CALL = 32
_ACTS_A_CALL = 256
_ACTS_A_PAGE = 500
# A node that is behind the others shows a chain that ends earlier; only one that stays behind is believed to have lost blocks.
_PATIENCE = timedelta(seconds=60)
_NOTED_EVERY = timedelta(seconds=5)
# For clocks that differ: an act that is a little late for us may not be for the chain.
_GRACE = timedelta(minutes=10)
_LATE = "The act's time was over before the chain decided it; nothing was done."
_LATE_REMEDY = "Send the request again, with a new Idempotency-Key."

T = TypeVar("T")


@dataclass(slots=True)
class _Read:
    """Values as storage has them now."""

    classes: dict[str, tuple[AssetClass, Totals]] = field(default_factory=dict)
    issuances: dict[bytes, IssuanceFacts] = field(default_factory=dict)
    holdings: dict[tuple[Address, bytes], HoldingFacts] = field(default_factory=dict)
    escrows: dict[bytes, EscrowFacts] = field(default_factory=dict)
    retirements: dict[bytes, RetirementFacts] = field(default_factory=dict)

    def write(self, tx: Transaction, at: datetime) -> None:
        for asset_class, totals in self.classes.values():
            tx.assets.put_class(asset_class, totals)
        for issuance in self.issuances.values():
            tx.assets.put_issuance(issuance)
        for holding in self.holdings.values():
            tx.assets.put_holding(holding)
        for escrow in self.escrows.values():
            tx.assets.put_escrow(escrow)
            _fix_line(tx, escrow.line_digest, at)
        for retirement in self.retirements.values():
            tx.assets.put_retirement(retirement)
            _fix_line(tx, retirement.line_digest, at)


class FollowAssets:
    """The use case; repeat it as often as you like."""

    def __init__(
        self,
        *,
        store: Store,
        ledger: AssetLedger,
        clock: Clock,
        centers: Sequence[CenterId],
        renew: Callable[[KeptAct, str], bool],
        certify: Callable[[KeptAct], object],
    ) -> None:
        """Args:
        centers: those whose acts are kept here.
        renew: makes another act in the place of one that was refused for a reason that is nobody's fault, given the contract's
            words; False where it does not.
        certify: states in the log what an act has retired; before the act is closed, so that it is done again where it was not.
        """
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._centers = tuple(centers)
        self._renew = renew
        self._certify = certify
        self._behind_since: datetime | None = None
        self._asked: dict[bytes, BlockRef] = {}
        self._decided: set[bytes] = set()

    def __call__(self) -> bool:
        """One look.

        Returns:
            Whether the head was reached and no act was closed now: another look would show the same.

        Raises:
            LedgerUnavailable: no node answers; what was followed stands.
            LedgerMismatch, AssetsMissing: this is another chain.
            QueueFull: a retirement's statement waits for room in the log.
            GreenlaneError: an act cannot be noted; everything else was.
            StoreUnavailable: the database is away.
        """
        head = self._ledger.head()
        with self._store.read() as tx:
            followed = tx.assets.followed_to()
        if followed is not None and head.number < followed.block.number and not self._has_waited():
            return False
        is_anew = followed is None or self._ledger.block_hash(followed.block.number) != followed.block.block_hash
        block = self._read_everything(was_lost=followed is not None) if followed is None or is_anew else followed.block
        self._behind_since = None
        for _ in range(_LOOKS_A_CALL):
            if block.number >= head.number:
                break
            block = self._follow(BlockNumber(block.number + 1), head)
        else:
            return False
        if followed is not None and block == followed.block and self._clock() - followed.at >= _NOTED_EVERY:
            self._note(block)
        waiting = [act for center in self._centers for act in self._waiting(center)]
        # What is brought again later is asked about again.
        self._asked = {act.digest: self._asked[act.digest] for act in waiting if act.digest in self._asked}
        before, self._decided = self._decided, set()
        closed, faults = 0, list[GreenlaneError]()
        for act in waiting:
            try:
                closed += self._settle(act, block, was_decided=act.digest in before)
            except Unavailable:
                raise
            except GreenlaneError as fault:
                # One act that cannot be noted must not keep others from it.
                faults.append(fault)
        if faults:
            raise faults[0]
        # What was lost waits to be brought again.
        return not is_anew and not closed and not self._decided

    def _has_waited(self) -> bool:
        now = self._clock()
        if self._behind_since is None:
            self._behind_since = now
        return now - self._behind_since >= _PATIENCE

    def _note(self, block: BlockRef) -> None:
        with self._store.write() as tx:
            tx.assets.set_followed(FollowedTo(block=block, at=self._clock()))

    def _follow(self, first: BlockNumber, head: BlockRef) -> BlockRef:
        look = self._ledger.touched(first, head.number)
        read = self._read(look)
        now = self._clock()
        with self._store.write() as tx:
            read.write(tx, now)
            tx.assets.set_followed(FollowedTo(block=look.to, at=now))
        return look.to

    def _read_everything(self, *, was_lost: bool) -> BlockRef:
        look = self._ledger.everything()
        # Events may be lost where storage is not; what our own members did is known from their acts.
        own = [act for center in self._centers for act in self._done(center)]
        read = self._read(look, *(act.keeping.touched for act in own))
        lost = self._lost(own) if was_lost else []
        for act in self._certified_otherwise(own, read):
            # Done again, by whoever brought it, before anybody here found it lost.
            self._certify(act)
        now = self._clock()
        with self._store.write() as tx:
            tx.assets.clear()
            read.write(tx, now)
            tx.assets.set_followed(FollowedTo(block=look.to, at=now))
            for act in lost:
                tx.acts.reopen(act.digest)
        return look.to

    def _done(self, center: CenterId) -> Iterator[KeptAct]:
        """Every act of a center's members that was carried out, as far as is known here."""
        with self._store.read() as tx:
            members = [member.id for member in tx.accounts.members(center)]
        for member in members:
            last: bytes | None = None
            while True:
                with self._store.read() as tx:
                    page = tx.acts.of_member(center, member, limit=_ACTS_A_PAGE, before=last)
                # What was refused stays so, whatever the chain forgot: the member was told, and may have done it another way.
                yield from (act for act in page if act.state is ActState.DONE)
                if len(page) < _ACTS_A_PAGE:
                    break
                last = page[-1].digest

    def _certified_otherwise(self, acts: Sequence[KeptAct], read: _Read) -> list[KeptAct]:
        """Those whose retirement is certified with other facts than the chain has now."""
        found: list[KeptAct] = []
        with self._store.read() as tx:
            for act in acts:
                if act.kind is not ActKind.RETIRE:
                    continue
                facts = read.retirements.get(bytes.fromhex(act.subject[2:]))
                known = None if facts is None else tx.purchases.retirement(facts.id)
                if known is not None and known.statement.facts != facts:
                    found.append(act)
        return found

    def _lost(self, acts: Sequence[KeptAct]) -> list[KeptAct]:
        """Those of them that the chain has not done any more: it knows nothing of them, or refused them the second time."""
        lost: list[KeptAct] = []
        for contract in AssetContract:
            its = [act for act in acts if act.signed.contract is contract]
            states = self._ledger.act_states(contract, [act.digest for act in its])
            lost += [act for act, state in zip(its, states, strict=True) if state is not ChainActState.DONE]
        return lost

    def _waiting(self, center: CenterId) -> Sequence[KeptAct]:
        with self._store.read() as tx:
            # Acts are brought in turn of members: what is on its way may be younger than much that waits.
            both = (*tx.acts.brought(center, limit=_ACTS_A_CALL), *tx.acts.waiting(center, limit=_ACTS_A_CALL))
        return list({act.digest: act for act in both}.values())

    def _settle(self, act: KeptAct, block: BlockRef, *, was_decided: bool) -> bool:
        """Closes an act that the chain decided, or that is too late; whether it was closed.

        Args:
            block: the chain was followed to here.
            was_decided: whether the look before this one found it decided.
        """
        now = self._clock()
        is_late = act.signed.act.not_after < (now - _GRACE).timestamp()
        if not is_late and (act.brought_at is None or self._asked.get(act.digest) == block):
            return False
        outcome = self._ledger.outcome(act.signed.contract, act.digest)
        if outcome.state is not ChainActState.OPEN and not was_decided and self._ledger.head() != block:
            # Perhaps by a block that was not followed yet: were it lost after the act is closed, nobody would ever find out.
            self._decided.add(act.digest)
            return False
        if outcome.state is ChainActState.DONE:
            return self._close_done(act, block)
        if outcome.state is ChainActState.REFUSED:
            self._close_refused(act, outcome)
        elif is_late:
            with self._store.write() as tx:
                tx.acts.close(act.digest, ActState.EXPIRED, now, detail=_LATE, remedy=_LATE_REMEDY)
        else:
            self._asked[act.digest] = block
            return False
        return True

    def _close_done(self, act: KeptAct, block: BlockRef) -> bool:
        read = self._read(act.keeping.touched)
        self._certify(act)
        now = self._clock()
        with self._store.write() as tx:
            followed = tx.assets.followed_to()
            if followed is None or followed.block != block:
                # Another worker followed the chain meanwhile, perhaps to where it has lost this act: look again.
                return False
            read.write(tx, now)
            tx.acts.close(act.digest, ActState.DONE, now)
        return True

    def _close_refused(self, act: KeptAct, outcome: ActOutcome) -> None:
        refusal, detail, remedy = outcome.refusal, outcome.detail, outcome.remedy
        if not refusal:
            # The event that told why is lost; what would be said today is most likely the same.
            try:
                self._ledger.simulate(act.signed.contract, act.signed.act.account, act.signed.act.call)
                detail, remedy = "The contract refused it; its reason is lost.", "Send the request again."
            except ActWouldFail as refused:
                refusal, detail, remedy = refused.refusal, refused.detail, refused.remedy
        if act.kind is ActKind.ISSUE and refusal == "WrongPlacement" and self._renew(act, detail):
            return
        with self._store.write() as tx:
            tx.acts.close(act.digest, ActState.REFUSED, self._clock(), refusal=refusal, detail=detail, remedy=remedy)

    def _read(self, *many: Touched) -> _Read:
        """What storage has now of everything that was touched."""
        ledger, read = self._ledger, _Read()
        tokens = _each(token for touched in many for token in touched.tokens)
        pairs = _each(pair for touched in many for pair in touched.holdings)
        escrow_ids = list(_each(one for touched in many for one in touched.escrows))
        for escrow_id, escrow in zip(escrow_ids, ledger.escrows(escrow_ids), strict=True):
            if escrow is not None:
                read.escrows[escrow_id] = escrow
                tokens[escrow.token] = None
                pairs |= {(escrow.seller, escrow.token): None, (escrow.buyer, escrow.token): None}
        retirement_ids = list(_each(one for touched in many for one in touched.retirements))
        for retirement_id, retirement in zip(retirement_ids, ledger.retirements(retirement_ids), strict=True):
            if retirement is not None:
                read.retirements[retirement_id] = retirement
                tokens[retirement.token] = None
                pairs[retirement.holder, retirement.token] = None
        places = list(pairs)
        for (account, token), holding in zip(places, ledger.holdings(places), strict=True):
            tokens[token] = None
            read.holdings[account, token] = holding
        classes = _each(one for touched in many for one in touched.classes)
        known = list(tokens)
        for token, issuance in zip(known, ledger.issuances(known), strict=True):
            if issuance is not None:
                read.issuances[token] = issuance
                classes[issuance.class_id] = None
        for class_id in classes:
            asset_class = ledger.asset_class(class_id)
            if asset_class is not None:
                read.classes[class_id] = (asset_class, ledger.class_totals(class_id))
        return read


def _each(values: Iterable[T]) -> dict[T, None]:
    """Each once, in order."""
    return dict.fromkeys(values)


def _fix_line(tx: Transaction, line_digest: bytes, at: datetime) -> None:
    """A line that units stand behind on the chain never changes any more, whoever put them there."""
    place = tx.purchases.line_of(line_digest) if any(line_digest) else None
    if place is not None:
        tx.purchases.fix_line(*place, at)
