"""The PDF of a retirement carries its certificate whole, shows every name, and tells no price."""

import json
import subprocess
import sys
import zlib
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from random import Random

import pytest
from greenlane.adapters.certificate_pdf import draw_certificate
from greenlane.adapters.pdf_attachment import CERTIFICATE_NAME, PdfUnreadable, attached_certificate
from greenlane.core.assets.evidence import text_digest
from greenlane.core.assets.retirement import (
    MAX_CERTIFICATE_BYTES,
    MAX_PDF_BYTES,
    CertificateInvalid,
    RetirementCertificate,
    RetirementStatement,
    encode_certificate,
)
from greenlane.core.trust import encode_trust_file
from greenlane.ports.certificate_drawing import CertificateNames
from pypdf import PdfReader, PdfWriter
from worlds import green_assets as world

NAMES = CertificateNames(
    class_name="Cocoa, free of deforestation",
    center_name="Pilot Center Lima",
    center_economy="PE",
    holder_name="Municipalidad de Lima",
    page_url="https://lima.example/retirements/0x" + "ab" * 32,
)


def certificate(statement: RetirementStatement | None = None) -> RetirementCertificate:
    of = world.retirement() if statement is None else statement
    return RetirementCertificate(statement=of, receipt=world.retirement_receipt(of))


def for_whom(name: str) -> RetirementCertificate:
    return certificate(world.retirement(beneficiary=name, facts=world.retirement_facts(beneficiary=text_digest(name))))


def shown(pdf: bytes) -> str:
    return " ".join(" ".join(page.extract_text().split()) for page in PdfReader(BytesIO(pdf)).pages)


def test_the_certificate_comes_out_of_the_pdf_as_it_went_in_and_the_bytes_are_always_the_same() -> None:
    drawn = draw_certificate(certificate(), NAMES)
    assert attached_certificate(drawn) == encode_certificate(certificate())
    assert draw_certificate(certificate(), NAMES) == drawn
    assert len(PdfReader(BytesIO(drawn)).pages) == 1


def test_the_page_says_who_what_when_and_how_to_check() -> None:
    said = shown(draw_certificate(certificate(), NAMES))
    for words in (
        "1.5 kg of Cocoa, free of deforestation, retired for Municipalidad de Lima",
        "2026-04-01 to 2026-12-31",
        world.LOT,
        "Identity preserved (ISO 22095)",
        "Line 1 of",
        "greenlane verify THIS-FILE.pdf",
        "0x" + world.retirement_facts().id.hex(),
    ):
        assert words in said, words


def test_without_a_lot_the_serials_are_told() -> None:
    stated = world.statement(lot=None, origin=world.origin(5, 9))
    facts = world.retirement_facts(token=stated.digest(world.DOMAIN), lot=bytes(32), line_digest=bytes(32))
    said = shown(draw_certificate(certificate(world.retirement(statement=stated, facts=facts, line=None)), NAMES))
    assert "i-rec, serials 5 to 9" in said
    assert "Line 1 of" not in said


@pytest.mark.parametrize(
    "name",
    [
        "Ủy ban nhân dân Thành phố Hồ Chí Minh",
        "天津市政府",
        "大阪市のまち",
        "서울특별시",
        "Город Владивосток",
        "Δήμος",
        "W" * 180,
    ],
)
def test_every_script_and_every_length_is_shown(name: str) -> None:
    drawn = draw_certificate(for_whom(name), NAMES)
    assert name in shown(drawn).replace(" ", "") or name in shown(drawn)


def test_letters_that_no_font_has_are_shown_by_their_codes() -> None:
    assert "[U+0E01]" in shown(draw_certificate(for_whom("ก Bangkok"), NAMES))


def test_what_is_written_in_names_is_never_taken_for_markup() -> None:
    said = shown(draw_certificate(for_whom('<b>City</b> & <img src="x"/>'), NAMES))
    assert '<b>City</b> & <img src="x"/>' in said


def test_no_price_is_in_it() -> None:
    drawn = draw_certificate(certificate(), NAMES)
    assert "1299" not in shown(drawn)
    assert b"1299" not in attached_certificate(drawn)


def test_words_that_are_not_behind_the_facts_are_never_drawn() -> None:
    of = world.retirement(beneficiary="Somebody else")
    with pytest.raises(CertificateInvalid):
        draw_certificate(certificate(of), NAMES)


def attached(*attachments: tuple[str, bytes]) -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(100, 100)
    for name, data in attachments:
        writer.add_attachment(name, data)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def made_of(*objects: bytes, trailer: bytes = b"") -> bytes:
    """A PDF as nobody's library writes it: these objects, numbered from 1."""
    out = BytesIO(b"")
    out.write(b"%PDF-1.7\n")
    places = []
    for number, one in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, one))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    for place in places:
        out.write(b"%010d 00000 n \n" % place)
    out.write(b"trailer\n<</Size %d /Root 1 0 R %s>>\n" % (len(objects) + 1, trailer))
    out.write(b"startxref\n%d\n%%%%EOF\n" % start)
    return out.getvalue()


def packed(filters: bytes, data: bytes, *, times: int = 1, trailer: bytes = b"") -> bytes:
    """A PDF whose attachment is packed with these filters, and listed so often."""
    name = CERTIFICATE_NAME.encode()
    return made_of(
        b"<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[%s]>>>>>>" % (b"(%s) 3 0 R " % name * times),
        b"<</Type/Pages/Kids[]/Count 0>>",
        b"<</Type/Filespec/F(%s)/UF(%s)/EF<</F 4 0 R>>>>" % (name, name),
        b"<</Type/EmbeddedFile%s/Length %d>>\nstream\n%s\nendstream" % (filters, len(data), data),
        trailer=trailer,
    )


DEFLATED = zlib.compress(b" " * (MAX_CERTIFICATE_BYTES + 1), 9)
UNREADABLE = {
    "nothing attached": (attached(), "no certificate"),
    "something else attached": (attached(("other.json", b"{}")), "no certificate"),
    "two of them": (attached((CERTIFICATE_NAME, b"{}"), (CERTIFICATE_NAME, b"[]")), "several"),
    "one two hundred times": (packed(b"/Filter/FlateDecode", DEFLATED, times=200), "several"),
    "too many names": (packed(b"", b"{}", times=5_000), "cannot be read"),
    "too large": (attached((CERTIFICATE_NAME, b" " * (MAX_CERTIFICATE_BYTES + 1))), "too large"),
    "too large, deflated": (packed(b"/Filter/FlateDecode", DEFLATED), "too large"),
    "no deflate": (packed(b"/Filter/FlateDecode", b"abc"), "damaged"),
    "deflated twice": (packed(b"/Filter[/FlateDecode/FlateDecode]", zlib.compress(DEFLATED)), "never are"),
    "LZW": (packed(b"/Filter/LZWDecode", b"\x80" + bytes(1_000_000)), "never are"),
    "a filter that starts a program": (packed(b"/Filter/JBIG2Decode", b"abc"), "never are"),
    "a filter of nobody": (packed(b"/Filter/Foo", b"abc"), "never are"),
    "encrypted by nobody": (packed(b"", b"{}", trailer=b"/Encrypt<</Filter/Foo>>/ID[(a)(b)]"), "PDF is"),
    "no file behind the name": (made_of(b"<</Type/Catalog/Names<</EmbeddedFiles<</Names[(x) 1 0 R]>>>>>>"), "no certificate"),
    "an odd list": (made_of(b"<</Type/Catalog/Names<</EmbeddedFiles<</Names[(x)]>>>>>>"), "damaged"),
    "no objects": (b"%PDF-1.7\n" + b"\x00" * 100, "damaged"),
    "cut short": (draw_certificate(certificate(), NAMES)[:2_000], "PDF"),
    "a large one": (b"%PDF-" + b"x" * MAX_PDF_BYTES, "more than"),
}


@pytest.mark.parametrize(("pdf", "words"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_pdf_without_one_readable_certificate_is_refused_in_words(pdf: bytes, words: str) -> None:
    with pytest.raises(PdfUnreadable, match=words):
        attached_certificate(pdf)


def verify(file: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "trust.json").write_bytes(encode_trust_file(world.trust_file()))
    command = [sys.executable, "-m", "greenlane", "verify", str(file), "--trust", str(folder / "trust.json"), "--json"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_line_judges_the_pdf_as_it_judges_the_certificate(tmp_path: Path) -> None:
    (tmp_path / "c.pdf").write_bytes(draw_certificate(certificate(), NAMES))
    (tmp_path / "c.json").write_bytes(encode_certificate(certificate()))
    of_pdf, of_json = verify(tmp_path / "c.pdf", tmp_path), verify(tmp_path / "c.json", tmp_path)
    assert of_pdf.returncode == of_json.returncode == 3, of_pdf.stderr
    assert json.loads(of_pdf.stdout)["steps"] == json.loads(of_json.stdout)["steps"]
    assert [step["verdict"] for step in json.loads(of_pdf.stdout)["steps"][:6]] == ["passed"] * 6


def test_no_damage_to_a_pdf_is_more_than_a_refusal() -> None:
    drawn = attached((CERTIFICATE_NAME, b"{}"))
    random = Random(7)
    for _ in range(300):
        damaged = bytearray(drawn)
        for _ in range(random.choice((1, 2, 4, 8))):
            place = random.randrange(len(damaged))
            damaged[place : place + random.randrange(3)] = random.randbytes(random.randrange(3))
        with suppress(PdfUnreadable):
            attached_certificate(bytes(damaged))


def test_the_command_line_refuses_another_pdf_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "c.pdf").write_bytes(attached())
    done = verify(tmp_path / "c.pdf", tmp_path)
    assert done.returncode == 2
    assert "no certificate" in done.stderr
    assert len(done.stderr.splitlines()) == 1
