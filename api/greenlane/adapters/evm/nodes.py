"""The nodes of one chain, asked one after another until one answers.

Before anything a node says is believed, it must show that it belongs to this chain: chain id, hash of block 0, and the contracts.
That is asked once of each node, and again after it was away: what comes back at its address may be another chain. A node of
another chain is never passed over in silence, since whoever set it up believes it to be of this one.

Only failures to reach a node lead to the next one; an answer is an answer, whatever it says.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import requests
from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential
from web3 import HTTPProvider, Web3
from web3.exceptions import BadResponseFormat, BlockNotFound, RequestTimedOut
from web3.middleware import ExtraDataToPOAMiddleware

from greenlane.adapters.evm.standing import check_contracts
from greenlane.core.units import Address, ChainId
from greenlane.core.wire import encode_hex
from greenlane.ports.ledger import LedgerMismatch, LedgerUnavailable

T = TypeVar("T")

_ROUNDS: Final = 3
_AWAY: Final = (requests.RequestException, RequestTimedOut, BadResponseFormat, ConnectionError)
_WHAT_TO_DO: Final = (
    "Name the nodes of the right chain in network.json. Where an embedded chain has lost its contracts, "
    "`greenlane-node embedded reset --chain` puts them back at the same addresses; what was anchored is then anchored again."
)


class Nodes:
    """Safe for threads."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        chain_id: ChainId,
        genesis_hash: bytes,
        pilot_registry: Address,
        anchor_log: Address,
        timeout_s: float,
    ) -> None:
        """Takes the addresses of the nodes, the one to ask first first; nothing is asked yet.

        Args:
            timeout_s: for each request.
        """
        self.chain_id = chain_id
        self._genesis_hash = genesis_hash
        self._pilot_registry = pilot_registry
        self._anchor_log = anchor_log
        self._web3s = [_connect(url, timeout_s) for url in urls]
        self._urls = tuple(urls)
        self._lock = threading.Lock()
        self._proven: set[int] = set()
        self._preferred = 0

    def ask(self, question: Callable[[Web3], T]) -> T:
        """Puts a question to the first node that can be reached.

        Args:
            question: may be put several times, to different nodes.

        Raises:
            LedgerUnavailable: none can be reached, three times over.
            LedgerMismatch: one that was reached is of another chain.
        """
        rounds = Retrying(
            stop=stop_after_attempt(_ROUNDS),
            wait=wait_random_exponential(multiplier=0.05, max=0.5),
            retry=retry_if_exception_type(_AWAY),
        )
        try:
            return rounds(lambda: self._ask_around(question))
        except RetryError as error:
            cause = error.last_attempt.exception()
            raise LedgerUnavailable(
                f"No node of the chain answers: {', '.join(self._urls)}.", remedy="Start the chain, or wait."
            ) from cause

    def _ask_around(self, question: Callable[[Web3], T]) -> T:
        count = len(self._urls)
        first = self._preferred
        away: BaseException | None = None
        for number in ((first + step) % count for step in range(count)):
            try:
                self._prove(number)
                answer = question(self._web3s[number])
            except _AWAY as error:
                with self._lock:
                    self._proven.discard(number)
                away = error
            else:
                self._preferred = number
                return answer
        raise away if away is not None else ConnectionError("There is no node to ask.")

    def _prove(self, number: int) -> None:
        if number in self._proven:
            return
        web3, url = self._web3s[number], self._urls[number]
        chain_id = web3.eth.chain_id
        if chain_id != self.chain_id:
            raise LedgerMismatch(f"The node is of the chain {chain_id}, not {self.chain_id}.", where=url, remedy=_WHAT_TO_DO)
        try:
            genesis_hash = bytes(web3.eth.get_block(0)["hash"])
        except BlockNotFound as error:
            # A node that is still fetching its chain.
            raise ConnectionError(f"The node {url} has no block 0 yet.") from error
        if genesis_hash != self._genesis_hash:
            raise LedgerMismatch(
                f"The chain begins with the block {encode_hex(genesis_hash)}, not {encode_hex(self._genesis_hash)}.",
                where=url,
                remedy=_WHAT_TO_DO,
            )
        try:
            check_contracts(web3, self._pilot_registry, self._anchor_log)
        except LedgerMismatch as error:
            raise LedgerMismatch(error.detail, where=url, remedy=_WHAT_TO_DO) from error
        with self._lock:
            self._proven.add(number)


def _connect(url: str, timeout_s: float) -> Web3:
    session = requests.Session()
    # A node is named by its address: no proxy of the environment stands between us and it.
    session.trust_env = False
    # Retrying is `ask`'s: the provider's own would hold one dead node for seconds while another could answer.
    provider = HTTPProvider(url, request_kwargs={"timeout": timeout_s}, session=session, exception_retry_configuration=None)
    web3 = Web3(provider)
    # It would ask for the chain id before every call; `_prove` has asked.
    web3.middleware_onion.remove("validation")
    # Blocks of a network of validators carry their seals in extraData, longer than web3 takes for granted.
    web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
    return web3
