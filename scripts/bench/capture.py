"""Captures over HTTP on SQLite and on PostgreSQL, against bulk insertion of the same events and nothing else.

A real deployment is started: embedded chain for its keys, `greenlane serve`, and clients that post documents of 100 events over
kept-alive connections. Every answer counts only when it is 202. The floor inserts the same JSON rows, one index-less table, one
transaction for each document, synced to disk like the captures are.
"""

import argparse
import http.client
import sqlite3
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

import orjson
import psycopg
from greenlane.bootstrap import open_deployment
from greenlane.core.units import CenterId, member_id
from greenlane.ports.accounts import KeyRole, MemberRole, Visibility
from greenlane.settings import read_settings
from greenlane_node.local import LocalNetwork

from scripts.bench.events import document_of
from scripts.bench.postgres import temporary_postgres
from scripts.bench.report import Table
from scripts.running import BIN, Child, free_port

_CENTERS = (CenterId("lima"), CenterId("tianjin"))


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=40_000, help="how many events are captured on each database")
    parser.add_argument("--batch", type=int, default=100, help="events in a document")
    parser.add_argument("--clients", type=int, default=4, help="connections at the same time")
    parser.add_argument("--processes", type=int, default=2, help="server processes on PostgreSQL (SQLite: 1)")
    args = parser.parse_args()
    bodies = [orjson.dumps(document_of(start, args.batch)) for start in range(0, args.events, args.batch)]
    rows = [[orjson.dumps(event) for event in orjson.loads(body)["epcisBody"]["eventList"]] for body in bodies]
    table = Table(
        f"capture over HTTP: documents of {args.batch} events of {len(bodies[0]) // args.batch} bytes, {args.clients} clients",
        "database", "server processes", "events/s captured", "bulk insert, events/s", "share of bulk insert", "p50", "p95",
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        floor = _sqlite_floor(Path(folder) / "floor.sqlite3", rows)
        table.row("SQLite", "1", *_row(*_capture(Path(folder) / "sqlite", None, bodies, args, 1), floor))
    with tempfile.TemporaryDirectory() as folder, temporary_postgres() as database:
        if database is None:
            print("  PostgreSQL's server binaries were not found: its row is left out (Debian: apt-get install postgresql)")
        else:
            floor = _postgres_floor(database, rows)
            captured = _capture(Path(folder) / "postgres", database, bodies, args, args.processes)
            table.row("PostgreSQL", str(args.processes), *_row(*captured, floor))
    table.print()


def _row(rate: float, times: list[float], floor: float) -> tuple[str, ...]:
    times.sort()
    p50, p95 = (f"{times[int(len(times) * share)] * 1000:.0f} ms" for share in (0.5, 0.95))
    return f"{rate:,.0f}", f"{floor:,.0f}", f"{rate / floor:.0%}", p50, p95


def _capture(
    home: Path, database: str | None, bodies: list[bytes], args: argparse.Namespace, processes: int
) -> tuple[float, list[float]]:
    """Events a second, and the time of each request."""
    port = free_port()
    environment = {
        "GREENLANE_HOME": str(home),
        "GREENLANE_PORT": str(port),
        "GREENLANE_KEY_RATE": "10000000",
        "GREENLANE_PUBLIC_RATE": "10000000",
        "GREENLANE_MAX_UNPUBLISHED": "100000000",
    } | ({"GREENLANE_DATABASE_URL": database.replace("postgresql://", "postgresql+psycopg://")} if database else {})
    with LocalNetwork.start(home, port=free_port()):
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
            return _load(port, keys, bodies, args)
        finally:
            server.stop()


def _load(port: int, keys: list[str], bodies: list[bytes], args: argparse.Namespace) -> tuple[float, list[float]]:
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

    threads = [threading.Thread(target=send, args=(keys[number % len(keys)],)) for number in range(args.clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    if faults:
        raise SystemExit(f"bench: a capture was refused with {faults[0]}")
    return len(bodies) * args.batch / took, times


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
