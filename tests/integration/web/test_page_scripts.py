"""The pages' own modules compute what core computes: CIDs of every shape, canonical bytes, and what a receipt proves.

They run in Node here, which has the same SHA-256, streams and modules as a browser; tests/e2e runs them in one.
"""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from greenlane.core.canonical import canonical_bytes
from greenlane.core.checkpoint import Checkpoint, sign_checkpoint
from greenlane.core.crypto import sha256
from greenlane.core.disclosure import DocumentDisclosure
from greenlane.core.documents.description import Description, description_value, document_entry
from greenlane.core.documents.unixfs import CHUNK_BYTES, Layout, identify
from greenlane.core.entry import Entry, EntryKind
from greenlane.core.merkle import inclusion_proof, leaf_hash, root_of
from greenlane.core.receipt import Anchor, Inclusion, Receipt, encode_receipt
from greenlane.core.units import Address, CenterId, ChainId, LeafIndex, RootHash, Salt, TreeSize
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from worlds.descriptions import confidential_description, description, descriptions

STATIC = Path(__file__).parents[3] / "api" / "greenlane" / "web" / "pages" / "static"
DRIVER = Path(__file__).with_name("page_scripts.mjs")
LIMA = CenterId("lima")
SALT = Salt(sha256(b"salt"))
Run = Callable[[list[dict[str, Any]]], list[Any]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Asks the modules, as they are served, many things at once."""
    folder = tmp_path_factory.mktemp("static")
    for file in STATIC.glob("*.js"):
        shutil.copy(file, folder)
    (folder / "package.json").write_text('{"type": "module"}')
    node = shutil.which("node")
    assert node is not None, "make setup needs Node.js, and so do these tests"

    def ask(cases: list[dict[str, Any]]) -> list[Any]:
        command = [node, str(DRIVER), str(folder)]
        done = subprocess.run(command, input=json.dumps(cases), capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        answers = json.loads(done.stdout)
        assert isinstance(answers, list)
        return answers

    return ask


def _file(folder: Path, size: int) -> Path:
    file = folder / str(size)
    file.write_bytes(Random(size).randbytes(size))
    return file


def _expected(file: Path, layout: Layout | None = None) -> list[Any]:
    data = file.read_bytes()
    cid, size, digest = identify([data]) if layout is None else identify([data], layout=layout)
    return [cid.text, size, digest.hex()]


def test_every_size_around_the_borders_of_chunks_has_the_cid_that_core_gives_it(run: Run, tmp_path: Path) -> None:
    sizes = (0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 2 * CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 77)
    files = [_file(tmp_path, size) for size in sizes]
    pieces = (65_536, 999_983, 4 * CHUNK_BYTES)
    cases = [{"ask": "identify", "file": str(file), "piece": piece} for file in files for piece in pieces]
    assert run(cases) == [_expected(file) for file in files for _ in pieces]


@pytest.mark.slow
def test_trees_of_many_nodes_and_heights_have_the_cids_that_core_gives_them(run: Run, tmp_path: Path) -> None:
    layouts = (Layout(chunk_bytes=4, max_links=2), Layout(chunk_bytes=5, max_links=3), Layout(chunk_bytes=1, max_links=1_024))
    sizes = (*range(70), 128, 243, 244, 405, 406, 1_023, 1_024, 1_025, 2_049)
    asked = [(_file(tmp_path, size), layout) for size in sizes for layout in layouts]
    cases = [
        {"ask": "identify", "file": str(file), "piece": 64, "layout": {"chunkBytes": one.chunk_bytes, "maxLinks": one.max_links}}
        for file, one in asked
    ]
    assert run(cases) == [_expected(file, layout) for file, layout in asked]


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(stated=st.lists(descriptions(), min_size=5, max_size=20))
def test_any_description_has_the_canonical_bytes_that_core_gives_it(run: Run, stated: list[Description]) -> None:
    values = [description_value(each) for each in stated]
    assert run([{"ask": "canonical", "value": value} for value in values]) == [canonical_bytes(value).hex() for value in values]


def _entry(stated: Description) -> Entry:
    plain = document_entry(stated)
    return plain if stated.confidential is None else plain.blinded(SALT)


def _receipt(stated: Description, *, place: int = 0, tree_size: int = 1) -> Receipt:
    others = [
        Entry(kind=EntryKind.EVENT, is_blinded=False, subject=sha256(bytes([n])), content=sha256(b"c")) for n in range(tree_size)
    ]
    entries = [*others[:place], _entry(stated), *others[place + 1 :]]
    leaves = [leaf_hash(entry.encode()) for entry in entries]
    root = root_of(leaves)
    checkpoint = Checkpoint(origin="greenlane.example/lima", tree_size=TreeSize(tree_size), root=root)
    return Receipt(
        entry=entries[place],
        disclosure=DocumentDisclosure(description=stated, salt=None if stated.confidential is None else SALT),
        inclusion=Inclusion(
            leaf_index=LeafIndex(place), tree_size=TreeSize(tree_size), hashes=inclusion_proof(leaves, LeafIndex(place))
        ),
        checkpoint=sign_checkpoint(checkpoint, sha256(b"log key")),
        anchor=Anchor(
            chain_id=ChainId(7),
            contract=Address(bytes(20)),
            center=LIMA,
            tree_size=TreeSize(tree_size),
            root=root,
            block_number=None,
            block_time=None,
            transaction=None,
        ),
    )


def _asked(receipt: Receipt, **changes: Any) -> dict[str, Any]:
    text = changes.pop("text", encode_receipt(receipt).decode())
    disclosure = receipt.disclosure
    assert isinstance(disclosure, DocumentDisclosure) and disclosure.description is not None
    shown = {"cid": disclosure.description.cid.text, "center": LIMA, "leafIndex": receipt.inclusion.leaf_index}
    return {"ask": "judge", "receipt": text, **shown, **changes}


@pytest.mark.parametrize("stated", [description(), confidential_description()], ids=["public", "confidential"])
def test_every_place_of_every_tree_proves_and_no_other_place_does(run: Run, stated: Description) -> None:
    receipts = [_receipt(stated, place=place, tree_size=size) for size in range(1, 20) for place in range(size)]
    roots = [each.anchor.root.hex() for each in receipts]
    expected = [
        ["passed", each.inclusion.leaf_index, "greenlane.example/lima", each.inclusion.tree_size, root]
        for each, root in zip(receipts, roots, strict=True)
    ]
    assert run([_asked(each) for each in receipts]) == expected
    moved = []
    for each in receipts:
        value = json.loads(encode_receipt(each))
        value["inclusion"]["leafIndex"] ^= 1
        moved.append(_asked(each, text=json.dumps(value), leafIndex=value["inclusion"]["leafIndex"]))
    assert {answer[0] for answer in run(moved)} == {"Refused"}


def _changes(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything in a JSON value that is no object and no list."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if inner is None:
        yield path
    else:
        for key, each in inner:
            yield from _changes(each, (*path, key))


def _changed(value: Any) -> Any:
    if isinstance(value, str) and value:
        return ("B" if value[0] == "A" else "A") + value[1:]
    return 1 if value is None else value + 1 if isinstance(value, int) else "x"


# What the browser cannot judge: whose signature it is and where the chain holds the root. `greenlane verify` does.
_BEYOND = {("anchor", name) for name in ("blockNumber", "blockTime", "chainId", "contract", "transaction")} | {("seals",)}


@pytest.mark.parametrize("stated", [description(), confidential_description()], ids=["public", "confidential"])
def test_a_receipt_with_anything_changed_in_it_is_refused(run: Run, stated: Description) -> None:
    receipt = _receipt(stated, place=5, tree_size=11)
    value = json.loads(encode_receipt(receipt))
    paths = [path for path in _changes(value) if path not in _BEYOND and path != ("checkpoint",)]
    cases = []
    for path in paths:
        changed = json.loads(json.dumps(value))
        inner = changed
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = _changed(inner[path[-1]])
        cases.append(_asked(receipt, text=json.dumps(changed)))
    assert len(cases) > 25
    assert [path for path, answer in zip(paths, run(cases), strict=True) if answer[0] != "Refused"] == []


def test_a_checkpoint_of_another_root_or_size_is_refused(run: Run) -> None:
    receipt = _receipt(description(), place=5, tree_size=11)
    root = receipt.anchor.root
    others = [
        Checkpoint(origin="greenlane.example/lima", tree_size=TreeSize(12), root=root),
        Checkpoint(origin="greenlane.example/lima", tree_size=TreeSize(11), root=RootHash(sha256(root))),
    ]
    cases = [_asked(replace(receipt, checkpoint=sign_checkpoint(each, sha256(b"log key")))) for each in others]
    assert [answer[0] for answer in run([*cases, _asked(receipt)])] == ["Refused", "Refused", "passed"]


def test_a_right_receipt_of_something_else_is_refused(run: Run) -> None:
    receipt = _receipt(description(), place=5, tree_size=11)
    other = description(b"another").cid.text
    changes: list[dict[str, Any]] = [{"cid": other}, {"center": "tianjin"}, {"leafIndex": 4}, {"text": "{"}, {"text": "null"}]
    answers = run([_asked(receipt, **each) for each in changes])
    assert [answer[0] for answer in answers] == ["Refused"] * len(changes)
    assert "another document" in answers[0][1] and "another center" in answers[1][1] and "another entry" in answers[2][1]
