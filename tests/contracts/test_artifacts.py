"""The compiled contracts that are package data are what the house relies on; `make check` compares them with their sources."""

import json
import re
import sys
from importlib import util
from pathlib import Path
from types import ModuleType

import pytest
from greenlane.adapters.evm.bindings import CONTRACT_NAMES, artifact
from greenlane.core.anchoring import ANCHORED_SIGNATURE, ROOTS_SLOT
from greenlane.core.crypto import keccak256

ROOT = Path(__file__).resolve().parents[2]


def load_compiler() -> ModuleType:
    path = ROOT / "scripts" / "contracts" / "compile.py"
    spec = util.spec_from_file_location("greenlane_compile_contracts", path)
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def committed(name: str) -> bytes:
    return (ROOT / "api" / "greenlane" / "adapters" / "evm" / "abi" / f"{name}.json").read_bytes()


@pytest.mark.parametrize(
    ("name", "labels"), [("AnchorLog", ["_roots", "_heads", "_registry"]), ("PilotRegistry", ["_validators"])]
)
def test_the_slots_read_from_outside_stand_where_they_are_looked_for(name: str, labels: list[str]) -> None:
    layout = json.loads(committed(name))["storageLayout"]
    assert [(item["label"], item["slot"], item["offset"]) for item in layout[: len(labels)]] == [
        (label, slot, 0) for slot, label in enumerate(labels)
    ]
    assert ROOTS_SLOT == 0


def test_the_event_that_core_looks_for_is_the_one_the_contract_emits() -> None:
    root, center = b"\x11" * 32, b"lima".ljust(32, b"\x00")
    topics = [keccak256(ANCHORED_SIGNATURE.encode()), center, (7).to_bytes(32, "big")]
    told = artifact("AnchorLog").event(topics, root + (3).to_bytes(32, "big"))
    assert told is not None
    assert told.name == "Anchored"
    assert told.arguments == {"centerId": "lima", "treeSize": 7, "root": "0x" + "11" * 32, "previousSize": 3}


def test_compilers_agree_on_their_settings() -> None:
    settings = load_compiler().SETTINGS
    forge = (ROOT / "foundry.toml").read_text()
    ape = (ROOT / "ape-config.yaml").read_text()
    version = json.loads((ROOT / "package.json").read_text())["dependencies"]["solc"]
    assert f'evm_version = "{settings["evmVersion"]}"' in forge
    assert f"evm_version: {settings['evmVersion']}" in ape
    assert f"optimizer_runs = {settings['optimizer']['runs']:_}" in forge
    assert f"optimization_runs: {settings['optimizer']['runs']}" in ape
    assert f"version: {version}" in ape


@pytest.mark.parametrize("name", CONTRACT_NAMES)
def test_every_error_is_provoked_by_some_test(name: str) -> None:
    tests = [*(ROOT / "contracts" / "test").glob("*.sol"), *(ROOT / "tests" / "contracts" / "ape").glob("*.py")]
    text = "\n".join(path.read_text() for path in tests)
    errors = {item["name"] for item in json.loads(committed(name))["abi"] if item["type"] == "error"}
    assert {error for error in errors if not re.search(rf"\b{error}\b", text)} == set()
