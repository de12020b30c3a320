"""`greenlane document keygen`: makes an age identity, and keeps it encrypted with a passphrase unless told otherwise."""

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from greenlane.cli.document.age import add_passphrase_argument, identity_file, new_identity, new_passphrase, with_passphrase
from greenlane.core.errors import InvalidInput
from greenlane.core.exits import Exit, WrongUse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", "-o", metavar="FILE", required=True, help="write the key there, readable by you alone")
    parser.add_argument("--plain", action="store_true", help="without a passphrase: whoever has the file can read your documents")
    add_passphrase_argument(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    if args.plain and args.passphrase_file:
        raise WrongUse("A plain file has no passphrase.", remedy="Leave out --plain or --passphrase-file.")
    target = Path(args.output)
    if os.path.lexists(target):
        raise _is_there(args.output)
    passphrase = None if args.plain else new_passphrase(args)
    secret, recipient = new_identity()
    text = identity_file(secret, recipient, made_at=datetime.now(UTC))
    write_new(args.output, text if passphrase is None else with_passphrase(text, passphrase))
    if args.json:
        told = {"file": args.output, "recipient": recipient, "isEncrypted": passphrase is not None}
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
    else:
        kept = "plain" if passphrase is None else "encrypted with the passphrase"
        sys.stdout.write(f"{recipient}\n")
        sys.stderr.write(
            f"greenlane: the key is written to {args.output}, {kept}. Keep a copy: without it nobody can read what is encrypted "
            f"for you. Tell your center the public key: greenlane document register-key --recipient {recipient}\n"
        )
    return Exit.GOOD


def write_new(name: str, data: bytes) -> None:
    """Writes a file that its owner alone can read and that was not there before, durably.

    Raises:
        InvalidInput: it was there.
        OSError: it cannot be written; nothing is left of it.
    """
    try:
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as cause:
        raise _is_there(name) from cause
    except ValueError as cause:
        raise WrongUse("That is no name of a file.", where="--output") from cause
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - no Path takes a mode
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _is_there(name: str) -> InvalidInput:
    return InvalidInput("That file exists already.", where=name, remedy="Name a new one; keys are not overwritten.")
