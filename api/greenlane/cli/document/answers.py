"""What a center's server answers about documents, read strictly: one that errs or lies is told so, and nothing crashes."""

import argparse
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from greenlane.cli.document.uploading import member_headers
from greenlane.cli.server import Answer, ServerRefused, send
from greenlane.core.canonical import JsonValue, parse_json
from greenlane.core.documents.cid import Cid, parse_cid
from greenlane.core.documents.description import Description, MemberName, read_description, read_member_name, read_recipient
from greenlane.core.errors import InvalidInput
from greenlane.core.units import CenterId, center_id
from greenlane.core.wire import read_count, read_line, read_list

_MOST = 10_000
_LONGEST_NAME = 256
_NOT_FOUND = 404
_MOST_PAGES = 100
_NEXT_PAGE = re.compile(r'<([^>]*)>; rel="next"')


class MemberWithoutKey(InvalidInput):
    """A member has no key that a document could be encrypted for."""

    code = "member-without-key"
    default_remedy = (
        "It makes one by `greenlane document keygen` and tells its center by `greenlane document register-key`; or name its "
        "public key, got by a way you trust, by --for-recipient."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement about a document, as the server tells it.

    Attributes:
        page: address of its page for people.
        raw: the whole of it, as it came.
    """

    description: Description
    leaf_index: int
    is_withdrawn: bool
    replaced_by: Cid | None
    page: str
    raw: dict[str, JsonValue]

    @property
    def is_confidential(self) -> bool:
        return self.description.confidential is not None


def statements_of(args: argparse.Namespace, cid: Cid) -> list[Statement]:
    """Every statement about a document that the key may read, member by member; none where there are none for it."""
    found: list[Statement] = []
    token: str | None = None
    for _ in range(_MOST_PAGES):
        query = urlencode({"perPage": 100} if token is None else {"perPage": 100, "nextPageToken": token})
        try:
            answer = send(args, "GET", f"/v1/documents/{cid.text}/about?{query}", headers=member_headers(args))
        except ServerRefused as refusal:
            if refusal.status == _NOT_FOUND:
                break
            raise
        with _understood():
            page = _statements(answer)
            if any(each.description.cid != cid for each in page):
                raise InvalidInput("a statement is about another document")
        found += page
        token = _next_token(answer)
        if token is None:
            break
    return found


def list_documents(args: argparse.Namespace, asked: dict[str, str], most: int) -> Iterator[Statement]:
    """Statements about a subject or of a center, newest first, page by page.

    Args:
        asked: {"about": URI} or {"center": short name}.
    """
    token: str | None = None
    told = 0
    while told < most:
        query = urlencode(asked if token is None else {**asked, "nextPageToken": token})
        answer = send(args, "GET", f"/v1/documents?{query}", headers=member_headers(args))
        with _understood():
            found = _statements(answer)
        token = _next_token(answer)
        for each in found[: most - told]:
            told += 1
            yield each
        if token is None or not found:
            return


def own_center(args: argparse.Namespace) -> CenterId:
    """The center whose key it is, as its server says."""
    return _own(args)[0]


def own_name(args: argparse.Namespace) -> MemberName:
    """Which member the command acts for: the one that is named, or the one whose key it is, as its center says.

    Raises:
        InvalidInput: the key speaks for several members and none is named, or for another one alone.
        FieldInvalid: what is named is no member.
    """
    if args.member and "/" in args.member:
        return read_member_name(args.member, "--member")
    center, member = _own(args)
    named = args.member or member
    if named is None:
        raise InvalidInput("The key speaks for no one member.", where="--member", remedy="Name the member by --member.")
    if member not in (None, named):
        raise InvalidInput(f"The key speaks for {member!r} alone.", where="--member", remedy="Leave out --member.")
    return read_member_name(f"{center}/{named}", "--member")


def _own(args: argparse.Namespace) -> tuple[CenterId, str | None]:
    answer = send(args, "GET", "/v1/me")
    with _understood():
        value = _json(answer)
        member = value.get("member")
        center = center_id(read_line(value.get("center"), "/center", longest=_LONGEST_NAME))
        return center, None if member is None else read_line(member, "/member", longest=_LONGEST_NAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredKey:
    """A public key of a member."""

    recipient: str
    is_revoked: bool


def reader_keys_of(args: argparse.Namespace, name: MemberName) -> list[RegisteredKey]:
    """The public keys of a member, oldest first.

    Raises:
        ServerRefused: the server knows no such member.
    """
    query = urlencode({"center": name.center})
    answer = send(args, "GET", f"{reader_keys_path(name)}?{query}")
    with _understood():
        return _keys(answer)


def usable_keys_of(args: argparse.Namespace, name: MemberName) -> list[str]:
    """The recipients that something new may be encrypted for.

    Raises:
        MemberWithoutKey: there are none.
        ServerRefused: the server knows no such member.
    """
    usable = [key.recipient for key in reader_keys_of(args, name) if not key.is_revoked]
    if not usable:
        raise MemberWithoutKey(f"{name} has no key to encrypt for.")
    return usable


def reader_keys_path(name: MemberName) -> str:
    """The address of a member's public keys."""
    return f"/v1/members/{quote(name.member, safe='')}/reader-keys"


def _keys(answer: Answer) -> list[RegisteredKey]:
    keys = read_list(_json(answer).get("keys"), "/keys", longest=_MOST)
    return [
        RegisteredKey(
            recipient=read_recipient(key.get("recipient"), f"/keys/{at}/recipient"), is_revoked=key.get("revokedAt") is not None
        )
        for at, key in enumerate(keys)
        if isinstance(key, dict)
    ]


def _next_token(answer: Answer) -> str | None:
    """The token in the Link header; the address in it is not used: the key goes where the user said."""
    link = next((value for name, value in answer.headers.items() if name.lower() == "link"), "")
    address = _NEXT_PAGE.match(link)
    return None if address is None else next(iter(parse_qs(urlsplit(address[1]).query).get("nextPageToken", [])), None)


def _statements(answer: Answer) -> list[Statement]:
    found = read_list(_json(answer).get("statements"), "/statements", longest=_MOST)
    return [_statement(each, f"/statements/{at}") for at, each in enumerate(found)]


def _statement(value: JsonValue, where: str) -> Statement:
    if not isinstance(value, dict):
        raise InvalidInput("a statement is no object")
    after = value.get("replacedBy")
    return Statement(
        description=read_description(value.get("description"), f"{where}/description"),
        leaf_index=read_count(value.get("leafIndex"), f"{where}/leafIndex"),
        is_withdrawn=value.get("withdrawnAt") is not None,
        page=read_line(value.get("page"), f"{where}/page", longest=2_048),
        replaced_by=None if after is None else parse_cid(read_line(after, f"{where}/replacedBy", longest=128)),
        raw=value,
    )


def read_stored(answer: dict[str, Any]) -> Statement:
    """What `POST /v1/documents` answered.

    Raises:
        ServerRefused: it is none.
    """
    with _understood():
        return _statement(answer, "")


def _json(answer: Answer) -> dict[str, JsonValue]:
    value = parse_json(answer.body)
    if not isinstance(value, dict):
        raise InvalidInput("it is no JSON object")
    return value


@contextmanager
def _understood() -> Iterator[None]:
    try:
        yield
    except InvalidInput as cause:
        raise ServerRefused(
            f"The server's answer is not as it should be: {cause.detail}", remedy="Check that --url is a Greenlane server."
        ) from cause
