"""Who is signed in at a page, and which forms are its own.

    def purchases(request: Request, visitor: Annotated[Visitor, Depends(PageGuard(Permission.ORDER))]) -> Response: ...
    async def accept(request: Request, form: Annotated[Form, Depends(FormGuard(Permission.TRADE))]) -> Response: ...

A cookie speaks at these pages alone, and an API key at none of them but the files that programs fetch. A form is taken from a
page of this server only: the browser says where it comes from (Sec-Fetch-Site, Origin), and the form carries what only a page of
this sign-in knows.
Source: OWASP, Cross-Site Request Forgery Prevention; Fetch Metadata Request Headers (W3C).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import parse_qsl, quote, urlsplit

from anyio import to_thread
from starlette.requests import Request

from greenlane.core.errors import Forbidden
from greenlane.ports.events import Reader as EventReader
from greenlane.services.identify import Principal, Unauthenticated
from greenlane.services.sign_in import SignedIn
from greenlane.web.auth import GRANTS, Guard, Permission, PermissionMissing, reader_for
from greenlane.web.limits import show_key
from greenlane.web.pages.render import prefers_html
from greenlane.web.problems import BadRequest, MediaTypeUnsupported
from greenlane.web.state import WebState, state_of

FORM_FIELD = "form"
"""The name of the field with the text that proves a form to be ours."""
SIGN_IN_PATH = "/sign-in"
HOME_PATH = "/purchases"
MAX_NEXT_CHARACTERS = 500
_MAX_FIELDS = 40
_COOKIE = "greenlane-session"


class SignInNeeded(Unauthenticated):
    """The page is for people who are signed in.

    Attributes:
        next_path: where to go on afterwards.
    """

    code = "sign-in-needed"
    default_remedy = "Sign in at /sign-in with an API key of your center."

    def __init__(self, next_path: str) -> None:
        super().__init__("Nobody is signed in here, or the sign-in has ended.")
        self.next_path = next_path

    @property
    def address(self) -> str:
        """Of the page to sign in at."""
        return f"{SIGN_IN_PATH}?next={quote(self.next_path, safe='/')}"


class ForeignForm(Forbidden):
    """The form was not sent from a page of this server and this sign-in."""

    code = "foreign-form"
    default_remedy = "Go back, load the page again, and send the form from there; nothing was done."


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """A person who is signed in.

    Attributes:
        form_token: what each of its forms carries.
    """

    principal: Principal
    form_token: str

    @property
    def reader(self) -> EventReader:
        """Whose private events it may read."""
        return reader_for(self.principal)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form that a person sent from a page of this sign-in."""

    visitor: Visitor
    fields: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        """A field's text, "" where it was not sent."""
        return self.fields.get(name, "")


class PageGuard(Guard):
    """As `Guard`, for pages: whoever is not signed in is led to where that is done."""

    def __call__(self, request: Request) -> Visitor:  # type: ignore[override]
        """Who is signed in.

        Raises:
            SignInNeeded: nobody is.
            PermissionMissing: the key it stands for may not do this.
            TooManyRequests: it, or the address, has used up its minute.
        """
        return _visitor(request, self.permission)


class FileGuard(Guard):
    """As `PageGuard`, for files that programs fetch too: an API key opens them, and who is no browser is told so."""

    def __call__(self, request: Request) -> Visitor:  # type: ignore[override]
        """Who asks.

        Raises:
            SignInNeeded: a browser asks, and nobody is signed in.
            Unauthenticated: a program asks, without a live key.
            PermissionMissing, TooManyRequests: as for a page.
        """
        if "authorization" in request.headers:
            # It sends no forms.
            return Visitor(principal=super().__call__(request), form_token="")
        try:
            return _visitor(request, self.permission)
        except SignInNeeded:
            if prefers_html(request):
                raise
            raise Unauthenticated("This file needs an API key, or a sign-in.") from None


class FormGuard(Guard):
    """As `PageGuard`, for what is sent from a page."""

    async def __call__(self, request: Request) -> Form:  # type: ignore[override]
        """The form, and who sent it.

        Raises:
            SignInNeeded, PermissionMissing, TooManyRequests: as for a page.
            ForeignForm: it comes from elsewhere.
            BadRequest, MediaTypeUnsupported: it is no form.
        """
        require_own_origin(request)
        visitor = await to_thread.run_sync(partial(_visitor, request, self.permission))
        fields = await read_form(request)
        if not _is_own(request, fields.get(FORM_FIELD, "")):
            raise ForeignForm("The form carries no token of this sign-in.")
        return Form(visitor=visitor, fields=fields)


def signed_in(request: Request) -> SignedIn | None:
    """The sign-in of the browser's cookie, where it lives."""
    state = state_of(request)
    token = request.cookies.get(cookie_name(state))
    if token is None:
        return None
    found = state.services.sign_in(token)
    # Noted with the request, so that one request asks once.
    request.scope["greenlane.signed_in"] = found
    return found


def cookie_name(state: WebState) -> str:
    """What the cookie is called; over https by a name that browsers take from this very host alone."""
    return f"__Host-{_COOKIE}" if is_secure(state) else _COOKIE


def is_secure(state: WebState) -> bool:
    """Whether people reach this server by https."""
    return state.settings.public_url.startswith("https:")


def own_path(text: str) -> str:
    """A path of this server to go on to; the first of the officer's pages where it is anything else.

    Browsers read a backslash as a slash and drop tabs and line ends, so that many a path is an address of somebody else.
    """
    is_plain = text.startswith("/") and text.isascii() and text.isprintable() and not set(text) & set(' \\"<>')
    is_own = is_plain and not text.startswith("//") and len(text) <= MAX_NEXT_CHARACTERS
    parts = urlsplit(text) if is_own else None
    return text if parts is not None and not parts.scheme and not parts.netloc else HOME_PATH


def require_own_origin(request: Request) -> None:
    """Refuses what a browser says another origin's page sent, and what says nothing of where it comes from.

    Raises:
        ForeignForm: it is such.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        raise ForeignForm("The form was sent from a page of another origin.")
    origin = request.headers.get("origin")
    if origin is None:
        if site is None:
            raise ForeignForm("The request does not say which page sent it.", remedy="Send the form from a browser.")
        return
    public = urlsplit(state_of(request).settings.public_url)
    given = urlsplit(origin)
    if (given.scheme, given.netloc) == (public.scheme, public.netloc):
        return
    # Reached by another name or by its number: the browser names the host in both places, and no page can change that.
    if given.scheme not in ("http", "https") or given.netloc != request.headers.get("host"):
        raise ForeignForm("The form was sent from a page of another origin.")


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form as browsers send it; of several of one name the last.

    Raises:
        MediaTypeUnsupported, BadRequest: it is none.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise MediaTypeUnsupported(f"A form is not of the type {media_type[:60]!r}.", remedy="Send the form from its page.")
    body = await request.body()
    try:
        return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict"))
    except ValueError as fault:
        raise BadRequest("The form cannot be read.", remedy="Load the page again, and send its form.") from fault


def _visitor(request: Request, permission: Permission) -> Visitor:
    state = state_of(request)
    found = signed_in(request)
    if found is None:
        state.rates.count_address(request)
        raise SignInNeeded(_way_back(request))
    key = found.key
    state.rates.count_key(key.id)
    show_key(request, key.id)
    principal = Principal(
        key_id=key.id, role=key.role, center=key.center, member=key.member, label=key.label, expires_at=key.expires_at
    )
    if permission not in GRANTS[principal.role]:
        raise PermissionMissing(
            f"A key of role {principal.role} has no permission to {permission}.",
            remedy="Sign out, and sign in with a key of the member or of the center's operator.",
        )
    return Visitor(principal=principal, form_token=found.form_token)


def _way_back(request: Request) -> str:
    """The page to come back to: of a form its own page, for what it was to do is to be looked at again."""
    path = request.url.path
    query = f"?{request.url.query}" if request.url.query and request.method == "GET" else ""
    return own_path(path + query)


def _is_own(request: Request, form_token: str) -> bool:
    found = request.scope.get("greenlane.signed_in")
    return isinstance(found, SignedIn) and found.is_own_form(form_token)
