"""Whether an entry of the kind document stands for what is stated of one, and a file for that document.

What is stated is in the receipt, and the entry holds its digest; who states it must be of the center whose log the entry is in.
The file travels beside the receipt. It may be the bytes that a person holds, whose digest is the entry's subject, or the
encrypted form of a confidential document, as it is stored: then nobody has looked at what it decrypts to. A file is read once,
from its beginning to its end, and never held whole.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from greenlane.core.crypto import constant_time_equal, sha256
from greenlane.core.documents.age_file import AGE_MAGIC
from greenlane.core.documents.cid import Cid
from greenlane.core.documents.description import Description, encode_description
from greenlane.core.documents.unixfs import identify
from greenlane.core.errors import ProofRefused
from greenlane.core.receipt import DocumentDisclosure, Receipt
from greenlane.core.wire import encode_hex, shown
from greenlane.verify.judgement import GivenForm, Rung, Step, failed, not_checked, passed
from greenlane.verify.opening import NOT_OPENED, WITHHELD_SALT, Logged, SaltRefused

_NO_FILE = "No file was given. Give it with --document FILE: the document itself, or its encrypted form as it is stored."
_WITHHELD = "The receipt withholds what is stated of the document."


class DescriptionRefused(ProofRefused):
    """What the receipt says is stated of the document is not what was logged."""

    code = "description-refused"


class DocumentRefused(ProofRefused):
    """The file is not the document that was logged, nor its encrypted form."""

    code = "document-refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenFile:
    """What there is to know of a file beside a receipt.

    Attributes:
        cid: under which its bytes are stored, or would be.
        size: in bytes.
        digest: SHA-256 of its bytes.
        is_encrypted: whether it begins as an age file does.
    """

    cid: Cid
    size: int
    digest: bytes
    is_encrypted: bool


def given_file(pieces: Iterable[bytes]) -> GivenFile:
    """Reads a file once; at most a chunk of it is held at a time.

    Args:
        pieces: its bytes from the beginning to the end, in pieces of any size.
    """
    head = bytearray()

    def looked_at() -> Iterator[bytes]:
        for piece in pieces:
            if len(head) < len(AGE_MAGIC):
                head.extend(piece[: len(AGE_MAGIC) - len(head)])
            yield piece

    cid, size, digest = identify(looked_at())
    return GivenFile(cid=cid, size=size, digest=digest, is_encrypted=bytes(head) == AGE_MAGIC)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFindings:
    """Three steps, and what `Judgement` tells beside them."""

    steps: tuple[Step, Step, Step]
    description: Description | None = None
    given: GivenForm | None = None


def document_steps(receipt: Receipt, disclosure: DocumentDisclosure, given: GivenFile | None) -> DocumentFindings:
    """Whether the description is the logged one, the file the document, and the entry that of the two."""
    stated = disclosure.description
    if receipt.entry.is_blinded and disclosure.salt is None:
        return _none_opened(WITHHELD_SALT)
    logged = Logged(entry=receipt.entry, salt=disclosure.salt)
    has_content = stated is not None and logged.has_content(sha256(encode_description(stated)))
    has_subject = stated is not None and logged.has_subject(stated.digest)
    is_held = given is not None and logged.has_subject(given.digest)
    # One digest that fits shows the salt to be the right one. Where none does, the salt and what it was to open cannot be told
    # apart; and an encrypted file is not what the subject is the digest of.
    if logged.salt is not None and not (has_content or has_subject or is_held):
        if stated is None and (given is None or given.is_encrypted):
            return _none_opened(f"{_WITHHELD} {_without_description(given)}")
        words = "Under the receipt's salt the entry stands for nothing of this document: one of the two is another's."
        refused = failed(Rung.OPENED, words, SaltRefused.code)
        return DocumentFindings(
            steps=(not_checked(Rung.DESCRIPTION, NOT_OPENED), not_checked(Rung.DOCUMENT, NOT_OPENED), refused)
        )
    opened = passed(Rung.OPENED, logged.opened)
    if stated is None:
        step, form = _file_alone(given, is_held=is_held)
        return DocumentFindings(steps=(not_checked(Rung.DESCRIPTION, _WITHHELD), step, opened), given=form)
    fault = _description_fault(receipt, stated, has_content=has_content, has_subject=has_subject)
    if fault is None:
        described = passed(Rung.DESCRIPTION, _described(stated))
    else:
        described = failed(Rung.DESCRIPTION, fault, DescriptionRefused.code)
    step, form = _file(stated if fault is None else None, given, is_held=is_held)
    return DocumentFindings(steps=(described, step, opened), description=stated if fault is None else None, given=form)


def _description_fault(receipt: Receipt, stated: Description, *, has_content: bool, has_subject: bool) -> str | None:
    """What is wrong with a description, in words; None where it is the logged one."""
    center = receipt.anchor.center
    if not has_content:
        return "Something in what is stated of the document was changed, added or left out since it was logged."
    if not has_subject:
        return "It is logged, but of another document: it names another SHA-256 than the entry does."
    # A center vouches for its own members and for nobody else's.
    if stated.stated_by.center != center:
        return f"It is said to be stated by {shown(str(stated.stated_by))}, and stands in the log of {shown(center)}."
    return None


def _described(stated: Description) -> str:
    who = "It is confidential" if stated.confidential is not None else "Everybody may read it"
    return f"Not one word of it was changed, added or left out. {stated.stated_by} states it. {who}."


def _file(stated: Description | None, given: GivenFile | None, *, is_held: bool) -> tuple[Step, GivenForm | None]:
    """The file held against what is stated, where that is as logged, and against the entry alone where it is not."""
    if stated is None or given is None:
        return _file_alone(given, is_held=is_held)
    secret = stated.confidential
    if is_held and secret is not None:
        words = f"It is the document itself, decrypted: SHA-256 {encode_hex(given.digest)}, as its owner states it."
        return passed(Rung.DOCUMENT, words), GivenForm.DOCUMENT
    if is_held or (secret is not None and constant_time_equal(given.digest, secret.digest)):
        if (given.cid, given.size) != (stated.cid, stated.size):
            words = (
                f"It has the SHA-256 that is stated, but its {given.size} bytes are stored as {given.cid.text}, "
                f"and the {stated.size} bytes of {stated.cid.text} are stated: the statement contradicts itself."
            )
            return failed(Rung.DOCUMENT, words, DocumentRefused.code), None
        if is_held:
            words = f"It is the document itself: SHA-256 {encode_hex(given.digest)}, stored as {given.cid.text}."
            return passed(Rung.DOCUMENT, words), GivenForm.DOCUMENT
        words = (
            f"It is the encrypted form, as it is stored: {given.cid.text}. What it decrypts to was not looked at: "
            "whoever has a key decrypts it and gives that file."
        )
        return passed(Rung.DOCUMENT, words), GivenForm.STORED
    if secret is None:
        return _refused(given), None
    words = f"It is neither the document nor its encrypted form: its SHA-256 is {encode_hex(given.digest)}."
    return failed(Rung.DOCUMENT, words, DocumentRefused.code), None


def _file_alone(given: GivenFile | None, *, is_held: bool) -> tuple[Step, GivenForm | None]:
    """The file held against the entry alone."""
    if given is None:
        return not_checked(Rung.DOCUMENT, _NO_FILE), None
    if is_held:
        words = f"It is the document itself: SHA-256 {encode_hex(given.digest)}."
        return passed(Rung.DOCUMENT, words), GivenForm.DOCUMENT
    return _refused(given), None


def _refused(given: GivenFile) -> Step:
    words = f"It is another file: its SHA-256 is {encode_hex(given.digest)}, and that is not what was logged."
    return failed(Rung.DOCUMENT, words, DocumentRefused.code)


def _without_description(given: GivenFile | None) -> str:
    if given is None:
        return _NO_FILE
    return "Without it an encrypted file tells nothing: give the decrypted one."


def _none_opened(reason: str) -> DocumentFindings:
    return DocumentFindings(
        steps=(
            not_checked(Rung.DESCRIPTION, reason),
            not_checked(Rung.DOCUMENT, reason),
            not_checked(Rung.OPENED, reason),
        )
    )
