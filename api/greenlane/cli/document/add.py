"""`greenlane document add`: stores a file at a center; what is not for everybody is encrypted on this machine first."""

import argparse
import json
import mimetypes
import os
import stat
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from greenlane.cli.document.age import add_passphrase_argument, encrypt, new_identity
from greenlane.cli.document.answers import Statement, own_name, read_stored
from greenlane.cli.document.keygen import write_new
from greenlane.cli.document.progress import Progress, human_size, progress
from greenlane.cli.document.readers import named_members, readers_for, shown_readers
from greenlane.cli.document.uploading import upload_and_store
from greenlane.cli.document.waiting import Patience, add_wait_argument
from greenlane.cli.server import add_server_arguments
from greenlane.core.canonical import JsonValue
from greenlane.core.documents.cid import Cid, parse_cid
from greenlane.core.documents.description import (
    AGE_FORMAT,
    DOCUMENT_TYPES,
    DocumentReader,
    canonical_subject,
    read_day,
    read_document_type,
    read_file_name,
    read_issuer,
    read_media_type,
    require_suiting_ending,
)
from greenlane.core.documents.unixfs import identify
from greenlane.core.exits import Exit, PackageMissing, UnreadableFile, WrongUse
from greenlane.core.wire import FieldInvalid, encode_hex
from greenlane.ports.documents import BytesRefused, Told

_PIECE_BYTES = 1024 * 1024
_ANY_TYPE = "application/octet-stream"
# What Python does not know by itself, and what systems differ in.
_MEDIA_TYPES = {
    ".csv": "text/csv",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".heic": "image/heic",
    ".json": "application/json",
    ".jpg": "image/jpeg",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".txt": "text/plain",
    ".webp": "image/webp",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".xml": "application/xml",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the document")
    parser.add_argument(
        "--about",
        action="append",
        required=True,
        metavar="URI",
        help="what it is about: a GS1 Digital Link or URN, an event hash, or any URI; may be given several times",
    )
    parser.add_argument("--type", required=True, metavar="TYPE", help=f"what kind of document it is: {', '.join(DOCUMENT_TYPES)}")
    parser.add_argument("--issuer", metavar="TEXT", help="who issued it, in the words on it")
    parser.add_argument("--issued-on", metavar="DAY", help="the day on it, like 2026-07-01")
    parser.add_argument("--name", help="its file name for others (default: that of FILE)")
    parser.add_argument("--media-type", metavar="TYPE", help="like application/pdf (default: by the name)")
    parser.add_argument("--replaces", metavar="CID", help="the document of yours that this one takes the place of")
    secret = parser.add_argument_group("confidential documents", "any of these encrypts it on this machine")
    secret.add_argument(
        "--for", action="append", dest="for_members", default=[], metavar="CENTER/MEMBER", help="a member who may read it"
    )
    secret.add_argument(
        "--for-recipient", action="append", default=[], metavar="AGE1…", help="the public key of somebody who may read it"
    )
    secret.add_argument("--with-link-key", action="store_true", help="make a link that opens it for whoever has the link")
    secret.add_argument("--qr", metavar="FILE.svg", help="with --with-link-key: write the link there as a QR code")
    secret.add_argument("--own-identity", metavar="FILE", help="your own key (default: the public key that your center knows)")
    add_passphrase_argument(secret)
    parser.add_argument("--member", metavar="[CENTER/]MEMBER", help="which member you are, or act for")
    add_wait_argument(parser)
    add_server_arguments(parser)


def run(args: argparse.Namespace) -> int:
    is_secret = bool(args.for_members or args.for_recipient or args.with_link_key)
    if args.qr and not args.with_link_key:
        raise WrongUse("A QR code holds a link, and none is made.", where="--qr", remedy="Add --with-link-key.")
    if (args.own_identity or args.passphrase_file) and not is_secret:
        remedy = "Add --for, --for-recipient or --with-link-key to encrypt it."
        raise WrongUse("The document is for everybody, so that no key is needed.", where="--own-identity", remedy=remedy)
    with _opened(args.file) as file:
        stated = _read_stated(args)
        return _add_secret(args, file, stated) if is_secret else _add_public(args, file, stated)


def _add_public(args: argparse.Namespace, file: BinaryIO, stated: dict[str, JsonValue]) -> int:
    with progress(args, "hashed", _length(file)) as shown:
        cid, size, digest = identified(file, shown)
    stated |= {"cid": cid.text, "size": size, "digest": encode_hex(digest), "confidential": None}
    stored = send_document(args, file, cid=cid, size=size, description=stated, is_resumable=True)
    tell_stored(args, stored, readers=(), link=None)
    return Exit.GOOD


def _add_secret(args: argparse.Namespace, file: BinaryIO, stated: dict[str, JsonValue]) -> int:
    if args.qr:
        _require_segno()
        if os.path.lexists(args.qr):
            raise WrongUse("That file exists already.", where=args.qr, remedy="Name a new one.")
    members = named_members(args.for_members, where="--for")
    link_secret, link_recipient = new_identity() if args.with_link_key else (None, None)
    readers = readers_for(
        args,
        owner=own_name(args),
        own_identity=args.own_identity,
        members=members,
        recipients=[*args.for_recipient, *([link_recipient] if link_recipient else [])],
    )

    def make(sealed: BinaryIO, told: Told) -> bytes:
        return encrypt(file, sealed, [reader.recipient for reader in readers], told=told).digest

    stored = seal_and_send(args, make, plain_bytes=_length(file), readers=readers, stated=stated)
    link = None if link_secret is None else f"{stored.page}#{link_secret}"
    # Told before anything else can fail: it is kept nowhere.
    tell_stored(args, stored, readers=readers, link=link, link_recipient=link_recipient)
    if link is not None and args.qr:
        write_new(args.qr, _qr_code(link))
    return Exit.GOOD


def seal_and_send(
    args: argparse.Namespace,
    make: Callable[[BinaryIO, Told], bytes],
    *,
    plain_bytes: int,
    readers: tuple[DocumentReader, ...],
    stated: dict[str, JsonValue],
) -> Statement:
    """Encrypts into a file without a name, which is gone with this process however that ends, and stores it.

    Args:
        make: writes the age file; the plaintext's SHA-256.
    """
    with tempfile.TemporaryFile() as sealed:
        with progress(args, "encrypted", plain_bytes) as shown:
            plain_digest = make(sealed, shown)
        sealed.seek(0)
        cid, size, digest = identified(sealed, None)
        told_readers: list[JsonValue] = [
            {"recipient": reader.recipient, "name": None if reader.name is None else str(reader.name)} for reader in readers
        ]
        secret: dict[str, JsonValue] = {"format": AGE_FORMAT, "digest": encode_hex(digest), "readers": told_readers}
        description = stated | {"cid": cid.text, "size": size, "digest": encode_hex(plain_digest), "confidential": secret}
        # Encrypted again it would be other bytes: nothing can be gone on with.
        return send_document(args, sealed, cid=cid, size=size, description=description, is_resumable=False)


def send_document(
    args: argparse.Namespace, file: BinaryIO, *, cid: Cid, size: int, description: dict[str, JsonValue], is_resumable: bool
) -> Statement:
    """Uploads and stores; what the center says it stored is what was sent.

    Raises:
        BytesRefused: it is not.
    """
    with progress(args, "sent", size) as shown:
        answer = upload_and_store(
            args,
            file,
            size=size,
            cid=cid,
            description=description,
            patience=Patience.of(args, shown),
            is_resumable=is_resumable,
        )
    stored = read_stored(answer)
    said = stored.description
    if said.cid != cid or encode_hex(said.digest) != description["digest"]:
        raise BytesRefused(
            f"The server says that it stored {said.cid.text}, and {cid.text} was sent.", remedy="Ask its operator."
        )
    return stored


def identified(file: BinaryIO, shown: Progress | None) -> tuple[Cid, int, bytes]:
    """CID, size and SHA-256 of what is in a file; leaves its place at the start."""

    def pieces() -> Iterator[bytes]:
        done = 0
        while piece := file.read(_PIECE_BYTES):
            done += len(piece)
            if shown is not None:
                shown(done)
            yield piece

    known = identify(pieces())
    file.seek(0)
    return known


def tell_stored(
    args: argparse.Namespace,
    stored: Statement,
    *,
    readers: tuple[DocumentReader, ...],
    link: str | None,
    link_recipient: str | None = None,
    more: tuple[str, ...] = (),
) -> None:
    """Says what was stored; `more` are sentences for people."""
    said = stored.description
    if args.json:
        told = {
            "cid": said.cid.text,
            "address": stored.page,
            "center": said.stated_by.center,
            "member": said.stated_by.member,
            "leafIndex": stored.leaf_index,
            "size": said.size,
            "isConfidential": stored.is_confidential,
            "readers": [{"name": None if each.name is None else str(each.name), "recipient": each.recipient} for each in readers],
            "replaces": None if said.replaces is None else said.replaces.text,
            "link": link,
        }
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
        sys.stdout.flush()
        return
    lines = [
        said.cid.text,
        f"  address  {stored.page}",
        f"  entry    leaf {stored.leaf_index} in the log of {said.stated_by.center}, stated by {said.stated_by}",
        f"  size     {human_size(said.size)}{' encrypted' if stored.is_confidential else ''}",
    ]
    if readers:
        lines.append(f"  readers  {shown_readers(readers, link_recipient)}")
    if link is not None:
        lines.append(f"  link     {link}")
        lines.append("Whoever has this link can read the document. It is shown this once and kept nowhere.")
    sys.stdout.write("".join(f"{line}\n" for line in (*lines, *more)))
    sys.stdout.flush()


def _read_stated(args: argparse.Namespace) -> dict[str, JsonValue]:
    """What is stated beside the bytes, in its one spelling; every fault before anything is sent."""
    # Some systems keep accents apart from their letters, in file names and in what is typed.
    name = _file_name(args)
    media_type = read_media_type(args.media_type or _media_type(name), "--media-type")
    require_suiting_ending(name, media_type, where="--name")
    about: list[JsonValue] = list(dict.fromkeys(canonical_subject(uri, where="--about") for uri in args.about))
    return {
        "mediaType": media_type,
        "name": name,
        "documentType": read_document_type(args.type, "--type"),
        "issuer": None if args.issuer is None else read_issuer(unicodedata.normalize("NFC", args.issuer), "--issuer"),
        "issuedOn": None if args.issued_on is None else read_day(args.issued_on, "--issued-on").isoformat(),
        "about": about,
        "replaces": None if args.replaces is None else parse_cid(args.replaces, where="--replaces").text,
    }


def _file_name(args: argparse.Namespace) -> str:
    if args.name is not None:
        return read_file_name(unicodedata.normalize("NFC", args.name), "--name")
    try:
        return read_file_name(unicodedata.normalize("NFC", Path(args.file).name), args.file)
    except FieldInvalid as cause:
        words = f"The file's own name cannot be stated: {cause.detail}"
        raise WrongUse(words, where=args.file, remedy="Give it another one by --name.") from cause


def _media_type(name: str) -> str:
    known = _MEDIA_TYPES.get(Path(name).suffix.lower())
    return known or mimetypes.guess_type(name)[0] or _ANY_TYPE


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    try:
        # Asked before it is opened: a pipe would let nobody in until somebody writes.
        mode = os.stat(name).st_mode  # noqa: PTH116 - the name may be none that a Path takes
        if stat.S_ISDIR(mode):
            raise UnreadableFile("That is a folder.", where=name, remedy="Name a file; each document is stored by itself.")
        if not stat.S_ISREG(mode):
            raise UnreadableFile("That is no plain file.", where=name, remedy="Name a file; a stream cannot be sent again.")
        file = open(name, "rb")  # noqa: PTH123, SIM115 - closed below; the name may be none that a Path takes
    except OSError as cause:
        raise UnreadableFile(f"{cause.strerror}.", where=name, remedy="Check the name and the permissions.") from cause
    except ValueError as cause:
        raise UnreadableFile("That is no name of a file.", where=name.encode("ascii", "backslashreplace").decode()) from cause
    with file:
        yield file


def _length(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def _require_segno() -> None:
    try:
        import segno  # noqa: F401
    except ModuleNotFoundError as cause:
        raise PackageMissing("segno", extras="documents") from cause


def _qr_code(link: str) -> bytes:
    import io

    import segno

    target = io.BytesIO()
    # Without boosting: a link with a key is long, and a coarser picture is easier to read from paper.
    segno.make(link, error="m", micro=False, boost_error=False).save(target, kind="svg", scale=4, border=4)
    return target.getvalue()
