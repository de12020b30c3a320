"""The public keys by which members read confidential documents, in the database."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update

from greenlane.adapters.sql.tables import reader_key
from greenlane.adapters.sql.work import Work
from greenlane.core.units import CenterId, MemberId
from greenlane.ports.reader_keys import ReaderKey


class SqlReaderKeys:
    """The port's ReaderKeys; see there."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def add(self, key: ReaderKey) -> bool:
        row = {
            "center": self._work.number_or_new(key.center),
            "member": key.member,
            "recipient": key.recipient,
            "added_at": key.added_at,
            "revoked_at": key.revoked_at,
        }
        return self._work.was_inserted(reader_key, row)

    def of_member(self, center: CenterId, member: MemberId) -> Sequence[ReaderKey]:
        number = self._work.number(center)
        rows = self._work.connection.execute(
            select(reader_key).where(reader_key.c.center == number, reader_key.c.member == member)
        ).all()
        keys = [
            ReaderKey(
                center=center,
                member=member,
                recipient=row.recipient,
                added_at=row.added_at,
                revoked_at=row.revoked_at,
            )
            for row in rows
        ]
        return sorted(keys, key=lambda key: (key.added_at, key.recipient))

    def revoke(self, center: CenterId, member: MemberId, recipient: str, at: datetime) -> bool:
        statement = (
            update(reader_key)
            .where(
                reader_key.c.center == self._work.number(center),
                reader_key.c.member == member,
                reader_key.c.recipient == recipient,
                reader_key.c.revoked_at.is_(None),
            )
            .values(revoked_at=at)
        )
        return self._work.changed(statement) == 1
