"""The embedded network is made once, found again, and mended or refused with a word when its chain is not what it was."""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from greenlane.adapters.evm.standing import check_contracts, contracts_of_other_code
from greenlane.adapters.keystore import KeyUse
from greenlane.adapters.network_file import encode_network, load_network
from greenlane.core.errors import Conflict, NotFound
from greenlane.core.trust import encode_trust_file, parse_trust_file
from greenlane.core.units import Address, CenterId
from greenlane.core.wire import encode_hex
from greenlane.ports.ledger import LedgerMismatch
from greenlane_node.__main__ import main
from greenlane_node.embedded import anvil, deploy
from greenlane_node.embedded import network as embedded
from greenlane_node.embedded.anvil import ChainNotStarted, running_anvil
from greenlane_node.embedded.deploy import asset_addresses
from greenlane_node.embedded.network import PILOT_CENTERS, CenterPlan, EmbeddedNetwork, RunningNetwork
from greenlane_node.process import wait_until
from web3 import HTTPProvider, Web3
from web3.types import RPCEndpoint
from worlds.machine import free_port

pytestmark = pytest.mark.chain

# PUSH1 0, PUSH1 0, REVERT.
REVERTING = bytes.fromhex("60006000fd")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"
    EmbeddedNetwork.stop(tmp_path / "home")


def start(home: Path, **options: Any) -> RunningNetwork:
    port = None if (home / "embedded.json").exists() else free_port()
    return EmbeddedNetwork.start(home, **{"port": port, **options})


def web3_of(running: RunningNetwork) -> Web3:
    return Web3(HTTPProvider(running.rpc_url, exception_retry_configuration=None))


def call(running: RunningNetwork, method: str, *params: object) -> Any:
    return web3_of(running).provider.make_request(method, list(params))["result"]  # type: ignore[arg-type]


def test_a_first_start_makes_keys_contracts_description_and_trust_file(home: Path) -> None:
    with start(home) as running:
        assert [center.id for center in running.network.centers] == [plan.id for plan in PILOT_CENTERS]
        assert running.network.hosted == tuple(plan.id for plan in PILOT_CENTERS)
        assert load_network(home / "network.json") == running.network
        assert parse_trust_file((home / "trust.json").read_bytes()) == running.trust
        for center in running.network.centers:
            for name, use in (
                (center.keys.operator, KeyUse.OPERATOR),
                (center.keys.anchorer, KeyUse.ANCHORER),
                (center.keys.validator, KeyUse.VALIDATOR),
            ):
                assert name is not None
                account = running.keystore().account(name, use)
                assert bytes.fromhex(account.address[2:]) == getattr(center, use)
        for path, mode in ((home, 0o700), (home / "password", 0o600), (home / "network.json", 0o600), (home / "keys", 0o700)):
            assert stat.S_IMODE(path.stat().st_mode) == mode


def test_nobody_knows_a_key_of_the_chain_and_gas_is_free(home: Path) -> None:
    with start(home) as running:
        web3 = web3_of(running)
        assert call(running, "eth_accounts") == []
        assert web3.eth.get_balance(Web3.to_checksum_address("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266")) == 0
        assert (web3.eth.chain_id, web3.eth.gas_price) == (embedded.CHAIN_ID, 0)
        assert web3.eth.get_block("latest").get("baseFeePerGas") == 0


def test_blocks_come_by_themselves_with_the_time_of_now(home: Path) -> None:
    with start(home) as running:
        web3, began = web3_of(running), time.monotonic()
        first = web3.eth.block_number
        assert wait_until(lambda: web3.eth.block_number >= first + 2, 30)
        block = web3.eth.get_block("latest")
        # One a second, and no more; a busy machine may make us look late, or a block come late.
        assert block["number"] - first <= time.monotonic() - began + 2
        assert abs(block["timestamp"] - time.time()) < 5


def test_every_later_start_finds_the_same_network_also_after_kill_9(home: Path) -> None:
    first = start(home)
    first.stop()
    for place in range(6):
        again = start(home)
        assert not again.was_running
        assert (again.network, again.trust) == (first.network, first.trust)
        assert bytes(web3_of(again).eth.get_block(0)["hash"]) == first.network.genesis_hash
        # Long enough for a dump of the state in some rounds, and not in others.
        time.sleep(0.3 * place)
        (again.kill if place % 2 else again.stop)()


def test_an_old_handle_neither_ends_nor_hides_the_process_that_came_after(home: Path) -> None:
    first = start(home)
    first.stop()
    with start(home) as again:
        first.stop()
        first.kill()
        assert EmbeddedNetwork.status(home).process == again.process


def test_a_network_that_runs_is_left_running(home: Path) -> None:
    with start(home) as first:
        again = start(home)
        assert again.was_running
        assert again.process == first.process
        status = EmbeddedNetwork.status(home)
        assert (status.process, status.network) == (first.process, first.network)
        assert status.head is not None
    assert EmbeddedNetwork.status(home).process is None
    assert not EmbeddedNetwork.stop(home)


def test_a_torn_state_gives_way_to_the_last_good_one(home: Path) -> None:
    with start(home):
        pass
    state = home / "chain" / "state.json"
    whole = state.read_bytes()
    for torn in (whole[: len(whole) // 2], b"", b"[]", b"{}"):
        state.write_bytes(torn)
        with start(home) as running:
            assert web3_of(running).eth.get_code(Web3.to_checksum_address(running.network.anchor_log))
        assert (home / "chain" / "state.damaged.json").read_bytes() == torn


def test_a_chain_that_lost_everything_is_refused_with_the_way_out_and_comes_back_at_the_same_addresses(home: Path) -> None:
    with start(home) as first:
        pass
    shutil.rmtree(home / "chain")
    with pytest.raises(LedgerMismatch) as caught:
        start(home)
    assert encode_hex(first.network.pilot_registry) in caught.value.detail
    assert "greenlane-node embedded reset --chain" in caught.value.remedy
    assert running_anvil(home / "chain") is None
    with EmbeddedNetwork.reset_chain(home) as mended:
        assert (mended.network, mended.trust) == (first.network, first.trust)


def set_code(running: RunningNetwork, address: Address, code: bytes) -> None:
    web3_of(running).provider.make_request(RPCEndpoint("anvil_setCode"), [encode_hex(address), encode_hex(code)])


def test_contracts_of_another_release_are_taken_and_what_is_no_contract_of_ours_is_not(home: Path) -> None:
    with start(home) as running:
        log, registry = running.network.anchor_log, running.network.pilot_registry
        code = bytes(web3_of(running).eth.get_code(Web3.to_checksum_address(log)))
        # Behaves the same, and is not what this release compiles.
        set_code(running, log, code + b"\x00")
        assert start(home).was_running
        check_contracts(web3_of(running), registry, log, running.network.assets)
        for address, wrong in ((log, b"\x00"), (log, b""), (registry, b"\x00"), (registry, REVERTING), (log, REVERTING)):
            right = bytes(web3_of(running).eth.get_code(Web3.to_checksum_address(address)))
            set_code(running, address, wrong)
            with pytest.raises(LedgerMismatch) as caught:
                start(home)
            assert encode_hex(address) in caught.value.detail
            assert "reset --chain" in caught.value.remedy
            set_code(running, address, right)


def test_contracts_of_green_assets_that_are_none_are_refused(home: Path) -> None:
    with start(home) as running:
        network, web3 = running.network, web3_of(running)
        assets = network.assets
        assert assets is not None
        codes = {
            place: bytes(web3.eth.get_code(Web3.to_checksum_address(place)))
            for place in (assets.evidence_register, assets.green_asset)
        }
        for place in codes:
            # A counterfeit that answers nothing, nothing at all, and another of our contracts.
            for wrong in (
                REVERTING,
                b"",
                codes[assets.green_asset if place == assets.evidence_register else assets.evidence_register],
            ):
                set_code(running, place, wrong)
                with pytest.raises(LedgerMismatch) as caught:
                    start(home)
                assert encode_hex(place) in caught.value.detail
                assert "reset --chain" in caught.value.remedy
            set_code(running, place, codes[place])
        # The same code, and another release's: both are taken, and the difference is told to whoever asks.
        check_contracts(web3, network.pilot_registry, network.anchor_log, assets)
        assert contracts_of_other_code(web3, assets) == ()
        set_code(running, assets.green_asset, codes[assets.green_asset] + b"\x00")
        check_contracts(web3, network.pilot_registry, network.anchor_log, assets)
        assert contracts_of_other_code(web3, assets) == ("GreenAsset",)


def made_before_green_assets(home: Path, *, deployed: int = 0, others: int = 0) -> RunningNetwork:
    """A network as an earlier release left it: its files name none of them, and its chain has the first `deployed`."""
    with pytest.MonkeyPatch.context() as patch:
        sent: list[str] = []

        def send(*args: Any) -> None:
            if len(sent) < 2 + deployed:
                sent.append("")
                deploy_one(*args)

        deploy_one = deploy._send
        patch.setattr(deploy, "_send", send)
        patch.setattr(deploy, "check_contracts", lambda *_: None)
        patch.setattr(embedded, "check_contracts", lambda *_: None)
        running = start(home)
    described = replace(running.network, assets=None)
    (home / "network.json").write_bytes(encode_network(described).replace(b'"assets":null,', b""))
    (home / "trust.json").write_bytes(encode_trust_file(replace(running.trust, assets=None)).replace(b'"assets":null,', b""))
    assert load_network(home / "network.json") == described
    deployer = running.keystore().account("deployer")
    web3 = web3_of(running)
    for nonce in range(2 + deployed, 2 + deployed + others):
        plain: Any = {
            "chainId": web3.eth.chain_id,
            "nonce": nonce,
            "gas": 21_000,
            "gasPrice": 0,
            "value": 0,
            "to": deployer.address,
        }
        web3.eth.send_raw_transaction(deployer.sign_transaction(plain).raw_transaction)
        call(running, "evm_mine")
    assert wait_until(lambda: web3.eth.get_transaction_count(deployer.address) == 2 + deployed + others, 10)
    return replace(running, network=described)


@pytest.mark.parametrize("deployed", [0, 1, 2])
def test_a_network_of_an_earlier_release_gets_the_contracts_of_green_assets(home: Path, deployed: int) -> None:
    """Also where a crash came between them."""
    with made_before_green_assets(home, deployed=deployed) as older:
        assert older.network.assets is None
    with start(home) as running:
        assert running.network == replace(older.network, assets=running.network.assets)
        assert running.trust.assets == running.network.assets == asset_addresses(running.keystore().account("deployer").address)
        assert contracts_of_other_code(web3_of(running), asset_addresses(running.keystore().account("deployer").address)) == ()
        assert load_network(home / "network.json") == running.network
    with start(home) as again:
        assert again.network == running.network


def test_a_network_that_runs_gets_them_too_and_a_new_chain_has_them_at_once(home: Path) -> None:
    with made_before_green_assets(home) as older, start(home) as running:
        assert running.was_running
        assert running.network.assets is not None
    (home / "network.json").write_bytes(encode_network(older.network))
    with EmbeddedNetwork.reset_chain(home) as mended:
        assert mended.network == running.network


@pytest.mark.parametrize(("deployed", "others"), [(0, 1), (1, 1)])
def test_whose_deployer_sent_something_else_goes_on_without_them(home: Path, deployed: int, others: int) -> None:
    with made_before_green_assets(home, deployed=deployed, others=others) as older:
        pass
    with start(home) as running:
        assert running.network == older.network
        assert running.trust.assets is None


def test_another_genesis_is_refused_with_the_way_out(home: Path) -> None:
    with start(home):
        pass
    shutil.rmtree(home / "chain")
    settings = json.loads((home / "embedded.json").read_bytes())
    (home / "embedded.json").write_text(json.dumps({**settings, "genesisTime": settings["genesisTime"] + 1}), encoding="utf-8")
    with pytest.raises(LedgerMismatch, match="begins with the block"):
        start(home)
    with pytest.raises(LedgerMismatch, match="another genesis"):
        EmbeddedNetwork.reset_chain(home)
    assert running_anvil(home / "chain") is None


@pytest.mark.parametrize("content", [b"", b"{}", b'{"type":"Other"}'])
def test_a_damaged_embedded_file_is_named(home: Path, content: bytes) -> None:
    with start(home):
        pass
    (home / "embedded.json").write_bytes(content)
    with pytest.raises(ChainNotStarted) as caught:
        start(home)
    assert caught.value.where is not None
    assert str(home / "embedded.json") in caught.value.where


@pytest.mark.parametrize("contracts", [0, 1, 2, 3, 4])
def test_a_first_start_that_was_interrupted_is_finished_by_the_next(
    home: Path, monkeypatch: pytest.MonkeyPatch, contracts: int
) -> None:
    mined: list[str] = []

    def mine_or_end(url: str) -> None:
        if len(mined) == contracts:
            raise KeyboardInterrupt
        mined.append(url)
        anvil.mine(url)

    with monkeypatch.context() as patch:
        patch.setattr(embedded, "mine", mine_or_end)
        if contracts == 4:
            patch.setattr(embedded, "encode_network", mine_or_end)
        with pytest.raises(KeyboardInterrupt):
            start(home)
    assert not (home / "network.json").exists()
    keys = {path.name: path.read_bytes() for path in (home / "keys").iterdir()}
    EmbeddedNetwork.stop(home)
    with start(home) as running:
        assert running.trust.anchor_log == running.network.anchor_log
        assert running.trust.assets == running.network.assets is not None
    assert {path.name: path.read_bytes() for path in (home / "keys").iterdir()} == keys


def test_other_founders_in_the_same_folder_are_refused(home: Path) -> None:
    one = CenterPlan(id=CenterId("accra"), name="Pilot Center Accra", economy="GH", origin="accra.greenlane.example/log")
    with start(home, centers=[one]) as running:
        assert [center.id for center in running.trust.centers] == ["accra"]
    with pytest.raises(Conflict):
        start(home, centers=PILOT_CENTERS)
    with start(home) as again:
        assert again.network == running.network


def test_a_taken_port_is_named_and_another_can_be_chosen(home: Path) -> None:
    with start(home) as first:
        pass
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", first.process.port))
        other.listen()
        with pytest.raises(ChainNotStarted, match=str(first.process.port)):
            start(home)
        with start(home, port=free_port()) as moved:
            assert moved.network.rpc_urls != first.network.rpc_urls
            assert load_network(home / "network.json") == moved.network


def test_without_anvil_the_way_to_get_it_is_named(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(anvil, "_PROJECT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ChainNotStarted) as caught:
        start(home)
    assert "make setup" in caught.value.remedy


def test_a_process_of_the_same_number_is_not_ours_and_is_left_alone(home: Path) -> None:
    with start(home) as running:
        pass
    record = {"pid": os.getpid(), "started": running.process.started, "port": running.process.port}
    (home / "chain" / "process.json").write_text(json.dumps(record), encoding="utf-8")
    hits: list[int] = []
    previous = signal.signal(signal.SIGTERM, lambda number, frame: hits.append(number))
    try:
        assert not EmbeddedNetwork.stop(home)
        with start(home) as again:
            assert not again.was_running
    finally:
        signal.signal(signal.SIGTERM, previous)
    assert hits == []


def test_old_empty_blocks_are_dropped_at_a_start_and_transactions_are_not(home: Path) -> None:
    with start(home) as running:
        deployed = web3_of(running).eth.get_block(1, full_transactions=False)["transactions"]
        call(running, "anvil_mine", hex(2_000))
        head = web3_of(running).eth.block_number
    before = (home / "chain" / "state.json").stat().st_size
    with start(home) as again:
        web3 = web3_of(again)
        assert web3.eth.block_number >= head
        assert len(deployed) == 1
        assert web3.eth.get_transaction_receipt(Web3.to_hex(deployed[0]))["blockNumber"] == 1  # type: ignore[arg-type]
        assert again.trust == running.trust
    assert (home / "chain" / "state.json").stat().st_size < before / 2


@pytest.mark.parametrize("name", ["network.toml", "lima.center.toml", "network.json"])
def test_a_center_of_a_network_of_nodes_is_left_alone(home: Path, name: str) -> None:
    home.mkdir()
    (home / name).write_bytes(b"")
    (home / "keys").mkdir()
    for act in (EmbeddedNetwork.start, EmbeddedNetwork.reset_chain, EmbeddedNetwork.remove):
        with pytest.raises(Conflict) as caught:
            act(home)
        assert "--home" in caught.value.remedy
    assert sorted(path.name for path in home.iterdir()) == sorted(["keys", name])


def test_reset_and_remove_need_a_network(home: Path) -> None:
    for act in (EmbeddedNetwork.reset_chain, EmbeddedNetwork.remove):
        with pytest.raises(NotFound):
            act(home)


def test_the_command_line_starts_tells_stops_and_removes(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        code = main(["embedded", *arguments, "--home", str(home), "--json"])
        out, err = capsys.readouterr()
        return code, json.loads(out or err)

    assert run("status")[0] == 1
    code, told = run("up", "--port", str(free_port()))
    assert (code, told["started"], told["centers"]) == (0, True, "tianjin, lima, ho-chi-minh")
    network = load_network(home / "network.json")
    assert network.assets is not None
    assert (told["green_asset"], told["evidence"]) == (
        encode_hex(network.assets.green_asset),
        encode_hex(network.assets.evidence_register),
    )
    assert run("up")[1]["started"] is False
    port, other = int(told["rpc"].rpartition(":")[2]), free_port()
    assert run("up", "--port", str(port))[1]["note"] is None
    code, still = run("up", "--port", str(other))
    assert (code, still["rpc"]) == (0, told["rpc"])
    assert f"running already, on port {port}" in still["note"] and f"move it to {other}" in still["note"]
    assert run("status")[0] == 0
    code, again = run("reset", "--chain")
    assert (code, again["genesis"], again["registry"]) == (0, told["genesis"], told["registry"])
    assert run("down")[1]["stopped"] is True
    assert run("down")[1]["stopped"] is False
    assert run("reset", "--everything")[0] == 0
    assert list(home.iterdir()) == []
    code, told = run("reset", "--chain")
    assert (code, told["errors"][0]["code"]) == (2, "not-found")


@pytest.mark.parametrize(
    "arguments",
    [[], ["embedded"], ["embedded", "reset"], ["embedded", "up", "--port", "0"], ["embedded", "up", "--block-time", "x"]],
)
def test_wrong_use_of_the_command_line_is_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert told.startswith("greenlane-node: ")
    assert told.count("\n") == 1
    assert "--help" in told
    assert main([*arguments, "--json"]) == 2
    assert json.loads(capsys.readouterr().err)["errors"][0]["code"] == "wrong-use"


@pytest.mark.parametrize("option", ["--port", "--block-time"])
def test_what_is_no_number_is_told_in_words(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["embedded", "up", option, "abc"]) == 2
    assert f"argument {option}: a whole number is expected, not 'abc'." in capsys.readouterr().err


def test_the_base_install_names_the_part_that_is_missing() -> None:
    script = (
        "import sys\nsys.modules['web3'] = None\n"
        "from greenlane_node.__main__ import main\nsys.exit(main(['embedded', 'status']))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "'.[node]'" in done.stderr
