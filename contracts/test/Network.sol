// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {PilotRegistry} from "../PilotRegistry.sol";
import {Candidate, Parameters} from "../types/PilotTypes.sol";
import {Base} from "./Base.sol";

/// @notice Made-up centers, each known by a number, and a registry founded by some of them.
abstract contract Network is Base {
    uint32 internal constant MINIMUM = 3;
    uint64 internal constant TERM = 365 days;
    uint64 internal constant VOTING = 7 days;
    uint64 internal constant GENESIS_TIME = 1_800_000_000;

    /// An account that belongs to center `number` for a purpose, e.g. "operator".
    function account(uint256 number, string memory purpose) internal pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode(number, purpose)))));
    }

    /// "c0", "c1", …, as the registry writes ids; `number` below 1000.
    function idOf(uint256 number) internal pure returns (bytes32) {
        return bytes32(
            bytes.concat(
                "c", bytes1(uint8(48 + number / 100)), bytes1(uint8(48 + number / 10 % 10)), bytes1(uint8(48 + number % 10))
            )
        );
    }

    function candidate(uint256 number) internal pure returns (Candidate memory) {
        string memory name = string(bytes.concat("center ", idOf(number)));
        return Candidate({
            id: idOf(number),
            logKey: keccak256(abi.encode(number, "log key")),
            economy: "PE",
            operator: account(number, "operator"),
            anchorer: account(number, "anchorer"),
            validator: account(number, "validator"),
            name: name,
            origin: name,
            endpoint: "",
            enode: ""
        });
    }

    function found(uint256 count) internal returns (PilotRegistry) {
        return found(count, MINIMUM);
    }

    function found(uint256 count, uint32 minimum) internal returns (PilotRegistry) {
        vm.warp(GENESIS_TIME);
        vm.roll(1);
        Candidate[] memory founders = new Candidate[](count);
        for (uint256 i = 0; i < count; ++i) founders[i] = candidate(i);
        return new PilotRegistry(founders, Parameters(minimum, TERM, VOTING, 0));
    }
}
