"""anvil as a child process: one chain with free gas, on loopback, with its state on the disk.

What was learnt by running it (1.7.1), and what is done about it:
- Without `--timestamp` every start makes a genesis block of its own and puts it beside the one it loads; which of the two answers
  as block 0 is then chance. So the genesis time is fixed for the life of a network and given at every start. That also turns the
  chain's clock back to it, so mining is held until the clock is set to now.
- `--state` dumps are not atomic and tear on kill -9: storage and nonces may be of a later block than blocks and receipts, or
  the file may end in the middle. So a readable state is copied aside at each start, and an unreadable one gives way to the copy.
- An empty block costs 1.5 kB of state for ever, 130 MB a day, rewritten every second. So each start drops old empty blocks.
- `--accounts 0` works: the development accounts that everybody knows have no place here.

A process is told from another of the same number by its start time; only what was started here is ever ended.
"""

import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from greenlane.adapters.evm.wire import Unreached, Wire
from greenlane.adapters.keystore import replace_file
from greenlane.core.canonical import canonical_bytes, parse_json
from greenlane.core.errors import CannotCheck, InvalidInput
from web3.types import RPCEndpoint

from greenlane_node.process import start_time, wait_until

HOST: Final = "127.0.0.1"
_START_TIMEOUT_S = 20.0
_STOP_TIMEOUT_S = 60.0
_PORT_TIMEOUT_S = 5.0
_KEPT_EMPTY_BLOCKS = 256
_STATE = "state.json"
_GOOD_STATE = "state.good.json"
_PROCESS = "process.json"
_LOG = "anvil.log"
_PROJECT = Path(__file__).resolve().parents[3]
_PLATFORMS: Final[Mapping[tuple[str, str], str]] = {
    ("Linux", "x86_64"): "linux-amd64",
    ("Linux", "aarch64"): "linux-arm64",
    ("Darwin", "x86_64"): "darwin-amd64",
    ("Darwin", "arm64"): "darwin-arm64",
}


class ChainNotStarted(CannotCheck):
    """The embedded chain does not start, or is not there to be started."""

    code = "chain-not-started"


class ChainNotStopped(CannotCheck):
    """The embedded chain was asked to end and goes on."""

    code = "chain-not-stopped"


def find_anvil() -> Path:
    """The anvil program: the project's own from npm, or the one on PATH.

    Raises:
        ChainNotStarted: there is none.
    """
    kind = _PLATFORMS.get((platform.system(), platform.machine()))
    if kind is not None:
        # The program itself, not npm's shim in front of it, which would keep our signals for itself.
        own = _PROJECT / "node_modules" / "@foundry-rs" / f"anvil-{kind}" / "bin" / "anvil"
        if own.is_file():
            return own
    found = shutil.which("anvil")
    if found is None:
        raise ChainNotStarted("There is no anvil here.", remedy="Run `make setup`, or put anvil on PATH.")
    return Path(found)


def free_port(wanted: int | None = None) -> int:
    """A free port of loopback: the wanted one if it is free, else any."""
    for port in (wanted, 0) if wanted else (0,):
        with socket.socket() as probe:
            # As anvil does; without it a port stays taken for a minute after its last use.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind((HOST, port))
                return int(probe.getsockname()[1])
    raise ChainNotStarted("No port of 127.0.0.1 is free.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainSettings:
    """How the chain is run.

    Attributes:
        genesis_time: unix seconds; must stay the same for the life of the network.
        block_time_s: whole seconds between blocks.
    """

    chain_id: int
    genesis_time: int
    block_time_s: int
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnvilProcess:
    """A running anvil that this project started, perhaps from another process.

    Attributes:
        started: what the system says of its start, to tell it from a later process of the same number.
    """

    pid: int
    started: str
    port: int
    folder: Path

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def is_running(self) -> bool:
        """Whether it still runs."""
        return start_time(self.pid) == self.started

    def stop(self) -> None:
        """Ends it so that its state is whole on the disk, and waits for that.

        Raises:
            ChainNotStopped: it does not end.
        """
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it without warning, as a crash would; its state may be torn."""
        self._end(signal.SIGKILL)

    def _is_gone(self) -> bool:
        # A child of ours stays a zombie until somebody asks for its end; of another's child nobody but that other may ask.
        with suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)
        return not self.is_running()

    def _end(self, how: signal.Signals) -> None:
        if not self._is_gone():
            with suppress(ProcessLookupError):
                os.kill(self.pid, how)
            if not wait_until(self._is_gone, _STOP_TIMEOUT_S):
                raise ChainNotStopped(
                    f"The chain (process {self.pid}) does not end.", remedy=f"End process {self.pid} by hand, then start again."
                )
            # A killed process is called dead while its last threads hold the port. Another may have taken the port: then go on.
            wait_until(lambda: free_port(self.port) == self.port, _PORT_TIMEOUT_S)
        # An old handle must not wipe out the record of the process that came after it.
        if _recorded(self.folder) == self:
            (self.folder / _PROCESS).unlink(missing_ok=True)


def _recorded(folder: Path) -> AnvilProcess | None:
    """The process that was started last on this folder and not stopped by us; it may have ended."""
    try:
        told = parse_json((folder / _PROCESS).read_bytes())
    except (OSError, InvalidInput):
        return None
    match told:
        case {"pid": int(pid), "started": str(started), "port": int(port)}:
            return AnvilProcess(pid=pid, started=started, port=port, folder=folder)
    return None


def running_anvil(folder: Path) -> AnvilProcess | None:
    """The anvil that runs on this folder, or None."""
    found = _recorded(folder)
    return found if found is not None and found.is_running() else None


def start_anvil(folder: Path, settings: ChainSettings) -> AnvilProcess:
    """Starts the chain of a folder where it stopped, or a new one where there is none.

    Args:
        folder: made where it is missing; nobody runs an anvil on it.

    Raises:
        ChainNotStarted: there is no anvil, the port is taken, or it ends at once; `detail` has its words.
    """
    program = find_anvil()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if free_port(settings.port) != settings.port:
        raise ChainNotStarted(
            f"Port {settings.port} of {HOST} is taken.", remedy="Name another one with --port, or end what listens there."
        )
    _prepare_state(folder)
    command = [
        str(program),
        *("--host", HOST, "--port", str(settings.port), "--quiet"),
        *("--chain-id", str(settings.chain_id), "--hardfork", "cancun", "--timestamp", str(settings.genesis_time)),
        *("--block-base-fee-per-gas", "0", "--gas-price", "0", "--disable-min-priority-fee"),
        *("--accounts", "0", "--disable-default-create2-deployer", "--no-mining", "--no-cors"),
        *("--state", str(folder / _STATE), "--state-interval", "1"),
    ]
    with (folder / _LOG).open("wb") as log:
        # Its own session: a Ctrl-C at the console must reach it as our SIGTERM, after everything else has stopped.
        child = subprocess.Popen(  # noqa: S603 - the program found above, and arguments of our own
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    started = start_time(child.pid)
    process = AnvilProcess(pid=child.pid, started=started or "", port=settings.port, folder=folder)
    replace_file(
        folder / _PROCESS, canonical_bytes({"pid": process.pid, "started": process.started, "port": process.port}) + b"\n"
    )
    is_up = wait_until(lambda: child.poll() is not None or _answers(process.url), _START_TIMEOUT_S)
    if not is_up or child.poll() is not None:
        process.kill()
        said = (folder / _LOG).read_text(encoding="utf-8", errors="replace").strip()[-500:]
        raise ChainNotStarted(f"anvil does not start: {said or 'it says nothing'}.", where=str(folder / _LOG))
    # We are its parent and never wait for it; without this Python would warn of that when the object goes.
    child.returncode = 0
    set_going(process.url, settings.block_time_s)
    return process


def set_going(url: str, block_time_s: int) -> None:
    """Sets the chain's clock to now and lets it make blocks."""
    _call(url, "evm_setTime", int(time.time()))
    _call(url, "evm_setIntervalMining", block_time_s)


def mine(url: str) -> None:
    """Makes one block now."""
    _call(url, "evm_mine")


def _answers(url: str) -> bool:
    try:
        _call(url, "eth_chainId")
    except (ChainNotStarted, OSError):
        return False
    return True


def _call(url: str, method: str, *params: int) -> Any:
    wire = Wire(url, timeout_s=5)
    try:
        answer = wire.make_request(RPCEndpoint(method), list(params))
    except Unreached as error:
        raise ChainNotStarted(f"anvil does not answer: {error}") from error
    finally:
        wire.close()
    if "error" in answer:
        raise ChainNotStarted(f"anvil refuses {method}: {answer['error']}.")
    return answer["result"]


def _prepare_state(folder: Path) -> None:
    """Leaves a whole state, the last good one, or none; what was unreadable is kept aside for whoever wants to look."""
    state, good = folder / _STATE, folder / _GOOD_STATE
    whole = _read_state(state)
    if whole is None and state.exists():
        state.replace(folder / "state.damaged.json")
    if whole is None:
        whole = _read_state(good)
        if whole is None:
            return
    data = json.dumps(_without_old_empty_blocks(whole)).encode()
    replace_file(good, data)
    replace_file(state, data)


def _read_state(path: Path) -> dict[str, Any] | None:
    try:
        # Not parse_json: its bounds are for what strangers send, and this file may have a hundred megabytes.
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict) or not {"accounts", "blocks", "block", "best_block_number"} <= content.keys():
        return None
    return content


def _without_old_empty_blocks(state: dict[str, Any]) -> dict[str, Any]:
    oldest = int(str(state["best_block_number"]), 0) - _KEPT_EMPTY_BLOCKS
    kept = [
        block
        for block in state["blocks"]
        if block["transactions"] or (number := int(block["header"]["number"], 0)) == 0 or number >= oldest
    ]
    return {**state, "blocks": kept}
