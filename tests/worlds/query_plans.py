"""What a database means to do for a question, asked while the question is answered."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from greenlane.adapters.sql.store import SqlStore
from greenlane.ports.store import Transaction
from sqlalchemy import event


@contextmanager
def explained(store: SqlStore) -> Iterator[tuple[Transaction, list[str]]]:
    """A transaction, and the plans of all that SQLAlchemy executes in it."""
    plans: list[str] = []
    with store.read() as tx:
        work = tx.documents._work  # type: ignore[attr-defined]
        explain = "EXPLAIN" if store.is_postgres else "EXPLAIN QUERY PLAN"

        @event.listens_for(work.connection, "before_cursor_execute")
        def explain_it(_conn: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: bool) -> None:
            rows = work.driver().execute(f"{explain} {statement}", values).fetchall()
            plans.append("\n".join(str(row[-1]) for row in rows))

        yield tx, plans


def whole_tables_read(plan: str, tables: Sequence[str]) -> list[str]:
    """Those of the tables that a plan reads from end to end. In SQLite a walk of a whole index is called a scan that uses it."""
    lines = plan.splitlines()
    return [
        table
        for table in tables
        if f"Seq Scan on {table} " in plan or any(line.startswith(f"SCAN {table}") and "USING" not in line for line in lines)
    ]


def analyze(store: SqlStore) -> None:
    """Lets the database count what is in its tables."""
    with store.write() as tx:
        tx.documents._work.driver().execute("ANALYZE")  # type: ignore[attr-defined]
