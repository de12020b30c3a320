"""Where the chain keeps an anchored root, so that anybody can ask any node for it without code of ours.

`AnchorLog` declares its roots first: `mapping(bytes32 center => mapping(uint256 treeSize => bytes32 root))` in slot 0. Each time
a root is anchored it emits one event. Source: Solidity's layout of state variables in storage (mappings), its ABI (events).
"""

from greenlane.core.crypto import keccak256
from greenlane.core.units import CenterId, TreeSize, center_id

ADDRESS_BYTES = 20
ROOTS_SLOT = 0
"""Place of `AnchorLog`'s mapping of roots among its state variables."""
ANCHORED_SIGNATURE = "Anchored(bytes32,uint64,bytes32,uint64)"
"""center (indexed), treeSize (indexed), root, previousSize."""
MAX_ANCHOR_GROWTH = 2**24
"""Leaves by which one anchor may extend a log: `AnchorLog.MAX_GROWTH`."""
_WORD_BYTES = 32


def center_key(center: CenterId) -> bytes:
    """A center's id as the contracts know it: its ASCII bytes, zeros to the right; 32 bytes.

    Raises:
        InvalidInput: it is no center id.
    """
    return center_id(center).encode("ascii").ljust(_WORD_BYTES, b"\x00")


def anchored_root_slot(center: CenterId, tree_size: TreeSize) -> bytes:
    """The storage slot of `AnchorLog` that holds the root of a center's log at a tree size; 32 bytes.

    The slot holds zero as long as no such tree is anchored.
    """
    roots_of_center = keccak256(center_key(center) + _word(ROOTS_SLOT))
    return keccak256(_word(tree_size) + roots_of_center)


def anchored_topics(center: CenterId, tree_size: TreeSize) -> tuple[bytes, bytes, bytes]:
    """The topics of the one event that anchoring this tree emitted, each of 32 bytes."""
    return keccak256(ANCHORED_SIGNATURE.encode("ascii")), center_key(center), _word(tree_size)


def _word(number: int) -> bytes:
    return int(number).to_bytes(_WORD_BYTES, "big")
