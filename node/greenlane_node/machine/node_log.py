"""What a node of this machine said: the end of its log, and what comes after.

A peer chooses its own name and a node logs it, so nothing that is not printable passes from a log to a terminal.
"""

import os
from pathlib import Path

_LOOKED_BACK_BYTES = 1 << 20
_MOST_AT_ONCE_BYTES = 1 << 20


def last_lines(path: Path, count: int) -> list[str]:
    """The last lines of a log, at most so many, of its last megabyte; empty where there is none."""
    return LogReader(path).last(count)


class LogReader:
    """Reads one log from its end on; a log that was put aside is read again from the beginning of the new one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._place = 0
        self._rest = b""

    def last(self, count: int) -> list[str]:
        """The last lines, at most so many; `new` goes on after them."""
        try:
            with self._path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - _LOOKED_BACK_BYTES))
                data = file.read()
                self._file, self._place = os.fstat(file.fileno()).st_ino, file.tell()
        except FileNotFoundError:
            return []
        return [_shown(line) for line in data.splitlines()[-count:]] if count else []

    def new(self) -> list[str]:
        """Whole lines that came since the last look."""
        try:
            with self._path.open("rb") as file:
                told = os.fstat(file.fileno())
                if told.st_ino != self._file or told.st_size < self._place:
                    self._file, self._place, self._rest = told.st_ino, 0, b""
                file.seek(self._place)
                data = file.read(_MOST_AT_ONCE_BYTES)
                self._place = file.tell()
        except FileNotFoundError:
            return []
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [_shown(line) for line in lines]


def _shown(line: bytes) -> str:
    return "".join(one if one.isprintable() else " " for one in line.decode("utf-8", "replace").rstrip())
