"""Programs that stand in for `besu`, `ipfs` and `java`, and homes full of nodes, for tests of how nodes are run.

programs = stand_in_programs(tmp_path / "bin")     # a folder to put on PATH
misbehave(home, "validator-lima", crash="no more")
"""

import json
import os
import sys
from pathlib import Path

from greenlane_node.machine import is_free_port

_STAND_INS = Path(__file__).parent / "stand_in_nodes"


def stand_in_programs(folder: Path, *, java: str = "25", besu: str = "26.8.0") -> Path:
    """Writes `besu`, `ipfs` and `java` into a folder, which is given back; the versions are what they tell."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("besu", "ipfs"):
        # As Besu's own start script does: the process goes on as the program, under one number.
        script = f'#!/bin/sh\nexport STAND_IN_VERSION="{besu}"\nexec "{sys.executable}" "{_STAND_INS / name}.py" "$@"\n'
        _write(folder / name, script)
    _write(folder / "java", f"#!/bin/sh\necho 'openjdk version \"{java}\" 2025-09-16' >&2\n")
    return folder


def misbehave(home: Path, node: str, **ways: object) -> None:
    """Tells a stand-in for Besu how to misbehave from its next start on; see stand_in_nodes/besu.py."""
    (home / "besu" / node / "stand-in.json").write_text(json.dumps(ways), encoding="utf-8")


def _write(path: Path, script: str) -> None:
    path.write_text(script, encoding="utf-8")
    path.chmod(0o755)


def free_base(count: int) -> int:
    """The first of so many free ports of loopback that follow one another."""
    for base in range(22_000 + os.getpid() % 400 * 60, 60_000, 60):
        if all(map(is_free_port, range(base, base + count))):
            return base
    raise AssertionError("no ports of loopback are free")
