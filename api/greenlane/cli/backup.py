"""`greenlane backup`: writes database, encrypted keys and network description to one file, while the server runs."""

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from greenlane.adapters.archive import write_archive
from greenlane.adapters.sql.backup import dump_database
from greenlane.cli.deployment import add_home_argument, read_environment
from greenlane.core.errors import InvalidInput
from greenlane.core.exits import Exit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the file to write; must not exist")
    add_home_argument(parser)


def run(args: argparse.Namespace) -> int:
    settings = read_environment(args)
    network = settings.home / "network.json"
    if not network.exists():
        raise InvalidInput("There is no deployment in this folder.", where=str(settings.home), remedy="Name it by --home.")
    with tempfile.TemporaryDirectory(dir=settings.home) as folder:
        database = Path(folder) / "database"
        dump_database(settings.database_url, database)
        parts = {"database": database, "network.json": network}
        parts |= {f"keys/{key.name}": key for key in sorted((settings.home / "keys").glob("*")) if key.is_file()}
        trust = settings.home / "trust.json"
        parts |= {"trust.json": trust} if trust.exists() else {}
        key_count = sum(1 for name in parts if name.startswith("keys/"))
        write_archive(Path(args.file), parts, created_at=datetime.now(UTC))
    sys.stdout.write(
        f"{args.file} holds the database, {key_count} encrypted keys and the network.\n"
        "The keystore's password is not in it: keep that elsewhere.\n"
    )
    return Exit.GOOD
