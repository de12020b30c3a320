"""One node among several lies: what it says is not kept, nothing halts for good, and whoever contradicts it is heard."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import rlp  # type: ignore[import-untyped]
from eth_account.signers.local import LocalAccount
from greenlane.adapters.evm.bindings import AnchorLog
from greenlane.adapters.evm.ledger import ANCHOR_GAS, EvmLedger
from greenlane.adapters.evm.nodes import Nodes, is_shown
from greenlane.adapters.keystore import KeyUse
from greenlane.adapters.sql.store import SqlStore
from greenlane.core.errors import ProofRefused
from greenlane.core.merkle import consistency_proof, leaf_hash, root_of
from greenlane.core.sealing import verify_sealed_root
from greenlane.core.seals import SealedState, Sealing, ValidatorMode, ValidatorSet
from greenlane.core.units import Address, BlockNumber, ChainId, TreeSize, TxHash
from greenlane.core.wire import encode_hex
from greenlane.ports.ledger import LedgerMismatch, LedgerUnavailable, SetChanges
from greenlane.ports.outbox import OutboxRow, OutboxState, SignedTransaction
from greenlane.services.seal import ChangeHidden, Seal
from greenlane_node.embedded.network import EmbeddedNetwork, RunningNetwork
from web3 import Web3
from worlds.besu_rpc import BesuChain, BesuNode, RpcError, besu_over, described
from worlds.deployment import LIMA, World, close_world, make_world, sealed_chain
from worlds.machine import free_port
from worlds.sealed_chain import SealedChain

LEAVES = tuple(leaf_hash(bytes([number]) * 65) for number in range(16))
FAR = 10_000_000


@pytest.fixture(params=list(ValidatorMode))
def sealed_world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A world whose chain is sealed by four validators, in both modes."""
    made = make_world(tmp_path, sealed=sealed_chain(request.param))
    made.ledger.mine()
    yield made
    close_world(made)


def parts(world: World) -> tuple[Seal, SealedChain]:
    assert world.seal is not None
    assert world.ledger.sealed is not None
    return world.seal, world.ledger.sealed


def truth(chain: SealedChain) -> list[tuple[int, int]]:
    return [(one.seals_from, len(one.validators)) for one in chain.sets]


def stored(seal: Seal) -> list[tuple[int, int]]:
    return [(one.seals_from, len(one.validators)) for one in seal.sealing().sets]


# ---- the validator set ----


def add_unseen(chain: SealedChain, number: int) -> int:
    """Makes one more member a validator by blocks that bear no seal of it; the block that changes the set."""
    old = chain.sets[-1].validators
    new = (*old, chain.member(number))
    if chain.mode is ValidatorMode.HEADER:
        new = tuple(sorted(new))
        chain._note_change(new, chain.head.number + 1, changed_in=BlockNumber(chain.head.number + 1))
        chain.block(sealers=old, miner=old[0])
    else:
        chain._write_set(new)
        chain._note_change(new, chain.block(sealers=old[:4], miner=old[0]).number + 1, changed_in=chain.head.number)
    return chain.head.number


def test_a_hidden_change_whose_validator_seals_nothing_poisons_nothing(sealed_world: World) -> None:
    world = sealed_world
    seal, chain = parts(world)
    world.take(1)
    world.settle()
    first = add_unseen(chain, 10)
    chain.block(sealers=chain.sets[0].validators, miner=chain.sets[0].validators[1])
    second = add_unseen(chain, 11)
    chain.blocks(2)
    world.ledger.block_number = chain.head.number
    honest = world.ledger.set_changes

    def hiding(after: BlockNumber, *, turn: int = 0) -> SetChanges:
        look = honest(after)
        if turn % 2:
            return look
        shown = {first - 1, first, second - 1, second, chain.head.number}
        between = tuple(chain.change(number) for number in sorted(shown - {first, second}))
        return SetChanges(changes=(chain.change(second),), between=between, looked_to=look.looked_to)

    world.ledger.set_changes = hiding  # type: ignore[method-assign]
    with pytest.raises(ProofRefused):
        seal.follow()
    assert stored(seal) == [(1, 4)]
    assert seal.follow() == 2
    assert stored(seal) == truth(chain)
    seal(LIMA)
    with world.store.read() as tx:
        state = tx.seals.sealed(LIMA, tx.seals.newest_sealed(LIMA))
    assert state is not None
    assert world.fsck().faults == []


@pytest.mark.parametrize("is_shown_by", ["nothing", "an older block", "the block alone"])
def test_a_change_is_not_kept_where_the_block_before_it_is_not_shown(sealed_world: World, is_shown_by: str) -> None:
    world = sealed_world
    seal, chain = parts(world)
    first, second = add_unseen(chain, 10), add_unseen(chain, 11)
    chain.blocks(1)
    assert first < second
    shown: dict[str, tuple[SealedState, ...]] = {
        "nothing": (),
        "an older block": (chain.change(first - 1),),
        "the block alone": (chain.change(chain.head.number),),
    }
    look = SetChanges(changes=(chain.change(second),), between=shown[is_shown_by], looked_to=chain.head.number)
    world.ledger.set_changes = lambda after, *, turn=0: look  # type: ignore[method-assign]
    with pytest.raises(ProofRefused):
        seal.follow()
    assert (stored(seal), seal.followed().block) == ([(1, 4)], 0)


def test_a_node_that_claims_to_have_looked_further_than_the_chain_goes_is_not_believed(sealed_world: World) -> None:
    world = sealed_world
    seal, chain = parts(world)
    honest = world.ledger.set_changes
    for between in ((), (chain.change(chain.head.number),)):
        far = SetChanges(changes=(), between=between, looked_to=BlockNumber(100_000))
        world.ledger.set_changes = lambda after, *, turn=0, far=far: far  # type: ignore[method-assign, misc]
        with pytest.raises(ChangeHidden, match="100000"):
            seal.follow()
        assert seal.followed().block == 0
    world.ledger.set_changes = honest  # type: ignore[method-assign]
    world.ledger.change_validators(5)
    world.ledger.mine()
    assert seal.follow() == 1
    assert (stored(seal), seal.followed().block) == (truth(chain), chain.head.number)


def test_receipts_past_a_change_that_was_hidden_verify_for_whoever_knows_the_first_set(sealed_world: World) -> None:
    world = sealed_world
    seal, chain = parts(world)
    world.ledger.change_validators(5)
    world.ledger.hides_changes = True
    with pytest.raises(ProofRefused):
        seal.follow()
    world.ledger.hides_changes = False
    world.ledger.change_validators(6)
    world.take(1)
    world.settle()
    seal(LIMA)
    with world.store.read() as tx:
        (anchor,) = tx.log.anchors(LIMA, above=0, limit=1)  # type: ignore[arg-type]
    trust = world.ledger.trust_file
    verify_sealed_root(
        chain.seals(LIMA, anchor.tree_size),
        sealing=seal.sealing(),
        registry=trust.pilot_registry,
        anchor_log=trust.anchor_log,
        center=LIMA,
        tree_size=anchor.tree_size,
        root=anchor.root,
    )
    assert stored(seal) == truth(chain)


# ---- what an account has sent ----


@dataclass
class Chain:
    """A chain of Besu nodes, the first of which lies when it is told to; one store, one anchorer."""

    running: RunningNetwork
    besu: BesuChain
    anchorer: LocalAccount
    store: SqlStore
    nodes: list[BesuNode]
    is_sealed: bool = True
    ahead: timedelta = field(default=timedelta(0))

    @property
    def liar(self) -> BesuNode:
        return self.nodes[0]

    @property
    def signer(self) -> Address:
        return Address(bytes.fromhex(self.anchorer.address[2:]))

    def ledger(self) -> EvmLedger:
        network = described(self.running.network, self.besu)
        if not self.is_sealed:
            network = replace(network, sealing=None)
        return EvmLedger(network, store=self.store, anchorers={LIMA: self.anchorer}, clock=lambda: datetime.now(UTC) + self.ahead)

    def submit(self, ledger: EvmLedger, size: int) -> TxHash:
        proof = consistency_proof(LEAVES[:size], ledger.anchored_head(LIMA).tree_size)
        return ledger.submit_anchor(LIMA, TreeSize(size), root_of(LEAVES[:size]), proof)

    def drive(self, ledger: EvmLedger, size: int) -> None:
        """Repeats what the worker does until the chain holds that size."""
        for _ in range(12):
            try:
                if ledger.is_in_flight(LIMA):
                    self.besu.mine()
                elif ledger.anchored_head(LIMA).tree_size < size:
                    self.submit(ledger, size)
                else:
                    return
            except LedgerUnavailable:
                continue
        raise AssertionError(f"{size} is never anchored: {self.rows()}")

    @property
    def chain_id(self) -> ChainId:
        return ChainId(self.besu.chain_id)

    def rows(self) -> list[tuple[int, OutboxState]]:
        with self.store.read() as tx:
            return [(row.nonce, row.state) for row in tx.outbox.from_nonce(self.chain_id, self.signer, 0)]

    def anchored_sizes(self) -> list[int]:
        place = Web3.to_checksum_address(self.running.network.anchor_log)
        logs = Web3(Web3.HTTPProvider(self.running.rpc_url)).eth.get_logs({"address": place, "fromBlock": 0})
        return [event.tree_size for event in map(AnchorLog.anchored_event, logs) if event is not None]

    def keep(self, size: int, *, nonce: int, gas: int = ANCHOR_GAS) -> OutboxRow:
        """Keeps an anchor as a sender did that had believed a lie."""
        data = AnchorLog.encode_anchor(LIMA, TreeSize(size), root_of(LEAVES[:size]), [])

        def sign(nonce: int) -> SignedTransaction:
            signed = self.anchorer.sign_transaction(
                {
                    "chainId": self.besu.chain_id,
                    "nonce": nonce,
                    "gas": gas,
                    "gasPrice": 0,
                    "value": 0,
                    "to": Web3.to_checksum_address(self.running.network.anchor_log),
                    "data": Web3.to_hex(data),
                }
            )
            return SignedTransaction(tx_hash=TxHash(bytes(signed.hash)), raw=bytes(signed.raw_transaction))

        with self.store.write() as tx:
            tx.outbox.skip_to(self.chain_id, self.signer, nonce)
            return tx.outbox.add(
                chain_id=self.chain_id,
                signer=self.signer,
                nonce=nonce,
                purpose=f"anchor:lima:{size}",
                sign=sign,
                at=datetime.now(UTC),
            )


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNetwork]:
    with EmbeddedNetwork.start(tmp_path_factory.mktemp("network"), port=free_port()) as network:
        yield network


@pytest.fixture
def make(running: RunningNetwork, tmp_path: Path) -> Iterator[Callable[[int], Chain]]:
    besu = besu_over(running)
    snapshot = besu.anvil("evm_snapshot")
    store = SqlStore(f"sqlite:///{tmp_path / 'store.sqlite'}")
    store.migrate()
    anchorer = running.keystore().account("lima-anchorer", KeyUse.ANCHORER)
    yield lambda count: Chain(running, besu, anchorer, store, [besu.add_node() for _ in range(count)])
    store.close()
    besu.anvil("evm_revert", snapshot)
    besu.close()


Make = Callable[[int], Chain]


@pytest.mark.chain
@pytest.mark.parametrize("lie", [0, FAR, 2**70])
@pytest.mark.parametrize("count", [2, 3])
def test_one_node_that_lies_about_the_nonce_is_not_believed(make: Make, count: int, lie: int) -> None:
    chain = make(count)
    ledger = chain.ledger()
    chain.drive(ledger, 3)
    chain.liar.scripted["eth_getTransactionCount"] = hex(lie)
    chain.drive(ledger, 5)
    assert chain.rows() == [(0, OutboxState.DONE), (1, OutboxState.DONE)]
    assert chain.anchored_sizes() == [3, 5]


@pytest.mark.chain
@pytest.mark.parametrize("lie", [0, FAR])
def test_where_nothing_is_sealed_two_of_three_nodes_are_believed(make: Make, lie: int) -> None:
    chain = make(3)
    chain.is_sealed = False
    ledger = chain.ledger()
    chain.drive(ledger, 3)
    chain.liar.scripted["eth_getTransactionCount"] = hex(lie)
    chain.drive(ledger, 5)
    assert (chain.rows(), chain.anchored_sizes()) == ([(0, OutboxState.DONE), (1, OutboxState.DONE)], [3, 5])


@pytest.mark.chain
def test_a_node_that_shows_no_proof_gets_no_more_belief_than_others(make: Make) -> None:
    chain = make(3)
    ledger = chain.ledger()
    chain.drive(ledger, 3)
    chain.liar.scripted |= {"eth_getTransactionCount": hex(FAR), "eth_getProof": RpcError(-32000, "World state unavailable")}
    chain.drive(ledger, 5)
    old = chain.besu.block(chain.besu.head)
    chain.besu.mine(6)
    honest = chain.liar.answer
    del chain.liar.scripted["eth_getProof"]

    def outdated(params: list[Any]) -> Any:
        if params[0] == "latest":
            return old
        return chain.besu.block(int(params[0], 16))

    chain.liar.scripted["eth_getBlockByNumber"] = outdated
    assert honest("eth_getBlockByNumber", ["latest", False]) == old
    chain.drive(chain.ledger(), 7)
    assert chain.rows() == [(number, OutboxState.DONE) for number in range(3)]


@pytest.mark.chain
def test_a_word_alone_moves_our_record_no_further_than_a_thousand(make: Make) -> None:
    chain = make(1)
    ledger = chain.ledger()
    chain.drive(ledger, 3)
    chain.liar.scripted["eth_getTransactionCount"] = hex(FAR)
    with pytest.raises(LedgerMismatch, match=str(FAR)) as caught:
        chain.submit(ledger, 5)
    assert "greenlane-node doctor" in str(caught.value.remedy)
    assert chain.rows() == [(0, OutboxState.DONE)]
    chain.liar.scripted["eth_getTransactionCount"] = hex(900)
    with pytest.raises(LedgerUnavailable, match="distant"):
        chain.submit(ledger, 5)
    del chain.liar.scripted["eth_getTransactionCount"]
    chain.drive(ledger, 5)
    assert (chain.rows(), chain.anchored_sizes()) == ([(0, OutboxState.DONE), (1, OutboxState.DONE)], [3, 5])


@pytest.mark.chain
@pytest.mark.parametrize("count", [1, 2])
def test_what_was_kept_with_a_nonce_that_is_never_reached_is_signed_anew(
    make: Make, count: int, caplog: pytest.LogCaptureFixture
) -> None:
    chain = make(count)
    kept = chain.keep(3, nonce=FAR)
    chain.drive(chain.ledger(), 5)
    assert chain.rows() == [(0, OutboxState.DONE), (1, OutboxState.DONE)]
    assert chain.anchored_sizes() == [3, 5]
    (told,) = [record for record in caplog.records if record.message == "transaction.signed_anew"]
    assert (told.replaces, told.replaces_nonce) == (encode_hex(kept.tx_hash), FAR)  # type: ignore[attr-defined]


# ---- gas ----


@pytest.mark.chain
@pytest.mark.parametrize("gas", [2**61, 21_000])
def test_what_was_kept_with_gas_that_no_node_takes_is_signed_anew_with_the_same_nonce(make: Make, gas: int) -> None:
    chain = make(2)
    chain.keep(3, nonce=0, gas=gas)
    intrinsic = RpcError(-32003, "Intrinsic gas exceeds gas limit")
    for node in chain.nodes:
        take = node.answer

        def refusing(method: str, params: list[Any], take: Callable[[str, list[Any]], Any] = take) -> Any:
            if method == "eth_sendRawTransaction" and gas_of(params[0]) < 50_000:
                raise intrinsic
            return take(method, params)

        node.answer = refusing  # type: ignore[method-assign]
    chain.drive(chain.ledger(), 5)
    assert (chain.rows(), chain.anchored_sizes()) == ([(0, OutboxState.DONE), (1, OutboxState.DONE)], [3, 5])


def gas_of(raw: str) -> int:
    return int.from_bytes(rlp.decode(bytes.fromhex(raw[2:]))[2], "big")


@pytest.mark.chain
def test_a_lie_about_gas_is_not_signed(make: Make) -> None:
    chain = make(2)

    def boundless(params: list[Any]) -> Any:
        number = chain.besu.head if params[0] == "latest" else int(params[0], 16)
        return {**chain.besu.block(number), **({"gasLimit": hex(2**62)} if params[0] == "latest" else {})}

    chain.liar.scripted |= {"eth_estimateGas": hex(2**61), "eth_getBlockByNumber": boundless}
    chain.drive(chain.ledger(), 3)
    assert (chain.rows(), chain.anchored_sizes()) == ([(0, OutboxState.DONE)], [3])


# ---- who takes what is sent ----


@pytest.mark.chain
@pytest.mark.parametrize("words", ["Wrong chainId", "Sender account not authorized to send transactions", "Internal error"])
def test_a_node_that_takes_nothing_is_passed_over(make: Make, words: str) -> None:
    chain = make(2)
    chain.liar.scripted["eth_sendRawTransaction"] = RpcError(-32000, words)
    chain.drive(chain.ledger(), 3)
    assert chain.anchored_sizes() == [3]


@pytest.mark.chain
def test_what_a_node_lets_lie_is_handed_to_another_after_a_minute(make: Make) -> None:
    chain = make(2)
    chain.liar.has_peers = False
    ledger = chain.ledger()
    chain.submit(ledger, 3)
    assert ledger.is_in_flight(LIMA)
    assert not chain.besu.pool.waiting
    chain.ahead = timedelta(seconds=61)
    assert ledger.is_in_flight(LIMA)
    assert len(chain.besu.pool.waiting) == 1
    chain.drive(ledger, 3)
    assert chain.rows() == [(0, OutboxState.DONE)]


# ---- how high the chain is ----


def test_a_block_shows_itself_by_one_seal_more_than_validators_may_lie() -> None:
    chain = SealedChain(validators=7)
    members, stranger = chain.members(7), chain.member(20)
    of_later = Sealing(mode=chain.mode, sets=(replace(chain.sets[0], seals_from=BlockNumber(2)),))
    header = chain.block()
    for sealers, expected in (
        (members[:3], True),
        ((*members[:3], stranger), True),
        (members[:2], False),
        ((*members[:2], members[0], stranger), False),
        ((), False),
    ):
        assert is_shown(chain.sealed(header, sealers), chain.sealing()) == expected
    assert not is_shown(header, of_later), "nobody knows who sealed it"
    assert not is_shown(replace(header, extra=replace(header.extra, seals=(bytes(65),) * 7)), chain.sealing())


def claiming(chain: BesuChain, height: int, **lies: Any) -> Callable[[list[Any]], Any]:
    """The chain's own blocks, and as the newest one that nobody sealed."""

    def block(params: list[Any]) -> Any:
        if params[0] != "latest":
            return chain.block(int(params[0], 16))
        return {**chain.block(chain.head), "number": hex(height), **lies}

    return block


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.chain
@pytest.mark.parametrize("is_sealed", [True, False])
def test_a_node_that_claims_a_far_head_does_not_lead_and_locks_nobody_out(make: Make, is_sealed: bool) -> None:
    chain = make(3)
    besu, network = chain.besu, chain.running.network
    besu.mine(3)
    liar = chain.liar
    liar.scripted |= {
        "eth_blockNumber": hex(10**9),
        "eth_getBlockByNumber": claiming(besu, 10**9, timestamp=hex(253_402_300_799)),
        "eth_gasPrice": "0xdead",
    }
    clock = Clock()
    nodes = Nodes(
        [node.url for node in chain.nodes],
        chain_id=network.chain_id,
        genesis_hash=besu.genesis_hash,
        pilot_registry=network.pilot_registry,
        anchor_log=network.anchor_log,
        timeout_s=2.0,
        monotonic=clock,
        sealing=lambda: besu.sealing if is_sealed else None,
    )
    survey = nodes.survey()
    assert [head.number for head in survey.heads] == [besu.head, besu.head, 10**9]
    for _ in range(3):
        assert nodes.ask(lambda web3: web3.eth.gas_price) == 0
    for node in chain.nodes[1:]:
        node.is_away = True
    assert nodes.ask(lambda web3: web3.eth.gas_price) == 0xDEAD, "the last one that answers is asked"
    for node in chain.nodes[1:]:
        node.is_away = False
    liar.is_away = True
    assert nodes.ask(lambda web3: web3.eth.gas_price) == 0, "nobody is locked out by what it said"


@pytest.mark.chain
@pytest.mark.parametrize("is_sealed", [True, False])
def test_a_node_that_claims_a_younger_head_does_not_make_the_others_old(make: Make, is_sealed: bool) -> None:
    chain = make(3)
    besu = chain.besu
    besu.mine()
    chain.is_sealed = is_sealed
    later = int(besu.block(besu.head)["timestamp"], 16) + 600
    chain.liar.scripted |= {
        "eth_blockNumber": hex(besu.head + 2),
        "eth_getBlockByNumber": claiming(besu, besu.head + 2, timestamp=hex(later)),
        "eth_getTransactionCount": hex(FAR),
    }
    ledger = chain.ledger()
    chain.drive(ledger, 3)
    assert chain.rows() == [(0, OutboxState.DONE)]
    if is_sealed:
        assert ledger.health().head_number == besu.head


@pytest.mark.chain
def test_a_block_from_the_future_is_a_fault_of_its_node_unless_all_are_there(make: Make) -> None:
    chain = make(2)
    besu, network = chain.besu, chain.running.network
    besu.mine(2)
    head = besu.head
    at = int(besu.block(head)["timestamp"], 16)
    chain.liar.scripted["eth_getBlockByNumber"] = claiming(besu, head, timestamp=hex(at + 5_000))

    def look(now: float) -> list[str]:
        nodes = Nodes(
            [node.url for node in chain.nodes],
            chain_id=network.chain_id,
            genesis_hash=besu.genesis_hash,
            pilot_registry=network.pilot_registry,
            anchor_log=network.anchor_log,
            timeout_s=2.0,
            now=lambda: now,
        )
        return [each.node for each in nodes.survey().heads]

    urls = [node.url for node in chain.nodes]
    assert look(at + 1.0) == urls[::-1]
    assert look(at - 10_000.0) == urls


@pytest.mark.chain
def test_a_node_that_stands_still_does_not_hold_back_one_whose_blocks_new_validators_seal(make: Make) -> None:
    chain = make(2)
    besu = chain.besu
    besu.mine(6)
    chain.liar.lag = 5
    founders = besu.founders
    known = Sealing(
        mode=ValidatorMode.CONTRACT,
        sets=(ValidatorSet(seals_from=BlockNumber(1), validators=(*founders[1:], Address(bytes(range(20))))),),
    )
    network = replace(described(chain.running.network, besu), sealing=known)
    ledger = EvmLedger(network, store=chain.store, anchorers={}, clock=lambda: datetime.now(UTC))
    assert ledger.health().head_number == besu.head
    began = time.monotonic()
    ledger.anchored_head(LIMA)
    assert time.monotonic() - began < 2
    assert "eth_call" not in chain.liar.asked[-1:]
