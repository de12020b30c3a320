"""Recomputes everything a center's log rests on, and names whatever does not add up.

From the bottom up: each stored event gives its digest, hash and entry; the entries give the leaves; the leaves give every tile;
the tiles give every checkpoint's root; each checkpoint is signed; and the chain holds every root that is said to be anchored.
Where validators seal the chain, the seals that are kept show every change of the validators and every anchor that has some.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from greenlane.core import crypto
from greenlane.core.canonical import canonical_bytes, parse_json
from greenlane.core.checkpoint import open_checkpoint
from greenlane.core.entry import Entry, EntryKind, opens
from greenlane.core.epcis.event import Event, parse_capture
from greenlane.core.epcis.eventhash import CbvVersion, event_hash
from greenlane.core.epcis.variant import variant_digest
from greenlane.core.errors import GreenlaneError, Unavailable
from greenlane.core.merkle import HASH_BYTES, leaf_hash, root_of_joined
from greenlane.core.note import VerifierKey, parse_note
from greenlane.core.sealing import next_set, verify_sealed_root
from greenlane.core.seals import Sealing, Seals
from greenlane.core.tiles import TILE_WIDTH, TileId, root_from_tiles
from greenlane.core.units import CenterId, LeafIndex, RootHash, TreeSize
from greenlane.ports.accounts import Visibility
from greenlane.ports.errors import TileMissing
from greenlane.ports.events import ItemKey, StoredEvent
from greenlane.ports.ledger import AnchoredHead, Ledger
from greenlane.ports.log import LogHead, StoredAnchor, StoredCheckpoint
from greenlane.ports.seals import SealedChain, extended
from greenlane.ports.signing import CheckpointSigner
from greenlane.ports.store import Store, Transaction

MAX_FAULTS = 1_000
_PAGE = 16 * TILE_WIDTH
_TILE_BYTES = TILE_WIDTH * HASH_BYTES

Progress = Callable[[str, int, int], None]
"""Told what is being checked, how much of it is done, and how much there is."""


@dataclass(slots=True, kw_only=True)
class CheckReport:
    """What one check of one center found.

    Attributes:
        faults: one sentence each: what does not add up, and where; empty where all is well. At most MAX_FAULTS of them.
        unlisted: how many more there were.
        forgotten: private events whose salt was destroyed on request; their entries cannot be opened, by design.
        sealed: anchors whose kept seals were judged.
        is_chain_checked: False where no ledger was given.
    """

    center: CenterId
    events: int = 0
    entries: int = 0
    tiles: int = 0
    checkpoints: int = 0
    anchors: int = 0
    sealed: int = 0
    forgotten: int = 0
    is_chain_checked: bool = False
    faults: list[str] = field(default_factory=list)
    unlisted: int = 0

    def blame(self, sentence: str) -> None:
        """Notes one thing that does not add up."""
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(sentence)
        else:
            self.unlisted += 1


class _Missing:
    """Entries of events whose events have not been seen yet: one bit each."""

    def __init__(self, captured: TreeSize) -> None:
        self._bits = bytearray(-(-captured // 8))

    def expect(self, index: int) -> None:
        self._bits[index // 8] |= 1 << index % 8

    def saw(self, index: int) -> None:
        # An event that came while we looked lies beyond the entries that are counted here.
        if index // 8 < len(self._bits):
            self._bits[index // 8] &= ~(1 << index % 8)

    def __iter__(self) -> Iterator[int]:
        for at, byte in enumerate(self._bits):
            if byte:
                yield from (8 * at + bit for bit in range(8) if byte >> bit & 1)


class Check:
    """The use case: read only; memory is bounded by one page and an eighth of a byte an entry."""

    def __init__(self, *, store: Store, signer: CheckpointSigner, sealed: SealedChain | None) -> None:
        """Args:
        sealed: the chain where validators seal it; None where nobody does.
        """
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
        missing = _Missing(head.captured)
        level, hashes = 1, self._entries(report, head, missing, progress)
        self._events(report, head.captured, missing, progress)
        while hashes:
            hashes = self._tiles(report, level, 0, hashes)
            level += 1
        self._checkpoints(report, head, self._keys(center, ledger), progress)
        self._recorded_anchors(report)
        if self._sealed is not None:
            self._seals(report, self._sealed)
        if ledger is not None:
            self._anchors(report, ledger, progress)
        return report

    def _entries(self, report: CheckReport, head: LogHead, missing: _Missing, progress: Progress) -> bytes:
        """Checks entries and the tiles of leaves; the hashes of level 1 that they give."""
        above = bytearray()
        while report.entries < head.captured:
            start = report.entries
            try:
                with self._store.read() as tx:
                    page = tx.log.entries(report.center, LeafIndex(start), min(_PAGE, head.captured - start))
            except Unavailable:
                raise
            except GreenlaneError as fault:
                report.blame(f"Entries from {start} on cannot be read: {fault.detail}")
                break
            for index, entry in enumerate(page, start):
                try:
                    if Entry.decode(entry).kind is EntryKind.EVENT:
                        missing.expect(index)
                except GreenlaneError as fault:
                    report.blame(f"Entry {index} is malformed: {fault.detail}")
            published = page[: max(0, head.published - start)]
            above += self._tiles(report, 0, start // TILE_WIDTH, b"".join(leaf_hash(entry) for entry in published))
            report.entries += len(page)
            progress("entries", report.entries, head.captured)
        return bytes(above)

    def _events(self, report: CheckReport, captured: TreeSize, missing: _Missing, progress: Progress) -> None:
        start = LeafIndex(0)
        forgotten: set[str] = set()
        while True:
            read = self._events_from(report, start)
            if read is None:
                # What lies behind cannot be seen: saying that it is missing would be another claim.
                missing = _Missing(TreeSize(0))
                break
            page, entries = read
            if not page:
                break
            first = page[0].leaf_index
            for event in page:
                missing.saw(event.leaf_index)
                offset = event.leaf_index - first
                if entries is not None:
                    self._entry(report, event, entries[offset] if offset < len(entries) else None)
                self._event(report, event)
                if event.is_blinded and event.salt is None:
                    forgotten.add(str(event.leaf_index))
            report.events += len(page)
            start = LeafIndex(page[-1].leaf_index + 1)
            progress("events", min(start, captured), captured)
        for index in missing:
            report.blame(f"Entry {index} is of an event, and no event is stored for it.")
        report.forgotten = len(forgotten)
        for leaf in sorted(forgotten - self._forgotten_on_request(report.center) if forgotten else (), key=int):
            report.blame(f"Event at leaf {leaf}: its salt is gone, and the audit record does not say that it was forgotten.")

    def _events_from(self, report: CheckReport, start: LeafIndex) -> tuple[list[StoredEvent], tuple[bytes, ...] | None] | None:
        """Some events from `start` on, none at the end, and the entries from the first to the last; None where unreadable."""
        try:
            with self._store.read() as tx:
                walked = tx.events.walk(report.center, start=start, limit=1024)
                if not walked:
                    return [], ()
                first = walked[0].leaf_index
                # Entries of other kinds may lie between two events: only so many are read at once.
                page = [event for event in walked if event.leaf_index < first + _PAGE]
                return page, self._entries_beside(tx, report, first, page[-1].leaf_index - first + 1)
        except Unavailable:
            raise
        except GreenlaneError as fault:
            report.blame(f"Events from leaf {start} on cannot be read: {fault.detail}")
            return None

    def _entries_beside(self, tx: Transaction, report: CheckReport, first: LeafIndex, count: int) -> tuple[bytes, ...] | None:
        try:
            return tx.log.entries(report.center, first, count)
        except Unavailable:
            raise
        except GreenlaneError as fault:
            report.blame(f"Events from leaf {first} on were not compared with their entries: {fault.detail}")
            return None

    def _forgotten_on_request(self, center: CenterId) -> set[str]:
        """The leaves whose salts the audit record says were forgotten."""
        found: set[str] = set()
        after = 0
        while True:
            with self._store.read() as tx:
                lines = tx.audit.lines(center, after=after, limit=4096)
            if not lines:
                return found
            found.update(line.subject for _, line in lines if line.action == "salt.forget")
            after = lines[-1][0]

    def _entry(self, report: CheckReport, event: StoredEvent, encoded: bytes | None) -> None:
        place = f"Event at leaf {event.leaf_index}"
        if encoded is None:
            report.blame(f"{place}: the log has no entry there.")
            return
        plain = Entry(kind=EntryKind.EVENT, is_blinded=False, subject=event.identity.event_digest, content=event.content_digest)
        try:
            entry = Entry.decode(encoded)
            if event.is_blinded and event.salt is None:
                is_its_own = entry.kind is EntryKind.EVENT and entry.is_blinded
            else:
                is_its_own = opens(entry, plain, event.salt)
        except GreenlaneError as fault:
            report.blame(f"{place}: {fault.detail}")
            return
        if not is_its_own:
            report.blame(f"{place}: the log's entry is not that of the stored event.")
        if event.is_blinded != (event.visibility is Visibility.PRIVATE):
            report.blame(f"{place}: its entry is {'' if event.is_blinded else 'not '}blinded, though it is {event.visibility}.")

    def _event(self, report: CheckReport, event: StoredEvent) -> None:
        place = f"Event at leaf {event.leaf_index}"
        try:
            document = parse_json(event.document)
            if not isinstance(document, dict) or canonical_bytes(document) != event.document:
                report.blame(f"{place}: the stored document is not in canonical form.")
                return
            if crypto.sha256(event.document) != event.content_digest:
                report.blame(f"{place}: the stored document does not give its content digest.")
            if event_hash(document, CbvVersion.V2_0) != event.event_hash:
                report.blame(f"{place}: the stored document does not give its event hash.")
            if variant_digest(document) != event.identity.variant_digest:
                report.blame(f"{place}: the stored document does not give its variant digest.")
            (read,) = parse_capture(document)
            for name in _differing(event, read):
                report.blame(f"{place}: the {name} by which it is found is not that of the stored document.")
        except GreenlaneError as fault:
            report.blame(f"{place}: {fault.detail}")

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
        for anchor in self._walk_anchors(report.center):
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
        for anchor in self._walk_anchors(report.center):
            if self._published_root(report.center, anchor.tree_size) != anchor.root:
                report.blame(f"The anchor recorded at tree size {anchor.tree_size} is of no checkpoint of this log.")
            report.anchors += 1

    def _seals(self, report: CheckReport, chain: SealedChain) -> None:
        """Judges what is kept of the validators' seals, starting from the sets that this deployment was set up with."""
        sealing = self._followed(report, chain)
        for anchor in self._walk_anchors(report.center):
            try:
                with self._store.read() as tx:
                    state = tx.seals.sealed(anchor.center, anchor.tree_size)
                if state is None:
                    continue
                verify_sealed_root(
                    Seals(changes=(), anchored=state),
                    sealing=sealing,
                    registry=chain.pilot_registry,
                    anchor_log=chain.anchor_log,
                    center=anchor.center,
                    tree_size=anchor.tree_size,
                    root=anchor.root,
                )
            except Unavailable:
                raise
            except GreenlaneError as fault:
                report.blame(f"The seals kept of the anchor at tree size {anchor.tree_size} do not prove it: {fault.detail}")
            report.sealed += 1

    def _followed(self, report: CheckReport, chain: SealedChain) -> Sealing:
        """The sets that the kept changes lead to, as far as each follows from those before."""
        try:
            with self._store.read() as tx:
                changes = tx.seals.changes(chain.chain_id)
        except Unavailable:
            raise
        except GreenlaneError as fault:
            report.blame(f"The changes of the validators cannot be read: {fault.detail}")
            return chain.sealing
        given_to = chain.sealing.sets[-1].seals_from
        # What is older was judged by sets that this deployment was set up with before.
        sealing = extended(chain.sealing, [change.becomes for change in changes if change.becomes.seals_from <= given_to])
        for change in changes:
            if change.becomes.seals_from <= given_to:
                continue
            try:
                becomes = next_set(change.state, sealing, chain.pilot_registry)
            except GreenlaneError as fault:
                report.blame(f"The validators from block {change.becomes.seals_from} on do not follow: {fault.detail}")
                continue
            if becomes != change.becomes:
                report.blame(f"The validators from block {change.becomes.seals_from} on are recorded otherwise than sealed.")
            sealing = extended(sealing, (becomes or change.becomes,))
        return sealing

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


def _differing(stored: StoredEvent, read: Event) -> list[str]:
    """Names of the fields by which an event is found that its document does not give."""
    expected: tuple[tuple[str, object, object], ...] = (
        ("type", stored.event_type, read.event_type.value),
        ("event time", stored.event_time, read.event_time),
        ("action", stored.action, None if read.action is None else read.action.value),
        ("business step", stored.biz_step, read.biz_step),
        ("disposition", stored.disposition, read.disposition),
        ("read point", stored.read_point, read.read_point),
        ("business location", stored.biz_location, read.biz_location),
        ("event id", stored.event_id, read.event_id),
        ("declaration of error", stored.is_error_declaration, read.is_error_declaration),
        ("list of items", set(stored.items), {ItemKey(role=item.role.value, identifier=item.identifier) for item in read.epcs}),
    )
    return [name for name, kept, given in expected if kept != given]
