"""How a certificate of retirement becomes something that a person files."""

from dataclasses import dataclass
from typing import Protocol

from greenlane.core.assets.retirement import RetirementCertificate


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateNames:
    """What the drawing says beside the certificate's own words.

    Attributes:
        class_name: of the asset class, for people.
        center_name, center_economy: of the center whose log holds it.
        holder_name: of the member that retired; its short name where nothing else is known.
        page_url: where anybody sees the retirement, and what the QR code holds.
    """

    class_name: str
    center_name: str
    center_economy: str
    holder_name: str
    page_url: str


class DrawCertificate(Protocol):
    """Draws a certificate as a PDF that carries it inside; the same bytes for the same certificate."""

    def __call__(self, certificate: RetirementCertificate, names: CertificateNames) -> bytes: ...
