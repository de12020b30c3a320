"""The door to GS1 identifiers: one canonical spelling for hashing, one strict reading for what comes in.

`to_digital_link` is lenient, because an event hash must come out alike whoever computes it: it verifies no check digit and
hands back unchanged whatever is no well-formed GS1 key. `parse_identifier` and `check_identifier` are strict: length,
characters, percent-encoding, order of qualifiers and check digits. The keys stand in `gs1keys`, the spellings in `urn` and
`digitallink`.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from greenlane.core.epcis.digitallink import claims_key, read_link, write_link
from greenlane.core.epcis.gs1keys import (
    RULES,
    BadCharacter,
    CheckDigitWrong,
    GS1Key,
    IdentifierFault,
    MalformedKey,
    Parts,
    QualifierMisplaced,
    UnknownKey,
    WrongLength,
    check_digit,
    finest,
    verify_key,
)
from greenlane.core.epcis.urn import PREFIX, NoUrnForm, is_foreign, read_urn, write_urn

__all__ = [
    "BadCharacter",
    "CheckDigitWrong",
    "GS1Key",
    "Identifier",
    "IdentifierFault",
    "MalformedKey",
    "NoUrnForm",
    "NotAUri",
    "QualifierMisplaced",
    "UnknownKey",
    "WrongLength",
    "check_digit",
    "check_identifier",
    "is_uri",
    "parse_identifier",
    "to_digital_link",
    "to_urn",
]

# A URI by RFC 3986: a scheme, then only characters it allows, every percent sign followed by two hexadecimal digits.
_URI_CHARACTERS: Final = r"[0-9A-Za-z\-._~:/?#\[\]@!$&'()*+,;=]*+"
_URI: Final = re.compile(rf"[A-Za-z][A-Za-z0-9+.\-]*+:(?=.){_URI_CHARACTERS}(?:%[0-9A-Fa-f]{{2}}{_URI_CHARACTERS})*+").fullmatch
_WEB: Final = re.compile(r"https?://", re.IGNORECASE).match

_CLASS_UNTIL_QUALIFIED: Final = frozenset({GS1Key.GTIN, GS1Key.ITIP, GS1Key.CPID})
_CLASS_UNTIL_SERIAL: Final = frozenset({GS1Key.GRAI, GS1Key.GDTI, GS1Key.GCN})
_INSTANCE_QUALIFIERS: Final = frozenset({"21", "235", "8011"})

# One memo entry holds two texts, so 32,768 of them stay under 25 MB; longer ones are seldom GS1 keys and are not remembered.
_MEMO_SIZE: Final = 1 << 15
_LONGEST_REMEMBERED: Final = 256


class NotAUri(IdentifierFault):
    """Events identify by URI, and this text is none."""

    code = "not-a-uri"
    default_remedy = "Write an absolute URI, for example https://id.gs1.org/01/…, urn:epc:id:… or urn:uuid:…."


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """A GS1 identifier, read strictly.

    Attributes:
        key: which key.
        primary: its value as characters, not percent-encoded: check digit included, GTIN in 14 digits, the serial of a GRAI,
            GDTI or GCN and the piece and total of an ITIP included.
        qualifiers: application identifier and value, in GS1's order (22, 10, 21; or 235; 254; 8011; 8019; 7040).
        company_prefix_length: 6 to 12 where it was read from a URN; a Digital Link does not tell.
    """

    key: GS1Key
    primary: str
    qualifiers: tuple[tuple[str, str], ...] = ()
    company_prefix_length: int | None = None

    @property
    def digital_link(self) -> str:
        """The canonical Digital Link, as `to_digital_link` gives it: the finest qualifier only."""
        return write_link(self.key, self.primary, self.qualifiers)

    @property
    def is_class_level(self) -> bool:
        """True where it names a class of things (a product, a lot, an asset type), false where one thing, place or party."""
        if self.key in _CLASS_UNTIL_QUALIFIED:
            qualifier = finest(self.qualifiers)
            return qualifier is None or qualifier[0] not in _INSTANCE_QUALIFIERS
        return self.key in _CLASS_UNTIL_SERIAL and len(self.primary) == RULES[self.key].digits

    def urn(self, company_prefix_length: int | None = None) -> str:
        """The EPC URN, at the same level as `digital_link`.

        Args:
            company_prefix_length: 6 to 12; may be left out where the identifier was read from a URN.

        Raises:
            NoUrnForm: URNs cannot say it, or the length is missing or impossible.
        """
        length = self.company_prefix_length if company_prefix_length is None else company_prefix_length
        if length is None:
            raise NoUrnForm(
                "A Digital Link does not tell the length of its company prefix.", remedy="Give the length, from 6 to 12."
            )
        return write_urn(self.key, self.primary, self.qualifiers, length)


def to_digital_link(uri: str) -> str:
    """The canonical Digital Link of a GS1 identifier, as the event hash uses it.

    Args:
        uri: any text. URN or Digital Link of any domain, with query, qualifiers and names for AIs.

    Returns:
        `https://id.gs1.org/…` with the finest qualifier only; the very text where it is no well-formed GS1 key. The check digit
        is computed for a URN and taken as it stands from a Digital Link. Applying it twice changes nothing more.
    """
    if len(uri) > _LONGEST_REMEMBERED:
        return _canonical(uri)
    return _remembered(uri)


def _canonical(uri: str) -> str:
    try:
        parts = _read(uri)
    except IdentifierFault:
        return uri
    return uri if parts is None else write_link(parts[0], parts[1], parts[2])


_remembered = lru_cache(maxsize=_MEMO_SIZE)(_canonical)


def _read(text: str) -> Parts | None:
    """Key and parts, check digits unverified; None where the text claims no GS1 key."""
    if text.startswith(PREFIX):
        return read_urn(text)
    if _WEB(text):
        return read_link(text)
    return None


def parse_identifier(text: str) -> Identifier:
    """Reads a GS1 identifier strictly.

    Args:
        text: an EPC URN, or a Digital Link of any domain; no spaces around it.

    Raises:
        NotAUri: no URI at all.
        UnknownKey: a URI of another kind.
        MalformedKey, WrongLength, BadCharacter, QualifierMisplaced, CheckDigitWrong: as they say.
    """
    _check_uri(text)
    parts = _read(text)
    if parts is None:
        raise UnknownKey(f"{text[:60]!r} holds no GS1 key.")
    key, primary, qualifiers, length = parts
    verify_key(key, primary, qualifiers)
    return Identifier(key=key, primary=primary, qualifiers=qualifiers, company_prefix_length=length)


def to_urn(digital_link: str, company_prefix_length: int) -> str:
    """The EPC URN of a Digital Link (or of a URN, which is then checked and written anew).

    Args:
        company_prefix_length: 6 to 12; how many digits GS1 gave to the key's owner.

    Raises:
        IdentifierFault: as `parse_identifier`, and NoUrnForm where URNs cannot say it.
    """
    return parse_identifier(digital_link).urn(company_prefix_length)


def check_identifier(uri: str) -> None:
    """Refuses what may not identify anything in an event: a text that is no URI, or a GS1 key that is wrong.

    URIs of every other kind pass (urn:uuid, ni, web addresses without a key, EPC schemes of other keepers).

    Raises:
        IdentifierFault: as `parse_identifier`.
    """
    if len(uri) > _LONGEST_REMEMBERED:
        _check(uri)
    else:
        _remembered_check(uri)


def _check(uri: str) -> None:
    _check_uri(uri)
    try:
        parts = _read(uri)
        if parts is not None:
            verify_key(parts[0], parts[1], parts[2])
    except IdentifierFault:
        if is_foreign(uri) or (not uri.startswith(PREFIX) and not claims_key(uri)):
            return
        raise
    if parts is None and uri[: len(PREFIX)].lower() == PREFIX:
        raise UnknownKey(f"{uri[:60]!r} does not begin with {PREFIX!r} in small letters.")


# Only what passed is remembered; a refusal is worked out again each time.
_remembered_check = lru_cache(maxsize=_MEMO_SIZE)(_check)


def is_uri(text: str) -> bool:
    """Tells whether a text is an absolute URI by RFC 3986, whatever it identifies."""
    return _URI(text) is not None


def _check_uri(text: str) -> None:
    if _URI(text) is None:
        raise NotAUri(f"{text[:60]!r} is no absolute URI.")
