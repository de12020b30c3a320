"""Transactions on their way to the chain: written down before they are sent, so that no restart forgets or doubles one."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from greenlane.core.units import Address, CenterId, ChainId, TreeSize, TxHash


def anchor_purpose(center: CenterId, tree_size: TreeSize) -> str:
    """The purpose of the transaction that anchors a center's checkpoint of that tree size, e.g. "anchor:lima:512"."""
    return f"anchor:{center}:{tree_size}"


class OutboxState(StrEnum):
    """pending: signed and kept, perhaps sent. done: its effect is on the chain. failed: on the chain, reverted.

    superseded: its effect came another way (the chain lost and regained it); its nonce is used up.
    """

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTransaction:
    """What the signer makes of a purpose and a nonce."""

    tx_hash: TxHash
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """One kept transaction.

    Attributes:
        purpose: what it is for, as `anchor_purpose` writes it; at most one pending row has it.
        raw: the signed bytes; sending them again is harmless.
        attempts: how often it was sent.
        note: why it failed, in the contract's words; empty otherwise.
    """

    chain_id: ChainId
    signer: Address
    nonce: int
    purpose: str
    tx_hash: TxHash
    raw: bytes
    state: OutboxState
    attempts: int
    created_at: datetime
    sent_at: datetime | None
    note: str


class Outbox(Protocol):
    """Kept transactions, by signer and nonce."""

    def lock_signer(self, chain_id: ChainId, signer: Address) -> int:
        """Holds the signer against other senders until the transaction ends; the next unused nonce of our own record."""

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
        """Signs with that nonce and keeps the result as pending; call after `lock_signer`."""

    def sign_anew(self, row: OutboxRow, *, nonce: int, sign: Callable[[int], SignedTransaction]) -> OutboxRow:
        """Puts another transaction into the place of a pending one that the chain can never take; it counts as never sent.

        The next unused nonce of the signer then follows `nonce`, unless a row has a higher one. Call after `lock_signer`.

        Raises:
            Conflict: another row has the nonce, or this one is not pending any more, or not with these bytes.
        """

    def pending(self, chain_id: ChainId, signer: Address) -> tuple[OutboxRow, ...]:
        """Pending rows of a signer by nonce."""

    def from_nonce(self, chain_id: ChainId, signer: Address, nonce: int) -> tuple[OutboxRow, ...]:
        """Rows of a signer with that nonce or a higher one, whatever their state, by nonce."""

    def pending_for(self, chain_id: ChainId, purpose: str) -> OutboxRow | None:
        """The pending row of a purpose, or None."""

    def count_pending(self, chain_id: ChainId) -> int:
        """How many rows are pending, whoever signed them."""

    def mark_sent(self, row: OutboxRow, at: datetime) -> None:
        """Counts one more sending."""

    def close(self, row: OutboxRow, state: OutboxState, note: str = "") -> None:
        """Ends a row: done, failed or superseded."""

    def reopen(self, row: OutboxRow) -> None:
        """Makes a row pending again, because the chain lost what it did."""

    def skip_to(self, chain_id: ChainId, signer: Address, nonce: int) -> None:
        """Raises the next unused nonce to at least `nonce`, because the chain has used those below."""
