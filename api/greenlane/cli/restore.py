"""`greenlane restore`: brings a backup back into an empty home, whole or not at all."""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

from greenlane.adapters.archive import KEYS_PART, NETWORK_PART, TRUST_PART, ArchiveInvalid, read_archive
from greenlane.adapters.home import Home
from greenlane.adapters.sql.backup import load_database
from greenlane.cli.backup import count_documents
from greenlane.cli.deployment import add_home_argument, read_environment
from greenlane.core.errors import Conflict, InvalidInput
from greenlane.core.exits import Exit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="what `greenlane backup` wrote")
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    add_home_argument(parser)


def run(args: argparse.Namespace) -> int:
    settings = read_environment(args)
    home = Home(settings.home)
    place = str(home.directory)
    if home.network_file.exists() or home.keys.exists():
        raise Conflict("This folder holds a deployment.", where=place, remedy="Name an empty folder by --home.")
    try:
        home.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as cause:
        raise InvalidInput(f"The folder cannot be made: {cause.strerror}.", where=place) from cause
    with tempfile.TemporaryDirectory(dir=home.directory) as folder:
        parts = read_archive(Path(args.file), Path(folder))
        for name in ("database", NETWORK_PART):
            if name not in parts:
                raise ArchiveInvalid(f"The backup has no part {name!r}.", where=args.file)
        keys = Path(folder) / "keys"
        keys.mkdir(mode=0o700)
        for name, file in parts.items():
            if name.startswith(KEYS_PART):
                key = keys / name.removeprefix(KEYS_PART)
                shutil.move(file, key)
                key.chmod(0o600)
        load_database(parts["database"], settings.database_url)
        keys.rename(home.keys)
        # The network description last: with it the folder counts as a deployment.
        for name, target in ((TRUST_PART, home.trust_file), (NETWORK_PART, home.network_file)):
            if name in parts:
                shutil.move(parts[name], target)
    left_out = count_documents(settings.database_url)
    if args.json:
        told = {"home": place, "parts": sorted(parts), "documentsLeftOut": left_out}
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
        return Exit.GOOD
    sys.stdout.write(
        f"Restored into {place}. Put the keystore's password where GREENLANE_PASSWORD_FILE says, then run `greenlane fsck`.\n"
    )
    if left_out:
        sys.stdout.write(
            f"The bytes of documents, {left_out} here, are not in it: bring them back by `greenlane document import FOLDER`.\n"
        )
    return Exit.GOOD
