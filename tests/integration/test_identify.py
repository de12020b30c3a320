"""What identify promises: a live key speaks for exactly whom it was made for; everything else is one refusal."""

from datetime import timedelta

import pytest
from greenlane.ports.accounts import KeyRole
from greenlane.services.identify import Unauthenticated
from worlds.deployment import COOPERATIVE, LIMA, World


def issue(world: World, *, days: int | None = None) -> str:
    expires_at = None if days is None else world.clock.now + timedelta(days=days)
    _, text = world.enrol.issue_key(
        center=LIMA, role=KeyRole.MEMBER, member=COOPERATIVE, label="", expires_at=expires_at, actor="console"
    )
    return text


def test_a_live_key_tells_whom_it_speaks_for(world: World) -> None:
    principal = world.identify(issue(world))
    assert (principal.role, principal.center, principal.member) == (KeyRole.MEMBER, LIMA, COOPERATIVE)
    assert principal.actor == f"key:{principal.key_id}"


def test_every_changed_character_of_a_key_is_refused(world: World) -> None:
    text = issue(world)
    for place, character in enumerate(text):
        other = "1" if character != "1" else "2"
        with pytest.raises(Unauthenticated):
            world.identify(text[:place] + other + text[place + 1 :])


@pytest.mark.parametrize("text", ["", "gl_", "Bearer x", "gl_" + "0" * 16 + "_" + "A" * 43, "é" * 63, "gl_\n", "x" * 10_000])
def test_what_is_no_key_is_refused(world: World, text: str) -> None:
    with pytest.raises(Unauthenticated):
        world.identify(text)


def test_space_around_a_key_is_no_part_of_it(world: World) -> None:
    text = issue(world)
    for wrong in (f" {text}", f"{text} ", f"{text}\n"):
        with pytest.raises(Unauthenticated):
            world.identify(wrong)


def test_expired_revoked_and_unknown_keys_get_one_answer(world: World) -> None:
    expired, revoked = issue(world, days=1), issue(world)
    assert world.identify(expired)
    world.clock.now += timedelta(days=1)
    world.enrol.revoke_key(key_id=world.identify(revoked).key_id, actor="console")
    answers = set()
    for text in (expired, revoked, "gl_" + "0" * 16 + "_" + "A" * 43):
        with pytest.raises(Unauthenticated) as refused:
            world.identify(text)
        answers.add(str(refused.value))
    assert len(answers) == 1
