"""The file that a PDF carries inside: a certificate of retirement travels in the PDF that people read and file.

Nothing of what the PDF shows is looked at, for anybody can print anything; only the attachment can be judged.
"""

from io import BytesIO

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from greenlane.core.assets.retirement import MAX_CERTIFICATE_BYTES
from greenlane.core.errors import InvalidInput

MAX_PDF_BYTES = 16_777_216
CERTIFICATE_NAME = "retirement-certificate.json"
"""What the attachment is called."""


class PdfUnreadable(InvalidInput):
    """A PDF is damaged, or carries no certificate."""

    code = "pdf-unreadable"
    default_remedy = "Use the PDF as it was handed out, or the certificate as JSON."


def attached_certificate(pdf: bytes) -> bytes:
    """The certificate that a PDF carries.

    Raises:
        PdfUnreadable: it is damaged or too large, or carries no certificate or several.
    """
    if len(pdf) > MAX_PDF_BYTES:
        raise PdfUnreadable(f"The PDF has more than {MAX_PDF_BYTES} bytes.")
    try:
        found = [bytes(one.content) for one in PdfReader(BytesIO(pdf)).attachment_list if one.name == CERTIFICATE_NAME]
    except (PyPdfError, OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise PdfUnreadable("The PDF is damaged: it cannot be read.") from error
    if len(found) != 1:
        raise PdfUnreadable(f"The PDF carries {len(found) or 'no'} certificate{'s' if found else ''} of retirement.")
    if len(found[0]) > MAX_CERTIFICATE_BYTES:
        raise PdfUnreadable("The certificate in the PDF is too large.")
    return found[0]
