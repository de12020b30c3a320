"""Evidence statements in the database: their RFC 8785 bytes, and beside these by what they are found."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Row, select, union, update

from greenlane.adapters.sql.faults import RowDamaged
from greenlane.adapters.sql.tables_purchases import evidence as statements
from greenlane.adapters.sql.tables_purchases import evidence_elsewhere as elsewhere
from greenlane.adapters.sql.work import Work
from greenlane.core.assets.evidence import EvidenceStatement, evidence_value, read_evidence
from greenlane.core.canonical import canonical_bytes
from greenlane.core.errors import Conflict, InvalidInput, NotFound
from greenlane.core.units import CenterId, LeafIndex, MemberId
from greenlane.ports.evidence_index import EvidenceState, KeptEvidence


class EvidenceTaken(Conflict):
    """A statement of that id, or the same statement, is kept already."""

    code = "evidence-taken"
    default_remedy = "Look at the one that is kept; a new statement needs an id of its own."


class EvidenceMissing(NotFound):
    """No statement of that digest is kept."""

    code = "evidence-missing"


class EvidenceDecided(Conflict):
    """A statement is a draft no more: its certifier signed or refused it before."""

    code = "evidence-decided"
    default_remedy = "Look at the statement again; what is to be said otherwise is a new statement."


class SqlEvidenceIndex:
    """The port's EvidenceIndex; see there."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def add(self, evidence: KeptEvidence) -> None:
        statement = evidence.statement
        if evidence.center != statement.center:
            raise InvalidInput("The statement names another center than the one that keeps it.")
        row = {
            "digest": evidence.digest,
            "statement_id": statement.id,
            "center": self._work.number_or_new(evidence.center),
            "holder_center": evidence.holder_center,
            "holder": evidence.holder,
            "certifier_center": evidence.certifier_center,
            "certifier": evidence.certifier,
            "facility": statement.facility,
            "attribute": statement.attribute,
            "vintage_from": statement.vintage_from,
            "vintage_to": statement.vintage_to,
            "statement": canonical_bytes(evidence_value(statement)),
            "state": evidence.state.value,
            "signature": evidence.signature,
            "leaf_index": evidence.leaf_index,
            "drafted_at": evidence.drafted_at,
            "decided_at": evidence.decided_at,
            "refused_because": evidence.refused_because,
        }
        if not self._work.was_inserted(statements, row):
            raise EvidenceTaken(f"The statement {statement.id} is kept already.", where="/id")

    def add_elsewhere(self, evidence: KeptEvidence) -> None:
        if evidence.state is not EvidenceState.ELSEWHERE or evidence.center != evidence.statement.center:
            raise InvalidInput("The statement is not one of another deployment's center, signed and admitted.")
        row = {
            "digest": evidence.digest,
            "center": evidence.center,
            "holder_center": evidence.holder_center,
            "holder": evidence.holder,
            "certifier_center": evidence.certifier_center,
            "certifier": evidence.certifier,
            "statement": canonical_bytes(evidence_value(evidence.statement)),
            "signature": evidence.signature,
            "known_at": evidence.drafted_at,
        }
        self._work.was_inserted(elsewhere, row)

    def get(self, digest: bytes) -> KeptEvidence | None:
        own = self._one(statements.c.digest == digest)
        if own is not None:
            return own
        row = self._work.connection.execute(select(elsewhere).where(elsewhere.c.digest == digest)).one_or_none()
        return None if row is None else _from_elsewhere(row)

    def log(self, digest: bytes, *, signature: bytes, leaf_index: LeafIndex, at: datetime) -> None:
        self._decide(digest, state=EvidenceState.LOGGED.value, signature=signature, leaf_index=leaf_index, decided_at=at)

    def refuse(self, digest: bytes, *, because: str, at: datetime) -> None:
        self._decide(digest, state=EvidenceState.REFUSED.value, refused_because=because, decided_at=at)

    def at(self, center: CenterId, leaf_index: LeafIndex) -> KeptEvidence | None:
        return self._one(statements.c.center == self._work.number(center), statements.c.leaf_index == leaf_index)

    def of_member(self, center: CenterId, member: MemberId, *, limit: int) -> Sequence[KeptEvidence]:
        here = statements.c
        # Each side from its own index; asked for both at once, the whole table would be read.
        parts = [
            select(here.digest)
            .where(side_center == center, side == member)
            .order_by(here.drafted_at.desc(), here.digest)
            .limit(limit)
            .subquery()
            for side_center, side in ((here.holder_center, here.holder), (here.certifier_center, here.certifier))
        ]
        theirs = here.digest.in_(union(*(select(part.c.digest) for part in parts)))
        wanted = select(statements).where(theirs).order_by(here.drafted_at.desc(), here.digest).limit(limit)
        return [self._evidence(row) for row in self._work.connection.execute(wanted).all()]

    def drafts_of(self, center: CenterId, holder: MemberId) -> Sequence[tuple[bytes, datetime]]:
        here = statements.c
        are_theirs = (here.holder_center == center, here.holder == holder, here.state == EvidenceState.DRAFTED.value)
        wanted = select(here.digest, here.drafted_at).where(*are_theirs).order_by(here.drafted_at, here.digest)
        return [(row.digest, row.drafted_at) for row in self._work.connection.execute(wanted)]

    def stated(
        self,
        facility: str,
        *,
        vintage_from: date,
        vintage_to: date,
        attribute: str,
        holder: tuple[CenterId, MemberId] | None = None,
    ) -> Sequence[KeptEvidence]:
        here = statements.c
        overlaps = (here.vintage_to >= vintage_from, here.vintage_from <= vintage_to)
        wanted = select(statements).where(here.facility == facility, here.attribute == attribute, *overlaps)
        if holder is not None:
            wanted = wanted.where(here.holder_center == holder[0], here.holder == holder[1])
        stands = wanted.where(here.state != EvidenceState.REFUSED.value).order_by(here.vintage_to, here.digest)
        return [self._evidence(row) for row in self._work.connection.execute(stands).all()]

    def walk(self, center: CenterId, *, start: LeafIndex, limit: int) -> Sequence[KeptEvidence]:
        number, here = self._work.number(center), statements.c
        wanted = select(statements).where(here.center == number, here.leaf_index >= start).order_by(here.leaf_index)
        return [self._evidence(row) for row in self._work.connection.execute(wanted.limit(limit)).all()]

    def walk_elsewhere(self, *, after: bytes, limit: int) -> Sequence[KeptEvidence]:
        wanted = select(elsewhere).where(elsewhere.c.digest > after).order_by(elsewhere.c.digest).limit(limit)
        return [_from_elsewhere(row) for row in self._work.connection.execute(wanted).all()]

    def _decide(self, digest: bytes, **decided: object) -> None:
        is_draft = (statements.c.digest == digest, statements.c.state == EvidenceState.DRAFTED.value)
        if self._work.changed(update(statements).where(*is_draft).values(**decided)):
            return
        state = self._work.connection.scalar(select(statements.c.state).where(statements.c.digest == digest))
        if state is None:
            raise EvidenceMissing(f"No statement 0x{digest.hex()} is kept.")
        raise EvidenceDecided(f"The statement 0x{digest.hex()} is {state}.")

    def _one(self, *rules: ColumnElement[bool]) -> KeptEvidence | None:
        row = self._work.connection.execute(select(statements).where(*rules)).one_or_none()
        return None if row is None else self._evidence(row)

    def _evidence(self, row: Row[Any]) -> KeptEvidence:
        where = f"0x{row.digest.hex()}"
        center = self._work.slug(row.center)
        try:
            state = EvidenceState(row.state)
        except ValueError as error:
            raise RowDamaged("A kept evidence statement is damaged.", where=where) from error
        statement = _statement(row.statement, where)
        found_by = (row.statement_id, center, row.facility, row.attribute, row.vintage_from, row.vintage_to)
        says = (statement.id, statement.center, statement.facility, statement.attribute)
        if found_by != (*says, statement.vintage_from, statement.vintage_to):
            raise RowDamaged("A kept evidence statement is found by what it does not say.", where=where)
        return KeptEvidence(
            digest=row.digest,
            center=center,
            holder_center=CenterId(row.holder_center),
            holder=MemberId(row.holder),
            certifier_center=CenterId(row.certifier_center),
            certifier=MemberId(row.certifier),
            statement=statement,
            state=state,
            signature=row.signature,
            leaf_index=None if row.leaf_index is None else LeafIndex(row.leaf_index),
            drafted_at=row.drafted_at,
            decided_at=row.decided_at,
            refused_because=row.refused_because,
        )


def _from_elsewhere(row: Row[Any]) -> KeptEvidence:
    where = f"0x{row.digest.hex()}"
    statement = _statement(row.statement, where)
    if statement.center != row.center:
        raise RowDamaged("A kept evidence statement is of another center's log than it says.", where=where)
    return KeptEvidence(
        digest=row.digest,
        center=CenterId(row.center),
        holder_center=CenterId(row.holder_center),
        holder=MemberId(row.holder),
        certifier_center=CenterId(row.certifier_center),
        certifier=MemberId(row.certifier),
        statement=statement,
        state=EvidenceState.ELSEWHERE,
        signature=row.signature,
        leaf_index=None,
        drafted_at=row.known_at,
        decided_at=row.known_at,
        refused_because=None,
    )


def _statement(data: bytes, where: str) -> EvidenceStatement:
    try:
        return read_evidence(orjson.loads(data))
    except (InvalidInput, ValueError) as error:
        raise RowDamaged("A kept evidence statement is damaged.", where=where) from error
