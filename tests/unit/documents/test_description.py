"""What is stated of a document has one spelling, and a fault in it points at its place."""

import unicodedata
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from greenlane.core.canonical import canonical_bytes, parse_json
from greenlane.core.crypto import sha256
from greenlane.core.documents.cid import Cid, Codec
from greenlane.core.documents.description import (
    MAX_ABOUT,
    MAX_NAME_BYTES,
    MAX_NAME_CHARACTERS,
    MAX_READERS,
    MAX_URI_CHARACTERS,
    Description,
    DescriptionInvalid,
    DocumentReader,
    MemberName,
    canonical_subject,
    description_value,
    document_entry,
    encode_description,
    read_description,
    read_file_name,
    read_member_name,
)
from greenlane.core.entry import EntryKind
from greenlane.core.errors import InvalidInput
from greenlane.core.units import CenterId, MemberId
from greenlane.core.wire import FieldInvalid
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds.descriptions import COOPERATIVE, LOT, RECIPIENT, ROASTER, confidential_description, description, descriptions

PUBLIC, SECRET = description(), confidential_description()
EVENT = "ni:///sha-256;" + "ab" * 32 + "?ver=CBV2.0"


@given(descriptions())
def test_a_description_is_read_as_it_was_written(stated: Description) -> None:
    value = description_value(stated)
    assert read_description(value) == stated
    assert read_description(parse_json(encode_description(stated))) == stated
    assert description_value(read_description(value)) == value


@given(descriptions(), descriptions())
@settings(max_examples=25)
def test_two_descriptions_have_one_digest_only_where_they_are_one(first: Description, second: Description) -> None:
    assert (encode_description(first) == encode_description(second)) == (first == second)


def test_the_bytes_are_canonical_and_hold_every_field() -> None:
    value = description_value(PUBLIC)
    assert encode_description(PUBLIC) == canonical_bytes(value)
    assert value == {
        "type": "GreenlaneDocument",
        "version": 1,
        "statedBy": "lima/cooperativa-norandino",
        "cid": Cid.of(Codec.RAW, b"a certificate").text,
        "size": 13,
        "digest": "0x" + sha256(b"a certificate").hex(),
        "mediaType": "application/pdf",
        "name": "organic-2026.pdf",
        "documentType": "cert",
        "issuer": "Certificadora Ejemplo",
        "issuedOn": "2026-07-01",
        "about": [LOT],
        "confidential": None,
        "replaces": None,
    }
    assert sha256(encode_description(PUBLIC)).hex() == "6ada5e802aa494f0983e00c64fcdb4e22399194fe733ee7a47f238052ed960e1"


def test_the_entry_fixes_the_bytes_and_the_statement() -> None:
    for stated in (PUBLIC, SECRET):
        entry = document_entry(stated)
        assert (entry.kind, entry.is_blinded) == (EntryKind.DOCUMENT, False)
        assert (entry.subject, entry.content) == (stated.digest, sha256(encode_description(stated)))
    assert PUBLIC.stored_digest == PUBLIC.digest
    assert SECRET.confidential is not None
    assert SECRET.stored_digest == SECRET.confidential.digest != SECRET.digest


def changed(stated: Description, path: list[str | int], new: Any) -> Any:
    value: Any = parse_json(encode_description(stated))
    at = value
    for step in path[:-1]:
        at = at[step]
    if new is KeyError:
        del at[path[-1]]
    else:
        at[path[-1]] = new
    return value


LONG = "https://example.org/" + "x" * MAX_URI_CHARACTERS
FAULTS: list[tuple[list[str | int], Any, str]] = [
    (["type"], "GreenlaneReceipt", "/type"),
    (["type"], KeyError, ""),
    (["version"], 2, "/version"),
    (["version"], True, "/version"),
    (["more"], 1, "/more"),
    (["statedBy"], "lima", "/statedBy"),
    (["statedBy"], "lima/", "/statedBy"),
    (["statedBy"], "Lima/cooperative", "/statedBy"),
    (["statedBy"], "lima/a/b", "/statedBy"),
    (["statedBy"], None, "/statedBy"),
    (["cid"], "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG", "/cid"),
    (["cid"], PUBLIC.cid.text.upper(), "/cid"),
    (["cid"], 1, "/cid"),
    (["size"], -1, "/size"),
    (["size"], 2**53, "/size"),
    (["size"], 1.5, "/size"),
    (["size"], "13", "/size"),
    (["size"], True, "/size"),
    (["digest"], "0x00", "/digest"),
    (["digest"], sha256(b"").hex(), "/digest"),
    (["digest"], "0x" + "AB" * 32, "/digest"),
    (["mediaType"], "application/PDF", "/mediaType"),
    (["mediaType"], "text/plain; charset=utf-8", "/mediaType"),
    (["mediaType"], "pdf", "/mediaType"),
    (["name"], "", "/name"),
    (["documentType"], "certificate", "/documentType"),
    (["documentType"], None, "/documentType"),
    (["issuer"], "", "/issuer"),
    (["issuer"], " Certificadora", "/issuer"),
    (["issuer"], " ", "/issuer"),
    (["issuer"], "two\nlines", "/issuer"),
    (["issuer"], "x" * 201, "/issuer"),
    (["issuer"], unicodedata.normalize("NFD", "Perú"), "/issuer"),
    (["issuedOn"], "2026-7-1", "/issuedOn"),
    (["issuedOn"], "20260701", "/issuedOn"),
    (["issuedOn"], "2026-W27-3", "/issuedOn"),
    (["issuedOn"], "2026-02-29", "/issuedOn"),
    (["issuedOn"], "", "/issuedOn"),
    (["issuedOn"], "2026-07-01T00:00:00Z", "/issuedOn"),
    (["about"], [], "/about"),
    (["about"], [LOT, LOT], "/about"),
    (["about"], {}, "/about"),
    (["about"], [f"urn:example:{number}" for number in range(MAX_ABOUT + 1)], "/about"),
    (["about"], [f"urn:example:{number}:{'a' * 1_700}" for number in range(5)], "/about"),
    (["about", 0], 1, "/about/0"),
    (["about", 0], "lot 7", "/about/0"),
    (["about", 0], LONG, "/about/0"),
    (["about"], [LOT, "https://id.gs1.org/01/09521321000016"], "/about/1"),
    (["about"], [LOT, "https://shop.example/01/09521321000018/10/LOT-7"], "/about/1"),
    (["about", 0], "urn:epc:id:sgtin:9521321.000001.5", "/about/0"),
    (["about", 0], EVENT.upper(), "/about/0"),
    (["about", 0], "URN:example:1", "/about/0"),
    (["confidential"], {}, "/confidential"),
    (["confidential"], [], "/confidential"),
    (["replaces"], "older", "/replaces"),
    (["replaces"], PUBLIC.cid.text, "/replaces"),
]
SECRET_FAULTS: list[tuple[list[str | int], Any, str]] = [
    (["confidential", "format"], "age-encryption.org/v2", "/confidential/format"),
    (["confidential", "digest"], None, "/confidential/digest"),
    (["confidential", "digest"], "0x" + SECRET.digest.hex(), "/confidential/digest"),
    (["confidential", "readers"], [], "/confidential/readers"),
    (["confidential", "readers"], [{"recipient": RECIPIENT, "name": None}] * 2, "/confidential/readers"),
    (["confidential", "readers"], [{"recipient": RECIPIENT, "name": None}] * (MAX_READERS + 1), "/confidential/readers"),
    (["confidential", "readers", 0], None, "/confidential/readers/0"),
    (["confidential", "readers", 1, "recipient"], "age1", "/confidential/readers/1/recipient"),
    (["confidential", "readers", 1, "recipient"], RECIPIENT.upper(), "/confidential/readers/1/recipient"),
    (["confidential", "readers", 1, "recipient"], "AGE-SECRET-KEY-1" + "Q" * 58, "/confidential/readers/1/recipient"),
    (["confidential", "readers", 0, "name"], "roaster", "/confidential/readers/0/name"),
    (["confidential", "readers", 0, "name"], KeyError, "/confidential/readers/0"),
    (["confidential", "readers", 0, "more"], 1, "/confidential/readers/0/more"),
]


@pytest.mark.parametrize(
    ("stated", "path", "new", "where"),
    [(PUBLIC, *fault) for fault in FAULTS] + [(SECRET, *fault) for fault in SECRET_FAULTS],
)
def test_a_fault_points_at_its_field(stated: Description, path: list[str | int], new: Any, where: str) -> None:
    value = changed(stated, path, new)
    for root in ("", "/description"):
        with pytest.raises(InvalidInput) as refusal:
            read_description(value, root)
        assert refusal.value.where == root + where
        assert refusal.value.detail and (refusal.value.remedy or not isinstance(refusal.value, DescriptionInvalid))


@pytest.mark.parametrize("value", [None, [], "x", 1])
def test_what_is_no_object_is_no_description(value: Any) -> None:
    with pytest.raises(FieldInvalid):
        read_description(value)


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "..",
        ".",
        ".hidden",
        "C:\\certificate.pdf",
        "a\\b",
        "a/b",
        "certificate.pdf:stream",
        'quote".pdf',
        "a?b",
        "a*",
        "<a>",
        "a|b",
        " a.pdf",
        "a.pdf ",
        "a.pdf.",
        "two\nlines",
        "zero\0",
        "gnp\u202epdf.exe",
        "CON",
        "con.pdf",
        "Lpt1.txt",
        "COM\u00b9.txt",
        "CON .pdf",
        "conin$",
        "-rf",
        "~",
        "~/.bashrc",
        unicodedata.normalize("NFD", "certificación.pdf"),
        "x" * (MAX_NAME_CHARACTERS + 1),
        "\u4e2d" * 81,
        1,
    ],
)
def test_a_name_that_is_more_or_less_than_a_plain_file_name_is_refused(name: Any) -> None:
    with pytest.raises(FieldInvalid) as refusal:
        read_file_name(name, "/name")
    assert refusal.value.where == "/name"


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("x.html", "text/plain"),
        ("audit.pdf.exe", "application/pdf"),
        ("audit.exe", "application/octet-stream"),
        ("x.lnk", "text/plain"),
        ("x.LNK", "application/x-unheard-of"),
        ("desktop.ini", "text/plain"),
        ("a.js", "application/javascript"),
        ("audit.png", "image/jpeg"),
        ("audit.", "application/pdf"),
    ],
)
def test_a_name_that_a_computer_would_open_as_something_else_is_refused(name: str, media_type: str) -> None:
    with pytest.raises(DescriptionInvalid) as refusal:
        replace(PUBLIC, name=name, media_type=media_type)
    assert refusal.value.where == "/name"
    with pytest.raises(InvalidInput) as refused:
        read_description(description_value(PUBLIC) | {"name": name, "mediaType": media_type}, "/description")
    assert refused.value.where == "/description/name" and refused.value.remedy


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("Audit 2026", "application/pdf"),
        ("AUDIT.PDF", "application/pdf"),
        ("v1.2.jpeg", "image/jpeg"),
        ("scan.dwg", "image/vnd.dwg"),
        ("page.html", "text/html"),
        ("audit.age", "application/octet-stream"),
    ],
)
def test_a_name_that_suits_its_type_is_taken(name: str, media_type: str) -> None:
    stated = replace(PUBLIC, name=name, media_type=media_type)
    assert read_description(description_value(stated)) == stated


@pytest.mark.parametrize(
    "name", ["a", "certificación 2026.pdf", "中国有机.pdf", "console.log", "com.pdf", "x" * 200, "\u4e2d" * (MAX_NAME_BYTES // 3)]
)
def test_a_plain_name_in_any_script_is_taken(name: str) -> None:
    assert read_file_name(name, "/name") == name


@pytest.mark.parametrize(
    ("uri", "canonical"),
    [
        (LOT, LOT),
        ("https://shop.example/gtin/9521321000018/lot/LOT-7?linkType=all", LOT),
        ("HTTPS://id.gs1.org/01/09521321000018/10/LOT-7", LOT),
        ("urn:epc:id:sgtin:9521321.000001.5", "https://id.gs1.org/01/09521321000018/21/5"),
        (EVENT, EVENT),
        ("NI" + EVENT[2:], EVENT),
        ("DID:web:center.example", "did:web:center.example"),
        ("https://Example.org/Credential", "https://Example.org/Credential"),
    ],
)
def test_what_a_document_is_about_has_one_spelling(uri: str, canonical: str) -> None:
    assert canonical_subject(uri) == canonical
    assert canonical_subject(canonical) == canonical
    if uri != canonical:
        with pytest.raises(FieldInvalid, match="one spelling") as refusal:
            read_description(changed(PUBLIC, ["about", 0], uri))
        assert canonical in refusal.value.remedy


@pytest.mark.parametrize(
    "uri", ["", "lot 7", "LOT-7", "ni:///sha-256;00?ver=CBV2.0", "ni:///sha-256;" + "AB" * 32 + "?ver=CBV2.0", LONG]
)
def test_what_names_nothing_is_refused_with_its_place_and_a_remedy(uri: str) -> None:
    with pytest.raises(FieldInvalid) as refusal:
        canonical_subject(uri, where="/about/3")
    assert refusal.value.where == "/about/3"


@given(st.text(max_size=80))
def test_a_member_is_named_by_two_short_names_or_not_at_all(text: str) -> None:
    try:
        name = read_member_name(text, "/statedBy")
    except FieldInvalid:
        return
    assert str(name) == text


def test_the_longest_names_fit() -> None:
    name = MemberName(center=CenterId("c" * 31), member=MemberId("m" * 31))
    assert read_member_name(str(name), "") == name


def test_values_that_cannot_stand_together_are_refused_when_they_are_made() -> None:
    assert SECRET.confidential is not None
    one = DocumentReader(recipient=RECIPIENT, name=ROASTER)
    for lie, where in (
        ({"digest": bytes(31)}, "/digest"),
        ({"confidential": replace(SECRET.confidential, digest=b"")}, "/digest"),
        ({"confidential": replace(SECRET.confidential, readers=())}, "/confidential/readers"),
        ({"confidential": replace(SECRET.confidential, readers=(one, replace(one, name=COOPERATIVE)))}, "/confidential/readers"),
        ({"confidential": replace(SECRET.confidential, digest=SECRET.digest)}, "/confidential/digest"),
        ({"about": ()}, "/about"),
        ({"replaces": SECRET.cid}, "/replaces"),
    ):
        with pytest.raises(DescriptionInvalid) as refusal:
            replace(SECRET, **lie)
        assert refusal.value.where == where and refusal.value.remedy


def test_an_empty_photo_that_nobody_issued_may_be_stated() -> None:
    photo = replace(
        description(b""), document_type="photo", media_type="image/jpeg", name="finca.jpg", issuer=None, issued_on=date(1, 1, 1)
    )
    assert read_description(description_value(photo)) == photo
