"""One transaction for one use case.

A service opens `write()` or `read()`, does its work through the rooms of the transaction, and leaves the block: what was written
is then durable (fsync'ed), or, if the block raised, was never there.
"""

from contextlib import AbstractContextManager
from typing import Protocol

from greenlane.ports.accounts import Accounts
from greenlane.ports.acts import Acts
from greenlane.ports.answers import Answers
from greenlane.ports.asset_index import AssetIndex
from greenlane.ports.audit import Audit
from greenlane.ports.document_index import DocumentIndex
from greenlane.ports.events import Events
from greenlane.ports.evidence_index import EvidenceIndex
from greenlane.ports.factors import Factors
from greenlane.ports.holds import Holds
from greenlane.ports.jobs import CaptureJobs
from greenlane.ports.labels import Labels
from greenlane.ports.log import Log
from greenlane.ports.outbox import Outbox
from greenlane.ports.purchases import Purchases
from greenlane.ports.reader_keys import ReaderKeys
from greenlane.ports.seals import Seals
from greenlane.ports.sessions import Sessions
from greenlane.ports.uploads import Uploads


class Transaction(Protocol):
    """The rooms of one transaction; all see and write the same state."""

    @property
    def accounts(self) -> Accounts: ...
    @property
    def acts(self) -> Acts: ...
    @property
    def answers(self) -> Answers: ...
    @property
    def assets(self) -> AssetIndex: ...
    @property
    def audit(self) -> Audit: ...
    @property
    def documents(self) -> DocumentIndex: ...
    @property
    def events(self) -> Events: ...
    @property
    def evidence(self) -> EvidenceIndex: ...
    @property
    def factors(self) -> Factors: ...
    @property
    def holds(self) -> Holds: ...
    @property
    def jobs(self) -> CaptureJobs: ...
    @property
    def labels(self) -> Labels: ...
    @property
    def log(self) -> Log: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def purchases(self) -> Purchases: ...
    @property
    def reader_keys(self) -> ReaderKeys: ...
    @property
    def seals(self) -> Seals: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def uploads(self) -> Uploads: ...


class Store(Protocol):
    """Where a center keeps its data."""

    def write(self) -> AbstractContextManager[Transaction]:
        """A read-write transaction; commits on a clean exit, rolls back on an exception.

        Raises:
            StoreUnavailable: the database cannot be reached, is locked too long, or is out of space.
        """

    def read(self) -> AbstractContextManager[Transaction]:
        """A read-only snapshot; writing through it is refused by the adapter.

        Raises:
            StoreUnavailable: as for `write`.
        """
