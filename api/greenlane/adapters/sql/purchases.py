"""Purchases with their secrets, and certified retirements, in the database.

Salts and prices stand in a table of their own (`purchase_secret`), and no message here quotes one.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Row, Table, delete, exists, func, literal, or_, select, tuple_, union_all, update

from greenlane.adapters.sql.faults import RowDamaged
from greenlane.adapters.sql.page_tokens import TokenInvalid
from greenlane.adapters.sql.seals import decode_state, encode_state
from greenlane.adapters.sql.tables import Day, Moment
from greenlane.adapters.sql.tables_purchases import certified_retirement as certified
from greenlane.adapters.sql.tables_purchases import evidence as statements
from greenlane.adapters.sql.tables_purchases import evidence_elsewhere as elsewhere
from greenlane.adapters.sql.tables_purchases import purchase as purchases
from greenlane.adapters.sql.tables_purchases import purchase_line as lines
from greenlane.adapters.sql.tables_purchases import purchase_line_former as formers
from greenlane.adapters.sql.tables_purchases import purchase_secret as secrets
from greenlane.adapters.sql.tables_purchases import recertified_retirement as recertified
from greenlane.adapters.sql.tables_purchases import retirement_seal as seals
from greenlane.adapters.sql.tables_purchases import uncertified_retirement as uncertified
from greenlane.adapters.sql.work import Work
from greenlane.core.assets.purchase import OpenLine, encode_line, line_digest, price_value, read_line_value, read_price
from greenlane.core.assets.retirement import encode_retirement, read_retirement
from greenlane.core.canonical import canonical_bytes
from greenlane.core.errors import Conflict, InvalidInput, NotFound
from greenlane.core.seals import SealedState
from greenlane.core.units import CenterId, LeafIndex, MemberId, Salt
from greenlane.ports.purchases import KeptLine, KeptRetirement, LeftRetirement, Purchase


class PurchaseTaken(Conflict):
    """Another purchase has that id."""

    code = "purchase-taken"
    default_remedy = "Draw a new random id."


class PurchaseLineMissing(NotFound):
    """No purchase has that line."""

    code = "purchase-line-missing"


class PurchaseLineFixed(Conflict):
    """A line was to be written anew, and units may be escrowed for it: its digest may stand on the chain."""

    code = "purchase-line-fixed"
    default_remedy = "Order what is to be otherwise in a new purchase."


class RetirementTaken(Conflict):
    """That retirement is certified already."""

    code = "retirement-taken"
    default_remedy = "Use the certificate that there is."


class SqlPurchases:
    """The port's Purchases; see there."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def add(self, purchase: Purchase) -> None:
        for line in purchase.lines:
            _check(purchase.id, line)
        row = {
            "id": purchase.id,
            "center": self._work.number_or_new(purchase.center),
            "buyer": purchase.buyer,
            "reference": purchase.reference,
            "ordered_on": purchase.ordered_on,
            "created_at": purchase.created_at,
            "cancelled_at": purchase.cancelled_at,
        }
        if not self._work.was_inserted(purchases, row):
            raise PurchaseTaken(f"There is a purchase {purchase.id} already.")
        if not purchase.lines:
            return
        places = [{"purchase_id": purchase.id, "number": line.open_line.line.number} for line in purchase.lines]
        written = [place | _written(line) for place, line in zip(places, purchase.lines, strict=True)]
        hidden = [place | _hidden(line.open_line) for place, line in zip(places, purchase.lines, strict=True)]
        self._work.connection.execute(lines.insert(), written)
        self._work.connection.execute(secrets.insert(), hidden)

    def get(self, purchase_id: str) -> Purchase | None:
        return next(iter(self._purchases(purchases.c.id == purchase_id)), None)

    def replace_line(self, purchase_id: str, line: KeptLine) -> None:
        _check(purchase_id, line)
        number = line.open_line.line.number
        is_it = (lines.c.purchase_id == purchase_id, lines.c.number == number)
        is_its = (secrets.c.purchase_id == purchase_id, secrets.c.number == number)
        here, hidden = lines.c, secrets.c
        before = select(here.digest, here.purchase_id, here.number, here.line, hidden.salt, hidden.price, hidden.price_salt)
        are_one = (here.purchase_id == hidden.purchase_id, here.number == hidden.number)
        known = before.where(*is_it, *are_one, here.digest != line.digest)
        row = self._work.connection.execute(known).one_or_none()
        # Asked in the same statement: the caller looked before, and another transaction may have fixed the line since.
        if not self._work.changed(update(lines).where(*is_it, lines.c.fixed_at.is_(None)).values(**_written(line))):
            self._check_line(purchase_id, number)
            raise PurchaseLineFixed(f"Line {number} of purchase {purchase_id} never changes any more.")
        if row is not None:
            self._work.was_inserted(formers, dict(row._mapping))
        self._work.connection.execute(update(secrets).where(*is_its).values(**_hidden(line.open_line)))

    def fix_line(self, purchase_id: str, number: int, at: datetime) -> None:
        is_it = (lines.c.purchase_id == purchase_id, lines.c.number == number)
        # Written in any case: who cancels the purchase at this moment waits for this line, and this for who cancels it.
        first = func.coalesce(lines.c.fixed_at, literal(at, Moment))
        if not self._work.changed(update(lines).where(*is_it).values(fixed_at=first)):
            self._check_line(purchase_id, number)

    def free_line(self, purchase_id: str, number: int) -> None:
        is_it = (lines.c.purchase_id == purchase_id, lines.c.number == number)
        if not self._work.changed(update(lines).where(*is_it).values(fixed_at=None)):
            self._check_line(purchase_id, number)

    def cancel(self, purchase_id: str, at: datetime) -> None:
        self._work.connection.execute(update(lines).where(lines.c.purchase_id == purchase_id).values(fixed_at=lines.c.fixed_at))
        first = func.coalesce(purchases.c.cancelled_at, literal(at, Moment))
        if not self._work.changed(update(purchases).where(purchases.c.id == purchase_id).values(cancelled_at=first)):
            raise PurchaseLineMissing(f"There is no purchase {purchase_id[:40]!r}.")

    def of_buyer(
        self,
        center: CenterId,
        buyer: MemberId | None,
        *,
        ordered_from: date | None,
        ordered_to: date | None,
        after: str | None,
        limit: int,
    ) -> Sequence[Purchase]:
        here = purchases.c
        rules = [here.center == self._work.number(center)]
        if buyer is not None:
            rules.append(here.buyer == buyer)
        if after is not None:
            day = self._work.connection.scalar(select(here.ordered_on).where(*rules, here.id == after))
            if day is None:
                raise TokenInvalid("The purchase after which the page starts is none of these.")
            rules.append(tuple_(here.ordered_on, here.id) < tuple_(literal(day, Day), literal(after)))
        if ordered_from is not None:
            rules.append(here.ordered_on >= ordered_from)
        if ordered_to is not None:
            rules.append(here.ordered_on <= ordered_to)
        return self._purchases(*rules, limit=limit)

    def line_of(self, digest: bytes) -> tuple[str, int] | None:
        row = self._work.connection.execute(select(lines.c.purchase_id, lines.c.number).where(lines.c.digest == digest)).first()
        return None if row is None else (row.purchase_id, row.number)

    def former_line_of(self, digest: bytes) -> tuple[str, int] | None:
        wanted = select(formers.c.purchase_id, formers.c.number).where(formers.c.digest == digest)
        row = self._work.connection.execute(wanted).first()
        return None if row is None else (row.purchase_id, row.number)

    def former_writings(self, purchase_id: str, number: int) -> Sequence[KeptLine]:
        wanted = select(formers, literal(None).label("fixed_at")).where(
            formers.c.purchase_id == purchase_id, formers.c.number == number
        )
        rows = self._work.connection.execute(wanted.order_by(formers.c.digest)).all()
        return [_line(row, row) for row in rows]

    def add_retirement(self, retirement: KeptRetirement) -> None:
        self._add_retirement(certified, retirement)
        center, leaf_index = self._work.number_or_new(retirement.center), retirement.leaf_index
        unsealed = {"id": retirement.id, "center": center, "leaf_index": leaf_index, "state": None}
        self._work.connection.execute(seals.insert(), unsealed)

    def add_retirement_again(self, retirement: KeptRetirement) -> None:
        self._add_retirement(recertified, retirement)
        # What sealed the lost block proves nothing of the new one.
        is_its = seals.c.id == retirement.id
        self._work.connection.execute(update(seals).where(is_its).values(leaf_index=retirement.leaf_index, state=None))

    def _add_retirement(self, table: Table, retirement: KeptRetirement) -> None:
        if retirement.id != retirement.statement.facts.id:
            raise InvalidInput("The statement is of another retirement than the one that it is kept for.")
        purchase_id, number = (None, None) if retirement.line is None else retirement.line
        row = {
            "id": retirement.id,
            "center": self._work.number_or_new(retirement.center),
            "member": retirement.member,
            "statement": encode_retirement(retirement.statement),
            "leaf_index": retirement.leaf_index,
            "purchase_id": purchase_id,
            "line_number": number,
            "stated_at": retirement.stated_at,
        }
        if not self._work.was_inserted(table, row):
            raise RetirementTaken(f"The retirement 0x{retirement.id.hex()}, or its place in the log, is taken already.")
        self._work.connection.execute(delete(uncertified).where(uncertified.c.id == retirement.id))

    def leave_retirement(self, left: LeftRetirement) -> None:
        row = {"id": left.id, "center": self._work.number_or_new(left.center), "token": left.token, "act": left.act}
        self._work.was_inserted(uncertified, row)

    def left_retirements(self, center: CenterId, *, after: bytes, limit: int) -> Sequence[LeftRetirement]:
        here = uncertified.c
        is_known = or_(*(exists().where(table.c.digest == here.token) for table in (elsewhere, statements)))
        are_left = (here.center == self._work.number(center), here.id > after)
        wanted = select(uncertified).where(*are_left, is_known).order_by(here.id).limit(limit)
        found = self._work.connection.execute(wanted).all()
        return [LeftRetirement(id=row.id, center=center, token=row.token, act=row.act) for row in found]

    def retirement(self, retirement_id: bytes) -> KeptRetirement | None:
        newest = select(recertified).where(recertified.c.id == retirement_id).order_by(recertified.c.leaf_index.desc()).limit(1)
        row = self._work.connection.execute(newest).one_or_none()
        if row is None:
            row = self._work.connection.execute(select(certified).where(certified.c.id == retirement_id)).one_or_none()
        return None if row is None else self._certified(row)

    def retirement_at(self, center: CenterId, leaf_index: LeafIndex) -> KeptRetirement | None:
        number = self._work.number(center)
        for table in (certified, recertified):
            is_there = (table.c.center == number, table.c.leaf_index == leaf_index)
            row = self._work.connection.execute(select(table).where(*is_there)).one_or_none()
            if row is not None:
                return self._certified(row)
        return None

    def walk_retirements(self, center: CenterId, *, start: LeafIndex, limit: int) -> Sequence[KeptRetirement]:
        number = self._work.number(center)
        # Each from its own index.
        parts = [
            select(*(table.c[column.name] for column in certified.columns))
            .where(table.c.center == number, table.c.leaf_index >= start)
            .order_by(table.c.leaf_index)
            .limit(limit)
            .subquery()
            for table in (certified, recertified)
        ]
        found = union_all(*(select(part) for part in parts)).subquery()
        wanted = select(found).order_by(found.c.leaf_index).limit(limit)
        return [self._certified(row) for row in self._work.connection.execute(wanted).all()]

    def unsealed_retirements(self, center: CenterId, *, limit: int) -> Sequence[KeptRetirement]:
        here = seals.c
        waiting = select(here.id).where(here.center == self._work.number(center), here.state.is_(None))
        wanted = waiting.order_by(here.leaf_index.desc()).limit(limit)
        found = (self.retirement(each) for each in self._work.connection.scalars(wanted).all())
        return [each for each in found if each is not None]

    def keep_retirement_seal(self, retirement_id: bytes, state: SealedState) -> None:
        is_unsealed = (seals.c.id == retirement_id, seals.c.state.is_(None))
        self._work.connection.execute(update(seals).where(*is_unsealed).values(state=encode_state(state)))

    def retirement_seal(self, retirement_id: bytes) -> SealedState | None:
        found: bytes | None = self._work.connection.scalar(select(seals.c.state).where(seals.c.id == retirement_id))
        return None if found is None else decode_state(found)

    def _check_line(self, purchase_id: str, number: int) -> None:
        is_it = (lines.c.purchase_id == purchase_id, lines.c.number == number)
        if self._work.connection.execute(select(lines.c.number).where(*is_it)).first() is None:
            raise PurchaseLineMissing(f"No purchase {purchase_id[:40]!r} has a line {number}.")

    def _purchases(self, *rules: ColumnElement[bool], limit: int | None = None) -> list[Purchase]:
        here = purchases.c
        wanted = select(purchases).where(*rules).order_by(here.ordered_on.desc(), here.id.desc()).limit(limit)
        rows = self._work.connection.execute(wanted).all()
        if not rows:
            return []
        ids = [row.id for row in rows]
        # Asked apart: joined, PostgreSQL would in young tables rather read every secret.
        hidden = select(secrets).where(secrets.c.purchase_id.in_(ids))
        beside = {(row.purchase_id, row.number): row for row in self._work.connection.execute(hidden)}
        written = select(lines).where(lines.c.purchase_id.in_(ids)).order_by(lines.c.purchase_id, lines.c.number)
        kept: dict[str, list[KeptLine]] = defaultdict(list)
        for row in self._work.connection.execute(written):
            kept[row.purchase_id].append(_line(row, beside.get((row.purchase_id, row.number))))
        return [
            Purchase(
                id=row.id,
                center=self._work.slug(row.center),
                buyer=MemberId(row.buyer),
                reference=row.reference,
                ordered_on=row.ordered_on,
                created_at=row.created_at,
                cancelled_at=row.cancelled_at,
                lines=tuple(kept[row.id]),
            )
            for row in rows
        ]

    def _certified(self, row: Row[Any]) -> KeptRetirement:
        where = f"0x{row.id.hex()}"
        try:
            statement = read_retirement(orjson.loads(row.statement))
        except (InvalidInput, ValueError) as error:
            raise RowDamaged("A certified retirement is damaged.", where=where) from error
        return KeptRetirement(
            id=row.id,
            center=self._work.slug(row.center),
            member=MemberId(row.member),
            statement=statement,
            leaf_index=LeafIndex(row.leaf_index),
            line=None if row.purchase_id is None else (row.purchase_id, row.line_number),
            stated_at=row.stated_at,
        )


def _check(purchase_id: str, line: KeptLine) -> None:
    """Whether a line is of that purchase, and its digest its own."""
    if line.open_line.line.purchase_id != purchase_id or line.digest != line_digest(line.open_line):
        raise InvalidInput("The line is not the one whose purchase and digest stand beside it.")


def _written(line: KeptLine) -> dict[str, object]:
    return {"digest": line.digest, "line": encode_line(line.open_line), "fixed_at": line.fixed_at}


def _hidden(line: OpenLine) -> dict[str, object]:
    price = None if line.price is None else canonical_bytes(price_value(line.price))
    return {"salt": line.salt, "price": price, "price_salt": line.price_salt}


def _line(row: Row[Any], hidden: Row[Any] | None) -> KeptLine:
    where = f"{row.purchase_id}/{row.number}"
    if hidden is None:
        raise RowDamaged("A purchase line has lost what blinds it.", where=where)
    try:
        line, digest = read_line_value(orjson.loads(row.line))
        open_line = OpenLine(
            line=line,
            salt=Salt(hidden.salt),
            price=None if hidden.price is None else read_price(orjson.loads(hidden.price)),
            price_salt=None if hidden.price_salt is None else Salt(hidden.price_salt),
            price_digest=digest,
        )
    except (InvalidInput, ValueError):
        # Its cause is not told: a price might stand in it.
        raise RowDamaged("A kept purchase line is damaged.", where=where) from None
    return KeptLine(open_line=open_line, digest=row.digest, fixed_at=row.fixed_at)
