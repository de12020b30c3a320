// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {PilotRegistry} from "../PilotRegistry.sol";
import {Center, CenterStatus} from "../types/PilotTypes.sol";
import {Network} from "./Network.sol";

/// @notice Everybody does all that could move the validator set, crowded into few blocks, and watches it after every single call.
/// @dev A chain whose set is empty, or cannot be read, makes no further block; and one whose set moves faster than seals can follow
/// cannot be proven to anybody who knew it before.
contract LifeHandler is Network {
    // Of a call that a validator makes for every block; the set is read in far less.
    uint256 private constant READING_GAS = 1_000_000;

    PilotRegistry public immutable registry;
    uint256 public immutable minimum;
    /// Calls after which the set could not be read.
    uint256 public unreadable;
    /// Calls after which it was empty.
    uint256 public emptied;
    /// Calls that took it below the minimum.
    uint256 public below;
    /// Changes of it that were not the first in their block.
    uint256 public crowded;
    /// Changes of it by more than one member; one put in another's place counts as one.
    uint256 public leaps;
    /// Times that a motion which would have gone below the minimum was refused for just that.
    uint256 public held;
    /// What moved the set, by the name of the step.
    mapping(bytes32 what => uint256 times) public moved;
    address[] private _last;
    bytes32 private _lastAnswer;
    uint256 private _changesInBlock;
    uint256 private _newcomer = 100;

    constructor(PilotRegistry registry_) {
        registry = registry_;
        minimum = registry_.parameters().minimumCenters;
        _last = registry_.getValidators();
        _lastAnswer = keccak256(abi.encode(_last));
    }

    // ---- time ----

    function nextBlock(uint256 seconds_) external {
        _pass(within(seconds_, 1, 2 hours));
    }

    function laterThanAnyVote(uint256 seconds_) external {
        _pass(within(seconds_, VOTING, 3 * VOTING));
    }

    function laterThanAnyTerm(uint256 seconds_) external {
        // Rare: without anybody's vote the whole network ends here.
        if (seconds_ % 8 == 0) _pass(TERM);
    }

    // ---- motions, carried by whoever may vote ----

    function admit(uint256 by) public {
        if (_newcomer > 900) return;
        bytes memory motion = abi.encodeCall(registry.nominate, (candidate(_newcomer)));
        if (_call("admit", _operator(by), motion) && _carry("admit")) _newcomer++;
    }

    function suspend(uint256 by, uint256 about) public {
        if (_call("suspend", _operator(by), abi.encodeCall(registry.proposeSuspension, (_center(about))))) _carry("suspend");
    }

    function reinstate(uint256 by, uint256 about) public {
        bytes memory motion = abi.encodeCall(registry.proposeReinstatement, (_centerThatIsOut(about)));
        if (_call("reinstate", _operator(by), motion)) _carry("reinstate");
    }

    function renew(uint256 by, uint256 about) public {
        if (_call("renew", _operator(by), abi.encodeCall(registry.proposeRenewal, (_center(about))))) _carry("renew");
    }

    function replaceOperator(uint256 by, uint256 about, uint256 with) public {
        Center memory center = registry.center(_center(about));
        // An account of its own, too: one that seals keeps its seat while it governs.
        address[3] memory accounts = [center.validator, center.anchorer, account(with, "operator put in")];
        bytes memory motion = abi.encodeCall(registry.proposeOperator, (center.id, accounts[with % 3]));
        if (_call("replace", _operator(by), motion)) _carry("replace");
    }

    function lateVote(uint256 by, uint256 which) public {
        uint256 count = registry.proposalCount();
        if (count == 0) return;
        bytes32 proposalId = registry.proposalIds(within(which, 0, count - 1), 1)[0];
        _call("late vote", _operator(by), abi.encodeCall(registry.vote, (proposalId)));
    }

    // ---- what each may do alone ----

    function rotateValidator(uint256 by, uint256 to) public {
        // Accounts that others had, or have, too.
        address validator = to % 2 == 0 ? account(to, "rotated validator") : registry.center(_center(to / 2)).validator;
        _call("rotate", _operator(by), abi.encodeCall(registry.rotateValidator, (validator)));
    }

    function rotateOperator(uint256 by, uint256 to) public {
        _call("rotate operator", _operator(by), abi.encodeCall(registry.rotateOperator, (account(to, "rotated operator"))));
    }

    function leaveNetwork(uint256 by) public {
        _call("leave", _operator(by), abi.encodeCall(registry.leaveNetwork, ()));
    }

    function endTerm(uint256 about) public {
        _call("end", address(this), abi.encodeCall(registry.endTerm, (_center(about))));
    }

    // ---- many at once ----

    function everythingInOneBlock(uint256 seed) external {
        for (uint256 i = 0; i < 6; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 step = seed % 7;
            if (step == 0) admit(seed >> 8);
            else if (step == 1) suspend(seed >> 8, seed >> 16);
            else if (step == 2) reinstate(seed >> 8, seed >> 16);
            else if (step == 3) replaceOperator(seed >> 8, seed >> 16, seed >> 24);
            else if (step == 4) rotateValidator(seed >> 8, seed >> 16);
            else if (step == 5) leaveNetwork(seed >> 8);
            else endTerm(seed >> 8);
        }
    }

    function everybodyGoes(uint256 how) external {
        if (how % 4 != 0) return;
        for (uint256 i = 0; i < registry.centerCount(); ++i) {
            if (how % 8 == 0) leaveNetwork(i);
            else suspend(i + 1, i);
            _pass(1);
        }
    }

    /// Calls that nobody would write, by a center's operator.
    function nonsense(uint256 by, bytes4 selector, bytes calldata arguments) external {
        _call("nonsense", _operator(by), bytes.concat(selector, arguments));
    }

    // ---- inside ----

    function _carry(bytes32 what) private returns (bool) {
        bytes32 proposalId = registry.proposalIds(registry.proposalCount() - 1, 1)[0];
        uint256 centers = registry.centerCount();
        for (uint256 i = 0; i < centers && !registry.proposal(proposalId).executed; ++i) {
            _call(what, _operator(i), abi.encodeCall(registry.vote, (proposalId)));
        }
        return registry.proposal(proposalId).executed;
    }

    function _pass(uint256 seconds_) private {
        vm.roll(block.number + 1);
        vm.warp(block.timestamp + seconds_);
        _changesInBlock = 0;
        _look("time");
    }

    function _call(bytes32 what, address sender, bytes memory data) private returns (bool isDone) {
        bytes memory answer;
        vm.prank(sender);
        (isDone, answer) = address(registry).call(data);
        if (!isDone && bytes4(answer) == bytes4(keccak256("BelowMinimum(uint256,uint256)"))) held++;
        _look(what);
    }

    /// How the set stands now, asked as a validator would ask, and held against how it stood before.
    function _look(bytes32 what) private {
        (bool isRead, bytes memory answer) =
            address(registry).staticcall{gas: READING_GAS}(abi.encodeCall(registry.getValidators, ()));
        if (!isRead) {
            unreadable++;
            return;
        }
        if (keccak256(answer) == _lastAnswer) return;
        address[] memory now_ = abi.decode(answer, (address[]));
        if (now_.length == 0) emptied++;
        if (now_.length < minimum) below++;
        uint256 added = _missing(now_, _last);
        uint256 removed = _missing(_last, now_);
        _lastAnswer = keccak256(answer);
        moved[what]++;
        if (added > 1 || removed > 1) leaps++;
        if (_changesInBlock++ != 0) crowded++;
        _last = now_;
    }

    function _missing(address[] memory from, address[] memory among) private pure returns (uint256 count) {
        for (uint256 i = 0; i < from.length; ++i) {
            bool isThere = false;
            for (uint256 j = 0; j < among.length; ++j) isThere = isThere || from[i] == among[j];
            if (!isThere) count++;
        }
    }

    function _center(uint256 seed) private view returns (bytes32) {
        return registry.centerIds(within(seed, 0, registry.centerCount() - 1), 1)[0];
    }

    /// One that a vote can bring back, if there is any: they are few, and would hardly be met by chance.
    function _centerThatIsOut(uint256 seed) private view returns (bytes32 id) {
        uint256 count = registry.centerCount();
        for (uint256 i = 0; i < count; ++i) {
            id = registry.centerIds(addmod(seed, i, count), 1)[0];
            CenterStatus status = registry.center(id).status;
            if (status == CenterStatus.Suspended || status == CenterStatus.Ended) return id;
        }
    }

    function _operator(uint256 seed) private view returns (address) {
        return registry.center(_center(seed)).operator;
    }
}

/// @notice What must hold of the registry after every call, or the chain ends: each by itself, wherever the network began.
abstract contract ChainLifeInvariants is Network {
    uint32 internal constant FOUR = 4;
    PilotRegistry internal _registry;
    LifeHandler internal _handler;

    function begin() internal virtual returns (PilotRegistry);

    function setUp() external {
        _registry = begin();
        _handler = new LifeHandler(_registry);
        target(address(_handler));
    }

    function invariant_the_validator_set_can_always_be_read() external view {
        vm.assertEq(_handler.unreadable(), 0, "read after every call");
    }

    function invariant_the_validator_set_is_never_empty() external view {
        vm.assertEq(_handler.emptied(), 0, "never empty");
        vm.assertTrue(_registry.getValidators().length != 0, "nor now");
    }

    function invariant_nobody_goes_where_fewer_than_the_minimum_would_remain() external view {
        vm.assertEq(_handler.below(), 0, "refused before");
        vm.assertTrue(_registry.getValidators().length >= FOUR, "four seal");
    }

    function invariant_the_set_changes_once_a_block_at_most() external view {
        vm.assertEq(_handler.crowded(), 0, "one change took effect");
    }

    function invariant_each_set_differs_from_the_one_before_by_one_member_at_most() external view {
        vm.assertEq(_handler.leaps(), 0, "member by member");
    }

    function invariant_no_validator_has_two_seats() external view {
        address[] memory validators = _registry.getValidators();
        for (uint256 i = 0; i < validators.length; ++i) {
            vm.assertTrue(validators[i] != address(0), "somebody sits there");
            for (uint256 j = 0; j < i; ++j) vm.assertTrue(validators[i] != validators[j], "and nowhere else");
        }
    }

    function invariant_every_seat_is_an_active_center_s() external view {
        address[] memory validators = _registry.getValidators();
        for (uint256 i = 0; i < validators.length; ++i) {
            bytes32 id = _registry.centerOfValidator(validators[i]);
            vm.assertTrue(_registry.isActive(id), "of an active center");
            vm.assertEq(_registry.center(id).validator, validators[i], "which knows it as its own");
        }
    }

    function invariant_every_active_center_has_a_seat() external view {
        address[] memory validators = _registry.getValidators();
        for (uint256 i = 0; i < _registry.centerCount(); ++i) {
            Center memory center = _registry.center(_registry.centerIds(i, 1)[0]);
            if (center.status != CenterStatus.Active) continue;
            bool isSeated = false;
            for (uint256 j = 0; j < validators.length; ++j) isSeated = isSeated || validators[j] == center.validator;
            vm.assertTrue(isSeated, "seated");
        }
    }

    function test_a_life_of_the_network_sees_every_kind_of_change() external {
        // A handler that changed nothing would keep every invariant and prove nothing.
        for (uint256 i = 0; i < 600; ++i) {
            uint256 seed = uint256(keccak256(abi.encode("chain life", i)));
            (uint256 by, uint256 about, uint256 step) = (seed >> 8, seed >> 64, seed % 16);
            if (step < 3) _handler.admit(by);
            else if (step == 3) _handler.suspend(by, about);
            else if (step < 6) _handler.reinstate(by, about);
            else if (step == 6) _handler.rotateValidator(by, about);
            else if (step == 7) _handler.replaceOperator(by, about, seed);
            else if (step == 8) _handler.leaveNetwork(by);
            else if (step == 9) _handler.endTerm(about);
            else if (step == 10) _handler.laterThanAnyTerm(seed >> 128);
            else if (step == 11) _handler.renew(by, about);
            else _handler.nextBlock(by);
        }
        string[6] memory steps = ["admit", "suspend", "reinstate", "rotate", "leave", "end"];
        for (uint256 i = 0; i < steps.length; ++i) {
            vm.assertTrue(_handler.moved(bytes32(bytes(steps[i]))) != 0, steps[i]);
        }
        _handler.everybodyGoes(0);
        vm.assertTrue(_handler.held() != 0, "somebody was held at the minimum");
        vm.assertEq(_handler.below() + _handler.crowded() + _handler.leaps(), 0, "and all along it held");
    }

    function test_at_the_minimum_nobody_leaves_is_suspended_or_ended() external {
        uint256 remaining = _registry.activeCount();
        for (uint256 i = 0; remaining > FOUR; ++i) {
            vm.roll(block.number + 1);
            vm.prank(_operatorAt(i));
            _registry.leaveNetwork();
            remaining--;
        }
        uint256 last = _registry.centerCount() - 1;
        bytes memory refusal = abi.encodeWithSignature("BelowMinimum(uint256,uint256)", FOUR - 1, FOUR);
        vm.roll(block.number + 1);
        vm.prank(_operatorAt(last));
        vm.expectRevert(refusal);
        _registry.leaveNetwork();

        bytes32 suspect = _registry.centerIds(last, 1)[0];
        address[3] memory others = [_operatorAt(last - 1), _operatorAt(last - 2), _operatorAt(last - 3)];
        vm.prank(others[0]);
        bytes32 suspension = _registry.proposeSuspension(suspect);
        vm.prank(others[1]);
        _registry.vote(suspension);
        vm.prank(others[2]);
        vm.expectRevert(refusal);
        _registry.vote(suspension);

        vm.warp(block.timestamp + TERM);
        vm.expectRevert(refusal);
        _registry.endTerm(suspect);
        vm.assertEq(_registry.getValidators().length, FOUR);
    }

    function _operatorAt(uint256 place) private view returns (address) {
        return _registry.center(_registry.centerIds(place, 1)[0]).operator;
    }
}

/// @notice A network that its constructor founded.
contract ChainLifeFromConstructor is ChainLifeInvariants {
    function begin() internal override returns (PilotRegistry) {
        // One above the minimum, so that every run pushes against it.
        return found(FOUR + 1, FOUR);
    }
}

/// @notice A network that began with a genesis: no constructor ran; its storage is what the plan's genesis says.
contract ChainLifeFromGenesis is ChainLifeInvariants {
    // As node/greenlane_node/plan.py has it.
    address private constant PILOT_REGISTRY = address(0x7001);

    function begin() internal override returns (PilotRegistry) {
        vm.loadAllocs("contracts/test/alloc.json");
        vm.etch(PILOT_REGISTRY, type(PilotRegistry).runtimeCode);
        vm.roll(1);
        vm.warp(GENESIS_TIME + 2);
        return PilotRegistry(PILOT_REGISTRY);
    }

    function test_the_founders_of_the_genesis_are_there() external view {
        vm.assertEq(_registry.activeCount(), FOUR + 1);
        vm.assertEq(_registry.parameters().minimumCenters, FOUR);
        vm.assertEq(_registry.parameters().termStart, GENESIS_TIME);
        vm.assertEq(_registry.parameters().termLength, TERM);
    }
}
