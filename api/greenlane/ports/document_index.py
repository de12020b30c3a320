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
            DocumentWithdrawn: another member stated these bytes first, and withdrew them: they stay withdrawn for everybody else.
        """

    def by_cid(self, cid: Cid, *, reader: Reader | None, limit: int, skip: int = 0) -> tuple[StoredDocument, ...]:
        """Statements about these bytes that `reader` may read, withdrawn ones too: member by member, who stated them first comes
        first; of one member oldest first.
        """

    def of_member(self, center: CenterId, member: MemberId, cid: Cid, *, limit: int) -> tuple[StoredDocument, ...]:
        """What one member stated of these bytes, oldest first, confidential and withdrawn ones too."""

    def meant(
        self,
        cid: Cid,
        *,
        reader: Reader | None,
        center: CenterId | None = None,
        leaf_index: LeafIndex | None = None,
        for_readers: bool = False,
    ) -> StoredDocument | None:
        """The statement about these bytes that is meant, at the place that is named; None where there is none to read.

        What is not named leaves a choice: then a public one goes before a confidential one, one that stands before a withdrawn
        one, and the oldest before others.

        Args:
            for_readers: whatever `reader` may read; and a confidential one goes before a public one.
        """

    def at(self, center: CenterId, leaf_index: LeafIndex) -> StoredDocument | None:
        """The statement whose entry stands at that place; None where an entry of another kind or none does."""

    def about(self, subjects: Iterable[str], *, reader: Reader | None, limit: int, token: str | None = None) -> DocumentPage:
        """Statements about any of these URIs (in their one spelling) that `reader` may read; no withdrawn ones.

        Raises:
            InvalidInput: `token` is none that this adapter gave out.
        """

    def by_digest(self, digest: bytes, *, reader: Reader | None, limit: int) -> tuple[StoredDocument, ...]:
        """Statements that `reader` may read of what has this SHA-256 in a person's hands (`Description.digest`): those that stand
        before withdrawn ones, the oldest first.
        """

    def chosen_about(
        self,
        subjects: Iterable[str],
        *,
        first: Iterable[tuple[CenterId, MemberId]],
        each_other: int,
        reader: Reader | None,
        limit: int,
    ) -> tuple[tuple[StoredDocument, ...], bool]:
        """Of the statements about any of these URIs that `reader` may read those that a page has room for, no withdrawn ones; and
        whether these are all.

        Args:
            first: members whose statements come first, newest first. Where there is no room for all of them, each member has the
                same share.
            each_other: how many of each other member's follow.
        """

    def of_center(self, center: CenterId, *, reader: Reader | None, limit: int, token: str | None = None) -> DocumentPage:
        """Statements of one center's members that `reader` may read; withdrawn ones too.

        Raises:
            InvalidInput: `token` is none that this adapter gave out.
        """

    def walk(self, center: CenterId, *, start: LeafIndex, limit: int) -> tuple[StoredDocument, ...]:
        """Statements of one center in log order from `start` on, confidential ones included, for checks."""

    def withdraw(self, center: CenterId, member: MemberId, cid: Cid, at: datetime) -> int:
        """Marks every statement of that member about these bytes as withdrawn; how many were not before.

        Where nobody stated them before that member, everybody's: who sent the bytes here decides how long they are handed out.
        """

    def is_served(self, cid: Cid) -> bool | None:
        """Whether the bytes may be handed out: True while a statement stands, False if all were withdrawn, None if none is."""

    def replaced_by(self, cid: Cid) -> Cid | None:
        """The newest document that the member who stated these bytes first put in their place, whoever asks; None without one."""

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
        """Whether anybody here wants these bytes: a statement, a center that asked, or an upload that turned out to be them."""

    def unfiled(self, document: StoredDocument) -> tuple[str, ...]:
        """By what of that which a stored statement says it is not found: its CID, what it is about, its readers; for checks."""

    def misfiled(self, center: CenterId, *, limit: int) -> tuple[LeafIndex, ...]:
        """Statements that are listed for a thing, or shown to a reader, that they do not name; for checks, reads everything."""

    def forget_salt(self, center: CenterId, leaf_index: LeafIndex, at: datetime) -> bool:
        """Destroys the salt of a blinded statement for ever; False where there is none left to forget."""
