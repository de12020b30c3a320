"""Recomputes statements about documents, compares them with their entries, and hashes every byte that is wanted here."""

from greenlane.core import crypto
from greenlane.core.documents.cid import Cid
from greenlane.core.documents.description import MemberName, document_entry, encode_description
from greenlane.core.errors import GreenlaneError, Unavailable
from greenlane.core.units import LeafIndex, TreeSize
from greenlane.ports.document_index import StoredDocument
from greenlane.ports.documents import Documents
from greenlane.ports.store import Store
from greenlane.services.check.entries import PAGE, blame_lost_salts, compare_entry, entries_beside
from greenlane.services.check.report import MAX_FAULTS, BytesReport, CheckReport, Missing, Progress

_REMEDY = "Restore it from a partner: the reconciler does that by itself where one holds it, or import a CAR of it."


def check_statements(store: Store, report: CheckReport, captured: TreeSize, missing: Missing, progress: Progress) -> None:
    """Recomputes every statement of a center, and compares it with its entry."""
    start = LeafIndex(0)
    forgotten: set[int] = set()
    while True:
        read = _statements_from(store, report, start)
        if read is None:
            # What lies behind cannot be seen: saying that it is missing would be another claim.
            missing = Missing(TreeSize(0))
            break
        page, entries = read
        if not page:
            break
        first = page[0].leaf_index
        for document in page:
            missing.saw(document.leaf_index)
            offset = document.leaf_index - first
            _statement(report, document)
            _found(store, report, document)
            if entries is not None:
                _entry(report, document, entries[offset] if offset < len(entries) else None)
            if document.is_blinded and document.salt is None:
                forgotten.add(document.leaf_index)
        report.documents += len(page)
        start = LeafIndex(page[-1].leaf_index + 1)
        progress("documents", min(start, captured), captured)
    for index in missing:
        report.blame(f"Entry {index} is of a document, and no statement is stored for it.")
    with store.read() as tx:
        for leaf_index in tx.documents.misfiled(report.center, limit=MAX_FAULTS):
            report.blame(f"Document at leaf {leaf_index}: it is listed for a thing, or shown to a reader, that it does not name.")
    blame_lost_salts(store, report, forgotten, "Document")


def check_bytes(store: Store, documents: Documents, report: BytesReport, progress: Progress) -> None:
    """Reads every wanted document to its end, hashes every block of it, and asks whether it is pinned.

    Raises:
        DocumentsUnavailable, StoreUnavailable: the check could not be carried out.
    """
    after: Cid | None = None
    while True:
        with store.read() as tx:
            page = tx.documents.wanted(after=after, limit=256)
        if not page:
            return
        for cid, size in page:
            _bytes(documents, report, cid, size)
            report.documents += 1
            progress("documents read", report.documents, report.documents)
        after = page[-1][0]


def _bytes(documents: Documents, report: BytesReport, cid: Cid, size: int) -> None:
    try:
        found = sum(len(piece) for piece in documents.read(cid))
        if found != size:
            report.blame(f"Document {cid.text} has {found} bytes, and {size} are wanted of it: whoever stated that was wrong.")
        elif not documents.is_held(cid):
            report.blame(f"Document {cid.text} is whole and not pinned: garbage collection may take it. The reconciler pins it.")
        report.size += found
    except Unavailable:
        raise
    except GreenlaneError as fault:
        report.blame(f"Document {cid.text} is missing or damaged: {fault.detail} {_REMEDY}")


def _statements_from(
    store: Store, report: CheckReport, start: LeafIndex
) -> tuple[list[StoredDocument], tuple[bytes, ...] | None] | None:
    """Some statements from `start` on, none at the end, and the entries from the first to the last; None where unreadable."""
    try:
        with store.read() as tx:
            walked = tx.documents.walk(report.center, start=start, limit=1024)
            if not walked:
                return [], ()
            first = walked[0].leaf_index
            # Entries of other kinds may lie between two documents: only so many are read at once.
            page = [document for document in walked if document.leaf_index < first + PAGE]
            return page, entries_beside(tx, report, first, page[-1].leaf_index - first + 1, "Documents")
    except Unavailable:
        raise
    except GreenlaneError as fault:
        report.blame(f"Documents from leaf {start} on cannot be read: {fault.detail}")
        return None


def _statement(report: CheckReport, document: StoredDocument) -> None:
    place = f"Document at leaf {document.leaf_index}"
    stated = document.description
    if stated.stated_by != MemberName(center=document.center, member=document.member):
        report.blame(f"{place}: it is kept as stated by {document.center}/{document.member}, and says {stated.stated_by}.")
    if crypto.sha256(encode_description(stated)) != document.content_digest:
        report.blame(f"{place}: the stored description does not give its content digest.")
    if document.is_blinded != (stated.confidential is not None):
        kind = "public" if stated.confidential is None else "confidential"
        report.blame(f"{place}: its entry is {'' if document.is_blinded else 'not '}blinded, though it is {kind}.")


def _found(store: Store, report: CheckReport, document: StoredDocument) -> None:
    """Whether the statement is found by the CID that it names, by what it is about, and by its readers."""
    place = f"Document at leaf {document.leaf_index}"
    with store.read() as tx:
        for way in tx.documents.unfiled(document):
            report.blame(f"{place}: it is not found by {way}, which it names.")


def _entry(report: CheckReport, document: StoredDocument, encoded: bytes | None) -> None:
    place = f"Document at leaf {document.leaf_index}: "
    plain = document_entry(document.description)
    compare_entry(report, place, encoded, plain, is_blinded=document.is_blinded, salt=document.salt)
