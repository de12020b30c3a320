"""One chain as this deployment reaches it: its nodes, and the accounts that send for the hosted centers.

Anchors and acts of one center are sent by one account, so whoever brings either shares these: two senders that know nothing of
each other would give one nonce to two transactions. Each kind of purpose has at most one transaction on its way; one kind never
waits for the other, and every row of the outbox is judged here, whoever asks, by the judge of its kind.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.exceptions import Web3Exception

from greenlane.adapters.evm.artifacts import ContractRefused, NotThisContract
from greenlane.adapters.evm.nodes import Nodes
from greenlane.adapters.evm.sealed import read_used_nonces
from greenlane.adapters.evm.sender import Errand, Sender
from greenlane.adapters.evm.tokens import RpcTokens
from greenlane.adapters.evm.wire import NodeFault
from greenlane.adapters.network_file import Network
from greenlane.core.pace import MAX_BLOCKS_APART
from greenlane.core.seals import Sealing
from greenlane.core.units import Address, CenterId
from greenlane.ports.clock import Clock
from greenlane.ports.errors import StoreUnavailable
from greenlane.ports.ledger import LedgerMismatch, LedgerUnavailable
from greenlane.ports.seals import extended
from greenlane.ports.store import Store

T = TypeVar("T")


class EvmChain:
    """What gateways to one chain share. Safe for threads."""

    def __init__(
        self,
        network: Network,
        *,
        store: Store,
        anchorers: Mapping[CenterId, LocalAccount],
        clock: Clock,
        errands: Mapping[str, Errand],
        tokens: RpcTokens | None,
        max_in_flight: int,
        request_timeout_s: float,
    ) -> None:
        """Takes the chain's description and the keys to send with; no node is asked yet.

        Args:
            anchorers: for each center that is anchored from here, its anchorer's account.
            errands: by kind of purpose.
            tokens: for nodes that want one.
            max_in_flight: how many transactions of one account are handed to the nodes before the first is on the chain.
            request_timeout_s: for each request to a node.
        """
        self.network = network
        self._store = store
        self.nodes = Nodes(
            network.rpc_urls,
            chain_id=network.chain_id,
            genesis_hash=network.genesis_hash,
            pilot_registry=network.pilot_registry,
            anchor_log=network.anchor_log,
            assets=network.assets,
            timeout_s=request_timeout_s,
            tokens=tokens,
            now=lambda: clock().timestamp(),
            sealing=self.known_sealing,
        )
        self.senders: Mapping[CenterId, Sender] = {
            center: Sender(
                nodes=self.nodes,
                store=store,
                account=account,
                chain_id=network.chain_id,
                clock=clock,
                max_in_flight=max_in_flight,
                errands=errands,
                prove_used=partial(self._proven_used, account=Address(bytes.fromhex(account.address[2:]))),
            )
            for center, account in anchorers.items()
        }

    def ask(self, question: Callable[[Web3], T], *, turn: int = 0) -> T:
        """Puts a question to a node, as `Nodes.ask`, and tells what goes wrong in the words of the ports.

        Raises:
            LedgerUnavailable, LedgerMismatch: as the port of the ledger has them.
        """
        with words_of_the_port():
            return self.nodes.ask(question, turn=turn)

    def known_sealing(self) -> Sealing | None:
        """The sets of validators that this deployment was set up with, and those that it has followed to."""
        given = self.network.sealing
        if given is None:
            return None
        try:
            with self._store.read() as transaction:
                return extended(given, transaction.seals.sets(self.network.chain_id))
        except StoreUnavailable:
            # The chain can be looked at while the database is away.
            return given

    def _proven_used(self, web3: Web3, account: Address) -> int | None:
        sealing = self.known_sealing()
        if sealing is None:
            return None
        return read_used_nonces(web3, account, sealing, least=self.nodes.sure_height - MAX_BLOCKS_APART)


@contextmanager
def words_of_the_port() -> Iterator[None]:
    """Tells what a node or a contract answers amiss as the ports do.

    Raises:
        LedgerMismatch: what stands there is not our contract.
        LedgerUnavailable: the node answers with an error.
    """
    try:
        yield
    except (NotThisContract, ContractRefused) as error:
        # No question of ours is one that the contracts refuse; what is to be refused is told apart before.
        raise LedgerMismatch(error.detail, remedy=NotThisContract.default_remedy) from error
    except (Web3Exception, NodeFault) as error:
        raise LedgerUnavailable(f"The node answers with an error: {str(error)[:200]}") from error
