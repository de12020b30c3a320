"""`greenlane verify` on receipts that a deployment handed out: whole, changed, withheld, foreign."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from greenlane.core.receipt import Disclosure, encode_receipt
from greenlane.core.trust import encode_trust_file
from greenlane.ports.events import Reader
from greenlane.verify.ladder import Verdict, judge
from greenlane.verify.report import report_value
from worlds.deployment import LIMA, ROASTER, World, close_world, make_world, sealed_chain

NOW = datetime(2026, 7, 2, tzinfo=UTC)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    (tmp_path / "world").mkdir()
    made = make_world(tmp_path / "world")
    yield made
    close_world(made)


@pytest.fixture
def trust(world: World, tmp_path: Path) -> Path:
    file = tmp_path / "trust.json"
    file.write_bytes(encode_trust_file(world.ledger.trust_file))
    return file


@pytest.fixture
def receipt(world: World, tmp_path: Path) -> Path:
    job = world.take(3)
    world.settle()
    file = tmp_path / "receipt.json"
    file.write_bytes(encode_receipt(world.receipt(job.events[1].event_hash)))
    return file


def verdicts(out: str) -> dict[str, str]:
    return {step["name"]: step["verdict"] for step in json.loads(out)["steps"]}


def test_without_a_node_nothing_speaks_against_it_and_the_anchor_stays_open(run: Any, receipt: Path, trust: Path) -> None:
    told = run("verify", receipt, "--trust", trust)
    assert (told.code, told.err) == (3, "")
    assert "NOT CHECKED" in told.out
    as_json = verdicts(run("verify", receipt, "--trust", trust, "--json").out)
    assert [name for name, verdict in as_json.items() if verdict != "passed"] == ["anchor", "seals"]


def test_a_node_that_is_away_is_not_a_no(run: Any, receipt: Path, trust: Path) -> None:
    told = run("verify", receipt, "--trust", trust, "--rpc", "http://127.0.0.1:9", "--json")
    assert (told.code, verdicts(told.out)["anchor"]) == (3, "not_checked")


@pytest.mark.parametrize("nodes", [[], ["--rpc", "http://127.0.0.1:9"]], ids=["no node", "a node that is away"])
def test_a_sealed_receipt_is_a_yes_without_anybodys_word(run: Any, tmp_path: Path, nodes: list[str]) -> None:
    world = make_world(tmp_path, sealed=sealed_chain())
    job = world.take(3)
    world.settle()
    world.gather_seals()
    receipt, trust = tmp_path / "receipt.json", tmp_path / "trust.json"
    receipt.write_bytes(encode_receipt(world.receipt(job.events[1].event_hash)))
    trust.write_bytes(encode_trust_file(world.watch_keys()))
    close_world(world)
    told = run("verify", receipt, "--trust", trust, *nodes)
    assert (told.code, told.err) == (0, "")
    assert "Sealed on 2026-06-01 00:00 UTC, " in told.out
    assert "by 3 of 4 validators, block 2.\n" in told.out
    assert set(verdicts(run("verify", receipt, "--trust", trust, *nodes, "--json").out).values()) == {"passed"}


@pytest.mark.parametrize(
    ("old", "new", "step"),
    [
        (b"shipping", b"shippinG", "event-hash"),
        (b'"eventTime":"2026', b'"eventTime":"2025', "event-hash"),
        (b'"leafIndex":1', b'"leafIndex":0', "inclusion"),
        (b"greenlane.example/lima\\n3", b"greenlane.example/lima\\n4", "checkpoint"),
        (b'"center":"lima"', b'"center":"tianjin"', "checkpoint"),
        (b'"chainId":20261', b'"chainId":20262', "anchor"),
        (b'"version":1', b'"version":2', "receipt"),
        (b'"seals":null', b'"seals":null,"seals":null', "receipt"),
    ],
)
def test_a_changed_receipt_is_a_no_that_names_its_step(
    run: Any, receipt: Path, trust: Path, old: bytes, new: bytes, step: str
) -> None:
    data = receipt.read_bytes()
    assert old in data
    receipt.write_bytes(data.replace(old, new, 1))
    told = run("verify", receipt, "--trust", trust, "--json")
    assert told.code == 1
    assert verdicts(told.out)[step] == "failed"
    assert "FAILED" in run("verify", receipt, "--trust", trust).out


def test_every_changed_byte_of_a_receipt_is_refused(world: World, receipt: Path) -> None:
    data = receipt.read_bytes()
    node = world.ledger.node()
    assert judge(data, world.ledger.trust_file, event=None, ask=[node]).verdict is Verdict.PASSED
    for place in range(len(data)):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        judgement = judge(changed, world.ledger.trust_file, event=None, ask=[node])
        report_value(judgement, now=NOW)
        assert judgement.verdict is Verdict.FAILED, data[max(0, place - 20) : place + 20]


def test_a_private_receipt_opens_with_its_salt(run: Any, world: World, trust: Path, tmp_path: Path) -> None:
    (event,) = world.take(1, member=ROASTER).events
    world.settle()
    private = world.receipt(event.event_hash, reader=Reader(center=LIMA))
    file = tmp_path / "private.json"
    file.write_bytes(encode_receipt(private))
    assert verdicts(run("verify", file, "--trust", trust, "--json").out)["entry"] == "passed"
    assert isinstance(private.disclosure, Disclosure)
    withheld = replace(private, disclosure=replace(private.disclosure, salt=None, event=None))
    file.write_bytes(encode_receipt(withheld))
    told = run("verify", file, "--trust", trust, "--json")
    assert (told.code, verdicts(told.out)["entry"]) == (3, "not_checked")


def test_an_event_beside_its_receipt_is_held_against_it(run: Any, receipt: Path, trust: Path, tmp_path: Path) -> None:
    event = json.loads(receipt.read_bytes())["disclosure"]["event"]
    beside = tmp_path / "event.json"
    beside.write_text(json.dumps(event, indent=4))
    assert run("verify", receipt, "--trust", trust, "--event", beside).code == 3
    beside.write_text(json.dumps(event | {"bizStep": "receiving"}))
    assert run("verify", receipt, "--trust", trust, "--event", beside).code == 1


def test_files_that_are_none_are_a_wrong_use_and_a_receipt_that_is_none_is_a_no(
    run: Any, receipt: Path, trust: Path, tmp_path: Path
) -> None:
    none = tmp_path / "none"
    wrong = (
        ["verify", none, "--trust", trust],
        ["verify", receipt, "--trust", none],
        ["verify", receipt, "--trust", receipt],
        ["verify", receipt, "--trust", trust, "--rpc", "ftp://node"],
        ["verify", receipt, "--trust", trust, "--event", none],
    )
    for words in wrong:
        told = run(*words)
        assert (told.code, told.out, told.err.count("\n")) == (2, "", 1), words
        assert json.loads(run(*words, "--json").err)["errors"][0]["code"]
    for content in (b"", b"{}", b"\xff", b"[" * 100_000):
        none.write_bytes(content)
        assert run("verify", none, "--trust", trust).code == 1


def test_a_stranger_in_a_process_of_its_own_comes_to_the_same_verdict(receipt: Path, trust: Path) -> None:
    command = [sys.executable, "-I", "-m", "greenlane", "verify", str(receipt), "--trust", str(trust)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (3, "")
