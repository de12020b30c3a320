// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AnchorLog} from "../AnchorLog.sol";
import {PilotRegistry} from "../PilotRegistry.sol";
import {Network} from "./Network.sol";
import {ReferenceTree} from "./ReferenceTree.sol";

/// @notice What a whole transaction costs; contracts/snapshots holds the figures, and `FOUNDRY_PROFILE=gas forge test` compares.
contract Gas is Network {
    AnchorLog private _log;
    PilotRegistry private _registry;
    bytes32[] private _leaves;

    function setUp() external {
        _registry = found(5);
        _log = new AnchorLog(_registry);
        for (uint256 i = 0; i < 1_024; ++i) _leaves.push(keccak256(abi.encode(i)));
    }

    function test_anchor() external {
        _anchor(0, 1);
        vm.snapshotGasLastCall("AnchorLog", "anchor the first tree");
        _anchor(1, 2);
        vm.snapshotGasLastCall("AnchorLog", "anchor 1 to 2");
        _anchor(2, 100);
        vm.snapshotGasLastCall("AnchorLog", "anchor 2 to 100");
        _anchor(100, 101);
        vm.snapshotGasLastCall("AnchorLog", "anchor 100 to 101");
        _anchor(101, 1_024);
        vm.snapshotGasLastCall("AnchorLog", "anchor 101 to 1024");
    }

    function test_anchor_after_a_million_leaves() external {
        // Twenty levels above the first leaf: made of one path, since no such tree fits into a test.
        bytes32[] memory proof = new bytes32[](20);
        bytes32 root = keccak256("left half");
        vm.prank(account(0, "anchorer"));
        _log.anchor(idOf(0), 1, root, new bytes32[](0));
        for (uint256 i = 0; i < 20; ++i) {
            proof[i] = keccak256(abi.encode(i));
            root = sha256(bytes.concat(hex"01", root, proof[i]));
        }
        vm.prank(account(0, "anchorer"));
        _log.anchor(idOf(0), 1_048_576, root, proof);
        vm.snapshotGasLastCall("AnchorLog", "anchor 1 to 1048576");
    }

    function test_govern() external {
        vm.prank(account(0, "operator"));
        bytes32 proposalId = _registry.nominate(candidate(5));
        vm.snapshotGasLastCall("PilotRegistry", "nominate");
        for (uint256 i = 1; i < 4; ++i) {
            vm.prank(account(i, "operator"));
            _registry.vote(proposalId);
            vm.snapshotGasLastCall("PilotRegistry", i < 3 ? "vote" : "vote and admit");
        }
    }

    function test_vouch() external {
        vm.prank(account(0, "operator"));
        _registry.vouch("member", account(0, "member"), 3, 0, 0);
        vm.snapshotGasLastCall("PilotRegistry", "vouch");
    }

    function _anchor(uint64 from, uint64 size) private {
        bytes32[] memory leaves = _leaves;
        bytes32[] memory proof = from == 0 ? new bytes32[](0) : ReferenceTree.consistency(leaves, from, size);
        bytes32 root = ReferenceTree.rootOf(leaves, size);
        vm.prank(account(0, "anchorer"));
        _log.anchor(idOf(0), size, root, proof);
    }
}
