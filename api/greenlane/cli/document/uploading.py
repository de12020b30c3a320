"""Sends a document's bytes in pieces, each with its digest; broken off, it goes on from where the server says it was.

The address of an upload is written down in the user's state folder (XDG_STATE_HOME), so that the same command given again, also
after the first was killed, finds it. Source: tus 1.0.0 with the extensions creation and checksum.
"""

import argparse
import base64
import json
import os
import re
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from greenlane.cli.document.waiting import Patience
from greenlane.cli.files import read_secret, write_private
from greenlane.cli.server import Answer, ServerAway, ServerRefused, json_object, send
from greenlane.core.canonical import JsonValue, canonical_bytes
from greenlane.core.crypto import sha256
from greenlane.core.documents.cid import Cid
from greenlane.core.exits import UnreadableFile

MEMBER_HEADER = "Greenlane-Member"
UPLOADS = "/v1/uploads"
TUS = {"Tus-Resumable": "1.0.0"}
_PIECE_BYTES = 4 * 1024 * 1024
_LEAST_PIECE_BYTES = 256 * 1024
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_COUNT = re.compile(r"[0-9]{1,18}", re.ASCII)
# A center hashes, looks into and keeps a document before it answers.
_STORING_S = 60
_STORED_BYTES_A_SECOND = 4 * 1024 * 1024
_KEPT_S = 30 * 86_400
_CHECKSUM_MISMATCH = 460
# The place moved, somebody else writes, the line is too slow, or a piece was damaged: asking where it stands mends each.
_TRY_AGAIN = {408, 409, _CHECKSUM_MISMATCH}
_GONE = {404, 410}
_ALREADY_STORED = "upload-already-stored"


def member_headers(args: argparse.Namespace) -> dict[str, str]:
    """Says for which member, where the key speaks for several."""
    return {MEMBER_HEADER: args.member.rpartition("/")[2]} if args.member else {}


def upload_and_store(
    args: argparse.Namespace,
    source: BinaryIO,
    *,
    size: int,
    cid: Cid,
    description: dict[str, JsonValue],
    patience: Patience,
    is_resumable: bool,
) -> dict[str, Any]:
    """Brings bytes and what is stated of them to the center; what it answered.

    Args:
        source: seekable, at its start.
        is_resumable: whether the same command given again will send the same bytes.

    Raises:
        ServerAway, ServerRefused, Faults, InvalidInput: as for `send`.
    """
    note = _Note.of(args, cid) if is_resumable else None
    upload_id = None if note is None else note.read()
    for is_last_try in (False, True):
        try:
            upload_id = _send_bytes(args, source, size, patience, upload_id, note)
            answer = _store(args, upload_id, size, description, patience)
        except ServerRefused as refusal:
            # What was begun long ago has expired, or another statement was made of it: then from the start, once.
            is_spent = refusal.status in _GONE or refusal.problem == _ALREADY_STORED
            if is_last_try or upload_id is None or not is_spent:
                raise
            upload_id = None
            continue
        if note is not None:
            note.drop()
        return answer
    raise AssertionError("the last try returns or raises")


def _send_bytes(
    args: argparse.Namespace, source: BinaryIO, size: int, patience: Patience, upload_id: str | None, note: "_Note | None"
) -> str:
    if upload_id is None:
        upload_id = _begin(args, size, patience)
        offset = 0
        if note is not None:
            note.write(upload_id)
    else:
        try:
            offset = _offset(args, upload_id, size, patience)
        except ServerRefused as refusal:
            if refusal.status not in _GONE:
                raise
            return _send_bytes(args, source, size, patience, None, note)
        if offset < size:
            patience.progress.note(f"Going on from byte {offset} of {size}.")
    piece_bytes = _PIECE_BYTES
    while offset < size:
        source.seek(offset)
        piece = source.read(min(piece_bytes, size - offset))
        if not piece:
            raise UnreadableFile("The file became shorter while it was sent.", remedy="Send it again.")
        try:
            offset = _send_piece(args, upload_id, offset, piece)
            patience.succeeded()
        except ServerAway as away:
            # Less is lost with a shorter piece when the line breaks again.
            piece_bytes = max(_LEAST_PIECE_BYTES, piece_bytes // 2) if away.status is None else piece_bytes
            patience.wait(away)
            offset = _offset(args, upload_id, size, patience)
        except ServerRefused as refusal:
            if refusal.status not in _TRY_AGAIN:
                raise
            patience.wait(ServerAway(refusal.detail, status=refusal.status, retry_after_s=1))
            offset = _offset(args, upload_id, size, patience)
        patience.progress(offset)
    return upload_id


def _begin(args: argparse.Namespace, size: int, patience: Patience) -> str:
    headers = {**TUS, **member_headers(args), "Upload-Length": str(size)}
    answer = _patiently(patience, lambda: send(args, "POST", UPLOADS, body=b"", headers=headers))
    return upload_id_of(answer)


def upload_id_of(answer: Answer) -> str:
    """The id of an upload that was begun.

    Raises:
        ServerRefused: the answer is none to that.
    """
    # Only its last part is used: whatever address the server believes to have, the key goes to the one that the user named.
    upload_id = _header(answer, "location").rstrip("/").rpartition("/")[2]
    if _ID.fullmatch(upload_id) is None:
        raise _no_tus()
    return upload_id


def _offset(args: argparse.Namespace, upload_id: str, size: int, patience: Patience) -> int:
    headers = {**TUS, **member_headers(args)}
    answer = _patiently(patience, lambda: send(args, "HEAD", f"{UPLOADS}/{upload_id}", headers=headers))
    return _read_offset(answer, size)


def _send_piece(args: argparse.Namespace, upload_id: str, offset: int, piece: bytes) -> int:
    headers = {
        **TUS,
        **member_headers(args),
        "Content-Type": "application/offset+octet-stream",
        "Upload-Offset": str(offset),
        "Upload-Checksum": f"sha256 {base64.b64encode(sha256(piece)).decode()}",
    }
    answer = send(args, "PATCH", f"{UPLOADS}/{upload_id}", body=piece, headers=headers)
    return _read_offset(answer, offset + len(piece))


def _store(
    args: argparse.Namespace, upload_id: str, size: int, description: dict[str, JsonValue], patience: Patience
) -> dict[str, Any]:
    body = canonical_bytes({"upload": upload_id, "description": description})
    headers = {**member_headers(args), "Content-Type": "application/json"}
    timeout_s = _STORING_S + size / _STORED_BYTES_A_SECOND
    store = partial(send, args, "POST", "/v1/documents", body=body, headers=headers, timeout_s=timeout_s)
    return json_object(_patiently(patience, store))


def _patiently(patience: Patience, ask: Any) -> Answer:
    while True:
        try:
            answer: Answer = ask()
        except ServerAway as away:
            patience.wait(away)
            continue
        patience.succeeded()
        return answer


def _read_offset(answer: Answer, most: int) -> int:
    text = _header(answer, "upload-offset")
    if _COUNT.fullmatch(text) is None or int(text) > most:
        raise _no_tus()
    return int(text)


def _header(answer: Answer, name: str) -> str:
    return next((value for given, value in answer.headers.items() if given.lower() == name), "")


def _no_tus() -> ServerRefused:
    return ServerRefused("The server's answer is none to an upload.", remedy="Check that --url is a Greenlane server.")


class _Note:
    """The file in which the address of one upload is written down."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @classmethod
    def of(cls, args: argparse.Namespace, cid: Cid) -> "_Note":
        """The note about these bytes, for this server, key and member."""
        key_id = read_secret(args.key_file).rpartition("_")[0] if args.key_file else ""
        asked = "\n".join((args.url.rstrip("/"), key_id, args.member or "", cid.text))
        return cls(_state_folder() / f"{sha256(asked.encode('utf-8', 'surrogateescape')).hex()[:32]}.json")

    def read(self) -> str | None:
        """The upload that was begun, or None."""
        try:
            upload_id = json.loads(self._file.read_bytes())["upload"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        return upload_id if isinstance(upload_id, str) and _ID.fullmatch(upload_id) else None

    def write(self, upload_id: str) -> None:
        """Writes it down; where that cannot be done, the upload goes on and cannot be found again."""
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._tidy()
            # Whole or not there: a note that is cut off would be read as none.
            new = self._file.with_suffix(f".{os.getpid()}")
            write_private(str(new), canonical_bytes({"upload": upload_id}))
            new.replace(self._file)
        except OSError:
            return

    def drop(self) -> None:
        """Takes it away."""
        try:
            self._file.unlink(missing_ok=True)
        except OSError:
            return

    def _tidy(self) -> None:
        for file in self._file.parent.iterdir():
            # Another command may have taken its own away meanwhile.
            with suppress(FileNotFoundError):
                if file.stat().st_mtime < time.time() - _KEPT_S:
                    file.unlink()


def _state_folder() -> Path:
    given = os.environ.get("XDG_STATE_HOME", "")
    # The XDG specification: a path that is not absolute is to be ignored.
    base = Path(given) if Path(given).is_absolute() else Path(os.path.expanduser("~")) / ".local" / "state"  # noqa: PTH111 - never fails
    return base / "greenlane" / "uploads"
