"""Storing a document: wherever it dies it goes on where it ended, with nothing lost and nothing twice."""

import io
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn, cast

import pyrage  # type: ignore[import-untyped]
import pytest
from greenlane.adapters.blocks import BlockStore
from greenlane.adapters.media_types import SniffedTypes
from greenlane.adapters.sql.store import open_store
from greenlane.adapters.staging import StagingFolder
from greenlane.core.canonical import JsonValue
from greenlane.core.documents.cid import Cid
from greenlane.core.documents.description import document_entry
from greenlane.core.documents.unixfs import identify
from greenlane.core.entry import Entry, EntryKind, opens
from greenlane.core.errors import InvalidInput
from greenlane.core.units import LeafIndex
from greenlane.core.wire import FieldInvalid, encode_hex
from greenlane.ports.document_index import StoredDocument
from greenlane.ports.documents import Documents, DocumentsUnavailable, DocumentWithdrawn
from greenlane.ports.log import QueueFull
from greenlane.ports.uploads import Staging, StagingFull, UploadMissing
from greenlane.services.store import StoreDocument
from greenlane.services.sweep_uploads import GRACE
from greenlane.services.upload import ReceiveUpload
from greenlane.settings import read_settings
from worlds.deployment import COOPERATIVE, LIMA, World, close_world, make_world
from worlds.storms import BreakingStore, Crash

KEY = "00112233445566aa"
PDF = b"%PDF-1.7\n" + bytes(range(256)) * 5_000
CID = identify([PDF])[0]
LOT = "https://id.gs1.org/01/09521321000018/10/LOT-7"
STATEMENT: dict[str, JsonValue] = {
    "mediaType": "application/pdf",
    "name": "audit.pdf",
    "documentType": "audit",
    "about": [LOT],
}


def upload(world: World, data: bytes = PDF) -> str:
    begun = world.receive_upload.begin(center=LIMA, member=COOPERATIVE, key_id=KEY, length=len(data))
    world.receive_upload.append(begun.upload.id, key_id=KEY, offset=0, pieces=[data])
    return begun.upload.id


def store(service: StoreDocument, upload_id: str, statement: dict[str, JsonValue] | None = None) -> StoredDocument:
    return service(upload_id, statement or STATEMENT, center=LIMA, key_id=KEY, actor="key:1")


def over(world: World, *, documents: Documents | None = None, staging: Staging | None = None, full_at: int = 99) -> StoreDocument:
    return StoreDocument(
        store=world.store,
        staging=staging or world.staging,
        documents=documents or world.documents,
        media_types=SniffedTypes(read_settings({}).document_types),
        clock=world.clock,
        entropy=world.entropy,
        max_unpublished=full_at,
    )


def captured(world: World) -> int:
    with world.store.read() as tx:
        return tx.log.head(LIMA).captured


def statements(world: World) -> tuple[StoredDocument, ...]:
    with world.store.read() as tx:
        return tx.documents.walk(LIMA, start=LeafIndex(0), limit=9)


def stored_lines(world: World) -> int:
    with world.store.read() as tx:
        return sum(line.action == "document.store" for _, line in tx.audit.lines(LIMA, limit=1000))


@pytest.mark.parametrize("statement", [{}, {"document": "x"}])
def test_a_statement_that_cannot_stand_is_told_before_a_byte_is_hashed(world: World, statement: dict[str, JsonValue]) -> None:
    upload_id = upload(world)
    with pytest.raises(InvalidInput):
        world.store_document(upload_id, statement, center=LIMA, key_id=KEY, actor="key:1")
    assert not world.documents.added
    with world.store.read() as tx:
        kept = tx.uploads.get(upload_id)
    assert kept is not None and kept.meant is None


def test_wherever_the_database_dies_the_same_request_ends_it_once(tmp_path: Path) -> None:
    at = 0
    while True:
        folder = tmp_path / str(at)
        folder.mkdir()
        world = make_world(folder)
        upload_id = upload(world)
        breaking = BreakingStore(world.store, at)
        with suppress(Crash):
            store(world.over(breaking).store_document, upload_id)
        if breaking.has_broken:
            assert (captured(world), statements(world), stored_lines(world)) == (0, (), 0)
        stored = store(world.store_document, upload_id)
        assert (captured(world), stored_lines(world)) == (1, 1)
        assert statements(world) == (stored,) and stored.description.cid == CID
        assert world.documents.is_held(CID) and not world.staging.ids()
        assert world.fsck().faults == []
        close_world(world)
        if not breaking.has_broken:
            break
        at += 1
    assert at > 6


class _Dying:
    """Something whose n-th call, or the moment after it, is the process's last."""

    def __init__(self, over: object, at: int, *, is_after: bool) -> None:
        self._over = over
        self._left = at
        self._is_after = is_after
        self.has_died = False

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._over, name)
        if not callable(attribute):
            return attribute

        def call(*args: object, **more: object) -> object:
            is_last = self._left == 0
            self._left -= 1
            if is_last and not self._is_after:
                self.has_died = True
                raise Crash
            answer = attribute(*args, **more)
            if is_last:
                self.has_died = True
                if isinstance(answer, io.IOBase):
                    answer.close()
                raise Crash
            return answer

        return call


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("room", ["documents", "staging"])
def test_wherever_bytes_stop_moving_the_same_request_ends_it_once(tmp_path: Path, room: str, is_after: bool) -> None:
    at = 0
    while True:
        folder = tmp_path / str(at)
        folder.mkdir()
        world = make_world(folder)
        upload_id = upload(world)
        dying = _Dying(getattr(world, room), at, is_after=is_after)
        with suppress(Crash):
            store(over(world, **{room: cast(Any, dying)}), upload_id)
        stored = store(world.store_document, upload_id)
        assert (captured(world), stored_lines(world)) == (1, 1) and statements(world) == (stored,)
        assert world.documents.is_held(CID)
        world.sweep_uploads()
        assert not world.staging.ids()
        close_world(world)
        if not dying.has_died:
            break
        at += 1
    assert at >= 1


def die_when_added(world: World, upload_id: str) -> None:
    """The process ends after the bytes were added, before anything is stored."""
    # After it was asked whether it is pinned, and added.
    dying = _Dying(world.documents, 1, is_after=True)
    with pytest.raises(Crash):
        store(over(world, documents=cast(Documents, dying)), upload_id)


def refused_and_let_go(world: World, upload_id: str, documents: object) -> None:
    """The upload vanishes while its bytes are kept: nothing is stated, and the bytes are known and wanted by nobody."""
    with pytest.raises(UploadMissing):
        store(over(world, documents=cast(Documents, documents)), upload_id)
    assert captured(world) == 0
    world.clock.now += timedelta(days=3)
    world.sweep_uploads()
    with world.store.read() as tx:
        assert tx.documents.unwanted(after=None, limit=9) == (CID,)


def test_what_was_kept_for_an_upload_that_is_given_up_or_over_is_known_and_wanted_by_nobody(world: World) -> None:
    upload_id = upload(world)
    die_when_added(world, upload_id)
    assert CID in world.documents.pinned
    with world.store.read() as tx:
        assert tx.documents.unwanted(after=None, limit=9) == ()
    world.clock.now += timedelta(days=3)
    world.sweep_uploads()
    with world.store.read() as tx:
        assert tx.documents.unwanted(after=None, limit=9) == (CID,)


def test_an_upload_that_vanishes_while_its_bytes_are_kept_leaves_word_of_them(world: World) -> None:
    upload_id = upload(world)

    class Vanishing:
        is_held = world.documents.is_held

        def add(self, source: io.BufferedReader, *, expected: Cid) -> object:
            with world.store.write() as tx:
                tx.uploads.drop(upload_id)
            return world.documents.add(source, expected=expected)

    refused_and_let_go(world, upload_id, Vanishing())


def test_an_upload_that_is_given_up_after_it_could_not_be_stored_makes_room_and_its_bytes_are_let_go(world: World) -> None:
    upload_id = upload(world)
    die_when_added(world, upload_id)
    world.receive_upload.abandon(upload_id, key_id=KEY)
    assert not world.staging.ids()
    with pytest.raises(UploadMissing):
        world.receive_upload.look(upload_id, key_id=KEY)
    with pytest.raises(UploadMissing):
        store(world.store_document, upload_id)
    one = replace(world.receive_upload.limits, uploads=1)
    ReceiveUpload(store=world.store, staging=world.staging, clock=world.clock, entropy=world.entropy, limits=one).begin(
        center=LIMA, member=COOPERATIVE, key_id=KEY, length=1
    )
    world.clock.now += GRACE
    world.sweep_uploads()
    with world.store.read() as tx:
        assert tx.documents.unwanted(after=None, limit=9) == (CID,)


def test_an_upload_that_is_given_up_while_its_bytes_are_kept_becomes_no_document(world: World) -> None:
    upload_id = upload(world)

    class GivenUp:
        is_held = world.documents.is_held

        def add(self, source: io.BufferedReader, *, expected: Cid) -> object:
            world.receive_upload.abandon(upload_id, key_id=KEY)
            return world.documents.add(source, expected=expected)

    refused_and_let_go(world, upload_id, GivenUp())
    assert not world.staging.ids()


def test_a_document_stays_when_its_upload_is_given_up_after_it(world: World) -> None:
    upload_id = upload(world)
    stored = store(world.store_document, upload_id)
    world.receive_upload.abandon(upload_id, key_id=KEY)
    assert store(world.store_document, upload_id) == stored and statements(world) == (stored,)


def test_an_upload_that_has_no_room_on_the_disk_takes_no_place(world: World) -> None:
    class Full:
        def begin(self, upload_id: str) -> NoReturn:
            raise StagingFull(f"no room for {upload_id}")

    receive = ReceiveUpload(
        store=world.store,
        staging=cast(Staging, Full()),
        clock=world.clock,
        entropy=world.entropy,
        limits=world.receive_upload.limits,
    )
    with pytest.raises(StagingFull):
        receive.begin(center=LIMA, member=COOPERATIVE, key_id=KEY, length=1)
    with world.store.read() as tx:
        assert tx.uploads.of_center(LIMA) == []


def test_a_day_that_has_come_nowhere_yet_is_refused_before_a_byte_is_hashed(world: World) -> None:
    tomorrow = (world.clock.now + timedelta(days=1)).date()
    upload_id = upload(world)
    with pytest.raises(FieldInvalid, match="has not come yet") as refused:
        store(world.store_document, upload_id, STATEMENT | {"issuedOn": (tomorrow + timedelta(days=1)).isoformat()})
    assert refused.value.where == "/description/issuedOn" and refused.value.remedy
    with world.store.read() as tx:
        kept = tx.uploads.get(upload_id)
    assert kept is not None and kept.found is None
    # In Kiribati it is tomorrow for most of the day.
    stored = store(world.store_document, upload_id, STATEMENT | {"issuedOn": tomorrow.isoformat()})
    assert stored.description.issued_on == tomorrow


def test_a_full_queue_pushes_back_and_keeps_the_upload(world: World) -> None:
    world.take(3)
    upload_id = upload(world)
    with pytest.raises(QueueFull):
        store(over(world, full_at=3), upload_id)
    assert store(world.store_document, upload_id).leaf_index == 3


def test_a_confidential_document_is_blinded_and_its_replacement_withdraws_it_in_one_step(world: World) -> None:
    who = pyrage.x25519.Identity.generate().to_public()

    def sealed(plain: bytes, replaces: str | None) -> tuple[str, dict[str, JsonValue]]:
        data = pyrage.encrypt(plain, [who])
        digest = identify([data])[2]
        secret: dict[str, JsonValue] = {
            "format": "age-encryption.org/v1",
            "digest": encode_hex(digest),
            "readers": [{"recipient": str(who), "name": None}],
        }
        more: dict[str, JsonValue] = {"digest": encode_hex(identify([plain])[2]), "confidential": secret, "replaces": replaces}
        return upload(world, data), STATEMENT | more

    first = store(world.store_document, *sealed(PDF, None))
    with world.store.read() as tx:
        (entry,) = tx.log.entries(LIMA, first.leaf_index, 1)
    logged = Entry.decode(entry)
    assert logged.kind is EntryKind.DOCUMENT and logged.is_blinded and first.salt is not None
    assert opens(logged, document_entry(first.description), first.salt)
    old = first.description.cid
    upload_id, statement = sealed(PDF, old.text)
    at = 0
    while True:
        breaking = BreakingStore(world.store, at)
        with suppress(Crash):
            store(world.over(breaking).store_document, upload_id, statement)
        if not breaking.has_broken:
            break
        with world.store.read() as tx:
            assert tx.documents.is_served(old) is True
        at += 1
    with world.store.read() as tx:
        assert tx.documents.is_served(old) is False
    with pytest.raises(DocumentWithdrawn):
        world.fetch_document.find(old)


def test_a_statement_that_was_withdrawn_is_not_brought_back_by_stating_it_again(world: World) -> None:
    stored = store(world.store_document, upload(world))
    with world.store.write() as tx:
        tx.documents.withdraw(LIMA, COOPERATIVE, stored.description.cid, world.clock())
    with pytest.raises(DocumentWithdrawn):
        store(world.store_document, upload(world))
    assert captured(world) == 1


def test_a_store_that_comes_back_takes_what_it_refused(world: World) -> None:
    upload_id = upload(world)
    world.documents.is_away = True
    with pytest.raises(DocumentsUnavailable):
        store(world.store_document, upload_id)
    world.documents.is_away = False
    assert store(world.store_document, upload_id).description.cid == CID


# --- kill -9, with a real database, a real store of blocks and real files ------------------------------------------------

_STEPS = frozenset({"open", "os.rename", "os.remove", "os.link", "os.mkdir", "os.truncate", "fcntl.flock", "os.listdir"})


@dataclass(frozen=True)
class _Place:
    """A deployment's files, and the upload that is to be stored."""

    folder: Path
    upload_id: str

    def stored(self) -> StoredDocument:
        opened = open_store(f"sqlite:///{self.folder / 'greenlane.sqlite3'}")
        service = StoreDocument(
            store=opened,
            staging=StagingFolder(self.folder / "uploads"),
            documents=BlockStore(self.folder / "documents"),
            media_types=SniffedTypes(read_settings({}).document_types),
            clock=lambda: datetime(2026, 6, 1, 13, tzinfo=UTC),
            entropy=os.urandom,
            max_unpublished=99,
        )
        try:
            return store(service, self.upload_id)
        finally:
            opened.close()


def _die_at(step: int) -> None:
    left = iter(range(step, -1, -1))
    kill: Callable[[int, int], None] = os.kill
    real_fsync: Callable[[int], None] = os.fsync

    def count() -> None:
        if next(left, 1) == 0:
            kill(os.getpid(), signal.SIGKILL)

    def watch(event: str, _arguments: object) -> None:
        if event in _STEPS:
            count()

    def fsync(file: int) -> None:
        count()
        real_fsync(file)
        count()

    os.fsync = cast(Any, fsync)
    sys.addaudithook(watch)


def _child(place: _Place, step: int) -> NoReturn:
    code = 1
    try:
        _die_at(step)
        place.stored()
        code = 0
    finally:
        os._exit(code)


def _folders(tmp_path: Path) -> Iterator[Path]:
    for number in range(10_000):
        folder = tmp_path / str(number)
        folder.mkdir()
        yield folder


@pytest.mark.slow
def test_killed_at_any_step_nothing_is_lost_and_nothing_is_twice(tmp_path: Path) -> None:
    kills, step = 0, 0
    for folder in _folders(tmp_path):
        world = make_world(folder)
        place = _Place(folder, upload(world))
        close_world(world)
        child = os.fork()
        if child == 0:
            _child(place, step)
        _, status = os.waitpid(child, 0)
        again = place.stored()
        assert again.description.cid == CID
        opened = open_store(f"sqlite:///{folder / 'greenlane.sqlite3'}")
        with opened.read() as tx:
            assert tx.log.head(LIMA).captured == 1
            assert tx.documents.walk(LIMA, start=LeafIndex(0), limit=9) == (again,)
        opened.close()
        blocks = BlockStore(folder / "documents")
        assert blocks.is_held(CID) and b"".join(blocks.read(CID)) == PDF
        if os.WIFEXITED(status):
            assert os.waitstatus_to_exitcode(status) == 0
            break
        kills += 1
        step += 1 + step // 6
    assert kills > 10
