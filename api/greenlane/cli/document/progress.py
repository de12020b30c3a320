"""Says on standard error how far a long command has come: a bar on a terminal, a line now and then elsewhere."""

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from greenlane.core.exits import one_line

_BAR_CHARACTERS = 24
_REDRAW_S = 0.1
_LINE_S = 10.0
_KIB = 1024
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


@dataclass(slots=True)
class Progress:
    """One kind of work, counted in bytes.

    Attributes:
        what: a word for it, as "sent".
        total: 0 where nobody knows.
    """

    what: str
    total: int
    is_quiet: bool
    _said_at: float = field(default_factory=time.monotonic)
    _is_drawn: bool = False

    def __call__(self, done: int) -> None:
        """Told how many bytes are done."""
        now = time.monotonic()
        is_terminal = sys.stderr.isatty()
        if self.is_quiet or now - self._said_at < (_REDRAW_S if is_terminal else _LINE_S):
            return
        self._said_at = now
        of = f" of {human_size(self.total)}" if self.total else ""
        if is_terminal:
            full = _BAR_CHARACTERS * min(done, self.total) // self.total if self.total else 0
            bar = f"[{'#' * full}{' ' * (_BAR_CHARACTERS - full)}] " if self.total else ""
            sys.stderr.write(f"\r\x1b[K{bar}{human_size(done)}{of} {self.what}")
            sys.stderr.flush()
            self._is_drawn = True
        else:
            sys.stderr.write(f"greenlane: {human_size(done)}{of} {self.what}\n")

    def note(self, text: str) -> None:
        """Says something beside the count, as why it waits."""
        self.end()
        if not self.is_quiet:
            sys.stderr.write(f"greenlane: {one_line(text)}\n")

    def end(self) -> None:
        """Takes the bar away."""
        if self._is_drawn:
            sys.stderr.write("\r\x1b[K")
            self._is_drawn = False


@contextmanager
def progress(args: argparse.Namespace, what: str, total: int) -> Iterator[Progress]:
    """Counts for as long as the block runs; with --json nothing is said."""
    shown = Progress(what=what, total=total, is_quiet=bool(args.json))
    try:
        yield shown
    finally:
        shown.end()


def counted(count: int, one: str, several: str | None = None) -> str:
    """How many of a thing, in words for people; `several` where that is not the one with an s."""
    return f"{count} {one if count == 1 else several or f'{one}s'}"


def human_size(count: int) -> str:
    """Bytes as people read them."""
    size, unit = float(count), 0
    while size >= _KIB and unit < len(_UNITS) - 1:
        size, unit = size / _KIB, unit + 1
    return f"{count} B" if unit == 0 else f"{size:.1f} {_UNITS[unit]}"
