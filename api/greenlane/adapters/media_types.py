"""What bytes are, by looking at them: a document is taken only as what it shows itself to be.

Types that people exchange are told by rules of our own, strict ones; what else an operator allows is told by the kept library
puremagic. Text is text when every byte of it is UTF-8. Everything is read once and in pieces: a file of any size costs the same
memory. Zip files, which office documents are, are unpacked within bounds (`packed`); XML declares no document type (`markup`).
"""

import codecs
import re
from typing import BinaryIO

import puremagic

from greenlane.adapters.markup import PROLOG_BYTES, root_name
from greenlane.adapters.packed import packed_type
from greenlane.ports.media_types import Bomb, TypeForbidden

_WHERE = "/description/mediaType"
_HEAD_BYTES = PROLOG_BYTES
_PIECE_BYTES = 1024 * 1024
_MAGIC_BYTES = 4 * 1024
_TEXTS = frozenset({"text/plain", "text/csv"})
_XMLS = frozenset({"application/xml", "text/xml"})
_JSON = "application/json"
_HTML = "text/html"
_SVG = "image/svg+xml"
_SCRIPT = "text/x-shellscript"
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"})
_SIGNATURES = (
    (b"%PDF-", "application/pdf"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
)
# Of ASCII: what no text has, so that binary data is none.
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]").search
_HTML_START = re.compile(
    rb"\s*<(?:!doctype\s+html|html|head|body|script|iframe|title|style|meta|img|a|p|div|table)\b", re.IGNORECASE
)
_SVG_START = re.compile(rb"\s*<(?:\w+:)?svg\b", re.IGNORECASE)
_BOM = codecs.BOM_UTF8


class SniffedTypes:
    """`ports.media_types.MediaTypes`: takes what is allowed, and is what it is said to be."""

    def __init__(self, allowed: frozenset[str]) -> None:
        """Args:
        allowed: media types without parameters, in lower case.
        """
        self._allowed = allowed

    def check(self, source: BinaryIO, *, stated: str) -> None:
        """As the port says.

        Raises:
            TypeForbidden, Bomb: as the port says.
        """
        if stated not in self._allowed:
            raise TypeForbidden(f"Documents of type {stated} are not taken here.", where=_WHERE, remedy=self._remedy())
        head = source.read(_HEAD_BYTES)
        try:
            shown = _shown(source, head, stated)
        except TypeForbidden as fault:
            raise TypeForbidden(fault.detail, where=_WHERE, remedy=fault.remedy or self._remedy()) from fault
        except Bomb as fault:
            raise Bomb(fault.detail, where=_WHERE, remedy=fault.remedy) from fault
        if stated not in shown and not head:
            raise TypeForbidden(
                f"The file is empty, and no {stated} is.",
                where=_WHERE,
                remedy="Send the file that was meant; an empty one passes only as text/plain or text/csv, where those are taken.",
            )
        if stated not in shown:
            what = " or ".join(sorted(shown)) or "nothing that is known here (text must be UTF-8)"
            raise TypeForbidden(
                f"The bytes are said to be {stated}, and look like {what}.",
                where=_WHERE,
                remedy=f"State the type that the file has. {self._remedy()}",
            )

    def _remedy(self) -> str:
        return f"Taken here are {', '.join(sorted(self._allowed))}."


def _shown(source: BinaryIO, head: bytes, stated: str) -> frozenset[str]:
    """The types that the bytes may pass for; none where they are nothing that is known."""
    if head.startswith(b"PK"):
        return frozenset({packed_type(source)})
    for signature, media_type in _SIGNATURES:
        if head.startswith(signature):
            return frozenset({media_type})
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return frozenset({"image/webp"})
    if head[4:8] == b"ftyp" and _is_heic(head):
        return frozenset({"image/heic"})
    if _is_text(source, head):
        return _text_types(head)
    try:
        guesses = frozenset(guess.mime_type for guess in puremagic.magic_string(head[:_MAGIC_BYTES]) if guess.mime_type)
    except (puremagic.PureError, ValueError):
        return frozenset()
    # Its guesses are many; those that our own rules tell are told by them alone.
    own = {media_type for _, media_type in _SIGNATURES} | {"image/webp", "image/heic", _JSON} | _TEXTS | _XMLS
    return guesses - own


def _is_heic(head: bytes) -> bool:
    length = int.from_bytes(head[:4], "big")
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, min(length, 256), 4))}
    return head[8:12] in _HEIC_BRANDS and bool(brands & {b"heic", b"heix", b"heim", b"heis"})


def _is_text(source: BinaryIO, head: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    piece = head
    source.seek(len(head))
    try:
        while piece:
            decoder.decode(piece)
            if _CONTROLS(piece):
                return False
            piece = source.read(_PIECE_BYTES)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _text_types(head: bytes) -> frozenset[str]:
    text = head.removeprefix(_BOM)
    if text.startswith(b"#!"):
        return frozenset({_SCRIPT})
    if _HTML_START.match(text):
        return frozenset({_HTML})
    if _SVG_START.match(text):
        return frozenset({_SVG})
    if text.lstrip().startswith(b"<"):
        return _markup_types(text)
    first = text.lstrip()[:1]
    return _TEXTS | {_JSON} if first and first in b'{["-0123456789tfn' else _TEXTS


def _markup_types(text: bytes) -> frozenset[str]:
    root = root_name(text)
    if root is None:
        # Text may begin with a smaller-than sign; markup whose root does not show is neither.
        return frozenset() if text.lstrip().startswith((b"<!", b"<?")) else _TEXTS
    name = root.lower()
    if name in {b"html", b"svg"}:
        return frozenset({_HTML if name == b"html" else _SVG})
    return _XMLS | _TEXTS
