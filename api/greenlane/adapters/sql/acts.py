"""Acts on their way to the chain, in the database."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Row, TextClause, func, select, update

from greenlane.adapters.sql.faults import RowDamaged
from greenlane.adapters.sql.tables_assets import OF_A_LINE, WAITING
from greenlane.adapters.sql.tables_assets import act as acts
from greenlane.adapters.sql.tables_assets import escrow as escrows
from greenlane.adapters.sql.work import Work
from greenlane.core.assets.act import Act
from greenlane.core.canonical import JsonValue, canonical_bytes
from greenlane.core.errors import Conflict, NotFound
from greenlane.core.units import Address, CenterId, MemberId
from greenlane.core.wire import encode_hex
from greenlane.ports.acts import ActKind, ActState, Keeping, KeptAct
from greenlane.ports.asset_ledger import AssetContract, SignedAct, Touched

_URGENT_LOOKED_AT = 2_000
_NEVER = datetime.max.replace(tzinfo=UTC)


class ActTaken(Conflict):
    """The same act is kept already."""

    code = "act-taken"
    default_remedy = "Draw a new random salt: it makes an act one of its kind."


class ActMissing(NotFound):
    """No act of that digest is kept."""

    code = "act-missing"


class ActClosed(Conflict):
    """An act that ended one way was to end another way."""

    code = "act-closed"
    default_remedy = "Look at what the contract's storage says of it; what the chain lost is reopened first."


class SqlActs:
    """The port's Acts; see there."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def add(self, act: KeptAct) -> None:
        signed = act.signed
        purchase_id, number = (None, None) if act.line is None else act.line
        row = {
            "digest": act.digest,
            "center": self._work.number_or_new(act.center),
            "member": act.member,
            "kind": act.kind.value,
            "contract": signed.contract.value,
            "account": signed.act.account,
            "salt": signed.act.salt,
            "not_after": signed.act.not_after,
            "call": signed.act.call,
            "signature": signed.signature,
            "subject": act.subject,
            "purchase_id": purchase_id,
            "line_number": number,
            "asked": canonical_bytes(act.asked),
            "keeping": _keeping_bytes(act.keeping),
            "state": act.state.value,
            "kept_at": act.kept_at,
            "brought_at": act.brought_at,
            "decided_at": act.decided_at,
            "refusal": act.refusal,
            "detail": act.detail,
            "remedy": act.remedy,
        }
        if not self._work.was_inserted(acts, row):
            raise ActTaken(f"The act 0x{act.digest.hex()} is kept already.")

    def get(self, digest: bytes) -> KeptAct | None:
        return next(iter(self._acts(acts.c.digest == digest, order=acts.c.number)), None)

    def waiting(self, center: CenterId, *, limit: int) -> Sequence[KeptAct]:
        return self._acts(acts.c.center == self._work.number(center), WAITING, order=acts.c.number, limit=limit)

    def of_line(self, purchase_id: str, number: int) -> Sequence[KeptAct]:
        is_its = (acts.c.purchase_id == purchase_id, acts.c.line_number == number, OF_A_LINE)
        return self._acts(*is_its, order=acts.c.number)

    def of_purchase(self, purchase_id: str) -> Sequence[KeptAct]:
        return self._acts(acts.c.purchase_id == purchase_id, OF_A_LINE, order=acts.c.number)

    def of_member(self, center: CenterId, member: MemberId, *, limit: int, before: bytes | None = None) -> Sequence[KeptAct]:
        is_theirs = [acts.c.center == self._work.number(center), acts.c.member == member]
        if before is not None:
            last = acts.alias()
            is_theirs.append(acts.c.number < select(last.c.number).where(last.c.digest == before).scalar_subquery())
        return self._acts(*is_theirs, order=acts.c.number.desc(), limit=limit)

    def done_subjects(self, center: CenterId, member: MemberId, kind: ActKind) -> frozenset[str]:
        is_theirs = (acts.c.center == self._work.number(center), acts.c.member == member)
        are_done = (acts.c.kind == kind.value, acts.c.state == ActState.DONE.value)
        return frozenset(self._work.connection.scalars(select(acts.c.subject).where(*is_theirs, *are_done)).all())

    def brought(self, center: CenterId, *, limit: int) -> Sequence[KeptAct]:
        is_brought = (acts.c.center == self._work.number(center), WAITING, acts.c.brought_at.is_not(None))
        return self._acts(*is_brought, order=acts.c.number, limit=limit)

    def in_turn(self, center: CenterId, *, limit: int) -> Sequence[KeptAct]:
        is_waiting = (acts.c.center == self._work.number(center), WAITING)
        urgent = self._urgent(is_waiting)[: limit // 2]
        turn = func.row_number().over(partition_by=acts.c.member, order_by=acts.c.number)
        ranked = select(acts.c.number, turn.label("turn")).where(*is_waiting).subquery()
        wanted = select(ranked.c.number).order_by(ranked.c.turn, ranked.c.number).limit(limit)
        each_in_turn = self._work.connection.scalars(wanted).all()
        numbers = list(dict.fromkeys([*urgent, *each_in_turn]))[:limit]
        found = {row.number: row for row in self._work.connection.execute(select(acts).where(acts.c.number.in_(numbers)))}
        return [self._act(found[number]) for number in numbers if number in found]

    def _urgent(self, is_waiting: tuple[ColumnElement[bool] | TextClause, ...]) -> list[int]:
        """Numbers of acts that end an escrow, whose deadline is soonest first."""
        kinds = [ActKind.ACCEPT.value, ActKind.GIVE_BACK.value]
        wanted = select(acts.c.number, acts.c.subject).where(*is_waiting, acts.c.kind.in_(kinds)).order_by(acts.c.number)
        rows = self._work.connection.execute(wanted.limit(_URGENT_LOOKED_AT)).all()
        ids = {row.number: bytes.fromhex(row.subject.removeprefix("0x")) for row in rows}
        known = select(escrows.c.id, escrows.c.deadline).where(escrows.c.id.in_(set(ids.values())))
        deadlines = {row.id: row.deadline for row in self._work.connection.execute(known)}
        # One that was not followed yet has no deadline here; it comes after those that have.
        return sorted(ids, key=lambda number: (deadlines.get(ids[number], _NEVER), number))

    def count_waiting(self, center: CenterId, member: MemberId | None = None) -> int:
        is_waiting: list[ColumnElement[bool] | TextClause] = [acts.c.center == self._work.number(center), WAITING]
        if member is not None:
            is_waiting.append(acts.c.member == member)
        return self._work.connection.execute(select(func.count()).select_from(acts).where(*is_waiting)).scalar_one()

    def mark_brought(self, digest: bytes, at: datetime) -> None:
        is_first = (acts.c.digest == digest, acts.c.brought_at.is_(None))
        if not self._work.changed(update(acts).where(*is_first).values(brought_at=at)):
            self._state(digest)

    def close(
        self, digest: bytes, state: ActState, at: datetime, *, refusal: str = "", detail: str = "", remedy: str = ""
    ) -> None:
        if state is ActState.KEPT:
            raise ActClosed("Kept is no way in which an act ends.", remedy="Reopen it instead.")
        decided = {"state": state.value, "decided_at": at, "refusal": refusal, "detail": detail, "remedy": remedy}
        if not self._work.changed(update(acts).where(acts.c.digest == digest, WAITING).values(**decided)):
            before = self._state(digest)
            if before is not state:
                raise ActClosed(f"The act 0x{digest.hex()} ended before: {before}, and now it should be {state}.")

    def reopen(self, digest: bytes) -> None:
        undecided = {"state": ActState.KEPT.value, "decided_at": None, "refusal": "", "detail": "", "remedy": ""}
        if not self._work.changed(update(acts).where(acts.c.digest == digest).values(**undecided)):
            raise _missing(digest)

    def _state(self, digest: bytes) -> ActState:
        found = self._work.connection.scalar(select(acts.c.state).where(acts.c.digest == digest))
        if found is None:
            raise _missing(digest)
        return ActState(found)

    def _acts(
        self, *rules: ColumnElement[bool] | TextClause, order: ColumnElement[Any], limit: int | None = None
    ) -> list[KeptAct]:
        rows = self._work.connection.execute(select(acts).where(*rules).order_by(order).limit(limit)).all()
        return [self._act(row) for row in rows]

    def _act(self, row: Row[Any]) -> KeptAct:
        try:
            kind, state, contract = ActKind(row.kind), ActState(row.state), AssetContract(row.contract)
            asked, keeping = orjson.loads(row.asked), _read_keeping(row.keeping)
        except (ValueError, TypeError, AttributeError) as error:
            raise RowDamaged("A kept act is damaged.", where=f"0x{row.digest.hex()}") from error
        act = Act(account=Address(row.account), salt=row.salt, not_after=row.not_after, call=row.call)
        return KeptAct(
            digest=row.digest,
            center=self._work.slug(row.center),
            member=MemberId(row.member),
            kind=kind,
            signed=SignedAct(contract=contract, act=act, signature=row.signature),
            subject=row.subject,
            line=None if row.purchase_id is None else (row.purchase_id, row.line_number),
            asked=asked,
            state=state,
            kept_at=row.kept_at,
            keeping=keeping,
            brought_at=row.brought_at,
            decided_at=row.decided_at,
            refusal=row.refusal,
            detail=row.detail,
            remedy=row.remedy,
        )


def _keeping_bytes(keeping: Keeping) -> bytes | None:
    if keeping == Keeping():
        return None
    touched = keeping.touched
    value: dict[str, JsonValue] = {
        "isTried": keeping.is_tried,
        "attempt": keeping.attempt,
        "touches": {
            "classes": list(touched.classes),
            "tokens": [encode_hex(each) for each in touched.tokens],
            "holdings": [[encode_hex(account), encode_hex(token)] for account, token in touched.holdings],
            "escrows": [encode_hex(each) for each in touched.escrows],
            "retirements": [encode_hex(each) for each in touched.retirements],
        },
    }
    if keeping.replaces is not None:
        value["replaces"] = encode_hex(keeping.replaces)
    return canonical_bytes(value)


def _read_keeping(data: bytes | None) -> Keeping:
    """Raises ValueError, TypeError or AttributeError where it is damaged; what is missing is as it is by default."""
    if data is None:
        return Keeping()
    value = orjson.loads(data)
    touches, replaces = value.get("touches", {}), value.get("replaces", "")
    return Keeping(
        touched=Touched(
            classes=tuple(str(each) for each in touches.get("classes", ())),
            tokens=tuple(_read_hex(each) for each in touches.get("tokens", ())),
            holdings=tuple((Address(_read_hex(account)), _read_hex(token)) for account, token in touches.get("holdings", ())),
            escrows=tuple(_read_hex(each) for each in touches.get("escrows", ())),
            retirements=tuple(_read_hex(each) for each in touches.get("retirements", ())),
        ),
        is_tried=value.get("isTried", True) is True,
        attempt=int(value.get("attempt", 1)),
        replaces=_read_hex(replaces) or None,
    )


def _read_hex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _missing(digest: bytes) -> ActMissing:
    return ActMissing(f"No act 0x{digest.hex()} is kept.")
