"""How a document becomes blocks, and how blocks become a document again.

The bytes are cut into chunks of 1 MiB, each a raw block. While more than one block stands side by side, every 1,024 of them hang
under one node, and the nodes likewise, until one is left: the root. A document of one chunk has no node. This is what Kubo makes
of a file under its profile `unixfs-v1-2025`, so both name the same bytes by the same CID.

Size and height alone decide everything in a node but the names of its children: how many there are, how large each is, how many
bytes its tree has, in which order and spelling they stand. So a node is read by writing it again and comparing: nothing passes
that `FileBuilder` would not have written. A node cannot claim bytes that are not under it, name more blocks than its size needs,
or hide a second spelling. Blocks come from strangers, hence every one is hashed before it is looked at.

Source: the specifications of DAG-PB and UnixFS; the order of Kubo's balanced layout.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from greenlane.core.crypto import RunningDigest, running_sha256
from greenlane.core.documents.cid import CID_BYTES, Cid, CidInvalid, Codec
from greenlane.core.documents.varint import VarintInvalid, encode_varint, read_varint
from greenlane.core.errors import InvalidInput, ProofRefused

CHUNK_BYTES = 1_048_576
"""Of every chunk but the last."""
MAX_LINKS = 1_024
"""Of every node but the last of its row."""
MAX_FILE_BYTES = 2**53 - 1
"""The largest size that a description can state."""

GetBlock = Callable[[Cid], bytes]
"""Fetches a block by its name; what it answers is not believed."""

_LINK_TAG = 0x12
_DATA_TAG = 0x0A
_HASH_TAG = 0x0A
_NAME_TAG = 0x12
_TREE_BYTES_TAG = 0x18
_FILE = b"\x08\x02\x18"
"""Type: a file; and the tag of its size."""
_CHILD_SIZE_TAG = 0x20
_CID_AT = 4
_LINK_BYTES = _CID_AT + CID_BYTES
"""Of a link before what follows the CID."""


class NoDocument(InvalidInput):
    """Blocks that are no document of this network, though each may match its name."""

    code = "no-document"
    default_remedy = "Store it as a plain file in Kubo's profile unixfs-v1-2025; folders and other layouts are not taken."


class BlockMismatch(ProofRefused):
    """A block is not the one that its name says."""

    code = "document-block-mismatch"
    default_remedy = "Nothing of it was used. Ask again, or ask another center that holds the document."


@dataclass(frozen=True, slots=True, kw_only=True)
class Children:
    """How many bytes of the document hang under each child of one node.

    Attributes:
        count: how many children; at least 1.
        full: bytes under each but the last.
        last: bytes under the last; at least 1, at most `full`.
    """

    count: int
    full: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How large chunks and nodes are. Only the standard one makes CIDs that others know.

    Attributes:
        chunk_bytes: of every chunk but the last; at least 1.
        max_links: of every node but the last of its row; at least 2.
    """

    chunk_bytes: int = CHUNK_BYTES
    max_links: int = MAX_LINKS

    def bytes_under(self, height: int) -> int:
        """How many bytes hang under a full node; a leaf's height is 0."""
        under: int = self.chunk_bytes * self.max_links**height
        return under

    def height_of(self, size: int) -> int:
        """The height of the root over so many bytes."""
        height = 0
        while self.bytes_under(height) < size:
            height += 1
        return height

    def children(self, size: int, height: int) -> Children:
        """What hangs under a node of that height over so many bytes, at least 1 and at most `bytes_under(height)`."""
        full = self.bytes_under(height - 1)
        count = (size + full - 1) // full
        return Children(count=count, full=full, last=size - (count - 1) * full)


STANDARD = Layout()


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block and its name."""

    cid: Cid
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A block by its name, and what hangs under it.

    Attributes:
        size: how many bytes of the document.
        tree_bytes: how many bytes all blocks of that tree have, each counted as often as it is named.
    """

    cid: Cid
    size: int
    tree_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileNode:
    """What one block says.

    Attributes:
        links: its children in the order of the document's bytes; none where the block is raw.
        size: how many bytes of the document are in it or under it.
        height: 0 for a raw block, otherwise one more than that of its children.
    """

    links: tuple[Link, ...]
    size: int
    height: int


class FileBuilder:
    """Makes blocks of bytes that come in pieces of any size; holds one chunk and the links of one node of every height."""

    def __init__(self, *, running: RunningDigest | None = None, layout: Layout = STANDARD) -> None:
        """Begins a document.

        Args:
            running: takes each chunk for the digest over all bytes; whoever has a second thread gives one that works there.
        """
        self._layout = layout
        self._running = running_sha256() if running is None else running
        self._waiting = bytearray()
        self._rows: list[list[tuple[Cid, int]]] = [[]]
        self._size = 0
        self._root: Cid | None = None

    def add(self, chunk: bytes) -> tuple[Block, ...]:
        """Takes the next bytes, however many.

        Returns:
            Blocks that became full: children before the node that names them.
        """
        chunk_bytes = self._layout.chunk_bytes
        if not self._waiting and len(chunk) == chunk_bytes:
            return tuple(self._leaf(chunk))
        blocks: list[Block] = []
        rest = memoryview(chunk)
        while len(self._waiting) + len(rest) >= chunk_bytes:
            taken = chunk_bytes - len(self._waiting)
            blocks += self._leaf(bytes(self._waiting) + rest[:taken])
            self._waiting.clear()
            rest = rest[taken:]
        self._waiting += rest
        return tuple(blocks)

    def finish(self) -> tuple[Block, ...]:
        """Ends the document; `root`, `size` and `digest` stand from here on.

        Returns:
            The blocks that were still open; the root is the last, unless it was handed out before.
        """
        blocks: list[Block] = []
        if self._waiting or not self._size:
            blocks += self._leaf(bytes(self._waiting))
            self._waiting.clear()
        height = 0
        while height < len(self._rows) - 1 or len(self._rows[height]) > 1:
            if self._rows[height]:
                blocks += self._node(height)
            height += 1
        [(self._root, _)] = self._rows[height]
        return tuple(blocks)

    @property
    def root(self) -> Cid:
        """The document's name; once it is finished."""
        if self._root is None:
            raise ValueError("not finished")
        return self._root

    @property
    def size(self) -> int:
        """How many bytes were cut into blocks: all of them, once it is finished."""
        return self._size

    @property
    def digest(self) -> bytes:
        """SHA-256 of all bytes; once it is finished."""
        return self._running.digest()

    def _leaf(self, data: bytes) -> Iterator[Block]:
        self._running.update(data)
        self._size += len(data)
        block = Block(cid=Cid.of(Codec.RAW, data), data=data)
        yield block
        yield from self._hang(block, len(data), 0)

    def _node(self, height: int) -> Iterator[Block]:
        row = self._rows[height]
        size = sum(size for _, size in row)
        data = _write_node([cid for cid, _ in row], size, height + 1, self._layout)
        row.clear()
        block = Block(cid=Cid.of(Codec.DAG_PB, data), data=data)
        yield block
        yield from self._hang(block, size, height + 1)

    def _hang(self, block: Block, size: int, height: int) -> Iterator[Block]:
        if height == len(self._rows):
            self._rows.append([])
        self._rows[height].append((block.cid, size))
        if len(self._rows[height]) == self._layout.max_links:
            yield from self._node(height)


def identify(pieces: Iterable[bytes], *, layout: Layout = STANDARD) -> tuple[Cid, int, bytes]:
    """The CID, the size and the SHA-256 of a document's bytes; nothing is stored."""
    builder = FileBuilder(layout=layout)
    for piece in pieces:
        builder.add(piece)
    builder.finish()
    return builder.root, builder.size, builder.digest


def check_block(cid: Cid, block: bytes) -> None:
    """Hashes a block.

    Raises:
        BlockMismatch: it is not the one of that name.
    """
    if Cid.of(cid.codec, block) != cid:
        raise BlockMismatch(f"The {len(block)} bytes that came for {cid.text} do not match it.")


def read_node(cid: Cid, block: bytes, *, layout: Layout = STANDARD) -> FileNode:
    """What one block says, be it raw or a node anywhere in a document.

    Raises:
        BlockMismatch: the block is not the one of that name.
        NoDocument: no document has such a block.
    """
    check_block(cid, block)
    if cid.codec is Codec.RAW:
        if len(block) > layout.chunk_bytes:
            raise NoDocument(f"{cid.text} has {len(block)} bytes; a chunk has at most {layout.chunk_bytes}.")
        return FileNode(links=(), size=len(block), height=0)
    try:
        children, size = _scan_node(block)
    except (IndexError, CidInvalid, VarintInvalid) as error:
        raise NoDocument(f"{cid.text} is no node of a document.") from error
    # One child may stand under any height: only the sizes of trees, which are written, tell them apart.
    for height in range(1, layout.height_of(MAX_FILE_BYTES) + 1):
        if _may_hold(children, size, height, layout) and _write_node(children, size, height, layout) == block:
            under = layout.children(size, height)
            full, last = _trees(under, height, layout)
            links = [Link(cid=child, size=under.full, tree_bytes=full) for child in children[:-1]]
            links.append(Link(cid=children[-1], size=under.last, tree_bytes=last))
            return FileNode(links=tuple(links), size=size, height=height)
    raise NoDocument(f"{cid.text} is a node, but not one that this network writes.")


def read_root(cid: Cid, block: bytes, *, layout: Layout = STANDARD) -> FileNode:
    """What the root block of a document says.

    Raises:
        BlockMismatch: the block is not the one of that name.
        NoDocument: it is no root: another codec, form or height than a document of its size has.
    """
    node = read_node(cid, block, layout=layout)
    if node.height != layout.height_of(node.size):
        raise NoDocument(f"{cid.text} is a node from within a document, not the root of one.")
    return node


def file_size(root: Cid, get: GetBlock, *, layout: Layout = STANDARD) -> int:
    """How many bytes a document has; reads its root block only.

    Raises:
        BlockMismatch, NoDocument: as in `read_root`.
    """
    return read_root(root, get(root), layout=layout).size


def read_file(
    root: Cid, get: GetBlock, *, offset: int = 0, length: int | None = None, layout: Layout = STANDARD
) -> Iterator[bytes]:
    """The bytes from `offset` on; only the blocks that these need are fetched.

    Args:
        offset: at or past the end: nothing comes, though the root is read.
        length: how many; None, or more than there are: to the end.

    Raises:
        BlockMismatch, NoDocument: before the first piece or between pieces.
    """
    block = get(root)
    node = read_root(root, block, layout=layout)
    end = node.size if length is None else min(node.size, offset + length)
    if offset < end:
        yield from _read_under(node, block, get, offset, end, layout)


def walk(root: Cid, get: GetBlock, *, layout: Layout = STANDARD) -> Iterator[Block]:
    """Every block of a document once: the root, then depth first.

    Raises:
        BlockMismatch, NoDocument: before the first block or between blocks.
    """
    for link, read in _visit(root, get, layout):
        block = read
        if block is None:
            block = get(link.cid)
            _read_child(link, block, 0, layout)
        yield Block(cid=link.cid, data=block)


def outline(root: Cid, get: GetBlock, *, layout: Layout = STANDARD) -> Iterator[Link]:
    """Every block of a document once, by name and size, in the order of `walk`; of leaves under nodes nothing is read.

    Raises:
        BlockMismatch, NoDocument: before the first link or between links.
    """
    for link, _ in _visit(root, get, layout):
        yield link


def _visit(root: Cid, get: GetBlock, layout: Layout) -> Iterator[tuple[Link, bytes | None]]:
    block = get(root)
    node = read_root(root, block, layout=layout)
    link = Link(cid=root, size=node.size, tree_bytes=_tree_bytes(node.size, node.height, layout))
    yield link, block
    yield from _visit_under(node, get, {root: link}, layout)


def _visit_under(node: FileNode, get: GetBlock, seen: dict[Cid, Link], layout: Layout) -> Iterator[tuple[Link, bytes | None]]:
    for link in node.links:
        first = seen.setdefault(link.cid, link)
        # A block that was read before is not read again, but it may not stand for another size or height this time.
        if first != link:
            raise NoDocument(f"{link.cid.text} is named with two sizes.")
        if first is not link:
            continue
        if node.height == 1:
            yield link, None
        else:
            block = get(link.cid)
            child = _read_child(link, block, node.height - 1, layout)
            yield link, block
            yield from _visit_under(child, get, seen, layout)


def _read_under(node: FileNode, block: bytes, get: GetBlock, begin: int, end: int, layout: Layout) -> Iterator[bytes]:
    """The bytes from `begin` to `end`, counted from the first one in or under the node."""
    if not node.height:
        yield block[begin:end]
        return
    full = layout.bytes_under(node.height - 1)
    for at in range(begin // full, (end - 1) // full + 1):
        link = node.links[at]
        data = get(link.cid)
        child = _read_child(link, data, node.height - 1, layout)
        yield from _read_under(child, data, get, max(begin - at * full, 0), min(end - at * full, link.size), layout)


def _read_child(link: Link, block: bytes, height: int, layout: Layout) -> FileNode:
    node = read_node(link.cid, block, layout=layout)
    if (node.size, node.height) != (link.size, height):
        raise NoDocument(f"{link.cid.text} has another size or height than the node above it says.")
    return node


def _scan_node(block: bytes) -> tuple[list[Cid], int]:
    """The children and the size that a node names; whether all else in it is right shows when it is written again."""
    children = []
    at = 0
    while block[at] == _LINK_TAG:
        children.append(Cid.decode(block[at + _CID_AT : at + _CID_AT + CID_BYTES]))
        at += 2 + block[at + 1]
    _, at = read_varint(block, at + 1)
    size, _ = read_varint(block, at + len(_FILE))
    return children, size


def _may_hold(children: list[Cid], size: int, height: int, layout: Layout) -> bool:
    codec = Codec.RAW if height == 1 else Codec.DAG_PB
    return (
        0 < size <= layout.bytes_under(height)
        and len(children) == layout.children(size, height).count
        and all(child.codec is codec for child in children)
    )


def _write_node(children: list[Cid], size: int, height: int, layout: Layout) -> bytes:
    under = layout.children(size, height)
    full, last = (_after_cid(tree_bytes) for tree_bytes in _trees(under, height, layout))
    links = [_link(child, full) for child in children[:-1]]
    return b"".join([*links, _link(children[-1], last), _data(size, under)])


def _link(child: Cid, after_cid: bytes) -> bytes:
    return _tagged(_LINK_TAG, _tagged(_HASH_TAG, child.encode()) + after_cid)


def _after_cid(tree_bytes: int) -> bytes:
    return _tagged(_NAME_TAG, b"") + bytes([_TREE_BYTES_TAG]) + encode_varint(tree_bytes)


def _data(size: int, under: Children) -> bytes:
    full, last = (bytes([_CHILD_SIZE_TAG]) + encode_varint(each) for each in (under.full, under.last))
    return _tagged(_DATA_TAG, _FILE + encode_varint(size) + full * (under.count - 1) + last)


def _tagged(tag: int, data: bytes) -> bytes:
    return bytes([tag]) + encode_varint(len(data)) + data


def _tree_bytes(size: int, height: int, layout: Layout) -> int:
    if not height:
        return size
    under = layout.children(size, height)
    full, last = _trees(under, height, layout)
    links = (under.count - 1) * (_LINK_BYTES + len(_after_cid(full)) + full) + _LINK_BYTES + len(_after_cid(last)) + last
    return links + len(_data(size, under))


def _trees(under: Children, height: int, layout: Layout) -> tuple[int, int]:
    """How many bytes the trees of a full child and of the last child have; the first is of no account where one child is all."""
    last = _tree_bytes(under.last, height - 1, layout)
    is_one_kind = under.count == 1 or under.last == under.full
    return last if is_one_kind else _tree_bytes(under.full, height - 1, layout), last
