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


class Holds(Protocol):
    """Holds and replicas, a room of the store."""

    def ask(self, held: HeldDocument) -> bool:
        """Records that somebody asks; False where the same center asked before."""

    def release(self, asked_by: CenterId, cid: Cid) -> bool:
        """Forgets that a center asked; False where it did not."""

    def held(self, *, asked_by: CenterId | None, after: Cid | None, limit: int) -> Sequence[HeldDocument]:
        """Held documents, by CID, after `after`; of one asking center, or of all.

        Of all, each CID comes once, with one of those who asked for it.
        """

    def held_bytes(self, asked_by: CenterId) -> int:
        """The sum of what one center asked us to hold."""

    def is_held(self, cid: Cid) -> bool:
        """Whether anybody asked for it."""

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
