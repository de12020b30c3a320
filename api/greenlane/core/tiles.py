"""A log as a set of immutable files that any cache can serve: tiles of 256 hashes, and bundles of 256 entries.

Tile n of level 0 holds leaf hashes 256n to 256n + 255; each hash of a higher level is the root of one full tile below. What
stands between the levels is hashed again when it is needed, so a log stores about 32 bytes a leaf and grows only at its right
edge. A tile that is not yet full is named by its width, so a name never changes its content.
Source: C2SP tlog-tiles.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from greenlane.core.errors import InvalidInput
from greenlane.core.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    MAX_TREE_SIZE,
    Subtree,
    TreeSizeOutOfRange,
    consistency_subtrees,
    inclusion_subtrees,
    node_hash,
    root_of_joined,
)
from greenlane.core.units import LeafHash, LeafIndex, NodeHash, RootHash, TreeSize

TILE_WIDTH = 256
TILE_HEIGHT = 8
"""A full tile stands for a subtree of this height: 2 ** TILE_HEIGHT == TILE_WIDTH."""
MAX_TILE_LEVEL = 63
MAX_ENTRY_BYTES = 65_535
"""A bundle tells each entry's length in two bytes."""

_LENGTH_BYTES = 2
_NUMBER = r"(?P<number>(?:x[0-9]{3}/)*[0-9]{3})"
_WIDTH = r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
_TILE_PATH = re.compile(rf"tile/(?P<level>0|[1-9][0-9]?)/{_NUMBER}{_WIDTH}", re.ASCII)
_BUNDLE_PATH = re.compile(rf"tile/entries/{_NUMBER}{_WIDTH}", re.ASCII)
_MAX_PATH_CHARACTERS = 64


class TilePathInvalid(InvalidInput):
    """A path names no tile or bundle, or names one in another spelling than its only one."""

    code = "tile-path-invalid"
    default_remedy = "Write tile/<level>/<number>[.p/<width>], the number in groups of three digits, all but the last after x."


class TileInvalid(InvalidInput):
    """A tile has another number of bytes than its width takes, or a width no tile can have."""

    code = "tile-invalid"


class BundleInvalid(InvalidInput):
    """Bytes are no entry bundle, or entries cannot stand in one."""

    code = "bundle-invalid"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class TileId:
    """The place of a tile.

    Attributes:
        level: 0 over the leaves, up to MAX_TILE_LEVEL.
        number: from 0, from left to right within the level.
    """

    level: int
    number: int


ReadTile = Callable[[TileId, int], bytes]
"""Answers with the first `width` hashes of a tile, joined: that many times 32 bytes. Given a tile's place and that width."""


def tile_path(tile: TileId, width: int = TILE_WIDTH) -> str:
    """Where a tile of this width is served, below the log's prefix: "tile/0/x001/067", or "tile/0/x001/067.p/13".

    Raises:
        TileInvalid: no tile has such a place or width.
    """
    if not 0 <= tile.level <= MAX_TILE_LEVEL:
        raise TileInvalid(f"No tile stands at level {tile.level}.")
    return f"tile/{tile.level}/{_number_and_width(tile.number, width)}"


def bundle_path(number: int, width: int = TILE_WIDTH) -> str:
    """Where a bundle of `width` entries is served, below the log's prefix; it spans the same leaves as that tile of level 0.

    Raises:
        TileInvalid: no bundle has such a place or width.
    """
    return f"tile/entries/{_number_and_width(number, width)}"


def parse_tile_path(path: str) -> tuple[TileId, int]:
    """Reads a tile's path: its place, and its width from 1 to TILE_WIDTH.

    Raises:
        TilePathInvalid: anything but the one spelling that `tile_path` writes.
    """
    match = _match(_TILE_PATH, path)
    tile, width = TileId(level=int(match["level"]), number=_number(match)), _width(match)
    if tile.level > MAX_TILE_LEVEL or tile_path(tile, width) != path:
        raise TilePathInvalid(f"{path!r} is no path of a tile.")
    return tile, width


def parse_bundle_path(path: str) -> tuple[int, int]:
    """Reads an entry bundle's path: its number, and its width from 1 to TILE_WIDTH.

    Raises:
        TilePathInvalid: anything but the one spelling that `bundle_path` writes.
    """
    match = _match(_BUNDLE_PATH, path)
    number, width = _number(match), _width(match)
    if bundle_path(number, width) != path:
        raise TilePathInvalid(f"{path!r} is no path of an entry bundle.")
    return number, width


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Joins 1 to TILE_WIDTH entries, each after its length in two bytes, big end first.

    Raises:
        BundleInvalid: too many entries, none, or one longer than MAX_ENTRY_BYTES.
    """
    if not 1 <= len(entries) <= TILE_WIDTH:
        raise BundleInvalid(f"A bundle holds 1 to {TILE_WIDTH} entries, not {len(entries)}.")
    for place, entry in enumerate(entries):
        if len(entry) > MAX_ENTRY_BYTES:
            raise BundleInvalid(f"Entry {place} of the bundle has {len(entry)} bytes; {MAX_ENTRY_BYTES} fit.")
    return b"".join(len(entry).to_bytes(_LENGTH_BYTES, "big") + entry for entry in entries)


def decode_bundle(data: bytes) -> tuple[bytes, ...]:
    """Takes a bundle apart into its 1 to TILE_WIDTH entries.

    Raises:
        BundleInvalid: the bytes end within an entry, or hold no entry or too many.
    """
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        begin = at + _LENGTH_BYTES
        at = begin + int.from_bytes(data[at:begin], "big")
        if begin > len(data) or at > len(data):
            raise BundleInvalid(f"The bundle ends within its entry {len(entries)}.")
        entries.append(data[begin:at])
    if not 1 <= len(entries) <= TILE_WIDTH:
        raise BundleInvalid(f"A bundle holds 1 to {TILE_WIDTH} entries, not {len(entries)}.")
    return tuple(entries)


def tile_width(tile: TileId, tree_size: TreeSize) -> int:
    """How many hashes a tile has in a tree of this size: 0 where it does not stand yet, TILE_WIDTH where it is full."""
    hashes_of_level = tree_size >> (TILE_HEIGHT * tile.level)
    return max(0, min(TILE_WIDTH, hashes_of_level - tile.number * TILE_WIDTH))


def tiles_of(tree_size: TreeSize) -> Iterator[tuple[TileId, int]]:
    """Every tile of a tree of this size with its width, level by level from the leaves, each from left to right."""
    level, hashes_of_level = 0, int(tree_size)
    while hashes_of_level > 0:
        for number in range(-(-hashes_of_level // TILE_WIDTH)):
            yield TileId(level=level, number=number), min(TILE_WIDTH, hashes_of_level - number * TILE_WIDTH)
        level, hashes_of_level = level + 1, hashes_of_level >> TILE_HEIGHT


def append_leaves(*, old_size: TreeSize, leaves: Sequence[LeafHash], read: ReadTile) -> Mapping[TileId, bytes]:
    """What a log's tiles become when leaves are added; costs O(len(leaves) + log(old_size)).

    Args:
        old_size: how many leaves the log has.
        leaves: the new ones, in order; 32 bytes each; none is no change.
        read: reads the old tiles. At most one is asked for at each level: the unfinished one at the right edge.

    Returns:
        Every tile that changed, each with its whole content up to its new width.

    Raises:
        TreeSizeOutOfRange: the log would outgrow MAX_TREE_SIZE.
        TileInvalid: `read` answered with another number of bytes, or a leaf has not 32 bytes.
    """
    if not 0 <= old_size <= MAX_TREE_SIZE - len(leaves):
        raise TreeSizeOutOfRange(f"A log of {old_size} cannot take {len(leaves)} leaves more.")
    if any(len(leaf) != HASH_BYTES for leaf in leaves):
        raise TileInvalid(f"A new leaf has not {HASH_BYTES} bytes.")
    changed: dict[TileId, bytes] = {}
    level, old_count, added = 0, int(old_size), b"".join(leaves)
    while added:
        number, old_width = divmod(old_count, TILE_WIDTH)
        row = _read(read, TileId(level=level, number=number), old_width) + added if old_width else added
        above: list[bytes] = []
        for at in range(0, len(row), TILE_WIDTH * HASH_BYTES):
            content = row[at : at + TILE_WIDTH * HASH_BYTES]
            changed[TileId(level=level, number=number + len(above))] = content
            if len(content) == TILE_WIDTH * HASH_BYTES:
                above.append(root_of_joined(content))
        level, old_count, added = level + 1, number, b"".join(above)
    return changed


def with_changes(read: ReadTile, changed: Mapping[TileId, bytes]) -> ReadTile:
    """Reads the log as it will stand once `changed`, from `append_leaves`, is written."""

    def read_changed(tile: TileId, width: int) -> bytes:
        content = changed.get(tile)
        return read(tile, width) if content is None else content[: width * HASH_BYTES]

    return read_changed


def root_from_tiles(tree_size: TreeSize, read: ReadTile) -> RootHash:
    """The root of the log's first `tree_size` leaves; reads at most one tile of each level.

    Raises:
        TreeSizeOutOfRange: the size is negative or above MAX_TREE_SIZE.
        TileInvalid: `read` answered with another number of bytes than were asked for.
    """
    if not 0 <= tree_size <= MAX_TREE_SIZE:
        raise TreeSizeOutOfRange(f"{tree_size} is no size of a tree; the largest is {MAX_TREE_SIZE}.")
    if tree_size == 0:
        return EMPTY_ROOT
    return RootHash(_TreeOfTiles(tree_size, read).root_of(Subtree(begin=0, end=tree_size)))


def inclusion_proof_from_tiles(index: LeafIndex, tree_size: TreeSize, read: ReadTile) -> tuple[NodeHash, ...]:
    """The same proof as `merkle.inclusion_proof`, from at most two tiles of each level.

    Raises:
        LeafOutOfRange: no leaf stands at `index`.
        TreeSizeOutOfRange: the size is negative or above MAX_TREE_SIZE.
        TileInvalid: `read` answered with another number of bytes than were asked for.
    """
    tree = _TreeOfTiles(tree_size, read)
    return tuple(NodeHash(tree.root_of(subtree)) for subtree in inclusion_subtrees(index, tree_size))


def consistency_proof_from_tiles(old_size: TreeSize, new_size: TreeSize, read: ReadTile) -> tuple[NodeHash, ...]:
    """The same proof as `merkle.consistency_proof`, from at most two tiles of each level.

    Raises:
        TreeSizeOutOfRange: the old size is negative or above the new one, or the new one above MAX_TREE_SIZE.
        TileInvalid: `read` answered with another number of bytes than were asked for.
    """
    tree = _TreeOfTiles(new_size, read)
    return tuple(NodeHash(tree.root_of(subtree)) for subtree in consistency_subtrees(old_size, new_size))


class _TreeOfTiles:
    """One tree as its tiles tell it, each read once and at its width in this tree: a partial tile has no other name."""

    def __init__(self, tree_size: TreeSize, read: ReadTile) -> None:
        self._tree_size = tree_size
        self._read = read
        self._tiles: dict[TileId, bytes] = {}

    def root_of(self, subtree: Subtree) -> bytes:
        # A subtree of a proof begins at a multiple of its full size, so what is left of it always begins at a multiple of its
        # own largest power of two, and that part is full.
        full_roots: list[bytes] = []
        begin = subtree.begin
        while begin < subtree.end:
            height = (subtree.end - begin).bit_length() - 1
            full_roots.append(self._full_root(begin, height))
            begin += 1 << height
        root = full_roots.pop()
        while full_roots:
            root = node_hash(full_roots.pop(), root)
        return root

    def _full_root(self, begin: int, height: int) -> bytes:
        level, height_in_tile = divmod(height, TILE_HEIGHT)
        number, place = divmod(begin >> (TILE_HEIGHT * level), TILE_WIDTH)
        hashes = self._tile(TileId(level=level, number=number))
        row = hashes[place * HASH_BYTES : (place + (1 << height_in_tile)) * HASH_BYTES]
        return _remembered_root(row) if level else root_of_joined(row)

    def _tile(self, tile: TileId) -> bytes:
        if tile not in self._tiles:
            self._tiles[tile] = _read(self._read, tile, tile_width(tile, self._tree_size))
        return self._tiles[tile]


# Above the leaves few tiles serve every proof. What is remembered is a pure function of the hashes, whatever log they are from:
# about 2 MB, at most 8.
_remembered_root = lru_cache(maxsize=2048)(root_of_joined)


def _read(read: ReadTile, tile: TileId, width: int) -> bytes:
    content = read(tile, width)
    if len(content) != width * HASH_BYTES:
        raise TileInvalid(f"{tile_path(tile, width)} has {len(content)} bytes, not {width * HASH_BYTES}.")
    return content


def _number_and_width(number: int, width: int) -> str:
    if number < 0 or not 1 <= width <= TILE_WIDTH:
        raise TileInvalid(f"No tile has the number {number} and the width {width}.")
    groups = [f"{number % 1000:03}"]
    while number := number // 1000:
        groups.append(f"x{number % 1000:03}")
    return "/".join(reversed(groups)) + ("" if width == TILE_WIDTH else f".p/{width}")


def _match(pattern: re.Pattern[str], path: str) -> re.Match[str]:
    match = pattern.fullmatch(path) if len(path) <= _MAX_PATH_CHARACTERS else None
    if match is None:
        raise TilePathInvalid(f"{path[:_MAX_PATH_CHARACTERS]!r} is no path of a tile or entry bundle.")
    return match


def _number(match: re.Match[str]) -> int:
    return int(match["number"].replace("x", "").replace("/", ""))


def _width(match: re.Match[str]) -> int:
    width = TILE_WIDTH if match["width"] is None else int(match["width"])
    if width > TILE_WIDTH:
        raise TilePathInvalid(f"A tile has at most {TILE_WIDTH} hashes, not {width}.")
    return width
