"""What the chain keeps of classes, issuances, holdings and escrows; of retirements see `retirement.RetirementFacts`.

Quantities are in the class's smallest units. Source: contracts/types/AssetTypes.sol.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum

from greenlane.core.assets.custody import CustodyModel
from greenlane.core.assets.quantity import Unit
from greenlane.core.assets.typed_data import word
from greenlane.core.crypto import keccak256
from greenlane.core.units import Address

MAX_CLAIM_DAYS = 3_650
MAX_CLASS_NAME_BYTES = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetClass:
    """A kind of green asset; nothing of it ever changes.

    Attributes:
        id: short name.
        attribute: what is claimed, a short name.
        unit: what quantities count.
        custody_model: the weakest that the class promises.
        is_tradable: False: its holder retires or cancels it, and it never changes hands.
        claim_days: days after the end of a vintage in which it may be claimed; at most `MAX_CLAIM_DAYS`.
        name: for people; at most `MAX_CLASS_NAME_BYTES` in UTF-8.
    """

    id: str
    attribute: str
    unit: Unit
    custody_model: CustodyModel
    is_tradable: bool
    claim_days: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums over an issuance or a class."""

    issued: int
    escrowed: int
    retired: int
    cancelled: int

    @property
    def tradable(self) -> int:
        """What its holders can move, retire or cancel."""
        return self.issued - self.escrowed - self.retired - self.cancelled


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuanceFacts:
    """All units issued out of one statement.

    Attributes:
        token: 32 bytes, the digest of its evidence.
        evidenced: what the statement allows in all.
        lot: SHA-256 of the lot's identifier, or 32 zero bytes.
        revoked: why its evidence was revoked, so that its units are frozen; None while it stands.
    """

    token: bytes
    class_id: str
    evidenced: int
    totals: Totals
    lot: bytes
    vintage_from: date
    vintage_to: date
    custody_model: CustodyModel
    revoked: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingFacts:
    """What one account has of one issuance."""

    account: Address
    token: bytes
    tradable: int
    escrowed: int
    retired: int
    cancelled: int


class EscrowState(IntEnum):
    """As the contract numbers them."""

    OPEN = 1
    ACCEPTED = 2
    RETURNED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class EscrowFacts:
    """Units that wait, or waited, for a buyer's acceptance.

    Attributes:
        id: see `escrow_id_of`; 32 bytes.
        deadline: aware; from here on the units go back.
        line_digest: blinded digest of the purchase line, 32 bytes.
    """

    id: bytes
    seller: Address
    buyer: Address
    token: bytes
    quantity: int
    deadline: datetime
    state: EscrowState
    line_digest: bytes


def escrow_id_of(seller: Address, buyer: Address, line_digest: bytes) -> bytes:
    """keccak256(abi.encode(seller, buyer, lineDigest)): one escrow for a line between two members, ever; 32 bytes.

    Raises:
        NotEncodable: a value has another length.
    """
    return keccak256(word("address", seller) + word("address", buyer) + word("bytes32", line_digest))
