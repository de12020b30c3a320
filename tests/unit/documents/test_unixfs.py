"""A node that nobody's bytes make is refused, whatever it claims and however well it is hashed."""

from collections.abc import Callable

import pytest
from greenlane.core.crypto import sha256
from greenlane.core.documents.cid import Cid, Codec
from greenlane.core.documents.unixfs import (
    CHUNK_BYTES,
    MAX_FILE_BYTES,
    MAX_LINKS,
    Block,
    BlockMismatch,
    FileBuilder,
    FileNode,
    Layout,
    Link,
    NoDocument,
    check_block,
    file_size,
    identify,
    outline,
    read_file,
    read_node,
    read_root,
    walk,
)
from greenlane.core.documents.varint import MAX_VARINT_BYTES, VarintInvalid, encode_varint, read_varint

SMALL = Layout(chunk_bytes=4, max_links=3)


def built(data: bytes, layout: Layout = SMALL) -> tuple[Cid, dict[Cid, bytes]]:
    builder = FileBuilder(layout=layout)
    blocks = builder.add(data) + builder.finish()
    return builder.root, {block.cid: block.data for block in blocks}


def tagged(tag: int, data: bytes) -> bytes:
    return bytes([tag]) + encode_varint(len(data)) + data


def node(children: list[tuple[Cid, int, int]], size: int, *, kind: int = 2, name: bytes = b"") -> Block:
    """A node that says what the test wants: children with their sizes and the bytes of their trees."""
    links = [
        tagged(0x12, tagged(0x0A, cid.encode()) + tagged(0x12, name) + b"\x18" + encode_varint(tree)) for cid, _, tree in children
    ]
    sizes = b"".join(b"\x20" + encode_varint(under) for _, under, _ in children)
    data = b"".join(links) + tagged(0x0A, bytes([0x08, kind, 0x18]) + encode_varint(size) + sizes)
    return Block(cid=Cid.of(Codec.DAG_PB, data), data=data)


def leaf(data: bytes) -> Block:
    return Block(cid=Cid.of(Codec.RAW, data), data=data)


FULL, REST = leaf(b"full"), leaf(b"end")
HONEST = node([(FULL.cid, 4, 4), (REST.cid, 3, 3)], 7)


def test_a_document_of_one_chunk_is_its_one_raw_block() -> None:
    for data in (b"", b"x", b"full"):
        root, blocks = built(data)
        assert blocks == {Cid.of(Codec.RAW, data): data}
        assert read_node(root, data, layout=SMALL) == FileNode(links=(), size=len(data), height=0)


def test_a_node_says_what_hangs_under_it() -> None:
    root, _ = built(b"fullend")
    assert root == HONEST.cid
    assert read_node(HONEST.cid, HONEST.data, layout=SMALL) == FileNode(
        links=(Link(cid=FULL.cid, size=4, tree_bytes=4), Link(cid=REST.cid, size=3, tree_bytes=3)), size=7, height=1
    )


def test_the_digest_of_the_whole_and_the_size_come_with_the_root() -> None:
    builder = FileBuilder(layout=SMALL)
    with pytest.raises(ValueError, match="not finished"):
        _ = builder.root
    builder.add(b"fullen")
    builder.add(b"")
    builder.add(b"d")
    builder.finish()
    assert (builder.root, builder.size, builder.digest) == (HONEST.cid, 7, sha256(b"fullend"))
    assert identify([b"fu", b"llend"], layout=SMALL) == (HONEST.cid, 7, sha256(b"fullend"))


def test_the_standard_row_of_a_thousand_and_one_chunks_needs_a_second_row() -> None:
    builder = FileBuilder()
    chunk = bytes(CHUNK_BYTES)
    # No byte of the chunk is kept: only its link.
    for _ in range(MAX_LINKS - 1):
        assert len(builder.add(chunk)) == 1
    one_row = builder.add(chunk)
    assert [read_node(block.cid, block.data).height for block in one_row] == [0, 1]
    more = builder.add(b"x") + builder.finish()
    heights = [read_node(block.cid, block.data).height for block in more]
    assert heights == [0, 1, 2]
    assert read_root(builder.root, more[-1].data).size == MAX_LINKS * CHUNK_BYTES + 1
    assert builder.size == MAX_LINKS * CHUNK_BYTES + 1


@pytest.mark.parametrize(
    ("what", "block"),
    [
        ("a folder", node([(FULL.cid, 4, 4), (REST.cid, 3, 3)], 7, kind=1)),
        ("a name on a link", node([(FULL.cid, 4, 4), (REST.cid, 3, 3)], 7, name=b"a.txt")),
        ("no children", node([], 0)),
        ("more claimed than is there", node([(FULL.cid, 4, 4), (REST.cid, 3, 3)], 8)),
        ("less claimed than is there", node([(FULL.cid, 4, 4), (REST.cid, 3, 3)], 6)),
        ("a size beyond all documents", node([(FULL.cid, 4, 4), (REST.cid, 3, 3)], MAX_FILE_BYTES * 4)),
        ("a child that is not full before the last", node([(REST.cid, 3, 3), (FULL.cid, 4, 4)], 7)),
        ("an empty child", node([(FULL.cid, 4, 4), (leaf(b"").cid, 0, 0)], 4)),
        ("a bomb: more children than its size needs", node([(FULL.cid, 4, 4)] * 1_000, 7)),
        ("one child too many for a node", node([(FULL.cid, 4, 4)] * 4, 16)),
        ("a wrong size of a tree", node([(FULL.cid, 4, 5), (REST.cid, 3, 3)], 7)),
        ("leaves and nodes in one row", node([(FULL.cid, 4, 4), (HONEST.cid, 3, 3)], 7)),
        ("nodes where leaves belong", node([(HONEST.cid, 4, 4), (HONEST.cid, 3, 3)], 7)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_node_that_no_document_has_is_refused(what: str, block: Block) -> None:
    with pytest.raises(NoDocument):
        read_node(block.cid, block.data, layout=SMALL)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x12",
        b"\x12\x2d",
        HONEST.data[:-1],
        HONEST.data + b"\x00",
        HONEST.data[:40],
        HONEST.data.replace(b"\x01\x55\x12\x20", b"\x01\x71\x12\x20"),
        tagged(0x0A, b"\x08\x02\x18\x80"),
        b"\xff" * 100,
    ],
    ids=["empty", "a tag", "a length", "cut off", "one byte more", "cut in a link", "another codec", "a cut number", "noise"],
)
def test_bytes_that_are_no_node_are_refused(data: bytes) -> None:
    with pytest.raises(NoDocument):
        read_node(Cid.of(Codec.DAG_PB, data), data, layout=SMALL)


def test_a_chunk_larger_than_a_chunk_is_refused() -> None:
    with pytest.raises(NoDocument):
        read_node(Cid.of(Codec.RAW, b"fulls"), b"fulls", layout=SMALL)


def test_a_block_that_does_not_match_its_name_is_refused_before_it_is_looked_at() -> None:
    for read in (read_node, read_root):
        with pytest.raises(BlockMismatch):
            read(HONEST.cid, b"another", layout=SMALL)
    with pytest.raises(BlockMismatch):
        check_block(FULL.cid, b"Full")
    check_block(FULL.cid, b"full")


def test_a_node_from_within_a_document_is_no_root() -> None:
    root, blocks = built(b"0123456789abcd")
    within = [cid for cid in blocks if cid.codec is Codec.DAG_PB and cid != root]
    # The last row holds one leaf of two bytes: a document of two bytes would be a raw block.
    refused = 0
    for cid in within:
        try:
            read_root(cid, blocks[cid], layout=SMALL)
        except NoDocument:
            refused += 1
    assert refused == 1
    assert file_size(root, blocks.__getitem__, layout=SMALL) == 14


def test_a_node_that_lies_about_a_child_is_found_out_at_the_child() -> None:
    # Three rows: the root claims 12 + 12 bytes, of which the second node has 9 only.
    data = b"0123456789ab"
    first, blocks = built(data)
    second, more = built(data[:9])
    blocks |= more
    tree = 12 + len(blocks[first])
    liar = node([(first, 12, tree), (second, 12, tree)], 24)
    blocks[liar.cid] = liar.data
    read_root(liar.cid, liar.data, layout=SMALL)
    for use in (
        lambda: list(read_file(liar.cid, blocks.__getitem__, layout=SMALL)),
        lambda: list(walk(liar.cid, blocks.__getitem__, layout=SMALL)),
        lambda: list(outline(liar.cid, blocks.__getitem__, layout=SMALL)),
    ):
        with pytest.raises(NoDocument, match="another size or height"):
            use()


def test_a_leaf_shorter_than_its_node_says_is_found_out() -> None:
    liar = node([(FULL.cid, 4, 4), (REST.cid, 4, 4)], 8)
    blocks = {liar.cid: liar.data, FULL.cid: FULL.data, REST.cid: REST.data}
    uses: list[Callable[[], object]] = [
        lambda: list(read_file(liar.cid, blocks.__getitem__, layout=SMALL)),
        lambda: list(walk(liar.cid, blocks.__getitem__, layout=SMALL)),
    ]
    for use in uses:
        with pytest.raises(NoDocument, match="another size or height"):
            use()


def test_one_block_named_with_two_sizes_is_refused_though_it_is_read_once() -> None:
    liar = node([(FULL.cid, 4, 4), (FULL.cid, 3, 3)], 7)
    blocks = {liar.cid: liar.data, FULL.cid: FULL.data}
    for use in (walk, outline):
        with pytest.raises(NoDocument, match="two sizes"):
            list(use(liar.cid, blocks.__getitem__, layout=SMALL))


def test_a_document_of_equal_chunks_is_walked_in_as_many_steps_as_it_has_blocks() -> None:
    root, blocks = built(b"same" * 9)
    asked: list[Cid] = []

    def get(cid: Cid) -> bytes:
        asked.append(cid)
        return blocks[cid]

    walked = list(walk(root, get, layout=SMALL))
    assert {block.cid: block.data for block in walked} == blocks
    assert len(asked) == len(walked) == len(blocks) == 3


def test_an_outline_reads_no_leaf_that_hangs_under_a_node() -> None:
    data = b"0123456789abcdefg"
    root, blocks = built(data)
    asked: list[Cid] = []

    def get(cid: Cid) -> bytes:
        asked.append(cid)
        return blocks[cid]

    links = list(outline(root, get, layout=SMALL))
    assert {link.cid for link in links} == set(blocks)
    assert {link.cid: link.size for link in links if link.cid.codec is Codec.RAW} == {
        cid: len(block) for cid, block in blocks.items() if cid.codec is Codec.RAW
    }
    assert all(cid.codec is Codec.DAG_PB for cid in asked)
    assert links[0].tree_bytes == sum(map(len, blocks.values()))


def test_a_range_asks_only_for_the_blocks_it_needs() -> None:
    data = b"0123456789abcdefghijklmnop"
    root, blocks = built(data)
    asked: list[Cid] = []

    def get(cid: Cid) -> bytes:
        asked.append(cid)
        return blocks[cid]

    assert b"".join(read_file(root, get, offset=13, length=2, layout=SMALL)) == data[13:15]
    assert [cid.codec for cid in asked] == [Codec.DAG_PB, Codec.DAG_PB, Codec.RAW]
    asked.clear()
    assert list(read_file(root, get, offset=len(data), layout=SMALL)) == []
    assert list(read_file(root, get, length=0, layout=SMALL)) == []
    assert asked == [root, root]


def test_numbers_have_one_spelling() -> None:
    for number in (0, 1, 127, 128, 300, 16_383, 16_384, 2**63 - 1):
        encoded = encode_varint(number)
        assert read_varint(b"x" + encoded + b"y", 1) == (number, 1 + len(encoded))
    for wrong in (b"", b"\x80", b"\x80\x00", b"\x81\x80\x00", b"\xff" * MAX_VARINT_BYTES + b"\x01"):
        with pytest.raises(VarintInvalid):
            read_varint(wrong)
