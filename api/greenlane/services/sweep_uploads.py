"""Drops uploads whose time is over: record and file; and files that belong to no upload, as a process that died may leave them.

What such an upload's bytes were kept for, if they were kept and never stated, is then wanted by nobody: the reconciler lets go of
it (`DocumentIndex.unwanted`).
"""

from datetime import timedelta

from greenlane.ports.clock import Clock
from greenlane.ports.store import Store
from greenlane.ports.uploads import Staging

GRACE = timedelta(hours=1)
"""How long an upload outlives its time, so that one that is being stored at that moment ends undisturbed."""


class SweepUploads:
    """The use case; how often it runs does not matter."""

    def __init__(self, *, store: Store, staging: Staging, clock: Clock) -> None:
        self._store = store
        self._staging = staging
        self._clock = clock

    def __call__(self) -> int:
        """Drops what is over; how many uploads and stray files.

        Raises:
            StoreUnavailable: the database is away; nothing was dropped.
        """
        # Listed before the records are looked at: a record is always there before its file.
        files = self._staging.ids()
        with self._store.write() as tx:
            over = [upload.id for upload in tx.uploads.expired(self._clock() - GRACE)]
            for upload_id in over:
                tx.uploads.drop(upload_id)
        with self._store.read() as tx:
            records = {upload_id: tx.uploads.get(upload_id) for upload_id in files}
        # A file outlives its record, never the other way round, so that nothing is told of bytes that are gone.
        stray = [upload_id for upload_id, upload in records.items() if upload is None or upload.stored_at is not None]
        for upload_id in stray:
            self._staging.drop(upload_id)
        return len(set(over) | set(stray))
