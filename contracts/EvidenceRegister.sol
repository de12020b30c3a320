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

    IAnchorLog private _anchorLog;
    mapping(bytes32 digest => AdmittedEvidence) private _admitted;
    mapping(bytes32 digest => Revocation) private _revocations;
    mapping(bytes32 lot => CustodyModel) private _custodyOf;
    /// Days counted, by attribute and lot. No statement gives its days back, revoked or not: its units may have been claimed.
    RangeList.Ranges private _vintages;
    /// Serials counted, by the registry that gave them.
    RangeList.Ranges private _serials;
    uint256 private _evidenceCount;

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
        if (_admitted[digest].admittedAt != 0) {
            _expectCertifierStill(digest, statement.holder);
            return digest;
        }
        _checkShape(digest, statement);
        _checkCertifier(digest, statement, signature);
        _checkInclusion(digest, statement, inclusion);
        _countVintage(statement, placement_.vintageAfter);
        _countSerials(statement, placement_.serialAfter);
        _lowerCustody(statement.lot, statement.custodyModel);
        _store(digest, statement);
        emit EvidenceAdmitted(digest, statement.classId, statement.lot, statement);
    }

    /// @inheritdoc IEvidenceRegister
    function revoke(Evidence calldata statement, string calldata reason) external {
        bytes32 digest = digestOf(statement);
        AdmittedEvidence storage admitted = _admitted[digest];
        address certifier = admitted.admittedAt == 0
            ? statement.certifier
            : _registry.member(admitted.certifierCenter, admitted.certifierMember).account;
        if (_msgSender() != certifier) revert NotItsCertifier(digest, _msgSender());
        _revoke(digest, reason, false);
    }

    /// @inheritdoc IEvidenceRegister
    function voteRevocation(bytes32 digest, string calldata reason) external {
        if (_admitted[digest].admittedAt == 0) revert UnknownEvidence(digest);
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
    function evidence(bytes32 digest) external view returns (AdmittedEvidence memory) {
        return _admitted[digest];
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
    function custodyOf(bytes32 lot) external view returns (CustodyModel) {
        return _custodyOf[lot];
    }

    /// @inheritdoc IEvidenceRegister
    function evidenceCount() external view returns (uint256) {
        return _evidenceCount;
    }

    /// @inheritdoc IEvidenceRegister
    function placement(Evidence calldata statement, Placement calldata from, uint256 steps)
        external
        view
        returns (Placement memory found, bool isFound)
    {
        bool areSerialsFound = true;
        isFound = true;
        if (statement.lot != 0) {
            (found.vintageAfter, isFound) = _vintages.find(
                _vintageKey(statement.attribute, statement.lot), statement.vintageFrom, from.vintageAfter, steps
            );
        }
        if (statement.originRegistry != 0) {
            (found.serialAfter, areSerialsFound) =
                _serials.find(statement.originRegistry, statement.serialFrom, from.serialAfter, steps);
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
        if (statement.vintageFrom > statement.vintageTo || block.timestamp < vintageEnd) {
            revert InvalidVintage(statement.vintageFrom, statement.vintageTo);
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
            if (!ShortName.isName(statement.originRegistry)) revert InvalidName(statement.originRegistry);
            if (to == 0 || from > to) revert InvalidSerials(from, to);
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
        AdmittedEvidence storage admitted = _admitted[digest];
        address certifier = _registry.member(admitted.certifierCenter, admitted.certifierMember).account;
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

    function _countVintage(Evidence calldata statement, uint64 place) private {
        (bytes32 attribute, bytes32 lot) = (statement.attribute, statement.lot);
        if (lot == 0) return;
        bytes32 key = _vintageKey(attribute, lot);
        RangeList.Outcome outcome = _vintages.insert(key, statement.vintageFrom, statement.vintageTo, place);
        if (outcome == RangeList.Outcome.Overlaps) {
            revert LotCounted(attribute, lot, statement.vintageFrom, statement.vintageTo);
        }
        if (outcome == RangeList.Outcome.WrongPlace) revert WrongPlacement(key, place);
    }

    function _countSerials(Evidence calldata statement, uint64 place) private {
        bytes32 origin = statement.originRegistry;
        if (origin == 0) return;
        RangeList.Outcome outcome = _serials.insert(origin, statement.serialFrom, statement.serialTo, place);
        if (outcome == RangeList.Outcome.Overlaps) {
            revert SerialsCounted(origin, statement.serialFrom, statement.serialTo);
        }
        if (outcome == RangeList.Outcome.WrongPlace) revert WrongPlacement(origin, place);
    }

    function _lowerCustody(bytes32 lot, CustodyModel stated) private {
        if (lot == 0) return;
        CustodyModel known = _custodyOf[lot];
        if (stated < known) revert CustodyUpgraded(lot, uint8(known), uint8(stated));
        _custodyOf[lot] = stated;
    }

    function _vintageKey(bytes32 attribute, bytes32 lot) private pure returns (bytes32) {
        return keccak256(abi.encode(attribute, lot));
    }

    // ---- what is kept ----

    function _store(bytes32 digest, Evidence calldata statement) private {
        Member memory certifier = _registry.memberOf(statement.certifier);
        _admitted[digest] = AdmittedEvidence({
            classId: statement.classId,
            lot: statement.lot,
            attribute: statement.attribute,
            quantity: statement.quantity,
            admittedAt: uint64(block.timestamp),
            vintageFrom: statement.vintageFrom,
            vintageTo: statement.vintageTo,
            custodyModel: statement.custodyModel,
            holder: statement.holder,
            certifierCenter: certifier.centerId,
            certifierMember: certifier.id
        });
        _evidenceCount++;
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
