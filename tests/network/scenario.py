"""What a whole network must do, step by step, through the commands that its operators have.

    trial = Trial(folder, besu=…, ipfs=…, say=print)
    outcomes = run_steps(trial, CONTRACT_STEPS)
    print(verdict_table(outcomes))

The steps know commands, HTTP and files, and not what the nodes are made of: tests/network/test_network.py runs them over Besu,
and tests/integration/node/test_network_scenario.py over programs that stand in for it. A step that fails ends the run, and those
after it are "not run", never passed. Limits of time are those of JVMs on two cores.
"""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from greenlane.adapters.evm.bindings import PilotRegistry
from greenlane.adapters.home import Home
from greenlane.adapters.network_file import Network, load_network
from greenlane.core.header import Header, header_from_rpc
from greenlane.core.receipt import parse_receipt
from greenlane.core.seals import ValidatorMode
from greenlane.core.units import Address, CenterId
from greenlane_node.layout import NetworkLayout
from greenlane_node.machine.node_log import last_lines
from greenlane_node.nodes.own_nodes import OwnNode, own_nodes
from greenlane_node.nodes.rpc import NodeRpc

from scripts.bench.events import document_of
from scripts.running import BIN, Child

VALIDATORS = 4
UP_LIMIT_S = 600.0
SEALING_BLOCKS = 12
ANCHOR_LIMIT_S = 180.0
STANDSTILL_LIMIT_S = 120.0
RESUME_LIMIT_S = 60.0
"""From the moment when all validators answer again; 31 s from their start were seen."""
GOVERN_LIMIT_S = 180.0
_LOOK_S = 0.5
_TAIL_LINES = 40
# `greenlane verify` in a process in which nothing can be reached: an attempt is an error, not a failed check.
_OFFLINE = """
import sys
def refuse(event, args):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.bind"}:
        raise RuntimeError(f"{event} {args}")
sys.addaudithook(refuse)
from greenlane.cli.program import main
sys.exit(main(sys.argv[1:]))
"""


class StepFailed(Exception):
    """A step did not see what it must see; the message says what it saw."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one step ended; `seconds` is None where it was not run."""

    step: str
    passed: bool | None
    seconds: float | None
    words: str


Step = Callable[["Trial"], str]


@dataclass(kw_only=True)
class Trial:
    """One network under trial, and what was learned of it so far.

    Attributes:
        folder: for homes, logs and receipts of this run.
        besu, ipfs: the programs; None: no documents nodes.
        environment: variables for every command beside ours.
        mode: of the validators.
        up_arguments: more arguments of the first `up`.
        fifth_base_port: the first of eight free ports, for the center that joins.
    """

    folder: Path
    besu: Path
    ipfs: Path | None
    say: Callable[[str], None]
    environment: Mapping[str, str] = field(default_factory=dict)
    mode: ValidatorMode = ValidatorMode.CONTRACT
    up_arguments: Sequence[str] = ()
    fifth_base_port: int = 0
    homes: list[Path] = field(default_factory=list)
    children: list[Child] = field(default_factory=list)
    receipts: dict[str, Path] = field(default_factory=dict)
    captured: list[str] = field(default_factory=list)
    url: str = ""
    center: CenterId = field(default_factory=lambda: CenterId(""))
    key_file: Path = Path()

    @property
    def home(self) -> Path:
        """Of the founders and their nodes."""
        return self.folder / "network"

    @property
    def fifth_home(self) -> Path:
        """Of the center that joins."""
        return self.folder / "fifth"

    @property
    def founding_trust(self) -> Path:
        """The trust file as it was on the first day."""
        return self.folder / "trust-of-the-first-day.json"

    # Commands

    def node(
        self, *arguments: str | Path, home: Path | None = None, limit_s: float = GOVERN_LIMIT_S, code: int | None = 0
    ) -> Any:
        """Runs greenlane-node with --json and gives back what it answers.

        Args:
            code: what it must end with; None: whatever it does.
        """
        command = [BIN / "greenlane-node", *arguments, "--home", home or self.home, "--json"]
        return self._answer(command, limit_s, code)

    def programs(self, *, documents: bool = False) -> list[str | Path]:
        """Which programs the nodes are, as arguments."""
        given: list[str | Path] = ["--besu", self.besu]
        return [*given, "--ipfs", self.ipfs] if documents and self.ipfs is not None else given

    def greenlane(self, *arguments: str | Path, code: int = 0, limit_s: float = 60.0) -> Any:
        """Runs greenlane with --json and gives back what it answers."""
        return self._answer([BIN / "greenlane", *arguments, "--json"], limit_s, code)

    def verify(self, receipt: Path, trust: Path) -> tuple[int, str]:
        """`greenlane verify` in a process that cannot open a connection; exit code and what it says."""
        command = [sys.executable, "-c", _OFFLINE, "verify", str(receipt), "--trust", str(trust)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=self.variables())
        return done.returncode, (done.stdout + done.stderr).strip()

    def _answer(self, command: Sequence[str | Path], limit_s: float, code: int | None) -> Any:
        words = [str(part) for part in command]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=limit_s, check=False, env=self.variables())
        except subprocess.TimeoutExpired as error:
            raise StepFailed(f"`{' '.join(words[1:])}` did not end in {limit_s:g} s") from error
        if code is not None and done.returncode != code:
            raise StepFailed(
                f"`{' '.join(words[1:])}` ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-800:]}"
            )
        return json.loads(done.stdout or done.stderr or "null")

    def variables(self) -> dict[str, str]:
        """The environment of every command: ours without settings of another deployment, and the trial's own."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GREENLANE_")}
        return {**kept, **self.environment}

    # The network

    def network(self) -> Network:
        """What network.json says now."""
        return load_network(Home(self.home).network_file)

    def nodes(self, home: Path | None = None) -> list[OwnNode]:
        """The Besu nodes of a home."""
        return list(own_nodes(Home(home or self.home)))

    def validators(self) -> list[str]:
        """Names of the founders' validators."""
        return [node.name for node in self.nodes() if node.is_validator]

    def rpc(self, name: str | None = None) -> NodeRpc:
        """A node of the founders' home; without a name the one that answers strangers."""
        for node in self.nodes():
            if node.name == name or (name is None and not node.is_validator):
                return node.rpc()
        raise StepFailed(f"there is no node {name or 'for RPC'}")

    def head(self) -> int:
        """Height of the chain, as the RPC node has it."""
        return int(str(self.rpc().call("eth_blockNumber")), 16)

    def header(self, number: int) -> Header:
        """A block's header, its hash held against the node's."""
        told = self.rpc().call("eth_getBlockByNumber", hex(number), False)
        if not isinstance(told, dict):
            raise StepFailed(f"block {number} is not told")
        header = header_from_rpc(told)
        if "0x" + header.block_hash().hex() != told["hash"]:
            raise StepFailed(f"block {number} has another hash than its header gives")
        return header

    def registered_validators(self) -> list[Address]:
        """The set that the registry has now."""
        return list(PilotRegistry(self.rpc().web3(), self.network().pilot_registry).validators())

    # The server

    def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON of a page of the server."""
        request = urllib.request.Request(self.url + path, headers={"Accept": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                body = answer.read()
                return answer.status, json.loads(body) if "json" in answer.headers["Content-Type"] else body.decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, json.loads(refusal.read() or b"null")

    def log(self) -> Mapping[str, Any]:
        """How far the center's log is: captured, published, anchored, sealed."""
        _, report = self.get("/health/ready")
        return next(one for one in report["logs"] if one["center"] == self.center)

    def capture(self, count: int) -> list[str]:
        """Captures so many new events; their hashes."""
        path = self.folder / f"capture-{len(self.captured)}.json"
        path.write_text(json.dumps(document_of(len(self.captured), count)), encoding="utf-8")
        told = self.greenlane("capture", path, "--url", self.url, "--key-file", self.key_file)
        hashes = [str(event["eventHash"]) for event in told["events"]]
        self.captured += hashes
        return hashes

    def wait(self, what: str, is_so: Callable[[], bool], limit_s: float) -> float:
        """Waits until something is so; after how many seconds it was.

        Raises:
            StepFailed: it was not in time.
        """
        began = time.monotonic()
        while not is_so():
            if time.monotonic() - began > limit_s:
                raise StepFailed(f"{what}: not in {limit_s:g} s")
            time.sleep(_LOOK_S)
        return time.monotonic() - began

    def fetch_sealed(self, name: str, event_hash: str) -> Path:
        """Fetches the receipt of an event once it carries seals, and keeps it under a name."""
        path = self.folder / f"receipt-{name}.json"

        self.wait("the anchor is sealed", lambda: self.log()["sealed"] == len(self.captured), ANCHOR_LIMIT_S)
        path.unlink(missing_ok=True)
        self.greenlane("receipt", event_hash, "-o", path, "--url", self.url, "--key-file", self.key_file)
        if parse_receipt(path.read_bytes()).seals is None:
            raise StepFailed(f"the receipt of {event_hash} carries no seals")
        self.receipts[name] = path
        return path

    def wait_anchored(self) -> float:
        """Waits until the chain has all that was captured; after how many seconds it had."""

        def is_anchored() -> bool:
            log = self.log()
            return bool(log["anchored"] == log["captured"] == len(self.captured))

        return self.wait("everything captured is anchored", is_anchored, ANCHOR_LIMIT_S)

    # The end

    def tails(self) -> Iterable[str]:
        """The last lines of every log of this run."""
        for home in self.homes:
            for path in sorted(NetworkLayout(Home(home)).log("x").parent.glob("*.log")):
                yield from self._tail(path)
        for path in sorted(self.folder.glob("*.log")):
            yield from self._tail(path)

    def _tail(self, path: Path) -> Iterable[str]:
        yield f"── the end of {path}"
        yield from (f"   {line}" for line in last_lines(path, _TAIL_LINES))

    def close(self) -> None:
        """Ends everything that this run started, whatever happened."""
        for child in reversed(self.children):
            child.stop()
        for home in reversed(self.homes):
            if home.exists():
                command = [str(BIN / "greenlane-node"), "down", "--home", str(home), "--json"]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode != 0:
                    self.say(f"✘ nodes of {home} could not be ended: {done.stderr.strip()}")


def run_steps(trial: Trial, steps: Sequence[tuple[str, Step]]) -> list[Outcome]:
    """Runs steps in their order, and ends what was started."""
    outcomes: list[Outcome] = []
    try:
        for name, act in steps:
            if any(one.passed is False for one in outcomes):
                outcomes.append(Outcome(step=name, passed=None, seconds=None, words="a step before failed"))
                continue
            trial.say(f"── {name}")
            outcomes.append(_run_step(trial, name, act))
    finally:
        trial.close()
    return outcomes


def _run_step(trial: Trial, name: str, act: Step) -> Outcome:
    began = time.monotonic()
    try:
        words, passed = act(trial), True
    except Exception as fault:  # noqa: BLE001 - whatever it is, the step failed, and the logs are wanted
        words, passed = f"{type(fault).__name__}: {fault}", False
        for line in trial.tails():
            trial.say(line)
    seconds = time.monotonic() - began
    trial.say(f"{'✔' if passed else '✘'} {seconds:6.1f} s  {words}")
    return Outcome(step=name, passed=passed, seconds=seconds, words=words)


def verdict_table(outcomes: Sequence[Outcome]) -> str:
    """What became of each step, and one word for all."""
    words = {True: "passed", False: "FAILED", None: "not run"}
    lines = [f"{words[one.passed]:<8} {'' if one.seconds is None else f'{one.seconds:.1f} s':>9}  {one.step}" for one in outcomes]
    failed = [one for one in outcomes if one.passed is not True]
    verdict = f"✘ {len(failed)} of {len(outcomes)} steps did not pass" if failed else f"✔ all {len(outcomes)} steps passed"
    return "\n".join([*lines, verdict])
