"""Whatever key is drawn: spelling does not move it, one wrong digit does not pass, and no text brings anything but our error."""

from dataclasses import dataclass
from urllib.parse import quote

import pytest
from greenlane.core.epcis.gs1keys import QUALIFIERS, RULES
from greenlane.core.epcis.identifiers import (
    CheckDigitWrong,
    IdentifierFault,
    check_digit,
    check_identifier,
    parse_identifier,
    to_digital_link,
    to_urn,
)
from hypothesis import example, given
from hypothesis import strategies as st

SET_82 = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
SET_39 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ#-/"
DIGITS = "0123456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnUrn:
    text: str
    company_prefix_length: int


def escaped(value: str) -> str:
    """As the EPC Tag Data Standard asks: only these seven characters of GS1's sets cannot stand in a URN."""
    return "".join(quote(character, safe="") if character in '"%&/<>?#' else character for character in value)


def serials(longest: int, alphabet: str = SET_82) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=1, max_size=longest)


@st.composite
def urns(draw: st.DrawFn) -> DrawnUrn:
    length = draw(st.integers(6, 12))

    def digits(count: int) -> str:
        return draw(st.text(DIGITS, min_size=count, max_size=count))

    def number(count: int) -> str:
        return f"{digits(length)}.{digits(count - length)}"

    scheme = draw(
        st.sampled_from(
            [
                "id:sgtin",
                "id:upui",
                "class:lgtin",
                "id:itip",
                "id:sscc",
                "id:sgln",
                "id:pgln",
                "id:gsrn",
                "id:gsrnp",
                "id:gsin",
                "id:grai",
                "id:gdti",
                "id:sgcn",
                "id:giai",
                "id:ginc",
                "id:cpi",
                "idpat:sgtin",
                "idpat:itip",
                "idpat:grai",
                "idpat:gdti",
                "idpat:sgcn",
                "idpat:cpi",
            ]
        )
    )
    total = draw(st.integers(1, 99))
    pieces = f"{draw(st.integers(1, total)):02}.{total:02}"
    match scheme.split(":"):
        case ["idpat", "sgtin"]:
            body = f"{number(13)}.*"
        case ["idpat", "itip"]:
            body = f"{number(13)}.{pieces}.*"
        case ["idpat", "cpi"]:
            body = f"{digits(length)}.{escaped(draw(serials(30 - length, SET_39)))}.*"
        case ["idpat", _]:
            body = f"{number(12)}.*"
        case [_, "sgtin" | "lgtin"]:
            body = f"{number(13)}.{escaped(draw(serials(20)))}"
        case [_, "upui"]:
            body = f"{number(13)}.{escaped(draw(serials(28)))}"
        case [_, "itip"]:
            body = f"{number(13)}.{pieces}.{escaped(draw(serials(20)))}"
        case [_, "sscc" | "gsrn" | "gsrnp"]:
            body = number(17)
        case [_, "gsin"]:
            body = number(16)
        case [_, "pgln"]:
            body = number(12)
        case [_, "sgln"]:
            body = f"{number(12)}.{escaped(draw(serials(20)))}"
        case [_, "grai"]:
            body = f"{number(12)}.{escaped(draw(serials(16)))}"
        case [_, "gdti"]:
            body = f"{number(12)}.{escaped(draw(serials(17)))}"
        case [_, "sgcn"]:
            body = f"{number(12)}.{draw(serials(12, DIGITS))}"
        case [_, "cpi"]:
            serial = draw(st.integers(0, 10**12 - 1))
            body = f"{digits(length)}.{escaped(draw(serials(30 - length, SET_39)))}.{serial}"
        case _:
            body = f"{digits(length)}.{escaped(draw(serials(30 - length)))}"
    return DrawnUrn(text=f"urn:epc:{scheme}:{body}", company_prefix_length=length)


@given(urns())
def test_a_urn_comes_back_from_its_digital_link(urn: DrawnUrn) -> None:
    link = to_digital_link(urn.text)
    assert link.startswith("https://id.gs1.org/")
    assert to_urn(link, urn.company_prefix_length) == urn.text
    assert to_digital_link(link) == link
    identifier = parse_identifier(urn.text)
    assert identifier.company_prefix_length == urn.company_prefix_length
    assert identifier.urn() == urn.text
    from_link = parse_identifier(link)
    assert (from_link.key, from_link.primary, from_link.qualifiers) == (
        identifier.key,
        identifier.primary,
        identifier.qualifiers,
    )
    assert from_link.is_class_level is identifier.is_class_level
    check_identifier(urn.text)
    check_identifier(link)


@given(urns(), st.sampled_from(["https://example.com", "http://shop.example.org:8080/a/b", "HTTPS://ID.GS1.ORG"]), st.data())
def test_the_canonical_form_is_unmoved_by_domain_query_and_needless_escapes(
    urn: DrawnUrn, domain: str, data: st.DataObject
) -> None:
    link = to_digital_link(urn.text)
    segments = link.removeprefix("https://id.gs1.org/").split("/")
    turn = data.draw(st.sampled_from(range(1, len(segments), 2)))
    value = segments[turn]
    at = data.draw(st.integers(0, len(value) - 1))
    if "%" not in value[max(at - 2, 0) : at + 1]:
        segments[turn] = f"{value[:at]}%{ord(value[at]):02x}{value[at + 1 :]}"
    path = "/".join(["", *segments])
    assert to_digital_link(f"{domain}{path}/?linkType=gs1:pip&11=260101#top") == link


@given(urns(), st.integers(1, 9))
def test_a_changed_check_digit_is_refused_with_both_digits_named(urn: DrawnUrn, shift: int) -> None:
    identifier = parse_identifier(urn.text)
    rule = RULES[identifier.key]
    if rule.checked == 0:
        return
    at = rule.checked - 1
    right = identifier.primary[at]
    wrong = str((int(right) + shift) % 10)
    link = identifier.digital_link.replace(identifier.primary[: at + 1], identifier.primary[:at] + wrong, 1)
    with pytest.raises(CheckDigitWrong) as caught:
        parse_identifier(link)
    assert (caught.value.found, caught.value.expected) == (wrong, right)
    with pytest.raises(CheckDigitWrong):
        check_identifier(link)


@given(st.sampled_from([7, 11, 12, 13]).flatmap(lambda count: st.text(DIGITS, min_size=count, max_size=count)))
def test_no_single_digit_of_a_gtin_can_change_unseen(body: str) -> None:
    gtin = body + check_digit(body)
    assert parse_identifier(f"https://id.gs1.org/01/{gtin}").primary == gtin.rjust(14, "0")
    for at, digit in enumerate(gtin):
        for other in DIGITS.replace(digit, ""):
            with pytest.raises(CheckDigitWrong):
                parse_identifier(f"https://id.gs1.org/01/{gtin[:at]}{other}{gtin[at + 1 :]}")


@st.composite
def near_misses(draw: st.DrawFn) -> str:
    """A right spelling, urn or link, that suffers a few edits."""
    text = draw(urns()).text
    if draw(st.booleans()):
        text = to_digital_link(text)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        cut = draw(st.integers(0, 2))
        text = text[:at] + draw(st.one_of(st.text(max_size=2), st.sampled_from("./:%0*?#"))) + text[at + cut :]
    return text


@given(st.one_of(st.text(), near_misses(), st.text().map("urn:epc:id:".__add__), st.text().map("https://id.gs1.org/".__add__)))
@example("urn:epc:")
@example("urn:epc:id:sgtin:")
@example("urn:epc:id:sscc:952123400000.")
@example("https://")
@example("https://id.gs1.org/01/")
@example("https://id.gs1.org/01/%30952123400001%33")
@example("https://id.gs1.org/01/09521234000013/21/\udcff")
@example("https://id.gs1.org/01/09521234000013/21/%ff")
@example("urn:epc:id:sgtin:٩٥٢١٢٣٤.٠٠٠٠٠١.1")
def test_no_text_brings_anything_but_our_own_error(text: str) -> None:
    canonical = to_digital_link(text)
    assert to_digital_link(canonical) == canonical
    try:
        identifier = parse_identifier(text)
    except IdentifierFault as fault:
        assert fault.detail
        assert fault.remedy
        assert len(str(fault)) < 500
    else:
        check_identifier(text)
        assert identifier.digital_link == canonical
        assert all(ai in QUALIFIERS for ai, _ in identifier.qualifiers)
    for length in (-1, 0, 7, 12, 13):
        try:
            assert parse_identifier(to_urn(text, length)).company_prefix_length == length
        except IdentifierFault:
            continue
    try:
        check_identifier(text)
    except IdentifierFault as fault:
        assert fault.code != "invalid-identifier"
