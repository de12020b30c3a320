"""How much is done in one go, when what failed is tried again, and how much is remembered of it."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

_FIRST_PAUSE = timedelta(seconds=10)
_LONGEST_PAUSE = timedelta(hours=1)
_MAX_REMEMBERED = 100_000
K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcilePace:
    """How much one call does, and how often things are done again.

    Attributes:
        looked: documents whose pins are compared, and unwanted ones let go.
        brought: documents of our own that are fetched, and as many for others, who share them.
        held_for: how long documents are fetched for others, at most and beside the one that is being fetched.
        own_again: between the beginnings of two looks at our own, where those for others take longer.
        asked: asks to each partner.
        checked_bytes, checked: how much is read again in each round, to find what rotted.
        wait_s: how long other nodes are asked for a document before partners are.
        ask_again: a partner's word that it holds a document is good for that long.
        collect_every: between two collections of garbage, at least; None: the store does that by itself.
        collects_idle: whether garbage is collected also where nothing was let go since the last time. After the first round it is
            always: a kill may have come between the two.
    """

    looked: int = 256
    brought: int = 8
    asked: int = 32
    held_for: timedelta = timedelta(seconds=10)
    own_again: timedelta = timedelta(minutes=1)
    checked_bytes: int = 64 * 1_048_576
    checked: int = 512
    wait_s: float = 5.0
    ask_again: timedelta = timedelta(days=1)
    collect_every: timedelta | None = timedelta(hours=1)
    collects_idle: bool = True


@dataclass(slots=True)
class Pauses:
    """When to ask again whom asking failed: twice as late each time."""

    until: datetime | None = None
    pause: timedelta = timedelta(0)

    def is_resting(self, now: datetime) -> bool:
        """Whether it is too early."""
        return self.until is not None and now < self.until

    def rest(self, now: datetime) -> None:
        """It failed again."""
        self.pause = min(max(self.pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)
        self.until = now + self.pause

    def go_on(self) -> None:
        """It succeeded."""
        self.until, self.pause = None, timedelta(0)


def remembered(known: dict[K, T], key: K, make: Callable[[], T]) -> T:
    """What is remembered of a document. Only so much is: what is forgotten is found, told or done once more."""
    if key not in known:
        if len(known) >= _MAX_REMEMBERED:
            known.clear()
        known[key] = make()
    return known[key]
