"""One node among several lies: what it says is not kept, nothing halts for good, and whoever contradicts it is heard."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from greenlane.core.errors import ProofRefused
from greenlane.core.sealing import verify_sealed_root
from greenlane.core.seals import SealedState, ValidatorMode
from greenlane.core.units import BlockNumber
from greenlane.ports.ledger import SetChanges
from greenlane.services.seal import ChangeHidden, Seal
from worlds.deployment import LIMA, World, close_world, make_world, sealed_chain
from worlds.sealed_chain import SealedChain


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
