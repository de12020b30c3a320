"""`greenlane capture`: sends a file of events to a center's server and tells what became of each."""

import argparse
import json
import sys

from greenlane.cli.files import read_input
from greenlane.cli.server import ServerRefused, add_server_arguments, json_object, send, shown_on_terminal
from greenlane.core import crypto
from greenlane.core.exits import Exit

_MAX_BYTES = 64 * 1024 * 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", metavar="FILE", help='an EPCIS 2.0 document or a single event in JSON-LD; "-" reads standard input'
    )
    parser.add_argument("--member", help="for which member; a key of role member needs none")
    add_server_arguments(parser)


def run(args: argparse.Namespace) -> int:
    body = read_input(args.file, max_bytes=_MAX_BYTES)
    # The same file sent again for the same member is the same request: a command that was cut off can simply be repeated.
    request_digest = crypto.sha256((args.member or "").encode() + b"\n" + body)
    headers = {"Content-Type": "application/ld+json", "Idempotency-Key": request_digest.hex()}
    if args.member:
        headers["Greenlane-Member"] = args.member
    answer = send(args, "POST", "/epcis/v2/capture", body=body, headers=headers)
    if args.json:
        sys.stdout.write(json.dumps(json_object(answer)) + "\n")
        return Exit.GOOD
    job = json_object(answer)
    try:
        taken = [
            (shown_on_terminal(str(event["eventHash"])), int(event["leafIndex"]), bool(event["isNew"])) for event in job["events"]
        ]
        job_id = shown_on_terminal(str(job["id"]))
    except (KeyError, TypeError, ValueError) as cause:
        raise ServerRefused("The server's answer is no capture job.", remedy="Check that --url is a Greenlane server.") from cause
    for event_hash, leaf_index, is_new in taken:
        sys.stdout.write(f"{event_hash}  leaf {leaf_index}{'' if is_new else '  (already captured)'}\n")
    fresh = sum(1 for _, _, is_new in taken if is_new)
    sys.stdout.write(f"{len(taken)} events taken, {fresh} of them new. Job {job_id}\n")
    return Exit.GOOD
