"""How every command line of the project ends and says a fault: exit codes, one line a fault, one shape in JSON.

0 done, or the verdict is yes; 1 the verdict is no; 2 wrong use or unusable input; 3 it could not be checked or done now.
Nothing is written here: what a fault says is a text, for whoever has a standard error to write it to.
"""

from enum import IntEnum

from greenlane.core.canonical import JsonValue, canonical_bytes
from greenlane.core.errors import CannotCheck, Faults, GreenlaneError, InvalidInput, ProofRefused, Unavailable


class Exit(IntEnum):
    """What a command's exit code means.

    GOOD: done, or the verdict is yes. NO: the verdict is no. USAGE: wrong use or unusable input. UNCHECKED: it could not be
    checked or done now: what is needed is away, damaged, or not what it should be.
    """

    GOOD = 0
    NO = 1
    USAGE = 2
    UNCHECKED = 3


class WrongUse(InvalidInput):
    """The arguments of a command are not what it takes."""

    code = "wrong-use"


class UnreadableFile(InvalidInput):
    """A file that the user named cannot be read."""

    code = "unreadable-file"


class FileTrouble(GreenlaneError):
    """A file or folder could not be used."""

    code = "file-trouble"
    default_remedy = "Check the name, the permissions and the space."


class PackageMissing(GreenlaneError):
    """A command needs a package that this install leaves out."""

    code = "package-missing"

    def __init__(self, package: str, *, extras: str) -> None:
        """Args:
        package: the module that could not be imported.
        extras: of this project, those that bring it, with commas.
        """
        super().__init__(
            f"This command needs the package {package!r}, which the base install leaves out.",
            remedy=f"Install what it needs, in the folder that this was installed from: pip install '.[{extras}]'.",
        )


def exit_code_of(fault: GreenlaneError) -> Exit:
    """The exit code of a fault that ended a command."""
    if isinstance(fault, ProofRefused):
        return Exit.NO
    return Exit.UNCHECKED if isinstance(fault, Unavailable | CannotCheck) else Exit.USAGE


def fault_text(fault: GreenlaneError, *, program: str, as_json: bool) -> str:
    """What to write to standard error.

    Args:
        program: the name of the command line, which begins each line.
        as_json: as one line with the object {"errors": [{code, detail, where, remedy}, …]} instead.

    Returns:
        A line for each part of the fault, or one line of JSON; with the line end.
    """
    parts = fault.faults if isinstance(fault, Faults) else (fault,)
    if not as_json:
        return "".join(f"{program}: {one_line(str(part))}\n" for part in parts)
    told: list[JsonValue] = [
        {
            "code": part.code,
            "detail": _writable(part.detail),
            "where": None if part.where is None else _writable(part.where),
            "remedy": _writable(part.remedy) or None,
        }
        for part in parts
    ]
    return canonical_bytes({"errors": told}).decode() + "\n"


def one_line(text: str) -> str:
    """A text as a terminal may be given it: one line, without anything that would steer the terminal."""
    return "".join(character if character.isprintable() else "\ufffd" for character in " ".join(text.split()))


def _writable(text: str) -> str:
    # A file's name may hold bytes that are no text.
    return text.encode("utf-8", "backslashreplace").decode()
