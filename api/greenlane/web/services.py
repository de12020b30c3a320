"""What the web works with: the use cases it calls, and whom it asks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from greenlane.core.trust import TrustFile
from greenlane.core.units import Address, BlockNumber
from greenlane.ports.clock import Clock
from greenlane.ports.encryption import EncryptFor
from greenlane.ports.holds import DocumentsStanding
from greenlane.ports.ledger import LedgerHealth
from greenlane.ports.signing import HostedCenter
from greenlane.services.capture import Capture
from greenlane.services.fetch import FetchDocument
from greenlane.services.forget import Forget
from greenlane.services.hold import Hold
from greenlane.services.identify import Identify
from greenlane.services.list_documents import ListDocuments
from greenlane.services.look_up import LookUp
from greenlane.services.prove import Prove
from greenlane.services.read_log import ReadLog
from greenlane.services.register_reader import RegisterReader
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
class WebServices:
    """The use cases behind the routes.

    Attributes:
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
    read_log: ReadLog
    look_up: LookUp
    receive_upload: ReceiveUpload
    store_document: StoreDocument
    fetch_document: FetchDocument
    list_documents: ListDocuments
    register_reader: RegisterReader
    hold: Hold
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
