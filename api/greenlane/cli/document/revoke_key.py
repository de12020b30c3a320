"""`greenlane document revoke-key`: nothing new is encrypted for a public key from now on; what it opens it opens."""

import argparse
import json
import sys
from urllib.parse import quote

from greenlane.cli.document.answers import own_name, reader_keys_path
from greenlane.cli.document.uploading import member_headers
from greenlane.cli.server import add_server_arguments, send
from greenlane.core.documents.description import read_recipient
from greenlane.core.exits import Exit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--recipient", required=True, metavar="AGE1…", help="the public key")
    parser.add_argument("--member", metavar="[CENTER/]MEMBER", help="which member you are, or act for")
    add_server_arguments(parser)


def run(args: argparse.Namespace) -> int:
    recipient = read_recipient(args.recipient, "--recipient")
    name = own_name(args)
    send(args, "DELETE", f"{reader_keys_path(name)}/{quote(recipient, safe='')}", headers=member_headers(args))
    if args.json:
        sys.stdout.write(json.dumps({"member": str(name), "revoked": recipient}) + "\n")
    else:
        sys.stdout.write(
            f"{recipient} is no key of {name} any more. What was encrypted for it can still be opened with it: "
            "share or revoke those documents to encrypt them anew.\n"
        )
    return Exit.GOOD
