"""The GS1 keys that EPCIS events carry: how long each is, what it is made of, what may refine it.

A key is a run of digits, most often closed by a check digit, and for some keys a serial of free characters after it. A Digital
Link may refine it by qualifiers; their order is fixed, and the last one present is the finest. Both spellings, URN and Digital
Link, are read into the same three values: key, primary (check digit in, percent-encoding out) and qualifiers.

Sources: GS1 General Specifications, sections 3, 7.9.1 and 7.11; GS1 Digital Link URI syntax 1.4; EPC Tag Data
Standard 2.0, section 6.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import Final

from greenlane.core.errors import InvalidInput


class IdentifierFault(InvalidInput):
    """A text that claims to be a GS1 identifier, or has to be a URI, and breaks a rule of it."""

    code = "invalid-identifier"


class UnknownKey(IdentifierFault):
    """No GS1 key of this name is known here."""

    code = "unknown-gs1-key"
    default_remedy = "Use a GS1 key of EPCIS, as urn:epc:id:… or as a Digital Link such as https://id.gs1.org/01/…/21/…."


class MalformedKey(IdentifierFault):
    """A part is missing, empty or too many."""

    code = "malformed-gs1-key"
    default_remedy = "Write every part of the key, none of them empty."


class WrongLength(IdentifierFault):
    """A part of a key is too short or too long."""

    code = "wrong-key-length"
    default_remedy = "Compare with the number as it is printed on the item or in the registry."


class BadCharacter(IdentifierFault):
    """A part of a key holds a character that may not stand there, or stands there without percent-encoding."""

    code = "bad-key-character"
    default_remedy = "Use the characters GS1 allows, and percent-encode those that a URI cannot hold."


class QualifierMisplaced(IdentifierFault):
    """A qualifier does not belong to this key, or stands in the wrong order."""

    code = "misplaced-qualifier"
    default_remedy = "Write only the qualifiers of this key, in the order GS1 gives, for example /01/…/22/…/10/…/21/…."


class CheckDigitWrong(IdentifierFault):
    """The check digit does not close its key: at least one digit is mistyped.

    Attributes:
        found: the digit that stands there.
        expected: the digit that the other digits ask for.
    """

    code = "wrong-check-digit"

    def __init__(self, name: str, primary: str, *, found: str, expected: str) -> None:
        super().__init__(
            f"{name} {primary[:40]} ends its number with check digit {found}, but its digits ask for {expected}.",
            remedy="Compare every digit with the source; do not merely replace the last one.",
        )
        self.found = found
        self.expected = expected


class GS1Key(StrEnum):
    """The keys, by application identifier."""

    SSCC = "00"
    GTIN = "01"
    GDTI = "253"
    GCN = "255"
    GINC = "401"
    GSIN = "402"
    GLN = "414"
    PARTY_GLN = "417"
    GRAI = "8003"
    GIAI = "8004"
    ITIP = "8006"
    CPID = "8010"
    GSRN_PROVIDER = "8017"
    GSRN = "8018"


class Alphabet(StrEnum):
    """Which characters a part may hold, as the General Specifications name the sets."""

    NUMERIC = "digits"
    SET_39 = "digits, capital letters, # - /"
    SET_82 = "the 82 characters of GS1's invariant set"


_IN_ALPHABET: Final = {
    Alphabet.NUMERIC: re.compile(r"[0-9]*").fullmatch,
    Alphabet.SET_39: re.compile(r"[0-9A-Z#/\-]*").fullmatch,
    Alphabet.SET_82: re.compile(r"[0-9A-Za-z!\"%&'()*+,\-./:;<=>?_]*").fullmatch,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRule:
    """What one key is made of.

    Attributes:
        name: its name in the General Specifications.
        digits: how many digits it begins with; all of it, or all but the serial.
        checked: how many of them the check digit closes, itself the last; 0 where the key has none.
        serial_max: most characters after the digits.
        serial_min: fewest characters after the digits.
        alphabet: what those may be.
        sequences: every sequence of qualifiers that may follow in a Digital Link.
    """

    name: str
    digits: int
    checked: int = 0
    serial_max: int = 0
    serial_min: int = 0
    alphabet: Alphabet = Alphabet.SET_82
    sequences: frozenset[tuple[str, ...]] = frozenset({()})


@dataclass(frozen=True, slots=True, kw_only=True)
class QualifierRule:
    """What one qualifier is made of: its shortest and longest value and its characters."""

    name: str
    longest: int
    shortest: int = 1
    alphabet: Alphabet = Alphabet.SET_82


def _in_order(*orders: tuple[str, ...]) -> frozenset[tuple[str, ...]]:
    """Every way to leave qualifiers out of any of these orders."""
    return frozenset(some for order in orders for count in range(len(order) + 1) for some in combinations(order, count))


# GIAI, GINC and CPID begin with a company prefix of which four digits at least are certain (Digital Link syntax, section 5).
RULES: Final[dict[GS1Key, KeyRule]] = {
    GS1Key.SSCC: KeyRule(name="SSCC", digits=18, checked=18),
    GS1Key.GTIN: KeyRule(name="GTIN", digits=14, checked=14, sequences=_in_order(("22", "10", "21"), ("235",))),
    GS1Key.GDTI: KeyRule(name="GDTI", digits=13, checked=13, serial_max=17),
    GS1Key.GCN: KeyRule(name="GCN", digits=13, checked=13, serial_max=12, alphabet=Alphabet.NUMERIC),
    GS1Key.GINC: KeyRule(name="GINC", digits=4, serial_min=1, serial_max=26),
    GS1Key.GSIN: KeyRule(name="GSIN", digits=17, checked=17),
    GS1Key.GLN: KeyRule(name="GLN", digits=13, checked=13, sequences=_in_order(("254",), ("7040",))),
    GS1Key.PARTY_GLN: KeyRule(name="party GLN", digits=13, checked=13, sequences=_in_order(("7040",))),
    GS1Key.GRAI: KeyRule(name="GRAI", digits=14, checked=14, serial_max=16),
    GS1Key.GIAI: KeyRule(name="GIAI", digits=4, serial_min=1, serial_max=26, sequences=_in_order(("7040",))),
    GS1Key.ITIP: KeyRule(name="ITIP", digits=18, checked=14, sequences=_in_order(("22", "10", "21"))),
    GS1Key.CPID: KeyRule(
        name="CPID", digits=4, serial_min=1, serial_max=26, alphabet=Alphabet.SET_39, sequences=_in_order(("8011",))
    ),
    GS1Key.GSRN_PROVIDER: KeyRule(name="provider GSRN", digits=18, checked=18, sequences=_in_order(("8019",))),
    GS1Key.GSRN: KeyRule(name="GSRN", digits=18, checked=18, sequences=_in_order(("8019",))),
}

QUALIFIERS: Final[dict[str, QualifierRule]] = {
    "10": QualifierRule(name="lot (10)", longest=20),
    "21": QualifierRule(name="serial number (21)", longest=20),
    "22": QualifierRule(name="consumer product variant (22)", longest=20),
    "235": QualifierRule(name="third-party serial number (235)", longest=28),
    "254": QualifierRule(name="GLN extension (254)", longest=20),
    "7040": QualifierRule(name="UIC with extension (7040)", longest=4, shortest=4),
    "8011": QualifierRule(name="CPID serial number (8011)", longest=12, alphabet=Alphabet.NUMERIC),
    "8019": QualifierRule(name="service relation instance (8019)", longest=10, alphabet=Alphabet.NUMERIC),
}

Qualifiers = tuple[tuple[str, str], ...]
Parts = tuple[GS1Key, str, Qualifiers, int | None]
"""Key, primary, qualifiers, length of the company prefix where the spelling tells it."""

# Each byte of ASCII digits is 48 too large: the surplus of n digits, weighed 3, 1, 3, …, folded into one number beforehand.
_SURPLUS: Final = tuple(48 * (3 * ((count + 1) // 2) + count // 2) for count in range(32))


def check_digit(digits: str) -> str:
    """The digit that closes a GS1 key.

    Args:
        digits: the key without its check digit; 1 to 31 ASCII digits.

    Returns:
        One digit: what the sum of the digits, weighed 3, 1, 3, … from the right, lacks to a multiple of ten.

    Source: GS1 General Specifications, section 7.9.1.
    """
    data = digits.encode("ascii")
    weighed = sum(data[::-2]) * 3 + sum(data[-2::-2]) - _SURPLUS[len(data)]
    return "0987654321"[weighed % 10]


def check_value(name: str, value: str, *, shortest: int, longest: int, alphabet: Alphabet) -> None:
    """Holds one decoded part against its length and characters.

    Raises:
        WrongLength: shorter than `shortest` or longer than `longest` characters.
        BadCharacter: a character outside of `alphabet`.
    """
    if not shortest <= len(value) <= longest:
        wanted = str(longest) if shortest == longest else f"{shortest} to {longest}"
        raise WrongLength(f"{name} has {len(value)} characters instead of {wanted}: {value[:40]!r}.")
    if _IN_ALPHABET[alphabet](value) is None:
        raise BadCharacter(f"{name} may hold only {alphabet}: {value[:40]!r}.")


def check_digits(name: str, value: str, count: int) -> None:
    """Holds one part to exactly `count` ASCII digits.

    Raises:
        WrongLength: another count.
        BadCharacter: something that is no digit.
    """
    if len(value) != count:
        raise WrongLength(f"{name} has {len(value)} digits instead of {count}: {value[:40]!r}.")
    if not (value.isdecimal() and value.isascii()):
        raise BadCharacter(f"{name} may hold only digits: {value[:40]!r}.")


def check_primary(key: GS1Key, primary: str) -> None:
    """Holds a key's value against its length and characters, not against its check digit.

    Raises:
        WrongLength, BadCharacter: as they say.
    """
    rule = RULES[key]
    if rule.serial_max == 0:
        check_digits(rule.name, primary, rule.digits)
        return
    check_value(
        rule.name,
        primary,
        shortest=rule.digits + rule.serial_min,
        longest=rule.digits + rule.serial_max,
        alphabet=rule.alphabet,
    )
    if not primary[: rule.digits].isdecimal():
        raise BadCharacter(f"{rule.name} begins with {rule.digits} digits, not with {primary[: rule.digits]!r}.")


def check_qualifier(ai: str, value: str) -> None:
    """Holds a qualifier's value against its length and characters.

    Raises:
        WrongLength, BadCharacter: as they say.
    """
    rule = QUALIFIERS[ai]
    check_value(rule.name, value, shortest=rule.shortest, longest=rule.longest, alphabet=rule.alphabet)


def check_sequence(key: GS1Key, ais: Iterable[str]) -> None:
    """Holds the qualifiers' kinds against the key and their order.

    Raises:
        QualifierMisplaced: one does not belong here, comes twice, or comes too early.
    """
    given = tuple(ais)
    rule = RULES[key]
    if given not in rule.sequences:
        raise QualifierMisplaced(f"{rule.name} cannot be followed by /{'/…/'.join(ai[:12] for ai in given)}/….")


def verify_key(key: GS1Key, primary: str, qualifiers: Qualifiers) -> None:
    """Verifies what arithmetic can tell of a key whose length and characters are right.

    Raises:
        CheckDigitWrong: the check digit does not close the number.
        BadCharacter: a GRAI without its leading zero, an impossible piece of an ITIP, a CPID serial with a leading zero.

    Source: the check digit as in `check_digit`; the rest from the linters named in GS1's Barcode Syntax Dictionary
    (csum, zero, pieceoftotal, nozeroprefix).
    """
    rule = RULES[key]
    if rule.checked:
        body, found = primary[: rule.checked - 1], primary[rule.checked - 1]
        expected = check_digit(body)
        if found != expected:
            raise CheckDigitWrong(rule.name, primary, found=found, expected=expected)
    if key is GS1Key.GRAI and primary[0] != "0":
        raise BadCharacter(f"GRAI in a Digital Link begins with 0, not with {primary[0]}: {primary}.")
    if key is GS1Key.ITIP and not "01" <= primary[14:16] <= primary[16:18]:
        raise BadCharacter(f"ITIP cannot be piece {primary[14:16]} of {primary[16:18]}.")
    if key is GS1Key.CPID:
        for _, value in qualifiers:
            if len(value) > 1 and value[0] == "0":
                raise BadCharacter(f"CPID serial number (8011) may not begin with 0: {value}.")


def finest(qualifiers: Qualifiers) -> tuple[str, str] | None:
    """The qualifier that identifies most closely; None where only a consumer product variant, or nothing, follows the key."""
    if qualifiers and qualifiers[-1][0] != "22":
        return qualifiers[-1]
    return None
