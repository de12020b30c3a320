"""Hands documents out: the bytes to whoever names the CID, for as long as some statement stands or a partner wants them held.

Of a confidential document the bytes are ciphertext. What is withdrawn is not handed out any more; what this deployment neither
keeps nor holds is not here, though a node beside it may have the bytes for somebody else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from greenlane.core.documents.age_file import AGE_MAGIC
from greenlane.core.documents.cid import Cid
from greenlane.core.units import CenterId, LeafIndex
from greenlane.ports.document_index import StoredDocument
from greenlane.ports.documents import BytesRefused, DocumentMissing, Documents, DocumentsUnavailable, DocumentWithdrawn
from greenlane.ports.store import Store

# Of more statements than these nobody reads whether they agree.
_MAX_COMPARED = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDocument:
    """A document that can be handed out, and what may be said of it in nobody's name.

    That is what all public statements that stand say alike, or what the one says that was asked for: nobody may name, or lead
    away from, what another member stated.

    Attributes:
        size: of the stored bytes.
        is_stated: whether a public statement about it stands. Otherwise nobody but its readers knows what it is, if anybody does.
        is_encrypted: of bytes that nothing public is stated of, whether they are an age file.
        name: what to save it as.
        media_type: None where nothing is said, or not the same.
        newer: what took its place; None where nothing did, or not everybody says the same.
    """

    cid: Cid
    size: int
    is_stated: bool
    is_encrypted: bool
    name: str
    media_type: str | None
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

    def find(self, cid: Cid, *, center: CenterId | None = None, leaf_index: LeafIndex | None = None) -> FoundDocument:
        """What can be handed out under a CID, and what everybody may know of it.

        Args:
            center, leaf_index: of the public statement whose words are wanted.

        Raises:
            DocumentMissing: nothing of that name is kept or held here, or nothing public is stated of it at that place.
            DocumentWithdrawn: it was, and its member withdrew it.
            BytesRefused, DocumentsUnavailable, StoreUnavailable: as their names say.
        """
        with self._store.read() as tx:
            is_served = tx.documents.is_served(cid)
            is_held = is_served is not True and tx.holds.is_held(cid)
            public = tx.documents.by_cid(cid, reader=None, limit=_MAX_COMPARED + 1)
            if center is not None:
                named = tx.documents.meant(cid, reader=None, center=center, leaf_index=leaf_index)
                public = () if named is None else (named,)
            replaced_by = tx.documents.replaced_by(cid) if is_served is False and not is_held else None
        if is_served is None and not is_held:
            raise DocumentMissing(f"No document {cid.text} is kept here.")
        if is_served is False and not is_held:
            raise DocumentWithdrawn(
                f"Document {cid.text} was withdrawn{'' if replaced_by is None else f', and {replaced_by.text} took its place'}.",
                replaced_by=replaced_by,
            )
        standing = tuple(each for each in public if each.withdrawn_at is None)
        if center is not None and not standing:
            raise DocumentMissing(
                f"Nothing public is stated of document {cid.text} at that place.",
                remedy="Leave out center and leaf for its bytes.",
            )
        try:
            size = self._documents.size(cid, wait_s=self._wait_s)
        except DocumentMissing as fault:
            if not is_served:
                raise
            # It is no question of the CID: the reconciler looks for the bytes at the partners, too.
            raise DocumentsUnavailable(f"Document {cid.text} is kept here, and cannot be read now.", retry_after_s=60) from fault
        if standing and standing[0].description.size != size:
            raise BytesRefused(f"Document {cid.text} has {size} bytes, and {standing[0].description.size} were stated.")
        if standing:
            return _agreed(cid, size, standing)
        is_encrypted = b"".join(self._documents.read(cid, length=len(AGE_MAGIC), wait_s=self._wait_s)) == AGE_MAGIC
        name = f"{cid.text}.age" if is_encrypted else cid.text
        return FoundDocument(
            cid=cid, size=size, is_stated=False, is_encrypted=is_encrypted, name=name, media_type=None, newer=None
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


def _agreed(cid: Cid, size: int, standing: Sequence[StoredDocument]) -> FoundDocument:
    """What public statements say alike."""
    names = {each.description.name for each in standing}
    endings = {_ending(name) for name in names}
    types = {each.description.media_type for each in standing}
    newest = {each.replaced_by for each in standing}
    is_all = len(standing) <= _MAX_COMPARED
    neutral = cid.text + (endings.pop() if is_all and len(endings) == 1 else "")
    return FoundDocument(
        cid=cid,
        size=size,
        is_stated=True,
        is_encrypted=False,
        name=names.pop() if is_all and len(names) == 1 else neutral,
        media_type=types.pop() if is_all and len(types) == 1 else None,
        newer=newest.pop() if is_all and len(newest) == 1 else None,
    )


def _ending(name: str) -> str:
    stem, dot, ending = name.rpartition(".")
    return f"{dot}{ending.lower()}" if stem else ""
