"""What enrol promises: members and keys are what was asked for, a secret is kept nowhere, and each write leaves a line."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from greenlane.core.crypto import sha256
from greenlane.core.errors import InvalidInput, NotFound
from greenlane.core.units import MemberId
from greenlane.ports.accounts import KeyRole, Member, MemberRole, Visibility
from greenlane.services.enrol import PartnerUnnamed
from worlds.deployment import COOPERATIVE, LIMA, TIANJIN, World

FIRM = MemberId("firm")


def enrol(world: World, **changes: object) -> Member:
    facts: dict[str, object] = {
        "center": LIMA,
        "member": FIRM,
        "name": "Firma Ñandú",
        "roles": frozenset({MemberRole.ENTERPRISE}),
        "visibility": Visibility.PUBLIC,
        "actor": "console",
    }
    return world.enrol.member(**(facts | changes))  # type: ignore[arg-type]


def actions(world: World) -> list[str]:
    with world.store.read() as tx:
        return [line.action for _, line in tx.audit.lines(LIMA, limit=1_000)]


def test_a_member_is_enrolled_and_changed_and_keeps_its_first_day(world: World) -> None:
    first = enrol(world)
    enrol(world, name="  Firma Nueva ", roles=frozenset({MemberRole.BUYER}), visibility=Visibility.PRIVATE)
    with world.store.read() as tx:
        kept = tx.accounts.member(LIMA, FIRM)
        assert tx.accounts.member(TIANJIN, FIRM) is None
    assert kept is not None
    assert (kept.name, kept.roles, kept.visibility, kept.created_at) == (
        "Firma Nueva",
        frozenset({MemberRole.BUYER}),
        Visibility.PRIVATE,
        first.created_at,
    )
    assert actions(world)[-2:] == ["member.put", "member.put"]


@pytest.mark.parametrize("name", ["", "   ", "a" * 201, "two\nlines", "bell\x07", "right\u202eleft"])
def test_a_name_that_nobody_could_read_is_refused_and_nothing_is_written(world: World, name: str) -> None:
    before = actions(world)
    with pytest.raises(InvalidInput):
        enrol(world, name=name)
    assert actions(world) == before


def test_a_member_without_a_role_is_refused(world: World) -> None:
    with pytest.raises(InvalidInput):
        enrol(world, roles=frozenset())


def test_a_key_is_shown_once_and_its_secret_is_kept_nowhere(world: World) -> None:
    key, text = world.enrol.issue_key(
        center=LIMA, role=KeyRole.MEMBER, member=COOPERATIVE, label="till", expires_at=None, actor="console"
    )
    match = re.fullmatch(r"gl_([0-9a-f]{16})_([A-Za-z0-9_-]{43})", text)
    assert match is not None
    assert (match[1], sha256(match[2].encode())) == (key.id, key.secret_digest)
    for file in Path(world.file).parent.iterdir():
        assert match[2].encode() not in file.read_bytes()
    assert actions(world)[-1] == "key.create"


@pytest.mark.parametrize("label", ["two\nlines", "\x1b[2J", "a" * 201])
def test_a_label_that_would_garble_a_list_is_refused(world: World, label: str) -> None:
    with pytest.raises(InvalidInput):
        world.enrol.issue_key(center=LIMA, role=KeyRole.READER, member=None, label=label, expires_at=None, actor="console")


def test_a_partners_key_is_named_after_the_other_center(world: World) -> None:
    key, _ = world.enrol.issue_key(
        center=LIMA, role=KeyRole.PARTNER, member=None, label=TIANJIN, expires_at=None, actor="console"
    )
    assert (key.role, key.label, key.member) == (KeyRole.PARTNER, "tianjin", None)


@pytest.mark.parametrize("label", ["", "lima", "Tianjin", "tianjin ", "the center of Tianjin", "a" * 32])
def test_a_partners_key_that_names_no_other_center_is_refused_and_nothing_is_written(world: World, label: str) -> None:
    before = actions(world)
    with pytest.raises(PartnerUnnamed):
        world.enrol.issue_key(center=LIMA, role=KeyRole.PARTNER, member=None, label=label, expires_at=None, actor="console")
    assert actions(world) == before


@pytest.mark.parametrize("role", KeyRole)
def test_a_key_names_a_member_exactly_where_its_role_does(world: World, role: KeyRole) -> None:
    member = None if role is KeyRole.MEMBER else COOPERATIVE
    before = actions(world)
    with pytest.raises(InvalidInput):
        world.enrol.issue_key(center=LIMA, role=role, member=member, label="", expires_at=None, actor="console")
    assert actions(world) == before


def test_a_key_for_a_stranger_or_for_yesterday_is_refused(world: World) -> None:
    with pytest.raises(NotFound):
        world.enrol.issue_key(
            center=LIMA, role=KeyRole.MEMBER, member=MemberId("stranger"), label="", expires_at=None, actor="console"
        )
    with pytest.raises(InvalidInput):
        world.enrol.issue_key(
            center=LIMA,
            role=KeyRole.READER,
            member=None,
            label="",
            expires_at=world.clock.now - timedelta(days=1),
            actor="console",
        )


def test_a_key_is_revoked_once(world: World) -> None:
    key, _ = world.enrol.issue_key(center=LIMA, role=KeyRole.READER, member=None, label="", expires_at=None, actor="console")
    world.enrol.revoke_key(key_id=key.id, actor="console")
    for key_id in (key.id, "0" * 16, "no id", ""):
        with pytest.raises(NotFound):
            world.enrol.revoke_key(key_id=key_id, actor="console")
    assert actions(world).count("key.revoke") == 1
