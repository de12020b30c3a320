"""`greenlane receipt`: fetches the receipt of an event from a center's server, and waits for seals where they are wanted."""

import argparse
import json
import re
import sys
import time
from urllib.parse import urlencode

from greenlane.cli.files import write_private
from greenlane.cli.server import Answer, ServerAway, add_server_arguments, send, shown_on_terminal
from greenlane.core.epcis.eventhash import event_hash_digest
from greenlane.core.exits import Exit, WrongUse

# Anchoring takes a block or two, and the sealed block another.
_PATIENCE_S = 60.0
_LONGEST_PAUSE_S = 5
_STILL_TO_COME = {"receipt-not-ready", "receipt-not-sealed"}
_DIGEST = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("event_hash", metavar="EVENT-HASH", help="ni:///sha-256;…?ver=CBV2.0, or its 64 hex digits")
    parser.add_argument("--output", "-o", metavar="FILE", help="write the receipt there instead of standard output")
    parser.add_argument("--tlog-proof", action="store_true", help="fetch the log's part as a C2SP tlog-proof")
    parser.add_argument("--sealed", action="store_true", help="only with the validators' seals; waits a minute for them")
    parser.add_argument("--center", help="the entry in this center's log, where several captured the event")
    parser.add_argument("--leaf", type=int, metavar="NUMBER", help="with --center: the entry at this leaf index")
    add_server_arguments(parser)


def run(args: argparse.Namespace) -> int:
    text = args.event_hash
    digest = text.lower() if _DIGEST.fullmatch(text) else event_hash_digest(text).hex()
    if args.leaf is not None and args.center is None:
        raise WrongUse("A leaf is named without its center.", where="--leaf", remedy="Add --center.")
    asked = {
        "center": args.center,
        "leaf": args.leaf,
        "format": "tlog-proof" if args.tlog_proof else None,
        "sealed": "required" if args.sealed else None,
    }
    query = urlencode({name: value for name, value in asked.items() if value is not None})
    path = f"/v1/receipts/{digest}" + (f"?{query}" if query else "")
    body = (sent_when_sealed(args, path) if args.sealed else send(args, "GET", path)).body
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


def sent_when_sealed(args: argparse.Namespace, path: str) -> Answer:
    """A receipt whose seals are required, waited for.

    Raises:
        ServerAway: it took longer than a minute, or something else is away.
        ServerRefused: as for `send`.
    """
    end_s = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return send(args, "GET", path)
        except ServerAway as away:
            pause_s = max(1, min(away.retry_after_s, _LONGEST_PAUSE_S))
            if away.problem not in _STILL_TO_COME or time.monotonic() + pause_s > end_s:
                raise
        time.sleep(pause_s)
