"""GS1 identifiers, one rule a test; the numbers are GS1's example prefix 952 with check digits worked out apart from the code."""

import pytest
from greenlane.core.epcis.identifiers import (
    BadCharacter,
    CheckDigitWrong,
    GS1Key,
    IdentifierFault,
    MalformedKey,
    NotAUri,
    NoUrnForm,
    QualifierMisplaced,
    UnknownKey,
    WrongLength,
    check_digit,
    check_identifier,
    parse_identifier,
    to_digital_link,
    to_urn,
)

# One of every scheme: URN, canonical Digital Link, length of the company prefix.
SCHEMES = [
    ("urn:epc:id:sgtin:9521234.000001.A-7", "https://id.gs1.org/01/09521234000013/21/A-7", 7),
    ("urn:epc:class:lgtin:9521234.000001.HARVEST%2F3", "https://id.gs1.org/01/09521234000013/10/HARVEST%2F3", 7),
    ("urn:epc:idpat:sgtin:9521234.000001.*", "https://id.gs1.org/01/09521234000013", 7),
    ("urn:epc:id:upui:9521234.000001.x(1)", "https://id.gs1.org/01/09521234000013/235/x%281%29", 7),
    ("urn:epc:id:itip:9521234.000001.02.03.9", "https://id.gs1.org/8006/095212340000130203/21/9", 7),
    ("urn:epc:idpat:itip:9521234.000001.02.03.*", "https://id.gs1.org/8006/095212340000130203", 7),
    ("urn:epc:id:sscc:9521234.3000000001", "https://id.gs1.org/00/395212340000000014", 7),
    ("urn:epc:id:sgln:9521234.00001.dock:4", "https://id.gs1.org/414/9521234000013/254/dock%3A4", 7),
    ("urn:epc:id:sgln:9521234.00001.0", "https://id.gs1.org/414/9521234000013", 7),
    ("urn:epc:id:sgln:952123400001..0", "https://id.gs1.org/414/9521234000013", 12),
    ("urn:epc:id:pgln:9521234.00001", "https://id.gs1.org/417/9521234000013", 7),
    ("urn:epc:id:pgln:952123400001.", "https://id.gs1.org/417/9521234000013", 12),
    ("urn:epc:id:gsrn:9521234.0000000005", "https://id.gs1.org/8018/952123400000000055", 7),
    ("urn:epc:id:gsrnp:9521234.0000000008", "https://id.gs1.org/8017/952123400000000086", 7),
    ("urn:epc:id:gsin:9521234.000000042", "https://id.gs1.org/402/95212340000000426", 7),
    ("urn:epc:id:grai:9521234.00001.crate!", "https://id.gs1.org/8003/09521234000013crate%21", 7),
    ("urn:epc:idpat:grai:9521234.00001.*", "https://id.gs1.org/8003/09521234000013", 7),
    ("urn:epc:id:gdti:9521234.00001.CO-77", "https://id.gs1.org/253/9521234000013CO-77", 7),
    ("urn:epc:idpat:gdti:9521234.00001.*", "https://id.gs1.org/253/9521234000013", 7),
    ("urn:epc:id:sgcn:9521234.00001.0042", "https://id.gs1.org/255/95212340000130042", 7),
    ("urn:epc:idpat:sgcn:9521234.00001.*", "https://id.gs1.org/255/9521234000013", 7),
    ("urn:epc:id:giai:9521234.press.1", "https://id.gs1.org/8004/9521234press.1", 7),
    ("urn:epc:id:ginc:9521234.voyage%2F8", "https://id.gs1.org/401/9521234voyage%2F8", 7),
    ("urn:epc:id:cpi:9521234.LEG-%23.7", "https://id.gs1.org/8010/9521234LEG-%23/8011/7", 7),
    ("urn:epc:idpat:cpi:9521234.LEG.*", "https://id.gs1.org/8010/9521234LEG", 7),
]


@pytest.mark.parametrize(("urn", "link", "length"), SCHEMES)
def test_every_scheme_is_read_and_written_both_ways(urn: str, link: str, length: int) -> None:
    assert to_digital_link(urn) == link
    assert to_digital_link(link) == link
    assert to_urn(link, length) == urn
    assert parse_identifier(urn).digital_link == link
    check_identifier(urn)


def test_the_pattern_of_a_upui_names_the_gtin() -> None:
    assert to_digital_link("urn:epc:idpat:upui:9521234.000001.*") == "https://id.gs1.org/01/09521234000013"


@pytest.mark.parametrize(
    "spelling",
    [
        "https://shop.example.com/01/09521234000013/21/7",
        "http://shop.example.com/de/cocoa/01/09521234000013/21/7/",
        "https://id.gs1.org/gtin/9521234000013/ser/7",
        "https://id.gs1.org/01/09521234000013/22/mini/10/L1/21/7",
        "https://id.gs1.org/01/09521234000013/lot/L1/21/7?17=270101#x",
        "https://id.gs1.org/01/9521234000013/21/%37",
        "HTTPS://ID.GS1.ORG/01/09521234000013/21/7",
    ],
)
def test_one_item_has_one_canonical_link_however_it_is_spelt(spelling: str) -> None:
    assert to_digital_link(spelling) == "https://id.gs1.org/01/09521234000013/21/7"
    assert parse_identifier(spelling).digital_link == "https://id.gs1.org/01/09521234000013/21/7"


@pytest.mark.parametrize(("gtin", "padded"), [("95200002", "00000095200002"), ("952000000017", "00952000000017")])
def test_shorter_gtins_are_padded(gtin: str, padded: str) -> None:
    body = gtin[:-1] + check_digit(gtin[:-1])
    padded = padded[:-1] + check_digit(padded[:-1])
    assert to_digital_link(f"https://example.com/01/{body}") == f"https://id.gs1.org/01/{padded}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lot 7",
        "urn:uuid:7a1e2d3c-0000-4000-8000-000000000001",
        "https://example.com/orders/2026/17",
        "https://example.com/8013/952123400test",
        "https://id.gs1.org/01/09521234000013/99/x",
        "https://id.gs1.org/01/09521234000013/21/a/10/b",
        "https://id.gs1.org/01/09521234000013/21",
        "https://id.gs1.org/01/09521234000013/21/%zz",
        "https://id.gs1.org/01/12345",
        "urn:epc:id:sgtin:95212.00000001.1",
        "urn:epc:id:sgtin:9521234.000001",
        "urn:epc:id:sgtin:9521234.000001.a/b",
        "urn:epc:id:gid:1.2.3",
        "urn:epc:raw:96.x0123456789ABCDEF01234567",
        " https://id.gs1.org/01/09521234000013",
    ],
)
def test_what_is_no_well_formed_gs1_key_is_left_alone(text: str) -> None:
    assert to_digital_link(text) == text


def test_hashing_does_not_mend_a_check_digit() -> None:
    assert to_digital_link("https://example.com/01/09521234000019") == "https://id.gs1.org/01/09521234000019"


def test_a_text_too_long_to_be_remembered_is_still_read() -> None:
    link = "https://example.com/" + "a/" * 200 + "01/09521234000013"
    assert to_digital_link(link) == "https://id.gs1.org/01/09521234000013"
    check_identifier(link)
    with pytest.raises(CheckDigitWrong):
        check_identifier(link[:-1] + "4")


def test_a_refusal_is_not_forgotten() -> None:
    for _ in range(3):
        with pytest.raises(CheckDigitWrong):
            check_identifier("https://id.gs1.org/414/9521234000019")


def test_a_wrong_check_digit_is_named_with_the_right_one() -> None:
    with pytest.raises(CheckDigitWrong) as caught:
        check_identifier("https://id.gs1.org/01/09521234000019/21/7")
    assert (caught.value.found, caught.value.expected) == ("9", "3")
    assert "check digit 9" in caught.value.detail
    assert caught.value.code == "wrong-check-digit"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("no uri", NotAUri),
        ("", NotAUri),
        ("09521234000013", NotAUri),
        ("https://id.gs1.org/01/09521234000013/21/a b", NotAUri),
        ("https://id.gs1.org/01/09521234000013/21/%zz", NotAUri),
        ("https://id.gs1.org/01/09521234000013/21/ä", NotAUri),
        ("urn:epc:id:xyz:9521234.1", UnknownKey),
        ("URN:EPC:ID:sgtin:9521234.000001.1", UnknownKey),
        ("urn:epc:class:sgtin:9521234.000001.1", UnknownKey),
        ("urn:epc:idpat:sscc:9521234.*", UnknownKey),
        ("urn:epc:id:sgtin", UnknownKey),
        ("urn:epc:id:sgtin:9521234.000001", MalformedKey),
        ("urn:epc:id:sscc:9521234.3000000001.1", MalformedKey),
        ("urn:epc:id:giai:9521234", MalformedKey),
        ("urn:epc:idpat:sgtin:9521234.000001.7", MalformedKey),
        ("urn:epc:id:cpi:9521234..7", MalformedKey),
        ("https://id.gs1.org/01/09521234000013/21", MalformedKey),
        ("urn:epc:id:sgtin:95212.00000001.1", WrongLength),
        ("urn:epc:id:sgtin:9521234000012.1.1", WrongLength),
        ("urn:epc:id:sgtin:9521234.00001.1", WrongLength),
        ("urn:epc:id:sgtin:9521234.000001." + "1" * 21, WrongLength),
        ("urn:epc:id:itip:9521234.000001.1.002.9", WrongLength),
        ("urn:epc:id:grai:9521234.00001." + "1" * 17, WrongLength),
        ("urn:epc:id:giai:9521234." + "1" * 24, WrongLength),
        ("https://id.gs1.org/01/95212340000", WrongLength),
        ("https://id.gs1.org/00/39521234000000001", WrongLength),
        ("https://example.com/00/39521234000000001", WrongLength),
        ("https://id.gs1.org/414/9521234000013/7040/123", WrongLength),
        ("urn:epc:id:sgtin:952123A.000001.1", BadCharacter),
        ("urn:epc:id:sgtin:9521234.00000A.1", BadCharacter),
        ("urn:epc:id:sgtin:9521234.000001.%20", BadCharacter),
        ("urn:epc:id:sgtin:9521234.000001.a/b", BadCharacter),
        ("urn:epc:id:cpi:9521234.leg.7", BadCharacter),
        ("urn:epc:id:cpi:9521234.LEG.x", BadCharacter),
        ("urn:epc:id:cpi:9521234.LEG.07", BadCharacter),
        ("urn:epc:id:itip:9521234.000001.03.02.9", BadCharacter),
        ("urn:epc:id:itip:9521234.000001.00.02.9", BadCharacter),
        ("https://id.gs1.org/01/09521234000013/21/%7E", BadCharacter),
        ("https://id.gs1.org/01/09521234000013/21/%C3%A4", BadCharacter),
        ("https://id.gs1.org/8003/19521234000096", BadCharacter),
        ("https://id.gs1.org/8003/0952123400001Xcrate", BadCharacter),
        ("https://id.gs1.org/8004/AB12345", BadCharacter),
        ("https://id.gs1.org/01/09521234000013/21/a/10/b", QualifierMisplaced),
        ("https://id.gs1.org/01/09521234000013/21/a/235/b", QualifierMisplaced),
        ("https://id.gs1.org/01/09521234000013/10/a/10/b", QualifierMisplaced),
        ("https://id.gs1.org/00/395212340000000014/21/7", QualifierMisplaced),
        ("https://id.gs1.org/01/09521234000013/99/x", QualifierMisplaced),
    ],
)
def test_each_broken_rule_has_its_own_name(text: str, fault: type[IdentifierFault]) -> None:
    with pytest.raises(fault) as caught:
        check_identifier(text)
    assert type(caught.value) is fault
    assert caught.value.remedy
    with pytest.raises(fault):
        parse_identifier(text)


@pytest.mark.parametrize(
    "text",
    [
        "urn:uuid:7a1e2d3c-0000-4000-8000-000000000001",
        "ni:///sha-256;00?ver=CBV2.0",
        "https://example.com/orders/2026/17",
        "https://example.com/party/2024-report",
        "https://example.com/blog/01/hello",
        "https://example.com/blog/21/01",
        "https://id.gs1.org/8013/9521234test",
        "urn:epc:id:gid:95100000.12345.400",
        "urn:epc:id:usdod:2S194.12345678901",
        "urn:epc:tag:sgtin-96:3.9521234.000001.6789",
        "urn:epcglobal:cbv:bt:9521234000013:PO-1",
        "geo:10.8,106.6",
    ],
)
def test_uris_that_claim_no_gs1_key_pass(text: str) -> None:
    check_identifier(text)
    with pytest.raises(IdentifierFault):
        parse_identifier(text)


def test_only_what_a_serial_number_singles_out_is_no_class() -> None:
    classes = {
        "https://id.gs1.org/01/09521234000013": True,
        "https://id.gs1.org/01/09521234000013/22/mini": True,
        "https://id.gs1.org/01/09521234000013/10/L1": True,
        "https://id.gs1.org/01/09521234000013/10/L1/21/7": False,
        "https://id.gs1.org/01/09521234000013/235/x": False,
        "https://id.gs1.org/8006/095212340000130203": True,
        "https://id.gs1.org/8010/9521234LEG": True,
        "https://id.gs1.org/8010/9521234LEG/8011/7": False,
        "https://id.gs1.org/8003/09521234000013": True,
        "https://id.gs1.org/8003/09521234000013crate": False,
        "https://id.gs1.org/00/395212340000000014": False,
        "https://id.gs1.org/414/9521234000013": False,
        "https://id.gs1.org/8004/9521234press": False,
    }
    assert {text: parse_identifier(text).is_class_level for text in classes} == classes


def test_an_identifier_keeps_every_qualifier_and_says_only_the_finest() -> None:
    identifier = parse_identifier("https://example.com/01/9521234000013/cpv/mini/lot/L%2F1/ser/7")
    assert identifier.key is GS1Key.GTIN
    assert identifier.primary == "09521234000013"
    assert identifier.qualifiers == (("22", "mini"), ("10", "L/1"), ("21", "7"))
    assert identifier.company_prefix_length is None
    assert identifier.digital_link == "https://id.gs1.org/01/09521234000013/21/7"
    assert identifier.urn(9) == "urn:epc:id:sgtin:952123400.0001.7"


@pytest.mark.parametrize(
    ("link", "length"),
    [
        ("https://id.gs1.org/01/09521234000013", 5),
        ("https://id.gs1.org/01/09521234000013", 13),
        ("https://id.gs1.org/414/9521234000013/254/0", 7),
        ("https://id.gs1.org/414/9521234000013/7040/1ABC", 7),
        ("https://id.gs1.org/8006/095212340000130203/10/L1", 7),
        ("https://id.gs1.org/8018/952123400000000055/8019/1", 7),
        ("https://id.gs1.org/8004/9521234press", 8),
        ("https://id.gs1.org/8004/9521234", 7),
    ],
)
def test_what_urns_cannot_say_is_refused_and_never_bent(link: str, length: int) -> None:
    check_identifier(link)
    with pytest.raises(NoUrnForm):
        to_urn(link, length)


def test_a_digital_link_needs_to_be_told_the_length_of_its_company_prefix() -> None:
    with pytest.raises(NoUrnForm, match="does not tell the length"):
        parse_identifier("https://id.gs1.org/01/09521234000013").urn()
