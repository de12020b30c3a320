"""The public keys by which members read confidential documents: whoever encrypts for a member asks for them here."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from greenlane.core.canonical import parse_json
from greenlane.core.documents.description import read_recipient
from greenlane.core.units import CenterId, MemberId, center_id, member_id
from greenlane.core.wire import read_object
from greenlane.ports.accounts import KeyRole
from greenlane.ports.reader_keys import ReaderKey
from greenlane.services.identify import Principal
from greenlane.web.addresses import hosted_center
from greenlane.web.auth import Guard, Permission, WrongMember
from greenlane.web.schemas import JsonAnswer, ReaderKeysAnswer, time_text
from greenlane.web.state import state_of

router = APIRouter(prefix="/v1/members/{member}/reader-keys", tags=["Reader keys"])

SeePrincipal = Annotated[Principal, Depends(Guard(Permission.SEE_READERS))]
StorePrincipal = Annotated[Principal, Depends(Guard(Permission.STORE))]

_PRIVATE = {"Cache-Control": "private, no-store"}
_RECIPIENT_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["recipient"],
                    "additionalProperties": False,
                    "properties": {
                        "recipient": {"type": "string", "description": "an X25519 public key as age writes it: age1…"}
                    },
                }
            }
        },
    }
}


@router.get(
    "",
    response_model=ReaderKeysAnswer,
    summary="For which keys to encrypt, so that a member can read",
    openapi_extra={
        "parameters": [
            {
                "name": "center",
                "in": "query",
                "required": False,
                "description": "the member's center, where it is another one served here than the key's",
                "schema": {"type": "string"},
            }
        ]
    },
)
def keys(request: Request, principal: SeePrincipal, member: str) -> Response:
    """Every reader key of a member, revoked ones included: nothing new is encrypted for those."""
    state = state_of(request)
    named = request.query_params.get("center")
    center = principal.center if named is None else hosted_center(state, center_id(named)).id
    who = member_id(member)
    return _answer(center, who, state.services.register_reader.keys(center, who))


@router.post("", status_code=201, response_model=ReaderKeysAnswer, openapi_extra=_RECIPIENT_BODY, summary="Register a reader key")
async def add(request: Request, principal: StorePrincipal, member: str) -> Response:
    """Registers a public key of the key's own member, or, with an operator's key, of any member of its center.

    One that is registered changes nothing; one that was revoked stays revoked.
    """
    who = _own(principal, member)
    fields = read_object(parse_json(await request.body()), ["recipient"], "")
    recipient = read_recipient(fields["recipient"], "/recipient")
    register = state_of(request).services.register_reader
    found = await run_in_threadpool(lambda: register.add(principal.center, who, recipient, actor=principal.actor))
    return _answer(principal.center, who, found, status=201)


@router.delete("/{recipient}", status_code=204, summary="Revoke a reader key")
def revoke(request: Request, principal: StorePrincipal, member: str, recipient: str) -> Response:
    """Nothing new is encrypted for the key from now on; what was read stays read."""
    who = _own(principal, member)
    key = read_recipient(recipient, "/recipient")
    state_of(request).services.register_reader.revoke(principal.center, who, key, actor=principal.actor)
    return Response(status_code=204, headers=_PRIVATE)


def _own(principal: Principal, member: str) -> MemberId:
    who = member_id(member)
    # Which key opens what a member is sent is for the member to say, or for its center; not for whoever captures in its name.
    if principal.member is None and principal.role is not KeyRole.OPERATOR:
        raise WrongMember(f"A key of role {principal.role} registers no keys of members.", remedy="Use the member's own key.")
    if principal.member not in (None, who):
        raise WrongMember(f"The key speaks for {principal.member!r} alone.", remedy="Use the other member's own key.")
    return who


def _answer(center: CenterId, member: MemberId, found: Sequence[ReaderKey], status: int = 200) -> Response:
    value = {
        "center": center,
        "member": member,
        "keys": [
            {
                "recipient": key.recipient,
                "addedAt": time_text(key.added_at),
                "revokedAt": None if key.revoked_at is None else time_text(key.revoked_at),
            }
            for key in found
        ],
    }
    return JsonAnswer(value, status=status, headers=_PRIVATE)
