"""`greenlane receipt`: fetches the receipt of an event from a center's server."""

import argparse
import json
import re
import sys
from urllib.parse import urlencode

from greenlane.cli.files import write_private
from greenlane.cli.server import add_server_arguments, send, shown_on_terminal
from greenlane.core.epcis.eventhash import event_hash_digest
from greenlane.core.exits import Exit, WrongUse

_DIGEST = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("event_hash", metavar="EVENT-HASH", help="ni:///sha-256;…?ver=CBV2.0, or its 64 hex digits")
    parser.add_argument("--output", "-o", metavar="FILE", help="write the receipt there instead of standard output")
    parser.add_argument("--tlog-proof", action="store_true", help="fetch the log's part as a C2SP tlog-proof")
    parser.add_argument("--center", help="the entry in this center's log, where several captured the event")
    parser.add_argument("--leaf", type=int, metavar="NUMBER", help="with --center: the entry at this leaf index")
    add_server_arguments(parser)


def run(args: argparse.Namespace) -> int:
    text = args.event_hash
    digest = text.lower() if _DIGEST.fullmatch(text) else event_hash_digest(text).hex()
    if args.leaf is not None and args.center is None:
        raise WrongUse("A leaf is named without its center.", where="--leaf", remedy="Add --center.")
    asked = {"center": args.center, "leaf": args.leaf, "format": "tlog-proof" if args.tlog_proof else None}
    query = urlencode({name: value for name, value in asked.items() if value is not None})
    path = f"/v1/receipts/{digest}" + (f"?{query}" if query else "")
    body = send(args, "GET", path).body
    if args.output:
        # It may hold the salt of a private event.
        write_private(args.output, body)
        told = {"file": args.output, "bytes": len(body), "form": "tlog-proof" if args.tlog_proof else "receipt"}
        sys.stdout.write(f"{json.dumps(told, ensure_ascii=False)}\n" if args.json else f"Receipt written to {args.output}\n")
    elif args.json and args.tlog_proof:
        sys.stdout.write(json.dumps({"tlogProof": body.decode(errors="replace")}) + "\n")
    else:
        text = body.decode(errors="replace")
        # In a file or a pipe it stays as it came: a receipt is good byte for byte or not at all.
        sys.stdout.write(shown_on_terminal(text) if sys.stdout.isatty() else text)
        sys.stdout.write("" if text.endswith("\n") else "\n")
    return Exit.GOOD
