"""One file that holds a whole deployment: database, keystores and network description, each with its SHA-256.

The keystore's password is not in it: whoever finds a backup cannot sign. An archive is read strictly: known names only, no links,
no paths, sizes and digests as its manifest says, before anything is written where it will be used.
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
_NAME = re.compile(r"database|network\.json|trust\.json|keys/[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_MAX_MANIFEST_BYTES = 1024 * 1024
_VERSION = 1
_CHUNK_BYTES = 1024 * 1024


class ArchiveInvalid(InvalidInput):
    """The file is no backup of Greenlane, or it is damaged."""

    code = "archive-invalid"
    default_remedy = "Use another backup."


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
        with tarfile.open(source, "r:gz") as archive:
            first = archive.next()
            if first is None or first.name != _MANIFEST or not first.isfile() or first.size > _MAX_MANIFEST_BYTES:
                raise ArchiveInvalid("The file does not begin with a manifest.", where=str(source))
            stream = archive.extractfile(first)
            promised = _promises(b"" if stream is None else stream.read(), source)
            found: dict[str, Path] = {}
            for member in archive:
                if member.name == _MANIFEST:
                    continue
                promise = promised.get(member.name)
                content = archive.extractfile(member) if member.isfile() else None
                if promise is None or content is None or member.name in found or member.size != promise[1]:
                    raise ArchiveInvalid(f"The part {member.name[:80]!r} is not what the manifest says.", where=str(source))
                file = folder / f"part-{len(found)}"
                with file.open("xb") as out:
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
        parts = {str(name): (str(part["sha256"]), int(part["bytes"])) for name, part in read["parts"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as cause:
        raise ArchiveInvalid("The manifest is malformed.", where=str(source)) from cause
    for name in parts:
        if _NAME.fullmatch(name) is None:
            raise ArchiveInvalid(f"The manifest names an unknown part {name[:80]!r}.", where=str(source))
    return parts


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return sha256_of_stream(iter(lambda: stream.read(_CHUNK_BYTES), b"")).hex()
