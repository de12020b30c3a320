// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICenterQuorum} from "../interfaces/ICenterQuorum.sol";
import {IPilotRegistry} from "../interfaces/IPilotRegistry.sol";

/// @title What centers decide together outside the registry
/// @notice See ICenterQuorum.
abstract contract CenterQuorum is ICenterQuorum {
    struct Round {
        uint64 number;
        /// Unix seconds; 0 before the first vote and once the motion is carried.
        uint64 expiresAt;
    }

    // In storage, not immutable: one runtime code for every network, so a genesis may carry it.
    IPilotRegistry internal _registry;
    mapping(address asker => mapping(bytes32 motion => Round)) private _rounds;
    mapping(address asker => mapping(bytes32 motion => mapping(uint64 round => mapping(bytes32 centerId => bool)))) private
        _votes;

    constructor(IPilotRegistry registry_) {
        _expectCode(address(registry_));
        _registry = registry_;
    }

    /// @inheritdoc ICenterQuorum
    function takeVote(bytes32 motion, address operator) external returns (bytes32 centerId, bool isCarried) {
        // An act makes this contract call itself (IMediated): anybody's word would then be this contract's.
        if (msg.sender == address(this)) revert NotActiveOperator(operator);
        return _takeVote(msg.sender, motion, operator);
    }

    /// @inheritdoc ICenterQuorum
    function tally(address asker, bytes32 motion) external view returns (uint256 votes, uint256 needed, uint64 expiresAt) {
        Round memory round = _rounds[asker][motion];
        needed = _registry.quorum();
        if (!_isOpen(round)) return (0, needed, 0);
        return (_countVotes(asker, motion, round.number), needed, round.expiresAt);
    }

    /// @inheritdoc ICenterQuorum
    function hasVoted(address asker, bytes32 motion, bytes32 centerId) external view returns (bool) {
        Round memory round = _rounds[asker][motion];
        return _isOpen(round) && _votes[asker][motion][round.number][centerId];
    }

    function _expectCode(address account) internal view {
        if (account.code.length == 0) revert InvalidContract(account);
    }

    function _takeVote(address asker, bytes32 motion, address operator)
        internal
        returns (bytes32 centerId, bool isCarried)
    {
        centerId = _registry.centerOfOperator(operator);
        if (centerId == 0 || !_registry.isActive(centerId)) revert NotActiveOperator(operator);
        Round memory round = _rounds[asker][motion];
        if (!_isOpen(round)) {
            round = Round(round.number + 1, uint64(block.timestamp) + _registry.parameters().votingPeriod);
            _rounds[asker][motion] = round;
        }
        mapping(bytes32 => bool) storage votes = _votes[asker][motion][round.number];
        bool isAgain = votes[centerId];
        votes[centerId] = true;
        isCarried = _countVotes(asker, motion, round.number) >= _registry.quorum();
        // A quorum that a center reached for the others by leaving is carried out by any of them.
        if (isAgain && !isCarried) revert VotedAlready(motion, centerId);
        if (isCarried) _rounds[asker][motion].expiresAt = 0;
    }

    function _isOpen(Round memory round) private view returns (bool) {
        return block.timestamp < round.expiresAt;
    }

    /// Counts over the active centers, of which there are MAX_CENTERS at most: a vote lasts only as long as its voter is active.
    function _countVotes(address asker, bytes32 motion, uint64 round) private view returns (uint256 votes) {
        address[] memory validators = _registry.getValidators();
        for (uint256 i = 0; i < validators.length; ++i) {
            if (_votes[asker][motion][round][_registry.centerOfValidator(validators[i])]) votes++;
        }
    }
}
