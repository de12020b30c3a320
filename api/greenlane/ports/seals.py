"""What is kept of the validators' seals: the sealed block that proves each anchor, and every change of the validator set.

Only what was verified is kept; a receipt is put together out of it without asking the chain.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from greenlane.core.seals import SealedState, ValidatorSet
from greenlane.core.units import BlockNumber, CenterId, ChainId, TreeSize
from greenlane.ports.log import StoredAnchor


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChange:
    """A verified change of the validator set.

    Attributes:
        state: the sealed block that shows it.
        becomes: the set from then on.
    """

    state: SealedState
    becomes: ValidatorSet


class Seals(Protocol):
    """Seals of one chain's blocks."""

    def followed_to(self, chain_id: ChainId) -> BlockNumber:
        """No change up to this block is missing; 0 at first."""

    def keep_changes(self, chain_id: ChainId, changes: Sequence[StoredChange], *, followed_to: BlockNumber) -> None:
        """Keeps changes and how far they were looked for; what is kept already changes nothing, and it never goes back."""

    def changes(self, chain_id: ChainId) -> tuple[StoredChange, ...]:
        """Every change, oldest first."""

    def keep_sealed(self, center: CenterId, tree_size: TreeSize, state: SealedState) -> None:
        """Keeps the sealed block that proves an anchor; the first one kept stays: it is the closest to the anchoring."""

    def sealed(self, center: CenterId, tree_size: TreeSize) -> SealedState | None:
        """The sealed block that proves an anchor, or None."""

    def unsealed(self, center: CenterId, *, limit: int) -> tuple[StoredAnchor, ...]:
        """Anchors without a sealed block, newest first."""
