"""One open database transaction, as the rooms see it: the connection, which database it is, and the numbers of centers."""

import threading
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable, Table, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert

from greenlane.adapters.sql.tables import audit_head, center, log_head, log_published
from greenlane.core.units import CenterId


class CenterNumbers:
    """Which number a center has; filled only from what is committed, so never wrong. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_slug: dict[CenterId, int] = {}
        self._by_number: dict[int, CenterId] = {}

    def number(self, slug: CenterId) -> int | None:
        return self._by_slug.get(slug)

    def slug(self, number: int) -> CenterId | None:
        return self._by_number.get(number)

    def learn(self, found: dict[CenterId, int]) -> None:
        with self._lock:
            self._by_slug.update(found)
            self._by_number.update({number: slug for slug, number in found.items()})


class Work:
    """One transaction in progress.

    Attributes:
        connection: SQLAlchemy's connection, inside the transaction.
        is_postgres: PostgreSQL, else SQLite.
        has_forgotten: whether something was destroyed that must not linger in a write-ahead log.
    """

    def __init__(self, connection: Connection, numbers: CenterNumbers) -> None:
        self.connection = connection
        self.is_postgres = connection.dialect.name == "postgresql"
        self.has_forgotten = False
        self._numbers = numbers
        self._found: dict[CenterId, int] = {}
        self._before_commit: list[Callable[[], None]] = []

    def before_commit(self, finish: Callable[[], None]) -> None:
        """Runs `finish` as the last thing of the transaction."""
        self._before_commit.append(finish)

    def finish(self) -> None:
        for finish in self._before_commit:
            finish()

    def committed(self) -> None:
        """Shares what this transaction learnt about centers, now that it is so."""
        if self._found:
            self._numbers.learn(self._found)

    def number(self, slug: CenterId) -> int | None:
        """The number of a center; None where it has written nothing yet."""
        known = self._numbers.number(slug) or self._found.get(slug)
        if known is None:
            known = self.connection.scalar(select(center.c.number).where(center.c.slug == slug))
            if known is not None:
                self._found[slug] = known
        return known

    def number_or_new(self, slug: CenterId) -> int:
        """The number of a center, which is created with an empty log where it is new."""
        known = self.number(slug)
        if known is not None:
            return known
        # Another transaction may create it meanwhile: then this insert waits for it and does nothing.
        self.connection.execute(self.insert_or_leave(center).values(slug=slug))
        number: int = self.connection.execute(select(center.c.number).where(center.c.slug == slug)).scalar_one()
        self.connection.execute(self.insert_or_leave(log_head).values(center=number, captured=0))
        self.connection.execute(self.insert_or_leave(log_published).values(center=number, published=0))
        self.connection.execute(self.insert_or_leave(audit_head).values(center=number, lines=0))
        self._found[slug] = number
        return number

    def slug(self, number: int) -> CenterId:
        """The short name of a center's number, which exists."""
        known = self._numbers.slug(number)
        if known is None:
            known = CenterId(self.connection.execute(select(center.c.slug).where(center.c.number == number)).scalar_one())
            self._found[known] = number
        return known

    def insert_or_leave(self, table: Any) -> Insert:
        """INSERT … ON CONFLICT DO NOTHING."""
        if self.is_postgres:
            return postgresql.insert(table).on_conflict_do_nothing()
        return sqlite.insert(table).on_conflict_do_nothing()

    def was_inserted(self, table: Any, row: dict[str, Any]) -> bool:
        """Inserts a row; False where one of its keys is taken."""
        # SQLAlchemy forgets the count of an INSERT unless asked to keep it.
        kept = {"preserve_rowcount": True}
        return self.connection.execute(self.insert_or_leave(table), row, execution_options=kept).rowcount == 1

    def put(self, table: Table, row: dict[str, Any]) -> None:
        """Inserts a whole row, or replaces the one that has its key."""
        self.connection.execute(_put(table, self.is_postgres), row)

    def changed(self, statement: Executable) -> int:
        """Executes an UPDATE or DELETE; how many rows it touched."""
        return self.connection.execute(statement).rowcount

    def direct(self, statement: str, *values: Any) -> Any:
        """Executes one statement of the hot path by the driver itself, in a tenth of SQLAlchemy's time.

        Args:
            statement: constant text that both databases read alike; question marks stand for values.
            values: as the driver takes them: numbers, text and bytes.

        Returns:
            The driver's cursor: rows as plain tuples, and `rowcount`.
        """
        if self.is_postgres:
            return self.driver().cursor(binary=True).execute(statement.replace("?", "%s"), values)
        return self.driver().execute(statement, values)

    def direct_many(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """As `direct`, for several rows that are written."""
        if len(rows) == 1:
            self.direct(statement, *rows[0])
        elif self.is_postgres:
            self.driver().cursor().executemany(statement.replace("?", "%s"), rows)
        else:
            self.driver().executemany(statement, rows)

    def driver(self) -> Any:
        """The driver's own connection (sqlite3 or psycopg), inside the same transaction."""
        return self.connection.connection.driver_connection


@cache
def _put(table: Table, is_postgres: bool) -> Insert:
    """INSERT … ON CONFLICT DO UPDATE, made once for each table: making it takes longer than executing it."""
    inserted = postgresql.insert(table) if is_postgres else sqlite.insert(table)
    fresh = {column.name: inserted.excluded[column.name] for column in table.columns if not column.primary_key}
    return inserted.on_conflict_do_update(index_elements=list(table.primary_key), set_=fresh)
