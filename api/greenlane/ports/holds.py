"""Whose documents are held beside the own ones, and who holds ours: so that no document lies with one center alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from greenlane.core.documents.cid import Cid
from greenlane.core.errors import Unavailable
from greenlane.core.units import CenterId


class PartnerUnavailable(Unavailable):
    """Another center's server does not answer, or not as it should."""

    code = "partner-unavailable"


class PartnerRefused(PartnerUnavailable):
    """Another center's server does not take one thing that it was asked; other things it may."""

    code = "partner-refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldDocument:
    """A document that another center asked us to hold.

    Attributes:
        asked_by: the center that asked.
        center: the center here that was asked.
        size: of the stored bytes, as the asker stated it.
    """

    center: CenterId
    asked_by: CenterId
    cid: Cid
    size: int
    asked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """A partner's word that it holds a document.

    Attributes:
        confirmed_at: when it said so last.
    """

    partner: CenterId
    cid: Cid
    confirmed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerStanding:
    """What a comparison found of one partner.

    Attributes:
        waiting: asks to it in this round that it has not confirmed.
        away_since: since when it does not answer; None where it does.
    """

    center: CenterId
    waiting: int
    away_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentsStanding:
    """What the last whole comparison of what should be held here with what is came to.

    Attributes:
        at: when it ended.
        wanted, wanted_here: documents that a statement keeps, and how many of them are held here.
        holds, holds_here: the same of what other centers asked us to hold, counted for each that asks.
        damaged: how many were found to have rotted and could not be mended yet. They are not held, and counted so from the next
            comparison on.
        replicas: how many wanted documents (second) are held by how many partners (first), by the first.
    """

    at: datetime
    wanted: int
    wanted_here: int
    holds: int
    holds_here: int
    damaged: int
    replicas: tuple[tuple[int, int], ...]
    partners: tuple[PartnerStanding, ...]

    @property
    def missing(self) -> int:
        """How many documents should be held here and are not."""
        return self.wanted - self.wanted_here + self.holds - self.holds_here


class Holds(Protocol):
    """Holds and replicas, a room of the store."""

    def ask(self, held: HeldDocument) -> bool:
        """Records that somebody asks; False where the same center asked before."""

    def release(self, asked_by: CenterId, cid: Cid) -> bool:
        """Forgets that a center asked; False where it did not."""

    def held_by(self, asked_by: CenterId, cid: Cid) -> HeldDocument | None:
        """What a center asked for, or None where it did not."""

    def held(self, *, asked_by: CenterId | None, after: Cid | None, limit: int) -> Sequence[HeldDocument]:
        """Held documents, by CID, after `after`; of one asking center, or of all.

        Of all, each CID comes once, with one of those who asked for it.
        """

    def asks(self, cid: Cid) -> Sequence[HeldDocument]:
        """Every ask for one document, by who asks."""

    def askers(self) -> Sequence[CenterId]:
        """Who asked us to hold something, and still does."""

    def held_bytes(self, asked_by: CenterId) -> int:
        """The sum of what one center asked us to hold, as it stated the sizes."""

    def held_documents(self, asked_by: CenterId) -> int:
        """How many documents one center asked us to hold."""

    def is_held(self, cid: Cid) -> bool:
        """Whether it may be handed out for those who asked to hold it: it was brought, and nobody here withdrew it."""

    def is_brought(self, cid: Cid) -> bool:
        """Whether its bytes came here by us: for one who asked, or because a statement here keeps them."""

    def bring(self, cid: Cid) -> bool:
        """Records that its bytes were brought for one who asked; False where nobody asks any more."""

    def was_pinned(self, cid: Cid) -> bool | None:
        """Whether others had pinned it in our store before we did; None where that was not looked at: we never pinned it."""

    def note_pinned(self, cid: Cid, was_pinned: bool) -> None:
        """Records whether others had pinned it. Whoever is about to pin it for the first time looks, and writes it down before;

        what was written first stays for as long as anybody wants the document.
        """

    def confirm(self, replica: Replica) -> None:
        """Records a partner's word; a later one takes the place of an earlier one."""

    def unconfirm(self, partner: CenterId, cid: Cid) -> bool:
        """Forgets a partner's word, as when it let go; False where it gave none."""

    def unconfirmed(
        self, partner: CenterId, *, before: datetime, limit: int, after: Cid | None = None
    ) -> Sequence[tuple[Cid, int]]:
        """Our wanted documents, with sizes, that this partner did not confirm at `before` or later, by CID, after `after`."""

    def holders(self, cid: Cid) -> Sequence[Replica]:
        """Who said that they hold it, by partner."""

    def note(self, standing: DocumentsStanding) -> None:
        """Keeps what a comparison came to, in place of the one before."""

    def noted(self) -> DocumentsStanding | None:
        """What the last comparison came to; None before the first."""


class Partner(Protocol):
    """Another center's server."""

    @property
    def center(self) -> CenterId:
        """Its center."""

    def ask_to_hold(self, cid: Cid, size: int) -> bool:
        """Asks it to hold a document of ours; True where it holds it now, False where it will.

        Raises:
            PartnerUnavailable: no answer, or a refusal (its words are in the error).
        """

    def release(self, cid: Cid) -> None:
        """Tells it that we do not need it held any more.

        Raises:
            PartnerUnavailable.
        """

    def fetch_car(self, cid: Cid) -> Iterator[bytes]:
        """The document as a CAR, unchecked.

        Raises:
            DocumentMissing: it has none.
            PartnerUnavailable: no answer, or it ends early.
        """
