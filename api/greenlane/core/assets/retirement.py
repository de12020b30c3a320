"""A retirement as its certificate tells it: who claims what, out of which units of which lot, for which purchase line.

The chain keeps the facts (`IGreenAsset.Retirement`), with digests in place of texts. The certificate says the texts, and the
center of the holder puts its digest into its log (kind 6): so the certificate has a receipt like an event's, and whoever holds
both can compare every word with the log and every fact with the chain.
Source: contracts/types/AssetTypes.sol for what the chain keeps.
"""

from dataclasses import dataclass
from datetime import date, datetime

from greenlane.core.assets.evidence import EvidenceStatement
from greenlane.core.assets.purchase import OpenLine
from greenlane.core.documents.description import MemberName
from greenlane.core.receipt import Receipt
from greenlane.core.units import Address, ChainId

RETIREMENT_TYPE = "GreenlaneRetirement"
RETIREMENT_VERSION = 1
CERTIFICATE_TYPE = "GreenlaneRetirementCertificate"
CERTIFICATE_VERSION = 1
MAX_CERTIFICATE_BYTES = 2_097_152


@dataclass(frozen=True, slots=True, kw_only=True)
class RetirementFacts:
    """What the chain keeps of one retirement.

    Attributes:
        id: keccak256(abi.encode(holder, ref)), 32 bytes.
        token: the issuance's token, 32 bytes: the digest of its evidence.
        quantity: in smallest units.
        beneficiary: SHA-256 of the beneficiary's name.
        claim_from, claim_to: first and last day.
        lot: SHA-256 of the lot's identifier, or 32 zero bytes.
        line_digest: blinded digest of the purchase line, or 32 zero bytes.
        ref: the holder's reference, 32 bytes.
        retired_at: aware, whole seconds.
    """

    id: bytes
    holder: Address
    claimant: Address
    token: bytes
    quantity: int
    beneficiary: bytes
    claim_from: date
    claim_to: date
    lot: bytes
    line_digest: bytes
    ref: bytes
    retired_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RetirementStatement:
    """What the entry in the log commits to: the facts, and the texts behind their digests.

    Attributes:
        green_asset, evidence_register: the contracts.
        holder, claimant: the members; None where this center does not know the member behind an account.
        beneficiary: the name whose SHA-256 the facts hold.
        statement: the evidence that the units stand on.
        line: the purchase line opened without its price; None where it was for none, or is not to be shown.
    """

    chain_id: ChainId
    green_asset: Address
    evidence_register: Address
    facts: RetirementFacts
    holder: MemberName | None
    claimant: MemberName | None
    beneficiary: str
    statement: EvidenceStatement
    line: OpenLine | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetirementCertificate:
    """What a person files: the statement and the receipt of its entry.

    Attributes:
        receipt: of the entry of kind 6; its disclosure is null, for the statement stands here.
    """

    statement: RetirementStatement
    receipt: Receipt
