"""Adding and reading documents: the embedded store beside a plain copy with SHA-256, each in a process of its own.

The copy is as durable as the store: it writes aside, syncs, renames and syncs the folder, for each file. "Unsynced" leaves every
sync out, of both, and shows what the hashing and cutting cost where the disk is fast. The copy makes one digest; the store makes
that and the name of every block, and hashes every block again when it is read. Each figure is the best of its rounds, which take
turns; memory is the most that the process ever had, the interpreter and its libraries with it. Nothing is asserted.
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
from collections.abc import Callable, Iterator
from pathlib import Path

from greenlane.adapters.blocks import BlockStore
from greenlane.core.documents.cid import parse_cid

from scripts.bench.report import Table

_PIECE_BYTES = 1 << 20
_KINDS = {"1,000 × 4 KiB": (1_000, 4_096), "1 × 1 GiB": (1, 1 << 30)}


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of each measurement (default: 3)")
    parser.add_argument("--folder", type=Path, default=None, help="where to work, on the disk to be measured (default: TMPDIR)")
    parser.add_argument("--measure", nargs=3, metavar=("WHAT", "SOURCE", "TARGET"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        what, source, target = arguments.measure
        print(json.dumps(_measure(what, Path(source), Path(target))))
        return
    table = Table("documents", "", "copy + SHA-256", "store", "ratio", "most memory")
    for kind, (count, size) in _KINDS.items():
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            for row in _rows(kind, count, size, Path(folder), arguments.rounds):
                table.row(*row)
    table.print()


def _rows(kind: str, count: int, size: int, folder: Path, rounds: int) -> Iterator[tuple[str, ...]]:
    source = folder / "source"
    source.mkdir()
    for number in range(count):
        with (source / f"{number:04}").open("wb") as file:
            made = random.Random(number)
            for at in range(0, size, _PIECE_BYTES):
                file.write(made.randbytes(min(_PIECE_BYTES, size - at)))
    os.sync()
    for title, copy, store in (
        ("add", "copy", "add"),
        ("add, unsynced", "copy-unsynced", "add-unsynced"),
        ("read", "read-copy", "read"),
    ):
        best = {copy: (float("inf"), 0), store: (float("inf"), 0)}
        for _ in range(rounds):
            for what in best:
                done = _in_a_process(what, source, folder / what.removeprefix("read-").replace("read", "add"))
                best[what] = min(best[what], done)
                print(f"\r  {kind}, {what}: {done[0]:.2f} s" + " " * 20, end="", flush=True)
        print("\r" + " " * 60 + "\r", end="")
        (copy_s, _), (store_s, peak) = best[copy], best[store]
        speed = [f"{count * size / seconds / 1e6:,.0f} MB/s ({seconds:.2f} s)" for seconds in (copy_s, store_s)]
        yield f"{title} {kind}", *speed, f"{store_s / copy_s:.2f}×", f"{peak / 1e6:,.0f} MB"


def _in_a_process(what: str, source: Path, target: Path) -> tuple[float, int]:
    if not what.startswith("read"):
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        os.sync()
    command = [sys.executable, "-m", "scripts.bench.documents", "--measure", what, str(source), str(target)]
    seconds, peak = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return seconds, peak


def _measure(what: str, source: Path, target: Path) -> tuple[float, int]:
    """Seconds, and the most memory in bytes."""
    files = sorted(source.iterdir())
    measures: dict[str, Callable[[], None]] = {
        "copy": lambda: _copy(files, target, is_synced=True),
        "copy-unsynced": lambda: _copy(files, target, is_synced=False),
        "add": lambda: _add(files, target),
        "add-unsynced": lambda: _add(files, target),
        "read-copy": lambda: _read_copy(target),
        "read": lambda: _read(target),
    }
    if what == "add-unsynced":
        setattr(os, "fsync", lambda _: None)  # noqa: B010
    began = time.perf_counter()
    measures[what]()
    return time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _copy(files: list[Path], target: Path, *, is_synced: bool) -> None:
    folder = os.open(target, os.O_RDONLY)
    for file in files:
        digest = hashlib.sha256()
        aside = target / f"{file.name}.new"
        with file.open("rb") as source, aside.open("xb") as copy:
            while piece := source.read(_PIECE_BYTES):
                digest.update(piece)
                copy.write(piece)
            if is_synced:
                copy.flush()
                os.fsync(copy.fileno())
        aside.rename(target / file.name)
        if is_synced:
            os.fsync(folder)
    os.close(folder)


def _add(files: list[Path], target: Path) -> None:
    store = BlockStore(target / "documents")
    cids = []
    for file in files:
        with file.open("rb") as source:
            cids.append(store.add(source).cid.text)
    (target / "cids").write_text("\n".join(cids), encoding="ascii")


def _read_copy(target: Path) -> None:
    for file in sorted(target.iterdir()):
        digest = hashlib.sha256()
        with file.open("rb") as copy:
            while piece := copy.read(_PIECE_BYTES):
                digest.update(piece)


def _read(target: Path) -> None:
    store = BlockStore(target / "documents")
    for cid in (target / "cids").read_text(encoding="ascii").splitlines():
        for _ in store.read(parse_cid(cid)):
            pass


if __name__ == "__main__":
    main()
