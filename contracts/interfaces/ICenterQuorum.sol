// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What centers decide together outside the registry
/// @notice A motion is a hash over all it would do. A quorum of the active centers carries it, as in the registry: two thirds,
/// rounded up. Its first vote opens a round, which ends when the motion is carried or the registry's voting period is over; the
/// next vote begins another, in which earlier votes do not count. Nor do those of centers that are no longer active.
/// @dev Each contract that asks has motions of its own: nobody can vote, or have a vote, in another's name.
interface ICenterQuorum {
    /// @notice The deployment names an account without code, or contracts that lean on another registry.
    error InvalidContract(address account);
    /// @notice The caller governs no active center.
    error NotActiveOperator(address caller);
    /// @notice The center voted for this already.
    error VotedAlready(bytes32 motion, bytes32 centerId);

    /// @notice Takes a vote for the calling contract, which answers for it that the operator wants it, and carries the motion out.
    /// @param operator of an active center.
    /// @return centerId the center that voted.
    /// @return isCarried whether this vote completes the quorum.
    function takeVote(bytes32 motion, address operator) external returns (bytes32 centerId, bool isCarried);

    /// @notice Votes that count now, and votes needed now.
    /// @param asker the contract whose motion it is.
    /// @return votes of centers that are active.
    /// @return needed a quorum of the active ones.
    /// @return expiresAt unix seconds where the open round ends; 0 where none is open.
    function tally(address asker, bytes32 motion) external view returns (uint256 votes, uint256 needed, uint64 expiresAt);

    /// @notice Whether a center voted for a contract's motion in its open round.
    function hasVoted(address asker, bytes32 motion, bytes32 centerId) external view returns (bool);
}
