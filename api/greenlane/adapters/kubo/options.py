"""What a node is told with each command: nothing depends on how it is configured, or on what a next release does by itself.

Left out is what counts by being there at all (a pin's name, a path in MFS, a mode or time of the file: each would keep or name
something else), what shapes folders, and what the command line does before anything is sent; decisions/0022 goes through them.

Source: Kubo 0.42's RPC reference.
"""

from collections.abc import Mapping
from typing import Final

from greenlane.core.documents.unixfs import CHUNK_BYTES, MAX_LINKS

_ANNOUNCED: Final[Mapping[str, str]] = {
    # The swarm finds a document by its root; the rest of its blocks comes from whoever has that.
    "fast-provide-root": "true",
    "fast-provide-dag": "false",
    # What is pinned is stored; an announcement that takes its time must not hold the answer.
    "fast-provide-wait": "false",
}
ADD_OPTIONS: Final[Mapping[str, str]] = {
    "cid-version": "1",
    "raw-leaves": "true",
    "chunker": f"size-{CHUNK_BYTES}",
    "hash": "sha2-256",
    "max-file-links": str(MAX_LINKS),
    "trickle": "false",
    "inline": "false",
    "inline-limit": "32",
    "wrap-with-directory": "false",
    "preserve-mode": "false",
    "preserve-mtime": "false",
    "nocopy": "false",
    "fscache": "false",
    "only-hash": "false",
    "pin": "true",
    "progress": "false",
    "quiet": "false",
    "quieter": "false",
    "silent": "false",
    **_ANNOUNCED,
}
"""Of `add`: all that has a say in the CID, in what is kept, in what is told to the swarm, and in what is answered."""
PIN_OPTIONS: Final[Mapping[str, str]] = {"progress": "false", **_ANNOUNCED}
"""Of `pin/add`; a pin is recursive, and waits as long as each request says."""
IMPORT_OPTIONS: Final[Mapping[str, str]] = {
    "pin-roots": "true",
    "silent": "false",
    "stats": "false",
    "allow-big-block": "false",
    "local-only": "false",
    **_ANNOUNCED,
}
"""Of `dag/import`; only a CAR that has everything comes to its end (`sending.car_of`)."""
LIST_OPTIONS: Final[Mapping[str, str]] = {"type": "recursive", "stream": "true", "names": "false", "quiet": "false"}
"""Of `pin/ls` of everything."""
GC_OPTIONS: Final[Mapping[str, str]] = {"stream-errors": "false", "quiet": "false", "silent": "false"}
"""Of `repo/gc`."""
