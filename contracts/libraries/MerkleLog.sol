// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Proofs about an append-only Merkle tree
/// @notice Leaves are SHA-256(0x00 ‖ entry), inner nodes SHA-256(0x01 ‖ left ‖ right); left and right are never swapped.
/// @dev Source: RFC 9162, sections 2.1.1, 2.1.3.2 and 2.1.4.2. A proof that does not show its claim is a plain false: the
/// caller knows what to say about it. No loop runs longer than the bits of a tree size, whatever the proof's length.
library MerkleLog {
    /// @notice The hash of an entry as a leaf.
    function leafHash(bytes memory entry) internal pure returns (bytes32) {
        return sha256(bytes.concat(hex"00", entry));
    }

    /// @notice The hash of two neighbouring subtrees.
    function nodeHash(bytes32 left, bytes32 right) internal view returns (bytes32 node) {
        // By hand: abi.encodePacked would claim new memory for each of up to 130 hashes.
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore8(free, 1)
            mstore(add(free, 1), left)
            mstore(add(free, 33), right)
            // The precompile cannot fail but for want of gas, and then 63/64 of it are gone: stop rather than go on with a zero.
            if iszero(staticcall(gas(), 2, free, 65, 0, 32)) { revert(0, 0) }
            node := mload(0)
        }
    }

    /// @notice Whether the tree of `treeSize` leaves under `root` holds `leaf` at `leafIndex`.
    /// @param leaf hash of the leaf.
    /// @param leafIndex counted from 0.
    /// @param treeSize how many leaves the tree has.
    /// @param root root of that tree.
    /// @param proof siblings from the leaf upward.
    function isIncluded(bytes32 leaf, uint64 leafIndex, uint64 treeSize, bytes32 root, bytes32[] calldata proof)
        internal
        view
        returns (bool)
    {
        if (leafIndex >= treeSize) return false;
        uint256 index = leafIndex;
        uint256 last = treeSize - 1;
        bytes32 node = leaf;
        for (uint256 i = 0; i < proof.length; ++i) {
            if (last == 0) return false;
            if (index & 1 == 1 || index == last) {
                node = nodeHash(proof[i], node);
                while (index & 1 == 0 && index != 0) {
                    index >>= 1;
                    last >>= 1;
                }
            } else {
                node = nodeHash(node, proof[i]);
            }
            index >>= 1;
            last >>= 1;
        }
        return last == 0 && node == root;
    }

    /// @notice Whether the tree of `newSize` leaves under `newRoot` begins with the tree of `oldSize` leaves under `oldRoot`.
    /// @param oldSize at least 1.
    /// @param oldRoot root of the older tree.
    /// @param newSize at least `oldSize`; where equal, the roots must be and the proof is empty.
    /// @param newRoot root of the newer tree.
    /// @param proof the hashes of RFC 9162, 2.1.4.1.
    function isConsistent(uint64 oldSize, bytes32 oldRoot, uint64 newSize, bytes32 newRoot, bytes32[] calldata proof)
        internal
        view
        returns (bool)
    {
        if (oldSize == 0 || oldSize > newSize) return false;
        if (oldSize == newSize) return proof.length == 0 && oldRoot == newRoot;
        if (proof.length == 0) return false;

        uint256 index = oldSize - 1;
        uint256 last = newSize - 1;
        while (index & 1 == 1) {
            index >>= 1;
            last >>= 1;
        }
        // A whole older tree is itself the first node of the path, and is not sent twice.
        bool isWhole = oldSize & (oldSize - 1) == 0;
        bytes32 oldNode = isWhole ? oldRoot : proof[0];
        bytes32 newNode = oldNode;
        for (uint256 i = isWhole ? 0 : 1; i < proof.length; ++i) {
            if (last == 0) return false;
            if (index & 1 == 1 || index == last) {
                oldNode = nodeHash(proof[i], oldNode);
                newNode = nodeHash(proof[i], newNode);
                while (index & 1 == 0 && index != 0) {
                    index >>= 1;
                    last >>= 1;
                }
            } else {
                newNode = nodeHash(newNode, proof[i]);
            }
            index >>= 1;
            last >>= 1;
        }
        return last == 0 && oldNode == oldRoot && newNode == newRoot;
    }
}
