"""A deployment in a temporary folder: real database, real log keys, every service; the chain, time and chance are the test's.

    world = make_world(tmp_path)                       # nobody seals its chain
    world = make_world(tmp_path, sealed=sealed_chain()) # validators do
    job = world.capture(center=LIMA, member=COOPERATIVE, events=some_events(3), actor="console")
    world.settle()

Three centers are hosted. Each has a public member, "cooperative", and a private one, "roaster".
"""

import atexit
import shutil
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from greenlane.adapters.age import encrypt_for
from greenlane.adapters.keystore import LogSigner
from greenlane.adapters.media_types import SniffedTypes
from greenlane.adapters.sql.store import SqlStore, open_store
from greenlane.adapters.staging import StagingFolder
from greenlane.bootstrap import assemble_assets
from greenlane.core.assets.places import AssetContracts
from greenlane.core.crypto import ed25519_public_key, sha256
from greenlane.core.epcis.event import Event
from greenlane.core.epcis.eventhash import event_hash_digest
from greenlane.core.note import VerifierKey
from greenlane.core.receipt import Receipt
from greenlane.core.seals import ValidatorMode
from greenlane.core.trust import LogKeyTerm, TrustedCenter, TrustFile
from greenlane.core.units import Address, CenterId, ChainId, MemberId
from greenlane.ports import seals as ports
from greenlane.ports.accounts import MemberRole, Visibility
from greenlane.ports.events import Reader
from greenlane.ports.jobs import CaptureJob
from greenlane.ports.ledger import Ledger
from greenlane.ports.signing import HostedCenter
from greenlane.ports.store import Store
from greenlane.services.anchor import Anchor, AnchorStep
from greenlane.services.balance import Balance
from greenlane.services.capture import Capture
from greenlane.services.check import Check, CheckReport
from greenlane.services.enrol import Enrol
from greenlane.services.factors import DeclareFactor
from greenlane.services.fetch import FetchDocument
from greenlane.services.forget import Forget
from greenlane.services.hold import Hold, HoldLimits
from greenlane.services.identify import Identify
from greenlane.services.labels import RegisterLabel
from greenlane.services.list_documents import ListDocuments
from greenlane.services.look_up import LookUp
from greenlane.services.prove import ChainPlace, Prove
from greenlane.services.publish import Publish
from greenlane.services.read_log import ReadLog
from greenlane.services.register_reader import RegisterReader
from greenlane.services.seal import Seal
from greenlane.services.sign_in import SignIn
from greenlane.services.store import StoreDocument
from greenlane.services.sweep_uploads import SweepUploads
from greenlane.services.trace import Trace
from greenlane.services.upload import ReceiveUpload, UploadLimits
from greenlane.services.watch_keys import WatchKeys
from greenlane.settings import read_settings
from greenlane.web.services import AssetServices
from greenlane.worker import AssetWork
from worlds.asset_ledger import AssetLedgerWorld, MemberKeysWorld
from worlds.document_store import DocumentsWorld
from worlds.events import some_events
from worlds.ledger import LedgerWorld
from worlds.sealed_chain import SealedChain

TIANJIN, LIMA, HO_CHI_MINH = CenterId("tianjin"), CenterId("lima"), CenterId("ho-chi-minh")
CENTERS = ((TIANJIN, "天津试点中心", "CN"), (LIMA, "Centro Piloto de Lima", "PE"), (HO_CHI_MINH, "Trung tâm Sài Gòn", "VN"))
COOPERATIVE, ROASTER = MemberId("cooperative"), MemberId("roaster")
START = datetime(2026, 6, 1, 12, tzinfo=UTC)


class TickingClock:
    """Each look is a second later than the one before; `now` may be set."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


class CountedEntropy:
    """Bytes that look random, never repeat, and are the same in every run."""

    def __init__(self) -> None:
        self.drawn = 0

    def __call__(self, count: int) -> bytes:
        self.drawn += 1
        seed = self.drawn.to_bytes(8, "big")
        return b"".join(sha256(seed + bytes([part])) for part in range(-(-count // 32)))[:count]


def log_seed(center: CenterId) -> bytes:
    """The seed of a center's log key."""
    return sha256(f"log key of {center}".encode())


def hosted_center(center: CenterId, name: str, economy: str) -> HostedCenter:
    origin = f"greenlane.example/{center}"
    key = VerifierKey(name=origin, public_key=ed25519_public_key(log_seed(center)))
    return HostedCenter(id=center, name=name, economy=economy, origin=origin, key=key)


HOSTED = tuple(hosted_center(*facts) for facts in CENTERS)
CHAIN = ChainPlace(chain_id=ChainId(20_261), anchor_log=Address(sha256(b"anchor log")[:20]))
ASSETS = AssetContracts(
    green_asset=Address(sha256(b"green asset")[:20]), evidence_register=Address(sha256(b"evidence register")[:20])
)


def trust_file() -> TrustFile:
    """What a verifier starts from, in this world."""
    return TrustFile(
        chain_id=CHAIN.chain_id,
        genesis_hash=sha256(b"genesis"),
        pilot_registry=Address(sha256(b"registry")[:20]),
        anchor_log=CHAIN.anchor_log,
        assets=ASSETS,
        sealing=None,
        centers=tuple(
            TrustedCenter(
                id=center.id,
                name=center.name,
                economy=center.economy,
                origin=center.origin,
                log_keys=(LogKeyTerm(key=center.key, valid_from=datetime(2026, 1, 1, tzinfo=UTC), valid_until=None),),
            )
            for center in HOSTED
        ),
    )


@dataclass(frozen=True, kw_only=True)
class World:
    """The services over one store, and what a test turns to shape them."""

    file: Path
    store: Store
    signer: LogSigner
    ledger: LedgerWorld
    clock: TickingClock
    entropy: CountedEntropy
    capture: Capture
    publish: Publish
    anchor: Anchor
    prove: Prove
    trace: Trace
    forget: Forget
    enrol: Enrol
    identify: Identify
    sign_in: SignIn
    check: Check
    read_log: ReadLog
    watch_keys: WatchKeys
    look_up: LookUp
    seal: Seal | None
    documents: DocumentsWorld
    staging: StagingFolder
    receive_upload: ReceiveUpload
    store_document: StoreDocument
    fetch_document: FetchDocument
    list_documents: ListDocuments
    sweep_uploads: SweepUploads
    register_reader: RegisterReader
    hold: Hold
    asset_ledger: AssetLedgerWorld
    member_keys: MemberKeysWorld
    assets: AssetServices
    asset_work: AssetWork
    balance: Balance
    declare_factor: DeclareFactor
    register_label: RegisterLabel

    def take(self, count: int = 1, *, first: int = 0, center: CenterId = LIMA, member: MemberId = COOPERATIVE) -> CaptureJob:
        """Captures plain events, numbered from `first` on."""
        return self.capture(center=center, member=member, events=some_events(count, first=first), actor="console")

    def take_these(self, *events: Event, center: CenterId = LIMA, member: MemberId = COOPERATIVE) -> CaptureJob:
        """Captures events for the cooperative of Lima, unless told otherwise."""
        return self.capture(center=center, member=member, events=events, actor="console")

    def settle(self, center: CenterId = LIMA) -> None:
        """Publishes and anchors until the chain has everything of a center."""
        while self.publish(center) is not None:
            pass
        for _ in range(3):
            if self.anchor(center).step is AnchorStep.CURRENT:
                return
            self.ledger.mine()
        raise AssertionError("the chain never took the newest checkpoint")

    def gather_seals(self, center: CenterId = LIMA) -> None:
        """Keeps the seals of everything that is anchored."""
        assert self.seal is not None
        while not self.seal(center).is_current:
            pass

    def receipt(self, event_hash: str, *, reader: Reader | None = None) -> Receipt:
        return self.prove(event_hash_digest(event_hash), reader=reader)

    def fsck(self, center: CenterId = LIMA, *, is_asking_chain: bool = True) -> CheckReport:
        ledger: Ledger | None = self.ledger if is_asking_chain else None
        return self.check(center, ledger=ledger, progress=lambda _what, _done, _total: None)

    def damage(self, statement: str, *values: object) -> int:
        """Changes the database behind everybody's back, append-only tables too; how many rows."""
        with closing(sqlite3.connect(self.file, isolation_level=None)) as connection:
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            return connection.execute(statement, values).rowcount

    def with_log_key(self, center: CenterId, seed: bytes) -> "World":
        """The same world after its server was given another log key for a center."""

        def given(one: HostedCenter) -> HostedCenter:
            return (
                replace(one, key=VerifierKey(name=one.origin, public_key=ed25519_public_key(seed))) if one.id == center else one
            )

        seeds = {one.id: log_seed(one.id) for one in HOSTED} | {center: seed}
        signer = LogSigner(tuple(given(one) for one in HOSTED), seeds)
        return _assembled(self.file, self.store, self.ledger, self.clock, self.entropy, self.documents, signer)

    def over(self, store: Store) -> "World":
        """The same world, its services over another store (one that breaks, say)."""
        return _assembled(self.file, store, self.ledger, self.clock, self.entropy, self.documents)

    def with_limit(self, max_unpublished: int) -> "World":
        capture = Capture(store=self.store, clock=self.clock, entropy=self.entropy, max_unpublished=max_unpublished)
        return replace(self, capture=capture)


@cache
def _template() -> Path:
    """A migrated and enrolled database, made once: to copy it is a hundred times faster than to make it."""
    folder = Path(tempfile.mkdtemp(prefix="greenlane-world-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = folder / "greenlane.sqlite3"
    store = open_store(f"sqlite:///{file}")
    store.migrate()
    enrol = Enrol(store=store, clock=TickingClock(), entropy=CountedEntropy())
    for center in HOSTED:
        for member, visibility in ((COOPERATIVE, Visibility.PUBLIC), (ROASTER, Visibility.PRIVATE)):
            enrol.member(
                center=center.id,
                member=member,
                name=f"{member.title()} of {center.name}",
                roles=frozenset({MemberRole.ENTERPRISE}),
                visibility=visibility,
                actor="console",
            )
    store.close()
    return file


def sealed_chain(mode: ValidatorMode = ValidatorMode.CONTRACT, *, validators: int = 4) -> SealedChain:
    """A chain of validators with the contracts of this world."""
    trust = trust_file()
    return SealedChain(mode, validators=validators, registry=trust.pilot_registry, anchor_log=trust.anchor_log)


def make_world(folder: Path, *, sealed: SealedChain | None = None) -> World:
    """A fresh world; whoever makes one closes it by `close_world`."""
    ledger = LedgerWorld(trust_file())
    if sealed is not None:
        ledger = LedgerWorld(replace(trust_file(), sealing=sealed.sealing()), sealed=sealed, block_number=sealed.head.number)
    file = folder / "greenlane.sqlite3"
    shutil.copyfile(_template(), file)
    return _assembled(file, open_store(f"sqlite:///{file}"), ledger, TickingClock(), CountedEntropy(), DocumentsWorld())


def close_world(world: World) -> None:
    if isinstance(world.store, SqlStore):
        world.store.close()


def _assembled(
    file: Path,
    store: Store,
    ledger: LedgerWorld,
    clock: TickingClock,
    entropy: CountedEntropy,
    documents: DocumentsWorld,
    signer: LogSigner | None = None,
) -> World:
    signer = signer or LogSigner(HOSTED, {center.id: log_seed(center.id) for center in HOSTED})
    sealed = None
    if ledger.sealed is not None:
        trust = ledger.trust_file
        sealed = ports.SealedChain(
            chain_id=trust.chain_id,
            pilot_registry=trust.pilot_registry,
            anchor_log=trust.anchor_log,
            sealing=ledger.sealing(),
            green_asset=ASSETS.green_asset,
        )
    seal = None if sealed is None else Seal(store=store, ledger=ledger, chain=sealed)
    watch_keys = WatchKeys(ledger=ledger, sealing=None if seal is None else seal.sealing)
    staging = StagingFolder(file.parent / "uploads")
    settings = read_settings({})
    asset_ledger, member_keys, balance = AssetLedgerWorld(ledger, lambda: clock.now), MemberKeysWorld(), Balance(store=store)
    assets, asset_work = assemble_assets(
        store=store,
        ledger=asset_ledger,
        keys=member_keys,
        clock=clock,
        entropy=entropy,
        judge=balance.judge,
        warm=balance.warm,
        economies={center.id: center.economy for center in HOSTED},
        max_unpublished=1_000_000,
        has_contracts=True,
        sealed=sealed,
    )
    return World(
        file=file,
        store=store,
        signer=signer,
        ledger=ledger,
        clock=clock,
        entropy=entropy,
        capture=Capture(store=store, clock=clock, entropy=entropy, max_unpublished=1_000_000),
        publish=Publish(store=store, signer=signer, terms=watch_keys.terms, clock=clock),
        anchor=Anchor(store=store, ledger=ledger),
        prove=Prove(store=store, signer=signer, terms=watch_keys.terms, chain=CHAIN, sealed=sealed),
        trace=Trace(store=store),
        forget=Forget(store=store, clock=clock),
        enrol=Enrol(store=store, clock=clock, entropy=entropy),
        identify=Identify(store=store, clock=clock),
        sign_in=SignIn(store=store, clock=clock, entropy=entropy),
        check=Check(store=store, signer=signer, sealed=sealed, documents=documents, assets=asset_ledger.places),
        read_log=ReadLog(store=store, signer=signer),
        watch_keys=watch_keys,
        look_up=LookUp(store=store),
        seal=seal,
        documents=documents,
        staging=staging,
        receive_upload=ReceiveUpload(
            store=store,
            staging=staging,
            clock=clock,
            entropy=entropy,
            limits=UploadLimits(document_bytes=1 << 30, uploads=100, staged_bytes=1 << 33, kept=timedelta(days=1)),
        ),
        store_document=StoreDocument(
            store=store,
            staging=staging,
            documents=documents,
            media_types=SniffedTypes(settings.document_types),
            clock=clock,
            entropy=entropy,
            max_unpublished=1_000_000,
        ),
        fetch_document=FetchDocument(store=store, documents=documents, wait_s=None),
        list_documents=ListDocuments(store=store),
        sweep_uploads=SweepUploads(store=store, staging=staging, clock=clock),
        register_reader=RegisterReader(store=store, clock=clock, encrypt_for=encrypt_for),
        hold=Hold(
            store=store, documents=documents, clock=clock, limits=HoldLimits(document_bytes=1 << 30, partner_bytes=1 << 33)
        ),
        asset_ledger=asset_ledger,
        member_keys=member_keys,
        assets=assets,
        asset_work=asset_work,
        balance=balance,
        declare_factor=DeclareFactor(store=store, documents=documents, clock=clock),
        register_label=RegisterLabel(store=store, clock=clock),
    )
