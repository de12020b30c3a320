"""The append-only record of writes, in the database."""

from collections.abc import Sequence

from sqlalchemy import select

from greenlane.adapters.sql.tables import audit_line, microseconds
from greenlane.adapters.sql.work import Work
from greenlane.core.units import CenterId, MemberId
from greenlane.ports.audit import AuditLine

_COUNT_LINES = "UPDATE audit_head SET lines = lines + ? WHERE center = ? RETURNING lines"
_ADD_LINE = "INSERT INTO audit_line (center, number, at, actor, member, action, subject) VALUES (?, ?, ?, ?, ?, ?, ?)"


class SqlAudit:
    """The port's Audit; see there.

    Lines wait until the end of the transaction: to number them without gaps, a center's counter is held until the commit, and
    held last it is held shortest, and can never be half of a deadlock.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._waiting: list[AuditLine] = []

    def add(self, line: AuditLine) -> None:
        if not self._waiting:
            self._work.before_commit(self._write)
        self._waiting.append(line)

    def lines(self, center: CenterId, *, after: int = 0, limit: int = 100) -> Sequence[tuple[int, AuditLine]]:
        self._write()
        rows = self._work.connection.execute(
            select(audit_line)
            .where(audit_line.c.center == self._work.number(center), audit_line.c.number > after)
            .order_by(audit_line.c.number)
            .limit(limit)
        )
        return [
            (
                row.number,
                AuditLine(
                    at=row.at,
                    actor=row.actor,
                    center=center,
                    member=None if row.member is None else MemberId(row.member),
                    action=row.action,
                    subject=row.subject,
                ),
            )
            for row in rows
        ]

    def _write(self) -> None:
        waiting, self._waiting = self._waiting, []
        by_center: dict[int, list[AuditLine]] = {}
        for line in waiting:
            by_center.setdefault(self._work.number_or_new(line.center), []).append(line)
        for number, lines in sorted(by_center.items()):
            ((last,),) = self._work.direct(_COUNT_LINES, len(lines), number).fetchall()
            self._work.direct_many(
                _ADD_LINE,
                [
                    (number, at, microseconds(line.at), line.actor, line.member, line.action, line.subject)
                    for at, line in enumerate(lines, start=last - len(lines) + 1)
                ],
            )
