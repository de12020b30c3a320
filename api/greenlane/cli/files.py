"""Reads what a user names on the command line."""

import os
import stat
import sys
from pathlib import Path

from greenlane.core.exits import UnreadableFile


def read_input(name: str, *, max_bytes: int) -> bytes:
    """The bytes of a file, or of standard input where the name is "-".

    Raises:
        UnreadableFile: it is missing, a folder, not permitted, or larger than `max_bytes`.
    """
    try:
        if name == "-":
            data = sys.stdin.buffer.read(max_bytes + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(max_bytes + 1)
    except OSError as cause:
        raise UnreadableFile(f"{cause.strerror}.", where=name, remedy="Check the name and the permissions.") from cause
    except ValueError as cause:
        raise UnreadableFile("That is no name of a file.", where=name.encode("ascii", "backslashreplace").decode()) from cause
    if len(data) > max_bytes:
        raise UnreadableFile(f"The file is larger than {max_bytes} bytes.", where=name, remedy="Split it into smaller documents.")
    return data


def write_private(name: str, data: bytes) -> None:
    """Writes a file that its owner alone can read, also where it was there before and others could.

    Raises:
        OSError: it cannot be written.
    """
    # Not emptied before its mode is right: then nobody who opened it early can read what comes.
    with open(os.open(name, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:  # noqa: PTH123 - no Path takes a mode
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            os.fchmod(file.fileno(), 0o600)
            file.truncate()
        file.write(data)


def read_secret(name: str) -> str:
    """The one line of a secret's file.

    Raises:
        UnreadableFile: it cannot be read, is empty, or is not one line of printable ASCII.
    """
    try:
        text = read_input(name, max_bytes=4096).decode().strip()
    except UnicodeDecodeError as cause:
        raise UnreadableFile("The file is no text.", where=name) from cause
    if not text:
        raise UnreadableFile("The file is empty.", where=name)
    if not text.isascii() or not text.isprintable():
        raise UnreadableFile("The file does not hold one line of plain characters.", where=name)
    return text
