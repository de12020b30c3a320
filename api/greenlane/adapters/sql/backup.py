"""A consistent copy of the database while it is being written to, and its return.

SQLite: the online backup API. PostgreSQL: pg_dump and pg_restore, which must be on PATH and not older than the server.
"""

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from sqlalchemy.engine import URL, make_url

from greenlane.core.errors import CannotCheck, Conflict

_TOOL_PATIENCE_S = 6 * 3600


class BackupFailed(CannotCheck):
    """The database could not be copied or brought back; what was there is unchanged."""

    code = "backup-failed"


def dump_database(database_url: str, target: Path) -> None:
    """Writes a copy of the database to a new file.

    Args:
        database_url: SQLAlchemy URL; sqlite or postgresql+psycopg.
        target: must not exist.

    Raises:
        BackupFailed: the database or its tool refused.
    """
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        source = Path(str(url.database))
        if not source.exists():
            raise BackupFailed("There is no database to back up.", where=str(source))
        try:
            with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
                live.backup(copy)
        except sqlite3.Error as cause:
            raise BackupFailed(f"SQLite refused: {cause}.", where=str(source)) from cause
        return
    _run_tool("pg_dump", ["--format=custom", f"--file={target}"], url)


def load_database(source: Path, database_url: str) -> None:
    """Brings a copy back into a database that is still empty.

    Raises:
        Conflict: the database has content already.
        BackupFailed: the copy is damaged, or the database or its tool refused.
    """
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        target = Path(str(url.database))
        if target.exists():
            raise Conflict("There is a database already.", where=str(target), remedy="Restore into an empty home.")
        partial = target.with_name(target.name + ".partial")
        try:
            with closing(sqlite3.connect(source)) as copy, closing(sqlite3.connect(partial)) as fresh:
                copy.backup(fresh)
                verdict = fresh.execute("PRAGMA integrity_check").fetchone()[0]
        except sqlite3.Error as cause:
            partial.unlink(missing_ok=True)
            raise BackupFailed(f"The copy is damaged: {cause}.", where=str(source)) from cause
        if verdict != "ok":
            partial.unlink(missing_ok=True)
            raise BackupFailed(f"The copy is damaged: {verdict}.", where=str(source))
        partial.chmod(0o600)
        partial.rename(target)
        return
    _run_tool(
        "pg_restore", ["--exit-on-error", "--single-transaction", "--no-owner", "--dbname", url.database or "", str(source)], url
    )


def _run_tool(name: str, arguments: list[str], url: URL) -> None:
    tool = shutil.which(name)
    if tool is None:
        raise BackupFailed(f"{name} was not found on PATH.", remedy="Install PostgreSQL's client (Debian: postgresql-client).")
    environment = dict(os.environ) | {
        # The password goes by environment: a command line can be read by every user of the machine.
        key: str(value)
        for key, value in {
            "PGHOST": url.host or url.query.get("host"),
            "PGPORT": url.port,
            "PGUSER": url.username,
            "PGPASSWORD": url.password,
            "PGDATABASE": url.database,
        }.items()
        if value is not None
    }
    try:
        done = subprocess.run(  # noqa: S603 the tool and its arguments are ours
            [tool, *arguments], env=environment, capture_output=True, text=True, timeout=_TOOL_PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as cause:
        raise BackupFailed(f"{name} did not finish: {type(cause).__name__}.") from cause
    if done.returncode != 0:
        raise BackupFailed(f"{name} refused: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else done.returncode}.")
