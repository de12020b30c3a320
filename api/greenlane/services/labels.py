"""Keeps the register of labels, and answers from it.

A label's first version is recorded by a center's operator, in the center's name or in a certifier's, so that no certifier takes a
name for its own goods; only in whose name it was recorded changes it. Versions are added, never changed, so that an answer for an
earlier day is the same for ever.
"""

from collections.abc import Sequence
from datetime import date

from greenlane.core.assets.label import Label, LabelVerdict, is_valid, require_next_label
from greenlane.core.errors import Forbidden, NotFound
from greenlane.core.units import CenterId, MemberId
from greenlane.ports.accounts import MemberRole
from greenlane.ports.audit import AuditLine
from greenlane.ports.clock import Clock
from greenlane.ports.labels import KeptLabel
from greenlane.ports.store import Store, Transaction


class LabelMissing(NotFound):
    """The register has no label of that id."""

    code = "label-missing"
    default_remedy = "GET /v1/labels lists those it has."


class NotALabeller(Forbidden):
    """Labels are recorded by operators and by certifiers."""

    code = "not-a-labeller"
    default_remedy = "Ask the center's operator, or a member that is a certifier, to record it."


class LabelNotOpened(Forbidden):
    """A certifier was to record the first version of a label, which an operator does."""

    code = "label-not-opened"
    default_remedy = (
        "Ask the center's operator to record its first version: with the header Greenlane-Member it is the certifier's to change."
    )


class NotTheirLabel(Forbidden):
    """The label was recorded by somebody else."""

    code = "not-their-label"
    default_remedy = "Record it under an id of one's own, or ask who recorded it to change it."


class RegisterLabel:
    """The use case; one instance serves all threads."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def __call__(
        self, center: CenterId, member: MemberId | None, label: Label, *, actor: str, is_operator: bool = False
    ) -> tuple[KeptLabel, bool]:
        """Records a label, or a new version of one; and whether it is new: the same again changes nothing.

        Args:
            member: in whose name it is recorded; None: the center's.
            is_operator: whether the center's operator asks, in the member's name where one is given.

        Raises:
            NotALabeller, LabelNotOpened, NotTheirLabel: as their names say.
            LabelOutOfTurn: it would change what was so on a day that is over.
            StoreUnavailable: nothing was recorded.
        """
        with self._store.write() as tx:
            _require_labeller(tx, center, member)
            # Of two versions at the same moment the second must find the first.
            tx.log.lock(center)
            versions = tx.labels.versions(label.id)
            newest = versions[-1] if versions else None
            if newest is None and member is not None and not is_operator:
                raise LabelNotOpened(f"Nobody has recorded a label {label.id!r} yet.", where="/id")
            if newest is not None:
                if (newest.center, newest.member) != (center, member):
                    owner = newest.center if newest.member is None else f"{newest.center}/{newest.member}"
                    raise NotTheirLabel(f"Label {label.id!r} was recorded by {owner}.", where="/id")
                if newest.label == label:
                    return newest, False
            now = self._clock()
            require_next_label(label, None if newest is None else newest.label, today=now.date())
            kept = KeptLabel(label=label, number=len(versions) + 1, center=center, member=member, recorded_at=now)
            if not tx.labels.add(kept):
                # Another center took the id meanwhile: its log is another lock.
                raise NotTheirLabel(f"Label {label.id!r} was recorded by somebody else.", where="/id")
            subject = f"{label.id}/{kept.number}"
            tx.audit.add(AuditLine(at=now, actor=actor, center=center, member=member, action="label.record", subject=subject))
        return kept, True

    def newest(self, *, after: str | None, limit: int) -> Sequence[KeptLabel]:
        """The newest version of each label, by id, after that id."""
        with self._store.read() as tx:
            return tx.labels.newest(after=after, limit=limit)

    def versions(self, label_id: str) -> Sequence[KeptLabel]:
        """All versions of a label, oldest first.

        Raises:
            LabelMissing: there is none of that id.
        """
        with self._store.read() as tx:
            versions = tx.labels.versions(label_id)
        if not versions:
            raise LabelMissing(f"The register has no label {label_id!r}.")
        return versions

    def validity(
        self, label_id: str, *, model: str, economy: str, day: date | None, category: str | None = None
    ) -> tuple[LabelVerdict, date]:
        """Whether a label is valid for a model in an economy on a day, and which day was meant.

        Args:
            day: None: today, in UTC.

        Raises:
            LabelMissing: there is none of that id.
        """
        on = self._clock().date() if day is None else day
        labels = [each.label for each in self.versions(label_id)]
        return is_valid(labels, model=model, economy=economy, day=on, category=category), on


def _require_labeller(tx: Transaction, center: CenterId, member: MemberId | None) -> None:
    if member is None:
        return
    known = tx.accounts.member(center, member)
    if known is None or MemberRole.CERTIFIER not in known.roles:
        raise NotALabeller(f"{center}/{member} is no certifier.")
