"""Every error that the registry declares has words of its own."""

import json
from importlib import resources
from typing import Any

import pytest
from greenlane.adapters.evm.bindings import ContractRefused
from greenlane_node.registry.refusals import _WORDS, in_words


def declared() -> dict[str, list[dict[str, Any]]]:
    text = resources.files("greenlane.adapters.evm").joinpath("abi", "PilotRegistry.json").read_text(encoding="utf-8")
    return {item["name"]: item["inputs"] for item in json.loads(text)["abi"] if item["type"] == "error"}


def test_the_table_is_that_of_the_contract() -> None:
    assert set(_WORDS) == set(declared())


@pytest.mark.parametrize("name", sorted(_WORDS))
def test_each_is_a_sentence_with_its_facts(name: str) -> None:
    inputs = declared()[name]
    arguments: dict[str, object] = {one["name"]: 3 if one["type"].startswith("uint") else f"the-{one['name']}" for one in inputs}
    refused = in_words(ContractRefused(name, arguments))
    assert refused.name == name
    assert refused.detail.endswith(".")
    assert "{" not in refused.detail + refused.remedy


def test_what_no_table_knows_keeps_its_name_and_facts() -> None:
    for refused in (ContractRefused("Sunspots", {"count": 3}), ContractRefused("BelowMinimum", {"left": 3})):
        told = in_words(refused)
        assert (told.name, told.detail) == (refused.name, refused.detail)


def test_numbers_that_mean_something_are_words() -> None:
    assert "which is suspended" in in_words(ContractRefused("WrongStatus", {"centerId": "lima", "status": 3})).detail
    taken = in_words(ContractRefused("AccountTaken", {"account": "0x11", "duty": 2, "centerId": "lima"}))
    assert "is anchorer of lima" in taken.detail
    assert (
        "2026-11-23T16:00:00Z"
        in in_words(ContractRefused("NominationOpen", {"centerId": "lima", "expiresAt": 1795449600})).detail
    )
