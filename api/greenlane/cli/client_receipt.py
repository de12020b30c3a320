"""`greenlane receipt`: fetches the receipt of an event from a center's server."""

import argparse
import json
import re
import sys
from pathlib import Path

from greenlane.cli.server import add_server_arguments, send
from greenlane.core.epcis.eventhash import event_hash_digest
from greenlane.core.exits import Exit

_DIGEST = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("event_hash", metavar="EVENT-HASH", help="ni:///sha-256;…?ver=CBV2.0, or its 64 hex digits")
    parser.add_argument("--output", "-o", metavar="FILE", help="write the receipt there instead of standard output")
    parser.add_argument("--tlog-proof", action="store_true", help="fetch the log's part as a C2SP tlog-proof")
    add_server_arguments(parser)


def run(args: argparse.Namespace) -> int:
    text = args.event_hash
    digest = text.lower() if _DIGEST.fullmatch(text) else event_hash_digest(text).hex()
    path = f"/v1/receipts/{digest}" + ("?format=tlog-proof" if args.tlog_proof else "")
    body = send(args, "GET", path).body
    if args.output:
        Path(args.output).write_bytes(body)
        told = {"file": args.output, "bytes": len(body), "form": "tlog-proof" if args.tlog_proof else "receipt"}
        sys.stdout.write(f"{json.dumps(told, ensure_ascii=False)}\n" if args.json else f"Receipt written to {args.output}\n")
    elif args.json and args.tlog_proof:
        sys.stdout.write(json.dumps({"tlogProof": body.decode(errors="replace")}, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(body.decode(errors="replace") + ("" if body.endswith(b"\n") else "\n"))
    return Exit.GOOD
