"""Declared conversion factors in the database."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select

from greenlane.adapters.sql.names import name_digest
from greenlane.adapters.sql.tables_labels import conversion_factor
from greenlane.adapters.sql.work import Work
from greenlane.core.balance.factors import ConversionFactor, encode_factor, read_factor
from greenlane.core.canonical import canonical_bytes, parse_json
from greenlane.core.documents.cid import Cid
from greenlane.core.units import CenterId, LeafIndex, MemberId
from greenlane.ports.factors import KeptFactor


class SqlFactors:
    """The port's Factors; see there."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def add(self, kept: KeptFactor) -> bool:
        row = {
            "center": self._work.number_or_new(kept.center),
            "member": kept.member,
            "facility_digest": name_digest("facility", kept.factor.facility),
            "digest": kept.digest,
            "key_digest": _key_digest(kept.factor),
            "number": kept.factor.number,
            "cid": kept.cid.encode(),
            "leaf_index": kept.leaf_index,
            "recorded_at": kept.recorded_at,
            "factor": encode_factor(kept.factor),
        }
        return self._work.was_inserted(conversion_factor, row)

    def of_member(self, center: CenterId, member: MemberId, *, facility: str | None = None) -> Sequence[KeptFactor]:
        number = self._work.number(center)
        wanted = select(conversion_factor).where(conversion_factor.c.center == number, conversion_factor.c.member == member)
        if facility is not None:
            wanted = wanted.where(conversion_factor.c.facility_digest == name_digest("facility", facility))
        kept = [_kept(center, row) for row in self._work.connection.execute(wanted).all()]
        return sorted(kept, key=lambda each: (each.recorded_at, each.factor.number, each.digest))


def _kept(center: CenterId, row: Row[Any]) -> KeptFactor:
    return KeptFactor(
        center=center,
        member=MemberId(row.member),
        factor=read_factor(parse_json(row.factor)),
        digest=row.digest,
        cid=Cid.decode(row.cid),
        leaf_index=LeafIndex(row.leaf_index),
        recorded_at=row.recorded_at,
    )


def _key_digest(factor: ConversionFactor) -> bytes:
    return name_digest("factor", canonical_bytes(list(factor.key)).decode())
