"""Recomputes statements about documents, compares them with their entries, and hashes every byte that is wanted here."""

from greenlane.core import crypto
from greenlane.core.documents.cid import Cid
from greenlane.core.documents.description import MemberName, document_entry, encode_description
from greenlane.core.errors import GreenlaneError, Unavailable
from greenlane.core.units import TreeSize
from greenlane.ports.document_index import StoredDocument
from greenlane.ports.documents import Documents
from greenlane.ports.store import Store
from greenlane.services.check.entries import Room, blame_lost_salts, check_room, compare_entry
from greenlane.services.check.report import MAX_FAULTS, BytesReport, CheckReport, Missing, Progress

_REMEDY = "Restore it from a partner: the reconciler does that by itself where one holds it, or import a CAR of it."


def check_statements(store: Store, report: CheckReport, captured: TreeSize, missing: Missing, progress: Progress) -> None:
    """Recomputes every statement of a center, and compares it with its entry."""

    def judge(document: StoredDocument) -> None:
        _statement(report, document)
        _found(store, report, document)
        report.documents += 1

    statements = Room(
        what="Document",
        walk=lambda tx, center, start, limit: tx.documents.walk(center, start=start, limit=limit),
        judge=judge,
        compare=lambda document, encoded: _entry(report, document, encoded),
        done=lambda last: progress("documents", min(last + 1, captured), captured),
    )
    forgotten = check_room(store, report, missing, statements)
    for index in missing:
        report.blame(f"Entry {index} is of a document, and no statement is stored for it.")
    with store.read() as tx:
        for leaf_index in tx.documents.misfiled(report.center, limit=MAX_FAULTS):
            report.blame(f"Document at leaf {leaf_index}: it is listed for a thing, or shown to a reader, that it does not name.")
    blame_lost_salts(store, report, forgotten, statements.what)


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
            found, fault = _bytes(documents, cid, size)
            # Withdrawn since it was listed, it may have been let go meanwhile.
            if fault and not _is_wanted(store, cid):
                continue
            if fault:
                report.blame(fault)
            report.size += found
            report.documents += 1
            progress("documents read", report.documents, report.documents)
        after = page[-1][0]


def _bytes(documents: Documents, cid: Cid, size: int) -> tuple[int, str]:
    """How many bytes of a document are there, and what is wrong with it; "" for nothing."""
    try:
        found = sum(len(piece) for piece in documents.read(cid))
        if found != size:
            return found, f"Document {cid.text} has {found} bytes, and {size} are wanted of it: whoever stated that was wrong."
        if not documents.is_held(cid):
            return found, f"Document {cid.text} is whole and not pinned: garbage collection may take it. The reconciler pins it."
    except Unavailable:
        raise
    except GreenlaneError as fault:
        return 0, f"Document {cid.text} is missing or damaged: {fault.detail} {_REMEDY}"
    return found, ""


def _is_wanted(store: Store, cid: Cid) -> bool:
    with store.read() as tx:
        return tx.documents.is_wanted(cid)


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
