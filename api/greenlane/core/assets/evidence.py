"""What a certifier states of a lot, or of serials of an external registry: the one thing that green assets are issued out of.

Off the chain it is a JSON document with texts; on the chain each text is its SHA-256, and everything together one encoding of
fixed length, whose EIP-712 digest the certifier signs. The log's entry (kind 5) is SHA-256 of the statement's id and that digest,
never blinded: the contract rebuilds it. The digest is also the id of the token.
Source: contracts/types/AssetTypes.sol and contracts/interfaces/IEvidenceRegister.sol.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta

from greenlane.core.anchoring import ADDRESS_BYTES, center_key
from greenlane.core.assets.custody import CustodyModel, read_custody_model
from greenlane.core.assets.quantity import MAX_QUANTITY, QuantityInvalid, Unit, decimal_text, read_unit, read_written_quantity
from greenlane.core.assets.typed_data import WORD_BYTES, Domain, TypedValue
from greenlane.core.canonical import JsonValue
from greenlane.core.crypto import sha256
from greenlane.core.documents.description import canonical_subject
from greenlane.core.entry import DIGEST_BYTES, Entry, EntryKind
from greenlane.core.errors import InvalidInput
from greenlane.core.units import Address, CenterId
from greenlane.core.wire import (
    FieldInvalid,
    encode_hex,
    read_center_id,
    read_constant,
    read_count,
    read_hex,
    read_line,
    read_object,
    shown,
)

EVIDENCE_TYPE = "GreenlaneEvidence"
EVIDENCE_VERSION = 1
MAX_VINTAGE_DAYS = 1_100
"""Of one statement; the contract takes no longer one."""
MAX_SERIALS = 2**32
"""Of one statement; the contract takes no more."""
MAX_SERIAL = 2**53 - 1
"""The largest number that every JSON reader keeps exactly; the contract would take more."""
MAX_URI_CHARACTERS = 512
_FIRST_DAY = date(1970, 1, 1)
_LAST_DAY = date(2106, 1, 1)
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}", re.ASCII)
_ECONOMY = re.compile(r"[A-Z]{2}", re.ASCII)
_URI = re.compile(r"[a-z][a-z0-9+.-]*:[\x21-\x7e]+", re.ASCII)
_KEYS = (
    "type",
    "version",
    "id",
    "center",
    "certifier",
    "holder",
    "class",
    "attribute",
    "unit",
    "decimals",
    "quantity",
    "lot",
    "facility",
    "vintageFrom",
    "vintageTo",
    "custodyModel",
    "origin",
    "certificateDigest",
    "economy",
)


class EvidenceInvalid(InvalidInput):
    """What a statement says cannot stand together."""

    code = "evidence-invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Serials that an external registry gave.

    Attributes:
        registry: short name of the registry, e.g. "i-rec".
        serial_from, serial_to: first and last, 1 to MAX_SERIAL.
    """

    registry: str
    serial_from: int
    serial_to: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceStatement:
    """One statement.

    Attributes:
        id: an absolute URI of its own, e.g. "urn:uuid:…".
        center: in whose log it is an entry.
        certifier: the account that signs it.
        holder: the account that may issue units out of it.
        class_id: short name of the asset class.
        attribute: what is claimed, as the class has it.
        unit: what `quantity` counts, as the class has it.
        quantity: in smallest units, 1 to MAX_QUANTITY.
        lot: identifier (URI) of the lot; None where an external registry alone stands behind it.
        facility: identifier (URI) of the facility.
        vintage_from, vintage_to: first and last day.
        custody_model: how the lot was kept apart.
        origin: serials of an external registry; None where there is none. Lot or origin is there.
        certificate_digest: SHA-256 of the certificate's bytes.
        economy: ISO 3166-1 alpha-2 of the facility.
    """

    id: str
    center: CenterId
    certifier: Address
    holder: Address
    class_id: str
    attribute: str
    unit: Unit
    quantity: int
    lot: str | None
    facility: str
    vintage_from: date
    vintage_to: date
    custody_model: CustodyModel
    origin: Origin | None
    certificate_digest: bytes
    economy: str

    def __post_init__(self) -> None:
        if self.lot is None and self.origin is None:
            raise EvidenceInvalid(
                "A statement names a lot, or serials of an external registry.", where="/lot", remedy="Name one of both."
            )
        if not _FIRST_DAY <= self.vintage_from <= _LAST_DAY or not _FIRST_DAY <= self.vintage_to <= _LAST_DAY:
            remedy = "Compare the years."
            raise EvidenceInvalid("The vintage is of no day of this age.", where="/vintageFrom", remedy=remedy)
        if self.vintage_from > self.vintage_to:
            raise EvidenceInvalid(
                "The vintage ends before it begins.", where="/vintageTo", remedy="Give the first day, then the last."
            )
        if not 1 <= self.quantity <= MAX_QUANTITY:
            raise QuantityInvalid("The quantity cannot be.", where="/quantity", remedy="Compare the number and its unit.")
        if self.origin is not None and not 1 <= self.origin.serial_from <= self.origin.serial_to <= MAX_SERIAL:
            raise EvidenceInvalid(
                "The serials end before they begin.", where="/origin/serialTo", remedy="Give the first serial, then the last."
            )
        if self.certifier == self.holder:
            remedy = "Have another member, a certifier, state and sign it."
            raise EvidenceInvalid("Nobody certifies for itself.", where="/certifier", remedy=remedy)

    def typed(self) -> TypedValue:
        """The struct that the certifier signs, and that the contract takes: one encoding, 19 words."""
        origin = self.origin
        return TypedValue(
            name="Evidence",
            fields=(
                ("bytes32", "id", text_digest(self.id)),
                ("bytes32", "centerId", center_key(self.center)),
                ("address", "certifier", self.certifier),
                ("address", "holder", self.holder),
                ("bytes32", "classId", name_word(self.class_id)),
                ("bytes32", "attribute", name_word(self.attribute)),
                ("bytes32", "unit", name_word(self.unit.code)),
                ("uint8", "decimals", self.unit.decimals),
                ("uint128", "quantity", self.quantity),
                ("bytes32", "lot", bytes(WORD_BYTES) if self.lot is None else text_digest(self.lot)),
                ("bytes32", "facility", text_digest(self.facility)),
                ("uint32", "vintageFrom", day_number(self.vintage_from)),
                ("uint32", "vintageTo", day_number(self.vintage_to)),
                ("uint8", "custodyModel", int(self.custody_model)),
                ("bytes32", "originRegistry", bytes(WORD_BYTES) if origin is None else name_word(origin.registry)),
                ("uint64", "serialFrom", 0 if origin is None else origin.serial_from),
                ("uint64", "serialTo", 0 if origin is None else origin.serial_to),
                ("bytes32", "certificateDigest", self.certificate_digest),
                ("bytes2", "economy", self.economy.encode("ascii")),
            ),
        )

    def digest(self, domain: Domain) -> bytes:
        """What the certifier signs, and the token's id; 32 bytes.

        Args:
            domain: of the `EvidenceRegister`.
        """
        return self.typed().digest(domain)


def require_admissible(statement: EvidenceStatement) -> None:
    """Refuses what no chain admits, before anybody signs it: bounds that keep one statement from taking everybody's place.

    Raises:
        EvidenceInvalid: a vintage of years, serials without end, or a registry in another spelling than its one.
    """
    days = (statement.vintage_to - statement.vintage_from).days + 1
    if days > MAX_VINTAGE_DAYS:
        raise EvidenceInvalid(
            f"A vintage of {days} days is too long.",
            where="/vintageTo",
            remedy=f"State at most {MAX_VINTAGE_DAYS} days; what is of more years, in several statements.",
        )
    origin = statement.origin
    if origin is None:
        return
    if origin.serial_to - origin.serial_from >= MAX_SERIALS:
        raise EvidenceInvalid(
            "One statement takes too many serials.",
            where="/origin/serialTo",
            remedy=f"State at most {MAX_SERIALS} serials at once.",
        )
    if "--" in origin.registry or origin.registry.endswith("-"):
        remedy = "Write a registry's name with single hyphens, and none at its end."
        raise EvidenceInvalid(f"{shown(origin.registry)} is no registry's name.", where="/origin/registry", remedy=remedy)


def evidence_entry(statement: EvidenceStatement, domain: Domain) -> Entry:
    """The entry of a statement, never blinded."""
    return Entry(kind=EntryKind.EVIDENCE, is_blinded=False, subject=text_digest(statement.id), content=statement.digest(domain))


def text_digest(text: str) -> bytes:
    """A text as the contracts know it: SHA-256 of its UTF-8 bytes."""
    return sha256(text.encode())


def name_word(name: str) -> bytes:
    """A short name as the contracts know it: its ASCII bytes, zeros to the right; 32 bytes."""
    return name.encode("ascii").ljust(WORD_BYTES, b"\x00")


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - _FIRST_DAY).days


def day_of(number: int) -> date:
    """The day of a number that `day_number` gave."""
    return _FIRST_DAY + timedelta(days=number)


def evidence_value(statement: EvidenceStatement) -> dict[str, JsonValue]:
    """The JSON form; every key is always there, and null says that there is nothing."""
    origin = statement.origin
    return {
        "type": EVIDENCE_TYPE,
        "version": EVIDENCE_VERSION,
        "id": statement.id,
        "center": statement.center,
        "certifier": encode_hex(statement.certifier),
        "holder": encode_hex(statement.holder),
        "class": statement.class_id,
        "attribute": statement.attribute,
        "unit": statement.unit.code,
        "decimals": statement.unit.decimals,
        "quantity": decimal_text(statement.quantity, statement.unit),
        "lot": statement.lot,
        "facility": statement.facility,
        "vintageFrom": statement.vintage_from.isoformat(),
        "vintageTo": statement.vintage_to.isoformat(),
        "custodyModel": statement.custody_model.slug,
        "origin": None
        if origin is None
        else {"registry": origin.registry, "serialFrom": origin.serial_from, "serialTo": origin.serial_to},
        "certificateDigest": encode_hex(statement.certificate_digest),
        "economy": statement.economy,
    }


def read_evidence(value: JsonValue, where: str = "") -> EvidenceStatement:
    """Reads the JSON form strictly.

    Args:
        where: JSON pointer of the value, for errors.

    Raises:
        FieldInvalid: a field is missing, unknown, or not as it must be.
        QuantityInvalid, EvidenceInvalid: as their names say.
    """
    fields = read_object(value, _KEYS, where)
    read_constant(fields["type"], f"{where}/type", EVIDENCE_TYPE)
    read_constant(fields["version"], f"{where}/version", EVIDENCE_VERSION)
    unit = read_unit(fields["unit"], fields["decimals"], where)
    try:
        return EvidenceStatement(
            id=read_uri(fields["id"], f"{where}/id"),
            center=read_center_id(fields["center"], f"{where}/center"),
            certifier=read_account(fields["certifier"], f"{where}/certifier"),
            holder=read_account(fields["holder"], f"{where}/holder"),
            class_id=read_name(fields["class"], f"{where}/class"),
            attribute=read_name(fields["attribute"], f"{where}/attribute"),
            unit=unit,
            quantity=read_written_quantity(fields["quantity"], f"{where}/quantity", unit),
            lot=None if fields["lot"] is None else read_identifier(fields["lot"], f"{where}/lot"),
            facility=read_identifier(fields["facility"], f"{where}/facility"),
            vintage_from=read_day(fields["vintageFrom"], f"{where}/vintageFrom"),
            vintage_to=read_day(fields["vintageTo"], f"{where}/vintageTo"),
            custody_model=read_custody_model(fields["custodyModel"], f"{where}/custodyModel"),
            origin=None if fields["origin"] is None else _read_origin(fields["origin"], f"{where}/origin"),
            certificate_digest=read_hex(fields["certificateDigest"], f"{where}/certificateDigest", length=DIGEST_BYTES),
            economy=read_economy(fields["economy"], f"{where}/economy"),
        )
    except EvidenceInvalid as error:
        raise EvidenceInvalid(error.detail, where=where + (error.where or ""), remedy=error.remedy) from error


def read_account(value: JsonValue, where: str) -> Address:
    """An account, 20 bytes in lower-case hexadecimal; never zero.

    Raises:
        FieldInvalid: anything else.
    """
    account = read_hex(value, where, length=ADDRESS_BYTES)
    if not any(account):
        raise FieldInvalid("Zero is nobody's account.", where=where)
    return Address(account)


def read_name(value: JsonValue, where: str) -> str:
    """A short name: 1 to 31 lower-case letters, digits and hyphens, a letter first.

    Raises:
        FieldInvalid: anything else.
    """
    text = read_line(value, where, longest=64)
    if _NAME.fullmatch(text) is None:
        remedy = "Use 1 to 31 lower-case letters, digits or hyphens, a letter first."
        raise FieldInvalid(f"{shown(text)} is no short name.", where=where, remedy=remedy)
    return text


def read_uri(value: JsonValue, where: str) -> str:
    """An absolute URI in ASCII; not normalised: it is compared as it is written.

    Raises:
        FieldInvalid: anything else.
    """
    text = read_line(value, where, longest=MAX_URI_CHARACTERS)
    if _URI.fullmatch(text) is None:
        remedy = "Write an absolute URI, like a GS1 Digital Link, with %XX for what is not ASCII."
        raise FieldInvalid(f"{shown(text)} is no URI.", where=where, remedy=remedy)
    return text


def read_identifier(value: JsonValue, where: str) -> str:
    """What a lot, a facility or a product is called: a URI as `read_uri` has it, of GS1 its canonical Digital Link.

    One thing has one spelling here: its digest is what the contract counts, and another spelling would be counted again.

    Raises:
        FieldInvalid: anything else.
    """
    text = read_uri(value, where)
    canonical = canonical_subject(text, where=where)
    if canonical != text:
        raise FieldInvalid(f"{shown(text)} is not in its one spelling.", where=where, remedy=f"Write {canonical}.")
    return text


def read_economy(value: JsonValue, where: str) -> str:
    """An economy's code, ISO 3166-1 alpha-2 by its shape.

    Raises:
        FieldInvalid: anything else.
    """
    text = read_line(value, where, longest=8)
    if _ECONOMY.fullmatch(text) is None:
        raise FieldInvalid(f"{shown(text)} is no economy.", where=where, remedy="Write two upper-case letters, like PE.")
    return text


def read_day(value: JsonValue, where: str) -> date:
    """A day as "YYYY-MM-DD", 1970-01-01 to 2106-01-01.

    Raises:
        FieldInvalid: anything else.
    """
    text = read_line(value, where, longest=16)
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise FieldInvalid(f"{shown(text)} is no day.", where=where, remedy="Write it like 2026-07-01.") from error
    if day.isoformat() != text or not _FIRST_DAY <= day <= _LAST_DAY:
        raise FieldInvalid(f"{shown(text)} is no day of this age.", where=where, remedy="Write it like 2026-07-01.")
    return day


def _read_origin(value: JsonValue, where: str) -> Origin:
    fields = read_object(value, ("registry", "serialFrom", "serialTo"), where)
    return Origin(
        registry=read_name(fields["registry"], f"{where}/registry"),
        serial_from=read_count(fields["serialFrom"], f"{where}/serialFrom", least=1),
        serial_to=read_count(fields["serialTo"], f"{where}/serialTo", least=1),
    )
