"""What the crash runs look for in documents is found: each check bites on the one fault that it is there for."""

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from greenlane.adapters.home import Home
from greenlane.adapters.staging import StagingFolder
from greenlane.bootstrap import Deployment, open_deployment
from greenlane.cli.server import Answer
from greenlane.core.crypto import sha256
from greenlane.core.units import LeafIndex
from greenlane.ports.accounts import MemberRole, Visibility
from greenlane.settings import read_settings
from worlds.deployment import COOPERATIVE, LIMA
from worlds.home import make_home

from scripts.chaos_documents import (
    DocumentsBroken,
    Kept,
    Shelf,
    Storer,
    check_bytes,
    check_nothing_half_stored,
    check_served,
    look_at_documents,
)

KEY = "00112233445566aa"
TEXTS = (b"one page\n", b"another page\n")


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    with open_deployment(read_settings({"GREENLANE_HOME": str(make_home(tmp_path / "home"))})) as opened:
        opened.enrol.member(
            center=LIMA,
            member=COOPERATIVE,
            name="Cooperative",
            roles=frozenset({MemberRole.ENTERPRISE}),
            visibility=Visibility.PUBLIC,
            actor="console",
        )
        yield opened


@pytest.fixture
def shelf(deployment: Deployment) -> Shelf:
    return Shelf(kept=[store(deployment, text) for text in TEXTS])


def begin(deployment: Deployment, data: bytes) -> str:
    begun = deployment.receive_upload.begin(center=LIMA, member=COOPERATIVE, key_id=KEY, length=len(data))
    deployment.receive_upload.append(begun.upload.id, key_id=KEY, offset=0, pieces=[data])
    return begun.upload.id


def store(deployment: Deployment, data: bytes) -> Kept:
    stored = deployment.store_document(
        begin(deployment, data),
        {
            "mediaType": "text/plain",
            "name": "page.txt",
            "documentType": "other",
            "about": ["https://id.gs1.org/01/09521201000015"],
        },
        center=LIMA,
        key_id=KEY,
        actor="console",
    )
    return Kept(center=LIMA, cid=stored.description.cid, leaf_index=stored.leaf_index, digest=sha256(data), replaces=None)


def test_a_deployment_without_a_fault_passes_and_an_upload_under_way_is_none(deployment: Deployment, shelf: Shelf) -> None:
    begin(deployment, b"half of it")
    look_at_documents(deployment, shelf)
    check_bytes(deployment)
    check_nothing_half_stored(deployment, shelf)
    assert StagingFolder(Home(deployment.settings.home).uploads).ids() == []


def test_an_acknowledged_document_that_stands_elsewhere_or_twice_is_found(deployment: Deployment, shelf: Shelf) -> None:
    first, second = shelf.kept
    for wrong in (
        replace(first, leaf_index=second.leaf_index),
        replace(first, leaf_index=LeafIndex(9)),
        replace(first, digest=bytes(32)),
    ):
        with pytest.raises(DocumentsBroken, match="was acknowledged as entry"):
            look_at_documents(deployment, Shelf(kept=[wrong, second]))
    with pytest.raises(DocumentsBroken, match="as one entry"):
        look_at_documents(deployment, Shelf(kept=[first, second, second]))


def test_bytes_that_rot_or_are_gone_are_found(deployment: Deployment, shelf: Shelf) -> None:
    files = [
        file for file in Home(deployment.settings.home).documents.rglob("*") if file.is_file() and file.read_bytes() == TEXTS[0]
    ]
    assert files
    for file in files:
        file.chmod(0o600)
        file.write_bytes(TEXTS[0].upper())
    with pytest.raises(DocumentsBroken, match="fsck --documents"):
        check_bytes(deployment)


def _pin_what_is_nobodys(deployment: Deployment, _shelf: Shelf) -> None:
    deployment.documents.add(io.BytesIO(b"nobody's\n"))


def _store_in_silence(deployment: Deployment, _shelf: Shelf) -> None:
    store(deployment, b"a third\n")


def _acknowledge_what_is_not(_deployment: Deployment, shelf: Shelf) -> None:
    shelf.kept.append(replace(shelf.kept[0], leaf_index=LeafIndex(9)))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (_pin_what_is_nobodys, "0 wanted documents are not pinned, 1 pinned ones not wanted"),
        (_store_in_silence, "1 documents are wanted and were not acknowledged"),
        (_acknowledge_what_is_not, "does not hold each acknowledged statement once"),
    ],
)
def test_what_is_left_or_missing_is_found(
    deployment: Deployment, shelf: Shelf, fault: Callable[[Deployment, Shelf], object], words: str
) -> None:
    fault(deployment, shelf)
    with pytest.raises(DocumentsBroken, match=words):
        check_nothing_half_stored(deployment, shelf)


def test_the_file_of_an_upload_that_is_over_is_found(
    deployment: Deployment, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = begin(deployment, b"half of it")
    with deployment.store.write() as tx:
        tx.uploads.drop(upload_id)
    monkeypatch.setattr(StagingFolder, "drop", lambda *_: None)
    with pytest.raises(DocumentsBroken, match="is left, and the upload is over"):
        check_nothing_half_stored(deployment, shelf)


def test_other_bytes_a_bad_receipt_and_a_withdrawn_document_that_is_still_there_are_found(
    deployment: Deployment, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(deployment.settings.home)
    storer = Storer(LIMA, key_file=home.directory / "none", url="http://127.0.0.1:7", shelf=shelf, seed=1, is_secret=False)

    def check(document: bytes, kept: list[Kept]) -> None:
        def answer(_args: object, _method: str, path: str) -> Answer:
            return Answer(status=200, headers={}, body=b"{}" if path.endswith("/receipt") else document)

        monkeypatch.setattr("scripts.chaos_documents.send", answer)
        check_served(Shelf(kept=kept), {LIMA: storer}, trust_file=home.trust_file, rpc_url="http://127.0.0.1:7")

    first, second = shelf.kept
    with pytest.raises(DocumentsBroken, match="is served as other bytes"):
        check(TEXTS[1], [first])
    with pytest.raises(DocumentsBroken, match="with its file: failed"):
        check(TEXTS[0], [first])
    with pytest.raises(DocumentsBroken, match="was withdrawn, and is not gone"):
        check(TEXTS[0], [first, replace(second, replaces=first.cid)])
