"""The gateway to one chain: what is anchored there, and a way to anchor more. Implements ports.ledger.Ledger.

Everything is read at the block `latest`: the chains of this project do not reorganise. What a transaction did is judged by the
anchor contract's storage, never by a receipt or an event, which a chain may lose while it keeps the effect, and the other way
round. Each hosted center anchors with a key of its own, one anchor at a time: the next one's proof begins where this one ends.
Anchoring twice is harmless at every point: the contract refuses a root it has.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from eth_account.signers.local import LocalAccount
from eth_typing import HexStr
from web3 import Web3
from web3.exceptions import TransactionNotFound
from web3.types import FilterParams

from greenlane.adapters.evm.bindings import AnchorLog, ContractRefused, PilotRegistry
from greenlane.adapters.evm.bringing import ACTS, ACTS_GAS, judge_acts, reopen_acts
from greenlane.adapters.evm.chain import EvmChain, words_of_the_port
from greenlane.adapters.evm.sealed import (
    LOG_BLOCKS,
    head_round,
    head_time,
    read_header_changes,
    read_registry_changes,
    read_sealed_anchor,
    read_sealed_retirement,
)
from greenlane.adapters.evm.sender import Call, Errand, Sender, Verdict, call_of
from greenlane.adapters.evm.tokens import RpcTokens
from greenlane.adapters.evm.trust import read_trust, utc
from greenlane.adapters.network_file import Network
from greenlane.core.anchoring import anchored_topics
from greenlane.core.errors import NotFound
from greenlane.core.seals import SealedState, ValidatorMode
from greenlane.core.trust import TrustFile
from greenlane.core.units import BlockNumber, CenterId, NodeHash, RootHash, TreeSize, TxHash, center_id
from greenlane.core.wire import encode_hex
from greenlane.ports.clock import Clock
from greenlane.ports.ledger import (
    AnchoredHead,
    AnchorRefused,
    AnchorTrace,
    LedgerHealth,
    LedgerUnavailable,
    SetChanges,
)
from greenlane.ports.outbox import OutboxRow, OutboxState, anchor_purpose
from greenlane.ports.store import Store

ANCHORS: Final = "anchor"
"""Kind of the purposes that `anchor_purpose` writes."""
MAX_IN_FLIGHT: Final = 500
REQUEST_TIMEOUT_S: Final = 5.0
ANCHOR_GAS: Final = 1_000_000
"""Limit of one anchor. It needs a fifth with the longest proof, and a block of any plan holds sixteen times as much."""
_NOTHING_ANCHORED: Final = AnchoredHead(
    tree_size=TreeSize(0), root=RootHash(bytes(32)), anchored_at=datetime.fromtimestamp(0, UTC)
)
_KNOWN_TRANSACTIONS: Final = 4_096
_WORD = 32
_SELECTOR = 4


class EvmLedger:
    """See ports.ledger.Ledger. Safe for threads; several processes may serve one center over one store.

    Attributes:
        chain: shared with other gateways to the same chain.
    """

    def __init__(
        self,
        network: Network,
        *,
        store: Store,
        anchorers: Mapping[CenterId, LocalAccount],
        clock: Clock,
        tokens: RpcTokens | None = None,
        max_in_flight: int = MAX_IN_FLIGHT,
        request_timeout_s: float = REQUEST_TIMEOUT_S,
    ) -> None:
        """Takes the chain's description and the keys to anchor with; no node is asked yet.

        Args:
            anchorers: for each center that is anchored from here, its anchorer's account.
            tokens: for nodes that want one.
            max_in_flight: how many transactions of one account are handed to the nodes before the first is on the chain.
            request_timeout_s: for each request to a node.
        """
        self._network = network
        self.chain = EvmChain(
            network,
            store=store,
            anchorers=anchorers,
            clock=clock,
            errands={
                ANCHORS: Errand(gas=ANCHOR_GAS, judge=self._judge),
                # An act of one center builds on another's, and is refused for ever where it comes first.
                ACTS: Errand(gas=ACTS_GAS, judge=judge_acts, give_up=reopen_acts),
            },
            tokens=tokens,
            max_in_flight=max_in_flight,
            request_timeout_s=request_timeout_s,
        )
        self._known_lock = threading.Lock()
        self._known: OrderedDict[str, TxHash] = OrderedDict()

    def health(self) -> LedgerHealth:
        """The head of the chain, as the node that is furthest ahead tells it.

        Raises:
            LedgerMismatch: two nodes tell different chains; both are named.
        """
        with words_of_the_port():
            survey = self.chain.nodes.survey()
            head = survey.heads[0]
            return LedgerHealth(
                chain_id=self._network.chain_id,
                head_number=head.number,
                head_at=head_time(head),
                round=None if self._network.sealing is None else head_round(head),
                is_agreed=True if len(survey.heads) > 1 else None,
            )

    def trust(self) -> TrustFile:
        """What a verifier starts from, read from the registry now."""
        return self.chain.ask(
            lambda web3: read_trust(
                PilotRegistry(web3, self._network.pilot_registry),
                chain_id=self._network.chain_id,
                genesis_hash=self._network.genesis_hash,
                anchor_log=self._network.anchor_log,
                assets=self._network.assets,
                sealing=self._network.sealing,
                block=BlockNumber(web3.eth.block_number),
            )
        )

    def anchored_head(self, center: CenterId) -> AnchoredHead:
        """The last anchored checkpoint of a center, from the contract's storage."""
        found = self.chain.ask(lambda web3: self._contract(web3).head(center))
        if found is None:
            return _NOTHING_ANCHORED
        return AnchoredHead(tree_size=found.tree_size, root=found.root, anchored_at=utc(found.anchored_at))

    def anchored_root(self, center: CenterId, tree_size: TreeSize) -> RootHash | None:
        """The root anchored at that tree size, or None."""
        return self.chain.ask(lambda web3: self._contract(web3).root_at(center, tree_size))

    def is_in_flight(self, center: CenterId) -> bool:
        """Whether an anchor of that center was submitted and its effect is not known yet; settles what can be settled.

        False for a center that is not anchored from here.
        """
        sender = self.chain.senders.get(center)
        if sender is None:
            return False
        with words_of_the_port():
            return sender.settle(ANCHORS)

    def submit_anchor(self, center: CenterId, tree_size: TreeSize, root: RootHash, proof: Sequence[NodeHash]) -> TxHash:
        """Simulates, keeps and sends one anchor transaction; returns as soon as a node took it.

        Raises:
            AnchorRefused: the simulation reverted; nothing was kept or sent. Or another root is on its way for this size.
            LedgerUnavailable: another anchor of the center is on its way, or no node took it (it is kept and will be sent again).
            NotFound: the center is not anchored from here.
        """
        sender = self.chain.senders.get(center)
        if sender is None:
            raise NotFound(f"The center {center!r} is not anchored from here.", remedy="Give its anchorer's key.")
        purpose = anchor_purpose(center, tree_size)
        with words_of_the_port():
            row = sender.pending_for(purpose)
            if row is None:
                if sender.settle(ANCHORS):
                    raise LedgerUnavailable(
                        f"Another anchor of {center} is on its way to the chain.",
                        remedy="Ask again when it is settled.",
                        retry_after_s=1,
                    )
                data = AnchorLog.encode_anchor(center, tree_size, root, proof)
                self._simulate(sender, data, purpose)
                row = sender.submit(purpose, Call(to=self._network.anchor_log, data=data))
        if _anchor_of(row)[2] != root:
            raise AnchorRefused(f"Another root is on its way to the chain for the tree of {tree_size} leaves.", where=purpose)
        self._remember(row)
        return row.tx_hash

    def anchor_trace(self, center: CenterId, tree_size: TreeSize) -> AnchorTrace:
        """Block and transaction of an anchored checkpoint; fields are None where the node has lost the receipt.

        What was anchored from here since the start is found at once; else the last 5,000 blocks are searched for its event.
        """
        with self._known_lock:
            known = self._known.get(anchor_purpose(center, tree_size))

        def trace(web3: Web3) -> AnchorTrace:
            if known is not None:
                try:
                    receipt = web3.eth.get_transaction_receipt(HexStr(encode_hex(known)))
                except TransactionNotFound:
                    pass
                else:
                    if receipt["status"] == 1:
                        return AnchorTrace(block_number=BlockNumber(receipt["blockNumber"]), transaction=known)
            latest = web3.eth.block_number
            wanted: FilterParams = {
                "address": Web3.to_checksum_address(self._network.anchor_log),
                "topics": [HexStr(encode_hex(topic)) for topic in anchored_topics(center, tree_size)],
                "fromBlock": BlockNumber(max(self._network.deploy_block, latest - LOG_BLOCKS + 1)),
                "toBlock": BlockNumber(latest),
            }
            for event in map(AnchorLog.anchored_event, web3.eth.get_logs(wanted)):
                if event is not None:
                    return AnchorTrace(block_number=event.block_number, transaction=event.transaction)
            return AnchorTrace(block_number=None, transaction=None)

        return self.chain.ask(trace)

    def sealed_anchor(self, center: CenterId, tree_size: TreeSize, *, turn: int = 0) -> SealedState:
        """The newest block, with a witness of the slot that holds the anchored root; unverified.

        Args:
            turn: another number puts the question to another node first, where there are several.

        Raises:
            NotFound: nothing is anchored there in the newest block.
            LedgerUnavailable: also where the node has the block and not its state.
        """
        return self.chain.ask(lambda web3: read_sealed_anchor(web3, self._network.anchor_log, center, tree_size), turn=turn)

    def sealed_retirement(self, retirement_id: bytes, *, turn: int = 0) -> SealedState:
        """The newest block, with a witness of the slot that holds the digest of a retirement; unverified.

        Args:
            turn: as for `sealed_anchor`.

        Raises:
            NotFound: the newest block knows no such retirement, or the network has no contracts of green assets.
            LedgerUnavailable: as for `sealed_anchor`.
        """
        assets = self._network.assets
        if assets is None:
            raise NotFound("The network has no contracts of green assets, so nothing was ever retired there.")
        return self.chain.ask(lambda web3: read_sealed_retirement(web3, assets.green_asset, retirement_id), turn=turn)

    def set_changes(self, after: BlockNumber, *, turn: int = 0) -> SetChanges:
        """Changes of the validator set in the blocks after that one, as far as one look reaches; unverified.

        Args:
            turn: as for `sealed_anchor`.

        Raises:
            NotFound: the blocks of this chain are not sealed.
            LedgerUnavailable: also where the node has a block that changed the set, and not its state.
        """
        sealing = self._network.sealing
        if sealing is None:
            raise NotFound("The blocks of this chain are not sealed: no set of validators can be followed.")
        if sealing.mode is ValidatorMode.CONTRACT:
            return self.chain.ask(lambda web3: read_registry_changes(web3, self._network.pilot_registry, after), turn=turn)
        return self.chain.ask(lambda web3: read_header_changes(web3, after), turn=turn)

    def _contract(self, web3: Web3) -> AnchorLog:
        return AnchorLog(web3, self._network.anchor_log)

    def _simulate(self, sender: Sender, data: bytes, purpose: str) -> None:
        try:
            self.chain.nodes.ask(lambda web3: self._contract(web3).simulate(data, sender=sender.address))
        except ContractRefused as error:
            raise AnchorRefused(error.detail, where=purpose) from error

    def _judge(self, web3: Web3, row: OutboxRow) -> Verdict:
        center, tree_size, root = _anchor_of(row)
        anchored = self._contract(web3).root_at(center, tree_size)
        try:
            is_reverted = web3.eth.get_transaction_receipt(HexStr(encode_hex(row.tx_hash)))["status"] == 0
            has_receipt = True
        except TransactionNotFound:
            is_reverted = has_receipt = False
        if anchored == root:
            self._remember(row)
            return Verdict(state=OutboxState.SUPERSEDED if is_reverted else OutboxState.DONE)
        if anchored is not None:
            note = f"Another root is anchored: {encode_hex(anchored)}."
            return Verdict(state=OutboxState.FAILED, note=note, is_replaced=not has_receipt)
        if is_reverted:
            return Verdict(state=OutboxState.FAILED, note=self._reason(web3, row))
        if has_receipt:
            return Verdict(state=OutboxState.FAILED, note="The chain has lost its effect.")
        note = "The chain has lost it, or its nonce was used for something else."
        return Verdict(state=OutboxState.FAILED, note=note, is_replaced=True)

    def _reason(self, web3: Web3, row: OutboxRow) -> str:
        """Why it would be refused now, which is why it was unless something has changed since."""
        sender = self.chain.senders[_anchor_of(row)[0]].address
        try:
            self._contract(web3).simulate(call_of(row).data, sender=sender)
        except ContractRefused as error:
            return error.detail
        return "Reverted, for a reason that is gone."

    def _remember(self, row: OutboxRow) -> None:
        with self._known_lock:
            self._known[row.purpose] = row.tx_hash
            self._known.move_to_end(row.purpose)
            while len(self._known) > _KNOWN_TRANSACTIONS:
                self._known.popitem(last=False)


def _anchor_of(row: OutboxRow) -> tuple[CenterId, TreeSize, RootHash]:
    """What a kept transaction anchors, as its signed bytes say."""
    data = call_of(row).data
    center, size, root = (data[_SELECTOR + place * _WORD : _SELECTOR + (place + 1) * _WORD] for place in range(3))
    return center_id(center.rstrip(b"\x00").decode("ascii")), TreeSize(int.from_bytes(size, "big")), RootHash(root)
