// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice Where a pilot center stands. Numbers never change once released.
/// @dev Nominated: proposed, not yet endorsed. Ended: its term ran out and somebody said so. Left: went of its own will, for good.
enum CenterStatus {
    None,
    Nominated,
    Active,
    Suspended,
    Left,
    Ended
}

/// @notice What a nomination, or the genesis, says about a center.
struct Candidate {
    /// Short name in ASCII, padded right with zeros: a lower-case letter, then up to 30 lower-case letters, digits, hyphens.
    bytes32 id;
    /// Ed25519 public key of its log.
    bytes32 logKey;
    /// ISO 3166-1 alpha-2, upper case.
    bytes2 economy;
    /// Governs: votes, vouches, rotates keys.
    address operator;
    /// Hot key that anchors, and can do nothing else.
    address anchorer;
    /// Account whose key seals blocks.
    address validator;
    /// For people; 1 to 256 bytes.
    string name;
    /// Origin of its log (C2SP); 1 to 256 bytes; unique for ever.
    string origin;
    /// URL of its API; up to 256 bytes.
    string endpoint;
    /// enode URL of its validator; up to 256 bytes.
    string enode;
}

/// @notice A center as the registry keeps it. Text and keys mean what they mean in Candidate.
/// @dev The anchorer is zero after an operator replacement that took its account, until the operator names another.
struct Center {
    bytes32 id;
    bytes32 logKey;
    bytes2 economy;
    address operator;
    CenterStatus status;
    /// Unix seconds; in good standing from here.
    uint64 termStart;
    address anchorer;
    /// Unix seconds; no longer in good standing from here; 0 is open.
    uint64 termEnd;
    /// Counts changes of status and term, so that no vote outlives what it was about.
    uint32 revision;
    address validator;
    /// Unix seconds of the last change of `validator` by its operator.
    uint64 validatorRotatedAt;
    string name;
    string origin;
    string endpoint;
    string enode;
}

/// @notice One key of a log and when it was the one to sign with.
struct LogKeyTerm {
    bytes32 key;
    /// Unix seconds.
    uint64 validFrom;
    /// Unix seconds; 0 is open.
    uint64 validUntil;
}

/// @notice What the network agreed on at genesis; it never changes.
struct Parameters {
    /// The set of active centers never falls below this; at least 1.
    uint32 minimumCenters;
    /// Seconds a term lasts; 0 is open.
    uint64 termLength;
    /// Seconds a proposal can be voted on; at least 1.
    uint64 votingPeriod;
    /// Unix seconds where the founders' terms begin; 0 is the time of deployment.
    uint64 termStart;
}

/// @notice What a proposal would do. Numbers never change once released.
enum ProposalKind {
    None,
    Admission,
    Suspension,
    Reinstatement,
    Renewal,
    OperatorReplacement
}

/// @notice A proposal. Its id is a hash over all it would do, so a vote cannot be carried over to something else.
struct Proposal {
    ProposalKind kind;
    bool executed;
    /// Unix seconds; from here on no vote is taken.
    uint64 expiresAt;
    /// Revision of the center the proposal was made about.
    uint32 revision;
    /// OperatorReplacement: the new operator; otherwise zero.
    address operator;
    bytes32 centerId;
    /// Admission: keccak256(abi.encode(candidate)); otherwise zero.
    bytes32 contentHash;
}

/// @notice Whether the center that vouched for a member still does. Numbers never change once released.
enum MemberStatus {
    None,
    Active,
    Suspended
}

/// @notice A member, vouched for by one center.
struct Member {
    bytes32 centerId;
    /// Unique within its center; same alphabet as a center's id.
    bytes32 id;
    /// The account that signs for the member; zero after an operator replacement that took it, until there is another.
    address account;
    /// 1 enterprise, 2 certifier, 4 buyer, 8 agency; added up.
    uint8 roles;
    MemberStatus status;
    /// Unix seconds.
    uint64 termStart;
    /// Unix seconds; 0 is open.
    uint64 termEnd;
}

/// @notice What an account speaks for. One account has one duty in the whole network. Numbers never change once released.
enum Duty {
    None,
    Operator,
    Anchorer,
    Validator,
    Member
}
