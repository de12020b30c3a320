"""Transactions on their way to the chain, in the database."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, select, update

from greenlane.adapters.sql.tables import outbox
from greenlane.adapters.sql.tables import signer as signers
from greenlane.adapters.sql.work import Work
from greenlane.core.errors import Conflict
from greenlane.core.units import Address, ChainId, TxHash
from greenlane.ports.outbox import OutboxRow, OutboxState, SignedTransaction


class PurposePending(Conflict):
    """A transaction with that purpose is on its way already."""

    code = "purpose-pending"
    default_remedy = "Wait until it is done or failed."


class NonceUsed(Conflict):
    """A transaction with that nonce was kept before, or is said to have been used on the chain."""

    code = "nonce-used"
    default_remedy = "Take the nonce that `lock_signer` answers with."


class SqlOutbox:
    """The port's Outbox; see there."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def lock_signer(self, chain_id: ChainId, signer: Address) -> int:
        self._work.connection.execute(self._work.insert_or_leave(signers).values(chain_id=chain_id, signer=signer, next_nonce=0))
        next_nonce: int = self._work.connection.execute(
            select(signers.c.next_nonce).where(_is_signer(chain_id, signer)).with_for_update()
        ).scalar_one()
        return next_nonce

    def add(
        self,
        *,
        chain_id: ChainId,
        signer: Address,
        nonce: int,
        purpose: str,
        sign: Callable[[int], SignedTransaction],
        at: datetime,
    ) -> OutboxRow:
        if nonce < self.lock_signer(chain_id, signer):
            raise NonceUsed(f"Nonce {nonce} of this signer was used before.")
        # Asked before signing: two signed transactions of one purpose must not exist, even if one is thrown away.
        if self.pending_for(chain_id, purpose) is not None:
            raise PurposePending(f"A transaction for {purpose!r} is pending.")
        signed = sign(nonce)
        row = OutboxRow(
            chain_id=chain_id,
            signer=signer,
            nonce=nonce,
            purpose=purpose,
            tx_hash=signed.tx_hash,
            raw=signed.raw,
            state=OutboxState.PENDING,
            attempts=0,
            created_at=at,
            sent_at=None,
            note="",
        )
        added = self._work.was_inserted(
            outbox,
            {
                "chain_id": chain_id,
                "signer": signer,
                "nonce": nonce,
                "purpose": purpose,
                "tx_hash": signed.tx_hash,
                "raw": signed.raw,
                "state": OutboxState.PENDING.value,
                "attempts": 0,
                "created_at": at,
                "sent_at": None,
                "note": "",
            },
        )
        if not added:
            raise PurposePending(f"A transaction for {purpose!r} was kept meanwhile by another signer.")
        self._work.connection.execute(update(signers).where(_is_signer(chain_id, signer)).values(next_nonce=nonce + 1))
        return row

    def sign_anew(self, row: OutboxRow, *, nonce: int, sign: Callable[[int], SignedTransaction]) -> OutboxRow:
        self.lock_signer(row.chain_id, row.signer)
        is_same = (_is_row(row), outbox.c.tx_hash == row.tx_hash, outbox.c.state == OutboxState.PENDING.value)
        if not self._rows(*is_same):
            raise NonceUsed(f"The transaction for {row.purpose!r} is not pending any more.")
        if nonce != row.nonce and self._rows(_is_row(replace(row, nonce=nonce))):
            raise NonceUsed(f"Nonce {nonce} of this signer was used before.")
        signed = sign(nonce)
        fresh = replace(row, nonce=nonce, tx_hash=signed.tx_hash, raw=signed.raw, attempts=0, sent_at=None)
        self._work.connection.execute(
            update(outbox)
            .where(*is_same)
            .values(nonce=nonce, tx_hash=fresh.tx_hash, raw=fresh.raw, attempts=fresh.attempts, sent_at=fresh.sent_at)
        )
        of_signer = and_(outbox.c.chain_id == row.chain_id, outbox.c.signer == row.signer)
        highest: int = self._work.connection.execute(select(func.max(outbox.c.nonce)).where(of_signer)).scalar_one()
        self._work.connection.execute(update(signers).where(_is_signer(row.chain_id, row.signer)).values(next_nonce=highest + 1))
        return fresh

    def pending(self, chain_id: ChainId, signer: Address) -> tuple[OutboxRow, ...]:
        return self._rows(outbox.c.chain_id == chain_id, outbox.c.signer == signer, outbox.c.state == OutboxState.PENDING.value)

    def from_nonce(self, chain_id: ChainId, signer: Address, nonce: int) -> tuple[OutboxRow, ...]:
        return self._rows(outbox.c.chain_id == chain_id, outbox.c.signer == signer, outbox.c.nonce >= nonce)

    def pending_for(self, chain_id: ChainId, purpose: str) -> OutboxRow | None:
        found = self._rows(
            outbox.c.chain_id == chain_id, outbox.c.purpose == purpose, outbox.c.state == OutboxState.PENDING.value
        )
        return found[0] if found else None

    def count_pending(self, chain_id: ChainId) -> int:
        wanted = select(func.count()).where(outbox.c.chain_id == chain_id, outbox.c.state == OutboxState.PENDING.value)
        count: int = self._work.connection.execute(wanted).scalar_one()
        return count

    def mark_sent(self, row: OutboxRow, at: datetime) -> None:
        self._work.connection.execute(update(outbox).where(_is_row(row)).values(attempts=outbox.c.attempts + 1, sent_at=at))

    def close(self, row: OutboxRow, state: OutboxState, note: str = "") -> None:
        self._work.connection.execute(update(outbox).where(_is_row(row)).values(state=state.value, note=note))

    def reopen(self, row: OutboxRow) -> None:
        other = self.pending_for(row.chain_id, row.purpose)
        if other is not None and (other.signer, other.nonce) != (row.signer, row.nonce):
            raise PurposePending(f"A transaction for {row.purpose!r} is pending.")
        self._work.connection.execute(update(outbox).where(_is_row(row)).values(state=OutboxState.PENDING.value, note=""))

    def skip_to(self, chain_id: ChainId, signer: Address, nonce: int) -> None:
        if self.lock_signer(chain_id, signer) < nonce:
            self._work.connection.execute(update(signers).where(_is_signer(chain_id, signer)).values(next_nonce=nonce))

    def _rows(self, *conditions: ColumnElement[bool]) -> tuple[OutboxRow, ...]:
        rows = self._work.connection.execute(select(outbox).where(*conditions).order_by(outbox.c.nonce))
        return tuple(_outbox_row(row) for row in rows)


def _is_signer(chain_id: ChainId, signer: Address) -> ColumnElement[bool]:
    return and_(signers.c.chain_id == chain_id, signers.c.signer == signer)


def _is_row(row: OutboxRow) -> ColumnElement[bool]:
    return and_(outbox.c.chain_id == row.chain_id, outbox.c.signer == row.signer, outbox.c.nonce == row.nonce)


def _outbox_row(row: Row[Any]) -> OutboxRow:
    return OutboxRow(
        chain_id=ChainId(row.chain_id),
        signer=Address(row.signer),
        nonce=row.nonce,
        purpose=row.purpose,
        tx_hash=TxHash(row.tx_hash),
        raw=row.raw,
        state=OutboxState(row.state),
        attempts=row.attempts,
        created_at=row.created_at,
        sent_at=row.sent_at,
        note=row.note,
    )
