"""`greenlane restore`: brings a backup back into an empty home, whole or not at all."""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from greenlane.adapters.archive import ArchiveInvalid, read_archive
from greenlane.adapters.sql.backup import load_database
from greenlane.cli.deployment import add_home_argument, read_environment
from greenlane.core.errors import Conflict, InvalidInput
from greenlane.core.exits import Exit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="what `greenlane backup` wrote")
    add_home_argument(parser)


def run(args: argparse.Namespace) -> int:
    settings = read_environment(args)
    home = settings.home
    if (home / "network.json").exists() or (home / "keys").exists():
        raise Conflict("This folder holds a deployment.", where=str(home), remedy="Name an empty folder by --home.")
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as cause:
        raise InvalidInput(f"The folder cannot be made: {cause.strerror}.", where=str(home)) from cause
    with tempfile.TemporaryDirectory(dir=home) as folder:
        parts = read_archive(Path(args.file), Path(folder))
        for name in ("database", "network.json"):
            if name not in parts:
                raise ArchiveInvalid(f"The backup has no part {name!r}.", where=args.file)
        keys = Path(folder) / "keys"
        keys.mkdir(mode=0o700)
        for name, file in parts.items():
            if name.startswith("keys/"):
                shutil.move(file, keys / name.removeprefix("keys/"))
                (keys / name.removeprefix("keys/")).chmod(0o600)
        load_database(parts["database"], settings.database_url)
        keys.rename(home / "keys")
        # The network description last: with it the folder counts as a deployment.
        for name in ("trust.json", "network.json"):
            if name in parts:
                shutil.move(parts[name], home / name)
    sys.stdout.write(
        f"Restored into {home}. Put the keystore's password where GREENLANE_PASSWORD_FILE says, then run `greenlane fsck`.\n"
    )
    return Exit.GOOD
