// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IERC1155Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {IEvidenceRegister} from "../interfaces/IEvidenceRegister.sol";
import {IGreenAsset} from "../interfaces/IGreenAsset.sol";
import {IMediated} from "../interfaces/IMediated.sol";
import {Act, ActState, Evidence, RetirementRequest} from "../types/AssetTypes.sol";
import {AssetWorld} from "./AssetWorld.sol";
import {Glutton, Grumbler, Receiver} from "./Receivers.sol";

/// @notice What fraudsters try, each against a market where it would pay, and the name of what stops it.
contract Attacks is AssetWorld {
    bytes32 private constant LINE = keccak256("line");
    uint256 private _tokenId;

    function setUp() external {
        build();
        _tokenId = issue(1, 1_000);
    }

    function test_the_same_lot_again_under_another_registry_s_name_LotCounted() external {
        Evidence memory again = statement(2);
        (again.lot, again.originRegistry, again.certifier) = (statement(1).lot, "another-registry", signer(OTHER_LAB));
        bytes memory words = abi.encodeWithSelector(
            IEvidenceRegister.LotCounted.selector, again.attribute, again.lot, again.vintageFrom, again.vintageTo
        );
        refuseIssue(again, proofOf(again, OTHER_LAB), 1, words);
    }

    function test_overlapping_serials_SerialsCounted() external {
        Evidence memory again = statement(2);
        (again.serialFrom, again.serialTo) = (statement(1).serialTo, statement(1).serialTo + 500);
        bytes memory words = abi.encodeWithSelector(
            IEvidenceRegister.SerialsCounted.selector, bytes32("origin"), again.serialFrom, again.serialTo
        );
        refuseIssue(again, proofOf(again), 1, words);
    }

    function test_more_than_evidenced_MoreThanEvidenced() external {
        Proof memory nothing;
        uint128 left = statement(1).quantity - 1_000;
        refuseIssue(
            statement(1),
            nothing,
            left + 1,
            abi.encodeWithSelector(IGreenAsset.MoreThanEvidenced.selector, _tokenId, left, left + 1)
        );
    }

    function test_an_uncertified_member_s_statement_NotCertifier() external {
        Evidence memory own = statement(2);
        own.certifier = signer(MILL);
        refuseIssue(
            own, proofOf(own, MILL), 1, abi.encodeWithSelector(IEvidenceRegister.NotCertifier.selector, signer(MILL))
        );
    }

    function test_a_forged_signature_InvalidCertifierSignature() external {
        Evidence memory forged = statement(2);
        bytes memory words = abi.encodeWithSelector(
            IEvidenceRegister.InvalidCertifierSignature.selector, _register.digestOf(forged), signer(LAB)
        );
        refuseIssue(forged, proofOf(forged, STRANGER), 1, words);
    }

    function test_a_signature_of_fewer_units_InvalidCertifierSignature() external {
        Evidence memory more = statement(2);
        Proof memory proof = proofOf(more);
        more.quantity *= 2;
        proof.inclusion = anchored(more, 0);
        bytes memory words = abi.encodeWithSelector(
            IEvidenceRegister.InvalidCertifierSignature.selector, _register.digestOf(more), signer(LAB)
        );
        refuseIssue(more, proof, 1, words);
    }

    function test_a_proof_with_one_bit_changed_NotIncluded() external {
        Evidence memory given = statement(2);
        Proof memory proof = proofOf(given);
        proof.inclusion.path[0] ^= bytes32(uint256(1));
        bytes memory words = abi.encodeWithSelector(
            IEvidenceRegister.NotIncluded.selector, _register.digestOf(given), idOf(0), uint64(2), uint64(1)
        );
        refuseIssue(given, proof, 1, words);
    }

    function test_a_checkpoint_never_anchored_NotAnchored() external {
        Evidence memory given = statement(2);
        Proof memory proof = proofOf(given);
        proof.inclusion.treeSize = 1_000;
        refuseIssue(
            given, proof, 1, abi.encodeWithSelector(IEvidenceRegister.NotAnchored.selector, idOf(0), uint64(1_000))
        );
    }

    function test_transfer_to_a_stranger_NotMember() external {
        _refuse(
            FARM,
            abi.encodeCall(_asset.safeTransferFrom, (signer(FARM), signer(STRANGER), _tokenId, 1, "")),
            abi.encodeWithSelector(IGreenAsset.NotMember.selector, signer(STRANGER))
        );
    }

    function test_retire_twice_RetirementExists_and_TooFewUnits() external {
        RetirementRequest memory request = claim(1, _tokenId, 1_000);
        vm.prank(signer(FARM));
        bytes32 retirementId = _asset.retire(request);
        request.ref = "another";
        _refuse(
            FARM,
            abi.encodeCall(_asset.retire, (request)),
            abi.encodeWithSelector(IGreenAsset.TooFewUnits.selector, _tokenId, signer(FARM), 0, 1_000)
        );
        issueMore(1_000);
        request.ref = claim(1, _tokenId, 1_000).ref;
        _refuse(
            FARM,
            abi.encodeCall(_asset.retire, (request)),
            abi.encodeWithSelector(IGreenAsset.RetirementExists.selector, retirementId)
        );
    }

    function test_retire_another_s_TooFewUnits() external {
        _refuse(
            MILL,
            abi.encodeCall(_asset.retire, (claim(1, _tokenId, 1))),
            abi.encodeWithSelector(IGreenAsset.TooFewUnits.selector, _tokenId, signer(MILL), 0, 1)
        );
    }

    function test_move_another_s_ERC1155MissingApprovalForAll() external {
        _refuse(
            MILL,
            abi.encodeCall(_asset.safeTransferFrom, (signer(FARM), signer(MILL), _tokenId, 1, "")),
            abi.encodeWithSelector(IERC1155Errors.ERC1155MissingApprovalForAll.selector, signer(MILL), signer(FARM))
        );
    }

    function test_move_a_frozen_unit_Frozen() external {
        vm.prank(signer(LAB));
        _register.revoke(statement(1), "the farm was cleared");
        _refuse(
            FARM,
            abi.encodeCall(_asset.safeTransferFrom, (signer(FARM), signer(CITY), _tokenId, 1, "")),
            abi.encodeWithSelector(IGreenAsset.Frozen.selector, _tokenId)
        );
    }

    function test_spend_an_escrow_twice_EscrowEnded() external {
        bytes32 escrowId = escrow(FARM, CITY, _tokenId, 600, LINE);
        vm.prank(signer(CITY));
        _asset.accept(escrowId);
        bytes memory words = abi.encodeWithSelector(IGreenAsset.EscrowEnded.selector, escrowId);
        _refuse(CITY, abi.encodeCall(_asset.accept, (escrowId)), words);
        vm.warp(block.timestamp + 8 days);
        _refuse(FARM, abi.encodeCall(_asset.giveBack, (escrowId)), words);
    }

    function test_an_ex_member_NotMember() external {
        suspend(FARM);
        _refuse(
            FARM,
            abi.encodeCall(_asset.safeTransferFrom, (signer(FARM), signer(CITY), _tokenId, 1, "")),
            abi.encodeWithSelector(IGreenAsset.NotMember.selector, signer(FARM))
        );
    }

    function test_a_claim_outside_the_vintage_InvalidClaimPeriod() external {
        RetirementRequest memory request = claim(1, _tokenId, 1);
        request.claimFrom = TODAY - 101;
        _refuse(
            FARM,
            abi.encodeCall(_asset.retire, (request)),
            abi.encodeWithSelector(
                IGreenAsset.InvalidClaimPeriod.selector, request.claimFrom, request.claimTo, TODAY - 100, TODAY + 80
            )
        );
    }

    function test_a_receiver_s_contract_re_enters_nothing_ReentrancyGuardReentrantCall() external {
        Receiver receiver = _receiver();
        give(FARM, CITY, _tokenId, 500);
        // With units of its own already, so that each call would be right at any other time.
        vm.prank(signer(FARM));
        _asset.safeTransferFrom(signer(FARM), address(receiver), _tokenId, 100, "");
        bytes[] memory calls = _everyCall(address(receiver));
        receiver.plan(address(_asset), calls);
        bytes32 escrowId = escrow(CITY, MILL, _tokenId, 10, LINE);
        vm.prank(signer(CITY));
        bytes32 bought =
            _asset.escrow(_tokenId, 10, address(receiver), LINE, uint64(block.timestamp + 1 days));
        vm.prank(signer(FARM));
        _asset.safeTransferFrom(signer(FARM), address(receiver), _tokenId, 100, "");
        _expectNothingDone(receiver, calls.length, "transfer");
        uint256[] memory list = new uint256[](1);
        (uint256[] memory ids, uint256[] memory values) = (list, new uint256[](1));
        (ids[0], values[0]) = (_tokenId, 7);
        receiver.plan(address(_asset), calls);
        vm.prank(signer(FARM));
        _asset.safeBatchTransferFrom(signer(FARM), address(receiver), ids, values, "");
        _expectNothingDone(receiver, calls.length, "batch");
        receiver.plan(address(_asset), calls);
        receiver.act(address(_asset), abi.encodeCall(_asset.accept, (bought)));
        _expectNothingDone(receiver, calls.length, "accept");
        vm.assertTrue(_asset.escrowAt(escrowId).deadline != 0, "a stranger's escrow");
        vm.assertEq(_asset.balanceOf(address(receiver), _tokenId), 100 + 100 + 7 + 10);
    }

    function test_a_receiver_s_contract_cannot_have_another_s_act_refused() external {
        // Within the transfer nothing can be carried out: an act brought there would be spent for nothing.
        Receiver receiver = _receiver();
        Act memory victim =
            act(CITY, abi.encodeCall(_asset.setApprovalForAll, (signer(MILL), true)));
        (Act[] memory acts, bytes[] memory signatures) = _signed(victim, CITY);
        bytes[] memory calls = new bytes[](1);
        calls[0] = abi.encodeCall(_asset.bring, (acts, signatures));
        receiver.plan(address(_asset), calls);
        vm.prank(signer(FARM));
        _asset.safeTransferFrom(signer(FARM), address(receiver), _tokenId, 1, "");
        _expectNothingDone(receiver, 1, "act");
        _asset.bring(acts, signatures);
        vm.assertEq(uint8(_asset.actState(_asset.actDigestOf(victim))), uint8(ActState.Done));
    }

    // ---- inside ----

    function issueMore(uint128 quantity) private {
        Proof memory nothing;
        vm.prank(signer(FARM));
        _asset.issue(statement(1), "", nothing.inclusion, nothing.placement, quantity);
    }

    function _receiver() private returns (Receiver receiver) {
        receiver = new Receiver();
        vm.prank(account(0, "operator"));
        _registry.vouch("receiver", address(receiver), ENTERPRISE, 0, 0);
    }

    /// Whatever changes anything, each right at any other time.
    function _everyCall(address receiver) private returns (bytes[] memory calls) {
        uint256[] memory ids = new uint256[](1);
        uint256[] memory values = new uint256[](1);
        (ids[0], values[0]) = (_tokenId, 1);
        Evidence memory own = statement(3);
        own.holder = receiver;
        Proof memory proof = proofOf(own);
        RetirementRequest memory request = claim(1, _tokenId, 1);
        calls = new bytes[](10);
        calls[0] = abi.encodeCall(_asset.safeTransferFrom, (receiver, signer(CITY), _tokenId, 1, ""));
        calls[1] = abi.encodeCall(_asset.safeBatchTransferFrom, (receiver, signer(CITY), ids, values, ""));
        calls[2] = abi.encodeCall(_asset.setApprovalForAll, (signer(CITY), true));
        calls[3] = abi.encodeCall(_asset.escrow, (_tokenId, 1, signer(CITY), LINE, uint64(block.timestamp + 1 days)));
        calls[4] = abi.encodeCall(_asset.retire, (request));
        calls[5] = abi.encodeCall(_asset.cancel, (_tokenId, 1, "a reason"));
        calls[6] = abi.encodeCall(
            _asset.issue, (own, proof.signature, proof.inclusion, proof.placement, 10)
        );
        calls[7] = abi.encodeCall(_asset.giveBack, (_asset.escrowIdOf(signer(CITY), receiver, LINE)));
        calls[8] = abi.encodeCall(_asset.accept, (_asset.escrowIdOf(signer(CITY), receiver, LINE)));
        calls[9] = abi.encodeCall(_asset.bring, (new Act[](0), new bytes[](0)));
    }

    function _expectNothingDone(Receiver receiver, uint256 tried, string memory what) private view {
        vm.assertEq(receiver.carried(), 0, what);
        vm.assertEq(receiver.refused(), tried, what);
        vm.assertEq(
            receiver.lastAnswer(),
            abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector),
            what
        );
    }

    function _signed(Act memory one, uint256 by) private view returns (Act[] memory acts, bytes[] memory signatures) {
        acts = new Act[](1);
        signatures = new bytes[](1);
        acts[0] = one;
        signatures[0] = signature(by, _asset.actDigestOf(one));
    }

    function _refuse(uint256 by, bytes memory call, bytes memory words) private {
        refuse(signer(by), address(_asset), call, words);
    }
}

/// @notice Acts that others bring: each once, in nobody else's name, whoever brings it and with whatever gas.
contract ActsTest is AssetWorld {
    uint256 private _tokenId;

    function setUp() external {
        build();
        _tokenId = issue(1, 1_000);
    }

    function test_an_act_is_done_once_whoever_brings_it_and_however_often() external {
        Act memory one = _transfer(FARM, CITY, 10);
        bytes memory hand = signature(FARM, _asset.actDigestOf(one));
        _bring(one, hand);
        vm.prank(signer(STRANGER));
        _bring(one, hand);
        vm.assertEq(_asset.balanceOf(signer(CITY), _tokenId), 10);
        vm.assertEq(uint8(_state(one)), uint8(ActState.Done));
        // The same again is another act by its salt.
        Act memory two = _transfer(FARM, CITY, 10);
        _bring(two, signature(FARM, _asset.actDigestOf(two)));
        vm.assertEq(_asset.balanceOf(signer(CITY), _tokenId), 20);
    }

    function test_a_refused_act_stays_refused_and_the_next_go_on() external {
        Act[] memory acts = new Act[](3);
        bytes[] memory signatures = new bytes[](3);
        acts[0] = _transfer(FARM, CITY, 600);
        acts[1] = _transfer(FARM, CITY, 600);
        acts[2] = _transfer(CITY, SHOP, 600);
        for (uint256 i = 0; i < 3; ++i) signatures[i] = signature(i < 2 ? FARM : CITY, _asset.actDigestOf(acts[i]));
        _asset.bring(acts, signatures);
        vm.assertEq(uint8(_state(acts[0])), uint8(ActState.Done));
        vm.assertEq(uint8(_state(acts[1])), uint8(ActState.Refused));
        vm.assertEq(uint8(_state(acts[2])), uint8(ActState.Done));
        issueMore(1_000);
        _asset.bring(acts, signatures);
        vm.assertEq(uint8(_state(acts[1])), uint8(ActState.Refused));
        vm.assertEq(_asset.balanceOf(signer(SHOP), _tokenId), 600);
    }

    function test_every_kind_of_act_speaks_for_its_signer() external {
        bytes32 line = keccak256("line");
        uint64 deadline = uint64(block.timestamp + 1 days);
        Evidence memory given = statement(2);
        Proof memory proof = proofOf(given);
        _do(FARM, abi.encodeCall(_asset.issue, (given, proof.signature, proof.inclusion, proof.placement, 70)));
        uint256 tokenId = uint256(_register.digestOf(given));
        vm.assertEq(_asset.balanceOf(signer(FARM), tokenId), 70);
        _do(FARM, abi.encodeCall(_asset.escrow, (tokenId, 20, signer(CITY), line, deadline)));
        bytes32 escrowId = _asset.escrowIdOf(signer(FARM), signer(CITY), line);
        _do(CITY, abi.encodeCall(_asset.accept, (escrowId)));
        vm.assertEq(_asset.balanceOf(signer(CITY), tokenId), 20);
        RetirementRequest memory request = claim(2, tokenId, 5);
        _do(CITY, abi.encodeCall(_asset.retire, (request)));
        vm.assertEq(_asset.retirement(_asset.retirementIdOf(signer(CITY), request.ref)).holder, signer(CITY), "holder");
        _do(CITY, abi.encodeCall(_asset.cancel, (tokenId, 5, "a reason")));
        _do(CITY, abi.encodeCall(_asset.setApprovalForAll, (signer(MILL), true)));
        vm.assertTrue(_asset.isApprovedForAll(signer(CITY), signer(MILL)), "approved");

        Act memory revocation = act(LAB, abi.encodeCall(_register.revoke, (given, "a reason")));
        (Act[] memory acts, bytes[] memory signatures) = (new Act[](1), new bytes[](1));
        (acts[0], signatures[0]) = (revocation, signature(LAB, _register.actDigestOf(revocation)));
        _register.bring(acts, signatures);
        vm.assertTrue(_register.isRevoked(bytes32(tokenId)), "revoked");
    }

    function testFuzz_InvalidActSignature_with_any_bit_changed(uint256 bit) external {
        Act memory one = _transfer(FARM, CITY, 10);
        bytes memory hand = signature(FARM, _asset.actDigestOf(one));
        hand[bit / 8 % 65] ^= bytes1(uint8(1 << (bit % 8)));
        _refuse(one, hand, _invalid(one));
    }

    function test_InvalidActSignature_for_another_account_call_or_contract() external {
        Act memory one = _transfer(FARM, CITY, 10);
        _refuse(one, signature(MILL, _asset.actDigestOf(one)), _invalid(one));
        _refuse(one, signature(FARM, _register.actDigestOf(one)), _invalid(one));
        bytes memory hand = signature(FARM, _asset.actDigestOf(one));
        one.call = abi.encodeCall(_asset.safeTransferFrom, (signer(FARM), signer(MILL), _tokenId, 10, ""));
        _refuse(one, hand, _invalid(one));
        one = _transfer(FARM, CITY, 10);
        one.account = address(0);
        _refuse(one, new bytes(65), _invalid(one));
    }

    function test_nobody_appends_an_account_by_hand() external {
        // Only this contract calls itself: from outside, what is appended is nothing.
        bytes memory call = abi.encodePacked(
            abi.encodeCall(_asset.safeTransferFrom, (signer(FARM), signer(MILL), _tokenId, 10, "")), signer(FARM)
        );
        vm.prank(signer(MILL));
        (bool isDone,) = address(_asset).call(call);
        vm.assertFalse(isDone, "refused");
        vm.assertEq(_asset.balanceOf(signer(MILL), _tokenId), 0);
    }

    function test_ActTooLate() external {
        Act memory one = _transfer(FARM, CITY, 10);
        bytes memory hand = signature(FARM, _asset.actDigestOf(one));
        vm.warp(one.notAfter);
        _refuse(
            one, hand, abi.encodeWithSelector(IMediated.ActTooLate.selector, _asset.actDigestOf(one), one.notAfter)
        );
        vm.warp(one.notAfter - 1);
        _bring(one, hand);
        // One that is decided is passed over, however late.
        vm.warp(one.notAfter + 1);
        _bring(one, hand);
    }

    function test_SignaturesMissing() external {
        bytes memory words = abi.encodeWithSelector(IMediated.SignaturesMissing.selector, 1, 0);
        bytes memory call = abi.encodeCall(_asset.bring, (new Act[](1), new bytes[](0)));
        refuse(address(this), address(_asset), call, words);
    }

    function testFuzz_TooLittleGas_never_has_an_act_refused(uint256 gas_) external {
        Act memory one = _transfer(FARM, CITY, 10);
        (Act[] memory acts, bytes[] memory signatures) = _signed(one, signature(FARM, _asset.actDigestOf(one)));
        (bool isDone, bytes memory answer) = address(_asset).call{gas: within(gas_, 30_000, 4_000_000)}(
            abi.encodeCall(_asset.bring, (acts, signatures))
        );
        if (isDone) {
            vm.assertEq(uint8(_state(one)), uint8(ActState.Done));
        } else {
            vm.assertEq(uint8(_state(one)), uint8(ActState.None));
            bytes memory words = abi.encodeWithSelector(IMediated.TooLittleGas.selector, _asset.actDigestOf(one));
            vm.assertTrue(answer.length == 0 || keccak256(answer) == keccak256(words), "it says so, if it can");
        }
    }

    function test_TooLittleGas() external {
        Act memory one = _transfer(FARM, CITY, 10);
        (Act[] memory acts, bytes[] memory signatures) = _signed(one, signature(FARM, _asset.actDigestOf(one)));
        (bool isDone, bytes memory answer) =
            address(_asset).call{gas: 3_000_000}(abi.encodeCall(_asset.bring, (acts, signatures)));
        vm.assertFalse(isDone, "not decided");
        vm.assertEq(answer, abi.encodeWithSelector(IMediated.TooLittleGas.selector, _asset.actDigestOf(one)), "it says why");
        (isDone,) = address(_asset).call{gas: 3_300_000}(abi.encodeCall(_asset.bring, (acts, signatures)));
        vm.assertTrue(isDone, "enough");
    }

    function test_an_act_brings_no_other_acts() external {
        Act memory inner = _transfer(CITY, FARM, 1);
        (Act[] memory acts, bytes[] memory signatures) = _signed(inner, signature(CITY, _asset.actDigestOf(inner)));
        Act memory outer = act(FARM, abi.encodeCall(_asset.bring, (acts, signatures)));
        _bring(outer, signature(FARM, _asset.actDigestOf(outer)));
        vm.assertEq(uint8(_state(outer)), uint8(ActState.Refused));
        vm.assertEq(uint8(_state(inner)), uint8(ActState.None));
    }

    function test_a_receiver_that_burns_gas_or_grumbles_at_length_harms_its_own_act_only() external {
        address[2] memory receivers = [address(new Grumbler()), address(new Glutton())];
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(account(0, "operator"));
            _registry.vouch(i == 0 ? bytes32("grumbler") : bytes32("glutton"), receivers[i], ENTERPRISE, 0, 0);
            Act[] memory acts = new Act[](2);
            bytes[] memory signatures = new bytes[](2);
            acts[0] =
                act(FARM, abi.encodeCall(_asset.safeTransferFrom, (signer(FARM), receivers[i], _tokenId, 1, "")));
            acts[1] = _transfer(FARM, CITY, 10);
            for (uint256 j = 0; j < 2; ++j) signatures[j] = signature(FARM, _asset.actDigestOf(acts[j]));
            (bool isDone,) = address(_asset).call{gas: 7_000_000}(abi.encodeCall(_asset.bring, (acts, signatures)));
            vm.assertTrue(isDone, "brought");
            vm.assertEq(uint8(_state(acts[0])), uint8(ActState.Refused));
            vm.assertEq(uint8(_state(acts[1])), uint8(ActState.Done));
        }
    }

    function test_an_act_without_a_call_does_nothing() external {
        Act memory one = act(FARM, "");
        _bring(one, signature(FARM, _asset.actDigestOf(one)));
        vm.assertEq(uint8(_state(one)), uint8(ActState.Refused));
    }

    // ---- inside ----

    function issueMore(uint128 quantity) private {
        Proof memory nothing;
        vm.prank(signer(FARM));
        _asset.issue(statement(1), "", nothing.inclusion, nothing.placement, quantity);
    }

    function _transfer(uint256 from, uint256 to, uint256 quantity) private returns (Act memory) {
        return act(from, abi.encodeCall(_asset.safeTransferFrom, (signer(from), signer(to), _tokenId, quantity, "")));
    }

    function _do(uint256 by, bytes memory call) private {
        Act memory one = act(by, call);
        _bring(one, signature(by, _asset.actDigestOf(one)));
        vm.assertEq(uint8(_state(one)), uint8(ActState.Done));
    }

    function _state(Act memory one) private view returns (ActState) {
        return _asset.actState(_asset.actDigestOf(one));
    }

    function _signed(Act memory one, bytes memory hand)
        private
        pure
        returns (Act[] memory acts, bytes[] memory signatures)
    {
        acts = new Act[](1);
        signatures = new bytes[](1);
        (acts[0], signatures[0]) = (one, hand);
    }

    function _bring(Act memory one, bytes memory hand) private {
        (Act[] memory acts, bytes[] memory signatures) = _signed(one, hand);
        _asset.bring(acts, signatures);
    }

    function _refuse(Act memory one, bytes memory hand, bytes memory words) private {
        (Act[] memory acts, bytes[] memory signatures) = _signed(one, hand);
        refuse(address(this), address(_asset), abi.encodeCall(_asset.bring, (acts, signatures)), words);
    }

    function _invalid(Act memory one) private view returns (bytes memory) {
        return abi.encodeWithSelector(IMediated.InvalidActSignature.selector, _asset.actDigestOf(one), one.account);
    }
}
