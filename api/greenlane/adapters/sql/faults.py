"""What a database error means to the store's users."""

import sqlite3

import psycopg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from greenlane.core.errors import CannotCheck, Conflict, GreenlaneError, InvalidInput
from greenlane.ports.errors import StoreUnavailable

RETRY_WHEN_BUSY_S = 2
RETRY_WHEN_AWAY_S = 5
RETRY_WHEN_FULL_S = 60


class WriteRefused(GreenlaneError):
    """A write was tried in a read-only transaction."""

    code = "write-refused"
    default_remedy = "Open the transaction with `write()`."


class RowRefused(Conflict):
    """The database refuses a row: its key is taken, a rule of the table is broken, or the table is append-only."""

    code = "row-refused"


class RowDamaged(CannotCheck):
    """What is stored cannot be read any more: its bytes were changed outside this program."""

    code = "row-damaged"
    default_remedy = "Run `greenlane fsck`, and restore from a backup what it names."


class SchemaMissing(StoreUnavailable):
    """The database has no tables of Greenlane, or older ones."""

    code = "schema-missing"
    default_remedy = "Migrate the database with this release before serving from it."


def meaning_of(error: sqlite3.Error | psycopg.Error | SQLAlchemyError) -> GreenlaneError | None:
    """What an error of the driver or of SQLAlchemy means; None where it is a fault in this program."""
    if isinstance(error, PoolExhausted):
        return StoreUnavailable("Every connection to the database is in use.", retry_after_s=RETRY_WHEN_BUSY_S)
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        return _of_sqlite(cause)
    if isinstance(cause, psycopg.Error):
        return _of_postgres(cause)
    return None


def _of_sqlite(error: sqlite3.Error) -> GreenlaneError | None:
    name = getattr(error, "sqlite_errorname", "")
    # Raised by Python's own part of the driver, so without a code of SQLite's.
    if not name and "decode to UTF-8" in str(error):
        return RowDamaged("A stored text is damaged.")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreUnavailable("The database is locked by another writer.", retry_after_s=RETRY_WHEN_BUSY_S)
    if name.startswith("SQLITE_FULL"):
        return StoreUnavailable("The database is out of space.", retry_after_s=RETRY_WHEN_FULL_S)
    if name.startswith("SQLITE_READONLY"):
        return WriteRefused("This transaction, or the database's file, may only be read.")
    if name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_PROTOCOL", "SQLITE_NOMEM")):
        return StoreUnavailable("The database's file cannot be read or written.", retry_after_s=RETRY_WHEN_AWAY_S)
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StoreUnavailable(
            "The database's file is damaged or no database.",
            remedy="Restore it from a backup.",
            retry_after_s=RETRY_WHEN_FULL_S,
        )
    if isinstance(error, sqlite3.IntegrityError):
        return RowRefused(f"The database refuses a row: {error}.")
    if isinstance(error, sqlite3.OperationalError) and str(error).startswith(("no such table", "no such column")):
        return SchemaMissing("The database has not the tables of this release.", retry_after_s=RETRY_WHEN_FULL_S)
    return None


def _of_postgres(error: psycopg.Error) -> GreenlaneError | None:
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return WriteRefused("This transaction may only be read.")
    if isinstance(error, psycopg.errors.DiskFull):
        return StoreUnavailable("The database is out of space.", retry_after_s=RETRY_WHEN_FULL_S)
    if isinstance(error, psycopg.errors.LockNotAvailable | psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure):
        return StoreUnavailable("The database is locked by another writer.", retry_after_s=RETRY_WHEN_BUSY_S)
    if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
        return SchemaMissing("The database has not the tables of this release.", retry_after_s=RETRY_WHEN_FULL_S)
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return StoreUnavailable("The database cannot be reached.", retry_after_s=RETRY_WHEN_AWAY_S)
    if isinstance(error, psycopg.IntegrityError):
        # The server's detail would quote the row.
        return RowRefused(f"The database refuses a row: {error.diag.message_primary}.")
    if isinstance(error, psycopg.DataError):
        return InvalidInput("The database cannot hold a text of the input.", remedy="Remove NUL characters and lone surrogates.")
    return None
