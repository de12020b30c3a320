"""Whose key it is: so that whoever holds one need not find out by trying."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from greenlane.services.identify import Principal
from greenlane.web.auth import Guard, Permission
from greenlane.web.schemas import JsonAnswer, MeAnswer, time_text

router = APIRouter(prefix="/v1", tags=["Keys"])

SelfPrincipal = Annotated[Principal, Depends(Guard(Permission.SEE_SELF))]


@router.get("/me", response_model=MeAnswer, summary="Whose key this is")
def me(principal: SelfPrincipal) -> Response:
    """Role, center and member of the API key, to any live key of any role."""
    value = {
        "keyId": principal.key_id,
        "role": principal.role.value,
        "center": principal.center,
        "member": principal.member,
        "label": principal.label,
        "expiresAt": None if principal.expires_at is None else time_text(principal.expires_at),
    }
    return JsonAnswer(value, headers={"Cache-Control": "private, no-store"})
