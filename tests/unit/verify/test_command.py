"""The command asks real nodes over HTTP, tells its verdict by its exit code, and never shows a traceback."""

import argparse
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from greenlane.core.anchoring import anchored_root_slot, anchored_topics
from greenlane.core.receipt import encode_receipt
from greenlane.core.trust import encode_trust_file
from greenlane.core.units import Address, BlockNumber
from greenlane.core.wire import encode_hex
from greenlane.verify.command import add_arguments, run
from greenlane.verify.ladder import NodeAway, Rung, judge
from greenlane.verify.nodes import MAX_WINDOWS, JsonRpcNode, NodeUrlInvalid
from greenlane.verify.report import report_text, report_value

if TYPE_CHECKING:
    World = Any

NOW = datetime(2026, 7, 2, tzinfo=UTC)
Answer = Callable[[dict[str, Any]], Any]


@contextmanager
def served(answer: Answer, shown: list[str | None] | None = None) -> Iterator[str]:
    """A node on loopback; `answer` makes a result of each call, or the bytes or the status to send as they are.

    In `shown` it keeps what every question brought to be let in.
    """
    seen = [] if shown is None else shown

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append(self.headers["Authorization"])
            said = answer(call)
            if isinstance(said, int):
                self.send_response(said)
                self.send_header("Location", "http://127.0.0.1:1/")
                self.end_headers()
                return
            body = said if isinstance(said, bytes) else json.dumps({"jsonrpc": "2.0", "id": 1, "result": said}).encode()
            self.send_response(200)
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                return

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def chain_of(world: "World", **changed: Any) -> Answer:
    """An honest node's answers, but for what a test changes by method."""
    anchor = world.receipt.anchor
    event = {
        "blockNumber": "0x7",
        "transactionHash": encode_hex(anchor.transaction),
        "data": encode_hex(anchor.root + bytes(32)),
    }

    def answer(call: dict[str, Any]) -> Any:
        method, parameters = call["method"], call["params"]
        if method in changed:
            said = changed[method]
            return said(parameters) if callable(said) else said
        if method == "eth_chainId":
            return hex(world.trust.chain_id)
        if method == "eth_getBlockByNumber":
            return {
                "0x0": {"hash": encode_hex(world.trust.genesis_hash), "timestamp": "0x0"},
                "0x7": {"hash": encode_hex(bytes(32)), "timestamp": hex(int(anchor.block_time.timestamp()))},
            }[parameters[0]]
        if method == "eth_getStorageAt":
            slot = encode_hex(anchored_root_slot(anchor.center, anchor.tree_size))
            assert parameters == [encode_hex(anchor.contract), slot, "latest"]
            return encode_hex(anchor.root)
        assert method == "eth_getLogs"
        assert parameters[0]["topics"] == [encode_hex(t) for t in anchored_topics(anchor.center, anchor.tree_size)]
        return [event]

    return answer


@pytest.fixture
def files(world: "World", tmp_path: Path) -> Path:
    (tmp_path / "receipt.json").write_bytes(encode_receipt(world.receipt))
    (tmp_path / "trust.json").write_bytes(encode_trust_file(world.trust))
    (tmp_path / "event.json").write_text(json.dumps(world.event))
    return tmp_path


def verify(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(words))


def test_an_honest_receipt_passes_over_http(world: "World", files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served(chain_of(world)) as url:
        code = verify(str(files / "receipt.json"), "--trust", str(files / "trust.json"), "--rpc", url)
    said = capsys.readouterr().out
    assert code == 0, said
    assert f"{url}: It holds this root since 2026-07-01T08:30:00Z, block 7." in said
    assert said.splitlines()[-1] == (
        "PASSED: this event stands in the log of Centro Piloto de Lima, and the chain holds that log since 2026-07-01T08:30:00Z."
    )


def test_the_json_says_the_same_with_every_step(world: "World", files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trust, event = str(files / "trust.json"), str(files / "event.json")
    with served(chain_of(world)) as url:
        code = verify(str(files / "receipt.json"), "--trust", trust, "--rpc", url, "--event", event, "--json")
    said = json.loads(capsys.readouterr().out)
    assert code == 0
    assert said["verdict"] == "passed"
    assert [step["name"] for step in said["steps"]] == [
        rung.slug for rung in Rung if rung not in {Rung.DESCRIPTION, Rung.DOCUMENT, Rung.RETIREMENT, Rung.WORDS, Rung.RETIRED}
    ]
    assert said["center"]["id"] == "lima"
    assert said["nodes"] == [
        {
            "name": url,
            "verdict": "passed",
            "words": "It holds this root since 2026-07-01T08:30:00Z, block 7.",
            "code": None,
        }
    ]


def test_without_a_node_the_exit_code_is_three(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(str(files / "receipt.json"), "--trust", str(files / "trust.json")) == 3
    assert "NOT CHECKED: nothing speaks against this receipt, but step 7 stays open." in capsys.readouterr().out


def test_a_changed_receipt_has_the_exit_code_one_and_names_the_step(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    receipt = files / "receipt.json"
    receipt.write_bytes(receipt.read_bytes().replace(b"shipping", b"receiving"))
    assert verify(str(receipt), "--trust", str(files / "trust.json")) == 1
    said = capsys.readouterr().out
    assert "FAILED at step 2:" in said
    assert "This step stops another event shown in place of the logged one." in said
    receipt.write_bytes(b"no receipt")
    assert verify(str(receipt), "--trust", str(files / "trust.json"), "--json") == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["log"], said["center"], said["anchoredAt"]) == (None, None, None)


def test_a_receipt_is_read_from_standard_input(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = io.TextIOWrapper(io.BytesIO((files / "receipt.json").read_bytes()))
    monkeypatch.setattr("sys.stdin", data)
    assert verify("-", "--trust", str(files / "trust.json")) == 3


def test_wrong_use_has_the_exit_code_two_and_says_what_is_wrong(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    receipt, trust, event = (str(files / name) for name in ("receipt.json", "trust.json", "event.json"))
    (files / "list.json").write_text("[]")
    (files / "broken.json").write_text("{")
    for words in (
        [receipt, "--trust", str(files / "absent.json")],
        [receipt, "--trust", str(files)],
        [receipt, "--trust", "nul\0"],
        [receipt, "--trust", str(files / "broken.json")],
        [receipt, "--trust", event],
        [str(files / "absent.json"), "--trust", trust],
        [receipt, "--trust", trust, "--event", str(files / "absent.json")],
        [receipt, "--trust", trust, "--event", str(files / "list.json")],
        [receipt, "--trust", trust, "--event", str(files / "broken.json")],
        [receipt, "--trust", trust, "--rpc", "file:///etc/passwd"],
    ):
        assert verify(*words) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.strip()
        assert verify(*words, "--json") == 2
        assert json.loads(capsys.readouterr().err)["errors"][0]["detail"]


def test_another_file_of_ours_in_the_place_of_a_receipt_or_trust_file_is_named(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    receipt, trust, network = (str(files / name) for name in ("receipt.json", "trust.json", "network.json"))
    (files / "network.json").write_text(json.dumps({"type": "GreenlaneNetwork", "version": 1}))
    for named, trusted, words in (
        (trust, trust, "This is a trust file, not a receipt."),
        (network, trust, "This is a description of a network (network.json), not a receipt."),
        (receipt, receipt, "This is a receipt, not a trust file."),
        (receipt, network, "This is a description of a network (network.json), not a trust file."),
    ):
        assert verify(named, "--trust", trusted) == 2
        said = capsys.readouterr()
        assert (said.out, words in said.err) == ("", True), said.err
        assert "greenlane verify RECEIPT --trust TRUST-FILE" in said.err
    # What is no file of ours stays a receipt that proves nothing.
    assert verify(str(files / "event.json"), "--trust", trust) == 1


@pytest.mark.parametrize("damage", ["pretty-printed", "cut short", "emptied"])
def test_a_receipt_that_was_not_kept_as_it_was_says_to_fetch_it_again(
    files: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    receipt = files / "receipt.json"
    data = receipt.read_bytes()
    damaged = {"pretty-printed": json.dumps(json.loads(data), indent=2).encode(), "cut short": data[:-200], "emptied": b""}
    receipt.write_bytes(damaged[damage])
    assert verify(str(receipt), "--trust", str(files / "trust.json")) == 1
    said = capsys.readouterr().out
    assert "FAILED at step 1:" in said
    assert "Fetch the receipt again from its center and verify that file; do not open and save it in an editor." in said


@pytest.mark.parametrize(
    "url",
    [
        "",
        "node.example:8545",
        "file:///etc/passwd",
        "ftp://node.example",
        "http://",
        "http://[",
        "http://node.example:port",
        "http://user:secret@node.example",
        "http://node.example/a b",
        "http://node.exämple",
        "http://node.example/\n",
    ],
)
def test_what_is_no_address_of_a_node_is_refused(url: str) -> None:
    with pytest.raises(NodeUrlInvalid) as caught:
        JsonRpcNode(url)
    assert "secret" not in str(caught.value)


def test_a_name_shows_no_key_of_the_nodes_keeper() -> None:
    assert JsonRpcNode("https://node.example/v3/secret?key=secret").name == "https://node.example"
    assert JsonRpcNode("http://[::1]:8545").name == "http://[::1]:8545"


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("eth_chainId", b"no json"),
        ("eth_chainId", b"[]"),
        ("eth_chainId", b'{"id":2,"result":"0x1"}'),
        ("eth_chainId", b'{"id":1,"error":{"message":"\\u001b[2J no"}}'),
        ("eth_chainId", b'{"id":1}'),
        ("eth_chainId", b"x" * 2_000_000),
        ("eth_chainId", 500),
        ("eth_chainId", 302),
        ("eth_chainId", None),
        ("eth_chainId", 1.5),
        ("eth_chainId", "1"),
        ("eth_chainId", "0x1_0"),
        ("eth_chainId", "0x" + "f" * 64),
        ("eth_getBlockByNumber", None),
        ("eth_getBlockByNumber", {"hash": "0x00"}),
        ("eth_getBlockByNumber", {"hash": 5}),
        ("eth_getStorageAt", "0x"),
    ],
)
def test_an_answer_that_cannot_be_read_leaves_the_step_open(world: "World", method: str, said: Any) -> None:
    if isinstance(said, float):
        said = b'{"id":1,"result":1.5}'
    with served(chain_of(world, **{method: said})) as url:
        step = judge(encode_receipt(world.receipt), world.trust, event=None, ask=[JsonRpcNode(url)]).step(Rung.ANCHORED)
    assert step.verdict == "not_checked"
    assert step.words.isprintable()
    assert url in step.words


def test_a_node_is_asked_for_its_head_a_call_and_the_events_of_contracts(world: "World") -> None:
    asked: list[Any] = []

    def keep(answer: Any) -> Any:
        def say(parameters: Any) -> Any:
            asked.append(parameters)
            return answer

        return say

    word, contract = "0x" + "01" * 32, Address(b"\x07" * 20)
    events = [{"topics": [word], "data": "0x02"}]
    with served(chain_of(world, eth_blockNumber="0x7", eth_call=keep("0x0203"), eth_getLogs=keep(events))) as url:
        node = JsonRpcNode(url)
        assert node.head() == 7
        assert node.call(contract, b"\x05", BlockNumber(7)) == b"\x02\x03"
        assert node.logs([contract], [b"\x01" * 32], BlockNumber(1), BlockNumber(7)) == [([b"\x01" * 32], b"\x02")]
    call, logs = asked
    assert call == [{"to": "0x" + "07" * 20, "data": "0x05"}, "0x7"]
    assert logs == [{"address": ["0x" + "07" * 20], "topics": [[word]], "fromBlock": "0x1", "toBlock": "0x7"}]


@pytest.mark.parametrize("said", ["no list", [{}], [{"topics": "none", "data": "0x"}], [{"topics": ["0x01"], "data": "0x"}]])
def test_events_of_contracts_that_cannot_be_read_are_no_answer(world: "World", said: Any) -> None:
    with served(chain_of(world, eth_getLogs=said)) as url, pytest.raises(NodeAway):
        JsonRpcNode(url).logs([Address(b"\x07" * 20)], [b"\x01" * 32], BlockNumber(1), BlockNumber(7))


@pytest.mark.parametrize("said", ["no list", [{}], [{"blockNumber": "0x7", "data": "0xzz"}]])
def test_events_that_cannot_be_read_leave_only_the_time_open(world: "World", said: Any) -> None:
    anchor = replace(world.receipt.anchor, block_number=None, block_time=None, transaction=None)
    hintless = encode_receipt(replace(world.receipt, anchor=anchor))
    with served(chain_of(world, eth_getLogs=said)) as url:
        judgement = judge(hintless, world.trust, event=None, ask=[JsonRpcNode(url)])
        hinted = judge(encode_receipt(world.receipt), world.trust, event=None, ask=[JsonRpcNode(url)])
    assert judgement.verdict == "passed"
    assert judgement.anchored_at is None
    assert "did not tell since when" in report_text(judgement, now=NOW)
    assert hinted.verdict == "not_checked"


def ranged(world: "World", *, newest: int, asked: list[tuple[int, int]]) -> Answer:
    """A node that spans at most 5000 blocks at once, as Besu does unless told otherwise, and keeps what it was asked."""
    honest = chain_of(world)

    def logs(parameters: list[Any]) -> Any:
        first = int(parameters[0]["fromBlock"], 16)
        last = newest if parameters[0]["toBlock"] == "latest" else int(parameters[0]["toBlock"], 16)
        asked.append((first, last))
        if last - first >= 5_000:
            return b'{"id":1,"error":{"code":-32005,"message":"Requested range exceeds maximum range limit"}}'
        return honest({"method": "eth_getLogs", "params": parameters}) if first <= 7 <= last else []

    return chain_of(world, eth_getLogs=logs, eth_blockNumber=hex(newest))


def test_a_node_that_spans_few_blocks_is_searched_from_the_newest_back(world: "World") -> None:
    asked: list[tuple[int, int]] = []
    lied = replace(world.receipt, anchor=replace(world.receipt.anchor, block_number=BlockNumber(9_000)))
    with served(ranged(world, newest=12_000, asked=asked)) as url:
        judgement = judge(encode_receipt(lied), world.trust, event=None, ask=[JsonRpcNode(url)])
    assert asked == [(9_000, 9_000), (0, 12_000), (7_001, 12_000), (2_001, 7_000), (0, 2_000)]
    assert judgement.step(Rung.ANCHORED).code == "anchor-refused"


def test_the_search_among_few_blocks_has_an_end(world: "World") -> None:
    asked: list[tuple[int, int]] = []
    anchor = world.receipt.anchor
    with served(ranged(world, newest=10_000_000, asked=asked)) as url, pytest.raises(NodeAway, match="all its blocks"):
        JsonRpcNode(url).anchoring(anchor.contract, anchor.center, anchor.tree_size, BlockNumber(8))
    assert len(asked) == 2 + MAX_WINDOWS


def test_the_search_among_few_blocks_is_given_up_in_time(world: "World") -> None:
    asked: list[tuple[int, int]] = []
    prompt, anchor = ranged(world, newest=10_000_000, asked=asked), world.receipt.anchor

    def slow(call: dict[str, Any]) -> Any:
        time.sleep(0.2)
        return prompt(call)

    with served(slow) as url, pytest.raises(NodeAway, match="all its blocks"):
        JsonRpcNode(url, timeout_s=0.8).anchoring(anchor.contract, anchor.center, anchor.tree_size, None)
    assert 2 <= len(asked) <= 6


def test_a_time_beyond_all_years_is_no_time(world: "World") -> None:
    def block(parameters: list[Any]) -> Any:
        return {"hash": encode_hex(world.trust.genesis_hash), "timestamp": "0xffffffffff"}

    with served(chain_of(world, eth_getBlockByNumber=block)) as url:
        node, anchor = JsonRpcNode(url), world.receipt.anchor
        with pytest.raises(NodeAway, match="beyond all years"):
            node.anchoring(anchor.contract, anchor.center, anchor.tree_size, None)


def test_the_anchoring_is_found_in_another_block_than_the_receipt_hints(world: "World") -> None:
    honest, anchor = chain_of(world), world.receipt.anchor
    refusals: list[Any] = [[], b'{"id":1,"error":{"code":-32000,"message":"beyond head"}}']
    for refusal in refusals:

        def logs(parameters: list[Any], refusal: Any = refusal) -> Any:
            everywhere = parameters[0]["fromBlock"] == "0x0"
            return honest({"method": "eth_getLogs", "params": parameters}) if everywhere else refusal

        with served(chain_of(world, eth_getLogs=logs)) as url:
            found = JsonRpcNode(url).anchoring(anchor.contract, anchor.center, anchor.tree_size, BlockNumber(9_999))
        assert found is not None
        assert found.block_number == 7
    with served(chain_of(world, eth_getLogs=[])) as url:
        assert JsonRpcNode(url).anchoring(anchor.contract, anchor.center, anchor.tree_size, None) is None


def test_a_node_that_is_not_there_or_too_slow_is_away(world: "World") -> None:
    with served(chain_of(world)) as url:
        gone = url
    with pytest.raises(NodeAway, match="could not be reached"):
        JsonRpcNode(gone).chain_id()
    release = threading.Event()

    def slow(_: dict[str, Any]) -> Any:
        release.wait(5)
        return "0x1"

    with served(slow) as url:
        began = time.monotonic()
        try:
            with pytest.raises(NodeAway, match=r"0\.2 seconds|timed out"):
                JsonRpcNode(url, timeout_s=0.2).chain_id()
            assert time.monotonic() - began < 3
        finally:
            release.set()


def test_the_token_of_the_moment_is_shown_with_each_question_and_where_there_is_none_nothing_is(world: "World") -> None:
    shown: list[str | None] = []
    tokens = iter(["first", "second", None])
    with served(chain_of(world), shown) as url:
        node = JsonRpcNode(url, bearer=lambda: next(tokens))
        assert {node.chain_id() for _ in range(3)} == {world.trust.chain_id}
        JsonRpcNode(url).chain_id()
    assert shown == ["Bearer first", "Bearer second", None, None]


def test_a_node_that_takes_no_token_of_ours_says_that_it_wants_a_valid_one(world: "World") -> None:
    with served(chain_of(world, eth_chainId=401)) as url:
        for bearer in (None, lambda: "s3cret"):
            with pytest.raises(NodeAway, match="wants a token that is valid") as caught:
                JsonRpcNode(url, bearer=bearer).chain_id()
            assert "s3cret" not in str(caught.value)


def test_a_node_that_drips_is_given_up_in_time(world: "World") -> None:
    release = threading.Event()

    class Drip(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            try:
                while not release.wait(0.05):
                    self.wfile.write(b" ")
            except OSError:
                return

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Drip)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        with pytest.raises(NodeAway, match=r"within 0\.3 seconds"):
            JsonRpcNode(f"http://127.0.0.1:{server.server_port}", timeout_s=0.3).chain_id()
    finally:
        release.set()
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_report_never_steers_a_terminal(world: "World") -> None:
    node = world.node(name="node-a", chain=NodeAway("\x1b[2J\u202e gone"))
    judgement = judge(encode_receipt(world.receipt), world.trust, event=None, ask=[node])
    text = report_text(judgement, now=NOW)
    assert all(character.isprintable() or character == "\n" for character in text)
    assert json.loads(json.dumps(report_value(judgement, now=NOW)))["verdict"] == "not_checked"
