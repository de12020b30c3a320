"""Signing in at the pages with an API key, and signing out."""

from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from greenlane.core.errors import GreenlaneError
from greenlane.services.identify import Principal, Unauthenticated
from greenlane.services.sign_in import LASTS, OpenedSession
from greenlane.web.auth import GRANTS, Permission, count_address
from greenlane.web.pages.render import private_page
from greenlane.web.signed_in import (
    HOME_PATH,
    SIGN_IN_PATH,
    Form,
    FormGuard,
    PageGuard,
    Visitor,
    cookie_name,
    is_secure,
    own_path,
    read_form,
    require_own_origin,
)
from greenlane.web.state import WebState, state_of

router = APIRouter(tags=["Pages"], default_response_class=Response)

_KEY_CHARACTERS = 200
_PAGE: dict[int | str, dict[str, Any]] = {200: {"description": "A page", "content": {"text/html": {}}}}
_ON: dict[int | str, dict[str, Any]] = {303: {"description": "The page to go on to"}}
_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["key"],
                    "properties": {"key": {"type": "string", "format": "password"}, "next": {"type": "string"}},
                }
            }
        },
    }
}


@router.get("/sign-in", response_model=None, responses=_PAGE, summary="Sign in", dependencies=[Depends(count_address)])
async def sign_in_page(request: Request) -> Response:
    """Where a person pastes an API key. `next` is the path of the page to go on to."""
    return _form(own_path(request.query_params.get("next", HOME_PATH)))


@router.post(
    "/sign-in",
    response_model=None,
    status_code=303,
    responses=_ON,
    summary="Sign in with a key",
    openapi_extra=_FORM,
    dependencies=[Depends(count_address)],
)
async def sign_in(request: Request) -> Response:
    """The browser gets a cookie for twelve hours. The key is kept by nobody."""
    require_own_origin(request)
    fields = await read_form(request)
    state, next_path = state_of(request), own_path(fields.get("next", HOME_PATH))
    try:
        opened = await to_thread.run_sync(_opened, state, request, fields.get("key", "").strip())
    except (Unauthenticated, _Useless) as refused:
        return _form(next_path, refused=refused)
    answer = RedirectResponse(next_path, status_code=303, headers={"Cache-Control": "no-store"})
    answer.set_cookie(
        cookie_name(state),
        opened.token,
        max_age=int(LASTS.total_seconds()),
        path="/",
        secure=is_secure(state),
        httponly=True,
        samesite="strict",
    )
    return answer


@router.get("/sign-out", response_model=None, responses=_PAGE, summary="Whether to sign out")
def sign_out_page(visitor: Annotated[Visitor, Depends(PageGuard(Permission.SEE_SELF))]) -> Response:
    """Who is signed in, and the button that ends it."""
    return private_page("sign_out.html", visitor=visitor)


@router.post("/sign-out", response_model=None, status_code=303, responses=_ON, summary="Sign out")
async def sign_out(request: Request, _: Annotated[Form, Depends(FormGuard(Permission.SEE_SELF))]) -> Response:
    """Ends this sign-in, here and in the browser."""
    state = state_of(request)
    await to_thread.run_sync(state.services.sign_in.end, request.cookies.get(cookie_name(state), ""))
    answer = RedirectResponse(SIGN_IN_PATH, status_code=303, headers={"Cache-Control": "no-store"})
    answer.delete_cookie(cookie_name(state), path="/", secure=is_secure(state), httponly=True, samesite="strict")
    return answer


class _Useless(GreenlaneError):
    """A live key whose role has no pages."""

    code = "no-pages-for-role"
    default_remedy = "Use a key of the member that buys, or of the center's operator."


def _opened(state: WebState, request: Request, key_text: str) -> OpenedSession:
    try:
        principal: Principal = state.services.identify(key_text[:_KEY_CHARACTERS])
    except Unauthenticated:
        state.rates.count_failure(request)
        raise
    state.rates.count_key(principal.key_id)
    if Permission.ORDER not in GRANTS[principal.role]:
        raise _Useless(f"A key of the role {principal.role} buys nothing, so there are no pages for it.")
    return state.services.sign_in.open(key_id=principal.key_id, center=principal.center, member=principal.member)


def _form(next_path: str, *, refused: GreenlaneError | None = None) -> Response:
    status = 200 if refused is None else 401 if isinstance(refused, Unauthenticated) else 403
    answer = private_page("sign_in.html", status=status, visitor=None, next_path=next_path, refused=refused)
    if status == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="greenlane"'
    return answer
