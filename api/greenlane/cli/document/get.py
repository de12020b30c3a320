"""`greenlane document get`: fetches a document from a server that is believed in nothing, and decrypts it where there is a key.

What comes is compared with the CID part by part (fetching.py); what is decrypted is compared with the digest in its statement. A
file gets its name when all of it is right. The names of files come from others: only a plain name is taken, and nothing that is
there already is overwritten without being asked for.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from greenlane.cli.client_receipt import sent_when_sealed
from greenlane.cli.document.age import (
    Identity,
    add_identity_arguments,
    decrypt,
    decrypt_bytes,
    read_identities,
    read_identity,
)
from greenlane.cli.document.answers import Statement, statements_of
from greenlane.cli.document.fetching import Fetched, fetched
from greenlane.cli.document.progress import human_size, progress
from greenlane.cli.document.waiting import Patience, add_wait_argument
from greenlane.cli.files import write_private
from greenlane.cli.server import ServerAway, ServerRefused, add_server_arguments, send
from greenlane.core.documents.age_file import AGE_MAGIC
from greenlane.core.documents.cid import Cid, parse_cid
from greenlane.core.documents.description import Description
from greenlane.core.errors import GreenlaneError, InvalidInput
from greenlane.core.exits import Exit, WrongUse, one_line
from greenlane.core.receipt import DocumentDisclosure, parse_receipt
from greenlane.ports.documents import BytesRefused

_ENCRYPTED_SUFFIX = ".age"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What a user named: a document, at which server, and the key in its link."""

    cid: Cid
    server: argparse.Namespace
    link_key: Identity | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("document", metavar="CID-OR-LINK", help="its CID, or the link to it; quote a link, it may hold a #")
    parser.add_argument("--output", "-o", metavar="FILE-OR-FOLDER", help="where to (default: this folder, by its stated name)")
    parser.add_argument("--force", action="store_true", help="overwrite the file where there is one")
    parser.add_argument("--receipt", metavar="FILE", help="fetch its receipt too, for `greenlane verify FILE --document …`")
    parser.add_argument(
        "--sealed", action="store_true", help="with --receipt: only with the validators' seals; waits a minute for them"
    )
    add_identity_arguments(parser)
    parser.add_argument("--member", metavar="[CENTER/]MEMBER", help="which member you are, or act for")
    add_wait_argument(parser)
    add_server_arguments(parser)


def run(args: argparse.Namespace) -> int:
    if args.sealed and not args.receipt:
        raise WrongUse("Seals are of a receipt, and none is asked for.", where="--sealed", remedy="Add --receipt FILE.")
    wanted = _read_wanted(args)
    identities = [] if wanted.link_key is None else [wanted.link_key]
    if args.identity:
        identities += read_identities(args, args.identity)
    said, newer = _description_of(wanted, identities)
    receipt = _receipt(wanted, identities, is_sealed=args.sealed) if args.receipt else None
    is_age = None if said is None else said.confidential is not None
    name = said.name if said is not None else wanted.cid.text
    if is_age and not identities:
        name += _ENCRYPTED_SUFFIX
    target = _target(args, name)
    part = target.parent / f".{wanted.cid.text}.part"
    with progress(args, "fetched", 0) as counted, fetched(wanted.server, wanted.cid, part, Patience.of(args, counted)) as got:
        counted.end()
        if said is not None and got.digest != said.stored_digest:
            raise BytesRefused(f"The statement about {wanted.cid.text} is about other bytes.")
        if is_age is None:
            is_age = got.file.read(len(AGE_MAGIC)) == AGE_MAGIC
            got.file.seek(0)
        is_opened = is_age and bool(identities)
        if is_opened:
            size = _save_opened(args, got, target, identities, said)
        else:
            size = got.size
            _name(part, target, is_forced=args.force, mode=0o600 if is_age else 0o666 & ~_umask())
    if receipt is not None:
        # It may hold a salt, and what is stated in confidence.
        write_private(args.receipt, receipt)
    _tell(args, wanted.cid, target, size, said=said, newer=newer, is_age=is_age, is_opened=is_opened)
    if is_age and not is_opened:
        sys.stdout.flush()
        words = f"{target} is still encrypted: give --identity, or the whole link, to open it."
        sys.stderr.write("" if args.json else f"greenlane: {one_line(words)}\n")
    return Exit.GOOD


def _save_opened(
    args: argparse.Namespace, got: Fetched, target: Path, identities: list[Identity], said: Description | None
) -> int:
    with _unnamed(target) as plain_path, plain_path.open("wb") as plain_file:
        with progress(args, "decrypted", got.size) as counted:
            plain = decrypt(got.file, plain_file, identities, told=counted)
        plain_file.flush()
        os.fsync(plain_file.fileno())
        if said is not None and plain.digest != said.digest:
            raise BytesRefused(
                "What it decrypts to is not what its owner stated.", remedy="Nothing of it was kept. Ask the document's owner."
            )
        _name(plain_path, target, is_forced=args.force, mode=0o600)
    return plain.size


def _read_wanted(args: argparse.Namespace) -> _Wanted:
    text = args.document.strip()
    if "://" not in text:
        return _Wanted(cid=parse_cid(text, where="CID"), server=args, link_key=None)
    try:
        parts = urlsplit(text)
        base, _, cid_text = parts.path.rstrip("/").rpartition("/documents/")
        url = f"{parts.scheme}://{parts.netloc}{base.removesuffix('/v1')}"
    except ValueError as cause:
        raise WrongUse("That is no link to a document.", where="CID-OR-LINK") from cause
    if parts.scheme not in {"http", "https"} or not cid_text:
        raise WrongUse("That is no link to a document.", where="CID-OR-LINK", remedy="Give it whole, and in quotes.")
    server = argparse.Namespace(**vars(args))
    server.url = url
    if url != args.url.rstrip("/"):
        # The API key must not travel to an address that a link names.
        server.key_file = None
    key = read_identity(parts.fragment, where="link") if parts.fragment else None
    return _Wanted(cid=parse_cid(cid_text, where="link"), server=server, link_key=key)


def _description_of(wanted: _Wanted, identities: list[Identity]) -> tuple[Description | None, Cid | None]:
    """What is stated of a document, as far as whoever asks may know; and what took its place."""
    statements = statements_of(wanted.server, wanted.cid)
    if statements:
        chosen = max(statements, key=_rank)
        return chosen.description, next((each.replaced_by for each in statements if each.replaced_by is not None), None)
    if not identities:
        return None, None
    try:
        disclosed = parse_receipt(_receipt(wanted, identities)).disclosure
    except (ServerAway, ServerRefused, InvalidInput):
        # No receipt yet, or none for these keys: the bytes have their name all the same.
        return None, None
    said = disclosed.description if isinstance(disclosed, DocumentDisclosure) else None
    return (said, None) if said is not None and said.cid == wanted.cid else (None, None)


def _receipt(wanted: _Wanted, identities: list[Identity], *, is_sealed: bool = False) -> bytes:
    """The receipt of a statement: of a public document, of one that the API key may read, or, by the keys, of any reader's.

    Args:
        is_sealed: wait for the validators' seals.

    Raises:
        ServerAway: there is none yet.
        ServerRefused, KeyDoesNotOpen: there is none for whoever asks.
    """

    def fetch(path: str) -> bytes:
        if is_sealed:
            return sent_when_sealed(wanted.server, f"{path}?sealed=required").body
        return send(wanted.server, "GET", path).body

    path = f"/v1/documents/{wanted.cid.text}/receipt"
    try:
        return fetch(path)
    except ServerRefused:
        if not identities:
            raise
    return decrypt_bytes(fetch(f"{path}.age"), identities)


def _rank(statement: Statement) -> tuple[bool, int]:
    return (not statement.is_withdrawn, statement.leaf_index)


def _target(args: argparse.Namespace, name: str) -> Path:
    try:
        asked = Path(args.output or ".")
        target = asked / name if asked.is_dir() else asked
        if os.path.lexists(target) and not args.force:
            raise _is_there(target)
        if target.is_dir() or not target.parent.is_dir():
            raise WrongUse("There is no such folder.", where=str(target.parent), remedy="Make it, or name another.")
    except ValueError as cause:
        raise WrongUse("That is no name of a file.", where="--output") from cause
    return target


def _name(path: Path, target: Path, *, is_forced: bool, mode: int) -> None:
    """Gives a finished file its name, in one step, and never over another one unless asked to."""
    path.chmod(mode)
    if is_forced:
        path.replace(target)
        return
    try:
        os.link(path, target)
    except FileExistsError as cause:
        raise _is_there(target) from cause
    except OSError:
        # Not every file system has links.
        if os.path.lexists(target):
            raise _is_there(target) from None
        path.rename(target)


def _is_there(target: Path) -> GreenlaneError:
    return InvalidInput("That file exists already.", where=str(target), remedy="Name another by -o, or overwrite it by --force.")


@contextmanager
def _unnamed(target: Path) -> Iterator[Path]:
    """A file beside the target that nobody else can read; gone at the end whatever happens."""
    descriptor, text = tempfile.mkstemp(prefix=".greenlane-", dir=target.parent)
    os.close(descriptor)
    try:
        yield Path(text)
    finally:
        Path(text).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _tell(
    args: argparse.Namespace,
    cid: Cid,
    target: Path,
    size: int,
    *,
    said: Description | None,
    newer: Cid | None,
    is_age: bool,
    is_opened: bool,
) -> None:
    if args.json:
        told = {
            "file": str(target),
            "cid": cid.text,
            "size": size,
            "isConfidential": is_age,
            "isDecrypted": is_opened,
            "isStatementKnown": said is not None,
            "replacedBy": None if newer is None else newer.text,
            "receipt": args.receipt,
        }
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
        return
    lines = [f"{one_line(str(target))}  {human_size(size)}"]
    if is_opened and said is not None:
        lines.append("Decrypted; every byte is as its CID and its statement say.")
    elif is_opened:
        lines.append("Decrypted; every byte is as its CID says. No statement could be read: the name is its CID.")
    else:
        lines.append("Every byte is as its CID says.")
    if args.receipt:
        lines.append(f"Its receipt is in {one_line(args.receipt)}")
    if newer is not None:
        lines.append(f"It was replaced by {newer.text}")
    sys.stdout.write("".join(f"{line}\n" for line in lines))
