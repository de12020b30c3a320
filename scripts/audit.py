"""Lets an auditor's tool that nobody here wrote walk a served log: the fsck of tessera, a Go implementation of C2SP tlog-tiles.

A local network is set up in a temporary folder, at least 100,000 events are captured, published and served over HTTP. The tool
must recompute the whole log and agree; then one byte of one stored tile is flipped, and the tool must refuse. Where Go is not
installed, this says so and ends; in CI (CI=true) that is a failure.
"""

import argparse
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from greenlane.bootstrap import open_deployment
from greenlane.core.epcis.event import parse_document
from greenlane.core.units import CenterId, member_id
from greenlane.ports.accounts import MemberRole, Visibility
from greenlane.settings import read_settings
from greenlane_node.anvil import free_port

from scripts.bench.events import document_of
from scripts.running import BIN, Child, NotReady

_TOOL = "github.com/transparency-dev/tessera/cmd/fsck@v1.0.4"
_CENTER = CenterId("lima")
_BATCH = 5_000
_TOOL_PATIENCE_S = 600


def main() -> int:
    """Runs the audit; the process's exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000, help="entries of the log that is walked")
    entries: int = parser.parse_args().entries
    tool = _tool()
    if tool is None:
        print("audit: Go was not found, so the auditor's tool cannot be built. Install Go and run make audit again.")
        return 1 if os.environ.get("CI") == "true" else 0
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        _run([BIN / "greenlane-node", "embedded", "up", "--home", home, "--port", str(free_port())])
        try:
            return _audit(tool, home, entries)
        finally:
            _run([BIN / "greenlane-node", "embedded", "down", "--home", home])


def _audit(tool: Path, home: Path, entries: int) -> int:
    key = _fill(home, entries)
    port = free_port()
    environment = {"GREENLANE_HOME": str(home), "GREENLANE_PORT": str(port), "GREENLANE_PUBLIC_RATE": "10000000"}
    server = Child("server", [BIN / "greenlane", "serve", "--no-worker"], log=home / "server.log", environment=environment)
    url = f"http://127.0.0.1:{port}/v1/centers/{_CENTER}/log/"
    try:
        server.wait_ready(f"http://127.0.0.1:{port}/health/live")
        key_file = home / "log.vkey"
        key_file.write_text(key + "\n")
        if not _walk(tool, url, key_file, f"a log of {entries:,} entries", expect=True):
            return 1
        _flip_one_byte(home / "greenlane.sqlite3")
        if not _walk(tool, url, key_file, "the same log with one byte of one tile flipped", expect=False):
            return 1
    except NotReady as fault:
        print(f"audit: {fault}")
        return 1
    finally:
        server.stop()
    print("✔ the auditor's tool agrees with the log, and refuses the damaged one")
    return 0


def _tool() -> Path | None:
    """The auditor's tool, built where it is not there yet."""
    built = Path(".build/go/fsck").absolute()
    if built.exists():
        return built
    go = shutil.which("go")
    if go is None:
        return None
    print("── building the auditor's tool (a minute at the first time)")
    subprocess.run([go, "install", _TOOL], env=dict(os.environ) | {"GOBIN": str(built.parent)}, check=True)
    return built


def _fill(home: Path, entries: int) -> str:
    """Captures and publishes; the log's verifier key."""
    began = time.monotonic()
    settings = read_settings({"GREENLANE_HOME": str(home), "GREENLANE_MAX_UNPUBLISHED": "100000000"})
    with open_deployment(settings) as deployment:
        member = member_id("auditee")
        deployment.enrol.member(
            center=_CENTER,
            member=member,
            name="Auditee",
            roles=frozenset({MemberRole.ENTERPRISE}),
            visibility=Visibility.PUBLIC,
            actor="console",
        )
        for start in range(0, entries, _BATCH):
            events = parse_document(document_of(start, min(_BATCH, entries - start))).events
            deployment.capture(center=_CENTER, member=member, events=events, actor="console")
            while deployment.publish(_CENTER) is not None:
                pass
            print(f"\r── captured and published {start + len(events):,} of {entries:,} events", end="", flush=True)
        print(f" in {time.monotonic() - began:.0f} s")
        return deployment.signer.center(_CENTER).key.encode()


def _walk(tool: Path, url: str, key_file: Path, what: str, *, expect: bool) -> bool:
    began = time.monotonic()
    # Four workers: one that finds damage ends, and with a single one the tool would wait for it for ever.
    command: list[str | Path] = [
        tool,
        "--storage_url",
        url,
        "--public_key",
        key_file,
        "--ui=false",
        "-N",
        "4",
        "-v",
        "1",
        "-logtostderr=true",
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TOOL_PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        print(f"audit: the tool did not end within {_TOOL_PATIENCE_S} s.")
        return False
    words = done.stdout + done.stderr
    # Its exit code is 0 whatever it found; what it found stands in its last report.
    report = words.partition("Completed ranges:")[2]
    agrees = done.returncode == 0 and "OK" in report and "Invalid" not in report and "fsck failed" not in words
    print(f"── {what}: the tool {'agrees' if agrees else 'refuses'} after {time.monotonic() - began:.1f} s")
    for line in report.splitlines():
        if line.strip():
            print(f"     {line.strip()}")
    if agrees != expect or not report:
        print(f"audit: it should have {'agreed' if expect else 'refused'}. Its words:\n{words[-2000:]}")
        return False
    return True


def _flip_one_byte(database: Path) -> None:
    """Damages the first full tile of leaves, as a fault of the disk would."""
    with closing(sqlite3.connect(database)) as connection, connection:
        row, hashes = connection.execute("SELECT rowid, hashes FROM tile WHERE level = 0 AND number = 0").fetchone()
        damaged = bytes([hashes[0] ^ 1]) + hashes[1:]
        connection.execute("UPDATE tile SET hashes = ? WHERE rowid = ?", (damaged, row))


def _run(command: list[str | Path]) -> None:
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
