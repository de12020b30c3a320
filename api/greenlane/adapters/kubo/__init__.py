"""The documents of a center in its Kubo node, over the node's RPC.

The node keeps bytes and finds them in the swarm; it is believed in nothing. CIDs are computed here, of the very bytes that are
sent, and every block that comes back is hashed. Documents are read block by block: a lie shows at the first wrong block, and what
a node says after a 200 (a body cut short is told in a trailer only) is of no account.

store.py      the port: what is added, held, read, let go
options.py    what a node is told with each command
sending.py    a document's bytes on their way to the node
ahead.py      the blocks that a reader will ask for next
wire.py       connections, answers within their bounds, trailers, addresses
faults.py     what goes wrong, in the words of the port

- Commands go through ipfshttpclient where it can do what a current Kubo needs; where it cannot, over the same session in plain
  HTTP (decisions/0022).
- Every option that has a say in the CID, in what is kept or in what is told is given: Kubo's defaults are another profile's, and
  what it does not know it passes over in silence.
- Every command whose blocks may be missing says how long the swarm is asked (`timeout`) or that it is not (`offline`): without,
  Kubo waits for ever.

Source: Kubo 0.42's RPC reference, and exchanges recorded from it.
"""

from greenlane.adapters.kubo.options import ADD_OPTIONS, IMPORT_OPTIONS
from greenlane.adapters.kubo.store import Kubo

__all__ = ["ADD_OPTIONS", "IMPORT_OPTIONS", "Kubo"]
