"""The gateway anchors every root once, whatever crashes, whatever the chain forgets, and believes no stranger's chain.

A real anvil runs for the whole module, with blocks made when a test asks for one. Each test starts from the same snapshot of it.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from greenlane.adapters.evm.bindings import AnchorLog, PilotRegistry
from greenlane.adapters.evm.ledger import EvmLedger
from greenlane.adapters.evm.nodes import Nodes
from greenlane.adapters.keystore import KeyUse
from greenlane.adapters.network_file import Network
from greenlane.adapters.sql.store import SqlStore
from greenlane.core.anchoring import anchored_root_slot, center_key
from greenlane.core.crypto import keccak256, sha256
from greenlane.core.errors import NotFound
from greenlane.core.merkle import consistency_proof, leaf_hash, root_of
from greenlane.core.seals import Sealing, ValidatorMode, ValidatorSet
from greenlane.core.trust import encode_trust_file
from greenlane.core.units import Address, BlockNumber, CenterId, LeafHash, RootHash, TreeSize
from greenlane.core.wire import encode_hex
from greenlane.ports.ledger import AnchorRefused, LedgerMismatch, LedgerUnavailable
from greenlane.ports.outbox import OutboxRow, OutboxState
from greenlane_node.embedded.anvil import ChainSettings, mine, start_anvil
from greenlane_node.embedded.network import EmbeddedNetwork, RunningNetwork
from web3 import HTTPProvider, Web3
from worlds.machine import free_port

pytestmark = pytest.mark.chain

LIMA = CenterId("lima")
LEAVES = tuple(leaf_hash(bytes([number % 256]) * 65) for number in range(64))


class Crash(BaseException):
    """Ends the process's work here, as kill -9 would: nothing of ours catches it."""


def root(size: int) -> RootHash:
    return root_of(LEAVES[:size])


@dataclass
class World:
    """One chain, one store, and the hand that makes blocks."""

    running: RunningNetwork
    folder: Path
    anchorer: LocalAccount
    operator: LocalAccount
    stores: list[SqlStore] = field(default_factory=list)

    @property
    def network(self) -> Network:
        return self.running.network

    @property
    def web3(self) -> Web3:
        return Web3(HTTPProvider(self.running.rpc_url, exception_retry_configuration=None))

    def call(self, method: str, *params: object) -> Any:
        answer = self.web3.provider.make_request(method, list(params))  # type: ignore[arg-type]
        assert "error" not in answer, answer
        return answer["result"]

    def mine(self) -> None:
        mine(self.running.rpc_url)

    def store(self) -> SqlStore:
        """The store of this folder; after `close`, opened anew as after a restart."""
        if not self.stores:
            file = self.folder / "store.sqlite"
            is_new = not file.exists()
            store = SqlStore(f"sqlite:///{file}")
            if is_new:
                store.migrate()
            self.stores.append(store)
        return self.stores[0]

    def ledger(self, store: Any = None, network: Network | None = None, **options: Any) -> EvmLedger:
        return EvmLedger(
            network or self.network,
            store=store or self.store(),
            anchorers={LIMA: self.anchorer},
            clock=lambda: datetime.now(UTC),
            **options,
        )

    def submit(self, ledger: EvmLedger, size: int) -> bytes:
        head = ledger.anchored_head(LIMA)
        proof = consistency_proof(LEAVES[:size], head.tree_size)
        return ledger.submit_anchor(LIMA, TreeSize(size), root(size), proof)

    def drive(self, ledger: EvmLedger, sizes: tuple[int, ...]) -> None:
        """Does what the worker does until all is anchored; every step may be repeated."""
        for size in sizes:
            for _ in range(40):
                if ledger.is_in_flight(LIMA):
                    self.mine()
                elif ledger.anchored_head(LIMA).tree_size < size:
                    self.submit(ledger, size)
                else:
                    break
            else:
                raise AssertionError(f"{size} is never anchored")
        while ledger.is_in_flight(LIMA):
            self.mine()

    def rows(self) -> tuple[OutboxRow, ...]:
        with self.store().read() as transaction:
            return transaction.outbox.from_nonce(self.network.chain_id, Address(bytes.fromhex(self.anchorer.address[2:])), 0)

    def rotate_anchorer(self, anchorer: Address) -> None:
        """Lima's operator gives it another anchorer; what waits is mined with it."""
        rotate = self.operator.sign_transaction(
            {
                "chainId": self.network.chain_id,
                "nonce": 0,
                "gas": 500_000,
                "gasPrice": 0,
                "to": Web3.to_checksum_address(self.network.pilot_registry),
                "data": Web3.to_hex(PilotRegistry.encode_rotate_anchorer(anchorer)),
            }
        )
        self.web3.eth.send_raw_transaction(rotate.raw_transaction)
        self.mine()

    def anchored_sizes(self) -> list[int]:
        logs = self.web3.eth.get_logs(
            {"address": Web3.to_checksum_address(self.network.anchor_log), "fromBlock": 0, "toBlock": "latest"}
        )
        events = [AnchorLog.anchored_event(log) for log in logs]
        return [event.tree_size for event in events if event is not None]

    def close(self) -> None:
        for store in self.stores:
            store.close()
        self.stores.clear()


def world_of(running: RunningNetwork, folder: Path) -> World:
    keystore = running.keystore()
    world = World(
        running=running,
        folder=folder,
        anchorer=keystore.account("lima-anchorer", KeyUse.ANCHORER),
        operator=keystore.account("lima-operator", KeyUse.OPERATOR),
    )
    world.call("evm_setIntervalMining", 0)
    return world


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNetwork]:
    with EmbeddedNetwork.start(tmp_path_factory.mktemp("network"), port=free_port()) as network:
        yield network


@pytest.fixture
def world(running: RunningNetwork, tmp_path: Path) -> Iterator[World]:
    world = world_of(running, tmp_path)
    snapshot = world.call("evm_snapshot")
    yield world
    world.close()
    world.call("anvil_dropAllTransactions")
    world.call("evm_revert", snapshot)


@pytest.fixture
def own_world(tmp_path: Path) -> Iterator[World]:
    """A chain of its own, which the test may kill and reset."""
    world = world_of(EmbeddedNetwork.start(tmp_path / "home", port=free_port()), tmp_path)
    yield world
    world.close()
    EmbeddedNetwork.stop(tmp_path / "home")


def test_a_root_is_anchored_and_read_back_from_storage(world: World) -> None:
    ledger = world.ledger()
    assert ledger.anchored_head(LIMA).tree_size == 0
    assert ledger.anchored_root(LIMA, TreeSize(3)) is None
    sent = world.submit(ledger, 3)
    assert ledger.is_in_flight(LIMA)
    world.mine()
    assert not ledger.is_in_flight(LIMA)
    head = ledger.anchored_head(LIMA)
    assert (head.tree_size, head.root) == (3, root(3))
    assert abs((datetime.now(UTC) - head.anchored_at).total_seconds()) < 30
    assert ledger.anchored_root(LIMA, TreeSize(3)) == root(3)
    trace = ledger.anchor_trace(LIMA, TreeSize(3))
    assert (trace.transaction, trace.block_number) == (sent, ledger.health().head_number)
    assert [(row.purpose, row.state, row.attempts) for row in world.rows()] == [("anchor:lima:3", OutboxState.DONE, 1)]


def test_a_trace_is_found_also_by_a_gateway_that_did_not_send_it(world: World) -> None:
    ledger = world.ledger()
    world.drive(ledger, (3, 5))
    assert world.ledger().anchor_trace(LIMA, TreeSize(3)) == ledger.anchor_trace(LIMA, TreeSize(3))
    assert ledger.anchor_trace(LIMA, TreeSize(4)).transaction is None


def test_the_trust_file_names_the_founders_and_no_seals_of_a_chain_without_them(world: World) -> None:
    trust = world.ledger().trust()
    assert trust == world.running.trust
    assert [center.id for center in trust.centers] == ["tianjin", "lima", "ho-chi-minh"]
    assert trust.sealing is None
    assert [term.key for term in trust.centers[1].log_keys] == [world.network.center(LIMA).log_key]
    assert encode_trust_file(trust)
    first = ValidatorSet(seals_from=BlockNumber(1), validators=tuple(center.validator for center in world.network.centers))
    sealing = Sealing(mode=ValidatorMode.CONTRACT, sets=(first,))
    assert world.ledger(network=replace(world.network, sealing=sealing)).trust().sealing == sealing


def test_what_the_contract_refuses_is_neither_kept_nor_sent(world: World) -> None:
    ledger = world.ledger()
    world.drive(ledger, (3,))
    rows = world.rows()
    proof = list(consistency_proof(LEAVES[:5], TreeSize(3)))
    proof[0] = type(proof[0])(sha256(proof[0]))
    for size, of, with_proof, reason in (
        (5, 5, proof, "InconsistentTree"),
        (3, 3, [], "AlreadyAnchored"),
        (3, 4, [], "RootDiffers"),
        (2, 2, [], "TreeShrinks"),
    ):
        with pytest.raises(AnchorRefused, match=reason):
            ledger.submit_anchor(LIMA, TreeSize(size), root(of), with_proof)
    assert world.rows() == rows
    assert not ledger.is_in_flight(LIMA)


def test_one_anchor_at_a_time_and_the_same_again_is_the_same(world: World) -> None:
    ledger = world.ledger()
    first = world.submit(ledger, 3)
    assert world.submit(ledger, 3) == first
    with pytest.raises(AnchorRefused):
        ledger.submit_anchor(LIMA, TreeSize(3), root(4), [])
    with pytest.raises(LedgerUnavailable):
        world.submit(ledger, 5)
    assert len(world.rows()) == 1


def test_a_center_without_a_key_here_is_read_and_never_anchored(world: World) -> None:
    ledger = world.ledger()
    other = CenterId("tianjin")
    assert not ledger.is_in_flight(other)
    assert ledger.anchored_head(other).tree_size == 0
    with pytest.raises(NotFound):
        ledger.submit_anchor(other, TreeSize(3), root(3), [])


def test_what_a_node_forgot_is_sent_again_byte_for_byte(world: World) -> None:
    ledger = world.ledger()
    sent = world.submit(ledger, 3)
    world.call("anvil_dropAllTransactions")
    world.mine()
    assert ledger.anchored_head(LIMA).tree_size == 0
    assert ledger.is_in_flight(LIMA)
    world.mine()
    assert not ledger.is_in_flight(LIMA)
    assert [(row.tx_hash, row.attempts) for row in world.rows()] == [(sent, 2)]
    assert world.anchored_sizes() == [3]


def test_a_transaction_that_reverts_is_closed_with_the_contracts_word(world: World) -> None:
    ledger = world.ledger()
    world.submit(ledger, 3)
    world.call("anvil_dropAllTransactions")
    world.rotate_anchorer(Address(b"\x11" * 20))
    assert ledger.is_in_flight(LIMA)
    world.mine()
    assert not ledger.is_in_flight(LIMA)
    [row] = world.rows()
    assert row.state is OutboxState.FAILED
    assert "NotAnchorer" in row.note
    with pytest.raises(AnchorRefused, match="NotAnchorer"):
        world.submit(ledger, 3)


def test_a_new_anchorer_takes_up_what_the_former_one_left(world: World) -> None:
    former = world.submit(world.ledger(), 3)
    world.call("anvil_dropAllTransactions")
    successor: LocalAccount = Account.create()
    world.rotate_anchorer(Address(bytes.fromhex(successor.address[2:])))
    ledger = EvmLedger(world.network, store=world.store(), anchorers={LIMA: successor}, clock=lambda: datetime.now(UTC))
    assert not ledger.is_in_flight(LIMA)
    sent = world.submit(ledger, 3)
    assert sent != former
    assert world.submit(ledger, 3) == sent
    assert ledger.is_in_flight(LIMA)
    world.mine()
    assert not ledger.is_in_flight(LIMA)
    assert world.anchored_sizes() == [3]
    [row] = world.rows()
    assert (row.tx_hash, row.state) == (former, OutboxState.SUPERSEDED)


def test_an_effect_that_came_another_way_supersedes_the_transaction(world: World) -> None:
    ledger = world.ledger()
    world.submit(ledger, 3)
    world.call("anvil_dropAllTransactions")
    contract = encode_hex(world.network.anchor_log)
    heads_slot = keccak256(center_key(LIMA) + (1).to_bytes(32, "big"))
    world.call("anvil_setStorageAt", contract, encode_hex(anchored_root_slot(LIMA, TreeSize(3))), encode_hex(root(3)))
    world.call("anvil_setStorageAt", contract, encode_hex(heads_slot), encode_hex((3).to_bytes(32, "big")))
    assert ledger.is_in_flight(LIMA)
    world.mine()
    assert not ledger.is_in_flight(LIMA)
    assert [row.state for row in world.rows()] == [OutboxState.SUPERSEDED]


def test_a_nonce_that_another_hand_used_fails_the_transaction_and_the_next_goes_through(world: World) -> None:
    ledger = world.ledger()
    world.submit(ledger, 3)
    world.call("anvil_dropAllTransactions")
    nothing = world.anchorer.sign_transaction(
        {"chainId": world.network.chain_id, "nonce": 0, "gas": 21_000, "gasPrice": 0, "to": world.anchorer.address}
    )
    world.web3.eth.send_raw_transaction(nothing.raw_transaction)
    world.mine()
    assert not ledger.is_in_flight(LIMA)
    world.drive(ledger, (3,))
    assert [row.state for row in world.rows()] == [OutboxState.FAILED, OutboxState.DONE]
    assert world.anchored_sizes() == [3]


def test_a_database_older_than_the_chain_takes_up_the_chains_nonce(world: World, tmp_path: Path) -> None:
    world.drive(world.ledger(), (3, 5))
    world.close()
    (tmp_path / "store.sqlite").rename(tmp_path / "lost.sqlite")
    world.drive(world.ledger(), (5, 9))
    assert [row.nonce for row in world.rows()] == [2]
    assert world.anchored_sizes() == [3, 5, 9]


def test_nonces_that_the_record_lacks_are_filled_with_nothing(world: World) -> None:
    with world.store().write() as transaction:
        transaction.outbox.skip_to(world.network.chain_id, Address(bytes.fromhex(world.anchorer.address[2:])), 3)
    world.drive(world.ledger(), (3, 5))
    assert [row.nonce for row in world.rows()] == [3, 4]
    assert world.anchored_sizes() == [3, 5]


@pytest.mark.parametrize("max_in_flight", [1, 2, 500])
def test_what_the_chain_lost_is_anchored_again_in_order_and_bounded(world: World, max_in_flight: int) -> None:
    empty = world.call("evm_snapshot")
    ledger = world.ledger(max_in_flight=max_in_flight)
    world.drive(ledger, (3, 5, 9, 17))
    before = [replace(row, attempts=0, sent_at=None) for row in world.rows()]
    world.call("evm_revert", empty)
    assert world.anchored_sizes() == []
    assert ledger.is_in_flight(LIMA)
    assert int(world.call("txpool_status")["pending"], 16) == min(max_in_flight, 4)
    assert {row.state for row in world.rows()} == {OutboxState.PENDING}
    world.drive(ledger, (17,))
    assert world.anchored_sizes() == [3, 5, 9, 17]
    assert [replace(row, attempts=0, sent_at=None) for row in world.rows()] == before


# ---- crashes between any two steps ----


class Steps:
    """Counts every place where a process may end between two effects, and ends it at one of them."""

    def __init__(self, fatal: int | None) -> None:
        self.passed = 0
        self._fatal = fatal

    def step(self) -> None:
        if self.passed == self._fatal:
            raise Crash
        self.passed += 1


class CrashingStore:
    """A store that may fail to begin, to commit, or to live after the commit."""

    def __init__(self, store: SqlStore, steps: Steps) -> None:
        self._store = store
        self._steps = steps

    @contextmanager
    def write(self) -> Iterator[Any]:
        self._steps.step()
        with self._store.write() as transaction:
            yield transaction
            self._steps.step()
        self._steps.step()

    @contextmanager
    def read(self) -> Iterator[Any]:
        with self._store.read() as transaction:
            yield transaction


@contextmanager
def crashing_nodes(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    ask = Nodes.ask

    def crashing(self: Nodes, question: Any, *, turn: int = 0) -> Any:
        steps.step()
        answer = ask(self, question, turn=turn)
        steps.step()
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(Nodes, "ask", crashing)
        yield


def run_until_crash(world: World, monkeypatch: pytest.MonkeyPatch, fatal: int | None, sizes: tuple[int, ...]) -> int:
    steps = Steps(fatal)
    store = CrashingStore(world.store(), steps)
    try:
        with crashing_nodes(steps, monkeypatch):
            world.drive(world.ledger(store), sizes)
    except Crash:
        pass
    return steps.passed


@pytest.mark.parametrize(
    "happens_meanwhile",
    [
        pytest.param("nothing", marks=pytest.mark.slow),
        pytest.param("a block", marks=pytest.mark.slow),
        pytest.param("the pool is lost", marks=pytest.mark.slow),
        "the last block is lost",
    ],
)
def test_a_crash_at_any_step_neither_loses_a_root_nor_anchors_it_twice(
    world: World, monkeypatch: pytest.MonkeyPatch, happens_meanwhile: str
) -> None:
    sizes = (7,)
    world.drive(world.ledger(), (3,))
    world.close()
    template = world.folder / "template.sqlite"
    shutil.copy(world.folder / "store.sqlite", template)
    count = None
    fatal = 0
    while count is None or fatal < count:
        snapshot = world.call("evm_snapshot")
        # A block to lose where the crash came before there was another; what lies below the snapshot must stay.
        world.mine()
        shutil.copy(template, world.folder / "store.sqlite")
        if count is None:
            count = run_until_crash(world, monkeypatch, None, sizes)
        else:
            run_until_crash(world, monkeypatch, fatal, sizes)
            world.close()
            if happens_meanwhile == "a block":
                world.mine()
            elif happens_meanwhile != "nothing":
                world.call("anvil_dropAllTransactions")
            if happens_meanwhile == "the last block is lost":
                world.call("anvil_rollback", 1)
            world.drive(world.ledger(), sizes)
            fatal += 1
        assert world.anchored_sizes() == [3, 7], fatal
        assert world.ledger().anchored_head(LIMA).root == root(7)
        rows = world.rows()
        assert {row.state for row in rows} == {OutboxState.DONE}, fatal
        assert [row.nonce for row in rows] == [0, 1]
        world.close()
        for leftover in world.folder.glob("store.sqlite*"):
            leftover.unlink()
        world.call("anvil_dropAllTransactions")
        world.call("evm_revert", snapshot)
    assert count > 10


def test_after_kill_9_of_the_chain_nothing_is_lost(own_world: World) -> None:
    world = own_world
    home = world.running.home.directory
    sizes = tuple(range(1, 22, 3))
    for place, size in enumerate(sizes):
        ledger = world.ledger()
        world.submit(ledger, size)
        world.mine()
        if place % 2:
            ledger.is_in_flight(LIMA)
        world.running.kill()
        world.running = EmbeddedNetwork.start(home)
        world.call("evm_setIntervalMining", 0)
        world.drive(world.ledger(), (size,))
        assert world.ledger().anchored_head(LIMA).root == root(size)
    ledger = world.ledger()
    for size in sizes:
        assert ledger.anchored_root(LIMA, TreeSize(size)) == root(size)
    assert not [row for row in world.rows() if row.state is OutboxState.PENDING]


def test_after_the_whole_chain_is_lost_and_reset_every_root_is_anchored_again(own_world: World) -> None:
    world = own_world
    ledger = world.ledger()
    world.drive(ledger, (3, 7, 20))
    trust = world.running.trust
    world.running.stop()
    shutil.rmtree(world.running.home.chain)
    with pytest.raises(LedgerMismatch, match="reset --chain"):
        EmbeddedNetwork.start(world.running.home.directory)
    world.running = EmbeddedNetwork.reset_chain(world.running.home.directory)
    world.call("evm_setIntervalMining", 0)
    assert world.running.trust == trust
    world.drive(ledger, (20,))
    assert world.anchored_sizes() == [3, 7, 20]


# ---- nodes ----


def dead_url() -> str:
    return f"http://127.0.0.1:{free_port()}"


def test_a_dead_node_is_passed_over(world: World) -> None:
    network = replace(world.network, rpc_urls=(dead_url(), *world.network.rpc_urls))
    ledger = world.ledger(network=network)
    world.drive(ledger, (3,))
    assert world.anchored_sizes() == [3]


def test_without_any_node_the_ledger_is_unavailable_and_a_kept_anchor_goes_out_later(world: World) -> None:
    ledger = world.ledger(network=replace(world.network, rpc_urls=(dead_url(),)), request_timeout_s=0.5)
    for act in (ledger.health, ledger.trust, lambda: ledger.is_in_flight(LIMA), lambda: world.submit(ledger, 3)):
        with pytest.raises(LedgerUnavailable) as caught:
            act()
        assert caught.value.retry_after_s > 0
    assert world.rows() == ()


@pytest.mark.parametrize(
    "change",
    [
        {"chain_id": 1},
        {"genesis_hash": bytes(32)},
        {"anchor_log": Address(b"\x11" * 20)},
        {"pilot_registry": Address(b"\x11" * 20)},
    ],
)
def test_a_chain_that_is_not_ours_is_named_and_nothing_is_sent_to_it(world: World, change: dict[str, Any]) -> None:
    ledger = world.ledger(network=replace(world.network, **change))
    for act in (ledger.health, lambda: ledger.is_in_flight(LIMA), lambda: ledger.anchored_head(LIMA)):
        with pytest.raises(LedgerMismatch) as caught:
            act()
        assert caught.value.where == world.running.rpc_url
        assert "reset --chain" in caught.value.remedy


def test_a_registry_where_the_anchor_log_should_be_is_named(world: World) -> None:
    swapped = replace(world.network, anchor_log=world.network.pilot_registry, pilot_registry=world.network.anchor_log)
    with pytest.raises(LedgerMismatch):
        world.ledger(network=swapped).health()


def test_another_chain_behind_the_second_address_is_named_once_it_is_asked(world: World, tmp_path: Path) -> None:
    other = start_anvil(
        tmp_path / "other", ChainSettings(chain_id=20262, genesis_time=1_700_000_000, block_time_s=1, port=free_port())
    )
    try:
        network = replace(world.network, rpc_urls=(dead_url(), other.url))
        with pytest.raises(LedgerMismatch, match="20262"):
            world.ledger(network=network).health()
    finally:
        other.stop()


def test_leaves_of_the_tests_are_distinct() -> None:
    assert len(set(LEAVES)) == len(LEAVES)
    assert all(isinstance(LeafHash(leaf), bytes) for leaf in LEAVES)
