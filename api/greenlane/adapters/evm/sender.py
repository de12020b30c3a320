"""One account's transactions: written down, sent, and followed until the chain shows what became of them.

The order that nothing may change: sign and keep in one database transaction; only then send; and believe only what the contract's
storage shows. So a crash leaves either nothing, or a kept transaction that the next `settle` sends again, byte for byte.

What Besu's pool is like, and what is done about it. A second transaction with one nonce silently replaces the first: so nonces
come from our own record alone, and what became of one is judged by the contract's storage and by which transaction was mined.
The pending nonce of an account hides gaps: it is never asked for. A price above 0 is taken, never mined, and holds its nonce for
ever: none but 0 is signed, and a kept transaction with another price is not sent. Nonces too far ahead are refused: no more than
`max_in_flight` are handed over before the first is on the chain, and a refusal means to wait.

The chain may also lose what it had: an embedded chain whose machine failed, a node restored from a backup. Then the account's
nonce on the chain is below that of our record, and every kept transaction from there on is sent again in its order, whatever
became of it the first time: a nonce left out would hold up all that follow. Nonces that our record lacks are filled with nothing.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

import rlp  # type: ignore[import-untyped]
from eth_account.signers.local import LocalAccount
from web3 import Web3

from greenlane.adapters.evm.nodes import Nodes
from greenlane.adapters.evm.wire import NodeFault, Unreached, ask_many_raw, ask_raw
from greenlane.core.errors import Conflict
from greenlane.core.units import Address, ChainId, TxHash
from greenlane.core.wire import encode_hex
from greenlane.ports.clock import Clock
from greenlane.ports.ledger import LedgerMismatch, LedgerUnavailable
from greenlane.ports.outbox import OutboxRow, OutboxState, SignedTransaction
from greenlane.ports.store import Store, Transaction

log = logging.getLogger(__name__)

_PLAIN_GAS: Final = 21_000
# Besu takes 1,024 questions at once.
_ASKED_AT_ONCE: Final = 256
# What clients say to a transaction they have, or whose nonce was used meanwhile: then there is nothing left to send.
_HAS_IT: Final = ("already known", "known transaction", "already imported", "already exists", "nonce too low")
_NONCE_TOO_LOW: Final = -32001
_OTHER_CHAIN: Final = ("wrong chainid", "chainid not supported", "invalid chain id")
_NOT_IN_STEP: Final = ("pool not enabled", "sync is still in progress")
# Besu's words, and what mends it; anything else only has to be waited for.
_REMEDIES: Final = (
    ("too distant", "It is sent again by itself when earlier ones are on the chain."),
    ("block gas limit", "Raise the gas limit of the chain's blocks; the transaction is kept and sent again."),
    ("not authorized", "Put the account on the nodes' allowlist of accounts (greenlane-node sync-permissions)."),
    (
        "underpriced",
        "A transaction with a price above 0 holds this nonce in the nodes' pools: restart the nodes, whose pools then forget it, "
        "and never send with this key from elsewhere.",
    ),
)
_PRICE_FIELD = 1
_FIELDS = 9
"""Of a signed transaction in the old form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the chain shows of a transaction whose nonce is used up.

    Attributes:
        note: the contract's word where it failed.
        is_replaced: the nonce was used by another transaction, as far as anybody can tell, and not to the same effect.
    """

    state: OutboxState
    note: str = ""
    is_replaced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of a contract, simulated and ready to be signed.

    Attributes:
        gas: the limit; gas is free, and yet a block holds only so much.
    """

    to: Address
    data: bytes
    gas: int


class Sender:
    """Sends for one account. Several may do so at once, in one process or in many: the store keeps them apart."""

    def __init__(
        self,
        *,
        nodes: Nodes,
        store: Store,
        account: LocalAccount,
        chain_id: ChainId,
        clock: Clock,
        max_in_flight: int,
        judge: Callable[[Web3, OutboxRow], Verdict],
    ) -> None:
        """Takes what it sends with.

        Args:
            max_in_flight: how many transactions are handed to the nodes before the first of them is on the chain.
            judge: says what a transaction has done, after its nonce was used; reads the contract's storage.
        """
        self.address = Address(bytes.fromhex(account.address[2:]))
        self._nodes = nodes
        self._store = store
        self._account = account
        self._chain_id = chain_id
        self._clock = clock
        self._max_in_flight = max_in_flight
        self._judge = judge

    def settle(self) -> bool:
        """Finds out what became of what was sent, sends again what the nodes have forgotten; whether something is open still.

        Raises:
            LedgerUnavailable: no node answers, or none takes a transaction.
        """
        used = self._nodes.ask(self._used_nonces)
        with self._store.read() as transaction:
            pending = transaction.outbox.pending(self._chain_id, self.address)
            still_open = transaction.outbox.from_nonce(self._chain_id, self.address, used)
        self._refuse(tuple(row for row in pending if not _is_free(row.raw)))
        ended = [row for row in pending if row.nonce < used and _is_free(row.raw)]
        if ended:
            self._close(ended)
        # The nonce of one that is not sent is filled with nothing.
        still_open = tuple(row for row in still_open if _is_free(row.raw))
        lost = [row for row in still_open if row.state is OutboxState.DONE]
        if lost:
            self._reopen(lost)
        if still_open:
            window = [row for row in still_open if row.nonce < used + self._max_in_flight]
            self._fill_gaps(range(used, min(still_open[-1].nonce, used + self._max_in_flight)), {row.nonce for row in window})
            waiting = self._nodes.ask(partial(_waiting, tx_hashes=[row.tx_hash for row in window]))
            for row in (row for row in window if row.tx_hash not in waiting):
                if row.attempts:
                    log.info("transaction.sent_again", extra={"purpose": row.purpose, "tx_hash": encode_hex(row.tx_hash)})
                self._send(row)
        return bool(still_open)

    def submit(self, purpose: str, call: Call) -> OutboxRow:
        """Keeps a call as the account's next transaction, and sends it.

        Returns:
            The kept transaction; one that is pending for the same purpose already, if another has kept it meanwhile.

        Raises:
            LedgerUnavailable: no node took it (it is kept and will be sent again), or one for another purpose is pending.
        """
        used = self._nodes.ask(self._used_nonces)
        with self._store.write() as transaction:
            outbox = transaction.outbox
            # The chain may have used nonces that our record lacks: a database restored from a backup, a key used elsewhere.
            outbox.skip_to(self._chain_id, self.address, used)
            nonce = outbox.lock_signer(self._chain_id, self.address)
            pending = outbox.pending(self._chain_id, self.address)
            if pending:
                return self._same(purpose, pending)
            self._supersede(transaction, purpose)
            row = outbox.add(
                chain_id=self._chain_id,
                signer=self.address,
                nonce=nonce,
                purpose=purpose,
                sign=lambda nonce: self._sign(nonce, call),
                at=self._clock(),
            )
        self._send(row)
        return row

    def pending_for(self, purpose: str) -> OutboxRow | None:
        """This account's pending transaction of a purpose, or None."""
        with self._store.read() as transaction:
            row = transaction.outbox.pending_for(self._chain_id, purpose)
        return row if row is not None and row.signer == self.address else None

    def _supersede(self, transaction: Transaction, purpose: str) -> None:
        """Closes what another account was to send for the purpose: nobody follows it any more.

        Should it reach the chain all the same, the contract refuses it, or has what this one would bring.
        """
        row = transaction.outbox.pending_for(self._chain_id, purpose)
        if row is not None:
            transaction.outbox.close(row, OutboxState.SUPERSEDED, f"The account {encode_hex(self.address)} sends it now.")
            log.warning("transaction.superseded", extra={"purpose": purpose, "tx_hash": encode_hex(row.tx_hash)})

    def _same(self, purpose: str, pending: tuple[OutboxRow, ...]) -> OutboxRow:
        for row in pending:
            if row.purpose == purpose:
                return row
        raise LedgerUnavailable(
            f"{pending[0].purpose} is on its way to the chain.", remedy="Ask again when it is settled.", retry_after_s=1
        )

    def _used_nonces(self, web3: Web3) -> int:
        return int(web3.eth.get_transaction_count(self._account.address, "latest"))

    def _sign(self, nonce: int, call: Call) -> SignedTransaction:
        signed = self._account.sign_transaction(
            {
                "chainId": self._chain_id,
                "nonce": nonce,
                "gas": call.gas,
                # Gas is free on these chains. A price of zero in the old form of transactions is taken by every client.
                "gasPrice": 0,
                "value": 0,
                "to": Web3.to_checksum_address(call.to),
                "data": Web3.to_hex(call.data),
            }
        )
        return SignedTransaction(tx_hash=TxHash(bytes(signed.hash)), raw=bytes(signed.raw_transaction))

    def _close(self, ended: list[OutboxRow]) -> None:
        # One node judges them all: the next one may lag behind the block that used the nonce.
        verdicts = self._nodes.ask(lambda web3: [self._judge(web3, row) for row in ended])
        with self._store.write() as transaction:
            for row, verdict in zip(ended, verdicts, strict=True):
                transaction.outbox.close(row, verdict.state, verdict.note)
        for row, verdict in zip(ended, verdicts, strict=True):
            if verdict.is_replaced:
                log.warning(
                    "transaction.replaced",
                    extra={"purpose": row.purpose, "tx_hash": encode_hex(row.tx_hash), "nonce": row.nonce},
                )
            is_good = verdict.state is not OutboxState.FAILED
            log.log(
                logging.INFO if is_good else logging.WARNING,
                "transaction.settled",
                extra={
                    "purpose": row.purpose,
                    "tx_hash": encode_hex(row.tx_hash),
                    "state": verdict.state.value,
                    "note": verdict.note,
                },
            )

    def _reopen(self, lost: list[OutboxRow]) -> None:
        log.warning("chain.lost_transactions", extra={"count": len(lost), "first_nonce": lost[0].nonce})
        with self._store.write() as transaction:
            for row in lost:
                # Another transaction may be pending for the purpose; this one is sent all the same, for its nonce.
                with suppress(Conflict):
                    transaction.outbox.reopen(row)

    def _refuse(self, priced: tuple[OutboxRow, ...]) -> None:
        """Closes what must not be sent."""
        if not priced:
            return
        with self._store.write() as transaction:
            for row in priced:
                transaction.outbox.close(row, OutboxState.FAILED, "It is no transaction with the price 0, and must not be sent.")
        for row in priced:
            log.error("transaction.refused", extra={"purpose": row.purpose, "tx_hash": encode_hex(row.tx_hash)})

    def _fill_gaps(self, nonces: range, taken: set[int]) -> None:
        for nonce in (nonce for nonce in nonces if nonce not in taken):
            # Signing is deterministic: sent twice, it is one transaction.
            nothing = self._sign(nonce, Call(to=self.address, data=b"", gas=_PLAIN_GAS))
            self._nodes.ask(partial(_hand_over, raw=nothing.raw))

    def _send(self, row: OutboxRow) -> None:
        self._nodes.ask(partial(_hand_over, raw=row.raw))
        with self._store.write() as transaction:
            transaction.outbox.mark_sent(row, self._clock())


def _waiting(web3: Web3, tx_hashes: Sequence[TxHash]) -> frozenset[TxHash]:
    """Which transactions the node keeps to put them into a block."""
    found: set[TxHash] = set()
    for first in range(0, len(tx_hashes), _ASKED_AT_ONCE):
        some = tx_hashes[first : first + _ASKED_AT_ONCE]
        told = ask_many_raw(web3, [("eth_getTransactionByHash", [encode_hex(one)]) for one in some])
        # A torn state may tell of a block that has it while its nonce is unused. Sending it once too often is harmless.
        found |= {
            one for one, value in zip(some, told, strict=True) if isinstance(value, dict) and value.get("blockNumber") is None
        }
    return frozenset(found)


def _is_free(raw: bytes) -> bool:
    """Whether a signed transaction is of the old form with the price 0."""
    try:
        fields = rlp.decode(raw)
    except rlp.exceptions.RLPException:
        return False
    return isinstance(fields, list) and len(fields) == _FIELDS and fields[_PRICE_FIELD] == b""


def _hand_over(web3: Web3, raw: bytes) -> None:
    try:
        ask_raw(web3, "eth_sendRawTransaction", encode_hex(raw))
    except NodeFault as fault:
        words = str(fault).lower()
        if fault.code == _NONCE_TOO_LOW or any(known in words for known in _HAS_IT):
            return
        if any(known in words for known in _OTHER_CHAIN):
            raise LedgerMismatch(
                f"The node takes the transaction for one of another chain: {fault}.",
                remedy="Name the nodes of the right chain in network.json.",
            ) from fault
        if any(known in words for known in _NOT_IN_STEP):
            # Another node may take it.
            raise Unreached(f"A node takes no transactions yet: {fault}.") from fault
        remedy = next((remedy for known, remedy in _REMEDIES if known in words), "It is kept and sent again.")
        raise LedgerUnavailable(f"The node does not take the transaction: {fault}.", remedy=remedy) from fault
