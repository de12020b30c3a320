"""The documents of the demo's chains: what they say, and the PDF files that they are.

What they say is what the chain's events say: lots, weights and sums come from there. A file is one A4 page of PDF 1.4 (ISO
32000-1), in a font that every reader of PDF brings along, and holds no date of its making, so that the same paper is the same
bytes at each run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scripts.demo.cast import ANDES, BOSQUE, DESK, JINHE, VALLE
from scripts.demo.cocoa import COCOA_CERTIFICATE, DRY_LOT, WET_LOTS
from scripts.demo.furniture import CUSTODY_CERTIFICATE, DESKS, FOREST_CERTIFICATE, FOREST_LOTS

_WIDTH, _HEIGHT = 595, 842
_LEFT, _RIGHT = 60, 535
_GREEN = "0.11 0.37 0.24"
_FOOT = "Invented for a demonstration: firms, goods and sums are nobody's."


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """One page.

    Attributes:
        name: of its file.
        document_type: one of the types of documents that a center takes.
        issuer: in the words on it.
        issued_on: the day on it, like 2026-05-20.
        facts: what stands on the left, and what stands on the right of it.
        words: lines below, each as long as it is to be.
    """

    name: str
    document_type: str
    title: str
    number: str
    issuer: str
    issued_on: str
    facts: Sequence[tuple[str, str]]
    words: Sequence[str]


_LOT = ("Lot", f"{DRY_LOT.serial}, dry cocoa beans, grade 1")
_PLOTS = ", ".join(f"{lot[-4:]} ({area_ha} ha)" for lot, *_, area_ha in WET_LOTS)

CERTIFICATE = Paper(
    name="certificate-CVE-26-D07.pdf",
    document_type="cert",
    title="Certificate of sustainable production",
    number=COCOA_CERTIFICATE.rpartition("/")[2],
    issuer=BOSQUE.name,
    issued_on="2026-05-20",
    facts=(
        ("Holder", VALLE.name),
        _LOT,
        ("Net weight", "2 571 kg"),
        ("Plots", _PLOTS),
        ("Stands for", "the harvest of May 2026"),
        ("Certificate", COCOA_CERTIFICATE),
    ),
    words=(
        "The plots named above were visited. No forest was cleared on them after 31 December 2020,",
        "and the beans of other plots were kept apart from the harvest to the drying yard.",
    ),
)
TEST_RESULTS = Paper(
    name="test-results-TR0522.pdf",
    document_type="testres",
    title="Test results",
    number="TR0522",
    issuer=BOSQUE.name,
    issued_on="2026-05-22",
    facts=(
        _LOT,
        ("Sample", "2 kg, drawn on 21 May 2026"),
        ("Cadmium", "0.31 mg/kg"),
        ("Moisture", "6.8 %"),
        ("Cut test", "100 beans: 96 well fermented, 3 partly, 1 slaty, none mouldy"),
        ("Judgement", "conformant"),
    ),
    words=("The results stand for the sample as it was received.",),
)
AUDIT_REPORT = Paper(
    name="audit-2026.pdf",
    document_type="audit",
    title="Audit report 2026",
    number="PE-SM-0412/A",
    issuer=BOSQUE.name,
    issued_on="2026-05-18",
    facts=(
        ("Audited", VALLE.name),
        ("On site", "5 to 8 May 2026"),
        ("Plots", _PLOTS),
        ("Paid to growers", "10.40 PEN for a kilogram of beans in pulp, 12 % above the district's price"),
        ("Minor findings", "1: gloves were missing at one fermentation box; mended on 11 May"),
        ("Major findings", "none"),
    ),
    words=(
        "In confidence: for the cooperative, and for those buyers whom it lets read this report.",
        "What growers were paid is theirs to tell.",
    ),
)
WOOD_CERTIFICATE = Paper(
    name="certificate-HCM-0655.pdf",
    document_type="cert",
    title="Certificate of the chain of custody",
    number=CUSTODY_CERTIFICATE.partition("/coc/")[2].replace("/", "-"),
    # In the letters that the page's font has.
    issuer="La Rung Certification",
    issued_on="2026-04-24",
    facts=(
        ("Holder", "An Phu Xanh Furniture"),
        ("Goods", DESK.name),
        ("Pieces", f"{len(DESKS)}, from {DESKS[0].serial} to {DESKS[-1].serial}, each known by its number"),
        ("Wood from", ", ".join(lot for lot, *_ in FOREST_LOTS)),
        ("Certificate", CUSTODY_CERTIFICATE),
        ("Rests on", FOREST_CERTIFICATE),
    ),
    words=(
        "The wood of these desks comes from the planted forest lots named above and from no others.",
        "It was harvested by permit, and the plots were planted again within twelve months.",
    ),
)
PAPERS = (CERTIFICATE, TEST_RESULTS, AUDIT_REPORT)
"""What the cocoa's members store."""
ALL_PAPERS = (*PAPERS, WOOD_CERTIFICATE)
READERS = (ANDES, JINHE)
"""Whom the cooperative lets read its audit report; the first one's leave is taken back."""


def pdf_of(paper: Paper) -> bytes:
    """The paper as the bytes of a PDF file."""
    content = _content(paper).encode("cp1252")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {_WIDTH} {_HEIGHT}] /Contents 4 0 R "
        "/Resources << /Font << /F1 5 0 R /F2 6 0 R >> >> >>".encode("ascii"),
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content),
        _font("Helvetica"),
        _font("Helvetica-Bold"),
        f"<< /Title ({_escaped(f'{paper.title} {paper.number}')}) /Author ({_escaped(paper.issuer)}) >>".encode("cp1252"),
    ]
    # The second line tells programs that bytes above 127 follow, so that none takes the file for a text.
    file = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, value in enumerate(objects, start=1):
        places.append(len(file))
        file += b"%d 0 obj\n%b\nendobj\n" % (number, value)
    start = len(file)
    file += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    file += b"".join(b"%010d 00000 n \n" % place for place in places)
    file += b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        len(objects),
        start,
    )
    return bytes(file)


def _content(paper: Paper) -> str:
    """The page's marks, from the top down."""
    parts = [
        f"{_GREEN} rg 0 {_HEIGHT - 120} {_WIDTH} 120 re f",
        _line("F2", 22, _LEFT, _HEIGHT - 62, paper.title, colour="1 1 1"),
        _line("F1", 12, _LEFT, _HEIGHT - 88, f"{paper.issuer}   No. {paper.number}   {paper.issued_on}", colour="1 1 1"),
    ]
    y = _HEIGHT - 175
    for left, right in paper.facts:
        parts += [_line("F2", 10, _LEFT, y, left), _line("F1", 10, _LEFT + 95, y, right)]
        parts.append(f"0.8 0.8 0.8 RG 0.5 w {_LEFT} {y - 10} m {_RIGHT} {y - 10} l S")
        y -= 30
    y -= 20
    for words in paper.words:
        parts.append(_line("F1", 10, _LEFT, y, words))
        y -= 16
    parts.append(_line("F1", 8, _LEFT, 50, _FOOT))
    return "\n".join(parts)


def _line(font: str, size: int, x: int, y: int, text: str, *, colour: str = "0 0 0") -> str:
    return f"BT {colour} rg /{font} {size} Tf {x} {y} Td ({_escaped(text)}) Tj ET"


def _font(name: str) -> bytes:
    return f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>".encode("ascii")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
