// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";

import {
    AssetClass,
    Escrow,
    Evidence,
    Holding,
    Inclusion,
    Issuance,
    Placement,
    Retirement,
    RetirementRequest,
    Totals
} from "../types/AssetTypes.sol";
import {IMediated} from "./IMediated.sol";

/// @title Green assets that count once
/// @notice Units of ERC-1155, each issuance one token whose id is the digest of the evidence it stands on. Tradable + escrowed +
/// retired + cancelled = issued <= evidenced, for every issuance and every class. Nobody can mint without evidence, move another's
/// units or undo a retirement: there is no owner and no upgrade. Holders are members in good standing.
/// @dev The register of evidence counts the votes (ICenterQuorum), and what it refuses is refused here in its words. Nothing loops
/// over issuances or holders. Units of revoked evidence are frozen: no function moves them.
interface IGreenAsset is IERC1155, IMediated {
    /// @notice A class can be issued from now on.
    event ClassAdmitted(bytes32 indexed classId, AssetClass class);
    /// @notice A center's operator voted for a class.
    event ClassVoted(bytes32 indexed motion, bytes32 indexed classId, bytes32 indexed centerId);
    /// @notice Units came to be; their transfer from zero is told besides.
    event Issued(uint256 indexed tokenId, bytes32 indexed classId, address indexed holder, uint128 quantity);
    /// @notice Units wait for their buyer; their transfer to this contract is told besides.
    event Escrowed(
        bytes32 indexed escrowId,
        uint256 indexed tokenId,
        address indexed seller,
        address buyer,
        uint128 quantity,
        bytes32 lineDigest,
        uint64 deadline
    );
    /// @notice The buyer accepted, and has the units.
    event Accepted(bytes32 indexed escrowId, uint256 indexed tokenId, address indexed buyer, uint128 quantity);
    /// @notice The seller has the units again.
    event Returned(bytes32 indexed escrowId, uint256 indexed tokenId, address indexed seller, uint128 quantity);
    /// @notice Units are claimed, for ever; their transfer to zero is told besides.
    event Retired(
        bytes32 indexed retirementId, uint256 indexed tokenId, address indexed holder, RetirementRequest request
    );
    /// @notice Units were taken out of the world without a claim; their transfer to zero is told besides.
    event Cancelled(uint256 indexed tokenId, address indexed holder, uint128 quantity, string reason);
    /// @notice A member's units followed it to its new account.
    event KeyFollowed(uint256 indexed tokenId, address indexed previous, address indexed account, uint256 quantity);
    /// @notice A quorum of centers stopped all movements, or let them go on.
    event PauseChanged(bool isPaused);
    /// @notice A center's operator voted to stop all movements, or to let them go on.
    event PauseVoted(bool isPaused, bytes32 indexed centerId);

    /// @notice The deployment names an account without code, or contracts that lean on another registry.
    error InvalidContract(address account);
    /// @notice There is no such class.
    error UnknownClass(bytes32 classId);
    /// @notice There is such a class already.
    error ClassExists(bytes32 classId);
    /// @notice A class that cannot be; `field` says where.
    error InvalidClass(string field);
    /// @notice The statement says another attribute, unit, decimals, or a weaker custody model than the class promises.
    error ClassDiffers(bytes32 classId, string field);
    /// @notice The caller is not the member whose account the statement names as holder.
    error NotItsHolder(bytes32 digest, address caller);
    /// @notice The statement leaves fewer units than asked for.
    error MoreThanEvidenced(bytes32 digest, uint256 left, uint256 asked);
    /// @notice Nothing was asked for.
    error ZeroQuantity();
    /// @notice The account is no member in good standing.
    error NotMember(address account);
    /// @notice Units of this class never change hands.
    error NotTradable(bytes32 classId);
    /// @notice The evidence was revoked: its units do not move.
    error Frozen(uint256 tokenId);
    /// @notice A quorum of centers has stopped all movements.
    error Paused();
    /// @notice No unit of this token was ever issued.
    error UnknownIssuance(uint256 tokenId);
    /// @notice The account has fewer tradable units than asked for.
    error TooFewUnits(uint256 tokenId, address account, uint256 tradable, uint256 asked);
    /// @notice The deadline is over already, or more than 366 days away.
    error InvalidDeadline(uint64 deadline);
    /// @notice Nobody sells to itself.
    error OwnBuyer(address account);
    /// @notice A line's digest is missing.
    error ZeroLineDigest();
    /// @notice There is such an escrow already, open or ended.
    error EscrowExists(bytes32 escrowId);
    /// @notice There is no such escrow.
    error UnknownEscrow(bytes32 escrowId);
    /// @notice The escrow has ended: its units were accepted or returned.
    error EscrowEnded(bytes32 escrowId);
    /// @notice Only the buyer can do this.
    error NotItsBuyer(bytes32 escrowId, address caller);
    /// @notice The buyer still has time, until then.
    error DeadlineNotOver(bytes32 escrowId, uint64 deadline);
    /// @notice It is too late to accept.
    error DeadlineOver(bytes32 escrowId, uint64 deadline);
    /// @notice The claim is backwards, or reaches beyond the vintage and the days of grace that its class gives.
    error InvalidClaimPeriod(uint32 claimFrom, uint32 claimTo, uint32 earliest, uint32 latest);
    /// @notice The units are not of this lot.
    error LotDiffers(uint256 tokenId, bytes32 lot);
    /// @notice A beneficiary is missing.
    error ZeroBeneficiary();
    /// @notice The holder has retired something under this reference already.
    error RetirementExists(bytes32 retirementId);
    /// @notice A reason is missing, or longer than 256 bytes.
    error InvalidReason();
    /// @notice The account is not the one that this member had before.
    error NotItsFormerAccount(address previous, address account);
    /// @notice The account is known as another member's: nothing is sent to it before its own key has accepted or issued units.
    error AccountOfAnother(address account);
    /// @notice All movements are stopped already, or are not.
    error PauseUnchanged(bool isPaused);
    /// @notice The caller governs no active center. Told by the register, which counts votes.
    error NotActiveOperator(address caller);
    /// @notice The center voted for this already. Told by the register, which counts votes.
    error VotedAlready(bytes32 motion, bytes32 centerId);

    // ---- centers; caller: operator of an active center ----

    /// @notice Votes for a class (motion: keccak256(abi.encode("class", class))); the vote that completes the quorum admits it.
    function voteClass(AssetClass calldata class) external;

    /// @notice Votes to stop all movements (true) or to let them go on (false) (motion: keccak256(abi.encode("pause",
    /// shouldPause))); the vote that completes the quorum does it.
    function votePause(bool shouldPause) external;

    // ---- members; caller, or signer of an act: a member in good standing ----

    /// @notice Issues units out of a statement, admitting it first where the register does not know it.
    /// @param statement names as holder an account that was the caller's member's when it was admitted.
    /// @param quantity with what was issued before not above the statement's.
    /// @return tokenId the statement's digest.
    function issue(
        Evidence calldata statement,
        bytes calldata signature,
        Inclusion calldata inclusion,
        Placement calldata placement,
        uint128 quantity
    ) external returns (uint256 tokenId);

    /// @notice Sets units aside for a buyer, who accepts before the deadline or never.
    /// @return escrowId see `escrowIdOf`.
    function escrow(uint256 tokenId, uint128 quantity, address buyer, bytes32 lineDigest, uint64 deadline)
        external
        returns (bytes32 escrowId);

    /// @notice Takes the units, whatever became of the seller since. Caller: the buyer, by its account of today, before the deadline.
    function accept(bytes32 escrowId) external;

    /// @notice Gives the units back to the seller, to its account of today: by the buyer at any time, by anyone once the deadline
    /// is over.
    function giveBack(bytes32 escrowId) external;

    /// @notice Claims units for ever.
    function retire(RetirementRequest calldata request) external returns (bytes32 retirementId);

    /// @notice Takes units out of the world without a claim, for ever.
    function cancel(uint256 tokenId, uint128 quantity, string calldata reason) external;

    /// @notice Brings a member's tradable units from the account it had before its key was changed. Caller: its account of today.
    function followKey(address previous, uint256 tokenId) external;

    // ---- questions ----

    /// @notice A class; all zero where there is none.
    function assetClass(bytes32 classId) external view returns (AssetClass memory);

    /// @notice How many classes there are, and their ids, oldest first.
    function classCount() external view returns (uint256);

    function classIds(uint256 offset, uint256 limit) external view returns (bytes32[] memory);

    /// @notice Sums over a class.
    function totals(bytes32 classId) external view returns (Totals memory);

    /// @notice An issuance; all zero where there is none.
    function issuance(uint256 tokenId) external view returns (Issuance memory);

    /// @notice How many issuances there are, and their tokens, oldest first.
    function issuanceCount() external view returns (uint256);

    function issuanceIds(uint256 offset, uint256 limit) external view returns (uint256[] memory);

    /// @notice What an account has of an issuance.
    function holding(address account, uint256 tokenId) external view returns (Holding memory);

    /// @notice keccak256(abi.encode(seller, buyer, lineDigest)): one escrow for a line between two members, ever.
    function escrowIdOf(address seller, address buyer, bytes32 lineDigest) external pure returns (bytes32);

    /// @notice An escrow; all zero where there is none.
    function escrowAt(bytes32 escrowId) external view returns (Escrow memory);

    /// @notice keccak256(abi.encode(holder, ref)).
    function retirementIdOf(address holder, bytes32 ref) external pure returns (bytes32);

    /// @notice A retirement; all zero where there is none.
    function retirement(bytes32 retirementId) external view returns (Retirement memory);

    /// @notice How many retirements there are, and their ids, oldest first.
    function retirementCount() external view returns (uint256);

    function retirementIds(uint256 offset, uint256 limit) external view returns (bytes32[] memory);

    /// @notice Whether the evidence behind a retirement was revoked since, and why.
    function challenge(bytes32 retirementId) external view returns (bool isChallenged, string memory reason);

    /// @notice Whether the units of a token do not move, because its evidence was revoked.
    function isFrozen(uint256 tokenId) external view returns (bool);

    /// @notice Whether a quorum of centers has stopped all movements.
    function isPaused() external view returns (bool);

    /// @notice keccak256(abi.encode(retirement)); one slot, for storage proofs; zero where there is none.
    function retirementDigest(bytes32 retirementId) external view returns (bytes32);

    /// @notice The contracts it leans on.
    function contracts() external view returns (address registry, address evidenceRegister);
}
