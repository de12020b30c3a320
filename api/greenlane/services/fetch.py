"""Hands documents out: the bytes to whoever names the CID, for as long as some statement stands or a partner wants them held.

Of a confidential document the bytes are ciphertext. What is withdrawn is not handed out any more; what this deployment neither
keeps nor holds is not here, though a node beside it may have the bytes for somebody else.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from greenlane.core.documents.cid import Cid
from greenlane.ports.document_index import StoredDocument
from greenlane.ports.documents import BytesRefused, DocumentMissing, Documents, DocumentWithdrawn
from greenlane.ports.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDocument:
    """A document that can be handed out.

    Attributes:
        size: of the stored bytes.
        is_confidential: whether some statement says that they are ciphertext.
        stated: the first public statement that stands; None where everything known of it is confidential, or nothing is.
        newer: what the member of that statement put in its place; None where nothing.
    """

    cid: Cid
    size: int
    is_confidential: bool
    stated: StoredDocument | None
    newer: Cid | None


class FetchDocument:
    """The use case: read only; one instance serves all threads."""

    def __init__(self, *, store: Store, documents: Documents, wait_s: float | None) -> None:
        """Args:
        wait_s: how long other nodes may be asked for a block that is not here; None where there are none.
        """
        self._store = store
        self._documents = documents
        self._wait_s = wait_s

    def find(self, cid: Cid) -> FoundDocument:
        """What can be handed out under a CID, and what everybody may know of it.

        Raises:
            DocumentMissing: nothing of that name is kept or held here, or its first block does not come.
            DocumentWithdrawn: it was, and its member withdrew it.
            BytesRefused, DocumentsUnavailable, StoreUnavailable: as their names say.
        """
        with self._store.read() as tx:
            is_served = tx.documents.is_served(cid)
            is_held = is_served is not True and tx.holds.is_held(cid)
            statements = tx.documents.by_cid(cid, reader=None)
            replaced_by = tx.documents.replaced_by(cid) if is_served is False and not is_held else None
        if is_served is None and not is_held:
            raise DocumentMissing(f"No document {cid.text} is kept here.")
        if is_served is False and not is_held:
            raise DocumentWithdrawn(
                f"Document {cid.text} was withdrawn{'' if replaced_by is None else f', and {replaced_by.text} took its place'}.",
                replaced_by=replaced_by,
            )
        size = self._documents.size(cid, wait_s=self._wait_s)
        stated = next((each for each in statements if each.withdrawn_at is None), None)
        if stated is not None and stated.description.size != size:
            raise BytesRefused(f"Document {cid.text} has {size} bytes, and {stated.description.size} were stated.")
        return FoundDocument(
            cid=cid,
            size=size,
            is_confidential=stated is None,
            stated=stated,
            newer=None if stated is None else stated.replaced_by,
        )

    def read(self, cid: Cid, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes, each piece hashed before it comes; `find` says first whether they may be handed out.

        Raises:
            DocumentMissing, BytesRefused, DocumentsUnavailable: before the first piece or between pieces.
        """
        return self._documents.read(cid, offset=offset, length=length, wait_s=self._wait_s)

    def car(self, cid: Cid) -> Iterator[bytes]:
        """The document as a CAR of version 1, for another center that checks every block itself.

        Raises:
            DocumentMissing, BytesRefused, DocumentsUnavailable: before the first piece or between pieces.
        """
        return self._documents.export_car(cid)
