// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAnchorLog} from "./interfaces/IAnchorLog.sol";
import {IEvidenceRegister} from "./interfaces/IEvidenceRegister.sol";
import {IPilotRegistry} from "./interfaces/IPilotRegistry.sol";
import {RangeList} from "./libraries/RangeList.sol";
import {ShortName} from "./libraries/ShortName.sol";
import {CenterQuorum} from "./parts/CenterQuorum.sol";
import {Mediated} from "./parts/Mediated.sol";
import {AdmittedEvidence, CustodyModel, Evidence, Inclusion, Placement} from "./types/AssetTypes.sol";
import {Member} from "./types/PilotTypes.sol";

/// @title Evidence that counts once in the whole network
/// @notice See IEvidenceRegister.
contract EvidenceRegister is CenterQuorum, Mediated, IEvidenceRegister {
    using RangeList for RangeList.Ranges;

    /// What is kept of a statement for an asker.
    struct Admission {
        bytes32 classId;
        bytes32 lot;
        bytes32 attribute;
        uint128 quantity;
        uint64 admittedAt;
        uint32 vintageFrom;
        uint32 vintageTo;
        CustodyModel custodyModel;
        address holder;
        MemberName holderName;
    }

    struct MemberName {
        bytes32 centerId;
        bytes32 memberId;
    }

    /// An attribute of a lot; one word.
    struct Lot {
        /// Of the member and the facility that had it admitted first: most of a hash over them.
        bytes31 owner;
        CustodyModel custodyModel;
    }

    struct Revocation {
        bool isRevoked;
        string reason;
    }

    bytes32 private constant EVIDENCE_TYPE = keccak256(
        "Evidence(bytes32 id,bytes32 centerId,address certifier,address holder,bytes32 classId,bytes32 attribute,bytes32 unit,"
        "uint8 decimals,uint128 quantity,bytes32 lot,bytes32 facility,uint32 vintageFrom,uint32 vintageTo,uint8 custodyModel,"
        "bytes32 originRegistry,uint64 serialFrom,uint64 serialTo,bytes32 certificateDigest,bytes2 economy)"
    );
    /// Entry of a log: kind, subject, content.
    bytes1 private constant ENTRY_KIND = 0x05;
    uint8 private constant CERTIFIER = 2;
    uint256 private constant MAX_REASON = 256;
    // No one statement uses up more than a few years of a lot, or a part of a registry's serials.
    uint32 private constant MAX_VINTAGE_DAYS = 1_100;
    uint64 private constant MAX_SERIALS = 2 ** 32;

    IAnchorLog private _anchorLog;
    mapping(address asker => mapping(bytes32 digest => Admission)) private _admissions;
    /// Whose the certifier's account was when the statement was first admitted, by whomever: one certifier, who may revoke.
    mapping(bytes32 digest => MemberName) private _certifiers;
    mapping(bytes32 digest => Revocation) private _revocations;
    mapping(address asker => mapping(bytes32 key => Lot)) private _lots;
    /// Days counted, by attribute and lot. No statement gives its days back, revoked or not: its units may have been claimed.
    mapping(address asker => RangeList.Ranges) private _vintages;
    /// Serials counted, by the registry that gave them.
    mapping(address asker => RangeList.Ranges) private _serials;
    mapping(address asker => uint256) private _evidenceCounts;

    constructor(IPilotRegistry registry_, IAnchorLog anchorLog_) CenterQuorum(registry_) {
        _expectCode(address(anchorLog_));
        if (address(anchorLog_.registry()) != address(registry_)) revert InvalidContract(address(anchorLog_));
        _anchorLog = anchorLog_;
    }

    /// @inheritdoc IEvidenceRegister
    function admit(
        Evidence calldata statement,
        bytes calldata signature,
        Inclusion calldata inclusion,
        Placement calldata placement_
    ) external returns (bytes32 digest) {
        digest = digestOf(statement);
        // Also one that was never admitted: its certifier may have thought better of it.
        if (_revocations[digest].isRevoked) revert Revoked(digest);
        address asker = _msgSender();
        if (_admissions[asker][digest].admittedAt != 0) {
            _expectCertifierStill(digest, statement.holder);
            return digest;
        }
        _checkShape(digest, statement);
        _checkCertifier(digest, statement, signature);
        _checkInclusion(digest, statement, inclusion);
        MemberName memory holder = _nameOf(statement.holder);
        // Nobody could issue out of it, and its lot would be nobody's.
        if (holder.centerId == 0) revert UnknownHolder(digest, statement.holder);
        _countLot(asker, statement, holder);
        _countVintage(asker, statement, placement_.vintageAfter);
        _countSerials(asker, statement, placement_.serialAfter);
        _store(asker, digest, statement, holder);
        emit EvidenceAdmitted(digest, statement.classId, asker, statement);
    }

    /// @inheritdoc IEvidenceRegister
    function revoke(Evidence calldata statement, string calldata reason) external {
        bytes32 digest = digestOf(statement);
        address certifier = _certifiers[digest].centerId == 0 ? statement.certifier : _certifierOfToday(digest);
        if (_msgSender() != certifier) revert NotItsCertifier(digest, _msgSender());
        _revoke(digest, reason, false);
    }

    /// @inheritdoc IEvidenceRegister
    function voteRevocation(bytes32 digest, string calldata reason) external {
        if (_certifiers[digest].centerId == 0) revert UnknownEvidence(digest);
        if (_revocations[digest].isRevoked) revert Revoked(digest);
        _checkReason(reason);
        (bytes32 centerId, bool isCarried) =
            _takeVote(address(this), keccak256(abi.encode("revocation", digest)), _msgSender());
        emit RevocationVoted(digest, centerId, reason);
        if (isCarried) _revoke(digest, reason, true);
    }

    /// @inheritdoc IEvidenceRegister
    function digestOf(Evidence calldata statement) public view returns (bytes32) {
        return _typedDigest(keccak256(abi.encode(EVIDENCE_TYPE, statement)));
    }

    /// @inheritdoc IEvidenceRegister
    function evidence(address asker, bytes32 digest) external view returns (AdmittedEvidence memory kept) {
        Admission storage admission = _admissions[asker][digest];
        if (admission.admittedAt == 0) return kept;
        MemberName storage certifier = _certifiers[digest];
        kept = AdmittedEvidence({
            classId: admission.classId,
            lot: admission.lot,
            attribute: admission.attribute,
            quantity: admission.quantity,
            admittedAt: admission.admittedAt,
            vintageFrom: admission.vintageFrom,
            vintageTo: admission.vintageTo,
            custodyModel: admission.custodyModel,
            holder: admission.holder,
            holderCenter: admission.holderName.centerId,
            holderMember: admission.holderName.memberId,
            certifierCenter: certifier.centerId,
            certifierMember: certifier.memberId
        });
    }

    /// @inheritdoc IEvidenceRegister
    function revocation(bytes32 digest) external view returns (bool isRevoked_, string memory reason) {
        Revocation storage asked = _revocations[digest];
        return (asked.isRevoked, asked.reason);
    }

    /// @inheritdoc IEvidenceRegister
    function isRevoked(bytes32 digest) external view returns (bool) {
        return _revocations[digest].isRevoked;
    }

    /// @inheritdoc IEvidenceRegister
    function custodyOf(address asker, bytes32 attribute, bytes32 lot) external view returns (CustodyModel) {
        return _lots[asker][_lotKey(attribute, lot)].custodyModel;
    }

    /// @inheritdoc IEvidenceRegister
    function evidenceCount(address asker) external view returns (uint256) {
        return _evidenceCounts[asker];
    }

    /// @inheritdoc IEvidenceRegister
    function placement(address asker, Evidence calldata statement, Placement calldata from, uint256 steps)
        external
        view
        returns (Placement memory found, bool isFound)
    {
        bool areSerialsFound = true;
        isFound = true;
        if (statement.lot != 0) {
            (found.vintageAfter, isFound) = _vintages[asker].find(
                _lotKey(statement.attribute, statement.lot), statement.vintageFrom, from.vintageAfter, steps
            );
        }
        if (statement.originRegistry != 0) {
            (found.serialAfter, areSerialsFound) =
                _serials[asker].find(statement.originRegistry, statement.serialFrom, from.serialAfter, steps);
        }
        isFound = isFound && areSerialsFound;
    }

    /// @inheritdoc IEvidenceRegister
    function contracts() external view returns (address registry, address anchorLog) {
        return (address(_registry), address(_anchorLog));
    }

    // ---- what a statement must be ----

    function _checkShape(bytes32 digest, Evidence calldata statement) private view {
        if (statement.lot == 0 && statement.originRegistry == 0) revert NothingEvidenced(digest);
        if (statement.quantity == 0) revert ZeroQuantity();
        // A day has ended where the next begins.
        uint256 vintageEnd = (uint256(statement.vintageTo) + 1) * 1 days;
        (uint32 first, uint32 last) = (statement.vintageFrom, statement.vintageTo);
        if (first > last || block.timestamp < vintageEnd || last - first >= MAX_VINTAGE_DAYS) {
            revert InvalidVintage(first, last);
        }
        if (statement.custodyModel == CustodyModel.None) revert InvalidCustodyModel();
        if (!ShortName.isEconomy(statement.economy)) revert InvalidEconomy(statement.economy);
        // Another spelling of an attribute or a registry would be counted by itself.
        if (!ShortName.isName(statement.classId)) revert InvalidName(statement.classId);
        if (!ShortName.isName(statement.attribute)) revert InvalidName(statement.attribute);
        (uint64 from, uint64 to) = (statement.serialFrom, statement.serialTo);
        if (statement.originRegistry == 0) {
            if (from != 0 || to != 0) revert InvalidSerials(from, to);
        } else {
            bytes32 origin = statement.originRegistry;
            if (!ShortName.isName(origin) || !ShortName.isPlain(origin)) revert InvalidName(origin);
            if (to == 0 || from > to || to - from >= MAX_SERIALS) revert InvalidSerials(from, to);
        }
    }

    function _checkCertifier(bytes32 digest, Evidence calldata statement, bytes calldata signature) private view {
        address certifier = statement.certifier;
        if (certifier == statement.holder) revert OwnCertifier(certifier);
        if (!_registry.isMemberInGoodStanding(certifier, CERTIFIER)) revert NotCertifier(certifier);
        if (!_isSignedBy(certifier, digest, signature)) revert InvalidCertifierSignature(digest, certifier);
    }

    /// Of a statement admitted before: its certifier may have another account by now, or be none any longer.
    function _expectCertifierStill(bytes32 digest, address holder) private view {
        address certifier = _certifierOfToday(digest);
        // An account given to the certifier since would make it the holder of what it certified.
        if (certifier == holder) revert OwnCertifier(certifier);
        if (!_registry.isMemberInGoodStanding(certifier, CERTIFIER)) revert NotCertifier(certifier);
    }

    function _checkInclusion(bytes32 digest, Evidence calldata statement, Inclusion calldata inclusion) private view {
        bytes32 centerId = statement.centerId;
        if (!_registry.isInGoodStanding(centerId)) revert CenterNotInGoodStanding(centerId);
        IAnchorLog log = _anchorLog;
        if (log.rootAt(centerId, inclusion.treeSize) == 0) revert NotAnchored(centerId, inclusion.treeSize);
        // SHA-256(0x00 ‖ entry), RFC 9162, 2.1.1.
        bytes32 leafHash = sha256(abi.encodePacked(bytes1(0), ENTRY_KIND, statement.id, digest));
        if (!log.isIncluded(centerId, inclusion.treeSize, inclusion.leafIndex, leafHash, inclusion.path)) {
            revert NotIncluded(digest, centerId, inclusion.treeSize, inclusion.leafIndex);
        }
    }

    // ---- what counts once ----

    /// A lot is one member's, of one facility: its days tell nothing of how much of it there is, so that another's statement of other
    /// days could count the same goods again. And it is kept as its weakest statement says.
    function _countLot(address asker, Evidence calldata statement, MemberName memory holder) private {
        (bytes32 attribute, bytes32 lot) = (statement.attribute, statement.lot);
        if (lot == 0) return;
        Lot storage known = _lots[asker][_lotKey(attribute, lot)];
        bytes31 owner = bytes31(keccak256(abi.encode(holder, statement.facility)));
        if (known.owner != 0 && known.owner != owner) revert LotOfAnother(attribute, lot);
        (CustodyModel before, CustodyModel stated) = (known.custodyModel, statement.custodyModel);
        if (stated < before) revert CustodyUpgraded(lot, uint8(before), uint8(stated));
        (known.owner, known.custodyModel) = (owner, stated);
    }

    function _countVintage(address asker, Evidence calldata statement, uint64 place) private {
        (bytes32 attribute, bytes32 lot) = (statement.attribute, statement.lot);
        if (lot == 0) return;
        bytes32 key = _lotKey(attribute, lot);
        RangeList.Outcome outcome = _vintages[asker].insert(key, statement.vintageFrom, statement.vintageTo, place);
        if (outcome == RangeList.Outcome.Overlaps) {
            revert LotCounted(attribute, lot, statement.vintageFrom, statement.vintageTo);
        }
        if (outcome == RangeList.Outcome.WrongPlace) revert WrongPlacement(key, place);
    }

    function _countSerials(address asker, Evidence calldata statement, uint64 place) private {
        bytes32 origin = statement.originRegistry;
        if (origin == 0) return;
        RangeList.Outcome outcome = _serials[asker].insert(origin, statement.serialFrom, statement.serialTo, place);
        if (outcome == RangeList.Outcome.Overlaps) {
            revert SerialsCounted(origin, statement.serialFrom, statement.serialTo);
        }
        if (outcome == RangeList.Outcome.WrongPlace) revert WrongPlacement(origin, place);
    }

    function _lotKey(bytes32 attribute, bytes32 lot) private pure returns (bytes32) {
        return keccak256(abi.encode(attribute, lot));
    }

    // ---- what is kept ----

    function _store(address asker, bytes32 digest, Evidence calldata statement, MemberName memory holder) private {
        if (_certifiers[digest].centerId == 0) _certifiers[digest] = _nameOf(statement.certifier);
        _admissions[asker][digest] = Admission({
            classId: statement.classId,
            lot: statement.lot,
            attribute: statement.attribute,
            quantity: statement.quantity,
            admittedAt: uint64(block.timestamp),
            vintageFrom: statement.vintageFrom,
            vintageTo: statement.vintageTo,
            custodyModel: statement.custodyModel,
            holder: statement.holder,
            holderName: holder
        });
        _evidenceCounts[asker]++;
    }

    /// Whose account it is today; all zero where it is nobody's.
    function _nameOf(address account) private view returns (MemberName memory) {
        Member memory member = _registry.memberOf(account);
        return MemberName(member.centerId, member.id);
    }

    function _certifierOfToday(bytes32 digest) private view returns (address) {
        MemberName storage certifier = _certifiers[digest];
        return _registry.member(certifier.centerId, certifier.memberId).account;
    }

    function _revoke(bytes32 digest, string calldata reason, bool byCenters) private {
        if (_revocations[digest].isRevoked) revert Revoked(digest);
        _checkReason(reason);
        _revocations[digest] = Revocation(true, reason);
        emit EvidenceRevoked(digest, byCenters, reason);
    }

    function _checkReason(string calldata reason) private pure {
        if (bytes(reason).length == 0 || bytes(reason).length > MAX_REASON) revert InvalidReason();
    }
}
