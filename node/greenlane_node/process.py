"""Processes that this project started, perhaps from another process: known by number and start time, ended as a group.

A number alone is given again to a later process; a number and a start time are not. So nothing is ever ended that cannot be told
to be ours, and nothing is looked for by its name. Each process leads a group and session of its own: a Ctrl-C at the console
reaches it only through us, and what it starts in turn ends with it.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from greenlane.adapters.keystore import replace_file
from greenlane.core.canonical import canonical_bytes, parse_json
from greenlane.core.errors import InvalidInput

_POLL_S = 0.01
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnProcess:
    """A process that we started, with its group.

    Attributes:
        pid: of the process, and of its group.
        started: what the system says of its start.
    """

    pid: int
    started: str

    def is_running(self) -> bool:
        """Whether it still runs."""
        return start_time(self.pid) == self.started

    def send(self, how: signal.Signals) -> None:
        """Sends a signal to it and all of its group; nothing where it does not run."""
        if self.is_running():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, how)

    def has_ended(self) -> bool:
        """Whether nothing of its group runs any more."""
        # A child of ours stays a zombie until somebody asks for its end; of another's child nobody but that other may ask.
        with suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)
        return not self.is_running() and not _group(self.pid)

    def kill_rest(self) -> None:
        """SIGKILL to what is left of its group. Only right after the process itself was seen running: then the group is ours."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def start_process(
    command: Sequence[str],
    *,
    record: Path,
    log: Path,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> OwnProcess:
    """Starts a process with a group of its own and writes down which one it is.

    Args:
        command: the program, by its whole path, and its arguments.
        record: file that says which process it is; replaced.
        log: file that what it says is added to.
        environment: all of its variables; None: ours.
        directory: where it runs; None: where we do.

    Raises:
        OSError: the program cannot be run, or a file cannot be written; nothing runs then.
    """
    with log.open("ab") as out:
        child = subprocess.Popen(  # noqa: S603 - a program that the operator named or that PATH has, and arguments of our own
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=None if environment is None else dict(environment),
            cwd=directory,
        )
    try:
        process = OwnProcess(pid=child.pid, started=start_time(child.pid) or "")
        replace_file(record, canonical_bytes({"pid": process.pid, "started": process.started}) + b"\n")
    except BaseException:
        # Nobody would know of it.
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        raise
    # We are its parent and never wait for it by this object; without this Python would warn of that when the object goes.
    child.returncode = 0
    return process


def recorded_process(record: Path) -> OwnProcess | None:
    """The process that a record names; it may have ended. None where there is no record, or none that can be read."""
    try:
        told = parse_json(record.read_bytes())
    except (OSError, InvalidInput):
        return None
    match told:
        case {"pid": int(pid), "started": str(started)} if pid > 1 and started:
            return OwnProcess(pid=pid, started=started)
    return None


def start_time(pid: int) -> str | None:
    """What the system says of a process's start; None where it does not run."""
    if (_PROC / "self").exists():
        fields = _stat(_PROC / str(pid))
        return None if fields is None or fields[0] in "ZX" else fields[19]
    told = _ps("-o", "stat=,lstart=", "-p", str(pid)).strip()
    return None if not told or told.startswith("Z") else told.partition(" ")[2].strip()


def wait_until(is_so: Callable[[], bool], timeout_s: float) -> bool:
    """Looks again and again until something is so; False where it is not after that time."""
    give_up_at = time.monotonic() + timeout_s
    while not is_so():
        if time.monotonic() > give_up_at:
            return False
        time.sleep(_POLL_S)
    return True


def _group(pgid: int) -> bool:
    """Whether a process of that group runs."""
    if (_PROC / "self").exists():
        every = (_stat(path) for path in _PROC.iterdir() if path.name.isdigit())
        return any(fields is not None and fields[0] not in "ZX" and fields[2] == str(pgid) for fields in every)
    lines = (line.split() for line in _ps("-A", "-o", "pgid=,stat=").splitlines())
    return any(len(line) == 2 and line[0] == str(pgid) and not line[1].startswith("Z") for line in lines)


def _stat(folder: Path) -> list[str] | None:
    """Of one process: state, parent, group, …, and as number 19 the start time; None where it is gone."""
    try:
        # The name in parentheses may hold anything; after it come state (field 3) and, as field 22, the start time.
        return (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None


def _ps(*arguments: str) -> str:
    return subprocess.run(  # noqa: S603 - fixed program, arguments of our own
        ["/bin/ps", *arguments], capture_output=True, text=True, check=False
    ).stdout
