"""Kills the server, the worker and the chain with SIGKILL at random moments while events, documents and purchases come in.

After each restart: every acknowledged event is stored exactly once, every acknowledged document too; what was anchored keeps its
root; at intervals and at the end everything is anchored and `fsck --documents` finds nothing. At the end every document is served
byte for byte, its receipt verifies with the file, nothing is half-stored, and what is pinned is what is wanted; every act of a
purchase is decided and was done once, the contracts' sums are those of what was acknowledged, and each retirement has one
certificate, which verifies. The clients are careful ones: a request that got no answer is sent again with the same
Idempotency-Key, an upload is gone on with. The seed is printed; the same seed makes the same choices.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from greenlane.adapters.home import Home
from greenlane.bootstrap import Deployment, open_deployment
from greenlane.core.epcis.eventhash import event_hash_digest
from greenlane.core.units import CenterId, RootHash, TreeSize, member_id
from greenlane.ports.accounts import KeyRole, MemberRole, Visibility
from greenlane.ports.events import Reader
from greenlane.settings import Settings, read_settings
from greenlane_node.embedded.anvil import free_port, running_anvil

from scripts.bench.events import document_of
from scripts.bench.postgres import temporary_postgres
from scripts.chaos_documents import (
    DocumentsBroken,
    Shelf,
    Storer,
    check_bytes,
    check_nothing_half_stored,
    check_served,
    look_at_documents,
)
from scripts.chaos_purchases import (
    PurchasesBroken,
    Till,
    Trader,
    check_acts,
    check_certificates,
    enrol_traders,
    found_market,
    look_at_acts,
    wait_until_decided,
)
from scripts.running import BIN, Child, NotReady

_CENTERS = (CenterId("lima"), CenterId("tianjin"))
_MEMBERS = {CenterId("lima"): Visibility.PUBLIC, CenterId("tianjin"): Visibility.PRIVATE}
_FSCK_EVERY = 20
_DRAIN_S = 180


class Broken(Exception):
    """A promise was broken; the message says which."""


@dataclass(slots=True)
class Promises:
    """What the client was promised: event hashes by center, in the order of the acknowledgements."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    acknowledged: dict[CenterId, list[str]] = field(default_factory=lambda: {center: [] for center in _CENTERS})
    repeats: int = 0


class Client(threading.Thread):
    """Captures events of one center, one request after another, until it is told to stop."""

    def __init__(self, center: CenterId, key: str, url: str, book: Promises, seed: int) -> None:
        super().__init__(name=f"client of {center}", daemon=True)
        self._center = center
        self._key = key
        self._url = url
        self._book = book
        self._random = random.Random(seed)
        self._stop_asked = threading.Event()
        self.fault: str | None = None

    def stop(self) -> None:
        self._stop_asked.set()

    def run(self) -> None:
        number = 0
        while not self._stop_asked.is_set() and self.fault is None:
            count = self._random.randint(1, 25)
            body = json.dumps(document_of(number, count)).encode()
            self._send(body, f"{self._center}-{number}")
            number += count
            # Requests at all moments of a crash are wanted, not as many as the server can take.
            time.sleep(self._random.uniform(0, 0.1))

    def _send(self, body: bytes, key: str) -> None:
        """Sends one request until it is answered; only then does the next one go."""
        for attempt in range(10_000):
            request = urllib.request.Request(
                f"{self._url}/epcis/v2/capture",
                data=body,
                headers={
                    "Authorization": f"Bearer {self._key}",
                    "Content-Type": "application/ld+json",
                    "Idempotency-Key": key,
                },
            )
            try:
                with urllib.request.urlopen(request, timeout=15) as answer:
                    job = json.load(answer)
                with self._book.lock:
                    self._book.acknowledged[self._center] += [event["eventHash"] for event in job["events"]]
                    self._book.repeats += attempt
            except urllib.error.HTTPError as refusal:
                if refusal.code not in {429, 503}:
                    self.fault = f"capture was refused with {refusal.code}: {refusal.read(500)!r}"
                    return
            except (urllib.error.URLError, OSError, ValueError, EOFError):
                # No answer, or half of one: nobody knows whether it took effect.
                pass
            else:
                return
            time.sleep(0.05)
            if self._stop_asked.is_set():
                return


class Arena:
    """The processes of one deployment, and what is looked at from outside."""

    def __init__(self, home: Path, database: str | None) -> None:
        self.home = home
        self._chain_port = free_port()
        self.rpc_url = f"http://127.0.0.1:{self._chain_port}"
        self.chain_up()
        found_market(home)
        # What operators vouched for and voted is theirs to repeat where it is lost: it is kept before anything is killed.
        self._chain_down()
        self.chain_up()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {
            "GREENLANE_HOME": str(home),
            "GREENLANE_PORT": str(self.port),
            "GREENLANE_KEY_RATE": "10000000",
            "GREENLANE_PUBLIC_RATE": "10000000",
            "GREENLANE_RECHECK_INTERVAL_S": "1",
            "GREENLANE_RECONCILE_INTERVAL_S": "2",
        }
        if database is not None:
            self._environment["GREENLANE_DATABASE_URL"] = database.replace("postgresql://", "postgresql+psycopg://")
        self.server = self._start_server()
        self.worker = self._start_worker()

    @property
    def settings(self) -> Settings:
        return read_settings(self._environment)

    def chain_up(self) -> None:
        command = [BIN / "greenlane-node", "embedded", "up", "--home", self.home, "--port", str(self._chain_port)]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise Broken(f"the chain does not start again: {done.stderr.strip() or done.stdout.strip()}")

    def kill(self, name: str) -> None:
        if name == "chain":
            chain = running_anvil(self.home / "chain")
            if chain is not None:
                chain.kill()
        else:
            child: Child = getattr(self, name)
            child.kill()

    def restart(self, killed: list[str]) -> None:
        if "chain" in killed:
            self.chain_up()
        if "server" in killed:
            self.server = self._start_server()
        if "worker" in killed:
            self.worker = self._start_worker()
        self.server.wait_ready(f"{self.url}/health/live")
        if not self.worker.is_running:
            raise Broken(f"the worker ended by itself:\n{self.worker.log_end()}")

    def close(self) -> None:
        self.worker.stop()
        self.server.stop()
        self._chain_down()

    def _chain_down(self) -> None:
        subprocess.run(
            [str(BIN / "greenlane-node"), "embedded", "down", "--home", str(self.home)], check=True, capture_output=True
        )

    def _start_server(self) -> Child:
        return Child(
            "server", [BIN / "greenlane", "serve", "--no-worker"], log=self.home / "server.log", environment=self._environment
        )

    def _start_worker(self) -> Child:
        return Child("worker", [BIN / "greenlane", "worker"], log=self.home / "worker.log", environment=self._environment)


def main() -> int:
    """Runs it; the process's exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="how many times something is killed")
    parser.add_argument("--seed", type=int, default=None, help="repeat the choices of an earlier run")
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL, which is started for it, instead of SQLite")
    args = parser.parse_args()
    # Whoever ends us ends what we started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    seed = random.SystemRandom().randrange(2**32) if args.seed is None else args.seed
    print(f"── {args.runs} crashes on {'PostgreSQL' if args.postgres else 'SQLite'}, seed {seed}")
    with ExitStack() as stack:
        database = None
        if args.postgres:
            database = stack.enter_context(temporary_postgres())
            if database is None:
                print("chaos: PostgreSQL's server was not found. Install it (Debian: apt-get install postgresql) and run again.")
                return 1 if os.environ.get("CI") == "true" else 0
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        # The notes of uploads that members' commands write.
        os.environ["XDG_STATE_HOME"] = str(Path(folder) / "state")
        try:
            arena = Arena(Path(folder) / "home", database)
            stack.callback(arena.close)
            _run(arena, args.runs, random.Random(seed))
        except (Broken, DocumentsBroken, PurchasesBroken, NotReady) as fault:
            print(f"\n✘ {fault}\n  repeat with --seed {seed}")
            return 1
    return 0


def _run(arena: Arena, runs: int, choose: random.Random) -> None:
    began = time.monotonic()
    book, shelf, till = Promises(), Shelf(), Till()
    roots: dict[tuple[CenterId, TreeSize], RootHash] = {}
    with open_deployment(arena.settings) as deployment:
        capturing: list[Client] = []
        storing: dict[CenterId, Storer] = {}
        for center in _CENTERS:
            key = _enrol(deployment, center)
            capturing.append(Client(center, key, arena.url, book, choose.randrange(2**32)))
            key_file = arena.home.parent / f"{center}.key"
            key_file.touch(mode=0o600)
            key_file.write_text(key + "\n")
            storing[center] = Storer(
                center,
                key_file=key_file,
                url=arena.url,
                shelf=shelf,
                seed=choose.randrange(2**32),
                is_secret=_MEMBERS[center] is Visibility.PRIVATE,
            )
        trading = enrol_traders(deployment, url=arena.url, till=till, choose=choose)
        clients: list[Client | Storer | Trader] = [*capturing, *storing.values(), *trading]
        arena.server.wait_ready(f"{arena.url}/health/live")
        for client in clients:
            client.start()
        try:
            for run in range(1, runs + 1):
                time.sleep(choose.uniform(0, 0.6))
                killed = [name for name in ("server", "worker", "chain") if choose.random() < 0.45] or [
                    choose.choice(("server", "worker", "chain"))
                ]
                with ThreadPoolExecutor() as together:
                    list(together.map(arena.kill, killed))
                arena.restart(killed)
                _require_no_fault(clients)
                _look(deployment, book, roots)
                look_at_documents(deployment, shelf)
                look_at_acts(deployment, till)
                if run % _FSCK_EVERY == 0 or run == runs:
                    _fsck(deployment, roots)
                    check_bytes(deployment)
                events = sum(len(hashes) for hashes in book.acknowledged.values())
                print(
                    f"\r── run {run} of {runs}: killed {'+'.join(killed):<20} {events:,} events and "
                    f"{len(shelf.kept):,} documents and {len(till.done):,} acts acknowledged, {len(roots)} anchors seen, "
                    f"{time.monotonic() - began:.0f} s ",
                    end="",
                    flush=True,
                )
        finally:
            for client in clients:
                client.stop()
            for client in clients:
                client.join(_DRAIN_S)
        if any(client.is_alive() for client in clients):
            raise Broken(f"a client waits for its last answer for {_DRAIN_S} s")
        _require_no_fault(clients)
        _look(deployment, book, roots, newest=None)
        look_at_documents(deployment, shelf, newest=None)
        look_at_acts(deployment, till, newest=None)
        wait_until_decided(deployment, patience_s=_DRAIN_S)
        _fsck(deployment, roots)
        check_acts(deployment, till)
        check_certificates(deployment, till, url=arena.url, trust_file=Home(arena.home).trust_file, rpc_url=arena.rpc_url)
        check_served(shelf, storing, trust_file=Home(arena.home).trust_file, rpc_url=arena.rpc_url)
        arena.worker.stop()
        arena.server.stop()
        check_nothing_half_stored(deployment, shelf)
        check_bytes(deployment)
    events = sum(map(len, book.acknowledged.values()))
    print(
        f"\n✔ {runs} crashes: {events:,} acknowledged events and {len(shelf.kept):,} documents, each there exactly once; "
        f"{book.repeats:,} requests were sent and {shelf.repeats:,} commands given again; every anchored root extends the last; "
        "every document is served with a receipt that verifies, and pinned while it is wanted; fsck is clean; "
        f"{till.purchases:,} purchases, {len(till.done):,} acts, each done once ({till.refused} were refused on the way and "
        f"asked for anew, {till.repeats:,} requests sent again), and every retirement has its certificate"
    )


def _require_no_fault(clients: Sequence[Client | Storer | Trader]) -> None:
    """No client was refused what it may do.

    Raises:
        Broken: one was.
    """
    faults = [client.fault for client in clients if client.fault]
    if faults:
        raise Broken(faults[0])


def _enrol(deployment: Deployment, center: CenterId) -> str:
    member = member_id("careful-client")
    deployment.enrol.member(
        center=center,
        member=member,
        name="Careful Client",
        roles=frozenset({MemberRole.ENTERPRISE}),
        visibility=_MEMBERS[center],
        actor="console",
    )
    _, text = deployment.enrol.issue_key(
        center=center, role=KeyRole.MEMBER, member=member, label="chaos", expires_at=None, actor="console"
    )
    return text


def _look(
    deployment: Deployment, book: Promises, roots: dict[tuple[CenterId, TreeSize], RootHash], *, newest: int | None = 400
) -> None:
    """Every acknowledged event is there exactly once, and no anchored root ever changes.

    Args:
        newest: look at so many of the newest acknowledgements, those at risk; None: at every one.
    """
    with book.lock:
        promised = {center: list(hashes) for center, hashes in book.acknowledged.items()}
    for center, hashes in promised.items():
        with deployment.store.read() as tx:
            for event_hash in hashes if newest is None else hashes[-newest:]:
                found = [
                    event
                    for event in tx.events.by_hash(event_hash_digest(event_hash), reader=Reader(center=center))
                    if event.center == center
                ]
                if len(found) != 1:
                    raise Broken(f"event {event_hash} was acknowledged and is there {len(found)} times")
            if len(set(hashes)) != len(hashes):
                raise Broken(f"an event of {center} was acknowledged as new work twice")
            if tx.log.head(center).captured < len(hashes):
                raise Broken(f"{len(hashes)} events of {center} were acknowledged, the log has {tx.log.head(center).captured}")
            for anchor in tx.log.anchors(center, above=TreeSize(0), limit=100_000):
                if roots.setdefault((center, anchor.tree_size), anchor.root) != anchor.root:
                    raise Broken(f"the root anchored for {center} at tree size {anchor.tree_size} has changed")


def _fsck(deployment: Deployment, roots: dict[tuple[CenterId, TreeSize], RootHash]) -> None:
    """Waits until the chain has what was captured a moment ago, and the store says so, then recomputes everything."""
    for center in _CENTERS:
        with deployment.store.read() as tx:
            published = tx.log.head(center).captured
        end_s = time.monotonic() + _DRAIN_S
        while not _is_noted(deployment, center, published):
            if time.monotonic() > end_s:
                raise Broken(f"{center}: {published} entries are not anchored and noted after {_DRAIN_S} s")
            time.sleep(0.2)
        report = deployment.check(center, ledger=deployment.ledger, progress=lambda *_: None)
        if report.faults:
            raise Broken(f"fsck of {center}: {report.faults[0]}")
        for (of, tree_size), root in roots.items():
            held = deployment.ledger.anchored_root(of, tree_size) if of == center else root
            # A chain that lost its newest blocks may lack a size it once had; it never holds another root there.
            if held is not None and held != root:
                raise Broken(f"the chain's root of {center} at tree size {tree_size} has changed")


def _is_noted(deployment: Deployment, center: CenterId, captured: int) -> bool:
    """Whether so many entries are anchored, and the store's newest anchor is the chain's, also after it lost some."""
    head = deployment.ledger.anchored_head(center)
    with deployment.store.read() as tx:
        newest = tx.log.newest_anchor(center)
    is_same = newest is not None and (newest.tree_size, newest.anchored_at) == (head.tree_size, head.anchored_at)
    return is_same and head.tree_size >= captured


if __name__ == "__main__":
    sys.exit(main())
