"""Conversion factors: how much of one material stands behind one unit of another, as a member declares it.

A declaration is a JSON document in RFC 8785 bytes that its member stores as a document and so states in its center's log (entry
kind 2): whoever holds the bytes can check when it was declared and that nothing was changed. Versions of one factor are numbered
from 1; each names the digest of the one before. On a day the highest number whose validity has that day counts, and a new version
begins after the one before and not before it is declared: what held on a day that is over is never changed.
A factor of a material upon itself converts units: 1 KGM of a bar of 100 g needs 10 pieces of it.
Source: ISO 22095:2020, 3.3.4 (conversion factor), 5.4.2.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from greenlane.core.assets.evidence import read_day, read_name, read_uri
from greenlane.core.assets.quantity import read_unit_code
from greenlane.core.balance.amounts import amount_text, base_unit, from_base, in_base, is_decimal, times
from greenlane.core.balance.book import Node
from greenlane.core.balance.materials import canonical_facility, canonical_material
from greenlane.core.canonical import JsonValue, canonical_bytes
from greenlane.core.crypto import sha256
from greenlane.core.documents.description import MemberName, read_member_name
from greenlane.core.entry import DIGEST_BYTES
from greenlane.core.errors import Conflict, InvalidInput
from greenlane.core.wire import FieldInvalid, encode_hex, read_constant, read_count, read_hex, read_line, read_object, shown

FACTOR_TYPE: Final = "GreenlaneConversionFactor"
FACTOR_VERSION: Final = 1
MAX_FACTOR_BYTES: Final = 8_192
"""Canonical bytes of one declaration; it has two URIs of 512 characters at most, and is otherwise small."""
_QUANTITY: Final = re.compile(r"(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{0,17}[1-9])?", re.ASCII).fullmatch
_KEYS: Final = (
    "type",
    "version",
    "declaredBy",
    "facility",
    "attribute",
    "material",
    "unit",
    "needs",
    "validFrom",
    "validTo",
    "number",
    "replaces",
)


class FactorInvalid(InvalidInput):
    """What a declaration of a conversion factor says cannot stand together."""

    code = "factor-invalid"


class FactorOutOfTurn(Conflict):
    """A declaration is not the next version of its factor."""

    code = "factor-out-of-turn"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionFactor:
    """One version of one factor: one `unit` of the material needs `quantity` of another.

    Attributes:
        declared_by: the member whose books it is for.
        facility: canonical.
        attribute: the claim it is for, a short name; None: whatever is claimed.
        material, needs_material: canonical classes; the same where units are converted.
        unit: a unit that divides without rounding.
        quantity: above 0; of `needs_unit`, for one `unit`.
        valid_from, valid_to: days, both included; None: without end.
        number: from 1.
        replaces: digest of the version before, 32 bytes; None for the first.
    """

    declared_by: MemberName
    facility: str
    attribute: str | None
    material: str
    unit: str
    needs_material: str
    needs_unit: str
    quantity: Decimal
    valid_from: date
    valid_to: date | None
    number: int
    replaces: bytes | None

    def __post_init__(self) -> None:
        if self.quantity <= 0:
            remedy = "Leave the material out of the chain where nothing of it is needed."
            raise FactorInvalid("A factor is above 0.", where="/needs/quantity", remedy=remedy)
        if self.valid_to is not None and self.valid_to < self.valid_from:
            remedy = "Give the first day, then the last, or null."
            raise FactorInvalid("The validity ends before it begins.", where="/validTo", remedy=remedy)
        if (self.number == 1) != (self.replaces is None):
            remedy = "Write null in the first version, and the digest of the version before in every other."
            raise FactorInvalid("Only the first version replaces nothing.", where="/replaces", remedy=remedy)
        if self.result_node == self.needs_node:
            remedy = "Name another material, or the same in a unit of another kind."
            raise FactorInvalid("A material does not stand behind itself.", where="/needs", remedy=remedy)
        if not is_decimal(self.unit):
            remedy = "Declare it for one KGM, TNE, LTR, KWH or H87."
            raise FactorInvalid(f"No amount is divided into {self.unit} without rounding.", where="/unit", remedy=remedy)

    @property
    def result_node(self) -> Node:
        """The book of what is claimed."""
        return Node(material=self.material, unit=base_unit(self.unit))

    @property
    def needs_node(self) -> Node:
        """The book of what stands behind it."""
        return Node(material=self.needs_material, unit=base_unit(self.needs_unit))

    @property
    def key(self) -> tuple[str, str | None, str, str]:
        """What makes two declarations of a member versions of one factor: facility, attribute, material and base unit."""
        return (self.facility, self.attribute, self.material, base_unit(self.unit))

    def is_valid_on(self, day: date) -> bool:
        """Whether the day is within its validity."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)

    def needed(self, amount: Decimal) -> Decimal:
        """How much stands behind an amount; both in base units, exact."""
        return in_base(times(from_base(amount, self.unit), self.quantity), self.needs_unit)


def factor_on(factors: Iterable[ConversionFactor], node: Node, *, attribute: str, day: date) -> ConversionFactor | None:
    """The version that counts on a day for a claim of that material; one for that very attribute goes before one for all.

    Args:
        factors: of one member and facility, all versions, in any order.
    """
    found = [
        each for each in factors if each.result_node == node and each.attribute in (attribute, None) and each.is_valid_on(day)
    ]
    return max(found, key=lambda each: (each.attribute is not None, each.number), default=None)


def require_next(declared: ConversionFactor, before: ConversionFactor | None, *, today: date) -> None:
    """Refuses what is not the next version of its factor, or would change what held on a day that is over.

    Args:
        before: the newest version of the same member and `key`; None where there is none.

    Raises:
        FactorOutOfTurn: the number, or what it replaces, is another; or it begins too early.
    """
    if before is None:
        if declared.number != 1:
            words = f"No version of this factor was declared yet, and this one has number {declared.number}."
            raise FactorOutOfTurn(words, where="/number", remedy="Begin with number 1, replacing null.")
        return
    digest = factor_digest(before)
    if (declared.number, declared.replaces) != (before.number + 1, digest):
        words = f"The newest version of this factor has number {before.number} and digest {encode_hex(digest)}."
        remedy = f"Declare number {before.number + 1}, replacing that digest."
        raise FactorOutOfTurn(words, where="/replaces", remedy=remedy)
    earliest = max(today, before.valid_from)
    if declared.valid_from < earliest:
        words = f"A new version changes nothing for days that are over, and this one would begin on {declared.valid_from}."
        raise FactorOutOfTurn(words, where="/validFrom", remedy=f"Let it begin on {earliest} or later.")


def factor_value(factor: ConversionFactor) -> dict[str, JsonValue]:
    """The JSON form; every key is always there, and null says that there is nothing."""
    return {
        "type": FACTOR_TYPE,
        "version": FACTOR_VERSION,
        "declaredBy": str(factor.declared_by),
        "facility": factor.facility,
        "attribute": factor.attribute,
        "material": factor.material,
        "unit": factor.unit,
        "needs": {
            "material": factor.needs_material,
            "quantity": amount_text(factor.quantity),
            "unit": factor.needs_unit,
        },
        "validFrom": factor.valid_from.isoformat(),
        "validTo": None if factor.valid_to is None else factor.valid_to.isoformat(),
        "number": factor.number,
        "replaces": None if factor.replaces is None else encode_hex(factor.replaces),
    }


def encode_factor(factor: ConversionFactor) -> bytes:
    """The RFC 8785 bytes, which are the document."""
    return canonical_bytes(factor_value(factor))


def factor_digest(factor: ConversionFactor) -> bytes:
    """SHA-256 of the document: the subject of its entry in the log."""
    return sha256(encode_factor(factor))


def read_factor(value: JsonValue, where: str = "") -> ConversionFactor:
    """Reads the JSON form strictly.

    Args:
        where: JSON pointer of the value, for errors.

    Raises:
        FieldInvalid: a field is missing, unknown, or not as it must be.
        FactorInvalid: as its name says.
    """
    fields = read_object(value, _KEYS, where)
    read_constant(fields["type"], f"{where}/type", FACTOR_TYPE)
    read_constant(fields["version"], f"{where}/version", FACTOR_VERSION)
    needs = read_object(fields["needs"], ("material", "quantity", "unit"), f"{where}/needs")
    replaces, valid_to, attribute = fields["replaces"], fields["validTo"], fields["attribute"]
    try:
        return ConversionFactor(
            declared_by=read_member_name(fields["declaredBy"], f"{where}/declaredBy"),
            facility=_read_facility(fields["facility"], f"{where}/facility"),
            attribute=None if attribute is None else read_name(attribute, f"{where}/attribute"),
            material=_read_material(fields["material"], f"{where}/material"),
            unit=read_unit_code(fields["unit"], f"{where}/unit"),
            needs_material=_read_material(needs["material"], f"{where}/needs/material"),
            needs_unit=read_unit_code(needs["unit"], f"{where}/needs/unit"),
            quantity=_read_quantity(needs["quantity"], f"{where}/needs/quantity"),
            valid_from=read_day(fields["validFrom"], f"{where}/validFrom"),
            valid_to=None if valid_to is None else read_day(valid_to, f"{where}/validTo"),
            number=read_count(fields["number"], f"{where}/number", least=1),
            replaces=None if replaces is None else read_hex(replaces, f"{where}/replaces", length=DIGEST_BYTES),
        )
    except FactorInvalid as error:
        raise FactorInvalid(error.detail, where=where + (error.where or ""), remedy=error.remedy) from error


def _read_facility(value: JsonValue, where: str) -> str:
    text = read_uri(value, where)
    return _in_one_spelling(text, canonical_facility(text), where)


def _read_material(value: JsonValue, where: str) -> str:
    text = read_uri(value, where)
    return _in_one_spelling(text, canonical_material(text), where)


def _in_one_spelling(text: str, canonical: str, where: str) -> str:
    if text != canonical:
        raise FieldInvalid(f"{shown(text)} is not in its one spelling.", where=where, remedy=f"Write {canonical}.")
    return text


def _read_quantity(value: JsonValue, where: str) -> Decimal:
    text = read_line(value, where, longest=40)
    if _QUANTITY(text) is None:
        remedy = 'Write it as text without sign, exponent and needless zeros, like "0.7".'
        raise FieldInvalid(f"{shown(text)} is no quantity.", where=where, remedy=remedy)
    return Decimal(text)
