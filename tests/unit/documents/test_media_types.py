"""Bytes are what they show themselves to be, and no check of them can be made to eat the machine."""

import io
import struct
import time
import tracemalloc
import zipfile
import zlib
from contextlib import suppress
from xml.parsers import expat

import pytest
from greenlane.adapters import packed
from greenlane.adapters.media_types import SniffedTypes
from greenlane.ports.media_types import Bomb, TypeForbidden
from greenlane.settings import read_settings
from hypothesis import given
from hypothesis import strategies as st

ALLOWED = read_settings({}).document_types
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
ODT = "application/vnd.oasis.opendocument.text"
DEFLATED = zipfile.ZIP_DEFLATED


def check(data: bytes, stated: str, allowed: frozenset[str] = ALLOWED) -> None:
    SniffedTypes(allowed).check(io.BytesIO(data), stated=stated)


def zipped(entries: dict[str, bytes], method: int = DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return made.getvalue()


def office(kind: str, **more: bytes) -> bytes:
    types = f'<Types><Override ContentType="{kind}.main+xml"/></Types>'.encode()
    return zipped({"[Content_Types].xml": types, "word/document.xml": b"<w/>" * 1000} | more)


def open_document(kind: str) -> bytes:
    return zipped({"mimetype": kind.encode(), "content.xml": b"<office/>"}, zipfile.ZIP_STORED)


HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(64)
SAMPLES = {
    "application/pdf": b"%PDF-1.4\n\xe2\xe3\xcf\xd3",
    "image/jpeg": b"\xff\xd8\xff\xe1\x00\x10Exif\x00\x00",
    "image/png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    "image/webp": b"RIFF\x24\x00\x00\x00WEBPVP8 ",
    "image/gif": b"GIF89a\x01\x00\x01\x00",
    "image/heic": HEIC,
    "image/tiff": b"II*\x00\x08\x00\x00\x00",
    "text/plain": "Café 咖啡\n".encode(),
    "text/csv": b"lot,kg\r\n7,20\r\n",
    "application/json": b'\n{"lot": 7}',
    "application/xml": b'<?xml version="1.0"?><!-- a --><audit xmlns="x"/>',
    "text/xml": b"<audit/>",
    XLSX: office(XLSX),
    DOCX: office(DOCX),
    ODS: open_document(ODS),
    ODT: open_document(ODT),
}


def test_every_type_that_is_taken_by_default_has_a_sample() -> None:
    assert set(SAMPLES) == ALLOWED


@pytest.mark.parametrize("stated", SAMPLES)
def test_bytes_pass_as_what_they_are_and_as_nothing_else(stated: str) -> None:
    check(SAMPLES[stated], stated)
    text = {"text/plain", "text/csv", "application/json", "application/xml", "text/xml"}
    for other in ALLOWED - {stated} - (text if stated in text else set()):
        with pytest.raises(TypeForbidden):
            check(SAMPLES[stated], other)


@pytest.mark.parametrize(
    "data",
    [
        b"MZ\x90\x00",
        b"\x7fELF\x02\x01",
        b"#!/bin/sh\nrm -rf /\n",
        b"\n <!DOCTYPE html><html>",
        b"<script>alert(1)</script>",
        b"\xef\xbb\xbf<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<?xml version='1.0'?><!-- x --><!DOCTYPE svg><x:svg/>",
        b"<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'/>",
        b"\x1f\x8b\x08\x00",
        b"7z\xbc\xaf\x27\x1c",
        b"Rar!\x1a\x07\x00",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"\x00\x01\x02\x03",
        b"text\x00with a zero",
        b"\xff\xfel\x00o\x00t\x00",
        b"latin \xe9",
        # An archive holds the time it was made at, by which processes that collect side by side would name it differently.
        pytest.param(zipped({"run.txt": b"just an archive"}), id="an archive"),
        b"\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isomavc1",
    ],
)
def test_what_runs_scripts_packs_or_is_nothing_known_passes_as_none_of_the_types(data: bytes) -> None:
    for stated in ALLOWED:
        with pytest.raises(TypeForbidden) as refused:
            check(data, stated)
        assert refused.value.where == "/description/mediaType" and refused.value.remedy


def test_text_that_stops_being_text_far_behind_its_head_is_seen() -> None:
    for end in (b"\xe9", b"\x00", "é".encode()[:1]):
        with pytest.raises(TypeForbidden):
            check(b"a" * 3_000_000 + end, "text/plain")
    check("é".encode() * 1_500_001, "text/plain")
    check(b"", "text/plain")


@pytest.mark.parametrize("stated", sorted(ALLOWED - {"text/plain", "text/csv"}))
def test_an_empty_file_is_called_empty_and_not_what_it_might_be(stated: str) -> None:
    with pytest.raises(TypeForbidden, match="The file is empty") as refused:
        check(b"", stated)
    assert "look like" not in refused.value.detail and refused.value.remedy and refused.value.where == "/description/mediaType"


def test_an_operator_may_take_more_and_only_that() -> None:
    html = b"<!doctype html><html></html>"
    check(html, "text/html", ALLOWED | {"text/html"})
    check(b"<svg/>", "image/svg+xml", ALLOWED | {"image/svg+xml"})
    check(zipped({"a.txt": b"x"}), "application/zip", ALLOWED | {"application/zip"})
    check(b"\x00\x00\x00\x18ftypisom\x00\x00\x00\x00", "video/mp4", ALLOWED | {"video/mp4"})
    with pytest.raises(TypeForbidden):
        check(html, "application/zip", ALLOWED | {"application/zip"})


def test_entities_of_xml_are_a_bomb() -> None:
    laughs = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "xxx"><!ENTITY c "&b;&b;">]><a>&c;</a>'
    with pytest.raises(Bomb):
        check(laughs, "application/xml")


def test_macros_and_programs_inside_an_office_document_are_refused() -> None:
    for more in ({"xl/vbaProject.bin": b"x"}, {"word/embed.bin": b"MZ\x90\x00"}, {"payload": b"\x7fELF"}):
        with pytest.raises(TypeForbidden):
            check(office(XLSX, **more), XLSX)
    macros = XLSX.replace("sheet", "sheet.macroEnabled")
    with pytest.raises(TypeForbidden):
        check(office(macros), XLSX)


def test_an_archive_inside_is_a_bomb() -> None:
    for inner in (zipped({"a": b"x"}), b"\x1f\x8b\x08\x00", b"7z\xbc\xaf\x27\x1c"):
        with pytest.raises(Bomb, match="archive"):
            check(office(DOCX, **{"word/more": inner}), DOCX)


def test_a_small_file_that_unpacks_to_a_huge_one_is_told_before_it_is_unpacked() -> None:
    data = office(XLSX, **{"xl/sheet.xml": bytes(200_000_000)})
    assert len(data) < 300_000
    started_s = time.monotonic()
    tracemalloc.start()
    with pytest.raises(Bomb, match="unpacks to more"):
        check(data, XLSX)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8_000_000
    assert time.monotonic() - started_s < 5


def _with_size(data: bytes, said: int) -> bytes:
    """The same file, its directory and entry heads saying another unpacked size of the second entry."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        infos = archive.infolist()
        start = archive.start_dir
    changed = bytearray(data)
    struct.pack_into("<L", changed, infos[1].header_offset + 22, said)
    place = start
    place = data.index(b"PK\x01\x02", place + 4)
    struct.pack_into("<L", changed, place + 24, said)
    return bytes(changed)


def test_what_a_zip_says_of_its_sizes_is_not_believed() -> None:
    honest = office(XLSX, **{"xl/sheet.xml": b""})
    for said in (0, 1, 3_999, 4_001, 2**32 - 2):
        with pytest.raises((Bomb, TypeForbidden)):
            check(_with_size(honest, said), XLSX)


def test_entries_that_share_bytes_are_a_bomb() -> None:
    data = bytearray(office(XLSX))
    first = data.index(b"PK\x01\x02")
    second = data.index(b"PK\x01\x02", first + 4)
    data[second + 42 : second + 46] = data[first + 42 : first + 46]
    with pytest.raises((Bomb, TypeForbidden)):
        check(bytes(data), XLSX)


def test_too_many_entries_and_too_large_a_directory_are_refused_before_they_are_read() -> None:
    many = zipped({f"{at}": b"" for at in range(packed.MAX_ENTRIES + 1)}, zipfile.ZIP_STORED)
    with pytest.raises(Bomb, match="entries"):
        check(many, XLSX)


def test_a_file_behind_or_before_the_zip_is_seen() -> None:
    good = office(XLSX)
    for wrong in (good + b"trailer", good[:-1], good[:200], good + good):
        with pytest.raises((TypeForbidden, Bomb)):
            check(wrong, XLSX)


def test_bytes_hidden_behind_the_end_of_an_entry_are_a_bomb() -> None:
    plain = b"<w/>" * 10
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = deflate.compress(plain) + deflate.flush() + b"hidden bytes"
    name = b"[Content_Types].xml"
    crc = zlib.crc32(plain)
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 8, 0, 0, crc, len(body), len(plain), len(name), 0) + name + body
    central = struct.pack(
        "<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 8, 0, 0, crc, len(body), len(plain), len(name), 0, 0, 0, 0, 0, 0
    )
    central += name
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(central), len(local), 0)
    with pytest.raises(Bomb, match="hidden"):
        check(local + central + end, XLSX)


@given(st.binary(max_size=400), st.sampled_from(sorted(ALLOWED)))
def test_any_bytes_are_taken_or_refused_and_never_a_crash(data: bytes, stated: str) -> None:
    with suppress(TypeForbidden, Bomb):
        check(data, stated)


@given(st.data())
def test_any_flipped_byte_of_an_office_document_is_no_crash(data: st.DataObject) -> None:
    changed = bytearray(SAMPLES[XLSX])
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    with suppress(TypeForbidden, Bomb):
        check(bytes(changed), XLSX)


XML_BOMBS = [
    b'<!DOCTYPE a SYSTEM "><a " [<!ENTITY x "lol"><!ENTITY y "&x;&x;">]><a>&y;</a>',
    b'<?xml version="1.0"?><!DOCTYPE a [<!-- ]><a --><!ENTITY x "lol"><!ENTITY y "&x;&x;">]><a>&y;</a>',
    b'<!DOCTYPE a SYSTEM "https://elsewhere.example/entities.dtd"><a>&y;</a>',
    b"<!DOCTYPE a [<!ELEMENT a ANY>]><a/>",
    b'<!-- <a> --><?p <a>?><!DOCTYPE html [<!ENTITY x "lol">]><html>&x;</html>',
    b'<?xml version="1.0"?><!DOCTYPE svg SYSTEM "a.dtd"><a/>',
    b'<?xml version="1.0" encoding="UTF-7"?><a/>',
]


@pytest.mark.parametrize("data", XML_BOMBS)
def test_xml_that_declares_a_document_type_is_a_bomb_wherever_it_stands(data: bytes) -> None:
    for stated in ("application/xml", "text/xml", "text/plain"):
        with pytest.raises((Bomb, TypeForbidden)) as refused:
            check(data, stated)
        assert refused.value.remedy
    for inside in (
        data,
        b"\xef\xbb\xbf" + data,
        b"\xff\xfe" + data.decode().encode("utf-16-le"),
        data.decode().encode("utf-16-be"),
    ):
        for name in ("word/more.xml", "_rels/.rels", "customXml/item.bin"):
            with pytest.raises(Bomb):
                check(office(DOCX, **{name: inside}), DOCX)


def test_a_drawing_that_an_operator_takes_declares_no_entities_either() -> None:
    drawing = b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd"><svg/>'
    check(drawing, "image/svg+xml", ALLOWED | {"image/svg+xml"})
    for subset in (b'<!DOCTYPE svg [<!ENTITY x "lol">]><svg>&x;</svg>', b'<!doctype svg [<!ENTITY x "lol">]><svg>&x;</svg>'):
        with pytest.raises(Bomb):
            check(subset, "image/svg+xml", ALLOWED | {"image/svg+xml"})


_FRAGMENTS = [
    "<!DOCTYPE a",
    "[",
    "]",
    ">",
    "<!--",
    "-->",
    "<?p",
    "?>",
    '"',
    "'",
    "<a>",
    "</a>",
    " ",
    '<!ENTITY x "y">',
    "SYSTEM",
    "&x;",
]


@given(st.lists(st.sampled_from(_FRAGMENTS), max_size=12))
def test_no_reader_of_xml_finds_a_document_type_in_what_was_taken(fragments: list[str]) -> None:
    data = "".join(fragments).encode()
    found: list[str] = []
    reader = expat.ParserCreate()
    reader.StartDoctypeDeclHandler = lambda name, *_: found.append(name)
    with suppress(expat.ExpatError):
        reader.Parse(data, True)
    with suppress(TypeForbidden, Bomb):
        check(data, "application/xml")
        assert not found


def test_a_prolog_of_any_kind_is_walked_in_little_time() -> None:
    started_s = time.monotonic()
    for filler in (b" ", b"<!---->", b"<??>", b"<!--", b"<?", b"<!DOCTYPE html ", b"<!DOCTYPE html SYSTEM ", b'<?xml encoding="'):
        for lead in (b"<!---->", b"<!DOCTYPE html SYSTEM", b"<?xml", b"<"):
            with suppress(TypeForbidden, Bomb):
                check(lead + filler * (70_000 // len(filler)), "application/xml")
    assert time.monotonic() - started_s < 5


@pytest.mark.parametrize(
    "names",
    [
        ["../../etc/passwd"],
        ["/etc/passwd"],
        ["word/../../a"],
        ["word//a"],
        ["./a"],
        ["..\\a"],
        ["C:a"],
        ["two\nlines"],
        ["word/a.xml", "word/a.xml"],
        ["word/a.xml", "WORD/A.XML"],
        ["word/a", "word/a/"],
        ["[content_types].xml"],
        ["[Content_Types].xml"],
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_names_of_entries_are_plain_and_none_stands_twice(names: list[str]) -> None:
    made = io.BytesIO(office(DOCX))
    with zipfile.ZipFile(made, "a", DEFLATED) as archive:
        for name in names:
            archive.writestr(name, b"<a/>")
    with pytest.raises((Bomb, TypeForbidden)) as refused:
        check(made.getvalue(), DOCX)
    assert refused.value.remedy


def test_macros_are_found_under_a_name_with_a_space_behind() -> None:
    with pytest.raises(TypeForbidden, match="macros"):
        check(office(DOCX, **{"word/VBAPROJECT.BIN ": b"x"}), DOCX)


def test_an_office_document_with_folders_and_an_empty_part_is_taken() -> None:
    check(office(DOCX, **{"word/media/": b"", "Configurations2/accelerator/current.xml": b"", "word/a.vml": b"<xml/>"}), DOCX)


def test_a_file_that_unpacks_to_half_a_gigabyte_is_a_bomb_whatever_its_size() -> None:
    assert packed.MAX_UNPACKED_BYTES <= 256 * 1024 * 1024
