"""Exit codes, and how a fault is said on the command line: one line, never a traceback for a user's mistake."""

import json
import sys
from enum import IntEnum

from greenlane.core.errors import Faults, GreenlaneError, ProofRefused, Unavailable


class Exit(IntEnum):
    """What a command's exit code means.

    GOOD: done, or the verdict is yes. NO: the verdict is no. USAGE: wrong use or unusable input. UNCHECKED: it could not be
    checked or done now, and may be later.
    """

    GOOD = 0
    NO = 1
    USAGE = 2
    UNCHECKED = 3


def exit_code_of(fault: GreenlaneError) -> Exit:
    """The exit code of a fault that ended a command."""
    if isinstance(fault, ProofRefused):
        return Exit.NO
    return Exit.UNCHECKED if isinstance(fault, Unavailable) else Exit.USAGE


def say_fault(fault: GreenlaneError, *, as_json: bool) -> None:
    """Writes a fault to standard error: as one line for each part of it, or as one JSON object."""
    parts = fault.faults if isinstance(fault, Faults) else (fault,)
    if as_json:
        listed = [
            {"code": part.code, "detail": part.detail, "where": part.where, "remedy": part.remedy or None} for part in parts
        ]
        sys.stderr.write(json.dumps({"errors": listed}, ensure_ascii=False) + "\n")
        return
    for part in parts:
        sys.stderr.write(f"greenlane: {_one_line(str(part))}\n")


def _one_line(text: str) -> str:
    # What a server or a file says must not steer the terminal.
    return "".join(character if character.isprintable() else "\ufffd" for character in " ".join(text.split()))
