"""What a look at documents finds or does, and how it is told: once, for as long as it stays as it is."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from greenlane.core.documents.cid import Cid
from greenlane.core.units import CenterId
from greenlane.services.reconcile.pace import remembered


class FindingKind(StrEnum):
    """What a look can find; the names of log lines."""

    BROUGHT = "document.brought"
    MISSING = "document.missing"
    DAMAGED = "document.damaged"
    MENDED = "document.mended"
    REFUSED_BYTES = "document.bytes_refused"
    NO_ROOM = "document.no_room"
    HOLD_ENDED = "hold.ended"
    LET_GO = "document.let_go"
    REPLICATED = "document.replicated"
    REPLICA_LOST = "document.replica_lost"
    ASK_REFUSED = "partner.refuses"
    PARTNER_AWAY = "partner.away"
    PARTNER_BACK = "partner.back"
    COLLECTED = "documents.collected"


_TROUBLE = frozenset(
    {
        FindingKind.MISSING,
        FindingKind.DAMAGED,
        FindingKind.REFUSED_BYTES,
        FindingKind.NO_ROOM,
        FindingKind.HOLD_ENDED,
        FindingKind.REPLICA_LOST,
        FindingKind.ASK_REFUSED,
        FindingKind.PARTNER_AWAY,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found or done.

    Attributes:
        detail: words for people; empty where the kind says all.
        count: how many, where it is of several.
    """

    kind: FindingKind
    cid: Cid | None = None
    partner: CenterId | None = None
    detail: str = ""
    count: int | None = None

    @property
    def is_trouble(self) -> bool:
        """Whether somebody may have to look."""
        return self.kind in _TROUBLE


class StoppedHere(Exception):
    """The work was told to stop in the middle of a document; nothing of it was pinned."""


class Telling:
    """Whoever listens to a call, and what was told before."""

    def __init__(self) -> None:
        self._tell: Callable[[Finding], None] = _to_nobody
        self._is_stopping: Callable[[], bool] = _never
        self._told: dict[Cid, set[tuple[FindingKind, CenterId | None]]] = {}

    def begin(self, tell: Callable[[Finding], None] | None, is_stopping: Callable[[], bool] | None) -> None:
        """A call begins, with its own listeners."""
        self._tell, self._is_stopping = tell or _to_nobody, is_stopping or _never

    def tell(self, finding: Finding) -> None:
        """Tells it."""
        self._tell(finding)

    def tell_once(self, finding: Finding) -> None:
        """Tells it, where it was not told of this document before."""
        if finding.cid is not None:
            told = remembered(self._told, finding.cid, set)
            mark = (finding.kind, finding.partner)
            if mark in told:
                return
            told.add(mark)
        self._tell(finding)

    def forget(self, cid: Cid) -> None:
        """A document is well again, or gone: the next thing about it is news."""
        self._told.pop(cid, None)

    def stop_if_told(self) -> None:
        """Raises StoppedHere where whoever called says so."""
        if self._is_stopping():
            raise StoppedHere

    def until_stopped(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The same pieces, until whoever called says to stop."""
        for piece in pieces:
            self.stop_if_told()
            yield piece


def _to_nobody(_finding: Finding) -> None:
    pass


def _never() -> bool:
    return False
