"""What sealing promises: only what verifies is kept, whatever a node brings, and what was missed is found again."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from greenlane.core.errors import GreenlaneError, ProofRefused
from greenlane.core.header import Header
from greenlane.core.sealing import SealsTooFew
from greenlane.core.seals import MAX_VALIDATOR_SETS, MAX_VALIDATORS, SealedState, ValidatorMode
from greenlane.core.trust import MAX_TRUST_FILE_BYTES, encode_trust_file
from greenlane.core.units import Address, BlockNumber, TreeSize
from greenlane.ports import seals as ports
from greenlane.ports.ledger import LedgerUnavailable
from greenlane.services.seal import Followed, Seal
from worlds.deployment import LIMA, TIANJIN, World, close_world, make_world, sealed_chain
from worlds.storms import BreakingStore, Crash

BOTH = list(ValidatorMode)


@pytest.fixture(params=BOTH)
def sealed_world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A world whose chain is sealed by four validators, in both modes."""
    made = make_world(tmp_path, sealed=sealed_chain(request.param))
    made.ledger.mine()
    yield made
    close_world(made)


def seal_of(world: World) -> Seal:
    assert world.seal is not None
    return world.seal


def kept(world: World) -> list[int]:
    """Tree sizes of Lima's anchors that have a sealed block."""
    with world.store.read() as tx:
        anchors = tx.log.anchors(LIMA, above=TreeSize(0), limit=100)
        return [one.tree_size for one in anchors if tx.seals.sealed(LIMA, one.tree_size) is not None]


def sets(world: World) -> list[tuple[int, int]]:
    """First blocks and sizes of all sets that count."""
    return [(one.seals_from, len(one.validators)) for one in seal_of(world).sealing().sets]


def test_every_anchor_gets_the_newest_sealed_block_once(sealed_world: World) -> None:
    world, seal = sealed_world, seal_of(sealed_world)
    assert seal(LIMA).is_current
    for number in range(3):
        world.take(2, first=2 * number)
        world.settle()
    world.take(1, center=TIANJIN)
    world.settle(TIANJIN)
    assert (seal(LIMA).kept, kept(world)) == (3, [2, 4, 6])
    asked = len(world.ledger.asked)
    outcome = seal(LIMA)
    assert (outcome.kept, outcome.is_current, len(world.ledger.asked)) == (0, True, asked), "a node is asked for nothing twice"
    with world.store.read() as tx:
        before = tx.seals.sealed(LIMA, TreeSize(2))
        assert tx.seals.sealed(TIANJIN, TreeSize(1)) is None
    world.ledger.mine()
    seal(LIMA)
    with world.store.read() as tx:
        assert tx.seals.sealed(LIMA, TreeSize(2)) == before
    assert world.fsck().faults == []


def test_a_call_seals_a_batch_and_the_newest_anchors_first(sealed_world: World) -> None:
    world = sealed_world
    for number in range(5):
        world.take(1, first=number)
        world.settle()
    batched = Seal(store=world.store, ledger=world.ledger, chain=chain_of(world), max_batch=2)
    outcomes = [batched(LIMA) for _ in range(3)]
    assert [(each.kept, each.is_current) for each in outcomes] == [(2, False), (2, False), (1, True)]
    assert kept(world) == [1, 2, 3, 4, 5]


def chain_of(world: World) -> ports.SealedChain:
    trust = world.ledger.trust_file
    return ports.SealedChain(
        chain_id=trust.chain_id,
        pilot_registry=trust.pilot_registry,
        anchor_log=trust.anchor_log,
        sealing=world.ledger.sealing(),
    )


def test_validators_are_followed_through_every_change_and_the_trust_file_names_them(sealed_world: World) -> None:
    world, seal = sealed_world, seal_of(sealed_world)
    for count in (5, 6, 5, 4):
        world.take(1, first=count)
        world.settle()
        world.ledger.change_validators(count)
        world.ledger.mine(round=1)
    world.gather_seals()
    chain = world.ledger.sealed
    assert chain is not None
    assert seal.sealing() == replace(chain.sealing(), sets=tuple(chain.sets))
    assert seal.followed().block == chain.head.number
    assert world.watch_keys().sealing == seal.sealing()
    assert seal.follow() == 0
    assert world.fsck().faults == []


def test_a_trust_file_names_as_many_of_the_newest_sets_as_it_has_room_for(
    sealed_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, seal = sealed_world, seal_of(sealed_world)
    for turn in range(6):
        world.ledger.change_validators(5 + turn % 2)
    seal.follow()
    whole = seal.followed().sealing
    for characters, expected in ((10_000, 7), (700, 2), (1, 1)):
        monkeypatch.setattr("greenlane.services.seal._TRUST_FILE_CHARACTERS", characters)
        assert seal.sealing().sets == whole.sets[-expected:]
    monkeypatch.undo()
    many = ports.extended(whole, [replace(whole.sets[0], seals_from=BlockNumber(1_000 + n)) for n in range(MAX_VALIDATOR_SETS)])
    hundred = tuple(Address(bytes([n]) * 20) for n in range(MAX_VALIDATORS))
    huge = replace(many, sets=tuple(replace(one, validators=hundred) for one in many.sets))
    monkeypatch.setattr(seal, "followed", lambda: Followed(sealing=huge, block=BlockNumber(0)))
    trust = replace(world.ledger.trust_file, sealing=seal.sealing())
    assert len(encode_trust_file(trust)) < MAX_TRUST_FILE_BYTES // 2


def test_many_blocks_are_looked_through_a_stretch_at_a_time(sealed_world: World) -> None:
    world, seal = sealed_world, seal_of(sealed_world)
    world.ledger.reach = 3
    for count in (5, 4, 5):
        world.ledger.change_validators(count)
        for _ in range(20):
            world.ledger.mine()
    counts = [seal.follow() for _ in range(3)]
    assert sum(counts) == 3
    assert seal.followed().block == world.ledger.block_number
    assert [size for _, size in sets(world)] == [4, 5, 4, 5]


def test_what_was_set_up_with_newer_validators_begins_to_look_there(sealed_world: World) -> None:
    world = sealed_world
    world.ledger.change_validators(5)
    chain = world.ledger.sealed
    assert chain is not None
    known = replace(chain_of(world), sealing=chain.sealing(known_to=chain.head.number))
    seal = Seal(store=world.store, ledger=world.ledger, chain=known)
    assert seal.follow() == 0
    assert seal.sealing() == known.sealing
    world.ledger.change_validators(4)
    assert seal.follow() == 1


def _unsealed(world: World, state: SealedState) -> SealedState:
    header = Header.decode(state.header)
    chain = world.ledger.sealed
    assert chain is not None
    few = chain.sealed(header, chain.set_of(header.number)[:2])
    return replace(state, header=few.encode())


def test_a_block_with_too_few_seals_halts_sealing_by_name_and_keeps_the_others(sealed_world: World) -> None:
    world, seal = sealed_world, seal_of(sealed_world)
    for number in range(3):
        world.take(1, first=number)
        world.settle()
    state = world.ledger.sealed_anchor(LIMA, TreeSize(2))
    world.ledger.bent_states[LIMA, TreeSize(2)] = _unsealed(world, state)
    for _ in range(2):
        with pytest.raises(SealsTooFew):
            seal(LIMA)
        assert kept(world) == [1, 3]
    world.take(1, first=3)
    world.settle()
    assert world.fsck().faults == [], "anchoring goes on"
    world.ledger.bent_states.clear()
    world.gather_seals()
    assert kept(world) == [1, 2, 3, 4]


def test_no_bit_of_what_a_node_brings_may_be_another(sealed_world: World) -> None:
    world, seal = sealed_world, seal_of(sealed_world)
    world.take(1)
    world.settle()
    good = world.ledger.sealed_anchor(LIMA, TreeSize(1))
    bent = [replace(good, header=_flip(good.header, at)) for at in range(0, len(good.header), 41)]
    for place, node in enumerate(good.witness):
        for at in range(0, len(node), 97):
            witness = (*good.witness[:place], _flip(node, at), *good.witness[place + 1 :])
            bent.append(replace(good, witness=witness))
    bent += [replace(good, witness=good.witness[:-1]), replace(good, witness=(*good.witness, b"\xc0"))]
    for state in bent:
        world.ledger.bent_states[LIMA, TreeSize(1)] = state
        with pytest.raises(GreenlaneError):
            seal(LIMA)
        assert kept(world) == []
    assert sets(world) == [(1, 4)]


def _flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_a_change_that_the_set_before_did_not_make_is_refused_and_those_before_it_stay(sealed_world: World) -> None:
    world, seal = sealed_world, seal_of(sealed_world)
    chain = world.ledger.sealed
    assert chain is not None
    world.ledger.change_validators(5)
    world.ledger.change_validators(6)
    second = chain.change_blocks[1]
    world.ledger.bent_states[second] = _unsealed(world, chain.change(second))
    for _ in range(2):
        with pytest.raises(ProofRefused):
            seal.follow()
        assert [size for _, size in sets(world)] == [4, 5]
    world.take(1)
    world.settle()
    with pytest.raises(ProofRefused):
        seal(LIMA)
    assert kept(world) == []
    world.ledger.bent_states.clear()
    world.gather_seals()
    assert (kept(world), [size for _, size in sets(world)]) == ([1], [4, 5, 6])


def test_a_change_that_a_node_hides_stops_the_look_before_it_and_another_node_shows_it(sealed_world: World) -> None:
    world, seal = sealed_world, seal_of(sealed_world)
    world.ledger.reach = 4
    world.ledger.change_validators(6)
    for _ in range(30):
        world.ledger.mine()
    world.ledger.hides_changes = True
    chain = world.ledger.sealed
    assert chain is not None
    world.take(1)
    world.settle()
    while chain.member(4) != chain.head.miner:
        world.ledger.mine()
    for ask in (seal.follow, lambda: seal(LIMA)):
        for _ in range(3):
            with pytest.raises(ProofRefused):
                ask()
    assert seal.followed().block < chain.sets[1].seals_from
    assert (kept(world), sets(world)) == ([], [(1, 4)])
    world.ledger.hides_changes = False
    seal(LIMA)
    assert (kept(world), [size for _, size in sets(world)][-1]) == ([1], 6)


def test_an_anchor_that_the_node_asked_does_not_have_waits(sealed_world: World) -> None:
    world, seal = sealed_world, seal_of(sealed_world)
    world.take(1)
    world.settle()
    world.ledger.lose_to(0)
    outcome = seal(LIMA)
    assert (outcome.kept, outcome.is_current, kept(world)) == (0, True, [])


def test_a_chain_that_is_away_takes_nothing_from_what_is_kept(sealed_world: World) -> None:
    world, seal = sealed_world, seal_of(sealed_world)
    world.take(1)
    world.settle()
    world.ledger.is_away = True
    for ask in (lambda: seal(LIMA), seal.follow):
        with pytest.raises(LedgerUnavailable):
            ask()
    assert seal.sealing() == world.ledger.sealing()
    world.ledger.is_away = False
    world.gather_seals()
    assert kept(world) == [1]


def test_a_worker_that_dies_at_any_moment_is_followed_by_one_that_keeps_the_same(sealed_world: World) -> None:
    world = sealed_world
    for at in range(20):
        world.take(1, first=at)
        world.settle()
        world.ledger.change_validators(4 + (at + 1) % 2)
        store = BreakingStore(world.store, at)
        dying = world.over(store)
        try:
            seal_of(dying)(LIMA)
        except Crash:
            assert world.fsck().faults == []
        world.gather_seals()
        assert kept(world) == list(range(1, at + 2))
        if not store.has_broken:
            break
    assert not store.has_broken, "the storm never passed"
    assert at > 3
    chain = world.ledger.sealed
    assert chain is not None
    assert seal_of(world).sealing().sets == tuple(chain.sets)
    assert world.fsck().faults == []


def test_workers_at_once_keep_one_truth(sealed_world: World) -> None:
    world = sealed_world
    for number in range(6):
        world.take(1, first=number)
        world.settle()
        world.ledger.change_validators(4 + number % 2)
    faults: list[Exception] = []

    def work() -> None:
        seal = Seal(store=world.store, ledger=world.ledger, chain=chain_of(world), max_batch=2)
        try:
            while not seal(LIMA).is_current:
                pass
        except Exception as fault:  # noqa: BLE001 told below
            faults.append(fault)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (faults, kept(world)) == ([], [1, 2, 3, 4, 5, 6])
    assert world.fsck().faults == []
