"""First answers to requests with an Idempotency-Key, in the database."""

from datetime import datetime

from sqlalchemy import delete, select

from greenlane.adapters.sql.tables import answer as answers
from greenlane.adapters.sql.work import Work
from greenlane.ports.answers import IdempotencyKeyReused, Once


class SqlAnswers:
    """The port's Answers; see there."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def find(self, once: Once) -> bytes | None:
        row = self._work.connection.execute(
            select(answers.c.request_digest, answers.c.answer).where(answers.c.scope == once.scope, answers.c.key == once.key)
        ).one_or_none()
        if row is None:
            return None
        if row.request_digest != once.request_digest:
            raise IdempotencyKeyReused("This Idempotency-Key came before with another request.")
        kept: bytes = row.answer
        return kept

    def keep(self, once: Once, answer: bytes) -> None:
        row = {
            "scope": once.scope,
            "key": once.key,
            "request_digest": once.request_digest,
            "answer": answer,
            "at": once.at,
        }
        if not self._work.was_inserted(answers, row):
            raise IdempotencyKeyReused("Another request with this Idempotency-Key was answered meanwhile.")

    def drop_before(self, at: datetime) -> int:
        return self._work.changed(delete(answers).where(answers.c.at < at))
