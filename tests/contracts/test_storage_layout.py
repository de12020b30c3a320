"""Values lie in storage where the compiler's own code puts them, whatever their types; and what is not understood is refused."""

import gzip
import json
from collections.abc import Mapping
from typing import Any

import pytest
from greenlane.adapters.evm.artifacts import Artifact, NotEncodable
from greenlane.core.units import Address
from greenlane_node.founding.storage_layout import StorageValue, storage_words
from web3 import Web3
from web3.types import RPCEndpoint

from .conftest import deploy
from .test_artifacts import load_compiler

SOURCE = """
// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

enum Color { Red, Green, Blue }

contract Everything {
    struct Small { bool yes; uint16 number; bytes3 mark; }
    struct Large { Small first; string text; uint8[] bytes_; Small[] more; mapping(uint64 => Small) by; }

    uint8 private _a = 0xa1;
    address private _b = address(0x1122334455667788990011223344556677889900);
    bool private _c = true;
    bytes4 private _d = 0xd1d2d3d4;
    Color private _e = Color.Blue;
    uint256 private _f = type(uint256).max;
    bytes1 private _g = 0x91;
    uint128 private _h = 1 << 127;
    uint128 private _i = 2;
    string private _empty = "";
    string private _short = "31 bytes are the most in a slot";
    string private _long = "32 bytes have a slot of their own";
    bytes private _data = hex"000102";
    uint64[] private _fives;
    address[] private _addresses;
    bytes3[] private _threes;
    string[] private _texts;
    uint8[][] private _rows;
    Large private _large;
    mapping(string => uint256) private _byText;
    mapping(bytes2 => mapping(address => Large)) private _nested;
    mapping(bool => bytes) private _byTruth;
    uint256 private _zero = 0;
    uint32 private _last = 7;

    constructor() {
        for (uint64 i = 0; i < 9; ++i) _fives.push(i * 5);
        _addresses.push(address(1));
        _addresses.push(address(2));
        for (uint8 i = 1; i < 13; ++i) _threes.push(bytes3(uint24(i) << 16 | i));
        _texts.push("a");
        _texts.push("a text that is longer than thirty-two bytes, and than sixty-four of them, too");
        _texts.push("");
        _rows.push();
        _rows.push();
        for (uint8 i = 0; i < 40; ++i) _rows[1].push(i);
        _large.first = Small(true, 515, 0x010203);
        _large.text = unicode"Hồ Chí Minh";
        _large.bytes_.push(8);
        _large.more.push(Small(false, 1, 0));
        _large.more.push(Small(true, 0, 0xffffff));
        _large.by[1 << 40] = Small(true, 2, 0);
        _byText["key"] = 1;
        _byText["a key that is longer than a word of thirty-two bytes"] = 2;
        _nested["ab"][address(3)].text = "inner";
        _nested["ab"][address(3)].by[9].number = 9;
        _byTruth[true] = "yes";
    }
}

contract Odd {
    int8 private _signed = -1;
    uint8[3] private _three;
    function (uint256) external private _call;
    uint8 private _byte;
    bytes2 private _pair;
    bool private _truth;
    string private _text;
    uint8[] private _list;
    mapping(address => uint8) private _map;
}
"""


@pytest.fixture(scope="module")
def compiled() -> dict[str, Artifact]:
    written = load_compiler().compile_sources({"all.sol": {"content": SOURCE}}, {"Everything": "all.sol", "Odd": "all.sol"})
    return {name: Artifact(json.loads(content)) for name, content in written.items()}


def number(value: int, size: int) -> bytes:
    return value.to_bytes(size, "big")


INNER: Mapping[str, StorageValue] = {"text": "inner", "by": {number(9, 8): {"number": 9}}}
EVERYTHING: dict[str, StorageValue] = {
    "_a": 0xA1,
    "_b": bytes.fromhex("1122334455667788990011223344556677889900"),
    "_c": True,
    "_d": bytes.fromhex("d1d2d3d4"),
    "_e": 2,
    "_f": 2**256 - 1,
    "_g": b"\x91",
    "_h": 1 << 127,
    "_i": 2,
    "_empty": "",
    "_short": "31 bytes are the most in a slot",
    "_long": "32 bytes have a slot of their own",
    "_data": b"\x00\x01\x02",
    "_fives": [5 * each for each in range(9)],
    "_addresses": [number(1, 20), number(2, 20)],
    "_threes": [number(each << 16 | each, 3) for each in range(1, 13)],
    "_texts": ["a", "a text that is longer than thirty-two bytes, and than sixty-four of them, too", ""],
    "_rows": [[], list(range(40))],
    "_large": {
        "first": {"yes": True, "number": 515, "mark": b"\x01\x02\x03"},
        "text": "Hồ Chí Minh",
        "bytes_": [8],
        "more": [{"number": 1}, {"yes": True, "mark": b"\xff\xff\xff"}],
        "by": {number(1 << 40, 8): {"yes": True, "number": 2}},
    },
    "_byText": {"key": 1, "a key that is longer than a word of thirty-two bytes": 2},
    "_nested": {b"ab": {number(3, 20): INNER}},
    "_byTruth": {b"\x01": "yes"},
    "_zero": 0,
    "_last": 7,
}


@pytest.mark.chain
def test_every_kind_of_value_lies_where_the_compiler_puts_it(empty_chain: Web3, compiled: dict[str, Artifact]) -> None:
    deployed = deploy(
        empty_chain, compiled["Everything"].bytecode, sender=Address(bytes.fromhex(empty_chain.eth.accounts[0][2:]))
    )
    assert storage_words(compiled["Everything"], EVERYTHING) == storage_of(empty_chain, deployed)


def storage_of(web3: Web3, contract: Address) -> dict[bytes, bytes]:
    told: Any = web3.provider.make_request(RPCEndpoint("anvil_dumpState"), [])
    state = json.loads(gzip.decompress(bytes.fromhex(told["result"][2:])))
    words = state["accounts"]["0x" + contract.hex()]["storage"]
    return {int(slot, 16).to_bytes(32, "big"): int(word, 16).to_bytes(32, "big") for slot, word in words.items() if int(word, 16)}


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"_nothing": 1}, "_nothing"),
        ({"_signed": 1}, "int8"),
        ({"_three": [1, 2, 3]}, "uint8[3]"),
        ({"_call": b"\x01" * 24}, "function"),
        ({"_byte": 256}, "256"),
        ({"_byte": -1}, "-1"),
        ({"_byte": "1"}, "_byte"),
        ({"_byte": [1]}, "_byte"),
        ({"_pair": b"a"}, "2 bytes"),
        ({"_pair": b"abc"}, "2 bytes"),
        ({"_truth": 2}, "bool"),
        ({"_text": 5}, "_text"),
        ({"_list": b"ab"}, "_list"),
        ({"_list": "ab"}, "_list"),
        ({"_map": [1]}, "_map"),
        ({"_map": {b"short": 1}}, "20 bytes"),
        ({"_map": {"0x" + "00" * 19: 1}}, "20 bytes"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(compiled: dict[str, Artifact], values: dict[str, StorageValue], named: str) -> None:
    with pytest.raises(NotEncodable) as refused:
        storage_words(compiled["Odd"], values)
    assert named in refused.value.detail


@pytest.mark.parametrize("wrong", [{"first": {"no": 1}}, {"first": 1}, {b"first": {}}], ids=str)
def test_a_struct_takes_its_members_by_name_and_no_others(compiled: dict[str, Artifact], wrong: Any) -> None:
    with pytest.raises(NotEncodable):
        storage_words(compiled["Everything"], {"_large": wrong})
