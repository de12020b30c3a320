"""State that a running QBFT network proved, and the validator sets that it went through: shown again without the network."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from greenlane.core.header import Header
from greenlane.core.sealing import (
    ChangeRefused,
    RootAbsent,
    SealForeign,
    follow,
    next_set,
    quorum,
    set_slots,
    signers,
    verify_sealed_slot,
)
from greenlane.core.seals import SealedState, Sealing, Seals, ValidatorMode, ValidatorSet
from greenlane.core.state_proof import StateProofRefused, Witness, collect_witness
from greenlane.core.units import Address, BlockNumber

FOLDERS = {ValidatorMode.HEADER: "blockheader_mode", ValidatorMode.CONTRACT: "contract_mode"}
MODES = pytest.mark.parametrize("mode", list(ValidatorMode))
REGISTRY = Address(bytes.fromhex("8888".rjust(40, "0")))
CHANGES = {ValidatorMode.HEADER: (609, 621), ValidatorMode.CONTRACT: (6, 16)}
"""Blocks that show another set than the one before: in the mode HEADER they name it, in the mode CONTRACT their state does."""
NONE = bytes(32)


def recorded(shared_data: Path, mode: ValidatorMode, name: str) -> Any:
    return json.loads((shared_data / "besu" / FOLDERS[mode] / f"{name}.json").read_bytes())


def raw(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def word(text: str) -> bytes:
    return int(text, 16).to_bytes(32, "big")


def addresses(texts: list[str]) -> tuple[Address, ...]:
    return tuple(Address(raw(text)) for text in texts)


def rlp(shared_data: Path, mode: ValidatorMode, number: int) -> bytes:
    return raw(recorded(shared_data, mode, "raw_headers")[str(number)])


def nodes(proof: list[str]) -> list[bytes]:
    return [raw(node) for node in proof]


def whole_witness(answer: dict[str, Any]) -> Witness:
    return Witness(collect_witness(nodes(answer["accountProof"]), *(nodes(slot["proof"]) for slot in answer["storageProof"])))


def registry_state(shared_data: Path, number: int) -> SealedState:
    answer = recorded(shared_data, ValidatorMode.CONTRACT, "validator_contract_proofs")[str(number)]
    proofs = {word(slot["key"]): slot for slot in answer["storageProof"]}
    slots = set_slots(int(proofs[NONE]["value"], 16))
    witness = collect_witness(nodes(answer["accountProof"]), *(nodes(proofs[slot]["proof"]) for slot in slots))
    return SealedState(header=rlp(shared_data, ValidatorMode.CONTRACT, number), witness=witness)


def changes(shared_data: Path, mode: ValidatorMode) -> tuple[SealedState, ...]:
    if mode is ValidatorMode.CONTRACT:
        return tuple(registry_state(shared_data, number) for number in CHANGES[mode])
    return tuple(SealedState(header=rlp(shared_data, mode, number), witness=()) for number in CHANGES[mode])


def first_day(shared_data: Path, mode: ValidatorMode) -> Sealing:
    validators = addresses(recorded(shared_data, mode, "validators_by_block")["0"])
    return Sealing(mode=mode, sets=(ValidatorSet(seals_from=BlockNumber(1), validators=validators),))


def sealer(shared_data: Path, mode: ValidatorMode, number: int) -> set[Address]:
    """Who sealed a block, as the node said: in the mode CONTRACT it answers for the next one."""
    told = recorded(shared_data, mode, "validators_by_block")
    return set(addresses(told[str(number if mode is ValidatorMode.HEADER else number - 1)]))


@pytest.mark.conformance
@MODES
@pytest.mark.parametrize("name", ["proofs", "validator_contract_proofs"])
def test_every_account_and_slot_is_shown_by_exactly_the_nodes_the_network_gave(
    shared_data: Path, mode: ValidatorMode, name: str
) -> None:
    if (mode, name) == (ValidatorMode.HEADER, "validator_contract_proofs"):
        # The set stands in the headers there: nothing was recorded of a contract that holds it.
        assert not (shared_data / "besu" / FOLDERS[mode] / f"{name}.json").exists()
        return
    absent = present = slots = 0
    for number, answer in recorded(shared_data, mode, name).items():
        state_root = Header.decode(rlp(shared_data, mode, int(number))).state_root
        witness = whole_witness(answer)
        account = witness.account(state_root, Address(raw(answer["address"])))
        if account is None:
            absent += 1
            assert int(answer["nonce"], 16) == int(answer["balance"], 16) == len(answer["storageProof"]) == 0
        else:
            present += 1
            assert (account.nonce, account.balance) == (int(answer["nonce"], 16), int(answer["balance"], 16))
            assert (account.storage_root, account.code_hash) == (raw(answer["storageHash"]), raw(answer["codeHash"]))
            for slot in answer["storageProof"]:
                slots += 1
                assert witness.slot(account.storage_root, word(slot["key"])) == word(slot["value"])
        witness.require_all_used()
    assert present > 0
    assert slots > present
    assert (absent > 0) == (name == "proofs")


@pytest.mark.conformance
def test_the_registry_s_list_is_the_set_that_the_nodes_name(shared_data: Path) -> None:
    mode = ValidatorMode.CONTRACT
    sealing = first_day(shared_data, mode)
    told = recorded(shared_data, mode, "validators_by_block")
    for number in map(int, recorded(shared_data, mode, "validator_contract_proofs")):
        becomes = next_set(registry_state(shared_data, number), sealing, REGISTRY)
        assert (becomes is not None) == (number in CHANGES[mode])
        if becomes is not None:
            assert becomes.seals_from == number + 1
            sealing = replace(sealing, sets=(*sealing.sets, becomes))
        assert set(sealing.sets[-1].validators) == set(addresses(told[str(number)]))


@pytest.mark.conformance
def test_the_headers_of_the_other_mode_name_the_sets_that_the_nodes_name(shared_data: Path) -> None:
    mode = ValidatorMode.HEADER
    sealing = first_day(shared_data, mode)
    for number in map(int, recorded(shared_data, mode, "raw_headers")):
        if number == 0:
            continue
        state = SealedState(header=rlp(shared_data, mode, number), witness=())
        becomes = next_set(state, sealing, REGISTRY)
        assert (becomes is not None) == (number in CHANGES[mode])
        if becomes is not None:
            assert becomes.seals_from == number
            sealing = replace(sealing, sets=(*sealing.sets, becomes))
        assert set(sealing.sets[-1].validators) == sealer(shared_data, mode, number)


@pytest.mark.conformance
@MODES
def test_the_set_is_followed_from_the_first_day_through_every_recorded_change(shared_data: Path, mode: ValidatorMode) -> None:
    sealing = follow(changes(shared_data, mode), first_day(shared_data, mode), REGISTRY)
    assert [len(each.validators) for each in sealing.sets] == [4, 5, 4]
    assert [each.seals_from for each in sealing.sets] == [1, *((609, 621) if mode is ValidatorMode.HEADER else (7, 17))]
    for each in sealing.sets[1:]:
        assert set(each.validators) == sealer(shared_data, mode, each.seals_from)


@pytest.mark.conformance
@pytest.mark.parametrize("number", CHANGES[ValidatorMode.HEADER])
def test_where_a_header_names_another_set_more_than_half_of_those_before_sealed_it(shared_data: Path, number: int) -> None:
    mode = ValidatorMode.HEADER
    before = sealer(shared_data, mode, number - 1)
    assert sealer(shared_data, mode, number) != before
    assert 2 * len(before.intersection(signers(Header.decode(rlp(shared_data, mode, number))))) > len(before)


@pytest.mark.conformance
def test_where_one_of_five_was_dropped_fewer_of_the_five_sealed_than_their_quorum(shared_data: Path) -> None:
    """Why a change in the mode HEADER asks for one less: the network's own block would be refused."""
    header = Header.decode(rlp(shared_data, ValidatorMode.HEADER, 621))
    assert len(signers(header)) == 3 == quorum(5) - 1


@pytest.mark.conformance
@MODES
def test_a_value_is_shown_in_every_block_since_it_was_stored_and_in_none_before(shared_data: Path, mode: ValidatorMode) -> None:
    told = recorded(shared_data, mode, "proofs")
    shown = 0
    for number in map(int, told):
        answer = told[str(number)]
        if number == 0 or not answer["storageProof"]:
            continue
        on_the_way = tuple(change for change in changes(shared_data, mode) if Header.decode(change.header).number < number)
        for slot in answer["storageProof"]:
            witness = collect_witness(nodes(answer["accountProof"]), nodes(slot["proof"]))
            seals = Seals(changes=on_the_way, anchored=SealedState(header=rlp(shared_data, mode, number), witness=witness))
            judge = partial(
                verify_sealed_slot,
                seals,
                sealing=first_day(shared_data, mode),
                registry=REGISTRY,
                contract=Address(raw(answer["address"])),
                slot=word(slot["key"]),
            )
            proven = judge(value=word(slot["value"]))
            assert proven.block_number == number
            assert proven.validator_count == len(sealer(shared_data, mode, number))
            assert proven.seal_count == quorum(proven.validator_count)
            with pytest.raises(RootAbsent):
                judge(value=word("0x2a"))
            shown += 1
    assert shown > 20


@pytest.mark.conformance
def test_a_change_that_is_left_out_is_missed_unless_the_block_tells_of_it(shared_data: Path) -> None:
    contract, header = ValidatorMode.CONTRACT, ValidatorMode.HEADER
    _, second = changes(shared_data, contract)
    # The fifth validator seals in between, and nobody told of it.
    with pytest.raises(SealForeign):
        follow((second,), first_day(shared_data, contract), REGISTRY)
    # In the headers every block names its set, so a later one may stand for the change.
    later = SealedState(header=rlp(shared_data, header, 620), witness=())
    assert follow((later,), first_day(shared_data, header), REGISTRY).sets[1].seals_from == 620


@pytest.mark.conformance
@MODES
def test_changes_stand_in_the_order_of_their_blocks(shared_data: Path, mode: ValidatorMode) -> None:
    first, second = changes(shared_data, mode)
    for misplaced in ((first, second, first), (first, first)):
        with pytest.raises(ChangeRefused, match="in the order of their blocks"):
            follow(misplaced, first_day(shared_data, mode), REGISTRY)


@pytest.mark.conformance
def test_the_state_of_another_block_does_not_pass(shared_data: Path) -> None:
    mode = ValidatorMode.CONTRACT
    sixth, seventh = registry_state(shared_data, 6), registry_state(shared_data, 7)
    assert next_set(sixth, first_day(shared_data, mode), REGISTRY) is not None
    # Nothing changed in block 7, so its nodes are those of block 6; those of block 5 are not.
    assert sixth.witness == seventh.witness
    with pytest.raises(StateProofRefused):
        next_set(replace(sixth, witness=registry_state(shared_data, 5).witness), first_day(shared_data, mode), REGISTRY)
