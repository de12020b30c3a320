"""What anchor promises: the chain's storage is the truth; what it lost is anchored again, and nothing is ever sent twice."""

from collections.abc import Callable

import pytest
from greenlane.core.crypto import sha256
from greenlane.core.errors import GreenlaneError
from greenlane.core.receipt import encode_receipt
from greenlane.core.tiles import TileId, consistency_proof_from_tiles
from greenlane.core.units import RootHash, TreeSize
from greenlane.ports.ledger import AnchoredHead, AnchorRefused, LedgerMismatch, LedgerUnavailable
from greenlane.ports.log import StoredAnchor
from greenlane.services.anchor import Anchor, AnchorStep, LogBehindChain, LogForked
from greenlane.verify.ladder import Verdict, judge
from worlds.deployment import LIMA, START, TIANJIN, World
from worlds.storms import BreakingStore, Crash


def anchors(world: World) -> tuple[StoredAnchor, ...]:
    with world.store.read() as tx:
        return tx.log.anchors(LIMA, above=TreeSize(0), limit=100)


def sizes(world: World) -> list[int]:
    return [anchor.tree_size for anchor in anchors(world)]


def grow(world: World, count: int) -> None:
    with world.store.read() as tx:
        first = tx.log.head(LIMA).captured
    world.take(count, first=first)
    world.publish(LIMA)


def tile_of(world: World) -> Callable[[TileId, int], bytes]:
    def read(tile: TileId, width: int) -> bytes:
        with world.store.read() as tx:
            return tx.log.read_tile(LIMA, tile, width)

    return read


def test_an_empty_log_has_nothing_to_anchor(world: World) -> None:
    outcome = world.anchor(LIMA)
    assert (outcome.step, outcome.anchored, outcome.target, outcome.lost) == (AnchorStep.CURRENT, 0, 0, 0)
    assert world.ledger.submissions == 0


def test_a_checkpoint_is_submitted_once_waited_for_and_then_recorded(world: World) -> None:
    world.ledger.is_automine = False
    grow(world, 3)
    steps = [world.anchor(LIMA).step for _ in range(3)]
    assert steps == [AnchorStep.SUBMITTED, AnchorStep.WAITING, AnchorStep.WAITING]
    assert sizes(world) == []
    world.ledger.mine()
    assert world.anchor(LIMA).step is AnchorStep.CURRENT
    assert sizes(world) == [3]
    (anchor,) = anchors(world)
    (on_chain,) = world.ledger.anchored
    assert (anchor.root, anchor.anchored_at, anchor.block_number, anchor.transaction) == (
        on_chain.root,
        on_chain.block_time,
        on_chain.block_number,
        on_chain.transaction,
    )
    assert world.ledger.submissions == 1


def test_only_the_newest_checkpoint_is_sent_and_it_extends_the_anchored_one(world: World) -> None:
    for count in (3, 250, 7, 300):
        grow(world, count)
        grow(world, 1)
        world.settle()
    assert sizes(world) == [4, 255, 263, 564]
    assert [one.previous_size for one in world.ledger.anchored] == [0, 4, 255, 263]


def test_a_log_far_ahead_of_the_chain_is_anchored_in_steps(world: World) -> None:
    for count in (30, 30, 30, 40, 100, 5, 5, 60):
        grow(world, count)
    world.ledger.max_growth = 100
    anchor = Anchor(store=world.store, ledger=world.ledger, max_growth=100)
    outcome = anchor(LIMA)
    assert (outcome.step, outcome.target) == (AnchorStep.SUBMITTED, 300)
    while anchor(LIMA).step is not AnchorStep.CURRENT:
        pass
    assert sizes(world) == [90, 130, 230, 300]
    assert world.fsck().faults == []


def test_a_batch_larger_than_an_anchor_may_be_is_refused_by_name(world: World) -> None:
    grow(world, 3)
    grow(world, 101)
    grow(world, 1)
    world.ledger.max_growth = 100
    anchor = Anchor(store=world.store, ledger=world.ledger, max_growth=100)
    assert anchor(LIMA).step is AnchorStep.SUBMITTED
    with pytest.raises(AnchorRefused) as refused:
        anchor(LIMA)
    assert refused.value.detail == "GrowthTooLarge"
    assert sizes(world) == [3]


def test_a_chain_that_lost_everything_is_told_everything_again(world: World) -> None:
    for count in (3, 4, 5):
        grow(world, count)
        world.settle()
    world.ledger.lose_to(0)
    outcome = world.anchor(LIMA)
    assert (outcome.step, outcome.anchored, outcome.lost) == (AnchorStep.SUBMITTED, 0, 3)
    assert sizes(world) == []
    world.settle()
    assert sizes(world) == [12]
    assert world.fsck().faults == []


def test_a_chain_that_lost_its_last_blocks_is_told_those_again(world: World) -> None:
    for count in (3, 4, 5):
        grow(world, count)
        world.settle()
    world.ledger.lose_to(1)
    assert world.anchor(LIMA).lost == 2
    world.settle()
    assert sizes(world) == [3, 12]
    assert world.fsck().faults == []


def test_a_submission_that_the_node_forgot_is_sent_again(world: World) -> None:
    world.ledger.is_automine = False
    grow(world, 3)
    world.anchor(LIMA)
    world.ledger.lose_waiting()
    assert world.anchor(LIMA).step is AnchorStep.SUBMITTED
    world.settle()
    assert len(world.ledger.history) == 1


def test_a_lost_receipt_does_not_lose_the_anchor(world: World) -> None:
    grow(world, 3)
    world.ledger.has_lost_receipts = True
    world.settle()
    (anchor,) = anchors(world)
    assert (anchor.block_number, anchor.transaction) == (None, None)
    assert world.fsck().faults == []


def test_an_anchor_that_came_back_in_another_block_is_recorded_as_it_is_now(world: World) -> None:
    job = world.take(3)
    world.publish(LIMA)
    world.settle()
    # The chain goes back, and before anybody looks somebody sends the same transaction again: another block, another time.
    lost = world.ledger.anchored[0]
    world.ledger.lose_to(0)
    world.ledger.block_number = 40
    world.ledger.submit_anchor(LIMA, lost.tree_size, lost.root, ())
    world.anchor(LIMA)
    receipt = encode_receipt(world.receipt(job.events[0].event_hash))
    judgement = judge(receipt, world.ledger.trust_file, event=None, ask=[world.ledger.node()])
    assert judgement.verdict is Verdict.PASSED, judgement.steps
    assert world.fsck().faults == []


@pytest.mark.parametrize("seen", ["all at once", "one by one"])
def test_anchors_that_came_back_in_other_blocks_are_all_recorded_as_they_are_now(world: World, seen: str) -> None:
    job = world.take(3)
    world.publish(LIMA)
    world.settle()
    for count in (4, 5, 6):
        grow(world, count)
        world.settle()
    _, *lost = world.ledger.anchored
    proofs = [
        consistency_proof_from_tiles(TreeSize(old), one.tree_size, tile_of(world))
        for old, one in zip((3, 7, 12), lost, strict=True)
    ]
    # All but the first are lost, and their account's transactions are sent again; perhaps before anybody looks.
    world.ledger.lose_to(lost[0].block_number - 1)
    world.ledger.block_number = 40
    world.ledger.is_automine = False
    found = 0
    for one, proof in zip(lost, proofs, strict=True):
        world.ledger.submit_anchor(LIMA, one.tree_size, one.root, proof)
        if seen == "one by one":
            found += world.anchor(LIMA).lost
        world.ledger.mine()
    found += world.anchor(LIMA).lost
    assert found == 3, "the chain had lost three"
    assert {each.tree_size: each.block_number for each in anchors(world)} == {
        one.tree_size: one.block_number for one in world.ledger.anchored if one.tree_size in sizes(world)
    }
    assert sizes(world) == ([3, 18] if seen == "all at once" else [3, 7, 12, 18])
    assert world.fsck().faults == []
    judgement = judge(
        encode_receipt(world.receipt(job.events[0].event_hash)),
        world.ledger.trust_file,
        event=None,
        ask=[world.ledger.node()],
    )
    assert judgement.verdict is Verdict.PASSED, judgement.steps


def test_an_anchor_of_which_the_node_lost_the_receipt_stays_recorded(world: World) -> None:
    for count in (3, 4):
        grow(world, count)
        world.settle()
    before = anchors(world)
    grow(world, 1)
    world.ledger.has_lost_receipts = True
    world.settle()
    assert anchors(world)[:2] == before


def test_a_chain_ahead_of_the_database_stops_it(world: World) -> None:
    grow(world, 3)
    world.ledger.lies[LIMA] = AnchoredHead(tree_size=TreeSize(9), root=RootHash(sha256(b"later")), anchored_at=START)
    with pytest.raises(LogBehindChain) as behind:
        world.anchor(LIMA)
    assert "9" in behind.value.detail
    assert world.ledger.submissions == 0
    assert world.anchor(TIANJIN).step is AnchorStep.CURRENT


def test_a_chain_with_another_history_stops_it(world: World) -> None:
    grow(world, 3)
    world.settle()
    grow(world, 1)
    for size in (3, 4):
        world.ledger.lies[LIMA] = AnchoredHead(tree_size=TreeSize(size), root=RootHash(sha256(b"x")), anchored_at=START)
        with pytest.raises(LogForked):
            world.anchor(LIMA)
    assert world.ledger.submissions == 1
    assert sizes(world) == [3]


def test_a_ledger_that_is_away_or_another_says_so_and_nothing_changes(world: World) -> None:
    grow(world, 3)
    world.ledger.is_away = True
    with pytest.raises(LedgerUnavailable):
        world.anchor(LIMA)
    world.ledger.is_away, world.ledger.is_other_chain = False, True
    with pytest.raises(LedgerMismatch):
        world.anchor(LIMA)
    assert sizes(world) == []
    world.ledger.is_other_chain = False
    world.settle()
    assert sizes(world) == [3]


def test_a_refusal_of_the_contract_is_told_by_name(world: World) -> None:
    grow(world, 3)
    # A node that tells of an empty log where another tree stands: the contract knows better.
    world.settle()
    grow(world, 1)
    world.ledger.lies[LIMA] = AnchoredHead(tree_size=TreeSize(0), root=RootHash(bytes(32)), anchored_at=START)
    with pytest.raises(AnchorRefused) as refused:
        world.anchor(LIMA)
    assert refused.value.detail == "InconsistentTree"


def test_damaged_tiles_send_nothing(world: World) -> None:
    grow(world, 300)
    world.settle()
    grow(world, 3)
    world.damage("UPDATE tile SET hashes = zeroblob(length(hashes)) WHERE level = 0 AND number = 1")
    with pytest.raises(GreenlaneError):
        world.anchor(LIMA)
    assert world.ledger.submissions == 1


def test_a_crash_between_chain_and_record_anchors_nothing_twice(world: World) -> None:
    grow(world, 3)
    world.anchor(LIMA)
    for at in range(4):
        breaking = BreakingStore(world.store, at)
        try:
            world.over(breaking).anchor(LIMA)
        except Crash:
            assert sizes(world) == []
    world.settle()
    assert sizes(world) == [3]
    assert world.ledger.submissions == 1
