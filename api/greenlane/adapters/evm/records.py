"""What the contracts tell, as values: statuses, roles and records, named as the contracts name them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import NewType

from greenlane.core.units import (
    Address,
    BlockNumber,
    CenterId,
    MemberId,
    RootHash,
    TreeSize,
    TxHash,
)

UnixSeconds = NewType("UnixSeconds", int)
"""A time of the chain: seconds since 1970-01-01 UTC."""


ProposalId = NewType("ProposalId", bytes)
"""The registry's name of one proposal, a hash over all it would do; 32 bytes."""


NOBODY = bytes(20)


class CenterStatus(IntEnum):
    """Where a pilot center stands. ENDED: its term ran out and somebody said so. LEFT: went of its own will, for good."""

    NONE = 0
    NOMINATED = 1
    ACTIVE = 2
    SUSPENDED = 3
    LEFT = 4
    ENDED = 5


class ProposalKind(IntEnum):
    """What a proposal would do."""

    NONE = 0
    ADMISSION = 1
    SUSPENSION = 2
    REINSTATEMENT = 3
    RENEWAL = 4
    OPERATOR_REPLACEMENT = 5


class MemberStatus(IntEnum):
    """Whether the center that vouched for a member still does."""

    NONE = 0
    ACTIVE = 1
    SUSPENDED = 2


class MemberRole(IntFlag):
    """What a member may act as; added up."""

    ENTERPRISE = 1
    CERTIFIER = 2
    BUYER = 4
    AGENCY = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class CenterCandidate:
    """What a nomination, or the genesis, says about a center.

    Attributes:
        economy: ISO 3166-1 alpha-2, upper case.
        log_key: Ed25519 public key of its log, 32 bytes.
        name: for people; 1 to 256 bytes of UTF-8.
        origin: of its log (C2SP); 1 to 256 bytes; unique for ever.
        endpoint: URL of its API; up to 256 bytes.
        enode: enode URL of its validator; up to 256 bytes.
    """

    id: CenterId
    log_key: bytes
    economy: str
    operator: Address
    anchorer: Address
    validator: Address
    name: str
    origin: str
    endpoint: str = ""
    enode: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryParameters:
    """What a network agrees on at genesis.

    Attributes:
        minimum_centers: the set of active centers never falls below this; at least 1.
        term_length_s: seconds a term lasts; 0 is open.
        voting_period_s: seconds a proposal can be voted on; at least 1.
        term_start: where the founders' terms begin; 0 is the time of deployment.
    """

    minimum_centers: int
    term_length_s: int
    voting_period_s: int
    term_start: UnixSeconds = UnixSeconds(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CenterRecord:
    """A center as the registry keeps it; what CenterCandidate says, and its standing.

    Attributes:
        name, origin, endpoint, enode: whatever the center wrote, up to 256 bytes: what is no UTF-8 reads as U+FFFD, and control
            characters stay. Whoever shows or uses them judges them.
        anchorer: 20 zeros where it has none, its account having been made the operator by vote.
        term_end: no longer in good standing from here; None is open.
        revision: counts changes of status and term.
        validator_rotated_at: when its operator changed the validator key last; None is never.
    """

    id: CenterId
    status: CenterStatus
    economy: str
    operator: Address
    anchorer: Address
    validator: Address
    log_key: bytes
    name: str
    origin: str
    endpoint: str
    enode: str
    term_start: UnixSeconds
    term_end: UnixSeconds | None
    revision: int
    validator_rotated_at: UnixSeconds | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogKeyRecord:
    """One key of a center's log and when it was the one to sign with; valid_until None is open."""

    key: bytes
    valid_from: UnixSeconds
    valid_until: UnixSeconds | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRecord:
    """A member, vouched for by one center; term_end None is open.

    Its account is 20 zeros where it was made its center's operator by vote and the member has no other yet.
    """

    center: CenterId
    id: MemberId
    account: Address
    roles: MemberRole
    status: MemberStatus
    term_start: UnixSeconds
    term_end: UnixSeconds | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalRecord:
    """A proposal before the active centers.

    Attributes:
        expires_at: from here on no vote is taken.
        operator: the new operator of an operator replacement; otherwise None.
        content_hash: keccak-256 of the ABI-encoded candidate of an admission; otherwise None.
    """

    id: ProposalId
    kind: ProposalKind
    center: CenterId
    is_executed: bool
    expires_at: UnixSeconds
    revision: int
    operator: Address | None
    content_hash: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Votes that count now, and votes needed now."""

    votes: int
    needed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchoredHead:
    """The last anchored tree of a center."""

    tree_size: TreeSize
    root: RootHash
    anchored_at: UnixSeconds


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchoredEvent:
    """What the anchor contract said when it took a root, and where it said so."""

    center: CenterId
    tree_size: TreeSize
    root: RootHash
    previous_size: TreeSize
    block_number: BlockNumber
    transaction: TxHash


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractEvent:
    """An event of a contract: its name in the ABI and its arguments by name, as `ContractRefused.arguments` are given."""

    name: str
    arguments: Mapping[str, object]
