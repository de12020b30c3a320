"""A judgement for people, in plain words, and for programs, as JSON. The JSON says everything the words say.

What others wrote (names, a node's excuses) is shown with everything unprintable replaced: a receipt must not steer a terminal.
How old a sealed proof is, only somebody who knows the time can tell, so the caller gives it; a wrong clock changes no verdict.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from greenlane.core.assets.quantity import quantity_words
from greenlane.core.assets.retirement import RetirementStatement, retirement_value
from greenlane.core.canonical import JsonValue
from greenlane.core.documents.description import DOCUMENT_TYPES, Confidential, Description, description_value
from greenlane.core.entry import EntryKind
from greenlane.core.receipt import Receipt
from greenlane.core.wire import encode_hex, encode_time
from greenlane.verify.judgement import Judgement, Rung, Step, Verdict

if TYPE_CHECKING:
    from greenlane.core.sealing import SealedRoot

_MARKS = {Verdict.PASSED: "passed", Verdict.FAILED: "FAILED", Verdict.NOT_CHECKED: "not checked"}
_WIDTH = max(len(mark) for mark in _MARKS.values())
_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_YEAR = timedelta(days=365)


def report_text(judgement: Judgement, *, now: datetime) -> str:
    """The ladder in plain words, then what else is to be known, the verdict last; lines ended by newlines.

    Args:
        now: by the asker's clock, aware.
    """
    lines: list[str] = []
    for step in judgement.steps:
        lines.append(f"{step.rung.number}  {_MARKS[step.verdict]:<{_WIDTH}}  {step.rung.title}")
        lines.append(f"   {'':<{_WIDTH}}  {step.words}")
        if step.verdict is Verdict.FAILED:
            lines.append(f"   {'':<{_WIDTH}}  This step stops {step.rung.stops}.")
    told = [] if judgement.description is None else told_document(judgement.description)
    if judgement.retirement is not None:
        told = told_retirement(judgement.retirement)
    lines.extend(["", *told, *remarks(judgement, now=now), summary(judgement)])
    return "".join(f"{_printable(line)}\n" for line in lines)


def summary(judgement: Judgement) -> str:
    """The verdict in one sentence, with its reason where it is no yes."""
    if judgement.verdict is Verdict.PASSED:
        return f"PASSED: {_logged(judgement)}."
    if judgement.verdict is Verdict.FAILED:
        failed = next(step for step in judgement.steps if step.verdict is Verdict.FAILED)
        return f"FAILED at step {failed.rung.number}: {failed.words}"
    if judgement.statement_verdict is Verdict.PASSED:
        return (
            f"NOT CHECKED: {_logged(judgement)}; whether a file is that document stays open, for none was given with --document."
        )
    unanswered = [
        str(step.rung.number) for step in judgement.steps if step.verdict is Verdict.NOT_CHECKED and step.rung is not Rung.SEALED
    ]
    steps = f"step {unanswered[0]} stays" if len(unanswered) == 1 else f"steps {', '.join(unanswered)} stay"
    what = "receipt" if judgement.retirement is None else "certificate"
    return f"NOT CHECKED: nothing speaks against this {what}, but {steps} open."


def _logged(judgement: Judgement) -> str:
    """What is so where every step but that of the file passed."""
    since = "" if judgement.anchored_at is None else f" since {encode_time(judgement.anchored_at)}"
    who = "" if judgement.center is None else f" of {judgement.center.name}"
    if judgement.retirement is not None and judgement.retired is not None and not judgement.evidence_stands:
        return (
            f"these units are retired, and the certificate stands in the log{who}{since}; "
            f"whether their evidence was revoked after {encode_time(judgement.retired.sealed_at)}, no node told"
        )
    if judgement.retirement is not None:
        return f"these units are retired, their evidence stands, and the certificate stands in the log{who}{since}"
    is_document = judgement.receipt is not None and judgement.receipt.entry.kind is EntryKind.DOCUMENT
    what = "this event" if not is_document else "what is stated of this document" if judgement.given is None else "this document"
    if judgement.sealed is not None and not since:
        return f"{what} stands in the log{who}, and the chain held that log at {encode_time(judgement.sealed.sealed_at)}"
    return f"{what} stands in the log{who}, and the chain holds that log{since}"


def told_document(description: Description) -> list[str]:
    """What is stated of a document, as lines of plain words; nothing in them is judged here.

    Args:
        description: one that is as logged.
    """
    issuer, day, secret = description.issuer, description.issued_on, description.confidential
    size = f"{description.size} bytes{'' if secret is None else ' encrypted'}"
    lines = [f"{DOCUMENT_TYPES[description.document_type]}: {description.name} ({description.media_type}, {size})"]
    if issuer is not None or day is not None:
        lines.append("Issued" + ("" if issuer is None else f" by {issuer}") + ("" if day is None else f" on {day.isoformat()}"))
    lines.extend(f"About {subject}" for subject in description.about)
    lines.append(f"Stated by {description.stated_by}")
    lines.append("Everybody may read it" if secret is None else f"Confidential, encrypted for {_readers(secret)}")
    if description.replaces is not None:
        lines.append(f"It takes the place of {description.replaces.text}")
    return [f"{line}." for line in lines]


def told_retirement(statement: RetirementStatement) -> list[str]:
    """What a certificate says, as lines of plain words; nothing in them is judged here."""
    facts, evidence, line = statement.facts, statement.statement, statement.line
    amount = quantity_words(facts.quantity, evidence.unit)
    lines = [
        f"{amount} of {evidence.class_id} ({evidence.attribute}) retired on {encode_time(facts.retired_at)} "
        f"for {statement.beneficiary}",
        f"Claimed for {facts.claim_from.isoformat()} to {facts.claim_to.isoformat()}, "
        f"of the vintage {evidence.vintage_from.isoformat()} to {evidence.vintage_to.isoformat()}",
        f"Custody model {evidence.custody_model.slug}, facility {evidence.facility} in {evidence.economy}",
    ]
    if evidence.lot is not None:
        lines.append(f"Of the lot {evidence.lot}")
    if line is not None:
        lines.append(f"For line {line.line.number} of the purchase {line.line.purchase_id}: {line.line.description}")
    return [f"{one}." for one in lines]


def _readers(secret: Confidential) -> str:
    names = dict.fromkeys(str(reader.name) for reader in secret.readers if reader.name is not None)
    links = sum(reader.name is None for reader in secret.readers)
    holders = [] if links == 0 else ["whoever holds its link" if links == 1 else f"whoever holds one of its {links} links"]
    return ", ".join([*names, *holders])


def remarks(judgement: Judgement, *, now: datetime) -> list[str]:
    """What a verdict on sealed blocks does not say by itself: how old the proof is, and what nobody was asked.

    Args:
        now: by the asker's clock, aware.

    Returns:
        Whole sentences; none where the seals prove nothing, or where the whole failed and their age is no comfort.
    """
    sealed, retired = judgement.sealed, judgement.retired
    if judgement.verdict is Verdict.FAILED:
        return []
    said = [] if sealed is None else [f"{sealed_words(sealed, now=now)}."]
    if retired is not None:
        said.append(f"The retirement: {sealed_words(retired, now=now)}.")
        if not judgement.evidence_stands:
            said.append(
                "Nothing undoes a retirement, and no node was needed to prove it. Whether its evidence was revoked since then, "
                "only a node of today can tell (--rpc)."
            )
    elif sealed is not None and not any(node.verdict is Verdict.PASSED for node in judgement.nodes):
        said.append(
            "It proves what the chain held then, and no node was needed for that. What was declared wrong or revoked since then, "
            "only the center or somebody's newer receipt can tell."
        )
    return said


def sealed_words(sealed: "SealedRoot", *, now: datetime) -> str:
    """When and by whom a root, or a retirement, was sealed, and how long ago that is; no full stop.

    Args:
        now: by the asker's clock, aware; a time before the seal is told as such.
    """
    age = now - sealed.sealed_at
    ago = (
        f"{_span(age)} ago"
        if age >= timedelta(0)
        else f"{_span(-age)} ahead of the clock here, so one of the two clocks is wrong"
    )
    return (
        f"Sealed on {sealed.sealed_at:%Y-%m-%d %H:%M} UTC, {ago}, by {sealed.seal_count} of {sealed.validator_count} "
        f"{'validator' if sealed.validator_count == 1 else 'validators'}, block {sealed.block_number}"
    )


def _span(span: timedelta) -> str:
    """A length of time, rounded down, in the unit people would use."""
    for unit, name, least in ((_YEAR, "year", 2), (_DAY, "day", 1), (_HOUR, "hour", 1), (_MINUTE, "minute", 1)):
        count = span // unit
        if count >= least:
            return f"{count} {name if count == 1 else f'{name}s'}"
    return "less than a minute"


def report_value(judgement: Judgement, *, now: datetime) -> dict[str, JsonValue]:
    """The judgement as JSON; every key is always there.

    Args:
        now: by the asker's clock, aware.
    """
    return {
        "type": "GreenlaneJudgement",
        "version": 1,
        "verdict": judgement.verdict.value,
        "summary": summary(judgement),
        "eventHash": judgement.event_hash,
        "document": None if judgement.description is None else description_value(judgement.description),
        "retirement": None if judgement.retirement is None else retirement_value(judgement.retirement),
        "givenFile": None if judgement.given is None else judgement.given.value,
        "anchoredAt": None if judgement.anchored_at is None else encode_time(judgement.anchored_at),
        "sealed": None if judgement.sealed is None else _sealed_value(judgement.sealed, now),
        "retired": None if judgement.retired is None else _sealed_value(judgement.retired, now),
        "evidenceStands": judgement.evidence_stands,
        "remarks": list(remarks(judgement, now=now)),
        "center": None
        if judgement.center is None
        else {
            "id": judgement.center.id,
            "name": judgement.center.name,
            "economy": judgement.center.economy,
            "origin": judgement.center.origin,
        },
        "log": None if judgement.receipt is None else _log_value(judgement.receipt),
        "steps": [_step_value(step) for step in judgement.steps],
        "nodes": [
            {"name": node.name, "verdict": node.verdict.value, "words": node.words, "code": node.code} for node in judgement.nodes
        ],
    }


def _sealed_value(sealed: "SealedRoot", now: datetime) -> JsonValue:
    return {
        "sealedAt": encode_time(sealed.sealed_at),
        # Below 0 where the clock here is behind the chain's.
        "ageSeconds": (now - sealed.sealed_at) // timedelta(seconds=1),
        "blockNumber": sealed.block_number,
        "round": sealed.round,
        "seals": sealed.seal_count,
        "validators": sealed.validator_count,
    }


def _step_value(step: Step) -> JsonValue:
    return {
        "number": step.rung.number,
        "name": step.rung.slug,
        "title": step.rung.title,
        "stops": step.rung.stops,
        "verdict": step.verdict.value,
        "words": step.words,
        "code": step.code,
    }


def _log_value(receipt: Receipt) -> JsonValue:
    return {
        "leafIndex": receipt.inclusion.leaf_index,
        "treeSize": receipt.inclusion.tree_size,
        "entry": encode_hex(receipt.entry.encode()),
        "root": encode_hex(receipt.anchor.root),
    }


def _printable(line: str) -> str:
    return "".join(character if character.isprintable() else "\ufffd" for character in line)
