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
So are those of transactions whose work rests on that of other accounts, which may not be done again yet: what a contract refuses
then, it refuses for ever. Whoever gave them brings their work anew, when its time has come.

A node may lie. How many nonces are used, no node says alone: where blocks are sealed and there are several nodes, seals and state
prove it, else it is what the middle one of them says, the lower of two. It never moves our record far without a proof. What was
kept all the same and can never be mined, with a nonce far above all that are used, or more gas than any block holds, is signed
anew. Then two transactions for one purpose exist, and the contract takes one. Who refuses one, or lets it lie, is passed over.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
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
# A lie about gas was believed once, or the rules of the chain were others then.
_WRONG_GAS: Final = ("gas limit", "intrinsic gas")
_MAX_SKIP: Final = 1_000
"""Nonces by which a node's word alone moves our record."""
_MOST_NONCES: Final = 1 << 53
_PATIENCE: Final = timedelta(seconds=60)
"""After which a transaction that a node keeps is handed to another one too."""
_TOLD_AFTER: Final = timedelta(seconds=10)
"""By then a transaction that some node took is known to all, or in a block."""
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
_GAS_FIELD, _TO_FIELD, _DATA_FIELD = 2, 3, 5
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
class Errand:
    """How transactions of one kind of purpose are limited and judged.

    Attributes:
        gas: the limit of each; gas is free, and yet a block holds only so much. No node is asked for it.
        judge: says what a transaction has done, after its nonce was used; reads the contract's storage.
        give_up: where what the chain lost, or every node forgot, is not sent again as it was: tells whoever gave the work that it
            is not done, in the transaction that closes the row.
    """

    gas: int
    judge: Callable[[Web3, OutboxRow], Verdict]
    give_up: Callable[[Transaction, OutboxRow], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of a contract, simulated and ready to be signed."""

    to: Address
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Used:
    """How many nonces of the account the chain has used.

    Attributes:
        count: as far as it is to be believed.
        most: that anybody says.
        is_proven: by seals and state.
    """

    count: int
    most: int
    is_proven: bool


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
        errands: Mapping[str, Errand],
        prove_used: Callable[[Web3], int | None] = lambda _: None,
    ) -> None:
        """Takes what it sends with.

        Args:
            max_in_flight: how many transactions are handed to the nodes before the first of them is on the chain.
            errands: by kind of purpose, see `kind_of`; of each kind at most one transaction is on its way.
            prove_used: how many nonces the chain has used, proven; None where that cannot be.
        """
        self.address = Address(bytes.fromhex(account.address[2:]))
        self._nodes = nodes
        self._store = store
        self._account = account
        self._chain_id = chain_id
        self._clock = clock
        self._max_in_flight = max_in_flight
        self._errands = errands
        self._prove_used = prove_used

    def settle(self, kind: str) -> bool:
        """Finds out what became of what was sent, sends again what the nodes have forgotten.

        Returns:
            Whether something of that kind of purpose is open still.

        Raises:
            LedgerUnavailable: no node answers, or none takes a transaction.
        """
        used = self._used()
        with self._store.read() as transaction:
            pending = transaction.outbox.pending(self._chain_id, self.address)
            rows = transaction.outbox.from_nonce(self._chain_id, self.address, used.count)
        self._refuse(tuple(row for row in pending if not _is_free(row.raw)))
        ended = [row for row in pending if row.nonce < used.count and _is_free(row.raw)]
        if ended:
            self._close(ended)
        # The nonce of one that is not sent is filled with nothing.
        free = self._mended([row for row in rows if _is_free(row.raw)], used.count)
        # Nodes may be two blocks apart: what some have and others lack is not lost.
        is_open = [row.state is OutboxState.PENDING or row.nonce >= used.most for row in free]
        still_open = [row for row, is_so in zip(free, is_open, strict=True) if is_so]
        lost = [row for row in still_open if row.state is OutboxState.DONE and self._is_sent_again(row)]
        if lost:
            self._reopen(lost)
        if still_open:
            last = used.count + self._max_in_flight
            window = [row for row in still_open if row.nonce < last]
            waiting = self._nodes.ask(partial(_waiting, tx_hashes=[row.tx_hash for row in window]))
            given_up = self._given_up(window, waiting, used)
            taken = {row.nonce for row in free} - given_up
            self._fill_gaps(range(used.count, min(still_open[-1].nonce + 1, last)), taken)
            still_open = [row for row in still_open if row.nonce not in given_up]
            for row in (row for row in window if row.nonce not in given_up):
                is_waiting = row.tx_hash in waiting
                if is_waiting and not self._is_overdue(row):
                    continue
                if row.attempts and not is_waiting and not self._is_sent_again(row):
                    # It is on its way at another node, or given up soon.
                    continue
                if row.attempts and not is_waiting:
                    log.info("transaction.sent_again", extra={"purpose": row.purpose, "tx_hash": encode_hex(row.tx_hash)})
                self._send(row)
        return any(kind_of(row.purpose) == kind for row in still_open)

    def submit(self, purpose: str, call: Call) -> OutboxRow:
        """Keeps a call as the account's next transaction, and sends it.

        Returns:
            The kept transaction; one that is pending for the same purpose already, if another has kept it meanwhile.

        Raises:
            LedgerUnavailable: no node took it (it is kept and will be sent again), or another one of its kind is pending.
            LedgerMismatch: nodes say that the account has used far more nonces than our record knows of.
        """
        used = self._used()
        with self._store.write() as transaction:
            outbox = transaction.outbox
            # The chain may have used nonces that our record lacks: a database restored from a backup, a key used elsewhere.
            known = outbox.lock_signer(self._chain_id, self.address)
            if used.count > known + _MAX_SKIP and not used.is_proven:
                raise LedgerMismatch(
                    f"The account {encode_hex(self.address)} has used {used.count} nonces, a node says, and our record knows of "
                    f"{known}.",
                    remedy="Compare the nodes (greenlane-node doctor), and take one that is wrong out of network.json or "
                    "GREENLANE_RPC_URLS. Where the key was used elsewhere, give the center another anchorer.",
                )
            outbox.skip_to(self._chain_id, self.address, used.count)
            nonce = outbox.lock_signer(self._chain_id, self.address)
            pending = [row for row in outbox.pending(self._chain_id, self.address) if kind_of(row.purpose) == kind_of(purpose)]
            if pending:
                return self._same(purpose, pending)
            self._supersede(transaction, purpose)
            row = outbox.add(
                chain_id=self._chain_id,
                signer=self.address,
                nonce=nonce,
                purpose=purpose,
                sign=lambda nonce: self._sign(nonce, call, self._gas_for(purpose)),
                at=self._clock(),
            )
        return self._send(row)

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

    def _same(self, purpose: str, pending: Sequence[OutboxRow]) -> OutboxRow:
        for row in pending:
            if row.purpose == purpose:
                return row
        raise LedgerUnavailable(
            f"{pending[0].purpose} is on its way to the chain.", remedy="Ask again when it is settled.", retry_after_s=1
        )

    def _used(self) -> _Used:
        if self._nodes.count > 1 and (proven := self._nodes.ask(self._prove_used)) is not None:
            return _Used(count=proven, most=proven, is_proven=True)
        told = sorted(self._nodes.ask_each(self._used_nonces))
        # One that lies, high or low, is never the middle one of three; of two the lower one can do no lasting harm.
        count = told[(len(told) - 1) // 2]
        return _Used(count=count, most=told[-1], is_proven=False)

    def _used_nonces(self, web3: Web3) -> int:
        count = int(web3.eth.get_transaction_count(self._account.address, "latest"))
        if not 0 <= count <= _MOST_NONCES:
            raise Unreached("A node tells of more transactions of an account than there can be.")
        return count

    def _mended(self, rows: list[OutboxRow], used: int) -> list[OutboxRow]:
        """Signs anew what can never be mined, and leaves out what is ended and lies behind a gap that nothing crosses.

        Args:
            rows: with nonces from `used` on, rising.
        """
        following = used
        near: list[OutboxRow] = []
        amiss: list[tuple[OutboxRow, int]] = []
        for row in rows:
            is_pending = row.state is OutboxState.PENDING
            if row.nonce - following <= self._max_in_flight:
                if is_pending and _number(row, _GAS_FIELD) > self._gas_for(row.purpose):
                    amiss.append((row, row.nonce))
                near.append(row)
                following = row.nonce + 1
            elif is_pending:
                amiss.append((row, following))
                near.append(row)
                following += 1
        if not amiss:
            return near
        try:
            anew = {row.nonce: self._sign_anew(row, nonce) for row, nonce in amiss}
        except Conflict as conflict:
            raise LedgerUnavailable("Another worker signs anew what cannot be mined.", retry_after_s=1) from conflict
        return [anew.get(row.nonce, row) for row in near]

    def _sign_anew(self, row: OutboxRow, nonce: int) -> OutboxRow:
        call, gas = call_of(row), self._gas_for(row.purpose)
        with self._store.write() as transaction:
            fresh = transaction.outbox.sign_anew(row, nonce=nonce, sign=lambda nonce: self._sign(nonce, call, gas))
        log.warning(
            "transaction.signed_anew",
            extra={
                "purpose": row.purpose,
                "tx_hash": encode_hex(fresh.tx_hash),
                "nonce": nonce,
                "replaces": encode_hex(row.tx_hash),
                "replaces_nonce": row.nonce,
            },
        )
        return fresh

    def _is_overdue(self, row: OutboxRow) -> bool:
        """Whether it is time that another node has it too."""
        return self._nodes.count > 1 and row.sent_at is not None and self._clock() - row.sent_at > _PATIENCE

    def _gas_for(self, purpose: str) -> int:
        return self._errands[kind_of(purpose)].gas

    def _sign(self, nonce: int, call: Call, gas: int) -> SignedTransaction:
        signed = self._account.sign_transaction(
            {
                "chainId": self._chain_id,
                "nonce": nonce,
                "gas": gas,
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
        verdicts = self._nodes.ask(lambda web3: [self._errands[kind_of(row.purpose)].judge(web3, row) for row in ended])
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

    def _is_sent_again(self, row: OutboxRow) -> bool:
        return self._errands[kind_of(row.purpose)].give_up is None

    def _given_up(self, window: Sequence[OutboxRow], waiting: frozenset[TxHash], used: _Used) -> set[int]:
        """Nonces of those that were sent, are in no block and wait at no node, and are not sent again; they are closed."""
        gone = [
            row
            for row in window
            if not self._is_sent_again(row) and row.attempts and row.nonce >= used.most and row.tx_hash not in waiting
        ]
        if any(row.state is OutboxState.PENDING for row in gone):
            hashes = [row.tx_hash for row in gone]
            elsewhere = frozenset[TxHash]().union(*self._nodes.ask_each(partial(_waiting, tx_hashes=hashes)))
            gone = [
                row
                for row in gone
                if row.state is not OutboxState.PENDING or (row.tx_hash not in elsewhere and self._is_forgotten(row))
            ]
        if gone:
            # Not those that came into a block since the nonces were asked for.
            now = self._used()
            gone = [row for row in gone if row.nonce >= now.most]
        closing = [row for row in gone if row.state in (OutboxState.PENDING, OutboxState.DONE)]
        if closing:
            log.warning("chain.lost_work", extra={"count": len(closing), "first_nonce": closing[0].nonce})
            with self._store.write() as transaction:
                for row in closing:
                    transaction.outbox.close(row, OutboxState.SUPERSEDED, "The chain lost it; its work is brought anew.")
                    give_up = self._errands[kind_of(row.purpose)].give_up
                    if give_up is not None:
                        give_up(transaction, row)
        return {row.nonce for row in gone}

    def _is_forgotten(self, row: OutboxRow) -> bool:
        """Whether a node had the time to tell others of it."""
        return row.sent_at is not None and self._clock() - row.sent_at > _TOLD_AFTER

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
            nothing = self._sign(nonce, Call(to=self.address, data=b""), _PLAIN_GAS)
            self._hand_to_any(nothing.raw)

    def _send(self, row: OutboxRow) -> OutboxRow:
        """Hands it to a node; what was sent in the end, since with the wrong gas it is signed anew."""
        try:
            self._hand_to_any(row.raw, turn=row.attempts)
        except LedgerUnavailable as refusal:
            if _number(row, _GAS_FIELD) == self._gas_for(row.purpose) or not _is_about_gas(refusal):
                raise
            row = self._sign_anew(row, row.nonce)
            self._hand_to_any(row.raw)
        with self._store.write() as transaction:
            transaction.outbox.mark_sent(row, self._clock())
        return row

    def _hand_to_any(self, raw: bytes, turn: int = 0) -> None:
        """Hands it to one node after the other until one takes it; the first one's words where none does."""
        refusals: list[LedgerUnavailable | LedgerMismatch] = []
        for one in range(self._nodes.count):
            try:
                self._nodes.ask(partial(_hand_over, raw=raw), turn=turn + one)
            except (LedgerUnavailable, LedgerMismatch) as refusal:
                refusals.append(refusal)
                if not isinstance(refusal.__cause__, NodeFault):
                    # None of them answers, and no other would.
                    break
            else:
                return
        raise refusals[0]


def kind_of(purpose: str) -> str:
    """What kind of purpose it is: its text before the first colon."""
    return purpose.partition(":")[0]


def call_of(row: OutboxRow) -> Call:
    """What a kept transaction calls, as its signed bytes say."""
    fields = rlp.decode(row.raw)
    return Call(to=Address(fields[_TO_FIELD]), data=fields[_DATA_FIELD])


def _waiting(web3: Web3, tx_hashes: Sequence[TxHash]) -> frozenset[TxHash]:
    """Which transactions the node keeps to put them into a block."""
    found: set[TxHash] = set()
    for first in range(0, len(tx_hashes), _ASKED_AT_ONCE):
        some = tx_hashes[first : first + _ASKED_AT_ONCE]
        told = ask_many_raw(web3, [("eth_getTransactionByHash", [encode_hex(one)]) for one in some])
        # A torn state may tell of a block that has it while its nonce is unused: then it waits nowhere.
        found |= {
            one for one, value in zip(some, told, strict=True) if isinstance(value, dict) and value.get("blockNumber") is None
        }
    return frozenset(found)


def _is_about_gas(refusal: LedgerUnavailable) -> bool:
    return any(words in str(refusal.__cause__).lower() for words in _WRONG_GAS)


def _number(row: OutboxRow, field: int) -> int:
    return int.from_bytes(rlp.decode(row.raw)[field], "big")


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
