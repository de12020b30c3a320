"""Whatever happens in whatever order to chain, pool and process, every root is anchored once and in order.

A world of one real anvil: the worker takes single steps, the process ends, blocks come, the pool is lost, the chain falls back to
an earlier state, as after a restored backup. In the end the worker is let alone, and then all must be as if nothing had happened.
"""

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount
from greenlane.adapters.evm.bindings import AnchorLog
from greenlane.adapters.evm.ledger import EvmLedger
from greenlane.adapters.keystore import KeyUse
from greenlane.adapters.sql.store import SqlStore
from greenlane.core.merkle import consistency_proof, leaf_hash, root_of
from greenlane.core.units import Address, CenterId, TreeSize
from greenlane.ports.ledger import LedgerUnavailable
from greenlane.ports.outbox import OutboxRow, OutboxState
from greenlane_node.embedded.network import EmbeddedNetwork, RunningNetwork
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from web3 import HTTPProvider, Web3
from web3.exceptions import Web3RPCError
from worlds.machine import free_port

pytestmark = [pytest.mark.chain, pytest.mark.slow]

LIMA = CenterId("lima")
MANY = 12
LEAVES = tuple(leaf_hash(bytes([number]) * 65) for number in range(200))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNetwork]:
    with EmbeddedNetwork.start(tmp_path_factory.mktemp("network"), port=free_port()) as network:
        web3_call(network, "evm_setIntervalMining", 0)
        yield network


def web3_call(running: RunningNetwork, method: str, *params: object) -> Any:
    provider = HTTPProvider(running.rpc_url, exception_retry_configuration=None)
    answer = provider.make_request(method, list(params))
    assert "error" not in answer, answer
    return answer["result"]


class Ends(BaseException):
    """The process ends here."""


class AnchoringMachine(RuleBasedStateMachine):
    running: RunningNetwork
    anchorer: LocalAccount

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.base = self.call("evm_snapshot")
        self.kept: list[str] = [self.call("evm_snapshot")]
        self.size = 0
        self.restart()

    def call(self, method: str, *params: object) -> Any:
        return web3_call(self.running, method, *params)

    def open(self) -> None:
        self.store = SqlStore(f"sqlite:///{Path(self.folder.name) / 'store.sqlite'}")
        self.store.migrate()
        self.ledger = EvmLedger(
            self.running.network,
            store=self.store,
            anchorers={LIMA: self.anchorer},
            clock=lambda: datetime.now(UTC),
            max_in_flight=2,
        )

    def restart(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
        self.open()

    @rule(more=st.integers(1, 9))
    def the_log_grows(self, more: int) -> None:
        self.size = min(self.size + more, len(LEAVES))

    @rule()
    def the_worker_takes_a_step(self) -> None:
        if self.ledger.is_in_flight(LIMA):
            return
        head = self.ledger.anchored_head(LIMA)
        if head.tree_size < self.size:
            proof = consistency_proof(LEAVES[: self.size], head.tree_size)
            self.ledger.submit_anchor(LIMA, TreeSize(self.size), root_of(LEAVES[: self.size]), proof)

    @rule(more=st.integers(1, 9))
    def an_anchor_is_finished(self, more: int) -> None:
        self.the_log_grows(more)
        for _ in range(3):
            self.the_worker_takes_a_step()
            self.call("evm_mine")
        self.ledger.is_in_flight(LIMA)

    @rule()
    def a_second_worker_submits_without_asking(self) -> None:
        head = self.ledger.anchored_head(LIMA)
        if head.tree_size < self.size:
            proof = consistency_proof(LEAVES[: self.size], head.tree_size)
            try:
                self.ledger.submit_anchor(LIMA, TreeSize(self.size), root_of(LEAVES[: self.size]), proof)
            except LedgerUnavailable as error:
                assert "on its way" in error.detail

    @rule(step=st.sampled_from(("keep", "send", "mark")))
    def the_process_ends_while_it_submits(self, step: str) -> None:
        sender = self.ledger.chain.senders[LIMA]
        send = sender._send

        def ends(row: OutboxRow) -> OutboxRow:
            if step == "mark":
                with suppress(Web3RPCError):
                    Web3(HTTPProvider(self.running.rpc_url)).eth.send_raw_transaction(row.raw)
            elif step == "send":
                send(row)
            raise Ends

        sender._send = ends  # type: ignore[method-assign]
        with suppress(Ends):
            self.the_worker_takes_a_step()
        self.restart()

    @rule()
    def a_block_comes(self) -> None:
        self.call("evm_mine")

    @rule()
    def the_pool_is_lost(self) -> None:
        self.call("anvil_dropAllTransactions")

    @precondition(lambda self: len(self.kept) < 3)
    @rule()
    def the_chain_is_backed_up(self) -> None:
        self.kept.append(self.call("evm_snapshot"))

    @precondition(lambda self: bool(self.kept))
    @rule()
    def the_chain_falls_back(self) -> None:
        self.call("anvil_dropAllTransactions")
        assert self.call("evm_revert", self.kept.pop())

    @rule()
    def the_process_restarts(self) -> None:
        self.restart()

    def teardown(self) -> None:
        if not hasattr(self, "store"):
            return
        try:
            for _ in range(80):
                self.the_worker_takes_a_step()
                self.call("evm_mine")
                if not self.ledger.is_in_flight(LIMA) and self.ledger.anchored_head(LIMA).tree_size >= self.size:
                    break
            self.all_is_as_if_nothing_had_happened()
        finally:
            self.store.close()
            self.folder.cleanup()
            self.call("anvil_dropAllTransactions")
            self.call("evm_revert", self.base)

    def all_is_as_if_nothing_had_happened(self) -> None:
        head = self.ledger.anchored_head(LIMA)
        assert head.tree_size == self.size
        assert self.size == 0 or head.root == root_of(LEAVES[: self.size])
        web3 = Web3(HTTPProvider(self.running.rpc_url))
        place = Web3.to_checksum_address(self.running.network.anchor_log)
        logs = web3.eth.get_logs({"address": place, "fromBlock": 0, "toBlock": "latest"})
        sizes = [event.tree_size for event in map(AnchorLog.anchored_event, logs) if event is not None]
        assert sizes == sorted(set(sizes))
        signer = Address(bytes.fromhex(self.anchorer.address[2:]))
        with self.store.read() as transaction:
            rows = transaction.outbox.from_nonce(self.running.network.chain_id, signer, 0)
        assert [row.nonce for row in rows] == list(range(len(rows)))
        assert web3.eth.get_transaction_count(self.anchorer.address) == len(rows)
        assert not [row for row in rows if row.state is OutboxState.PENDING]
        done = [row.purpose for row in rows if row.state is OutboxState.DONE]
        assert set(done) == {f"anchor:lima:{size}" for size in sizes}


def test_every_root_is_anchored_once_whatever_happens(running: RunningNetwork) -> None:
    AnchoringMachine.running = running
    AnchoringMachine.anchorer = running.keystore().account("lima-anchorer", KeyUse.ANCHORER)
    run_state_machine_as_test(
        AnchoringMachine,
        settings=settings(
            max_examples=MANY, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
        ),
    )
