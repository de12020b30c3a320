"""`greenlane hash`: the event hash of each event in a file, one a line, in the order of the events."""

import argparse
import json
import sys

from greenlane.cli.files import read_input
from greenlane.core.canonical import parse_json
from greenlane.core.epcis.event import parse_document
from greenlane.core.epcis.eventhash import CbvVersion, event_hash, prehash
from greenlane.core.exits import Exit

_MAX_BYTES = 1024**3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", metavar="FILE", help='an EPCIS 2.0 document or a single event in JSON-LD; "-" reads standard input'
    )
    parser.add_argument(
        "--version",
        dest="cbv_version",
        default=CbvVersion.V2_0.value,
        choices=[version.value for version in CbvVersion],
        help="rules of the event hash (default: %(default)s)",
    )
    parser.add_argument("--prehash", action="store_true", help="print the string that is hashed instead of its hash")
    parser.add_argument("--json", action="store_true", help="print a JSON array")


def run(args: argparse.Namespace) -> int:
    events = parse_document(parse_json(read_input(args.file, max_bytes=_MAX_BYTES))).events
    version = CbvVersion(args.cbv_version)
    make = prehash if args.prehash else event_hash
    lines = [make(event.document, version) for event in events]
    if args.json:
        sys.stdout.write(json.dumps(lines, ensure_ascii=False, indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in lines)
    return Exit.GOOD
