"""The contracts of green assets, as the services see them: what they keep, and a way to bring acts to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from greenlane.core.assets.act import Act
from greenlane.core.assets.evidence import EvidenceStatement
from greenlane.core.assets.facts import AssetClass, EscrowFacts, HoldingFacts, IssuanceFacts, Totals
from greenlane.core.assets.retirement import RetirementFacts
from greenlane.core.assets.typed_data import Domain
from greenlane.core.errors import CannotCheck, Conflict
from greenlane.core.units import Address, BlockNumber, CenterId, ChainId, LeafIndex, MemberId, NodeHash, TreeSize
from greenlane.ports.accounts import MemberRole


class AssetsMissing(CannotCheck):
    """The network has no contracts of green assets: it was founded before there were any."""

    code = "green-assets-missing"
    default_remedy = "Green assets need a network whose network.json names their contracts; found a new one."


class ActWouldFail(Conflict):
    """The contract would refuse an act, or did; nothing was changed.

    Attributes:
        refusal: name of the contract's error, e.g. "MoreThanEvidenced"; "" where it gave none.
    """

    code = "act-refused"

    def __init__(self, detail: str, *, refusal: str, where: str | None = None, remedy: str | None = None) -> None:
        super().__init__(detail, where=where, remedy=remedy)
        self.refusal = refusal


class AssetContract(StrEnum):
    """Which contract an act is for."""

    GREEN_ASSET = "green-asset"
    EVIDENCE_REGISTER = "evidence-register"


class ChainActState(StrEnum):
    """What a contract's storage says of an act. open: not decided yet."""

    OPEN = "open"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetPlaces:
    """Where the contracts stand."""

    chain_id: ChainId
    green_asset: Address
    evidence_register: Address

    def domain(self, contract: AssetContract) -> Domain:
        """Where a signature for that contract counts."""
        is_asset = contract is AssetContract.GREEN_ASSET
        return Domain(chain_id=self.chain_id, contract=self.green_asset if is_asset else self.evidence_register)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainMember:
    """A member as the registry has it.

    Attributes:
        is_in_good_standing: vouched for, within its term, by a center in good standing.
    """

    center: CenterId
    member: MemberId
    account: Address
    roles: frozenset[MemberRole]
    is_in_good_standing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceProof:
    """Where an anchored log holds a statement's entry, and the certifier's signature.

    Attributes:
        signature: 65 bytes.
        tree_size: of an anchored root.
        path: siblings from the leaf upward.
    """

    signature: bytes
    tree_size: TreeSize
    leaf_index: LeafIndex
    path: tuple[NodeHash, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where the ranges of a statement belong among those that are used; looked up, and stale after another's admission."""

    vintage_after: int
    serial_after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RetirementAsked:
    """What a holder asks to be retired; digests and the reference are 32 bytes, zeros where there is none."""

    token: bytes
    quantity: int
    claimant: Address
    beneficiary: bytes
    claim_from: date
    claim_to: date
    lot: bytes
    line_digest: bytes
    ref: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAct:
    """An act with what brings it: the contract it is for and its account's signature of 65 bytes."""

    contract: AssetContract
    act: Act
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ActOutcome:
    """What a contract says of an act.

    Attributes:
        detail, remedy: why it was refused, in words; empty otherwise, or where the event that told is lost.
        refusal: name of the error; as `detail`.
    """

    state: ChainActState
    refusal: str = ""
    detail: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRef:
    """One block by number and hash (32 bytes)."""

    number: BlockNumber
    block_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """What changes on the chain, by name only, so that it is read anew.

    Attributes:
        holdings: account and token.
    """

    classes: tuple[str, ...] = ()
    tokens: tuple[bytes, ...] = ()
    holdings: tuple[tuple[Address, bytes], ...] = ()
    escrows: tuple[bytes, ...] = ()
    retirements: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Look(Touched):
    """What some blocks touched; each once, in the order of the chain.

    Attributes:
        to: the last block that was looked at.
    """

    to: BlockRef


class AssetCalls(Protocol):
    """Call data of the contracts; nothing is asked of any node."""

    def issue(self, statement: EvidenceStatement, proof: EvidenceProof, placement: Placement, quantity: int) -> bytes: ...
    def transfer(self, *, sender: Address, receiver: Address, token: bytes, quantity: int) -> bytes: ...
    def escrow(self, *, token: bytes, quantity: int, buyer: Address, line_digest: bytes, deadline: datetime) -> bytes: ...
    def accept(self, escrow_id: bytes) -> bytes: ...
    def give_back(self, escrow_id: bytes) -> bytes: ...
    def retire(self, asked: RetirementAsked) -> bytes: ...
    def cancel(self, *, token: bytes, quantity: int, reason: str) -> bytes: ...
    def follow_key(self, *, previous: Address, token: bytes) -> bytes: ...
    def revoke(self, statement: EvidenceStatement, reason: str) -> bytes: ...


class AssetLedger(Protocol):
    """A gateway to the contracts. Every method but `places` and `calls` may raise LedgerUnavailable, LedgerMismatch or
    AssetsMissing."""

    @property
    def places(self) -> AssetPlaces:
        """Raises AssetsMissing where the network has none."""

    @property
    def calls(self) -> AssetCalls: ...

    # ---- acts ----

    def simulate(self, contract: AssetContract, account: Address, call: bytes) -> None:
        """Runs a call as that account would make it.

        Raises:
            ActWouldFail: the contract would refuse it, in words.
        """

    def is_in_flight(self, center: CenterId) -> bool:
        """Whether what the center brought is not decided yet; settles what can be settled, sends again what nodes forgot."""

    def bring(self, center: CenterId, acts: Sequence[SignedAct]) -> int:
        """Brings the first acts, those for one contract that fit into one transaction, with the center's anchorer; returns how
        many as soon as a node took them. Bringing what was brought is harmless.

        Raises:
            LedgerUnavailable: another transaction of the account is on its way, or no node took it.
            NotFound: the center's anchorer is not here.
        """

    def outcome(self, contract: AssetContract, digest: bytes) -> ActOutcome:
        """What the contract's storage says of an act, with the words of its refusal as far as an event still tells them."""

    def act_states(self, contract: AssetContract, digests: Sequence[bytes]) -> Sequence[ChainActState]:
        """What the contract's storage says of many acts, in their order, in few questions and without words."""

    # ---- what the chain keeps ----

    def member_at(self, account: Address) -> ChainMember | None:
        """Whose account it is."""

    def member_named(self, center: CenterId, member: MemberId) -> ChainMember | None:
        """The member of that name; None where the registry has none."""

    def asset_class(self, class_id: str) -> AssetClass | None: ...
    def class_totals(self, class_id: str) -> Totals: ...
    def issuance(self, token: bytes) -> IssuanceFacts | None: ...
    def holding(self, account: Address, token: bytes) -> HoldingFacts: ...
    def escrow(self, escrow_id: bytes) -> EscrowFacts | None: ...
    def retirement(self, retirement_id: bytes) -> RetirementFacts | None: ...

    # Many at once, in the order asked for, in few questions.

    def issuances(self, tokens: Sequence[bytes]) -> Sequence[IssuanceFacts | None]: ...
    def holdings(self, places: Sequence[tuple[Address, bytes]]) -> Sequence[HoldingFacts]: ...
    def escrows(self, escrow_ids: Sequence[bytes]) -> Sequence[EscrowFacts | None]: ...
    def retirements(self, retirement_ids: Sequence[bytes]) -> Sequence[RetirementFacts | None]: ...

    def placement(self, statement: EvidenceStatement) -> Placement:
        """Where the statement's ranges belong now."""

    def is_paused(self) -> bool:
        """Whether a quorum of centers has stopped all movements."""

    # ---- following ----

    def head(self) -> BlockRef: ...
    def block_hash(self, number: BlockNumber) -> bytes | None:
        """Hash of a block; None where the chain has none of that number."""

    def touched(self, first: BlockNumber, last: BlockNumber) -> Look:
        """What events from block `first` on name, up to `last` or as far as one look reaches (`Look.to`)."""

    def everything(self) -> Look:
        """All that the contracts' storage lists now: classes, tokens and retirements, whatever became of events; holdings and
        escrows as far as events tell."""
