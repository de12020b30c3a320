"""Counts who wants the bytes of a document; see `tables.document_bytes`."""

from greenlane.adapters.sql.work import Work
from greenlane.core.documents.cid import Cid

# An ask states a size that nobody here has looked at: of bytes that are kept here too, it decides nothing.
_MORE = (
    "INSERT INTO document_bytes (cid, size, statements, asks, uploads, is_brought) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (cid) DO UPDATE SET size = CASE WHEN excluded.statements + excluded.uploads > 0 THEN excluded.size "
    "ELSE document_bytes.size END, statements = document_bytes.statements + excluded.statements, "
    "asks = document_bytes.asks + excluded.asks, uploads = document_bytes.uploads + excluded.uploads"
)
_FEWER = "UPDATE document_bytes SET statements = statements - ?, asks = asks - ?, uploads = uploads - ? WHERE cid = ?"


def want(work: Work, cid: Cid, size: int, *, statements: int = 0, asks: int = 0, uploads: int = 0) -> None:
    """Counts more that want these bytes; whoever lets them go meanwhile is waited for."""
    work.direct(_MORE, cid.encode(), size, statements, asks, uploads, False)


def want_no_more(work: Work, cid: Cid, *, statements: int = 0, asks: int = 0, uploads: int = 0) -> None:
    """Counts fewer that want these bytes, each of whom was counted before."""
    work.direct(_FEWER, statements, asks, uploads, cid.encode())
