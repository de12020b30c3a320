"""Units set aside for a buyer, until it takes them or they go back.

Source: contracts/GreenAsset.sol, escrow, accept and giveBack.
"""

from dataclasses import replace
from datetime import UTC, datetime

from greenlane.core.assets.facts import EscrowFacts, EscrowState, escrow_id_of
from greenlane.core.assets.model.holdings import Holdings
from greenlane.core.assets.model.state import NO_DIGEST
from greenlane.core.assets.model.surroundings import DAY_S
from greenlane.core.assets.refusals import AssetRefused
from greenlane.core.units import Address

MAX_ESCROW_S = 366 * DAY_S


class Escrows(Holdings):
    """How units wait, and for whom."""

    __slots__ = ()

    def escrow(self, caller: Address, *, token: bytes, quantity: int, buyer: Address, line_digest: bytes, deadline: int) -> bytes:
        """Sets units aside for a buyer until `deadline` (unix seconds); the escrow's id."""
        self._expect_member(caller)
        self._expect_tradable(token, quantity)
        self._expect_member(buyer)
        if buyer == caller:
            raise AssetRefused("OwnBuyer", buyer)
        if line_digest == NO_DIGEST:
            raise AssetRefused("ZeroLineDigest")
        if not self.now < deadline <= self.now + MAX_ESCROW_S:
            raise AssetRefused("InvalidDeadline", deadline)
        self._expect_units(caller, token, quantity)
        escrow_id = escrow_id_of(caller, buyer, line_digest)
        if escrow_id in self.escrows:
            raise AssetRefused("EscrowExists", escrow_id)
        self._remember(buyer, caller)
        self.escrows[escrow_id] = EscrowFacts(
            id=escrow_id,
            seller=caller,
            buyer=buyer,
            token=token,
            quantity=quantity,
            deadline=datetime.fromtimestamp(deadline, UTC),
            state=EscrowState.OPEN,
            line_digest=line_digest,
        )
        self._hold(caller, token, tradable=-quantity, escrowed=quantity)
        self._count(token, escrowed=quantity)
        self._tell("Escrowed", token, caller, quantity)
        return escrow_id

    def accept(self, caller: Address, escrow_id: bytes) -> None:
        """The buyer takes the units."""
        escrow = self._open_escrow(escrow_id)
        if caller != self._account_of_today(escrow.buyer):
            raise AssetRefused("NotItsBuyer", escrow_id, caller)
        if self.now >= escrow.deadline.timestamp():
            raise AssetRefused("DeadlineOver", escrow_id, int(escrow.deadline.timestamp()))
        self._expect_tradable(escrow.token, escrow.quantity)
        self._expect_member(caller)
        self._remember(caller, caller)
        self._end_escrow(escrow, EscrowState.ACCEPTED, caller)

    def give_back(self, caller: Address, escrow_id: bytes) -> None:
        """The seller has the units again: by the buyer at any time, by anyone once the deadline is over."""
        escrow = self._open_escrow(escrow_id)
        if caller != self._account_of_today(escrow.buyer) and self.now < escrow.deadline.timestamp():
            raise AssetRefused("DeadlineNotOver", escrow_id, int(escrow.deadline.timestamp()))
        self._expect_issued(escrow.token, escrow.quantity)
        account = self._account_of_today(escrow.seller)
        self._expect_member(account)
        self._remember(account, caller)
        self._end_escrow(escrow, EscrowState.RETURNED, account)

    def _open_escrow(self, escrow_id: bytes) -> EscrowFacts:
        escrow = self.escrows.get(escrow_id)
        if escrow is None:
            raise AssetRefused("UnknownEscrow", escrow_id)
        if escrow.state is not EscrowState.OPEN:
            raise AssetRefused("EscrowEnded", escrow_id)
        return escrow

    def _end_escrow(self, escrow: EscrowFacts, state: EscrowState, receiver: Address) -> None:
        self.escrows[escrow.id] = replace(escrow, state=state)
        self._hold(escrow.seller, escrow.token, escrowed=-escrow.quantity)
        self._hold(receiver, escrow.token, tradable=escrow.quantity)
        self._count(escrow.token, escrowed=-escrow.quantity)
        name = "Accepted" if state is EscrowState.ACCEPTED else "Returned"
        self._tell(name, escrow.token, escrow.seller, escrow.quantity, receiver)
