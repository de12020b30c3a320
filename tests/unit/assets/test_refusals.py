"""Each error of the contracts has words, and the table is exactly that of the contracts."""

import json
import re
from pathlib import Path

import pytest
from greenlane.core.assets.quantity import Unit
from greenlane.core.assets.refusals import MEANINGS, REFUSALS, Argument, AssetRefused, refusal
from greenlane.core.crypto import sha256

ABI = Path(__file__).parents[3] / "api" / "greenlane" / "adapters" / "evm" / "abi"
ACCOUNT = "0x" + "Ab" * 20
SAMPLES: dict[str, Argument] = {
    "digest": sha256(b"digest"),
    "token": int.from_bytes(sha256(b"token"), "big"),
    "account": ACCOUNT,
    "name": b"cocoa-df".ljust(32, b"\x00"),
    "economy": b"PE",
    "number": 7,
    "quantity": 1500,
    "day": 20_545,
    "time": 1_790_000_000,
    "model": 4,
    "field": "unit",
    "flag": True,
}


def errors_of(contract: str) -> dict[str, list[tuple[str, str]]]:
    """Errors of a contract's ABI: name and type of each argument."""
    abi = json.loads((ABI / f"{contract}.json").read_text())["abi"]
    return {
        item["name"]: [(argument["name"], argument["type"]) for argument in item["inputs"]]
        for item in abi
        if item["type"] == "error"
    }


def test_the_table_is_that_of_the_contracts_no_error_more_and_none_less() -> None:
    green_asset, register = errors_of("GreenAsset"), errors_of("EvidenceRegister")
    assert {name: green_asset[name] for name in green_asset.keys() & register} == {
        name: register[name] for name in green_asset.keys() & register
    }
    told = green_asset | register
    assert sorted(told) == sorted(REFUSALS)
    for name, arguments in told.items():
        known = REFUSALS[name].arguments
        assert [argument for argument, _ in known] == [argument for argument, _ in arguments], name
        assert all(kind in MEANINGS[meaning] for (_, meaning), (_, kind) in zip(known, arguments, strict=True)), name


@pytest.mark.parametrize("name", REFUSALS)
def test_every_refusal_says_what_is_wrong_and_what_helps(name: str) -> None:
    detail, remedy = refusal(name, [SAMPLES[meaning] for _, meaning in REFUSALS[name].arguments])
    for sentence in (detail, remedy):
        assert re.fullmatch(r"[A-Z0-9].*\.", sentence), sentence
        assert "{" not in sentence
        assert not re.search(r"\b(simulat\w*|revert\w*|transaction)\b", sentence.lower())


def test_arguments_are_shown_as_people_know_them() -> None:
    kilograms = Unit(code="KGM", decimals=3)
    asked: list[Argument] = [sha256(b"d"), 1500, 2000]
    assert refusal("MoreThanEvidenced", asked, kilograms)[0] == "The evidence leaves 1.5 kg; asked for were 2 kg."
    assert "1500 of the smallest units" in refusal("MoreThanEvidenced", asked)[0]
    assert "2026-04-02 to 2026-04-03" in refusal("InvalidVintage", [20_545, 20_546])[0]
    assert "2026-09-21T14:13:20Z" in refusal("DeadlineOver", [bytes(32), 1_790_000_000])[0]
    assert "mass-balance before, and the statement says segregated" in refusal("CustodyUpgraded", [bytes(32), 4, 2])[0]
    assert "0x" + "ab" * 20 in refusal("NotMember", [ACCOUNT])[0]
    assert "0x" + "ab" * 20 in refusal("NotMember", [bytes([0xAB] * 20)])[0]
    assert "class cocoa-df" in refusal("UnknownClass", [b"cocoa-df".ljust(32, b"\x00")])[0]
    assert refusal("PauseUnchanged", [True])[0] == "Movements are stopped already."
    assert refusal("PauseUnchanged", [False])[0] == "Movements are going on already."


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("UnknownClass", [b"\xff" * 32]),
        ("UnknownClass", [bytes(32)]),
        ("UnknownClass", [b"a\nb".ljust(32, b"\x00")]),
        ("UnknownClass", ["text"]),
        ("InvalidVintage", [2**32 - 1, -1]),
        ("InvalidDeadline", [2**64 - 1]),
        ("InvalidDeadline", ["soon"]),
        ("CustodyUpgraded", [bytes(32), 0, 9]),
        ("LotCounted", [5, -1, "x", b"y"]),
        ("MoreThanEvidenced", [b"", "many", b"few"]),
        ("ClassDiffers", [b"", "x" * 10_000]),
    ],
)
def test_whatever_stands_in_the_arguments_there_are_words(name: str, arguments: list[Argument]) -> None:
    detail, remedy = refusal(name, arguments)
    assert detail.endswith(".")
    assert len(detail) < 400
    assert remedy.endswith(".")
    assert detail.isprintable()


@pytest.mark.parametrize("name", ["", "SomethingElse", "NotMember", "a\x1b[2J", "x" * 500])
def test_what_is_not_of_these_contracts_is_told_as_that(name: str) -> None:
    detail, remedy = refusal(name, [])
    assert detail.startswith("The contract refused it without words that are known here")
    assert detail.isprintable()
    assert len(detail) < 220
    assert "operator" in remedy


def test_a_refusal_carries_the_contract_s_name_and_our_words() -> None:
    refused = AssetRefused("NotMember", ACCOUNT)
    assert refused.contract_error == "NotMember"
    assert refused.arguments == (ACCOUNT,)
    assert refused.code == "asset-refused"
    assert (refused.detail, refused.remedy) == refusal("NotMember", [ACCOUNT])
