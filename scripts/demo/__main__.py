"""`make demo`: three pilot centers, two supply chains, one receipt that a stranger checks, and one lie that is caught.

Everything a user would do goes through the same commands and the same HTTP interface that a user has. The stranger is a separate
process with the base install alone, a trust file and the address of a node.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greenlane.bootstrap import Deployment, open_deployment
from greenlane.core.errors import GreenlaneError
from greenlane.core.units import CenterId, center_id, member_id
from greenlane.ports.accounts import KeyRole, MemberRole, Visibility
from greenlane.settings import read_settings
from greenlane_node.embedded.anvil import ChainNotStarted
from greenlane_node.embedded.network import EmbeddedNetwork, RunningNetwork

from scripts.running import BIN, Child, NotReady, is_answering

_HOME = Path("var/demo").absolute()
_CHAINS = Path(__file__).parent / "chains"
_STRANGER = Path(".build/stranger/bin/greenlane").absolute()
_PORT = 8600
_PATIENCE_S = 60


class DemoFailed(Exception):
    """A step did not show what it should; the message says which."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a command answered."""

    code: int
    out: str
    err: str


def main() -> int:
    """Runs the demo; the process's exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="keep the network and the server running until Ctrl-C")
    keep: bool = parser.parse_args().keep
    began = time.monotonic()
    url = f"http://127.0.0.1:{_PORT}"
    if is_answering(f"{url}/health/live"):
        print(f"demo: something serves {url} already (make up?). Stop it first.")
        return 2
    try:
        is_new = not (keep and (_HOME / "done").exists())
        if is_new and _HOME.exists():
            EmbeddedNetwork.stop(_HOME)
            shutil.rmtree(_HOME)
        with EmbeddedNetwork.start(_HOME) as network:
            _say(
                1,
                "a local chain with the registry of three pilot centers",
                f"chain id {network.network.chain_id} at {network.rpc_url}",
            )
            server = Child(
                "server",
                [BIN / "greenlane", "serve", "--home", _HOME],
                log=_HOME / "server.log",
                environment={"GREENLANE_PORT": str(_PORT)},
            )
            try:
                if is_new:
                    _run(network, server, url)
                else:
                    server.wait_ready(f"{url}/health/ready")
                print(f"\n✔ done in {time.monotonic() - began:.0f} s")
                _point_the_way(url, keep=keep)
                if keep:
                    _wait_for_ctrl_c(server)
            finally:
                server.stop()
    except (DemoFailed, NotReady, ChainNotStarted, GreenlaneError) as fault:
        print(f"\n✘ {fault}")
        return 1
    return 0


def _run(network: RunningNetwork, server: Child, url: str) -> None:
    world = json.loads((_CHAINS / "members.json").read_text())
    with open_deployment(read_settings({"GREENLANE_HOME": str(_HOME)})) as deployment:
        keys = _enrol(deployment, world)
        server.wait_ready(f"{url}/health/ready")
        _say(3, "the server listens, and its worker publishes and anchors", url)
        count = _capture(world, keys, url)
        _wait_until_anchored(deployment)
        _fsck()
        headline = _headline_event(world, url)
        receipt = _fetch_receipt(headline, url)
        _verify(network, receipt)
        _tamper(network, receipt)
        _summary(deployment, count)
    (_HOME / "done").touch()


def _enrol(deployment: Deployment, world: dict[str, Any]) -> dict[str, Path]:
    """Members of each center, and one facilitator's key for each; where the keys lie."""
    keys: dict[str, Path] = {}
    folder = _HOME / "api-keys"
    folder.mkdir(mode=0o700)
    members = 0
    for center in world["centers"]:
        of = center_id(center["id"])
        for member in center["members"]:
            deployment.enrol.member(
                center=of,
                member=member_id(member["id"]),
                name=member["name"],
                roles=frozenset(MemberRole(role) for role in member["roles"]),
                visibility=Visibility(member["visibility"]),
                actor="console",
            )
            members += 1
        _, text = deployment.enrol.issue_key(
            center=of, role=KeyRole.FACILITATOR, member=None, label="demo", expires_at=None, actor="console"
        )
        keys[center["id"]] = folder / f"{center['id']}.key"
        keys[center["id"]].touch(mode=0o600)
        keys[center["id"]].write_text(text + "\n")
    _say(2, f"{members} firms, certifiers, agencies and buyers enrolled, one API key for each center", str(folder))
    return keys


def _capture(world: dict[str, Any], keys: dict[str, Path], url: str) -> int:
    """Sends every member's documents by the command line; how many events were taken."""
    total = 0
    for center in world["centers"]:
        for member in center["members"]:
            for document in member["documents"]:
                told = _tell(
                    BIN / "greenlane", "capture", _CHAINS / document, "--member", member["id"],
                    "--key-file", keys[center["id"]], "--url", url, "--json",
                )  # fmt: skip
                if told.code != 0:
                    raise DemoFailed(f"capture of {document}: {told.err}")
                total += len(json.loads(told.out)["events"])
                _progress(f"captured {total} events: {member['name']}, {document}")
    _progress("")
    _say(4, f"{total} events of a cocoa and a furniture chain captured over HTTP", "farm, plantation → factory → retail, office")
    return total


def _wait_until_anchored(deployment: Deployment) -> None:
    end_s = time.monotonic() + _PATIENCE_S
    began = time.monotonic()
    waiting = [center.id for center in deployment.signer.centers()]
    while waiting:
        if time.monotonic() > end_s:
            raise DemoFailed(f"not anchored within {_PATIENCE_S} s: {', '.join(waiting)}; see {_HOME / 'server.log'}")
        waiting = [center for center in waiting if not _is_anchored(deployment, center)]
        _progress(f"waiting for {', '.join(waiting)}")
        time.sleep(0.1)
    _progress("")
    _say(
        5,
        "every log is published, and its root anchored in the contract",
        f"{time.monotonic() - began:.1f} s after the last capture",
    )


def _is_anchored(deployment: Deployment, center: CenterId) -> bool:
    with deployment.store.read() as tx:
        anchor = tx.log.newest_anchor(center)
        return anchor is not None and anchor.tree_size == tx.log.head(center).captured


def _fsck() -> None:
    told = _tell(BIN / "greenlane", "fsck", "--home", _HOME)
    if told.code != 0:
        raise DemoFailed(f"fsck: {told.out}{told.err}")
    _say(6, "fsck recomputed every event, leaf, tile and checkpoint, and found each root on the chain", "")
    print("".join(f"       {line}\n" for line in told.out.splitlines()[:-1]), end="")


def _headline_event(world: dict[str, Any], url: str) -> str:
    """The event hash of the newest public event of the first headline item, as the public page gives it."""
    item = world["headline"][0]
    request = urllib.request.Request(url + item["path"], headers={"Accept": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(json.load(answer)["events"][-1]["eventHash"])
    except (OSError, ValueError, LookupError) as cause:
        raise DemoFailed(f"the page of {item['title']}: {cause}") from cause


def _fetch_receipt(event_hash: str, url: str) -> Path:
    file = _HOME / "receipt.json"
    told = _tell(BIN / "greenlane", "receipt", event_hash, "--url", url, "--output", file)
    if told.code != 0:
        raise DemoFailed(f"receipt: {told.err}")
    _say(7, "a receipt fetched", f"{file.relative_to(Path.cwd())}, {file.stat().st_size} bytes")
    return file


def _verify(network: RunningNetwork, receipt: Path) -> None:
    told = _tell(_STRANGER, "verify", receipt, "--trust", network.home.trust_file, "--rpc", network.rpc_url)
    if told.code != 0:
        raise DemoFailed(f"the stranger does not agree:\n{told.out}{told.err}")
    _say(8, "a stranger with the base install, the trust file and a node checks it", "exit code 0")
    print("".join(f"       {line}\n" for line in told.out.splitlines()), end="")


def _tamper(network: RunningNetwork, receipt: Path) -> None:
    """Changes one byte of the event inside the receipt; the stranger must refuse it and say why."""
    data = receipt.read_bytes()
    place = data.index(b'"eventTime":"20') + len(b'"eventTime":"2026-0')
    forged = data[:place] + (b"1" if data[place : place + 1] != b"1" else b"2") + data[place + 1 :]
    file = receipt.with_name("forged.json")
    file.write_bytes(forged)
    told = _tell(_STRANGER, "verify", file, "--trust", network.home.trust_file, "--rpc", network.rpc_url)
    if told.code != 1:
        raise DemoFailed(f"a forged receipt was not refused (exit code {told.code}):\n{told.out}{told.err}")
    _say(9, "one byte of it changed: the stranger refuses", "exit code 1")
    print("".join(f"       {line}\n" for line in told.out.splitlines()), end="")


def _summary(deployment: Deployment, events: int) -> None:
    print("\n  center         events captured   tree size   anchored root                   block")
    print("  ─────────────  ───────────────   ─────────   ─────────────────────────────   ─────")
    total = 0
    for center in deployment.signer.centers():
        with deployment.store.read() as tx:
            head, anchor = tx.log.head(center.id), tx.log.newest_anchor(center.id)
        if anchor is None:
            raise DemoFailed(f"{center.id} has no anchor")
        total += head.captured
        block = "–" if anchor.block_number is None else str(anchor.block_number)
        root = anchor.root.hex()[:28]
        print(f"  {center.id:<13}  {head.captured:>15}   {anchor.tree_size:>9}   {root}…   {block:>5}")
    if total != events:
        raise DemoFailed(f"{events} events were taken, the logs hold {total}")


def _point_the_way(url: str, *, keep: bool) -> None:
    world = json.loads((_CHAINS / "members.json").read_text())
    for item in world["headline"]:
        print(f"  {item['title']}: {url}{item['path']}")
    print("  Press Ctrl-C to stop." if keep else "  `make up` keeps the server running, so that these pages can be looked at.")


def _wait_for_ctrl_c(server: Child) -> None:
    stop = False

    def ask_to_stop(*_: object) -> None:
        nonlocal stop
        stop = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask_to_stop)
    while not stop:
        if not server.is_running:
            raise DemoFailed(f"the server ended:\n{server.log_end()}")
        time.sleep(0.2)
    print("\n── stopping")


def _tell(*command: str | Path) -> Told:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300, check=False)
    return Told(done.returncode, done.stdout, done.stderr.strip())


def _say(step: int, what: str, detail: str) -> None:
    print(f"── {step} of 9  {what}{f' ({detail})' if detail else ''}", flush=True)


def _progress(text: str) -> None:
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns - 1
        print(f"\r\x1b[K{text[:width]}", end="", flush=True)


if __name__ == "__main__":
    os.environ.pop("GREENLANE_HOME", None)
    sys.exit(main())
