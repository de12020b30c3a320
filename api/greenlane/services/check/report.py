"""What a check found, and what it still looks for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from greenlane.core.units import CenterId, TreeSize

MAX_FAULTS = 1_000

Progress = Callable[[str, int, int], None]
"""Told what is being checked, how much of it is done, and how much there is."""


@dataclass(slots=True, kw_only=True)
class Faults:
    """What does not add up.

    Attributes:
        faults: one sentence each: what, where, and what mends it if it can be mended; empty where all is well. At most
            MAX_FAULTS of them.
        unlisted: how many more there were.
    """

    faults: list[str] = field(default_factory=list)
    unlisted: int = 0

    def blame(self, sentence: str) -> None:
        """Notes one thing that does not add up."""
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(sentence)
        else:
            self.unlisted += 1


@dataclass(slots=True, kw_only=True)
class CheckReport(Faults):
    """What one check of one center found.

    Attributes:
        evidence: statements of it that are entries.
        retirements: certified ones.
        forgotten: private entries whose salt was destroyed on request; they cannot be opened, by design.
        sealed: anchors whose kept seals were judged.
        is_chain_checked: False where no ledger was given.
    """

    center: CenterId
    events: int = 0
    documents: int = 0
    evidence: int = 0
    retirements: int = 0
    entries: int = 0
    tiles: int = 0
    checkpoints: int = 0
    anchors: int = 0
    sealed: int = 0
    forgotten: int = 0
    is_chain_checked: bool = False


@dataclass(slots=True, kw_only=True)
class BytesReport(Faults):
    """What hashing every block of every wanted document found.

    Attributes:
        documents: how many are wanted here, stated or held for others.
        size: bytes of those that are whole.
    """

    documents: int = 0
    size: int = 0


class Missing:
    """Entries of one kind whose events, documents or others have not been seen yet: one bit each."""

    def __init__(self, captured: TreeSize) -> None:
        self._bits = bytearray(-(-captured // 8))

    def expect(self, index: int) -> None:
        """There is an entry at that place."""
        self._bits[index // 8] |= 1 << index % 8

    def saw(self, index: int) -> None:
        """What it stands for is stored."""
        # One that came while we looked lies beyond the entries that are counted here.
        if index // 8 < len(self._bits):
            self._bits[index // 8] &= ~(1 << index % 8)

    def give_up(self) -> None:
        """Nothing is looked for any more."""
        self._bits.clear()

    def __iter__(self) -> Iterator[int]:
        for at, byte in enumerate(self._bits):
            if byte:
                yield from (8 * at + bit for bit in range(8) if byte >> bit & 1)
