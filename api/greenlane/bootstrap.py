"""The only room that knows everything: builds adapters and services out of settings, and puts them together."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from greenlane.adapters.age import encrypt_for
from greenlane.adapters.blocks import BlockStore
from greenlane.adapters.documents_place import DocumentsPlace, StoreKind
from greenlane.adapters.entropy import random_bytes
from greenlane.adapters.evm.asset_ledger import EvmAssetLedger
from greenlane.adapters.evm.ledger import EvmLedger
from greenlane.adapters.evm.tokens import RpcTokens
from greenlane.adapters.home import Home
from greenlane.adapters.keystore import KeyMissing, Keystore, KeyUse, LogSigner
from greenlane.adapters.media_types import SniffedTypes
from greenlane.adapters.member_keys import KeystoreMemberKeys
from greenlane.adapters.network_file import Network, load_network
from greenlane.adapters.partners import load_partners
from greenlane.adapters.sql.store import SqlStore, open_store
from greenlane.adapters.staging import StagingFolder
from greenlane.core.assets.retirement import RetirementCertificate
from greenlane.core.units import CenterId
from greenlane.ports.asset_ledger import AssetLedger
from greenlane.ports.certificate_drawing import CertificateNames
from greenlane.ports.clock import Clock
from greenlane.ports.documents import Documents
from greenlane.ports.entropy import Entropy
from greenlane.ports.holds import DocumentsStanding
from greenlane.ports.member_keys import MemberKeys
from greenlane.ports.purchases import Purchase
from greenlane.ports.seals import SealedChain
from greenlane.ports.spreadsheets import Sheet
from greenlane.ports.store import Store
from greenlane.services.anchor import Anchor
from greenlane.services.assets.acting import Acting
from greenlane.services.assets.cancel import Cancel
from greenlane.services.assets.escrow import Escrow
from greenlane.services.assets.follow_key import FollowKey
from greenlane.services.assets.issue import Issue
from greenlane.services.assets.look import Look
from greenlane.services.assets.members import Members
from greenlane.services.assets.pauses import Pauses
from greenlane.services.assets.retire import Retire
from greenlane.services.assets.revoke import Revoke
from greenlane.services.assets.transfer import Transfer
from greenlane.services.balance import Balance
from greenlane.services.bring import Bring
from greenlane.services.capture import Capture
from greenlane.services.certify import CertifyRetirement
from greenlane.services.check import Check
from greenlane.services.check_purchase import CheckPurchase, LineBacking, LineStanding
from greenlane.services.enrol import Enrol
from greenlane.services.factors import DeclareFactor
from greenlane.services.fetch import FetchDocument
from greenlane.services.follow_assets import FollowAssets
from greenlane.services.forget import Forget
from greenlane.services.hold import Hold, HoldLimits
from greenlane.services.identify import Identify
from greenlane.services.labels import RegisterLabel
from greenlane.services.list_documents import ListDocuments
from greenlane.services.look_up import LookUp
from greenlane.services.order import Order
from greenlane.services.prove import ChainPlace, Prove
from greenlane.services.publish import Publish
from greenlane.services.read_log import ReadLog
from greenlane.services.reconcile import Reconcile, ReconcilePace
from greenlane.services.register_reader import RegisterReader
from greenlane.services.report_spend import Greenness, ReportSpend, Standing
from greenlane.services.seal import Seal
from greenlane.services.sign_evidence import SignEvidence
from greenlane.services.sign_in import SignIn
from greenlane.services.state_evidence import JudgeBooks, StateEvidence, WarmBooks
from greenlane.services.store import StoreDocument
from greenlane.services.sweep_uploads import SweepUploads
from greenlane.services.tidy import Tidy
from greenlane.services.trace import Trace
from greenlane.services.upload import ReceiveUpload, UploadLimits
from greenlane.services.watch_keys import WatchKeys
from greenlane.settings import Settings, read_settings
from greenlane.verify.nodes import JsonRpcNode
from greenlane.web.services import AssetServices, AssetsStanding, FollowedSeals, WebServices
from greenlane.worker import AssetWork, DocumentWork, Worker

if TYPE_CHECKING:
    from fastapi import FastAPI

# A page asks while somebody waits for it.
_JUDGE_TIMEOUT_S = 3.0
# A document that should be here and is not may come from another node while somebody waits for it.
_PEERS_WAIT_S = 10.0
# Some hours of work for a network whose chain is away; each is a few hundred bytes.
_MAX_WAITING_ACTS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One running deployment: what was built, and the services over it.

    Attributes:
        documents_place: which store `documents` is; whoever keeps some claims it by `claim_documents`.
    """

    settings: Settings
    network: Network
    store: SqlStore
    signer: LogSigner
    ledger: EvmLedger
    tokens: RpcTokens | None
    capture: Capture
    publish: Publish
    anchor: Anchor
    prove: Prove
    trace: Trace
    forget: Forget
    enrol: Enrol
    identify: Identify
    sign_in: SignIn
    read_log: ReadLog
    look_up: LookUp
    documents: Documents
    documents_place: DocumentsPlace
    receive_upload: ReceiveUpload
    store_document: StoreDocument
    fetch_document: FetchDocument
    list_documents: ListDocuments
    sweep_uploads: SweepUploads
    register_reader: RegisterReader
    hold: Hold
    reconcile: Reconcile
    check: Check
    seal: Seal | None
    tidy: Tidy
    watch_keys: WatchKeys
    asset_ledger: AssetLedger
    member_keys: MemberKeys
    assets: AssetServices
    asset_work: AssetWork
    balance: Balance
    declare_factor: DeclareFactor
    register_label: RegisterLabel

    def worker(self) -> Worker:
        """A worker for the hosted centers.

        Raises:
            DocumentsElsewhere: the documents lie in another store than the one that the settings name.
        """
        self.claim_documents()
        return Worker(
            centers=[center.id for center in self.signer.centers()],
            publish=self.publish,
            anchor=self.anchor,
            seal=self.seal,
            tidy=self.tidy,
            watch_keys=self.watch_keys,
            documents=DocumentWork(
                reconcile=self.reconcile,
                sweep_uploads=self.sweep_uploads,
                interval_s=self.settings.reconcile_interval_s,
                store=str(self.documents_place),
            ),
            assets=None if self.network.assets is None else self.asset_work,
            poll_interval_s=self.settings.poll_interval_s,
            recheck_interval_s=self.settings.recheck_interval_s,
        )

    def app(self) -> "FastAPI":
        """The HTTP application.

        Raises:
            DocumentsElsewhere: the documents lie in another store than the one that the settings name.
        """
        # Not at the top: commands that serve nothing would wait half a second for it.
        from greenlane.web.app import create_app

        self.claim_documents()
        services = WebServices(
            capture=self.capture,
            trace=self.trace,
            prove=self.prove,
            forget=self.forget,
            identify=self.identify,
            sign_in=self.sign_in,
            read_log=self.read_log,
            look_up=self.look_up,
            receive_upload=self.receive_upload,
            store_document=self.store_document,
            fetch_document=self.fetch_document,
            list_documents=self.list_documents,
            register_reader=self.register_reader,
            hold=self.hold,
            assets=self.assets,
            report_spend=report_spend_of(self.store, self.assets.check_purchase, _now),
            draw_certificate=draw_certificate,
            write_spreadsheet=write_spreadsheet,
            balance=self.balance,
            declare_factor=self.declare_factor,
            register_label=self.register_label,
            encrypt_for=encrypt_for,
            centers=self.signer.centers(),
            probe_store=self._probe_store,
            probe_ledger=self.ledger.health,
            probe_documents=self.documents.check,
            documents_standing=self._documents_standing,
            trust=self.watch_keys,
            judge_nodes=[self._judge_node(url) for url in self.network.rpc_urls],
            count_pending=self._count_pending,
            followed_seals=None if self.seal is None else followed_seals(self.seal),
        )
        return create_app(services, self.settings)

    def claim_documents(self) -> None:
        """Has the home remember that its documents are kept in the store that the settings name.

        Raises:
            DocumentsElsewhere: they lie in another.
        """
        self.documents_place.claim(is_bound=self._has_documents)

    def _has_documents(self) -> bool:
        with self.store.read() as tx:
            return bool(tx.documents.wanted(after=None, limit=1) or tx.holds.held(asked_by=None, after=None, limit=1))

    def _judge_node(self, url: str) -> JsonRpcNode:
        tokens = self.tokens
        return JsonRpcNode(url, timeout_s=_JUDGE_TIMEOUT_S, bearer=None if tokens is None else lambda: tokens.token(url))

    def _probe_store(self) -> None:
        with self.store.read() as tx:
            tx.log.head(self.signer.centers()[0].id)

    def _documents_standing(self) -> DocumentsStanding | None:
        with self.store.read() as tx:
            return tx.holds.noted()

    def _count_pending(self) -> int:
        with self.store.read() as tx:
            return tx.outbox.count_pending(self.network.chain_id)


@contextmanager
def open_deployment(settings: Settings) -> Iterator[Deployment]:
    """Opens the deployment that the settings describe, bringing its database up to date, and closes it at the end.

    Raises:
        NetworkFileInvalid: the home folder holds no network description, or a damaged one.
        KeyFileInvalid, WrongPassword: a keystore cannot be opened.
        KeyMissing: the log key of a hosted center, or a key that is named, is not in the keystore.
        StoreUnavailable: the database is away.
        RpcTokenFileInvalid: the file of tokens for nodes holds something else.
        PartnersFileInvalid, Faults: the file of partners cannot be used.
    """
    home = Home(settings.home)
    network = load_network(home.network_file)
    if settings.rpc_urls:
        network = replace(network, rpc_urls=settings.rpc_urls)
    keystore = Keystore(home.keys, settings.password_file)
    hosted = network.hosted_centers()
    seeds = {center.id: keystore.seed(_log_key_name(network, center.id)) for center in hosted}
    signer = LogSigner(hosted, seeds)
    store = open_store(settings.database_url)
    try:
        store.migrate()
        yield _assemble(settings, network, keystore, signer, store)
    finally:
        store.close()


def create_app_from_environment() -> "FastAPI":
    """The HTTP application of this process's environment, for a server that starts several processes."""
    # The processes end with their server: what is open then is closed by the system.
    deployment = open_deployment(read_settings(os.environ)).__enter__()
    return deployment.app()


def _assemble(settings: Settings, network: Network, keystore: Keystore, signer: LogSigner, store: SqlStore) -> Deployment:
    clock, entropy = _now, random_bytes
    # A center without a name here is anchored from elsewhere; its logs are published, and the worker says why it halts there.
    named = {center.id: network.center(center.id).keys.anchorer for center in signer.centers()}
    anchorers = {center: keystore.account(name, KeyUse.ANCHORER) for center, name in named.items() if name is not None}
    tokens = None if settings.rpc_token_file is None else RpcTokens(settings.rpc_token_file)
    ledger = EvmLedger(network, store=store, anchorers=anchorers, clock=clock, tokens=tokens)
    sealed = _sealed_chain(network)
    seal = None if sealed is None else Seal(store=store, ledger=ledger, chain=sealed)
    watch_keys = WatchKeys(ledger=ledger, sealing=None if seal is None else seal.sealing)
    chain = ChainPlace(chain_id=network.chain_id, anchor_log=network.anchor_log)
    home = Home(settings.home)
    documents = _documents(settings, home)
    staging = StagingFolder(home.uploads)
    asset_ledger, member_keys = EvmAssetLedger(ledger.chain), KeystoreMemberKeys(keystore)
    balance = Balance(store=store)
    assets, asset_work = assemble_assets(
        store=store,
        ledger=asset_ledger,
        keys=member_keys,
        clock=clock,
        entropy=entropy,
        judge=balance.judge,
        warm=balance.warm,
        economies={center.id: center.economy for center in signer.centers()},
        max_unpublished=settings.max_unpublished,
        has_contracts=network.assets is not None,
        sealed=sealed,
    )
    return Deployment(
        settings=settings,
        network=network,
        store=store,
        signer=signer,
        ledger=ledger,
        tokens=tokens,
        capture=Capture(store=store, clock=clock, entropy=entropy, max_unpublished=settings.max_unpublished),
        publish=Publish(store=store, signer=signer, terms=watch_keys.terms, clock=clock),
        anchor=Anchor(store=store, ledger=ledger),
        prove=Prove(store=store, signer=signer, terms=watch_keys.terms, chain=chain, sealed=sealed),
        trace=Trace(store=store),
        forget=Forget(store=store, clock=clock),
        enrol=Enrol(store=store, clock=clock, entropy=entropy),
        identify=Identify(store=store, clock=clock),
        sign_in=SignIn(store=store, clock=clock, entropy=entropy),
        read_log=ReadLog(store=store, signer=signer),
        look_up=LookUp(store=store),
        documents=documents,
        documents_place=_documents_place(settings, home),
        receive_upload=ReceiveUpload(
            store=store,
            staging=staging,
            clock=clock,
            entropy=entropy,
            limits=UploadLimits(
                document_bytes=settings.max_document_bytes,
                uploads=settings.max_uploads,
                staged_bytes=settings.max_staged_bytes,
                kept=timedelta(seconds=settings.upload_kept_s),
            ),
        ),
        store_document=StoreDocument(
            store=store,
            staging=staging,
            documents=documents,
            media_types=SniffedTypes(settings.document_types),
            clock=clock,
            entropy=entropy,
            max_unpublished=settings.max_unpublished,
        ),
        list_documents=ListDocuments(store=store),
        fetch_document=FetchDocument(
            store=store, documents=documents, wait_s=None if settings.documents_url is None else _PEERS_WAIT_S
        ),
        sweep_uploads=SweepUploads(store=store, staging=staging, clock=clock),
        register_reader=RegisterReader(store=store, clock=clock, encrypt_for=encrypt_for),
        hold=Hold(
            store=store,
            documents=documents,
            clock=clock,
            limits=HoldLimits(document_bytes=settings.max_document_bytes, partner_bytes=settings.max_held_bytes),
        ),
        reconcile=Reconcile(
            store=store,
            documents=documents,
            partners=() if settings.partners_file is None else load_partners(settings.partners_file),
            clock=clock,
            # A sweep walks through every pin of a Kubo node, so it is made only where something was let go. Whatever anybody has
            # pinned there stays; what nobody has pinned is kept for nobody by any node.
            pace=ReconcilePace(collects_idle=settings.documents_url is None),
        ),
        check=Check(
            store=store,
            signer=signer,
            sealed=sealed,
            documents=documents,
            assets=None if network.assets is None else asset_ledger.places,
        ),
        seal=seal,
        tidy=Tidy(store=store, clock=clock),
        watch_keys=watch_keys,
        asset_ledger=asset_ledger,
        member_keys=member_keys,
        assets=assets,
        asset_work=asset_work,
        balance=balance,
        declare_factor=DeclareFactor(store=store, documents=documents, clock=clock),
        register_label=RegisterLabel(store=store, clock=clock),
    )


def assemble_assets(
    *,
    store: Store,
    ledger: AssetLedger,
    keys: MemberKeys,
    clock: Clock,
    entropy: Entropy,
    judge: JudgeBooks,
    warm: WarmBooks | None = None,
    economies: Mapping[CenterId, str],
    max_unpublished: int,
    has_contracts: bool,
    max_waiting: int = _MAX_WAITING_ACTS,
    sealed: SealedChain | None = None,
) -> tuple[AssetServices, AssetWork]:
    """Use cases of green assets over a ledger, and the worker's part of them.

    Args:
        judge: what the books say of a statement.
        warm: reads the books before anything is locked; None where they are read as fast.
        economies: of the centers that are hosted here, ISO 3166-1 alpha-2.
        has_contracts: whether the network has contracts of green assets.
        max_waiting: acts of one center that may wait for the chain.
        sealed: the chain where validators seal it; None where nobody does.
    """
    centers = list(economies)
    members = Members(ledger=ledger, clock=clock)
    acting = Acting(store=store, ledger=ledger, members=members, keys=keys, clock=clock, entropy=entropy, max_waiting=max_waiting)
    issue = Issue(store=store, ledger=ledger, acting=acting, keys=keys)
    certify = CertifyRetirement(store=store, ledger=ledger, clock=clock, max_unpublished=max_unpublished, sealed=sealed)

    def standing() -> AssetsStanding | None:
        return assets_standing(store, centers) if has_contracts else None

    services = AssetServices(
        state_evidence=StateEvidence(
            store=store, ledger=ledger, clock=clock, entropy=entropy, judge=judge, economies=economies, warm=warm
        ),
        sign_evidence=SignEvidence(
            store=store, ledger=ledger, keys=keys, clock=clock, max_unpublished=max_unpublished, judge=judge, warm=warm
        ),
        issue=issue,
        transfer=Transfer(store=store, ledger=ledger, members=members, acting=acting),
        escrow=Escrow(store=store, ledger=ledger, members=members, acting=acting),
        retire=Retire(store=store, ledger=ledger, members=members, acting=acting),
        cancel=Cancel(store=store, ledger=ledger, acting=acting),
        follow_key=FollowKey(store=store, ledger=ledger, acting=acting),
        revoke=Revoke(store=store, ledger=ledger, acting=acting),
        look=Look(store=store, members=members, pauses=Pauses(ledger=ledger, clock=clock)),
        order=Order(store=store, ledger=ledger, clock=clock, entropy=entropy),
        check_purchase=CheckPurchase(store=store, clock=clock),
        certify=certify,
        standing=standing,
    )
    work = AssetWork(
        bring=Bring(store=store, ledger=ledger, clock=clock, centers=centers),
        follow=FollowAssets(
            store=store,
            ledger=ledger,
            clock=clock,
            centers=centers,
            renew=lambda act, detail: issue.again(act, detail=detail),
            certify=certify,
        ),
        catch_up=certify.catch_up,
    )
    return services, work


def assets_standing(store: Store, centers: Sequence[CenterId]) -> AssetsStanding:
    """How green assets stand at the hosted centers."""
    with store.read() as tx:
        oldest = [act.kept_at for center in centers for act in tx.acts.waiting(center, limit=1)]
        followed = tx.assets.followed_to()
        return AssetsStanding(
            waiting={center: tx.acts.count_waiting(center) for center in centers},
            oldest_kept_at=min(oldest, default=None),
            followed_at=None if followed is None else followed.at,
            followed_to=None if followed is None else followed.block.number,
        )


def _documents(settings: Settings, home: Home) -> Documents:
    """The store of documents: a Kubo node where one is named, else the blocks in the home folder."""
    if settings.documents_url is None:
        return BlockStore(home.documents)
    # Its client takes a while to import, and most commands open no Kubo node.
    from greenlane.adapters.kubo import Kubo

    file = settings.documents_token_file
    return Kubo(settings.documents_url, token=None if file is None else file.read_text(encoding="utf-8").strip())


def _documents_place(settings: Settings, home: Home) -> DocumentsPlace:
    if settings.documents_url is None:
        kind, address = StoreKind.EMBEDDED, str(home.documents)
    else:
        kind, address = StoreKind.KUBO, settings.documents_url
    return DocumentsPlace(kind=kind, address=address, file=home.documents_kind_file)


def draw_certificate(certificate: RetirementCertificate, names: CertificateNames) -> bytes:
    """As `DrawCertificate`. The library that draws takes a while to import, and most commands draw nothing."""
    from greenlane.adapters.certificate_pdf import draw_certificate as draw

    return draw(certificate, names)


def write_spreadsheet(sheets: Sequence[Sheet], *, title: str, made_at: datetime) -> bytes:
    """As `WriteSpreadsheet`, imported as late."""
    from greenlane.adapters.spreadsheet import write_spreadsheet as write

    return write(sheets, title=title, made_at=made_at)


def report_spend_of(store: Store, check_purchase: CheckPurchase, clock: Clock) -> ReportSpend:
    """The report over what the check of purchases finds on the chain."""

    def standing_of(purchase: Purchase) -> Sequence[Standing]:
        return [_standing_of(backing) for backing in check_purchase.backing(purchase)]

    return ReportSpend(store=store, clock=clock, standing_of=standing_of)


def _standing_of(backing: LineBacking) -> Standing:
    greenness = {LineStanding.RETIRED: Greenness.RETIRED, LineStanding.ACCEPTED: Greenness.ACCEPTED}.get(
        backing.standing, Greenness.NOT_YET
    )
    if greenness is not Greenness.NOT_YET and not backing.is_sound:
        greenness = Greenness.CHALLENGED
    elif greenness is Greenness.ACCEPTED and not backing.is_covered:
        # The units were sent on, or count for another line: of what is not there any more nothing stands.
        greenness = Greenness.NOT_YET
    return Standing(greenness=greenness, retirements=backing.retirements)


def followed_seals(seal: Seal) -> Callable[[], FollowedSeals]:
    """How the web asks who seals the chain now."""

    def ask() -> FollowedSeals:
        followed = seal.followed()
        return FollowedSeals(validators=followed.sealing.sets[-1].validators, followed_to=followed.block)

    return ask


def _sealed_chain(network: Network) -> SealedChain | None:
    if network.sealing is None:
        return None
    return SealedChain(
        chain_id=network.chain_id,
        pilot_registry=network.pilot_registry,
        anchor_log=network.anchor_log,
        sealing=network.sealing,
        green_asset=None if network.assets is None else network.assets.green_asset,
    )


def _log_key_name(network: Network, center: CenterId) -> str:
    name = network.center(center).keys.log
    if name is None:
        raise KeyMissing(
            f"network.json hosts the center {center} here and says that its log key is kept elsewhere.",
            where="network.json",
            remedy="Name the key under `keys`, or take the center out of `hosted`.",
        )
    return name


def _now() -> datetime:
    return datetime.now(UTC)
