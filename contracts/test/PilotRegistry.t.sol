// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {PilotRegistry} from "../PilotRegistry.sol";
import {Center, CenterStatus, LogKeyTerm} from "../types/PilotTypes.sol";
import {Network} from "./Network.sol";

/// @notice Does anything anybody may try, in any order; refusals are part of life and end the step.
contract RegistryHandler is Network {
    PilotRegistry public immutable registry;
    uint256 public nominated;
    /// Steps in which the validator set moved by more than one seat in one block.
    uint256 public leaps;
    /// What succeeded, by the name of the step.
    mapping(bytes32 what => uint256 times) public done;
    address[] private _blockStart;

    constructor(PilotRegistry registry_, uint256 founders) {
        registry = registry_;
        nominated = founders;
        _blockStart = registry_.getValidators();
    }

    /// Every step ends with a look at how far the set moved in this block.
    modifier watched() {
        _;
        _measure();
    }

    function nextBlock(uint256 seconds_) external {
        vm.roll(block.number + 1);
        vm.warp(block.timestamp + within(seconds_, 1, 3 days));
        _blockStart = registry.getValidators();
    }

    function muchLater(uint256 seconds_) external {
        // Rare enough that not every run loses all its votes and terms.
        if (seconds_ % 16 != 0) return;
        vm.roll(block.number + 1);
        vm.warp(block.timestamp + within(seconds_, 30 days, 200 days));
        _blockStart = registry.getValidators();
    }

    function nominate(uint256 by) external watched {
        if (nominated == 999) return;
        vm.prank(_operator(by));
        try registry.nominate(candidate(nominated)) {
            nominated++;
            done["nominate"]++;
        } catch {}
    }

    function suspend(uint256 by, uint256 about) external watched {
        bytes32 centerId = _center(about);
        vm.prank(_operator(by));
        try registry.proposeSuspension(centerId) {
            done["suspend"]++;
        } catch {}
    }

    function reinstate(uint256 by, uint256 about) external watched {
        bytes32 centerId = _center(about);
        vm.prank(_operator(by));
        try registry.proposeReinstatement(centerId) {
            done["reinstate"]++;
        } catch {}
    }

    function renew(uint256 by, uint256 about) external watched {
        bytes32 centerId = _center(about);
        vm.prank(_operator(by));
        try registry.proposeRenewal(centerId) {
            done["renew"]++;
        } catch {}
    }

    function replaceOperator(uint256 by, uint256 about, uint256 seed) external watched {
        bytes32 centerId = _center(about);
        vm.prank(_operator(by));
        try registry.proposeOperator(centerId, account(seed, "replaced operator")) {
            done["replaceOperator"]++;
        } catch {}
    }

    function vote(uint256 by, uint256 which) external watched {
        uint256 count = registry.proposalCount();
        if (count == 0) return;
        // The latest proposals are the ones that votes still reach.
        uint256 back = within(which, 1, count < 4 ? count : 4);
        bytes32 proposalId = registry.proposalIds(count - back, 1)[0];
        vm.prank(_operator(by));
        try registry.vote(proposalId) {
            done["vote"]++;
        } catch {}
    }

    function everybodyVotes(uint256 which) external watched {
        uint256 count = registry.proposalCount();
        if (count == 0) return;
        bytes32 proposalId = registry.proposalIds(count - within(which, 1, count < 4 ? count : 4), 1)[0];
        for (uint256 i = 0; i < registry.centerCount(); ++i) {
            vm.prank(_operator(i));
            try registry.vote(proposalId) {} catch {}
        }
    }

    function rotateValidator(uint256 by, uint256 seed) external watched {
        vm.prank(_operator(by));
        try registry.rotateValidator(account(seed, "rotated validator")) {
            done["rotateValidator"]++;
        } catch {}
    }

    function rotateOperator(uint256 by, uint256 seed) external watched {
        vm.prank(_operator(by));
        try registry.rotateOperator(account(seed, "rotated operator")) {
            done["rotateOperator"]++;
        } catch {}
    }

    function recoverFromThief(uint256 about, uint256 how, uint256 seed) external watched {
        bytes32 centerId = _center(about);
        address rightful = account(seed, "replaced operator");
        vm.prank(_operator(about));
        if (how % 3 == 0) try registry.rotateValidator(rightful) {} catch {}
        else if (how % 3 == 1) try registry.rotateAnchorer(rightful) {} catch {}
        else try registry.vouch(bytes32("m"), rightful, 1, 0, 0) {} catch {}
        vm.prank(_operator(about ^ 1));
        try registry.proposeOperator(centerId, rightful) returns (bytes32 proposalId) {
            for (uint256 i = 0; i < registry.centerCount(); ++i) {
                vm.prank(_operator(i));
                try registry.vote(proposalId) {} catch {}
            }
            if (registry.center(centerId).operator == rightful) done["recover"]++;
        } catch {}
    }

    function leaveNetwork(uint256 by) external watched {
        if (by % 3 != 0) return;
        vm.prank(_operator(by / 3));
        try registry.leaveNetwork() {
            done["leave"]++;
        } catch {}
    }

    function endTerm(uint256 about) external watched {
        try registry.endTerm(_center(about)) {
            done["endTerm"]++;
        } catch {}
    }

    function stranger(uint256 seed, uint256 about) external watched {
        address nobody = account(seed, "stranger");
        bytes32 centerId = _center(about);
        vm.prank(nobody);
        try registry.proposeSuspension(centerId) {
            done["stranger"]++;
        } catch {}
        vm.prank(nobody);
        try registry.rotateValidator(nobody) {
            done["stranger"]++;
        } catch {}
        vm.prank(nobody);
        try registry.vouch("member", nobody, 15, 0, 0) {
            done["stranger"]++;
        } catch {}
    }

    // Asked for before a prank, never within the call it is meant for: it would be spent on the question.
    function _center(uint256 seed) private view returns (bytes32) {
        return registry.centerIds(within(seed, 0, registry.centerCount() - 1), 1)[0];
    }

    function _operator(uint256 seed) private view returns (address) {
        return registry.center(_center(seed)).operator;
    }

    /// The seats that differ between the set at the block's start and now, counted as additions or as removals.
    function _measure() private {
        address[] memory now_ = registry.getValidators();
        uint256 added = _missing(now_, _blockStart);
        uint256 removed = _missing(_blockStart, now_);
        if (added > 1 || removed > 1) leaps++;
    }

    function _missing(address[] memory from, address[] memory within_) private pure returns (uint256 count) {
        for (uint256 i = 0; i < from.length; ++i) {
            bool isThere = false;
            for (uint256 j = 0; j < within_.length; ++j) isThere = isThere || from[i] == within_[j];
            if (!isThere) count++;
        }
    }
}

contract PilotRegistryInvariants is Network {
    // One above the minimum, so that every run pushes against it.
    uint256 private constant FOUNDERS = MINIMUM + 1;
    RegistryHandler private _handler;
    PilotRegistry private _registry;

    function setUp() external {
        _registry = found(FOUNDERS);
        _handler = new RegistryHandler(_registry, FOUNDERS);
        target(address(_handler));
    }

    function invariant_the_validator_set_never_falls_below_the_minimum() external view {
        vm.assertTrue(_registry.getValidators().length >= MINIMUM, "at least the minimum");
    }

    function invariant_the_validators_are_those_of_the_active_centers() external view {
        address[] memory validators = _registry.getValidators();
        uint256 active = 0;
        for (uint256 i = 0; i < _registry.centerCount(); ++i) {
            bytes32 id = _registry.centerIds(i, 1)[0];
            Center memory center = _registry.center(id);
            uint256 seats = 0;
            for (uint256 j = 0; j < validators.length; ++j) {
                if (validators[j] == center.validator) seats++;
            }
            if (center.status == CenterStatus.Active) {
                active++;
                vm.assertEq(seats, 1, "an active center has one seat");
                vm.assertEq(_registry.centerOfValidator(center.validator), id, "and its validator is known as its own");
            } else if (center.status != CenterStatus.Left) {
                vm.assertEq(seats, 0, "no other center has a seat");
            }
        }
        vm.assertEq(active, validators.length, "and nobody else has one");
        vm.assertEq(active, _registry.activeCount(), "which is how many count");
    }

    function invariant_every_center_speaks_through_its_own_accounts() external view {
        for (uint256 i = 0; i < _registry.centerCount(); ++i) {
            bytes32 id = _registry.centerIds(i, 1)[0];
            Center memory center = _registry.center(id);
            if (center.status == CenterStatus.Left) continue;
            vm.assertEq(_registry.centerOfOperator(center.operator), id, "its operator governs it");
            vm.assertEq(_registry.centerOfValidator(center.validator), id, "its validator is its own");
            bytes32 anchored = center.anchorer == address(0) ? id : _registry.centerOfAnchorer(center.anchorer);
            vm.assertEq(anchored, id, "its anchorer anchors for it, if it has one");
        }
    }

    function invariant_the_validator_set_moves_one_seat_a_block() external view {
        vm.assertEq(_handler.leaps(), 0, "seats moved one by one");
    }

    function invariant_a_stranger_never_gets_anything_done() external view {
        vm.assertEq(_handler.done("stranger"), 0, "nothing done");
    }

    function test_the_handler_gets_everything_done() external {
        // A handler whose every step was refused would keep all invariants and prove nothing.
        PilotRegistry registry = found(2 * FOUNDERS);
        RegistryHandler handler = new RegistryHandler(registry, 2 * FOUNDERS);
        for (uint256 i = 0; i < 1_500; ++i) {
            uint256 seed = uint256(keccak256(abi.encode("life", i)));
            (uint256 by, uint256 about) = (seed >> 8, seed >> 64);
            uint256 step = seed % 22;
            if (step == 0) handler.nominate(by);
            else if (step == 1) handler.suspend(by, about);
            else if (step < 4) handler.reinstate(by, about);
            else if (step < 7) handler.renew(by, about);
            else if (step == 7) handler.replaceOperator(by, about, seed);
            else if (step == 8) handler.vote(by, about);
            else if (step < 13) handler.everybodyVotes(by);
            else if (step == 13) handler.rotateValidator(by, seed);
            else if (step == 14) handler.rotateOperator(by, seed);
            else if (step == 15) handler.leaveNetwork(by);
            else if (step == 16) handler.endTerm(by);
            else if (step == 17) handler.muchLater(by - by % 16);
            else if (step > 19) handler.recoverFromThief(by, about, seed);
            else handler.nextBlock(by);
        }
        string[11] memory steps = [
            "nominate",
            "suspend",
            "reinstate",
            "renew",
            "replaceOperator",
            "recover",
            "vote",
            "rotateValidator",
            "rotateOperator",
            "leave",
            "endTerm"
        ];
        for (uint256 i = 0; i < steps.length; ++i) {
            vm.assertTrue(handler.done(bytes32(bytes(steps[i]))) != 0, steps[i]);
        }
    }

    function invariant_a_quorum_is_more_than_half_and_two_quorums_share_a_third() external view {
        uint256 active = _registry.activeCount();
        uint256 quorum = _registry.quorum();
        vm.assertTrue(quorum * 3 >= active * 2 && (quorum - 1) * 3 < active * 2, "ceil(2n/3)");
        vm.assertTrue((2 * quorum - active) * 3 >= active, "overlap");
    }
}

/// @notice Centers fewer than a quorum that do all they can, alone, for years; the others only look on, or admit an honest one.
contract MinorityHandler is Network {
    PilotRegistry public immutable registry;
    uint256 public immutable founders;
    uint256 private immutable _minority;
    uint256 public admitted;
    /// How often the minority was heard at all.
    uint256 public proposed;

    constructor(PilotRegistry registry_, uint256 founders_) {
        registry = registry_;
        founders = founders_;
        _minority = (2 * founders_ + 2) / 3 - 1;
    }

    function later(uint256 seconds_) external {
        vm.roll(block.number + 1);
        vm.warp(block.timestamp + within(seconds_, 1, 2 days));
    }

    function suspend(uint256 by, uint256 about) external {
        bytes32 centerId = _center(about);
        vm.prank(_minor(by));
        try registry.proposeSuspension(centerId) {
            proposed++;
        } catch {}
        _allOfThemVote();
    }

    function replaceOperator(uint256 by, uint256 about, uint256 seed) external {
        bytes32 centerId = _center(about);
        vm.prank(_minor(by));
        try registry.proposeOperator(centerId, account(seed, "replaced operator")) {
            proposed++;
        } catch {}
        _allOfThemVote();
    }

    function nominate(uint256 by, uint256 seed) external {
        vm.prank(_minor(by));
        try registry.nominate(candidate(within(seed, 500, 998))) {
            proposed++;
        } catch {}
        _allOfThemVote();
    }

    function everybodyAdmits(uint256 by) external {
        uint256 number = founders + admitted;
        if (by % 8 != 0 || admitted == 3) return;
        vm.prank(account(founders - 1, "operator"));
        try registry.nominate(candidate(number)) returns (bytes32 proposalId) {
            vm.roll(block.number + 1);
            for (uint256 i = 0; i < number && !registry.isActive(idOf(number)); ++i) {
                vm.prank(account(i, "operator"));
                try registry.vote(proposalId) {} catch {}
            }
            if (registry.isActive(idOf(number))) admitted++;
        } catch {}
    }

    function _allOfThemVote() private {
        vm.roll(block.number + 1);
        uint256 count = registry.proposalCount();
        if (count == 0) return;
        bytes32 proposalId = registry.proposalIds(count - 1, 1)[0];
        for (uint256 i = 0; i < _minority; ++i) {
            vm.prank(_minor(i));
            try registry.vote(proposalId) {} catch {}
        }
    }

    function _minor(uint256 seed) private view returns (address) {
        return account(within(seed, 0, _minority - 1), "operator");
    }

    function _center(uint256 seed) private view returns (bytes32) {
        return idOf(within(seed, 0, founders + admitted - 1));
    }
}

contract PilotRegistryMinorityInvariants is Network {
    MinorityHandler[] private _handlers;

    function setUp() external {
        for (uint256 founders = MINIMUM + 1; founders < MINIMUM + 5; ++founders) {
            _handlers.push(new MinorityHandler(found(founders), founders));
            target(address(_handlers[_handlers.length - 1]));
        }
    }

    function invariant_fewer_than_a_quorum_suspend_nobody_replace_nobody_and_admit_nobody() external view {
        for (uint256 i = 0; i < _handlers.length; ++i) {
            MinorityHandler handler = _handlers[i];
            PilotRegistry registry = handler.registry();
            uint256 expected = handler.founders() + handler.admitted();
            vm.assertEq(registry.activeCount(), expected, "nobody went, nobody else came");
            for (uint256 center = 0; center < expected; ++center) {
                vm.assertTrue(registry.isActive(idOf(center)), "all still have a say");
                vm.assertEq(registry.center(idOf(center)).operator, account(center, "operator"), "each its own");
            }
        }
    }

    function test_the_minority_is_heard_and_one_more_is_enough() external {
        for (uint256 i = 0; i < _handlers.length; ++i) {
            MinorityHandler handler = _handlers[i];
            PilotRegistry registry = handler.registry();
            uint256 founders = handler.founders();
            handler.everybodyAdmits(0);
            vm.assertEq(handler.admitted(), 1, "an honest one is admitted");
            handler.suspend(0, founders - 1);
            handler.replaceOperator(0, founders - 1, i);
            handler.nominate(0, i);
            vm.assertEq(handler.proposed(), 3, "each was proposed");
            vm.assertTrue(registry.isActive(idOf(founders - 1)), "and is not carried");
            bytes32 suspension = registry.proposalIds(registry.proposalCount() - 3, 1)[0];
            (uint256 votes, uint256 needed) = registry.tally(suspension);
            vm.assertTrue(votes < needed && needed == registry.quorum(), "fewer than a quorum of all");
            vm.roll(block.number + 1);
            for (uint256 more = votes; more < needed; ++more) {
                // The one it is about stands between them; its number is passed over.
                vm.prank(account(more < founders - 1 ? more : more + 1, "operator"));
                registry.vote(suspension);
            }
            vm.assertFalse(registry.isActive(idOf(founders - 1)), "a quorum carries it");
        }
    }
}

/// @notice What takes several centers, or several steps of one block.
contract PilotRegistryTest is Network {
    uint256 private constant MAXIMUM = 100;

    function testFuzz_the_quorum_is_exact(uint256 size) external {
        size = within(size, 3, 12);
        PilotRegistry registry = found(size);
        uint256 needed = (2 * size + 2) / 3;
        vm.assertEq(registry.quorum(), needed);
        vm.prank(account(0, "operator"));
        bytes32 proposalId = registry.nominate(candidate(size));
        vm.roll(2);
        for (uint256 i = 1; i < needed; ++i) {
            vm.assertFalse(registry.isActive(idOf(size)), "not before the quorum");
            vm.prank(account(i, "operator"));
            registry.vote(proposalId);
        }
        vm.assertTrue(registry.isActive(idOf(size)), "at the quorum");
        vm.assertEq(registry.getValidators().length, size + 1);
    }

    function testFuzz_suspension_needs_a_quorum_of_all_cast_by_the_others(uint256 size) external {
        size = within(size, 4, 12);
        PilotRegistry registry = found(size);
        uint256 needed = (2 * size + 2) / 3;
        bytes32 suspect = idOf(size - 1);
        vm.prank(account(0, "operator"));
        bytes32 proposalId = registry.proposeSuspension(suspect);
        vm.roll(2);
        for (uint256 i = 1; i < needed; ++i) {
            vm.assertTrue(registry.isActive(suspect), "not before the quorum");
            vm.prank(account(i, "operator"));
            registry.vote(proposalId);
        }
        vm.assertFalse(registry.isActive(suspect), "at the quorum");
    }

    function test_the_set_moves_once_a_block_whoever_moves_it() external {
        PilotRegistry registry = found(6);
        bytes memory refusal = abi.encodeWithSignature("ValidatorSetMoved(uint256)", 2);
        vm.prank(account(0, "operator"));
        bytes32 suspension = registry.proposeSuspension(idOf(1));
        vm.prank(account(0, "operator"));
        bytes32 admission = registry.nominate(candidate(6));
        for (uint256 i = 2; i < 4; ++i) {
            vm.prank(account(i, "operator"));
            registry.vote(suspension);
            vm.prank(account(i, "operator"));
            registry.vote(admission);
        }
        vm.roll(2);
        vm.prank(account(5, "operator"));
        registry.rotateValidator(account(5, "other validator"));

        vm.prank(account(4, "operator"));
        vm.expectRevert(refusal);
        registry.vote(suspension);
        vm.prank(account(4, "operator"));
        vm.expectRevert(refusal);
        registry.vote(admission);
        vm.prank(account(4, "operator"));
        vm.expectRevert(refusal);
        registry.rotateValidator(account(4, "other validator"));
        vm.prank(account(4, "operator"));
        vm.expectRevert(refusal);
        registry.leaveNetwork();
        vm.warp(GENESIS_TIME + TERM);
        vm.expectRevert(refusal);
        registry.endTerm(idOf(3));

        // The vote that was refused is not lost: it is cast again in the next block.
        vm.warp(GENESIS_TIME);
        vm.roll(3);
        vm.prank(account(4, "operator"));
        registry.vote(suspension);
        vm.assertFalse(registry.isActive(idOf(1)), "suspended in the next block");
        vm.roll(4);
        vm.prank(account(4, "operator"));
        registry.vote(admission);
        vm.assertTrue(registry.isActive(idOf(6)), "admitted in the one after");
    }

    function test_a_log_key_is_changed_once_a_second_at_most() external {
        PilotRegistry registry = found(4);
        vm.warp(GENESIS_TIME + 5);
        vm.prank(account(0, "operator"));
        registry.rotateLogKey("first");
        vm.prank(account(0, "operator"));
        vm.expectRevert(abi.encodeWithSignature("RotationTooSoon(bytes32,uint64)", idOf(0), GENESIS_TIME + 6));
        registry.rotateLogKey("second");
        vm.warp(GENESIS_TIME + 6);
        vm.prank(account(0, "operator"));
        registry.rotateLogKey("second");
        LogKeyTerm[] memory terms = registry.logKeys(idOf(0));
        vm.assertEq(terms.length, 3, "the founding key and two more");
        for (uint256 i = 0; i < 2; ++i) {
            vm.assertTrue(terms[i].validFrom < terms[i].validUntil, "no term is empty");
        }
    }

    function test_a_full_network_takes_no_more_and_still_votes_within_a_block_of_gas() external {
        PilotRegistry registry = found(MAXIMUM);
        uint256 maximum = registry.MAX_CENTERS();
        vm.assertEq(registry.activeCount(), maximum);
        vm.prank(account(0, "operator"));
        bytes32 proposalId = registry.proposeSuspension(idOf(1));
        vm.roll(2);
        uint256 dearest = 0;
        for (uint256 i = 2; registry.isActive(idOf(1)); ++i) {
            vm.prank(account(i, "operator"));
            uint256 before = gasleft();
            registry.vote(proposalId);
            uint256 spent = before - gasleft();
            if (spent > dearest) dearest = spent;
        }
        vm.assertTrue(dearest < 2_000_000, "bounded");
    }

    function test_the_hundred_and_first_center_is_refused() external {
        PilotRegistry registry = found(MAXIMUM);
        uint256 maximum = registry.MAX_CENTERS();
        vm.prank(account(0, "operator"));
        bytes32 proposalId = registry.nominate(candidate(maximum));
        vm.roll(2);
        uint256 needed = registry.quorum();
        for (uint256 i = 1; i < needed - 1; ++i) {
            vm.prank(account(i, "operator"));
            registry.vote(proposalId);
        }
        vm.prank(account(needed - 1, "operator"));
        vm.expectRevert(abi.encodeWithSignature("TooManyCenters(uint256)", maximum));
        registry.vote(proposalId);
    }
}
