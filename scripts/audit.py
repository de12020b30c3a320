"""Lets tools that nobody here wrote judge what we serve and ship.

A served log is walked by the fsck of tessera, a Go implementation of C2SP tlog-tiles: a local network is set up in a temporary
folder, at least 100,000 events are captured, published and served over HTTP. The tool must recompute the whole log and agree;
then one byte of one stored tile is flipped, and the tool must refuse. docker-compose.yml is read by the loader that `docker
compose config` runs, and must be refused by it with one name misspelt. Where Go is not installed, this says so and ends; in CI
(CI=true) that is a failure.
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
from greenlane_node.embedded.anvil import free_port

from scripts.bench.events import document_of
from scripts.running import BIN, Child, NotReady

_FSCK = "github.com/transparency-dev/tessera/cmd/fsck@v1.0.4"
_LOADER = "github.com/compose-spec/compose-go/v2/cmd@v2.16.2"
_COMPOSE_FILE = Path("docker-compose.yml")
_CENTER = CenterId("lima")
_BATCH = 5_000
_TOOL_PATIENCE_S = 600


def main() -> int:
    """Runs the audit; the process's exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000, help="entries of the log that is walked")
    entries: int = parser.parse_args().entries
    tool, loader = _tool("fsck", _FSCK), _tool("compose", _LOADER)
    if tool is None or loader is None:
        print("audit: Go was not found, so the auditor's tool cannot be built. Install Go and run make audit again.")
        return 1 if os.environ.get("CI") == "true" else 0
    if not _load(loader):
        return 1
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


def _tool(name: str, source: str) -> Path | None:
    """A tool, built where it is not there yet; None where it cannot be."""
    built = Path(".build/go").absolute() / source.rpartition("@")[2] / name
    if built.exists():
        return built
    go = shutil.which("go")
    if go is None:
        return None
    print(f"── building {name} (a minute at the first time)")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([go, "install", source], env=dict(os.environ) | {"GOBIN": folder}, check=True)
        built.parent.mkdir(parents=True, exist_ok=True)
        # Go names a program after its folder, and that is sometimes no name.
        shutil.move(next(Path(folder).iterdir()), built)
    return built


def _load(loader: Path) -> bool:
    """Whether Compose's loader reads our file, and refuses it with a name misspelt."""
    text = _COMPOSE_FILE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        misspelt = Path(folder) / "docker-compose.yml"
        misspelt.write_text(text.replace("healthcheck:", "healthchek:", 1), encoding="utf-8")
        done = [subprocess.run([loader, file], capture_output=True, text=True, check=False) for file in (_COMPOSE_FILE, misspelt)]
    services = done[0].stdout.count("image:")
    if done[0].returncode != 0 or services == 0 or done[1].returncode == 0:
        print(f"audit: Compose's loader should have read docker-compose.yml and refused it misspelt.\n{done[0].stderr[-2000:]}")
        return False
    print(f"✔ Compose's loader reads docker-compose.yml ({services} services), and refuses it with a name misspelt")
    return True


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
