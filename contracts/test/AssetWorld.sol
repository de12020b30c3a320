// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AnchorLog} from "../AnchorLog.sol";
import {PilotRegistry} from "../PilotRegistry.sol";
import {IEvidenceRegister} from "../interfaces/IEvidenceRegister.sol";
import {IGreenAsset} from "../interfaces/IGreenAsset.sol";
import {
    Act,
    AssetClass,
    CustodyModel,
    Evidence,
    Inclusion,
    Placement,
    RetirementRequest
} from "../types/AssetTypes.sol";
import {Network} from "./Network.sol";
import {ReferenceTree} from "./ReferenceTree.sol";

/// @notice A network of four centers with members, logs and classes, in which units can be issued and traded.
abstract contract AssetWorld is Network {
    uint256 internal constant CENTERS = 4;
    // Members by number; number n is vouched for by center n % CENTERS.
    uint256 internal constant FARM = 1;
    uint256 internal constant LAB = 2;
    uint256 internal constant CITY = 3;
    uint256 internal constant MILL = 4;
    uint256 internal constant SHOP = 5;
    uint256 internal constant OTHER_LAB = 6;
    uint256 internal constant STRANGER = 99;
    uint8 internal constant ENTERPRISE = 1;
    uint8 internal constant CERTIFIER = 2;
    uint8 internal constant BUYER = 4;
    uint32 internal constant TODAY = uint32(GENESIS_TIME / 1 days);
    bytes32 internal constant COCOA = "cocoa";
    bytes32 internal constant HABIT = "habit";

    PilotRegistry internal _registry;
    AnchorLog internal _log;
    IEvidenceRegister internal _register;
    IGreenAsset internal _asset;
    mapping(uint256 center => bytes32[]) private _leaves;
    mapping(uint256 member => uint256 times) private _keyChanges;
    uint256 private _salt;

    function build() internal {
        _registry = found(CENTERS);
        _log = new AnchorLog(_registry);
        _register = IEvidenceRegister(deploy("EvidenceRegister", abi.encode(_registry, _log)));
        _asset = IGreenAsset(deploy("GreenAsset", abi.encode(_registry, _register)));
        vouch(FARM, ENTERPRISE);
        vouch(LAB, CERTIFIER);
        vouch(CITY, BUYER);
        vouch(MILL, ENTERPRISE);
        vouch(SHOP, ENTERPRISE + BUYER);
        vouch(OTHER_LAB, CERTIFIER + ENTERPRISE);
        admitClass(class(COCOA, true));
        admitClass(class(HABIT, false));
    }

    /// Deploys the very bytes that are shipped; reverts as the constructor does.
    function deploy(string memory name, bytes memory arguments) internal returns (address deployed) {
        string memory path = string.concat("api/greenlane/adapters/evm/abi/", name, ".json");
        bytes memory code = bytes.concat(vm.parseJsonBytes(vm.readFile(path), ".bytecode"), arguments);
        assembly {
            deployed := create(0, add(code, 32), mload(code))
            if iszero(deployed) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
        }
    }

    /// Where the compiler put a variable.
    function slotOf(string memory artifact, string memory label) internal pure returns (uint256) {
        for (uint256 i = 0; i < 40; ++i) {
            string memory at_ = string.concat(".storageLayout[", decimal(i), "]");
            if (keccak256(bytes(vm.parseJsonString(artifact, string.concat(at_, ".label")))) == keccak256(bytes(label))) {
                return vm.parseJsonUint(artifact, string.concat(at_, ".slot"));
            }
        }
        revert("no such variable");
    }

    function decimal(uint256 number) internal pure returns (string memory) {
        bytes1 last = bytes1(uint8(48 + number % 10));
        return number < 10 ? string(bytes.concat(last)) : string.concat(decimal(number / 10), string(bytes.concat(last)));
    }

    // ---- members ----

    function keyOf(uint256 number) internal view returns (uint256) {
        return uint256(keccak256(abi.encode("member", number, _keyChanges[number]))) >> 1;
    }

    function signer(uint256 number) internal view returns (address) {
        return vm.addr(keyOf(number));
    }

    function memberId(uint256 number) internal pure returns (bytes32) {
        return bytes32(bytes.concat("m", bytes1(uint8(48 + number / 10)), bytes1(uint8(48 + number % 10))));
    }

    function operatorOf(uint256 number) internal pure returns (address) {
        return account(number % CENTERS, "operator");
    }

    function vouch(uint256 number, uint8 roles) internal {
        vm.prank(operatorOf(number));
        _registry.vouch(memberId(number), signer(number), roles, 0, 0);
    }

    function suspend(uint256 number) internal {
        vm.prank(operatorOf(number));
        _registry.suspendMember(memberId(number));
    }

    function reinstate(uint256 number) internal {
        vm.prank(operatorOf(number));
        _registry.reinstateMember(memberId(number));
    }

    /// Gives a member another key; its former account.
    function changeKey(uint256 number) internal returns (address former) {
        former = signer(number);
        _keyChanges[number]++;
        vm.prank(operatorOf(number));
        _registry.rotateMemberKey(memberId(number), signer(number));
    }

    function signature(uint256 number, bytes32 digest) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keyOf(number), digest);
        return abi.encodePacked(r, s, v);
    }

    // ---- classes, pauses and revocations, by centers ----

    function class(bytes32 id, bool isTradable) internal pure returns (AssetClass memory) {
        return AssetClass({
            id: id,
            attribute: "deforestation-free",
            unit: "KGM",
            decimals: 3,
            custodyModel: CustodyModel.MassBalance,
            isTradable: isTradable,
            claimDays: 90,
            name: "Cocoa without deforestation"
        });
    }

    function admitClass(AssetClass memory wanted) internal {
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(account(i, "operator"));
            _asset.voteClass(wanted);
        }
    }

    function pause(bool shouldPause) internal {
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(account(i, "operator"));
            _asset.votePause(shouldPause);
        }
    }

    function revokeByCenters(bytes32 digest, string memory reason) internal {
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(account(i, "operator"));
            _register.voteRevocation(digest, reason);
        }
    }

    // ---- statements ----

    /// One of LAB's for FARM, of a lot of its own, in center 0's log.
    function statement(uint256 number) internal view returns (Evidence memory) {
        return Evidence({
            id: keccak256(abi.encode("statement", number)),
            centerId: idOf(0),
            certifier: signer(LAB),
            holder: signer(FARM),
            classId: COCOA,
            attribute: "deforestation-free",
            unit: "KGM",
            decimals: 3,
            quantity: 1_000_000,
            lot: keccak256(abi.encode("lot", number)),
            facility: keccak256("facility"),
            vintageFrom: TODAY - 100,
            vintageTo: TODAY - 10,
            custodyModel: CustodyModel.Segregated,
            originRegistry: "origin",
            serialFrom: uint64(1 + 1_000 * number),
            serialTo: uint64(1_000 * (number + 1)),
            certificateDigest: keccak256("certificate"),
            economy: "PE"
        });
    }

    /// What is asked besides the statement to admit it: as it must be.
    struct Proof {
        bytes signature;
        Inclusion inclusion;
        Placement placement;
    }

    function proofOf(Evidence memory given) internal returns (Proof memory) {
        return proofOf(given, LAB);
    }

    function proofOf(Evidence memory given, uint256 certifier) internal returns (Proof memory) {
        return Proof(signature(certifier, _register.digestOf(given)), anchored(given, 0), placementOf(given));
    }

    /// Puts a statement into the log of a center, and anchors it.
    function anchored(Evidence memory given, uint256 center) internal returns (Inclusion memory) {
        bytes32[] storage leaves = _leaves[center];
        uint256 size = leaves.length;
        leaves.push(leafOf(given));
        bytes32[] memory all = leaves;
        bytes32[] memory extension = size == 0 ? new bytes32[](0) : ReferenceTree.consistency(all, size, size + 1);
        bytes32 root = ReferenceTree.rootOf(all, size + 1);
        vm.prank(account(center, "anchorer"));
        _log.anchor(idOf(center), uint64(size + 1), root, extension);
        return Inclusion(uint64(size + 1), uint64(size), ReferenceTree.inclusion(all, size, size + 1));
    }

    function leafOf(Evidence memory given) internal view returns (bytes32) {
        return sha256(bytes.concat(hex"0005", given.id, _register.digestOf(given)));
    }

    function placementOf(Evidence memory given) internal view returns (Placement memory place) {
        bool isFound = false;
        while (!isFound) (place, isFound) = _register.placement(asker(), given, place, 50);
    }

    /// Whose admissions a test looks at: the asset contract's, unless the test itself asks the register.
    function asker() internal view virtual returns (address) {
        return address(_asset);
    }

    function admit(Evidence memory given) internal returns (bytes32) {
        Proof memory proof = proofOf(given);
        vm.prank(asker());
        return _register.admit(given, proof.signature, proof.inclusion, proof.placement);
    }

    /// Units of statement `number`, issued to FARM.
    function issue(uint256 number, uint128 quantity) internal returns (uint256) {
        return issue(statement(number), quantity);
    }

    function issue(Evidence memory given, uint128 quantity) internal returns (uint256) {
        Proof memory proof = proofOf(given);
        vm.prank(given.holder);
        return _asset.issue(given, proof.signature, proof.inclusion, proof.placement, quantity);
    }

    // ---- movements ----

    function give(uint256 from, uint256 to, uint256 tokenId, uint256 quantity) internal {
        vm.prank(signer(from));
        _asset.safeTransferFrom(signer(from), signer(to), tokenId, quantity, "");
    }

    function escrow(uint256 from, uint256 to, uint256 tokenId, uint128 quantity, bytes32 line) internal returns (bytes32) {
        vm.prank(signer(from));
        return _asset.escrow(tokenId, quantity, signer(to), line, uint64(block.timestamp + 7 days));
    }

    /// A claim of FARM's own for a statement made by `statement`.
    function claim(uint256 number, uint256 tokenId, uint128 quantity) internal view returns (RetirementRequest memory) {
        return RetirementRequest({
            tokenId: tokenId,
            quantity: quantity,
            claimant: signer(FARM),
            beneficiary: keccak256("beneficiary"),
            claimFrom: TODAY - 100,
            claimTo: TODAY + 80,
            lot: keccak256(abi.encode("lot", number)),
            lineDigest: 0,
            ref: keccak256("ref")
        });
    }

    // ---- acts ----

    function act(uint256 by, bytes memory call) internal returns (Act memory) {
        return Act(signer(by), bytes32(++_salt), uint64(block.timestamp + 1 hours), call);
    }

    // ---- refusals ----

    /// Whoever does that is refused with exactly this.
    function refuse(address caller, address contract_, bytes memory call, bytes memory expected) internal {
        vm.prank(caller);
        (bool isDone, bytes memory answer) = contract_.call(call);
        vm.assertFalse(isDone, "refused");
        vm.assertEq(answer, expected, "in the contract's words");
    }

    function refuseIssue(Evidence memory given, Proof memory proof, uint128 quantity, bytes memory expected) internal {
        bytes memory call =
            abi.encodeCall(_asset.issue, (given, proof.signature, proof.inclusion, proof.placement, quantity));
        refuse(given.holder, address(_asset), call, expected);
    }

    function refuseAdmission(Evidence memory given, Proof memory proof, bytes memory expected) internal {
        bytes memory call = abi.encodeCall(_register.admit, (given, proof.signature, proof.inclusion, proof.placement));
        refuse(asker(), address(_register), call, expected);
    }
}
