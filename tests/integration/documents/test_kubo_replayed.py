"""The adapter against the answers of a real Kubo 0.42: each request is one that it understood, each answer is known."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from greenlane.adapters.kubo import Kubo
from greenlane.core.documents.car import write_car
from greenlane.core.documents.cid import parse_cid
from greenlane.core.documents.unixfs import identify
from greenlane.ports.documents import DocumentMissing, DocumentsUnavailable
from worlds.kubo_recorded import generated, recorded_exchanges, replayed

pytestmark = pytest.mark.conformance

HELLO = parse_cid("bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4")
UNKNOWN = parse_cid("bafkreigydwvrn6xyy5j7v6dkycac3ytkl4d7657iebmlphtcguc7gu6bvi")
A_BLOCK = parse_cid("bafkreicuql72d7f24wj66ziad4hivazogtysejyurukbntd55y23klp2qm")


@contextmanager
def kubo_that_said(shared_data: Path, *names: str, token: str | None = None) -> Iterator[Kubo]:
    """A Kubo that gives these recorded answers, and no others; every one of them must have been given at the end."""
    exchanges = [one for one in recorded_exchanges(shared_data) if one.name in names]
    with replayed(exchanges) as replay:
        store = Kubo(replay.url, token=token, timeout_s=10)
        try:
            yield store
        finally:
            store.close()
    assert set(replay.answered) == set(names)


def test_a_document_is_added_with_every_option_that_has_a_say(shared_data: Path) -> None:
    with kubo_that_said(shared_data, "pin-ls-unpinned", "add-12B") as store:
        stored = store.add(io.BytesIO(b"hello world\n"))
    assert (stored.cid, stored.size) == (HELLO, 12)


@pytest.mark.parametrize(
    ("name", "size"), [("add-0B", 0), ("add-1MiB", 1 << 20), ("add-1MiB+1", (1 << 20) + 1), ("add-3MiB+5", (3 << 20) + 5)]
)
def test_the_cid_that_is_computed_at_home_is_the_one_that_kubo_made(name: str, size: int, shared_data: Path) -> None:
    [recorded] = [one for one in recorded_exchanges(shared_data) if one.name == name]
    assert recorded.response is not None
    cid, _, _ = identify([generated(size)])
    assert f'"Hash":"{cid.text}"'.encode() in recorded.response


def test_pins_are_listed_and_those_that_are_no_documents_are_left_out(shared_data: Path) -> None:
    with kubo_that_said(shared_data, "pin-ls-stream") as store:
        pins = list(store.pins())
    assert len(pins) == 6
    assert HELLO in pins


def test_unpinning_tells_whether_there_was_a_pin(shared_data: Path) -> None:
    with kubo_that_said(shared_data, "pin-rm") as store:
        assert store.unpin(HELLO)
    exchanges = [one for one in recorded_exchanges(shared_data) if one.name == "pin-rm-again"]
    with replayed(exchanges) as replay:
        assert not Kubo(replay.url).unpin(HELLO)


def test_pinning_what_nobody_has_is_missed_in_time(shared_data: Path) -> None:
    with kubo_that_said(shared_data, "pin-add") as store:
        store.pin(HELLO, wait_s=30)
    with kubo_that_said(shared_data, "pin-add-unknown-timeout") as store, pytest.raises(DocumentMissing):
        store.pin(UNKNOWN, wait_s=2)


def test_a_block_is_read_and_hashed(shared_data: Path) -> None:
    with kubo_that_said(shared_data, "block-get") as store:
        assert store.block(A_BLOCK) == b"a raw block\n"
        assert b"".join(store.read(A_BLOCK, wait_s=3)) == b"a raw block\n"


def test_collecting_garbage_counts_blocks(shared_data: Path) -> None:
    with kubo_that_said(shared_data, "repo-gc") as store:
        assert store.collect_garbage() == 10


def test_a_car_of_ours_is_the_one_that_kubo_takes_and_writes(shared_data: Path) -> None:
    car = b"".join(write_car(HELLO, lambda _: b"hello world\n"))
    [exported] = [one for one in recorded_exchanges(shared_data) if one.name == "dag-export-12B"]
    assert exported.response == car
    with kubo_that_said(shared_data, "dag-import") as store:
        store.import_car(iter([car]), root=HELLO, max_bytes=1_000)


def test_a_refused_token_is_told_with_its_remedy(shared_data: Path) -> None:
    with kubo_that_said(shared_data, "id") as store:
        store.check()
    with (
        kubo_that_said(shared_data, "auth-path-not-allowed", token="test-secret") as store,
        pytest.raises(DocumentsUnavailable, match="refuses our token") as refusal,
    ):
        store.check()
    assert "API.Authorizations" in refusal.value.remedy
    assert "test-secret" not in str(refusal.value)


@pytest.mark.parametrize(
    "request_line",
    [
        ("GET", "/api/v0/id"),
        ("POST", "/api/v0/object/get?arg=x"),
        ("POST", "/api/v0/add?raw_leaves=true"),
        ("POST", "/api/v0/cat"),
        ("POST", "/api/v0/pin/add?arg=x&recursive=maybe"),
        ("POST", "/api/v0/id?timeout=2"),
        ("POST", "/api/v0/version"),
    ],
    ids=lambda line: line[1],
)
def test_the_replaying_server_refuses_what_no_recorded_kubo_would_have_answered(
    request_line: tuple[str, str], shared_data: Path
) -> None:
    exchanges = [one for one in recorded_exchanges(shared_data) if one.name == "id"]
    with pytest.raises(AssertionError, match="no recorded Kubo answers"), replayed(exchanges) as replay:
        answer = requests.request(request_line[0], replay.url + request_line[1], timeout=10)
        assert answer.status_code == 501
