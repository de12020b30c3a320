"""An append-only tree of entries, and proofs that one entry is in it or that one tree extends another.

Leaves are SHA-256(0x00 || entry), inner nodes SHA-256(0x01 || left || right), so a leaf can never pass for a node. Left and
right are never swapped. The tree of no leaves has the root SHA-256("").

Which subtrees make a proof is worked out once, in `inclusion_subtrees` and `consistency_subtrees`; this room hashes them from
leaves, `tiles` reads them from tiles. Verification knows nothing of either: it follows the verifier's algorithms alone.
Source: RFC 9162, sections 2.1.1 to 2.1.5.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from greenlane.core.crypto import constant_time_equal, sha256, sha256_of_each
from greenlane.core.errors import InvalidInput, ProofRefused
from greenlane.core.units import LeafHash, LeafIndex, NodeHash, RootHash, TreeSize

HASH_BYTES = 32
MAX_TREE_SIZE = 2**63 - 1
"""The largest tree that the C2SP formats, which count in signed 64 bits, can name."""
MAX_PROOF_HASHES = 64
"""No inclusion or consistency proof of a tree up to MAX_TREE_SIZE has more hashes than this."""
EMPTY_ROOT = RootHash(sha256(b""))

_LEAF_PREFIX = b"\x00"
_NODE_PREFIX = b"\x01"


class LeafOutOfRange(InvalidInput):
    """No leaf stands at the index asked for."""

    code = "leaf-out-of-range"
    default_remedy = "Ask for a leaf below the tree's size."


class TreeSizeOutOfRange(InvalidInput):
    """A tree size is negative, larger than the log, or larger than any log may become."""

    code = "tree-size-out-of-range"
    default_remedy = "Ask for a size between 0 and that of the log."


class InclusionRefused(ProofRefused):
    """The proof does not show that the leaf stands at that index of that tree."""

    code = "inclusion-refused"


class ConsistencyRefused(ProofRefused):
    """The proof does not show that the new tree begins with all the leaves of the old one, in their order."""

    code = "consistency-refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subtree:
    """The leaves from `begin` up to, not including, `end`; the Merkle tree hash over them is one hash of a proof."""

    begin: int
    end: int


def leaf_hash(entry: bytes) -> LeafHash:
    """What a log holds for one entry: SHA-256(0x00 || entry); 32 bytes. Source: RFC 9162, section 2.1.1."""
    return LeafHash(sha256(_LEAF_PREFIX + entry))


def node_hash(left: bytes, right: bytes) -> NodeHash:
    """What stands above two hashes of 32 bytes: SHA-256(0x01 || left || right). Source: RFC 9162, section 2.1.1."""
    return NodeHash(sha256(_NODE_PREFIX + left + right))


def root_of(leaves: Sequence[LeafHash]) -> RootHash:
    """The root over every leaf, oldest first; of no leaves, SHA-256(""). Takes len(leaves) - 1 hashes."""
    if not leaves:
        return EMPTY_ROOT
    return RootHash(root_of_joined(b"".join(leaves)))


def root_of_joined(hashes: bytes) -> bytes:
    """The Merkle tree hash over hashes already joined.

    Args:
        hashes: at least one hash of 32 bytes, oldest first, without gaps; leaves, or the roots of full subtrees of one height.
    """
    # One row at a time: a last hash without a partner rises as it is, which is what splitting at the largest power of two says.
    while len(hashes) > HASH_BYTES:
        unpaired = len(hashes) % (2 * HASH_BYTES)
        paired = len(hashes) - unpaired
        hashes = sha256_of_each(_NODE_PREFIX, hashes[:paired], 2 * HASH_BYTES) + hashes[paired:]
    return hashes


def inclusion_subtrees(index: LeafIndex, tree_size: TreeSize) -> tuple[Subtree, ...]:
    """The subtrees whose hashes prove one leaf, from the leaf's sibling up to the root's child.

    Raises:
        TreeSizeOutOfRange: the size is negative or above MAX_TREE_SIZE.
        LeafOutOfRange: no leaf stands at `index`.

    Source: RFC 9162, section 2.1.3.1.
    """
    _require_tree_size(tree_size)
    if not 0 <= index < tree_size:
        raise LeafOutOfRange(f"No leaf {index} stands in a tree of {tree_size}.")
    begin, end = 0, int(tree_size)
    downward: list[Subtree] = []
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            downward.append(Subtree(begin=middle, end=end))
            end = middle
        else:
            downward.append(Subtree(begin=begin, end=middle))
            begin = middle
    return tuple(reversed(downward))


def consistency_subtrees(old_size: TreeSize, new_size: TreeSize) -> tuple[Subtree, ...]:
    """The subtrees whose hashes prove that a tree of `new_size` extends one of `old_size`.

    None where there is nothing to prove: the old tree is empty, or the sizes are the same.

    Raises:
        TreeSizeOutOfRange: the old size is negative or above the new one, or the new one above MAX_TREE_SIZE.

    Source: RFC 9162, section 2.1.4.1.
    """
    _require_tree_size(new_size)
    if not 0 <= old_size <= new_size:
        raise TreeSizeOutOfRange(f"A tree of {new_size} cannot extend one of {old_size}.")
    if old_size == 0:
        return ()
    begin, end = 0, int(new_size)
    # The verifier knows the old root, so a subtree that is the whole old tree is left out of the proof.
    is_whole_old_tree = True
    downward: list[Subtree] = []
    while end != old_size:
        middle = begin + _split(end - begin)
        if old_size <= middle:
            downward.append(Subtree(begin=middle, end=end))
            end = middle
        else:
            downward.append(Subtree(begin=begin, end=middle))
            begin = middle
            is_whole_old_tree = False
    if not is_whole_old_tree:
        downward.append(Subtree(begin=begin, end=end))
    return tuple(reversed(downward))


def inclusion_proof(leaves: Sequence[LeafHash], index: LeafIndex) -> tuple[NodeHash, ...]:
    """The sibling hashes that carry one leaf up to the root.

    Args:
        leaves: every leaf of the tree, oldest first; 32 bytes each.
        index: the leaf to prove, counted from 0.

    Returns:
        Siblings from the leaf upward; at most ceil(log2(len(leaves))) of them.

    Raises:
        LeafOutOfRange: no leaf stands at `index`.

    Source: RFC 9162, section 2.1.3.1.
    """
    return _hashes(leaves, inclusion_subtrees(index, TreeSize(len(leaves))))


def consistency_proof(leaves: Sequence[LeafHash], old_size: TreeSize) -> tuple[NodeHash, ...]:
    """The hashes that show a tree's first `old_size` leaves to be an earlier tree of that size.

    Args:
        leaves: every leaf of the new tree, oldest first; 32 bytes each.
        old_size: how many of them the old tree had.

    Returns:
        The proof; empty where the old tree is empty or as large as the new one.

    Raises:
        TreeSizeOutOfRange: the old tree would be larger than the new one.

    Source: RFC 9162, section 2.1.4.1.
    """
    return _hashes(leaves, consistency_subtrees(old_size, TreeSize(len(leaves))))


def verify_inclusion(*, leaf: LeafHash, index: LeafIndex, tree_size: TreeSize, proof: Sequence[NodeHash], root: RootHash) -> None:
    """Holds a proof against a root: does this leaf stand at this index of that tree?

    Args:
        leaf: 32 bytes.
        index: from 0, below `tree_size`.
        tree_size: the size of the tree whose root is `root`.
        proof: siblings from the leaf upward.
        root: 32 bytes.

    Raises:
        InclusionRefused: it does not, or the proof is longer or shorter than this place in this tree takes.

    Source: RFC 9162, section 2.1.3.2.
    """
    if not 0 <= index < tree_size:
        raise InclusionRefused(f"No leaf {index} stands in a tree of {tree_size}.")
    if any(len(hash_) != HASH_BYTES for hash_ in (leaf, *proof)):
        raise InclusionRefused(f"A hash of the inclusion proof has not {HASH_BYTES} bytes.")
    place, last = int(index), tree_size - 1
    climbed: bytes = leaf
    for sibling in proof:
        if last == 0:
            raise InclusionRefused("The inclusion proof goes on above the root.")
        if place & 1 or place == last:
            climbed = node_hash(sibling, climbed)
            while not place & 1 and place != 0:
                place >>= 1
                last >>= 1
        else:
            climbed = node_hash(climbed, sibling)
        place >>= 1
        last >>= 1
    if last != 0:
        raise InclusionRefused("The inclusion proof ends below the root.")
    if not constant_time_equal(climbed, root):
        raise InclusionRefused("The inclusion proof leads to another root.")


def verify_consistency(
    *, old_size: TreeSize, old_root: RootHash, new_size: TreeSize, new_root: RootHash, proof: Sequence[NodeHash]
) -> None:
    """Holds a proof against two roots: does the new tree begin with all of the old one?

    Two cases that the RFC leaves out are settled here. An empty old tree (its root is SHA-256("")) is extended by every tree,
    by an empty proof; a tree extends itself by an empty proof when the roots are the same.

    Raises:
        ConsistencyRefused: it does not, or the proof is longer or shorter than these sizes take.

    Source: RFC 9162, section 2.1.4.2.
    """
    if not 0 <= old_size <= new_size:
        raise ConsistencyRefused(f"A tree of {new_size} cannot extend one of {old_size}.")
    if any(len(hash_) != HASH_BYTES for hash_ in (old_root, new_root, *proof)):
        raise ConsistencyRefused(f"A hash of the consistency proof has not {HASH_BYTES} bytes.")
    if old_size in (0, new_size):
        if proof:
            raise ConsistencyRefused("From an empty tree, or between equal sizes, a consistency proof has no hashes.")
        if old_size == 0 and not constant_time_equal(old_root, EMPTY_ROOT):
            raise ConsistencyRefused("The old root is not that of a tree without leaves.")
        if old_size == new_size and not constant_time_equal(old_root, new_root):
            raise ConsistencyRefused("Two trees of one size have different roots.")
        return
    if not proof:
        raise ConsistencyRefused("The consistency proof is empty.")
    is_old_tree_full = old_size & (old_size - 1) == 0
    first, rest = (old_root, proof) if is_old_tree_full else (proof[0], proof[1:])
    old_last, new_last = old_size - 1, new_size - 1
    while old_last & 1:
        old_last >>= 1
        new_last >>= 1
    old_climbed: bytes = first
    new_climbed: bytes = first
    for hash_ in rest:
        if new_last == 0:
            raise ConsistencyRefused("The consistency proof goes on above the new root.")
        if old_last & 1 or old_last == new_last:
            old_climbed = node_hash(hash_, old_climbed)
            new_climbed = node_hash(hash_, new_climbed)
            while not old_last & 1 and old_last != 0:
                old_last >>= 1
                new_last >>= 1
        else:
            new_climbed = node_hash(new_climbed, hash_)
        old_last >>= 1
        new_last >>= 1
    if new_last != 0:
        raise ConsistencyRefused("The consistency proof ends below the new root.")
    if not constant_time_equal(old_climbed, old_root):
        raise ConsistencyRefused("The consistency proof leads to another old root.")
    if not constant_time_equal(new_climbed, new_root):
        raise ConsistencyRefused("The consistency proof leads to another new root.")


def _require_tree_size(tree_size: TreeSize) -> None:
    if not 0 <= tree_size <= MAX_TREE_SIZE:
        raise TreeSizeOutOfRange(f"{tree_size} is no size of a tree; the largest is {MAX_TREE_SIZE}.")


def _split(count: int) -> int:
    """The largest power of two below `count`, which is at least 2."""
    return 1 << (count - 1).bit_length() - 1


def _hashes(leaves: Sequence[LeafHash], subtrees: tuple[Subtree, ...]) -> tuple[NodeHash, ...]:
    return tuple(NodeHash(root_of(leaves[subtree.begin : subtree.end])) for subtree in subtrees)
