"""A document of 200 MB goes in, is stored, and comes out, in the memory of a few pieces: measured in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

_TESTS = Path(__file__).parents[2]
_GROWTH_BYTES = 48 * 1024 * 1024
_SCRIPT = """
import hashlib, resource, sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
import httpx
from greenlane.adapters.blocks import BlockStore
from greenlane.adapters.media_types import SniffedTypes
from greenlane.services.fetch import FetchDocument
from greenlane.services.store import StoreDocument
from greenlane.settings import read_settings
from worlds.deployment import make_world
from worlds.web import serve

def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

folder = Path(sys.argv[1])
world = make_world(folder)
blocks = BlockStore(folder / "documents")
world = replace(
    world,
    fetch_document=FetchDocument(store=world.store, documents=blocks, wait_s=None),
    store_document=StoreDocument(
        store=world.store, staging=world.staging, documents=blocks, media_types=SniffedTypes(read_settings({}).document_types),
        clock=world.clock, entropy=world.entropy, max_unpublished=9,
    ),
)
MIB = bytes(range(256)) * 4096

def document(mebibytes: int) -> Iterator[bytes]:
    yield b"%PDF-"
    for number in range(mebibytes):
        yield number.to_bytes(8, "big") + MIB[8:]

def round_trip(site, mebibytes: int) -> None:
    length = 5 + mebibytes * len(MIB)
    tus = {"Tus-Resumable": "1.0.0", "Authorization": f"Bearer {site.member}"}
    path = site.client.post(site.url + "/v1/uploads", headers=tus | {"Upload-Length": str(length)}).headers["Location"]
    part = tus | {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream", "Content-Length": str(length)}
    answer = site.client.patch(site.url + path, headers=part, content=document(mebibytes))
    assert answer.headers["Upload-Offset"] == str(length), answer.text
    about = {"mediaType": "application/pdf", "name": "a.pdf", "documentType": "audit", "about": ["https://id.gs1.org/01/09521321000018"]}
    body = {"upload": path.rpartition("/")[2], "description": about}
    stored = site.client.post(site.url + "/v1/documents", headers=tus, json=body, timeout=120).json()
    came, wanted = hashlib.sha256(), hashlib.sha256()
    for suffix in ("", "?format=car"):
        with site.client.stream("GET", site.url + "/v1/documents/" + stored["description"]["cid"] + suffix) as answer:
            for piece in answer.iter_bytes():
                if not suffix:
                    came.update(piece)
    for piece in document(mebibytes):
        wanted.update(piece)
    assert came.digest() == wanted.digest()

with serve(world) as site:
    round_trip(site, 2)
    before = peak()
    round_trip(site, 200)
    print(peak() - before)
"""


@pytest.mark.slow
def test_memory_is_flat_however_large_the_document(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _SCRIPT, str(tmp_path)]
    done = subprocess.run(command, cwd=_TESTS, env=_environment(), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < _GROWTH_BYTES


def _environment() -> dict[str, str]:
    return {"PYTHONPATH": str(_TESTS), "PATH": "/usr/bin:/bin"}
