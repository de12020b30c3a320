"""`greenlane document keys`: the public keys by which a member reads confidential documents."""

import argparse
import json
import sys

from greenlane.cli.document.answers import own_name, reader_keys_of
from greenlane.cli.server import add_server_arguments
from greenlane.core.exits import Exit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--member", metavar="[CENTER/]MEMBER", help="whose (default: yours); also others' are shown only to an API key"
    )
    add_server_arguments(parser)


def run(args: argparse.Namespace) -> int:
    name = own_name(args)
    keys = reader_keys_of(args, name)
    if args.json:
        told = [{"recipient": key.recipient, "isRevoked": key.is_revoked} for key in keys]
        sys.stdout.write(json.dumps({"member": str(name), "keys": told}) + "\n")
        return Exit.GOOD
    for key in keys:
        sys.stdout.write(f"{key.recipient}  {'revoked' if key.is_revoked else 'live'}\n")
    if not keys:
        sys.stdout.write(f"{name} has no key.\n")
    return Exit.GOOD
