// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Act, ActState} from "../types/AssetTypes.sol";

/// @title Acts that members sign and centers bring
/// @notice Members need no node and no transactions: they sign an act (EIP-712), and whoever brings it changes nothing of it. An
/// act is done or refused once, and the storage says which: bringing it twice is harmless.
/// @dev The EIP-712 domain is name "Greenlane", version "1", this chain, this contract; the type is
/// Act(address account,bytes32 salt,uint64 notAfter,bytes call). The contract is its own trusted forwarder (ERC-2771).
interface IMediated {
    /// @notice An act was brought. `reason` is the revert's data where it was refused, its first
    /// 1,024 bytes.
    event Brought(bytes32 indexed actDigest, address indexed account, ActState state, bytes reason);

    /// @notice The signature is not by the act's account.
    error InvalidActSignature(bytes32 actDigest, address account);
    /// @notice The act's time is over.
    error ActTooLate(bytes32 actDigest, uint64 notAfter);
    /// @notice There is not one signature for each act.
    error SignaturesMissing(uint256 acts, uint256 signatures);
    /// @notice Too little gas was sent along to give an act its ACT_GAS; it is not decided.
    error TooLittleGas(bytes32 actDigest);

    /// @notice Carries out acts in their order, each by itself: one that the contract refuses is marked so, and the next go on. One
    /// that is decided already is passed over. Caller: anyone.
    /// @param acts at most as many as a block holds.
    /// @param signatures of each act by its account (65 bytes).
    function bring(Act[] calldata acts, bytes[] calldata signatures) external;

    /// @notice Gas that an act is given, neither less nor more, whoever brings it; one that needs more is refused.
    function ACT_GAS() external view returns (uint256);

    /// @notice What became of an act.
    function actState(bytes32 actDigest) external view returns (ActState);

    /// @notice The EIP-712 digest that the account signs.
    function actDigestOf(Act calldata act) external view returns (bytes32);
}
