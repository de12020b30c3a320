"""Recomputes everything a center's log rests on, and names whatever does not add up.

From the bottom up: each stored event gives its digest, hash and entry, each statement about a document its digest and entry, so
does each evidence statement and each certified retirement; each entry has what it stands for; the entries give the leaves; the
leaves give every tile;
the tiles give every checkpoint's root; each checkpoint is signed; and the chain holds every root that is said to be anchored.
Where validators seal the chain, the seals that are kept show every change of the validators and every anchor that has some.
"""

from collections.abc import Mapping

from greenlane.core.checkpoint import open_checkpoint
from greenlane.core.entry import Entry, EntryKind
from greenlane.core.errors import GreenlaneError, Unavailable
from greenlane.core.merkle import HASH_BYTES, leaf_hash, root_of_joined
from greenlane.core.note import VerifierKey, parse_note
from greenlane.core.tiles import TILE_WIDTH, TileId, root_from_tiles
from greenlane.core.units import CenterId, LeafIndex, RootHash, TreeSize
from greenlane.ports.asset_ledger import AssetPlaces
from greenlane.ports.documents import Documents
from greenlane.ports.errors import TileMissing
from greenlane.ports.ledger import AnchoredHead, Ledger
from greenlane.ports.log import LogHead, StoredAnchor, StoredCheckpoint
from greenlane.ports.seals import SealedChain
from greenlane.ports.signing import CheckpointSigner
from greenlane.ports.store import Store
from greenlane.services.check.documents import check_bytes, check_statements
from greenlane.services.check.entries import PAGE
from greenlane.services.check.events import check_events
from greenlane.services.check.evidence import check_evidence
from greenlane.services.check.report import MAX_FAULTS, BytesReport, CheckReport, Missing, Progress
from greenlane.services.check.retirements import check_retirements
from greenlane.services.check.seals import check_seals, walk_anchors

__all__ = ["MAX_FAULTS", "BytesReport", "Check", "CheckReport", "Progress"]

_TILE_BYTES = TILE_WIDTH * HASH_BYTES
_STORED = (EntryKind.EVENT, EntryKind.DOCUMENT, EntryKind.EVIDENCE, EntryKind.RETIREMENT)
"""Kinds of entries that have something stored beside them."""


class Check:
    """The use case: read only; memory is bounded by one page and half a byte an entry."""

    def __init__(
        self,
        *,
        store: Store,
        signer: CheckpointSigner,
        sealed: SealedChain | None,
        documents: Documents,
        assets: AssetPlaces | None = None,
    ) -> None:
        """Args:
        sealed: the chain where validators seal it; None where nobody does.
        assets: the contracts of green assets; None where the network has none: then entries of their kinds are faults.
        """
        self._assets = assets
        self._documents = documents
        self._store = store
        self._signer = signer
        self._sealed = sealed

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
        missing = {kind: Missing(head.captured) for kind in _STORED}
        level, hashes = 1, self._entries(report, head, missing, progress)
        check_events(self._store, report, head.captured, missing[EntryKind.EVENT], progress)
        check_statements(self._store, report, head.captured, missing[EntryKind.DOCUMENT], progress)
        check_evidence(self._store, report, head.captured, missing[EntryKind.EVIDENCE], self._assets, progress)
        check_retirements(self._store, report, head.captured, missing[EntryKind.RETIREMENT], self._assets, progress)
        while hashes:
            hashes = self._tiles(report, level, 0, hashes)
            level += 1
        self._checkpoints(report, head, self._keys(center, ledger), progress)
        self._recorded_anchors(report)
        if self._sealed is not None:
            check_seals(self._store, report, self._sealed)
        if ledger is not None:
            self._anchors(report, ledger, progress)
        return report

    def documents(self, *, progress: Progress) -> BytesReport:
        """Hashes every block of every document that is wanted here, those that are held for others too.

        Raises:
            DocumentsUnavailable, StoreUnavailable: the check could not be carried out.
        """
        report = BytesReport()
        check_bytes(self._store, self._documents, report, progress)
        return report

    def _entries(self, report: CheckReport, head: LogHead, missing: Mapping[EntryKind, Missing], progress: Progress) -> bytes:
        """Checks entries and the tiles of leaves; the hashes of level 1 that they give."""
        above = bytearray()
        while report.entries < head.captured:
            start = report.entries
            try:
                with self._store.read() as tx:
                    page = tx.log.entries(report.center, LeafIndex(start), min(PAGE, head.captured - start))
            except Unavailable:
                raise
            except GreenlaneError as fault:
                report.blame(f"Entries from {start} on cannot be read: {fault.detail}")
                break
            for index, entry in enumerate(page, start):
                try:
                    expected = missing.get(Entry.decode(entry).kind)
                    if expected is not None:
                        expected.expect(index)
                except GreenlaneError as fault:
                    report.blame(f"Entry {index} is malformed: {fault.detail}")
            published = page[: max(0, head.published - start)]
            above += self._tiles(report, 0, start // TILE_WIDTH, b"".join(leaf_hash(entry) for entry in published))
            report.entries += len(page)
            progress("entries", report.entries, head.captured)
        return bytes(above)

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
                    report.blame(f"Tile {number} of level {level} is not what its entries give.")
            except TileMissing as fault:
                report.blame(f"Tile {number} of level {level}: {fault.detail}")
            report.tiles += 1
            if width == TILE_WIDTH:
                above += root_of_joined(expected)
        return bytes(above)

    def _keys(self, center: CenterId, ledger: Ledger | None) -> tuple[VerifierKey, ...]:
        """The keys that the center's checkpoints may be signed by: the one we hold, and those that the registry gave it."""
        held = self._signer.center(center).key
        known = None if ledger is None else ledger.trust().center(center)
        return (held, *(() if known is None else (term.key for term in known.log_keys)))

    def _checkpoints(self, report: CheckReport, head: LogHead, keys: tuple[VerifierKey, ...], progress: Progress) -> None:
        above = TreeSize(0)
        is_newest_there = head.published == 0
        while True:
            page = self._checkpoints_above(report, above)
            for checkpoint in page:
                is_newest_there |= checkpoint.tree_size == head.published
                try:
                    root = self._root(checkpoint)
                    _same(checkpoint, root == checkpoint.root, "its root is not what the tiles give")
                    note = parse_note(checkpoint.note)
                    key = next((each for each in keys if note.is_claimed_by(each)), keys[0])
                    opened = open_checkpoint(checkpoint.note, key)
                    is_same = (opened.tree_size, opened.root) == (checkpoint.tree_size, checkpoint.root)
                    _same(checkpoint, is_same, "its signed note says otherwise than its record")
                except Unavailable:
                    raise
                except GreenlaneError as fault:
                    report.blame(f"Checkpoint of tree size {checkpoint.tree_size}: {fault.detail}")
            if not page:
                break
            report.checkpoints += len(page)
            above = page[-1].tree_size
            progress("checkpoints", report.checkpoints, report.checkpoints)
        if not is_newest_there:
            report.blame(f"The newest checkpoint, of the {head.published} entries that are counted as published, is not there.")

    def _root(self, checkpoint: StoredCheckpoint) -> RootHash:
        with self._store.read() as tx:
            return root_from_tiles(checkpoint.tree_size, lambda tile, width: tx.log.read_tile(checkpoint.center, tile, width))

    def _checkpoints_above(self, report: CheckReport, above: TreeSize) -> tuple[StoredCheckpoint, ...]:
        try:
            with self._store.read() as tx:
                return tx.log.checkpoints(report.center, above=above, limit=256)
        except Unavailable:
            raise
        except GreenlaneError as fault:
            report.blame(f"Checkpoints above tree size {above} cannot be read: {fault.detail}")
            return ()

    def _anchors(self, report: CheckReport, ledger: Ledger, progress: Progress) -> None:
        report.is_chain_checked = True
        head = ledger.anchored_head(report.center)
        for anchor in walk_anchors(self._store, report.center):
            root = ledger.anchored_root(report.center, anchor.tree_size)
            if root != anchor.root:
                found = "nothing" if root is None else root.hex()
                report.blame(f"At tree size {anchor.tree_size} the chain holds {found}, the store {anchor.root.hex()}.")
            else:
                self._trace(report, ledger, head, anchor)
            progress("anchors", report.anchors, report.anchors)
        if head.tree_size and self._published_root(report.center, head.tree_size) != head.root:
            report.blame(f"The chain's last anchor, at tree size {head.tree_size}, is no checkpoint of this log.")

    def _trace(self, report: CheckReport, ledger: Ledger, head: AnchoredHead, anchor: StoredAnchor) -> None:
        """Compares what receipts will say of an anchor with what the chain can still tell."""
        trace = ledger.anchor_trace(report.center, anchor.tree_size)
        told = (
            ("block number", trace.block_number, anchor.block_number),
            ("transaction", trace.transaction, anchor.transaction),
            ("time", head.anchored_at if head.tree_size == anchor.tree_size else None, anchor.anchored_at),
        )
        for name, said, stored in told:
            if said is not None and stored is not None and said != stored:
                report.blame(f"The chain tells of another {name} of the anchor at tree size {anchor.tree_size} than the store.")

    def _recorded_anchors(self, report: CheckReport) -> None:
        """Compares recorded anchors with the checkpoints that they are said to be of."""
        for anchor in walk_anchors(self._store, report.center):
            if self._published_root(report.center, anchor.tree_size) != anchor.root:
                report.blame(f"The anchor recorded at tree size {anchor.tree_size} is of no checkpoint of this log.")
            report.anchors += 1

    def _published_root(self, center: CenterId, tree_size: TreeSize) -> RootHash | None:
        """The root of a checkpoint; None where there is none, or none that can be read."""
        try:
            with self._store.read() as tx:
                checkpoint = tx.log.checkpoint(center, tree_size)
        except Unavailable:
            raise
        except GreenlaneError:
            return None
        return None if checkpoint is None else checkpoint.root


def _same(checkpoint: StoredCheckpoint, is_same: bool, complaint: str) -> None:
    if not is_same:
        raise GreenlaneError(f"{complaint}.")
