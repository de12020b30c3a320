"""`greenlane hash`: one hash a line in the order of the events, and a fault in one line that names its place."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from greenlane.core.canonical import parse_json
from greenlane.core.epcis.event import parse_capture
from greenlane.core.epcis.eventhash import CbvVersion, event_hash, prehash
from worlds.events import event_document

CHAIN = Path(__file__).parents[3] / "scripts" / "demo" / "chains" / "cocoa" / "valle-esmeralda.jsonld"


def expected(make: Callable[..., str], version: CbvVersion) -> list[str]:
    return [make(event.document, version) for event in parse_capture(parse_json(CHAIN.read_bytes()))]


@pytest.mark.parametrize("version", CbvVersion)
def test_each_event_has_one_line_in_its_order(run: Any, version: CbvVersion) -> None:
    told = run("hash", CHAIN, "--version", version.value)
    assert (told.code, told.err) == (0, "")
    assert told.out.splitlines() == expected(event_hash, version)
    as_json = run("hash", CHAIN, "--version", version.value, "--json")
    assert json.loads(as_json.out) == expected(event_hash, version)


def test_what_is_hashed_can_be_seen(run: Any) -> None:
    told = run("hash", CHAIN, "--prehash", "--json")
    assert json.loads(told.out) == expected(prehash, CbvVersion.V2_0)


def test_standard_input_is_a_file_too(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(event_document(1)).encode())))
    told = run("hash", "-")
    assert told.out.strip() == event_hash(event_document(1))


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "JSON"),
        (b"{", ""),
        (b"\xff\xfe", "UTF-8"),
        (b"[]", ""),
        (b"[" * 100_000, ""),
        (b'{"a":1,"a":2}', "a"),
        (b"9" * 5_000, ""),
        (json.dumps(event_document(1, eventTime="yesterday")).encode(), "/eventTime"),
        (json.dumps(event_document(1, epcList=["https://id.gs1.org/01/09521321000019/21/1"])).encode(), "/epcList/0"),
    ],
    ids=["empty", "cut off", "no text", "a list", "deep", "a key twice", "a giant number", "no time", "a wrong check digit"],
)
def test_what_is_no_event_is_refused_in_one_line_with_its_place(
    refused: Callable[..., str], run: Any, tmp_path: Path, content: bytes, named: str
) -> None:
    file = tmp_path / "events.jsonld"
    file.write_bytes(content)
    assert named in refused("hash", file)
    told = run("hash", file, "--json")
    (fault,) = json.loads(told.err)["errors"]
    assert (told.code, told.out) == (2, "")
    assert fault["code"]
    assert fault["detail"]


def test_every_fault_of_a_document_gets_its_line(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "event.jsonld"
    file.write_text(json.dumps(event_document(1, eventTime="x", action="EAT", eventTimeZoneOffset="noon")))
    told = run("hash", file)
    assert told.code == 2
    assert [line.split(":")[1].strip() for line in told.err.splitlines()] == ["/eventTime", "/eventTimeZoneOffset", "/action"]


def test_files_that_cannot_be_read_are_named(refused: Callable[..., str], tmp_path: Path) -> None:
    for name in (tmp_path / "none", tmp_path, "a\0b"):
        assert "cannot" in (line := refused("hash", name)) or "No such" in line or "directory" in line or "no name" in line


def test_a_reader_that_leaves_early_is_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "event.jsonld"
    events = [{name: value for name, value in event_document(n).items() if name != "@context"} for n in range(3_000)]
    file.write_text(
        json.dumps(
            {
                "@context": event_document(1)["@context"],
                "type": "EPCISDocument",
                "schemaVersion": "2.0",
                "creationDate": "2026-06-01T00:00:00Z",
                "epcisBody": {"eventList": events},
            }
        )
    )
    with subprocess.Popen(
        [sys.executable, "-m", "greenlane", "hash", str(file)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"ni:///sha-256;")
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_a_terminal_that_knows_ascii_only_gets_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "event.jsonld"
    document = event_document(1, **{"example:note": "ñandú"})
    document["@context"] = [document["@context"], {"example": "https://example.org/"}]
    file.write_text(json.dumps(document))
    done = subprocess.run(
        [sys.executable, "-m", "greenlane", "hash", str(file), "--prehash"],
        env={"PYTHONIOENCODING": "ascii", "PATH": "/usr/bin"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\xf1and\\xfa" in done.stdout
