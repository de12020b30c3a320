"""Documents while everything is killed: members who store them as `greenlane document add` does, and what must hold then.

One center's member stores public documents, and states one again now and then; the other's encrypts its own, and each takes the
place of the one before, so that withdrawing and unpinning are struck too. Some have several pieces. A command that got no answer
is given again and goes on where its note says, until the center says that it stored: from then on the document counts.
"""

import argparse
import io
import random
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyrage  # type: ignore[import-untyped]
from greenlane.adapters.home import Home
from greenlane.adapters.staging import StagingFolder
from greenlane.bootstrap import Deployment
from greenlane.cli.document.answers import read_stored
from greenlane.cli.document.progress import Progress
from greenlane.cli.document.uploading import upload_and_store
from greenlane.cli.document.waiting import Patience
from greenlane.cli.server import ServerAway, ServerRefused, send
from greenlane.core.canonical import JsonValue
from greenlane.core.crypto import sha256
from greenlane.core.documents.cid import Cid
from greenlane.core.documents.description import AGE_FORMAT
from greenlane.core.documents.unixfs import identify
from greenlane.core.errors import GreenlaneError
from greenlane.core.trust import parse_trust_file
from greenlane.core.units import CenterId, LeafIndex
from greenlane.core.wire import encode_hex
from greenlane.services.sweep_uploads import SweepUploads
from greenlane.verify.ladder import Verdict, given_file, judge
from greenlane.verify.nodes import JsonRpcNode

_MIB = 1_048_576
_IN_ONE_PIECE = (1_000, 600_000)
_IN_SEVERAL = (4 * _MIB + 1, 9 * _MIB)
_SEVERAL_OF_TEN = 1
_AGAIN_OF_TEN = 1
_PAGE = 500
_ROUNDS = 1_000
_GONE = 410


class DocumentsBroken(Exception):
    """A promise about documents was broken; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One document whose storing was acknowledged.

    Attributes:
        digest: SHA-256 of what a person holds.
        replaces: what it took the place of.
    """

    center: CenterId
    cid: Cid
    leaf_index: LeafIndex
    digest: bytes
    replaces: Cid | None


@dataclass(slots=True)
class Shelf:
    """What was acknowledged, in that order, and how often a command had to be given again."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    kept: list[Kept] = field(default_factory=list)
    repeats: int = 0


class Storer(threading.Thread):
    """Stores one document after another until it is told to stop, and brings the last one to its end."""

    def __init__(self, center: CenterId, *, key_file: Path, url: str, shelf: Shelf, seed: int, is_secret: bool) -> None:
        super().__init__(name=f"documents of {center}", daemon=True)
        self.center = center
        self.args = argparse.Namespace(url=url, key_file=str(key_file), json=True, member=None)
        self.fault: str | None = None
        self._shelf = shelf
        self._random = random.Random(seed)
        self._secret = pyrage.x25519.Identity.generate() if is_secret else None
        self._last: Cid | None = None
        self._stop_asked = threading.Event()

    def stop(self) -> None:
        self._stop_asked.set()

    def run(self) -> None:
        number = 0
        while not self._stop_asked.is_set() and self.fault is None:
            number += 1
            several = self._random.randrange(10) < _SEVERAL_OF_TEN
            size = self._random.randint(*(_IN_SEVERAL if several else _IN_ONE_PIECE))
            plain = self._random.randbytes(size // 2).hex().encode()
            kept = self._store(plain, number)
            if kept is not None and self._secret is None and self._random.randrange(10) < _AGAIN_OF_TEN:
                again = self._store(plain, number)
                if again is not None and again.leaf_index != kept.leaf_index:
                    self.fault = f"the same statement about {kept.cid.text} is entry {kept.leaf_index} and {again.leaf_index}"
            time.sleep(self._random.uniform(0.1, 0.6))

    def open(self, data: bytes) -> bytes:
        """What a person holds of stored bytes."""
        return data if self._secret is None else bytes(pyrage.decrypt(data, [self._secret]))

    def _store(self, plain: bytes, number: int) -> Kept | None:
        """Gives one command until it is answered; None where the answer was no."""
        data = plain
        confidential: dict[str, JsonValue] | None = None
        if self._secret is not None:
            data = pyrage.encrypt(plain, [self._secret.to_public()])
            reader: dict[str, JsonValue] = {"recipient": str(self._secret.to_public()), "name": None}
            confidential = {"format": AGE_FORMAT, "digest": encode_hex(sha256(data)), "readers": [reader]}
        cid, size, _ = identify([data])
        replaces = None if self._secret is None else self._last
        description: dict[str, JsonValue] = {
            "cid": cid.text,
            "size": size,
            "digest": encode_hex(sha256(plain)),
            "mediaType": "text/plain",
            "name": f"paper-{number}.txt",
            "documentType": "other",
            "issuer": None,
            "issuedOn": None,
            "about": [f"https://id.gs1.org/01/09521201000015/10/{number}"],
            "confidential": confidential,
            "replaces": None if replaces is None else replaces.text,
        }
        while self.fault is None:
            # Somebody who waits while the server is away, and somebody who has the command broken off at once.
            patience = Patience(limit_s=self._random.choice((0, 3)), progress=Progress("sent", size, is_quiet=True))
            try:
                answer = upload_and_store(
                    self.args,
                    io.BytesIO(data),
                    size=size,
                    cid=cid,
                    description=description,
                    patience=patience,
                    is_resumable=True,
                )
                said = read_stored(answer)
            except ServerAway:
                with self._shelf.lock:
                    self._shelf.repeats += 1
                time.sleep(0.2)
            except GreenlaneError as refusal:
                self.fault = f"a document of {self.center} was refused: {refusal.code}: {refusal.detail}"
            else:
                kept = Kept(
                    center=self.center,
                    cid=said.description.cid,
                    leaf_index=LeafIndex(said.leaf_index),
                    digest=sha256(plain),
                    replaces=replaces,
                )
                if kept.cid != cid:
                    self.fault = f"{cid.text} was sent, and {kept.cid.text} is said to be stored"
                with self._shelf.lock:
                    if kept not in self._shelf.kept[-8:]:
                        self._shelf.kept.append(kept)
                self._last = cid
                return kept
        return None


def look_at_documents(deployment: Deployment, shelf: Shelf, *, newest: int | None = 50) -> None:
    """Every acknowledged statement stands at the place that was told, and nowhere else.

    Raises:
        DocumentsBroken: one does not.
    """
    with shelf.lock:
        promised = list(shelf.kept)
    with deployment.store.read() as tx:
        for kept in promised if newest is None else promised[-newest:]:
            stored = tx.documents.at(kept.center, kept.leaf_index)
            if stored is None or stored.description.cid != kept.cid or stored.description.digest != kept.digest:
                raise DocumentsBroken(f"{kept.cid.text} was acknowledged as entry {kept.leaf_index} of {kept.center}, and is not")
    places = [(kept.center, kept.leaf_index) for kept in promised]
    if len(set(places)) != len(places):
        raise DocumentsBroken("two documents were acknowledged as one entry")


def check_bytes(deployment: Deployment) -> None:
    """Every block of every document that is wanted is there and sound.

    Raises:
        DocumentsBroken: one is not.
    """
    report = deployment.check.documents(progress=lambda *_: None)
    if report.faults:
        raise DocumentsBroken(f"fsck --documents: {report.faults[0]}")


def check_served(shelf: Shelf, storers: Mapping[CenterId, Storer], *, trust_file: Path, rpc_url: str) -> None:
    """Every acknowledged document is served byte for byte with a receipt that verifies; what was replaced in confidence is not.

    Raises:
        DocumentsBroken: one is not.
    """
    trust = parse_trust_file(trust_file.read_bytes())
    withdrawn = {kept.replaces for kept in shelf.kept}

    def check(kept: Kept) -> None:
        storer, name = storers[kept.center], f"{kept.cid.text} of {kept.center}"
        path = f"/v1/documents/{kept.cid.text}"
        if kept.cid in withdrawn:
            try:
                send(storer.args, "GET", path)
            except ServerRefused as refusal:
                if refusal.status == _GONE:
                    return
            raise DocumentsBroken(f"{name} was withdrawn, and is not gone")
        data = send(storer.args, "GET", path).body
        plain = storer.open(data)
        if identify([data])[0] != kept.cid or sha256(plain) != kept.digest:
            raise DocumentsBroken(f"{name} is served as other bytes")
        receipt = send(storer.args, "GET", f"{path}/receipt").body
        judgement = judge(receipt, trust, event=None, ask=[JsonRpcNode(rpc_url)], document=given_file([plain]))
        if judgement.verdict is not Verdict.PASSED:
            raise DocumentsBroken(f"the receipt of {name} with its file: {judgement.verdict.value}")

    with ThreadPoolExecutor(4) as together:
        list(together.map(check, shelf.kept))


def check_nothing_half_stored(deployment: Deployment, shelf: Shelf) -> None:
    """No process works any more: uploads that ended have no file, those that never end leave nothing, pins are what is wanted.

    Raises:
        DocumentsBroken: something is left, or missing, or in the log twice.
    """
    staging = StagingFolder(Home(deployment.settings.home).uploads)
    deployment.sweep_uploads()
    with deployment.store.read() as tx:
        for upload_id in staging.ids():
            upload = tx.uploads.get(upload_id)
            if upload is None or upload.stored_at is not None:
                raise DocumentsBroken(f"the file of upload {upload_id} is left, and the upload is over")
    # What expires in a day: as a worker finds it then.
    later = datetime.now(UTC) + timedelta(seconds=deployment.settings.upload_kept_s) + timedelta(days=1)
    SweepUploads(store=deployment.store, staging=staging, clock=lambda: later)()
    if staging.ids():
        raise DocumentsBroken(f"{len(staging.ids())} files of uploads outlive their time")
    if not any(deployment.reconcile() is not None for _ in range(_ROUNDS)):
        raise DocumentsBroken("comparing what is kept with what is wanted comes to no end")
    wanted, pinned = set(_wanted(deployment)), set(deployment.documents.pins())
    if wanted != pinned:
        raise DocumentsBroken(
            f"{len(wanted - pinned)} wanted documents are not pinned, {len(pinned - wanted)} pinned ones not wanted"
        )
    withdrawn = {kept.replaces for kept in shelf.kept}
    expected = {kept.cid for kept in shelf.kept} - withdrawn
    if wanted != expected:
        raise DocumentsBroken(f"{len(wanted ^ expected)} documents are wanted and were not acknowledged, or the other way round")
    for center in {kept.center for kept in shelf.kept}:
        promised = [kept.leaf_index for kept in shelf.kept if kept.center == center]
        if sorted(promised) != list(_statements(deployment, center)):
            raise DocumentsBroken(f"the log of {center} does not hold each acknowledged statement once, and no other")


def _wanted(deployment: Deployment) -> Iterator[Cid]:
    after: Cid | None = None
    while True:
        with deployment.store.read() as tx:
            page = tx.documents.wanted(after=after, limit=_PAGE)
        yield from (cid for cid, _ in page)
        if len(page) < _PAGE:
            return
        after = page[-1][0]


def _statements(deployment: Deployment, center: CenterId) -> Iterator[LeafIndex]:
    start = LeafIndex(0)
    while True:
        with deployment.store.read() as tx:
            page = tx.documents.walk(center, start=start, limit=_PAGE)
        yield from (stored.leaf_index for stored in page)
        if len(page) < _PAGE:
            return
        start = LeafIndex(page[-1].leaf_index + 1)
