"""Who may do what over HTTP: an API key as bearer token, and one permission that each guarded route names.

Default deny: a route is either guarded by a `Guard`, or stands in the list of public routes; a test walks all of them.
Source: RFC 6750.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from typing import Annotated

from anyio import to_thread
from fastapi import Depends
from fastapi.openapi.models import HTTPBearer as HTTPBearerModel
from fastapi.security.base import SecurityBase
from starlette.requests import Request

from greenlane.core.errors import Forbidden, InvalidInput
from greenlane.core.units import CenterId, MemberId, member_id
from greenlane.ports.accounts import KeyRole
from greenlane.ports.events import Reader as EventReader
from greenlane.services.identify import Principal, Unauthenticated
from greenlane.web.limits import show_key
from greenlane.web.problems import MemberMissing
from greenlane.web.state import WebState, state_of

MEMBER_HEADER = "Greenlane-Member"
_PAGE_COST = 5


class Permission(StrEnum):
    """What a guarded route asks for, always within the key's own center."""

    CAPTURE = "capture"
    SEE_CAPTURE = "see-capture"
    READ = "read"
    FORGET = "forget"
    STORE = "store"
    SEE_READERS = "see-readers"
    HOLD = "hold"
    SEE_SELF = "see-self"
    DECLARE = "declare"
    TRADE = "trade"
    SEE_TRADE = "see-trade"
    CERTIFY = "certify"
    ORDER = "order"


class PermissionMissing(Forbidden):
    """The key's role does not give this permission."""

    code = "permission-missing"
    default_remedy = "Ask the center's operator for a key of a role that may do this."


class WrongCenter(Forbidden):
    """The key is of another center."""

    code = "wrong-center"
    default_remedy = "Use a key of the center in the address."


class WrongMember(Forbidden):
    """A member's key was used in another member's name."""

    code = "wrong-member"
    default_remedy = "Leave out the header Greenlane-Member, or use the other member's own key."


_EVERYBODY = frozenset({Permission.SEE_READERS, Permission.SEE_SELF})
GRANTS: Mapping[KeyRole, frozenset[Permission]] = {
    KeyRole.OPERATOR: frozenset(Permission),
    # It writes down what happened, for anybody. What its member owns it neither moves nor claims: that cannot be undone.
    KeyRole.FACILITATOR: _EVERYBODY | {Permission.CAPTURE, Permission.SEE_CAPTURE, Permission.STORE},
    # Whether the member is the certifier, or the buyer of that purchase, is asked where it matters.
    KeyRole.MEMBER: _EVERYBODY
    | {Permission.CAPTURE, Permission.SEE_CAPTURE, Permission.READ, Permission.STORE, Permission.DECLARE}
    | {Permission.TRADE, Permission.SEE_TRADE, Permission.CERTIFY, Permission.ORDER},
    KeyRole.READER: _EVERYBODY | {Permission.READ, Permission.SEE_CAPTURE, Permission.SEE_TRADE},
    KeyRole.PARTNER: _EVERYBODY | {Permission.HOLD},
}


class Guard(SecurityBase):
    """A dependency: lets a request through if its key gives the permission; answers with the principal."""

    scheme_name = "ApiKey"

    def __init__(self, permission: Permission) -> None:
        self.permission = permission
        self.model = HTTPBearerModel(description="An API key of a pilot center, as the operator gave it: gl_<id>_<secret>.")

    def __call__(self, request: Request) -> Principal:
        """Identifies the asker.

        Raises:
            Unauthenticated: no live key.
            PermissionMissing: a live one that may not do this.
            TooManyRequests: it, or the address, has used up its minute.
        """
        principal = _identify(state_of(request), request)
        if principal is None:
            raise Unauthenticated("This address needs an API key.")
        if self.permission not in GRANTS[principal.role]:
            raise PermissionMissing(f"A key of role {principal.role} has no permission to {self.permission}.")
        return principal


def reader_of(request: Request) -> EventReader | None:
    """A dependency of public routes: whose private events the asker may read too; None without a key.

    Raises:
        Unauthenticated: a key was sent, and it is no live one: answering less than was asked for would mislead.
        TooManyRequests: the key or the address has used up its minute.
    """
    return _reader(_identify(state_of(request), request))


def page_reader_of(request: Request) -> EventReader | None:
    """As `reader_of`, for pages that judge: each costs as much work as several plain answers, and counts for as many."""
    principal = _identify(state_of(request), request, cost=_PAGE_COST)
    return _reader(principal)


async def count_address(request: Request) -> None:
    """A dependency of public routes that read nobody's data, and so look at no key; needs no thread.

    Raises:
        TooManyRequests: the address has used up its minute.
    """
    state_of(request).rates.count_address(request)


async def count_asker(request: Request) -> None:
    """As `count_address`, but a live key is counted by itself: a center that repairs its store needs more than a stranger.

    Raises:
        Unauthenticated: a key was sent, and it is no live one.
        TooManyRequests: the key or the address has used up its minute.
    """
    if "authorization" not in request.headers:
        state_of(request).rates.count_address(request)
    else:
        principal = await to_thread.run_sync(partial(_identify, state_of(request), request))
        if principal is not None:
            show_key(request, principal.key_id)


def reader_for(principal: Principal) -> EventReader:
    """Whose private events a key reads where it may read at all: a member's its member's, any other its whole center's."""
    return EventReader(center=principal.center, member=principal.member)


def _reader(principal: Principal | None) -> EventReader | None:
    if principal is None or Permission.READ not in GRANTS[principal.role]:
        return None
    return reader_for(principal)


Counted = Annotated[None, Depends(count_asker)]
Reader = Annotated[EventReader | None, Depends(reader_of)]
PageReader = Annotated[EventReader | None, Depends(page_reader_of)]


def _identify(state: WebState, request: Request, *, cost: int = 1) -> Principal | None:
    header = request.headers.get("authorization")
    if header is None:
        state.rates.count_address(request, cost=cost)
        return None
    scheme, _, key_text = header.partition(" ")
    # Looked up first: whatever others behind the same address do, with or without keys, a live key is let in. A secret has 256
    # random bits, so that the count is there for the server's sake and not for the key's.
    try:
        if scheme.lower() != "bearer":
            raise Unauthenticated("The Authorization header is of another scheme than Bearer.")
        principal = state.services.identify(key_text.strip())
    except Unauthenticated:
        state.rates.count_failure(request)
        raise
    state.rates.count_key(principal.key_id)
    return principal


def require_center(principal: Principal, center: CenterId) -> None:
    """Refuses a key of another center.

    Raises:
        WrongCenter: it is.
    """
    if principal.center != center:
        raise WrongCenter(f"The key is of center {principal.center!r}, not of {center!r}.")


def member_of(request: Request, principal: Principal) -> MemberId:
    """The member that a write is for: the key's own, or the one the header names.

    Raises:
        MemberMissing: the key speaks for several members and none is named.
        WrongMember: a member's key names another.
        InvalidInput: the name cannot be any member's.
    """
    named = request.headers.get(MEMBER_HEADER)
    if principal.member is not None:
        if named is not None and named != principal.member:
            raise WrongMember(f"The key speaks for {principal.member!r} alone.")
        return principal.member
    if named is None:
        raise MemberMissing(f"A key of role {principal.role} speaks for no one member.")
    try:
        return member_id(named)
    except InvalidInput as error:
        raise MemberMissing(error.detail, remedy=error.remedy) from error
