"""Work on the chunks of a document beside the thread that reads them: writing, and the digest over all."""

from collections.abc import Callable
from queue import Queue
from threading import Thread
from typing import Self

from greenlane.core.crypto import running_sha256

_MAX_WAITING = 4
"""Chunks before each worker: enough that neither disk nor hashing waits, and memory stays flat."""


class Beside:
    """Work on chunks, in their order, on a thread of its own. What goes wrong there is raised where the next chunk is given."""

    def __init__(self, work: Callable[[bytes], object]) -> None:
        self._work = work
        self._waiting: Queue[bytes | None] = Queue(_MAX_WAITING)
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, name="documents-beside", daemon=True)
        self._thread.start()

    def take(self, chunk: bytes) -> None:
        """Takes the next chunk; waits while too many wait."""
        self._raise()
        self._waiting.put(chunk)

    def end(self) -> None:
        """Waits until all is done."""
        self._stop()
        self._raise()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()

    def _run(self) -> None:
        while (chunk := self._waiting.get()) is not None:
            if self._error is None:
                try:
                    self._work(chunk)
                except BaseException as error:  # noqa: BLE001 - raised by the thread that gives the chunks
                    self._error = error

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error


class DigestBeside(Beside):
    """A running SHA-256 on a thread of its own, while the same chunks get their names."""

    def __init__(self) -> None:
        self._digest = running_sha256()
        super().__init__(self._digest.update)

    def update(self, data: bytes, /) -> None:
        """Takes the next chunk."""
        self.take(data)

    def digest(self) -> bytes:
        """The digest of all chunks."""
        self.end()
        return self._digest.digest()
