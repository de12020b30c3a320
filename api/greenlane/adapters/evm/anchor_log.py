"""The AnchorLog contract as a typed class."""

from collections.abc import Sequence

from web3.types import BlockIdentifier, LogReceipt

from greenlane.adapters.evm.artifacts import artifact, hex_bytes
from greenlane.adapters.evm.contract import Contract
from greenlane.adapters.evm.records import AnchoredEvent, AnchoredHead, UnixSeconds
from greenlane.core.anchoring import center_key
from greenlane.core.units import (
    Address,
    BlockNumber,
    CenterId,
    LeafHash,
    LeafIndex,
    NodeHash,
    RootHash,
    TreeSize,
    TxHash,
    center_id,
)


class AnchorLog(Contract):
    """The anchored roots of the centers' logs; contracts/interfaces/IAnchorLog.sol tells what each call means."""

    _name = "AnchorLog"

    @staticmethod
    def encode_anchor(center: CenterId, tree_size: TreeSize, root: RootHash, proof: Sequence[NodeHash]) -> bytes:
        """Call data that anchors a root.

        Args:
            tree_size: above the last anchored size.
            proof: consistency proof from the last anchored size; empty for a first anchor.
        """
        return artifact("AnchorLog").encode_call("anchor", center_key(center), tree_size, root, list(proof))

    def head(self, center: CenterId, block: BlockIdentifier = "latest") -> AnchoredHead | None:
        """The last anchored tree of a center; None where nothing is anchored."""
        tree_size, root, anchored_at = self._read(block, "head", center_key(center))
        if tree_size == 0:
            return None
        return AnchoredHead(tree_size=TreeSize(tree_size), root=RootHash(root), anchored_at=UnixSeconds(anchored_at))

    def root_at(self, center: CenterId, tree_size: TreeSize, block: BlockIdentifier = "latest") -> RootHash | None:
        """The root anchored at exactly that size; None where none is."""
        (root,) = self._read(block, "rootAt", center_key(center), tree_size)
        return RootHash(root) if any(root) else None

    def is_included(
        self,
        center: CenterId,
        tree_size: TreeSize,
        leaf_index: LeafIndex,
        leaf: LeafHash,
        proof: Sequence[NodeHash],
        block: BlockIdentifier = "latest",
    ) -> bool:
        """Whether an anchored tree holds a leaf; false also where no root is anchored at `tree_size`."""
        (is_included,) = self._read(block, "isIncluded", center_key(center), tree_size, leaf_index, leaf, list(proof))
        return bool(is_included)

    def registry(self, block: BlockIdentifier = "latest") -> Address:
        """The registry that says who anchors for whom."""
        (registry,) = self._read(block, "registry")
        return Address(hex_bytes(registry))

    @classmethod
    def anchored_event(cls, log: LogReceipt) -> AnchoredEvent | None:
        """The `Anchored` event a log entry tells, or None where it is something else."""
        told = cls.event(log)
        if told is None or told.name != "Anchored":
            return None
        return AnchoredEvent(
            center=center_id(str(told.arguments["centerId"])),
            tree_size=TreeSize(int(str(told.arguments["treeSize"]))),
            root=RootHash(hex_bytes(str(told.arguments["root"]))),
            previous_size=TreeSize(int(str(told.arguments["previousSize"]))),
            block_number=BlockNumber(log["blockNumber"]),
            transaction=TxHash(bytes(log["transactionHash"])),
        )
