"""What Besu does that anvil does not, each way of it as learned by running it: every root is anchored once all the same.

The chain is one of scripted Besu nodes over a real anvil (`worlds.besu_rpc`): a pool that replaces silently and hides gaps,
blocks that validators sealed, a chain that stands still, nodes without old states.
"""

import json
import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import rlp  # type: ignore[import-untyped]
from eth_account.signers.local import LocalAccount
from greenlane.adapters.evm import sealed
from greenlane.adapters.evm.bindings import AnchorLog, PilotRegistry
from greenlane.adapters.evm.ledger import ANCHOR_GAS, MAX_IN_FLIGHT, EvmLedger
from greenlane.adapters.keystore import KeyUse
from greenlane.adapters.network_file import Network, encode_network
from greenlane.adapters.sql.store import SqlStore
from greenlane.bootstrap import open_deployment
from greenlane.core.assets.chain_places import retirement_slot
from greenlane.core.crypto import sha256
from greenlane.core.errors import NotFound, ProofRefused
from greenlane.core.header import Header
from greenlane.core.merkle import consistency_proof, leaf_hash, root_of
from greenlane.core.sealing import SealForeign, follow, verify_sealed_root, verify_sealed_slot
from greenlane.core.seals import Seals, ValidatorMode
from greenlane.core.units import Address, BlockNumber, CenterId, MemberId, RootHash, TreeSize, TxHash
from greenlane.core.wire import encode_hex
from greenlane.ports.accounts import MemberRole, Visibility
from greenlane.ports.ledger import LedgerMismatch, LedgerUnavailable
from greenlane.ports.outbox import OutboxRow, OutboxState, SignedTransaction
from greenlane.services.anchor import AnchorStep
from greenlane.settings import read_settings
from greenlane_node.embedded.network import EmbeddedNetwork, RunningNetwork
from greenlane_node.planning.plan_file import GAS_LIMITS
from web3 import Web3
from worlds.besu_rpc import POOL_REACH, BesuChain, BesuNode, RpcError, address_of, besu_over, described
from worlds.events import some_events
from worlds.machine import free_port

pytestmark = pytest.mark.chain

LIMA = CenterId("lima")
LEAVES = tuple(leaf_hash(bytes([number]) * 65) for number in range(64))
SUCCESSOR = bytes(range(1, 33))
"""The key of a validator that is not there at first."""


def root(size: int) -> RootHash:
    return root_of(LEAVES[:size])


@dataclass
class World:
    """One chain of Besu nodes, one store, one anchorer."""

    running: RunningNetwork
    chain: BesuChain
    folder: Path
    node: BesuNode
    anchorer: LocalAccount
    operator: LocalAccount
    stores: list[SqlStore] = field(default_factory=list)

    @property
    def network(self) -> Network:
        return described(self.running.network, self.chain)

    @property
    def signer(self) -> Address:
        return Address(bytes.fromhex(self.anchorer.address[2:]))

    @property
    def store(self) -> SqlStore:
        if not self.stores:
            self.stores.append(SqlStore(f"sqlite:///{self.folder / 'store.sqlite'}"))
            self.stores[0].migrate()
        return self.stores[0]

    def ledger(self, **options: Any) -> EvmLedger:
        network = options.pop("network", self.network)
        return EvmLedger(network, store=self.store, anchorers={LIMA: self.anchorer}, clock=lambda: datetime.now(UTC), **options)

    def submit(self, ledger: EvmLedger, size: int) -> TxHash:
        proof = consistency_proof(LEAVES[:size], ledger.anchored_head(LIMA).tree_size)
        return ledger.submit_anchor(LIMA, TreeSize(size), root(size), proof)

    def drive(self, ledger: EvmLedger, *sizes: int) -> None:
        for size in sizes:
            for _ in range(20):
                if ledger.is_in_flight(LIMA):
                    self.chain.mine()
                elif ledger.anchored_head(LIMA).tree_size < size:
                    self.submit(ledger, size)
                else:
                    break
            else:
                raise AssertionError(f"{size} is never anchored")

    def rows(self) -> tuple[OutboxRow, ...]:
        with self.store.read() as tx:
            return tx.outbox.from_nonce(self.network.chain_id, self.signer, 0)

    def anchored_sizes(self) -> list[int]:
        place = Web3.to_checksum_address(self.network.anchor_log)
        logs = Web3(Web3.HTTPProvider(self.running.rpc_url)).eth.get_logs({"address": place, "fromBlock": 0})
        return [event.tree_size for event in map(AnchorLog.anchored_event, logs) if event is not None]

    def signed(self, nonce: int, *, price: int = 0, to: bytes | None = None, data: bytes = b"") -> SignedTransaction:
        """A transaction of the anchorer's that this record knows nothing of."""
        signed = self.anchorer.sign_transaction(
            {
                "chainId": self.network.chain_id,
                "nonce": nonce,
                "gas": 200_000,
                "gasPrice": price,
                "to": Web3.to_checksum_address(to or self.signer),
                "data": Web3.to_hex(data),
            }
        )
        return SignedTransaction(tx_hash=TxHash(bytes(signed.hash)), raw=bytes(signed.raw_transaction))

    def send_past_the_record(self, one: SignedTransaction) -> None:
        self.node.answer("eth_sendRawTransaction", [encode_hex(one.raw)])

    def act_as_operator(self, data: bytes) -> int:
        """A block with one transaction of Lima's operator; its number."""
        nonce = self.chain.used_nonces(self.operator.address)
        signed = self.operator.sign_transaction(
            {
                "chainId": self.network.chain_id,
                "nonce": nonce,
                "gas": 500_000,
                "gasPrice": 0,
                "to": Web3.to_checksum_address(self.network.pilot_registry),
                "data": Web3.to_hex(data),
            }
        )
        self.node.answer("eth_sendRawTransaction", [encode_hex(bytes(signed.raw_transaction))])
        number = self.chain.mine()
        assert self.chain.used_nonces(self.operator.address) == nonce + 1
        return number

    def close(self) -> None:
        for store in self.stores:
            store.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNetwork]:
    with EmbeddedNetwork.start(tmp_path_factory.mktemp("network"), port=free_port()) as network:
        yield network


def world_over(running: RunningNetwork, folder: Path, mode: ValidatorMode) -> Iterator[World]:
    chain = besu_over(running, mode=mode, extra=[SUCCESSOR])
    snapshot = chain.anvil("evm_snapshot")
    keystore = running.keystore()
    world = World(
        running=running,
        chain=chain,
        folder=folder,
        node=chain.add_node(),
        anchorer=keystore.account("lima-anchorer", KeyUse.ANCHORER),
        operator=keystore.account("lima-operator", KeyUse.OPERATOR),
    )
    yield world
    world.close()
    chain.anvil("evm_revert", snapshot)
    chain.close()


@pytest.fixture
def world(running: RunningNetwork, tmp_path: Path) -> Iterator[World]:
    yield from world_over(running, tmp_path, ValidatorMode.CONTRACT)


@pytest.fixture
def header_world(running: RunningNetwork, tmp_path: Path) -> Iterator[World]:
    yield from world_over(running, tmp_path, ValidatorMode.HEADER)


# ---- the pool ----


def test_only_the_price_nothing_is_ever_signed_and_only_latest_is_ever_asked(world: World) -> None:
    ledger = world.ledger()
    world.drive(ledger, 3, 7)
    ledger.health()
    ledger.trust()
    ledger.sealed_anchor(LIMA, TreeSize(7))
    ledger.set_changes(BlockNumber(0))
    assert world.anchored_sizes() == [3, 7]
    assert world.node.refused == []
    assert not world.chain.pool.waiting
    assert not world.chain.pool.replaced


def test_a_kept_transaction_with_a_price_is_never_sent_and_its_nonce_is_filled(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = world.ledger()
    with world.store.write() as tx:
        tx.outbox.lock_signer(world.network.chain_id, world.signer)
        tx.outbox.add(
            chain_id=world.network.chain_id,
            signer=world.signer,
            nonce=0,
            purpose="anchor:lima:3",
            sign=lambda nonce: world.signed(nonce, price=7, data=AnchorLog.encode_anchor(LIMA, TreeSize(3), root(3), [])),
            at=datetime.now(UTC),
        )
    world.drive(ledger, 3, 5)
    assert [(row.nonce, row.state) for row in world.rows()] == [
        (0, OutboxState.FAILED),
        (1, OutboxState.DONE),
        (2, OutboxState.DONE),
    ]
    assert "price 0" in world.rows()[0].note
    assert world.anchored_sizes() == [3, 5]
    assert all(one.price == 0 for one in world.chain.pool.replaced)
    assert "transaction.refused" in caplog.messages


def test_a_price_that_somebody_else_gave_holds_the_nonce_and_is_named_with_its_cure(world: World) -> None:
    ledger = world.ledger()
    world.send_past_the_record(world.signed(0, price=1))
    with pytest.raises(LedgerUnavailable, match="underpriced") as caught:
        world.submit(ledger, 3)
    assert "restart the nodes" in str(caught.value.remedy)
    world.chain.mine(2)
    with pytest.raises(LedgerUnavailable):
        ledger.is_in_flight(LIMA)
    # What the remedy says: a restart empties the pools.
    world.chain.pool.clear()
    world.drive(ledger, 3)
    assert world.anchored_sizes() == [3]


def test_a_transaction_that_was_silently_replaced_in_the_pool_is_sent_again(world: World) -> None:
    ledger = world.ledger()
    sent = world.submit(ledger, 3)
    world.send_past_the_record(world.signed(0))
    assert world.chain.pool.find(encode_hex(sent)) is None
    assert ledger.is_in_flight(LIMA)
    assert world.chain.pool.find(encode_hex(sent)) is not None
    world.drive(ledger, 3)
    assert [(row.tx_hash, row.state, row.attempts) for row in world.rows()] == [(sent, OutboxState.DONE, 2)]


def test_one_that_was_replaced_and_the_other_mined_is_told_and_anchored_by_the_next(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = world.ledger()
    sent = world.submit(ledger, 3)
    world.send_past_the_record(world.signed(0))
    world.chain.mine()
    assert not ledger.is_in_flight(LIMA)
    (told,) = [record for record in caplog.records if record.message == "transaction.replaced"]
    assert (told.tx_hash, told.nonce) == (encode_hex(sent), 0)  # type: ignore[attr-defined]
    world.drive(ledger, 3)
    assert world.anchored_sizes() == [3]
    assert [row.state for row in world.rows()] == [OutboxState.FAILED, OutboxState.DONE]


def test_two_deployments_with_one_key_replace_each_other_and_every_root_is_anchored_once(world: World, tmp_path: Path) -> None:
    other = World(**{**vars(world), "folder": tmp_path / "other", "stores": []})
    other.folder.mkdir()
    ours, theirs = world.ledger(), other.ledger()
    world.submit(ours, 3)
    other.submit(theirs, 5)
    assert len(world.chain.pool.waiting) == 1
    for _ in range(8):
        for one, ledger in ((world, ours), (other, theirs)):
            if not ledger.is_in_flight(LIMA) and ledger.anchored_head(LIMA).tree_size < 5:
                one.submit(ledger, 5)
        world.chain.mine()
    assert ours.anchored_head(LIMA).root == root(5)
    sizes = world.anchored_sizes()
    assert sizes == sorted(set(sizes))
    other.close()


def test_a_gap_that_the_pending_nonce_hides_is_filled(world: World) -> None:
    with world.store.write() as tx:
        tx.outbox.skip_to(world.network.chain_id, world.signer, 3)
    ledger = world.ledger()
    world.submit(ledger, 3)
    pending = world.node.answer("eth_getTransactionCount", [world.anchorer.address, "pending"])
    assert (int(pending, 16), world.chain.used_nonces(world.anchorer.address)) == (4, 0)
    world.chain.mine()
    assert ledger.anchored_head(LIMA).tree_size == 0
    world.drive(ledger, 3)
    assert world.anchored_sizes() == [3]


def test_what_lies_behind_a_gap_wider_than_the_pool_reaches_is_signed_anew(world: World) -> None:
    ledger = world.ledger()
    with world.store.write() as tx:
        tx.outbox.skip_to(world.network.chain_id, world.signer, POOL_REACH + 10)
    with pytest.raises(LedgerUnavailable, match="too distant") as caught:
        world.submit(ledger, 3)
    assert caught.value.remedy
    world.drive(ledger, 3, 5)
    assert world.anchored_sizes() == [3, 5]
    assert [(row.nonce, row.state) for row in world.rows()] == [(0, OutboxState.DONE), (1, OutboxState.DONE)]


def test_no_more_are_in_flight_than_the_pool_takes(world: World) -> None:
    assert MAX_IN_FLIGHT <= 500 < POOL_REACH
    ledger = world.ledger(max_in_flight=12)
    with world.store.write() as tx:
        for number in range(20):
            tx.outbox.add(
                chain_id=world.network.chain_id,
                signer=world.signer,
                nonce=number,
                purpose=f"anchor:lima:{number + 1}",
                sign=world.signed,
                at=datetime.now(UTC),
            )
    assert ledger.is_in_flight(LIMA)
    assert sorted(nonce for _, nonce in world.chain.pool.waiting) == list(range(12))


def test_what_the_node_knows_or_has_used_is_sent_already(world: World) -> None:
    ledger = world.ledger()
    for error in (RpcError(-32000, "Known transaction"), RpcError(-32001, "Nonce too low")):
        world.node.scripted["eth_sendRawTransaction"] = error
        assert ledger.is_in_flight(LIMA) or world.submit(ledger, 3)
    del world.node.scripted["eth_sendRawTransaction"]
    world.drive(ledger, 3)
    assert world.anchored_sizes() == [3]


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (RpcError(-32000, "Transaction nonce is too distant from current sender nonce"), "sent again by itself"),
        (RpcError(-32005, "Transaction gas limit exceeds block gas limit"), "gas limit"),
        (RpcError(-32007, "Sender account not authorized to send transactions"), "allowlist"),
        (RpcError(-32000, "Replacement transaction underpriced"), "restart the nodes"),
        (RpcError(-32603, "Internal error"), "sent again"),
        (RpcError(-32002, "Transaction pool not enabled. (Either txpool explicitly disabled, or node not yet in sync)."), "wait"),
    ],
)
def test_a_refusal_is_waited_out_with_its_remedy_and_the_same_bytes_go_out_later(
    world: World, error: RpcError, remedy: str
) -> None:
    ledger = world.ledger()
    world.node.scripted["eth_sendRawTransaction"] = error
    for act in (lambda: world.submit(ledger, 3), lambda: ledger.is_in_flight(LIMA), lambda: ledger.is_in_flight(LIMA)):
        with pytest.raises(LedgerUnavailable) as caught:
            act()
        assert remedy in str(caught.value.remedy)
    del world.node.scripted["eth_sendRawTransaction"]
    kept = [row.tx_hash for row in world.rows()]
    world.drive(ledger, 3)
    assert [row.tx_hash for row in world.rows()] == kept
    assert world.anchored_sizes() == [3]


def test_a_node_that_takes_our_transactions_for_anothers_chains_is_named(world: World) -> None:
    ledger = world.ledger()
    world.node.scripted["eth_sendRawTransaction"] = RpcError(-32000, "Wrong chainId")
    with pytest.raises(LedgerMismatch, match="Wrong chainId"):
        world.submit(ledger, 3)


def test_gas_is_what_any_block_holds_and_no_node_is_asked_for_it(world: World) -> None:
    ledger = world.ledger()
    world.drive(ledger, 3)
    assert GAS_LIMITS[0] >= 16 * ANCHOR_GAS
    assert [int.from_bytes(rlp.decode(row.raw)[2], "big") for row in world.rows()] == [ANCHOR_GAS]
    (receipt,) = [world.node.answer("eth_getTransactionReceipt", [encode_hex(row.tx_hash)]) for row in world.rows()]
    assert int(receipt["gasUsed"], 16) * 3 < ANCHOR_GAS
    assert "eth_estimateGas" not in world.node.asked


# ---- several nodes ----


def test_what_a_dying_node_told_nobody_is_handed_to_another(world: World) -> None:
    second = world.chain.add_node()
    ledger = world.ledger()
    world.node.has_peers = False
    sent = world.submit(ledger, 3)
    assert world.node.island.find(encode_hex(sent)) is not None
    world.node.stop()
    assert ledger.is_in_flight(LIMA)
    assert second.island.find(encode_hex(sent)) or world.chain.pool.find(encode_hex(sent))
    world.drive(ledger, 3)
    assert world.anchored_sizes() == [3]
    assert len(world.rows()) == 1


def test_a_node_that_dies_while_it_takes_a_transaction_costs_nothing(world: World) -> None:
    world.chain.add_node()
    ledger = world.ledger(request_timeout_s=1.0)
    ledger.health()

    def takes_and_dies(params: list[Any]) -> Any:
        world.chain.pool.clear()
        world.node.is_cutting = True
        return None

    world.node.scripted["eth_sendRawTransaction"] = takes_and_dies
    world.submit(ledger, 3)
    assert len(world.chain.pool.waiting) == 1
    world.drive(ledger, 3)
    assert world.anchored_sizes() == [3]
    assert len(world.rows()) == 1


def test_nothing_is_sent_while_two_nodes_tell_different_chains(world: World) -> None:
    liar = world.chain.add_node(lies_from=world.chain.head)
    ledger = world.ledger()
    for act in (ledger.health, lambda: ledger.is_in_flight(LIMA), lambda: world.submit(ledger, 3)):
        with pytest.raises(LedgerMismatch) as caught:
            act()
        assert liar.url in str(caught.value)
        assert world.node.url in str(caught.value)
    assert "eth_sendRawTransaction" not in world.node.asked + liar.asked
    assert world.rows() == ()


def test_health_tells_round_and_agreement(world: World) -> None:
    ledger = world.ledger()
    assert ledger.health().is_agreed is None
    world.chain.next_round = 3
    world.chain.mine()
    health = ledger.health()
    assert (health.round, health.head_number) == (3, world.chain.head)
    world.chain.mine()
    world.chain.add_node(lag=1)
    world.chain.add_node(is_away=True)
    health = world.ledger(request_timeout_s=0.5).health()
    assert (health.round, health.head_number, health.is_agreed) == (0, world.chain.head, True)


def test_an_embedded_chain_has_no_rounds_and_no_sets(running: RunningNetwork, world: World) -> None:
    ledger = world.ledger(network=running.network)
    health = ledger.health()
    assert (health.round, health.is_agreed) == (None, None)
    with pytest.raises(NotFound, match="not sealed"):
        ledger.set_changes(BlockNumber(0))


# ---- a chain that stands still ----


def test_while_the_chain_stands_still_captures_queue_and_afterwards_everything_is_anchored_once(
    running: RunningNetwork, world: World
) -> None:
    home = world.folder / "home"
    shutil.copytree(running.home.directory, home, ignore=shutil.ignore_patterns("chain"))
    (home / "network.json").write_bytes(encode_network(world.network))
    with open_deployment(read_settings({"GREENLANE_HOME": str(home)})) as deployment:
        deployment.enrol.member(
            center=LIMA,
            member=MemberId("cooperative"),
            name="Cooperativa",
            roles=frozenset({MemberRole.ENTERPRISE}),
            visibility=Visibility.PUBLIC,
            actor="console",
        )

        def take(first: int) -> None:
            deployment.capture(center=LIMA, member=MemberId("cooperative"), events=some_events(3, first=first), actor="console")
            while deployment.publish(LIMA) is not None:
                pass

        take(0)
        assert deployment.anchor(LIMA).step is AnchorStep.SUBMITTED
        world.chain.down = set(world.chain.founders[:2])
        stood_at = world.chain.head
        for first in (3, 6):
            take(first)
            world.chain.mine(2)
            assert deployment.anchor(LIMA).step is AnchorStep.WAITING
        health = deployment.ledger.health()
        assert health.head_number == stood_at
        assert datetime.now(UTC) - health.head_at < timedelta(minutes=5)
        world.chain.down = set()
        world.chain.mine()
        assert deployment.ledger.health().round == 4
        steps = []
        for _ in range(6):
            steps.append(deployment.anchor(LIMA).step)
            world.chain.mine()
        assert steps == [AnchorStep.SUBMITTED, *[AnchorStep.CURRENT] * 5]
    assert world.anchored_sizes() == [3, 9]
    assert world.chain.used_nonces(world.anchorer.address) == 2
    assert not world.chain.pool.replaced


# ---- sealed blocks ----


def seals(ledger: EvmLedger, size: int, after: int) -> Seals:
    return Seals(changes=ledger.set_changes(BlockNumber(after)).changes, anchored=ledger.sealed_anchor(LIMA, TreeSize(size)))


def verify(world: World, receipt: Seals, size: int) -> Any:
    network = world.network
    assert network.sealing is not None
    return verify_sealed_root(
        receipt,
        sealing=network.sealing,
        registry=network.pilot_registry,
        anchor_log=network.anchor_log,
        center=LIMA,
        tree_size=TreeSize(size),
        root=root(size),
    )


@pytest.mark.parametrize("mode", list(ValidatorMode))
def test_an_anchored_root_is_shown_by_the_validators_seals_alone(
    running: RunningNetwork, tmp_path: Path, mode: ValidatorMode
) -> None:
    for world in world_over(running, tmp_path, mode):
        ledger = world.ledger()
        world.drive(ledger, 3, 7)
        world.chain.next_round = 2
        world.chain.mine()
        for size in (3, 7):
            shown = verify(world, seals(ledger, size, 0), size)
            assert (shown.block_number, shown.round) == (world.chain.head, 2)
            assert (shown.seal_count, shown.validator_count) == (3, 3)
        with pytest.raises(ProofRefused):
            verify(world, replace(seals(ledger, 7, 0), anchored=ledger.sealed_anchor(LIMA, TreeSize(3))), 7)
        with pytest.raises(NotFound, match="tree size 4"):
            ledger.sealed_anchor(LIMA, TreeSize(4))


@pytest.mark.parametrize("mode", list(ValidatorMode))
def test_a_retirement_is_shown_by_the_validators_seals_alone(
    running: RunningNetwork, tmp_path: Path, mode: ValidatorMode
) -> None:
    retired, digest = sha256(b"a retirement"), sha256(b"its facts")
    for world in world_over(running, tmp_path, mode):
        assets = world.network.assets
        assert assets is not None and world.network.sealing is not None
        ledger = world.ledger()
        with pytest.raises(NotFound, match="holds no retirement 0x"):
            ledger.sealed_retirement(retired)
        slot = retirement_slot(retired)
        world.chain.anvil("anvil_setStorageAt", encode_hex(assets.green_asset), encode_hex(slot), encode_hex(digest))
        world.chain.mine()
        shown = verify_sealed_slot(
            Seals(changes=(), anchored=ledger.sealed_retirement(retired)),
            sealing=world.network.sealing,
            registry=world.network.pilot_registry,
            contract=assets.green_asset,
            slot=slot,
            value=digest,
        )
        assert (shown.block_number, shown.seal_count) == (world.chain.head, 3)
        bare = world.ledger(network=replace(world.network, assets=None))
        with pytest.raises(NotFound, match="no contracts of green assets"):
            bare.sealed_retirement(retired)


def test_a_change_of_the_registrys_set_is_followed_from_its_own_block(world: World) -> None:
    ledger = world.ledger()
    began = world.chain.head
    world.drive(ledger, 3)
    changed_at = world.act_as_operator(PilotRegistry.encode_rotate_validator(address_of(SUCCESSOR)))
    world.chain.mine(2)
    look = ledger.set_changes(BlockNumber(began))
    assert look.looked_to == world.chain.head
    assert [Header.decode(change.header).number for change in look.changes] == [changed_at]
    assert world.network.sealing is not None
    sets = follow(look.changes, world.network.sealing, world.network.pilot_registry).sets
    assert sets[-1].seals_from == changed_at + 1
    assert address_of(SUCCESSOR) in sets[-1].validators
    assert verify(world, seals(ledger, 3, began), 3).block_number == world.chain.head
    with pytest.raises(SealForeign):
        verify(world, Seals(changes=(), anchored=ledger.sealed_anchor(LIMA, TreeSize(3))), 3)
    assert ledger.set_changes(look.looked_to).changes == ()
    assert ledger.set_changes(BlockNumber(10_000)).looked_to == 10_000


def test_changes_are_looked_for_in_windows_that_besu_answers_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sealed.LOG_BLOCKS <= 5_000
    monkeypatch.setattr(sealed, "LOG_BLOCKS", 3)
    monkeypatch.setattr(sealed, "_LOG_WINDOWS", 2)
    ledger = world.ledger()
    began = world.chain.head
    world.chain.mine(7)
    changed_at = world.act_as_operator(PilotRegistry.encode_rotate_validator(address_of(SUCCESSOR)))
    looked: list[tuple[int, int]] = []
    at = began
    for _ in range(5):
        look = ledger.set_changes(BlockNumber(at))
        at = look.looked_to
        looked.append((at, len(look.changes)))
    assert looked[:2] == [(began + 6, 0), (changed_at, 1)]
    assert world.node.refused == []


def test_one_look_brings_no_more_changes_than_it_may_and_the_next_goes_on(
    header_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealed, "MAX_SET_CHANGES", 1)
    world = header_world
    founders = world.chain.founders
    for members in ((*founders, address_of(SUCCESSOR)), founders):
        world.chain.elect(members)
        world.chain.mine()
    ledger = world.ledger()
    first = ledger.set_changes(BlockNumber(1))
    second = ledger.set_changes(first.looked_to)
    assert [len(first.changes), len(second.changes)] == [1, 1]
    assert (first.looked_to, second.looked_to) == (world.chain.head - 1, world.chain.head)


def test_a_validator_that_votes_added_and_dropped_again_is_seen_in_headers(
    header_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = header_world
    ledger = world.ledger()
    world.drive(ledger, 3)
    founders = world.chain.founders
    numbers = []
    for members in ((*founders, address_of(SUCCESSOR)), founders):
        world.chain.elect(members)
        numbers.append(world.chain.mine())
        world.chain.mine()
    monkeypatch.setattr(sealed, "_HEADERS_AT_ONCE", 2)
    look = ledger.set_changes(BlockNumber(0))
    assert [Header.decode(change.header).number for change in look.changes] == numbers
    assert look.looked_to == world.chain.head
    assert verify(world, Seals(changes=look.changes, anchored=ledger.sealed_anchor(LIMA, TreeSize(3))), 3)
    monkeypatch.setattr(sealed, "WALKED_BLOCKS", 2)
    assert ledger.set_changes(BlockNumber(0)).looked_to == 2
    assert "eth_getLogs" not in world.node.asked
    assert world.node.refused == []


def test_a_node_without_old_states_is_told_with_what_to_ask_instead(world: World) -> None:
    ledger = world.ledger()
    began = world.chain.head
    world.act_as_operator(PilotRegistry.encode_rotate_validator(address_of(SUCCESSOR)))
    world.chain.mine(5)
    world.node.state_blocks = 2
    with pytest.raises(LedgerUnavailable, match="not its state") as caught:
        ledger.set_changes(BlockNumber(began))
    assert "FOREST" in str(caught.value.remedy)
    world.node.state_blocks = None
    assert len(ledger.set_changes(BlockNumber(began)).changes) == 1


def test_changes_before_a_missing_state_are_brought_and_the_next_look_says_what_is_missing(world: World) -> None:
    ledger = world.ledger()
    began = world.chain.head
    tianjin = replace(world, operator=world.running.keystore().account("tianjin-operator", KeyUse.OPERATOR))
    first = world.act_as_operator(PilotRegistry.encode_rotate_validator(address_of(SUCCESSOR)))
    second = tianjin.act_as_operator(PilotRegistry.encode_rotate_validator(address_of(SUCCESSOR[::-1])))

    def proof(params: list[Any]) -> Any:
        is_gone = int(params[2], 16) == second
        return RpcError(-32000, "World state unavailable") if is_gone else world.chain.ask_anvil("eth_getProof", params)

    world.node.scripted["eth_getProof"] = proof
    look = ledger.set_changes(BlockNumber(began))
    assert [Header.decode(change.header).number for change in look.changes] == [first]
    assert look.looked_to == second - 1
    with pytest.raises(LedgerUnavailable, match="not its state"):
        ledger.set_changes(look.looked_to)
    del world.node.scripted["eth_getProof"]
    assert len(ledger.set_changes(look.looked_to).changes) == 1


def test_a_header_that_has_not_the_hash_that_the_node_says_is_refused(world: World) -> None:
    ledger = world.ledger()
    world.drive(ledger, 3)
    block = world.chain.block(world.chain.head)
    for lie in (
        {"hash": "0x" + "11" * 32},
        {"stateRoot": "0x" + "11" * 32},
        {"extraData": "0x"},
        {"baseFeePerGas": None},
        {"number": "0x01"},
    ):
        world.node.scripted["eth_getBlockByNumber"] = {**block, **lie}
        with pytest.raises(LedgerMismatch):
            ledger.sealed_anchor(LIMA, TreeSize(3))


NO_PROOFS: list[Any] = [
    None,
    [],
    {},
    {"storageProof": []},
    {"storageProof": [{}]},
    {"storageProof": [{"value": "x", "proof": []}]},
    {"storageProof": [{"value": "0x1", "proof": "no"}], "accountProof": []},
    {"storageProof": [{"value": "0x1", "proof": ["no"]}], "accountProof": []},
    {"storageProof": [{"value": "0x1" + "0" * 64, "proof": []}], "accountProof": []},
]


@pytest.mark.parametrize("proof", NO_PROOFS, ids=json.dumps)
def test_a_proof_that_is_none_is_an_error_with_a_name(world: World, proof: Any) -> None:
    ledger = world.ledger()
    world.node.scripted["eth_getProof"] = proof
    with pytest.raises((LedgerMismatch, LedgerUnavailable)):
        ledger.sealed_anchor(LIMA, TreeSize(3))


def test_logs_of_sending_name_transactions_and_nothing_secret(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "greenlane")
    world.drive(world.ledger(), 3)
    assert "transaction.settled" in caplog.messages
    assert world.anchorer.key.hex().removeprefix("0x") not in caplog.text
