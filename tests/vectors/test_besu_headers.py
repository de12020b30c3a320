"""Headers that a running QBFT network sealed: every one reads, hashes and judges as the nodes said."""

import json
from pathlib import Path
from typing import Any

import pytest
from greenlane.core.header import Header, decode_extra, encode_extra, genesis_extra, header_from_rpc
from greenlane.core.sealing import quorum, signers, verify_header
from greenlane.core.seals import ValidatorMode
from greenlane.core.units import Address

FOLDERS = {ValidatorMode.HEADER: "blockheader_mode", ValidatorMode.CONTRACT: "contract_mode"}
MODES = pytest.mark.parametrize("mode", list(ValidatorMode))


def recorded(shared_data: Path, mode: ValidatorMode, name: str) -> Any:
    return json.loads((shared_data / "besu" / FOLDERS[mode] / f"{name}.json").read_bytes())


def raw(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def addresses(texts: list[str]) -> tuple[Address, ...]:
    return tuple(Address(raw(text)) for text in texts)


@pytest.mark.conformance
@MODES
def test_every_header_is_the_same_from_both_answers_of_the_node_and_has_its_hash(shared_data: Path, mode: ValidatorMode) -> None:
    answers = recorded(shared_data, mode, "headers")
    in_rlp = recorded(shared_data, mode, "raw_headers")
    assert len(answers) == len(in_rlp) == {ValidatorMode.HEADER: 58, ValidatorMode.CONTRACT: 27}[mode]
    for answer in answers:
        header = header_from_rpc(answer)
        rlp = raw(in_rlp[str(header.number)])
        assert header.encode() == rlp
        assert Header.decode(rlp) == header
        assert header.block_hash() == raw(answer["hash"])


@pytest.mark.conformance
@MODES
def test_every_seal_is_by_whom_the_recording_says_in_every_round(shared_data: Path, mode: ValidatorMode) -> None:
    in_rlp = recorded(shared_data, mode, "raw_headers")
    vectors = recorded(shared_data, mode, "test_vectors")
    rounds = set()
    for vector in vectors:
        header = Header.decode(raw(in_rlp[str(vector["number"])]))
        assert header.seal_hash() == raw(vector["commitSealHash"])
        assert (header.seal_hash() == header.block_hash()) == (header.extra.round == 0)
        assert header.extra.round == vector["round"]
        assert set(signers(header)) == set(addresses(vector["sealSigners"]))
        assert quorum(len(vector["validatorSet"])) == vector["requiredSeals"]
        verify_header(header, addresses(vector["validatorSet"]), mode)
        rounds.add(header.extra.round)
    assert len(vectors) == {ValidatorMode.HEADER: 57, ValidatorMode.CONTRACT: 26}[mode]
    assert rounds == {ValidatorMode.HEADER: {0, 1, 5}, ValidatorMode.CONTRACT: {0, 1}}[mode]


@pytest.mark.conformance
@MODES
def test_the_extra_data_is_written_as_the_nodes_write_it(shared_data: Path, mode: ValidatorMode) -> None:
    for vector in recorded(shared_data, mode, "test_vectors"):
        for_block = decode_extra(raw(vector["extraDataForBlockHash"]))
        for_seals = decode_extra(raw(vector["extraDataForCommitSeals"]))
        assert (for_block.round, for_seals.round) == (0, vector["round"])
        assert (for_block.seals, for_seals.seals) == ((), ())
        assert encode_extra(for_block) == raw(vector["extraDataForBlockHash"])
        assert encode_extra(for_seals) == raw(vector["extraDataForCommitSeals"])


@pytest.mark.conformance
@MODES
def test_the_first_extra_data_is_the_one_that_the_network_started_from(shared_data: Path, mode: ValidatorMode) -> None:
    first = addresses(recorded(shared_data, mode, "validators_by_block")["0"])
    named = first if mode is ValidatorMode.HEADER else ()
    assert genesis_extra(reversed(named)) == raw(recorded(shared_data, mode, "genesis")["extraData"])


@pytest.mark.conformance
def test_votes_are_read_where_the_recording_has_them(shared_data: Path) -> None:
    mode = ValidatorMode.HEADER
    fifth = addresses([recorded(shared_data, mode, "nodes")[5]["address"]])[0]
    votes = {}
    for number, text in recorded(shared_data, mode, "raw_headers").items():
        vote = Header.decode(raw(text)).extra.vote
        if vote is not None:
            votes[int(number)] = (vote.validator, vote.is_for_adding)
    assert {number for number, vote in votes.items() if vote == (fifth, True)} >= {606, 607, 608}
    assert {number for number, vote in votes.items() if vote == (fifth, False)} >= {616, 617, 620}
    assert len(set(votes.values())) == 2
