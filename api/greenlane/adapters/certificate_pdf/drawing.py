"""Draws one certificate: what was retired for whom, out of what, what that means, and how to check it.

The words about the custody model are those of `core.balance.custody`. The page proves nothing; the certificate inside does, so
the page says how to have it judged. The same certificate gives the same bytes.
"""

from io import BytesIO

import segno
from pypdf import PdfReader, PdfWriter
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Image, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from greenlane.adapters.certificate_pdf.letters import BOLD, PLAIN, marked_up, register_fonts
from greenlane.adapters.pdf_attachment import CERTIFICATE_NAME
from greenlane.core.assets.quantity import quantity_words
from greenlane.core.assets.retirement import RetirementCertificate, encode_certificate
from greenlane.core.balance.custody import CUSTODY_WORDS
from greenlane.core.wire import encode_hex
from greenlane.ports.certificate_drawing import CertificateNames

_GREEN, _INK, _FAINT, _LINE = HexColor("#1b5e3a"), HexColor("#1c1c1a"), HexColor("#5d5d58"), HexColor("#d9d9d2")
_MARGIN = 20 * mm
_FRAME_PADDING = 6
_WIDTH = A4[0] - 2 * _MARGIN - 2 * _FRAME_PADDING
_QR_MM = 32
_CHECK = "greenlane verify THIS-FILE.pdf --trust TRUST-FILE --rpc NODE"

_TITLE = ParagraphStyle("title", fontName=BOLD, fontSize=21, leading=26, textColor=_GREEN, spaceAfter=2 * mm)
_CLAIM = ParagraphStyle("claim", fontName=BOLD, fontSize=13, leading=18, textColor=_INK, spaceAfter=3 * mm)
_TEXT = ParagraphStyle("text", fontName=PLAIN, fontSize=9.5, leading=14, textColor=_INK, splitLongWords=1)
_HEAD = ParagraphStyle("head", parent=_TEXT, fontName=BOLD, textColor=_GREEN, spaceBefore=4 * mm, spaceAfter=1 * mm)
_LABEL = ParagraphStyle("label", parent=_TEXT, textColor=_FAINT)
_SMALL = ParagraphStyle("small", parent=_TEXT, fontSize=7.5, leading=10.5, textColor=_FAINT, splitLongWords=1)
_CODE = ParagraphStyle("code", parent=_SMALL, textColor=_INK, wordWrap="CJK")


def draw_certificate(certificate: RetirementCertificate, names: CertificateNames) -> bytes:
    """See ports.certificate_drawing.DrawCertificate.

    Raises:
        CertificateInvalid: words and facts disagree; no such certificate is drawn.
    """
    data = encode_certificate(certificate)
    page = BytesIO()
    register_fonts()
    document = SimpleDocTemplate(
        page,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=18 * mm,
        bottomMargin=16 * mm,
        title=f"Retirement certificate {encode_hex(certificate.statement.facts.id)}",
        author=names.center_name,
        subject="Green assets that were claimed once and for ever",
        lang="en",
        # Without a time of drawing, and with ids made of what is drawn.
        invariant=1,
    )
    document.build(_story(certificate, names), onFirstPage=_foot, onLaterPages=_foot)
    return _with_attachment(page.getvalue(), data)


def _story(certificate: RetirementCertificate, names: CertificateNames) -> list[Flowable]:
    statement = certificate.statement
    facts, evidence, line = statement.facts, statement.statement, statement.line
    words = CUSTODY_WORDS[evidence.custody_model]
    amount = quantity_words(facts.quantity, evidence.unit)
    claimed = f"{amount} of {names.class_name}, retired for {statement.beneficiary}"
    rows = [
        ("Claimed for", f"{facts.claim_from.isoformat()} to {facts.claim_to.isoformat()}"),
        ("Retired by", f"{names.holder_name}, on {facts.retired_at:%Y-%m-%d} at {facts.retired_at:%H:%M} UTC"),
        ("Attribute", evidence.attribute),
        ("Lot", evidence.lot or "none: serials of an external registry"),
        ("Made at", f"{evidence.facility} ({evidence.economy})"),
        ("Vintage", f"{evidence.vintage_from.isoformat()} to {evidence.vintage_to.isoformat()}"),
        ("Custody model", f"{words.name} (ISO 22095)"),
    ]
    if evidence.origin is not None:
        serials = f"{evidence.origin.registry}, serials {evidence.origin.serial_from} to {evidence.origin.serial_to}"
        rows.append(("Origin registry", serials))
    if line is not None:
        rows.append(("Purchase", f"Line {line.line.number} of {line.line.purchase_id}: {line.line.description}"))
    return [
        Paragraph("Retirement certificate", _TITLE),
        Paragraph(marked_up(claimed), _CLAIM),
        Paragraph(
            "These units are claimed once and for ever: nobody can move, sell or claim them again, and anybody can check that.",
            _TEXT,
        ),
        Spacer(1, 4 * mm),
        _facts_table(rows),
        Paragraph("What may be said, and what not", _HEAD),
        Paragraph(f"{marked_up(words.meaning)} {marked_up(words.may_not_say)}", _TEXT),
        KeepTogether(_checking(certificate, names)),
    ]


def _facts_table(rows: list[tuple[str, str]]) -> Table:
    table = Table(
        [[Paragraph(label, _LABEL), Paragraph(marked_up(text), _TEXT)] for label, text in rows],
        colWidths=[34 * mm, _WIDTH - 34 * mm],
    )
    table.setStyle(
        TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("TOPPADDING", (0, 0), (-1, -1), 3),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
            ]
        )
    )
    return table


def _checking(certificate: RetirementCertificate, names: CertificateNames) -> list[Flowable]:
    facts, receipt = certificate.statement.facts, certificate.receipt
    says = [
        Paragraph("Check it yourself", _HEAD),
        Paragraph(
            "Scan the code for the page of this retirement. To trust nobody's server, have this very file judged: the "
            "certificate is inside it, and the words above count only as far as they agree with it.",
            _TEXT,
        ),
        Spacer(1, 1.5 * mm),
        Paragraph(_CHECK, _CODE),
        Spacer(1, 1.5 * mm),
        Paragraph(f"Retirement {encode_hex(facts.id)}", _CODE),
        Paragraph(f"Token {encode_hex(facts.token)}", _CODE),
        Paragraph(
            marked_up(
                f"Chain {certificate.statement.chain_id}, contract {encode_hex(certificate.statement.green_asset)}; entry "
                f"{receipt.inclusion.leaf_index} in the log of {names.center_name} ({names.center_economy})"
            ),
            _CODE,
        ),
    ]
    side = Table([[says, _qr(names.page_url)]], colWidths=[_WIDTH - (_QR_MM + 4) * mm, (_QR_MM + 4) * mm])
    side.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (0, 0), 0)]))
    return [Spacer(1, 2 * mm), side]


def _qr(url: str) -> Image:
    drawn = BytesIO()
    segno.make(url, error="m", micro=False).save(drawn, kind="png", scale=8, border=2)
    drawn.seek(0)
    return Image(drawn, width=_QR_MM * mm, height=_QR_MM * mm)


def _foot(canvas: Canvas, document: SimpleDocTemplate) -> None:
    canvas.saveState()
    canvas.setFont(PLAIN, 7)
    canvas.setFillColor(_FAINT)
    canvas.drawString(_MARGIN + _FRAME_PADDING, 9 * mm, f"The certificate is attached to this file as {CERTIFICATE_NAME}.")
    canvas.drawRightString(A4[0] - _MARGIN - _FRAME_PADDING, 9 * mm, f"Page {document.page}")
    canvas.restoreState()


def _with_attachment(pdf: bytes, certificate: bytes) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(BytesIO(pdf)))
    writer.add_attachment(CERTIFICATE_NAME, certificate)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()
