"""Reading ahead: the blocks that a reader will ask for next are fetched while it is busy with those it has."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from greenlane.core.documents.cid import Cid, Codec
from greenlane.core.documents.unixfs import read_node

AHEAD: Final = 4
"""Blocks that are fetched while one is handed on: enough for a node on this machine, and at most so many MiB for each reader."""


class Ahead:
    """Fetches the blocks that a reader will ask for next, while it is busy with those it has.

    What comes next is known from the nodes that were read: their links in order, depth first.
    """

    def __init__(
        self, fetch: Callable[[Cid], bytes], *, begin: int = 0, end: int | None = None, is_each_once: bool = False
    ) -> None:
        """Nothing is fetched yet.

        Args:
            begin, end: the part of the document that will be read; None: to its end.
            is_each_once: whether a block that was asked for will not be asked for again.
        """
        self._fetch = fetch
        self._begin, self._end = begin, end
        self._seen: set[Cid] | None = set() if is_each_once else None
        # In the order in which a reader comes to them: nodes with the place of their first byte, chunks that are still to be
        # asked for, and chunks that are.
        self._nodes: deque[tuple[Cid, int]] = deque()
        self._due: deque[Cid] = deque()
        self._coming: deque[tuple[Cid, Future[bytes]]] = deque()
        self._pool: ThreadPoolExecutor | None = None

    def get(self, cid: Cid) -> bytes:
        """One block, which is hashed."""
        data = self._node(cid) if cid.codec is Codec.DAG_PB else self._chunk(cid)
        while self._due and len(self._coming) < AHEAD:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(AHEAD, thread_name_prefix="kubo-read")
            due = self._due.popleft()
            self._coming.append((due, self._pool.submit(self._fetch, due)))
        return data

    def _node(self, cid: Cid) -> bytes:
        data = self._fetch(cid)
        at = 0
        while self._nodes:
            node, at = self._nodes.popleft()
            if node == cid:
                break
        nodes = list[tuple[Cid, int]]()
        for link in read_node(cid, data).links:
            if at + link.size > self._begin and (self._end is None or at < self._end) and self._is_new(link.cid):
                if link.cid.codec is Codec.DAG_PB:
                    nodes.append((link.cid, at))
                else:
                    self._due.append(link.cid)
            at += link.size
        self._nodes.extendleft(reversed(nodes))
        return data

    def _chunk(self, cid: Cid) -> bytes:
        while self._coming:
            coming, future = self._coming.popleft()
            if coming == cid:
                return future.result()
            future.cancel()
        return self._fetch(cid)

    def _is_new(self, cid: Cid) -> bool:
        if self._seen is None:
            return True
        is_new = cid not in self._seen
        self._seen.add(cid)
        return is_new

    def close(self) -> None:
        """What is still coming is not waited for."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
