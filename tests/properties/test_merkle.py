"""The tree proves every leaf and every earlier tree of itself, and nothing else."""

from functools import cache

import pytest
from greenlane.core.merkle import (
    EMPTY_ROOT,
    MAX_PROOF_HASHES,
    MAX_TREE_SIZE,
    ConsistencyRefused,
    InclusionRefused,
    LeafOutOfRange,
    Subtree,
    TreeSizeOutOfRange,
    consistency_proof,
    consistency_subtrees,
    inclusion_proof,
    inclusion_subtrees,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from greenlane.core.units import LeafHash, LeafIndex, NodeHash, RootHash, TreeSize
from hypothesis import given
from hypothesis import strategies as st

LEAVES = [leaf_hash(number.to_bytes(2, "big")) for number in range(300)]
SIZES = st.integers(1, 300)


@cache
def subtree_root(subtree: Subtree) -> NodeHash:
    return NodeHash(root_of(LEAVES[subtree.begin : subtree.end]))


def root(size: int) -> RootHash:
    return RootHash(subtree_root(Subtree(begin=0, end=size)))


def flipped(data: bytes, bit: int) -> bytes:
    return (int.from_bytes(data, "big") ^ 1 << bit).to_bytes(len(data), "big")


def recursive_root(leaves: list[LeafHash]) -> bytes:
    """The definition of RFC 9162, section 2.1.1, word for word."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(recursive_root(leaves[:k]), recursive_root(leaves[k:]))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13, 100, 255, 256, 257, 300])
def test_the_root_is_that_of_the_definition(size: int) -> None:
    assert root_of(LEAVES[:size]) == recursive_root(LEAVES[:size])


def test_every_leaf_of_every_size_proves() -> None:
    for size in range(1, 301):
        for index in range(size):
            proof = [subtree_root(subtree) for subtree in inclusion_subtrees(LeafIndex(index), TreeSize(size))]
            assert len(proof) <= (size - 1).bit_length()
            verify_inclusion(leaf=LEAVES[index], index=LeafIndex(index), tree_size=TreeSize(size), proof=proof, root=root(size))


@given(SIZES, st.data())
def test_a_proof_made_from_leaves_is_the_one_of_its_subtrees(size: int, data: st.DataObject) -> None:
    index = LeafIndex(data.draw(st.integers(0, size - 1)))
    assert inclusion_proof(LEAVES[:size], index) == tuple(
        subtree_root(subtree) for subtree in inclusion_subtrees(index, TreeSize(size))
    )


@pytest.mark.parametrize("size", [1, 2, 6, 7, 8, 9])
def test_every_flipped_bit_of_leaf_proof_and_root_is_refused(size: int) -> None:
    for index in range(size):
        parts: list[bytes] = [LEAVES[index], root(size), *inclusion_proof(LEAVES[:size], LeafIndex(index))]
        for place, part in enumerate(parts):
            for bit in range(256):
                changed = [*parts[:place], flipped(part, bit), *parts[place + 1 :]]
                with pytest.raises(InclusionRefused):
                    verify_inclusion(
                        leaf=LeafHash(changed[0]),
                        index=LeafIndex(index),
                        tree_size=TreeSize(size),
                        proof=[NodeHash(hash_) for hash_ in changed[2:]],
                        root=RootHash(changed[1]),
                    )


@given(SIZES, st.data())
def test_any_flipped_bit_is_refused_at_any_size(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    parts: list[bytes] = [LEAVES[index], root(size), *inclusion_proof(LEAVES[:size], LeafIndex(index))]
    place = data.draw(st.integers(0, len(parts) - 1))
    parts[place] = flipped(parts[place], data.draw(st.integers(0, 255)))
    with pytest.raises(InclusionRefused):
        verify_inclusion(
            leaf=LeafHash(parts[0]),
            index=LeafIndex(index),
            tree_size=TreeSize(size),
            proof=[NodeHash(hash_) for hash_ in parts[2:]],
            root=RootHash(parts[1]),
        )


@given(SIZES, st.data())
def test_another_index_or_a_longer_or_shorter_proof_is_refused(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(-1, size + 1).filter(lambda number: number != index))
    proof = inclusion_proof(LEAVES[:size], LeafIndex(index))
    for wrong_index, wrong_proof in [
        (other, proof),
        (index, (*proof, NodeHash(LEAVES[0]))),
        *([(index, proof[:-1]), (index, proof[1:])] if proof else []),
    ]:
        with pytest.raises(InclusionRefused):
            verify_inclusion(
                leaf=LEAVES[index],
                index=LeafIndex(wrong_index),
                tree_size=TreeSize(size),
                proof=wrong_proof,
                root=root(size),
            )


@given(SIZES, SIZES, st.data())
def test_a_proof_of_one_size_does_not_prove_in_the_tree_of_another(size: int, other: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    if other != size:
        with pytest.raises(InclusionRefused):
            verify_inclusion(
                leaf=LEAVES[index],
                index=LeafIndex(index),
                tree_size=TreeSize(other),
                proof=inclusion_proof(LEAVES[:size], LeafIndex(index)),
                root=root(other),
            )


def test_a_leaf_never_passes_for_a_node() -> None:
    # Were both hashed alike, the entry "left || right" would stand for two leaves.
    left, right = LEAVES[:2]
    assert bytes(leaf_hash(left + right)) != bytes(node_hash(left, right))


def test_every_earlier_tree_is_extended_and_every_pair_says_so() -> None:
    for new in range(1, 301):
        for old in {0, 1, 2, new // 3, new // 2, new - 1, new, 1 << (new.bit_length() - 1)}:
            if old > new:
                continue
            proof = [subtree_root(subtree) for subtree in consistency_subtrees(TreeSize(old), TreeSize(new))]
            assert len(proof) <= MAX_PROOF_HASHES
            verify_consistency(
                old_size=TreeSize(old),
                old_root=root(old) if old else EMPTY_ROOT,
                new_size=TreeSize(new),
                new_root=root(new),
                proof=proof,
            )


@given(SIZES, st.data())
def test_an_earlier_tree_is_extended_and_any_flipped_bit_denies_it(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))
    proof = consistency_proof(LEAVES[:new], TreeSize(old))
    parts: list[bytes] = [root(old), root(new), *proof]
    verify_consistency(old_size=TreeSize(old), old_root=root(old), new_size=TreeSize(new), new_root=root(new), proof=proof)
    place = data.draw(st.integers(0, len(parts) - 1))
    parts[place] = flipped(parts[place], data.draw(st.integers(0, 255)))
    with pytest.raises(ConsistencyRefused):
        verify_consistency(
            old_size=TreeSize(old),
            old_root=RootHash(parts[0]),
            new_size=TreeSize(new),
            new_root=RootHash(parts[1]),
            proof=[NodeHash(hash_) for hash_ in parts[2:]],
        )


@given(SIZES, st.data())
def test_a_longer_or_shorter_consistency_proof_is_refused(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, new))
    proof = consistency_proof(LEAVES[:new], TreeSize(old))
    for wrong in [(*proof, NodeHash(LEAVES[0])), *([proof[:-1], proof[1:], ()] if proof else [])]:
        with pytest.raises(ConsistencyRefused):
            verify_consistency(
                old_size=TreeSize(old),
                old_root=root(old) if old else EMPTY_ROOT,
                new_size=TreeSize(new),
                new_root=root(new),
                proof=wrong,
            )


@given(st.integers(2, 300), st.data())
def test_a_rewritten_leaf_breaks_the_history(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new - 1))
    rewritten = list(LEAVES[:new])
    rewritten[data.draw(st.integers(0, old - 1))] = leaf_hash(b"rewritten")
    with pytest.raises(ConsistencyRefused):
        verify_consistency(
            old_size=TreeSize(old),
            old_root=root(old),
            new_size=TreeSize(new),
            new_root=root_of(rewritten),
            proof=consistency_proof(rewritten, TreeSize(old)),
        )


def test_an_empty_tree_is_extended_by_every_tree_and_only_under_its_own_root() -> None:
    verify_consistency(old_size=TreeSize(0), old_root=EMPTY_ROOT, new_size=TreeSize(5), new_root=root(5), proof=())
    verify_consistency(old_size=TreeSize(0), old_root=EMPTY_ROOT, new_size=TreeSize(0), new_root=EMPTY_ROOT, proof=())
    for old_root, new_size, new_root in [(root(1), 5, root(5)), (EMPTY_ROOT, 0, root(1)), (root(1), 0, EMPTY_ROOT)]:
        with pytest.raises(ConsistencyRefused):
            verify_consistency(old_size=TreeSize(0), old_root=old_root, new_size=TreeSize(new_size), new_root=new_root, proof=())


@pytest.mark.parametrize(("old", "new"), [(-1, 5), (6, 5), (5, -1)])
def test_a_tree_cannot_shrink(old: int, new: int) -> None:
    with pytest.raises(ConsistencyRefused):
        verify_consistency(old_size=TreeSize(old), old_root=root(5), new_size=TreeSize(new), new_root=root(5), proof=())
    with pytest.raises(TreeSizeOutOfRange):
        consistency_subtrees(TreeSize(old), TreeSize(new))


def test_hashes_of_another_length_are_refused_by_name() -> None:
    short = NodeHash(LEAVES[0][:31])
    with pytest.raises(InclusionRefused, match="32 bytes"):
        verify_inclusion(leaf=LEAVES[0], index=LeafIndex(0), tree_size=TreeSize(2), proof=[short], root=root(2))
    with pytest.raises(ConsistencyRefused, match="32 bytes"):
        verify_consistency(old_size=TreeSize(1), old_root=root(1), new_size=TreeSize(2), new_root=root(2), proof=[short])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5)])
def test_no_proof_is_made_for_a_leaf_that_is_not_there(index: int, size: int) -> None:
    with pytest.raises(LeafOutOfRange):
        inclusion_proof(LEAVES[:size], LeafIndex(index))


@pytest.mark.parametrize("size", [-1, MAX_TREE_SIZE + 1])
def test_no_proof_is_made_for_a_tree_that_cannot_be(size: int) -> None:
    with pytest.raises(TreeSizeOutOfRange):
        inclusion_subtrees(LeafIndex(0), TreeSize(size))
    with pytest.raises(TreeSizeOutOfRange):
        consistency_subtrees(TreeSize(0), TreeSize(size))


def test_proofs_in_the_largest_tree_stay_within_the_bound() -> None:
    size = TreeSize(MAX_TREE_SIZE)
    assert len(inclusion_subtrees(LeafIndex(0), size)) <= MAX_PROOF_HASHES
    assert len(consistency_subtrees(TreeSize(3), size)) <= MAX_PROOF_HASHES
