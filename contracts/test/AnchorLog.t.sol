// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AnchorLog} from "../AnchorLog.sol";
import {PilotRegistry} from "../PilotRegistry.sol";
import {MerkleLog} from "../libraries/MerkleLog.sol";
import {Network} from "./Network.sol";
import {ReferenceTree} from "./ReferenceTree.sol";

/// @notice Honest centers append and anchor; cheats try to rewrite, to shrink, and to write elsewhere.
contract LogHandler is Network {
    struct Kept {
        uint256 center;
        uint64 treeSize;
        bytes32 root;
    }

    uint256 public constant CENTERS = 4;
    uint256 private constant LARGEST = 120;
    AnchorLog public immutable log;
    Kept[] private _kept;
    mapping(uint256 center => bytes32[] leaves) private _leaves;
    mapping(uint256 center => uint64) public anchoredSize;
    /// Successes of those who should have none, and failures of those who should.
    uint256 public cheated;
    uint256 public wronged;

    constructor(AnchorLog log_) {
        log = log_;
    }

    function append(uint256 center, uint256 count, uint256 seed) external {
        center = within(center, 0, CENTERS - 1);
        count = within(count, 1, 9);
        for (uint256 i = 0; i < count && _leaves[center].length < LARGEST; ++i) {
            _leaves[center].push(MerkleLog.leafHash(abi.encode(center, seed, i)));
        }
    }

    function anchor(uint256 center) external {
        center = within(center, 0, CENTERS - 1);
        bytes32[] memory leaves = _leaves[center];
        uint64 size = uint64(leaves.length);
        uint64 previous = anchoredSize[center];
        if (size == previous) return;
        bytes32 root = ReferenceTree.rootOf(leaves, size);
        bytes32[] memory proof =
            previous == 0 ? new bytes32[](0) : ReferenceTree.consistency(leaves, previous, size);
        vm.prank(account(center, "anchorer"));
        try log.anchor(idOf(center), size, root, proof) {
            anchoredSize[center] = size;
            _kept.push(Kept(center, size, root));
        } catch {
            wronged++;
        }
    }

    function rewrite(uint256 center, uint256 changed, uint256 more) external {
        center = within(center, 0, CENTERS - 1);
        uint64 previous = anchoredSize[center];
        if (previous == 0) return;
        bytes32[] memory leaves = _leaves[center];
        uint64 size = previous + uint64(within(more, 1, 9));
        bytes32[] memory other = new bytes32[](size);
        for (uint256 i = 0; i < size; ++i) {
            other[i] = i < leaves.length ? leaves[i] : keccak256(abi.encode(i, more));
        }
        other[within(changed, 0, previous - 1)] ^= bytes32(uint256(1) << (changed % 256));
        _cheat(center, center, size, ReferenceTree.rootOf(other, size), ReferenceTree.consistency(other, previous, size));
    }

    function shrink(uint256 center, uint256 to, bytes32 root) external {
        center = within(center, 0, CENTERS - 1);
        uint64 previous = anchoredSize[center];
        if (previous == 0) return;
        _cheat(center, center, uint64(within(to, 0, previous)), root, new bytes32[](0));
    }

    function noise(uint256 center, uint64 size, bytes32 root, bytes32[] calldata proof) external {
        center = within(center, 0, CENTERS - 1);
        if (anchoredSize[center] == 0) return;
        _cheat(center, center, size, root, proof);
    }

    function trespass(uint256 from, uint256 into) external {
        from = within(from, 0, CENTERS);
        into = within(into, 0, CENTERS - 1);
        bytes32[] memory leaves = _leaves[into];
        uint64 previous = anchoredSize[into];
        if (from == into || leaves.length <= previous) return;
        // What the rightful anchorer could send, from another's hand; center CENTERS is a stranger.
        bytes32[] memory proof =
            previous == 0 ? new bytes32[](0) : ReferenceTree.consistency(leaves, previous, leaves.length);
        _cheat(from, into, uint64(leaves.length), ReferenceTree.rootOf(leaves, leaves.length), proof);
    }

    function flip(uint256 center, uint256 where, uint256 bit) external {
        center = within(center, 0, CENTERS - 1);
        bytes32[] memory leaves = _leaves[center];
        uint64 previous = anchoredSize[center];
        if (previous == 0 || leaves.length == previous) return;
        bytes32[] memory proof = ReferenceTree.consistency(leaves, previous, leaves.length);
        proof[within(where, 0, proof.length - 1)] ^= bytes32(uint256(1) << (bit % 256));
        _cheat(center, center, uint64(leaves.length), ReferenceTree.rootOf(leaves, leaves.length), proof);
    }

    function later(uint256 seconds_) external {
        vm.roll(block.number + 1);
        vm.warp(block.timestamp + within(seconds_, 1, 1 hours));
    }

    function keptCount() external view returns (uint256) {
        return _kept.length;
    }

    function kept(uint256 index) external view returns (Kept memory) {
        return _kept[index];
    }

    function leavesOf(uint256 center) external view returns (bytes32[] memory) {
        return _leaves[center];
    }

    function _cheat(uint256 from, uint256 into, uint64 size, bytes32 root, bytes32[] memory proof) private {
        vm.prank(account(from, "anchorer"));
        try log.anchor(idOf(into), size, root, proof) {
            cheated++;
        } catch {}
    }
}

contract AnchorLogInvariants is Network {
    LogHandler private _handler;
    AnchorLog private _log;

    function setUp() external {
        PilotRegistry registry = found(4);
        _log = new AnchorLog(registry);
        _handler = new LogHandler(_log);
        target(address(_handler));
    }

    function invariant_nobody_rewrites_shrinks_or_writes_in_anothers_log() external view {
        vm.assertEq(_handler.cheated(), 0, "no cheat succeeds");
        vm.assertEq(_handler.wronged(), 0, "no honest anchor fails");
    }

    function invariant_an_anchored_root_never_changes() external view {
        for (uint256 i = 0; i < _handler.keptCount(); ++i) {
            LogHandler.Kept memory kept = _handler.kept(i);
            vm.assertEq(_log.rootAt(idOf(kept.center), kept.treeSize), kept.root, "as it was anchored");
        }
    }

    function invariant_the_head_is_the_largest_anchored_tree() external view {
        for (uint256 center = 0; center < _handler.CENTERS(); ++center) {
            (uint64 size, bytes32 root,) = _log.head(idOf(center));
            vm.assertEq(size, _handler.anchoredSize(center), "the last honest size");
            bytes32[] memory leaves = _handler.leavesOf(center);
            vm.assertEq(root, size == 0 ? bytes32(0) : ReferenceTree.rootOf(leaves, size), "of the honest leaves");
        }
    }

    function invariant_old_checkpoints_stay_provable() external view {
        for (uint256 i = 0; i < _handler.keptCount() && i < 4; ++i) {
            LogHandler.Kept memory kept = _handler.kept(i);
            bytes32[] memory leaves = _handler.leavesOf(kept.center);
            bytes32[] memory proof = ReferenceTree.inclusion(leaves, 0, kept.treeSize);
            vm.assertTrue(_log.isIncluded(idOf(kept.center), kept.treeSize, 0, leaves[0], proof), "proves");
            bytes32 other = leaves[0] ^ bytes32(uint256(1));
            vm.assertFalse(_log.isIncluded(idOf(kept.center), kept.treeSize, 0, other, proof), "flipped");
        }
    }
}

contract AnchorLogTest is Network {
    function test_the_slots_hold_what_storage_proofs_look_for() external {
        PilotRegistry registry = found(4);
        AnchorLog log = new AnchorLog(registry);
        bytes32 root = keccak256("root");
        vm.prank(account(0, "anchorer"));
        log.anchor(idOf(0), 255, root, new bytes32[](0));
        bytes32 ofCenter = keccak256(abi.encode(idOf(0), uint256(0)));
        bytes32 slot = keccak256(abi.encode(uint256(255), ofCenter));
        vm.assertEq(vm.load(address(log), slot), root, "the root");
        vm.assertEq(uint256(vm.load(address(registry), 0)), 4, "how many validators");
        address first = address(uint160(uint256(vm.load(address(registry), keccak256(abi.encode(uint256(0)))))));
        vm.assertEq(first, account(0, "validator"), "the first of them");
    }
}
