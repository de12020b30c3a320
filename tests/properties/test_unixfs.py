"""Documents of every size, cut in every way: one name, the same bytes back, and no flipped bit that passes."""

import hashlib
from itertools import pairwise

from greenlane.core.documents.cid import Cid, Codec
from greenlane.core.documents.unixfs import (
    CHUNK_BYTES,
    MAX_LINKS,
    BlockMismatch,
    FileBuilder,
    Layout,
    NoDocument,
    outline,
    read_file,
    read_node,
    walk,
)
from hypothesis import assume, given
from hypothesis import strategies as st

LAYOUTS = st.builds(Layout, chunk_bytes=st.integers(1, 5), max_links=st.integers(2, 4))
DOCUMENTS = st.binary(max_size=200)


def built(data: bytes, layout: Layout, cuts: list[int] | None = None) -> tuple[FileBuilder, dict[Cid, bytes]]:
    builder = FileBuilder(layout=layout)
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts or [])})
    blocks = [block for begin, end in pairwise(places) for block in builder.add(data[begin:end])]
    blocks += builder.finish()
    return builder, {block.cid: block.data for block in blocks}


def naive_root(data: bytes, layout: Layout) -> bytes:
    """The root's 36 bytes, row by row, by the specification alone: a second hand, which shares nothing with the first."""

    def number(value: int) -> bytes:
        return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + number(value >> 7)

    def field(tag: int, value: bytes) -> bytes:
        return bytes([tag]) + number(len(value)) + value

    def name(codec: int, block: bytes) -> bytes:
        return bytes([1, codec, 0x12, 32]) + hashlib.sha256(block).digest()

    step = layout.chunk_bytes
    chunks = [data[at : at + step] for at in range(0, len(data), step)] or [b""]
    row = [(name(0x55, chunk), len(chunk), len(chunk)) for chunk in chunks]
    while len(row) > 1:
        groups = [row[at : at + layout.max_links] for at in range(0, len(row), layout.max_links)]
        row = []
        for group in groups:
            links = [field(0x12, field(0x0A, cid) + b"\x12\x00\x18" + number(tree)) for cid, _, tree in group]
            sizes = [b"\x20" + number(size) for _, size, _ in group]
            total = sum(size for _, size, _ in group)
            block = b"".join(links) + field(0x0A, b"\x08\x02\x18" + number(total) + b"".join(sizes))
            row.append((name(0x70, block), total, len(block) + sum(tree for *_, tree in group)))
    return row[0][0]


@given(data=DOCUMENTS, layout=LAYOUTS, cuts=st.lists(st.integers(0, 200), max_size=10))
def test_however_it_comes_it_has_the_one_name_that_a_second_hand_gives_it(data: bytes, layout: Layout, cuts: list[int]) -> None:
    builder, _ = built(data, layout, cuts)
    assert builder.root.encode() == naive_root(data, layout)
    assert (builder.size, builder.digest) == (len(data), hashlib.sha256(data).digest())


def test_around_every_edge_of_the_standard_layout_the_second_hand_agrees() -> None:
    chunks = [0, 1, 2, 3]
    for size in sorted({max(0, count * CHUNK_BYTES + off) for count in chunks for off in (-1, 0, 1)}):
        data = bytes(at * 7 % 251 for at in range(251)) * (size // 251 + 1)
        builder, _ = built(data[:size], Layout())
        assert builder.root.encode() == naive_root(data[:size], Layout()), size


def test_around_a_full_row_of_the_standard_width_the_second_hand_agrees() -> None:
    layout = Layout(chunk_bytes=3, max_links=MAX_LINKS)
    for size in (1_023 * 3, 1_024 * 3 - 1, 1_024 * 3, 1_024 * 3 + 1, 1_025 * 3, 2_048 * 3, 2_048 * 3 + 1):
        data = size.to_bytes(4, "big") * (size // 4 + 1)
        builder, blocks = built(data[:size], layout)
        assert builder.root.encode() == naive_root(data[:size], layout), size
        assert b"".join(read_file(builder.root, blocks.__getitem__, layout=layout)) == data[:size]


@given(data=DOCUMENTS, layout=LAYOUTS, offset=st.integers(0, 210), length=st.none() | st.integers(0, 210))
def test_every_range_is_the_slice(data: bytes, layout: Layout, offset: int, length: int | None) -> None:
    builder, blocks = built(data, layout)
    end = len(data) if length is None else offset + length
    pieces = list(read_file(builder.root, blocks.__getitem__, offset=offset, length=length, layout=layout))
    assert b"".join(pieces) == data[offset:end]
    assert all(0 < len(piece) <= layout.chunk_bytes for piece in pieces)


@given(data=DOCUMENTS, layout=LAYOUTS)
def test_walk_and_outline_name_every_block_once_and_the_sizes_of_trees_are_right(data: bytes, layout: Layout) -> None:
    builder, blocks = built(data, layout)
    walked = list(walk(builder.root, blocks.__getitem__, layout=layout))
    links = list(outline(builder.root, blocks.__getitem__, layout=layout))
    assert [block.cid for block in walked] == [link.cid for link in links]
    assert {block.cid: block.data for block in walked} == blocks
    assert len(walked) == len(blocks)

    def tree(cid: Cid) -> int:
        return len(blocks[cid]) + sum(tree(link.cid) for link in read_node(cid, blocks[cid], layout=layout).links)

    assert {link.cid: link.tree_bytes for link in links} == {link.cid: tree(link.cid) for link in links}


@given(data=st.binary(min_size=1, max_size=60), layout=LAYOUTS, pick=st.integers(0), bit=st.integers(0))
def test_no_flipped_bit_of_any_block_passes(data: bytes, layout: Layout, pick: int, bit: int) -> None:
    builder, blocks = built(data, layout)
    cid = sorted(blocks, key=lambda each: each.encode())[pick % len(blocks)]
    flipped = bytearray(blocks[cid])
    flipped[bit // 8 % len(flipped)] ^= 1 << bit % 8
    changed = blocks | {cid: bytes(flipped)}
    for use in (walk, read_file):
        try:
            list(use(builder.root, changed.__getitem__, layout=layout))
        except BlockMismatch:
            continue
        raise AssertionError("a flipped bit passed")


@given(data=st.binary(min_size=10, max_size=60), layout=LAYOUTS, pick=st.integers(0), bit=st.integers(0))
def test_a_node_with_a_flipped_bit_that_is_hashed_again_says_nothing_but_other_names(
    data: bytes, layout: Layout, pick: int, bit: int
) -> None:
    """A stranger hashes what they forge: every node that is read is one that the builder writes over some children."""
    _, blocks = built(data, layout)
    nodes = sorted((cid for cid in blocks if cid.codec is Codec.DAG_PB), key=lambda each: each.encode())
    assume(nodes)
    block = blocks[nodes[pick % len(nodes)]]
    flipped = bytearray(block)
    flipped[bit // 8 % len(flipped)] ^= 1 << bit % 8
    forged = bytes(flipped)
    try:
        node = read_node(Cid.of(Codec.DAG_PB, forged), forged, layout=layout)
    except NoDocument:
        return
    honest = read_node(Cid.of(Codec.DAG_PB, block), block, layout=layout)
    changed = [after.cid for before, after in zip(honest.links, node.links, strict=True) if before.cid != after.cid]
    assert len(changed) == 1
    assert (node.size, node.height) == (honest.size, honest.height)
