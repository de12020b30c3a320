"""Where the bytes of documents lie: named by CID, cut into blocks, pinned.

Every store makes the same CID of the same bytes (`core.documents.unixfs`), and every block that is read is hashed before it is
handed on: whoever keeps the bytes is believed in nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from greenlane.core.documents.cid import Cid
from greenlane.core.errors import GreenlaneError, NotFound, ProofRefused, Unavailable

Told = Callable[[int], None]
"""Told of progress: how many bytes are done so far."""


class DocumentMissing(NotFound):
    """No block, or not every block, of that name is here or came in time."""

    code = "document-missing"
    default_remedy = "Check the CID; where its center is away, ask again later or ask another center that holds it."


class DocumentWithdrawn(GreenlaneError):
    """The document was confidential, and its member withdrew it: its bytes are no longer handed out.

    Attributes:
        replaced_by: what its member put in its place; None where nothing is known of that.
    """

    code = "document-withdrawn"
    default_remedy = "Ask for the document that took its place. Whoever read this one has read it."

    def __init__(self, detail: str, *, replaced_by: Cid | None, where: str | None = None, remedy: str | None = None) -> None:
        super().__init__(detail, where=where, remedy=remedy)
        self.replaced_by = replaced_by


class DocumentsUnavailable(Unavailable):
    """The store of documents cannot be reached, or refuses to work: nothing was stored."""

    code = "documents-unavailable"
    default_remedy = "Send the same request again after the time in Retry-After; what was uploaded is kept."


class DocumentsFull(Unavailable):
    """The store of documents has no room left."""

    code = "documents-full"
    default_remedy = "The center's operator makes room; what was uploaded is kept."


class BytesRefused(ProofRefused):
    """Bytes do not match the CID that they were stored, sent or asked for by."""

    code = "document-bytes-refused"
    default_remedy = "Nothing of it was used. Ask again, or ask another center that holds the document."


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBytes:
    """What was stored.

    Attributes:
        size: in bytes.
        digest: SHA-256 over all of them.
    """

    cid: Cid
    size: int
    digest: bytes


class Documents(Protocol):
    """One store. What is pinned stays through garbage collection; what `add`, `pin` or `import_car` answered is durable."""

    def add(self, source: BinaryIO, *, expected: Cid | None = None, told: Told | None = None) -> StoredBytes:
        """Stores and pins the bytes from the source's place to its end; the same bytes again change nothing.

        Args:
            source: seekable.
            expected: the CID that was computed of the same bytes at home; where None, it is computed before anything leaves home.

        Raises:
            BytesRefused: what the store made of them has another CID; nothing is pinned.
            DocumentsUnavailable, DocumentsFull: nothing is pinned.
        """

    def size(self, cid: Cid, *, wait_s: float | None = None) -> int:
        """How many bytes the document has, by its root block.

        Args:
            wait_s: how long other nodes may be asked; None: only what is here.

        Raises:
            DocumentMissing, BytesRefused, DocumentsUnavailable.
        """

    def read(self, cid: Cid, *, offset: int = 0, length: int | None = None, wait_s: float | None = None) -> Iterator[bytes]:
        """The bytes from `offset` on, in pieces of at most 1 MiB, each piece hashed before it comes.

        Args:
            length: how many; None, or more than there are: to the end.
            wait_s: how long other nodes may be asked for each block; None: only what is here.

        Raises:
            DocumentMissing, BytesRefused, DocumentsUnavailable: before the first piece or between pieces.
        """

    def block(self, cid: Cid, *, wait_s: float | None = None) -> bytes:
        """One block, hashed.

        Raises:
            DocumentMissing, BytesRefused, DocumentsUnavailable.
        """

    def is_held(self, cid: Cid) -> bool:
        """Whether the document is pinned and every block of it is here."""

    def pin(self, cid: Cid, *, wait_s: float) -> None:
        """Brings here what is missing, from other nodes where the store has any, and pins it.

        Raises:
            DocumentMissing: not all of it came in time; nothing is pinned.
            DocumentsUnavailable, DocumentsFull.
        """

    def unpin(self, cid: Cid) -> bool:
        """Lets go; garbage collection takes what no pin holds. False where it was not pinned."""

    def pins(self) -> Iterator[Cid]:
        """Every pinned document, in no order, pins of others among them."""

    def collect_garbage(self) -> int:
        """Removes blocks that no pin holds; how many. Never one of a document that is being added or imported."""

    def export_car(self, cid: Cid) -> Iterator[bytes]:
        """The document as a CAR of version 1: its root, then every block, depth first, each once.

        Raises:
            DocumentMissing, BytesRefused, DocumentsUnavailable.
        """

    def import_car(self, pieces: Iterable[bytes], *, root: Cid, max_bytes: int) -> None:
        """Takes a document out of a CAR and pins it.

        Args:
            root: the document that is wanted; a CAR that lacks a part of it, or has another root, is refused.
            max_bytes: refused above, before more is read.

        Raises:
            BytesRefused: a block does not match its CID, the CAR is malformed, incomplete, or larger; nothing is pinned.
            DocumentsUnavailable, DocumentsFull.
        """

    def check(self) -> None:
        """Answers whether the store can be used now, in at most a few seconds.

        Raises:
            DocumentsUnavailable: it cannot.
        """
