// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IPilotRegistry} from "./IPilotRegistry.sol";

/// @title The anchored roots of the centers' logs
/// @notice One append-only log for each active center. A center cannot rewrite its own history, nobody else can write in its
/// log, and every root once anchored stays readable.
interface IAnchorLog {
    /// @notice A root now stands on the chain.
    /// @param centerId whose log.
    /// @param treeSize leaves of the anchored tree.
    /// @param root its root.
    /// @param previousSize leaves of the tree anchored before; 0 for the first.
    event Anchored(bytes32 indexed centerId, uint64 indexed treeSize, bytes32 root, uint64 previousSize);

    /// @notice The deployment names no contract as registry.
    error InvalidRegistry(address registry);
    /// @notice The caller does not anchor for this center.
    error NotAnchorer(bytes32 centerId, address caller);
    /// @notice The center is not active, or its term has not begun or is over.
    error NotInGoodStanding(bytes32 centerId);
    /// @notice An empty tree has nothing to anchor.
    error EmptyTree(bytes32 centerId);
    /// @notice The tree has more than MAX_GROWTH leaves more than the last anchored one.
    error GrowthTooLarge(bytes32 centerId, uint64 anchoredSize, uint64 treeSize);
    /// @notice Zero is no root: it is how the log says "nothing anchored".
    error ZeroRoot(bytes32 centerId);
    /// @notice This very root is anchored already at this size; there is nothing left to do.
    error AlreadyAnchored(bytes32 centerId, uint64 treeSize);
    /// @notice Another root is anchored at this size.
    error RootDiffers(bytes32 centerId, uint64 treeSize, bytes32 anchored, bytes32 given);
    /// @notice The tree is smaller than the last anchored one.
    error TreeShrinks(bytes32 centerId, uint64 anchoredSize, uint64 treeSize);
    /// @notice The proof does not show that the new tree extends the last anchored one; for a first anchor it must be empty.
    error InconsistentTree(bytes32 centerId, uint64 anchoredSize, uint64 treeSize);

    /// @notice Anchors a root, having verified that its tree extends the last anchored one.
    /// @param centerId the caller must be the anchorer of this center, and the center in good standing.
    /// @param treeSize larger than the last anchored size, by MAX_GROWTH at most.
    /// @param root root of the tree; never zero.
    /// @param proof consistency proof from the last anchored size (RFC 9162, 2.1.4.1); empty for the first anchor.
    function anchor(bytes32 centerId, uint64 treeSize, bytes32 root, bytes32[] calldata proof) external;

    /// @notice Leaves by which one anchor may extend a log. A log that is ahead by more is anchored in steps.
    function MAX_GROWTH() external view returns (uint64);

    /// @notice The last anchored tree of a center.
    /// @return treeSize 0 where nothing is anchored.
    /// @return root zero where nothing is anchored.
    /// @return anchoredAt time of its block, unix seconds.
    function head(bytes32 centerId) external view returns (uint64 treeSize, bytes32 root, uint64 anchoredAt);

    /// @notice The root anchored at exactly this size; zero where none was.
    function rootAt(bytes32 centerId, uint64 treeSize) external view returns (bytes32);

    /// @notice Whether an anchored tree holds a leaf. False also where no root is anchored at `treeSize`.
    /// @param leafIndex counted from 0.
    /// @param leafHash SHA-256(0x00 ‖ entry).
    /// @param proof siblings from the leaf upward (RFC 9162, 2.1.3.1).
    function isIncluded(bytes32 centerId, uint64 treeSize, uint64 leafIndex, bytes32 leafHash, bytes32[] calldata proof)
        external
        view
        returns (bool);

    /// @notice The registry that says who anchors for whom.
    function registry() external view returns (IPilotRegistry);
}
