"""Numbers, digests and names that must not be mistaken for one another.

Bytes inside, text only at the edges. A `…Hash` is SHA-256 unless its name says otherwise.
"""

import re
from typing import NewType

from greenlane.core.errors import InvalidInput

LeafIndex = NewType("LeafIndex", int)
"""Place of a leaf in a log, counted from 0."""
TreeSize = NewType("TreeSize", int)
"""How many leaves a tree has."""
LeafHash = NewType("LeafHash", bytes)
"""SHA-256(0x00 ‖ entry), 32 bytes."""
NodeHash = NewType("NodeHash", bytes)
"""SHA-256(0x01 ‖ left ‖ right), or a leaf hash where a subtree has one leaf; 32 bytes."""
RootHash = NewType("RootHash", bytes)
"""The root of a log of some tree size; 32 bytes."""
Salt = NewType("Salt", bytes)
"""32 random bytes that blind one entry; whoever holds them can open it."""
Address = NewType("Address", bytes)
"""An account or contract of the chain, 20 bytes."""
TxHash = NewType("TxHash", bytes)
"""Keccak-256 of a signed transaction, 32 bytes."""
ChainId = NewType("ChainId", int)
"""EIP-155 chain id."""
BlockNumber = NewType("BlockNumber", int)
"""Height of a block, counted from 0."""
CenterId = NewType("CenterId", str)
"""Short name of a pilot center, e.g. "lima"; on the chain its ASCII bytes, padded right with zeros to bytes32."""
MemberId = NewType("MemberId", str)
"""Short name of a member, unique within its center, e.g. "cooperativa-norandino"."""

_SLUG = re.compile(r"[a-z][a-z0-9-]{0,30}")


def center_id(text: str) -> CenterId:
    """Reads a center's short name.

    Args:
        text: 1 to 31 characters, a lower-case letter first, then lower-case letters, digits and hyphens; so it fits bytes32.

    Raises:
        InvalidInput: anything else.
    """
    return CenterId(_slug(text, "center id"))


def member_id(text: str) -> MemberId:
    """Reads a member's short name; same alphabet and length as a center's.

    Raises:
        InvalidInput: anything else.
    """
    return MemberId(_slug(text, "member id"))


def _slug(text: str, what: str) -> str:
    if _SLUG.fullmatch(text) is None:
        raise InvalidInput(
            f"{text[:40]!r} is no {what}.",
            remedy="Use 1 to 31 lower-case letters, digits or hyphens, a letter first.",
        )
    return text
