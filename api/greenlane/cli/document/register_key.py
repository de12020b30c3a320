"""`greenlane document register-key`: tells a center the public key by which a member reads confidential documents."""

import argparse
import json
import sys

from greenlane.cli.document.age import add_identity_arguments, check_recipient, read_identities, recipient_of
from greenlane.cli.document.answers import own_name, reader_keys_path
from greenlane.cli.document.uploading import member_headers
from greenlane.cli.server import add_server_arguments, send
from greenlane.core.canonical import canonical_bytes
from greenlane.core.exits import Exit, WrongUse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--recipient", metavar="AGE1…", help="the public key, as keygen printed it")
    add_identity_arguments(parser)
    parser.add_argument("--member", metavar="[CENTER/]MEMBER", help="which member you are, or act for")
    add_server_arguments(parser)


def run(args: argparse.Namespace) -> int:
    if (args.recipient is None) == (args.identity is None):
        raise WrongUse("Either the public key or the file of the secret one is named.", remedy="Give --recipient, or --identity.")
    if args.recipient is not None:
        recipients = [check_recipient(args.recipient, where="--recipient")]
    else:
        recipients = [recipient_of(identity) for identity in read_identities(args, args.identity)]
    name = own_name(args)
    headers = {**member_headers(args), "Content-Type": "application/json"}
    for recipient in recipients:
        send(args, "POST", reader_keys_path(name), body=canonical_bytes({"recipient": recipient}), headers=headers)
    if args.json:
        sys.stdout.write(json.dumps({"member": str(name), "recipients": recipients}) + "\n")
    else:
        sys.stdout.write("".join(f"{recipient} is a key of {name}.\n" for recipient in recipients))
    return Exit.GOOD
