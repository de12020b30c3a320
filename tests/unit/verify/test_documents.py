"""The ladder judges a document by what is stated of it and by its file, and says which of the two forms of it was given."""

import argparse
import json
import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from greenlane.core.anchoring import anchored_root_slot
from greenlane.core.checkpoint import Checkpoint, sign_checkpoint
from greenlane.core.crypto import sha256
from greenlane.core.documents.age_file import AGE_MAGIC
from greenlane.core.documents.cid import Cid, Codec
from greenlane.core.documents.description import Description, document_entry
from greenlane.core.documents.unixfs import CHUNK_BYTES
from greenlane.core.entry import Entry
from greenlane.core.merkle import inclusion_proof, leaf_hash, root_of
from greenlane.core.receipt import DocumentDisclosure, Inclusion, Receipt, encode_receipt
from greenlane.core.trust import encode_trust_file
from greenlane.core.units import LeafIndex, RootHash, Salt, TreeSize
from greenlane.verify.command import add_arguments, run
from greenlane.verify.ladder import GivenForm, Judgement, Rung, Verdict, given_file, judge
from greenlane.verify.report import report_text, report_value, summary
from hypothesis import given as for_all
from hypothesis import strategies as st
from worlds.descriptions import COOPERATIVE, LOT, ROASTER, confidential_description, description, recipient_of

if TYPE_CHECKING:
    World = Any

ORIGIN, SEED = "greenlane.example/lima", sha256(b"log key of lima")
PASSED, FAILED, NOT_CHECKED = Verdict.PASSED, Verdict.FAILED, Verdict.NOT_CHECKED
PLAIN = b"a certificate"
STORED = AGE_MAGIC + b"and so on"
SALT = Salt(sha256(b"salt of a document"))
PUBLIC = description(PLAIN)
SECRET = confidential_description(PLAIN, STORED)


class Case:
    """A receipt of one document, and a node that holds its log's root."""

    def __init__(self, world: "World", stated: Description, *, salt: Salt | None = None, entry: Entry | None = None) -> None:
        self.world = world
        plain = entry or document_entry(stated)
        logged = plain if salt is None else plain.blinded(salt)
        leaves = [leaf_hash(logged.encode()), leaf_hash(bytes(65))]
        root, size = RootHash(root_of(leaves)), TreeSize(2)
        anchor = replace(world.receipt.anchor, root=root, tree_size=size)
        self.receipt = Receipt(
            entry=logged,
            disclosure=DocumentDisclosure(description=stated, salt=salt),
            inclusion=Inclusion(leaf_index=LeafIndex(0), tree_size=size, hashes=inclusion_proof(leaves, LeafIndex(0))),
            checkpoint=sign_checkpoint(Checkpoint(origin=ORIGIN, tree_size=size, root=root), SEED),
            anchor=anchor,
        )
        slot = (anchor.contract, anchored_root_slot(anchor.center, size))
        self.node = world.node(storage={slot: root}, event=replace(world.node().event, root=root))

    def judged(self, file: bytes | None = None, **disclosed: Any) -> Judgement:
        disclosure = self.receipt.disclosure
        assert isinstance(disclosure, DocumentDisclosure)
        receipt = replace(self.receipt, disclosure=replace(disclosure, **disclosed))
        document = None if file is None else given_file([file])
        return judge(encode_receipt(receipt), self.world.trust, event=None, ask=[self.node], document=document)


@pytest.fixture
def public(world: "World") -> Case:
    return Case(world, PUBLIC)


@pytest.fixture
def secret(world: "World") -> Case:
    return Case(world, SECRET, salt=SALT)


def three(judgement: Judgement) -> tuple[Verdict, Verdict, Verdict]:
    """Of the description, the file, and the opening of the entry."""
    first, second, third = (judgement.step(rung).verdict for rung in (Rung.DESCRIPTION, Rung.DOCUMENT, Rung.OPENED))
    return first, second, third


def code(judgement: Judgement, rung: Rung) -> str | None:
    return judgement.step(rung).code


def test_a_public_document_passes_with_its_file_and_stays_open_without(public: Case) -> None:
    judgement = public.judged(PLAIN)
    assert judgement.verdict is judgement.statement_verdict is PASSED
    assert [step.rung.number for step in judgement.steps] == list(range(1, 9))
    assert (judgement.description, judgement.given, judgement.event_hash) == (PUBLIC, GivenForm.DOCUMENT, None)
    assert sha256(PLAIN).hex() in judgement.step(Rung.DOCUMENT).words
    silent = public.judged()
    assert (silent.verdict, silent.statement_verdict) == (NOT_CHECKED, PASSED)
    assert three(silent) == (PASSED, NOT_CHECKED, PASSED)
    assert "--document" in silent.step(Rung.DOCUMENT).words
    assert silent.given is None


def test_of_a_confidential_document_it_is_said_whether_the_file_or_its_encrypted_form_was_given(secret: Case) -> None:
    plain, stored = secret.judged(PLAIN), secret.judged(STORED)
    assert (plain.verdict, plain.given) == (PASSED, GivenForm.DOCUMENT)
    assert (stored.verdict, stored.given) == (PASSED, GivenForm.STORED)
    assert "as its owner states it" in plain.step(Rung.DOCUMENT).words
    assert "not looked at" in stored.step(Rung.DOCUMENT).words
    assert "confidential" in plain.step(Rung.DESCRIPTION).words
    assert secret.judged().statement_verdict is PASSED


@pytest.mark.parametrize("file", [b"", PLAIN[:-1], PLAIN + b"\n", b"another"])
def test_another_file_fails_whatever_else_is_right(public: Case, secret: Case, file: bytes) -> None:
    for case in (public, secret):
        judgement = case.judged(file)
        assert three(judgement) == (PASSED, FAILED, PASSED)
        assert code(judgement, Rung.DOCUMENT) == "document-refused"
        assert judgement.given is None
        assert judgement.verdict is judgement.statement_verdict is FAILED


def test_the_encrypted_form_of_another_document_fails(secret: Case, public: Case) -> None:
    assert three(secret.judged(STORED + b"!")) == (PASSED, FAILED, PASSED)
    assert three(public.judged(STORED)) == (PASSED, FAILED, PASSED)


@pytest.mark.parametrize(
    "changed",
    [
        {"about": (LOT.replace("LOT-7", "LOT-8"),)},
        {"issuer": "Another"},
        {"name": "organic-2027.pdf"},
        {"stated_by": ROASTER},
        {"cid": Cid.of(Codec.RAW, b"another")},
        {"digest": sha256(b"another")},
        {"replaces": Cid.of(Codec.RAW, b"older")},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_description_with_one_word_changed_fails(public: Case, secret: Case, changed: dict[str, Any]) -> None:
    for case, stated in ((public, PUBLIC), (secret, SECRET)):
        judgement = case.judged(PLAIN, description=replace(stated, **changed))
        assert three(judgement) == (FAILED, PASSED, PASSED)
        assert code(judgement, Rung.DESCRIPTION) == "description-refused"
        assert judgement.description is None


def test_a_description_that_was_logged_of_another_document_fails(world: "World") -> None:
    for stated, salt in ((PUBLIC, None), (SECRET, SALT)):
        other = replace(document_entry(stated), subject=sha256(b"another"))
        judgement = Case(world, stated, salt=salt, entry=other).judged(PLAIN)
        assert three(judgement) == (FAILED, FAILED, PASSED)
        assert "of another document" in judgement.step(Rung.DESCRIPTION).words


def test_a_center_vouches_for_its_own_members_alone(world: "World") -> None:
    judgement = Case(world, replace(PUBLIC, stated_by=ROASTER)).judged(PLAIN)
    assert three(judgement) == (FAILED, PASSED, PASSED)
    assert "'tianjin/roaster'" in judgement.step(Rung.DESCRIPTION).words
    assert judgement.step(Rung.INCLUSION).verdict is PASSED


def test_a_statement_that_names_a_cid_or_a_size_that_its_bytes_have_not_is_seen_by_the_file(world: "World") -> None:
    for stated, salt, file in ((PUBLIC, None, PLAIN), (SECRET, SALT, STORED)):
        for lie in ({"cid": Cid.of(Codec.RAW, b"another")}, {"size": 7}):
            judgement = Case(world, replace(stated, **lie), salt=salt).judged(file)
            assert three(judgement) == (PASSED, FAILED, PASSED)
            assert "contradicts itself" in judgement.step(Rung.DOCUMENT).words


def test_a_wrong_salt_opens_nothing_and_a_right_one_shows_which_of_the_two_is_wrong(secret: Case) -> None:
    wrong = Salt(bytes(32))
    for file in (None, PLAIN, STORED):
        judgement = secret.judged(file, salt=wrong)
        assert three(judgement) == (NOT_CHECKED, NOT_CHECKED, FAILED)
        assert code(judgement, Rung.OPENED) == "salt-refused"
    assert three(secret.judged(b"another", salt=wrong, description=None)) == (NOT_CHECKED, NOT_CHECKED, FAILED)


@pytest.mark.parametrize("file", [None, PLAIN, STORED])
def test_a_withheld_salt_leaves_all_of_it_open(secret: Case, file: bytes | None) -> None:
    judgement = secret.judged(file, salt=None)
    assert three(judgement) == (NOT_CHECKED, NOT_CHECKED, NOT_CHECKED)
    assert (judgement.verdict, judgement.description, judgement.given) == (NOT_CHECKED, None, None)


def test_where_the_description_is_withheld_the_file_is_held_against_the_entry_alone(public: Case, secret: Case) -> None:
    for case in (public, secret):
        judgement = case.judged(PLAIN, description=None)
        assert three(judgement) == (NOT_CHECKED, PASSED, PASSED)
        assert (judgement.verdict, judgement.statement_verdict, judgement.given) == (NOT_CHECKED, NOT_CHECKED, GivenForm.DOCUMENT)
        assert "withholds" in judgement.step(Rung.DESCRIPTION).words
    assert three(public.judged(b"another", description=None)) == (NOT_CHECKED, FAILED, PASSED)
    assert three(public.judged(description=None)) == (NOT_CHECKED, NOT_CHECKED, PASSED)


def test_an_encrypted_file_beside_a_withheld_description_is_not_called_wrong(secret: Case) -> None:
    for file, words in ((STORED, "give the decrypted one"), (None, "--document")):
        judgement = secret.judged(file, description=None)
        assert three(judgement) == (NOT_CHECKED, NOT_CHECKED, NOT_CHECKED)
        assert words in judgement.step(Rung.DOCUMENT).words


def test_every_changed_byte_of_a_documents_receipt_is_refused_with_the_step_named(secret: Case) -> None:
    data = encode_receipt(secret.receipt)
    file = given_file([PLAIN])
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1 << place % 7
        judgement = judge(bytes(changed), secret.world.trust, event=None, ask=[secret.node], document=file)
        assert judgement.verdict is FAILED


@for_all(st.binary(max_size=300), st.integers(1, 40))
def test_a_file_is_read_alike_in_pieces_of_any_size(data: bytes, size: int) -> None:
    for file in (data, AGE_MAGIC + data):
        pieces = [file[at : at + size] for at in range(0, len(file), size)]
        found = given_file(pieces)
        assert found == given_file([file])
        assert (found.size, found.digest, found.is_encrypted) == (len(file), sha256(file), file.startswith(AGE_MAGIC))


def told(judgement: Judgement, world: "World") -> str:
    return report_text(judgement, now=world.receipt.anchor.block_time)


def test_the_report_tells_the_document_in_plain_words(public: Case, secret: Case) -> None:
    said = told(public.judged(PLAIN), public.world)
    for line in (
        "Certificate: organic-2026.pdf (application/pdf, 13 bytes).",
        "Issued by Certificadora Ejemplo on 2026-07-01.",
        f"About {LOT}.",
        f"Stated by {COOPERATIVE}.",
        "Everybody may read it.",
    ):
        assert line in said.splitlines()
    assert said.splitlines()[-1].startswith("PASSED: this document stands in the log of Centro Piloto de Lima, and")
    said = told(secret.judged(STORED), secret.world)
    assert f"({SECRET.media_type}, {len(STORED)} bytes encrypted)." in said
    assert "Confidential, encrypted for tianjin/roaster, whoever holds its link." in said.splitlines()
    assert PUBLIC.name not in told(public.judged(PLAIN, description=None), public.world)


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"issuer": None}, "Issued on 2026-07-01."),
        ({"issued_on": None}, "Issued by Certificadora Ejemplo."),
        ({"replaces": Cid.of(Codec.RAW, b"older")}, f"It takes the place of {Cid.of(Codec.RAW, b'older').text}."),
    ],
)
def test_what_is_not_stated_is_not_told(world: "World", changed: dict[str, Any], line: str) -> None:
    assert line in told(Case(world, replace(PUBLIC, **changed)).judged(), world).splitlines()


def test_a_photo_that_nobody_issued_tells_of_no_issuer_and_every_reader_is_named(world: "World") -> None:
    assert "Issued" not in told(Case(world, replace(PUBLIC, issuer=None, issued_on=None)).judged(), world)
    assert SECRET.confidential is not None
    named, link = SECRET.confidential.readers
    for readers, words in (
        ((named,), "encrypted for tianjin/roaster."),
        ((link, replace(link, recipient=recipient_of(bytes([11] * 32)))), "encrypted for whoever holds one of its 2 links."),
    ):
        stated = replace(SECRET, confidential=replace(SECRET.confidential, readers=readers))
        assert words in told(Case(world, stated, salt=SALT).judged(), world)


def test_the_verdict_without_a_file_says_what_was_checked_and_what_was_not(public: Case) -> None:
    said = summary(public.judged())
    assert said.startswith(
        "NOT CHECKED: what is stated of this document stands in the log of Centro Piloto de Lima, and the chain"
    )
    assert said.endswith("whether a file is that document stays open, for none was given with --document.")


def test_the_json_tells_the_same(public: Case, secret: Case) -> None:
    now = public.world.receipt.anchor.block_time
    value: Any = report_value(secret.judged(STORED), now=now)
    assert (value["document"]["cid"], value["givenFile"], value["eventHash"]) == (SECRET.cid.text, "stored", None)
    assert [step["name"] for step in value["steps"]][1:4] == ["description", "document", "entry"]
    value = report_value(public.judged(b"another", description=None), now=now)
    assert (value["document"], value["givenFile"]) == (None, None)


@pytest.fixture
def verify(public: Case, tmp_path: Path) -> Callable[..., int]:
    (tmp_path / "receipt.json").write_bytes(encode_receipt(public.receipt))
    (tmp_path / "of-event.json").write_bytes(encode_receipt(public.world.receipt))
    (tmp_path / "trust.json").write_bytes(encode_trust_file(public.world.trust))
    (tmp_path / "file").write_bytes(PLAIN)
    (tmp_path / "other").write_bytes(b"another")
    (tmp_path / "broken.json").write_bytes(b"{}")
    parser = argparse.ArgumentParser()
    add_arguments(parser)

    def verified(receipt: str, *words: str) -> int:
        told = [str(tmp_path / word) if (tmp_path / word).exists() else word for word in words]
        return run(parser.parse_args([str(tmp_path / receipt), "--trust", str(tmp_path / "trust.json"), *told]))

    return verified


def test_the_command_takes_the_file_beside_the_receipt(verify: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert verify("receipt.json", "--document", "file") == 3
    assert "3  passed       The file is the document" in capsys.readouterr().out
    assert verify("receipt.json", "--document", "other", "--json") == 1
    assert json.loads(capsys.readouterr().out)["steps"][2]["code"] == "document-refused"
    assert verify("receipt.json") == 3
    assert verify("broken.json", "--document", "file") == 1


def test_the_command_says_which_file_belongs_to_which_receipt(
    verify: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "event.json").write_text("{}")
    for words, remedy in (
        (("receipt.json", "--event", "event.json"), "Give the file with --document."),
        (("of-event.json", "--document", "file"), "Give the event with --event."),
    ):
        assert verify(*words) == 2
        assert remedy in capsys.readouterr().err
    for missing in ("nowhere", str(tmp_path), "a\0b"):
        assert verify("receipt.json", "--document", missing) == 2
        assert "cannot be read" in capsys.readouterr().err


def test_a_large_file_is_never_held_whole(verify: Callable[..., int], tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(96 * CHUNK_BYTES)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert verify("receipt.json", "--document", "large") == 1
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 32 * 1024
