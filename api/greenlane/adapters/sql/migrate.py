"""Brings a database to the tables of this release, with Alembic and the migrations that travel in the package."""

import sqlite3
import time
from pathlib import Path

from sqlalchemy import Connection, inspect, text

MIGRATIONS = Path(__file__).parent / "migrations"
# Any number that nobody else takes: it keeps two migrations of one PostgreSQL database apart.
_ADVISORY_LOCK = 0x677265656E6C616E


def upgrade(connection: Connection) -> None:
    """Applies what is missing, inside the connection's transaction: wholly or not at all.

    Whoever comes second waits (in SQLite for the write transaction, in PostgreSQL for an advisory lock) and finds nothing to do.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
    if _is_current(connection):
        return
    # Not at the top: it takes a quarter of a second, and most processes find nothing to do.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _is_current(connection: Connection) -> bool:
    """Whether the newest migration of this release was the last that was applied."""
    newest = max(each.name for each in (MIGRATIONS / "versions").glob("[0-9]*.py")).partition("_")[0]
    if not inspect(connection).has_table("alembic_version"):
        return False
    return connection.scalars(text("SELECT version_num FROM alembic_version")).all() == [newest]


def use_wal(connection: sqlite3.Connection, busy_timeout_s: int) -> None:
    """Puts a SQLite database into write-ahead-log mode, which stays in its file.

    Raises:
        sqlite3.OperationalError: another process keeps it locked.
    """
    deadline = time.monotonic() + busy_timeout_s
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            # SQLite does not wait by itself for this one change, which two processes may want at the same first start.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
