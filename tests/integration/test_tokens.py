"""`token`: what a newcomer is given reads and sends through one RPC node, and keeps neither that node nor another."""

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from greenlane.adapters.evm.tokens import RpcTokens
from greenlane.adapters.home import Home
from greenlane.core.units import CenterId
from greenlane_node.besu.access import API_PERMISSIONS, RpcAccess
from greenlane_node.cli.program import main
from greenlane_node.founding.trial import found_on_machine, trial_keystore
from greenlane_node.layout import NetworkLayout
from joserfc import jwt
from joserfc.jwk import ECKey

NODE = "rpc-tianjin"


def clock() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.delenv("GREENLANE_PASSWORD_FILE", raising=False)
    made = Home(tmp_path / "home")
    found_on_machine(made, 1, clock=clock, documents=0)
    return made


def run(home: Home, *words: object) -> int:
    return main(["token", "--home", str(home.directory), *map(str, words)])


def claims(home: Home, token: str) -> dict[str, Any]:
    key = ECKey.import_key(NetworkLayout(home).besu(NODE).jwt_key.read_bytes().decode())
    return dict(jwt.decode(token, key, algorithms=["ES256"]).claims)


def test_a_newcomer_gets_a_token_that_reads_and_sends_and_no_more(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(home, "--for", "valparaiso", "--days", 7, "--json") == 0
    said = capsys.readouterr()
    told = json.loads(said.out)
    file = home.directory / "tokens" / "for-valparaiso"
    token = file.read_text().strip()
    assert token not in said.out + said.err
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (told["file"], told["node"], told["url"]) == (str(file), NODE, "http://127.0.0.1:21304")
    assert claims(home, token)["permissions"] == list(API_PERMISSIONS)
    assert not any(one.startswith(("*", "admin", "perm")) for one in API_PERMISSIONS)
    ends = RpcAccess.of_center(trial_keystore(home), CenterId("tianjin"), clock=clock).ends_at(token)
    assert timedelta(days=6, hours=23) < ends - clock() <= timedelta(days=7)
    assert datetime.fromisoformat(told["ends"]) == ends
    # As `--token-file` takes it.
    assert RpcTokens(file).token(told["url"]) == token


def test_a_token_is_printed_where_that_is_asked_for_and_then_lies_nowhere(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted((home.directory / "tokens").iterdir())
    assert run(home, "--for", "valparaiso", "--days", 1, "--output", "-") == 0
    assert claims(home, capsys.readouterr().out.strip())["permissions"] == list(API_PERMISSIONS)
    assert run(home, "--for", "valparaiso", "--days", 1, "--output", "-", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert claims(home, told["token"])["permissions"] == list(API_PERMISSIONS)
    assert sorted((home.directory / "tokens").iterdir()) == before


def test_a_token_replaces_one_of_the_same_node_and_no_other_file(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mail" / "token"
    assert run(home, "--for", "valparaiso", "--days", 1, "--output", file) == 0
    first = file.read_text()
    assert run(home, "--for", "valparaiso", "--days", 2, "--output", file) == 0
    assert file.read_text() != first
    for data in (b"kept\n", b"\xff"):
        file.write_bytes(data)
        assert run(home, "--for", "valparaiso", "--days", 2, "--output", file) == 2
        assert "no token of this node" in capsys.readouterr().err
        assert file.read_bytes() == data


@pytest.mark.parametrize(
    "words",
    [
        ("--for", "../x", "--days", 1),
        ("--for", "", "--days", 1),
        ("--for", "x", "--days", 0),
        ("--for", "x", "--days", 99_999),
        ("--for", "x", "--days", 1, "--node", "validator-tianjin"),
        ("--for", "x", "--days", 1, "--node", "rpc-lima"),
        ("--for", "x"),
        ("--days", 1),
    ],
)
def test_what_cannot_be_makes_no_token(home: Home, words: tuple[object, ...], capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted((home.directory / "tokens").iterdir())
    assert run(home, *words) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert sorted((home.directory / "tokens").iterdir()) == before


def test_a_node_with_another_key_would_not_take_the_token(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    key = NetworkLayout(home).besu(NODE).jwt_key
    key.write_bytes(RpcAccess(bytes(range(1, 33)), clock=clock).public_key_pem())
    assert run(home, "--for", "x", "--days", 1) == 2
    assert "--rewrite" in capsys.readouterr().err


def test_a_home_without_nodes_has_no_token_to_give(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = Home(tmp_path / "nowhere")
    assert run(nowhere, "--for", "x", "--days", 1) in (2, 3)
    assert capsys.readouterr().err.count("\n") == 1
    assert not nowhere.directory.exists()
