"""Recomputes everything a center's log rests on, and names whatever does not add up.

From the bottom up: each stored event gives its digest, hash and entry; the entries give the leaves; the leaves give every tile;
the tiles give every checkpoint's root; each checkpoint is signed; and the chain holds every root that is said to be anchored.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from greenlane.core import crypto
from greenlane.core.canonical import canonical_bytes, parse_json
from greenlane.core.checkpoint import open_checkpoint
from greenlane.core.entry import Entry, EntryKind, opens
from greenlane.core.epcis.eventhash import CbvVersion, event_hash
from greenlane.core.errors import GreenlaneError
from greenlane.core.merkle import HASH_BYTES, leaf_hash, root_of_joined
from greenlane.core.tiles import TILE_WIDTH, TileId, root_from_tiles
from greenlane.core.units import CenterId, LeafIndex, TreeSize
from greenlane.ports.errors import TileMissing
from greenlane.ports.events import StoredEvent
from greenlane.ports.ledger import Ledger
from greenlane.ports.log import LogHead, StoredAnchor, StoredCheckpoint
from greenlane.ports.signing import CheckpointSigner
from greenlane.ports.store import Store

_PAGE = 16 * TILE_WIDTH
_TILE_BYTES = TILE_WIDTH * HASH_BYTES

Progress = Callable[[str, int, int], None]
"""Told what is being checked, how much of it is done, and how much there is."""


@dataclass(slots=True, kw_only=True)
class CheckReport:
    """What one check of one center found.

    Attributes:
        faults: one sentence each: what does not add up, and where; empty where all is well.
        forgotten: private events whose salt was destroyed on request; their entries cannot be opened, by design.
        is_chain_checked: False where no ledger was given.
    """

    center: CenterId
    events: int = 0
    entries: int = 0
    tiles: int = 0
    checkpoints: int = 0
    anchors: int = 0
    forgotten: int = 0
    is_chain_checked: bool = False
    faults: list[str] = field(default_factory=list)


class Check:
    """The use case: read only; memory is bounded by one page and an eighth of a byte an entry."""

    def __init__(self, *, store: Store, signer: CheckpointSigner) -> None:
        self._store = store
        self._signer = signer

    def __call__(self, center: CenterId, *, ledger: Ledger | None, progress: Progress) -> CheckReport:
        """Checks one center from the bottom up.

        Args:
            ledger: the chain to compare with; None leaves that step out, and the report says so.

        Raises:
            StoreUnavailable, LedgerUnavailable, LedgerMismatch: the check could not be carried out.
        """
        report = CheckReport(center=center)
        with self._store.read() as tx:
            head = tx.log.head(center)
        level, hashes = 1, self._entries(report, head, progress)
        self._events(report, head.captured, progress)
        while hashes:
            hashes = self._tiles(report, level, 0, hashes)
            level += 1
        self._checkpoints(report, progress)
        if ledger is not None:
            self._anchors(report, ledger, progress)
        return report

    def _entries(self, report: CheckReport, head: LogHead, progress: Progress) -> bytes:
        """Checks entries and the tiles of leaves; the hashes of level 1 that they give."""
        above = bytearray()
        while report.entries < head.captured:
            start = report.entries
            with self._store.read() as tx:
                page = tx.log.entries(report.center, LeafIndex(start), min(_PAGE, head.captured - start))
            if not page:
                report.faults.append(f"The log ends at entry {start}, though {head.captured} were acknowledged.")
                break
            for offset, entry in enumerate(page):
                try:
                    Entry.decode(entry)
                except GreenlaneError as fault:
                    report.faults.append(f"Entry {start + offset} is malformed: {fault.detail}")
            published = page[: max(0, head.published - start)]
            above += self._tiles(report, 0, start // TILE_WIDTH, b"".join(leaf_hash(entry) for entry in published))
            report.entries += len(page)
            progress("entries", report.entries, head.captured)
        return bytes(above)

    def _events(self, report: CheckReport, captured: TreeSize, progress: Progress) -> None:
        start = LeafIndex(0)
        while True:
            with self._store.read() as tx:
                page = tx.events.walk(report.center, start=start, limit=1024)
                if not page:
                    break
                first = page[0].leaf_index
                entries = tx.log.entries(report.center, first, page[-1].leaf_index - first + 1)
            for event in page:
                offset = event.leaf_index - first
                self._event(report, event, entries[offset] if offset < len(entries) else b"")
            report.events += len(page)
            start = LeafIndex(page[-1].leaf_index + 1)
            progress("events", min(start, captured), captured)

    def _event(self, report: CheckReport, event: StoredEvent, entry: bytes) -> None:
        place = f"Event at leaf {event.leaf_index}"
        try:
            document = parse_json(event.document)
            if not isinstance(document, dict) or canonical_bytes(document) != event.document:
                report.faults.append(f"{place}: the stored document is not in canonical form.")
                return
            if crypto.sha256(event.document) != event.content_digest:
                report.faults.append(f"{place}: the stored document does not give its content digest.")
            if event_hash(document, CbvVersion.V2_0) != event.event_hash:
                report.faults.append(f"{place}: the stored document does not give its event hash.")
            plain = Entry(
                kind=EntryKind.EVENT,
                is_blinded=False,
                subject=event.identity.event_digest,
                content=event.content_digest,
            )
            if event.is_blinded and event.salt is None:
                report.forgotten += 1
            elif not opens(Entry.decode(entry), plain, event.salt):
                report.faults.append(f"{place}: the log's entry is not that of the stored event.")
        except GreenlaneError as fault:
            report.faults.append(f"{place}: {fault.detail}")

    def _tiles(self, report: CheckReport, level: int, first: int, hashes: bytes) -> bytes:
        """Compares tiles of one level, from number `first` on, with the hashes they should hold; the hashes one level up."""
        above = bytearray()
        for number, at in enumerate(range(0, len(hashes), _TILE_BYTES), first):
            expected = hashes[at : at + _TILE_BYTES]
            width = len(expected) // HASH_BYTES
            try:
                with self._store.read() as tx:
                    stored = tx.log.read_tile(report.center, TileId(level=level, number=number), width)
                if stored != expected:
                    report.faults.append(f"Tile {number} of level {level} is not what its entries give.")
            except TileMissing as fault:
                report.faults.append(f"Tile {number} of level {level}: {fault.detail}")
            report.tiles += 1
            if width == TILE_WIDTH:
                above += root_of_joined(expected)
        return bytes(above)

    def _checkpoints(self, report: CheckReport, progress: Progress) -> None:
        key = self._signer.center(report.center).key
        above = TreeSize(0)
        while True:
            with self._store.read() as tx:
                page = tx.log.checkpoints(report.center, above=above, limit=256)
                for checkpoint in page:
                    try:
                        root = root_from_tiles(
                            checkpoint.tree_size, lambda tile, width: tx.log.read_tile(report.center, tile, width)
                        )
                        _same(checkpoint, root == checkpoint.root, "its root is not what the tiles give")
                        opened = open_checkpoint(checkpoint.note, key)
                        is_same = (opened.tree_size, opened.root) == (checkpoint.tree_size, checkpoint.root)
                        _same(checkpoint, is_same, "its signed note says otherwise than its record")
                    except GreenlaneError as fault:
                        report.faults.append(f"Checkpoint of tree size {checkpoint.tree_size}: {fault.detail}")
            if not page:
                break
            report.checkpoints += len(page)
            above = page[-1].tree_size
            progress("checkpoints", report.checkpoints, report.checkpoints)

    def _anchors(self, report: CheckReport, ledger: Ledger, progress: Progress) -> None:
        report.is_chain_checked = True
        head = ledger.anchored_head(report.center)
        for anchor in self._walk_anchors(report.center):
            root = ledger.anchored_root(report.center, anchor.tree_size)
            if root != anchor.root:
                found = "nothing" if root is None else root.hex()
                report.faults.append(f"At tree size {anchor.tree_size} the chain holds {found}, the store {anchor.root.hex()}.")
            report.anchors += 1
            progress("anchors", report.anchors, report.anchors)
        if head.tree_size:
            with self._store.read() as tx:
                published = tx.log.checkpoint(report.center, head.tree_size)
            if published is None or published.root != head.root:
                report.faults.append(f"The chain's last anchor, at tree size {head.tree_size}, is no checkpoint of this log.")

    def _walk_anchors(self, center: CenterId) -> Iterator[StoredAnchor]:
        above = TreeSize(0)
        while True:
            with self._store.read() as tx:
                page = tx.log.anchors(center, above=above, limit=256)
            if not page:
                return
            yield from page
            above = page[-1].tree_size


def _same(checkpoint: StoredCheckpoint, is_same: bool, complaint: str) -> None:
    if not is_same:
        raise GreenlaneError(f"{complaint}.")
