"""Child processes of the scripts: started with a log of their own, waited for, ended by their own number and by nothing else."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

BIN = Path(sys.executable).parent


class NotReady(Exception):
    """A child did not come up in time; the message holds the end of its log."""


class Child:
    """One child process and its log file."""

    def __init__(
        self, name: str, command: Sequence[str | Path], *, log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=dict(os.environ) | dict(environment or {}),
                # A Ctrl-C in the terminal is ours to pass on, in our order.
                start_new_session=True,
            )

    @property
    def process_id(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL: the crash that cannot be prepared for."""
        if self.is_running:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self, *, patience_s: float = 20) -> None:
        """SIGTERM, and SIGKILL to what does not listen."""
        if self.is_running:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(patience_s)
            except subprocess.TimeoutExpired:
                self.kill()

    def wait_ready(self, url: str, *, patience_s: float = 60) -> None:
        """Waits until `url` answers with 200.

        Raises:
            NotReady: the child ended or did not answer in time.
        """
        end_s = time.monotonic() + patience_s
        while time.monotonic() < end_s and self.is_running:
            if is_answering(url):
                return
            time.sleep(0.05)
        state = "does not answer" if self.is_running else f"ended with code {self._process.returncode}"
        raise NotReady(f"The {self.name} {state}. The end of its log {self._log}:\n{self.log_end()}")

    def log_end(self, *, lines: int = 20) -> str:
        """The last lines of its log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])


def run_trial(words: Sequence[str], *, environment: Mapping[str, str], root: Path, grace_s: float) -> int:
    """Runs pytest on the console, to its end; its exit code, or 1 where it was ended.

    Args:
        words: which tests, and how.
        environment: all of the child's variables.
        root: where it runs.
        grace_s: for what the trial started to end, after Ctrl-C.
    """
    command = [sys.executable, "-m", "pytest", *words, "-p", "no:cacheprovider", "--no-header", "-q"]
    child = subprocess.Popen(command, cwd=root, env=dict(environment))
    # Whoever ends us, ends the trial in an orderly way: it must end its nodes.
    signal.signal(signal.SIGTERM, lambda *_: child.send_signal(signal.SIGINT))
    try:
        return child.wait()
    except KeyboardInterrupt:
        # The console has told pytest too.
        try:
            child.wait(grace_s)
        except subprocess.TimeoutExpired:
            child.kill()
        return 1


def is_answering(url: str) -> bool:
    """Whether a GET of `url` answers with 200 within two seconds."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
