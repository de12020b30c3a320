// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {
    Act,
    CustodyModel,
    Escrow,
    EscrowState,
    Evidence,
    Holding,
    Issuance,
    RetirementRequest,
    Totals
} from "../types/AssetTypes.sol";
import {AssetWorld} from "./AssetWorld.sol";
import {Receiver} from "./Receivers.sol";

/// @notice Everybody does whatever could make units count twice, and looks after each call at what must hold.
/// @dev Nothing here is told by the contract alone: who may is asked of the registry before a call, and what counts once is held
/// against every statement that was taken before.
contract MarketHandler is AssetWorld {
    uint256 private constant MOST_STATEMENTS = 48;
    uint256 private constant LOTS = 8;

    /// The first rule that was broken; empty where none was.
    string public broken;
    uint256 public calls;
    /// Times that a step changed something, by its name.
    mapping(bytes32 step => uint256 times) public done;
    /// Times that it was refused.
    mapping(bytes32 step => uint256 times) public refused;

    Receiver private _receiver;
    uint256[5] private _traders = [FARM, CITY, MILL, SHOP, OTHER_LAB];
    address[] private _accounts;
    mapping(address account => bool) private _wasMember;
    mapping(address account => uint256 number) private _memberOf;
    Evidence[] private _statements;
    mapping(uint256 place => Proof) private _proofs;
    uint256[] private _admitted;
    uint256[] private _tokens;
    mapping(uint256 tokenId => bool) private _isKnown;
    mapping(uint256 tokenId => bytes32) private _frozenAs;
    uint256[] private _frozen;
    mapping(uint256 tokenId => uint256) private _retired;
    bytes32[] private _escrows;
    bytes32[] private _retirements;
    mapping(bytes32 retirementId => bytes32) private _retirementWas;
    address[] private _former;
    uint256[] private _formerOf;
    uint256 private _lines;
    uint256 private immutable _term;

    constructor(uint64 term) {
        _term = term;
        build();
        _receiver = new Receiver();
        vm.prank(account(0, "operator"));
        _registry.vouch("receiver", address(_receiver), ENTERPRISE, 0, 0);
        _know(address(_receiver));
        for (uint256 i = 0; i < _traders.length; ++i) {
            _know(signer(_traders[i]));
            _memberOf[signer(_traders[i])] = _traders[i];
        }
        _accounts.push(signer(STRANGER));
        _accounts.push(address(0));
        if (term != 0) {
            for (uint256 i = 0; i < _traders.length; ++i) {
                vm.prank(operatorOf(_traders[i]));
                _registry.setMemberTerm(memberId(_traders[i]), 0, uint64(block.timestamp + term + i * 30 days));
            }
        }
        for (uint256 i = 0; i < 12; ++i) _draw(uint256(keccak256(abi.encode("statement", i))));
    }

    // ---- steps ----

    function certify(uint256 seed) external {
        calls++;
        if (_statements.length < MOST_STATEMENTS) _draw(_mix(seed));
    }

    function issueUnits(uint256 which, uint128 quantity, uint256 by) external {
        by = _mix(by);
        uint256 place = _statementFor(_mix(which));
        Evidence memory given = _statements[place];
        Proof memory proof = _proofs[place];
        proof.placement = placementOf(given);
        if (by % 16 == 0) proof.placement.serialAfter = uint64(by);
        quantity = uint128(within(_mix(quantity), by % 32 == 1 ? 0 : 1, given.quantity / 4 + 1));
        // All that is left, and one more: by chance it would hardly be hit.
        if ((by >> 8) % 8 < 2) {
            quantity = given.quantity - _asset.issuance(uint256(_register.digestOf(given))).issued + uint128((by >> 8) % 8);
        }
        address holder = by % 16 == 2 ? _trader(by) : given.holder;
        uint256 before = _register.evidenceCount(address(_asset));
        uint256 tokenId = uint256(_register.digestOf(given));
        bool mayHold = _isMember(holder) && !_isStill(tokenId) && !_asset.isPaused();
        bytes memory call =
            abi.encodeCall(_asset.issue, (given, proof.signature, proof.inclusion, proof.placement, quantity));
        if (!_try("issue", holder, call, tokenId)) return;
        if (!mayHold) _break("issued to whom, or when, it may not be");
        if (!_isKnown[tokenId]) {
            _isKnown[tokenId] = true;
            _tokens.push(tokenId);
        }
        if (_register.evidenceCount(address(_asset)) != before) {
            _expectNew(given);
            _admitted.push(place);
        }
        _look(tokenId);
    }

    function transfer(uint256 from, uint256 to, uint256 which, uint256 quantity, uint256 how) external {
        uint256 tokenId = _token(which);
        how = _mix(how);
        address sender = how % 8 == 0 ? _anyAccount(from) : _holderOf(tokenId, from);
        address receiver = (how >> 8) % 8 == 0 ? _anyAccount(to) : _trader(to);
        address operator = how % 8 == 1 ? _trader(to / 2) : sender;
        quantity = _part(quantity, _asset.balanceOf(sender, tokenId));
        bool may = _mayTrade(tokenId) && _isMember(sender) && _isMember(receiver) && _isMember(operator)
            && receiver != address(_asset)
            && (operator == sender || _asset.isApprovedForAll(sender, operator));
        bytes memory call = abi.encodeCall(_asset.safeTransferFrom, (sender, receiver, tokenId, quantity, ""));
        if ((how >> 16) % 3 == 0) {
            (uint256[] memory ids, uint256[] memory values) = (new uint256[](1), new uint256[](1));
            (ids[0], values[0]) = (tokenId, quantity);
            call = abi.encodeCall(_asset.safeBatchTransferFrom, (sender, receiver, ids, values, ""));
        }
        if ((how >> 24) % 4 == 0 && operator != address(_receiver)) {
            if (!_tryAsAct("act", operator, call, tokenId)) return;
        } else if (!_try("transfer", operator, call, tokenId)) {
            return;
        }
        if (!may) _break("moved by or to whom, or what, it may not be");
        _look(tokenId);
    }

    function approve(uint256 by, uint256 operator, bool isApproved) external {
        _try("approve", _trader(by), abi.encodeCall(_asset.setApprovalForAll, (_trader(operator), isApproved)), 0);
    }

    function setAside(uint256 from, uint256 to, uint256 which, uint128 quantity, uint256 period) external {
        uint256 tokenId = _token(which);
        (address seller, address buyer) = (_holderOf(tokenId, from), _trader(to));
        quantity = uint128(_part(quantity, _asset.balanceOf(seller, tokenId)));
        // Of few lines, so that some come again.
        bytes32 line = bytes32(1 + (_lines++ % 200));
        uint64 deadline = uint64(block.timestamp + within(_mix(period), 0, 30 days));
        bool may = _mayTrade(tokenId) && _isMember(seller) && _isMember(buyer);
        bytes memory call = abi.encodeCall(_asset.escrow, (tokenId, quantity, buyer, line, deadline));
        if (!_try("escrow", seller, call, tokenId)) return;
        if (!may) _break("escrowed by or for whom, or what, it may not be");
        _escrows.push(_asset.escrowIdOf(seller, buyer, line));
        _look(tokenId);
    }

    function accept(uint256 which, uint256 by) external {
        (bytes32 escrowId, Escrow memory open) = _escrow(which);
        address caller = _mix(by) % 8 == 0 ? _trader(by) : _today(open.buyer);
        bool may = _mayTrade(open.tokenId) && _isMember(caller) && caller == _today(open.buyer)
            && open.state == EscrowState.Open && block.timestamp < open.deadline;
        if (!_try("accept", caller, abi.encodeCall(_asset.accept, (escrowId)), open.tokenId)) return;
        if (!may) _break("accepted by whom, or when, it may not be");
        if (_asset.escrowAt(escrowId).state != EscrowState.Accepted) _break("accepted for good");
        _look(open.tokenId);
    }

    function giveBack(uint256 which, uint256 by) external {
        (bytes32 escrowId, Escrow memory open) = _escrow(which);
        address caller = _mix(by) % 2 == 0 ? _trader(by) : _today(open.buyer);
        bool may = !_isStill(open.tokenId) && !_asset.isPaused() && open.state == EscrowState.Open
            && (caller == _today(open.buyer) || block.timestamp >= open.deadline);
        if (!_try("give back", caller, abi.encodeCall(_asset.giveBack, (escrowId)), open.tokenId)) return;
        if (!may) _break("given back by whom, or when, it may not be");
        _look(open.tokenId);
    }

    function retire(uint256 by, uint256 which, uint128 quantity, uint256 what) external {
        what = _mix(what);
        uint256 tokenId = _token(which);
        address holder = _mix(by) % 8 == 0 ? _trader(by) : _holderOf(tokenId, by);
        Issuance memory issued = _asset.issuance(tokenId);
        // Of none, whatever is claimed is refused.
        if (issued.vintageFrom == 0) issued.vintageFrom = 1;
        RetirementRequest memory request = RetirementRequest({
            tokenId: tokenId,
            quantity: uint128(_part(quantity, _asset.balanceOf(holder, tokenId)) / 2 + 1),
            claimant: _trader(what >> 8),
            beneficiary: bytes32(what | 1),
            claimFrom: (what >> 16) % 16 == 0 ? issued.vintageFrom - 1 : issued.vintageFrom,
            claimTo: issued.vintageTo + uint32((what >> 24) % 92),
            lot: (what >> 32) % 16 == 0 ? bytes32(what) : issued.lot,
            lineDigest: 0,
            ref: bytes32((what >> 40) % 512)
        });
        bool may = !_isStill(tokenId) && !_asset.isPaused() && _isMember(holder) && _isMember(request.claimant)
            && request.claimFrom >= issued.vintageFrom && request.claimTo <= issued.vintageTo + 90
            && request.lot == issued.lot;
        if (!_try("retire", holder, abi.encodeCall(_asset.retire, (request)), tokenId)) return;
        if (!may) _break("retired by whom, or what, it may not be");
        bytes32 retirementId = _asset.retirementIdOf(holder, request.ref);
        if (_retirementWas[retirementId] != 0) _break("retired twice under one reference");
        _retirementWas[retirementId] = keccak256(abi.encode(_asset.retirement(retirementId)));
        _retirements.push(retirementId);
        _look(tokenId);
    }

    function cancel(uint256 by, uint256 which, uint128 quantity) external {
        uint256 tokenId = _token(which);
        address holder = _mix(by) % 8 == 0 ? _trader(by) : _holderOf(tokenId, by);
        quantity = uint128(_part(quantity, _asset.balanceOf(holder, tokenId)) / 8);
        bool may = !_isStill(tokenId) && !_asset.isPaused() && _isMember(holder);
        bytes memory call = abi.encodeCall(_asset.cancel, (tokenId, quantity, "a reason"));
        if (!_try("cancel", holder, call, tokenId)) return;
        if (!may) _break("cancelled by whom, or what, it may not be");
        _look(tokenId);
    }

    function follow(uint256 by, uint256 which, uint256 whose) external {
        if (_former.length == 0) return;
        uint256 tokenId = _token(which);
        uint256 place = within(_mix(whose), 0, _former.length - 1);
        (address account, address former) = (_trader(by), _former[place]);
        if (_mix(by) % 8 != 0) account = signer(_formerOf[place]);
        bool may = !_isStill(tokenId) && !_asset.isPaused() && _isMember(account) && !_isMember(former);
        bytes memory call = abi.encodeCall(_asset.followKey, (former, tokenId));
        if (!_try("follow", account, call, tokenId)) return;
        if (!may || _asset.balanceOf(former, tokenId) != 0) _break("followed by whom, or what, it may not be");
        _look(tokenId);
    }

    function pass(uint256 seconds_) external {
        calls++;
        vm.roll(block.number + 1);
        vm.warp(block.timestamp + within(_mix(seconds_), 1, 1 days));
    }

    function revoke(uint256 which, uint256 how) external {
        how = _mix(how);
        // Rare, or soon nothing would move.
        if (how % 16 != 0) return _stopOrGoOn(how >> 8);
        uint256 place = within(_mix(which), 0, _statements.length - 1);
        // Mostly one with units.
        if (_admitted.length != 0 && which % 4 != 0) place = _admitted[place % _admitted.length];
        Evidence memory given = _statements[place];
        uint256 tokenId = uint256(_register.digestOf(given));
        if (how % 32 == 0) {
            if (!_tryAt(address(_register), "take back", given.certifier, abi.encodeCall(_register.revoke, (given, "a reason")))) {
                return;
            }
        } else {
            for (uint256 i = 0; i < 3; ++i) {
                bytes memory call = abi.encodeCall(_register.voteRevocation, (bytes32(tokenId), "a reason"));
                if (!_tryAt(address(_register), "vote", account(i, "operator"), call)) return;
            }
        }
        done["revoke"]++;
        _frozenAs[tokenId] = _allOf(tokenId);
        _frozen.push(tokenId);
    }

    function suspendOrReinstate(uint256 whose) external {
        calls++;
        whose = _mix(whose);
        for (uint256 i = 0; i < _traders.length; ++i) {
            // Mostly one is out, or none; rarely for long.
            bytes memory call = i == whose % 16
                ? abi.encodeCall(_registry.suspendMember, (memberId(_traders[i])))
                : abi.encodeCall(_registry.reinstateMember, (memberId(_traders[i])));
            vm.prank(operatorOf(_traders[i]));
            (bool isDone,) = address(_registry).call(call);
            if (isDone) done["standing"]++;
        }
    }

    function rotate(uint256 whose) external {
        calls++;
        whose = _mix(whose);
        if (_former.length == 12 || (whose >> 8) % 4 != 0) return;
        uint256 number = whose % 7 == 6 ? LAB : _traders[whose % 7 % _traders.length];
        address former = changeKey(number);
        _former.push(former);
        _formerOf.push(number);
        _know(signer(number));
        _memberOf[signer(number)] = number;
        done["rotate"]++;
    }

    function arm(uint256 which, uint256 to, uint256 how) external {
        calls++;
        how = _mix(how);
        // Whatever the receiver's contract tries while it gets units.
        uint256 tokenId = _token(which);
        bytes[] memory tries = new bytes[](3);
        tries[0] = abi.encodeCall(_asset.safeTransferFrom, (address(_receiver), _trader(to), tokenId, 1, ""));
        tries[1] = how % 2 == 0
            ? abi.encodeCall(_asset.cancel, (tokenId, 1, "a reason"))
            : abi.encodeCall(_asset.escrow, (tokenId, 1, _trader(to), bytes32(how | 1), uint64(block.timestamp + 1)));
        (bytes32 escrowId,) = _escrow(how);
        tries[2] = how % 3 == 0
            ? abi.encodeCall(_asset.accept, (escrowId))
            : how % 3 == 1
                ? abi.encodeCall(_asset.giveBack, (escrowId))
                : abi.encodeCall(_asset.bring, (new Act[](0), new bytes[](0)));
        _countReceiver();
        _receiver.plan(address(_asset), tries);
    }

    // ---- what must hold at every time; dear, so asked now and then ----

    function expectAll() external {
        _countReceiver();
        (uint256 issuedOfCocoa, uint256 issuedOfHabit) = (0, 0);
        Totals memory sum;
        for (uint256 i = 0; i < _tokens.length; ++i) {
            uint256 tokenId = _tokens[i];
            Issuance memory issued = _asset.issuance(tokenId);
            Holding memory all;
            for (uint256 j = 0; j < _accounts.length; ++j) {
                Holding memory one = _asset.holding(_accounts[j], tokenId);
                all.tradable += one.tradable;
                all.escrowed += one.escrowed;
                all.retired += one.retired;
                all.cancelled += one.cancelled;
                if (!_wasMember[_accounts[j]] && one.tradable + one.escrowed + one.retired + one.cancelled != 0) {
                    _break("somebody holds who never was a member");
                }
            }
            if (all.tradable + all.escrowed + all.retired + all.cancelled != issued.issued) {
                _break("the holders' units are not the issued ones");
            }
            if (all.escrowed != issued.escrowed || all.retired != issued.retired || all.cancelled != issued.cancelled) {
                _break("the holders' parts are not the issuance's");
            }
            if (issued.issued > issued.evidenced) _break("more issued than evidenced");
            if (_asset.balanceOf(address(_asset), tokenId) != issued.escrowed) _break("the contract holds the escrowed");
            if (issued.classId == COCOA) issuedOfCocoa += issued.issued;
            else issuedOfHabit += issued.issued;
            sum.escrowed += issued.escrowed;
            sum.retired += issued.retired;
            sum.cancelled += issued.cancelled;
        }
        Totals memory cocoa = _asset.totals(COCOA);
        Totals memory habit = _asset.totals(HABIT);
        if (cocoa.issued != issuedOfCocoa || habit.issued != issuedOfHabit) _break("a class is the sum of its issuances");
        if (
            cocoa.escrowed + habit.escrowed != sum.escrowed || cocoa.retired + habit.retired != sum.retired
                || cocoa.cancelled + habit.cancelled != sum.cancelled || habit.escrowed != 0
        ) _break("the parts of a class are the sums of those of its issuances");
        for (uint256 i = 0; i < _frozen.length; ++i) {
            if (_allOf(_frozen[i]) != _frozenAs[_frozen[i]]) _break("something frozen moved");
        }
        for (uint256 i = 0; i < _retirements.length; ++i) {
            bytes32 is_ = keccak256(abi.encode(_asset.retirement(_retirements[i])));
            if (is_ != _retirementWas[_retirements[i]] || is_ != _asset.retirementDigest(_retirements[i])) {
                _break("a retirement changed");
            }
        }
        if (_retirements.length != _asset.retirementCount()) _break("a retirement too many, or too few");
        if (_tokens.length != _asset.issuanceCount()) _break("an issuance too many, or too few");
    }

    // ---- inside ----

    function _stopOrGoOn(uint256 how) private {
        calls++;
        bool isPaused = _asset.isPaused();
        // Rarely stopped, and soon let go on.
        if (!isPaused && how % 16 != 0) return;
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(account(i, "operator"));
            (bool isTaken,) = address(_asset).call(abi.encodeCall(_asset.votePause, (!isPaused)));
            if (!isTaken) return;
        }
        done["pause"]++;
    }

    function _draw(uint256 seed) private {
        Evidence memory given = statement(_statements.length);
        uint256 certifier = seed % 3 == 0 ? OTHER_LAB : LAB;
        uint256 holder = [FARM, MILL, SHOP][(seed >> 8) % 3];
        (given.certifier, given.holder) = (signer(certifier), signer(holder));
        given.classId = (seed >> 16) % 4 == 0 ? HABIT : COCOA;
        given.lot = (seed >> 24) % 5 == 0 ? bytes32(0) : bytes32(1 + (seed >> 32) % LOTS);
        given.vintageFrom = TODAY - 100 + uint32((seed >> 40) % 100);
        given.vintageTo = given.vintageFrom + uint32((seed >> 48) % 12);
        given.custodyModel = CustodyModel(2 + (seed >> 56) % 3);
        given.quantity = uint128(within(seed >> 64, 1, 1_000_000));
        if (given.lot != 0 && (seed >> 128) % 3 == 0) {
            (given.originRegistry, given.serialFrom, given.serialTo) = (0, 0, 0);
        } else {
            given.serialFrom = uint64(1 + (seed >> 136) % 2_000);
            given.serialTo = given.serialFrom + uint64((seed >> 152) % 60);
        }
        uint256 place = _statements.length;
        _statements.push(given);
        uint256 center = (seed >> 160) % 2;
        if (center == 1) given.centerId = idOf(1);
        _statements[place] = given;
        Proof storage proof = _proofs[place];
        proof.signature = signature(certifier, _register.digestOf(given));
        proof.inclusion = anchored(given, center);
    }

    /// What an admitted statement must not have in common with any before it.
    function _expectNew(Evidence memory given) private {
        for (uint256 i = 0; i < _admitted.length; ++i) {
            Evidence storage other = _statements[_admitted[i]];
            bool areDaysCommon = given.vintageFrom <= other.vintageTo && other.vintageFrom <= given.vintageTo;
            if (given.lot != 0 && given.lot == other.lot && given.attribute == other.attribute && areDaysCommon) {
                _break("one lot counted twice");
            }
            bool areSerialsCommon = given.serialFrom <= other.serialTo && other.serialFrom <= given.serialTo;
            if (given.originRegistry != 0 && given.originRegistry == other.originRegistry && areSerialsCommon) {
                _break("one serial counted twice");
            }
            if (given.lot == 0 || given.lot != other.lot || given.attribute != other.attribute) continue;
            if (given.custodyModel < other.custodyModel) _break("a lot's custody got better");
            if (_memberOf[given.holder] != _memberOf[other.holder]) _break("a lot of two members was counted for both");
        }
        if ((uint256(given.vintageTo) + 1) * 1 days > block.timestamp) _break("a vintage that has not ended");
    }

    function _try(bytes32 step, address caller, bytes memory call, uint256 tokenId) private returns (bool) {
        if (!_tryAt(address(_asset), step, caller, call)) return false;
        if (_frozenAs[tokenId] != 0) _break("something frozen was touched");
        return true;
    }

    function _tryAt(address contract_, bytes32 step, address caller, bytes memory call) private returns (bool isDone) {
        calls++;
        if (caller == address(_receiver) && contract_ == address(_asset)) {
            try _receiver.act(contract_, call) {
                isDone = true;
            } catch {}
        } else {
            vm.prank(caller);
            (isDone,) = contract_.call(call);
        }
        if (isDone) done[step]++;
        else refused[step]++;
    }

    /// As its signer's act, brought by a stranger, and then once more.
    function _tryAsAct(bytes32 step, address by, bytes memory call, uint256 tokenId) private returns (bool isDone) {
        calls++;
        for (uint256 i = 0; i < _traders.length; ++i) {
            if (signer(_traders[i]) != by) continue;
            Act[] memory acts = new Act[](1);
            bytes[] memory signatures = new bytes[](1);
            acts[0] = act(_traders[i], call);
            bytes32 digest = _asset.actDigestOf(acts[0]);
            signatures[0] = signature(_traders[i], digest);
            _asset.bring(acts, signatures);
            bytes32 once = _allOf(tokenId);
            _asset.bring(acts, signatures);
            if (_allOf(tokenId) != once) _break("an act was done twice");
            isDone = uint8(_asset.actState(digest)) == 1;
        }
        if (isDone) done[step]++;
        else refused[step]++;
        if (isDone && _frozenAs[tokenId] != 0) _break("something frozen was touched");
    }

    /// What can be told of one issuance without asking every holder.
    function _look(uint256 tokenId) private {
        Issuance memory issued = _asset.issuance(tokenId);
        if (issued.issued > issued.evidenced) _break("more issued than evidenced");
        if (uint256(issued.escrowed) + issued.retired + issued.cancelled > issued.issued) _break("more than issued");
        if (issued.retired < _retired[tokenId]) _break("a retired unit came back");
        if (_asset.balanceOf(address(_asset), tokenId) != issued.escrowed) _break("the contract holds the escrowed");
        _retired[tokenId] = issued.retired;
        _countReceiver();
    }

    function _countReceiver() private {
        if (_receiver.carried() != 0) _break("a receiver's contract re-entered");
        if (_receiver.refused() != 0) done["re-enter"]++;
    }

    function _allOf(uint256 tokenId) private view returns (bytes32 hash) {
        hash = keccak256(abi.encode(_asset.issuance(tokenId)));
        for (uint256 i = 0; i < _accounts.length; ++i) {
            Holding memory one = _asset.holding(_accounts[i], tokenId);
            // Accounts are added: who has nothing must make no difference.
            if (one.tradable + one.escrowed + one.retired + one.cancelled == 0) continue;
            hash = keccak256(abi.encode(hash, _accounts[i], one));
        }
    }

    function _break(string memory rule) private {
        if (bytes(broken).length == 0) broken = rule;
    }

    function _know(address account_) private {
        _accounts.push(account_);
        _wasMember[account_] = true;
    }

    /// The account of whoever had this one.
    function _today(address account_) private view returns (address) {
        uint256 number = _memberOf[account_];
        return number == 0 ? account_ : signer(number);
    }

    function _mayTrade(uint256 tokenId) private view returns (bool) {
        return !_isStill(tokenId) && !_asset.isPaused() && _asset.issuance(tokenId).classId == COCOA;
    }

    function _isStill(uint256 tokenId) private view returns (bool) {
        return _frozenAs[tokenId] != 0;
    }

    function _isMember(address account_) private view returns (bool) {
        for (uint8 role = 1; role <= 8; role *= 2) {
            if (_registry.isMemberInGoodStanding(account_, role)) return true;
        }
        return false;
    }

    function _trader(uint256 seed) private view returns (address) {
        seed = _mix(seed) % 6;
        return seed == 5 ? address(_receiver) : signer(_traders[seed]);
    }

    /// A trader with units of a token, if any has some.
    function _holderOf(uint256 tokenId, uint256 seed) private view returns (address holder) {
        for (uint256 i = 0; i < 6; ++i) {
            uint256 place = (_mix(seed) % 6 + i) % 6;
            holder = place == 5 ? address(_receiver) : signer(_traders[place]);
            if (_asset.balanceOf(holder, tokenId) != 0) return holder;
        }
    }

    /// Mostly a part of what there is; rarely one unit too many, or none.
    function _part(uint256 seed, uint256 all) private pure returns (uint256) {
        seed = _mix(seed);
        if (seed % 16 == 0) return all + 1;
        if (seed % 32 == 1) return 0;
        return within(seed >> 8, all == 0 ? 0 : 1, all / 2 + 1);
    }

    /// What fuzzers choose lies close together: this spreads it.
    function _mix(uint256 seed) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed)));
    }

    /// Mostly one that can be admitted, or is; drawn up anew where its certifier's key has changed.
    function _statementFor(uint256 seed) private returns (uint256) {
        uint256 place = within(seed >> 8, 0, _statements.length - 1);
        Evidence storage found = _statements[place];
        bool isOut = found.certifier != signer(LAB) && found.certifier != signer(OTHER_LAB);
        if (seed % 4 != 0 || !isOut || _statements.length == MOST_STATEMENTS) return place;
        _draw(seed);
        return _statements.length - 1;
    }

    /// A stranger's, a former one, nobody's, the contract's own.
    function _anyAccount(uint256 seed) private view returns (address) {
        seed = _mix(seed);
        return seed % 7 == 0 ? address(_asset) : _accounts[within(seed, 0, _accounts.length - 1)];
    }

    function _token(uint256 seed) private view returns (uint256) {
        return _tokens.length == 0 ? 1 : _tokens[within(_mix(seed), 0, _tokens.length - 1)];
    }

    function _escrow(uint256 seed) private view returns (bytes32 escrowId, Escrow memory open) {
        if (_escrows.length == 0) return (bytes32(0), open);
        // Of the last ones mostly: those before have ended.
        seed = _mix(seed);
        uint256 recent = _escrows.length < 6 || seed % 8 == 0 ? _escrows.length : 6;
        escrowId = _escrows[_escrows.length - 1 - (seed >> 8) % recent];
        return (escrowId, _asset.escrowAt(escrowId));
    }
}

/// @notice What must hold of the market after every call.
abstract contract MarketInvariants is AssetWorld {
    MarketHandler internal _handler;

    function afterInvariant() external {
        _handler.expectAll();
        vm.assertEq(bytes(_handler.broken()), "", "nothing broken, all holders asked");
    }

    function begin(uint64 term) internal {
        vm.warp(GENESIS_TIME);
        _handler = new MarketHandler(term);
        target(address(_handler));
    }

    function expectUnbroken() internal view {
        vm.assertEq(bytes(_handler.broken()), "", "nothing broken");
    }
}

/// @notice Members without an end to their terms.
contract MarketTest is MarketInvariants {
    function setUp() external {
        begin(0);
    }

    /// forge-config: deep.invariant.runs = 1000
    /// forge-config: deep.invariant.depth = 500
    function invariant_every_unit_counts_once() external view {
        expectUnbroken();
    }

    function test_a_life_of_the_market_sees_every_kind_of_movement() external {
        // A handler that moved nothing would keep every invariant and prove nothing.
        for (uint256 i = 0; i < 1_500; ++i) {
            uint256 seed = uint256(keccak256(abi.encode("market", i)));
            (uint256 a, uint256 b, uint256 c) = (seed >> 8, seed >> 64, seed >> 128);
            uint256 step = seed % 16;
            if (step < 2) _handler.issueUnits(a, uint128(b), c);
            else if (step < 5) _handler.transfer(a, b, c, seed >> 192, seed >> 200);
            else if (step < 7) _handler.setAside(a, b, c, uint128(seed >> 192), seed >> 200);
            else if (step == 7) _handler.accept(a, b);
            else if (step == 8) _handler.giveBack(a, b);
            else if (step == 9) _handler.retire(a, b, uint128(c), seed >> 192);
            else if (step == 10) _handler.cancel(a, b, uint128(c));
            else if (step == 11) _handler.arm(a, b, c);
            else if (step == 12) _handler.approve(a, b, c % 2 == 0);
            else if (step == 13) _handler.suspendOrReinstate(a);
            else if (step == 14 && a % 4 == 0) _handler.rotate(b);
            else if (step == 14) _handler.follow(a, b, c);
            else if (a % 4 < 2) _handler.revoke(b, c);
            else if (a % 4 == 2) _handler.certify(b);
            else _handler.pass(b % 12 hours);
        }
        string[14] memory steps = [
            "issue", "transfer", "act", "escrow", "accept", "give back", "retire", "cancel", "re-enter", "approve",
            "standing", "rotate", "revoke", "follow"
        ];
        for (uint256 i = 0; i < steps.length; ++i) {
            vm.assertTrue(_handler.done(bytes32(bytes(steps[i]))) != 0, steps[i]);
            if (i < 8) vm.assertTrue(_handler.refused(bytes32(bytes(steps[i]))) != 0, steps[i]);
        }
        _handler.expectAll();
        expectUnbroken();
    }
}

/// @notice Members whose terms end one after the other.
contract MarketOfEndingTermsTest is MarketInvariants {
    function setUp() external {
        begin(30 days);
    }

    /// forge-config: deep.invariant.runs = 1000
    /// forge-config: deep.invariant.depth = 500
    function invariant_every_unit_counts_once() external view {
        expectUnbroken();
    }
}
