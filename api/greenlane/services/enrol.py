"""Enrols members of a center, and gives and takes back the API keys that speak for them."""

import base64
from datetime import datetime

from greenlane.core import crypto
from greenlane.core.errors import InvalidInput, NotFound
from greenlane.core.units import CenterId, MemberId, center_id
from greenlane.ports.accounts import ApiKey, KeyRole, Member, MemberRole, Visibility
from greenlane.ports.audit import AuditLine
from greenlane.ports.clock import Clock
from greenlane.ports.entropy import Entropy
from greenlane.ports.store import Store

_ID_BYTES = 8
_SECRET_BYTES = 32
_MAX_NAME = 200
_MAX_LABEL = 200


class PartnerUnnamed(InvalidInput):
    """A partner's key does not say in its label which other center it is for."""

    code = "partner-unnamed"
    default_remedy = "Give the other center's short name as the label."


class Enrol:
    """The use cases; every write leaves a line in the audit record."""

    def __init__(self, *, store: Store, clock: Clock, entropy: Entropy) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy

    def member(
        self,
        *,
        center: CenterId,
        member: MemberId,
        name: str,
        roles: frozenset[MemberRole],
        visibility: Visibility,
        actor: str,
    ) -> Member:
        """Adds a member or changes its name, roles and visibility.

        A changed visibility holds for what is captured from now on: entries already in the log stay as they are.

        Args:
            name: 1 to 200 printable characters.
            roles: at least one.

        Raises:
            InvalidInput: an empty or overlong name, or no role.
        """
        if not 0 < len(name.strip()) <= _MAX_NAME or not name.isprintable():
            raise InvalidInput("The member's name is empty, too long or not printable.", remedy="Use 1 to 200 characters.")
        if not roles:
            raise InvalidInput("The member has no role.", remedy=f"Give one of {', '.join(MemberRole)}.")
        now = self._clock()
        record = Member(center=center, id=member, name=name.strip(), roles=roles, visibility=visibility, created_at=now)
        with self._store.write() as tx:
            tx.accounts.put_member(record)
            tx.audit.add(AuditLine(at=now, actor=actor, center=center, member=member, action="member.put", subject=member))
        return record

    def issue_key(
        self,
        *,
        center: CenterId,
        role: KeyRole,
        member: MemberId | None,
        label: str,
        expires_at: datetime | None,
        actor: str,
    ) -> tuple[ApiKey, str]:
        """Makes an API key.

        Args:
            label: a word for people; of a partner's key the id of the center that it is given to.

        Returns:
            The key as stored, and its text "gl_<id>_<secret>", which is shown once and kept nowhere.

        Raises:
            InvalidInput: a member role without a member or the other way round, an expiry in the past, or a label that is
                overlong or not printable.
            PartnerUnnamed: a partner's key whose label is no center's id, or the center's own.
            NotFound: the center has no such member.
        """
        now = self._clock()
        if (role is KeyRole.MEMBER) != (member is not None):
            raise InvalidInput("A key of role member speaks for exactly one member; no other role names one.")
        if expires_at is not None and expires_at <= now:
            raise InvalidInput("The key would be expired from the start.", remedy="Give a time in the future, or none.")
        if len(label) > _MAX_LABEL or not label.isprintable():
            raise InvalidInput("The key's label is too long or not printable.", remedy=f"Use at most {_MAX_LABEL} characters.")
        if role is KeyRole.PARTNER:
            _require_other_center(label, center)
        secret = base64.urlsafe_b64encode(self._entropy(_SECRET_BYTES)).rstrip(b"=").decode()
        key = ApiKey(
            id=self._entropy(_ID_BYTES).hex(),
            secret_digest=crypto.sha256(secret.encode()),
            role=role,
            center=center,
            member=member,
            label=label,
            created_at=now,
            expires_at=expires_at,
            revoked_at=None,
        )
        with self._store.write() as tx:
            if member is not None and tx.accounts.member(center, member) is None:
                raise NotFound(f"Center {center!r} has no member {member!r}.", remedy="Enrol the member first.")
            tx.accounts.add_api_key(key)
            tx.audit.add(AuditLine(at=now, actor=actor, center=center, member=member, action="key.create", subject=key.id))
        return key, f"gl_{key.id}_{secret}"

    def revoke_key(self, *, key_id: str, actor: str) -> None:
        """Takes a key back, at once and for ever.

        Raises:
            NotFound: there is no such key, or it was revoked before.
        """
        now = self._clock()
        with self._store.write() as tx:
            key = tx.accounts.api_key(key_id)
            if key is None or not tx.accounts.revoke_api_key(key_id, now):
                raise NotFound(f"No live key has the id {key_id[:40]!r}.", remedy="List them with `greenlane keys list`.")
            tx.audit.add(
                AuditLine(at=now, actor=actor, center=key.center, member=key.member, action="key.revoke", subject=key_id)
            )


def _require_other_center(label: str, center: CenterId) -> None:
    try:
        partner = center_id(label)
    except InvalidInput as error:
        raise PartnerUnnamed(f"A partner's key is for another center, and {label[:40]!r} names none.") from error
    if partner == center:
        raise PartnerUnnamed(f"Center {center!r} cannot be its own partner.")
