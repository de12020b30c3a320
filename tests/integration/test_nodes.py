"""Whichever node answers is asked, none is believed unproven, and two that tell different chains stop everything.

Besu's RPC nodes, as `worlds.besu_rpc` makes them over an anvil, go away, lag, lie, dawdle, and want tokens.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from greenlane.adapters.evm.nodes import Nodes
from greenlane.adapters.evm.tokens import RpcTokens
from greenlane.ports.ledger import LedgerMismatch, LedgerUnavailable
from greenlane.verify.ladder import NodeAway
from greenlane.verify.nodes import JsonRpcNode
from greenlane_node.embedded.anvil import ChainSettings, start_anvil
from greenlane_node.embedded.network import EmbeddedNetwork, RunningNetwork
from web3 import Web3
from worlds.besu_rpc import BesuChain, BesuNode, RpcError, besu_over
from worlds.machine import free_port

pytestmark = pytest.mark.chain


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNetwork]:
    with EmbeddedNetwork.start(tmp_path_factory.mktemp("network"), port=free_port()) as network:
        yield network


@pytest.fixture
def chain(running: RunningNetwork) -> Iterator[BesuChain]:
    chain = besu_over(running)
    snapshot = chain.anvil("evm_snapshot")
    chain.mine(3)
    yield chain
    chain.anvil("evm_revert", snapshot)
    chain.close()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def make(running: RunningNetwork, chain: BesuChain) -> Callable[..., Nodes]:
    def make(nodes: Sequence[BesuNode | str], **options: Any) -> Nodes:
        network = running.network
        return Nodes(
            [node if isinstance(node, str) else node.url for node in nodes],
            chain_id=network.chain_id,
            genesis_hash=chain.genesis_hash,
            pilot_registry=network.pilot_registry,
            anchor_log=network.anchor_log,
            **{"timeout_s": 2.0, "sealing": lambda: chain.sealing, **options},
        )

    return make


Make = Callable[..., Nodes]


def height(web3: Web3) -> int:
    return web3.eth.block_number


def dead_url() -> str:
    return f"http://127.0.0.1:{free_port()}"


def asked_since(node: BesuNode, question: Callable[[], Any]) -> list[str]:
    node.asked.clear()
    question()
    return list(node.asked)


# ---- failover ----


def test_the_first_node_is_asked_as_long_as_it_answers(chain: BesuChain, make: Make) -> None:
    first, second = chain.add_node(), chain.add_node()
    nodes = make([first, second])
    assert nodes.ask(height) == chain.head
    assert asked_since(second, lambda: nodes.ask(height)) == []
    first.is_away = True
    assert nodes.ask(height) == chain.head
    assert "eth_blockNumber" in second.asked


def test_a_node_that_went_away_is_waited_for_once_and_asked_first_again_when_it_is_back(chain: BesuChain, make: Make) -> None:
    first, second = chain.add_node(), chain.add_node()
    clock = Clock()
    nodes = make([first, second], timeout_s=0.5, monotonic=clock)
    nodes.ask(height)
    first.delay_s = 1.0
    nodes.ask(height)
    assert asked_since(first, lambda: nodes.ask(height)) == []
    first.delay_s = 0.0
    clock.now += 60
    nodes.ask(height)
    assert asked_since(second, lambda: nodes.ask(height)) == []


def test_what_comes_back_at_an_address_is_proven_anew(chain: BesuChain, make: Make) -> None:
    node = chain.add_node()
    nodes = make([node])
    nodes.ask(height)
    assert "eth_chainId" not in asked_since(node, lambda: nodes.ask(height))
    node.stop()
    with pytest.raises(LedgerUnavailable):
        nodes.ask(height)
    node.start()
    assert "eth_chainId" in asked_since(node, lambda: nodes.ask(height))
    node.scripted["eth_chainId"] = "0x1"
    node.stop()
    with pytest.raises(LedgerUnavailable):
        nodes.ask(height)
    node.start()
    with pytest.raises(LedgerMismatch, match="chain 1,"):
        nodes.ask(height)


def test_a_node_of_another_chain_is_never_passed_over_though_the_first_one_is_right(
    chain: BesuChain, make: Make, tmp_path: Path
) -> None:
    other = start_anvil(
        tmp_path / "other", ChainSettings(chain_id=20262, genesis_time=1_700_000_000, block_time_s=1, port=free_port())
    )
    try:
        with pytest.raises(LedgerMismatch, match="20262") as caught:
            make([chain.add_node(), other.url]).ask(height)
        assert caught.value.where == other.url
    finally:
        other.stop()


def test_a_transport_error_in_the_middle_of_a_question_puts_it_to_the_next_node(chain: BesuChain, make: Make) -> None:
    first, second = chain.add_node(), chain.add_node()
    nodes = make([first, second])
    nodes.ask(height)
    seen: list[str] = []

    def question(web3: Web3) -> int:
        seen.append(str(web3.provider.name))  # type: ignore[attr-defined]
        if len(seen) == 1:
            first.is_cutting = True
        return web3.eth.block_number

    assert nodes.ask(question) == chain.head
    assert seen == [first.url, second.url]


# ---- agreement ----


def test_nodes_that_are_two_blocks_apart_are_equals(chain: BesuChain, make: Make) -> None:
    first, second = chain.add_node(lag=2), chain.add_node()
    survey = make([first, second]).survey()
    assert [head.number for head in survey.heads] == [chain.head, chain.head - 2]
    assert make([first, second]).ask(height) == chain.head - 2


def test_a_node_that_lags_further_is_asked_only_where_no_other_answers(chain: BesuChain, make: Make) -> None:
    first, second = chain.add_node(lag=3), chain.add_node()
    clock = Clock()
    nodes = make([first, second], monotonic=clock)
    assert nodes.ask(height) == chain.head
    second.is_away = True
    clock.now += 60
    assert nodes.ask(height) == chain.head - 3


def test_a_node_whose_newest_block_is_old_gives_way_to_one_that_goes_on(chain: BesuChain, make: Make) -> None:
    first, second = chain.add_node(lag=1), chain.add_node()
    chain.anvil("evm_increaseTime", 600)
    chain.mine()
    assert make([first, second]).ask(height) == chain.head


@pytest.mark.parametrize("liar", [0, 1])
def test_two_hashes_at_one_height_stop_everything_and_both_nodes_are_named(chain: BesuChain, make: Make, liar: int) -> None:
    pair = [chain.add_node(), chain.add_node(lag=1)]
    pair[liar].lies_from = chain.head - 2
    clock = Clock()
    nodes = make(pair, monotonic=clock)
    for act in (lambda: nodes.ask(height), nodes.survey):
        with pytest.raises(LedgerMismatch) as caught:
            act()
        assert all(node.url in str(caught.value) for node in pair)
        assert f"at height {chain.head - 1}" in caught.value.detail
        assert caught.value.remedy
    pair[liar].lies_from = None
    clock.now += 2
    assert nodes.ask(height) == chain.head - (0 if nodes.survey().heads[0].node == pair[0].url else 1)


def test_a_lie_that_begins_later_is_seen_within_seconds(chain: BesuChain, make: Make) -> None:
    first, second = chain.add_node(), chain.add_node()
    clock = Clock()
    nodes = make([first, second], monotonic=clock)
    nodes.ask(height)
    second.lies_from = chain.head + 1
    chain.mine()
    nodes.ask(height)
    clock.now += 11
    with pytest.raises(LedgerMismatch):
        nodes.ask(height)


def test_one_node_alone_is_compared_with_nobody(chain: BesuChain, make: Make) -> None:
    node = chain.add_node()
    nodes = make([node])
    nodes.ask(height)
    assert asked_since(node, lambda: nodes.ask(height)) == ["eth_blockNumber"]


def test_what_one_node_has_shown_another_must_have_reached(chain: BesuChain, make: Make) -> None:
    first, second = chain.add_node(), chain.add_node(lag=2)
    clock = Clock()
    nodes = make([first, second], monotonic=clock)
    assert nodes.ask(height) == chain.head
    first.is_away = True
    with pytest.raises(LedgerUnavailable, match="was seen already"):
        nodes.ask(height)
    second.lag = 0
    assert nodes.ask(height) == chain.head


def test_a_chain_that_was_restored_is_believed_after_half_a_minute(chain: BesuChain, make: Make) -> None:
    first, second = chain.add_node(), chain.add_node(lag=2)
    clock = Clock()
    nodes = make([first, second], monotonic=clock)
    nodes.ask(height)
    first.is_away = True
    clock.now += 31
    assert nodes.ask(height) == chain.head - 2


def test_many_who_ask_at_once_wait_for_one_look_around(chain: BesuChain, make: Make) -> None:
    first, second = chain.add_node(), chain.add_node()
    nodes = make([first, second])
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(nodes.ask(height))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [chain.head] * 8
    assert second.asked.count("eth_getBlockByNumber") <= 4


# ---- what a node may do to us ----

FAULTS: dict[str, dict[str, Any]] = {
    "slow": {"delay_s": 3.0},
    "dripping": {"drip_s": 0.05, "padding": 200},
    "cut in mid-answer": {"is_cutting": True},
    "giant": {"padding": 70_000},
    "broken": {"status": 500},
    "redirecting": {"status": 302},
    "of another host": {"hosts": frozenset({"node.example"})},
    "locked": {"token": "nobody-has-it"},
    "silent": {"is_away": True},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_node_that_misbehaves_holds_nobody_up_and_another_is_asked(chain: BesuChain, make: Make, fault: str) -> None:
    bad, good = chain.add_node(**FAULTS[fault]), chain.add_node()
    began = time.monotonic()
    assert make([bad, good], timeout_s=0.5, max_answer_bytes=65_536).ask(height) == chain.head
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("fault", FAULTS)
def test_where_only_such_a_node_is_left_the_ledger_is_unavailable_in_bounded_time(
    chain: BesuChain, make: Make, fault: str
) -> None:
    bad = chain.add_node(**FAULTS[fault])
    began = time.monotonic()
    with pytest.raises(LedgerUnavailable) as caught:
        make([bad], timeout_s=0.3, max_answer_bytes=65_536).ask(height)
    assert time.monotonic() - began < 4
    assert bad.url in str(caught.value)
    assert caught.value.remedy


def test_a_node_that_refuses_our_name_is_told_apart_from_one_that_is_away(chain: BesuChain, make: Make) -> None:
    with pytest.raises(LedgerUnavailable, match="host-allowlist"):
        make([chain.add_node(hosts=frozenset({"node.example"}))]).ask(height)


@contextmanager
def answering(data: bytes, *, status: int = 200, length: bool = True) -> Iterator[str]:
    """A server that says the same to everybody."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            if length:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>",
        b"null",
        b"[]",
        b'"0x1"',
        b"{}",
        b'{"jsonrpc":"2.0","id":0,"result":"0x1","error":{}}',
        b'{"jsonrpc":"2.0","id":0,"error":null}',
        b'{"jsonrpc":"2.0","id":0,"error":{"code":"x","message":"y"}}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_an_answer_that_is_no_json_rpc_is_no_answer(make: Make, data: bytes) -> None:
    with answering(data) as url, pytest.raises(LedgerUnavailable):
        make([url]).ask(lambda web3: web3.eth.chain_id)


def test_an_answer_without_a_length_is_whole_when_the_other_side_has_ended_it(make: Make) -> None:
    data = json.dumps({"jsonrpc": "2.0", "id": 0, "result": "0x7"}).encode()
    with answering(data, length=False) as url, pytest.raises(LedgerMismatch, match="chain 7,"):
        make([url]).ask(height)


def test_a_kept_connection_that_was_closed_meanwhile_is_opened_again(chain: BesuChain, make: Make) -> None:
    node = chain.add_node()
    nodes = make([node])
    nodes.ask(height)
    node.stop()
    node.start()
    assert nodes.ask(height) == chain.head


def test_no_proxy_of_the_environment_stands_between(chain: BesuChain, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, dead_url())
    assert make([chain.add_node()]).ask(height) == chain.head


@pytest.mark.parametrize("url", ["ftp://127.0.0.1:1", "http://127.0.0.1:99999", "http://", "node:8545", "http://[::1"])
def test_an_address_that_is_none_is_a_node_that_is_away(make: Make, url: str) -> None:
    with pytest.raises(LedgerUnavailable):
        make([url]).ask(height)


# ---- tokens ----


def test_a_token_is_shown_and_a_fresh_one_is_taken_without_a_restart(chain: BesuChain, make: Make, tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("first\n")
    node = chain.add_node(token="first")
    nodes = make([node], tokens=RpcTokens(file))
    assert nodes.ask(height) == chain.head
    node.token = "second"
    with pytest.raises(LedgerUnavailable, match="GREENLANE_RPC_TOKEN_FILE") as caught:
        nodes.ask(height)
    assert "another token" in caught.value.detail
    file.write_text("second\n")
    assert nodes.ask(height) == chain.head


def test_a_refusal_makes_the_file_be_read_again_though_its_time_says_nothing_new(
    chain: BesuChain, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "tokens"
    file.write_text("first\n")
    tokens = RpcTokens(file)
    monkeypatch.setattr(RpcTokens, "_look", lambda _self: (0, 0, 0))
    tokens.renew()
    node = chain.add_node(token="other")
    nodes = make([node], tokens=tokens)
    file.write_text("other\n")
    assert nodes.ask(height) == chain.head
    assert node.authorizations[:2] == ["Bearer first", "Bearer other"]


def test_a_token_for_one_node_is_never_sent_to_another(chain: BesuChain, make: Make, tmp_path: Path) -> None:
    first, second, third = chain.add_node(token="one"), chain.add_node(token="two"), chain.add_node()
    file = tmp_path / "tokens"
    file.write_text(f"{first.url}/path one\n{second.url} two\n")
    nodes = make([first, second, third], tokens=RpcTokens(file))
    assert len(nodes.survey().heads) == 3
    assert set(first.authorizations) == {"Bearer one"}
    assert set(second.authorizations) == {"Bearer two"}
    assert set(third.authorizations) == {None}


def test_without_a_token_it_is_said_that_one_is_wanted(chain: BesuChain, make: Make) -> None:
    with pytest.raises(LedgerUnavailable, match="wants a token") as caught:
        make([chain.add_node(token="one"), dead_url()]).ask(height)
    assert "GREENLANE_RPC_TOKEN_FILE" in str(caught.value.remedy)


def test_no_error_and_no_log_line_tells_a_token_or_what_an_address_hides(
    chain: BesuChain, make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    file = tmp_path / "tokens"
    file.write_text("tok3n\n")
    node = chain.add_node(token="other")
    host = node.url.removeprefix("http://")
    for url, options in (
        (f"http://user:pa55word@{host}/v1/k3y?q=k3y", {}),
        (f"http://user:pa55word@{host}/v1/k3y?q=k3y", {"tokens": RpcTokens(file)}),
        (f"http://user:pa55word@{dead_url().removeprefix('http://')}/v1/k3y", {}),
        ("http://user:pa55word@127.0.0.1:99999/v1/k3y", {}),
    ):
        with pytest.raises(LedgerUnavailable) as caught:
            make([url], timeout_s=0.3, **options).ask(height)
        told = f"{caught.value} {caught.value.where} {caught.value.__cause__}"
        assert not any(secret in told + caplog.text for secret in ("pa55word", "k3y", "tok3n", "user"))


def test_a_node_that_judges_shows_its_token_and_says_what_it_lacks(chain: BesuChain, tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("first\n")
    tokens, node = RpcTokens(file), chain.add_node(token="second")
    judge = JsonRpcNode(node.url, bearer=lambda: tokens.token(node.url))
    with pytest.raises(NodeAway, match="wants a token"):
        judge.chain_id()
    file.write_text("second\n")
    assert judge.chain_id() == chain.chain_id
    with pytest.raises(NodeAway, match="wants a token"):
        JsonRpcNode(node.url).chain_id()


def test_user_and_password_of_an_address_are_shown_to_its_node_alone(chain: BesuChain, make: Make) -> None:
    node = chain.add_node()
    host = node.url.removeprefix("http://")
    assert make([f"http://user:pa%40ss@{host}"]).ask(height) == chain.head
    assert set(node.authorizations) == {"Basic dXNlcjpwYUBzcw=="}


def test_nodes_that_go_and_come_are_told_once_each_time(chain: BesuChain, make: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "greenlane")
    first, second = chain.add_node(), chain.add_node()
    clock = Clock()
    nodes = make([first, second], monotonic=clock)
    first.is_away = True
    for _ in range(3):
        clock.now += 60
        nodes.ask(height)
    first.is_away = False
    for _ in range(3):
        clock.now += 60
        nodes.ask(height)
    assert [record.message for record in caplog.records] == ["node.away", "node.back"]


def test_finalized_and_safe_are_refused_as_besu_does_and_never_asked_for(chain: BesuChain, make: Make) -> None:
    node = chain.add_node()
    for block in ("finalized", "safe"):
        with pytest.raises(RpcError) as caught:
            node.answer("eth_getBlockByNumber", [block, False])
        assert caught.value.code == -39001
    make([node, chain.add_node()]).survey()
    assert node.refused == []
