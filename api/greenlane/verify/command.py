"""`greenlane verify`: reads the files, asks the nodes, prints the judgement of a receipt or of a certificate of retirement.

Nothing is asked over a network unless a node is named; a receipt with validators' seals is judged whole without any.

Exit codes: 0 the verdict is yes, 1 it is no, 2 the command was used wrongly or a file could not be read, 3 nothing speaks
against the receipt but not everything could be checked, as of a document whose file was not given. A receipt that does not read
well is a no, for it proves nothing; a trust file that does not is a wrong use, and so is another file of ours in the place of
either.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from greenlane.core.assets.retirement import CERTIFICATE_TYPE, MAX_CERTIFICATE_BYTES
from greenlane.core.canonical import JsonValue, parse_json
from greenlane.core.documents.unixfs import CHUNK_BYTES
from greenlane.core.entry import EntryKind
from greenlane.core.errors import InvalidInput
from greenlane.core.exits import Exit, UnreadableFile, WrongUse, exit_code_of, fault_text
from greenlane.core.receipt import MAX_RECEIPT_BYTES, RECEIPT_TYPE, parse_receipt
from greenlane.core.trust import MAX_TRUST_FILE_BYTES, TRUST_TYPE, TrustFile, parse_trust_file
from greenlane.verify.ladder import Verdict, given_file, judge
from greenlane.verify.nodes import JsonRpcNode
from greenlane.verify.report import report_text, report_value
from greenlane.verify.retirement import judge_certificate

EXIT_CODES = {Verdict.PASSED: Exit.GOOD, Verdict.FAILED: Exit.NO, Verdict.NOT_CHECKED: Exit.UNCHECKED}
_STANDARD_INPUT = "-"
_KINDS = {
    RECEIPT_TYPE: "a receipt",
    CERTIFICATE_TYPE: "a certificate of retirement",
    TRUST_TYPE: "a trust file",
    "GreenlaneNetwork": "a description of a network (network.json)",
    "GreenlaneJudgement": "a judgement, as `greenlane verify --json` prints it",
}
_LEAVE_OUT = "Leave --event and --document out."
_BOTH_FILES = "Name them so: greenlane verify RECEIPT --trust TRUST-FILE."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tells a parser what `run` takes."""
    parser.add_argument(
        "receipt",
        metavar="RECEIPT",
        help="the receipt to judge, or a certificate of retirement (JSON or PDF); - reads it from standard input",
    )
    parser.add_argument("--trust", metavar="FILE", required=True, help="the trust file to start from")
    parser.add_argument(
        "--rpc",
        metavar="URL",
        action="append",
        default=[],
        help="a node of the chain to ask for the anchor; may be given several times, and every one is asked; "
        "none is needed for a receipt that carries the validators' seals",
    )
    beside = parser.add_mutually_exclusive_group()
    beside.add_argument("--event", metavar="FILE", help="the event, where it travels beside the receipt")
    beside.add_argument(
        "--document",
        metavar="FILE",
        help="the document that the receipt is of: the file itself, or its encrypted form as it is stored; of any size",
    )
    parser.add_argument("--json", action="store_true", help="print the judgement as JSON")


def run(args: argparse.Namespace, *, data: bytes | None = None) -> int:
    """Judges one receipt or certificate and prints the ladder.

    Args:
        args: as `add_arguments` had them parsed.
        data: what is to be judged, where the caller has taken it out of another file; None to read it.

    Returns:
        The exit code.
    """
    try:
        trust = read_trust(args.trust)
        nodes = [JsonRpcNode(url) for url in args.rpc]
        event = None if args.event is None else _event(args.event)
        receipt = _read(args.receipt, MAX_CERTIFICATE_BYTES) if data is None else data
        is_certificate = _type_of(receipt) == CERTIFICATE_TYPE
        if not is_certificate:
            _require_kind(receipt, RECEIPT_TYPE, args.receipt)
        _require_fit(receipt, args, is_certificate=is_certificate)
        document = None if args.document is None else given_file(_pieces(args.document))
    except InvalidInput as error:
        sys.stderr.write(fault_text(error, program="greenlane", as_json=args.json))
        return exit_code_of(error)
    if is_certificate:
        judgement = judge_certificate(receipt, trust, ask=nodes)
    else:
        judgement = judge(receipt, trust, event=event, ask=nodes, document=document)
    now = datetime.now(UTC)
    told = json.dumps(report_value(judgement, now=now), indent=2) + "\n" if args.json else report_text(judgement, now=now)
    _write(told)
    return EXIT_CODES[judgement.verdict]


def read_trust(path: str) -> TrustFile:
    """The trust file at a path.

    Raises:
        InvalidInput: it cannot be read, is another file of ours, or does not read well.
    """
    data = _read(path, MAX_TRUST_FILE_BYTES)
    _require_kind(data, TRUST_TYPE, path)
    try:
        return parse_trust_file(data)
    except InvalidInput as error:
        place = f" (at {error.where})" if error.where else ""
        raise InvalidInput(f"The trust file does not read well{place}: {error.detail}", where=path) from error


def _require_kind(data: bytes, type_: str, path: str) -> None:
    """Refuses another file of ours in the place of this one; what is no file of ours at all, its own reader refuses.

    Raises:
        WrongUse: it is one.
    """
    found = _type_of(data)
    if found != type_ and found in _KINDS:
        raise WrongUse(f"This is {_KINDS[found]}, not {_KINDS[type_]}.", where=path, remedy=_BOTH_FILES)


def _type_of(data: bytes) -> str | None:
    """What a file of ours says it is; None for any other."""
    try:
        value = parse_json(data)
    except InvalidInput:
        return None
    found = value.get("type") if isinstance(value, dict) else None
    return found if isinstance(found, str) else None


def _require_fit(receipt: bytes, args: argparse.Namespace, *, is_certificate: bool) -> None:
    """Refuses a file beside the receipt that the receipt is not of; a receipt that does not read well is judged as that.

    Raises:
        WrongUse: an event beside the receipt of something else, or a document.
    """
    beside = EntryKind.EVENT if args.event is not None else EntryKind.DOCUMENT if args.document is not None else None
    if beside is None:
        return
    if is_certificate:
        raise WrongUse("A certificate of retirement holds all that it is judged by.", where=args.receipt, remedy=_LEAVE_OUT)
    try:
        kind = parse_receipt(receipt).entry.kind
    except InvalidInput:
        return
    if kind is not beside:
        option = "--event" if beside is EntryKind.EVENT else "--document"
        remedy = {EntryKind.EVENT: "Give the event with --event.", EntryKind.DOCUMENT: "Give the file with --document."}
        raise WrongUse(
            f"This receipt is of the kind {kind.name.lower().replace('_', ' ')}, and {option} gives something else.",
            where=args.receipt,
            remedy=remedy.get(kind, f"Leave {option} out."),
        )


def _pieces(path: str) -> Iterator[bytes]:
    """A file of any size, a piece at a time."""
    try:
        with Path(path).open("rb") as file:
            while piece := file.read(CHUNK_BYTES):
                yield piece
    except (OSError, ValueError) as error:
        raise _unreadable(error, path) from error


def _event(path: str) -> JsonValue:
    try:
        event = parse_json(_read(path, MAX_RECEIPT_BYTES))
    except UnreadableFile:
        raise
    except InvalidInput as error:
        raise InvalidInput(f"The event does not read well: {error.detail}", where=path) from error
    if not isinstance(event, dict):
        raise InvalidInput("An event is one JSON object.", where=path)
    return event


def _read(path: str, longest: int) -> bytes:
    """A file's bytes; one more than `longest` at most, so that a reader can refuse what is too large."""
    try:
        if path == _STANDARD_INPUT:
            return sys.stdin.buffer.read(longest + 1)
        with Path(path).open("rb") as file:
            return file.read(longest + 1)
    except (OSError, ValueError) as error:
        raise _unreadable(error, path) from error


def _unreadable(error: OSError | ValueError, path: str) -> UnreadableFile:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return UnreadableFile(f"The file cannot be read: {reason}.", where=path)


def _write(text: str) -> None:
    # A terminal that cannot show a name still gets the verdict.
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
