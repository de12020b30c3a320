"""A city's office over a served world, and somebody at a browser."""

from collections.abc import Iterator

import pytest
from worlds.deployment import World
from worlds.desk import Desk, open_desk
from worlds.officer import Office, make_office
from worlds.web import Site


@pytest.fixture
def office(world: World) -> Office:
    return make_office(world)


@pytest.fixture
def stranger(site: Site) -> Iterator[Desk]:
    """A browser at which nobody is signed in."""
    with open_desk(site) as opened:
        yield opened


@pytest.fixture
def desk(stranger: Desk, office: Office) -> Desk:
    """A browser at which the city's officer is signed in."""
    return stranger.sign_in(office.city_key)
