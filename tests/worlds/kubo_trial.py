"""What three Kubo nodes in a private swarm must do for documents, step by step, through the adapter that the server has.

    trial = KuboTrial(folder, ipfs=…, say=print, sizes=SMALL_SIZES)
    outcomes = run_kubo_trial(trial)

The nodes are configured as every network's are (greenlane_node.kubo.config) and run as processes. The steps know the adapter, the
program `ipfs` and signals, and not what the program is made of: tests/integration/documents/test_kubo_nodes.py runs them over a
stand-in in seconds, and `make kubo-test` over the real one. A step that fails ends the trial; those after it are "not run".
"""

import hashlib
import io
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pytest
import requests
from greenlane.adapters.blocks import BlockStore
from greenlane.adapters.entropy import random_bytes
from greenlane.adapters.kubo import Kubo
from greenlane.core.crypto import ed25519_public_key
from greenlane.core.documents.car import longest_car
from greenlane.core.documents.cid import Cid, Codec
from greenlane.core.documents.unixfs import CHUNK_BYTES, identify
from greenlane.core.errors import GreenlaneError
from greenlane.core.units import CenterId
from greenlane.ports.documents import BytesRefused, DocumentMissing, DocumentsUnavailable
from greenlane_node.kubo.config import kubo_commands, kubo_config, kubo_environment, kubo_repository
from greenlane_node.machine.node_log import last_lines
from greenlane_node.machine.programs import find_programs
from greenlane_node.peer_identity import encode_swarm_key, peer_id
from greenlane_node.planning.plan import PlannedDocuments
from greenlane_node.process import OwnProcess, recorded_process, start_process
from network.scenario import Outcome, StepFailed
from worlds.machine import free_base

MIB = 1_048_576
SMALL_SIZES = (0, 1, 12, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 5)
LARGE_SIZES = (17 * CHUNK_BYTES + 9, 1_024 * CHUNK_BYTES, 1_024 * CHUNK_BYTES + 1, 1_040 * CHUNK_BYTES + 4_321)
"""The last two hang under a second row of nodes."""
DISK_BYTES = 8 * 1_024 * MIB
"""What three nodes with all of them need at most, and something over."""
_NODES = 3
_UP_S = 60.0
_PEERS_S = 60.0
_BRING_S = 600.0
_MOST_GROWTH_BYTES = 100 * MIB
_LOOK_S = 0.1
_TAIL_LINES = 30


class Pattern(io.RawIOBase):
    """A document of any size that lies nowhere; no two of its chunks are the same. Those of one name share their whole chunks."""

    def __init__(self, size: int, name: str = "") -> None:
        self._size, self._at = size, 0
        self._base = hashlib.sha256(b"a document of a trial").digest() * (CHUNK_BYTES // 32)
        self._name = hashlib.sha256(name.encode()).digest()[:8]

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + {0: 0, 1: self._at, 2: self._size}[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self._size if size < 0 else min(self._size, self._at + size)
        out = bytearray()
        while self._at < end:
            number, within = divmod(self._at, CHUNK_BYTES)
            chunk = self._name + number.to_bytes(8, "big") + self._base[16:]
            out += chunk[within : within + end - self._at]
            self._at = min(end, (number + 1) * CHUNK_BYTES)
        return bytes(out)

    def pieces(self) -> Iterator[bytes]:
        """From its place to its end."""
        while piece := self.read(CHUNK_BYTES):
            yield piece


@dataclass(kw_only=True)
class TrialNode:
    """One node and how it is run."""

    plan: PlannedDocuments
    seed: bytes
    token: str
    folder: Path
    ipfs: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.plan.rpc_port}"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @cached_property
    def store(self) -> Kubo:
        return Kubo(self.url, token=self.token, timeout_s=60)

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), **kubo_environment(self.folder)}

    def prepare(self, peers: Sequence[PlannedDocuments], swarm_key: bytes) -> None:
        """Its files, as a center's node has them."""
        self.folder.mkdir(parents=True)
        config = kubo_config(self.plan, peers, seed=self.seed, token=self.token)
        (self.folder / "config").write_bytes(config)
        first, _ = kubo_commands(self.ipfs, self.folder)
        for command in first:
            done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise StepFailed(f"{self.plan.name}: `{' '.join(command[1:])}` says {done.stderr.strip()[-500:]}")
        repository = Path(kubo_repository(self.folder))
        (repository / "config").write_bytes(config)
        (repository / "swarm.key").write_bytes(swarm_key)
        (repository / "swarm.key").chmod(0o600)

    @property
    def process(self) -> OwnProcess | None:
        return recorded_process(self.folder / "process")

    def start(self) -> None:
        """Starts it and waits until it answers."""
        _, command = kubo_commands(self.ipfs, self.folder)
        start_process(command, record=self.folder / "process", log=self.log, environment=self.environment)

        def answers() -> bool:
            if self.process is None or not self.process.is_running():
                raise StepFailed(f"{self.plan.name} has ended")
            try:
                self.store.check()
            except DocumentsUnavailable:
                return False
            return True

        wait(f"{self.plan.name} answers", answers, _UP_S)

    def end(self, how: signal.Signals) -> None:
        """Ends it, in order or by a kill, and waits until it is gone."""
        process = self.process
        if process is not None:
            process.send(how)
            wait(f"{self.plan.name} ends", process.has_ended, _UP_S)

    def command_line_cid(self, source: Pattern) -> str:
        """What `ipfs add` makes of the bytes, told nothing but where to send them."""
        child = subprocess.Popen(
            [str(self.ipfs), "add", "-Q", f"--api-auth=bearer:{self.token}"],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert child.stdin is not None
        try:
            for piece in source.pieces():
                child.stdin.write(piece)
        except BrokenPipeError:
            pass
        said, complaint = child.communicate(timeout=_BRING_S)
        if child.returncode != 0:
            raise StepFailed(f"`ipfs add` ends with {child.returncode}: {complaint.decode(errors='replace').strip()[-500:]}")
        return said.decode().strip()


def find_ipfs() -> Path:
    """The program that IPFS names, or the one on PATH; without one the test is skipped, and fails where IPFS names nothing."""
    named = os.environ.get("IPFS")
    if named is None and shutil.which("ipfs") is None:
        pytest.skip("there is no `ipfs` on PATH, and IPFS names none")
    try:
        path = None if named is None else Path(named)
        found = find_programs(environment=os.environ, besu=None, ipfs=path, needs_besu=False, needs_ipfs=True)
    except GreenlaneError as fault:
        # Who names a program wants it tried: a skip would look as if all were well.
        (pytest.skip if named is None else pytest.fail)(str(fault))
    assert found.ipfs is not None
    return found.ipfs


@contextmanager
def one_node(ipfs: Path, folder: Path) -> Iterator[TrialNode]:
    """A node that has no peers, for as long as it is used."""
    base, seed = free_base(2), random_bytes(32)
    plan = PlannedDocuments(
        center=CenterId("center-0"),
        peer_id=peer_id(ed25519_public_key(seed)),
        host="127.0.0.1",
        swarm_port=base,
        rpc_port=base + 1,
    )
    node = TrialNode(plan=plan, seed=seed, token=random_bytes(16).hex(), folder=folder, ipfs=ipfs)
    node.prepare([plan], encode_swarm_key(random_bytes(32)))
    try:
        node.start()
        yield node
    finally:
        node.store.close()
        node.end(signal.SIGKILL)


@dataclass(kw_only=True)
class KuboTrial:
    """Three nodes under trial.

    Attributes:
        folder: for all their files; must not exist or be empty.
        sizes: of the documents.
        torn_bytes: of the one in whose upload a node is killed.
        documents: what was added: its CID and how it is made again.
    """

    folder: Path
    ipfs: Path
    say: Callable[[str], None]
    sizes: Sequence[int]
    torn_bytes: int = 40 * MIB
    nodes: list[TrialNode] = field(default_factory=list)
    documents: dict[Cid, Pattern] = field(default_factory=dict)

    def again(self, cid: Cid) -> Pattern:
        """A document's bytes from their beginning."""
        source = self.documents[cid]
        source.seek(0)
        return source

    def largest(self) -> Cid:
        """The document of the most bytes."""
        return list(self.documents)[-1]

    def close(self) -> None:
        """Ends the nodes, whatever happened, and takes their data away."""
        for node in self.nodes:
            node.store.close()
            process = node.process
            if process is not None:
                process.send(signal.SIGKILL)
                wait(f"{node.plan.name} ends", process.has_ended, _UP_S)
            shutil.rmtree(node.folder, ignore_errors=True)


def start_nodes(trial: KuboTrial) -> str:
    """Three nodes start, and each sees the two others and nobody else."""
    base, seeds = free_base(2 * _NODES), [random_bytes(32) for _ in range(_NODES)]
    plans = [
        PlannedDocuments(
            center=CenterId(f"center-{number}"),
            peer_id=peer_id(ed25519_public_key(seed)),
            host="127.0.0.1",
            swarm_port=base + 2 * number,
            rpc_port=base + 2 * number + 1,
        )
        for number, seed in enumerate(seeds)
    ]
    swarm_key = encode_swarm_key(random_bytes(32))
    for plan, seed in zip(plans, seeds, strict=True):
        node = TrialNode(plan=plan, seed=seed, token=random_bytes(16).hex(), folder=trial.folder / plan.name, ipfs=trial.ipfs)
        trial.nodes.append(node)
        node.prepare(plans, swarm_key)
        node.start()
    for node in trial.nodes:
        wait(f"{node.plan.name} sees the others", lambda node=node: _sees_others(trial, node), _PEERS_S)  # type: ignore[misc]
    return f"{_NODES} nodes on ports {base} to {base + 2 * _NODES - 1}, each with {_NODES - 1} peers"


def want_the_token(trial: KuboTrial) -> str:
    """Without its token, or with another, a node does nothing, and it is said why."""
    node = trial.nodes[0]
    for token in (None, "another"):
        try:
            Kubo(node.url, token=token).check()
        except DocumentsUnavailable as refusal:
            if "token" not in refusal.detail:
                raise StepFailed(f"the refusal does not speak of the token: {refusal}") from refusal
        else:
            raise StepFailed("a node answers without its token")
    return "refused, and said so"


def add_every_size(trial: KuboTrial) -> str:
    """Every size has one CID: computed at home, by our adapter, and by Kubo's own command line; and memory stays flat."""
    node, words = trial.nodes[0], []
    for size in trial.sizes:
        source = Pattern(size, "sizes")
        grown = _peak_bytes()
        home, counted, digest = identify(source.pieces())
        source.seek(0)
        told: list[int] = []
        began = time.monotonic()
        stored = node.store.add(source, expected=home, told=told.append)  # type: ignore[arg-type]
        ours_s = time.monotonic() - began
        grown = _peak_bytes() - grown
        if (stored.cid, stored.size, stored.digest) != (home, counted, digest) or counted != size:
            raise StepFailed(f"{size} bytes are {stored.cid.text} of {stored.size} bytes, and at home {home.text}")
        if told != sorted(told) or (size and told[-1] != size):
            raise StepFailed(f"of {size} bytes progress tells {told[-3:]}")
        if grown > _MOST_GROWTH_BYTES:
            raise StepFailed(f"adding {size} bytes took {grown / MIB:.0f} MiB of memory")
        source.seek(0)
        began = time.monotonic()
        theirs = node.command_line_cid(source)
        theirs_s = time.monotonic() - began
        if theirs != home.text:
            raise StepFailed(f"of {size} bytes `ipfs add` makes {theirs}, and we {home.text}")
        trial.documents[home] = source
        if size >= 16 * MIB:
            trial.say(
                f"   {size / MIB:.0f} MiB: {size / MIB / ours_s:.0f} MiB/s by us, {size / MIB / theirs_s:.0f} by `ipfs add`, "
                f"memory +{grown / MIB:.0f} MiB"
            )
        words.append(f"{size}")
    if not all(node.store.is_held(cid) for cid in trial.documents) or not set(trial.documents) <= set(node.store.pins()):
        raise StepFailed("not all of them are held")
    return f"{len(words)} sizes, {words[0]} to {words[-1]} bytes"


def read_back(trial: KuboTrial) -> str:
    """What was added comes back, whole and in part, and no more is promised than there is."""
    store = trial.nodes[0].store
    began, count = time.monotonic(), 0
    for cid in trial.documents:
        count += _read_whole(trial, store, cid)
    seconds = time.monotonic() - began
    for cid, source in trial.documents.items():
        size = store.size(cid)
        for offset in {0, 1, size // 2, max(0, size - 3), CHUNK_BYTES - 3, size, size + 7}:
            source.seek(min(offset, size))
            if b"".join(store.read(cid, offset=offset, length=7)) != source.read(7):
                raise StepFailed(f"7 bytes of {cid.text} from {offset} are not what was added")
    return f"{count} bytes, {count / MIB / max(seconds, 1e-9):.0f} MiB/s, and parts of each"


def replicate(trial: KuboTrial) -> str:
    """Another node brings everything over the swarm and holds it by itself; what nobody has is missed in time."""
    store = trial.nodes[1].store
    unknown = Cid.of(Codec.RAW, random_bytes(32))
    began = time.monotonic()
    for act in (lambda: store.size(unknown), lambda: store.size(unknown, wait_s=2), lambda: store.pin(unknown, wait_s=2)):
        try:
            act()
        except DocumentMissing:
            continue
        raise StepFailed("a document that nobody has is not missed")
    missed_s = time.monotonic() - began
    if missed_s > 15:
        raise StepFailed(f"a document that nobody has is missed after {missed_s:.0f} s only")
    began = time.monotonic()
    for cid in trial.documents:
        if store.is_held(cid):
            raise StepFailed(f"{cid.text} is held before anybody brought it")
        store.pin(cid, wait_s=_BRING_S)
        if not store.is_held(cid):
            raise StepFailed(f"{cid.text} is not held after it was pinned")
    return (
        f"{len(trial.documents)} documents in {time.monotonic() - began:.1f} s; what is nowhere is missed after {missed_s:.1f} s"
    )


def lose_a_node(trial: KuboTrial) -> str:
    """The first node is killed; the second gives everything, and the third brings what it wants from there."""
    first, second, third = trial.nodes
    first.end(signal.SIGKILL)
    try:
        first.store.check()
    except DocumentsUnavailable:
        pass
    else:
        raise StepFailed("a node that was killed answers")
    for cid in trial.documents:
        _read_whole(trial, second.store, cid)
    wanted = list(trial.documents)[-2:]
    for cid in wanted:
        third.store.pin(cid, wait_s=_BRING_S)
        if not third.store.is_held(cid):
            raise StepFailed(f"{cid.text} did not come to the third node")
    began = time.monotonic()
    first.start()
    if not all(first.store.is_held(cid) for cid in trial.documents):
        raise StepFailed("the killed node does not hold everything when it is back")
    return (
        f"all {len(trial.documents)} read, {len(wanted)} brought; the killed node is back after {time.monotonic() - began:.1f} s"
    )


def collect_garbage(trial: KuboTrial) -> str:
    """What is pinned stays; what was let go goes."""
    store = trial.nodes[0].store
    source = Pattern(2 * CHUNK_BYTES + 1, "let go")
    gone = store.add(source).cid  # type: ignore[arg-type]
    if not store.unpin(gone) or store.unpin(gone) or store.is_held(gone):
        raise StepFailed("unpinning does not say what it did")
    count = store.collect_garbage()
    try:
        store.block(gone)
    except DocumentMissing:
        pass
    else:
        raise StepFailed("what no pin holds is still there")
    for cid in trial.documents:
        if not store.is_held(cid):
            raise StepFailed(f"{cid.text} is pinned and gone")
    # The chunks that it shared with nobody, and its root.
    if count < 3:
        raise StepFailed(f"{count} blocks were removed, of 4")
    return f"{count} blocks went, {len(trial.documents)} documents stayed"


def die_in_an_upload(trial: KuboTrial) -> str:
    """A node is killed in mid-upload: nothing is half there, and the same request again finishes."""
    node, source = trial.nodes[0], Pattern(trial.torn_bytes, "torn")

    def kill(done: int) -> None:
        if done > trial.torn_bytes // 2:
            node.end(signal.SIGKILL)

    home, _, _ = identify(source.pieces())
    source.seek(0)
    try:
        node.store.add(source, expected=home, told=kill)  # type: ignore[arg-type]
    except DocumentsUnavailable:
        pass
    else:
        raise StepFailed("an upload succeeded in a node that was killed")
    node.start()
    if home in set(node.store.pins()) or node.store.is_held(home):
        raise StepFailed("half a document is pinned")
    orphans = node.store.collect_garbage()
    source.seek(0)
    if node.store.add(source, expected=home).cid != home or not node.store.is_held(home):  # type: ignore[arg-type]
        raise StepFailed("the repeated request did not finish")
    if not all(node.store.is_held(cid) for cid in trial.documents):
        raise StepFailed("other documents were lost")
    return f"{orphans} orphan blocks were collected, and the repeated request finished"


def carry_cars(trial: KuboTrial) -> str:
    """A CAR carries a document from the embedded store into Kubo and back, the same bytes both ways; a spoilt one is refused."""
    store, cid = trial.nodes[2].store, trial.largest()
    source = Pattern(5 * CHUNK_BYTES + 77, "carried")
    embedded = BlockStore(trial.folder / "embedded")
    mine = embedded.add(source).cid  # type: ignore[arg-type]
    longest = longest_car(5 * CHUNK_BYTES + 77)
    spoilt = bytearray(b"".join(embedded.export_car(mine)))
    spoilt[-1] ^= 1
    for wrong in (bytes(spoilt), bytes(spoilt)[: -CHUNK_BYTES // 2]):
        try:
            store.import_car(iter([wrong]), root=mine, max_bytes=longest)
        except BytesRefused:
            continue
        raise StepFailed("a CAR with a wrong or missing block was taken")
    if store.is_held(mine):
        raise StepFailed("a CAR that was refused left a pin")
    store.import_car(embedded.export_car(mine), root=mine, max_bytes=longest)
    if not store.is_held(mine):
        raise StepFailed("the document is not held after its CAR was imported")
    if _digest(store.export_car(mine)) != _digest(embedded.export_car(mine)):
        raise StepFailed("both stores write another CAR of one document")
    began = time.monotonic()
    size = trial.nodes[0].store.size(cid)
    embedded.import_car(trial.nodes[0].store.export_car(cid), root=cid, max_bytes=longest_car(size))
    if not embedded.is_held(cid) or _digest(embedded.read(cid)) != _digest(trial.again(cid).pieces()):
        raise StepFailed("the embedded store has other bytes than Kubo gave")
    shutil.rmtree(trial.folder / "embedded")
    return f"there, and {size} bytes back at {size / MIB / (time.monotonic() - began):.0f} MiB/s"


def end_nodes(trial: KuboTrial) -> str:
    """All nodes end when they are told to."""
    for node in trial.nodes:
        node.end(signal.SIGTERM)
    return "ended"


KuboStep = Callable[[KuboTrial], str]
STEPS: tuple[tuple[str, KuboStep], ...] = (
    ("three nodes of a private swarm start and find each other", start_nodes),
    ("a node wants its token", want_the_token),
    ("every size has one CID: at home, by us, by `ipfs add`", add_every_size),
    ("what was added is read back, whole and in part", read_back),
    ("another node brings and holds everything", replicate),
    ("a node is lost, and no document", lose_a_node),
    ("garbage goes, and what is pinned stays", collect_garbage),
    ("kill -9 in mid-upload, and the same request again", die_in_an_upload),
    ("a CAR carries a document there and back", carry_cars),
    ("the nodes end", end_nodes),
)


def run_kubo_trial(trial: KuboTrial) -> list[Outcome]:
    """Runs the steps in their order; afterwards nothing runs, and the nodes' data is gone."""
    outcomes: list[Outcome] = []
    try:
        for name, act in STEPS:
            if any(one.passed is not True for one in outcomes):
                outcomes.append(Outcome(step=name, passed=None, seconds=None, words="a step before failed"))
                continue
            trial.say(f"── {name}")
            outcomes.append(_run(trial, name, act))
    finally:
        trial.close()
    return outcomes


def _run(trial: KuboTrial, name: str, act: KuboStep) -> Outcome:
    began = time.monotonic()
    try:
        words, passed = act(trial), True
    except (StepFailed, GreenlaneError, OSError, subprocess.SubprocessError) as fault:
        words, passed = f"{type(fault).__name__}: {fault}", False
        for node in trial.nodes:
            trial.say(f"── the end of {node.log}")
            for line in last_lines(node.log, _TAIL_LINES) if node.log.exists() else ():
                trial.say(f"   {line}")
    seconds = time.monotonic() - began
    trial.say(f"{'✔' if passed else '✘'} {seconds:6.1f} s  {words}")
    return Outcome(step=name, passed=passed, seconds=seconds, words=words)


def wait(what: str, is_so: Callable[[], bool], limit_s: float) -> None:
    """Waits until something is so.

    Raises:
        StepFailed: it was not in time.
    """
    end_s = time.monotonic() + limit_s
    while not is_so():
        if time.monotonic() > end_s:
            raise StepFailed(f"{what}: not in {limit_s:g} s")
        time.sleep(_LOOK_S)


def _sees_others(trial: KuboTrial, node: TrialNode) -> bool:
    headers = {"Authorization": f"Bearer {node.token}"}
    told = requests.post(f"{node.url}/api/v0/swarm/peers", headers=headers, timeout=_UP_S).json()["Peers"] or []
    return {str(one["Peer"]) for one in told} == {one.plan.peer_id for one in trial.nodes if one is not node}


def _read_whole(trial: KuboTrial, store: Kubo, cid: Cid) -> int:
    count, digest = 0, hashlib.sha256()
    for piece in store.read(cid):
        count += len(piece)
        digest.update(piece)
    if digest.digest() != _digest(trial.again(cid).pieces()):
        raise StepFailed(f"the {count} bytes of {cid.text} are not what was added")
    return count


def _digest(pieces: Iterator[bytes]) -> bytes:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.digest()


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1_024
