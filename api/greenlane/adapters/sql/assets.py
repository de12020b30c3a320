"""What the chain shows of green assets, in the database. Rows come in any order and replace what stood there."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, delete, false, select, true, tuple_, union

from greenlane.adapters.sql.faults import RowDamaged
from greenlane.adapters.sql.tables_assets import asset_class as classes
from greenlane.adapters.sql.tables_assets import escrow as escrows
from greenlane.adapters.sql.tables_assets import followed as follows
from greenlane.adapters.sql.tables_assets import holding as holdings
from greenlane.adapters.sql.tables_assets import issuance as issuances
from greenlane.adapters.sql.tables_assets import retirement as retirements
from greenlane.adapters.sql.tables_purchases import purchase_line as lines
from greenlane.adapters.sql.work import Work
from greenlane.core.assets.custody import CustodyModel
from greenlane.core.assets.facts import AssetClass, EscrowFacts, EscrowState, HoldingFacts, IssuanceFacts, Totals
from greenlane.core.assets.quantity import Unit
from greenlane.core.assets.retirement import RetirementFacts
from greenlane.core.errors import InvalidInput
from greenlane.core.units import Address, BlockNumber
from greenlane.ports.asset_index import FollowedTo
from greenlane.ports.asset_ledger import BlockRef

_READ_ANEW = (follows, classes, issuances, holdings, escrows, retirements)


class SqlAssetIndex:
    """The port's AssetIndex; see there."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def followed_to(self) -> FollowedTo | None:
        row = self._work.connection.execute(select(follows)).one_or_none()
        if row is None:
            return None
        return FollowedTo(block=BlockRef(number=BlockNumber(row.block_number), block_hash=row.block_hash), at=row.at)

    def set_followed(self, followed: FollowedTo) -> None:
        block = followed.block
        row = {"number": 0, "block_number": block.number, "block_hash": block.block_hash, "at": followed.at}
        self._work.put(follows, row)

    def clear(self) -> None:
        for table in _READ_ANEW:
            self._work.connection.execute(delete(table))

    def put_class(self, asset_class: AssetClass, totals: Totals) -> None:
        row = {
            "id": asset_class.id,
            "attribute": asset_class.attribute,
            "unit": asset_class.unit.code,
            "decimals": asset_class.unit.decimals,
            "custody_model": int(asset_class.custody_model),
            "is_tradable": asset_class.is_tradable,
            "claim_days": asset_class.claim_days,
            "name": asset_class.name,
        }
        self._work.put(classes, row | _sums(totals))

    def put_issuance(self, issuance: IssuanceFacts) -> None:
        row = {
            "token": issuance.token,
            "class_id": issuance.class_id,
            "evidenced": issuance.evidenced,
            "lot": issuance.lot,
            "vintage_from": issuance.vintage_from,
            "vintage_to": issuance.vintage_to,
            "custody_model": int(issuance.custody_model),
            "revoked": issuance.revoked,
        }
        self._work.put(issuances, row | _sums(issuance.totals))

    def put_holding(self, holding: HoldingFacts) -> None:
        self._work.put(holdings, _row(holdings, holding))

    def put_escrow(self, escrow: EscrowFacts) -> None:
        is_open = escrow.state is EscrowState.OPEN
        self._work.put(escrows, _row(escrows, escrow, state=int(escrow.state), is_open=is_open))

    def put_retirement(self, retirement: RetirementFacts) -> None:
        self._work.put(retirements, _row(retirements, retirement))

    def classes(self) -> Sequence[tuple[AssetClass, Totals]]:
        rows = self._work.connection.execute(select(classes)).all()
        # Sorted here: a database's collation might order the ids another way.
        return sorted(((_class(row), _totals(row)) for row in rows), key=lambda one: one[0].id)

    def asset_class(self, class_id: str) -> AssetClass | None:
        row = self._one(classes, classes.c.id == class_id)
        return None if row is None else _class(row)

    def issuance(self, token: bytes) -> IssuanceFacts | None:
        row = self._one(issuances, issuances.c.token == token)
        return None if row is None else _issuance(row)

    def issuances(self, *, class_id: str | None, after: bytes | None, limit: int) -> Sequence[IssuanceFacts]:
        rules = [] if class_id is None else [issuances.c.class_id == class_id]
        return [_issuance(row) for row in self._page(issuances, issuances.c.token, *rules, after=after, limit=limit)]

    def holdings_of(self, account: Address, *, after: bytes | None, limit: int) -> Sequence[HoldingFacts]:
        page = self._page(holdings, holdings.c.token, holdings.c.account == account, after=after, limit=limit)
        return [HoldingFacts(**row._mapping) for row in page]

    def holding(self, account: Address, token: bytes) -> HoldingFacts | None:
        row = self._one(holdings, holdings.c.account == account, holdings.c.token == token)
        return None if row is None else HoldingFacts(**row._mapping)

    def holders_of(self, token: bytes, *, after: Address | None, limit: int) -> Sequence[HoldingFacts]:
        page = self._page(holdings, holdings.c.account, holdings.c.token == token, after=after, limit=limit)
        return [HoldingFacts(**row._mapping) for row in page]

    def escrow(self, escrow_id: bytes) -> EscrowFacts | None:
        row = self._one(escrows, escrows.c.id == escrow_id)
        return None if row is None else _escrow(row)

    def escrows_of_line(self, line_digest: bytes) -> Sequence[EscrowFacts]:
        wanted = select(escrows).where(escrows.c.line_digest == line_digest).order_by(escrows.c.id)
        return [_escrow(row) for row in self._work.connection.execute(wanted)]

    def escrows_of_lines(self, line_digests: Collection[bytes]) -> Sequence[EscrowFacts]:
        wanted = select(escrows).where(escrows.c.line_digest.in_(line_digests)).order_by(escrows.c.id)
        return [_escrow(row) for row in self._work.connection.execute(wanted)]

    def retirements_of_lines(self, line_digests: Collection[bytes]) -> Sequence[RetirementFacts]:
        wanted = select(retirements).where(retirements.c.line_digest.in_(line_digests)).order_by(retirements.c.id)
        return [_retirement(row) for row in self._work.connection.execute(wanted)]

    def accepted_for_lines(self, buyer: Address, token: bytes) -> Sequence[tuple[EscrowFacts, tuple[RetirementFacts, ...]]]:
        here = escrows.c
        are_kept = here.line_digest.in_(select(lines.c.digest).where(lines.c.digest == here.line_digest))
        is_accepted = (here.is_open == false(), here.state == int(EscrowState.ACCEPTED))
        wanted = select(escrows).where(here.buyer == buyer, here.token == token, *is_accepted, are_kept).order_by(here.id)
        found = [_escrow(row) for row in self._work.connection.execute(wanted)]
        retired = select(retirements).where(
            retirements.c.line_digest.in_(wanted.with_only_columns(here.line_digest).order_by(None))
        )
        by_line: dict[bytes, list[RetirementFacts]] = {}
        for row in self._work.connection.execute(retired):
            by_line.setdefault(row.line_digest, []).append(_retirement(row))
        return [(each, tuple(by_line.get(each.line_digest, ()))) for each in found]

    def escrows_of(
        self, account: Address, *, is_open: bool, limit: int, after: tuple[datetime, bytes] | None = None
    ) -> Sequence[EscrowFacts]:
        onward = true() if after is None else tuple_(escrows.c.deadline, escrows.c.id) > after
        # Each side from its own index; asked for both at once, the whole table would be read.
        parts = [
            select(escrows)
            .where(side == account, escrows.c.is_open == (true() if is_open else false()), onward)
            .order_by(escrows.c.deadline, escrows.c.id)
            .limit(limit)
            .subquery()
            for side in (escrows.c.seller, escrows.c.buyer)
        ]
        found = union(*(select(part) for part in parts)).subquery()
        wanted = select(found).order_by(found.c.deadline, found.c.id).limit(limit)
        return [_escrow(row) for row in self._work.connection.execute(wanted)]

    def retirement(self, retirement_id: bytes) -> RetirementFacts | None:
        row = self._one(retirements, retirements.c.id == retirement_id)
        return None if row is None else _retirement(row)

    def retirements_of_line(self, line_digest: bytes) -> Sequence[RetirementFacts]:
        # Zeros stand for no line, and are not the line of all those.
        if not any(line_digest):
            return []
        wanted = select(retirements).where(retirements.c.line_digest == line_digest).order_by(retirements.c.id)
        return [_retirement(row) for row in self._work.connection.execute(wanted)]

    def _one(self, table: Table, *rules: ColumnElement[bool]) -> Row[Any] | None:
        return self._work.connection.execute(select(table).where(*rules)).one_or_none()

    def _page(
        self, table: Table, key: ColumnElement[Any], *rules: ColumnElement[bool], after: bytes | None, limit: int
    ) -> Sequence[Row[Any]]:
        wanted = select(table).where(*rules).order_by(key).limit(limit)
        return self._work.connection.execute(wanted if after is None else wanted.where(key > after)).all()


def _row(table: Table, facts: object, **others: object) -> dict[str, object]:
    """Facts whose attributes are called as the table's columns, but for others."""
    return {
        column.name: others[column.name] if column.name in others else getattr(facts, column.name) for column in table.columns
    }


def _sums(totals: Totals) -> dict[str, int]:
    return {
        "issued": totals.issued,
        "escrowed": totals.escrowed,
        "retired": totals.retired,
        "cancelled": totals.cancelled,
    }


def _totals(row: Row[Any]) -> Totals:
    return Totals(issued=row.issued, escrowed=row.escrowed, retired=row.retired, cancelled=row.cancelled)


def _class(row: Row[Any]) -> AssetClass:
    try:
        unit, model = Unit(code=row.unit, decimals=row.decimals), CustodyModel(row.custody_model)
    except (InvalidInput, ValueError) as error:
        raise RowDamaged("A stored asset class is damaged.", where=row.id) from error
    return AssetClass(
        id=row.id,
        attribute=row.attribute,
        unit=unit,
        custody_model=model,
        is_tradable=row.is_tradable,
        claim_days=row.claim_days,
        name=row.name,
    )


def _issuance(row: Row[Any]) -> IssuanceFacts:
    try:
        model = CustodyModel(row.custody_model)
    except ValueError as error:
        raise RowDamaged("A stored issuance is damaged.", where=f"0x{row.token.hex()}") from error
    return IssuanceFacts(
        token=row.token,
        class_id=row.class_id,
        evidenced=row.evidenced,
        totals=_totals(row),
        lot=row.lot,
        vintage_from=row.vintage_from,
        vintage_to=row.vintage_to,
        custody_model=model,
        revoked=row.revoked,
    )


def _escrow(row: Row[Any]) -> EscrowFacts:
    try:
        state = EscrowState(row.state)
    except ValueError as error:
        raise RowDamaged("A stored escrow is damaged.", where=f"0x{row.id.hex()}") from error
    return EscrowFacts(
        id=row.id,
        seller=Address(row.seller),
        buyer=Address(row.buyer),
        token=row.token,
        quantity=row.quantity,
        deadline=row.deadline,
        state=state,
        line_digest=row.line_digest,
    )


def _retirement(row: Row[Any]) -> RetirementFacts:
    try:
        return RetirementFacts(**row._mapping)
    except InvalidInput as error:
        raise RowDamaged("A stored retirement is damaged.", where=f"0x{row.id.hex()}") from error
