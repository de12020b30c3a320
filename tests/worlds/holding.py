"""Pilot centers that hold documents for one another, each with its own database, store of documents and reconciler.

lima = open_center(tmp_path / "lima", "lima")
tianjin = open_center(tmp_path / "tianjin", "tianjin")
befriend(lima, tianjin)                      # each has a key of the other
cid = lima.store(b"a document")
settle(lima, tianjin)
assert tianjin.documents.is_held(cid)
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import cast

from greenlane.adapters.media_types import SniffedTypes
from greenlane.core.canonical import JsonValue
from greenlane.core.documents.cid import Cid
from greenlane.core.errors import Conflict, InvalidInput, Unavailable
from greenlane.core.units import CenterId, center_id
from greenlane.ports.accounts import KeyRole
from greenlane.ports.documents import DocumentMissing, Documents, DocumentWithdrawn
from greenlane.ports.holds import DocumentsStanding, Partner, PartnerRefused, PartnerUnavailable
from greenlane.services.fetch import FetchDocument
from greenlane.services.hold import Asker, Hold, HoldLimits
from greenlane.services.reconcile import Finding, FindingKind, Reconcile, ReconcilePace
from greenlane.services.store import StoreDocument
from greenlane.services.sweep_uploads import SweepUploads
from greenlane.settings import read_settings
from worlds.deployment import COOPERATIVE, World, close_world, make_world
from worlds.document_store import DocumentsWorld

LOT = "https://id.gs1.org/01/09521321000018/10/LOT-7"
_MOST_CALLS = 2_000


@dataclass(kw_only=True)
class Center:
    """One pilot center, as its operator and a test see it.

    Attributes:
        name: of its center, one of those that `worlds.deployment` hosts.
        findings: what its reconciler has told so far.
    """

    name: CenterId
    world: World
    documents: Documents
    limits: HoldLimits
    pace: ReconcilePace
    partners: list[Partner] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    hold: Hold = field(init=False)
    fetch: FetchDocument = field(init=False)
    storing: StoreDocument = field(init=False)
    sweep: SweepUploads = field(init=False)
    reconcile: Reconcile = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Its processes die and are started again: what they knew is gone, what was written stays."""
        store, clock = self.world.store, self.world.clock
        self.hold = Hold(store=store, documents=self.documents, clock=clock, limits=self.limits)
        self.fetch = FetchDocument(store=store, documents=self.documents, wait_s=None)
        self.storing = StoreDocument(
            store=store,
            staging=self.world.staging,
            documents=self.documents,
            media_types=SniffedTypes(read_settings({}).document_types),
            clock=clock,
            entropy=self.world.entropy,
            max_unpublished=1_000_000,
        )
        self.sweep = SweepUploads(store=store, staging=self.world.staging, clock=clock)
        self.reconcile = Reconcile(store=store, documents=self.documents, partners=self.partners, clock=clock, pace=self.pace)

    def store(self, data: bytes, *, name: str = "document.txt") -> Cid:
        """A member states a public document and sends its bytes."""
        upload = self.begin(data)
        statement: dict[str, JsonValue] = {"mediaType": "text/plain", "name": name, "documentType": "other", "about": [LOT]}
        stored = self.storing(upload, statement, center=self.name, key_id="key", actor="console")
        return stored.description.cid

    def begin(self, data: bytes) -> str:
        """A member sends bytes, and states nothing yet; the upload's id."""
        received = self.world.receive_upload
        begun = received.begin(center=self.name, member=COOPERATIVE, key_id="key", length=len(data))
        if data:
            received.append(begun.upload.id, key_id="key", offset=0, pieces=[data])
        return begun.upload.id

    def withdraw(self, cid: Cid) -> None:
        """Its member states no more that it keeps a document."""
        with self.world.store.write() as tx:
            tx.documents.withdraw(self.name, COOPERATIVE, cid, self.world.clock())

    def key_for(self, other: CenterId) -> tuple[Asker, str]:
        """A partner's key for another center: as the service sees it, and its text."""
        key, text = self.world.enrol.issue_key(
            center=self.name, role=KeyRole.PARTNER, member=None, label=other, expires_at=None, actor="console"
        )
        return Asker(key_id=key.id, role=key.role, center=self.name), text

    def round(self, *, calls: int = _MOST_CALLS) -> DocumentsStanding:
        """One whole round of its reconciler."""
        for _ in range(calls):
            standing = self.reconcile(tell=self.findings.append)
            if standing is not None:
                return standing
        raise AssertionError("the round never ended")

    def told(self, kind: FindingKind) -> list[Finding]:
        return [finding for finding in self.findings if finding.kind is kind]

    def replicas(self, cid: Cid) -> list[CenterId]:
        with self.world.store.read() as tx:
            return [replica.partner for replica in tx.holds.holders(cid)]

    def wait(self, much: timedelta) -> None:
        self.world.clock.now += much


@dataclass(kw_only=True)
class Neighbour:
    """A `ports.holds.Partner` that reaches another center without a network between.

    Attributes:
        is_away: it does not answer.
        is_lying: what it sends is not what it was asked for.
        asked: what it was asked, in order.
    """

    there: Center
    asker: Asker
    is_away: bool = False
    is_lying: bool = False
    asked: list[tuple[str, Cid]] = field(default_factory=list)

    @property
    def center(self) -> CenterId:
        return self.there.name

    def ask_to_hold(self, cid: Cid, size: int) -> bool:
        self._reach("hold", cid)
        try:
            return self.there.hold(self.asker, cid, size).is_held
        except (InvalidInput, Conflict, DocumentWithdrawn) as refusal:
            raise PartnerRefused(refusal.detail) from refusal
        except Unavailable as fault:
            raise PartnerUnavailable(fault.detail) from fault

    def release(self, cid: Cid) -> None:
        self._reach("release", cid)
        self.there.hold.release(self.asker, cid)

    def fetch_car(self, cid: Cid) -> Iterator[bytes]:
        self._reach("fetch", cid)
        try:
            self.there.fetch.find(cid)
            yield from self._bent(self.there.fetch.car(cid))
        except (DocumentMissing, DocumentWithdrawn) as fault:
            raise DocumentMissing(f"{self.center} has no {cid.text}.") from fault
        except Unavailable as fault:
            raise PartnerUnavailable(fault.detail) from fault

    def _bent(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        whole = b"".join(pieces)
        yield whole[:-1] + bytes([whole[-1] ^ 1]) if self.is_lying else whole

    def _reach(self, what: str, cid: Cid) -> None:
        self.asked.append((what, cid))
        if self.is_away:
            raise PartnerUnavailable(f"{self.center} does not answer.")


def open_center(
    folder: Path,
    name: str,
    *,
    documents: Documents | None = None,
    limits: HoldLimits | None = None,
    pace: ReconcilePace | None = None,
) -> Center:
    """A center of its own; whoever opens one closes it by `close_center`."""
    folder.mkdir(parents=True, exist_ok=True)
    world = make_world(folder)
    kept = documents or world.documents
    # What the web serves is what the center keeps.
    world = replace(world, documents=cast(DocumentsWorld, kept))
    return Center(
        name=center_id(name),
        world=world,
        documents=kept,
        limits=limits or HoldLimits(document_bytes=1 << 30, partner_bytes=1 << 33),
        pace=pace or ReconcilePace(wait_s=0.0),
    )


def close_center(center: Center) -> None:
    close_world(center.world)


def befriend(one: Center, other: Center) -> tuple[Neighbour, Neighbour]:
    """Each gives the other a key: how the first reaches the second, and the second the first."""
    there = Neighbour(there=other, asker=other.key_for(one.name)[0])
    back = Neighbour(there=one, asker=one.key_for(other.name)[0])
    for center, neighbour in ((one, there), (other, back)):
        center.partners.append(neighbour)
        center.restart()
    return there, back


def settle(*centers: Center, rounds: int = 4) -> Sequence[DocumentsStanding]:
    """Everybody's reconciler does some rounds, in turn; what the last ones came to."""
    standings = [center.round() for _ in range(rounds) for center in centers]
    return standings[-len(centers) :]
