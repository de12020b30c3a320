"""A judgement for people, in plain words, and for programs, as JSON. The JSON says everything the words say.

What others wrote (names, a node's excuses) is shown with everything unprintable replaced: a receipt must not steer a terminal.
"""

from greenlane.core.canonical import JsonValue
from greenlane.core.receipt import Receipt
from greenlane.core.wire import encode_hex, encode_time
from greenlane.verify.ladder import Judgement, Rung, Step, Verdict

_MARKS = {Verdict.PASSED: "passed", Verdict.FAILED: "FAILED", Verdict.NOT_CHECKED: "not checked"}
_WIDTH = max(len(mark) for mark in _MARKS.values())


def report_text(judgement: Judgement) -> str:
    """The ladder in plain words, the verdict last; lines ended by newlines."""
    lines: list[str] = []
    for step in judgement.steps:
        lines.append(f"{step.rung.number}  {_MARKS[step.verdict]:<{_WIDTH}}  {step.rung.title}")
        lines.append(f"   {'':<{_WIDTH}}  {step.words}")
        if step.verdict is Verdict.FAILED:
            lines.append(f"   {'':<{_WIDTH}}  This step stops {step.rung.stops}.")
    lines.extend(["", summary(judgement)])
    return "".join(f"{_printable(line)}\n" for line in lines)


def summary(judgement: Judgement) -> str:
    """The verdict in one sentence, with its reason where it is no yes."""
    if judgement.verdict is Verdict.PASSED:
        since = "" if judgement.anchored_at is None else f" since {encode_time(judgement.anchored_at)}"
        who = "" if judgement.center is None else f" of {judgement.center.name}"
        return f"PASSED: this event stands in the log{who}, and the chain holds that log{since}."
    if judgement.verdict is Verdict.FAILED:
        failed = next(step for step in judgement.steps if step.verdict is Verdict.FAILED)
        return f"FAILED at step {failed.rung.number}: {failed.words}"
    unanswered = [
        str(step.rung.number) for step in judgement.steps if step.verdict is Verdict.NOT_CHECKED and step.rung is not Rung.SEALED
    ]
    steps = f"step {unanswered[0]} stays" if len(unanswered) == 1 else f"steps {', '.join(unanswered)} stay"
    return f"NOT CHECKED: nothing speaks against this receipt, but {steps} open."


def report_value(judgement: Judgement) -> dict[str, JsonValue]:
    """The judgement as JSON; every key is always there."""
    return {
        "type": "GreenlaneJudgement",
        "version": 1,
        "verdict": judgement.verdict.value,
        "summary": summary(judgement),
        "eventHash": judgement.event_hash,
        "anchoredAt": None if judgement.anchored_at is None else encode_time(judgement.anchored_at),
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
