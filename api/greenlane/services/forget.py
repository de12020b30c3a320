"""Destroys the salt of a private event or a confidential document on request.

Its entry stays in the log and means nothing to anyone, for ever.
"""

from datetime import datetime

from greenlane.core.errors import NotFound
from greenlane.core.units import CenterId, LeafIndex, MemberId
from greenlane.ports.answers import Once
from greenlane.ports.audit import AuditLine
from greenlane.ports.clock import Clock
from greenlane.ports.store import Store, Transaction


class NothingToForget(NotFound):
    """No salt is kept there: the entry is public, was forgotten before, or is none of the center's."""

    code = "nothing-to-forget"
    default_remedy = (
        "Only a private event or a confidential document has a salt, and it can be forgotten once; look at the audit record."
    )


class Forget:
    """The use case. Receipts given out earlier keep their copy of the salt: what was handed over stays handed over."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def __call__(self, *, center: CenterId, leaf_index: LeafIndex, actor: str, once: Once | None = None) -> None:
        """Forgets one salt and leaves a line in the audit record.

        Raises:
            NothingToForget: there is no salt to forget.
        """
        with self._store.write() as tx:
            # Of two equal requests at the same moment the second must find the first one's answer.
            tx.log.lock(center)
            if once is not None and tx.answers.find(once) is not None:
                return
            now = self._clock()
            member = self._forget(tx, center, leaf_index, now)
            if member is None:
                raise NothingToForget(f"Center {center!r} keeps no salt for leaf {leaf_index}.")
            tx.audit.add(
                AuditLine(at=now, actor=actor, center=center, member=member, action="salt.forget", subject=str(leaf_index))
            )
            if once is not None:
                tx.answers.keep(once, b"")

    def _forget(self, tx: Transaction, center: CenterId, leaf_index: LeafIndex, at: datetime) -> MemberId | None:
        """Whose entry it was; None where there was no salt to forget."""
        event = tx.events.at(center, leaf_index)
        if event is not None:
            return event.member if tx.events.forget_salt(center, leaf_index, at) else None
        document = tx.documents.at(center, leaf_index)
        if document is not None and tx.documents.forget_salt(center, leaf_index, at):
            return document.member
        return None
