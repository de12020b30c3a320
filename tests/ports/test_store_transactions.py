"""What a transaction promises: all or nothing, durable when the block is left, a snapshot for readers."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from greenlane.adapters.sql.faults import RowRefused, SchemaMissing, WriteRefused
from greenlane.adapters.sql.store import SqlStore, StoreUrlInvalid, open_store
from greenlane.core.errors import InvalidInput
from greenlane.core.tiles import TileId
from greenlane.core.units import Address, CenterId, ChainId, LeafIndex, RootHash, TreeSize, TxHash
from greenlane.ports.answers import Once
from greenlane.ports.audit import AuditLine
from greenlane.ports.errors import StoreUnavailable
from greenlane.ports.events import Reader
from greenlane.ports.jobs import CaptureJob
from greenlane.ports.log import StoredCheckpoint
from greenlane.ports.outbox import SignedTransaction
from greenlane.ports.store import Store, Transaction

LIMA = CenterId("lima")
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
ONCE = Once(scope="key post /capture", key="k", request_digest=bytes(32), at=NOON)
SIGNER = Address(bytes(20))
# Checked by mypy: the adapter is what the port says.
_OPENS_A_STORE: Callable[[str], Store] = open_store


def line(subject: str) -> AuditLine:
    return AuditLine(at=NOON, actor="worker", center=LIMA, member=None, action="event.capture", subject=subject)


def fill(transaction: Transaction, event: Any) -> None:
    """Writes something into every room."""
    transaction.log.append(LIMA, [bytes(65)])
    transaction.log.write_tiles(LIMA, {TileId(level=0, number=0): bytes(32)})
    transaction.log.add_checkpoint(
        StoredCheckpoint(center=LIMA, tree_size=TreeSize(1), root=RootHash(bytes(32)), note="note", created_at=NOON)
    )
    transaction.events.add([event])
    transaction.audit.add(line("1"))
    transaction.answers.keep(ONCE, b"answer")
    transaction.jobs.add(CaptureJob(id="job", center=LIMA, member=event.member, created_at=NOON, events=()))
    transaction.outbox.lock_signer(ChainId(1), SIGNER)
    transaction.outbox.add(
        chain_id=ChainId(1),
        signer=SIGNER,
        nonce=0,
        purpose="anchor:lima:1",
        sign=lambda nonce: SignedTransaction(tx_hash=TxHash(bytes(32)), raw=b"raw"),
        at=NOON,
    )


def traces(transaction: Transaction, event: Any) -> list[bool]:
    """Whether each room holds what `fill` wrote."""
    return [
        transaction.log.head(LIMA).captured == 1,
        transaction.log.head(LIMA).published == 1,
        transaction.log.newest_checkpoint(LIMA) is not None,
        transaction.events.at(LIMA, LeafIndex(0)) is not None,
        bool(transaction.events.by_hash(event.identity.event_digest, reader=Reader(center=LIMA))),
        bool(transaction.audit.lines(LIMA)),
        transaction.answers.find(ONCE) is not None,
        transaction.jobs.get("job") is not None,
        transaction.outbox.pending_for(ChainId(1), "anchor:lima:1") is not None,
    ]


def test_a_block_that_raises_was_never_there(store: Store, make_event: Callable[..., Any]) -> None:
    event = make_event(leaf_index=LeafIndex(0))
    with pytest.raises(ZeroDivisionError), store.write() as transaction:
        fill(transaction, event)
        assert all(traces(transaction, event)), "a transaction sees what it wrote itself"
        raise ZeroDivisionError
    with store.read() as transaction:
        assert not any(traces(transaction, event))
    with store.write() as transaction:
        fill(transaction, event)
    with store.read() as transaction:
        assert all(traces(transaction, event))


def test_a_center_first_seen_in_a_transaction_that_failed_can_be_created_again(store: Store) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), store.write() as transaction:
            transaction.log.append(LIMA, [bytes(65)])
            raise ZeroDivisionError
    with store.write() as transaction:
        assert transaction.log.append(LIMA, [bytes(65)]) == 0


def test_a_reader_sees_one_moment_however_long_it_reads(store: Store) -> None:
    with store.write() as transaction:
        transaction.log.append(LIMA, [bytes(65)])
    with store.read() as reader:
        assert reader.log.head(LIMA).captured == 1
        with store.write() as writer:
            writer.log.append(LIMA, [bytes(65)])
        assert reader.log.head(LIMA).captured == 1
        assert len(reader.log.entries(LIMA, LeafIndex(0), 9)) == 1
    with store.read() as reader:
        assert reader.log.head(LIMA).captured == 2


def test_writing_through_a_read_is_refused(store: Store, make_event: Callable[..., Any]) -> None:
    with store.write() as transaction:
        transaction.log.append(LIMA, [bytes(65)])
    with pytest.raises(WriteRefused), store.read() as reader:
        reader.events.add([make_event(leaf_index=LeafIndex(0))])
    with pytest.raises(WriteRefused), store.read() as reader:
        reader.log.append(LIMA, [bytes(65)])
    with pytest.raises(WriteRefused), store.read() as reader:
        reader.answers.keep(ONCE, b"answer")
    with store.write() as transaction:
        assert transaction.log.append(LIMA, [bytes(65)]) == 1, "the store writes on as before"


def test_a_text_that_a_database_cannot_hold_is_the_inputs_fault(store: Store, make_event: Callable[..., Any]) -> None:
    event = make_event(leaf_index=LeafIndex(0), biz_step="\ud800")
    with pytest.raises((InvalidInput, UnicodeEncodeError)), store.write() as transaction:
        transaction.events.add([event])
    with store.read() as reader:
        assert reader.events.at(LIMA, LeafIndex(0)) is None


def test_a_database_without_tables_says_so(store_url: str, tmp_path: Path) -> None:
    store = open_store(store_url)
    if not store.is_postgres:
        (tmp_path / "greenlane.db").touch()
    with pytest.raises(SchemaMissing) as caught, store.read() as reader:
        reader.log.head(LIMA)
    assert caught.value.retry_after_s > 0
    store.close()


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://h/d", "sqlite://", "sqlite:///:memory:", "sqlite:///file:x?uri=true"])
def test_an_address_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(StoreUrlInvalid):
        open_store(url)


def test_a_database_that_is_not_there_is_unavailable_and_not_created(tmp_path: Path) -> None:
    file = tmp_path / "none.db"
    store = open_store(f"sqlite:///{file}")
    with pytest.raises(StoreUnavailable), store.read():
        pass
    with pytest.raises(StoreUnavailable), store.write():
        pass
    assert not file.exists()
    store.close()
    with pytest.raises(StoreUnavailable):
        open_store(f"sqlite:///{tmp_path}/no/such/folder/g.db").migrate()
    with pytest.raises(StoreUnavailable) as caught:
        open_store("postgresql://greenlane@127.0.0.1:1/none").migrate()
    assert caught.value.retry_after_s > 0


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    file = tmp_path / "greenlane.db"
    file.write_bytes(b"no database at all, but long enough to be looked at" * 100)
    store = open_store(f"sqlite:///{file}")
    with pytest.raises(StoreUnavailable):
        store.migrate()
    store.close()


def test_a_full_disk_is_unavailable_and_nothing_half_written_stays(tmp_path: Path) -> None:
    store = SqlStore(f"sqlite:///{tmp_path / 'greenlane.db'}")
    store.migrate()
    with pytest.raises(StoreUnavailable) as caught, store.write() as transaction:
        pages = transaction.log._work.driver().execute("PRAGMA page_count").fetchone()[0]  # type: ignore[attr-defined]
        transaction.log._work.driver().execute(f"PRAGMA max_page_count = {pages + 4}")  # type: ignore[attr-defined]
        for _ in range(100):
            transaction.log.append(LIMA, [bytes(65)] * 256)
    assert "space" in caught.value.detail
    with store.read() as reader:
        assert reader.log.head(LIMA).captured == 0
    store.close()


def test_a_lock_held_too_long_is_unavailable(store_url: str) -> None:
    store = SqlStore(store_url, busy_timeout_s=1)
    other = SqlStore(store_url)
    store.migrate()
    with other.write() as holder:
        holder.log.append(LIMA, [bytes(65)])
        for _ in range(2):
            began = time.monotonic()
            with pytest.raises(StoreUnavailable) as caught, store.write() as transaction:
                transaction.log.append(LIMA, [bytes(65)])
            assert caught.value.retry_after_s > 0
            assert time.monotonic() - began < 5
    with store.write() as transaction:
        assert transaction.log.append(LIMA, [bytes(65)]) == 1
    store.close()
    other.close()


@pytest.mark.postgres
def test_a_connection_that_the_server_cut_is_unavailable_once_and_then_replaced(postgres_url: str) -> None:
    store = open_store(postgres_url)
    store.migrate()
    with pytest.raises(StoreUnavailable), store.write() as transaction:
        transaction.log.append(LIMA, [bytes(65)])
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        transaction.log.append(LIMA, [bytes(65)])
    with store.write() as transaction:
        assert transaction.log.append(LIMA, [bytes(65)]) == 0
    store.close()


def test_the_database_file_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "greenlane.db"
    store = open_store(f"sqlite:///{file}")
    store.migrate()
    with store.write() as transaction:
        transaction.log.append(LIMA, [bytes(65)])
        modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in tmp_path.iterdir()}
    assert modes == dict.fromkeys(("greenlane.db", "greenlane.db-wal", "greenlane.db-shm"), 0o600)
    store.close()


def test_sqlite_syncs_every_commit_and_overwrites_what_it_deletes(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'greenlane.db'}")
    store.migrate()
    with store.write() as transaction:
        driver = transaction.log._work.driver()  # type: ignore[attr-defined]
        settings = {name: driver.execute(f"PRAGMA {name}").fetchone()[0] for name in _SQLITE_SETTINGS}
    assert settings == _SQLITE_SETTINGS
    store.close()


_SQLITE_SETTINGS = {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1, "recursive_triggers": 1}


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    """A process writes, says so, and is killed in the middle of the next write: what it said stands, the rest does not."""
    url = f"sqlite:///{tmp_path / 'greenlane.db'}"
    program = textwrap.dedent(
        f"""
        from greenlane.adapters.sql.store import open_store
        store = open_store({url!r})
        store.migrate()
        while True:
            with store.write() as transaction:
                first = transaction.log.append("lima", [bytes(65)] * 10)
            print(first + 10, flush=True)
        """
    )
    acknowledged = 0
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(5):
                acknowledged = int(writer.stdout.readline())
            os.kill(writer.pid, signal.SIGKILL)
            for late in writer.stdout:
                acknowledged = int(late)
        store = open_store(url)
        with store.read() as reader:
            captured = reader.log.head(LIMA).captured
            assert captured >= acknowledged
            assert captured % 10 == 0, "no transaction is there by half"
            assert len(reader.log.entries(LIMA, LeafIndex(0), captured + 1)) == captured
        store.close()


APPEND_ONLY_CHANGES = [
    "UPDATE audit_line SET subject = 'other'",
    "DELETE FROM audit_line",
    "DELETE FROM audit_line WHERE number = 1",
    "UPDATE entry_run SET entries = entries",
    "DELETE FROM entry_run",
    "UPDATE checkpoint SET note = 'other'",
    "DELETE FROM checkpoint",
    "UPDATE event SET is_private = false",
    "UPDATE event SET leaf_index = leaf_index + 1",
    "DELETE FROM event",
    "UPDATE forgotten_salt SET at = 0",
    "DELETE FROM forgotten_salt",
]


@pytest.mark.parametrize("change", APPEND_ONLY_CHANGES)
def test_no_statement_changes_or_removes_what_is_append_only(
    store: SqlStore, make_private_event: Callable[..., Any], change: str
) -> None:
    event = make_private_event(b"s" * 32, leaf_index=LeafIndex(0))
    with store.write() as transaction:
        fill(transaction, event)
        assert transaction.events.forget_salt(LIMA, LeafIndex(0), NOON)
    with pytest.raises(RowRefused, match="append-only"), store.write() as transaction:
        transaction.log._work.driver().execute(change)  # type: ignore[attr-defined]


@pytest.mark.postgres
@pytest.mark.parametrize("table", ["audit_line", "entry_run", "checkpoint", "event", "forgotten_salt"])
def test_postgres_refuses_to_empty_what_is_append_only(postgres_url: str, table: str) -> None:
    store = open_store(postgres_url)
    store.migrate()
    with pytest.raises(RowRefused, match="append-only"), store.write() as transaction:
        transaction.log._work.driver().execute(f"TRUNCATE {table}")  # type: ignore[attr-defined]
    store.close()


def test_sqlite_refuses_to_replace_an_audit_line(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'greenlane.db'}")
    store.migrate()
    with store.write() as transaction:
        transaction.audit.add(line("first"))
    with pytest.raises(RowRefused, match="append-only"), store.write() as transaction:
        transaction.log._work.driver().execute(  # type: ignore[attr-defined]
            "REPLACE INTO audit_line (center, number, at, actor, action, subject) VALUES (1, 1, 0, 'x', 'x', 'x')"
        )
    store.close()


def test_many_threads_write_and_read_at_once(store: Store) -> None:
    faults: list[Exception] = []

    def work(name: str) -> None:
        try:
            for number in range(5):
                with store.write() as transaction:
                    transaction.log.append(LIMA, [bytes(65)])
                    transaction.audit.add(line(f"{name}.{number}"))
                with store.read() as reader:
                    assert [at for at, _ in reader.audit.lines(LIMA)] == list(range(1, len(reader.audit.lines(LIMA)) + 1))
        except Exception as fault:  # noqa: BLE001 - told by the assertion below, on the test's own thread
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    with store.read() as reader:
        assert reader.log.head(LIMA).captured == 30
        assert [number for number, _ in reader.audit.lines(LIMA)] == list(range(1, 31)), "audit numbers have no gap"


def test_sqlite3_is_new_enough_for_upserts_and_row_values() -> None:
    assert sqlite3.sqlite_version_info >= (3, 35)
