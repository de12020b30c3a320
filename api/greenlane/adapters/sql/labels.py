"""The register of labels in the database."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, collate, func, select

from greenlane.adapters.sql.tables_labels import label_version
from greenlane.adapters.sql.work import Work
from greenlane.core.assets.label import label_value, read_label
from greenlane.core.canonical import canonical_bytes, parse_json
from greenlane.core.units import MemberId
from greenlane.ports.labels import KeptLabel


class SqlLabels:
    """The port's Labels; see there."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def add(self, kept: KeptLabel) -> bool:
        row = {
            "id": kept.label.id,
            "number": kept.number,
            "center": self._work.number_or_new(kept.center),
            "member": kept.member,
            "recorded_at": kept.recorded_at,
            "label": canonical_bytes(label_value(kept.label)),
        }
        return self._work.was_inserted(label_version, row)

    def versions(self, label_id: str) -> Sequence[KeptLabel]:
        wanted = select(label_version).where(label_version.c.id == label_id).order_by(label_version.c.number)
        return [self._kept(row) for row in self._work.connection.execute(wanted).all()]

    def newest(self, *, after: str | None, limit: int) -> Sequence[KeptLabel]:
        # Byte by byte: each database's own collation would order the names another way.
        by_bytes = collate(label_version.c.id, "C" if self._work.is_postgres else "BINARY")
        names = select(label_version.c.id).where(label_version.c.number == 1).order_by(by_bytes).limit(limit)
        page = self._work.connection.scalars(names if after is None else names.where(by_bytes > after)).all()
        numbers = select(label_version.c.id, func.max(label_version.c.number).label("number")).group_by(label_version.c.id)
        last = numbers.where(label_version.c.id.in_(page)).subquery()
        wanted = select(label_version).join(last, (last.c.id == label_version.c.id) & (last.c.number == label_version.c.number))
        return [self._kept(row) for row in sorted(self._work.connection.execute(wanted).all(), key=lambda row: str(row.id))]

    def _kept(self, row: Row[Any]) -> KeptLabel:
        return KeptLabel(
            label=read_label(parse_json(row.label)),
            number=row.number,
            center=self._work.slug(row.center),
            member=None if row.member is None else MemberId(row.member),
            recorded_at=row.recorded_at,
        )
