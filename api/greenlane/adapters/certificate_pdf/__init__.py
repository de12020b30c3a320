"""Certificates of retirement as PDF: one page that people read and file, and the certificate itself inside."""

from greenlane.adapters.certificate_pdf.drawing import draw_certificate

__all__ = ["draw_certificate"]
