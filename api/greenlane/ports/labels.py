"""The register of labels: every version of every label, kept for ever."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from greenlane.core.assets.label import Label
from greenlane.core.units import CenterId, MemberId


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLabel:
    """One version of one label.

    Attributes:
        number: of the version, from 1.
        center, member: who recorded it; member None: the center itself.
        recorded_at: aware UTC.
    """

    label: Label
    number: int
    center: CenterId
    member: MemberId | None
    recorded_at: datetime


class Labels(Protocol):
    """Versions of labels, a room of the store. Nothing is ever changed or removed."""

    def add(self, kept: KeptLabel) -> bool:
        """Keeps a version; False where that number of that label is kept already, by another transaction, say."""

    def versions(self, label_id: str) -> Sequence[KeptLabel]:
        """All versions of a label, oldest first; empty where there is none of that id."""

    def newest(self, *, after: str | None, limit: int) -> Sequence[KeptLabel]:
        """The newest version of each label, by id, after that id."""
