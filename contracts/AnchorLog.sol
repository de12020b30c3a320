// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAnchorLog} from "./interfaces/IAnchorLog.sol";
import {IPilotRegistry} from "./interfaces/IPilotRegistry.sol";
import {MerkleLog} from "./libraries/MerkleLog.sol";

/// @title The anchored roots of the centers' logs
/// @notice See IAnchorLog.
contract AnchorLog is IAnchorLog {
    struct Head {
        uint64 treeSize;
        uint64 anchoredAt;
    }

    /// @inheritdoc IAnchorLog
    uint64 public constant MAX_GROWTH = 1 << 24;

    // Slots 0 to 2 are read from outside: storage proofs compute the place of a root. Never reorder.
    mapping(bytes32 centerId => mapping(uint256 treeSize => bytes32 root)) private _roots;
    mapping(bytes32 centerId => Head) private _heads;
    // In storage, not immutable: one runtime code for every network, so a genesis may carry it.
    IPilotRegistry private _registry;

    constructor(IPilotRegistry registry_) {
        if (address(registry_).code.length == 0) revert InvalidRegistry(address(registry_));
        _registry = registry_;
    }

    /// @inheritdoc IAnchorLog
    function anchor(bytes32 centerId, uint64 treeSize, bytes32 root, bytes32[] calldata proof) external {
        IPilotRegistry registry_ = _registry;
        if (centerId == 0 || registry_.centerOfAnchorer(msg.sender) != centerId) {
            revert NotAnchorer(centerId, msg.sender);
        }
        if (!registry_.isInGoodStanding(centerId)) revert NotInGoodStanding(centerId);
        if (treeSize == 0) revert EmptyTree(centerId);
        if (root == 0) revert ZeroRoot(centerId);

        uint64 previousSize = _heads[centerId].treeSize;
        if (treeSize <= previousSize) {
            bytes32 anchored = _roots[centerId][treeSize];
            if (anchored == root) revert AlreadyAnchored(centerId, treeSize);
            if (anchored != 0) revert RootDiffers(centerId, treeSize, anchored, root);
            revert TreeShrinks(centerId, previousSize, treeSize);
        }
        // Who makes up leaves can also prove that they extend the log: only this keeps a stolen key from ending it in one stroke.
        if (treeSize - previousSize > MAX_GROWTH) revert GrowthTooLarge(centerId, previousSize, treeSize);
        bool isExtension = previousSize == 0
            ? proof.length == 0
            : MerkleLog.isConsistent(previousSize, _roots[centerId][previousSize], treeSize, root, proof);
        if (!isExtension) revert InconsistentTree(centerId, previousSize, treeSize);

        _roots[centerId][treeSize] = root;
        _heads[centerId] = Head({treeSize: treeSize, anchoredAt: uint64(block.timestamp)});
        emit Anchored(centerId, treeSize, root, previousSize);
    }

    /// @inheritdoc IAnchorLog
    function head(bytes32 centerId) external view returns (uint64 treeSize, bytes32 root, uint64 anchoredAt) {
        Head memory last = _heads[centerId];
        return (last.treeSize, _roots[centerId][last.treeSize], last.anchoredAt);
    }

    /// @inheritdoc IAnchorLog
    function rootAt(bytes32 centerId, uint64 treeSize) external view returns (bytes32) {
        return _roots[centerId][treeSize];
    }

    /// @inheritdoc IAnchorLog
    function isIncluded(bytes32 centerId, uint64 treeSize, uint64 leafIndex, bytes32 leafHash, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        bytes32 root = _roots[centerId][treeSize];
        return root != 0 && MerkleLog.isIncluded(leafHash, leafIndex, treeSize, root, proof);
    }

    /// @inheritdoc IAnchorLog
    function registry() external view returns (IPilotRegistry) {
        return _registry;
    }
}
