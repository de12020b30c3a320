"""Tiles say what the plain tree says, at every size, and a path names a tile in one spelling."""

import random
from collections.abc import Mapping

import pytest
from greenlane.core.crypto import sha256
from greenlane.core.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    MAX_TREE_SIZE,
    Subtree,
    TreeSizeOutOfRange,
    consistency_proof,
    consistency_subtrees,
    inclusion_proof,
    inclusion_subtrees,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from greenlane.core.tiles import (
    MAX_ENTRY_BYTES,
    TILE_WIDTH,
    BundleInvalid,
    TileId,
    TileInvalid,
    TilePathInvalid,
    append_leaves,
    bundle_path,
    consistency_proof_from_tiles,
    decode_bundle,
    encode_bundle,
    inclusion_proof_from_tiles,
    parse_bundle_path,
    parse_tile_path,
    root_from_tiles,
    tile_path,
    tile_width,
    tiles_of,
    with_changes,
)
from greenlane.core.units import LeafHash, LeafIndex, TreeSize
from hypothesis import given, settings
from hypothesis import strategies as st

ALL_LEAVES = [LeafHash(sha256(number.to_bytes(4, "big"))) for number in range(66_200)]
EDGES = [1, 2, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 65_793, 66_048, 66_200]


class Log:
    """Tiles in memory that count how often each is read."""

    def __init__(self) -> None:
        self.size = 0
        self.tiles: dict[TileId, bytes] = {}
        self.reads: list[TileId] = []

    def read(self, tile: TileId, width: int) -> bytes:
        self.reads.append(tile)
        return self.tiles[tile][: width * HASH_BYTES]

    def append(self, leaves: list[LeafHash]) -> Mapping[TileId, bytes]:
        self.reads.clear()
        changed = append_leaves(old_size=TreeSize(self.size), leaves=leaves, read=self.read)
        self.tiles.update(changed)
        self.size += len(leaves)
        return changed


@pytest.fixture(scope="module")
def whole_log() -> Log:
    log = Log()
    log.append(ALL_LEAVES)
    return log


@given(st.lists(st.integers(0, 700), max_size=6))
def test_a_log_grown_in_batches_is_the_log_grown_at_once(batches: list[int]) -> None:
    log = Log()
    for count in batches:
        old_size = log.size
        log.append(ALL_LEAVES[old_size : old_size + count])
        assert len(log.reads) == len(set(log.reads))
        assert {tile.level for tile in log.reads} <= {0, 1, 2}
    at_once = append_leaves(old_size=TreeSize(0), leaves=ALL_LEAVES[: log.size], read=log.read)
    assert log.tiles == at_once
    assert dict(tiles_of(TreeSize(log.size))) == {tile: len(content) // HASH_BYTES for tile, content in log.tiles.items()}


def test_appending_reads_at_most_the_unfinished_tile_of_each_level() -> None:
    log = Log()
    log.append(ALL_LEAVES[:65_535])
    changed = log.append(ALL_LEAVES[65_535:65_536])
    assert log.reads == [TileId(level=0, number=255), TileId(level=1, number=0)]
    assert set(changed) == {*log.reads, TileId(level=2, number=0)}
    log.append(ALL_LEAVES[65_536:65_537])
    assert log.reads == []
    assert log.append([]) == {}


@pytest.mark.parametrize("size", EDGES)
def test_the_root_from_tiles_is_the_plain_root_across_tile_boundaries(size: int, whole_log: Log) -> None:
    whole_log.reads.clear()
    assert root_from_tiles(TreeSize(size), whole_log.read) == root_of(ALL_LEAVES[:size])
    assert len(whole_log.reads) <= 3


def test_the_root_of_no_tiles_is_the_empty_root(whole_log: Log) -> None:
    assert root_from_tiles(TreeSize(0), whole_log.read) == EMPTY_ROOT


@given(st.integers(1, 1_200), st.data())
def test_proofs_from_tiles_are_the_proofs_from_leaves(size: int, data: st.DataObject) -> None:
    log = Log()
    log.append(ALL_LEAVES[:size])
    index = LeafIndex(data.draw(st.integers(0, size - 1)))
    old = TreeSize(data.draw(st.integers(0, size)))
    assert inclusion_proof_from_tiles(index, TreeSize(size), log.read) == inclusion_proof(ALL_LEAVES[:size], index)
    assert consistency_proof_from_tiles(old, TreeSize(size), log.read) == consistency_proof(ALL_LEAVES[:size], old)


@settings(max_examples=30)
@given(st.one_of(st.sampled_from(EDGES), st.integers(60_000, 66_200)), st.randoms(use_true_random=False))
def test_proofs_from_tiles_prove_around_every_boundary_and_read_few_tiles(
    whole_log: Log, size: int, chance: random.Random
) -> None:
    root = root_from_tiles(TreeSize(size), whole_log.read)
    for index in {0, size - 1, size // 2, chance.randrange(size)}:
        whole_log.reads.clear()
        proof = inclusion_proof_from_tiles(LeafIndex(index), TreeSize(size), whole_log.read)
        assert len(whole_log.reads) == len(set(whole_log.reads)) <= 6
        verify_inclusion(leaf=ALL_LEAVES[index], index=LeafIndex(index), tree_size=TreeSize(size), proof=proof, root=root)
    for old in {0, 1, size, chance.randrange(size + 1)}:
        whole_log.reads.clear()
        proof = consistency_proof_from_tiles(TreeSize(old), TreeSize(size), whole_log.read)
        assert len(whole_log.reads) == len(set(whole_log.reads)) <= 6
        verify_consistency(
            old_size=TreeSize(old),
            old_root=root_from_tiles(TreeSize(old), whole_log.read),
            new_size=TreeSize(size),
            new_root=root,
            proof=proof,
        )


@pytest.mark.parametrize("size", [256, 257, 65_536, 65_537, 66_200])
def test_each_hash_of_a_proof_from_tiles_is_that_of_its_leaves(size: int, whole_log: Log) -> None:
    def plain(subtree: Subtree) -> bytes:
        return root_of(ALL_LEAVES[subtree.begin : subtree.end])

    index, old = LeafIndex(size - 1), TreeSize(size - 1)
    assert inclusion_proof_from_tiles(index, TreeSize(size), whole_log.read) == tuple(
        plain(subtree) for subtree in inclusion_subtrees(index, TreeSize(size))
    )
    assert consistency_proof_from_tiles(old, TreeSize(size), whole_log.read) == tuple(
        plain(subtree) for subtree in consistency_subtrees(old, TreeSize(size))
    )


def test_a_log_can_be_read_as_it_will_stand() -> None:
    log = Log()
    log.append(ALL_LEAVES[:300])
    changed = append_leaves(old_size=TreeSize(300), leaves=ALL_LEAVES[300:600], read=log.read)
    assert root_from_tiles(TreeSize(600), with_changes(log.read, changed)) == root_of(ALL_LEAVES[:600])
    assert root_from_tiles(TreeSize(300), with_changes(log.read, changed)) == root_of(ALL_LEAVES[:300])


def test_a_tile_of_another_length_is_named() -> None:
    with pytest.raises(TileInvalid, match=r"tile/0/000\.p/3 has 64 bytes, not 96"):
        root_from_tiles(TreeSize(3), lambda _tile, _width: bytes(64))
    with pytest.raises(TileInvalid, match=r"tile/0/000\.p/3"):
        append_leaves(old_size=TreeSize(3), leaves=ALL_LEAVES[:1], read=lambda _tile, _width: b"")


def test_leaves_and_sizes_that_cannot_be_are_refused(whole_log: Log) -> None:
    with pytest.raises(TileInvalid):
        append_leaves(old_size=TreeSize(0), leaves=[LeafHash(b"short")], read=whole_log.read)
    for size in (-1, MAX_TREE_SIZE):
        with pytest.raises(TreeSizeOutOfRange):
            append_leaves(old_size=TreeSize(size), leaves=ALL_LEAVES[:1], read=whole_log.read)
    for size in (-1, MAX_TREE_SIZE + 1):
        with pytest.raises(TreeSizeOutOfRange):
            root_from_tiles(TreeSize(size), whole_log.read)


def test_a_tree_of_seventy_thousand_has_the_tiles_of_the_specification() -> None:
    tiles = dict(tiles_of(TreeSize(70_000)))
    partial = {tile: width for tile, width in tiles.items() if width < TILE_WIDTH}
    assert sum(tile.level == 0 for tile in tiles) == 274
    assert partial == {
        TileId(level=0, number=273): 112,
        TileId(level=1, number=1): 17,
        TileId(level=2, number=0): 1,
    }
    assert all(tile_width(tile, TreeSize(70_000)) == width for tile, width in tiles.items())
    assert tile_width(TileId(level=0, number=274), TreeSize(70_000)) == 0
    assert list(tiles_of(TreeSize(0))) == []


def test_the_paths_of_the_specification_are_written() -> None:
    assert tile_path(TileId(level=0, number=1_234_067)) == "tile/0/x001/x234/067"
    assert tile_path(TileId(level=0, number=1_067), 13) == "tile/0/x001/067.p/13"
    assert tile_path(TileId(level=63, number=0), 1) == "tile/63/000.p/1"
    assert bundle_path(1_234_067, 8) == "tile/entries/x001/x234/067.p/8"


@given(st.integers(0, 63), st.integers(0, 2**62), st.integers(1, 256))
def test_a_path_is_read_as_it_was_written(level: int, number: int, width: int) -> None:
    tile = TileId(level=level, number=number)
    assert parse_tile_path(tile_path(tile, width)) == (tile, width)
    assert parse_bundle_path(bundle_path(number, width)) == (number, width)


@given(st.from_regex(r"tile/[0-9]{1,3}/(x?[0-9]{2,4}/){0,3}[0-9]{3}(\.p/[0-9]{1,4})?\n?", fullmatch=True))
def test_a_path_is_read_only_in_its_one_spelling(path: str) -> None:
    try:
        tile, width = parse_tile_path(path)
    except TilePathInvalid:
        return
    assert tile_path(tile, width) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/1",
        "tile/00/001",
        "tile/64/001",
        "tile/0/x000/001",
        "tile/0/001/001",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/999",
        "tile/0/001.p/01",
        "/tile/0/001",
        "tile/0/001\n",
        "tile/0/٠٠١",
        "tile/0/" + "x001/" * 40 + "001",
        "tile/entries/x000/001",
        "tile/entries/001.p/256",
        "tile/entries/1",
        "checkpoint",
    ],
)
def test_a_path_that_names_nothing_is_refused(path: str) -> None:
    with pytest.raises(TilePathInvalid):
        parse_tile_path(path)
    with pytest.raises(TilePathInvalid):
        parse_bundle_path(path)


@pytest.mark.parametrize(("level", "number", "width"), [(64, 0, 1), (-1, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)])
def test_no_path_is_written_for_a_tile_that_cannot_be(level: int, number: int, width: int) -> None:
    with pytest.raises(TileInvalid):
        tile_path(TileId(level=level, number=number), width)


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
def test_a_bundle_is_taken_apart_as_it_was_joined(entries: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(entries)) == tuple(entries)


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=4), st.data())
def test_a_bundle_cut_short_never_reads_as_all_its_entries(entries: list[bytes], data: st.DataObject) -> None:
    whole = encode_bundle(entries)
    part = whole[: data.draw(st.integers(0, len(whole) - 1))]
    try:
        read = decode_bundle(part)
    except BundleInvalid:
        return
    assert list(read) == entries[: len(read)]
    assert len(read) < len(entries)


def test_bundles_that_cannot_be_are_refused() -> None:
    for entries in ([], [b""] * 257, [bytes(MAX_ENTRY_BYTES + 1)]):
        with pytest.raises(BundleInvalid):
            encode_bundle(entries)
    for data in (b"", b"\x00", b"\x00\x02a", b"\x00\x00" * 257):
        with pytest.raises(BundleInvalid):
            decode_bundle(data)
    assert decode_bundle(encode_bundle([bytes(MAX_ENTRY_BYTES)])) == (bytes(MAX_ENTRY_BYTES),)
