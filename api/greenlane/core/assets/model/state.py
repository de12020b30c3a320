"""What the two contracts keep, and the plainest questions to it.

Source: the storage of contracts/EvidenceRegister.sol and contracts/GreenAsset.sol.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from greenlane.core.assets.custody import CustodyModel
from greenlane.core.assets.evidence import EvidenceStatement
from greenlane.core.assets.facts import AssetClass, EscrowFacts, HoldingFacts, IssuanceFacts, Totals
from greenlane.core.assets.model.events import AssetEvent, nothing_at
from greenlane.core.assets.model.surroundings import Surroundings
from greenlane.core.assets.refusals import AssetRefused
from greenlane.core.assets.retirement import RetirementFacts
from greenlane.core.assets.typed_data import WORD_BYTES, Domain
from greenlane.core.documents.description import MemberName
from greenlane.core.units import Address, CenterId

MAX_REASON_BYTES = 256
NO_DIGEST = bytes(WORD_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A statement that counts.

    Attributes:
        holder: the member whose account it named.
        admitted_at: unix seconds.
    """

    statement: EvidenceStatement
    holder: MemberName
    admitted_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LotRecord:
    """Whose an attribute of a lot is, and the weakest model told of it."""

    holder: MemberName
    facility: str
    custody: CustodyModel


@dataclass(slots=True, kw_only=True)
class Counted:
    """What one asker of the register had admitted, and what that uses up for it.

    Attributes:
        lots: by attribute and SHA-256 of the lot.
        vintages: days counted, first and last, by the same.
        serials: serials counted, first and last, by the registry that gave them.
    """

    evidence: dict[bytes, Admitted] = field(default_factory=dict)
    lots: dict[tuple[str, bytes], LotRecord] = field(default_factory=dict)
    vintages: dict[tuple[str, bytes], list[tuple[int, int]]] = field(default_factory=dict)
    serials: dict[str, list[tuple[int, int]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Votes on one motion; `expires_at` in unix seconds."""

    expires_at: int
    voters: frozenset[CenterId]


@dataclass(slots=True, kw_only=True)
class AssetState:
    """What both contracts keep, and what they ask of outside.

    Attributes:
        domain: of the `EvidenceRegister`.
        green_asset: address of the `GreenAsset`.
        now: unix seconds.
        counted: what each asker of the register had admitted: the `GreenAsset`, and whoever asked for itself.
        certifiers: whose the certifier's account was when a statement was first admitted, for whomever.
        revocations: reasons by digest; also of statements that were never admitted.
        names: whose an account is: who had it when it first got units, or showed its key since.
        events: all that was told, oldest first.
    """

    domain: Domain
    green_asset: Address
    now: int
    around: Surroundings = field(default_factory=Surroundings)
    counted: dict[Address, Counted] = field(default_factory=dict)
    certifiers: dict[bytes, MemberName] = field(default_factory=dict)
    revocations: dict[bytes, str] = field(default_factory=dict)
    classes: dict[str, AssetClass] = field(default_factory=dict)
    class_totals: dict[str, Totals] = field(default_factory=dict)
    issuances: dict[bytes, IssuanceFacts] = field(default_factory=dict)
    holdings: dict[tuple[Address, bytes], HoldingFacts] = field(default_factory=dict)
    escrows: dict[bytes, EscrowFacts] = field(default_factory=dict)
    retirements: dict[bytes, RetirementFacts] = field(default_factory=dict)
    approvals: set[tuple[Address, Address]] = field(default_factory=set)
    names: dict[Address, MemberName] = field(default_factory=dict)
    rounds: dict[Hashable, Round] = field(default_factory=dict)
    is_paused: bool = False
    events: list[AssetEvent] = field(default_factory=list)

    def counted_for(self, asker: Address) -> Counted:
        """What an asker had admitted, and what that uses up."""
        return self.counted.get(asker) or Counted()

    @property
    def evidence(self) -> Mapping[bytes, Admitted]:
        """What was admitted for the `GreenAsset`, by its digest."""
        return self.counted_for(self.green_asset).evidence

    def holding(self, account: Address, token: bytes) -> HoldingFacts:
        """What an account has of an issuance."""
        return self.holdings.get((account, token), nothing_at((account, token)))


def check_reason(reason: str) -> None:
    """Whether a reason may be given.

    Raises:
        AssetRefused: it is empty, or longer than 256 bytes in UTF-8.
    """
    if not 1 <= len(reason.encode()) <= MAX_REASON_BYTES:
        raise AssetRefused("InvalidReason")
