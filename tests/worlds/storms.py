"""A store that breaks: it raises at the n-th call of any room of its transactions, or at the commit itself."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from greenlane.ports.store import Store, Transaction

_ROOMS = frozenset(
    {
        "accounts",
        "answers",
        "audit",
        "documents",
        "events",
        "holds",
        "jobs",
        "log",
        "outbox",
        "reader_keys",
        "seals",
        "uploads",
    }
)


class Crash(BaseException):
    """The process is gone; no service may catch it."""


class BreakingStore:
    """A `ports.store.Store` over another that raises `Crash` once, at its call number `at` (from 0).

    Calls are those of the rooms of write transactions, and the end of each: there the crash comes after everything was written
    and before the commit.
    """

    def __init__(self, store: Store, at: int) -> None:
        self._store = store
        self._left = at
        self.has_broken = False

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        with self._store.write() as tx:
            yield cast(Transaction, _Breaking(tx, self._count))
            self._count()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        with self._store.read() as tx:
            yield tx

    def _count(self) -> None:
        if self._left == 0 and not self.has_broken:
            self.has_broken = True
            raise Crash
        self._left -= 1


class _Breaking:
    def __init__(self, inner: Any, count: Callable[[], None]) -> None:
        self._inner = inner
        self._count = count

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if name in _ROOMS:
            return _Breaking(value, self._count)
        if not callable(value):
            return value

        def called(*args: Any, **named: Any) -> Any:
            self._count()
            return value(*args, **named)

        return called
