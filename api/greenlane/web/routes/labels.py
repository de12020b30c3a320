"""The register of labels: anyone reads it; operators and certifiers record in it."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from greenlane.core.assets.evidence import read_day, read_economy, read_name
from greenlane.core.assets.label import label_value, read_label
from greenlane.core.canonical import parse_json
from greenlane.core.wire import read_line
from greenlane.ports.accounts import KeyRole
from greenlane.ports.labels import KeptLabel
from greenlane.services.identify import Principal
from greenlane.web.auth import MEMBER_HEADER, Counted, Guard, Permission, member_of
from greenlane.web.problems import BadRequest, MediaTypeUnsupported
from greenlane.web.query import PAGE_PARAMETERS, next_link, per_page, read_parameters
from greenlane.web.schemas import JsonAnswer, Problem, time_text
from greenlane.web.state import state_of

router = APIRouter(prefix="/v1/labels", tags=["Labels"])

DeclarePrincipal = Annotated[Principal, Depends(Guard(Permission.DECLARE))]
_PRIVATE = {"Cache-Control": "private, no-store"}
_FRESH = {"Cache-Control": "no-cache"}
_MAX_CHARACTERS = 512


class _Answer(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")


class LabelVersionAnswer(_Answer):
    """One version of one label."""

    number: int = Field(description="of the version, from 1")
    recorded_by: str = Field(description="a center, or a member as center/member")
    recorded_at: str
    label: dict[str, Any] = Field(
        description="id, name, owner, categories, models, economies, validFrom, validTo, status, recognitions, effectiveFrom"
    )


class LabelsAnswer(_Answer):
    """The newest version of each label, by id."""

    labels: list[LabelVersionAnswer]


class LabelAnswer(_Answer):
    """Every version of one label, oldest first."""

    id: str
    versions: list[LabelVersionAnswer]


class ValidityAnswer(_Answer):
    """Whether a label is valid for a model in an economy on a day, and why."""

    label: str
    model: str
    economy: str
    on: str
    category: str | None
    answer: str = Field(description="valid, not-valid or not-known")
    rule: str = Field(description="which rule gave the answer")
    reason: str
    version: int | None = Field(description="number of the version that counted on the day; null where none did")
    agreement: str | None = Field(description="under which the label is recognised there")


@router.post(
    "",
    status_code=201,
    response_model=LabelVersionAnswer,
    summary="Record a label, or a new version of one",
    responses={
        200: {"model": LabelVersionAnswer, "description": "The newest version says the same already"},
        400: {"model": Problem, "description": "The label cannot stand"},
        403: {"model": Problem, "description": "Not by this member, or the label is somebody else's, or an operator's to open"},
        409: {"model": Problem, "description": "It would change what was so on a day that is over"},
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "description": "every key is there; null and empty lists say that there is nothing",
                        "required": [
                            *("id", "name", "owner", "categories", "models", "economies", "validFrom", "validTo", "status"),
                            *("recognitions", "effectiveFrom"),
                        ],
                    }
                }
            },
        }
    },
)
async def record(request: Request, principal: DeclarePrincipal) -> Response:
    """A change counts from the day that it names, today at the earliest: what was valid on an earlier day stays so."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise MediaTypeUnsupported(f"A body of type {media_type[:60]!r} is not taken here.", remedy="Send application/json.")
    label = read_label(parse_json(await request.body()))
    # An operator records in its center's name, unless it says that a member of it speaks.
    is_operator = principal.role is KeyRole.OPERATOR
    is_center = is_operator and MEMBER_HEADER not in request.headers
    member = None if is_center else member_of(request, principal)
    use = state_of(request).services.register_label
    kept, is_new = await run_in_threadpool(
        lambda: use(principal.center, member, label, actor=principal.actor, is_operator=is_operator)
    )
    return JsonAnswer(_version_value(kept), status=201 if is_new else 200, headers=_PRIVATE)


@router.get(
    "",
    response_model=LabelsAnswer,
    summary="The labels of the register",
    openapi_extra={"parameters": PAGE_PARAMETERS},
)
def labels(request: Request, _counted: Counted) -> Response:
    """The newest version of each, by id."""
    given = read_parameters(request, ("perPage", "nextPageToken"))
    limit = per_page(given.get("perPage"))
    token = given.get("nextPageToken")
    after = None if token is None else read_name(token, "/nextPageToken")
    found = state_of(request).services.register_label.newest(after=after, limit=limit + 1)
    page, headers = found[:limit], dict(_FRESH)
    if len(found) > limit:
        headers["Link"] = next_link(request, page[-1].label.id)
    return JsonAnswer({"labels": [_version_value(each) for each in page]}, headers=headers)


@router.get("/{label_id}", response_model=LabelAnswer, summary="One label with all its versions")
def label(request: Request, _counted: Counted, label_id: str) -> Response:
    """Every version, oldest first: the one that counts on a day is the last whose effectiveFrom is not after it."""
    name = read_name(label_id, "/label")
    versions = state_of(request).services.register_label.versions(name)
    return JsonAnswer({"id": name, "versions": [_version_value(each) for each in versions]}, headers=_FRESH)


@router.get(
    "/{label_id}/validity",
    response_model=ValidityAnswer,
    summary="Is a label valid for a model in an economy on a day?",
    openapi_extra={
        "parameters": [
            {
                "name": name,
                "in": "query",
                "required": is_required,
                "description": description,
                "schema": {"type": "string"},
            }
            for name, is_required, description in (
                ("model", True, "a GS1 Digital Link of an item, lot or class, or the name of a model"),
                ("economy", True, "ISO 3166-1 alpha-2"),
                ("on", False, "a day like 2026-07-01; today unless told"),
                ("category", False, "of the model, as the label's scheme calls it, where it is known"),
            )
        ]
    },
)
def validity(request: Request, _counted: Counted, label_id: str) -> Response:
    """valid, not-valid or not-known, with the rule and a sentence that says why."""
    given = read_parameters(request, ("model", "economy", "on", "category"))
    for name in ("model", "economy"):
        if name not in given:
            raise BadRequest(f"The parameter {name} is missing.", remedy="Ask with model and economy, and on for another day.")
    name = read_name(label_id, "/label")
    model = read_line(given["model"], "/model", longest=_MAX_CHARACTERS)
    economy = read_economy(given["economy"], "/economy")
    day = read_day(given["on"], "/on") if "on" in given else None
    category = read_line(given["category"], "/category", longest=128) if "category" in given else None
    verdict, on = state_of(request).services.register_label.validity(
        name, model=model, economy=economy, day=day, category=category
    )
    value = {
        "label": name,
        "model": model,
        "economy": economy,
        "on": on.isoformat(),
        "category": category,
        "answer": verdict.answer,
        "rule": verdict.rule,
        "reason": verdict.reason,
        "version": verdict.number,
        "agreement": verdict.agreement,
    }
    return JsonAnswer(value, headers=_FRESH)


def _version_value(kept: KeptLabel) -> dict[str, object]:
    return {
        "number": kept.number,
        "recordedBy": kept.center if kept.member is None else f"{kept.center}/{kept.member}",
        "recordedAt": time_text(kept.recorded_at),
        "label": label_value(kept.label),
    }
