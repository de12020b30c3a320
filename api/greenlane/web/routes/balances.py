"""The books of a member's facilities, and the conversion factors that it declares."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from greenlane.core.assets.evidence import read_day, read_uri
from greenlane.core.balance.amounts import amount_text
from greenlane.core.balance.book import PeriodBalance
from greenlane.core.balance.factors import factor_value
from greenlane.core.balance.materials import canonical_facility, canonical_material
from greenlane.core.canonical import parse_json
from greenlane.core.documents.cid import parse_cid
from greenlane.core.wire import encode_hex, read_line, read_object
from greenlane.ports.factors import KeptFactor
from greenlane.services.balance import FacilityBook
from greenlane.services.identify import Principal
from greenlane.web.auth import Guard, Permission, member_of
from greenlane.web.problems import BadRequest, MediaTypeUnsupported
from greenlane.web.query import read_parameters
from greenlane.web.schemas import JsonAnswer, Problem, time_text
from greenlane.web.state import state_of

router = APIRouter(tags=["Balances"])

ReadPrincipal = Annotated[Principal, Depends(Guard(Permission.READ))]
DeclarePrincipal = Annotated[Principal, Depends(Guard(Permission.DECLARE))]
_PRIVATE = {"Cache-Control": "private, no-store"}
_CID_CHARACTERS = 128


class _Answer(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")


class PeriodBalanceAnswer(_Answer):
    """One material in one unit; amounts are decimal text, exact."""

    material: str
    unit: str = Field(description="UN/CEFACT Recommendation 20: KGM, LTR, KWH, H87, or a unit that is converted into no other")
    opening: str = Field(description="stock before the first day")
    declared: str = Field(description="opening counts within the days asked for")
    made: str
    received: str
    found: str = Field(description="what a count found too much: stock that carries no claim")
    consumed: str
    sent: str
    lost: str
    closing: str = Field(description="opening + declared + made + received + found - consumed - sent - lost")
    below_zero_since: str | None = Field(description="first day that ended with less than nothing; null where none did")


class UncountedAnswer(_Answer):
    """Something that an event moved, and whose amount the events do not tell."""

    identifier: str
    day: str
    event_hash: str
    reason: str


class BalancesAnswer(_Answer):
    """The books of one facility."""

    center: str
    member: str
    facility: str
    from_day: str | None = Field(alias="from")
    to_day: str | None = Field(alias="to")
    balances: list[PeriodBalanceAnswer]
    uncounted: list[UncountedAnswer]


class FactorAnswer(_Answer):
    """One version of one conversion factor, and where its declaration stands."""

    center: str
    member: str
    digest: str = Field(description="SHA-256 of the declaration; the next version replaces it")
    cid: str
    leaf_index: int
    recorded_at: str
    receipt: str = Field(description="address of the declaration's receipt")
    factor: dict[str, Any] = Field(description="GreenlaneConversionFactor")


class FactorsAnswer(_Answer):
    """Declared conversion factors, oldest first."""

    factors: list[FactorAnswer]


def _parameter(name: str, description: str, *, is_required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": is_required, "description": description, "schema": {"type": "string"}}


@router.get(
    "/v1/balances",
    response_model=BalancesAnswer,
    summary="What a facility had of each material",
    openapi_extra={
        "parameters": [
            _parameter("facility", "its GLN as GS1 Digital Link (or its URN, or another URI)", is_required=True),
            _parameter("material", "of one material only: its GTIN as GS1 Digital Link, or any of its lots"),
            _parameter("from", "first day, like 2026-07-01; from the beginning unless told"),
            _parameter("to", "last day; up to the end unless told"),
        ]
    },
)
def balances(request: Request, principal: ReadPrincipal) -> Response:
    """Out of the events that the member captured there: its own key's, or the one that the header Greenlane-Member names."""
    given = read_parameters(request, ("facility", "material", "from", "to"))
    if "facility" not in given:
        raise BadRequest("The parameter facility is missing.", remedy="Name the facility, like https://id.gs1.org/414/….")
    facility = canonical_facility(read_uri(given["facility"], "/facility"))
    material = canonical_material(read_uri(given["material"], "/material")) if "material" in given else None
    from_day, to_day = _day(given, "from"), _day(given, "to")
    if from_day is not None and to_day is not None and to_day < from_day:
        raise BadRequest("The days end before they begin.", remedy="Give the first day under from, the last under to.")
    member = member_of(request, principal)
    book = state_of(request).services.balance(
        principal.center, member, facility=facility, material=material, from_day=from_day, to_day=to_day
    )
    return JsonAnswer(_book_value(book, from_day, to_day), headers=_PRIVATE)


@router.post(
    "/v1/conversion-factors",
    status_code=201,
    response_model=FactorAnswer,
    summary="Let a declared conversion factor count",
    responses={
        400: {"model": Problem, "description": "The document is no declaration in its one spelling"},
        404: {"model": Problem, "description": "The member stated no public document of that CID"},
        409: {"model": Problem, "description": "It is not the next version, or would change days that are over"},
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["cid"],
                        "additionalProperties": False,
                        "properties": {
                            "cid": {
                                "type": "string",
                                "description": "of the declaration (GreenlaneConversionFactor, RFC 8785 bytes), which the member "
                                "stored as a public document",
                            }
                        },
                    }
                }
            },
        }
    },
)
async def declare(request: Request, principal: DeclarePrincipal) -> Response:
    """The same again changes nothing. A version is never changed: a new one replaces it from a day on that is not over."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise MediaTypeUnsupported(f"A body of type {media_type[:60]!r} is not taken here.", remedy="Send application/json.")
    fields = read_object(parse_json(await request.body()), ("cid",), "")
    cid = parse_cid(read_line(fields["cid"], "/cid", longest=_CID_CHARACTERS), where="/cid")
    member = member_of(request, principal)
    state = state_of(request)
    use = state.services.declare_factor
    kept = await run_in_threadpool(lambda: use(principal.center, member, cid, actor=principal.actor))
    return JsonAnswer(_factor_value(kept, state.settings.public_url), status=201, headers=_PRIVATE)


@router.get(
    "/v1/conversion-factors",
    response_model=FactorsAnswer,
    summary="Conversion factors that a member declared",
    openapi_extra={"parameters": [_parameter("facility", "of one facility only")]},
)
def declared(request: Request, principal: ReadPrincipal) -> Response:
    """Every version, oldest first."""
    given = read_parameters(request, ("facility",))
    facility = canonical_facility(read_uri(given["facility"], "/facility")) if "facility" in given else None
    state = state_of(request)
    found = state.services.declare_factor.declared(principal.center, member_of(request, principal), facility=facility)
    return JsonAnswer({"factors": [_factor_value(each, state.settings.public_url) for each in found]}, headers=_PRIVATE)


def _day(given: dict[str, str], name: str) -> date | None:
    return read_day(given[name], f"/{name}") if name in given else None


def _book_value(book: FacilityBook, from_day: date | None, to_day: date | None) -> dict[str, object]:
    return {
        "center": book.center,
        "member": book.member,
        "facility": book.facility,
        "from": None if from_day is None else from_day.isoformat(),
        "to": None if to_day is None else to_day.isoformat(),
        "balances": [_balance_value(each) for each in book.balances],
        "uncounted": [
            {
                "identifier": each.identifier,
                "day": each.day.isoformat(),
                "eventHash": each.event_hash,
                "reason": each.reason,
            }
            for each in book.uncounted
        ],
    }


def _balance_value(balance: PeriodBalance) -> dict[str, object]:
    return {
        "material": balance.node.material,
        "unit": balance.node.unit,
        "opening": amount_text(balance.opening),
        "declared": amount_text(balance.declared),
        "made": amount_text(balance.made),
        "received": amount_text(balance.received),
        "found": amount_text(balance.found),
        "consumed": amount_text(balance.consumed),
        "sent": amount_text(balance.sent),
        "lost": amount_text(balance.lost),
        "closing": amount_text(balance.closing),
        "belowZeroSince": None if balance.shortfall is None else balance.shortfall.day.isoformat(),
    }


def _factor_value(kept: KeptFactor, public_url: str) -> dict[str, object]:
    place = f"center={kept.center}&leaf={kept.leaf_index}"
    return {
        "center": kept.center,
        "member": kept.member,
        "digest": encode_hex(kept.digest),
        "cid": kept.cid.text,
        "leafIndex": kept.leaf_index,
        "recordedAt": time_text(kept.recorded_at),
        "receipt": f"{public_url}/v1/documents/{kept.cid.text}/receipt?{place}",
        "factor": factor_value(kept.factor),
    }
