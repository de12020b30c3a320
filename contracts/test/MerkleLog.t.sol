// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MerkleLog} from "../libraries/MerkleLog.sol";
import {Base} from "./Base.sol";
import {ReferenceTree} from "./ReferenceTree.sol";

contract MerkleLogTest is Base {
    uint256 private constant LARGEST = 70;

    // The library takes calldata, so it is reached from outside.
    function isIncluded(bytes32 leaf, uint64 index, uint64 size, bytes32 root, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        return MerkleLog.isIncluded(leaf, index, size, root, proof);
    }

    function isConsistent(uint64 oldSize, bytes32 oldRoot, uint64 newSize, bytes32 newRoot, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        return MerkleLog.isConsistent(oldSize, oldRoot, newSize, newRoot, proof);
    }

    function leavesOf(uint256 seed, uint256 size) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](size);
        for (uint256 i = 0; i < size; ++i) leaves[i] = MerkleLog.leafHash(abi.encode(seed, i));
    }

    function flipped(bytes32 word, uint256 seed) private pure returns (bytes32) {
        return word ^ bytes32(uint256(1) << (seed % 256));
    }

    function test_hashes_are_those_of_the_standard() external view {
        // A leaf hash never equals a node hash over the same bytes: their prefixes differ.
        bytes32 left = keccak256("left");
        bytes32 right = keccak256("right");
        vm.assertEq(MerkleLog.leafHash("entry"), sha256(bytes.concat(hex"00", "entry")), "leaf");
        vm.assertEq(MerkleLog.nodeHash(left, right), sha256(bytes.concat(hex"01", left, right)), "node");
        vm.assertTrue(MerkleLog.nodeHash(left, right) != MerkleLog.nodeHash(right, left), "sides are never swapped");
        vm.assertTrue(MerkleLog.leafHash(bytes.concat(left, right)) != MerkleLog.nodeHash(left, right), "prefixes");
    }

    function test_every_leaf_of_every_small_tree_proves_and_at_no_other_place() external view {
        for (uint256 size = 1; size <= 17; ++size) {
            bytes32[] memory leaves = leavesOf(1, size);
            bytes32 root = ReferenceTree.rootOf(leaves, size);
            for (uint256 index = 0; index < size; ++index) {
                bytes32[] memory proof = ReferenceTree.inclusion(leaves, index, size);
                for (uint256 claimed = 0; claimed <= size; ++claimed) {
                    bool answer = this.isIncluded(leaves[index], uint64(claimed), uint64(size), root, proof);
                    vm.assertEq(answer ? 1 : 0, claimed == index ? 1 : 0, "included exactly where it stands");
                }
            }
        }
    }

    function test_every_small_tree_extends_each_before_it_and_no_other_root_passes() external view {
        bytes32[] memory leaves = leavesOf(2, 17);
        for (uint256 newSize = 1; newSize <= 17; ++newSize) {
            bytes32 newRoot = ReferenceTree.rootOf(leaves, newSize);
            for (uint256 oldSize = 1; oldSize <= newSize; ++oldSize) {
                bytes32[] memory proof = ReferenceTree.consistency(leaves, oldSize, newSize);
                for (uint256 other = 1; other <= newSize; ++other) {
                    bytes32 root = ReferenceTree.rootOf(leaves, other);
                    bool answer = this.isConsistent(uint64(oldSize), root, uint64(newSize), newRoot, proof);
                    vm.assertEq(answer ? 1 : 0, other == oldSize ? 1 : 0, "consistent exactly with its own past");
                }
            }
        }
    }

    function testFuzz_inclusion_proves_and_any_flipped_bit_does_not(uint256 seed, uint256 size, uint256 index)
        external
        view
    {
        size = within(size, 1, LARGEST);
        index = within(index, 0, size - 1);
        bytes32[] memory leaves = leavesOf(seed, size);
        bytes32 root = ReferenceTree.rootOf(leaves, size);
        bytes32[] memory proof = ReferenceTree.inclusion(leaves, index, size);
        bytes32 leaf = leaves[index];
        vm.assertTrue(this.isIncluded(leaf, uint64(index), uint64(size), root, proof), "proves");
        vm.assertFalse(this.isIncluded(flipped(leaf, seed), uint64(index), uint64(size), root, proof), "leaf");
        vm.assertFalse(this.isIncluded(leaf, uint64(index), uint64(size), flipped(root, seed), proof), "root");
        vm.assertFalse(
            this.isIncluded(leaf, uint64(index), uint64(size), root, ReferenceTree.append(proof, root)), "one too many"
        );
        for (uint256 i = 0; i < proof.length; ++i) {
            bytes32 whole = proof[i];
            proof[i] = flipped(whole, uint256(keccak256(abi.encode(seed, i))));
            vm.assertFalse(this.isIncluded(leaf, uint64(index), uint64(size), root, proof), "node");
            proof[i] = whole;
        }
        if (proof.length != 0) {
            bytes32[] memory shorter = new bytes32[](proof.length - 1);
            for (uint256 i = 0; i < shorter.length; ++i) shorter[i] = proof[i];
            vm.assertFalse(this.isIncluded(leaf, uint64(index), uint64(size), root, shorter), "one too few");
        }
    }

    function testFuzz_consistency_proves_and_any_flipped_bit_does_not(uint256 seed, uint256 newSize, uint256 oldSize)
        external
        view
    {
        newSize = within(newSize, 2, LARGEST);
        oldSize = within(oldSize, 1, newSize - 1);
        bytes32[] memory leaves = leavesOf(seed, newSize);
        bytes32 oldRoot = ReferenceTree.rootOf(leaves, oldSize);
        bytes32 newRoot = ReferenceTree.rootOf(leaves, newSize);
        bytes32[] memory proof = ReferenceTree.consistency(leaves, oldSize, newSize);
        vm.assertTrue(this.isConsistent(uint64(oldSize), oldRoot, uint64(newSize), newRoot, proof), "proves");
        vm.assertFalse(
            this.isConsistent(uint64(oldSize), flipped(oldRoot, seed), uint64(newSize), newRoot, proof), "old root"
        );
        vm.assertFalse(
            this.isConsistent(uint64(oldSize), oldRoot, uint64(newSize), flipped(newRoot, seed), proof), "new root"
        );
        vm.assertFalse(
            this.isConsistent(
                uint64(oldSize), oldRoot, uint64(newSize), newRoot, ReferenceTree.append(proof, newRoot)
            ),
            "one too many"
        );
        for (uint256 i = 0; i < proof.length; ++i) {
            bytes32 whole = proof[i];
            proof[i] = flipped(whole, uint256(keccak256(abi.encode(seed, i))));
            vm.assertFalse(this.isConsistent(uint64(oldSize), oldRoot, uint64(newSize), newRoot, proof), "node");
            proof[i] = whole;
        }
        bytes32[] memory shorter = new bytes32[](proof.length - 1);
        for (uint256 i = 0; i < shorter.length; ++i) shorter[i] = proof[i];
        vm.assertFalse(this.isConsistent(uint64(oldSize), oldRoot, uint64(newSize), newRoot, shorter), "one too few");
    }

    function testFuzz_a_rewritten_past_never_passes(uint256 seed, uint256 newSize, uint256 oldSize, uint256 changed)
        external
        view
    {
        newSize = within(newSize, 2, LARGEST);
        oldSize = within(oldSize, 1, newSize - 1);
        bytes32[] memory leaves = leavesOf(seed, newSize);
        bytes32 oldRoot = ReferenceTree.rootOf(leaves, oldSize);
        leaves[within(changed, 0, oldSize - 1)] = MerkleLog.leafHash("another past");
        // An honest proof about the rewritten tree: the strongest a cheat can offer.
        bytes32[] memory proof = ReferenceTree.consistency(leaves, oldSize, newSize);
        bytes32 newRoot = ReferenceTree.rootOf(leaves, newSize);
        vm.assertFalse(this.isConsistent(uint64(oldSize), oldRoot, uint64(newSize), newRoot, proof), "rewritten");
    }

    function testFuzz_noise_is_refused_and_never_reverts(
        uint64 first,
        uint64 second,
        bytes32 one,
        bytes32 other,
        bytes32[] calldata proof
    ) external view {
        vm.assume(one != other);
        vm.assertFalse(this.isIncluded(one, first, second, other, proof), "inclusion");
        vm.assertFalse(this.isConsistent(first, one, second, other, proof), "consistency");
    }

    function test_the_largest_sizes_end_and_are_refused() external view {
        bytes32[] memory proof = new bytes32[](200);
        uint64 most = type(uint64).max;
        vm.assertFalse(this.isIncluded(0, most - 1, most, 0, proof), "inclusion");
        vm.assertFalse(this.isConsistent(most - 1, 0, most, 0, proof), "consistency");
        vm.assertFalse(this.isConsistent(0, 0, most, 0, proof), "nothing comes before the first leaf");
    }
}
