"""The public keys by which members read confidential documents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from greenlane.core.units import CenterId, MemberId


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderKey:
    """One age recipient of a member.

    Attributes:
        recipient: "age1…", an X25519 public key; the identity that opens with it never leaves its owner.
        revoked_at: since when nothing new is encrypted for it; None while it is used.
    """

    center: CenterId
    member: MemberId
    recipient: str
    added_at: datetime
    revoked_at: datetime | None = None


class ReaderKeys(Protocol):
    """Reader keys of members, a room of the store."""

    def add(self, key: ReaderKey) -> bool:
        """Adds a key; False where the member has it already (one that was revoked stays revoked)."""

    def of_member(self, center: CenterId, member: MemberId) -> Sequence[ReaderKey]:
        """All of a member, oldest first, revoked ones included."""

    def revoke(self, center: CenterId, member: MemberId, recipient: str, at: datetime) -> bool:
        """Revokes a key; False where there is none, or it was revoked before (the first time stays)."""
