"""Documents have the CIDs, the sizes of trees and the CARs that a recorded Kubo 0.42 gave them."""

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from greenlane.core.documents.car import longest_car, read_car, write_car
from greenlane.core.documents.cid import Cid, parse_cid
from greenlane.core.documents.unixfs import FileBuilder, file_size, identify, outline, read_file

pytestmark = pytest.mark.conformance

BOUNDARY = b"test-boundary-0123456789"


@pytest.fixture(scope="module")
def exchanges(shared_data: Path) -> list[dict[str, Any]]:
    recorded: list[dict[str, Any]] = json.loads((shared_data / "kubo" / "kubo-rpc-0.42.0.json").read_text(encoding="utf-8"))
    return recorded


def generated(length: int) -> bytes:
    return (bytes((at * 31 + 7) % 256 for at in range(256)) * (length // 256 + 1))[:length]


def parts_of(exchange: dict[str, Any]) -> list[bytes]:
    """The files that were sent, in their order."""
    if "request_body" in exchange:
        return [generated(exchange["request_body"]["length"])]
    body = base64.b64decode(exchange["request_body_base64"])
    parts = body.split(b"--" + BOUNDARY)[1:-1]
    return [part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in parts]


def answers_of(exchange: dict[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in base64.b64decode(exchange["response_body_base64"]).splitlines()]


def added(exchanges: list[dict[str, Any]]) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    for exchange in exchanges:
        if exchange["path_and_query"].startswith("/api/v0/add?") and exchange["status"] == 200:
            answers = [answer for answer in answers_of(exchange) if answer.get("Hash") and answer["Name"]]
            for data, answer in zip(parts_of(exchange), answers, strict=True):
                yield exchange["name"], data, answer


def built(data: bytes) -> tuple[Cid, dict[Cid, bytes]]:
    builder = FileBuilder()
    blocks = builder.add(data) + builder.finish()
    return builder.root, {block.cid: block.data for block in blocks}


def test_every_file_that_was_added_has_its_recorded_cid_and_size(exchanges: list[dict[str, Any]]) -> None:
    seen = set()
    for name, data, answer in added(exchanges):
        cid, size, _ = identify([data])
        assert cid.text == answer["Hash"], name
        assert size == len(data)
        root, blocks = built(data)
        assert next(outline(root, blocks.__getitem__)).tree_bytes == int(answer["Size"]), name
        seen.add(len(data))
    assert {0, 12, 1_048_576, 1_048_577, 3_145_733} <= seen


def test_exports_are_recorded_byte_for_byte_and_the_imported_one_is_read(exchanges: list[dict[str, Any]]) -> None:
    by_name = {exchange["name"]: exchange for exchange in exchanges}
    for name, data in (("dag-export-12B", b"hello world\n"), ("dag-export-3MiB+5", generated(3_145_733))):
        root, blocks = built(data)
        assert by_name[name]["path_and_query"].endswith(root.text)
        car = b"".join(write_car(root, blocks.__getitem__))
        recorded = by_name[name].get("response_length_sha256") or by_name[name]["response_body"]
        assert (len(car), hashlib.sha256(car).hexdigest()) == (recorded["length"], recorded["sha256"]), name
    [sent] = parts_of(by_name["dag-import"])
    root = parse_cid(answers_of(by_name["dag-import"])[0]["Root"]["Cid"]["/"])
    [block] = read_car([sent], root=root, max_bytes=longest_car(12))
    assert block.data == b"hello world\n"


def test_the_recorded_range_is_the_range_that_is_read(exchanges: list[dict[str, Any]]) -> None:
    [exchange] = [each for each in exchanges if each["name"] == "cat-offset-length"]
    root, blocks = built(generated(3_145_733))
    assert root.text in exchange["path_and_query"]
    assert file_size(root, blocks.__getitem__) == 3_145_733
    came = b"".join(read_file(root, blocks.__getitem__, offset=1_048_570, length=20))
    assert came == base64.b64decode(exchange["response_body_base64"])
