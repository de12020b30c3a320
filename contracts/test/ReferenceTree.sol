// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice Trees and proofs as RFC 9162 defines them, by recursion over the leaves (2.1.1, 2.1.3.1, 2.1.4.1).
/// @dev Shares nothing with MerkleLog, which knows only the verifier's algorithms: where both agree, neither is wrong alone.
library ReferenceTree {
    function rootOf(bytes32[] memory leaves, uint256 begin, uint256 end) internal pure returns (bytes32) {
        if (end - begin == 1) return leaves[begin];
        uint256 middle = begin + split(end - begin);
        return sha256(bytes.concat(hex"01", rootOf(leaves, begin, middle), rootOf(leaves, middle, end)));
    }

    function rootOf(bytes32[] memory leaves, uint256 size) internal pure returns (bytes32) {
        return rootOf(leaves, 0, size);
    }

    function inclusion(bytes32[] memory leaves, uint256 index, uint256 size)
        internal
        pure
        returns (bytes32[] memory proof)
    {
        return inclusionWithin(leaves, index, 0, size);
    }

    function inclusionWithin(bytes32[] memory leaves, uint256 index, uint256 begin, uint256 end)
        internal
        pure
        returns (bytes32[] memory)
    {
        if (end - begin == 1) return new bytes32[](0);
        uint256 middle = begin + split(end - begin);
        return index < middle
            ? append(inclusionWithin(leaves, index, begin, middle), rootOf(leaves, middle, end))
            : append(inclusionWithin(leaves, index, middle, end), rootOf(leaves, begin, middle));
    }

    function consistency(bytes32[] memory leaves, uint256 oldSize, uint256 newSize)
        internal
        pure
        returns (bytes32[] memory)
    {
        return oldSize == newSize ? new bytes32[](0) : subproof(leaves, oldSize, 0, newSize, true);
    }

    function subproof(bytes32[] memory leaves, uint256 oldSize, uint256 begin, uint256 end, bool isWhole)
        internal
        pure
        returns (bytes32[] memory)
    {
        if (oldSize == end) {
            return isWhole ? new bytes32[](0) : append(new bytes32[](0), rootOf(leaves, begin, end));
        }
        uint256 middle = begin + split(end - begin);
        return oldSize <= middle
            ? append(subproof(leaves, oldSize, begin, middle, isWhole), rootOf(leaves, middle, end))
            : append(subproof(leaves, oldSize, middle, end, false), rootOf(leaves, begin, middle));
    }

    /// The largest power of two below `size`.
    function split(uint256 size) internal pure returns (uint256 power) {
        power = 1;
        while (power * 2 < size) power *= 2;
    }

    function append(bytes32[] memory list, bytes32 last) internal pure returns (bytes32[] memory longer) {
        longer = new bytes32[](list.length + 1);
        for (uint256 i = 0; i < list.length; ++i) longer[i] = list[i];
        longer[list.length] = last;
    }
}
