"""A backup comes back whole or not at all: one changed byte, a strange name or a part too many is refused."""

import gzip
import io
import json
import os
import sqlite3
import stat
import tarfile
from contextlib import closing
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest
from greenlane.adapters.archive import ArchiveInvalid, read_archive, write_archive
from greenlane.adapters.sql.backup import BackupFailed, dump_database, load_database
from greenlane.core.errors import Conflict, InvalidInput

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PARTS = {
    "database": b"".join(sha256(bytes([n])).digest() for n in range(60)),
    "network.json": b"{}",
    "keys/lima-log.json": b'{"crypto":1}',
}


@pytest.fixture
def parts(tmp_path: Path) -> dict[str, Path]:
    files = {}
    for number, (name, content) in enumerate(PARTS.items()):
        files[name] = tmp_path / f"source-{number}"
        files[name].write_bytes(content)
    return files


@pytest.fixture
def archive(tmp_path: Path, parts: dict[str, Path]) -> Path:
    target = tmp_path / "backup.tar.gz"
    write_archive(target, parts, created_at=NOW)
    return target


def folder(tmp_path: Path, name: str = "out") -> Path:
    made = tmp_path / name
    made.mkdir()
    return made


def forged(tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    target = tmp_path / "forged.tar.gz"
    with tarfile.open(target, "w:gz") as out:
        for info, content in members:
            info.size = len(content)
            out.addfile(info, io.BytesIO(content))
    return target


def manifest(promised: dict[str, bytes], **changes: object) -> tuple[tarfile.TarInfo, bytes]:
    value = {
        "type": "GreenlaneBackup",
        "version": 1,
        "createdAt": NOW.isoformat(),
        "parts": {name: {"sha256": sha256(data).hexdigest(), "bytes": len(data)} for name, data in promised.items()},
    } | changes
    return tarfile.TarInfo("manifest.json"), json.dumps(value).encode()


def test_what_was_written_comes_back(tmp_path: Path, archive: Path) -> None:
    found = read_archive(archive, folder(tmp_path))
    assert {name: file.read_bytes() for name, file in found.items()} == PARTS
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600


def test_a_backup_is_never_written_over_another_file(archive: Path, parts: dict[str, Path]) -> None:
    before = archive.read_bytes()
    with pytest.raises(Conflict):
        write_archive(archive, parts, created_at=NOW)
    assert archive.read_bytes() == before


def test_a_place_that_cannot_be_written_is_named_and_nothing_is_left(tmp_path: Path, parts: dict[str, Path]) -> None:
    with pytest.raises(InvalidInput):
        write_archive(tmp_path / "nowhere" / "b.tar.gz", parts, created_at=NOW)
    with pytest.raises(InvalidInput, match="no place"):
        write_archive(tmp_path / "b.tar.gz", parts | {"keys/lima log.json": parts["database"]}, created_at=NOW)
    assert not list(tmp_path.glob("b.tar*"))


def test_every_flipped_byte_is_refused_or_changes_nothing(tmp_path: Path, archive: Path) -> None:
    data = archive.read_bytes()
    broken = tmp_path / "broken.tar.gz"
    refused = 0
    for place in range(0, len(data), 3):
        broken.write_bytes(data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :])
        try:
            found = read_archive(broken, folder(tmp_path, f"flipped-{place}"))
        except ArchiveInvalid:
            refused += 1
            continue
        assert {name: file.read_bytes() for name, file in found.items()} == PARTS
    assert refused > len(data) / 3 * 0.8


def test_every_cut_is_refused_or_takes_only_padding(tmp_path: Path, archive: Path) -> None:
    data = archive.read_bytes()
    broken = tmp_path / "broken.tar.gz"
    for length in range(0, len(data) - 16, 7):
        broken.write_bytes(data[:length])
        try:
            found = read_archive(broken, folder(tmp_path, f"cut-{length}"))
        except ArchiveInvalid:
            continue
        assert {name: file.read_bytes() for name, file in found.items()} == PARTS
        assert length > len(data) * 0.8


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/passwd", "keys/../evil", "keys/..", "keys/.", "keys/a/b", "keys/", "network.json\n", "keys/é", "x"]
)
def test_a_part_with_a_strange_name_is_refused_even_where_the_manifest_promises_it(tmp_path: Path, name: str) -> None:
    content = b"evil"
    target = forged(tmp_path, [manifest({name: content}), (tarfile.TarInfo(name), content)])
    with pytest.raises(ArchiveInvalid):
        read_archive(target, folder(tmp_path))
    assert list((tmp_path / "out").iterdir()) == []
    assert not (tmp_path / "evil").exists()


def test_links_and_devices_are_no_parts(tmp_path: Path) -> None:
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE):
        info = tarfile.TarInfo("network.json")
        info.type, info.linkname = kind, "/etc/passwd"
        with pytest.raises(ArchiveInvalid):
            read_archive(forged(tmp_path, [manifest({"network.json": b""}), (info, b"")]), folder(tmp_path, kind.hex()))


def test_a_part_too_few_too_many_twice_or_of_another_size_is_refused(tmp_path: Path) -> None:
    promise = manifest({"database": b"d", "network.json": b"n"})
    database, network = (tarfile.TarInfo("database"), b"d"), (tarfile.TarInfo("network.json"), b"n")
    stray, longer = (tarfile.TarInfo("trust.json"), b"t"), (tarfile.TarInfo("network.json"), b"nn")
    wrong = (tarfile.TarInfo("network.json"), b"N")
    for number, members in enumerate(
        [
            [promise, database],
            [promise, database, network, stray],
            [promise, database, network, network],
            [promise, database, longer],
            [promise, database, wrong],
            [database, network],
            [database, promise, network],
            [],
        ]
    ):
        with pytest.raises(ArchiveInvalid):
            read_archive(forged(tmp_path, members), folder(tmp_path, str(number)))


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"[" * 200_000, b'{"type":"Other","version":1,"parts":{}}', b'{"type":"GreenlaneBackup"}'],
)
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ArchiveInvalid):
        read_archive(forged(tmp_path, [(tarfile.TarInfo("manifest.json"), content)]), folder(tmp_path))


def test_manifests_of_another_version_or_with_malformed_promises_are_refused(tmp_path: Path) -> None:
    malformed: list[dict[str, object]] = [
        {"version": 2},
        {"parts": []},
        {"parts": {"database": None}},
        {"parts": {"database": {"sha256": 1}}},
    ]
    for number, changes in enumerate(malformed):
        with pytest.raises(ArchiveInvalid):
            read_archive(forged(tmp_path, [manifest({}, **changes)]), folder(tmp_path, str(number)))


@pytest.mark.parametrize("size", ["1e999", "-1e999", "NaN", "1.0", '"1"', "true", "null", "-1", "9" * 5_000, str(10**30)])
def test_a_size_that_no_part_can_have_is_refused(tmp_path: Path, size: str) -> None:
    for name in ("network.json", "database"):
        text = f'{{"type":"GreenlaneBackup","version":1,"parts":{{"{name}":{{"sha256":"{"0" * 64}","bytes":{size}}}}}}}'
        with pytest.raises(ArchiveInvalid):
            read_archive(forged(tmp_path, [(tarfile.TarInfo("manifest.json"), text.encode())]), folder(tmp_path, name))


def test_a_small_archive_that_unpacks_to_much_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    large, small = b"\0" * (5 * 1024 * 1024), b"n"
    for number, members in enumerate(
        [
            [manifest({"network.json": large}), (tarfile.TarInfo("network.json"), large)],
            [manifest({f"keys/{n}": b"" for n in range(50_001)})],
        ]
    ):
        with pytest.raises(ArchiveInvalid, match=r"cannot have|at most"):
            read_archive(forged(tmp_path, members), folder(tmp_path, str(number)))
        assert list((tmp_path / str(number)).iterdir()) == []
    extended, named, holed = (tarfile.TarInfo("x") for _ in range(3))
    extended.type, named.type, holed.type = tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_SPARSE
    for header in (extended, named, holed):
        members = [manifest({"network.json": small}), (header, large), (tarfile.TarInfo("network.json"), small)]
        with pytest.raises(ArchiveInvalid, match="no plain file"):
            read_archive(forged(tmp_path, members), folder(tmp_path, header.type.hex()))


def test_a_key_for_every_member_fits_and_what_could_not_be_read_is_not_written(tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    key.write_bytes(b"{}")
    target = tmp_path / "backup.tar.gz"
    longest = "keys/" + "m" * 160 + ".json"
    parts = {f"keys/member-lima-m{number}.json": key for number in range(1_200)} | {longest: key}
    write_archive(target, parts, created_at=NOW)
    assert set(read_archive(target, folder(tmp_path))) == set(parts)
    too_many = {f"keys/{number}": key for number in range(50_001)}
    with pytest.raises(InvalidInput, match="at most 50000 parts"):
        write_archive(tmp_path / "other.tar.gz", too_many, created_at=NOW)
    assert not (tmp_path / "other.tar.gz").exists()


def test_a_part_with_holes_is_refused_however_they_are_told(tmp_path: Path) -> None:
    target = tmp_path / "holes.tar.gz"
    head, listing = manifest({"database": b"\0" * 1_000})
    holed = tarfile.TarInfo("database")
    holed.pax_headers = {"GNU.sparse.map": "0,1", "GNU.sparse.size": "1000"}
    with tarfile.open(target, "w:gz", format=tarfile.PAX_FORMAT) as out:
        for info, content in ((head, listing), (holed, b"\0")):
            info.size = len(content)
            out.addfile(info, io.BytesIO(content))
    with pytest.raises(ArchiveInvalid, match="not what the manifest says"):
        read_archive(target, folder(tmp_path))


def test_a_backup_that_does_not_fit_the_disk_says_so(tmp_path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("greenlane.adapters.archive.shutil.disk_usage", lambda _: SimpleNamespace(free=5))
    with pytest.raises(ArchiveInvalid, match="5 are free"):
        read_archive(archive, folder(tmp_path))


def test_what_is_unpacked_is_readable_by_its_owner_alone(tmp_path: Path, archive: Path) -> None:
    before = os.umask(0)
    try:
        found = read_archive(archive, folder(tmp_path))
    finally:
        os.umask(before)
    assert {stat.S_IMODE(file.stat().st_mode) for file in found.values()} == {0o600}


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    for number, content in enumerate([b"", b"text", gzip.compress(b""), gzip.compress(b"text" * 500), os.urandom(2_000)]):
        file.write_bytes(content)
        with pytest.raises(ArchiveInvalid):
            read_archive(file, folder(tmp_path, str(number)))
    for missing in (tmp_path / "none", tmp_path):
        with pytest.raises(ArchiveInvalid):
            read_archive(missing, folder(tmp_path, f"out-{missing.name}"))


# --- the database -------------------------------------------------------------------------------------------------------


@pytest.fixture
def database(tmp_path: Path) -> Path:
    file = tmp_path / "live.sqlite3"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript("PRAGMA journal_mode=WAL; CREATE TABLE t (n INTEGER PRIMARY KEY, b BLOB)")
        connection.executemany("INSERT INTO t VALUES (?, randomblob(500))", [(n,) for n in range(300)])
        connection.commit()
    return file


def rows(file: Path) -> list[tuple[int, bytes]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT n, b FROM t ORDER BY n").fetchall()


def test_a_database_is_copied_whole_while_somebody_writes_and_comes_back(tmp_path: Path, database: Path) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO t VALUES (1000, x'00')")
        dump_database(f"sqlite:///{database}", tmp_path / "copy")
        writer.execute("ROLLBACK")
    target = tmp_path / "back.sqlite3"
    load_database(tmp_path / "copy", f"sqlite:///{target}")
    assert rows(target) == rows(database)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(BackupFailed):
        dump_database(f"sqlite:///{tmp_path / 'none'}", tmp_path / "copy")
    assert not (tmp_path / "none").exists()


def test_nothing_is_loaded_over_a_database(tmp_path: Path, database: Path) -> None:
    before = rows(database)
    with pytest.raises(Conflict):
        load_database(database, f"sqlite:///{database}")
    assert rows(database) == before


def test_a_copy_that_is_none_or_damaged_is_refused_and_nothing_is_left(tmp_path: Path, database: Path) -> None:
    dump_database(f"sqlite:///{database}", tmp_path / "copy")
    whole = (tmp_path / "copy").read_bytes()
    for content in (b"text" * 3_000, whole[:5_000], whole[:9_000] + bytes(4_096) + whole[13_096:]):
        (tmp_path / "bad").write_bytes(content)
        with pytest.raises(BackupFailed):
            load_database(tmp_path / "bad", f"sqlite:///{tmp_path / 'back'}")
        assert not list(tmp_path.glob("back*"))


def test_a_tool_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for act in (dump_database, lambda url, file: load_database(file, url)):
        with pytest.raises(BackupFailed, match="not found on PATH") as failed:
            act("postgresql+psycopg://nobody:secret@127.0.0.1:9/none", tmp_path / "copy")
        assert "secret" not in str(failed.value)
