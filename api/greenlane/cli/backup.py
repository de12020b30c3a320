"""`greenlane backup`: writes database, encrypted keys and network description to one file, while the server runs.

The bytes of documents are not in it: they may be many times larger than all the rest, never change, and are kept one by one by
`greenlane document export`. Where there are documents, the command says so.
"""

import argparse
import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from greenlane.adapters.archive import KEYS_PART, NETWORK_PART, TRUST_PART, write_archive
from greenlane.adapters.home import Home
from greenlane.adapters.sql.backup import dump_database
from greenlane.adapters.sql.faults import SchemaMissing
from greenlane.adapters.sql.store import open_store
from greenlane.cli.deployment import add_home_argument, read_environment
from greenlane.cli.document.export_store import kept_documents
from greenlane.core.errors import InvalidInput
from greenlane.core.exits import Exit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the file to write; must not exist")
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    add_home_argument(parser)


def run(args: argparse.Namespace) -> int:
    settings = read_environment(args)
    home = Home(settings.home)
    if not home.network_file.exists():
        raise InvalidInput("There is no deployment in this folder.", where=str(settings.home), remedy="Name it by --home.")
    with tempfile.TemporaryDirectory(dir=settings.home) as folder:
        database = Path(folder) / "database"
        dump_database(settings.database_url, database)
        parts = {"database": database, NETWORK_PART: home.network_file}
        parts |= {f"{KEYS_PART}{key.name}": key for key in sorted(home.keys.glob("*")) if key.is_file()}
        parts |= {TRUST_PART: home.trust_file} if home.trust_file.exists() else {}
        left_out = count_documents(settings.database_url)
        write_archive(Path(args.file), parts, created_at=datetime.now(UTC))
    key_count = sum(1 for name in parts if name.startswith(KEYS_PART))
    if args.json:
        told = {"file": args.file, "bytes": Path(args.file).stat().st_size, "keys": key_count, "parts": sorted(parts)}
        told["documentsLeftOut"] = left_out
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
        return Exit.GOOD
    sys.stdout.write(
        f"{args.file} holds the database, {key_count} encrypted keys and the network.\n"
        "The keystore's password is not in it: keep that elsewhere.\n"
    )
    if left_out:
        sys.stdout.write(
            f"Nor are the bytes of documents, {left_out} here: keep them too, with `greenlane document export --all FOLDER`.\n"
        )
    return Exit.GOOD


def count_documents(database_url: str) -> int:
    """How many documents a database keeps or holds; none where it is of a release that had none."""
    store = open_store(database_url)
    try:
        return sum(1 for _ in kept_documents(store))
    except SchemaMissing:
        return 0
    finally:
        store.close()
