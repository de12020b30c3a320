"""The genesis file says what Besu was seen to start with, and block 0 is made of nothing that is not understood."""

import json
from dataclasses import replace
from typing import Any

import pytest
from greenlane.adapters.evm.artifacts import NotEncodable, runtime_bytecode
from greenlane.core.errors import InvalidInput
from greenlane.core.header import HeaderInvalid, genesis_extra
from greenlane.core.seals import ValidatorMode
from greenlane.core.units import Address, CenterId
from greenlane_node.founding.genesis import GenesisRefused, genesis_block, genesis_bytes, genesis_hash, genesis_value
from greenlane_node.planning.plan import ANCHOR_LOG, PILOT_REGISTRY
from worlds.plans import network_of, planned_center, planned_network

# Read from a network of Besu 26.8.0 that ran, not from the code under test.
MIX_HASH = "0x63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365"
NO_VALIDATORS = "0xe5a0" + "00" * 32 + "c0c080c0"
EMPTY_TRIE = "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"


def test_a_network_by_contract_names_the_registry_and_no_validators() -> None:
    value: Any = genesis_value(network_of(4))
    assert {key: value[key] for key in value if key != "alloc"} == {
        "config": {
            "chainId": 20262,
            "berlinBlock": 0,
            "londonBlock": 0,
            "shanghaiTime": 0,
            "cancunTime": 0,
            "zeroBaseFee": True,
            "qbft": {
                "blockperiodseconds": 2,
                "epochlength": 30_000,
                "requesttimeoutseconds": 4,
                "validatorcontractaddress": "0x0000000000000000000000000000000000007001",
            },
        },
        "nonce": "0x0",
        "timestamp": "0x6b49d200",
        "gasLimit": "0x1c9c380",
        "difficulty": "0x1",
        "mixHash": MIX_HASH,
        "coinbase": "0x" + "00" * 20,
        "extraData": NO_VALIDATORS,
    }


def test_a_network_by_header_names_its_validators_and_no_contract() -> None:
    plan = network_of(4, ValidatorMode.HEADER)
    value: Any = genesis_value(plan)
    assert value["config"]["qbft"] == {"blockperiodseconds": 2, "epochlength": 30_000, "requesttimeoutseconds": 4}
    assert value["extraData"] == "0x" + genesis_extra(center.validator.address for center in plan.centers).hex()


@pytest.mark.parametrize("mode", ValidatorMode)
def test_the_contracts_stand_in_every_genesis_with_their_code(mode: ValidatorMode) -> None:
    value: Any = genesis_value(network_of(4, mode))
    assert {account: told["code"] for account, told in value["alloc"].items()} == {
        "0000000000000000000000000000000000007001": "0x" + runtime_bytecode("PilotRegistry").hex(),
        "0000000000000000000000000000000000007002": "0x" + runtime_bytecode("AnchorLog").hex(),
        "0000000000000000000000000000000000007003": "0x" + runtime_bytecode("EvidenceRegister").hex(),
        "0000000000000000000000000000000000007004": "0x" + runtime_bytecode("GreenAsset").hex(),
    }
    assert {told["balance"] for told in value["alloc"].values()} == {"0x0"}


@pytest.mark.parametrize("mode", ValidatorMode)
def test_a_network_that_was_founded_before_green_assets_keeps_its_genesis(mode: ValidatorMode) -> None:
    plan = network_of(4, mode)
    older: Any = genesis_value(replace(plan, has_green_assets=False))
    newer: Any = genesis_value(plan)
    assert list(older["alloc"]) == [PILOT_REGISTRY.hex(), ANCHOR_LOG.hex()]
    assert newer == {**older, "alloc": {**older["alloc"], **{at: newer["alloc"][at] for at in list(newer["alloc"])[2:]}}}


def test_the_validator_set_lies_in_slot_0_where_besu_and_proofs_read_it() -> None:
    plan = network_of(5)
    value: Any = genesis_value(plan)
    storage = value["alloc"][PILOT_REGISTRY.hex()]["storage"]
    # keccak256 of 32 zero bytes.
    first = 0x290DECD9548B62A8D60345A988386FC84BA6BC95484008F6362F93160EF3E563
    assert int(storage["0x" + "00" * 32], 16) == 5
    assert [storage[f"0x{first + seat:064x}"] for seat in range(5)] == [
        "0x" + center.validator.address.rjust(32, b"\x00").hex() for center in plan.centers
    ]


def test_the_file_is_the_value_and_ascii_whatever_the_names() -> None:
    plan = planned_network(replace(planned_center(0), name="苹果 🍏"))
    data = genesis_bytes(plan)
    assert data.isascii()
    assert json.loads(data) == genesis_value(plan)
    assert genesis_hash(plan) == genesis_block(json.loads(data)).block_hash()


@pytest.mark.parametrize(
    ("plan", "where"),
    [
        (replace(network_of(4), genesis_time=0), "/genesis_time"),
        (replace(network_of(4), minimum_centers=0), "/minimum_centers"),
        (replace(network_of(4), voting_period_s=0), "/voting_period_s"),
        (replace(network_of(4), term_length_s=-1), "/term_length_s"),
        (replace(network_of(3), minimum_centers=4), "/centers"),
        (planned_network(minimum_centers=1), "/centers"),
        (network_of(101), "/centers"),
        (planned_network(planned_center(0), replace(planned_center(1), economy="Pe")), "/centers/1"),
        (planned_network(planned_center(0), replace(planned_center(1), id=CenterId("Lima"))), "/centers/1"),
        (planned_network(planned_center(0), replace(planned_center(1), log_key=b"\x01" * 31)), "/centers/1"),
        (planned_network(planned_center(0), replace(planned_center(1), operator=Address(b"\x01" * 19))), "/centers/1"),
        (planned_network(planned_center(0), planned_center(0)), "/centers/1"),
    ],
)
def test_what_the_registry_would_refuse_is_refused_with_its_place(plan: Any, where: str) -> None:
    with pytest.raises(GenesisRefused) as refused:
        genesis_value(plan)
    assert refused.value.where == where


def test_a_number_beyond_the_registry_is_refused() -> None:
    with pytest.raises(NotEncodable):
        genesis_value(replace(network_of(4), genesis_time=2**64))


def empty_genesis() -> dict[str, Any]:
    value = genesis_value(network_of(1))
    return {**value, "alloc": {}}


def test_an_empty_alloc_has_the_root_of_an_empty_trie() -> None:
    assert genesis_block(empty_genesis()).state_root.hex() == EMPTY_TRIE


def test_words_and_accounts_that_are_nothing_by_another_spelling_make_the_same_block() -> None:
    plain = genesis_block({**empty_genesis(), "alloc": {"0x" + "11" * 20: {"balance": "0x1"}}})
    spelt: Any = {"nonce": "0x0", "balance": "0x01", "code": "0x", "storage": {"0x0": "0x0", "0x1": "0x" + "00" * 32}}
    assert genesis_block({**empty_genesis(), "alloc": {"11" * 20: spelt}}) == plain
    other = genesis_block({**empty_genesis(), "alloc": {"11" * 20: {**spelt, "nonce": "0x1"}}})
    assert other.state_root != plain.state_root


def test_a_base_fee_of_block_0_is_taken_where_it_is_written() -> None:
    assert genesis_block(empty_genesis()).base_fee_per_gas == 10**9
    assert genesis_block({**empty_genesis(), "baseFeePerGas": "0x0"}).base_fee_per_gas == 0


CONFIG = empty_genesis()["config"]
ACCOUNT = "11" * 20


@pytest.mark.parametrize(
    "change",
    [
        {"config": []},
        {"config": {**CONFIG, "londonBlock": 1}},
        {"config": {**CONFIG, "shanghaiTime": 5}},
        {"config": {**CONFIG, "pragueTime": 0}},
        {"config": {key: CONFIG[key] for key in CONFIG if key != "cancunTime"}},
        {"parentHash": "0x" + "00" * 32},
        {"gasLimit": 30_000_000},
        {"gasLimit": "30000000"},
        {"gasLimit": "0x"},
        {"gasLimit": "0x" + "1" * 65},
        {"gasLimit": "0x" + "1" * 17},
        {"nonce": "0x" + "1" * 17},
        {"baseFeePerGas": 7},
        {"timestamp": None},
        {"mixHash": MIX_HASH[:-2]},
        {"coinbase": "0x0"},
        {"extraData": "0xzz"},
        {"extraData": "0xc0"},
        {"extraData": NO_VALIDATORS + "00"},
        {"alloc": []},
        {"alloc": {ACCOUNT: "0x1"}},
        {"alloc": {ACCOUNT: {"balance": 1}}},
        {"alloc": {ACCOUNT: {"code": "0x1"}}},
        {"alloc": {ACCOUNT: {"storage": []}}},
        {"alloc": {ACCOUNT: {"storage": {"zero": "0x1"}}}},
        {"alloc": {ACCOUNT: {"storage": {"0x0": 1}}}},
        {"alloc": {ACCOUNT: {"colour": "0x1"}}},
        {"alloc": {ACCOUNT[2:]: {}}},
        {"alloc": {"0x": {}}},
    ],
    ids=str,
)
def test_no_block_is_made_of_what_is_not_understood(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        genesis_block({**empty_genesis(), **change})
    assert isinstance(refused.value, GenesisRefused | HeaderInvalid)


@pytest.mark.parametrize("field", sorted(empty_genesis()))
def test_a_genesis_lacks_nothing(field: str) -> None:
    value = empty_genesis()
    del value[field]
    with pytest.raises(GenesisRefused):
        genesis_block(value)
