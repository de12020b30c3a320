"""What migrating promises: the tables of this release, from nothing, twice, or from several processes at once."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from greenlane.adapters.sql.faults import RowDamaged
from greenlane.adapters.sql.store import SqlStore, open_store
from greenlane.adapters.sql.tables import APPEND_ONLY, metadata
from greenlane.core.assets.retirement import encode_retirement
from greenlane.core.crypto import sha256
from greenlane.core.documents.description import encode_description
from greenlane.core.units import Address, CenterId
from greenlane.ports.acts import Keeping
from greenlane.ports.asset_ledger import Touched
from sqlalchemy import inspect
from worlds.descriptions import description
from worlds.green_assets import retirement, retirement_facts

LIMA, TIANJIN = CenterId("lima"), CenterId("tianjin")
_ADD_DOCUMENT = (
    "INSERT INTO document (center, leaf_index, member, cid, content_digest, description, is_confidential, is_blinded, stored_at) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_OLD_ANCHOR = "INSERT INTO anchor SELECT number, 1, decode('00', 'hex'), 0, 7, NULL FROM center"


def test_migrated_tables_are_those_that_the_code_knows(store: SqlStore) -> None:
    with store._writers.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        found = inspect(connection)
        assert set(found.get_table_names()) == {*metadata.tables, "alembic_version"}
        for table in metadata.tables.values():
            key = found.get_pk_constraint(table.name)["constrained_columns"]
            assert key == [column.name for column in table.primary_key.columns], table.name
            nullable = {column["name"] for column in found.get_columns(table.name) if column["nullable"]}
            assert nullable == {column.name for column in table.columns if column.nullable}, table.name


def test_every_append_only_table_is_guarded(store: SqlStore) -> None:
    with store.read() as reader:
        catalog = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
        listing = catalog if store.is_postgres else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        triggers = {row[0] for row in reader.log._work.driver().execute(listing)}  # type: ignore[attr-defined]
    endings = ("is_append_only", "is_never_emptied") if store.is_postgres else ("refuses_update", "refuses_delete")
    assert triggers == {f"{table}_{ending}" for table in APPEND_ONLY for ending in endings}


def test_migrating_again_changes_nothing(store: SqlStore) -> None:
    with store.write() as transaction:
        transaction.log.append(LIMA, [bytes(65)])
    store.migrate()
    with store.read() as reader:
        assert reader.log.head(LIMA).captured == 1


def test_a_database_of_the_release_before_keeps_what_it_holds(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic import command

    whole = command.upgrade
    store = open_store(store_url)
    monkeypatch.setattr(command, "upgrade", lambda config, _head: whole(config, "0001"))
    store.migrate()
    with store.write() as transaction:
        transaction.log.append(LIMA, [bytes(65)])
        driver = transaction.log._work.driver()  # type: ignore[attr-defined]
        driver.execute(
            "INSERT INTO anchor SELECT number, 1, slug, 0, 7, NULL FROM center" if not store.is_postgres else _OLD_ANCHOR
        )
    monkeypatch.undo()
    store.migrate()
    with store.read() as reader:
        assert [one.tree_size for one in reader.seals.unsealed(LIMA, limit=9)] == [1]
        assert reader.log.head(LIMA).captured == 1
    store.close()


def test_documents_of_the_release_before_are_found_by_their_digest_and_damaged_ones_keep_nobody_back(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alembic import command

    whole = command.upgrade
    store = open_store(store_url)
    monkeypatch.setattr(command, "upgrade", lambda config, _head: whole(config, "0004"))
    store.migrate()
    damaged = (b"\xff", b"[]", b"{}", b'{"digest":7}')
    with store.write() as transaction:
        work = transaction.documents._work  # type: ignore[attr-defined]
        for center, count in ((LIMA, 1_500), (TIANJIN, 3)):
            number = work.number_or_new(center)
            encoded = [encode_description(description(b"%d of %s" % (at, center.encode()))) for at in range(count)]
            rows = [(number, at, "farm", b"%d" % at, b"%d" % at, each, False, False, at) for at, each in enumerate(encoded)]
            work.direct_many(_ADD_DOCUMENT, rows)
        lost = [(number, 100 + at, "farm", b"x%d" % at, b"x%d" % at, each, False, False, at) for at, each in enumerate(damaged)]
        work.direct_many(_ADD_DOCUMENT, lost)
    monkeypatch.undo()
    store.migrate()
    with store.read() as reader:
        for center, at in ((LIMA, 0), (LIMA, 999), (LIMA, 1_000), (LIMA, 1_499), (TIANJIN, 0), (TIANJIN, 2)):
            digest = sha256(b"%d of %s" % (at, center.encode()))
            (found,) = reader.documents.by_digest(digest, reader=None, limit=9)
            assert (found.center, found.leaf_index) == (center, at)
    store.close()


def test_processes_that_start_at_once_migrate_once(store_url: str, tmp_path: Path) -> None:
    program = f"from greenlane.adapters.sql.store import open_store; open_store({store_url!r}).migrate()"
    starting = [subprocess.Popen([sys.executable, "-W", "ignore", "-c", program], stderr=subprocess.PIPE) for _ in range(3)]
    told = [process.communicate(timeout=60)[1].decode() for process in starting]
    assert [process.returncode for process in starting] == [0, 0, 0], told
    store = open_store(store_url)
    with store.write() as transaction:
        assert transaction.log.append(LIMA, [bytes(65)]) == 0
    store.close()


def test_a_migration_that_fails_leaves_nothing(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from greenlane.adapters.sql import migrate

    whole = migrate.upgrade

    def cut(connection: object) -> None:
        whole(connection)  # type: ignore[arg-type]
        raise ZeroDivisionError

    store = open_store(store_url)
    monkeypatch.setattr(migrate, "upgrade", cut)
    with pytest.raises(ZeroDivisionError):
        store.migrate()
    with store._writers.connect() as connection:
        assert inspect(connection).get_table_names() == []
    store.close()


def test_a_retirement_certified_by_the_release_before_waits_for_its_seal(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic import command

    whole = command.upgrade
    store = open_store(store_url)
    monkeypatch.setattr(command, "upgrade", lambda config, _head: whole(config, "0006"))
    store.migrate()
    stated = retirement()
    with store.write() as transaction:
        number = transaction.documents._work.number_or_new(LIMA)  # type: ignore[attr-defined]
        row = (stated.facts.id, number, "city", encode_retirement(stated), 7, 0)
        marks = ", ".join(["%s" if store.is_postgres else "?"] * len(row))
        transaction.documents._work.driver().execute(  # type: ignore[attr-defined]
            f"INSERT INTO certified_retirement (id, center, member, statement, leaf_index, stated_at) VALUES ({marks})", row
        )
    monkeypatch.undo()
    store.migrate()
    with store.read() as reader:
        (waiting,) = reader.purchases.unsealed_retirements(LIMA, limit=9)
        assert (waiting.statement, waiting.leaf_index) == (stated, 7)
    store.close()


_ADD_ACT = (
    "INSERT INTO act (digest, center, member, kind, contract, account, salt, not_after, call, signature, subject, asked, state, "
    "kept_at, refusal, detail, remedy) VALUES (?, ?, 'city', ?, 'green-asset', ?, ?, ?, ?, ?, ?, ?, ?, 0, '', '', '')"
)


def test_retirements_that_the_release_before_left_without_a_certificate_wait_for_their_statement(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alembic import command

    whole = command.upgrade
    store = open_store(store_url)
    monkeypatch.setattr(command, "upgrade", lambda config, _head: whole(config, "0009"))
    store.migrate()
    token = sha256(b"token")
    stated = retirement()
    ids = [stated.facts.id, *(retirement(facts=retirement_facts(ref=sha256(b"%d" % at))).facts.id for at in range(5))]
    asked = [b'{"token":"0x%s"}' % token.hex().encode()] * 5 + [b"{}"]
    kinds = ["retire"] * 4 + ["cancel", "retire"]
    states = ["done", "done", "done", "kept", "done", "done"]
    with store.write() as transaction:
        work = transaction.documents._work  # type: ignore[attr-defined]
        number = work.number_or_new(LIMA)
        for at, (id_, said, kind, state) in enumerate(zip(ids, asked, kinds, states, strict=True)):
            row = (b"act %d" % at, number, kind, bytes(20), b"%d" % at, bytes(8), b"", b"", f"0x{id_.hex()}", said, state)
            work.direct(_ADD_ACT, *row)
        columns, of = "id, center, member, statement, leaf_index, stated_at", encode_retirement(stated)
        work.direct(f"INSERT INTO certified_retirement ({columns}) VALUES (?, ?, 'city', ?, 7, 0)", ids[0], number, of)
    monkeypatch.undo()
    store.migrate()
    with store.read() as reader:
        found = reader.purchases._work.direct("SELECT id, token, act FROM uncertified_retirement ORDER BY act").fetchall()  # type: ignore[attr-defined]
        assert [tuple(bytes(each) for each in row) for row in found] == [(ids[1], token, b"act 1"), (ids[2], token, b"act 2")]
    store.close()


def test_what_was_kept_beside_an_act_by_the_release_before_is_found_beside_it(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alembic import command

    whole = command.upgrade
    store = open_store(store_url)
    monkeypatch.setattr(command, "upgrade", lambda config, _head: whole(config, "0011"))
    store.migrate()
    asked = b'{"evidence":"0x07","keeping":%b,"quantity":"1.5"}'
    beside = (
        b'{"attempt":2,"isTried":false,"replaces":"0x%b","touches":{"classes":["cocoa-df"],"escrows":[],"holdings":[["0x%b","0x%b"]],'
        b'"retirements":[],"tokens":["0x%b"]}}' % (b"0b" * 32, b"0c" * 20, b"0d" * 32, b"0d" * 32)
    )
    plain = b'{"quantity":"1.5"}'
    requests = [asked % beside, plain, b"{", asked % b"7", *[plain] * 1_000, asked % b'{"isTried":true,"touches":{}}']
    columns = "digest, center, member, kind, contract, account, salt, not_after, call, signature, subject, asked, state, kept_at"
    with store.write() as transaction:
        work = transaction.acts._work  # type: ignore[attr-defined]
        number = work.number_or_new(LIMA)
        facts = (number, "farm", "issue", "green-asset", bytes(20), bytes(32), bytes(8), b"", bytes(65), "x")
        rows = [(sha256(b"%d" % at), *facts, each, "kept", 0, b"", b"", b"") for at, each in enumerate(requests)]
        work.direct_many(f"INSERT INTO act ({columns}, refusal, detail, remedy) VALUES ({', '.join('?' * 17)})", rows)
    monkeypatch.undo()
    store.migrate()
    with store.read() as reader:
        moved, without, odd, last = (reader.acts.get(sha256(b"%d" % at)) for at in (0, 1, 3, len(requests) - 1))
        assert moved is not None and without is not None and odd is not None and last is not None
        assert moved.asked == odd.asked == last.asked == {"evidence": "0x07", "quantity": "1.5"}
        assert without.asked == {"quantity": "1.5"}
        account, token = Address(b"\x0c" * 20), b"\x0d" * 32
        assert moved.keeping == Keeping(
            touched=Touched(classes=("cocoa-df",), tokens=(token,), holdings=((account, token),)),
            is_tried=False,
            attempt=2,
            replaces=b"\x0b" * 32,
        )
        assert without.keeping == odd.keeping == last.keeping == Keeping()
        with pytest.raises(RowDamaged):
            reader.acts.get(sha256(b"2"))
    store.close()
