"""Sign-ins of people at pages, in the database."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import delete, select

from greenlane.adapters.sql.tables import session as sessions
from greenlane.adapters.sql.work import Work
from greenlane.core.errors import Conflict
from greenlane.ports.sessions import Session


class SessionTaken(Conflict):
    """Another sign-in has that token."""

    code = "session-taken"
    default_remedy = "Draw new random bits."


class SqlSessions:
    """The port's Sessions; see there."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def add(self, session: Session) -> None:
        if not self._work.was_inserted(sessions, asdict(session)):
            raise SessionTaken("There is a sign-in of that token already.")

    def get(self, token_digest: bytes) -> Session | None:
        row = self._work.connection.execute(select(sessions).where(sessions.c.token_digest == token_digest)).one_or_none()
        return None if row is None else Session(**row._mapping)

    def end(self, token_digest: bytes) -> bool:
        return self._work.changed(delete(sessions).where(sessions.c.token_digest == token_digest)) == 1

    def drop_expired(self, at: datetime) -> int:
        return self._work.changed(delete(sessions).where(sessions.c.expires_at < at))
