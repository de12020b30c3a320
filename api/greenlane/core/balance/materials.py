"""Which material an identifier is of, and which facility a place belongs to.

A material is a class of things: of an item, a lot or a product variant it is the GTIN alone. A facility is a GLN: what stands
behind it (dock, silo, shelf) is part of it. Identifiers are canonical (`identifiers.to_digital_link`); a URI without a GS1 key is
a material, or a facility, by itself.
"""

import re
from typing import Final

from greenlane.core.epcis.identifiers import to_digital_link

_HOST: Final = r"https://id\.gs1\.org"
_QUALIFIED: Final = re.compile(rf"({_HOST}/(?:01|8006|8010)/[^/?#]+)(?:/.*)?", re.DOTALL).fullmatch
# Of a GRAI the first 14 digits are the type, of a GDTI and a GCN the first 13; what follows is one thing's serial.
_SERIAL_INSIDE: Final = re.compile(rf"({_HOST}/(?:8003/\d{{14}}|253/\d{{13}}|255/\d{{13}})).*", re.DOTALL).fullmatch
_PLACE: Final = re.compile(rf"({_HOST}/414/\d{{13}})/254/.*", re.DOTALL).fullmatch
_UNIT_HEAD: Final = "https://id.gs1.org/00/"


def material_of(identifier: str) -> str:
    """The class of an item, a lot or a class."""
    found = _QUALIFIED(identifier) or _SERIAL_INSIDE(identifier)
    return identifier if found is None else found[1]


def facility_of(place: str) -> str:
    """The facility that a place is part of."""
    found = _PLACE(place)
    return place if found is None else found[1]


def canonical_material(uri: str) -> str:
    """The material that any spelling of any of its items names."""
    return material_of(to_digital_link(uri))


def canonical_facility(uri: str) -> str:
    """The facility that any spelling of any of its places names."""
    return facility_of(to_digital_link(uri))


def is_logistic_unit(identifier: str) -> bool:
    """Whether it is a pallet or parcel (SSCC), which is no material itself: only its contents are."""
    return identifier.startswith(_UNIT_HEAD)
