"""A retirement as its certificate tells it: who claims what, out of which units of which lot, for which purchase line.

The chain keeps the facts (`IGreenAsset.Retirement`), with digests in place of texts. The certificate says the texts, and the
center of the holder puts its digest into its log (kind 6): so the certificate has a receipt like an event's, and whoever holds
both can compare every word with the log and every fact with the chain. Where validators seal the chain, the certificate may carry
their seals of a block whose state holds the facts, as a receipt does of its root: then no node need be asked for them.

Reading proves nothing: a certificate whose words and facts contradict each other reads well, so that whoever judges it can say
what is wrong with it (`disagreements`). None such is ever written.
Source: contracts/types/AssetTypes.sol for what the chain keeps.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime

from greenlane.core.anchoring import ADDRESS_BYTES
from greenlane.core.assets.evidence import (
    EvidenceStatement,
    day_number,
    evidence_value,
    read_account,
    read_day,
    read_evidence,
    text_digest,
)
from greenlane.core.assets.purchase import OpenLine, line_digest, open_line_value, read_open_line
from greenlane.core.assets.quantity import MAX_QUANTITY, QuantityInvalid, Unit, decimal_text, read_written_quantity
from greenlane.core.assets.texts import read_words
from greenlane.core.assets.typed_data import WORD_BYTES, Domain, word
from greenlane.core.canonical import JsonValue, canonical_bytes, parse_json
from greenlane.core.crypto import keccak256, sha256
from greenlane.core.documents.description import MemberName, read_member_name
from greenlane.core.entry import DIGEST_BYTES, Entry, EntryKind
from greenlane.core.errors import InvalidInput
from greenlane.core.receipt import MAX_RECEIPT_BYTES, Receipt, encode_receipt, parse_receipt, read_seals, seals_value
from greenlane.core.seals import Seals
from greenlane.core.units import Address, ChainId
from greenlane.core.wire import (
    FieldInvalid,
    encode_hex,
    encode_time,
    read_constant,
    read_count,
    read_hex,
    read_object,
    read_time,
)

RETIREMENT_TYPE = "GreenlaneRetirement"
RETIREMENT_VERSION = 1
CERTIFICATE_TYPE = "GreenlaneRetirementCertificate"
CERTIFICATE_VERSION = 1
MAX_CERTIFICATE_BYTES = 2_097_152
MAX_PDF_BYTES = 16_777_216
"""Of a PDF that carries a certificate."""
MAX_BENEFICIARY_CHARACTERS = 200
_STATEMENT_KEYS = (
    "type",
    "version",
    "chainId",
    "greenAsset",
    "evidenceRegister",
    "facts",
    "holder",
    "claimant",
    "beneficiary",
    "evidence",
    "line",
)
_FACT_KEYS = (
    "id",
    "holder",
    "claimant",
    "token",
    "quantity",
    "beneficiary",
    "claimFrom",
    "claimTo",
    "lot",
    "lineDigest",
    "ref",
    "retiredAt",
)
_NOTHING = bytes(WORD_BYTES)


class RetirementInvalid(InvalidInput):
    """What is said of a retirement cannot stand together."""

    code = "retirement-invalid"


class CertificateInvalid(InvalidInput):
    """Bytes are no certificate of a retirement of this version, or values cannot stand together in one."""

    code = "retirement-certificate-invalid"


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

    def __post_init__(self) -> None:
        for name, value in (
            ("id", self.id),
            ("token", self.token),
            ("beneficiary", self.beneficiary),
            ("lot", self.lot),
            ("lineDigest", self.line_digest),
            ("ref", self.ref),
        ):
            if len(value) != DIGEST_BYTES:
                raise RetirementInvalid(f"{DIGEST_BYTES} bytes are expected, not {len(value)}.", where=f"/{name}")
        if not 1 <= self.quantity <= MAX_QUANTITY:
            raise QuantityInvalid("The quantity cannot be.", where="/quantity", remedy="Compare the number and its unit.")
        if self.claim_from > self.claim_to:
            remedy = "Give the first day, then the last."
            raise RetirementInvalid("The claim ends before it begins.", where="/claimTo", remedy=remedy)
        if self.retired_at.tzinfo is None or self.retired_at.microsecond:
            raise RetirementInvalid("The chain counts whole seconds of UTC.", where="/retiredAt", remedy="Use the chain's time.")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetirementStatement:
    """What the entry in the log commits to: the facts, and the texts behind their digests.

    Attributes:
        green_asset, evidence_register: the contracts.
        holder, claimant: the members; None where this center does not know the member behind an account.
        beneficiary: the name whose SHA-256 the facts hold.
        statement: the evidence that the units stand on.
        line: the purchase line opened `without_price`; None where it was for none, or is not to be shown.
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

    def __post_init__(self) -> None:
        if self.line is not None and self.line.price is not None:
            raise RetirementInvalid(
                "A certificate never tells a price.", where="/line/price", remedy="Open the line without its price."
            )

    @property
    def unit(self) -> Unit:
        """What the quantities here count."""
        return self.statement.unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """A word of a retirement's statement that is not the one behind its facts.

    Attributes:
        where: JSON pointer into the statement's JSON form.
        detail: one sentence.
    """

    where: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetirementCertificate:
    """What a person files: the statement and the receipt of its entry.

    Attributes:
        receipt: of the entry of kind 6; its disclosure is null, for the statement stands here.
        seals: sealed blocks that show, without asking the chain, that `GreenAsset` holds `retirement_digest` of the facts in
            `retirement_slot` of their id; None where it carries none. Those of the receipt show the log's root, and no more.
    """

    statement: RetirementStatement
    receipt: Receipt
    seals: Seals | None = None

    def __post_init__(self) -> None:
        if self.receipt.entry.kind is not EntryKind.RETIREMENT:
            raise CertificateInvalid("The receipt is not of a retirement.", where="/receipt/entry")
        if self.receipt.entry.is_blinded:
            raise CertificateInvalid("A retirement is never blinded.", where="/receipt/entry")


def retirement_id(holder: Address, ref: bytes) -> bytes:
    """What names a retirement on the chain: keccak256(abi.encode(holder, ref)); 32 bytes.

    Raises:
        NotEncodable: the reference has not 32 bytes, or the account not 20.
    """
    return keccak256(word("address", holder) + word("bytes32", ref))


def retirement_digest(facts: RetirementFacts) -> bytes:
    """What the contract keeps in one slot of a retirement: keccak256(abi.encode(Retirement)); 32 bytes.

    Raises:
        NotEncodable: a value does not fit the type that it has in the contract.
    """
    return keccak256(
        word("address", facts.holder)
        + word("uint64", int(facts.retired_at.timestamp()))
        + word("bytes32", facts.token)
        + word("uint128", facts.quantity)
        + word("address", facts.claimant)
        + word("bytes32", facts.beneficiary)
        + word("uint32", day_number(facts.claim_from))
        + word("uint32", day_number(facts.claim_to))
        + word("bytes32", facts.lot)
        + word("bytes32", facts.line_digest)
        + word("bytes32", facts.ref)
    )


def retirement_entry(statement: RetirementStatement) -> Entry:
    """The entry of a retirement, never blinded: SHA-256 of its id, SHA-256 of the statement's RFC 8785 bytes."""
    return Entry(
        kind=EntryKind.RETIREMENT,
        is_blinded=False,
        subject=sha256(statement.facts.id),
        content=sha256(encode_retirement(statement)),
    )


def disagreements(statement: RetirementStatement) -> tuple[Disagreement, ...]:
    """Where words and facts do not belong together; nothing, where every word is the one behind its fact.

    The facts themselves are the chain's to confirm (`retirement_digest`).
    """
    facts, evidence = statement.facts, statement.statement
    domain = Domain(chain_id=statement.chain_id, contract=statement.evidence_register)
    lot = _NOTHING if evidence.lot is None else text_digest(evidence.lot)
    line = statement.line
    found = [
        (facts.id != retirement_id(facts.holder, facts.ref), "/facts/id", "The id is not that of this holder and reference."),
        (facts.token != evidence.digest(domain), "/evidence", "The evidence is not what these units were issued out of."),
        (facts.quantity > evidence.quantity, "/facts/quantity", "More is claimed than was ever evidenced."),
        (facts.claim_from < evidence.vintage_from, "/facts/claimFrom", "The claim begins before the vintage."),
        (facts.lot != lot, "/facts/lot", "The units are not of the lot that the evidence names."),
        (
            facts.beneficiary != text_digest(statement.beneficiary),
            "/beneficiary",
            "The beneficiary is not who was named.",
        ),
    ]
    if line is not None:
        found += [
            (
                facts.line_digest != line_digest(line),
                "/line",
                "The units were not retired for this purchase line.",
            ),
            (line.line.class_id != evidence.class_id, "/line/line/class", "The purchase line asks for units of another class."),
            (line.line.lot not in (None, evidence.lot), "/line/line/lot", "The purchase line asks for units of another lot."),
        ]
    return tuple(Disagreement(where=where, detail=detail) for is_wrong, where, detail in found if is_wrong)


def retirement_value(statement: RetirementStatement) -> dict[str, JsonValue]:
    """The JSON form of a statement; every key is always there, and null says that there is nothing."""
    return {
        "type": RETIREMENT_TYPE,
        "version": RETIREMENT_VERSION,
        "chainId": statement.chain_id,
        "greenAsset": encode_hex(statement.green_asset),
        "evidenceRegister": encode_hex(statement.evidence_register),
        "facts": _facts_value(statement.facts, statement.unit),
        "holder": None if statement.holder is None else str(statement.holder),
        "claimant": None if statement.claimant is None else str(statement.claimant),
        "beneficiary": statement.beneficiary,
        "evidence": evidence_value(statement.statement),
        "line": None if statement.line is None else open_line_value(statement.line),
    }


def encode_retirement(statement: RetirementStatement) -> bytes:
    """The RFC 8785 bytes, whose SHA-256 stands in the entry."""
    return canonical_bytes(retirement_value(statement))


def read_retirement(value: JsonValue, where: str = "") -> RetirementStatement:
    """Reads the JSON form of a statement strictly; whether it is true is not asked.

    Args:
        where: JSON pointer of the value, for errors.

    Raises:
        FieldInvalid: a field is missing, unknown, or not as it must be; or in another spelling than its one.
        QuantityInvalid, EvidenceInvalid, PurchaseLineInvalid, RetirementInvalid: as their names say.
    """
    fields = read_object(value, _STATEMENT_KEYS, where)
    read_constant(fields["type"], f"{where}/type", RETIREMENT_TYPE)
    read_constant(fields["version"], f"{where}/version", RETIREMENT_VERSION)
    evidence = read_evidence(fields["evidence"], f"{where}/evidence")
    facts = _read_facts(fields["facts"], evidence.unit, f"{where}/facts")
    with _placed(where):
        return RetirementStatement(
            chain_id=ChainId(read_count(fields["chainId"], f"{where}/chainId", least=1)),
            green_asset=Address(read_hex(fields["greenAsset"], f"{where}/greenAsset", length=ADDRESS_BYTES)),
            evidence_register=Address(read_hex(fields["evidenceRegister"], f"{where}/evidenceRegister", length=ADDRESS_BYTES)),
            facts=facts,
            holder=None if fields["holder"] is None else read_member_name(fields["holder"], f"{where}/holder"),
            claimant=None if fields["claimant"] is None else read_member_name(fields["claimant"], f"{where}/claimant"),
            beneficiary=read_beneficiary(fields["beneficiary"], f"{where}/beneficiary"),
            statement=evidence,
            line=None if fields["line"] is None else read_open_line(fields["line"], f"{where}/line"),
        )


def read_beneficiary(value: JsonValue, where: str) -> str:
    """For whom it is claimed: a name of one line, in its one spelling, for its SHA-256 is what the chain keeps.

    Raises:
        FieldInvalid: anything else.
    """
    return read_words(value, where, longest=MAX_BENEFICIARY_CHARACTERS)


def encode_certificate(certificate: RetirementCertificate) -> bytes:
    """The canonical JSON of a certificate, in UTF-8.

    Raises:
        CertificateInvalid: words and facts disagree, or the receipt is of another statement.
        InvalidInput: it would be a certificate that `parse_certificate` refuses: no such bytes are ever handed out.
    """
    wrong = disagreements(certificate.statement)
    if wrong:
        raise CertificateInvalid(wrong[0].detail, where=f"/retirement{wrong[0].where}")
    if certificate.receipt.entry != retirement_entry(certificate.statement):
        raise CertificateInvalid("The receipt is of another statement.", where="/receipt/entry")
    data = canonical_bytes(
        {
            "type": CERTIFICATE_TYPE,
            "version": CERTIFICATE_VERSION,
            "retirement": retirement_value(certificate.statement),
            "receipt": parse_json(encode_receipt(certificate.receipt)),
            "seals": None if certificate.seals is None else seals_value(certificate.seals),
        }
    )
    parse_certificate(data)
    return data


def parse_certificate(data: bytes) -> RetirementCertificate:
    """Reads a certificate strictly; proves nothing.

    Args:
        data: canonical JSON of at most MAX_CERTIFICATE_BYTES, as `encode_certificate` writes it; one newline may end it.

    Raises:
        CertificateInvalid: too large, or not of this type and version, or another spelling.
        FieldInvalid: a field is missing, unknown, or not as it must be; `where` points at it.
        InvalidInput: no JSON; or the statement or the receipt does not read well; `where` points at it.
    """
    if len(data) > MAX_CERTIFICATE_BYTES:
        raise CertificateInvalid(f"A certificate has at most {MAX_CERTIFICATE_BYTES} bytes, not {len(data)}.", where="")
    document = parse_json(data)
    fields = read_object(document, ("type", "version", "retirement", "receipt", "seals"), "")
    read_constant(fields["type"], "/type", CERTIFICATE_TYPE)
    read_constant(fields["version"], "/version", CERTIFICATE_VERSION)
    certificate = RetirementCertificate(
        statement=read_retirement(fields["retirement"], "/retirement"),
        receipt=_read_receipt(fields["receipt"]),
        seals=None if fields["seals"] is None else read_seals(fields["seals"], "/seals"),
    )
    # Asked last, so that a fault of one field is told as that; see `parse_receipt`.
    if data.removesuffix(b"\n") != canonical_bytes(document):
        raise CertificateInvalid(
            "The certificate is not in its one spelling, canonical JSON: its bytes were changed on the way.",
            where="",
            remedy="Use the file as it was handed out.",
        )
    return certificate


def _read_receipt(value: JsonValue) -> Receipt:
    where = "/receipt"
    try:
        return parse_receipt(canonical_bytes(value, longest=MAX_RECEIPT_BYTES))
    except InvalidInput as error:
        raise CertificateInvalid(error.detail, where=where + (error.where or ""), remedy=error.remedy) from error


def _facts_value(facts: RetirementFacts, unit: Unit) -> dict[str, JsonValue]:
    return {
        "id": encode_hex(facts.id),
        "holder": encode_hex(facts.holder),
        "claimant": encode_hex(facts.claimant),
        "token": encode_hex(facts.token),
        "quantity": decimal_text(facts.quantity, unit),
        "beneficiary": encode_hex(facts.beneficiary),
        "claimFrom": facts.claim_from.isoformat(),
        "claimTo": facts.claim_to.isoformat(),
        "lot": _digest_value(facts.lot),
        "lineDigest": _digest_value(facts.line_digest),
        "ref": encode_hex(facts.ref),
        "retiredAt": encode_time(facts.retired_at),
    }


def _read_facts(value: JsonValue, unit: Unit, where: str) -> RetirementFacts:
    fields = read_object(value, _FACT_KEYS, where)
    with _placed(where):
        return RetirementFacts(
            id=read_hex(fields["id"], f"{where}/id", length=DIGEST_BYTES),
            holder=read_account(fields["holder"], f"{where}/holder"),
            claimant=read_account(fields["claimant"], f"{where}/claimant"),
            token=read_hex(fields["token"], f"{where}/token", length=DIGEST_BYTES),
            quantity=read_written_quantity(fields["quantity"], f"{where}/quantity", unit),
            beneficiary=read_hex(fields["beneficiary"], f"{where}/beneficiary", length=DIGEST_BYTES),
            claim_from=read_day(fields["claimFrom"], f"{where}/claimFrom"),
            claim_to=read_day(fields["claimTo"], f"{where}/claimTo"),
            lot=_read_digest(fields["lot"], f"{where}/lot"),
            line_digest=_read_digest(fields["lineDigest"], f"{where}/lineDigest"),
            ref=read_hex(fields["ref"], f"{where}/ref", length=DIGEST_BYTES),
            retired_at=read_time(fields["retiredAt"], f"{where}/retiredAt"),
        )


def _digest_value(digest: bytes) -> str | None:
    return encode_hex(digest) if any(digest) else None


def _read_digest(value: JsonValue, where: str) -> bytes:
    """A digest, or null, which the chain keeps as zeros."""
    if value is None:
        return _NOTHING
    digest = read_hex(value, where, length=DIGEST_BYTES)
    if not any(digest):
        raise FieldInvalid("Nothing is written null here, not zeros.", where=where, remedy="Write null.")
    return digest


@contextmanager
def _placed(where: str) -> Iterator[None]:
    """Faults of values that cannot stand together are told with their place in the whole document."""
    try:
        yield
    except RetirementInvalid as error:
        raise RetirementInvalid(error.detail, where=where + (error.where or ""), remedy=error.remedy) from error
