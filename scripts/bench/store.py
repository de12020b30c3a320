"""How many events a second the store takes, against bare bulk insertion of the same rows, on SQLite and on PostgreSQL.

One writer does in each transaction what a capture does: hold the log, ask what is known, append entries, store events with what
they name, keep the job, add an audit line, and wait until all that is on disk. The floor puts the same rows of events and names
into tables without a single index, by the fastest way the driver has (COPY, executemany), and waits for the disk as well. Rounds
of both are interleaved and the median of each counts, so that a busy machine harms both alike.

    python -m scripts.bench.store --rounds 15
"""

import argparse
import dataclasses
import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from greenlane.adapters.sql.events import COPY_TYPES, EVENT_COLUMNS, NAMED_COLUMNS, event_rows
from greenlane.adapters.sql.store import SqlStore, open_store
from greenlane.core.units import CenterId, LeafIndex, MemberId
from greenlane.ports.accounts import Visibility
from greenlane.ports.audit import AuditLine
from greenlane.ports.events import EventIdentity, ItemKey, StoredEvent
from greenlane.ports.jobs import CapturedEvent, CaptureJob

from scripts.bench.postgres import temporary_postgres
from scripts.bench.report import Table

_CENTER = CenterId("lima")
_MEMBER = MemberId("cooperativa")
_NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
_DOCUMENT_BYTES = 1000
_ITEMS = 3
_FLOOR_EVENT, _FLOOR_NAMED = "floor_event", "floor_named"


def _events(size: int) -> list[StoredEvent]:
    made = []
    for _ in range(size):
        digest = os.urandom(32)
        document = digest.hex().encode().ljust(_DOCUMENT_BYTES, b"x")
        serial = int.from_bytes(digest[:6], "big")
        made.append(
            StoredEvent(
                center=_CENTER,
                member=_MEMBER,
                event_hash=f"ni:///sha-256;{digest.hex()}?ver=CBV2.0",
                identity=EventIdentity(event_digest=digest, variant_digest=bytes(32)),
                content_digest=hashlib.sha256(document).digest(),
                document=document,
                event_type="ObjectEvent",
                event_time=_NOON + timedelta(microseconds=serial),
                action="OBSERVE",
                biz_step="shipping",
                disposition="in_transit",
                read_point="https://id.gs1.org/414/9506000134383",
                biz_location="https://id.gs1.org/414/9506000134376",
                event_id=None,
                is_error_declaration=False,
                visibility=Visibility.PUBLIC,
                captured_at=_NOON,
                leaf_index=LeafIndex(0),
                is_blinded=False,
                salt=None,
                job_id=digest.hex()[:32],
                items=tuple(
                    ItemKey(role="epc", identifier=f"https://id.gs1.org/01/09506000134352/21/{serial}{n}") for n in range(_ITEMS)
                ),
            )
        )
    return made


def _capture(store: SqlStore, events: list[StoredEvent]) -> None:
    with store.write() as transaction:
        head = transaction.log.lock(_CENTER)
        if transaction.events.known(_CENTER, _MEMBER, [one.identity for one in events]):
            raise SystemExit("Two random events had one hash.")
        placed = [dataclasses.replace(one, leaf_index=LeafIndex(head.captured + n)) for n, one in enumerate(events)]
        transaction.log.append(_CENTER, [one.content_digest + one.identity.event_digest + b"\x01" for one in events])
        transaction.events.add(placed)
        done = tuple(CapturedEvent(event_hash=one.event_hash, leaf_index=one.leaf_index, is_new=True) for one in placed)
        job_id = events[0].job_id
        transaction.jobs.add(CaptureJob(id=job_id, center=_CENTER, member=_MEMBER, created_at=_NOON, events=done))
        transaction.audit.add(
            AuditLine(at=_NOON, actor="console", center=_CENTER, member=_MEMBER, action="event.capture", subject=job_id)
        )


def _insert_bare(driver: Any, is_postgres: bool, events: list[StoredEvent]) -> None:
    names: list[tuple[Any, ...]] = []
    rows = list(event_rows(events, {_CENTER: 1}, names, []))
    if is_postgres:
        for table, types, some in ((_FLOOR_EVENT, COPY_TYPES["event"], rows), (_FLOOR_NAMED, COPY_TYPES["named"], names)):
            with driver.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(types)
                for row in some:
                    copy.write_row(row)
    else:
        driver.execute("BEGIN IMMEDIATE")
        for table, columns, some in ((_FLOOR_EVENT, EVENT_COLUMNS, rows), (_FLOOR_NAMED, NAMED_COLUMNS, names)):
            driver.executemany(f"INSERT INTO {table} VALUES ({','.join('?' * len(columns))})", some)
    driver.commit()


def _seconds(do: Callable[[], None]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


def _measure(name: str, store: SqlStore, rounds: int, table: Table) -> None:
    store.migrate()
    with store._writers.connect() as connection:
        driver: Any = connection.connection.driver_connection
        for floor, model in ((_FLOOR_EVENT, "event"), (_FLOOR_NAMED, "named")):
            driver.execute(f"CREATE TABLE {floor} AS SELECT * FROM {model} WHERE false")
        driver.commit()
        for size in (1, 100, 1000):
            # A batch of one is over so soon that it takes more of them to tell its time from the disk's moods.
            repeats = rounds * (20 if size == 1 else 1)
            stored, bare = [], []
            for _ in range(repeats + 1):
                events, others = _events(size), _events(size)
                stored.append(_seconds(lambda events=events: _capture(store, events)))  # type: ignore[misc]
                bare.append(_seconds(lambda others=others: _insert_bare(driver, store.is_postgres, others)))  # type: ignore[misc]
            ours, floor_s = statistics.median(stored[1:]) / size, statistics.median(bare[1:]) / size
            table.row(
                name,
                f"{size:,}",
                f"{1 / ours:,.0f}",
                f"{ours * 1e6:,.0f}",
                f"{1 / floor_s:,.0f}",
                f"{floor_s * 1e6:,.0f}",
                f"{ours / floor_s:.1f}",
            )
    store.close()


def main() -> None:
    """Measures both databases and prints one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="batches of each size (default 15)")
    rounds = parser.parse_args().rounds
    table = Table(
        f"Store: events of {_DOCUMENT_BYTES} bytes and {_ITEMS} identifiers, synced to disk",
        "database",
        "batch",
        "events/s",
        "µs/event",
        "floor events/s",
        "floor µs/event",
        "times the floor",
    )
    with tempfile.TemporaryDirectory(prefix="greenlane-bench-") as folder:
        _measure("SQLite", open_store(f"sqlite:///{Path(folder) / 'greenlane.db'}"), rounds, table)
    with temporary_postgres() as url:
        if url is None:
            table.row("PostgreSQL", "server binaries not found", *[""] * 5)
        else:
            _measure("PostgreSQL", open_store(url), rounds, table)
    table.print()


if __name__ == "__main__":
    main()
