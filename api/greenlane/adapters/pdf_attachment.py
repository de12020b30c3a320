"""The file that a PDF carries inside: a certificate of retirement travels in the PDF that people read and file.

Nothing of what the PDF shows is looked at, for anybody can print anything; only the attachment can be judged. A PDF comes from
strangers: its one attachment may be plain or deflated, as ours are, and nothing of any other kind is decoded, so that no codec
takes minutes or starts another program. It is inflated here, with a bound.
"""

import logging
import zlib
from io import BytesIO
from typing import Any

from pypdf import PdfReader
from pypdf.generic import ArrayObject, DictionaryObject, StreamObject

from greenlane.core.assets.retirement import MAX_CERTIFICATE_BYTES, MAX_PDF_BYTES
from greenlane.core.errors import InvalidInput

CERTIFICATE_NAME = "retirement-certificate.json"
"""What the attachment is called."""
_DEFLATED = "/FlateDecode"
_MAX_NAMES = 1_000
"""Entries of a PDF's list of attachments that are looked at; each is a name and a file."""

# It tells what it finds odd in a PDF, as often as it finds it.
logging.getLogger("pypdf").setLevel(logging.CRITICAL)


class PdfUnreadable(InvalidInput):
    """A PDF is damaged, or carries no certificate."""

    code = "pdf-unreadable"
    default_remedy = "Use the PDF as it was handed out, or the certificate as JSON."


def attached_certificate(pdf: bytes) -> bytes:
    """The certificate that a PDF carries.

    Raises:
        PdfUnreadable: it is damaged, encrypted or too large, or carries no certificate or several.
    """
    if len(pdf) > MAX_PDF_BYTES:
        raise PdfUnreadable(f"The PDF has more than {MAX_PDF_BYTES} bytes.")
    try:
        found = _named(pdf)
    except PdfUnreadable:
        raise
    except Exception as error:
        # Whatever a stranger's bytes make its reader stumble over.
        raise PdfUnreadable("The PDF is damaged: it cannot be read.") from error
    if len(found) != 1:
        raise PdfUnreadable("The PDF carries no certificate of retirement." if not found else "The PDF carries several.")
    return _content(found[0])


def _named(pdf: bytes) -> list[StreamObject]:
    """The attachments of our name, at most two, not decoded."""
    reader = PdfReader(BytesIO(pdf))
    if reader.is_encrypted:
        raise PdfUnreadable("The PDF is encrypted.")
    names = _dictionary(_dictionary(reader.root_object.get("/Names")).get("/EmbeddedFiles")).get("/Names")
    listed = names.get_object() if names is not None else ArrayObject()
    if not isinstance(listed, ArrayObject) or len(listed) > 2 * _MAX_NAMES:
        raise PdfUnreadable("The PDF's list of attachments cannot be read.")
    found: list[StreamObject] = []
    for name, file in zip(listed[::2], listed[1::2], strict=True):
        if str(name.get_object()) != CERTIFICATE_NAME:
            continue
        stream = _dictionary(_dictionary(file).get("/EF")).get("/F")
        content = None if stream is None else stream.get_object()
        if not isinstance(content, StreamObject):
            raise PdfUnreadable("The PDF's attachment is no file.")
        found.append(content)
        if len(found) > 1:
            break
    return found


def _content(stream: StreamObject) -> bytes:
    filters = stream.get("/Filter")
    # As it stands in the file; `get_data` would decode whatever filter is named.
    raw = bytes(stream._data)
    if filters is None:
        content = raw
    elif filters == _DEFLATED or list(filters) == [_DEFLATED]:
        try:
            content = zlib.decompressobj().decompress(raw, MAX_CERTIFICATE_BYTES + 1)
        except zlib.error as error:
            raise PdfUnreadable("The certificate in the PDF is damaged.") from error
    else:
        raise PdfUnreadable("The certificate in the PDF is packed in a way that ours never are.")
    if len(content) > MAX_CERTIFICATE_BYTES:
        raise PdfUnreadable("The certificate in the PDF is too large.")
    return content


def _dictionary(value: Any) -> DictionaryObject:
    found = None if value is None else value.get_object()
    return found if isinstance(found, DictionaryObject) else DictionaryObject()
