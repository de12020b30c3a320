"""Where a network's contracts of green assets stand, as its description and its trust file write it.

A network that was founded before there were any has none. Files of that time lack the field and are read as if it were null; it
is always written since, and read as strictly as all others.
"""

from dataclasses import dataclass
from typing import Final

from greenlane.core.anchoring import ADDRESS_BYTES
from greenlane.core.canonical import JsonValue
from greenlane.core.units import Address
from greenlane.core.wire import FieldInvalid, encode_hex, read_hex, read_object

ASSETS_FIELD: Final = "assets"
_FIELDS = ("greenAsset", "evidenceRegister")


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetContracts:
    """The two contracts of green assets on a network's chain."""

    green_asset: Address
    evidence_register: Address


def with_assets_field(content: JsonValue) -> JsonValue:
    """What a file holds, with the field null where a file of an earlier release lacks it; anything but an object as it is."""
    return {ASSETS_FIELD: None, **content} if isinstance(content, dict) else content


def read_asset_contracts(value: JsonValue, where: str) -> AssetContracts | None:
    """The contracts as `asset_contracts_value` writes them; None for a network that has none.

    Raises:
        FieldInvalid: they are not as they must be, or are one and the same; `where` points at the place.
    """
    if value is None:
        return None
    fields = read_object(value, _FIELDS, where)
    green_asset, evidence_register = (
        Address(read_hex(fields[name], f"{where}/{name}", length=ADDRESS_BYTES)) for name in _FIELDS
    )
    if green_asset == evidence_register:
        raise FieldInvalid("Two contracts cannot stand at one address.", where=f"{where}/evidenceRegister")
    return AssetContracts(green_asset=green_asset, evidence_register=evidence_register)


def asset_contracts_value(contracts: AssetContracts | None) -> JsonValue:
    """The JSON of where they stand."""
    if contracts is None:
        return None
    return {
        "greenAsset": encode_hex(contracts.green_asset),
        "evidenceRegister": encode_hex(contracts.evidence_register),
    }
