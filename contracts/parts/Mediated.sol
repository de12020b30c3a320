// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC2771Context} from "@openzeppelin/contracts/metatx/ERC2771Context.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

import {IMediated} from "../interfaces/IMediated.sol";
import {Act, ActState} from "../types/AssetTypes.sol";

/// @title Acts that members sign and centers bring
/// @notice See IMediated.
/// @dev OpenZeppelin's EIP712 keeps its domain in immutables, which a genesis cannot carry: it is computed here.
abstract contract Mediated is ERC2771Context, ReentrancyGuardTransient, IMediated {
    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant ACT_TYPE = keccak256("Act(address account,bytes32 salt,uint64 notAfter,bytes call)");
    /// What the forwarder's check reads of a refusal: errors of the contracts are far shorter.
    uint256 private constant MAX_REASON = 1_024;

    /// @inheritdoc IMediated
    uint256 public constant ACT_GAS = 3_000_000;

    mapping(bytes32 actDigest => ActState) private _actStates;

    // Never read: `trustedForwarder` says who it is.
    constructor() ERC2771Context(address(0)) {}

    /// @inheritdoc IMediated
    function bring(Act[] calldata acts, bytes[] calldata signatures) external nonReentrantView {
        // Not from within an act: its share of gas would not be all of it.
        if (msg.sender == address(this)) revert ReentrancyGuardReentrantCall();
        if (acts.length != signatures.length) revert SignaturesMissing(acts.length, signatures.length);
        for (uint256 i = 0; i < acts.length; ++i) {
            bytes32 actDigest = actDigestOf(acts[i]);
            if (_actStates[actDigest] != ActState.None) continue;
            address account = acts[i].account;
            if (!_isSignedBy(account, actDigest, signatures[i])) revert InvalidActSignature(actDigest, account);
            if (block.timestamp >= acts[i].notAfter) revert ActTooLate(actDigest, acts[i].notAfter);
            _carryOut(actDigest, account, acts[i].call);
        }
    }

    /// @inheritdoc IMediated
    function actState(bytes32 actDigest) external view returns (ActState) {
        return _actStates[actDigest];
    }

    /// @inheritdoc IMediated
    function actDigestOf(Act calldata act) public view returns (bytes32) {
        return _typedDigest(
            keccak256(abi.encode(ACT_TYPE, act.account, act.salt, act.notAfter, keccak256(act.call)))
        );
    }

    /// @notice This contract itself: only `bring` calls it so (ERC-2771).
    function trustedForwarder() public view override returns (address) {
        return address(this);
    }

    /// The EIP-712 digest of a struct's hash in the domain of this contract.
    function _typedDigest(bytes32 structHash) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(DOMAIN_TYPE, keccak256("Greenlane"), keccak256("1"), block.chainid, address(this))
        );
        return MessageHashUtils.toTypedDataHash(domain, structHash);
    }

    /// Whether 65 bytes are the signature of a digest by an account, in the one form that nobody can alter.
    function _isSignedBy(address account, bytes32 digest, bytes calldata signature) internal pure returns (bool) {
        (address signer, ECDSA.RecoverError fault,) = ECDSA.tryRecoverCalldata(digest, signature);
        return fault == ECDSA.RecoverError.NoError && signer == account;
    }

    function _carryOut(bytes32 actDigest, address account, bytes calldata call) private {
        // Before the call: no callback sees an act that is under way as undecided.
        _actStates[actDigest] = ActState.Done;
        bytes memory payload = abi.encodePacked(call, account);
        // Every act is given the same gas, whoever brings it: nobody can have one refused by sending too little along. 1/64 stays
        // behind by the rule of EIP-150, and this function needs some itself.
        if (gasleft() < ACT_GAS + ACT_GAS / 63 + 50_000) revert TooLittleGas(actDigest);
        (bool isDone, bytes memory reason) = _callSelf(payload);
        if (!isDone) _actStates[actDigest] = ActState.Refused;
        emit Brought(actDigest, account, isDone ? ActState.Done : ActState.Refused, reason);
    }

    /// A call of this contract by itself. Of the data of a revert no more is copied than is told, or a receiver's contract could
    /// make whoever brings an act pay for megabytes.
    function _callSelf(bytes memory payload) private returns (bool isDone, bytes memory reason) {
        uint256 size;
        assembly ("memory-safe") {
            isDone := call(ACT_GAS, address(), 0, add(payload, 32), mload(payload), 0, 0)
            size := returndatasize()
        }
        if (isDone) return (true, "");
        reason = new bytes(size < MAX_REASON ? size : MAX_REASON);
        assembly ("memory-safe") {
            returndatacopy(add(reason, 32), 0, mload(reason))
        }
    }
}
