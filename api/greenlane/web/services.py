"""What the web works with: the use cases it calls, and whom it asks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from greenlane.core.trust import TrustFile
from greenlane.core.units import Address, BlockNumber, CenterId
from greenlane.ports.certificate_drawing import DrawCertificate
from greenlane.ports.clock import Clock
from greenlane.ports.encryption import EncryptFor
from greenlane.ports.holds import DocumentsStanding
from greenlane.ports.ledger import LedgerHealth
from greenlane.ports.signing import HostedCenter
from greenlane.ports.spreadsheets import WriteSpreadsheet
from greenlane.services.assets.cancel import Cancel
from greenlane.services.assets.escrow import Escrow
from greenlane.services.assets.follow_key import FollowKey
from greenlane.services.assets.issue import Issue
from greenlane.services.assets.look import Look
from greenlane.services.assets.retire import Retire
from greenlane.services.assets.revoke import Revoke
from greenlane.services.assets.transfer import Transfer
from greenlane.services.balance import Balance
from greenlane.services.capture import Capture
from greenlane.services.certify import CertifyRetirement
from greenlane.services.check_purchase import CheckPurchase
from greenlane.services.factors import DeclareFactor
from greenlane.services.fetch import FetchDocument
from greenlane.services.forget import Forget
from greenlane.services.hold import Hold
from greenlane.services.identify import Identify
from greenlane.services.labels import RegisterLabel
from greenlane.services.list_documents import ListDocuments
from greenlane.services.look_up import LookUp
from greenlane.services.order import Order
from greenlane.services.prove import Prove
from greenlane.services.read_log import ReadLog
from greenlane.services.register_reader import RegisterReader
from greenlane.services.report_spend import ReportSpend
from greenlane.services.sign_evidence import SignEvidence
from greenlane.services.sign_in import SignIn
from greenlane.services.state_evidence import StateEvidence
from greenlane.services.store import StoreDocument
from greenlane.services.trace import Trace
from greenlane.services.upload import ReceiveUpload
from greenlane.verify.ladder import Node


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowedSeals:
    """Who seals the chain now, as far as this deployment has followed it.

    Attributes:
        followed_to: no change of the validator set up to this block is missing.
    """

    validators: tuple[Address, ...]
    followed_to: BlockNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetsStanding:
    """How green assets stand at this deployment.

    Attributes:
        waiting: acts of each hosted center that the chain has not decided.
        oldest_kept_at: of the oldest of them; None where none waits.
        followed_at: when the chain was last followed; None before the first time.
        followed_to: the block; None before the first time.
    """

    waiting: Mapping[CenterId, int]
    oldest_kept_at: datetime | None
    followed_at: datetime | None
    followed_to: BlockNumber | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetServices:
    """Use cases of green assets and purchases.

    Attributes:
        standing: None where the network has no contracts of green assets.
    """

    state_evidence: StateEvidence
    sign_evidence: SignEvidence
    issue: Issue
    transfer: Transfer
    escrow: Escrow
    retire: Retire
    cancel: Cancel
    follow_key: FollowKey
    revoke: Revoke
    look: Look
    order: Order
    check_purchase: CheckPurchase
    certify: CertifyRetirement
    standing: Callable[[], AssetsStanding | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebServices:
    """The use cases behind the routes.

    Attributes:
        sign_in: people at pages.
        assets: green assets and purchases.
        report_spend: what a buyer spent.
        draw_certificate: makes a certificate of retirement something to file.
        encrypt_for: encrypts receipts of confidential documents for their readers.
        centers: the pilot centers served here.
        probe_store: raises where the database cannot be used.
        probe_ledger: what a node of the chain says of itself; raises where none answers.
        probe_documents: raises where the store of documents cannot be used.
        documents_standing: what the last comparison of documents with their pins came to; None before the first.
        trust: the trust file as the registry has it now.
        judge_nodes: the nodes whom the pages ask for anchors, each on its own.
        count_pending: how many transactions are signed and not settled.
        followed_seals: who seals the chain; None where nobody does.
    """

    capture: Capture
    trace: Trace
    prove: Prove
    forget: Forget
    identify: Identify
    sign_in: SignIn
    read_log: ReadLog
    look_up: LookUp
    receive_upload: ReceiveUpload
    store_document: StoreDocument
    fetch_document: FetchDocument
    list_documents: ListDocuments
    register_reader: RegisterReader
    hold: Hold
    assets: AssetServices
    report_spend: ReportSpend
    draw_certificate: DrawCertificate
    write_spreadsheet: WriteSpreadsheet
    balance: Balance
    declare_factor: DeclareFactor
    register_label: RegisterLabel
    encrypt_for: EncryptFor
    centers: Sequence[HostedCenter]
    probe_store: Callable[[], None]
    probe_ledger: Callable[[], LedgerHealth]
    probe_documents: Callable[[], None]
    documents_standing: Callable[[], DocumentsStanding | None]
    trust: Callable[[], TrustFile]
    judge_nodes: Sequence[Node]
    count_pending: Callable[[], int]
    followed_seals: Callable[[], FollowedSeals] | None
    clock: Clock = field(default=_now)
