"""`greenlane evidence`: takes a statement of evidence from another center's server, and makes it known at one's own.

Servers are believed in nothing that can be recomputed: the digest is the token's id, the signature is the certifier's over it,
and where a receipt came along it is of this very entry. All of that is checked here before anything is written or sent. That the
chain has admitted the statement is for one's own center to find out. No API key ever travels to the other center.
"""

import argparse
import json
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from greenlane.cli.files import read_input
from greenlane.cli.server import (
    Answer,
    ServerAway,
    add_server_arguments,
    json_object,
    send,
    shown_on_terminal,
)
from greenlane.core.assets.act import SIGNATURE_BYTES
from greenlane.core.assets.evidence import EvidenceStatement, evidence_entry, evidence_value, read_evidence
from greenlane.core.assets.typed_data import Domain, signer_of
from greenlane.core.canonical import JsonValue, canonical_bytes, parse_json
from greenlane.core.entry import DIGEST_BYTES
from greenlane.core.errors import CannotCheck, InvalidInput, ProofRefused
from greenlane.core.exits import Exit, FileTrouble, WrongUse
from greenlane.core.receipt import MAX_RECEIPT_BYTES, parse_receipt
from greenlane.core.trust import TrustFile, parse_trust_file
from greenlane.core.wire import FieldInvalid, encode_hex, read_hex
from greenlane.verify.judgement import Verdict
from greenlane.verify.log import checkpoint_step, inclusion_step

_DIGEST = re.compile(r"0x[0-9a-f]{64}", re.ASCII)
_MAX_BYTES = 2 * MAX_RECEIPT_BYTES


class EvidenceRefused(ProofRefused):
    """What was brought is not the statement of that digest, not signed by its certifier, or has another entry's receipt."""

    code = "evidence-refused"
    default_remedy = "Nothing was kept or sent. Ask the center whose log holds the statement."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statement:
    """A statement that reads well, not judged.

    Attributes:
        digest: as it is told, 32 bytes.
        signature: as it is told, 65 bytes.
        receipt: its JSON; None where none came along.
    """

    digest: bytes
    statement: EvidenceStatement
    signature: bytes
    receipt: JsonValue


def add_arguments(parser: argparse.ArgumentParser) -> None:
    asked = parser.add_subparsers(dest="asked", metavar="WHAT", required=True)
    fetch = asked.add_parser("fetch", help="fetch a statement, its signature and its receipt from the center that logged it")
    fetch.add_argument("digest", metavar="DIGEST", help="the statement's, which is the token's id: 0x and 64 hex digits")
    fetch.add_argument("--from", dest="origin", metavar="URL", required=True, help="the server of the center that logged it")
    fetch.add_argument("--output", "-o", metavar="FILE", help="write it there instead of to standard output")
    fetch.add_argument("--json", action="store_true", help="print JSON")
    bring = asked.add_parser("bring", help="make a statement of another center known at your own center")
    bring.add_argument("what", metavar="FILE-OR-DIGEST", help='what `fetch` wrote ("-": standard input); with --from, its digest')
    bring.add_argument("--from", dest="origin", metavar="URL", help="fetch it there, from the center that logged it")
    bring.add_argument("--member", help="for which member; a key of role member needs none")
    add_server_arguments(bring)


def run(args: argparse.Namespace) -> int:
    return _fetch(args) if args.asked == "fetch" else _bring(args)


def _fetch(args: argparse.Namespace) -> int:
    wanted = _digest(args.digest, "DIGEST")
    found = _from_server(args.origin, wanted, has_receipt=True)
    _judge(found, _trust(args.origin, "--from"))
    value: JsonValue = {
        "digest": encode_hex(found.digest),
        "statement": evidence_value(found.statement),
        "signature": encode_hex(found.signature),
        "receipt": found.receipt,
    }
    data = canonical_bytes(value) + b"\n"
    if args.output is None:
        # In ASCII: what comes from others may hold what steers a terminal.
        sys.stdout.write(json.dumps(value) + "\n")
        return Exit.GOOD
    try:
        Path(args.output).write_bytes(data)
    except (OSError, ValueError) as cause:
        reason = getattr(cause, "strerror", None) or "That is no name of a file"
        raise FileTrouble(f"{reason}.", where=args.output) from cause
    if args.json:
        told = {"file": args.output, "bytes": len(data), "digest": args.digest, "hasReceipt": found.receipt is not None}
        sys.stdout.write(json.dumps(told) + "\n")
    else:
        receipt = "with its receipt" if found.receipt is not None else f"whose receipt {found.statement.center} has"
        sys.stdout.write(f"Statement of {found.statement.center}, {receipt}, written to {args.output}\n")
    return Exit.GOOD


def _bring(args: argparse.Namespace) -> int:
    if args.origin is None:
        if _DIGEST.fullmatch(args.what):
            raise WrongUse("A digest does not say where its statement is.", where="FILE-OR-DIGEST", remedy="Add --from URL.")
        found = _from_file(args.what)
    else:
        found = _from_server(args.origin, _digest(args.what, "FILE-OR-DIGEST"), has_receipt=False)
    # By its own center's word of the network: what is brought is to count there.
    _judge(found, _trust(args.url, "--url", key_file=args.key_file))
    name = encode_hex(found.digest)
    body = canonical_bytes({"statement": evidence_value(found.statement), "signature": encode_hex(found.signature)})
    headers = {"Content-Type": "application/json"} | ({"Greenlane-Member": args.member} if args.member else {})
    answer = json_object(send(args, "PUT", f"/v1/evidence/{name}", body=body, headers=headers))
    if answer.get("digest") != name:
        raise CannotCheck("What the server answers is not about this statement.", remedy="Ask again, and check --url.")
    if args.json:
        sys.stdout.write(json.dumps(answer) + "\n")
        return Exit.GOOD
    words = (
        f"The statement {name} of {found.statement.center} is known at {args.url}: purchases are checked by it, "
        "and retirements of its units get their certificates."
    )
    sys.stdout.write(shown_on_terminal(words) + "\n")
    return Exit.GOOD


def _digest(text: str, where: str) -> bytes:
    if _DIGEST.fullmatch(text) is None:
        remedy = "Copy the token's id, as the check of the purchase tells it."
        raise WrongUse("A statement's digest is 0x and 64 lower-case hex digits.", where=where, remedy=remedy)
    return bytes.fromhex(text[2:])


def _from_file(name: str) -> _Statement:
    try:
        return _read(parse_json(read_input(name, max_bytes=_MAX_BYTES)))
    except FieldInvalid as error:
        remedy = error.remedy or "Give what `greenlane evidence fetch` wrote."
        raise FieldInvalid(f"{name} is no statement of evidence: {error.detail}", where=error.where, remedy=remedy) from error


def _from_server(url: str, digest: bytes, *, has_receipt: bool) -> _Statement:
    name = encode_hex(digest)
    body = _asked(url, f"/v1/evidence/{name}", "--from").body
    try:
        told = parse_json(body)
        found = _read(told)
    except InvalidInput as error:
        raise _no_answer(url, "statement of evidence", error) from error
    if found.digest != digest:
        raise EvidenceRefused(f"{url} answers with the statement {encode_hex(found.digest)}, not with {name}.")
    # Another center that knows the statement has no receipt of it.
    if not has_receipt or not isinstance(told, dict) or told.get("state") != "logged":
        return found
    body = _asked(url, f"/v1/evidence/{name}/receipt", "--from").body
    try:
        return replace(found, receipt=parse_json(body))
    except InvalidInput as error:
        raise _no_answer(url, "receipt", error) from error


def _read(value: JsonValue) -> _Statement:
    """Reads what `fetch` writes, or a server answers.

    Raises:
        InvalidInput: it does not read well.
    """
    if not isinstance(value, dict):
        raise FieldInvalid("A JSON object is expected.", where="")
    missing = [name for name in ("digest", "statement", "signature") if value.get(name) is None]
    if missing:
        raise FieldInvalid(f"It has no {missing[0]}.", where=f"/{missing[0]}", remedy="A statement counts once it is signed.")
    receipt = value.get("receipt")
    return _Statement(
        digest=read_hex(value["digest"], "/digest", length=DIGEST_BYTES),
        statement=read_evidence(value["statement"], "/statement"),
        signature=read_hex(value["signature"], "/signature", length=SIGNATURE_BYTES),
        # Of a server's answer that was kept as a file: a link.
        receipt=receipt if isinstance(receipt, dict) else None,
    )


def _trust(url: str, where: str, *, key_file: str | None = None) -> TrustFile:
    body = _asked(url, "/v1/trust", where, key_file=key_file).body
    try:
        return parse_trust_file(body)
    except InvalidInput as error:
        raise _no_answer(url, "trust file", error) from error


def _judge(found: _Statement, trust: TrustFile) -> None:
    """Refuses a statement that is not its digest's, its certifier's, or its receipt's.

    Raises:
        EvidenceRefused: as it says.
        CannotCheck: the network has no green assets, so that no digest of a statement counts there.
    """
    if trust.assets is None:
        raise CannotCheck("The network of this server has no green assets.", remedy="Compare the server's address.")
    domain = Domain(chain_id=trust.chain_id, contract=trust.assets.evidence_register)
    own = found.statement.digest(domain)
    if own != found.digest:
        words = f"The statement has the digest {encode_hex(own)} on this network, not {encode_hex(found.digest)}."
        raise EvidenceRefused(words)
    if signer_of(found.digest, found.signature) != found.statement.certifier:
        raise EvidenceRefused(f"The signature is not {encode_hex(found.statement.certifier)}'s over the statement.")
    if found.receipt is None:
        return
    try:
        receipt = parse_receipt(canonical_bytes(found.receipt))
    except InvalidInput as error:
        raise EvidenceRefused(f"Its receipt does not read well: {error.detail}") from error
    if receipt.entry != evidence_entry(found.statement, domain) or receipt.anchor.center != found.statement.center:
        raise EvidenceRefused("The receipt is of another entry than the statement's.")
    steps = inclusion_step(receipt), checkpoint_step(receipt, trust.center(receipt.anchor.center))[0]
    fault = next((step for step in steps if step.verdict is Verdict.FAILED), None)
    if fault is not None:
        raise EvidenceRefused(f"Its receipt does not hold: {fault.words}")


def _asked(url: str, path: str, where: str, *, key_file: str | None = None) -> Answer:
    """Asks a server by its public routes; what is wrong with its address is said of the argument that named it."""
    try:
        return send(argparse.Namespace(url=url, key_file=key_file), "GET", path)
    except ServerAway as away:
        if away.status is not None:
            raise
        raise ServerAway(away.detail, remedy=f"Is it running? Check {where}.") from away
    except InvalidInput as error:
        if error.where != "--url":
            raise
        raise WrongUse(error.detail, where=where, remedy="Give it like https://greenlane.example.") from error


def _no_answer(url: str, what: str, error: InvalidInput) -> CannotCheck:
    remedy = "Compare its release with this one: greenlane --version."
    return CannotCheck(f"What {url} answers is no {what}: {error.detail}", remedy=remedy)
