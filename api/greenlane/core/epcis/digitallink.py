"""GS1 keys as Digital Links: any web address whose path ends in key and value, then pairs of qualifier and value.

Whose domain it is, what stands in the path before the key, and the query do not identify. The canonical form is
`https://id.gs1.org/<AI>/<value>`, with the finest qualifier only: serial number before lot, the consumer product variant never;
GTIN in 14 digits. Percent-encoded are all but letters, digits and `' - . ; = _`, in capitals.

Names in place of AIs ("gtin", "ser") are deprecated since Digital Link 1.2; they are read and never written.

Source: GS1 Digital Link URI syntax 1.4, sections 4 to 6; the constrained form is the one of the CBV event hash
(CBV 2.0, section 8.9.2).
"""

import re
from typing import Final
from urllib.parse import quote, unquote

from greenlane.core.epcis.gs1keys import (
    BadCharacter,
    GS1Key,
    MalformedKey,
    Parts,
    Qualifiers,
    WrongLength,
    check_primary,
    check_qualifier,
    check_sequence,
    finest,
)

CANONICAL_HOST: Final = "id.gs1.org"
_KEYS_BY_AI: Final[dict[str, GS1Key]] = {key.value: key for key in GS1Key}
_KEYS_BY_NAME: Final[dict[str, GS1Key]] = {
    "sscc": GS1Key.SSCC,
    "gtin": GS1Key.GTIN,
    "gdti": GS1Key.GDTI,
    "gcn": GS1Key.GCN,
    "ginc": GS1Key.GINC,
    "gsin": GS1Key.GSIN,
    "gln": GS1Key.GLN,
    "party": GS1Key.PARTY_GLN,
    "grai": GS1Key.GRAI,
    "giai": GS1Key.GIAI,
    "itip": GS1Key.ITIP,
    "cpid": GS1Key.CPID,
    "gsrnp": GS1Key.GSRN_PROVIDER,
    "gsrn": GS1Key.GSRN,
}
_KEYS: Final = _KEYS_BY_AI | _KEYS_BY_NAME
_QUALIFIER_NAMES: Final = {"cpv": "22", "lot": "10", "ser": "21", "glnx": "254", "cpsn": "8011", "srin": "8019"}
_GTIN_LENGTHS: Final = frozenset({8, 12, 13, 14})
_LINKS: Final = {key: f"https://{CANONICAL_HOST}/{key.value}/" for key in GS1Key}

_PLAIN: Final = re.compile(r"[0-9A-Za-z'\-.;=_]*").fullmatch
_BROKEN_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})").search


def _segments(text: str) -> list[str]:
    """Host first, then the path's segments; query, fragment and slashes at the end are gone."""
    if "?" in text:
        text = text[: text.index("?")]
    if "#" in text:
        text = text[: text.index("#")]
    return text[text.find("//") + 2 :].rstrip("/").split("/")


def _place_of_key(segments: list[str]) -> int:
    """Where the key's name stands, 0 where none does: pairs are counted from the end, since anything may precede the key."""
    place = len(segments) - 2
    while place > 0:
        if segments[place] in _KEYS:
            return place
        place -= 2
    return 0


def claims_key(text: str) -> bool:
    """Tells whether a web address means to be a Digital Link, rightly or wrongly spelt.

    On id.gs1.org a key's AI or name is enough. Elsewhere its AI must be followed by four digits and more, as every key begins
    with; a mere word like "party" is then a word of somebody's own.
    """
    segments = _segments(text)
    if segments[0].lower() == CANONICAL_HOST:
        return _place_of_key(segments) > 0 or (len(segments) > 1 and segments[1] in _KEYS)
    place = _place_of_key(segments)
    return place > 0 and segments[place] in _KEYS_BY_AI and len(segments[place + 1]) > 4 and segments[place + 1][:4].isdecimal()


def read_link(text: str) -> Parts | None:
    """Reads a Digital Link.

    Args:
        text: begins with "http://" or "https://".

    Returns:
        Key, primary (GTIN padded to 14 digits; check digit not verified), qualifiers decoded, and None for the length of the
        company prefix. None for a web address without a key.

    Raises:
        MalformedKey: key or qualifier without its value.
        QualifierMisplaced: an unknown qualifier, or one in the wrong place.
        WrongLength, BadCharacter: a value breaks its rule.
    """
    segments = _segments(text)
    place = _place_of_key(segments)
    if place == 0:
        if segments[0].lower() == CANONICAL_HOST and len(segments) > 1 and segments[1] in _KEYS:
            raise MalformedKey(f"A key or qualifier lacks its value: {text[:60]!r}.")
        return None
    key = _KEYS[segments[place]]
    primary = _decode(segments[place + 1])
    if key is GS1Key.GTIN:
        if len(primary) not in _GTIN_LENGTHS:
            raise WrongLength(f"GTIN has {len(primary)} digits instead of 8, 12, 13 or 14: {primary[:40]!r}.")
        primary = primary.rjust(14, "0")
    check_primary(key, primary)
    if place + 2 == len(segments):
        return key, primary, (), None
    pairs: list[tuple[str, str]] = []
    for at in range(place + 2, len(segments), 2):
        name = segments[at]
        pairs.append((_QUALIFIER_NAMES.get(name, name), _decode(segments[at + 1])))
    check_sequence(key, [ai for ai, _ in pairs])
    for ai, value in pairs:
        check_qualifier(ai, value)
    return key, primary, tuple(pairs), None


def _decode(value: str) -> str:
    if "%" not in value:
        return value
    if _BROKEN_ESCAPE(value):
        raise BadCharacter(f"{value[:40]!r} holds a percent sign without two hexadecimal digits.")
    return unquote(value)


def write_link(key: GS1Key, primary: str, qualifiers: Qualifiers) -> str:
    """Writes the canonical Digital Link of a key: the finest qualifier only, on https://id.gs1.org."""
    link = _LINKS[key] + (primary if _PLAIN(primary) else _encode(primary))
    qualifier = finest(qualifiers)
    if qualifier is None:
        return link
    ai, value = qualifier
    return f"{link}/{ai}/{value if _PLAIN(value) else _encode(value)}"


def _encode(value: str) -> str:
    return quote(value, safe="';=")
