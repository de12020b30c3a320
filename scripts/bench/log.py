"""Publish, prove and verify at log sizes of 10^3, 10^5 and 10^7, on the embedded store.

Beside each: the naive way, which hashes the whole tree again. Nothing is asserted; the figures are printed with their ratios.
"""

import argparse
import hashlib
import random
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from greenlane.adapters.keystore import LogSigner
from greenlane.adapters.sql.store import open_store
from greenlane.core import crypto
from greenlane.core.merkle import leaf_hash, root_of_joined, verify_inclusion
from greenlane.core.note import VerifierKey
from greenlane.core.tiles import ReadTile, TileId, inclusion_proof_from_tiles, root_from_tiles
from greenlane.core.units import CenterId, LeafIndex, RootHash, TreeSize
from greenlane.ports.signing import HostedCenter
from greenlane.ports.store import Store, Transaction
from greenlane.services.publish import Publish

from scripts.bench.report import Table

_CENTER = CenterId("bench")
_SEED = bytes(range(32))
_FILL_BATCH = 65_536
_NEW = 1_000


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10**3, 10**5, 10**7], help="tree sizes to measure at")
    sizes: list[int] = parser.parse_args().sizes
    table = Table(
        "log", "tree size", "publish 1,000", "naive rebuild", "ratio", "proof p50", "proof p95", "tiles read", "verify p50"
    )
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'bench.sqlite3'}")
        store.migrate()
        publish = Publish(store=store, signer=_signer(), terms=lambda _center: None, clock=lambda: datetime.now(UTC))
        size = TreeSize(0)
        for target in sorted(sizes):
            size = _fill(store, publish, size, TreeSize(target))
            table.row(f"{target:,}", *_measure(store, publish, size))
            size = TreeSize(size + _NEW)
        store.close()
    table.print()


def _entries(start: int, count: int) -> list[bytes]:
    """Entries of kind 1 whose subject and content no two share."""
    return [
        b"\x01" + index.to_bytes(32, "big") + hashlib.sha256(index.to_bytes(8, "big")).digest()
        for index in range(start, start + count)
    ]


def _reader(tx: Transaction) -> ReadTile:
    return lambda tile, width: tx.log.read_tile(_CENTER, tile, width)


def _fill(store: Store, publish: Publish, size: TreeSize, target: TreeSize) -> TreeSize:
    while size < target:
        entries = _entries(size, min(_FILL_BATCH, target - size))
        _append(store, entries)
        publish(_CENTER)
        size = TreeSize(size + len(entries))
        print(f"\r  filling: {size:,} of {target:,} entries", end="", flush=True)
    print("\r" + " " * 60 + "\r", end="")
    return size


def _append(store: Store, entries: list[bytes]) -> None:
    with store.write() as tx:
        tx.log.lock(_CENTER)
        tx.log.append(_CENTER, entries)


def _measure(store: Store, publish: Publish, size: TreeSize) -> tuple[str, ...]:
    root = _root(store, size)
    proof_s: list[float] = []
    verify_s: list[float] = []
    tiles_read = 0
    places = random.Random(7).sample(range(size), min(size, 300))
    for index in places:
        leaf = leaf_hash(_entries(index, 1)[0])
        with store.read() as tx:
            read, counted = _counting(_reader(tx))
            began = time.perf_counter()
            proof = inclusion_proof_from_tiles(LeafIndex(index), size, read)
            proof_s.append(time.perf_counter() - began)
        tiles_read = max(tiles_read, counted())
        began = time.perf_counter()
        verify_inclusion(leaf=leaf, index=LeafIndex(index), tree_size=size, proof=proof, root=root)
        verify_s.append(time.perf_counter() - began)
    _append(store, _entries(size, _NEW))
    began = time.perf_counter()
    publish(_CENTER)
    publish_s = time.perf_counter() - began
    began = time.perf_counter()
    root_of_joined(b"".join(leaf_hash(entry) for entry in _entries(0, size + _NEW)))
    naive_s = time.perf_counter() - began
    return (
        _ms(publish_s),
        _ms(naive_s),
        f"{naive_s / publish_s:.1f}×",
        _ms(_at(proof_s, 0.5)),
        _ms(_at(proof_s, 0.95)),
        str(tiles_read),
        _ms(_at(verify_s, 0.5)),
    )


def _signer() -> LogSigner:
    origin = "bench.example/log"
    key = VerifierKey(name=origin, public_key=crypto.ed25519_public_key(_SEED))
    return LogSigner([HostedCenter(id=_CENTER, name="Bench", economy="PE", origin=origin, key=key)], {_CENTER: _SEED})


def _root(store: Store, size: TreeSize) -> RootHash:
    with store.read() as tx:
        return root_from_tiles(size, _reader(tx))


def _counting(read: ReadTile) -> tuple[ReadTile, Callable[[], int]]:
    seen: set[object] = set()

    def counted(tile: TileId, width: int) -> bytes:
        seen.add(tile)
        return read(tile, width)

    return counted, lambda: len(seen)


def _at(times: list[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.3f} ms"


if __name__ == "__main__":
    main()
