"""The programs that a network's nodes are: found on this machine, asked for their version, and told how to get where they lack.

Neither is shipped with Greenlane. Versions below the wanted ones are refused: Besu before 26.8.0 lacks security fixes of QBFT
itself, and an older Kubo does not know the settings that keep a private swarm private. Newer ones are taken.
Source: Besu's change log (26.6.0 needs Java 25; 26.8.0), Kubo's change log (0.42).
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from greenlane.core.errors import CannotCheck

from greenlane_node.besu.config import DEFAULT_MEMORY_MB
from greenlane_node.besu.options import BESU_VERSION
from greenlane_node.kubo.config import KUBO_VERSION

JAVA_VERSION = "25"
_ANSWER_S = 60.0
# "besu/v26.8.0/linux-x86_64/openjdk-java-25", "ipfs version 0.42.0", 'openjdk version "25" 2025-09-16'.
_VERSION = re.compile(r"(?:besu/v|version \"?)(\d{1,4})(?:\.(\d{1,4}))?(?:\.(\d{1,4}))?")
_GET_BESU = (
    f"Get Besu {BESU_VERSION} from https://github.com/besu-eth/besu/releases, unpack it, and put its bin folder on PATH "
    "or give --besu FILE."
)
_GET_JAVA = (
    f"Get Java {JAVA_VERSION} (for instance from https://adoptium.net), and put it on PATH or name its folder in JAVA_HOME."
)
_GET_KUBO = (
    f"Get Kubo {KUBO_VERSION} from https://dist.ipfs.tech/#kubo and put `ipfs` on PATH or give --ipfs FILE; "
    "or leave document nodes out: --without-documents."
)


class ProgramMissing(CannotCheck):
    """A program that nodes need is not on this machine, does not run, or is too old; the remedy says how to get it."""

    code = "program-missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """What runs the nodes.

    Attributes:
        besu, ipfs: None: not needed here.
        memory_mb: heap of each Besu node.
    """

    besu: Path | None
    ipfs: Path | None
    memory_mb: int = DEFAULT_MEMORY_MB


def find_programs(
    *, environment: Mapping[str, str], besu: Path | None, ipfs: Path | None, needs_besu: bool, needs_ipfs: bool
) -> Programs:
    """Finds what is needed and asks each for its version.

    Args:
        environment: its PATH is searched, and Java is found through it as Besu would.
        besu, ipfs: a program that the operator named; None: the one on PATH.

    Raises:
        ProgramMissing: some are missing, do not run or are too old; all of them are named.
    """
    faults: list[ProgramMissing] = []

    def tried(look: Callable[[], Path]) -> Path | None:
        try:
            return look()
        except ProgramMissing as fault:
            faults.append(fault)
            return None

    found_besu = found_ipfs = None
    if needs_besu:
        found_besu = tried(lambda: _found("besu", besu, environment, _GET_BESU))
        java = tried(lambda: _java(environment))
        # Without its Java, Besu would not even tell its version.
        if found_besu is not None and java is not None:
            program = found_besu
            tried(lambda: _required(program, ("--version",), BESU_VERSION, environment, _GET_BESU))
    if needs_ipfs:
        get = _GET_KUBO
        found_ipfs = tried(
            lambda: _required(_found("ipfs", ipfs, environment, get), ("--version",), KUBO_VERSION, environment, get)
        )
    if faults:
        raise ProgramMissing(
            " ".join(fault.detail for fault in faults),
            where=faults[0].where if len(faults) == 1 else None,
            remedy=" ".join(fault.remedy for fault in faults),
        )
    return Programs(besu=found_besu, ipfs=found_ipfs)


def _found(name: str, named: Path | None, environment: Mapping[str, str], remedy: str) -> Path:
    found = shutil.which(str(named or name), path=environment.get("PATH"))
    if found is None:
        detail = f"There is no program at {named}." if named is not None else f"There is no `{name}` on PATH."
        raise ProgramMissing(detail, remedy=remedy)
    return Path(found).absolute()


def _java(environment: Mapping[str, str]) -> Path:
    """Besu's start script takes JAVA_HOME's Java, else the one on PATH; the wrong one makes it fail without naming a version."""
    home = environment.get("JAVA_HOME")
    java = _found("java", Path(home) / "bin" / "java" if home else None, environment, _GET_JAVA)
    return _required(java, ("-version",), JAVA_VERSION, environment, _GET_JAVA)


def _required(program: Path, arguments: tuple[str, ...], wanted: str, environment: Mapping[str, str], remedy: str) -> Path:
    try:
        done = subprocess.run(  # noqa: S603 - the program that was found or named
            [str(program), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ANSWER_S,
            env=dict(environment),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        why = f"does not answer within {_ANSWER_S:g} s" if isinstance(error, subprocess.TimeoutExpired) else f"{error}"
        raise ProgramMissing(f"{program} cannot be run: {why}.", where=str(program), remedy=remedy) from error
    # Java tells its version on standard error.
    said = f"{done.stdout}\n{done.stderr}".strip()
    version = _version(said)
    if done.returncode != 0 or version is None:
        raise ProgramMissing(
            f"{program} does not tell its version (exit code {done.returncode}): {said[-300:] or 'it says nothing'}",
            where=str(program),
            remedy=remedy,
        )
    if version < tuple(map(int, wanted.split("."))):
        raise ProgramMissing(
            f"{program} is version {_dotted(version)}; {wanted} or later is wanted.", where=str(program), remedy=remedy
        )
    return program


def _version(said: str) -> tuple[int, ...] | None:
    found = _VERSION.search(said)
    return None if found is None else tuple(int(part or 0) for part in found.groups())


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
