"""The documents of the demo: stored, shared, taken back, fetched and checked, by the commands that members have.

The certificate lies about the lot, and the chocolate maker states the same file about its gift boxes: kept once, stated twice.
The audit report is encrypted on the cooperative's side; the server never has it plain.
"""

import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.demo.cast import BOSQUE, GIFT_BOX, JINHE, VALLE
from scripts.demo.cocoa import DRY_LOT
from scripts.demo.papers import AUDIT_REPORT, CERTIFICATE, PAPERS, READERS, TEST_RESULTS, Paper, pdf_of
from scripts.demo.story import Firm, digital_link
from scripts.demo.telling import DemoFailed, must_member, say, say_more, tell, tell_member

_TAKEN_FROM, _READER = READERS
OWNERS = (VALLE, BOSQUE, *READERS)
"""Who acts here, each by an API key of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """What was stored.

    Attributes:
        audit, old_audit: the newest version of the audit report, and the one that was taken back.
        link: address of the newest one and the key that opens it.
        statements: how many there are of all of them.
    """

    certificate: str
    results: str
    audit: str
    old_audit: str
    link: str
    statements: int


class Documents:
    """The members' side of the demo's documents."""

    def __init__(self, home: Path, *, keys: Mapping[str, Path], url: str) -> None:
        self._folder = home / "documents-of-members"
        self._folder.mkdir(mode=0o700)
        self._keys = keys
        self._url = url
        # Beside the user's own notes of uploads, not among them.
        os.environ["XDG_STATE_HOME"] = str(home / "state")
        for paper in PAPERS:
            self._file(paper).write_bytes(pdf_of(paper))

    def store(self, inspection: str) -> Shelf:
        """Stores all of them as their owners would, and takes the audit report back from one reader.

        Args:
            inspection: hash of the event that the test results are about.
        """
        own_key, *_ = [self._make_key(firm) for firm in (VALLE, *READERS)]
        certificate = self._add(VALLE, CERTIFICATE, digital_link(DRY_LOT))["cid"]
        results = self._add(BOSQUE, TEST_RESULTS, inspection)["cid"]
        if self._add(JINHE, CERTIFICATE, digital_link(GIFT_BOX.key))["cid"] != certificate:
            raise DemoFailed("the same certificate has another name when it is stated again")
        say("a certificate of the lot stored, test results of an event, and the certificate stated again for the gift boxes")
        say_more(f"{certificate}  {CERTIFICATE.name}, stated twice, kept once\n{results}  {TEST_RESULTS.name}")
        readers = [part for firm in READERS for part in ("--for", f"{firm.center.id}/{firm.id}")]
        shared = self._add(VALLE, AUDIT_REPORT, digital_link(DRY_LOT), *readers, "--with-link-key", "--own-identity", own_key)
        anew = json.loads(
            must_member(
                f"taking the audit report back from {_TAKEN_FROM.name}",
                "document", "revoke", shared["cid"], "--reader", f"{_TAKEN_FROM.center.id}/{_TAKEN_FROM.id}",
                *("--identity", own_key), *self._as(VALLE), "--json",
            )
        )  # fmt: skip
        say(f"an audit report encrypted by the cooperative for {len(READERS)} firms and a link, then taken back from one")
        say_more(
            f"{shared['cid']}  for {', '.join(firm.name for firm in READERS)}, and the link\n"
            f"{anew['cid']}  without {_TAKEN_FROM.name}; what was read stays read"
        )
        _, hash_sign, secret = shared["link"].partition("#")
        return Shelf(
            certificate=certificate,
            results=results,
            audit=anew["cid"],
            old_audit=shared["cid"],
            link=f"{anew['address']}{hash_sign}{secret}",
            statements=5,
        )

    def fetch(self, shelf: Shelf) -> None:
        """Fetches documents with their receipts, as anybody, as the reader by its key, and by the link alone."""
        self._get("certificate", shelf.certificate)
        self._get("audit", shelf.audit, "--identity", self._identity(_READER))
        self._get("audit-by-link", shelf.link)

    def check(self, shelf: Shelf, *, stranger: Path, trust: Path, rpc: str) -> None:
        """A stranger checks receipts with files and refuses a flipped bit; the reader that was left out has no way in."""
        flipped = self._folder / "flipped.pdf"
        data = pdf_of(CERTIFICATE)
        flipped.write_bytes(data[:1000] + bytes([data[1000] ^ 1]) + data[1001:])

        def verdict(receipt: str, file: Path) -> tuple[int, str]:
            told = tell(stranger, "verify", self._folder / f"{receipt}.json", "--trust", trust, "--rpc", rpc, "--document", file)
            return told.code, (told.out.splitlines() or [told.err])[-1]

        asked = (
            ("certificate", self._folder / "certificate.pdf", 0),
            ("audit", self._folder / "audit.pdf", 0),
            ("certificate", flipped, 1),
        )
        with ThreadPoolExecutor(3) as together:
            answers = list(together.map(lambda each: verdict(each[0], each[1]), asked))
        for (name, file, expected), (code, words) in zip(asked, answers, strict=True):
            if code != expected:
                raise DemoFailed(f"the stranger's exit code for {name} with {file.name} is {code}:\n{words}")
        if self._folder.joinpath("audit-by-link.pdf").read_bytes() != pdf_of(AUDIT_REPORT):
            raise DemoFailed("the link opens something else than the audit report")
        self._require_locked_out(shelf)
        say("the stranger checks the certificate and the audit report with their files", "exit code 0")
        say_more("\n".join(words for code, words in answers if code == 0))
        say_more(f"One bit of the certificate flipped: {answers[2][1]}")
        say(f"{_READER.name} and whoever has the link decrypt the report; {_TAKEN_FROM.name} is left out of the new version")

    def _require_locked_out(self, shelf: Shelf) -> None:
        """The reader that was left out opens neither the new version nor gets the old one."""
        identity = self._identity(_TAKEN_FROM)
        for cid, words in ((shelf.audit, "key-does-not-open"), (shelf.old_audit, "was withdrawn")):
            told = tell_member(
                "document", "get", cid, "-o", self._folder / "not-to-be.pdf", "--identity", identity, "--json",
                "--url", self._url,
            )  # fmt: skip
            if told.code == 0 or words not in told.err:
                raise DemoFailed(f"{_TAKEN_FROM.name} asks for {cid} (exit code {told.code}):\n{told.out}{told.err}")

    def _make_key(self, firm: Firm) -> Path:
        """The firm makes a key on its machine; whoever others share with tells its center the public half."""
        file = self._identity(firm)
        must_member(f"making the key of {firm.name}", "document", "keygen", "-o", file, "--plain")
        if firm in READERS:
            must_member(
                f"telling the center the key of {firm.name}",
                "document", "register-key", "--identity", file, *self._as(firm),
            )  # fmt: skip
        return file

    def _add(self, firm: Firm, paper: Paper, about: str, *more: str | Path) -> dict[str, Any]:
        told = must_member(
            f"{firm.name} stores {paper.name}",
            "document", "add", self._file(paper), "--about", about, "--type", paper.document_type,
            "--issuer", paper.issuer, "--issued-on", paper.issued_on, *more, *self._as(firm), "--json",
        )  # fmt: skip
        return dict(json.loads(told))

    def _get(self, name: str, document: str, *more: str | Path) -> None:
        must_member(
            f"fetching {name}",
            "document", "get", document, "-o", self._folder / f"{name}.pdf",
            "--receipt", self._folder / f"{name}.json", *more, "--url", self._url,
        )  # fmt: skip

    def _as(self, firm: Firm) -> tuple[str | Path, ...]:
        name = f"{firm.center.id}/{firm.id}"
        return "--member", name, "--key-file", self._keys[firm.id], "--url", self._url

    def _file(self, paper: Paper) -> Path:
        return self._folder / paper.name

    def _identity(self, firm: Firm) -> Path:
        return self._folder / f"{firm.id}.age-key"
