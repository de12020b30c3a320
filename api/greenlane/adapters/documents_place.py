"""Which store the documents of a home lie in, written down in the home where documents begin to be kept there.

The settings say which store a command opens. A command that lacks them opens another: it would find nothing, and what it kept
nobody would find. So whoever keeps documents claims the store first, and is refused where they lie in another. Of a Kubo node
only the kind is written down: its address may change. A backup leaves it out: where a home is restored, the bytes are to come.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from greenlane.adapters.keystore import replace_file
from greenlane.core.errors import Conflict

_LONGEST = 64
_MOVE = "To move them: `greenlane document export --all FOLDER` from there, then `greenlane document import --move FOLDER` here."


class StoreKind(StrEnum):
    """The kinds of store."""

    EMBEDDED = "embedded"
    KUBO = "kubo"


class DocumentsElsewhere(Conflict):
    """The documents of this home lie in a store of another kind than the settings name."""

    code = "documents-elsewhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentsPlace:
    """The store that the settings name, and the one that the home remembers.

    Attributes:
        kind: that the settings name.
        address: folder, or URL of the RPC; holds no secret.
        file: where the home remembers.
    """

    kind: StoreKind
    address: str
    file: Path

    def __str__(self) -> str:
        return f"{_WORDS[self.kind]} ({self.address})"

    @property
    def is_elsewhere(self) -> bool:
        """Whether the home remembers another kind.

        Raises:
            DocumentsElsewhere: what it remembers is none.
        """
        return self._remembered() not in (None, self.kind)

    def claim(self, *, is_bound: Callable[[], bool]) -> None:
        """Writes down that documents are kept here, before any is.

        Args:
            is_bound: asked where the home remembers another kind: whether there are documents, which would lie there.

        Raises:
            DocumentsElsewhere: there are.
            OSError: it cannot be written.
        """
        remembered = self._remembered()
        if remembered is self.kind:
            return
        if remembered is not None and is_bound():
            raise self.elsewhere()
        self.move()

    def move(self) -> None:
        """Writes down that the documents lie here from now on, wherever they lay before."""
        replace_file(self.file, f"{self.kind}\n".encode())

    def elsewhere(self) -> DocumentsElsewhere:
        """Says that the documents lie in the other store, and what to do."""
        if self.kind is StoreKind.EMBEDDED:
            remedy = "Set GREENLANE_DOCUMENTS_URL and GREENLANE_DOCUMENTS_TOKEN_FILE as the server has them (server.env)."
        else:
            remedy = "Leave out GREENLANE_DOCUMENTS_URL."
        other = _WORDS[StoreKind.KUBO if self.kind is StoreKind.EMBEDDED else StoreKind.EMBEDDED]
        words = f"The documents of this home lie in {other}, and the settings name {self}."
        return DocumentsElsewhere(words, where=str(self.file), remedy=f"{remedy} {_MOVE}")

    def _remembered(self) -> StoreKind | None:
        try:
            with self.file.open("rb") as file:
                text = file.read(_LONGEST)
        except FileNotFoundError:
            return None
        try:
            return StoreKind(text.decode("ascii").strip())
        except ValueError:
            kinds = " or ".join(StoreKind)
            raise DocumentsElsewhere(
                "The file names no kind of store.", where=str(self.file), remedy=f"Write {kinds} into it, as the server has it."
            ) from None


_WORDS = {StoreKind.EMBEDDED: "the home's own store", StoreKind.KUBO: "a Kubo node"}
