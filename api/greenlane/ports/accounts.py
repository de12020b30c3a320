"""Who may do what: members of a center, and the API keys that speak for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from greenlane.core.errors import NotFound
from greenlane.core.units import CenterId, MemberId


class MemberUnknown(NotFound):
    """The center vouches for no member of that name."""

    code = "member-unknown"
    default_remedy = "Ask the center's operator to enrol the member first."


class MemberRole(StrEnum):
    """What a center vouches for about a member; the names the registry uses."""

    ENTERPRISE = "enterprise"
    CERTIFIER = "certifier"
    BUYER = "buyer"
    AGENCY = "agency"


class Visibility(StrEnum):
    """Whether a member's events are readable by anyone, or blinded in the log and readable only by itself and its center."""

    PUBLIC = "public"
    PRIVATE = "private"


class KeyRole(StrEnum):
    """What an API key may do, always within its own center.

    operator: everything of its center, for any of its members. facilitator: capture and store documents for any member of its
    center. member: capture and store documents for its one member, and read what is public and that member's private events and
    confidential documents. reader: read what is public and all private events and confidential documents of its center, as an
    operator does. partner: another center: ask this one to hold its documents, and nothing else; the key's label is that
    center's id.
    """

    OPERATOR = "operator"
    FACILITATOR = "facilitator"
    MEMBER = "member"
    READER = "reader"
    PARTNER = "partner"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A firm, certifier, buyer or agency that a center vouches for."""

    center: CenterId
    id: MemberId
    name: str
    roles: frozenset[MemberRole]
    visibility: Visibility
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """An API key as stored: never the secret, only its SHA-256.

    Attributes:
        id: public part, 16 lower-case hex digits; names the key in audit lines.
        secret_digest: SHA-256 of the secret part (which has 256 random bits, so no slow hash is needed).
        member: the one member it speaks for; set exactly when `role` is member.
        expires_at, revoked_at: aware UTC, None where it does not apply.
    """

    id: str
    secret_digest: bytes
    role: KeyRole
    center: CenterId
    member: MemberId | None
    label: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class Accounts(Protocol):
    """Members and API keys."""

    def member(self, center: CenterId, member: MemberId) -> Member | None:
        """The member, or None where the center has none of that name."""

    def members(self, center: CenterId) -> Sequence[Member]:
        """All members of a center, by id."""

    def put_member(self, member: Member) -> None:
        """Adds a member, or replaces name, roles and visibility of the one with that id; `created_at` stays the first."""

    def api_key(self, key_id: str) -> ApiKey | None:
        """The key of that id, revoked and expired ones included; None where there is none."""

    def api_keys(self, center: CenterId) -> Sequence[ApiKey]:
        """All keys of a center, oldest first."""

    def add_api_key(self, key: ApiKey) -> None:
        """Adds a key; its id is new."""

    def revoke_api_key(self, key_id: str, at: datetime) -> bool:
        """Revokes a key; False where there is none of that id or it was revoked before (the first time stays)."""
