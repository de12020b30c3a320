"""Acts of members on their way to the chain: written down before they are brought, so that no restart forgets or doubles one."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from greenlane.core.canonical import JsonValue
from greenlane.core.units import CenterId, MemberId
from greenlane.ports.asset_ledger import SignedAct, Touched


class ActKind(StrEnum):
    """What an act does."""

    ISSUE = "issue"
    TRANSFER = "transfer"
    ESCROW = "escrow"
    ACCEPT = "accept"
    GIVE_BACK = "give-back"
    RETIRE = "retire"
    CANCEL = "cancel"
    FOLLOW_KEY = "follow-key"
    REVOKE = "revoke"


class ActState(StrEnum):
    """kept: durable here, perhaps brought. done, refused: decided by the contract. expired: its time was over before that."""

    KEPT = "kept"
    DONE = "done"
    REFUSED = "refused"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """What is kept with an act beside the request; it is not the member's, and is not shown as such.

    Attributes:
        touched: what the act changes on the chain.
        is_tried: whether the chain was asked what it would make of the act.
        attempt: how often an act was made for the same request, from 1.
        replaces: the digest of the act in whose place this one is, 32 bytes; None for none.
    """

    touched: Touched = field(default_factory=Touched)
    is_tried: bool = True
    attempt: int = 1
    replaces: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAct:
    """One act.

    Attributes:
        digest: names it here and on the chain, 32 bytes.
        center, member: in whose name.
        subject: what it is about, for lists: a token, an escrow's or a retirement's id (0x-hex), or a statement's id.
        line: purchase id and line number it belongs to; None where to none.
        asked: the request in JSON as it was understood, for pages.
        detail, remedy, refusal: why it was refused; empty otherwise.
        brought_at: when it was first handed to a node; None where it was not yet.
    """

    digest: bytes
    center: CenterId
    member: MemberId
    kind: ActKind
    signed: SignedAct
    subject: str
    line: tuple[str, int] | None
    asked: dict[str, JsonValue]
    state: ActState
    kept_at: datetime
    keeping: Keeping = field(default_factory=Keeping)
    brought_at: datetime | None = None
    decided_at: datetime | None = None
    refusal: str = ""
    detail: str = ""
    remedy: str = ""


class Acts(Protocol):
    """Kept acts."""

    def add(self, act: KeptAct) -> None:
        """Keeps an act; its digest is new."""

    def get(self, digest: bytes) -> KeptAct | None:
        """The act, or None."""

    def waiting(self, center: CenterId, *, limit: int) -> Sequence[KeptAct]:
        """Acts of a center in the state kept, oldest first."""

    def of_line(self, purchase_id: str, number: int) -> Sequence[KeptAct]:
        """Acts of a purchase line, oldest first."""

    def of_purchase(self, purchase_id: str) -> Sequence[KeptAct]:
        """Acts of all lines of a purchase, oldest first."""

    def of_member(self, center: CenterId, member: MemberId, *, limit: int, before: bytes | None = None) -> Sequence[KeptAct]:
        """A member's acts, newest first.

        Args:
            before: digest of the last one that was told; only those that were kept before it.
        """

    def done_subjects(self, center: CenterId, member: MemberId, kind: ActKind) -> frozenset[str]:
        """What the member's acts of a kind that were done are about."""

    def brought(self, center: CenterId, *, limit: int) -> Sequence[KeptAct]:
        """Those of them that were handed to a node, oldest first."""

    def in_turn(self, center: CenterId, *, limit: int) -> Sequence[KeptAct]:
        """Acts of a center in the state kept in the order in which they are to be brought.

        For half of them at most those that accept units or give them back, whose escrow ends soonest first, for these have a
        deadline. Then the first act of each member, the second of each, and so on, so that nobody waits for all that another
        asked for. Of one member and of one of these two kinds the older comes before the newer.
        """

    def count_waiting(self, center: CenterId, member: MemberId | None = None) -> int:
        """How many are in the state kept; of one member, where it is named."""

    def mark_brought(self, digest: bytes, at: datetime) -> None:
        """Notes the first handing over; later ones change nothing."""

    def close(
        self, digest: bytes, state: ActState, at: datetime, *, refusal: str = "", detail: str = "", remedy: str = ""
    ) -> None:
        """Ends an act in another state than kept; closing it again the same way changes nothing."""

    def reopen(self, digest: bytes) -> None:
        """Makes an act kept again, because the chain lost what it did."""
