"""The chain, as the services see it: what is anchored, and a way to anchor more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from greenlane.core.errors import CannotCheck, GreenlaneError, Unavailable
from greenlane.core.seals import SealedState
from greenlane.core.trust import TrustFile
from greenlane.core.units import BlockNumber, CenterId, NodeHash, RootHash, TreeSize, TxHash


class LedgerUnavailable(Unavailable):
    """No node of the chain answers, or the signer has as many transactions in flight as it may."""

    code = "ledger-unavailable"


class LedgerMismatch(CannotCheck):
    """The chain is not the one this deployment belongs to: another chain id, genesis or contract."""

    code = "ledger-mismatch"


class AnchorRefused(GreenlaneError):
    """The anchor contract would refuse this checkpoint, or did; `detail` has its reason by name."""

    code = "anchoring-refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchoredHead:
    """The last checkpoint of a center in the anchor contract; tree size 0 where there is none (root is then 32 zero bytes)."""

    tree_size: TreeSize
    root: RootHash
    anchored_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorTrace:
    """Which transaction anchored a checkpoint, as far as the node can still tell."""

    block_number: BlockNumber | None
    transaction: TxHash | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerHealth:
    """What a node says of itself now.

    Attributes:
        round: in which the validators agreed on the head, from 0; above 0 they failed at first. None where nobody seals.
        is_agreed: whether every node that answered has this chain; None where one alone was asked or answered.
    """

    chain_id: int
    head_number: BlockNumber
    head_at: datetime
    round: int | None
    is_agreed: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetChanges:
    """Changes of the validator set that a node tells of, unverified.

    Attributes:
        changes: see core.seals.Seals.changes; oldest first.
        between: blocks that show that none is missing, brought as changes are: the one before each change, unless that is block
            0, and the block `looked_to`.
        looked_to: no change up to this block is missing.
    """

    changes: tuple[SealedState, ...]
    between: tuple[SealedState, ...] = ()
    looked_to: BlockNumber


class Ledger(Protocol):
    """A gateway to one chain. Every method may raise LedgerUnavailable or LedgerMismatch."""

    def health(self) -> LedgerHealth:
        """The head of the chain."""

    def trust(self) -> TrustFile:
        """What a verifier starts from, read from the registry now."""

    def anchored_head(self, center: CenterId) -> AnchoredHead:
        """The last anchored checkpoint of a center, from the contract's storage."""

    def anchored_root(self, center: CenterId, tree_size: TreeSize) -> RootHash | None:
        """The root anchored at that tree size, or None."""

    def is_in_flight(self, center: CenterId) -> bool:
        """Whether an anchor of that center was submitted and its effect is not known yet.

        Settles what can be settled: sends again what the node forgot, closes what the chain shows as done or failed.
        """

    def submit_anchor(self, center: CenterId, tree_size: TreeSize, root: RootHash, proof: Sequence[NodeHash]) -> TxHash:
        """Simulates, keeps and sends one anchor transaction; returns as soon as a node took it.

        Raises:
            AnchorRefused: the simulation reverted; nothing was kept or sent.
            LedgerUnavailable: too many in flight, or no node took it (it is kept and will be sent again).
        """

    def anchor_trace(self, center: CenterId, tree_size: TreeSize) -> AnchorTrace:
        """Block and transaction of an anchored checkpoint; fields are None where the node has lost the receipt."""

    def sealed_anchor(self, center: CenterId, tree_size: TreeSize, *, turn: int = 0) -> SealedState:
        """The newest block, with a witness of the slot that holds the anchored root; unverified.

        Args:
            turn: another number puts the question to another node first, where there are several.

        Raises:
            NotFound: nothing is anchored there in the newest block.
        """

    def sealed_retirement(self, retirement_id: bytes, *, turn: int = 0) -> SealedState:
        """The newest block, with a witness of the slot that holds the digest of a retirement; unverified.

        Args:
            turn: as for `sealed_anchor`.

        Raises:
            NotFound: the newest block knows no such retirement, or the network has no contracts of green assets.
        """

    def set_changes(self, after: BlockNumber, *, turn: int = 0) -> SetChanges:
        """Changes of the validator set in the blocks after that one, as far as one look reaches.

        Args:
            turn: as for `sealed_anchor`.

        Returns:
            `looked_to` equals the head where everything was looked at; else ask again from there.
        """
