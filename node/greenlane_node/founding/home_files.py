"""Files of a home folder: each written whole, by one command at a time, and never over what belongs to others now."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from greenlane.adapters.home import Home
from greenlane.adapters.keystore import replace_file, write_new_file
from greenlane.core.errors import Conflict

OTHER_FOLDER: Final = "Choose another folder with --home: a network is never replaced by another."


class AnotherPlan(Conflict):
    """The folder holds another network than the one that is asked for; `where` names the file that says so."""

    code = "another-plan"


class HomeFiles:
    """Writes files that are not there yet, and remembers what it did."""

    def __init__(self, *, is_rewriting: bool = False) -> None:
        self._is_rewriting = is_rewriting
        self.written: list[Path] = []
        self.kept: list[Path] = []
        self.differing: list[Path] = []

    def once(self, path: Path, data: bytes) -> None:
        """Writes what is not there; what is there belongs to others now."""
        if path.exists():
            self.kept.append(path)
            return
        make_private(path.parent)
        write_new_file(path, data)
        self.written.append(path)

    def made(self, path: Path, data: bytes) -> None:
        """Writes what is not there, and where files are to be written anew also what differs; else that is noted."""
        if self._is_rewriting:
            self.current(path, data)
            return
        if path.exists() and path.read_bytes() != data:
            self.differing.append(path)
        self.once(path, data)

    def current(self, path: Path, data: bytes) -> None:
        """Writes what is not there or differs."""
        if path.exists() and path.read_bytes() != data:
            self.replaced(path, data)
        else:
            self.once(path, data)

    def replaced(self, path: Path, data: bytes) -> None:
        """Writes it, whatever is there."""
        make_private(path.parent)
        replace_file(path, data)
        self.written.append(path)


def make_private(directory: Path) -> None:
    """Makes a folder that only its owner can enter, and such parents where they are missing."""
    # Path.mkdir gives its mode to the last folder only.
    if not directory.parent.exists():
        make_private(directory.parent)
    directory.mkdir(mode=0o700, exist_ok=True)


@contextmanager
def held(home: Home) -> Iterator[None]:
    """Holds the folder, which is made where it is missing, against other commands that would write it; they wait for one another.

    Whoever starts or ends the folder's nodes holds it too (machine.py). A second hold within the first would wait for ever.
    """
    make_private(home.directory)
    descriptor = os.open(home.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
