"""The append-only record of writes: who, for whom, what, when. No line is ever changed or removed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from greenlane.core.units import CenterId, MemberId


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """One write.

    Attributes:
        at: aware UTC.
        actor: "key:<API key id>", "worker" or "console".
        center: whose data it touched.
        member: for which member, or None where for the center itself.
        action: dotted verb, e.g. "event.capture", "salt.forget", "key.create".
        subject: what it touched, e.g. a capture job's id or an event hash; never personal data or a secret.
    """

    at: datetime
    actor: str
    center: CenterId
    member: MemberId | None
    action: str
    subject: str


class Audit(Protocol):
    """Append and read."""

    def add(self, line: AuditLine) -> None:
        """Appends a line; it is durable exactly if the write it tells of is."""

    def lines(self, center: CenterId, *, after: int = 0, limit: int = 100) -> Sequence[tuple[int, AuditLine]]:
        """Lines of a center in the order of writing, each with its number; those with a number above `after`."""
