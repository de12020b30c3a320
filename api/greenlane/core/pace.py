"""What the pace of a chain of validators tells: when it stands still, and when two of its nodes are level.

One rule each for everybody who looks: the server's readiness, its choice of nodes, and the commands of those who keep nodes.
Times are in seconds.
"""

from typing import Final

MAX_BLOCKS_APART: Final = 2
"""By which nodes of one chain may differ while all is well: blocks travel, and answers are not of one moment."""

LEAST_STANDSTILL_S: Final = 30.0
_BLOCKS_OF_A_STANDSTILL: Final = 8
_LONGEST_STANDSTILL_S: Final = 600.0


def standstill_s(block_time_s: float) -> float:
    """A newest block older than this is one of a chain that stands still.

    While one of four validators is away each fourth block takes a round more; eight block times without one are beyond that.

    Args:
        block_time_s: between two blocks; 0 where it is not known.

    Returns:
        30 to 600.
    """
    return min(max(LEAST_STANDSTILL_S, _BLOCKS_OF_A_STANDSTILL * block_time_s), _LONGEST_STANDSTILL_S)
