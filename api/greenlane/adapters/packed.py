"""A zip file, walked within bounds: what office documents are, and what a bomb pretends to be.

Nothing that the file says of itself is believed: its directory is measured before it is read, no two entries may share bytes, and
every entry is really unpacked, piece by piece, and counted. Memory and time are bounded by the constants here, whatever comes.
Names of entries are such as every program reads alike: plain ones, none of which stands twice. XML inside is looked at as well.
Source: PKWARE APPNOTE 6.3; David Fifield, "A better zip bomb" (2019), for entries that overlap.
"""

import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from greenlane.adapters.markup import PROLOG_BYTES, is_markup, root_name
from greenlane.core.wire import shown
from greenlane.ports.media_types import Bomb, TypeForbidden

MAX_ENTRIES = 10_000
MAX_DIRECTORY_BYTES = 4 * 1024 * 1024
MAX_UNPACKED_BYTES = 256 * 1024 * 1024
MAX_RATIO = 200
"""How many times its own size a file may unpack to; an honest spreadsheet stays below a hundred."""
FREE_BYTES = 16 * 1024 * 1024
"""Up to which any ratio will do."""
_KEPT_BYTES = 1024 * 1024
_PIECE_BYTES = 256 * 1024
_END = struct.Struct("<4s4H2LH")
_LOCAL = struct.Struct("<4s5H3L2H")
_END_64_BYTES = 20
_ENCRYPTED = 0x1
_UTF_8 = 0x800
_ARCHIVES = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"MSCF")
_PROGRAMS = (b"MZ", b"\x7fELF", b"#!", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe")
_XML_NAMES = (".xml", ".rels")
_CONTENT_TYPES = "[Content_Types].xml"
_MIMETYPE = "mimetype"
_OPEN_XML = "application/vnd.openxmlformats-officedocument."
_OPEN_XML_KINDS = ("spreadsheetml.sheet", "wordprocessingml.document", "presentationml.presentation")
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument."
_ZIP = "application/zip"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where one entry's packed bytes lie."""

    info: zipfile.ZipInfo
    start: int


def packed_type(source: BinaryIO) -> str:
    """The media type of a zip file by what is in it: an office document's, or application/zip.

    Raises:
        Bomb: it has too many entries, unpacks to too much, hides its size, or holds another archive.
        TypeForbidden: it is damaged, encrypted, packed in an unusual way, or holds a program or macros.
    """
    size = source.seek(0, 2)
    infos = _directory(source, size)
    texts: dict[str, bytes] = {}
    total = 0
    allowed = min(MAX_UNPACKED_BYTES, max(FREE_BYTES, size * MAX_RATIO))
    for place in _places(source, infos, size):
        name = place.info.filename
        if name.rpartition("/")[2].strip(" .").lower() == "vbaproject.bin":
            raise TypeForbidden("The document holds macros.", remedy="Save it without macros and send that.")
        head, kept, unpacked = bytearray(), bytearray(), 0
        for piece in _unpacked(source, place):
            head += piece[: PROLOG_BYTES - len(head)]
            unpacked += len(piece)
            total += len(piece)
            if total > allowed:
                raise Bomb(f"The file has {size} bytes and unpacks to more than {allowed}.")
            if name in (_CONTENT_TYPES, _MIMETYPE) and len(kept) < _KEPT_BYTES:
                kept += piece
        _require_harmless(name, bytes(head))
        if unpacked != place.info.file_size:
            raise Bomb(f"Entry {shown(name)} says that it unpacks to {place.info.file_size} bytes, which is not so.")
        if kept:
            texts[name] = bytes(kept)
    return _meaning(texts)


def _directory(source: BinaryIO, size: int) -> list[zipfile.ZipInfo]:
    """The entries, after the directory was found to be of a sane size."""
    if size < _END.size:
        raise _damaged("it is too short")
    source.seek(size - _END.size)
    mark, disk, start_disk, here, entries, directory_bytes, directory_at, comment_bytes = _END.unpack(source.read(_END.size))
    # A comment could hold a second directory, and what stands before the first entry a second file.
    if mark != b"PK\x05\x06" or comment_bytes or disk or start_disk or here != entries:
        raise _damaged("it does not end with its directory")
    if entries > MAX_ENTRIES or directory_bytes > MAX_DIRECTORY_BYTES:
        raise Bomb(f"The file has {entries} entries in a directory of {directory_bytes} bytes.")
    if directory_at + directory_bytes != size - _END.size:
        raise _damaged("its directory is not where it says")
    source.seek(max(0, size - _END.size - _END_64_BYTES))
    if source.read(4) == b"PK\x06\x07":
        raise _damaged("it has a directory of another version")
    source.seek(0)
    try:
        with zipfile.ZipFile(source) as packed:
            infos = packed.infolist()
    except (zipfile.BadZipFile, NotImplementedError, struct.error, ValueError, OverflowError, RuntimeError, EOFError) as cause:
        raise _damaged("its directory cannot be read") from cause
    if len(infos) != entries:
        raise _damaged("its directory has another number of entries than it says")
    _require_plain_names(infos)
    return infos


def _require_plain_names(infos: list[zipfile.ZipInfo]) -> None:
    """Whoever unpacks it writes each entry to a place of its own, within its folder, whatever program and system it is."""
    seen: set[str] = set()
    for info in infos:
        name = info.orig_filename
        parts = name.removesuffix("/").split("/")
        if any(part in {"", ".", ".."} for part in parts) or any(sign < " " or sign in "\\:\x7f" for sign in name):
            raise _damaged(f"the name of its entry {shown(name)} is none that every program takes")
        # Office programs and some systems hold capitals for small letters.
        key = unicodedata.normalize("NFKC", name.removesuffix("/")).casefold()
        if key in seen:
            raise Bomb(f"The file has several entries {shown(name)}: what is in it depends on who reads it.")
        seen.add(key)


def _places(source: BinaryIO, infos: list[zipfile.ZipInfo], size: int) -> Iterator[_Place]:
    """Every entry in the order of the file, none of which reaches into another."""
    free_from = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < free_from:
            raise Bomb("Entries of the file overlap: their bytes would be unpacked again and again.")
        if info.flag_bits & _ENCRYPTED:
            raise TypeForbidden("The file is encrypted inside.", remedy="Send it without a password.")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise TypeForbidden("The file is packed in an unusual way.", remedy="Save it anew with an office program.")
        source.seek(info.header_offset)
        head = source.read(_LOCAL.size)
        if len(head) < _LOCAL.size:
            raise _damaged("an entry is cut off")
        mark, _version, _flags, method, _time, _date, _crc, _packed, _plain, name_bytes, extra_bytes = _LOCAL.unpack(head)
        name = info.orig_filename.encode("utf-8" if info.flag_bits & _UTF_8 else "cp437", "replace")
        if mark != b"PK\x03\x04" or method != info.compress_type or source.read(name_bytes) != name:
            raise _damaged("an entry is another one than its directory says")
        start = info.header_offset + _LOCAL.size + name_bytes + extra_bytes
        free_from = start + info.compress_size
        if free_from > size - _END.size:
            raise _damaged("an entry reaches beyond the end")
        yield _Place(info=info, start=start)


def _unpacked(source: BinaryIO, place: _Place) -> Iterator[bytes]:
    """What an entry really unpacks to, in pieces; empty ones are left out."""
    source.seek(place.start)
    left = place.info.compress_size
    inflate = zlib.decompressobj(-zlib.MAX_WBITS) if place.info.compress_type == zipfile.ZIP_DEFLATED else None
    while left:
        packed = source.read(min(left, _PIECE_BYTES))
        if not packed:
            raise _damaged("an entry is cut off")
        left -= len(packed)
        if inflate is None:
            yield packed
            continue
        while packed and not inflate.eof:
            try:
                piece = inflate.decompress(packed, _PIECE_BYTES)
            except zlib.error as cause:
                raise _damaged("an entry cannot be unpacked") from cause
            packed = inflate.unconsumed_tail
            if piece:
                yield piece
        if inflate.eof and (left or inflate.unused_data):
            raise Bomb("Bytes are hidden behind an entry's end.")
    if inflate is not None and not inflate.eof:
        # What fitted exactly into the last piece may leave the end mark unread.
        try:
            rest = inflate.decompress(b"", _PIECE_BYTES)
        except zlib.error as cause:
            raise _damaged("an entry cannot be unpacked") from cause
        if rest:
            yield rest
        if not inflate.eof:
            raise _damaged("an entry is cut off")


def _require_harmless(name: str, head: bytes) -> None:
    if head.startswith(_ARCHIVES):
        raise Bomb(f"Entry {shown(name)} is itself an archive.")
    if head.startswith(_PROGRAMS):
        raise TypeForbidden(f"Entry {shown(name)} is a program.", remedy="Send the document without it.")
    if name.lower().endswith(_XML_NAMES) or is_markup(head):
        root = root_name(head)
        if root is None and head.strip():
            raise _damaged(f"entry {shown(name)} is no XML that begins within {PROLOG_BYTES} bytes")


def _meaning(texts: dict[str, bytes]) -> str:
    stated = texts.get(_MIMETYPE, b"").decode("ascii", "replace")
    if stated.startswith(_OPEN_DOCUMENT):
        return stated
    content_types = texts.get(_CONTENT_TYPES, b"").decode("utf-8", "replace")
    kinds = [kind for kind in _OPEN_XML_KINDS if f"{_OPEN_XML}{kind}.main+xml" in content_types]
    return f"{_OPEN_XML}{kinds[0]}" if len(kinds) == 1 and "macroenabled" not in content_types.lower() else _ZIP


def _damaged(why: str) -> TypeForbidden:
    return TypeForbidden(f"The file is no sound zip file: {why}.", remedy="Save it anew with the program it comes from.")
