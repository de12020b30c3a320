"""`greenlane verify`: the stranger's check of a receipt or a certificate; all judging lives in `greenlane.verify`.

A certificate that comes as a PDF is taken out of it first.
"""

import argparse
import sys
from pathlib import Path

from greenlane.core.assets.retirement import MAX_PDF_BYTES
from greenlane.core.errors import InvalidInput
from greenlane.core.exits import PackageMissing, exit_code_of, fault_text
from greenlane.verify.command import add_arguments
from greenlane.verify.command import run as judge

_PDF = b"%PDF-"

__all__ = ["add_arguments", "run"]


def run(args: argparse.Namespace) -> int:
    """Judges one receipt or certificate and prints the ladder; the exit code."""
    pdf = _pdf(args.receipt)
    if pdf is None:
        return judge(args)
    try:
        # What reads it is not in the base install.
        from greenlane.adapters.pdf_attachment import attached_certificate
    except ModuleNotFoundError as cause:
        raise PackageMissing("pypdf", extras="documents") from cause
    try:
        certificate = attached_certificate(pdf)
    except InvalidInput as error:
        sys.stderr.write(fault_text(error, program="greenlane", as_json=args.json))
        return exit_code_of(error)
    return judge(args, data=certificate)


def _pdf(path: str) -> bytes | None:
    """The bytes of a PDF, one more than may be at most; None where the file is something else, or unreadable."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(len(_PDF))
            return head + file.read(MAX_PDF_BYTES + 1) if head == _PDF else None
    except (OSError, ValueError):
        return None
