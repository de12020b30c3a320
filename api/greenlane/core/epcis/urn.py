"""GS1 keys as EPC URNs: `urn:epc:id:…`, `urn:epc:class:lgtin:…` and the patterns `urn:epc:idpat:…` that name a class.

A URN leaves the check digit out, sets a dot after the company prefix, and for GTIN and SSCC moves the first digit behind it.
So reading one computes the check digit, and writing one needs the length of the company prefix, which a Digital Link does not
tell. An SGLN's extension of "0" means that there is none. A serial's characters that a URN cannot hold are percent-encoded.

Source: EPC Tag Data Standard 2.0, sections 6.3 and 8; Core Business Vocabulary 2.0, sections 8.2 and 8.3.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

from greenlane.core.epcis.gs1keys import (
    RULES,
    BadCharacter,
    GS1Key,
    IdentifierFault,
    MalformedKey,
    Parts,
    Qualifiers,
    UnknownKey,
    WrongLength,
    check_digit,
    check_digits,
    check_primary,
    check_qualifier,
    finest,
)

PREFIX: Final = "urn:epc:"
SHORTEST_COMPANY_PREFIX: Final = 6
LONGEST_COMPANY_PREFIX: Final = 12

# Schemes of other keepers, and encodings of tags: EPC URIs that identify, but by no GS1 key.
_FOREIGN: Final = re.compile(r"urn:epc:(?:id:(?:gid|usdod|adi|bic|imovn):|tag:|raw:|pat:)[!-~]+").fullmatch
_PLAIN: Final = re.compile(r"[0-9A-Za-z'\-.;=_]+").fullmatch
_ESCAPED: Final = re.compile(r"(?:[0-9A-Za-z!'()*+,\-.:;=_]|%[0-9A-Fa-f]{2})+").fullmatch


class NoUrnForm(IdentifierFault):
    """A key that EPC URNs cannot express, or not with this company prefix."""

    code = "no-urn-form"
    default_remedy = "Keep the Digital Link."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """How one scheme spells one key.

    Attributes:
        digits: company prefix and reference together, without the check digit; 0 where the reference is free text.
        is_first_moved: the key's first digit stands first in the reference.
        lead: digits of the key that no URN shows.
        tail: "" nothing, "*" the asterisk of a pattern, "serial" characters of the key itself, else a qualifier's AI.
    """

    key: GS1Key
    digits: int = 0
    is_first_moved: bool = False
    lead: str = ""
    tail: str = ""


_FORMS: Final[dict[tuple[str, str], _Form]] = {
    ("id", "sgtin"): _Form(key=GS1Key.GTIN, digits=13, is_first_moved=True, tail="21"),
    ("id", "upui"): _Form(key=GS1Key.GTIN, digits=13, is_first_moved=True, tail="235"),
    ("class", "lgtin"): _Form(key=GS1Key.GTIN, digits=13, is_first_moved=True, tail="10"),
    ("idpat", "sgtin"): _Form(key=GS1Key.GTIN, digits=13, is_first_moved=True, tail="*"),
    ("idpat", "upui"): _Form(key=GS1Key.GTIN, digits=13, is_first_moved=True, tail="*"),
    ("id", "itip"): _Form(key=GS1Key.ITIP, digits=13, is_first_moved=True, tail="21"),
    ("idpat", "itip"): _Form(key=GS1Key.ITIP, digits=13, is_first_moved=True, tail="*"),
    ("id", "sscc"): _Form(key=GS1Key.SSCC, digits=17, is_first_moved=True),
    ("id", "sgln"): _Form(key=GS1Key.GLN, digits=12, tail="254"),
    ("id", "pgln"): _Form(key=GS1Key.PARTY_GLN, digits=12),
    ("id", "gsrn"): _Form(key=GS1Key.GSRN, digits=17),
    ("id", "gsrnp"): _Form(key=GS1Key.GSRN_PROVIDER, digits=17),
    ("id", "gsin"): _Form(key=GS1Key.GSIN, digits=16),
    ("id", "grai"): _Form(key=GS1Key.GRAI, digits=12, lead="0", tail="serial"),
    ("idpat", "grai"): _Form(key=GS1Key.GRAI, digits=12, lead="0", tail="*"),
    ("id", "gdti"): _Form(key=GS1Key.GDTI, digits=12, tail="serial"),
    ("idpat", "gdti"): _Form(key=GS1Key.GDTI, digits=12, tail="*"),
    ("id", "sgcn"): _Form(key=GS1Key.GCN, digits=12, tail="serial"),
    ("idpat", "sgcn"): _Form(key=GS1Key.GCN, digits=12, tail="*"),
    ("id", "giai"): _Form(key=GS1Key.GIAI),
    ("id", "ginc"): _Form(key=GS1Key.GINC),
    ("id", "cpi"): _Form(key=GS1Key.CPID, tail="8011"),
    ("idpat", "cpi"): _Form(key=GS1Key.CPID, tail="*"),
}

# What to write for a key with this tail. The pattern of a GTIN is sgtin's: idpat:upui is read, never written.
_SCHEMES: Final = {
    (form.key, form.tail): (f"{PREFIX}{kind}:{scheme}:", form)
    for (kind, scheme), form in _FORMS.items()
    if (kind, scheme) != ("idpat", "upui")
}


def is_foreign(text: str) -> bool:
    """Tells whether `text` is an EPC URI of a keeper other than GS1, or of a tag's encoding; nothing more of it is checked."""
    return _FOREIGN(text) is not None


def read_urn(text: str) -> Parts:
    """Reads an EPC URN of a GS1 key.

    Args:
        text: begins with "urn:epc:".

    Returns:
        Key, primary with its check digit computed, qualifiers decoded, length of the company prefix.

    Raises:
        UnknownKey: another scheme.
        MalformedKey: a part is missing or too many.
        WrongLength, BadCharacter: a part breaks its rule.
    """
    pieces = text.split(":", 4)
    form = _FORMS.get((pieces[2], pieces[3])) if len(pieces) == 5 else None
    if form is None:
        raise UnknownKey(f"{text[:60]!r} begins with no EPC scheme of a GS1 key.")
    prefix, _, rest = pieces[4].partition(".")
    if not (prefix.isdecimal() and prefix.isascii()):
        raise BadCharacter(f"The company prefix may hold only digits: {text[:60]!r}.")
    length = len(prefix)
    if not SHORTEST_COMPANY_PREFIX <= length <= LONGEST_COMPANY_PREFIX:
        raise WrongLength(f"The company prefix has {length} digits instead of 6 to 12: {text[:60]!r}.")
    if form.digits:
        reference, dot, tail = rest.partition(".")
        number = prefix + reference
        check_digits("Company prefix and reference together", number, form.digits)
        number = reference[0] + prefix + reference[1:] if form.is_first_moved else form.lead + number
        primary = number + check_digit(number)
        if form.key is GS1Key.ITIP:
            piece, _, tail = tail.partition(".")
            total, dot, tail = tail.partition(".")
            check_digits("Piece and total together", piece + total, 4)
            check_digits("The piece", piece, 2)
            primary += piece + total
    elif form.tail:
        reference, dot, tail = rest.partition(".")
        primary = prefix + _decode(reference, text)
        check_primary(form.key, primary)
    else:
        primary = prefix + _decode(rest, text)
        check_primary(form.key, primary)
        return form.key, primary, (), length
    return _with_tail(form, primary, dot, tail, length, text)


def _with_tail(form: _Form, primary: str, dot: str, tail: str, length: int, text: str) -> Parts:
    if not form.tail:
        if dot:
            raise MalformedKey(f"Nothing may follow the reference: {text[:60]!r}.")
        return form.key, primary, (), length
    if not tail:
        raise MalformedKey(f"After the reference a dot and another part must follow: {text[:60]!r}.")
    if form.tail == "*":
        if tail != "*":
            raise MalformedKey(f"A pattern that names a class ends with one asterisk: {text[:60]!r}.")
        return form.key, primary, (), length
    value = _decode(tail, text)
    if form.tail == "serial":
        primary += value
        check_primary(form.key, primary)
        return form.key, primary, (), length
    check_qualifier(form.tail, value)
    if form.tail == "254" and value == "0":
        return form.key, primary, (), length
    return form.key, primary, ((form.tail, value),), length


def _decode(value: str, text: str) -> str:
    if _PLAIN(value):
        return value
    if not value:
        raise MalformedKey(f"A part is empty: {text[:60]!r}.")
    if _ESCAPED(value) is None:
        raise BadCharacter(f"{value[:40]!r} holds a character that an EPC URN cannot, or a broken percent-encoding.")
    return unquote(value)


def write_urn(key: GS1Key, primary: str, qualifiers: Qualifiers, company_prefix_length: int) -> str:
    """Writes the EPC URN of a key whose length and characters are right.

    Args:
        company_prefix_length: 6 to 12; how many digits GS1 gave to the key's owner. A wrong one still gives a URN.

    Returns:
        The URN at the finest level the key states: of an instance, of a lot, or the pattern of a class. A consumer product
        variant (22) is left out, and so is a lot beside a serial number.

    Raises:
        NoUrnForm: URNs cannot say it.
    """
    if not SHORTEST_COMPANY_PREFIX <= company_prefix_length <= LONGEST_COMPANY_PREFIX:
        raise NoUrnForm(
            f"A company prefix of {company_prefix_length} digits does not exist.", remedy="Give a length from 6 to 12."
        )
    qualifier = finest(qualifiers)
    rule = RULES[key]
    serial = primary[rule.digits :] if rule.checked else ""
    if qualifier == ("254", "0"):
        raise NoUrnForm('In a URN a GLN extension of "0" would mean that there is none.')
    tail = qualifier[0] if qualifier else "serial" if serial else "254" if key is GS1Key.GLN else "*"
    found = _SCHEMES.get((key, tail)) or (None if qualifier or serial else _SCHEMES.get((key, "")))
    if found is None:
        raise NoUrnForm(f"EPC URNs know no {rule.name} with /{tail}/.")
    scheme, form = found
    if form.digits:
        number = primary[len(form.lead) : rule.checked - 1]
        first = number[0] if form.is_first_moved else ""
        number = number[len(first) :]
        body = f"{number[:company_prefix_length]}.{first}{number[company_prefix_length:]}"
        if key is GS1Key.ITIP:
            body += f".{primary[14:16]}.{primary[16:18]}"
    else:
        owner, reference = primary[:company_prefix_length], primary[company_prefix_length:]
        if not (owner.isdecimal() and reference):
            raise NoUrnForm(
                f"{rule.name} {primary[:40]} has no company prefix of {company_prefix_length} digits with a reference after it.",
                remedy="Give the length of the owner's company prefix.",
            )
        body = f"{owner}.{_encode(reference)}"
    if not form.tail:
        return scheme + body
    if form.tail == "*":
        return f"{scheme}{body}.*"
    return f"{scheme}{body}.{_encode(qualifier[1] if qualifier else serial or '0')}"


def _encode(value: str) -> str:
    return value if _PLAIN(value) else quote(value, safe="!'()*+,:;=")
