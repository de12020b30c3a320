// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC1155Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC1155MetadataURI} from "@openzeppelin/contracts/token/ERC1155/extensions/IERC1155MetadataURI.sol";
import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";

import {IEvidenceRegister} from "../interfaces/IEvidenceRegister.sol";
import {IGreenAsset} from "../interfaces/IGreenAsset.sol";
import {
    AssetClass,
    CustodyModel,
    Escrow,
    EscrowState,
    Evidence,
    Holding,
    Issuance,
    Retirement,
    RetirementRequest,
    Totals
} from "../types/AssetTypes.sol";
import {AssetWorld} from "./AssetWorld.sol";

/// @notice The life of units, and each thing the contract refuses by its name, one change away from what it does.
contract GreenAssetTest is AssetWorld {
    bytes32 private constant LINE = keccak256("line");

    function setUp() external {
        build();
    }

    // ---- classes ----

    function test_a_class_is_admitted_by_a_quorum_and_one_fewer_does_not() external {
        AssetClass memory wanted = class("timber", true);
        for (uint256 i = 0; i < 3; ++i) {
            vm.assertEq(_asset.assetClass("timber").id, bytes32(0), "not yet");
            vm.prank(account(i, "operator"));
            _asset.voteClass(wanted);
        }
        vm.assertEq(keccak256(abi.encode(_asset.assetClass("timber"))), keccak256(abi.encode(wanted)), "as voted for");
        vm.assertEq(_asset.classCount(), 3);
        vm.assertEq(_asset.classIds(1, 9)[1], bytes32("timber"), "the last");
        vm.assertEq(_asset.classIds(3, 9).length, 0);
    }

    function test_ClassExists() external {
        AssetClass memory again = class(COCOA, false);
        bytes memory words = abi.encodeWithSelector(IGreenAsset.ClassExists.selector, COCOA);
        _refuse(account(0, "operator"), abi.encodeCall(_asset.voteClass, (again)), words);
    }

    function test_InvalidClass() external {
        AssetClass memory wrong = class("Timber", true);
        _refuseClass(wrong, "id");
        wrong = class("timber", true);
        wrong.attribute = "";
        _refuseClass(wrong, "attribute");
        wrong = class("timber", true);
        bytes32[5] memory units = [bytes32("kgm"), "", "KGMX", hex"4b004d", "K-M"];
        for (uint256 i = 0; i < units.length; ++i) {
            wrong.unit = units[i];
            _refuseClass(wrong, "unit");
        }
        wrong = class("timber", true);
        wrong.decimals = 19;
        _refuseClass(wrong, "decimals");
        wrong.decimals = 18;
        wrong.custodyModel = CustodyModel.None;
        _refuseClass(wrong, "custodyModel");
        wrong.custodyModel = CustodyModel.BookAndClaim;
        wrong.claimDays = 3_651;
        _refuseClass(wrong, "claimDays");
        wrong.claimDays = 3_650;
        wrong.name = "";
        _refuseClass(wrong, "name");
        wrong.name = string(new bytes(129));
        _refuseClass(wrong, "name");
        wrong.name = string(new bytes(128));
        wrong.unit = "E4";
        admitClass(wrong);
    }

    function test_only_operators_vote_and_once() external {
        AssetClass memory wanted = class("timber", true);
        bytes memory call = abi.encodeCall(_asset.voteClass, (wanted));
        _refuse(signer(FARM), call, abi.encodeWithSelector(IGreenAsset.NotActiveOperator.selector, signer(FARM)));
        call = abi.encodeCall(_asset.votePause, (true));
        _refuse(signer(FARM), call, abi.encodeWithSelector(IGreenAsset.NotActiveOperator.selector, signer(FARM)));
        vm.prank(account(0, "operator"));
        _asset.votePause(true);
        bytes32 motion = keccak256(abi.encode("pause", true));
        _refuse(
            account(0, "operator"), call, abi.encodeWithSelector(IGreenAsset.VotedAlready.selector, motion, idOf(0))
        );
        (uint256 votes, uint256 needed,) = _register.tally(address(_asset), motion);
        vm.assertEq(votes, 1);
        vm.assertEq(needed, 3);
    }

    // ---- issuing ----

    function test_units_are_issued_up_to_what_is_evidenced() external {
        Evidence memory given = statement(1);
        uint256 tokenId = issue(1, 400_000);
        vm.assertEq(tokenId, uint256(_register.digestOf(given)));
        Issuance memory kept = _asset.issuance(tokenId);
        vm.assertEq(kept.classId, COCOA, "class");
        vm.assertEq(kept.lot, given.lot, "lot");
        vm.assertEq(kept.evidenced, given.quantity);
        vm.assertEq(kept.issued, 400_000);
        vm.assertEq(kept.vintageFrom, given.vintageFrom);
        vm.assertEq(kept.vintageTo, given.vintageTo);
        vm.assertEq(uint8(kept.custodyModel), uint8(given.custodyModel));
        vm.assertEq(_asset.balanceOf(signer(FARM), tokenId), 400_000);
        vm.assertEq(_asset.totals(COCOA).issued, 400_000);
        vm.assertEq(_asset.issuanceCount(), 1);
        vm.assertEq(_asset.issuanceIds(0, 5)[0], tokenId);
        vm.assertEq(_asset.issuanceIds(1, 5).length, 0);

        Proof memory nothing;
        bytes memory words = abi.encodeWithSelector(IGreenAsset.MoreThanEvidenced.selector, tokenId, 600_000, 600_001);
        refuseIssue(given, nothing, 600_001, words);
        vm.prank(given.holder);
        _asset.issue(given, "", nothing.inclusion, nothing.placement, 600_000);
        vm.assertEq(_asset.issuance(tokenId).issued, given.quantity);
        vm.assertEq(_asset.issuanceCount(), 1);
        refuseIssue(given, nothing, 1, abi.encodeWithSelector(IGreenAsset.MoreThanEvidenced.selector, tokenId, 0, 1));
    }

    function test_MoreThanEvidenced_leaves_the_statement_unadmitted() external {
        Evidence memory given = statement(1);
        Proof memory proof = proofOf(given);
        bytes32 digest = _register.digestOf(given);
        refuseIssue(
            given,
            proof,
            given.quantity + 1,
            abi.encodeWithSelector(IGreenAsset.MoreThanEvidenced.selector, digest, given.quantity, given.quantity + 1)
        );
        vm.assertEq(_register.evidenceCount(address(_asset)), 0);
        refuseIssue(
            given,
            proof,
            type(uint128).max,
            abi.encodeWithSelector(
                IGreenAsset.MoreThanEvidenced.selector, digest, given.quantity, type(uint128).max
            )
        );
    }

    function test_ZeroQuantity() external {
        bytes memory words = abi.encodeWithSelector(IGreenAsset.ZeroQuantity.selector);
        Evidence memory given = statement(1);
        refuseIssue(given, proofOf(given), 0, words);
        uint256 tokenId = issue(2, 100);
        (address farm, address city) = (signer(FARM), signer(CITY));
        _refuse(farm, abi.encodeCall(_asset.safeTransferFrom, (farm, city, tokenId, 0, "")), words);
        _refuse(farm, abi.encodeCall(_asset.escrow, (tokenId, 0, city, LINE, uint64(block.timestamp + 1))), words);
        _refuse(farm, abi.encodeCall(_asset.retire, (claim(2, tokenId, 0))), words);
        _refuse(farm, abi.encodeCall(_asset.cancel, (tokenId, 0, "a reason")), words);
        _refuse(farm, abi.encodeCall(_asset.safeBatchTransferFrom, (farm, city, one(tokenId), one(0), "")), words);
    }

    function test_NotItsHolder() external {
        Evidence memory given = statement(1);
        Proof memory proof = proofOf(given);
        bytes memory call =
            abi.encodeCall(_asset.issue, (given, proof.signature, proof.inclusion, proof.placement, 10));
        bytes32 digest = _register.digestOf(given);
        _refuse(signer(MILL), call, abi.encodeWithSelector(IGreenAsset.NotItsHolder.selector, digest, signer(MILL)));
        _refuse(signer(LAB), call, abi.encodeWithSelector(IGreenAsset.NotItsHolder.selector, digest, signer(LAB)));
        vm.prank(signer(FARM));
        _asset.issue(given, proof.signature, proof.inclusion, proof.placement, 10);
    }

    function test_UnknownClass() external {
        Evidence memory given = statement(1);
        given.classId = "timber";
        bytes memory words = abi.encodeWithSelector(IGreenAsset.UnknownClass.selector, bytes32("timber"));
        Proof memory proof = proofOf(given);
        refuseIssue(given, proof, 1, words);
        admitClass(class("timber", true));
        vm.prank(given.holder);
        _asset.issue(given, proof.signature, proof.inclusion, proof.placement, 1);
    }

    function test_ClassDiffers() external {
        Evidence memory given = statement(1);
        given.attribute = "organic";
        _refuseClassDiffers(given, "attribute");
        given = statement(1);
        given.unit = "LTR";
        _refuseClassDiffers(given, "unit");
        given = statement(1);
        given.decimals = 2;
        _refuseClassDiffers(given, "decimals");
        given = statement(1);
        given.custodyModel = CustodyModel.BookAndClaim;
        _refuseClassDiffers(given, "custodyModel");
        given.custodyModel = CustodyModel.MassBalance;
        issue(given, 1);
    }

    // ---- transfers ----

    function test_units_move_between_members() external {
        uint256 tokenId = issue(1, 100);
        give(FARM, CITY, tokenId, 60);
        vm.assertEq(_asset.balanceOf(signer(CITY), tokenId), 60);
        (address city, address shop) = (signer(CITY), signer(SHOP));
        vm.prank(city);
        _asset.safeBatchTransferFrom(city, shop, one(tokenId), one(25), "");
        vm.assertEq(_asset.balanceOf(shop, tokenId), 25);
        vm.prank(city);
        _asset.setApprovalForAll(signer(MILL), true);
        vm.prank(signer(MILL));
        _asset.safeTransferFrom(city, shop, tokenId, 5, "");
        vm.assertEq(_asset.balanceOf(city, tokenId), 30);
        vm.assertEq(_asset.balanceOf(shop, tokenId), 30);
    }

    function test_ERC1155MissingApprovalForAll() external {
        uint256 tokenId = issue(1, 100);
        (address farm, address mill) = (signer(FARM), signer(MILL));
        bytes memory words =
            abi.encodeWithSelector(IERC1155Errors.ERC1155MissingApprovalForAll.selector, mill, farm);
        _refuse(mill, abi.encodeCall(_asset.safeTransferFrom, (farm, mill, tokenId, 1, "")), words);
        _refuse(mill, abi.encodeCall(_asset.safeBatchTransferFrom, (farm, mill, one(tokenId), one(1), "")), words);
    }

    function test_NotMember_as_sender_receiver_operator_or_claimant() external {
        uint256 tokenId = issue(1, 100);
        (address farm, address city, address stranger) = (signer(FARM), signer(CITY), signer(STRANGER));
        _refuseMoves(farm, farm, stranger, tokenId, _notMember(stranger));
        _refuseMoves(farm, farm, address(_asset), tokenId, _notMember(address(_asset)));
        _refuseMoves(farm, farm, address(0), tokenId, _notMember(address(0)));
        uint64 deadline = uint64(block.timestamp + 1);
        _refuse(farm, abi.encodeCall(_asset.escrow, (tokenId, 1, stranger, LINE, deadline)), _notMember(stranger));
        RetirementRequest memory request = claim(1, tokenId, 1);
        request.claimant = stranger;
        _refuse(farm, abi.encodeCall(_asset.retire, (request)), _notMember(stranger));
        _refuse(farm, abi.encodeCall(_asset.setApprovalForAll, (stranger, true)), _notMember(stranger));
        _refuse(stranger, abi.encodeCall(_asset.setApprovalForAll, (farm, true)), _notMember(stranger));

        vm.prank(farm);
        _asset.setApprovalForAll(signer(MILL), true);
        suspend(MILL);
        _refuseMoves(signer(MILL), farm, city, tokenId, _notMember(signer(MILL)));

        suspend(FARM);
        _refuseMoves(farm, farm, city, tokenId, _notMember(farm));
        _refuse(farm, abi.encodeCall(_asset.escrow, (tokenId, 1, city, LINE, deadline)), _notMember(farm));
        _refuse(farm, abi.encodeCall(_asset.retire, (claim(1, tokenId, 1))), _notMember(farm));
        _refuse(farm, abi.encodeCall(_asset.cancel, (tokenId, 1, "a reason")), _notMember(farm));
        _refuse(farm, abi.encodeCall(_asset.followKey, (city, tokenId)), _notMember(farm));
        Evidence memory given = statement(1);
        Proof memory nothing;
        refuseIssue(given, nothing, 1, _notMember(farm));
        // To take back a trust is open to everybody, always.
        vm.prank(farm);
        _asset.setApprovalForAll(signer(MILL), false);
        reinstate(FARM);
        give(FARM, CITY, tokenId, 1);
    }

    function test_NotMember_even_if_a_center_vouches_for_the_contract_itself() external {
        uint256 tokenId = issue(1, 100);
        vm.prank(account(0, "operator"));
        _registry.vouch("trap", address(_asset), ENTERPRISE, 0, 0);
        _refuseMoves(signer(FARM), signer(FARM), address(_asset), tokenId, _notMember(address(_asset)));
    }

    function test_a_member_whose_term_is_over_moves_nothing() external {
        uint256 tokenId = issue(1, 100);
        vm.prank(operatorOf(FARM));
        _registry.setMemberTerm(memberId(FARM), 0, uint64(block.timestamp + 1 days));
        give(FARM, CITY, tokenId, 1);
        vm.warp(block.timestamp + 1 days);
        _refuseMoves(signer(FARM), signer(FARM), signer(CITY), tokenId, _notMember(signer(FARM)));
    }

    function test_NotTradable() external {
        Evidence memory given = statement(1);
        given.classId = HABIT;
        uint256 tokenId = issue(given, 100);
        bytes memory words = abi.encodeWithSelector(IGreenAsset.NotTradable.selector, HABIT);
        (address farm, address city) = (signer(FARM), signer(CITY));
        _refuseMoves(farm, farm, city, tokenId, words);
        uint64 deadline = uint64(block.timestamp + 1);
        _refuse(farm, abi.encodeCall(_asset.escrow, (tokenId, 1, city, LINE, deadline)), words);
        vm.prank(farm);
        _asset.retire(claim(1, tokenId, 10));
        vm.prank(farm);
        _asset.cancel(tokenId, 10, "a reason");
        vm.assertEq(_asset.balanceOf(farm, tokenId), 80);
    }

    function test_TooFewUnits() external {
        uint256 tokenId = issue(1, 100);
        (address farm, address city) = (signer(FARM), signer(CITY));
        bytes memory words = abi.encodeWithSelector(IGreenAsset.TooFewUnits.selector, tokenId, farm, 100, 101);
        _refuse(farm, abi.encodeCall(_asset.safeTransferFrom, (farm, city, tokenId, 101, "")), words);
        _refuse(farm, abi.encodeCall(_asset.safeBatchTransferFrom, (farm, city, one(tokenId), one(101), "")), words);
        _refuse(farm, abi.encodeCall(_asset.escrow, (tokenId, 101, city, LINE, uint64(block.timestamp + 1))), words);
        _refuse(farm, abi.encodeCall(_asset.retire, (claim(1, tokenId, 101))), words);
        _refuse(farm, abi.encodeCall(_asset.cancel, (tokenId, 101, "a reason")), words);
        // What waits in an escrow is not there either.
        escrow(FARM, CITY, tokenId, 60, LINE);
        words = abi.encodeWithSelector(IGreenAsset.TooFewUnits.selector, tokenId, farm, 40, 41);
        _refuse(farm, abi.encodeCall(_asset.cancel, (tokenId, 41, "a reason")), words);
        // One unit asked for twice in a batch.
        uint256[] memory ids = new uint256[](2);
        uint256[] memory values = new uint256[](2);
        (ids[0], ids[1], values[0], values[1]) = (tokenId, tokenId, 30, 30);
        _refuse(
            farm,
            abi.encodeCall(_asset.safeBatchTransferFrom, (farm, city, ids, values, "")),
            abi.encodeWithSelector(IERC1155Errors.ERC1155InsufficientBalance.selector, farm, 10, 30, tokenId)
        );
    }

    function test_UnknownIssuance() external {
        bytes memory words = abi.encodeWithSelector(IGreenAsset.UnknownIssuance.selector, 7);
        (address farm, address city) = (signer(FARM), signer(CITY));
        _refuseMoves(farm, farm, city, 7, words);
        _refuse(farm, abi.encodeCall(_asset.escrow, (7, 1, city, LINE, uint64(block.timestamp + 1))), words);
        _refuse(farm, abi.encodeCall(_asset.retire, (claim(1, 7, 1))), words);
        _refuse(farm, abi.encodeCall(_asset.cancel, (7, 1, "a reason")), words);
    }

    function test_ERC1155InvalidArrayLength() external {
        uint256 tokenId = issue(1, 100);
        (address farm, address city) = (signer(FARM), signer(CITY));
        _refuse(
            farm,
            abi.encodeCall(_asset.safeBatchTransferFrom, (farm, city, one(tokenId), new uint256[](2), "")),
            abi.encodeWithSelector(IERC1155Errors.ERC1155InvalidArrayLength.selector, 1, 2)
        );
    }

    function test_what_the_standard_refuses_besides() external {
        uint256 tokenId = issue(1, 100);
        (address farm, address mute) = (signer(FARM), address(_log));
        // A member whose account is a contract that knows nothing of tokens.
        vm.prank(account(0, "operator"));
        _registry.vouch("mute", mute, ENTERPRISE, 0, 0);
        bytes memory words = abi.encodeWithSelector(IERC1155Errors.ERC1155InvalidReceiver.selector, mute);
        _refuseMoves(farm, farm, mute, tokenId, words);
        words = abi.encodeWithSelector(IERC1155Errors.ERC1155InvalidOperator.selector, address(0));
        _refuse(farm, abi.encodeCall(_asset.setApprovalForAll, (address(0), false)), words);
        words = abi.encodeWithSelector(IERC1155Errors.ERC1155InvalidApprover.selector, address(0));
        _refuse(address(0), abi.encodeCall(_asset.setApprovalForAll, (farm, false)), words);
        // ERC1155InvalidSender never comes to be said: nobody is no member, and that is asked first.
        _refuseMoves(farm, address(0), farm, tokenId, _notMember(address(0)));
    }

    // ---- escrows ----

    function test_an_escrow_is_accepted_by_its_buyer_before_its_deadline() external {
        uint256 tokenId = issue(1, 100);
        bytes32 escrowId = escrow(FARM, CITY, tokenId, 60, LINE);
        vm.assertEq(escrowId, _asset.escrowIdOf(signer(FARM), signer(CITY), LINE), "its id");
        Escrow memory open = _asset.escrowAt(escrowId);
        vm.assertEq(uint8(open.state), uint8(EscrowState.Open));
        vm.assertEq(open.quantity, 60);
        vm.assertEq(open.lineDigest, LINE, "line");
        Holding memory sold = _asset.holding(signer(FARM), tokenId);
        vm.assertEq(sold.tradable, 40);
        vm.assertEq(sold.escrowed, 60);
        vm.assertEq(_asset.balanceOf(address(_asset), tokenId), 60);
        vm.assertEq(_asset.totals(COCOA).escrowed, 60);

        vm.warp(open.deadline - 1);
        vm.prank(signer(CITY));
        _asset.accept(escrowId);
        vm.assertEq(uint8(_asset.escrowAt(escrowId).state), uint8(EscrowState.Accepted));
        vm.assertEq(_asset.holding(signer(FARM), tokenId).escrowed, 0);
        vm.assertEq(_asset.balanceOf(signer(CITY), tokenId), 60);
        vm.assertEq(_asset.balanceOf(address(_asset), tokenId), 0);
        vm.assertEq(_asset.issuance(tokenId).escrowed, 0);
        bytes memory words = abi.encodeWithSelector(IGreenAsset.EscrowEnded.selector, escrowId);
        _refuse(signer(CITY), abi.encodeCall(_asset.accept, (escrowId)), words);
        _refuse(signer(CITY), abi.encodeCall(_asset.giveBack, (escrowId)), words);
    }

    function test_DeadlineOver_and_then_anyone_gives_back() external {
        uint256 tokenId = issue(1, 100);
        bytes32 escrowId = escrow(FARM, CITY, tokenId, 60, LINE);
        uint64 deadline = _asset.escrowAt(escrowId).deadline;
        vm.warp(deadline - 1);
        bytes memory call = abi.encodeCall(_asset.giveBack, (escrowId));
        _refuse(
            signer(STRANGER), call, abi.encodeWithSelector(IGreenAsset.DeadlineNotOver.selector, escrowId, deadline)
        );
        _refuse(signer(FARM), call, abi.encodeWithSelector(IGreenAsset.DeadlineNotOver.selector, escrowId, deadline));
        vm.warp(deadline);
        _refuse(
            signer(CITY),
            abi.encodeCall(_asset.accept, (escrowId)),
            abi.encodeWithSelector(IGreenAsset.DeadlineOver.selector, escrowId, deadline)
        );
        vm.prank(signer(STRANGER));
        _asset.giveBack(escrowId);
        vm.assertEq(uint8(_asset.escrowAt(escrowId).state), uint8(EscrowState.Returned));
        vm.assertEq(_asset.balanceOf(signer(FARM), tokenId), 100);
        vm.assertEq(_asset.totals(COCOA).escrowed, 0);
        bytes memory words = abi.encodeWithSelector(IGreenAsset.EscrowEnded.selector, escrowId);
        _refuse(signer(STRANGER), call, words);
        // The line is spent, too.
        words = abi.encodeWithSelector(IGreenAsset.EscrowExists.selector, escrowId);
        _refuse(
            signer(FARM),
            abi.encodeCall(_asset.escrow, (tokenId, 60, signer(CITY), LINE, uint64(block.timestamp + 1))),
            words
        );
    }

    function test_the_buyer_gives_back_at_any_time() external {
        uint256 tokenId = issue(1, 100);
        bytes32 escrowId = escrow(FARM, CITY, tokenId, 60, LINE);
        vm.prank(signer(CITY));
        _asset.giveBack(escrowId);
        vm.assertEq(_asset.balanceOf(signer(FARM), tokenId), 100);
    }

    function test_NotItsBuyer_and_UnknownEscrow() external {
        uint256 tokenId = issue(1, 100);
        bytes32 escrowId = escrow(FARM, CITY, tokenId, 60, LINE);
        bytes memory call = abi.encodeCall(_asset.accept, (escrowId));
        uint256[3] memory others = [FARM, SHOP, STRANGER];
        for (uint256 i = 0; i < others.length; ++i) {
            address other = signer(others[i]);
            _refuse(other, call, abi.encodeWithSelector(IGreenAsset.NotItsBuyer.selector, escrowId, other));
        }
        bytes memory words = abi.encodeWithSelector(IGreenAsset.UnknownEscrow.selector, LINE);
        _refuse(signer(CITY), abi.encodeCall(_asset.accept, (LINE)), words);
        _refuse(signer(CITY), abi.encodeCall(_asset.giveBack, (LINE)), words);
    }

    function test_InvalidDeadline_OwnBuyer_ZeroLineDigest() external {
        uint256 tokenId = issue(1, 100);
        (address farm, address city) = (signer(FARM), signer(CITY));
        uint64 soon = uint64(block.timestamp + 1);
        uint64[3] memory deadlines = [uint64(block.timestamp), uint64(block.timestamp + 366 days + 1), type(uint64).max];
        for (uint256 i = 0; i < deadlines.length; ++i) {
            _refuse(
                farm,
                abi.encodeCall(_asset.escrow, (tokenId, 1, city, LINE, deadlines[i])),
                abi.encodeWithSelector(IGreenAsset.InvalidDeadline.selector, deadlines[i])
            );
        }
        _refuse(
            farm,
            abi.encodeCall(_asset.escrow, (tokenId, 1, farm, LINE, soon)),
            abi.encodeWithSelector(IGreenAsset.OwnBuyer.selector, farm)
        );
        _refuse(
            farm,
            abi.encodeCall(_asset.escrow, (tokenId, 1, city, bytes32(0), soon)),
            abi.encodeWithSelector(IGreenAsset.ZeroLineDigest.selector)
        );
        vm.prank(farm);
        _asset.escrow(tokenId, 1, city, LINE, uint64(block.timestamp + 366 days));
    }

    function test_what_waits_for_a_buyer_no_center_of_the_seller_takes_back() external {
        uint256 tokenId = issue(1, 100);
        bytes32 escrowId = escrow(FARM, CITY, tokenId, 60, LINE);
        suspend(FARM);
        _refuse(signer(CITY), abi.encodeCall(_asset.giveBack, (escrowId)), _notMember(signer(FARM)));
        suspend(CITY);
        _refuse(signer(CITY), abi.encodeCall(_asset.accept, (escrowId)), _notMember(signer(CITY)));
        reinstate(CITY);
        vm.prank(signer(CITY));
        _asset.accept(escrowId);
        vm.assertEq(_asset.balanceOf(signer(CITY), tokenId), 60);
    }

    function test_a_buyer_with_a_new_key_accepts_and_gives_back() external {
        uint256 tokenId = issue(1, 100);
        bytes32 first = escrow(FARM, CITY, tokenId, 60, LINE);
        bytes32 second = escrow(FARM, CITY, tokenId, 30, "another line");
        // It never had units: it is remembered since they were set aside.
        address former = changeKey(CITY);
        _refuse(
            former,
            abi.encodeCall(_asset.accept, (first)),
            abi.encodeWithSelector(IGreenAsset.NotItsBuyer.selector, first, former)
        );
        vm.prank(signer(CITY));
        _asset.accept(first);
        vm.prank(signer(CITY));
        _asset.giveBack(second);
        vm.assertEq(_asset.balanceOf(signer(CITY), tokenId), 60);
        vm.assertEq(_asset.balanceOf(signer(FARM), tokenId), 40);
    }

    // ---- retirements and cancellations ----

    function test_a_retirement_says_for_ever_what_was_claimed() external {
        uint256 tokenId = issue(1, 100);
        RetirementRequest memory request = claim(1, tokenId, 30);
        request.claimant = signer(CITY);
        vm.prank(signer(FARM));
        bytes32 retirementId = _asset.retire(request);
        vm.assertEq(retirementId, _asset.retirementIdOf(signer(FARM), request.ref), "its id");
        Retirement memory kept = _asset.retirement(retirementId);
        vm.assertEq(
            keccak256(abi.encode(kept)),
            keccak256(abi.encode(Retirement(signer(FARM), uint64(block.timestamp), request))),
            "as it was asked for"
        );
        vm.assertEq(_asset.retirementDigest(retirementId), keccak256(abi.encode(kept)), "one word for it");
        vm.assertEq(_asset.retirementCount(), 1);
        vm.assertEq(_asset.retirementIds(0, 1)[0], retirementId, "listed");
        vm.assertEq(_asset.balanceOf(signer(FARM), tokenId), 70);
        vm.assertEq(_asset.holding(signer(FARM), tokenId).retired, 30);
        vm.assertEq(_asset.issuance(tokenId).retired, 30);
        vm.assertEq(_asset.totals(COCOA).retired, 30);
        // The digest lies where the artifact says; storage proofs look there.
        string memory artifact = vm.readFile("api/greenlane/adapters/evm/abi/GreenAsset.json");
        uint256 slot = slotOf(artifact, "_retirementDigests");
        vm.assertEq(
            vm.load(address(_asset), keccak256(abi.encode(retirementId, slot))), keccak256(abi.encode(kept)), "there"
        );
    }

    function test_RetirementExists() external {
        uint256 tokenId = issue(1, 100);
        RetirementRequest memory request = claim(1, tokenId, 30);
        vm.prank(signer(FARM));
        bytes32 retirementId = _asset.retire(request);
        bytes memory words = abi.encodeWithSelector(IGreenAsset.RetirementExists.selector, retirementId);
        _refuse(signer(FARM), abi.encodeCall(_asset.retire, (request)), words);
        request.ref = "another";
        vm.prank(signer(FARM));
        _asset.retire(request);
    }

    function test_InvalidClaimPeriod() external {
        uint256 tokenId = issue(1, 100);
        RetirementRequest memory request = claim(1, tokenId, 1);
        (uint32 earliest, uint32 latest) = (TODAY - 100, TODAY - 10 + 90);
        uint32[2][4] memory wrong = [
            [earliest - 1, latest], [earliest, latest + 1], [earliest + 1, earliest], [uint32(0), type(uint32).max]
        ];
        for (uint256 i = 0; i < wrong.length; ++i) {
            (request.claimFrom, request.claimTo) = (wrong[i][0], wrong[i][1]);
            _refuse(
                signer(FARM),
                abi.encodeCall(_asset.retire, (request)),
                abi.encodeWithSelector(
                    IGreenAsset.InvalidClaimPeriod.selector, wrong[i][0], wrong[i][1], earliest, latest
                )
            );
        }
        (request.claimFrom, request.claimTo) = (latest, latest);
        vm.prank(signer(FARM));
        _asset.retire(request);
    }

    function test_LotDiffers_ZeroBeneficiary_InvalidReason() external {
        uint256 tokenId = issue(1, 100);
        RetirementRequest memory request = claim(2, tokenId, 1);
        bytes memory words = abi.encodeWithSelector(IGreenAsset.LotDiffers.selector, tokenId, request.lot);
        _refuse(signer(FARM), abi.encodeCall(_asset.retire, (request)), words);
        request = claim(1, tokenId, 1);
        request.beneficiary = 0;
        words = abi.encodeWithSelector(IGreenAsset.ZeroBeneficiary.selector);
        _refuse(signer(FARM), abi.encodeCall(_asset.retire, (request)), words);
        words = abi.encodeWithSelector(IGreenAsset.InvalidReason.selector);
        _refuse(signer(FARM), abi.encodeCall(_asset.cancel, (tokenId, 1, "")), words);
        _refuse(signer(FARM), abi.encodeCall(_asset.cancel, (tokenId, 1, string(new bytes(257)))), words);
        vm.prank(signer(FARM));
        _asset.cancel(tokenId, 1, string(new bytes(256)));
        vm.assertEq(_asset.holding(signer(FARM), tokenId).cancelled, 1);
        vm.assertEq(_asset.totals(COCOA).cancelled, 1);
    }

    // ---- revoked, paused ----

    function test_Frozen_units_move_nowhere_and_retired_ones_are_challenged() external {
        uint256 tokenId = issue(1, 100);
        vm.prank(signer(FARM));
        bytes32 retirementId = _asset.retire(claim(1, tokenId, 10));
        bytes32 escrowId = escrow(FARM, CITY, tokenId, 20, LINE);
        (bool isChallenged, string memory reason) = _asset.challenge(retirementId);
        vm.assertFalse(isChallenged || _asset.isFrozen(tokenId), "not yet");
        revokeByCenters(bytes32(tokenId), "the farm was cleared");
        (isChallenged, reason) = _asset.challenge(retirementId);
        vm.assertTrue(isChallenged && _asset.isFrozen(tokenId), "challenged, frozen");
        vm.assertEq(bytes(reason), "the farm was cleared", "with the reason");

        bytes memory words = abi.encodeWithSelector(IGreenAsset.Frozen.selector, tokenId);
        (address farm, address city) = (signer(FARM), signer(CITY));
        Evidence memory given = statement(1);
        _refuseAll(farm, city, tokenId, escrowId, words);
        Proof memory nothing;
        words = abi.encodeWithSelector(IEvidenceRegister.Revoked.selector, tokenId);
        refuseIssue(given, nothing, 1, words);
        Holding memory still = _asset.holding(farm, tokenId);
        vm.assertEq(still.tradable + still.escrowed + still.retired, 100);
    }

    function test_Paused_nothing_moves_until_a_quorum_lets_it() external {
        uint256 tokenId = issue(1, 100);
        bytes32 escrowId = escrow(FARM, CITY, tokenId, 20, LINE);
        bytes memory words = abi.encodeWithSelector(IGreenAsset.PauseUnchanged.selector, false);
        _refuse(account(0, "operator"), abi.encodeCall(_asset.votePause, (false)), words);
        pause(true);
        vm.assertTrue(_asset.isPaused(), "paused");
        words = abi.encodeWithSelector(IGreenAsset.PauseUnchanged.selector, true);
        _refuse(account(0, "operator"), abi.encodeCall(_asset.votePause, (true)), words);
        words = abi.encodeWithSelector(IGreenAsset.Paused.selector);
        (address farm, address city) = (signer(FARM), signer(CITY));
        _refuseAll(farm, city, tokenId, escrowId, words);
        _refuse(farm, abi.encodeCall(_asset.setApprovalForAll, (city, true)), words);
        Evidence memory given = statement(2);
        refuseIssue(given, proofOf(given), 1, words);
        pause(false);
        vm.assertFalse(_asset.isPaused(), "on");
        vm.prank(city);
        _asset.accept(escrowId);
        // A second stop asks for votes of its own.
        pause(true);
        vm.assertTrue(_asset.isPaused(), "again");
    }

    // ---- changed keys ----

    function test_units_follow_a_member_to_its_new_account() external {
        uint256 tokenId = issue(1, 100);
        bytes32 escrowId = escrow(FARM, CITY, tokenId, 20, LINE);
        address former = changeKey(FARM);
        address between = signer(FARM);
        _refuseMoves(former, former, signer(CITY), tokenId, _notMember(former));
        // Again, before anything followed.
        vm.assertEq(changeKey(FARM), between, "the one between");
        address farm = signer(FARM);
        bytes memory call = abi.encodeCall(_asset.followKey, (former, tokenId));
        uint256[3] memory others = [MILL, CITY, LAB];
        for (uint256 i = 0; i < others.length; ++i) {
            address other = signer(others[i]);
            _refuse(other, call, abi.encodeWithSelector(IGreenAsset.NotItsFormerAccount.selector, former, other));
        }
        vm.prank(farm);
        _asset.followKey(former, tokenId);
        vm.assertEq(_asset.balanceOf(farm, tokenId), 80);
        vm.assertEq(_asset.balanceOf(former, tokenId), 0);
        _refuse(farm, call, abi.encodeWithSelector(IGreenAsset.ZeroQuantity.selector));
        _refuse(
            farm,
            abi.encodeCall(_asset.followKey, (farm, tokenId)),
            abi.encodeWithSelector(IGreenAsset.NotItsFormerAccount.selector, farm, farm)
        );

        // What comes back from an escrow goes where the seller is now.
        vm.prank(signer(CITY));
        _asset.giveBack(escrowId);
        vm.assertEq(_asset.balanceOf(farm, tokenId), 100);
        vm.assertEq(_asset.holding(former, tokenId).escrowed, 0);

        // And what is left of the statement is its member's still.
        Evidence memory given = statement(1);
        given.holder = former;
        Proof memory nothing;
        vm.prank(farm);
        _asset.issue(given, "", nothing.inclusion, nothing.placement, 5);
        vm.assertEq(_asset.balanceOf(farm, tokenId), 105);
    }

    function test_units_that_came_by_any_transfer_follow() external {
        uint256 tokenId = issue(1, 100);
        give(FARM, CITY, tokenId, 30);
        (address farm, address shop) = (signer(FARM), signer(SHOP));
        vm.prank(farm);
        _asset.safeBatchTransferFrom(farm, shop, one(tokenId), one(20), "");
        uint256[2] memory members = [CITY, SHOP];
        for (uint256 i = 0; i < 2; ++i) {
            address former = changeKey(members[i]);
            vm.prank(signer(members[i]));
            _asset.followKey(former, tokenId);
            vm.assertEq(_asset.balanceOf(signer(members[i]), tokenId), i == 0 ? 30 : 20);
        }
    }

    function test_no_center_takes_what_lies_at_a_former_account_of_another_s_member() external {
        uint256 tokenId = issue(1, 900);
        give(FARM, MILL, tokenId, 10);
        bytes32 escrowId = escrow(FARM, CITY, tokenId, 500, LINE);
        address former = changeKey(FARM);
        _vouchThief(former);
        // Nobody makes it the thief's by sending it something, by whatever way.
        (address mill, address loot) = (signer(MILL), address(uint160(uint256(keccak256("loot")))));
        bytes memory words = abi.encodeWithSelector(IGreenAsset.AccountOfAnother.selector, former);
        _refuseMoves(mill, mill, former, tokenId, words);
        bytes memory call = abi.encodeCall(_asset.escrow, (tokenId, 1, former, LINE, uint64(block.timestamp + 1)));
        _refuse(mill, call, words);
        vm.prank(account(3, "operator"));
        _registry.rotateMemberKey("thief", loot);
        words = abi.encodeWithSelector(IGreenAsset.NotItsFormerAccount.selector, former, loot);
        _refuse(loot, abi.encodeCall(_asset.followKey, (former, tokenId)), words);
        Evidence memory given = statement(1);
        given.holder = former;
        Proof memory nothing;
        words = abi.encodeWithSelector(IGreenAsset.NotItsHolder.selector, tokenId, loot);
        _refuse(loot, abi.encodeCall(_asset.issue, (given, "", nothing.inclusion, nothing.placement, 1)), words);
        vm.warp(block.timestamp + 8 days);
        _asset.giveBack(escrowId);
        vm.assertEq(_asset.balanceOf(signer(FARM), tokenId), 500, "what waited is the seller's");
        vm.prank(signer(FARM));
        _asset.followKey(former, tokenId);
        vm.assertEq(_asset.balanceOf(signer(FARM), tokenId), 890, "and all the rest");
    }

    function test_who_is_given_a_former_account_keeps_its_member_from_nothing() external {
        uint256 tokenId = issue(1, 100);
        address former = changeKey(FARM);
        _vouchThief(former);
        vm.prank(signer(FARM));
        _asset.followKey(former, tokenId);
        vm.assertEq(_asset.balanceOf(signer(FARM), tokenId), 100);
    }

    function test_no_center_takes_what_members_of_a_center_that_left_hold() external {
        uint256 tokenId = issue(1, 900);
        give(FARM, MILL, tokenId, 10);
        (address farm, address mill) = (signer(FARM), signer(MILL));
        vm.prank(account(1, "operator"));
        _registry.leaveNetwork();
        _vouchThief(farm);
        _refuseMoves(mill, mill, farm, tokenId, abi.encodeWithSelector(IGreenAsset.AccountOfAnother.selector, farm));
        address loot = address(uint160(uint256(keccak256("loot"))));
        vm.prank(account(3, "operator"));
        _registry.rotateMemberKey("thief", loot);
        bytes memory words = abi.encodeWithSelector(IGreenAsset.NotItsFormerAccount.selector, farm, loot);
        _refuse(loot, abi.encodeCall(_asset.followKey, (farm, tokenId)), words);
        vm.assertEq(_asset.balanceOf(farm, tokenId), 890);
    }

    function test_an_account_goes_to_another_center_by_its_own_key() external {
        uint256 tokenId = issue(1, 100);
        address farm = signer(FARM);
        bytes32 escrowId = escrow(FARM, SHOP, tokenId, 60, LINE);
        vm.prank(account(1, "operator"));
        _registry.leaveNetwork();
        vm.prank(account(2, "operator"));
        _registry.vouch("farm", farm, ENTERPRISE, 0, 0);
        // It moves what it has, and by accepting or issuing shows that the account is still its own.
        give(FARM, MILL, tokenId, 40);
        Evidence memory given = statement(2);
        issue(given, 5);
        give(MILL, FARM, tokenId, 10);
        vm.assertEq(_asset.balanceOf(farm, tokenId), 10);
        vm.warp(block.timestamp + 8 days);
        _asset.giveBack(escrowId);
        vm.assertEq(_asset.balanceOf(farm, tokenId), 70);
    }

    function test_a_thief_issues_nothing_of_a_holder_that_never_had_units() external {
        uint256 bait = issue(9, 10);
        give(FARM, MILL, bait, 10);
        Evidence memory given = statement(1);
        given.holder = signer(SHOP);
        Proof memory proof = proofOf(given);
        address former = changeKey(SHOP);
        _vouchThief(former);
        give_(MILL, former, bait, 1);
        address loot = address(uint160(uint256(keccak256("loot"))));
        // Whoever admits it for itself names nobody for this contract.
        _register.admit(given, proof.signature, proof.inclusion, proof.placement);
        vm.prank(account(3, "operator"));
        _registry.rotateMemberKey("thief", loot);
        bytes32 digest = _register.digestOf(given);
        _refuse(
            loot,
            abi.encodeCall(_asset.issue, (given, proof.signature, proof.inclusion, proof.placement, 1)),
            abi.encodeWithSelector(IEvidenceRegister.UnknownHolder.selector, digest, former)
        );
    }

    function test_a_key_changed_before_the_first_issue_uses_up_nothing() external {
        Evidence memory given = statement(1);
        Proof memory proof = proofOf(given);
        // By anybody, for itself.
        _register.admit(given, proof.signature, proof.inclusion, proof.placement);
        changeKey(FARM);
        Evidence memory anew = statement(1);
        (anew.id, anew.holder) = ("anew", signer(FARM));
        issue(anew, 5);
        vm.assertEq(_asset.balanceOf(signer(FARM), uint256(_register.digestOf(anew))), 5);
    }

    function test_what_nobody_could_issue_uses_up_nothing() external {
        Evidence memory greedy = statement(2);
        (greedy.classId, greedy.attribute, greedy.lot, greedy.quantity) = ("nonsense", "nonsense", 0, 1);
        (greedy.serialFrom, greedy.serialTo) = (1, 2 ** 32);
        Proof memory proof = proofOf(greedy);
        _register.admit(greedy, proof.signature, proof.inclusion, proof.placement);
        refuseIssue(greedy, proof, 1, abi.encodeWithSelector(IGreenAsset.UnknownClass.selector, greedy.classId));
        Evidence memory worse = statement(1);
        (worse.id, worse.attribute, worse.custodyModel) = ("worse", "nonsense", CustodyModel.BookAndClaim);
        (worse.originRegistry, worse.serialFrom, worse.serialTo) = (0, 0, 0);
        proof = proofOf(worse);
        _register.admit(worse, proof.signature, proof.inclusion, proof.placement);
        issue(1, 5);
    }

    function test_LotOfAnother_in_full_for_other_days() external {
        Evidence memory given = statement(1);
        (given.originRegistry, given.serialFrom, given.serialTo) = (0, 0, 0);
        given.vintageTo = TODAY - 60;
        issue(given, given.quantity);
        (given.id, given.holder) = ("two", signer(MILL));
        (given.vintageFrom, given.vintageTo) = (TODAY - 59, TODAY - 10);
        bytes memory words =
            abi.encodeWithSelector(IEvidenceRegister.LotOfAnother.selector, given.attribute, given.lot);
        refuseIssue(given, proofOf(given), 1, words);
        vm.assertEq(_asset.totals(COCOA).issued, given.quantity);
    }

    function test_an_accepted_escrow_of_a_seller_with_a_new_key() external {
        uint256 tokenId = issue(1, 100);
        bytes32 escrowId = escrow(FARM, CITY, tokenId, 20, LINE);
        changeKey(FARM);
        vm.prank(signer(CITY));
        _asset.accept(escrowId);
        vm.assertEq(_asset.balanceOf(signer(CITY), tokenId), 20);
    }

    // ---- the rest of the standard, and deployment ----

    function test_it_is_an_ERC1155_without_texts() external view {
        vm.assertTrue(_asset.supportsInterface(type(IERC1155).interfaceId), "ERC-1155");
        vm.assertEq(bytes(IERC1155MetadataURI(address(_asset)).uri(1)).length, 0);
    }

    function test_InvalidContract() external {
        _refuseDeployment(
            address(_registry), address(77), abi.encodeWithSelector(IGreenAsset.InvalidContract.selector, address(77))
        );
        _refuseDeployment(
            address(_log), address(_register), abi.encodeWithSelector(IGreenAsset.InvalidContract.selector, _log)
        );
        (address registry, address register) = _asset.contracts();
        vm.assertEq(registry, address(_registry), "registry");
        vm.assertEq(register, address(_register), "register");
    }

    function deployed(address registry, address register) external returns (address) {
        return deploy("GreenAsset", abi.encode(registry, register));
    }

    // ---- inside ----

    function one(uint256 value) private pure returns (uint256[] memory list) {
        list = new uint256[](1);
        list[0] = value;
    }

    /// By a center that has nothing to do with it.
    function _vouchThief(address account_) private {
        vm.prank(account(3, "operator"));
        _registry.vouch("thief", account_, ENTERPRISE, 0, 0);
    }

    function give_(uint256 from, address to, uint256 tokenId, uint256 quantity) private {
        vm.prank(signer(from));
        _asset.safeTransferFrom(signer(from), to, tokenId, quantity, "");
    }

    function _notMember(address account_) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IGreenAsset.NotMember.selector, account_);
    }

    function _refuse(address caller, bytes memory call, bytes memory words) private {
        refuse(caller, address(_asset), call, words);
    }

    function _refuseDeployment(address registry, address register, bytes memory words) private {
        refuse(address(this), address(this), abi.encodeCall(this.deployed, (registry, register)), words);
    }

    function _refuseClass(AssetClass memory wrong, string memory field) private {
        bytes memory words = abi.encodeWithSelector(IGreenAsset.InvalidClass.selector, field);
        _refuse(account(0, "operator"), abi.encodeCall(_asset.voteClass, (wrong)), words);
    }

    function _refuseClassDiffers(Evidence memory given, string memory field) private {
        bytes memory words = abi.encodeWithSelector(IGreenAsset.ClassDiffers.selector, COCOA, field);
        refuseIssue(given, proofOf(given), 1, words);
    }

    /// Both ways of the standard.
    function _refuseMoves(address operator, address from, address to, uint256 tokenId, bytes memory words) private {
        _refuse(operator, abi.encodeCall(_asset.safeTransferFrom, (from, to, tokenId, 1, "")), words);
        _refuse(operator, abi.encodeCall(_asset.safeBatchTransferFrom, (from, to, one(tokenId), one(1), "")), words);
    }

    /// Every way in which units move.
    function _refuseAll(address farm, address city, uint256 tokenId, bytes32 escrowId, bytes memory words) private {
        _refuseMoves(farm, farm, city, tokenId, words);
        uint64 deadline = uint64(block.timestamp + 1);
        _refuse(farm, abi.encodeCall(_asset.escrow, (tokenId, 1, city, bytes32("line"), deadline)), words);
        _refuse(city, abi.encodeCall(_asset.accept, (escrowId)), words);
        _refuse(city, abi.encodeCall(_asset.giveBack, (escrowId)), words);
        RetirementRequest memory request = claim(1, tokenId, 1);
        request.ref = "another";
        _refuse(farm, abi.encodeCall(_asset.retire, (request)), words);
        _refuse(farm, abi.encodeCall(_asset.cancel, (tokenId, 1, "a reason")), words);
        address former = changeKey(FARM);
        _refuse(signer(FARM), abi.encodeCall(_asset.followKey, (former, tokenId)), words);
        vm.prank(operatorOf(FARM));
        _registry.rotateMemberKey(memberId(FARM), former);
    }
}
