"""Nodes are started once, waited for with an end, told apart from strangers, and ended: none by mistake and none forgotten.

The programs are stand-ins (worlds/machine.py): what is tried here is how processes, ports, files and words are handled.
"""

import errno
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from greenlane.adapters.home import Home
from greenlane.core.errors import NotFound
from greenlane_node.__main__ import main
from greenlane_node.founding.trial import found_on_machine
from greenlane_node.layout import NetworkLayout
from greenlane_node.machine import programs as programs_module
from greenlane_node.machine import running as machine_module
from greenlane_node.machine.machine_nodes import NodeKind
from greenlane_node.machine.node_log import LogReader, last_lines
from greenlane_node.machine.programs import ProgramMissing, Programs, find_programs
from greenlane_node.machine.running import Ended, Machine, NodeNotStarted, is_free_port
from greenlane_node.nodes.rpc import NodeRefused, NodeRpc
from greenlane_node.process import OwnProcess, recorded_process, start_process, start_time, wait_until
from worlds.machine import free_base, misbehave, stand_in_programs

LIMA, TIANJIN, RPC_NODE = "validator-lima", "validator-tianjin", "rpc-tianjin"
NODES = (RPC_NODE, LIMA, TIANJIN)


class Bench(NamedTuple):
    """A home of two centers, what runs it, and what it told."""

    home: Path
    machine: Machine
    programs: Programs
    told: list[str]
    base: int

    def pid(self, name: str) -> int | None:
        found = recorded_process(NetworkLayout(Home(self.home)).run(name))
        return found.pid if found is not None and found.is_running() else None

    def pids(self) -> dict[str, int | None]:
        return {name: self.pid(name) for name in self.machine.names()}

    def open_keys(self) -> list[Path]:
        return sorted(self.home.glob("besu/*/key"))

    def up(self, *names: str, is_waiting: bool = True) -> dict[str, Any]:
        return {one.name: one for one in self.machine.up(self.programs, names, is_waiting=is_waiting)}


@pytest.fixture(scope="session")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PATH."""
    return stand_in_programs(tmp_path_factory.mktemp("bin"))


def make_bench(home: Path, path: Path, *, documents: int = 0, centers: int = 2) -> Bench:
    base, told = free_base(10 * centers), list[str]()
    found_on_machine(Home(home), centers, base_port=base, clock=lambda: datetime.now(UTC), documents=documents)
    environment = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}"}
    machine = Machine(Home(home), environment=environment, tell=told.append)
    return Bench(home, machine, Programs(besu=path / "besu", ipfs=path / "ipfs"), told, base)


@pytest.fixture
def bench(tmp_path: Path, path: Path) -> Iterator[Bench]:
    made = make_bench(tmp_path / "home", path)
    yield made
    for name in NODES:
        (made.home / "besu" / name / "stand-in.json").unlink(missing_ok=True)
    end_all(made)


def end_all(bench: Bench) -> None:
    for record in (bench.home / "run").glob("*.json"):
        process = recorded_process(record)
        if process is not None:
            process.send(signal.SIGKILL)


def test_everything_is_started_waited_for_and_left_alone_the_second_time(bench: Bench) -> None:
    states = bench.up()
    assert tuple(states) == NODES
    assert [one.was_running for one in states.values()] == [False] * 3
    assert {one.peers for one in states.values()} == {1, 2}
    assert all(one.head is not None and one.head > 0 for one in states.values())
    pids = bench.pids()
    assert None not in pids.values()
    assert {one.name: one.was_running for one in bench.up().values()} == dict.fromkeys(NODES, True)
    assert bench.pids() == pids
    assert bench.machine.kinds() == {NodeKind.VALIDATOR, NodeKind.RPC}


def test_a_home_that_is_named_from_here_runs_in_its_own_place(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bench.home.parent)
    machine = Machine(Home(Path(bench.home.name)), environment=dict(os.environ), tell=bench.told.append)
    assert all(one.pid is not None for one in machine.up(bench.programs))


def test_a_key_lies_in_the_clear_until_its_node_answers_and_no_longer(bench: Bench) -> None:
    misbehave(bench.home, LIMA, hang=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine_module, "ANSWER_TIMEOUT_S", 2.5)
        with pytest.raises(NodeNotStarted, match=r"validator-lima does not answer after 2\.5 s"):
            bench.up()
    # It runs and has not said that it read its key: without it, it would go on under another.
    assert [path.parent.name for path in bench.open_keys()] == [LIMA]
    assert stat.S_IMODE(bench.open_keys()[0].stat().st_mode) == 0o600
    assert bench.machine.down([LIMA]) == {LIMA: Ended.STOPPED}
    assert bench.open_keys() == []


def test_the_others_go_on_when_one_does_not_start_and_the_next_up_starts_that_one(bench: Bench) -> None:
    misbehave(bench.home, LIMA, crash="database is of another format")
    with pytest.raises(NodeNotStarted) as caught:
        bench.up()
    assert "validator-lima ended by itself" in caught.value.detail
    assert "does not start: database is of another format" in caught.value.detail
    assert caught.value.where == str(bench.home / "logs" / f"{LIMA}.log")
    assert any("database is of another format" in line for line in bench.told)
    assert (bench.pid(LIMA), bench.open_keys()) == (None, [])
    before = bench.pids()
    (bench.home / "besu" / LIMA / "stand-in.json").unlink()
    states = bench.up()
    assert {name: states[name].was_running for name in NODES} == {RPC_NODE: True, LIMA: False, TIANJIN: True}
    assert {**bench.pids(), LIMA: None} == before


def test_a_node_that_ended_by_itself_is_told_and_started_again(bench: Bench) -> None:
    bench.up()
    pid = bench.pid(LIMA)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: start_time(pid) is None, 5)
    assert bench.pid(LIMA) is None
    states = bench.up()
    assert not states[LIMA].was_running
    assert any(line.startswith("validator-lima had ended by itself") for line in bench.told)


def test_a_stranger_under_the_same_number_is_left_alone(bench: Bench) -> None:
    hits: list[int] = []
    previous = signal.signal(signal.SIGTERM, lambda number, _frame: hits.append(number))
    try:
        record = NetworkLayout(Home(bench.home)).run(LIMA)
        record.parent.mkdir()
        record.write_text(json.dumps({"pid": os.getpid(), "started": "1"}), encoding="utf-8")
        assert bench.machine.down() == {LIMA: Ended.NOT_RUNNING}
        assert not record.exists()
        for damaged in (b"", b"{}", b'{"pid":1,"started":"1"}', b'{"pid":-1,"started":"1"}', b'{"pid":"x"}'):
            record.write_bytes(damaged)
            assert bench.machine.down() == {LIMA: Ended.NOT_RUNNING}
    finally:
        signal.signal(signal.SIGTERM, previous)
    assert hits == []


def test_a_taken_port_is_told_with_who_needs_it_and_nothing_is_started(bench: Bench) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", bench.base + 11))
        other.listen()
        with pytest.raises(NodeNotStarted) as caught:
            bench.up()
    assert f"{bench.base + 11} (RPC of validator-lima)" in caught.value.detail
    assert set(bench.pids().values()) == {None}
    assert bench.open_keys() == []


def test_a_full_disk_is_told_before_anything_is_started(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(bench.home)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=5 << 20))
    with pytest.raises(NodeNotStarted, match="The disk is full: 5 MiB are free"):
        bench.up()
    assert set(bench.pids().values()) == {None}


def test_a_disk_that_fills_up_meanwhile_is_told_and_leaves_no_key(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, _data: bytes) -> None:
        path.touch()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(machine_module, "write_durably", full)
    with pytest.raises(NodeNotStarted, match="cannot be started: No space left on device"):
        bench.up()
    assert (set(bench.pids().values()), bench.open_keys()) == ({None}, [])


def test_a_folder_that_was_moved_is_not_run(bench: Bench) -> None:
    moved = bench.home.rename(bench.home.with_name("moved"))
    machine = Machine(Home(moved), environment=os.environ, tell=bench.told.append)
    with pytest.raises(NodeNotStarted, match="are made for another place") as caught:
        machine.up(bench.programs)
    assert "init network --rewrite" in caught.value.remedy
    moved.rename(bench.home)


def test_heads_that_stand_still_are_told_with_the_drill(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_module, "GROWTH_TIMEOUT_S", 1.5)
    misbehave(bench.home, LIMA, still=True)
    with pytest.raises(NodeNotStarted) as caught:
        bench.up()
    assert "validator-lima at 0" in caught.value.detail
    assert "validator-tianjin" not in caught.value.detail
    assert "greenlane-node restart" in caught.value.remedy
    assert None not in bench.pids().values()


def test_what_does_not_listen_is_killed_after_a_bound_and_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_module, "STOP_TIMEOUT_S", 1.0)
    misbehave(bench.home, LIMA, deaf=True)
    bench.up()
    ended = bench.machine.down()
    assert ended == {RPC_NODE: Ended.STOPPED, TIANJIN: Ended.STOPPED, LIMA: Ended.KILLED}
    assert set(bench.pids().values()) == {None}
    assert all(is_free_port(bench.base + place) for place in range(20))


def test_an_interrupted_up_is_finished_by_the_next(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:

        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(Machine, "_await_answers", interrupted)
        with pytest.raises(KeyboardInterrupt):
            bench.up()
    pids = bench.pids()
    assert None not in pids.values()
    assert all(one.was_running for one in bench.up().values())
    assert bench.pids() == pids
    assert bench.open_keys() == []


def test_an_up_that_is_interrupted_while_it_starts_leaves_no_process_unknown(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from greenlane_node import process as process_module

    began: list[int] = []

    def interrupted(_path: Path, data: bytes) -> None:
        began.append(int(json.loads(data)["pid"]))
        raise KeyboardInterrupt

    monkeypatch.setattr(process_module, "replace_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bench.up()
    assert [start_time(pid) for pid in began] == [None]
    assert bench.open_keys() == []


def test_one_node_alone_is_ended_and_started(bench: Bench) -> None:
    bench.up()
    pids = bench.pids()
    assert bench.machine.down([LIMA]) == {LIMA: Ended.STOPPED}
    assert {**pids, LIMA: None} == bench.pids()
    assert tuple(bench.up(RPC_NODE)) == (RPC_NODE,)
    assert any("validator-lima does not run" in line for line in bench.told)
    assert not bench.up(LIMA)[LIMA].was_running
    assert {**bench.pids(), LIMA: None} == {**pids, LIMA: None}
    for act in (lambda: bench.up("validator-oslo"), lambda: bench.machine.down(["validator-oslo"])):
        with pytest.raises(NotFound, match="validator-oslo") as caught:
            act()
        assert "validator-lima" in caught.value.remedy


def test_a_restart_is_of_all_validators_together_and_of_nobody_else(bench: Bench) -> None:
    bench.up()
    before = bench.pids()
    states = bench.machine.restart(bench.programs)
    assert [one.name for one in states] == [LIMA, TIANJIN]
    after = bench.pids()
    assert after[RPC_NODE] == before[RPC_NODE]
    assert all(after[name] not in (None, before[name]) for name in (LIMA, TIANJIN))
    words = ("asked to end", "started")
    ended, started = ([at for at, line in enumerate(bench.told) if word in line and "validator" in line] for word in words)
    assert max(ended) < min(started[-2:])


def test_a_node_whose_key_is_elsewhere_is_not_started(bench: Bench) -> None:
    (bench.home / "keys" / "lima-validator.json").rename(bench.home / "elsewhere.json")
    with pytest.raises(NotFound, match="The key of validator-lima"):
        bench.up()
    assert bench.pid(LIMA) is None


def test_the_rpc_node_wants_a_token_and_is_asked_with_it(bench: Bench) -> None:
    bench.up()
    url = f"http://127.0.0.1:{bench.base + 4}"
    assert NodeRpc(url, token_file=NetworkLayout(Home(bench.home)).token(RPC_NODE)).call("eth_chainId") == hex(20_262)
    with pytest.raises(NodeRefused):
        NodeRpc(url).call("eth_chainId")


def test_documents_nodes_are_prepared_once_started_and_ended(tmp_path: Path, path: Path) -> None:
    bench = make_bench(tmp_path / "home", path, documents=2)
    try:
        states = bench.up()
        documents = {one.name: (one.peers, one.head) for one in states.values() if one.kind is NodeKind.DOCUMENTS}
        assert documents == {"documents-lima": (1, None), "documents-tianjin": (1, None)}
        assert bench.machine.down(["documents-lima"]) == {"documents-lima": Ended.STOPPED}
        assert not bench.up("documents-lima")["documents-lima"].was_running
        assert set(bench.machine.down().values()) == {Ended.STOPPED}
    finally:
        end_all(bench)


def test_two_who_start_at_once_start_everything_once(bench: Bench, path: Path) -> None:
    command = [sys.executable, "-m", "greenlane_node", "up", "--home", str(bench.home), "--json", "--no-wait"]
    environment = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}"}
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) for _ in range(2)]
    rows = [json.loads(one.communicate(timeout=60)[0]) for one in both]
    assert [one.returncode for one in both] == [0, 0]
    assert [row["pid"] for row in rows[0]] == [row["pid"] for row in rows[1]]
    assert sorted({row["was_running"] for row in one} == {True} for one in rows) == [False, True]


def test_options_in_the_environment_do_not_reach_a_node(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {**os.environ, "BESU_RPC_HTTP_PORT": "1", "KEPT": "yes"}
    machine = Machine(Home(bench.home), environment=environment, tell=bench.told.append)
    machine.up(replace(bench.programs, memory_mb=512), [LIMA], is_waiting=False)
    pid = bench.pid(LIMA)
    given = Path(f"/proc/{pid}/environ")
    if given.exists():
        names = {line.partition(b"=")[0] for line in given.read_bytes().split(b"\0")}
        assert b"BESU_OPTS=-Xmx512m" in given.read_bytes()
        assert {b"KEPT", b"BESU_OPTS", b"LOG4J_CONFIGURATION_FILE"} <= names
        assert b"BESU_RPC_HTTP_PORT" not in names


# What processes are


def test_a_process_ends_with_all_that_it_started(tmp_path: Path) -> None:
    script = "trap '' TERM; sleep 1000 & echo $! > child; echo ready; wait"
    process = start_process(["/bin/sh", "-c", script], record=tmp_path / "run.json", log=tmp_path / "log", directory=tmp_path)
    assert wait_until(lambda: (tmp_path / "log").read_text() == "ready\n", 5)
    child = int((tmp_path / "child").read_text())
    assert recorded_process(tmp_path / "run.json") == process
    os.kill(process.pid, signal.SIGKILL)
    assert wait_until(lambda: not process.is_running(), 5)
    # The first of the group is gone, and what it started is not.
    assert not process.has_ended()
    process.kill_rest()
    assert wait_until(process.has_ended, 5)
    assert start_time(child) is None


def test_nothing_is_sent_to_a_process_that_is_not_the_one(tmp_path: Path) -> None:
    process = start_process(["/bin/sleep", "1000"], record=tmp_path / "run.json", log=tmp_path / "log")
    OwnProcess(pid=process.pid, started="1").send(signal.SIGKILL)
    assert not wait_until(process.has_ended, 0.3)
    process.send(signal.SIGTERM)
    assert wait_until(process.has_ended, 5)


# Programs


@pytest.mark.parametrize(
    ("java", "besu", "said"),
    [
        ("17.0.15", "26.8.0", "is version 17.0.15; 25 or later is wanted"),
        ("25", "26.7.1", "is version 26.7.1; 26.8.0 or later is wanted"),
        ("25", "24", "is version 24.0.0; 26.8.0 or later is wanted"),
        ("one", "26.8.0", "does not tell its version"),
    ],
)
def test_a_program_that_is_too_old_is_refused_with_what_is_wanted(tmp_path: Path, java: str, besu: str, said: str) -> None:
    folder = stand_in_programs(tmp_path, java=java, besu=besu)
    with pytest.raises(ProgramMissing, match=said) as caught:
        find_programs(environment=on_path(folder), besu=None, ipfs=None, needs_besu=True, needs_ipfs=False)
    assert "Get " in caught.value.remedy


def test_newer_programs_and_named_ones_are_taken(tmp_path: Path) -> None:
    folder = stand_in_programs(tmp_path, java="26.0.1", besu="27.1.0")
    (tmp_path / "aside").mkdir()
    named = (folder / "besu").rename(tmp_path / "aside" / "my-besu")
    found = find_programs(environment=on_path(folder), besu=named, ipfs=None, needs_besu=True, needs_ipfs=True)
    assert found == Programs(besu=named, ipfs=folder / "ipfs")


def test_what_is_missing_is_named_with_the_way_to_get_it(tmp_path: Path) -> None:
    for needs_besu, word in ((True, "besu"), (False, "ipfs")):
        with pytest.raises(ProgramMissing, match=f"no `{word}` on PATH") as caught:
            find_programs(
                environment={"PATH": str(tmp_path)}, besu=None, ipfs=None, needs_besu=needs_besu, needs_ipfs=not needs_besu
            )
        assert "https://" in caught.value.remedy
    (tmp_path / "besu").write_text("#!/bin/sh\n")
    with pytest.raises(ProgramMissing, match="There is no program at"):
        find_programs(environment={"PATH": str(tmp_path)}, besu=tmp_path / "besu", ipfs=None, needs_besu=True, needs_ipfs=False)


def test_a_program_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs_module, "_ANSWER_S", 0.3)
    (tmp_path / "ipfs").write_text("#!/bin/sh\nexec sleep 100\n")
    (tmp_path / "ipfs").chmod(0o755)
    with pytest.raises(ProgramMissing, match=r"does not answer within 0\.3 s"):
        find_programs(environment=on_path(tmp_path), besu=None, ipfs=None, needs_besu=False, needs_ipfs=True)


def on_path(folder: Path) -> dict[str, str]:
    return {"PATH": f"{folder}:/usr/bin:/bin"}


# Logs


def test_a_log_is_read_from_its_end_and_on_and_steers_no_terminal(tmp_path: Path) -> None:
    log = tmp_path / "node.log"
    reader = LogReader(log)
    assert (reader.last(5), reader.new(), last_lines(log, 5)) == ([], [], [])
    log.write_bytes(b"one\ntwo\x1b[2J\n\xff three\n")
    assert last_lines(log, 2) == ["two [2J", "� three"]
    assert last_lines(log, 0) == []
    assert reader.last(1) == ["� three"]
    with log.open("ab") as more:
        more.write(b"four\nfi")
        more.flush()
        assert reader.new() == ["four"]
        more.write(b"ve\n")
        more.flush()
        assert reader.new() == ["five"]
    log.rename(tmp_path / "node.log.1")
    log.write_bytes(b"anew\n")
    assert reader.new() == ["anew"]


# The command line


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, Any]:
    code = main([str(part) for part in arguments])
    out, err = capsys.readouterr()
    return code, json.loads(out or err) if "--json" in arguments else out + err


def test_the_command_line_makes_a_network_starts_tells_and_ends_it(
    tmp_path: Path, path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("PATH", f"{path}:{os.environ['PATH']}")
    of = ("--home", home, "--json")
    try:
        code, rows = run(capsys, "up", "--local", "2", "--port", str(free_base(20)), "--without-documents", *of)
        assert (code, [row["node"] for row in rows]) == (0, list(NODES))
        # One JSON value and nothing else on either stream; a second run tells that nothing was new.
        code, again = run(capsys, "up", *of)
        assert (code, [row["was_running"] for row in again]) == (0, [True] * 3)
        code, told = run(capsys, "up", "--local", "3", *of)
        assert (code, told["errors"][0]["code"]) == (2, "conflict")
        code, text = run(capsys, "logs", LIMA, "--lines", "1", "--home", home)
        assert (code, f"{LIMA} answers on" in text, text.count("\n")) == (0, True, 1)
        code, text = run(capsys, "logs", "--home", home)
        assert all(f"{name} | " in text for name in NODES)
        code, rows = run(capsys, "down", "--node", LIMA, *of)
        assert (code, rows) == (0, [{"node": LIMA, "ended": "stopped"}])
        code, rows = run(capsys, "restart", *of)
        assert (code, [row["node"] for row in rows]) == (0, [LIMA, TIANJIN])
        code, text = run(capsys, "down", "--home", home)
        assert (code, text.count("stopped")) == (0, 3)
    finally:
        main(["down", "--home", str(home)])


def test_without_programs_nothing_is_made_and_the_code_is_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    code, told = run(capsys, "up", "--local", "4", "--home", tmp_path / "home", "--json")
    assert (code, told["errors"][0]["code"]) == (3, "program-missing")
    assert "26.8.0" in told["errors"][0]["remedy"]
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("command", ["up", "down", "restart", "logs"])
def test_a_folder_without_nodes_is_told_so(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = run(capsys, command, "--home", tmp_path)
    assert code == 2
    assert "This folder has no node to run." in text
    assert "up --local 4" in text


def test_what_cannot_be_a_network_is_refused_before_anything_runs(
    tmp_path: Path, path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{path}:{os.environ['PATH']}")
    numbers = ("--local 0", "--local 22", "--local -1")
    for wrong in (*numbers, "--local 4 --port 70000", "--local 4 --port 0", "--local 4 --block-time 0"):
        arguments = wrong.split()
        code, told = run(capsys, "up", *arguments, "--home", tmp_path / "home", "--without-documents", "--json")
        assert (code, bool(told["errors"]), (tmp_path / "home" / "run").exists()) == (2, True, False), wrong
    (tmp_path / "network.json").write_text("{}")
    (tmp_path / "embedded.json").write_text("{}")
    code, told = run(capsys, "up", "--local", "4", "--home", tmp_path, "--without-documents", "--json")
    assert (code, told["errors"][0]["code"]) == (2, "another-plan")


def test_a_network_that_was_not_made_to_its_end_is_finished(
    tmp_path: Path, path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench(tmp_path / "home", path)
    monkeypatch.setenv("PATH", f"{path}:{os.environ['PATH']}")
    (bench.home / "network.json").unlink()
    (bench.home / "besu" / LIMA / "log.xml").unlink()
    keys = {one.name: one.read_bytes() for one in (bench.home / "keys").iterdir()}
    try:
        code, rows = run(capsys, "up", "--local", "2", "--without-documents", "--no-wait", "--home", bench.home, "--json")
        assert (code, [row["node"] for row in rows]) == (0, list(NODES))
        assert (bench.home / "network.json").exists()
        assert (bench.home / "besu" / LIMA / "log.xml").exists()
        assert {one.name: one.read_bytes() for one in (bench.home / "keys").iterdir()} == keys
    finally:
        end_all(bench)


def test_logs_in_json_are_one_object_a_line_and_a_silent_node_is_told(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    log = bench.home / "logs" / f"{LIMA}.log"
    log.parent.mkdir(exist_ok=True)
    log.write_text("first\nsecond\n")
    assert main(["logs", LIMA, "--lines", "1", "--home", str(bench.home), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"node": LIMA, "line": "second"}
    assert main(["logs", TIANJIN, "--home", str(bench.home)]) == 0
    assert f"{TIANJIN} has said nothing yet" in capsys.readouterr().err


def test_logs_are_followed(bench: Bench, path: Path) -> None:
    bench.up(LIMA, is_waiting=False)
    log = bench.home / "logs" / f"{LIMA}.log"
    command = [sys.executable, "-m", "greenlane_node", "logs", LIMA, "--follow", "--lines", "0", "--home", str(bench.home)]
    # What runs in the background ignores Ctrl-C, and hands that down; with a handler here the child begins with the usual one.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, before)
    with child:
        try:
            assert child.stdout is not None
            deadline = time.monotonic() + 20
            line = ""
            os.set_blocking(child.stdout.fileno(), False)
            while not line and time.monotonic() < deadline:
                with log.open("a") as more:
                    more.write("a new word\n")
                time.sleep(0.2)
                line = child.stdout.readline()
            child.send_signal(signal.SIGINT)
            assert child.wait(10) == 130
        finally:
            child.kill()
    assert line == "a new word\n"
