"""How XML begins, before its root: what stands there decides whether reading it can be made to eat a machine.

A declaration of a document type may declare entities, which unpack without end or fetch what lies elsewhere, and can do so from
outside of the file, too. No data that members exchange need one, so none is taken. What may stand before the root is then only
comments and processing instructions, and those end where every reader of XML has them end: nothing can be read in two ways.
Source: XML 1.0, 2.8 (prolog), 4.3.3 and appendix F (encodings).
"""

import re

from greenlane.ports.media_types import Bomb

PROLOG_BYTES = 64 * 1024
"""Within which a root must begin."""
_REMEDY = "Send it without <!DOCTYPE …>, in UTF-8."
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_PART = re.compile(rb"\s*(?:<\?.*?\?>|<!--.*?-->)", re.DOTALL)
_DOCTYPE = re.compile(rb"\s*<!DOCTYPE\b", re.IGNORECASE)
_PLAIN_DOCTYPE = re.compile(
    rb"\s*<!DOCTYPE\s+(html|svg)(?:\s+(?:SYSTEM|PUBLIC)(?:\s+(?:\"[^\"]*\"|'[^']*')){1,2})?\s*>", re.IGNORECASE
)
_ROOT = re.compile(rb"\s*<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)[\s/>]")
_ENCODING = re.compile(rb"\s*<\?xml\b[^>]*?\sencoding\s*=\s*[\"']([^\"']*)[\"']")
_ENCODINGS = re.compile(
    rb"utf-?8|utf-?16(?:le|be)?|us-ascii|ascii|iso-8859-[0-9]{1,2}|windows-125[0-9]|gb2312|gbk|gb18030", re.IGNORECASE
)


def is_markup(head: bytes) -> bool:
    """Whether bytes begin as markup does, in UTF-8 or UTF-16."""
    return _plain(head).lstrip().startswith(b"<")


def root_name(head: bytes) -> bytes | None:
    """The name of the root element, without its prefix; None where the bytes are no markup, or no root begins within them.

    Args:
        head: the first PROLOG_BYTES, or all there are.

    Raises:
        Bomb: it declares a document type (a page or a drawing may name its own, without any entities), or says that its bytes
            are to be read as characters that the marks of markup can hide in.
    """
    text = _plain(head)
    encoding = _ENCODING.match(text)
    if encoding is not None and _ENCODINGS.fullmatch(encoding[1]) is None:
        raise Bomb("The XML says that it has an encoding that is not taken.", remedy=_REMEDY)
    at = 0
    declared: bytes | None = None
    while True:
        if (part := _PART.match(text, at)) is not None:
            at = part.end()
        elif declared is None and (doctype := _PLAIN_DOCTYPE.match(text, at)) is not None:
            at, declared = doctype.end(), doctype[1].lower()
        elif _DOCTYPE.match(text, at) is not None:
            raise Bomb("The XML declares a document type, which can bring in entities that unpack without end.", remedy=_REMEDY)
        else:
            break
    root = _ROOT.match(text, at)
    if declared is not None and (root is None or root[1].lower() != declared):
        raise Bomb("The XML declares a document type, which can bring in entities that unpack without end.", remedy=_REMEDY)
    return None if root is None else root[1]


def _plain(head: bytes) -> bytes:
    """As ASCII shows it: in UTF-16 every second byte of the marks of markup is zero."""
    for mark in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            head = head[len(mark) :]
            break
    return head.replace(b"\0", b"")
