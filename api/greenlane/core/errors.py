"""What can go wrong, as classes: a stable code, the facts as fields, a sentence that helps.

Seven families stand here, because a caller reacts to a family; a room that needs a finer name derives it beside the rule it
guards. `code` never changes once released: it is the last part of the RFC 9457 problem type and the key of `--json`.
"""

from typing import ClassVar


class GreenlaneError(Exception):
    """Anything this project refuses or cannot do.

    Attributes:
        code: stable kebab-case name of the fault.
        detail: one sentence: what is wrong, with the offending value where it is short and no secret.
        where: RFC 6901 JSON pointer into the input ("" is the whole of it), a file name, or None where no place applies.
        remedy: one sentence: how to mend it.
    """

    code: ClassVar[str] = "greenlane-error"
    default_remedy: ClassVar[str] = ""

    def __init__(self, detail: str, *, where: str | None = None, remedy: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.where = where
        self.remedy = self.default_remedy if remedy is None else remedy

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        mend = f" {self.remedy}" if self.remedy else ""
        return f"{place}{self.detail}{mend}"


class InvalidInput(GreenlaneError):
    """The caller's bytes or values break a rule; sending the same again will fail again."""

    code = "invalid-input"


class ProofRefused(GreenlaneError):
    """A proof, signature or receipt does not show what it claims. Never used for "could not be checked"."""

    code = "proof-refused"


class NotFound(GreenlaneError):
    """What was asked for is not here, or the asker may not know that it is."""

    code = "not-found"


class Forbidden(GreenlaneError):
    """The caller is known and may not do this."""

    code = "forbidden"


class Conflict(GreenlaneError):
    """The request contradicts what is already recorded."""

    code = "conflict"


class Unavailable(GreenlaneError):
    """Something needed is busy or away; the same request may succeed later.

    Attributes:
        retry_after_s: seconds after which trying again is sensible.
    """

    code = "unavailable"

    def __init__(self, detail: str, *, where: str | None = None, remedy: str | None = None, retry_after_s: int = 5) -> None:
        super().__init__(detail, where=where, remedy=remedy)
        self.retry_after_s = retry_after_s


class CannotCheck(GreenlaneError):
    """What this deployment stands on is damaged, lost or not what it should be: nothing is known to be wrong with the request.

    No waiting mends it; somebody must look.
    """

    code = "cannot-check"


class Faults(InvalidInput):
    """Several faults of one input, reported together so that one round of mending is enough.

    Attributes:
        faults: each fault, in the order of the input; at least one.
    """

    code = "invalid-input"

    def __init__(self, faults: tuple[GreenlaneError, ...]) -> None:
        first = faults[0]
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        super().__init__(f"{first.detail}{more}", where=first.where, remedy=first.remedy)
        self.faults = faults
