// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {
    Candidate,
    Center,
    CenterStatus,
    Duty,
    LogKeyTerm,
    Member,
    Parameters,
    Proposal,
    ProposalKind
} from "../types/PilotTypes.sol";

/// @title The pilot centers, their keys and their members
/// @notice The active centers govern: a quorum, ceil(2n/3) of them, admits, suspends, reinstates and renews. Nobody stands
/// above them: there is no owner, no pause and no upgrade. Their validators are the validator set of the chain.
/// @dev An active center may vote also when its term is over, so that a network whose terms all ran out can renew them;
/// vouching, nominating and anchoring need good standing.
interface IPilotRegistry {
    // ---- events: centers ----

    /// @notice A proposal can be voted on. `contentHash` binds a nomination's whole content.
    event ProposalOpened(
        bytes32 indexed proposalId,
        ProposalKind indexed kind,
        bytes32 indexed centerId,
        bytes32 proposer,
        bytes32 contentHash,
        address operator,
        uint64 expiresAt
    );
    /// @notice An active center voted for a proposal; the proposer's own vote is told too.
    event Voted(bytes32 indexed proposalId, bytes32 indexed voter);
    /// @notice A proposal reached its quorum and is done.
    event ProposalExecuted(bytes32 indexed proposalId, ProposalKind indexed kind, bytes32 indexed centerId);
    /// @notice A center is a candidate now.
    event CenterNominated(bytes32 indexed centerId, bytes32 indexed proposalId, bytes32 indexed nominator);
    /// @notice A center is active now, as a founder or by endorsement.
    event CenterAdmitted(bytes32 indexed centerId, uint64 termStart, uint64 termEnd);
    /// @notice The other centers suspended a center.
    event CenterSuspended(bytes32 indexed centerId);
    /// @notice A suspended or ended center is active again.
    event CenterReinstated(bytes32 indexed centerId, uint64 termStart, uint64 termEnd);
    /// @notice An active center's term now ends at `termEnd`.
    event CenterRenewed(bytes32 indexed centerId, uint64 termEnd);
    /// @notice A center's term was over and it is no longer active.
    event CenterEnded(bytes32 indexed centerId);
    /// @notice A center left for good.
    event CenterLeft(bytes32 indexed centerId);
    /// @notice The validator set changed by one seat: zero stands for nobody.
    event ValidatorSetChanged(address indexed removed, address indexed added, uint256 size);
    /// @notice A center's operator changed, by its own hand or by vote.
    event OperatorChanged(bytes32 indexed centerId, address indexed previous, address indexed operator);
    /// @notice A center's anchorer changed.
    event AnchorerChanged(bytes32 indexed centerId, address indexed previous, address indexed anchorer);
    /// @notice A center's validator key changed.
    event ValidatorChanged(bytes32 indexed centerId, address indexed previous, address indexed validator);
    /// @notice From now on the center's log is signed with `key`.
    event LogKeyChanged(bytes32 indexed centerId, bytes32 indexed previous, bytes32 indexed key);
    /// @notice A center is reached elsewhere.
    event EndpointsChanged(bytes32 indexed centerId, string endpoint, string enode);

    // ---- events: members ----

    /// @notice A center vouches for a member.
    event MemberVouched(
        bytes32 indexed centerId,
        bytes32 indexed memberId,
        address indexed account,
        uint8 roles,
        uint64 termStart,
        uint64 termEnd
    );
    /// @notice A member's roles changed.
    event MemberRolesChanged(bytes32 indexed centerId, bytes32 indexed memberId, uint8 previous, uint8 roles);
    /// @notice A member's term changed.
    event MemberTermChanged(bytes32 indexed centerId, bytes32 indexed memberId, uint64 termStart, uint64 termEnd);
    /// @notice A center no longer vouches for a member.
    event MemberSuspended(bytes32 indexed centerId, bytes32 indexed memberId);
    /// @notice A center vouches for a suspended member again.
    event MemberReinstated(bytes32 indexed centerId, bytes32 indexed memberId);
    /// @notice A member signs with another account now.
    event MemberKeyChanged(
        bytes32 indexed centerId, bytes32 indexed memberId, address indexed previous, address account
    );

    // ---- errors ----

    /// @notice The caller is no center's operator.
    error NotOperator(address caller);
    /// @notice The center is not active, so it has no say.
    error NotActive(bytes32 centerId);
    /// @notice The center is not active, or its term has not begun or is over.
    error NotInGoodStanding(bytes32 centerId);
    /// @notice No such center, or none that this can be done to as it stands.
    error WrongStatus(bytes32 centerId, CenterStatus status);
    /// @notice Not the bytes of a short name: a lower-case letter, then up to 30 lower-case letters, digits or hyphens.
    error InvalidId(bytes32 id);
    /// @notice Not two upper-case letters.
    error InvalidEconomy(bytes2 economy);
    /// @notice Text is missing where it must be, or longer than the bound.
    error InvalidTextLength(string field, uint256 length);
    /// @notice Zero is nobody's account.
    error ZeroAccount();
    /// @notice Zero is no log key.
    error ZeroLogKey();
    /// @notice One account, one duty: this one has one already.
    error AccountTaken(address account, Duty duty, bytes32 centerId);
    /// @notice A log key serves one center and comes back never, not even to the same center.
    error LogKeyTaken(bytes32 logKey, bytes32 centerId);
    /// @notice A log's origin belongs to one center for ever.
    error OriginTaken(string origin, bytes32 centerId);
    /// @notice The network has all the centers it can hold.
    error TooManyCenters(uint256 maximum);
    /// @notice Fewer active centers would remain than the network agreed to keep.
    error BelowMinimum(uint256 remaining, uint256 minimum);
    /// @notice The validator set changed in this block already; it moves one seat a block. Try in the next.
    error ValidatorSetMoved(uint256 blockNumber);
    /// @notice A center has had all the log keys it can have; it leaves, and another is admitted in its place.
    error TooManyLogKeys(bytes32 centerId, uint256 maximum);
    /// @notice A validator key, or a log key, may be changed again only from this time on.
    error RotationTooSoon(bytes32 centerId, uint64 notBefore);
    /// @notice The term is open or not over yet.
    error TermNotOver(bytes32 centerId, uint64 termEnd);
    /// @notice A term must end after it begins.
    error InvalidTerm(uint64 termStart, uint64 termEnd);
    /// @notice A genesis parameter is out of bounds.
    error InvalidParameter(string field);
    /// @notice There is no such proposal.
    error UnknownProposal(bytes32 proposalId);
    /// @notice Too late: the time to vote is over.
    error ProposalExpired(bytes32 proposalId, uint64 expiresAt);
    /// @notice The proposal is done already.
    error ProposalDone(bytes32 proposalId);
    /// @notice The center has changed its standing since the proposal was made; propose anew.
    error ProposalStale(bytes32 proposalId);
    /// @notice The center voted for this already.
    error VotedAlready(bytes32 proposalId, bytes32 centerId);
    /// @notice A center has no vote in its own cause.
    error OwnCause(bytes32 centerId);
    /// @notice A nomination of this center is still open.
    error NominationOpen(bytes32 centerId, uint64 expiresAt);
    /// @notice A center has one open nomination at a time, and this one has.
    error NominatesAlready(bytes32 centerId, uint64 expiresAt);
    /// @notice An open nomination holds this: an account (as a number), a log key, or the keccak256 of an origin.
    error ReservedForNominee(bytes32 what, bytes32 proposalId, uint64 expiresAt);
    /// @notice The center vouches for no such member.
    error UnknownMember(bytes32 centerId, bytes32 memberId);
    /// @notice The center has a member of this id already.
    error MemberExists(bytes32 centerId, bytes32 memberId);
    /// @notice No role, or one that does not exist.
    error InvalidRoles(uint8 roles);
    /// @notice The member is suspended already, or is not.
    error MemberUnchanged(bytes32 centerId, bytes32 memberId);

    // ---- centers: proposals and votes ----

    /// @notice Proposes a new center; the nominator's vote counts. Until it is admitted or the proposal expires nobody else can
    /// take the nominee's accounts, log key or origin. Caller: operator of a center in good standing with no other nomination open.
    function nominate(Candidate calldata candidate) external returns (bytes32 proposalId);

    /// @notice Proposes to suspend an active center; only the others vote, and as many must agree as for anything else.
    /// Caller: operator of another active center.
    function proposeSuspension(bytes32 centerId) external returns (bytes32 proposalId);

    /// @notice Proposes to make a suspended or ended center active again; a term that is over begins anew.
    /// Caller: operator of an active center.
    function proposeReinstatement(bytes32 centerId) external returns (bytes32 proposalId);

    /// @notice Proposes that an active center's term run a whole term length from the deciding vote on.
    /// Caller: operator of an active center, the center itself included.
    function proposeRenewal(bytes32 centerId) external returns (bytes32 proposalId);

    /// @notice Proposes a new operator for a center whose key is lost or stolen; only the others vote. An account that the center
    /// itself gave another duty is taken out of it when the vote is carried: no anchorer or member's account is left in its place,
    /// and as a validator it keeps the seat until it hands it on, which it may at once.
    /// Caller: operator of another active center.
    function proposeOperator(bytes32 centerId, address operator) external returns (bytes32 proposalId);

    /// @notice Votes for a proposal; the vote that completes the quorum carries it out.
    /// Caller: operator of an active center that has not voted for it.
    function vote(bytes32 proposalId) external;

    // ---- centers: their own affairs ----

    /// @notice Leaves for good; accounts become free, log keys and origin never do. Caller: the center's operator.
    function leaveNetwork() external;

    /// @notice Takes a center whose term is over out of the active ones. Caller: anyone.
    function endTerm(bytes32 centerId) external;

    /// @notice Hands the center to another account. Caller: its operator.
    function rotateOperator(address operator) external;

    /// @notice Anchors with another account from now on. Caller: the center's operator.
    function rotateAnchorer(address anchorer) external;

    /// @notice Seals blocks with another key from the next block on; at most once in VALIDATOR_ROTATION_PAUSE, so that nobody
    /// can hold the set's one change a block for himself. Caller: the center's operator.
    function rotateValidator(address validator) external;

    /// @notice Signs the log with another key from now on; later than the last key's term began, and 64 keys in all at most.
    /// Caller: the center's operator.
    function rotateLogKey(bytes32 logKey) external;

    /// @notice Is reached elsewhere from now on. Caller: the center's operator.
    function setEndpoints(string calldata endpoint, string calldata enode) external;

    // ---- members; caller: operator of the vouching center, which must be in good standing ----

    /// @notice Vouches for a new member.
    /// @param memberId unique within the center.
    /// @param account unique in the whole network.
    /// @param roles 1 enterprise, 2 certifier, 4 buyer, 8 agency; added up.
    /// @param termStart unix seconds.
    /// @param termEnd unix seconds; 0 is open.
    function vouch(bytes32 memberId, address account, uint8 roles, uint64 termStart, uint64 termEnd) external;

    /// @notice Changes what a member may do.
    function setMemberRoles(bytes32 memberId, uint8 roles) external;

    /// @notice Changes when a member is in good standing.
    function setMemberTerm(bytes32 memberId, uint64 termStart, uint64 termEnd) external;

    /// @notice Stops vouching for a member.
    function suspendMember(bytes32 memberId) external;

    /// @notice Vouches again for a suspended member.
    function reinstateMember(bytes32 memberId) external;

    /// @notice Gives a member another account; the old one becomes free.
    function rotateMemberKey(bytes32 memberId, address account) external;

    // ---- questions ----

    /// @notice The validators of the active centers: the chain's validator set. Never empty, never reverts.
    function getValidators() external view returns (address[] memory);

    /// @notice Active centers at most.
    function MAX_CENTERS() external view returns (uint256);

    /// @notice Seconds between two changes of a validator key by its own center.
    function VALIDATOR_ROTATION_PAUSE() external view returns (uint64);

    /// @notice What the network agreed on at genesis.
    function parameters() external view returns (Parameters memory);

    /// @notice How many centers are active.
    function activeCount() external view returns (uint256);

    /// @notice Votes that carry a motion: ceil(2n/3) of all n active centers, whoever of them may vote. The one exception: where
    /// n is 2 and the motion is about one of them, the other's vote is enough.
    function quorum() external view returns (uint256);

    /// @notice A center; all zero where there is none.
    function center(bytes32 centerId) external view returns (Center memory);

    /// @notice How many centers were ever admitted.
    function centerCount() external view returns (uint256);

    /// @notice Ids of the centers ever admitted, oldest first, from `offset`, at most `limit`.
    function centerIds(uint256 offset, uint256 limit) external view returns (bytes32[] memory);

    /// @notice Every key a center's log was ever signed with, oldest first.
    function logKeys(bytes32 centerId) external view returns (LogKeyTerm[] memory);

    /// @notice Whether a center is active.
    function isActive(bytes32 centerId) external view returns (bool);

    /// @notice Whether a center is active and within its term.
    function isInGoodStanding(bytes32 centerId) external view returns (bool);

    /// @notice The center this account anchors for; zero where none.
    function centerOfAnchorer(address account) external view returns (bytes32);

    /// @notice The center this account governs; zero where none.
    function centerOfOperator(address account) external view returns (bytes32);

    /// @notice The center this account seals blocks for, active or not; zero where none.
    function centerOfValidator(address account) external view returns (bytes32);

    /// @notice The center a log key serves or served; zero where none.
    function centerOfLogKey(bytes32 logKey) external view returns (bytes32);

    /// @notice A proposal; all zero where there is none.
    function proposal(bytes32 proposalId) external view returns (Proposal memory);

    /// @notice How many proposals were ever made.
    function proposalCount() external view returns (uint256);

    /// @notice Ids of the proposals ever made, oldest first, from `offset`, at most `limit`.
    function proposalIds(uint256 offset, uint256 limit) external view returns (bytes32[] memory);

    /// @notice Votes that count now, and votes needed now. Votes of centers no longer active do not count.
    function tally(bytes32 proposalId) external view returns (uint256 votes, uint256 needed);

    /// @notice Whether a center voted for a proposal.
    function hasVoted(bytes32 proposalId, bytes32 centerId) external view returns (bool);

    /// @notice A member; all zero where there is none.
    function member(bytes32 centerId, bytes32 memberId) external view returns (Member memory);

    /// @notice The member this account signs for; all zero where there is none.
    function memberOf(address account) external view returns (Member memory);

    /// @notice How many members a center ever vouched for.
    function memberCount(bytes32 centerId) external view returns (uint256);

    /// @notice Ids of a center's members, oldest first, from `offset`, at most `limit`.
    function memberIds(bytes32 centerId, uint256 offset, uint256 limit) external view returns (bytes32[] memory);

    /// @notice Whether an account is a member's with every role asked for, vouched for, within its term, by a center in good
    /// standing.
    /// @param role one role or several added up; never 0.
    function isMemberInGoodStanding(address account, uint8 role) external view returns (bool);
}
