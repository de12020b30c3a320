"""Two of three centers revoke a statement: its units move no more, and whoever asks is told why."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from greenlane.core.exits import Exit
from greenlane.ports.asset_ledger import Placement
from greenlane_node.cli.program import main
from worlds.asset_chain import COOPERATIVE
from worlds.asset_network import AssetNetwork, asset_network
from worlds.green_assets import COCOA

pytestmark = pytest.mark.chain


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AssetNetwork]:
    with asset_network(tmp_path_factory.mktemp("challenge") / "home") as network:
        yield network


@pytest.fixture
def network(made: AssetNetwork, tmp_path: Path) -> Iterator[AssetNetwork]:
    with made.fresh(tmp_path / "home") as fresh:
        yield fresh


def admitted(network: AssetNetwork) -> str:
    """The digest of a statement that counts, as people write it."""
    ((stated, proof),) = network.chain.evidence(network.chain.statement())
    data = network.asset.encode_issue(stated, proof, Placement(vintage_after=0, serial_after=0), 1)
    network.chain.send(network.key(COOPERATIVE), network.assets.green_asset, data)
    return "0x" + stated.digest(network.chain.register_domain).hex()


def run(network: AssetNetwork, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    capsys.readouterr()
    code = main(["assets", *words, "--home", str(network.home), "--json"])
    said = capsys.readouterr()
    return code, json.loads(said.out or said.err)


def test_a_quorum_revokes_and_the_last_reason_stands(network: AssetNetwork, capsys: pytest.CaptureFixture[str]) -> None:
    digest = admitted(network)
    code, told = run(network, capsys, "status", digest)
    assert (code, told["revoked"], told["class"], told["certifier"]) == (0, False, COCOA.id, "certifier of tianjin")
    votes = (("lima", "The lot does not exist."), ("ho-chi-minh", "The facility says that it made no such lot."))
    for number, (center, reason) in enumerate(votes, 1):
        code, told = run(network, capsys, "challenge", digest, "--reason", reason, "--center", center)
        assert (code, told["voter"], told["carried"]) == (0, center, number == 2), told
        # As long as it is open, whoever asks sees what is wanted, and why.
        _, status = run(network, capsys, "status")
        assert [(one["to"], one["about"], one["reason"], one["votes"], one["needed"]) for one in status["open_motions"]] == [
            ("challenge", digest, reason, 1, 2)
        ][: 2 - number]
    assert told["result"].startswith("The statement is revoked")
    assert network.register.revocation(bytes.fromhex(digest[2:])) == votes[1][1]
    for center in ("lima", "tianjin"):
        code, told = run(network, capsys, "challenge", digest, "--reason", "Again.", "--center", center)
        assert (code, told["was_so"], told["transaction"]) == (0, True, None)
    code, told = run(network, capsys, "status", digest)
    assert (told["revoked"], told["reason"], told["carried"]) == (True, votes[1][1], True)


@pytest.mark.parametrize("reason", ["", "é" * 129])
def test_a_reason_that_is_none_or_too_long_is_refused(
    network: AssetNetwork, capsys: pytest.CaptureFixture[str], reason: str
) -> None:
    code, told = run(network, capsys, "challenge", admitted(network), "--reason", reason, "--center", "lima")
    assert (code, told["errors"][0]["code"]) == (Exit.USAGE, "asset-vote-refused")
    assert "1 to 256 bytes" in told["errors"][0]["detail"]


def test_where_many_operators_keys_lie_one_is_chosen(network: AssetNetwork, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = run(network, capsys, "pause")
    assert (code, told["errors"][0]["code"]) == (Exit.USAGE, "not-found")
    assert "--center" in told["errors"][0]["remedy"]
    code, told = run(network, capsys, "pause", "--center", "tianjin")
    assert (code, told["votes"], told["needed"]) == (0, 1, 2)
