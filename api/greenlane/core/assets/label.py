"""The register of labels: what a label covers, where, and when; and whether it is valid for a model in an economy on a day.

A label's versions are kept for ever. Each counts from a day on, and a change counts from the day it is recorded at the earliest:
so an answer for an earlier day never changes. An answer says which rule gave it, in a sentence; where the register does not say
enough, the answer is "not known", never "not valid".
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, TypeVar

from greenlane.core.assets.evidence import read_day, read_economy, read_name
from greenlane.core.balance.materials import canonical_material
from greenlane.core.canonical import JsonValue
from greenlane.core.errors import Conflict, InvalidInput
from greenlane.core.wire import FieldInvalid, read_line, read_list, read_object, shown

MAX_MODELS: Final = 1_000
MAX_ENTRIES: Final = 200
"""Economies, categories or recognitions of one label."""
_MAX_CHARACTERS: Final = 512
_PRINTED: Final = re.compile(r"[\x21-\x7e]+", re.ASCII).fullmatch
_ANYTHING: Final = "*"
_KEYS: Final = (
    "id",
    "name",
    "owner",
    "categories",
    "models",
    "economies",
    "validFrom",
    "validTo",
    "status",
    "recognitions",
    "effectiveFrom",
)
T = TypeVar("T")


class LabelInvalid(InvalidInput):
    """What a label says cannot stand together."""

    code = "label-invalid"


class LabelOutOfTurn(Conflict):
    """A change of a label would reach back to days that are over, or before the change that was recorded last."""

    code = "label-out-of-turn"


class LabelStatus(StrEnum):
    """What the owner of the label says of it as a whole."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """That another economy recognises the label.

    Attributes:
        economy: which one, ISO 3166-1 alpha-2.
        agreement: under which agreement, as people call it.
        valid_from, valid_to: days, both included; None: without end.
    """

    economy: str
    agreement: str
    valid_from: date
    valid_to: date | None

    def is_valid_on(self, day: date) -> bool:
        """Whether the day is within its validity."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One version of one label.

    Attributes:
        id: short name.
        name: for people.
        owner: the scheme's owner, for people.
        categories: of products that it covers, as the scheme calls them; none: it is not told by category.
        models: what it covers: canonical classes (`canonical_material`) or names of models; one that ends in "*" covers whatever
            begins so. None: it is not told by model.
        economies: where it is valid by itself; at least one.
        valid_from, valid_to: days, both included; None: without end.
        recognitions: where others recognise it.
        effective_from: from which day on this version counts.
    """

    id: str
    name: str
    owner: str
    categories: tuple[str, ...]
    models: tuple[str, ...]
    economies: tuple[str, ...]
    valid_from: date
    valid_to: date | None
    status: LabelStatus
    recognitions: tuple[Recognition, ...]
    effective_from: date

    def __post_init__(self) -> None:
        if self.valid_to is not None and self.valid_to < self.valid_from:
            remedy = "Give the first day, then the last, or null."
            raise LabelInvalid("The validity ends before it begins.", where="/validTo", remedy=remedy)
        for at, each in enumerate(self.recognitions):
            if each.valid_to is not None and each.valid_to < each.valid_from:
                remedy = "Give the first day, then the last, or null."
                where = f"/recognitions/{at}/validTo"
                raise LabelInvalid("The recognition ends before it begins.", where=where, remedy=remedy)
        if not self.categories and not self.models:
            remedy = "Name categories, models or both; a single * among the models covers every model."
            raise LabelInvalid("A label that covers nothing says nothing.", where="/models", remedy=remedy)
        if not self.economies:
            remedy = "Name at least the economy of its owner."
            raise LabelInvalid("A label is valid somewhere.", where="/economies", remedy=remedy)

    def covers(self, model: str) -> bool:
        """Whether one of its models, or patterns, is this one."""
        return any(model.startswith(each[:-1]) if each.endswith(_ANYTHING) else model == each for each in self.models)


class LabelAnswer(StrEnum):
    """unknown, valid and not valid are three answers."""

    VALID = "valid"
    NOT_VALID = "not-valid"
    NOT_KNOWN = "not-known"


class LabelRule(StrEnum):
    """Which rule gave an answer."""

    NOT_REGISTERED_YET = "not-registered-yet"
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"
    NOT_YET_VALID = "not-yet-valid"
    EXPIRED = "expired"
    MODEL_NOT_COVERED = "model-not-covered"
    CATEGORY_NOT_COVERED = "category-not-covered"
    CATEGORY_NOT_TOLD = "category-not-told"
    ECONOMY_NOT_COVERED = "economy-not-covered"
    RECOGNITION_NOT_YET = "recognition-not-yet-valid"
    RECOGNITION_OVER = "recognition-over"
    VALID_IN_ECONOMY = "valid-in-economy"
    RECOGNISED = "recognised"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelVerdict:
    """An answer with its reason.

    Attributes:
        number: of the version that counted on the day, from 1; None where none did.
        reason: one sentence.
        agreement: under which the label is recognised there; None where it is not, or need not be.
    """

    answer: LabelAnswer
    rule: LabelRule
    number: int | None
    reason: str
    agreement: str | None = None


def is_valid(versions: Sequence[Label], *, model: str, economy: str, day: date, category: str | None = None) -> LabelVerdict:
    """Whether a label is valid for a model in an economy on a day.

    Args:
        versions: of one label, all that were recorded, oldest first; at least one.
        model: any spelling of an item, lot or class, or the name of a model.
        economy: ISO 3166-1 alpha-2.
        category: of the model, as the label's scheme calls it, where the asker knows it.
    """
    counted = [(number, label) for number, label in enumerate(versions, 1) if label.effective_from <= day]
    if not counted:
        first = versions[0]
        reason = f"The register knows {first.name} from {first.effective_from} on, and says nothing of {day}."
        return LabelVerdict(answer=LabelAnswer.NOT_KNOWN, rule=LabelRule.NOT_REGISTERED_YET, number=None, reason=reason)
    number, label = counted[-1]

    def verdict(answer: LabelAnswer, rule: LabelRule, reason: str, agreement: str | None = None) -> LabelVerdict:
        return LabelVerdict(answer=answer, rule=rule, number=number, reason=reason, agreement=agreement)

    for rule, holds, reason in _refusals(label, canonical_material(model), day, category):
        if holds:
            answer = LabelAnswer.NOT_KNOWN if rule is LabelRule.CATEGORY_NOT_TOLD else LabelAnswer.NOT_VALID
            return verdict(answer, rule, reason)
    if economy in label.economies:
        reason = f"{label.name} covers this model, and was valid in {economy} on {day}."
        return verdict(LabelAnswer.VALID, LabelRule.VALID_IN_ECONOMY, reason)
    return verdict(*_recognised(label, economy, day))


def _refusals(label: Label, model: str, day: date, category: str | None) -> Iterable[tuple[LabelRule, bool, str]]:
    """Every rule that may speak against it, in the order in which they are told."""
    name = label.name
    is_covered = label.covers(model)
    yield LabelRule.WITHDRAWN, label.status is LabelStatus.WITHDRAWN, f"{label.owner} had withdrawn {name} by {day}."
    yield LabelRule.SUSPENDED, label.status is LabelStatus.SUSPENDED, f"{label.owner} had suspended {name} on {day}."
    yield LabelRule.NOT_YET_VALID, day < label.valid_from, f"{name} is valid from {label.valid_from} on, and {day} is before it."
    is_over = label.valid_to is not None and label.valid_to < day
    yield LabelRule.EXPIRED, is_over, f"{name} was valid until {label.valid_to}, and {day} is after it."
    is_left_out = bool(label.models) and not is_covered
    words = f"{model} is none of the models that {name} covers."
    yield LabelRule.MODEL_NOT_COVERED, is_left_out, words
    is_other = bool(label.categories) and category is not None and category not in label.categories
    words = f"{name} covers {', '.join(label.categories)}, and not {category}."
    yield LabelRule.CATEGORY_NOT_COVERED, is_other, words
    is_open = not label.models and category is None
    words = f"{name} covers {', '.join(label.categories)}; whether {model} is one of these, the register does not say."
    yield LabelRule.CATEGORY_NOT_TOLD, is_open, words


def _recognised(label: Label, economy: str, day: date) -> tuple[LabelAnswer, LabelRule, str, str | None]:
    there = [each for each in label.recognitions if each.economy == economy]
    home = ", ".join(label.economies)
    standing = next((each for each in there if each.is_valid_on(day)), None)
    if standing is not None:
        words = f"{label.name} of {home} was recognised in {economy} on {day} under {standing.agreement}."
        return LabelAnswer.VALID, LabelRule.RECOGNISED, words, standing.agreement
    coming = min((each for each in there if day < each.valid_from), key=lambda each: each.valid_from, default=None)
    if coming is not None:
        words = f"{economy} recognises {label.name} under {coming.agreement} from {coming.valid_from} on, and {day} is before it."
        return LabelAnswer.NOT_VALID, LabelRule.RECOGNITION_NOT_YET, words, None
    if there:
        last = max(there, key=lambda each: each.valid_to or day)
        words = f"{economy} recognised {label.name} under {last.agreement} until {last.valid_to}, and {day} is after it."
        return LabelAnswer.NOT_VALID, LabelRule.RECOGNITION_OVER, words, None
    words = f"{label.name} is a label of {home}, and no agreement is recorded by which {economy} recognises it."
    return LabelAnswer.NOT_VALID, LabelRule.ECONOMY_NOT_COVERED, words, None


def require_next_label(changed: Label, before: Label | None, *, today: date) -> None:
    """Refuses a version that would change what was so on a day that is over.

    Args:
        before: the newest version; None where there is none: the first may count from any day.

    Raises:
        LabelOutOfTurn: it would.
    """
    if before is None:
        return
    earliest = max(today, before.effective_from)
    if changed.effective_from < earliest:
        words = f"A change counts from the day it is recorded on, and this one would count from {changed.effective_from}."
        raise LabelOutOfTurn(words, where="/effectiveFrom", remedy=f"Let it count from {earliest} or later.")


def label_value(label: Label) -> dict[str, JsonValue]:
    """The JSON form; every key is always there, and null says that there is nothing."""
    return {
        "id": label.id,
        "name": label.name,
        "owner": label.owner,
        "categories": list(label.categories),
        "models": list(label.models),
        "economies": list(label.economies),
        "validFrom": label.valid_from.isoformat(),
        "validTo": _day_text(label.valid_to),
        "status": label.status.value,
        "recognitions": [
            {
                "economy": each.economy,
                "agreement": each.agreement,
                "validFrom": each.valid_from.isoformat(),
                "validTo": _day_text(each.valid_to),
            }
            for each in label.recognitions
        ],
        "effectiveFrom": label.effective_from.isoformat(),
    }


def read_label(value: JsonValue, where: str = "") -> Label:
    """Reads the JSON form strictly.

    Raises:
        FieldInvalid: a field is missing, unknown, or not as it must be.
        LabelInvalid: as its name says.
    """
    fields = read_object(value, _KEYS, where)
    try:
        return Label(
            id=read_name(fields["id"], f"{where}/id"),
            name=read_line(fields["name"], f"{where}/name", longest=128),
            owner=read_line(fields["owner"], f"{where}/owner", longest=128),
            categories=_read_all(fields["categories"], f"{where}/categories", _read_category, longest=MAX_ENTRIES),
            models=_read_all(fields["models"], f"{where}/models", _read_model, longest=MAX_MODELS),
            economies=_read_all(fields["economies"], f"{where}/economies", read_economy, longest=MAX_ENTRIES),
            valid_from=read_day(fields["validFrom"], f"{where}/validFrom"),
            valid_to=_read_day_or_none(fields["validTo"], f"{where}/validTo"),
            status=_read_status(fields["status"], f"{where}/status"),
            recognitions=_read_all(fields["recognitions"], f"{where}/recognitions", _read_recognition, longest=MAX_ENTRIES),
            effective_from=read_day(fields["effectiveFrom"], f"{where}/effectiveFrom"),
        )
    except LabelInvalid as error:
        raise LabelInvalid(error.detail, where=where + (error.where or ""), remedy=error.remedy) from error


def _read_all(value: JsonValue, where: str, read: Callable[[JsonValue, str], T], *, longest: int) -> tuple[T, ...]:
    items = tuple(read(item, f"{where}/{at}") for at, item in enumerate(read_list(value, where, longest=longest)))
    for at, item in enumerate(items):
        if item in items[:at]:
            raise FieldInvalid("The same stands here twice.", where=f"{where}/{at}", remedy="Name each once.")
    return items


def _read_category(value: JsonValue, where: str) -> str:
    return read_line(value, where, longest=128)


def _read_model(value: JsonValue, where: str) -> str:
    text = read_line(value, where, longest=_MAX_CHARACTERS)
    if _PRINTED(text) is None or _ANYTHING in text[:-1]:
        remedy = "Write a GS1 Digital Link or a name without spaces; a * at the end covers whatever begins so."
        raise FieldInvalid(f"{shown(text)} is no model.", where=where, remedy=remedy)
    canonical = text if text.endswith(_ANYTHING) else canonical_material(text)
    if text != canonical:
        raise FieldInvalid(f"{shown(text)} is not in its one spelling.", where=where, remedy=f"Write {canonical}.")
    return text


def _read_recognition(value: JsonValue, where: str) -> Recognition:
    fields = read_object(value, ("economy", "agreement", "validFrom", "validTo"), where)
    return Recognition(
        economy=read_economy(fields["economy"], f"{where}/economy"),
        agreement=read_line(fields["agreement"], f"{where}/agreement", longest=200),
        valid_from=read_day(fields["validFrom"], f"{where}/validFrom"),
        valid_to=_read_day_or_none(fields["validTo"], f"{where}/validTo"),
    )


def _read_status(value: JsonValue, where: str) -> LabelStatus:
    text = read_line(value, where, longest=32)
    if text not in list(LabelStatus):
        raise FieldInvalid(f"{shown(text)} is no status.", where=where, remedy=f"Write one of {', '.join(LabelStatus)}.")
    return LabelStatus(text)


def _read_day_or_none(value: JsonValue, where: str) -> date | None:
    return None if value is None else read_day(value, where)


def _day_text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
