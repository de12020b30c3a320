"""The store over SQLAlchemy Core: one transaction for one use case, in SQLite or PostgreSQL.

SQLite: write-ahead log, `synchronous=FULL`, `secure_delete=ON`, file mode 0600; writers begin IMMEDIATE, and queue within this
process, since SQLite's own waiting is by chance. PostgreSQL: READ COMMITTED with row locks to write, REPEATABLE READ READ ONLY
to read, `synchronous_commit=on`. A store may be used by many threads, and one database by many processes.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from greenlane.adapters.sql import migrate
from greenlane.adapters.sql.accounts import SqlAccounts
from greenlane.adapters.sql.acts import SqlActs
from greenlane.adapters.sql.answers import SqlAnswers
from greenlane.adapters.sql.assets import SqlAssetIndex
from greenlane.adapters.sql.audit import SqlAudit
from greenlane.adapters.sql.documents import SqlDocumentIndex
from greenlane.adapters.sql.events import SqlEvents
from greenlane.adapters.sql.evidence import SqlEvidenceIndex
from greenlane.adapters.sql.factors import SqlFactors
from greenlane.adapters.sql.faults import RETRY_WHEN_BUSY_S, meaning_of
from greenlane.adapters.sql.holds import SqlHolds
from greenlane.adapters.sql.jobs import SqlCaptureJobs
from greenlane.adapters.sql.labels import SqlLabels
from greenlane.adapters.sql.log import SqlLog
from greenlane.adapters.sql.outbox import SqlOutbox
from greenlane.adapters.sql.purchases import SqlPurchases
from greenlane.adapters.sql.reader_keys import SqlReaderKeys
from greenlane.adapters.sql.seals import SqlSeals
from greenlane.adapters.sql.sessions import SqlSessions
from greenlane.adapters.sql.uploads import SqlUploads
from greenlane.adapters.sql.work import CenterNumbers, Work
from greenlane.core.errors import InvalidInput
from greenlane.ports.errors import StoreUnavailable
from greenlane.ports.store import Transaction

BUSY_TIMEOUT_S = 10
CONNECT_TIMEOUT_S = 5
CONNECTIONS = 16
"""Connections kept open for reuse; as many again at a rush."""
# Writers wait behind this, so it is short.
_WAL_PATIENCE_MS = 200


class StoreUrlInvalid(InvalidInput):
    """The address of the database is none that this store understands."""

    code = "store-url-invalid"
    default_remedy = "Use sqlite:///PATH or postgresql+psycopg://HOST/NAME."


class SqlTransaction:
    """The rooms of one transaction."""

    def __init__(self, work: Work) -> None:
        self.accounts = SqlAccounts(work)
        self.acts = SqlActs(work)
        self.answers = SqlAnswers(work)
        self.assets = SqlAssetIndex(work)
        self.audit = SqlAudit(work)
        self.documents = SqlDocumentIndex(work)
        self.events = SqlEvents(work)
        self.evidence = SqlEvidenceIndex(work)
        self.factors = SqlFactors(work)
        self.holds = SqlHolds(work)
        self.jobs = SqlCaptureJobs(work)
        self.labels = SqlLabels(work)
        self.log = SqlLog(work)
        self.outbox = SqlOutbox(work)
        self.purchases = SqlPurchases(work)
        self.reader_keys = SqlReaderKeys(work)
        self.seals = SqlSeals(work)
        self.sessions = SqlSessions(work)
        self.uploads = SqlUploads(work)


class SqlStore:
    """The port's Store in a database; see there.

    Args:
        url: sqlite:///<file> (three slashes and a relative path, or four and an absolute one), or postgresql+psycopg://….
        busy_timeout_s: how long a writer waits for another before StoreUnavailable; at least 1.

    Raises:
        StoreUrlInvalid: another kind of address.
    """

    def __init__(self, url: str, *, busy_timeout_s: int = BUSY_TIMEOUT_S) -> None:
        address = _address(url)
        self.is_postgres = address.get_backend_name() == "postgresql"
        self._busy_timeout_s = busy_timeout_s
        self._numbers = CenterNumbers()
        # Only SQLite's writers pass one by one; PostgreSQL's lock rows.
        self._turn = threading.Lock()
        self._must_empty_wal = False
        if self.is_postgres:
            self._file: Path | None = None
            self._writers = _postgres_engine(address, busy_timeout_s)
            self._readers: Engine = self._writers.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        else:
            self._file = Path(str(address.database))
            self._writers = _sqlite_engine(self._file, busy_timeout_s, is_writing=True)
            self._readers = _sqlite_engine(self._file, busy_timeout_s, is_writing=False)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        with _translated(), self._writer_turn():
            with self._writers.connect() as connection, connection.begin():
                work = Work(connection, self._numbers)
                yield SqlTransaction(work)
                work.finish()
            work.committed()
            if work.has_forgotten and not self.is_postgres:
                self._must_empty_wal = True
            if self._must_empty_wal:
                self._empty_wal()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        with _translated(), self._readers.connect() as connection, connection.begin():
            work = Work(connection, self._numbers)
            yield SqlTransaction(work)
            work.committed()

    def migrate(self) -> None:
        """Brings the tables to this release; does nothing where they are; safe from several processes at once.

        Raises:
            StoreUnavailable: as for `write`.
        """
        with _translated(), self._writer_turn():
            if self._file is not None:
                _create_file(self._file)
            with self._writers.connect() as connection, connection.begin():
                migrate.upgrade(connection)
            if self._file is not None:
                # A process that ended between forgetting a salt and emptying the log left that to the next start.
                self._empty_wal()

    def close(self) -> None:
        """Closes every connection; the store must not be used after it."""
        self._writers.dispose()
        self._readers.dispose()

    @contextmanager
    def _writer_turn(self) -> Iterator[None]:
        if self.is_postgres:
            yield
            return
        if not self._turn.acquire(timeout=self._busy_timeout_s):
            raise StoreUnavailable("The database is locked by another writer.", retry_after_s=RETRY_WHEN_BUSY_S)
        try:
            yield
        finally:
            self._turn.release()

    def _empty_wal(self) -> None:
        """Moves what was written into the database's file and cuts the write-ahead log to nothing.

        Where a reader still needs the log, the next write tries again: what was committed is so either way.
        """
        with self._writers.connect() as connection:
            driver: Any = connection.connection.driver_connection
            driver.execute(f"PRAGMA busy_timeout={_WAL_PATIENCE_MS}")
            try:
                was_busy = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            except sqlite3.OperationalError:
                was_busy = 1
            finally:
                driver.execute(f"PRAGMA busy_timeout={self._busy_timeout_s * 1000}")
        self._must_empty_wal = bool(was_busy)


def open_store(url: str) -> SqlStore:
    """The store at an address; nothing is connected before its first use.

    Raises:
        StoreUrlInvalid: the address is none that it understands.
    """
    return SqlStore(url)


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise StoreUrlInvalid("The store's address is no URL.") from error
    if address.get_backend_name() == "postgresql":
        return address.set(drivername="postgresql+psycopg")
    if address.get_backend_name() != "sqlite":
        raise StoreUrlInvalid(f"The store is in SQLite or PostgreSQL, not in {address.get_backend_name()[:20]!r}.")
    if address.database in (None, "", ":memory:") or str(address.database).startswith("file:"):
        raise StoreUrlInvalid("A SQLite store needs a file.")
    return address


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, psycopg.Error, SQLAlchemyError) as error:
        meaning = meaning_of(error)
        if meaning is None:
            raise
        raise meaning from error


def _create_file(file: Path) -> None:
    # SQLite gives its -wal and -shm files the mode of the database.
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreUnavailable(f"The database's file cannot be opened: {error.strerror}.", where=str(file)) from error


def _sqlite_engine(file: Path, busy_timeout_s: int, *, is_writing: bool) -> Engine:
    engine = create_engine(
        # mode=rw: a file that is not there is a fault, never a new empty database.
        URL.create("sqlite+pysqlite", database=f"{file.absolute().as_uri()}", query={"mode": "rw", "uri": "true"}),
        connect_args={"timeout": busy_timeout_s, "check_same_thread": False, "isolation_level": None},
        pool_size=CONNECTIONS,
        max_overflow=CONNECTIONS,
        pool_timeout=busy_timeout_s,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA secure_delete=ON")
        # So that a REPLACE meets the triggers that refuse a DELETE.
        connection.execute("PRAGMA recursive_triggers=ON")
        if is_writing:
            migrate.use_wal(connection, busy_timeout_s)
        else:
            connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")

    return engine


def _postgres_engine(address: URL, busy_timeout_s: int) -> Engine:
    engine = create_engine(
        address,
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S},
        isolation_level="READ COMMITTED",
        pool_size=CONNECTIONS,
        max_overflow=CONNECTIONS,
        pool_timeout=busy_timeout_s,
        # A connection that the server closed meanwhile is replaced before it is used.
        pool_pre_ping=True,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.execute("SET synchronous_commit = on")
        connection.execute(f"SET lock_timeout = '{busy_timeout_s}s'")
        connection.commit()

    return engine
