"""Statements of evidence: drafted by whose units these will be, signed or refused by their certifier, issued out of, revoked.

One that another deployment's center logged may be put here by whoever needs it to check a purchase or to certify a retirement.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from greenlane.core.assets.act import SIGNATURE_BYTES
from greenlane.core.receipt import encode_receipt
from greenlane.core.wire import encode_hex, read_hex
from greenlane.ports.evidence_index import EvidenceState, KeptEvidence
from greenlane.services.identify import Principal
from greenlane.services.sign_evidence import EvidenceUnknown
from greenlane.web.asked import (
    MEMBER_PARAMETER,
    PRIVATE,
    QUANTITY,
    asker_of,
    digest_in_address,
    meaning_of,
    read_body,
    read_own,
    read_quantity_text,
    read_reason,
    request_body,
)
from greenlane.web.asset_schemas import ACT_RESPONSES, EvidenceAnswer, StatedEvidenceAnswer, act_answer, stated_value
from greenlane.web.auth import Guard, Permission, Reader, member_of
from greenlane.web.once import once_of
from greenlane.web.problems import BadRequest
from greenlane.web.query import per_page, read_parameters
from greenlane.web.schemas import JsonAnswer, Problem
from greenlane.web.state import WebState, state_of

router = APIRouter(prefix="/v1/evidence", tags=["Evidence"])

TradePrincipal = Annotated[Principal, Depends(Guard(Permission.TRADE))]
SeeTradePrincipal = Annotated[Principal, Depends(Guard(Permission.SEE_TRADE))]
CertifyPrincipal = Annotated[Principal, Depends(Guard(Permission.CERTIFY))]
_REQUIRED = (
    *("certifier", "class", "quantity", "facility", "vintageFrom", "vintageTo", "custodyModel", "certificateDigest", "economy"),
)
_OPTIONAL = ("type", "version", "id", "center", "holder", "attribute", "unit", "decimals", "lot", "origin")
_TEXT = {"type": "string"}
_STATEMENT = {
    "certifier": {"type": "string", "description": "center/member that is to sign it"},
    "class": {"type": "string", "description": "short name; attribute, unit and decimals are the class's own"},
    "quantity": QUANTITY,
    "lot": {"type": ["string", "null"], "description": "URI of the lot, of GS1 its canonical Digital Link; lot or origin"},
    "facility": {"type": "string", "description": "URI of the facility"},
    "vintageFrom": _TEXT,
    "vintageTo": {"type": "string", "description": "the last day, which is over"},
    "custodyModel": {
        "type": "string",
        "enum": ["identity-preserved", "segregated", "controlled-blending", "mass-balance", "book-and-claim"],
    },
    "origin": {
        "type": ["object", "null"],
        "required": ["registry", "serialFrom", "serialTo"],
        "properties": {"registry": _TEXT, "serialFrom": {"type": "integer"}, "serialTo": {"type": "integer"}},
    },
    "certificateDigest": {"type": "string", "description": "SHA-256 of the certificate's bytes"},
    "economy": {"type": "string", "description": "ISO 3166-1 alpha-2 of the facility"},
    **{name: {"description": "as the statement has it, where it is to be said; must be right"} for name in _OPTIONAL[:8]},
}
_EXAMPLE: dict[str, Any] = {
    "certifier": "tianjin/certifier",
    "class": "cocoa-df",
    "quantity": "12.5",
    "lot": "https://id.gs1.org/01/09521321000018/10/LOT-7",
    "facility": "https://id.gs1.org/414/9521321000018",
    "vintageFrom": "2026-01-01",
    "vintageTo": "2026-03-31",
    "custodyModel": "segregated",
    "origin": None,
    "certificateDigest": "0x8d3b2a1f4c5e6d7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f7",
    "economy": "PE",
}


@router.post(
    "",
    status_code=201,
    response_model=EvidenceAnswer,
    summary="Draft a statement for its certifier to sign",
    responses={
        400: {"model": Problem, "description": "The statement cannot stand; `errors` says where"},
        409: {
            "model": Problem,
            "description": "Holder or certifier is not in good standing, the statement is there, or the books do not carry it",
        },
        503: {"model": Problem, "description": "The chain is away; nothing was kept"},
    },
    openapi_extra=request_body(_STATEMENT, required=_REQUIRED, example=_EXAMPLE, is_act=False),
)
async def state(request: Request, principal: TradePrincipal) -> Response:
    """In the name of the member whose units these will be. `warnings` say what the certifier should look at, here and later."""
    body = await request.body()
    return await run_in_threadpool(_state, state_of(request), request, principal, body)


@router.get("", response_model=StatedEvidenceAnswer, summary="Statements that a member holds or certifies")
def statements(request: Request, principal: SeeTradePrincipal) -> Response:
    """Newest first; `warnings` are told of each by itself."""
    limit = per_page(read_parameters(request, ("perPage",)).get("perPage"))
    web = state_of(request)
    found = web.services.assets.sign_evidence.of_member(principal.center, member_of(request, principal), limit=limit)
    value = {"evidence": [_value(web, kept) for kept in found]}
    return JsonAnswer(value, headers=PRIVATE)


@router.get(
    "/{digest}",
    response_model=EvidenceAnswer,
    summary="A statement",
    responses={404: {"model": Problem, "description": "There is none, or it is a draft that is not the asker's"}},
)
def statement(request: Request, reader: Reader, digest: str) -> Response:
    """One that is logged, here or elsewhere, to everybody; a draft, and its `warnings` of now, to its sides and their centers."""
    web = state_of(request)
    center, member = (None, None) if reader is None else (reader.center, reader.member)
    kept = web.services.assets.sign_evidence.look(digest_in_address(digest), center=center, member=member)
    warnings = web.services.assets.state_evidence.warnings(kept) if kept.state is EvidenceState.DRAFTED else ()
    return JsonAnswer(_value(web, kept, warnings), headers={"Cache-Control": "private, no-cache", "Vary": "Authorization"})


@router.put(
    "/{digest}",
    response_model=EvidenceAnswer,
    summary="Make another center's statement known",
    responses={
        400: {"model": Problem, "description": "It is not the statement of that digest, or not signed by its certifier"},
        409: {"model": Problem, "description": "The chain has admitted no such statement, or it is a draft of this center"},
        503: {"model": Problem, "description": "The chain is away; nothing was kept"},
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["statement", "signature"],
                        "additionalProperties": False,
                        "properties": {
                            "statement": {"type": "object", "description": "GreenlaneEvidence, as its own center gives it"},
                            "signature": {"type": "string", "description": "the certifier's, 65 bytes in hex"},
                        },
                    }
                }
            },
        },
        "parameters": [MEMBER_PARAMETER],
    },
)
async def learn(request: Request, principal: TradePrincipal, digest: str) -> Response:
    """`statement` and `signature` of the answer that GET gives at the center whose log holds it.

    It is believed because it is its digest's, its certifier's, and the chain's: the register admitted it. From then on a purchase
    is checked by it, and retirements of its units get a certificate. Putting it again changes nothing.
    """
    body = await request.body()
    return await run_in_threadpool(_learn, state_of(request), request, principal, body, digest)


@router.post(
    "/{digest}/signature",
    response_model=EvidenceAnswer,
    summary="Sign a statement",
    responses={
        400: {"model": Problem, "description": "The signature is not the certifier's"},
        409: {"model": Problem, "description": "It was refused, or the certifier keeps its key itself (`toSign`)"},
        503: {"model": Problem, "description": "Too many entries wait to be published"},
    },
    openapi_extra=request_body(
        {
            "signature": {
                "type": ["string", "null"],
                "description": "the certifier's, 65 bytes in hex; null: its center signs",
            }
        },
        required=(),
        example={"signature": None},
        is_act=False,
    ),
)
async def sign(request: Request, principal: CertifyPrincipal, digest: str) -> Response:
    """By the certifier's key, or by the holder's with the certifier's signature. It is an entry of the log from then on."""
    body = await request.body()
    return await run_in_threadpool(_sign, state_of(request), request, principal, body, digest)


@router.post(
    "/{digest}/refusal",
    response_model=EvidenceAnswer,
    summary="Refuse a statement",
    responses={409: {"model": Problem, "description": "It is signed"}},
    openapi_extra=request_body(
        {"because": _TEXT}, required=("because",), example={"because": "The lot was not audited"}, is_act=False
    ),
)
async def refuse(request: Request, principal: CertifyPrincipal, digest: str) -> Response:
    """By its certifier, with words for its holder."""
    body = await request.body()
    return await run_in_threadpool(_refuse, state_of(request), request, principal, body, digest)


@router.delete(
    "/{digest}",
    response_model=EvidenceAnswer,
    summary="Take a draft back",
    responses={
        404: {"model": Problem, "description": "There is none, or it is not the asker's"},
        409: {"model": Problem, "description": "It is signed"},
    },
)
def withdraw(request: Request, principal: TradePrincipal, digest: str) -> Response:
    """By its holder, before its certifier decides: what it took from the books is free again."""
    web, asker = state_of(request), asker_of(request, principal)
    kept = web.services.assets.sign_evidence.withdraw(
        digest_in_address(digest), center=asker.center, member=asker.member, actor=asker.actor
    )
    return JsonAnswer(_value(web, kept), headers=PRIVATE)


@router.post(
    "/{digest}/issuances",
    status_code=202,
    response_model=None,
    summary="Issue units out of a statement",
    responses=ACT_RESPONSES,
    openapi_extra=request_body({"quantity": QUANTITY}, required=("quantity",), example={"quantity": "10"}),
)
async def issue(request: Request, principal: TradePrincipal, digest: str) -> Response:
    """By its holder, once its entry is anchored: until then 409 evidence-not-ready says where it stands."""
    body = await request.body()
    return await run_in_threadpool(_issue, state_of(request), request, principal, body, digest)


@router.post(
    "/{digest}/revocation",
    status_code=202,
    response_model=None,
    summary="Take a statement back",
    responses=ACT_RESPONSES,
    openapi_extra=request_body({"reason": _TEXT}, required=("reason",), example={"reason": "The lot was mixed"}),
)
async def revoke(request: Request, principal: CertifyPrincipal, digest: str) -> Response:
    """By its certifier: its units do not move any more, and its retirements are challenged. Nothing brings it back."""
    body = await request.body()
    return await run_in_threadpool(_revoke, state_of(request), request, principal, body, digest)


async def _freshen_keys(request: Request) -> None:
    await state_of(request).trust.freshen()


@router.get(
    "/{digest}/receipt",
    response_model=None,
    summary="The receipt of a statement's entry",
    responses={
        200: {"description": "The receipt, with `disclosure` null", "content": {"application/json": {}}},
        404: {"model": Problem, "description": "There is no such entry"},
        503: {"model": Problem, "description": "It is not anchored yet, or not sealed yet where that is required"},
    },
    openapi_extra={
        "parameters": [
            {
                "name": "sealed",
                "in": "query",
                "required": False,
                "description": "required: no receipt without the validators' seals",
                "schema": {"type": "string", "enum": ["if-kept", "required"], "default": "if-kept"},
            }
        ]
    },
)
def receipt(request: Request, _reader: Reader, _: Annotated[None, Depends(_freshen_keys)], digest: str) -> Response:
    """That the statement's digest is in the anchored log of its center."""
    sealed = read_parameters(request, ("sealed",)).get("sealed", "if-kept")
    if sealed not in {"if-kept", "required"}:
        raise BadRequest(f"A receipt cannot be sealed {sealed[:40]!r}.", remedy="Use if-kept or required.")
    services = state_of(request).services
    kept = services.assets.sign_evidence.look(digest_in_address(digest), center=None, member=None)
    if kept.leaf_index is None:
        raise EvidenceUnknown(
            f"The statement {encode_hex(kept.digest)} is an entry of the log of {kept.center}, which is kept elsewhere.",
            remedy=f"Ask the center {kept.center} for its receipt.",
        )
    found = services.prove.entry(kept.center, kept.leaf_index, must_be_sealed=sealed == "required")
    return JsonAnswer(encode_receipt(found), headers={"Cache-Control": "no-cache"})


def _state(web: WebState, request: Request, principal: Principal, body: bytes) -> Response:
    asker = asker_of(request, principal)
    fields = read_body(request, body, required=_REQUIRED, optional=_OPTIONAL)
    drafted = web.services.assets.state_evidence(
        {name: value for name, value in fields.items() if value is not None},
        center=asker.center,
        member=asker.member,
        actor=asker.actor,
        once=once_of(web, request, principal, meaning_of(asker, body)),
    )
    headers = PRIVATE | {"Location": f"/v1/evidence/{encode_hex(drafted.evidence.digest)}"}
    return JsonAnswer(_value(web, drafted.evidence, drafted.warnings), status=201, headers=headers)


def _sign(web: WebState, request: Request, principal: Principal, body: bytes, digest: str) -> Response:
    asker = asker_of(request, principal)
    given = read_body(request, body, required=(), optional=("signature",))["signature"] if body else None
    kept = web.services.assets.sign_evidence(
        digest_in_address(digest),
        signature=None if given is None else read_hex(given, "/signature", length=SIGNATURE_BYTES),
        center=asker.center,
        member=asker.member,
        actor=asker.actor,
    )
    warnings = web.services.assets.state_evidence.warnings(kept) if kept.state is EvidenceState.LOGGED else ()
    return JsonAnswer(_value(web, kept, warnings), headers=PRIVATE)


def _learn(web: WebState, request: Request, principal: Principal, body: bytes, digest: str) -> Response:
    asker = asker_of(request, principal)
    fields = read_body(request, body, required=("statement", "signature"))
    kept = web.services.assets.sign_evidence.learn(
        digest_in_address(digest),
        fields["statement"],
        signature=read_hex(fields["signature"], "/signature", length=SIGNATURE_BYTES),
        center=asker.center,
        member=asker.member,
        actor=asker.actor,
    )
    return JsonAnswer(_value(web, kept), headers=PRIVATE)


def _refuse(web: WebState, request: Request, principal: Principal, body: bytes, digest: str) -> Response:
    asker = asker_of(request, principal)
    because = read_reason(read_body(request, body, required=("because",))["because"], "/because")
    kept = web.services.assets.sign_evidence.refuse(
        digest_in_address(digest), because=because, center=asker.center, member=asker.member, actor=asker.actor
    )
    return JsonAnswer(_value(web, kept), headers=PRIVATE)


def _issue(web: WebState, request: Request, principal: Principal, body: bytes, digest: str) -> Response:
    asker = asker_of(request, principal)
    fields = read_body(request, body, required=("quantity",), optional=("act",))
    kept = web.services.assets.issue(
        asker,
        digest=digest_in_address(digest),
        quantity=read_quantity_text(fields["quantity"]),
        own=read_own(fields["act"]),
        once=once_of(web, request, principal, meaning_of(asker, body)),
    )
    return act_answer(kept)


def _revoke(web: WebState, request: Request, principal: Principal, body: bytes, digest: str) -> Response:
    asker = asker_of(request, principal)
    fields = read_body(request, body, required=("reason",), optional=("act",))
    kept = web.services.assets.revoke(
        asker,
        digest=digest_in_address(digest),
        reason=read_reason(fields["reason"]),
        own=read_own(fields["act"]),
        once=once_of(web, request, principal, meaning_of(asker, body)),
    )
    return act_answer(kept)


def _value(web: WebState, kept: KeptEvidence, warnings: tuple[str, ...] = ()) -> dict[str, Any]:
    to_sign = web.services.assets.sign_evidence.to_sign(kept)
    return stated_value(kept, web.settings.public_url, to_sign=to_sign, warnings=warnings)
