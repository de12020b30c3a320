"""What was stated of documents, and how the statements are found again."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from greenlane.core.documents.cid import Cid
from greenlane.core.documents.description import Description
from greenlane.core.units import CenterId, LeafIndex, MemberId, Salt
from greenlane.ports.events import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDocument:
    """One statement about a document, and its place in the log.

    Attributes:
        center, member: who stated it; the same as in the description.
        content_digest: SHA-256 of the description's RFC 8785 bytes.
        salt: what blinds its entry; None for a public one, and for a confidential one whose salt was forgotten.
        is_blinded: whether its entry is blinded; stays True after the salt is forgotten.
        stored_at: aware UTC.
        withdrawn_at: since when its bytes are no longer kept or handed out; None while they are.
        replaced_by: the newest document that its member put in its place, confidential or not; None where there is none.
    """

    center: CenterId
    member: MemberId
    description: Description
    content_digest: bytes
    leaf_index: LeafIndex
    salt: Salt | None
    is_blinded: bool
    stored_at: datetime
    withdrawn_at: datetime | None = None
    replaced_by: Cid | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentPage:
    """Some statements, newest first, and where the next page starts (None: no more)."""

    documents: tuple[StoredDocument, ...]
    next_token: str | None


class DocumentIndex(Protocol):
    """Statements about documents.

    A public one is read by everybody. A confidential one is read by its center (`Reader.member` None), by the member that states
    it, and by the members whom it names as readers; to everybody else it is not there.
    """

    def known(self, center: CenterId, member: MemberId, content_digest: bytes) -> StoredDocument | None:
        """The same statement of that member, where it was stored before."""

    def add(self, document: StoredDocument) -> None:
        """Stores a statement whose entry the same transaction appended to the log. Its salt is kept where it has one.

        Raises:
            Conflict: that member stated the same before.
        """

    def by_cid(self, cid: Cid, *, reader: Reader | None) -> tuple[StoredDocument, ...]:
        """Every statement about these bytes that `reader` may read, oldest first; withdrawn ones too."""

    def at(self, center: CenterId, leaf_index: LeafIndex) -> StoredDocument | None:
        """The statement whose entry stands at that place; None where an entry of another kind or none does."""

    def about(self, subjects: Iterable[str], *, reader: Reader | None, limit: int, token: str | None = None) -> DocumentPage:
        """Statements about any of these URIs (in their one spelling) that `reader` may read; no withdrawn ones.

        Raises:
            InvalidInput: `token` is none that this adapter gave out.
        """

    def of_center(self, center: CenterId, *, reader: Reader | None, limit: int, token: str | None = None) -> DocumentPage:
        """Statements of one center's members that `reader` may read; withdrawn ones too.

        Raises:
            InvalidInput: `token` is none that this adapter gave out.
        """

    def walk(self, center: CenterId, *, start: LeafIndex, limit: int) -> tuple[StoredDocument, ...]:
        """Statements of one center in log order from `start` on, confidential ones included, for checks."""

    def withdraw(self, center: CenterId, member: MemberId, cid: Cid, at: datetime) -> int:
        """Marks every statement of that member about these bytes as withdrawn; how many were not before."""

    def is_served(self, cid: Cid) -> bool | None:
        """Whether the bytes may be handed out: True while a statement stands, False if all were withdrawn, None if none is."""

    def replaced_by(self, cid: Cid) -> Cid | None:
        """The newest document that a member who stated these bytes put in their place, whoever asks; None where there is none."""

    def wanted(self, *, after: Cid | None, limit: int) -> tuple[tuple[Cid, int], ...]:
        """CIDs with sizes that some statement here keeps, each once, by CID, after `after`."""

    def unwanted(self, *, after: Cid | None, limit: int) -> tuple[Cid, ...]:
        """CIDs that were wanted here once and are no more, by CID, after `after`: every statement was withdrawn, nobody asks any
        more to hold them, and no upload that is neither stored nor dropped turned out to be them. No others' CIDs are among them.
        """

    def let_go(self, cid: Cid) -> bool:
        """Takes an unwanted CID off that list, and keeps statements, asks and uploads of it waiting until the transaction ends;
        False where somebody wants it, or it is not on the list.

        Whoever unpins does so before, in no transaction, and pins again where this says False: whoever wants the bytes says so
        first and pins them after, so that who says so once they are off the list pins what was unpinned before.
        """

    def is_wanted(self, cid: Cid) -> bool:
        """Whether anybody here wants these bytes: a statement, who asked to hold them, or an upload that turned out to be them."""

    def forget_salt(self, center: CenterId, leaf_index: LeafIndex, at: datetime) -> bool:
        """Destroys the salt of a blinded statement for ever; False where there is none left to forget."""
