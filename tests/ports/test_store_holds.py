"""What the room of holds promises of asks: they are counted for each who asks, and decide nothing for anybody else."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from greenlane.adapters.sql.store import SqlStore
from greenlane.core.documents.cid import Cid, Codec
from greenlane.core.units import CenterId, MemberId
from greenlane.ports.holds import HeldDocument
from greenlane.ports.store import Store, Transaction
from greenlane.ports.uploads import Upload
from sqlalchemy import event

LIMA, TIANJIN, HANOI = CenterId("lima"), CenterId("tianjin"), CenterId("hanoi")
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
CID = Cid.of(Codec.RAW, b"a certificate")


def held(cid: Cid = CID, asked_by: CenterId = TIANJIN, size: int = 5) -> HeldDocument:
    return HeldDocument(center=LIMA, asked_by=asked_by, cid=cid, size=size, asked_at=NOON)


def upload(length: int) -> Upload:
    return Upload(
        id="0" * 32, center=LIMA, member=MemberId("farm"), key_id="key", length=length, created_at=NOON, expires_at=NOON
    )


def test_every_ask_for_a_document_is_there_with_its_own_size(store: Store) -> None:
    with store.write() as tx:
        asks = [held(asked_by=HANOI, size=1), held(size=5)]
        for ask in reversed(asks):
            tx.holds.ask(ask)
        other = held(Cid.of(Codec.RAW, b"another"))
        tx.holds.ask(other)
        assert list(tx.holds.asks(CID)) == asks
        assert list(tx.holds.asks(other.cid)) == [other]
        assert list(tx.holds.askers()) == [HANOI, TIANJIN]
        assert (tx.holds.held_documents(TIANJIN), tx.holds.held_documents(HANOI), tx.holds.held_documents(LIMA)) == (2, 1, 0)
        assert tx.holds.release(HANOI, CID)
        assert list(tx.holds.askers()) == [TIANJIN]
        assert tx.holds.held_documents(HANOI) == 0
        assert list(tx.holds.asks(CID)) == asks[1:]


def test_a_size_is_what_whoever_keeps_the_bytes_says_and_not_who_asks(store: Store) -> None:
    def size(tx: Transaction) -> int:
        asked = "SELECT size FROM document_bytes"
        return int(tx.holds._work.driver().execute(asked).fetchone()[0])  # type: ignore[attr-defined]

    with store.write() as tx:
        tx.holds.ask(held(size=7))
        assert size(tx) == 7
        tx.uploads.add(upload(13))
        tx.uploads.mean("0" * 32, CID)
        assert size(tx) == 13
        tx.holds.ask(held(asked_by=HANOI, size=8))
        assert size(tx) == 13


def test_what_was_asked_for_is_handed_out_when_it_was_brought(store: Store) -> None:
    with store.write() as tx:
        assert not tx.holds.bring(CID), "nobody asks"
        tx.holds.ask(held())
        assert not tx.holds.is_held(CID)
        assert not tx.holds.is_brought(CID)
        assert tx.holds.bring(CID)
        assert tx.holds.is_held(CID)
        assert tx.holds.is_brought(CID)
        tx.holds.release(TIANJIN, CID)
        assert not tx.holds.is_held(CID)
        tx.documents.let_go(CID)
        tx.holds.ask(held())
        assert not tx.holds.is_held(CID), "what was let go is brought again"


@pytest.mark.parametrize("was_pinned", [True, False])
def test_whose_pin_was_there_first_is_written_once_and_known_until_it_is_let_go(store: Store, was_pinned: bool) -> None:
    with store.write() as tx:
        assert tx.holds.was_pinned(CID) is None
        tx.holds.ask(held())
        assert tx.holds.was_pinned(CID) is None, "nobody has looked"
        for again in (was_pinned, not was_pinned):
            tx.holds.note_pinned(CID, again)
            assert tx.holds.was_pinned(CID) is was_pinned
        tx.holds.release(TIANJIN, CID)
        assert tx.holds.was_pinned(CID) is was_pinned
        assert tx.documents.let_go(CID)
        assert tx.holds.was_pinned(CID) is None
        tx.holds.note_pinned(CID, was_pinned)
        tx.holds.ask(held())
        assert tx.holds.was_pinned(CID) is was_pinned, "it may be written before anybody wants it"
        assert tx.documents.unwanted(after=None, limit=9) == ()


def test_no_question_about_one_document_reads_all(store: SqlStore) -> None:
    with store.write() as tx:
        for number in range(2_000):
            tx.holds.ask(held(Cid.of(Codec.RAW, b"%d" % number)))
    if store.is_postgres:
        with store.write() as tx:
            tx.holds._work.driver().execute("ANALYZE")  # type: ignore[attr-defined]
    questions: list[Callable[[Transaction], object]] = [
        lambda tx: tx.holds.asks(CID),
        lambda tx: tx.holds.is_held(CID),
        lambda tx: tx.holds.is_brought(CID),
        lambda tx: tx.holds.was_pinned(CID),
    ]
    for ask in questions:
        statements: list[tuple[str, object]] = []

        def note(*told: object, into: list[tuple[str, object]] = statements) -> None:
            into.append((str(told[2]), told[3]))

        with store.read() as tx:
            connection = tx.holds._work.connection  # type: ignore[attr-defined]
            event.listen(connection, "before_cursor_execute", note)
            ask(tx)
            event.remove(connection, "before_cursor_execute", note)
            assert statements
            for statement, values in statements:
                prefix = "EXPLAIN " if store.is_postgres else "EXPLAIN QUERY PLAN "
                plan = "\n".join(str(row) for row in connection.exec_driver_sql(prefix + statement, values))
                assert "SCAN hold" not in plan and "SCAN document_bytes" not in plan, plan
                assert "Seq Scan on hold" not in plan and "Seq Scan on document_bytes" not in plan, plan
