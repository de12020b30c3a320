"""One file that holds a whole deployment: database, keystores and network description, each with its SHA-256.

The keystore's password is not in it: whoever finds a backup cannot sign. An archive is read strictly: known names only, no links,
no paths, sizes and digests as its manifest says, before anything is written where it will be used. What it unpacks to is bounded,
so that a few kilobytes cannot fill memory or disk.
"""

import io
import json
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from greenlane.core.crypto import sha256_of_stream
from greenlane.core.errors import Conflict, InvalidInput

_MANIFEST = "manifest.json"
NETWORK_PART, TRUST_PART, KEYS_PART = "network.json", "trust.json", "keys/"
"""Names in the archive; they are its format, wherever a home keeps those files."""
# A key of the longest name that the keystore takes, and its ending.
_NAME = re.compile(r"database|network\.json|trust\.json|keys/[A-Za-z0-9][A-Za-z0-9._-]{0,179}", re.ASCII)
_MAX_MANIFEST_BYTES = 16 * 1024 * 1024
_VERSION = 1
_CHUNK_BYTES = 1024 * 1024
# All but the database are small files of JSON.
_MAX_SMALL_PART_BYTES = 4 * 1024 * 1024
# A key for each member whose key its center keeps; so many fit the manifest.
_MAX_PARTS = 50_000
# Names and times that a plain header has no room for; tarfile holds them in memory whole.
_MAX_EXTENDED_HEADER_BYTES = 64 * 1024


class ArchiveInvalid(InvalidInput):
    """The file is no backup of Greenlane, or it is damaged."""

    code = "archive-invalid"
    default_remedy = "Use another backup."


class _BoundedHeader(tarfile.TarInfo):
    """Reads headers of plain files and of short extensions to them, and no other: not links, long names, or files with holes."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_BoundedHeader":
        header = super().frombuf(buf, encoding, errors)
        if header.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) and not (
            header.type == tarfile.XHDTYPE and header.size <= _MAX_EXTENDED_HEADER_BYTES
        ):
            raise ArchiveInvalid("A part is no plain file.")
        return header


def write_archive(target: Path, parts: Mapping[str, Path], *, created_at: datetime) -> None:
    """Writes an archive whole or not at all.

    Args:
        target: must not exist.
        parts: names ("database", "network.json", "keys/…") and the files that hold them.

    Raises:
        Conflict: `target` exists.
        InvalidInput: a part has a name that `read_archive` would refuse, or the file cannot be written.
    """
    for name in parts:
        if _NAME.fullmatch(name) is None:
            raise InvalidInput(
                f"A backup has no place for {name[:120]!r}.", where=str(parts[name]), remedy="Move that file elsewhere."
            )
    if len(parts) > _MAX_PARTS:
        # It could be written, and never be read.
        raise InvalidInput(
            f"A backup has at most {_MAX_PARTS} parts, not {len(parts)}.", where=str(target), remedy="Copy keys/ besides."
        )
    if target.exists():
        raise Conflict("That file exists already.", where=str(target), remedy="Name a new one.")
    manifest = {
        "type": "GreenlaneBackup",
        "version": _VERSION,
        "createdAt": created_at.isoformat(),
        "parts": {name: {"sha256": _digest(file), "bytes": file.stat().st_size} for name, file in sorted(parts.items())},
    }
    partial = target.with_name(target.name + ".partial")
    listing = json.dumps(manifest, indent=2).encode()
    try:
        # Readable by its owner alone from its first byte on: it holds private events and their salts.
        with os.fdopen(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w+b") as out:
            with tarfile.open(fileobj=out, mode="w:gz") as archive:
                head = tarfile.TarInfo(_MANIFEST)
                head.size = len(listing)
                archive.addfile(head, io.BytesIO(listing))
                for name, file in sorted(parts.items()):
                    archive.add(file, arcname=name, recursive=False)
            out.flush()
            os.fsync(out.fileno())
        partial.rename(target)
    except OSError as cause:
        partial.unlink(missing_ok=True)
        raise InvalidInput(f"The backup cannot be written: {cause.strerror}.", where=str(target)) from cause


def read_archive(source: Path, folder: Path) -> dict[str, Path]:
    """Unpacks an archive into an empty folder and checks every part; names and files.

    Raises:
        ArchiveInvalid: it cannot be read, or a part is missing, unknown, or not what the manifest says.
    """
    try:
        with tarfile.open(source, "r:gz", tarinfo=_BoundedHeader) as archive:
            first = archive.next()
            if first is None or first.name != _MANIFEST or not first.isfile() or first.size > _MAX_MANIFEST_BYTES:
                raise ArchiveInvalid("The file does not begin with a manifest.", where=str(source))
            stream = archive.extractfile(first)
            promised = _promises(b"" if stream is None else stream.read(), source)
            needed, free = sum(size for _, size in promised.values()), shutil.disk_usage(folder).free
            if needed > free:
                raise ArchiveInvalid(
                    f"The backup unpacks to {needed} bytes; {free} are free.",
                    where=str(source),
                    remedy="Make room and try again.",
                )
            found: dict[str, Path] = {}
            for member in archive:
                if member.name == _MANIFEST:
                    continue
                promise = promised.get(member.name)
                content = archive.extractfile(member) if member.isfile() else None
                if promise is None or content is None or member.name in found or member.size != promise[1] or member.issparse():
                    raise ArchiveInvalid(f"The part {member.name[:80]!r} is not what the manifest says.", where=str(source))
                file = folder / f"part-{len(found)}"
                # Private from its first byte, as the backup itself: it is moved to where it will be used.
                with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                    shutil.copyfileobj(content, out)
                if _digest(file) != promise[0]:
                    raise ArchiveInvalid(f"The part {member.name!r} is damaged.", where=str(source))
                found[member.name] = file
    except (tarfile.TarError, zlib.error, OSError, EOFError, ValueError, RecursionError) as cause:
        raise ArchiveInvalid(f"The file cannot be read as a backup ({type(cause).__name__}).", where=str(source)) from cause
    missing = sorted(set(promised) - set(found))
    if missing:
        raise ArchiveInvalid(f"The part {missing[0]!r} is missing.", where=str(source))
    return found


def _promises(manifest: bytes, source: Path) -> dict[str, tuple[str, int]]:
    try:
        read = json.loads(manifest)
        if read["type"] != "GreenlaneBackup" or read["version"] != _VERSION:
            raise ArchiveInvalid("The manifest is of another kind or version.", where=str(source))
        parts = {str(name): (str(part["sha256"]), _whole(part["bytes"])) for name, part in read["parts"].items()}
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as cause:
        raise ArchiveInvalid("The manifest is malformed.", where=str(source)) from cause
    if len(parts) > _MAX_PARTS:
        raise ArchiveInvalid(f"The manifest names {len(parts)} parts; a backup has at most {_MAX_PARTS}.", where=str(source))
    for name, (_, size) in parts.items():
        if _NAME.fullmatch(name) is None:
            raise ArchiveInvalid(f"The manifest names an unknown part {name[:80]!r}.", where=str(source))
        if size < 0 or (name != "database" and size > _MAX_SMALL_PART_BYTES):
            raise ArchiveInvalid(f"The manifest gives {name!r} {size} bytes, which it cannot have.", where=str(source))
    return parts


def _whole(value: object) -> int:
    if type(value) is not int:
        raise TypeError(value)
    return value


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return sha256_of_stream(iter(lambda: stream.read(_CHUNK_BYTES), b"")).hex()
