// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC2771Context} from "@openzeppelin/contracts/metatx/ERC2771Context.sol";
import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {Context} from "@openzeppelin/contracts/utils/Context.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";

import {IEvidenceRegister} from "./interfaces/IEvidenceRegister.sol";
import {IGreenAsset} from "./interfaces/IGreenAsset.sol";
import {IPilotRegistry} from "./interfaces/IPilotRegistry.sol";
import {ShortName} from "./libraries/ShortName.sol";
import {Mediated} from "./parts/Mediated.sol";
import {
    AdmittedEvidence,
    AssetClass,
    CustodyModel,
    Escrow,
    EscrowState,
    Evidence,
    Holding,
    Inclusion,
    Issuance,
    Placement,
    Retirement,
    RetirementRequest,
    Totals
} from "./types/AssetTypes.sol";
import {Member} from "./types/PilotTypes.sol";

/// @title Green assets that count once
/// @notice See IGreenAsset.
/// @dev Whatever calls a receiver's contract does so last, and nothing that changes anything can be called from there.
contract GreenAsset is ERC1155, Mediated, IGreenAsset {
    /// What an account has of an issuance besides its balance.
    struct Parts {
        uint128 escrowed;
        uint128 retired;
        uint128 cancelled;
    }

    struct MemberName {
        bytes32 centerId;
        bytes32 memberId;
    }

    uint256 private constant MAX_REASON = 256;
    uint256 private constant MAX_CLASS_NAME = 128;
    uint8 private constant MAX_DECIMALS = 18;
    uint32 private constant MAX_CLAIM_DAYS = 3_650;
    uint64 private constant MAX_ESCROW = 366 days;

    // Read from outside, by storage proofs, which find its slot in the artifact's storage layout: one word a retirement. Its place
    // is fixed in every network that runs. Never reorder.
    mapping(bytes32 retirementId => bytes32 digest) private _retirementDigests;
    // In storage, not immutable: one runtime code for every network, so a genesis may carry it.
    IPilotRegistry private _registry;
    IEvidenceRegister private _evidenceRegister;
    bool private _isPaused;
    mapping(bytes32 classId => AssetClass) private _classes;
    bytes32[] private _classIds;
    mapping(bytes32 classId => Totals) private _totals;
    mapping(uint256 tokenId => Issuance) private _issuances;
    bytes32[] private _issuanceIds;
    mapping(uint256 tokenId => mapping(address account => Parts)) private _parts;
    mapping(bytes32 escrowId => Escrow) private _escrows;
    mapping(bytes32 retirementId => Retirement) private _retirements;
    bytes32[] private _retirementIds;
    /// Whose an account is: the member who had it when it first got units, or another that showed its key since. A center that
    /// vouches for an account shows none; and the registry forgets an account once its member has another.
    mapping(address account => MemberName) private _memberNames;

    constructor(IPilotRegistry registry_, IEvidenceRegister evidenceRegister_) ERC1155("") {
        if (address(evidenceRegister_).code.length == 0) revert InvalidContract(address(evidenceRegister_));
        (address registryThere,) = evidenceRegister_.contracts();
        if (registryThere != address(registry_)) revert InvalidContract(address(registry_));
        _registry = registry_;
        _evidenceRegister = evidenceRegister_;
    }

    // ---- centers ----

    /// @inheritdoc IGreenAsset
    function voteClass(AssetClass calldata class) external nonReentrant {
        _checkClass(class);
        bytes32 motion = keccak256(abi.encode("class", class));
        (bytes32 centerId, bool isCarried) = _vote(motion);
        emit ClassVoted(motion, class.id, centerId);
        if (!isCarried) return;
        _classes[class.id] = class;
        _classIds.push(class.id);
        emit ClassAdmitted(class.id, class);
    }

    /// @inheritdoc IGreenAsset
    function votePause(bool shouldPause) external nonReentrant {
        if (_isPaused == shouldPause) revert PauseUnchanged(shouldPause);
        (bytes32 centerId, bool isCarried) = _vote(keccak256(abi.encode("pause", shouldPause)));
        emit PauseVoted(shouldPause, centerId);
        if (!isCarried) return;
        _isPaused = shouldPause;
        emit PauseChanged(shouldPause);
    }

    // ---- members ----

    /// @inheritdoc IGreenAsset
    function issue(
        Evidence calldata statement,
        bytes calldata, /* signature */
        Inclusion calldata, /* inclusion */
        Placement calldata, /* placement */
        uint128 quantity
    ) external nonReentrant returns (uint256 tokenId) {
        _expectMoving(quantity);
        address holder = _msgSender();
        _expectMember(holder);
        bytes32 digest = _admit();
        AdmittedEvidence memory admitted = _evidenceRegister.evidence(address(this), digest);
        Member memory member = _registry.memberOf(holder);
        // The member, not the account: that may be another's since.
        if (member.centerId != admitted.holderCenter || member.id != admitted.holderMember) {
            revert NotItsHolder(digest, holder);
        }
        tokenId = uint256(digest);
        Issuance storage issued = _issuances[tokenId];
        if (issued.evidenced == 0) _open(digest, statement, admitted);
        uint128 left = issued.evidenced - issued.issued;
        if (quantity > left) revert MoreThanEvidenced(digest, left, quantity);
        issued.issued += quantity;
        _totals[statement.classId].issued += quantity;
        _remember(holder);
        emit Issued(tokenId, statement.classId, holder, quantity);
        _mint(holder, tokenId, quantity, "");
    }

    /// @inheritdoc IGreenAsset
    function escrow(uint256 tokenId, uint128 quantity, address buyer, bytes32 lineDigest, uint64 deadline)
        external
        nonReentrant
        returns (bytes32 escrowId)
    {
        address seller = _msgSender();
        _expectMember(seller);
        bytes32 classId = _expectTradable(tokenId, quantity);
        _expectMember(buyer);
        if (buyer == seller) revert OwnBuyer(buyer);
        if (lineDigest == 0) revert ZeroLineDigest();
        if (deadline <= block.timestamp || deadline > block.timestamp + MAX_ESCROW) revert InvalidDeadline(deadline);
        _expectUnits(tokenId, seller, quantity);
        escrowId = escrowIdOf(seller, buyer, lineDigest);
        if (_escrows[escrowId].state != EscrowState.None) revert EscrowExists(escrowId);
        // So that the buyer may take them by whatever account it has by then.
        _remember(buyer);

        _escrows[escrowId] = Escrow(seller, deadline, EscrowState.Open, buyer, tokenId, quantity, lineDigest);
        // No sum here is above what was issued, which fits.
        unchecked {
            _parts[tokenId][seller].escrowed += quantity;
            _issuances[tokenId].escrowed += quantity;
            _totals[classId].escrowed += quantity;
        }
        emit Escrowed(escrowId, tokenId, seller, buyer, quantity, lineDigest, deadline);
        // Not by a transfer from outside: nobody else can put units here.
        _move(seller, address(this), tokenId, quantity);
    }

    /// @inheritdoc IGreenAsset
    function accept(bytes32 escrowId) external nonReentrant {
        Escrow storage open = _openEscrow(escrowId);
        (uint256 tokenId, uint128 quantity, address buyer) = (open.tokenId, open.quantity, _accountOfToday(open.buyer));
        if (_msgSender() != buyer) revert NotItsBuyer(escrowId, _msgSender());
        if (block.timestamp >= open.deadline) revert DeadlineOver(escrowId, open.deadline);
        _expectTradable(tokenId, quantity);
        // Not the seller: or its center could take back what binds it. Against fraud there are revocation and pause.
        _expectMember(buyer);

        open.state = EscrowState.Accepted;
        _release(open);
        _remember(buyer);
        emit Accepted(escrowId, tokenId, buyer, quantity);
        _safeTransferFrom(address(this), buyer, tokenId, quantity, "");
    }

    /// @inheritdoc IGreenAsset
    function giveBack(bytes32 escrowId) external nonReentrant {
        Escrow storage open = _openEscrow(escrowId);
        (uint256 tokenId, uint128 quantity, address seller) = (open.tokenId, open.quantity, open.seller);
        if (block.timestamp < open.deadline && _msgSender() != _accountOfToday(open.buyer)) {
            revert DeadlineNotOver(escrowId, open.deadline);
        }
        _expectMoving(quantity);
        _expectThawed(tokenId);
        address account = _accountOfToday(seller);
        _expectMember(account);

        open.state = EscrowState.Returned;
        _release(open);
        _remember(account);
        emit Returned(escrowId, tokenId, seller, quantity);
        if (account != seller) emit KeyFollowed(tokenId, seller, account, quantity);
        _safeTransferFrom(address(this), account, tokenId, quantity, "");
    }

    /// @inheritdoc IGreenAsset
    function retire(RetirementRequest calldata request) external nonReentrant returns (bytes32 retirementId) {
        address holder = _msgSender();
        _expectMember(holder);
        (uint256 tokenId, uint128 quantity) = (request.tokenId, request.quantity);
        bytes32 classId = _expectIssued(tokenId, quantity);
        _checkClaim(request, classId);
        _expectUnits(tokenId, holder, quantity);
        retirementId = retirementIdOf(holder, request.ref);
        if (_retirementDigests[retirementId] != 0) revert RetirementExists(retirementId);

        Retirement memory retired = Retirement(holder, uint64(block.timestamp), request);
        _retirements[retirementId] = retired;
        _retirementIds.push(retirementId);
        _retirementDigests[retirementId] = keccak256(abi.encode(retired));
        // No sum here is above what was issued, which fits.
        unchecked {
            _parts[tokenId][holder].retired += quantity;
            _issuances[tokenId].retired += quantity;
            _totals[classId].retired += quantity;
        }
        emit Retired(retirementId, tokenId, holder, request);
        _burn(holder, tokenId, quantity);
    }

    /// @inheritdoc IGreenAsset
    function cancel(uint256 tokenId, uint128 quantity, string calldata reason) external nonReentrant {
        address holder = _msgSender();
        _expectMember(holder);
        bytes32 classId = _expectIssued(tokenId, quantity);
        if (bytes(reason).length == 0 || bytes(reason).length > MAX_REASON) revert InvalidReason();
        _expectUnits(tokenId, holder, quantity);

        // No sum here is above what was issued, which fits.
        unchecked {
            _parts[tokenId][holder].cancelled += quantity;
            _issuances[tokenId].cancelled += quantity;
            _totals[classId].cancelled += quantity;
        }
        emit Cancelled(tokenId, holder, quantity, reason);
        _burn(holder, tokenId, quantity);
    }

    /// @inheritdoc IGreenAsset
    function followKey(address previous, uint256 tokenId) external nonReentrant {
        address account = _msgSender();
        _expectMember(account);
        if (account == previous || account != _accountOfToday(previous)) {
            revert NotItsFormerAccount(previous, account);
        }
        uint256 quantity = balanceOf(previous, tokenId);
        _expectIssued(tokenId, quantity);

        _remember(account);
        emit KeyFollowed(tokenId, previous, account, quantity);
        _safeTransferFrom(previous, account, tokenId, quantity, "");
    }

    // ---- ERC-1155, under the same rules ----

    /// @notice Moves units to a member. Caller: their holder, or a member that it approved.
    function safeTransferFrom(address from, address to, uint256 id, uint256 value, bytes memory data)
        public
        override(ERC1155, IERC1155)
        nonReentrant
    {
        _expectParties(from, to);
        _expectTransferable(from, id, value);
        _remember(to);
        super.safeTransferFrom(from, to, id, value, data);
    }

    /// @notice Moves units of several issuances to a member. Caller: their holder, or a member that it approved.
    function safeBatchTransferFrom(
        address from,
        address to,
        uint256[] memory ids,
        uint256[] memory values,
        bytes memory data
    ) public override(ERC1155, IERC1155) nonReentrant {
        _expectParties(from, to);
        if (ids.length != values.length) revert ERC1155InvalidArrayLength(ids.length, values.length);
        // As many as the caller gave, and pays for.
        for (uint256 i = 0; i < ids.length; ++i) _expectTransferable(from, ids[i], values[i]);
        _remember(to);
        super.safeBatchTransferFrom(from, to, ids, values, data);
    }

    /// @notice Lets a member move all that the caller has, or no longer; the latter is open to everybody at any time.
    function setApprovalForAll(address operator, bool approved) public override(ERC1155, IERC1155) nonReentrant {
        if (approved) {
            if (_isPaused) revert Paused();
            _expectMember(_msgSender());
            _expectMember(operator);
        }
        super.setApprovalForAll(operator, approved);
    }

    // ---- questions ----

    /// @inheritdoc IGreenAsset
    function assetClass(bytes32 classId) external view returns (AssetClass memory) {
        return _classes[classId];
    }

    /// @inheritdoc IGreenAsset
    function classCount() external view returns (uint256) {
        return _classIds.length;
    }

    /// @inheritdoc IGreenAsset
    function classIds(uint256 offset, uint256 limit) external view returns (bytes32[] memory) {
        return _page(_classIds, offset, limit);
    }

    /// @inheritdoc IGreenAsset
    function totals(bytes32 classId) external view returns (Totals memory) {
        return _totals[classId];
    }

    /// @inheritdoc IGreenAsset
    function issuance(uint256 tokenId) external view returns (Issuance memory) {
        return _issuances[tokenId];
    }

    /// @inheritdoc IGreenAsset
    function issuanceCount() external view returns (uint256) {
        return _issuanceIds.length;
    }

    /// @inheritdoc IGreenAsset
    function issuanceIds(uint256 offset, uint256 limit) external view returns (uint256[] memory page) {
        bytes32[] memory words = _page(_issuanceIds, offset, limit);
        assembly ("memory-safe") {
            page := words
        }
    }

    /// @inheritdoc IGreenAsset
    function holding(address account, uint256 tokenId) external view returns (Holding memory) {
        Parts memory parts = _parts[tokenId][account];
        return Holding(balanceOf(account, tokenId), parts.escrowed, parts.retired, parts.cancelled);
    }

    /// @inheritdoc IGreenAsset
    function escrowIdOf(address seller, address buyer, bytes32 lineDigest) public pure returns (bytes32) {
        return keccak256(abi.encode(seller, buyer, lineDigest));
    }

    /// @inheritdoc IGreenAsset
    function escrowAt(bytes32 escrowId) external view returns (Escrow memory) {
        return _escrows[escrowId];
    }

    /// @inheritdoc IGreenAsset
    function retirementIdOf(address holder, bytes32 ref) public pure returns (bytes32) {
        return keccak256(abi.encode(holder, ref));
    }

    /// @inheritdoc IGreenAsset
    function retirement(bytes32 retirementId) external view returns (Retirement memory) {
        return _retirements[retirementId];
    }

    /// @inheritdoc IGreenAsset
    function retirementCount() external view returns (uint256) {
        return _retirementIds.length;
    }

    /// @inheritdoc IGreenAsset
    function retirementIds(uint256 offset, uint256 limit) external view returns (bytes32[] memory) {
        return _page(_retirementIds, offset, limit);
    }

    /// @inheritdoc IGreenAsset
    function challenge(bytes32 retirementId) external view returns (bool isChallenged, string memory reason) {
        return _evidenceRegister.revocation(bytes32(_retirements[retirementId].request.tokenId));
    }

    /// @inheritdoc IGreenAsset
    function isFrozen(uint256 tokenId) external view returns (bool) {
        return _isFrozen(tokenId);
    }

    /// @inheritdoc IGreenAsset
    function isPaused() external view returns (bool) {
        return _isPaused;
    }

    /// @inheritdoc IGreenAsset
    function retirementDigest(bytes32 retirementId) external view returns (bytes32) {
        return _retirementDigests[retirementId];
    }

    /// @inheritdoc IGreenAsset
    function contracts() external view returns (address registry, address evidenceRegister) {
        return (address(_registry), address(_evidenceRegister));
    }

    // ---- who may ----

    /// A member whom its center vouches for today, in whatever role. Never this contract, even if a center should vouch for it.
    function _expectMember(address account) private view {
        IPilotRegistry registry = _registry;
        bool isMember = registry.isMemberInGoodStanding(account, registry.memberOf(account).roles);
        if (!isMember || account == address(this)) revert NotMember(account);
    }

    /// The register counts: one rule of voting, and one piece of code for it, which would not fit here besides.
    function _vote(bytes32 motion) private returns (bytes32 centerId, bool isCarried) {
        return _evidenceRegister.takeVote(motion, _msgSender());
    }

    function _expectParties(address from, address to) private view {
        address operator = _msgSender();
        if (operator != from) _expectMember(operator);
        _expectMember(from);
        _expectMember(to);
    }

    /// The account of today of the member whose this one is known to be, whoever has it today; this one itself where none is known.
    function _accountOfToday(address account) private view returns (address) {
        MemberName storage name = _memberNames[account];
        if (name.centerId == 0) return account;
        return _registry.member(name.centerId, name.memberId).account;
    }

    function _remember(address account) private {
        MemberName storage known = _memberNames[account];
        Member memory member = _registry.memberOf(account);
        if (known.centerId == member.centerId && known.memberId == member.id) return;
        // Units that others send do not make an account another's: only its own key shows that it changed hands.
        if (known.centerId != 0 && account != _msgSender()) revert AccountOfAnother(account);
        _memberNames[account] = MemberName(member.centerId, member.id);
    }

    // ---- what may move ----

    function _expectMoving(uint256 quantity) private view {
        if (quantity == 0) revert ZeroQuantity();
        if (_isPaused) revert Paused();
    }

    function _expectThawed(uint256 tokenId) private view {
        if (_isFrozen(tokenId)) revert Frozen(tokenId);
    }

    function _expectIssued(uint256 tokenId, uint256 quantity) private view returns (bytes32 classId) {
        _expectMoving(quantity);
        classId = _issuances[tokenId].classId;
        if (classId == 0) revert UnknownIssuance(tokenId);
        _expectThawed(tokenId);
    }

    function _expectTradable(uint256 tokenId, uint256 quantity) private view returns (bytes32 classId) {
        classId = _expectIssued(tokenId, quantity);
        if (!_classes[classId].isTradable) revert NotTradable(classId);
    }

    function _expectTransferable(address from, uint256 tokenId, uint256 quantity) private view {
        _expectTradable(tokenId, quantity);
        _expectUnits(tokenId, from, quantity);
    }

    function _expectUnits(uint256 tokenId, address account, uint256 asked) private view {
        uint256 tradable = balanceOf(account, tokenId);
        if (tradable < asked) revert TooFewUnits(tokenId, account, tradable, asked);
    }

    function _isFrozen(uint256 tokenId) private view returns (bool) {
        return _evidenceRegister.isRevoked(bytes32(tokenId));
    }

    // ---- classes and issuances, inside ----

    function _checkClass(AssetClass calldata class) private view {
        if (!ShortName.isName(class.id)) revert InvalidClass("id");
        if (_classes[class.id].id != 0) revert ClassExists(class.id);
        if (!ShortName.isName(class.attribute)) revert InvalidClass("attribute");
        if (!ShortName.isUnit(class.unit)) revert InvalidClass("unit");
        if (class.decimals > MAX_DECIMALS) revert InvalidClass("decimals");
        if (class.custodyModel == CustodyModel.None) revert InvalidClass("custodyModel");
        if (class.claimDays > MAX_CLAIM_DAYS) revert InvalidClass("claimDays");
        uint256 length = bytes(class.name).length;
        if (length == 0 || length > MAX_CLASS_NAME) revert InvalidClass("name");
    }

    /// Passes the arguments of `issue` on as they came: those of `admit` are the same but for the last, and stand in the same
    /// places. To take them apart and put them together again would be most of this contract's largest function.
    function _admit() private returns (bytes32 digest) {
        (bool isDone, bytes memory answer) =
            address(_evidenceRegister).call(bytes.concat(IEvidenceRegister.admit.selector, _msgData()[4:]));
        if (!isDone) LowLevelCall.bubbleRevert(answer);
        return abi.decode(answer, (bytes32));
    }

    /// Makes the issuance of a statement that the register holds, which says what it is from then on.
    function _open(bytes32 digest, Evidence calldata statement, AdmittedEvidence memory admitted) private {
        AssetClass storage class = _classes[statement.classId];
        if (class.id == 0) revert UnknownClass(statement.classId);
        if (statement.attribute != class.attribute) revert ClassDiffers(class.id, "attribute");
        if (statement.unit != class.unit) revert ClassDiffers(class.id, "unit");
        if (statement.decimals != class.decimals) revert ClassDiffers(class.id, "decimals");
        if (statement.custodyModel > class.custodyModel) revert ClassDiffers(class.id, "custodyModel");
        _issuances[uint256(digest)] = Issuance({
            classId: admitted.classId,
            evidenced: admitted.quantity,
            issued: 0,
            escrowed: 0,
            retired: 0,
            cancelled: 0,
            lot: admitted.lot,
            vintageFrom: admitted.vintageFrom,
            vintageTo: admitted.vintageTo,
            custodyModel: admitted.custodyModel
        });
        _issuanceIds.push(digest);
    }

    // ---- escrows and claims, inside ----

    function _openEscrow(bytes32 escrowId) private view returns (Escrow storage open) {
        open = _escrows[escrowId];
        if (open.state == EscrowState.None) revert UnknownEscrow(escrowId);
        if (open.state != EscrowState.Open) revert EscrowEnded(escrowId);
    }

    /// Takes an ended escrow out of the sums.
    function _release(Escrow storage ended) private {
        (uint256 tokenId, uint128 quantity) = (ended.tokenId, ended.quantity);
        Issuance storage issued = _issuances[tokenId];
        // It was added when the escrow began.
        unchecked {
            _parts[tokenId][ended.seller].escrowed -= quantity;
            issued.escrowed -= quantity;
            _totals[issued.classId].escrowed -= quantity;
        }
    }

    function _checkClaim(RetirementRequest calldata request, bytes32 classId) private view {
        Issuance storage issued = _issuances[request.tokenId];
        uint32 earliest = issued.vintageFrom;
        uint32 latest = issued.vintageTo + _classes[classId].claimDays;
        if (request.claimFrom > request.claimTo || request.claimFrom < earliest || request.claimTo > latest) {
            revert InvalidClaimPeriod(request.claimFrom, request.claimTo, earliest, latest);
        }
        if (request.lot != issued.lot) revert LotDiffers(request.tokenId, request.lot);
        if (request.beneficiary == 0) revert ZeroBeneficiary();
        if (request.claimant != _msgSender()) _expectMember(request.claimant);
    }

    /// Moves units without asking the receiver: for this contract itself.
    function _move(address from, address to, uint256 tokenId, uint256 quantity) private {
        uint256[] memory ids = new uint256[](1);
        uint256[] memory values = new uint256[](1);
        (ids[0], values[0]) = (tokenId, quantity);
        _update(from, to, ids, values);
    }

    function _page(bytes32[] storage all, uint256 offset, uint256 limit) private view returns (bytes32[] memory page) {
        uint256 length = all.length;
        if (offset >= length) return page;
        uint256 size = length - offset < limit ? length - offset : limit;
        page = new bytes32[](size);
        for (uint256 i = 0; i < size; ++i) page[i] = all[offset + i];
    }

    // ---- who is calling (ERC-2771) ----

    function _msgSender() internal view override(Context, ERC2771Context) returns (address) {
        return ERC2771Context._msgSender();
    }

    function _msgData() internal view override(Context, ERC2771Context) returns (bytes calldata) {
        return ERC2771Context._msgData();
    }

    function _contextSuffixLength() internal view override(Context, ERC2771Context) returns (uint256) {
        return ERC2771Context._contextSuffixLength();
    }
}
