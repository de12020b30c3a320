"""Members and API keys in the database."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Row, select, update

from greenlane.adapters.sql.tables import api_key
from greenlane.adapters.sql.tables import member as members
from greenlane.adapters.sql.work import Work
from greenlane.core.errors import Conflict
from greenlane.core.units import CenterId, MemberId
from greenlane.ports.accounts import ApiKey, KeyRole, Member, MemberRole, Visibility


class ApiKeyTaken(Conflict):
    """Another API key has that id."""

    code = "api-key-taken"
    default_remedy = "Draw a new random id."


class SqlAccounts:
    """The port's Accounts; see there."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def member(self, center: CenterId, member: MemberId) -> Member | None:
        number = self._work.number(center)
        row = self._work.connection.execute(
            select(members).where(members.c.center == number, members.c.id == member)
        ).one_or_none()
        return None if row is None else _member(center, row)

    def members(self, center: CenterId) -> Sequence[Member]:
        number = self._work.number(center)
        rows = self._work.connection.execute(select(members).where(members.c.center == number)).all()
        # Sorted here: a database's collation might order the ids another way.
        return sorted((_member(center, row) for row in rows), key=lambda one: one.id)

    def put_member(self, member: Member) -> None:
        number = self._work.number_or_new(member.center)
        facts = {
            "name": member.name,
            "roles": ",".join(sorted(role.value for role in member.roles)),
            "visibility": member.visibility.value,
        }
        if not self._work.was_inserted(members, {"center": number, "id": member.id, "created_at": member.created_at, **facts}):
            self._work.connection.execute(
                update(members).where(members.c.center == number, members.c.id == member.id).values(**facts)
            )

    def api_key(self, key_id: str) -> ApiKey | None:
        row = self._work.connection.execute(select(api_key).where(api_key.c.id == key_id)).one_or_none()
        return None if row is None else _api_key(self._work.slug(row.center), row)

    def api_keys(self, center: CenterId) -> Sequence[ApiKey]:
        number = self._work.number(center)
        rows = self._work.connection.execute(select(api_key).where(api_key.c.center == number)).all()
        return sorted((_api_key(center, row) for row in rows), key=lambda key: (key.created_at, key.id))

    def add_api_key(self, key: ApiKey) -> None:
        row = asdict(key) | {"center": self._work.number_or_new(key.center), "role": key.role.value}
        if not self._work.was_inserted(api_key, row):
            raise ApiKeyTaken(f"There is an API key {key.id} already.")

    def revoke_api_key(self, key_id: str, at: datetime) -> bool:
        statement = update(api_key).where(api_key.c.id == key_id, api_key.c.revoked_at.is_(None)).values(revoked_at=at)
        return self._work.changed(statement) == 1


def _member(center: CenterId, row: Row[tuple[object, ...]]) -> Member:
    return Member(
        center=center,
        id=MemberId(row.id),
        name=row.name,
        roles=frozenset(MemberRole(role) for role in row.roles.split(",") if role),
        visibility=Visibility(row.visibility),
        created_at=row.created_at,
    )


def _api_key(center: CenterId, row: Row[tuple[object, ...]]) -> ApiKey:
    return ApiKey(
        id=row.id,
        secret_digest=row.secret_digest,
        role=KeyRole(row.role),
        center=center,
        member=None if row.member is None else MemberId(row.member),
        label=row.label,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
