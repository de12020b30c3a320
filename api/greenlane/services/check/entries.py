"""What checks of all that has entries share: how it is read beside these, and the salts that blind them."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from greenlane.core.entry import Entry, opens
from greenlane.core.errors import GreenlaneError, Unavailable
from greenlane.core.tiles import TILE_WIDTH
from greenlane.core.units import CenterId, LeafIndex, Salt
from greenlane.ports.store import Store, Transaction
from greenlane.services.check.report import CheckReport, Missing

PAGE = 16 * TILE_WIDTH
"""So many entries are read at once."""


class Logged(Protocol):
    """What is stored, and has an entry in the log."""

    @property
    def leaf_index(self) -> LeafIndex: ...
    @property
    def is_blinded(self) -> bool: ...
    @property
    def salt(self) -> Salt | None: ...


Anything = TypeVar("Anything")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain(Generic[Anything]):
    """What has an entry that is never blinded."""

    kept: Anything
    leaf_index: LeafIndex

    @property
    def is_blinded(self) -> bool:
        return False

    @property
    def salt(self) -> Salt | None:
        return None


Kept = TypeVar("Kept", bound=Logged)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room(Generic[Kept]):
    """One kind of what is stored, and how one of it is checked.

    Attributes:
        what: one of it, to begin a sentence with: "Event".
        walk: some of a center in log order, from a leaf on, at most so many.
        judge: recomputes one.
        compare: compares one with its entry; None where the log has none there.
        done: told the last leaf of each page when all of it was checked.
    """

    what: str
    walk: Callable[[Transaction, CenterId, LeafIndex, int], Sequence[Kept]]
    judge: Callable[[Kept], None]
    compare: Callable[[Kept, bytes | None], None]
    done: Callable[[LeafIndex], None]


def check_room(store: Store, report: CheckReport, missing: Missing, room: Room[Kept]) -> set[int]:
    """Checks everything of one kind that a center has; the leaves whose salts are gone.

    Args:
        missing: is told what was seen. Where something cannot be read it expects nothing any more: what lies behind cannot be
            seen, and saying that it is missing would be another claim.
    """
    start = LeafIndex(0)
    forgotten: set[int] = set()
    while True:
        read = _page_from(store, report, room, start)
        if read is None:
            missing.give_up()
            return forgotten
        page, entries = read
        if not page:
            return forgotten
        first = page[0].leaf_index
        for each in page:
            missing.saw(each.leaf_index)
            offset = each.leaf_index - first
            if entries is not None:
                room.compare(each, entries[offset] if offset < len(entries) else None)
            room.judge(each)
            if each.is_blinded and each.salt is None:
                forgotten.add(each.leaf_index)
        last = page[-1].leaf_index
        room.done(last)
        start = LeafIndex(last + 1)


def _page_from(
    store: Store, report: CheckReport, room: Room[Kept], start: LeafIndex
) -> tuple[list[Kept], tuple[bytes, ...] | None] | None:
    """Some from `start` on, none at the end, and the entries from the first to the last; None where unreadable."""
    try:
        with store.read() as tx:
            walked = room.walk(tx, report.center, start, 1024)
            if not walked:
                return [], ()
            first = walked[0].leaf_index
            # Entries of other kinds may lie between two: only so many are read at once.
            page = [each for each in walked if each.leaf_index < first + PAGE]
            return page, _entries_beside(tx, report, first, page[-1].leaf_index - first + 1, f"{room.what}s")
    except Unavailable:
        raise
    except GreenlaneError as fault:
        report.blame(f"{room.what}s from leaf {start} on cannot be read: {fault.detail}")
        return None


def _entries_beside(tx: Transaction, report: CheckReport, first: LeafIndex, count: int, what: str) -> tuple[bytes, ...] | None:
    """The entries from `first` on; None where they cannot be read.

    Args:
        what: what is compared with them, to begin a sentence with: "Events".
    """
    try:
        return tx.log.entries(report.center, first, count)
    except Unavailable:
        raise
    except GreenlaneError as fault:
        report.blame(f"{what} from leaf {first} on were not compared with their entries: {fault.detail}")
        return None


def compare_entry(
    report: CheckReport, place: str, encoded: bytes | None, plain: Entry, *, is_blinded: bool, salt: Salt | None
) -> bool:
    """Compares an entry of the log with what it must stand for; whether there is one that can be read.

    Args:
        place: what begins each sentence of blame.
        encoded: the entry; None where the log has none there.
        is_blinded, salt: as stored. Where the salt was forgotten nobody can open the entry; it is still of its kind.
    """
    if encoded is None:
        report.blame(f"{place}the log has no entry there.")
        return False
    try:
        entry = Entry.decode(encoded)
        is_unopened = is_blinded and salt is None
        is_its_own = entry.kind is plain.kind and entry.is_blinded if is_unopened else opens(entry, plain, salt)
    except GreenlaneError as fault:
        report.blame(f"{place}{fault.detail}")
        return False
    if not is_its_own:
        report.blame(f"{place}the log's entry is not that of what is stored.")
    return True


def blame_lost_salts(store: Store, report: CheckReport, forgotten: Collection[int], what: str) -> None:
    """Counts salts that are gone, and blames those that nobody asked to forget.

    Args:
        forgotten: the leaves whose salts are gone.
        what: what they blinded, to begin a sentence with: "Event".
    """
    report.forgotten += len(forgotten)
    asked = _forgotten_on_request(store, report.center) if forgotten else set()
    for leaf in sorted(leaf for leaf in forgotten if str(leaf) not in asked):
        report.blame(f"{what} at leaf {leaf}: its salt is gone, and the audit record does not say that it was forgotten.")


def _forgotten_on_request(store: Store, center: CenterId) -> set[str]:
    """The leaves whose salts the audit record says were forgotten."""
    found: set[str] = set()
    after = 0
    while True:
        with store.read() as tx:
            lines = tx.audit.lines(center, after=after, limit=4096)
        if not lines:
            return found
        found.update(line.subject for _, line in lines if line.action == "salt.forget")
        after = lines[-1][0]
