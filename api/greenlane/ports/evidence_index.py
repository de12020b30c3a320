"""Evidence statements at the center whose log holds them: drafted, signed by their certifier, entered into the log.

Beside them those of other deployments' centers that somebody brought here, for units that are bought or claimed here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from greenlane.core.assets.evidence import EvidenceStatement
from greenlane.core.units import CenterId, LeafIndex, MemberId


class EvidenceState(StrEnum):
    """drafted: waits for the certifier's signature. logged: signed, and an entry of the log. refused: the certifier said no.
    elsewhere: signed, and an entry of a log that another deployment keeps; the chain's register has admitted it."""

    DRAFTED = "drafted"
    LOGGED = "logged"
    REFUSED = "refused"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEvidence:
    """One statement.

    Attributes:
        digest: its EIP-712 digest, 32 bytes; the token's id.
        center: whose log; the same as in the statement.
        holder_center, holder: the member whose units these will be.
        certifier_center, certifier: the member that is to sign.
        signature: 65 bytes, once signed.
        leaf_index: of its entry, once logged; None of one from elsewhere, whose log is not kept here.
        drafted_at, decided_at: of one from elsewhere: since when it is known here.
        refused_because: the certifier's words; None unless refused.
    """

    digest: bytes
    center: CenterId
    holder_center: CenterId
    holder: MemberId
    certifier_center: CenterId
    certifier: MemberId
    statement: EvidenceStatement
    state: EvidenceState
    signature: bytes | None
    leaf_index: LeafIndex | None
    drafted_at: datetime
    decided_at: datetime | None
    refused_because: str | None

    @property
    def is_signed(self) -> bool:
        """Whether its certifier signed it and a log holds it, be it another deployment's; then it is public."""
        return self.state in (EvidenceState.LOGGED, EvidenceState.ELSEWHERE)


class EvidenceIndex(Protocol):
    """Kept statements."""

    def add(self, evidence: KeptEvidence) -> None:
        """Keeps a draft.

        Raises:
            Conflict: a statement of that id or digest is kept.
        """

    def add_elsewhere(self, evidence: KeptEvidence) -> None:
        """Keeps a statement from elsewhere; does nothing where it is kept. Only `get` and `walk_elsewhere` tell of it."""

    def get(self, digest: bytes) -> KeptEvidence | None: ...
    def log(self, digest: bytes, *, signature: bytes, leaf_index: LeafIndex, at: datetime) -> None:
        """Notes that a draft was signed and is an entry, appended in the same transaction."""

    def refuse(self, digest: bytes, *, because: str, at: datetime) -> None:
        """Ends a draft."""

    def at(self, center: CenterId, leaf_index: LeafIndex) -> KeptEvidence | None:
        """The statement whose entry stands there."""

    def of_member(self, center: CenterId, member: MemberId, *, limit: int) -> Sequence[KeptEvidence]:
        """Statements that the member holds or certifies, newest first."""

    def stated(
        self,
        facility: str,
        *,
        vintage_from: date,
        vintage_to: date,
        attribute: str,
        holder: tuple[CenterId, MemberId] | None = None,
    ) -> Sequence[KeptEvidence]:
        """Statements of a facility and attribute whose vintage overlaps these days; refused ones left out.

        Args:
            holder: of that member alone.
        """

    def drafts_of(self, center: CenterId, holder: MemberId) -> Sequence[tuple[bytes, datetime]]:
        """Digests of what a member drafted and nobody decided, and since when, oldest first."""

    def walk(self, center: CenterId, *, start: LeafIndex, limit: int) -> Sequence[KeptEvidence]:
        """Logged ones of a center in log order, for checks."""

    def walk_elsewhere(self, *, after: bytes, limit: int) -> Sequence[KeptEvidence]:
        """Those from elsewhere by their digests, after that one (b"": from the first), for checks."""
