// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AnchorLog} from "../AnchorLog.sol";
import {ICenterQuorum} from "../interfaces/ICenterQuorum.sol";
import {IEvidenceRegister} from "../interfaces/IEvidenceRegister.sol";
import {RangeList} from "../libraries/RangeList.sol";
import {Act, ActState, AdmittedEvidence, CustodyModel, Evidence, Placement} from "../types/AssetTypes.sol";
import {AssetWorld} from "./AssetWorld.sol";
import {Base} from "./Base.sol";

/// @notice What the register takes, and each thing it refuses by its name; every refusal is one change away from what is taken.
contract EvidenceRegisterTest is AssetWorld {
    function setUp() external {
        build();
    }

    function asker() internal view override returns (address) {
        return address(this);
    }

    function test_a_statement_is_admitted_with_all_that_is_kept_of_it() external {
        Evidence memory given = statement(1);
        bytes32 digest = admit(given);
        vm.assertEq(digest, _register.digestOf(given), "its digest");
        AdmittedEvidence memory kept = _register.evidence(asker(), digest);
        vm.assertEq(kept.classId, COCOA, "class");
        vm.assertEq(kept.lot, given.lot, "lot");
        vm.assertEq(kept.attribute, given.attribute, "attribute");
        vm.assertEq(kept.quantity, given.quantity);
        vm.assertEq(kept.admittedAt, block.timestamp);
        vm.assertEq(kept.vintageFrom, given.vintageFrom);
        vm.assertEq(kept.vintageTo, given.vintageTo);
        vm.assertEq(uint8(kept.custodyModel), uint8(given.custodyModel));
        vm.assertEq(kept.holder, given.holder, "holder");
        vm.assertEq(kept.holderCenter, idOf(FARM % CENTERS), "center that vouches for the holder");
        vm.assertEq(kept.holderMember, memberId(FARM), "holder's name");
        vm.assertEq(kept.certifierCenter, idOf(LAB % CENTERS), "center that vouches for the certifier");
        vm.assertEq(kept.certifierMember, memberId(LAB), "certifier");
        vm.assertEq(_register.evidenceCount(asker()), 1);
        vm.assertEq(uint8(_register.custodyOf(asker(), given.attribute, given.lot)), uint8(given.custodyModel));
    }

    function test_a_second_admission_changes_nothing() external {
        Evidence memory given = statement(1);
        bytes32 digest = admit(given);
        Proof memory nothing;
        vm.warp(block.timestamp + 1);
        vm.assertEq(_register.admit(given, nothing.signature, nothing.inclusion, nothing.placement), digest, "the same");
        vm.assertEq(_register.evidenceCount(asker()), 1);
        vm.assertEq(_register.evidence(asker(), digest).admittedAt, block.timestamp - 1);
    }

    // ---- one change each ----

    function test_NothingEvidenced() external {
        Evidence memory given = statement(1);
        (given.lot, given.originRegistry, given.serialFrom, given.serialTo) = (0, 0, 0, 0);
        _refuse(given, abi.encodeWithSelector(IEvidenceRegister.NothingEvidenced.selector, _register.digestOf(given)));
        given.lot = "lot";
        admit(given);
    }

    function test_ZeroQuantity() external {
        Evidence memory given = statement(1);
        given.quantity = 0;
        _refuse(given, abi.encodeWithSelector(IEvidenceRegister.ZeroQuantity.selector));
        given.quantity = 1;
        admit(given);
    }

    function test_InvalidVintage_reversed() external {
        Evidence memory given = statement(1);
        given.vintageTo = given.vintageFrom - 1;
        _refuse(
            given, abi.encodeWithSelector(IEvidenceRegister.InvalidVintage.selector, given.vintageFrom, given.vintageTo)
        );
        given.vintageTo = given.vintageFrom;
        admit(given);
    }

    function test_InvalidVintage_until_its_last_day_is_over() external {
        Evidence memory given = statement(1);
        given.vintageTo = TODAY;
        Proof memory proof = proofOf(given);
        bytes memory words =
            abi.encodeWithSelector(IEvidenceRegister.InvalidVintage.selector, given.vintageFrom, given.vintageTo);
        refuseAdmission(given, proof, words);
        vm.warp((uint256(TODAY) + 1) * 1 days - 1);
        refuseAdmission(given, proof, words);
        vm.warp((uint256(TODAY) + 1) * 1 days);
        _admit(given, proof);
    }

    function test_InvalidSerials() external {
        Evidence memory given = statement(1);
        uint64[2][5] memory wrong = [[uint64(5), 4], [uint64(0), 0], [uint64(1), 0], [uint64(0), 1], [uint64(7), 7]];
        for (uint256 i = 0; i < wrong.length; ++i) {
            (given.serialFrom, given.serialTo) = (wrong[i][0], wrong[i][1]);
            // The last two are wrong only where no registry is named.
            given.originRegistry = i < 3 ? bytes32("origin") : bytes32(0);
            _refuse(
                given,
                abi.encodeWithSelector(IEvidenceRegister.InvalidSerials.selector, given.serialFrom, given.serialTo)
            );
        }
        given.originRegistry = "origin";
        admit(given);
        given = statement(2);
        (given.serialFrom, given.serialTo) = (type(uint64).max, type(uint64).max);
        admit(given);
    }

    function test_InvalidCustodyModel() external {
        Evidence memory given = statement(1);
        given.custodyModel = CustodyModel.None;
        _refuse(given, abi.encodeWithSelector(IEvidenceRegister.InvalidCustodyModel.selector));
    }

    function test_InvalidEconomy() external {
        Evidence memory given = statement(1);
        bytes2[5] memory wrong = [bytes2("pe"), "P", "", "P1", "pE"];
        for (uint256 i = 0; i < wrong.length; ++i) {
            given.economy = wrong[i];
            _refuse(given, abi.encodeWithSelector(IEvidenceRegister.InvalidEconomy.selector, wrong[i]));
        }
    }

    function test_InvalidName() external {
        bytes32[7] memory wrong = [
            bytes32("Cocoa"),
            "",
            "1cocoa",
            "co coa",
            hex"636f00636f",
            "a23456789012345678901234567890bc",
            unicode"café"
        ];
        for (uint256 i = 0; i < wrong.length; ++i) {
            bytes memory words = abi.encodeWithSelector(IEvidenceRegister.InvalidName.selector, wrong[i]);
            Evidence memory given = statement(i);
            given.classId = wrong[i];
            _refuse(given, words);
            given = statement(i);
            given.attribute = wrong[i];
            _refuse(given, words);
            if (wrong[i] == 0) continue;
            given = statement(i);
            given.originRegistry = wrong[i];
            _refuse(given, words);
        }
        Evidence memory longest = statement(9);
        longest.originRegistry = "a2345678901234567890123456789-b";
        admit(longest);
    }

    function test_InvalidCertifierSignature_by_another_certifier() external {
        Evidence memory given = statement(1);
        Proof memory proof = proofOf(given, OTHER_LAB);
        bytes32 digest = _register.digestOf(given);
        bytes memory words =
            abi.encodeWithSelector(IEvidenceRegister.InvalidCertifierSignature.selector, digest, signer(LAB));
        refuseAdmission(given, proof, words);
        proof.signature = "";
        refuseAdmission(given, proof, words);
        proof.signature = new bytes(65);
        refuseAdmission(given, proof, words);
        proof.signature = signature(LAB, digest);
        _admit(given, proof);
    }

    function test_InvalidCertifierSignature_in_its_other_form() external {
        Evidence memory given = statement(1);
        Proof memory proof = proofOf(given);
        bytes32 digest = _register.digestOf(given);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keyOf(LAB), digest);
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        proof.signature = abi.encodePacked(r, bytes32(order - uint256(s)), v == 27 ? uint8(28) : uint8(27));
        refuseAdmission(
            given,
            proof,
            abi.encodeWithSelector(IEvidenceRegister.InvalidCertifierSignature.selector, digest, signer(LAB))
        );
    }

    function test_InvalidCertifierSignature_made_for_another_chain_or_contract() external {
        Evidence memory given = statement(1);
        IEvidenceRegister other = IEvidenceRegister(deploy("EvidenceRegister", abi.encode(_registry, _log)));
        vm.assertTrue(other.digestOf(given) != _register.digestOf(given), "each has digests of its own");
        Proof memory proof = proofOf(given);
        proof.signature = signature(LAB, other.digestOf(given));
        bytes32 digest = _register.digestOf(given);
        refuseAdmission(
            given,
            proof,
            abi.encodeWithSelector(IEvidenceRegister.InvalidCertifierSignature.selector, digest, signer(LAB))
        );
    }

    function test_NotCertifier() external {
        bytes memory words = abi.encodeWithSelector(IEvidenceRegister.NotCertifier.selector, signer(MILL));
        Evidence memory given = statement(1);
        given.certifier = signer(MILL);
        refuseAdmission(given, proofOf(given, MILL), words);
        given.certifier = signer(STRANGER);
        words = abi.encodeWithSelector(IEvidenceRegister.NotCertifier.selector, signer(STRANGER));
        refuseAdmission(given, proofOf(given, STRANGER), words);
    }

    function test_NotCertifier_while_suspended() external {
        Evidence memory given = statement(1);
        Proof memory proof = proofOf(given);
        suspend(LAB);
        refuseAdmission(given, proof, abi.encodeWithSelector(IEvidenceRegister.NotCertifier.selector, signer(LAB)));
        reinstate(LAB);
        _admit(given, proof);
        suspend(LAB);
        // Of what is admitted already, no more may be issued.
        refuseAdmission(given, proof, abi.encodeWithSelector(IEvidenceRegister.NotCertifier.selector, signer(LAB)));
    }

    function test_NotCertifier_with_a_key_that_was_taken_away() external {
        Evidence memory given = statement(1);
        Proof memory proof = proofOf(given);
        address former = changeKey(LAB);
        refuseAdmission(given, proof, abi.encodeWithSelector(IEvidenceRegister.NotCertifier.selector, former));
        given = statement(2);
        admit(given);
    }

    function test_a_certifier_s_new_key_stands_for_what_its_old_one_signed() external {
        Evidence memory given = statement(1);
        admit(given);
        changeKey(LAB);
        Proof memory nothing;
        _admit(given, nothing);
    }

    function test_OwnCertifier() external {
        Evidence memory given = statement(1);
        (given.certifier, given.holder) = (signer(OTHER_LAB), signer(OTHER_LAB));
        Proof memory proof = proofOf(given, OTHER_LAB);
        refuseAdmission(given, proof, abi.encodeWithSelector(IEvidenceRegister.OwnCertifier.selector, signer(OTHER_LAB)));
        given.certifier = signer(LAB);
        admit(given);
    }

    function test_OwnCertifier_by_an_account_that_it_got_later() external {
        Evidence memory given = statement(1);
        admit(given);
        changeKey(FARM);
        vm.prank(operatorOf(LAB));
        _registry.rotateMemberKey(memberId(LAB), given.holder);
        Proof memory nothing;
        refuseAdmission(given, nothing, abi.encodeWithSelector(IEvidenceRegister.OwnCertifier.selector, given.holder));
    }

    function test_CenterNotInGoodStanding() external {
        Evidence memory given = statement(1);
        given.centerId = "nowhere";
        _refuse(given, abi.encodeWithSelector(IEvidenceRegister.CenterNotInGoodStanding.selector, bytes32("nowhere")));

        given = statement(2);
        (given.certifier, given.holder) = (signer(LAB), signer(FARM));
        Proof memory proof = proofOf(given);
        vm.roll(block.number + 1);
        vm.prank(account(1, "operator"));
        bytes32 suspension = _registry.proposeSuspension(idOf(0));
        for (uint256 i = 2; i < 4; ++i) {
            vm.prank(account(i, "operator"));
            _registry.vote(suspension);
        }
        refuseAdmission(given, proof, abi.encodeWithSelector(IEvidenceRegister.CenterNotInGoodStanding.selector, idOf(0)));
    }

    function test_NotAnchored() external {
        Evidence memory given = statement(1);
        Proof memory proof = proofOf(given);
        proof.inclusion.treeSize++;
        refuseAdmission(given, proof, abi.encodeWithSelector(IEvidenceRegister.NotAnchored.selector, idOf(0), 2));
        proof.inclusion.treeSize--;
        _admit(given, proof);
    }

    function test_NotAnchored_in_another_center_s_log() external {
        Evidence memory given = statement(1);
        given.centerId = idOf(1);
        _refuse(given, abi.encodeWithSelector(IEvidenceRegister.NotAnchored.selector, idOf(1), 1));
        anchored(statement(2), 1);
        _refuse(
            given,
            abi.encodeWithSelector(
                IEvidenceRegister.NotIncluded.selector, _register.digestOf(given), idOf(1), uint64(1), uint64(0)
            ),
            0
        );
    }

    function testFuzz_NotIncluded_with_any_bit_of_a_proof_changed(uint256 bit, uint64 index) external {
        for (uint256 i = 10; i < 15; ++i) anchored(statement(i), 0);
        Evidence memory given = statement(1);
        Proof memory proof = proofOf(given);
        bytes32 digest = _register.digestOf(given);
        (uint64 size, uint64 right) = (proof.inclusion.treeSize, proof.inclusion.leafIndex);
        uint256 place = bit / 256 % proof.inclusion.path.length;
        proof.inclusion.path[place] ^= bytes32(1 << (bit % 256));
        bytes memory words =
            abi.encodeWithSelector(IEvidenceRegister.NotIncluded.selector, digest, idOf(0), size, right);
        refuseAdmission(given, proof, words);
        proof.inclusion.path[place] ^= bytes32(1 << (bit % 256));

        vm.assume(index != right);
        proof.inclusion.leafIndex = index;
        words = abi.encodeWithSelector(IEvidenceRegister.NotIncluded.selector, digest, idOf(0), size, index);
        refuseAdmission(given, proof, words);
        proof.inclusion.leafIndex = right;
        _admit(given, proof);
    }

    function testFuzz_no_bit_of_a_statement_or_its_signature_can_be_changed(uint256 bit) external {
        Evidence memory given = statement(1);
        Proof memory proof = proofOf(given);
        bytes memory call = abi.encodeCall(_register.admit, (given, proof.signature, proof.inclusion, proof.placement));
        // The statement is right behind the selector; the signature's 65 bytes follow the head of 23 words, behind its length.
        uint256 place = bit % ((19 * 32 + 65) * 8);
        uint256 byte_ = 4 + place / 8;
        if (byte_ >= 4 + 19 * 32) byte_ += 5 * 32;
        call[byte_] ^= bytes1(uint8(1 << (place % 8)));
        (bool isDone,) = address(_register).call(call);
        vm.assertFalse(isDone, "refused");
        vm.assertEq(_register.evidenceCount(asker()), 0);
        call[byte_] ^= bytes1(uint8(1 << (place % 8)));
        (isDone,) = address(_register).call(call);
        vm.assertTrue(isDone, "as it was");
    }

    function test_LotCounted_under_whatever_name_of_a_registry() external {
        Evidence memory given = statement(1);
        admit(given);
        Evidence memory again = statement(2);
        again.lot = given.lot;
        bytes memory words = abi.encodeWithSelector(
            IEvidenceRegister.LotCounted.selector, again.attribute, again.lot, again.vintageFrom, again.vintageTo
        );
        again.originRegistry = "another-origin";
        _refuse(again, words);
        (again.originRegistry, again.serialFrom, again.serialTo) = (0, 0, 0);
        _refuse(again, words);
        again.certifier = signer(OTHER_LAB);
        refuseAdmission(again, proofOf(again, OTHER_LAB), words);
        // One day in common is one too many.
        (again.vintageFrom, again.vintageTo) = (given.vintageTo, given.vintageTo + 1);
        _refuse(
            again,
            abi.encodeWithSelector(
                IEvidenceRegister.LotCounted.selector, again.attribute, again.lot, again.vintageFrom, again.vintageTo
            ),
            OTHER_LAB
        );
        (again.vintageFrom, again.vintageTo) = (given.vintageTo + 1, given.vintageTo + 1);
        again.certifier = signer(LAB);
        admit(again);
    }

    function test_another_attribute_of_the_same_lot_is_another_thing() external {
        admit(statement(1));
        Evidence memory other = statement(2);
        other.lot = statement(1).lot;
        (other.attribute, other.holder, other.custodyModel) = ("organic", signer(MILL), CustodyModel.IdentityPreserved);
        admit(other);
        vm.assertEq(uint8(_register.custodyOf(asker(), other.attribute, other.lot)), uint8(other.custodyModel));
    }

    function test_LotOfAnother_whatever_the_days() external {
        Evidence memory given = statement(1);
        admit(given);
        Evidence memory again = statement(2);
        (again.lot, again.vintageFrom, again.vintageTo) = (given.lot, given.vintageTo + 1, given.vintageTo + 1);
        bytes memory words =
            abi.encodeWithSelector(IEvidenceRegister.LotOfAnother.selector, again.attribute, again.lot);
        again.holder = signer(MILL);
        _refuse(again, words);
        (again.holder, again.facility) = (given.holder, keccak256("another facility"));
        _refuse(again, words);
        // Neither by days that were counted before.
        (again.vintageFrom, again.vintageTo) = (given.vintageFrom, given.vintageTo);
        _refuse(again, words);
        // Its own it stays under whatever account.
        changeKey(FARM);
        (again.vintageFrom, again.vintageTo) = (given.vintageTo + 1, given.vintageTo + 1);
        (again.holder, again.facility) = (signer(FARM), given.facility);
        admit(again);
    }

    function test_UnknownHolder() external {
        Evidence memory given = statement(1);
        given.holder = signer(STRANGER);
        _refuse(
            given,
            abi.encodeWithSelector(
                IEvidenceRegister.UnknownHolder.selector, _register.digestOf(given), signer(STRANGER)
            )
        );
        given.holder = changeKey(FARM);
        _refuse(
            given,
            abi.encodeWithSelector(IEvidenceRegister.UnknownHolder.selector, _register.digestOf(given), given.holder)
        );
    }

    function test_whoever_asks_counts_for_itself_alone() external {
        Evidence memory given = statement(1);
        bytes32 digest = admit(given);
        vm.assertEq(_register.evidence(address(_asset), digest).admittedAt, 0);
        vm.assertEq(_register.evidenceCount(address(_asset)), 0);
        vm.assertEq(uint8(_register.custodyOf(address(_asset), given.attribute, given.lot)), 0);
        // What another has of the same lot and serials is nobody else's business.
        Evidence memory other = statement(2);
        (other.lot, other.holder, other.custodyModel) = (given.lot, signer(MILL), CustodyModel.IdentityPreserved);
        (other.serialFrom, other.serialTo) = (given.serialFrom, given.serialTo);
        Proof memory proof = proofOf(other);
        proof.placement = Placement(0, 0);
        vm.prank(signer(STRANGER));
        bytes32 admitted = _register.admit(other, proof.signature, proof.inclusion, proof.placement);
        vm.assertEq(_register.evidence(signer(STRANGER), admitted).holderMember, memberId(MILL), "the stranger's");
        vm.assertEq(_register.evidence(asker(), admitted).admittedAt, 0);
        // By an act it is its signer who asks.
        Act[] memory acts = new Act[](1);
        bytes[] memory signatures = new bytes[](1);
        Evidence memory third = statement(3);
        proof = proofOf(third);
        proof.placement = Placement(0, 0);
        acts[0] = act(
            CITY, abi.encodeCall(_register.admit, (third, proof.signature, proof.inclusion, proof.placement))
        );
        signatures[0] = signature(CITY, _register.actDigestOf(acts[0]));
        _register.bring(acts, signatures);
        vm.assertEq(_register.evidenceCount(signer(CITY)), 1);
        // A revocation is one for all.
        vm.prank(signer(LAB));
        _register.revoke(given, "a reason");
        vm.prank(signer(STRANGER));
        (bool isDone,) = address(_register).call(
            abi.encodeCall(_register.admit, (given, proof.signature, proof.inclusion, proof.placement))
        );
        vm.assertFalse(isDone, "revoked for the stranger too");
    }

    function test_no_statement_takes_more_than_a_part_of_a_registry_or_some_years() external {
        Evidence memory given = statement(1);
        (given.serialFrom, given.serialTo) = (7, 7 + 2 ** 32);
        _refuse(
            given,
            abi.encodeWithSelector(IEvidenceRegister.InvalidSerials.selector, given.serialFrom, given.serialTo)
        );
        given.serialTo--;
        given.vintageFrom = given.vintageTo - 1_100;
        _refuse(
            given,
            abi.encodeWithSelector(IEvidenceRegister.InvalidVintage.selector, given.vintageFrom, given.vintageTo)
        );
        given.vintageFrom++;
        admit(given);
    }

    function test_InvalidName_of_a_registry_that_could_be_told_apart_otherwise() external {
        Evidence memory given = statement(1);
        bytes32[4] memory wrong =
            [bytes32("origin-"), "origin--", "ori--gin", "abcdefghijklmnopqrstuvwxyzabcd-"];
        for (uint256 i = 0; i < wrong.length; ++i) {
            given.originRegistry = wrong[i];
            _refuse(given, abi.encodeWithSelector(IEvidenceRegister.InvalidName.selector, wrong[i]));
        }
        given.originRegistry = "ori-gin";
        admit(given);
    }

    function test_SerialsCounted_whatever_the_attribute() external {
        Evidence memory given = statement(1);
        admit(given);
        Evidence memory again = statement(2);
        again.attribute = "organic";
        (again.serialFrom, again.serialTo) = (given.serialTo, given.serialTo + 10);
        _refuse(
            again,
            abi.encodeWithSelector(
                IEvidenceRegister.SerialsCounted.selector, again.originRegistry, again.serialFrom, again.serialTo
            )
        );
        (again.serialFrom, again.serialTo) = (1, given.serialFrom);
        _refuse(
            again,
            abi.encodeWithSelector(
                IEvidenceRegister.SerialsCounted.selector, again.originRegistry, again.serialFrom, again.serialTo
            )
        );
        again.serialTo = given.serialFrom - 1;
        admit(again);
    }

    function test_WrongPlacement() external {
        admit(statement(1));
        admit(statement(3));
        Evidence memory given = statement(5);
        Proof memory proof = proofOf(given);
        vm.assertEq(proof.placement.serialAfter, statement(3).serialFrom + 1);
        uint64[3] memory wrong = [uint64(0), uint64(statement(1).serialFrom + 1), 17];
        for (uint256 i = 0; i < wrong.length; ++i) {
            proof.placement.serialAfter = wrong[i];
            refuseAdmission(
                given,
                proof,
                abi.encodeWithSelector(IEvidenceRegister.WrongPlacement.selector, bytes32("origin"), wrong[i])
            );
        }
        proof = proofOf(given);
        _admit(given, proof);

        given = statement(7);
        proof = proofOf(given);
        proof.placement.vintageAfter = 9;
        refuseAdmission(
            given,
            proof,
            abi.encodeWithSelector(
                IEvidenceRegister.WrongPlacement.selector, keccak256(abi.encode(given.attribute, given.lot)), uint64(9)
            )
        );
    }

    function test_CustodyUpgraded() external {
        Evidence memory given = statement(1);
        given.custodyModel = CustodyModel.MassBalance;
        admit(given);
        Evidence memory better = statement(2);
        (better.lot, better.vintageFrom, better.vintageTo) = (given.lot, given.vintageTo + 1, given.vintageTo + 1);
        better.custodyModel = CustodyModel.Segregated;
        _refuse(
            better,
            abi.encodeWithSelector(
                IEvidenceRegister.CustodyUpgraded.selector,
                given.lot,
                uint8(CustodyModel.MassBalance),
                uint8(CustodyModel.Segregated)
            )
        );
        better.custodyModel = CustodyModel.BookAndClaim;
        admit(better);
        vm.assertEq(uint8(_register.custodyOf(asker(), given.attribute, given.lot)), uint8(CustodyModel.BookAndClaim));
    }

    // ---- revocation ----

    function test_Revoked_before_it_was_admitted() external {
        Evidence memory given = statement(1);
        Proof memory proof = proofOf(given);
        vm.prank(signer(LAB));
        _register.revoke(given, "drawn up in error");
        bytes memory words = abi.encodeWithSelector(IEvidenceRegister.Revoked.selector, _register.digestOf(given));
        refuseAdmission(given, proof, words);
        refuse(signer(LAB), address(_register), abi.encodeCall(_register.revoke, (given, "again")), words);
    }

    function test_Revoked_after_it_was_admitted_gives_nothing_back() external {
        Evidence memory given = statement(1);
        bytes32 digest = admit(given);
        vm.prank(signer(LAB));
        _register.revoke(given, "the farm was cleared");
        (bool isRevoked, string memory reason) = _register.revocation(digest);
        vm.assertTrue(isRevoked && _register.isRevoked(digest), "revoked");
        vm.assertEq(bytes(reason), "the farm was cleared", "with its reason");
        Proof memory nothing;
        refuseAdmission(given, nothing, abi.encodeWithSelector(IEvidenceRegister.Revoked.selector, digest));
        Evidence memory again = statement(2);
        again.lot = given.lot;
        _refuse(
            again,
            abi.encodeWithSelector(
                IEvidenceRegister.LotCounted.selector, again.attribute, again.lot, again.vintageFrom, again.vintageTo
            )
        );
    }

    function test_NotItsCertifier() external {
        Evidence memory given = statement(1);
        bytes32 digest = _register.digestOf(given);
        bytes memory call = abi.encodeCall(_register.revoke, (given, "a reason"));
        for (uint256 i = 0; i < 2; ++i) {
            uint256[3] memory others = [OTHER_LAB, FARM, STRANGER];
            for (uint256 j = 0; j < others.length; ++j) {
                address other = signer(others[j]);
                refuse(
                    other,
                    address(_register),
                    call,
                    abi.encodeWithSelector(IEvidenceRegister.NotItsCertifier.selector, digest, other)
                );
            }
            if (i == 0) admit(given);
        }
        // A key that was taken from it may be stolen; the one it has now speaks for it.
        address former = changeKey(LAB);
        refuse(
            former,
            address(_register),
            call,
            abi.encodeWithSelector(IEvidenceRegister.NotItsCertifier.selector, digest, former)
        );
        vm.prank(signer(LAB));
        _register.revoke(given, "a reason");
    }

    function test_a_suspended_certifier_may_still_take_back_what_it_signed() external {
        admit(statement(1));
        suspend(LAB);
        vm.prank(signer(LAB));
        _register.revoke(statement(1), "a reason");
    }

    function test_InvalidReason() external {
        Evidence memory given = statement(1);
        bytes32 digest = admit(given);
        bytes memory words = abi.encodeWithSelector(IEvidenceRegister.InvalidReason.selector);
        string memory tooLong = string(new bytes(257));
        refuse(signer(LAB), address(_register), abi.encodeCall(_register.revoke, (given, "")), words);
        refuse(signer(LAB), address(_register), abi.encodeCall(_register.revoke, (given, tooLong)), words);
        address operator = account(0, "operator");
        refuse(operator, address(_register), abi.encodeCall(_register.voteRevocation, (digest, "")), words);
        refuse(operator, address(_register), abi.encodeCall(_register.voteRevocation, (digest, tooLong)), words);
        vm.prank(signer(LAB));
        _register.revoke(given, string(new bytes(256)));
    }

    function test_a_quorum_of_centers_revokes_and_one_fewer_does_not() external {
        bytes32 digest = admit(statement(1));
        bytes32 motion = keccak256(abi.encode("revocation", digest));
        for (uint256 i = 0; i < 3; ++i) {
            vm.assertFalse(_register.isRevoked(digest), "not yet");
            vm.prank(account(i, "operator"));
            _register.voteRevocation(digest, "a reason");
            if (i == 2) break;
            (uint256 votes, uint256 needed, uint64 expiresAt) = _register.tally(address(_register), motion);
            vm.assertEq(votes, i + 1);
            vm.assertEq(needed, 3);
            vm.assertEq(expiresAt, block.timestamp + VOTING);
            vm.assertTrue(_register.hasVoted(address(_register), motion, idOf(i)), "has voted");
        }
        vm.assertTrue(_register.isRevoked(digest), "carried");
        (uint256 left,, uint64 open) = _register.tally(address(_register), motion);
        vm.assertEq(left + open, 0);
        refuse(
            account(3, "operator"),
            address(_register),
            abi.encodeCall(_register.voteRevocation, (digest, "a reason")),
            abi.encodeWithSelector(IEvidenceRegister.Revoked.selector, digest)
        );
    }

    function test_UnknownEvidence() external {
        refuse(
            account(0, "operator"),
            address(_register),
            abi.encodeCall(_register.voteRevocation, (bytes32("nothing"), "a reason")),
            abi.encodeWithSelector(IEvidenceRegister.UnknownEvidence.selector, bytes32("nothing"))
        );
    }

    // ---- votes ----

    function test_VotedAlready_until_the_round_is_over() external {
        bytes32 digest = admit(statement(1));
        bytes32 motion = keccak256(abi.encode("revocation", digest));
        bytes memory call = abi.encodeCall(_register.voteRevocation, (digest, "a reason"));
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(account(i, "operator"));
            _register.voteRevocation(digest, "a reason");
        }
        bytes memory words = abi.encodeWithSelector(ICenterQuorum.VotedAlready.selector, motion, idOf(0));
        refuse(account(0, "operator"), address(_register), call, words);
        vm.warp(block.timestamp + VOTING - 1);
        refuse(account(0, "operator"), address(_register), call, words);
        vm.warp(block.timestamp + 1);
        // A new round: the two votes of the old one are none here.
        vm.prank(account(0, "operator"));
        _register.voteRevocation(digest, "a reason");
        vm.prank(account(2, "operator"));
        _register.voteRevocation(digest, "a reason");
        vm.assertFalse(_register.isRevoked(digest), "two of four");
    }

    function test_a_quorum_that_others_reach_by_leaving_is_carried_out_by_who_voted() external {
        bytes32 digest = admit(statement(1));
        bytes memory call = abi.encodeCall(_register.voteRevocation, (digest, "a reason"));
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(account(i, "operator"));
            _register.voteRevocation(digest, "a reason");
        }
        bytes32 motion = keccak256(abi.encode("revocation", digest));
        bytes memory words = abi.encodeWithSelector(ICenterQuorum.VotedAlready.selector, motion, idOf(0));
        refuse(account(0, "operator"), address(_register), call, words);
        vm.prank(account(3, "operator"));
        _registry.leaveNetwork();
        // Two of three are a quorum.
        vm.prank(account(0, "operator"));
        _register.voteRevocation(digest, "a reason");
        vm.assertTrue(_register.isRevoked(digest), "carried");
    }

    function test_votes_of_a_center_that_is_out_do_not_count() external {
        bytes32 digest = admit(statement(1));
        vm.prank(account(3, "operator"));
        _register.voteRevocation(digest, "a reason");
        vm.roll(block.number + 1);
        vm.prank(account(3, "operator"));
        _registry.leaveNetwork();
        // Of three that are left a quorum is two.
        vm.prank(account(0, "operator"));
        _register.voteRevocation(digest, "a reason");
        vm.assertFalse(_register.isRevoked(digest), "one counts");
        vm.prank(account(1, "operator"));
        _register.voteRevocation(digest, "a reason");
        vm.assertTrue(_register.isRevoked(digest), "two do");
    }

    function test_NotActiveOperator() external {
        bytes32 digest = admit(statement(1));
        bytes memory call = abi.encodeCall(_register.voteRevocation, (digest, "a reason"));
        address[4] memory others =
            [signer(LAB), account(0, "anchorer"), account(0, "validator"), account(9, "operator")];
        for (uint256 i = 0; i < others.length; ++i) {
            refuse(
                others[i],
                address(_register),
                call,
                abi.encodeWithSelector(ICenterQuorum.NotActiveOperator.selector, others[i])
            );
        }
    }

    function test_who_asks_for_itself_gets_no_vote_of_another_s_motion() external {
        bytes32 digest = admit(statement(1));
        bytes32 motion = keccak256(abi.encode("revocation", digest));
        for (uint256 i = 0; i < 3; ++i) {
            (, bool isCarried) = _register.takeVote(motion, account(i, "operator"));
            vm.assertTrue(isCarried == (i == 2), "among its own");
        }
        (uint256 votes,,) = _register.tally(address(_register), motion);
        vm.assertEq(votes, 0);
        vm.assertFalse(_register.isRevoked(digest), "and nothing came of it");
    }

    function test_an_act_casts_nobody_else_s_vote() external {
        bytes32 digest = admit(statement(1));
        bytes32 motion = keccak256(abi.encode("revocation", digest));
        (Act[] memory acts, bytes[] memory signatures) = (new Act[](3), new bytes[](3));
        for (uint256 i = 0; i < 3; ++i) {
            acts[i] = act(STRANGER, abi.encodeCall(_register.takeVote, (motion, account(i, "operator"))));
            signatures[i] = signature(STRANGER, _register.actDigestOf(acts[i]));
        }
        _register.bring(acts, signatures);
        (uint256 votes,, uint64 expiresAt) = _register.tally(address(_register), motion);
        vm.assertEq(votes + expiresAt, 0);
        for (uint256 i = 0; i < 3; ++i) {
            vm.assertEq(uint8(_register.actState(_register.actDigestOf(acts[i]))), uint8(ActState.Refused));
        }
    }

    // ---- deployment ----

    function test_InvalidContract() external {
        bytes memory words = abi.encodeWithSelector(ICenterQuorum.InvalidContract.selector, address(77));
        AnchorLog elsewhere = new AnchorLog(found(CENTERS));
        _refuseDeployment(address(77), address(_log), words);
        _refuseDeployment(address(_registry), address(77), words);
        words = abi.encodeWithSelector(ICenterQuorum.InvalidContract.selector, address(elsewhere));
        _refuseDeployment(address(_registry), address(elsewhere), words);
        (address registry, address log) = _register.contracts();
        vm.assertEq(registry, address(_registry), "registry");
        vm.assertEq(log, address(_log), "log");
    }

    function deployed(address registry, address log) external returns (address) {
        return deploy("EvidenceRegister", abi.encode(registry, log));
    }

    // ---- inside ----

    function _refuseDeployment(address registry, address log, bytes memory words) private {
        refuse(address(this), address(this), abi.encodeCall(this.deployed, (registry, log)), words);
    }

    function _refuse(Evidence memory given, bytes memory words) private {
        refuseAdmission(given, proofOf(given), words);
    }

    /// With a proof from the tree of center 0 as it is, or with another certifier's hand.
    function _refuse(Evidence memory given, bytes memory words, uint256 certifier) private {
        if (certifier != 0) return refuseAdmission(given, proofOf(given, certifier), words);
        Proof memory proof;
        proof.signature = signature(LAB, _register.digestOf(given));
        (proof.inclusion.treeSize, proof.inclusion.leafIndex) = (1, 0);
        proof.placement = placementOf(given);
        refuseAdmission(given, proof, words);
    }

    function _admit(Evidence memory given, Proof memory proof) private {
        bytes32 digest = _register.admit(given, proof.signature, proof.inclusion, proof.placement);
        vm.assertTrue(_register.evidence(asker(), digest).admittedAt != 0, "admitted");
    }
}

/// @notice A list of ranges against a plain set of numbers.
contract RangeListTest is Base {
    using RangeList for RangeList.Ranges;

    uint64 private constant SPACE = 64;
    RangeList.Ranges private _ranges;
    mapping(uint256 number => bool) private _taken;

    function testFuzz_a_range_is_taken_where_none_of_its_numbers_is(uint256 seed) external {
        for (uint256 i = 0; i < 40; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            // At both ends of what a number can be, too.
            uint64 base = seed & 1 == 0 ? 0 : type(uint64).max - SPACE + 1;
            uint64 from = base + uint64((seed >> 8) % SPACE);
            uint64 room = base + (SPACE - 1) - from;
            uint64 to = from + uint64(within(seed >> 72, 0, room < 6 ? room : 6));
            bool isFree = true;
            for (uint256 n = from; n <= to; ++n) isFree = isFree && !_taken[n];
            (uint64 place, bool isFound) = _ranges.find("key", from, 0, 200);
            vm.assertTrue(isFound, "found");
            // A place at random is never a way around: it is refused, or happens to be the right one.
            uint64 wild = uint64(seed >> 136);
            if (seed & 6 != 0) wild = base + wild % SPACE;
            if (wild != place) {
                vm.assertTrue(_ranges.insert("key", from, to, wild) != RangeList.Outcome.Done, "not there");
            }
            RangeList.Outcome outcome = _ranges.insert("key", from, to, place);
            vm.assertTrue((outcome == RangeList.Outcome.Done) == isFree, "as a set would have it");
            vm.assertTrue(outcome != RangeList.Outcome.WrongPlace, "what was found is right");
            if (isFree) for (uint256 n = from; n <= to; ++n) _taken[n] = true;
            _expectSorted();
        }
    }

    function test_keys_have_lists_of_their_own() external {
        vm.assertTrue(_ranges.insert("a", 1, 9, 0) == RangeList.Outcome.Done, "in one");
        vm.assertTrue(_ranges.insert("b", 1, 9, 0) == RangeList.Outcome.Done, "and in the other");
        vm.assertTrue(_ranges.insert("a", 9, 9, 0) == RangeList.Outcome.Overlaps, "but not again");
        vm.assertTrue(_ranges.insert("a", 10, 12, 2) == RangeList.Outcome.Done, "behind it");
    }

    function test_a_search_goes_on_where_the_last_one_ended() external {
        uint64 place;
        for (uint64 i = 0; i < 20; ++i) {
            vm.assertTrue(_ranges.insert("key", 10 * i, 10 * i + 3, place) == RangeList.Outcome.Done, "behind the last");
            place = 10 * i + 1;
        }
        (uint64 found, bool isFound) = (0, false);
        uint256 asked;
        for (; !isFound; ++asked) (found, isFound) = _ranges.find("key", 155, found, 4);
        vm.assertEq(asked, 5);
        vm.assertEq(found, 151);
        // From beyond, or from nowhere, it begins anew.
        (found, isFound) = _ranges.find("key", 155, 181, 100);
        vm.assertTrue(isFound && found == 151, "from beyond");
        (found, isFound) = _ranges.find("key", 155, 77, 100);
        vm.assertTrue(isFound && found == 151, "from nowhere");
        (found, isFound) = _ranges.find("key", 155, 0, 0);
        vm.assertFalse(isFound, "in no steps nothing is found");
    }

    function _expectSorted() private view {
        uint72 place = _ranges.list["key"][0].next;
        uint256 end;
        bool isFirst = true;
        while (place != 0) {
            RangeList.Range memory range = _ranges.list["key"][place];
            uint256 start = uint256(place) - 1;
            vm.assertTrue(range.exists && start <= range.end && (isFirst || start > end), "sorted, and apart");
            for (uint256 n = start; n <= range.end; ++n) vm.assertTrue(_taken[n], "only what was taken");
            (end, isFirst, place) = (range.end, false, range.next);
        }
    }
}
