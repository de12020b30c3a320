"""`greenlane evidence` takes a statement from the center that logged it and brings it to another, and believes neither server."""

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from greenlane.cli import evidence
from greenlane.cli.server import Answer, send
from worlds.deployment import TIANJIN
from worlds.two_deployments import Two, two_deployments
from worlds.web import Site

Change = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture
def two(site: Site, tmp_path: Path) -> Iterator[Two]:
    with two_deployments(site, tmp_path / "tianjin") as found:
        yield found


@pytest.fixture
def key(two: Two, tmp_path: Path) -> Path:
    file = tmp_path / "buyer.key"
    file.write_text(f"{two.buyer}\n")
    return file


@pytest.fixture
def token(two: Two) -> str:
    return two.lima.issued("10")


def test_a_statement_is_fetched_as_a_file_and_brought_to_the_buyers_center(
    run: Any, two: Two, token: str, key: Path, tmp_path: Path
) -> None:
    there, here, file = two.lima.site.url, two.tianjin.url, tmp_path / "evidence.json"
    told = run("evidence", "fetch", token, "--from", there, "--output", file)
    assert (told.code, told.out, told.err) == (0, f"Statement of lima, with its receipt, written to {file}\n", "")
    written = json.loads(file.read_text())
    assert written == json.loads(run("evidence", "fetch", token, "--from", there).out)
    assert sorted(written) == ["digest", "receipt", "signature", "statement"]
    assert written["receipt"] == two.lima.site.get(f"/v1/evidence/{token}/receipt").json()

    told = run("evidence", "bring", file, "--url", here, "--key-file", key)
    assert (told.code, told.err) == (0, "")
    assert told.out.startswith(f"The statement {token} of lima is known at {here}: ")
    assert two.tianjin.get(f"/v1/evidence/{token}").json()["state"] == "elsewhere"
    again = run("evidence", "bring", file, "--url", here, "--key-file", key, "--json")
    assert (again.code, json.loads(again.out)["state"]) == (0, "elsewhere")
    # A center that knows it in this way has no receipt to give.
    told = run("evidence", "fetch", token, "--from", here, "--output", file, "--json")
    assert (told.code, json.loads(told.out)["hasReceipt"]) == (0, False)
    assert json.loads(file.read_text()) == written | {"receipt": None}


def test_both_at_once_and_a_certificate_of_what_was_retired_before(run: Any, two: Two, token: str, key: Path) -> None:
    two.bought(token)
    named = two.retired(token)
    words = ("--from", two.lima.site.url, "--url", two.tianjin.url, "--key-file", key)
    assert run("evidence", "bring", token, *words).code == 0
    world = two.tianjin.world
    assert world.asset_work.catch_up(TIANJIN).certified == 1
    world.settle(TIANJIN)
    assert two.tianjin.get(f"/v1/retirements/{named}/certificate").status_code == 200


def _flipped(text: str) -> str:
    return text[:-1] + ("0" if text[-1] != "0" else "1")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda told: told | {"statement": told["statement"] | {"quantity": "12.6"}}, "has the digest"),
        (lambda told: told | {"digest": _flipped(told["digest"])}, "has the digest"),
        (lambda told: told | {"signature": "0x" + "11" * 64 + "1b"}, "The signature is not"),
        (lambda told: told | {"signature": told["signature"][:-2] + "00"}, "The signature is not"),
        (lambda told: told | {"receipt": told["receipt"] | {"entry": "AAAA"}}, "receipt does not read well"),
        (lambda told: told | {"receipt": {}}, "receipt does not read well"),
    ],
)
def test_a_file_with_a_false_word_is_refused_before_anything_is_sent(
    run: Any, two: Two, token: str, key: Path, tmp_path: Path, change: Change, said: str
) -> None:
    file = tmp_path / "evidence.json"
    assert run("evidence", "fetch", token, "--from", two.lima.site.url, "-o", file).code == 0
    file.write_text(json.dumps(change(json.loads(file.read_text()))))
    told = run("evidence", "bring", file, "--url", two.tianjin.url, "--key-file", key)
    assert (told.code, told.out, told.err.count("\n")) == (1, "", 1)
    assert said in told.err
    assert two.tianjin.get(f"/v1/evidence/{token}").status_code == 404


def test_a_receipt_of_another_entry_or_a_false_proof_is_refused(run: Any, two: Two, token: str, tmp_path: Path) -> None:
    file = tmp_path / "evidence.json"
    run("evidence", "fetch", token, "--from", two.lima.site.url, "-o", file)
    whole = json.loads(file.read_text())
    serials = {"registry": "i-rec", "serialFrom": 1, "serialTo": 9}
    other = two.lima.site.get(f"/v1/evidence/{two.lima.signed(lot=None, origin=serials)}/receipt").json()
    moved = whole["receipt"] | {"inclusion": other["inclusion"]}
    for receipt, said in ((other, "of another entry"), (moved, "does not hold")):
        file.write_text(json.dumps(whole | {"receipt": receipt}))
        told = run("evidence", "bring", file, "--url", two.tianjin.url)
        assert (told.code, told.out) == (1, "")
        assert said in told.err, told.err


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "{}", '{"digest":1,"statement":2,"signature":3}', '{"a":1,"a":2}'])
def test_a_file_that_is_no_statement_is_named(refused: Callable[..., str], tmp_path: Path, text: str) -> None:
    file = tmp_path / "evidence.json"
    file.write_text(text)
    refused("evidence", "bring", file, "--url", "http://127.0.0.1:1")


@pytest.mark.parametrize(
    "words",
    [
        ("fetch", "0x00", "--from", "http://127.0.0.1:1"),
        ("fetch", "0x" + "AB" * 32, "--from", "http://127.0.0.1:1"),
        ("fetch", "0x" + "ab" * 32, "--from", "ftp://lima.example"),
        ("bring", "0x" + "ab" * 32),
        ("bring", "evidence.json", "--from", "http://127.0.0.1:1"),
        ("bring", "missing.json"),
    ],
    ids=" ".join,
)
def test_a_wrong_use_is_said_in_one_line(refused: Callable[..., str], words: tuple[str, ...]) -> None:
    refused("evidence", *words)


def test_a_server_that_is_not_there_is_named_by_its_argument(run: Any, two: Two, token: str, tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:1"
    told = run("evidence", "fetch", token, "--from", nowhere)
    assert told.code == 3 and "Check --from" in told.err
    told = run("evidence", "bring", token, "--from", two.lima.site.url, "--url", nowhere, "--json")
    assert told.code == 3 and "Check --url" in json.loads(told.err)["errors"][0]["remedy"]
    told = run("evidence", "fetch", token, "--from", two.lima.site.url, "-o", tmp_path)
    assert (told.code, told.err.count("\n")) == (2, 1)


def test_what_the_servers_refuse_is_said_in_their_words(run: Any, two: Two, key: Path) -> None:
    unknown = "0x" + "ab" * 32
    told = run("evidence", "fetch", unknown, "--from", two.lima.site.url)
    assert told.code == 2 and "No statement" in told.err
    waiting = two.lima.signed()
    words = ("--from", two.lima.site.url, "--url", two.tianjin.url)
    told = run("evidence", "bring", waiting, *words, "--key-file", key)
    assert told.code == 2 and "The chain knows no units" in told.err
    told = run("evidence", "bring", waiting, *words)
    assert told.code == 2 and "--key-file" in told.err
    two.lima.accepted(two.lima.issue(waiting))
    two.tianjin.world.asset_ledger.is_away = True
    assert run("evidence", "bring", waiting, *words, "--key-file", key).code == 3
    two.tianjin.world.asset_ledger.is_away = False
    assert run("evidence", "bring", waiting, *words, "--key-file", key).code == 0


@pytest.mark.parametrize(
    ("path", "body", "code", "said"),
    [
        ("statement", b"no JSON", 3, "is no statement of evidence"),
        ("statement", b"[]", 3, "is no statement of evidence"),
        ("receipt", b"no JSON", 3, "is no receipt"),
        ("receipt", b"{}", 1, "receipt does not read well"),
        ("trust", b"{}", 3, "is no trust file"),
    ],
)
def test_a_server_that_answers_otherwise_is_not_believed(
    run: Any, two: Two, token: str, monkeypatch: pytest.MonkeyPatch, path: str, body: bytes, code: int, said: str
) -> None:
    paths = {"statement": f"/v1/evidence/{token}", "receipt": f"/v1/evidence/{token}/receipt", "trust": "/v1/trust"}

    def answer(args: argparse.Namespace, method: str, asked: str) -> Answer:
        return Answer(status=200, headers={}, body=body) if asked == paths[path] else send(args, method, asked)

    monkeypatch.setattr(evidence, "send", answer)
    told = run("evidence", "fetch", token, "--from", two.lima.site.url)
    assert (told.code, told.out, told.err.count("\n")) == (code, "", 1)
    assert said in told.err


def test_another_statement_than_the_one_asked_for_is_refused(
    run: Any, two: Two, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = two.lima.site.get(f"/v1/evidence/{token}").content
    monkeypatch.setattr(evidence, "send", lambda *_: Answer(status=200, headers={}, body=told))
    said = run("evidence", "fetch", "0x" + "ab" * 32, "--from", two.lima.site.url)
    assert said.code == 1 and f"answers with the statement {token}" in said.err


def test_the_other_center_never_sees_the_key(run: Any, two: Two, token: str, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = set[tuple[str, bool]]()

    def watch(args: argparse.Namespace, *words: Any, **more: Any) -> Answer:
        shown.add((args.url, args.key_file is not None))
        return send(args, *words, **more)

    monkeypatch.setattr(evidence, "send", watch)
    words = ("--from", two.lima.site.url, "--url", two.tianjin.url, "--key-file", key)
    assert run("evidence", "bring", token, *words).code == 0
    assert shown == {(two.lima.site.url, False), (two.tianjin.url, True)}
