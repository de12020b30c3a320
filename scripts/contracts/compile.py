"""Compiles the contracts and writes what the Python side needs of them as package data.

One JSON file a contract: ABI, creation and runtime bytecode, storage layout. The same sources always give the same bytes:
no metadata hash, no absolute path, sorted keys; tests/contracts/test_artifacts.py recompiles and compares.

    python scripts/contracts/compile.py            write
    python scripts/contracts/compile.py --check    exit 1 where what is written differs
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import solcx

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "contracts"
ARTIFACTS = ROOT / "api" / "greenlane" / "adapters" / "evm" / "abi"
SOLC = Path(__file__).with_name("solc.js")
CONTRACTS = ("AnchorLog", "EvidenceRegister", "GreenAsset", "PilotRegistry")
# The limit of EIP-170; a chain of ours could allow more, a public one would not.
RUNTIME_LIMIT_BYTES = 24_576
# Optimized less for speed than the others, or it would be over that limit.
FEWER_RUNS = {"GreenAsset": 200}
# Told once for a whole compilation that uses transient storage: OpenZeppelin's guard does, and clears it, as the warning asks.
EXPECTED_WARNINGS = frozenset({"2394"})
SETTINGS: dict[str, Any] = {
    "evmVersion": "cancun",
    "optimizer": {"enabled": True, "runs": 10_000},
    "metadata": {"bytecodeHash": "none", "appendCBOR": False},
    "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode", "storageLayout"]}},
}


def compile_contracts() -> dict[str, bytes]:
    """The artifact of each contract as the bytes of its file, by contract name.

    Raises:
        SystemExit: the compiler warns or refuses, or a contract is too large to deploy.
    """
    sources = {
        path.relative_to(ROOT).as_posix(): {"content": path.read_text()}
        for path in sorted(SOURCES.rglob("*.sol"))
        if path.relative_to(SOURCES).parts[0] != "test"
    }
    runs_of = {name: FEWER_RUNS.get(name, SETTINGS["optimizer"]["runs"]) for name in CONTRACTS}
    compiled: dict[str, bytes] = {}
    for runs in sorted(set(runs_of.values())):
        compiled |= compile_sources(sources, {name: f"contracts/{name}.sol" for name in CONTRACTS if runs_of[name] == runs}, runs)
    return compiled


def compile_sources(
    sources: dict[str, dict[str, str]], contracts: dict[str, str], runs: int = SETTINGS["optimizer"]["runs"]
) -> dict[str, bytes]:
    """The artifacts of contracts as `compile_contracts` writes them, of whatever sources.

    Args:
        sources: as the compiler takes them: {"content": text} by path.
        contracts: path of each wanted contract, by its name; no other is compiled to code.
        runs: how often the optimizer supposes that each instruction will be run.

    Raises:
        SystemExit: as `compile_contracts`.
    """
    wanted = SETTINGS["outputSelection"]["*"]["*"]
    # One file may hold several of them.
    selection: dict[str, dict[str, list[str]]] = {path: {} for path in contracts.values()}
    for name, path in contracts.items():
        selection[path][name] = wanted
    settings = SETTINGS | {"optimizer": SETTINGS["optimizer"] | {"runs": runs}, "outputSelection": selection}
    answer = solcx.compile_standard({"language": "Solidity", "sources": sources, "settings": settings}, solc_binary=str(SOLC))
    complaints = [error["formattedMessage"] for error in answer.get("errors", []) if error["errorCode"] not in EXPECTED_WARNINGS]
    if complaints:
        raise SystemExit("\n".join(complaints))
    return {name: _artifact(name, answer["contracts"][path][name]) for name, path in contracts.items()}


def _artifact(name: str, compiled: dict[str, Any]) -> bytes:
    runtime = compiled["evm"]["deployedBytecode"]
    if runtime["immutableReferences"]:
        raise SystemExit(f"{name} has immutables: its runtime code would differ from network to network.")
    if len(runtime["object"]) // 2 > RUNTIME_LIMIT_BYTES:
        raise SystemExit(f"{name} has {len(runtime['object']) // 2} bytes of code, over {RUNTIME_LIMIT_BYTES}.")
    layout = compiled["storageLayout"]
    content = {
        "name": name,
        "abi": compiled["abi"],
        "bytecode": "0x" + compiled["evm"]["bytecode"]["object"],
        "runtimeBytecode": "0x" + runtime["object"],
        "storageLayout": [_variable(item) for item in layout["storage"]],
        "storageTypes": {name: _storage_type(kind) for name, kind in (layout["types"] or {}).items()},
    }
    return (json.dumps(content, indent=1, sort_keys=True) + "\n").encode()


def _variable(item: dict[str, Any]) -> dict[str, Any]:
    return {"label": item["label"], "offset": item["offset"], "slot": int(item["slot"]), "type": item["type"]}


def _storage_type(kind: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {name: kind[name] for name in ("encoding", "label", "key", "value", "base") if name in kind}
    told["bytes"] = int(kind["numberOfBytes"])
    if "members" in kind:
        told["members"] = [_variable(item) for item in kind["members"]]
    return told


def main() -> int:
    """Writes or checks the artifacts; the exit code."""
    parser = argparse.ArgumentParser(description="Compile the contracts into package data.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where an artifact is out of date")
    is_check = parser.parse_args().check
    stale = []
    for name, content in compile_contracts().items():
        path = ARTIFACTS / f"{name}.json"
        if not path.exists() or path.read_bytes() != content:
            stale.append(name)
            if not is_check:
                path.write_bytes(content)
        size = len(json.loads(content)["runtimeBytecode"]) // 2 - 1
        print(f"{name}: {size:,} bytes of code of {RUNTIME_LIMIT_BYTES:,}{' (changed)' if name in stale else ''}")
    return 1 if is_check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
