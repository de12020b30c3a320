"""Whether a label is valid for a model, where and when: each rule by itself, with its reason, and the same for ever."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from greenlane.core.assets.label import (
    Label,
    LabelAnswer,
    LabelOutOfTurn,
    LabelRule,
    LabelStatus,
    LabelVerdict,
    Recognition,
    is_valid,
    label_value,
    read_label,
    require_next_label,
)
from greenlane.core.errors import InvalidInput

CHAIR = "https://id.gs1.org/01/09506000134352"
TODAY = date(2026, 6, 1)


def value(**changes: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "id": "blue-leaf",
        "name": "Blue Leaf",
        "owner": "Blue Leaf Association",
        "categories": ["office furniture"],
        "models": [CHAIR, "https://id.gs1.org/01/0950600099*", "MODEL-7*"],
        "economies": ["PE", "CL"],
        "validFrom": "2026-01-01",
        "validTo": "2026-12-31",
        "status": "active",
        "recognitions": [
            {"economy": "VN", "agreement": "the 2026 accord", "validFrom": "2026-03-01", "validTo": "2026-08-31"},
            {"economy": "VN", "agreement": "the old accord", "validFrom": "2025-03-01", "validTo": "2025-08-31"},
            {"economy": "JP", "agreement": "the open accord", "validFrom": "2026-03-01", "validTo": None},
        ],
        "effectiveFrom": "2026-01-01",
    }
    return plain | changes


def label(**changes: Any) -> Label:
    return read_label(value(**changes))


def asked(
    *versions: Label, model: str = CHAIR, economy: str = "PE", on: str = "2026-06-01", category: str | None = None
) -> LabelVerdict:
    return is_valid(versions or (label(),), model=model, economy=economy, day=date.fromisoformat(on), category=category)


VALID, NOT_VALID, NOT_KNOWN = LabelAnswer


@pytest.mark.parametrize(
    ("changes", "question", "answer", "rule", "reason"),
    [
        ({}, {}, VALID, LabelRule.VALID_IN_ECONOMY, "was valid in PE on 2026-06-01"),
        ({}, {"model": f"{CHAIR}/21/1"}, VALID, LabelRule.VALID_IN_ECONOMY, "covers this model"),
        ({}, {"model": "https://shop.example/01/09506000134352/10/L7"}, VALID, LabelRule.VALID_IN_ECONOMY, "covers"),
        ({}, {"model": "MODEL-7B"}, VALID, LabelRule.VALID_IN_ECONOMY, "covers"),
        ({"models": ["*"], "categories": []}, {"model": "anything"}, VALID, LabelRule.VALID_IN_ECONOMY, "covers"),
        ({}, {"category": "office furniture"}, VALID, LabelRule.VALID_IN_ECONOMY, "covers"),
        ({"models": []}, {"category": "office furniture"}, VALID, LabelRule.VALID_IN_ECONOMY, "covers"),
        ({}, {"on": "2025-12-31"}, NOT_KNOWN, LabelRule.NOT_REGISTERED_YET, "knows Blue Leaf from 2026-01-01 on"),
        ({"effectiveFrom": "2025-01-01"}, {"on": "2025-12-31"}, NOT_VALID, LabelRule.NOT_YET_VALID, "from 2026-01-01 on"),
        ({}, {"on": "2026-12-31"}, VALID, LabelRule.VALID_IN_ECONOMY, "2026-12-31"),
        ({}, {"on": "2027-01-01"}, NOT_VALID, LabelRule.EXPIRED, "was valid until 2026-12-31"),
        ({"validTo": None}, {"on": "2099-01-01"}, VALID, LabelRule.VALID_IN_ECONOMY, "2099"),
        ({"status": "suspended"}, {}, NOT_VALID, LabelRule.SUSPENDED, "had suspended Blue Leaf"),
        ({"status": "withdrawn"}, {}, NOT_VALID, LabelRule.WITHDRAWN, "had withdrawn Blue Leaf"),
        ({}, {"model": "MODEL-8"}, NOT_VALID, LabelRule.MODEL_NOT_COVERED, "MODEL-8 is none of the models"),
        ({}, {"category": "cocoa"}, NOT_VALID, LabelRule.CATEGORY_NOT_COVERED, "covers office furniture, and not cocoa"),
        ({"models": []}, {}, NOT_KNOWN, LabelRule.CATEGORY_NOT_TOLD, "the register does not say"),
        (
            {},
            {"economy": "VN"},
            VALID,
            LabelRule.RECOGNISED,
            "of PE, CL was recognised in VN on 2026-06-01 under the 2026 accord",
        ),
        ({}, {"economy": "JP", "on": "2026-12-01"}, VALID, LabelRule.RECOGNISED, "under the open accord"),
        ({}, {"economy": "VN", "on": "2026-02-01"}, NOT_VALID, LabelRule.RECOGNITION_NOT_YET, "from 2026-03-01 on"),
        (
            {},
            {"economy": "VN", "on": "2026-09-01"},
            NOT_VALID,
            LabelRule.RECOGNITION_OVER,
            "under the 2026 accord until 2026-08-31",
        ),
        ({}, {"economy": "DE"}, NOT_VALID, LabelRule.ECONOMY_NOT_COVERED, "no agreement is recorded by which DE recognises it"),
    ],
)
def test_each_rule_gives_its_answer_and_says_why(
    changes: dict[str, Any], question: dict[str, str], answer: LabelAnswer, rule: LabelRule, reason: str
) -> None:
    verdict = asked(label(**changes), **question)
    assert (verdict.answer, verdict.rule) == (answer, rule)
    assert reason in verdict.reason
    assert verdict.reason.endswith(".")
    assert (verdict.number is None) == (rule is LabelRule.NOT_REGISTERED_YET)
    assert (verdict.agreement is not None) == (rule is LabelRule.RECOGNISED)


def test_a_change_never_rewrites_what_was_valid_on_an_earlier_day() -> None:
    first = label()
    withdrawn = label(status="withdrawn", effectiveFrom="2026-06-01")
    again = label(effectiveFrom="2026-07-01")
    for versions in ((first,), (first, withdrawn), (first, withdrawn, again)):
        assert asked(*versions, on="2026-05-31").answer is VALID
    assert asked(first, withdrawn, on="2026-06-01").rule is LabelRule.WITHDRAWN
    assert asked(first, withdrawn, again, on="2026-06-30").number == 2
    assert asked(first, withdrawn, again, on="2026-07-01").number == 3


def test_of_versions_that_count_from_the_same_day_the_last_one_counts() -> None:
    assert asked(label(), label(status="suspended")).number == 2


@pytest.mark.parametrize(
    ("effective_from", "before"),
    [("2026-05-31", "2026-01-01"), ("2026-08-31", "2026-09-01")],
)
def test_a_change_counts_from_the_day_it_is_recorded_at_the_earliest(effective_from: str, before: str) -> None:
    newest = label(effectiveFrom=before)
    with pytest.raises(LabelOutOfTurn) as caught:
        require_next_label(label(effectiveFrom=effective_from), newest, today=TODAY)
    assert caught.value.where == "/effectiveFrom"
    require_next_label(label(effectiveFrom="2026-09-01"), newest, today=TODAY)
    require_next_label(label(effectiveFrom="2020-01-01"), None, today=TODAY)


@pytest.mark.parametrize("changes", [{}, {"validTo": None, "recognitions": [], "categories": []}, {"models": []}])
def test_what_is_read_is_written_again(changes: dict[str, Any]) -> None:
    assert label_value(label(**changes)) == value(**changes)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"id": "Blue Leaf"}, "/id"),
        ({"name": ""}, "/name"),
        ({"owner": None}, "/owner"),
        ({"categories": "all"}, "/categories"),
        ({"categories": ["a", "b", "a"]}, "/categories/2"),
        ({"models": ["a b"]}, "/models/0"),
        ({"models": ["a*b"]}, "/models/0"),
        ({"models": [f"{CHAIR}/21/1"]}, "/models/0"),
        ({"models": ["urn:epc:class:lgtin:9506000.013437.A"]}, "/models/0"),
        ({"models": [], "categories": []}, "/models"),
        ({"economies": []}, "/economies"),
        ({"economies": ["Peru"]}, "/economies/0"),
        ({"validFrom": "today"}, "/validFrom"),
        ({"validTo": "2025-12-31"}, "/validTo"),
        ({"status": "good"}, "/status"),
        ({"recognitions": [{"economy": "VN"}]}, "/recognitions/0"),
        (
            {"recognitions": [{"economy": "VN", "agreement": "x", "validFrom": "2026-03-01", "validTo": "2026-02-01"}]},
            "/recognitions/0/validTo",
        ),
        ({"effectiveFrom": None}, "/effectiveFrom"),
        ({"remark": ""}, "/remark"),
    ],
)
def test_what_cannot_stand_is_refused_at_its_place(changes: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_label(value(**changes), "/label")
    assert caught.value.where == f"/label{where}"


def test_a_recognition_counts_on_its_days_both_ends_included() -> None:
    one = Recognition(economy="VN", agreement="x", valid_from=date(2026, 3, 1), valid_to=date(2026, 3, 31))
    days = [date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 31), date(2026, 4, 1)]
    assert [one.is_valid_on(day) for day in days] == [False, True, True, False]
    assert replace(one, valid_to=None).is_valid_on(days[-1])
    assert LabelStatus("active") is LabelStatus.ACTIVE
