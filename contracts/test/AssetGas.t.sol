// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";

import {Evidence, RetirementRequest} from "../types/AssetTypes.sol";
import {AssetWorld} from "./AssetWorld.sol";

/// @notice What a bare token costs: no rules, no evidence, no sums.
contract BareToken is ERC1155("") {
    function mint(address to, uint256 id, uint256 quantity) external {
        _mint(to, id, quantity, "");
    }

    function burn(address from, uint256 id, uint256 quantity) external {
        _burn(from, id, quantity);
    }
}

/// @notice Whole transactions, by the number of issuances there are: it must not matter. Prints `GAS <what> <issuances> <gas>`.
/// @dev What a hundred thousand issuances leave in storage is written there, word for word as the first one left it; a test shows
/// that it reads as if they had been issued. A bare token's transactions are beside it.
abstract contract AssetGasWorld is AssetWorld {
    // By the artifacts' storage layout.
    uint256 private _issuanceIds;
    uint256 private _issuances;
    uint256 private _totals;
    uint256 private _admissions;
    uint256 private _certifiers;
    uint256 private _serials;
    uint256 private _evidenceCounts;
    uint256 private constant ISSUANCE_WORDS = 6;
    uint256 private constant EVIDENCE_WORDS = 7;
    uint256 private constant CERTIFIER_WORDS = 2;
    uint128 internal constant QUANTITY = 1_000;
    bytes32 private constant LINE = keccak256("line");

    BareToken private _bare;

    function setUp() external {
        build();
        string memory artifact = vm.readFile("api/greenlane/adapters/evm/abi/GreenAsset.json");
        _issuanceIds = slotOf(artifact, "_issuanceIds");
        _issuances = slotOf(artifact, "_issuances");
        _totals = slotOf(artifact, "_totals");
        artifact = vm.readFile("api/greenlane/adapters/evm/abi/EvidenceRegister.json");
        _admissions = slotOf(artifact, "_admissions");
        _certifiers = slotOf(artifact, "_certifiers");
        _serials = slotOf(artifact, "_serials");
        _evidenceCounts = slotOf(artifact, "_evidenceCounts");
        _bare = new BareToken();
    }

    function group() internal pure virtual returns (string memory);

    // ---- inside ----

    function measure(uint256 count) internal {
        uint256 first = issue(numbered(1), QUANTITY);
        // Whom units come to for the first time is remembered: once, whatever there is.
        give(FARM, CITY, first, 10);
        vm.prank(signer(CITY));
        _asset.safeTransferFrom(signer(CITY), signer(FARM), first, 1, "");
        bytes32 escrowId = escrow(FARM, CITY, first, 10, LINE);
        vm.prank(signer(CITY));
        _asset.accept(escrowId);
        vm.prank(signer(CITY));
        _asset.retire(_claim(first, bytes32("first")));
        fill(first, count);

        Evidence memory next = numbered(count + 1);
        Proof memory proof = proofOf(next);
        (address farm, address city) = (signer(FARM), signer(CITY));
        vm.prank(farm);
        uint256 tokenId = _asset.issue(next, proof.signature, proof.inclusion, proof.placement, QUANTITY);
        _print("issue", count);
        vm.prank(farm);
        _asset.safeTransferFrom(farm, city, tokenId, 100, "");
        _print("transfer", count);
        vm.prank(farm);
        escrowId = _asset.escrow(tokenId, 100, city, bytes32("line"), uint64(block.timestamp + 7 days));
        _print("escrow", count);
        vm.prank(city);
        _asset.accept(escrowId);
        _print("accept", count);
        vm.prank(city);
        _asset.retire(_claim(tokenId, bytes32("second")));
        _print("retire", count);
        _measureBare(count, tokenId, farm, city);
    }

    function _measureBare(uint256 count, uint256 tokenId, address farm, address city) private {
        _bare.mint(farm, tokenId, QUANTITY);
        _print("bare-mint", count);
        vm.prank(farm);
        _bare.safeTransferFrom(farm, city, tokenId, 100, "");
        _print("bare-transfer", count);
        vm.prank(city);
        _bare.burn(city, tokenId, 50);
        _print("bare-burn", count);
    }

    function _print(string memory what, uint256 count) private {
        uint256 gas_ = vm.snapshotGasLastCall(group(), string.concat(what, " among ", decimal(count)));
        string memory line = string.concat("GAS ", what, " ", decimal(count), " ", decimal(gas_));
        // console.log's address and call, by convention of the runner.
        (bool isPrinted,) =
            address(0x000000000000000000636F6e736F6c652e6c6f67).staticcall(abi.encodeWithSignature("log(string)", line));
        vm.assertTrue(isPrinted, "printed");
    }

    /// Number n has the serials from 1,000 n on, without a lot, so that all of them stand in one list.
    function numbered(uint256 number) internal view returns (Evidence memory given) {
        given = statement(number);
        given.lot = 0;
        (given.serialFrom, given.serialTo) = (uint64(1_000 * number + 1), uint64(1_000 * number + 1_000));
    }

    function _claim(uint256 tokenId, bytes32 ref) private view returns (RetirementRequest memory request) {
        request = claim(1, tokenId, 5);
        (request.lot, request.ref) = (0, ref);
    }

    /// Writes what issuances 2 to `count` would have left, as the first one left it.
    function fill(uint256 first, uint256 count) internal {
        bytes32[ISSUANCE_WORDS] memory issued;
        bytes32[EVIDENCE_WORDS] memory admitted;
        bytes32[CERTIFIER_WORDS] memory certifier;
        uint256 at_ = uint256(keccak256(abi.encode(first, _issuances)));
        for (uint256 i = 0; i < ISSUANCE_WORDS; ++i) issued[i] = vm.load(address(_asset), bytes32(at_ + i));
        at_ = uint256(keccak256(abi.encode(first, _ofAsset(_admissions))));
        for (uint256 i = 0; i < EVIDENCE_WORDS; ++i) admitted[i] = vm.load(address(_register), bytes32(at_ + i));
        at_ = uint256(keccak256(abi.encode(first, _certifiers)));
        for (uint256 i = 0; i < CERTIFIER_WORDS; ++i) certifier[i] = vm.load(address(_register), bytes32(at_ + i));
        uint256 list = uint256(keccak256(abi.encode(_issuanceIds)));
        bytes32 ranges = keccak256(abi.encode(bytes32("origin"), _ofAsset(_serials)));
        for (uint256 number = 2; number <= count; ++number) {
            bytes32 tokenId = keccak256(abi.encode("issuance", number));
            at_ = uint256(keccak256(abi.encode(tokenId, _issuances)));
            for (uint256 i = 0; i < ISSUANCE_WORDS; ++i) vm.store(address(_asset), bytes32(at_ + i), issued[i]);
            at_ = uint256(keccak256(abi.encode(tokenId, _ofAsset(_admissions))));
            for (uint256 i = 0; i < EVIDENCE_WORDS; ++i) vm.store(address(_register), bytes32(at_ + i), admitted[i]);
            at_ = uint256(keccak256(abi.encode(tokenId, _certifiers)));
            for (uint256 i = 0; i < CERTIFIER_WORDS; ++i) vm.store(address(_register), bytes32(at_ + i), certifier[i]);
            vm.store(address(_asset), bytes32(list + number - 1), tokenId);
            _link(ranges, number - 1, number);
            if (number == count) _link(ranges, number, 0);
        }
        if (count == 1) return;
        vm.store(address(_asset), bytes32(_issuanceIds), bytes32(count));
        vm.store(address(_register), _ofAsset(_evidenceCounts), bytes32(count));
        bytes32 issuedOfClass = keccak256(abi.encode(COCOA, _totals));
        vm.store(address(_asset), issuedOfClass, bytes32(count * QUANTITY));
    }

    /// Where the register keeps under a slot what the asset contract asked for.
    function _ofAsset(uint256 slot) private view returns (bytes32) {
        return keccak256(abi.encode(address(_asset), slot));
    }

    /// The range of statement `number`, with that of `next` behind it; 0 for none.
    function _link(bytes32 ranges, uint256 number, uint256 next) private {
        uint256 place = 1_000 * number + 2;
        uint256 word = 1 | (1_000 * number + 1_000) << 8;
        if (next != 0) word |= (1_000 * next + 2) << 72;
        vm.store(address(_register), keccak256(abi.encode(place, ranges)), bytes32(word));
    }
}

/// @notice In every `make test`: with few, and with many more.
contract AssetGas is AssetGasWorld {
    function group() internal pure override returns (string memory) {
        return "GreenAsset";
    }

    function test_with_1_issuance() external {
        measure(1);
    }

    function test_with_1000_issuances() external {
        measure(1_000);
    }

    function test_what_is_written_is_what_issuing_writes() external {
        uint256 first = issue(numbered(1), QUANTITY);
        fill(first, 2);
        uint256 written = _asset.issuanceIds(1, 1)[0];
        vm.assertEq(
            keccak256(abi.encode(_asset.issuance(written))), keccak256(abi.encode(_asset.issuance(first))), "issuance"
        );
        vm.assertEq(
            keccak256(abi.encode(_register.evidence(address(_asset), bytes32(written)))),
            keccak256(abi.encode(_register.evidence(address(_asset), bytes32(first)))),
            "evidence"
        );
        vm.assertEq(_asset.issuanceCount(), 2);
        vm.assertEq(_register.evidenceCount(address(_asset)), 2);
        vm.assertEq(_asset.totals(COCOA).issued, 2 * QUANTITY);
        Evidence memory third = numbered(3);
        vm.assertEq(placementOf(third).serialAfter, 2_000 + 2, "the second range stands before the third");
        uint256 tokenId = issue(third, QUANTITY);
        vm.assertEq(_asset.balanceOf(signer(FARM), tokenId), QUANTITY);
    }
}

/// @notice For the benchmark: to write so many takes half a minute.
contract AssetGasOfMany is AssetGasWorld {
    function group() internal pure override returns (string memory) {
        return "GreenAssetOfMany";
    }

    function test_with_100000_issuances() external {
        measure(100_000);
    }
}
