"""The nodes of a home folder as processes of this machine: started, waited for, watched and ended.

What runs here is what the folder holds: besu/NODE/config.toml and kubo/NODE/config. So a center that joined later is run like a
founder, and `up` says the same for one node as for a network of five on loopback.

- A node's key lies in the clear from right before its start until its RPC answers: Besu has read it by then and never reads it
  again. It is written anew at each start, since Besu would make itself another one where it finds none.
- Whatever interrupts us, the next `up` goes on from there: a node that runs is left running, a record of a process that ended,
  or whose number another process has now, is dropped.
- Every wait has an end, and what did not come in time is said with the last lines of the node's log.
- A validator that starts alone while others wait in far rounds may need minutes for its first block; all restarted together
  agree within one. That is what `restart` is for.
"""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

from greenlane.adapters.home import Home
from greenlane.adapters.keystore import Keystore, write_durably
from greenlane.core.errors import CannotCheck, GreenlaneError, NotFound

from greenlane_node.keys import node_key_file
from greenlane_node.layout import NetworkLayout
from greenlane_node.machine.machine_nodes import HOST, MachineNode, NodeKind, besu_nodes, documents_nodes
from greenlane_node.machine.node_log import last_lines
from greenlane_node.machine.programs import Programs
from greenlane_node.nodes.own_nodes import OwnNode, account_of
from greenlane_node.nodes.rpc import NodeSilent
from greenlane_node.process import OwnProcess, recorded_process, start_process, wait_until

ANSWER_TIMEOUT_S: Final = 240.0
"""From the first start until every node answers: five JVMs that start together on two cores took 28 s."""
PEERS_TIMEOUT_S: Final = 120.0
"""Besu calls its static nodes again every minute."""
GROWTH_TIMEOUT_S: Final = 240.0
"""Until every head has grown: after all validators started together, the first block came after 31 s."""
STOP_TIMEOUT_S: Final = 60.0
"""From SIGTERM to SIGKILL. Besu closes its database in a few seconds."""
_LEAST_FREE_BYTES = 1 << 30
_LONGEST_LOG_BYTES = 64 << 20
_LOOK_S = 0.2
_PORTS_RELEASED_S = 2.0
_LAST_LINES = 20

_Seen = TypeVar("_Seen")
Tell = Callable[[str], None]
"""Takes one line that says how far things are."""


class NodeNotStarted(CannotCheck):
    """A node does not start, does not answer, or finds no peers; `where` is its log."""

    code = "node-not-started"


class NodeNotStopped(CannotCheck):
    """A node was asked to end, then killed, and goes on."""

    code = "node-not-stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeState:
    """How a node is.

    Attributes:
        pid: of its process; None where it does not run.
        was_running: it ran before we were asked.
        rpc_url: where it answers.
        head: number of its newest block; None where it has none, or did not answer.
        peers: how many it is connected with; None where it did not answer.
    """

    name: str
    kind: NodeKind
    pid: int | None
    was_running: bool
    rpc_url: str
    head: int | None
    peers: int | None


class Ended(StrEnum):
    """How a node's process came to its end."""

    NOT_RUNNING = "was not running"
    STOPPED = "stopped"
    KILLED = "killed: it did not listen"


class Machine:
    """Starts, watches and ends the nodes of one home folder; see the module."""

    def __init__(self, home: Home, *, environment: Mapping[str, str], tell: Tell) -> None:
        """Names the places; nothing is read yet.

        Args:
            environment: what the nodes' processes get beside their own variables.
            tell: is told each step while it is done.
        """
        # Nodes run in the folder itself: a way from here would lead them astray.
        self._home = Home(home.directory.absolute())
        self._layout = NetworkLayout(self._home)
        # Besu takes options from BESU_… too, and puts them above its file.
        self._environment = {name: value for name, value in environment.items() if not name.startswith("BESU_")}
        self._tell = tell

    def names(self) -> tuple[str, ...]:
        """Of all nodes of this home, Besu first."""
        return tuple(node.name for node in self._nodes(None))

    def kinds(self, names: Sequence[str] = ()) -> set[NodeKind]:
        """What the named nodes are, or all where none is named.

        Raises:
            NotFound: a name is none of this home's nodes.
        """
        return {node.kind for node in self._chosen(self._nodes(None), names)}

    def up(self, programs: Programs, names: Sequence[str] = (), *, is_waiting: bool = True) -> tuple[NodeState, ...]:
        """Starts what does not run and waits until it works.

        Args:
            programs: what the nodes are; None only of what no node here is.
            names: of the nodes to start; empty: all.
            is_waiting: also until nodes have peers and, where all of this home's validators run, until every head grows.

        Raises:
            NotFound: a name is none of this home's nodes, or a node's key is not here.
            NodeNotStarted: a port is taken, the disk is full, a node ended by itself, or something did not come in time. What
                runs by then goes on running.
        """
        chosen = self._chosen(self._nodes(programs), names)
        with self._held():
            idle = [node for node in chosen if self._process(node.name) is None]
            running = [node.name for node in chosen if node not in idle]
            if running:
                self._tell(f"running already: {', '.join(running)}")
            self._require_place(idle)
            self._require_room(idle)
            self._require_ports(idle)
            try:
                for node in idle:
                    self._start(node)
                self._await_answers(chosen, idle)
            finally:
                # Whoever has not read its key yet still needs it: the next `up`, or `down`, takes it away.
                self._drop_keys(node for node in idle if self._process(node.name) is None)
            if is_waiting:
                self._await_peers(chosen)
                self._await_growth(chosen)
            return tuple(self._state(node, was_running=node not in idle) for node in chosen)

    def down(self, names: Sequence[str] = ()) -> dict[str, Ended]:
        """Ends nodes, all at once: SIGTERM, and SIGKILL to what does not listen in STOP_TIMEOUT_S.

        Args:
            names: of the nodes to end; empty: all.

        Raises:
            NotFound: a name is none of this home's nodes, or the folder has none.
            NodeNotStopped: a process goes on after SIGKILL.
        """
        known = self._recorded_names() or self.names()
        unknown = [name for name in names if name not in known and name not in self.names()]
        if unknown:
            raise self._no_such_node(unknown[0], self.names())
        with self._held():
            return self._down(names or known)

    def restart(self, programs: Programs, names: Sequence[str] = (), *, is_waiting: bool = True) -> tuple[NodeState, ...]:
        """Ends the named nodes together and starts them together; where none is named, all validators: they lost their quorum.

        Raises:
            As `up` and `down`.
        """
        nodes = self._nodes(programs)
        chosen = [node.name for node in self._chosen(nodes, names) if names or node.kind is NodeKind.VALIDATOR]
        self.down(chosen)
        return self.up(programs, chosen, is_waiting=is_waiting)

    def log_file(self, name: str) -> Path:
        """Where a node's words go.

        Raises:
            NotFound: it is none of this home's nodes.
        """
        if name not in self.names():
            raise self._no_such_node(name, self.names())
        return self._layout.log(name)

    # What there is

    def _nodes(self, programs: Programs | None) -> tuple[MachineNode, ...]:
        """Every node of this home; without programs their commands are empty."""
        besu = list(besu_nodes(self._layout, programs))
        documents = list(documents_nodes(self._layout, programs))
        if not besu and not documents:
            raise NotFound(
                "This folder has no node to run.",
                where=str(self._home.directory),
                remedy="Name the folder with --home; or make its nodes: `greenlane-node join` (a center that enters a network), "
                "`greenlane-node init network` (a founder), `greenlane-node up --local 4` (to try one on this machine).",
            )
        return (*besu, *documents)

    def _chosen(self, nodes: Sequence[MachineNode], names: Sequence[str]) -> list[MachineNode]:
        known = [node.name for node in nodes]
        for name in names:
            if name not in known:
                raise self._no_such_node(name, known)
        return [node for node in nodes if not names or node.name in names]

    def _no_such_node(self, name: str, known: Iterable[str]) -> NotFound:
        return NotFound(
            f"This folder has no node {name[:70]!r}.",
            where=str(self._home.directory),
            remedy=f"Name one of {', '.join(known)}.",
        )

    def _recorded_names(self) -> tuple[str, ...]:
        return tuple(sorted(path.stem for path in self._layout.run("x").parent.glob("*.json")))

    def _process(self, name: str) -> OwnProcess | None:
        """The running process of a node; a record of one that ended is dropped."""
        record = self._layout.run(name)
        process = recorded_process(record)
        if process is not None and process.is_running():
            return process
        if record.exists():
            self._tell(f"{name} had ended by itself; its log is {self._layout.log(name)}")
            record.unlink(missing_ok=True)
        return None

    # Up

    def _require_place(self, nodes: Sequence[MachineNode]) -> None:
        for node in nodes:
            if node.besu is not None and node.data.resolve() != node.besu.folder.data.resolve():
                raise NodeNotStarted(
                    f"The files of {node.name} are made for another place: its data would lie in {node.data}.",
                    where=str(node.besu.folder.config),
                    remedy="If it runs in a container, start it there; "
                    "if the folder was moved, run `greenlane-node init network --rewrite`.",
                )

    def _require_room(self, nodes: Sequence[MachineNode]) -> None:
        free = shutil.disk_usage(self._home.directory).free
        if nodes and free < _LEAST_FREE_BYTES:
            raise NodeNotStarted(
                f"The disk is full: {free >> 20} MiB are free, and no node starts with less than {_LEAST_FREE_BYTES >> 20}.",
                where=str(self._home.directory),
                remedy="Make room; a database that cannot be written tears.",
            )

    def _require_ports(self, nodes: Sequence[MachineNode]) -> None:
        ports = {port: f"{port} ({purpose} of {node.name})" for node in nodes for purpose, port in node.ports.items()}
        # A process that was killed is gone for the system a moment before the last of its threads lets go of its ports.
        if wait_until(lambda: all(is_free_port(port) for port in ports), _PORTS_RELEASED_S):
            return
        if taken := [told for port, told in ports.items() if not is_free_port(port)]:
            raise NodeNotStarted(
                f"Ports of {HOST} are taken that nodes need: {', '.join(taken)}.",
                remedy="End what listens there (`ss -ltnp` names it), or make the network in a new folder with another --port.",
            )

    def _start(self, node: MachineNode) -> None:
        log, record = self._layout.log(node.name), self._layout.run(node.name)
        environment = {**self._environment, **node.environment}
        try:
            for folder in (log.parent, record.parent):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if log.exists() and log.stat().st_size > _LONGEST_LOG_BYTES:
                log.replace(log.with_suffix(".log.1"))
            for command in node.first:
                self._run_first(node, command, environment, log)
            if node.besu is not None:
                self._write_key(node.besu)
            directory = self._home.directory
            process = start_process(node.command, record=record, log=log, environment=environment, directory=directory)
        except OSError as error:
            raise NodeNotStarted(
                f"{node.name} cannot be started: {error.strerror or error}.", where=error.filename or str(log)
            ) from error
        self._tell(f"{node.name} started as process {process.pid}")

    def _run_first(self, node: MachineNode, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        with log.open("ab") as out:
            done = subprocess.run(  # noqa: S603 - a program that the operator named or that PATH has
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=dict(environment), check=False
            )
        if done.returncode != 0:
            raise self._not_started(node, f"{node.name} cannot be prepared: `{' '.join(command)}` ended with {done.returncode}")

    def _write_key(self, node: OwnNode) -> None:
        keystore = Keystore(self._home.keys, self._home.password_file)
        address = account_of(node)
        name = next((key.name for key in keystore.files() if key.address == address), None)
        if name is None:
            raise NotFound(
                f"The key of {node.name} (account 0x{address.hex()}) is not in this folder.",
                where=str(self._home.keys),
                remedy="Restore it from a backup. A node that has lost its key is replaced by `greenlane-node rotate-key`.",
            )
        node.folder.key.unlink(missing_ok=True)
        write_durably(node.folder.key, node_key_file(keystore, name))

    def _drop_keys(self, nodes: Iterable[MachineNode]) -> None:
        for node in nodes:
            if node.besu is not None:
                node.besu.folder.key.unlink(missing_ok=True)

    def _await_answers(self, nodes: Sequence[MachineNode], idle: Sequence[MachineNode]) -> None:
        """Waits for every node, also after one has failed: the others still have to read their keys."""
        failed: list[NodeNotStarted] = []
        pending, give_up_at = list(nodes), time.monotonic() + ANSWER_TIMEOUT_S
        while pending:
            for node in tuple(pending):
                try:
                    self._require_running(node)
                except NodeNotStarted as fault:
                    failed.append(fault)
                    pending.remove(node)
                    continue
                if node.answers():
                    if node in idle:
                        self._tell(f"{node.name} answers at {node.rpc_url}")
                    self._drop_keys((node,))
                    pending.remove(node)
            if pending and time.monotonic() > give_up_at:
                failed.append(self._not_started(pending[0], f"{_those(pending)} not answer after {ANSWER_TIMEOUT_S:g} s"))
                break
            time.sleep(_LOOK_S)
        if failed:
            raise failed[0]

    def _await_peers(self, nodes: Sequence[MachineNode]) -> None:
        """Each node must see another one of its kind of network, where there is one."""
        give_up_at = time.monotonic() + PEERS_TIMEOUT_S
        alone = [node for node in nodes if self._expects_peers(node)]
        while alone := [node for node in alone if not self._looked(node, MachineNode.peers)]:
            if time.monotonic() > give_up_at:
                raise self._not_started(alone[0], f"{_those(alone)} not find a peer in {PEERS_TIMEOUT_S:g} s")
            time.sleep(_LOOK_S)

    def _expects_peers(self, node: MachineNode) -> bool:
        if node.besu is None:
            others = [one for one in documents_nodes(self._layout, None) if one.name != node.name]
            return any(self._process(one.name) for one in others)
        own = list(besu_nodes(self._layout, None))
        is_with_others_here = any(one.name != node.name and self._process(one.name) for one in own)
        # A lone node whose list names nodes of other machines: they must let it in.
        return is_with_others_here or (len(own) == 1 and bool(json.loads(node.besu.folder.static_nodes.read_bytes())))

    def _await_growth(self, nodes: Sequence[MachineNode]) -> None:
        besu = [node for node in nodes if node.besu is not None]
        validators = (one for one in besu_nodes(self._layout, None) if one.kind is NodeKind.VALIDATOR)
        idle = [one.name for one in validators if self._process(one.name) is None]
        if not besu:
            return
        if idle:
            self._tell(f"blocks are not waited for, since {', '.join(idle)} {'does' if len(idle) == 1 else 'do'} not run")
            return
        seen: dict[str, int] = {}
        pending, give_up_at = list(besu), time.monotonic() + GROWTH_TIMEOUT_S
        while pending:
            for node in tuple(pending):
                head = self._looked(node, MachineNode.head)
                if head is not None and head > seen.setdefault(node.name, head):
                    self._tell(f"{node.name} has block {head}")
                    pending.remove(node)
            if pending and time.monotonic() > give_up_at:
                heads = ", ".join(f"{node.name} at {seen.get(node.name, 'no block')}" for node in pending)
                raise self._not_started(
                    pending[0],
                    f"Heads stand still for {GROWTH_TIMEOUT_S:g} s: {heads}",
                    remedy="Look whether enough validators run (`greenlane-node doctor`), "
                    "then restart them together: `greenlane-node restart`.",
                )
            time.sleep(_LOOK_S)

    def _looked(self, node: MachineNode, look: Callable[[MachineNode], _Seen]) -> _Seen | None:
        """What a node says; None where it does not answer."""
        self._require_running(node)
        try:
            return look(node)
        except (NodeSilent, OSError):
            return None

    def _require_running(self, node: MachineNode) -> None:
        process = recorded_process(self._layout.run(node.name))
        if process is None or not process.is_running():
            self._layout.run(node.name).unlink(missing_ok=True)
            raise self._not_started(node, f"{node.name} ended by itself")

    def _not_started(self, node: MachineNode, what: str, *, remedy: str | None = None) -> NodeNotStarted:
        log = self._layout.log(node.name)
        lines = last_lines(log, _LAST_LINES)
        self._tell(f"the last lines of {log}:")
        for line in lines:
            self._tell(f"  {line}")
        last = next((line for line in reversed(lines) if line.strip()), "it says nothing")
        return NodeNotStarted(
            f"{what}. Its last words: {last[-300:]}",
            where=str(log),
            remedy=remedy or f"Read more: `greenlane-node logs {node.name}`. What runs goes on; `greenlane-node down` ends it.",
        )

    def _state(self, node: MachineNode, *, was_running: bool) -> NodeState:
        process = recorded_process(self._layout.run(node.name))
        is_running = process is not None and process.is_running()
        head = peers = None
        if is_running:
            with suppress(GreenlaneError, OSError):
                peers = node.peers()
            with suppress(GreenlaneError, OSError):
                head = node.head()
        return NodeState(
            name=node.name,
            kind=node.kind,
            pid=process.pid if process is not None and is_running else None,
            was_running=was_running and is_running,
            rpc_url=node.rpc_url,
            head=head,
            peers=peers,
        )

    # Down

    def _down(self, names: Iterable[str]) -> dict[str, Ended]:
        ended, running = dict.fromkeys(names, Ended.NOT_RUNNING), {}
        for name in ended:
            process = self._process(name)
            if process is not None:
                running[name] = process
                process.send(signal.SIGTERM)
                self._tell(f"{name} (process {process.pid}) is asked to end")
        give_up_at = time.monotonic() + STOP_TIMEOUT_S
        for name, process in running.items():
            ended[name] = Ended.STOPPED
            if not wait_until(process.has_ended, max(0.0, give_up_at - time.monotonic())):
                self._tell(f"{name} did not end in {STOP_TIMEOUT_S:g} s and is killed")
                ended[name] = Ended.KILLED
                process.kill_rest()
        for name, process in running.items():
            if not wait_until(process.has_ended, STOP_TIMEOUT_S):
                raise NodeNotStopped(
                    f"{name} (process {process.pid}) does not end.", remedy=f"End process {process.pid} by hand, then go on."
                )
            self._layout.run(name).unlink(missing_ok=True)
        for name in ended:
            self._layout.besu(name).key.unlink(missing_ok=True)
        return ended

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Holds the folder against others who would start or end its nodes; they wait."""
        descriptor = os.open(self._home.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._tell("another greenlane-node is at work in this folder; waiting for it")
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def is_free_port(port: int) -> bool:
    """Whether a node could listen on that port of this machine's loopback."""
    with socket.socket() as probe:
        # Without it a port stays taken for a minute after its last use.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            return False
    return True


def _those(nodes: Sequence[MachineNode]) -> str:
    return f"{', '.join(node.name for node in nodes)} {'does' if len(nodes) == 1 else 'do'}"
