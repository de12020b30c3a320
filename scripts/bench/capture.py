"""Captures over HTTP on SQLite and on PostgreSQL, against bulk insertion of the same events and nothing else.

A real deployment is started: embedded chain for its keys, `greenlane serve`, and clients that post documents of 100 events over
kept-alive connections. Every answer counts only when it is 202. The floor inserts the same JSON rows, one index-less table, one
transaction for each document, synced to disk like the captures are.

Clients, server and database share this machine's cores. So beside the rate stands what processor time an event cost each of
them, which other programs on the machine change little: the cores divided by its sum is the rate that an idle machine allows.
"""

import argparse
import http.client
import os
import sqlite3
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import orjson
import psycopg
from greenlane.bootstrap import open_deployment
from greenlane.core.units import CenterId, member_id
from greenlane.ports.accounts import KeyRole, MemberRole, Visibility
from greenlane.settings import read_settings
from greenlane_node.embedded.anvil import free_port
from greenlane_node.embedded.network import EmbeddedNetwork

from scripts.bench.events import document_of
from scripts.bench.postgres import temporary_postgres
from scripts.bench.report import Table
from scripts.running import BIN, Child

_CENTERS = (CenterId("lima"), CenterId("tianjin"))


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=40_000, help="how many events are captured on each database")
    parser.add_argument("--batches", type=int, nargs="+", default=[100, 1000], help="events in a document")
    parser.add_argument("--clients", type=int, default=6, help="connections at the same time")
    parser.add_argument("--processes", type=int, default=2, help="server processes on PostgreSQL (SQLite: 1)")
    args = parser.parse_args()
    table = Table(
        f"capture over HTTP, {args.clients} clients, {os.cpu_count()} cores; processor time in µs an event",
        "database", "server processes", "batch", "events/s captured", "bulk insert, events/s", "share of bulk insert",
        "p50", "p95", "server", "database", "clients", "allows, events/s",
    )  # fmt: skip
    for batch in args.batches:
        bodies = [orjson.dumps(document_of(start, batch)) for start in range(0, args.events, batch)]
        rows = [[orjson.dumps(event) for event in orjson.loads(body)["epcisBody"]["eventList"]] for body in bodies]
        with tempfile.TemporaryDirectory() as folder:
            floor = _sqlite_floor(Path(folder) / "floor.sqlite3", rows)
            load = _capture(Path(folder) / "sqlite", None, bodies, batch, args.clients, 1)
            table.row("SQLite", "1", f"{batch:,}", *_row(load, floor, batch))
        with tempfile.TemporaryDirectory() as folder, temporary_postgres() as database:
            if database is None:
                print("  PostgreSQL's server binaries were not found: its row is left out (Debian: apt-get install postgresql)")
                continue
            floor = _postgres_floor(database, rows)
            load = _capture(Path(folder) / "postgres", database, bodies, batch, args.clients, args.processes)
            table.row("PostgreSQL", str(args.processes), f"{batch:,}", *_row(load, floor, batch))
    table.print()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Load:
    """What a run took: seconds of each request, seconds in all, and processor seconds of server, database and clients."""

    request_s: list[float]
    took_s: float
    processor_s: tuple[float, float, float]


def _row(load: _Load, floor: float, batch: int) -> tuple[str, ...]:
    times = sorted(load.request_s)
    events = len(times) * batch
    rate = events / load.took_s
    p50, p95 = (f"{times[int(len(times) * share)] * 1000:.0f} ms" for share in (0.5, 0.95))
    each_us = [seconds / events * 1e6 for seconds in load.processor_s]
    allowed = (os.cpu_count() or 1) / sum(each_us) * 1e6
    return (
        f"{rate:,.0f}", f"{floor:,.0f}", f"{rate / floor:.0%}", p50, p95, *(f"{us:.0f}" for us in each_us), f"{allowed:,.0f}",
    )  # fmt: skip


def _processor_s(process_id: int) -> float:
    """Processor time of a process and all it started, ended or not."""
    try:
        # Behind the name, which may hold anything: from the twelfth field on its own time and that of its ended children.
        fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK") + sum(_processor_s(int(child)) for child in children)


def _postmaster(database: str) -> int:
    """The process that started all of PostgreSQL's."""
    with psycopg.connect(database) as connection:
        fields = Path(f"/proc/{connection.info.backend_pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[1])


def _capture(home: Path, database: str | None, bodies: list[bytes], batch: int, clients: int, processes: int) -> _Load:
    """What it took to capture all documents."""
    port = free_port()
    environment = {
        "GREENLANE_HOME": str(home),
        "GREENLANE_PORT": str(port),
        "GREENLANE_KEY_RATE": "10000000",
        "GREENLANE_PUBLIC_RATE": "10000000",
        "GREENLANE_MAX_UNPUBLISHED": "100000000",
    } | ({"GREENLANE_DATABASE_URL": database.replace("postgresql://", "postgresql+psycopg://")} if database else {})
    with EmbeddedNetwork.start(home, port=free_port()):
        keys = []
        with open_deployment(read_settings(environment)) as deployment:
            for center in _CENTERS:
                deployment.enrol.member(
                    center=center, member=member_id("bench"), name="Bench", roles=frozenset({MemberRole.ENTERPRISE}),
                    visibility=Visibility.PUBLIC, actor="console",
                )  # fmt: skip
                issued = deployment.enrol.issue_key(
                    center=center, role=KeyRole.MEMBER, member=member_id("bench"), label="bench", expires_at=None, actor="console"
                )
                keys.append(issued[1])
        command: list[str | Path] = [BIN / "greenlane", "serve", "--no-worker", "--processes", str(processes)]
        server = Child("server", command, log=home / "server.log", environment=environment)
        try:
            server.wait_ready(f"http://127.0.0.1:{port}/health/live")
            postmaster = None if database is None else _postmaster(database)
            # What every process does once, at its first captures, is not what is measured.
            _load(port, keys, [orjson.dumps(document_of(10**7 + n, 1)) for n in range(20)], clients)
            before = _processor_s(server.process_id), 0.0 if postmaster is None else _processor_s(postmaster), time.process_time()
            request_s, took_s = _load(port, keys, bodies, clients)
            after = _processor_s(server.process_id), 0.0 if postmaster is None else _processor_s(postmaster), time.process_time()
            used = after[0] - before[0], after[1] - before[1], after[2] - before[2]
            return _Load(request_s=request_s, took_s=took_s, processor_s=used)
        finally:
            server.stop()


def _load(port: int, keys: list[str], bodies: list[bytes], clients: int) -> tuple[list[float], float]:
    """Seconds of each request, and of all together."""
    times: list[float] = []
    faults: list[str] = []
    waiting = iter(bodies)
    lock = threading.Lock()

    def send(key: str) -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/ld+json"}
            while True:
                with lock:
                    body = next(waiting, None)
                if body is None or faults:
                    return
                began = time.perf_counter()
                connection.request("POST", "/epcis/v2/capture", body=body, headers=headers)
                answer = connection.getresponse()
                told = answer.read()
                with lock:
                    times.append(time.perf_counter() - began)
                    if answer.status != 202:
                        faults.append(f"{answer.status}: {told[:300]!r}")

    threads = [threading.Thread(target=send, args=(keys[number % len(keys)],)) for number in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    if faults:
        raise SystemExit(f"bench: a capture was refused with {faults[0]}")
    return times, took


def _sqlite_floor(file: Path, rows: list[list[bytes]]) -> float:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE floor (document BLOB)")
        began = time.perf_counter()
        for batch in rows:
            connection.execute("BEGIN")
            connection.executemany("INSERT INTO floor VALUES (?)", [(row,) for row in batch])
            connection.execute("COMMIT")
        return sum(map(len, rows)) / (time.perf_counter() - began)


def _postgres_floor(url: str, rows: list[list[bytes]]) -> float:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE floor (document text)")
        connection.commit()
        began = time.perf_counter()
        for batch in rows:
            with connection.cursor() as cursor, cursor.copy("COPY floor FROM STDIN") as copy:
                for row in batch:
                    copy.write_row((row.decode(),))
            connection.commit()
        return sum(map(len, rows)) / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
