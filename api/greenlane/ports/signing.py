"""The centers that this deployment serves, and the hand that signs their checkpoints."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from greenlane.core.checkpoint import Checkpoint
from greenlane.core.errors import CannotCheck
from greenlane.core.note import VerifierKey
from greenlane.core.trust import LogKeyTerm
from greenlane.core.units import CenterId


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedCenter:
    """A center whose log is written here.

    Attributes:
        economy: ISO 3166-1 alpha-2 code.
        origin: the log's origin line, also the name of its key.
    """

    id: CenterId
    name: str
    economy: str
    origin: str
    key: VerifierKey


class LogKeyRetired(CannotCheck):
    """The log key that this server signs with is not the one that the registry gives the center now."""

    code = "log-key-retired"
    default_remedy = "The center's operator gives the server the log key that the registry names, and starts it again."


LogKeyTerms = Callable[[CenterId], tuple[LogKeyTerm, ...] | None]
"""The log keys that the registry gave a center, with their terms; None where the registry was not read yet or has none of it."""


class CheckpointSigner(Protocol):
    """Signs with log keys that never leave it."""

    def centers(self) -> Sequence[HostedCenter]:
        """The hosted centers, by id."""

    def center(self, center: CenterId) -> HostedCenter:
        """One hosted center.

        Raises:
            NotFound: this deployment does not serve it.
        """

    def sign(self, center: CenterId, checkpoint: Checkpoint) -> str:
        """The checkpoint as a C2SP signed note."""
