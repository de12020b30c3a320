"""AnchorLog refuses each wrong by its name, and keeps what it took."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import ape
import pytest

TERM_S = 365 * 24 * 3600


def leaf(number: int) -> bytes:
    return hashlib.sha256(b"\x00" + number.to_bytes(4, "big")).digest()


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


A, B, C = leaf(0), leaf(1), leaf(2)
ROOT_1, ROOT_2, ROOT_3 = A, node(A, B), node(node(A, B), C)
NOTHING: Sequence[bytes] = ()


@pytest.fixture
def anchored(log: Any, network: Any) -> Any:
    """A log in which center 0 has anchored two leaves."""
    log.anchor(network.id(0), 2, ROOT_2, NOTHING, sender=network.anchorer(0))
    return log


def test_a_first_root_is_anchored_and_told(log: Any, network: Any, chain: Any) -> None:
    receipt = log.anchor(network.id(0), 2, ROOT_2, NOTHING, sender=network.anchorer(0))
    assert [(e.centerId, e.treeSize, e.root, e.previousSize) for e in receipt.decode_logs(log.Anchored)] == [
        (network.id(0), 2, ROOT_2, 0)
    ]
    assert tuple(log.head(network.id(0))) == (2, ROOT_2, chain.blocks.head.timestamp)
    assert log.rootAt(network.id(0), 2) == ROOT_2


def test_an_extension_is_anchored_and_the_old_root_stays(anchored: Any, network: Any) -> None:
    receipt = anchored.anchor(network.id(0), 3, ROOT_3, [C], sender=network.anchorer(0))
    assert next(iter(receipt.decode_logs(anchored.Anchored))).previousSize == 2
    assert (anchored.rootAt(network.id(0), 2), anchored.rootAt(network.id(0), 3)) == (ROOT_2, ROOT_3)


def test_nothing_anchored_is_told_as_zeros(log: Any, network: Any) -> None:
    assert tuple(log.head(network.id(1))) == (0, bytes(32), 0)
    assert log.rootAt(network.id(1), 5) == bytes(32)


def test_inclusion_holds_in_an_anchored_tree_only(anchored: Any, network: Any) -> None:
    assert anchored.isIncluded(network.id(0), 2, 0, A, [B])
    assert anchored.isIncluded(network.id(0), 2, 1, B, [A])
    assert not anchored.isIncluded(network.id(0), 2, 1, A, [B])
    assert not anchored.isIncluded(network.id(0), 3, 2, C, [ROOT_2])
    assert not anchored.isIncluded(network.id(1), 2, 0, A, [B])


def test_a_leaf_of_zeros_is_in_no_tree_that_was_not_anchored(log: Any, network: Any) -> None:
    assert not log.isIncluded(network.id(0), 1, 0, bytes(32), NOTHING)


@pytest.mark.parametrize("who", ["operator", "validator", "anchorer of another center", "stranger"])
def test_nobody_but_its_anchorer_writes_in_a_log(log: Any, network: Any, accounts: Any, who: str) -> None:
    sender = {
        "operator": network.operator(0),
        "validator": network.validator(0),
        "anchorer of another center": network.anchorer(1),
        "stranger": accounts[30],
    }[who]
    with ape.reverts(log.NotAnchorer, centerId=network.id(0), caller=sender):
        log.anchor(network.id(0), 1, ROOT_1, NOTHING, sender=sender)


def test_a_stranger_does_not_anchor_for_nobody(log: Any, accounts: Any) -> None:
    with ape.reverts(log.NotAnchorer):
        log.anchor(bytes(32), 1, ROOT_1, NOTHING, sender=accounts[30])


def test_a_suspended_center_anchors_nothing(log: Any, network: Any) -> None:
    network.suspend(1)
    with ape.reverts(log.NotInGoodStanding, centerId=network.id(1)):
        log.anchor(network.id(1), 1, ROOT_1, NOTHING, sender=network.anchorer(1))


def test_a_center_whose_term_is_over_anchors_nothing(log: Any, network: Any, later: Callable[[int], None]) -> None:
    later(TERM_S)
    with ape.reverts(log.NotInGoodStanding, centerId=network.id(0)):
        log.anchor(network.id(0), 1, ROOT_1, NOTHING, sender=network.anchorer(0))


def test_an_anchorer_rotated_out_anchors_no_more_and_the_new_one_does(log: Any, network: Any, accounts: Any) -> None:
    network.registry.rotateAnchorer(accounts[30], sender=network.operator(0))
    with ape.reverts(log.NotAnchorer):
        log.anchor(network.id(0), 1, ROOT_1, NOTHING, sender=network.anchorer(0))
    log.anchor(network.id(0), 1, ROOT_1, NOTHING, sender=accounts[30])
    assert log.rootAt(network.id(0), 1) == ROOT_1


def test_an_empty_tree_is_not_anchored(log: Any, network: Any) -> None:
    with ape.reverts(log.EmptyTree, centerId=network.id(0)):
        log.anchor(network.id(0), 0, ROOT_1, NOTHING, sender=network.anchorer(0))


def test_a_log_does_not_grow_without_bound_in_one_anchor(log: Any, network: Any) -> None:
    assert log.MAX_GROWTH() == 2**24
    for size in (2**24 + 1, 2**63 - 1, 2**64 - 1):
        with ape.reverts(log.GrowthTooLarge, anchoredSize=0, treeSize=size):
            log.anchor(network.id(0), size, ROOT_1, NOTHING, sender=network.anchorer(0))
    log.anchor(network.id(0), 2**24, ROOT_1, NOTHING, sender=network.anchorer(0))
    with ape.reverts(log.GrowthTooLarge, anchoredSize=2**24, treeSize=2**25 + 1):
        log.anchor(network.id(0), 2**25 + 1, node(ROOT_1, C), [C], sender=network.anchorer(0))
    log.anchor(network.id(0), 2**25, node(ROOT_1, C), [C], sender=network.anchorer(0))
    assert log.head(network.id(0)).treeSize == 2**25


def test_zero_is_not_anchored(log: Any, network: Any) -> None:
    with ape.reverts(log.ZeroRoot, centerId=network.id(0)):
        log.anchor(network.id(0), 1, bytes(32), NOTHING, sender=network.anchorer(0))


def test_the_same_root_again_is_told_as_done(anchored: Any, network: Any) -> None:
    with ape.reverts(anchored.AlreadyAnchored, centerId=network.id(0), treeSize=2):
        anchored.anchor(network.id(0), 2, ROOT_2, NOTHING, sender=network.anchorer(0))
    anchored.anchor(network.id(0), 3, ROOT_3, [C], sender=network.anchorer(0))
    with ape.reverts(anchored.AlreadyAnchored, centerId=network.id(0), treeSize=2):
        anchored.anchor(network.id(0), 2, ROOT_2, NOTHING, sender=network.anchorer(0))


def test_another_root_of_an_anchored_size_is_refused(anchored: Any, network: Any) -> None:
    with ape.reverts(anchored.RootDiffers, treeSize=2, anchored=ROOT_2, given=ROOT_1):
        anchored.anchor(network.id(0), 2, ROOT_1, NOTHING, sender=network.anchorer(0))


def test_a_smaller_tree_is_refused(anchored: Any, network: Any) -> None:
    with ape.reverts(anchored.TreeShrinks, anchoredSize=2, treeSize=1):
        anchored.anchor(network.id(0), 1, ROOT_1, NOTHING, sender=network.anchorer(0))


@pytest.mark.parametrize(
    ("root", "proof"),
    [
        (ROOT_3, []),
        (ROOT_3, [B]),
        (ROOT_3, [C, C]),
        (node(ROOT_1, C), [C]),
        (bytes([ROOT_3[0] ^ 1, *ROOT_3[1:]]), [C]),
        (ROOT_3, [bytes([*C[:31], C[31] ^ 128])]),
    ],
)
def test_a_tree_that_does_not_extend_the_last_is_refused(anchored: Any, network: Any, root: bytes, proof: list[bytes]) -> None:
    with ape.reverts(anchored.InconsistentTree, anchoredSize=2, treeSize=3):
        anchored.anchor(network.id(0), 3, root, proof, sender=network.anchorer(0))


def test_a_first_anchor_with_a_proof_is_refused(log: Any, network: Any) -> None:
    with ape.reverts(log.InconsistentTree, anchoredSize=0, treeSize=2):
        log.anchor(network.id(0), 2, ROOT_2, [A], sender=network.anchorer(0))


def test_a_log_is_not_deployed_without_a_registry(project: Any, accounts: Any) -> None:
    with ape.reverts(project.AnchorLog.InvalidRegistry):
        project.AnchorLog.deploy(accounts[30], sender=accounts[-1])


def test_a_log_names_its_registry(log: Any, registry: Any) -> None:
    assert log.registry() == registry.address
