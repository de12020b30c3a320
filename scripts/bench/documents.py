"""Adding and reading documents: the embedded store beside a plain copy with SHA-256, and Kubo beside its own command line.

The copy is as durable as the store: for each file it writes aside, syncs, renames and syncs the folder, and makes one digest. The
store makes that digest and the name of every chunk, and hashes every chunk again when it is read. "Unsynced" leaves every sync
out, of both: it shows what is not the disk. What is read was just written, so both find it in memory.

Each measurement is a process of its own, which measures without its own start and, of a store, without the making of its folders.
The two sides take turns at going first, each in a folder of its own; figures are medians of the rounds, and so is the ratio of
the two sides of a round. Memory is the most that any process of ours ever had, Python and its libraries with it. Nothing is
asserted.
"""

import argparse
import hashlib
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from greenlane.adapters.blocks import BlockStore
from greenlane.core.documents.cid import Cid, parse_cid
from greenlane.core.errors import GreenlaneError
from greenlane.ports.documents import Documents

from scripts.bench.report import Table

if TYPE_CHECKING:
    from scripts.bench.kubo_node import KuboNode

_PIECE_BYTES = 1 << 20
_STORE_AIM = "1.5×"
_KUBO_AIM = "1.3×"
_URL, _TOKEN = "BENCH_KUBO_URL", "BENCH_KUBO_TOKEN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is added and read in one measurement.

    Attributes:
        rounds: how many times, where nothing else was asked for.
    """

    title: str
    count: int
    size: int
    rounds: int


_LOADS = (
    Load(title="1,000 × 4 KiB", count=1_000, size=4_096, rounds=5),
    Load(title="1 × 1 GiB", count=1, size=1 << 30, rounds=3),
)

Measured = tuple[float, int]
"""Seconds, and the most memory in bytes."""


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, help="of each measurement (default: 5 of small documents, 3 of the large one)")
    parser.add_argument("--folder", type=Path, default=None, help="where to work, on the disk to be measured (default: TMPDIR)")
    parser.add_argument("--measure", nargs=3, metavar=("WHAT", "SOURCE", "TARGET"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        what, source, target = arguments.measure
        print(json.dumps(_measure(what, Path(source), Path(target))))
        return
    _compare_store(arguments.folder, arguments.rounds)
    _compare_kubo(arguments.folder, arguments.rounds)


def _compare_store(place: Path | None, rounds: int | None) -> None:
    print(f"  load of this machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    table = Table("embedded store", "", "copy + SHA-256", "store", "ratio", "of the rounds", "aim", "most memory")
    for load in _LOADS:
        with tempfile.TemporaryDirectory(dir=place) as folder:
            source = _written(Path(folder) / "source", load, seed=0)
            rows: dict[str, list[tuple[Measured, Measured]]] = {}
            for number in range(rounds or load.rounds):
                for title, pair in _store_round(load, source, Path(folder) / f"{number}", ours_first=number % 2 == 1):
                    rows.setdefault(title, []).append(pair)
            for title, pairs in rows.items():
                aim = "" if title.endswith("unsynced") else _STORE_AIM
                table.row(f"{title} {load.title}", *_figures(load, pairs, aim))
    print("\r" + " " * 60 + "\r", end="")
    table.print()
    print(f"  load of this machine after: {os.getloadavg()[0]:.1f}")


def _store_round(load: Load, source: Path, folder: Path, *, ours_first: bool) -> Iterator[tuple[str, tuple[Measured, Measured]]]:
    def both(title: str, theirs: tuple[str, Path], ours: tuple[str, Path]) -> tuple[str, tuple[Measured, Measured]]:
        # Whoever comes second finds the source in memory, and the disk busier.
        order = (ours, theirs) if ours_first else (theirs, ours)
        measured = {what: _in_a_process(what, source, target) for what, target in order}
        return title, (measured[theirs[0]], measured[ours[0]])

    for kind in ("", ", unsynced") if load.count > 1 else ("",):
        yield both(f"add{kind}", (f"copy{kind}", folder / f"copy{kind}"), (f"add{kind}", folder / f"add{kind}"))
    yield both("read", ("read-copy", folder / "copy"), ("read", folder / "add"))
    if load.count == 1:
        # Small ones stay until the end: a file system may look long for room where many files just went.
        shutil.rmtree(folder)


def _compare_kubo(place: Path | None, rounds: int | None) -> None:
    from scripts.bench.kubo_node import find_ipfs, kubo_node

    try:
        ipfs = find_ipfs(os.environ)
    except GreenlaneError as fault:
        print(f"\nKubo: not measured: no ipfs ({fault.detail})\n  Name one: IPFS=/path/ipfs make bench")
        return
    table = Table("Kubo", "", "ipfs add / cat", "through us", "ratio", "of the rounds", "aim", "most memory")
    with tempfile.TemporaryDirectory(dir=place) as folder, kubo_node(ipfs, Path(folder) / "node") as node:
        for load in _LOADS:
            rows: dict[str, list[tuple[Measured, Measured]]] = {}
            for number in range(rounds or load.rounds):
                for title, pair in _kubo_round(load, node, Path(folder) / f"{load.size}-{number}", number):
                    rows.setdefault(title, []).append(pair)
                node.forget_all()
            for title, pairs in rows.items():
                table.row(f"{title} {load.title}", *_figures(load, pairs, _KUBO_AIM))
    print("\r" + " " * 60 + "\r", end="")
    table.print()
    print("  One `ipfs` command for all documents of a round, its start with it. Each side adds bytes that the node never saw,")
    print("  and reads what it added; the command line takes what the node says, we hash it.")


def _kubo_round(load: Load, node: "KuboNode", folder: Path, number: int) -> Iterator[tuple[str, tuple[Measured, Measured]]]:
    theirs, ours = (_written(folder / f"{seed}", load, seed=seed) for seed in (2 * number + 1, 2 * number + 2))
    environment = {_URL: node.url, _TOKEN: node.token}
    cids: list[str] = []

    def add_theirs() -> Measured:
        began = time.perf_counter()
        cids.extend(node.run("add", "--quiet", *(str(file) for file in sorted(theirs.iterdir()))).split())
        return time.perf_counter() - began, 0

    def read_theirs() -> Measured:
        began = time.perf_counter()
        node.run("cat", *cids, is_heard=False)
        return time.perf_counter() - began, 0

    def add_ours() -> Measured:
        return _in_a_process("kubo-add", ours, folder / "added", environment)

    def read_ours() -> Measured:
        return _in_a_process("kubo-read", ours, folder / "added", environment)

    for title, of_theirs, of_ours in (("add", add_theirs, add_ours), ("read", read_theirs, read_ours)):
        if number % 2:
            mine = of_ours()
            yield title, (of_theirs(), mine)
        else:
            yield title, (of_theirs(), of_ours())
    shutil.rmtree(folder)


def _figures(load: Load, pairs: list[tuple[Measured, Measured]], aim: str) -> tuple[str, ...]:
    ratios = sorted(ours[0] / theirs[0] for theirs, ours in pairs)
    sides = (median(one[0] for one in side) for side in zip(*pairs, strict=True))
    speeds = [f"{load.count * load.size / seconds / 1e6:,.0f} MB/s ({seconds:.2f} s)" for seconds in sides]
    peak = max(ours[1] for _, ours in pairs)
    return (*speeds, f"{median(ratios):.2f}×", f"{ratios[0]:.2f}–{ratios[-1]:.2f}", aim, f"{peak / 1e6:,.0f} MB")


def _written(folder: Path, load: Load, *, seed: int) -> Path:
    folder.mkdir(parents=True)
    for number in range(load.count):
        made = random.Random(seed * load.count + number)
        with (folder / f"{number:04}").open("wb") as file:
            for at in range(0, load.size, _PIECE_BYTES):
                file.write(made.randbytes(min(_PIECE_BYTES, load.size - at)))
    return folder


def _in_a_process(what: str, source: Path, target: Path, environment: Mapping[str, str] | None = None) -> Measured:
    print(f"\r  {what}: {target.name}" + " " * 30, end="", flush=True)
    target.mkdir(parents=True, exist_ok=True)
    # What others left to be written would be written at our cost.
    os.sync()
    command = [sys.executable, "-m", "scripts.bench.documents", "--measure", what, str(source), str(target)]
    whole = {**os.environ, **(environment or {})}
    seconds, peak = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=whole).stdout)
    return seconds, peak


def _measure(what: str, source: Path, target: Path) -> Measured:
    if what.endswith(", unsynced"):
        setattr(os, "fsync", lambda _: None)  # noqa: B010
    files = sorted(source.iterdir())
    names = target / "cids"
    cids = [parse_cid(text) for text in names.read_text(encoding="ascii").split()] if names.exists() else []
    store: Documents = BlockStore(target / "documents")
    if what.startswith("kubo-"):
        # Here alone: its libraries are no part of the embedded store's memory.
        from greenlane.adapters.kubo import Kubo

        store = Kubo(os.environ[_URL], token=os.environ[_TOKEN], timeout_s=60)
    measures: dict[str, Callable[[], list[Cid]]] = {
        "copy": lambda: _copy(files, target),
        "add": lambda: _add(files, store),
        "read-copy": lambda: _read_copy([target / file.name for file in files]),
        "read": lambda: _read(cids, store),
    }
    measure = measures[what.removeprefix("kubo-").removesuffix(", unsynced")]
    store.check()
    began = time.perf_counter()
    added = measure()
    seconds = time.perf_counter() - began
    if added:
        names.write_text("\n".join(cid.text for cid in added), encoding="ascii")
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _copy(files: list[Path], target: Path) -> list[Cid]:
    folder = os.open(target, os.O_RDONLY)
    for file in files:
        digest = hashlib.sha256()
        aside = target / f"{file.name}.new"
        with file.open("rb") as source, aside.open("xb") as copy:
            while piece := source.read(_PIECE_BYTES):
                digest.update(piece)
                copy.write(piece)
            copy.flush()
            os.fsync(copy.fileno())
        digest.digest()
        aside.rename(target / file.name)
        os.fsync(folder)
    os.close(folder)
    return []


def _add(files: list[Path], store: Documents) -> list[Cid]:
    added = []
    for file in files:
        with file.open("rb") as source:
            added.append(store.add(source).cid)
    return added


def _read_copy(files: list[Path]) -> list[Cid]:
    for file in files:
        digest = hashlib.sha256()
        with file.open("rb") as copy:
            while piece := copy.read(_PIECE_BYTES):
                digest.update(piece)
        digest.digest()
    return []


def _read(cids: list[Cid], store: Documents) -> list[Cid]:
    for cid in cids:
        for _ in store.read(cid):
            pass
    return []


if __name__ == "__main__":
    main()
