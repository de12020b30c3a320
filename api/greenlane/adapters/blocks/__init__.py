"""Documents in a folder: each is one file, named by its CID, with exactly the document's bytes; no daemon.

files/3f/bafk…            a document; being here, it is pinned; 3f are the first two digits of its digest
files/3f/bafy….nodes      where it has more than one chunk: the blocks over its chunks, framed as in a CAR
files/3f/bafk….let-go     a document that was unpinned; garbage collection takes it
files/3f/bafk….damaged    empty: a reader found a block of the document damaged; it is not held until it is stored again
new/…                     files on their way in; whoever writes one holds a lock on it
lock                      held by all who put files in place, or by one who takes files away

The chunks of a document are its file, MiB by MiB: storing is a copy with hashing, one sync and one rename, and whoever runs the
store finds each document as the file that it was. Documents that have chunks in common keep each its own.

A document becomes visible, whole and pinned in one step at its end: its bytes lie in `new` until all are written and synced, then
its nodes are put in place, then its bytes. So a crash leaves only files that nobody locks and nodes without a document; garbage
collection takes both. Locks are of the kernel (flock): they end with their process, and hold between processes. Collection holds
the lock for one document at a time, and never stops those who write for long.

Where the folder vanishes under running processes, whoever stores next makes it again, empty. What was being stored is refused: a
document is promised only if the lock that it was put in place under still lies in the folder. That is the one file whose being
another shows that the folder is another, so whoever waited for the lock of a folder that vanished takes that of the new one.
"""

from greenlane.adapters.blocks.store import BlockStore

__all__ = ["BlockStore"]
