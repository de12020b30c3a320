"""Whose documents are held here, and who holds ours, in the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import BigInteger, Row, delete, exists, func, or_, select, true, type_coerce, update

from greenlane.adapters.sql.document_bytes import want, want_no_more
from greenlane.adapters.sql.faults import RowDamaged
from greenlane.adapters.sql.tables import (
    WANTED,
    document,
    document_bytes,
    documents_comparison,
    hold,
    hold_total,
    microseconds,
    moment,
    replica,
)
from greenlane.adapters.sql.work import Work
from greenlane.core.documents.cid import Cid
from greenlane.core.units import CenterId
from greenlane.ports.holds import DocumentsStanding, HeldDocument, PartnerStanding, Replica

_ADD_BYTES = (
    "INSERT INTO hold_total (asked_by, bytes, documents) VALUES (?, ?, ?) ON CONFLICT (asked_by) "
    "DO UPDATE SET bytes = hold_total.bytes + excluded.bytes, documents = hold_total.documents + excluded.documents"
)
_NOTE_PINNED = (
    "INSERT INTO document_bytes (cid, size, statements, asks, uploads, was_pinned, is_brought) VALUES (?, 0, 0, 0, 0, ?, ?) "
    "ON CONFLICT (cid) DO UPDATE SET was_pinned = excluded.was_pinned WHERE document_bytes.was_pinned IS NULL"
)
_CONFIRM = (
    "INSERT INTO replica (partner, cid, confirmed_at) VALUES (?, ?, ?) ON CONFLICT (partner, cid) "
    "DO UPDATE SET confirmed_at = excluded.confirmed_at WHERE excluded.confirmed_at > replica.confirmed_at"
)
_NOTE = (
    "INSERT INTO documents_comparison (number, at, found) VALUES (?, ?, ?) ON CONFLICT (number) "
    "DO UPDATE SET at = excluded.at, found = excluded.found"
)
_IS_BROUGHT = or_(document_bytes.c.is_brought == true(), WANTED)
_THE_ROW = 1
_COUNTS = ("wanted", "wanted_here", "holds", "holds_here", "damaged")
_NEVER = -(2**63)


class SqlHolds:
    """The port's Holds; see there."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def ask(self, held: HeldDocument) -> bool:
        row = {
            "asked_by": held.asked_by,
            "cid": held.cid.encode(),
            "center": self._work.number_or_new(held.center),
            "size": held.size,
            "asked_at": held.asked_at,
        }
        if not self._work.was_inserted(hold, row):
            return False
        want(self._work, held.cid, held.size, asks=1)
        self._work.direct(_ADD_BYTES, held.asked_by, held.size, 1)
        return True

    def release(self, asked_by: CenterId, cid: Cid) -> bool:
        asked = (hold.c.asked_by == asked_by, hold.c.cid == cid.encode())
        size = self._work.connection.scalar(delete(hold).where(*asked).returning(hold.c.size))
        if size is None:
            return False
        want_no_more(self._work, cid, asks=1)
        self._work.direct(_ADD_BYTES, asked_by, -size, -1)
        return True

    def held_by(self, asked_by: CenterId, cid: Cid) -> HeldDocument | None:
        asked = select(hold).where(hold.c.asked_by == asked_by, hold.c.cid == cid.encode())
        row = self._work.connection.execute(asked).one_or_none()
        return None if row is None else self._held_document(row)

    def held(self, *, asked_by: CenterId | None, after: Cid | None, limit: int) -> Sequence[HeldDocument]:
        wanted = select(hold).order_by(hold.c.cid).limit(limit)
        if asked_by is not None:
            wanted = wanted.where(hold.c.asked_by == asked_by)
        else:
            other = hold.alias()
            wanted = wanted.where(~exists().where(other.c.cid == hold.c.cid, other.c.asked_by < hold.c.asked_by))
        if after is not None:
            wanted = wanted.where(hold.c.cid > after.encode())
        return [self._held_document(row) for row in self._work.connection.execute(wanted).all()]

    def asks(self, cid: Cid) -> Sequence[HeldDocument]:
        rows = self._work.connection.execute(select(hold).where(hold.c.cid == cid.encode())).all()
        return sorted((self._held_document(row) for row in rows), key=lambda one: one.asked_by)

    def askers(self) -> Sequence[CenterId]:
        rows = self._work.connection.execute(select(hold_total.c.asked_by).where(hold_total.c.documents > 0)).all()
        return sorted(CenterId(row.asked_by) for row in rows)

    def held_bytes(self, asked_by: CenterId) -> int:
        total = self._work.connection.scalar(select(hold_total.c.bytes).where(hold_total.c.asked_by == asked_by))
        return 0 if total is None else int(total)

    def held_documents(self, asked_by: CenterId) -> int:
        total = self._work.connection.scalar(select(hold_total.c.documents).where(hold_total.c.asked_by == asked_by))
        return 0 if total is None else int(total)

    def is_held(self, cid: Cid) -> bool:
        # What is stated here and kept by no statement was withdrawn: nobody else's ask has it handed out again.
        may_be_served = or_(WANTED, ~exists().where(document.c.cid == cid.encode()))
        asked = exists().where(document_bytes.c.cid == cid.encode(), document_bytes.c.asks > 0, _IS_BROUGHT, may_be_served)
        return bool(self._work.connection.scalar(select(asked)))

    def is_brought(self, cid: Cid) -> bool:
        asked = exists().where(document_bytes.c.cid == cid.encode(), _IS_BROUGHT)
        return bool(self._work.connection.scalar(select(asked)))

    def bring(self, cid: Cid) -> bool:
        is_wanted = (document_bytes.c.cid == cid.encode(), document_bytes.c.asks > 0)
        return self._work.changed(update(document_bytes).where(*is_wanted).values(is_brought=True)) == 1

    def was_pinned(self, cid: Cid) -> bool | None:
        found = self._work.connection.scalar(select(document_bytes.c.was_pinned).where(document_bytes.c.cid == cid.encode()))
        return None if found is None else bool(found)

    def note_pinned(self, cid: Cid, was_pinned: bool) -> None:
        self._work.direct(_NOTE_PINNED, cid.encode(), was_pinned, False)

    def confirm(self, replica: Replica) -> None:
        self._work.direct(_CONFIRM, replica.partner, replica.cid.encode(), microseconds(replica.confirmed_at))

    def unconfirm(self, partner: CenterId, cid: Cid) -> bool:
        return self._work.changed(delete(replica).where(replica.c.partner == partner, replica.c.cid == cid.encode())) == 1

    def unconfirmed(
        self, partner: CenterId, *, before: datetime, limit: int, after: Cid | None = None
    ) -> Sequence[tuple[Cid, int]]:
        # Looked up for each document on the walk: as a join, PostgreSQL would rather read both tables whole and sort.
        said_at = (
            select(type_coerce(replica.c.confirmed_at, BigInteger))
            .where(replica.c.partner == partner, replica.c.cid == document_bytes.c.cid)
            .correlate(document_bytes)
            .scalar_subquery()
        )
        wanted = (
            select(document_bytes.c.cid, document_bytes.c.size)
            .where(WANTED, func.coalesce(said_at, _NEVER) < microseconds(before))
            .order_by(document_bytes.c.cid)
            .limit(limit)
        )
        if after is not None:
            wanted = wanted.where(document_bytes.c.cid > after.encode())
        return [(Cid.decode(row.cid), row.size) for row in self._work.connection.execute(wanted)]

    def holders(self, cid: Cid) -> Sequence[Replica]:
        rows = self._work.connection.execute(select(replica).where(replica.c.cid == cid.encode())).all()
        # Sorted here: a database's collation might order the names another way.
        found = [Replica(partner=CenterId(row.partner), cid=cid, confirmed_at=row.confirmed_at) for row in rows]
        return sorted(found, key=lambda one: one.partner)

    def note(self, standing: DocumentsStanding) -> None:
        self._work.direct(_NOTE, _THE_ROW, microseconds(standing.at), _encode_found(standing))

    def noted(self) -> DocumentsStanding | None:
        row = self._work.connection.execute(select(documents_comparison)).one_or_none()
        return None if row is None else _decode_found(row.at, bytes(row.found))

    def _held_document(self, row: Row[Any]) -> HeldDocument:
        return HeldDocument(
            center=self._work.slug(row.center),
            asked_by=CenterId(row.asked_by),
            cid=Cid.decode(row.cid),
            size=row.size,
            asked_at=row.asked_at,
        )


def _encode_found(standing: DocumentsStanding) -> bytes:
    return orjson.dumps(
        {
            **{name: getattr(standing, name) for name in _COUNTS},
            "replicas": standing.replicas,
            "partners": [
                [each.center, each.waiting, None if each.away_since is None else microseconds(each.away_since)]
                for each in standing.partners
            ],
        }
    )


def _decode_found(at: datetime, data: bytes) -> DocumentsStanding:
    try:
        found = orjson.loads(data)
        return DocumentsStanding(
            at=at,
            **{name: int(found[name]) for name in _COUNTS},
            replicas=tuple((int(copies), int(count)) for copies, count in found["replicas"]),
            partners=tuple(
                PartnerStanding(center=CenterId(center), waiting=int(waiting), away_since=None if away is None else moment(away))
                for center, waiting, away in found["partners"]
            ),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise RowDamaged("What the last comparison of documents came to cannot be read.") from error
