"""One node is asked with an end, and its silence, its refusal and its keeper's own slip are three things."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from greenlane.adapters.evm.tokens import RpcTokenFileInvalid
from greenlane_node.machine import machine_nodes
from greenlane_node.machine.machine_nodes import MachineNode, NodeKind
from greenlane_node.nodes.rpc import NodeRefused, NodeRpc, NodeSilent

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Node:
    url: str
    shown: list[str | None] = field(default_factory=list)


def say(status: int, body: bytes) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def drip(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(400):
        try:
            handler.wfile.write(b" ")
        except OSError:
            return
        time.sleep(0.05)


@contextmanager
def node(answer: Answer) -> Iterator[Node]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            made.shown.append(self.headers["Authorization"])
            answer(self)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Node(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


GOOD = say(200, json.dumps({"jsonrpc": "2.0", "id": 1, "result": "0x1"}).encode())


def both_ways(rpc: NodeRpc) -> tuple[Callable[[], object], ...]:
    return (lambda: rpc.call("eth_chainId"), lambda: rpc.web3().eth.chain_id)


@pytest.mark.parametrize("content", [None, b"", b"gr\xc3\xbcn\n", b"two words here\n"])
def test_a_file_of_tokens_that_cannot_be_read_is_the_askers_slip_and_not_the_nodes(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with node(GOOD) as asked:
        rpc = NodeRpc(asked.url, token_file=file)
        for ask in both_ways(rpc):
            with pytest.raises(RpcTokenFileInvalid) as caught:
                ask()
            assert (caught.value.where or "").startswith(str(file))
        assert asked.shown == []


def test_a_renewed_token_is_taken_by_calls_and_by_bindings(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    with node(GOOD) as asked:
        rpc = NodeRpc(asked.url, token_file=file)
        web3 = rpc.web3()
        assert (rpc.call("eth_chainId"), web3.eth.chain_id) == ("0x1", 1)
        file.write_text("second\n")
        assert (rpc.call("eth_chainId"), web3.eth.chain_id) == ("0x1", 1)
        assert asked.shown == ["Bearer first"] * 2 + ["Bearer second"] * 2


def test_a_node_that_drips_is_silent_when_its_time_is_over() -> None:
    with node(drip) as asked:
        rpc = NodeRpc(asked.url, timeout_s=0.3)
        for ask in both_ways(rpc):
            began = time.monotonic()
            with pytest.raises(NodeSilent, match="within"):
                ask()
            assert time.monotonic() - began < 10


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"{}", b'{"jsonrpc":"2.0","id":1}'])
def test_what_is_no_answer_is_silence(body: bytes) -> None:
    with node(say(200, body)) as asked, pytest.raises(NodeSilent):
        NodeRpc(asked.url).call("eth_chainId")


@pytest.mark.parametrize(("status", "word"), [(401, "token"), (403, "host-allowlist")])
def test_a_node_that_does_not_let_us_in_refuses_and_says_what_would_help(status: int, word: str) -> None:
    with node(say(status, b"")) as asked:
        rpc = NodeRpc(asked.url)
        for ask in both_ways(rpc):
            with pytest.raises(NodeRefused) as caught:
                ask()
            assert word in caught.value.remedy
            assert caught.value.number is None


def test_an_error_of_the_node_keeps_its_number() -> None:
    fault = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32604, "message": "Method not enabled"}}
    with node(say(200, json.dumps(fault).encode())) as asked, pytest.raises(NodeRefused, match="not enabled") as caught:
        NodeRpc(asked.url).call("perm_getNodesAllowlist")
    assert caught.value.number == -32604


def documents(url: str, token_file: Path | None = None) -> MachineNode:
    return MachineNode(
        name="documents-lima",
        kind=NodeKind.DOCUMENTS,
        first=(),
        command=(),
        environment={},
        data=Path("/nowhere"),
        ports={},
        rpc_url=url,
        token_file=token_file,
        besu=None,
    )


def test_a_documents_node_is_asked_with_an_end_and_with_its_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = tmp_path / "token"
    token.write_text("opens\n")
    with node(say(200, b'{"Peers":[{},{}]}')) as asked:
        assert documents(asked.url, token).peers() == 2
        assert asked.shown == ["Bearer opens"]
        token.write_bytes(b"\xff")
        with pytest.raises(RpcTokenFileInvalid):
            documents(asked.url, token).peers()
    with node(say(500, b"\xff no")) as asked, pytest.raises(NodeRefused, match="500"):
        documents(asked.url).peers()
    monkeypatch.setattr(machine_nodes, "_ANSWER_S", 0.3)
    with node(drip) as asked:
        began = time.monotonic()
        with pytest.raises(NodeSilent):
            documents(asked.url).peers()
        assert time.monotonic() - began < 10
    monkeypatch.setattr(machine_nodes, "_MAX_ANSWER_BYTES", 10)
    with node(say(200, b'{"Peers":[{},{}]}')) as asked, pytest.raises(NodeSilent):
        documents(asked.url).peers()
