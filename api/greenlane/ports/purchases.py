"""Purchases at the buyer's center: lines with their salts and prices, which never leave it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from greenlane.core.assets.purchase import OpenLine
from greenlane.core.assets.retirement import RetirementStatement
from greenlane.core.errors import Conflict
from greenlane.core.seals import SealedState
from greenlane.core.units import CenterId, LeafIndex, MemberId


class PurchaseCancelled(Conflict):
    """The buyer took the purchase back: nothing is set aside, accepted or claimed for its lines any more."""

    code = "purchase-cancelled"
    default_remedy = "Order anew what is still wanted; units that wait for one of its lines are given back."


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLine:
    """A line and its digest as it was when it was last written.

    Attributes:
        digest: blinded, 32 bytes: what is to stand on the chain.
        fixed_at: since when units may be escrowed for it, so that it never changes any more; None while it may be edited.
    """

    open_line: OpenLine
    digest: bytes
    fixed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """One purchase.

    Attributes:
        id: 32 lower-case hex digits.
        center, buyer: whose it is.
        reference: the buyer's own number or words; one line.
        cancelled_at: when its buyer took it back; None while it stands.
    """

    id: str
    center: CenterId
    buyer: MemberId
    reference: str
    ordered_on: date
    created_at: datetime
    lines: tuple[KeptLine, ...]
    cancelled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRetirement:
    """A retirement that a center certifies: its statement, and where its entry stands.

    Attributes:
        id: 32 bytes.
        line: purchase id and line number; None where it was for none.
    """

    id: bytes
    center: CenterId
    member: MemberId
    statement: RetirementStatement
    leaf_index: LeafIndex
    line: tuple[str, int] | None
    stated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftRetirement:
    """A retirement that could not be certified, because the statement behind its token was not known here.

    Attributes:
        id: 32 bytes.
        center: whose member retired.
        token: 32 bytes.
        act: digest of the act that retired, 32 bytes.
    """

    id: bytes
    center: CenterId
    token: bytes
    act: bytes


class Purchases(Protocol):
    """Kept purchases and certified retirements."""

    def add(self, purchase: Purchase) -> None: ...
    def get(self, purchase_id: str) -> Purchase | None: ...
    def replace_line(self, purchase_id: str, line: KeptLine) -> None:
        """Writes a line anew and keeps what it said before; the caller has seen in the same transaction that it is not fixed."""

    def fix_line(self, purchase_id: str, number: int, at: datetime) -> None:
        """Notes that the line never changes any more; the first time stays."""

    def free_line(self, purchase_id: str, number: int) -> None:
        """Takes that back; the caller has seen in the same transaction that what it was fixed for was never done."""

    def cancel(self, purchase_id: str, at: datetime) -> None:
        """Notes that it was taken back; the first time stays.

        Whoever fixes one of its lines in another transaction waits for this one. The caller looks afterwards, in the same
        transaction, at what is bound to the lines, and takes all back where something is.
        """

    def of_buyer(
        self,
        center: CenterId,
        buyer: MemberId | None,
        *,
        ordered_from: date | None,
        ordered_to: date | None,
        after: str | None,
        limit: int,
    ) -> Sequence[Purchase]:
        """Purchases of a buyer (None: of the whole center), newest first by day and id, after the purchase of that id."""

    def line_of(self, digest: bytes) -> tuple[str, int] | None:
        """Purchase id and number of the line with that digest."""

    def former_line_of(self, digest: bytes) -> tuple[str, int] | None:
        """Purchase id and number of the line that had that digest before it was written anew."""

    def former_writings(self, purchase_id: str, number: int) -> Sequence[KeptLine]:
        """What a line said before, by digests."""

    def add_retirement(self, retirement: KeptRetirement) -> None:
        """Keeps it; its entry was appended in the same transaction."""

    def add_retirement_again(self, retirement: KeptRetirement) -> None:
        """Keeps what is stated of one that is certified already, because the chain lost it and did it again; it waits for its
        seal anew. What was stated before stays where its entry is."""

    def leave_retirement(self, left: LeftRetirement) -> None:
        """Notes one that is not certified; again it changes nothing. Certifying it ends the note."""

    def left_retirements(self, center: CenterId, *, after: bytes, limit: int) -> Sequence[LeftRetirement]:
        """Noted ones of a center whose statement is known by now, by their ids, after that one (b"": from the first)."""

    def retirement(self, retirement_id: bytes) -> KeptRetirement | None:
        """What was stated of it last."""

    def retirement_at(self, center: CenterId, leaf_index: LeafIndex) -> KeptRetirement | None: ...
    def walk_retirements(self, center: CenterId, *, start: LeafIndex, limit: int) -> Sequence[KeptRetirement]:
        """All that was ever stated, in log order, for checks."""

    def unsealed_retirements(self, center: CenterId, *, limit: int) -> Sequence[KeptRetirement]:
        """Certified ones without a sealed block that proves them, newest first."""

    def keep_retirement_seal(self, retirement_id: bytes, state: SealedState) -> None:
        """Keeps the sealed block that proves a certified retirement; the first one kept stays. Of another it does nothing."""

    def retirement_seal(self, retirement_id: bytes) -> SealedState | None:
        """The sealed block that proves a certified retirement, or None."""
