"""What a judgement is made of: eight questions, an answer to each, and what they come to as a whole.

A step passes, fails, or was not checked; "not checked" is never said for "failed", nor the other way round.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum
from typing import TYPE_CHECKING

from greenlane.core.assets.retirement import RetirementStatement
from greenlane.core.documents.description import Description
from greenlane.core.receipt import Receipt
from greenlane.core.trust import TrustedCenter

if TYPE_CHECKING:
    from greenlane.core.sealing import SealedRoot


class Verdict(StrEnum):
    """One of three answers, of a step and of the whole."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not_checked"


class Rung(Enum):
    """The questions: their number, a stable name, what they are called, and the attack they stop.

    A receipt is asked eight, in their order; the second and the third are those of its entry's kind. A certificate of retirement
    is asked a ninth.
    """

    READS_WELL = (1, "receipt", "The receipt reads well", "bytes that two readers understand differently")
    EVENT_HASH = (2, "event-hash", "The event has the hash that was logged", "another event shown in place of the logged one")
    CONTENT = (3, "content", "Every detail of the event is as logged", "a changed detail that the event hash leaves out")
    DESCRIPTION = (
        2,
        "description",
        "What is stated of the document is as logged",
        "an honest document hung on another lot, or shown with another issuer, day or owner",
    )
    DOCUMENT = (3, "document", "The file is the document", "another file shown in place of the document")
    RETIREMENT = (2, "retirement", "The retirement is as logged", "a certificate with a changed word, or of another retirement")
    WORDS = (3, "words", "Every word is the one behind a fact", "another beneficiary, lot or purchase named for the same units")
    OPENED = (4, "entry", "The entry can be opened", "a private entry passed off as that of a thing it does not stand for")
    INCLUSION = (5, "inclusion", "The entry stands in the log", "an entry that was never logged")
    CHECKPOINT = (6, "checkpoint", "The center signed this state of its log", "a log made up by somebody else")
    ANCHORED = (7, "anchor", "The chain holds this state of the log", "a center that shows different logs to different people")
    SEALED = (8, "seals", "The validators sealed the block", "a node that lies about what the chain holds")
    RETIRED = (
        9,
        "retired",
        "The chain holds the retirement, and nobody asked tells of a challenge",
        "a certificate of units that were never retired, or whose evidence was revoked",
    )

    def __init__(self, number: int, slug: str, title: str, stops: str) -> None:
        self.number = number
        self.slug = slug
        self.title = title
        self.stops = stops


class GivenForm(StrEnum):
    """What a file beside the receipt of a document turned out to be."""

    DOCUMENT = "document"
    """The bytes that a person holds."""
    STORED = "stored"
    """The encrypted form of a confidential document, as its center stores it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One question and its answer.

    Attributes:
        rung: which question.
        verdict: the answer.
        words: the answer in one or a few plain sentences.
        code: of the error where it failed; None otherwise.
    """

    rung: Rung
    verdict: Verdict
    words: str
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeAnswer:
    """What one node said to the anchor.

    Attributes:
        name: the node's.
        verdict: passed where it confirms, failed where it contradicts, not checked where it could not be asked.
        words: one sentence, without the name.
        code: of the error where it contradicts; None otherwise.
        anchored_at: when the root was anchored, if it confirms and could tell.
    """

    name: str
    verdict: Verdict
    words: str
    code: str | None = None
    anchored_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The answer to a receipt.

    Attributes:
        receipt: as read; None where it does not read well.
        center: of the receipt, if the trust file names it.
        steps: one for each rung, in order.
        event_hash: of the disclosed event, where it is the logged one; None otherwise.
        description: what is stated of the document, where it is as logged; None otherwise.
        given: as what the file beside the receipt showed itself; None where it did not, or there is none.
        nodes: what each node said, in the order asked; empty where none was asked.
        anchored_at: when the chain took the root, as the confirming nodes agree; None where that is not known.
        sealed: what the validators' seals prove of the root, when and by how many of them; None where they prove nothing.
        retirement: what a certificate says, where it reads well; None for a receipt.
        retired: what the validators' seals of a certificate prove of the retirement; None where they prove nothing.
        evidence_stands: whether a node confirmed that the evidence behind the retirement stands today; no seals can tell.
    """

    receipt: Receipt | None
    center: TrustedCenter | None
    steps: tuple[Step, ...]
    event_hash: str | None
    description: Description | None
    given: GivenForm | None
    nodes: tuple[NodeAnswer, ...]
    anchored_at: datetime | None
    sealed: "SealedRoot | None"
    retirement: RetirementStatement | None = None
    retired: "SealedRoot | None" = None
    evidence_stands: bool = False

    @property
    def verdict(self) -> Verdict:
        """Of the whole; the seals, which the chain's word does not need, do not count against it."""
        return self._verdict(without=(Rung.SEALED,))

    @property
    def statement_verdict(self) -> Verdict:
        """The same, but that a document's file need not have been given; of any other entry the verdict of the whole."""
        return self._verdict(without=(Rung.SEALED, Rung.DOCUMENT))

    def step(self, rung: Rung) -> Step:
        """The answer to one question.

        Raises:
            KeyError: a receipt of this kind is not asked that.
        """
        return {step.rung: step for step in self.steps}[rung]

    def _verdict(self, *, without: tuple[Rung, ...]) -> Verdict:
        if any(step.verdict is Verdict.FAILED for step in self.steps):
            return Verdict.FAILED
        if all(step.verdict is Verdict.PASSED for step in self.steps if step.rung not in without):
            return Verdict.PASSED
        return Verdict.NOT_CHECKED


def passed(rung: Rung, words: str) -> Step:
    """The answer yes."""
    return Step(rung=rung, verdict=Verdict.PASSED, words=words)


def failed(rung: Rung, words: str, code: str | None) -> Step:
    """The answer no; `code` is that of the error."""
    return Step(rung=rung, verdict=Verdict.FAILED, words=words, code=code)


def not_checked(rung: Rung, reason: str) -> Step:
    """No answer, and why there is none: a whole sentence."""
    return Step(rung=rung, verdict=Verdict.NOT_CHECKED, words=f"Not checked: {reason[0].lower()}{reason[1:]}")


def unread(what: str, words: str, code: str, rungs: Iterable[Rung]) -> Judgement:
    """Of bytes that do not read well: the first step fails, and no other is asked.

    Args:
        what: they should have been: "receipt".
        rungs: the other questions.
    """
    others = [not_checked(rung, f"The {what} could not be read.") for rung in rungs]
    return Judgement(
        receipt=None,
        center=None,
        steps=(failed(Rung.READS_WELL, words, code), *others),
        event_hash=None,
        description=None,
        given=None,
        nodes=(),
        anchored_at=None,
        sealed=None,
    )
