"""Block 0 as running Besu networks made it out of their genesis files."""

import json
from pathlib import Path
from typing import Any

import pytest
from greenlane.core.canonical import JsonValue
from greenlane.core.header import header_from_rpc
from greenlane_node.founding.genesis import genesis_block

pytestmark = pytest.mark.conformance
FOLDERS = ("blockheader_mode", "contract_mode")


def recorded(shared_data: Path, folder: str) -> tuple[dict[str, JsonValue], dict[str, Any]]:
    """A network's genesis, and block 0 as a node of it told it."""
    genesis = json.loads((shared_data / "besu" / folder / "genesis.json").read_bytes())
    return genesis, json.loads((shared_data / "besu" / folder / "headers.json").read_bytes())[0]


@pytest.mark.parametrize("folder", FOLDERS)
def test_block_0_is_computed_as_besu_makes_it(shared_data: Path, folder: str) -> None:
    genesis, told = recorded(shared_data, folder)
    block = genesis_block(genesis)
    assert block == header_from_rpc(told)
    assert "0x" + block.state_root.hex() == told["stateRoot"]
    assert "0x" + block.block_hash().hex() == told["hash"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_block_0_is_the_header_that_the_nodes_keep(shared_data: Path, folder: str) -> None:
    genesis, _ = recorded(shared_data, folder)
    kept = json.loads((shared_data / "besu" / folder / "raw_headers.json").read_bytes())["0"]
    assert "0x" + genesis_block(genesis).encode().hex() == kept
