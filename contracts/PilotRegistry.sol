// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IPilotRegistry} from "./interfaces/IPilotRegistry.sol";
import {
    Candidate,
    Center,
    CenterStatus,
    Duty,
    LogKeyTerm,
    Member,
    MemberStatus,
    Parameters,
    Proposal,
    ProposalKind
} from "./types/PilotTypes.sol";

/// @title The pilot centers, their keys and their members
/// @notice See IPilotRegistry.
contract PilotRegistry is IPilotRegistry {
    struct Binding {
        Duty duty;
        bytes32 centerId;
        bytes32 memberId;
    }

    /// @inheritdoc IPilotRegistry
    uint256 public constant MAX_CENTERS = 100;
    /// @inheritdoc IPilotRegistry
    uint64 public constant VALIDATOR_ROTATION_PAUSE = 1 hours;
    /// As many as a trust file holds for a center.
    uint256 private constant MAX_LOG_KEYS = 64;
    uint256 private constant MAX_TEXT = 256;
    uint8 private constant ALL_ROLES = 15;
    // Far beyond any use, and far below where a sum of times would overflow.
    uint64 private constant MAX_PERIOD = 36_525 days;

    // Slot 0 is read from outside: consensus clients and storage proofs expect the set there. Never reorder.
    address[] private _validators;
    Parameters private _parameters;
    /// Block in which the validator set changed last.
    uint256 private _setMovedIn;
    mapping(bytes32 centerId => Center) private _centers;
    bytes32[] private _centerIds;
    mapping(bytes32 centerId => LogKeyTerm[]) private _logKeys;
    mapping(bytes32 logKey => bytes32 centerId) private _centerOfLogKey;
    mapping(bytes32 originHash => bytes32 centerId) private _centerOfOrigin;
    mapping(address account => Binding) private _bindings;
    mapping(bytes32 proposalId => Proposal) private _proposals;
    bytes32[] private _proposalIds;
    mapping(bytes32 proposalId => mapping(bytes32 centerId => bool)) private _votes;
    mapping(bytes32 centerId => bytes32 proposalId) private _nominationOf;
    mapping(bytes32 centerId => mapping(bytes32 memberId => Member)) private _members;
    mapping(bytes32 centerId => bytes32[]) private _memberIds;
    mapping(bytes32 nominator => bytes32 proposalId) private _nominationBy;
    /// What open nominations hold: accounts as numbers, log keys, hashes of origins. One that is no longer open holds nothing.
    mapping(bytes32 what => bytes32 proposalId) private _reservedFor;

    constructor(Candidate[] memory founders, Parameters memory parameters_) {
        if (parameters_.minimumCenters == 0) revert InvalidParameter("minimumCenters");
        if (parameters_.votingPeriod == 0 || parameters_.votingPeriod > MAX_PERIOD) {
            revert InvalidParameter("votingPeriod");
        }
        if (parameters_.termLength > MAX_PERIOD) revert InvalidParameter("termLength");
        if (founders.length < parameters_.minimumCenters) {
            revert BelowMinimum(founders.length, parameters_.minimumCenters);
        }
        if (parameters_.termStart == 0) parameters_.termStart = uint64(block.timestamp);
        _parameters = parameters_;
        for (uint256 i = 0; i < founders.length; ++i) {
            _checkCandidate(founders[i]);
            _store(founders[i]);
            _admit(founders[i].id, parameters_.termStart);
        }
    }

    // ---- centers: proposals and votes ----

    /// @inheritdoc IPilotRegistry
    function nominate(Candidate calldata candidate) external returns (bytes32 proposalId) {
        bytes32 nominator = _operatorInGoodStanding();
        // A nomination holds accounts, a log key and an origin: nobody may hold them by the dozen.
        uint64 openUntil = _openUntil(_nominationBy[nominator]);
        if (openUntil != 0) revert NominatesAlready(nominator, openUntil);
        Center storage nominee = _centers[candidate.id];
        openUntil = _openUntil(_nominationOf[candidate.id]);
        if (openUntil != 0) revert NominationOpen(candidate.id, openUntil);
        _checkCandidate(candidate);
        _store(candidate);
        // Each nomination is its own cause: votes for one that expired are not votes for the next.
        nominee.revision++;
        proposalId = _open(
            ProposalKind.Admission, candidate.id, nominator, keccak256(abi.encode(candidate)), address(0)
        );
        _nominationOf[candidate.id] = proposalId;
        _nominationBy[nominator] = proposalId;
        _reservedFor[_asKey(candidate.operator)] = proposalId;
        _reservedFor[_asKey(candidate.anchorer)] = proposalId;
        _reservedFor[_asKey(candidate.validator)] = proposalId;
        _reservedFor[candidate.logKey] = proposalId;
        _reservedFor[keccak256(bytes(candidate.origin))] = proposalId;
        emit CenterNominated(candidate.id, proposalId, nominator);
        _vote(proposalId, nominator);
    }

    /// @inheritdoc IPilotRegistry
    function proposeSuspension(bytes32 centerId) external returns (bytes32) {
        _expectStatus(centerId, CenterStatus.Active);
        return _propose(ProposalKind.Suspension, centerId, address(0));
    }

    /// @inheritdoc IPilotRegistry
    function proposeReinstatement(bytes32 centerId) external returns (bytes32) {
        _expectOut(centerId);
        return _propose(ProposalKind.Reinstatement, centerId, address(0));
    }

    /// @inheritdoc IPilotRegistry
    function proposeRenewal(bytes32 centerId) external returns (bytes32) {
        _expectStatus(centerId, CenterStatus.Active);
        return _propose(ProposalKind.Renewal, centerId, address(0));
    }

    /// @inheritdoc IPilotRegistry
    function proposeOperator(bytes32 centerId, address operator) external returns (bytes32) {
        if (_centers[centerId].status != CenterStatus.Active) _expectOut(centerId);
        // Who holds a lost key must not keep the new operator out by giving it another duty of the center.
        Binding storage held = _bindings[operator];
        if (held.centerId != centerId || held.duty == Duty.Operator) _expectFree(operator);
        return _propose(ProposalKind.OperatorReplacement, centerId, operator);
    }

    /// @inheritdoc IPilotRegistry
    function vote(bytes32 proposalId) external {
        _vote(proposalId, _activeOperator());
    }

    // ---- centers: their own affairs ----

    /// @inheritdoc IPilotRegistry
    function leaveNetwork() external {
        bytes32 centerId = _operatorOf(msg.sender);
        Center storage leaving = _centers[centerId];
        if (leaving.status == CenterStatus.Active) _dropValidator(leaving.validator);
        _setStatus(leaving, CenterStatus.Left);
        _closeLogKey(centerId);
        delete _bindings[leaving.operator];
        delete _bindings[leaving.anchorer];
        delete _bindings[leaving.validator];
        emit CenterLeft(centerId);
    }

    /// @inheritdoc IPilotRegistry
    function endTerm(bytes32 centerId) external {
        Center storage ending = _expectStatus(centerId, CenterStatus.Active);
        if (!_isOver(ending.termEnd)) revert TermNotOver(centerId, ending.termEnd);
        _dropValidator(ending.validator);
        _setStatus(ending, CenterStatus.Ended);
        emit CenterEnded(centerId);
    }

    /// @inheritdoc IPilotRegistry
    function rotateOperator(address operator) external {
        bytes32 centerId = _operatorOf(msg.sender);
        _expectFree(operator);
        _setOperator(centerId, operator);
    }

    /// @inheritdoc IPilotRegistry
    function rotateAnchorer(address anchorer) external {
        bytes32 centerId = _operatorOf(msg.sender);
        address previous = _centers[centerId].anchorer;
        _rebind(previous, anchorer, Duty.Anchorer, centerId);
        _centers[centerId].anchorer = anchorer;
        emit AnchorerChanged(centerId, previous, anchorer);
    }

    /// @inheritdoc IPilotRegistry
    function rotateValidator(address validator) external {
        bytes32 centerId = _operatorOf(msg.sender);
        Center storage rotating = _centers[centerId];
        uint64 rotatedAt = rotating.validatorRotatedAt;
        if (rotatedAt != 0 && block.timestamp < rotatedAt + VALIDATOR_ROTATION_PAUSE) {
            revert RotationTooSoon(centerId, rotatedAt + VALIDATOR_ROTATION_PAUSE);
        }
        address previous = rotating.validator;
        _rebind(previous, validator, Duty.Validator, centerId);
        rotating.validator = validator;
        rotating.validatorRotatedAt = uint64(block.timestamp);
        emit ValidatorChanged(centerId, previous, validator);
        if (rotating.status == CenterStatus.Active) {
            _moveSet();
            _validators[_seatOf(previous)] = validator;
            emit ValidatorSetChanged(previous, validator, _validators.length);
        }
    }

    /// @inheritdoc IPilotRegistry
    function rotateLogKey(bytes32 logKey) external {
        bytes32 centerId = _operatorOf(msg.sender);
        _expectFreeLogKey(logKey);
        LogKeyTerm[] storage terms = _logKeys[centerId];
        if (terms.length == MAX_LOG_KEYS) revert TooManyLogKeys(centerId, MAX_LOG_KEYS);
        uint64 validFrom = terms[terms.length - 1].validFrom;
        // A term that ends when it begins, or before, would be one in which nothing could be signed.
        if (block.timestamp <= validFrom) revert RotationTooSoon(centerId, validFrom + 1);
        bytes32 previous = _centers[centerId].logKey;
        _closeLogKey(centerId);
        _centers[centerId].logKey = logKey;
        _openLogKey(centerId, logKey, uint64(block.timestamp));
        emit LogKeyChanged(centerId, previous, logKey);
    }

    /// @inheritdoc IPilotRegistry
    function setEndpoints(string calldata endpoint, string calldata enode) external {
        bytes32 centerId = _operatorOf(msg.sender);
        _checkText("endpoint", bytes(endpoint).length, 0);
        _checkText("enode", bytes(enode).length, 0);
        _centers[centerId].endpoint = endpoint;
        _centers[centerId].enode = enode;
        emit EndpointsChanged(centerId, endpoint, enode);
    }

    // ---- members ----

    /// @inheritdoc IPilotRegistry
    function vouch(bytes32 memberId, address account, uint8 roles, uint64 termStart, uint64 termEnd) external {
        bytes32 centerId = _operatorInGoodStanding();
        _checkId(memberId);
        _checkRoles(roles);
        _checkTerm(termStart, termEnd);
        if (_members[centerId][memberId].status != MemberStatus.None) revert MemberExists(centerId, memberId);
        _expectFree(account);
        _bindings[account] = Binding(Duty.Member, centerId, memberId);
        _members[centerId][memberId] =
            Member(centerId, memberId, account, roles, MemberStatus.Active, termStart, termEnd);
        _memberIds[centerId].push(memberId);
        emit MemberVouched(centerId, memberId, account, roles, termStart, termEnd);
    }

    /// @inheritdoc IPilotRegistry
    function setMemberRoles(bytes32 memberId, uint8 roles) external {
        Member storage changing = _ownMember(memberId);
        _checkRoles(roles);
        uint8 previous = changing.roles;
        changing.roles = roles;
        emit MemberRolesChanged(changing.centerId, memberId, previous, roles);
    }

    /// @inheritdoc IPilotRegistry
    function setMemberTerm(bytes32 memberId, uint64 termStart, uint64 termEnd) external {
        Member storage changing = _ownMember(memberId);
        _checkTerm(termStart, termEnd);
        changing.termStart = termStart;
        changing.termEnd = termEnd;
        emit MemberTermChanged(changing.centerId, memberId, termStart, termEnd);
    }

    /// @inheritdoc IPilotRegistry
    function suspendMember(bytes32 memberId) external {
        Member storage changing = _ownMember(memberId);
        if (changing.status == MemberStatus.Suspended) revert MemberUnchanged(changing.centerId, memberId);
        changing.status = MemberStatus.Suspended;
        emit MemberSuspended(changing.centerId, memberId);
    }

    /// @inheritdoc IPilotRegistry
    function reinstateMember(bytes32 memberId) external {
        Member storage changing = _ownMember(memberId);
        if (changing.status == MemberStatus.Active) revert MemberUnchanged(changing.centerId, memberId);
        changing.status = MemberStatus.Active;
        emit MemberReinstated(changing.centerId, memberId);
    }

    /// @inheritdoc IPilotRegistry
    function rotateMemberKey(bytes32 memberId, address account) external {
        Member storage changing = _ownMember(memberId);
        address previous = changing.account;
        _expectFree(account);
        delete _bindings[previous];
        _bindings[account] = Binding(Duty.Member, changing.centerId, memberId);
        changing.account = account;
        emit MemberKeyChanged(changing.centerId, memberId, previous, account);
    }

    // ---- questions ----

    /// @inheritdoc IPilotRegistry
    function getValidators() external view returns (address[] memory) {
        return _validators;
    }

    /// @inheritdoc IPilotRegistry
    function parameters() external view returns (Parameters memory) {
        return _parameters;
    }

    /// @inheritdoc IPilotRegistry
    function activeCount() external view returns (uint256) {
        return _validators.length;
    }

    /// @inheritdoc IPilotRegistry
    function quorum() external view returns (uint256) {
        return _quorumOf(_validators.length);
    }

    /// @inheritdoc IPilotRegistry
    function center(bytes32 centerId) external view returns (Center memory) {
        return _centers[centerId];
    }

    /// @inheritdoc IPilotRegistry
    function centerCount() external view returns (uint256) {
        return _centerIds.length;
    }

    /// @inheritdoc IPilotRegistry
    function centerIds(uint256 offset, uint256 limit) external view returns (bytes32[] memory) {
        return _page(_centerIds, offset, limit);
    }

    /// @inheritdoc IPilotRegistry
    function logKeys(bytes32 centerId) external view returns (LogKeyTerm[] memory) {
        return _logKeys[centerId];
    }

    /// @inheritdoc IPilotRegistry
    function isActive(bytes32 centerId) external view returns (bool) {
        return _centers[centerId].status == CenterStatus.Active;
    }

    /// @inheritdoc IPilotRegistry
    function isInGoodStanding(bytes32 centerId) external view returns (bool) {
        return _isInGoodStanding(centerId);
    }

    /// @inheritdoc IPilotRegistry
    function centerOfAnchorer(address account) external view returns (bytes32) {
        return _centerOf(account, Duty.Anchorer);
    }

    /// @inheritdoc IPilotRegistry
    function centerOfOperator(address account) external view returns (bytes32) {
        return _centerOf(account, Duty.Operator);
    }

    /// @inheritdoc IPilotRegistry
    function centerOfValidator(address account) external view returns (bytes32 centerId) {
        centerId = _bindings[account].centerId;
        // Not by duty: an operator put in by vote may have a seat to give away still.
        if (_centers[centerId].validator != account) centerId = 0;
    }

    /// @inheritdoc IPilotRegistry
    function centerOfLogKey(bytes32 logKey) external view returns (bytes32) {
        return _centerOfLogKey[logKey];
    }

    /// @inheritdoc IPilotRegistry
    function proposal(bytes32 proposalId) external view returns (Proposal memory) {
        return _proposals[proposalId];
    }

    /// @inheritdoc IPilotRegistry
    function proposalCount() external view returns (uint256) {
        return _proposalIds.length;
    }

    /// @inheritdoc IPilotRegistry
    function proposalIds(uint256 offset, uint256 limit) external view returns (bytes32[] memory) {
        return _page(_proposalIds, offset, limit);
    }

    /// @inheritdoc IPilotRegistry
    function tally(bytes32 proposalId) external view returns (uint256 votes, uint256 needed) {
        Proposal storage asked = _proposals[proposalId];
        if (asked.kind == ProposalKind.None) revert UnknownProposal(proposalId);
        return _tally(proposalId, asked);
    }

    /// @inheritdoc IPilotRegistry
    function hasVoted(bytes32 proposalId, bytes32 centerId) external view returns (bool) {
        return _votes[proposalId][centerId];
    }

    /// @inheritdoc IPilotRegistry
    function member(bytes32 centerId, bytes32 memberId) external view returns (Member memory) {
        return _members[centerId][memberId];
    }

    /// @inheritdoc IPilotRegistry
    function memberOf(address account) external view returns (Member memory) {
        Binding storage binding = _bindings[account];
        // A center's own accounts have a binding too, of no member: the mapping then answers with zeros.
        return _members[binding.centerId][binding.memberId];
    }

    /// @inheritdoc IPilotRegistry
    function memberCount(bytes32 centerId) external view returns (uint256) {
        return _memberIds[centerId].length;
    }

    /// @inheritdoc IPilotRegistry
    function memberIds(bytes32 centerId, uint256 offset, uint256 limit) external view returns (bytes32[] memory) {
        return _page(_memberIds[centerId], offset, limit);
    }

    /// @inheritdoc IPilotRegistry
    function isMemberInGoodStanding(address account, uint8 role) external view returns (bool) {
        Binding storage binding = _bindings[account];
        Member storage asked = _members[binding.centerId][binding.memberId];
        return role != 0 && asked.roles & role == role && asked.status == MemberStatus.Active
            && block.timestamp >= asked.termStart && !_isOver(asked.termEnd) && _isInGoodStanding(binding.centerId);
    }

    // ---- proposals, inside ----

    function _propose(ProposalKind kind, bytes32 centerId, address operator) private returns (bytes32 proposalId) {
        bytes32 proposer = _activeOperator();
        proposalId = _open(kind, centerId, proposer, 0, operator);
        _vote(proposalId, proposer);
    }

    function _open(ProposalKind kind, bytes32 centerId, bytes32 proposer, bytes32 contentHash, address operator)
        private
        returns (bytes32 proposalId)
    {
        uint32 revision = _centers[centerId].revision;
        uint64 expiresAt = uint64(block.timestamp) + _parameters.votingPeriod;
        proposalId = keccak256(
            abi.encode(
                block.chainid, address(this), _proposalIds.length, kind, centerId, revision, contentHash, operator
            )
        );
        _proposals[proposalId] = Proposal(kind, false, expiresAt, revision, operator, centerId, contentHash);
        _proposalIds.push(proposalId);
        emit ProposalOpened(proposalId, kind, centerId, proposer, contentHash, operator, expiresAt);
    }

    function _vote(bytes32 proposalId, bytes32 voter) private {
        Proposal storage voted = _proposals[proposalId];
        if (voted.kind == ProposalKind.None) revert UnknownProposal(proposalId);
        if (voted.executed) revert ProposalDone(proposalId);
        if (block.timestamp >= voted.expiresAt) revert ProposalExpired(proposalId, voted.expiresAt);
        if (voted.revision != _centers[voted.centerId].revision) revert ProposalStale(proposalId);
        if (_votes[proposalId][voter]) revert VotedAlready(proposalId, voter);
        if (_excludesOwn(voted.kind) && voter == voted.centerId) revert OwnCause(voter);
        _votes[proposalId][voter] = true;
        emit Voted(proposalId, voter);

        (uint256 votes, uint256 needed) = _tally(proposalId, voted);
        if (votes < needed) return;
        voted.executed = true;
        emit ProposalExecuted(proposalId, voted.kind, voted.centerId);
        _carryOut(voted);
    }

    function _carryOut(Proposal storage decided) private {
        bytes32 centerId = decided.centerId;
        Center storage about = _centers[centerId];
        if (decided.kind == ProposalKind.Admission) {
            _moveSet();
            _admit(centerId, uint64(block.timestamp));
        } else if (decided.kind == ProposalKind.Suspension) {
            _dropValidator(about.validator);
            _setStatus(about, CenterStatus.Suspended);
            emit CenterSuspended(centerId);
        } else if (decided.kind == ProposalKind.Reinstatement) {
            _moveSet();
            if (_isOver(about.termEnd)) {
                about.termStart = uint64(block.timestamp);
                about.termEnd = _termEndFrom(uint64(block.timestamp));
            }
            _setStatus(about, CenterStatus.Active);
            _seatValidator(about.validator);
            emit CenterReinstated(centerId, about.termStart, about.termEnd);
        } else if (decided.kind == ProposalKind.Renewal) {
            about.revision++;
            about.termEnd = _termEndFrom(uint64(block.timestamp));
            emit CenterRenewed(centerId, about.termEnd);
        } else {
            about.revision++;
            _release(centerId, decided.operator);
            // Whatever a nomination holds meanwhile, a quorum outranks it.
            _expectUnbound(decided.operator);
            _setOperator(centerId, decided.operator);
        }
    }

    /// Counts over the active centers, at most MAX_CENTERS: a vote lasts only as long as its voter is active.
    function _tally(bytes32 proposalId, Proposal storage counted)
        private
        view
        returns (uint256 votes, uint256 needed)
    {
        uint256 voters = _validators.length;
        for (uint256 i = 0; i < voters; ++i) {
            if (_votes[proposalId][_bindings[_validators[i]].centerId]) votes++;
        }
        needed = _quorumOf(voters);
        // The one it is about counts among those a quorum is of, or few could put out one after the other. Of two, that would
        // take a vote nobody has: there the other one decides alone.
        if (voters == 2 && _excludesOwn(counted.kind) && _centers[counted.centerId].status == CenterStatus.Active) needed = 1;
    }

    function _excludesOwn(ProposalKind kind) private pure returns (bool) {
        return kind == ProposalKind.Suspension || kind == ProposalKind.OperatorReplacement;
    }

    function _quorumOf(uint256 voters) private pure returns (uint256) {
        return (2 * voters + 2) / 3;
    }

    // ---- centers, inside ----

    function _checkCandidate(Candidate memory candidate) private view {
        _checkId(candidate.id);
        bytes2 economy = candidate.economy;
        if (economy[0] < "A" || economy[0] > "Z" || economy[1] < "A" || economy[1] > "Z") {
            revert InvalidEconomy(economy);
        }
        _checkText("name", bytes(candidate.name).length, 1);
        _checkText("origin", bytes(candidate.origin).length, 1);
        _checkText("endpoint", bytes(candidate.endpoint).length, 0);
        _checkText("enode", bytes(candidate.enode).length, 0);
        _expectFreeLogKey(candidate.logKey);
        _expectFreeOrigin(candidate.origin);
        _expectFree(candidate.operator);
        _expectFree(candidate.anchorer);
        _expectFree(candidate.validator);
        // Among themselves too: no vote may be spent on a candidate that can never be admitted.
        if (candidate.anchorer == candidate.operator) {
            revert AccountTaken(candidate.anchorer, Duty.Operator, candidate.id);
        }
        if (candidate.validator == candidate.operator) {
            revert AccountTaken(candidate.validator, Duty.Operator, candidate.id);
        }
        if (candidate.validator == candidate.anchorer) {
            revert AccountTaken(candidate.validator, Duty.Anchorer, candidate.id);
        }
    }

    function _store(Candidate memory candidate) private {
        Center storage stored = _centers[candidate.id];
        if (stored.status > CenterStatus.Nominated) revert WrongStatus(candidate.id, stored.status);
        stored.id = candidate.id;
        stored.logKey = candidate.logKey;
        stored.economy = candidate.economy;
        stored.operator = candidate.operator;
        stored.status = CenterStatus.Nominated;
        stored.anchorer = candidate.anchorer;
        stored.validator = candidate.validator;
        stored.name = candidate.name;
        stored.origin = candidate.origin;
        stored.endpoint = candidate.endpoint;
        stored.enode = candidate.enode;
    }

    /// Makes a stored candidate active. What its nomination held is bound for good now.
    function _admit(bytes32 centerId, uint64 termStart) private {
        Center storage admitted = _centers[centerId];
        _expectFreeLogKey(admitted.logKey);
        _expectFreeOrigin(admitted.origin);
        _centerOfOrigin[keccak256(bytes(admitted.origin))] = centerId;
        _bind(admitted.operator, Duty.Operator, centerId);
        _bind(admitted.anchorer, Duty.Anchorer, centerId);
        _bind(admitted.validator, Duty.Validator, centerId);
        _openLogKey(centerId, admitted.logKey, termStart);
        _centerIds.push(centerId);
        admitted.termStart = termStart;
        admitted.termEnd = _termEndFrom(termStart);
        _setStatus(admitted, CenterStatus.Active);
        _seatValidator(admitted.validator);
        emit CenterAdmitted(centerId, admitted.termStart, admitted.termEnd);
    }

    function _setOperator(bytes32 centerId, address operator) private {
        Center storage changing = _centers[centerId];
        address previous = changing.operator;
        if (previous == changing.validator) _bindings[previous].duty = Duty.Validator;
        else delete _bindings[previous];
        _bindings[operator] = Binding(Duty.Operator, centerId, 0);
        changing.operator = operator;
        emit OperatorChanged(centerId, previous, operator);
    }

    /// Takes an account out of any other duty that this center gave it. A validator keeps its seat, which may not be empty, and
    /// can hand it on at once.
    function _release(bytes32 centerId, address account) private {
        Binding memory held = _bindings[account];
        if (held.centerId != centerId || held.duty == Duty.Operator) return;
        if (held.duty == Duty.Anchorer) {
            _centers[centerId].anchorer = address(0);
            emit AnchorerChanged(centerId, account, address(0));
        } else if (held.duty == Duty.Validator) {
            _centers[centerId].validatorRotatedAt = 0;
        } else {
            _members[centerId][held.memberId].account = address(0);
            emit MemberKeyChanged(centerId, held.memberId, account, address(0));
        }
        delete _bindings[account];
    }

    function _setStatus(Center storage changing, CenterStatus status) private {
        changing.status = status;
        changing.revision++;
    }

    function _expectStatus(bytes32 centerId, CenterStatus status) private view returns (Center storage found) {
        found = _centers[centerId];
        if (found.status != status) revert WrongStatus(centerId, found.status);
    }

    function _expectOut(bytes32 centerId) private view {
        CenterStatus status = _centers[centerId].status;
        if (status != CenterStatus.Suspended && status != CenterStatus.Ended) revert WrongStatus(centerId, status);
    }

    function _termEndFrom(uint64 termStart) private view returns (uint64) {
        uint64 length = _parameters.termLength;
        return length == 0 ? 0 : termStart + length;
    }

    function _isOver(uint64 termEnd) private view returns (bool) {
        return termEnd != 0 && block.timestamp >= termEnd;
    }

    function _isInGoodStanding(bytes32 centerId) private view returns (bool) {
        Center storage asked = _centers[centerId];
        return asked.status == CenterStatus.Active && block.timestamp >= asked.termStart && !_isOver(asked.termEnd);
    }

    // ---- who is calling ----

    function _centerOf(address account, Duty duty) private view returns (bytes32) {
        Binding storage binding = _bindings[account];
        return binding.duty == duty ? binding.centerId : bytes32(0);
    }

    function _operatorOf(address caller) private view returns (bytes32 centerId) {
        centerId = _centerOf(caller, Duty.Operator);
        if (centerId == 0) revert NotOperator(caller);
    }

    function _activeOperator() private view returns (bytes32 centerId) {
        centerId = _operatorOf(msg.sender);
        if (_centers[centerId].status != CenterStatus.Active) revert NotActive(centerId);
    }

    function _operatorInGoodStanding() private view returns (bytes32 centerId) {
        centerId = _operatorOf(msg.sender);
        if (!_isInGoodStanding(centerId)) revert NotInGoodStanding(centerId);
    }

    function _ownMember(bytes32 memberId) private view returns (Member storage found) {
        bytes32 centerId = _operatorInGoodStanding();
        found = _members[centerId][memberId];
        if (found.status == MemberStatus.None) revert UnknownMember(centerId, memberId);
    }

    // ---- the validator set ----

    /// The set moves one seat a block, so that each set is sealed by one that overlaps it.
    function _moveSet() private {
        if (_setMovedIn == block.number) revert ValidatorSetMoved(block.number);
        _setMovedIn = block.number;
    }

    function _seatValidator(address validator) private {
        if (_validators.length == MAX_CENTERS) revert TooManyCenters(MAX_CENTERS);
        _validators.push(validator);
        emit ValidatorSetChanged(address(0), validator, _validators.length);
    }

    function _dropValidator(address validator) private {
        uint256 remaining = _validators.length - 1;
        if (remaining < _parameters.minimumCenters) revert BelowMinimum(remaining, _parameters.minimumCenters);
        _moveSet();
        _validators[_seatOf(validator)] = _validators[remaining];
        _validators.pop();
        emit ValidatorSetChanged(validator, address(0), remaining);
    }

    /// Called only for a validator that is seated; at most MAX_CENTERS steps.
    function _seatOf(address validator) private view returns (uint256 seat) {
        while (_validators[seat] != validator) seat++;
    }

    // ---- accounts and log keys ----

    function _expectFree(address account) private view {
        _expectUnbound(account);
        _expectUnreserved(_asKey(account));
    }

    function _expectUnbound(address account) private view {
        if (account == address(0)) revert ZeroAccount();
        Binding storage binding = _bindings[account];
        if (binding.duty == Duty.None) return;
        // Nobody is left who could release the members of a center that is gone: another may vouch for them.
        if (binding.duty == Duty.Member && _centers[binding.centerId].status == CenterStatus.Left) return;
        revert AccountTaken(account, binding.duty, binding.centerId);
    }

    function _bind(address account, Duty duty, bytes32 centerId) private {
        _expectFree(account);
        _bindings[account] = Binding(duty, centerId, 0);
    }

    function _rebind(address previous, address account, Duty duty, bytes32 centerId) private {
        _bind(account, duty, centerId);
        if (_bindings[previous].duty == duty) delete _bindings[previous];
    }

    function _expectUnreserved(bytes32 what) private view {
        bytes32 proposalId = _reservedFor[what];
        uint64 openUntil = _openUntil(proposalId);
        if (openUntil != 0) revert ReservedForNominee(what, proposalId, openUntil);
    }

    /// When a proposal expires that is neither done nor expired; otherwise 0.
    function _openUntil(bytes32 proposalId) private view returns (uint64) {
        Proposal storage asked = _proposals[proposalId];
        return asked.executed || block.timestamp >= asked.expiresAt ? 0 : asked.expiresAt;
    }

    function _asKey(address account) private pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }

    function _expectFreeLogKey(bytes32 logKey) private view {
        if (logKey == 0) revert ZeroLogKey();
        if (_centerOfLogKey[logKey] != 0) revert LogKeyTaken(logKey, _centerOfLogKey[logKey]);
        _expectUnreserved(logKey);
    }

    function _expectFreeOrigin(string memory origin) private view {
        bytes32 originHash = keccak256(bytes(origin));
        bytes32 owner = _centerOfOrigin[originHash];
        if (owner != 0) revert OriginTaken(origin, owner);
        _expectUnreserved(originHash);
    }

    function _openLogKey(bytes32 centerId, bytes32 logKey, uint64 validFrom) private {
        _centerOfLogKey[logKey] = centerId;
        _logKeys[centerId].push(LogKeyTerm(logKey, validFrom, 0));
    }

    function _closeLogKey(bytes32 centerId) private {
        LogKeyTerm[] storage terms = _logKeys[centerId];
        terms[terms.length - 1].validUntil = uint64(block.timestamp);
    }

    // ---- bounds ----

    function _checkId(bytes32 id) private pure {
        if (id[0] < "a" || id[0] > "z") revert InvalidId(id);
        bool isEnded = false;
        for (uint256 i = 1; i < 32; ++i) {
            bytes1 letter = id[i];
            if (letter == 0) {
                isEnded = true;
                continue;
            }
            bool isAllowed = (letter >= "a" && letter <= "z") || (letter >= "0" && letter <= "9") || letter == "-";
            if (isEnded || !isAllowed) revert InvalidId(id);
        }
        // 32 letters would leave no room for the padding that ends the name.
        if (!isEnded) revert InvalidId(id);
    }

    function _checkText(string memory field, uint256 length, uint256 minimum) private pure {
        if (length < minimum || length > MAX_TEXT) revert InvalidTextLength(field, length);
    }

    function _checkRoles(uint8 roles) private pure {
        if (roles == 0 || roles > ALL_ROLES) revert InvalidRoles(roles);
    }

    function _checkTerm(uint64 termStart, uint64 termEnd) private pure {
        if (termEnd != 0 && termEnd <= termStart) revert InvalidTerm(termStart, termEnd);
    }

    function _page(bytes32[] storage all, uint256 offset, uint256 limit)
        private
        view
        returns (bytes32[] memory page)
    {
        uint256 length = all.length;
        if (offset >= length) return new bytes32[](0);
        uint256 size = length - offset < limit ? length - offset : limit;
        page = new bytes32[](size);
        for (uint256 i = 0; i < size; ++i) page[i] = all[offset + i];
    }
}
