"""What a store promises of the last comparison of documents with their pins, and of one center's asks."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from greenlane.adapters.sql.faults import RowDamaged
from greenlane.adapters.sql.store import SqlStore
from greenlane.core.documents.cid import Cid, Codec
from greenlane.core.units import CenterId
from greenlane.ports.holds import DocumentsStanding, HeldDocument, PartnerStanding

LIMA, HANOI = CenterId("lima"), CenterId("hanoi")
NOON = datetime(2026, 7, 1, 12, 0, 0, 250_000, tzinfo=UTC)
STANDING = DocumentsStanding(
    at=NOON,
    wanted=9,
    wanted_here=7,
    holds=4,
    holds_here=3,
    damaged=1,
    replicas=((0, 2), (1, 7)),
    partners=(
        PartnerStanding(center=HANOI, waiting=2, away_since=NOON),
        PartnerStanding(center=CenterId("callao"), waiting=0, away_since=None),
    ),
)


def test_the_last_comparison_is_kept_and_no_other(store: SqlStore) -> None:
    with store.read() as tx:
        assert tx.holds.noted() is None
    for counted in (STANDING, replace(STANDING, wanted=1_000_000, replicas=())):
        with store.write() as tx:
            tx.holds.note(counted)
        with store.read() as tx:
            assert tx.holds.noted() == counted
    assert STANDING.missing == 3


def test_a_comparison_that_cannot_be_read_is_told_as_damage(store: SqlStore) -> None:
    for found in (b"{", b"[]", b"{}", b'{"wanted":1,"wanted_here":1,"holds":0,"holds_here":0,"damaged":0,"replicas":[[1]]}'):
        with store.write() as tx:
            tx.holds.note(STANDING)
            tx.holds._work.direct("UPDATE documents_comparison SET found = ?", found)  # type: ignore[attr-defined]
        with store.read() as tx, pytest.raises(RowDamaged):
            tx.holds.noted()


def test_what_one_center_asked_for_is_found_again_and_nobody_elses(store: SqlStore) -> None:
    cid = Cid.of(Codec.RAW, b"a document")
    asked = HeldDocument(center=LIMA, asked_by=HANOI, cid=cid, size=10, asked_at=NOON)
    with store.write() as tx:
        tx.holds.ask(asked)
    with store.read() as tx:
        assert tx.holds.held_by(HANOI, cid) == asked
        assert tx.holds.held_by(LIMA, cid) is None
        assert tx.holds.held_by(HANOI, Cid.of(Codec.RAW, b"another")) is None
