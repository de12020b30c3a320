"""Every adapter of the store's port, empty and migrated, one after the other for each test that asks for `store`.

PostgreSQL: a server of its own on loopback in a temporary folder, and a fresh database for each test.
"""

import dataclasses
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Protocol

import psycopg
import pytest
from greenlane.adapters.sql.store import SqlStore, open_store
from greenlane.core.units import CenterId, LeafIndex, MemberId, Salt
from greenlane.ports.accounts import Visibility
from greenlane.ports.events import EventIdentity, ItemKey, StoredEvent
from greenlane.ports.store import Store

from scripts.bench.postgres import temporary_postgres

_NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
_database_number = count()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Where a running PostgreSQL listens: "postgresql://<user>@127.0.0.1:<port>"."""
    with temporary_postgres(is_durable=False) as url:
        if url is None:
            reason = "PostgreSQL's server binaries (initdb, postgres) are neither on PATH nor under /usr/lib/postgresql"
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)
        yield url.removesuffix("/postgres")


@contextmanager
def _database(server: str, template: str) -> Iterator[str]:
    name = f"greenlane_{next(_database_number)}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield f"{server}/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """A database of its own, without tables."""
    with _database(postgres_server, "template1") as url:
        yield url


@pytest.fixture(scope="session")
def migrated_postgres_url(postgres_server: str) -> Iterator[str]:
    """An empty database with its tables, to be copied; nobody connects to it."""
    with _database(postgres_server, "template1") as url:
        _migrate(url)
        yield url


@pytest.fixture(scope="session")
def migrated_sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database with its tables, to be copied."""
    file = tmp_path_factory.mktemp("migrated") / "greenlane.db"
    _migrate(f"sqlite:///{file}")
    return file


def _migrate(url: str) -> None:
    store = open_store(url)
    store.migrate()
    store.close()


_BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(params=_BOTH)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'greenlane.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(params=_BOTH)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    """An empty store with its tables."""
    if request.param == "sqlite":
        file = tmp_path / "store.db"
        shutil.copyfile(request.getfixturevalue("migrated_sqlite_file"), file)
        opened = open_store(f"sqlite:///{file}")
        yield opened
        opened.close()
        return
    template: str = request.getfixturevalue("migrated_postgres_url").rpartition("/")[2]
    with _database(request.getfixturevalue("postgres_server"), template) as url:
        opened = open_store(url)
        yield opened
        opened.close()


class MakeEvent(Protocol):
    """Makes one event; whatever a test does not name has a plain value, and each event differs from those before."""

    def __call__(self, **facts: object) -> StoredEvent: ...


@pytest.fixture
def make_event() -> MakeEvent:
    numbers = count()

    def make(**facts: object) -> StoredEvent:
        number = next(numbers)
        digest = hashlib.sha256(f"event {number}".encode()).digest()
        document = f'{{"number":{number}}}'.encode()
        plain = StoredEvent(
            center=CenterId("lima"),
            member=MemberId("cooperativa"),
            event_hash=f"ni:///sha-256;{digest.hex()}?ver=CBV2.0",
            identity=EventIdentity(event_digest=digest, variant_digest=bytes(32)),
            content_digest=hashlib.sha256(document).digest(),
            document=document,
            event_type="ObjectEvent",
            event_time=_NOON + timedelta(seconds=number),
            action="OBSERVE",
            biz_step="shipping",
            disposition=None,
            read_point=None,
            biz_location=None,
            event_id=None,
            is_error_declaration=False,
            visibility=Visibility.PUBLIC,
            captured_at=_NOON + timedelta(days=1, seconds=number),
            leaf_index=LeafIndex(-1),
            is_blinded=False,
            salt=None,
            job_id="job",
            items=(ItemKey(role="epc", identifier=f"https://id.gs1.org/01/09506000134352/21/{number}"),),
        )
        return dataclasses.replace(plain, **facts)  # type: ignore[arg-type]

    return make


class MakePrivateEvent(Protocol):
    def __call__(self, salt: bytes, **facts: object) -> StoredEvent: ...


@pytest.fixture
def make_private_event(make_event: MakeEvent) -> MakePrivateEvent:
    """Makes one event whose entry is blinded by the salt."""

    def make(salt: bytes, **facts: object) -> StoredEvent:
        return make_event(visibility=Visibility.PRIVATE, is_blinded=True, salt=Salt(salt), **facts)

    return make


Capture = Callable[..., tuple[StoredEvent, ...]]


@pytest.fixture
def capture(store: Store) -> Capture:
    """Stores events of one center as a service does, in one transaction; the events with their leaf indexes."""

    def capture_all(*events: StoredEvent) -> tuple[StoredEvent, ...]:
        with store.write() as transaction:
            center = events[0].center
            transaction.log.lock(center)
            first = transaction.log.append(center, [hashlib.sha256(e.document).digest() + bytes(33) for e in events])
            placed = tuple(dataclasses.replace(e, leaf_index=LeafIndex(first + n)) for n, e in enumerate(events))
            transaction.events.add(placed)
        return placed

    return capture_all
