"""Programs that stand in for `besu`, `ipfs` and `java`, and homes full of nodes, for tests of how nodes are run.

programs = stand_in_programs(tmp_path / "bin")     # a folder to put on PATH
misbehave(home, "validator-lima", crash="no more")
"""

import atexit
import json
import os
import socket
import sys
from collections import deque
from pathlib import Path

from greenlane_node.machine.running import is_free_port

_BLOCK = 64
_BLOCKS = range(22_016, 32_704, _BLOCK)
_HELD = 8
"""Blocks that one process keeps; what a test has long ended needs none."""
_guards: deque[socket.socket] = deque()
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
    """The first of so many ports of loopback that follow one another, all free, and of this process as long as it is so.

    Looking is not enough where several processes test at once: between the look and the start of a node another might find the
    same. So ports are taken by blocks, and a socket bound to the first port of a block keeps others away from it. They lie below
    those that the system gives to whoever connects.
    """
    assert count < _BLOCK
    first = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) * 41 + os.getpid()
    for number in range(len(_BLOCKS)):
        block = _BLOCKS[(first + number) % len(_BLOCKS)]
        if any(guard.getsockname()[1] == block for guard in _guards):
            continue
        # Without SO_REUSEADDR: where somebody holds it, there is no second.
        guard = socket.socket()
        try:
            guard.bind(("127.0.0.1", block))
        except OSError:
            guard.close()
            continue
        if all(map(is_free_port, range(block + 1, block + 1 + count))):
            if len(_guards) == _HELD:
                _guards.popleft().close()
            _guards.append(guard)
            return block + 1
        guard.close()
    raise AssertionError("no ports of loopback are free")


def free_port() -> int:
    """A free port of loopback, as `free_base` gives them."""
    return free_base(1)


@atexit.register
def _let_go() -> None:
    for guard in _guards:
        guard.close()
