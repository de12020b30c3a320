"""Conversion factors that members declared, every version."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from greenlane.core.balance.factors import ConversionFactor
from greenlane.core.documents.cid import Cid
from greenlane.core.units import CenterId, LeafIndex, MemberId


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFactor:
    """One declaration.

    Attributes:
        center, member: who declared it; the same as in the declaration.
        digest: SHA-256 of the document, 32 bytes: the subject of its entry.
        cid: of the document.
        leaf_index: where the center's log has the entry of the member's statement about it.
        recorded_at: aware UTC.
    """

    center: CenterId
    member: MemberId
    factor: ConversionFactor
    digest: bytes
    cid: Cid
    leaf_index: LeafIndex
    recorded_at: datetime


class Factors(Protocol):
    """Declared factors, a room of the store. Nothing is ever changed or removed."""

    def add(self, kept: KeptFactor) -> bool:
        """Keeps a declaration; False where that number of that factor is kept already."""

    def of_member(self, center: CenterId, member: MemberId, *, facility: str | None = None) -> Sequence[KeptFactor]:
        """All versions that a member declared, of one facility or of all, oldest first."""
