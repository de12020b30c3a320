"""What checks of events and of documents share: their entries, and the salts that blind them."""

from collections.abc import Collection

from greenlane.core.entry import Entry, opens
from greenlane.core.errors import GreenlaneError, Unavailable
from greenlane.core.tiles import TILE_WIDTH
from greenlane.core.units import CenterId, LeafIndex, Salt
from greenlane.ports.store import Store, Transaction
from greenlane.services.check.report import CheckReport

PAGE = 16 * TILE_WIDTH
"""So many entries are read at once."""


def entries_beside(tx: Transaction, report: CheckReport, first: LeafIndex, count: int, what: str) -> tuple[bytes, ...] | None:
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
