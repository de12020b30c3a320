// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AdmittedEvidence, CustodyModel, Evidence, Inclusion, Placement} from "../types/AssetTypes.sol";
import {ICenterQuorum} from "./ICenterQuorum.sol";
import {IMediated} from "./IMediated.sol";

/// @title Evidence that counts once in the whole network
/// @notice Takes a certifier's statement where two independent hands stand behind it: the certifier's EIP-712 signature, and a
/// center's anchored log that holds the statement as an entry (kind 5). Refuses a lot, or serials, that were counted before. A
/// statement may be revoked, by its certifier or by a quorum of centers, and never comes back.
/// What was admitted and counted is kept for each asker by itself, the caller of `admit`: nobody uses up what a GreenAsset counts
/// but through its `issue`. A revocation is one for all.
/// @dev EIP-712: domain name "Greenlane", version "1", this chain, this contract; the type is Evidence(...) with the fields of the
/// struct in their order, `custodyModel` as uint8. The digest is the second half of the log's entry, and the id of the token.
interface IEvidenceRegister is IMediated, ICenterQuorum {
    /// @notice A statement counts from now on, for that asker.
    event EvidenceAdmitted(
        bytes32 indexed digest, bytes32 indexed classId, address indexed asker, Evidence statement
    );
    /// @notice A statement was revoked; `byCenters` where a quorum did it.
    event EvidenceRevoked(bytes32 indexed digest, bool byCenters, string reason);
    /// @notice A center's operator voted to revoke a statement.
    event RevocationVoted(bytes32 indexed digest, bytes32 indexed centerId, string reason);

    /// @notice Neither a lot nor an external registry's serials are named.
    error NothingEvidenced(bytes32 digest);
    /// @notice A statement of nothing.
    error ZeroQuantity();
    /// @notice The vintage ends before it begins, has not ended yet, or has more than 1,100 days.
    error InvalidVintage(uint32 vintageFrom, uint32 vintageTo);
    /// @notice The serials end before they begin, are more than 2^32, belong to no registry, or the registry names none.
    error InvalidSerials(uint64 serialFrom, uint64 serialTo);
    /// @notice No custody model.
    error InvalidCustodyModel();
    /// @notice Not two upper-case letters.
    error InvalidEconomy(bytes2 economy);
    /// @notice Not a short name; of a registry also one with a hyphen at its end, or two in a row.
    error InvalidName(bytes32 name);
    /// @notice The signature is not the certifier's.
    error InvalidCertifierSignature(bytes32 digest, address certifier);
    /// @notice The account is no certifier in good standing.
    error NotCertifier(address account);
    /// @notice The account that the statement names as holder is no member's today.
    error UnknownHolder(bytes32 digest, address account);
    /// @notice Nobody certifies for itself.
    error OwnCertifier(address account);
    /// @notice The center is not active, or its term has not begun or is over.
    error CenterNotInGoodStanding(bytes32 centerId);
    /// @notice No root is anchored at this size.
    error NotAnchored(bytes32 centerId, uint64 treeSize);
    /// @notice The anchored log does not hold this statement there.
    error NotIncluded(bytes32 digest, bytes32 centerId, uint64 treeSize, uint64 leafIndex);
    /// @notice This attribute of this lot belongs to the member and facility that had it admitted first.
    error LotOfAnother(bytes32 attribute, bytes32 lot);
    /// @notice This attribute of this lot was counted already for days that overlap.
    error LotCounted(bytes32 attribute, bytes32 lot, uint32 vintageFrom, uint32 vintageTo);
    /// @notice Serials of this registry were counted already.
    error SerialsCounted(bytes32 originRegistry, uint64 serialFrom, uint64 serialTo);
    /// @notice The placement is out of date: look it up again.
    error WrongPlacement(bytes32 key, uint64 afterStart);
    /// @notice For this attribute the lot was kept by a weaker model before; it can only go down.
    error CustodyUpgraded(bytes32 lot, uint8 known, uint8 stated);
    /// @notice The statement was revoked.
    error Revoked(bytes32 digest);
    /// @notice The statement is not this account's to revoke.
    error NotItsCertifier(bytes32 digest, address account);
    /// @notice There is no such statement here.
    error UnknownEvidence(bytes32 digest);
    /// @notice A reason is missing, or longer than 256 bytes.
    error InvalidReason();

    /// @notice Admits a statement for the caller. Where it is admitted already, changes nothing, and only asks again what may have changed: that
    /// it was not revoked, and that its certifier is in good standing still. Caller: anyone, for it speaks for itself.
    /// @return digest its EIP-712 digest.
    function admit(
        Evidence calldata statement,
        bytes calldata signature,
        Inclusion calldata inclusion,
        Placement calldata placement
    ) external returns (bytes32 digest);

    /// @notice Revokes a statement, admitted or not yet, for all who ask. Caller: its certifier's account of today; not one that its center took
    /// from it, for that may be stolen. One that was not admitted is revoked by the account it names.
    function revoke(Evidence calldata statement, string calldata reason) external;

    /// @notice Votes to revoke a statement that somebody had admitted (motion: keccak256(abi.encode("revocation", digest))); the vote
    /// that completes the quorum carries it out, with its reason. Caller: operator of an active center.
    function voteRevocation(bytes32 digest, string calldata reason) external;

    /// @notice The EIP-712 digest of a statement.
    function digestOf(Evidence calldata statement) external view returns (bytes32);

    /// @notice What is kept of a statement that an asker had admitted; all zero where there is none.
    function evidence(address asker, bytes32 digest) external view returns (AdmittedEvidence memory);

    /// @notice Whether a statement was revoked, and why.
    function revocation(bytes32 digest) external view returns (bool isRevoked, string memory reason);

    /// @notice Whether a statement was revoked.
    function isRevoked(bytes32 digest) external view returns (bool);

    /// @notice The weakest custody model that an asker's statements told of a lot for an attribute; None where there is none.
    function custodyOf(address asker, bytes32 attribute, bytes32 lot) external view returns (CustodyModel);

    /// @notice How many statements an asker had admitted.
    function evidenceCount(address asker) external view returns (uint256);

    /// @notice Where a statement's ranges belong among an asker's, searched from `from` on, at most `steps` ranges each; ask again from what comes
    /// back while `isFound` is false.
    function placement(address asker, Evidence calldata statement, Placement calldata from, uint256 steps)
        external
        view
        returns (Placement memory found, bool isFound);

    /// @notice The contracts it leans on.
    function contracts() external view returns (address registry, address anchorLog);
}
