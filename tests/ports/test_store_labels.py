"""What the rooms of labels and conversion factors promise: everything added stays as it is, once, and is found again."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from greenlane.adapters.sql.store import SqlStore
from greenlane.adapters.sql.tables_labels import label_version
from greenlane.core.assets.label import Label, LabelStatus, Recognition
from greenlane.core.balance.factors import ConversionFactor, factor_digest
from greenlane.core.documents.cid import Cid, Codec
from greenlane.core.documents.description import MemberName
from greenlane.core.errors import InvalidInput
from greenlane.core.units import CenterId, LeafIndex, MemberId
from greenlane.ports.factors import KeptFactor
from greenlane.ports.labels import KeptLabel
from greenlane.ports.store import Store
from sqlalchemy import insert

LIMA, TIANJIN = CenterId("lima"), CenterId("tianjin")
COOPERATIVE, MILL = MemberId("cooperativa"), MemberId("mill")
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
YARD, HALL = "https://id.gs1.org/414/9506000134352", "https://id.gs1.org/414/9506000134369"

LABEL = KeptLabel(
    label=Label(
        id="blue-leaf",
        name="Blaues Blatt 蓝叶",
        owner="Blue Leaf Association",
        categories=("office furniture",),
        models=("https://id.gs1.org/01/0950600099*",),
        economies=("PE",),
        valid_from=date(2026, 1, 1),
        valid_to=None,
        status=LabelStatus.ACTIVE,
        recognitions=(
            Recognition(economy="VN", agreement="the accord", valid_from=date(2026, 3, 1), valid_to=date(2026, 8, 31)),
        ),
        effective_from=date(2026, 1, 1),
    ),
    number=1,
    center=LIMA,
    member=COOPERATIVE,
    recorded_at=NOON,
)


def kept(number: int = 1, *, attribute: str | None = None, facility: str = YARD, member: MemberId = COOPERATIVE) -> KeptFactor:
    factor = ConversionFactor(
        declared_by=MemberName(center=LIMA, member=member),
        facility=facility,
        attribute=attribute,
        material="https://id.gs1.org/01/09506000134383",
        unit="KGM",
        needs_material="https://id.gs1.org/01/09506000134376",
        needs_unit="KGM",
        quantity=Decimal("0.7"),
        valid_from=date(2026, 1, number),
        valid_to=None,
        number=number,
        replaces=None if number == 1 else bytes(32),
    )
    return KeptFactor(
        center=LIMA,
        member=member,
        factor=factor,
        digest=factor_digest(factor),
        cid=Cid.of(Codec.RAW, b"x" * number),
        leaf_index=LeafIndex(number),
        recorded_at=NOON + timedelta(seconds=number),
    )


def test_versions_of_a_label_come_back_as_they_went_in_oldest_first(store: Store) -> None:
    second = replace(LABEL, number=2, member=None, label=replace(LABEL.label, status=LabelStatus.WITHDRAWN))
    with store.write() as tx:
        assert tx.labels.add(second)
        assert tx.labels.add(LABEL)
    with store.read() as tx:
        assert list(tx.labels.versions("blue-leaf")) == [LABEL, second]
        assert list(tx.labels.versions("red-leaf")) == []
        assert list(tx.labels.newest(after=None, limit=9)) == [second]


def test_a_number_of_a_label_is_kept_once(store: Store) -> None:
    with store.write() as tx:
        assert tx.labels.add(LABEL)
        assert not tx.labels.add(replace(LABEL, center=TIANJIN))
    with store.read() as tx:
        assert list(tx.labels.versions("blue-leaf")) == [LABEL]


def test_labels_are_listed_in_one_order_in_every_database(store: Store) -> None:
    names = ["b", "a-1", "a", "a1", "c"]
    with store.write() as tx:
        for name in names:
            tx.labels.add(replace(LABEL, label=replace(LABEL.label, id=name)))
    with store.read() as tx:
        listed = [each.label.id for each in tx.labels.newest(after=None, limit=9)]
        assert listed == sorted(names)
        paged = [each.label.id for at in (None, *listed) for each in tx.labels.newest(after=at, limit=1)]
        assert paged == listed


def test_a_page_of_labels_reads_no_label_of_another_page(store: SqlStore) -> None:
    with store.write() as tx:
        for name in ("b", "a-1", "c"):
            tx.labels.add(replace(LABEL, label=replace(LABEL.label, id=name)))
        damaged = {"id": "b-damaged", "number": 1, "center": 1, "recorded_at": NOON, "label": b"{"}
        tx.labels._work.connection.execute(insert(label_version), damaged)  # type: ignore[attr-defined]
    with store.read() as tx:
        assert [each.label.id for each in tx.labels.newest(after=None, limit=2)] == ["a-1", "b"]
        assert [each.label.id for each in tx.labels.newest(after="b-damaged", limit=2)] == ["c"]
        with pytest.raises(InvalidInput):
            tx.labels.newest(after="b", limit=1)


def test_factors_of_a_member_come_back_as_they_went_in(store: Store) -> None:
    mine = [kept(1), kept(2), kept(1, attribute="fair-wage"), kept(1, facility=HALL)]
    with store.write() as tx:
        for each in [*reversed(mine), kept(1, member=MILL)]:
            assert tx.factors.add(each)
            assert not tx.factors.add(each)
        assert not tx.factors.add(replace(kept(2), digest=bytes(32)))
    with store.read() as tx:
        found = tx.factors.of_member(LIMA, COOPERATIVE)
        assert [each.recorded_at for each in found] == sorted(each.recorded_at for each in mine)
        assert {each.digest: each for each in found} == {each.digest: each for each in mine}
        assert list(tx.factors.of_member(LIMA, COOPERATIVE, facility=HALL)) == [kept(1, facility=HALL)]
        assert list(tx.factors.of_member(TIANJIN, COOPERATIVE)) == []


@pytest.mark.parametrize("change", ["UPDATE label_version SET number = 7", "DELETE FROM conversion_factor"])
def test_nothing_of_them_is_ever_changed(store: SqlStore, change: str) -> None:
    with store.write() as tx:
        tx.labels.add(LABEL)
        tx.factors.add(kept())
    with pytest.raises(Exception, match=r"append-only|refuse"), store.write() as tx:
        tx.labels._work.connection.exec_driver_sql(change)  # type: ignore[attr-defined]
    with store.read() as tx:
        assert list(tx.labels.versions("blue-leaf")) == [LABEL]
        assert list(tx.factors.of_member(LIMA, COOPERATIVE)) == [kept()]
