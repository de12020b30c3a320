"""What is kept of the validators' seals: the sealed block that proves each anchor, and every change of the validator set.

Only what was verified is kept; what receipts and certificates carry is put together out of it without asking the chain.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from greenlane.core import seals as core
from greenlane.core.header import Header
from greenlane.core.seals import MAX_SET_CHANGES, MAX_VALIDATOR_SETS, SealedState, Sealing, ValidatorMode, ValidatorSet
from greenlane.core.units import Address, BlockNumber, CenterId, ChainId, TreeSize
from greenlane.ports.log import StoredAnchor

# What a receipt of the largest event leaves room for, beside its proof and its checkpoint.
_SEALS_BYTES = 400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChange:
    """A verified change of the validator set.

    Attributes:
        state: the sealed block that shows it.
        becomes: the set from then on.
    """

    state: SealedState
    becomes: ValidatorSet


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedChain:
    """A chain whose validators seal its blocks, and what this deployment was set up to believe of it.

    Attributes:
        pilot_registry: whose storage names the validators, in the mode CONTRACT.
        anchor_log: whose storage holds the anchored roots.
        sealing: the sets that it was set up with; changes after them are followed.
        green_asset: whose storage holds the digests of retirements; None where the network has no green assets.
    """

    chain_id: ChainId
    pilot_registry: Address
    anchor_log: Address
    sealing: Sealing
    green_asset: Address | None = None


def extended(sealing: Sealing, sets: Iterable[ValidatorSet]) -> Sealing:
    """The sets of a chain together with later ones that were verified, the newest MAX_VALIDATOR_SETS of them.

    Where both tell of one block, the former stand: they were given by hand.
    """
    by_block = {one.seals_from: one for one in (*sets, *sealing.sets)}
    newest = sorted(by_block.values(), key=lambda one: one.seals_from)[-MAX_VALIDATOR_SETS:]
    return Sealing(mode=sealing.mode, sets=tuple(newest))


class Seals(Protocol):
    """Seals of one chain's blocks."""

    def followed_to(self, chain_id: ChainId) -> BlockNumber:
        """No change up to this block is missing; 0 at first."""

    def keep_changes(self, chain_id: ChainId, changes: Sequence[StoredChange], *, followed_to: BlockNumber) -> None:
        """Keeps changes and how far they were looked for; what is kept already changes nothing, and it never goes back.

        Raises:
            Conflict: another set is kept that seals from the same block.
        """

    def changes(
        self, chain_id: ChainId, *, until: BlockNumber | None = None, newest: int | None = None
    ) -> tuple[StoredChange, ...]:
        """Every change, oldest first.

        Args:
            until: only changes to sets that seal this block or an earlier one.
            newest: only so many of them, the newest.
        """

    def sets(self, chain_id: ChainId) -> tuple[ValidatorSet, ...]:
        """What the changes led to, oldest first."""

    def keep_sealed(self, center: CenterId, tree_size: TreeSize, state: SealedState) -> None:
        """Keeps the sealed block that proves an anchor; the first one kept stays: it is the closest to the anchoring.

        Does nothing where no such anchor is recorded: the chain has lost it. What is kept goes with the anchor's record.
        """

    def sealed(self, center: CenterId, tree_size: TreeSize) -> SealedState | None:
        """The sealed block that proves an anchor, or None."""

    def newest_sealed(self, center: CenterId) -> TreeSize:
        """The largest anchored tree that has a sealed block; 0 where none has."""

    def unsealed(self, center: CenterId, *, limit: int) -> tuple[StoredAnchor, ...]:
        """Anchors without a sealed block, newest first."""


def carried_seals(kept: Seals, chain: SealedChain, shown: SealedState) -> tuple[core.Seals, Sealing]:
    """What a stranger is handed who is to judge a sealed block, and the sets by which it is to be verified before.

    Args:
        kept: of the chain.
        shown: the block, with a witness of what it is to prove.

    Returns:
        The block with the newest changes of the set on the way to it, as many as there is room for; and what is known without
        the sets that these lead to: a stranger with an older trust file believes none of them.

    Raises:
        HeaderInvalid: the block's header is none.
    """
    number = Header.decode(shown.header).number
    # On the way to the block are the changes in blocks before it: by the contract they seal from the next block on, and where
    # headers name the set, from their own.
    until = number if chain.sealing.mode is ValidatorMode.CONTRACT else BlockNumber(number - 1)
    changes = _that_fit(kept.changes(chain.chain_id, until=until, newest=MAX_SET_CHANGES), shown)
    sealing = extended(chain.sealing, kept.sets(chain.chain_id))
    if changes:
        before = tuple(one for one in sealing.sets if one.seals_from < changes[0].becomes.seals_from)
        sealing = replace(sealing, sets=before or sealing.sets)
    return core.Seals(changes=tuple(change.state for change in changes), anchored=shown), sealing


def _that_fit(changes: Sequence[StoredChange], shown: SealedState) -> tuple[StoredChange, ...]:
    """The newest of the changes for which there is room in a receipt, oldest first."""
    room = _SEALS_BYTES - _size(shown)
    fitting: list[StoredChange] = []
    for change in reversed(changes):
        room -= _size(change.state)
        if room < 0:
            break
        fitting.insert(0, change)
    return tuple(fitting)


def _size(state: SealedState) -> int:
    """Of a sealed block in a receipt, in characters: base64, and what stands between its parts."""
    return sum(4 * (len(part) // 3 + 1) + 8 for part in (state.header, *state.witness)) + 32
